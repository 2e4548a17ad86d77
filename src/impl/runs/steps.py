"""The steps of one run, each in the run's frame: execute a notebook, read its Release, make pages, ask the gate.

Success is decided here, from what was executed and what was written; papermill's word is not asked.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from impl.errors import DisclosureError, StudyError
from impl.runs.job import Job
from impl.runs.judge import Failure, RunFailedError, fail, judge
from impl.runs.kernels import code_cells, execute_notebook, read_notebook, source_of
from impl.runs.ledger import Profile, Published
from impl.runs.publish import previous, publish
from impl.runs.ready import inspect_study

if TYPE_CHECKING:
    from impl.release.release import Release
    from impl.study.identity import Identity, Stamp
    from impl.study.study import Study

REPORT_NOTEBOOK = "80_report"
RELEASE_FILES = ("release.json", "estimates.csv", "curves.csv", "data-dictionary.csv")


def page_key(root: Path, languages: Sequence[str]) -> str:
    """What the pages are made with besides the Release: the report notebook, report/ and the languages."""
    from impl.study.identity import file_stamp, report_sha256

    path = root / "notebooks" / f"{REPORT_NOTEBOOK}.ipynb"
    cells = _cells_of(path, file_stamp(path))
    return hashlib.sha256(json.dumps([cells, sorted(languages), report_sha256()]).encode()).hexdigest()


@lru_cache(maxsize=4)
def _cells_of(path: Path, _at: Stamp) -> list[tuple[list[str], str]]:
    """Tags and source of a notebook's code cells; read again only when the file has changed."""
    return [
        (cell.get("metadata", {}).get("tags", []), source_of(cell))
        for cell in code_cells(read_notebook(path))
    ]


def require_sound(study: Study, job: Job) -> None:
    """Raise StudyError with all that is wrong with the study's inputs, before anything heavy starts."""
    job.say("checking")
    faults = inspect_study(study).faults
    if faults:
        raise StudyError(faults)


def make_bundle(
    job: Job, path: Path, study: Study, identity: Identity, profile: Profile
) -> tuple[Release, dict[str, bytes]]:
    """The Release and every file to be published of it, found good."""
    release = analyse(job, path, study, identity, profile)
    _render_pages(job, release, study.languages)
    return release, _gate(job, release, (*RELEASE_FILES, *_page_names(release, study.languages)))


def make_pages_anew(job: Job, languages: Sequence[str], published: Published) -> Published:
    key = page_key(job.root, languages)
    files = publish(job.root, job.study, render_released(job, languages))
    return published.model_copy(update={"files": files, "page_key": key, "finished": datetime.now(UTC)})


def analyse(job: Job, path: Path, study: Study, identity: Identity, profile: Profile) -> Release:
    """Execute the analysis notebook and return the Release it wrote, found whole and its own."""
    from impl.release.files import read_release

    parameters = {
        "study": job.relative(path),
        "profile": profile,
        "out": job.relative(job.bundle),
    }
    if study.unit is not None:
        parameters["unit"] = study.unit.code
    execute(job, study.notebook, parameters, "analysis", f"{study.notebook}.ipynb")
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


def render_released(job: Job, languages: Sequence[str], site: str | None = None) -> dict[str, bytes]:
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
    return _gate(job, release, (*names, *_page_names(release, languages), *local))


def _render_pages(job: Job, release: Release, languages: Sequence[str]) -> None:
    """Execute the report notebook in each language and turn it into a page in the bundle folder."""
    from impl.release.files import read_release
    from impl.report.check import page_problems
    from impl.report.html import render_page
    from impl.report.summary import has_sheet, summary_page

    before = previous(job.root, release)
    for language in languages:
        parameters = {
            "release": job.relative(job.bundle / "release.json"),
            "language": language,
            "out": job.relative(job.folder),
        }
        if before is not None:
            parameters["earlier"] = job.relative(before)
        executed = execute(
            job, REPORT_NOTEBOOK, parameters, f"report ({language})", f"{REPORT_NOTEBOOK}.{language}.ipynb"
        )
        _require_mark(job, release, language)
        pages = {f"{job.study}.{language}.html": render_page(executed, language)}
        if has_sheet(release):
            earlier = read_release(before) if before else None
            pages[f"{job.study}.summary.{language}.html"] = summary_page(release, language, earlier)
        for name, page in pages.items():
            problems = page_problems(page)
            if problems:
                fail(f"{name}: {problems[0]}", "\n".join(problems))
            (job.bundle / name).write_text(page, encoding="utf-8")


def execute(job: Job, notebook: str, parameters: Mapping[str, str], stage: str, saved_as: str) -> Path:
    """Execute one notebook, save it as it ended, and return its path; raises RunFailedError if it did not do."""
    _check_time(job)
    job.say(stage)
    job.log.write(f"== {notebook} {json.dumps(dict(parameters), ensure_ascii=False)}\n")
    job.log.flush()
    for last in (False, True):
        executed = execute_notebook(
            job.root / "notebooks" / f"{notebook}.ipynb",
            parameters,
            folder=job.root,
            log=job.log,
            stop=job.stop,
            deadline=job.deadline,
            at_cell=lambda cell, cells: job.say(f"{stage}, cell {cell} of {cells}"),
            spares=job.spares,
            memory=job.memory,
            environment=job.environment,
        )
        killed = executed.ended == "died" and executed.exit_status == -signal.SIGKILL
        if not killed or last:
            break
        job.log.write("== the kernel was killed from outside; the notebook is begun once more\n")
        if notebook != REPORT_NOTEBOOK:  # which reads the bundle and writes nothing there
            shutil.rmtree(job.bundle, ignore_errors=True)
    target = job.folder / saved_as
    kept: OSError | None = None
    if executed.notebook is not None:
        try:
            target.write_text(
                json.dumps(executed.notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
            )
        except OSError as error:
            kept = error  # what the cells say comes first: it is the cause where both failed
    judge(executed, notebook, timeout=job.timeout, memory=job.memory)
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


def _page_names(release: Release, languages: Sequence[str]) -> tuple[str, ...]:
    from impl.report.summary import has_sheet

    editions = ("", "summary.") if has_sheet(release) else ("",)
    return tuple(
        f"{release.study.id}.{edition}{language}.html" for language in languages for edition in editions
    )


def _check_time(job: Job) -> None:
    if job.stop.signal is not None:
        raise RunFailedError(
            Failure(reason="stopped by request", detail="", exit_code=130, state="cancelled")
        )
    if time.monotonic() > job.deadline:
        fail(f"the run took more than {job.timeout:g} s. Give more with --timeout.")
