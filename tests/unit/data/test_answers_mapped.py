"""Answers of an ordered measure in any file: columns across, words down the side, events; the same Panel each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from impl.data.panel import Panel
from study_project import PANEL_HEADER, STUDY, error_of, faults_of, make_project, panel_of

ORDERED = STUDY.replace("primary: falls", "primary: safe_as_patient")
WORDS = ("Aldri", "Sjelden", "Av og til", "Ofte", "Alltid")
SITES = ("north", "south")
MONTHS = range(1, 13)


def count(site: str, month: int, answer: int) -> int:
    """Answers 1 to 5; the first one is never given in the south."""
    return 0 if (site, answer) == ("south", 1) else (month + answer) % 5 + answer


def everybody(site: str, month: int) -> int:
    return sum(count(site, month, answer) for answer in range(1, 6))


def own_table(root: Path) -> Panel:
    rows = [f"{PANEL_HEADER},category"]
    for site in SITES:
        for month in MONTHS:
            last = {2: 28, 4: 30, 6: 30, 9: 30, 11: 30}.get(month, 31)
            days = f"2021-{month:02d}-01,2021-{month:02d}-{last}"
            rows += [
                f"{site},{days},safe_as_patient,{count(site, month, answer)},{everybody(site, month)},{answer}"
                for answer in range(1, 6)
            ]
    return panel_of(make_project(root, study=ORDERED, panel="\n".join(rows) + "\n"))


def wide() -> list[str]:
    rows = [f"Enhet;Måned;{';'.join(WORDS)};Svar"]
    for site in SITES:
        for month in MONTHS:
            counts = ";".join(str(count(site, month, answer)) for answer in range(1, 6))
            rows.append(f"{site};2021-{month:02d};{counts};{everybody(site, month)}")
    return rows


def long() -> list[str]:
    rows = ["Enhet;Måned;Svar;Antall"]
    for site in SITES:
        for month in MONTHS:
            rows += [
                f"{site};2021-{month:02d};{word};{count(site, month, answer)}"
                for answer, word in enumerate(WORDS, 1)
            ]
    return rows


def across() -> list[str]:
    """Months over the columns, answers down the side."""
    rows = [f"Enhet;Svar;{';'.join(f'2021-{month:02d}' for month in MONTHS)}"]
    for site in SITES:
        for answer, word in enumerate(WORDS, 1):
            rows.append(f"{site};{word};{';'.join(str(count(site, month, answer)) for month in MONTHS)}")
    return rows


def persons() -> list[str]:
    """One row a person who answered."""
    rows = ["Enhet;Dato;Svar"]
    for site in SITES:
        for month in MONTHS:
            for answer, word in enumerate(WORDS, 1):
                rows += [f"{site};2021-{month:02d}-15;{word}"] * count(site, month, answer)
    return rows


NAMED = "answers: [Aldri, Sjelden, Av og til, Ofte, Alltid]"
COUNTED = ", ".join(f"{word}: {{where: {{Svar: [{word}]}}}}" for word in WORDS)
SHAPES = {
    "answers across": (wide, "period: Måned, step: month", NAMED),
    "answers across, with all who answered": (wide, "period: Måned, step: month", f"{NAMED}, denominator: Svar"),
    "answers down": (long, "period: Måned, step: month, quantity: Svar, value: Antall", NAMED),
    "months across": (across, "step: month, across: [period], quantity: Svar", NAMED),
    "one row a person": (
        persons,
        ("period: Dato, step: month, events: {complete_from: 2021-01-01, complete_to: 2021-12-31, "
        f"count: {{{COUNTED}}}}}"),
        NAMED,
    ),
}  # fmt: skip


def mapped(
    root: Path, rows: list[str], layout: str, quantities: str, measure: str = "safe_as_patient"
) -> Path:
    """A study whose file is mapped."""
    file = make_project(root, study=ORDERED)
    (root / "data" / "survey.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    source = f"{{file: data/survey.csv, delimiter: semicolon, site: Enhet, {layout}, measures: {{{measure}: {{{quantities}}}}}}}"
    text = ORDERED.replace("data: {file: data/panel.csv}", f"data: {source}")
    file.write_text(text.replace("primary: safe_as_patient", f"primary: {measure}"), encoding="utf-8")
    return file


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_panel_of_the_long_table(tmp_path: Path, shape: str) -> None:
    make, layout, quantities = SHAPES[shape]
    wanted = own_table(tmp_path / "own")
    found = panel_of(mapped(tmp_path / "mapped", make(), layout, quantities))
    assert found.cells.equals(wanted.cells)
    np.testing.assert_array_equal(found.answers["safe_as_patient"], wanted.answers["safe_as_patient"])
    assert found.answers["safe_as_patient"][0, 0].tolist() == [count("north", 1, n) for n in range(1, 6)]
    assert found.periods == wanted.periods


LAYOUT = "period: Måned, step: month"
WRONG = [
    ("answers: [Aldri, Sjelden, Ofte, Alltid]", "data.answers", "4 answers, must be 'answers' with the 5"),
    ("numerator: Alltid, denominator: Svar", "data.answers", "no 'answers'"),
    ("answers: [Aldri, Sjelden, Av og til, Ofte, Alltidd]", "data.missing_column", "Did you mean 'Alltid'"),
    (f"{NAMED}, numerator: Alltid", "study.not_allowed", "nothing but 'denominator'"),
    ("answers: [Aldri, Aldri, Av og til, Ofte, Alltid]", "study.not_allowed", "different"),
    ("answers: [Aldri, Alltid]", "study.not_allowed", "three or more"),
]


@pytest.mark.parametrize(("quantities", "code", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_mapping_is_told(tmp_path: Path, quantities: str, code: str, words: str) -> None:
    file = mapped(tmp_path, wide(), LAYOUT, quantities)
    found = [each for each, _ in faults_of(file)]
    assert found, "read without a fault"
    assert words in error_of(file)
    assert code in found


def test_answers_of_a_measure_that_has_none_are_told(tmp_path: Path) -> None:
    file = mapped(tmp_path, wide(), LAYOUT, NAMED, measure="hand_hygiene")
    assert "data.answers" in [code for code, _ in faults_of(file)]
    assert "since hand_hygiene is not ordered" in error_of(file)


def changed(rows: list[str], row: int, column: int, text: str) -> list[str]:
    cells = rows[row].split(";")
    cells[column] = text
    return [*rows[:row], ";".join(cells), *rows[row + 1 :]]


@pytest.mark.parametrize(
    ("column", "text", "quantities", "code"),
    [
        (7, "99", f"{NAMED}, denominator: Svar", "data.answers_do_not_sum"),
        (3, "2,5", NAMED, "data.number"),
        (3, "-2", NAMED, "data.negative"),
        (3, "", NAMED, "data.missing_numerator"),
    ],
)
def test_a_wrong_number_is_told_in_its_place(
    tmp_path: Path, column: int, text: str, quantities: str, code: str
) -> None:
    found = faults_of(mapped(tmp_path, changed(wide(), 4, column, text), LAYOUT, quantities))
    assert code in [each for each, _ in found]
    assert all("survey.csv, row 5" in where for _, where in found)


def test_an_answer_without_a_row_is_not_taken_for_none(tmp_path: Path) -> None:
    rows = [row for row in long() if row != f"north;2021-03;Ofte;{count('north', 3, 4)}"]
    make, layout, quantities = SHAPES["answers down"]
    assert make is long
    ((code, where),) = faults_of(mapped(tmp_path, rows, layout, quantities))
    assert code == "data.missing_category"
    assert "column 'category'" in where or "survey.csv" in where


@pytest.mark.parametrize("mark", ["<5", ":"])
def test_a_hidden_or_missing_answer_makes_the_whole_a_gap(tmp_path: Path, mark: str) -> None:
    """Of one answer's interval the likelihood can make nothing yet: never 0, never dropped without a count."""
    rows = changed(wide(), 4, 3, mark)
    panel = panel_of(mapped(tmp_path, rows, LAYOUT + ', marks: {":": missing}', NAMED))
    cells = panel.cells.set_index(["site", "period"])
    assert not cells.loc[("north", 3), "observed"]
    assert np.isnan(cells.loc[("north", 3), "denominator"])
    assert np.isnan(panel.answers["safe_as_patient"][0, 3]).all()
    assert cells["observed"].sum() == 23
    assert "gaps" in {warning.code for warning in panel.warnings}
