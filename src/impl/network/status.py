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
from impl.network.states import NULL, STATES, Standing, State
from impl.network.synthesis import Synthesis, synthesise
from impl.release.release import Comparison, Release, ReleasedBundle, ReleasedMeasure
from impl.study.value import Translated

KEPT_MONTHS = 12
FADED = 0.20
"""P(at least half of the effect kept a year after support) up to which an effect counts as faded (choice: the band
«lite sannsynlig»)."""
POOLED_STUDIES = 3  # studies from which a bundle as a whole may be proposed for phasing out (choice)
POOLED_HARM, POOLED_NEGLIGIBLE = 0.80, 0.90  # as the verdict of one study
EVALUATED: tuple[State, ...] = ("beneficial", "promising", "uncertain", "negligible", "harmful", "described")
"""States with a report that came to its end."""
UNANSWERED: tuple[State, ...] = ("overdue", "failed", "not_converged")
BUNDLES = (
    "medication", "deterioration", "malnutrition", "falls", "pressure_ulcers", "safe_discharge", "catheter_uti",
    "central_line", "good_pathways", "leve_hele_livet",
)  # fmt: skip
"""The eight bundles of I trygge hender 24-7 in the order of the invitation, and the two programmes beside them."""

ProposalKind = Literal[
    "phase_out_harm", "phase_out_negligible", "deliver_first", "faded", "keep", "more_data", "report_missing"
]
PROPOSALS: tuple[ProposalKind, ...] = (
    "phase_out_harm", "phase_out_negligible", "deliver_first", "faded", "keep", "more_data", "report_missing",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StudyLine:
    """One study of the list of all. measure, bundle: ids, of the Release or the plan. collecting: its data period has
    begun and no report is due. faded: whether the effect is known to have faded; None where nothing is known."""

    standing: Standing
    measure: str
    bundle: str
    areas: tuple[str, ...]
    goal: str
    means: tuple[str, ...]
    collecting: bool
    faded: bool | None

    @property
    def id(self) -> str:
        return self.standing.id

    @property
    def state(self) -> State:
        return self.standing.state

    @property
    def release(self) -> Release | None:
        """The Release where it is a result: full, and its state says what it found."""
        return self.standing.release if self.state in EVALUATED else None


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many studies serve one goal, focus area or bundle, and what came of them; without: no report with a result."""

    id: str
    studies: tuple[str, ...]
    reported: int
    positive: int
    null: int
    harmful: int
    described: int
    without: int

    @property
    def gap(self) -> bool:
        """Whether nothing has been evaluated."""
        return self.reported == 0


@dataclass(frozen=True, kw_only=True)
class LevelFigure:
    """One study's levels of a measure, on the reported scale; `vintage` is the day the numbers were taken out."""

    study: str
    run: str
    levels: Comparison
    data_to: date
    vintage: date | None


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
    """One study's newest common target; `p_met` as the Release has it."""

    study: str
    run: str
    measure: ReleasedMeasure
    target: float
    start: date
    end: date
    met: bool | None
    p_met: float | None
    hidden: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """A study that the rule names for a focus area; both: it is the newest, and the one drawn."""

    area: str
    study: str
    rule: Literal["newest", "drawn", "both"]


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What one study asks for. probability: the one that decided it; None where none did."""

    kind: ProposalKind
    study: str
    run: str | None
    probability: float | None = None


@dataclass(frozen=True, kw_only=True)
class PooledProposal:
    """A bundle whose studies together say that it should be phased out."""

    measure: str
    bundle: str
    kind: Literal["phase_out_harm", "phase_out_negligible"]
    probability: float
    studies: tuple[str, ...]


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
        """Focus areas in which nothing has been evaluated."""
        return tuple(tally.id for tally in self.areas if tally.gap)


def network_status(
    standings: Sequence[Standing],
    evidence: Evidence,
    *,
    areas: Mapping[str, tuple[str, ...]],
    today: date,
) -> NetworkStatus:
    """The report's values. areas: focus areas by measure; today: the day from which ages are told."""
    lines = tuple(_line(standing, areas, today) for standing in standings)
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
        proposals=_proposals(lines),
        pooled=_pooled(syntheses),
        benefits=tuple(_benefits(lines)),
        syntheses=syntheses,
    )


