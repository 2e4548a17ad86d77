"""The families as stated in docs/model.md §1: moments, limits, intervals and what a cut point means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from scipy import stats
from scipy.special import expit

from impl.model.likelihoods import LIKELIHOODS
from impl.model.likelihoods.likelihood import Censored, Observed
from impl.model.priors import DEFAULT
from law_graphs import PLAIN, law_density, law_model

ETA = np.array([-1.2, 0.1, 0.7])
COUNT_LAWS = ("poisson", "negbin", "binomial", "betabinomial")
OWN = {"negbin": {"overdispersion": 0.5}, "betabinomial": {"extra_correlation": 0.2}}


def own(law: str) -> dict[str, np.ndarray]:
    return {name: np.array([[value]]) for name, value in OWN.get(law, {}).items()}


def probabilities(law: str, denominator: float, largest: int) -> np.ndarray:
    """P(count) for 0 to `largest`, eta x count, by the law's own log-density."""
    counts = np.arange(largest + 1.0)
    columns = [
        LIKELIHOODS[law].log_density(
            ETA[None], Observed(numerator=np.full(3, count), denominator=np.full(3, denominator)), own(law)
        )[0]
        for count in counts
    ]
    return np.exp(np.stack(columns, axis=1))


@pytest.mark.parametrize("law", COUNT_LAWS)
def test_probabilities_have_the_stated_mean_and_variance(law: str) -> None:
    denominator, largest = 12.0, 12 if law in ("binomial", "betabinomial") else 800
    share = probabilities(law, denominator, largest)
    counts = np.arange(largest + 1.0)
    level = denominator * LIKELIHOODS[law].mean(ETA)
    spread = {
        "poisson": level,
        "negbin": level + 0.5**2 * level**2,
        "binomial": level * (1 - level / denominator),
        "betabinomial": level * (1 - level / denominator) * (1 + (denominator - 1) * 0.2),
    }
    np.testing.assert_allclose(share.sum(axis=1), 1.0, rtol=1e-9)
    np.testing.assert_allclose(share @ counts, level, rtol=1e-9)
    np.testing.assert_allclose(share @ counts**2 - level**2, spread[law], rtol=1e-8)


def graph_density(law: str, cells: Observed, values: dict[str, object]) -> np.ndarray:
    """Log-density of the PyMC variable at fixed values of the law's free variables."""
    prepared = dict(cells.prepared)
    return law_density(law_model(LIKELIHOODS[law], ETA, cells, prepared=prepared), values)


@pytest.mark.parametrize(
    ("law", "limit", "free", "parameters"),
    [
        ("negbin", "poisson", {"overdispersion": 1e-5}, {"overdispersion": 1e-5}),
        ("betabinomial", "binomial", {"extra_correlation": 1e-9}, {"extra_correlation": 1e-9}),
        (
            "student",
            "normal",
            {"residual_sd": 0.7, "degrees_above_two": 1e8},
            {"residual_sd": 0.7, "degrees_of_freedom": 1e8},
        ),
    ],
)
def test_a_law_without_its_extra_variation_is_the_simpler_one(
    law: str, limit: str, free: dict[str, float], parameters: dict[str, float]
) -> None:
    cells = Observed(numerator=np.array([3.0, 12.0, 28.0]), denominator=np.array([10.0, 20.0, 30.0]))
    simple = LIKELIHOODS[limit].log_density(
        ETA[None], cells, {name: np.array([[value]]) for name, value in parameters.items()}
    )[0]
    prepared = replace(cells, prepared=LIKELIHOODS[law].prepare(cells))
    for data in (cells, prepared):
        np.testing.assert_allclose(graph_density(law, data, free), simple, rtol=1e-5)
    twin = LIKELIHOODS[law].log_density(
        ETA[None], cells, {name: np.array([[value]]) for name, value in parameters.items()}
    )[0]
    np.testing.assert_allclose(twin, simple, rtol=1e-5)


def test_ordered_answers_in_two_categories_are_binomial() -> None:
    """A last cut point far out leaves the third category empty: below or at the stated level."""
    denominator, above = np.array([10.0, 20.0, 30.0]), np.array([2.0, 11.0, 19.0])
    answers = np.stack([denominator - above, above, np.zeros(3)], axis=1)
    cells = Observed(numerator=above, denominator=denominator, answers=answers, stated_level=2)
    binomial = stats.binom(denominator, expit(ETA)).logpmf(above)
    np.testing.assert_allclose(graph_density("ordered", cells, {"cut_gap": [60.0]}), binomial, rtol=1e-10)
    twin = LIKELIHOODS["ordered"].log_density(ETA[None], cells, {"cut_points": np.array([[[0.0, 60.0]]])})
    np.testing.assert_allclose(twin[0], binomial, rtol=1e-10)


