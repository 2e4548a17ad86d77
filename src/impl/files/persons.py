"""Columns of an event file that are about persons: they stop the import, and no value of theirs is shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime

from impl.errors import Fault
from impl.files.files import fault_at
from impl.files.periods import read_day_text
from impl.files.personal import personal_trace
from impl.files.words import sheet_words
from impl.study.characters import holds_identity_number
from impl.study.vocabulary import fold

SAMPLED = 20_000  # rows whose every cell is looked at (choice); headings and counted columns always are
NAMES = 0.3  # share of short texts that are a name, above which the column is one of names (choice)
BIRTHS = (
    0.5  # share of days at least LONG_AGO years before the event, above which they are birth dates (choice)
)
LONG_AGO = 15
_KINDS = {
    "identity_number": "national identity numbers",
    "birth_date": "birth dates",
    "person_name": "names of persons",
}


def personal_columns(
    shown: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    used: Collection[str],
    day: str,
) -> Iterator[Fault]:
    """A fault for each column that by its heading or its first rows is about persons.

    used: headings that are counted by; their days and codes are not taken for birth dates or names. day: heading
    of the events' day. A name inside free text does not count: free text is never read.
    """
    persons = sheet_words().persons
    days = _days(rows, headings.index(day)) if day in headings else {}
    for at, heading in enumerate(headings):
        values = [row[at] for row in rows]
        kind = next((kind for kind, words in persons.items() if fold(heading) in words), None)
        if kind is None:
            kind = _kind(values, None if heading in used else days)
        if kind is not None:
            got = f"a column of {_KINDS[kind]} (no value is shown)"
            fix = "Delete the column before you bring the file here."
            yield fault_at(shown, None, heading, "data.personal", got, "free of personal data", fix)


def _kind(values: Sequence[object], days: dict[int, date] | None) -> str | None:
    texts = {str(value) for value in values if value is not None}
    for text in texts:
        digits = text.zfill(11) if re.fullmatch("[0-9]{10}", text) else text
        if holds_identity_number(digits):
            return "identity_number"
    if days is None:
        return None
    short = [text for text in texts if 0 < len(text.split()) <= 4 and len(text) <= 60]
    names = sum(personal_trace(text) == "a personal name" for text in short)
    if len(short) > 2 and names > NAMES * len(texts):
        return "person_name"
    own = {index: day for index, value in enumerate(values) if (day := _day(value)) is not None}
    both = [index for index in own if index in days]
    old = sum((days[index] - own[index]).days > LONG_AGO * 365 for index in both)
    return "birth_date" if len(both) > 2 and old > BIRTHS * len(both) else None


def _days(rows: Sequence[Sequence[object]], at: int) -> dict[int, date]:
    return {index: day for index, row in enumerate(rows) if (day := _day(row[at])) is not None}


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip()
    for form, length in (("yyyy-mm-dd", 10), ("dd.mm.yyyy", 10)):
        found = read_day_text(text[:length].rstrip(), form)  # type: ignore[arg-type]
        if isinstance(found, date):
            return found
    return None
