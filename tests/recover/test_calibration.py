"""`make slow`: the truth is where the posterior says, and a seeded fault is seen."""

from __future__ import annotations

import numpy as np
import pytest
from calibration import Cells, complaints, simulate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
SIMULATIONS = 60
SPOILT = 24  # a fault as coarse as these needs no more


@pytest.mark.parametrize("name", ["series-negbin", "wedge-binomial"])
def test_ranks_are_uniform_and_intervals_cover(name: str) -> None:
    """Every estimand, scalar parameter, SD and the joint log-likelihood; 90 % interval of the effect."""
    assert complaints([simulate(name, index) for index in range(SIMULATIONS)]) == []


def _exposure_counted_twice(cells: Cells) -> Cells:
    """Half of the cells, every second one, with twice their true denominator."""
    twice = np.where(np.arange(len(cells)) % 2 == 0, 2.0, 1.0)
    return cells.assign(denominator=cells["denominator"] * twice)


@pytest.mark.parametrize("name", ["series-negbin", "wedge-binomial"])
def test_a_seeded_fault_is_seen(name: str) -> None:
    records = [simulate(name, index, _exposure_counted_twice) for index in range(SPOILT)]
    assert complaints(records), "the study cannot fail"
