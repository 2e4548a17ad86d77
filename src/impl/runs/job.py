"""The frame of one run: its folder under `build/<id>/`, its log, its end, and what is kept of it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from impl.errors import RunError
from impl.runs.ledger import PRIVATE_FILE, Entry, build_folder, disk_fault
from impl.runs.stop import Stop

if TYPE_CHECKING:
    from impl.runs.forked import Spares

RESERVE = "reserve"
RESERVE_BYTES = 32 * 1024
"""Space kept back while a run goes on, so that on a full disk its end can still be written down."""

BESIDE = ".new"
"""Ending of the folder of a run that is made again, beside the published one that it may replace."""

Say = Callable[[str], None]
SAMPLE_ANEW = "IMPL_SAMPLE_ANEW"
"""Of a kernel's environment (`model.kept.ANEW`): take no draws from disk."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """The frame of one run: where it works, where it writes, when it must end, whom it tells, which kernels wait,
    how many bytes each may take, what is added to their environment."""

    root: Path
    study: str
    folder: Path
    log: IO[str]
    stop: Stop
    timeout: float
    deadline: float
    say: Say
    spares: Spares | None = None
    memory: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def bundle(self) -> Path:
        """What is to be published is collected here, and the gate walks this folder."""
        return self.folder / "bundle"

    def relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


@contextlib.contextmanager
def open_job(
    root: Path,
    study: str,
    name: str,
    stop: Stop,
    timeout: float,
    say: Say,
    spares: Spares | None = None,
    memory: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Job]:
    """An empty run folder with a log: nothing an earlier attempt left can be taken for this one's."""
    folder = build_folder(root, study) / name
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        (folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        (folder / "log.txt").touch(mode=PRIVATE_FILE)
    except OSError as error:
        raise RunError([disk_fault(error, f"build/{study}/{name}")]) from None
    with (folder / "log.txt").open("a", encoding="utf-8", errors="replace") as log:
        job = Job(
            root=root,
            study=study,
            folder=folder,
            log=log,
            stop=stop,
            timeout=timeout,
            deadline=time.monotonic() + timeout,
            say=say,
            spares=spares,
            memory=memory,
            environment=environment or {},
        )
        try:
            yield job
        finally:
            with contextlib.suppress(OSError):
                (folder / RESERVE).unlink()


def working_name(entry: Entry | None, run_id: str) -> str:
    """Name of the folder for a run; the published run's own folder stays until another can replace it."""
    published = entry.published if entry else None
    return run_id + BESIDE if published and published.run_id == run_id else run_id


def settle(root: Path, study: str, name: str, run_id: str) -> None:
    """Let the folder `name` of a good run be the folder of `run_id`."""
    if name != run_id:
        final = build_folder(root, study) / run_id
        shutil.rmtree(final, ignore_errors=True)
        os.replace(final.with_name(name), final)


def remove_other_runs(root: Path, entry: Entry) -> None:
    """Remove the study's run folders that are neither the published run's nor the last attempt's."""
    kept = {entry.attempt.run_id, entry.published.run_id if entry.published else None}
    for folder in (root / "build" / entry.study).iterdir():
        if re.fullmatch(rf"[0-9a-f]{{12}}({re.escape(BESIDE)})?", folder.name) and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def run_folder(root: Path, entry: Entry) -> Path | None:
    """The folder that the last attempt worked in, if it got so far; its log is there."""
    run_id = entry.attempt.run_id
    if run_id is None:
        return None
    names = [f"{run_id}{BESIDE}", run_id, "render"]
    if entry.published and entry.published.run_id == run_id and entry.attempt.state != entry.published.status:
        names = [f"{run_id}{BESIDE}", "render"]  # the run's own folder is that of the good run before
    folders = [root / "build" / entry.study / name for name in names]
    return next((folder for folder in folders if (folder / "log.txt").is_file()), None)


def executed_notebook(root: Path, entry: Entry) -> Path | None:
    """The newest executed analysis notebook: the last attempt's if it got so far, else the published one's."""
    found: list[Path] = []
    attempt = entry.attempt
    if attempt.run_id:
        good = attempt.state in ("ok", "not_converged")
        for name in [attempt.run_id] if good else [attempt.run_id + BESIDE, attempt.run_id]:
            notebooks = sorted((root / "build" / entry.study / name).glob("*.ipynb"))
            found += [path for path in notebooks if not path.name.startswith("80_report.")]
    if entry.published:
        found.append(root / entry.published.notebook)
    return next((path for path in found if path.is_file()), None)
