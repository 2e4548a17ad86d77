"""What a Release says of the quality of data: counts of periods and coded findings, and no number of an event."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from impl.release.public import Public

Periods = Annotated[int, Field(ge=0)]
Why = Literal[
    "not_in_file",
    "not_reported",
    "missing",
    "suppressed",
    "incomplete_area",
    "no_exposure",
    "stopped",
    "paused",
]
"""Why a cell has no number: no row and no mark; declared so; hidden by the source without limits; a part of a joined
area has none; nothing to count over and no events; after the site stopped with the bundle; while it paused."""
LEFT_OUT: tuple[Why, ...] = ("no_exposure", "stopped", "paused")
"""Reasons for which nobody has to send anything."""


class QualityGap(Public):
    """A run of periods without a number, all for one reason: from the first day of the first to the last of the last."""

    start: date
    end: date
    periods: Periods
    why: Why


class SiteCoverage(Public):
    """How much of what one site should send of one measure has come, in periods.

    hidden: of those reported, counts known as an interval only. days: from the end of the last period reported to the
    extraction, or to the end of the data. last: end of that period. Both None where nothing has come.
    """

    measure: str
    site: str
    name: str
    expected: Periods
    reported: Periods
    hidden: Periods = 0
    longest_gap: Periods = 0
    last: date | None = None
    days: Periods | None = None
    gaps: tuple[QualityGap, ...] = ()


class PeriodCoverage(Public):
    """How many sites should have sent a number for one period, and how many did."""

    measure: str
    start: date
    end: date
    expected: Periods
    reported: Periods


class LeftOut(Public):
    """Cells that no calculation uses, by reason."""

    measure: str
    why: Why
    cells: Periods
    sites: Periods


class QualityFinding(Public):
    """Something that looks wrong. site None: the measure as a whole; other: the second site of a pair.

    start, end: None for the whole series. grave: a mistake of this kind would change a result. values: periods, factors and shares; never a count of events.
    """

    code: str
    measure: str | None = None
    site: str | None = None
    name: str | None = None
    other: str | None = None
    other_name: str | None = None
    start: date | None = None
    end: date | None = None
    grave: bool = False
    values: dict[str, float | int | str] = Field(default_factory=dict)


class QualitySection(Public):
    """The quality of what was delivered. state: ready (nothing to ask), usable, not_yet."""

    state: Literal["ready", "usable", "not_yet"]
    coverage: tuple[SiteCoverage, ...]
    periods: tuple[PeriodCoverage, ...]
    left_out: tuple[LeftOut, ...] = ()
    findings: tuple[QualityFinding, ...] = ()
    limits: dict[str, float] = Field(default_factory=dict)
    """Limits behind the findings, by name."""
