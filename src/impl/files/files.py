"""Files as rows of cells: CSV and TSV in three encodings, one sheet of a workbook, Parquet.

Nothing is interpreted here. A cell is text as written, or the number or day that a workbook or Parquet file itself
says it is; an empty cell is empty text. What would make the reading doubtful is refused: bytes of another encoding,
text that was decoded wrongly, hidden rows, error cells, formulas without a value.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from impl.errors import Fault, nearest, shorten
from impl.files.periods import SERIAL_ZERO
from impl.study.characters import plain
from impl.study.paths import path_problem
from impl.study.source import DataTable

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

LARGEST_FILE = 200_000_000  # bytes; 357 sites x 96 months x 10 measures is 25 MB (choice)
LARGEST_SHEETS = 100_000_000  # bytes of a workbook unpacked; about a million cells (choice)
_ENCODINGS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "windows-1252": "cp1252"}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
_MOJIBAKE = re.compile("Ã[\u0080-\u00bf˜¦…†¸¥]|Â[\u00a0-\u00bf]|â€")

Raw = str | int | float | date
Row = tuple[int, list[Raw]]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A file or sheet as cells. rows: (number in the file, cells), none of them empty.

    merged: (first row, last row, first column, last column), columns from 0. serial_zero: day 0 of its serials.
    """

    shown: str
    rows: list[Row]
    merged: tuple[tuple[int, int, int, int], ...] = ()
    serial_zero: date = SERIAL_ZERO


def read_grid(
    root: Path, table: DataTable, faults: list[Fault], *, at_most: int | None = None
) -> Grid | None:
    """Cells of a file, or None with the faults noted. at_most: rows of a Parquet file, all if not said."""
    shown = Path(table.file).name
    data = read_bytes(root, table.file, shown, faults)
    if data is None:
        return None
    ending = Path(table.file).suffix.casefold()
    if ending == ".xlsx":
        return _read_workbook(data, table.sheet, shown, faults)
    if table.sheet is not None:
        faults.append(
            fault_at(
                shown, None, None, "data.sheet", "a sheet", "no 'sheet' for such a file", "Delete 'sheet'."
            )
        )
        return None
    if ending in (".xls", ".xlsm", ".xlsb", ".ods"):
        faults.append(
            fault_at(
                shown, None, None, "data.workbook", f"a file ending in {ending}", "an .xlsx or .csv file",
                "Save it as 'Excel Workbook (.xlsx)', without macros.",
            )
        )  # fmt: skip
        return None
    if ending == ".parquet":
        return _read_parquet(root / table.file, shown, at_most, faults)
    return _read_delimited(data, table, shown, faults)


def fault_at(
    shown: str, row: int | None, column: str | None, code: str, got: str, allowed: str, fix: str
) -> Fault:
    """A fault with its place as `file, row 3, column 'x'`."""
    where = shown if row is None else f"{shown}, row {row}"
    where = where if column is None else f"{where}, column '{plain(column)}'"
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)


def text_of(raw: Raw) -> str:
    """A cell as text: whole numbers without decimals, days as 2026-01-31."""
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() and abs(raw) < 2**53 else repr(raw)
    return raw if isinstance(raw, str) else str(raw)


def read_bytes(root: Path, file: str, shown: str, faults: list[Fault]) -> bytes | None:
    """Bytes of a file inside the project, or None with the fault noted."""
    data = read_beginning(root, file, shown, faults, at_most=LARGEST_FILE + 1)
    if data is not None and len(data) > LARGEST_FILE:
        fix = "Sum the counts per site and period first, or read it as 'events'."
        faults.append(
            fault_at(shown, None, None, "data.too_large", "more than 200 MB", "at most 200 MB", fix)
        )
        return None
    return data


