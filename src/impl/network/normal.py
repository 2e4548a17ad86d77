"""Random-effects models that are Gaussian given the heterogeneity tau, integrated over tau exactly on a grid.

y ~ N(X b + u, S), u ~ N(0, tau^2 I), b ~ N(m, P), tau ~ half-normal. Given tau everything is normal and known, so
posteriors are mixtures of normals over nodes of tau, and no sampler is needed (Roever 2020, Journal of Statistical Software
93(6): bayesmeta).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, ndtr, ndtri

Array = npt.NDArray[np.float64]
NODES = 96
COARSE = 80
DEPTH = 30.0
"""Nodes of tau are laid where the log posterior is within this of its top; the rest holds less than e-13 of the mass."""
LEVELS = (0.05, 0.5, 0.95)
STEPS = 60  # at most, towards a quantile; six or so are needed
ROOT = sqrt(2 * pi)
POINTS, POINT_WEIGHTS = np.polynomial.legendre.leggauss(NODES)
MORE_POINTS, MORE_WEIGHTS = np.polynomial.legendre.leggauss(2 * NODES)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Posterior of one number: mean, SD, median and equal-tailed 90 % interval."""

    mean: float
    sd: float
    lower: float
    median: float
    upper: float


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Posteriors of several quantities as mixtures of normals over nodes of tau.

    mean, sd: (quantities, nodes). weight: (nodes,), or one row per quantity.
    """

    mean: Array
    sd: Array
    weight: Array

    def below(self, limit: Array | float) -> Array:
        """P(quantity < limit), one limit or one per quantity; (quantities,)."""
        at = np.asarray(limit, dtype=float).reshape(-1, 1)
        result: Array = (ndtr((at - self.mean) / self.sd) * self.weight).sum(axis=1)
        return result

    def moments(self) -> tuple[Array, Array]:
        mean = (self.mean * self.weight).sum(axis=1)
        variance = ((self.sd**2 + (self.mean - mean[:, None]) ** 2) * self.weight).sum(axis=1)
        return mean, np.sqrt(variance)

    def quantiles(self, level: float) -> Array:
        """Quantiles by Newton's method within a bracket that halves where Newton leaves it; (quantities,)."""
        reach = 9.0 * self.sd
        low, high = (self.mean - reach).min(axis=1), (self.mean + reach).max(axis=1)
        mean, sd = self.moments()
        at: Array = mean + ndtri(level) * sd
        for _ in range(STEPS):
            standard = (at[:, None] - self.mean) / self.sd
            beyond = (ndtr(standard) * self.weight).sum(axis=1) - level
            low, high = np.where(beyond < 0, at, low), np.where(beyond < 0, high, at)
            density = (np.exp(-0.5 * standard**2) / self.sd * self.weight).sum(axis=1) / ROOT
            step = at - beyond / np.maximum(density, 1e-300)
            moved = np.where((step > low) & (step < high), step, (low + high) / 2)
            done = np.abs(moved - at) < 1e-10 * sd
            at = moved
            if done.all():
                break
        return at

    def summaries(self) -> tuple[Summary, ...]:
        mean, sd = self.moments()
        lower, median, upper = (self.quantiles(level) for level in LEVELS)
        return tuple(
            Summary(
                mean=float(mean[place]),
                sd=float(sd[place]),
                lower=float(lower[place]),
                median=float(median[place]),
                upper=float(upper[place]),
            )
            for place in range(len(mean))
        )


@dataclass(frozen=True, kw_only=True)
class Heterogeneity:
    """Posterior of tau on its nodes; weights sum to one."""

    nodes: Array
    weight: Array

    def summary(self) -> Summary:
        mean = float(self.nodes @ self.weight)
        cumulative = np.cumsum(self.weight) - self.weight / 2
        lower, median, upper = (float(np.interp(level, cumulative, self.nodes)) for level in LEVELS)
        sd = float(np.sqrt(((self.nodes - mean) ** 2) @ self.weight))
        return Summary(mean=mean, sd=sd, lower=lower, median=median, upper=upper)


