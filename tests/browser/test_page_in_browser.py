"""Pages in a real browser: nothing scrolls sideways, nothing runs, nothing is asked for, no label collides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from chromium import Chromium

from example_release import EXAMPLES
from impl.report.index import IndexRow, render_index
from impl.report.language import language_codes
from impl.report.local import local_page
from impl.report.show import notebook_html, show_report
from impl.report.summary import summary_page
from report_pages import example_page

WIDTHS = (320, 360, 768, 1280)

OVERLAPS = """
(() => {
  const boxes = [...document.querySelectorAll('svg.plot text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const hits = [];
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, b] = [boxes[i][1], boxes[j][1]];
    if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
      hits.push(boxes[i][0] + ' / ' + boxes[j][0]);
  }
  for (const [text, box] of boxes)
    if (box.left < 0 || box.right > document.documentElement.clientWidth) hits.push('outside: ' + text);
  return hits;
})()
"""
SMALLEST = """Math.min(...[...document.querySelectorAll('svg text')]
  .map(t => parseFloat(getComputedStyle(t).fontSize)))"""
LINE_OFF_ITS_DOTS = """
(() => {
  const line = document.querySelector('.plot .observed').getBoundingClientRect();
  const dots = [...document.querySelectorAll('.plot .dot')].map(d => d.getBoundingClientRect());
  const middle = dots.map(d => (d.top + d.bottom) / 2);
  return Math.max(Math.abs(line.top - Math.min(...middle)), Math.abs(line.bottom - Math.max(...middle)));
})()
"""
BROKEN_HEADERS = """
[...document.querySelectorAll('.comparison thead th')].filter(cell => {
  const range = document.createRange(), text = cell.firstChild, words = [...text.data.matchAll(/[^\\s-]+/g)];
  return words.some(word => {
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    return range.getClientRects().length > 1;
  });
}).map(cell => cell.textContent)
"""
OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"


def write(folder: Path, name: str, html: str) -> Path:
    path = folder / f"{name}.html"
    path.write_text(html, "utf-8")
    return path


def sideways(browser: Chromium) -> int:
    return int(
        browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


@pytest.mark.parametrize(
    ("name", "language"),
    [
        *((name, "nb") for name in EXAMPLES),
        ("staggered", "en"),
        ("staggered", "nn"),
        ("hidden_points", "en"),
        ("before_after", "en"),
    ],
)
def test_a_page_fits_every_width_and_its_labels_stay_apart(
    browser: Chromium, tmp_path: Path, name: str, language: str
) -> None:
    browser.open(write(tmp_path, name, example_page(name, language)), 320)
    for opened in (False, True):
        if opened:
            browser.evaluate(OPEN_ALL)
        for width in (320, 768) if opened else WIDTHS:
            browser.resize(width)
            assert sideways(browser) <= 0, f"{width} px, details open: {opened}"
            if not opened and name not in ("not_converged", "hostile"):
                assert browser.evaluate(OVERLAPS) == [], f"{width} px"
                assert browser.evaluate(SMALLEST) >= 13
    assert browser.requests == [(tmp_path / f"{name}.html").as_uri()]
    assert browser.dialogs == []
    assert browser.evaluate("document.scripts.length") == 0


def test_hostile_text_makes_no_node_and_no_dialog(browser: Chromium, tmp_path: Path) -> None:
    browser.open(write(tmp_path, "hostile", example_page("hostile", "nb")), 1280)
    count = "document.querySelectorAll('script, iframe, img, object, embed, form, link').length"
    assert browser.evaluate(count) == 0
    handlers = "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on/.test(a.name))).length"
    assert browser.evaluate(handlers) == 0
    assert browser.dialogs == []
    assert browser.requests == [(tmp_path / "hostile.html").as_uri()]
    assert "<script>alert(1)</script>" in browser.evaluate("document.body.innerText")


def test_hostile_text_in_a_notebook_cell_does_not_run(browser: Chromium, tmp_path: Path) -> None:
    """In JupyterLab the block is inserted without our page's content policy, so escaping alone must hold."""
    html = notebook_html(show_report(EXAMPLES["hostile"](), "nb"))
    browser.open(write(tmp_path, "cell", f"<!DOCTYPE html><html><body>{html}</body></html>"), 1280)
    assert browser.evaluate("document.querySelectorAll('script, iframe, img, object').length") == 0
    assert browser.dialogs == []
    assert len(browser.requests) == 1


