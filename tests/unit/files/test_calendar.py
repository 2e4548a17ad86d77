"""Kinds of periods, contiguous calendars, and what is no calendar."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from impl.files.calendar import Calendar, add_months, derive_calendar, period_kind

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "end", "kind"),
    [
        ("2024-02-01", "2024-02-29", "month"),
        ("2023-02-01", "2023-02-28", "month"),
        ("2024-12-01", "2024-12-31", "month"),
        ("2024-04-01", "2024-06-30", "quarter"),
        ("2024-05-01", "2024-08-31", "tertial"),
        ("2024-07-01", "2024-12-31", "half-year"),
        ("2024-01-01", "2024-12-31", "year"),
        ("2020-12-28", "2021-01-03", "week"),  # week 53 of 2020
        ("2024-02-01", "2024-02-28", None),
        ("2024-02-01", "2024-04-30", None),  # three months, no quarter
        ("2024-01-02", "2024-01-08", None),  # seven days from a Tuesday
        ("2024-01-01", "2024-01-01", None),
    ],
)
def test_period_kind(start: str, end: str, kind: str | None) -> None:
    assert period_kind((date.fromisoformat(start), date.fromisoformat(end))) == kind


def months_from(start: date, count: int, step: int) -> dict[tuple[date, date], int]:
    starts = [add_months(start, step * index) for index in range(count)]
    return {(first, add_months(first, step) - DAY): row for row, first in enumerate(starts, 2)}


@pytest.mark.parametrize(
    ("step", "kind"), [(1, "month"), (3, "quarter"), (4, "tertial"), (6, "half-year"), (12, "year")]
)
def test_missing_periods_are_filled_in(step: int, kind: str) -> None:
    spans = months_from(date(2015, 1, 1), 7, step)
    kept = dict(list(spans.items())[:2] + list(spans.items())[5:])
    calendar = derive_calendar(kept, "x.csv")

    assert isinstance(calendar, Calendar)
    assert calendar.kind == kind
    assert calendar.months == step
    assert [(period.start, period.end) for period in calendar.periods] == list(spans)


def test_weeks_run_over_the_new_year() -> None:
    first = date(2020, 12, 21)
    spans = {(first + timedelta(weeks=week), first + timedelta(weeks=week, days=6)): 2 for week in (0, 1, 3)}
    calendar = derive_calendar(spans, "x.csv")

    assert isinstance(calendar, Calendar)
    assert len(calendar.periods) == 4
    assert calendar.months == pytest.approx(12 / 52.1775)


def test_equal_steps_of_days_are_filled_in() -> None:
    first = date(2021, 1, 5)
    spans = {
        (first + timedelta(days=28 * step), first + timedelta(days=28 * step + 27)): step
        for step in (0, 1, 4)
    }
    calendar = derive_calendar(spans, "x.csv")

    assert isinstance(calendar, Calendar)
    assert calendar.kind == "equal steps"
    assert len(calendar.periods) == 5
    assert calendar.months == pytest.approx(28 / (365.25 / 12))


def test_a_partition_of_about_equal_parts_is_a_calendar() -> None:
    starts = [date(2021, number, 15) for number in range(1, 8)]
    spans = {(start, end - DAY): row for row, (start, end) in enumerate(pairwise(starts))}
    calendar = derive_calendar(spans, "x.csv")

    assert isinstance(calendar, Calendar)
    assert calendar.kind == "equal steps"
    assert calendar.months == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("spans", "code", "row"),
    [
        # a quarter among months
        ([("2021-01-01", "2021-01-31"), ("2021-02-01", "2021-02-28"), ("2021-03-01", "2021-05-31")],
         "data.uneven_periods", 4),
        # months given by their first day only
        ([("2021-01-01", "2021-01-01"), ("2021-02-01", "2021-02-01"), ("2021-03-01", "2021-03-01")],
         "data.uneven_periods", 3),
        # overlapping four-week periods
        ([("2021-01-04", "2021-01-31"), ("2021-01-25", "2021-02-21"), ("2021-02-22", "2021-03-21")],
         "data.overlapping_periods", 3),
        # a short last part
        ([("2021-01-15", "2021-02-14"), ("2021-02-15", "2021-03-14"), ("2021-03-15", "2021-03-20")],
         "data.uneven_periods", 4),
    ],
)  # fmt: skip
def test_no_calendar(spans: list[tuple[str, str]], code: str, row: int) -> None:
    table = {(date.fromisoformat(a), date.fromisoformat(b)): index for index, (a, b) in enumerate(spans, 2)}
    faults = derive_calendar(table, "x.csv")

    assert isinstance(faults, list)
    assert faults[0].code == code
    assert faults[0].where == f"x.csv, row {row}, column 'period_end'"
