"""One study, start to end: analysis notebook, report notebook in each language, pages, gate, publication.

Success is decided here, from what was executed and what was written; papermill's word is not asked.
Nothing under `reports/` changes before everything has been found good.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impl.errors import DisclosureError, ImplError, RunError, StudyError
from impl.runs.job import Job, Say, open_job, remove_other_runs, settle, working_name
from impl.runs.judge import INFRASTRUCTURE, Failure, RunFailedError, as_failure, fail, judge
from impl.runs.kernels import Stop, code_cells, execute_notebook, read_notebook, source_of
from impl.runs.ledger import (
    Attempt,
    Entry,
    Profile,
    Published,
    State,
    holds,
    ledger_name,
    read_entry,
    study_lock,
    write_entry,
)
from impl.runs.publish import full_report_there, previous, publish, require_writable
from impl.runs.ready import inspect_study

if TYPE_CHECKING:
    from impl.release.release import Release
    from impl.runs.forked import Spares
    from impl.study.identity import Identity
    from impl.study.study import Study

REPORT_NOTEBOOK = "80_report"
DEFAULT_TIMEOUT = 30 * 60.0
RELEASE_FILES = ("release.json", "estimates.csv", "curves.csv", "data-dictionary.csv")
NOT_CONVERGED = 3


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one study in this call. `unchanged` and `rendered` did not sample.

    reason: why it failed, or where a result is kept that was not published.
    """

    study: str
    state: Literal["ok", "not_converged", "unchanged", "rendered", "failed", "cancelled"]
    seconds: float
    exit_code: int = 0
    reason: str | None = None
    detail: str = ""


def up_to_date(study: Study, *, root: Path, profile: Profile) -> Outcome | None:
    """`unchanged` where ledger and published files of a study still hold, else None. Reads hashes only.

    What it cannot tell, for whatever reason, is left to the run.
    """
    begun = time.monotonic()
    try:
        entry = read_entry(root, study.id)
        if entry is None or entry.published is None or entry.attempt.state == "running":
            return None
        from impl.study.identity import identify

        identity = identify(study, profile=profile)
        if _what_holds(root, study, identity, entry.published) != "all":
            return None
        _note_unchanged(root, entry, entry.published)
    except (ImplError, OSError):
        return None
    return _result(study.id, "unchanged", entry.published.status, begun)


def run_study(
    path: Path,
    unit: str = "",
    *,
    root: Path,
    profile: Profile = "full",
    force: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    stop: Stop | None = None,
    say: Say = lambda _stage: None,
    spares: Spares | None = None,
) -> Outcome:
    """Bring one study's report up to date; every failure becomes an Outcome and a line in the ledger.

    path: the study file, in `parameters/` of `root`. unit: code of one of its units, where it has units. timeout:
    seconds for the whole run. spares: kernels that wait. Nothing runs where
    the ledger's key and the published files still hold; only the pages are made anew where the Release holds
    and they do not. A smoke run takes no full report's place, and a report for fewer than everybody has none under
    `reports/`: such results stay in their run folder.
    """
    begun = time.monotonic()
    started = datetime.now(UTC)
    stop = stop or Stop()
    name = name_of(path, unit)
    identity: Identity | None = None
    try:
        with as_failure(stop):
            from impl.data.units import read_study
            from impl.study.identity import identify
            from impl.study.study import PUBLIC_AUDIENCES

            study = read_study(path, unit)
            identity = identify(study, profile=profile)
            attempt = _attempt("running", profile, started, identity)
            with study_lock(root, name):
                entry = read_entry(root, name)
                published = entry.published if entry else None
                holding = None if force else _what_holds(root, study, identity, published)
                if holding == "all" and entry and published:
                    _note_unchanged(root, entry, published)
                    return _result(name, "unchanged", published.status, begun)
                folder = "render" if holding else working_name(entry, identity.run_id)
                try:
                    with as_failure(stop):
                        write_entry(root, Entry(study=name, attempt=attempt, published=published))
                        with open_job(root, name, folder, stop, timeout, say, spares) as job:
                            if holding and published:
                                published = _pages_anew(job, study.languages, published)
                                done = _result(name, "rendered", published.status, begun)
                            elif study.audience not in PUBLIC_AUDIENCES or (
                                profile == "smoke" and full_report_there(root, name)
                            ):
                                done = _kept_aside(job, path, study, identity, profile, begun)
                            else:
                                published = _whole_run(job, path, study, identity, profile)
                                done = _result(name, published.status, published.status, begun)
                        if not holding:
                            settle(root, name, folder, identity.run_id)
                except RunFailedError as failed:
                    _note_failure(root, name, attempt, failed.failure, begun, folder)
                    raise
                state: State = "not_converged" if done.exit_code == NOT_CONVERGED else "ok"
                ended = _ended(attempt, state, done.exit_code, begun, done.reason)
                entry = Entry(study=name, attempt=ended, published=published)
                write_entry(root, entry)
                remove_other_runs(root, entry)
                return done
    except RunFailedError as failed:
        if identity is None:  # the study or its inputs cannot be read
            attempt = _attempt("failed", profile, started, None)
            _note_failure(root, name, attempt, failed.failure, begun)
        return _failed(name, failed.failure, begun)


