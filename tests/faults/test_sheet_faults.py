"""Sheets as they arrive: what can be read is read, what is doubtful is refused with its place (faults.md 2a)."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from impl.data.exposure import odd_exposures
from impl.data.panel import Panel
from sheet_project import (
    DAYS,
    EVENTS,
    LONG,
    MEASURES,
    SITES,
    Cell,
    Matrix,
    comma_csv,
    delimited,
    long,
    norwegian_csv,
    one_sheet,
    parquet,
    plain_number,
    sheet_project,
    two_headings,
    wide,
    workbook,
    xlsx,
)
from study_project import STUDY, error_of, faults_of, panel_of

WIDE = {"site": "Kommune", "across": ["period"], "step": "month"}
IDENTITY_NUMBER = "01010750160"  # built to have valid check digits; no person's


def cell(panel: Panel, site: str = "north", at: int = 0) -> dict[str, Any]:
    cells = panel.cells
    return dict(cells[(cells["site"] == site) & (cells["period"] == at)].iloc[0])


def with_cell(value: Cell, *, column: int = 3, row: int = 1) -> Matrix:
    """The long table with one cell changed; row 1, column 3 is north's events in January (row 2 of the file)."""
    rows = long()
    rows[row][column] = value
    return rows


def changed(period: dict[int, Cell]) -> Matrix:
    rows = long()
    for at, value in period.items():
        rows[at + 1][2] = value
    return rows


# --- signs ---------------------------------------------------------------------------------------------------

SIGNS = [
    # what is written, what 'data' says, numerator, at_least, at_most (None: a gap)
    ("7", {}, 7, None, None),
    ("\u22127", {}, "data.negative", None, None),
    ("1\u00a0234", {"thousands": "space"}, 1234, None, None),
    ("1\u202f234", {"thousands": "space"}, 1234, None, None),
    ("1 234", {"thousands": "space"}, 1234, None, None),
    ("<5", {}, None, 0, 4),
    ("< 5", {"hidden": {"at_least": 1, "at_most": 4}}, None, 1, 4),
    ("≤4", {}, None, 0, 4),
    ("1-4", {}, None, 1, 4),
    ("1–4", {}, None, 1, 4),
    (":", {"marks": {":": "suppressed"}}, None, None, None),
    (":", {"marks": {":": "suppressed"}, "hidden": {"at_least": 1, "at_most": 4}}, None, 1, 4),
    ("*", {"marks": {"*": "suppressed"}, "hidden": {"at_least": 1, "at_most": 7}}, None, 1, 7),
    ("..", {"marks": {"..": "missing"}}, None, None, None),
    (".", {"marks": {".": "missing"}}, None, None, None),
    ("-", {"marks": {"-": "zero"}}, 0, None, None),
    ("", {"empty": "not_reported"}, None, None, None),
    ("3*", {"marks": {"*": "preliminary"}}, 3, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "events", "least", "most"), SIGNS, ids=[str(row[:2]) for row in SIGNS]
)
@pytest.mark.parametrize("make", [norwegian_csv, xlsx], ids=["csv", "xlsx"])
def test_a_sign_is_a_number_a_gap_or_an_interval(
    tmp_path: Path,
    make: Any,
    text: str,
    said: dict[str, Any],
    events: float | str | None,
    least: int | None,
    most: int | None,
) -> None:
    rows = with_cell(text)
    if make is norwegian_csv and any(
        sign in text for sign in "\u202f\u2212≤"
    ):  # Windows-1252 has none of them
        data = delimited(rows, ";").encode()
        form = {"delimiter": "semicolon", "decimal": "comma", "thousands": "space", **LONG}
        file = sheet_project(tmp_path, [(data, "csv", form)])
    else:
        file = one_sheet(
            tmp_path, rows, make, **({"thousands": "space"} | said if make is norwegian_csv else said)
        )
    if isinstance(events, str):
        assert faults_of(file)[0][0] == events
        return
    found = cell(panel_of(file))
    if events is not None:
        assert (found["numerator"], found["observed"]) == (events, True)
        return
    assert not found["observed"]
    if most is None:
        assert isnan(found["numerator"])  # a declared gap, counted as such
        assert isnan(found["at_most"])
    else:
        assert (found["at_least"], found["at_most"], found["denominator"]) == (least, most, 1900.5)


def test_a_hidden_count_reaches_the_likelihood_as_an_interval(tmp_path: Path) -> None:
    from impl.model.structure import describe_structure
    from impl.study.load import read_study

    file = one_sheet(tmp_path, with_cell("<5"), hidden={"at_least": 1, "at_most": 4})
    panel = panel_of(file)
    warning = {each.code: each.values for each in panel.warnings}["intervals"]

    assert warning["count"] == 1
    assert describe_structure(read_study(file), panel, "falls").likelihood.name in ("poisson", "negbin")


