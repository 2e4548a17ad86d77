"""What a fit says against itself: each check is silent on data from its own model and speaks on others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr
from pytensor.compile.mode import Mode
from pytensor.graph.replace import graph_replace
from scipy import integrate, stats
from scipy.special import logsumexp
from test_predict import STRUCTURES, two_bundles

from impl.model.build import EvaluationModel, build_model
from impl.model.criticism.criticise import (
    _compared_disagree,
    bundle_overlap,
    criticise,
    crude_change,
    exposure_support,
    heterogeneity,
    overlap_of,
    prior_conflict,
    priors_and_posteriors,
    scales_disagree,
)
from impl.model.criticism.influence import leave_one_out, power_scaling
from impl.model.criticism.marginal import cell_marginal, predictors, series_marginal
from impl.model.criticism.predictive import CHECKS, autocorrelation, longest_run, predictive_checks
from impl.model.criticism.prior_laws import effect_laws, log_prior, prior_laws
from impl.model.effects import EFFECTS
from impl.model.estimands import reported_draws, window_effect
from impl.model.fitted import Fit
from impl.model.likelihoods import LIKELIHOODS
from impl.model.likelihoods.likelihood import Observed
from impl.model.simulate import World
from impl.report.language import language_codes, read_language
from worlds import make_panel, make_study, prior_fit

Array = npt.NDArray[np.float64]
DECAY = "wedge, decay, waves, smooth calendar, contrast"
NESTED = "wedge, nested, waves, smooth calendar, contrast"
EXCHANGEABLE = "wedge, betabinomial"
RAMP = "wedge, random effects with correlation, nested, ramp"
PLAIN = Mode(linker="py", optimizer="fast_compile")


def wedge(clustering: str, events: float = 12.0) -> EvaluationModel:
    """Twelve sites in four waves, thirty months."""
    world = World(
        law="poisson",
        baseline=0.02,
        start=np.repeat([10.0, 14, 18, 22], 3),
        effect=lambda exposure: np.full(exposure.shape, -0.2),
        site_sd=0.3,
    )
    panel = make_panel(world, "falls", np.full((12, 30), events / 0.02))
    return build_model(make_study("falls", model={"clustering": clustering}), panel)


def known(model: EvaluationModel, draws: int = 200, **values: float) -> Fit:
    """A fit that knows the truth: one draw from the prior, repeated, `values` changed."""
    fit = prior_fit(model, draws=1)
    one = fit.tree.posterior.to_dataset().isel(draw=np.zeros(draws, dtype=int))
    one = one.assign({name: xr.full_like(one[name], value) for name, value in values.items()})
    return replace(fit, tree=xr.DataTree.from_dict({"posterior": one.assign_coords(draw=np.arange(draws))}))


def from_own_model(
    fit: Fit, change: Callable[[Fit, Array, np.random.Generator], Array] | None = None, seed: int = 3
) -> Fit:
    """The fit with data drawn from its first draw; `change` alters the predictor (cell) first."""
    structure = fit.structure
    rows = structure.rows[structure.rows["used"]]
    part = next(predictors(fit, rows))
    rng = np.random.default_rng(seed)
    eta = (part.centre + part.cells)[:1]
    if change is not None:
        eta = change(fit, eta, rng)
    drawn = structure.likelihood.draw(
        eta, rows["denominator"].to_numpy(dtype=float), {k: v[:1] for k, v in part.parameters.items()}, rng
    )
    table = structure.rows.copy()
    table.loc[rows.index, "numerator"] = drawn[0]
    return replace(fit, structure=replace(structure, rows=table))


def flagged(fit: Fit) -> set[str]:
    table = predictive_checks(fit)
    return set(table.loc[table["flagged"], "check"])


# --- predictive checks


@pytest.fixture(scope="module")
def plain() -> Fit:
    return known(wedge("exchangeable"), site_sd=0.3, overdispersion=0.05, intercept=np.log(0.02))


def test_data_from_the_model_itself_are_not_flagged(plain: Fit) -> None:
    seen = [flagged(from_own_model(plain, seed=seed)) for seed in range(6)]
    assert sum(map(bool, seen)) <= 1, seen
    table = predictive_checks(from_own_model(plain))
    assert set(table["check"]) == set(CHECKS)
    assert ((table["lower"] <= table["upper"]) & table["p"].between(0, 1)).all()
    assert set(table["wave"].dropna()) == {10.0, 14.0, 18.0, 22.0}


def test_noise_that_the_model_does_not_know_is_too_much_dispersion(plain: Fit) -> None:
    noisy = from_own_model(plain, lambda _, eta, rng: eta + rng.normal(0, 0.6, eta.shape))
    assert "dispersion" in flagged(noisy)


def test_neighbouring_months_that_hang_together_are_seen(plain: Fit) -> None:
    def drifting(fit: Fit, eta: Array, rng: np.random.Generator) -> Array:
        sites, periods = fit.structure.shape
        series = np.zeros((sites, periods))
        for period in range(1, periods):
            series[:, period] = 0.9 * series[:, period - 1] + 0.15 * rng.standard_normal(sites)
        return eta + series.reshape(1, -1)

    assert {"autocorrelation", "longest_run"} & flagged(from_own_model(plain, drifting))


def test_a_trend_before_start_in_one_wave_is_seen(plain: Fit) -> None:
    def rising(fit: Fit, eta: Array, _: np.random.Generator) -> Array:
        rows = fit.structure.rows
        early = (rows["start"] == 18) & (rows["period"] < 18)
        return eta + np.where(early, 1.5 * rows["years"], 0.0)

    data = from_own_model(plain, rising)
    assert "pre_trend" in flagged(data)
    waves = predictive_checks(data).dropna(subset=["wave"]).set_index("wave")
    assert waves["p"].idxmin() == 18.0


def test_empty_cells_that_the_model_does_not_expect_are_seen(plain: Fit) -> None:
    def silent(_: Fit, eta: Array, rng: np.random.Generator) -> Array:
        return np.where(rng.random(eta.shape) < 0.03, -20.0, eta)

    assert "zeros" in flagged(from_own_model(plain, silent))


def test_a_correlation_that_fades_is_told_from_one_that_does_not() -> None:
    decay = known(wedge("decay"), total_sd=0.4, period_autocorrelation=0.8, intercept=np.log(0.02))
    raw = np.random.default_rng(2).standard_normal(decay.structure.shape)
    posterior = decay.tree.posterior.to_dataset()
    posterior["cell_raw"] = posterior["cell_raw"].copy(data=np.broadcast_to(raw, posterior["cell_raw"].shape))
    data = from_own_model(replace(decay, tree=xr.DataTree.from_dict({"posterior": posterior})))
    assert "autocorrelation" not in flagged(data)
    wrong = posterior.assign(period_autocorrelation=xr.full_like(posterior["period_autocorrelation"], 0.05))
    believed = replace(data, tree=xr.DataTree.from_dict({"posterior": wrong}))
    assert "autocorrelation" in flagged(believed)


def test_sites_that_differ_more_than_believed_are_seen(plain: Fit) -> None:
    posterior = plain.tree.posterior.to_dataset()
    less = posterior.assign(
        site_sd=0.2 * posterior["site_sd"], site_raw=5.0 * posterior["site_raw"]
    )  # the same levels, a smaller population
    believed = replace(plain, tree=xr.DataTree.from_dict({"posterior": less}))
    assert "between_sites" in flagged(from_own_model(believed))


def test_autocorrelation_and_runs_of_a_series_by_hand() -> None:
    series = np.array([[[1.0, 2, 3, -1, np.nan, -2, -3, 0]]])
    own = series[0, 0] - np.nanmean(series)
    pairs = [own[0] * own[1], own[1] * own[2], own[2] * own[3], own[5] * own[6], own[6] * own[7]]
    assert autocorrelation(series)[0] == pytest.approx(sum(pairs) / np.nansum(own**2))
    # median 0: above above above | below, (missing), below, below, (on the median)
    assert longest_run(series)[0] == 3
    assert longest_run(np.array([[[1.0, -1, 1, -1]]]))[0] == 1
    assert longest_run(np.array([[[5.0, 5, 0, 5, -5, -5, 0]]]))[0] == 3


# --- densities with the cell terms integrated out


@pytest.mark.parametrize(("law", "count", "size", "sd"), [
    ("poisson", 3.0, 100.0, 0.4), ("poisson", 0.0, 50.0, 1.0), ("poisson", 900.0, 30_000.0, 0.5),
    ("binomial", 7.0, 20.0, 0.5), ("binomial", 20.0, 20.0, 1.5), ("binomial", 40_000.0, 100_000.0, 0.3),
])  # fmt: skip
def test_a_cell_marginal_is_the_integral(law: str, count: float, size: float, sd: float) -> None:
    likelihood = LIKELIHOODS[law]
    cells = Observed(numerator=np.array([count]), denominator=np.array([size]))
    centre = {"poisson": -3.5, "binomial": -0.2}[law]
    ours = cell_marginal(likelihood, np.array([[centre]]), np.array([[sd]]), cells, {})[0, 0]
    grid = np.linspace(-8, 8, 80_001) * sd
    terms = likelihood.log_density(centre + grid[:, None], cells, {})[:, 0] + stats.norm(0, sd).logpdf(grid)
    peak = terms.max()
    assert ours == pytest.approx(peak + np.log(integrate.simpson(np.exp(terms - peak), x=grid)), abs=1e-4)


def test_a_series_marginal_is_exact_where_a_closed_form_exists() -> None:
    rng = np.random.default_rng(1)
    size = np.array([4.0, 9, 16, 25, 30])
    values = rng.normal(2.0, 1.0, 5)
    cells = Observed(numerator=values * size, denominator=size)
    lag = np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    covariance = np.stack([0.5**2 * 0.8**lag, 1.5**2 * 0.2**lag])
    parameters = {"residual_sd": np.array([[1.3], [2.0]])}
    centre = np.full((2, 5), 1.7)
    ours = series_marginal(LIKELIHOODS["normal"], centre, covariance, cells, parameters)
    for index, sd in enumerate((1.3, 2.0)):
        total = covariance[index] + np.diag(sd**2 / size)
        expected = stats.multivariate_normal(centre[index], total).logpdf(values)
        assert ours[index] == pytest.approx(expected, abs=1e-6)


def test_a_series_marginal_of_counts_is_near_the_integral() -> None:
    cells = Observed(numerator=np.array([2.0, 60.0]), denominator=np.array([100.0, 100.0]))
    covariance = 0.4**2 * np.array([[1.0, 0.7], [0.7, 1.0]])
    law, centre = LIKELIHOODS["poisson"], np.array([[-3.0, -3.0]])
    ours = series_marginal(law, centre, covariance[None], cells, {})[0]
    axis = np.linspace(-4, 4, 401)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    terms = law.log_density(centre + points, cells, {}).sum(axis=1)
    terms = terms + stats.multivariate_normal([0, 0], covariance).logpdf(points)
    # 60 events where 5 were expected: even there Laplace is good to a hundredth
    assert ours == pytest.approx(logsumexp(terms) + 2 * np.log(axis[1] - axis[0]), abs=0.01)


# --- leave-one-out


def jittered(fit: Fit) -> Fit:
    """A narrow posterior around the truth, so that importance weights are almost equal."""
    posterior = fit.tree.posterior.to_dataset()
    noise = 0.01 * np.random.default_rng(5).standard_normal(posterior["intercept"].shape)
    return replace(fit, tree=xr.DataTree.from_dict({"posterior": posterior.assign(intercept=posterior["intercept"] + noise)}))  # fmt: skip


def test_a_cell_left_out_is_predicted_without_its_own_term() -> None:
    """Nested: what is left out is the cell's integral, not its density given the term fitted to it."""
    truth = from_own_model(known(wedge("nested"), total_sd=0.4, cell_sd=0.3, site_sd=0.26, intercept=-4.0))
    left_out = leave_one_out(jittered(truth))
    assert left_out is not None
    rows = truth.structure.rows[truth.structure.rows["used"]]
    part = next(predictors(truth, rows))
    row = rows.iloc[17]
    grid = np.linspace(-2.5, 2.5, 20_001)
    inside = stats.poisson(row["denominator"] * np.exp(part.centre[0, 17] + grid)).pmf(row["numerator"])
    expected = np.log(integrate.simpson(inside * stats.norm(0, 0.3).pdf(grid), x=grid))
    assert left_out.cells["elpd"].iloc[17] == pytest.approx(expected, abs=0.02)
    assert (left_out.cells["pareto_k"] < 0.7).all()
    assert left_out.elpd == pytest.approx(left_out.cells["elpd"].sum())


