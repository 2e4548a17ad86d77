"""Runs on other machines: a Dask worker executes an order in a preloaded process of its own, as a local job does.

    driver ──Dask──▶ worker ──socket──▶ its preloaded process ──fork──▶ the run (`run_study`)

All results go through files: every machine must see the project's folder under the same path, with locks (NFS 4,
Lustre with `flock`). Orders and Outcomes alone cross the network. Imported only where a cluster is used.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from distributed import Client, KilledWorker, WorkerPlugin, get_worker

from impl.errors import Fault, RunError
from impl.runs.job import Say
from impl.runs.judge import INFRASTRUCTURE
from impl.runs.ledger import is_locked
from impl.runs.outcome import Outcome, cancelled_outcome, note_lost
from impl.runs.preloaded import Order, Preloaded, carry_out
from impl.runs.stop import Stop
from impl.runs.surroundings import differences, surroundings

CONNECT_SECONDS = 30
WORKER_SECONDS = 600
"""How long to wait for the first worker; a batch system may keep its job waiting."""
LOOK_SECONDS = 0.5
END_SECONDS = 15.0
ATTEMPTS = 3
"""How often a run is begun whose worker is sent away while it goes on."""
IDLE_SECONDS = 300.0
"""After this long without an order a worker ends its preloaded process, which holds half a gigabyte."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A scheduler with workers that were found fit. jobs: runs at once. name: of this batch, on the workers."""

    client: Any
    root: Path
    name: str
    jobs: int
    here: Mapping[str, str]

    def run(self, order: Order, study: str, stop: Stop, say: Say) -> Outcome:
        """Have one study run by some worker; one that is lost is replaced by another, as often as Dask allows.

        Source: `distributed.scheduler.allowed-failures`, 3 unless the scheduler is told otherwise.
        """
        say("waiting for a worker")
        outcome = self._once(order, study, stop, 0)
        for attempt in range(1, ATTEMPTS):
            if outcome.state != "cancelled" or stop.signal is not None:
                break
            # Nobody asked for it: the worker was told to go, by a batch system say, and took its runs along.
            outcome = self._once(order, study, stop, attempt)
        return outcome

    def _once(self, order: Order, study: str, stop: Stop, attempt: int) -> Outcome:
        begun = time.monotonic()
        key = f"{self.name}-{study}-{attempt}"
        given = (dataclasses.asdict(order), study, self.name, dict(self.here))
        future = self.client.submit(work, *given, key=key, pure=False)
        try:
            while True:
                if stop.signal is not None:
                    self._cancel(future, study)
                    return cancelled_outcome(study, stop.signal)
                with contextlib.suppress(TimeoutError):
                    return Outcome(**future.result(timeout=LOOK_SECONDS))
        except KilledWorker:
            return note_lost(self.root, study)
        except (CancelledError, OSError) as error:
            return _broken(study, f"the scheduler was lost ({type(error).__name__}). Run again.", begun)
        except Exception as error:  # the worker could not even begin: told as this run's own failure
            first = (str(error).splitlines() or [""])[0]
            return _broken(study, f"the worker did not begin: {type(error).__name__}: {first}", begun)

    def _cancel(self, future: Any, study: str) -> None:
        """The worker sees that nobody waits any more, ends the run and frees its lock."""
        with contextlib.suppress(Exception):  # a scheduler that is gone has cancelled already
            future.cancel()
        end = time.monotonic() + END_SECONDS
        while is_locked(self.root, study) and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def open_cluster(address: str, root: Path, *, sampler: bool, jobs: int | None = None) -> Iterator[Cluster]:
    """Join the scheduler at `address` (tcp:// or tls://), compare every worker with this machine, and lay out.

    jobs: runs at once; as many as the workers have threads where None. Raises RunError where there is no scheduler or
    worker, or a worker differs: every difference is told with both sides.
    """
    _require_address(address)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError):
        raise _fault(
            "cluster.no_scheduler",
            address,
            "no answer",
            "the address of a Dask scheduler",
            "Start one: dask scheduler.",
        ) from None
    with client, joined(client, root, sampler=sampler, jobs=jobs) as cluster:
        yield cluster


