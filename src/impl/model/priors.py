"""Prior scales as values, in time units and on the link scale, with their sources.

Sources are the papers named here and in docs/model.md §3;
a scale without a source is a choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from impl.study.study import PriorChange, PriorChanges


@dataclass(frozen=True, kw_only=True)
class Priors:
    """Standard deviations (Normal) and scales (HalfNormal) on the link scale.

    effect: time-averaged and first effect; 95 % of the ratio lies in 0.38-2.66 (choice, wide enough for
        audit and feedback, Cochrane CD000259, and quality collaboratives, Schouten 2008).
    step_log_median, step_log_sd: log-normal step of the random-walk effect per *quarter*; avoids the
        boundary at zero, where coverage is lost under growing effects (simulation, 12 x 12 design).
    trend: slope per year. slope_change: change of slope per year.
    site: total between-site SD (median rate ratio 1.4 between two sites at its median; Gelman 2006).
    cell_share_alpha, cell_share_beta: Beta prior of the cluster autocorrelation (CAC); keeps mass at both
        .25 and .99, as the CLOUD bank shows (PMC10683336).
    calendar: period effects, wave: wave effects; with these the prior predictive gate holds (.92 of site
        rates within a tenth and ten times the baseline).
    calendar_step: random walk of calendar time per square root of a month. season: Fourier amplitude.
    exposure_spread: spread of `teh` between exposure times. ramp_log_median, ramp_log_sd: months of `growth`.
    site_effect: SD of the effect between sites (95 % of sites within x0.4 and x2.6 of the mean only in its tail).
    site_trend, site_slope: SD between sites of the trend and of its change, per year. shock: calendar shocks
        shared by the sites of a before/after study. stratum: SD between strata of calendar time.
    covariate: coefficient of a covariate per SD of it, and level change of an interruption.
    anticipation: effect of a period just before start. other_bundle: SD between bundles' effects.
    autocorrelation_mean, autocorrelation_sd: lag-one correlation of a single series, truncated to -.5 and .98;
        estimators that start at 0 find too little of it (Turner 2021).
    contrast: between-group SD of the adaptation contrast (centred at no difference; Sundell 2016).
    moderator: SD of moderation coefficients (of the first modification) around none (model choice; adapted programmes did better
        than adopted ones in 523 Swedish studies, Sundell 2016, so no direction is assumed).
    overdispersion: coefficient of variation of the cell multiplier in the negative binomial.
    residual: SD between persons within a cell, identity link, in units of its baseline value.
    extra_correlation_alpha, extra_correlation_beta: Beta prior of the beta-binomial's correlation between two
        answers of a cell; mode at the binomial law, 95 % below .28 (choice).
    tail_shape, tail_rate: Gamma prior of the Student law's degrees of freedom above 2 (Juarez & Steel 2010).
    cut_gap_median, cut_gap_log_sd: log-normal gaps between neighbouring cut points, log odds; a category in
        the middle then holds 4 to 94 % of the answers in 95 % (choice).
    """

    name: str = "default"
    intercept: float = 1.0
    effect: float = 0.5
    step_log_median: float = 0.15
    step_log_sd: float = 0.5
    trend: float = 0.25
    slope_change: float = 0.25
    site: float = 0.5
    cell_share_alpha: float = 3.0
    cell_share_beta: float = 1.0
    single_site_cell: float = 0.3
    calendar: float = 0.5
    wave: float = 0.5
    calendar_step: float = 0.1
    season: float = 0.3
    transition: float = 0.25
    exposure_spread: float = 0.25
    ramp_log_median: float = 3.0
    ramp_log_sd: float = 0.7
    site_effect: float = 0.25
    site_trend: float = 0.15
    site_slope: float = 0.15
    shock: float = 0.2
    stratum: float = 0.2
    covariate: float = 0.5
    anticipation: float = 0.25
    other_bundle: float = 0.25
    autocorrelation_mean: float = 0.3
    autocorrelation_sd: float = 0.3
    contrast: float = 0.2
    moderator: float = 0.2
    overdispersion: float = 0.5
    residual: float = 1.0
    extra_correlation_alpha: float = 1.0
    extra_correlation_beta: float = 9.0
    tail_shape: float = 2.0
    tail_rate: float = 0.1
    cut_gap_median: float = 1.0
    cut_gap_log_sd: float = 1.0


DEFAULT = Priors()

RETAINED_ALPHA, RETAINED_BETA = 1.0, 2.0
"""Beta prior of the share of an effect that stays for good (choice)."""
HALF_LIFE_MEDIAN, HALF_LIFE_LOG_SD = 8.0, 1.0
"""Log-normal prior of the months in which the rest halves: 90 % between 1.5 and 41 (choice). Together they leave it open
whether half is kept after two years: of improving hospitals 60 and 32 per cent had kept it (Glasgow 2012, BMJ Quality &
Safety 21:663)."""

WIDE = Priors(
    name="wide",
    intercept=5.0,
    effect=5.0,
    trend=5.0,
    slope_change=5.0,
    site=1.0,
    single_site_cell=1.0,
    calendar=5.0,
    wave=5.0,
    calendar_step=1.0,
    season=1.0,
    transition=5.0,
    exposure_spread=1.0,
    site_effect=1.0,
    site_trend=1.0,
    site_slope=1.0,
    shock=1.0,
    stratum=1.0,
    covariate=5.0,
    anticipation=5.0,
    other_bundle=1.0,
    contrast=1.0,
    moderator=1.0,
    overdispersion=1.0,
)
"""For agreement with published maximum-likelihood answers (docs/model.md §3)."""


def resolve_priors(choice: str | PriorChanges) -> Priors:
    """The scales a study asked for: `default`, `wide`, or default with named scales changed. What is learnt from other
    studies is no scale (`impl.model.learnt`)."""
    if isinstance(choice, PriorChanges):
        changed = {name: change.sd for name, change in choice if isinstance(change, PriorChange)}
        return replace(DEFAULT, name="changed", **changed) if changed else DEFAULT
    return WIDE if choice == "wide" else DEFAULT


def scaled(priors: Priors, sd: float) -> Priors:
    """Priors of an identity link: every link-scale SD times the baseline SD between persons."""
    kept = {
        "name",
        "step_log_median",
        "step_log_sd",
        "ramp_log_median",
        "ramp_log_sd",
        "cell_share_alpha",
        "cell_share_beta",
        "autocorrelation_mean",
        "autocorrelation_sd",
        "overdispersion",
        "extra_correlation_alpha",
        "extra_correlation_beta",
        "tail_shape",
        "tail_rate",
        "cut_gap_median",
        "cut_gap_log_sd",
    }
    return replace(
        priors,
        **{key: value * sd for key, value in vars(priors).items() if key not in kept},
        step_log_median=priors.step_log_median * sd,
    )
