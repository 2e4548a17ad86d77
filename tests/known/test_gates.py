"""What real series cannot carry is refused in words, and where nothing was introduced little is found."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from placebo import DRAWS, MEASURES, drawn, most_by_chance
from real_data import make_project, trigger_tool

import impl
from impl.errors import DesignError
from impl.model.simulate import month_starts
from impl.model.structure import describe_structure
from impl.study.study import ModelChoice

FIRST = date(2010, 1, 1)
MONTHS = 17  # of A3, too few for a season; half of them are too few for a slope of their own


def refusals(root: Path, start: int, **model: str) -> dict[str, str]:
    """Code -> words of what A3 is refused when the bundle is said to have started after `start` months."""
    began = month_starts(FIRST, MONTHS, 1)[start]
    plan = impl.read_study(make_project(root, "trigger-tool", trigger_tool(began)))
    plan = plan.model_copy(update={"model": ModelChoice.model_validate(model)})
    panel = impl.read_panel(plan)
    try:
        describe_structure(plan, panel)
    except DesignError as error:
        return {fault.code: f"{fault.got}; allowed: {fault.allowed}" for fault in error.faults}
    return {}


@pytest.mark.parametrize("start", [3, 8, 13])
def test_a3_refuses_a_season_wherever_the_start_is_said_to_be(start: int, tmp_path: Path) -> None:
    found = refusals(tmp_path, start, season="fourier")
    assert "fourier with 17 months" in found["design.season"]
    assert "none below 24 months" in found["design.season"]


def test_a3_refuses_a_slope_after_a_late_start(tmp_path: Path) -> None:
    found = refusals(tmp_path, 13, effect="level_slope")
    assert "level_slope with 4 periods after start" in found["design.slope"]


def test_a3_refuses_a_slope_and_a_trend_before_an_early_start(tmp_path: Path) -> None:
    found = refusals(tmp_path, 3, effect="level_slope", trend="linear")
    assert "level_slope with 3 periods before start" in found["design.slope"]
    assert "linear with 3 periods before start" in found["design.trend"]


def test_a3_by_default_gets_neither(tmp_path: Path) -> None:
    """Nothing refused, no season, no slope: what `auto` leaves out is said."""
    began = month_starts(FIRST, MONTHS, 1)[13]
    plan = impl.read_study(make_project(tmp_path, "trigger-tool", trigger_tool(began)))
    plan = plan.model_copy(update={"model": ModelChoice()})
    structure = describe_structure(plan, impl.read_panel(plan))
    assert (structure.harmonics, structure.effect.name) == (0, "it")
    assert "season_left_out" in {code for code, _ in structure.warnings}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a2_placebo_starts_find_no_more_than_chance() -> None:
    """Three drawings of lots, three infections each: intervals that miss zero, and verdicts that say so."""
    found = [placebo for draw in range(DRAWS) for placebo in drawn(draw)]
    assert len(found) == DRAWS * len(MEASURES)
    assert all(placebo.passed for placebo in found)
    most = most_by_chance(len(found))
    assert sum(placebo.excludes_zero for placebo in found) <= most, found
    assert sum(placebo.outcome != "uncertain" for placebo in found) <= most, found
