"""Dose-response: the dose in the row table, graph and NumPy alike, and the algebra of «at that share»."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from impl.model.build import model_of
from impl.model.estimands import window_rows
from impl.model.local.dose import MEAN_DOSE, dose, dosed_structure, levels, plain_structure
from impl.model.predict import predict
from impl.model.simulate import World
from impl.model.structure import Structure, describe_structure
from worlds import make_panel, make_study, prior_fit


def dosed(curve: str, **model: object) -> tuple[Structure, np.ndarray]:
    """Four sites x fourteen months; shares rise by quarter; a tenth was practice before start."""
    start = np.array([4.0, 4.0, 7.0, 7.0])
    world = World(law="poisson", baseline=0.02, start=start, effect=lambda exposure: 0.0 * exposure)
    panel = make_panel(world, "falls", np.full((4, 14), 600.0), transition=1)
    structure = describe_structure(make_study("falls", model=model), panel)
    exposure = structure.rows["exposure"].to_numpy()
    step = np.where(exposure > 0, (exposure - 1) // 3, -1)
    share = np.linspace(0.3, 0.9, 16).reshape(4, 4)
    before = np.full(4, 0.1)
    return dosed_structure(plain_structure(structure), share, before, step, curve), share


@pytest.mark.parametrize("curve", ["linear", "steps"])
@pytest.mark.parametrize("site_effects", ["none", "random"])
def test_predict_equals_the_graph(curve: str, site_effects: str) -> None:
    structure, _ = dosed(curve, site_effects=site_effects)
    fit = prior_fit(model_of(structure))
    rows = structure.rows[structure.rows["used"]]
    (part,) = predict(fit, rows)
    np.testing.assert_allclose(part.untreated + part.effect, fit.flat("eta"), rtol=1e-8, atol=1e-8)
    assert np.all(part.effect[:, ~rows["treated"].to_numpy()] == 0.0)


def test_the_dose_is_the_share_beyond_practice_before_start() -> None:
    structure, share = dosed("linear")
    grid = structure.grid("dose:0")
    np.testing.assert_allclose(grid[0, 4:7], share[0, 0] - 0.1)
    np.testing.assert_allclose(grid[3, 7:10], share[3, 0] - 0.1)
    assert np.all(grid[:, :4] == 0.0)
    assert not structure.rows.loc[structure.rows["transition"], "used"].any()


def test_steps_reach_their_limits() -> None:
    np.testing.assert_array_equal(
        dose(np.array([0.39, 0.4, 0.65, 1.0]), "steps"), [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    )


@pytest.mark.parametrize("curve", ["linear", "steps"])
def test_full_delivery_has_the_whole_effect_and_none_has_none(curve: str) -> None:
    """On a log link the ratio at full delivery is exp(theta), whatever the cells are."""
    structure, _ = dosed(curve)
    fit = prior_fit(model_of(structure), draws=20)
    window = window_rows(structure)
    none, full = (levels(fit, window, share, curve) for share in (0.0, 1.0))
    np.testing.assert_allclose(full / none, np.exp(fit.flat("effect_level")), rtol=1e-10)
    half = levels(fit, window, 0.5, curve)
    reached = 0.5 if curve == "linear" else fit.flat("dose_step")[:, 0]
    np.testing.assert_allclose(half / none, np.exp(reached * fit.flat("effect_level")), rtol=1e-10)


def test_every_imputation_is_the_same_compiled_model() -> None:
    structure, share = dosed("linear")
    step = np.where(structure.rows["exposure"] > 0, 0, -1).astype(int)
    bare = replace(structure, rows=structure.rows.drop(columns="dose:0"))
    other = dosed_structure(bare, share[:, ::-1], np.zeros(4), step, "linear")
    assert other.compiled_key() == structure.compiled_key()
    assert other.compiled_key() != bare.compiled_key()


def test_each_sites_mean_rise_stands_beside_the_dose() -> None:
    """Constant within a site, 0 over the sites that started, higher where the share rose more."""
    structure, _ = dosed("linear")
    rows = structure.rows
    beside, rise = rows[MEAN_DOSE], rows["dose:0"]
    assert rows.groupby("site")["covariate:mean_dose"].nunique().max() == 1
    started = rows[rows["treated"]].groupby("site")["covariate:mean_dose"].first()
    assert started.mean() == pytest.approx(0.0, abs=1e-9)
    assert started.std(ddof=0) == pytest.approx(1.0)
    means = rise[rows["treated"]].groupby(rows["site"]).mean()
    assert started.corr(means) == pytest.approx(1.0)
    assert beside[~rows["site"].isin(started.index)].eq(0.0).all()