def test_one_wild_cell_is_influential(plain: Fit) -> None:
    data = from_own_model(plain)
    rows = data.structure.rows.copy()
    rows.loc[40, "numerator"] *= 30
    posterior = data.tree.posterior.to_dataset()
    spread = 0.5 * np.random.default_rng(6).standard_normal(posterior["intercept"].shape)
    wide = xr.DataTree.from_dict({"posterior": posterior.assign(intercept=posterior["intercept"] + spread)})
    left_out = leave_one_out(replace(data, tree=wide, structure=replace(data.structure, rows=rows)))
    assert left_out is not None
    assert left_out.cells["pareto_k"].iloc[40] > 0.7


def test_under_a_correlation_that_fades_cells_are_not_left_out() -> None:
    found = criticise(prior_fit(STRUCTURES[DECAY]()))
    assert found.leave_one_out is None
    assert "whole sites" in found.leave_one_out_note


# --- priors


@pytest.mark.parametrize("name", [
    "series, autoregressive, level and slope, trend, season, transition", EXCHANGEABLE, RAMP,
    "comparison sites, level only, random effects", "wedge, two bundles, covariate, interruption",
    "wedge, closed cohort",
])  # fmt: skip
def test_prior_laws_are_those_of_the_graph(name: str) -> None:
    """Every free parameter is a prior with a law here, or a term whose spread is learnt."""
    model = STRUCTURES[name]()
    fit = prior_fit(model, draws=3)
    laws = prior_laws(model.structure)
    terms = ("_raw", "_step", "cell_level", "site_level", "effect_share", "_scale_log", "_scale_half")
    learnt = {rv.name for rv in model.free_RVs if rv.name.endswith(terms)}
    # the sampler moves these; the prior is stated for what they stand for
    stands_for = {"effect_mean": "effect_level", "calendar_level": "calendar_effect"}
    named = {rv: stands_for.get(rv.name, rv.name) for rv in model.free_RVs}
    assert set(named.values()) - learnt == {
        key for key in laws if not key.endswith(("_scale_log", "_scale_half"))
    }
    chosen = [rv for rv in model.free_RVs if named[rv] in laws]
    values = {rv: rv.type(name=rv.name) for rv in model.free_RVs}
    parts = sum(pm.logp(rv, values[rv]).sum() for rv in chosen)
    total = graph_replace(parts, values, strict=False)
    density = pytensor.function(list(values.values()), total, mode=PLAIN, on_unused_input="ignore")
    theirs = [density(*[fit.flat(rv.name)[draw] for rv in values]) for draw in range(3)]
    ours = log_prior(fit, {named[rv]: laws[named[rv]] for rv in chosen})
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-6)  # up to a constant


