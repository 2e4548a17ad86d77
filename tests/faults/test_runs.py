"""What can go wrong in a run, made to go wrong: real kernels, real signals, disks that really are full.

In every case the ledger says `failed` and why, the report published before is byte for byte what it was, the
other studies go on, and the exit code is not 0.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from example_release import staggered
from impl.release.files import release_bytes
from impl.runs.ledger import is_locked, read_entry, state_of
from impl.runs.run import run_study
from impl.runs.status import list_status
from notebooks.tiny_project import (
    FINISH,
    PARAMETERS,
    PREPARE,
    REPORT,
    REPORT_PARAMETERS,
    WRITE,
    add_notebook,
    add_study,
    add_troubled_study,
    command,
    environment,
    impl,
    ledger,
    make_project,
    notebook,
    published,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and locks are those of POSIX")

FAULTY = "from impl.errors import DataError, Fault\nraise DataError([Fault(code='data.x', where='fall.csv, row 14', got='-1', allowed='at least 0', fix='Mend the row.')])"

TROUBLES: dict[str, tuple[str, dict[str, object], str, int]] = {
    "exception": ("1 / 0", {}, "21_exception, cell 4: ZeroDivisionError: division by zero", 5),
    "mistake": (FAULTY, {}, "fall.csv, row 14: got -1, must be at least 0. Mend the row.", 2),
    "killed": ("import os\nos.kill(os.getpid(), 9)", {}, "21_killed, cell 4: the kernel died (signal 9", 5),
    "os-exit": ("import os\nos._exit(0)", {}, "21_os_exit, cell 4: the kernel died (exit status 0)", 5),
    "sys-exit": ("import sys\nsys.exit(0)", {}, "21_sys_exit, cell 4: the cell called sys.exit(0)", 5),
    "skipped": ("1 + 1", {"tags": {2: ["skip-execution"]}}, "21_skipped, cell 4: the cell did not run", 5),
    "no-release": ("", {"write": "out"}, "21_no_release: the notebook ran but wrote no release.json", 5),
    "killed-last": ("", {"write": f"{WRITE}\nimport os\nos.kill(os.getpid(), 9)"}, "the kernel died", 5),
    "truncated": (
        "",
        {"write": f"{WRITE}\nwritten.write_bytes(written.read_bytes()[:500])"},
        "release.json",
        5,
    ),
    "another-study": ("raw['study']['id'] = 'zz-last'", {}, "the Release is of study 'zz-last'", 5),
    "report-fails": ("", {}, "80_report, cell 3: ZeroDivisionError", 5),
    "report-unmarked": ("", {}, "80_report, nb: the notebook ran but left no completion mark", 5),
}

TROUBLED_REPORT = notebook(
    REPORT_PARAMETERS,
    REPORT.replace("\nimpl.show", '\nif read.study.id == "report-fails":\n    1 / 0\nimpl.show'),
    'if read.study.id != "report-unmarked":\n    mark = impl.finish_report(read, language, out)',
)


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One project in which every study but one fails in its own way, run in one batch of four at a time.

    It is run once, whichever of pytest-xdist's workers comes first.
    """
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "troubled"
    told = root.with_name("troubled.json")
    with root.with_name("troubled.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            make_project(root)
            add_notebook(root, "80_report", TROUBLED_REPORT)
            for study, (trouble, changes, _reason, _code) in TROUBLES.items():
                add_troubled_study(root, study, trouble, **changes)
                plant_report(root, study)
            (root / "parameters" / "unreadable.yaml").write_text("schema: 1\nid: unreadable\nbundel: falls\n")
            plant_report(root, "unreadable")
            add_study(root, "zz-last", languages="nb, en")
            done = impl(root, "run", "--jobs", "4")
            told.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    code, output, errors = json.loads(told.read_text())
    return root, subprocess.CompletedProcess(command("run"), code, output, errors)


def plant_report(root: Path, study: str) -> None:
    """An earlier good report of the study, as a reader may have it open."""
    folder = root / "reports" / study
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(staggered(study_id=study).model_dump_json(by_alias=True))
    (folder / f"{study}.nb.html").write_text(f"<p>Den gode rapporten om {study}</p>")


def planted(study: str) -> dict[str, bytes]:
    return {
        "release.json": staggered(study_id=study).model_dump_json(by_alias=True).encode(),
        f"{study}.nb.html": f"<p>Den gode rapporten om {study}</p>".encode(),
    }


@pytest.mark.parametrize("study", [*TROUBLES, "unreadable"])
def test_a_failed_study_is_told_of_and_leaves_its_report_alone(
    troubled: tuple[Path, subprocess.CompletedProcess[str]], study: str
) -> None:
    root, done = troubled
    reason, code = TROUBLES[study][2:] if study in TROUBLES else ("unreadable.yaml", 2)
    attempt = ledger(root, study)["attempt"]
    assert attempt["state"] == "failed"
    assert reason in attempt["reason"]
    assert "\n" not in attempt["reason"]
    assert attempt["exit_code"] == code
    assert published(root, study) == planted(study)
    assert f"{study}  " in done.stdout
    assert attempt["reason"] in done.stdout


def test_the_other_studies_go_on_and_the_exit_code_tells(
    troubled: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, done = troubled
    assert done.returncode == 5, done.stderr
    assert ledger(root, "zz-last")["attempt"]["state"] == "ok"
    assert sorted(published(root, "zz-last")) == [
        "curves.csv",
        "data-dictionary.csv",
        "estimates.csv",
        "release.json",
        "zz-last.en.html",
        "zz-last.nb.html",
        "zz-last.summary.en.html",
        "zz-last.summary.nb.html",
    ]
    names = done.stdout.split("Not done: ")[1].split(". What")[0].split(", ")
    assert sorted(names) == sorted([*TROUBLES, "unreadable"])


def test_a_mistake_shows_no_traceback_and_a_bug_shows_its_own(
    troubled: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, done = troubled
    assert done.stderr == ""
    mistake = done.stdout.split("mistake  ")[1].split("\n")
    assert not mistake[1].startswith("    "), "a mistake of one line needs no more than its line"
    assert "ZeroDivisionError                         Traceback" in done.stdout
    log = (
        root / "build" / "exception" / ledger(root, "exception")["attempt"]["run_id"] / "log.txt"
    ).read_text()
    assert "== failed" in log
    assert "Traceback" in log


def test_the_index_lists_every_study_and_quotes_no_reason(
    troubled: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, _ = troubled
    index = (root / "reports" / "index.html").read_text(encoding="utf-8")
    for study in [*TROUBLES, "unreadable", "zz-last"]:
        assert study in index
    assert "row 14" not in index, "a reason may quote a confidential cell"
    assert "ZeroDivisionError" not in index


def test_the_confidential_side_is_private_and_the_public_side_names_no_machine(
    troubled: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, _ = troubled
    assert (root / "build").stat().st_mode & 0o777 == 0o700
    logs = list((root / "build").rglob("log.txt"))
    assert len(logs) >= len(TROUBLES)
    assert {log.stat().st_mode & 0o777 for log in logs} == {0o600}
    assert not list((root / "build").rglob("reserve"))
    for path in (root / "reports").rglob("*"):
        if path.is_file():
            assert str(root).encode() not in path.read_bytes(), path.name


def test_the_saved_notebooks_hold_none_of_papermills_status_words(
    troubled: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    root, _ = troubled
    saved = list((root / "build").rglob("*.ipynb"))
    assert len(saved) >= len(TROUBLES)
    for path in saved:
        text = path.read_text(encoding="utf-8")
        assert '"papermill"' not in text, path.name
        assert '"completed"' not in text, path.name


def test_a_run_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    add_notebook(root, "21_slow", notebook(PARAMETERS, "import time\ntime.sleep(600)"))
    outcome = run_study(add_study(root, "slow", notebook="21_slow"), root=root, timeout=6.0)
    assert (outcome.state, outcome.exit_code) == ("failed", 5)
    assert "still running after 6 s" in ledger(root, "slow")["attempt"]["reason"]
    assert 5.5 < outcome.seconds < 12
    kernels = [
        child for child in psutil.Process().children(recursive=True) if "impl.runs.kernels" in child.cmdline()
    ]
    assert kernels == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_batch_is_cancelled_and_leaves_no_kernel(tmp_path: Path, number: int, code: int) -> None:
    root = make_project(tmp_path / "project")
    add_sleeping_study(root, "asleep")
    add_study(root, "waiting")
    plant_report(root, "asleep")
    driver = start(root, "run")
    kernel = wait_for_kernel(root, driver)
    driver.send_signal(number)
    output, _ = driver.communicate(timeout=20)
    assert driver.returncode == code, output
    assert_gone(kernel)
    assert ledger(root, "asleep")["attempt"]["state"] == "cancelled"
    assert ledger(root, "asleep")["attempt"]["reason"] == f"stopped by signal {number}"
    assert published(root, "asleep") == planted("asleep")
    assert not (root / "build" / "ledger" / "waiting.json").exists(), "what had not begun is left as it was"
    assert "Not done: asleep, waiting" in output


def test_a_driver_that_is_killed_leaves_no_kernel_and_the_next_run_heals(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    add_sleeping_study(root, "asleep")
    plant_report(root, "asleep")
    driver = start(root, "run")
    kernel = wait_for_kernel(root, driver)
    assert state_of(root, "asleep", read_entry(root, "asleep")) == "running"

    study = root / "parameters" / "asleep.yaml"
    second = run_study(study, root=root)
    assert second.exit_code == 5
    assert "a run that another process has going" in (second.reason or "")
    assert state_of(root, "asleep", read_entry(root, "asleep")) == "running", (
        "the second may not touch the entry"
    )

    driver.kill()
    driver.communicate(timeout=20)
    assert_gone(kernel)
    until = (
        time.monotonic() + 5
    )  # the system ends the run's threads one by one, and the last of them frees its lock
    while is_locked(root, "asleep") and time.monotonic() < until:
        time.sleep(0.02)
    assert [row.state for row in list_status(root)] == ["interrupted"]
    assert published(root, "asleep") == planted("asleep")

    (root / "wake").touch()
    assert run_study(study, root=root).state == "ok"
    assert [row.state for row in list_status(root)] == ["ok"]


def add_sleeping_study(root: Path, study: str) -> None:
    wake, started = str(root / "wake"), str(root / "started")
    add_troubled_study(
        root,
        study,
        "import os, time\n"
        f"if not os.path.exists({wake!r}):\n"
        f"    open({started + '.part'!r}, 'w').write(str(os.getpid()))\n"
        f"    os.replace({started + '.part'!r}, {started!r})\n"
        "    time.sleep(600)",
    )


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments),
        cwd=root,
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_for_kernel(root: Path, driver: subprocess.Popen[str]) -> int:
    """The process id of the kernel, once it sleeps in its cell."""
    end = time.monotonic() + 60
    while time.monotonic() < end and driver.poll() is None:
        if (root / "started").exists():
            return int((root / "started").read_text())
        time.sleep(0.05)
    driver.kill()
    raise AssertionError(f"the kernel never came to its cell: {driver.communicate()[0]}")


def assert_gone(process: int) -> None:
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            if psutil.Process(process).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {process} is still there after 5 s")


def mount_small_disk(folder: Path) -> str:
    """Mount a disk of 4 MB that can really be filled; an empty string, or why that cannot be had here."""
    folder.mkdir(exist_ok=True)
    order = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(order, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return done.stderr.strip() or f"mount ended with {done.returncode}" if done.returncode else ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    problem = mount_small_disk(disk)
    if problem:
        pytest.skip(f"no small disk to be had here, a file size limit stands in for it: {problem}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def no_small_disk(tmp_path: Path) -> None:
    if not mount_small_disk(tmp_path / "disk"):
        subprocess.run(["umount", str(tmp_path / "disk")], check=True)
        pytest.skip("here a small disk is really filled instead")


def fill_up(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass


FILL = """
with open("filler", "wb", buffering=0) as filler:
    try:
        while filler.write(bytes(4096)):
            pass
    except OSError:
        pass
"""


@pytest.mark.parametrize("stage", ["analysis", "page"])
def test_a_disk_that_fills_up_fails_the_study_and_nothing_else(small_disk: Path, stage: str) -> None:
    root = make_project(small_disk / "project")
    if stage == "analysis":
        path = add_troubled_study(root, "filled", FILL)
    else:
        path = add_study(root, "filled")
        add_notebook(
            root,
            "80_report",
            notebook(REPORT_PARAMETERS, REPORT, f"{FINISH}\n{FILL}"),
        )
    plant_report(root, "filled")
    outcome = run_study(path, root=root)
    assert outcome.state == "failed"
    attempt = ledger(root, "filled")["attempt"]
    assert attempt["state"] == "failed"
    assert "No space left on device" in attempt["reason"]
    assert published(root, "filled") == planted("filled")


def test_a_disk_without_room_for_the_report_keeps_the_old_one(tmp_path: Path, small_disk: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "filled")
    (root / "reports").symlink_to(small_disk)
    plant_report(root, "filled")
    fill_up(small_disk)
    outcome = run_study(path, root=root)
    assert outcome.state == "failed"
    assert "No space left on device" in ledger(root, "filled")["attempt"]["reason"]
    assert published(root, "filled") == planted("filled")


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, here and in kernels: what a full disk is where nobody is root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("no_small_disk")
@pytest.mark.parametrize("stage", ["analysis", "page"])
def test_a_file_size_limit_counts_as_a_full_disk(tmp_path: Path, stage: str) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "limited")
    plant_report(root, "limited")
    release = len(release_bytes(staggered(study_id="limited")))
    with largest_file(release - 1000 if stage == "analysis" else release + 1000):
        outcome = run_study(path, root=root)
    assert (outcome.state, outcome.exit_code) == ("failed", 5)
    attempt = ledger(root, "limited")["attempt"]
    assert "File too large" in attempt["reason"]
    assert attempt["reason"].startswith("bundle/release.json" if stage == "analysis" else "the run's files")
    assert published(root, "limited") == planted("limited")


def test_a_missing_parameter_is_told_before_anything_runs(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    add_notebook(root, "21_odd", notebook('study: str = ""\nprofil: str = ""\nout: str = ""', PREPARE, WRITE))
    outcome = run_study(add_study(root, "odd", notebook="21_odd"), root=root)
    assert outcome.exit_code == 5
    assert outcome.reason is not None
    assert "got no parameter 'profile'" in outcome.reason
    assert "Did you mean 'profil'?" in outcome.reason


def test_a_corrupt_ledger_is_put_aside(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    (root / "build" / "ledger").mkdir(parents=True)
    (root / "build" / "ledger" / "a.json").write_text('{"schema": 1, "stu')
    assert read_entry(root, "a") is None
    assert (root / "build" / "ledger" / "a.json.corrupt").read_text() == '{"schema": 1, "stu'
    (root / "build" / "ledger" / "a.json").write_text(
        json.dumps({"schema": 1, "study": "a", "attempt": None})
    )
    assert read_entry(root, "a") is None
    assert os.listdir(root / "build" / "ledger") == ["a.json.corrupt"]
