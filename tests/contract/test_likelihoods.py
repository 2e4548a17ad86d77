"""Every likelihood: the PyMC law equals SciPy's and its own NumPy twin, `draw` follows it, data can change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor
import pytest
from scipy import stats
from scipy.special import expit

from impl.model.likelihoods import LIKELIHOODS
from impl.model.likelihoods.likelihood import Censored, Likelihood, Observed, link_of
from impl.model.priors import DEFAULT, Priors, scaled
from impl.release.release import LINKS
from law_graphs import PLAIN, law_density, law_model

DRAWS = 40_000
STATED = 3
COUNTS = ("poisson", "negbin", "binomial", "betabinomial")
LAWS = pytest.mark.parametrize("law", LIKELIHOODS.values(), ids=LIKELIHOODS)
COUNT_LAWS = pytest.mark.parametrize("law", [LIKELIHOODS[name] for name in COUNTS], ids=COUNTS)
PREPARED = pytest.mark.parametrize("prepared", [True, False], ids=["prepared", "plain"])

EXAMPLES = {
    "overdispersion": 0.6,
    "extra_correlation": 0.15,
    "residual_sd": 0.8,
    "degrees_of_freedom": 6.0,
    "cut_points": np.array([-1.3, 0.0, 0.7, 2.0]),
}
"""A value of every parameter of every law; the cut point of the stated level is 0."""


def example_parameters(law: Likelihood, rng: np.random.Generator | None = None) -> dict[str, np.ndarray]:
    """As `predict` hands them over, draw x 1 (x length); near the example, or at it without `rng`."""
    factor = 1.0 if rng is None else rng.uniform(0.5, 1.2)
    return {name: np.asarray(EXAMPLES[name] * factor)[None, None] for name in law.parameters}


def free_values(parameters: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The free variables of the PyMC model that give these parameters."""
    free = {name: value[0, 0] for name, value in parameters.items()}
    if "degrees_of_freedom" in free:
        free["degrees_above_two"] = free.pop("degrees_of_freedom") - 2
    if "cut_points" in free:
        free["cut_gap"] = np.diff(free.pop("cut_points"))
    return free


def scipy_logp(law: Likelihood, eta: np.ndarray, cells: Observed, parameters: dict[str, np.ndarray]):
    """The law written a third time, by SciPy's own parametrisation."""
    count, denominator = cells.numerator, cells.denominator
    own = {name: value[0, 0] for name, value in parameters.items()}
    if law.name == "poisson":
        return stats.poisson(denominator * np.exp(eta)).logpmf(count)
    if law.name == "binomial":
        return stats.binom(denominator, expit(eta)).logpmf(count)
    if law.name == "negbin":
        size = 1 / own["overdispersion"] ** 2
        level = denominator * np.exp(eta)
        return stats.nbinom(size, size / (size + level)).logpmf(count)
    if law.name == "betabinomial":
        kappa = 1 / own["extra_correlation"] - 1
        return stats.betabinom(denominator, kappa * expit(eta), kappa * (1 - expit(eta))).logpmf(count)
    if law.name == "normal":
        sd = own["residual_sd"]
        mean = stats.norm(eta, sd / np.sqrt(denominator)).logpdf(count / denominator)
        # the sum of squares of n normal persons: sd^2 times chi-square with n - 1 degrees of freedom
        spread = stats.chi2(denominator - 1, scale=sd**2).logpdf(cells.sum_squares)
        return mean + spread
    if law.name == "student":
        scale = own["residual_sd"] / np.sqrt(denominator)
        return stats.t(own["degrees_of_freedom"], eta, scale).logpdf(count / denominator)
    if law.name == "ordered":
        # a latent logistic answer cut into categories
        edges = np.concatenate([[-np.inf], own["cut_points"], [np.inf]])
        shares = np.diff(stats.logistic(eta[:, None]).cdf(edges[None, :]), axis=1)
        return stats.multinomial(denominator, shares).logpmf(cells.answers)
    raise AssertionError(f"no SciPy twin for {law.name}: write one")


