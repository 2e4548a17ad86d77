"""Many studies: each in its own kernels, a failed one never in the way of the others.

A study is run by a thread of ours that talks with its kernel *process*; all computing is done there, so
`jobs` studies really run at once, and a kernel that is killed takes only its own study with it.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from impl.errors import Fault, ImplError, RunError
from impl.runs.job import Say
from impl.runs.ledger import Profile
from impl.runs.outcome import Outcome, cancelled_outcome, crashed_outcome
from impl.runs.preloaded import Order, Preloaded, carry_out
from impl.runs.run import DEFAULT_TIMEOUT, render_study, up_to_date
from impl.runs.status import index_holds, write_index
from impl.runs.stop import Stop, heard
from impl.runs.tasks import Task

if TYPE_CHECKING:
    from rich.console import Console

    from impl.runs.cluster import Cluster


GRAVITY = (5, 4, 2, 3)
"""Exit codes from the gravest: the run broke, disclosure, the user's input, no convergence. Then 0."""

INDEX_EVERY_SECONDS = 2.0
INDEX_SHARE = 20.0
"""An index of a thousand reports takes a while to write; it may take no more than a twentieth of a batch."""
SHOWN_LINES = 30


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The outcomes of one call in the order of the studies, the exit code they give, and the index page."""

    outcomes: tuple[Outcome, ...]
    exit_code: int
    index: Path | None


def run_studies(
    tasks: Sequence[Task],
    *,
    root: Path,
    profile: Profile = "full",
    jobs: int | None = None,
    force: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    console: Console | None = None,
    warm: bool = True,
    memory: int | None = None,
    cluster: str | None = None,
    index: bool = True,
) -> Batch:
    """Bring the reports of these studies up to date and `reports/index.html` with them.

    jobs: studies at once. SIGINT and SIGTERM end the batch: running studies become `cancelled`, waiting ones are
    left as they were. warm: fork runs and kernels from a process that has everything imported, where that is
    possible; else each kernel is started by itself, with the same numbers. memory: bytes that one kernel may take.
    cluster: address of a Dask scheduler, or a batch system, whose workers run the studies instead. index: whether to
    write the index page; not where others write it too.
    """
    from impl.study.study import DESIGNS

    sampler = any(task.study and task.study.notebook in DESIGNS for task in tasks)
    with contextlib.ExitStack() as stack:
        workers = stack.enter_context(_workers(cluster, root, sampler, jobs)) if cluster else None
        preloaded = stack.enter_context(Preloaded(root, sampler=sampler)) if warm and not workers else None

        def work(name: str, task: Task, stop: Stop, say: Say) -> Outcome:
            done = None
            if not force and task.study is not None:
                done = up_to_date(task.study, root=root, profile=profile)
            if done is not None:
                return done
            order = Order(
                path=str(task.path),
                unit=task.unit,
                root=str(root),
                profile=profile,
                force=force,
                timeout=timeout,
                shared=task.shared,
                memory=memory,
            )
            return (
                workers.run(order, name, stop, say)
                if workers
                else carry_out(order, name, preloaded, stop, say)
            )

        at_once = workers.jobs if workers else jobs or 1
        last = {task.name for task in tasks if task.study and task.study.model.learns_from is not None}
        named = [(task.name, task) for task in tasks]
        return _work_through(named, work, root, at_once, console, index, last)


def job_script_of(cluster: str, root: Path) -> str:
    """What a batch system would be given; empty where there is none. Raises RunError as a run would."""
    _require_extra()
    from impl.runs.jobqueue import SYSTEMS, job_script

    return job_script(cluster, root) if cluster in SYSTEMS else ""


def _workers(
    cluster: str, root: Path, sampler: bool, jobs: int | None
) -> contextlib.AbstractContextManager[Cluster]:
    """The way to the workers. Raises RunError where the extra `cluster` is not installed."""
    _require_extra()
    from impl.runs.cluster import beyond_this_machine, open_cluster
    from impl.runs.jobqueue import SYSTEMS, open_jobs

    if cluster in SYSTEMS:
        return open_jobs(cluster, root, sampler=sampler, jobs=jobs or 1)
    if beyond_this_machine(cluster):
        sys.stderr.write(f"{cluster} is open to whoever reaches it: use tls:// between machines.\n")
    return open_cluster(cluster, root, sampler=sampler, jobs=jobs)


def _require_extra() -> None:
    try:
        import impl.runs.jobqueue  # noqa: F401 - whether it can be
    except ImportError as error:
        raise RunError(
            [
                Fault(
                    code="cluster.not_installed",
                    where="--cluster",
                    got=f"no package '{error.name}'",
                    allowed="used with the extra 'cluster' installed",
                    fix='Install it: pip install "impl-workbench[cluster]".',
                )
            ]
        ) from None


def render_studies(
    studies: Sequence[tuple[str, Sequence[str]]],
    *,
    root: Path,
    site: str | None = None,
    jobs: int = 1,
    timeout: float = DEFAULT_TIMEOUT,
    console: Console | None = None,
) -> Batch:
    """Make the pages of these studies (id, languages) anew from their published Releases alone.

    site: code of the site whose local edition is made besides.
    """

    def work(name: str, languages: Sequence[str], stop: Stop, say: Say) -> Outcome:
        return render_study(root, name, languages, site=site, timeout=timeout, stop=stop, say=say)

    return _work_through(studies, work, root, jobs, console)


def exit_code_of(outcomes: Sequence[Outcome], stopped_by: int | None = None) -> int:
    """One exit code for a batch: a signal before everything, else the gravest of the studies'."""
    if stopped_by is not None:
        return 128 + stopped_by
    codes = {outcome.exit_code for outcome in outcomes} - {0}
    return next((code for code in GRAVITY if code in codes), max(codes, default=0))


