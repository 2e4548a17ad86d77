"""Sampling: nutpie with a recorded seed, one retry at a higher target, nothing stored row by row.

A compiled model is kept and given other data wherever the structure is the same: a refit costs no compilation.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import nutpie
import xarray as xr
from pymc.backends.arviz import find_constants, find_observations

from impl.model.build import RELATIVE_CELLS, EvaluationModel
from impl.model.checks import check_fit, divergence_share
from impl.model.estimands import window_effect
from impl.model.fitted import Fit
from impl.model.kept import ANEW, FOLDER, keep, key_of, read_kept
from impl.model.structure import AFTER
from impl.study.study import Study

Profile = Literal["full", "smoke"]
Compiled = Any
"""nutpie's compiled model; the package has no types."""

SETTINGS: dict[Profile, tuple[int, int, int]] = {"full": (4, 1000, 1000), "smoke": (2, 300, 300)}
"""Chains, warm-up draws and kept draws per chain."""
FIRST_TARGET, RETRY_TARGET = 0.95, 0.99
LARGE_SETTINGS, LARGE_TARGET = (4, 500, 1000), 0.8
"""The first run of national size: with so many cells and no cell effects the posterior is nearly normal, and a
gradient dear. The gates are the same, and the retry is that of every other fit."""
AMBER_SHARE = 0.001  # divergences that may remain after the retry …
AMBER_SHIFT = 0.1  # … when the effect moved by less than this many posterior SDs
KEPT_MODELS = 12
_compiled: OrderedDict[tuple[object, ...], tuple[Compiled, EvaluationModel]] = OrderedDict()
"""Compiled models of this process by `compile_key`, the last used at the end, and the models they were compiled from."""


def sample(model: EvaluationModel, study: Study, *, profile: Profile = "full") -> Fit:
    """Sample a model; where a gate fails, sample once more with smaller steps.

    The gates hold for every reported quantity (`check_fit`). The caller asks them again: a fit that still
    fails is returned, and the Release made from it has no estimates. Raises ValueError for an unknown profile.
    """
    if profile not in SETTINGS:
        raise ValueError(f"profile must be one of {sorted(SETTINGS)}, got {profile!r}")
    clock = time.monotonic()
    folder = study.root / FOLDER
    first = sample_once(model, seed=study.seed, profile=profile, folder=folder)
    if check_fit(first).passed or profile == "smoke":
        return first
    second = sample_once(model, seed=study.seed, profile=profile, target=RETRY_TARGET, folder=folder)
    moved = abs(window_effect(second).mean() - window_effect(first).mean())
    few = 0 < divergence_share(second) <= AMBER_SHARE
    amber = bool(few and moved < AMBER_SHIFT * window_effect(second).std())
    seconds = time.monotonic() - clock
    return replace(second, started=first.started, retried=True, amber=amber, seconds=seconds)


def compile_model(model: EvaluationModel) -> Compiled:
    """The compiled model with this model's data: from memory where the structure was compiled before."""
    key = compile_key(model)
    compiled, first = _compiled.pop(key, (None, model))
    if compiled is None:
        free = [variable for variable in model.free_RVs if variable.name != RELATIVE_CELLS]
        kept = [variable.name for variable in (*free, *model.deterministics)]
        compiled = nutpie.compile_pymc_model(model, jitter_rvs=set(free), var_names=kept)
    _compiled[key] = compiled, first
    while len(_compiled) > KEPT_MODELS:
        _compiled.popitem(last=False)
    check_inputs(model)
    # where chains start is read from the first model's own data: left as they were, its neighbours would decide a fit
    for name, array in model.inputs.items():
        first[name].set_value(array.astype(first[name].type.dtype))
    return compiled.with_data(**model.inputs)


def compile_key(model: EvaluationModel) -> tuple[object, ...]:
    """What the compiled code depends on: the decided structure, and the graph's own variables and data."""
    variables = tuple(variable.name for variable in (*model.free_RVs, *model.deterministics))
    dims = tuple((name, len(labels)) for name, labels in model.coords.items())
    potentials = tuple(potential.name for potential in model.potentials)
    inputs = tuple((name, array.ndim, array.dtype.kind) for name, array in model.inputs.items())
    return (*model.structure.compiled_key(), variables, dims, potentials, inputs)


