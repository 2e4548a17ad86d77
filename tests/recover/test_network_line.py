"""The whole line: studies simulated around one network mean, fitted by the real model, divided, pooled, compared."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from network_worlds import pool_summaries

from impl.model.build import model_of
from impl.model.effect_prior import effect_prior
from impl.model.estimands import window_effect, window_rows
from impl.model.fit import sample_once
from impl.model.simulate import World
from impl.model.structure import describe_structure
from impl.network.evidence import divide_out
from worlds import make_panel, make_study

STUDIES, TRUE_MEAN, TRUE_TAU, SEED = 12, -0.3, 0.2, 20261123


@pytest.mark.validate
def test_fitted_studies_pool_to_the_truth() -> None:
    rng = np.random.default_rng(SEED)
    truths = TRUE_MEAN + TRUE_TAU * rng.standard_normal(STUDIES)
    told, wide = [], []
    for number, truth in enumerate(truths):
        start = np.array([6.0, 6.0, 10.0, 10.0, 14.0, 14.0])
        world = World(
            law="poisson",
            baseline=0.005,
            start=start,
            effect=lambda time, at=truth: at + 0.0 * time,
            site_sd=0.2,
        )
        structure = describe_structure(
            make_study("falls"), make_panel(world, "falls", np.full((6, 24), 1500.0), seed=SEED + number)
        )
        model = model_of(structure)
        fit = sample_once(model, seed=number, settings=(4, 400, 500))
        prior = effect_prior(structure, window_rows(structure))
        effect = window_effect(fit)
        divided = divide_out(float(effect.mean()), float(effect.std()), prior.mean, prior.sd)
        assert divided is not None
        told.append(divided)
        wide.append((effect.mean(), effect.std()))
    mean, sd = np.array(told).T
    pooled = pool_summaries(mean, sd).combination(np.ones((1, 1))).summaries()[0]
    held = float(np.mean(np.abs(mean - truths) < 1.645 * sd))
    sys.stdout.write(
        f"true mean of these {STUDIES} places {truths.mean():+.3f}, pooled {pooled.mean:+.3f} (SD {pooled.sd:.3f}); "
        f"posteriors as they stand {np.mean([each[0] for each in wide]):+.3f}; likelihood intervals hold {held:.2f}\n"
    )
    assert abs(pooled.mean - truths.mean()) < 2 * pooled.sd
    assert pooled.lower < TRUE_MEAN < pooled.upper
    assert held >= 0.7
