"""What a reader should know of a roll-out, found in its table; and its diagram as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations, pairwise
from typing import cast

import pandas as pd

from impl.data.panel import Panel, PanelWarning, Period
from impl.data.rollout import Start
from impl.study.study import Study
from impl.study.vocabulary import fold

PANDEMIC = date(2020, 3, 12)  # strict national measures in Norway began
BEFORE_PANDEMIC = date(2019, 9, 12)  # six months earlier
LONG_GAP = 12  # months between consecutive starts (choice)
FEW_SITES = 8  # fewer cannot tell how much sites differ (choice)
FEW_SEQUENCES = 4  # fewer steps hardly tell time from effect (choice)
NAMED_PAIRS = 5  # pairs of overlapping sites that are named one by one (choice)


def rollout_warnings(
    study: Study, starts: Mapping[str, Start], names: Mapping[str, str], periods: Sequence[Period]
) -> Iterator[PanelWarning]:
    """What is found in one roll-out. starts: of the study's bundle. names: site -> name."""
    by = study.rollout.starts
    before_data = [start for start in starts.values() if start.state == "before-data"]
    if before_data:
        yield PanelWarning(code="treated_before_data", values={"sites": len(before_data)})
    days = ((start.effective_start(by), start.site) for start in starts.values())
    dated = sorted((day, site) for day, site in days if day is not None)
    last = periods[-1].end
    after = sum(day > last for day, _ in dated)
    if after:
        yield PanelWarning(code="start_after_data", values={"sites": after})
    modelled = len(starts) - len(before_data)
    if 1 < modelled < FEW_SITES:
        yield PanelWarning(code="few_sites", values={"sites": modelled})
    yield from _allocation(starts, by)
    for (earlier, site), (later, _) in pairwise(dated):
        months = (later.year - earlier.year) * 12 + later.month - earlier.month - (later.day < earlier.day)
        if months > LONG_GAP:
            yield PanelWarning(
                code="long_gap_between_starts", values={"months": months, "after_site": names[site]}
            )
    if periods[0].start <= PANDEMIC <= last:
        close = sum(BEFORE_PANDEMIC <= day <= PANDEMIC for day, _ in dated)
        if close:
            yield PanelWarning(code="starts_before_pandemic", values={"sites": close})
    if study.kind == "stepped_wedge":
        yield from _steps([day for day, _ in dated if day <= last], modelled, periods)
    yield from _overlaps(starts, names, by)
    kinds = {fold(start.kind) for start in starts.values() if start.kind and start.state != "before-data"}
    if len(kinds) > 1:
        yield PanelWarning(code="mixed_kinds", values={"count": len(kinds)})


def _allocation(starts: Mapping[str, Start], by: str) -> Iterator[PanelWarning]:
    """Starts that were not as allocated, and which of the two counts."""
    rows = starts.values()
    moved = sum(
        start.allocated_start is not None
        and start.actual_start is not None
        and start.allocated_start != start.actual_start
        for start in rows
    )
    crossed = sum(
        start.effective_state("allocated") != start.state and start.state != "before-data" for start in rows
    )
    if moved and by == "allocated":
        yield PanelWarning(code="not_on_allocated_date", values={"sites": moved})
    if crossed and by == "allocated":
        yield PanelWarning(code="not_as_allocated", values={"sites": crossed})
    if (moved or crossed) and by == "actual":
        yield PanelWarning(code="per_protocol", values={"sites": moved + crossed})


def _steps(days: Sequence[date], modelled: int, periods: Sequence[Period]) -> Iterator[PanelWarning]:
    """Steps of a stepped wedge: how many, how many sites at each, and from when none is left to compare with."""
    steps = Counter((day.year, day.month) for day in days)
    if 1 < len(steps) < FEW_SEQUENCES:
        yield PanelWarning(code="few_sequences", values={"count": len(steps)})
    alone = sum(count == 1 for count in steps.values())
    if len(steps) > 1 and 2 * alone >= len(steps):
        yield PanelWarning(code="sequences_of_one_site", values={"count": alone, "number": len(steps)})
    if len(days) == modelled and days and max(days) <= periods[-1].start:
        yield PanelWarning(code="no_concurrent_controls", values={"since": max(days).isoformat()})


