"""Tables as text: every cell as written, every row with its number in the file, every fault with its place.

No cell is interpreted here but by the small readers at the end, which return a value or note a fault.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from impl.errors import Fault, nearest, shorten
from impl.files.files import Raw, Row, fault_at, read_grid, text_of
from impl.study.characters import hidden_character, holds_identity_number, plain
from impl.study.source import DataTable, TableSource
from impl.study.vocabulary import fold

LARGEST_COUNT = 2**53  # above it a float no longer holds every whole number
LONGEST_TEXT = 120  # characters of a site code or name (choice)
EARLIEST = date(
    1800, 1, 1
)  # an earlier year is a typing error (choice; the oldest teaching data are of 1841)

_COUNT = re.compile(r"[0-9]{1,25}(\.0)?")
_AMOUNT = re.compile(r"-?[0-9]{1,25}(\.[0-9]{1,40})?")
_SUM = re.compile(r"-?[0-9]{1,25}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?")
_NORWEGIAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as text. columns: header -> position. rows: (row number in the file, fields).

    written: column -> heading, where the file calls a column by another name. places: column -> position of the
    field that says where its cell stands, in a table put together from others.
    """

    shown: str
    columns: dict[str, int]
    rows: list[tuple[int, list[str]]]
    written: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def get(self, fields: Sequence[str], column: str) -> str:
        """Stripped text of a field; empty where the table has no such column."""
        position = self.columns.get(column)
        return "" if position is None else fields[position].strip()


def read_table(
    root: Path,
    source: TableSource,
    *,
    required: Sequence[str],
    optional: Sequence[str],
    numeric: Sequence[str],
    faults: list[Fault],
    headings: Mapping[str, str] | None = None,
    dates: Sequence[str] = (),
) -> Table | None:
    """Read one file whose first row holds the column names, or note why it cannot be read and return None.

    headings: other names of columns, as `fold` gives them -> column. dates: columns of days, which the source may say
    to be written as 31.01.2026.

    `numeric` columns are not searched for national identity numbers; all others are, used or not.
    Columns that are neither required nor optional are carried along unused.
    """
    form = DataTable(
        file=source.file, sheet=source.sheet, encoding=source.encoding, delimiter=source.delimiter
    )
    grid = read_grid(root, form, faults)
    if grid is None:
        return None
    shown = grid.shown
    before = len(faults)
    number, header = grid.rows[0]
    if number != 1:
        got, allowed = "an empty first row", "column names in row 1"
        faults.append(fault_at(shown, 1, None, "data.delimiter", got, allowed, "Delete the rows above them."))
        return None
    fields = [text_of(raw) for raw in header]
    named = _named(fields, headings or {})
    written = {name: plain(text) for name, text in zip(named, fields, strict=True) if name != text}
    columns = _header(named, required, optional, shown, faults)
    rows: list[tuple[int, list[str]]] = []
    kinds = [_kind(name.strip(), source, numeric, dates) for name in named]
    for number, cells in grid.rows[1:]:
        if len(cells) == len(fields):
            rows.append((number, [_as_written(raw, kind) for raw, kind in zip(cells, kinds, strict=True)]))
        else:
            faults.append(field_count(shown, number, len(cells), len(fields)))
    faults.extend(_points(shown, named, kinds, grid.rows[1:]))
    faults.extend(identity_numbers(shown, columns, rows, numeric))
    if len(faults) > before:
        return None
    return Table(shown=shown, columns=columns, rows=rows, written=written)


def _kind(name: str, source: TableSource, numeric: Sequence[str], dates: Sequence[str]) -> str | None:
    """How text in a column is written where it is not as impl writes it: `decimal comma` or `dd.mm.yyyy`."""
    if name in numeric and source.decimal == "comma":
        return "decimal comma"
    return "dd.mm.yyyy" if name in dates and source.days == "dd.mm.yyyy" else None


def _as_written(raw: Raw, kind: str | None) -> str:
    """A cell as text; numbers and days of a declared kind as impl writes them, anything else as it stands.

    A point where commas are declared is refused (`_points`): 1.200 may be twelve hundred.
    """
    text = text_of(raw)
    if kind is None or not isinstance(raw, str):
        return text  # a workbook's own numbers and days are never in doubt
    bare = text.strip()
    if kind == "decimal comma":
        return bare.replace(",", ".") if re.fullmatch("-?[0-9]+,[0-9]+", bare) else text
    found = _NORWEGIAN_DAY.fullmatch(bare)
    return text if found is None else f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}"


