"""Periods as sheets write them: jan.22, 2022M01, 1. tertial 2022, uke 53 2020, 31.01.2022 and serial numbers of days.

A text names its own kind of period; what the study file declares is how long a period is and how days are written,
so that nothing depends on the machine's language or on a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Literal

from impl.files.calendar import DAY, MONTHS, Span, add_months
from impl.files.words import sheet_words
from impl.study.source import Step
from impl.study.vocabulary import fold

Days = Literal["yyyy-mm-dd", "dd.mm.yyyy", "excel"]
EARLIEST, LATEST = date(1800, 1, 1), date(2199, 12, 31)
SERIAL_ZERO = date(1899, 12, 30)
"""Day 0 of a spreadsheet's serial numbers from 1 March 1900 on (ECMA-376 part 1, 18.17.4.1)."""


@dataclass(frozen=True, kw_only=True)
class Unread:
    """Why a text is no period of the declared kind."""

    allowed: str
    fix: str


def read_period(text: str, step: Step, days: Days, serial_zero: date = SERIAL_ZERO) -> Span | Unread:
    """First and last day of a period.

    A day must be the first or the last of its period: any other is a sign that day and month changed places.
    """
    words = fold(text).replace("'", "")
    found = _named(words) or _coded(words, step)
    if found is not None:
        kind, year, number = found
        if kind != step:
            return Unread(
                allowed=f"a {step}, as 'step' says", fix=f"It reads as a {kind}: mend 'step' or the text."
            )
        span = _span(kind, year, number)
        if span is None:
            return Unread(allowed=f"a {step} that exists", fix="Check its number and year.")
        return span
    day = read_day_text(text, days, serial_zero)
    if isinstance(day, Unread):
        return Unread(
            allowed=f"a {step}, or a day written {days}",
            fix=f"Write it as {_EXAMPLES[step]}, or mend 'days'.",
        )
    span = span_of(day, step)
    if day not in span:
        return Unread(
            allowed=f"the first or the last day of a {step}",
            fix="If day and month changed places, mend 'days'; if periods are of another length, 'step'.",
        )
    return span


def read_part(part: str, year: str, step: Step) -> Span | Unread:
    """Period of a part (`mars`, `3`, `T1`, `2. kvartal`, `uke 7`) and its year from two cells."""
    number = re.fullmatch(r"([0-9]{1,2})\.?", part)
    if number and re.fullmatch(r"[12][0-9]{3}", year):
        span = _span(step, int(year), int(number[1]))
        return span or Unread(allowed=f"a {step} that exists", fix="Check its number and year.")
    return read_period(f"{part} {year}", step, "yyyy-mm-dd")


_EXAMPLES: dict[Step, str] = {
    "week": "2022-W01", "month": "2022M01", "quarter": "2022K1", "tertial": "2022T1", "half-year": "2022H1",
    "year": "2022",
}  # fmt: skip


def read_day_text(text: str, days: Days, serial_zero: date = SERIAL_ZERO) -> date | Unread:
    """A day as declared; a time of midnight after it is let pass."""
    text = re.sub(r"[T ]00:00(:00(\.0+)?)?$", "", text.strip())
    try:
        if days == "yyyy-mm-dd" and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            day = date.fromisoformat(text)
        elif days == "dd.mm.yyyy" and (
            found := re.fullmatch(r"([0-9]{1,2})[.\-/]([0-9]{1,2})[.\-/]([0-9]{4})", text)
        ):
            day = date(int(found[3]), int(found[2]), int(found[1]))
        elif days == "excel" and re.fullmatch(r"[0-9]{1,6}(\.0)?", text):
            day = serial_zero + timedelta(days=int(text.split(".")[0]))
        else:
            return Unread(allowed=f"a day written {days}", fix="Mend the text, or 'days' in the study file.")
    except (ValueError, OverflowError):
        return Unread(allowed="a day that exists", fix="Check day and month.")
    if not EARLIEST <= day <= LATEST:
        return Unread(allowed=f"a day from {EARLIEST.year} to {LATEST.year}", fix="Check the year.")
    return day


