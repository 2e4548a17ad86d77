"""The command line: ids and paths everywhere, mistakes as text, bugs with their traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from impl.cli import app
from notebooks.tiny_project import PANEL, add_study, impl, make_project


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = make_project(tmp_path / "project")
    add_study(root, "falls")
    monkeypatch.chdir(root)
    return root


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_mistake_ends_with_its_text_and_without_a_traceback(root: Path) -> None:
    done = impl(root, "run", "fals", "parameters/nothing.yaml")
    assert done.returncode == 2
    assert "got 'fals', must be the id or the path of a study. Did you mean 'falls'?" in done.stderr
    assert "nothing.yaml" in done.stderr, "all mistakes at once"
    assert "Traceback" not in done.stderr


def test_outside_a_project_it_says_so(tmp_path: Path) -> None:
    done = impl(tmp_path, "status")
    assert done.returncode == 2
    assert "parameters" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["falls", "parameters/falls.yaml"])
def test_check_reads_without_running(root: Path, name: str) -> None:
    done = call("check", name)
    assert done.exit_code == 0, done.output
    assert "good    falls  1 sites, 4 periods" in done.output
    assert not (root / "build").exists()


def test_check_lists_faults_of_one_study_and_sizes_of_another_as_json(root: Path) -> None:
    add_study(root, "other")
    (root / "data" / "bad.csv").write_text(PANEL.replace("falls,9,1200", "falls,-9,1200"))
    path = root / "parameters" / "other.yaml"
    path.write_text(path.read_text().replace("data/panel.csv", "data/bad.csv"))
    done = call("check", "--json")
    assert done.exit_code == 2
    told = json.loads(done.output)
    good, bad = told["studies"]
    assert told["schema"] == 1
    assert (good["id"], good["faults"], good["sites"], good["periods"]) == ("falls", [], 1, 4)
    assert all(set(warning) == {"code", "values"} for warning in good["warnings"])
    assert bad["sites"] is None
    assert set(bad["faults"][0]) == {"code", "where", "got", "allowed", "fix"}
    assert "row 2" in bad["faults"][0]["where"]


@pytest.mark.usefixtures("root")
def test_schema_prints_json_schemas() -> None:
    study, release = (json.loads(call("schema", *option).output) for option in ([], ["--release"]))
    assert study["properties"]["measures"]
    assert release["properties"]["estimates"]
    assert study != release


@pytest.mark.usefixtures("root")
def test_status_lists_what_was_never_run() -> None:
    done = call("status")
    assert done.exit_code == 0
    assert "falls" in done.output
    assert "never" in done.output


def test_open_tells_to_run_first(root: Path) -> None:
    done = impl(root, "open", "falls", "--print")
    assert done.returncode == 5
    assert "`impl run falls`" in done.stderr


def test_render_names_the_nearest_release(root: Path) -> None:
    (root / "reports" / "falls").mkdir(parents=True)
    (root / "reports" / "falls" / "release.json").write_text("{}")
    done = impl(root, "render", "fals")
    assert done.returncode == 2
    assert "Did you mean 'falls'?" in done.stderr
    wrong = impl(root, "render", "falls", "--language", "de")
    assert wrong.returncode == 2
    assert "got 'de', must be nb, nn or en" in wrong.stderr


def test_a_bug_of_ours_shows_its_traceback(root: Path) -> None:
    code = (
        "import sys, impl.study.load as load; from impl.cli import main\n"
        "load.find_root = None\n"  # something of ours is broken
        "sys.argv = ['impl', 'status']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "TypeError: 'NoneType' object is not callable" in done.stderr
