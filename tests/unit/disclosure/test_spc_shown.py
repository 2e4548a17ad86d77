"""The run chart of a Release tells what the curve tells, and no more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from example_estimates import example_checks, example_estimates, example_panel, example_study
from impl.disclosure.make import make_release
from impl.model import spc
from impl.release.release import Release

BEFORE, AFTER = (
    [30, 34, 27, 33, 29, 31, 28, 35, 26, 32, 30, 29],
    [19, 17, 21, 18, 16, 22, 20, 15, 18, 19, 17, 21],
)
STARTS = [12, 14, 16]


def release_of(root: Path, series: list[float], *, audience: str = "public", **changes: Any) -> Release:
    study = example_study(root, audience=audience)
    panel = example_panel({"clabsi": [series] * 3}, {"clabsi": 1000}, STARTS)
    if "targets" in changes:
        panel = replace(panel, targets=changes.pop("targets"))
    estimates = replace(
        example_estimates(study, panel),
        quantiles=tuple(float(value) for value in np.linspace(-0.41234567, 0.1, 100)),
    )
    return make_release(study, panel, replace(estimates, **changes), example_checks())


def test_the_points_are_those_of_the_curve(tmp_path: Path) -> None:
    release = release_of(tmp_path, BEFORE + AFTER)
    found, curve = release.sections.spc, release.curves[0]
    assert found is not None
    assert found.step == curve.step == "month"
    assert [point.value for point in found.points] == [point.observed for point in curve.points]
    assert (found.before, found.after, found.useful) == (12, 12, 22)  # two points before lie on the median
    assert found.median == 30.0
    assert (found.longest_run, found.longest_limit) == (13, 7)
    assert found.signal
    assert found.variation == "improvement"
    assert found.chart == "u"
    assert found.centre == pytest.approx(np.mean(BEFORE), abs=0.06)
    assert found.false_alarms == pytest.approx(spc.false_alarms(12, 24), abs=0.005)
    assert found.outside == 0 or found.points[0].lower is not None
    assert found.run_to == curve.points[-1].end


def test_a_series_without_change_is_chance_and_more_events_are_worse(tmp_path: Path) -> None:
    steady = release_of(tmp_path, [*BEFORE, 31, 28, 33, 27, 32, 29, 31, 26, 34, 28, 32, 29]).sections.spc
    worse = release_of(tmp_path, BEFORE + [value + 20 for value in BEFORE]).sections.spc
    assert steady is not None
    assert worse is not None
    assert steady.variation == "common"
    assert worse.variation == "deterioration"
    assert worse.outside > 0


def test_too_short_a_series_has_no_chart(tmp_path: Path) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": [BEFORE] * 3}, {"clabsi": 1000}, [3, 4, 5])
    release = make_release(study, panel, example_estimates(study, panel), example_checks())
    assert release.sections.spc is None


def test_small_counts_leave_the_chart_with_the_curve(tmp_path: Path) -> None:
    """One to four events a month: the curve is coarser, and the chart with it, or there is none."""
    release = release_of(tmp_path, [1, 0, 1, 0, 0, 1] * 4)
    found, curve = release.sections.spc, release.curves[0]
    assert curve.step != "month"
    assert found is None or found.step == curve.step


def test_rare_events_are_charted_by_the_time_between_them_for_those_who_may_see_every_count(
    tmp_path: Path,
) -> None:
    series = [1, 0, 2, 0, 0, 1, 2, 0, 2, 0, 3, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]
    study = example_study(tmp_path, audience="own-unit")
    exposure = [[1000.0 + 13 * month for month in range(24)]]
    panel = example_panel({"clabsi": [series]}, {"clabsi": exposure}, [12])
    own = make_release(study, panel, example_estimates(study, panel), example_checks()).sections.spc
    assert own is not None
    assert own.chart == "t"
    assert len(own.points) == sum(series) - 1
    assert own.variation in ("improvement", "common")
    assert own.target is None


def test_one_target_for_all_sites_is_held_against_the_points(tmp_path: Path) -> None:
    rows = [("9901", "clabsi", 0, 19.0), ("9902", "clabsi", 0, 19.0)]
    targets = pd.DataFrame(rows, columns=["site", "measure", "period", "target"])
    found = release_of(tmp_path, BEFORE + AFTER, targets=targets).sections.spc
    assert found is not None
    assert (found.target, found.assurance, found.met) == (19.0, "some", sum(value <= 19 for value in AFTER))
    different = targets.assign(target=[19.0, 12.0])
    other = release_of(tmp_path, BEFORE + AFTER, targets=different).sections.spc
    assert other is not None
    assert (other.target, other.assurance) == (None, None)


def test_a_failed_fit_shows_no_chart(tmp_path: Path) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": [BEFORE + AFTER] * 3}, {"clabsi": 1000}, STARTS)
    failed = make_release(study, panel, example_estimates(study, panel), example_checks(passed=False))
    assert failed.sections.spc is None
    assert failed.sections.quantiles is None


def test_a_hundred_rounded_quantiles_beside_the_probabilities(tmp_path: Path) -> None:
    found = release_of(tmp_path, BEFORE + AFTER).sections.quantiles
    assert found is not None
    assert len(found.values) == 100
    assert found.values[0] == -0.4123
    assert release_of(tmp_path, BEFORE + AFTER, profile="smoke").sections.quantiles is None


def test_a_share_with_hidden_levels_has_no_quantiles(tmp_path: Path) -> None:
    """A relative change beside a difference in percentage points gives both levels away."""
    study = example_study(tmp_path, measures={"primary": "readmission_30d"})
    measure = study.measures.primary
    quantiles = tuple(float(value) for value in np.linspace(-0.4, 0.1, 100))
    few = [30] * 12 + [0, 0, 0, 1] + [0] * 8
    for numerators, shown in (([60] * 12 + [80] * 12, True), (few, False)):
        panel = example_panel({measure: [numerators] * 3}, {measure: 100}, STARTS)
        estimates = replace(example_estimates(study, panel, measure), quantiles=quantiles)
        release = make_release(study, panel, estimates, example_checks(measure))
        hidden = release.comparisons[0].after is None
        assert hidden is not shown
        assert (release.sections.quantiles is None) is hidden
