"""What the priors alone say of the data: prior draws of the same model, beside what was measured.

No sampler and no compilation: the graph is walked in Python a few hundred times.
Source: prior predictive checking, Gabry et al. 2019 (10.1111/rssa.12378).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from impl.model.build import model_of
from impl.model.estimands import window_rows
from impl.model.fitted import Fit
from impl.model.predict import predict

Array = npt.NDArray[np.float64]
DRAWS = 300
HALF = 0.5  # event added to each sum, so that a change from nothing is finite


def prior_predictive(fit: Fit) -> pd.DataFrame:
    """Summaries of the observed cells, measured and as the priors give them; rows `level` (all used cells) and `change`
    (the window over the untreated cells; a difference where the link is the identity).

    Columns `check`, `observed`, `lower`, `median`, `upper` (90 % of prior predictive draws), `inside`.
    """
    structure = fit.structure
    rows = structure.rows[structure.rows["used"] & structure.rows["observed"]]
    drawn = _drawn(_prior(fit), rows)
    measured = rows["numerator"].to_numpy(dtype=float)[None, :]
    after = rows.index.isin(window_rows(structure).index)
    before = (~rows["treated"] & ~rows["transition"]).to_numpy(dtype=bool)
    weight = rows["denominator"].to_numpy(dtype=float)
    counts = structure.likelihood.link != "identity"

    def level(values: Array, chosen: npt.NDArray[np.bool_]) -> Array:
        return np.asarray((values[:, chosen].sum(axis=1) + HALF * counts) / weight[chosen].sum())

    everything = np.ones(len(rows), dtype=bool)
    table = [_row("level", *(level(values, everything) for values in (measured, drawn)))]
    if before.any() and after.any():
        pairs = [(level(values, after), level(values, before)) for values in (measured, drawn)]
        table.append(_row("change", *(last / first if counts else last - first for last, first in pairs)))
    return pd.DataFrame(table)


def _row(check: str, measured: Array, values: Array) -> dict[str, object]:
    observed = float(measured[0])
    lower, median, upper = np.quantile(values, (0.05, 0.5, 0.95))
    return {
        "check": check,
        "observed": observed,
        "lower": float(lower),
        "median": float(median),
        "upper": float(upper),
        "inside": bool(lower <= observed <= upper),
    }


def _prior(fit: Fit) -> Fit:
    """The fit with prior draws in the place of its posterior: one chain."""
    import pymc as pm
    from pytensor.compile.mode import Mode

    names = [str(name) for name in fit.tree.posterior.data_vars]
    plain = {"mode": Mode(linker="py", optimizer="fast_compile")}  # nothing here is worth compiling
    with model_of(fit.structure) as model:
        known = [name for name in names if name in model.named_vars]
        prior = pm.sample_prior_predictive(
            DRAWS, var_names=known, random_seed=fit.seed, compile_kwargs=plain
        ).prior.to_dataset()
    return replace(fit, tree=xr.DataTree.from_dict({"posterior": prior}))


def _drawn(prior: Fit, rows: pd.DataFrame) -> Array:
    """Numerators that the priors give, draw x row."""
    law = prior.structure.likelihood
    denominator = rows["denominator"].to_numpy(dtype=float)
    parts = []
    for index, part in enumerate(predict(prior, rows)):
        rng = np.random.default_rng([prior.seed, 73, index])
        eta = part.untreated + part.effect + part.measurement
        parts.append(law.draw(eta, denominator, part.parameters, rng))
    return np.concatenate(parts)
