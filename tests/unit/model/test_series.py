"""The recursion of first-order series: its law, its gradient, and the same numbers from every back end."""

from __future__ import annotations

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from pytensor.gradient import verify_grad
from scipy.stats import multivariate_normal

from impl.model.series import FirstOrderSeries, series_log_density, stationary_series

MODES = {"NUMBA": "NUMBA", "PY": Mode("py", None)}
CORRELATIONS = (-0.4, 0.0, 0.2, 0.97)


def test_the_density_of_a_centred_series_is_the_multivariate_normals() -> None:
    deviation = np.random.default_rng(4).normal(0, 0.3, (3, 9))
    lag = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    for sd, correlation in ((0.4, 0.8), (0.2, -0.3)):
        ours = series_log_density(pt.as_tensor(deviation), sd, pt.as_tensor(correlation)).eval()
        law = multivariate_normal(np.zeros(9), sd**2 * correlation**lag)
        assert float(ours) == pytest.approx(law.logpdf(deviation).sum())


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_series_have_the_correlation_that_was_asked_for(correlation: float) -> None:
    factor = stationary_series(pt.as_tensor(np.eye(9)), pt.as_tensor(np.float64(correlation))).eval().T
    lag = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    np.testing.assert_allclose(factor @ factor.T, correlation**lag, atol=1e-12)


@pytest.mark.parametrize("mode", ["NUMBA", "PY"])
@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_compiled_code_is_the_recursion(mode: str, correlation: float) -> None:
    shocks, share = pt.dmatrix(), pt.dscalar()
    drawn = np.random.default_rng(5).normal(size=(3, 40))
    got = pytensor.function([shocks, share], FirstOrderSeries()(shocks, share), mode=MODES[mode])(
        drawn, correlation
    )
    expected = np.zeros_like(drawn)
    for period in range(40):
        expected[:, period] = drawn[:, period] + (correlation * expected[:, period - 1] if period else 0.0)
    np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_the_gradient_is_that_of_differences(correlation: float) -> None:
    rng = np.random.default_rng(6)
    verify_grad(stationary_series, [rng.normal(size=(2, 12)), np.asarray(correlation)], rng=rng, mode="NUMBA")
