"""Publishing: the files of one run take the place of the last one's under `reports/<id>/`, by rename only.

Everything is first written and synced beside its target, so that a full disk is met before anything a reader
can see has changed; then the renames follow each other without pause. A process killed between two of them
leaves hashes that do not match the ledger, and the next run heals it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from impl.errors import DisclosureError, Fault, ImplError, RunError
from impl.release.files import read_release
from impl.release.release import Release
from impl.runs.ledger import disk_fault
from impl.study.study import PUBLIC_AUDIENCES

PUBLIC_FILE = 0o644


def publish(
    root: Path, study: str, files: Mapping[str, bytes], *, keep_other_pages: bool = False
) -> dict[str, str]:
    """Put `files` (name -> content) under `reports/<study>/`; returns name -> sha256.

    The Release that was there before is kept under `history/<run id>.json`. Pages in other languages are
    removed, since they would be of another run, unless the caller knows that they are of this one.
    Raises RunError, with nothing changed, where the disk refuses; DisclosureError where the Release is for an
    audience that a public place is not for.
    """
    require_public(study, files.get("release.json"))
    folder = root / "reports" / study
    staged: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        for target, content in (
            *_history(folder, files),
            *((folder / name, data) for name, data in files.items()),
        ):
            target.parent.mkdir(exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            staged[target] = part
            _write_synced(part, content)
        for target, part in staged.items():
            os.replace(part, target)
        for page in folder.glob(f"{study}.*.html"):
            if page.name not in files and not keep_other_pages:
                page.unlink()
        for place in {target.parent for target in staged}:
            _sync_folder(place)
    except OSError as error:
        for part in staged.values():
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        raise RunError([disk_fault(error, f"reports/{study}/")]) from None
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def require_public(study: str, release: bytes | None) -> None:
    """Raise DisclosureError where a Release is for fewer than everybody: `reports/` is a public place."""
    try:
        audience = str(json.loads(release or b"")["disclosure"]["audience"])
    except (ValueError, KeyError, TypeError):
        return  # pages of what is published already; that a Release is whole is for the gate to say
    if audience not in PUBLIC_AUDIENCES:
        raise DisclosureError(
            [
                Fault(
                    code="disclosure.not_public",
                    where=f"reports/{study}/",
                    got=f"a Release for audience {audience}",
                    allowed=f"one for {' or '.join(PUBLIC_AUDIENCES)}",
                    fix=f"Set audience: {audience} in the study file, and the run is kept under build/ instead.",
                )
            ]
        )


def require_writable(root: Path, study: str) -> None:
    """Find out before the work that `reports/<study>/` can be written. Raises RunError where it cannot."""
    folder = root / "reports" / study
    probe = folder / ".probe.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_synced(probe, b"probe")
        probe.unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
        raise RunError([disk_fault(error, f"reports/{study}/")]) from None
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only an empty one goes: nothing has been published


def full_report_there(root: Path, study: str) -> bool:
    """Whether anything but a smoke run's Release is published, so that a smoke run may not take its place."""
    file = root / "reports" / study / "release.json"
    try:
        return read_release(file).run.profile != "smoke"
    except ImplError:
        return file.exists()


def previous(root: Path, release: Release) -> Path | None:
    """The `release.json` that readers had before this one: the newest earlier full run that was published."""
    folder = root / "reports" / release.study.id
    return newest_before(release, (folder / "release.json", *folder.glob("history/*.json")))


def newest_before(release: Release, files: Iterable[Path]) -> Path | None:
    """Of Release files, the newest full run of the same study that is older than `release`; broken ones are passed over."""
    found: list[tuple[datetime, Path]] = []
    for file in sorted(files):
        with contextlib.suppress(ImplError):
            earlier = read_release(file)
            same = earlier.study.id == release.study.id and earlier.run.id != release.run.id
            if same and earlier.run.profile == "full" and earlier.run.started < release.run.started:
                found.append((earlier.run.started, file))
    return max(found)[1] if found else None


def _history(folder: Path, files: Mapping[str, bytes]) -> list[tuple[Path, bytes]]:
    """The Release that is about to be replaced, under its own run id."""
    try:
        before = (folder / "release.json").read_bytes()
        run = str(json.loads(before)["run"]["id"])
        after = str(json.loads(files["release.json"])["run"]["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return []  # none there, or a broken one that nobody can want back
    kept = folder / "history" / f"{run}.json"
    if run == after or not run.isalnum() or kept.exists():
        return []
    return [(kept, before)]


def _sweep(folder: Path) -> None:
    """Remove what a killed run left half-written; the caller holds the study's lock."""
    for part in (*folder.glob(".*.part"), *folder.glob("history/.*.part")):
        part.unlink(missing_ok=True)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PUBLIC_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