def _overlaps(starts: Mapping[str, Start], names: Mapping[str, str], by: str) -> Iterator[PanelWarning]:
    """Pairs of sites that cover the same area, and areas that got the bundle twice."""
    covered = {site: {fold(area) for area in start.areas} for site, start in starts.items() if start.areas}
    pairs = []
    for first, second in combinations(sorted(covered), 2):
        if covered[first] & covered[second]:
            small, large = sorted((first, second), key=lambda site: (len(covered[site]), site))
            pairs.append((small, large))
    if len(pairs) > NAMED_PAIRS:
        yield PanelWarning(code="areas_overlap", values={"count": len(pairs)})
        return
    for small, large in pairs:
        code = "nested_area" if covered[small] < covered[large] else "overlapping_area"
        yield PanelWarning(code=code, values={"place": names[small], "other": names[large]})
        earlier, later = sorted((small, large), key=lambda site: _since(starts[site], by))
        if _since(starts[earlier], by) < _since(starts[later], by) < date.max:
            values: dict[str, float | int | str] = {"place": names[later], "other": names[earlier]}
            yield PanelWarning(code="exposed_again", values=values)


def _since(start: Start, by: str) -> date:
    return date.min if start.state == "before-data" else start.effective_start(by) or date.max


DIAGRAM = ("without", "transition", "with", "paused", "stopped", "before-data")
"""States of a site in a period, as the design diagram draws them."""


def design_diagram(panel: Panel) -> pd.DataFrame:
    """The design as data: one row a site and run of periods in one state.

    Columns `site`, `name`, `sequence` (1 for the first step; NaN without a start within the data), `state` (a
    word of DIAGRAM), `from_period`, `to_period` (positions, both belong to it), `start`, `end` (their dates)
    and `observed` (bool: whether any cell of the run has a number). Sites in order of start, then of code.
    """
    rollout = panel.rollout.set_index("site")
    known = panel.cells["observed"] | panel.cells["at_most"].notna()
    seen = known.groupby([panel.cells["site"], panel.cells["period"]]).any().to_dict()
    begins = rollout.loc[rollout["start_period"] < len(panel.periods), "start_period"]
    steps = {start: number for number, start in enumerate(sorted(set(begins)), 1)}
    rows = []
    for site in sorted(panel.sites, key=lambda site: (rollout["start_period"].fillna(1e9)[site], site)):
        row = cast("pd.Series", rollout.loc[site])
        for state, first, until in state_runs(panel, row, site):
            rows.append(
                {
                    "site": site,
                    "name": panel.names[site],
                    "sequence": steps.get(row["start_period"], float("nan")),
                    "state": state,
                    "from_period": first,
                    "to_period": until - 1,
                    "start": panel.periods[first].start,
                    "end": panel.periods[until - 1].end,
                    "observed": any(bool(seen[site, period]) for period in range(first, until)),
                }
            )
    return pd.DataFrame(rows)


def state_runs(panel: Panel, row: pd.Series, site: str) -> Iterator[tuple[str, int, int]]:
    """Runs of periods of one site in one state: the state, the first period, and the one after the last.

    row: of the site, in the roll-out that is meant.
    """
    states = [_state(panel, row, site, period) for period in range(len(panel.periods))]
    edges = [0, *(at for at in range(1, len(states)) if states[at] != states[at - 1]), len(states)]
    for first, until in pairwise(edges):
        yield states[first], first, until


def _state(panel: Panel, row: pd.Series, site: str, period: int) -> str:
    if row["state"] == "before-data":
        return "before-data"
    if period >= row["stop_period"]:
        return "stopped"
    if period >= row["transition_from"] and period < row["start_period"]:
        return "transition"
    if not period >= row["start_period"]:
        return "without"
    if panel.support is not None:
        pauses = panel.support[(panel.support["site"] == site) & panel.support["pause_from"].notna()]
        until = pauses["pause_until"].fillna(float("inf"))
        if ((pauses["pause_from"] <= period) & (period < until)).any():
            return "paused"
    return "with"
