"""Poisson counts with a log-exposure offset."""

from __future__ import annotations

import numpy as np

from impl.model.likelihoods.likelihood import Array, Likelihood, Observed, Parameters, Tensor
from impl.model.priors import Priors


def mean(eta: Array) -> Array:
    return np.exp(eta)


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    del priors  # the Poisson law has no dispersion of its own
    pm.Poisson("observation", mu=cells.denominator * pt.exp(eta), observed=cells.numerator)


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    del parameters
    return rng.poisson(denominator * mean(eta)).astype(float)


POISSON = Likelihood(
    name="poisson",
    link="log",
    kinds=("rate",),
    parameters=(),
    own_dispersion=False,
    mean=mean,
    observe=observe,
    draw=draw,
)
