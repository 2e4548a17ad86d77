"""Limits of a run, what is tried again and what is held back, and how a user is told why."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from impl.errors import StudyError
from impl.runs.judge import Failure
from impl.runs.ledger import read_entry
from impl.runs.outcome import attempt_of, note_failure
from impl.runs.run import explain, run_study
from impl.runs.tasks import bytes_of
from impl.runs.why import why_lines
from impl.study.load import read_study
from notebooks.tiny_project import add_study, add_troubled_study, impl, ledger, make_project, published

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are those of POSIX")

COUNT = "with open('times', 'a') as file:\n    file.write('x')\n"


def times(root: Path) -> int:
    return len((root / "times").read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process from outside")
def test_a_kernel_that_takes_more_memory_than_it_may_fails_its_run(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_troubled_study(root, "greedy", "much = bytearray(3_000_000_000)")
    outcome = run_study(path, root=root, memory=1_500_000_000)
    assert (outcome.state, outcome.exit_code) == ("failed", 5)
    assert outcome.reason == (
        "21_greedy, cell 4: the kernel came to the end of its memory of 1.5 GB. Give more with --memory."
    )
    small = add_study(root, "small")
    assert run_study(small, root=root, memory=1_500_000_000).state == "ok", "what needs less is not hurt"


def test_sizes_of_memory() -> None:
    if sys.platform == "linux":
        assert [bytes_of(size) for size in ("800M", "4G", "1.5 GB", "2g")] == [
            800_000_000,
            4_000_000_000,
            1_500_000_000,
            2_000_000_000,
        ]
    for wrong in ("4", "G", "-1G", "4T", "100M", "4G; rm"):
        with pytest.raises(StudyError, match="--memory"):
            bytes_of(wrong)


def test_what_fails_twice_with_nothing_changed_is_held_back_and_told(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_troubled_study(root, "bad", f"{COUNT}1 / 0")
    first, second, third = (run_study(path, root=root) for _ in range(3))
    assert (first.state, second.state, third.state) == ("failed", "failed", "held_back")
    assert times(root) == 2
    assert third.exit_code == 5
    assert "ZeroDivisionError" in (third.reason or "")
    assert explain(read_study(path), root=root, profile="full")[0] == "wait"

    done = impl(root, "run", "bad")
    assert done.returncode == 5
    assert (
        "Held back, having failed twice with nothing changed: bad. --force tries them again." in done.stdout
    )
    told = "\n".join(why_lines(root, "bad"))
    assert told.startswith("bad: failed (full, begun ")
    assert "cell 4:\n    with open('times', 'a') as file:" in told
    assert "held back until something changes" in told
    assert "there is no good run to compare it with" in told
    assert "ZeroDivisionError: division by zero" in told, "the end of the log"

    assert run_study(path, root=root, force=True).state == "failed"
    assert times(root) == 3
    assert run_study(path, root=root, timeout=900).state == "failed", "another limit is another chance"
    assert times(root) == 4
    path.write_text(path.read_text().replace("Gikk fallene ned", "Gikk fallene opp"))
    assert run_study(path, root=root).state == "failed", "so is any other input"
    assert ledger(root, "bad")["attempt"]["failures"] == 1


def test_a_kernel_that_is_killed_from_outside_is_begun_once_more(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    trouble = f"{COUNT}import os, signal\nif os.path.getsize('times') == 1:\n    os.kill(os.getpid(), signal.SIGKILL)"
    path = add_troubled_study(root, "unlucky", trouble)
    assert run_study(path, root=root).state == "ok"
    assert times(root) == 2
    run_id = ledger(root, "unlucky")["published"]["run_id"]
    assert "killed from outside" in (root / "build/unlucky" / run_id / "log.txt").read_text()


def test_only_what_a_run_does_itself_counts_against_it(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    attempt = attempt_of("failed", "full", datetime.now(UTC), None)
    counted = {
        "the run's own": Failure(reason="died", detail="", exit_code=5),
        "disclosure": Failure(reason="too small", detail="", exit_code=4),
        "a mistake": Failure(reason="row 14", detail="", exit_code=2),
        "a full disk": Failure(reason="No space left", detail="", exit_code=5, outside=True),
        "Ctrl-C": Failure(reason="stopped", detail="", exit_code=130, state="cancelled"),
    }
    found = {}
    for name, failure in counted.items():
        note_failure(root, "falls", attempt, failure, time.monotonic())
        entry = read_entry(root, "falls")
        found[name] = entry.attempt.failures if entry else None
    assert found == {"the run's own": 1, "disclosure": 1, "a mistake": 0, "a full disk": 0, "Ctrl-C": 0}


def test_why_tells_what_has_changed_since_it_was_good(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls")
    assert run_study(path, root=root).state == "ok"
    good = published(root, "falls")
    assert next(line for line in why_lines(root, "falls") if "changed since" in line).endswith(": nothing")
    panel = root / "data/panel.csv"
    panel.write_text(panel.read_text().replace("falls,9,1200", "falls,8,1200"))
    (root / "template.json").write_text("{}")
    assert run_study(path, root=root).state == "failed"
    told = list(why_lines(root, ledger(root, "falls")["attempt"]["run_id"]))
    assert next(line for line in told if "changed since" in line).endswith(": data/panel.csv")
    assert any("cell 3:" in line or "cell 4:" in line or "cell 5:" in line for line in told)
    assert published(root, "falls") == good
    done = impl(root, "why", "fals")
    assert done.returncode == 2
    assert "Did you mean 'falls'?" in done.stderr
