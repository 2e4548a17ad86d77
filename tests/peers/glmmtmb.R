# The documented model by maximum likelihood (glmmTMB; REML for persons): Rscript glmmtmb.R <project folder>.
# Writes estimate.json beside the project's peer.json: the constant effect and its standard error.

suppressPackageStartupMessages({
  library(glmmTMB)
  library(jsonlite)
})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
source(file.path(here, "design.R"))
folder <- commandArgs(trailingOnly = TRUE)[1]
design <- read_design(folder)
asked <- design$asked
data <- if (asked$family == "normal") persons_of(folder, design) else design$cells
data$cell <- paste(data$site, data$period)
data$time <- factor(data$period)
stopifnot(asked$effect == "it", asked$calendar == "categorical", !asked$waves)

response <- switch(asked$family, binomial = , betabinomial = "cbind(numerator, denominator - numerator)", "numerator")
terms <- c("time", "treated")
if (asked$family %in% c("poisson", "negbin")) terms <- c(terms, "offset(log(denominator))")
site <- if (asked$correlated) "(1 + treated | site)" else c("(1 | site)", if (asked$site_effects) "(0 + treated | site)")
terms <- c(terms, switch(asked$clustering,
  exchangeable = site,
  nested = c(site, "(1 | cell)"),
  decay = "ar1(time + 0 | site)"))
family <- switch(asked$family, poisson = poisson(), negbin = nbinom2(), binomial = binomial(),
                 betabinomial = betabinomial(), normal = gaussian())
fit <- glmmTMB(as.formula(paste(response, "~", paste(terms, collapse = " + "))), data = data, family = family,
               REML = asked$family == "normal")
stopifnot(fit$fit$convergence == 0, fit$sdr$pdHess)
effect <- summary(fit)$coefficients$cond["treated", ]
write_json(list(effect = effect[["Estimate"]], standard_error = effect[["Std. Error"]],
                glmmtmb = as.character(packageVersion("glmmTMB")), r = as.character(getRversion())),
           file.path(folder, "estimate.json"), auto_unbox = TRUE, digits = 10)