def test_no_more_can_be_hidden_than_there_are_persons(tmp_path: Path) -> None:
    study = STUDY.replace("primary: falls", "primary: medication_review")
    rows = long(lambda site, at: ("<5" if (site, at) == ("north", 0) else 2, 3))
    data, ending, said = comma_csv(rows)
    mapping = {"medication_review": {"numerator": EVENTS, "denominator": DAYS}}
    panel = panel_of(
        sheet_project(tmp_path, [(data, ending, {**said, **LONG})], measures=mapping, study=study)
    )

    assert (cell(panel)["at_least"], cell(panel)["at_most"]) == (0, 3)


BAD_NUMBERS = [
    # cell, what 'data' says more, code, words
    ("1.234", {}, "data.number", "1234, or with decimals"),
    ("1,234", {"decimal": "point"}, "data.number", "1234, or with decimals"),
    ("3.0", {}, "data.number", "decimal: point"),
    ("61,7 %", {}, "data.number", "numerator and denominator"),
    (":", {}, "data.number", '{":": suppressed}'),
    ("..", {}, "data.number", '{"..": missing}'),
    ("i.a.", {}, "data.number", "'marks'"),
    ("*", {"marks": {"*": "preliminary"}}, "data.number", "'marks'"),
    ("1 234", {"thousands": "none"}, "data.number", "thousands: space"),
    ("1 23", {}, "data.number", "digits"),
    ("12 345 67", {}, "data.number", "digits"),
    ("three", {}, "data.number", "digits only"),
    ("1e3", {}, "data.number", "digits only"),
    ("inf", {}, "data.number", "digits only"),
    ("3,5", {}, "data.fractional_count", "a whole number"),
    ("-3", {}, "data.negative", "0 or more"),
    ("", {}, "data.missing_numerator", "0 for none"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "code", "words"), BAD_NUMBERS, ids=[str(i) for i in range(len(BAD_NUMBERS))]
)
def test_one_bad_number(tmp_path: Path, text: str, said: dict[str, Any], code: str, words: str) -> None:
    rows = with_cell(text)
    if said.get("decimal") == "point":
        rows = [[str(each) if isinstance(each, float) else each for each in row] for row in rows]
    file = one_sheet(tmp_path, rows, norwegian_csv, **({"thousands": "space"} | said))

    assert faults_of(file)[0] == (code, f"raw0.csv, row 2, column '{EVENTS}'"), error_of(file)
    assert words in error_of(file)


def test_other_digits_are_named(tmp_path: Path) -> None:
    data = delimited(with_cell("٣"), ";").encode()
    said = {"delimiter": "semicolon", "decimal": "comma", "thousands": "space"}
    file = sheet_project(tmp_path, [(data, "csv", {**said, **LONG})])

    assert faults_of(file) == [("data.number", f"raw0.csv, row 2, column '{EVENTS}'")]
    assert "digits 0-9" in error_of(file)


def test_a_date_in_a_count_is_told_as_what_excel_made_of_1_4(tmp_path: Path) -> None:
    file = one_sheet(tmp_path, with_cell(date(2021, 4, 1)), xlsx)

    assert faults_of(file) == [("data.date_in_number", f"raw0.xlsx, row 2, column '{EVENTS}'")]
    assert "first of April" in error_of(file)


def test_mixed_decimal_signs_are_told_row_by_row(tmp_path: Path) -> None:
    rows = with_cell("1902.5", column=4, row=3)
    file = one_sheet(tmp_path, rows)

    assert faults_of(file) == [("data.number", f"raw0.csv, row 4, column '{DAYS}'")]


# --- periods -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda at: f"2021M{at + 1:02}", {}),
        (lambda at: f"2021-{at + 1:02}", {}),
        (lambda at: f"{at + 1:02}.2021", {}),
        (lambda at: ("januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september",
                     "oktober", "november", "desember")[at] + " 2021", {}),
        (lambda at: ("January", "February", "March", "April", "May", "June", "July", "August", "September",
                     "October", "November", "December")[at] + " 2021", {}),
        (lambda at: f"01.{at + 1:02}.2021", {"days": "dd.mm.yyyy"}),
        (lambda at: f"2021-{at + 1:02}-01", {}),
        (lambda at: (date(2021, at + 1, 1) - date(1899, 12, 30)).days, {"days": "excel"}),
    ],
    ids=["PxWeb", "ISO month", "month.year", "Norwegian", "English", "dd.mm.yyyy", "ISO day", "serial"],
)  # fmt: skip
@pytest.mark.parametrize("make", [norwegian_csv, xlsx, parquet], ids=["csv", "xlsx", "parquet"])
def test_months_are_read_as_they_are_written(
    tmp_path: Path, make: Any, write: Any, said: dict[str, str]
) -> None:
    if make is norwegian_csv and said.get("days") == "excel":
        rows = long(period=lambda at: str(write(at)))
    else:
        rows = long(period=write)
    panel = panel_of(one_sheet(tmp_path, rows, make, **said))

    assert [period.start for period in panel.periods] == [date(2021, number, 1) for number in range(1, 13)]
    assert panel.cells["observed"].all()