def _points(
    shown: str, named: Sequence[str], kinds: Sequence[str | None], rows: Sequence[Row]
) -> Iterator[Fault]:
    """A fault for every number with a point where the source says that decimals are marked by a comma."""
    for number, cells in rows:
        for name, kind, raw in zip(named, kinds, cells, strict=False):
            if (
                kind == "decimal comma"
                and isinstance(raw, str)
                and re.fullmatch(r"\s*-?[0-9.]+\.[0-9]+\s*", raw)
            ):
                got, allowed = shorten(raw.strip()), "a number with a decimal comma, as 'decimal' says"
                fix = "Write it with a comma, or mend 'decimal' in the study file."
                yield fault_at(shown, number, name.strip(), "data.number", got, allowed, fix)


def field_count(shown: str, row: int, got: int, width: int) -> Fault:
    """A row with more or fewer fields than there are headings."""
    fix = "Count the separators in the row; put text that holds one in double quotes."
    return fault_at(shown, row, None, "data.field_count", f"{got} fields", f"{width}, as in the header", fix)


def _named(fields: Sequence[str], headings: Mapping[str, str]) -> list[str]:
    """Headings with other names for columns replaced, unless the table has the column by its own name as well."""
    taken = {text.strip() for text in fields}
    names = []
    for text in fields:
        name = headings.get(fold(text), text)
        names.append(text if name in taken else name)
        taken.add(name)
    return names


def _header(
    fields: list[str], required: Sequence[str], optional: Sequence[str], shown: str, faults: list[Fault]
) -> dict[str, int]:
    columns: dict[str, int] = {}
    for position, text in enumerate(fields):
        name = unicodedata.normalize("NFC", text).strip()
        if not name:
            faults.append(
                fault_at(
                    shown,
                    1,
                    None,
                    "data.unnamed_column",
                    f"no name for column {position + 1}",
                    "a name for every column",
                    "Name the column or delete it.",
                )
            )
        elif name in columns:
            faults.append(
                fault_at(
                    shown,
                    1,
                    name,
                    "data.repeated_column",
                    "the column twice",
                    "given once",
                    "Delete or rename one of them.",
                )
            )
        columns[name] = position
    known = (*required, *optional)
    for name in required:
        if name not in columns:
            others = [column for column in columns if column not in known]
            meant = nearest(name, others)
            advice = f"{meant} Then rename that column." if meant else "Add the column."
            listed = ", ".join(plain(column, 30) for column in columns)
            faults.append(
                fault_at(
                    shown,
                    1,
                    name,
                    "data.missing_column",
                    f"no such column (found: {listed})",
                    "present",
                    advice,
                )
            )
    for name in columns:
        if name and name not in known:
            meant = nearest(name, [column for column in optional if column not in columns])
            if meant:
                faults.append(
                    fault_at(
                        shown,
                        1,
                        plain(name, 30),
                        "data.misspelt_column",
                        "an unknown column",
                        f"one of {', '.join(known)}",
                        f"{meant} Otherwise give it a name less like that.",
                    )
                )
    return columns


