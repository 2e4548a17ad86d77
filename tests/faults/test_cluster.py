"""Runs on a Dask cluster: a real scheduler and real workers as processes on loopback, and what befalls them.

Nothing is sampled; the runs are those of the tiny project, with real kernels.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

from impl.errors import RunError
from impl.runs.batch import run_studies
from impl.runs.cluster import beyond_this_machine, open_cluster
from impl.runs.jobqueue import job_script
from impl.runs.ledger import is_locked
from impl.runs.surroundings import differences, surroundings
from impl.runs.tasks import tasks_named
from notebooks.tiny_project import (
    add_study,
    add_troubled_study,
    command,
    environment,
    ledger,
    make_project,
    published,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked from on Linux alone")

PATIENCE = 120.0
WORKER = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "60")


def python(root: Path, *arguments: str, **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=root,
        env={**environment(root), **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextlib.contextmanager
def scheduler(root: Path) -> Iterator[str]:
    """A scheduler of its own on loopback; its address."""
    process = python(
        root, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
    )
    try:
        told = ""
        while not (found := re.search(r"Scheduler at:\s+(tcp://\S+)", told)):
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, told
            told += line
        yield found[1]
    finally:
        end(process)


@contextlib.contextmanager
def workers(root: Path, address: str, count: int, **changes: str) -> Iterator[list[subprocess.Popen[str]]]:
    started = [
        python(root, "-m", "distributed.cli.dask_worker", address, *WORKER, **changes) for _ in range(count)
    ]
    try:
        yield started
    finally:
        for each in started:
            end(each)


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=30)


def until(condition: object, what: str) -> None:
    """Wait for a condition (a function) to hold."""
    last = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < last, what
        time.sleep(0.1)


def test_two_workers_make_what_one_machine_makes_though_one_is_killed(tmp_path: Path) -> None:
    far, near = make_project(tmp_path / "far"), make_project(tmp_path / "near")
    names = [f"study-{number}" for number in range(5)]
    for root in (far, near):
        (root / "build").mkdir(mode=0o700)
        (root / "build/secret").write_bytes(bytes(range(32)))  # so that the runs have one id
        for name in names:
            add_study(root, name)
    asleep = (
        "import os, time\n"
        "from pathlib import Path\n"
        "if not Path('begun').exists():\n"
        "    Path('begun').write_text(str(os.getpid()))\n"
        "    time.sleep(600)"
    )
    add_troubled_study(far, "asleep", asleep)
    add_troubled_study(near, "asleep", asleep)
    (near / "begun").touch()

    with scheduler(far) as address, workers(far, address, 2) as both:
        driver = python(far, "-m", "impl.cli", "run", "--cluster", address, "--jobs", "2")
        until(lambda: (far / "begun").exists() and (far / "begun").read_text(), "the study never began")
        kernel = psutil.Process(int((far / "begun").read_text()))
        family = [kernel, *kernel.parents()]
        (victim,) = [each for each in both if each.pid in {process.pid for process in family}]
        victim.kill()
        _, alive = psutil.wait_procs([kernel, *family[1:3]], timeout=5)
        assert alive == [], "kernel, run and preloaded process end with their worker"
        output, _ = driver.communicate(timeout=PATIENCE)
        assert driver.returncode == 0, output
        again = python(far, "-m", "impl.cli", "run", "--cluster", address)
        output, _ = again.communicate(timeout=PATIENCE)
        assert again.returncode == 0, output
        assert output.count("unchanged") == 6

    assert run_studies(tasks_named(near, ()), root=near).exit_code == 0
    for name in (*names, "asleep"):
        assert published(far, name) == published(near, name), name
        assert ledger(far, name)["published"]["files"] == ledger(near, name)["published"]["files"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_driver_that_ends_takes_its_runs_from_the_workers(tmp_path: Path, how: int) -> None:
    root = make_project(tmp_path / "project")
    add_troubled_study(
        root, "asleep", "import time\nfrom pathlib import Path\nPath('begun').touch()\ntime.sleep(600)"
    )
    with scheduler(root) as address, workers(root, address, 1):
        driver = python(root, "-m", "impl.cli", "run", "--cluster", address)
        until((root / "begun").exists, "the study never began")
        driver.send_signal(how)
        output, _ = driver.communicate(timeout=PATIENCE)
        if how == signal.SIGINT:
            assert driver.returncode == 130, output
            assert "cancelled" in output
        until(lambda: not is_locked(root, "asleep"), "the run went on without its driver")
        attempt = ledger(root, "asleep")["attempt"]
    assert (attempt["state"], attempt["reason"]) == ("cancelled", "stopped by signal 15")


def test_a_worker_with_another_environment_is_refused_with_both_sides(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    add_study(root, "falls")
    other = tmp_path / "other"
    older = other / "numpy-1.26.4.dist-info"
    older.mkdir(parents=True)
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n")
    with scheduler(root) as address, workers(root, address, 1, PYTHONPATH=str(other)):
        driver = python(root, "-m", "impl.cli", "run", "--cluster", address)
        output, _ = driver.communicate(timeout=PATIENCE)
    assert driver.returncode == 5
    assert f"numpy {surroundings(root)['numpy']} here, 1.26.4 there" in " ".join(output.split())
    assert "Traceback" not in output
    assert not (root / "build/ledger").exists(), "nothing was begun"


def test_without_a_scheduler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("impl.runs.cluster.CONNECT_SECONDS", 1)
    root = make_project(tmp_path / "project")
    with (
        pytest.raises(RunError, match="got no answer"),
        open_cluster("tcp://127.0.0.1:9", root, sampler=False),
    ):
        pass
    for wrong in ("127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://", "tcp://host:many"):
        with pytest.raises(RunError, match="tcp://HOST:PORT"), open_cluster(wrong, root, sampler=False):
            pass


def test_which_addresses_lie_open() -> None:
    assert [
        beyond_this_machine(f"{address}:8786")
        for address in (
            "tcp://127.0.0.1",
            "tcp://localhost",
            "tls://10.0.0.5",
            "tcp://[::1]",
            "tcp://10.0.0.5",
            "tcp://node1",
        )
    ] == [False, False, False, False, True, True]


def test_differences_are_told_with_both_sides() -> None:
    assert differences({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": "4"}) == [
        "b 2 here, 3 there",
        "c none here, 4 there",
    ]


SLURM = """\
#!/usr/bin/env bash

