"""Refits: each is the study it says it is, costs no compilation, and speaks where the answer hangs by a thread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from test_criticism import from_own_model, known, wedge
from test_predict import STRUCTURES, compared, series

from impl.model.build import EvaluationModel, build_model, model_of
from impl.model.checks import check_fit
from impl.model.criticism.robustness import (
    _warnings,
    check_robustness,
    forecast_effects,
    forecast_structure,
    held_out,
    placebo_structure,
    seed_of,
    variations,
)
from impl.model.estimands import window_effect, window_rows
from impl.model.fit import check_inputs, compile_key, sample
from impl.model.simulate import World
from worlds import make_panel, make_study, prior_fit


@pytest.fixture(scope="module")
def staggered() -> EvaluationModel:
    return wedge("decay")


def names(model: EvaluationModel, kind: str) -> list[str]:
    return [refit.name for refit in variations(model.structure, "full")[0] if refit.kind == kind]


@pytest.mark.parametrize("make", [
    lambda: wedge("decay"), compared, STRUCTURES["wedge, two bundles, covariate, interruption"],
], ids=["wedge", "compared", "bundles"])  # fmt: skip
def test_every_refit_is_the_same_compiled_model(make) -> None:
    model = make()
    refits, _ = variations(model.structure, "full")
    assert len(refits) >= 6
    assert len({refit.name for refit in refits}) == len(refits)
    for refit in {refit.kind: refit for refit in refits}.values():  # the last of each kind
        again = model_of(refit.structure)
        check_inputs(again)
        assert compile_key(again) == compile_key(model), refit.name
        assert len(window_rows(refit.structure)), refit.name


def test_what_is_tried_depends_on_the_design(staggered: EvaluationModel) -> None:
    assert names(staggered, "shape") == ["shape it", "shape teh", "shape eti"]
    assert names(series(), "shape") == ["shape it", "shape rw"]
    assert names(series(), "prior")[-1] == "period prior x 2"
    assert names(staggered, "prior") == ["effect prior x 0.5", "effect prior x 2", "site prior x 2"]
    assert len(names(staggered, "wave")) == 4
    assert len(names(compared(), "sites")) == 5
    refits, left_out = variations(staggered.structure, "smoke")
    assert {refit.kind for refit in refits} == {"shape"}
    assert left_out == {"everything but shapes": "smoke profile"}


def test_a_placebo_sees_nothing_from_after_the_start(staggered: EvaluationModel) -> None:
    structure = staggered.structure
    placebo = placebo_structure(structure)
    assert placebo is not None
    old, new = structure.rows, placebo.rows
    touched = old["treated"] | old["transition"]
    assert not (new["used"] & touched).any()
    assert not (new["treated"] & touched).any()
    assert new.loc[~touched, "used"].equals(old.loc[~touched, "used"])
    # the first wave has 10 months, too few for 6 before a false start; the others start half-way
    assert new.groupby("site")["start"].first().dropna().unique().tolist() == [7.0, 9.0, 11.0]
    assert placebo.window == (1, 11)
    assert window_rows(placebo)["exposure"].max() == 11
    assert placebo_structure(STRUCTURES["series too short for a trend"]().structure) is None


def test_a_forecast_reads_cells_without_the_bundle_only(staggered: EvaluationModel) -> None:
    forecast = forecast_structure(staggered.structure)
    old, new = staggered.structure.rows, forecast.rows
    assert (new["used"] == (old["used"] & ~old["treated"])).all()
    assert window_rows(forecast).index.equals(window_rows(staggered.structure).index)


def test_a_wave_left_out_stays_in_the_estimand(staggered: EvaluationModel) -> None:
    refits, _ = variations(staggered.structure, "full")
    first = next(refit for refit in refits if refit.kind == "wave")
    assert first.name == "without the start of 2022-11-01"
    old, new = staggered.structure.rows, first.structure.rows
    assert (new["used"] == (old["used"] & (old["start"] != 10))).all()
    assert window_rows(first.structure).index.equals(window_rows(staggered.structure).index)


def test_seeds_follow_the_study_and_the_name() -> None:
    assert seed_of(5, "placebo") == seed_of(5, "placebo")
    assert len({seed_of(5, "placebo"), seed_of(6, "placebo"), seed_of(5, "forecast")}) == 3
    assert 0 <= seed_of(5, "placebo") < 2**32


def test_a_forecast_of_what_happened_finds_the_effect_and_tells_chance_apart() -> None:
    """The truth is known, the bundle takes a quarter away: both intervals hold it, the predictive one is wider."""
    model = wedge("decay")
    truth = known(model, total_sd=0.1, period_autocorrelation=0.5, intercept=np.log(0.02))
    posterior = truth.tree.posterior.to_dataset()
    effect = xr.full_like(posterior["curve"], np.log(0.75))
    still = {name: 0.0 * posterior[name] for name in ("site_effect", "cell_raw")}
    told = replace(truth, tree=xr.DataTree.from_dict({"posterior": posterior.assign(curve=effect, **still)}))
    data = from_own_model(told)
    effects = forecast_effects(data, data.structure)
    assert effects["mean_effect"].std() < 1e-9
    rows = window_rows(data.structure)
    chance = 1 / np.sqrt(rows["numerator"].sum())
    assert effects["mean_effect"].mean() == pytest.approx(np.log(0.75), abs=3 * chance)
    assert effects["predictive"].std() == pytest.approx(chance * np.sqrt(0.75), rel=0.25)


def test_a_site_that_is_unlike_the_others_is_predicted_worst() -> None:
    truth = from_own_model(
        known(wedge("decay"), total_sd=0.2, period_autocorrelation=0.7, intercept=np.log(0.02))
    )
    strange = truth.structure.rows.copy()
    strange.loc[strange["site"] == 4, "numerator"] *= 6
    whole = replace(truth.structure, rows=strange)
    refits, _ = variations(whole, "full")
    tables = [
        held_out(replace(truth, structure=refit.structure), whole) for refit in refits if refit.kind == "wave"
    ]
    table = pd.concat(tables).set_index("site")
    assert len(table) == 12
    assert (table["cells"] == 30).all()
    assert (table["elpd"] / table["cells"]).idxmin() == "s04"
    assert table["elpd"].drop("s04").between(-120, -50).all()


# --- what a reader is told


def draws(mean: float, sd: float = 0.1) -> np.ndarray:
    return mean + sd * np.random.default_rng(3).standard_normal(4000)


def codes(**refits: tuple[str, np.ndarray]) -> set[str]:
    main = draws(-0.3)
    table = pd.DataFrame(
        [
            {"refit": name, "kind": kind, "mean": effect.mean(), "shift": (effect.mean() - main.mean()) / main.std(),
             "lower": np.quantile(effect, 0.05), "upper": np.quantile(effect, 0.95)}
            for name, (kind, effect) in refits.items()
        ]
    )  # fmt: skip
    by_name = {name: effect for name, (_, effect) in refits.items()}
    return {code for code, _ in _warnings(table, main, by_name)}


def test_refits_that_agree_say_nothing() -> None:
    assert (
        codes(
            it=("shape", draws(-0.25)),
            effect=("prior", draws(-0.28)),
            placebo=("placebo", draws(0.05)),
            wave=("wave", draws(-0.35)),
            other=("wave", draws(-0.5)),
            mean_effect=("forecast", draws(-0.3, 0.05)),
            predictive=("forecast", draws(-0.3, 0.2)),
        )
        == set()
    )


@pytest.mark.parametrize(("refits", "code"), [
    ({"it": ("shape", draws(-0.15))}, "shape_matters"),
    ({"it": ("shape", draws(0.3))}, "shape_matters"),
    ({"effect": ("prior", draws(-0.36))}, "prior_moves_answer"),
    ({"placebo": ("placebo", draws(-0.2))}, "placebo_moved"),
    ({"placebo": ("placebo", draws(0.2))}, "placebo_moved"),
    ({"wave": ("wave", draws(-0.1, 0.3))}, "one_wave_decides"),
    ({"wave": ("wave", draws(0.3))}, "one_wave_decides"),
    ({"mean_effect": ("forecast", draws(0.2)), "predictive": ("forecast", draws(0.2))}, "forecast_disagrees"),
])  # fmt: skip
def test_each_disagreement_has_its_code(refits: dict[str, tuple[str, np.ndarray]], code: str) -> None:
    assert codes(**refits) == {code}


def test_paired_measures_are_not_refitted(staggered: EvaluationModel) -> None:
    paired = replace(prior_fit(staggered, draws=2), structure=replace(staggered.structure, role="paired"))
    with pytest.raises(ValueError, match="primary measure"):
        check_robustness(paired, make_study("falls"))


@pytest.mark.slow
def test_refits_of_a_growing_effect_from_end_to_end() -> None:
    """An effect that grows: the constant shape misses it, and the reader is told. No refit is compiled."""
    world = World(
        law="poisson",
        baseline=0.05,
        start=np.repeat([4.0, 7, 10, 13], 3),
        effect=lambda exposure: np.where(exposure > 0, -0.07 * np.minimum(exposure, 12), 0.0),
        site_sd=0.2,
    )
    panel = make_panel(world, "falls", np.full((12, 24), 1000.0))
    study = make_study("falls", model={"clustering": "nested"})
    fit = sample(build_model(study, panel), study)
    assert check_fit(fit).passed
    found = check_robustness(fit, study)
    table = found.refits.set_index("refit")
    assert (table["r_hat"] < 1.1).all()
    assert table.loc["shape it", "shift"] > 1.0
    assert abs(table.loc["shape eti", "shift"]) < 1.0
    assert "shape_matters" in dict(found.warnings)
    assert abs(window_effect(fit).mean() - table.loc["main", "mean"]) < 1e-12
    assert found.seconds < 2 * max(fit.seconds, 30)
    assert "held-out sites" in found.left_out
