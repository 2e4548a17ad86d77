"""Answers in ordered categories, proportional odds: logit P(answer >= j) = eta - c_j, c_2 < ... < c_K.

The cut point of the measure's stated level s is 0, which identifies the intercept: P(answer >= s) =
logistic(eta), and a higher eta means higher answers. The gaps between neighbouring cut points are positive
and log-normal. Counts of a cell are multinomial; the number of answers is its denominator
(McCullagh 1980, JRSS B 42:109).

log P(answer = j) is written without differences of probabilities:
s(a) - s(b) = s(a) s(-b) (1 - exp(b - a)), s the logistic function, so it never becomes log 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from impl.model.likelihoods.likelihood import Array, Likelihood, Observed, Parameters, Tensor
from impl.model.priors import Priors


def mean(eta: Array) -> Array:
    """P(answer at or above the stated level)."""
    return np.asarray(scipy.special.expit(eta), dtype=float)


def observe(eta: Tensor, cells: Observed, priors: Priors) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    if cells.answers is None or cells.stated_level is None:
        raise ValueError("ordered needs the answers by category and their stated level")
    answers = pt.as_tensor(cells.answers)
    gap = pm.LogNormal(
        "cut_gap",
        pt.log(priors.cut_gap_median),
        priors.cut_gap_log_sd,
        shape=answers.shape[1] - 2,
    )
    steps = pt.concatenate([pt.zeros(1), pt.cumsum(gap)])
    # stated level s: its cut point is the (s - 1)-th of K - 1
    cuts = pm.Deterministic("cut_points", steps - steps[cells.stated_level - 2])
    constant = cells.prepared.get("log_constant")
    if constant is None:
        constant = _constant(answers, cells.denominator, pt.special)

    pm.CustomDist(
        "observation",
        eta,
        cuts,
        cells.denominator,
        constant,
        dist=_variable,
        logp=_log_probability,
        signature="(),(cut),(),()->(category)",
        observed=answers,
    )


def _constant(answers: Tensor, denominator: Tensor, special: Any) -> Tensor:
    return special.gammaln(denominator + 1.0) - special.gammaln(answers + 1.0).sum(axis=1)


def prepare(cells: Observed) -> dict[str, Array]:
    """`log_constant`: log of the multinomial coefficient, one a cell."""
    return {"log_constant": np.asarray(_constant(cells.answers, cells.denominator, scipy.special))}


def _log_probability(
    answers: Tensor, eta: Tensor, cuts: Tensor, denominator: Tensor, constant: Tensor
) -> Tensor:
    import pytensor.tensor as pt

    del denominator  # in the constant
    above = eta[:, None] - cuts
    upper, lower = answers[:, 1:], answers[:, :-1]
    outer = pt.sum(upper * above - (upper + lower) * pt.softplus(above), axis=1)
    between = pt.log(-pt.expm1(cuts[:-1] - cuts[1:]))
    return outer + pt.sum(answers[:, 1:-1] * between, axis=1) + constant


def _variable(eta: Tensor, cuts: Tensor, denominator: Tensor, constant: Tensor, size: Any) -> Tensor:
    import pymc as pm
    import pytensor.tensor as pt

    del constant
    above, edge = pt.sigmoid(eta[:, None] - cuts), pt.ones_like(eta)[:, None]
    shares = pt.concatenate([edge, above], axis=1) - pt.concatenate([above, 0.0 * edge], axis=1)
    drawn = pm.Multinomial.dist(n=pt.cast(denominator, "int64"), p=shares, size=size)
    return pt.cast(drawn, "float64")


def _shares(eta: Array, cuts: Array) -> Array:
    """P(answer = j), (...) x category, of eta (...) and cut points (...) x (category - 1)."""
    above = scipy.special.expit(eta[..., None] - cuts)
    edge = np.ones((*above.shape[:-1], 1))
    return np.asarray(-np.diff(np.concatenate([edge, above, np.zeros_like(edge)], axis=-1), axis=-1))


def draw(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    """Answers at or above the stated level."""
    del parameters
    return rng.binomial(np.asarray(denominator).astype(np.int64), mean(eta)).astype(float)


def draw_answers(eta: Array, denominator: Array, parameters: Parameters, rng: np.random.Generator) -> Array:
    shares = _shares(eta, parameters["cut_points"])
    return rng.multinomial(np.asarray(denominator).astype(np.int64), shares).astype(float)


def log_density(eta: Array, cells: Observed, parameters: Parameters) -> Array:
    """Multinomial log-probability of all categories."""
    answers = np.asarray(cells.answers, dtype=float)
    cuts = parameters["cut_points"]
    above = eta[..., None] - cuts
    edge = np.zeros((*above.shape[:-1], 1))
    at_least = np.concatenate([edge, scipy.special.log_expit(above)], axis=-1)
    at_most = np.concatenate([scipy.special.log_expit(-above), edge], axis=-1)
    between = np.zeros((*cuts.shape[:-1], answers.shape[-1]))
    between[..., 1:-1] = np.log(-np.expm1(cuts[..., :-1] - cuts[..., 1:]))
    ways = _constant(answers, answers.sum(axis=-1), scipy.special)
    return np.asarray(ways + (answers * (at_least + at_most + between)).sum(axis=-1))


ORDERED = Likelihood(
    name="ordered",
    link="logit",
    kinds=("proportion",),
    parameters=("cut_points",),
    own_dispersion=False,
    mean=mean,
    observe=observe,
    draw=draw,
    log_density=log_density,
    prepare=prepare,
    draw_answers=draw_answers,
)
