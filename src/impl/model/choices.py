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
from impl.study.study import Estimand, ModelChoice, Study

LARGEST_CELL_LATENT = 3000  # cells; above it a cell effect costs tens of CPU minutes (measured at 34,272)
CATEGORICAL_PERIODS = 12  # up to here each period has its own effect; above, a smooth curve
TREND_POINTS = 6  # observed periods before (and after) start that a slope needs
SEASON_MONTHS = 24  # shortest series that can carry a season

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
    study: Study,
    measure: str,
    kind: Kind,
    rows: pd.DataFrame,
    before: npt.NDArray[np.bool_],
    notes: Notes,
) -> None:
    """Refuse data that hold no comparison, and choices that are declared but not available yet."""
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
    if (
        kind == "before_after"
        and sites.loc[sites["start"] < len(rows["period"].unique()), "wave"].nunique() > 1
    ):
        notes.warn("staggered_starts_without_calendar")
    if study.covariates is not None and study.covariates.use:
        notes.refuse("covariates", "covariates.use", ", ".join(study.covariates.use), "an empty list in this version",
                     "The model cannot adjust for covariates yet; leave the list empty.")  # fmt: skip


def choose_laws(
    choice: ModelChoice, measure: Measure, primary: bool, sites: int, rows: pd.DataFrame, notes: Notes
) -> tuple[str, str]:
    """Likelihood and clustering. With one observation a cell, either the law has dispersion of its own or
    there is a cell effect, never both (docs/model.md §1). The study's choice of likelihood is about
    its primary measure; paired measures follow the rule."""
    name: str = choice.likelihood if primary else "auto"
    clustering: str = choice.clustering
    large = len(rows) > LARGEST_CELL_LATENT
    if name == "auto" and measure.kind == "rate":
        name = "negbin" if sites == 1 or large or clustering in ("none", "exchangeable") else "poisson"
    elif name == "auto":
        name = "binomial" if measure.kind == "proportion" else "normal"
    law = LIKELIHOODS[name]
    if measure.kind not in law.kinds:
        fitting = " or ".join(other.name for other in LIKELIHOODS.values() if measure.kind in other.kinds)
        notes.refuse("likelihood", "model.likelihood", f"{name} for a {measure.kind}", fitting,
                     "Choose auto to let the measure decide.")  # fmt: skip
    if clustering == "auto" and (law.own_dispersion or large):
        clustering = "none" if sites == 1 else "exchangeable"
        if large:
            notes.warn("no_cell_effects", cells=len(rows))
    elif clustering == "auto":
        clustering = "nested"
    if clustering == "nested" and law.own_dispersion:
        notes.refuse("dispersion", "model.clustering", f"nested with {name}", "exchangeable or none",
                     "The law's own dispersion and a cell effect would compete; choose poisson for nested.")  # fmt: skip
    if clustering == "exchangeable" and sites == 1:
        notes.refuse("clustering", "model.clustering", "exchangeable with one site", "none or nested",
                     "One site has nothing to be exchangeable with.")  # fmt: skip
    if clustering == "none" and sites > 1:
        notes.refuse("clustering", "model.clustering", "none with several sites", "exchangeable or nested",
                     "Sites differ; without a site term the intervals are too narrow.")  # fmt: skip
    several = rows.loc[rows["observed"] & (rows["denominator"] > 1), "sum_squares"]
    if law.link == "identity" and clustering == "nested" and (several.isna().any() or several.empty):
        notes.refuse("sum_squares", "data", "cell means without sum_squares", "given with a sum of squares in every cell",
                     "Add the within-cell sum of squared deviations, or choose clustering: exchangeable.")  # fmt: skip
    return name, clustering


def choose_calendar(choice: ModelChoice, kind: Kind, periods: int, notes: Notes) -> str:
    """Calendar time: always there in a wedge (without it the sign can be wrong: Hemming 2017)."""
    if kind == "before_after":
        if choice.calendar in ("categorical", "smooth"):
            notes.refuse("calendar", "model.calendar", f"{choice.calendar} in a before/after study", "auto or none",
                         "Calendar time of its own needs sites that start at different times: use 30_stepped_wedge.")  # fmt: skip
        return "none"
    if choice.calendar == "none":
        notes.refuse("calendar", "model.calendar", "none in a stepped wedge", "auto, categorical or smooth",
                     "Without calendar time a stepped wedge can report the wrong sign.")  # fmt: skip
    if choice.calendar == "auto":
        return "categorical" if periods <= CATEGORICAL_PERIODS else "smooth"
    return choice.calendar


def choose_trend(choice: ModelChoice, kind: Kind, calendar: str, rows: pd.DataFrame, notes: Notes) -> bool:
    """A linear trend: part of a smooth calendar; in before/after where the series before start carries it."""
    if kind == "stepped_wedge":
        if choice.trend == "linear" and calendar != "smooth":
            notes.refuse("trend", "model.trend", f"linear beside a {calendar} calendar", "auto or none there",
                         "An effect for each period holds the trend already; choose calendar: smooth for a line.")  # fmt: skip
        return calendar == "smooth" and choice.trend != "none"
    untreated = rows["observed"] & ~rows["treated"] & ~rows["transition"]
    points = int(rows.loc[untreated, "period"].nunique())
    if choice.trend == "linear" and points < TREND_POINTS:
        notes.refuse("trend", "model.trend", f"linear with {points} periods before start",
                     f"none below {TREND_POINTS} periods before start", "Use none, or bring a longer series.")  # fmt: skip
    trend = points >= TREND_POINTS and choice.trend != "none"
    if choice.trend == "auto" and not trend:
        notes.warn("trend_left_out", points=points)
    if not trend:
        notes.warn("no_trend_control")
    return trend


def choose_harmonics(choice: ModelChoice, kind: Kind, calendar: str, panel: Panel, notes: Notes) -> int:
    """Fourier pairs of the season: two for monthly, one for quarterly series of two years or more.

    A calendar with an effect for each period carries the season already.
    """
    if kind == "stepped_wedge" and calendar == "categorical":
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
