"""The effect by site on the page: code order, one rounding, bands where sites are many, words where no site is shown."""

from __future__ import annotations

import re
from html import unescape

import pytest

from example_release import NAMES, network_sites, site_effects, staggered
from impl.release.release import Release
from impl.report.language import language_codes, read_language
from impl.report.sentences import limits
from impl.report.study import site_effects as page
from impl.report.study.order import make_blocks

NB = read_language("nb")


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def nation(sites: int = 357) -> Release:
    """The effects of a whole nation's municipalities, some of them hidden."""
    release = staggered()
    first = release.design.rollout[0]
    rollout = tuple(
        first.model_copy(update={"site": f"{9001 + number}", "name": f"Kommune {number + 1}"})
        for number in range(sites)
    )
    release = release.model_copy(update={"design": release.design.model_copy(update={"rollout": rollout})})
    section = site_effects(release, hidden=frozenset((3, 10, 200)))
    return release.model_copy(update={"sections": release.sections.model_copy(update={"by_site": section})})


def test_sites_stand_in_the_order_of_their_codes_and_hidden_ones_in_their_place() -> None:
    html = page.block(network_sites(), NB)
    names = re.findall(r'<th role="rowheader" scope="row">(.*?)</th>', html)
    assert names == NAMES[:10], "one never began, one had begun before"
    values = [plain(value) for value in re.findall(r'class="row-value[^"]*">(.*?)</td>', html)]
    assert [index for index, value in enumerate(values) if value == "Skjult (personvern)"] == [2, 3, 6]
    assert "ikke etter resultat" in plain(html)
    assert "3 steder er skjult" in plain(html)


def test_words_and_drawing_come_from_the_same_numbers() -> None:
    release = network_sites()
    section = release.sections.by_site
    assert section is not None
    html = page.block(release, NB)
    row = section.rows[0]
    assert row.median is not None
    assert row.p_better is not None
    value = plain(re.findall(r'class="row-value[^"]*">(.*?)</td>', html)[0])
    assert value.startswith(f"\u2212{round(100 * (1 - row.median))} % (")
    assert f"{round(100 * row.p_better)} av 100" in plain(html.split("<details")[1])
    centres = {float(x) for x in re.findall(r'class="threshold" x1="([\d.]+)%', html)}
    assert len(centres) == 1, "one mean for all"
    assert "rank" not in html


def test_many_sites_are_counted_in_bands_and_every_one_stands_in_the_fold() -> None:
    release = nation()
    html = page.block(release, NB)
    figure, fold = html.split("<details", 1)
    counts = [int(plain(text).split()[0]) for text in re.findall(r'class="row-value">(.*?)</td>', figure)]
    assert sum(counts) == 354
    assert len(counts) <= 12
    body = fold.split("<tbody>")[1]
    assert body.count("<tr>") == 357
    assert len(html) < 80_000


def test_bands_hold_every_value_once_and_end_before_the_next() -> None:
    values = [-20.0, -20.0, 100 * (0.9 - 1), 0.0, 5.0, 5.0]
    found = page.bands(values, whole=True)
    assert sum(count for _, _, count in found) == len(values)
    assert [high + 1 for _, high, _ in found[:-1]] == [low for low, _, _ in found[1:]]
    assert page.bands([-12.0, -12.0], whole=True) == [(-12.0, -12.0, 2)]
    for spread in (1, 7, 30, 120):
        numbers = [float(-spread + step) for step in range(2 * spread + 1)]
        found = page.bands(numbers, whole=True)
        assert sum(count for _, _, count in found) == len(numbers)
        assert len({count for _, _, count in found[1:-1]}) <= 1, "bands are equally wide"
        assert len(found) <= 10
    parts = page.bands([0.013, 0.024, 0.031], whole=False)
    assert sum(count for _, _, count in parts) == 3


def test_readers_who_see_no_site_are_told_how_far_apart_they_are() -> None:
    release = network_sites()
    section = release.sections.by_site
    assert section is not None
    alone = release.sections.model_copy(update={"by_site": section.model_copy(update={"rows": ()})})
    release = release.model_copy(update={"sections": alone})
    blocks = {block.name: plain(block.html) for block in make_blocks(release, NB)}
    assert "by_site" not in blocks
    assert "På omtrent to av tre steder anslår vi mellom 15 og 25 prosent nedgang." in blocks["whom"]


def test_what_is_shown_is_no_limit_of_the_report() -> None:
    for code in language_codes():
        language = read_language(code)
        assert language.say("limits.sites_effect") not in limits(network_sites(), language)
        assert language.say("limits.sites") in limits(staggered(), language)


@pytest.mark.parametrize("chances", [(0.5, 0.4), (0.96, 0.5), (0.02, 0.99)])
def test_the_heading_counts_sites_apart_on_either_side(chances: tuple[float, float]) -> None:
    section = network_sites().sections.by_site
    assert section is not None
    rows = tuple(
        row.model_copy(update={"p_better": chance})
        for row, chance in zip(section.rows[:2], chances, strict=True)
    )
    text = page.heading(section.model_copy(update={"rows": rows}), NB)
    apart = sum(chance >= 0.95 or chance <= 0.05 for chance in chances)
    assert text.startswith("Ingen" if not apart else f"{apart} av 2\u00a0steder")
