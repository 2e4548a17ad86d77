"""Cell means of persons: the mean and, where given, the within-cell sum of squares.

The two are sufficient for independent normal persons: mean ~ N(eta, sd/sqrt(n)) and
SS ~ Gamma((n-1)/2, 1/(2 sd^2)); SS is what identifies the SD between persons.
"""

from __future__ import annotations

import numpy as np
import scipy

from impl.model.likelihoods.likelihood import Array, Likelihood, Observed, Parameters, Tensor
from impl.model.priors import Priors


def mean(eta: Array) -> Array:
    return eta


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    residual_sd = pm.HalfNormal("residual_sd", priors.residual)
    count = cells.denominator
    pm.Normal("observation", eta, residual_sd / pt.sqrt(count), observed=cells.numerator / count)
    if cells.sum_squares is not None:
        pm.Gamma(
            "within_cell",
            alpha=(count[cells.several] - 1.0) / 2.0,
            beta=1.0 / (2.0 * pt.sqr(residual_sd)),
            observed=cells.sum_squares,
        )


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    noise = rng.standard_normal(np.broadcast_shapes(eta.shape, np.shape(denominator)))
    level: Array = denominator * mean(eta) + np.sqrt(denominator) * parameters["residual_sd"] * noise
    return level


def log_density(eta: Array, cells: Observed, parameters: Parameters) -> Array:
    """Density of the cell means (not of the sums) and, in the cells `several`, of the sum of squares."""
    count, sd = cells.denominator, parameters["residual_sd"]
    density = np.array(scipy.stats.norm.logpdf(cells.numerator / count, eta, sd / np.sqrt(count)))
    if cells.sum_squares is not None:
        degrees = (count[cells.several] - 1.0) / 2.0
        density[..., cells.several] += scipy.stats.gamma.logpdf(cells.sum_squares, degrees, scale=2.0 * sd**2)
    return density


NORMAL = Likelihood(
    name="normal",
    link="identity",
    kinds=("mean",),
    parameters=("residual_sd",),
    own_dispersion=False,
    mean=mean,
    observe=observe,
    draw=draw,
    log_density=log_density,
)
