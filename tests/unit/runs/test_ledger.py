"""The ledger: atomic, private, forgiving of damage; the lock; what counts as up to date."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from impl.errors import DisclosureError, RunError
from impl.runs.ledger import (
    Attempt,
    Entry,
    Published,
    build_folder,
    file_hash,
    holds,
    is_locked,
    ledger_name,
    read_entry,
    state_of,
    study_lock,
    write_entry,
)
from impl.runs.publish import publish
from impl.runs.status import age

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def entry(state: str = "ok") -> Entry:
    attempt = Attempt(state=state, profile="full", run_id="a1", run_key="k", started=NOW)
    published = Published(
        run_id="a1",
        run_key="k",
        page_key="p",
        profile="full",
        status="ok",
        notebook="build/falls/a1/20_before_after.ipynb",
        finished=NOW,
        files={"release.json": "0" * 64},
    )
    return Entry(study="falls", attempt=attempt, published=published)


def test_an_entry_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_entry(tmp_path, entry())
    assert read_entry(tmp_path, "falls") == entry()
    assert [path.name for path in (tmp_path / "build" / "ledger").iterdir()] == ["falls.json"]
    assert (tmp_path / "build").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "build" / "ledger").stat().st_mode & 0o777 == 0o700


def test_an_open_build_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir(mode=0o755)
    build_folder(tmp_path, "falls")
    assert (tmp_path / "build").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"schema": 1, "study": "falls", "attempt": null}', b"\xff\xfe", b'{"schema": 2}', b"[]"],
)
def test_a_damaged_entry_is_put_aside_and_counts_as_absent(tmp_path: Path, content: bytes) -> None:
    folder = build_folder(tmp_path, "ledger")
    (folder / "falls.json").write_bytes(content)
    assert read_entry(tmp_path, "falls") is None
    assert (folder / "falls.json.corrupt").read_bytes() == content
    assert not (folder / "falls.json").exists()


def test_an_entry_that_cannot_be_written_says_so_and_keeps_the_old_one(tmp_path: Path) -> None:
    write_entry(tmp_path, entry())
    before = (tmp_path / "build" / "ledger" / "falls.json").read_bytes()
    with largest_file(100), pytest.raises(RunError, match=r"build/ledger/falls\.json: got 'File too large'"):
        write_entry(tmp_path, entry("failed"))
    assert (tmp_path / "build" / "ledger" / "falls.json").read_bytes() == before


def test_a_build_path_that_is_a_file_is_a_fault_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("in the way")
    with pytest.raises(RunError, match="build: got 'File exists'"):
        build_folder(tmp_path, "ledger")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("falls.yaml", "falls"),
        ("falls-2026.yaml", "falls-2026"),
        ("0301.yaml", "0301"),
        ("falls.yml", "falls.yml"),
    ],
)
def test_a_good_id_names_its_entry(file: str, name: str) -> None:
    assert ledger_name(Path(file)) == name


def test_other_file_names_get_safe_names_that_differ() -> None:
    names = [
        ledger_name(Path(f"parameters/{stem}.yaml")) for stem in ("Fall", "fall ", "På vei", "..", "p" * 200)
    ]
    assert len(set(names)) == len(names)
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert len(name) <= 63


def test_a_lock_is_held_against_another_process_and_freed_with_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from impl.runs.ledger import study_lock\n"
        f"with study_lock(Path({str(tmp_path)!r}), 'falls'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert is_locked(tmp_path, "falls")
    assert state_of(tmp_path, "falls", entry("running")) == "running"
    with pytest.raises(RunError, match="another process"), study_lock(tmp_path, "falls"):
        pass
    holder.kill()
    holder.communicate()
    assert not is_locked(tmp_path, "falls")
    assert state_of(tmp_path, "falls", entry("running")) == "interrupted"
    with study_lock(tmp_path, "falls"):
        assert is_locked(tmp_path, "falls")


def test_a_study_that_was_never_run_has_no_lock_and_no_entry(tmp_path: Path) -> None:
    assert not is_locked(tmp_path, "falls")
    assert state_of(tmp_path, "falls", read_entry(tmp_path, "falls")) == "never"
    assert state_of(tmp_path, "falls", entry("failed")) == "failed"


def test_files_hold_only_with_every_byte(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    files = {name: file_hash(tmp_path / name) for name in ("a", "b")}
    assert holds(tmp_path, files)
    assert not holds(tmp_path, {})
    (tmp_path / "b").write_text("tw0")
    assert not holds(tmp_path, files)
    (tmp_path / "b").unlink()
    assert not holds(tmp_path, files)


def release(run: str) -> bytes:
    return json.dumps({"run": {"id": run}}).encode()


def test_publishing_replaces_pages_keeps_history_and_sweeps_what_was_left(tmp_path: Path) -> None:
    publish(
        tmp_path, "falls", {"release.json": release("a1"), "falls.nb.html": b"nb", "falls.en.html": b"en"}
    )
    folder = tmp_path / "reports" / "falls"
    (folder / ".falls.nb.html.part").write_text("left by a killed run")
    digests = publish(tmp_path, "falls", {"release.json": release("a2"), "falls.nb.html": b"new"})
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert found == {"release.json": release("a2"), "falls.nb.html": b"new", "history/a1.json": release("a1")}
    assert holds(folder, digests)


@pytest.mark.parametrize("audience", ["own-unit", "network"])
def test_what_is_not_for_everybody_does_not_enter_a_public_place(tmp_path: Path, audience: str) -> None:
    content = {"run": {"id": "a1"}, "disclosure": {"audience": audience}}
    with pytest.raises(DisclosureError, match=f"got a Release for audience {audience}") as caught:
        publish(tmp_path, "falls", {"release.json": json.dumps(content).encode()})
    assert [fault.code for fault in caught.value.faults] == ["disclosure.not_public"]
    assert not (tmp_path / "reports").exists()


def test_publishing_the_same_run_again_makes_no_history(tmp_path: Path) -> None:
    for _ in range(2):
        publish(tmp_path, "falls", {"release.json": release("a1")})
    assert not (tmp_path / "reports" / "falls" / "history").exists()


def test_publishing_over_a_broken_release_keeps_nothing_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "falls"
    folder.mkdir(parents=True)
    for broken in (b"{", b"[]", b'{"run": {"id": "../../x"}}'):
        (folder / "release.json").write_bytes(broken)
        publish(tmp_path, "falls", {"release.json": release("a1")})
        assert sorted(path.name for path in folder.rglob("*")) == ["release.json"]


def test_publishing_without_room_changes_nothing(tmp_path: Path) -> None:
    publish(tmp_path, "falls", {"release.json": release("a1"), "falls.nb.html": b"old"})
    folder = tmp_path / "reports" / "falls"
    with largest_file(2000), pytest.raises(RunError, match="reports/falls/: got 'File too large'"):
        publish(tmp_path, "falls", {"release.json": release("a2"), "falls.nb.html": b"x" * 5000})
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "falls.nb.html",
        "release.json",
    ]
    assert (folder / "falls.nb.html").read_bytes() == b"old"
    assert (folder / "release.json").read_bytes() == release("a1")


@pytest.mark.parametrize(
    ("passed", "text"),
    [
        (timedelta(seconds=5), "under a minute"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=5, minutes=59), "5 hours"),
        (timedelta(days=1, hours=3), "1 day"),
        (timedelta(days=400), "400 days"),
        (timedelta(seconds=-90), "under a minute"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(passed: timedelta, text: str) -> None:
    assert age(NOW - passed, NOW) == text


@contextlib.contextmanager
def largest_file(size: int):  # type: ignore[no-untyped-def]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