def identity_numbers(
    shown: str, columns: Mapping[str, int], rows: list[tuple[int, list[str]]], numeric: Sequence[str]
) -> Iterator[Fault]:
    """A fault for every national identity number in a column that is not numeric, or in a heading."""
    searched = {name: position for name, position in columns.items() if name not in numeric}
    for number, fields in rows:
        for name, position in searched.items():
            if holds_identity_number(fields[position]):
                yield fault_at(
                    shown,
                    number,
                    name,
                    "data.identity_number",
                    "a national identity number (•••••• •••••)",
                    "free of personal data",
                    "Delete the column or the number before you bring the table here.",
                )
    for name in columns:
        if holds_identity_number(name):
            yield fault_at(
                shown,
                1,
                None,
                "data.identity_number",
                "a national identity number (•••••• •••••)",
                "free of personal data",
                "Rename the column.",
            )


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One field with its place, for the readers below."""

    table: Table
    row: int
    column: str
    text: str
    faults: list[Fault]
    place: str | None = None

    def refuse(self, code: str, got: str, allowed: str, fix: str) -> None:
        if self.place is not None:
            self.faults.append(Fault(code=code, where=self.place, got=got, allowed=allowed, fix=fix))
            return
        column = self.table.written.get(self.column, self.column)
        self.faults.append(fault_at(self.table.shown, self.row, column, code, got, allowed, fix))


def cell_of(table: Table, row: int, fields: Sequence[str], column: str, faults: list[Fault]) -> Cell:
    """The cell of a column; its text is empty where the table has no such column."""
    position = table.places.get(column)
    place = None if position is None else fields[position]
    return Cell(
        table=table, row=row, column=column, text=table.get(fields, column), faults=faults, place=place
    )


def read_code(cell: Cell) -> str | None:
    """A site code or name, NFC; None and a fault for an empty, overlong or partly invisible one."""
    text = unicodedata.normalize("NFC", cell.text)
    hidden = hidden_character(text) or ("U+0009 or a line break" if re.search(r"[\t\r\n]", text) else None)
    if not text:
        cell.refuse("data.empty_text", "nothing", "a code or a name", "Fill in the cell.")
    elif hidden is not None:
        cell.refuse("data.hidden_character", f"a text with {hidden}", "visible text", "Type the text again.")
    elif len(text) > LONGEST_TEXT:
        cell.refuse(
            "data.long_text", f"{len(text)} characters", f"at most {LONGEST_TEXT}", "Use a short code."
        )
    else:
        return text
    return None


def read_word(cell: Cell, allowed: Sequence[str], *, empty: str | None = None) -> str | None:
    """A word of a closed list; `empty` is what an empty cell means, None if it must be filled in."""
    if not cell.text and empty is not None:
        return empty
    if cell.text in allowed:
        return cell.text
    got = shorten(cell.text, 40) if cell.text else "nothing"
    cell.refuse(
        "data.unknown_word",
        got,
        f"one of {', '.join(allowed)}",
        nearest(cell.text, allowed) or "Write one of these.",
    )
    return None


def read_date(cell: Cell, seen: dict[str, date]) -> date | None:
    """An ISO date; `seen` saves the work on dates that were read before."""
    known = seen.get(cell.text)
    if known is not None:
        return known
    if _DATE.fullmatch(cell.text):
        try:
            value = date.fromisoformat(cell.text)
        except ValueError:
            cell.refuse("data.date", shorten(cell.text), "a day that exists", "Check month and day.")
            return None
        if value < EARLIEST:
            cell.refuse("data.date", cell.text, f"{EARLIEST.year} or later", "Check the year.")
            return None
        seen[cell.text] = value
        return value
    cell.refuse(
        "data.date",
        shorten(cell.text) if cell.text else "nothing",
        "a date as 2026-01-31",
        "Write year-month-day.",
    )
    return None


def read_count(cell: Cell) -> float | None:
    """A whole number from 0 to 2^53."""
    if _COUNT.fullmatch(cell.text):
        whole = int(
            cell.text.split(".")[0]
        )  # a float would round the first number above the limit down to it
        return _within(cell, whole)
    if re.fullmatch(r"-[0-9]+(\.[0-9]+)?", cell.text):
        cell.refuse("data.negative", shorten(cell.text), "0 or more", "Check the count.")
    elif re.fullmatch(r"[0-9]{1,3}([. ,\u00a0\u202f][0-9]{3})+", cell.text):
        cell.refuse(
            "data.number",
            shorten(cell.text),
            "a whole number in digits only",
            "Write it without a thousands mark.",
        )
    elif re.fullmatch(r"[0-9]+[.,][0-9]+", cell.text):
        cell.refuse(
            "data.fractional_count",
            shorten(cell.text),
            "a whole number",
            "Give the count itself, not a rate or a share.",
        )
    else:
        _not_a_number(cell, "a whole number in digits only")
    return None


def read_amount(cell: Cell, *, signed: bool = False, exponent: bool = False) -> float | None:
    """A number with a decimal point, 0 or more unless `signed`, at most 2^53 in size."""
    if (_SUM if exponent else _AMOUNT).fullmatch(cell.text):
        value = float(cell.text)
        if value < 0 and not signed:
            cell.refuse("data.negative", shorten(cell.text), "0 or more", "Check the number.")
            return None
        return _within(cell, value)
    if re.fullmatch(r"-?[0-9]+,[0-9]+", cell.text):
        cell.refuse(
            "data.number",
            shorten(cell.text),
            "a number with a decimal point",
            f"Write {plain(cell.text.replace(',', '.'))}.",
        )
    else:
        _not_a_number(cell, "a number in digits")
    return None


def _within(cell: Cell, value: float) -> float | None:
    if math.isfinite(value) and abs(value) <= LARGEST_COUNT:
        return float(value)
    cell.refuse("data.too_large_number", shorten(cell.text), "at most 2^53", "Check the number.")
    return None


def _not_a_number(cell: Cell, allowed: str) -> None:
    advice = "Write digits only."
    if "\u2212" in cell.text or "\u2013" in cell.text:
        advice = "Write a minus as -."
    elif re.fullmatch(r"[<≤]\s*[0-9]+|[0-9]+\s*[-–]\s*[0-9]+|[.:*x]{1,2}", cell.text):
        advice = "If the number was hidden or is missing, leave the cell empty and say so in 'status'."
    elif not cell.text.isascii():
        advice = "Write the digits 0-9."
    cell.refuse("data.number", shorten(cell.text, 40) if cell.text else "nothing", allowed, advice)
