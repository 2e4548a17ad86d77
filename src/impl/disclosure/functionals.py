"""What a Release says about sums of cells: every curve point, level and total as a statement about one sum.

Statements of earlier Releases of the same study are among them, over the sites and periods that they covered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.rules import Counted
from impl.release.release import Comparison, Curve, CurvePoint, Release
from impl.release.site_counts import SiteCounts
from impl.release.targets import CommonTarget, SiteTarget, TargetSection

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Told = Callable[[float, float], tuple[float, float]]
"""From a sum's numerator and denominator to what the Release leaves possible for the numerator."""

SHARED = 0.9  # choice: share of non-zero cells that are equal from which two numerators are one quantity


@dataclass(frozen=True, kw_only=True)
class TargetTold:
    """A statement about the level between two days, both included; site None for all of them."""

    site: str | None
    start: date
    end: date


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What would be released about one measure; `window` holds the exposure times behind the level after.

    earlier: how many periods earlier the start is in the released scenario, 0 where there is none.
    sites: counts by site, where the audience may see them. targets: levels held against local targets.
    effects: sites whose effect is told.
    """

    measure: str
    window: tuple[int, int]
    curve: Curve | None
    comparison: Comparison | None
    events: int | None
    earlier: int = 0
    sites: tuple[SiteCounts, ...] = ()
    targets: tuple[TargetTold, ...] = ()
    effects: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Functional:
    """A sum over cells of one measure. low, high: what the Release says of it; None where it says nothing.

    past: an earlier Release said it; nobody can take it back. of_site: about one site.
    """

    measure: str
    where: str
    cells: Flags
    numerator: float
    denominator: float
    low: float | None = None
    high: float | None = None
    past: bool = False
    of_site: bool = False


def modelled_cells(panel: Panel, measure: str) -> pd.DataFrame:
    """Observed cells of one measure with their place in the roll-out. Sites from before the data are left out.

    Returns `site`, `period`, `numerator`, `denominator`, `exposure` (periods since start, 0 before),
    `before` (untreated, transition excluded), `starts` (the site starts within the data), `lead` (periods to
    the start, 0 after it and where there is none within the data).
    """
    rollout = panel.rollout.set_index("site")
    wanted = (panel.cells["measure"] == measure) & panel.cells["observed"]
    cells = panel.cells.loc[wanted, ["site", "period", "numerator", "denominator"]]
    cells = cells[cells["site"].map(rollout["state"]).ne("before-data")].reset_index(drop=True)
    period = cells["period"].to_numpy(dtype=float)
    start = cells["site"].map(rollout["start_period"]).to_numpy(dtype=float)
    touched = cells["site"].map(rollout["transition_from"]).to_numpy(dtype=float)
    treated = period >= start  # NaN compares False: never treated
    exposure = np.where(treated, period - np.nan_to_num(start) + 1, 0).astype(int)
    starts = start < len(panel.periods)
    lead = np.where(starts & ~treated, np.nan_to_num(start) - period, 0).astype(int)
    return cells.assign(exposure=exposure, before=~treated & ~(period >= touched), starts=starts, lead=lead)


def alike(flags: Flags) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows of a table of flags that are equal: the first row of each group, and every row's group."""
    packed = np.packbits(
        flags, axis=1
    )  # sorting rows of single flags would take most of the time of an attack
    group, _ = pd.factorize(np.array([row.tobytes() for row in packed], dtype=object))
    _, first = np.unique(group, return_index=True)
    return first, group


def linked_measures(panel: Panel, measures: Mapping[str, Counted]) -> tuple[tuple[str, ...], ...]:
    """Measures in groups that share their numerators (infections per line-day and per patient-day).

    Seen in the data, not declared: the numerators agree in nearly all cells where either has events.
    """
    wide = panel.cells[panel.cells["observed"]].pivot(
        index=["site", "period"], columns="measure", values="numerator"
    )
    groups: list[list[str]] = []
    for measure, law in measures.items():
        for group in groups:
            if law.kind != "mean" and any(
                measures[other].kind != "mean" and _share(wide, measure, other) for other in group
            ):
                group.append(measure)
                break
        else:
            groups.append([measure])
    return tuple(tuple(group) for group in groups)


def _share(wide: pd.DataFrame, one: str, other: str) -> bool:
    both = wide[[one, other]].dropna()
    events = both[(both[one] > 0) | (both[other] > 0)]
    return len(events) > 0 and bool((events[one] == events[other]).mean() >= SHARED)


