"""One structure, two writings: `predict` in NumPy equals the PyMC graph, draw by draw, for each structure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from impl.model.build import EvaluationModel, build_model
from impl.model.predict import NEW_SITE, predict
from impl.model.simulate import World
from worlds import make_panel, make_study, prior_fit

CONSTANT = lambda exposure: np.full(exposure.shape, -0.3)  # noqa: E731
LOG = pd.DataFrame({
    "site": ["s00", "s02", "s03"], "from_period": [5, 7, 2], "end": None, "consistent": ["yes", "no", "unknown"],
    "target": "intervention", "nature": "tailoring", "component_role": "unknown", "reactive": "no",
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


def wide(law: str = "poisson", **study: object) -> EvaluationModel:
    """Twelve sites x ten months, four waves."""
    world = World(law=law, baseline=0.02, start=np.repeat([3.0, 4, 6, 8], 3), effect=CONSTANT, site_sd=0.3)
    panel = make_panel(world, "falls", np.full((12, 10), 400.0), transition=2, stratum=tuple("aabbabababab"))
    return build_model(make_study("falls", **study), panel)


def compared(**study: object) -> EvaluationModel:
    """Two sites with the bundle from the same month and three without, thirty months."""
    start = np.array([18.0, 18, np.inf, np.inf, np.inf])
    world = World(law="poisson", baseline=0.01, start=start, effect=CONSTANT, site_sd=0.2)
    return build_model(
        make_study("falls", "20_before_after", **study), make_panel(world, "falls", np.full((5, 30), 900.0))
    )


def two_bundles(**study: object) -> EvaluationModel:
    world = World(law="poisson", baseline=0.02, start=np.array([3.0, 5, 7, 9]), effect=CONSTANT)
    panel = make_panel(world, "falls", np.full((4, 14), 400.0))
    other = panel.rollout.assign(start_period=[6.0, 4, 8, np.nan])
    covariates = panel.cells[["site", "period"]].assign(staffing=np.random.default_rng(2).normal(size=56))
    panel = replace(
        panel,
        other_rollouts={"pressure_ulcers": other},
        covariates=covariates,
        interruptions={"flood": (2, 5)},
    )
    study = {
        "other_bundles": ["pressure_ulcers"],
        "covariates": {"file": "none.csv", "use": ["staffing"]},
    } | study
    return build_model(make_study("falls", **study), panel)


def cohort() -> EvaluationModel:
    rng = np.random.default_rng(3)
    world = World(law="poisson", baseline=20.0, start=np.repeat([2.0, 4, 6], 2), effect=CONSTANT, months=3.0)
    persons = np.repeat(np.arange(12.0, 24.0, 2.0)[:, None], 8, axis=1)
    panel = make_panel(world, "wellbeing_score", persons)
    each = panel.cells["denominator"].to_numpy()
    between = np.repeat(3.0 * (persons[:, 0] - 1), 8)
    panel = replace(panel, cells=panel.cells.assign(
        numerator=each * (20 + rng.normal(size=48)), sum_squares=9.0 * (each - 1), person_sum_squares=between,
    ))  # fmt: skip
    study = make_study("wellbeing_score", model={"clustering": "cohort"})
    study._root = PROJECT
    return build_model(study, panel)


def short(**study: object) -> EvaluationModel:
    """Three months before and three after: nothing but a belief about the trend."""
    world = World(law="poisson", baseline=0.02, start=np.array([3.0]), effect=CONSTANT)
    return build_model(
        make_study("falls", "20_before_after", **study), make_panel(world, "falls", np.full((1, 6), 900.0))
    )


PROJECT = Path(__file__).parents[2] / "recover" / "project"  # holds a mean of persons
CONTRAST = {"adaptations": {"file": "none.csv", "contrasts": ["consistent"]}}
MODERATED = {"adaptations": {"file": "none.csv", "moderators": ["consistent_planned", "inconsistent"]}}
NESTED = {"model": {"clustering": "nested"}}
STRUCTURES = {
    "series, autoregressive, level and slope, trend, season, transition": lambda: series(),
    "series, negbin": lambda: series(model={"likelihood": "negbin"}),
    "series, poisson with cells": lambda: series(model={"likelihood": "poisson", "clustering": "nested"}),
    "series, transition dropped": lambda: series(model={"transition": "drop", "reporting": {"sd": 0.2}}),
    "series too short for a trend": lambda: short(),
    "comparison sites, site trends, shocks": lambda: compared(),
    "comparison sites, level only, random effects": lambda: compared(
        model={"comparison": "level", "site_effects": "random"}
    ),
    "wedge, decay, waves, smooth calendar, contrast": lambda: wedge("poisson", 0.01, 400.0, **CONTRAST),
    "wedge, nested, moderators": lambda: wedge("poisson", 0.01, 400.0, **MODERATED, **NESTED),
    "wedge, nested, waves, smooth calendar, contrast": lambda: wedge(
        "poisson", 0.01, 400.0, **CONTRAST, **NESTED
    ),
    "wedge, exchangeable, categorical calendar, it": lambda: wedge(
        "binomial", 0.4, 30.0, model={"clustering": "exchangeable", "calendar": "categorical", "effect": "it"}
    ),
    "wedge, betabinomial": lambda: wedge("binomial", 0.4, 30.0, model={"likelihood": "betabinomial"}),
    "wedge, centred sites and cells": lambda: wedge("binomial", 0.4, 200_000.0, **NESTED),
    "wedge, negbin": lambda: wedge("negbin", 0.01, 400.0, model={"likelihood": "negbin"}),
    "wedge, random effects with correlation, nested, ramp": lambda: wide(
        model={"clustering": "nested", "transition": "ramp", "anticipation": 2}
    ),
    "wedge, strata, teh, dose": lambda: wide(
        model={"strata": True, "effect": "teh", "transition": {"dose": 0.5}}
    ),
    "wedge, growth": lambda: wide(model={"effect": "growth", "calendar": "smooth"}),
    "wedge, mono": lambda: wide(model={"effect": "mono"}),
    "wedge, two bundles, covariate, interruption": lambda: two_bundles(),
    "wedge, closed cohort": lambda: cohort(),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_predict_equals_the_graph(name: str) -> None:
    model = STRUCTURES[name]()
    fit = prior_fit(model)
    rows = model.structure.rows[model.structure.rows["used"]]
    (part,) = predict(fit, rows)
    np.testing.assert_allclose(
        part.untreated + part.effect + part.measurement, fit.flat("eta"), rtol=1e-8, atol=1e-8
    )
    untouched = ~(rows["treated"] | rows["transition"] | (rows["lead"] > 0)).to_numpy()
    assert np.all(part.effect[:, untouched] == 0.0)  # zero before start: nothing is switched on


def test_the_structures_above_are_what_they_say() -> None:
    """Each name is a promise; a structure that quietly became another one would test nothing."""
    found = {name: make().structure for name, make in STRUCTURES.items()}

    def of(name: str, *fields: str) -> tuple[object, ...]:
        return tuple(getattr(found[name], field) for field in fields)

    fields = ("wave_effects", "calendar", "contrast", "transition", "clustering")
    decay = "wedge, decay, waves, smooth calendar, contrast"
    assert of(decay, *fields) == (True, "smooth", True, "own", "decay")
    line = found["series, autoregressive, level and slope, trend, season, transition"]
    assert (line.effect.name, line.trend, line.harmonics) == ("level_slope", True, 2)
    assert (line.likelihood.name, line.clustering) == ("poisson", "decay")
    assert of("wedge, centred sites and cells", "centred_cells", "centred_sites") == (True, True)
    assert of("series, transition dropped", "transition") == ("drop",)
    assert found["series, transition dropped"].reporting is not None
    assert found["series too short for a trend"].secular is not None
    sites = ("calendar", "trend_difference", "site_trends", "site_effects", "site_slopes")
    assert of("comparison sites, site trends, shocks", *sites) == ("shocks", True, True, False, False)
    level = "comparison sites, level only, random effects"
    assert of(level, *sites) == ("shocks", False, True, True, True)
    ramp = "wedge, random effects with correlation, nested, ramp"
    effects = ("site_effects", "site_correlation", "transition", "anticipation")
    assert of(ramp, *effects) == (True, True, "dose", 2)
    assert of("wedge, strata, teh, dose", "strata", "transition") == (2, "dose")
    two = found["wedge, two bundles, covariate, interruption"]
    assert (two.other_bundles, two.covariates) == (
        ("pressure_ulcers",),
        ("covariate:flood", "covariate:staffing"),
    )
    assert of("wedge, closed cohort", "clustering") == ("cohort",)


def test_a_centred_series_is_the_same_law_as_a_non_centred_one() -> None:
    """The same parameters give the same cells, and the density of the cells is the multivariate normal's."""
    plain = wedge("poisson", 0.01, 400.0)
    fit = prior_fit(plain)
    structure = replace(plain.structure, centred_cells=True)
    (part,) = predict(fit, structure.rows)
    level = (part.untreated + part.effect).reshape(-1, *structure.shape)
    draws = fit.tree.posterior.to_dataset().assign(
        cell_level=(("chain", "draw", "site", "period"), level[None])
    )
    centred = replace(fit, structure=structure, tree=xr.DataTree.from_dict({"posterior": draws}))
    (again,) = predict(centred, structure.rows)
    np.testing.assert_allclose(again.untreated, part.untreated, atol=1e-9)


def test_a_new_site_is_drawn_from_its_population() -> None:
    model = wedge("poisson", 0.01, 400.0, **NESTED)
    fit = prior_fit(model, draws=1000)
    row = model.structure.rows.iloc[[0]].assign(site=NEW_SITE, bin=0)
    new = np.concatenate([part.untreated[:, 0] for part in predict(fit, row)])
    known = fit.flat("intercept") + fit.flat("calendar_effect")[:, 0]
    known += fit.flat("trend") * row["years"].to_numpy()
    spread = np.sqrt(np.mean(fit.flat("total_sd") ** 2))
    assert (new - known).std() == pytest.approx(spread, rel=0.1)
