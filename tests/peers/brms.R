# The documented model in brms, with the same priors: Rscript brms.R <project folder> 4 2 1000 4000.
# Options after the folder: chains, cores, warm-up and kept draws per chain; 0 kept draws print the Stan program.
# Writes draws.csv (chain and one column a quantity) and seconds.json beside the project's peer.json.
# Priors: docs/model.md section 3, default column. Those brms has no formula for enter as Stan statements.

suppressPackageStartupMessages({
  library(brms)
  library(jsonlite)
})
# Debian's package BH has no headers of its own; they are the system's
if (!nzchar(rstan::rstan_options("boost_lib"))) rstan::rstan_options(boost_lib = "/usr/include")
begun <- proc.time()[["elapsed"]]
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(here, "design.R"))
given <- commandArgs(trailingOnly = TRUE)
folder <- given[1]
run <- as.list(setNames(as.integer(given[2:5]), c("chains", "cores", "tune", "draws")))
design <- read_design(folder)
asked <- design$asked
data <- switch(asked$family, normal = persons_of(folder, design), ordered = answers_of(design), design$cells)
data$cell <- paste(data$site, data$period)

# location of the intercept, and the unit of every scale (the SD between persons where the link is identity)
total <- sum(design$before$numerator)
exposed <- sum(design$before$denominator)
scale <- 1
location <- switch(asked$family,
  poisson = , negbin = log((total + 0.5) / (exposed + 1)),
  binomial = , betabinomial = , ordered = qlogis((total + 0.5) / (exposed + 1)),
  normal = , student = {
    scale <- with(design$before, sqrt(sum(sum_squares) / sum(denominator - 1)))
    total / exposed
  })

normal <- function(sd) sprintf("normal(0, %.17g)", sd * scale)
half_normal <- normal # brms truncates class sd, sigma and sderr at zero by itself
priors <- set_prior(sprintf("normal(%.17g, %.17g)", location, scale), class = "b", coef = "Intercept")
terms <- c("0", "Intercept")
statements <- character()

# columns with independent normal coefficients
fixed <- function(columns, names, sd) {
  data[names] <<- columns
  terms <<- c(terms, names)
  for (name in names) priors <<- c(priors, set_prior(normal(sd), class = "b", coef = name))
}

# columns whose coefficients share one scale: a multi-membership term of one member a column, unscaled weights
shared <- function(columns, stem, prior) {
  members <- paste0(stem, seq_len(ncol(columns)))
  weights <- paste0(members, "w")
  for (index in seq_along(members)) {
    data[[members[index]]] <<- members[index]
    data[[weights[index]]] <<- columns[, index]
  }
  terms <<- c(terms, sprintf("(1 | mm(%s, weights = cbind(%s), scale = FALSE))",
                             paste(members, collapse = ", "), paste(weights, collapse = ", ")))
  priors <<- c(priors, set_prior(prior, class = "sd", group = paste0("mm", paste(members, collapse = ""))))
}

# zero-sum or cumulative columns of the exposure bins; rows that have not started are zero
rows_of <- function(basis) rbind(0, basis)[data$bin + 1, , drop = FALSE]
per_root_quarter <- sqrt(asked$months / 3)
K <- design$bins
switch(asked$effect,
  it = fixed(data$treated, "treated", 0.5),
  eti = {
    fixed(data$treated, "treated", 0.5)
    fixed(rows_of(zero_sum_basis(K)), paste0("deviation", seq_len(K - 1)), 0.5)
  },
  teh = {
    fixed(data$treated, "treated", 0.5)
    shared(rows_of(zero_sum_basis(K)), "deviation", half_normal(0.25))
  },
  rw = {
    fixed(data$treated, "treated", 0.5)
    cumulative <- 1 * outer(seq_len(K), seq_len(K)[-1], ">=")
    shared(rows_of(cumulative), "step", sprintf("lognormal(%.17g, 0.5)", log(0.15 * scale * per_root_quarter)))
  },
  mono = {
    data$ordered <- as.integer(data$bin)
    terms <- c(terms, "mo(ordered)")
    priors <- c(priors, set_prior(normal(0.5 / K), class = "b", coef = "moordered"),
                set_prior("dirichlet(1)", class = "simo", coef = "moordered1"))
  },
  level_slope = {
    fixed(data$treated, "treated", 0.5)
    fixed(data$treated * (data$bin - 1) * asked$months / 12, "slope", 0.25)
  })

