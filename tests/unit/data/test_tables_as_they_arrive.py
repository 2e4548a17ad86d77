"""Roll-out, logs, targets and covariates in every format: the same table, and the same faults, whatever the file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from impl.data.panel import Panel
from impl.errors import StudyError
from study_project import ROLLOUT, STUDY, faults_of, make_project, panel_of

ADAPTATIONS = (
    "site,start,end,component,nature,consistent,planned,note\n"
    "north,2021-06-01,,daily_review,tailoring,yes,yes,Øre og næring\n"
)
TARGETS = "site,period_start,period_end,measure,target\n*,2021-01-01,2021-12-31,falls,4.5\n"
COVARIATES = "site,period_start,name,value\n" + "".join(
    f"*,2021-{month:02d}-01,staffing,{month}.5\n" for month in range(1, 13)
)
TABLES = {"rollout": ROLLOUT, "adaptations": ADAPTATIONS, "targets": TARGETS, "covariates": COVARIATES}
EXTRA = {
    "adaptations": "contrasts: [consistent]",
    "covariates": "use: [staffing]",
    "rollout": "randomised: false",
}
DAYS = {"allocated_start", "actual_start", "transition_end", "stop", "period_start", "period_end"}
NUMBERS = {"target", "value"}


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def norwegian(text: str) -> list[list[str]]:
    """Days as 31.01.2026 and a decimal comma, as a Norwegian spreadsheet saves them."""
    header, *body = rows_of(text)

    def cell(name: str, value: str) -> str:
        if name in DAYS and value[:1].isdigit():
            return date.fromisoformat(value).strftime("%d.%m.%Y")
        return value.replace(".", ",") if name in NUMBERS else value

    return [header, *([cell(name, value) for name, value in zip(header, row, strict=True)] for row in body)]


def delimited(rows: list[list[str]], sign: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=sign, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


def workbook(rows: list[list[str]], sheets: int) -> bytes:
    """Numbers and days as the workbook's own; with two sheets the first is about something else."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    if sheets > 1:
        sheet.append(["Les dette først"])
        sheet = book.create_sheet("Tabell")
    header, *body = rows
    sheet.append(header)
    for row in body:
        cells: list[object] = []
        for name, value in zip(header, row, strict=True):
            day = name in {*DAYS, "start", "end"} and value[:1].isdigit()
            number = name in NUMBERS
            cells.append(date.fromisoformat(value) if day else float(value) if number else value or None)
        sheet.append(cells)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


Made = tuple[str, bytes, str]
"""Ending, bytes, and what the study file says of them."""

FORMATS: dict[str, Callable[[str], Made]] = {
    "with a byte order mark": lambda text: ("csv", b"\xef\xbb\xbf" + text.encode(), ""),
    "semicolons": lambda text: ("csv", delimited(rows_of(text), ";").encode(), ""),
    "tabs": lambda text: ("tsv", delimited(rows_of(text), "\t").encode(), "delimiter: tab"),
    "a Norwegian spreadsheet": lambda text: (
        "csv",
        delimited(norwegian(text), ";").encode("cp1252"),
        "encoding: windows-1252, decimal: comma, days: dd.mm.yyyy",
    ),
    "UTF-16": lambda text: ("csv", text.encode("utf-16"), "encoding: utf-16"),
    "a workbook": lambda text: ("xlsx", workbook(rows_of(text), 1), ""),
    "a sheet of a workbook": lambda text: ("xlsx", workbook(rows_of(text), 2), "sheet: Tabell"),
}


def project(root: Path, tables: dict[str, Made]) -> Path:
    study = STUDY.replace("rollout: {file: data/rollout.csv}\n", "")
    file = make_project(root, study=study)
    for name, (ending, data, said) in tables.items():
        (root / "data" / f"{name}.{ending}").write_bytes(data)
        keys = ", ".join(filter(None, (f"file: data/{name}.{ending}", said, EXTRA.get(name, ""))))
        study += f"{name}: {{{keys}}}\n"
    file.write_text(study, encoding="utf-8")
    return file


def plain(text: str) -> Made:
    return "csv", text.encode(), ""


