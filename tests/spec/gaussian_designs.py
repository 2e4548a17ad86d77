"""The Gaussian designs of published and prototype calculations, as linear models of `impl.model.gls`."""

from __future__ import annotations

import numpy as np

from impl.model.effects import EFFECTS
from impl.model.effects.effect import zero_sum_basis
from impl.model.gls import (
    Array,
    Block,
    Curve,
    LinearModel,
    cluster_covariance,
    column,
    exposure_indicators,
    free_curve,
    intercept,
    period_effects,
    season,
    shaped_curve,
    wave_effects,
)

EFFECT_SD = 0.5  # prior SD of the mean or first effect
DECREASE = float(np.log(0.7))
NAMES = ("it", "teh .1", "teh .25", "rw", "zero-sum eti", "eti as written")


def bins_of(starts: Array, periods: int) -> np.ndarray:
    """Exposure time of each cell, site x period, 0 before start."""
    return np.maximum(np.arange(periods)[None, :] - np.asarray(starts)[:, None] + 1, 0)


def standard_wedge(
    sequences: int,
    icc: float,
    persons: int,
    clustering: str = "exchangeable",
    autocorrelation: float = 1.0,
    *,
    sites: int = 1,
    waves: bool = False,
) -> LinearModel:
    """Hussey & Hughes' wedge: S sequences of `sites` clusters, S + 1 periods, total variance 1, flat priors.

    The noise of a cluster is ICC x R + (1 - ICC) / persons.
    """
    periods = sequences + 1
    wave = np.repeat(np.arange(sequences), sites)
    bins = bins_of(wave + 1, periods)
    blocks = [intercept(bins.shape, None), period_effects(bins.shape, None)]
    if waves:
        blocks.append(wave_effects(wave, periods, None))
    return LinearModel(
        information=np.full(bins.shape, persons / (1.0 - icc)),
        covariance=cluster_covariance(clustering, periods, icc, autocorrelation),
        untreated=tuple(blocks),
        exposed=exposure_indicators(bins, sequences),
        curve=free_curve(sequences),
    )


def quarterly_network() -> LinearModel:
    """12 sites x 12 periods: four waves of three that start in periods 3, 5, 7 and 9, ten events a cell.

    Total SD between sites .35, cluster autocorrelation .8. Priors: level N(0, 1), waves zero-sum .5, periods
    zero-sum 1 (the prototype's table was made before the calendar's SD became .5).
    """
    wave = np.repeat(np.arange(4), 3)
    bins = bins_of(np.array([2, 4, 6, 8])[wave], 12)
    return LinearModel(
        information=np.full(bins.shape, 10.0),
        covariance=cluster_covariance("nested", 12, 0.35**2, 0.8),
        untreated=(
            intercept(bins.shape, 1.0),
            period_effects(bins.shape, 1.0),
            wave_effects(wave, 12, 0.5),
        ),
        exposed=exposure_indicators(bins, 10),
        curve=free_curve(10),
    )


def monthly_network(sites: int, months: int, events: float, level_sd: float = 1.0) -> LinearModel:
    """Four waves from month 12 to 60 % of follow-up (rounded down), correlation .95 a month, total SD .35.

    Calendar: slope N(0, .25) a year, two harmonics of SD .2, steps N(0, .05) a month from the first on.
    """
    wave = np.arange(sites) % 4
    bins = bins_of(np.floor(np.linspace(12, 0.6 * months, 4))[wave].astype(int), months)
    time = np.broadcast_to(np.arange(months, dtype=float), bins.shape)
    steps = np.tril(np.ones((months, months - 1)), -1)
    return LinearModel(
        information=np.full(bins.shape, events),
        covariance=cluster_covariance("decay", months, 0.35**2, 0.95),
        untreated=(
            intercept(bins.shape, level_sd),
            column((time - time.mean()) / 12.0, 0.25),
            season(2.0 * np.pi * time / 12.0, 2, 0.2),
            Block(np.repeat(steps[None], sites, axis=0), np.full(months - 1, 0.05**-2)),
            wave_effects(wave, months, 0.5),
        ),
        exposed=exposure_indicators(bins, months - 12),
        curve=free_curve(months - 12),
    )


def curves_of(length: int, step: float) -> dict[str, Curve]:
    """The six estimators of the table. `step`: SD of the random walk per period."""
    zero_sum = zero_sum_basis(length)
    walk = EFFECTS["rw"].basis
    assert walk is not None
    return {
        "it": shaped_curve(np.zeros((length, 0)), 0.0, EFFECT_SD),
        "teh .1": shaped_curve(zero_sum, 0.1, EFFECT_SD),
        "teh .25": shaped_curve(zero_sum, 0.25, EFFECT_SD),
        "rw": shaped_curve(walk(length, 3.0), step, EFFECT_SD),
        "zero-sum eti": shaped_curve(zero_sum, EFFECT_SD, EFFECT_SD),
        "eti as written": free_curve(length, EFFECT_SD),
    }


def truth(name: str, length: int) -> Array:
    """A ratio of .7: at once and for good, growing (1 - exp(-e/3)), or halved every third period."""
    exposure = np.arange(1, length + 1)
    shares = {
        "constant": np.ones(length),
        "grow": 1.0 - np.exp(-exposure / 3.0),
        "decay": 2.0 ** (-(exposure - 1) / 3.0),
    }
    return DECREASE * shares[name]


def window(length: int, last: int) -> Array:
    """Weights of the mean over exposure times 1 to `last`."""
    return np.where(np.arange(length) < last, 1.0 / last, 0.0)
