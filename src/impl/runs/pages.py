"""Pages from a Release alone: without a kernel, beside any `release.json`, and as PDF where Chromium is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from impl.errors import DisclosureError, Fault, RunError
from impl.release.atomic import write_atomically
from impl.release.files import read_release
from impl.release.release import Release
from impl.runs.ledger import disk_fault
from impl.study.study import PUBLIC_AUDIENCES

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
PRINTING = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-pdf-header-footer", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
PRINT_SECONDS = 120


def local_pages(release: Release, languages: Sequence[str], site: str) -> dict[str, str]:
    """The local edition of one site by file name. Raises StudyError where the report has no such site."""
    from impl.report.local import find_site, local_name, local_page

    found = find_site(release, site)
    return {
        local_name(release, found, language): local_page(release, found, language) for language in languages
    }


def render_beside(file: Path, languages: Sequence[str], site: str | None = None) -> tuple[Path, ...]:
    """Write the pages of a `release.json` that is not under `reports/` beside it; returns their paths.

    They are the bytes that `impl run` made of the same Release with the report notebook as it is shipped.
    What was published before is told where a folder `history/` lies beside it.
    Raises DisclosureError, with every reason and nothing written, where the Release or a page does not pass the gate that
    all that is published passes: a file that somebody sent may hold anything. Raises RunError where the Release cannot be
    read, a page is not fit to be read, or the disk refuses.
    """
    from impl.report.check import page_problems
    from impl.report.html import page_of_report
    from impl.report.show import show_report
    from impl.report.summary import has_sheet, summary_page
    from impl.runs.publish import newest_before

    release = read_release(file)
    before = newest_before(release, file.parent.glob("history/*.json"))
    earlier = read_release(before) if before else None
    pages = local_pages(release, languages, site) if site is not None else {}
    for language in languages:
        report = show_report(release, language, earlier)
        pages[f"{release.study.id}.{language}.html"] = page_of_report(report)
        if has_sheet(release):
            pages[f"{release.study.id}.summary.{language}.html"] = summary_page(release, language, earlier)
    _require_clean(release, before, {name: page.encode() for name, page in pages.items()})
    for name, page in pages.items():
        if problems := page_problems(page):
            fault = Fault(code="report.not_fit", where=name, got=problems[0], allowed="a page without it",
                          fix="This is a bug of impl: report it.")  # fmt: skip
            raise RunError([fault])
    try:
        for name, page in pages.items():
            write_atomically(file.parent / name, page.encode())
    except OSError as error:
        raise RunError([disk_fault(error, f"{file.parent.name}/")]) from None
    return tuple(file.parent / name for name in pages)


def _require_clean(release: Release, before: Path | None, pages: Mapping[str, bytes]) -> None:
    """Raise DisclosureError where the bundle that these pages are of would not be let out; it lies in a place of its own."""
    from impl.release.files import bundle_bytes
    from impl.release.gate import check_bundle

    with tempfile.TemporaryDirectory(prefix="impl-render-") as place:
        folder = Path(place)
        for name, data in {**bundle_bytes(release), **pages}.items():
            (folder / name).write_bytes(data)
        if before is not None:
            (folder / "history").mkdir()
            shutil.copyfile(before, folder / "history" / before.name)
        faults = check_bundle(folder, release)
    if release.disclosure.audience not in PUBLIC_AUDIENCES:
        # what was told to these readers before is theirs to compare with
        faults = [fault for fault in faults if fault.code != "gate.audience"]
    if faults:
        raise DisclosureError(faults)


def print_pdf(pages: Sequence[Path], folder: Path) -> tuple[Path, ...]:
    """Each page as `<name>.pdf` in `folder`, printed by Chromium without the network; returns the paths.

    Raises RunError where no Chromium is installed, or it prints nothing.
    """
    program = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if program is None:
        raise RunError(
            [
                Fault(
                    code="pdf.no_browser",
                    where="impl pdf",
                    got="no Chromium",
                    allowed=f"one of {', '.join(CHROMIUM)} on the PATH",
                    fix="Install Chromium, or open the page in any browser and print it to a file.",
                )
            ]
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError([disk_fault(error, folder.name)]) from None
    return tuple(_print(program, page, folder / f"{page.stem}.pdf") for page in pages)


def _print(program: str, page: Path, target: Path) -> Path:
    """One page. Chromium writes beside its own profile, so that a killed one leaves nothing half-written."""
    sandbox = (
        ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    )  # it refuses root otherwise
    with tempfile.TemporaryDirectory(prefix="impl-pdf-", ignore_cleanup_errors=True) as profile:
        made = Path(profile) / "page.pdf"
        command = [
            program,
            *PRINTING,
            *sandbox,
            f"--user-data-dir={profile}",
            f"--print-to-pdf={made}",
            page.as_uri(),
        ]
        try:
            subprocess.run(command, capture_output=True, timeout=PRINT_SECONDS, check=False)
            content = made.read_bytes()
            write_atomically(target, content)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise RunError(
                [
                    Fault(
                        code="pdf.not_printed",
                        where=page.name,
                        got="no file from the browser"
                        if isinstance(error, FileNotFoundError)
                        else type(error).__name__,
                        allowed="a PDF",
                        fix="Try again, or open the page in any browser and print it to a file.",
                    )
                ]
            ) from None
    return target
