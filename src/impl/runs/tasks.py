"""What there is to run: every study file, and every unit of a study with units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impl.errors import Fault, ImplError, StudyError, shorten
from impl.runs.ledger import ledger_name

if TYPE_CHECKING:
    from impl.study.study import Study


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
