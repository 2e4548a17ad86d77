"""Our posterior beside published or independently computed answers on the same real data.

The cases are in `known_cases.py`, what came of them in `docs/validation/known.md`; A11 is in `test_whole_line.py`.
Where a case's model is the source's, the limits are 0.35 standard errors and an SD ratio of 0.8 to 1.3. Where it
is not, the case says why, and its own limit is a record of how far the two answers are apart.
"""

from __future__ import annotations

import numpy as np
import pytest
from answers import RATIO, Case, compare
from known_cases import CASES

FAST = ("a1", "a10")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.id, marks=() if case.id in FAST else pytest.mark.slow) for case in CASES],
)
def test_posterior_agrees_with_the_published_answer(case: Case) -> None:
    for figure in compare(case):
        assert figure.passed, "the sampler's gates"
        assert figure.distance <= figure.limit, figure
        if not figure.differs and not np.isnan(figure.error):
            assert RATIO[0] <= figure.ratio <= RATIO[1], figure
