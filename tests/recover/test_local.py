"""`make slow`: known truths of delivery, dose and adaptation are found again, through the real sampler."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from impl.data.panel import Panel
from impl.model.build import build_model
from impl.model.fit import sample
from impl.model.local.delivery import evaluate_delivery
from impl.model.local.dose import evaluate_dose
from impl.model.simulate import World
from impl.study.study import Study
from worlds import make_panel, make_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
SITES, MONTHS = 16, 36
FULL_EFFECT = -0.7  # log rate ratio at full delivery, in proportion to the share
START = np.repeat([10.0, 14.0, 18.0, 22.0], 4)


def delivered_world() -> tuple[Study, Panel, np.ndarray]:
    """Sites whose share delivered lies between 15 and 95 per cent and is audited quarterly, twenty at a time; a
    twentieth was practice before start."""
    rng = np.random.default_rng(20261122)
    share = np.tile(np.linspace(0.15, 0.95, 4), 4)
    shift = np.repeat((FULL_EFFECT * (share - 0.05))[:, None], MONTHS, axis=1)
    world = World(
        law="poisson",
        baseline=0.01,
        start=START,
        effect=lambda exposure: 0.0 * exposure,
        site_sd=0.3,
        cell_sd=0.1,
    )
    panel = make_panel(world, "falls", np.full((SITES, MONTHS), 1500.0), shift=shift, seed=5)
    rows = [
        (
            f"s{site:02d}",
            period,
            "all",
            float(rng.binomial(20, 0.05 if period < START[site] else share[site])),
            20.0,
        )
        for site in range(SITES)
        for period in range(1, MONTHS, 3)
    ]
    audits = pd.DataFrame(rows, columns=["site", "period", "component", "delivered", "eligible"])
    study = make_study("falls", fidelity={"file": "none.csv"}, model={"clustering": "nested"})
    return study, replace(panel, fidelity=audits.assign(reported=True)), share


def test_the_effect_at_full_delivery_is_found() -> None:
    """Where hardly any site delivered everything, the answer at full delivery is an extrapolation along the line."""
    study, panel, share = delivered_world()
    fit = sample(build_model(study, panel), study)
    delivery = evaluate_delivery(fit, study, panel)
    assert delivery is not None
    assert delivery.passed
    assert delivery.overall[0] <= share.mean() <= delivery.overall[2]
    assert delivery.before == pytest.approx(0.05, abs=0.02)
    found = evaluate_dose(fit, study, delivery)
    assert found is not None
    assert found.passed
    points = found.points.set_index("fidelity")
    for at in (0.4, 0.8, 1.0):
        assert points.loc[at, "lower"] <= np.exp(FULL_EFFECT * at) <= points.loc[at, "upper"], at
    assert points.loc[1.0, "upper"] < 0.7
    assert found.smallest is not None
    assert found.smallest <= 0.6
