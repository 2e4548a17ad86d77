"""Pages beside the report itself: the sheet for a meeting, one site's own, the four cells, and the portal's lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from example_release import EXAMPLES, staggered
from impl.errors import StudyError
from impl.release.release import Release, Verdict
from impl.release.site_counts import SiteCount, SiteCounts
from impl.report.check import page_problems
from impl.report.index import IndexRow, render_index
from impl.report.language import language_codes, read_language
from impl.report.local import find_site, local_name, local_page
from impl.report.study.square import cell, square
from impl.report.summary import summary_page

NB = read_language("nb")


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_sheet_and_a_local_edition_are_fit_to_be_read(name: str, code: str) -> None:
    release = EXAMPLES[name]()
    site = release.design.rollout[0]
    for page in (summary_page(release, code), local_page(release, site, code)):
        assert page_problems(page) == []
        assert release.run.id in page
        assert len(page.encode()) < 100_000
    assert summary_page(release, code) == summary_page(release, code)


def counted(numerator: float | None, *, hidden: bool = False) -> Release:
    release = staggered()
    after = SiteCount(numerator=numerator, denominator=None if hidden else 2900, hidden=hidden)
    before = SiteCount(numerator=61, denominator=11_200)
    rows = tuple(
        SiteCounts(measure="falls", site=code, name=code, before=before, after=after)
        for code in ("9901", "9902")
    )
    sections = release.sections.model_copy(update={"sites": rows})
    audience = release.disclosure.model_copy(update={"audience": "network"})
    return release.model_copy(update={"sections": sections, "disclosure": audience})


def test_a_local_edition_shows_the_sites_own_numbers_and_nobody_elses() -> None:
    page = local_page(counted(12), find_site(staggered(), "9901"), "nb").replace("\u00a0", " ")
    assert "Slik er det i Askevik" in page
    assert "5,45 (61 av 11 200)" in page
    assert "4,14 (12 av 2900)" in page
    assert "Bjørkenes" not in page
    assert "Her startet fallpakken i mars 2024." in page
    assert "skal ikke gis videre" in page


def test_a_local_edition_hides_what_is_hidden_and_says_so_where_nothing_may_be_shown() -> None:
    page = local_page(counted(None, hidden=True), find_site(staggered(), "9901"), "nb")
    assert "Skjult (personvern)" in page
    public = local_page(staggered(), find_site(staggered(), "9902"), "nb")
    assert "Egne tall for stedet vises ikke i denne utgaven" in public
    assert "Askevik" not in public


def test_an_unknown_site_names_those_there_are() -> None:
    with pytest.raises(StudyError, match="9901, 9902"):
        find_site(staggered(), "9999")


def test_a_code_with_odd_characters_gives_a_plain_file_name() -> None:
    site = staggered().design.rollout[0].model_copy(update={"site": "../Ås & co/1"})
    assert local_name(staggered(), site, "nb") == "fall-tolv-kommuner.local-s-co-1.nb.html"


@pytest.mark.parametrize(
    ("outcome", "delivery", "expected"),
    [
        ("beneficial", "delivered", "delivered_better"),
        ("promising", "not_delivered", "not_delivered_better"),
        ("harmful", "delivered", "delivered_not_better"),
        ("negligible", "not_delivered", "not_delivered_not_better"),
        ("uncertain", "delivered", None),
        ("beneficial", "unknown", None),
    ],
)
def test_the_study_stands_in_one_of_four_cells_or_in_none(
    outcome: str, delivery: str, expected: str | None
) -> None:
    verdict = Verdict.model_validate({"outcome": outcome, "delivery": delivery})
    release = staggered().model_copy(update={"verdict": verdict})
    assert cell(release) == expected
    shown = square(release, NB)
    assert shown.count("<li") == (4 if expected else 0)
    assert shown.count("Her er vi:") == (1 if expected else 0)
    if expected:
        assert NB.say(f"square.{expected}") in shown.split("Her er vi:")[1].split("</li>")[0]


ROW = IndexRow(
    id="fall-ett", title="Fallpakken", question="Ble det færre fall?", status="ok", answer="Uavklart: Vi vet ikke.",
    links={"nb": "fall-ett/fall-ett.nb.html"}, summaries={"nb": "fall-ett/fall-ett.summary.nb.html"},
    run_id="0123456789ab", data_to=date(2026, 6, 30), finished=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
    bundles=("fallpakken",), places=("Askevik", "Bjørkenes"), areas=("kommunale tjenester",), verdict="Uavklart",
    holds_until=date(2027, 6, 30), demo=True,
)  # fmt: skip


def test_the_portal_finds_by_bundle_place_area_answer_and_year() -> None:
    page = render_index([ROW, replace(ROW, id="fall-to", title="Andre", places=("Askevik",))])
    assert page_problems(page) == []
    finder = page[page.index("<nav") : page.index("</nav>")]
    for name in ("Fallpakken", "Askevik", "Bjørkenes", "Kommunale tjenester", "Uavklart", "2026"):
        assert f"<b>{name}</b>" in finder
    assert finder.count('href="#study-fall-ett"') == 6
    assert finder.count('href="#study-fall-to"') == 5
    assert 'id="study-fall-ett"' in page
    assert "Eksempel med oppdiktede tall" in page
    assert "fall-ett.summary.nb.html" in page


def test_the_portal_says_what_is_outdated_and_how_old() -> None:
    page = render_index([ROW], today=date(2027, 2, 1))
    assert "Gjelder nå (1)" in page
    assert "Gjelder til 30. juni 2027." in page
    assert "for 3 måneder siden" in page
    late = render_index([ROW], today=date(2027, 7, 1))
    assert "Utdatert (1)" in late
    assert "Utdatert siden 30. juni 2027." in late
    assert "Gjelder nå" not in late
    assert render_index([ROW], today=date(2027, 7, 1)) == late