def read_beginning(root: Path, file: str, shown: str, faults: list[Fault], *, at_most: int) -> bytes | None:
    """The first bytes of a file inside the project, or None with the fault noted."""

    def refuse(code: str, got: str, allowed: str, fix: str) -> None:
        faults.append(fault_at(shown, None, None, code, got, allowed, fix))

    problem = path_problem(root, file)
    if problem is not None:
        fix = "Copy the file into the project's data folder."
        refuse("data.path", problem, "a file inside the project", fix)
        return None
    try:
        with (root / file).open("rb") as opened:
            data = opened.read(at_most)
    except OSError as error:
        got = error.strerror or "an error"
        refuse("data.file", got, "a readable file", f"Check the path {shorten(file)}.")
        return None
    if not data.strip():
        refuse("data.empty_file", "an empty file", "a header line and rows", "Export the table again.")
        return None
    return data


# --- CSV and TSV


def decode(
    data: bytes, encoding: Literal["utf-8", "utf-16", "windows-1252"], shown: str, faults: list[Fault]
) -> str | None:
    """Text of a file in the declared encoding, or None with a fault that says which other it may be."""

    def refuse(code: str, got: str, allowed: str, fix: str, row: int | None = None) -> None:
        faults.append(fault_at(shown, row, None, code, got, allowed, fix))

    if data.startswith((b"\xff\xfe", b"\xfe\xff")) != (encoding == "utf-16"):
        got = "UTF-16" if encoding != "utf-16" else "no mark of UTF-16 at the start"
        fix = (
            "Save as 'CSV UTF-8', or say 'encoding: utf-16' under 'data'."
            if encoding != "utf-16"
            else "Mend 'encoding'."
        )
        refuse("data.encoding", got, encoding.upper(), fix)
        return None
    if b"\0" in data and encoding != "utf-16":
        row = data.count(b"\n", 0, data.find(b"\0")) + 1
        refuse("data.encoding", "a NUL byte", "text", "Export the table again.", row)
        return None
    try:
        text = data.decode(_ENCODINGS[encoding])
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        other = " (perhaps Windows-1252)" if encoding == "utf-8" else ""
        fix = (
            "Save as 'CSV UTF-8', or say 'encoding: windows-1252' under 'data'."
            if encoding == "utf-8"
            else "Mend 'encoding', or export the table again."
        )
        refuse("data.encoding", f"bytes that are not {encoding.upper()}{other}", encoding.upper(), fix, row)
        return None
    found = _MOJIBAKE.search(text)
    if found is not None:
        row = text.count("\n", 0, found.start()) + 1
        got = f"letters that were decoded wrongly ({shorten(found.group())} for å, ø, æ or the like)"
        refuse(
            "data.mojibake", got, "text as it was written", "Mend 'encoding', or export the table again.", row
        )
        return None
    if "\0" in text or not text.strip():
        refuse("data.empty_file", "an empty file", "a header line and rows", "Export the table again.")
        return None
    return text


def without_separator_line(text: str) -> tuple[str, str | None]:
    """Text without a first line `sep=;`, and the sign that it names."""
    found = re.match(r'"?sep=(.)"?[ \t]*(\r\n|\r|\n)', text, flags=re.IGNORECASE)
    return (text, None) if found is None else (text[found.end() :], found.group(1))


def _read_delimited(data: bytes, table: DataTable, shown: str, faults: list[Fault]) -> Grid | None:
    text = decode(data, table.encoding, shown, faults)
    if text is None:
        return None
    text, named = without_separator_line(text)
    lines = text.split("\n", table.heading_rows[0])
    header = lines[min(table.heading_rows[0], len(lines)) - 1].strip("\r")
    delimiter = _delimiter(header, named, table, shown, faults)
    if delimiter is None:
        return None
    return split_text(text, delimiter, shown, faults)


def split_text(text: str, delimiter: str, shown: str, faults: list[Fault]) -> Grid | None:
    """Rows of a text with separated fields; None where its quotes do not close."""
    rows: list[Row] = []
    number = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, fields in enumerate(reader, 1):
            if any(
                field.strip() for field in fields
            ):  # not an empty line, or the trailing ;;; of a spreadsheet
                rows.append((number, list(fields)))
    except csv.Error as error:
        got = plain(str(error), 80)
        fix = 'Close every double quote; write a quote inside text as "".'
        faults.append(fault_at(shown, number + 1, None, "data.quotes", got, "readable CSV", fix))
        return None
    return Grid(shown=shown, rows=rows)


