"""Prior scales as values, in time units and on the link scale, with their sources.

Sources are the papers named here and in docs/model.md §3;
a scale without a source is a choice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from impl.study.study import PriorChanges


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
    contrast: between-group SD of the adaptation contrast (centred at no difference; Sundell 2016).
    overdispersion: coefficient of variation of the cell multiplier in the negative binomial.
    residual: SD between persons within a cell, identity link, in units of its baseline value.
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
    contrast: float = 0.2
    overdispersion: float = 0.5
    residual: float = 1.0


DEFAULT = Priors()

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
    contrast=1.0,
    overdispersion=1.0,
)
"""For agreement with published maximum-likelihood answers (docs/model.md §3)."""


def resolve_priors(choice: str | PriorChanges) -> Priors:
    """The priors a study asked for: `default`, `wide`, or default with named scales changed."""
    if isinstance(choice, PriorChanges):
        changed = {name: change.sd for name, change in choice if change is not None}
        return replace(DEFAULT, name="changed", **changed)
    return WIDE if choice == "wide" else DEFAULT


def scaled(priors: Priors, sd: float) -> Priors:
    """Priors of an identity link: every link-scale SD times the baseline SD between persons."""
    kept = {"name", "step_log_median", "step_log_sd", "cell_share_alpha", "cell_share_beta", "overdispersion"}
    return replace(
        priors,
        **{key: value * sd for key, value in vars(priors).items() if key not in kept},
        step_log_median=priors.step_log_median * sd,
    )