def test_a_notebook_cell_keeps_its_look_under_the_rules_of_jupyterlab(
    browser: Chromium, tmp_path: Path
) -> None:
    """JupyterLab makes drawings `height: auto`, floats definition lists and right-aligns cells."""
    rules = (
        ".out svg { max-width: 100%; height: auto } .out dt { float: left; width: 20% } "
        ".out dd { float: left; width: 80% } :not(.x).out td, :not(.x).out th { text-align: right } "
        ".out { font-size: 13px; color: #eee; background: #111 } .out h1 { color: #eee }"
    )
    html = notebook_html(show_report(EXAMPLES["staggered"](), "nb"))
    page = f'<!DOCTYPE html><html><head><style>{rules}</style></head><body><div class="out">{html}</div></body></html>'
    browser.open(write(tmp_path, "lab", page), 900)
    look = "getComputedStyle(document.querySelector('{}')).{}"
    assert browser.evaluate("document.querySelector('.plot').getBoundingClientRect().height") == 366
    assert browser.evaluate(LINE_OFF_ITS_DOTS) < 3
    assert browser.evaluate("document.querySelector('.certainty').getBoundingClientRect().height") == 28
    assert browser.evaluate(look.format(".provenance dd", "cssFloat")) == "none"
    assert browser.evaluate(look.format(".log td", "textAlign")) in ("left", "start")
    assert browser.evaluate(look.format(".impl-report", "fontSize")) == "18px"
    assert browser.evaluate(look.format(".impl-report h1", "color")) == "rgb(11, 53, 88)"
    assert browser.evaluate(OVERLAPS) == []


def test_the_index_fits_every_width(browser: Chromium, tmp_path: Path) -> None:
    long = "Sørøstnorskregionsykehjemstjenestekvalitetsforbedringsprogram " * 3
    rows = [
        IndexRow(
            id=f"studie-{number}", title=long, question=long, status="failed", message=long, run_id="f" * 12
        )
        for number in range(3)
    ]
    browser.open(write(tmp_path, "index", render_index(rows)), 320)
    for width in WIDTHS:
        browser.resize(width)
        assert sideways(browser) <= 0, f"{width} px"


def test_print_has_tables_and_no_phone_cards(browser: Chromium, tmp_path: Path) -> None:
    browser.open(write(tmp_path, "print", example_page("staggered", "nb")), 680)
    browser.ask("Emulation.setEmulatedMedia", media="print")
    try:
        style = "getComputedStyle(document.querySelector('.comparison tbody tr')).display"
        assert browser.evaluate(style) == "table-row"
        assert browser.evaluate("getComputedStyle(document.querySelector('.numbers')).display") == "none"
        for code in ("nb", "en"):
            browser.open(write(tmp_path, f"print-{code}", example_page("staggered", code)), 680)
            assert browser.evaluate(BROKEN_HEADERS) == [], code
        assert (
            browser.evaluate("getComputedStyle(document.querySelector('.answer')).color")
            != "rgb(255, 255, 255)"
        )
    finally:
        browser.ask("Emulation.setEmulatedMedia", media="")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_sheet_for_the_meeting_is_one_sheet(browser: Chromium, tmp_path: Path, name: str) -> None:
    for code in language_codes():
        browser.open(write(tmp_path, f"sheet-{code}", summary_page(EXAMPLES[name](), code)), 320)
        assert sideways(browser) <= 0, code
        browser.print(tmp_path / "sheet.pdf")
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", (tmp_path / "sheet.pdf").read_bytes())) == 1, code


def test_a_local_edition_fits_every_width(browser: Chromium, tmp_path: Path) -> None:
    release = EXAMPLES["long_series"]()
    for code in language_codes():
        browser.open(
            write(tmp_path, f"local-{code}", local_page(release, release.design.rollout[0], code)), 320
        )
        for width in WIDTHS:
            browser.resize(width)
            assert sideways(browser) <= 0, f"{code}, {width} px"
