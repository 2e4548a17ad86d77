"""Show a Release: in a notebook cell as readers will see it, and as the mark that a report is complete."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from impl.errors import Fault, RunError
from impl.release.atomic import write_atomically
from impl.release.release import Release
from impl.report.block import Block
from impl.report.language import FALLBACK, Language, read_language
from impl.report.study.order import make_blocks
from impl.study.paths import find_root


@dataclass(frozen=True, kw_only=True)
class Report:
    """The blocks of one report. A notebook displays it; `blocks` can be taken one by one."""

    language: str
    blocks: tuple[Block, ...]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        return {"text/html": notebook_html(self), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Report({self.language}: {', '.join(block.name for block in self.blocks)})"


@lru_cache(maxsize=2)
def stylesheet(name: str) -> str:
    """One of our own style sheets: `report` (everything inside a report) or `page` (a whole page)."""
    return (Path(__file__).parent / "template" / f"{name}.css").read_text("utf-8")


def body_html(report: Report) -> str:
    """The blocks inside the one wrapper that the style sheet knows."""
    inner = "\n".join(block.html for block in report.blocks)
    return f'<div class="impl-report" lang="{report.language}">\n{inner}\n</div>'


def notebook_html(report: Report) -> str:
    """The report for a notebook cell: it brings its own style, which touches nothing outside it."""
    return f"<style>{stylesheet('report')}</style>\n{body_html(report)}"


def show_report(release: Release, language: str | None = None, earlier: Release | None = None) -> Report:
    """The report of a Release in `language` (default bokmål), as blocks that a notebook displays.

    earlier: the Release published before this one, so that the page can say what changed since.
    Raises ImplError for a language that has no file.
    """
    chosen: Language = read_language(language or FALLBACK)
    return Report(language=chosen.code, blocks=make_blocks(release, chosen, earlier))


def finish_report(release: Release, language: str, out: str | Path = "") -> Path:
    """Write `<out>/report.<language>.json`: the mark that a report notebook came to its end.

    It names study, run, profile, status, language and blocks. A relative `out` starts at the project root;
    an empty one means the folder of interactive work, `build/<id>/interactive`.
    Raises RunError where the disk refuses.
    """
    chosen = read_language(language)
    folder = Path(out) if str(out) else Path("build") / release.study.id / "interactive"
    if not folder.is_absolute():
        folder = find_root(Path.cwd()) / folder
    mark = {
        "study": release.study.id,
        "run": release.run.id,
        "profile": release.run.profile,
        "status": release.status,
        "language": chosen.code,
        "blocks": [block.name for block in make_blocks(release, chosen)],
    }
    path = folder / f"report.{chosen.code}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, (json.dumps(mark, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise RunError(
            [
                Fault(
                    code="report.not_written",
                    where=path.name,
                    got=error.strerror or "an error of the disk",
                    allowed="written whole",
                    fix="Make room on the disk or choose another folder, and run again.",
                )
            ]
        ) from None
    return path
