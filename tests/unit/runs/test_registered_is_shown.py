"""N registered = N in the index, by id, whatever somebody does to hide a study."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from example_release import HOSTILE
from impl.cli import main
from impl.errors import StudyError
from impl.register.register import read_register
from impl.register.write import withdraw_study
from impl.report.check import page_problems
from impl.runs.ledger import Attempt, Entry, write_entry
from impl.runs.registering import list_register, register_plans, withdraw
from impl.runs.status import index_holds, write_index
from impl.study.paths import REGISTER_FILE
from register_project import LATER, publish, register, release_of, study_text, write_study

NAMES = ("harmful", "planned", "units")


def project(root: Path) -> None:
    """Three registered studies: one with a published harmful result, one not run yet, one by unit."""
    files = [write_study(root, name) for name in NAMES[:2]]
    files.append(write_study(root, "units", extra="units: {column: site}\n"))
    line, *_ = register(root, *files)
    release = release_of("harmful", line)
    verdict = release.verdict
    assert verdict is not None
    publish(root, release.model_copy(update={"verdict": verdict.model_copy(update={"outcome": "harmful"})}))


def shown(root: Path) -> set[str]:
    page = write_index(root).read_text(encoding="utf-8")
    assert page_problems(page) == []
    return set(re.findall(r'<li id="study-([^"]+)">', page))


def nothing(_: Path) -> None: ...


def no_study_files(root: Path) -> None:
    for file in (root / "parameters").glob("*.yaml"):
        file.unlink()


def no_reports(root: Path) -> None:
    shutil.rmtree(root / "reports")


def nothing_but_the_register(root: Path) -> None:
    no_study_files(root)
    no_reports(root)
    shutil.rmtree(root / "data")


def for_own_unit(root: Path) -> None:
    for name in NAMES[:2]:
        write_study(root, name, extra="audience: own-unit\n")


def about_data_alone(root: Path) -> None:
    (root / "notebooks" / "10_data_quality.ipynb").write_text('{"cells": []}', encoding="utf-8")
    for name in NAMES[:2]:
        text = study_text(name, "audience: own-unit\n").replace("30_stepped_wedge", "10_data_quality")
        (root / "parameters" / f"{name}.yaml").write_text(text, encoding="utf-8")


def renamed(root: Path) -> None:
    (root / "parameters" / "harmful.yaml").unlink()
    write_study(root, "another")


def unreadable(root: Path) -> None:
    (root / "parameters" / "harmful.yaml").write_text("schema: [", encoding="utf-8")
    (root / "reports" / "harmful" / "release.json").write_text("{}", encoding="utf-8")


def kept_aside(root: Path) -> None:
    """Run in full, not published: the ledger knows."""
    attempt = Attempt(
        state="ok", profile="full", run_id="a1", run_key="k", started=datetime(2022, 1, 1, tzinfo=UTC)
    )
    write_entry(root, Entry(study="harmful", attempt=attempt))
    no_reports(root)


def registered_anew(root: Path) -> None:
    register(root, write_study(root, "harmful", extra="decision: {harm: 0.5}\n"), at=LATER)


def taken_back(root: Path) -> None:
    for name in NAMES:
        withdraw_study(root, name, reason=HOSTILE[0], at=LATER)


ATTEMPTS: tuple[Callable[[Path], None], ...] = (
    nothing, no_study_files, no_reports, nothing_but_the_register, for_own_unit, about_data_alone, renamed, unreadable,
    kept_aside, registered_anew, taken_back,
)  # fmt: skip


@pytest.mark.parametrize("hide", ATTEMPTS, ids=lambda hide: hide.__name__)
def test_a_registered_study_cannot_be_left_out(tmp_path: Path, hide: Callable[[Path], None]) -> None:
    project(tmp_path)
    hide(tmp_path)
    page = shown(tmp_path)
    units = {name for name in page if name.startswith("units-")}
    assert {*NAMES[:2], "units"} <= page | ({"units"} if units == {"units-north", "units-south"} else set())
    listed = "\n".join(list_register(tmp_path))
    assert all(f" {name}  registered " in listed for name in (*NAMES[:2], *(units or {"units"})))


def test_a_report_outlives_its_study_file_and_its_registration_is_told(tmp_path: Path) -> None:
    project(tmp_path)
    publish(tmp_path, release_of("stranger"))
    no_study_files(tmp_path)
    assert shown(tmp_path) == {*NAMES, "stranger"}
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    harmful, stranger = (
        page.split(f'id="study-{name}"')[1].split("</li>")[0] for name in ("harmful", "stranger")
    )
    assert "Planen ble registrert 1. desember 2020, før dataene begynte." in harmful
    assert "Studien er ikke registrert." in stranger
    assert "3 studier er registrert." in page
    assert "Forverring: 1" in page
    assert "Rapporten er forsinket: 2" in page


def test_a_unit_is_shown_for_itself_once_it_was_run(tmp_path: Path) -> None:
    project(tmp_path)
    line = read_register(tmp_path).studies["units"].newest
    publish(tmp_path, release_of("units-north", line))
    assert shown(tmp_path) == {"harmful", "planned", "units-north", "units-south"}
    no_study_files(tmp_path)
    no_reports(tmp_path)
    attempt = Attempt(state="failed", profile="full", started=datetime(2022, 1, 1, tzinfo=UTC))
    write_entry(tmp_path, Entry(study="units-south", attempt=attempt))
    assert shown(tmp_path) == {"harmful", "planned", "units-south"}


def test_a_broken_register_is_told_and_the_index_stays_as_it_was(tmp_path: Path) -> None:
    project(tmp_path)
    before = write_index(tmp_path).read_bytes()
    assert index_holds(tmp_path)
    file = tmp_path / REGISTER_FILE
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(StudyError, match=r"register\.jsonl, line 1"):
        write_index(tmp_path)
    assert (tmp_path / "reports" / "index.html").read_bytes() == before
    file.unlink()
    assert shown(tmp_path) == {"harmful", "planned", "units-north", "units-south"}
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert "linje som ikke lenger finnes i registeret" in page, "the Release misses its line"


def test_a_line_added_makes_the_index_old(tmp_path: Path) -> None:
    project(tmp_path)
    write_index(tmp_path)
    assert index_holds(tmp_path)
    registered_anew(tmp_path)
    assert not index_holds(tmp_path)


def test_the_command_tells_what_every_report_will_say(tmp_path: Path) -> None:
    file = write_study(tmp_path)
    publish(tmp_path, release_of("falls"))
    told = register_plans(tmp_path, [file])
    late = "after the data had been collected and after the study had been run: every report will say so"
    assert told == [f"falls  registered, version 1  ({late})"]
    line = read_register(tmp_path).lines[0]
    assert line.after_run
    assert register_plans(tmp_path, [file]) == ["falls  registered already, version 1; nothing has changed"]
    write_study(tmp_path, extra="seed: 3\nlanguages: [nb, en]\n")
    assert register_plans(tmp_path, [file])[1:] == ["    changed: seed", "    changed: rest.languages"]
    assert withdraw(tmp_path, "falls", "Nedlagt.") == "falls  withdrawn"
    assert list_register(tmp_path)[0].startswith("withdrawn     falls  registered ")


def test_the_command_line_registers_lists_and_withdraws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(tmp_path)
    monkeypatch.chdir(tmp_path)

    def impl(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["impl", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return f"{ended.value.code}: {out}{err}"

    assert impl("register") == "0: Nothing is registered.\n"
    assert impl("register", "falls").startswith("0: falls  registered, version 1")
    assert "falls  registered " in impl("register")
    assert impl("register", "--withdraw", "Nedlagt.").startswith("2: --withdraw: got no study")
    (tmp_path / "parameters" / "falls.yaml").unlink()
    assert impl("register", "falls", "--withdraw", "Nedlagt.") == "0: falls  withdrawn\n"
    assert impl("register").startswith("0: withdrawn     falls")
