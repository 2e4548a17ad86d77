"""What `auto` means, and what a design refuses: one function a choice, every reason collected."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.errors import DesignError, Fault
from impl.model.likelihoods import LIKELIHOODS
from impl.study.catalogue import Measure
from impl.study.study import Belief, Estimand, ModelChoice, Study

LARGEST_CELL_LATENT = 3000  # cells; above it a cell effect costs tens of CPU minutes (measured at 34,272)
CATEGORICAL_PERIODS = 12  # up to here each period has its own effect; above, a smooth curve
TREND_POINTS = 6  # observed periods before (and after) start that a slope needs
WALK_POINTS = 60  # periods before start from which no straight line is believed (choice; known answer A4)
SEASON_MONTHS = 24  # shortest series that can carry a season
SITE_TREND_POINTS = 8  # periods before start that a slope of a site's or group's own needs
EFFECT_SITES = 6  # treated sites that a spread of the effect between sites needs (choice)
CORRELATED_SITES = 12  # sites that a correlation between level and effect needs (choice)
DECAY_PERIODS = 8  # from here on correlation fades with distance in time by default …
DECAY_MONTHS = 1.5  # … and always for monthly data
LONGEST_SERIES = 200  # periods; the correlation matrix of a series is dense
PRIOR_DRIVEN_SERIES = 12  # points below which the autocorrelation of one series is the prior's

Kind = Literal["before_after", "stepped_wedge"]
Warned = tuple[str, dict[str, float | int | str]]


class Notes:
    """Collects what a structure refuses and what it warns of while it is being decided."""

    def __init__(self, study_id: str) -> None:
        self.study_id = study_id
        self.faults: list[Fault] = []
        self.warnings: list[Warned] = []

    def refuse(self, code: str, key: str, got: str, allowed: str, fix: str) -> None:
        where = f"{self.study_id}.yaml, {key}"
        self.faults.append(Fault(code=f"design.{code}", where=where, got=got, allowed=allowed, fix=fix))

    def warn(self, code: str, **values: float | int | str) -> None:
        self.warnings.append((code, values))

    def settle(self) -> None:
        """Raise DesignError with everything refused so far."""
        if self.faults:
            raise DesignError(self.faults)


def baseline(rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Observed cells from before the start, of sites that start within the data; transition is not baseline."""
    starting = rows.groupby("site")["treated"].transform("any")
    mask = rows["observed"] & ~rows["treated"] & ~rows["transition"] & starting
    return mask.to_numpy(dtype=bool)


def check_comparison(
    measure: str, kind: Kind, rows: pd.DataFrame, before: npt.NDArray[np.bool_], notes: Notes
) -> None:
    """Refuse data that hold no comparison."""
    sites = rows.drop_duplicates("site")
    if kind == "stepped_wedge" and len(sites) == 1:
        notes.refuse("single_site", "notebook", "one site in a stepped wedge", "used with two sites or more",
                     "Use 20_before_after.")  # fmt: skip
    elif kind == "stepped_wedge" and sites["wave"].nunique() == 1 and rows["treated"].any():
        notes.refuse("one_wave", "notebook", "a stepped wedge with one common start",
                     "used with starts at different times, or with sites without the bundle",
                     "Use 20_before_after: with one start, time and effect cannot be told apart between sites.")  # fmt: skip
    if not (rows["treated"] & rows["observed"]).any():
        notes.refuse("never_treated", "rollout", f"no period of {measure} with the bundle", "at least one",
                     "Check the start dates against the periods of the data.")  # fmt: skip
    elif not before.any():
        notes.refuse("no_baseline", "rollout", f"no period of {measure} from before the start at a site that starts",
                     "at least one", "Bring data from before the start.")  # fmt: skip


