"""Counts by site: the secondary suppression, its proof, and the honest attack it has to stand up to."""

from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from example_estimates import example_panel
from impl.data.panel import Panel
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.audience import audience_of
from impl.disclosure.functionals import Shown, modelled_cells
from impl.disclosure.rules import Counted, level
from impl.disclosure.sites import choose_hidden, short_of, site_table, widths, with_site_counts
from impl.release.release import Comparison, Curve, CurvePoint

NETWORK = audience_of("network")
RATE = Counted(kind="rate", per=1000, persons=True, audience=NETWORK)
SHARE = Counted(kind="proportion", per=100, persons=True, audience=NETWORK)


def shown(panel: Panel, law: Counted, *, step: int = 1, total: bool = True, levels: bool = True) -> Shown:
    """Everything about all sites together: points of `step` periods, levels before and after, the total."""
    cells = modelled_cells(panel, "x")
    points = []
    for first in range(0, len(panel.periods), step):
        last = min(first + step, len(panel.periods)) - 1
        inside = cells[cells["period"].between(first, last)]
        points.append(
            CurvePoint(
                start=panel.periods[first].start,
                end=panel.periods[last].end,
                observed=level(inside["numerator"].sum() / inside["denominator"].sum() * law.per),
                sites_started=0,
            )
        )
    before = cells[cells["before"] & cells["starts"]]
    return Shown(
        measure="x",
        window=(1, 12),
        curve=Curve(measure="x", step="month", points=tuple(points)),
        comparison=Comparison(
            measure="x",
            before=level(before["numerator"].sum() / before["denominator"].sum() * law.per),
            expected=1.0,
            after=1.0,
        )
        if levels
        else None,
        events=int(cells["numerator"].sum()) if total else None,
    )


def suppressed(panel: Panel, law: Counted, **changes: Any) -> dict[tuple[str, str], float | None]:
    """(site, phase) -> count, None where hidden."""
    found, _ = with_site_counts(panel, {"x": law}, {"x": shown(panel, law, **changes)})
    return {
        (row.site, phase): count.numerator
        for row in found["x"].sites
        for phase, count in (("before", row.before), ("after", row.after))
        if count is not None
    }


def test_one_small_count_takes_the_smallest_other_one_that_protects_it() -> None:
    # before: 20, 3, 9, 6. The three needs five events beside it: the six is the cheapest.
    panel = example_panel(
        {"x": [[10, 10, 9, 9], [1, 2, 9, 9], [4, 5, 9, 9], [3, 3, 9, 9]]}, {"x": 1000}, [2, 2, 2, 2]
    )
    told = suppressed(panel, RATE)
    assert [told[site, "before"] for site in ("9901", "9902", "9903", "9904")] == [20, None, 9, None]
    assert all(told[site, "after"] == 18 for site in ("9901", "9902", "9903", "9904"))


def test_two_small_counts_that_come_to_little_are_not_enough() -> None:
    panel = example_panel({"x": [[20, 9], [2, 9], [1, 9], [7, 9], [30, 9]]}, {"x": 1000}, [1] * 5)
    told = suppressed(panel, RATE)
    assert [told[f"990{site}", "before"] for site in range(1, 6)] == [20, None, None, None, 30]


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    panel = example_panel({"x": [[20, 9], [12, 9], [0, 9]]}, {"x": 1000}, [1] * 3)
    told = suppressed(panel, RATE)
    assert None not in told.values()
    assert told["9903", "before"] == 0


def test_a_site_alone_with_its_small_count_hides_everything() -> None:
    panel = example_panel({"x": [[20, 9], [3, 9]]}, {"x": 1000}, [1, "never"])
    told = suppressed(panel, RATE)
    assert set(told.values()) == {None} or ("9901", "before") not in told
    small = example_panel({"x": [[3, 9, 9]]}, {"x": 1000}, [1])
    assert suppressed(small, RATE, levels=False, total=False)["9901", "before"] is None


def test_what_is_never_shown_by_site_is_protected_too() -> None:
    # The last months of site one lie beyond the window: 9 + 2, and nobody else has such months.
    numerators = [[9] * 2 + [9] * 12 + [1, 1], [9] * 16]
    panel = example_panel({"x": numerators}, {"x": 1000}, [2, 5])
    table = site_table(panel, {"x": RATE}, {"x": shown(panel, RATE, step=16)})
    rest = (table.site == "9901") & (table.phase == "rest")
    assert table.secret[rest].all()
    assert short_of(table, table.secret | ~table.shown, RATE)[rest] > 0


def test_complements_of_proportions_need_company_too() -> None:
    numerators = [[49, 30], [20, 30], [35, 30], [28, 30]]
    panel = example_panel({"x": numerators}, {"x": 50}, [1] * 4)
    told = suppressed(panel, SHARE)
    assert told["9901", "before"] is None
    assert sum(told[f"990{site}", "before"] is None for site in range(1, 5)) == 2


