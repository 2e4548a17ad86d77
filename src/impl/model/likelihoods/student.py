"""Cell means with heavy tails: mean ~ StudentT(nu, eta, sd / sqrt(n)), nu = 2 + Gamma(2, 0.1).

For cells that stray further than sampling of persons allows (Juarez & Steel 2010); nu above 2 keeps the
variance finite. Sums of squares are left out on purpose: they would tie `residual_sd` to the spread between
persons, and the tails alone would then have to explain everything that makes cells differ. Here the scale is
learnt from the scatter of the cell means, so the law has dispersion of its own.
"""

from __future__ import annotations

import numpy as np
import scipy

from impl.model.likelihoods.likelihood import Array, Likelihood, Observed, Parameters, Tensor
from impl.model.priors import Priors

FEWEST_DEGREES = 2.0


def mean(eta: Array) -> Array:
    return eta


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    residual_sd = pm.HalfNormal("residual_sd", priors.residual)
    excess = pm.Gamma("degrees_above_two", priors.tail_shape, priors.tail_rate)
    degrees = pm.Deterministic("degrees_of_freedom", FEWEST_DEGREES + excess)
    pm.StudentT(
        "observation",
        nu=degrees,
        mu=eta,
        sigma=residual_sd / pt.sqrt(cells.denominator),
        observed=cells.numerator / cells.denominator,
    )


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    size = np.broadcast_shapes(eta.shape, np.shape(denominator))
    noise = rng.standard_t(np.broadcast_to(parameters["degrees_of_freedom"], size))
    level: Array = denominator * mean(eta) + np.sqrt(denominator) * parameters["residual_sd"] * noise
    return level


def log_density(eta: Array, cells: Observed, parameters: Parameters) -> Array:
    """Density of the cell means, not of the sums."""
    scale = parameters["residual_sd"] / np.sqrt(cells.denominator)
    level = cells.numerator / cells.denominator
    return np.asarray(scipy.stats.t.logpdf(level, parameters["degrees_of_freedom"], eta, scale))


STUDENT = Likelihood(
    name="student",
    link="identity",
    kinds=("mean",),
    parameters=("residual_sd", "degrees_of_freedom"),
    own_dispersion=True,
    mean=mean,
    observe=observe,
    draw=draw,
    log_density=log_density,
)
