"""The pages about the whole network in real Chromium: axe-core, every width, print."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import Chromium
from test_accessibility import check

from demo_releases import demo_project, demo_releases
from impl.network.gather import Network, status_of
from impl.report.html import page_of_report
from impl.report.index import PAGES, PageName
from impl.report.language import language_codes
from impl.report.network.show import show_network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    folder = tmp_path_factory.mktemp("network") / "demo"
    demo, register = demo_project(folder)
    releases = demo_releases(demo, register)
    status = status_of(register, releases, root=folder, today=demo.today)
    return Network(status=status, pages={})


def write(folder: Path, network: Network, language: str, page: PageName) -> Path:
    path = folder / f"{page}.{language}.html"
    path.write_text(page_of_report(show_network(network, language, page)), "utf-8")
    return path


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_have_no_violation(
    browser: Chromium, axe: str, tmp_path: Path, network: Network, page: PageName
) -> None:
    check(browser, axe, write(tmp_path, network, "nb", page), "nb")


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(set(language_codes()) - {"nb"}))
@pytest.mark.parametrize("page", PAGES)
def test_the_pages_in_other_languages_have_no_violation(
    browser: Chromium, axe: str, tmp_path: Path, network: Network, page: PageName, language: str
) -> None:
    check(browser, axe, write(tmp_path, network, language, page), language)


def test_no_word_is_cut_and_no_sign_lies_on_another(
    browser: Chromium, tmp_path: Path, network: Network
) -> None:
    """On the line of time, at the width of a phone and of a desk: signs of one row keep apart."""
    path = write(tmp_path, network, "nb", "learning")
    for width in (360, 1280):
        browser.open(path, width)
        overlapping = browser.evaluate(
            "[...document.querySelectorAll('svg.timeline')].filter(svg => {"
            "  const boxes = [...svg.querySelectorAll('text.mark')].map(e => e.getBoundingClientRect());"
            "  return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right - 1 && b.left < a.right - 1 &&"
            "    a.top < b.bottom - 8 && b.top < a.bottom - 8)); }).length"
        )
        assert overlapping == 0, width
