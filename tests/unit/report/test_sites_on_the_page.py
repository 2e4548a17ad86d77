"""What a reader of a network sees of its sites: counts and targets, each in its place, with reasons for what is hidden."""

from __future__ import annotations

import re
from html import unescape

import pytest

from example_release import FALLS, network_sites, staggered
from impl.release.release import Release
from impl.release.site_counts import SiteCount
from impl.report.language import language_codes, read_language
from impl.report.sentences import limits
from impl.report.study import site_counts, targets
from impl.report.study.order import make_blocks

NB = read_language("nb")
NO_BREAK = "\u00a0"


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", html)).replace(NO_BREAK, " ")


def rows_of(html: str) -> list[list[str]]:
    """Cells of every body row as a reader sees them, without the labels of the phone."""
    found = []
    for row in re.findall(r"<tr>(.*?)</tr>", html.split("<tbody>", 1)[1].split("</tbody>")[0]):
        seen = re.sub(r'<span class="cell-label"[^>]*>.*?</span>', "", row)
        found.append([plain(cell).strip() for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", seen)])
    return found


def test_counts_stand_in_code_order_and_hidden_ones_in_their_place() -> None:
    release = network_sites()
    rows = rows_of(site_counts.block(release, NB))
    assert [row[0] for row in rows] == [start.name for start in release.design.rollout]
    assert [index for index, row in enumerate(rows) if row[1] == "Skjult (personvern)"] == [2, 6]
    assert rows[0][1:] == [
        "6,00 (90 fall på 15 000 beboerdøgn)",
        "5,00 (70 fall på 14 000 beboerdøgn)",
    ]
    assert rows[11][2] == "Ingen data fra denne tiden"


def test_the_reasons_are_those_of_the_audience() -> None:
    text = plain(site_counts.block(network_sites(), NB))
    assert "Tall på 1–4 hendelser vises ikke." in text
    assert "Når tallet til ett sted er skjult, skjules også tall fra andre steder" in text
    assert "rundes av" not in text


def test_without_counts_there_is_no_section_and_the_limits_say_so() -> None:
    names = [block.name for block in make_blocks(staggered(), NB)]
    assert "sites" not in names
    assert "targets" not in names
    assert any("Resultater for hvert enkelt sted" in text for text in limits(staggered(), NB))
    assert not any("Resultater for hvert enkelt sted" in text for text in limits(network_sites(), NB))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("rate", "4,00 (1 fall på 250 beboerdøgn)"),
        ("proportion", "4,0 % (10 av 250 beboerdøgn)"),
        ("mean", "4,00 (250 beboerdøgn)"),
    ],
)
def test_each_kind_of_count_has_its_words(kind: str, text: str) -> None:
    measure = FALLS.model_copy(update={"kind": kind, "per": 100 if kind == "proportion" else 1000})
    count = SiteCount(numerator=10.0 if kind == "proportion" else 1.0, denominator=250.0)
    said = site_counts.count_words(count, measure, NB).replace(NO_BREAK, " ")
    assert said == text


def target_text(release: Release) -> str:
    return plain(targets.block(release, NB))


def test_the_counted_figure_and_the_level_behind_it_are_two_things() -> None:
    text = target_text(network_sites())
    assert (
        "Målet for alle stedene er minst 62,5 prosent av nye beboere i perioden januar 2026 – juni 2026."
        in text
    )
    assert "Det målte tallet nådde ikke målet." in text
    assert (
        "Det er like sannsynlig som ikke (41 av 100) at nivået bak tallet når målet for stedene samlet."
        in text
    )
    assert "Vi anslår at 6 av 12 steder (50 prosent) ligger på et nivå som når målet for stedet." in text
    assert "Derfor kan et tall nå målet uten at nivået gjør det" in text


def test_targets_by_site_keep_hidden_rows_in_place() -> None:
    release = network_sites()
    rows = rows_of(targets.block(release, NB))
    assert [row[0] for row in rows] == [start.name for start in release.design.rollout]
    assert rows[0][1] == "Høyst 4 per 1000 beboerdøgn"
    assert rows[0][3:] == ["Nådde målet", "Lite sannsynlig (5 av 100)"]
    assert rows[2][3:] == ["Skjult (personvern)"] * 2
    assert rows[7][3] == "Ukjent, for kilden skjuler tall"


def test_a_trial_run_says_that_it_does_not_tell() -> None:
    release = network_sites()
    run = release.run.model_copy(update={"profile": "smoke"})
    sections = [
        section.model_copy(
            update={
                "lower": None,
                "mean": None,
                "upper": None,
                "common": None,
                "rows": tuple(row.model_copy(update={"p_met": None}) for row in section.rows),
            }
        )
        for section in release.sections.targets
    ]
    trial = release.model_copy(
        update={"run": run, "sections": release.sections.model_copy(update={"targets": tuple(sections)})}
    )
    html = targets.block(trial, NB)
    assert "En prøvekjøring regner ikke ut om de er nådd." in plain(html)
    assert {len(row) for row in rows_of(html)} == {4}


@pytest.mark.parametrize("code", language_codes())
def test_every_language_has_both_sections(code: str) -> None:
    names = [block.name for block in make_blocks(network_sites(), read_language(code))]
    assert {"sites", "targets"} <= set(names)
