"""What was mended after looking at odd cases, so that it stays mended."""

from __future__ import annotations

import re
from html import unescape

import pytest

import report_cases
from example_charts import with_charts
from example_release import EXAMPLES, before_after, hidden_points, network_sites, staggered
from impl.release.release import Release, ReleaseWarning
from impl.release.site_counts import SiteCount
from impl.report import figures
from impl.report.check import page_problems
from impl.report.language import language_codes, read_language
from impl.report.sentences import averted, nothing_happened, warning_sentence
from impl.report.study import exposure, site_counts, spc_chart
from impl.report.study.order import make_blocks
from report_pages import page_of

NB = read_language("nb")


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def blocks(release: Release, code: str = "nb") -> dict[str, str]:
    return {block.name: plain(block.html) for block in make_blocks(release, read_language(code))}


def without_events() -> Release:
    """Nothing was counted and nothing expected, as the fit of an empty series says."""
    release = staggered()
    nothing = dict.fromkeys(("q05", "q10", "q25", "q50", "q75", "q90", "q95"), 0.0)
    (curve,) = release.curves
    points = tuple(point.model_copy(update={"observed": 0.0, "expected": nothing}) for point in curve.points)
    small = tuple(
        row.model_copy(update={"lower": -0.2, "median": 0.0, "upper": 0.1}) if row.scale == "averted" else row
        for row in release.estimates
    )
    return release.model_copy(
        update={"curves": (curve.model_copy(update={"points": points}),), "estimates": small}
    )


@pytest.mark.parametrize("code", language_codes())
def test_a_series_of_zeros_has_a_page_that_says_so_first(code: str) -> None:
    release = without_events()
    language = read_language(code)
    assert page_problems(page_of(release, code)) == []
    said = nothing_happened(release, language)
    assert said is not None
    assert said.replace("\u00a0", " ") in blocks(release, code)["trend"]
    assert nothing_happened(staggered(), language) is None
    assert len(averted(release, language)) == 1, "no interval between 0 and 0"
    assert len(averted(staggered(), language)) == 2


def test_zeros_that_are_hidden_are_not_told_of() -> None:
    release = without_events()
    (curve,) = release.curves
    first = curve.points[0].model_copy(update={"hidden": True, "observed": None, "expected": None})
    hidden = curve.model_copy(update={"points": (first, *curve.points[1:])})
    assert nothing_happened(release.model_copy(update={"curves": (hidden,)}), NB) is None


@pytest.mark.parametrize("value", [0.0, 3.5, -2.0])
def test_values_that_are_all_the_same_have_an_axis(value: float) -> None:
    ticks = figures.nice_ticks(value, value)
    assert ticks[0] <= value <= ticks[-1]
    assert ticks[-1] > ticks[0]
    assert figures.tick_decimals(ticks) <= 2


def test_a_figure_of_which_everything_is_hidden_is_a_sentence() -> None:
    release = hidden_points()
    (curve,) = release.curves
    points = tuple(
        point.model_copy(update={"hidden": True, "observed": None, "expected": None})
        for point in curve.points
    )
    all_hidden = release.model_copy(update={"curves": (curve.model_copy(update={"points": points}),)})
    assert "Figur 1" in blocks(release)["trend"]
    assert "Figur 1" not in blocks(all_hidden)["trend"]
    assert NB.say("trend.hidden") in blocks(all_hidden)["trend"]


def test_many_counts_by_site_are_folded_and_none_is_lost() -> None:
    release = network_sites()
    row = release.sections.sites[0]
    many = tuple(row.model_copy(update={"site": f"{number}"}) for number in range(355))
    folded = site_counts.block(
        release.model_copy(update={"sections": release.sections.model_copy(update={"sites": many})}), NB
    )
    assert "<details" not in site_counts.block(release, NB)
    assert "Se tallene for alle 355 steder" in plain(folded)
    assert folded.count("<tr>") == 356


def test_no_event_is_0_and_not_three_decimals() -> None:
    words = site_counts.count_words(SiteCount(numerator=0.0, denominator=1080.0), staggered().measure(), NB)
    assert words.startswith("0 (0 fall")


def test_a_change_for_the_worse_is_no_improvement_that_lasts() -> None:
    assert "Varer forbedringen?" in blocks(EXAMPLES["charted"]())["lasts"]
    worse = blocks(report_cases.negative())
    assert "Varer endringen?" in worse["lasts"]
    assert "Varer endringen?" in worse["find"]
    assert "virket" not in worse["messages"]


def test_one_site_is_not_spoken_of_as_several() -> None:
    warning = ReleaseWarning(code="window_shortened", values={"months": 12})
    for code in language_codes():
        language = read_language(code)
        one, many = (
            warning_sentence(warning, release, language) for release in (before_after(), staggered())
        )
        assert one != many
        assert language.say("nouns.sites.other", {"count": ""}).strip("\u00a0 ") not in one
    assert NB.say("spc.note_median_one") in plain(spc_chart.block(report_cases.one_site(), NB))
    assert NB.say("spc.note_median") in plain(spc_chart.block(with_charts(staggered()), NB))


def test_a_page_without_intervals_says_nothing_of_them() -> None:
    assert NB.say("scope.levels") not in blocks(EXAMPLES["not_converged"]())["question"]
    assert NB.say("scope.levels") in blocks(staggered())["question"]


def test_as_expected_is_not_than_expected() -> None:
    release = with_charts(staggered())
    same = tuple(
        row.model_copy(update={"median": 1.0, "lower": 0.9, "upper": 1.1})
        if row.estimand == "pte" and row.from_ == 1 and row.scale == "ratio"
        else row
        for row in release.estimates
    )
    text = exposure.description(release.model_copy(update={"estimates": same}), read_language("en"))
    assert "as many falls as expected" in text
    assert "as many falls than" not in text


@pytest.mark.parametrize("name", [name for name in report_cases.CASES if name != "all_zero"])
def test_every_case_is_a_page_fit_to_be_read(name: str) -> None:
    page = page_of(report_cases.CASES[name](), "nb")
    assert page_problems(page) == []
    assert len(page) < 400_000