@pytest.mark.parametrize("stated", [2, 3, 4, 5])
def test_predictor_is_the_log_odds_of_the_stated_level(stated: int) -> None:
    """Whichever level is stated: its cut point is 0 and P(at or above it) = logistic(eta)."""
    gaps = np.array([0.4, 1.1, 0.8])
    cells = Observed(
        numerator=None, denominator=np.full(3, 7.0), answers=np.zeros((3, 5)), stated_level=stated
    )
    with pm.Model() as model:
        LIKELIHOODS["ordered"].observe(ETA, cells, DEFAULT)
    cuts = pm.draw(pm.do(model, {"cut_gap": gaps})["cut_points"], mode=PLAIN)
    np.testing.assert_allclose(np.diff(cuts), gaps)
    assert cuts[stated - 2] == 0.0
    single = np.eye(5)
    shares = np.exp(
        [
            LIKELIHOODS["ordered"].log_density(
                ETA[None],
                Observed(numerator=None, denominator=np.ones(3), answers=np.tile(row, (3, 1))),
                {"cut_points": cuts[None, None]},
            )[0]
            for row in single
        ]
    )
    np.testing.assert_allclose(shares.sum(axis=0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(shares[stated - 1 :].sum(axis=0), expit(ETA), rtol=1e-12)


def test_ordered_answers_read_from_the_other_end_change_the_sign_only() -> None:
    """Categories in reverse with the predictor negated: the same density, so no direction is built in."""
    law, cuts = LIKELIHOODS["ordered"], np.array([-1.5, 0.0, 0.6, 1.9])
    answers = np.array([[3.0, 1, 4, 0, 2], [0, 0, 6, 7, 7], [9, 9, 1, 1, 0]])
    straight = Observed(numerator=None, denominator=answers.sum(axis=1), answers=answers)
    reverse = replace(straight, answers=answers[:, ::-1])
    np.testing.assert_allclose(
        law.log_density(ETA[None], straight, {"cut_points": cuts[None, None]}),
        law.log_density(-ETA[None], reverse, {"cut_points": -cuts[::-1][None, None]}),
        rtol=1e-12,
    )


def interval(law: str, least: float, most: float, denominator: float = 12.0) -> np.ndarray:
    """log P(least <= count <= most) at each eta, by the PyMC graph, which must equal the NumPy twin."""
    ends = {"at_least": np.full(3, least), "at_most": np.full(3, most)}
    nothing = Observed(numerator=np.zeros(3), denominator=np.full(3, denominator))
    cells = replace(nothing, censored=Censored(eta=ETA, denominator=np.full(3, denominator), **ends))
    prepared = LIKELIHOODS[law].prepare(cells)
    graph = law_density(law_model(LIKELIHOODS[law], ETA, cells, prepared=prepared), OWN.get(law, {}))[3:]
    drawn = replace(cells, censored=replace(cells.censored, eta=ETA[None]))
    twin = LIKELIHOODS[law].log_density(ETA[None], drawn, own(law))[0, 3:]
    np.testing.assert_allclose(graph, twin, rtol=1e-9, atol=1e-12)
    return graph


@pytest.mark.parametrize("law", COUNT_LAWS)
def test_intervals_are_sums_of_probabilities(law: str) -> None:
    point = probabilities(law, 12.0, 12)
    np.testing.assert_allclose(interval(law, 5, 5), np.log(point[:, 5]), rtol=1e-9)
    np.testing.assert_allclose(np.exp(interval(law, 1, 4)), point[:, 1:5].sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize("law", ["binomial", "betabinomial"])
def test_an_interval_of_every_possible_count_says_nothing(law: str) -> None:
    np.testing.assert_allclose(interval(law, 0, 12), 0.0, atol=1e-12)


@pytest.mark.parametrize("overdispersion", [1e-3, 0.02, 0.3, 2.5])
def test_table_of_counts_equals_gamma_functions(overdispersion: float) -> None:
    """The national form of the negative binomial is the same law, with and without its table."""
    counts = np.array([0.0, 7.0, 140.0])
    cells = Observed(numerator=counts, denominator=np.array([2.0, 9.0, 60.0]))
    steps = np.arange(counts.max())
    tabled = replace(cells, prepared=LIKELIHOODS["negbin"].prepare(cells) | {"count_steps": steps})
    values = {"overdispersion": overdispersion}
    size = overdispersion**-2
    level = cells.denominator * np.exp(ETA)
    scipys = stats.nbinom(size, size / (size + level)).logpmf(counts)
    np.testing.assert_allclose(graph_density("negbin", tabled, values), scipys, rtol=1e-7)
    np.testing.assert_allclose(graph_density("negbin", cells, values), scipys, rtol=1e-7)


def test_table_of_counts_is_used_only_where_it_is_short() -> None:
    law = LIKELIHOODS["negbin"]
    few = Observed(numerator=np.array([3.0, 90_000.0]), denominator=np.array([1.0, 2.0]))
    many = Observed(numerator=np.tile([3.0, 70.0], 100), denominator=np.ones(200))
    hidden = Censored(eta=None, denominator=np.ones(1), at_least=np.array([70.0]), at_most=np.array([85.0]))
    assert "count_steps" not in law.prepare(few)
    assert len(law.prepare(many)["count_steps"]) == 70
    assert len(law.prepare(replace(many, censored=hidden))["count_steps"]) == 85
