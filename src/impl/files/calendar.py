"""The calendar of a panel: what kind of periods the rows use, and every period from the first to the last."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from impl.errors import Fault

DAY = timedelta(days=1)
DAYS_A_MONTH = 365.25 / 12
WEEKS_A_YEAR = 52.1775
UNEVEN = 0.8  # shortest over longest period that still counts as equal: 28 and 31 days do (choice)
SHORTEST_LEAP = 12  # periods; so many may be missing for all sites in any series (choice)
MONTHS = {"month": 1, "quarter": 3, "tertial": 4, "half-year": 6, "year": 12}

Span = tuple[date, date]


@dataclass(frozen=True, kw_only=True)
class Period:
    """One calendar period; both dates belong to it."""

    start: date
    end: date


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """Contiguous periods of one kind; `kind` month, quarter, tertial, half-year, year, week or equal steps."""

    kind: str
    periods: tuple[Period, ...]
    months: float


def add_months(day: date, months: int) -> date:
    """First day of the month that lies `months` after the month of `day`."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def period_kind(span: Span) -> str | None:
    """Kind of one period by the calendar, or None."""
    start, end = span
    if start.day == 1:
        for kind, months in MONTHS.items():
            if (start.month - 1) % months == 0 and end == add_months(start, months) - DAY:
                return kind
    return "week" if start.weekday() == 0 and end == start + 6 * DAY else None


def derive_calendar(spans: Mapping[Span, int], shown: str) -> Calendar | list[Fault]:
    """Calendar over all periods of a table, or the faults that keep it from having one.

    spans: (start, end) -> first row that uses it. Periods that no row uses are filled in.
    """
    ordered = sorted(spans)
    kinds = {span: period_kind(span) for span in ordered}
    found = set(kinds.values())
    if len(found) == 1:
        kind = found.pop()
        if kind is not None:
            calendar = _filled(kind, ordered[0][0], ordered[-1][0])
            return _far_apart(ordered, spans, calendar, shown) or calendar
    steps = _equal_steps(ordered)
    if steps is not None:
        return steps
    usual = max(sorted(kind for kind in kinds.values() if kind), key=list(kinds.values()).count, default=None)
    if usual is not None and 2 * list(kinds.values()).count(usual) >= len(ordered):
        return [
            _fault(
                "data.uneven_periods",
                shown,
                spans[span],
                _describe(span),
                f"a {usual}, like the other rows",
                "Use periods of one kind; sum shorter ones, or leave the row out.",
            )
            for span in ordered
            if kinds[span] != usual
        ]
    return _disorder(ordered, spans, shown)


def _filled(kind: str, first: date, last: date) -> Calendar:
    starts = [first]
    while starts[-1] < last:
        starts.append(_next(kind, starts[-1]))
    periods = tuple(Period(start=start, end=_next(kind, start) - DAY) for start in starts)
    months = 12 / WEEKS_A_YEAR if kind == "week" else float(MONTHS[kind])
    return Calendar(kind=kind, periods=periods, months=months)


def _far_apart(ordered: list[Span], spans: Mapping[Span, int], calendar: Calendar, shown: str) -> list[Fault]:
    """A stretch that no row uses, longer than all that is used: a year that was mistyped, not a gap."""
    position = {period.start: index for index, period in enumerate(calendar.periods)}
    faults = []
    for at, (earlier, later) in enumerate(itertools.pairwise(ordered), 1):
        empty = position[later[0]] - position[earlier[0]] - 1
        if empty > max(len(ordered), SHORTEST_LEAP):
            alone = later if at > len(ordered) / 2 else earlier  # the few, not the many
            faults.append(
                _fault(
                    "data.far_period",
                    shown,
                    spans[alone],
                    f"{_describe(alone)}, with {empty} periods without any row between it and the others",
                    "a period near the others",
                    "Check the year; leave out what is too far away to compare with.",
                )
            )
    return faults


def _next(kind: str, start: date) -> date:
    return start + 7 * DAY if kind == "week" else add_months(start, MONTHS[kind])


def _equal_steps(ordered: list[Span]) -> Calendar | None:
    """Periods that are none of the calendar's: equal in days (gaps are filled), or a partition of about equal parts."""
    days = [(end - start).days + 1 for start, end in ordered]
    first, last = ordered[0][0], ordered[-1][0]
    step = days[0]
    if len(set(days)) == 1 and all((start - first).days % step == 0 for start, _ in ordered):
        starts = [first + timedelta(days=offset) for offset in range(0, (last - first).days + 1, step)]
        spans = [(start, start + timedelta(days=step - 1)) for start in starts]
        # single days apart are months given by their first day, not a daily series
        if step == 1 and len(spans) > 2 * len(ordered):
            return None
    elif min(days) >= UNEVEN * max(days) and all(
        later[0] == earlier[1] + DAY for earlier, later in itertools.pairwise(ordered)
    ):
        spans = ordered
    else:
        return None
    periods = tuple(Period(start=start, end=end) for start, end in spans)
    return Calendar(kind="equal steps", periods=periods, months=sum(days) / len(days) / DAYS_A_MONTH)


def _disorder(ordered: list[Span], spans: Mapping[Span, int], shown: str) -> list[Fault]:
    faults = []
    for earlier, later in itertools.pairwise(ordered):
        if later[0] <= earlier[1]:
            faults.append(
                _fault(
                    "data.overlapping_periods",
                    shown,
                    spans[later],
                    f"{_describe(later)}, which overlaps row {spans[earlier]} ({_describe(earlier)})",
                    "a period that begins after the one before has ended",
                    "Use the same periods for all sites.",
                )
            )
        elif later[0] != earlier[1] + DAY:
            faults.append(
                _fault(
                    "data.uneven_periods",
                    shown,
                    spans[later],
                    f"{_describe(later)} after {_describe(earlier)}",
                    "periods that follow each other",
                    "Give the last day of each period as period_end; mark a missing period in 'status'.",
                )
            )
    if not faults:
        days = {(end - start).days + 1: (start, end) for start, end in ordered}
        shortest = days[min(days)]
        faults.append(
            _fault(
                "data.uneven_periods",
                shown,
                spans[shortest],
                f"{_describe(shortest)} beside periods of up to {max(days)} days",
                "periods of about equal length",
                "Sum shorter periods, or leave out the part that is not whole.",
            )
        )
    return faults


def _describe(span: Span) -> str:
    days = (span[1] - span[0]).days + 1
    return f"{span[0]} to {span[1]} ({days} {'day' if days == 1 else 'days'})"


def _fault(code: str, shown: str, row: int, got: str, allowed: str, fix: str) -> Fault:
    return Fault(
        code=code, where=f"{shown}, row {row}, column 'period_end'", got=got, allowed=allowed, fix=fix
    )
