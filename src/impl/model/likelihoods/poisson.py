"""Poisson counts with a log-exposure offset."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from impl.model.likelihoods.likelihood import (
    Array,
    CountLaw,
    Likelihood,
    Observed,
    Parameters,
    Tensor,
    density_of_counts,
)
from impl.model.priors import Priors


def mean(eta: Array) -> Array:
    return np.exp(eta)


def _varying(count: Tensor, eta: Tensor, denominator: Tensor) -> Tensor:
    import pytensor.tensor as pt

    return count * eta - denominator * pt.exp(eta)


def _constant(count: Tensor, denominator: Tensor, special: Any) -> Tensor:
    return special.xlogy(count, denominator) - special.gammaln(count + 1.0)


def _variable(eta: Tensor, denominator: Tensor, size: Any) -> Tensor:
    import pymc as pm
    import pytensor.tensor as pt

    return pm.Poisson.dist(denominator * pt.exp(eta), size=size)


LAW = CountLaw(varying=_varying, constant=_constant, variable=_variable)


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    del priors  # the Poisson law has no dispersion of its own
    LAW.observe(eta, cells)


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    del parameters
    return rng.poisson(denominator * mean(eta)).astype(float)


def _log_mass(count: Array, eta: Array, denominator: Array, parameters: Parameters) -> Array:
    del parameters
    return np.asarray(scipy.stats.poisson.logpmf(count, denominator * mean(eta)))


def log_density(eta: Array, cells: Observed, parameters: Parameters) -> Array:
    return density_of_counts(_log_mass, eta, cells, parameters)


POISSON = Likelihood(
    name="poisson",
    link="log",
    kinds=("rate",),
    parameters=(),
    own_dispersion=False,
    mean=mean,
    observe=observe,
    draw=draw,
    log_density=log_density,
    prepare=LAW.prepare,
)
