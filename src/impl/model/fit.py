"""Sampling: nutpie with a recorded seed, one retry at a higher target, nothing stored row by row."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import numpy as np
import nutpie
import xarray as xr
from pymc.backends.arviz import find_constants, find_observations

from impl.model.build import EvaluationModel
from impl.model.checks import check_fit, divergence_share
from impl.model.estimands import window_effect
from impl.model.fitted import Fit
from impl.study.study import Study

Profile = Literal["full", "smoke"]

SETTINGS: dict[Profile, tuple[int, int, int]] = {"full": (4, 1000, 1000), "smoke": (2, 300, 300)}
"""Chains, warm-up draws and kept draws per chain."""
FIRST_TARGET, RETRY_TARGET = 0.95, 0.99
AMBER_SHARE = 0.001  # divergences that may remain after the retry …
AMBER_SHIFT = 0.1  # … when the effect moved by less than this many posterior SDs


def sample(model: EvaluationModel, study: Study, *, profile: Profile = "full") -> Fit:
    """Sample a model; where a gate fails, sample once more with smaller steps.

    The gates hold for every reported quantity (`check_fit`). The caller asks them again: a fit that still
    fails is returned, and the Release made from it has no estimates. Raises ValueError for an unknown profile.
    """
    if profile not in SETTINGS:
        raise ValueError(f"profile must be one of {sorted(SETTINGS)}, got {profile!r}")
    started, clock = datetime.now(UTC), time.monotonic()
    compiled = nutpie.compile_pymc_model(model)
    first = _sample(compiled, model, study.seed, profile, FIRST_TARGET, started)
    if check_fit(first).passed or profile == "smoke":
        return replace(first, seconds=time.monotonic() - clock)
    second = _sample(compiled, model, study.seed, profile, RETRY_TARGET, started)
    moved = abs(window_effect(second).mean() - window_effect(first).mean())
    few = 0 < divergence_share(second) <= AMBER_SHARE
    amber = bool(few and moved < AMBER_SHIFT * window_effect(second).std())
    return replace(second, retried=True, amber=amber, seconds=time.monotonic() - clock)


def _sample(
    compiled: nutpie.compile_pymc.CompiledPyMCModel,
    model: EvaluationModel,
    seed: int,
    profile: Profile,
    target: float,
    started: datetime,
) -> Fit:
    chains, tune, draws = SETTINGS[profile]
    tree = nutpie.sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        adaptation="draw_diag",
        target_accept=target,
        save_warmup=False,
        progress_bar=False,
    )
    # nutpie stores posterior and sample statistics only; the rest makes ArviZ's own tools work on the tree
    tree["observed_data"] = _group(find_observations(model))
    tree["constant_data"] = _group(find_constants(model))
    return Fit(
        tree=tree,
        structure=model.structure,
        profile=profile,
        seed=seed,
        target_accept=target,
        retried=False,
        amber=False,
        started=started,
        seconds=0.0,
    )


def _group(values: dict[str, np.ndarray]) -> xr.DataTree:
    return xr.DataTree(
        xr.Dataset({name: (f"{name}_row", np.asarray(array)) for name, array in values.items()})
    )
