"""Log-densities with the cell terms integrated out, in NumPy: of one cell, and of all the cells of a site.

Leaving an observation out while keeping the term that was fitted to it says nothing about the model, so the
cell term is integrated out (Merkle, Furr & Rabe-Hesketh 2019, Psychometrika 84:802).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.special import logsumexp

from impl.model.fitted import Fit
from impl.model.likelihoods.likelihood import Likelihood, Observed, Parameters
from impl.model.predict import CHUNK, cell_deviations, predict
from impl.model.structure import Structure

Array = npt.NDArray[np.float64]
NODES = 20  # of the Gauss-Hermite rule over one cell
LARGEST_STEP = 2.0  # of Newton's method, so that it cannot overshoot where a count is far from expected
STEPS = 40
CLOSE = 1e-5
DIFFERENCE = 1e-3  # of the numerical derivatives with respect to the predictor


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """Link-scale predictor of some rows for some draws, each array draw x row.

    centre: everything but the cell terms. cells: the fitted cell terms (0 where the model has none).
    chosen: which draws of the fit. parameters: the likelihood's own, draw x 1.
    """

    chosen: slice
    centre: Array
    cells: Array
    parameters: Parameters


def thinned(fit: Fit, draws: int) -> Fit:
    """The fit with at most about `draws` draws, evenly spaced within chains; without sampler statistics."""
    step = max(1, round(fit.draws / draws))
    posterior = fit.tree.posterior.to_dataset().isel(draw=slice(None, None, step))
    return replace(fit, tree=xr.DataTree.from_dict({"posterior": posterior}))


def predictors(fit: Fit, rows: pd.DataFrame) -> Iterator[Predictor]:
    """Predictors of rows of the fit's own sites, in chunks of draws."""
    site, period = rows["site"].to_numpy(), rows["period"].to_numpy()
    for index, part in enumerate(predict(fit, rows)):
        chosen = slice(index * CHUNK, index * CHUNK + len(part.untreated))
        whole = part.untreated + part.effect + part.measurement
        cells = np.zeros_like(whole)
        if fit.structure.latent_cells:
            cells = cell_deviations(fit, chosen)[:, site, period]
        yield Predictor(chosen=chosen, centre=whole - cells, cells=cells, parameters=part.parameters)


def observed_cells(structure: Structure, rows: pd.DataFrame) -> Observed:
    """Rows with data as a likelihood's `log_density` reads them; `rows` is a part of `structure.rows`."""
    denominator = rows["denominator"].to_numpy(dtype=float)
    several = np.flatnonzero(denominator > 1)
    spread = structure.spread_known and structure.clustering != "cohort"
    return Observed(
        numerator=rows["numerator"].to_numpy(dtype=float),
        denominator=denominator,
        sum_squares=rows["sum_squares"].to_numpy(dtype=float)[several] if spread else None,
        several=several if spread else None,
        answers=None if structure.answers is None else structure.answers[rows.index.to_numpy()],
        stated_level=structure.measure.stated_level,
    )


def cell_marginal(
    law: Likelihood, centre: Array, sd: Array, cells: Observed, parameters: Parameters
) -> Array:
    """log of the integral of p(y | centre + sd v) N(v; 0, 1) dv for each draw and cell.

    centre: draw x cell. sd: draw x 1. Gauss-Hermite with 20 nodes placed around the mode of the integrand, so
    that it holds for cells with much and with little information.
    """

    def objective(v: Array) -> Array:
        return law.log_density(centre + sd * v, cells, parameters) - 0.5 * v * v

    v = np.zeros(centre.shape)
    for _ in range(STEPS):
        slope, curvature = _derivatives(law, centre + sd * v, cells, parameters)
        step = (sd * slope - v) / (sd**2 * curvature + 1.0)
        v += np.clip(step, -LARGEST_STEP, LARGEST_STEP)
        if np.abs(step).max() < CLOSE:
            break
    _, curvature = _derivatives(law, centre + sd * v, cells, parameters)
    width = 1.0 / np.sqrt(sd**2 * curvature + 1.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    terms = np.stack(
        [
            np.log(weight) + 0.5 * node * node + objective(v + width * node)
            for node, weight in zip(nodes, weights, strict=True)
        ]
    )
    return np.asarray(logsumexp(terms, axis=0) + np.log(width) - 0.5 * np.log(2.0 * np.pi))


def series_marginal(
    law: Likelihood, centre: Array, covariance: Array, cells: Observed, parameters: Parameters
) -> Array:
    """log p(y) of one site for each draw, its cell terms N(0, covariance) integrated out by Laplace's method.

    centre: draw x cell. covariance: draw x cell x cell. Source: Rasmussen & Williams 2006, algorithm 3.1.
    """
    size = centre.shape[1]
    identity = np.eye(size)
    precision_times = np.zeros(centre.shape)  # a, with deviations = covariance @ a
    for _ in range(STEPS):
        deviation = np.einsum("dij,dj->di", covariance, precision_times)
        slope, curvature = _derivatives(law, centre + deviation, cells, parameters)
        root = np.sqrt(curvature)
        scaled = identity + root[:, :, None] * covariance * root[:, None, :]
        target = curvature * deviation + slope
        inner = np.linalg.solve(scaled, (root * np.einsum("dij,dj->di", covariance, target))[:, :, None])
        change = target - root * inner[:, :, 0] - precision_times
        moved = np.abs(np.einsum("dij,dj->di", covariance, change)).max(axis=1)
        precision_times += np.minimum(1.0, LARGEST_STEP / np.maximum(moved, 1e-300))[:, None] * change
        if moved.max() < CLOSE:
            break
    deviation = np.einsum("dij,dj->di", covariance, precision_times)
    _, curvature = _derivatives(law, centre + deviation, cells, parameters)
    root = np.sqrt(curvature)
    _, log_size = np.linalg.slogdet(identity + root[:, :, None] * covariance * root[:, None, :])
    density = law.log_density(centre + deviation, cells, parameters).sum(axis=1)
    return np.asarray(density - 0.5 * (precision_times * deviation).sum(axis=1) - 0.5 * log_size)


def _derivatives(law: Likelihood, eta: Array, cells: Observed, parameters: Parameters) -> tuple[Array, Array]:
    """First derivative of the log-density with respect to the predictor, and minus the second (at least 0)."""
    here = law.log_density(eta, cells, parameters)
    above = law.log_density(eta + DIFFERENCE, cells, parameters)
    below = law.log_density(eta - DIFFERENCE, cells, parameters)
    slope = (above - below) / (2.0 * DIFFERENCE)
    return slope, np.maximum((2.0 * here - above - below) / DIFFERENCE**2, 0.0)