def test_a_workbooks_own_days_need_no_word(tmp_path: Path) -> None:
    panel = panel_of(one_sheet(tmp_path, long(period=lambda at: date(2021, at + 1, 1)), xlsx))

    assert panel.periods[11].end == date(2021, 12, 31)


@pytest.mark.parametrize(
    ("step", "write", "periods", "first", "last"),
    [
        ("tertial", lambda at: f"{at % 3 + 1}. tertial {2018 + at // 3}", 12, date(2018, 1, 1), date(2021, 12, 31)),
        ("tertial", lambda at: f"T{at % 3 + 1} {2018 + at // 3}", 12, date(2018, 1, 1), date(2021, 12, 31)),
        ("quarter", lambda at: f"{2019 + at // 4}K{at % 4 + 1}", 12, date(2019, 1, 1), date(2021, 12, 31)),
        ("week", lambda at: f"uke {at + 46} 2020" if at < 8 else f"uke {at - 7} 2021", 12, date(2020, 11, 9), date(2021, 1, 31)),
        ("week", lambda at: f"2020-W{at + 46}" if at < 8 else f"2021-W{at - 7:02}", 12, date(2020, 11, 9), date(2021, 1, 31)),
        ("year", lambda at: 2009 + at, 12, date(2009, 1, 1), date(2020, 12, 31)),
        ("half-year", lambda at: f"{at % 2 + 1}. halvår {2015 + at // 2}", 12, date(2015, 1, 1), date(2020, 12, 31)),
    ],
    ids=["1. tertial", "T1", "2019K1", "uke with week 53", "ISO week", "year", "halvår"],
)  # fmt: skip
def test_other_periods(tmp_path: Path, step: str, write: Any, periods: int, first: date, last: date) -> None:
    rollout = f"site,actual_start\nnorth,{last.year}-01-04\nsouth,never\n"
    data, ending, said = xlsx(long(period=write))
    file = sheet_project(tmp_path, [(data, ending, {**said, **LONG, "step": step})], rollout=rollout)
    panel = panel_of(file)

    assert (len(panel.periods), panel.periods[0].start, panel.periods[-1].end) == (periods, first, last)


def test_the_part_and_the_year_may_stand_in_two_columns(tmp_path: Path) -> None:
    rows = [
        [row[0], row[1], *((2021, at % 12 + 1) if at >= 0 else ("År", "Måned")), *row[3:]]
        for at, row in enumerate(long(), -1)
    ]
    data, ending, said = xlsx(rows)
    file = sheet_project(tmp_path, [(data, ending, {**said, **LONG, "period": "Måned", "year": "År"})])

    assert panel_of(file).cells["observed"].all()


BAD_PERIODS = [
    ("13.2021", {}, "a month that exists"),
    ("2021-13", {}, "a month that exists"),
    ("uke 1 2021", {}, "as 'step' says"),
    ("T1 2021", {}, "as 'step' says"),
    ("44256", {}, "2022M01"),
    ("01.02.2021", {}, "2022M01"),
    ("01/31/2021", {"days": "dd.mm.yyyy"}, "2022M01"),
    ("02.01.2021", {"days": "dd.mm.yyyy"}, "changed places"),
    ("30.02.2021", {"days": "dd.mm.yyyy"}, "2022M01"),
    ("0202-01-01", {}, "2022M01"),
    ("januar", {}, "2022M01"),
    ("", {}, "2022M01"),
    ("Q1", {}, "2022M01"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "words"), BAD_PERIODS, ids=[text or "empty" for text, *_ in BAD_PERIODS]
)
def test_one_bad_period(tmp_path: Path, text: str, said: dict[str, str], words: str) -> None:
    file = one_sheet(tmp_path, changed({4: text}), **said)

    assert faults_of(file) == [("data.period", "raw0.csv, row 6, column 'Periode'")], error_of(file)
    assert words in error_of(file)


