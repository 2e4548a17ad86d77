"""What `auto` decides and what a design refuses, by small worlds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from impl.errors import DesignError
from impl.model.build import model_of
from impl.model.choices import identified_by
from impl.model.likelihoods import LIKELIHOODS
from impl.model.simulate import World
from impl.model.structure import Structure, describe_structure
from impl.study.load import read_measure
from worlds import make_panel, make_study

NOTHING = lambda exposure: np.zeros(exposure.shape)  # noqa: E731


def line(periods: int, start: int, months: float = 1.0, **study: object) -> Structure:
    world = World(law="negbin", baseline=0.005, start=np.array([float(start)]), effect=NOTHING, months=months)
    panel = make_panel(world, "falls", np.full((1, periods), 1500.0))
    return describe_structure(make_study("falls", "20_before_after", **study), panel)


def wedge(starts: list[float], periods: int = 10, measure: str = "falls", **study: object) -> Structure:
    law = "binomial" if measure == "medication_review" else "poisson"
    world = World(law=law, baseline=0.2, start=np.array(starts), effect=NOTHING, site_sd=0.2)
    panel = make_panel(world, measure, np.full((len(starts), periods), 100.0))
    return describe_structure(make_study(measure, **study), panel)


def codes(structure: Structure) -> set[str]:
    return {code for code, _ in structure.warnings}


def refused(error: DesignError) -> set[str]:
    return {fault.code for fault in error.faults}


def test_a_long_series_carries_trend_season_and_slope() -> None:
    found = line(36, 24)
    assert (found.likelihood.name, found.clustering, found.effect.name) == ("poisson", "decay", "level_slope")
    assert (found.trend, found.harmonics, found.window) == (True, 2, (1, 12))


def test_a_series_of_17_months_gets_no_season_and_says_so() -> None:
    found = line(17, 12)
    assert (found.harmonics, found.effect.name) == (0, "it")
    assert "season_left_out" in codes(found)


def test_a_series_with_few_points_before_start_gets_no_trend_and_says_so() -> None:
    found = line(12, 5)
    assert not found.trend
    assert {"trend_left_out", "no_trend_control"} <= codes(found)


def test_quarters_of_two_years_get_one_harmonic() -> None:
    assert line(8, 6, months=3.0).harmonics == 1


def test_what_a_series_cannot_carry_is_refused_all_at_once() -> None:
    with pytest.raises(DesignError) as caught:
        line(
            12,
            5,
            model={
                "trend": "linear",
                "season": "fourier",
                "calendar": "smooth",
                "clustering": "exchangeable",
            },
        )
    assert refused(caught.value) == {"design.trend", "design.season", "design.calendar", "design.clustering"}


def test_a_slope_needs_points_after_start() -> None:
    with pytest.raises(DesignError, match="level_slope with 3 periods after start"):
        line(20, 17, model={"effect": "level_slope"})


def test_a_wedge_gets_waves_cells_and_categorical_time() -> None:
    found = wedge([3, 3, 5, 5, np.inf])
    assert (found.likelihood.name, found.clustering, found.effect.name) == ("poisson", "decay", "rw")
    assert (found.calendar, found.wave_effects, found.waves) == ("categorical", True, 3)


def test_a_long_wedge_gets_smooth_time_with_trend() -> None:
    found = wedge([6, 6, 9, 9], periods=30)
    assert (found.calendar, found.trend, found.harmonics) == ("smooth", True, 2)


def test_waves_of_one_site_get_no_wave_effects_and_say_so() -> None:
    found = wedge([3, 4, 5, 6])
    assert not found.wave_effects
    assert "no_wave_effects" in codes(found)


def test_a_randomised_wedge_needs_no_wave_effects() -> None:
    found = wedge([3, 3, 5, 5], rollout={"file": "none.csv", "randomised": True})
    assert not found.wave_effects
    assert "no_wave_effects" not in codes(found)


def test_dispersion_and_cells_never_compete() -> None:
    assert wedge([3, 3, 5, 5], model={"likelihood": "negbin"}).clustering == "exchangeable"
    assert wedge([3, 3, 5, 5], model={"clustering": "exchangeable"}).likelihood.name == "negbin"
    with pytest.raises(DesignError, match="would compete"):
        wedge([3, 3, 5, 5], model={"likelihood": "negbin", "clustering": "nested"})


def test_a_wedge_without_calendar_time_or_with_the_wrong_law_is_refused() -> None:
    with pytest.raises(DesignError) as caught:
        wedge([3, 3, 5, 5], measure="medication_review", model={"likelihood": "poisson", "calendar": "none"})
    assert refused(caught.value) == {"design.likelihood", "design.calendar"}


def test_exposure_times_of_one_site_share_the_last_bin_and_enter_no_window() -> None:
    found = wedge([2, 6, 6])  # only the first site is treated for more than four periods
    assert (found.supported, found.bins, found.window) == (4, 5, (1, 4))
    assert found.rows["bin"].max() == 5
    assert "window_shortened" in codes(found)
    with pytest.raises(DesignError, match=r"estimand\.to: got 6, must be at most 4"):
        wedge([2, 6, 6], estimand={"from": 1, "to": 6})


def test_sites_that_started_before_the_data_are_left_out() -> None:
    world = World(law="poisson", baseline=0.2, start=np.array([3.0, 3, 5, 5, -9]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((5, 10), 100.0))
    panel.rollout.loc[4, ["state", "start_period"]] = ["before-data", np.nan]
    assert describe_structure(make_study("falls"), panel).sites == ("s00", "s01", "s02", "s03")


def test_the_group_of_a_cell_uses_only_modifications_dated_up_to_it() -> None:
    log = pd.DataFrame(
        {
            "site": ["s00", "s00", "s01"],
            "from_period": [4, 6, 5],
            "end": [None, None, date(2022, 7, 31)],
            "consistent": ["yes", "no", "unknown"],
        }
    )
    world = World(law="poisson", baseline=0.2, start=np.array([3.0, 3, 5, 5]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 8), 100.0), adaptations=log)
    rows = describe_structure(make_study("falls"), panel).rows
    group = rows.pivot(index="site", columns="period", values="group").to_numpy()
    assert group[0].tolist() == [0, 0, 0, 0, 1, 1, 2, 2]  # none, then yes, then no: the stronger word stays
    assert group[1].tolist() == [0, 0, 0, 0, 0, 3, 3, 0]  # in force until the end of July, the seventh month
    assert not group[2:].any()


def test_transition_is_before_start_and_outside_the_window() -> None:
    world = World(law="negbin", baseline=0.005, start=np.array([12.0]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((1, 24), 1500.0), transition=2)
    found = describe_structure(make_study("falls", "20_before_after"), panel)
    assert found.transition == "own"
    assert found.rows.loc[found.rows["transition"], "period"].tolist() == [10, 11]
    assert not (found.rows["transition"] & found.rows["treated"]).any()


def test_what_categorical_time_already_holds_is_refused_when_asked_for() -> None:
    with pytest.raises(DesignError) as caught:
        wedge([3, 3, 5, 5], model={"trend": "linear", "season": "fourier"})
    assert refused(caught.value) == {"design.trend", "design.season"}


def test_a_window_without_observed_periods_is_refused() -> None:
    world = World(law="negbin", baseline=0.005, start=np.array([12.0]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((1, 24), 1500.0), gaps=((0, 12),))
    with pytest.raises(DesignError, match="1 to 1, where nothing was observed"):
        describe_structure(make_study("falls", "20_before_after", estimand={"from": 1, "to": 1}), panel)


def test_gaps_that_leave_no_common_exposure_time_do_not_stop_us() -> None:
    world = World(law="poisson", baseline=0.2, start=np.array([3.0, 4, 5, 6]), effect=NOTHING)
    gaps = tuple((site, period) for site, first in enumerate((3, 4, 5, 6)) for period in range(10)
                 if period >= first and (period - first) % 4 != site)  # fmt: skip
    panel = make_panel(world, "falls", np.full((4, 10), 100.0), gaps=gaps)
    assert describe_structure(make_study("falls"), panel).window[0] == 1


def test_the_baseline_is_that_of_sites_that_start() -> None:
    with pytest.raises(DesignError, match="from before the start at a site that starts"):
        wedge([0, np.inf, np.inf])


def test_sites_of_a_before_after_study_that_start_apart_share_their_shocks() -> None:
    world = World(law="poisson", baseline=0.2, start=np.array([8.0, 10]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((2, 20), 100.0))
    assert describe_structure(make_study("falls", "20_before_after"), panel).calendar == "shocks"
    without = describe_structure(make_study("falls", "20_before_after", model={"calendar": "none"}), panel)
    assert (without.calendar, "staggered_starts_without_calendar" in codes(without)) == ("none", True)


def test_correlation_fades_by_default_in_months_and_in_long_rows_of_quarters() -> None:
    def quarters(periods: int) -> str:
        world = World(law="poisson", baseline=0.2, start=np.repeat([2.0, 4], 2), effect=NOTHING, months=3.0)
        panel = make_panel(world, "falls", np.full((4, periods), 100.0))
        return describe_structure(make_study("falls"), panel).clustering

    assert (quarters(7), quarters(8)) == ("nested", "decay")
    assert wedge([2, 2, 4, 4], periods=6).clustering == "decay"  # months, whatever the length


def compared(start: int, periods: int, **study: object) -> Structure:
    world = World(law="poisson", baseline=0.2, start=np.array([start, np.inf, np.inf]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((3, periods), 100.0))
    return describe_structure(make_study("falls", "20_before_after", **study), panel)


def test_comparison_sites_may_have_a_slope_of_their_own_where_the_series_carries_it() -> None:
    long = compared(12, 24)
    assert (long.calendar, long.trend_difference, long.site_trends) == ("shocks", True, True)
    assert not compared(12, 24, model={"comparison": "level"}).trend_difference
    few = compared(7, 20)
    assert (few.trend, few.trend_difference, "comparison_level_only" in codes(few)) == (True, False, True)
    with pytest.raises(DesignError, match="level_slope with 7 periods before start"):
        compared(7, 20, model={"comparison": "level_slope"})


def test_a_series_without_a_trend_takes_the_stated_belief_instead() -> None:
    asked = line(8, 4, model={"secular": {"mean": -0.05, "sd": 0.1}})
    assert asked.secular is not None
    assert (asked.secular.mean, asked.secular.sd) == (-0.05, 0.1)
    assert line(36, 24).secular is None
    assert line(8, 4, model={"trend": "none"}).secular is None  # asked for no trend: decided, not unknown


def test_a_long_series_has_a_level_that_wanders_and_no_straight_line() -> None:
    """Known answer A4: over fourteen years a straight line gives the wrong answer (docs/validation/known.md)."""
    long = line(84, 60)
    assert (long.calendar, long.trend, long.clustering, long.effect.name) == ("smooth", False, "nested", "it")
    assert "no_trend_control" not in codes(long)
    assert (line(83, 59).calendar, line(83, 59).trend) == ("none", True)
    assert line(84, 60, model={"trend": "linear"}).trend
    assert line(36, 24, model={"trend": "walk"}).calendar == "smooth"
    with pytest.raises(DesignError, match="walk with sites that start apart or never"):
        compared(12, 24, model={"trend": "walk"})
    with pytest.raises(DesignError, match="walk in a stepped wedge"):
        wedge([3, 3, 5, 5], model={"trend": "walk"})


def test_site_effects_come_with_enough_treated_sites() -> None:
    assert not wedge([3, 3, 5, 5]).site_effects
    assert wedge([3, 3, 5, 5, 7, 7]).site_effects
    many = [3.0] * 4 + [5.0] * 4 + [7.0] * 4
    assert wedge(many, model={"clustering": "nested"}).site_correlation
    assert not wedge(many).site_correlation  # under decay a site's level is part of its series
    with pytest.raises(DesignError, match="random with 1 treated site"):
        wedge([3, np.inf], model={"site_effects": "random"})


def covered(values: list[float]) -> Structure:
    world = World(law="poisson", baseline=0.2, start=np.array([3.0, 3, 5, 5]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 10), 100.0))
    staffing = np.resize(values, 40)
    table = panel.cells[["site", "period"]].assign(staffing=staffing)
    study = make_study("falls", covariates={"file": "none.csv", "use": ["staffing"]})
    return describe_structure(study, replace(panel, covariates=table))


def test_covariates_are_in_standard_deviations_and_must_be_whole() -> None:
    rows = covered([1.0, 2.0, 4.0]).rows
    assert rows["covariate:staffing"].mean() == pytest.approx(0.0, abs=1e-12)
    assert rows["covariate:staffing"].std(ddof=0) == pytest.approx(1.0)
    with pytest.raises(DesignError, match="staffing without a value in 8 cells with data"):
        covered([1.0, 2.0, 3.0, 4.0, np.nan])
    with pytest.raises(DesignError, match="staffing with one value in all cells"):
        covered([2.0])


def test_bundles_in_the_same_cells_cannot_be_told_apart() -> None:
    world = World(law="poisson", baseline=0.2, start=np.array([3.0, 3, 5, 5]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 10), 100.0))

    def with_other(start: list[float]) -> Structure:
        other = panel.rollout.assign(start_period=start)
        study = make_study("falls", other_bundles=["pressure_ulcers"])
        return describe_structure(study, replace(panel, other_rollouts={"pressure_ulcers": other}))

    assert with_other([5, 3, 7, 5]).rows["bundle:pressure_ulcers"].max() == 5  # exposure times of two sites
    with pytest.raises(DesignError, match="in the same cells as the study's bundle"):
        with_other([3, 3, 5, 5])
    with pytest.raises(DesignError, match="in no cell with data"):
        with_other([np.nan] * 4)


def test_a_transition_can_be_dropped_ramped_or_given_a_dose() -> None:
    world = World(law="poisson", baseline=0.2, start=np.array([4.0, 4, 7, 7]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 12), 100.0), transition=3)

    def first_site(transition: object) -> pd.DataFrame:
        study = make_study("falls", model={"transition": transition})
        return describe_structure(study, panel).rows.query("site == 0")

    assert first_site("drop")["used"].tolist() == [True] + [False] * 3 + [True] * 8
    assert first_site("ramp")["dose"].tolist() == [0, 0.25, 0.5, 0.75] + [0] * 8
    assert first_site({"dose": 0.4})["dose"].tolist() == [0, 0.4, 0.4, 0.4] + [0] * 8


def test_a_lag_makes_the_first_periods_transition_and_counts_from_its_end() -> None:
    plain, lagged = wedge([4, 4, 6, 6]), wedge([4, 4, 6, 6], model={"lag": 2})
    first = lagged.rows[lagged.rows["site"] == 0].set_index("period")
    assert list(first.index[first["transition"]]) == [4, 5]
    assert first.loc[6, "exposure"] == 1
    assert plain.rows.loc[plain.rows["treated"], "period"].min() == 4
    assert lagged.transition == "own"


def test_the_all_treated_tail_is_counted() -> None:
    found = wedge([2, 2, 4, 4], periods=10)
    (tail,) = (values for code, values in found.warnings if code == "all_treated_tail")
    # periods 4 to 9 have no untreated site; only exposure times 1 and 2 ever stand beside one
    assert tail == {"periods": 6, "alone": found.window[1] - 2}
    assert identified_by(found.rows)[1] == 2
    assert "all_treated_tail" not in codes(wedge([2, 2, 4, np.inf], periods=10))


def test_an_interval_is_in_the_likelihood_but_not_observed() -> None:
    world = World(law="poisson", baseline=0.2, start=np.array([3.0, 3, 5, 5]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 10), 100.0), gaps=((0, 1),))
    panel.cells.loc[1, ["denominator", "at_least", "at_most"]] = [100.0, 1.0, 4.0]
    model = model_of(describe_structure(make_study("falls"), panel))
    assert [potential.name for potential in model.potentials] == ["interval_count"]
    assert model.inputs["at_most"].tolist() == [4.0]
    assert len(model.inputs["used_row"]) == 39


def test_a_notebook_of_ones_own_must_say_its_design() -> None:
    with pytest.raises(ValueError, match="design: before_after or stepped_wedge"):
        make_study("falls", "31_own_wedge")
    own = make_study("falls", "31_own_wedge", design="stepped_wedge")
    assert own.kind == "stepped_wedge"


def test_one_person_in_one_cell_costs_no_other_cell_its_spread() -> None:
    world = World(law="poisson", baseline=2.0, start=np.array([3.0, 3, 5, 5]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 8), 10.0))
    panel.cells["sum_squares"] = 9.0
    panel.cells.loc[5, ["denominator", "sum_squares"]] = [1.0, np.nan]
    score = read_measure("falls", make_study("falls").root).model_copy(update={"kind": "mean", "id": "falls"})
    found = describe_structure(make_study("falls"), panel)
    means = replace(found, measure=score, likelihood=LIKELIHOODS["normal"])
    model = model_of(means)
    assert model["within_cell"].eval().shape == (31,)


def test_what_is_brought_and_left_aside_is_said() -> None:
    world = World(law="poisson", baseline=0.02, start=np.array([4.0, 4, 6, 6]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 10), 400.0))
    told = describe_structure(make_study("falls", strategies={"file": "none.csv"}), panel)
    assert "tables_not_used" in codes(told)
    assert "tables_not_used" not in codes(describe_structure(make_study("falls"), panel))


def test_intensity_is_an_ordered_exposure() -> None:
    """The highest strategy in force, 0 to 3, less its mean over treated cells; a step of it is one level."""
    world = World(law="poisson", baseline=0.02, start=np.array([4.0, 4, 6, 6]), effect=NOTHING)
    panel = make_panel(world, "falls", np.full((4, 10), 400.0))
    log = pd.DataFrame(
        {
            "site": ["s00", "s01", "s01"],
            "intensity": ["diffusion", "dissemination", "implementation"],
            "from_period": [3, 5, 7],
            "end": None,
        }
    )
    study = make_study("falls", strategies={"file": "none.csv", "intensity": True})
    found = describe_structure(study, replace(panel, strategies=log))
    level = found.grid("moderator:intensity") + found.moderator_centres[0]
    treated = found.grid("treated")
    assert level[0][treated[0]].tolist() == [1] * 6
    assert level[1][treated[1]].tolist() == [0, 2, 2, 3, 3, 3]
    assert level[2][treated[2]].tolist() == [0] * 4
    assert found.grid("moderator:intensity")[treated].mean() == pytest.approx(0)
    assert found.moderator_sites == (2,)
    assert "tables_not_used" not in codes(found)
