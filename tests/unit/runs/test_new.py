"""`impl new` and `impl init`: what is plain is understood, what is not is asked, nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from impl.cli import app
from impl.errors import ImplError, StudyError
from impl.files.look.question import Question
from impl.runs.lay_out import lay_out
from impl.runs.new import new_study
from impl.study.load import list_studies, read_study
from impl.study.source import DataSource
from sheet_project import FORMATS, SHAPES, Cell, Matrix, delimited, long, plain_number, workbook, xlsx
from study_project import ROLLOUT, STUDY, make_project, panel_of
from worlds import REPOSITORY


def project(root: Path, files: dict[str, bytes]) -> Path:
    """A project without studies, with these files under data/ and a roll-out table."""
    make_project(root).unlink()
    for name, data in files.items():
        (root / "data" / name).write_bytes(data)
    return root


def begin(
    root: Path, files: Sequence[str], *, answers: dict[str, str] | None = None, rollout: bool = True
) -> tuple[Path, list[str], list[Question]]:
    """The study file, what was said, and what was asked; answers None is --yes."""
    said: list[str] = []
    asked: list[Question] = []

    def talk(question: Question) -> str:
        asked.append(question)
        assert answers is not None
        answer = answers[question.key]
        assert not question.options or answer in question.options
        return answer

    file = new_study(
        root, "fall-prove", measure="falls", files=[root / "data" / name for name in files],
        rollout=root / "data" / "rollout.csv" if rollout else None,
        talk=None if answers is None else talk, say=said.append,
    )  # fmt: skip
    return file, said, asked


def codes_of(root: Path, files: Sequence[str], **options: Any) -> list[str]:
    with pytest.raises(ImplError) as caught:
        begin(root, files, **options)
    assert not list_studies(root)
    return [fault.code for fault in caught.value.faults]


PAIRS = [
    (form, shape)
    for form in FORMATS
    for shape in SHAPES
    if form != "Parquet" or "heading_rows" not in SHAPES[shape][0][1]
]


@pytest.mark.parametrize(("form", "shape"), PAIRS)
def test_every_format_and_shape_is_understood_without_a_question(
    tmp_path: Path, form: str, shape: str
) -> None:
    files = {}
    for (make, _), name in zip(SHAPES[shape], ("fall", "beboerdøgn"), strict=False):
        data, ending, _ = FORMATS[form](make(plain_number))
        files[f"{name}.{ending}"] = data
    root = project(tmp_path, files)
    file, said, _ = begin(root, list(files))
    panel = panel_of(file)

    assert panel.cells["observed"].all()
    assert panel.cells["numerator"].sum() == sum(
        int(str(plain_number(site, at)[0])) for site in ("n", "s") for at in range(12)
    )
    assert any("2 sites, 12 periods from 2021-01-01 to 2021-12-31" in line for line in said), said
    again = read_study(file)
    assert again.notebook == "30_stepped_wedge"
    assert again.bundle == "falls"
    assert again.title["nb"] == "Fall: fall-prove"


def test_what_was_understood_is_written_out_with_comments(tmp_path: Path) -> None:
    rows = long(lambda _, at: ("<5" if at == 3 else 0 if at == 4 else ":" if at == 5 else 3, 1900.5))
    rows = [["Fall 2021", *[""] * 4], *rows, ["I alt", "", "", 70, 45600.5], ["Kilde: egne tall", *[""] * 4]]
    data = delimited(rows, ";").encode("cp1252")
    root = project(tmp_path, {"avvik.csv": data})
    file, said, _ = begin(root, ["avvik.csv"])

    assert file.read_text(encoding="utf-8").split("data:\n")[1] == (
        "  file: data/avvik.csv  # the file as it was delivered; it is never changed\n"
        "  encoding: windows-1252  # how its letters are written\n"
        "  delimiter: semicolon  # what separates the columns\n"
        "  decimal: comma  # decimal mark\n"
        "  thousands: space  # how thousands are set apart\n"
        "  heading_rows: [2]  # rows of the file that hold the headings\n"
        "  site: Kommune  # column of the sites\n"
        "  name: Navn  # column of their names\n"
        "  period: Periode  # column of the periods\n"
        "  step: month  # how long a period is\n"
        '  marks: {":": suppressed}  # what a sign stands for\n'
        '  leave_out: ["I alt"]  # totals\n'
        '  ends_before: "Kilde: egne tall"  # first cell of the row below the table\n'
        "  hidden: {at_least: 1, at_most: 4}  # between what limits a hidden count lies\n"
        "  measures:  # which column is what of which measure\n"
        '    falls: {numerator: Fall, denominator: "Beboerdøgn"}\n'
        "rollout: {file: data/rollout.csv, randomised: false}\n"
    )
    text = "\n".join(said)
    for words in ("windows-1252", "semicolon", "decimal mark: comma", "headings in row 2", "a row a site and period",
                  "periods (month)", "resident-days: 1900.5", "totals left out: I alt", "':': suppressed (2 times)"):  # fmt: skip
        assert words in text, text


# --- what only a person knows --------------------------------------------------------------------------------


def renamed(rows: Matrix, **names: str) -> Matrix:
    return [[names.get(str(cell), cell) for cell in row] for row in rows[:1]] + rows[1:]


def with_events(value: Cell) -> Matrix:
    rows = long()
    rows[1][3] = value
    return rows


AMBIGUOUS: list[tuple[str, Matrix, str, dict[str, str]]] = [
    ("an empty cell", with_events(""), "empty", {"empty": "not_reported"}),
    ("a sign of one's own", with_events("i.a."), "marks", {"marks": "missing"}),
    ("a star alone", with_events("*"), "marks", {"marks": "suppressed"}),
    ("no word for the events", renamed(long(), Fall="A", Beboerdøgn="Beboerdøgn"), "", {}),
    ("nothing is known", renamed(long(), Fall="A", Beboerdøgn="B"), "numerator", {"numerator": "A"}),
    ("two columns of falls", [[*row, "Antall fall" if at == 0 else 1] for at, row in enumerate(long())], "numerator", {"numerator": "Fall"}),
    ("no site", [row[2:] for row in long()[:13]], "one_site", {"one_site": "north"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "key", "answers"), [row[1:] for row in AMBIGUOUS], ids=[row[0] for row in AMBIGUOUS]
)
def test_what_is_ambiguous_is_asked_and_with_yes_an_error(
    tmp_path: Path, rows: Matrix, key: str, answers: dict[str, str]
) -> None:
    root = project(tmp_path, {"fil.xlsx": xlsx(rows)[0]})
    if key == "one_site":
        (root / "data" / "rollout.csv").write_text(ROLLOUT.split("south")[0], encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        begin(root, ["fil.xlsx"])
    assert not list_studies(root)
    if not key:  # one of the two is there: the other must be brought, not asked for
        assert [fault.code for fault in caught.value.faults] == ["new.numerator"]
        return
    assert [(fault.code, fault.where) for fault in caught.value.faults] == [("new.ambiguous", f"data.{key}")]

    if answers == {"numerator": "A"}:
        assert codes_of(root, ["fil.xlsx"], answers=answers) == ["new.denominator"]
        return
    file, _, asked = begin(root, ["fil.xlsx"], answers=answers)
    assert [question.key for question in asked] == [key]
    assert len(panel_of(file).cells) == (12 if key == "one_site" else 24)


def test_thousands_or_decimals_is_asked(tmp_path: Path) -> None:
    rows = long(lambda _site, _at: (3, "1,900"))
    text = "\n".join(";".join(map(str, row)) for row in rows)
    root = project(tmp_path, {"fil.csv": text.encode()})

    assert codes_of(root, ["fil.csv"]) == ["new.ambiguous"]


def test_a_share_without_its_counts_is_asked_for(tmp_path: Path) -> None:
    rows = long(lambda _site, _at: ("61,7 %", 40))
    with pytest.raises(ImplError, match="Give numerator and denominator"):
        begin(project(tmp_path, {"fil.xlsx": xlsx(rows)[0]}), ["fil.xlsx"])


def test_two_sheets_named_as_the_quantities_are_both_read(tmp_path: Path) -> None:
    book = workbook({
        "Fall": [[row[at] for at in (0, 2, 3)] for row in long()],
        "Beboerdøgn": [[row[at] for at in (0, 2, 4)] for row in long()],
        "Om tallene": [["Kilde: egne tall"]],
    })  # fmt: skip
    root = project(tmp_path, {"fil.xlsx": book})
    file, _, _ = begin(root, ["fil.xlsx"])

    assert [table.sheet for table in read_study(file).data.tables] == ["Fall", "Beboerdøgn"]
    assert panel_of(file).cells["observed"].all()


def test_states_of_process_data_are_known_by_their_headings(tmp_path: Path) -> None:
    rows: Matrix = [["Kommune", "Kvartal", "Ja", "Nei", "Ikke rapportert"]]
    rows += [
        [site, f"{at % 4 + 1}. kvartal {2020 + at // 4}", 10 + at, 5, 3]
        for site in ("north", "south")
        for at in range(8)
    ]
    root = project(tmp_path, {"fil.xlsx": xlsx(rows)[0]})
    file = new_study(
        root, "gjennomgang", measure="medication_review", files=[root / "data" / "fil.xlsx"],
        rollout=root / "data" / "rollout.csv", talk=None, say=lambda _: None,
    )  # fmt: skip
    panel = panel_of(file)

    assert panel.cells["denominator"].sum() == panel.cells["numerator"].sum() + 16 * 5
    assert panel.period_months == 3


def test_a_roll_out_to_fill_in_is_made_where_none_is_given(tmp_path: Path) -> None:
    root = project(tmp_path, {"fil.xlsx": xlsx(long())[0]})
    file, said, _ = begin(root, ["fil.xlsx"], rollout=False)

    table = root / "data" / "fall-prove-rollout.csv"
    assert table.read_text(encoding="utf-8") == (
        "site,allocated_start,actual_start,transition_end,stop\nnorth,,,,\nsouth,,,,\n"
    )
    assert any("fill in" in line for line in said)
    with pytest.raises(ImplError, match="never or before-data"):
        panel_of(file)
    table.write_text(ROLLOUT, encoding="utf-8")
    assert panel_of(file).cells["observed"].all()


def test_a_unit_far_from_the_catalogues_is_pointed_out(tmp_path: Path) -> None:
    rows = long(lambda site, at: (plain_number(site, at)[0], 60))  # beds, not resident-days
    root = project(tmp_path, {"fil.xlsx": xlsx(rows)[0]})
    _, said, _ = begin(root, ["fil.xlsx"])

    assert any("Is the denominator in resident-days?" in line for line in said)


EVENT_ROWS: Matrix = [
    ["Enhet", "Hendelsesdato", "Hendelsestype", "Beskrivelse"],
    *([site, f"{day:02}.{month:02}.2021", kind, "Fritekst."] for site in ("north", "south") for month in range(1, 13)
      for day, kind in ((3, "Fall"), (9, "Legemiddel"), (20, "fall"))),
]  # fmt: skip
EVENT_ANSWERS = {"step": "month", "events.complete_from": "2021-01-01", "events.complete_to": "2021-12-31"}


def test_a_file_of_events_is_counted_once_a_person_says_how_complete_it_is(tmp_path: Path) -> None:
    days = [[row[0], row[2], row[4]] for row in long()]
    events = delimited(EVENT_ROWS, ";").encode("cp1252")
    root = project(tmp_path, {"avvik.csv": events, "dager.xlsx": xlsx(days)[0]})
    assert codes_of(root, ["avvik.csv", "dager.xlsx"]) == ["new.ambiguous"] * 3

    wrong = {**EVENT_ANSWERS, "events.complete_to": "31.12.2021"}
    assert codes_of(root, ["avvik.csv", "dager.xlsx"], answers=wrong) == ["new.answer"]

    file, said, asked = begin(root, ["avvik.csv", "dager.xlsx"], answers=EVENT_ANSWERS)
    panel = panel_of(file)
    assert [question.key for question in asked] == list(EVENT_ANSWERS)
    assert panel.cells["numerator"].tolist() == [2.0] * 24
    assert any("rows with Fall in column 'Hendelsestype'" in line for line in said)
    assert "Fritekst" not in file.read_text(encoding="utf-8")


# --- the command ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"study": "Fall Prøve"}, "study.id"),
        ({"measure": "fals"}, "study.unknown_measure"),
        ({"files": ["../outside.csv"]}, "data.path"),
        ({"files": ["nothing.csv"]}, "data.file"),
    ],
    ids=["id", "measure", "outside", "missing"],
)
def test_one_wrong_word(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    root = project(tmp_path / "project", {"fil.xlsx": xlsx(long())[0]})
    (tmp_path / "outside.csv").write_text("a;b\n", encoding="utf-8")
    names = change.get("files", ["fil.xlsx"])
    with pytest.raises(ImplError) as caught:
        new_study(
            root, change.get("study", "fall-prove"), measure=change.get("measure", "falls"),
            files=[root / "data" / name if "outside" not in name else tmp_path / "outside.csv" for name in names],
            rollout=None, talk=None, say=lambda _: None,
        )  # fmt: skip
    assert [fault.code for fault in caught.value.faults] == [code]


def test_a_study_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    root = project(tmp_path, {"fil.xlsx": xlsx(long())[0]})
    file, _, _ = begin(root, ["fil.xlsx"])
    before = file.read_bytes()
    with pytest.raises(StudyError, match="a study that is there"):
        begin(root, ["fil.xlsx"])

    assert file.read_bytes() == before


def test_from_an_empty_folder_to_a_checked_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner().invoke
    assert run(app, ["init", str(tmp_path / "bench")]).exit_code == 0
    monkeypatch.chdir(tmp_path / "bench")
    rows = long(period=lambda at: date(2021, at + 1, 1))
    Path("data/fall.xlsx").write_bytes(xlsx(rows)[0])
    Path("data/start.csv").write_text(ROLLOUT, encoding="utf-8")
    made = run(
        app,
        [
            "new",
            "fall",
            "--measure",
            "falls",
            "--data",
            "data/fall.xlsx",
            "--rollout",
            "data/start.csv",
            "--yes",
        ],
    )
    assert made.exit_code == 0, made.output
    assert "Written: parameters/fall.yaml" in made.output
    checked = run(app, ["check", "fall"])

    assert checked.exit_code == 0, checked.output
    assert "good    fall  2 sites, 12 periods" in checked.output


def test_a_person_chooses_by_number_and_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path, {"fil.xlsx": xlsx(with_events(""))[0]})
    monkeypatch.chdir(root)
    made = CliRunner().invoke(
        app,
        ["new", "fall", "--measure", "falls", "--data", "data/fil.xlsx", "--rollout", "data/rollout.csv"],
        input="9\nx\n2\n",
    )

    assert made.exit_code == 0, made.output
    assert "A number from 1 to 4, please." in made.output
    assert read_study(root / "parameters" / "fall.yaml").data.empty == "missing"


def test_init_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("x", encoding="utf-8")
    with pytest.raises(StudyError, match="not empty"):
        list(lay_out(tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_init_brings_the_notebooks(tmp_path: Path) -> None:
    list(lay_out(tmp_path / "bench"))
    notebooks = {path.name for path in (tmp_path / "bench" / "notebooks").iterdir()}

    assert {"20_before_after.ipynb", "30_stepped_wedge.ipynb", "80_report.ipynb"} <= notebooks
    assert (tmp_path / "bench" / "parameters").is_dir()


def test_the_examples_of_the_manual_can_be_read(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    (data:\n(?:    .*\n)+)", text, flags=re.MULTILINE)
    block = "\n".join(line.removeprefix("    ") for line in block.splitlines())
    study = STUDY.replace("data: {file: data/panel.csv}", block)
    source = read_study(make_project(tmp_path, study=study)).data

    assert source.events is not None
    assert set(source.events.count) == {"Fall", "Alvorlige"}
    assert [table.file for table in source.tables] == ["data/avvik.csv", "data/dager.xlsx"]


def test_the_manual_names_every_key() -> None:
    text = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")

    assert not [
        key
        for key in DataSource.model_fields
        if f"`{key}`" not in text and f"`{key}:" not in text and f" {key}:" not in text
    ]


def test_a_look_at_the_data_alone_needs_no_starts(tmp_path: Path) -> None:
    """`--notebook 10_data_quality`: every site is `never`, the audience is the unit, and the study can be read at once."""
    root = project(tmp_path, {"fall.csv": delimited(long(), ";").encode()})
    (root / "notebooks" / "10_data_quality.ipynb").write_text('{"cells": []}', encoding="utf-8")
    said: list[str] = []
    file = new_study(
        root, "kvalitet", measure="falls", files=[root / "data" / "fall.csv"], rollout=None, talk=None,
        say=said.append, notebook="10_data_quality",
    )  # fmt: skip
    study = read_study(file)
    assert (study.notebook, study.audience, study.estimates_nothing) == ("10_data_quality", "own-unit", True)
    assert study.question["nb"] == "Er tallene om fall gode nok til å regne på?"
    assert set(panel_of(file).rollout["state"]) == {"never"}
    assert not any("fill in when" in line for line in said)
    with pytest.raises(StudyError, match="must be one of 10_data_quality"):
        new_study(
            root, "annet", measure="falls", files=[root / "data" / "fall.csv"], rollout=None, talk=None,
            say=said.append, notebook="10_data_qualty",
        )  # fmt: skip
