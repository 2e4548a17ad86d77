"""Estimands as algebra: fixed parameters in, hand-computed answers out; the gates; the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import impl
from impl.model import fit as fit_module
from impl.model.build import build_model
from impl.model.checks import check_fit
from impl.model.estimands import Asked, reported_draws, window_effect
from impl.model.estimate import estimate
from impl.model.fitted import Fit
from impl.model.simulate import World
from impl.model.verdict import decide
from worlds import make_panel, make_study, prior_fit

CONSTANT = lambda exposure: np.full(exposure.shape, -0.3)  # noqa: E731


@pytest.fixture(scope="module")
def wedge_fit() -> Fit:
    world = World(law="poisson", baseline=0.05, start=np.array([4.0, 4, 6, 6]), effect=CONSTANT, site_sd=0.2)
    panel = make_panel(world, "falls", np.outer([100.0, 200, 300, 400], np.ones(10)))
    return prior_fit(build_model(make_study("falls", model={"effect": "it"}), panel), draws=400)


def test_a_constant_effect_has_the_same_ratio_on_every_cell(wedge_fit: Fit) -> None:
    """With a log link and one effect, the marginal ratio is exp(effect), whatever the sites and weights."""
    found = reported_draws(wedge_fit)
    effect = wedge_fit.flat("effect_level")
    np.testing.assert_allclose(found[Asked("tate", 1, 6, "link")], effect)
    np.testing.assert_allclose(found[Asked("tate", 1, 6, "ratio")], np.exp(effect))
    np.testing.assert_allclose(found[Asked("pte", 3, 3, "ratio")], np.exp(effect))


def test_difference_averted_and_levels_are_one_estimand(wedge_fit: Fit) -> None:
    found = reported_draws(wedge_fit)
    after, expected = found[Asked("after", 1, 6, "level")], found[Asked("expected", 1, 6, "level")]
    np.testing.assert_allclose(found[Asked("tate", 1, 6, "difference")], after - expected)
    np.testing.assert_allclose(found[Asked("tate", 1, 6, "ratio")], after / expected)
    exposure = 6 * (100 + 200) + 4 * (300 + 400)  # the first two sites reach time 6, the others time 4
    averted = (expected - after) * exposure / wedge_fit.structure.measure.per
    np.testing.assert_allclose(found[Asked("tate", 1, 6, "averted")], averted)


def test_the_window_weighs_exposure_times_equally_on_the_link_scale() -> None:
    world = World(law="poisson", baseline=0.05, start=np.array([2.0, 6, 6]), effect=CONSTANT)
    study = make_study("falls", estimand={"from": 2, "to": 4})
    fit = prior_fit(build_model(study, make_panel(world, "falls", np.full((3, 10), 100.0))), draws=50)
    np.testing.assert_allclose(window_effect(fit), fit.flat("curve")[:, 1:4].mean(axis=1))


def test_turning_the_direction_turns_the_verdict_and_nothing_else(wedge_fit: Fit) -> None:
    lower = estimate(wedge_fit).table
    structure = wedge_fit.structure
    turned = replace(structure, measure=structure.measure.model_copy(update={"direction": "higher"}))
    higher = estimate(replace(wedge_fit, structure=turned)).table
    numbers = ["mean", "sd", "median", "lower", "upper"]
    np.testing.assert_array_equal(lower[numbers], higher[numbers])
    better = lower["p_better"] + higher["p_better"]
    np.testing.assert_allclose(better.dropna(), 1.0)


def test_a_hundred_quantiles_say_what_the_probability_says(wedge_fit: Fit) -> None:
    """Each quantile stands for one in a hundred, so as many of them pass the limit as the probability rounds to."""
    found = estimate(wedge_fit)
    assert len(found.quantiles) == 100
    assert list(found.quantiles) == sorted(found.quantiles)
    worthwhile = wedge_fit.structure.decision[0]
    chosen = (found.table["estimand"] == "tate") & (found.table["scale"] == "ratio")
    probability = found.table.loc[chosen, "p_worthwhile"].iloc[0]
    assert 0.05 < probability < 0.95
    passing = sum(value < -worthwhile for value in found.quantiles)
    assert passing == pytest.approx(100 * probability, abs=0.51)
    assert found.prior_scales["effect"] == wedge_fit.structure.priors.effect
    assert "name" not in found.prior_scales


def test_an_ambiguous_direction_has_no_probabilities_and_no_verdict(wedge_fit: Fit) -> None:
    structure = wedge_fit.structure
    unsure = replace(structure, measure=structure.measure.model_copy(update={"direction": "ambiguous"}))
    found = estimate(replace(wedge_fit, structure=unsure))
    assert found.quantiles == ()
    assert found.outcome is None
    assert found.table[["p_better", "p_worthwhile", "p_negligible", "p_harm"]].isna().all().all()


def test_the_curve_covers_every_cell_once_at_every_step(wedge_fit: Fit) -> None:
    rows = wedge_fit.structure.rows
    for step, curve in estimate(wedge_fit).curves.items():
        assert curve["numerator"].sum() == rows["numerator"].sum(), step
        assert curve["sites_started"].iloc[-1] == 4
        assert (curve["q05"] <= curve["q50"]).all()


CHANCES = {"p_better": 0.9, "p_worthwhile": 0.5, "p_negligible": 0.1, "p_harm": 0.01}
VERDICTS = [
    ({"p_worthwhile": 0.90}, "beneficial"),
    ({"p_better": 0.95, "p_worthwhile": 0.89}, "promising"),
    ({"p_better": 0.94}, "uncertain"),
    ({"p_better": 0.05, "p_harm": 0.80}, "harmful"),
    ({"p_better": 0.05, "p_harm": 0.79}, "uncertain"),
    ({"p_better": 0.5, "p_negligible": 0.99}, "uncertain"),  # negligible needs the design's assurance
]


@pytest.mark.parametrize(("changed", "verdict"), VERDICTS)
def test_the_verdict_follows_its_limits(changed: dict[str, float], verdict: str) -> None:
    assert decide("lower", CHANCES | changed) == verdict
    assert decide("ambiguous", CHANCES | changed) is None


def _sampled_like(fit: Fit, *, shifted: float) -> Fit:
    """Four independent chains of the window's parameter, one of them moved by `shifted` SDs."""
    tree = fit.tree.copy(deep=True)
    rng = np.random.default_rng(1)
    posterior = tree["posterior"].to_dataset()
    chains = xr.concat([posterior.isel(chain=0)] * 4, dim="chain").copy(deep=True)
    curve = np.repeat(rng.normal(-0.3, 0.1, (4, 400, 1)), chains.sizes["exposure"], axis=2)
    curve[0] += shifted * 0.1
    chains["curve"] = chains["curve"].copy(data=curve)
    tree["posterior"] = chains
    energy = chains["intercept"].copy(data=rng.normal(size=(4, 400)))
    tree["sample_stats"] = (
        chains[["intercept"]].assign(energy=energy, diverging=energy > 1e9).drop_vars("intercept")
    )
    return replace(fit, tree=tree)


