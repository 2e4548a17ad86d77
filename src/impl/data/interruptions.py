"""Declared shocks as positions in the calendar of the data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from impl.errors import Fault
from impl.files.calendar import Period
from impl.study.strict_yaml import where_key
from impl.study.study import Interruption, Study


def interruption_periods(
    study: Study, periods: Sequence[Period], faults: list[Fault]
) -> dict[str, tuple[int, int]]:
    """Shock -> first period and the period after its last (see Panel.interruptions); faults are noted.

    The first is the first period that begins on or after `start`, the last the one that holds `end`.
    """
    positions = {}
    for index, shock in enumerate(study.interruptions, 1):
        first, after = _positions(shock, periods)
        if first < after and after - first < len(periods):
            positions[shock.id] = (first, after)
            continue
        end = f"to {shock.end}" if shock.end else "without an end"
        if first < after:
            got, fix = "every period", "A shock that covers all of the data cannot be told from the level."
        else:
            got, fix = "no period", "Check the dates against the periods; a start takes effect from the next."
        faults.append(
            Fault(
                code="data.interruption",
                where=where_key(f"{study.id}.yaml", None, ("interruptions", str(index))),
                got=f"{shock.start} {end}, which touches {got} of the data",
                allowed=f"within {periods[0].start} to {periods[-1].end}",
                fix=fix,
            )
        )
    return positions


def _positions(shock: Interruption, periods: Sequence[Period]) -> tuple[int, int]:
    start = date.fromisoformat(shock.start)
    first = sum(period.start < start for period in periods)
    if shock.end is None:
        return first, len(periods)
    end = date.fromisoformat(shock.end)
    return first, sum(period.start <= end for period in periods)
