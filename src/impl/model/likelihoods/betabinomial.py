"""Beta-binomial counts of a denominator, logit link: the cell's probability is itself beta-distributed.

y ~ BetaBinomial(N, p kappa, (1 - p) kappa); rho = 1 / (1 + kappa) is the correlation between two answers of
the same cell beyond what the predictor explains. Var = N p (1 - p) (1 + (N - 1) rho). The prior of rho has
its mode at 0, the binomial law.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from impl.model.likelihoods.binomial import log_ways
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

SMALLEST_EXTRA_CORRELATION = 1e-8  # below it the law is binomial to double precision; keeps kappa finite


def mean(eta: Array) -> Array:
    return np.asarray(scipy.special.expit(eta), dtype=float)


def _varying(count: Tensor, eta: Tensor, denominator: Tensor, kappa: Tensor) -> Tensor:
    import pytensor.tensor as pt

    # sigmoid(-eta), not 1 - sigmoid(eta): the latter is 0 above eta = 37
    yes, no = kappa * pt.sigmoid(eta), kappa * pt.sigmoid(-eta)
    drawn = pt.gammaln(count + yes) + pt.gammaln(denominator - count + no) - pt.gammaln(denominator + kappa)
    return drawn - pt.gammaln(yes) - pt.gammaln(no) + pt.gammaln(kappa)


def _variable(eta: Tensor, denominator: Tensor, kappa: Tensor, size: Any) -> Tensor:
    import pymc as pm
    import pytensor.tensor as pt

    yes, no = kappa * pt.sigmoid(eta), kappa * pt.sigmoid(-eta)
    return pm.BetaBinomial.dist(alpha=yes, beta=no, n=pt.cast(denominator, "int64"), size=size)


LAW = CountLaw(varying=_varying, constant=log_ways, variable=_variable)


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    drawn = pm.Beta("extra_correlation", priors.extra_correlation_alpha, priors.extra_correlation_beta)
    correlation = pt.maximum(drawn, SMALLEST_EXTRA_CORRELATION)
    LAW.observe(eta, cells, (1.0 - correlation) / correlation)


def _kappa(parameters: Parameters) -> Array:
    correlation = np.maximum(parameters["extra_correlation"], SMALLEST_EXTRA_CORRELATION)
    return np.asarray((1.0 - correlation) / correlation)


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    kappa, level = _kappa(parameters), mean(eta)
    share = rng.beta(kappa * level, kappa * mean(-eta))
    return rng.binomial(np.asarray(denominator).astype(np.int64), share).astype(float)


def _log_mass(count: Array, eta: Array, denominator: Array, parameters: Parameters) -> Array:
    kappa = _kappa(parameters)
    return np.asarray(scipy.stats.betabinom.logpmf(count, denominator, kappa * mean(eta), kappa * mean(-eta)))


def log_density(eta: Array, cells: Observed, parameters: Parameters) -> Array:
    return density_of_counts(_log_mass, eta, cells, parameters)


BETABINOMIAL = Likelihood(
    name="betabinomial",
    link="logit",
    kinds=("proportion",),
    parameters=("extra_correlation",),
    own_dispersion=True,
    mean=mean,
    observe=observe,
    draw=draw,
    log_density=log_density,
    prepare=LAW.prepare,
)