def integrate(log_marginal: Callable[[Array], Array], scale: float) -> Heterogeneity:
    """Posterior of tau under a half-normal prior. log_marginal: of the data at each tau, (n,) -> (n,). scale: of the prior."""

    def log_posterior(tau: Array) -> Array:
        result: Array = log_marginal(tau) - 0.5 * (tau / scale) ** 2
        return result

    top = 7.0 * scale
    coarse = top * np.linspace(0.0, 1.0, COARSE) ** 2  # finer where small heterogeneities differ
    found = log_posterior(coarse)
    for _ in range(3):  # a thousand studies know tau to a part of a coarse step
        inside = np.flatnonzero(found >= found.max() - DEPTH)  # the top itself, however steep
        low = coarse[max(inside[0] - 1, 0)]
        high = coarse[min(inside[-1] + 1, len(coarse) - 1)]
        coarse = np.linspace(low, high, COARSE)
        found = log_posterior(coarse)
    nodes = (high - low) / 2 * POINTS + (high + low) / 2
    log_weight = log_posterior(nodes) + np.log(POINT_WEIGHTS)
    return Heterogeneity(nodes=nodes, weight=np.exp(log_weight - logsumexp(log_weight)))


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A fitted regression of independent studies. beta_mean: (nodes, terms); beta_cov: (nodes, terms, terms)."""

    heterogeneity: Heterogeneity
    beta_mean: Array
    beta_cov: Array

    def combination(self, weights: Array, *, new_place: bool = False) -> Mixture:
        """Posterior of weights @ b, weights (quantities, terms); for one more place with its own deviation if asked."""
        mean = np.einsum("qp,np->qn", weights, self.beta_mean)
        variance = np.einsum("qp,nps,qs->qn", weights, self.beta_cov, weights)
        if new_place:
            variance = variance + self.heterogeneity.nodes**2
        return Mixture(mean=mean, sd=np.sqrt(variance), weight=self.heterogeneity.weight)


def fit_regression(
    mean: Array, sd: Array, design: Array, prior_mean: Array, prior_sd: Array, tau_scale: float
) -> Fitted:
    """Independent studies: mean, sd (k,), design (k, terms), independent normal priors of the terms (terms,)."""
    precision = np.diag(1.0 / prior_sd**2)

    def pieces(tau: Array) -> tuple[Array, Array, Array]:
        weight = 1.0 / (sd**2 + tau[:, None] ** 2)  # nodes x k
        posterior = precision + np.einsum("nk,kp,ks->nps", weight, design, design)
        covariance = np.linalg.inv(posterior)
        right = precision @ prior_mean + (weight * mean) @ design
        beta = np.einsum("nps,ns->np", covariance, right)
        log = (
            0.5 * np.log(weight).sum(axis=1)
            - 0.5 * np.linalg.slogdet(posterior)[1]
            - 0.5 * (weight @ mean**2 - np.einsum("np,np->n", beta, right))
        )
        return log, beta, covariance

    heterogeneity = integrate(lambda tau: pieces(tau)[0], tau_scale)
    _, beta, covariance = pieces(heterogeneity.nodes)
    return Fitted(heterogeneity=heterogeneity, beta_mean=beta, beta_cov=covariance)


def shrunken(mean: Array, sd: Array, design: Array, fitted: Fitted) -> Mixture:
    """Posterior of each study's own effect, given all; quantities are studies."""
    tau2 = fitted.heterogeneity.nodes**2
    share = tau2 / (tau2 + sd[:, None] ** 2)  # k x nodes: how much the study itself is believed
    line = design @ fitted.beta_mean.T
    own = share * mean[:, None] + (1.0 - share) * line
    spread = np.einsum("kp,nps,ks->kn", design, fitted.beta_cov, design)
    variance = share * sd[:, None] ** 2 + (1.0 - share) ** 2 * spread
    return Mixture(mean=own, sd=np.sqrt(variance) + 1e-12, weight=fitted.heterogeneity.weight)


def left_out_means(mean: Array, sd: Array, prior_mean: float, prior_sd: float, tau_scale: float) -> Mixture:
    """Posterior of the pooled mean without each study in turn; one row per study.

    Sums over studies are taken once per node and one study's part is subtracted. The nodes of the whole are widened
    so that a study that held tau up or down may leave.
    """
    whole = fit_regression(
        mean, sd, np.ones((len(mean), 1)), np.array([prior_mean]), np.array([prior_sd]), tau_scale
    ).heterogeneity
    points = (MORE_POINTS + 1.0) / 2
    nodes = min(max(3.0 * whole.nodes[-1], tau_scale), 7.0 * tau_scale) * points**2
    quadrature = MORE_WEIGHTS * points
    weight = 1.0 / (sd[:, None] ** 2 + nodes**2)
    known = 1.0 / prior_sd**2
    total = known + weight.sum(axis=0) - weight
    right = known * prior_mean + (weight * mean[:, None]).sum(axis=0) - weight * mean[:, None]
    squares = (weight * mean[:, None] ** 2).sum(axis=0) - weight * mean[:, None] ** 2
    logs = np.log(weight).sum(axis=0) - np.log(weight)
    log = 0.5 * (logs - np.log(total) - squares + right**2 / total) - 0.5 * (nodes / tau_scale) ** 2
    log = log + np.log(quadrature)
    share = np.exp(log - logsumexp(log, axis=1, keepdims=True))
    return Mixture(mean=right / total, sd=np.sqrt(1.0 / total), weight=share)


def fit_curves(
    values: Sequence[Array],
    covariances: Sequence[Array],
    designs: Sequence[Array],
    prior_mean: Array,
    prior_cov: Array,
    between: Array,
    tau_scale: float,
) -> Fitted:
    """Studies with several correlated values each: y_i ~ N(H_i (b + u_i), S_i), u_i ~ N(0, tau^2 between).

    values: (n_i,), covariances: (n_i, n_i), designs: H_i (n_i, bins).
    """
    precision = np.linalg.inv(prior_cov)
    spreads = [design @ between @ design.T for design in designs]

    def pieces(tau: Array) -> tuple[Array, Array, Array]:
        posterior = np.repeat(precision[None], len(tau), axis=0)
        right = np.repeat((precision @ prior_mean)[None], len(tau), axis=0)
        log = np.zeros(len(tau))
        for value, covariance, design, spread in zip(values, covariances, designs, spreads, strict=True):
            inverse = np.linalg.inv(covariance + tau[:, None, None] ** 2 * spread)
            posterior = posterior + np.einsum("ia,nij,jb->nab", design, inverse, design, optimize=True)
            right = right + np.einsum("ia,nij,j->na", design, inverse, value, optimize=True)
            log = log + 0.5 * np.linalg.slogdet(inverse)[1]
            log = log - 0.5 * np.einsum("i,nij,j->n", value, inverse, value, optimize=True)
        covariance = np.linalg.inv(posterior)
        beta = np.einsum("nps,ns->np", covariance, right)
        log = log - 0.5 * np.linalg.slogdet(posterior)[1] + 0.5 * np.einsum("np,np->n", beta, right)
        return log, beta, covariance

    heterogeneity = integrate(lambda tau: pieces(tau)[0], tau_scale)
    _, beta, covariance = pieces(heterogeneity.nodes)
    return Fitted(heterogeneity=heterogeneity, beta_mean=beta, beta_cov=covariance)
