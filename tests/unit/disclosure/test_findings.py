"""Criticism and robustness: coded warnings and a rounded summary for peers leave the house, their tables do not."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from example_estimates import (
    example_checks,
    example_estimates,
    example_evaluation,
    example_panel,
    example_study,
)
from impl.disclosure.make import make_release
from impl.model.values import Criticism, Robustness
from impl.release.release import Release, ReleaseWarning
from impl.report.language import read_language
from impl.report.sentences import notes

LARGE = [[30, 31, 29, 30, 24, 22, 20, 21]] * 3
SECRET = 0.98765432


def criticism(*warnings: tuple[str, dict[str, float | int | str]]) -> Criticism:
    table = pd.DataFrame({"secret": [SECRET]})
    checks = [
        {"check": "zeros", "wave": math.nan, "observed": SECRET, "lower": SECRET, "upper": SECRET, "p": 0.123, "flagged": False},
        {"check": "pre_trend", "wave": 3.0, "observed": SECRET, "lower": SECRET, "upper": SECRET, "p": SECRET, "flagged": True},
    ]  # fmt: skip
    return Criticism(
        measure="clabsi",
        checks=pd.DataFrame(checks),
        crude=table,
        priors=table,
        heterogeneity=table,
        leave_one_out=None,
        leave_one_out_note="not <computed>",
        sensitivity=pd.DataFrame({"priors": ["effect", "all"], "distance": [0.0123, 0.0456]}),
        exposure=table,
        bundles=None,
        condition=None,
        warnings=warnings,
        prior_predictive=pd.DataFrame(
            [
                {
                    "check": "level",
                    "observed": SECRET,
                    "lower": SECRET / 7,
                    "median": SECRET,
                    "upper": 7 * SECRET,
                    "inside": True,
                },
                {
                    "check": "change",
                    "observed": SECRET,
                    "lower": 0.4,
                    "median": 1.0,
                    "upper": 2.5111,
                    "inside": False,
                },
            ]
        ),
    )


def robustness(*warnings: tuple[str, dict[str, float | int | str]]) -> Robustness:
    return Robustness(
        measure="clabsi",
        refits=pd.DataFrame.from_records(
            [
                {
                    "refit": "main",
                    "kind": "main",
                    "mean": -0.2345,
                    "lower": -0.4,
                    "upper": -0.1,
                    "shift": math.nan,
                    "secret": SECRET,
                },
                {
                    "refit": "shape it",
                    "kind": "shape",
                    "mean": -0.2,
                    "lower": -0.3,
                    "upper": -0.1,
                    "shift": 0.456,
                    "secret": SECRET,
                },
                {
                    "refit": "without wave 1",
                    "kind": "wave",
                    "mean": SECRET,
                    "lower": SECRET,
                    "upper": SECRET,
                    "shift": SECRET,
                    "secret": SECRET,
                },
            ]
        ),
        sites=None,
        left_out={"placebo": "too short"},
        seconds=3.2,
        warnings=warnings,
    )


def release_of(root: Path, *findings: Criticism | Robustness, passed: bool = True) -> Release:
    study = example_study(root)
    panel = example_panel({"clabsi": LARGE}, {"clabsi": 1000}, [3, 4, 5])
    return make_release(
        study, panel, example_estimates(study, panel), example_checks(passed=passed), findings=findings
    )


def test_warnings_of_findings_become_sentences_and_nothing_else_enters(tmp_path: Path) -> None:
    release = release_of(
        tmp_path, criticism(("loo_influential", {"count": 4})), robustness(("placebo_moved", {}))
    )
    assert release.design.warnings[:2] == (
        ReleaseWarning(code="loo_influential", values={"count": 4}),
        ReleaseWarning(code="placebo_moved", values={}),
    )
    text = " ".join(notes(release, read_language("nb")))
    assert "4 i alt" in text
    assert "før SVK-pakken" in text
    assert "0.9876" not in release.model_dump_json()
    assert "0.99" not in release.sections.model_dump_json(), "nothing of one wave"
    annex = release.sections.annex
    assert annex is not None
    assert [(check.check, check.p) for check in annex.checks] == [("zeros", 0.12)]
    assert [(row.refit, row.mean, row.shift) for row in annex.refits] == [
        ("main", -0.23, None),
        ("shape it", -0.2, 0.5),
    ]
    assert annex.sensitivity == {"effect": 0.01, "all": 0.05}
    assert [(row.check, row.inside, row.lower, row.upper) for row in annex.prior_checks] == [
        ("level", True, 0.14, 7.0),
        ("change", False, 0.4, 2.5),
    ], "as multiples of the middle, so that the level itself is not told"
    without = release_of(tmp_path)
    sections = without.sections
    assert release.model_copy(update={"design": without.design, "sections": sections}) == without


def test_of_a_failed_fit_there_is_nothing_to_doubt(tmp_path: Path) -> None:
    release = release_of(tmp_path, criticism(("prior_sensitive", {})), passed=False)
    assert "prior_sensitive" not in {warning.code for warning in release.design.warnings}


@pytest.mark.parametrize(
    ("lower", "upper", "moved"), [(-0.4, -0.1, True), (0.1, 0.4, True), (-0.2, 0.1, False)]
)
def test_a_negative_control_that_moved_is_said(
    tmp_path: Path, lower: float, upper: float, moved: bool
) -> None:
    study = example_study(
        tmp_path, measures={"primary": "clabsi", "negative_controls": ["clabsi_population"]}
    )
    panel = example_panel(
        {"clabsi": LARGE, "clabsi_population": LARGE}, {"clabsi": 1000, "clabsi_population": 9000}, [3, 4, 5]
    )
    control = example_evaluation(study, panel, "clabsi_population")
    table = control.estimates.table
    chosen = (table["estimand"] == "tate") & (table["scale"] == "link") & (table["level"] == 0.9)
    table.loc[chosen, ["lower", "upper"]] = lower, upper
    release = make_release(study, panel, example_estimates(study, panel), example_checks(), paired=[control])
    said = [warning for warning in release.design.warnings if warning.code == "negative_control_moved"]
    assert [warning.values for warning in said] == ([{"measure": "clabsi_population"}] if moved else [])


def test_a_finding_shows_itself_in_a_notebook() -> None:
    html = criticism(("prior_sensitive", {}))._repr_html_()
    assert "0.988" in html
    assert "not &lt;computed&gt;" in html
    assert "prior_sensitive" in html
    shown = robustness()._repr_html_()
    assert "placebo: too short" in shown
    assert "nothing" in shown