def example(law: Likelihood, rng: np.random.Generator, size: int = 60):
    """Predictor, observed cells and parameters drawn from the law itself."""
    denominator = rng.integers(2, 60, size).astype(float)
    level = {
        "log": rng.normal(-1.0, 0.6, size),
        "logit": rng.normal(0, 1.5, size),
        "identity": rng.normal(3, 2, size),
    }
    eta, parameters = level[law.link], example_parameters(law, rng)
    answers = None
    if law.draw_answers is not None:
        answers = law.draw_answers(eta[None], denominator, parameters, rng)[0]
        numerator = answers[:, STATED - 1 :].sum(axis=1)
    else:
        numerator = law.draw(eta[None], denominator, parameters, rng)[0]
    cells = Observed(
        numerator=numerator,
        denominator=denominator,
        sum_squares=rng.gamma(denominator, 1.0) if law.name == "normal" else None,
        several=np.arange(size) if law.name == "normal" else None,
        answers=answers,
        stated_level=None if answers is None else STATED,
    )
    return eta, cells, parameters


def with_intervals(
    eta: np.ndarray, cells: Observed, first: int = 12, widest: int = 20
) -> tuple[np.ndarray, Observed]:
    """Hide the counts of the first cells in intervals around them, of width 0 to `widest`."""
    count, denominator = cells.numerator[:first], cells.denominator[:first]
    width = np.linspace(0, widest, first).round()
    least = np.maximum(count - np.floor(width / 2), 0.0)
    censored = Censored(
        eta=eta[:first],
        denominator=denominator,
        at_least=least,
        at_most=np.maximum(np.minimum(least + width, denominator), count),
    )
    kept = replace(cells, numerator=cells.numerator[first:], denominator=cells.denominator[first:])
    return eta[first:], replace(kept, censored=censored)


@PREPARED
@LAWS
def test_log_density_equals_scipys(law: Likelihood, prepared: bool) -> None:
    eta, cells, parameters = example(law, np.random.default_rng(1))
    ours = law_density(
        law_model(law, eta, cells, prepared=law.prepare(cells) if prepared else {}), free_values(parameters)
    )
    np.testing.assert_allclose(ours, scipy_logp(law, eta, cells, parameters), rtol=1e-8, atol=1e-9)


@LAWS
def test_numpy_log_density_equals_the_graph(law: Likelihood) -> None:
    """Two draws with parameters of their own, so that draw x 1 and draw x 1 x length broadcast."""
    rng = np.random.default_rng(2)
    eta, cells, first = example(law, rng)
    second = example_parameters(law, rng)
    both = {name: np.concatenate([first[name], second[name]]) for name in first}
    etas = np.stack([eta, eta + 0.3])
    found = law.log_density(etas, cells, both)
    assert found.shape == etas.shape
    for row, parameters in enumerate((first, second)):
        graph = law_density(
            law_model(law, etas[row], cells, prepared=law.prepare(cells)), free_values(parameters)
        )
        np.testing.assert_allclose(found[row], graph, rtol=1e-8, atol=1e-9)


@PREPARED
@COUNT_LAWS
def test_interval_counts_equal_sums_of_scipys_probabilities(law: Likelihood, prepared: bool) -> None:
    rng = np.random.default_rng(3)
    eta, cells, parameters = example(law, rng)
    eta, cells = with_intervals(eta, cells)
    censored = cells.censored
    assert censored is not None
    expected = [
        np.exp(
            scipy_logp(
                law,
                np.atleast_1d(at),
                Observed(numerator=np.arange(least, most + 1), denominator=denominator),
                parameters,
            )
        ).sum()
        for at, denominator, least, most in zip(
            censored.eta, censored.denominator, censored.at_least, censored.at_most, strict=True
        )
    ]
    graph = law_density(
        law_model(law, eta, cells, prepared=law.prepare(cells) if prepared else {}), free_values(parameters)
    )
    np.testing.assert_allclose(graph[len(eta) :], np.log(expected), rtol=1e-8, atol=1e-12)
    twin = law.log_density(
        eta[None], replace(cells, censored=replace(censored, eta=censored.eta[None])), parameters
    )
    np.testing.assert_allclose(twin[0], graph, rtol=1e-8, atol=1e-9)


@LAWS
def test_other_data_need_no_new_graph(law: Likelihood) -> None:
    """What is set by `pm.set_data` decides the density: nothing of the first data stays in the graph."""
    eta, cells, parameters = example(law, np.random.default_rng(4))
    other_eta, other, _ = example(law, np.random.default_rng(5), size=45)
    if law.name in COUNTS:
        eta, cells = with_intervals(eta, cells)
        other_eta, other = with_intervals(other_eta, other, first=5, widest=7)
    fixed = law_model(law, eta, cells, prepared=law.prepare(cells))
    if parameters:
        fixed = pm.do(fixed, free_values(parameters))
    arrays = {name: value for name, value in vars(other).items() if isinstance(value, np.ndarray)}
    if other.censored is not None:
        arrays |= {"interval_" + name: value for name, value in vars(other.censored).items()}
    with fixed:
        pm.set_data({"eta": other_eta, **arrays, **law.prepare(other)})
    total = pytensor.function([], fixed.logp(vars=[*fixed.observed_RVs, *fixed.potentials]), mode=PLAIN)()
    expected = law_density(law_model(law, other_eta, other, prepared={}), free_values(parameters)).sum()
    np.testing.assert_allclose(total, expected, rtol=1e-9)


