"""Limits and rounding of audience `public`."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impl.disclosure import rules
from impl.disclosure.rules import Counted
from impl.study.load import measure_ids, read_measure

RATE = Counted(kind="rate", per=1000, persons=True)
SHARE = Counted(kind="proportion", per=100, persons=True)
MEAN = Counted(kind="mean", per=1, persons=True)
PROCESS = Counted(kind="proportion", per=100, persons=False)


@pytest.mark.parametrize(
    ("numerator", "denominator", "measure", "hidden"),
    [
        (0, 900, RATE, False),
        (1, 900, RATE, True),
        (4, 900, RATE, True),
        (5, 900, RATE, False),
        (2.5, 900, RATE, True),
        (0, 4, RATE, True),
        (7, 4.9, RATE, True),
        (897, 900, RATE, False),
        (0, 0, RATE, False),
        (math.nan, math.nan, RATE, False),
        (48, 50, SHARE, True),
        (45, 50, SHARE, False),
        (46, 50, SHARE, True),
        (50, 50, SHARE, False),
        (3, 50, SHARE, True),
        (2, 4, SHARE, True),
        (5, 5, SHARE, True),
        (0, 9, SHARE, True),
        (0, 10, SHARE, False),
        (10, 10, SHARE, False),
        (5, 9, SHARE, True),
        (5, 10, SHARE, False),
        (2.5, 900, MEAN, False),
        (2.5, 4, MEAN, True),
        (3, 50, PROCESS, False),
        (48, 50, PROCESS, False),
        (3, 4, PROCESS, True),
    ],
)
def test_the_cell_rule(numerator: float, denominator: float, measure: Counted, hidden: bool) -> None:
    assert rules.is_hidden(numerator, denominator, measure) is hidden


def test_every_measure_of_the_catalogue_has_a_rule(tmp_path) -> None:
    for name in measure_ids(tmp_path):
        measure = read_measure(name, tmp_path)
        law = rules.counted(measure)
        assert (law.kind, law.per) == (measure.kind, measure.per)
        assert law.persons is (measure.unit_of_count == "person")
        assert law.counts is (law.persons and law.kind != "mean")


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [(5.3549, 3, 5.35), (0.0012345, 3, 0.00123), (61.75, 3, 61.8), (12345.6, 3, 12300), (-1.234567, 4, -1.235),
     (0.0, 3, 0.0), (-0.0, 3, 0.0), (9.999, 3, 10.0), (99.96, 3, 100.0)],
)  # fmt: skip
def test_significant_digits(value: float, digits: int, rounded: float) -> None:
    assert rules.significant(value, digits) == rounded
    assert math.copysign(1, rules.significant(-0.0, 3)) == 1


@settings(max_examples=200, deadline=None)
@given(st.floats(min_value=1e-6, max_value=1e7), st.sampled_from([3, 4]), st.sampled_from([1.0, -1.0]))
def test_a_rounded_number_lies_in_its_rounding_interval(size: float, digits: int, sign: float) -> None:
    value = sign * size
    rounded = rules.significant(value, digits)
    low, high = rules.rounding_interval(rounded, digits)
    slack = 1e-12 * abs(value)
    assert low - slack <= value <= high + slack
    assert high - low <= abs(rounded) * 10.0 ** (1 - digits) * 1.0000001
    assert rules.significant(rounded, digits) == rounded


def test_a_power_of_ten_has_less_room_below() -> None:
    assert rules.rounding_interval(10.0, 3) == pytest.approx((9.995, 10.05))
    assert rules.rounding_interval(-10.0, 3) == pytest.approx((-10.05, -9.995))
    assert rules.rounding_interval(0.0, 3) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, 0.999), (0.0, 0.001), (0.91249, 0.912), (0.9996, 0.999), (math.nan, None)]
)
def test_probabilities_are_never_certain(value: float, shown: float | None) -> None:
    assert rules.probability(value) == shown


@pytest.mark.parametrize(
    "word", ["tailoring", "adding_elements", "NEWS2", "maksimal barriere", "døgn-sjekk", "a b c"]
)
def test_coded_words_pass(word: str) -> None:
    assert rules.coded_word(word) == word


@pytest.mark.parametrize(
    "text",
    ["", "Kari Nordmann, avd. 3", "<script>", "a b c d", "01019012345", "Kari Nordmann", "pas 01019012345", "a12345", "pasienten (82) falt",
     "linje\nto", "x" * 60, " tailoring", "=1+1"],
)  # fmt: skip
def test_free_text_does_not_pass(text: str) -> None:
    assert rules.coded_word(text) is None