def explain(study: Study, *, root: Path, profile: Profile) -> tuple[str, str]:
    """What a run of the study would do now, in a word (run | pages | nothing), and why. Raises ImplError."""
    from impl.study.identity import identify

    identity = identify(study, profile=profile)
    entry = read_entry(root, study.id)
    published = entry.published if entry else None
    if published is None:
        return "run", "never published"
    holding = _what_holds(root, study, identity, published)
    if holding == "all":
        return "nothing", f"unchanged since run {published.run_id}"
    if holding == "release":
        return "pages", "the report notebook, report texts or languages changed; the Release holds"
    names = sorted({*identity.parts, *published.parts})
    changed = [name for name in names if identity.parts.get(name) != published.parts.get(name)]
    if published.parts and changed:
        return "run", f"changed: {', '.join(changed)}"
    return (
        "run",
        "published files are missing or changed" if published.parts else "made by an older version of impl",
    )


def name_of(path: Path, unit: str = "") -> str:
    """Name of a run in ledger and reports: the study's, and the unit's where it has units."""
    from impl.data.units import unit_id

    return unit_id(ledger_name(path), unit) if unit else ledger_name(path)


def cancelled_outcome(name: str, number: int, reason: str | None = None) -> Outcome:
    """What became of a study that a signal ended, or kept from being begun."""
    reason = reason or f"stopped by signal {number}"
    return Outcome(study=name, state="cancelled", seconds=0.0, exit_code=128 + number, reason=reason)


def note_lost(root: Path, name: str) -> Outcome:
    """What became of a study whose process ended without a word, twice: told in the ledger, and here."""
    begun = time.monotonic()
    reason = "the run's process was killed twice, often for want of memory. Give it more, or fewer --jobs."
    failure = Failure(reason=reason, detail=reason, exit_code=INFRASTRUCTURE)
    entry = read_entry(root, name)
    started = datetime.now(UTC)
    attempt = entry.attempt if entry else _attempt("failed", "full", started, None)
    _note_failure(root, name, attempt, failure, begun)
    return _failed(name, failure, begun)


def render_study(
    root: Path,
    study: str,
    languages: Sequence[str],
    *,
    site: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
    stop: Stop | None = None,
    say: Say = lambda _stage: None,
) -> Outcome:
    """Make the pages anew from `reports/<study>/release.json` alone: no data, no sampling.

    site: code of the site whose local edition is made besides.

    The ledger is brought along where it knows of this Release; the Release and its tables stay as they are.
    """
    begun = time.monotonic()
    stop = stop or Stop()
    try:
        with (
            as_failure(stop),
            study_lock(root, study),
            open_job(root, study, "render", stop, timeout, say) as job,
        ):
            entry = read_entry(root, study)
            published = entry.published if entry else None
            files = publish(root, study, _render_released(job, languages, site), keep_other_pages=True)
            if entry and published and published.files.get("release.json") == files["release.json"]:
                all_files = {**published.files, **files}
                # A page that was not made now may still be of an older report notebook.
                key = page_key(root, languages) if set(all_files) == set(files) else published.page_key
                kept = published.model_copy(update={"files": all_files, "page_key": key})
                write_entry(root, entry.model_copy(update={"published": kept}))
        return Outcome(study=study, state="rendered", seconds=_since(begun))
    except RunFailedError as failed:
        return _failed(study, failed.failure, begun)


