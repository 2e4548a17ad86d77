"""The command line: ids and paths everywhere, mistakes as text, bugs with their traceback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from impl.cli import app
from impl.errors import StudyError
from impl.runs.run import run_study
from impl.runs.status import list_status
from impl.study.study import Study
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


@pytest.mark.usefixtures("root")
def test_open_tells_to_run_first() -> None:
    error = call("open", "falls", "--print").exception
    assert isinstance(error, StudyError)
    assert str(error).endswith("Run it first: impl run falls")


@pytest.mark.parametrize("order", ["run", "check", "open", "render"])
@pytest.mark.parametrize("there", [True, False])
def test_a_path_outside_parameters_is_refused_by_every_command(root: Path, order: str, there: bool) -> None:
    (root / "reports" / "falls").mkdir(parents=True)
    (root / "reports" / "falls" / "release.json").write_text("{}")
    (root / "old").mkdir()
    if there:
        shutil.copy(root / "parameters" / "falls.yaml", root / "old")
    error = call(order, "old/falls.yaml").exception
    assert isinstance(error, StudyError)
    assert error.exit_code == 2
    (fault,) = error.faults
    assert (fault.code, fault.where, fault.got) == ("study.unknown_study", "STUDY", "'old/falls.yaml'")
    assert fault.fix == ("Copy it to parameters/. Known here: falls." if there else "Did you mean 'falls'?")
    assert not (root / "build").exists()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("seconds", ["0", "604801", "nan", "inf"])
def test_a_time_limit_is_a_second_to_a_week(seconds: str) -> None:
    done = call("run", "--timeout", seconds)
    assert done.exit_code == 2
    assert "--timeout" in done.output


def test_a_bug_with_one_study_does_not_hide_the_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import impl.data.read as data

    read_panel = data.read_panel
    add_study(root, "a-bug")

    def broken(study: Study) -> object:
        return read_panel(study) if study.id == "falls" else 1 / 0

    monkeypatch.setattr(data, "read_panel", broken)
    done = call("check")
    assert done.exit_code == 5
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "faults  a-bug  not read\n    a-bug.yaml: got an error of impl itself" in done.stdout
    assert "good    falls  1 sites, 4 periods" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_yml_file_beside_the_study_is_told_of_under_its_own_name(root: Path) -> None:
    shutil.copy(root / "parameters" / "falls.yaml", root / "parameters" / "falls.yml")
    done = call("check", "--json")
    good, wrong = json.loads(done.output)["studies"]
    assert (good["id"], good["faults"]) == ("falls", [])
    assert (wrong["id"], [fault["code"] for fault in wrong["faults"]]) == ("falls.yml", ["study.file_name"])
    outcome = run_study(root / "parameters" / "falls.yml", root=root)
    assert (outcome.study, outcome.state, outcome.exit_code) == ("falls.yml", "failed", 2)
    assert [row.study for row in list_status(root)] == ["falls", "falls.yml"]
    assert [row.state for row in list_status(root)] == ["never", "failed"]
    assert (outcome.reason or "").startswith("'falls.yml': got another ending")


def test_status_of_named_studies_alone(root: Path) -> None:
    add_study(root, "pressure-ulcers")
    every, one = impl(root, "status"), impl(root, "status", "falls")
    assert [line.split()[0] for line in every.stdout.splitlines()] == ["study", "falls", "pressure-ulcers"]
    assert [line.split()[:2] for line in one.stdout.splitlines()[1:]] == [["falls", "never"]]
    wrong = impl(root, "status", "fals", "pressure-ulcers", "nobody")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'fals'" in wrong.stderr
    assert "'nobody'" in wrong.stderr


def test_render_names_the_nearest_release(root: Path) -> None:
    (root / "reports" / "falls").mkdir(parents=True)
    (root / "reports" / "falls" / "release.json").write_text("{}")
    done = impl(root, "render", "fals")
    assert done.returncode == 2
    assert "Did you mean 'falls'?" in done.stderr
    wrong = impl(root, "render", "falls", "--language", "de")
    assert wrong.returncode == 2
    assert "got 'de', must be one of en, nb" in wrong.stderr


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


@pytest.mark.usefixtures("root")
def test_check_says_each_kind_of_warning_once_and_all_of_them_when_asked() -> None:
    from impl.runs import ready

    told = [("gaps", {"count": 3}), ("nested_area", {"place": "A"}), ("nested_area", {"place": "B"})]
    found = ready.Inspection(faults=(), warnings=tuple(told), sites=1, periods=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ready, "inspect_study", lambda _: found)
        short, long = call("check", "falls").output, call("check", "falls", "--all").output
        as_json = json.loads(call("check", "falls", "--json").output)
    assert short.splitlines()[1:] == ["    warning gaps", "    warning nested_area (2)"]
    assert long.splitlines()[1:] == [
        "    warning gaps: count 3",
        "    warning nested_area: place A",
        "    warning nested_area: place B",
    ]
    assert len(as_json["studies"][0]["warnings"]) == 3


@pytest.mark.usefixtures("root")
def test_status_can_be_watched_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def wait(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("impl.runs.commands.time.sleep", wait)
    done = call("status", "--watch")
    assert done.exit_code == 0, done.output
    assert "falls" in done.output
    assert "never" in done.output
    assert len(looks) == 3
