"""Moderation by local adaptation: columns, estimands and what must stand beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from impl.errors import DesignError
from impl.model.build import build_model
from impl.model.estimands import Asked, _sums, reported_draws, window_rows
from impl.model.estimate import prediction_correlations, usual_scores
from impl.model.local.moderation import (
    BEFORE_LEVEL,
    before_levels,
    lagged_structure,
    past_levels,
    prior_overlap,
    tipping,
    with_before_level,
)
from impl.model.predict import NEW_SITE
from impl.model.simulate import World
from impl.model.structure import Structure, describe_structure
from worlds import make_panel, make_study, prior_fit

PLANNED = "moderator:consistent_planned"


def log(*rows: tuple[str, int, str]) -> pd.DataFrame:
    """Modifications: site, first period, consistent."""
    return pd.DataFrame(
        {
            "site": [site for site, _, _ in rows],
            "from_period": [period for _, period, _ in rows],
            "end": None,
            "consistent": [answer for _, _, answer in rows],
            "target": "intervention",
            "nature": "tailoring",
            "component_role": "unknown",
            "reactive": "no",
        }
    )


LOG = log(("s00", 5, "yes"), ("s00", 8, "yes"), ("s02", 6, "yes"), ("s04", 7, "no"), ("s05", 9, "no"))


def wedge(adaptations: pd.DataFrame = LOG, **declared: object) -> Structure:
    world = World(
        law="poisson",
        baseline=0.02,
        start=np.repeat([4.0, 6.0, 8.0], 2),
        effect=lambda exposure: np.full(exposure.shape, -0.3),
        site_sd=0.4,
    )
    panel = make_panel(world, "falls", np.full((6, 12), 600.0), adaptations=adaptations)
    declared = {"file": "none.csv", "moderators": ["consistent_planned", "inconsistent"]} | declared
    return describe_structure(make_study("falls", adaptations=declared), panel)


def test_a_score_counts_what_is_in_force_and_is_centred_over_treated_cells() -> None:
    structure = wedge()
    rows = structure.rows
    treated = rows["treated"]
    assert np.all(rows.loc[~treated, PLANNED] == 0.0)
    assert rows.loc[treated, PLANNED].mean() == pytest.approx(0.0, abs=1e-12)
    first = rows[rows["site"] == 0].set_index("period")[PLANNED] + structure.moderator_centres[0]
    assert list((2.0 ** first.loc[4:9] - 1.0).round(6)) == [0, 1, 1, 1, 2, 2]
    assert structure.moderator_sites == (2, 2)


def test_more_moderators_than_the_sites_can_carry_are_refused() -> None:
    with pytest.raises(DesignError) as caught:
        wedge(moderators=["consistent_planned", "inconsistent", "unknown"])
    assert {fault.code for fault in caught.value.faults} >= {"design.moderators"}


def test_a_score_that_never_differs_is_refused() -> None:
    with pytest.raises(DesignError) as caught:
        wedge(moderators=["strategy"])
    assert {fault.code for fault in caught.value.faults} == {"design.moderator_constant"}


def test_the_estimand_is_one_modification_against_none() -> None:
    """On a log link the ratio is exp(coefficient) whatever else a cell holds."""
    fit = prior_fit(_model(wedge()), draws=20)
    reported = reported_draws(fit)
    first, last = fit.structure.window
    expected = np.exp(fit.flat("moderation")[:, 0])
    ratio = reported[Asked("moderation", first, last, "ratio", "consistent_planned")]
    np.testing.assert_allclose(ratio, expected, rtol=1e-10)
    pair = reported[Asked("moderation", first, last, "ratio", "consistent_planned-inconsistent")]
    other = np.exp(fit.flat("moderation")[:, 1])
    np.testing.assert_allclose(pair, expected / other, rtol=1e-10)


def _model(structure: Structure) -> object:
    from impl.model.build import model_of

    return model_of(structure)


def test_a_lagged_score_is_that_of_a_quarter_earlier_and_at_first_that_of_the_start() -> None:
    structure = wedge()
    shifted = lagged_structure(structure)
    score = structure.grid(PLANNED) + structure.moderator_centres[0]
    earlier = shifted.grid(PLANNED) + structure.moderator_centres[0]
    assert list((2.0 ** earlier[0, 4:] - 1.0).round(6)) == [0, 0, 0, 0, 1, 1, 1, 2]
    np.testing.assert_allclose(earlier[0, 8:], score[0, 5:9])
    assert np.all(shifted.grid(PLANNED)[~structure.grid("treated")] == 0.0)
    assert shifted.compiled_key() == structure.compiled_key()


def test_sites_that_differed_before_they_adapted_are_seen() -> None:
    """The level before start is made to follow the later score; and a score unrelated to it is not flagged."""
    structure = wedge()
    rows = structure.rows
    score = (
        np.where(structure.grid("treated"), structure.grid(PLANNED) + structure.moderator_centres[0], -1)
        .max(axis=1)
        .clip(0)
    )
    noise = np.array([0.02, -0.02, 0.01, -0.01, 0.02, -0.02])
    level = 12.0 * np.exp(0.5 * score + noise)
    told = replace(structure, rows=rows.assign(numerator=level[rows["site"].to_numpy()]))
    found = past_levels(told).set_index("moderator")
    assert found.loc["consistent_planned", "slope"] == pytest.approx(0.5, abs=0.05)
    assert found.loc["consistent_planned", "t"] > 2
    flat = replace(structure, rows=rows.assign(numerator=12.0 * np.exp(noise)[rows["site"].to_numpy()]))
    assert abs(past_levels(flat).set_index("moderator").loc["consistent_planned", "t"]) < 2


def test_the_level_before_start_becomes_one_more_moderator() -> None:
    structure = wedge()
    levelled = with_before_level(structure)
    assert levelled is not None
    assert levelled.moderators[-1] == BEFORE_LEVEL
    column = levelled.rows.loc[levelled.rows["treated"], BEFORE_LEVEL]
    assert column.mean() == pytest.approx(0.0, abs=1e-12)
    order = before_levels(structure)
    by_site = levelled.rows[levelled.rows["treated"]].groupby("site")[BEFORE_LEVEL].first()
    assert list(by_site.argsort()) == list(np.argsort(order))


def test_the_tipping_bias_is_the_quantile_nearest_to_nothing() -> None:
    structure = wedge()
    draws = np.column_stack([np.linspace(-1.0, 0.0, 101), np.linspace(-1.0, 1.0, 101)])
    found = tipping(structure, draws)
    assert found["consistent_planned"] == pytest.approx(0.1)
    assert found["inconsistent"] == 0.0


def test_only_the_primary_measure_is_moderated() -> None:
    world = World(
        law="poisson", baseline=0.02, start=np.array([4.0, 4, 6, 6]), effect=lambda exposure: 0.0 * exposure
    )
    panel = make_panel(world, "falls_serious_injury", np.full((4, 10), 900.0), adaptations=LOG)
    declared = {"file": "none.csv", "moderators": ["consistent_planned"]}
    study = make_study(
        "falls", adaptations=declared, measures={"primary": "falls", "paired": ["falls_serious_injury"]}
    )
    assert build_model(study, panel, "falls_serious_injury").structure.moderators == ()


def test_overlap_tells_how_much_the_data_said() -> None:
    """The prior against itself overlaps wholly; a posterior far out in its tail hardly at all."""
    structure = wedge()
    rng = np.random.default_rng(2)
    prior = np.abs(rng.normal(0, structure.priors.moderator, 20_000)) * rng.standard_normal(20_000)
    assert prior_overlap(structure, prior) > 0.95
    assert prior_overlap(structure, rng.normal(0.6, 0.05, 4000)) < 0.1
    assert 0.3 < prior_overlap(structure, rng.normal(0.0, 0.08, 4000)) < 0.9


def test_a_new_site_with_plans_is_the_sum_that_a_prediction_makes_of_it() -> None:
    """Draws of the model itself, with a site that is not in the data and three modifications, against the numbers that a
    Release holds: mean, SD and correlation, on the link scale."""
    world = World(law="poisson", baseline=0.02, start=np.repeat([4.0, 6.0, 8.0], 3), effect=lambda e: 0.0 * e)
    log_ = log(("s00", 4, "yes"), ("s00", 8, "yes"), ("s02", 6, "yes"), ("s04", 7, "no"), ("s05", 9, "no"))
    panel = make_panel(world, "falls", np.full((9, 12), 600.0), adaptations=log_)
    declared = {"file": "none.csv", "moderators": ["consistent_planned", "inconsistent"]}
    fit = prior_fit(build_model(make_study("falls", adaptations=declared), panel), draws=400)
    structure, planned = fit.structure, {"consistent_planned": 3, "inconsistent": 0}
    window = window_rows(structure)
    changed = {
        name: np.log2(1 + planned[name.removeprefix("moderator:")]) - centre
        for name, centre in zip(structure.moderators, structure.moderator_centres, strict=True)
    }
    direct = _sums(fit, window.assign(site=NEW_SITE, **changed)).effect.mean(axis=1)
    reported = reported_draws(fit)
    draws = [reported[Asked("new_site", *structure.window, "link")]]
    draws += [reported[Asked("moderation", *structure.window, "link", kind)] for kind in planned]
    usual = usual_scores(structure)
    weights = [1.0, *(np.log2(1 + count) - usual[kind] for kind, count in planned.items())]
    np.testing.assert_allclose(sum(w * d for w, d in zip(weights, draws, strict=True)), direct, atol=1e-9)
    correlations = prediction_correlations(structure, reported)
    assert correlations["consistent_planned"] == pytest.approx(np.corrcoef(draws[0], draws[1])[0, 1])
    assert correlations["consistent_planned|inconsistent"] == pytest.approx(
        np.corrcoef(draws[1], draws[2])[0, 1]
    )
