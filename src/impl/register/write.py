"""Adding to the register: under a lock, at the end, on the disk before anything is said to be registered."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import time
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from impl.errors import Fault, StudyError, shorten
from impl.register.plan import plan_of, plan_sha256
from impl.register.register import (
    LARGEST_LINE,
    Line,
    Register,
    parse_register,
    sealed,
    utc_seconds,
)
from impl.study.characters import hidden_character, holds_identity_number
from impl.study.load import read_measure
from impl.study.paths import REGISTER_FILE
from impl.study.study import Study

LOCK_SECONDS = 10.0
LONGEST_REASON = 300


def register_studies(
    root: Path, studies: Sequence[Study], *, at: datetime, after_run: Collection[str] = ()
) -> tuple[Line, ...]:
    """Freeze the plans of these studies; returns the lines added.

    at: now, with a time zone. after_run: ids of studies that have been run already. A study whose newest line holds the
    same plan adds none; one whose plan has changed adds an amendment, and what was registered before stays.
    Raises StudyError, with nothing added, for a study that has no plan, and where the register is broken.
    """
    faults = [fault for study in studies if (fault := _no_plan(study)) is not None]
    if faults:
        raise StudyError(faults)
    contents = [_plan_line(study, root, study.id in after_run) for study in studies]
    return _append(root, contents, at)


def withdraw_study(root: Path, study: str, *, reason: str, at: datetime, after_run: bool = False) -> Line:
    """Say that a registered study will not be carried through, and why; it stays in every list.

    Raises StudyError where it is not registered, is withdrawn already, or the reason cannot be shown to the public.
    """
    text = " ".join(reason.split())
    problem = hidden_character(text) or (
        "an identity number" if holds_identity_number(text) else f"{len(text)} characters"
    )
    if not 1 <= len(text) <= LONGEST_REASON or not problem.endswith("characters"):
        raise StudyError(
            [_fault("reason", "--withdraw", problem, f"a reason of 1 to {LONGEST_REASON} plain characters", "Write it anew.")]
        )  # fmt: skip
    content = {"schema": 1, "id": study, "kind": "withdrawal", "after_run": after_run, "reason": text}
    return _append(root, [content], at)[0]


def _no_plan(study: Study) -> Fault | None:
    where = f"{study.id}.yaml"
    if study.unit is not None:
        return _fault(
            "unit", where, "the study of one unit", "a study as its file has it", "Register the whole study."
        )
    if study.estimates_nothing:
        return _fault(
            "no_question", where, f"notebook {study.notebook}", "a study that estimates something",
            "A look at data alone has no plan to register.",
        )  # fmt: skip
    if study.planned is None:
        return _fault(
            "no_period", f"{where}, key 'planned'", "nothing", "the last day of the data and when a report is due",
            "Write planned: {data_to: 2027-12-31, report_due: 2028-03-31}.",
        )  # fmt: skip
    return None


def _plan_line(study: Study, root: Path, after_run: bool) -> dict[str, Any]:
    plan = plan_of(study)
    assert plan is not None
    return {
        "schema": 1,
        "id": study.id,
        "kind": "plan",
        "after_run": after_run,
        "plan": plan.model_dump(mode="json", by_alias=True),
        "plan_sha256": plan_sha256(study),
        "focus_areas": list(read_measure(study.measures.primary, root).focus_areas),
    }


def _append(root: Path, contents: Sequence[dict[str, Any]], at: datetime) -> tuple[Line, ...]:
    path = root / REGISTER_FILE
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _disk(error) from None
    with os.fdopen(descriptor, "r+b", buffering=0) as file, _locked(descriptor):
        held = file.read()
        register = parse_register(held)
        added: list[Line] = []
        data = b""
        for content in contents:
            line, raw = _next(register, content, at)
            if line is None:
                continue
            added.append(line)
            data += raw
            register = Register((*register.lines, line))
        try:
            if data:
                _write_whole(file.fileno(), data, len(held))
        except OSError as error:
            raise _disk(error) from None
    return tuple(added)


def _next(register: Register, content: dict[str, Any], at: datetime) -> tuple[Line | None, bytes]:
    """The line to add, or None where the plan in force is the same."""
    before = register.lines[-1] if register.lines else None
    known = register.studies.get(content["id"])
    if content["kind"] == "withdrawal":
        if known is None or known.withdrawn is not None:
            raise StudyError(
                [
                    _fault(
                        "not_there", f"study {shorten(content['id'], 70)}",
                        "nothing to withdraw" if known is None else "withdrawn already",
                        "a registered study", "`impl register` without a study lists them all.",
                    )
                ]
            )  # fmt: skip
        version = known.newest.version
    elif known is not None and known.withdrawn is None and known.newest.plan_sha256 == content["plan_sha256"]:
        return None, b""
    else:
        version = known.newest.version + 1 if known else 1
    if before is not None and timedelta(0) < before.registered_at - at <= timedelta(seconds=LOCK_SECONDS):
        at = before.registered_at  # whoever waited for the lock asked before the last line was written
    moment = utc_seconds(at)
    if before is not None and moment < utc_seconds(before.registered_at):
        raise StudyError(
            [
                _fault(
                    "clock", REGISTER_FILE, f"the time {moment}", "a time after that of the last line",
                    "Set the clock of this machine, or wait a little.",
                )
            ]
        )  # fmt: skip
    program = importlib.metadata.version("impl-workbench")
    line, raw = sealed(content | {"version": version, "registered_at": moment, "impl": program}, before)
    if len(raw) > LARGEST_LINE:
        raise StudyError(
            [_fault("too_long", f"study {content['id']}", f"a plan of {len(raw)} bytes", f"at most {LARGEST_LINE}", "Shorten its texts.")]
        )  # fmt: skip
    return line, raw


def _write_whole(descriptor: int, data: bytes, length: int) -> None:
    """All of it or nothing: what a full disk cuts off is taken back."""
    try:
        written = 0
        while written < len(data):
            written += os.write(descriptor, data[written:])
        os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, length)
        raise


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Hold the file's lock; the system frees it with the descriptor. Waits for others, who are quick."""
    try:
        import fcntl
    except ImportError:  # Windows has no flock; there the user keeps to one process
        yield
        return
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > until:
                raise StudyError(
                    [_fault("busy", REGISTER_FILE, "a lock that another process holds", "free", "Try again in a moment.")]
                ) from None  # fmt: skip
            time.sleep(0.05)
        except OSError:  # a file system without locks (some network drives) must not stop the work
            break
    yield


def _disk(error: OSError) -> StudyError:
    got = f"'{error.strerror or type(error).__name__}' from the system"
    return StudyError([_fault("disk", REGISTER_FILE, got, "writable", "Mend it and register again.")])


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=f"register.{code}", where=where, got=got, allowed=allowed, fix=fix)
