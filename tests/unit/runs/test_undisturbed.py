"""What goes wrong with one run is told of that run: the others go on, keep their names, and are told of too."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from impl.errors import StudyError
from impl.register.register import read_register
from impl.register.write import register_studies
from impl.runs import batch
from impl.runs.batch import run_studies
from impl.runs.known import has_run, what_is_known
from impl.runs.ledger import Attempt, Entry, Published, build_folder, read_entry, write_entry
from impl.runs.outcome import Outcome
from impl.runs.registering import register_plans
from impl.runs.reproduce import reproduce
from impl.runs.run import explain, run_study
from impl.runs.status import index_holds, write_index
from impl.runs.tasks import tasks_named, tasks_of
from impl.runs.why import why_lines
from impl.study.load import list_studies, read_study
from notebooks import tiny_project
from register_project import publish, register, release_of, write_study
from study_project import STUDY, make_project

UNITS = "units: {column: site}\n"


def test_a_crash_with_one_study_is_told_and_the_others_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tiny_project.make_project(tmp_path / "project")
    for name in ("aa", "bb", "cc"):
        tiny_project.add_study(root, name)

    def carried_out(_order: object, name: str, *_: object) -> Outcome:
        if name == "aa":
            raise ZeroDivisionError("a bug of ours")
        return Outcome(study=name, state="ok", seconds=0.0)

    monkeypatch.setattr(batch, "carry_out", carried_out)
    done = run_studies(tasks_named(root, ()), root=root, warm=False)
    assert [(each.study, each.state) for each in done.outcomes] == [
        ("aa", "failed"),
        ("bb", "ok"),
        ("cc", "ok"),
    ]
    assert "ZeroDivisionError: a bug of ours" in done.outcomes[0].detail
    assert done.exit_code == 5
    assert done.index is not None


def test_without_a_preloaded_process_the_runs_are_made_all_the_same(tmp_path: Path) -> None:
    root = tiny_project.make_project(tmp_path / "project")
    tiny_project.add_study(root, "aa")
    (root / "build").mkdir(mode=0o700)
    (root / "build/preloaded.log").mkdir()  # cannot be opened
    done = run_studies(tasks_named(root, ()), root=root)
    assert [each.state for each in done.outcomes] == ["ok"], done.outcomes


def test_studies_that_learn_are_run_when_the_others_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path
    for name, extra in (("a-learns", "model: {priors: network}\n"), ("b", ""), ("c-learns", "model: {priors: network}\n"), ("d", "")):  # fmt: skip
        make_project(root, study=STUDY.replace("id: falls", f"id: {name}") + extra, name=f"{name}.yaml")
    order: list[str] = []
    lock = threading.Lock()

    def carried_out(_order: object, name: str, *_: object) -> Outcome:
        with lock:
            order.append(name)
        return Outcome(study=name, state="ok", seconds=0.0)

    monkeypatch.setattr(batch, "carry_out", carried_out)
    done = run_studies(tasks_named(root, ()), root=root, warm=False, jobs=4, index=False)
    assert set(order[:2]) == {"b", "d"}
    assert order[2:] == ["a-learns", "c-learns"]
    assert [each.study for each in done.outcomes] == ["a-learns", "b", "c-learns", "d"], (
        "told in their own order"
    )


def test_two_runs_of_one_name_are_refused(tmp_path: Path) -> None:
    write_study(tmp_path, "falls", extra=UNITS)
    write_study(tmp_path, "falls-north")
    with pytest.raises(StudyError, match=r"falls-north\.yaml and unit 'north' of falls\.yaml"):
        tasks_named(tmp_path, ())


def test_another_study_is_no_unit_of_one_whose_name_it_begins_with(tmp_path: Path) -> None:
    later = "planned: {data_from: 2031-01-01, data_to: 2031-12-31, report_due: 2032-03-31}\n"
    falls = write_study(tmp_path, "falls", extra=UNITS, planned=later)
    write_study(tmp_path, "falls-home")
    publish(tmp_path, release_of("falls-home"))
    assert not has_run(tmp_path, "falls", by_unit=True)
    register_plans(tmp_path, [falls])
    assert read_register(tmp_path).studies["falls"].lines[0].after_run is False
    (tmp_path / "parameters/falls-home.yaml").write_text("schema: [")
    failed = Attempt(state="failed", profile="full", started=datetime(2022, 1, 1, tzinfo=UTC))
    write_entry(tmp_path, Entry(study="falls-home", attempt=failed))
    rows = what_is_known(tmp_path, tasks_of(list_studies(tmp_path)))
    assert [(row.id, row.registration) for row in rows if row.id == "falls-home"] == [
        ("falls-home", "not_registered")
    ]
    publish(tmp_path, release_of("falls-north"))
    assert has_run(tmp_path, "falls", by_unit=True)


def test_the_public_index_names_no_unit_of_a_study_that_is_not_public(tmp_path: Path) -> None:
    rollout = "site,name,allocated_start,actual_start,transition_end,stop\nnorth,Avd. 3B Solsiden,2021-05-01,2021-05-01,,\nsouth,Avd. 2A,2021-09-01,2021-09-01,,\n"
    units = "units: {column: site, name: name}\n"
    private = STUDY.replace("Fallpakken i to sykehjem", "Fall ved {unit}") + "audience: own-unit\n" + units
    make_project(tmp_path, study=private, rollout=rollout)
    assert "Solsiden" not in write_index(tmp_path).read_text(encoding="utf-8")
    make_project(tmp_path, study=private.replace("audience: own-unit\n", ""), rollout=rollout)
    assert "Solsiden" in write_index(tmp_path).read_text(encoding="utf-8")


def test_the_index_is_written_again_when_a_study_or_a_release_has_changed(tmp_path: Path) -> None:
    file = write_study(tmp_path, "falls")
    write_index(tmp_path)
    assert index_holds(tmp_path)
    with file.open("r+", encoding="utf-8") as opened:
        opened.write(opened.read())  # in place: its folder does not change
    assert not index_holds(tmp_path)
    write_index(tmp_path)
    publish(tmp_path, release_of("brought"))
    assert not index_holds(tmp_path)


def test_why_shows_the_log_of_the_pages_that_failed_and_not_of_the_good_run(tmp_path: Path) -> None:
    (tmp_path / "parameters").mkdir()
    now, run = datetime.now(UTC), "0123456789ab"
    good = Published(
        run_id=run, run_key="k", page_key="p", profile="full", status="ok",
        notebook=f"build/falls/{run}/20_good.ipynb", finished=now, files={"a": "b"},
    )  # fmt: skip
    failed = Attempt(
        state="failed", profile="full", run_id=run, run_key="k", started=now, reason="80_report, cell 3"
    )
    write_entry(tmp_path, Entry(study="falls", attempt=failed, published=good))
    for folder, text in ((run, "log of the good run"), ("render", "KeyError: the cause")):
        (build_folder(tmp_path, "falls", folder) / "log.txt").write_text(text)
    told = "\n".join(why_lines(tmp_path, "falls"))
    assert "KeyError: the cause" in told
    assert "log of the good run" not in told


def test_explain_says_that_a_run_with_more_time_goes(tmp_path: Path) -> None:
    root = tiny_project.make_project(tmp_path / "project")
    path = tiny_project.add_troubled_study(root, "aa", "raise ValueError('again and again')")
    for _ in range(2):
        assert run_study(path, root=root).state == "failed"
    study = read_study(path)
    assert explain(study, root=root, profile="full")[0] == "wait"
    assert explain(study, root=root, profile="full", timeout=7200.0)[0] == "run"


def test_what_was_one_study_and_has_units_now_is_told_and_not_run(tmp_path: Path) -> None:
    write_study(tmp_path, "falls", extra=UNITS)
    publish(tmp_path, release_of("falls"))
    with pytest.raises(StudyError, match="run for each of 2 units"):
        reproduce(tmp_path / "reports/falls/release.json", root=tmp_path, timeout=5, say=print)


def test_who_waited_for_the_register_is_not_told_to_set_the_clock(tmp_path: Path) -> None:
    first, second = (read_study(write_study(tmp_path, name)) for name in ("aa", "bb"))
    now = datetime.now(UTC)
    register_studies(tmp_path, [first], at=now + timedelta(seconds=3))
    register_studies(tmp_path, [second], at=now)
    lines = read_register(tmp_path).lines
    assert lines[0].registered_at == lines[1].registered_at
    with pytest.raises(StudyError, match="clock"):
        register(tmp_path, write_study(tmp_path, "cc"), at=now - timedelta(hours=1))


def test_force_and_reproduce_sample_anew(tmp_path: Path) -> None:
    """The kernel is told so; `sample_once` obeys (tests/unit/model/test_kept.py)."""
    root = tiny_project.make_project(tmp_path / "project")
    path = tiny_project.add_troubled_study(
        root,
        "aa",
        "import os\nPath('told.txt').open('a').write(os.environ.get('IMPL_SAMPLE_ANEW', 'no') + ' ')",
    )
    assert run_study(path, root=root).state == "ok"
    assert run_study(path, root=root, force=True).state == "ok"
    reproduce(root / "reports/aa/release.json", root=root, timeout=60, say=lambda _: None)
    assert (root / "told.txt").read_text().split() == ["no", "1", "1"]
    entry = read_entry(root, "aa")
    assert entry is not None
    assert json.loads((root / "reports/aa/release.json").read_bytes())["run"]["id"] == entry.attempt.run_id
