"""The notebooks themselves: thin, stripped, readable, and the same in papermill's hands as in a reader's."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from impl.release.files import read_release
from impl.report.show import show_report
from worlds import REPOSITORY

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))
LESSONS = [path for path in NOTEBOOKS if "_lesson_" in path.name]
ANALYSES = [path for path in NOTEBOOKS if path.name < "80" and path not in LESSONS]
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@by_name
def test_a_notebook_is_stripped_and_thin(path: Path) -> None:
    content = json.loads(path.read_text())
    cells = content["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    assert all(cell["execution_count"] is None and cell["outputs"] == [] for cell in code)
    assert cells[0]["cell_type"] == "markdown"
    assert cells[0]["source"][0].startswith("# ")
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in cells) == 1
    assert "parameters" in cells[1]["metadata"]["tags"]
    assert len(cells) <= 20
    forbidden = {"raises-exception", "skip-execution"}
    assert not any(forbidden & set(cell["metadata"].get("tags", [])) for cell in cells)


def table_of(html: str) -> pd.DataFrame:
    """The one table of an output, all numbers, its first column the index."""
    (table,) = BeautifulSoup(html, "html.parser").find_all("table")
    rows = [
        [cell.get_text(strip=True) for cell in row.find_all(["th", "td"])] for row in table.find_all("tr")
    ]
    body = {row[0]: [pd.to_numeric(cell, errors="coerce") for cell in row[1:]] for row in rows[1:]}
    return pd.DataFrame.from_dict(body, orient="index", columns=rows[0][1:])


@by_name
def test_a_notebook_holds_calls_and_no_program(path: Path) -> None:
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        programs = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Lambda, ast.If, ast.Try)
        assert not any(isinstance(node, programs) for node in ast.walk(tree)), cell["id"]
        assert len(cell["source"]) <= 6, cell["id"]


@pytest.mark.parametrize("path", ANALYSES, ids=lambda path: path.stem)
def test_only_four_words_cross_the_border(path: Path) -> None:
    cell = json.loads(path.read_text())["cells"][1]
    names = [node.target.id for node in ast.parse("".join(cell["source"])).body]
    assert names == ["study", "unit", "profile", "out"]


def test_papermill_alone_runs_a_notebook_and_the_truth_is_in_the_interval(tmp_path: Path) -> None:
    """As documented: papermill, a study, nothing else of ours. The smoke profile, so no verdict."""
    for folder in ("notebooks", "parameters", "data"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "notebooks/30_stepped_wedge.ipynb", "out.ipynb", "--kernel", "python3",
         "-p", "study", "parameters/legemiddelgjennomgang.yaml", "-p", "profile", "smoke", "-p", "out", "released"],
        cwd=tmp_path, env=os.environ | {"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    release = read_release(tmp_path / "released" / "release.json")
    assert (release.run.profile, release.verdict) == ("smoke", None)
    truth = json.loads((tmp_path / "data" / "synthetic" / "truth.json").read_text())["medication"]
    effect = release.estimate("medication_review", "tate", "link")
    assert effect is not None
    assert (release.design.window_from, release.design.window_to) == tuple(truth["window"])
    assert effect.lower < truth["link"] < effect.upper
    first = show_report(release, "nb").blocks[0].html
    assert "Prøvekjøring, ikke et resultat" in first


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_lesson_shows_the_sign_flip_in_five_cells(tmp_path: Path) -> None:
    """The default's interval holds the truth; the constant effect is surely on the wrong side of zero."""
    (lesson,) = LESSONS
    code = [cell for cell in json.loads(lesson.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(code) == 5
    for folder in ("notebooks", "parameters", "data"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    done = subprocess.run(
        [sys.executable, "-m", "papermill", f"notebooks/{lesson.name}", "out.ipynb", "--kernel", "python3"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    cells = {cell["id"]: cell for cell in json.loads((tmp_path / "out.ipynb").read_text())["cells"]}
    html = "".join(cells["refits"]["outputs"][0]["data"]["text/html"])
    table = table_of(html)
    assert table.loc["main", "lower"] < table.loc["main", "truth"] < table.loc["main", "upper"] < 0
    assert table.loc["shape it", "lower"] > 0, "the sign did not turn"
