"""The ledger: what became of each study, as one small JSON file each under `build/ledger/`.

The ledger decides what is up to date. It never trusts a file by its presence: it holds the sha256 of all it
published. A ledger file that cannot be read is put aside, and the study simply runs again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from impl.errors import Fault, RunError
from impl.release.atomic import write_atomically

State = Literal["running", "ok", "not_converged", "failed", "cancelled", "interrupted"]
Profile = Literal["full", "smoke"]

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
LOCK_ATTEMPTS = 5


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Attempt(Record):
    """The last time the study was run. `reason` is one line, present where no report came of it.

    `tried`: hash of inputs, notebooks and limits together, `failures`: how often a run of just these has failed by
    itself, one after another. `parts`: what `run_key` is made of, as hashes by name.
    """

    state: State
    profile: Profile
    run_id: str | None = None
    run_key: str | None = None
    started: datetime
    finished: datetime | None = None
    seconds: float | None = None
    reason: str | None = None
    exit_code: int = 0
    tried: str | None = None
    failures: int = 0
    parts: dict[str, str] = Field(default_factory=dict)


class Published(Record):
    """What lies under `reports/<id>/` now. `files`: name there -> sha256.

    `run_key` tells what the Release was made from, `page_key` what the pages were made with; `parts`: what
    `run_key` is made of, as hashes by name.
    """

    run_id: str
    run_key: str
    page_key: str
    profile: Profile
    status: Literal["ok", "not_converged"]
    notebook: str
    finished: datetime
    files: dict[str, str]
    parts: dict[str, str] = Field(default_factory=dict)


class Entry(Record):
    """One study's line in the ledger; a failed attempt leaves `published` as it was."""

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    study: str
    attempt: Attempt
    published: Published | None = None

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )


def build_folder(root: Path, *parts: str) -> Path:
    """A folder under `build/`, the confidential side, made with mode 0700 where it is missing.

    Raises RunError where it cannot be made.
    """
    folder = root / "build"
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        folder.chmod(PRIVATE_FOLDER)
        for part in parts:
            folder = folder / part
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    except OSError as error:
        raise RunError([disk_fault(error, folder.relative_to(root).as_posix())]) from None
    return folder


def ledger_name(study_file: Path) -> str:
    """The study's name in ledger and reports: its id, or a safe stand-in for a file that is not named so.

    A `.yml` file keeps its ending in the name: it is no study, and `b.yml` must not pass for `b.yaml`.
    """
    stem = unicodedata.normalize("NFC", study_file.stem)
    ending = ".yml" if study_file.suffix == ".yml" else ""
    if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", stem):
        return stem + ending
    safe = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")[:40] or "study"
    return f"{safe}-{hashlib.sha256(stem.encode()).hexdigest()[:8]}{ending}"


def read_entry(root: Path, study: str) -> Entry | None:
    """The study's entry, or None. A corrupt file is renamed `<id>.json.corrupt` and counts as absent."""
    path = root / "build" / "ledger" / f"{study}.json"
    try:
        return Entry.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, UnicodeDecodeError):
        with contextlib.suppress(OSError):
            os.replace(path, path.with_name(f"{path.name}.corrupt"))
        return None
    except OSError as error:
        raise RunError([disk_fault(error, f"build/ledger/{study}.json")]) from None


def ledger_names(root: Path) -> list[str]:
    """Every study and unit that has a line in the ledger, by name."""
    return sorted(path.stem for path in (root / "build" / "ledger").glob("*.json"))


def write_entry(root: Path, entry: Entry) -> None:
    """Write the entry by rename. Raises RunError where the disk refuses."""
    path = build_folder(root, "ledger") / f"{entry.study}.json"
    try:
        write_atomically(path, (entry.model_dump_json(indent=1) + "\n").encode())
    except OSError as error:
        raise RunError([disk_fault(error, f"build/ledger/{path.name}")]) from None


def state_of(root: Path, study: str, entry: Entry | None) -> State | Literal["never"]:
    """What to tell about a study: `running` only while its lock is held, else `interrupted`."""
    if entry is None:
        return "never"
    if entry.attempt.state == "running" and not is_locked(root, study):
        return "interrupted"
    return entry.attempt.state


def file_hash(path: Path) -> str:
    with path.open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holds(folder: Path, files: dict[str, str]) -> bool:
    """Whether every named file lies in the folder with the recorded sha256."""
    try:
        return bool(files) and all(file_hash(folder / name) == digest for name, digest in files.items())
    except OSError:
        return False


@contextlib.contextmanager
def study_lock(root: Path, study: str) -> Iterator[None]:
    """Hold the study's lock; the system frees it when the process ends, however it ends.

    Raises RunError at once where another process holds it.
    """
    path = build_folder(root, study) / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        # `impl status` holds a lock for an instant to see whether it is free: one refusal is not the answer.
        for attempt in range(LOCK_ATTEMPTS):
            if _try_lock(descriptor):
                break
            if attempt + 1 < LOCK_ATTEMPTS:
                time.sleep(0.1)
        else:
            raise RunError(
                [
                    Fault(
                        code="run.busy",
                        where=f"study '{study}'",
                        got="a run that another process has going",
                        allowed="run by one process at a time",
                        fix="Wait for it to end; `impl status` shows when it has.",
                    )
                ]
            )
        yield
    finally:
        os.close(descriptor)


def is_locked(root: Path, study: str) -> bool:
    """Whether some process is running the study now."""
    try:
        descriptor = os.open(root / "build" / study / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; there the user keeps to one process
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks (some network drives) must not stop the work
        return True
    return True


def disk_fault(error: OSError, where: str) -> Fault:
    """A fault for what the system refused, without the machine's paths."""
    import errno

    fixes = {
        errno.ENOSPC: "Free some space and run again.",
        errno.EDQUOT: "Free some of your quota and run again.",
        errno.EFBIG: "Raise the file size limit of the process and run again.",
        errno.EACCES: "Give yourself the right to write there.",
        errno.EROFS: "Move the project to a disk that can be written.",
    }
    return Fault(
        code="run.disk",
        where=where,
        got=f"'{error.strerror or type(error).__name__}' from the system",
        allowed="writable",
        fix=fixes.get(error.errno or 0, "Mend it and run again."),
    )