def _delimiter(
    header: str, named: str | None, table: DataTable, shown: str, faults: list[Fault]
) -> str | None:
    bare = re.sub(r'"[^"]*"', "", header)
    counts = {mark: bare.count(mark) for mark in (",", ";", "\t", "|")}
    found = max(counts, key=lambda mark: counts[mark])
    names = {"\t": "tabs", "|": "vertical bars", ",": "commas", ";": "semicolons"}
    allowed, fix = "column names separated by commas or by semicolons", "Export as CSV."
    declared = None if table.delimiter is None else DELIMITERS[table.delimiter]
    wanted = declared or named
    if wanted is not None:
        if counts.get(wanted) and named in (None, wanted):
            return wanted
        got = f"{names.get(found, 'none')} in the headings" if counts[found] else "one column"
        got += f" after a first line 'sep={plain(named)}'" if named is not None else ""
        said = table.delimiter or names.get(wanted, plain(wanted))
        allowed, fix = (
            f"columns separated as said ({said})",
            "Mend 'delimiter' or 'heading_rows' under 'data'.",
        )
    elif counts[","] and counts[";"]:
        got = "both commas and semicolons in the header"
        fix = "Export as CSV, or say 'delimiter' under 'data'."
    elif counts[found] and found in "\t|":
        got = f"columns separated by {names[found]}"
        fix = "Export as CSV." if found == "|" else "Export as CSV, or say 'delimiter: tab' under 'data'."
    elif not counts[found]:
        got = f"one column, {shorten(header, 60)}"
    else:
        return found
    faults.append(fault_at(shown, table.heading_rows[0], None, "data.delimiter", got, allowed, fix))
    return None


# --- workbooks


def _read_workbook(data: bytes, sheet: str | None, shown: str, faults: list[Fault]) -> Grid | None:
    def refuse(code: str, got: str, allowed: str, fix: str) -> None:
        faults.append(fault_at(shown, None, None, code, got, allowed, fix))

    problem = _archive_problem(data)
    if problem is not None:
        refuse("data.workbook", problem, "a plain workbook (.xlsx)", "Save it as .xlsx, values only.")
        return None
    book = open_workbook(data)
    if book is None:
        refuse(
            "data.workbook",
            "a damaged workbook",
            "a workbook that opens",
            "Open it in Excel and save it again.",
        )
        return None
    hidden = [each.title for each in book.worksheets if each.sheet_state != "visible"]
    if hidden:
        got = f"hidden sheets ({', '.join(plain(title, 40) for title in hidden)})"
        refuse(
            "data.hidden",
            got,
            "nothing hidden",
            "Show the sheets, and delete what should not be handed over.",
        )
        return None
    titles = [each.title for each in book.worksheets]
    if (sheet is None and len(titles) != 1) or (sheet is not None and sheet not in titles):
        got = "several sheets" if sheet is None else f"no sheet {shorten(sheet, 40)}"
        listed = ", ".join(plain(title, 40) for title in titles)
        refuse("data.sheet", got, f"one of {listed}", nearest(sheet or "", titles) or "Say which in 'sheet'.")
        return None
    chosen = book[sheet] if sheet is not None else book.worksheets[0]
    shown = shown if len(titles) == 1 else f"{shown}, sheet '{plain(chosen.title, 40)}'"
    before = len(faults)
    faults.extend(_sheet_faults(chosen, shown, data))
    if len(faults) > before:
        return None
    rows: list[Row] = []
    for number, cells in enumerate(chosen.iter_rows(), 1):
        raws = [_sheet_value(cell) for cell in cells]
        if any(raw != "" for raw in raws):
            rows.append((number, raws))
    if not rows:
        refuse("data.empty_file", "an empty sheet", "a header line and rows", "Choose another sheet.")
        return None
    merged = tuple(
        (area.min_row, area.max_row, area.min_col - 1, area.max_col - 1)
        for area in chosen.merged_cells.ranges
    )
    return Grid(shown=shown, rows=rows, merged=merged, serial_zero=book.epoch.date())