def functionals(panel: Panel, law: Counted, cells: pd.DataFrame, shown: Shown) -> list[Functional]:
    """Every sum that the Release shows or hides about one measure. cells: as `modelled_cells` gives them."""

    def functional(where: str, flags: Flags, told: Told | None, *, of_site: bool = False) -> Functional:
        place = f"{where} of {shown.measure}"
        found = _functional(place, shown.measure, cells, flags, told, of_site=of_site)
        if found is None:
            raise ValueError(
                f"the {where} of {shown.measure} was not computed from the cells of the panel that it should cover"
            )
        return found

    def rounded(level: float | None) -> Told | None:
        return None if level is None else lambda events, exposure: _numerators(level, events, exposure, law)

    found: list[Functional] = []
    if shown.curve is not None:
        for point, flags in _points(panel, cells, shown.curve):
            found.append(functional(f"curve point {point.start}", flags, rounded(point.observed)))
    before = (cells["before"] & cells["starts"]).to_numpy(dtype=bool)
    after = cells["exposure"].between(*shown.window).to_numpy(dtype=bool)
    if shown.comparison is not None:
        found.append(functional("level before", before, rounded(shown.comparison.before)))
        found.append(functional("level after", after, None if shown.comparison.after is None else _exactly))
    if shown.earlier:
        moved = cells["lead"].between(1, shown.earlier).to_numpy(dtype=bool)
        found.append(functional("scenario of an earlier start", moved, _exactly))
    everything = np.ones(len(cells), dtype=bool)
    if shown.events is not None and not (law.base > 1 and shown.curve is not None):
        # a total of rounded points says nothing that the points do not say
        found.append(functional("total", everything, _total(float(shown.events), law)))
    site_of = cells["site"].to_numpy()
    for row in shown.sites:
        mine = np.asarray(site_of == row.site, dtype=bool)
        for phase, count, flags in (("before", row.before, before), ("after", row.after, after)):
            if count is not None:
                told = _told(count.numerator)
                found.append(functional(f"site {row.site} {phase}", mine & flags, told, of_site=True))
    for site in shown.effects:
        # the effect rests on all cells of the site, so it is taken to tell their sum
        mine = np.asarray(site_of == site, dtype=bool)
        found.append(functional(f"site {site} effect", mine, _exactly, of_site=True))
    for target in shown.targets:
        place = "target" if target.site is None else f"site {target.site} target"
        flags = _under_target(panel, cells, target)
        found.append(functional(place, flags, _exactly, of_site=target.site is not None))
    return found


def told_of_targets(sections: Iterable[TargetSection], measure: str) -> tuple[TargetTold, ...]:
    """What a Release says of levels held against targets."""
    found = []
    for section in sections:
        if section.measure != measure:
            continue
        rows: list[CommonTarget | SiteTarget] = [*section.rows]
        if section.common is not None:
            rows.insert(0, section.common)
        for row in rows:
            if row.met is not None or row.p_met is not None:
                site = row.site if isinstance(row, SiteTarget) else None
                found.append(TargetTold(site=site, start=row.start, end=row.end))
    return tuple(found)


def told_of_sites(release: Release, measure: str) -> tuple[str, ...]:
    """Sites whose effect a Release tells."""
    section = release.sections.by_site
    if section is None or section.measure != measure:
        return ()
    return tuple(row.site for row in section.rows if row.median is not None)


def _under_target(panel: Panel, cells: pd.DataFrame, target: TargetTold) -> Flags:
    starts, ends = _days(panel, cells)
    inside = np.asarray((starts >= target.start) & (ends <= target.end), dtype=bool)
    return inside if target.site is None else inside & np.asarray(cells["site"] == target.site, dtype=bool)


