"""The waves of calendar time are the centred random walk, written otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from impl.model.build import walk_basis


@pytest.mark.parametrize("length", [2, 3, 24, 192])
def test_waves_have_the_covariance_of_a_centred_walk(length: int) -> None:
    sums = np.tril(np.ones((length, length - 1)), -1)
    centred = sums - sums.mean(axis=0)
    basis = walk_basis(length)
    assert basis @ basis.T == pytest.approx(centred @ centred.T, abs=1e-8)
    assert basis.sum(axis=0) == pytest.approx(np.zeros(length - 1), abs=1e-8)