@contextlib.contextmanager
def joined(client: Any, root: Path, *, sampler: bool, jobs: int | None = None) -> Iterator[Cluster]:
    """The same for a client that is there already."""
    from impl.study.identity import make_secret

    make_secret(root)  # so that all workers find the same one
    here = surroundings(root)
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise _fault(
            "cluster.no_worker",
            "--cluster",
            "no worker",
            "one at least",
            "Start one: dask worker ADDRESS --nthreads 1.",
        ) from None
    _compare(client, here, root)
    name = f"impl-{uuid.uuid4().hex[:8]}"
    client.register_plugin(Runner(str(root), sampler), name=name)
    try:
        threads = sum(
            worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()
        )
        yield Cluster(client=client, root=root, name=name, jobs=jobs or threads, here=here)
    finally:
        with contextlib.suppress(Exception):  # the scheduler may be gone, and its workers with it
            client.unregister_worker_plugin(name)


def beyond_this_machine(address: str) -> bool:
    """Whether whoever reaches the scheduler could give it orders: plain tcp, and not on loopback."""
    parts = urlsplit(address)
    if parts.scheme != "tcp" or parts.hostname == "localhost":
        return False
    try:
        return not ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return True


# --- on a worker


class Runner(WorkerPlugin):  # type: ignore[misc]  # Dask's seam is a class
    """The preloaded process of one batch on one worker, begun when first needed and ended when long unused."""

    def __init__(self, root: str, sampler: bool) -> None:
        self.root, self.sampler = root, sampler

    def setup(self, worker: Any) -> None:  # noqa: ARG002 - Dask calls it with this name
        self.lock = threading.Lock()
        self.preloaded = Preloaded(Path(self.root), sampler=self.sampler)
        self.busy = 0
        self.idle: threading.Timer | None = None

    def teardown(self, worker: Any) -> None:  # noqa: ARG002
        if self.idle is not None:
            self.idle.cancel()
        self.preloaded.end()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[Preloaded]:
        with self.lock:
            self.busy += 1
            if self.idle is not None:
                self.idle.cancel()
        try:
            yield self.preloaded
        finally:
            with self.lock:
                self.busy -= 1
                if not self.busy:
                    self.idle = threading.Timer(IDLE_SECONDS, self._rest)
                    self.idle.daemon = True
                    self.idle.start()

    def _rest(self) -> None:
        with self.lock:
            if not self.busy:
                self.preloaded.end()


def work(order: Mapping[str, Any], study: str, batch: str, driver: Mapping[str, str]) -> dict[str, Any]:
    """On a worker: one order, as `carry_out` does it; an Outcome as plain values. Ends when nobody waits for it."""
    worker = get_worker()
    found = differences(driver, surroundings(Path(order["root"])))
    if found:  # one that joined after the batch had begun
        reason = f"worker {worker.name}: {'; '.join(found)}. Give all machines one environment."
        return dataclasses.asdict(_broken(study, reason, time.monotonic()))
    key = worker.get_current_task()
    stop, ended = Stop(), threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            task = worker.state.tasks.get(key)
            if task is None or task.state in ("cancelled", "resumed") or worker.status.name != "running":
                stop.request(signal.SIGTERM)
                return

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        with worker.plugins[batch].at_work() as preloaded:
            return dataclasses.asdict(carry_out(Order(**order), study, preloaded, stop, lambda _stage: None))
    finally:
        ended.set()
        watching.join()


def described(root: str) -> tuple[str, dict[str, str]]:
    """On a worker: which machine it is, and what it has."""
    return socket.gethostname(), surroundings(Path(root))


# --- faults


def _compare(client: Any, here: Mapping[str, str], root: Path) -> None:
    try:
        workers = client.run(described, str(root))
    except ImportError as error:
        raise _fault(
            "cluster.mismatch", "--cluster", f"a worker without {error.name or 'impl'}", "the same environment everywhere",
            "Install it there from the lock.",
        ) from None  # fmt: skip
    faults = [
        Fault(
            code="cluster.mismatch",
            where=f"worker {worker} on {host}",
            got="; ".join(found),
            allowed="the same environment, and the same folder",
            fix="Install it there from the lock, start the worker again, and mount the project under the same path.",
        )
        for worker, (host, there) in sorted(workers.items())
        if (found := differences(here, there))
    ]
    if faults:
        raise RunError(faults)


def _require_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
    except ValueError:
        sound = False
    if not sound:
        raise _fault(
            "cluster.address", "--cluster", repr(address[:80]), "tcp://HOST:PORT, tls://HOST:PORT, slurm or local",
            "The scheduler prints its address when it starts.",
        )  # fmt: skip


def _broken(study: str, reason: str, begun: float) -> Outcome:
    return Outcome(
        study=study,
        state="failed",
        seconds=round(time.monotonic() - begun, 3),
        exit_code=INFRASTRUCTURE,
        reason=reason,
        detail=reason,
    )


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> RunError:
    return RunError([Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)])