def check_covariates(rows: pd.DataFrame, notes: Notes) -> None:
    """Refuse covariates with holes or without variation in the cells of the likelihood."""
    modelled = rows["used"] | rows["interval"]
    for column in (name for name in rows.columns if name.startswith("covariate:")):
        name, values = column.removeprefix("covariate:"), rows.loc[modelled, column]
        if values.isna().any():
            notes.refuse("covariate_gap", "covariates.use", f"{name} without a value in {int(values.isna().sum())} cells with data",
                         "a value in every one", "Add the values, or leave the covariate out.")  # fmt: skip
        elif values.nunique() < 2:
            notes.refuse("covariate_constant", "covariates.use", f"{name} with one value in all cells with data",
                         "values that differ", "Leave it out: it cannot explain a difference.")  # fmt: skip


def check_bundles(bundles: tuple[str, ...], rows: pd.DataFrame, notes: Notes) -> None:
    """Refuse further bundles that no cell has, or that came to the same cells as another one."""
    seen = {"the study's bundle": rows.loc[rows["used"], "treated"].to_numpy()}
    for bundle in bundles:
        given = rows.loc[rows["used"], f"bundle:{bundle}"].to_numpy() > 0
        if not given.any():
            notes.refuse("bundle_unused", "other_bundles", f"{bundle} in no cell with data", "at least one",
                         "Check its start dates, or leave it out.")  # fmt: skip
        for name, other in seen.items():
            if given.any() and (given == other).all():
                notes.refuse("bundles_alike", "other_bundles", f"{bundle} in the same cells as {name}", "bundles that came at different times",
                             "Their effects cannot be told apart; evaluate them as one.")  # fmt: skip
        seen[bundle] = given


def choose_laws(
    choice: ModelChoice, measure: Measure, primary: bool, sites: int, calendar: str, panel: Panel, rows: pd.DataFrame, notes: Notes
) -> tuple[str, str]:  # fmt: skip
    """Likelihood and clustering. With one observation a cell, either the law has dispersion of its own or
    there is a cell effect, never both (docs/model.md §1). The study's choice of likelihood is about
    its primary measure; paired measures follow the rule."""
    name: str = choice.likelihood if primary else "auto"
    clustering: str = choice.clustering
    large = len(rows) > LARGEST_CELL_LATENT
    long = len(panel.periods) > LONGEST_SERIES
    if name == "auto":
        dispersed = large or (sites == 1 and long) or clustering in ("none", "exchangeable")
        name = _law_of(measure, dispersed)
    law = LIKELIHOODS[name]
    if measure.kind not in law.kinds or (name == "ordered") != (measure.categories is not None):
        fitting = " or ".join(other.name for other in LIKELIHOODS.values() if measure.kind in other.kinds)
        notes.refuse("likelihood", "model.likelihood", f"{name} for {measure.id}, a {measure.kind}", fitting,
                     "Choose auto to let the measure decide.")  # fmt: skip
    several = rows.loc[rows["used"] & (rows["denominator"] > 1), "sum_squares"]
    spread = bool(len(several) and several.notna().all())
    if clustering == "auto" and (law.own_dispersion or large):
        clustering = "none" if sites == 1 else "exchangeable"
        if large:
            notes.warn("no_cell_effects", cells=len(rows))
    elif clustering == "auto" and sites == 1 and law.link == "identity" and not spread:
        clustering = "none"  # cell means without their spread cannot tell noise from a latent series
        notes.warn("no_autocorrelation")
    elif clustering == "auto":
        fades = panel.period_months <= DECAY_MONTHS or len(panel.periods) >= DECAY_PERIODS
        # beside one level that wanders a second memory cannot be told from the first
        fades = fades and not (sites == 1 and calendar == "smooth")
        clustering = "decay" if fades and not long else "nested"
    latent = clustering in ("nested", "decay", "cohort")
    if latent and law.own_dispersion:
        notes.refuse("dispersion", "model.clustering", f"{clustering} with {name}", "exchangeable or none",
                     "The law's own dispersion and a cell effect would compete; choose poisson, binomial or normal.")  # fmt: skip
    if clustering in ("exchangeable", "cohort") and sites == 1:
        notes.refuse("clustering", "model.clustering", f"{clustering} with one site", "none, nested or decay",
                     "One site has nothing to be exchangeable with.")  # fmt: skip
    if clustering == "none" and sites > 1:
        notes.refuse("clustering", "model.clustering", "none with several sites", "exchangeable, nested or decay",
                     "Sites differ; without a site term the intervals are too narrow.")  # fmt: skip
    if clustering == "decay" and long:
        notes.refuse("decay_length", "model.clustering", f"decay with {len(panel.periods)} periods", f"at most {LONGEST_SERIES}",
                     "Aggregate to longer periods, or choose nested.")  # fmt: skip
    if law.link == "identity" and latent and not spread:
        notes.refuse("sum_squares", "data", "cell means without sum_squares", "given with a sum of squares in every cell",
                     "Add the within-cell sum of squared deviations, or choose clustering: exchangeable.")  # fmt: skip
    if clustering == "cohort":
        _check_cohort(name, rows, notes)
    points = int(rows.loc[rows["used"], "period"].nunique())
    if clustering == "decay" and sites == 1 and points < PRIOR_DRIVEN_SERIES:
        notes.warn("autocorrelation_prior_driven", points=points)
    return name, clustering


