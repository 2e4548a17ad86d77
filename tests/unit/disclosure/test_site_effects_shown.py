"""The effect by site through the wall: who sees what, and that an effect gives no hidden count away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from example_estimates import example_checks, example_estimates, example_panel, example_study
from impl.data.panel import Panel
from impl.disclosure import make
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.audience import audience_of
from impl.disclosure.functionals import Shown
from impl.disclosure.make import make_release
from impl.disclosure.rules import Counted
from impl.disclosure.site_effects import with_site_effects
from impl.disclosure.sites import with_site_counts
from impl.errors import DisclosureError
from impl.model.values import SiteFindings
from impl.release.gate import _wrong_sites
from impl.release.release import Release

LARGE = [[30, 31, 29, 30, 24, 22, 20, 21]] * 8
STARTS = [3, 4, 5, 5, 3, 4, 5, 5]
RATE = Counted(kind="rate", per=1000, persons=True, audience=audience_of("network"))


def findings(panel: Panel, *, passed: bool = True) -> SiteFindings:
    """What a model might say of each treated site; invented."""
    treated = panel.rollout.loc[panel.rollout["state"] == "start", "site"]
    numbers = np.linspace(0.7, 0.9, len(treated))
    return SiteFindings(
        sites=pd.DataFrame(
            {
                "site": treated.to_numpy(),
                "lower": numbers - 0.1234,
                "median": numbers + 0.0016,
                "upper": numbers + 0.1234,
                "p_better": np.linspace(0.98765, 0.1, len(treated)),
            }
        ),
        spread=(0.0234567, 0.06, 0.13),
        typical=(0.7312, 0.8689),
        passed=passed,
    )


def release_of(
    root: Path,
    numerators: Sequence[Sequence[float]] = LARGE,
    starts: Sequence[int | str] = STARTS,
    *,
    audience: str = "network",
    profile: str = "full",
    passed: bool = True,
) -> Release:
    study = example_study(root, audience=audience)
    panel = example_panel({"clabsi": numerators}, {"clabsi": 1000}, starts)
    estimates = example_estimates(study, panel, profile=profile)
    return make_release(
        study, panel, replace(estimates, by_site=findings(panel, passed=passed)), example_checks()
    )


def told(release: Release) -> list[str]:
    section = release.sections.by_site
    return [] if section is None else [row.site for row in section.rows if row.median is not None]


@pytest.mark.parametrize("audience", ["public", "open"])
def test_the_public_sees_how_much_sites_differ_and_no_site(tmp_path: Path, audience: str) -> None:
    section = release_of(tmp_path, audience=audience).sections.by_site
    assert section is not None
    assert (section.rows, section.sites, section.typical) == ((), 8, (0.73, 0.87))
    assert section.spread == (0.023, 0.06, 0.13)


@pytest.mark.parametrize("audience", ["network", "own-unit"])
def test_those_who_see_counts_see_effects_in_code_order(tmp_path: Path, audience: str) -> None:
    release = release_of(tmp_path, audience=audience)
    assert told(release) == [f"990{site}" for site in range(1, 9)]
    section = release.sections.by_site
    assert section is not None
    first = section.rows[0]
    assert (first.lower, first.median, first.upper, first.p_better) == (0.58, 0.7, 0.82, 0.988)


def test_a_site_whose_count_is_hidden_has_no_effect_and_enough_company(tmp_path: Path) -> None:
    small = [*LARGE[:7], [1, 0, 2, 1, 0, 0, 1, 0]]
    release = release_of(tmp_path, small)
    unseen = {
        row.site
        for row in release.sections.sites
        if any(count is not None and count.hidden for count in (row.before, row.after))
    }
    section = release.sections.by_site
    assert section is not None
    hidden = {row.site for row in section.rows if row.hidden}
    assert "9908" in unseen <= hidden
    assert len(hidden) >= audience_of("network").sites, "the mean of all is told: the rest must be a group"
    assert set(told(release)) == {row.site for row in section.rows} - hidden
    places = {item.place: item.count for item in release.disclosure.suppressed}
    assert places["site_effects"] == len(hidden)
    assert len(told(release_of(tmp_path, small, audience="own-unit"))) == 8


def test_where_hardly_a_site_is_left_there_are_none(tmp_path: Path) -> None:
    small = [*LARGE[:2], *[[1, 0, 2, 1, 0, 0, 1, 0]] * 4]
    release = release_of(tmp_path, small, STARTS[:6])
    section = release.sections.by_site
    assert section is None or section.rows == ()


def test_a_fit_that_fails_its_gates_tells_of_no_site(tmp_path: Path) -> None:
    assert release_of(tmp_path, passed=False).sections.by_site is None


def test_a_trial_run_judges_no_site(tmp_path: Path) -> None:
    section = release_of(tmp_path, profile="smoke").sections.by_site
    assert section is not None
    assert section.rows
    assert all(row.p_better is None and row.median is not None for row in section.rows)


def beyond(rest: Sequence[int]) -> Panel:
    """Eight sites with large counts before and in a window of three periods; `rest` events in the periods after it."""
    rows = [[20, 20, 20, 20, 20, 20, events // 2, events - events // 2] for events in rest]
    return example_panel({"x": rows}, {"x": 1000}, [3] * len(rows))


def shown(panel: Panel, sites: Sequence[str] = ()) -> dict[str, Shown]:
    nothing = Shown(
        measure="x", window=(1, 3), curve=None, comparison=None, events=int(panel.cells["numerator"].sum())
    )
    counted, _ = with_site_counts(panel, {"x": RATE}, {"x": nothing})
    return {"x": replace(counted["x"], effects=tuple(sites))}


def test_the_attack_works_out_the_rest_of_a_site_from_its_effect() -> None:
    """All eight counts before and after are shown; the cells past the window are not. An effect that rests on them too
    gives their sum away, and with seven of eight told the last site's few are had by subtraction from the total."""
    panel = beyond([40] * 7 + [3])
    counts = shown(panel)["x"].sites
    assert not any(count is not None and count.hidden for row in counts for count in (row.before, row.after))
    seven = shown(panel, [f"990{site}" for site in range(1, 8)])
    assert list(find_weaknesses(panel, {"x": RATE}, list(seven.values()))), "the eighth site's three events"
    assert not list(find_weaknesses(panel, {"x": RATE}, list(shown(panel).values())))
    found = with_site_effects(panel, {"x": RATE}, shown(panel), "x", findings(panel))["x"].effects
    assert "9908" not in found
    tried = shown(panel, found)
    assert not list(find_weaknesses(panel, {"x": RATE}, list(tried.values())))


