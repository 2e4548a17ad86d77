"""The Gaussian twin against the model that is sampled: the same prior, term by term, and the same posterior."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode

from impl.model.build import model_of
from impl.model.gls import constant_effect_weights, solve
from impl.model.simulate import World
from impl.model.structure import Structure, describe_structure
from impl.model.twin import (
    cell_information,
    constant_effect_weights_of,
    gls_twin,
    prior_scales,
    window_weights,
)
from worlds import make_panel, make_study

DRAWS = 2000


def world_of(
    starts: list[float],
    periods: int,
    *,
    measure: str = "falls",
    notebook: str = "30_stepped_wedge",
    months: float = 1.0,
    transition: int = 0,
    **study: object,
) -> Structure:
    law = "poisson" if measure == "falls" else "binomial"
    world = World(
        law=law,
        baseline=0.005 if law == "poisson" else 0.4,
        start=np.array(starts),
        effect=lambda exposure: np.zeros(exposure.shape),
        months=months,
        site_sd=0.2,
    )
    denominator = np.full((len(starts), periods), 900.0 if law == "poisson" else 80.0)
    gaps = ((0, 1),) if len(starts) > 1 else ()
    panel = make_panel(world, measure, denominator, transition=transition, gaps=gaps)
    return describe_structure(make_study(measure, notebook, **study), panel)


FOUR_WAVES = [3.0, 3.0, 5.0, 5.0, 6.0, 6.0, 8.0, np.inf]
STRUCTURES = {
    "monthly wedge, decay, smooth": lambda: world_of([12.0, 12.0, 15.0, 15.0, 18.0, 18.0], 26),
    "nested, categorical, transition": lambda: world_of(
        FOUR_WAVES, 10, transition=1, model={"clustering": "nested"}
    ),
    "proportions, eti, ramp, anticipation": lambda: world_of(
        FOUR_WAVES,
        10,
        measure="medication_review",
        transition=1,
        model={"effect": "eti", "transition": "ramp", "anticipation": 1, "site_effects": "random"},
    ),
    "negbin, exchangeable, teh, reporting": lambda: world_of(
        FOUR_WAVES,
        10,
        model={"likelihood": "negbin", "effect": "teh", "reporting": {"mean": 0.1, "sd": 0.2}},
    ),
    "one series": lambda: world_of(
        [18.0], 36, notebook="20_before_after", model={"likelihood": "poisson", "clustering": "decay"}
    ),
    "two points": lambda: world_of([3.0, 3.0, 3.0], 6, notebook="20_before_after"),
}


def prior_eta(structure: Structure, scales: dict[str, float]) -> np.ndarray:
    """Draws of the predictor of the used cells, cell effects among it, with the learnt scales held fixed."""
    fixed = dict(scales)
    scale = fixed.pop("effect_scale")
    median = structure.effect.scale(structure.priors).median if structure.effect.scale else 0.0
    fixed["effect_scale_log"] = 0.0
    fixed["effect_scale_half"] = 0.6744898 if scale != median else 0.0
    model = model_of(structure)
    with model:
        pm.Deterministic("eta", model.eta)
    named = {name: np.float64(value) for name, value in fixed.items() if name in model.named_vars}
    with pm.do(model, named):
        prior = pm.sample_prior_predictive(
            DRAWS,
            var_names=["eta"],
            random_seed=3,
            compile_kwargs={"mode": Mode(linker="py", optimizer="fast_compile")},
        ).prior
    return np.asarray(prior["eta"]).reshape(DRAWS, -1)


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_twin_has_the_prior_of_the_sampled_model(name: str) -> None:
    """Prior variances of cells, of differences within sites and between sites, in the twin and in PyMC's graph."""
    structure = STRUCTURES[name]()
    scales = prior_scales(structure)
    twin = gls_twin(structure, scales)
    columns = np.concatenate([block.columns for block in twin.untreated], axis=2)
    columns = np.concatenate([columns, twin.exposed @ twin.curve.basis], axis=2)
    columns = columns.reshape(-1, columns.shape[2])
    precision = np.concatenate([block.precision for block in twin.untreated] + [twin.curve.precision])
    assert np.all(precision > 0)
    sites, periods = structure.shape
    covariance = columns @ (columns / precision).T
    for site, own in enumerate(np.broadcast_to(twin.covariance, (sites, periods, periods))):
        place = slice(site * periods, (site + 1) * periods)
        covariance[place, place] += own
    used = np.flatnonzero(structure.rows["used"].to_numpy())
    covariance = covariance[np.ix_(used, used)]
    draws = prior_eta(structure, scales)
    rng = np.random.default_rng(4)
    first, second = rng.integers(len(used), size=(2, 200))
    ends = {"cells": np.eye(len(used))}
    ends["differences"] = (
        np.eye(len(used))[first[first != second]] - np.eye(len(used))[second[first != second]]
    )
    for contrasts in ends.values():
        expected = np.einsum("ci,ij,cj->c", contrasts, covariance, contrasts)
        found = (draws @ contrasts.T).var(axis=0)
        np.testing.assert_allclose(found, expected, rtol=5 * np.sqrt(2.0 / DRAWS))
    if structure.reporting is None:
        location = draws.mean() - structure.location
        assert abs(location) < 5 * np.sqrt(covariance.max() / DRAWS)


def test_weights_of_a_study() -> None:
    structure = STRUCTURES["nested, categorical, transition"]()
    weights = constant_effect_weights_of(structure, prior_scales(structure))
    assert len(weights) == structure.bins
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > weights[-1]
    assert weights.min() < 0.0


def test_information_is_that_of_the_law() -> None:
    """Against the curvature of the law's own log-density in expectation, at the baseline level."""
    poisson = STRUCTURES["monthly wedge, decay, smooth"]()
    found = cell_information(poisson, prior_scales(poisson))
    events = 900.0 * np.exp(poisson.location)
    assert found[1, 0] == pytest.approx(events)
    assert found[0, 1] == 0.0  # a gap
    negbin = STRUCTURES["negbin, exchangeable, teh, reporting"]()
    scales = prior_scales(negbin)
    inflated = events * np.exp(negbin.location - poisson.location)
    overdispersion = scales["overdispersion"] ** 2
    # variance of log of a gamma-mixed count to first order: 1/mu + overdispersion²
    assert 1.0 / cell_information(negbin, scales)[1, 0] == pytest.approx(1.0 / inflated + overdispersion)
    share = STRUCTURES["proportions, eti, ramp, anticipation"]()
    level = 1.0 / (1.0 + np.exp(-share.location))
    assert cell_information(share, prior_scales(share))[1, 0] == pytest.approx(80.0 * level * (1.0 - level))


def test_the_window_of_a_study() -> None:
    structure = STRUCTURES["monthly wedge, decay, smooth"]()
    weights = window_weights(structure)
    assert np.flatnonzero(weights).tolist() == list(range(structure.window[1]))
    assert weights.sum() == pytest.approx(1.0)
    model = gls_twin(structure, prior_scales(structure))
    assert solve(model).posterior.shape[0] > structure.bins
    assert constant_effect_weights(model).shape == (structure.bins,)
