"""The notebook on data alone, in a real kernel: run as any study, and its page kept where it may lie."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from impl.release.files import read_release
from impl.report.check import page_problems
from notebooks.tiny_project import impl, ledger
from worlds import REPOSITORY

STUDY = "datakvalitet-tolv-sykehjem"


def project(root: Path) -> Path:
    """The demo study alone, with the notebooks."""
    for folder in ("notebooks", "data/synthetic/raw", "data/synthetic/quality"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    (root / "parameters").mkdir()
    shutil.copyfile(REPOSITORY / "parameters" / f"{STUDY}.yaml", root / "parameters" / f"{STUDY}.yaml")
    return root


def test_a_run_says_where_the_page_lies_and_publishes_nothing(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    done = impl(root, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    kept = re.search(
        rf"for audience own-unit, kept in (build/{STUDY}/[0-9a-f]{{12}}/bundle/{STUDY}.nb.html)", done.stdout
    )
    assert kept is not None, done.stdout
    page = root / kept.group(1)
    assert page_problems(page.read_text(encoding="utf-8")) == []
    assert "Dataene er ikke klare til bruk" in page.read_text(encoding="utf-8")
    files = {path.name for path in page.parent.iterdir()}
    assert files == {
        "release.json", "estimates.csv", "curves.csv", "data-dictionary.csv", "send-back.csv", f"{STUDY}.nb.html", f"{STUDY}.en.html",
    }  # fmt: skip
    release = read_release(page.parent / "release.json")
    assert (release.status, release.estimates, release.disclosure.audience) == ("ok", (), "own-unit")
    assert [path.name for path in (root / "reports").iterdir()] == ["index.html"]
    assert 'href="datakvalitet' not in (root / "reports" / "index.html").read_text(encoding="utf-8")
    assert ledger(root, STUDY)["attempt"]["state"] == "ok"


def test_papermill_alone_runs_it_without_a_sampler(tmp_path: Path) -> None:
    root = project(tmp_path / "project")
    notebook = json.loads((root / "notebooks" / "10_data_quality.ipynb").read_text(encoding="utf-8"))
    last = {**notebook["cells"][-1], "id": "loaded", "source": ["import sys\n", "'pymc' in sys.modules"]}
    notebook["cells"].append(last)
    (root / "notebooks" / "10_data_quality.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "notebooks/10_data_quality.ipynb", "out.ipynb", "--kernel", "python3",
         "-p", "study", f"parameters/{STUDY}.yaml", "-p", "out", "released"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    cells = json.loads((root / "out.ipynb").read_text(encoding="utf-8"))["cells"]
    assert "".join(cells[-1]["outputs"][0]["data"]["text/plain"]) == "False"
    section = read_release(root / "released" / "release.json").sections.quality
    assert section is not None
    assert section.state == "not_yet"
