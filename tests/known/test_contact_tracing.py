"""A6 as a dose: the share automated goes in as audits, and the page shows what the command prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from contact_tracing import MARK, PAGE, ROWS, moved, read, regressions
from known_cases import CASES
from reference import tracing_cells


@pytest.mark.parametrize("study", ROWS)
def test_the_share_automated_is_read_as_audits(study: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.study == study)
    cells = tracing_cells(complete=ROWS[study])
    plan, panel = read(tmp_path, case)
    assert plan.fidelity is not None
    assert panel.fidelity is not None
    assert panel.fidelity["reported"].all()
    assert panel.fidelity["delivered"].sum() == cells["automated"].sum()
    assert panel.fidelity["eligible"].sum() == cells["persons"].sum() == panel.cells["denominator"].sum()


def test_the_page_shows_what_the_command_prints() -> None:
    """The lines that need no sampler; the others are of the sampler's last run."""
    lines = PAGE.read_text().partition(MARK)[2].splitlines()
    for line in (*regressions(), *moved()):
        assert line in lines