def earlier_functionals(
    panel: Panel, law: Counted, cells: pd.DataFrame, measure: str, past: Release
) -> list[Functional]:
    """What an earlier Release said of sums that are still the same: over its sites, up to its last day.

    A number that has been revised since speaks of other data and is left out. Its level after start is a posterior
    median of another fit, so it tells the count to within half a limit each way, which is a choice.
    """
    sites = {row.site for row in past.design.rollout if row.state != "before-data"}
    starts, ends = _days(panel, cells)
    known = np.asarray(
        cells["site"].isin(sites) & (ends <= past.study.data_to) & (starts >= past.study.data_from),
        dtype=bool,
    )
    first = {
        site: panel.periods[int(at)].start
        for site, at in zip(panel.rollout["site"], panel.rollout["start_period"], strict=True)
        if 0 <= at < len(panel.periods)  # NaN where never
    }
    started = np.array(
        [site in first and first[site] <= past.study.data_to for site in cells["site"]], dtype=bool
    )

    def rounded(level: float) -> Told:
        return lambda events, exposure: _numerators(level, events, exposure, law)

    def about(events: float, _: float) -> tuple[float, float]:
        half = law.audience.count / 2
        return events - half, events + half

    said: list[tuple[str, Flags, Told]] = []
    for curve in past.curves:
        if curve.measure == measure:
            for point, flags in _points(panel, cells, curve):
                if point.observed is not None:
                    said.append((f"curve point {point.start}", flags & known, rounded(point.observed)))
    for row in past.comparisons:
        if row.measure == measure:
            if row.before is not None:
                before = cells["before"].to_numpy(dtype=bool) & started & known
                said.append(("level before", before, rounded(row.before)))
            if row.after is not None:
                window = cells["exposure"].between(past.design.window_from, past.design.window_to)
                said.append(("level after", window.to_numpy(dtype=bool) & known, about))
    for model in past.design.models:
        if model.measure == measure and model.events is not None:
            said.append(("total", known, _total(float(model.events), law)))
    for site in past.sections.sites:
        if site.measure == measure:
            mine = np.asarray(cells["site"] == site.site, dtype=bool) & known
            window = cells["exposure"].between(past.design.window_from, past.design.window_to)
            for phase, count, flags in (
                ("before", site.before, cells["before"].to_numpy(dtype=bool) & started),
                ("after", site.after, window.to_numpy(dtype=bool)),
            ):
                told = None if count is None else _told(count.numerator)
                if told is not None:
                    said.append((f"site {site.site} {phase}", mine & flags, told))
    for site_told in told_of_sites(past, measure):
        said.append(
            (f"site {site_told} effect", np.asarray(cells["site"] == site_told, dtype=bool) & known, about)
        )
    for target in told_of_targets(past.sections.targets, measure):
        place = "target" if target.site is None else f"site {target.site} target"
        said.append((place, _under_target(panel, cells, target) & known, about))
    found = (
        _functional(
            f"earlier {where} of {measure}",
            measure,
            cells,
            flags,
            told,
            past=True,
            of_site=where.startswith("site "),
        )
        for where, flags, told in said
    )
    return [functional for functional in found if functional is not None]


def _functional(
    where: str,
    measure: str,
    cells: pd.DataFrame,
    flags: Flags,
    told: Told | None,
    *,
    past: bool = False,
    of_site: bool = False,
) -> Functional | None:
    """One statement about a sum; None where the sum of today's cells contradicts it."""
    events = float(cells["numerator"].to_numpy(dtype=float)[flags].sum())
    exposure = float(cells["denominator"].to_numpy(dtype=float)[flags].sum())
    low, high = (None, None) if told is None else told(events, exposure)
    if low is not None and high is not None and not low - 1e-6 <= events <= high + 1e-6:
        return None
    return Functional(
        measure=measure,
        where=where,
        cells=flags,
        numerator=events,
        denominator=exposure,
        low=low,
        high=high,
        past=past,
        of_site=of_site,
    )


def _points(panel: Panel, cells: pd.DataFrame, curve: Curve) -> Iterator[tuple[CurvePoint, Flags]]:
    starts, _ = _days(panel, cells)
    for point in curve.points:
        yield point, np.asarray((starts >= point.start) & (starts <= point.end), dtype=bool)


def _days(panel: Panel, cells: pd.DataFrame) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
    """First and last day of every cell."""
    position = cells["period"].to_numpy(dtype=int)
    first = np.array([period.start for period in panel.periods], dtype=object)
    last = np.array([period.end for period in panel.periods], dtype=object)
    return first[position], last[position]


def _exactly(events: float, _: float) -> tuple[float, float]:
    return events, events


def _told(count: float | None) -> Told | None:
    return None if count is None else lambda *_: (count, count)


def _total(count: float, law: Counted) -> Told:
    return lambda events, _: _of_rounded(count, events, law)


def _of_rounded(count: float, events: float, law: Counted) -> tuple[float, float]:
    """The counts behind a rounded one; 0 is 0, since what would be rounded down to it is hidden."""
    spread = law.base - 1 if events.is_integer() else law.base
    reach = spread / 2 if count and law.base > 1 else 0.0
    return count - reach, count + reach


def _numerators(level: float, events: float, exposure: float, law: Counted) -> tuple[float, float]:
    """The numerators that a rounded level leaves possible, denominator known; whole where the counts are."""
    low, high = (bound * exposure / law.per for bound in rules.rounding_interval(level, rules.RATE_DIGITS))
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    if law.base > 1:
        first, last = math.ceil((low - slack) / law.base), math.floor((high + slack) / law.base)
        least, _ = _of_rounded(first * law.base, events, law)
        _, most = _of_rounded(last * law.base, events, law)
        return least, most
    if law.kind == "mean" or not events.is_integer():
        return low - slack, high + slack
    return float(math.ceil(low - slack)), float(math.floor(high + slack))
