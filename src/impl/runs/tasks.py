"""What there is to run: every study file, and every unit of a study with units."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impl.errors import Fault, ImplError, StudyError, shorten
from impl.runs.ledger import ledger_name

if TYPE_CHECKING:
    from impl.study.study import Study

LEAST_MEMORY = 500 * 10**6


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run: a study file, and the unit of it where it has units.

    study: as read; None where it cannot be. shared: others with the same model follow.
    """

    path: Path
    unit: str = ""
    study: Study | None = None
    shared: bool = False

    @property
    def name(self) -> str:
        return self.study.id if self.study else ledger_name(self.path)


def tasks_named(
    root: Path, names: Sequence[str], *, only: Sequence[str] = (), limit: int | None = None
) -> list[Task]:
    """The runs that were asked for: ids and paths of studies, and ids of single units (`falls-0301`); all if none.

    Raises StudyError with every name that is none of these.
    """
    from impl.study.load import list_studies, study_path

    whole: list[Path] = [] if names else list(list_studies(root))
    units: dict[Path, list[str]] = {}
    faults: list[Fault] = []
    for name in names:
        try:
            whole.append(study_path(root, name))
        except StudyError as error:
            found = _unit_named(root, name)
            if found is None:
                faults += error.faults
            else:
                units.setdefault(found[0], []).append(found[1])
    if faults:
        raise StudyError(faults)
    tasks = tasks_of(list(dict.fromkeys(whole)), only=only, limit=limit)
    for path, codes in units.items():
        tasks += tasks_of([path], only=codes)
    by_name: dict[str, Task] = {}
    for task in tasks:
        other = by_name.setdefault(task.name, task)
        if (other.path, other.unit) != (task.path, task.unit):
            faults.append(_same_name(other, task))
    if faults:
        raise StudyError(faults)
    return list(by_name.values())


def _same_name(one: Task, other: Task) -> Fault:
    """Two runs with one name would take each other's place in ledger and reports."""

    def shown(task: Task) -> str:
        return f"unit '{task.unit}' of {task.path.name}" if task.unit else task.path.name

    return Fault(
        code="run.same_name",
        where=f"run '{one.name}'",
        got=f"{shown(one)} and {shown(other)}",
        allowed="the name of one run",
        fix="Give the study another id, or the unit another code.",
    )


def _unit_named(root: Path, name: str) -> tuple[Path, str] | None:
    """The study file and the unit whose run has this id."""
    from impl.data.units import list_units, unit_id
    from impl.study.load import list_studies, read_study

    for path in list_studies(root):
        if not name.startswith(f"{path.stem}-"):
            continue
        try:
            study = read_study(path)
            units = list_units(study) if study.units else ()
        except ImplError:
            continue  # a file that cannot be read has no units to be named
        for unit in units:
            if unit_id(study.id, unit.code) == name:
                return path, unit.code
    return None


def shard_of(tasks: Sequence[Task], shard: str) -> list[Task]:
    """Every n-th run beginning with the i-th, for `i/n`: the same for all who ask with the same files.

    Raises StudyError for anything else.
    """
    told = re.fullmatch(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", shard)
    if told is None or int(told[1]) > int(told[2]):
        raise StudyError(
            [
                Fault(
                    code="run.shard",
                    where="--shard",
                    got=shorten(shard),
                    allowed="i/n with i from 1 to n",
                    fix="As in --shard 3/20.",
                )
            ]
        )
    return list(tasks)[int(told[1]) - 1 :: int(told[2])]


def bytes_of(size: str) -> int:
    """Bytes that a size stands for: `800M`, `4G` (powers of ten). Raises StudyError for anything else."""
    told = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?) ?([MG])B?", size.strip(), re.IGNORECASE)
    found = int(float(told[1]) * {"M": 10**6, "G": 10**9}[told[2].upper()]) if told else 0
    if found < LEAST_MEMORY or sys.platform != "linux":
        allowed = (
            "at least 500M, such as 4G" if sys.platform == "linux" else "left out: only Linux can hold it"
        )
        raise StudyError(
            [
                Fault(
                    code="run.memory",
                    where="--memory",
                    got=shorten(size),
                    allowed=allowed,
                    fix="A kernel with its imports takes about 400M before it has done anything.",
                )
            ]
        )
    return found


def tasks_of(paths: Sequence[Path], *, only: Sequence[str] = (), limit: int | None = None) -> list[Task]:
    """The runs of these study files, a study with units giving one for each.

    only: codes of units, limit: how many units of each study. A file that cannot be read is a run that fails.
    Raises StudyError for a unit that none of the studies has.
    """
    from impl.data.units import list_units, unit_study
    from impl.study.load import read_study
    from impl.study.study import DESIGNS

    tasks: list[Task] = []
    unknown = set(only)
    for path in paths:
        try:
            study = read_study(path)
            units = list_units(study) if study.units else ()
        except ImplError:
            tasks.append(Task(path=path))
            continue
        if not study.units:
            tasks.append(Task(path=path, study=study))
            continue
        unknown -= {unit.code for unit in units}
        chosen = [unit for unit in units if not only or unit.code in only][:limit]
        shared = len(chosen) > 1 and study.notebook in DESIGNS
        tasks += [
            Task(path=path, unit=unit.code, study=unit_study(study, unit), shared=shared) for unit in chosen
        ]
    if unknown:
        raise StudyError(
            Fault(
                code="study.unknown_unit",
                where="--only",
                got=shorten(code),
                allowed="the code of a unit of these studies",
                fix="See the roll-out table.",
            )
            for code in sorted(unknown)
        )
    return tasks
