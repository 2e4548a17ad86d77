"""Processes of a batch killed at random moments, over and over; every batch must come to the very same end.

    python tests/faults/kills.py --kills 200 --seed 1

Real drivers, kernels, preloaded processes and Dask workers, over tiny studies that sample nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notebooks.tiny_project import add_study, command, environment, make_project

STUDIES = tuple(f"study-{number}" for number in range(3))
WHOM = ("driver", "preloaded", "run", "kernel", "worker")
MARK = "IMPL_KILLS"
PATIENCE = 300.0
ORPHAN_SECONDS = 5.0


@dataclass(kw_only=True)
class Tally:
    """What was done and what was found. missed: there was nobody of the kind to kill at that moment."""

    killed: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    batches: int = 0
    calls: int = 0
    unequal: list[str] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return sum(self.killed.values())

    @property
    def sound(self) -> bool:
        return not (self.unequal or self.truncated or self.orphans)


def kill_at_random(folder: Path, *, kills: int, seed: int, say: object = None) -> Tally:
    """Run batches until `kills` processes have been killed, and finish the last one undisturbed."""
    chance = random.Random(seed)
    tally = Tally()
    calm = _project(folder / "calm")
    done = _start(calm, "calm", "run", "--jobs", "2")
    assert done.wait(PATIENCE) == 0, (calm / "output.txt").read_text()
    wanted = summary(calm)
    span = _seconds_of_a_batch(calm)
    root = _project(folder / "killed")
    with _Workers(root) as workers:
        while tally.kills < kills:
            _clear(root)
            tally.batches += 1
            while tally.kills < kills and summary(root) != wanted:
                whom = chance.choice(WHOM)
                _one_call(root, whom, chance.uniform(0.0, span), workers, tally)
                if callable(say):
                    say(tally)
            mark = f"last-{tally.batches}"
            driver = _start(root, mark, "run", "--jobs", "2")
            code = driver.wait(PATIENCE)
            tally.calls += 1
            if code != 0 or summary(root) != wanted:
                output = (root / "output.txt").read_text()
                tally.unequal.append(f"batch {tally.batches}: exit {code}\n{output[-2000:]}")
            tally.truncated += _broken_files(root)
            tally.orphans += _orphans(mark)
            if callable(say):
                say(tally)
    return tally


def summary(root: Path) -> bytes:
    """What a batch has come to, without times: states, run ids and the hashes of everything a reader can see."""
    found = {}
    for study in STUDIES:
        file = root / "build" / "ledger" / f"{study}.json"
        entry = json.loads(file.read_bytes()) if file.exists() else None
        attempt = entry["attempt"] if entry else {}
        folder = root / "reports" / study
        found[study] = {
            "state": attempt.get("state"),
            "run": attempt.get("run_id"),
            "published": (entry or {}).get("published", None) and entry["published"]["files"],
            "files": {
                path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(folder.rglob("*"))
                if path.is_file()
            },
        }
    return json.dumps(found, sort_keys=True).encode()


class _Workers:
    """A scheduler and two workers, begun when first wanted; a killed worker is replaced by a new one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = ""
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.living: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.living, *([self.scheduler] if self.scheduler else [])):
            process.kill()
            process.wait()

    def ready(self) -> str:
        if self.scheduler is None:
            self.scheduler = self._python("scheduler.txt", "-m", "distributed.cli.dask_scheduler",
                                          "--host", "127.0.0.1", "--port", "0", "--no-dashboard")  # fmt: skip
            end = time.monotonic() + PATIENCE
            log = self.root.parent / "scheduler.txt"
            while not (told := re.search(r"Scheduler at:\s+(tcp://\S+)", log.read_text())):
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.1)
            self.address = told[1]
        self.living = [each for each in self.living if each.poll() is None]
        while len(self.living) < 2:
            options = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
            self.living.append(
                self._python("workers.txt", "-m", "distributed.cli.dask_worker", self.address, *options)
            )
        return self.address

    def _python(self, log: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.root.parent / log).open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.root,
                env=environment(self.root),
                stdout=output,
                stderr=output,
            )


def _one_call(root: Path, whom: str, delay: float, workers: _Workers, tally: Tally) -> None:
    """One `impl run` in which one process is killed; the call ends by itself unless it was the driver's turn."""
    mark = f"call-{tally.calls}"
    where = ("--cluster", workers.ready()) if whom == "worker" else ()
    driver = _start(root, mark, "run", "--jobs", "2", *where)
    tally.calls += 1
    _wait(driver, delay)
    victim = _victim(driver, whom, workers)
    end = time.monotonic() + delay
    while victim is None and driver.poll() is None and time.monotonic() < end:
        time.sleep(0.02)  # there is no kernel yet, say: the first that comes
        victim = _victim(driver, whom, workers)
    if victim is None:
        tally.missed += 1
    else:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
            tally.killed[whom] += 1
    driver.wait(PATIENCE)
    tally.orphans += _orphans(mark)
    tally.truncated += _half_written(root)


