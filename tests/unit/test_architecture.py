"""ARCHITECTURE.md against the tree: every room and file it names exists, and every file is named."""

from __future__ import annotations

import re

from worlds import REPOSITORY

TEXT = (REPOSITORY / "ARCHITECTURE.md").read_text()
PACKAGE = REPOSITORY / "src" / "impl"
ROWS = re.findall(r"^\| `src/impl/(\w*)/?` \|[^|]*\|([^|]*)\|$", TEXT, flags=re.MULTILINE)


def test_every_room_is_described() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert {room for room, _ in ROWS if room} == rooms


def test_files_and_description_agree() -> None:
    for room, files in ROWS:
        folder = PACKAGE / room
        named = set(re.findall(r"`([^`]+)`", files))
        modules = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
        others = {name for name in named if "." in name or name.endswith("/")}
        assert named - others - {"__init__"} == modules, room or "impl"
        for name in others:
            assert (folder / name).exists(), f"{room}/{name}"


def test_it_stays_one_page() -> None:
    assert len(TEXT.splitlines()) <= 70


def test_no_file_has_grown_past_asking() -> None:
    long = {
        path.name: count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 500
    }
    assert not long, "split it, or say in ARCHITECTURE.md why it should stay"