def test_week_53_of_a_year_that_has_52(tmp_path: Path) -> None:
    data, ending, said = xlsx(long(period=lambda at: f"2021-W{at + 42}"))
    file = sheet_project(tmp_path, [(data, ending, {**said, **LONG, "step": "week"})])

    assert faults_of(file)[0] == ("data.period", "raw0.xlsx, row 13, column 'Periode'")


def test_a_later_period_than_today_is_refused_with_its_heading(tmp_path: Path) -> None:
    rows = wide(0)
    rows[0][12] = "des.31"
    more = wide(1)
    more[0][12] = "des.31"
    tables = [
        (*comma_csv(each)[:2], {**WIDE, "delimiter": "comma", "content": name})
        for each, name in ((rows, EVENTS), (more, DAYS))
    ]
    file = sheet_project(tmp_path, tables)

    assert faults_of(file)[0] == ("data.future_period", "raw0.csv, row 2, column 'des.31'")


# --- encodings and separators --------------------------------------------------------------------------------

ENCODED = [
    (lambda text: text.encode("cp1252"), {}, "data.encoding", "encoding: windows-1252"),
    (lambda text: text.encode("utf-16"), {}, "data.encoding", "encoding: utf-16"),
    (lambda text: text.encode(), {"encoding": "utf-16"}, "data.encoding", "no mark of UTF-16"),
    (lambda text: text.encode(), {"encoding": "windows-1252"}, "data.mojibake", "decoded wrongly"),
    (lambda text: text.encode().decode("cp1252").encode(), {}, "data.mojibake", "decoded wrongly"),
    (lambda text: text.encode().replace(b"Nordre", b"Nor\x00dre", 1), {}, "data.encoding", "NUL"),
    (lambda text: text.replace(";", ",").encode(), {}, "data.delimiter", "commas in the headings"),
    (lambda text: b"sep=,\r\n" + text.encode(), {}, "data.delimiter", "sep=,"),
    (lambda text: text.replace("Nordre", '"Nordre', 1).encode(), {}, "data.quotes", "double quote"),
    (lambda text: text.replace("north;", "north;;", 1).encode(), {}, "data.field_count", "6 fields"),
    (lambda _: b"", {}, "data.empty_file", "an empty file"),
    (lambda text: text.splitlines()[0].encode(), {}, "data.empty_table", "headings without rows"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said", "code", "words"), ENCODED, ids=[str(i) for i in range(len(ENCODED))]
)
def test_one_bad_encoding_or_separator(
    tmp_path: Path, change: Any, said: dict[str, str], code: str, words: str
) -> None:
    text = delimited(long(), ";").replace("Søndre", "Søndre æå")
    form = {"delimiter": "semicolon", "decimal": "comma", "thousands": "space", **LONG, **said}
    file = sheet_project(tmp_path, [(change(text), "csv", form)])

    assert faults_of(file)[0][0] == code, error_of(file)
    assert words in error_of(file)


def test_norwegian_letters_survive_every_encoding(tmp_path: Path) -> None:
    for index, (data, ending, said) in enumerate((norwegian_csv(long()), xlsx(long()), parquet(long()))):
        panel = panel_of(sheet_project(tmp_path / str(index), [(data, ending, {**said, **LONG})]))
        assert panel.names == SITES


# --- rows and columns that are not the table -----------------------------------------------------------------


def around(rows: Matrix) -> Matrix:
    """Title rows above the table, a total and two notes below."""
    width = len(rows[0])
    total: list[Cell] = ["I alt", "", "jan.21", 99, 9999.5]
    padded = [[text, *[""] * (width - 1)] for text in ("Fall i kommunen", "Kilde: internt", "")]
    notes: Matrix = [
        [text, *[""] * (width - 1)] for text in ("Tallene er foreløpige.", "Uttrekk: 15.01.2022")
    ]
    return [*padded, *rows, total, *notes]


AROUND = {"heading_rows": [4], "leave_out": ["I alt"], "ends_before": "Tallene er foreløpige."}


@pytest.mark.parametrize("make", [norwegian_csv, xlsx], ids=["csv", "xlsx"])
def test_titles_totals_and_notes_are_named_and_left_out(tmp_path: Path, make: Any) -> None:
    panel = panel_of(one_sheet(tmp_path, around(long()), make, **AROUND))

    assert panel.sites == ("north", "south")
    assert panel.cells["numerator"].sum() == sum(
        plain_number(site, at)[0] for site in SITES for at in range(12)
    )  # type: ignore[misc]


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({"leave_out": []}, "data.total_row", "leave_out"),
        ({"ends_before": "Noe annet"}, "data.end_of_table", "Noe annet"),
        ({"heading_rows": [3]}, "data.heading_rows", "nothing in row 3"),
        ({"heading_rows": [5]}, "data.missing_column", "'Kommune'"),
        ({"heading_rows": [900]}, "data.heading_rows", "nothing in row 900"),
    ],
)
def test_what_the_study_file_says_of_the_rows_must_be_so(
    tmp_path: Path, said: dict[str, Any], code: str, words: str
) -> None:
    file = one_sheet(tmp_path, around(long()), xlsx, **{**AROUND, **said})

    assert faults_of(file)[0][0] == code, error_of(file)
    assert words in error_of(file)


