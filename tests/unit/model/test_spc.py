"""Run and control charts against published limits, another program's figures and exact counting."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from impl.model import spc

# Longest run that chance gives, by useful points: the formula of Anhøj & Olesen 2014 as tabled for improvement teams.
LONGEST = {10: 6, 11: 6, 12: 7, 22: 7, 23: 8, 24: 8, 45: 8, 46: 9, 90: 9, 91: 10, 100: 10}
# 13 points: fewer than three crossings are a signal (Wentzel-Larsen & Anhøj on crossrun); 24 points: fewer than eight.
FEWEST_CROSSINGS = {10: 2, 13: 3, 22: 7, 24: 8}

EVENTS = np.array(
    [31, 27, 35, 29, np.nan, 33, 24, 30, 36, 28, 26, 34, 22, 19, 25, 21, 17, 23, 20, 24, 18, 16, 22, 19]
)
EXPOSURE = np.array(
    [
        *[980, 1010, 995, 1020, np.nan, 1000, 990, 1005, 970, 1015, 1000, 1010],
        *[995, 985, 1020, 1000, 990, 1010, 1005, 995, 1000, 980, 1015, 1000],
    ]
)
FROZEN = np.arange(24) < 12
BETWEEN = np.array([12, 5, 33, 8, 21, 14, 2, 40, 17, 9, 26, 11, 60, 45, 80, 33, 71, 52], dtype=float)
EARLY = np.arange(18) < 12

# Centre, then lower and upper of the first and the last point, by the functions of qicharts2 (R) on the same numbers.
QICHARTS2 = {
    "i": (0.030312, 0.012436, 0.048188, 0.012436, 0.048188),
    "p": (0.030286, 0.013863, 0.046710, 0.014028, 0.046545),
    "p_prime": (0.030286, 0.012299, 0.048274, 0.012480, 0.048093),
    "u": (0.030286, 0.013609, 0.046964, 0.013777, 0.046796),
    "u_prime": (0.030286, 0.012299, 0.048274, 0.012480, 0.048093),
}


def share_of_signals(series: np.ndarray) -> float:
    found = [spc.runs(values, float(np.median(values[:12]))) for values in series]
    return float(np.mean([one is not None and one.signal for one in found]))


def test_limits_of_the_rules_are_the_published_ones() -> None:
    assert {n: spc.longest_limit(n) for n in LONGEST} == LONGEST
    assert {n: spc.crossings_limit(n) for n in FEWEST_CROSSINGS} == FEWEST_CROSSINGS


@pytest.mark.parametrize("chart", QICHARTS2)
def test_limits_are_those_of_qicharts2(chart: spc.Chart) -> None:
    found = spc.control_limits(chart, EVENTS, EXPOSURE, FROZEN)
    ends = (found.lower[0], found.upper[0], found.lower[-1], found.upper[-1])
    assert (found.centre, *ends) == pytest.approx(QICHARTS2[chart], abs=1e-6)


def test_rare_event_charts_are_those_of_qicharts2() -> None:
    g, t = spc.opportunities(BETWEEN, EARLY), spc.times(BETWEEN, EARLY)
    assert (g.centre, g.lower[0], g.upper[0]) == pytest.approx((13.0, 0.0, 67.477936), abs=1e-6)
    assert (t.centre, t.lower[0], t.upper[0]) == pytest.approx((13.738455, 0.003445, 138.513696), abs=1e-6)
    with pytest.raises(ValueError, match="above 0"):
        spc.times(np.array([1.0, 0.0, 2.0]), np.ones(3, dtype=bool))


def test_runs_are_those_of_qicharts2() -> None:
    values = EVENTS / EXPOSURE
    found = spc.runs(values, float(np.nanmedian(values[FROZEN])))
    assert found is not None
    assert (found.useful, found.longest, found.longest_limit) == (22, 12, 7)
    assert (found.crossings, found.crossings_limit) == (9, 7)
    assert (found.first, found.last) == (12, 23)
    assert found.signal, "a run of twelve where seven is the limit, though there are crossings enough"


def test_points_on_the_median_break_no_run_and_gaps_are_no_points() -> None:
    found = spc.runs(np.array([1.0, 2.0, np.nan, 5.0, 2.0, 5.0, 1.0]), 2.0)
    assert found is not None
    assert (found.useful, found.longest, found.crossings) == (4, 2, 2)
    assert (found.first, found.last) == (3, 5)
    assert spc.runs(np.full(5, 2.0), 2.0) is None


def test_of_equally_long_runs_the_latest_is_named() -> None:
    found = spc.runs(np.array([3.0, 3.0, 1.0, 1.0]), 2.0)
    assert found is not None
    assert (found.first, found.last) == (2, 3)


def test_a_limit_never_leaves_the_scale() -> None:
    few = spc.shares(np.array([1.0, 0, 2, 1]), np.full(4, 10.0), np.ones(4, dtype=bool))
    assert (few.lower >= 0).all()
    many = spc.shares(np.array([9.0, 10, 10, 9]), np.full(4, 10.0), np.ones(4, dtype=bool))
    assert (many.upper <= 1).all()
    assert (spc.rates(np.array([1.0, 0, 2, 1]), np.full(4, 10.0), np.ones(4, dtype=bool)).lower >= 0).all()


def test_false_alarms_equal_every_order_counted() -> None:
    """Median of the whole series: of n even points half lie above, every arrangement as likely. All are counted."""
    points = 12
    signals = total = 0
    for above in product((0.0, 1.0), repeat=points):
        if sum(above) == points / 2:
            found = spc.runs(np.array(above), 0.5)
            total += 1
            signals += found is not None and found.signal
    exact = signals / total
    error = (exact * (1 - exact) / spc.SIMULATED) ** 0.5
    assert spc.false_alarms(points, points) == pytest.approx(exact, abs=4 * error)


def test_a_median_frozen_on_few_points_gives_more_false_alarms() -> None:
    """A yardstick from six months is itself uncertain, and the report says how often that alone gives a signal."""
    whole, half, few = (spc.false_alarms(before, 36) for before in (36, 18, 8))
    assert whole < half < few
    assert 0.02 < whole < 0.06
    assert 0.07 < half < 0.13
    assert few > 0.15


def test_simulated_series_give_as_many_false_alarms_as_is_said() -> None:
    """Another generator, law and code path than `false_alarms`: the rules themselves on log-normal series."""
    signals = share_of_signals(np.random.default_rng(8).lognormal(size=(2000, 24)))
    rate = spc.false_alarms(12, 24)
    assert signals == pytest.approx(rate, abs=4 * (rate * (1 - rate) / 2000) ** 0.5)


def test_a_lasting_shift_is_found() -> None:
    """Of three standard deviations nearly always, of one and a half in two of three series of two years."""
    noise, after = np.random.default_rng(3).normal(size=(300, 24)), np.arange(24) >= 12
    assert share_of_signals(noise - 3.0 * after) > 0.97
    assert 0.5 < share_of_signals(noise - 1.5 * after) < 0.85


@pytest.mark.parametrize(
    ("likelihood", "counts", "chart"),
    [
        ("poisson", [8, 9, 7, 8], "u"),
        ("negbin", [8, 9, 7, 8], "u_prime"),
        ("binomial", [8, 9, 7, 8], "p"),
        ("betabinomial", [8, 9, 7, 8], "p_prime"),
        ("ordered", [8, 9, 7, 8], "p_prime"),
        ("normal", [8, 9, 7, 8], "i"),
        ("student", [0, 0, 0, 8], "i"),
        ("poisson", [0, 1, 0, 1], "t"),
        ("binomial", [0, 1, 0, 1], "g"),
        ("poisson", [0, 0, 0, 0], "u"),
    ],
)
def test_the_chart_follows_the_likelihood_and_how_rare_events_are(
    likelihood: str, counts: list[float], chart: str
) -> None:
    numbers = np.array([*counts, 5.0])
    assert spc.choose_chart(likelihood, numbers, np.array([True] * 4 + [False])) == chart


def test_between_events_spreads_the_events_of_a_point_evenly() -> None:
    between, ends = spc.between_events(np.array([1.0, 0, 2, np.nan]), np.array([10.0, 10, 9, np.nan]))
    assert between == pytest.approx([18.0, 3.0])
    assert list(ends) == [2, 2]
    assert len(spc.between_events(np.array([1.0]), np.array([10.0]))[0]) == 0
