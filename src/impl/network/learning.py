"""The learning network as values: waves on a time line, what worked where, who did better than expected, early signals.

Places are compared through their studies, which is what public Releases tell; sites are named where they log their own
work, and nowhere with a number of theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from impl.network.lines import StudyLine
from impl.network.states import State
from impl.network.status import NetworkStatus
from impl.network.synthesis import Synthesis
from impl.release.release import Release
from impl.release.sections import FitAnswer

RANKED_STUDIES = 3  # studies of one measure and bundle from which ranks are told (choice)
RANK_DRAWS, CHUNK = 20_000, 1_000_000  # draws, and numbers at once
BEST_SHARE = 0.10
PHASES = ("prepare", "plan", "do", "evaluate", "follow_up")
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PhaseBand:
    """A stretch of time with the step of the wheel that at least half of a study's sites were in or beyond."""

    phase: str
    start: date
    end: date


@dataclass(frozen=True, kw_only=True)
class WaveLine:
    """One study on the network's line of time. starts: day and names of the sites that started; cycles: day, decision
    («» while it runs) and number; phases: the sites' steps. sites: codes of those that started."""

    study: str
    run: str
    wave: str | None
    data_from: date
    data_to: date
    sites: tuple[str, ...]
    starts: tuple[tuple[date, tuple[str, ...]], ...]
    cycles: tuple[tuple[date, str, int], ...]
    phases: tuple[PhaseBand, ...]


@dataclass(frozen=True, kw_only=True)
class WorkedRow:
    """What one study found, how much was delivered, and what was adapted. kept, changed, unknown: modifications by
    whether the core was kept; common: the most frequent component and nature with their number."""

    study: str
    run: str
    state: State
    delivered: float | None
    kept: int
    changed: int
    unknown: int
    common: tuple[str, str, int] | None


@dataclass(frozen=True, kw_only=True)
class Place:
    """One study among those of the same measure and bundle. p_best: chance that its true effect is among the best tenth
    (at least one); rank: median, and ends of its 90 % interval, 1 the best. p_above: chance that it lies above the average of all places."""

    study: str
    run: str
    p_best: float
    rank_from: int
    rank: int
    rank_to: int
    p_above: float


@dataclass(frozen=True, kw_only=True)
class Deviance:
    """Places of one measure and bundle in the order of their ids. best: how many are the best tenth."""

    measure: str
    bundle: str
    best: int
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class Signal:
    """The run chart of one study: whether it signals, and how often one would by chance. longest: first and last day of
    its longest run; stable: whether the points before the first start gave no signal, as a fair yardstick does not."""

    study: str
    run: str
    signal: bool
    variation: str
    false_alarms: float
    longest: tuple[date, date]
    stable: bool


