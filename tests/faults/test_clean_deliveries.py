"""How often data without a mistake give a finding: rates, rare events, shares and rates by inhabitants, small and large."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from impl.data.suspicions import suspicions
from impl.data.twins import twins
from impl.study.load import read_measure
from worlds import REPOSITORY

Numbers = npt.NDArray[np.float64]
KINDS = {  # measure, smallest and largest exposure, events per exposure, log change after start
    "rates": ("falls", (400, 6000), 0.0045, -0.5),
    "rare": ("clabsi", (200, 3000), 0.002, -0.8),
    "shares": ("medication_review", (15, 300), 0.6, -0.5),
    "inhabitants": ("falls", (1000, 100_000), 0.003, -0.3),
}
SIZES = ((1, 24), (8, 36), (12, 12), (40, 60))
DELIVERIES = 30


def delivery(rng: np.random.Generator, kind: str, sites: int, periods: int) -> pd.DataFrame:
    """Sites of different size, level and trend; uneven counts, a season, and a bundle that works from some period on."""
    measure, (low, high), level, change = KINDS[kind]
    size = np.exp(rng.uniform(np.log(low), np.log(high), (sites, 1)))
    trend = np.exp(rng.normal(0, 0.1, (sites, 1)) * np.arange(periods) / 12)
    exposure = np.maximum(np.round(size * trend * rng.gamma(100, 1 / 100, (sites, periods))), 1)
    if kind == "inhabitants":
        exposure = np.repeat(np.round(size), periods, axis=1)
    start = rng.integers(periods // 4, periods, (sites, 1))
    shift = rng.normal(0, 0.4, (sites, 1)) + np.where(np.arange(periods) >= start, change, 0.0)
    season = 0.2 * np.cos(2 * np.pi * np.arange(periods) / 12)
    if kind == "shares":
        odds = np.log(level / (1 - level)) + shift
        events: Numbers = rng.binomial(exposure.astype(int), 1 / (1 + np.exp(-odds))).astype(float)
    else:
        uneven = rng.gamma(5, 1 / 5, exposure.shape)
        events = rng.poisson(exposure * level * np.exp(shift + season) * uneven).astype(float)
    return pd.DataFrame(
        {
            "measure": measure,
            "site": np.repeat([f"site {number}" for number in range(sites)], periods),
            "period": np.tile(np.arange(periods), sites),
            "numerator": events.ravel(),
            "denominator": exposure.ravel(),
            "observed": True,
        }
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_hardly_any_clean_delivery_has_a_finding(kind: str) -> None:
    """120 deliveries of a kind; the limits aim at under one in a hundred for each way of looking."""
    rng = np.random.default_rng(list(KINDS).index(kind))
    name = KINDS[kind][0]
    measure = read_measure(name, REPOSITORY)
    odd = []
    for sites, periods in SIZES:
        for _ in range(DELIVERIES):
            cells = delivery(rng, kind, sites, periods)
            found = [*suspicions(cells, {name: measure}), *twins(cells, {}, [name])]
            odd += [(sites, periods, sorted({finding.code for finding in found}))] if found else []
    assert len(odd) <= 5, odd
