"""Write the odd cases as pages and photograph them: `python tests/browser/look.py FOLDER [CASE …] [--language nb]`.

For each case `CASE.html`, pictures at 360 and 1280 px with every fold closed, one at 360 px with every fold open, and the
pages as they print. What was seen and mended stands in docs/looked-at.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chromium import Chromium, find_chromium, start

sys.path.append(str(Path(__file__).parents[1]))  # a script sees its own folder only

from report_cases import CASES
from report_pages import page_of

OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"
WIDE = "document.documentElement.scrollWidth - innerWidth"
HEIGHT = "document.documentElement.scrollHeight"
PIECE = 1500  # px a picture: longer ones are not legible when looked at
MOST_PIECES = 24


def photograph(browser: Chromium, page: Path, width: int, *, opened: bool) -> None:
    """Pictures of a whole page, a piece at a time, so that text stays legible."""
    browser.open(page, width)
    if opened:
        browser.evaluate(OPEN_ALL)
    name = f"{page.stem}-{width}{'-open' if opened else ''}"
    wide = browser.evaluate(WIDE)
    height = int(browser.evaluate(HEIGHT))
    sys.stdout.write(f"{name}: {height} px high, {wide} px too wide\n")
    for number, top in enumerate(range(0, min(height, MOST_PIECES * PIECE), PIECE)):
        clip = {"x": 0, "y": top, "width": width, "height": min(PIECE, height - top), "scale": 1}
        browser.clipping(page.with_name(f"{name}-{number:02d}.png"), clip)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--language", default="nb")
    asked = parser.parse_args()
    program = find_chromium()
    if program is None:
        sys.exit("no Chromium on this machine")
    asked.folder.mkdir(parents=True, exist_ok=True)
    browser = start(program)
    try:
        for name in asked.cases or CASES:
            page = asked.folder.resolve() / f"{name}.html"
            text = page_of(CASES[name](), asked.language)
            page.write_text(text, "utf-8")
            sys.stdout.write(f"{name}: {len(text) / 1000:.0f} kB\n")
            photograph(browser, page, 360, opened=False)
            photograph(browser, page, 360, opened=True)
            photograph(browser, page, 1280, opened=False)
            browser.print(page.with_suffix(".pdf"))
    finally:
        browser.close()


if __name__ == "__main__":
    main()
