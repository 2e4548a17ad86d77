"""Binomial counts of a denominator, logit link."""

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
    return np.asarray(scipy.special.expit(eta), dtype=float)


def _varying(count: Tensor, eta: Tensor, denominator: Tensor) -> Tensor:
    import pytensor.tensor as pt

    return count * eta - denominator * pt.softplus(eta)


def log_ways(count: Tensor, denominator: Tensor, special: Any) -> Tensor:
    """Log of the number of ways to choose `count` of `denominator`."""
    chosen, left = special.gammaln(count + 1.0), special.gammaln(denominator - count + 1.0)
    return special.gammaln(denominator + 1.0) - chosen - left


def _variable(eta: Tensor, denominator: Tensor, size: Any) -> Tensor:
    import pymc as pm
    import pytensor.tensor as pt

    return pm.Binomial.dist(n=pt.cast(denominator, "int64"), logit_p=eta, size=size)


LAW = CountLaw(varying=_varying, constant=log_ways, variable=_variable)


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    del priors  # the binomial law has no dispersion of its own
    LAW.observe(eta, cells)


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    del parameters
    return rng.binomial(np.asarray(denominator).astype(np.int64), mean(eta)).astype(float)


def _log_mass(count: Array, eta: Array, denominator: Array, parameters: Parameters) -> Array:
    del parameters
    logs = count * scipy.special.log_expit(eta) + (denominator - count) * scipy.special.log_expit(-eta)
    return np.asarray(log_ways(count, denominator, scipy.special) + logs)


def log_density(eta: Array, cells: Observed, parameters: Parameters) -> Array:
    return density_of_counts(_log_mass, eta, cells, parameters)


BINOMIAL = Likelihood(
    name="binomial",
    link="logit",
    kinds=("proportion",),
    parameters=(),
    own_dispersion=False,
    mean=mean,
    observe=observe,
    draw=draw,
    log_density=log_density,
    prepare=LAW.prepare,
)
