"""Releases from elsewhere: a folder or a zip given by path, each one judged before it is believed.

Nothing is unpacked to disk and nothing but JSON is read. One that cannot be believed is told by name, with its
reasons; the others go on.
"""

from __future__ import annotations

import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from impl.errors import Fault, ImplError, RunError
from impl.network.states import age
from impl.network.strangers import same_study
from impl.release.files import LARGEST_FILE, parse_release
from impl.release.gate import check_foreign
from impl.release.release import Release
from impl.study.characters import plain
from impl.study.study import PUBLIC_AUDIENCES, AudienceName

MOST_FILES = 20_000
MOST_BYTES = 4 * 1024**3
"""Limits of one folder or zip as a whole (choices): ten years of two thousand studies, 200 kB each."""
MOST_ENTRIES = 200_000  # names in a zip, whatever they are (choice)
MOST_SHRUNK = 100
"""How many times smaller a file may be in a zip (choice): Releases shrink about ten times, a zip bomb a thousand."""
DAMAGED = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError, struct.error,
    MemoryError,
)  # fmt: skip
"""What zipfile and its decoders raise for bytes that were changed. bz2 has OSError; NotImplementedError (a later kind of
zip) is a RuntimeError, UnicodeDecodeError (a name) a ValueError."""
SMALL = 64 * 1024  # bytes; under this it does not matter how much a file shrinks


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A file that is not believed, by its name in folder or zip, and why."""

    name: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, kw_only=True)
class Received:
    """releases: those believed, one a study, by id, which two networks' studies may share. refused: the others, by name."""

    releases: tuple[Release, ...]
    refused: tuple[Refused, ...]


def read_releases(path: Path, *, audiences: Collection[AudienceName] = PUBLIC_AUDIENCES) -> Received:
    """Every Release in a folder (with those below it) or a zip: files that end in `.json`, but for those in a `history/`.

    Each is held against the schema, the audience and the gate of what may be published. Of two of the same study the
    later full run is kept. Raises RunError where the path is neither, is damaged, or holds more than the limits above.
    """
    try:
        opened = None if path.is_dir() else _opened(path)
    except DAMAGED as error:
        what = error.strerror if isinstance(error, OSError) else None
        raise _unread(path, what or "a damaged zip") from None
    if opened is None:
        return _received(path, _folder(path), audiences)
    with opened:
        return _received(path, _zip(opened, path), audiences)


def _opened(path: Path) -> zipfile.ZipFile:
    if path.is_file() and path.stat().st_size <= MOST_BYTES and zipfile.is_zipfile(path):
        return zipfile.ZipFile(path)
    raise _unread(path, "neither a folder nor a zip" if path.exists() else "nothing")


_Found = tuple[str, bytes | Fault]
"""A file's name, and its bytes or why it is not read."""


def _received(path: Path, found: Iterator[_Found], audiences: Collection[AudienceName]) -> Received:
    kept: dict[str, list[tuple[str, Release]]] = {}
    refused: list[Refused] = []
    total = 0
    for number, (name, data) in enumerate(found, start=1):
        if number > MOST_FILES:
            raise _unread(path, f"more than {MOST_FILES} files")
        judged = data if isinstance(data, Fault) else judge(name, data, audiences)
        total += 0 if isinstance(data, Fault) else len(data)
        if total > MOST_BYTES:
            raise _unread(path, f"more than {MOST_BYTES // 1024**3} GB")
        if not isinstance(judged, Release):
            refused.append(Refused(name=name, faults=judged if isinstance(judged, tuple) else (judged,)))
            continue
        held = kept.setdefault(judged.study.id, [])
        runs = [(name, judged), *(each for each in held if same_study(each[1], judged))]
        last = max(runs, key=lambda each: age(each[1]))
        kept[judged.study.id] = [*(each for each in held if each not in runs), last]
        refused += [
            Refused(name=older, faults=(_fault("older", older, "an older run of a study that is there already", "the last run of each study", "Leave it out."),))
            for older, release in runs if release is not last[1]
        ]  # fmt: skip
    releases = [
        each for study in sorted(kept) for each in sorted(kept[study], key=lambda each: each[1].run.id)
    ]
    return Received(
        releases=tuple(release for _, release in releases),
        refused=tuple(sorted(refused, key=lambda item: item.name)),
    )