@LAWS
def test_gradient_is_right_and_finite_far_out(law: Likelihood) -> None:
    """A sampler in warm-up goes far; no masked branch may answer with NaN."""
    eta, cells, _ = example(law, np.random.default_rng(6))
    if law.name in COUNTS:
        eta, cells = with_intervals(eta, cells)
    model = law_model(law, eta, cells, prepared=law.prepare(cells), free=True)
    point = model.initial_point()
    value, gradient = model.compile_logp(mode=PLAIN), model.compile_dlogp(mode=PLAIN)
    for shift in (-200.0, -40.0, 0.0, 40.0, 200.0):
        found = gradient(point | {"level": np.array(shift)})
        assert np.isfinite(found).all(), (shift, found)
    near = [value(point | {"level": np.array(shift)}) for shift in (-1e-5, 1e-5)]
    place = [variable.name for variable in model.value_vars].index("level")
    slope = gradient(point)[place]
    np.testing.assert_allclose(slope, (near[1] - near[0]) / 2e-5, rtol=1e-5)


@LAWS
def test_draw_follows_the_law_that_observe_states(law: Likelihood) -> None:
    """Mean and variance of 40,000 NumPy draws against PyMC's own random variable, at three levels."""
    rng = np.random.default_rng(7)
    parameters = example_parameters(law)
    eta = np.array([-1.0, 0.2, 1.1])
    denominator = np.array([8.0, 20.0, 35.0])
    long_eta, long_denominator = np.tile(eta, DRAWS), np.tile(denominator, DRAWS)
    answers = np.zeros((DRAWS * 3, 5)) if law.draw_answers is not None else None
    cells = Observed(
        numerator=np.zeros(DRAWS * 3),
        denominator=long_denominator,
        answers=answers,
        stated_level=None if answers is None else STATED,
    )
    with pm.Model() as model:
        law.observe(long_eta, cells, DEFAULT)
    fixed = pm.do(model, free_values(parameters)) if parameters else model
    theirs = pm.draw(fixed["observation"], random_seed=3, mode=PLAIN)
    tiled = np.tile(eta, (DRAWS, 1))
    if law.draw_answers is not None:
        theirs = theirs.reshape(DRAWS, 3, -1)
        ours = law.draw_answers(tiled, denominator, parameters, rng)
        np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), rtol=0.03, atol=0.02)
        np.testing.assert_allclose(ours.var(axis=0), theirs.var(axis=0), rtol=0.06, atol=0.005)
        theirs = theirs[..., STATED - 1 :].sum(axis=-1)
    ours = law.draw(tiled, denominator, parameters, rng)
    if law.link == "identity":
        ours = ours / denominator  # PyMC observes cell means, `draw` gives sums
    theirs = theirs.reshape(DRAWS, 3)
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), rtol=0.02, atol=0.02)
    np.testing.assert_allclose(ours.var(axis=0), theirs.var(axis=0), rtol=0.06, atol=0.005)


@LAWS
def test_mean_is_the_inverse_of_the_link(law: Likelihood) -> None:
    level = np.array([0.02, 0.4, 0.9])
    eta = np.array([link_of(value, law.link) for value in level])
    np.testing.assert_allclose(law.mean(eta), level, rtol=1e-12)


def test_priors_of_the_families_have_no_scale_of_the_outcome() -> None:
    """A mean in millimetres or metres has the same tails; its SD between persons follows the unit."""
    changed = vars(scaled(DEFAULT, 25.0))
    free = ("overdispersion", "extra_correlation", "tail", "cut_gap")
    for name, value in vars(Priors()).items():
        if name.startswith(free):
            assert changed[name] == value, name
    assert changed["residual"] == 25.0 * DEFAULT.residual


def test_a_release_knows_the_link_of_every_likelihood() -> None:
    assert {name: law.link for name, law in LIKELIHOODS.items()} == LINKS