def test_notes_that_are_not_named_are_a_fault(tmp_path: Path) -> None:
    said = {key: value for key, value in AROUND.items() if key != "ends_before"}

    assert {code for code, _ in faults_of(one_sheet(tmp_path, around(long()), xlsx, **said))} == {
        "data.period"
    }


COLUMNS = [
    ({"site": "Komune"}, "data.missing_column", "'Kommune'"),
    ({"period": "Måned"}, "data.missing_column", "found: Kommune, Navn"),
    ({"measures": {"falls": {"numerator": "Fal", "denominator": DAYS}}}, "data.missing_column", "'Fall'"),
    ({"measures": {"fals": {"numerator": EVENTS, "denominator": DAYS}}}, "data.no_rows_for_measure", "'fals'"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "code", "words"), COLUMNS, ids=[str(i) for i in range(len(COLUMNS))])
def test_a_heading_that_is_not_there(tmp_path: Path, said: dict[str, Any], code: str, words: str) -> None:
    data, ending, form = norwegian_csv(long())
    measures = said.pop("measures", MEASURES)
    file = sheet_project(tmp_path, [(data, ending, {**form, **LONG, **said})], measures=measures)

    assert faults_of(file)[0][0] == code, error_of(file)
    assert words in error_of(file)


def test_a_heading_twice_is_refused_where_it_is_used(tmp_path: Path) -> None:
    rows = [[*row, row[3]] for row in long()]

    assert faults_of(one_sheet(tmp_path, rows)) == [
        ("data.repeated_column", f"raw0.csv, row 1, column '{EVENTS}'")
    ]


def test_a_row_twice_and_a_month_twice_are_refused(tmp_path: Path) -> None:
    twice = faults_of(one_sheet(tmp_path / "row", [*long(), long()[1]]))
    assert twice == [("data.repeated_row", f"raw0.csv, row 26, column '{name}'") for name in (EVENTS, DAYS)]

    rows = two_headings()
    rows[0][3] = "jan.21"
    said = {"site": "Kommune", "heading_rows": [1, 2], "across": ["period", "quantity"], "step": "month"}
    file = sheet_project(tmp_path / "month", [(workbook({"Ark1": rows}), "xlsx", said)])
    assert {code for code, _ in faults_of(file)} == {"data.repeated_row"}


def test_a_column_of_totals_across_is_a_fault_until_it_is_named(tmp_path: Path) -> None:
    def tables(said: dict[str, Any]) -> list[Any]:
        found = []
        for quantity, name in ((0, EVENTS), (1, DAYS)):
            rows = [[*row, "Sum" if index == 0 else sum(row[1:])] for index, row in enumerate(wide(quantity))]  # type: ignore[arg-type]
            found.append((*xlsx(rows)[:2], {**WIDE, "content": name, **said}))
        return found

    assert faults_of(sheet_project(tmp_path / "a", tables({})))[0] == (
        "data.period",
        "raw0.xlsx, row 1, column 'Sum'",
    )
    assert panel_of(sheet_project(tmp_path / "b", tables({"leave_out": ["Sum"]}))).cells["observed"].all()


def test_a_lost_zero_is_told(tmp_path: Path) -> None:
    codes = {"north": 301, "south": 4601}
    rollout = "site,actual_start\n0301,2021-05-01\n4601,2021-09-01\n1103,never\n"
    rows = [[codes.get(str(row[0]), row[0]), *row[1:]] for row in long()]
    rows += [[1103, "Tredje", *row[2:]] for row in long()[1:13]]
    data, ending, said = xlsx(rows)
    file = sheet_project(tmp_path, [(data, ending, {**said, **LONG})], rollout=rollout)

    assert ("data.lost_zero", "raw0.xlsx, row 2, column 'site'") in faults_of(file)
    assert "Is it 0301?" in error_of(file)


def test_decomposed_letters_and_spaces_are_the_same_site(tmp_path: Path) -> None:
    rows = long()
    rows[1][0], rows[2][0] = " north ", "north\u00a0"
    assert panel_of(one_sheet(tmp_path, rows, xlsx)).sites == ("north", "south")

    rows[3][0] = "North"
    assert "data.near_duplicate_site" in dict(faults_of(one_sheet(tmp_path / "case", rows, xlsx)))


