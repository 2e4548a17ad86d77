"""Where a study's files lie: the project root, and paths that may not leave it."""

from __future__ import annotations

import os
import re
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath

from impl.errors import Fault, StudyError, shorten
from impl.study.characters import hidden_character

REGISTER_FILE = "parameters/register.jsonl"
"""The register of plans (`impl.register`), under the project root."""
LONGEST_NAME = 255  # bytes; what common file systems hold
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def find_root(start: Path) -> Path:
    """Project root: the nearest folder at or above `start` that holds `parameters/`. Raises StudyError."""
    resolved = start.absolute()
    for folder in (resolved, *resolved.parents):
        if (folder / "parameters").is_dir():
            return folder
    raise StudyError(
        [
            Fault(
                code="study.no_root",
                where=shorten(start.name or "this folder"),
                got="no folder 'parameters' here or above",
                allowed="inside a project",
                fix="Go to the project's folder, or make a folder 'parameters' in it.",
            )
        ]
    )


@cache
def _resolved(root: Path) -> str:
    """A project's folder does not move while a process works in it; what lies in it is looked at every time."""
    return os.path.realpath(root)


def path_problem(root: Path, text: str) -> str | None:
    """Why `text` cannot be a path of a file inside the project, or None.

    Only the name and links are judged; the file may be missing.
    """
    problem = _name_problem(text)
    if problem is not None:
        return problem
    try:
        found = os.path.realpath(os.path.join(root, text))
        inside = os.path.commonpath((found, _resolved(root))) == _resolved(root)
    except ValueError:  # another drive
        inside = False
    except OSError:
        return "its links lead nowhere"
    return None if inside else "a link in it leads out of the project"


@lru_cache(maxsize=4096)
def _name_problem(text: str) -> str | None:
    """Why no file of a project may be called `text`, or None."""
    hidden = hidden_character(text) or ("a line break" if re.search(r"[\t\r\n]", text) else None)
    if hidden is not None:
        return f"it holds {hidden}"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return "it is a web address"
    if text.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", text):
        return "it is an absolute path"
    if text.startswith("~"):
        return "it starts with ~"
    if "\\" in text:
        return "it holds a backslash"
    if "//" in text or text.endswith("/"):
        return "a folder or file name in it is empty"
    for part in PurePosixPath(text).parts:
        if part == "..":
            return "it goes up with .."
        if len(part.encode()) > LONGEST_NAME:
            return "a name in it is too long"
        if (
            part != part.strip()
            or part.endswith(".")
            or re.search(r'[<>:"|?*]', part)
            or _RESERVED.fullmatch(part)
        ):
            return f"some systems cannot hold the name {shorten(part, 40)}"
    return None if PurePosixPath(text).parts else "it is empty"
