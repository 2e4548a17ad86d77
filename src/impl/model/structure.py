"""From study and panel to the structure of one model: what was chosen, and the row table.

The row table is the full site x period grid of the sites that are modelled. It is the only place where
the design is written down: the PyMC graph, `predict` and every estimand read the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.model.choices import (
    CORRELATED_SITES,
    LARGEST_CELL_LATENT,
    Kind,
    Notes,
    Warned,
    baseline,
    check_bundles,
    check_comparison,
    check_covariates,
    choose_calendar,
    choose_effect,
    choose_harmonics,
    choose_laws,
    choose_reporting,
    choose_secular,
    choose_site_effects,
    choose_site_trends,
    choose_strata,
    choose_transition,
    choose_trend,
    choose_wave_effects,
    choose_window,
    supported_exposure,
    warn_of_design,
    warn_of_tables,
)
from impl.model.columns import BUNDLE, COVARIATE, covariate_columns, other_bundle_columns, target_column
from impl.model.effects import EFFECTS
from impl.model.effects.effect import EffectShape
from impl.model.learnt import learnt_prior
from impl.model.likelihoods import LIKELIHOODS
from impl.model.likelihoods.likelihood import Likelihood, link_of
from impl.model.moderators import MODERATOR, declared_moderators, moderator_columns, sites_with
from impl.model.priors import Priors, resolve_priors, scaled
from impl.study.catalogue import Measure
from impl.study.load import read_measure
from impl.study.study import Belief, Dose, Study

if TYPE_CHECKING:
    from impl.network.prior import Learnt

Array = npt.NDArray[np.float64]
Role = Literal["primary", "paired", "negative_control"]

CENTRED_CELLS = 5.0  # information x variance above which cell effects are centred (docs/model.md §4) …
CENTRED_SITES = 20.0  # … and site effects; chosen on one wedge where it halved the steps per draw
GROUPS = ("none", "yes", "no", "unknown")
"""Groups of the contrast `consistent`: no modification yet, consistent, inconsistent, unknown."""
DOSE = "dose:"
"""Prefix of the row table's columns of the parts of a dose that multiplies the effect."""
AFTER = "months_after_support"
"""Column of the row table where an effect may fade once active support has ended: months, 0 before."""

DATA: Mapping[str, bool] = {"data": True}
"""Marks a field that a compiled model takes as data; every other field is part of what was compiled."""


LEARNT = "effect_window"
"""The time-averaged effect over the curve, recorded where its prior is learnt from other studies."""


