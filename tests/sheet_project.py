"""One small table in every format and shape that municipalities send, with the study file that reads it."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import yaml

from study_project import ROLLOUT, STUDY, make_project, month

SITES = {"north": "Nordre sykehjem", "south": "Søndre sjukeheim"}
MONTHS = [month(2021, number) for number in range(1, 13)]
EVENTS, DAYS = "Fall", "Beboerdøgn"
NORWEGIAN = ("jan", "feb", "mar", "apr", "mai", "jun", "jul", "aug", "sep", "okt", "nov", "des")

Cell = str | int | float | date | None
Matrix = list[list[Cell]]
Number = Callable[[str, int], tuple[Cell, Cell]]
"""Site and month (0 to 11) -> events and days."""


def plain_number(site: str, at: int) -> tuple[Cell, Cell]:
    """As panel_rows of study_project, with a thousand days more."""
    return 3 + (at + 1) % 3, 1900 + at + 0.5 + (site == "south")


def short_month(at: int) -> str:
    return f"{NORWEGIAN[at]}.21"


def long(number: Number = plain_number, period: Callable[[int], Cell] = short_month) -> Matrix:
    """A row a site and month, the two quantities as columns."""
    rows: Matrix = [["Kommune", "Navn", "Periode", EVENTS, DAYS]]
    return rows + [[site, SITES[site], period(at), *number(site, at)] for site in SITES for at in range(12)]


def tall(number: Number = plain_number) -> Matrix:
    """A row a number; a column says what it is."""
    rows: Matrix = [["Kommune", "Indikator", "Periode", "Verdi"]]
    for site in SITES:
        for at in range(12):
            for name, value in zip((EVENTS, DAYS), number(site, at), strict=True):
                rows.append([site, name, short_month(at), value])
    return rows


def wide(quantity: int, number: Number = plain_number) -> Matrix:
    """Months across, one quantity (0 events, 1 days)."""
    rows: Matrix = [["Kommune", *(short_month(at) for at in range(12))]]
    return rows + [[site, *(number(site, at)[quantity] for at in range(12))] for site in SITES]


def two_headings(number: Number = plain_number, *, quantity_first: bool = False) -> Matrix:
    """Months across, each with its two quantities (or each quantity with its months); the upper cells are merged."""
    if quantity_first:
        upper = [name if at == 0 else "" for name in (EVENTS, DAYS) for at in range(12)]
        lower = [short_month(at) for _ in range(2) for at in range(12)]
        cells = {site: [number(site, at)[which] for which in range(2) for at in range(12)] for site in SITES}
    else:
        upper = [text for at in range(12) for text in (short_month(at), "")]
        lower = [EVENTS, DAYS] * 12
        cells = {site: [value for at in range(12) for value in number(site, at)] for site in SITES}
    return [["", *upper], ["Kommune", *lower], *([site, *values] for site, values in cells.items())]


def years_and_months(quantity: int, number: Number = plain_number) -> Matrix:
    """A row of years over a row of months, one quantity."""
    body = wide(quantity, number)[1:]
    return [["", 2021, *[""] * 11], ["Kommune", *NORWEGIAN], *body]


LONG = {"site": "Kommune", "name": "Navn", "period": "Periode", "step": "month"}
MEASURES = {"falls": {"numerator": EVENTS, "denominator": DAYS}}
SHAPES: dict[str, list[tuple[Callable[[Number], Matrix], dict[str, Any]]]] = {
    "long": [(long, LONG)],
    "tall": [
        (tall, {"site": "Kommune", "period": "Periode", "step": "month", "quantity": "Indikator", "value": "Verdi"})
    ],
    "wide": [
        (lambda number: wide(0, number), {"site": "Kommune", "across": ["period"], "step": "month", "content": EVENTS}),
        (lambda number: wide(1, number), {"site": "Kommune", "across": ["period"], "step": "month", "content": DAYS}),
    ],
    "period over quantity": [
        (two_headings, {"site": "Kommune", "heading_rows": [1, 2], "across": ["period", "quantity"], "step": "month"})
    ],
    "quantity over period": [
        (
            lambda number: two_headings(number, quantity_first=True),
            {"site": "Kommune", "heading_rows": [1, 2], "across": ["quantity", "period"], "step": "month"},
        )
    ],
    "year over month": [
        (
            lambda number: years_and_months(0, number),
            {"site": "Kommune", "heading_rows": [1, 2], "across": ["year", "part"], "step": "month", "content": EVENTS},
        ),
        (
            lambda number: years_and_months(1, number),
            {"site": "Kommune", "heading_rows": [1, 2], "across": ["year", "part"], "step": "month", "content": DAYS},
        ),
    ],
    "numerator and denominator apart": [
        (
            lambda number: [[row[at] for at in (0, 2, 3)] for row in long(number)],
            {"site": "Kommune", "period": "Periode", "step": "month"},
        ),
        (
            lambda number: [[row[at] for at in (0, 2, 4)] for row in long(number)],
            {"site": "Kommune", "period": "Periode", "step": "month"},
        ),
    ],
}  # fmt: skip


def norwegian(cell: Cell) -> str:
    """As a Norwegian spreadsheet writes it: 1 900,5."""
    if isinstance(cell, (int, float)):
        whole, _, rest = f"{cell:,}".partition(".")
        return whole.replace(",", "\u00a0") + (f",{rest}" if rest else "")
    return "" if cell is None else str(cell)


def delimited(rows: Matrix, delimiter: str, write: Callable[[Cell], str] = norwegian) -> str:
    text = io.StringIO()
    years = [[str(cell) if cell == 2021 else write(cell) for cell in row] for row in rows]
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(years)
    return text.getvalue()


def workbook(sheets: Mapping[str, Matrix], change: Callable[[Any], None] | None = None) -> bytes:
    """A workbook with these sheets; upper headings that stand over several columns are merged."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(["" if cell is None else cell for cell in row])
        _merge_headings(sheet, rows[0])
    if change is not None:
        change(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _merge_headings(sheet: Any, heading: Sequence[Cell]) -> None:
    at = 1
    while at < len(heading):
        end = at
        while end + 1 < len(heading) and heading[end + 1] == "":
            end += 1
        if end > at and heading[at] != "":
            sheet.merge_cells(start_row=1, end_row=1, start_column=at + 1, end_column=end + 1)
        at = end + 1


class _Plain(yaml.SafeDumper):
    """Writes a list twice where it is used twice: study files may not hold aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


Made = tuple[bytes, str, dict[str, Any]]
"""Bytes, ending, and what the study file says of the format."""


def comma_csv(rows: Matrix) -> Made:
    text = delimited(rows, ",", lambda cell: "" if cell is None else str(cell))
    return text.encode(), "csv", {"delimiter": "comma"}


def norwegian_csv(rows: Matrix) -> Made:
    said = {"delimiter": "semicolon", "encoding": "windows-1252", "decimal": "comma", "thousands": "space"}
    return delimited(rows, ";").encode("cp1252"), "csv", said


def marked_csv(rows: Matrix) -> Made:
    said = {"delimiter": "semicolon", "decimal": "comma", "thousands": "space"}
    text = "sep=;\r\n" + delimited(rows, ";").replace("\u00a0", "\u202f")
    return b"\xef\xbb\xbf" + text.encode(), "csv", said


def utf16_tsv(rows: Matrix) -> Made:
    said = {"delimiter": "tab", "encoding": "utf-16", "decimal": "comma", "thousands": "space"}
    return delimited(rows, "\t").encode("utf-16"), "tsv", said


def xlsx(rows: Matrix) -> Made:
    return workbook({"Ark1": rows}), "xlsx", {}


def parquet(rows: Matrix) -> Made:
    frame = pd.DataFrame({str(name): [row[at] for row in rows[1:]] for at, name in enumerate(rows[0])})
    return parquet_bytes(frame), "parquet", {}


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """A table as a Parquet file."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as engine:
        engine.register("frame", frame)
        engine.execute(f"COPY frame TO '{folder}/table.parquet' (FORMAT parquet)")
        return (Path(folder) / "table.parquet").read_bytes()


FORMATS: dict[str, Callable[[Matrix], Made]] = {
    "comma CSV": comma_csv,
    "Norwegian CSV": norwegian_csv,
    "CSV with sep= and BOM": marked_csv,
    "UTF-16 TSV": utf16_tsv,
    "XLSX": xlsx,
    "Parquet": parquet,
}


def sheet_project(
    root: Path,
    tables: Sequence[tuple[bytes, str, dict[str, Any]]],
    *,
    measures: Mapping[str, Any] = MEASURES,
    study: str = STUDY,
    rollout: str = ROLLOUT,
    **further: Any,
) -> Path:
    """A project whose numbers come from `tables` (bytes, ending, keys under `data`); returns the study file."""
    blocks = []
    (root / "data").mkdir(parents=True, exist_ok=True)
    for index, (data, ending, said) in enumerate(tables):
        name = f"data/raw{index}.{ending}"
        (root / name).write_bytes(data)
        blocks.append({"file": name, **said})
    source = {
        **blocks[0],
        **({"also": blocks[1:]} if len(blocks) > 1 else {}),
        "measures": measures,
        **further,
    }
    text = yaml.dump({"data": source}, Dumper=_Plain, allow_unicode=True, sort_keys=False)
    return make_project(root, study=study.replace("data: {file: data/panel.csv}\n", text), rollout=rollout)


def one_sheet(root: Path, rows: Matrix, make: Callable[[Matrix], Made] = norwegian_csv, **said: Any) -> Path:
    """A project with one long table in one format; `said` goes under `data`."""
    data, ending, form = make(rows)
    return sheet_project(root, [(data, ending, {**form, **LONG, **said})])
