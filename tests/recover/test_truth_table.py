"""`make validate ONLY=truth-table`: seven worlds, three sizes; can be stopped and resumed. See `truth_table.py`.

IMPL_TRUTH_N: networks a world and size (100 unless set). IMPL_TRUTH_SIZES: sites, separated by commas.
"""

from __future__ import annotations

import os
import sys

import pytest
from truth_table import is_right, is_wrong, records, run, table
from truth_worlds import SIZES, WORLDS

pytestmark = [pytest.mark.validate, pytest.mark.timeout(0)]
NETWORKS = int(os.environ.get("IMPL_TRUTH_N", "100"))
WANTED = [int(size) for size in os.environ.get("IMPL_TRUTH_SIZES", ",".join(map(str, SIZES))).split(",")]
MOST_WRONG, LEAST_RIGHT = 0.05, 0.60
DECIDING = 40  # sites from which an answer is asked of the worlds that the design can tell apart


def test_truth_table(capsys: pytest.CaptureFixture[str]) -> None:
    run(NETWORKS, WANTED)
    with capsys.disabled():
        sys.stdout.write("\n" + table() + "\n")
    short = []
    for name, truth in WORLDS.items():
        for sites in WANTED:
            found = records(sites, name)
            wrong, right = (sum(map(chosen, found)) / len(found) for chosen in (is_wrong, is_right))
            if wrong > MOST_WRONG:
                short.append(f"{name}, {sites} sites: confident and wrong {wrong:.0%} of {len(found)}")
            if sites == DECIDING and truth.separable and right < LEAST_RIGHT:
                short.append(f"{name}, {sites} sites: decisive and right {right:.0%} of {len(found)}")
    assert short == []
