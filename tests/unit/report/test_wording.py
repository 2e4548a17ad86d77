"""Numbers to words: one rounding, bands on the rounded number, levels that a reader can subtract."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_release import ASSESSED, EXAMPLES, FALLS, WAVES, Effect, build, staggered
from impl.release.release import Comparison
from impl.report import wording
from impl.report.language import read_language

NB = read_language("nb")


@pytest.mark.parametrize(
    ("probability", "word", "number"),
    [
        (1.0, "svært sannsynlig", "over 99 av 100"),
        (0.995, "svært sannsynlig", "over 99 av 100"),
        (0.955, "svært sannsynlig", "96 av 100"),
        (0.9549, "sannsynlig", "95 av 100"),
        (0.95, "sannsynlig", "95 av 100"),
        (0.805, "sannsynlig", "81 av 100"),
        (0.80, "mer sannsynlig enn ikke", "80 av 100"),
        (0.605, "mer sannsynlig enn ikke", "61 av 100"),
        (0.60, "like sannsynlig som ikke", "60 av 100"),
        (0.40, "like sannsynlig som ikke", "40 av 100"),
        (0.39, "mindre sannsynlig enn ikke", "39 av 100"),
        (0.20, "mindre sannsynlig enn ikke", "20 av 100"),
        (0.19, "lite sannsynlig", "19 av 100"),
        (0.05, "lite sannsynlig", "5 av 100"),
        (0.044, "svært lite sannsynlig", "4 av 100"),
        (0.004, "svært lite sannsynlig", "under 1 av 100"),
        (0.0, "svært lite sannsynlig", "under 1 av 100"),
    ],
)
def test_word_and_number_of_a_probability(probability: float, word: str, number: str) -> None:
    assert wording.probability_words(probability, NB).replace("\u00a0", " ") == f"{word} ({number})"


@given(st.floats(0, 1))
def test_words_follow_the_printed_bands(probability: float) -> None:
    """The table on the page says which numbers a word stands for; the words must obey it."""
    number = wording.hundredths(probability)
    printed = NB.say(f"bands.range.{wording.band(probability)}")
    if printed.startswith("over"):
        assert number > 95
    elif printed.startswith("under"):
        assert number < 5
    else:
        low, high = map(int, re.findall(r"\d+", printed))
        assert low <= number <= high


@settings(max_examples=150, deadline=None)
@given(expected=st.floats(0.02, 400), median=st.floats(0.3, 2.5), sd=st.floats(0.01, 0.4))
def test_shown_difference_is_shown_after_minus_shown_expected(
    expected: float, median: float, sd: float
) -> None:
    effect = Effect(measure=FALLS, before=expected, expected=expected, median=median, sd=sd)
    release = build(
        [effect], study_id="x", run_id="y", title={"nb": "t"}, question={"nb": "q"}, outcome="uncertain",
        starts=[4, 6], site_names=["a", "b"], periods=8,
    )  # fmt: skip
    shown = wording.levels(release, release.measure())
    assert shown.after is not None
    assert shown.expected is not None
    assert shown.difference is not None
    texts = [NB.number(value, shown.decimals).replace("−", "-").replace(",", ".").replace("\u00a0", "") for value in
             (shown.expected, shown.after, shown.difference)]  # fmt: skip
    left, right, difference = map(float, texts)
    assert abs((right - left) - difference) < 1e-9


def test_levels_gain_a_decimal_where_the_rounded_difference_would_mislead() -> None:
    release = staggered()
    row = Comparison(measure="falls", before=5.3, expected=5.0449, after=4.0351)
    estimates = tuple(
        row.model_copy(update={"median": -1.0098})
        if (row.measure, row.scale) == ("falls", "difference")
        else row
        for row in release.estimates
    )
    release = release.model_copy(update={"comparisons": (row,), "estimates": estimates})
    shown = wording.levels(release, release.measure())
    assert (shown.decimals, shown.expected, shown.after, shown.difference) == (2, 5.04, 4.04, -1.0) or (
        shown.decimals == 3 and shown.difference == -1.01
    )
    assert abs((shown.difference or 0) - -1.0098) <= 0.5 * 10**-shown.decimals


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (-27, -7, "mellom 7 og 27 prosent nedgang"),
        (6, 29, "mellom 6 og 29 prosent økning"),
        (-37, 3, "mellom 37 prosent nedgang og 3 prosent økning"),
        (-12, 0, "mellom 0 og 12 prosent nedgang"),
        (0, 12, "mellom 0 og 12 prosent økning"),
    ],
)
def test_intervals_say_their_signs_in_words(low: float, high: float, text: str) -> None:
    assert wording.range_words(low, high, 0, FALLS, NB).replace("\u00a0", " ") == text


def test_percentage_points_and_per_cent_are_told_apart() -> None:
    assert "prosentpoeng" in wording.amount(4.2, ASSESSED, 1, NB)
    assert "prosentpoeng" not in wording.amount(17, FALLS, 0, NB)


def test_relative_limits_of_a_difference_say_of_what() -> None:
    assert wording.limit_words(0.1, FALLS, NB).replace("\u00a0", " ") == "10 prosent"
    assert wording.limit_words(0.125, ASSESSED, NB).replace("\u00a0", " ") == "12,5 prosent av ventet nivå"


def test_hidden_levels_leave_only_the_relative_change() -> None:
    release = EXAMPLES["hidden_points"]()
    shown = wording.levels(release, release.measure())
    assert (shown.before, shown.expected, shown.after, shown.difference) == (None, None, None, None)
    assert wording.headline_value(release, release.measure()) == -10


def test_a_difference_without_levels_is_still_shown() -> None:
    release = staggered().model_copy(update={"comparisons": ()})
    shown = wording.levels(release, release.measure())
    assert (shown.expected, shown.difference) == (None, -1.01)


def test_the_window_is_said_in_the_steps_of_the_design() -> None:
    assert wording.window(staggered(), NB) == "måned 1–12 etter oppstart"
    assert wording.window(EXAMPLES["hidden_points"](), NB) == "halvår 1–2 etter oppstart"
    assert len(WAVES) == 12
