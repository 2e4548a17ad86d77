"""Print the table of known answers: `python tests/known/table.py [case ...]` fits what has no record yet.

Records are kept in `build/known/`, one file a case, with a digest of the code of the model that made them;
those of other code are fitted again unless `--keep` is said, which marks them with a dagger. `--write` puts the
tables into `docs/validation/known.md`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from answers import Case, Compared, compare
from known_cases import CASES
from placebo import DRAWS, Placebo, drawn, most_by_chance
from real_data import REPOSITORY

import impl

RECORDS = REPOSITORY / "build" / "known"
PAGE, MARK = REPOSITORY / "docs" / "validation" / "known.md", "## Tables\n"
HEADER = (
    "| case | source | figure | published | ours | errors apart | SD ratio | limits | gates | s |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def code() -> str:
    digest = hashlib.sha256()
    for file in sorted((Path(impl.__file__).parent / "model").rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def record[Row](
    name: str, kind: type[Row], make: Callable[[], list[Row]], *, keep: bool
) -> tuple[list[Row], bool]:
    """The rows of a fit, from its record or made anew, and whether they are of this code."""
    path = RECORDS / f"{name}.json"
    now = code()
    if path.is_file():
        found = json.loads(path.read_text())
        if keep or found["code"] == now:
            return [kind(**row) for row in found["rows"]], found["code"] == now
    rows = make()
    RECORDS.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"code": now, "rows": [asdict(row) for row in rows]}))
    return rows, True


def recorded(case: Case, *, keep: bool) -> tuple[list[Compared], bool]:
    return record(case.id, Compared, lambda: compare(case), keep=keep)


def row(case: Case, figure: Compared, current: bool) -> str:
    digits = max(0, 3 - len(f"{abs(figure.sd):.0f}")) + (figure.sd < 1) if figure.sd < 1000 else 0
    published = f"{figure.value:.{digits}f}" + (
        f" ({figure.error:.{digits}f})" if figure.error == figure.error else ""
    )
    apart = f"{figure.distance:.2f}" + ("" if figure.error == figure.error else " of ours")
    ratio = f"{figure.ratio:.2f}" if figure.error == figure.error else "–"
    limits = ("held" if figure.held else "**missed**") + (" (other model)" if figure.differs else "")
    cells = (
        case.id + ("" if current else " †"),
        case.source,
        figure.name,
        published,
        f"{figure.median:.{digits}f} ({figure.sd:.{digits}f})",
        apart,
        ratio,
        limits,
        "passed" if figure.passed else "**failed**",
        f"{figure.seconds:.0f}",
    )
    return "| " + " | ".join(cells) + " |"


def answers(wanted: set[str], *, keep: bool) -> list[str]:
    """Lines of the table of published answers, and the reasons for other models."""
    rows: list[str] = []
    reasons: dict[str, list[str]] = {}
    for case in CASES:
        if wanted and case.id not in wanted:
            continue
        figures, current = recorded(case, keep=keep)
        for figure in figures:
            rows.append(row(case, figure, current))
            sys.stderr.write(rows[-1] + "\n")
            if figure.differs:
                reasons.setdefault(figure.differs, []).append(case.id)
    said = [f"- {', '.join(dict.fromkeys(ids))}: {reason}." for reason, ids in reasons.items()]
    return [HEADER, *rows, "", "Where the model is another one:", "", *said]


def placebos(*, keep: bool) -> list[str]:
    """Lines of the table of invented starts."""
    lines = [
        "| lots | measure | change, per cent (90 % interval) | verdict | gates |",
        "|---|---|---|---|---|",
    ]
    found: list[Placebo] = []
    for draw in range(DRAWS):
        rows, current = record(f"placebo-{draw}", Placebo, functools.partial(drawn, draw), keep=keep)
        found += rows
        lines += [
            f"| {each.draw}{'' if current else ' †'} | {each.measure} | {each.change:+.0f} ({each.low:+.0f} to {each.high:+.0f}) "
            f"| {each.outcome} | {'passed' if each.passed else '**failed**'} |"
            for each in rows
        ]
    missing = sum(each.excludes_zero for each in found)
    spoken = sum(each.outcome != "uncertain" for each in found)
    most = most_by_chance(len(found))
    return [
        *lines,
        "",
        (
            f"{missing} of {len(found)} intervals miss zero; verdicts other than uncertain: {spoken}. By "
            f"chance alone more than {most} intervals miss zero less than one time in a hundred."
        ),
    ]


def main(arguments: list[str]) -> None:
    """Print the cases named (all where none is), and the invented starts with all or with `placebo`."""
    keep = "--keep" in arguments
    wanted = {argument for argument in arguments if not argument.startswith("--")}
    lines = answers(wanted, keep=keep)
    if not wanted or "placebo" in wanted:
        lines += ["", *placebos(keep=keep)]
    text = "\n".join(lines) + "\n"
    if "--write" in arguments:
        before, mark, _ = PAGE.read_text().partition(MARK)
        PAGE.write_text(before + mark + "\n" + text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
