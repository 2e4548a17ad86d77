"""Many studies: up to date in no time, all at once without mixing them up, every one in the index."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from example_release import staggered
from impl.release.files import write_release
from impl.runs.batch import exit_code_of
from impl.runs.ledger import read_entry, write_entry
from impl.runs.outcome import Outcome
from impl.runs.run import render_study, run_study
from impl.runs.status import list_status
from notebooks.tiny_project import (
    add_study,
    add_troubled_study,
    environment,
    impl,
    ledger,
    make_project,
    published,
)

HEAVY = ("papermill", "nbformat", "nbconvert", "pymc", "arviz", "pandas", "numpy", "matplotlib")


def imported_by(root: Path, *arguments: str) -> tuple[set[str], int]:
    """The heavy packages that the command imports, as the interpreter itself tells, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "impl.cli", *arguments],
        cwd=root,
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    names = set(re.findall(r"^import time:.*\|\s+([a-z_0-9]+)$", done.stderr, re.MULTILINE))
    assert "typer" in names, "the interpreter told nothing"
    return names & set(HEAVY), done.returncode


BUNDLE = [
    "curves.csv",
    "data-dictionary.csv",
    "estimates.csv",
    "falls.nb.html",
    "falls.summary.nb.html",
    "release.json",
]


def test_the_life_of_a_report(tmp_path: Path) -> None:
    """Run, unchanged, broken and mended, forced, damaged, made with another notebook, on other data, on trial."""
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls")
    first = run_study(path, root=root)
    assert (first.state, first.exit_code, first.reason) == ("ok", 0, None)
    good = published(root, "falls")
    assert sorted(good) == BUNDLE

    # What has not changed is not run, and nothing heavy is imported.
    begun = time.monotonic()
    assert imported_by(root, "run") == (set(), 0)
    assert time.monotonic() - begun < 10, "seconds at most, on a busy machine too"
    assert run_study(path, root=root).state == "unchanged"

    # Broken, the study fails and its report stays; put back, it is up to date without running.
    text = path.read_text()
    path.write_text(text.replace("bundle: falls", "bundle: fals"))
    assert run_study(path, root=root).exit_code == 2
    assert ledger(root, "falls")["attempt"]["state"] == "failed"
    path.write_text(text)
    assert run_study(path, root=root).state == "unchanged"
    assert ledger(root, "falls")["attempt"]["state"] == "ok"
    assert published(root, "falls") == good

    # Made again by force where reports/ cannot be written: told before any kernel starts, nothing is lost.
    notebook = root / ledger(root, "falls")["published"]["notebook"]
    executed = notebook.read_bytes()
    folder, aside = root / "reports" / "falls", root / "aside"
    folder.rename(aside)
    folder.write_text("in the way")
    refused = run_study(path, root=root, force=True)
    assert (refused.state, refused.exit_code) == ("failed", 5)
    assert (refused.reason or "").startswith("reports/falls/: got 'File exists'")
    beside = notebook.parent.with_name(f"{notebook.parent.name}.new")
    assert [file.name for file in beside.iterdir()] == ["log.txt"], "no notebook was executed"
    assert notebook.read_bytes() == executed
    folder.unlink()
    aside.rename(folder)

    # Made again by force it takes the place of the first.
    assert run_study(path, root=root, force=True).state == "ok"
    assert not beside.exists()
    assert notebook.read_bytes() != executed
    good = published(root, "falls")

    # What a crash between two renames would leave is healed without sampling, to the same bytes.
    (root / "reports" / "falls" / "falls.nb.html").write_text("<p>the page before</p>")
    (root / "reports" / "falls" / ".curves.csv.part").write_text("half a tab")
    assert run_study(path, root=root).state == "rendered"
    assert published(root, "falls") == good

    # Another report notebook makes the pages anew without sampling.
    report = root / "notebooks" / "80_report.ipynb"
    report.write_text(report.read_text().replace("import impl", "import impl  # one more remark"))
    assert run_study(path, root=root).state == "rendered"
    assert run_study(path, root=root).state == "unchanged"

    # Other data make another run, and the old Release becomes history.
    run = json.loads(good["release.json"])["run"]["id"]
    panel = root / "data" / "panel.csv"
    panel.write_text(panel.read_text().replace("falls,5,1150", "falls,4,1150"))
    assert [row.state for row in list_status(root)] == ["stale"]
    assert run_study(path, root=root).state == "ok"
    assert [row.state for row in list_status(root)] == ["ok"]
    now = published(root, "falls")
    assert json.loads(now["release.json"])["run"]["id"] != run
    assert sorted(set(now) - set(good)) == [f"history/{run}.json"]
    assert now[f"history/{run}.json"] == good["release.json"]

    # Of the runs, the published one is kept.
    kept = ledger(root, "falls")["published"]["run_id"]
    assert {file.name for file in (root / "build" / "falls").iterdir()} == {"lock", "render", kept}

    # A smoke run does not take the full report's place, and says nothing about it.
    trial = run_study(path, root=root, profile="smoke")
    run = ledger(root, "falls")["attempt"]["run_id"]
    assert (trial.state, trial.exit_code) == ("ok", 0)
    assert (trial.reason or "").startswith(f"smoke run, kept in build/falls/{run}/bundle/;")
    assert published(root, "falls") == now
    assert sorted(file.name for file in (root / "build" / "falls" / run / "bundle").iterdir()) == BUNDLE
    assert {file.name for file in (root / "build" / "falls").iterdir()} == {"lock", "render", kept, run}
    kept_in = "smoke run, kept in"
    for state, told in (("not_converged", kept_in), ("failed", f"smoke run: {kept_in}"), ("ok", kept_in)):
        entry = read_entry(root, "falls")
        assert entry is not None
        write_entry(
            root, entry.model_copy(update={"attempt": entry.attempt.model_copy(update={"state": state})})
        )
        (row,) = list_status(root)
        assert (row.state, row.run_id) == ("ok", kept)
        assert (row.reason or "").startswith(told)
    assert run_study(path, root=root).state == "unchanged"
    assert ledger(root, "falls")["attempt"]["run_id"] == kept


