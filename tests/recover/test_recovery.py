"""`make slow`: a fixed truth is found again: an effect that grows, where a constant effect is known to fail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from calibration import SEED, band, fit_cells

from impl.model.estimands import window_effect
from impl.model.simulate import World, simulate_cells
from impl.model.structure import Structure, describe_structure
from worlds import make_panel, make_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
DATA_SETS = 30
RATIO, GROWTH = 0.7, 6.0  # full effect, and the periods over which it grows to it
SITES, PERIODS, EVENTS = 12, 12, 20.0  # events: mean of a cell before start
LARGEST_BIAS = 0.25  # posterior SDs; what the prior's pull towards no change may cost in a small wedge


def growing(exposure: np.ndarray) -> np.ndarray:
    grown: np.ndarray = np.log(RATIO) * np.minimum(exposure, GROWTH) / GROWTH
    return grown


WORLD = World(
    law="poisson",
    baseline=0.02,
    start=np.repeat([2.0, 4, 6, 8], 3),
    effect=growing,
    site_sd=0.35,
    cell_sd=0.1,
    trend_per_year=-0.1,
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Over the data sets: posterior mean - truth, posterior SD, whether the 90 % interval holds the truth,
    draws that diverged."""

    error: np.ndarray
    spread: np.ndarray
    inside: np.ndarray
    divergences: np.ndarray

    @property
    def least_bias(self) -> float:
        """The smallest absolute mean bias, in posterior SDs, within two Monte Carlo errors of the one found."""
        chance = 2 * self.error.std(ddof=1) / np.sqrt(len(self.error))
        return float((abs(self.error.mean()) - chance) / self.spread.mean())

    @property
    def covers(self) -> bool:
        fewest, most = band(len(self.inside), 0.9)
        return bool(fewest <= self.inside.sum() <= most)


def structure_of(effect: str) -> Structure:
    """The wedge under one effect shape; everything else as the design decides."""
    study = make_study("falls", model={"effect": effect, "clustering": "nested", "site_effects": "none"})
    panel = make_panel(WORLD, "falls", np.full((SITES, PERIODS), EVENTS / WORLD.baseline))
    return describe_structure(study, panel)


@cache
def recover(effect: str) -> Found:
    """Fit the same data sets under one effect shape."""
    structure = structure_of(effect)
    first, last = structure.window
    truth = growing(np.arange(first, last + 1.0)).mean()
    error, spread, inside, divergences = [], [], [], []
    for index in range(DATA_SETS):
        rng = np.random.default_rng([SEED, 100, index])
        denominator = structure.rows["denominator"].to_numpy().reshape(SITES, PERIODS)
        numerator, _ = simulate_cells(WORLD, denominator, rng)
        data = replace(structure, rows=structure.rows.assign(numerator=numerator.ravel()))
        fit = fit_cells(data, seed=int(rng.integers(2**31)))
        draws = window_effect(fit)
        lower, upper = np.quantile(draws, [0.05, 0.95])
        error.append(draws.mean() - truth)
        spread.append(draws.std(ddof=1))
        inside.append(lower <= truth <= upper)
        divergences.append(int(fit.tree.sample_stats["diverging"].sum()))
    return Found(
        error=np.array(error),
        spread=np.array(spread),
        inside=np.array(inside),
        divergences=np.array(divergences),
    )


def test_the_random_walk_finds_a_growing_effect() -> None:
    found = recover("rw")
    assert found.covers, found
    assert found.least_bias < LARGEST_BIAS, found


def test_a_constant_effect_fails_the_same_test() -> None:
    """Model specification §0.1: more data make it worse, which is why it is not the default."""
    found = recover("it")
    assert not found.covers, found
    assert found.least_bias > LARGEST_BIAS, found
