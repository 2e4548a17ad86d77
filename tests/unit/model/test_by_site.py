"""The effect by site: hand-computed from fixed parameters; time since start is no merit; what has no site effects has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from impl.model import by_site
from impl.model.build import build_model
from impl.model.by_site import evaluate_sites
from impl.model.estimands import Asked, reported_draws
from impl.model.fitted import Fit
from impl.model.simulate import World
from worlds import make_panel, make_study, prior_fit

CONSTANT = lambda exposure: np.full(exposure.shape, -0.3)  # noqa: E731
STARTS = np.array([3.0, 4, 4, 6, 6, 8, np.inf])


def fit_of(**model: object) -> Fit:
    world = World(law="poisson", baseline=0.05, start=STARTS, effect=CONSTANT, site_sd=0.2)
    panel = make_panel(world, "falls", np.outer(np.linspace(100.0, 700.0, 7), np.ones(12)))
    return prior_fit(build_model(make_study("falls", model=model), panel), draws=300)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_of(effect="rw", site_effects="random")


def test_a_site_has_the_mean_effect_and_what_it_has_beyond_the_others(fit: Fit) -> None:
    """With a log link the ratio is exp(mean over the window + own departure - mean departure), whatever its exposure
    and whenever it started."""
    found = evaluate_sites(fit)
    assert found is not None
    assert found.sites["site"].tolist() == [f"s0{site}" for site in range(6)], "never treated, no effect"
    first, last = fit.structure.window
    own = fit.flat("site_effect")[:, :6]
    departure = own - own.mean(axis=1, keepdims=True)
    link = reported_draws(fit)[Asked("tate", first, last, "link")][:, None] + departure
    lower, median, upper = np.quantile(np.exp(link), (0.05, 0.5, 0.95), axis=0)
    np.testing.assert_allclose(found.sites["lower"], lower)
    np.testing.assert_allclose(found.sites["median"], median)
    np.testing.assert_allclose(found.sites["upper"], upper)
    np.testing.assert_allclose(found.sites["p_better"], (departure < 0).mean(axis=0))


def test_two_in_three_sites_lie_one_deviation_from_the_mean(fit: Fit) -> None:
    found = evaluate_sites(fit)
    assert found is not None
    first, last = fit.structure.window
    mean, spread = reported_draws(fit)[Asked("tate", first, last, "link")], fit.flat("site_effect_sd")
    np.testing.assert_allclose(found.typical[0], np.median(np.exp(mean - spread)))
    np.testing.assert_allclose(found.typical[1], np.median(np.exp(mean + spread)))
    np.testing.assert_allclose(found.spread, np.quantile(spread, (0.05, 0.5, 0.95)))


def test_where_no_direction_is_good_no_site_is_better(fit: Fit) -> None:
    measure = fit.structure.measure.model_copy(update={"direction": "ambiguous"})
    found = evaluate_sites(replace(fit, structure=replace(fit.structure, measure=measure)))
    assert found is not None
    assert found.sites["p_better"].isna().all()


def test_one_effect_for_all_is_told_once() -> None:
    assert evaluate_sites(fit_of(effect="it", site_effects="none")) is None


def test_draws_that_do_not_mix_do_not_pass(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_site, "quantities_pass", lambda quantities, *_: len(list(quantities)) == 8)
    found = evaluate_sites(fit)
    assert found is not None
    assert not found.passed, "six sites and the spread are judged"
