"""From study and panel to the structure of one model: what was chosen, and the row table.

The row table is the full site x period grid of the sites that are modelled. It is the only place where
the design is written down: the PyMC graph, `predict` and every estimand read the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.model.choices import (
    Kind,
    Notes,
    Warned,
    baseline,
    check_comparison,
    choose_calendar,
    choose_effect,
    choose_harmonics,
    choose_laws,
    choose_trend,
    choose_wave_effects,
    choose_window,
    supported_exposure,
)
from impl.model.effects import EFFECTS
from impl.model.effects.effect import EffectShape
from impl.model.likelihoods import LIKELIHOODS
from impl.model.likelihoods.likelihood import Likelihood, link_of
from impl.model.priors import Priors, resolve_priors, scaled
from impl.study.catalogue import Measure
from impl.study.load import read_measure
from impl.study.study import Study

CENTRED_CELLS = 5.0  # information x variance above which cell effects are centred (docs/model.md §4) …
CENTRED_SITES = 20.0  # … and site effects; chosen on one wedge where it halved the steps per draw
GROUPS = ("none", "yes", "no", "unknown")
"""Groups of the contrast `consistent`: no modification yet, consistent, inconsistent, unknown."""


@dataclass(frozen=True, kw_only=True)
class Structure:
    """One model, decided: laws, terms, prior scales and the row table. Confidential: it holds the data.

    rows: one row a site x period of the modelled sites, site-major, columns
        `site`, `period`, `wave` (positions), `numerator`, `denominator`, `sum_squares` (NaN where not
        observed), `observed`, `treated`, `transition` (bool), `start` (position, NaN for never),
        `exposure` (periods since start, 0 before), `bin` (position in the curve + 1, 0 before start),
        `years` (since the reference date), `phase` (season, radians), `group` (position in GROUPS).
    bins: exposure times 1..`supported` have their own bin; longer ones share bin `supported + 1`, which is
        no exposure time and enters no estimand.
    window: first and last exposure time of the time-averaged effect.
    decision: smallest worthwhile, harmful and negligible relative change.
    """

    bundle: str
    measure: Measure
    role: Literal["primary", "paired"]
    kind: Kind
    sites: tuple[str, ...]
    periods: tuple[tuple[date, date], ...]
    months: float
    likelihood: Likelihood
    effect: EffectShape
    clustering: str
    calendar: str
    trend: bool
    harmonics: int
    waves: int
    wave_effects: bool
    contrast: bool
    priors: Priors
    location: float
    centred_cells: bool
    centred_sites: bool
    supported: int
    bins: int
    window: tuple[int, int]
    decision: tuple[float, float, float]
    rows: pd.DataFrame
    warnings: tuple[Warned, ...] = ()

    @property
    def transition(self) -> bool:
        """Whether any observed cell lies in a transition period, so that it gets a term of its own."""
        return bool((self.rows["transition"] & self.rows["observed"]).any())

    @property
    def latent_cells(self) -> bool:
        return self.clustering == "nested"

    @property
    def latent_sites(self) -> bool:
        return self.clustering != "none" and len(self.sites) > 1


def describe_structure(study: Study, panel: Panel, measure_id: str | None = None) -> Structure:
    """Decide the model of one measure.

    Raises DesignError where study and data cannot answer together, all reasons at once.
    """
    measure = read_measure(measure_id or study.measures.primary, study.root)
    primary = measure.id == study.measures.primary
    kind: Kind = study.kind
    notes = Notes(study.id)
    rows, sites = _rows(panel, measure.id)
    before = baseline(rows)
    check_comparison(study, measure.id, kind, rows, before, notes)
    notes.settle()

    name, clustering = choose_laws(study.model, measure, primary, len(sites), rows, notes)
    likelihood = LIKELIHOODS[name]
    calendar = choose_calendar(study.model, kind, len(panel.periods), notes)
    trend = choose_trend(study.model, kind, calendar, rows, notes)
    harmonics = choose_harmonics(study.model, kind, calendar, panel, notes)
    effect = choose_effect(study.model, kind, trend, rows, notes)
    wave_effects = choose_wave_effects(kind, study.rollout.randomised, rows, notes)
    supported, bins = supported_exposure(rows)
    rows["bin"] = np.minimum(rows["exposure"], bins)
    window = choose_window(study.estimand, panel.period_months, rows, supported, notes)
    notes.settle()

    priors = resolve_priors(study.model.priors)
    if priors.name == "wide":
        notes.warn("prior_wide")
    if likelihood.link == "identity":
        priors = scaled(priors, _person_sd(rows, before))
    if clustering == "nested" and len(sites) > 1:
        notes.warn("clustering_nested_until_decay")
    centred_cells, centred_sites = _parametrisation(rows, clustering, likelihood, len(sites))
    if study.fidelity is not None:
        notes.warn("fidelity_not_used")
    contrasts = study.adaptations.contrasts if study.adaptations else ()
    return Structure(
        bundle=study.bundle,
        measure=measure,
        role="primary" if primary else "paired",
        kind=kind,
        sites=sites,
        periods=tuple((period.start, period.end) for period in panel.periods),
        months=panel.period_months,
        likelihood=likelihood,
        effect=EFFECTS[effect],
        clustering=clustering,
        calendar=calendar,
        trend=trend,
        harmonics=harmonics,
        waves=int(rows["wave"].nunique()),
        wave_effects=wave_effects,
        contrast=primary and "consistent" in contrasts,
        priors=priors,
        location=_location(rows, before, likelihood),
        centred_cells=centred_cells,
        centred_sites=centred_sites,
        supported=supported,
        bins=bins,
        window=window,
        decision=(study.decision.worthwhile, study.decision.harm, study.decision.negligible),
        rows=rows,
        warnings=tuple(notes.warnings),
    )


def _rows(panel: Panel, measure: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
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
    period = rows["period"].to_numpy()
    treated = period >= start  # NaN compares False: never treated
    within = np.isfinite(start) & (start < len(panel.periods))
    middle = pd.to_datetime(pd.Series([p.start + (p.end - p.start) / 2 for p in panel.periods]))
    # years are counted from the first start, so that the intercept is the level there
    reference = middle.iloc[int(start[within].min())] if within.any() else middle.iloc[0]
    rows = rows.assign(
        start=start,
        treated=treated,
        transition=(period >= touched) & ~treated,
        exposure=np.where(treated, period - np.nan_to_num(start) + 1, 0).astype(int),
        wave=pd.factorize(pd.Series(np.where(within, start, np.inf)), sort=True)[0],
        years=((middle - reference).dt.days.to_numpy() / 365.25)[period],
        phase=(2 * np.pi * middle.dt.day_of_year.to_numpy() / 365.25)[period],
        group=0,
    )
    return _with_groups(rows, panel, sites), sites


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
    if clustering == "none" or sites == 1 or likelihood.link == "identity" or len(cells) < 4:
        return False, False
    level = (cells["numerator"] + 0.5) / (cells["denominator"] + 0.5)
    information = cells["numerator"] + 0.5
    if likelihood.link == "logit":
        information = cells["denominator"] * level * (1 - level)
    logs = pd.Series(np.log(level), index=cells.index)
    by_site = logs.groupby(cells["site"]).mean()
    residual = logs - logs.groupby(cells["site"]).transform("mean")
    residual = residual - residual.groupby(cells["period"]).transform("mean")
    sampling = float((1.0 / (cells["numerator"] + 0.5)).mean())
    cell_variance = max(float(residual.var()) - sampling, 0.0)
    site_information = float(information.groupby(cells["site"]).sum().median())
    centred_cells = clustering == "nested" and float(information.median()) * cell_variance > CENTRED_CELLS
    return centred_cells, site_information * float(by_site.var()) > CENTRED_SITES
