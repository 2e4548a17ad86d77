"""The raw files of the demo studies, as a municipality would send them, give exactly the tables they were made of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from impl.data.read import read_panel
from impl.runs.new import new_study
from impl.study.load import read_study
from study_project import TODAY
from worlds import REPOSITORY

RAW = {
    "fall-solbakken": "falls",
    "legemiddelgjennomgang": "medication",
    "gode-pasientforlop": "pathways",
}
HIDDEN = """\
data:
  file: data/synthetic/raw/svk-skjulte-tall.xlsx
  site: Enhet
  name: Navn
  period: Måned
  step: month
  hidden: {at_least: 1, at_most: 4}
  measures:
    clabsi: {numerator: Infeksjoner, denominator: SVK-døgn}
"""


def project(root: Path) -> Path:
    for folder in ("parameters", "notebooks", "data"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    return root


def with_data(root: Path, study: str, block: str) -> Path:
    """A study whose block `data` is another."""
    file = root / "parameters" / f"{study}.yaml"
    head, rest = file.read_text(encoding="utf-8").split("data:", 1)
    file.write_text(f"{head}{block}rollout:{rest.split('rollout:', 1)[1]}", encoding="utf-8")
    return file


@pytest.mark.parametrize("study", RAW)
def test_raw_files_give_the_table_they_were_made_of(tmp_path: Path, study: str) -> None:
    root = project(tmp_path)
    raw = read_panel(read_study(root / "parameters" / f"{study}.yaml"), today=TODAY)
    plain = read_panel(
        read_study(with_data(root, study, f"data: {{file: data/synthetic/{RAW[study]}/panel.csv}}\n")),
        today=TODAY,
    )

    assert raw.cells.equals(plain.cells)
    assert (raw.sites, raw.periods, raw.names) == (plain.sites, plain.periods, plain.names)
    assert (raw.vintage, raw.warnings) == (plain.vintage, plain.warnings)


def test_hidden_counts_are_intervals_that_hold_the_truth(tmp_path: Path) -> None:
    root = project(tmp_path)
    file = root / "parameters" / "svk-helse-vest.yaml"
    text = file.read_text(encoding="utf-8").replace(", paired: [clabsi_population, central_line_use]", "")
    file.write_text(text, encoding="utf-8")
    plain = read_panel(read_study(file), today=TODAY).cells
    hidden = read_panel(read_study(with_data(root, "svk-helse-vest", HIDDEN)), today=TODAY).cells
    small = plain["numerator"].between(1, 4)

    assert small.any()
    assert (hidden["observed"] == ~small).all()
    assert hidden.loc[~small, "numerator"].equals(plain.loc[~small, "numerator"])
    assert (hidden.loc[small, ["at_least", "at_most"]] == [1, 4]).all(axis=None)
    assert hidden["denominator"].equals(plain["denominator"])


@pytest.mark.parametrize(
    ("study", "measure", "files"),
    [
        ("fall-solbakken", "falls", ["fall-solbakken.xlsx"]),
        ("legemiddelgjennomgang", "medication_review", ["legemiddelgjennomgang.csv"]),
    ],
)
def test_a_new_study_of_a_raw_file_reads_it_as_the_demo_does(
    tmp_path: Path, study: str, measure: str, files: list[str]
) -> None:
    root = project(tmp_path)
    demo = read_study(root / "parameters" / f"{study}.yaml")
    answers = {"marks": "not_reported"}
    made = new_study(
        root, "ny", measure=measure, files=[root / "data" / "synthetic" / "raw" / name for name in files],
        rollout=root / demo.rollout.file, talk=lambda question: answers[question.key], say=lambda _: None,
    )  # fmt: skip

    assert read_panel(read_study(made), today=TODAY).cells.equals(read_panel(demo, today=TODAY).cells)
