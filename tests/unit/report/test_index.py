"""The index lists every study, run or not, and escapes what users wrote."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import get_args

import pytest

from example_release import HOSTILE
from impl.report.check import page_problems
from impl.report.index import IndexRow, Status, render_index

DONE = IndexRow(
    id="fall-ett",
    title="Fallpakken",
    question="Ble det færre fall?",
    status="ok",
    answer="Uavklart: Vi vet ikke.",
    links={"en": "fall-ett/fall-ett.en.html", "nb": "fall-ett/fall-ett.nb.html"},
    run_id="0123456789ab",
    data_to=date(2026, 6, 30),
    finished=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
)


def test_a_finished_study_has_answer_links_and_dates() -> None:
    page = render_index([DONE])
    assert page_problems(page) == []
    assert page == render_index([DONE])
    assert "Data til og med 30. juni 2026" in page
    assert "kjørt 22. november 2026" in page
    assert "Uavklart: Vi vet ikke." in page
    assert page.index("fall-ett.nb.html") < page.index("fall-ett.en.html"), "the page's own language first"
    assert "1 evaluering.<" in page


@pytest.mark.parametrize("status", get_args(Status))
def test_every_status_is_said_in_words(status: Status) -> None:
    row = IndexRow(id="x", title="Tittel", question="Spørsmål?", status=status)
    page = render_index([row])
    assert page_problems(page) == []
    assert "Tittel" in page
    assert "Les rapporten" not in page


def test_a_failed_run_says_that_the_report_is_older() -> None:
    row = IndexRow(
        id="x", title="T", question="S?", status="failed", message="Kernen døde", links={"nb": "x/x.nb.html"}
    )
    page = render_index([row])
    assert "Kernen døde" in page
    assert "forrige vellykkede kjøring" in page


def test_an_empty_index_and_hostile_rows() -> None:
    assert page_problems(render_index([])) == []
    bad = "".join(HOSTILE)
    page = render_index([IndexRow(id="x", title=bad, question=bad, status="failed", message=bad, answer=bad)])
    assert page_problems(page) == []
    assert "<script>alert" not in page


def test_the_index_in_english() -> None:
    assert "Data through 30 June 2026" in render_index([DONE], "en")


def test_pages_about_the_whole_network_are_linked_where_they_are() -> None:
    page = render_index([DONE], about_all={"network": "network.nb.html"})
    assert '<a href="network.nb.html">Statusrapport for nettverket</a>' in page
    assert "Læringsnettverket" not in page
    assert "network.nb.html" not in render_index([DONE])
