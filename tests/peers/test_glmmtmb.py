"""`make peers`: under wide priors and with 40 sites, maximum likelihood gives nearly the same answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases import AGAINST_LIKELIHOOD, Case, write_project
from compare import fit_project, keep, missing, quantities, run_script

pytestmark = pytest.mark.validate
MOST_SE = 0.15
SPREAD = (0.9, 1.15)
"""Posterior SD over standard error; above 1 because the posterior also doubts the variance components."""


@pytest.mark.parametrize("case", AGAINST_LIKELIHOOD, ids=lambda case: case.name)
def test_maximum_likelihood_agrees(case: Case, tmp_path: Path) -> None:
    """The constant effect: estimate and standard error against posterior mean and SD."""
    if reason := missing("glmmTMB"):
        pytest.skip(reason)
    study = write_project(tmp_path / case.name, case)
    run_script("glmmtmb.R", tmp_path / case.name)
    theirs = json.loads((tmp_path / case.name / "estimate.json").read_text())
    fit, seconds = fit_project(study)
    effect = quantities(fit)["effect_window"]
    mean, sd = float(effect.mean()), float(effect.std())
    row = {
        "quantity": "effect_window",
        "peer_mean": theirs["effect"],
        "peer_sd": theirs["standard_error"],
        "mean": mean,
        "sd": sd,
        "difference": (mean - theirs["effect"]) / theirs["standard_error"],
        "spread": sd / theirs["standard_error"],
    }
    keep(case, "glmmTMB", [row], theirs | {"own": seconds})

    assert abs(row["difference"]) <= MOST_SE, row
    assert SPREAD[0] <= row["spread"] <= SPREAD[1], row
