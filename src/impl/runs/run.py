"""One study, start to end: analysis notebook, report notebook in each language, pages, gate, publication.

Success is decided here, from what was executed and what was written; papermill's word is not asked.
Nothing under `reports/` changes before everything has been found good.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impl.errors import ImplError
from impl.runs.job import SAMPLE_ANEW, Job, Say, open_job, remove_other_runs, settle, working_name
from impl.runs.judge import RunFailedError, as_failure
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
from impl.runs.outcome import (
    FAILURES,
    NOT_CONVERGED,
    Outcome,
    attempt_of,
    ended_attempt,
    failed_outcome,
    held_back,
    note_failure,
    result_of,
    seconds_since,
)
from impl.runs.publish import full_report_there, publish, require_writable
from impl.runs.steps import (
    RELEASE_FILES,
    make_bundle,
    make_pages_anew,
    page_key,
    render_released,
    require_sound,
)
from impl.runs.stop import Stop

if TYPE_CHECKING:
    from impl.runs.forked import Spares
    from impl.study.identity import Identity
    from impl.study.study import Study

DEFAULT_TIMEOUT = 30 * 60.0


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
    return result_of(study.id, "unchanged", entry.published.status, begun)


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
    memory: int | None = None,
) -> Outcome:
    """Bring one study's report up to date; every failure becomes an Outcome and a line in the ledger.

    path: the study file, in `parameters/` of `root`. unit: code of one of its units, where it has units. timeout:
    seconds for the whole run. spares: kernels that wait. memory: bytes that each kernel may take. Nothing runs where
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
            attempt = attempt_of("running", profile, started, identity)
            tried = _tried(root, study, identity, timeout, memory)
            with study_lock(root, name):
                entry = read_entry(root, name)
                published = entry.published if entry else None
                holding = None if force else _what_holds(root, study, identity, published)
                if holding == "all" and entry and published:
                    _note_unchanged(root, entry, published)
                    return result_of(name, "unchanged", published.status, begun)
                failures = entry.attempt.failures if entry and entry.attempt.tried == tried else 0
                if entry and failures >= FAILURES and not force:
                    return held_back(name, entry.attempt, begun)
                attempt = attempt.model_copy(update={"tried": tried, "failures": failures})
                anew = {SAMPLE_ANEW: "1"} if force else {}
                folder = "render" if holding else working_name(entry, identity.run_id)
                try:
                    with as_failure(stop):
                        write_entry(root, Entry(study=name, attempt=attempt, published=published))
                        with open_job(root, name, folder, stop, timeout, say, spares, memory, anew) as job:
                            if holding and published:
                                published = make_pages_anew(job, study.languages, published)
                                done = result_of(name, "rendered", published.status, begun)
                            elif study.audience not in PUBLIC_AUDIENCES or (
                                profile == "smoke" and full_report_there(root, name)
                            ):
                                done = _kept_aside(job, path, study, identity, profile, begun)
                            else:
                                published = _whole_run(job, path, study, identity, profile)
                                done = result_of(name, published.status, published.status, begun)
                        if not holding:
                            settle(root, name, folder, identity.run_id)
                except RunFailedError as failed:
                    note_failure(root, name, attempt, failed.failure, begun, folder)
                    raise
                state: State = "not_converged" if done.exit_code == NOT_CONVERGED else "ok"
                ended = ended_attempt(attempt, state, done.exit_code, begun, done.reason)
                ended = ended.model_copy(update={"failures": 0})
                entry = Entry(study=name, attempt=ended, published=published)
                write_entry(root, entry)
                remove_other_runs(root, entry)
                return done
    except RunFailedError as failed:
        if identity is None:  # the study or its inputs cannot be read
            attempt = attempt_of("failed", profile, started, None)
            note_failure(root, name, attempt, failed.failure, begun)
        return failed_outcome(name, failed.failure, begun)


def explain(
    study: Study,
    *,
    root: Path,
    profile: Profile,
    timeout: float = DEFAULT_TIMEOUT,
    memory: int | None = None,
) -> tuple[str, str]:
    """What a run of the study would do now, in a word (run | pages | nothing | wait), and why. Raises ImplError."""
    from impl.study.identity import identify

    identity = identify(study, profile=profile)
    entry = read_entry(root, study.id)
    published = entry.published if entry else None
    attempt = entry.attempt if entry else None
    holding = _what_holds(root, study, identity, published)
    if published is not None and holding == "all":
        return "nothing", f"unchanged since run {published.run_id}"
    tried = _tried(root, study, identity, timeout, memory)
    if attempt and attempt.failures >= FAILURES and attempt.tried == tried:
        return "wait", f"failed {attempt.failures} times with nothing changed; --force tries again"
    if published is None:
        return "run", "never published"
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
            files = publish(root, study, render_released(job, languages, site), keep_other_pages=True)
            if entry and published and published.files.get("release.json") == files["release.json"]:
                all_files = {**published.files, **files}
                # A page that was not made now may still be of an older report notebook.
                key = page_key(root, languages) if set(all_files) == set(files) else published.page_key
                kept = published.model_copy(update={"files": all_files, "page_key": key})
                write_entry(root, entry.model_copy(update={"published": kept}))
        return Outcome(study=study, state="rendered", seconds=seconds_since(begun))
    except RunFailedError as failed:
        return failed_outcome(study, failed.failure, begun)


def _whole_run(job: Job, path: Path, study: Study, identity: Identity, profile: Profile) -> Published:
    key = page_key(job.root, study.languages)
    require_sound(study, job)
    require_writable(job.root, job.study)
    release, files = make_bundle(job, path, study, identity, profile)
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

    require_sound(study, job)
    release, _ = make_bundle(job, path, study, identity, profile)
    done = result_of(job.study, release.status, release.status, begun)
    kept = f"build/{job.study}/{identity.run_id}/{job.bundle.name}/"
    why = f"smoke run, kept in {kept}; reports/{job.study}/ keeps its full report"
    if study.audience not in PUBLIC_AUDIENCES:
        page = f"{job.study}.{study.languages[0]}.html"
        why = f"for audience {study.audience}, kept in {kept}{page}; reports/ is a public place"
    return dataclasses.replace(done, reason=why)


def _tried(root: Path, study: Study, identity: Identity, timeout: float, memory: int | None) -> str:
    """Hash of all that a run's fate may depend on: its inputs, the report notebook, and what it was allowed."""
    try:
        pages = page_key(root, study.languages)
    except ImplError:  # the run will say so
        pages = ""
    return hashlib.sha256(f"{identity.run_key} {pages} {timeout:g} {memory}".encode()).hexdigest()


def _what_holds(
    root: Path, study: Study, identity: Identity, published: Published | None
) -> Literal["all", "release"] | None:
    """How much of what is published still holds: all of it, the Release but not the pages, or nothing."""
    if published is None or published.run_key != identity.run_key or published.run_id != identity.run_id:
        return None
    folder = root / "reports" / study.id
    if published.page_key == page_key(root, study.languages) and holds(folder, published.files):
        return "all"
    return (
        "release" if holds(folder, {file: published.files.get(file, "") for file in RELEASE_FILES}) else None
    )


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
