"""One notebook in one kernel: what the kernel is given, and how its end is judged."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from impl.errors import RunError
from impl.runs import kernels
from impl.runs.judge import RunFailedError, judge
from impl.runs.kernels import Executed, execute_notebook, read_notebook, transport_for
from impl.runs.stop import Stop
from notebooks.tiny_project import notebook

ASK = """\
import json, os, sys
import zmq
from ipykernel.kernelapp import IPKernelApp
app = IPKernelApp.instance()
print("ASKED" + json.dumps({
    "study": study,
    "folder": os.getcwd(),
    "python": sys.executable,
    "threads": os.environ["OMP_NUM_THREADS"],
    "ipython": os.environ["IPYTHONDIR"],
    "transport": app.transport,
    "address": app.ip,
    "debugger": sys.modules.get("debugpy", "absent") is not None,
    "environment": sorted(os.environ),
}))"""


def asked(folder: Path) -> dict[str, Any]:
    (folder / "ask.ipynb").write_text(notebook('study: str = ""', ASK), encoding="utf-8")
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        executed = execute_notebook(
            folder / "ask.ipynb",
            {"study": '0301 "); import os; os._exit(1) #'},
            folder=folder,
            log=log,
            stop=Stop(),
            deadline=time.monotonic() + 60,
        )
    judge(executed, "ask", timeout=60)
    text = (folder / "log.txt").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text.split("ASKED")[1].split("\n")[0])
    return found


def test_a_kernel_gets_this_python_the_project_folder_and_private_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REGISTRY_PASSWORD", "PYTENSOR_FLAGS", "PYTHONSTARTUP", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "nowhere")
    told = asked(tmp_path)
    assert not {"REGISTRY_PASSWORD", "PYTENSOR_FLAGS", "PYTHONSTARTUP", "GITHUB_TOKEN"} & set(
        told["environment"]
    )
    assert {"PATH", "HOME"} <= set(told["environment"])
    assert told["study"] == '0301 "); import os; os._exit(1) #', "a value is data, whatever it looks like"
    assert Path(told["folder"]) == tmp_path
    assert told["python"] == sys.executable
    assert told["threads"] == "1"
    assert told["transport"] == "ipc"
    assert not Path(told["address"]).parent.exists(), "sockets are gone with the kernel"
    assert Path(told["ipython"]).parent == Path(told["address"]).parent
    assert told["debugger"] is False


def test_where_unix_sockets_cannot_be_had_the_kernel_is_reached_by_tcp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "SOCKET_PATH_LIMIT", 1)
    assert transport_for(tmp_path) == "tcp"
    assert asked(tmp_path)["transport"] == "tcp"


def test_a_folder_where_a_socket_can_be_bound_means_ipc(tmp_path: Path) -> None:
    short = tmp_path / "s"
    short.mkdir()
    expected = "ipc" if len(str(short)) <= kernels.SOCKET_PATH_LIMIT else "tcp"
    assert transport_for(short) == expected
    assert list(short.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (None, "no such file"),
        ("", "JSONDecodeError"),
        ("[]", "JSON that is no notebook"),
        ('{"nbformat": 3, "cells": []}', "JSON that is no notebook"),
        ('{"nbformat": 4, "cells": {}}', "JSON that is no notebook"),
    ],
)
def test_what_is_no_notebook_is_refused_by_name(tmp_path: Path, content: str | None, got: str) -> None:
    if content is not None:
        (tmp_path / "20_x.ipynb").write_text(content)
    with pytest.raises(RunError, match=rf"notebooks/20_x\.ipynb: got {got}"):
        read_notebook(tmp_path / "20_x.ipynb")


def executed(*cells: dict[str, Any], ended: Any = "finished", **more: Any) -> Executed:
    whole = [
        {"cell_type": "code", "source": "x", "execution_count": 1, "outputs": [], **cell} for cell in cells
    ]
    return Executed(notebook={"cells": whole}, ended=ended, **more)


def error(name: str, text: str = "", *lines: str) -> dict[str, Any]:
    return {"outputs": [{"output_type": "error", "ename": name, "evalue": text, "traceback": list(lines)}]}


def test_cells_that_all_ran_are_good_and_blank_ones_need_not_run() -> None:
    judge(executed({}, {"source": " \n", "execution_count": None}, {"source": ["a", "b"]}), "n", timeout=9)


@pytest.mark.parametrize(
    ("result", "reason", "code", "state"),
    [
        (executed({}, ended="stopped"), "stopped by request", 130, "cancelled"),
        (executed({}, ended="timeout", cell=2), "n, cell 2: still running after 9 s", 5, "failed"),
        (executed({}, ended="no_start"), "n: the kernel did not start", 5, "failed"),
        (Executed(notebook=None, ended="finished"), "n: the kernel did not start", 5, "failed"),
        (executed({}, ended="died", cell=1, exit_status=-11), "the kernel died (signal 11)", 5, "failed"),
        (executed({}, ended="died", cell=1), "its end was not seen", 5, "failed"),
        (executed({}, {"execution_count": None}), "n, cell 2: the cell did not run", 5, "failed"),
        (executed(error("KeyError", "'a'\nmore", "\x1b[31mred")), "n, cell 1: KeyError: 'a'", 5, "failed"),
        (executed(error("StudyError", "one\ntwo\nthree")), "one (and 2 more)", 2, "failed"),
        (executed(error("DisclosureError", "cell")), "cell", 4, "failed"),
        (executed(error("SystemExit", "0")), "the cell called sys.exit(0)", 5, "failed"),
        (executed(error("Fault", "x")), "n, cell 1: Fault: x", 5, "failed"),
    ],
)
def test_every_other_end_is_a_failure_with_its_reason(
    result: Executed, reason: str, code: int, state: str
) -> None:
    with pytest.raises(RunFailedError) as raised:
        judge(result, "n", timeout=9)
    failure = raised.value.failure
    assert reason in failure.reason
    assert "\n" not in failure.reason
    assert "\x1b" not in failure.detail
    assert (failure.exit_code, failure.state) == (code, state)