if (asked$waves) {
  basis <- zero_sum_basis(design$waves)
  fixed(basis[data$wave, , drop = FALSE], paste0("wave", seq_len(design$waves - 1)), 0.5)
}
if (asked$calendar == "categorical") {
  basis <- zero_sum_basis(design$periods)
  fixed(basis[data$period, ], paste0("calendar", seq_len(design$periods - 1)), 0.5)
} else if (asked$calendar == "smooth") {
  walk <- 1 * outer(seq_len(design$periods), seq_len(design$periods)[-1], ">=")
  walk <- sweep(walk, 2, colMeans(walk)) * sqrt(asked$months)
  shared(walk[data$period, ], "walk", half_normal(0.1))
}
if (asked$trend) fixed(data$years, "trend", 0.25)
if (asked$harmonics > 0) {
  order <- seq_len(asked$harmonics)
  waves <- cbind(cos(outer(data$phase, order)), sin(outer(data$phase, order)))
  shared(waves, "season", half_normal(0.3))
}

# between sites and between cells
if (asked$correlated) {
  terms <- c(terms, "(1 + treated | site)")
  priors <- c(priors, set_prior("lkj(2)", class = "cor", group = "site"))
} else {
  if (asked$clustering %in% c("exchangeable", "nested")) terms <- c(terms, "(1 | site)")
  if (asked$site_effects) terms <- c(terms, "(0 + treated | site)")
}
if (asked$site_effects) {
  priors <- c(priors, set_prior(half_normal(0.25), class = "sd", group = "site", coef = "treated"))
}
if (asked$clustering == "nested") terms <- c(terms, "(1 | cell)")
if (asked$clustering == "decay") terms <- c(terms, "ar(time = period, gr = site, p = 1, cov = TRUE)")

# the law
if (asked$family %in% c("poisson", "negbin")) terms <- c(terms, "offset(log(denominator))")
data$level <- data$numerator / data$denominator # mean of a cell's persons
data$spread <- -0.5 * log(data$denominator) # log of what divides the SD between persons in such a mean
response <- switch(asked$family,
  binomial = , betabinomial = "numerator | trials(denominator)",
  ordered = "answer | weights(count)", student = "level", "numerator")
family <- switch(asked$family, poisson = poisson(), negbin = negbinomial(), binomial = binomial(),
                 betabinomial = beta_binomial(), normal = gaussian(), student = student(), ordered = cumulative())
if (asked$family == "ordered") terms <- setdiff(terms, c("0", "Intercept")) # the cut points stand for it
formula <- as.formula(paste(response, "~", paste(terms, collapse = " + ")))
formula <- switch(asked$family, ordered = bf(formula, center = FALSE),
                  student = bf(formula, sigma ~ 0 + Intercept + offset(spread)), bf(formula))

