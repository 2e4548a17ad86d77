"""Exact least squares: the weights of the constant-effect estimator, its sign flip, means and variances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gaussian_designs import bins_of, standard_wedge
from scipy.linalg import block_diag

from impl.model.gls import (
    Array,
    LinearModel,
    cluster_covariance,
    constant_curve,
    constant_effect_weights,
    exposure_indicators,
    free_curve,
    intercept,
    performance,
    period_effects,
    posterior_mean,
    posterior_sd,
    shaped_curve,
    solve,
)

# sequences, ICC, persons, clustering, autocorrelation, weights (Kenny et al. 2022 for the first)
WEIGHTS = [
    pytest.param(6, 0.05, 50, "exchangeable", 1.0, [0.722, 0.384, 0.132, -0.032, -0.108, -0.098], id="hh"),
    pytest.param(6, 0.05, 50, "nested", 0.8, [0.701, 0.376, 0.135, -0.023, -0.098, -0.091], id="nested"),
    pytest.param(6, 0.05, 50, "decay", 0.8, [0.867, 0.228, 0.030, -0.033, -0.049, -0.042], id="decay"),
    pytest.param(4, 0.05, 30, "exchangeable", 1.0, [0.930, 0.300, -0.065, -0.165], id="four"),
]


@pytest.mark.parametrize(("sequences", "icc", "persons", "clustering", "autocorrelation", "known"), WEIGHTS)
def test_constant_effect_weights(
    sequences: int, icc: float, persons: int, clustering: str, autocorrelation: float, known: list[float]
) -> None:
    one = constant_effect_weights(standard_wedge(sequences, icc, persons, clustering, autocorrelation))
    np.testing.assert_allclose(one, known, rtol=0, atol=0.0005)
    assert one.sum() == pytest.approx(1.0, abs=1e-9)
    three = standard_wedge(sequences, icc, persons, clustering, autocorrelation, sites=3)
    np.testing.assert_allclose(constant_effect_weights(three), one, rtol=0, atol=1e-9)


def test_the_constant_effect_estimate_can_have_the_wrong_sign() -> None:
    weights = constant_effect_weights(standard_wedge(6, 0.05, 50))
    growing = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.0])
    halving = 2.0 ** (-np.arange(6) / 2.0)
    assert (round(float(weights @ growing), 3), round(float(growing.mean()), 3)) == (-0.068, 0.583)
    assert (round(float(weights @ halving), 3), round(float(halving.mean()), 3)) == (1.004, 0.498)


def test_the_weights_are_the_expected_estimate() -> None:
    """The same sign flip by the other way: bias of the estimator under a growing effect."""
    model = replace(standard_wedge(6, 0.05, 50, "nested", 0.8), curve=constant_curve(6))
    growing = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.0])
    found = performance(solve(model), np.full(6, 1 / 6), growing)
    assert growing.mean() + found.bias == pytest.approx(float(constant_effect_weights(model) @ growing))
    assert found.sampling_sd == pytest.approx(found.posterior_sd)  # flat priors: one and the same


def dense(model: LinearModel, columns: Array, observed: Array) -> tuple[Array, Array]:
    """Coefficients and their covariance by textbook GLS: one big covariance, least squares on whitened rows."""
    sites, periods = model.information.shape
    covariance = np.broadcast_to(model.covariance, (sites, periods, periods))
    keep = model.information.ravel() > 0
    noise = block_diag(*covariance)[np.ix_(keep, keep)] + np.diag(1.0 / model.information.ravel()[keep])
    root = np.linalg.cholesky(noise)
    whitened = np.linalg.solve(root, columns[keep])
    coefficients = np.linalg.lstsq(whitened, np.linalg.solve(root, observed.ravel()[keep]))[0]
    return coefficients, np.linalg.inv(whitened.T @ whitened)


@pytest.mark.parametrize(
    ("clustering", "autocorrelation"),
    [("none", 1.0), ("exchangeable", 1.0), ("nested", 0.7), ("decay", 0.8), ("cohort", 0.6)],
)
def test_flat_priors_are_textbook_gls(clustering: str, autocorrelation: float) -> None:
    """Mean and variance for every clustering, with unequal cells, gaps, a never-treated site."""
    rng = np.random.default_rng(3)
    periods, length = 6, 4
    starts = np.array([2, 2, 3, 3, 4, 5, 9])
    bins = bins_of(starts, periods)
    information = rng.uniform(5.0, 40.0, bins.shape)
    information[1, 2] = information[4, 0] = 0.0
    persons = rng.uniform(0.001, 0.01, len(starts))
    covariance = np.stack(
        [cluster_covariance(clustering, periods, 0.09, autocorrelation, persons=one) for one in persons]
    )
    exposed = exposure_indicators(bins, length)
    model = LinearModel(
        information=information,
        covariance=covariance,
        untreated=(intercept(bins.shape, None), period_effects(bins.shape, None)),
        exposed=exposed,
        curve=free_curve(length),
    )
    observed = rng.standard_normal(bins.shape)
    dummies = np.tile(np.eye(periods), (len(starts), 1))  # another coding of the same model
    columns = np.hstack([dummies, exposed.reshape(-1, length)])
    coefficients, variance = dense(model, columns, observed)
    solution = solve(model)
    np.testing.assert_allclose(posterior_mean(solution, observed), coefficients[periods:], atol=1e-9)
    for weights in (np.full(length, 0.25), np.eye(length)[-1], np.array([1.0, 0.0, -1.0, 0.0])):
        expected = float(np.sqrt(weights @ variance[periods:, periods:] @ weights))
        assert posterior_sd(solution, weights) == pytest.approx(expected, rel=1e-9)


def test_priors_are_pseudo_data() -> None:
    """A normal prior is one more observation of its coefficient: the posterior by both ways."""
    rng = np.random.default_rng(5)
    base = standard_wedge(4, 0.1, 20, "decay", 0.8, sites=2)
    curve = shaped_curve(np.tril(np.ones((4, 3)), -1), 0.2, 0.5)
    model = replace(base, untreated=(intercept(base.information.shape, 0.3),), curve=curve)
    observed = rng.standard_normal(base.information.shape)
    rows = observed.size
    columns = np.hstack([np.ones((rows, 1)), model.exposed.reshape(rows, -1) @ curve.basis])
    precision = np.concatenate([[0.3**-2], curve.precision])
    noise = block_diag(*[model.covariance] * 8) + np.eye(rows) / model.information.ravel()
    total = noise + columns @ np.diag(1.0 / precision) @ columns.T
    gain = np.diag(1.0 / precision) @ columns.T @ np.linalg.inv(total)
    expected = curve.basis @ (gain @ observed.ravel())[1:]
    covariance = np.diag(1.0 / precision) - gain @ columns @ np.diag(1.0 / precision)
    solution = solve(model)
    np.testing.assert_allclose(posterior_mean(solution, observed), expected, atol=1e-9)
    np.testing.assert_allclose(solution.posterior, covariance, atol=1e-9)


def test_coverage_is_that_of_simulated_data() -> None:
    """`performance` against 4,000 data sets, under a shrunken estimator that is biased."""
    rng = np.random.default_rng(11)
    base = standard_wedge(4, 0.1, 20, "nested", 0.8, sites=2)
    model = replace(base, curve=shaped_curve(np.zeros((4, 0)), 0.0, 0.2))
    truth, weights = np.array([0.1, 0.2, 0.3, 0.4]), np.full(4, 0.25)
    found = performance(solve(model), weights, truth)
    noise = model.covariance + np.eye(5) / model.information[0, 0]
    draws = rng.multivariate_normal(np.zeros(5), noise, size=(4000, 8)) + model.exposed @ truth
    solution = solve(model)
    means = np.array([weights @ posterior_mean(solution, draw) for draw in draws])
    error = found.sampling_sd / np.sqrt(4000)
    assert means.mean() - weights @ truth == pytest.approx(found.bias, abs=4 * error)
    assert means.std() == pytest.approx(found.sampling_sd, rel=0.05)
    covered = np.abs(means - weights @ truth) <= 1.6448536 * found.posterior_sd
    assert covered.mean() == pytest.approx(found.coverage, abs=0.03)


def test_terms_that_no_cell_tells_apart_are_refused() -> None:
    model = standard_wedge(4, 0.05, 20)
    information = model.information.copy()
    information[:, 2] = 0.0  # nothing was observed in the third period: its level is unknown
    with pytest.raises(ValueError, match="cannot tell apart"):
        solve(replace(model, information=information))