def test_counts_of_work_done_are_nobodys_but_small_denominators_are_hidden() -> None:
    process = Counted(kind="proportion", per=100, persons=False, audience=NETWORK)
    numerators = [[3, 2], [20, 30], [2, 9], [12, 9]]
    denominators = [[50, 50], [50, 50], [4, 50], [50, 50]]
    panel = example_panel({"x": numerators}, {"x": denominators}, [1] * 4)
    told = suppressed(panel, process, total=False)
    assert (told["9901", "before"], told["9901", "after"]) == (3, 2)
    assert told["9903", "before"] is None
    assert sum(count is None for count in told.values()) == 2, "one more, so that it cannot be subtracted"


def possible_width(table: Any, hidden: Any, row: int, caps: bool) -> float:
    """The width of one hidden count for the attacker of the proof, by linear programming."""
    unknown = [
        (index, stratum)
        for index in np.flatnonzero(hidden)
        for stratum in np.flatnonzero(table.denominators[index] > 0)
    ]
    strata = sorted({stratum for _, stratum in unknown})
    rows = np.array([[float(stratum == at) for _, stratum in unknown] for at in strata])
    sums = [sum(table.numerators[i, s] for i, s in unknown if s == at) for at in strata]
    weight = np.array([float(index == row) for index, _ in unknown])
    bounds = [(0, table.denominators[i, s] if caps else None) for i, s in unknown]
    ends = [linprog(sign * weight, A_eq=rows, b_eq=sums, bounds=bounds).fun * sign for sign in (1, -1)]
    return float(ends[1] - ends[0])


tables = st.integers(2, 4).flatmap(
    lambda sites: st.lists(
        st.lists(st.sampled_from([0, 1, 2, 3, 5, 8, 13]), min_size=6, max_size=6),
        min_size=sites,
        max_size=sites,
    )
)


@settings(max_examples=20, deadline=None)
@given(numerators=tables, data=st.data())
@pytest.mark.parametrize("law", [RATE, SHARE], ids=["rate", "proportion"])
def test_the_widths_that_are_written_down_are_those_of_the_programme(
    law: Counted, numerators: list[list[int]], data: st.DataObject
) -> None:
    starts = [data.draw(st.integers(1, 5)) for _ in numerators]
    panel = example_panel({"x": numerators}, {"x": 15}, starts)
    table = site_table(panel, {"x": law}, {"x": shown(panel, law, step=2, total=False)})
    there = table.denominators.sum(axis=1) > 0
    hidden = there & np.array([data.draw(st.booleans()) for _ in table.site])
    written = widths(table, hidden, law)
    for row in np.flatnonzero(hidden):
        assert written[row] == pytest.approx(possible_width(table, hidden, row, law is SHARE), abs=1e-6)


def fewest(table: Any, law: Counted) -> int:
    """The least number of further counts that protects the secrets, by trying all; -1 where none does."""
    free = np.flatnonzero(table.shown & ~table.secret)
    for size in range(len(free) + 1):
        for chosen in itertools.combinations(free, size):
            hidden = table.secret | ~table.shown
            hidden[list(chosen)] = True
            if not (short_of(table, hidden, law) > 1e-9).any():
                return size
    return -1


@settings(max_examples=20, deadline=None)
@given(numerators=tables, data=st.data())
def test_what_is_chosen_is_safe_and_close_to_the_fewest(
    numerators: list[list[int]], data: st.DataObject
) -> None:
    starts = [data.draw(st.integers(1, 5)) for _ in numerators]
    panel = example_panel({"x": numerators}, {"x": 1000}, starts)
    table = site_table(panel, {"x": RATE}, {"x": shown(panel, RATE, step=2, total=False)})
    hidden = choose_hidden(table, RATE)
    best = fewest(table, RATE)
    if hidden.all():
        return
    assert best >= 0
    assert not (short_of(table, hidden, RATE) > 1e-9).any()
    assert int((hidden & table.shown & ~table.secret).sum()) <= best + 1, "own events are not counted on"


@settings(max_examples=8, deadline=None)
@given(numerators=tables, data=st.data())
def test_the_honest_attack_finds_no_hidden_count(numerators: list[list[int]], data: st.DataObject) -> None:
    starts = [data.draw(st.integers(1, 5)) for _ in numerators]
    panel = example_panel({"x": numerators}, {"x": 1000}, starts)
    item = shown(panel, RATE, step=6)
    if any(True for _ in find_weaknesses(panel, {"x": RATE}, [item])):
        return  # what is said of all sites gives a number away: `counts` would not have shown it
    found, _ = with_site_counts(panel, {"x": RATE}, {"x": item})
    assert tuple(find_weaknesses(panel, {"x": RATE}, [found["x"]])) == ()


def test_a_network_of_the_nation_is_decided_in_seconds() -> None:
    rng = np.random.default_rng(3)
    sites, periods = 357, 96
    panel = example_panel(
        {"x": rng.poisson(rng.gamma(0.3, 0.3, (sites, 1)), (sites, periods)).tolist()},
        {"x": 900},
        [20 + index % 60 for index in range(sites)],
    )
    started = time.process_time()
    found, hidden = with_site_counts(panel, {"x": RATE}, {"x": shown(panel, RATE)})
    assert time.process_time() - started < 20
    assert hidden > 20
    assert hidden < len(found["x"].sites)
