"""Estimates beside the main one: the same cells told in more ways, and never so that a site or a count shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from example_estimates import (
    estimate_row,
    example_checks,
    example_estimates,
    example_evaluation,
    example_panel,
    example_study,
)
from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import check_release
from impl.disclosure.audience import PUBLIC
from impl.disclosure.further import FURTHER
from impl.disclosure.make import make_release
from impl.errors import DisclosureError
from impl.model.values import Estimates
from impl.release.release import Release

ROW = [30, 31, 29, 30, 24, 22, 20, 21]
LARGE = [ROW] * 4
STARTS = [3, 3, 4, 5]
OTHER = "infection_control"
WHERE: dict[str, dict[str, Any]] = {
    "lte": {"from": 3, "to": 3},
    "established": {"from": 2, "to": 4},
    "earlier": {"from": 2, "to": None},
    "other_bundle": {"from": 1, "to": 4, "group": OTHER},
}
SCALES = {
    "tate_site": ("ratio", "difference"),
    "population": ("ratio", "difference"),
    "earlier": ("averted",),
    "ctate": ("link",),
}


def with_further(estimates: Estimates, effect: str = "rw") -> Estimates:
    """Every further estimand on every scale that the model writes."""
    rows = [
        estimate_row(estimates.measure, estimand, scale, level, **WHERE.get(estimand, {}))
        for estimand in (*FURTHER, "ctate")
        for scale in SCALES.get(estimand, ("link", "ratio", "difference"))
        for level in (0.5, 0.9)
    ]
    table = pd.concat([estimates.table, pd.DataFrame.from_records(rows)], ignore_index=True)
    return replace(estimates, table=table, model=estimates.model.model_copy(update={"effect": effect}))


def release_of(
    root: Path,
    numerators: Sequence[Sequence[float]] = LARGE,
    starts: Sequence[int | str] = STARTS,
    *,
    measure: str = "clabsi",
    exposure: float = 1000,
    effect: str = "rw",
    beside: Sequence[int | str] | None = None,
) -> Release:
    study = example_study(root, measures={"primary": measure}, other_bundles=[OTHER])
    panel = with_bundle(example_panel({measure: numerators}, {measure: exposure}, starts), beside or starts)
    estimates = with_further(example_estimates(study, panel, measure), effect)
    return make_release(study, panel, estimates, example_checks(measure))


def with_bundle(panel: Panel, starts: Sequence[int | str]) -> Panel:
    began = [float(start) if isinstance(start, int) else math.nan for start in starts]
    return replace(panel, other_rollouts={OTHER: panel.rollout.assign(start_period=began)})


def told(release: Release) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in release.estimates:
        if row.estimand in (*FURTHER, "ctate"):
            found.setdefault(row.estimand, set()).add(row.scale)
    return found


def test_each_is_told_on_one_scale_and_its_link(tmp_path: Path) -> None:
    release = release_of(tmp_path)
    assert told(release) == {
        "tate_site": {"ratio"},
        "population": {"ratio"},
        "new_site": {"ratio", "link"},
        "lte": {"ratio", "link"},
        "established": {"ratio", "link"},
        "earlier": {"averted"},
        "other_bundle": {"ratio", "link"},
        "reporting": {"ratio", "link"},
    }
    assert release.disclosure.suppressed == (), "what nobody is meant to read is not called hidden"
    assert release.estimate("clabsi", "other_bundle", "ratio", group=OTHER) is not None
    assert [bundle.id for bundle in release.study.other_bundles] == [OTHER]
    assert [bundle.id for bundle in release.study.bundles] == ["central_line"]


def test_a_share_is_told_as_a_difference_alone(tmp_path: Path) -> None:
    release = release_of(tmp_path, measure="central_line_use")
    scales = told(release)
    assert scales.pop("earlier") == {"averted"}
    assert set(map(frozenset, scales.values())) == {frozenset({"difference"})}


@pytest.mark.parametrize(("effect", "shown"), [("rw", True), ("mono", True), ("it", False), ("teh", False)])
def test_the_last_exposure_time_is_told_for_shapes_that_make_it_mean_something(
    tmp_path: Path, effect: str, shown: bool
) -> None:
    assert ("lte" in told(release_of(tmp_path, effect=effect))) is shown


def test_the_last_exposure_time_needs_three_sites(tmp_path: Path) -> None:
    assert "lte" in told(release_of(tmp_path, starts=[3, 3, 4, 6]))
    assert "lte" not in told(release_of(tmp_path, starts=[3, 3, 6, 6]))


def test_a_second_weighting_needs_a_site_more_than_a_group(tmp_path: Path) -> None:
    weighted = {"tate_site", "population", "new_site"}
    release = release_of(tmp_path, LARGE[:3], STARTS[:3])
    assert not weighted & set(told(release))
    (suppressed,) = release.disclosure.suppressed
    assert (suppressed.place, suppressed.count) == ("estimates", 3)
    assert weighted <= set(told(release_of(tmp_path)))


@pytest.mark.parametrize(("sites", "solved"), [(3, True), (4, False)])
def test_why_a_site_more(sites: int, solved: bool) -> None:
    """A site that knows itself has one equation, the two weightings of differences give two."""
    sizes = np.array([100.0, 250.0, 400.0, 700.0])[:sites]
    itself = np.eye(sites)[0]
    equations = np.array([sizes / sizes.sum(), np.full(sites, 1 / sites), itself])
    assert bool(np.linalg.matrix_rank(equations) == sites) is solved
    assert solved is (sites < PUBLIC.sites + 1)


def test_nothing_beside_a_hidden_level(tmp_path: Path) -> None:
    few = [[30, 31, 29, 1, 0, 1, 0, 0], *[[30, 31, 29, 0, 0, 0, 0, 0]] * 3]
    release = release_of(tmp_path, few, [3, 3, 3, 3])
    assert release.comparisons[0].after is None
    assert told(release) == {}
    assert {row.scale for row in release.estimates if row.estimand == "tate"} == {"ratio", "link"}


def test_only_the_primary_measure_is_told_in_more_ways(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi", "negative_controls": ["falls"]})
    counts = {"clabsi": LARGE, "falls": LARGE}
    panel = with_bundle(example_panel(counts, dict.fromkeys(counts, 1000), STARTS), STARTS)
    control = example_evaluation(study, panel, "falls")
    control = replace(control, estimates=with_further(control.estimates))
    release = make_release(
        study, panel, with_further(example_estimates(study, panel)), example_checks(), paired=[control]
    )
    measures = {row.measure for row in release.estimates if row.estimand in FURTHER}
    assert measures == {"clabsi"}
    assert [(item.id, item.role) for item in release.study.measures] == [
        ("clabsi", "primary"),
        ("falls", "negative_control"),
    ]


# --- an earlier start tells roughly how many events the months before start had


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([30, 31, 29, 30, 24, 22, 20, 21], True),
        ([30, 31, 29, 1, 2, 22, 20, 21], False),  # three events in the two months before start
        ([1, 2, 0, 9, 9, 22, 20, 21], False),  # the level before less these two months leaves three
    ],
)
def test_an_earlier_start_is_told_where_the_months_before_it_are_large(
    tmp_path: Path, counts: list[float], shown: bool
) -> None:
    release = release_of(tmp_path, [counts], [5])
    assert ("earlier" in told(release)) is shown
    assert release.comparisons[0].after is not None


def test_an_earlier_start_put_back_by_hand_is_refused(tmp_path: Path) -> None:
    laws = {"clabsi": rules.Counted(kind="rate", per=1000, persons=True)}
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": [[30, 31, 29, 1, 2, 22, 20, 21]]}, {"clabsi": 1000}, [5])
    release = make_release(study, panel, example_estimates(study, panel), example_checks())
    check_release(release, panel, laws, {"clabsi": (1, 4)})
    averted = release.estimate("clabsi", "tate", "averted")
    assert averted is not None
    added = averted.model_copy(update={"estimand": "earlier", "from_": 2, "to": None})
    release = release.model_copy(update={"estimates": (*release.estimates, added)})
    with pytest.raises(DisclosureError, match="scenario of an earlier start of clabsi"):
        check_release(release, panel, laws, {"clabsi": (1, 4)})


# --- further bundles


@pytest.mark.parametrize(
    ("beside", "shown"),
    [
        ([2, 2, 2, "never"], True),
        ([2, 2, "never", "never"], False),
        ([7, 7, "never", 7], True),
    ],
)
def test_a_further_bundle_at_fewer_than_three_sites_is_a_small_group(
    tmp_path: Path, beside: list[int | str], shown: bool
) -> None:
    assert ("other_bundle" in told(release_of(tmp_path, beside=beside))) is shown


def test_a_further_bundle_with_few_events_is_hidden(tmp_path: Path) -> None:
    last = [[30, 31, 29, 30, 24, 22, 20, 1]] * 3 + [ROW]
    assert "other_bundle" not in told(release_of(tmp_path, last, beside=[7, 7, 7, "never"]))
    assert "other_bundle" in told(release_of(tmp_path, last, beside=[6, 7, 7, "never"]))


def test_one_site_alone_may_have_two_bundles(tmp_path: Path) -> None:
    assert "other_bundle" in told(release_of(tmp_path, [ROW], [3], beside=[5]))
