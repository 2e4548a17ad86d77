"""The further figures: what they say comes from the numbers, and one number stands everywhere."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import example_charts
from example_release import EXAMPLES, charted, harmful, staggered
from impl.release.charts import EffectQuantiles
from impl.release.release import Release
from impl.report import sentences, wording
from impl.report.language import language_codes, read_language
from impl.report.show import stylesheet
from impl.report.study import dotplot, exposure, spc_chart, uptake

NB = read_language("nb")
FIGURES = (spc_chart.block, exposure.block, dotplot.block, uptake.dose)


def with_section(release: Release, **sections: object) -> Release:
    return release.model_copy(update={"sections": release.sections.model_copy(update=sections)})


def with_course(medians: list[float], sd: float = 0.04) -> Release:
    release = staggered()
    rows = example_charts.course(release, medians, sd)
    return release.model_copy(update={"estimates": (*release.estimates, *rows)})


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_has_text_numbers_and_a_rule_for_its_height(figure, code: str) -> None:  # type: ignore[no-untyped-def]
    html = figure(charted(), read_language(code))
    name = re.search(r'aria-labelledby="(\S+) (\S+)"', html)
    assert name
    assert f'<title id="{name[1]}">' in html
    assert f'<desc id="{name[2]}">' in html
    height = re.search(r'class="plot [^"]*height-(\d+)" [^>]*height="(\d+)"', html)
    assert height
    assert height[1] == height[2]
    assert f".plot.height-{height[1]} {{ height: {height[1]}px; }}" in stylesheet("report")
    assert not re.search("(?<![a-z])nan", html)
    assert "inf" not in re.sub(r"<[^>]*>", "", html).replace("informa", "")
    assert ("<table" in html) or figure is uptake.dose, "the numbers of the dose-response stand in its lines"


def test_a_release_without_the_numbers_has_no_figure() -> None:
    for release in (staggered(), EXAMPLES["not_converged"](), EXAMPLES["ambiguous"]()):
        assert [figure(release, NB) for figure in FIGURES] == [""] * len(FIGURES)
        assert uptake.components(release, NB) == uptake.kept(release, NB) == ""


# --- run chart


def test_squares_are_the_longest_run_and_rings_the_points_beyond_a_limit() -> None:
    release = charted()
    chart = release.sections.spc
    assert chart is not None
    html = spc_chart.block(release, NB)
    assert html.count(f'class="dot" d="{spc_chart.SQUARE}"') == chart.longest_run
    outside = sum(spc_chart.is_outside(point) for point in chart.points)
    assert html.count('class="ring"') == outside >= chart.outside
    assert html.count('<circle class="dot"') == len(chart.points) - chart.longest_run


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"longest_run": 14, "longest_limit": 8}, "spc.run_below"),
        ({"longest_run": 5, "crossings": 3, "crossings_limit": 9}, "spc.few_crossings"),
        ({"longest_run": 5, "crossings": 15, "outside": 2}, "spc.outside.other"),
        ({"longest_run": 5, "crossings": 15, "outside": 1}, "spc.outside.one"),
        ({"longest_run": 5, "crossings": 15, "outside": 0}, "spc.common"),
    ],
)
def test_the_heading_of_the_run_chart_is_its_finding(changes: dict[str, int], key: str) -> None:
    chart = charted().sections.spc
    assert chart is not None
    told = spc_chart.heading(chart.model_copy(update=changes), NB)
    assert told == NB.say(key, {"count": str(changes.get("outside", 0))})


def test_hidden_points_of_the_run_chart_are_hatched_and_have_no_number() -> None:
    release = charted()
    chart = release.sections.spc
    assert chart is not None
    hidden = chart.points[3].model_copy(update={"value": None, "lower": None, "upper": None, "hidden": True})
    points = (*chart.points[:3], hidden, *chart.points[4:])
    html = spc_chart.block(with_section(release, spc=chart.model_copy(update={"points": points})), NB)
    assert html.count('class="hatch"') == 1
    assert html.count(NB.say("table.hidden")) == 3, "measured, lower and upper"


def test_an_unstable_start_and_a_missing_target_are_said() -> None:
    release = charted()
    chart = release.sections.spc
    assert chart is not None
    shaky = chart.model_copy(update={"stable_before": False, "target": None, "assurance": None})
    html = spc_chart.block(with_section(release, spc=shaky), NB)
    assert NB.say("spc.unstable") in html
    assert NB.say("spc.assurance_none") in html
    assert "expected-label" not in html


def test_a_chart_of_rare_events_reads_the_other_way() -> None:
    chart = example_charts.rare_chart()
    assert chart is not None
    assert chart.chart == "t"
    assert chart.variation == "improvement", "longer gaps are fewer events"
    html = spc_chart.block(with_section(EXAMPLES["before_after"](), spc=chart), NB)
    assert NB.say("spc.rare_good") in html
    assert "Færre fall er bra" not in html


# --- course


@pytest.mark.parametrize(
    ("medians", "key"),
    [
        ([0.8, 0.79, 0.8, 0.81], "early_lasted"),
        ([0.97, 0.9, 0.8, 0.8], "gradual_lasted"),
        ([0.75, 0.8, 0.9, 0.97], "early_faded"),
        ([0.97, 0.8, 0.75, 0.97], "gradual_faded"),
    ],
)
def test_the_heading_of_the_course_follows_the_estimates(medians: list[float], key: str) -> None:
    told = exposure.heading(with_course(medians), NB)
    start = NB.say(f"course.{key}", {"direction": "Nedgangen"})
    assert told.startswith(start)
    unsure = exposure.points(with_course(medians))[-1]
    assert ("; tallet" in told.removeprefix(start)) == (unsure.low < 0 < unsure.high)


def test_an_uncertain_course_claims_nothing() -> None:
    assert exposure.heading(with_course([0.98, 0.97, 1.01], sd=0.3), NB) == NB.say("course.unclear")


def test_a_constant_effect_and_a_short_one_have_no_course() -> None:
    release = with_course([0.8, 0.8])
    assert exposure.points(release) == ()
    constant = with_course([0.8] * 6)
    models = tuple(model.model_copy(update={"effect": "it"}) for model in constant.design.models)
    assert (
        exposure.points(
            constant.model_copy(update={"design": constant.design.model_copy(update={"models": models})})
        )
        == ()
    )


def test_intervals_past_the_axis_are_cut_with_an_arrowhead() -> None:
    html = exposure.block(with_course([0.9, 0.85, 0.9], sd=0.6), NB)
    assert html.count('class="cut"') >= 3
    assert 'class="cut"' not in exposure.block(with_course([0.8, 0.8, 0.8]), NB)


def test_periods_without_an_estimate_keep_their_place() -> None:
    """Months 4 and 5 are hidden: month 6 stays where month 6 is, and the gap is hatched and said."""
    release = with_course([0.8] * 8)
    kept = tuple(row for row in release.estimates if row.estimand != "pte" or row.from_ not in (4, 5))
    html = exposure.block(release.model_copy(update={"estimates": kept}), NB)
    places = [float(x) for x in re.findall(r'<circle class="dot" cx="([\d.]+)%"', html)]
    assert places == pytest.approx([100 / 8 * (period - 0.5) for period in (1, 2, 3, 6, 7, 8)], abs=0.01)
    assert html.count('class="hatch"') == 1, "two neighbours are one field"
    assert NB.say("course.note_missing") in html
    assert "hatch" not in exposure.block(release, NB)


# --- a hundred answers


@pytest.mark.parametrize("name", ["charted", "harmful", "compared", "proportion", "before_after"])
@pytest.mark.parametrize("code", language_codes())
def test_filled_dots_are_the_number_of_the_answer(name: str, code: str) -> None:
    release, language = EXAMPLES[name](), read_language(code)
    release = with_section(release, quantiles=example_charts.quantiles(release))
    sure = sentences.certainty(release, release.measure(), language)
    assert sure is not None
    html = dotplot.block(release, language)
    number = wording.hundredths(sure.probability)
    assert html.count('class="quantile on"') == number
    assert html.count('class="quantile off"') == 100 - number
    assert f"● {number} ○ {100 - number}" in html


@settings(max_examples=200, deadline=None)
@given(
    centre=st.floats(-0.6, 0.6),
    spread=st.floats(0.001, 0.5),
    skew=st.floats(0, 2),
    claim=st.sampled_from(["lower", "higher", "both"]),
    wobble=st.integers(-1, 1),
)
def test_no_column_straddles_the_limit(
    centre: float, spread: float, skew: float, claim: str, wobble: int
) -> None:
    values = tuple(centre + spread * (math.exp(skew * (i - 50) / 50) - 1 + (i - 50) / 25) for i in range(100))
    low, high = {"lower": (-math.inf, -0.1), "higher": (0.1, math.inf), "both": (-0.05, 0.05)}[claim]
    exact = sum(low < value < high for value in values)
    filled = min(max(exact + wobble, 0), 100)
    found = dotplot.arrange(values, low, high, filled)
    assert len(found.dots) == 100
    assert sum(dot.filled for dot in found.dots) == filled
    kinds: dict[int, set[bool]] = {}
    for dot in found.dots:
        assert found.first <= dot.column <= found.last
        kinds.setdefault(dot.column, set()).add(dot.filled)
    assert all(len(kind) == 1 for kind in kinds.values())
    for limit in filter(math.isfinite, (low, high)):
        assert ((limit - found.edge) / found.width) == pytest.approx(
            round((limit - found.edge) / found.width)
        )


def test_harm_and_little_change_fill_their_own_side() -> None:
    assert dotplot.claim_range(harmful(), "harm") == (0.05, math.inf)
    assert dotplot.claim_range(staggered(), "worthwhile") == (-math.inf, -0.1)
    assert dotplot.claim_range(EXAMPLES["proportion"](), "better") == (0.0, math.inf)
    assert dotplot.claim_range(staggered(), "negligible") == (-0.05, 0.05)


def test_a_narrow_answer_does_not_claim_more_than_it_holds() -> None:
    same = EffectQuantiles(measure="falls", values=(-0.2,) * 100)
    release = with_section(staggered(), quantiles=same)
    assert "nan" not in dotplot.block(release, NB)


# --- delivery and what lasts


def test_the_whole_bundle_is_the_last_row_and_the_heading() -> None:
    html = uptake.components(charted(), NB)
    rows = re.findall(r'scope="row">([^<]*)</th>', html)
    assert rows == ["Risikovurdering", "Legemiddelgjennomgang", "Trening", "Hele tiltaket"]
    assert "62\u00a0prosent fikk alle delene" in html
    fidelity = charted().sections.fidelity
    assert fidelity is not None
    parts = with_section(
        charted(), fidelity=fidelity.model_copy(update={"components": fidelity.components[:3]})
    )
    assert "mellom 70\u00a0% og 91\u00a0%" in uptake.components_heading(parts, NB)


def test_dose_says_what_goes_together_and_where_the_sites_are() -> None:
    release = charted()
    assert "30\u00a0prosent færre fall" in uptake.dose_heading(release, NB)
    html = uptake.dose(release, NB)
    assert "Her: 62\u00a0%" in html
    assert html.count('class="interval-90"') == 5


@pytest.mark.parametrize(
    ("last", "key"), [("kept", "kept_most"), ("lost", "kept_little"), ("unclear", "kept_unclear")]
)
def test_what_is_kept_is_read_off_the_interval(last: str, key: str) -> None:
    release = with_section(charted(), sustainment=example_charts.lasting(last))  # type: ignore[arg-type]
    assert uptake.kept_heading(release, NB) == NB.say(f"uptake.{key}", {"months": "12\u00a0måneder"})
    assert uptake.kept(release, NB).count('class="cut"') == (1 if last == "unclear" else 0)