def _archive_problem(data: bytes) -> str | None:
    """Why a file is no workbook whose cells can be taken at their word, or None."""
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        return "a workbook with a password, or of the old kind"
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "a file that is no workbook"
    names = [file.filename for file in files]
    if sum(file.file_size for file in files) > LARGEST_SHEETS:
        return f"more than {LARGEST_SHEETS // 1_000_000} MB when unpacked"
    if any("vbaProject" in name for name in names):
        return "macros"
    if any(name.startswith("xl/externalLinks/") for name in names):
        return "links to other files"
    return None


def open_workbook(data: bytes, *, values: bool = True) -> Workbook | None:
    """A workbook with the values of its formulas, or with the formulas themselves; None where it is damaged."""
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what openpyxl does not keep: validation lists, colours
            return openpyxl.load_workbook(io.BytesIO(data), data_only=values)
    except Exception:  # a parser stumbles over a damaged file in ways that no list of errors covers
        return None


def _sheet_faults(sheet: Worksheet, shown: str, data: bytes) -> list[Fault]:
    faults = []
    filled = {cell.row for cells in sheet.iter_rows() for cell in cells if cell.value is not None}
    rows = sorted(number for number in filled if sheet.row_dimensions[number].hidden)
    columns = [name for name, column in sheet.column_dimensions.items() if column.hidden]
    fix = "Show them, and delete what should not be handed over."
    if rows:
        listed = ", ".join(str(number) for number in rows[:10]) + (" …" if len(rows) > 10 else "")
        faults.append(
            fault_at(shown, None, None, "data.hidden", f"hidden rows ({listed})", "nothing hidden", fix)
        )
    if columns:
        got = f"hidden columns ({', '.join(columns[:10])})"
        faults.append(fault_at(shown, None, None, "data.hidden", got, "nothing hidden", fix))
    formulas = open_workbook(data, values=False) if _holds_formulas(data) else None
    for cells in sheet.iter_rows():
        for cell in cells:
            place = f"{shown}, cell {cell.coordinate}"
            if cell.data_type == "e":
                got, mend = shorten(cell.value, 20), "Mend the formula, or empty the cell."
                faults.append(
                    Fault(code="data.error_cell", where=place, got=got, allowed="a value", fix=mend)
                )
            elif formulas is not None and _without_value(cell, formulas[sheet.title]):
                mend = "Open the workbook, let it calculate, and save it."
                got = "a formula without its value"
                faults.append(Fault(code="data.formula", where=place, got=got, allowed="a value", fix=mend))
    return faults


def _without_value(cell: Any, formulas: Worksheet) -> bool:
    return cell.value is None and formulas[cell.coordinate].data_type == "f"


def _holds_formulas(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        return any(re.search(rb"<(?:\w+:)?f[ >/]", archive.read(name)) for name in sheets)


def _sheet_value(cell: Any) -> Raw:
    value = cell.value
    if isinstance(value, int) and not isinstance(value, bool) and re.fullmatch("0{2,12}", cell.number_format):
        return str(value).zfill(len(cell.number_format))  # 301 shown as 0301
    return _plain_value(value)


def _plain_value(value: object) -> Raw:
    """A value of a workbook or a Parquet file as a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value.isoformat(sep=" ")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (int, float, date)):
        return value
    return str(value)


# --- Parquet


def _read_parquet(path: Path, shown: str, at_most: int | None, faults: list[Fault]) -> Grid | None:
    from impl.files.engine import EngineError, open_engine

    try:
        with open_engine([path]) as engine:
            found = engine.execute("SELECT * FROM read_parquet(?) LIMIT ?", [str(path), at_most])
            header: list[Raw] = [str(column[0]) for column in found.description or ()]
            rows: list[Row] = [(1, header)]
            for number, values in enumerate(found.fetchall(), 2):
                cells = [_plain_value(value) for value in values]
                if any(cell != "" for cell in cells):
                    rows.append((number, cells))
    except EngineError:
        faults.append(
            fault_at(
                shown, None, None, "data.parquet", "a file that cannot be read as Parquet", "a Parquet file",
                "Write the file again.",
            )
        )  # fmt: skip
        return None
    return Grid(shown=shown, rows=rows)
