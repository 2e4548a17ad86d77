"""The Release: everything about an evaluation that may leave the house, and nothing else.

Schema version 1 grows by optional fields only. Rates are on the measure's reported scale (per `per`
units of exposure; per cent for proportions). Levels are 0.5 and 0.9, equal-tailed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from impl.register.plan import Timing
from impl.release.public import Probability, Public
from impl.release.sections import Sections
from impl.study.catalogue import Example, Noun
from impl.study.study import AudienceName
from impl.study.value import LanguageCode, Translated

Scale = Literal["link", "ratio", "difference", "averted"]
Step = Literal["month", "quarter", "tertial", "half_year", "year", "phase"]
Link = Literal["log", "logit", "identity"]
Outcome = Literal["beneficial", "promising", "negligible", "harmful", "uncertain"]
LINKS: dict[str, Link] = {
    "poisson": "log",
    "negbin": "log",
    "binomial": "logit",
    "betabinomial": "logit",
    "ordered": "logit",
    "normal": "identity",
    "student": "identity",
}
"""What the mean stands on under each likelihood of a Release."""


class ReleasedMeasure(Public):
    """A measure as the reader needs it, so that a Release can be rendered without the catalogue."""

    id: str
    role: Literal["primary", "paired", "negative_control"]
    name: Translated
    events: dict[LanguageCode, Noun]
    exposure: Translated
    unit: Translated
    kind: Literal["rate", "proportion", "mean"]
    per: float
    direction: Literal["lower", "higher", "ambiguous"]
    headline_scale: Literal["ratio", "difference"]
    example: Example | None = None


class ReleasedBundle(Public):
    id: str
    name: Translated
    the_bundle: Translated
    version: str
    components: tuple[Translated, ...] = ()


class StudySummary(Public):
    id: str
    title: Translated
    question: Translated
    notebook: str
    measures: tuple[ReleasedMeasure, ...]
    bundles: tuple[ReleasedBundle, ...]
    other_bundles: tuple[ReleasedBundle, ...] = ()
    """Further bundles, estimated at the same time; the question is not about them."""
    plan_sha256: str
    data_from: date
    data_to: date
    vintage: date | None = None
    worthwhile: float
    harm: float
    negligible: float
    synthetic: bool = False
    """Invented data: every page says so first."""
    valid_months: int = 12
    """How long the report holds: months from `data_to`."""
    wave: str | None = None
    """The learning-network wave that the sites joined."""


class RunSummary(Public):
    """Who wrote this Release: run id, code, lock and seed; no path and no host."""

    id: str
    profile: Literal["full", "smoke"]
    seed: int
    impl: str
    lock_sha256: str | None
    git_commit: str | None
    started: datetime
    seconds: float


class ReleaseWarning(Public):
    """A coded warning with the numbers its sentence needs; the words live in the language files."""

    code: str
    values: dict[str, float | int | str] = Field(default_factory=dict)


class StatedBelief(Public):
    """A normal prior that the study states, on the link scale."""

    mean: float
    sd: float


class NetworkPrior(Public):
    """What a study learnt from the network before its own data, and what that did; link scale.

    The prior of the effect was (1 - vague_weight) N(mean, sd) + vague_weight N(0, vague_sd); mean and sd are those of the
    effect in one more place, by `studies` earlier ones, their runs in `runs`; sd is `inflation` times as wide.
    posterior_vague_weight: of the vague part after the data. surprise: chance, had the informative part been right, of
    data at least as far from it. without: mean and sd of the effect had the vague part been the whole prior.
    """

    runs: tuple[str, ...]
    studies: int
    mean: float
    sd: float
    inflation: float
    vague_weight: Probability
    vague_sd: float
    posterior_vague_weight: Probability | None = None
    surprise: Probability | None = None
    without: StatedBelief | None = None


class ModelSummary(Public):
    """What was chosen for one measure, by the study or by the design.

    site_effects: the effect differs between sites. trend_difference: sites with and without the bundle have
    trends of their own; site_trends: every site has. strata: groups of sites with a calendar of their own.
    transition: how periods in which the bundle was coming enter (`dose`: a share of the effect).
    anticipation: periods before start with an effect of their own. secular: what was believed of change that
    would have come anyway; reporting: of change in the share of events that is reported.
    """

    measure: str
    likelihood: str
    effect: str
    clustering: str
    calendar: str
    trend: str
    season: str
    wave_effects: bool
    priors: str
    cells: int
    gaps: int
    events: int | None = None
    site_effects: bool = False
    trend_difference: bool = False
    site_trends: bool = False
    strata: int = 0
    covariates: tuple[str, ...] = ()
    transition: Literal["none", "own", "drop", "dose"] = "none"
    anticipation: int = 0
    secular: StatedBelief | None = None
    reporting: StatedBelief | None = None
    other_bundles: tuple[str, ...] = ()
    effect_prior: StatedBelief | None = None
    network: NetworkPrior | None = None


class SiteStart(Public):
    """One site's dates as they are drawn. state: by the start that counts, so that a site that was to have none may have
    an `actual_start`; that is None for a site that never began, or had before the data."""

    site: str
    name: str
    state: Literal["start", "never", "before-data"]
    allocated_start: date | None = None
    actual_start: date | None = None
    transition_end: date | None = None
    stop: date | None = None


class Design(Public):
    kind: Literal["before_after", "stepped_wedge"]
    grade: Literal["randomised", "staggered", "before_after"]
    """How far the wording may go: randomised wedge, staggered roll-out, plain before/after."""
    selection: str | None = None
    sites: int
    periods: int
    period_months: float
    sequences: int
    randomised: bool
    rollout: tuple[SiteStart, ...]
    window_from: int
    window_to: int
    models: tuple[ModelSummary, ...]
    warnings: tuple[ReleaseWarning, ...] = ()


class Estimate(Public):
    """One estimand at one level. `group` is None, or `consistent:yes|no|unknown|none`.

    scale link: log rate ratio, log odds ratio or identity; ratio: with / without; difference: on the
    reported scale (percentage points for proportions); averted: events, positive = fewer than expected.
    `estimand`: `tate` (average over the window), `pte` (one exposure time, `from` = `to`),
    `level`, `slope`, `contrast` (difference between two groups), `group` (TATE of one group), `tate_site`
    (every site counts the same), `population` (averaged over sites like these), `new_site` (one more site like
    these), `lte` (last exposure time), `ctate` (every calendar period counts the same), `established`
    (everyone at `from` periods since start or more), `earlier` (start `from` periods earlier),
    `other_bundle` (TATE of a further bundle, `group` its id), `moderation` (with one modification of the kind
    `group` against none, same cells; `a-b` compares two kinds), `dose` (the bundle at the share `group` delivered,
    «0.4», against none of it), `dose_target` (at the share `group` in every site, against what was delivered), `reporting` (TATE if the
    log of the share reported changed by `group`, «0.2»), `by_actual_start` and `by_allocated_start` (TATE by the start
    that does not count, beside the one that does).
    """

    measure: str
    bundle: str
    estimand: Literal[
        "tate",
        "pte",
        "level",
        "slope",
        "group",
        "contrast",
        "tate_site",
        "population",
        "new_site",
        "lte",
        "ctate",
        "established",
        "earlier",
        "other_bundle",
        "moderation",
        "dose",
        "dose_target",
        "reporting",
        "by_actual_start",
        "by_allocated_start",
    ]
    from_: Annotated[int | None, Field(alias="from")] = None
    to: int | None = None
    scale: Scale
    group: str | None = None
    mean: float
    sd: float
    median: float
    lower: float
    upper: float
    level: Literal[0.5, 0.9]  # type: ignore[valid-type]
    p_better: Probability | None = None
    p_worthwhile: Probability | None = None
    p_negligible: Probability | None = None
    p_harm: Probability | None = None


class Comparison(Public):
    """Before, expected without, after: one row of the report's table, on the reported scale.

    `expected` and `after` are posterior medians over the same treated cells of the estimand window;
    `before` is the crude level of the periods before start. None = hidden.
    """

    measure: str
    before: float | None
    expected: float | None
    after: float | None


class CurvePoint(Public):
    """One step of a curve. `expected` holds the quantiles q05 q10 q25 q50 q75 q90 q95 of the measurement
    expected without the bundle (chance included); `observed` and `expected` are None where hidden."""

    start: date
    end: date
    observed: float | None = None
    expected: dict[Literal["q05", "q10", "q25", "q50", "q75", "q90", "q95"], float] | None = None
    sites_started: int
    hidden: bool = False


class Curve(Public):
    """Observed against expected without the bundle, all sites together, at the finest step released."""

    measure: str
    step: Step
    points: tuple[CurvePoint, ...]


class Verdict(Public):
    outcome: Outcome
    delivery: Literal["delivered", "not_delivered", "unknown"] = "unknown"


class CheckRow(Public):
    """One gate: the worst value over all reported quantities, the limit, and whether it held."""

    measure: str
    check: Literal["r_hat", "ess_bulk", "ess_tail", "divergences", "e_bfmi"]
    value: float
    limit: float
    passed: bool


class Checks(Public):
    """Every gate of every released measure; `draws` are kept draws per chain."""

    rows: tuple[CheckRow, ...]
    retried: bool = False
    draws: int
    chains: int


class Deviation(Public):
    """One thing that is not as planned. code: dotted key of the registered plan, `rest.<key of the study file>` for what
    the register holds a hash of, `data_from` and `data_to` for the days of the data. planned, actual: short texts;
    None where there was nothing, both of them for a hash.
    """

    code: str
    planned: str | None = None
    actual: str | None = None


class RegisteredPlan(Public):
    """One version of the plan. timing: when it was registered, seen from the data that were used. after_run: the study had
    been run by then. changes: from the version before."""

    version: int
    registered_at: datetime
    timing: Timing
    after_run: bool
    changes: tuple[Deviation, ...] = ()


class PlanCheck(Public):
    """What the register says of the study. study: its id there, of a unit that of the whole. line_sha256: the line
    that the plan in force stands on. deviations: from the plan in force; versions: every plan, oldest first.
    withdrawn: why, where the study was."""

    registered: bool = False
    deviations: tuple[Deviation, ...] = ()
    study: str | None = None
    line_sha256: str | None = None
    versions: tuple[RegisteredPlan, ...] = ()
    planned_from: date | None = None
    planned_to: date | None = None
    report_due: date | None = None
    withdrawn: str | None = None


class Suppressed(Public):
    """How much was hidden, and where; never what."""

    place: str
    count: int


class Disclosure(Public):
    audience: AudienceName
    rules: tuple[str, ...]
    suppressed: tuple[Suppressed, ...] = ()


class Release(Public):
    """The value that crosses the wall. With status `not_converged` it holds no estimates, curves or verdict.

    covariances: one row per measure and exposure time, {"measure": id, "exposure": time, "1": r, "2": r, …}: posterior
    correlations of the effect then (`pte`, link scale) with those at earlier times; their SDs stand in `estimates`.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    study: StudySummary
    run: RunSummary
    status: Literal["ok", "not_converged"]
    design: Design
    estimates: tuple[Estimate, ...] = ()
    covariances: tuple[dict[str, float | str], ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    curves: tuple[Curve, ...] = ()
    sections: Sections = Sections()
    verdict: Verdict | None = None
    checks: Checks
    plan: PlanCheck = PlanCheck()
    disclosure: Disclosure

    def measure(self, role: Literal["primary"] = "primary") -> ReleasedMeasure:
        return next(measure for measure in self.study.measures if measure.role == role)

    def primary_model(self) -> ModelSummary:
        """The model of the primary measure. Raises StopIteration for a Release about data alone, which has none."""
        return next(model for model in self.design.models if model.measure == self.measure().id)

    def estimate(
        self,
        measure: str,
        estimand: str,
        scale: Scale,
        *,
        level: float = 0.9,
        group: str | None = None,
        exposure: int | None = None,
    ) -> Estimate | None:
        """The one estimate asked for, or None where it was not released."""
        for row in self.estimates:
            if (row.measure, row.estimand, row.scale, row.level, row.group) == (
                measure,
                estimand,
                scale,
                level,
                group,
            ) and (exposure is None or row.from_ == exposure):
                return row
        return None
