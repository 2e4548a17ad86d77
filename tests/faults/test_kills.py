"""Forty processes of batches killed at random moments: every batch comes to its end, and to the same end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from faults.kills import WHOM, kill_at_random

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone"),
]


@pytest.mark.timeout(3600)
def test_forty_kills_change_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    tally = kill_at_random(tmp_path, kills=40, seed=20261123)
    assert tally.kills == 40
    assert set(tally.killed) == set(WHOM), "each kind had its turn"
    assert tally.unequal == []
    assert tally.truncated == []
    assert tally.orphans == []
