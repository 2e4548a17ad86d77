"""What a run depends on besides its files: Python, packages, this package, the lock. Two machines compare it."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

DISTRIBUTION = "impl-workbench"
BENEATH = ("pytensor", "numba", "llvmlite", "dask", "distributed")
"""Packages that no requirement of ours names, and that make the numbers or carry the messages."""
ABSENT = "none"


def surroundings(root: Path) -> dict[str, str]:
    """Name -> version or short hash, of everything that must agree where the work on one project is shared."""
    named = [
        re.split(r"[^A-Za-z0-9_.-]", text)[0] for text in requires(DISTRIBUTION) or () if "extra" not in text
    ]
    return {
        "Python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
        "impl": version(DISTRIBUTION),
        "files of impl": _package(),
        "requirements.lock": _hash(root / "requirements.lock"),
        "project (build/secret)": _hash(root / "build" / "secret"),
        **{name: _version(name) for name in sorted({*named, *BENEATH})},
    }


def differences(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """What differs, both sides in words: `numpy 2.4.0 here, 2.3.1 there`."""
    return [
        f"{name} {here.get(name, ABSENT)} here, {there.get(name, ABSENT)} there"
        for name in dict.fromkeys([*here, *there])
        if here.get(name, ABSENT) != there.get(name, ABSENT)
    ]


def _package() -> str:
    from impl.study.identity import package_sha256

    return package_sha256()[:12]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT


def _hash(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    except OSError:
        return ABSENT