def test_a_number_that_only_one_of_two_files_has_is_told(tmp_path: Path) -> None:
    first = [[row[at] for at in (0, 2, 3)] for row in long()]
    second = [[row[at] for at in (0, 2, 4)] for row in long()][:-1]
    said = {"site": "Kommune", "period": "Periode", "step": "month"}
    tables = [(*xlsx(rows)[:2], said) for rows in (first, second)]
    file = sheet_project(tmp_path, tables)

    assert [code for code, _ in faults_of(file)] == ["data.missing_denominator"]
    assert "raw1.xlsx, no cell for south and 2021-12-01" in error_of(file)


# --- workbooks -----------------------------------------------------------------------------------------------


def hide_row(book: Any) -> None:
    book.worksheets[0].row_dimensions[3].hidden = True


def hide_column(book: Any) -> None:
    book.worksheets[0].column_dimensions["D"].hidden = True


def hide_sheet(book: Any) -> None:
    book.create_sheet("Gammelt").sheet_state = "veryHidden"


def second_sheet(book: Any) -> None:
    book.create_sheet("Notater")["A1"] = "noe"


def error_cell(book: Any) -> None:
    book.worksheets[0]["D2"] = "#REF!"


def bare_formula(book: Any) -> None:
    book.worksheets[0]["D2"] = "=1+2"


def merge_below(book: Any) -> None:
    book.worksheets[0].merge_cells("A2:A13")


WORKBOOKS = [
    (hide_row, "data.hidden", "hidden rows (3)"),
    (hide_column, "data.hidden", "hidden columns (D)"),
    (hide_sheet, "data.hidden", "Gammelt"),
    (second_sheet, "data.sheet", "one of Ark1, Notater"),
    (error_cell, "data.error_cell", "cell D2"),
    (bare_formula, "data.formula", "cell D2"),
    (merge_below, "data.merged_cells", "Unmerge"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "words"), WORKBOOKS, ids=[each[0].__name__ for each in WORKBOOKS])
def test_one_fault_of_a_workbook(tmp_path: Path, change: Any, code: str, words: str) -> None:
    file = sheet_project(tmp_path, [(workbook({"Ark1": long()}, change), "xlsx", dict(LONG))])

    assert faults_of(file)[0][0] == code, error_of(file)
    assert words in error_of(file)


def test_the_chosen_sheet_is_read(tmp_path: Path) -> None:
    data = workbook(
        {
            "Fall": [[row[at] for at in (0, 2, 3)] for row in long()],
            "Døgn": [[row[at] for at in (0, 2, 4)] for row in long()],
        }
    )
    said = {"site": "Kommune", "period": "Periode", "step": "month"}
    tables = [(data, "xlsx", {**said, "sheet": "Fall"}), (data, "xlsx", {**said, "sheet": "Døgn"})]
    assert panel_of(sheet_project(tmp_path / "good", tables)).cells["observed"].all()

    wrong = [(data, "xlsx", {**said, "sheet": "Fal"}), tables[1]]
    assert "Did you mean 'Fall'?" in error_of(sheet_project(tmp_path / "bad", wrong))


def test_a_formula_with_its_value_is_its_value(tmp_path: Path) -> None:
    def formula(sheet: bytes) -> bytes:
        return sheet.replace(b'<c r="D2" t="n"><v>4</v></c>', b'<c r="D2"><f>2+2</f><v>4</v></c>')

    data = rezipped(workbook({"Ark1": long()}), formula)
    panel = panel_of(sheet_project(tmp_path, [(data, "xlsx", dict(LONG))]))

    assert b"<f>" in zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    assert cell(panel)["numerator"] == 4