@dataclass(frozen=True, kw_only=True)
class Signals:
    """Run charts of the network. expected: number that would signal by chance alone; p_chance: that at least as many as
    now would."""

    rows: tuple[Signal, ...]
    expected: float
    p_chance: float

    @property
    def count(self) -> int:
        return sum(row.signal for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class LearningNetwork:
    """Everything that the view of the learning network shows. fit: mean answers over studies, by question, with the
    number of answers (a site gives one for each study it is in); fit_studies: ids of those studies."""

    waves: tuple[WaveLine, ...]
    worked: tuple[WorkedRow, ...]
    deviance: tuple[Deviance, ...]
    signals: Signals
    fit: tuple[FitAnswer, ...]
    fit_studies: tuple[str, ...]


def learning_network(status: NetworkStatus) -> LearningNetwork:
    """The view of one status report's studies."""
    released = [(line, line.release) for line in status.lines if line.release is not None]
    shown = {(figure.measure.id, figure.bundle.id) for figure in status.figures}
    return LearningNetwork(
        waves=tuple(sorted((_wave(line, release) for line, release in released), key=_first)),
        worked=tuple(_worked(line, release) for line, release in released),
        deviance=tuple(
            _deviance(each)
            for each in status.syntheses
            if _ranked(each) and (each.measure, each.bundle) in shown
        ),
        signals=_signals(released),
        fit=_fit(release for _, release in released),
        fit_studies=tuple(line.id for line, release in released if release.sections.fit),
    )


def _first(wave: WaveLine) -> tuple[date, str]:
    return (min((day for day, _ in wave.starts), default=wave.data_from), wave.study)


# --- time line


def _wave(line: StudyLine, release: Release) -> WaveLine:
    starts: dict[date, list[str]] = {}
    for site in release.design.rollout:
        day = site.actual_start or site.allocated_start
        if site.state == "start" and day is not None:
            starts.setdefault(day, []).append(site.name)
    events = release.sections.timeline
    cycles = Counter((_month(event.start), event.word) for event in events if event.kind == "cycle")
    return WaveLine(
        study=line.id,
        run=release.run.id,
        wave=release.study.wave,
        data_from=release.study.data_from,
        data_to=release.study.data_to,
        sites=tuple(site.site for site in release.design.rollout if site.state == "start"),
        starts=tuple((day, tuple(names)) for day, names in sorted(starts.items())),
        cycles=tuple((day, word, count) for (day, word), count in sorted(cycles.items())),
        phases=_phases(release),
    )


def _phases(release: Release) -> tuple[PhaseBand, ...]:
    """Month by month the furthest step that at least half of the sites with steps are in or beyond; nothing until half
    of them have begun."""
    by_site: dict[str, list[tuple[date, str]]] = {}
    for event in release.sections.timeline:
        if event.kind == "phase" and event.word in PHASES:
            by_site.setdefault(event.site, []).append((event.start, event.word))
    if not by_site:
        return ()
    for steps in by_site.values():
        steps.sort()
    month = _month(min(steps[0][0] for steps in by_site.values()))
    bands: list[PhaseBand] = []
    while month <= release.study.data_to:
        now = sorted(_place(_at(steps, month)) for steps in by_site.values())
        middle = now[len(now) // 2]
        if middle:
            common = PHASES[middle - 1]
            following = _next_month(month)
            if bands and bands[-1].phase == common:
                bands[-1] = PhaseBand(phase=common, start=bands[-1].start, end=following)
            else:
                bands.append(PhaseBand(phase=common, start=month, end=following))
        month = _next_month(month)
    return tuple(bands)


def _place(phase: str | None) -> int:
    """1 for the first step of the wheel, 0 before it."""
    return 0 if phase is None else PHASES.index(phase) + 1


def _at(steps: Sequence[tuple[date, str]], day: date) -> str | None:
    """The step that a site is in on a day."""
    begun = [word for start, word in steps if start <= day]
    return begun[-1] if begun else None


def _month(day: date) -> date:
    return day.replace(day=1)


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


# --- what worked where


def _worked(line: StudyLine, release: Release) -> WorkedRow:
    log, fidelity = release.sections.adaptations, release.sections.fidelity
    rows = log.rows if log is not None else ()
    kinds = Counter(row.consistent for row in rows)
    common = Counter((row.component, row.nature) for row in rows).most_common(1)
    return WorkedRow(
        study=line.id,
        run=release.run.id,
        state=line.state,
        delivered=fidelity.median if fidelity is not None else None,
        kept=kinds["yes"],
        changed=kinds["no"],
        unknown=kinds["unknown"],
        common=(*common[0][0], common[0][1]) if common else None,
    )


# --- positive deviance


def _ranked(synthesis: Synthesis) -> bool:
    return synthesis.studies >= RANKED_STUDIES and synthesis.direction != "ambiguous"


def _deviance(synthesis: Synthesis) -> Deviance:
    """Ranks from the shrunken results, each normal and apart from the others; the seed is fixed, so that a page made anew
    says the same."""
    results = synthesis.results
    good = -1.0 if synthesis.direction == "lower" else 1.0
    mean = np.array([result.shrunken.mean for result in results])
    sd = np.array([result.shrunken.sd for result in results])
    centre = good * synthesis.mean.mean
    best = max(ceil(BEST_SHARE * len(results)), 1)
    rng = np.random.default_rng(0)
    chunk = max(CHUNK // len(results), 1)
    ranks = np.concatenate(
        [
            _ranks(good * (mean + sd * rng.standard_normal((min(chunk, RANK_DRAWS - done), len(results)))))
            for done in range(0, RANK_DRAWS, chunk)
        ]
    )
    above = [1 - NormalDist(good * m, s).cdf(centre) for m, s in zip(mean, sd, strict=True)]
    low, middle, high = np.quantile(ranks, [0.05, 0.5, 0.95], axis=0, method="inverted_cdf")
    return Deviance(
        measure=synthesis.measure,
        bundle=synthesis.bundle,
        best=best,
        places=tuple(
            Place(
                study=result.study,
                run=result.run,
                p_best=float((ranks[:, place] <= best).mean()),
                rank_from=int(low[place]),
                rank=int(middle[place]),
                rank_to=int(high[place]),
                p_above=above[place],
            )
            for place, result in enumerate(results)
        ),
    )


def _ranks(values: Array) -> npt.NDArray[np.int16]:
    """Rank of each column in each row, 1 the largest."""
    return (np.argsort(np.argsort(-values, axis=1), axis=1) + 1).astype(np.int16)


# --- early signals


def _signals(released: Iterable[tuple[StudyLine, Release]]) -> Signals:
    rows = tuple(
        Signal(
            study=line.id,
            run=release.run.id,
            signal=chart.signal,
            variation=chart.variation,
            false_alarms=chart.false_alarms,
            longest=(chart.run_from, chart.run_to),
            stable=chart.stable_before,
        )
        for line, release in released
        if (chart := release.sections.spc) is not None
    )
    chances = [row.false_alarms for row in rows]
    count = sum(row.signal for row in rows)
    return Signals(rows=rows, expected=sum(chances), p_chance=at_least(count, chances))


def at_least(count: int, chances: Sequence[float]) -> float:
    """P(at least `count` of independent events with these chances happen)."""
    law = np.ones(1)
    for chance in chances:
        law = np.convolve(law, [1 - chance, chance])
    return float(min(law[count:].sum(), 1.0))


def _fit(releases: Iterable[Release]) -> tuple[FitAnswer, ...]:
    """Mean over all answers, in the order of the form; `sites` counts answers."""
    total: dict[str, tuple[float, int]] = {}
    for release in releases:
        for answer in release.sections.fit:
            held = total.get(answer.question, (0.0, 0))
            total[answer.question] = (held[0] + answer.mean * answer.sites, held[1] + answer.sites)
    return tuple(
        FitAnswer(question=question, mean=value / sites, sites=sites)
        for question, (value, sites) in total.items()
        if sites
    )
