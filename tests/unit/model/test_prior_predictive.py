"""What the priors alone say of the data: usual data lie within, a change beyond belief does not, in every structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from test_predict import STRUCTURES

from impl.model.build import EvaluationModel, build_model
from impl.model.criticism.prior_predictive import prior_predictive
from impl.model.fitted import Fit
from impl.model.simulate import World
from worlds import make_panel, make_study, prior_fit


@pytest.fixture(scope="module")
def fit() -> Fit:
    world = World(
        law="poisson",
        baseline=0.05,
        start=np.array([4.0, 4, 6, 6]),
        effect=lambda time: np.full(time.shape, -0.3),
    )
    panel = make_panel(world, "falls", np.full((4, 10), 300.0))
    return prior_fit(build_model(make_study("falls", model={"effect": "it"}), panel))


def test_usual_data_lie_within(fit: Fit) -> None:
    found = prior_predictive(fit).set_index("check")
    assert list(found.index) == ["level", "change"]
    assert found["inside"].all()
    rows = fit.structure.rows[fit.structure.rows["used"]]
    level = (rows["numerator"].sum() + 0.5) / rows["denominator"].sum()
    assert found.loc["level", "observed"] == pytest.approx(level)
    change = found.loc["change"]
    assert 0.5 < change["median"] < 2.0, "no direction is believed beforehand"
    assert change["lower"] < 0.6 < 1.6 < change["upper"]


def test_a_change_beyond_belief_lies_outside(fit: Fit) -> None:
    rows = fit.structure.rows
    after = rows["treated"].to_numpy()
    wild = rows.assign(numerator=np.where(after, 60.0 * rows["numerator"], rows["numerator"]))
    found = prior_predictive(replace(fit, structure=replace(fit.structure, rows=wild))).set_index("check")
    assert not found.loc["change", "inside"]
    assert found.loc["change", "observed"] > 20


def test_it_is_the_same_each_time(fit: Fit) -> None:
    assert prior_predictive(fit).equals(prior_predictive(fit))


@pytest.mark.slow
@pytest.mark.parametrize("name", STRUCTURES)
def test_every_structure_can_be_drawn_from_its_priors(name: str) -> None:
    made: Callable[[], EvaluationModel] = STRUCTURES[name]
    found = prior_predictive(prior_fit(made(), draws=2))
    assert np.isfinite(found[["observed", "lower", "median", "upper"]].to_numpy(dtype=float)).all()