def rezipped(data: bytes, change: Any, *, more: dict[str, bytes] | None = None) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content) if name == "xl/worksheets/sheet1.xml" else content)
        for name, content in (more or {}).items():
            new.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda data: b"\xd0\xcf\x11\xe0" + data, "password"),
        (lambda data: data[:200], "no workbook"),
        (lambda _: b"Kommune;Fall\n", "no workbook"),
        (lambda data: rezipped(data, lambda sheet: sheet[: len(sheet) // 2]), "damaged"),
        (lambda data: rezipped(data, lambda sheet: sheet, more={"xl/vbaProject.bin": b"x"}), "macros"),
        (
            lambda data: rezipped(
                data, lambda sheet: sheet, more={"xl/externalLinks/externalLink1.xml": b"x"}
            ),
            "links",
        ),
        (
            lambda data: rezipped(data, lambda sheet: sheet, more={"xl/media/bomb": bytes(101_000_000)}),
            "unpacked",
        ),
    ],
    ids=["password", "cut", "text", "damaged sheet", "macros", "links", "bomb"],
)
def test_what_is_no_plain_workbook(tmp_path: Path, make: Any, words: str) -> None:
    file = sheet_project(tmp_path, [(make(workbook({"Ark1": long()})), "xlsx", dict(LONG))])

    assert [code for code, _ in faults_of(file)] == ["data.workbook"]
    assert words in error_of(file)


@pytest.mark.parametrize("ending", ["xls", "xlsm", "xlsb", "ods"])
def test_other_workbooks_are_refused_by_name(tmp_path: Path, ending: str) -> None:
    file = sheet_project(tmp_path, [(workbook({"Ark1": long()}), ending, dict(LONG))])

    assert faults_of(file) == [("data.workbook", f"raw0.{ending}")]


def test_a_formula_as_text_stays_text(tmp_path: Path) -> None:
    rows = long()
    for row in rows[1:13]:
        row[1] = "=HYPERLINK(1)"
    data, ending, said = norwegian_csv(rows)
    panel = panel_of(sheet_project(tmp_path, [(data, ending, {**said, **LONG})]))

    assert panel.names["north"] == "=HYPERLINK(1)"


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    data, ending, said = parquet(long())
    file = sheet_project(tmp_path, [(data[:-30], ending, {**said, **LONG})])

    assert faults_of(file) == [("data.parquet", "raw0.parquet")]


# --- persons -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (norwegian_csv, IDENTITY_NUMBER),
        (xlsx, IDENTITY_NUMBER),
        (xlsx, int(IDENTITY_NUMBER)),
        (parquet, IDENTITY_NUMBER),
        (parquet, int(IDENTITY_NUMBER)),
    ],
    ids=["csv", "xlsx", "xlsx that lost the zero", "parquet", "parquet that lost the zero"],
)
def test_an_identity_number_in_any_column_stops_the_import(tmp_path: Path, make: Any, number: Cell) -> None:
    rows = [[*row, "Merknad" if index == 0 else number] for index, row in enumerate(long())]
    file = one_sheet(tmp_path, rows, make)

    assert {code for code, _ in faults_of(file)} == {"data.identity_number"}
    assert str(int(IDENTITY_NUMBER)) not in error_of(file)


# --- three states --------------------------------------------------------------------------------------------

STATES = {"yes": "Ja", "no": "Nei", "not_reported": "Ikke rapportert"}
REVIEW = STUDY.replace("primary: falls", "primary: medication_review")


def states(cells: dict[int, tuple[Cell, Cell, Cell]] | None = None) -> Matrix:
    rows: Matrix = [["Kommune", "Periode", "Ja", "Nei", "Ikke rapportert"]]
    for site in SITES:
        for at in range(12):
            row = (cells or {}).get(at) if site == "north" else None
            rows.append([site, f"2021M{at + 1:02}", *(row or (12 + at, 8, 20 - at))])
    return rows


def states_project(root: Path, rows: Matrix, study: str = REVIEW, **said: Any) -> Path:
    data, ending, form = comma_csv(rows)
    table = {**form, "site": "Kommune", "period": "Periode", "step": "month", "marks": {":": "suppressed"}}
    mapping = {"medication_review": {**STATES, **said}}
    return sheet_project(root, [(data, ending, table)], measures=mapping, study=study)


def test_not_reported_is_neither_yes_nor_no_and_is_told(tmp_path: Path) -> None:
    panel = panel_of(states_project(tmp_path, states()))

    assert (cell(panel, at=3)["numerator"], cell(panel, at=3)["denominator"]) == (15, 23)
    warning = {each.code: each.values for each in panel.warnings}["not_reported"]
    everyone = 2 * sum(40 for _ in range(12))
    assert warning == {
        "count": 2 * sum(20 - at for at in range(12)),
        "share": round(2 * sum(20 - at for at in range(12)) / everyone, 4),
    }


def test_the_share_reported_can_be_a_measure_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "parameters" / "measures"
    folder.mkdir(parents=True)
    (folder / "reported.toml").write_text(
        'schema = 1\nid = "reported"\nkind = "proportion"\nper = 100\ndirection = "higher"\nlikelihood = "binomial"\n'
        'baseline = 60\nsource = "A test."\nname = {nb = "Rapportert"}\nevents = {nb = {one = "svar", many = "svar"}}\n'
        'exposure = {nb = "beboere"}\nunit = {nb = "prosent"}\n',
        encoding="utf-8",
    )
    study = REVIEW.replace("{primary: medication_review}", "{primary: medication_review, paired: [reported]}")
    cells = panel_of(states_project(tmp_path, states(), study, reported_as="reported")).cells
    found = cells[
        (cells["measure"] == "reported") & (cells["site"] == "north") & (cells["period"] == 3)
    ].iloc[0]

    assert (found["numerator"], found["denominator"]) == (23, 40)


