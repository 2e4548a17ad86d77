"""Records of a long study: one JSON line a simulation, written through to the disk, so that it can resume."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import impl

Record = dict[str, Any]
MODEL = Path(impl.__file__).parent / "model"
ENGINE = ("build", "choices", "estimands", "fit", "inputs", "moderators", "predict", "priors", "structure")
"""The files that decide what is fitted and how; reporting on a fit changes no fit."""


def code_key() -> str:
    """Digest of the engine and of this study: records of other code are never mixed in."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    engine = [MODEL / f"{name}.py" for name in ENGINE]
    engine += sorted([*MODEL.glob("likelihoods/*.py"), *MODEL.glob("effects/*.py")])
    for file in (*engine, here / "calibration.py", here / "study_worlds.py"):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def truth_key() -> str:
    """Digest of what decides a finding: the models, their verdicts, and the worlds."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    engine = [MODEL / f"{name}.py" for name in (*ENGINE, "verdict", "assurance", "twin", "gls", "estimate")]
    engine += sorted(
        [*MODEL.glob("likelihoods/*.py"), *MODEL.glob("effects/*.py"), *MODEL.glob("local/*.py")]
    )
    for file in (*engine, here / "truth_worlds.py"):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def append(path: Path, record: Record, key: str) -> None:
    """Add one record; a line that a crash cut short is closed first, so that it spoils no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        torn = file.tell() > 0 and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
        file.write((b"\n" if torn else b"") + json.dumps(record | {"key": key}).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def finished(path: Path, key: str) -> dict[int, Record]:
    """Records of this code by simulation; torn lines are left out, and so are simulated again."""
    found: dict[int, Record] = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("key") == key:
            found[record["simulation"]] = record
    return found
