"""`make validate ONLY=local-coverage`: intervals of moderation, retained share and dose-response. See `local_coverage.py`."""

from __future__ import annotations

import os
import sys

import pytest
from local_coverage import QUESTIONS, coverage, run

pytestmark = [pytest.mark.validate, pytest.mark.timeout(0)]
SIMULATIONS = int(os.environ.get("IMPL_LOCAL_N", "200"))
LEAST, MOST = 0.84, 0.96


@pytest.mark.parametrize("question", QUESTIONS)
def test_local_coverage(question: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(question, SIMULATIONS)
    table = coverage(question)
    with capsys.disabled():
        sys.stdout.write(f"\n{question}\n{table.round(3).to_string()}\n")
    assert table["coverage"].between(LEAST, MOST).all()
