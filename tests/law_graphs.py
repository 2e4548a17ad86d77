"""A likelihood in a PyMC model of its own, and its log-density cell by cell, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor
from pytensor.compile.mode import Mode

from impl.model.likelihoods.likelihood import Censored, Likelihood, Observed
from impl.model.priors import DEFAULT

# nothing here is worth compiling; small inner graphs are inlined, or they would be
PLAIN = Mode(linker="py", optimizer="fast_compile").including("inline_ofg").excluding("constant_folding")


def law_model(
    law: Likelihood,
    eta: np.ndarray,
    cells: Observed,
    *,
    prepared: Mapping[str, np.ndarray],
    free: bool = False,
) -> pm.Model:
    """Every array is `pm.Data`, as in the models of studies; `free` adds a flat `level` to every predictor.

    Data are named after the fields of `Observed`, those of intervals with `interval_` in front.
    """
    with pm.Model() as model:
        level = pm.Flat("level") if free else 0.0
        data = {name: pm.Data(name, value) for name, value in vars(cells).items() if _is_array(value)}
        made = {name: pm.Data(name, value) for name, value in prepared.items()}
        censored = None
        if cells.censored is not None:
            ends = {name: pm.Data("interval_" + name, value) for name, value in vars(cells.censored).items()}
            censored = Censored(**ends | {"eta": ends["eta"] + level})
        tensors = replace(cells, **data, censored=censored, prepared=made)
        law.observe(pm.Data("eta", eta) + level, tensors, DEFAULT)
    return model


def law_density(model: pm.Model, values: Mapping[str, object]) -> np.ndarray:
    """Log-density cell by cell at fixed values of the free variables, interval cells at the end."""
    fixed = pm.do(model, {name: np.asarray(value) for name, value in values.items()}) if values else model
    terms = fixed.logp(vars=fixed.observed_RVs, sum=False)
    found = pytensor.function([], [sum(terms[1:], start=terms[0]), *fixed.potentials], mode=PLAIN)()
    return np.concatenate([np.asarray(part) for part in found])


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)
