"""Binomial counts of a denominator, logit link."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from impl.model.likelihoods.likelihood import Array, Likelihood, Observed, Parameters, Tensor
from impl.model.priors import Priors


def mean(eta: Array) -> Array:
    return np.asarray(expit(eta), dtype=float)


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    del priors  # the binomial law has no dispersion of its own
    trials = pt.cast(cells.denominator, "int64")  # predictive draws need whole trials
    pm.Binomial("observation", n=trials, logit_p=eta, observed=cells.numerator)


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    del parameters
    return rng.binomial(np.asarray(denominator).astype(np.int64), mean(eta)).astype(float)


BINOMIAL = Likelihood(
    name="binomial",
    link="logit",
    kinds=("proportion",),
    parameters=(),
    own_dispersion=False,
    mean=mean,
    observe=observe,
    draw=draw,
)