# the Stan name of a group's SD of intercepts: brms numbers its group terms
stan_name <- function(group) {
  passed <- make_standata(formula, data = data, family = family)
  matches <- function(k) {
    identical(as.integer(passed[[paste0("J_", k)]]), as.integer(factor(data[[group]]))) &&
      all(passed[[sprintf("Z_%d_1", k)]] == 1)
  }
  sprintf("sd_%d[1]", Find(matches, seq_len(sum(grepl("^M_", names(passed))))))
}
if (asked$clustering == "exchangeable") {
  priors <- c(priors, set_prior(half_normal(0.5), class = "sd", group = "site", coef = "Intercept"))
} else if (asked$clustering == "nested") {
  # total SD t = sqrt(s^2 + c^2) ~ HalfNormal, share s^2 / t^2 ~ Beta(3, 1); Jacobian of (s, c) -> (t, share): 2 s c / t^3
  site <- stan_name("site")
  cell <- stan_name("cell")
  squares <- sprintf("(square(%s) + square(%s))", site, cell)
  priors <- c(priors, set_prior("", class = "sd"))
  statements <- c(statements, sprintf(
    "target += normal_lpdf(sqrt%1$s | 0, %2$.17g) + beta_lpdf(square(%3$s) / %1$s | 3, 1) + log(%3$s) + log(%4$s) - 1.5 * log%1$s;",
    squares, 0.5 * scale, site, cell))
} else if (asked$clustering == "decay") {
  # stationary SD t ~ HalfNormal, correlation at three months ~ Beta(3, 1); sderr = t sqrt(1 - r^2), r^lag = r per period
  priors <- c(priors, set_prior("", class = "ar", lb = 0, ub = 1), set_prior("", class = "sderr"))
  lag <- 3 / asked$months
  statements <- c(statements, sprintf(
    "target += normal_lpdf(sderr / sqrt(1 - square(ar[1])) | 0, %.17g) - 0.5 * log1m(square(ar[1])) + beta_lpdf(pow(ar[1], %.17g) | 3, 1) + %.17g * log(ar[1]);",
    0.5 * scale, lag, lag - 1))
}

# priors on the law's own parameter, in the parametrisation that is documented
if (asked$family == "negbin") { # CV of the cell multiplier: shape = 1 / cv^2, cv ~ HalfNormal(0.5)
  priors <- c(priors, set_prior("", class = "shape"))
  statements <- c(statements, "target += normal_lpdf(inv_sqrt(shape) | 0, 0.5) - 1.5 * log(shape);")
} else if (asked$family == "betabinomial") { # correlation within a cell 1 / (1 + phi) ~ Beta(1, 9)
  priors <- c(priors, set_prior("", class = "phi"))
  statements <- c(statements, "target += beta_lpdf(inv(1 + phi) | 1, 9) - 2 * log1p(phi);")
} else if (asked$family == "normal") {
  priors <- c(priors, set_prior(half_normal(1), class = "sigma"))
} else if (asked$family == "student") { # SD between persons ~ HalfNormal(1), on the log scale here; nu - 2 ~ Gamma(2, 0.1)
  priors <- c(priors, set_prior("", class = "b", dpar = "sigma"), set_prior("", class = "nu", lb = 2))
  statements <- c(statements, sprintf(
    "target += normal_lpdf(exp(b_sigma[1]) | 0, %.17g) + b_sigma[1] + gamma_lpdf(nu - 2 | 2, 0.1);", scale))
} else if (asked$family == "ordered") { # intercept = minus the stated level's cut point; gaps ~ LogNormal(0, 1)
  stated <- asked$stated_level - 1
  gaps <- seq_len(asked$categories - 2)
  priors <- c(priors[!(priors$coef == "Intercept" & priors$class == "b"), ], set_prior("", class = "Intercept"))
  statements <- c(statements, sprintf("target += normal_lpdf(-Intercept[%d] | %.17g, 1);", stated, location), sprintf(
    "target += lognormal_lpdf(Intercept[%d] - Intercept[%d] | 0, 1);", gaps + 1, gaps))
}

extra <- if (length(statements)) stanvar(scode = paste(statements, collapse = "\n"), block = "model")
if (run$draws == 0) {
  cat(make_stancode(formula, data = data, family = family, prior = priors, stanvars = extra))
  quit(status = 0)
}
fit <- brm(formula, data = data, family = family, prior = priors, stanvars = extra, chains = run$chains,
           cores = run$cores, warmup = run$tune, iter = run$tune + run$draws, seed = asked$seed,
           control = list(adapt_delta = 0.95, max_treedepth = 12), refresh = 0, silent = 2)
draws <- as.data.frame(as_draws_df(fit), optional = TRUE)