def _victim(driver: subprocess.Popen[bytes], whom: str, workers: _Workers) -> psutil.Process | None:
    if driver.poll() is not None:
        return None
    if whom == "driver":
        return psutil.Process(driver.pid)
    if whom == "worker":
        busy = [psutil.Process(each.pid) for each in workers.living if each.poll() is None]
        return next((each for each in busy if each.children()), None)
    try:
        level = [each for each in psutil.Process(driver.pid).children() if "impl.runs.warm" in each.cmdline()]
        for _ in range(("preloaded", "run", "kernel").index(whom)):
            level = [child for each in level for child in each.children()]
    except psutil.NoSuchProcess:
        return None
    return level[0] if level else None


def _start(root: Path, mark: str, *arguments: str) -> subprocess.Popen[bytes]:
    with (root / "output.txt").open("wb") as output:
        return subprocess.Popen(
            command(*arguments),
            cwd=root,
            env={**environment(root), MARK: mark},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _orphans(mark: str) -> list[str]:
    """Who was started by this call and is still there after five seconds."""
    end = time.monotonic() + ORPHAN_SECONDS
    while True:
        left = [each for each in psutil.process_iter() if _is_of(each, mark)]
        if not left or time.monotonic() > end:
            return [f"{mark}: {each.pid}" for each in left]
        time.sleep(0.1)


def _is_of(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _half_written(root: Path) -> list[str]:
    """Ledger and published files that a reader could meet and that are not whole."""
    broken = []
    for path in (*root.glob("build/ledger/*.json"), *root.glob("reports/*/release.json")):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            broken.append(path.relative_to(root).as_posix())
    broken += [path.relative_to(root).as_posix() for path in root.glob("build/ledger/*.corrupt")]
    broken += [
        path.relative_to(root).as_posix()
        for path in (*root.glob("reports/*/*.html"), *root.glob("reports/index.html"))
        if not path.read_bytes().rstrip().endswith(b"</html>")
    ]
    return broken


def _broken_files(root: Path) -> list[str]:
    """After a finished batch: what is half-written, or left over from what was under way."""
    left = [path.relative_to(root).as_posix() for path in root.glob("reports/**/.*.part")]
    return [*_half_written(root), *left]


def _project(root: Path) -> Path:
    make_project(root)
    for study in STUDIES:
        add_study(root, study)
    (root / "build").mkdir(mode=0o700)
    (root / "build" / "secret").write_bytes(bytes(range(32)))  # so that all batches have the same run ids
    return root


def _clear(root: Path) -> None:
    import shutil

    shutil.rmtree(root / "reports", ignore_errors=True)
    for path in (root / "build").iterdir():
        if path.is_dir():
            shutil.rmtree(path)


def _seconds_of_a_batch(root: Path) -> float:
    """From the ledger of an undisturbed batch: how long it took, so that kills fall into all of it."""
    took = [json.loads(path.read_bytes())["attempt"]["seconds"] for path in root.glob("build/ledger/*.json")]
    return 3.0 + sum(took) / 2


def _told() -> Iterator[str]:
    asked = argparse.ArgumentParser(
        description="Kill processes of a batch at random moments, and compare the ends."
    )
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    chosen = asked.parse_args()
    begun = time.monotonic()

    def say(tally: Tally) -> None:
        found = "all well" if tally.sound else "NOT WELL"
        at = time.monotonic() - begun
        sys.stderr.write(
            f"{tally.kills} killed, {tally.missed} missed, batch {tally.batches}, {at:.0f} s: {found}\n"
        )

    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        tally = kill_at_random(Path(folder), kills=chosen.kills, seed=chosen.seed, say=say)
    yield json.dumps(
        {
            "kills": tally.kills,
            "by": dict(tally.killed),
            "missed": tally.missed,
            "batches": tally.batches,
            "calls": tally.calls,
            "unequal": len(tally.unequal),
            "truncated": len(tally.truncated),
            "orphans": len(tally.orphans),
            "seconds": round(time.monotonic() - begun),
        }
    )
    yield from (*tally.unequal, *tally.truncated, *tally.orphans)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the workers end with it
    for line in _told():
        sys.stdout.write(f"{line}\n")
