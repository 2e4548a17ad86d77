"""Figures on a phone, in greyscale and with the three common colour-vision deficiencies, measured in Chromium.

Contrast is read off the pixels: text 4.5 to 1, marks 3 to 1, in every kind of sight. What two kinds of marks tell apart,
they tell by dash, width, fill or shape too: the picture must not need its colours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium
from pixels import SIGHTS, contrasts, picture, see

import example_charts
from example_release import EXAMPLES, before_after
from impl.release.release import Release
from impl.report.language import language_codes
from report_pages import page_of

PHONE, TALL, DENSITY = 360, 1200, 2
TEXT_CONTRAST, MARK_CONTRAST, SMALLEST = 4.5, 3.0, 13.0
MARKS = (
    ".dot, .observed, .expected, .median, .threshold, .ring, .interval-90, .interval-50, .quantile, .bar, .cut, .start,"
    " .control-limit"
)
FIGURES = """
[...document.querySelectorAll('figure.figure, .row-figure')].map(figure => {
  const frame = figure.getBoundingClientRect();
  const inside = part => { const b = part.getBoundingClientRect();
    return [b.left - frame.left - 2, b.top - frame.top - 2, b.width + 4, b.height + 4]; };
  const shown = part => { const b = part.getBoundingClientRect(); return b.width + b.height > 0 };
  return {
    name: figure.querySelector('strong')?.textContent ?? '',
    box: {x: frame.left + scrollX, y: frame.top + scrollY, width: frame.width, height: frame.height},
    texts: [...figure.querySelectorAll('svg text')].filter(shown).map(t => [t.textContent, ...inside(t)]),
    marks: [...figure.querySelectorAll('svg :is(MARKS)')].filter(shown).map(m => [m.getAttribute('class'), ...inside(m)]),
  };
})
"""
OVERLAPS = """
[...document.querySelectorAll('figure.figure, .row-figure, .badges')].flatMap(figure => {
  const boxes = [...figure.querySelectorAll('svg text')].map(t => [t.textContent, t.getBoundingClientRect()]);
  const hits = [];
  for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
    const [a, b] = [boxes[i][1], boxes[j][1]];
    if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 3 && b.top < a.bottom - 3)
      hits.push(boxes[i][0] + ' / ' + boxes[j][0]);
  }
  for (const [text, box] of boxes)
    if (box.left < -0.5 || box.right > innerWidth + 0.5) hits.push('outside: ' + text);
  return hits;
})
"""
SIZES = "[...document.querySelectorAll('svg text')].map(t => parseFloat(getComputedStyle(t).fontSize))"
LOOK = """
(selector => { const e = document.querySelector(selector); if (!e) return null;
  const s = getComputedStyle(e), light = c => { const m = c.match(/[\\d.]+/g); return c === 'none' || m.slice(0, 3).every(v => v > 200) };
  return {dash: s.strokeDasharray, width: parseFloat(s.strokeWidth), open: light(s.fill),
          shape: e.tagName + (e.tagName === 'path' && e.parentElement.getAttribute('viewBox') === null ? e.getAttribute('d') : '')}; })
"""
APART = (
    (".plot .observed", ".plot .expected"),
    (".median", ".plot .threshold"),
    (".median", ".control-limit"),
    (".plot .threshold", ".control-limit"),
    ("circle.dot", "path.dot"),
    (".quantile.on", ".quantile.off"),
    (".interval-50", ".interval-90"),
    (".start", ".median"),
    (".bar", ".bar-frame"),
    (".ring", "path.dot"),
)


def rare() -> Release:
    release = before_after()
    sections = release.sections.model_copy(update={"spc": example_charts.rare_chart()})
    return release.model_copy(update={"sections": sections})


PAGES: dict[str, Callable[[], Release]] = {
    "charted": EXAMPLES["charted"],
    "rare": rare,
    "hidden_points": EXAMPLES["hidden_points"],
    "long_series": lambda: example_charts.with_charts(EXAMPLES["long_series"]()),
    "proportion": lambda: example_charts.with_charts(EXAMPLES["proportion"]()),
}


def open_page(browser: Chromium, folder: Path, name: str, language: str = "nb") -> Path:
    page = folder / f"{name}.html"
    page.write_text(page_of(PAGES[name](), language), "utf-8")
    browser.open(page, PHONE)
    return page


@pytest.mark.parametrize(
    ("name", "language"),
    [
        *(("charted", code) for code in language_codes()),
        *((name, "nb") for name in PAGES if name != "charted"),
    ],
)
def test_no_text_of_a_figure_lies_on_another(
    browser: Chromium, tmp_path: Path, name: str, language: str
) -> None:
    open_page(browser, tmp_path, name, language)
    for width in (320, PHONE, 768, 1280):
        browser.resize(width)
        assert browser.evaluate(OVERLAPS) == [], f"{width} px"
        assert min(browser.evaluate(SIZES)) >= SMALLEST


@pytest.mark.parametrize(
    "sight", [*SIGHTS[:2], *(pytest.param(sight, marks=pytest.mark.slow) for sight in SIGHTS[2:])]
)
def test_text_and_marks_stand_out_in_every_kind_of_sight(
    browser: Chromium, tmp_path: Path, sight: str
) -> None:
    page = open_page(browser, tmp_path, "charted")
    browser.resize(PHONE, TALL, density=DENSITY)
    browser.evaluate(
        "document.documentElement.style.scrollbarWidth = 'none'"
    )  # a phone and a picture have none
    browser.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    figures: list[dict[str, Any]] = browser.evaluate(FIGURES.replace("MARKS", MARKS))
    assert len(figures) >= 7
    see(browser, sight)
    images = [picture(browser, figure["box"]) for figure in figures]
    see(browser, "none")
    assert page.is_file()
    weak = []
    for figure, image in zip(figures, images, strict=True):
        parts = [*figure["texts"], *figure["marks"]]
        boxes = [[max(DENSITY * value, 0) for value in part[1:]] for part in parts]
        found = contrasts(browser, image, boxes)
        limits = [TEXT_CONTRAST] * len(figure["texts"]) + [MARK_CONTRAST] * len(figure["marks"])
        weak += [
            f"{part[0]} in {figure['name']}: {value:.1f}"
            for part, value, limit in zip(parts, found, limits, strict=True)
            if value < limit
        ]
    browser.resize(PHONE)
    assert weak == []


def test_what_differs_in_colour_differs_in_form_too(browser: Chromium, tmp_path: Path) -> None:
    open_page(browser, tmp_path, "charted")
    for one, other in APART:
        first, second = (browser.evaluate(f"({LOOK})('{selector}')") for selector in (one, other))
        assert first is not None, one
        assert second is not None, other
        assert first != second, f"{one} and {other} differ by colour alone"


def test_the_measure_sees_what_is_too_pale(browser: Chromium, tmp_path: Path) -> None:
    """Red on green of the same lightness passes for a trichromat's eye only by hue: the measure must not be fooled."""
    page = tmp_path / "pale.html"
    page.write_text(
        '<!DOCTYPE html><body style="margin:0;background:#fff"><div style="width:100px;height:50px;background:#767676"></div>'
        '<div style="width:100px;height:50px;background:#ddd"></div></body>',
        "utf-8",
    )
    browser.open(page, PHONE)
    image = picture(browser, {"x": 0, "y": 0, "width": 200, "height": 120})
    grey, pale = contrasts(browser, image, [[80, 10, 40, 20], [80, 60, 40, 20]])
    assert grey == pytest.approx(4.54, abs=0.05)
    assert pale < 1.5