def test_many_rests_that_are_large_are_no_secret() -> None:
    panel = beyond([40] * 8)
    found = with_site_effects(panel, {"x": RATE}, shown(panel), "x", findings(panel))["x"].effects
    assert len(found) == 8


def test_an_effect_that_slipped_in_is_caught_at_the_door_and_at_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [*LARGE[:7], [1, 0, 2, 1, 0, 0, 1, 0]]
    release = release_of(tmp_path, small)
    section = release.sections.by_site
    assert section is not None
    opened = tuple(
        row.model_copy(update={"hidden": False, "lower": 0.6, "median": 0.8, "upper": 1.0})
        for row in section.rows
    )
    leaked = release.model_copy(
        update={
            "sections": release.sections.model_copy(
                update={"by_site": section.model_copy(update={"rows": opened})}
            )
        }
    )
    assert list(_wrong_sites(release)) == []
    assert any("9908" in place for place in _wrong_sites(leaked))
    public = leaked.model_copy(
        update={"disclosure": leaked.disclosure.model_copy(update={"audience": "public"})}
    )
    assert sum("by_site" in place for place in _wrong_sites(public)) == 8

    def careless(panel: Panel, _: object, released: dict[str, Shown], *__: object) -> dict[str, Shown]:
        name = next(iter(released))
        return {**released, name: replace(released[name], effects=tuple(panel.sites))}

    monkeypatch.setattr(make, "with_site_effects", careless)
    with pytest.raises(DisclosureError):
        release_of(tmp_path, small)