column <- function(name) draws[[name]]
columns <- function(pattern, count) as.matrix(draws[sprintf(pattern, seq_len(count))])
members <- function(stem, count) {
  group <- paste0("mm", paste0(stem, seq_len(count), collapse = ""))
  columns(paste0("r_", group, "[", stem, "%d,Intercept]"), count)
}
curve <- switch(asked$effect,
  it = matrix(column("b_treated"), nrow(draws), K),
  eti = column("b_treated") + columns("b_deviation%d", K - 1) %*% t(zero_sum_basis(K)),
  teh = column("b_treated") + members("deviation", K - 1) %*% t(zero_sum_basis(K)),
  rw = column("b_treated") + members("step", K - 1) %*% t(cumulative),
  mono = t(apply(columns("simo_moordered1[%d]", K), 1, cumsum)) * K * column("bsp_moordered"),
  level_slope = column("b_treated") + outer(column("b_slope"), (seq_len(K) - 1) * asked$months / 12))
level <- if (asked$family == "ordered") -column(sprintf("b_Intercept[%d]", stated)) else column("b_Intercept")
quantities <- data.frame(chain = column(".chain"), intercept = level,
                         effect_window = rowMeans(curve[, design$window, drop = FALSE]),
                         effect_first = curve[, 1], effect_last = curve[, design$supported])
if (asked$waves) {
  quantities$wave_first <- as.vector(columns("b_wave%d", design$waves - 1) %*% zero_sum_basis(design$waves)[1, ])
}
if (asked$calendar == "categorical") {
  calendar <- columns("b_calendar%d", design$periods - 1) %*% t(zero_sum_basis(design$periods))
} else if (asked$calendar == "smooth") {
  calendar <- members("walk", design$periods - 1) %*% t(walk)
  quantities$calendar_step_sd <- column(grep("^sd_mmwalk", names(draws), value = TRUE))
}
if (asked$calendar != "none") {
  quantities$calendar_first <- calendar[, 1]
  quantities$calendar_last <- calendar[, design$periods]
}
if (asked$trend) quantities$trend <- column("b_trend")
if (asked$harmonics > 0) quantities$season_sd <- column(grep("^sd_mmseason", names(draws), value = TRUE))
if (asked$effect == "rw") {
  quantities$effect_step_sd <- column(grep("^sd_mmstep", names(draws), value = TRUE)) / per_root_quarter
}
if (asked$site_effects) quantities$site_effect_sd <- column("sd_site__treated")
if (asked$correlated) quantities$site_correlation <- column("cor_site__Intercept__treated")
if (asked$clustering == "exchangeable") quantities$site_sd <- column("sd_site__Intercept")
if (asked$clustering == "nested") {
  quantities$total_sd <- sqrt(column("sd_site__Intercept")^2 + column("sd_cell__Intercept")^2)
  quantities$cluster_autocorrelation <- (column("sd_site__Intercept") / quantities$total_sd)^2
}
if (asked$clustering == "decay") {
  quantities$total_sd <- column("sderr") / sqrt(1 - column("ar[1]")^2)
  quantities$quarter_autocorrelation <- column("ar[1]")^(3 / asked$months)
}
if (asked$family == "negbin") quantities$overdispersion <- 1 / sqrt(column("shape"))
if (asked$family == "betabinomial") quantities$extra_correlation <- 1 / (1 + column("phi"))
if (asked$family == "normal") quantities$residual_sd <- column("sigma")
if (asked$family == "student") {
  quantities$residual_sd <- exp(column("b_sigma_Intercept"))
  quantities$degrees_of_freedom <- column("nu")
}
if (asked$family == "ordered") {
  quantities$cut_first <- column("b_Intercept[1]") - column(sprintf("b_Intercept[%d]", stated))
  quantities$cut_last <- column(sprintf("b_Intercept[%d]", asked$categories - 1)) - column(sprintf("b_Intercept[%d]", stated))
}

write.csv(quantities, file.path(folder, "draws.csv"), row.names = FALSE)
write_json(list(
  total = proc.time()[["elapsed"]] - begun,
  sampling_cpu = sum(rstan::get_elapsed_time(fit$fit)),
  divergences = rstan::get_num_divergent(fit$fit),
  brms = as.character(packageVersion("brms")), rstan = as.character(packageVersion("rstan")),
  r = as.character(getRversion())
), file.path(folder, "seconds.json"), auto_unbox = TRUE, digits = 8)
