"""Identity of a run: it changes with everything that can change the numbers, and with nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from impl.errors import RunError, StudyError
from impl.runs.steps import page_key
from impl.study import identity
from impl.study.identity import code_sha256, git_commit, identify, report_sha256
from impl.study.load import read_study
from study_project import PANEL_HEADER, STUDY, make_project, panel_rows


def run_key(file: Path, profile: str = "full") -> str:
    return identify(read_study(file), profile=profile).run_key


def test_spelling_and_order_do_not_change_the_plan(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    first = identify(read_study(file), profile="full")
    lines = STUDY.splitlines()
    file.write_text(
        "\n".join([*reversed(lines), "seed: 20260101", "# the default, written out"]), encoding="utf-8"
    )

    assert identify(read_study(file), profile="full") == first


def test_everything_that_can_change_the_numbers_changes_the_key(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    keys = [run_key(file), run_key(file, "smoke")]
    file.write_text(STUDY + "seed: 1\n", encoding="utf-8")
    keys.append(run_key(file))
    rows = panel_rows()
    (tmp_path / "data" / "panel.csv").write_text("\n".join([PANEL_HEADER, *rows[:-1]]), encoding="utf-8")
    keys.append(run_key(file))
    notebook = tmp_path / "notebooks" / "30_stepped_wedge.ipynb"
    cell = {"cell_type": "code", "source": ["1"], "metadata": {}, "outputs": [], "execution_count": None}
    notebook.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    keys.append(run_key(file))
    (tmp_path / "requirements.lock").write_text("numpy==2\n", encoding="utf-8")
    keys.append(run_key(file))
    shipped = Path(__file__).parents[3] / "src/impl/study/measures/falls.toml"
    own = tmp_path / "parameters" / "measures"
    own.mkdir()
    (own / "falls.toml").write_text(
        shipped.read_text(encoding="utf-8").replace("aspect", "replaces_shipped = true\naspect"),
        encoding="utf-8",
    )
    keys.append(run_key(file))

    assert len(set(keys)) == len(keys)


def test_every_table_and_catalogue_entry_that_is_named_changes_the_key(tmp_path: Path) -> None:
    study = STUDY.replace("{primary: falls}", "{primary: falls, negative_controls: [pressure_ulcers]}") + (
        "other_bundles: [medication]\ncovariates: {file: data/covariates.csv, use: [price]}\n"
    )
    file = make_project(tmp_path, study=study)
    table = tmp_path / "data" / "covariates.csv"
    table.write_text("site,period_start,name,value\n", encoding="utf-8")
    keys = [run_key(file)]
    table.write_text("site,period_start,name,value\n*,2021-01-01,price,1\n", encoding="utf-8")
    keys.append(run_key(file))
    for folder, name in (("measures", "pressure_ulcers"), ("bundles", "medication")):
        shipped = Path(__file__).parents[3] / "src/impl/study" / folder / f"{name}.toml"
        own = tmp_path / "parameters" / folder
        own.mkdir()
        text = shipped.read_text(encoding="utf-8").replace(
            'source = "', 'replaces_shipped = true\nsource = "'
        )
        (own / f"{name}.toml").write_text(text, encoding="utf-8")
        keys.append(run_key(file))
    file.write_text(study + "interruptions: [{id: pandemic, start: 2021-03-12}]\n", encoding="utf-8")
    keys.append(run_key(file))

    assert len(set(keys)) == len(keys)


def test_the_tables_of_the_coordinator_change_the_key(tmp_path: Path) -> None:
    keys = ("fidelity", "strategies", "cycles", "phases", "fit_form", "support")
    file = make_project(tmp_path, study=STUDY + "".join(f"{key}: {{file: data/{key}.csv}}\n" for key in keys))
    with pytest.raises(StudyError) as caught:
        run_key(file)
    assert [fault.where for fault in caught.value.faults] == [f"data/{key}.csv" for key in sorted(keys)]

    for key in keys:
        (tmp_path / "data" / f"{key}.csv").write_text("site\n", encoding="utf-8")
    found = [run_key(file)]
    for key in keys:
        (tmp_path / "data" / f"{key}.csv").write_text("site,note\n", encoding="utf-8")
        found.append(run_key(file))
    assert len(set(found)) == len(found)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package that may be changed, and is what identity looks at."""
    copy = tmp_path / "impl"
    shutil.copytree(identity._PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(identity, "_PACKAGE", copy)
    forget()
    yield copy
    forget()


def forget() -> None:
    """A process takes its own code as it was when it first looked."""
    code_sha256.cache_clear()
    report_sha256.cache_clear()


@pytest.mark.parametrize(
    ("changed", "run", "page"),
    [
        ("report/nb.toml", False, True),
        ("report/template/report.css", False, True),
        ("report/template/report/conf.json", False, True),
        ("report/sentences.py", False, True),
        ("runs/batch.py", False, False),
        ("cli.py", False, False),
        ("model/estimands.py", True, False),
        ("study/measures/falls.toml", True, False),
        ("release/files.py", True, False),
    ],
)
def test_what_makes_pages_does_not_make_a_run(
    tmp_path: Path, package: Path, changed: str, run: bool, page: bool
) -> None:
    """A changed text or style makes pages anew from the Release, and samples nothing."""
    file = make_project(tmp_path / "project")
    root = tmp_path / "project"
    (root / "notebooks" / "80_report.ipynb").write_text('{"cells": [], "nbformat": 4}')
    before = run_key(file), page_key(root, ["nb"])
    with (package / changed).open("a", encoding="utf-8") as opened:
        opened.write("\n")
    forget()
    assert (run_key(file) != before[0], page_key(root, ["nb"]) != before[1]) == (run, page)


def test_outputs_and_cell_ids_of_a_notebook_do_not(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    notebook = tmp_path / "notebooks" / "30_stepped_wedge.ipynb"
    cell = {"cell_type": "code", "source": ["a\n", "b"], "metadata": {"tags": ["parameters"]}, "outputs": []}
    notebook.write_text(json.dumps({"cells": [cell]}), encoding="utf-8")
    first = run_key(file)
    executed = cell | {"id": "abc", "execution_count": 3, "outputs": [{"text": "1"}], "source": "a\nb"}
    notebook.write_text(json.dumps({"cells": [executed], "metadata": {"papermill": {}}}), encoding="utf-8")
    assert run_key(file) == first

    retagged = cell | {"metadata": {"tags": []}}
    notebook.write_text(json.dumps({"cells": [retagged]}), encoding="utf-8")
    assert run_key(file) != first


def test_the_public_id_cannot_be_had_without_the_secret(tmp_path: Path) -> None:
    """Same study, data and code in two projects: same key, other id."""
    one = identify(read_study(make_project(tmp_path / "one")), profile="full")
    two = identify(read_study(make_project(tmp_path / "two")), profile="full")

    assert one.run_key == two.run_key
    assert one.run_id != two.run_id
    assert len(one.run_id) == 12
    assert one.run_id not in one.run_key


@pytest.mark.skipif(os.name != "posix", reason="file modes of POSIX")
def test_the_secret_is_private_and_made_once(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    (tmp_path / "build").mkdir(mode=0o755)
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: identify(read_study(file), profile="full").run_id, range(16)))

    assert len(ids) == 1
    assert (tmp_path / "build" / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "build").stat().st_mode & 0o777 == 0o700
    assert [item.name for item in (tmp_path / "build").iterdir()] == ["secret"]


def test_a_damaged_secret_is_told(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "secret").write_bytes(b"short")

    with pytest.raises(RunError, match="build/secret: got 5 bytes"):
        identify(read_study(file), profile="full")


def test_missing_data_and_a_broken_notebook_are_told_at_once(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    (tmp_path / "data" / "panel.csv").unlink()
    (tmp_path / "data" / "rollout.csv").unlink()
    (tmp_path / "notebooks" / "30_stepped_wedge.ipynb").write_text("[]", encoding="utf-8")

    with pytest.raises(StudyError) as caught:
        identify(read_study(file), profile="full")
    assert [fault.code for fault in caught.value.faults] == [
        "study.data_file",
        "study.data_file",
        "study.notebook",
    ]


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("place", ["loose", "packed", "detached", "worktree", "unborn", "garbage", "none"])
def test_the_commit_is_read_from_gits_own_files(tmp_path: Path, place: str) -> None:
    root = tmp_path / "repository"
    git = root / ".git"
    project = root / "project"
    project.mkdir(parents=True)
    if place != "none":
        (git / "refs" / "heads").mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    if place == "loose":
        (git / "refs" / "heads" / "main").write_text(COMMIT + "\n", encoding="utf-8")
    elif place == "packed":
        (git / "packed-refs").write_text(
            f"# pack-refs with: peeled\n{COMMIT} refs/heads/main\n", encoding="utf-8"
        )
    elif place == "detached":
        (git / "HEAD").write_text(COMMIT + "\n", encoding="utf-8")
    elif place == "worktree":
        inner = git / "worktrees" / "w"
        inner.mkdir(parents=True)
        (inner / "HEAD").write_text("ref: refs/heads/other\n", encoding="utf-8")
        (inner / "commondir").write_text("../..\n", encoding="utf-8")
        (git / "refs" / "heads" / "other").write_text(COMMIT + "\n", encoding="utf-8")
        project = tmp_path / "w"
        project.mkdir()
        (project / ".git").write_text(f"gitdir: {inner}\n", encoding="utf-8")
    elif place == "garbage":
        (git / "HEAD").write_bytes(b"\xff\xfe")

    assert git_commit(project) == (None if place in ("unborn", "garbage", "none") else COMMIT)


def test_reading_a_study_loads_no_heavy_package() -> None:
    script = (
        "import sys, impl.study.load, impl.study.identity, impl.study.schema\n"
        "heavy = {'numpy', 'pandas', 'matplotlib', 'nbformat', 'pymc', 'jinja2'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_an_input_changed_in_place_with_its_time_set_back_is_another_run(tmp_path: Path) -> None:
    study = read_study(make_project(tmp_path))
    before = identify(study, profile="full").run_key
    file = tmp_path / study.data.file
    status, content = file.stat(), file.read_bytes()
    with file.open("r+b") as opened:
        opened.write(content[:-2] + (b"7" if content[-2:-1] != b"7" else b"8") + content[-1:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    assert identify(study, profile="full").run_key != before


def test_the_code_is_hashed_when_it_is_loaded_and_not_when_a_run_asks() -> None:
    """By then the files may be of a newer version than what runs."""
    asked = "import impl.study.identity as i; print(i.code_sha256.cache_info().currsize, i.report_sha256.cache_info().currsize)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1"]
