"""Tables that are wrong: every bad row is refused with its place, and no model ever sees it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impl.errors import DataError, DesignError
from impl.model.structure import Structure, describe_structure
from impl.study.load import read_study
from study_project import (
    ADAPTATIONS_HEADER,
    PANEL_HEADER,
    ROLLOUT,
    STUDY,
    error_of,
    faults_of,
    make_project,
    panel_of,
    panel_rows,
)

BEFORE_AFTER = STUDY.replace("30_stepped_wedge", "20_before_after")
PROPORTION = STUDY.replace("primary: falls", "primary: medication_review")
OPTIONAL_HEADER = PANEL_HEADER + ",status,at_most,vintage,name,sum_squares,at_least,category"
IDENTITY_NUMBER = "01010750160"  # built to have valid check digits; no person's


def with_row(row: str, *, measure: str = "falls", header: str = OPTIONAL_HEADER) -> str:
    """The good panel with its first row (north, January) replaced; missing fields are empty."""
    width = len(header.split(","))
    lines = [(line, len(next(csv.reader([line])))) for line in (row, *panel_rows(measure)[1:])]
    return "\n".join([header, *(line + "," * (width - fields) for line, fields in lines)]) + "\n"


JANUARY = "north,2021-01-01,2021-01-31,falls"
ROW = "panel.csv, row 2, column "

CELLS = [
    (f"{JANUARY},-1,900", "data.negative", "'numerator'", "0 or more"),
    (f"{JANUARY},3.5,900", "data.fractional_count", "'numerator'", "a whole number"),
    (f'{JANUARY},"3,5",900', "data.fractional_count", "'numerator'", "a whole number"),
    (f"{JANUARY},1e3,900", "data.number", "'numerator'", "digits only"),
    (f"{JANUARY},inf,900", "data.number", "'numerator'", "digits only"),
    (f"{JANUARY},nan,900", "data.number", "'numerator'", "digits only"),
    (f"{JANUARY},0x10,900", "data.number", "'numerator'", "digits only"),
    (f"{JANUARY},1_0,900", "data.number", "'numerator'", "digits only"),
    (f"{JANUARY},٣,900", "data.number", "'numerator'", "digits 0-9"),
    (f"{JANUARY},\u22123,900", "data.number", "'numerator'", "minus"),
    (f"{JANUARY},1.234,900", "data.number", "'numerator'", "thousands mark"),
    (f"{JANUARY},1\u00a0234,900", "data.number", "'numerator'", "thousands mark"),
    (f"{JANUARY},<5,900", "data.number", "'numerator'", "status"),
    (f"{JANUARY},1-4,900", "data.number", "'numerator'", "status"),
    (f"{JANUARY},:,900", "data.number", "'numerator'", "status"),
    (f"{JANUARY},9007199254740992,900", None, "", ""),
    (f"{JANUARY},9007199254740993,900", "data.too_large_number", "'numerator'", "2^53"),
    (f"{JANUARY},90071992547409930,900", "data.too_large_number", "'numerator'", "2^53"),
    (f"{JANUARY},{'9' * 400},900", "data.number", "'numerator'", "digits only"),
    (f"{JANUARY},,900", "data.missing_numerator", "'numerator'", "not_reported"),
    (f"{JANUARY},2,", "data.missing_denominator", "'denominator'", "resident-days"),
    (f"{JANUARY},0,", "data.missing_denominator", "'denominator'", "resident-days"),
    (f"{JANUARY},2,0", "data.zero_denominator", "'denominator'", "Leave the row out or give the resident-days."),
    (f"{JANUARY},2,-900", "data.negative", "'denominator'", "0 or more"),
    (f'{JANUARY},2,"900,5"', "data.number", "'denominator'", "900.5"),
    (f"{JANUARY},2,9e2", "data.number", "'denominator'", "a number"),
    (f"{JANUARY},2,900,hidden", "data.unknown_word", "'status'", "suppressed"),
    (f"{JANUARY},,900,supressed", "data.unknown_word", "'status'", "Did you mean 'suppressed'?"),
    (f"{JANUARY},2,900,suppressed", "data.number_in_gap", "'numerator'", "observed"),
    (f"{JANUARY},,-1,missing", "data.negative", "'denominator'", "0 or more"),
    (f"{JANUARY},,900,missing,4", "data.at_most", "'at_most'", "unless the row is suppressed"),
    (f"{JANUARY},,900,suppressed,few", "data.number", "'at_most'", "digits only"),
    (f"{JANUARY},2,900,observed,4", "data.at_most", "'at_most'", "observed row"),
    (f"{JANUARY},2,900,observed,,,,,1", "data.at_least", "'at_least'", "observed row"),
    (f"{JANUARY},,900,missing,,,,,1", "data.at_least", "'at_least'", "unless the row is suppressed"),
    (f"{JANUARY},,900,suppressed,,,,,1", "data.at_least", "'at_least'", "empty where at_most is"),
    (f"{JANUARY},,900,suppressed,4,,,,5", "data.interval_order", "'at_least'", "at most at_most, 4"),
    (f"{JANUARY},,,suppressed,4,,,,5", "data.interval_order", "'at_least'", "at most at_most, 4"),
    (f"{JANUARY},,900,suppressed,4,,,,few", "data.number", "'at_least'", "digits only"),
    (f"{JANUARY},,900,suppressed,21", "data.wide_interval", "'at_most'", "next to nothing"),
    (f"{JANUARY},,900,suppressed,24,,,,4", None, "", ""),
    (f"{JANUARY},,,suppressed,500", None, "", ""),
    (f"{JANUARY},,0,suppressed,4", "data.zero_denominator", "'denominator'", "0 with a suppressed count"),
    (f"{JANUARY},2,900,,,,,,,3", "data.category", "'category'", "empty for falls"),
    (f"{JANUARY},2,900,,,2031-01-01", "data.future_vintage", "'vintage'", "today, 2026-11-22"),
    (f"{JANUARY},2,900,,,15.01.2022", "data.date", "'vintage'", "2026-01-31"),
    (f"{JANUARY},2,900,,,,A\u200bB", "data.hidden_character", "'name'", "U+200B"),
    (f"{JANUARY},2,900,,,,{'x' * 300}", "data.long_text", "'name'", "at most 120"),
    ("north,01.01.2021,2021-01-31,falls,2,900", "data.date", "'period_start'", "2026-01-31"),
    ("north,2021-13-01,2021-01-31,falls,2,900", "data.date", "'period_start'", "a day that exists"),
    ("north,0202-01-01,2021-01-31,falls,2,900", "data.date", "'period_start'", "1800"),
    ("north,44256,2021-01-31,falls,2,900", "data.date", "'period_start'", "2026-01-31"),
    ("north,,2021-01-31,falls,2,900", "data.date", "'period_start'", "got nothing"),
    ("north,2021-01-31,2021-01-01,falls,2,900", "data.period_order", "'period_end'", "2021-01-31"),
    ("north,2026-11-01,2026-11-30,falls,2,900", "data.future_period", "'period_end'", "2026-11-22"),
    (",2021-01-01,2021-01-31,falls,2,900", "data.empty_text", "'site'", "Fill in"),
    ("no\u202erth,2021-01-01,2021-01-31,falls,2,900", "data.hidden_character", "'site'", "U+202E"),
    ("north,2021-01-01,2021-03-31,falls,2,900", "data.uneven_periods", "'period_end'", "a month"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "code", "column", "words"), CELLS, ids=[str(i) for i in range(len(CELLS))])
def test_one_bad_cell(tmp_path: Path, row: str, code: str | None, column: str, words: str) -> None:
    file = make_project(tmp_path, panel=with_row(row))
    if code is None:
        assert faults_of(file) == []
        return
    assert faults_of(file) == [(code, ROW + column)], error_of(file)
    assert words in error_of(file)


def test_the_text_is_the_house_form(tmp_path: Path) -> None:
    assert error_of(make_project(tmp_path, panel=with_row(f"{JANUARY},2,0"))) == (
        "panel.csv, row 2, column 'denominator': got 0 with 2 events, must be > 0. "
        "Leave the row out or give the resident-days."
    )


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ("41,40", "data.more_events_than_denominator"),
        ("1,0", "data.zero_denominator"),
        ("20,40.5", "data.fractional_denominator"),
        (",3,suppressed,4", "data.more_events_than_denominator"),
        (",40.5,suppressed,4", "data.fractional_denominator"),
    ],
)
def test_a_proportion_has_whole_and_enough_denominators(tmp_path: Path, numbers: str, code: str) -> None:
    row = f"north,2021-01-01,2021-01-31,medication_review,{numbers}"
    rows = [line.replace(".5", "") for line in panel_rows("medication_review")]
    width = len(OPTIONAL_HEADER.split(","))
    lines = [line + "," * (width - len(line.split(","))) for line in (row, *rows[1:])]
    panel = "\n".join([OPTIONAL_HEADER, *lines])

    assert [found for found, _ in faults_of(make_project(tmp_path, study=PROPORTION, panel=panel))] == [code]


def test_a_rate_may_have_more_events_than_exposure(tmp_path: Path) -> None:
    assert faults_of(make_project(tmp_path, panel=with_row(f"{JANUARY},5,2.5"))) == []


def test_all_tables_are_told_at_once_and_the_text_stops_at_fifty(tmp_path: Path) -> None:
    rows = [f"{','.join(row.split(',')[:4])},-1,-1" for row in panel_rows()] * 3
    file = make_project(
        tmp_path,
        panel="\n".join([PANEL_HEADER, *rows]),
        rollout=ROLLOUT.replace("2021-05-01,,", "1.5.2021,,"),
        adaptations=ADAPTATIONS_HEADER + "\nnorth,x,,training,adding,maybe,\n",
    )
    with pytest.raises(DataError) as caught:
        panel_of(file)

    codes = {fault.code for fault in caught.value.faults}
    assert {"data.negative", "data.repeated_row", "data.date", "data.unknown_word"} <= codes
    assert {fault.where.split(",")[0] for fault in caught.value.faults} == {
        "panel.csv",
        "rollout.csv",
        "adaptations.csv",
    }
    assert len(str(caught.value).splitlines()) == 51
    assert f"more faults of {len(caught.value.faults)}" in str(caught.value)


# --- means, and answers by category ------------------------------------------------------------------------

MEAN = STUDY.replace("primary: falls", "primary: safety_climate_score")
MEAN_HEADER = PANEL_HEADER + ",sum_squares,person_sum_squares,status,at_most"
MEANS = [
    ("1446,20,0,,,", "data.zero_sum_squares", "'sum_squares'", "tell nothing of spread"),
    ("1446,20,3000,0,,", "data.zero_person_sum_squares", "'person_sum_squares'", "tell nothing of spread"),
    ("1446,20,3000,701,,", "data.person_sum_squares", "'person_sum_squares'", "700.5, as for the same site"),
    ("1446,20,3000,-1,,", "data.negative", "'person_sum_squares'", "0 or more"),
    (",20,,,suppressed,4", "data.interval_of_mean", "'at_most'", "only a count"),
]


@pytest.mark.parametrize(("numbers", "code", "column", "words"), MEANS, ids=[code for _, code, *_ in MEANS])
def test_one_bad_cell_of_a_mean(tmp_path: Path, numbers: str, code: str, column: str, words: str) -> None:
    rows = [f"{row.rsplit(',', 2)[0]},1446,20,3000,700.5,," for row in panel_rows("safety_climate_score")]
    rows[1] = f"{rows[1].rsplit(',', 6)[0]},{numbers}"
    file = make_project(tmp_path, study=MEAN, panel="\n".join([MEAN_HEADER, *rows]))

    assert faults_of(file) == [(code, f"panel.csv, row 3, column {column}")], error_of(file)
    assert words in error_of(file)


ORDERED = STUDY.replace("primary: falls", "primary: safe_as_patient")
ORDERED_HEADER = PANEL_HEADER + ",category,status"
ANSWERS = [
    # which row becomes what (None: it is left out), code, row and column, words
    (2, "3,15,,", "data.category", "row 4, column 'category'", "1 to 5, the answer that the row counts"),
    (2, "3,15,6,", "data.category", "row 4, column 'category'", "1 to 5"),
    (2, "3,15,0,", "data.category", "row 4, column 'category'", "lowest answer as 1"),
    (2, "3,15,agree,", "data.number", "row 4, column 'category'", "digits only"),
    (2, "3,15,2,", "data.repeated_row", "row 4", "category 2 again"),
    (2, None, "data.missing_category", "row 2, column 'category'", "no row for 3"),
    (2, "3,16,3,", "data.denominators_differ", "row 4, column 'denominator'", "as for the same site and period in row 2"),
    (2, "4,15,3,", "data.answers_do_not_sum", "row 2, column 'denominator'", "15 beside 16 answers"),
    (2, "16,15,3,", "data.more_events_than_denominator", "row 4, column 'numerator'", "16 of 15"),
]  # fmt: skip


def answer_rows() -> list[str]:
    return [
        f"{row.rsplit(',', 2)[0]},{category},15,{category},"
        for row in panel_rows("safe_as_patient")
        for category in range(1, 6)
    ]


@pytest.mark.parametrize(
    ("index", "numbers", "code", "where", "words"), ANSWERS, ids=[str(i) for i in range(len(ANSWERS))]
)
def test_one_fault_among_answers(
    tmp_path: Path, index: int, numbers: str | None, code: str, where: str, words: str
) -> None:
    rows = answer_rows()
    if numbers is None:
        del rows[index]
    else:
        rows[index] = f"{rows[index].rsplit(',', 4)[0]},{numbers}"
    file = make_project(tmp_path, study=ORDERED, panel="\n".join([ORDERED_HEADER, *rows]))

    found = faults_of(file)
    assert found[0] == (code, f"panel.csv, {where}"), error_of(file)
    # a row that is taken for another answer leaves its own answer out as well
    assert [extra for extra, _ in found[1:]] == (
        ["data.missing_category"] if code == "data.repeated_row" else []
    )
    assert words in error_of(file)


def test_answers_without_the_column_are_one_fault(tmp_path: Path) -> None:
    file = make_project(tmp_path, study=ORDERED, panel=GOOD.replace("falls", "safe_as_patient"))

    assert faults_of(file) == [("data.missing_column", "panel.csv, row 1, column 'category'")]


# --- whole files -------------------------------------------------------------------------------------------

GOOD = "\n".join([PANEL_HEADER, *panel_rows()]) + "\n"
FILES = [
    (b"", "data.empty_file", "panel.csv", "an empty file"),
    (b" \n\n", "data.empty_file", "panel.csv", "an empty file"),
    (PANEL_HEADER.encode(), "data.empty_table", "panel.csv", "a header without rows"),
    (PANEL_HEADER.encode() + b"\n,,,,,\n\n", "data.empty_table", "panel.csv", "a header without rows"),
    (GOOD.replace(",", "\t").encode(), "data.delimiter", "panel.csv, row 1", "separated by tabs"),
    (GOOD.replace(",", " ").encode(), "data.delimiter", "panel.csv, row 1", "one column"),
    (b"sep=;\n" + GOOD.encode(), "data.delimiter", "panel.csv, row 1", "sep="),
    (GOOD.replace("site,", "site;", 1).encode(), "data.delimiter", "panel.csv, row 1", "both"),
    (GOOD.replace("north", "Nordmøre", 1).encode("cp1252"), "data.encoding", "panel.csv, row 2", "Windows-1252"),
    (GOOD.encode("utf-16"), "data.encoding", "panel.csv", "UTF-16"),
    (GOOD.replace("north", "no\0rth", 1).encode(), "data.encoding", "panel.csv, row 2", "NUL"),
    (GOOD.replace("north", '"north', 1).encode(), "data.quotes", "panel.csv, row ", "double quote"),
    (GOOD.replace("north", '"no"rth', 1).encode(), "data.quotes", "panel.csv, row 2", "double quote"),
    (GOOD.replace("north,", "north,,", 1).encode(), "data.field_count", "panel.csv, row 2", "7 fields"),
    (GOOD.replace("north,", "", 1).encode(), "data.field_count", "panel.csv, row 2", "5 fields"),
    (GOOD.replace("\n", ",x\n").replace("denominator,x", "denominator").encode(), "data.field_count",
     "panel.csv, row 2", "7 fields"),
    (GOOD.replace("numerator", "denominator", 1).encode(), "data.repeated_column",
     "panel.csv, row 1, column 'denominator'", "given once"),
    (GOOD.replace("numerator", "numeratr", 1).encode(), "data.missing_column",
     "panel.csv, row 1, column 'numerator'", "'numeratr'"),
    (GOOD.replace("numerator", "", 1).encode(), "data.unnamed_column", "panel.csv, row 1", "no name for column 5"),
    (GOOD.replace("\n", ",\n").replace("denominator,", "denominator,staus").encode(), "data.misspelt_column",
     "panel.csv, row 1, column 'staus'", "'status'"),
    (GOOD.replace("falls", "fall").encode(), "data.no_rows_for_measure", "panel.csv, column 'measure'", "'fall'"),
    (GOOD.encode() + GOOD.encode().split(b"\n")[3] + b"\n", "data.repeated_row", "panel.csv, row 26", "row 4"),
    (GOOD.replace("north,2021-02", "North,2021-02").encode(), "data.near_duplicate_site",
     "panel.csv, row 3, column 'site'", "row 2"),
    (GOOD.replace("north,2021-02", "nor\u00a0th,2021-02").encode(), "data.near_duplicate_site",
     "panel.csv, row 3, column 'site'", "row 2"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "code", "where", "words"), FILES, ids=[str(i) for i in range(len(FILES))])
def test_one_bad_file(tmp_path: Path, data: bytes, code: str, where: str, words: str) -> None:
    file = make_project(tmp_path, panel=data)
    found = [place for found, place in faults_of(file) if found == code]

    assert found, error_of(file)
    assert found[0].startswith(where)
    assert words in error_of(file)


def test_decomposed_letters_are_the_same_site(tmp_path: Path) -> None:
    panel = GOOD.replace("north,2021-02", "A\u030as,2021-02").replace("north", "Ås")
    file = make_project(tmp_path, panel=panel, rollout=ROLLOUT.replace("north", "A\u030as"))

    assert panel_of(file).sites == ("south", "Ås")


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    (tmp_path / "data" / "panel.csv").unlink()
    (tmp_path / "data" / "rollout.csv").unlink()
    (tmp_path / "data" / "rollout.csv").mkdir()

    assert faults_of(file) == [("data.file", "panel.csv"), ("data.file", "rollout.csv")]


def test_a_link_put_there_after_the_study_was_read_is_refused(tmp_path: Path) -> None:
    from impl.data.read import read_panel
    from impl.study.load import read_study

    study = read_study(make_project(tmp_path / "project"))
    outside = tmp_path / "outside.csv"
    outside.write_text(GOOD, encoding="utf-8")
    (tmp_path / "project" / "data" / "panel.csv").unlink()
    (tmp_path / "project" / "data" / "panel.csv").symlink_to(outside)

    with pytest.raises(DataError, match="leads out of the project"):
        read_panel(study)


@pytest.mark.parametrize(
    "place", ["site", "name", "ignored column", "another measure", "rollout", "adaptations"]
)
def test_a_national_identity_number_stops_the_import_and_is_not_shown(tmp_path: Path, place: str) -> None:
    panel, rollout, log = GOOD, ROLLOUT, ADAPTATIONS_HEADER + ",note\n"
    if place == "site":
        panel = GOOD.replace("north", IDENTITY_NUMBER)
    elif place == "name":
        panel = with_row(f"{JANUARY},2,900,,,,født {IDENTITY_NUMBER}")
    elif place == "ignored column":
        panel = GOOD.replace("\n", f",{IDENTITY_NUMBER[:6]} {IDENTITY_NUMBER[6:]}\n").replace(
            f"denominator,{IDENTITY_NUMBER[:6]} {IDENTITY_NUMBER[6:]}", "denominator,remark"
        )
    elif place == "another measure":
        panel = GOOD + f"{IDENTITY_NUMBER},2021-01-01,2021-01-31,other,1,1\n"
    elif place == "rollout":
        rollout = ROLLOUT.replace("north", IDENTITY_NUMBER)
    else:
        log += f"north,2021-05-01,,training,adding,yes,yes,Kari {IDENTITY_NUMBER}\n"
    error = error_of(make_project(tmp_path, panel=panel, rollout=rollout, adaptations=log))

    assert "national identity number" in error
    assert IDENTITY_NUMBER not in error
    assert IDENTITY_NUMBER[6:] not in error


def test_eleven_digits_in_a_number_column_are_a_number(tmp_path: Path) -> None:
    assert faults_of(make_project(tmp_path, panel=with_row(f"{JANUARY},2,{IDENTITY_NUMBER}"))) == []


# --- roll-out and adaptations ------------------------------------------------------------------------------

HEADER = ROLLOUT.splitlines()[0]
SOUTH = "south,,2021-09-01,,"
ROLLOUTS = [
    ("north,,,,", "data.blank_start", "rollout.csv, row 2, column 'actual_start'", "never or before-data"),
    ("north,,none,,", "data.date", "rollout.csv, row 2, column 'actual_start'", "2026-01-31"),
    ("north,1.5.2021,2021-05-01,,", "data.date", "rollout.csv, row 2, column 'allocated_start'", "2026-01-31"),
    ("north,,2021-05-01,2021-04-30,", "data.transition_before_start",
     "rollout.csv, row 2, column 'transition_end'", "2021-05-01"),
    ("north,,2021-05-01,,2021-05-01", "data.stop_before_start", "rollout.csv, row 2, column 'stop'", "2021-05-01"),
    ("north,,never,,2021-05-01", "data.never_with_dates", "rollout.csv, row 2, column 'stop'", "empty"),
    ("north,,before-data,2021-05-01,", "data.before_data_transition",
     "rollout.csv, row 2, column 'transition_end'", "empty"),
    ("north,,2020-12-31,,", "data.start_before_data", "rollout.csv, row 2, column 'actual_start'", "before-data"),
    ("north,,2021-05-01,,\nnorth,,never,,", "data.repeated_site", "rollout.csv, row 3, column 'actual_start'", "row 2"),
    ("nort,,2021-05-01,,", "data.site_without_start", "panel.csv, row 2, column 'site'", "'north'"),
    ("nort,,2021-05-01,,", "data.site_without_rows", "rollout.csv, row 2, column 'site'", "'nort'"),
    ("north,,2021-05-01,,\nwest,,never,,", "data.site_without_rows", "rollout.csv, row 3, column 'site'", "'west'"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "code", "where", "words"), ROLLOUTS, ids=[code for _, code, *_ in ROLLOUTS])
def test_one_fault_in_the_rollout(tmp_path: Path, row: str, code: str, where: str, words: str) -> None:
    file = make_project(tmp_path, rollout=f"{HEADER}\n{row}\n{SOUTH}\n")

    assert (code, where) in faults_of(file), error_of(file)
    assert words in error_of(file)


BUNDLES = "site,actual_start,bundle,stratum"
FULL = (
    "north,2021-05-01,,city",
    "south,2021-09-01,falls,country",
    "north,never,pressure_ulcers,city",
    "south,2021-07-01,pressure_ulcers,country",
)
BUNDLE_ROWS = [
    # which row becomes what (None: it is left out), code, row and column, words
    (2, None, "data.site_without_bundle", "row 2, column 'bundle'", "'north' without a row for pressure_ulcers"),
    (0, None, "data.site_without_bundle", "row 3, column 'bundle'", "'north' without a row for falls"),
    (2, "north,never,pressure_ulcer,city", "data.unknown_bundle", "row 4, column 'bundle'", "'pressure_ulcers'"),
    (2, "north,never,medication,city", "data.unknown_bundle", "row 4, column 'bundle'", "other_bundles"),
    (2, "north,never,,city", "data.repeated_site", "row 4, column 'actual_start'", "one row a site and bundle"),
    (2, "north,never,pressure_ulcers,town", "data.two_strata", "row 4, column 'stratum'", "'city', as for"),
    (2, "north,never,pressure_ulcers,", "data.two_strata", "row 4, column 'stratum'", "got nothing"),
    (2, "north,2020-07-01,pressure_ulcers,city", "data.start_before_data", "row 4, column 'actual_start'", "before-data"),
    (2, "west,never,pressure_ulcers,city", "data.site_without_rows", "row 4, column 'site'", "'west'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("index", "row", "code", "where", "words"), BUNDLE_ROWS, ids=[str(i) for i in range(len(BUNDLE_ROWS))]
)
def test_one_fault_among_bundles(
    tmp_path: Path, index: int, row: str | None, code: str, where: str, words: str
) -> None:
    rows = [line for place, line in enumerate(FULL) if place != index]
    if row is not None:
        rows.insert(index, row)
    study = STUDY + "other_bundles: [pressure_ulcers]\n"
    file = make_project(tmp_path, study=study, rollout="\n".join([BUNDLES, *rows]))

    assert (code, f"rollout.csv, {where}") in faults_of(file), error_of(file)
    assert words in error_of(file)


def test_a_bundle_without_rows_and_one_that_nobody_declared(tmp_path: Path) -> None:
    declared = make_project(tmp_path / "declared", study=STUDY + "other_bundles: [medication]\n")
    assert faults_of(declared) == [("data.bundle_without_rows", "rollout.csv, column 'bundle'")]

    undeclared = make_project(tmp_path / "undeclared", rollout="\n".join([BUNDLES, *FULL]))
    assert faults_of(undeclared) == [
        ("data.unknown_bundle", "rollout.csv, row 4, column 'bundle'"),
        ("data.unknown_bundle", "rollout.csv, row 5, column 'bundle'"),
    ]


def test_strata_that_the_study_asks_for_must_be_given(tmp_path: Path) -> None:
    study = STUDY + "model: {strata: true}\n"
    rollout = "site,actual_start,stratum\nnorth,2021-05-01,city\nsouth,2021-09-01,\n"

    assert (
        faults_of(make_project(tmp_path / "full", study=study, rollout=rollout.replace("01,\n", "01,x\n")))
        == []
    )
    assert faults_of(make_project(tmp_path / "half", study=study, rollout=rollout)) == [
        ("data.no_stratum", "rollout.csv, row 3, column 'stratum'")
    ]


COVARIATES = [
    ("west,2021-02-01,staffing,1", "data.unknown_site", "row 3, column 'site'", "* for all sites"),
    (",2021-02-01,staffing,1", "data.empty_text", "row 3, column 'site'", "Fill in"),
    ("north,2020-12-01,staffing,1", "data.unknown_period", "row 3, column 'period_start'", "first day"),
    ("north,2021-02-15,staffing,1", "data.unknown_period", "row 3, column 'period_start'", "first day"),
    ("north,feb 2021,staffing,1", "data.date", "row 3, column 'period_start'", "2026-01-31"),
    ("north,2021-02-01,staffing,high", "data.number", "row 3, column 'value'", "in digits"),
    ("north,2021-02-01,staffing,nan", "data.number", "row 3, column 'value'", "in digits"),
    ("north,2021-02-01,staffing,1e999", "data.too_large_number", "row 3, column 'value'", "2^53"),
    ("north,2021-01-01,staffing,2", "data.repeated_row", "row 3, column 'site'", "another in row 2"),
    ("*,2021-01-01,staffing,2", "data.repeated_row", "row 3, column 'site'", "another in row 2"),
    ("north,2021-02-01,stafing,1", "data.no_rows_for_covariate", "column 'name'", "found: stafing"),
]


@pytest.mark.parametrize(
    ("row", "code", "where", "words"), COVARIATES, ids=[str(i) for i in range(len(COVARIATES))]
)
def test_one_fault_among_covariates(tmp_path: Path, row: str, code: str, where: str, words: str) -> None:
    study = STUDY + "covariates: {file: data/covariates.csv, use: [staffing]}\n"
    file = make_project(tmp_path, study=study)
    first = "" if code == "data.no_rows_for_covariate" else "north,2021-01-01,staffing,1\n"
    table = f"site,period_start,name,value\n{first}{row}\n"
    (tmp_path / "data" / "covariates.csv").write_text(table, encoding="utf-8")

    assert faults_of(file) == [(code, f"covariates.csv, {where}")], error_of(file)
    assert words in error_of(file)


@pytest.mark.parametrize(
    ("dates", "words"),
    [
        ("start: 2021-12-02", "touches no period"),
        ("start: 2022-03-12", "within 2021-01-01 to 2021-12-31"),
        ("start: 2019-03-12, end: 2020-12-31", "touches no period"),
        ("start: 2021-03-12, end: 2021-03-20", "a start takes effect from the next"),
        ("start: 2020-03-12", "touches every period"),
        ("start: 2020-03-12, end: 2021-12-05", "cannot be told from the level"),
    ],
)
def test_an_interruption_must_leave_a_mark_in_the_data(tmp_path: Path, dates: str, words: str) -> None:
    study = STUDY + f"interruptions: [{{id: shock, {dates}}}]\n"
    file = make_project(tmp_path, study=study)

    assert faults_of(file) == [("data.interruption", "falls.yaml, key 'interruptions.1'")]
    assert words in error_of(file)


def test_a_rollout_without_rows(tmp_path: Path) -> None:
    assert faults_of(make_project(tmp_path, rollout=HEADER + "\n"))[0] == ("data.empty_table", "rollout.csv")


LOG = [
    ("west,2021-05-01,,training,adding,yes,yes", "data.unknown_site", "'site'"),
    ("north,May 2021,,training,adding,yes,yes", "data.date", "'start'"),
    ("north,2021-05-01,2021-04-01,training,adding,yes,yes", "data.end_before_start", "'end'"),
    ("north,2021-05-01,,,adding,yes,yes", "data.empty_text", "'component'"),
    ("north,2021-05-01,,training,,yes,yes", "data.empty_text", "'nature'"),
    ("north,2021-05-01,,training,adding,ja,yes", "data.unknown_word", "'consistent'"),
    ("north,2021-05-01,,training,adding,,yes", "data.unknown_word", "'consistent'"),
    ("north,2021-05-01,,training,adding,yes,perhaps", "data.unknown_word", "'planned'"),
]


@pytest.mark.parametrize(("row", "code", "column"), LOG, ids=[f"{code} {column}" for _, code, column in LOG])
def test_one_fault_in_the_log(tmp_path: Path, row: str, code: str, column: str) -> None:
    file = make_project(tmp_path, adaptations=f"{ADAPTATIONS_HEADER}\n{row}\n")

    assert faults_of(file) == [(code, f"adaptations.csv, row 2, column {column}")]


# --- study and data that cannot answer together -----------------------------------------------------------


def test_no_events_at_all_refuse_an_effect(tmp_path: Path) -> None:
    panel = "\n".join([PANEL_HEADER, *(f"{','.join(row.split(',')[:4])},0,900" for row in panel_rows())])
    file = make_project(tmp_path, panel=panel)

    assert faults_of(file) == [("data.all_zero", "panel.csv, measure falls")]
    assert "cannot be estimated" in error_of(file)


def test_everybody_having_the_event_refuses_an_effect(tmp_path: Path) -> None:
    rows = [f"{','.join(row.split(',')[:4])},40,40" for row in panel_rows("medication_review")]
    file = make_project(tmp_path, study=PROPORTION, panel="\n".join([PANEL_HEADER, *rows]))

    assert faults_of(file) == [("data.all_events", "panel.csv, measure medication_review")]


def test_only_gaps_refuse_an_effect(tmp_path: Path) -> None:
    rows = [f"{','.join(row.split(',')[:4])},,,missing" for row in panel_rows()]
    file = make_project(tmp_path, panel="\n".join([PANEL_HEADER + ",status", *rows]))

    assert faults_of(file) == [("data.nothing_observed", "panel.csv, measure falls")]


DESIGNS = [
    (STUDY, "never", "never", {"design.never_treated"}),
    (STUDY, "2022-03-01", "never", {"design.never_treated"}),
    (STUDY, "before-data", "before-data", {"design.never_treated"}),
    (STUDY, "2021-05-01", "2021-05-01", {"design.one_wave"}),
    (STUDY, "2021-05-01", "2021-04-15", {"design.one_wave"}),
    (STUDY, "2021-05-01", "before-data", {"design.single_site"}),
    (STUDY, "2021-05-01", "never", set()),
    (STUDY, "2021-05-01", "2022-05-01", set()),
    (STUDY, "2021-05-01", "2021-06-01", set()),
    (BEFORE_AFTER, "2021-05-01", "2021-05-01", set()),
    (BEFORE_AFTER, "2021-01-01", "2021-01-01", {"design.no_baseline"}),
    (BEFORE_AFTER, "2021-01-02", "2021-01-02", {"design.no_baseline"}),
]


def structure_of(file: Path, measure: str | None = None) -> Structure:
    return describe_structure(read_study(file), panel_of(file), measure)


@pytest.mark.parametrize(("study", "north", "south", "codes"), DESIGNS)
def test_designs(tmp_path: Path, study: str, north: str, south: str, codes: set[str]) -> None:
    file = make_project(tmp_path, study=study, rollout=f"{HEADER}\nnorth,,{north},,\nsouth,,{south},,\n")
    if not codes:
        assert structure_of(file).sites == ("north", "south")
        return
    with pytest.raises(DesignError) as caught:
        structure_of(file)
    assert {fault.code for fault in caught.value.faults} == codes


def test_a_paired_measure_without_a_baseline_is_named(tmp_path: Path) -> None:
    study = STUDY.replace("{primary: falls}", "{primary: falls, paired: [falls_serious_injury]}")
    late = [row for row in panel_rows("falls_serious_injury") if "2021-1" in row]
    file = make_project(tmp_path, study=study, panel="\n".join([PANEL_HEADER, *panel_rows(), *late]))

    with pytest.raises(DesignError, match="no period of falls_serious_injury from before the start"):
        structure_of(file, "falls_serious_injury")


# --- nothing but faults, whatever the bytes ----------------------------------------------------------------

_PIECES = st.sampled_from(
    [",", ";", "\n", '"', "\r", "north", "south", "falls", "2021-01-01", "2021-01-31", "9999-12-31", "0001-01-01", "3",
     "-1", "1e999", "\x00", "\u202e", "\ufeff", "site", "numerator", "never", "=cmd()", "å", IDENTITY_NUMBER, " "]
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_damaged_table_gives_anything_but_faults(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hidden = with_row(f"{JANUARY},,900,suppressed,4,,,,1")
    answers = "\n".join([ORDERED_HEADER, *answer_rows()])
    tables = [
        data.draw(st.sampled_from([GOOD, hidden, answers])),
        "\n".join([BUNDLES, *FULL]) + "\n",
        ADAPTATIONS_HEADER + "\nnorth,2021-05-10,,training,adding,yes,yes\n",
        "site,period_start,name,value\n*,2021-01-01,price,1.5\nnorth,2021-02-01,price,2\n",
    ]
    study = (ORDERED if tables[0] == answers else STUDY) + (
        "other_bundles: [pressure_ulcers]\ncovariates: {file: data/covariates.csv, use: [price]}\n"
    )
    damaged = data.draw(st.integers(0, 3))
    text = tables[damaged]
    position = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 40))
    insert = data.draw(st.lists(_PIECES, max_size=6).map("".join))
    tables[damaged] = text[:position] + insert + text[position + length :]
    root = tmp_path_factory.getbasetemp() / "tables"
    file = make_project(root, study=study, panel=tables[0], rollout=tables[1], adaptations=tables[2])
    (root / "data" / "covariates.csv").write_text(tables[3], encoding="utf-8", errors="surrogatepass")
    text = error_of(file)
    assert IDENTITY_NUMBER not in text
    if not text:
        cells = panel_of(file).cells
        seen = cells[cells["observed"]]
        assert (seen["numerator"] >= 0).all()
        assert (seen["denominator"] > 0).all()
        known = cells[cells["at_most"].notna()]
        assert not known["observed"].any()
        assert (known["at_least"] <= known["at_most"]).all()
        assert (known["denominator"] > 0).all()
