"""What has been published of a study already: nobody can take it back, so every attack knows it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from impl.errors import ImplError
from impl.release.files import RELEASE_FILE, read_release
from impl.release.release import Release
from impl.study.study import Study


def earlier_releases(study: Study) -> tuple[Release, ...]:
    """The Releases of this study under `reports/`, the published one and its history; unreadable ones tell nobody."""
    folder = study.root / "reports" / study.id
    found = [*_read(folder / RELEASE_FILE)]
    for file in sorted(folder.glob("history/*.json")):
        found += _read(file)
    return tuple(release for release in found if release.study.id == study.id)


def _read(file: Path) -> list[Release]:
    with contextlib.suppress(ImplError):
        return [read_release(file)]
    return []
