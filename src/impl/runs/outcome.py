"""What became of a run: told to the caller, and written into the ledger."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impl.errors import ImplError, RunError
from impl.runs.judge import INFRASTRUCTURE, Failure
from impl.runs.ledger import Attempt, Entry, Profile, State, read_entry, write_entry

if TYPE_CHECKING:
    from impl.study.identity import Identity

NOT_CONVERGED = 3
MISTAKE = ImplError.exit_code
"""A user's mistake is found early and costs nothing to be told again."""
FAILURES = 2
"""So often a run may fail with nothing changed; then it is told by name and not begun again, unless by force."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one study in this call. `unchanged` and `rendered` did not sample; `held_back` was not begun.

    reason: why it failed, or where a result is kept that was not published.
    """

    study: str
    state: Literal["ok", "not_converged", "unchanged", "rendered", "failed", "cancelled", "held_back"]
    seconds: float
    exit_code: int = 0
    reason: str | None = None
    detail: str = ""


def cancelled_outcome(name: str, number: int, reason: str | None = None) -> Outcome:
    """What became of a study that a signal ended, or kept from being begun."""
    reason = reason or f"stopped by signal {number}"
    return Outcome(study=name, state="cancelled", seconds=0.0, exit_code=128 + number, reason=reason)


def crashed_outcome(name: str, error: Exception) -> Outcome:
    """What became of a study over which impl itself stumbled: a mistake has its text, a bug of ours its traceback."""
    if isinstance(error, ImplError):
        first = str(error).splitlines()[0]
        return Outcome(
            study=name,
            state="failed",
            seconds=0.0,
            exit_code=error.exit_code,
            reason=first,
            detail=str(error),
        )
    text = "".join(traceback.format_exception(error))
    reason = f"an error of impl itself ({type(error).__name__})"
    return Outcome(
        study=name, state="failed", seconds=0.0, exit_code=INFRASTRUCTURE, reason=reason, detail=text
    )


def note_lost(root: Path, name: str) -> Outcome:
    """What became of a study whose process ended without a word, twice: told in the ledger, and here."""
    begun = time.monotonic()
    reason = "the run's process was killed twice, often for want of memory. Give it more, or fewer --jobs."
    failure = Failure(reason=reason, detail=reason, exit_code=INFRASTRUCTURE)
    entry = read_entry(root, name)
    started = datetime.now(UTC)
    attempt = entry.attempt if entry else attempt_of("failed", "full", started, None)
    note_failure(root, name, attempt, failure, begun)
    return failed_outcome(name, failure, begun)


def attempt_of(state: State, profile: Profile, started: datetime, identity: Identity | None) -> Attempt:
    return Attempt(
        state=state,
        profile=profile,
        run_id=identity.run_id if identity else None,
        run_key=identity.run_key if identity else None,
        started=started,
        parts=dict(identity.parts) if identity else {},
    )


def held_back(study: str, attempt: Attempt, begun: float) -> Outcome:
    """What becomes of a run that has failed twice with just these inputs and limits."""
    reason = (
        f"failed {attempt.failures} times with nothing changed; --force tries again. Last: {attempt.reason}"
    )
    return Outcome(
        study=study,
        state="held_back",
        seconds=seconds_since(begun),
        exit_code=attempt.exit_code,
        reason=reason,
    )


def ended_attempt(
    attempt: Attempt, state: State, exit_code: int, begun: float, reason: str | None = None
) -> Attempt:
    return attempt.model_copy(
        update={
            "state": state,
            "finished": datetime.now(UTC),
            "seconds": seconds_since(begun),
            "exit_code": exit_code,
            "reason": reason,
        }
    )


def note_failure(
    root: Path, name: str, attempt: Attempt, failure: Failure, begun: float, folder: str = ""
) -> None:
    """Write the failure into ledger and log; what was published stays what it was."""
    ended = ended_attempt(attempt, failure.state, failure.exit_code, begun, failure.reason)
    if failure.state == "failed" and not failure.outside and failure.exit_code != MISTAKE:
        ended = ended.model_copy(update={"failures": attempt.failures + 1})
    log = root / "build" / name / folder / "log.txt"
    try:
        published = (read_entry(root, name) or Entry(study=name, attempt=ended)).published
        write_entry(root, Entry(study=name, attempt=ended, published=published))
        if log.is_file():
            with log.open("a", encoding="utf-8") as file:
                file.write(f"== {failure.state}: {failure.detail or failure.reason}\n")
    except (RunError, OSError):
        pass  # neither can be written; the outcome still reaches terminal and exit code


def result_of(
    study: str,
    state: Literal["ok", "not_converged", "unchanged", "rendered"],
    status: Literal["ok", "not_converged"],
    begun: float,
) -> Outcome:
    code = NOT_CONVERGED if status == "not_converged" else 0
    return Outcome(study=study, state=state, seconds=seconds_since(begun), exit_code=code)


def failed_outcome(study: str, failure: Failure, begun: float) -> Outcome:
    return Outcome(
        study=study,
        state=failure.state,
        seconds=seconds_since(begun),
        exit_code=failure.exit_code,
        reason=failure.reason,
        detail=failure.detail,
    )


def seconds_since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)
