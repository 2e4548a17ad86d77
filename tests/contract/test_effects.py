"""Every effect shape: PyMC and NumPy curves agree, and the prior of a shape is the same in any time unit."""

from __future__ import annotations

import numpy as np
import pytest

from impl.model.effects import EFFECTS
from impl.model.effects.effect import EffectShape, linear_numpy_curve, rotated_basis, zero_sum_basis
from impl.model.priors import DEFAULT
from impl.model.simulate import World
from worlds import make_panel, make_study, prior_fit

SHAPES = pytest.mark.parametrize("shape", EFFECTS.values(), ids=EFFECTS)


def prior_curves(
    shape: EffectShape, length: int, months: float, draws: int = 4000, seed: int = 1
) -> np.ndarray:
    """Draws of the prior of the curve, from the NumPy side."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0.0, DEFAULT.effect, draws)
    if shape.basis is not None and shape.scale is not None:
        parts = {
            "effect_scale_log": rng.standard_normal(draws),
            "effect_scale_half": np.abs(rng.standard_normal(draws)),
            "effect_step": rng.standard_normal((draws, length - 1)),
        }
        return linear_numpy_curve(level, parts, shape.basis(length, months), shape.scale(DEFAULT))
    assert shape.numpy_curve is not None
    parts = {
        "effect_share": rng.dirichlet(np.ones(length), draws),
        "effect_ramp_months": DEFAULT.ramp_log_median
        * np.exp(DEFAULT.ramp_log_sd * rng.standard_normal(draws)),
    }
    return shape.numpy_curve(level, {name: parts[name] for name in shape.parameters}, length, months)


@SHAPES
@pytest.mark.parametrize("periods", [5, 12])
def test_numpy_and_pymc_curves_agree(shape: EffectShape, periods: int) -> None:
    """In a whole model, with one exposure time and with several."""
    from impl.model.build import build_model

    start = np.repeat([3.0, 4.0], 2) if periods == 5 else np.repeat([3.0, 5.0], 2)
    world = World(law="poisson", baseline=0.02, start=start, effect=np.zeros_like)
    panel = make_panel(world, "falls", np.full((4, periods), 400.0))
    study = (
        make_study(
            "falls", model={"effect": shape.name, "site_effects": "none"}, estimand={"from": 1, "to": 1}
        )
        if not (shape.name == "level_slope" and periods == 5)
        else None
    )
    if study is None:
        return  # refused: five points carry no slope (tested with the gates)
    model = build_model(study, panel)
    fit = prior_fit(model, draws=40)
    length, draws = model.structure.bins, {name: fit.flat(name) for name in fit.tree.posterior.data_vars}
    if shape.basis is not None and shape.scale is not None:
        turned = model.inputs.get("effect_basis", shape.basis(length, 1.0))
        ours = linear_numpy_curve(draws["effect_level"], draws, turned, shape.scale(model.structure.priors))
    else:
        assert shape.numpy_curve is not None
        ours = shape.numpy_curve(draws["effect_level"], draws, length, 1.0)
    np.testing.assert_allclose(ours, draws["curve"], rtol=1e-10, atol=1e-12)


@SHAPES
def test_the_prior_of_the_yearly_mean_does_not_depend_on_the_period(shape: EffectShape) -> None:
    """Months and quarters of the same year must give the same prior on the time-averaged effect."""
    if shape.name == "mono":
        pytest.skip("its shares are equally likely per period, whatever its length: a sensitivity shape only")
    monthly = prior_curves(shape, 12, 1.0, seed=2).mean(axis=1).std()
    quarterly = prior_curves(shape, 4, 3.0, seed=3).mean(axis=1).std()
    assert quarterly == pytest.approx(monthly, rel=0.06)


@pytest.mark.parametrize("name", ["rw", "eti", "teh", "level_slope", "it"])
def test_turned_steps_have_the_law_of_the_shape(name: str) -> None:
    """Curves are normal with covariance B B', whatever way the steps point; and their columns do not hang
    together around the mean over treated cells."""
    basis = EFFECTS[name].basis(7, 1.0)
    weights = np.array([9.0, 8.0, 8.0, 5.0, 3.0, 1.0, 0.2])
    turned = rotated_basis(basis, weights)
    np.testing.assert_allclose(turned @ turned.T, basis @ basis.T, atol=1e-12)
    around = turned - weights @ turned / weights.sum()
    together = around.T @ (weights[:, None] * around)
    np.testing.assert_allclose(together, np.diag(np.diag(together)), atol=1e-10)


def test_the_zero_sum_basis_is_the_centring_matrix() -> None:
    for length in (2, 5, 12):
        basis = zero_sum_basis(length)
        np.testing.assert_allclose(basis @ basis.T, np.eye(length) - 1 / length, atol=1e-12)


def test_golden_contrast_of_level_and_slope() -> None:
    """Level -0.2 and slope 0.12 a year: after twelve months the effect is -0.2 + 0.12 * 11/12."""
    basis = EFFECTS["level_slope"].basis(12, 1.0)
    curve = -0.2 + 0.12 * basis[:, 0]
    assert curve[0] == pytest.approx(-0.2)
    assert curve[11] == pytest.approx(-0.2 + 0.12 * 11 / 12)


def test_golden_contrast_of_the_random_walk() -> None:
    """A step SD of 0.15 per quarter is 0.15 / sqrt(3) per month."""
    shape = EFFECTS["rw"]
    draws = {
        "effect_scale_log": np.zeros(1),
        "effect_scale_half": np.ones(1),
        "effect_step": np.array([[1.0, -2.0]]),
    }
    curve = linear_numpy_curve(np.array([-0.1]), draws, shape.basis(3, 1.0), shape.scale(DEFAULT))
    np.testing.assert_allclose(curve[0], [-0.1, -0.1 + 0.15 / np.sqrt(3), -0.1 - 0.15 / np.sqrt(3)])


def test_growth_has_two_thirds_of_its_effect_after_its_ramp() -> None:
    draws = {"effect_ramp_months": np.array([3.0])}
    curve = EFFECTS["growth"].numpy_curve(np.array([1.0]), draws, 12, 1.0)
    assert curve[0, 2] == pytest.approx(1 - np.exp(-1))


def test_linear_shapes_share_one_compiled_model() -> None:
    families = {shape.name: shape.family for shape in EFFECTS.values()}
    assert {families[name] for name in ("rw", "it", "teh", "eti", "level_slope")} == {"linear"}
