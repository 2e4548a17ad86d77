"""What a thousand runs cost the driver: a no-change `impl run`, `impl status`, and memory while runs go by.

    python benchmarks/many_runs.py                 # a thousand finished runs, laid out as a batch leaves them
    python benchmarks/many_runs.py --real 500      # so many trivial runs really made: memory, none lost, none doubled

Times are medians of three, in seconds; CPU counts the command and what it started.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from impl.runs.ledger import Attempt, Entry, Published, file_hash, read_entry, write_entry
from impl.runs.run import run_study
from impl.runs.steps import page_key
from impl.study.identity import identify
from impl.study.load import read_study
from notebooks.tiny_project import add_study, command, environment, make_project

FINISHED = 1000
FIRST, LAST = 50, 500
"""The driver's memory is compared between these runs."""


def lay_out_finished(root: Path, count: int) -> None:
    """`count` studies that have been run: one really, the others as that one would have been left."""
    first = add_study(root, "study-0000")
    outcome = run_study(first, root=root)
    assert outcome.state == "ok", outcome.detail
    done = read_entry(root, "study-0000")
    assert done is not None
    assert done.published is not None
    published = {name: (root / "reports/study-0000" / name).read_bytes() for name in done.published.files}
    for number in range(1, count):
        name = f"study-{number:04}"
        study = read_study(add_study(root, name))
        identity = identify(study, profile="full")
        folder = root / "reports" / name
        folder.mkdir()
        for file, content in published.items():
            renamed = content.replace(b"study-0000", name.encode())
            (folder / file.replace("study-0000", name)).write_bytes(renamed)
        now = datetime.now(UTC)
        attempt = Attempt(
            state="ok",
            profile="full",
            run_id=identity.run_id,
            run_key=identity.run_key,
            started=now,
            finished=now,
            seconds=1.0,
        )
        kept = Published(
            run_id=identity.run_id,
            run_key=identity.run_key,
            page_key=page_key(root, study.languages),
            profile="full",
            status="ok",
            notebook=done.published.notebook,
            finished=now,
            files={path.name: file_hash(path) for path in folder.iterdir()},
            parts=dict(identity.parts),
        )
        write_entry(root, Entry(study=name, attempt=attempt, published=kept))


def timed(root: Path, *arguments: str) -> dict[str, float]:
    """Median of three of one command."""
    walls, cpus = [], []
    for _ in range(3):
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            command(*arguments), cwd=root, env=environment(root), capture_output=True, text=True, check=False
        )
        walls.append(time.monotonic() - begun)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpus.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return {"wall": round(statistics.median(walls), 2), "cpu": round(statistics.median(cpus), 2)}


def no_change(folder: Path, count: int) -> dict[str, object]:
    root = make_project(folder / "finished")
    lay_out_finished(root, count)
    told = subprocess.run(
        command("run"), cwd=root, env=environment(root), capture_output=True, text=True, check=True
    )
    assert told.stdout.count("unchanged") == count, told.stdout[-2000:]
    return {
        "runs": count,
        "impl run": timed(root, "run"),
        "impl status": timed(root, "status"),
        "impl check STUDY": timed(root, "check", "study-0000"),
        "impl --help": timed(root, "--help"),
    }


def really(folder: Path, count: int, jobs: int) -> dict[str, object]:
    """Trivial runs through the driver of the command line, its memory watched from outside."""
    root = make_project(folder / "real")
    for number in range(count):
        add_study(root, f"study-{number:04}")
    begun = time.monotonic()
    driver = subprocess.Popen(
        command("run", "--jobs", str(jobs)),
        cwd=root,
        env=environment(root),
        stdout=subprocess.PIPE,
        text=True,
    )
    memory: list[int] = []
    lines: list[str] = []

    def listen() -> None:
        assert driver.stdout is not None
        process = psutil.Process(driver.pid)
        for line in driver.stdout:
            lines.append(line)
            if "study-" in line:
                memory.append(process.memory_info().rss)

    listening = threading.Thread(target=listen)
    listening.start()
    code = driver.wait()
    listening.join()
    seen = Counter(line.split()[1] for line in lines if line.startswith("ok"))
    last = min(LAST, len(memory)) - 1
    return {
        "runs": count,
        "exit": code,
        "lost": count - len(seen),
        "doubled": sum(times - 1 for times in seen.values()),
        "published": sum(1 for _ in root.glob("reports/*/release.json")),
        "seconds": round(time.monotonic() - begun),
        f"memory at run {FIRST} (MB)": round(memory[min(FIRST, len(memory)) - 1] / 1e6, 1),
        f"memory at run {last + 1} (MB)": round(memory[last] / 1e6, 1),
        "cpu a run": round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) / count, 2),
    }


def main() -> Iterator[str]:
    asked = argparse.ArgumentParser(description="What many runs cost the driver.")
    asked.add_argument("--finished", type=int, default=FINISHED)
    asked.add_argument("--real", type=int, default=0, help="Make so many trivial runs instead.")
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="many-runs-") as folder:
        if chosen.real:
            yield json.dumps(really(Path(folder), chosen.real, chosen.jobs))
        else:
            yield json.dumps(no_change(Path(folder), chosen.finished))


if __name__ == "__main__":
    for line in main():
        print(line)
