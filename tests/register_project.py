"""A small project whose study can be registered, and Releases of it as if it had been run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from example_release import staggered
from impl.register.register import Line, Register
from impl.register.write import register_studies
from impl.release.files import bundle_bytes
from impl.release.release import PlanCheck, Release
from impl.study.load import read_study
from study_project import STUDY, make_project

PLANNED = "planned: {data_from: 2021-01-01, data_to: 2021-12-31, report_due: 2022-03-31}\n"
BEFORE = datetime(2020, 12, 1, 8, 30, tzinfo=UTC)
LATER = datetime(2021, 6, 1, 8, 30, tzinfo=UTC)


def study_text(name: str, extra: str = "", planned: str = PLANNED) -> str:
    return STUDY.replace("id: falls", f"id: {name}") + planned + extra


def write_study(root: Path, name: str = "falls", extra: str = "", planned: str = PLANNED) -> Path:
    return make_project(root, study=study_text(name, extra, planned), name=f"{name}.yaml")


def register(
    root: Path, *files: Path, at: datetime = BEFORE, after_run: tuple[str, ...] = ()
) -> tuple[Line, ...]:
    return register_studies(root, [read_study(file) for file in files], at=at, after_run=after_run)


def release_of(name: str, line: Line | None = None, run_id: str = "0123456789ab", **changes: Any) -> Release:
    """A Release of a study of this id, with data for 2021; line: what it says it rests on. changes: of the run."""
    release = staggered(study_id=name, run_id=run_id)
    plan = PlanCheck() if line is None else PlanCheck(registered=True, study=line.id, line_sha256=line.sha256)
    days = {"data_from": date(2021, 1, 1), "data_to": changes.pop("data_to", date(2021, 12, 31))}
    return release.model_copy(
        update={
            "study": release.study.model_copy(update=days),
            "run": release.run.model_copy(update=changes),
            "plan": plan,
        }
    )


def publish(root: Path, release: Release) -> None:
    folder = root / "reports" / release.study.id
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in bundle_bytes(release).items():
        (folder / name).write_bytes(data)


def one_line(root: Path, name: str = "falls") -> tuple[Register, Line]:
    """A register with one study."""
    from impl.register.register import read_register

    line = register(root, write_study(root, name))[0]
    return read_register(root), line
