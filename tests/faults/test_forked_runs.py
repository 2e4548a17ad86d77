"""Runs and kernels that are forked from a preloaded process: the same results, and nobody is hurt or left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from impl.runs.preloaded import QUIET, Order, Preloaded
from impl.runs.stop import Stop
from notebooks.tiny_project import (
    PARAMETERS,
    add_notebook,
    add_study,
    add_troubled_study,
    impl,
    ledger,
    make_project,
    published,
)

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from batch import project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


def order(root: Path, path: Path, **changes: object) -> Order:
    given: dict[str, object] = {
        "path": str(path),
        "unit": "",
        "root": str(root),
        "profile": "full",
        "force": False,
        "timeout": 60.0,
        "shared": False,
    }
    return Order(**{**given, **changes})  # type: ignore[arg-type]


def children(name: str) -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if name in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def test_forked_and_plain_runs_publish_the_same(tmp_path: Path) -> None:
    forked, plain = make_project(tmp_path / "forked"), make_project(tmp_path / "plain")
    for root in (forked, plain):
        add_study(root, "falls", languages="nb, en")
    (plain / "build").mkdir(mode=0o700)
    secret = bytes(range(32))
    for root in (forked, plain):
        (root / "build").mkdir(mode=0o700, exist_ok=True)
        (root / "build/secret").write_bytes(secret)  # so that both runs have one id
    assert impl(forked, "run").returncode == 0
    assert impl(plain, "run", "--plain").returncode == 0
    assert published(forked, "falls") == published(plain, "falls")
    assert (forked / "build/preloaded.log").is_file()
    assert not (plain / "build/preloaded.log").exists()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_sampled_is_the_same_forked_and_plain(tmp_path: Path) -> None:
    told = []
    for name, plain in (("forked", []), ("plain", ["--plain"])):
        root = tmp_path / name
        root.mkdir()
        project(root, 2)
        (root / "build/secret").write_bytes(bytes(range(32)))
        done = impl(root, "run", "homes", "--profile", "smoke", "--jobs", "2", *plain)
        assert done.returncode == 0, done.stdout + done.stderr
        releases = [json.loads(path.read_bytes()) for path in sorted(root.glob("reports/*/release.json"))]
        assert len(releases) == 2
        for release in releases:
            del release["run"]["started"], release["run"]["seconds"]
        told.append(releases)
    assert told[0] == told[1]


def test_a_forked_kernel_sees_no_secret_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in its variables nor where Linux keeps those of the process that it was forked from."""
    monkeypatch.setenv("REGISTRY_PASSWORD", "open-sesame")
    root = make_project(tmp_path / "project")
    text = "import os\nPath('told.txt').write_text(str(dict(os.environ)) + Path('/proc/self/environ').read_text())"
    add_troubled_study(root, "aa", text)
    assert impl(root, "run").returncode == 0
    assert (root / "build/preloaded.log").is_file()
    told = (root / "told.txt").read_text()
    assert "PATH" in told
    assert "open-sesame" not in told