def test_the_effect_follows_its_prior_where_the_data_say_nothing() -> None:
    fit = prior_fit(STRUCTURES[EXCHANGEABLE](), draws=300)
    by_prior = power_scaling(fit, window_effect(fit)).set_index("priors")["distance"]
    assert (by_prior > 0.05).all()
    posterior = fit.tree.posterior.to_dataset()
    sharp = 0.02 * np.random.default_rng(1).standard_normal(posterior["effect_level"].shape)
    flat = xr.zeros_like(posterior["curve"]) + posterior["effect_level"] * 0.0
    told = posterior.assign(
        effect_level=posterior["effect_level"].copy(data=sharp),
        curve=(flat + xr.DataArray(sharp, dims=("chain", "draw"))).transpose(*posterior["curve"].dims),
    )
    fit = replace(fit, tree=xr.DataTree.from_dict({"posterior": told}))
    informed = power_scaling(fit, window_effect(fit))
    assert informed.set_index("priors")["distance"]["effect"] < 0.05
    assert set(effect_laws(fit.structure)) <= set(prior_laws(fit.structure))


def test_overlap_of_prior_and_posterior() -> None:
    assert overlap_of(np.linspace(0.0005, 0.9995, 1000)) == pytest.approx(1.0)
    assert overlap_of(np.full(1000, 0.31)) == pytest.approx(1 / 20)
    assert overlap_of(np.linspace(0.0, 0.4999, 1000)) == pytest.approx(0.5)