def _law_of(measure: Measure, dispersed: bool) -> str:
    """The law of a measure; one with dispersion of its own where there will be no cell effects."""
    if measure.categories is not None:
        return "ordered"
    if measure.kind == "rate":
        return "negbin" if dispersed else "poisson"
    if measure.kind == "proportion":
        return "betabinomial" if dispersed else "binomial"
    return "normal"


def _check_cohort(law: str, rows: pd.DataFrame, notes: Notes) -> None:
    """A closed cohort: the same persons in every period of a site, with their spread over time."""
    used = rows[rows["used"]]
    sizes = used.groupby("site")["denominator"].nunique()
    periods = used.groupby("site")["period"].nunique()
    if law != "normal":
        notes.refuse("cohort_law", "model.clustering", f"cohort with {law}", "a mean of persons with the normal law",
                     "From counts alone the persons cannot be told apart; choose nested or decay.")  # fmt: skip
    elif (
        (sizes > 1).any()
        or periods.nunique() > 1
        or used["person_sum_squares"].isna().any()
        or len(used) < len(rows)
    ):
        notes.refuse("cohort_data", "data", "cells of a cohort that is not complete",
                     "the same persons in every period of a site, with sum_squares and person_sum_squares",
                     "Bring the complete cohort, or choose nested or decay.")  # fmt: skip


def choose_calendar(choice: ModelChoice, kind: Kind, periods: int, rows: pd.DataFrame, notes: Notes) -> str:
    """Calendar time: always there in a wedge (without it the sign can be wrong: Hemming 2017). In a
    before/after study shared shocks, where sites without the bundle or with other starts identify them."""
    if kind == "before_after":
        if choice.calendar in ("categorical", "smooth"):
            notes.refuse("calendar", "model.calendar", f"{choice.calendar} in a before/after study", "auto or none",
                         "Calendar time of its own needs sites that start at different times: use 30_stepped_wedge.")  # fmt: skip
        staggered = rows.drop_duplicates("site")["wave"].nunique() > 1
        if staggered and choice.calendar == "none":
            notes.warn("staggered_starts_without_calendar")
        if staggered and choice.trend == "walk":
            notes.refuse("walk", "model.trend", "walk with sites that start apart or never", "auto, none or linear there",
                         "Shocks shared by the sites take its place.")  # fmt: skip
        long = choice.trend == "auto" and _points_before(rows) >= WALK_POINTS
        if not staggered and choice.calendar == "auto" and (long or choice.trend == "walk"):
            return "smooth"
        return "shocks" if staggered and choice.calendar == "auto" else "none"
    if choice.calendar == "none":
        notes.refuse("calendar", "model.calendar", "none in a stepped wedge", "auto, categorical or smooth",
                     "Without calendar time a stepped wedge can report the wrong sign.")  # fmt: skip
    if choice.calendar == "auto":
        # where hundreds of sites inform each period there is nothing to smooth
        return (
            "categorical" if periods <= CATEGORICAL_PERIODS or len(rows) > LARGEST_CELL_LATENT else "smooth"
        )
    return choice.calendar


