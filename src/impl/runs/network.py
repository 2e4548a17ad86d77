"""The pages about a whole network: the notebook executed once a language, judged, and published beside the index."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from impl.errors import DisclosureError, RunError, StudyError
from impl.runs.job import Job, Say, open_job
from impl.runs.judge import RunFailedError, as_failure, fail
from impl.runs.ledger import disk_fault, study_lock
from impl.runs.outcome import Outcome, failed_outcome, seconds_since
from impl.runs.status import write_index
from impl.runs.steps import execute
from impl.runs.stop import Stop, heard

NOTEBOOK = "90_network_status"
FOLDER = "_network"
"""Folder under `build/`; no study can have this name."""
RUNS_FILE = "runs.json"


def make_network(
    root: Path,
    releases: Sequence[str],
    register: str,
    languages: Sequence[str] | None,
    *,
    timeout: float,
    say: Say = lambda _stage: None,
) -> tuple[Outcome, tuple[Path, ...]]:
    """Write `reports/network.<language>.html` and `reports/learning.<language>.html`; returns them.

    releases: folders or zips; register: its file; both relative to the root. languages: all where none is named. Nothing
    is published unless every page of every language is good.
    """
    from impl.network.gather import SEPARATOR, write_runs
    from impl.register.register import read_register
    from impl.report.language import language_codes
    from impl.runs.known import runs_of
    from impl.runs.ready import language_faults
    from impl.runs.tasks import tasks_of
    from impl.study.load import list_studies

    begun = time.monotonic()
    chosen = list(dict.fromkeys(languages or language_codes()))
    faults = language_faults(chosen, "--language")
    if faults:
        raise StudyError(faults)
    stop = Stop()
    given = {"releases": SEPARATOR.join(releases), "register": register}
    try:
        with (
            heard(stop),
            as_failure(stop),
            study_lock(root, FOLDER),
            open_job(root, FOLDER, "pages", stop, timeout, say) as job,
        ):
            known = runs_of(root, read_register(root, register), tasks_of(list_studies(root)))
            write_runs(known, job.folder / RUNS_FILE)
            given["runs"] = job.relative(job.folder / RUNS_FILE)
            pages = {name: page for code in chosen for name, page in _render(job, given, code).items()}
            written = _publish(root, job, pages)
            write_index(root)
    except RunFailedError as failed:
        return failed_outcome("network", failed.failure, begun), ()
    return Outcome(study="network", state="rendered", seconds=seconds_since(begun)), written


def _render(job: Job, given: dict[str, str], language: str) -> dict[str, str]:
    """Both pages of one language by file name."""
    from impl.report.check import page_problems
    from impl.report.html import render_page
    from impl.report.index import PAGES

    parameters = given | {"language": language, "out": job.relative(job.folder)}
    executed = execute(job, NOTEBOOK, parameters, f"network ({language})", f"{NOTEBOOK}.{language}.ipynb")
    try:
        mark = json.loads((job.folder / f"network.{language}.json").read_bytes())
    except (FileNotFoundError, ValueError):
        fail(f"{NOTEBOOK}, {language}: the notebook ran but left no completion mark. "
             "Its last cell must be impl.finish_network(network, language, out).")  # fmt: skip
    pages = {f"{page}.{language}.html": render_page(executed, language, page) for page in PAGES}
    for name, page in pages.items():
        problems = page_problems(page)
        if problems:
            fail(f"{name}: {problems[0]}", "\n".join(problems))
    _gate(job, pages, mark["runs"])
    return pages


def _gate(job: Job, pages: dict[str, str], runs: Sequence[str]) -> None:
    """As for the pages of a study: nothing that runs, fetches, or names a machine or a person."""
    from impl.release.leaks import word_pattern
    from impl.release.page import check_any_page

    words = word_pattern(job.folder, {str(job.root), str(job.root.resolve()), str(Path.home())} - {"/", ""})
    faults = [
        fault for name, page in pages.items() for fault in check_any_page(page, name, frozenset(runs), words)
    ]
    if faults:
        raise DisclosureError(faults)


def _publish(root: Path, job: Job, pages: dict[str, str]) -> tuple[Path, ...]:
    from impl.release.atomic import write_atomically

    job.say("publishing")
    try:
        (root / "reports").mkdir(exist_ok=True)
        for name, page in pages.items():
            write_atomically(root / "reports" / name, page.encode())
    except OSError as error:
        raise RunError([disk_fault(error, "reports/")]) from None
    return tuple(root / "reports" / name for name in pages)
