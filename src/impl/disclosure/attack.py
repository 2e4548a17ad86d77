"""The attack on a Release: what somebody could compute from everything it shows.

The attacker is given more than readers have: every denominator, who reported when, every start date, the
levels after start as if they were exact, and which measures share their numerators. From the sums that the
Release and earlier Releases show (curve points, levels before and after, totals, counts by site) linear programming
bounds every number that is hidden, and every small number that is shown nowhere but could be had by subtracting shown
ones. A bound narrower than the audience's limit is a weakness, unless earlier Releases alone give it already. Not
covered: what sites know of themselves, what a revision of old numbers says about the revision, and measures that are
a part of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.functionals import (
    Functional,
    Numbers,
    Shown,
    alike,
    earlier_functionals,
    functionals,
    linked_measures,
    modelled_cells,
    told_of_sites,
    told_of_targets,
)
from impl.disclosure.rules import Counted
from impl.errors import DisclosureError, Fault
from impl.release.release import Release

BEYOND = 100.0  # how far above all events an unbounded count may be imagined; any value well above the limit
MOST_UNKNOWNS = 1500  # choice: up to here the attack takes seconds


@dataclass(frozen=True, kw_only=True)
class Weakness:
    """A number that must stay hidden and does not: `where` in the Release, and how wide its bounds are."""

    where: str
    width: float


def find_weaknesses(
    panel: Panel, measures: Mapping[str, Counted], shown: Sequence[Shown], past: Sequence[Release] = ()
) -> Iterator[Weakness]:
    """Every protected number of these measures that the shown ones give away, found as it is asked for.

    measures: all that are shown; those that share numerators are attacked together. past: earlier Releases of the
    same study.
    """
    by_measure = {item.measure: item for item in shown}
    for group in linked_measures(panel, measures):
        cells = {measure: modelled_cells(panel, measure) for measure in group}
        found = told_and_hidden(panel, {name: measures[name] for name in group}, cells, by_measure, past)
        yield from _primary(found, measures)
        yield from _secondary(found, measures, cells)


def told_and_hidden(
    panel: Panel,
    measures: Mapping[str, Counted],
    cells: Mapping[str, pd.DataFrame],
    shown: Mapping[str, Shown],
    past: Sequence[Release],
) -> list[Functional]:
    """Every sum that this Release and earlier ones say something about; equal statements of the past once."""
    found = [
        functional
        for name, law in measures.items()
        for functional in functionals(panel, law, cells[name], shown[name])
    ]
    earlier: dict[tuple[str, bytes, float | None, float | None], Functional] = {}
    for release in past:
        for name, law in measures.items():
            for said in earlier_functionals(panel, law, cells[name], name, release):
                earlier.setdefault((name, said.cells.tobytes(), said.low, said.high), said)
    return [*found, *earlier.values()]


def check_release(
    release: Release,
    panel: Panel,
    measures: Mapping[str, Counted],
    windows: Mapping[str, tuple[int, int]],
    past: Sequence[Release] = (),
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
            sites=tuple(row for row in release.sections.sites if row.measure == measure),
            targets=told_of_targets(release.sections.targets, measure),
            effects=told_of_sites(release, measure),
        )
        for measure in measures
    ]
    weaknesses = tuple(find_weaknesses(panel, measures, shown, past))
    if weaknesses:
        limit = next(iter(measures.values())).audience.count
        raise DisclosureError(
            Fault(
                code="disclosure.narrow",
                where=f"release of {release.study.id}, {weakness.where}",
                got=f"a hidden number that can be computed to within {weakness.width:.3g}",
                allowed=f"uncertain by at least {limit:.0f}",
                fix="Use longer periods or fewer measures of the same events, and run again.",
            )
            for weakness in weaknesses
        )


def _primary(found: Sequence[Functional], measures: Mapping[str, Counted]) -> list[Weakness]:
    """Shown sums that the cell rule hides."""
    return [
        Weakness(where=functional.where, width=0.0)
        for functional in found
        if functional.low is not None
        and not functional.past
        and rules.is_hidden(functional.numerator, functional.denominator, measures[functional.measure])
    ]


def _secondary(
    found: Sequence[Functional], measures: Mapping[str, Counted], cells: Mapping[str, pd.DataFrame]
) -> Iterator[Weakness]:
    """Hidden sums, and small sums shown nowhere, whose bounds under all shown sums are too narrow."""
    if not any(functional.low is not None for functional in found):
        return
    atoms = _atoms(found, measures, cells)
    if atoms.weights.shape[1] > MOST_UNKNOWNS and any(functional.of_site for functional in found):
        # counts by site over a long calendar: `impl.disclosure.sites` has its own proof for them
        found = [functional for functional in found if not functional.of_site]
        atoms = _atoms(found, measures, cells)
    attack = _Attack(atoms, found, lambda _: True)
    before = _Attack(atoms, found, lambda functional: functional.past)
    secrets = [
        (functional.where, functional.measure, atoms.weights[index], functional.denominator)
        for index, functional in enumerate(found)
        if functional.low is None
        and rules.is_hidden(functional.numerator, functional.denominator, measures[functional.measure])
    ]
    secrets += _small_atoms(atoms, found, measures)
    for where, measure, weight, exposure in secrets:
        if not attack.touches(weight):
            continue
        law = measures[measure]
        reach = atoms.reach if law.kind == "mean" else law.audience.count
        needed = min(reach, exposure) if law.kind == "proportion" else reach
        width = attack.width(weight, needed)
        if width < needed - 1e-6 and not (
            before.touches(weight) and before.width(weight, needed) <= width + 1e-6
        ):
            yield Weakness(where=where, width=width)


class _Attack:
    """Bounds under a chosen part of what is told. What one search finds possible is kept for the next ones."""

    def __init__(self, atoms: Atoms, found: Sequence[Functional], use: Callable[[Functional], bool]) -> None:
        told = [
            index for index, functional in enumerate(found) if functional.low is not None and use(functional)
        ]
        self._atoms = atoms
        self._rows = atoms.weights[told]
        self._low = np.array([found[index].low for index in told])
        self._high = np.array([found[index].high for index in told])
        self._possible: list[Numbers] = []

    def touches(self, weight: Numbers) -> bool:
        """Whether anything told has to do with the sum."""
        return bool((self._rows @ weight).any())

    def width(self, weight: Numbers, needed: float) -> float:
        """Width of the values that a sum can take; where it is at least `needed`, any value from that on."""
        if self._possible:
            values = np.array(self._possible) @ weight
            known = float(values.max() - values.min())
            if known >= needed:
                return known
        width, ends = _width(weight, self._rows, self._low, self._high, self._atoms.lower, self._atoms.upper)
        self._possible += ends
        return width


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
    atoms: Atoms, found: Sequence[Functional], measures: Mapping[str, Counted]
) -> list[tuple[str, str, Numbers, float]]:
    """Atoms that the cell rule would hide and that are no sum of their own: where, measure, weights, denominator."""
    small = []
    for measure, (numerators, denominators) in atoms.by_measure.items():
        if not measures[measure].counts:
            continue
        own = np.array([item.measure == measure for item in found])
        alone = atoms.weights[own]
        alone = alone[alone.sum(axis=1) == 1].any(axis=0)
        for atom in np.flatnonzero(~alone):
            if rules.is_hidden(numerators[atom], denominators[atom], measures[measure]):
                weight = np.zeros(len(numerators))
                weight[atom] = 1.0
                small.append(
                    (f"a difference of shown sums of {measure}", measure, weight, denominators[atom])
                )
    return small


def _atoms(
    found: Sequence[Functional], measures: Mapping[str, Counted], cells: Mapping[str, pd.DataFrame]
) -> Atoms:
    """Unknowns shared by measures are found cell by cell: the same site, period and numerator is one unknown."""
    keys = {
        measure: pd.MultiIndex.from_frame(table[["site", "period", "numerator"]])
        for measure, table in cells.items()
    }
    unknowns = next(iter(keys.values()))
    for index in keys.values():
        unknowns = unknowns.union(index, sort=False)
    membership = np.zeros((len(unknowns), len(found)), dtype=bool)
    present = np.zeros((len(unknowns), len(cells)), dtype=bool)
    place = {measure: unknowns.get_indexer(index) for measure, index in keys.items()}
    for column, functional in enumerate(found):
        membership[place[functional.measure][functional.cells], column] = True
    for column, measure in enumerate(cells):
        present[place[measure], column] = True
    flags = np.hstack([membership, present])
    first, atom = alike(flags)
    signatures = flags[first]
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
            inside = signatures[:, len(found) + column]
            upper[inside] = np.minimum(upper[inside], denominators[inside])
    weights = signatures[:, : len(found)].T.astype(float)
    return Atoms(weights=weights, lower=lower, upper=upper, by_measure=by_measure, reach=reach)


def _width(
    weight: Numbers, rows: Numbers, low: Numbers, high: Numbers, lower: Numbers, upper: Numbers
) -> tuple[float, list[Numbers]]:
    """Width of the values that a sum can take under all shown sums, and what the cells are at both ends."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    ends, found = [], []
    for sign in (1.0, -1.0):
        result = milp(
            sign * weight, constraints=LinearConstraint(rows, low, high), bounds=Bounds(lower, upper)
        )
        if not result.success:
            raise ValueError(f"the attack could not be carried out: {result.message}")
        ends.append(sign * float(result.fun))
        found.append(np.asarray(result.x, dtype=float))
    return ends[1] - ends[0], found
