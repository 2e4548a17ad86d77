"""Negative binomial counts: Var = mu + phi^2 mu^2, phi = CV of the cell's gamma multiplier.

Source: prior on phi shrinks towards Poisson (Simpson et al. 2017, penalised complexity idea).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

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
LONGEST_TABLE = 4.0  # counts per cell up to which a table of all counts is cheaper than gamma functions


def mean(eta: Array) -> Array:
    return np.exp(eta)


def _law(steps: Tensor | None) -> CountLaw:
    """The PyMC side; `steps` is 0, 1, ... up to the largest count (exclusive), or None.

    With steps, log G(y + a) - log G(a) - y log a = sum over k < y of log(1 + k / a) is looked up in a table
    of all counts, in place of two gamma functions and a digamma function for every cell.
    """

    def varying(count: Tensor, eta: Tensor, denominator: Tensor, shape: Tensor) -> Tensor:
        import pytensor.tensor as pt

        if steps is None:
            rising = pt.gammaln(count + shape) - pt.gammaln(shape) - count * pt.log(shape)
        else:
            table = pt.concatenate([pt.zeros(1), pt.cumsum(pt.log1p(steps / shape))])
            rising = table[pt.cast(count, "int64")]
        # a difference of logarithms is as exact as needed and compiles to faster code than log1p
        spread = pt.log(shape + denominator * pt.exp(eta)) - pt.log(shape)
        return rising + count * eta - (count + shape) * spread

    return CountLaw(varying=varying, constant=_constant, variable=_variable)


def _constant(count: Tensor, denominator: Tensor, special: Any) -> Tensor:
    return special.xlogy(count, denominator) - special.gammaln(count + 1.0)


def _variable(eta: Tensor, denominator: Tensor, shape: Tensor, size: Any) -> Tensor:
    import pymc as pm
    import pytensor.tensor as pt

    drawn = pm.NegativeBinomial.dist(mu=denominator * pt.exp(eta), alpha=shape, size=size)
    return pt.cast(drawn, "float64")


def prepare(cells: Observed) -> dict[str, Array]:
    """`count_steps` too, where the table is no longer than `LONGEST_TABLE` cells' worth of counts."""
    counts = [np.max(cells.numerator, initial=0.0)]
    if cells.censored is not None:
        counts.append(np.max(cells.censored.at_most, initial=0.0))
    prepared = _law(None).prepare(cells)
    if max(counts) <= LONGEST_TABLE * len(cells.numerator):
        prepared["count_steps"] = np.arange(max(*counts, 1.0))
    return prepared


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    overdispersion = pm.HalfNormal("overdispersion", priors.overdispersion)
    shape = 1.0 / pt.sqr(pt.maximum(overdispersion, SMALLEST_OVERDISPERSION))
    _law(cells.prepared.get("count_steps")).observe(eta, cells, shape)


def _shape(parameters: Parameters) -> Array:
    return 1.0 / np.maximum(parameters["overdispersion"], SMALLEST_OVERDISPERSION) ** 2


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    shape = _shape(parameters)
    level = denominator * mean(eta)
    return rng.poisson(level * rng.gamma(np.broadcast_to(shape, level.shape)) / shape).astype(float)


def _log_mass(count: Array, eta: Array, denominator: Array, parameters: Parameters) -> Array:
    shape = _shape(parameters)
    return np.asarray(stats.nbinom.logpmf(count, shape, shape / (shape + denominator * mean(eta))))


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
