"""`make peers`: brms, given the same model and the same priors, has the same posterior."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from cases import WITH_SAME_PRIORS, Case, write_project
from compare import (
    CHAINS,
    DRAWS,
    WARMUP,
    compare,
    fit_project,
    keep,
    missing,
    quantities,
    read_draws,
    run_script,
)

pytestmark = pytest.mark.validate
MOST_MCSE, MOST_SD = 4.0, 0.05
"""Largest differences: Monte Carlo standard errors of both programs together, and posterior SDs."""


@pytest.mark.parametrize("case", WITH_SAME_PRIORS, ids=lambda case: case.name)
def test_brms_has_the_same_posterior(case: Case, tmp_path: Path) -> None:
    """Mean and SD of every parameter and of the effect agree, up to what sampling explains."""
    if reason := missing("brms"):
        pytest.skip(reason)
    study = write_project(tmp_path / case.name, case)
    run_script("brms.R", tmp_path / case.name, CHAINS, 2, WARMUP, DRAWS)
    theirs = read_draws(tmp_path / case.name)
    fit, seconds = fit_project(study)
    ours = quantities(fit)
    assert theirs.keys() == ours.keys()

    rows = [compare(name, theirs[name], ours[name]) for name in theirs]
    spent = json.loads((tmp_path / case.name / "seconds.json").read_text())
    keep(case, "brms", [asdict(row) for row in rows], spent | {"own": seconds})

    apart = [
        f"{row.quantity}: mean {row.mean:.4f} against {row.peer_mean:.4f}, SD {row.sd:.4f} against {row.peer_sd:.4f}"
        f" ({row.difference_mcse:+.1f} and {row.spread_mcse:+.1f} MCSE)"
        for row in rows
        if max(abs(row.difference_mcse), abs(row.spread_mcse)) > MOST_MCSE
        or max(abs(row.difference), abs(row.spread - 1)) > MOST_SD
    ]
    assert not apart, "\n".join(apart)
