"""Every page in real Chromium with axe-core, by keyboard, and at the widths that WCAG asks for.

axe's rules for WCAG 2.0 and 2.1 A and AA and its best practice: headings in order, landmarks, one main.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium

from example_release import EXAMPLES
from impl.release.files import parse_release
from impl.release.release import Release
from impl.report.check import PLACEHOLDER
from impl.report.language import language_codes
from report_pages import page_of
from worlds import REPOSITORY

WIDTHS = (320, 768, 1280)
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
RUN = (
    "axe.run(document, {runOnly: %s, resultTypes: ['violations']}).then(found => found.violations.map("
    "rule => rule.id + ': ' + rule.nodes.map(node => node.target.join(' ')).slice(0, 5).join(' | ')))"
)
OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"
REACHABLE = "a[href], summary, [tabindex='0']"
TEXTS = "[...document.querySelectorAll('[aria-label], title, desc, [alt]')].map(e => e.getAttribute('aria-label') || e.getAttribute('alt') || e.textContent)"
PUBLISHED = sorted((REPOSITORY / "reports").glob("*/release.json"))
SPOKEN = ("charted", "hidden_points", "not_converged", "before_after")


def write(folder: Path, release: Release, language: str) -> Path:
    path = folder / f"{language}.html"
    path.write_text(page_of(release, language), "utf-8")
    return path


def violations(browser: Chromium, axe: str) -> list[str]:
    browser.evaluate(f"{axe};true")
    return list(browser.evaluate(RUN % json.dumps(RULES)))


def check(browser: Chromium, axe: str, page: Path, language: str) -> None:
    """Closed and open, at every width: no violation, nothing wider than the screen, no request, no dialog."""
    browser.open(page, WIDTHS[0])
    assert browser.evaluate("document.documentElement.lang") == language
    assert browser.evaluate("document.querySelector('.impl-report').lang") == language
    for opened in (False, True):
        if opened:
            browser.evaluate(OPEN_ALL)
        for width in WIDTHS:
            browser.resize(width)
            where = f"{page.parent.name}, {language}, {width} px, details open: {opened}"
            wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, where
            assert violations(browser, axe) == [], where
    texts = browser.evaluate(TEXTS)
    assert texts
    assert all(text.strip() and PLACEHOLDER not in text for text in texts)
    assert browser.requests == [page.as_uri()]
    assert browser.dialogs == []


@pytest.mark.parametrize("language", language_codes())
def test_the_page_with_every_figure_has_no_violation(
    browser: Chromium, axe: str, tmp_path: Path, language: str
) -> None:
    check(browser, axe, write(tmp_path, EXAMPLES["charted"](), language), language)


@pytest.mark.slow
@pytest.mark.parametrize("language", language_codes())
@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"charted"}))
def test_every_other_example_has_no_violation(
    browser: Chromium, axe: str, tmp_path: Path, name: str, language: str
) -> None:
    check(browser, axe, write(tmp_path, EXAMPLES[name](), language), language)


@pytest.mark.slow
@pytest.mark.skipif(not PUBLISHED, reason="no reports here: make reports")
@pytest.mark.parametrize("language", language_codes())
@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_every_published_report_has_no_violation(
    browser: Chromium, axe: str, tmp_path: Path, path: Path, language: str
) -> None:
    release = parse_release(path.read_bytes(), path.name)
    check(browser, axe, write(tmp_path, release, language), language)


def test_axe_finds_what_is_wrong(browser: Chromium, axe: str, tmp_path: Path) -> None:
    """A page with a bad contrast, an image without text and a skipped heading is not waved through."""
    page = tmp_path / "bad.html"
    page.write_text(
        '<!DOCTYPE html><html><head><title>x</title></head><body><main><h1>x</h1><h4>y</h4><img src="data:,">'
        '<p style="color:#bbb;background:#fff">pale words on white paper</p></main></body></html>',
        "utf-8",
    )
    browser.open(page, 320)
    found = {text.partition(":")[0] for text in violations(browser, axe)}
    assert {"html-has-lang", "image-alt", "color-contrast", "heading-order"} <= found


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser: Chromium, tmp_path: Path) -> None:
    """Tab goes through links, summaries and scrolling tables once, in reading order, each with a visible ring."""
    browser.open(write(tmp_path, EXAMPLES["charted"](), "nb"), 1280)
    browser.evaluate(OPEN_ALL)
    browser.evaluate(f'window.all = [...document.querySelectorAll("{REACHABLE}")]')
    count = browser.evaluate("all.length")
    assert count >= 6
    reached: list[dict[str, Any]] = []
    for _ in range(count):
        browser.press("Tab")
        reached.append(
            browser.evaluate(
                "(() => { const e = document.activeElement, style = getComputedStyle(e);"
                "return {place: all.indexOf(e), ring: parseFloat(style.outlineWidth), skip: e.className}; })()"
            )
        )
    assert [stop["place"] for stop in reached] == list(range(count))
    assert reached[0]["skip"] == "skip"
    assert all(stop["ring"] >= 1 for stop in reached)


@pytest.mark.parametrize("name", SPOKEN)
def test_landmarks_and_headings_come_in_order(browser: Chromium, tmp_path: Path, name: str) -> None:
    browser.open(write(tmp_path, EXAMPLES[name](), "nb"), 1280)
    levels = browser.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => Number(e.tagName[1]))")
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later - level <= 1 for level, later in pairwise(levels))
    unnamed = browser.evaluate(
        "[...document.querySelectorAll('section')].filter(e => !e.getAttribute('aria-label') &&"
        " !document.getElementById(e.getAttribute('aria-labelledby') || '')?.textContent.trim()).length"
    )
    assert unnamed == 0
    assert browser.evaluate("document.querySelectorAll('main').length") == 1
    first = browser.evaluate("document.body.firstElementChild.getAttribute('href')")
    assert first == "#content"
    assert browser.evaluate("document.getElementById('content').tagName") == "MAIN"