def check_inputs(model: EvaluationModel) -> None:
    """Refuse data that compiled code would read past the end of: it checks no index itself.

    Raises ValueError; the data come from a structure, so this is a fault of ours.
    """
    structure, inputs = model.structure, model.inputs
    sites, periods = structure.shape
    cells, rows = sites * periods, int(structure.rows["used"].sum())
    largest = {
        "used_row": cells,
        "interval_row": cells,
        "several": rows,
        "site_wave": structure.waves,
        "site_stratum": max(1, structure.strata),
        "exposure_bin": structure.bins + 1,
        "cell_group": len(model.coords["group"]) + 1,
        "cell_lead": structure.anticipation + 1,
    }
    for name, array in inputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"input {name} is not finite")
        if array.dtype.kind in "iu" and array.size:
            limit = largest.get(name, len(model.coords["other_exposure"]) + 1)
            if array.min() < 0 or array.max() >= limit:
                raise ValueError(f"input {name} holds positions outside 0 to {limit - 1}")
    for name in ("used_row", "numerator", "denominator", "answers"):
        if name in inputs and len(inputs[name]) != rows:
            raise ValueError(f"input {name} has {len(inputs[name])} values for {rows} cells")
    for name, array in inputs.items():
        grid = name.startswith(
            ("exposure_bin", "treated", "bundle:", "covariate:", "moderator:", "dose:", AFTER)
        )
        if grid and array.shape != (sites, periods):
            raise ValueError(f"input {name} has shape {array.shape}, not {(sites, periods)}")


def sample_once(
    model: EvaluationModel,
    *,
    seed: int,
    profile: Profile = "full",
    target: float | None = None,
    settings: tuple[int, int, int] | None = None,
    folder: Path | None = None,
) -> Fit:
    """One run of the sampler, whatever the gates say of it; compiling the model is part of it.

    target: acceptance aimed at; FIRST_TARGET, or that of large models, unless given. settings: chains, warm-up
    draws and kept draws per chain, where the profile's are not wanted. folder: where draws are kept, and taken
    from if the same was sampled before.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    quick = model.structure.large and target is None
    chains, tune, draws = settings or (LARGE_SETTINGS if quick and profile == "full" else SETTINGS[profile])
    target = target or (LARGE_TARGET if quick else FIRST_TARGET)
    adaptation: Literal["diag", "draw_diag"] = "diag" if quick else "draw_diag"
    wanted = (chains, tune, draws)
    key = key_of(compile_key(model), model.inputs, wanted, seed, target, adaptation) if folder else ""
    tree = read_kept(folder, key) if folder and not os.environ.get(ANEW) else None
    if tree is None:
        tree = draw(compile_model(model), wanted, seed=seed, target=target, adaptation=adaptation)
        if folder:
            keep(folder, key, tree)
    tree["posterior"] = _labelled(tree.posterior.to_dataset(), model)
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
        seconds=time.monotonic() - clock,
    )


def _labelled(posterior: xr.Dataset, model: EvaluationModel) -> xr.Dataset:
    """Draws under the names of this model's sites, not of those that the code was compiled with."""
    return posterior.assign_coords(
        {dim: list(model.coords[dim]) for dim in posterior.dims if dim in model.coords}
    )


def draw(
    compiled: Compiled,
    settings: tuple[int, int, int],
    *,
    seed: int,
    target: float,
    adaptation: Literal["diag", "draw_diag"] = "draw_diag",
) -> xr.DataTree:
    """Draws from a compiled model; settings: chains, warm-up draws and kept draws per chain."""
    chains, tune, draws = settings
    tree: xr.DataTree = nutpie.sample(
        compiled,
        draws=draws,
        tune=tune,
        chains=chains,
        seed=seed,
        adaptation=adaptation,
        target_accept=target,
        save_warmup=False,
        progress_bar=False,
    )
    return tree


def _group(values: dict[str, npt.NDArray[Any]]) -> xr.DataTree:
    arrays = {name: np.asarray(array) for name, array in values.items()}
    return xr.DataTree(
        xr.Dataset(
            {
                name: ([f"{name}_{axis}" for axis in range(array.ndim)], array)
                for name, array in arrays.items()
            }
        )
    )
