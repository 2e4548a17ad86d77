"""The row quantities of a fit on any row table, in NumPy, in chunks of draws.

The design is written down once, in the row table: observed cells, the counterfactual, a scenario and a new
site are row tables under one fit. A test per structure holds this equal to the PyMC graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.build import fourier
from impl.model.fitted import Fit
from impl.model.likelihoods.likelihood import Parameters

Array = npt.NDArray[np.float64]
CHUNK = 250
NEW_SITE = -1


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Row quantities of some draws on the link scale, each draw x row.

    untreated: without the bundle. effect: 0 where untreated, transition included. measurement: log
    reporting fraction, 0 in this version. parameters: the likelihood's own, draw x 1.
    """

    untreated: Array
    effect: Array
    measurement: Array
    parameters: Parameters


def predict(fit: Fit, rows: pd.DataFrame, *, seed: int = 0) -> Iterator[Prediction]:
    """Rebuild untreated, effect and measurement on `rows`, at most 250 draws at a time.

    rows: columns `site`, `period`, `wave`, `treated`, `transition`, `bin`, `years`, `phase`, `group` as in
    `Structure.rows`; `site` -1 is a new site, whose site and cell terms are drawn from their population
    and whose wave term is the network's mean (0).
    """
    total = fit.draws
    for begin in range(0, total, CHUNK):
        chosen = slice(begin, min(begin + CHUNK, total))
        yield _predict(fit, rows, chosen, np.random.default_rng([seed, begin]))


def _predict(fit: Fit, rows: pd.DataFrame, chosen: slice, rng: np.random.Generator) -> Prediction:
    structure = fit.structure
    new = rows["site"].to_numpy() == NEW_SITE
    untreated = _level(fit, rows, chosen, new, rng)
    if structure.latent_cells:
        untreated = untreated + _cells(fit, rows, chosen, new, rng)
    parameters = {name: fit.flat(name)[chosen][:, None] for name in structure.likelihood.parameters}
    return Prediction(
        untreated=untreated,
        effect=_effect(fit, rows, chosen),
        measurement=np.zeros((1, 1)),
        parameters=parameters,
    )


def _level(
    fit: Fit, rows: pd.DataFrame, chosen: slice, new: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Array:
    """Everything untreated but the cell effects, draw x row."""
    structure = fit.structure
    site, period = np.where(new, 0, rows["site"].to_numpy()), rows["period"].to_numpy()
    level = np.repeat(fit.flat("intercept")[chosen][:, None], len(rows), axis=1)
    if structure.wave_effects:
        wave = np.where(new, 0, rows["wave"].to_numpy())
        level += np.where(new, 0.0, fit.flat("wave_effect")[chosen][:, wave])
    if structure.calendar != "none":
        level += fit.flat("calendar_effect")[chosen][:, period]
    if structure.trend:
        level += fit.flat("trend")[chosen][:, None] * rows["years"].to_numpy()
    if structure.harmonics:
        basis = fourier(rows["phase"].to_numpy(), structure.harmonics)
        level += fit.flat("season_sd")[chosen][:, None] * (fit.flat("season_raw")[chosen] @ basis.T)
    if structure.latent_sites:
        drawn = rng.standard_normal((len(level), 1))  # one new site, whatever its rows
        raw = np.where(new, drawn, fit.flat("site_raw")[chosen][:, site])
        level += fit.flat("site_sd")[chosen][:, None] * raw
    return level


def _effect(fit: Fit, rows: pd.DataFrame, chosen: slice) -> Array:
    structure = fit.structure
    curve = fit.flat("curve")[chosen]
    zero = np.zeros((len(curve), 1))
    effect = np.concatenate([zero, curve], axis=1)[:, rows["bin"].to_numpy()]
    if structure.contrast:
        shift = np.concatenate([zero, fit.flat("contrast")[chosen]], axis=1)
        effect = effect + rows["treated"].to_numpy(dtype=float) * shift[:, rows["group"].to_numpy()]
    if structure.transition:
        transition = fit.flat("transition_effect")[chosen][:, None]
        effect = effect + rows["transition"].to_numpy(dtype=float) * transition
    return np.asarray(effect)


def _cells(
    fit: Fit, rows: pd.DataFrame, chosen: slice, new: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Array:
    """Cell deviations of the rows: the fitted ones, or drawn from their population where there are none."""
    structure = fit.structure
    sd = fit.flat("cell_sd")[chosen][:, None]
    site, period = np.where(new, 0, rows["site"].to_numpy()), rows["period"].to_numpy()
    if not structure.centred_cells:
        fitted = sd * fit.flat("cell_raw")[chosen][:, site, period]
        known = ~new
    else:
        table = structure.rows[structure.rows["observed"]]
        place = np.full((len(structure.sites), len(structure.periods)), -1)
        place[table["site"].to_numpy(), table["period"].to_numpy()] = np.arange(len(table))
        own = np.zeros(len(table), dtype=bool)
        # a centred cell is stored as its whole level, its own treated state included
        centre = _level(fit, table, chosen, own, rng) + _effect(fit, table, chosen)
        deviation = fit.flat("cell_level")[chosen] - centre
        index = place[site, period]
        fitted = deviation[:, index]
        known = (index >= 0) & ~new
    if known.all():
        return np.asarray(fitted)
    drawn = sd * rng.standard_normal(fitted.shape)
    return np.where(known, fitted, drawn)