def _work_through[Given](
    tasks: Sequence[tuple[str, Given]],
    work: Callable[[str, Given, Stop, Say], Outcome],
    root: Path,
    jobs: int,
    console: Console | None,
    with_index: bool = True,
    last: Collection[str] = (),
) -> Batch:
    """last: those that learn from what the others publish; they are run when those have ended, one by one."""
    stop = Stop()
    outcomes: dict[str, Outcome] = {}
    index: Path | None = None
    index_due = 0.0
    changed = False
    with (
        heard(stop),
        _Display(console, len(tasks)) as display,
        ThreadPoolExecutor(max_workers=max(jobs, 1)) as pool,
    ):

        def one(name: str, task: Given) -> Outcome | None:
            if stop.signal is not None:
                return None
            display.begin(name)
            try:
                return work(name, task, stop, lambda stage: display.stage(name, stage))
            except Exception as error:  # whatever it was, the others go on and are told of
                return crashed_outcome(name, error)

        pending: dict[Future[Outcome | None], str] = {}
        ended: SimpleQueue[Future[Outcome | None]] = SimpleQueue()
        waiting = [(name, task) for name, task in tasks if name in last]

        def begin(name: str, task: Given) -> None:
            future = pool.submit(one, name, task)
            pending[future] = name
            future.add_done_callback(ended.put)

        for name, task in tasks:
            if name not in last:
                begin(name, task)
        while pending or waiting:
            if not pending:
                begin(*waiting.pop(0))
            try:  # a short wait keeps the main thread awake for signals
                future = ended.get(timeout=0.2)
            except Empty:
                continue
            name = pending.pop(future)
            outcome = future.result() or cancelled_outcome(name, stop.signal or signal.SIGINT, "not started")
            outcomes[name] = outcome
            changed |= outcome.state != "unchanged"
            display.end(outcome)
            if (pending or waiting) and changed and with_index and time.monotonic() > index_due:
                begun = time.monotonic()
                with contextlib.suppress(ImplError, OSError):  # the last one below tells
                    write_index(root)
                _prune_fits(root)
                took = time.monotonic() - begun
                index_due = time.monotonic() + max(INDEX_EVERY_SECONDS, INDEX_SHARE * took)
    ordered = tuple(outcomes[name] for name, _ in tasks)
    code = exit_code_of(ordered, stop.signal)
    if changed:
        _prune_fits(root)
    try:
        if with_index:
            holds = not changed and index_holds(root)
            index = root / "reports" / "index.html" if holds else write_index(root)
    except ImplError as error:  # the disk, or a register that is broken
        if console is not None:
            console.print(str(error), markup=False, highlight=False)
        code = code or error.exit_code
    return Batch(outcomes=ordered, exit_code=code, index=index)


def _prune_fits(root: Path) -> None:
    from impl.model.kept import FOLDER, prune  # where nothing has changed, no arrays are loaded

    prune(root / FOLDER)


class _Display:
    """What the user sees while it runs: live rows on a terminal, one line a study elsewhere."""

    def __init__(self, console: Console | None, total: int) -> None:
        self._console = console
        self._live: Any = None
        self._rows: dict[str, Any] = {}
        if console is not None and console.is_terminal and total:
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            self._live = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeElapsedColumn(),
                console=console,
            )
            self._all = self._live.add_task("studies", total=total)

    def __enter__(self) -> _Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def begin(self, study: str) -> None:
        if self._live is not None:
            self._rows[study] = self._live.add_task(study, total=None)

    def stage(self, study: str, stage: str) -> None:
        if self._live is not None:
            self._live.update(self._rows[study], description=f"{study}: {stage}")

    def end(self, outcome: Outcome) -> None:
        if self._live is not None:
            self._live.advance(self._all)
            if outcome.study in self._rows:
                self._live.remove_task(self._rows[outcome.study])
        if self._console is None:
            return
        reason = f"  {outcome.reason}" if outcome.reason else ""
        line = f"{outcome.state.replace('_', ' '):<13}  {outcome.study}  {outcome.seconds:.1f} s{reason}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        if outcome.detail and outcome.detail != outcome.reason:
            for text in outcome.detail.splitlines()[-SHOWN_LINES:]:
                self._console.print(f"    {text}", markup=False, highlight=False, soft_wrap=True)
