"""The pages about the whole network: three parts, every study, every number with its run; nothing that may not be there."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from demo_releases import demo_project, demo_releases
from impl.network.exchange import Refused
from impl.network.gather import Network, status_of
from impl.register.register import Register
from impl.release.page import check_any_page
from impl.release.release import Release
from impl.report.check import page_problems
from impl.report.html import page_of_report
from impl.report.index import PAGES, PageName
from impl.report.language import language_codes, read_language
from impl.report.network.show import show_network
from impl.report.study.order import make_blocks
from worlds import REPOSITORY

CODES = language_codes()


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Release], Network]:
    folder: Path = tmp_path_factory.mktemp("network") / "demo"
    demo, register = demo_project(folder)
    made = demo_releases(demo, register)
    status = status_of(register, made, root=folder, today=demo.today)
    pages = {each.study.id: {"nb": f"{each.study.id}/{each.study.id}.nb.html"} for each in made}
    return made, Network(status=status, pages=pages)


@pytest.fixture(scope="module")
def network(releases: tuple[list[Release], Network]) -> Network:
    return releases[1]


def soup(network: Network, language: str, page: PageName) -> BeautifulSoup:
    return BeautifulSoup(page_of_report(show_network(network, language, page)), "html.parser")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", CODES)
def test_pages_are_fit_to_be_read_and_published(network: Network, language: str, page: PageName) -> None:
    html = page_of_report(show_network(network, language, page))
    assert page_problems(html) == []
    runs = [line.standing.release.run.id for line in network.status.lines if line.standing.release]
    assert list(check_any_page(html, f"{page}.{language}.html", runs, None)) == []
    assert f'<html lang="{language}">' in html
    text = BeautifulSoup(html, "html.parser").main.get_text(" ")  # type: ignore[union-attr]
    assert "{" not in text
    keys = [
        key
        for key in read_language(language).texts
        if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", text) and "." in key
    ]
    assert keys == []


@pytest.mark.parametrize("language", CODES)
def test_the_three_parts_stand_first_and_in_the_order_of_the_white_paper(
    network: Network, language: str
) -> None:
    headings = [each.get_text() for each in soup(network, language, "network").select("section.part > h2")]
    say = read_language(language).say
    assert headings[:3] == [say(f"network.part.{part}") for part in ("figures", "examples", "effort")]
    assert [heading[:2] for heading in headings[:3]] == ["1 ", "2 ", "3 "]
    assert len(headings) == 5, "the list of all and the rules follow, and nothing else"


def test_every_study_has_its_entry_and_every_link_leads_somewhere(network: Network) -> None:
    status, learning = soup(network, "nb", "network"), soup(network, "nb", "learning")
    entries = [entry["id"] for entry in status.select("ul.register > li")]
    assert entries == sorted(f"study-{line.id}" for line in network.status.lines)
    ids = {each["id"] for each in status.select("[id]")}
    for link in status.select('a[href^="#"]'):
        assert str(link["href"])[1:] in ids
    for link in learning.select('a[href^="network.nb.html#"]'):
        assert str(link["href"]).partition("#")[2] in ids


def test_every_row_with_numbers_names_its_run(network: Network) -> None:
    runs = {line.standing.release.run.id for line in network.status.lines if line.standing.release}
    for page in PAGES:
        found = soup(network, "nb", page)
        tables = [each for each in found.select("table.network") if "tally" not in (each.get("class") or [])]
        assert tables
        for row in (row for each in tables for row in each.select("tbody tr")):
            assert any(run in row.get_text() for run in runs), row.get_text(" ")[:80]


def test_a_null_result_has_the_sections_of_a_positive_one(releases: tuple[list[Release], Network]) -> None:
    """The same study with the same logs, once with an effect and once with none: the same blocks in the same order."""
    by_id = {each.study.id: each for each in releases[0]}
    positive, null = by_id["fall-vestfold"], by_id["fall-telemark"]
    assert positive.verdict is not None
    assert positive.verdict.outcome == "beneficial"
    assert null.verdict is not None
    assert null.verdict.outcome == "negligible"
    for code in CODES:
        language = read_language(code)
        named = [[block.name for block in make_blocks(each, language)] for each in (positive, null)]
        assert named[0] == named[1]
        assert "answer" in named[0]


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("language", CODES)
def test_an_empty_network_has_all_its_parts(language: str, page: PageName) -> None:
    status = status_of(Register(), [], root=REPOSITORY, today=date(2026, 11, 23))
    html = page_of_report(show_network(Network(status=status, pages={}), language, page))
    assert page_problems(html) == []
    headings = BeautifulSoup(html, "html.parser").select("section.part > h2")
    assert len(headings) == 5
    assert "banner" not in {
        name for each in BeautifulSoup(html, "html.parser").select("[class]") for name in each["class"]
    }


def test_invented_numbers_are_said_first(network: Network) -> None:
    found = soup(network, "nb", "network").select_one("main .impl-report > *")
    assert found is not None
    assert "oppdiktede tall" in found.get_text()


def test_files_that_were_not_believed_are_told(network: Network) -> None:
    refused = Network(
        status=network.status, pages=network.pages, refused=(Refused(name="other/release.json", faults=()),)
    )
    text = soup(refused, "nb", "network").get_text(" ")
    assert "other/release.json" in text
    assert "other/release.json" not in soup(network, "nb", "network").get_text(" ")


def test_an_interval_past_zero_is_told_in_words(network: Network) -> None:
    cells = [cell.get_text(" ") for cell in soup(network, "nb", "network").select("table.worth td")]
    assert not any("\u2212" in cell for cell in cells), "no minus sign where words can say it"
    assert any("flere" in cell and "færre" in cell for cell in cells)
