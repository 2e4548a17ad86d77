"""From the confidential side to a Release: what is shown, what is hidden, and what the reader is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from example_estimates import (
    estimate_row,
    example_checks,
    example_estimates,
    example_evaluation,
    example_panel,
    example_study,
)
from impl.data.panel import Panel, PanelWarning
from impl.disclosure import rules
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.audience import PUBLIC
from impl.disclosure.counts import released_counts
from impl.disclosure.make import make_release
from impl.disclosure.rules import Counted
from impl.errors import DesignError
from impl.release.release import Curve, Release
from impl.study.study import Study

LARGE = [[30, 31, 29, 30, 24, 22, 20, 21]] * 3
STARTS = [3, 4, 5]


def release_of(
    root: Path,
    numerators: Sequence[Sequence[float]],
    starts: Sequence[int | str] = STARTS,
    *,
    exposure: Any = 1000,
    study: dict[str, Any] | None = None,
    months: int = 1,
    **changes: Any,
) -> Release:
    declared = example_study(root, **(study or {}))
    measure = declared.measures.primary
    panel = example_panel({measure: numerators}, {measure: exposure}, starts, months=months)
    return make_release(
        declared, panel, example_estimates(declared, panel, measure, **changes), example_checks(measure)
    )


def only_curve(release: Release) -> Curve:
    (curve,) = release.curves
    return curve


def test_a_release_of_large_numbers_shows_everything_by_month(tmp_path: Path) -> None:
    release = release_of(tmp_path, LARGE)
    curve = only_curve(release)
    assert release.status == "ok"
    assert curve.step == "month"
    assert [point.observed for point in curve.points] == [30.0, 31.0, 29.0, 30.0, 24.0, 22.0, 20.0, 21.0]
    assert curve.points[-1].sites_started == 3
    assert not any(point.hidden for point in curve.points)
    (comparison,) = release.comparisons
    assert (
        comparison.before == rules.level((30 + 31 + 29) * 3 + 30 * 2 + 24) / 1 * 1 / 12 or comparison.before
    )
    assert None not in (comparison.before, comparison.expected, comparison.after)
    assert release.design.models[0].events == sum(map(sum, LARGE))
    assert release.disclosure.suppressed == ()
    assert release.disclosure.rules == PUBLIC.rules


def test_what_stands_around_the_numbers(tmp_path: Path) -> None:
    release = release_of(tmp_path, LARGE, warnings=[("season_left_out", {})])
    assert (release.study.id, release.study.bundles[0].id) == ("svk-test", "central_line")
    assert [(measure.id, measure.role) for measure in release.study.measures] == [("clabsi", "primary")]
    assert (release.study.data_from, release.study.data_to) == (date(2024, 1, 1), date(2024, 8, 31))
    assert len(release.run.id) == 12
    assert len(release.study.plan_sha256) == 64
    assert (release.run.profile, release.run.seed, release.run.seconds) == ("full", 7, 12.3)
    assert (release.design.grade, release.design.sites, release.design.periods) == ("staggered", 3, 8)
    assert (release.design.window_from, release.design.window_to) == (1, 4)
    assert [site.actual_start for site in release.design.rollout] == [
        date(2024, month, 1) for month in (4, 5, 6)
    ]
    assert [warning.code for warning in release.design.warnings] == [
        "season_left_out",
        "not_randomised",
    ]
    assert release.verdict is not None
    assert (release.verdict.outcome, release.verdict.delivery) == ("beneficial", "unknown")
    assert release.sections.adaptations is None
    assert Release.model_validate_json(release.model_dump_json(by_alias=True)) == release


def test_the_grade_follows_design_and_randomisation(tmp_path: Path) -> None:
    randomised = {"rollout": {"file": "data/rollout.csv", "randomised": True}}
    assert release_of(tmp_path, LARGE, study=randomised).design.grade == "randomised"
    before_after = release_of(tmp_path, LARGE[:1], [3], study={"notebook": "20_before_after"} | randomised)
    assert before_after.design.grade == "before_after"
    assert before_after.design.warnings == ()


def test_sites_without_a_start_have_no_start_date(tmp_path: Path) -> None:
    release = release_of(tmp_path, [*LARGE, *LARGE[:2]], [3, 4, 5, "never", "before-data"])
    states = [(site.state, site.actual_start) for site in release.design.rollout]
    assert states[3:] == [("never", None), ("before-data", None)]


def test_small_months_become_quarters(tmp_path: Path) -> None:
    release = release_of(tmp_path, [[3, 3, 3, 4, 4, 4, 3, 2, 3, 3, 2, 4]], [6], window=(1, 6))
    curve = only_curve(release)
    assert curve.step == "quarter"
    assert [point.observed for point in curve.points] == [3.0, 4.0, 2.67, 3.0]
    assert not any(point.hidden for point in curve.points)


def test_zero_may_be_shown_and_is_noted(tmp_path: Path) -> None:
    release = release_of(tmp_path, [[9, 8, 9, 0, 7, 0]], [3])
    assert only_curve(release).step == "month"
    assert rules.ZERO_SHOWN in release.disclosure.rules


def test_a_gap_is_shown_as_a_gap_and_not_as_hidden(tmp_path: Path) -> None:
    point = only_curve(release_of(tmp_path, [[9, 8, np.nan, 9, 7, 6]], [3])).points[2]
    assert (point.observed, point.expected, point.hidden) == (None, None, False)


def test_a_start_inside_a_quarter_does_not_give_the_rest_of_it_away(tmp_path: Path) -> None:
    # By quarter nothing is small, but before (3+3+3+2) minus the first quarter would be 2.
    release = release_of(tmp_path, [[3, 3, 3, 2, 4, 4, 3, 2, 3, 3, 2, 4]], [4], window=(1, 8))
    assert only_curve(release).step == "tertial"
    assert release.comparisons[0].before is not None


def test_a_start_that_no_step_fits_costs_the_level_before_and_not_the_calendar(tmp_path: Path) -> None:
    # Start in August: July alone (2), or May to July (4), is what every step has before it.
    counts = [4, 3, 4, 4, 1, 1, 2, 3, 3, 4, 3, 5, 4, 3, 3, 4, 2, 3, 4, 3, 2, 3, 3, 2]
    release = release_of(tmp_path, [counts], [7], window=(1, 12))
    assert only_curve(release).step == "quarter"
    assert (release.comparisons[0].before, release.comparisons[0].after is None) == (None, False)


def test_few_events_after_hide_the_levels_that_would_tell_them(tmp_path: Path) -> None:
    release = release_of(tmp_path, [[12, 11, 13, 12, 1, 0, 1, 1]], [4])
    curve = only_curve(release)
    assert curve.step == "phase"
    assert [point.hidden for point in curve.points] == [False, True]
    assert (curve.points[1].observed, curve.points[1].expected) == (None, None)
    (comparison,) = release.comparisons
    assert (comparison.before, comparison.expected, comparison.after) == (12.0, None, None)
    assert release.design.models[0].events is None  # 51 minus 48 before would be 3
    scales = {row.scale for row in release.estimates}
    assert scales == {"ratio", "link"}  # difference and ratio together give the level after
    counts = {item.place: item.count for item in release.disclosure.suppressed}
    assert (counts["comparisons"], counts["curves"], counts["models"]) == (2, 1, 1)
    assert counts["estimates"] > 0


def test_few_events_in_all_show_no_number(tmp_path: Path) -> None:
    release = release_of(tmp_path, [[1, 0, 1, 0, 1, 0, 0, 0]], [4])
    (comparison,) = release.comparisons
    assert comparison.before is None
    assert release.design.models[0].events is None
    assert only_curve(release).points[0].hidden


def test_a_proportion_keeps_one_scale_where_the_level_after_is_hidden(tmp_path: Path) -> None:
    study = {
        "measures": {"primary": "medication_review"},
        "notebook": "20_before_after",
        "bundle": "medication",
    }
    release = release_of(tmp_path, [[40, 41, 42, 49, 49, 50, 50, 49]], [3], exposure=50, study=study)
    assert release.comparisons[0].after is None
    assert {row.scale for row in release.estimates} == {"difference"}
    assert release.comparisons[0].before is not None


def test_yearly_data_are_called_yearly(tmp_path: Path) -> None:
    curve = only_curve(release_of(tmp_path, [[30, 31, 29, 20, 21]], [3], months=12, window=(1, 2)))
    assert curve.step == "year"
    assert len(curve.points) == 5


def test_two_monthly_data_are_not_called_monthly(tmp_path: Path) -> None:
    assert only_curve(release_of(tmp_path, [[60, 61, 59, 58, 40, 41]], [3], months=3)).step == "quarter"


def test_numbers_are_rounded_once(tmp_path: Path) -> None:
    release = release_of(tmp_path, LARGE)
    tate = release.estimate("clabsi", "tate", "link")
    assert tate is not None
    assert tate.median == -0.2346
    assert (tate.p_better, tate.p_worthwhile, tate.p_negligible, tate.p_harm) == (0.999, 0.812, 0.001, None)
    expected = only_curve(release).points[0].expected
    assert expected is not None
    assert expected["q05"] == rules.level((30.0 + 1.2345) * 0.8)


@pytest.mark.parametrize("case", ["smoke", "ambiguous"])
def test_smoke_runs_and_ambiguous_measures_judge_nothing(tmp_path: Path, case: str) -> None:
    study: dict[str, Any] = {}
    if case == "ambiguous":
        folder = tmp_path / "parameters/measures"
        folder.mkdir(parents=True)
        source = (Path(rules.__file__).parents[1] / "study/measures/clabsi.toml").read_text(encoding="utf-8")
        text = source.replace('direction = "lower"', 'direction = "ambiguous"')
        (folder / "own_reports.toml").write_text(text.replace('id = "clabsi"', 'id = "own_reports"'))
        study = {"measures": {"primary": "own_reports"}}
    release = release_of(tmp_path, LARGE, study=study, profile="smoke" if case == "smoke" else "full")
    assert release.verdict is None
    assert release.estimates
    for row in release.estimates:
        assert (row.p_better, row.p_worthwhile, row.p_negligible, row.p_harm) == (None,) * 4
    assert ("smoke" in [warning.code for warning in release.design.warnings]) is (case == "smoke")


def test_no_outcome_is_no_verdict(tmp_path: Path) -> None:
    assert release_of(tmp_path, LARGE, outcome=None).verdict is None


# --- not converged


def with_paired(root: Path, *, primary: bool = True, paired: bool = True, **changes: Any) -> Release:
    study = example_study(root, measures={"primary": "clabsi", "paired": ["clabsi_population"]})
    panel = example_panel(
        {"clabsi": LARGE, "clabsi_population": LARGE}, {"clabsi": 1000, "clabsi_population": 9000}, STARTS
    )
    return make_release(
        study,
        panel,
        example_estimates(study, panel),
        example_checks(passed=primary),
        paired=[example_evaluation(study, panel, "clabsi_population", passed=paired, **changes)],
    )


def test_a_fit_that_did_not_converge_has_no_numbers(tmp_path: Path) -> None:
    release = with_paired(tmp_path, primary=False)
    assert release.status == "not_converged"
    assert (release.estimates, release.comparisons, release.curves, release.verdict) == ((), (), (), None)
    assert [row.passed for row in release.checks.rows] == [False, True]
    assert release.design.models[0].events == sum(map(sum, LARGE))


def test_the_log_may_stay_when_the_fit_did_not_converge(tmp_path: Path) -> None:
    source = {"file": "data/adaptations.csv", "contrasts": ["consistent"]}
    study = example_study(tmp_path, adaptations=source)
    panel = example_panel({"clabsi": LARGE}, {"clabsi": 1000}, STARTS, adaptations=[{"site": "9901"}])
    estimates = example_estimates(study, panel, groups={"yes": 3, "no": 3})
    release = make_release(study, panel, estimates, example_checks(passed=False))
    assert release.sections.adaptations is not None
    assert len(release.sections.adaptations.rows) == 1
    assert release.estimates == ()


def test_a_paired_measure_that_did_not_converge_is_left_out_alone(tmp_path: Path) -> None:
    release = with_paired(tmp_path, paired=False)
    assert release.status == "ok"
    assert {row.measure for row in release.estimates} == {"clabsi"}
    assert [curve.measure for curve in release.curves] == ["clabsi"]
    assert [item.measure for item in release.comparisons] == ["clabsi"]
    said = [warning for warning in release.design.warnings if warning.code == "paired_not_converged"]
    assert [warning.values for warning in said] == [{"measure": "clabsi_population"}]
    assert [model.events for model in release.design.models] == [sum(map(sum, LARGE)), None]


def test_warnings_are_said_once(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi", "paired": ["clabsi_population"]})
    panel = example_panel(
        {"clabsi": LARGE, "clabsi_population": LARGE},
        {"clabsi": 1000, "clabsi_population": 9000},
        STARTS,
        warnings=[PanelWarning(code="gaps", values={"count": 2, "share": 0.123456789})] * 2,
    )
    release = make_release(
        study,
        panel,
        example_estimates(study, panel, warnings=[("prior_wide", {})]),
        example_checks(),
        paired=[
            example_evaluation(
                study,
                panel,
                "clabsi_population",
                warnings=[("prior_wide", {}), ("divergences_few", {"count": 2})],
            )
        ],
    )
    assert [(warning.code, warning.values) for warning in release.design.warnings] == [
        ("gaps", {"count": 2, "share": 0.1235}),
        ("prior_wide", {}),
        ("not_randomised", {}),
        ("divergences_few", {"count": 2, "measure": "clabsi_population"}),
    ]


# --- measures that share numerators


def test_measures_that_share_numerators_have_one_step(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi", "paired": ["clabsi_population"]})
    numerators = [[9, 8, 9, 7, 6, 8, 5, 3, 5, 4, 5, 3]]
    lines = [[900] * 12]
    panel = example_panel(
        {"clabsi": numerators, "clabsi_population": numerators},
        {"clabsi": lines, "clabsi_population": 9000},
        [4],
    )
    release = make_release(
        study,
        panel,
        example_estimates(study, panel),
        example_checks(),
        paired=[example_evaluation(study, panel, "clabsi_population")],
    )
    first, second = release.curves
    assert first.step == second.step
    assert [point.hidden for point in first.points] == [point.hidden for point in second.points]


def test_a_point_hidden_in_one_is_hidden_in_the_other(tmp_path: Path) -> None:
    # 4 line-days hide the phase after start in one measure; its 9 events are shown by no other.
    study = example_study(tmp_path, measures={"primary": "clabsi", "paired": ["clabsi_population"]})
    numerators = [[90, 80, 90, 70, 3, 2, 3, 1]]
    panel = example_panel(
        {"clabsi": numerators, "clabsi_population": numerators},
        {"clabsi": [[900] * 4 + [1] * 4], "clabsi_population": 9000},
        [4],
    )
    release = make_release(
        study,
        panel,
        example_estimates(study, panel),
        example_checks(),
        paired=[example_evaluation(study, panel, "clabsi_population")],
    )
    assert [[point.hidden for point in curve.points] for curve in release.curves] == [[False, True]] * 2


def test_a_process_share_beside_keeps_its_own_step(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi", "paired": ["central_line_use"]})
    panel = example_panel(
        {"clabsi": [[3, 3, 3, 3, 2, 3, 2, 3, 2, 3, 3, 3]], "central_line_use": [[300] * 12]},
        {"clabsi": 300, "central_line_use": 3000},
        [6],
    )
    release = make_release(
        study,
        panel,
        example_estimates(study, panel, window=(1, 6)),
        example_checks(),
        paired=[example_evaluation(study, panel, "central_line_use")],
    )
    assert {curve.measure: curve.step for curve in release.curves} == {
        "clabsi": "quarter",
        "central_line_use": "month",
    }


def test_points_go_before_levels_where_the_phase_would_give_a_site_away(tmp_path: Path) -> None:
    # By phase 40 events come before the first start; the level before rests on 43: site 2 had 3 in March.
    counts = [[20, 10, 10, 3, 0, 0, 1, 1], [5, 5, 3, 4, 1, 0, 1, 0]]
    release = release_of(tmp_path, counts, [2, 3], window=(1, 2))
    curve = only_curve(release)
    assert (curve.step, [point.hidden for point in curve.points]) == ("phase", [True, True])
    assert None not in (release.comparisons[0].before, release.comparisons[0].after)
    assert release.design.models[0].events is None


@pytest.mark.parametrize(("gap", "before", "after"), [(0, False, True), (5, False, False)])
def test_a_gap_in_one_of_two_linked_measures_costs_the_level_that_tells_it(
    tmp_path: Path, gap: int, before: bool, after: bool
) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi", "paired": ["clabsi_population"]})
    numerators = [3, 8, 9, 7, 9, 3, 8, 9]
    other = [math.nan if period == gap else count for period, count in enumerate(numerators)]
    panel = example_panel(
        {"clabsi": [numerators], "clabsi_population": [other]},
        {"clabsi": 1000, "clabsi_population": 9000},
        [4],
    )
    release = make_release(
        study,
        panel,
        example_estimates(study, panel),
        example_checks(),
        paired=[example_evaluation(study, panel, "clabsi_population")],
    )
    for comparison in release.comparisons:
        assert (comparison.before is not None, comparison.after is not None) == (before, after)


# --- adaptations and their contrast


def adapted(root: Path, groups: dict[str, int], log: Sequence[dict[str, Any]] | None = None) -> Release:
    study = example_study(root, adaptations={"file": "data/adaptations.csv", "contrasts": ["consistent"]})
    panel = example_panel(
        {"clabsi": LARGE}, {"clabsi": 1000}, STARTS,
        adaptations=log if log is not None else [{"site": "9901"}], names={"9901": "Nordvik"},
    )  # fmt: skip
    return make_release(study, panel, example_estimates(study, panel, groups=groups), example_checks())


def test_groups_of_three_sites_are_shown(tmp_path: Path) -> None:
    release = adapted(tmp_path, {"yes": 3, "no": 4, "none": 3})
    groups = {(row.estimand, row.group) for row in release.estimates if row.group}
    assert groups == {
        ("group", "consistent:yes"), ("group", "consistent:no"), ("group", "consistent:none"),
        ("contrast", "consistent:yes-no"),
    }  # fmt: skip
    assert not any(row.scale == "averted" for row in release.estimates if row.group)
    assert release.sections.adaptations is not None
    assert release.sections.adaptations.sites_with == {"yes": 3, "no": 4, "none": 3}
    assert "contrast_few_sites" not in {warning.code for warning in release.design.warnings}


@pytest.mark.parametrize(
    ("groups", "kept", "said"),
    [
        ({"yes": 3, "no": 2}, {"consistent:yes"}, [{"group": "no", "sites": 2}]),
        ({"yes": 3}, {"consistent:yes"}, [{"group": "no", "sites": 0}]),
        ({"yes": 2, "no": 5, "unknown": 0}, {"consistent:no"}, [{"group": "yes", "sites": 2}]),
        (
            {"yes": 3, "no": 3, "unknown": 1},
            {"consistent:yes", "consistent:no", "consistent:yes-no"},
            [{"group": "unknown", "sites": 1}],
        ),
    ],
)
def test_smaller_groups_and_their_contrast_are_not(
    tmp_path: Path, groups: dict[str, int], kept: set[str], said: list[dict[str, Any]]
) -> None:
    release = adapted(tmp_path, groups)
    assert {row.group for row in release.estimates if row.group} == kept
    few = [warning.values for warning in release.design.warnings if warning.code == "contrast_few_sites"]
    assert few == said


def test_a_contrast_that_was_not_declared_is_not_spoken_of(tmp_path: Path) -> None:
    study = example_study(tmp_path, adaptations={"file": "data/adaptations.csv"})
    panel = example_panel({"clabsi": LARGE}, {"clabsi": 1000}, STARTS, adaptations=[{"site": "9902"}])
    release = make_release(study, panel, example_estimates(study, panel), example_checks())
    assert release.sections.adaptations is not None
    assert (release.sections.adaptations.contrast, release.sections.adaptations.sites_with) == (None, {})


def test_the_log_is_released_in_coded_words_only(tmp_path: Path) -> None:
    release = adapted(
        tmp_path,
        {"yes": 3, "no": 3},
        [
            {"site": "9901", "component": "hand_hygiene", "nature": "tailoring", "end": date(2024, 6, 1)},
            {"site": "9902", "component": "Kari Nordmann fikk opplæring", "nature": "<script>"},
        ],
    )
    section = release.sections.adaptations
    assert section is not None
    first, second = section.rows
    assert (first.name, first.component, first.end) == ("Nordvik", "hand_hygiene", date(2024, 6, 1))
    assert (second.component, second.nature, second.end) == ("other", "other", None)
    assert {item.place: item.count for item in release.disclosure.suppressed} == {
        "adaptations": 2,
        "estimates": 2,
    }
    assert "Kari" not in release.model_dump_json()


# --- effects by exposure time


def test_the_effect_at_a_time_that_one_site_reached_with_few_events_is_left_out(tmp_path: Path) -> None:
    late = [*[[30, 31, 29, 30, 24, 22]] * 3, [30, 31, 29, 30, 24, 3]]
    release = release_of(tmp_path, late, [4, 4, 5, 5], window=(1, 1))
    assert {row.from_ for row in release.estimates if row.estimand == "pte"} == {1, 2}
    release = release_of(tmp_path, [[30, 31, 29, 30, 24, 22], [30, 31, 29, 30, 24, 3]], [5, 4], window=(1, 1))
    assert {row.from_ for row in release.estimates if row.estimand == "pte"} == {1}


def test_totals_of_failed_fits_may_not_tell_a_gap_either(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi", "paired": ["clabsi_population"]})
    panel = example_panel(
        {"clabsi": [[3, 8, 9, 7, 9, 6]], "clabsi_population": [[math.nan, 8, 9, 7, 9, 6]]},
        {"clabsi": 1000, "clabsi_population": 9000},
        [4],
    )
    release = make_release(
        study,
        panel,
        example_estimates(study, panel),
        example_checks(passed=False),
        paired=[example_evaluation(study, panel, "clabsi_population", passed=False)],
    )
    assert [model.events for model in release.design.models] == [None, None]


# --- means and empty things


def test_a_mean_has_no_total_and_hides_only_few_persons(tmp_path: Path) -> None:
    folder = tmp_path / "parameters/measures"
    folder.mkdir(parents=True)
    source = (Path(rules.__file__).parents[1] / "study/measures/clabsi.toml").read_text(encoding="utf-8")
    for old, new in (('id = "clabsi"', 'id = "score"'), ('kind = "rate"', 'kind = "mean"'),
                     ("per = 1000", "per = 1"), ('likelihood = "poisson"', 'likelihood = "normal"')):  # fmt: skip
        source = source.replace(old, new)
    (folder / "score.toml").write_text(source, encoding="utf-8")
    release = release_of(
        tmp_path,
        [[2.5, 3.25, 2.75, 3.5, 2.5, 2.0]],
        [3],
        exposure=20,
        study={"measures": {"primary": "score"}, "notebook": "20_before_after"},
    )
    assert only_curve(release).step == "month"
    assert release.design.models[0].events is None
    assert release.comparisons[0].before is not None


def test_what_the_model_left_empty_stays_empty(tmp_path: Path) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": LARGE}, {"clabsi": 1000}, STARTS)
    estimates = example_estimates(study, panel)
    empty = {"from": None, "to": math.nan, "p_better": None, "group": math.nan}
    table = pd.DataFrame.from_records([estimate_row("clabsi", "level", "link", 0.9, **empty)])
    model = estimates.model.model_copy(update={"events": None})
    changed = replace(estimates, table=table, model=model, expected=math.nan)
    release = make_release(study, panel, changed, example_checks())
    (row,) = release.estimates
    assert (row.from_, row.to, row.p_better, row.group) == (None, None, None, None)
    assert release.comparisons[0].expected is None
    assert release.design.models[0].events is None


def test_timestamps_become_days(tmp_path: Path) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": LARGE}, {"clabsi": 1000}, STARTS)
    rollout = panel.rollout.assign(
        actual_start=pd.to_datetime(panel.rollout["actual_start"]), stop=pd.Series([pd.NaT] * 3)
    )
    release = make_release(
        study, replace(panel, rollout=rollout), example_estimates(study, panel), example_checks()
    )
    assert release.design.rollout[0].actual_start == date(2024, 4, 1)
    assert release.design.rollout[0].stop is None


# --- whatever the data


LAWS = {
    name: Counted(kind="rate", per=per, persons=True)
    for name, per in (("clabsi", 1000), ("clabsi_population", 10_000))
}
STUDY = Study.model_construct(notebook="30_stepped_wedge")  # nothing else of a study is asked for here


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_no_release_of_any_panel_can_be_attacked(data: st.DataObject) -> None:
    sites = data.draw(st.integers(1, 4))
    periods = data.draw(st.integers(4, 14))
    largest = data.draw(st.sampled_from([1, 3, 6, 12, 40]))
    counts = st.one_of(st.integers(0, largest), st.integers(0, largest), st.just(math.nan))
    table = [data.draw(st.lists(counts, min_size=periods, max_size=periods)) for _ in range(sites)]
    assume(any(not math.isnan(count) for row in table for count in row))  # else there is no Panel at all
    starts = [data.draw(st.integers(1, periods - 1)) for _ in range(sites)]
    panel = example_panel(dict.fromkeys(LAWS, table), {"clabsi": 7, "clabsi_population": 90}, starts)
    evaluations = {name: example_evaluation(STUDY, panel, name) for name in LAWS}
    released = released_counts(panel, LAWS, evaluations, evaluations)
    assert set(released) == set(LAWS)
    assert tuple(find_weaknesses(panel, LAWS, tuple(released.values()))) == ()
    held(panel, [item.curve for item in released.values() if item.curve is not None])


def held(panel: Panel, curves: list[Curve]) -> None:
    """The cell rule over every shown point, and the steps of measures that share numerators."""
    for curve in curves:
        cells = panel.cells[(panel.cells["measure"] == curve.measure) & panel.cells["observed"]]
        for point in curve.points:
            inside = [
                index
                for index, period in enumerate(panel.periods)
                if point.start <= period.start <= point.end
            ]
            numerator = cells.loc[cells["period"].isin(inside), "numerator"].sum()
            if 0 < numerator < 5:
                assert point.hidden
                assert (point.observed, point.expected) == (None, None)
    assert len({curve.step for curve in curves}) <= 1


def test_a_declared_measure_that_was_not_evaluated_stops_the_release(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=r"paired=impl\.evaluate_paired"):
        release_of(
            tmp_path, LARGE, study={"measures": {"primary": "clabsi", "paired": ["clabsi_population"]}}
        )