def test_a_chain_that_went_elsewhere_fails_the_gate(wedge_fit: Fit) -> None:
    agreed = {row.check: row.passed for row in check_fit(_sampled_like(wedge_fit, shifted=0.0)).rows}
    apart = {row.check: row.passed for row in check_fit(_sampled_like(wedge_fit, shifted=2.0)).rows}
    assert agreed["r_hat"]
    assert agreed["divergences"]
    assert not apart["r_hat"]


def test_nothing_that_is_not_a_number_passes_the_gate(wedge_fit: Fit) -> None:
    fit = _sampled_like(wedge_fit, shifted=0.0)
    fit.tree["posterior"]["curve"][:] = np.nan
    checks = check_fit(fit)
    assert not checks.passed
    assert {row.check for row in checks.rows if not row.passed} >= {"r_hat", "ess_bulk", "ess_tail"}


def test_too_few_draws_are_tried_once_more_and_then_not_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real sampler, given far too few draws: the gate fails, the retry too, and nothing is claimed."""
    monkeypatch.setitem(fit_module.SETTINGS, "full", (4, 100, 30))
    world = World(law="negbin", baseline=0.005, start=np.array([12.0]), effect=CONSTANT, overdispersion=0.2)
    panel = make_panel(world, "falls", np.full((1, 24), 1500.0))
    study = make_study("falls", "20_before_after", model={"effect": "it", "trend": "none", "season": "none"})
    fit = impl.sample(impl.build_model(study, panel), study)
    checks = impl.check_fit(fit)
    assert (fit.retried, fit.target_accept, checks.retried) == (True, 0.99, True)
    assert not checks.passed
    assert {row.check for row in checks.rows if not row.passed} >= {"ess_bulk"}
