"""The form of a file that nobody has described: encoding, what separates its columns, and which sheets."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

from impl.errors import Fault
from impl.files.files import (
    DELIMITERS,
    Grid,
    open_workbook,
    read_beginning,
    read_bytes,
    read_grid,
    split_text,
    without_separator_line,
)
from impl.files.look.question import Ask, Question, Wanted, is_named
from impl.study.source import DataTable
from impl.study.vocabulary import fold

MOST_BYTES, MOST_ROWS = 20_000_000, 200_000  # of a text file, of a Parquet file (choice)


def look_at_form(
    root: Path, file: str, wanted: Wanted, ask: Ask, faults: list[Fault]
) -> list[tuple[dict[str, Any], Grid, list[str]]]:
    """Tables of a file with their cells: keys of the study file, grid, notes. Of a large file only the beginning."""
    shown = Path(file).name
    ending = Path(file).suffix.casefold()
    if ending == ".xlsx":
        return _sheets(root, file, wanted, ask, faults)
    if ending not in (".csv", ".tsv", ".txt"):
        grid = read_grid(root, DataTable(file=file), faults, at_most=MOST_ROWS)
        return [] if grid is None else [({"file": file}, grid, [f"{shown}: Parquet"])]
    data = read_beginning(root, file, shown, faults, at_most=MOST_BYTES)
    if data is None:
        return []
    encoding, text = _encoding(data)
    if len(data) >= MOST_BYTES:
        text = text[: text.rfind("\n") + 1]
    text, named = without_separator_line(text)
    sign = named if named in DELIMITERS.values() else _separator(text)
    names = {value: key for key, value in DELIMITERS.items()}
    if sign is None:
        answer = ask(
            Question(
                key="delimiter", text=f"What separates the columns of {shown}?", options=tuple(DELIMITERS)
            )
        )
        if answer is None:
            return []
        sign = DELIMITERS[answer]
    grid = split_text(text, sign, shown, faults)
    if grid is None:
        return []
    form = {"file": file, "delimiter": names[sign], **({} if encoding == "utf-8" else {"encoding": encoding})}
    return [(form, grid, [f"{shown}: {encoding}, columns separated by {names[sign]}s"])]


def _encoding(data: bytes) -> tuple[str, str]:
    """Encoding and text: UTF-16 says so itself, UTF-8 can be told from Windows-1252 by any letter beyond ASCII."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", data.decode("utf-16", "replace")
    try:
        return "utf-8", data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start > len(data) - 4:  # a letter that the end of the beginning cut in two
            return "utf-8", data[: error.start].decode("utf-8-sig")
        return "windows-1252", data.decode("cp1252", "replace")


def _separator(text: str) -> str | None:
    """The sign that gives most rows one and the same width of two or more columns; None where two do."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    widths = {}
    for sign in DELIMITERS.values():
        try:
            counts = Counter(len(fields) for fields in csv.reader(lines, delimiter=sign))
        except csv.Error:
            continue
        width, rows = max(counts.items(), key=lambda item: (item[0] > 1, item[1]))
        if width > 1 and rows >= 0.6 * len(lines):
            widths[sign] = rows
    if len(widths) > 1:
        widths.pop(",", None)  # inside the fields of the other a comma is a decimal comma
    return next(iter(widths)) if len(widths) == 1 else None


def _sheets(
    root: Path, file: str, wanted: Wanted, ask: Ask, faults: list[Fault]
) -> list[tuple[dict[str, Any], Grid, list[str]]]:
    shown = Path(file).name
    data = read_bytes(root, file, shown, faults)
    book = None if data is None else open_workbook(data)
    titles = [] if book is None else [sheet.title for sheet in book.worksheets]
    if len(titles) < 2:
        grid = read_grid(root, DataTable(file=file), faults) if data is not None else None
        return [] if grid is None else [({"file": file}, grid, [f"{shown}: workbook, sheet '{titles[0]}'"])]
    named = [
        [title for title in titles if is_named(fold(title), words)]
        for words in (wanted.events, wanted.exposure)
    ]
    chosen = [each[0] for each in named if len(each) == 1]
    if len(chosen) < 2 or chosen[0] == chosen[1]:
        answer = (
            chosen[0]
            if chosen
            else ask(
                Question(
                    key="sheet", text=f"Which sheet of {shown} holds the numbers?", options=tuple(titles)
                )
            )
        )
        if answer is None:
            return []
        chosen = [answer]
    forms = []
    for title in chosen:
        grid = read_grid(root, DataTable(file=file, sheet=title), faults)
        if grid is not None:
            forms.append(
                (
                    {"file": file, "sheet": title},
                    grid,
                    [f"{shown}: workbook, sheet '{title}' of {len(titles)}"],
                )
            )
    return forms