def _line(standing: Standing, areas: Mapping[str, tuple[str, ...]], today: date) -> StudyLine:
    framework = read_framework()
    release, plan, registered = standing.release, standing.plan, standing.registered
    if release is not None:
        measure, bundle = release.measure().id, release.study.bundles[0].id
    else:
        assert plan is not None  # a standing comes from a Release or from the register
        measure, bundle = plan.measures.primary, plan.bundles[0]
    named = registered.newest.focus_areas if registered is not None else ()
    begun = (
        plan is not None
        and plan.planned.data_from is not None
        and plan.planned.data_from <= today.isoformat()
    )
    return StudyLine(
        standing=standing,
        measure=measure,
        bundle=bundle,
        areas=areas.get(measure) or named,
        goal=framework.goal(measure),
        means=framework.used(release) if release is not None else (),
        collecting=standing.state == "planned" and begun,
        faded=_faded(release) if release is not None else None,
    )


def _faded(release: Release) -> bool | None:
    section = release.sections.sustainment
    if section is None or release.status != "ok":
        return None
    horizon = next((row for row in section.horizons if row.months == KEPT_MONTHS), None)
    return None if horizon is None or horizon.p_half is None else horizon.p_half <= FADED


def _tally(name: str, lines: Sequence[StudyLine]) -> Tally:
    def of(*states: State) -> int:
        return sum(line.state in states for line in lines)

    return Tally(
        id=name,
        studies=tuple(line.id for line in lines),
        reported=of(*EVALUATED),
        positive=of("beneficial", "promising"),
        null=of(*NULL),
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
                    LevelFigure(
                        study=line.id,
                        run=each.run.id,
                        levels=_levels(each),
                        data_to=each.study.data_to,
                        vintage=each.study.vintage,
                    )
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
            common = section.common
            if release is not None and common is not None:
                yield TargetFigure(
                    study=line.id,
                    run=release.run.id,
                    measure=next(each for each in release.study.measures if each.id == section.measure),
                    target=common.target,
                    start=common.start,
                    end=common.end,
                    met=common.met,
                    p_met=common.p_met,
                    hidden=common.hidden,
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


# --- proposals


def _proposals(lines: Sequence[StudyLine]) -> tuple[Proposal, ...]:
    found = [proposal for line in lines for proposal in _proposals_of(line)]
    return tuple(sorted(found, key=lambda each: (PROPOSALS.index(each.kind), each.study)))


def _proposals_of(line: StudyLine) -> Iterable[Proposal]:
    """A harmful bundle, or one that surely does too little although it was delivered, may go; where it was not
    delivered, that comes first; an effect that faded asks for upkeep; the rest for more data."""
    if line.state in UNANSWERED:
        run = line.standing.release.run.id if line.standing.release is not None else None
        yield Proposal(kind="report_missing", study=line.id, run=run)
    release = line.release
    if release is None or release.verdict is None:
        return
    measure = release.measure()
    row = release.estimate(measure.id, "tate", measure.headline_scale)
    section = release.sections.fidelity
    delivery = release.verdict.delivery

    def proposal(kind: ProposalKind, probability: float | None) -> Proposal:
        return Proposal(kind=kind, study=line.id, run=release.run.id, probability=probability)

    if line.state == "harmful":
        yield proposal("phase_out_harm", row.p_harm if row else None)
    elif delivery == "not_delivered":
        yield proposal("deliver_first", section.p_not_delivered if section else None)
    elif line.state == "negligible" and delivery == "delivered":
        yield proposal("phase_out_negligible", row.p_negligible if row else None)
    elif line.state == "beneficial" and line.faded:
        kept = release.sections.sustainment
        horizon = next((each for each in kept.horizons if each.months == KEPT_MONTHS), None) if kept else None
        yield proposal("faded", horizon.p_half if horizon else None)
    elif line.state == "beneficial":
        yield proposal("keep", row.p_worthwhile if row else None)
    else:
        yield proposal("more_data", row.p_worthwhile if row else None)


def _pooled(syntheses: Sequence[Synthesis]) -> tuple[PooledProposal, ...]:
    found = []
    for each in syntheses:
        chances = each.mean_chances
        limits: tuple[tuple[Literal["phase_out_harm", "phase_out_negligible"], float | None, float], ...] = (
            ("phase_out_harm", chances.harm, POOLED_HARM),
            ("phase_out_negligible", chances.negligible, POOLED_NEGLIGIBLE),
        )
        for kind, chance, limit in limits:
            if each.studies >= POOLED_STUDIES and chance is not None and chance >= limit:
                found.append(
                    PooledProposal(
                        measure=each.measure,
                        bundle=each.bundle,
                        kind=kind,
                        probability=chance,
                        studies=tuple(result.study for result in each.results),
                    )
                )
    return tuple(found)


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