#SBATCH -J impl
#SBATCH -e BUILD/cluster/impl-%J.err
#SBATCH -o BUILD/cluster/impl-%J.out
#SBATCH -n 1
#SBATCH --cpus-per-task=2
#SBATCH --mem=4G
#SBATCH -t 00:30:00

PYTHON -m distributed.cli.dask_worker tls://SCHEDULER --name dummy-name --nthreads 1 --memory-limit 3.73GiB --nanny \
--death-timeout 60 --local-directory BUILD/cluster --protocol tls:// --tls-ca-file BUILD/cluster/KEY \
--tls-cert BUILD/cluster/KEY --tls-key BUILD/cluster/KEY
"""


def test_the_job_script_for_slurm(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    script = job_script("slurm", root)
    script = script.replace(str(root / "build"), "BUILD").replace(sys.executable, "PYTHON")
    script = re.sub(r"tls://[0-9.]+:[0-9]+", "tls://SCHEDULER", script)
    script = re.sub(r"BUILD/cluster/\.dask-jobqueue\.worker\.\S+", "BUILD/cluster/KEY", script)
    assert script == SLURM
    assert (root / "build/cluster").stat().st_mode & 0o777 == 0o700
    assert list((root / "build/cluster").glob(".dask*")) == [], "keys go with the batch"


@pytest.mark.slow
def test_jobs_of_a_batch_system_do_the_work(tmp_path: Path) -> None:
    """dask-jobqueue's own path, with jobs that are processes here; encrypted as on a real cluster."""
    root = make_project(tmp_path / "project")
    add_study(root, "falls")
    add_study(root, "wounds")
    done = subprocess.run(
        command("run", "--cluster", "local", "--jobs", "2"),
        cwd=root, env=environment(root), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert ledger(root, "falls")["attempt"]["state"] == ledger(root, "wounds")["attempt"]["state"] == "ok"
    left = [
        each for each in psutil.process_iter(["cmdline"]) if str(root) in " ".join(each.info["cmdline"] or [])
    ]
    _, alive = psutil.wait_procs([each for each in left if each.pid != os.getpid()], timeout=10)
    assert alive == []
