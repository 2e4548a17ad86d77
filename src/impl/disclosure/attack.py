"""The attack on a Release: what somebody could compute from everything it shows.

The attacker is given more than readers have: every denominator, who reported when, every start date, the
levels after start as if they were exact, and which measures share their numerators. From the sums that the
Release shows (curve points, levels before and after, totals) linear programming bounds every number that
is hidden, and every small number that is shown nowhere but could be had by subtracting shown ones. A bound
narrower than `rules.NARROWEST_INTERVAL` is a weakness. Not covered: what sites know of themselves, the
difference between two Releases of growing data, and measures that are a part of another one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.rules import Counted
from impl.errors import DisclosureError, Fault
from impl.release.release import Comparison, Curve, Release

Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]
Told = Callable[[float, float], tuple[float, float]]
"""From a sum's numerator and denominator to what the Release leaves possible for the numerator."""

SHARED = 0.9  # choice: share of non-zero cells that are equal from which two numerators are one quantity
BEYOND = 100.0  # how far above all events an unbounded count may be imagined; any value well above the limit


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What would be released about one measure; `window` holds the exposure times behind the level after.

    earlier: how many periods earlier the start is in the released scenario, 0 where there is none.
    """

    measure: str
    window: tuple[int, int]
    curve: Curve | None
    comparison: Comparison | None
    events: int | None
    earlier: int = 0


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """A number that must stay hidden and does not: `where` in the Release, and how wide its bounds are."""

    where: str
    width: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Functional:
    """A sum over cells of one measure. low, high: what the Release says of it; None where it says nothing."""

    measure: str
    where: str
    cells: Flags
    numerator: float
    denominator: float
    low: float | None = None
    high: float | None = None


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


def find_weaknesses(
    panel: Panel, measures: Mapping[str, Counted], shown: Sequence[Shown]
) -> Iterator[Weakness]:
    """Every protected number of these measures that the shown ones give away, found as it is asked for.

    measures: all that are shown; those that share numerators are attacked together.
    """
    by_measure = {item.measure: item for item in shown}
    for group in linked_measures(panel, measures):
        cells = {measure: modelled_cells(panel, measure) for measure in group}
        functionals = [
            functional
            for measure in group
            for functional in _functionals(panel, measures[measure], cells[measure], by_measure[measure])
        ]
        yield from _primary(functionals, measures)
        yield from _secondary(functionals, measures, cells)


def check_release(
    release: Release,
    panel: Panel,
    measures: Mapping[str, Counted],
    windows: Mapping[str, tuple[int, int]],
) -> None:
    """The last word before a Release is handed out. Raises DisclosureError with every weakness found."""
    events = {model.measure: model.events for model in release.design.models}
    curves = {curve.measure: curve for curve in release.curves}
    comparisons = {comparison.measure: comparison for comparison in release.comparisons}
    earlier = {row.measure: row.from_ or 0 for row in release.estimates if row.estimand == "earlier"}
    shown = [
        Shown(
            measure=measure,
            window=windows[measure],
            curve=curves.get(measure),
            comparison=comparisons.get(measure),
            events=events.get(measure),
            earlier=earlier.get(measure, 0),
        )
        for measure in measures
    ]
    weaknesses = tuple(find_weaknesses(panel, measures, shown))
    if weaknesses:
        raise DisclosureError(
            Fault(
                code="disclosure.narrow",
                where=f"release of {release.study.id}, {weakness.where}",
                got=f"a hidden number that can be computed to within {weakness.width:.3g}",
                allowed=f"uncertain by at least {rules.NARROWEST_INTERVAL:.0f}",
                fix="Use longer periods or fewer measures of the same events, and run again.",
            )
            for weakness in weaknesses
        )


def _functionals(panel: Panel, law: Counted, cells: pd.DataFrame, shown: Shown) -> list[Functional]:
    """Every sum that the Release shows or hides about one measure."""
    numerator = cells["numerator"].to_numpy(dtype=float)
    denominator = cells["denominator"].to_numpy(dtype=float)

    def functional(where: str, flags: Flags, told: Told | None) -> Functional:
        events, exposure = float(numerator[flags].sum()), float(denominator[flags].sum())
        place = f"{where} of {shown.measure}"
        low, high = (None, None) if told is None else told(events, exposure)
        if low is not None and high is not None and not low - 1e-6 <= events <= high + 1e-6:
            raise ValueError(f"the {place} was not computed from the cells of the panel that it should cover")
        return Functional(
            measure=shown.measure,
            where=place,
            cells=flags,
            numerator=events,
            denominator=exposure,
            low=low,
            high=high,
        )

    def rounded(level: float | None) -> Told | None:
        return None if level is None else lambda events, exposure: _numerators(level, events, exposure, law)

    found: list[Functional] = []
    if shown.curve is not None:
        starts = np.array([panel.periods[int(position)].start for position in cells["period"]], dtype=object)
        for point in shown.curve.points:
            flags = np.asarray((starts >= point.start) & (starts <= point.end), dtype=bool)
            found.append(functional(f"curve point {point.start}", flags, rounded(point.observed)))
    if shown.comparison is not None:
        before = (cells["before"] & cells["starts"]).to_numpy(dtype=bool)
        found.append(functional("level before", before, rounded(shown.comparison.before)))
        after = cells["exposure"].between(*shown.window).to_numpy(dtype=bool)
        exact: Told = lambda events, _: (events, events)  # noqa: E731
        found.append(functional("level after", after, None if shown.comparison.after is None else exact))
    if shown.earlier:
        moved = cells["lead"].between(1, shown.earlier).to_numpy(dtype=bool)
        found.append(functional("scenario of an earlier start", moved, lambda events, _: (events, events)))
    if shown.events is not None:
        total = float(shown.events)
        found.append(functional("total", np.ones(len(cells), dtype=bool), lambda *_: (total, total)))
    return found


def _numerators(level: float, events: float, exposure: float, law: Counted) -> tuple[float, float]:
    """The numerators that a rounded level leaves possible, denominator known; whole where the counts are."""
    low, high = (bound * exposure / law.per for bound in rules.rounding_interval(level, rules.RATE_DIGITS))
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    if law.kind == "mean" or not events.is_integer():
        return low - slack, high + slack
    return float(math.ceil(low - slack)), float(math.floor(high + slack))


def _primary(functionals: Sequence[Functional], measures: Mapping[str, Counted]) -> list[Weakness]:
    """Shown sums that the cell rule hides."""
    return [
        Weakness(where=functional.where, width=0.0)
        for functional in functionals
        if functional.low is not None
        and rules.is_hidden(functional.numerator, functional.denominator, measures[functional.measure])
    ]


def _secondary(
    functionals: Sequence[Functional], measures: Mapping[str, Counted], cells: Mapping[str, pd.DataFrame]
) -> Iterator[Weakness]:
    """Hidden sums, and small sums shown nowhere, whose bounds under all shown sums are too narrow."""
    told = [functional for functional in functionals if functional.low is not None]
    if not told:
        return
    atoms = _atoms(functionals, measures, cells)
    rows = np.array([atoms.weights[index] for index, item in enumerate(functionals) if item.low is not None])
    low = np.array([item.low for item in told])
    high = np.array([item.high for item in told])
    secrets = [
        (functional.where, functional.measure, atoms.weights[index], functional.denominator)
        for index, functional in enumerate(functionals)
        if functional.low is None
        and rules.is_hidden(functional.numerator, functional.denominator, measures[functional.measure])
    ]
    secrets += _small_atoms(atoms, functionals, measures)
    for where, measure, weight, exposure in secrets:
        if not (rows @ weight).any():
            continue  # no shown sum touches it
        law = measures[measure]
        reach = atoms.reach if law.kind == "mean" else rules.NARROWEST_INTERVAL
        needed = min(reach, exposure) if law.kind == "proportion" else reach
        width = _width(weight, rows, low, high, atoms.lower, atoms.upper)
        if width < needed - 1e-6:
            yield Weakness(where=where, width=width)


@dataclass(frozen=True, kw_only=True, eq=False)
class Atoms:
    """Cells joined where every functional treats them alike: the unknowns of the attack.

    weights: functional x atom, 1 where the atom belongs to the sum. lower, upper: what is possible without
    the Release (proportions are bounded by their denominators). by_measure: measure -> atom sums
    (numerator, denominator), 0 where the atom has no cell of the measure. reach: an interval so wide that
    it says nothing, for means.
    """

    weights: Numbers
    lower: Numbers
    upper: Numbers
    by_measure: dict[str, tuple[Numbers, Numbers]]
    reach: float


def _small_atoms(
    atoms: Atoms, functionals: Sequence[Functional], measures: Mapping[str, Counted]
) -> list[tuple[str, str, Numbers, float]]:
    """Atoms that the cell rule would hide and that are no sum of their own: where, measure, weights, denominator."""
    found = []
    for measure, (numerators, denominators) in atoms.by_measure.items():
        if not measures[measure].counts:
            continue
        own = np.array([item.measure == measure for item in functionals])
        alone = atoms.weights[own]
        alone = alone[alone.sum(axis=1) == 1].any(axis=0)
        for atom in np.flatnonzero(~alone):
            if rules.is_hidden(numerators[atom], denominators[atom], measures[measure]):
                weight = np.zeros(len(numerators))
                weight[atom] = 1.0
                found.append(
                    (f"a difference of shown sums of {measure}", measure, weight, denominators[atom])
                )
    return found


def _atoms(
    functionals: Sequence[Functional], measures: Mapping[str, Counted], cells: Mapping[str, pd.DataFrame]
) -> Atoms:
    """Unknowns shared by measures are found cell by cell: the same site, period and numerator is one unknown."""
    keys = {
        measure: pd.MultiIndex.from_frame(table[["site", "period", "numerator"]])
        for measure, table in cells.items()
    }
    unknowns = next(iter(keys.values()))
    for index in keys.values():
        unknowns = unknowns.union(index, sort=False)
    membership = np.zeros((len(unknowns), len(functionals)), dtype=bool)
    present = np.zeros((len(unknowns), len(cells)), dtype=bool)
    place = {measure: unknowns.get_indexer(index) for measure, index in keys.items()}
    for column, functional in enumerate(functionals):
        membership[place[functional.measure][functional.cells], column] = True
    for column, measure in enumerate(cells):
        present[place[measure], column] = True
    signatures, atom = np.unique(np.hstack([membership, present]), axis=0, return_inverse=True)
    atom = atom.reshape(-1)
    size = len(signatures)
    total = sum(float(np.abs(table["numerator"]).sum()) for table in cells.values())
    mean = any(measures[measure].kind == "mean" for measure in cells)
    reach = 1000.0 * (total + 1.0)
    lower = np.full(size, -reach if mean else 0.0)
    upper = np.full(size, reach if mean else total + BEYOND)
    by_measure = {}
    for column, (measure, table) in enumerate(cells.items()):
        groups = atom[place[measure]]
        numerators = np.bincount(groups, weights=table["numerator"], minlength=size)
        denominators = np.bincount(groups, weights=table["denominator"], minlength=size)
        by_measure[measure] = (numerators, denominators)
        if measures[measure].kind == "proportion":
            inside = signatures[:, len(functionals) + column]
            upper[inside] = np.minimum(upper[inside], denominators[inside])
    weights = signatures[:, : len(functionals)].T.astype(float)
    return Atoms(weights=weights, lower=lower, upper=upper, by_measure=by_measure, reach=reach)


def _width(
    weight: Numbers, rows: Numbers, low: Numbers, high: Numbers, lower: Numbers, upper: Numbers
) -> float:
    """Width of the values that a sum can take under all shown sums."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    ends = []
    for sign in (1.0, -1.0):
        result = milp(
            sign * weight, constraints=LinearConstraint(rows, low, high), bounds=Bounds(lower, upper)
        )
        if not result.success:
            raise ValueError(f"the attack could not be carried out: {result.message}")
        ends.append(sign * float(result.fun))
    return ends[1] - ends[0]
