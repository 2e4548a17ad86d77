"""Whom the number is about, what a new site may expect, thought experiments and further bundles, in words."""

from __future__ import annotations

import re

import pytest

from example_release import EXAMPLES, compared, staggered
from impl.release.release import Release, StatedBelief
from impl.report import sentences, tables, wording
from impl.report.language import read_language
from impl.report.study import method, whom
from impl.report.study.order import make_blocks

NB, EN = read_language("nb"), read_language("en")


def plain(text: str) -> str:
    return re.sub(r"<[^>]+>", "", text).replace("\u00a0", " ").replace("−", "-")


def without(release: Release, *estimands: str) -> Release:
    kept = tuple(row for row in release.estimates if row.estimand not in estimands)
    return release.model_copy(update={"estimates": kept})


def chosen(release: Release, **update: object) -> Release:
    """The Release with another model of the primary measure."""
    first, *rest = release.design.models
    design = release.design.model_copy(update={"models": (first.model_copy(update=update), *rest)})
    return release.model_copy(update={"design": design})


def test_the_estimand_names_its_sites_window_and_exposure() -> None:
    assert plain(whom.intro(staggered(), NB)) == (
        "Tallet gjelder stedene som er med, i måned 1–12 etter oppstart. Det er regnet per 1000 beboerdøgn, med det "
        "antallet beboerdøgn som ble målt. Det forutsetter at fallpakken ikke endret dette antallet."
    )
    assert "stedet som er med" in whom.intro(EXAMPLES["before_after"](), NB)
    assert "alle nye beboere som ble talt med" in whom.intro(EXAMPLES["proportion"](), NB)


def test_one_row_a_way_to_weigh_sites_and_the_main_number_first() -> None:
    release = staggered()
    assert [row.estimand for row in whom.rows(release)] == ["tate", "tate_site", "population", "new_site"]
    table = plain(whom.weights_table(release, NB))
    assert table.count("%-intervall") == 5
    main = plain(tables.comparison_table(release, NB))
    (shown,) = re.findall(r"-20 % \(-\d+ til -\d+\)", table)
    assert shown in main, "the main number is the same in both tables"


@pytest.mark.parametrize("name", ["before_after", "hidden_points", "proportion"])
def test_without_other_weights_there_is_no_table(name: str) -> None:
    release = EXAMPLES[name]()
    assert whom.weights_table(release, NB) == ""
    assert whom.new_site(release, NB) is None
    (block,) = [block for block in make_blocks(release, NB) if block.name == "whom"]
    assert "<table" not in block.html
    assert "<h3" not in block.html


def test_a_new_site_is_said_apart_from_the_means() -> None:
    text = plain(whom.new_site(staggered(), NB) or "")
    assert text.startswith("Linja for ett nytt sted er ikke et gjennomsnitt: ")
    row = next(row for row in whom.rows(staggered()) if row.estimand == "new_site")
    low, high = (round(100 * (end - 1)) for end in (row.lower, row.upper))
    assert low < -20 < high
    assert f"{abs(low)} prosent" in text
    assert "gjennomsnitt" not in text.partition(": ")[2]


def test_thought_experiments_are_told_with_their_interval_and_what_they_assume() -> None:
    established, earlier = whom.scenarios(staggered(), NB)
    assert plain(established).startswith(
        "Hvis virkningen hele tiden var slik den er fra og med måned 6 etter oppstart, anslår vi 23 prosent færre fall"
    )
    assert plain(earlier).startswith(
        "Hadde oppstarten vært 6 måneder tidligere, ville det ha vært omtrent 410 færre"
    )
    assert "90 prosent sannsynlighet mellom" in plain(earlier)
    assert whom.assumption(staggered(), NB) is not None
    assert whom.assumption(EXAMPLES["harmful"](), NB) is None
    alone = without(staggered(), "earlier", "established", "new_site")
    assert whom.scenarios(alone, NB) == ()
    assert whom.assumption(alone, NB) is None


def test_a_constant_effect_is_not_told_twice() -> None:
    release = staggered()
    same = tuple(
        row.model_copy(update={"estimand": "established", "from_": 6})
        for row in release.estimates
        if (row.measure, row.estimand) == ("falls", "tate") and row.scale == "ratio"
    )
    release = without(release, "established")
    release = release.model_copy(update={"estimates": (*release.estimates, *same)})
    assert len(whom.scenarios(release, NB)) == 1


