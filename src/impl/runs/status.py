"""Where every study stands: one row a study in `parameters/`, run or not; and the index page made from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impl.errors import ImplError, RunError
from impl.runs.ledger import Entry, Published, State, disk_fault, read_entry, state_of
from impl.study.paths import REGISTER_FILE

if TYPE_CHECKING:
    from impl.network.states import Standing
    from impl.release.release import Release
    from impl.report.index import IndexRow
    from impl.runs.tasks import Task
    from impl.study.study import Study


@dataclass(frozen=True, kw_only=True)
class StudyStatus:
    """One study's standing. `stale`: what is published was made from other inputs than those there now.

    `reason` may quote confidential input and belongs on the confidential side: terminal and ledger only.
    """

    study: str
    title: str
    state: State | Literal["never", "stale"]
    run_id: str | None = None
    profile: str | None = None
    finished: datetime | None = None
    data_to: date | None = None
    reason: str | None = None


def list_status(root: Path, names: Sequence[str] = ()) -> tuple[StudyStatus, ...]:
    """The standing of these studies and units, or of all in `parameters/`, in the order of their names.

    Raises StudyError with every name that is neither.
    """
    from impl.runs.tasks import tasks_named

    return tuple(_status(root, task) for task in tasks_named(root, names))


def _tasks(root: Path) -> list[Task]:
    from impl.runs.tasks import tasks_of
    from impl.study.load import list_studies

    return tasks_of(list_studies(root))


def age(then: datetime, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that fits: `3 days`."""
    seconds = max(((now or datetime.now(UTC)) - then).total_seconds(), 0)
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "under a minute"


def index_holds(root: Path) -> bool:
    """Whether the index was written today, and no study or outcome is newer: what it says is still so."""
    try:
        written = (root / "reports" / "index.html").stat().st_mtime
        seen = (root / "parameters", root / "build" / "ledger", root / REGISTER_FILE)
        files = (*(root / "parameters").glob("*.y*ml"), *(root / "reports").glob("*/release.json"))
        changed = max(path.stat().st_mtime for path in (*filter(Path.exists, seen), *files))
    except OSError:
        return False
    return written > changed and datetime.fromtimestamp(written, UTC).date() == datetime.now(UTC).date()


def write_index(root: Path) -> Path:
    """Write `reports/index.html` anew, by rename, from register, ledger and published Releases alone.

    Every registered study and every published one is there, whatever has become of its study file.
    Raises RunError where the disk refuses, StudyError where the register is broken.
    """
    from impl.release.atomic import write_atomically
    from impl.report.index import PAGES, render_index

    about_all = {
        page: f"{page}.nb.html" for page in PAGES if (root / "reports" / f"{page}.nb.html").is_file()
    }
    page = render_index(_index_rows(root), today=datetime.now(UTC).date(), about_all=about_all)
    target = root / "reports" / "index.html"
    try:
        target.parent.mkdir(exist_ok=True)
        write_atomically(target, page.encode())
    except OSError as error:
        raise RunError([disk_fault(error, "reports/index.html")]) from None
    return target


def _index_rows(root: Path) -> list[IndexRow]:
    """One row a study or unit: those with a study file, those registered, those with a report."""
    from impl.runs.known import what_is_known

    tasks = {task.name: task for task in _tasks(root)}
    known = what_is_known(root, list(tasks.values()))
    rows = [_index_row(root, row.id, tasks.get(row.id), row.release, row) for row in known]
    shown = {row.id for row in known}
    # what is for fewer than everybody is told of where it is registered, and nowhere else
    rest = [name for name, task in tasks.items() if name not in shown and not _is_private(task)]
    return [*rows, *(_index_row(root, name, tasks[name], None, None) for name in rest)]


def _is_private(task: Task) -> bool:
    from impl.study.study import PUBLIC_AUDIENCES

    study = task.study
    return study is not None and (study.estimates_nothing or study.audience not in PUBLIC_AUDIENCES)


def _status(root: Path, task: Task) -> StudyStatus:
    name, study = task.name, task.study
    entry = read_entry(root, name)
    published = entry.published if entry else None
    release = _release(root, name) if published else None
    return StudyStatus(
        study=name,
        title=_text(study.title) if study else "",
        state=_state(root, name, entry, study),
        run_id=published.run_id if published else None,
        profile=published.profile if published else None,
        finished=published.finished if published else None,
        data_to=release.study.data_to if release else None,
        reason=_reason(entry),
    )


