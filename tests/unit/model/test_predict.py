"""One structure, two writings: `predict` in NumPy equals the PyMC graph, draw by draw, for each structure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from impl.model.build import EvaluationModel, build_model
from impl.model.predict import NEW_SITE, predict
from impl.model.simulate import World
from worlds import make_panel, make_study, prior_fit

CONSTANT = lambda exposure: np.full(exposure.shape, -0.3)  # noqa: E731
LOG = pd.DataFrame({
    "site": ["s00", "s02", "s03"], "from_period": [5, 7, 2], "end": None, "consistent": ["yes", "no", "unknown"],
})  # fmt: skip


def wedge(law: str, baseline: float, size: float, **study: object) -> EvaluationModel:
    world = World(
        law=law, baseline=baseline, start=np.array([4.0, 4, 6, 6, np.inf]), effect=CONSTANT, site_sd=0.3
    )
    measure = {"poisson": "falls", "binomial": "medication_review", "negbin": "falls"}[law]
    panel = make_panel(
        world, measure, np.full((5, 14), size), transition=1, gaps=((1, 3), (4, 9)), adaptations=LOG
    )
    return build_model(make_study(measure, **study), panel)


def series(**study: object) -> EvaluationModel:
    world = World(law="negbin", baseline=0.005, start=np.array([18.0]), effect=CONSTANT, overdispersion=0.2)
    panel = make_panel(world, "falls", np.full((1, 36), 1500.0), transition=2, gaps=((0, 7),))
    return build_model(make_study("falls", "20_before_after", **study), panel)


CONTRAST = {"adaptations": {"file": "none.csv", "contrasts": ["consistent"]}}
STRUCTURES = {
    "series, negbin, level and slope, trend, season, transition": lambda: series(),
    "series, poisson with cells": lambda: series(model={"likelihood": "poisson", "clustering": "nested"}),
    "wedge, nested, waves, smooth calendar, contrast": lambda: wedge("poisson", 0.01, 400.0, **CONTRAST),
    "wedge, exchangeable, categorical calendar, it": lambda: wedge(
        "binomial", 0.4, 30.0, model={"clustering": "exchangeable", "calendar": "categorical", "effect": "it"}
    ),
    "wedge, centred sites and cells": lambda: wedge("binomial", 0.4, 200_000.0),
    "wedge, negbin": lambda: wedge("negbin", 0.01, 400.0, model={"likelihood": "negbin"}),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_predict_equals_the_graph(name: str) -> None:
    model = STRUCTURES[name]()
    fit = prior_fit(model)
    rows = model.structure.rows[model.structure.rows["observed"]]
    (part,) = predict(fit, rows)
    np.testing.assert_allclose(part.untreated + part.effect, fit.flat("eta"), rtol=1e-8, atol=1e-8)
    untouched = ~(rows["treated"] | rows["transition"]).to_numpy()
    assert np.all(part.effect[:, untouched] == 0.0)  # zero before start: nothing is switched on


def test_the_structures_above_are_what_they_say() -> None:
    contrast = STRUCTURES["wedge, nested, waves, smooth calendar, contrast"]().structure
    assert (contrast.wave_effects, contrast.calendar, contrast.contrast, contrast.transition) == (
        True,
        "smooth",
        True,
        True,
    )
    centred = STRUCTURES["wedge, centred sites and cells"]().structure
    assert centred.centred_cells
    assert centred.centred_sites
    line = STRUCTURES["series, negbin, level and slope, trend, season, transition"]().structure
    assert (line.effect.name, line.trend, line.harmonics, line.likelihood.name) == (
        "level_slope",
        True,
        2,
        "negbin",
    )


def test_a_new_site_is_drawn_from_its_population() -> None:
    model = wedge("poisson", 0.01, 400.0)
    fit = prior_fit(model, draws=1000)
    row = model.structure.rows.iloc[[0]].assign(site=NEW_SITE, bin=0)
    new = np.concatenate([part.untreated[:, 0] for part in predict(fit, row)])
    known = fit.flat("intercept") + fit.flat("calendar_effect")[:, 0]
    known += fit.flat("trend") * row["years"].to_numpy()
    spread = np.sqrt(np.mean(fit.flat("total_sd") ** 2))
    assert (new - known).std() == pytest.approx(spread, rel=0.1)