def test_parameters_that_repeat_their_prior_are_named_and_not_reported() -> None:
    fit = prior_fit(STRUCTURES[NESTED](), draws=500)
    table = priors_and_posteriors(fit).set_index("parameter")
    assert table["prior_driven"].all()
    assert table["contraction"].abs().max() < 0.5
    assert heterogeneity(fit, table.reset_index()).empty
    posterior = fit.tree.posterior.to_dataset()
    far = posterior.assign(total_sd=2.0 + 0.01 * posterior["total_sd"])
    apart = replace(fit, tree=xr.DataTree.from_dict({"posterior": far}))
    assert not prior_conflict(fit)
    assert prior_conflict(apart)
    shown = heterogeneity(apart, priors_and_posteriors(apart)).set_index("quantity")
    assert list(shown.index) == ["median_rate_ratio"]
    assert shown["median"]["median_rate_ratio"] == pytest.approx(np.exp(0.954 * 2.0), rel=0.05)


# --- crude numbers and what the effect is learnt from


def test_crude_numbers_are_those_of_the_cells(plain: Fit) -> None:
    table = crude_change(plain.structure, reported_draws(plain)).set_index("quantity")
    rows = plain.structure.rows
    before = rows[rows["period"] < rows["start"]]
    first, last = plain.structure.window
    after = rows[rows["exposure"].between(first, last)]
    levels = [1000 * part["numerator"].sum() / part["denominator"].sum() for part in (before, after)]
    assert table["crude"]["before"] == pytest.approx(levels[0])
    assert table["crude"]["ratio"] == pytest.approx(levels[1] / levels[0])
    assert table["crude"]["difference"] == pytest.approx(levels[1] - levels[0])
    assert table["mean"]["ratio"] == pytest.approx(
        np.exp(plain.flat("curve")[0, first - 1 : last]).mean(), rel=0.2
    )


