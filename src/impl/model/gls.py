"""The Gaussian twin: what a design can tell about an effect, by generalised least squares instead of sampling.

On the link scale y = untreated terms + curve[time since start] + noise, the noise of a site being its cluster
process plus independent cell noise of known variance. Coefficients have independent normal priors; precision
0 is a flat prior, and with flat priors everywhere this is the textbook estimator (Hussey & Hughes 2007; Kasza
2017; Kenny et al. 2022). Sites are inverted one by one. `impl.model.twin` writes a study in this form.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import block_diag
from scipy.special import ndtr, ndtri

from impl.model.effects.effect import zero_sum_basis

Array = npt.NDArray[np.float64]


class Block(NamedTuple):
    """Terms of one kind. columns: site x period x coefficient. precision: 1/SD² of each prior, 0 = flat."""

    columns: Array
    precision: Array


class Curve(NamedTuple):
    """Prior of the effect curve: curve = basis @ coefficients.

    basis: exposure time x coefficient. precision: 1/SD² of each coefficient's prior, 0 = flat.
    """

    basis: Array
    precision: Array


@dataclass(frozen=True, kw_only=True)
class LinearModel:
    """A linear-Gaussian model of a site x period grid.

    information: 1 / variance of each cell's own noise, site x period; 0 where nothing is observed.
    covariance: of the cluster process over periods, one for all sites (period x period) or one a site.
    exposed: site x period x exposure time, the share of that exposure time's effect which the cell has.
    """

    information: Array
    covariance: Array
    untreated: tuple[Block, ...]
    exposed: Array
    curve: Curve


@dataclass(frozen=True, kw_only=True)
class Solution:
    """What the data of a design would say about the coefficients, untreated terms first, the curve's last.

    gram: X' V⁻¹ X. posterior: covariance of the coefficients. exposed: X' V⁻¹ of the exposure times'
    indicators, coefficient x exposure time. weighted: V⁻¹ X, site x period x coefficient.
    """

    model: LinearModel
    gram: Array
    posterior: Array
    exposed: Array
    weighted: Array


class Performance(NamedTuple):
    """How an estimator does under a stated truth.

    posterior_sd: SD it reports. bias: its mean minus the truth. sampling_sd: SD of its mean over data sets with
    untreated terms held fixed. coverage: of its equal-tailed interval.
    """

    posterior_sd: float
    bias: float
    sampling_sd: float
    coverage: float


# --- terms


def column(values: Array, sd: float | None) -> Block:
    """One coefficient N(0, sd) times `values` (site x period); sd None = flat."""
    return Block(np.asarray(values, dtype=float)[:, :, None], _precision(1, sd))


def intercept(shape: tuple[int, int], sd: float | None) -> Block:
    return column(np.ones(shape), sd)


def wave_effects(wave: npt.NDArray[np.int64], periods: int, sd: float | None) -> Block:
    """A level for each wave, zero-sum. wave: position of each site's wave."""
    basis = zero_sum_basis(int(wave.max()) + 1)
    return Block(np.repeat(basis[wave][:, None, :], periods, axis=1), _precision(basis.shape[1], sd))


def period_effects(shape: tuple[int, int], sd: float | None) -> Block:
    """A level for each period, zero-sum: categorical calendar time."""
    sites, periods = shape
    return Block(
        np.repeat(zero_sum_basis(periods)[None], sites, axis=0),
        _precision(periods - 1, sd),
    )


def period_walk(shape: tuple[int, int], step_sd: float) -> Block:
    """A centred random walk over periods with steps N(0, step_sd): smooth calendar time."""
    sites, periods = shape
    steps = np.tril(np.ones((periods, periods - 1)), -1)
    return Block(
        np.repeat((steps - steps.mean(axis=0))[None], sites, axis=0), _precision(periods - 1, step_sd)
    )


def season(phase: Array, harmonics: int, sd: float | None) -> Block:
    """Fourier pairs of the year. phase: site x period, radians."""
    angles = phase[:, :, None] * np.arange(1, harmonics + 1)
    return Block(np.concatenate([np.cos(angles), np.sin(angles)], axis=2), _precision(2 * harmonics, sd))


def _precision(count: int, sd: float | None) -> Array:
    return np.full(count, 0.0 if sd is None else 1.0 / sd**2)


# --- effects


def exposure_indicators(bins: npt.NDArray[np.int64], length: int) -> Array:
    """Indicators site x period x exposure time. bins: position in the curve + 1, 0 where not treated."""
    indicators: Array = np.eye(length + 1)[bins][:, :, 1:]
    return indicators


def shaped_curve(basis: Array, scale: float, level_sd: float | None) -> Curve:
    """Prior of a linear effect shape: level + scale x (basis @ step), level ~ N(0, level_sd), step ~ N(0, 1)."""
    moving = scale * basis[:, np.any(scale * basis != 0.0, axis=0)]
    return Curve(
        np.hstack([np.ones((len(basis), 1)), moving]),
        np.concatenate([_precision(1, level_sd), np.ones(moving.shape[1])]),
    )


def free_curve(length: int, sd: float | None = None) -> Curve:
    """An independent effect for each exposure time, flat unless `sd` is given (Kenny et al. 2022, ETI)."""
    return Curve(np.eye(length), _precision(length, sd))


def constant_curve(length: int, sd: float | None = None) -> Curve:
    """The same effect at every exposure time (Hussey & Hughes 2007, IT)."""
    return Curve(np.ones((length, 1)), _precision(1, sd))


