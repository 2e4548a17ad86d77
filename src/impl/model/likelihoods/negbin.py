"""Negative binomial counts: Var = mu + phi^2 mu^2, phi = CV of the cell's gamma multiplier.

Source: prior on phi shrinks towards Poisson (Simpson et al. 2017, penalised complexity idea).
"""

from __future__ import annotations

import numpy as np

from impl.model.likelihoods.likelihood import Array, Likelihood, Observed, Parameters, Tensor
from impl.model.priors import Priors

SMALLEST_OVERDISPERSION = 1e-4  # below it the law is Poisson to double precision; keeps 1/phi^2 finite


def mean(eta: Array) -> Array:
    return np.exp(eta)


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    overdispersion = pm.HalfNormal("overdispersion", priors.overdispersion)
    pm.NegativeBinomial(
        "observation",
        mu=cells.denominator * pt.exp(eta),
        alpha=1.0 / pt.sqr(pt.maximum(overdispersion, SMALLEST_OVERDISPERSION)),
        observed=cells.numerator,
    )


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    shape = 1.0 / np.maximum(parameters["overdispersion"], SMALLEST_OVERDISPERSION) ** 2
    level = denominator * mean(eta)
    return rng.poisson(level * rng.gamma(np.broadcast_to(shape, level.shape)) / shape).astype(float)


NEGBIN = Likelihood(
    name="negbin",
    link="log",
    kinds=("rate",),
    parameters=("overdispersion",),
    own_dispersion=True,
    mean=mean,
    observe=observe,
    draw=draw,
)