def page_key(root: Path, languages: Sequence[str]) -> str:
    """What the pages are made with besides the Release: the report notebook, report/ and the languages."""
    from impl.study.identity import report_sha256

    notebook = read_notebook(root / "notebooks" / f"{REPORT_NOTEBOOK}.ipynb")
    cells = [[cell.get("metadata", {}).get("tags", []), source_of(cell)] for cell in code_cells(notebook)]
    return hashlib.sha256(json.dumps([cells, sorted(languages), report_sha256()]).encode()).hexdigest()


def _whole_run(job: Job, path: Path, study: Study, identity: Identity, profile: Profile) -> Published:
    key = page_key(job.root, study.languages)
    _require_sound(study, job)
    require_writable(job.root, job.study)
    release, files = _made(job, path, study, identity, profile)
    job.say("publishing")
    digests = publish(job.root, job.study, files)
    return Published(
        run_id=identity.run_id,
        run_key=identity.run_key,
        page_key=key,
        profile=profile,
        status=release.status,
        notebook=f"build/{job.study}/{identity.run_id}/{study.notebook}.ipynb",
        finished=datetime.now(UTC),
        files=digests,
        parts=dict(identity.parts),
    )


def _kept_aside(
    job: Job, path: Path, study: Study, identity: Identity, profile: Profile, begun: float
) -> Outcome:
    """A run whose result may not take the place under `reports/`: made and judged as any other, and kept in `build/`.

    A smoke run of a study whose full report is published, or a report for fewer than everybody.
    """
    from impl.study.study import PUBLIC_AUDIENCES

    _require_sound(study, job)
    release, _ = _made(job, path, study, identity, profile)
    done = _result(job.study, release.status, release.status, begun)
    kept = f"build/{job.study}/{identity.run_id}/{job.bundle.name}/"
    why = f"smoke run, kept in {kept}; reports/{job.study}/ keeps its full report"
    if study.audience not in PUBLIC_AUDIENCES:
        page = _page_names(job.study, study.languages)[0]
        why = f"for audience {study.audience}, kept in {kept}{page}; reports/ is a public place"
    return dataclasses.replace(done, reason=why)


def _require_sound(study: Study, job: Job) -> None:
    """Raise StudyError with all that is wrong with the study's inputs, before anything heavy starts."""
    job.say("checking")
    faults = inspect_study(study).faults
    if faults:
        raise StudyError(faults)


def _made(
    job: Job, path: Path, study: Study, identity: Identity, profile: Profile
) -> tuple[Release, dict[str, bytes]]:
    """The Release and every file to be published of it, found good."""
    release = _analyse(job, path, study, identity, profile)
    _render_pages(job, release, study.languages)
    return release, _gate(job, release, (*RELEASE_FILES, *_page_names(job.study, study.languages)))


def _pages_anew(job: Job, languages: Sequence[str], published: Published) -> Published:
    key = page_key(job.root, languages)
    files = publish(job.root, job.study, _render_released(job, languages))
    return published.model_copy(update={"files": files, "page_key": key, "finished": datetime.now(UTC)})


def _analyse(job: Job, path: Path, study: Study, identity: Identity, profile: Profile) -> Release:
    """Execute the analysis notebook and return the Release it wrote, found whole and its own."""
    from impl.release.files import read_release

    parameters = {
        "study": job.relative(path),
        "profile": profile,
        "out": job.relative(job.bundle),
    }
    if study.unit is not None:
        parameters["unit"] = study.unit.code
    _execute(job, study.notebook, parameters, "analysis", f"{study.notebook}.ipynb")
    missing = [name for name in RELEASE_FILES if not (job.bundle / name).is_file()]
    if missing:
        fail(
            f"{study.notebook}: the notebook ran but wrote no {missing[0]}. "
            "Its last cell must be impl.write_release(release, out)."
        )
    release = read_release(job.bundle / "release.json")
    said = (release.study.id, release.run.id, release.run.profile, release.study.plan_sha256)
    expected = (study.id, identity.run_id, profile, identity.plan_sha256)
    for what, got, want in zip(("study", "run", "profile", "plan"), said, expected, strict=True):
        if got != want:
            fail(
                f"{study.notebook}: the Release is of {what} '{got[:12]}', must be of '{want[:12]}'. "
                "The notebook wrote another study's Release, or its files changed while it ran."
            )
    if (release.sections.quality is not None) != study.estimates_nothing:
        fail(f"{study.notebook}: the Release is not of the kind that the study's notebook makes.")
    if release.status == "ok" and not release.estimates and not study.estimates_nothing:
        fail(f"{study.notebook}: the Release holds no estimates although its status is ok.")
    return release


