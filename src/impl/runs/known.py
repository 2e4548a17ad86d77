"""What a project knows of all its studies: register, published Releases, ledger; whether or not a study file exists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from impl.errors import ImplError
from impl.network.states import Attempt, Runs, Standing, standings
from impl.register.register import Register, read_register
from impl.release.files import RELEASE_FILE, read_release
from impl.release.release import Release
from impl.runs.ledger import ledger_name, ledger_names, read_entry, state_of
from impl.study.load import list_studies

if TYPE_CHECKING:
    from impl.runs.tasks import Task


def what_is_known(root: Path, tasks: Sequence[Task], *, today: date | None = None) -> tuple[Standing, ...]:
    """Where every registered and every published study stands, read anew. tasks: the runs that study files ask for now;
    a study without a file is known all the same.

    Raises StudyError where the register is broken: then nobody can say what is registered.
    """
    register = read_register(root)
    runs = runs_of(root, register, tasks)
    return standings(
        register, published_releases(root).values(), runs, today=today or datetime.now(UTC).date()
    )


def runs_of(root: Path, register: Register, tasks: Sequence[Task]) -> Runs:
    """How the last runs in the ledger ended, by the id under which they are registered, and the units asked for now."""
    units: dict[str, tuple[str, ...]] = {}
    for task in tasks:
        if task.unit and task.study is not None:
            study = task.study.as_declared.id
            units[study] = (*units.get(study, ()), task.name)
    return Runs(attempts=tuple(_attempts(root, register, tasks)), units=units)


def published_releases(root: Path) -> dict[str, Release]:
    """The Releases under `reports/` by folder; one that cannot be read, or lies in the folder of another, is left out."""
    found: dict[str, Release] = {}
    for file in sorted((root / "reports").glob(f"*/{RELEASE_FILE}")):
        try:
            release = read_release(file)
        except ImplError:
            continue
        if release.study.id == file.parent.name:
            found[file.parent.name] = release
    return found


def has_run(root: Path, study: str, *, by_unit: bool) -> bool:
    """Whether the study, or a unit of it, was run before now: there is a Release, or a run however it ended."""
    names = {file.parent.name for file in (root / "reports").glob(f"*/{RELEASE_FILE}")}
    names |= set(ledger_names(root))
    if study in names:
        return True
    own = {ledger_name(path) for path in list_studies(root)} | read_register(root).studies.keys()
    return by_unit and any(name.startswith(f"{study}-") for name in names - own)


def _attempts(root: Path, register: Register, tasks: Sequence[Task]) -> list[Attempt]:
    """The last run of every study in the ledger, by the id under which it is registered."""
    parents = {task.name: task.study.as_declared.id if task.study else task.name for task in tasks}
    found = []
    for file in sorted((root / "build" / "ledger").glob("*.json")):
        name = file.stem
        entry = read_entry(root, name)
        state = state_of(root, name, entry)
        if entry is None or state == "never":
            continue
        study = parents.get(name) or _registered_id(register, name)
        found.append(Attempt(id=name, study=study, state=state, profile=entry.attempt.profile))
    return found


def _registered_id(register: Register, name: str) -> str:
    """The registered study that a run without a study file belongs to: its own, or the one it is a unit of."""
    if name in register.studies:
        return name
    wholes = [
        study for study in register.studies.values() if study.plan.by_unit and name.startswith(f"{study.id}-")
    ]
    return max((study.id for study in wholes), key=len, default=name)