def test_an_earlier_start_past_zero_is_told_both_ways() -> None:
    (text,) = [text for text in whom.scenarios(compared(), NB) if "tidligere" in text]
    assert re.search(r"mellom \d+ færre og \d+ flere", plain(text))


def test_further_bundles_have_a_row_with_a_window_of_their_own() -> None:
    table = plain(whom.bundles_table(compared(), NB))
    assert "Håndhygiene, måned 1–10 etter oppstart" in table
    assert "-7 % (-13 til -1)" in table
    assert whom.bundles_table(staggered(), NB) == ""
    page = plain(" ".join(block.html for block in make_blocks(compared(), NB)))
    assert "fallpakken og håndhygienepakken" not in page, "the question is about one of them"


def test_a_negative_control_is_called_one() -> None:
    table = plain(tables.comparison_table(compared(), NB))
    assert table.count("Kontrollmål: Skal ikke påvirkes av fallpakken.") == 1
    assert table.count("Færre fall er bra.") == 1


# --- verdicts and limits that the engine can give now


def test_too_small_to_matter_is_an_answer() -> None:
    answer = plain(sentences.answer(compared(), NB))
    assert answer == (
        "Kan ha endret lite: Vi anslår at det var 1 prosent færre fall enn ventet uten fallpakken. "
        "Studien regner så små endringer som uten betydning."
    )
    notes = " ".join(sentences.notes(compared(), NB))
    assert "Studien er stor nok til at den kunne ha vist at fallpakken endrer lite eller ingenting." in notes
    assert "uten virkning" not in " ".join(sentences.limits(compared(), NB))


def test_sites_to_compare_with_are_named_in_limit_and_method() -> None:
    release = compared()
    assert "med steder som ikke hadde tiltaket da" in sentences.what_limit(release, NB).text[0]
    assert "bare med tiden før" not in " ".join(sentences.limits(release, NB))
    assert "bare med tiden før" in " ".join(sentences.limits(EXAMPLES["before_after"](), NB))
    assert "på samme tid" in method.lines(release, NB)[2]


def test_method_names_everything_that_the_engine_can_choose() -> None:
    text = plain(" ".join(method.lines(compared(), NB)))
    for said in (
        "får et felles utslag", "2 grupper av steder", "Steder med og uten tiltaket får ha ulik utvikling",
        "Hvert sted får ha sin egen utvikling", "ulik fra sted til sted", "regnes bare en del av virkningen med",
        "De siste 2 periodene før oppstart", "hensyn til staffing og pandemic", "hvor stor del av hendelsene som blir meldt",
        "samtidig: håndhygienepakken", "Utviklingen før oppstart føres videre",
    ):  # fmt: skip
        assert said in text, said
    assert "inngår i det felles nivået" not in text, "shared shocks hold no trend"


def test_belief_about_change_that_would_have_come_anyway_is_told_in_per_cent_of_a_rate() -> None:
    release = chosen(EXAMPLES["before_after"](), trend="none", secular=StatedBelief(mean=0.0, sd=0.15))
    text = plain(" ".join(method.lines(release, NB)))
    assert "alt mellom 22 prosent nedgang og 28 prosent økning" in text
    assert "på vei opp eller ned før oppstart" not in text
    share = chosen(release, likelihood="binomial")
    assert "noe i begge retninger" in plain(" ".join(method.lines(share, NB)))


def test_one_site_borrows_no_strength() -> None:
    release = chosen(EXAMPLES["before_after"](), clustering="decay")
    assert "låner styrke" not in " ".join(method.lines(release, NB))
    assert "låner styrke" in " ".join(method.lines(staggered(), NB))


@pytest.mark.parametrize("language", [NB, EN], ids=["nb", "en"])
def test_nothing_stands_twice(language: object) -> None:
    """No sentence of the new section is said elsewhere on the page."""
    for name in ("staggered", "compared"):
        blocks = {block.name: plain(block.html) for block in make_blocks(EXAMPLES[name](), language)}  # type: ignore[arg-type]
        own = [text for text in re.split(r"(?<=\.) ?(?=[A-ZÆØÅ])", blocks.pop("whom")) if len(text) > 30]
        assert len(own) >= 4
        for text in own:
            assert not any(text in other for other in blocks.values()), text


def test_words_of_a_window_follow_the_estimate() -> None:
    row = compared().estimate("falls", "other_bundle", "ratio", group="hand_hygiene")
    assert row is not None
    assert plain(wording.window(compared(), NB, row)) == "måned 1–10 etter oppstart"
    assert plain(wording.window(compared(), NB)) == "måned 1–12 etter oppstart"
