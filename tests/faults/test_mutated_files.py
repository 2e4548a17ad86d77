"""Good files changed at random, as slips, exports and mail do it: every change is caught or harmless."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impl.data.panel import Panel
from impl.errors import Fault, ImplError
from impl.files.files import decode, read_grid
from impl.files.periods import Unread, period_step, read_period, span_of
from impl.files.signs import read_quantity
from impl.study.source import DataTable, HiddenCount
from sheet_project import LONG, Matrix, delimited, long, plain_number, sheet_project, two_headings, workbook
from study_project import panel_of

SEED = 20261123
FAST, ALL = 60, 500
SAID: dict[str, Any] = {
    "delimiter": "semicolon", "encoding": "windows-1252", "decimal": "comma", "thousands": "space",
    "marks": {":": "suppressed", "..": "missing"}, "leave_out": ["I alt"], "heading_rows": [2],
    "ends_before": "Kilde: egne tall",
}  # fmt: skip


def good_rows() -> Matrix:
    """Both kinds of marks, a title, a total and a note: much that can go wrong."""
    signs = {("north", 3): ("<5", 1903.5), ("south", 5): ("..", ".."), ("south", 7): (":", 1908.5)}
    rows = long(lambda site, at: signs.get((site, at), plain_number(site, at)))
    width = len(rows[0])
    note = [["Kilde: egne tall", *[""] * (width - 1)]]
    return [["Fall 2021", *[""] * (width - 1)], *rows, ["I alt", "", "", 95, 45000.5], *note]


def csv_bytes() -> bytes:
    return delimited(good_rows(), ";").encode("cp1252")


# --- changes to a text file ----------------------------------------------------------------------------------


def lines_of(data: bytes) -> list[bytes]:
    return data.split(b"\r\n")


def swap_fields(data: bytes, chance: random.Random) -> bytes:
    lines = lines_of(data)
    at = chance.randrange(2, 26)
    fields = lines[at].split(b";")
    one, other = chance.sample(range(len(fields)), 2)
    fields[one], fields[other] = fields[other], fields[one]
    lines[at] = b";".join(fields)
    return b"\r\n".join(lines)


def drop_field(data: bytes, chance: random.Random) -> bytes:
    lines = lines_of(data)
    at = chance.randrange(1, 26)
    fields = lines[at].split(b";")
    del fields[chance.randrange(len(fields))]
    lines[at] = b";".join(fields)
    return b"\r\n".join(lines)


def empty_field(data: bytes, chance: random.Random) -> bytes:
    return with_field(data, chance, lambda _: b"")


def repeat_line(data: bytes, chance: random.Random) -> bytes:
    lines = lines_of(data)
    at = chance.randrange(1, 26)
    return b"\r\n".join([*lines[: at + 1], *lines[at:]])


def with_field(data: bytes, chance: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    lines = lines_of(data)
    at = chance.randrange(2, 26)
    fields = lines[at].split(b";")
    which = chance.choice((0, 2, 3, 4))
    fields[which] = change(fields[which])
    lines[at] = b";".join(fields)
    return b"\r\n".join(lines)


def odd_field(data: bytes, chance: random.Random) -> bytes:
    odd = chance.choice((
        b"-1", b"1.234", b"3,5", b"1e3", b"=1+1", b"nan", b"NA", b"None", b"13.13.2021", b"2022M13", b"01.02.2021",
        b"i alt", b"Sum", b"0x10", b"99999999999999999999", b"<", b"<x", b"4-1", b"\xa0", b"01010750160", b"jan.31",
        b"uke 1 2021", b"1;2", b'"', b"\x81", b"\xc3\xb8", b"inf", b"TRUE", b"-", b".",
    ))  # fmt: skip
    return with_field(data, chance, lambda _: odd)


def digit_in(data: bytes, chance: random.Random) -> bytes:
    """A letter slipped into a field."""
    return with_field(data, chance, lambda field: field[:1] + b"o" + field[1:])


def other_heading(data: bytes, chance: random.Random) -> bytes:
    lines = lines_of(data)
    fields = lines[1].split(b";")
    at = chance.randrange(len(fields))
    fields[at] = chance.choice(
        (fields[at][:-1], b"", fields[at].upper(), fields[(at + 1) % len(fields)], b"x")
    )
    lines[1] = b";".join(fields)
    return b"\r\n".join(lines)


def spaces(data: bytes, chance: random.Random) -> bytes:
    return with_field(data, chance, lambda field: chance.choice((b" %s", b"%s ", b"\xa0%s", b'"%s"')) % field)


def blank_lines(data: bytes, chance: random.Random) -> bytes:
    lines = lines_of(data)
    lines.insert(chance.randrange(2, 27), chance.choice((b"", b";;;;", b"    ")))
    return b"\r\n".join(lines)


def other_ending(data: bytes, chance: random.Random) -> bytes:
    return data.replace(b"\r\n", chance.choice((b"\n", b"\r")))


def other_bytes(data: bytes, chance: random.Random) -> bytes:
    return chance.choice((
        lambda: data.decode("cp1252").encode("utf-8"),
        lambda: data.decode("cp1252").encode("utf-16"),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: data.replace(b";", b","),
        lambda: data.replace(b";", b"\t"),
        lambda: b"sep=;\r\n" + data,
        lambda: data.replace(b"\xa0", b"."),
        lambda: data.replace(b",", b"."),
    ))()  # fmt: skip


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def shuffle(data: bytes, chance: random.Random) -> bytes:
    lines = lines_of(data)
    body = lines[2:26]
    chance.shuffle(body)
    return b"\r\n".join([*lines[:2], *body, *lines[26:]])


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    swap_fields, drop_field, empty_field, repeat_line, odd_field, odd_field, odd_field, digit_in, other_heading,
    spaces, blank_lines, other_ending, other_bytes, cut, flip, shuffle,
)  # fmt: skip


def same(one: Panel, other: Panel) -> bool:
    return one.cells.equals(other.cells) and one.periods == other.periods and one.sites == other.sites


def plausible(panel: Panel, wanted: Panel) -> bool:
    """One field that reads as another good value of its kind: no reader can tell 41 from 14.

    At most two cells differ (a count and nothing else, or a gap that was declared or that the panel counts).
    """
    if panel.periods != wanted.periods or panel.sites != wanted.sites:
        return False
    numbers = ["numerator", "denominator", "at_least", "at_most"]
    one, other = panel.cells[numbers].to_numpy(), wanted.cells[numbers].to_numpy()
    differs = ~((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    return int(differs.sum()) <= 2


def read(file: Path) -> tuple[Panel | None, tuple[Fault, ...]]:
    try:
        return panel_of(file), ()
    except ImplError as error:
        return None, error.faults


def check(
    root: Path, count: int, first: bytes, make: Callable[[Path, bytes], Path], changes: Any
) -> dict[str, int]:
    """How many copies were refused, harmless, or another good table; a bug of ours raises."""
    wanted = panel_of(make(root / "good", first))
    chance = random.Random(SEED)
    found = {"refused": 0, "harmless": 0, "another good value": 0}
    for number in range(count):
        change = changes[number % len(changes)]
        data = change(first, chance)
        panel, faults = read(make(root / "copy", data))
        if panel is None:
            assert faults, (number, change.__name__)
            assert all(fault.code and fault.fix and "01010750160" not in str(fault) for fault in faults)
            found["refused"] += 1
            continue
        if same(panel, wanted):
            found["harmless"] += 1
        else:
            assert plausible(panel, wanted), (number, change.__name__, data)
            found["another good value"] += 1
    return found


def make_csv(root: Path, data: bytes) -> Path:
    return sheet_project(root, [(data, "csv", {**LONG, **SAID})], hidden={"at_least": 1, "at_most": 4})


def test_changed_text_files_are_caught_or_harmless(tmp_path: Path) -> None:
    found = check(tmp_path, FAST, csv_bytes(), make_csv, CHANGES)

    assert found["refused"] > FAST / 3
    assert found["harmless"] > FAST / 10
    assert found["another good value"] < FAST / 10


@pytest.mark.slow
def test_five_hundred_changed_text_files(tmp_path: Path) -> None:
    found = check(tmp_path, ALL, csv_bytes(), make_csv, CHANGES)

    assert sum(found.values()) == ALL
    assert found["refused"] > ALL / 3
    assert found["another good value"] < ALL / 10


# --- changes to a workbook -----------------------------------------------------------------------------------


def make_workbook(root: Path, data: bytes) -> Path:
    said = {"site": "Kommune", "heading_rows": [1, 2], "across": ["period", "quantity"], "step": "month"}
    return sheet_project(root, [(data, "xlsx", said)])


def changed_cell(data: bytes, chance: random.Random) -> bytes:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    # not a merged one
    cell = sheet.cell(chance.choice((2, 3, 4)), chance.randrange(1, 26))
    cell.value = chance.choice(
        (None, "x", -1, 3.5, "#N/A", "=A1", True, "<5", "1-4", "I alt", 1e20, "jan.21", "Fall")
    )
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def changed_member(data: bytes, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        broken = chance.choice(names)
        for name in names:
            content = old.read(name)
            if name == broken:
                at = chance.randrange(len(content))
                content = content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
            new.writestr(name, content)
    return stream.getvalue()


SHEET_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (changed_cell, changed_member, flip, cut)


def test_changed_workbooks_are_caught_or_harmless(tmp_path: Path) -> None:
    found = check(tmp_path, FAST // 2, workbook({"Ark1": two_headings()}), make_workbook, SHEET_CHANGES)

    assert found["refused"] > FAST / 6


@pytest.mark.slow
def test_two_hundred_changed_workbooks(tmp_path: Path) -> None:
    found = check(tmp_path, 200, workbook({"Ark1": two_headings()}), make_workbook, SHEET_CHANGES)

    assert sum(found.values()) == 200


# --- readers by their properties -----------------------------------------------------------------------------

FORM = DataTable(file="x.csv", decimal="comma", thousands="space", marks={":": "suppressed", "-": "zero"})
STEPS = ("week", "month", "quarter", "tertial", "half-year", "year")


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_quantity_or_a_fault(text: str) -> None:
    faults: list[Fault] = []
    found = read_quantity(text, FORM, HiddenCount(at_most=4), "somewhere", faults)

    assert (found is None) == bool(faults)
    if found is not None and found.text:
        float(found.text)


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.integers(0, 3))
def test_a_number_written_in_norwegian_is_read_back(number: int, decimals: int) -> None:
    written = f"{number:,}".replace(",", "\u00a0").replace("-", "\u2212") + (
        "," + "5" * decimals if decimals else ""
    )
    faults: list[Fault] = []
    found = read_quantity(written, FORM, None, "somewhere", faults)

    assert faults == []
    assert found is not None
    assert float(found.text) == float(f"{number}.{'5' * decimals or 0}")


@settings(deadline=None)
@given(st.text(max_size=25), st.sampled_from(STEPS), st.sampled_from(("yyyy-mm-dd", "dd.mm.yyyy", "excel")))
def test_any_text_is_a_period_or_says_what_is_allowed(text: str, step: Any, days: Any) -> None:
    found = read_period(text, step, days)

    if isinstance(found, Unread):
        assert found.allowed
        assert found.fix
    else:
        assert found == span_of(found[0], step)
    assert period_step(text) in (*STEPS, None)


@settings(deadline=None)
@given(st.dates(min_value=date(1801, 1, 1), max_value=date(2198, 1, 1)), st.sampled_from(STEPS))
def test_a_day_at_the_edge_of_its_period_is_that_period(day: Any, step: Any) -> None:
    start, end = span_of(day, step)

    assert start <= day <= end
    assert read_period(str(start), step, "yyyy-mm-dd") == (start, end)
    assert read_period(f"{end.day}.{end.month}.{end.year}", step, "dd.mm.yyyy") == (start, end)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(("utf-8", "utf-16", "windows-1252")))
def test_any_bytes_are_text_or_a_fault(data: bytes, encoding: Any) -> None:
    faults: list[Fault] = []

    assert (decode(data, encoding, "x.csv", faults) is None) == bool(faults)


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_grid_or_a_fault(tmp_path: Path, ending: str, data: bytes) -> None:
    (tmp_path / f"x.{ending}").write_bytes(data)
    faults: list[Fault] = []

    assert (read_grid(tmp_path, DataTable(file=f"x.{ending}"), faults) is None) == bool(faults)