def _state(
    root: Path, name: str, entry: Entry | None, study: Study | None
) -> State | Literal["never", "stale"]:
    state = state_of(root, name, entry)
    if entry and entry.published and _beside_full(entry) and state != "running":
        state = entry.published.status
    if state not in ("ok", "not_converged") or entry is None or entry.published is None:
        return state
    return "stale" if study is None or _changed(study, entry.published) else state


def _beside_full(entry: Entry) -> bool:
    """Whether the last attempt was a smoke run beside a full report, and so says nothing about that report."""
    return entry.attempt.profile == "smoke" and bool(entry.published and entry.published.profile == "full")


def _reason(entry: Entry | None) -> str | None:
    if entry is None or entry.attempt.reason is None:
        return None
    failed = entry.attempt.state in ("failed", "cancelled") and _beside_full(entry)
    return f"smoke run: {entry.attempt.reason}" if failed else entry.attempt.reason


def _changed(study: Study, published: Published) -> bool:
    from impl.study.identity import identify

    try:
        return identify(study, profile=published.profile).run_key != published.run_key
    except ImplError:
        return True  # an input is gone or cannot be read


def _release(root: Path, name: str) -> Release | None:
    from impl.release.files import read_release

    try:
        return read_release(root / "reports" / name / "release.json")
    except ImplError:
        return None


def _text(translated: dict[str, str] | dict[Literal["nb", "nn", "en"], str]) -> str:
    texts = dict(translated)
    return texts.get("nb") or next(iter(texts.values()), "")


def _index_row(
    root: Path, name: str, task: Task | None, release: Release | None, standing: Standing | None
) -> IndexRow:
    from impl.report.index import IndexRow

    study = task.study if task else None
    entry = read_entry(root, name)
    summary = release.study if release else study or (standing.plan if standing else None)
    pages = sorted((root / "reports" / name).glob(f"{name}.*.html")) if release else []
    whole = [page for page in pages if page.name.count(".") == 2]
    briefs = [page for page in pages if page.name.startswith(f"{name}.summary.")]
    state = _state(root, name, entry, study)
    if (
        state == "never" and release is not None
    ):  # a report that was brought here, of which the ledger does not know
        state = release.status
    row = IndexRow(
        id=name,
        title=_text(summary.title) if summary else name,
        question=_text(summary.question) if summary else "",
        status="not_run" if state == "never" else state,
        answer=_answer(release),
        links={page.name.split(".")[-2]: f"{name}/{page.name}" for page in whole},
        summaries={page.name.split(".")[-2]: f"{name}/{page.name}" for page in briefs},
        run_id=release.run.id if release else None,
        data_to=release.study.data_to if release else None,
        finished=release.run.started if release else None,
        message=None,  # a reason may quote a confidential cell, and the index lies on the public side
        demo=summary.synthetic if summary else False,
        standing=standing,
    )
    return row if release is None else _found_by(row, root, release)


def _found_by(row: IndexRow, root: Path, release: Release) -> IndexRow:
    """The row with what its published report is found by, from the Release and the catalogue alone."""
    from impl.report.language import read_language
    from impl.report.sentences import lead
    from impl.report.validity import holds_until
    from impl.study.load import read_measure
    from impl.study.vocabulary import read_vocabulary

    nb = read_language("nb")
    try:
        chosen = read_measure(release.measure().id, root).focus_areas
    except ImplError:
        chosen = ()  # the user's own measure is gone
    framework = read_vocabulary("national_framework")
    areas = [framework.label(item, "nb") for item in framework.group("focus_area") if item.id in chosen]
    return replace(
        row,
        bundles=tuple(nb.pick(bundle.name) for bundle in release.study.bundles),
        places=tuple(site.name for site in release.design.rollout),
        areas=tuple(filter(None, areas)),
        verdict=lead(release, nb) if release.status == "ok" else nb.say("index.status.not_converged"),
        holds_until=holds_until(release),
        trial=release.run.profile == "smoke",
    )


def _answer(release: Release | None) -> str | None:
    from impl.report.language import read_language
    from impl.report.sentences import answer

    return None if release is None else answer(release, read_language("nb"))
