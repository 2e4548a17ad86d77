"""The gates: did the sampler answer, for every quantity that is reported?"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from arviz_stats.base import array_stats

from impl.model.estimands import reported_draws
from impl.model.fitted import Fit
from impl.model.values import Checks
from impl.release.release import CheckRow

LIMITS = {
    "full": {"r_hat": 1.01, "ess_bulk": 400.0, "ess_tail": 400.0, "divergences": 0.0, "e_bfmi": 0.3},
    "smoke": {"r_hat": 1.05, "ess_bulk": 100.0, "ess_tail": 100.0, "divergences": 30.0, "e_bfmi": 0.2},
}
"""R-hat < 1.01 and ESS > 400 (Vehtari et al. 2021; BARG step 2), E-BFMI > 0.3 (Betancourt 2016)."""

NOT_FINITE = -1.0  # stands in a Release for a diagnostic that could not be computed; it never passes
CheckName = Literal["r_hat", "ess_bulk", "ess_tail", "divergences", "e_bfmi"]
TAILS = (0.05, 0.95)  # the ends of the 90 % interval, which is what the report prints


@lru_cache(maxsize=2)  # the sampler and the analysis ask of the same fit
def check_fit(fit: Fit) -> Checks:
    """Worst value over every reported quantity against its limit; `passed` gates the Release."""
    limits = LIMITS[fit.profile]
    worst = worst_of(reported_draws(fit).values(), fit.chains)
    diverging = int(fit.tree.sample_stats["diverging"].sum())
    energy = fit.tree.sample_stats["energy"].to_numpy()
    bfmi = float(np.min(np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)))
    values = {
        **worst,
        "divergences": float(diverging),
        "e_bfmi": bfmi,
    }
    held = {
        "r_hat": values["r_hat"] < limits["r_hat"],
        "ess_bulk": values["ess_bulk"] > limits["ess_bulk"],
        "ess_tail": values["ess_tail"] > limits["ess_tail"],
        "divergences": diverging <= limits["divergences"] or fit.amber,
        "e_bfmi": bfmi > limits["e_bfmi"],
    }
    names: tuple[CheckName, ...] = ("r_hat", "ess_bulk", "ess_tail", "divergences", "e_bfmi")
    rows = tuple(
        CheckRow(
            measure=fit.structure.measure.id,
            check=name,
            value=round(values[name], 4) if np.isfinite(values[name]) else NOT_FINITE,
            limit=limits[name],
            passed=bool(held[name]),
        )
        for name in names
    )
    return Checks(
        measure=fit.structure.measure.id,
        passed=all(held.values()),
        rows=rows,
        retried=fit.retried,
        draws=fit.draws // fit.chains,
        chains=fit.chains,
    )


def worst_of(quantities: Iterable[npt.NDArray[np.float64]], chains: int) -> dict[str, float]:
    """Largest R-hat and least bulk and tail ESS of some quantities, each all chains joined."""
    found: dict[str, list[float]] = {"r_hat": [0.0], "ess_bulk": [np.inf], "ess_tail": [np.inf]}
    for draws in quantities:
        by_chain = draws.reshape(chains, -1)
        if np.ptp(by_chain) == 0:
            continue  # a constant (the effect of a group nobody is in) has no sampling error
        found["r_hat"].append(float(array_stats.rhat(by_chain, chain_axis=0, draw_axis=1)))
        bulk = array_stats.ess(by_chain, chain_axis=0, draw_axis=1, method="bulk")
        tail = array_stats.ess(by_chain, chain_axis=0, draw_axis=1, method="tail", prob=TAILS)
        found["ess_bulk"].append(float(bulk))
        found["ess_tail"].append(float(tail))
    # numpy's max and min pass NaN on, and NaN holds no limit
    return {
        "r_hat": float(np.max(found["r_hat"])),
        "ess_bulk": float(np.min(found["ess_bulk"])),
        "ess_tail": float(np.min(found["ess_tail"])),
    }


def quantities_pass(
    quantities: Iterable[npt.NDArray[np.float64]],
    chains: int,
    diverging: int,
    profile: Literal["full", "smoke"],
) -> bool:
    """Whether quantities that are no part of `reported_draws` hold the same limits."""
    limits, worst = LIMITS[profile], worst_of(quantities, chains)
    enough = all(worst[name] > limits[name] for name in ("ess_bulk", "ess_tail"))
    return enough and worst["r_hat"] < limits["r_hat"] and diverging <= limits["divergences"]


def divergence_share(fit: Fit) -> float:
    """Share of kept draws that ended in a divergence."""
    return float(fit.tree.sample_stats["diverging"].mean())