def span_of(day: date, step: Step) -> Span:
    """The period of a day."""
    if step == "week":
        start = day - timedelta(days=day.weekday())
        return start, start + 6 * DAY
    months = MONTHS[step]
    start = date(day.year, (day.month - 1) // months * months + 1, 1)
    return start, add_months(start, months) - DAY


def period_step(text: str) -> Step | None:
    """Kind of period that a text names without help (`jan.22` is a month), or None."""
    words = fold(text).replace("'", "")
    found = _named(words) or _coded(words, None)
    if found is None or _span(*found) is None:
        return None
    return found[0]


Found = tuple[Step, int, int]


@cache
def _forms() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    words = sheet_words()
    months = "|".join(sorted((name for names in words.months for name in names), key=len, reverse=True))
    parts = "|".join(
        re.escape(word)
        for word in sorted((word for group in words.parts.values() for word in group), key=len, reverse=True)
    )
    year = r"(?P<year>[12][0-9]{3}|[0-9]{2})"
    between = r"[ .,\-/]*"
    return (
        re.compile(rf"(?P<name>{months})\.?{between}{year}"),
        re.compile(rf"(?P<year>[12][0-9]{{3}}){between}(?P<name>{months})\.?"),
        re.compile(
            rf"(?:(?P<word>{parts})\.? ?(?P<number>[0-9]{{1,2}})|(?P<before>[0-9]{{1,2}})\.? ?(?P<after>{parts})\.?)"
            rf"[ .,\-/]+{year}"
        ),
        re.compile(
            rf"(?P<year>[12][0-9]{{3}}){between}"
            rf"(?:(?P<word>{parts})\.? ?(?P<number>[0-9]{{1,2}})|(?P<before>[0-9]{{1,2}})\.? ?(?P<after>{parts})\.?)"
        ),
    )


def _named(words: str) -> Found | None:
    """`jan.22`, `mars 2021`, `2022 mars`, `t1 2022`, `1. tertial 2022`, `2022k1`, `uke 53 2020`, `2021-w53`."""
    for form in _forms():
        found = form.fullmatch(words)
        if found is None:
            continue
        year = int(found["year"]) + (2000 if len(found["year"]) == 2 else 0)
        groups = found.groupdict()
        if "name" in groups:
            number = next(
                index for index, names in enumerate(sheet_words().months, 1) if groups["name"] in names
            )
            return "month", year, number
        word = groups["word"] or groups["after"]
        step = next(step for step, group in sheet_words().parts.items() if word in group)
        return step, year, int(groups["number"] or groups["before"])
    return None


def _coded(words: str, step: Step | None) -> Found | None:
    """`2022m01`, `2022-01`, `01.2022`, `2022`, and `202201` where `step` says month or week."""
    if found := re.fullmatch(r"([12][0-9]{3})(?:m|-|/)([0-9]{1,2})", words):
        return "month", int(found[1]), int(found[2])
    if found := re.fullmatch(r"([0-9]{1,2})[./\-]([12][0-9]{3})", words):
        return "month", int(found[2]), int(found[1])
    if (found := re.fullmatch(r"([12][0-9]{3})([0-9]{2})", words)) and step in ("month", "week"):
        return step, int(found[1]), int(found[2])
    if re.fullmatch(r"[12][0-9]{3}", words):
        return "year", int(words), 1
    return None


def _span(step: Step, year: int, number: int) -> Span | None:
    if not EARLIEST.year <= year <= LATEST.year:
        return None
    if step == "week":
        try:
            start = date.fromisocalendar(year, number, 1)
        except ValueError:  # week 53 of a year that has 52
            return None
        return start, start + 6 * DAY
    months = MONTHS[step]
    if not 1 <= number <= 12 // months:
        return None
    start = date(year, (number - 1) * months + 1, 1)
    return start, add_months(start, months) - DAY
