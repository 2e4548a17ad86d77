"""The tables of `docs/validation/local.md`, from the records of the two long studies.

python tests/recover/local_page.py [--write] [--records FOLDER]
"""

# ruff: noqa: E402 - the paths come first: this file is run as a script
from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import local_coverage
import truth_table

from impl.release.atomic import write_atomically
from worlds import REPOSITORY

PAGE, MARK = REPOSITORY / "docs" / "validation" / "local.md", "## What was found\n"


def tables() -> str:
    parts = [truth_table.table(), ""]
    lines = ["| figure | simulations | 90 % interval covers | mean error |", "|---|---|---|---|"]
    for question in local_coverage.QUESTIONS:
        if not (local_coverage.FOLDER / f"local-{question}.jsonl").exists():
            continue
        for figure, row in local_coverage.coverage(question).iterrows():
            lines.append(
                f"| {question}: {figure} | {row['simulations']:.0f} | {row['coverage']:.2f} | {row['error']:+.3f} |"
            )
    return "\n".join([*parts, *lines]) + "\n"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--write", action="store_true")
    asked.add_argument("--records", type=Path, default=truth_table.FOLDER)
    options = asked.parse_args()
    truth_table.FOLDER = local_coverage.FOLDER = options.records
    found = tables()
    if options.write:
        before = PAGE.read_text().split(MARK)[0]
        write_atomically(PAGE, f"{before}{MARK}\n{found}".encode())
    else:
        sys.stdout.write(found)


if __name__ == "__main__":
    main()