# --- clusters


def cluster_covariance(
    clustering: str, periods: int, variance: float, autocorrelation: float = 1.0, persons: float = 0.0
) -> Array:
    """Covariance of a site's cluster process over its periods, period x period.

    variance: total between sites within a period. autocorrelation: the cluster autocorrelation (nested, cohort),
    or the correlation of neighbouring periods (decay). persons: variance of the mean of the cohort's person
    effects, person variance / persons (cohort).
    Source: Hooper 2016 and Girling & Hemming 2016 (nested, cohort), Kasza 2017 (decay).
    """
    together, apart = np.ones((periods, periods)), np.eye(periods)
    if clustering == "none":
        return np.zeros((periods, periods))
    if clustering == "exchangeable":
        return variance * together
    if clustering in ("nested", "cohort"):
        nested: Array = variance * (autocorrelation * together + (1.0 - autocorrelation) * apart)
        return nested + persons * together if clustering == "cohort" else nested
    if clustering == "decay":
        lag = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
        decaying: Array = variance * np.power(float(autocorrelation), lag)
        return decaying
    raise ValueError(f"no covariance is known for clustering {clustering!r}")


# --- solution


def solve(model: LinearModel) -> Solution:
    """Posterior covariance of the coefficients and what every estimate is made of.

    Raises ValueError where terms with flat priors cannot be told apart by the observed cells.
    """
    columns = [block.columns for block in model.untreated] + [model.exposed @ model.curve.basis]
    matrix = np.concatenate(columns, axis=2)
    prior = np.concatenate([block.precision for block in model.untreated] + [model.curve.precision])
    weighted = _noise_precision(model) @ matrix
    rows, count = model.information.size, matrix.shape[2]
    flat = weighted.reshape(rows, count)
    gram = matrix.reshape(rows, count).T @ flat
    precision = gram + np.diag(prior)
    size = np.sqrt(np.diag(precision))
    if not np.all(size > 0) or np.linalg.cond(precision / np.outer(size, size)) > 1e12:
        raise ValueError("flat priors leave terms that the observed cells cannot tell apart")
    return Solution(
        model=model,
        gram=gram,
        posterior=np.linalg.inv(precision),
        exposed=flat.T @ model.exposed.reshape(rows, -1),
        weighted=weighted,
    )


def _noise_precision(model: LinearModel) -> Array:
    """V⁻¹ of every site, site x period x period; rows and columns of cells without information are zero.

    V = C + W⁻¹ with W the cells' information: V⁻¹ = W½ (I + W½ C W½)⁻¹ W½, which needs no inverse of W or C.
    """
    root = np.sqrt(model.information)
    scaled = root[:, :, None] * model.covariance * root[:, None, :]
    inverse = np.linalg.inv(np.eye(root.shape[1]) + scaled)
    precision: Array = root[:, :, None] * inverse * root[:, None, :]
    return precision


def functional(solution: Solution, weights: Array) -> Array:
    """Coefficients' weights in the effect sum(weights x curve); weights: one an exposure time."""
    basis = solution.model.curve.basis
    untreated = len(solution.posterior) - basis.shape[1]
    return np.concatenate([np.zeros(untreated), weights @ basis])


def posterior_sd(solution: Solution, weights: Array) -> float:
    """Posterior SD (flat priors: standard error) of sum(weights x curve)."""
    target = functional(solution, weights)
    return float(np.sqrt(target @ solution.posterior @ target))


def posterior_mean(solution: Solution, observed: Array) -> Array:
    """Posterior means of the curve; observed: cells on the link scale, site x period, finite everywhere.

    What stands in a cell without information does not count.
    """
    weighted = solution.weighted.reshape(observed.size, -1)
    coefficients = solution.posterior @ (weighted.T @ observed.ravel())
    basis = solution.model.curve.basis
    curve: Array = basis @ coefficients[-basis.shape[1] :]
    return curve


def performance(solution: Solution, weights: Array, truth: Array, level: float = 0.9) -> Performance:
    """Bias, sampling SD and coverage of the estimate of sum(weights x curve) if the curve is `truth`."""
    target = functional(solution, weights)
    share = solution.posterior @ target
    sd = float(np.sqrt(target @ share))
    bias = float(share @ solution.exposed @ truth - weights @ truth)
    sampling = float(np.sqrt(share @ solution.gram @ share))
    reach = float(ndtri((1.0 + level) / 2.0)) * sd
    coverage = float(ndtr((reach - bias) / sampling) - ndtr((-reach - bias) / sampling))
    return Performance(sd, bias, sampling, coverage)


def constant_effect_weights(model: LinearModel, length: int | None = None) -> Array:
    """Weight of each exposure time in the estimate that takes the effect to be constant; they sum to 1.

    A negative weight means that a larger effect at that time makes the estimate smaller (Kenny et al. 2022).
    length: how many of the exposure times belong to the bundle asked about, where the curves of further
    bundles follow; those keep their shape and prior.
    """
    length = model.exposed.shape[2] if length is None else length
    rest = model.curve.basis[length:]
    constant = Curve(np.ones((length, 1)), np.zeros(1))
    if len(rest):
        constant = Curve(
            block_diag(constant.basis, rest), np.concatenate([constant.precision, model.curve.precision])
        )
    solution = solve(replace(model, curve=constant))
    place = sum(block.columns.shape[2] for block in model.untreated)
    weights: Array = solution.posterior[place] @ solution.exposed[:, :length]
    return weights
