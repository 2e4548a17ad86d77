"""Before a kernel starts: what is wrong with languages, tables and design is told in a second, by run and check."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import impl.report.language
from impl.cli import app
from impl.errors import RunError
from impl.runs.job import executed_notebook, remove_other_runs, settle, working_name
from impl.runs.ledger import Attempt, Entry, Published, build_folder
from impl.runs.publish import full_report_there, require_writable
from impl.runs.ready import inspect_study, language_faults
from impl.runs.run import run_study
from impl.study.load import read_study
from notebooks.tiny_project import PANEL, ROLLOUT, add_study, ledger, make_project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ONE, TWO, THREE = "1" * 12, "2" * 12, "3" * 12


@pytest.mark.parametrize(
    ("panel", "rollout", "told"),
    [
        (PANEL.replace("falls,9,1200", "falls,-9,1200"), ROLLOUT, "panel.csv, row 2"),
        (PANEL, ROLLOUT.replace("2023-03-01", "never"), "falls.yaml, rollout: got no period"),
    ],
    ids=["table", "design"],
)
def test_bad_inputs_end_the_run_before_any_kernel(
    tmp_path: Path, panel: str, rollout: str, told: str
) -> None:
    root = make_project(tmp_path / "project")
    (root / "data" / "panel.csv").write_text(panel)
    (root / "data" / "rollout.csv").write_text(rollout)
    outcome = run_study(add_study(root, "falls"), root=root)
    assert (outcome.state, outcome.exit_code) == ("failed", 2)
    assert told in (outcome.reason or "")
    assert_no_kernel(root)


def test_a_language_without_a_file_ends_run_and_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls", languages="en, nn")
    monkeypatch.setattr(impl.report.language, "language_codes", lambda: ("en", "nb"))  # whatever is there now
    monkeypatch.chdir(root)
    told = "falls.yaml, key 'languages': got 'nn', must be one of en, nb."
    outcome = run_study(path, root=root)
    assert (outcome.state, outcome.exit_code) == ("failed", 2)
    assert (outcome.reason or "").startswith(told)
    assert_no_kernel(root)
    checked = CliRunner().invoke(app, ["check"])
    assert checked.exit_code == 2
    assert told in checked.output


@pytest.mark.parametrize("role", ["paired", "negative_controls"])
def test_the_design_of_every_declared_measure_is_inspected(tmp_path: Path, role: str) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls")
    declared = path.read_text().replace("{primary: falls}", f"{{primary: falls, {role}: [pressure_ulcers]}}")
    path.write_text(declared)
    after_start = "1,2023-04-01,2023-04-30,pressure_ulcers,5,1150\n"
    (root / "data" / "panel.csv").write_text(PANEL + after_start)
    (fault,) = inspect_study(read_study(path)).faults
    assert fault.code == "design.no_baseline"
    assert "pressure_ulcers" in fault.got


def test_the_languages_are_the_files_in_report() -> None:
    files = Path(impl.report.language.__file__).parent.glob("*.toml")
    (fault,) = language_faults(["nb", "en", "de"], "--language")
    assert fault.allowed == f"one of {', '.join(sorted(file.stem for file in files))}"


def test_a_writable_place_is_left_as_it_was(tmp_path: Path) -> None:
    require_writable(tmp_path, "falls")
    assert list((tmp_path / "reports").iterdir()) == []
    (tmp_path / "reports" / "falls").write_text("in the way")
    with pytest.raises(RunError, match="reports/falls/: got 'File exists'"):
        require_writable(tmp_path, "falls")


@pytest.mark.parametrize(("text", "full"), [(None, False), ("{", True)])
def test_what_cannot_be_read_is_not_taken_for_a_trial(tmp_path: Path, text: str | None, full: bool) -> None:
    folder = tmp_path / "reports" / "falls"
    folder.mkdir(parents=True)
    if text is not None:
        (folder / "release.json").write_text(text)
    assert full_report_there(tmp_path, "falls") is full


def test_run_folders_do_not_pile_up_and_other_folders_stay(tmp_path: Path) -> None:
    folder = build_folder(tmp_path, "falls")
    names = [ONE, TWO, THREE, f"{ONE}.new", f"{TWO}.new", "interactive", "render"]
    for name in names:
        (folder / name).mkdir()
    remove_other_runs(tmp_path, entry(published=ONE, attempt=TWO))
    assert {path.name for path in folder.iterdir()} == {ONE, TWO, "interactive", "render"}


def test_a_run_made_again_works_beside_the_published_one_until_it_is_good(tmp_path: Path) -> None:
    folder = build_folder(tmp_path, "falls")
    assert working_name(None, ONE) == ONE
    assert working_name(entry(published=ONE, attempt=ONE), TWO) == TWO
    assert working_name(entry(published=ONE, attempt=ONE), ONE) == f"{ONE}.new"
    for name in (ONE, f"{ONE}.new"):
        (folder / name).mkdir()
        (folder / name / "20_good.ipynb").write_text(name)
    shown = executed_notebook(tmp_path, entry(published=ONE, attempt=ONE, state="failed"))
    assert shown == folder / f"{ONE}.new" / "20_good.ipynb"
    assert executed_notebook(tmp_path, entry(published=ONE, attempt=ONE)) == folder / ONE / "20_good.ipynb"
    settle(tmp_path, "falls", f"{ONE}.new", ONE)
    assert [path.name for path in folder.iterdir()] == [ONE]
    assert (folder / ONE / "20_good.ipynb").read_text() == f"{ONE}.new"


def assert_no_kernel(root: Path) -> None:
    run = ledger(root, "falls")["attempt"]["run_id"]
    folder = root / "build" / "falls" / run
    assert [file.name for file in folder.iterdir()] == ["log.txt"]
    assert (folder / "log.txt").read_text().startswith("== failed")
    assert not (root / "reports").exists() or not list((root / "reports").iterdir())


def entry(*, published: str, attempt: str, state: str = "ok") -> Entry:
    tried = Attempt(state=state, profile="full", run_id=attempt, run_key=json.dumps(attempt), started=NOW)
    good = Published(
        run_id=published,
        run_key="k",
        page_key="p",
        profile="full",
        status="ok",
        notebook=f"build/falls/{published}/20_good.ipynb",
        finished=NOW,
        files={"release.json": "0" * 64},
    )
    return Entry(study="falls", attempt=tried, published=good)