def choose_strata(choice: ModelChoice, calendar: str, rows: pd.DataFrame, notes: Notes) -> int:
    """Number of strata with deviations of their own from calendar time; 0 where there are none."""
    strata = int(rows["stratum"].nunique())
    if not choice.strata:
        return 0
    if calendar not in ("categorical", "smooth") or strata < 2:
        notes.refuse("strata", "model.strata", f"{strata} {'stratum' if strata == 1 else 'strata'}, calendar {calendar}", "two strata or more in a stepped wedge",
                     "Fill the column 'stratum' of the roll-out table, or leave model.strata out.")  # fmt: skip
        return 0
    return strata


def choose_trend(choice: ModelChoice, kind: Kind, calendar: str, rows: pd.DataFrame, notes: Notes) -> bool:
    """A linear trend: part of a smooth calendar; in before/after where the series before start carries it and
    is not so long that the level wanders."""
    if kind == "stepped_wedge":
        if choice.trend == "walk":
            notes.refuse("trend", "model.trend", "walk in a stepped wedge", "auto, none or linear there",
                         "Choose calendar: smooth, which is a walk.")  # fmt: skip
        if choice.trend == "linear" and calendar != "smooth":
            notes.refuse("trend", "model.trend", f"linear beside a {calendar} calendar", "auto or none there",
                         "An effect for each period holds the trend already; choose calendar: smooth for a line.")  # fmt: skip
        return calendar == "smooth" and choice.trend != "none"
    if calendar == "smooth":
        return False  # a level that wanders holds every line
    points = _points_before(rows)
    if choice.trend == "linear" and points < TREND_POINTS:
        notes.refuse("trend", "model.trend", f"linear with {points} periods before start",
                     f"none below {TREND_POINTS} periods before start", "Use none, or bring a longer series.")  # fmt: skip
    trend = points >= TREND_POINTS and choice.trend in ("auto", "linear")
    if choice.trend == "auto" and not trend:
        notes.warn("trend_left_out", points=points)
    if not trend and calendar == "none":
        notes.warn("no_trend_control")
    return trend


def _points_before(rows: pd.DataFrame) -> int:
    untreated = rows["observed"] & ~rows["treated"] & ~rows["transition"] & ~rows["comparison"]
    return int(rows.loc[untreated, "period"].nunique())


def choose_site_trends(
    choice: ModelChoice, kind: Kind, trend: bool, rows: pd.DataFrame, notes: Notes
) -> tuple[bool, bool]:
    """Whether treated and never-treated sites may have different trends, and whether every site has its own."""
    points = _points_before(rows)
    sites = rows.drop_duplicates("site")
    compared = kind == "before_after" and bool(sites["comparison"].any()) and not sites["comparison"].all()
    enough = trend and points >= SITE_TREND_POINTS
    if choice.comparison == "level_slope" and not (compared and enough):
        notes.refuse("comparison", "model.comparison", f"level_slope with {points} periods before start and {int(sites['comparison'].sum())} sites without the bundle",
                     f"{SITE_TREND_POINTS} periods before start and a site without the bundle", "Use auto.")  # fmt: skip
    if compared and not enough and choice.comparison == "auto":
        notes.warn("comparison_level_only", points=points)
    own = kind == "before_after" and len(sites) >= 3 and enough
    return compared and enough and choice.comparison != "level", own


def choose_site_effects(choice: ModelChoice, rows: pd.DataFrame, notes: Notes) -> bool:
    """Whether the effect differs between sites: by default where enough treated sites can show it."""
    treated = int(rows.loc[rows["used"] & rows["treated"], "site"].nunique())
    if choice.site_effects == "random" and treated < 2:
        notes.refuse("site_effects", "model.site_effects", f"random with {treated} treated site", "none with fewer than two",
                     "Use none: one site tells nothing of differences between sites.")  # fmt: skip
    return choice.site_effects == "random" or (choice.site_effects == "auto" and treated >= EFFECT_SITES)


