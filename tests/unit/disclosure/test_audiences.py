"""Audiences are nested: whoever may see more can read off everything that a stricter audience sees."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_estimates import example_checks, example_estimates, example_panel, example_study
from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.audience import AUDIENCES, audience_of
from impl.disclosure.make import make_release
from impl.release.release import Curve, Release
from impl.study.study import PUBLIC_AUDIENCES, AudienceName

NAMES = [audience.name for audience in AUDIENCES]
LOG = {"adaptations": {"file": "data/adaptations.csv", "contrasts": ["consistent"]}}
ROW = [30, 31, 29, 30, 24, 22, 20, 21]


def release_for(audience: str, panel: Panel, measure: str = "clabsi") -> Release:
    """A Release in a project of its own, so that nothing has been published before."""
    with TemporaryDirectory() as folder:
        study = example_study(Path(folder), audience=audience, measures={"primary": measure}, **LOG)
        estimates = example_estimates(study, panel, measure, groups={"yes": 3, "no": 4})
        return make_release(study, panel, estimates, example_checks(measure))


def covers(loose: Curve, strict: Curve) -> bool:
    """Whether every number of one curve is a sum of shown points of the other."""
    for point in strict.points:
        if point.observed is None:
            continue
        inside = [piece for piece in loose.points if point.start <= piece.start and piece.end <= point.end]
        if not inside or (inside[0].start, inside[-1].end) != (point.start, point.end):
            return False
        if any(piece.hidden for piece in inside):
            return False
    return True


def read_off(release: Release) -> set[tuple[object, ...]]:
    """What is told, number by number, but for curves, which are told at different steps."""
    found: set[tuple[object, ...]] = {
        ("estimate", row.measure, row.estimand, row.scale, row.group, row.from_, row.to, row.level)
        for row in release.estimates
    }
    for row in release.comparisons:
        found |= {
            ("level", row.measure, name)
            for name in ("before", "expected", "after")
            if getattr(row, name) is not None
        }
    found |= {("total", model.measure) for model in release.design.models if model.events is not None}
    for site in release.sections.sites:
        for phase, count in (("before", site.before), ("after", site.after)):
            if count is not None and not count.hidden:
                found.add(("site", site.measure, site.site, phase, count.numerator))
    return found


def test_every_audience_stands_in_the_table_once_with_its_source() -> None:
    assert sorted(NAMES) == sorted(get_args(AudienceName))
    assert all(audience.source and audience.rules for audience in AUDIENCES)
    assert set(PUBLIC_AUDIENCES) == {"public", "open"}
    assert all(audience.site_counts is None for audience in AUDIENCES if audience.name in PUBLIC_AUDIENCES)


@given(
    numerator=st.integers(0, 60),
    more=st.integers(0, 60),
    kind=st.sampled_from(["rate", "proportion", "mean"]),
    persons=st.booleans(),
)
def test_what_is_hidden_from_one_is_hidden_from_the_next(
    numerator: int, more: int, kind: str, persons: bool
) -> None:
    hidden = [
        rules.is_hidden(
            float(numerator),
            float(numerator + more),
            rules.Counted(kind=kind, per=100, persons=persons, audience=audience),
        )
        for audience in AUDIENCES
    ]
    assert hidden == sorted(hidden)


counts = st.integers(1, 7).flatmap(
    lambda sites: st.lists(
        st.lists(st.sampled_from([0, 0, 1, 2, 4, 6, 9, 15, 40]), min_size=12, max_size=12),
        min_size=sites,
        max_size=sites,
    )
)


@settings(max_examples=12, deadline=None)
@given(counts, st.data())
def test_each_release_tells_at_least_what_the_next_one_tells(
    numerators: list[list[int]], data: st.DataObject
) -> None:
    starts = [data.draw(st.integers(2, 9)) for _ in numerators]
    panel = example_panel({"clabsi": numerators}, {"clabsi": 1000}, starts)
    if not sum(map(sum, numerators)):
        return
    releases = [release_for(name, panel) for name in NAMES]
    for loose, strict in pairwise(releases):
        assert read_off(strict) <= read_off(loose), (strict.disclosure.audience, loose.disclosure.audience)
        for one, other in zip(loose.curves, strict.curves, strict=True):
            assert covers(one, other)


def test_the_unit_itself_sees_every_number() -> None:
    numerators = [[1, 0, 2, 1, 0, 3, 1, 1], [0, 0, 1, 0, 0, 2, 0, 1]]
    panel = example_panel({"clabsi": numerators}, {"clabsi": 1000}, [3, 4])
    release = release_for("own-unit", panel)
    assert release.disclosure.audience == "own-unit"
    assert release.disclosure.suppressed == ()
    assert release.curves[0].step == "month"
    assert [list(row.numerators) for row in release.sections.sites] == numerators
    assert release.sections.sites[0].denominators == (1000.0,) * 8
    public = release_for("public", panel)
    assert public.sections.sites == ()
    assert public.curves[0].step != "month"


def test_a_network_sees_counts_by_site_but_no_month_of_a_site() -> None:
    numerators = [[5, 6, 7, 8, 4, 5, 6, 7], [9, 8, 9, 7, 8, 6, 5, 6], [7, 7, 8, 9, 3, 2, 1, 0]]
    panel = example_panel({"clabsi": numerators}, {"clabsi": 1000}, [3, 4, 5])
    rows = {row.site: row for row in release_for("network", panel).sections.sites}
    first = rows["9901"]
    assert first.before is not None
    assert (first.before.numerator, first.before.denominator) == (18.0, 3000.0)
    assert (first.numerators, first.denominators) == ((), ())


def test_open_data_are_rounded_before_anything_is_computed_from_them() -> None:
    panel = example_panel({"clabsi": [ROW, ROW, ROW, ROW, ROW]}, {"clabsi": 1000}, [3, 3, 4, 4, 5])
    release = release_for("open", panel)
    (curve,) = release.curves
    assert curve.step == "month"
    told = [point.observed * 5000 / 1000 for point in curve.points if point.observed is not None]
    assert told == pytest.approx([5 * round(value) for value in ROW])
    shifted = example_panel(
        {"clabsi": [[value + 1 for value in ROW[:4]] + ROW[4:], ROW, ROW, ROW, ROW]},
        {"clabsi": 1000},
        [3, 3, 4, 4, 5],
    )
    release = release_for("open", shifted)
    (curve,) = release.curves
    told = [round(point.observed * 5, 6) for point in curve.points if point.observed is not None]
    assert told == [150, 155, 145, 150, 120, 110, 100, 105], "31 * 5 + 1 = 156 is told as 155"
    assert release.design.models[0].events == sum(told), "the total is that of the rounded counts"
    assert sum(map(sum, shifted.cells.groupby("site")["numerator"].apply(list))) == sum(told) + 4


def test_fewer_sites_stand_for_a_group_in_open_data_than_in_public() -> None:
    panel = example_panel({"clabsi": [ROW] * 8}, {"clabsi": 1000}, [3, 3, 4, 4, 5, 5, 6, 6])
    groups = {name: {row.group for row in release_for(name, panel).estimates} for name in ("public", "open")}
    assert groups["public"] >= {"consistent:yes", "consistent:no", None}
    assert groups["open"] == {None}


def test_shares_of_everybody_in_a_small_group_are_hidden() -> None:
    law = rules.Counted(kind="proportion", per=100, persons=True)
    assert rules.is_hidden(6, 6, law)
    assert rules.is_hidden(0, 9, law)
    assert not rules.is_hidden(0, 10, law)
    assert not rules.is_hidden(6, 6, rules.Counted(kind="proportion", per=100, persons=False))
    assert not rules.is_hidden(
        6, 6, rules.Counted(kind="proportion", per=100, persons=True, audience=audience_of("own-unit"))
    )