def same(one: Panel, other: Panel) -> None:
    for name in ("rollout", "adaptations", "targets", "covariates"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_tables_in_every_format_give_the_same_panel(tmp_path: Path, form: str) -> None:
    usual = panel_of(project(tmp_path / "usual", {name: plain(text) for name, text in TABLES.items()}))
    made = {name: FORMATS[form](text) for name, text in TABLES.items()}
    same(panel_of(project(tmp_path / "other", made)), usual)


BROKEN = {
    "rollout": (ROLLOUT.replace("2021-05-01,2021-05-01", "2021-05-01,2021-13-01"), "data.date"),
    "adaptations": (ADAPTATIONS.replace("tailoring", "tayloring"), "data.unknown_word"),
    "targets": (TARGETS.replace("falls", "fals"), "data.unknown_measure"),
    "covariates": (COVARIATES.replace("1.5", "many", 1), "data.number"),
}


@pytest.mark.parametrize("table", BROKEN)
@pytest.mark.parametrize("form", ["semicolons", "tabs", "with a byte order mark"])
def test_the_same_fault_is_found_in_the_same_place(tmp_path: Path, table: str, form: str) -> None:
    text, code = BROKEN[table]
    tables = {name: FORMATS[form](TABLES[name]) for name in TABLES}
    tables[table] = FORMATS[form](text)
    ((found, where),) = faults_of(project(tmp_path, tables))
    assert found == code
    assert "row 2, column" in where


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (("csv", "site,actual_start\nnørth,2021-05-01\n".encode("cp1252"), ""), "data.encoding"),
        (("csv", ROLLOUT.replace(",", "\t").encode(), ""), "data.delimiter"),
        (("xlsx", workbook(rows_of(ROLLOUT), 2), ""), "data.sheet"),
        (("csv", ROLLOUT.encode(), "sheet: Tabell"), "data.sheet"),
        (("csv", delimited(norwegian(ROLLOUT), ";").encode(), ""), "data.date"),
        (("xls", b"\xd0\xcf\x11\xe0", ""), "data.workbook"),
    ],
)
def test_what_is_not_said_is_not_guessed(tmp_path: Path, made: Made, code: str) -> None:
    assert code in {found for found, _ in faults_of(project(tmp_path, {"rollout": made}))}


def test_a_point_where_commas_are_declared_is_refused(tmp_path: Path) -> None:
    made = ("csv", TARGETS.encode(), "decimal: comma")
    ((code, where),) = faults_of(project(tmp_path, {"rollout": plain(ROLLOUT), "targets": made}))
    assert code == "data.number"
    assert where.endswith("row 2, column 'target'")


def test_an_identity_number_is_found_in_every_format(tmp_path: Path) -> None:
    text = ADAPTATIONS.replace("Øre og næring", "15057512342")
    for form, make in FORMATS.items():
        folder = tmp_path / form.replace(" ", "-")
        tables = {"rollout": plain(ROLLOUT), "adaptations": make(text)}
        found = [code for code, _ in faults_of(project(folder, tables))]
        assert found, form
        assert {"data.identity_number", "data.personal"} & set(found), form


@pytest.mark.parametrize("form", ["a Norwegian spreadsheet", "a sheet of a workbook", "semicolons"])
def test_a_new_study_takes_a_roll_out_table_as_it_is(tmp_path: Path, form: str) -> None:
    from impl.runs.new import new_study
    from impl.study.load import read_study

    ending, data, said = FORMATS[form](ROLLOUT.replace("north", "nørd"))
    make_project(tmp_path)
    numbers = tmp_path / "data" / "numbers.csv"
    counts = ["Kommune,Periode,Fall,Beboerdøgn"]
    counts += [
        f"{site},2021-{month:02d},{3 + month % 3},{900 + month}"
        for site in ("nørd", "south")
        for month in range(1, 13)
    ]
    numbers.write_text("\n".join(counts) + "\n", encoding="utf-8")
    starts = tmp_path / "data" / f"starts.{ending}"
    starts.write_bytes(data)
    answers = {"sheet": "Tabell"}
    made = new_study(
        tmp_path,
        "ny",
        measure="falls",
        files=[numbers],
        rollout=starts,
        talk=lambda question: answers[question.key],
        say=lambda _: None,
    )
    rollout = read_study(made).rollout
    assert rollout.file == f"data/starts.{ending}"
    for part in ("encoding: windows-1252", "days: dd.mm.yyyy", "sheet: Tabell"):
        assert (part in said) == (part in made.read_text("utf-8"))
    assert panel_of(made).rollout["start_period"].tolist() == [4.0, 8.0]


def test_what_nobody_can_be_asked_of_a_roll_out_table_is_an_error(tmp_path: Path) -> None:
    from impl.runs.new import new_study

    make_project(tmp_path)
    numbers = tmp_path / "data" / "numbers.csv"
    numbers.write_text("Kommune,Periode,Fall,Beboerdøgn\nnorth,2021-01,3,900\n", encoding="utf-8")
    starts = tmp_path / "data" / "starts.xlsx"
    starts.write_bytes(workbook(rows_of(ROLLOUT), 2))
    with pytest.raises(StudyError, match="Which sheet"):
        new_study(
            tmp_path, "ny", measure="falls", files=[numbers], rollout=starts, talk=None, say=lambda _: None
        )