def test_the_two_scales_can_disagree() -> None:
    """With the bundle 10 to 8, without it 2 to 1: fewer by count, more by ratio."""
    table = pd.DataFrame({"quantity": ["difference_compared", "ratio_compared"], "crude": [-1.0, 0.8 / 0.5]})
    assert _compared_disagree(table)
    assert not _compared_disagree(table.assign(crude=[-1.0, 0.8]))
    assert not _compared_disagree(table.iloc[:1])
    up, down = np.array([0.2, 0.4]), np.array([-0.3, -0.1])
    assert scales_disagree(up, down)
    assert not scales_disagree(up, up)
    assert not scales_disagree(np.array([-1.0, 1.2]), np.array([-1.2, 1.0]))  # neither is far from none


def test_weights_of_exposure_times_sum_to_one_and_may_be_negative() -> None:
    fit = prior_fit(wedge("exchangeable"), draws=40)
    table = exposure_support(fit)
    assert table["weight"].iloc[0] > 0 > table["weight"].min()
    assert table["contrasts"].iloc[0] == 9  # the last three sites start with nobody untreated beside them
    constant = replace(fit, structure=replace(fit.structure, effect=EFFECTS["it"]))
    found = dict(criticise(constant).warnings)
    assert found["negative_weights"]["count"] == int((exposure_support(constant)["weight"] < -0.001).sum())
    assert "negative_weights" not in dict(criticise(fit).warnings)


def test_bundles_that_run_together_are_shown() -> None:
    structure = two_bundles().structure
    overlap, condition = bundle_overlap(structure)
    assert overlap is not None
    assert condition is not None
    assert np.allclose(np.diag(overlap), 1.0)
    assert 1.0 <= condition < 30.0
    rows = structure.rows.copy()
    rows["bundle:pressure_ulcers"] = rows["exposure"]
    rows.loc[rows.index[rows["treated"]][0], "bundle:pressure_ulcers"] = 0
    _, close = bundle_overlap(replace(structure, rows=rows))
    assert close is not None
    assert close > condition
    assert bundle_overlap(wedge("nested").structure) == (None, None)


# --- all of it


@pytest.mark.parametrize("name", [
    "series, negbin", "series too short for a trend", "wedge, centred sites and cells", "wedge, closed cohort",
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning:arviz_stats")  # prior draws make wild importance weights
def test_every_structure_can_be_criticised(name: str) -> None:
    model = STRUCTURES[name]()
    found = criticise(prior_fit(model, draws=40))
    assert found.measure == model.structure.measure.id
    assert set(found.checks["check"]) <= set(CHECKS)
    assert np.isfinite(found.checks["observed"]).all()
    assert (found.leave_one_out is None) is (model.structure.clustering == "decay")
    assert list(found.sensitivity["priors"]) == ["effect", "all"]


@pytest.mark.parametrize("code", language_codes())
def test_every_check_has_a_sentence(code: str) -> None:
    language = read_language(code)
    assert all(language.has(f"warnings.check_{name}.text") for name in CHECKS)