def test_help_schema_and_status_import_nothing_heavy(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    add_study(root, "falls")
    for arguments in (["--help"], ["schema"], ["status"]):
        assert imported_by(root, *arguments) == (set(), 0), arguments


def test_check_imports_no_sampler_and_no_notebook_tools(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    add_study(root, "falls")
    found, code = imported_by(root, "check", "--json")
    assert code == 0
    assert found <= {"pandas", "numpy"}


def test_a_result_that_did_not_converge_is_published_and_exits_3(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project", converged=False)
    first = run_study(add_study(root, "falls"), root=root)
    assert (first.state, first.exit_code) == ("not_converged", 3)
    assert ledger(root, "falls")["published"]["status"] == "not_converged"
    assert "falls.nb.html" in published(root, "falls")
    again = impl(root, "run", "parameters/falls.yaml")
    assert again.returncode == 3, again.stdout + again.stderr
    assert "unchanged" in again.stdout


def test_a_report_for_a_network_stays_out_of_the_public_place(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_troubled_study(root, "falls", 'raw["disclosure"]["audience"] = "network"')

    # The study says public, its Release does not: nothing is published.
    refused = run_study(path, root=root)
    assert (refused.state, refused.exit_code) == ("failed", 4)
    assert "reports/falls/: got a Release for audience network" in (refused.reason or "")
    assert not (root / "reports" / "falls").exists() or published(root, "falls") == {}

    # Declared as what it is, it is made and kept where the data are.
    path.write_text(path.read_text() + "audience: network\n")
    done = run_study(path, root=root)
    run = ledger(root, "falls")["attempt"]["run_id"]
    assert (done.state, done.exit_code) == ("ok", 0)
    assert (done.reason or "").startswith(
        f"for audience network, kept in build/falls/{run}/bundle/falls.nb.html;"
    )
    assert (root / "build" / "falls" / run / "bundle" / "falls.nb.html").is_file()
    assert not (root / "reports" / "falls").exists() or published(root, "falls") == {}


@pytest.mark.parametrize("count", [6, pytest.param(24, marks=pytest.mark.slow)])
def test_reports_rendered_at_once_each_name_their_own_study(tmp_path: Path, count: int) -> None:
    root = make_project(tmp_path / "project")
    studies = [f"kommune-{number:02d}" for number in range(1, count + 1)]
    for study in studies:
        release = staggered(study_id=study)
        title = {"nb": f"Fallpakken i {study}", "en": f"The falls bundle in {study}"}
        question = {"nb": f"Gikk fallene ned i {study}?", "en": f"Did falls go down in {study}?"}
        own = release.study.model_copy(update={"title": title, "question": question})
        write_release(release.model_copy(update={"study": own}), root / "reports" / study)
    done = impl(root, "render", *studies, "--language", "nb", "--jobs", str(count))
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {study: (root / "reports" / study / f"{study}.nb.html").read_text("utf-8") for study in studies}
    for study, page in pages.items():
        assert f"Fallpakken i {study}" in page
        assert set(re.findall(r"kommune-\d\d", page)) == {study}

    before = pages[studies[0]]
    assert render_study(root, studies[0], ["nb"]).state == "rendered"
    again = (root / "reports" / studies[0] / f"{studies[0]}.nb.html").read_text("utf-8")
    assert again == before, "the same Release gives the same bytes"


def outcome(code: int) -> Outcome:
    return Outcome(study="x", state="ok" if code in (0, 3) else "failed", seconds=0.0, exit_code=code)


@pytest.mark.parametrize(
    ("codes", "signal", "expected"),
    [
        ([], None, 0),
        ([0, 0], None, 0),
        ([0, 3], None, 3),
        ([3, 2], None, 2),
        ([2, 4, 3], None, 4),
        ([2, 5, 4], None, 5),
        ([5], 2, 130),
        ([], 15, 143),
    ],
)
def test_the_gravest_outcome_gives_the_exit_code(codes: list[int], signal: int | None, expected: int) -> None:
    assert exit_code_of([outcome(code) for code in codes], signal) == expected
