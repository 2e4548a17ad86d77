"""Kernels that are forked instead of started: everything is imported already, so a kernel is there at once.

A process that runs one study forks the kernels it will need before it has any thread, socket or loop of its
own; each then waits on a pipe for its connection file. Jupyter starts one through `ForkedProvisioner`.
Forking is safe only from a process of a single thread (`single_threaded`), and only where Linux is.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any, NoReturn

from jupyter_client.provisioning import LocalProvisioner

SOON = 0.02
"""Seconds between two looks at a child; only its end is waited for so."""


class Child:
    """A forked process with the few methods of `subprocess.Popen` that Jupyter and we use. Thread-safe."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Exit status as `subprocess` counts it (negative = signal), None while it runs."""
        with self._lock:
            if self.returncode is None:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        until = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise TimeoutExpired("forked process", timeout or 0.0)
            time.sleep(SOON)
        return status

    def send_signal(self, number: int) -> None:
        with self._lock:  # not reaped yet, so the number is still this process's own
            if self.returncode is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class Spare:
    """A forked kernel that waits to be told where to listen. order: write end of its pipe."""

    child: Child
    order: int

    def start(self, order: Mapping[str, Any]) -> Child:
        with os.fdopen(self.order, "wb") as pipe:
            pipe.write(json.dumps(dict(order)).encode())
        return self.child


@dataclass(frozen=True, kw_only=True)
class Spares:
    """The kernels that are left; where none is, a kernel is started as a process of its own."""

    left: list[Spare] = field(default_factory=list)

    def take(self) -> Spare | None:
        while self.left:
            spare = self.left.pop(0)
            if spare.child.poll() is None:
                return spare
            os.close(spare.order)  # killed while it waited
        return None

    def end(self) -> None:
        """End what was not needed."""
        while self.left:
            spare = self.left.pop()
            os.close(spare.order)
            spare.child.wait()


def single_threaded() -> bool:
    """Whether this process may fork: it has one thread, of Python's or of anybody's."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1


def fork_spares(count: int) -> Spares:
    """Fork kernels for later. Raises RuntimeError in a process that may not fork."""
    if not single_threaded():
        raise RuntimeError("a process of several threads must not fork kernels")
    spares = Spares()
    for _ in range(count):
        order, write = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.close(write)
            for other in spares.left:
                os.close(other.order)
            _be_kernel(order, parent)
        lead_group(pid)
        os.close(order)
        spares.left.append(Spare(child=Child(pid), order=write))
    return spares


def lead_group(pid: int) -> None:
    """Let a process lead a group of its own, so that what it starts is ended with it; asked by parent and child."""
    with contextlib.suppress(OSError):  # the other one was first, or the child has ended
        os.setpgid(pid, pid)


def end_with_parent(parent: int) -> None:
    """Have Linux kill this process when its parent ends; `parent`: the process that forked it."""
    import ctypes

    death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it ended before we could ask to be told


def _be_kernel(order: int, parent: int) -> NoReturn:
    """Wait for the order, then be an IPython kernel until told to stop; never returns into the caller's stack."""
    status = 1
    try:
        end_with_parent(parent)
        lead_group(0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with os.fdopen(order, "rb") as pipe:
            text = pipe.read()
        if text:
            told = json.loads(text)
            _take_over(told)
            from ipykernel import kernelapp

            kernelapp.launch_new_instance(argv=told["arguments"])
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


def _take_over(told: Mapping[str, Any]) -> None:
    """Environment, folder and streams as a kernel that was started for this notebook would have them."""
    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["folder"])
    log = os.open(told["log"], os.O_WRONLY | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


class ForkedProvisioner(LocalProvisioner):  # type: ignore[misc]  # jupyter_client's seam is a class
    """Jupyter's extension point for starting a kernel: gives one of ours its connection file."""

    spare: Spare
    written_to: Path

    async def launch_kernel(self, cmd: list[str], **launch: Any) -> dict[str, Any]:
        """Nothing is executed; what the command would have told the kernel's module is told to a waiting one."""
        child = self.spare.start(
            {
                "arguments": cmd[cmd.index("-f") :],
                "environment": launch["env"],
                "folder": launch["cwd"],
                "log": str(self.written_to),
            }
        )
        self.process, self.pid, self.pgid = child, child.pid, child.pid
        information: dict[str, Any] = self.connection_info
        return information