def _render_released(job: Job, languages: Sequence[str], site: str | None = None) -> dict[str, bytes]:
    """The published Release with pages made anew from it, through the same gate."""
    from impl.release.dictionary import DICTIONARY_FILE
    from impl.release.files import bundle_bytes, read_release
    from impl.runs.pages import local_pages

    folder = job.root / "reports" / job.study
    job.bundle.mkdir(mode=0o700)
    release = read_release(folder / "release.json")
    (job.bundle / DICTIONARY_FILE).write_bytes(
        bundle_bytes(release)[DICTIONARY_FILE]
    )  # the same for every Release
    names = [name for name in RELEASE_FILES if name == DICTIONARY_FILE or (folder / name).is_file()]
    for name in names:
        if name != DICTIONARY_FILE:
            shutil.copyfile(folder / name, job.bundle / name)
    if release.study.id != job.study:
        fail(f"reports/{job.study}/release.json: the Release is of study '{release.study.id}'.")
    local = local_pages(release, languages, site) if site is not None else {}
    for name, page in local.items():
        (job.bundle / name).write_text(page, encoding="utf-8")
    _render_pages(job, release, languages)
    return _gate(job, release, (*names, *_page_names(job.study, languages), *local))


def _render_pages(job: Job, release: Release, languages: Sequence[str]) -> None:
    """Execute the report notebook in each language and turn it into a page in the bundle folder."""
    from impl.release.files import read_release
    from impl.report.check import page_problems
    from impl.report.html import render_page
    from impl.report.summary import summary_page

    before = previous(job.root, release)
    for language in languages:
        parameters = {
            "release": job.relative(job.bundle / "release.json"),
            "language": language,
            "out": job.relative(job.folder),
        }
        if before is not None:
            parameters["earlier"] = job.relative(before)
        executed = _execute(
            job, REPORT_NOTEBOOK, parameters, f"report ({language})", f"{REPORT_NOTEBOOK}.{language}.ipynb"
        )
        _require_mark(job, release, language)
        pages = {
            f"{job.study}.{language}.html": render_page(executed, language),
            f"{job.study}.summary.{language}.html": summary_page(
                release, language, read_release(before) if before else None
            ),
        }
        for name, page in pages.items():
            problems = page_problems(page)
            if problems:
                fail(f"{name}: {problems[0]}", "\n".join(problems))
            (job.bundle / name).write_text(page, encoding="utf-8")


