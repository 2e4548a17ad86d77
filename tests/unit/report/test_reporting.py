"""Counts of reports: the answer is told for several changes of the share reported, and never for other counts."""

from __future__ import annotations

import numpy as np
import pytest

from example_release import staggered
from impl.model.estimands import REPORTING_CHANGES
from impl.release.release import Release
from impl.report.language import language_codes, read_language
from impl.report.study.order import make_blocks
from impl.report.study.reporting import texts


def reports(counted: float) -> Release:
    """A release of reports whose number is `counted` times what was expected."""
    release = staggered()
    base = next(
        row
        for row in release.estimates
        if (row.estimand, row.scale, row.level) == ("tate", "ratio", 0.9)
        and row.measure == release.measure().id
    )
    rows = []
    for change in REPORTING_CHANGES:
        middle = float(np.round(counted * np.exp(-change), 3))
        ends = {"lower": 0.9 * middle, "median": middle, "upper": 1.1 * middle}
        rows.append(base.model_copy(update={"estimand": "reporting", "group": f"{change:.1f}", **ends}))
    return release.model_copy(update={"estimates": (*release.estimates, *rows)})


@pytest.mark.parametrize("code", language_codes())
def test_the_answer_is_told_for_each_change(code: str) -> None:
    language = read_language(code)
    said = texts(reports(1.12), language)
    assert len(said) == len(REPORTING_CHANGES) + 1
    assert "12" in said[0]
    assert "22" in said[2]
    assert "12" in said[-1], "the change at which there is no effect is what was counted"
    assert all("{" not in text for text in said)
    assert "reports" in [block.name for block in make_blocks(reports(1.12), language)]
    assert len(texts(reports(0.8), language)) == len(REPORTING_CHANGES), (
        "fewer reports: nothing to explain away"
    )
    assert texts(staggered(), language) == ()