@dataclass(frozen=True, kw_only=True)
class Structure:
    """One model, decided: laws, terms, prior scales and the row table. Confidential: it holds the data.

    rows: one row a site x period of the modelled sites, site-major, columns
        `site`, `period`, `wave`, `stratum` (positions), `numerator`, `denominator`, `sum_squares`,
        `person_sum_squares` (NaN where not observed), `at_least`, `at_most` (NaN unless `interval`), `observed`,
        `interval` (count known as an interval), `used` (observed and in the likelihood), `treated`,
        `transition` (bool), `dose` (share of the first effect in a transition period, 0 elsewhere), `lead`
        (periods to start where anticipation is modelled, else 0), `after` (bool: at or past the start; not
        switched off by any scenario), `comparison` (bool: a never-treated site of a before/after study),
        `start` (position, NaN for never), `exposure` (periods since start, 0 before), `bin` (position in
        the curve + 1, 0 before start), `years` (since the reference date), `phase` (season, radians), `group`
        (position in GROUPS), a column `bundle:<id>` a further bundle, `covariate:<name>` a covariate and
        `moderator:<score>` a moderator (centred, 0 where untreated); `dose:<part>` the dose of a treated cell,
        where the effect grows with the share delivered; `target` (see `columns`) where the measure has targets.
    bins: exposure times 1..`supported` have their own bin; longer ones share bin `supported + 1`, which is
        no exposure time and enters no estimand.
    window: first and last exposure time of the time-averaged effect.
    learnt: prior of the time-averaged effect from other studies, or None.
    decision: smallest worthwhile, harmful and negligible relative change.
    moderator_centres, moderator_sites: mean that was taken from each moderator, and sites with any of it.
    clustering: none, exchangeable, nested, decay (one site: an autoregressive series) or cohort.
    calendar: none, categorical, smooth (a random walk; before/after: a level that wanders) or shocks (shared by
        the sites of a before/after study).
    answers: row x category of an ordered measure (NaN where not observed), or None.
    """

    bundle: str = field(metadata=DATA)
    other_bundles: tuple[str, ...] = ()
    measure: Measure = field(metadata=DATA)
    role: Role = field(metadata=DATA)
    kind: Kind = field(metadata=DATA)
    sites: tuple[str, ...]
    periods: tuple[tuple[date, date], ...]
    months: float = field(metadata=DATA)
    likelihood: Likelihood
    effect: EffectShape
    clustering: str
    calendar: str
    strata: int = 0
    trend: bool
    trend_difference: bool = False
    site_trends: bool = False
    harmonics: int
    waves: int
    wave_effects: bool
    site_effects: bool = False
    site_correlation: bool = False
    site_slopes: bool = False
    contrast: bool
    moderator_centres: tuple[float, ...] = field(default=(), metadata=DATA)
    moderator_sites: tuple[int, ...] = field(default=(), metadata=DATA)
    transition: Literal["none", "own", "drop", "dose"] = "none"
    anticipation: int = 0
    secular: Belief | None = None
    reporting: Belief | None = None
    priors: Priors = field(metadata=DATA)
    learnt: Learnt | None = None
    location: float = field(metadata=DATA)
    centred_cells: bool
    centred_sites: bool
    supported: int = field(metadata=DATA)
    bins: int
    window: tuple[int, int] = field(metadata=DATA)
    decision: tuple[float, float, float] = field(metadata=DATA)
    rows: pd.DataFrame = field(metadata=DATA)
    answers: npt.NDArray[np.float64] | None = field(default=None, metadata=DATA)
    warnings: tuple[Warned, ...] = field(default=(), metadata=DATA)

    @property
    def latent_cells(self) -> bool:
        return self.clustering in ("nested", "decay", "cohort")

    @property
    def latent_sites(self) -> bool:
        """Whether sites have a term of their own; under decay it is part of the series of each site."""
        return self.clustering in ("exchangeable", "nested", "cohort") and len(self.sites) > 1

    @property
    def covariates(self) -> tuple[str, ...]:
        return tuple(name for name in self.rows.columns if name.startswith(COVARIATE))

    @property
    def moderators(self) -> tuple[str, ...]:
        return tuple(name for name in self.rows.columns if name.startswith(MODERATOR))

    @property
    def doses(self) -> tuple[str, ...]:
        return tuple(name for name in self.rows.columns if name.startswith(DOSE))

    @property
    def fades(self) -> bool:
        """Whether the effect may fade after active support."""
        return AFTER in self.rows.columns

    @property
    def other_bins(self) -> int:
        """Exposure times of the longest further bundle; 1 where there is none."""
        columns = [BUNDLE + bundle for bundle in self.other_bundles]
        return max(1, int(self.rows[columns].to_numpy().max())) if columns else 1

    @property
    def large(self) -> bool:
        """Whether this is a model of national size: more cells than may have effects of their own."""
        return len(self.rows) > LARGEST_CELL_LATENT and not self.latent_cells

    @property
    def whole_grid(self) -> bool:
        """Whether a large model uses every cell: then none is picked out in every gradient, which is a sixth
        of its price. Small models pick always, so that a refit to part of the data is the same compiled model."""
        return self.large and bool(self.rows["used"].all())

    @property
    def spread_known(self) -> bool:
        """Whether every used cell with several persons brought its sum of squares (identity link)."""
        several = self.rows["used"] & (self.rows["denominator"] > 1)
        known = self.rows.loc[several, "sum_squares"].notna()
        return self.likelihood.link == "identity" and bool(len(known) and known.all())

    @property
    def shape(self) -> tuple[int, int]:
        """Sites and periods: every column of `rows` reshapes to it."""
        return len(self.sites), len(self.periods)

    def grid(self, column: str) -> npt.NDArray[Any]:
        """A column of the row table as site x period."""
        return self.rows[column].to_numpy().reshape(self.shape)

    def compiled_key(self) -> tuple[object, ...]:
        """What a compiled model depends on: structures with one key differ in data and prior scales only."""
        key: list[object] = []
        for part in fields(self):
            value = getattr(self, part.name)
            if part.metadata.get("data"):
                continue
            if part.name in ("sites", "periods", "other_bundles"):
                value = len(value)
            elif part.name == "effect":
                value = value.family
            elif part.name == "likelihood":
                value = value.name
            elif part.name in ("secular", "reporting", "learnt"):
                value = value is not None
            key.append((part.name, value))
        return (
            *key,
            ("covariates", len(self.covariates)),
            ("moderators", len(self.moderators)),
            ("doses", len(self.doses)),
            ("fades", self.fades),
            ("other_bins", self.other_bins),
            ("spread", self.spread_known),
            ("whole_grid", self.whole_grid),
            ("several", bool((self.rows["used"] & (self.rows["denominator"] > 1)).any())),
            ("intervals", bool(self.rows["interval"].any())),
            ("answers", None if self.answers is None else self.answers.shape[1], self.measure.stated_level),
        )


