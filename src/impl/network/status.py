"""The annual status report as values: what register and Releases say of goals, means and focus areas.

Nothing is chosen by who asks: examples, proposals and gaps follow from rules that stand here and are printed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal

from impl.network.evidence import Evidence
from impl.network.framework import Severity, framework_ids, read_framework
from impl.network.lines import EVALUATED, StudyLine, study_line
from impl.network.proposals import PooledProposal, Proposal, pooled_proposals, proposals
from impl.network.states import STATES, Standing, State
from impl.network.synthesis import Synthesis, synthesise
from impl.release.release import Comparison, Release, ReleasedBundle, ReleasedMeasure
from impl.release.targets import CommonTarget
from impl.study.value import Translated

BUNDLES = (
    "medication", "deterioration", "malnutrition", "falls", "pressure_ulcers", "safe_discharge", "catheter_uti",
    "central_line", "good_pathways", "leve_hele_livet",
)  # fmt: skip
"""The eight bundles of I trygge hender 24-7 in the order of the invitation, and the two programmes beside them."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many studies serve one goal, focus area or bundle, and what came of them. positive: beneficial or promising;
    described: a report that judges nothing; without: no report with a result."""

    id: str
    studies: tuple[str, ...]
    reported: int
    positive: int
    negligible: int
    uncertain: int
    harmful: int
    described: int
    without: int

    @property
    def gap(self) -> bool:
        """Whether no study has judged if things got better or worse."""
        return self.reported == self.described


@dataclass(frozen=True, kw_only=True)
class LevelFigure:
    """One study's levels of a measure, on the reported scale."""

    study: str
    run: str
    levels: Comparison


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One measure under one bundle. synthesis: of all studies together; None where none is evidence."""

    measure: ReleasedMeasure
    bundle: ReleasedBundle
    goal: str
    areas: tuple[str, ...]
    figures: tuple[LevelFigure, ...]
    synthesis: Synthesis | None


@dataclass(frozen=True, kw_only=True)
class TargetFigure:
    """One study's targets of one measure: the newest common one as the Release has it, or, where sites have targets of
    their own, how many of `sites` reach theirs: lower, mean, upper."""

    study: str
    run: str
    measure: ReleasedMeasure
    sites: int
    common: CommonTarget | None
    reached: tuple[int, float, int] | None


@dataclass(frozen=True, kw_only=True)
class Example:
    """A study that the rule names for a focus area; both: it is the newest, and the one drawn."""

    area: str
    study: str
    rule: Literal["newest", "drawn", "both"]


@dataclass(frozen=True, kw_only=True)
class Benefit:
    """Benefit, resources and severity of one study. averted: events fewer (or more, where more is good) than expected:
    lower, median, upper; each: cost per such event: from, most likely, to (None = no end). severity of one event."""

    study: str
    run: str
    measure: ReleasedMeasure
    averted: tuple[float, float, float]
    severity: Severity
    total: float | None = None
    currency: str | None = None
    each: tuple[float, float, float | None] | None = None


@dataclass(frozen=True, kw_only=True)
class NetworkStatus:
    """Everything the report says. today: the day it is told from; syntheses: of every measure and bundle."""

    today: date
    lines: tuple[StudyLine, ...]
    goals: tuple[Tally, ...]
    areas: tuple[Tally, ...]
    bundles: tuple[Tally, ...]
    means: tuple[tuple[str, tuple[str, ...]], ...]
    figures: tuple[KeyFigure, ...]
    targets: tuple[TargetFigure, ...]
    examples: tuple[Example, ...]
    proposals: tuple[Proposal, ...]
    pooled: tuple[PooledProposal, ...]
    benefits: tuple[Benefit, ...]
    syntheses: tuple[Synthesis, ...]

    @cached_property
    def _by_id(self) -> dict[str, StudyLine]:
        return {line.id: line for line in self.lines}

    def line(self, study: str) -> StudyLine:
        return self._by_id[study]

    @property
    def synthetic(self) -> bool:
        return any(line.standing.synthetic for line in self.lines)

    @property
    def unevaluated(self) -> tuple[str, ...]:
        """Focus areas in which no study has judged anything."""
        return tuple(tally.id for tally in self.areas if tally.gap)


def network_status(
    standings: Sequence[Standing],
    evidence: Evidence,
    *,
    areas: Mapping[str, tuple[str, ...]],
    today: date,
) -> NetworkStatus:
    """The report's values. areas: focus areas by measure; today: the day from which ages are told."""
    lines = tuple(study_line(standing, areas, today) for standing in standings)
    syntheses = synthesise(evidence)
    return NetworkStatus(
        today=today,
        lines=lines,
        goals=tuple(
            _tally(goal, [line for line in lines if line.goal == goal]) for goal in framework_ids("goal")
        ),
        areas=tuple(
            _tally(area, [line for line in lines if area in line.areas])
            for area in framework_ids("focus_area")
        ),
        bundles=tuple(_tally(name, [line for line in lines if line.bundle == name]) for name in BUNDLES),
        means=tuple(
            (means, tuple(line.id for line in lines if means in line.means))
            for means in framework_ids("means")
        ),
        figures=_figures(lines, syntheses),
        targets=tuple(_targets(lines)),
        examples=tuple(_examples(lines, today.year)),
        proposals=proposals(lines),
        pooled=pooled_proposals(evidence, syntheses),
        benefits=tuple(_benefits(lines)),
        syntheses=syntheses,
    )


