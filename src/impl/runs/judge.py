"""Did it succeed? Our own answer, from what was executed and what was written.

A user's mistake becomes a Failure with its text, a bug of ours one with its traceback.
"""

from __future__ import annotations

import contextlib
import errno
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import impl.errors
from impl.errors import ImplError
from impl.runs.kernels import Executed, code_cells
from impl.runs.ledger import disk_fault
from impl.runs.stop import Stop

INFRASTRUCTURE = 5
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a run failed: one line for ledger and summary, the whole text for terminal and log.

    outside: the surroundings failed it (a full disk, a missing right), so the same run may do another time.
    """

    reason: str
    detail: str
    exit_code: int
    state: Literal["failed", "cancelled"] = "failed"
    outside: bool = False


class RunFailedError(Exception):
    """Carries a Failure from where it is found to where the ledger is written; never leaves this room."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.reason)


def judge(executed: Executed, notebook: str, *, timeout: float, memory: int | None = None) -> None:
    """Raise RunFailedError unless every cell of the notebook ran to its end without an error.

    Source: own check; papermill's metadata calls cells completed that never ran.
    """
    at = f"{notebook}, cell {executed.cell}"
    if executed.ended == "stopped":
        raise RunFailedError(
            Failure(reason="stopped by request", detail="", exit_code=130, state="cancelled")
        )
    if executed.ended == "timeout":
        text = (
            f"{at}: still running after {timeout:g} s, must end within the limit. Give more with --timeout."
        )
        raise RunFailedError(Failure(reason=text, detail=text, exit_code=INFRASTRUCTURE))
    if executed.ended == "no_start" or executed.notebook is None:
        text = f"{notebook}: the kernel did not start. See the run's log."
        raise RunFailedError(Failure(reason=text, detail=text, exit_code=INFRASTRUCTURE))
    for number, cell in enumerate(code_cells(executed.notebook), start=1):
        for output in cell.get("outputs", []):
            if output.get("output_type") == "error":
                raise RunFailedError(_cell_failure(f"{notebook}, cell {number}", output, memory))
    if executed.ended == "died":
        limit = "" if memory is None else f" It could take {memory / 1e9:.3g} GB (--memory)."
        text = f"{at}: the kernel died ({_how_it_died(executed.exit_status)}).{limit}"
        raise RunFailedError(Failure(reason=text, detail=text, exit_code=INFRASTRUCTURE))
    for number, cell in enumerate(code_cells(executed.notebook), start=1):
        if cell.get("execution_count") is None:
            text = f"{notebook}, cell {number}: the cell did not run. Remove its tag 'skip-execution' if it has one."
            raise RunFailedError(Failure(reason=text, detail=text, exit_code=INFRASTRUCTURE))


def _cell_failure(where: str, output: Mapping[str, Any], memory: int | None) -> Failure:
    name, text = str(output.get("ename", "")), str(output.get("evalue", ""))
    error = getattr(impl.errors, name, None)
    if isinstance(error, type) and issubclass(error, ImplError):
        lines = text.splitlines() or [name]
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        outside = error is impl.errors.RunError  # the disk refused the Release
        return Failure(reason=lines[0] + more, detail=text, exit_code=error.exit_code, outside=outside)
    if name == "SystemExit":
        text = f"{where}: the cell called sys.exit({text}), so the cells after it never ran. Raise an error instead."
        return Failure(reason=text, detail=text, exit_code=INFRASTRUCTURE)
    if name == "MemoryError":
        limit = "" if memory is None else f" of {memory / 1e9:.3g} GB"
        text = f"{where}: the kernel came to the end of its memory{limit}. Give more with --memory."
        return Failure(reason=text, detail=text, exit_code=INFRASTRUCTURE)
    colour = re.compile(r"\x1b\[[0-9;]*m")
    shown = "\n".join(colour.sub("", str(line)) for line in output.get("traceback", []))
    first = text.splitlines()[0] if text.strip() else ""
    return Failure(reason=f"{where}: {name}: {first}".rstrip(": "), detail=shown, exit_code=INFRASTRUCTURE)


def _how_it_died(status: int | None) -> str:
    if status is None:
        return "its end was not seen"
    if status == -9:
        return "signal 9, often for want of memory"
    return f"signal {-status}" if status < 0 else f"exit status {status}"


@contextlib.contextmanager
def as_failure(stop: Stop) -> Iterator[None]:
    """Turn whatever goes wrong into a Failure: a user's mistake by its text, a bug of ours with its traceback."""
    try:
        yield
    except RunFailedError as failed:
        if failed.failure.state == "cancelled" and stop.signal is not None:
            raise RunFailedError(cancelled(stop.signal)) from None
        raise
    except ImplError as error:
        lines = str(error).splitlines() or [type(error).__name__]
        more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
        raise RunFailedError(
            Failure(
                reason=lines[0] + more,
                detail=str(error),
                exit_code=error.exit_code,
                outside=any(fault.code == "run.disk" for fault in error.faults),
            )
        ) from None
    except Exception as error:
        if stop.signal is not None:
            raise RunFailedError(cancelled(stop.signal)) from None
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            text = str(disk_fault(error, "the run's files"))
            failure = Failure(reason=text, detail=text, exit_code=INFRASTRUCTURE, outside=True)
            raise RunFailedError(failure) from None
        first = (str(error).splitlines() or [""])[0]
        reason = f"internal error: {type(error).__name__}: {first}".rstrip(": ")
        raise RunFailedError(
            Failure(reason=reason, detail=traceback.format_exc(), exit_code=INFRASTRUCTURE)
        ) from None


def cancelled(number: int) -> Failure:
    return Failure(reason=f"stopped by signal {number}", detail="", exit_code=128 + number, state="cancelled")


def fail(reason: str, detail: str = "") -> NoReturn:
    """End the run as failed, for a reason in one line."""
    raise RunFailedError(Failure(reason=reason, detail=detail or reason, exit_code=INFRASTRUCTURE))