def choose_transition(choice: ModelChoice, rows: pd.DataFrame) -> Literal["none", "own", "drop", "dose"]:
    """How transition periods enter, where any cell with data lies in one."""
    if not (rows["transition"] & rows["observed"]).any():
        return "none"
    if choice.transition in ("own", "drop"):
        return choice.transition
    return "dose"


def choose_secular(choice: ModelChoice, kind: Kind, trend: bool, calendar: str) -> Belief | None:
    """Belief about change that would have come anyway, where the series can show none of it (Turner &
    Spiegelhalter 2009); a study that asks for no trend has decided that there is none."""
    needed = kind == "before_after" and not trend and calendar == "none" and choice.trend == "auto"
    return choice.secular if needed else None


REPORTED_MORE = Belief(mean=0.1, sd=0.2)
"""What is believed of reports where a study says nothing: up a little, and nobody knows how much (choice). Incident
systems hold a few per cent of the harm that record review finds (Hibbert 2023, mzad056), so there is room."""


def choose_reporting(choice: ModelChoice, measure: Measure, primary: bool) -> Belief | None:
    """Belief about the log change in the share of events that is reported; None for what is counted without."""
    if measure.counts == "reports":
        return choice.reporting or REPORTED_MORE
    return choice.reporting if primary else None


def choose_harmonics(choice: ModelChoice, calendar: str, panel: Panel, notes: Notes) -> int:
    """Fourier pairs of the season: two for monthly, one for quarterly series of two years or more.

    A calendar with an effect for each period carries the season already.
    """
    if calendar == "categorical":
        if choice.season == "fourier":
            notes.refuse("season", "model.season", "fourier beside a categorical calendar", "auto or none there",
                         "An effect for each period holds the season already; choose calendar: smooth for a season.")  # fmt: skip
        return 0
    if choice.season == "none":
        return 0
    months = len(panel.periods) * panel.period_months
    if months < SEASON_MONTHS or panel.period_months > 3:
        if choice.season == "fourier":
            notes.refuse("season", "model.season", f"fourier with {months:.0f} months in steps of {panel.period_months:.1f}",
                         f"none below {SEASON_MONTHS} months of monthly or quarterly data", "Use none.")  # fmt: skip
        elif panel.period_months <= 3:
            notes.warn("season_left_out", months=round(months))
        return 0
    return 2 if panel.period_months <= 1.5 else 1


def choose_effect(choice: ModelChoice, kind: Kind, trend: bool, rows: pd.DataFrame, notes: Notes) -> str:
    """Effect shape: a random walk in a wedge; level and slope in a series that carries them, else constant."""
    points = int(rows.loc[rows["observed"] & rows["treated"], "period"].nunique())
    if choice.effect == "level_slope" and points < TREND_POINTS:
        notes.refuse("slope", "model.effect", f"level_slope with {points} periods after start",
                     f"it below {TREND_POINTS} periods after start", "Use it, or wait for a longer series.")  # fmt: skip
    before = _points_before(rows)
    if choice.effect == "level_slope" and kind == "before_after" and before < TREND_POINTS:
        notes.refuse("slope", "model.effect", f"level_slope with {before} periods before start",
                     f"it below {TREND_POINTS} periods before start", "Use it: a change of slope needs a slope to change from.")  # fmt: skip
    if choice.effect != "auto":
        shape: str = choice.effect
    elif kind == "stepped_wedge":
        shape = "rw"
    else:
        shape = "level_slope" if trend and points >= TREND_POINTS else "it"
    if shape == "it" and kind == "stepped_wedge":
        notes.warn("effect_shape_constant")
    return shape


