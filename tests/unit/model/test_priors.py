"""Priors: the prior predictive gate, the wide set, and changes a study may declare."""

from __future__ import annotations

import numpy as np
import pytest

from impl.model.build import build_model
from impl.model.predict import predict
from impl.model.priors import DEFAULT, WIDE, resolve_priors, scaled
from impl.model.simulate import World
from impl.study.study import PriorChange, PriorChanges
from worlds import make_panel, make_study, prior_fit


@pytest.mark.parametrize("periods", [12, 36], ids=["categorical calendar", "smooth calendar"])
def test_nine_in_ten_prior_site_levels_lie_within_ten_times_the_baseline(periods: int) -> None:
    """The gate of docs/model.md §3; before start, default priors."""
    starts = np.repeat([0.4, 0.5, 0.6, 0.7], 2) * periods
    world = World(law="poisson", baseline=0.05, start=starts.round(), effect=np.zeros_like)
    model = build_model(make_study("falls"), make_panel(world, "falls", np.full((8, periods), 2000.0)))
    fit = prior_fit(model, draws=300)
    untreated = np.concatenate([part.untreated for part in predict(fit, model.structure.rows)])
    within = np.abs(untreated - model.structure.location) < np.log(10)
    assert within.mean() >= 0.90


def test_the_time_averaged_effect_has_the_declared_prior_whatever_the_number_of_periods() -> None:
    """Not hidden scepticism: the SD of the mean over the window stays near that of the first effect."""
    spread = []
    for periods in (12, 36):
        starts = np.array([0.3, 0.3, 0.4, 0.4]) * periods
        world = World(law="poisson", baseline=0.05, start=starts.round(), effect=np.zeros_like)
        model = build_model(make_study("falls"), make_panel(world, "falls", np.full((4, periods), 2000.0)))
        curve = prior_fit(model, draws=1200).flat("curve")
        spread.append(curve[:, :6].mean(axis=1).std())
    assert spread[0] == pytest.approx(spread[1], rel=0.1)
    assert min(spread) >= 0.45


def test_a_study_changes_named_scales_and_nothing_else() -> None:
    changed = resolve_priors(PriorChanges(effect=PriorChange(sd=1.0)))
    assert (changed.effect, changed.name) == (1.0, "changed")
    assert {key for key, value in vars(changed).items() if value != getattr(DEFAULT, key)} == {
        "effect",
        "name",
    }
    assert resolve_priors("wide") is WIDE
    assert resolve_priors("default") is DEFAULT


def test_an_identity_link_scales_with_the_spread_between_persons() -> None:
    tenfold = scaled(DEFAULT, 10.0)
    assert (tenfold.effect, tenfold.site, tenfold.residual) == (5.0, 5.0, 10.0)
    assert tenfold.cell_share_alpha == DEFAULT.cell_share_alpha
