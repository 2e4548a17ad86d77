"""Every effect shape: PyMC and NumPy curves agree, and the prior of a shape is the same in any time unit."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode

from impl.model.effects import EFFECTS
from impl.model.effects.effect import EffectShape
from impl.model.priors import DEFAULT

PLAIN = Mode(linker="py", optimizer="fast_compile")  # nothing here is worth compiling
SHAPES = pytest.mark.parametrize("shape", EFFECTS.values(), ids=EFFECTS)


def prior_curves(shape: EffectShape, length: int, months: float, draws: int = 4000, seed: int = 1):
    with pm.Model() as model:
        pm.Deterministic("curve", shape.curve(length, months, DEFAULT))
    prior = pm.sample_prior_predictive(
        draws, model=model, random_seed=seed, compile_kwargs={"mode": PLAIN}
    ).prior
    return {name: prior[name].to_numpy()[0] for name in prior.data_vars}


@SHAPES
@pytest.mark.parametrize("length", [1, 7])
def test_numpy_and_pymc_curves_agree(shape: EffectShape, length: int) -> None:
    drawn = prior_curves(shape, length, months=1.0, draws=50)
    ours = shape.numpy_curve(drawn, length, 1.0)
    assert ours.shape == (50, length)
    np.testing.assert_allclose(ours, drawn["curve"], rtol=1e-10, atol=1e-12)


@SHAPES
def test_the_prior_of_the_yearly_mean_does_not_depend_on_the_period(shape: EffectShape) -> None:
    """Months and quarters of the same year must give the same prior on the time-averaged effect."""
    monthly = prior_curves(shape, 12, 1.0, seed=2)["curve"].mean(axis=1).std()
    quarterly = prior_curves(shape, 4, 3.0, seed=3)["curve"].mean(axis=1).std()
    assert quarterly == pytest.approx(monthly, rel=0.06)


def test_golden_contrast_of_level_and_slope() -> None:
    """Level -0.2 and slope 0.12 a year: after twelve months the effect is -0.2 + 0.12 * 11/12."""
    draws = {"effect_first": np.array([-0.2]), "effect_slope": np.array([0.12])}
    curve = EFFECTS["level_slope"].numpy_curve(draws, 12, 1.0)
    assert curve[0, 0] == pytest.approx(-0.2)
    assert curve[0, 11] == pytest.approx(-0.2 + 0.12 * 11 / 12)


def test_golden_contrast_of_the_random_walk() -> None:
    """A step SD of 0.15 per quarter is 0.15 / sqrt(3) per month."""
    draws = {
        "effect_first": np.array([-0.1]),
        "effect_step_sd": np.array([0.15]),
        "effect_step": np.array([[1.0, -2.0]]),
    }
    curve = EFFECTS["rw"].numpy_curve(draws, 3, 1.0)
    np.testing.assert_allclose(curve[0], [-0.1, -0.1 + 0.15 / np.sqrt(3), -0.1 - 0.15 / np.sqrt(3)])