def _execute(job: Job, notebook: str, parameters: Mapping[str, str], stage: str, saved_as: str) -> Path:
    """Execute one notebook, save it as it ended, and return its path; raises RunFailedError if it did not do."""
    _check_time(job)
    job.say(stage)
    job.log.write(f"== {notebook} {json.dumps(dict(parameters), ensure_ascii=False)}\n")
    job.log.flush()
    executed = execute_notebook(
        job.root / "notebooks" / f"{notebook}.ipynb",
        parameters,
        folder=job.root,
        log=job.log,
        stop=job.stop,
        deadline=job.deadline,
        at_cell=lambda cell, cells: job.say(f"{stage}, cell {cell} of {cells}"),
        spares=job.spares,
    )
    target = job.folder / saved_as
    kept: OSError | None = None
    if executed.notebook is not None:
        try:
            target.write_text(
                json.dumps(executed.notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
            )
        except OSError as error:
            kept = error  # what the cells say comes first: it is the cause where both failed
    judge(executed, notebook, timeout=job.timeout)
    if kept is not None:
        raise kept
    return target


def _require_mark(job: Job, release: Release, language: str) -> None:
    """The report's completion mark must be there and name this run."""
    where = f"{REPORT_NOTEBOOK}, {language}"
    try:
        mark = json.loads((job.folder / f"report.{language}.json").read_bytes())
        said = (mark["study"], mark["run"], mark["language"])
    except FileNotFoundError:
        fail(
            f"{where}: the notebook ran but left no completion mark. "
            "Its last cell must be impl.finish_report(release, language, out)."
        )
    except (ValueError, KeyError, TypeError):
        fail(f"{where}: the completion mark cannot be read.")
    if said != (release.study.id, release.run.id, language):
        fail(f"{where}: the completion mark is of {said}, not of this run.")


def _gate(job: Job, release: Release, names: Sequence[str]) -> dict[str, bytes]:
    """The bundle's files as they will be published, after the release gate has walked them."""
    from impl.release.gate import check_bundle

    _check_time(job)
    job.say("release gate")
    forbidden = {str(job.root), str(job.root.resolve()), str(Path.home())} - {"/", ""}
    faults = check_bundle(job.bundle, release, forbidden=sorted(forbidden))
    if faults:
        raise DisclosureError(faults)
    return {name: (job.bundle / name).read_bytes() for name in names}


def _page_names(study: str, languages: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        f"{study}.{edition}{language}.html" for language in languages for edition in ("", "summary.")
    )


def _check_time(job: Job) -> None:
    if job.stop.signal is not None:
        raise RunFailedError(
            Failure(reason="stopped by request", detail="", exit_code=130, state="cancelled")
        )
    if time.monotonic() > job.deadline:
        fail(f"the run took more than {job.timeout:g} s. Give more with --timeout.")


def _what_holds(
    root: Path, study: Study, identity: Identity, published: Published | None
) -> Literal["all", "release"] | None:
    """How much of what is published still holds: all of it, the Release but not the pages, or nothing."""
    if published is None or published.run_key != identity.run_key or published.run_id != identity.run_id:
        return None
    folder = root / "reports" / study.id
    if not holds(folder, {file: published.files.get(file, "") for file in RELEASE_FILES}):
        return None
    current = published.page_key == page_key(root, study.languages) and holds(folder, published.files)
    return "all" if current else "release"


def _note_unchanged(root: Path, entry: Entry, published: Published) -> None:
    """A study that was broken and put back as it was counts as run again, without running."""
    if (entry.attempt.state, entry.attempt.run_id) != (published.status, published.run_id):
        attempt = Attempt(
            state=published.status,
            profile=published.profile,
            run_id=published.run_id,
            run_key=published.run_key,
            started=published.finished,
            finished=published.finished,
        )
        write_entry(root, Entry(study=entry.study, attempt=attempt, published=published))


def _attempt(state: State, profile: Profile, started: datetime, identity: Identity | None) -> Attempt:
    return Attempt(
        state=state,
        profile=profile,
        run_id=identity.run_id if identity else None,
        run_key=identity.run_key if identity else None,
        started=started,
    )


def _ended(
    attempt: Attempt, state: State, exit_code: int, begun: float, reason: str | None = None
) -> Attempt:
    return attempt.model_copy(
        update={
            "state": state,
            "finished": datetime.now(UTC),
            "seconds": _since(begun),
            "exit_code": exit_code,
            "reason": reason,
        }
    )


def _note_failure(
    root: Path, name: str, attempt: Attempt, failure: Failure, begun: float, folder: str = ""
) -> None:
    """Write the failure into ledger and log; what was published stays what it was."""
    ended = _ended(attempt, failure.state, failure.exit_code, begun, failure.reason)
    log = root / "build" / name / folder / "log.txt"
    try:
        published = (read_entry(root, name) or Entry(study=name, attempt=ended)).published
        write_entry(root, Entry(study=name, attempt=ended, published=published))
        if log.is_file():
            with log.open("a", encoding="utf-8") as file:
                file.write(f"== {failure.state}: {failure.detail or failure.reason}\n")
    except (RunError, OSError):
        pass  # neither can be written; the outcome still reaches terminal and exit code


def _result(
    study: str,
    state: Literal["ok", "not_converged", "unchanged", "rendered"],
    status: Literal["ok", "not_converged"],
    begun: float,
) -> Outcome:
    code = NOT_CONVERGED if status == "not_converged" else 0
    return Outcome(study=study, state=state, seconds=_since(begun), exit_code=code)


def _failed(study: str, failure: Failure, begun: float) -> Outcome:
    return Outcome(
        study=study,
        state=failure.state,
        seconds=_since(begun),
        exit_code=failure.exit_code,
        reason=failure.reason,
        detail=failure.detail,
    )


def _since(begun: float) -> float:
    return round(time.monotonic() - begun, 3)
