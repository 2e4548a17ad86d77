"""The attack: what can be computed from a Release, held against counting every possibility."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from example_estimates import example_panel
from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import _width, find_weaknesses
from impl.disclosure.audience import PUBLIC
from impl.disclosure.functionals import Shown, linked_measures, modelled_cells
from impl.disclosure.rules import Counted
from impl.release.release import Comparison, Curve, CurvePoint

RATE = Counted(kind="rate", per=1000, persons=True)
SHARE = Counted(kind="proportion", per=100, persons=True)
MEAN = Counted(kind="mean", per=1, persons=True)
PROCESS = Counted(kind="rate", per=1000, persons=False)


def shown(
    panel: Panel,
    measure: str,
    law: Counted,
    *,
    hidden: Sequence[int] = (),
    before: bool = False,
    after: bool = False,
    total: bool = False,
    window: tuple[int, int] = (1, 12),
    ends: Sequence[int] | None = None,
) -> Shown:
    """What a Release would show by period (or by points that end at `ends`), with points hidden by position."""
    cells = modelled_cells(panel, measure)
    ends = ends or range(len(panel.periods))
    points = []
    for number, (first, last) in enumerate(zip([-1, *ends], ends, strict=False)):
        inside = cells[cells["period"].between(first + 1, last)]
        unseen = number in hidden
        level = inside["numerator"].sum() / inside["denominator"].sum() * law.per
        points.append(
            CurvePoint(
                start=panel.periods[first + 1].start,
                end=panel.periods[last].end,
                observed=None if unseen else rules.level(level),
                sites_started=0,
                hidden=unseen,
            )
        )
    earlier = cells[cells["before"] & cells["starts"]]
    level = (
        rules.level(earlier["numerator"].sum() / earlier["denominator"].sum() * law.per) if before else None
    )
    return Shown(
        measure=measure,
        window=window,
        curve=Curve(measure=measure, step="month", points=tuple(points)),
        comparison=Comparison(measure=measure, before=level, expected=1.0, after=1.0 if after else None),
        events=int(cells["numerator"].sum()) if total else None,
    )


def where(panel: Panel, laws: dict[str, Counted], *items: Shown) -> set[str]:
    return {weakness.where for weakness in find_weaknesses(panel, laws, items)}


def test_one_hidden_point_is_had_from_the_total() -> None:
    panel = example_panel({"x": [[9, 3, 9, 9]]}, {"x": 1000}, [2])
    assert where(panel, {"x": RATE}, shown(panel, "x", RATE, hidden=[1], total=True)) == {
        "curve point 2024-02-01 of x"
    }
    assert where(panel, {"x": RATE}, shown(panel, "x", RATE, hidden=[1])) == set()


def test_one_hidden_point_is_had_from_the_level_before() -> None:
    panel = example_panel({"x": [[9, 3, 9, 9]]}, {"x": 1000}, [2])
    assert "curve point 2024-02-01 of x" in where(
        panel, {"x": RATE}, shown(panel, "x", RATE, hidden=[1], before=True)
    )
    assert where(panel, {"x": RATE}, shown(panel, "x", RATE, hidden=[1], after=True)) == set()


@pytest.mark.parametrize(("second", "safe"), [(1, False), (2, True), (9, True)])
def test_two_hidden_points_need_a_sum_above_the_limit(second: int, safe: bool) -> None:
    panel = example_panel({"x": [[9, 3, second, 9]]}, {"x": 1000}, [3])
    found = where(panel, {"x": RATE}, shown(panel, "x", RATE, hidden=[1, 2], total=True))
    assert (found == set()) is safe


def test_a_level_before_that_ends_inside_a_point_gives_the_rest_away() -> None:
    # Points of two months; the start divides the second one into 3 before and 9 after.
    panel = example_panel({"x": [[9, 9, 3, 9]]}, {"x": 1000}, [3])
    item = shown(panel, "x", RATE, before=True, ends=[1, 3])
    assert where(panel, {"x": RATE}, item) == {"a difference of shown sums of x"}
    assert where(panel, {"x": RATE}, shown(panel, "x", RATE, ends=[1, 3])) == set()


def test_large_counts_are_protected_by_rounding_only_as_far_as_it_goes() -> None:
    # 3 significant digits of 20,000 events leave room for 100, of 200 events for one.
    for size, safe in ((20_000, True), (200, False)):
        panel = example_panel({"x": [[size, 3, size]]}, {"x": 1_000_000}, [1])
        found = where(panel, {"x": RATE}, shown(panel, "x", RATE, hidden=[1], total=True))
        assert (found == set()) is safe


def test_shown_numbers_that_the_rule_hides_are_found() -> None:
    panel = example_panel({"x": [[9, 3, 9]]}, {"x": 1000}, [1])
    assert where(panel, {"x": RATE}, shown(panel, "x", RATE)) == {"curve point 2024-02-01 of x"}
    assert "level before of x" in where(
        example_panel({"x": [[3, 9, 9]]}, {"x": 1000}, [1]),
        {"x": RATE},
        shown(example_panel({"x": [[3, 9, 9]]}, {"x": 1000}, [1]), "x", RATE, before=True),
    )


def test_process_counts_are_nobodys() -> None:
    panel = example_panel({"x": [[9, 3, 9]]}, {"x": 1000}, [1])
    assert where(panel, {"x": PROCESS}, shown(panel, "x", PROCESS, total=True)) == set()


def test_proportions_are_bounded_by_their_denominators() -> None:
    # 48 of 50 hidden beside 30 of 50 hidden: the sum 78 of 100 says that each is at least 28.
    panel = example_panel({"x": [[30, 48, 30, 20]]}, {"x": 50}, [3])
    found = where(panel, {"x": SHARE}, shown(panel, "x", SHARE, hidden=[1, 2], total=True))
    assert found == set()
    panel = example_panel({"x": [[30, 48, 49, 20]]}, {"x": 50}, [3])
    found = where(panel, {"x": SHARE}, shown(panel, "x", SHARE, hidden=[1, 2], total=True))
    assert found == {"curve point 2024-02-01 of x", "curve point 2024-03-01 of x"}


def test_a_tiny_denominator_needs_all_its_values() -> None:
    panel = example_panel({"x": [[30, 2, 30, 30]]}, {"x": [[50, 4, 50, 50]]}, [3])
    assert where(panel, {"x": SHARE}, shown(panel, "x", SHARE, hidden=[1])) == set()
    assert where(panel, {"x": SHARE}, shown(panel, "x", SHARE, hidden=[1], total=True)) == {
        "curve point 2024-02-01 of x"
    }


def test_a_hidden_mean_may_not_be_had_from_sums() -> None:
    panel = example_panel({"x": [[300, 12, 310, 290]]}, {"x": [[50, 4, 50, 50]]}, [3])
    assert where(panel, {"x": MEAN}, shown(panel, "x", MEAN, hidden=[1], before=True)) == {
        "curve point 2024-02-01 of x"
    }
    assert where(panel, {"x": MEAN}, shown(panel, "x", MEAN, hidden=[1])) == set()
    assert where(panel, {"x": MEAN}, shown(panel, "x", MEAN, hidden=[1, 2], before=True)) == set()


def test_measures_that_share_numerators_are_attacked_together() -> None:
    numerators = [[9, 3, 9, 9]]
    panel = example_panel({"a": numerators, "b": numerators}, {"a": 100, "b": 1000}, [2])
    laws = {"a": RATE, "b": RATE}
    assert linked_measures(panel, laws) == (("a", "b"),)
    first = shown(panel, "a", RATE, hidden=[1])
    # b by two months: 12 - 9 gives a's hidden month
    second = shown(panel, "b", RATE, ends=[1, 3])
    assert "curve point 2024-02-01 of a" in where(panel, laws, first, second)
    assert where(panel, laws, first, shown(panel, "b", RATE, hidden=[1])) == set()


def test_links_are_seen_in_the_data() -> None:
    panel = example_panel(
        {
            "a": [[9, 3, 9, 0], [1, 0, 0, 2]],
            "b": [[9, 3, 9, 0], [1, 0, 0, np.nan]],
            "c": [[9, 2, 8, 0], [0, 0, 3, 2]],
            "d": [[0, 0, 0, 0], [0, 0, 0, 0]],
            "e": [[9, 3, 9, 0], [1, 0, 0, 2]],
        },
        dict.fromkeys("abcde", 100),
        [2, 3],
    )
    laws = {"a": RATE, "b": RATE, "c": RATE, "d": RATE, "e": MEAN}
    assert linked_measures(panel, laws) == (("a", "b"), ("c",), ("d",), ("e",))


def test_cells_know_their_place_in_the_roll_out() -> None:
    panel = example_panel(
        {"x": [[1, 2, 3, 4]] * 4 + [[1, np.nan, 3, 4]]},
        {"x": 10},
        [2, "never", "before-data", 9, 1],
        transitions=[1, None, None, None, None],
    )
    cells = modelled_cells(panel, "x")
    assert set(cells["site"]) == {"9901", "9902", "9904", "9905"}
    first = cells[cells["site"] == "9901"]
    assert list(first["exposure"]) == [0, 0, 1, 2]
    assert list(first["before"]) == [True, False, False, False]
    assert not cells.loc[cells["site"].isin(["9902", "9904"]), "starts"].any()
    assert list(cells.loc[cells["site"] == "9905", "exposure"]) == [0, 2, 3]


def test_a_level_of_other_cells_is_a_bug_of_ours() -> None:
    panel = example_panel({"x": [[9, 8, 9]]}, {"x": 1000}, [1])
    item = shown(panel, "x", RATE)
    assert item.curve is not None
    points = (item.curve.points[0].model_copy(update={"observed": 12.0}), *item.curve.points[1:])
    wrong = Shown(
        measure="x",
        window=(1, 12),
        curve=Curve(measure="x", step="month", points=points),
        comparison=None,
        events=None,
    )
    with pytest.raises(ValueError, match="not computed from the cells"):
        tuple(find_weaknesses(panel, {"x": RATE}, [wrong]))


def test_a_total_that_does_not_fit_the_points_is_a_bug_of_ours() -> None:
    panel = example_panel({"x": [[9, 3, 9]]}, {"x": 1000}, [1])
    item = shown(panel, "x", RATE, hidden=[1], total=True)
    assert item.events is not None
    wrong = Shown(
        measure="x", window=item.window, curve=item.curve, comparison=item.comparison, events=item.events - 10
    )
    with pytest.raises(ValueError, match="total of x was not computed"):
        tuple(find_weaknesses(panel, {"x": RATE}, [wrong]))


def test_nothing_shown_is_nothing_to_attack() -> None:
    panel = example_panel({"x": [[1, 3, 2]]}, {"x": 1000}, [1])
    empty = Shown(measure="x", window=(1, 12), curve=None, comparison=None, events=None)
    assert tuple(find_weaknesses(panel, {"x": RATE}, [empty])) == ()


def possible(
    values: Sequence[int], hidden: Sequence[int], start: int, total: bool, before: bool
) -> dict[int, set[int]]:
    """Values that each hidden month can have, by trying all: the slow way that the attack must agree with."""
    found: dict[int, set[int]] = {position: set() for position in hidden}
    for guess in itertools.product(range(31), repeat=len(hidden)):
        tried = list(values)
        for position, value in zip(hidden, guess, strict=True):
            tried[position] = value
        if total and sum(tried) != sum(values):
            continue
        if before and sum(tried[:start]) != sum(values[:start]):
            continue
        for position, value in zip(hidden, guess, strict=True):
            found[position].add(value)
    return found


@settings(max_examples=25, deadline=None)
@given(
    values=st.lists(st.integers(0, 14), min_size=4, max_size=6),
    start=st.integers(1, 3),
    extra=st.sets(st.integers(0, 3), max_size=1),
    total=st.booleans(),
    before=st.booleans(),
)
def test_the_attack_agrees_with_trying_all_values(
    values: list[int], start: int, extra: set[int], total: bool, before: bool
) -> None:
    small = [position for position, value in enumerate(values) if 0 < value < 5]
    hidden = sorted({*small, *extra})
    if not small or len(hidden) > 3:
        return
    panel = example_panel({"x": [values]}, {"x": 1000}, [start])
    before = before and not 0 < sum(values[:start]) < 5
    item = shown(panel, "x", RATE, hidden=hidden, total=total, before=before)
    found = where(panel, {"x": RATE}, item)
    reachable = possible(values, hidden, start, total, before)
    expected = {
        f"curve point {panel.periods[position].start} of x"
        for position in small
        if max(reachable[position]) - min(reachable[position]) < PUBLIC.count
    }
    assert {place for place in found if place.startswith("curve")} == expected


def test_national_size_is_attacked_in_seconds() -> None:
    rng = np.random.default_rng(1)
    sites, periods = 120, 48
    panel = example_panel(
        {"x": rng.poisson(2.0, (sites, periods)).tolist()},
        {"x": 900},
        [10 + index % 30 for index in range(sites)],
    )
    started = time.perf_counter()
    assert where(panel, {"x": RATE}, shown(panel, "x", RATE, before=True, after=True, total=True)) == set()
    assert time.perf_counter() - started < 5


def test_sums_that_contradict_each_other_are_a_bug_of_ours() -> None:
    rows = np.array([[1.0], [1.0]])
    with pytest.raises(ValueError, match="could not be carried out"):
        _width(np.ones(1), rows, np.array([1.0, 3.0]), np.array([1.0, 3.0]), np.zeros(1), np.full(1, 9.0))


def test_fractions_of_events_are_bounded_too() -> None:
    panel = example_panel({"x": [[9.5, 3.25, 9.5, 9.5]]}, {"x": 1000}, [2])
    assert where(panel, {"x": RATE}, shown(panel, "x", RATE, hidden=[1], before=True)) == {
        "curve point 2024-02-01 of x"
    }
