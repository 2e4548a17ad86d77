"""The Gaussian twin against the model that is sampled: the same prior, term by term, and the same posterior."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode

from impl.model.assurance import assurance_of
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
    strata: tuple[str, ...] = (),
    others: dict[str, list[float]] | None = None,
    **study: object,
) -> Structure:
    """A study of one world. strata: of the sites. others: start positions of further bundles."""
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
    panel = make_panel(world, measure, denominator, transition=transition, gaps=gaps, stratum=strata or None)
    further = {
        bundle: panel.rollout.assign(start_period=np.where(np.isfinite(other), other, np.nan))
        for bundle, other in (others or {}).items()
    }
    panel = replace(panel, other_rollouts=further)
    return describe_structure(make_study(measure, notebook, **study), panel)


def means_of(clustering: str, effect: str = "rw", likelihood: str = "auto") -> Structure:
    """Scores of 12 to 22 persons a site, the same ones in each of eight quarters."""
    rng = np.random.default_rng(3)
    start = np.repeat([2.0, 4.0, 6.0], 2)
    world = World(law="poisson", baseline=20.0, start=start, effect=lambda e: np.zeros(e.shape), months=3.0)
    persons = np.repeat(np.arange(12.0, 24.0, 2.0)[:, None], 8, axis=1)
    panel = make_panel(world, "safety_climate_score", persons)
    each = panel.cells["denominator"].to_numpy()
    cells = panel.cells.assign(
        numerator=each * (20.0 + rng.normal(size=48)),
        sum_squares=9.0 * (each - 1.0),
        person_sum_squares=np.repeat(3.0 * (persons[:, 0] - 1.0), 8),
    )
    choices = {"clustering": clustering, "effect": effect, "likelihood": likelihood}
    return describe_structure(make_study("safety_climate_score", model=choices), replace(panel, cells=cells))


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
        model={"effect": "eti", "transition": "ramp", "anticipation": 2, "site_effects": "random"},
    ),
    "negbin, exchangeable, teh, reporting": lambda: world_of(
        FOUR_WAVES,
        10,
        model={"likelihood": "negbin", "effect": "teh", "reporting": {"mean": 0.1, "sd": 0.2}},
    ),
    "one series": lambda: world_of(
        [18.0], 36, notebook="20_before_after", model={"likelihood": "poisson", "clustering": "decay"}
    ),
    "comparison sites, shocks, own trends": lambda: world_of(
        [12.0, 12.0, 15.0, 15.0, np.inf, np.inf], 26, notebook="20_before_after"
    ),
    "strata, two bundles": lambda: world_of(
        FOUR_WAVES,
        10,
        strata=("a", "b") * 4,
        others={"pressure_ulcers": [6.0, 4.0, 7.0, 3.0, 5.0, 8.0, 3.0, np.inf]},
        other_bundles=["pressure_ulcers"],
        model={"strata": True},
    ),
    "closed cohort": lambda: means_of("cohort"),
    "two points": lambda: world_of([3.0, 3.0, 3.0], 6, notebook="20_before_after"),
}


def prior_eta(structure: Structure, scales: dict[str, float]) -> np.ndarray:
    """Draws of the predictor of the used cells, cell effects among it, with the learnt scales held fixed."""
    fixed = dict(scales)
    scale = fixed.pop("effect_scale")
    median = structure.effect.scale(structure.priors).median if structure.effect.scale else 0.0
    for curve in ("effect", *(f"other_{index}" for index in range(len(structure.other_bundles)))):
        fixed[f"{curve}_scale_log"] = 0.0
        fixed[f"{curve}_scale_half"] = 0.6744898 if scale != median else 0.0
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


FAST = ("one series", "two points", "proportions, eti, ramp, anticipation")


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in STRUCTURES]
)
def test_the_twin_has_the_prior_of_the_sampled_model(name: str) -> None:
    """Prior variances of cells, of steps from period to period and of any differences, in the twin and in
    PyMC's graph. Priors of the large terms are narrowed, so that no small term hides behind them."""
    plain = STRUCTURES[name]()
    narrow = replace(plain.priors, intercept=0.1, site=0.1, single_site_cell=0.1, wave=0.1, calendar=0.1)
    narrow = replace(narrow, calendar_step=0.05, trend=0.1, effect=0.15, step_log_median=0.05)
    structure = replace(plain, priors=narrow)
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
    cells = np.eye(len(used))
    ends = (cells, cells[1:] - cells[:-1], cells[first[first != second]] - cells[second[first != second]])
    for contrasts in ends:
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


def test_information_of_means() -> None:
    normal, student = means_of("exchangeable"), means_of("exchangeable", likelihood="student")
    found = cell_information(normal, prior_scales(normal))
    assert found[0, 0] == pytest.approx(12.0 / 3.0**2, rel=0.01)  # SD between persons before start: 3
    heavier = cell_information(student, prior_scales(student))
    assert np.all(heavier < found)


@pytest.mark.parametrize("effect", ["it", "teh", "eti", "mono", "growth", "level_slope", "rw"])
def test_every_shape_has_assurance(effect: str) -> None:
    """`mono` and `growth` have no linear form and are taken as `rw`; free shapes promise less than `it`."""
    found = assurance_of(means_of("nested", effect))
    assert len(found.scenarios) == 5
    constant = assurance_of(means_of("nested", "it"))
    assert found.sd >= constant.sd
    if effect in ("mono", "growth"):
        assert found == assurance_of(means_of("nested", "rw"))


def test_the_window_of_a_study() -> None:
    structure = STRUCTURES["monthly wedge, decay, smooth"]()
    weights = window_weights(structure)
    assert np.flatnonzero(weights).tolist() == list(range(structure.window[1]))
    assert weights.sum() == pytest.approx(1.0)
    model = gls_twin(structure, prior_scales(structure))
    assert solve(model).posterior.shape[0] > structure.bins
    assert constant_effect_weights(model).shape == (structure.bins,)
