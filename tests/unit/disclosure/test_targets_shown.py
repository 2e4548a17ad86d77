"""Local targets through the wall: who sees what, and that a chance gives no small count away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from example_estimates import example_checks, example_estimates, example_panel, example_study
from impl.data.panel import Panel
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.audience import audience_of
from impl.disclosure.functionals import Shown, TargetTold, told_of_targets
from impl.disclosure.make import make_release
from impl.disclosure.rules import Counted
from impl.errors import DisclosureError
from impl.model.values import TargetFindings
from impl.release.release import Release
from impl.release.targets import TargetSection

LARGE = [[30, 31, 29, 30, 24, 22, 20, 21]] * 4
STARTS = [3, 4, 5, 5]


def findings(panel: Panel, *, first: int = 4, last: int = 7, common: bool = True) -> TargetFindings:
    """A target of 25 per 1000 in the last four months; what the model would say of it is invented."""
    cells = panel.cells[panel.cells["period"].between(first, last)]
    sums = cells.groupby("site")[["numerator", "denominator"]].sum()
    sites = pd.DataFrame(
        {
            "site": sums.index,
            "start": panel.periods[first].start,
            "end": panel.periods[last].end,
            "target": 25.0,
            "numerator": sums["numerator"].to_numpy(),
            "denominator": sums["denominator"].to_numpy(),
            "met": (sums["numerator"] / sums["denominator"] * 1000 <= 25).to_numpy(),
            "lower": 20.0,
            "median": 22.0,
            "upper": 27.0,
            "p_met": 0.8123,
        }
    ).astype({"met": object})
    network = {"lower": 20.0, "median": 22.0, "upper": 24.0, "p_met": 0.97} if common else None
    return TargetFindings(
        sites=sites,
        number=(2.0, 3.3, 4.0),
        network=network,
        network_met=True if common else None,
        passed=True,
    )


def release_of(
    root: Path,
    numerators: Sequence[Sequence[float]] = LARGE,
    starts: Sequence[int | str] = STARTS,
    *,
    audience: str = "public",
    profile: str = "full",
    **asked: Any,
) -> Release:
    study = example_study(root, audience=audience)
    panel = example_panel({"clabsi": numerators}, {"clabsi": 1000}, starts)
    estimates = example_estimates(study, panel, profile=profile)
    estimates = replace(estimates, targets=findings(panel, **asked))
    return make_release(study, panel, estimates, example_checks())


def only(release: Release) -> TargetSection:
    (section,) = release.sections.targets
    return section


def test_the_public_sees_all_sites_together_and_how_many_but_no_site(tmp_path: Path) -> None:
    section = only(release_of(tmp_path))
    assert section.rows == ()
    assert section.common is not None
    assert (section.common.met, section.common.p_met, section.common.hidden) == (True, 0.97, False)
    assert (section.sites, section.lower, section.mean, section.upper) == (4, 2, 3.3, 4)


@pytest.mark.parametrize("audience", ["network", "own-unit"])
def test_a_network_sees_each_site(tmp_path: Path, audience: str) -> None:
    section = only(release_of(tmp_path, audience=audience))
    assert [(row.site, row.p_met, row.met, row.hidden) for row in section.rows] == [
        (f"990{site}", 0.812, True, False) for site in range(1, 5)
    ]


def test_a_site_with_a_hidden_count_is_hidden_in_place(tmp_path: Path) -> None:
    small = [*LARGE[:3], [1, 0, 2, 1, 0, 0, 1, 0]]
    release = release_of(tmp_path, small, audience="network")
    rows = {row.site: row for row in only(release).rows}
    hidden_counts = {
        row.site
        for row in release.sections.sites
        if any(count is not None and count.hidden for count in (row.before, row.after))
    }
    assert "9904" in hidden_counts
    assert {site for site, row in rows.items() if row.hidden} >= hidden_counts
    for row in rows.values():
        assert not row.hidden or (row.met, row.p_met) == (None, None)
    places = {item.place: item.count for item in release.disclosure.suppressed}
    assert places["targets"] == sum(row.hidden for row in rows.values())
    assert not any(row.hidden for row in only(release_of(tmp_path, small, audience="own-unit")).rows)


def test_a_part_that_would_leave_a_small_count_is_not_told_of(tmp_path: Path) -> None:
    """Each site has 2 events in its last month: a target over the other months would give them away."""
    numerators = [[30, 31, 29, 30, 24, 22, 20, 2]] * 3 + [[30, 31, 29, 30, 24, 22, 20, 20]]
    rows = only(release_of(tmp_path, numerators, audience="network", last=6)).rows
    assert all(row.hidden for row in rows)


def test_fewer_than_three_of_several_sites_are_not_counted(tmp_path: Path) -> None:
    section = only(release_of(tmp_path, LARGE[:2], STARTS[:2]))
    assert (section.lower, section.mean, section.upper) == (None, None, None)
    assert section.common is not None
    assert section.common.hidden or section.common.p_met is not None


def test_small_numbers_of_all_sites_together_are_hidden(tmp_path: Path) -> None:
    few = [[9, 8, 9, 0, 0, 1, 0, 0], [9, 8, 9, 0, 1, 0, 0, 0], [9, 8, 9, 9, 0, 0, 1, 0]]
    common = only(release_of(tmp_path, few, [3, 3, 4])).common
    assert common is not None
    assert (common.hidden, common.met, common.p_met) == (True, None, None)


def test_a_single_unit_is_shown_as_its_level_is(tmp_path: Path) -> None:
    section = only(release_of(tmp_path, LARGE[:1], [3]))
    assert section.common is not None
    assert section.common.p_met == 0.97


def test_a_trial_run_tells_no_chance(tmp_path: Path) -> None:
    section = only(release_of(tmp_path, audience="network", profile="smoke"))
    assert section.mean is None
    assert section.common is not None
    assert section.common.p_met is None
    assert {row.p_met for row in section.rows} == {None}
    assert {row.met for row in section.rows} == {True}


def test_open_data_tell_no_more_than_the_public_sees(tmp_path: Path) -> None:
    public, everybody = (only(release_of(tmp_path, audience=name)) for name in ("public", "open"))
    assert everybody.common is not None
    assert public.common is not None
    assert everybody.common.hidden or not public.common.hidden
    assert everybody.mean is None  # four sites are fewer than five


def test_unreliable_findings_do_not_enter(tmp_path: Path) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": LARGE}, {"clabsi": 1000}, STARTS)
    estimates = replace(example_estimates(study, panel), targets=replace(findings(panel), passed=False))
    assert make_release(study, panel, estimates, example_checks()).sections.targets == ()


def test_the_attack_counts_a_told_target_as_a_known_sum() -> None:
    """30, 3 and 40 events in three months of one site: a target over the first and one over all give the three away."""
    panel = example_panel({"x": [[30, 3, 40], [30, 30, 40], [30, 30, 40]]}, {"x": 1000}, [1, 1, 1])
    law = Counted(kind="rate", per=1000, persons=True, audience=audience_of("network"))
    nothing = Shown(measure="x", window=(1, 12), curve=None, comparison=None, events=None)

    def weak(*spans: tuple[int, int]) -> bool:
        told = tuple(
            TargetTold(site="9901", start=panel.periods[first].start, end=panel.periods[last].end)
            for first, last in spans
        )
        return any(True for _ in find_weaknesses(panel, {"x": law}, [replace(nothing, targets=told)]))

    assert not weak((0, 2))
    assert not weak((0, 0))
    assert weak((1, 1))
    assert weak((0, 2), (0, 0), (2, 2))


def test_what_was_told_before_is_known_to_later_releases(tmp_path: Path) -> None:
    release = release_of(tmp_path, audience="network")
    told = told_of_targets(release.sections.targets, "clabsi")
    assert [item.site for item in told] == [None, "9901", "9902", "9903", "9904"]
    assert told_of_targets(release.sections.targets, "other") == ()


def test_a_release_whose_target_tells_a_small_count_is_refused(tmp_path: Path) -> None:
    from impl.disclosure.attack import check_release

    small = [[30, 31, 29, 2, 24, 22, 20, 21]] * 4
    panel = example_panel({"clabsi": small}, {"clabsi": 1000}, STARTS)
    release = release_of(tmp_path, small, audience="network")
    section = only(release)
    day = panel.periods[3]
    rows = tuple(
        row.model_copy(update={"start": day.start, "end": day.end, "met": True, "hidden": False})
        for row in section.rows
    )
    told = section.model_copy(update={"rows": rows})
    forged = release.model_copy(update={"sections": release.sections.model_copy(update={"targets": (told,)})})
    law = Counted(kind="rate", per=1000, persons=True, audience=audience_of("network"))
    with pytest.raises(DisclosureError):
        check_release(forged, panel, {"clabsi": law}, {"clabsi": (1, 4)})