def judge(
    name: str, data: bytes, audiences: Collection[AudienceName] = PUBLIC_AUDIENCES
) -> Release | tuple[Fault, ...]:
    """A Release that may be believed, or all that speaks against it: schema, audience, gate. name: of its file."""
    try:
        release = parse_release(data, name)
    except ImplError as error:
        return error.faults
    faults = tuple(check_foreign(release, data.decode(), name))
    if release.disclosure.audience not in audiences:
        audience = f"a Release for audience {release.disclosure.audience}"
        faults += (_fault("audience", name, audience, f"one for {', '.join(audiences)}", "Ask for one that may be shared."),)  # fmt: skip
    return faults or release


def judge_file(name: str, file: Path) -> Release | tuple[Fault, ...]:
    """As `judge`, of a file on disk: one that is gone by now, or may not be read, is not believed either."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        return (_unreadable(name, error),)
    return judge(name, data)


def _folder(path: Path) -> Iterator[_Found]:
    closed: list[OSError] = []
    for above, folders, files in os.walk(path, onerror=closed.append):  # links to folders are not followed
        folders[:] = sorted(name for name in folders if name != "history" and not name.startswith("."))
        for file in sorted(files):
            if not _is_candidate(file):
                continue
            whole = Path(above, file)
            name = plain(whole.relative_to(path).as_posix(), 120)
            try:
                if not stat.S_ISREG(whole.lstat().st_mode):
                    yield name, _fault("link", name, "a link or a device", "a file", "Copy the file itself.")
                    continue
                with whole.open("rb") as opened:
                    yield name, opened.read(LARGEST_FILE + 1)
            except OSError as error:
                yield name, _unreadable(name, error)
    for failed in closed:
        name = plain(Path(failed.filename or path).relative_to(path).as_posix(), 120)
        yield name, _unreadable(name, failed)


def _zip(opened: zipfile.ZipFile, path: Path) -> Iterator[_Found]:
    entries = opened.infolist()
    if len(entries) > MOST_ENTRIES:
        raise _unread(path, f"{len(entries)} names")
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
        if (
            entry.is_dir()
            or not parts
            or not _is_candidate(parts[-1])
            or {"history", "__MACOSX"} & set(parts)
        ):
            continue
        name = plain(entry.filename, 120)
        problem = _entry_problem(entry, parts)
        if problem is not None:
            yield name, _fault("entry", name, problem, "a plain file of the zip", "Make the zip anew from the files alone.")  # fmt: skip
            continue
        try:
            with opened.open(entry) as file:
                yield name, file.read(LARGEST_FILE + 1)
        except DAMAGED:
            yield name, _fault("entry", name, "a damaged file", "whole", "Make the zip anew.")


def _entry_problem(entry: zipfile.ZipInfo, parts: tuple[str, ...]) -> str | None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
        return "a name that leads out of the zip"
    if kind not in (0, stat.S_IFREG):
        return "a link or a device"
    if entry.flag_bits & 0x1:
        return "a file under a password"
    if entry.file_size > LARGEST_FILE:
        return f"more than {LARGEST_FILE // 1024**2} MB"
    if entry.file_size > SMALL and entry.file_size > MOST_SHRUNK * max(entry.compress_size, 1):
        return "a file that shrank far more than a Release does"
    return None


def _is_candidate(name: str) -> bool:
    return name.lower().endswith(".json") and not name.startswith(".")


def _unreadable(name: str, error: OSError) -> Fault:
    return _fault("unreadable", name, error.strerror or "an error", "readable", "Give the right to read it.")


def _unread(path: Path, got: str) -> RunError:
    allowed = f"a folder or a zip of Releases, at most {MOST_FILES} of them and {MOST_BYTES // 1024**3} GB"
    return RunError(
        [_fault("unread", plain(path.name), got, allowed, "Check the path, or ask for the files anew.")]
    )


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=f"exchange.{code}", where=where, got=got, allowed=allowed, fix=fix)