def test_a_hidden_state_hides_the_cell(tmp_path: Path) -> None:
    panel = panel_of(states_project(tmp_path, states({0: (12, ":", 3), 1: (":", 8, 3), 2: (12, 8, ":")})))

    assert [cell(panel, at=at)["observed"] for at in range(3)] == [False, False, True]


def test_a_state_that_is_no_count_is_told(tmp_path: Path) -> None:
    file = states_project(tmp_path, states({0: (12, "8.5", 3)}))

    assert faults_of(file)[0][1] == "raw0.csv, row 2, column 'Nei'", error_of(file)


# --- exposures that cannot be what they are called -----------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "count"),
    [
        (lambda _, at: 1900.5 + at, 0),
        (lambda site, at: 1900.5 if (site, at) != ("north", 4) else 62, 2),  # beds: down, and up again
        (lambda site, at: 1900.5 if at < 6 or site == "south" else 1.9005, 6),  # thousands of days from July on
        (lambda site, at: 1900.5 if (site, at) != ("south", 11) else 22806, 1),  # a year in December
    ],
    ids=["steady", "beds in one month", "thousands from July", "a year in one month"],
)  # fmt: skip
def test_another_unit_is_told(tmp_path: Path, days: Any, count: int) -> None:
    panel = panel_of(one_sheet(tmp_path, long(lambda site, at: (3, days(site, at)))))
    found = {each.code: each.values for each in panel.warnings}

    assert found.get("odd_exposure", {"count": 0}) == {"count": count}


def test_odd_exposures_are_named_for_those_who_must_mend_them(tmp_path: Path) -> None:
    panel = panel_of(
        one_sheet(tmp_path, long(lambda site, at: (3, 1900.5 if (site, at) != ("south", 11) else 22806)))
    )
    (odd,) = odd_exposures(panel.cells, ("falls",))

    assert (odd.site, odd.period, round(odd.ratio)) == ("south", 11, 12)


# --- the study file ------------------------------------------------------------------------------------------

BLOCKS = [
    ({"site": None, "one_site": None}, "'site' and 'one_site'"),
    ({"step": None}, "'step'"),
    ({"across": ["period"]}, "'period' as a column"),
    ({"heading_rows": [1, 2]}, "'across'"),
    ({"value": "Indikator"}, "'quantity' beside 'value'"),
    ({"decimal": "komma"}, "one of point, comma"),
    ({"heading_rows": [0]}, "at least 1"),
    ({"marks": {":": "hidden"}}, "suppressed"),
    ({"marks": [":"]}, "keys with values"),
    ({"measures": {"falls": {"numerator": EVENTS}}}, "'numerator' and 'denominator', or 'yes' and 'no'"),
    ({"measures": {"Falls": {"numerator": EVENTS, "denominator": DAYS}}}, "underscore"),
    ({"hidden": {"at_least": 5, "at_most": 4}}, "at_least"),
    ({"sheeet": "Ark1"}, "Did you mean 'sheet'?"),
    ({"measures": None}, "'measures'"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "words"), BLOCKS, ids=[str(i) for i in range(len(BLOCKS))])
def test_one_fault_in_the_block(tmp_path: Path, said: dict[str, Any], words: str) -> None:
    data, ending, form = norwegian_csv(long())
    block = {
        key: value
        for key, value in {**form, **LONG, **said}.items()
        if value is not None and key != "measures"
    }
    measures = said.get("measures", MEASURES)
    file = sheet_project(tmp_path, [(data, ending, block)], measures=measures or {})
    if measures is None:
        file.write_text(file.read_text(encoding="utf-8").replace("  measures: {}\n", ""), encoding="utf-8")

    assert words in error_of(file), error_of(file)
    assert "falls.yaml, line" in error_of(file)


def test_a_further_file_is_held_to_the_project_too(tmp_path: Path) -> None:
    data, ending, form = norwegian_csv(long())
    file = sheet_project(tmp_path, [(data, ending, {**form, **LONG}), (data, ending, {**form, **LONG})])
    file.write_text(
        file.read_text(encoding="utf-8").replace("data/raw1.csv", "../raw1.csv"), encoding="utf-8"
    )

    assert faults_of(file)[0][0] == "study.path"
