"""`make slow`: the truth is where the posterior says, and a seeded fault is seen.

Records are kept in `build/validation/<structure>.jsonl` by digest of the code, so that a stopped run resumes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from calibration import complaints, simulate
from records import append, code_key, finished
from study_worlds import DEFAULTS

from impl.model.structure import Structure
from worlds import REPOSITORY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
SIMULATIONS = 100
SPOILT = 24  # a fault as coarse as these needs no more
KEY = code_key()


@pytest.mark.parametrize("name", DEFAULTS)
def test_ranks_are_uniform_and_intervals_cover(name: str) -> None:
    """Every estimand, scalar parameter, SD and the joint log-likelihood; 90 % interval of the effect."""
    path = REPOSITORY / "build" / "validation" / f"{name}.jsonl"
    for index in sorted(set(range(SIMULATIONS)) - set(finished(path, KEY))):
        append(path, simulate(name, index), KEY)
    done = finished(path, KEY)
    assert complaints([done[index] for index in range(SIMULATIONS)]) == []


def _exposure_counted_twice(data: Structure) -> Structure:
    """Half of the cells, every second one, with twice their true denominator."""
    twice = np.where(np.arange(len(data.rows)) % 2 == 0, 2.0, 1.0)
    return replace(data, rows=data.rows.assign(denominator=data.rows["denominator"] * twice))


@pytest.mark.parametrize("name", ["series-negbin", "wedge-binomial-constant"])
def test_a_seeded_fault_is_seen(name: str) -> None:
    records = [simulate(name, index, _exposure_counted_twice) for index in range(SPOILT)]
    assert complaints(records), "the study cannot fail"
