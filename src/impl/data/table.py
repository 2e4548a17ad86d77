"""CSV tables as text: every cell as written, every row with its number in the file, every fault with its place.

UTF-8 with or without a byte-order mark; comma or semicolon, decided by the header line. No cell is
interpreted here but by the small readers at the end, which return a value or note a fault.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from impl.errors import Fault, nearest, shorten
from impl.study.characters import hidden_character, holds_identity_number, plain
from impl.study.paths import path_problem
from impl.study.vocabulary import fold

LARGEST_FILE = 200_000_000  # bytes; 357 sites x 96 months x 10 measures is 25 MB (choice)
LARGEST_COUNT = 2**53  # above it a float no longer holds every whole number
LONGEST_TEXT = 120  # characters of a site code or name (choice)
EARLIEST = date(
    1800, 1, 1
)  # an earlier year is a typing error (choice; the oldest teaching data are of 1841)

_COUNT = re.compile(r"[0-9]{1,25}(\.0)?")
_AMOUNT = re.compile(r"-?[0-9]{1,25}(\.[0-9]{1,40})?")
_SUM = re.compile(r"-?[0-9]{1,25}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table as text. columns: header -> position. rows: (row number in the file, fields).

    written: column -> heading, where the file calls a column by another name.
    """

    shown: str
    columns: dict[str, int]
    rows: list[tuple[int, list[str]]]
    written: dict[str, str] = field(default_factory=dict)

    def get(self, fields: Sequence[str], column: str) -> str:
        """Stripped text of a field; empty where the table has no such column."""
        position = self.columns.get(column)
        return "" if position is None else fields[position].strip()


def read_table(
    root: Path,
    file: str,
    *,
    required: Sequence[str],
    optional: Sequence[str],
    numeric: Sequence[str],
    faults: list[Fault],
    headings: Mapping[str, str] | None = None,
) -> Table | None:
    """Read one CSV file, or note why it cannot be read and return None.

    headings: other names of columns, as `fold` gives them -> column.

    `numeric` columns are not searched for national identity numbers; all others are, used or not.
    Columns that are neither required nor optional are carried along unused.
    """
    shown = Path(file).name
    text = _read_text(root, file, shown, faults)
    if text is None:
        return None
    header = text.split("\n", 1)[0].strip("\r")
    delimiter = _delimiter(header, shown, faults)
    if delimiter is None:
        return None
    before = len(faults)
    columns: dict[str, int] = {}
    written: dict[str, str] = {}
    rows: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, fields in enumerate(reader, 1):
            if number == 1:
                named = _named(fields, headings or {})
                written = {
                    name: plain(text) for name, text in zip(named, fields, strict=True) if name != text
                }
                columns = _header(named, required, optional, shown, faults)
                width = len(fields)
            elif not any(field.strip() for field in fields):
                continue  # an empty line, or the trailing ;;; of a spreadsheet
            elif len(fields) != width:
                faults.append(
                    _at(
                        shown,
                        number,
                        None,
                        "data.field_count",
                        f"{len(fields)} fields",
                        f"{width}, as in the header",
                        f"Count the '{delimiter}' in the row; put text that holds one in double quotes.",
                    )
                )
            else:
                rows.append((number, fields))
    except csv.Error as error:
        faults.append(
            _at(
                shown,
                number + 1,
                None,
                "data.quotes",
                plain(str(error), 80),
                "readable CSV",
                'Close every double quote; write a quote inside text as "".',
            )
        )
    if holds_identity_number(text):
        faults.extend(_identity_numbers(shown, columns, rows, numeric))
    if len(faults) > before:
        return None
    return Table(shown=shown, columns=columns, rows=rows, written=written)


def _read_text(root: Path, file: str, shown: str, faults: list[Fault]) -> str | None:
    def refuse(code: str, got: str, allowed: str, fix: str, row: int | None = None) -> None:
        faults.append(_at(shown, row, None, code, got, allowed, fix))

    problem = path_problem(root, file)
    if problem is not None:
        refuse(
            "data.path", problem, "a file inside the project", "Copy the file into the project's data folder."
        )
        return None
    try:
        with (root / file).open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        refuse(
            "data.file", error.strerror or "an error", "a readable file", f"Check the path {shorten(file)}."
        )
        return None
    if len(data) > LARGEST_FILE:
        refuse(
            "data.too_large",
            "more than 200 MB",
            "at most 200 MB",
            "Sum the counts per site and period first.",
        )
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse("data.encoding", "UTF-16", "UTF-8", "Save as 'CSV UTF-8'.")
        return None
    if b"\0" in data:
        refuse(
            "data.encoding",
            "a NUL byte",
            "text",
            "Export the table again.",
            data.count(b"\n", 0, data.find(b"\0")) + 1,
        )
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        refuse(
            "data.encoding",
            "bytes that are not UTF-8 (perhaps Windows-1252)",
            "UTF-8",
            "Save as 'CSV UTF-8'.",
            row,
        )
        return None
    if not text.strip():
        refuse("data.empty_file", "an empty file", "a header line and rows", "Export the table again.")
        return None
    return text


def _delimiter(header: str, shown: str, faults: list[Fault]) -> str | None:
    bare = re.sub(r'"[^"]*"', "", header)
    counts = {mark: bare.count(mark) for mark in (",", ";", "\t", "|")}
    found = max(counts, key=lambda mark: counts[mark])
    names = {"\t": "tabs", "|": "vertical bars"}
    if header.lower().startswith("sep="):
        got = "a first line 'sep='"
    elif counts[","] and counts[";"]:
        got = "both commas and semicolons in the header"
    elif counts[found] and found in names:
        got = f"columns separated by {names[found]}"
    elif not counts[found]:
        got = f"one column, {shorten(header, 60)}"
    else:
        return found
    faults.append(
        _at(
            shown,
            1,
            None,
            "data.delimiter",
            got,
            "column names separated by commas or by semicolons",
            "Export as CSV.",
        )
    )
    return None


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
                _at(
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
                _at(
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
                _at(
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
                    _at(
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


def _identity_numbers(
    shown: str, columns: dict[str, int], rows: list[tuple[int, list[str]]], numeric: Sequence[str]
) -> Iterator[Fault]:
    searched = {name: position for name, position in columns.items() if name not in numeric}
    for number, fields in rows:
        for name, position in searched.items():
            if holds_identity_number(fields[position]):
                yield _at(
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
            yield _at(
                shown,
                1,
                None,
                "data.identity_number",
                "a national identity number (•••••• •••••)",
                "free of personal data",
                "Rename the column.",
            )


def _at(
    shown: str, row: int | None, column: str | None, code: str, got: str, allowed: str, fix: str
) -> Fault:
    where = shown if row is None else f"{shown}, row {row}"
    where = where if column is None else f"{where}, column '{plain(column)}'"
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One field with its place, for the readers below."""

    table: Table
    row: int
    column: str
    text: str
    faults: list[Fault]

    def refuse(self, code: str, got: str, allowed: str, fix: str) -> None:
        column = self.table.written.get(self.column, self.column)
        self.faults.append(_at(self.table.shown, self.row, column, code, got, allowed, fix))


def cell_of(table: Table, row: int, fields: Sequence[str], column: str, faults: list[Fault]) -> Cell:
    """The cell of a column; its text is empty where the table has no such column."""
    return Cell(table=table, row=row, column=column, text=table.get(fields, column), faults=faults)


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
