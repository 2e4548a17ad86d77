# Random-effects meta-analysis in brms: Rscript synthesis.R <folder>, which holds <case>.csv (study, mean, sd and, for a
# meta-regression, covariate). Writes <case>.out.csv: quantity, mean, sd, lower, upper (90 %), mcse of the mean.
# Priors as impl.network.synthesis: mean normal(0, 1), tau half-normal(0.5), coefficient normal(0, 0.25).

suppressPackageStartupMessages(library(brms))
# Debian's package BH has no headers of its own; they are the system's
if (!nzchar(rstan::rstan_options("boost_lib"))) rstan::rstan_options(boost_lib = "/usr/include")
folder <- commandArgs(trailingOnly = TRUE)[1]
compiled <- list()

for (file in sort(list.files(folder, pattern = "^[a-z]+\\.csv$"))) {
  case <- sub("\\.csv$", "", file)
  data <- read.csv(file.path(folder, file), colClasses = c(study = "character"))
  regression <- "covariate" %in% names(data)
  formula <- if (regression) mean | se(sd) ~ 0 + Intercept + covariate + (1 | study)
             else mean | se(sd) ~ 0 + Intercept + (1 | study)
  priors <- c(set_prior("normal(0, 1)", class = "b", coef = "Intercept"), set_prior("normal(0, 0.5)", class = "sd"))
  if (regression) priors <- c(priors, set_prior("normal(0, 0.25)", class = "b", coef = "covariate"))
  kind <- if (regression) "regression" else "plain"
  settings <- list(chains = 4, cores = 2, warmup = 1000, iter = 6000, seed = 20261123, refresh = 0,
                   control = list(adapt_delta = 0.99))
  if (is.null(compiled[[kind]])) {
    fit <- do.call(brm, c(list(bf(formula), data = data, prior = priors), settings))
    compiled[[kind]] <- fit
  } else {
    fit <- do.call(update, c(list(compiled[[kind]], newdata = data), settings))
  }
  draws <- posterior::as_draws_df(fit)
  asked <- list(mean = draws$b_Intercept, tau = draws$sd_study__Intercept)
  if (regression) asked$coefficient <- draws$b_covariate
  asked$new_place <- draws$b_Intercept + draws$sd_study__Intercept * rnorm(nrow(draws))
  if (!regression) for (study in data$study) {
    asked[[paste0("study ", study)]] <- draws$b_Intercept + draws[[sprintf("r_study[%s,Intercept]", study)]]
  }
  by_chain <- function(values) matrix(values, ncol = 4)
  out <- data.frame(
    quantity = names(asked),
    mean = sapply(asked, mean), sd = sapply(asked, sd),
    lower = sapply(asked, quantile, 0.05), upper = sapply(asked, quantile, 0.95),
    mcse = sapply(asked, function(values) posterior::mcse_mean(by_chain(values)))
  )
  write.csv(out, file.path(folder, paste0(case, ".out.csv")), row.names = FALSE)
}
