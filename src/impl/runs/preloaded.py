"""The driver's side of the preloaded process (`warm`): started when first needed, asked for one run at a time.

It may be asked by several threads at once; each waits for its own run's answer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from impl.errors import RunError
from impl.runs.job import Say
from impl.runs.kernels import ONE_THREAD, scrubbed
from impl.runs.ledger import Profile, build_folder
from impl.runs.outcome import Outcome, cancelled_outcome, note_lost
from impl.runs.run import run_study
from impl.runs.stop import Stop

if TYPE_CHECKING:
    from impl.runs.forked import Spares

LARGEST_MESSAGE = 64 * 1024
START_SECONDS = 120.0
END_SECONDS = 2.0
ATTEMPTS = 2
"""How often a run is begun whose process is killed from outside; what fails by itself is not tried again."""

QUIET = {
    **dict.fromkeys(ONE_THREAD, "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # Arrow's allocator starts a thread at import
}


@dataclass(frozen=True, kw_only=True)
class Order:
    """One run, as `run_study` takes it; what crosses to another process or machine, so plain values alone.

    shared: others of its structure follow, so compile it for all of them. memory: bytes, None for no limit.
    """

    path: str
    unit: str
    root: str
    profile: Profile
    force: bool
    timeout: float
    shared: bool
    memory: int | None = None


def carry_out(order: Order, name: str, preloaded: Preloaded | None, stop: Stop, say: Say) -> Outcome:
    """The one way in which a run is made, here and on a cluster: forked where that is possible, else in this process."""
    done = preloaded.run(order, name, stop, say) if preloaded is not None else None
    return done or run_order(order, stop, say)


def run_order(order: Order, stop: Stop, say: Say, spares: Spares | None = None) -> Outcome:
    """Call `run_study` with what was ordered."""
    return run_study(
        Path(order.path),
        order.unit,
        root=Path(order.root),
        profile=order.profile,
        force=order.force,
        timeout=order.timeout,
        memory=order.memory,
        stop=stop,
        say=say,
        spares=spares,
    )


class Preloaded:
    """The preloaded process of one batch, and the way to it. sampler: whether any of its notebooks samples."""

    def __init__(self, root: Path, *, sampler: bool) -> None:
        self._root = root
        self._sampler = sampler
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._able = sys.platform == "linux"

    def __enter__(self) -> Preloaded:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def run(self, order: Order, name: str, stop: Stop, say: Say) -> Outcome | None:
        """Have one study run. None where no process can be forked here; the caller then runs it by itself."""
        stop.watch(self._stop)
        try:
            for _ in range(ATTEMPTS):
                control = self._ready()
                if control is None:
                    return None
                if stop.signal is None:
                    outcome = self._ask(control, order, stop, say)
                    if outcome is not None:
                        return outcome
                if stop.signal is not None:
                    return cancelled_outcome(name, stop.signal)
        finally:
            stop.forget(self._stop)
        return note_lost(self._root, name)

    def _ask(self, control: socket.socket, order: Order, stop: Stop, say: Say) -> Outcome | None:
        """The outcome of one run; None where its process ended without an answer."""
        read, write = os.pipe()
        with os.fdopen(read, "rb") as answers:
            try:
                with self._lock:
                    socket.send_fds(control, [json.dumps(dataclasses.asdict(order)).encode()], [write])
            except OSError:
                return None
            finally:
                os.close(write)
            if stop.signal is not None:  # it came before there was a run to pass it on to
                self._stop(stop.signal)
            for line in answers:
                try:
                    told = json.loads(line)
                except ValueError:  # it was killed in the midst of a word
                    return None
                if "stage" in told:
                    say(told["stage"])
                elif "unable" in told:
                    self._able = False
                else:
                    return Outcome(**told["outcome"])
        return None

    def _ready(self) -> socket.socket | None:
        """The way to a living process; begun here when first needed, and again where it has died."""
        with self._lock:
            if not self._able:
                return None
            if self._process is None or self._process.poll() is not None:
                self.end()
                try:
                    self._able = self._begin()
                except (OSError, RunError):  # no memory, no disk: the run itself will say what is wrong
                    self._able = False
            return self._socket

    def _begin(self) -> bool:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, (build_folder(self._root) / "preloaded.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "impl.runs.warm",
                    str(theirs.fileno()),
                    *["sampler"] * self._sampler,
                ],
                pass_fds=[theirs.fileno()],
                cwd=self._root,
                env={**scrubbed(os.environ), **QUIET},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is ours to pass on
            )
        ours.settimeout(START_SECONDS)
        try:
            able = json.loads(ours.recv(LARGEST_MESSAGE) or b"{}").get("forks") is True
        except (OSError, ValueError):
            able = False
        ours.settimeout(None)
        self._socket = ours
        return able

    def _stop(self, number: int) -> None:
        """Pass a signal on to every run; they answer that they were cancelled."""
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.send(json.dumps({"stop": number}).encode())

    def end(self) -> None:
        """End the process, and with it whatever still runs; the next run starts another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:  # it may be compiling, and does not listen meanwhile
                self._process.kill()
                self._process.wait()
            self._process = None
