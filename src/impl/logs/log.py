"""What the coordinator's small tables have in common: headings, words of a vocabulary, days, and no persons."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.errors import Fault, nearest, shorten
from impl.files.calendar import Period
from impl.files.personal import personal_trace
from impl.files.table import Cell, Table, cell_of, read_code, read_date, read_table
from impl.study.catalogue import Bundle
from impl.study.source import TableSource
from impl.study.vocabulary import fold, read_vocabulary

_NORWEGIAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_FIELDS = {"contextual": "context", "fidelity": "consistent"}
"""Columns that are not called as the field of FRAME is."""
SEPARATOR = ";"
"""Between several words in one cell."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a log may refer to.

    sites: codes that a table may use -> the site of the panel that each one means. starts: site -> first day with the bundle, None where it never came; a site whose
    start is not known is left out. bundles: those of the study.
    """

    root: Path
    sites: Mapping[str, str]
    starts: Mapping[str, date | None]
    bundles: Sequence[Bundle]

    @property
    def components(self) -> dict[str, str]:
        """Spelling, as `fold` gives it -> id, of every component that has an id."""
        return {text: name for bundle in self.bundles for text, name in bundle.spellings.items()}

    @property
    def roles(self) -> dict[str, str]:
        """Component -> role, where the bundle says it."""
        parts = [part for bundle in self.bundles for part in bundle.parts]
        return {part.id: part.role for part in parts if part.id is not None and part.role is not None}

    @property
    def closed(self) -> bool:
        """Whether no other components than these can be named."""
        return all(bundle.closed for bundle in self.bundles)


@cache
def headings(kind: str) -> dict[str, str]:
    """Heading as `fold` gives it -> column, for one kind of log; those of `adaptations` hold FRAME's questions."""
    lists = tomllib.loads((Path(__file__).parent / "headings.toml").read_text(encoding="utf-8"))
    found = {fold(text): name for name, texts in {**lists["all"], **lists[kind]}.items() for text in texts}
    found |= {fold(name): name for name in (*lists["all"], *lists[kind])}  # Site, SITE
    if kind == "adaptations":
        frame = read_vocabulary("frame")
        for field in frame.groups:
            for text in (field.name, field.nb, field.nn, field.en):
                if text is not None:
                    found.setdefault(fold(text), _FIELDS.get(field.id, field.id))
    return found


def read_log(
    setting: Setting,
    source: TableSource,
    kind: str,
    *,
    required: Sequence[str],
    optional: Sequence[str],
    faults: list[Fault],
    numeric: Sequence[str] = (),
) -> Table | None:
    """Read the table of a log without the rows whose text seems to name a person, which are faults.

    Every cell is searched but known sites and counts, so that no later fault repeats what it holds.
    """
    table = read_table(
        setting.root,
        source,
        required=required,
        optional=(*optional, "note"),
        numeric=numeric,
        faults=faults,
        headings=headings(kind),
    )
    if table is None:
        return None
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        for name in table.columns:
            cell = cell_of(table, row, fields, name, faults)
            expected = (
                cell.text in setting.sites if name == "site" else name in numeric and cell.text.isdigit()
            )
            trace = None if expected else personal_trace(cell.text)
            if trace is not None:
                cell.refuse(
                    "data.personal",
                    f"what looks like {trace} (the text is not shown)",
                    "free of personal data",
                    "Write the role, not the person, and no numbers that lead to one.",
                )
        if len(faults) == before:
            rows.append((row, fields))
    return replace(table, rows=rows)


def read_site(cell: Cell, sites: Mapping[str, str]) -> str | None:
    """A site of the study."""
    site = read_code(cell)
    if site is None:
        return None
    if site not in sites:
        cell.refuse(
            "data.unknown_site",
            shorten(site, 40),
            "a site of the roll-out table",
            nearest(site, sites) or "Check the spelling.",
        )
        return None
    return sites[site]


