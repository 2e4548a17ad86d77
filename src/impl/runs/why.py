"""What became of a run, and why: from the ledger, its log, the notebook as it ended, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from impl.errors import Fault, StudyError, nearest, shorten
from impl.runs.job import executed_notebook, run_folder
from impl.runs.kernels import code_cells, read_notebook, source_of
from impl.runs.ledger import Entry, ledger_names, read_entry, state_of
from impl.runs.outcome import FAILURES

LOG_LINES = 20
CELL_LINES = 30


def why_lines(root: Path, run: str) -> Iterator[str]:
    """The answer, line by line. run: id of a study or of a unit's run, or a run id. Belongs on the confidential side.

    Raises StudyError where no run of that name has been.
    """
    entry = _entry(root, run)
    attempt = entry.attempt
    state = state_of(root, entry.study, entry)
    took = "" if attempt.seconds is None else f", {attempt.seconds:.1f} s"
    yield f"{entry.study}: {state.replace('_', ' ')} ({attempt.profile}, begun {attempt.started:%Y-%m-%d %H:%M}{took})"
    if attempt.reason:
        yield f"  {attempt.reason}"
    if attempt.exit_code:
        yield f"  exit code {attempt.exit_code}"
    if attempt.failures >= FAILURES:
        yield f"  failed {attempt.failures} times with nothing changed: held back until something changes, or --force"
    if state == "interrupted":
        yield "  its process ended without a word (a power cut, or killed): impl run begins it again"
    yield from _changed(entry)
    if state in ("failed", "cancelled", "interrupted", "running"):
        yield from _cell(root, entry)
        yield from _log(root, entry)


def _entry(root: Path, run: str) -> Entry:
    names = ledger_names(root)
    stem = Path(run).stem if run.endswith(".yaml") else run
    if stem in names and (entry := read_entry(root, stem)):
        return entry
    for name in names:
        entry = read_entry(root, name)
        ids = {entry.attempt.run_id, entry.published.run_id if entry.published else None} if entry else set()
        if entry and run in ids:
            return entry
    raise StudyError(
        [
            Fault(
                code="why.no_run",
                where="RUN",
                got=shorten(run),
                allowed="a study, a unit's run or a run id that has been run",
                fix=nearest(stem, names) or "impl status lists them.",
            )
        ]
    )


def _changed(entry: Entry) -> Iterator[str]:
    """What this attempt was made of otherwise than the last good run."""
    published, parts = entry.published, entry.attempt.parts
    if published is None:
        yield "  there is no good run to compare it with"
        return
    if not parts or not published.parts:
        return
    changed = [
        name for name in sorted({*parts, *published.parts}) if parts.get(name) != published.parts.get(name)
    ]
    since = f"run {published.run_id} of {published.finished:%Y-%m-%d}"
    yield f"  changed since the last good run ({since}): {', '.join(changed) or 'nothing'}"


def _cell(root: Path, entry: Entry) -> Iterator[str]:
    """The cell that failed, or that was running when the kernel ended."""
    path = executed_notebook(root, entry)
    if path is None or (entry.published and path == root / entry.published.notebook):
        return
    cells = code_cells(read_notebook(path))
    for number, cell in enumerate(cells, start=1):
        outputs = cell.get("outputs", [])
        failed = any(output.get("output_type") == "error" for output in outputs)
        if failed or cell.get("execution_count") is None:
            yield f"  {path.relative_to(root).as_posix()}, cell {number}{'' if failed else ', which did not end'}:"
            lines = source_of(cell).splitlines()
            yield from (f"    {line}" for line in lines[:CELL_LINES])
            if len(lines) > CELL_LINES:
                yield f"    … and {len(lines) - CELL_LINES} more lines"
            return


def _log(root: Path, entry: Entry) -> Iterator[str]:
    """The end of the run's log."""
    folder = run_folder(root, entry)
    if folder is None:
        return
    lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    yield f"  end of {(folder / 'log.txt').relative_to(root).as_posix()}:"
    yield from (f"    {line}" for line in lines[-LOG_LINES:])
