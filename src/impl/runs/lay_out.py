"""A workbench of one's own from an installed package: the folders that impl expects, and the notebooks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from impl.errors import Fault, StudyError, shorten

_PACKAGE = Path(__file__).parent.parent
FOLDERS = ("parameters/measures", "parameters/bundles", "data", "notebooks", "reports")
IGNORED = """\
# Data, results and what leads to them stay here; reports are published on purpose, not by a commit.
data/
build/
reports/
.ipynb_checkpoints/
"""


def lay_out(folder: Path) -> Iterator[str]:
    """Make a workbench in a new or empty folder; yields what was made, in words. Raises StudyError for any other."""
    notebooks = sorted(_notebooks().glob("[0-9][0-9]_*.ipynb"))
    occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if occupied or not notebooks:
        got = "a folder that is not empty" if occupied else "no notebooks in the installed package"
        fix = "Choose another." if occupied else "Install the package again."
        raise StudyError(
            [
                Fault(
                    code="init.folder",
                    where=shorten(folder.name),
                    got=got,
                    allowed="a new or empty folder",
                    fix=fix,
                )
            ]
        )
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for notebook in notebooks:
        shutil.copyfile(notebook, folder / "notebooks" / notebook.name)
    (folder / ".gitignore").write_text(IGNORED, encoding="utf-8")
    yield f"{folder.name}/: parameters, data, reports, and {len(notebooks)} notebooks"
    yield f"Put a file into {folder.name}/data/, go there, and: impl new my-study --measure falls --data data/FILE"


def _notebooks() -> Path:
    """Inside the installed package, or beside its source."""
    packed = _PACKAGE / "notebooks"
    return packed if packed.is_dir() else _PACKAGE.parent.parent / "notebooks"