def read_day(cell: Cell, seen: dict[str, date]) -> date | None:
    """A day as 2026-01-31 or, as Norwegian spreadsheets write it, 31.01.2026."""
    norwegian = _NORWEGIAN_DAY.fullmatch(cell.text)
    if norwegian:
        day, month, year = norwegian.groups()
        cell = replace(cell, text=f"{year}-{month:0>2}-{day:0>2}")
    return read_date(cell, seen)


def read_end(cell: Cell, start: date | None, seen: dict[str, date]) -> date | None:
    """The last day, or None where the cell is empty (still in force); on or after `start`."""
    end = read_day(cell, seen) if cell.text else None
    if start is not None and end is not None and end < start:
        cell.refuse(
            "data.end_before_start", str(end), f"on or after the start, {start}", "Check the two dates."
        )
    return end


def read_term(cell: Cell, words: Mapping[str, str], *, empty: str | None = None) -> str | None:
    """Id of a word of a vocabulary; `empty` is what an empty cell means, None if it must be filled in.

    words: spelling, as `fold` gives it -> id.
    """
    if not cell.text and empty is not None:
        return empty
    found = words.get(fold(cell.text))
    if found is None:
        _unknown(cell, cell.text, words)
    return found


def read_terms(cell: Cell, words: Mapping[str, str]) -> str | None:
    """Ids of the words in a cell, separated by SEPARATOR and each once; empty for an empty cell."""
    found = []
    for text in filter(None, (part.strip() for part in cell.text.split(SEPARATOR))):
        term = words.get(fold(text))
        if term is None:
            _unknown(cell, text, words)
            return None
        found.append(term)
    return SEPARATOR.join(dict.fromkeys(found))


def _unknown(cell: Cell, text: str, words: Mapping[str, str]) -> None:
    ids = list(dict.fromkeys(words.values()))
    listed = ", ".join(ids[:20]) + (f" … ({len(ids)} in all)" if len(ids) > 20 else "")
    meant = nearest(fold(text), (*ids, *words))
    got = shorten(text, 40) if text else "nothing"
    cell.refuse("data.unknown_word", got, f"one of {listed}", meant or "Write one of these.")


def read_component(cell: Cell, setting: Setting, *, also: Sequence[str] = ()) -> str | None:
    """Id of a component: one of the bundle's, where it lists all of them, else any code. also: other words."""
    code = read_code(cell)
    if code is None or code in also:
        return code
    known = setting.components
    found = known.get(fold(code))
    if found is None and setting.closed:
        ids = list(dict.fromkeys(known.values()))
        cell.refuse(
            "data.unknown_component",
            shorten(code, 40),
            f"a component of the bundle ({', '.join((*ids, *also))})",
            nearest(fold(code), (*ids, *known)) or "Choose one of these, or add it to the bundle's file.",
        )
        return None
    return found or code


def period_from(day: date, periods: Sequence[Period]) -> int:
    """First period that begins on or after `day`; the position after the last where there is none."""
    return next((index for index, period in enumerate(periods) if period.start >= day), len(periods))


def refuse_repeated(
    cell: Cell, key: Hashable, row: int, first_rows: dict[Any, int], *, got: str, one: str, fix: str
) -> None:
    """Refuse a second row of the same key. first_rows: key -> its first row, kept by the caller for one table."""
    first = first_rows.setdefault(key, row)
    if first != row:
        cell.refuse("data.repeated_row", f"{got} again", f"one {one} (first in row {first})", fix)


def in_force(from_period: int, end: object, starts: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    """Periods at whose first day an entry is in force. starts: first day of each period."""
    force = np.arange(len(starts)) >= from_period
    return force & (starts <= end) if isinstance(end, date) else force


def site_periods(sites: Sequence[str], periods: Sequence[Period]) -> dict[str, pd.Series]:
    """Columns `site` and `period` of the full grid."""
    return {
        "site": pd.Series(np.repeat(list(sites), len(periods)), dtype="str"),
        "period": pd.Series(np.tile(np.arange(len(periods)), len(sites)), dtype=int),
    }