def choose_wave_effects(kind: Kind, randomised: bool, rows: pd.DataFrame, notes: Notes) -> bool:
    """Wave effects when the roll-out was not randomised, so that the effect is learnt within waves; they
    need two waves of two sites, or a wave and a site would be the same column."""
    if kind == "before_after" or randomised:
        return False
    sites = rows.drop_duplicates("site").groupby("wave")["site"].count()
    enough = int((sites >= 2).sum()) >= 2
    if not enough:
        notes.warn("no_wave_effects", waves=len(sites))
    return enough


def supported_exposure(rows: pd.DataFrame) -> tuple[int, int]:
    """Longest exposure time with support of its own (two sites, one where only one is treated), and the
    number of bins of the curve: longer exposure times share one more."""
    used = rows[rows["treated"] & rows["observed"]]
    reach = used.groupby("exposure")["site"].nunique()
    needed = min(2, int(used["site"].nunique()))
    supported = int(reach[reach >= needed].index.max()) if (reach >= needed).any() else 1
    return supported, supported + (1 if int(rows["exposure"].max()) > supported else 0)


def choose_window(
    asked: Estimand, period_months: float, rows: pd.DataFrame, supported: int, notes: Notes
) -> tuple[int, int]:
    """First and last exposure time of the estimand: twelve months, or as far as half of the treated sites
    reach if that is less (docs/model.md §5)."""
    year = max(1, round(12 / period_months))
    used = rows[rows["treated"] & rows["observed"]]
    reach = used.groupby("exposure")["site"].nunique()
    wide = reach[reach >= used["site"].nunique() / 2]
    half = int(wide.index.max()) if len(wide) else supported
    last = asked.to if asked.to is not None else min(year, half, supported)
    if asked.to is None and last < year:
        notes.warn("window_shortened", periods=last, months=round(last * period_months))
    if last > supported:
        notes.refuse("window", "estimand.to", str(last), f"at most {supported}",
                     "Longer exposure times are reached by too few sites.")  # fmt: skip
    if asked.from_ > last:
        notes.refuse("window", "estimand.from", str(asked.from_), f"at most {last}",
                     "Start the window earlier.")  # fmt: skip
    elif not used["exposure"].between(asked.from_, last).any():
        notes.refuse("window", "estimand", f"{asked.from_} to {last}, where nothing was observed",
                     "a window with observed periods", "Move the window, or bring the missing periods.")  # fmt: skip
    return asked.from_, last


def warn_of_design(rows: pd.DataFrame, window: tuple[int, int], notes: Notes) -> None:
    """What a reader should know of the comparison itself: periods in which every site has the bundle, and
    exposure times of the window that no untreated site ever stands beside."""
    used = rows[rows["used"]]
    treated = used.groupby("period")["treated"]
    everyone, anyone = treated.all(), treated.any()
    if used["site"].nunique() > 1 and everyone.any() and used.loc[used["treated"], "wave"].nunique() > 1:
        beside = identified_by(rows)
        alone = sum(1 for time in range(window[0], window[1] + 1) if beside.get(time, 0) == 0)
        notes.warn("all_treated_tail", periods=int((everyone & anyone).sum()), alone=alone)


def warn_of_tables(study: Study, primary: bool, notes: Notes) -> None:
    """What a study brings and this model leaves aside."""
    if study.fidelity is not None:
        notes.warn("fidelity_not_used")
    shown = any((study.cycles, study.phases, study.fit_form))
    if primary and (shown or (study.strategies is not None and not study.strategies.intensity)):
        notes.warn("tables_not_used")


def identified_by(rows: pd.DataFrame) -> dict[int, int]:
    """Within-period contrasts of each exposure time: cells at that time with an untreated site beside them."""
    used = rows[rows["used"]]
    untreated = used[~used["treated"] & ~used["transition"]].groupby("period")["site"].nunique()
    treated = used[used["treated"]]
    beside = treated["period"].map(untreated).fillna(0) > 0
    counts = beside.groupby(treated["exposure"]).sum()
    return dict(zip(counts.index.astype(int).tolist(), counts.astype(int).tolist(), strict=True))
