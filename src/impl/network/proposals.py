"""What the network's findings ask for: proposals by rules that the status report prints, one study or one bundle at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from impl.network.evidence import Evidence
from impl.network.lines import UNANSWERED, StudyLine
from impl.network.synthesis import Synthesis, synthesise_rows

POOLED_STUDIES = 3  # studies from which a bundle as a whole may be proposed for phasing out (choice)
POOLED_WORTHWHILE, POOLED_HARM, POOLED_NEGLIGIBLE = 0.90, 0.80, 0.90  # as the verdict of one study

PooledKind = Literal["phase_out_harm", "phase_out_negligible"]
ProposalKind = Literal[
    "phase_out_harm", "phase_out_negligible", "measure_delivery", "deliver_first", "faded", "keep", "more_data",
    "report_missing",
]  # fmt: skip
PROPOSALS: tuple[ProposalKind, ...] = (
    "phase_out_harm", "phase_out_negligible", "measure_delivery", "deliver_first", "faded", "keep", "more_data",
    "report_missing",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What one study asks for. probability: the one that decided it; None where none did."""

    kind: ProposalKind
    study: str
    run: str | None
    probability: float | None = None


@dataclass(frozen=True, kw_only=True)
class PooledProposal:
    """A bundle that studies with one primary measure together say should be phased out. studies, runs: in one order."""

    measure: str
    bundle: str
    kind: PooledKind
    probability: float
    studies: tuple[str, ...]
    runs: tuple[str, ...]


def proposals(lines: Sequence[StudyLine]) -> tuple[Proposal, ...]:
    """At most one for each study, in the order of `PROPOSALS`, then of ids."""
    found = [proposal for line in lines for proposal in _of_line(line)]
    return tuple(sorted(found, key=lambda each: (PROPOSALS.index(each.kind), each.study)))


def _of_line(line: StudyLine) -> Iterable[Proposal]:
    """A harmful bundle, or one that surely does too little although it was delivered, may go; where it was not
    delivered, that comes first, and where nobody knows, it must be measured; an effect that faded asks for upkeep; the
    rest for more data."""
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
    elif line.state == "negligible":
        yield proposal("measure_delivery", row.p_negligible if row else None)
    elif line.state == "beneficial" and line.faded:
        yield proposal("faded", line.p_half)
    elif line.state == "beneficial":
        yield proposal("keep", row.p_worthwhile if row else None)
    else:
        yield proposal("more_data", row.p_worthwhile if row else None)


def pooled_proposals(evidence: Evidence, syntheses: Sequence[Synthesis]) -> tuple[PooledProposal, ...]:
    """Bundles to phase out, judged by studies of one primary measure alone.

    What stands beside it may be there to stay as it is (a negative control), and says nothing against a bundle. That a
    bundle does too little is said only where every one of the studies knows that it was delivered.
    """
    found = []
    for each in syntheses:
        rows = [row for row in evidence.of(each.measure, each.bundle) if row.role == "primary"]
        if len(rows) < POOLED_STUDIES:
            continue
        together = each if len(rows) == each.studies else synthesise_rows(rows)
        chances = together.mean_chances
        delivered = all(row.delivery == "delivered" for row in rows)
        kind: PooledKind
        if chances.harm is not None and chances.harm >= POOLED_HARM:
            kind, probability = "phase_out_harm", chances.harm
        elif delivered and chances.negligible is not None and chances.negligible >= POOLED_NEGLIGIBLE:
            kind, probability = "phase_out_negligible", chances.negligible
        else:
            continue
        found.append(
            PooledProposal(
                measure=each.measure,
                bundle=each.bundle,
                kind=kind,
                probability=probability,
                studies=tuple(result.study for result in together.results),
                runs=tuple(result.run for result in together.results),
            )
        )
    return tuple(found)