def describe_structure(study: Study, panel: Panel, measure_id: str | None = None) -> Structure:
    """Decide the model of one measure.

    Raises DesignError where study and data cannot answer together, all reasons at once.
    """
    measure = read_measure(measure_id or study.measures.primary, study.root)
    role = _role(study, measure.id)
    primary = role == "primary"
    kind: Kind = study.kind
    notes = Notes(study.id)
    rows, sites = _rows(study, panel, measure.id)
    before = baseline(rows)
    check_comparison(measure.id, kind, rows, before, notes)
    check_covariates(rows, notes)
    check_bundles(study.other_bundles, rows, notes)
    notes.settle()

    calendar = choose_calendar(study.model, kind, len(panel.periods), rows, notes)
    name, clustering = choose_laws(study.model, measure, primary, len(sites), calendar, panel, rows, notes)
    likelihood = LIKELIHOODS[name]
    strata = choose_strata(study.model, calendar, rows, notes)
    trend = choose_trend(study.model, kind, calendar, rows, notes)
    trend_difference, site_trends = choose_site_trends(study.model, kind, trend, rows, notes)
    harmonics = choose_harmonics(study.model, calendar, panel, notes)
    effect = choose_effect(study.model, kind, trend, rows, notes)
    wave_effects = choose_wave_effects(kind, study.rollout.randomised, rows, notes)
    site_effects = choose_site_effects(study.model, rows, notes)
    transition = choose_transition(study.model, rows)
    supported, bins = supported_exposure(rows)
    rows["bin"] = np.minimum(rows["exposure"], bins)
    window = choose_window(study.estimand, panel.period_months, rows, supported, notes)
    notes.settle()
    warn_of_design(rows, window, notes)
    centres: tuple[float, ...] = ()
    if primary:
        columns, centres = moderator_columns(study, panel, sites, rows, notes)
        rows = rows.assign(**columns)
        notes.settle()

    priors = resolve_priors(study.model.priors)
    if priors.name == "wide":
        notes.warn("prior_wide")
    if likelihood.link == "identity":
        priors = scaled(priors, _person_sd(rows, before))
    learnt = learnt_prior(study, panel, measure, likelihood.link, EFFECTS[effect], notes) if primary else None
    notes.settle()
    centred_cells, centred_sites = _parametrisation(rows, clustering, likelihood, len(sites))
    warn_of_tables(study, primary, notes)
    contrasts = study.adaptations.contrasts if study.adaptations else ()
    moderators = declared_moderators(study, panel) if primary else ()
    correlated = site_effects and clustering != "decay" and len(sites) >= CORRELATED_SITES
    return Structure(
        bundle=study.bundle,
        other_bundles=study.other_bundles,
        measure=measure,
        role=role,
        kind=kind,
        sites=sites,
        periods=tuple((period.start, period.end) for period in panel.periods),
        months=panel.period_months,
        likelihood=likelihood,
        effect=EFFECTS[effect],
        clustering=clustering,
        calendar=calendar,
        strata=strata,
        trend=trend,
        trend_difference=trend_difference,
        site_trends=site_trends,
        harmonics=harmonics,
        waves=int(rows["wave"].nunique()),
        wave_effects=wave_effects,
        site_effects=site_effects,
        site_correlation=correlated,
        site_slopes=site_effects and effect == "level_slope" and kind == "before_after",
        contrast=primary and "consistent" in contrasts,
        moderator_centres=centres,
        moderator_sites=tuple(sites_with(panel, sites, rows, name) for name in moderators),
        transition=transition,
        anticipation=study.model.anticipation,
        secular=choose_secular(study.model, kind, trend, calendar),
        reporting=choose_reporting(study.model, measure, primary),
        priors=priors,
        learnt=learnt,
        location=_location(rows, before, likelihood),
        centred_cells=centred_cells,
        centred_sites=centred_sites,
        supported=supported,
        bins=bins,
        window=window,
        decision=(study.decision.worthwhile, study.decision.harm, study.decision.negligible),
        rows=rows,
        answers=_answers(panel, measure.id, sites) if likelihood.draw_answers else None,
        warnings=tuple(notes.warnings),
    )


