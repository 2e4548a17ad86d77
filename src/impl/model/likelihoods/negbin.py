"""Negative binomial counts: Var = mu + phi^2 mu^2, phi = CV of the cell's gamma multiplier.

Source: prior on phi shrinks towards Poisson (Simpson et al. 2017, penalised complexity idea).
"""

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

SMALLEST_OVERDISPERSION = 1e-4  # below it the law is Poisson to double precision; keeps 1/phi^2 finite
LONGEST_TABLE = 4.0  # counts per cell; a longer table costs more than gamma functions


def mean(eta: Array) -> Array:
    return np.exp(eta)


def _varying(count: Tensor, eta: Tensor, denominator: Tensor, shape: Tensor, *steps: Tensor) -> Tensor:
    """`steps`: 0, 1, ... up to the largest count (exclusive), or nothing.

    With steps, log G(y + a) - log G(a) - y log a = sum over k < y of log(1 + k / a) is looked up in a table
    of all counts, in place of a gamma and a digamma function for every cell.
    """
    import pytensor.tensor as pt

    if steps:
        table = pt.concatenate([pt.zeros(1), pt.cumsum(pt.log1p(steps[0] / shape))])
        rising = table[pt.cast(count, "int64")]
    else:
        rising = pt.gammaln(count + shape) - pt.gammaln(shape) - count * pt.log(shape)
    # a difference of logarithms is as exact as needed and compiles to faster code than log1p
    spread = pt.log(shape + denominator * pt.exp(eta)) - pt.log(shape)
    return rising + count * eta - (count + shape) * spread


def _constant(count: Tensor, denominator: Tensor, special: Any) -> Tensor:
    return special.xlogy(count, denominator) - special.gammaln(count + 1.0)


def _variable(eta: Tensor, denominator: Tensor, shape: Tensor, *steps: Tensor, size: Any) -> Tensor:
    import pymc as pm
    import pytensor.tensor as pt

    del steps
    return pm.NegativeBinomial.dist(mu=denominator * pt.exp(eta), alpha=shape, size=size)


LAW = CountLaw(varying=_varying, constant=_constant, variable=_variable)


def prepare(cells: Observed) -> dict[str, Array]:
    """The constants, and `count_steps` where a table of all counts is cheaper than gamma functions."""
    prepared = LAW.prepare(cells)
    largest = np.max(cells.numerator, initial=1.0)
    if cells.censored is not None:
        largest = np.max(cells.censored.at_most, initial=largest)
    if largest <= LONGEST_TABLE * len(cells.numerator):
        prepared["count_steps"] = np.arange(largest)
    return prepared


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    overdispersion = pm.HalfNormal("overdispersion", priors.overdispersion)
    shape = 1.0 / pt.sqr(pt.maximum(overdispersion, SMALLEST_OVERDISPERSION))
    steps = cells.prepared.get("count_steps")
    LAW.observe(eta, cells, shape, *([] if steps is None else [steps]))


def _shape(parameters: Parameters) -> Array:
    return 1.0 / np.maximum(parameters["overdispersion"], SMALLEST_OVERDISPERSION) ** 2


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    shape = _shape(parameters)
    level = denominator * mean(eta)
    return rng.poisson(level * rng.gamma(np.broadcast_to(shape, level.shape)) / shape).astype(float)


def _log_mass(count: Array, eta: Array, denominator: Array, parameters: Parameters) -> Array:
    shape = _shape(parameters)
    return np.asarray(scipy.stats.nbinom.logpmf(count, shape, shape / (shape + denominator * mean(eta))))


def log_density(eta: Array, cells: Observed, parameters: Parameters) -> Array:
    return density_of_counts(_log_mass, eta, cells, parameters)


NEGBIN = Likelihood(
    name="negbin",
    link="log",
    kinds=("rate",),
    parameters=("overdispersion",),
    own_dispersion=True,
    mean=mean,
    observe=observe,
    draw=draw,
    log_density=log_density,
    prepare=prepare,
)
