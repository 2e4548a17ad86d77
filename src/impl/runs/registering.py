"""Freezing plans from the command line: what was added, and what stands in the register."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from impl.errors import Fault, ImplError, StudyError, shorten
from impl.register.plan import changes
from impl.register.register import Line, read_register
from impl.register.write import register_studies, withdraw_study
from impl.runs.known import has_run, what_is_known
from impl.runs.tasks import tasks_of
from impl.study.load import list_studies, read_study
from impl.study.study import Study


def register_plans(root: Path, paths: Sequence[Path]) -> list[str]:
    """Register these study files; returns a line for each. Raises StudyError, with nothing added, for any fault."""
    studies: list[Study] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            studies.append(read_study(path))
        except ImplError as error:
            faults += error.faults
    if faults:
        raise StudyError(faults)
    before = read_register(root).studies
    after_run = {study.id for study in studies if has_run(root, study.id, by_unit=study.units is not None)}
    added = {
        line.id: line for line in register_studies(root, studies, at=datetime.now(UTC), after_run=after_run)
    }
    told = []
    for study in studies:
        line = added.get(study.id)
        if line is None:
            told.append(
                f"{study.id}  registered already, version {before[study.id].newest.version}; nothing has changed"
            )
            continue
        told.append(f"{study.id}  registered, version {line.version}{_late(line)}")
        if study.id in before and line.plan is not None:
            told += [f"    changed: {row.code}" for row in changes(before[study.id].plan, line.plan)]
    return told


def withdraw(root: Path, study: str, reason: str) -> str:
    """Withdraw a registered study, whose file may be gone; returns a line. Raises StudyError as `withdraw_study` does."""
    known = read_register(root).studies.get(study)
    by_unit = known is not None and known.plan.by_unit
    line = withdraw_study(
        root, study, reason=reason, at=datetime.now(UTC), after_run=has_run(root, study, by_unit=by_unit)
    )
    return f"{line.id}  withdrawn"


def list_register(root: Path) -> list[str]:
    """One line for every registered study or unit: where it stands, when it was registered, when its report is due."""
    lines = []
    for row in what_is_known(root, tasks_of(list_studies(root))):
        if row.registered is None or row.registered_at is None or row.timing is None:
            continue
        newest = row.registered.newest
        when = row.timing.replace("_", " ") + (", after run" if row.registered.lines[0].after_run else "")
        version = f", version {newest.version}" if newest.version > 1 else ""
        lines.append(
            f"{row.state.replace('_', ' '):<13} {row.id}  registered {row.registered_at.date()} ({when}){version},"
            f" due {row.registered.plan.planned.report_due}"
        )
    return lines


def _late(line: Line) -> str:
    """What will be said of the time of registration; the data may turn out to end earlier than planned."""
    assert line.plan is not None
    said = []
    if line.registered_at.date().isoformat() > line.plan.planned.data_to:
        said.append("after the data had been collected")
    if line.after_run:
        said.append("after the study had been run")
    return f"  ({' and '.join(said)}: every report will say so)" if said else ""


def one_name(names: Sequence[str]) -> str:
    """The one study that is to be withdrawn. Raises StudyError for none or several."""
    if len(names) == 1:
        return Path(names[0]).stem
    raise StudyError(
        [
            Fault(
                code="register.one_study",
                where="--withdraw",
                got=shorten(", ".join(names)) if names else "no study",
                allowed="given with one study",
                fix="Withdraw them one by one, each with its reason.",
            )
        ]
    )