def test_a_kernel_that_kills_itself_fails_its_own_run_only(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    add_troubled_study(root, "bad", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)")
    add_study(root, "good")
    done = impl(root, "run", "--jobs", "2")
    assert done.returncode == 5
    assert "the kernel died (signal 11)" in ledger(root, "bad")["attempt"]["reason"]
    assert ledger(root, "good")["attempt"]["state"] == "ok"


def test_a_run_whose_process_is_killed_is_begun_again_and_then_given_up(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    # the parent of a forked kernel is the process of its run
    first = f"import os, signal\nwith open({str(root / 'times')!r}, 'a') as file:\n    file.write('x')\n"
    once = f"{first}if os.path.getsize({str(root / 'times')!r}) == 1:\n    os.kill(os.getppid(), signal.SIGKILL)\n    import time; time.sleep(60)"
    path = add_troubled_study(root, "once", once)
    with Preloaded(root, sampler=False) as preloaded:
        outcome = preloaded.run(order(root, path), "once", Stop(), lambda _stage: None)
        assert outcome is not None
        assert outcome.state == "ok", outcome.detail
        always = f"{first}os.kill(os.getppid(), signal.SIGKILL)\nimport time; time.sleep(60)"
        path = add_troubled_study(root, "always", always)
        outcome = preloaded.run(order(root, path), "always", Stop(), lambda _stage: None)
    assert outcome is not None
    assert (outcome.state, outcome.exit_code) == ("failed", 5)
    assert "killed twice" in (outcome.reason or "")
    assert ledger(root, "always")["attempt"]["state"] == "failed"
    assert (root / "times").read_text() == "xxxx", "two runs of each, and no third"


def test_a_preloaded_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls")
    with Preloaded(root, sampler=False) as preloaded:
        assert preloaded.run(order(root, path), "falls", Stop(), lambda _stage: None)
        # a run that has answered may take a moment to end; the preloaded process is the one we started
        (process,) = [each for each in children("impl.runs.warm") if each.ppid() == os.getpid()]
        process.kill()
        process.wait(10)
        outcome = preloaded.run(order(root, path, force=True), "falls", Stop(), lambda _stage: None)
        assert outcome is not None
        assert outcome.state == "ok"
    _, alive = psutil.wait_procs(children("impl.runs.warm"), timeout=5)
    assert alive == []


@pytest.mark.parametrize("whom", ["driver", "preloaded", "run"])
def test_whoever_is_killed_nobody_is_left_behind(tmp_path: Path, whom: str) -> None:
    root = make_project(tmp_path / "project")
    add_troubled_study(
        root,
        "asleep",
        f"import os, time\nopen({str(root / 'started')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)",
    )
    driver = subprocess.Popen(
        [sys.executable, "-m", "impl.cli", "run"], cwd=root, stdout=subprocess.DEVNULL, start_new_session=True
    )
    end = time.monotonic() + 60
    while not (root / "started").exists() or not (root / "started").read_text():
        assert time.monotonic() < end, "the kernel never came to its cell"
        time.sleep(0.05)
    kernel = psutil.Process(int((root / "started").read_text()))
    run = kernel.parent()
    preloaded = run.parent() if run else None
    assert run is not None
    assert preloaded is not None
    family = [*preloaded.children(recursive=True), preloaded]
    {"driver": psutil.Process(driver.pid), "preloaded": preloaded, "run": run}[whom].kill()
    if whom == "driver":
        driver.wait(10)
    else:  # the run is begun again; end that one as a user would
        time.sleep(1.0)
        driver.send_signal(signal.SIGTERM)
        driver.wait(20)
        assert driver.returncode == 128 + signal.SIGTERM
    gone, alive = psutil.wait_procs([each for each in family if each.pid != driver.pid], timeout=5)
    assert alive == []
    assert len(gone) == len(family)


def test_a_process_with_threads_forks_nothing() -> None:
    text = (
        "import threading, time\n"
        "from impl.runs.forked import fork_spares, single_threaded\n"
        "assert single_threaded()\n"
        "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
        "assert not single_threaded()\n"
        "try:\n    fork_spares(1)\nexcept RuntimeError:\n    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "refused\n"


def test_where_nothing_can_be_forked_kernels_are_started_one_by_one(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls")
    with Preloaded(root, sampler=False) as preloaded:
        preloaded._able = False
        assert preloaded.run(order(root, path), "falls", Stop(), lambda _stage: None) is None


def test_units_run_by_name_and_by_number(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    months = ("2023-01-01,2023-01-31", "2023-02-01,2023-02-28", "2023-03-01,2023-03-31")
    sites = ("0301", "1103", "4601")
    header = "site,period_start,period_end,measure,numerator,denominator"
    rows = [f"{site},{month},falls,5,1000" for site in sites for month in months]
    (root / "data/panel.csv").write_text("\n".join([header, *rows]) + "\n")
    (root / "data/rollout.csv").write_text(
        "site,actual_start\n" + "".join(f"{site},2023-03-01\n" for site in sites)
    )
    path = add_study(root, "falls")
    path.write_text(path.read_text() + "units: {column: site}\n")
    good = json.loads((root / "notebooks/20_good.ipynb").read_text())
    good["cells"][0]["source"] = 'unit: str = ""\n' + PARAMETERS
    good["cells"][1]["source"] = good["cells"][1]["source"].replace(
        "read_study(study)", "read_study(study, unit)"
    )
    add_notebook(root, "20_good", json.dumps(good))

    assert impl(root, "run", "--only", "1103").returncode == 0
    assert sorted(each.parent.name for each in root.glob("reports/*/release.json")) == ["falls-1103"]
    done = impl(root, "run", "--limit", "2", "--jobs", "2")
    assert done.returncode == 0, done.stdout
    assert "unchanged" in done.stdout
    for site in ("0301", "1103"):
        page = published(root, f"falls-{site}")
        release = json.loads(page["release.json"])
        assert release["study"]["id"] == f"falls-{site}"
        assert f"falls-{site}".encode() in page[f"falls-{site}.nb.html"]
    done = impl(root, "run", "falls-4601")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "reports/falls-4601/release.json").is_file()
    assert "falls-0301" not in done.stdout, "that one and no other"
    wrong = impl(root, "run", "--only", "9999")
    assert wrong.returncode == 2
    assert "the code of a unit of these studies" in wrong.stdout + wrong.stderr
    assert not (root / "reports/falls").exists()


def test_what_is_preloaded_is_there_and_leaves_one_thread() -> None:
    text = (
        "import sys\n"
        "from impl.runs.forked import single_threaded\n"
        "from impl.runs.warm import _preload\n"
        "_preload(sampler=True)\n"
        "wanted = ('papermill', 'nbclient', 'ipykernel.kernelapp', 'pymc', 'nutpie', 'arviz_stats', 'impl.report.html')\n"
        "print([name for name in wanted if name not in sys.modules], single_threaded())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "[] True\n"


def test_a_preloaded_process_that_may_fork_no_more_leaves_the_run_to_the_driver(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with Preloaded(root, sampler=False) as preloaded, ours, theirs:

        def refuse() -> None:
            _, descriptors, _, _ = socket.recv_fds(theirs, 65536, 1)
            os.write(descriptors[0], b'{"unable": true}\n')
            os.close(descriptors[0])

        answering = threading.Thread(target=refuse)
        answering.start()
        assert preloaded._ask(ours, order(root, path), Stop(), lambda _stage: None) is None
        answering.join()
        assert preloaded.run(order(root, path), "falls", Stop(), lambda _stage: None) is None


def test_a_waiting_kernel_that_was_killed_is_passed_over() -> None:
    text = (
        "import time\n"
        "from impl.runs.forked import fork_spares\n"
        "spares = fork_spares(2)\n"
        "first, second = spares.left\n"
        "first.child.kill()\n"
        "first.child.wait(10)\n"
        "assert spares.take() is second\n"
        "assert spares.take() is None\n"
        "second.child.kill()\n"
        "print('passed over')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "passed over\n"
