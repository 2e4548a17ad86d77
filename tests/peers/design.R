# The design of a project's tables, derived in R from the documented rules (docs/model.md), not from impl's code.

# Reads data/panel.csv, data/rollout.csv and peer.json of a project; one row an observed site-period, sorted.
read_design <- function(folder) {
  cells <- read.csv(file.path(folder, "data", "panel.csv"), colClasses = c(site = "character"))
  rollout <- read.csv(file.path(folder, "data", "rollout.csv"), colClasses = "character")
  asked <- jsonlite::fromJSON(file.path(folder, "peer.json"))
  answers <- NULL
  if (asked$family == "ordered") { # one row an answer; a cell's numerator counts answers at or above the stated level
    answers <- cells
    cells$numerator <- ifelse(cells$category >= asked$stated_level, cells$numerator, 0)
    cells <- aggregate(numerator ~ site + period_start + period_end + denominator + status, cells, sum)
  }
  begins <- as.Date(sort(unique(cells$period_start)))
  ends <- as.Date(sort(unique(cells$period_end)))
  cells$period <- match(as.Date(cells$period_start), begins)
  start <- rollout$actual_start[match(cells$site, rollout$site)]
  cells$start <- ifelse(start == "never", Inf, match(as.Date(ifelse(start == "never", NA, start)), begins))
  cells$exposure <- pmax(cells$period - cells$start + 1, 0)
  cells$treated <- as.numeric(cells$exposure > 0)
  cells$wave <- match(cells$start, sort(unique(cells$start)))
  middle <- begins + floor(as.numeric(ends - begins) / 2)
  reference <- middle[min(cells$start)]
  cells$years <- as.numeric(middle[cells$period] - reference) / 365.25
  cells$phase <- 2 * pi * as.numeric(format(middle, "%j"))[cells$period] / 365.25
  cells <- cells[cells$status == "observed", ]
  cells <- cells[order(cells$site, cells$period), ]

  # exposure times reached by two sites (one where only one is treated) have a bin of their own; the rest share one
  treated <- cells[cells$treated == 1, ]
  reach <- tapply(treated$site, treated$exposure, function(site) length(unique(site)))
  sites <- length(unique(treated$site))
  supported <- max(as.numeric(names(reach))[reach >= min(2, sites)])
  bins <- supported + (max(cells$exposure) > supported)
  cells$bin <- pmin(cells$exposure, bins)
  half <- max(as.numeric(names(reach))[reach >= sites / 2])
  window <- seq_len(min(max(1, round(12 / asked$months)), half, supported))

  # crude level before start, of sites that start: where the intercept's prior sits
  starting <- unique(treated$site)
  before <- cells[cells$treated == 0 & cells$site %in% starting, ]
  list(cells = cells, asked = asked, periods = length(begins), waves = length(unique(cells$wave)),
       supported = supported, bins = bins, window = window, before = before, answers = answers)
}

# n x (n - 1), columns orthonormal and summing to zero: B z with z ~ N(0, s^2 I) is the zero-sum normal with scale s
zero_sum_basis <- function(n) {
  helmert <- contr.helmert(n)
  sweep(helmert, 2, sqrt(colSums(helmert^2)), "/")
}

# rows finer than cells (persons, answers) with the design columns of their cell; one such column is `named`
with_design <- function(rows, design, named) {
  place <- match(paste(rows$site, rows$period_start), paste(design$cells$site, design$cells$period_start))
  cbind(design$cells[place, setdiff(names(design$cells), names(named))], named)
}

persons_of <- function(folder, design) {
  persons <- read.csv(file.path(folder, "data", "persons.csv"), colClasses = c(site = "character"))
  with_design(persons, design, data.frame(numerator = persons$value))
}

answers_of <- function(design) {
  given <- design$answers[design$answers$numerator > 0, ]
  with_design(given, design, data.frame(answer = given$category, count = given$numerator))
}
