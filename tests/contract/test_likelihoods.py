"""Every likelihood: the PyMC law equals SciPy's, `draw` follows the same law, limits hold."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import expit

from impl.model.likelihoods import LIKELIHOODS
from impl.model.likelihoods.likelihood import Likelihood, Observed, link_of
from impl.model.priors import DEFAULT

DRAWS = 40_000
PLAIN = Mode(linker="py", optimizer="fast_compile")  # nothing here is worth compiling
LAWS = pytest.mark.parametrize("law", LIKELIHOODS.values(), ids=LIKELIHOODS)


def scipy_logp(law: Likelihood, eta, numerator, denominator, parameters, sum_squares):
    """The law written a third time, by SciPy's own parametrisation."""
    if law.name == "poisson":
        return stats.poisson(denominator * np.exp(eta)).logpmf(numerator)
    if law.name == "binomial":
        return stats.binom(denominator, expit(eta)).logpmf(numerator)
    if law.name == "negbin":
        size = 1 / parameters["overdispersion"] ** 2
        level = denominator * np.exp(eta)
        return stats.nbinom(size, size / (size + level)).logpmf(numerator)
    if law.name == "normal":
        sd = parameters["residual_sd"]
        mean = stats.norm(eta, sd / np.sqrt(denominator)).logpdf(numerator / denominator)
        # the sum of squares of n normal persons: sd^2 times chi-square with n - 1 degrees of freedom
        spread = stats.chi2(denominator - 1, scale=sd**2).logpdf(sum_squares)
        return mean + spread
    raise AssertionError(f"no SciPy twin for {law.name}: write one")


def example(law: Likelihood, rng: np.random.Generator, size: int = 100):
    denominator = rng.integers(2, 60, size).astype(float)
    level = {
        "log": rng.normal(-0.5, 1.0, size),
        "logit": rng.normal(0, 1.5, size),
        "identity": rng.normal(3, 2, size),
    }
    parameters = {name: rng.uniform(0.2, 1.5) for name in law.parameters}
    eta = level[law.link]
    numerator = law.draw(eta, denominator, {k: np.array(v) for k, v in parameters.items()}, rng)
    return eta, numerator, denominator, parameters, rng.gamma(denominator, 1.0)


@LAWS
def test_log_density_equals_scipys(law: Likelihood) -> None:
    rng = np.random.default_rng(1)
    eta, numerator, denominator, parameters, squares = example(law, rng)
    with pm.Model() as model:
        cells = Observed(
            numerator=numerator,
            denominator=denominator,
            sum_squares=squares if law.link == "identity" else None,
            several=np.arange(len(squares)),
        )
        law.observe(eta, cells, DEFAULT)
    logp = model.compile_fn(
        [model.logp(vars=[variable], sum=False)[0] for variable in model.observed_RVs],
        inputs=model.value_vars,
        mode=PLAIN,
    )
    values = {f"{name}_log__": np.log(value) for name, value in parameters.items()}
    ours = sum(np.asarray(part) for part in logp(values))
    np.testing.assert_allclose(
        ours, scipy_logp(law, eta, numerator, denominator, parameters, squares), rtol=1e-6
    )


@LAWS
def test_draw_follows_the_law_that_observe_states(law: Likelihood) -> None:
    """Mean and variance of 40,000 NumPy draws against PyMC's own random variable, at three levels."""
    rng = np.random.default_rng(2)
    parameters = dict.fromkeys(law.parameters, 0.6)
    eta = np.array([-1.0, 0.2, 1.1])
    denominator = np.array([8.0, 20.0, 35.0])
    tiled = np.tile(eta, (DRAWS, 1))
    with pm.Model() as model:
        law.observe(tiled, Observed(numerator=np.zeros((DRAWS, 3)), denominator=denominator), DEFAULT)
    fixed = pm.do(model, parameters) if parameters else model
    theirs = pm.draw(fixed["observation"], random_seed=3, mode=PLAIN)
    ours = law.draw(tiled, denominator, {k: np.array([[v]]) for k, v in parameters.items()}, rng)
    if law.link == "identity":
        ours = ours / denominator  # PyMC observes cell means, `draw` gives sums
    np.testing.assert_allclose(ours.mean(axis=0), theirs.mean(axis=0), rtol=0.02, atol=0.02)
    np.testing.assert_allclose(ours.var(axis=0), theirs.var(axis=0), rtol=0.06, atol=0.005)


@LAWS
def test_mean_is_the_inverse_of_the_link(law: Likelihood) -> None:
    level = np.array([0.02, 0.4, 0.9])
    eta = np.array([link_of(value, law.link) for value in level])
    np.testing.assert_allclose(law.mean(eta), level, rtol=1e-12)


def test_negative_binomial_without_overdispersion_is_poisson() -> None:
    law = LIKELIHOODS["negbin"]
    eta, denominator, counts = np.array([0.3, 1.2]), np.array([10.0, 30.0]), np.array([12.0, 90.0])
    with pm.Model() as model:
        law.observe(eta, Observed(numerator=counts, denominator=denominator), DEFAULT)
    density = model.logp(vars=[model["observation"]], sum=False)[0]
    logp = model.compile_fn(density, inputs=model.value_vars, mode=PLAIN)
    poisson = stats.poisson(denominator * np.exp(eta)).logpmf(counts)
    np.testing.assert_allclose(logp({"overdispersion_log__": np.log(1e-5)}), poisson, rtol=1e-4)
