"""The register as a file: `parameters/register.jsonl`, one line an event, each line chained to the one before.

The chain shows that a line was changed, removed or moved, unless all that follow were made anew as well; against
that stand the Releases, which name the line they rest on, and the history of the repository.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from impl.errors import Fault, StudyError, shorten
from impl.register.plan import Plan
from impl.study.paths import REGISTER_FILE
from impl.study.study import Identifier
from impl.study.value import MeasureId, Text, Value, canonical_json

LARGEST_LINE = 64 * 1024  # bytes; a plan is about two thousand (choice)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
START = "0" * 64
"""What the first line has for the hash of the line before it."""


class Line(Value):
    """One event of one study.

    version: 1, 2, … for each plan registered; a withdrawal has that of the plan it withdraws. after_run: the study had
    been run when this was written. impl: version of this program. focus_areas: national ones, of the primary measure.
    plan_sha256: of the whole study file. previous: `sha256` of the line before; sha256: of this line without it.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    id: Identifier
    kind: Literal["plan", "withdrawal"]
    version: Annotated[int, Field(ge=1)]
    registered_at: AwareDatetime
    after_run: bool
    impl: str
    plan: Plan | None = None
    plan_sha256: Sha256 | None = None
    focus_areas: tuple[MeasureId, ...] = ()
    reason: Text | None = None
    previous: Sha256
    sha256: Sha256

    @model_validator(mode="after")
    def _whole(self) -> Line:
        if self.kind == "plan" and (self.plan is None or self.plan_sha256 is None or self.plan.id != self.id):
            raise ValueError("must be a line with the plan of the study that it names")
        if self.kind == "withdrawal" and (self.plan is not None or self.reason is None):
            raise ValueError("must be a withdrawal with a reason and without a plan")
        return self


@dataclass(frozen=True, kw_only=True)
class Registered:
    """All that the register holds of one study, oldest first; the first line always holds a plan."""

    id: str
    lines: tuple[Line, ...]

    @property
    def plans(self) -> tuple[Line, ...]:
        """The lines that hold a plan: the first registration and every amendment."""
        return tuple(line for line in self.lines if line.kind == "plan")

    @property
    def newest(self) -> Line:
        """The line whose plan is in force."""
        return self.plans[-1]

    @property
    def plan(self) -> Plan:
        """The plan in force."""
        assert self.newest.plan is not None
        return self.newest.plan

    @property
    def withdrawn(self) -> Line | None:
        """The withdrawal, where no plan was registered after it."""
        return self.lines[-1] if self.lines[-1].kind == "withdrawal" else None


@dataclass(frozen=True)
class Register:
    """Every line, in the order of the file."""

    lines: tuple[Line, ...] = ()

    @cached_property
    def studies(self) -> dict[str, Registered]:
        """Every registered study by id, in the order of registration. None can be left out: there is no other way in."""
        found: dict[str, list[Line]] = {}
        for line in self.lines:
            found.setdefault(line.id, []).append(line)
        return {name: Registered(id=name, lines=tuple(lines)) for name, lines in found.items()}


def read_register(root: Path, name: str = REGISTER_FILE) -> Register:
    """The register of a project, or another file in it; empty where the project's own is not there yet.

    Raises StudyError, naming the line, where it cannot be read or the chain is broken.
    """
    try:
        data = (root / name).read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and name == REGISTER_FILE:
            return Register()
        raise StudyError([_fault("unreadable", name, error.strerror or "an error of the disk")]) from None
    return parse_register(data, name)


def parse_register(data: bytes, shown: str = REGISTER_FILE) -> Register:
    """A register from the bytes of a file that errors call `shown`. Raises StudyError as `read_register` does."""
    lines: list[Line] = []
    versions: dict[str, int] = {}
    for number, raw in enumerate(
        data.split(b"\n")[:-1] if data.endswith(b"\n") else data.split(b"\n"), start=1
    ):
        if not data:
            break
        where = f"{shown}, line {number}"
        line = _parse_line(raw, where)
        for problem in _breaks(line, lines[-1] if lines else None, versions.get(line.id, 0)):
            raise StudyError([_fault("broken", where, problem)])
        versions[line.id] = line.version
        lines.append(line)
    if data and not data.endswith(b"\n"):
        raise StudyError([_fault("broken", f"{shown}, line {len(lines)}", "a line that does not end")])
    return Register(tuple(lines))


def sealed(content: dict[str, Any], before: Line | None) -> tuple[Line, bytes]:
    """The next line of the file after `before`, and its bytes. content: the line without its hashes."""
    chained = content | {"previous": before.sha256 if before else START}
    whole = chained | {"sha256": _sha256(chained)}
    return Line.model_validate_json(canonical_json(whole)), canonical_json(whole).encode() + b"\n"


def _parse_line(raw: bytes, where: str) -> Line:
    problem = f"more than {LARGEST_LINE} bytes" if len(raw) > LARGEST_LINE else None
    if problem is None:
        try:
            text = raw.decode("utf-8")
            content = json.loads(text)
            if not isinstance(content, dict):
                raise ValueError
            newer = content.get("schema")
            if isinstance(newer, int) and newer > 1:
                problem = f"schema {newer}, of a newer impl"
            elif canonical_json(content) != text:
                problem = "a line that this program did not write"
            elif content.pop("sha256", None) != _sha256(content):
                problem = "a line that was changed after it was written"
            else:
                return Line.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            problem = f"a line that is no registration ({shorten(key, 60) if key else shorten(first['msg'])})"
        except (ValueError, RecursionError):
            problem = "a line that is no JSON object"
    raise StudyError([_fault("broken", where, problem)])


def _breaks(line: Line, before: Line | None, version: int) -> Iterator[str]:
    """What is wrong with a line after the one before it. version: the last one of the same study, 0 for none."""
    if line.previous != (before.sha256 if before else START):
        yield "a line that does not follow the one before it: one was changed, removed or moved"
    if before is not None and line.registered_at < before.registered_at:
        yield "a time before that of the line before it"
    if line.version != version + (line.kind == "plan"):
        yield f"version {line.version} after version {version}"


def _sha256(content: Any) -> str:
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def _fault(code: str, where: str, got: str) -> Fault:
    return Fault(
        code=f"register.{code}",
        where=where,
        got=got,
        allowed="a register that was only ever added to, by `impl register`",
        fix="Restore the file from version control; lines are never edited, removed or put in another order.",
    )


def utc_seconds(at: datetime) -> str:
    """A moment as the register writes it: 2026-11-23T07:30:00Z. at: with a time zone."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