def _role(study: Study, measure: str) -> Role:
    if measure == study.measures.primary:
        return "primary"
    return "paired" if measure in study.measures.paired else "negative_control"


def _rows(study: Study, panel: Panel, measure: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The row table without bins, and the modelled sites (sites that started before the data are left out:
    their time since start is unknown)."""
    rollout = panel.rollout.set_index("site")
    sites = tuple(site for site in panel.sites if rollout.loc[site, "state"] != "before-data")
    cells = panel.cells[(panel.cells["measure"] == measure) & panel.cells["site"].isin(sites)]
    position = {site: index for index, site in enumerate(sites)}
    rows = cells.drop(columns="measure").assign(site=cells["site"].map(position).astype(int))
    rows = rows.sort_values(["site", "period"], ignore_index=True)
    by_site = rollout.loc[list(sites)]
    start = by_site["start_period"].to_numpy(dtype=float)[rows["site"]]
    touched = by_site["transition_from"].to_numpy(dtype=float)[rows["site"]]
    if study.model.lag:
        # periods of the lag are touched by the bundle, so they are transition; time since start is counted
        # from the first period in which an effect is expected
        touched, start = np.fmin(touched, start), start + study.model.lag
    period = rows["period"].to_numpy()
    treated = period >= start  # NaN compares False: never treated
    transition = (period >= touched) & ~treated
    within = np.isfinite(start) & (start < len(panel.periods))
    middle = pd.to_datetime(pd.Series([p.start + (p.end - p.start) / 2 for p in panel.periods]))
    # years are counted from the first start, so that the intercept is the level there
    reference = middle.iloc[int(start[within].min())] if within.any() else middle.iloc[0]
    dropped = transition & (study.model.transition == "drop")
    lead = np.where(~treated & ~transition, np.nan_to_num(start, nan=np.inf) - period, 0.0)
    rows = rows.assign(
        start=start,
        treated=treated,
        transition=transition,
        dose=_dose(study.model.transition, period, start, touched, transition),
        lead=np.where((lead >= 1) & (lead <= study.model.anticipation), lead, 0).astype(int),
        after=treated,
        comparison=~within & (study.kind == "before_after"),
        exposure=np.where(treated, period - np.nan_to_num(start) + 1, 0).astype(int),
        wave=pd.factorize(pd.Series(np.where(within, start, np.inf)), sort=True)[0],
        stratum=pd.factorize(by_site["stratum"], sort=True)[0][rows["site"]],
        interval=rows["at_most"].notna() & rows["denominator"].notna() & ~rows["observed"] & ~dropped,
        used=rows["observed"] & ~dropped,
        years=((middle - reference).dt.days.to_numpy() / 365.25)[period],
        phase=(2 * np.pi * middle.dt.day_of_year.to_numpy() / 365.25)[period],
        group=0,
    )
    rows = rows.assign(
        **other_bundle_columns(panel, sites, rows),
        **covariate_columns(study, panel, sites, rows),
        **target_column(panel, measure, sites, rows),
    )
    return _with_groups(rows, panel, sites), sites


def _dose(
    choice: str | Dose, period: Array, start: Array, touched: Array, transition: npt.NDArray[np.bool_]
) -> Array:
    """Share of the first full effect in a transition period: rising in equal steps, or as stated."""
    if isinstance(choice, Dose):
        return np.where(transition, choice.dose, 0.0)
    if choice != "ramp":
        return np.zeros(len(period))
    return np.where(transition, (period - touched + 1) / (start - touched + 1), 0.0)


def _answers(panel: Panel, measure: str, sites: tuple[str, ...]) -> Array:
    """Answers by category in the order of the rows."""
    counts = panel.answers[measure][[panel.sites.index(site) for site in sites]]
    return np.asarray(counts.reshape(-1, counts.shape[-1]), dtype=float)


def _with_groups(rows: pd.DataFrame, panel: Panel, sites: tuple[str, ...]) -> pd.DataFrame:
    """Group of the contrast per cell, from modifications in force when the period begins.

    One inconsistent modification makes a site's group `no` while it is in force; otherwise one of unknown
    kind makes it `unknown`; otherwise, with at least one modification, it is `yes`.
    """
    if panel.adaptations is None:
        return rows
    weakest_first = ("none", "yes", "unknown", "no")
    strength = np.zeros(len(rows), dtype=int)
    begins = np.array([period.start for period in panel.periods])[rows["period"]]
    for row in panel.adaptations.itertuples():
        if row.site in sites:
            in_force = (rows["site"] == sites.index(row.site)) & (rows["period"] >= row.from_period)
            if isinstance(row.end, date):  # empty = still in force
                in_force &= begins <= row.end
            strength[in_force] = np.maximum(strength[in_force], weakest_first.index(row.consistent))
    return rows.assign(group=np.array([GROUPS.index(name) for name in weakest_first])[strength])


def _location(rows: pd.DataFrame, before: npt.NDArray[np.bool_], likelihood: Likelihood) -> float:
    """Where the intercept's prior sits: the crude level before start, on the link scale.

    Informed by the data on purpose, as a location only; half an event keeps an empty baseline finite.
    """
    cells = rows[before]
    numerator, denominator = float(cells["numerator"].sum()), float(cells["denominator"].sum())
    if likelihood.link == "identity":
        return numerator / denominator
    return link_of((numerator + 0.5) / (denominator + 1.0), likelihood.link)


def _person_sd(rows: pd.DataFrame, before: npt.NDArray[np.bool_]) -> float:
    """Pooled SD between persons before start; from the spread of cell means where no sums of squares are."""
    cells = rows[before & (rows["denominator"] > 1)]
    if len(cells) and cells["sum_squares"].notna().all():
        return float(np.sqrt(cells["sum_squares"].sum() / (cells["denominator"] - 1).sum()))
    seen = rows[rows["observed"]]
    spread = float((seen["numerator"] / seen["denominator"]).std() * np.sqrt(seen["denominator"].median()))
    return spread if spread > 0 else 1.0


def _parametrisation(
    rows: pd.DataFrame, clustering: str, likelihood: Likelihood, sites: int
) -> tuple[bool, bool]:
    """Whether cells and sites carry so much information that centred effects sample better.

    Information times a crude variance of the effect, per cell and per site; decides how the model is
    written for the sampler, never what it says; the unit that counts is the cell, not the site's events.
    """
    cells = rows[rows["observed"]]
    if clustering == "none" or likelihood.link == "identity" or len(cells) < 4:
        return False, False
    level = (cells["numerator"] + 0.5) / (cells["denominator"] + 0.5)
    information = cells["numerator"] + 0.5
    if likelihood.link == "logit":
        information = cells["denominator"] * level * (1 - level)
    logs = pd.Series(np.log(level), index=cells.index)
    sampling = float((1.0 / (cells["numerator"] + 0.5)).mean())
    by_site = logs.groupby(cells["site"]).mean()
    residual = logs - logs.groupby(cells["site"]).transform("mean")
    residual = residual - residual.groupby(cells["period"]).transform("mean")
    spread = float(residual.var())
    if sites == 1:
        # a series by itself: half the mean square of its steps, which trend and season hardly enter
        spread = float(logs.diff().pow(2).mean()) / 2.0
    cell_variance = max(spread - sampling, 0.0)
    site_information = float(information.groupby(cells["site"]).sum().median())
    centred_cells = (
        clustering in ("nested", "decay") and float(information.median()) * cell_variance > CENTRED_CELLS
    )
    separate = clustering != "decay" and sites > 1  # under decay the level of a site is part of its series
    return centred_cells, separate and site_information * float(by_site.var()) > CENTRED_SITES