def _tally(name: str, lines: Sequence[StudyLine]) -> Tally:
    def of(*states: State) -> int:
        return sum(line.state in states for line in lines)

    return Tally(
        id=name,
        studies=tuple(line.id for line in lines),
        reported=of(*EVALUATED),
        positive=of("beneficial", "promising"),
        negligible=of("negligible"),
        uncertain=of("uncertain"),
        harmful=of("harmful"),
        described=of("described"),
        without=len(lines) - of(*EVALUATED),
    )


# --- key figures


def _figures(lines: Sequence[StudyLine], syntheses: Sequence[Synthesis]) -> tuple[KeyFigure, ...]:
    """One for each measure and bundle that a Release reports, in the order of goals, then of bundles and measures."""
    by_question: dict[tuple[str, str], list[tuple[StudyLine, Release]]] = {}
    for line in lines:
        if line.release is not None:
            by_question.setdefault((line.measure, line.bundle), []).append((line, line.release))
    pooled = {(each.measure, each.bundle): each for each in syntheses}
    goals = framework_ids("goal")
    order = {name: place for place, name in enumerate(BUNDLES)}
    keys = sorted(
        by_question, key=lambda key: (goals.index(read_framework().goal(key[0])), order.get(key[1], 99), key)
    )
    found = []
    for key in keys:
        first, release = by_question[key][0]
        found.append(
            KeyFigure(
                measure=release.measure(),
                bundle=release.study.bundles[0],
                goal=first.goal,
                areas=first.areas,
                figures=tuple(
                    LevelFigure(study=line.id, run=each.run.id, levels=_levels(each))
                    for line, each in by_question[key]
                ),
                synthesis=pooled.get(key),
            )
        )
    return tuple(found)


def _levels(release: Release) -> Comparison:
    name = release.measure().id
    found = next((row for row in release.comparisons if row.measure == name), None)
    return found or Comparison(measure=name, before=None, expected=None, after=None)


def _targets(lines: Iterable[StudyLine]) -> Iterable[TargetFigure]:
    for line in lines:
        release = line.release
        for section in release.sections.targets if release is not None else ():
            assert release is not None  # the loop is empty without one
            reached = None
            if section.mean is not None and section.lower is not None and section.upper is not None:
                reached = (section.lower, section.mean, section.upper)
            if section.common is not None or reached is not None:
                yield TargetFigure(
                    study=line.id,
                    run=release.run.id,
                    measure=next(each for each in release.study.measures if each.id == section.measure),
                    sites=section.sites,
                    common=section.common,
                    reached=None if section.common is not None else reached,
                )


# --- examples


def _examples(lines: Sequence[StudyLine], year: int) -> Iterable[Example]:
    """For each focus area the study with the newest data, and one that the hash of year and id draws among all."""
    for area in framework_ids("focus_area"):
        of_area = [(line, line.release) for line in lines if area in line.areas and line.release is not None]
        if not of_area:
            continue
        newest = max(of_area, key=lambda pair: (pair[1].study.data_to, pair[0].id))[0].id
        drawn = (
            min(line.id for line, _ in of_area)
            if len(of_area) == 1
            else _drawn([line.id for line, _ in of_area], year)
        )
        if newest == drawn:
            yield Example(area=area, study=newest, rule="both")
        else:
            yield Example(area=area, study=newest, rule="newest")
            yield Example(area=area, study=drawn, rule="drawn")


def _drawn(studies: Sequence[str], year: int) -> str:
    return min(studies, key=lambda name: hashlib.sha256(f"{year} {name}".encode()).hexdigest())


# --- benefit


def _benefits(lines: Sequence[StudyLine]) -> Iterable[Benefit]:
    """Studies whose Release tells how many events were averted; cost per event where it tells the cost as well."""
    framework = read_framework()
    for line in lines:
        release = line.release
        if release is None or release.measure().direction == "ambiguous":
            continue
        measure = release.measure()
        row = release.estimate(measure.id, "tate", "averted")
        if row is None:
            continue
        low, middle, high = row.lower, row.median, row.upper
        if measure.direction == "higher":
            low, middle, high = -row.upper, -row.median, -row.lower
        costs = release.sections.costs
        each = None
        if costs is not None and middle > 0 and high > 0:
            each = (costs.total / high, costs.total / middle, costs.total / low if low > 0 else None)
        yield Benefit(
            study=line.id,
            run=release.run.id,
            measure=measure,
            averted=(low, middle, high),
            severity=framework.severity_of(measure.id),
            total=costs.total if costs else None,
            currency=costs.currency if costs else None,
            each=each,
        )


def titles(status: NetworkStatus) -> dict[str, Translated]:
    """Title of every study by id."""
    return {line.id: line.standing.title for line in status.lines}


def state_counts(status: NetworkStatus) -> dict[State, int]:
    """How many studies have each state, in the order of lists."""
    return {state: sum(line.state == state for line in status.lines) for state in STATES}
