"""Networks with known truth: places whose effects differ, studies that see them with error and report posteriors.

Run as a script it prints the table of docs/validation/synthesis.md: `python tests/recover/network_worlds.py`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from impl.network.evidence import divide_out
from impl.network.normal import Fitted, fit_regression
from impl.network.synthesis import MEAN_SD, TAU_SCALE

Array = npt.NDArray[np.float64]
SEED = 20261123
STUDY_PRIOR_SD = 0.5
TRUE_MEAN = -0.2
NETWORKS = 2000
"""Simulated networks per row: a coverage of 90 % is then known to 1.3 points (two standard errors)."""


@dataclass(frozen=True, kw_only=True)
class World:
    """studies; SD between places (None: drawn from the prior of tau, a new one per network); typical error of a study."""

    studies: int
    tau: float | None
    error: float = 0.15


@dataclass(frozen=True, kw_only=True)
class Found:
    """bias: of the pooled mean, in its own mean posterior SD. naive_bias: had the studies' posteriors been pooled as they
    stand. covers_mean, covers_place: share of 90 % intervals that hold the true mean, and one more place's true effect."""

    bias: float
    naive_bias: float
    covers_mean: float
    covers_place: float


WORLDS = tuple(World(studies=k, tau=tau) for tau in (None, 0.1, 0.2, 0.4) for k in (3, 5, 10, 30))


def pool_summaries(mean: Array, sd: Array) -> Fitted:
    """The synthesis' own model."""
    return fit_regression(mean, sd, np.ones((len(mean), 1)), np.zeros(1), np.array([MEAN_SD]), TAU_SCALE)


def run_world(world: World, networks: int = NETWORKS, seed: int = SEED) -> Found:
    """Simulate, pool and compare with the truth."""
    rng = np.random.default_rng([seed, world.studies, round(1000 * (world.tau or 0.0))])
    distance, naive, mean_held, place_held, widths, naive_widths = [], [], 0, 0, [], []
    for _ in range(networks):
        tau = world.tau if world.tau is not None else abs(rng.normal(0.0, TAU_SCALE))
        truth = TRUE_MEAN + tau * rng.standard_normal(world.studies + 1)
        error = world.error * np.exp(0.4 * rng.standard_normal(world.studies))
        seen = truth[:-1] + error * rng.standard_normal(world.studies)
        posterior_sd = 1.0 / np.sqrt(1.0 / error**2 + 1.0 / STUDY_PRIOR_SD**2)
        posterior = seen * posterior_sd**2 / error**2
        divided = [
            divide_out(mean, sd, 0.0, STUDY_PRIOR_SD)
            for mean, sd in zip(posterior, posterior_sd, strict=True)
        ]
        told = np.array([pair for pair in divided if pair is not None])
        fitted = pool_summaries(told[:, 0], told[:, 1])
        one = np.ones((1, 1))
        mean, place = (
            fitted.combination(one).summaries()[0],
            fitted.combination(one, new_place=True).summaries()[0],
        )
        plain = pool_summaries(posterior, posterior_sd).combination(one).summaries()[0]
        distance.append(mean.mean - TRUE_MEAN)
        naive.append(plain.mean - TRUE_MEAN)
        widths.append(mean.sd)
        naive_widths.append(plain.sd)
        mean_held += mean.lower <= TRUE_MEAN <= mean.upper
        place_held += place.lower <= truth[-1] <= place.upper
    return Found(
        bias=float(np.mean(distance) / np.mean(widths)),
        naive_bias=float(np.mean(naive) / np.mean(naive_widths)),
        covers_mean=mean_held / networks,
        covers_place=place_held / networks,
    )


def main() -> None:
    """Write the table."""
    noise = 2 * sqrt(0.9 * 0.1 / NETWORKS)
    say = sys.stdout.write
    say(f"{NETWORKS} networks a row, seed {SEED}; two standard errors of a coverage are {noise:.3f}\n")
    say(
        "| tau | studies | bias, in SE | bias without dividing out, in SE | 90 % of mean | 90 % of a new place |\n"
    )
    say("|---|---|---|---|---|---|\n")
    for world in WORLDS:
        found = run_world(world)
        tau = "from its prior" if world.tau is None else f"{world.tau:.1f}"
        say(
            f"| {tau} | {world.studies} | {found.bias:+.2f} | {found.naive_bias:+.2f} | "
            f"{found.covers_mean:.3f} | {found.covers_place:.3f} |\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
