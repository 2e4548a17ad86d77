"""The quality of a panel: what has come, what has not and why, what looks wrong, and whether it can be used.

Nothing is modelled and nothing is changed. A study of its own (notebook `10_data_quality`) makes a report of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal, get_args

import pandas as pd

from impl.data.findings import Finding
from impl.data.panel import Panel
from impl.data.suspicions import suspicions
from impl.data.twins import twins
from impl.errors import DataError, Fault
from impl.release.quality import LEFT_OUT, Why
from impl.study.load import read_measure
from impl.study.study import Study

ENOUGH = 0.80  # share of what is expected (the same limit at which gaps are called many: read.MANY_GAPS)
LATE = 92  # days from the last period delivered to the extraction (choice: a quarter)
GRAVE = (
    "exposure_jump",
    "lasting_change",
    "more_events_than_exposure",
    "unlike_other_sites",
    "unusual_level",
    "same_numbers",
)
"""Findings that would change a result by more than chance does, if they are mistakes."""

State = Literal["ready", "usable", "not_yet"]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A run of periods without a number, for one reason (`impl.release.quality.Why`). first, last: positions."""

    first: int
    last: int
    why: Why


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of a site's numbers have come.

    expected: periods without those left out on purpose. reported: of them with a number; hidden: of these, counts that
    the source gives as an interval. longest: periods of the longest gap. last: position of the last period with a
    number; days: from its end to the extraction, or to the end of the data where no extraction is stated.
    """

    measure: str
    site: str
    expected: int
    reported: int
    hidden: int
    gaps: tuple[Gap, ...]
    longest: int
    last: int | None
    days: int | None


@dataclass(frozen=True, kw_only=True)
class DataQuality:
    """What is known of the quality of a panel.

    state: `ready` (all has come, nothing looks wrong), `usable`, or `not_yet` (under ENOUGH in a measure, or a finding
    that is grave). coverage: by measure and site, in the order of the study and of the panel. periods: one row a
    measure and period, columns `measure`, `period`, `expected`, `reported`. left_out: one row a measure and reason,
    columns `measure`, `why`, `cells`, `sites`. findings: in the order in which they would be asked about.
    """

    state: State
    coverage: tuple[Coverage, ...]
    periods: pd.DataFrame
    left_out: pd.DataFrame
    findings: tuple[Finding, ...]


def check_quality(study: Study, panel: Panel) -> DataQuality:
    """Look at everything. Raises DataError for a panel without word of its gaps (one not made by `read_panel`)."""
    if panel.gaps is None:
        raise DataError(
            [
                Fault(
                    code="quality.no_gaps",
                    where=study.id,
                    got="a panel that does not say why numbers are missing",
                    allowed="a panel as impl.read_panel gives it",
                    fix="Read it with impl.read_panel(study).",
                )
            ]
        )
    measures = {name: read_measure(name, study.root) for name in study.measures.declared}
    known = panel.cells["observed"] | panel.cells["at_most"].notna()
    meant = panel.gaps[panel.gaps["why"].isin(LEFT_OUT)].set_index(["measure", "site", "period"]).index
    keys = panel.cells.set_index(["measure", "site", "period"]).index
    cells = panel.cells.assign(reported=known, expected=~keys.isin(meant))
    by_site = dict(iter(cells.groupby(["measure", "site"], sort=False)))
    gaps = dict(iter(panel.gaps.groupby(["measure", "site"], sort=False)))
    coverage = tuple(
        _coverage(panel, by_site[measure, site], gaps.get((measure, site)))
        for measure in measures
        for site in panel.sites
    )
    findings = (*_late(coverage, panel), *twins(panel.cells, panel.names, list(measures)))
    findings += tuple(suspicions(panel.cells, measures))
    order = {name: at for at, name in enumerate(measures)}
    return DataQuality(
        state=_state(coverage, findings),
        coverage=coverage,
        periods=_periods(cells, order),
        left_out=_left_out(panel.gaps, order),
        findings=findings,
    )


def _coverage(panel: Panel, cells: pd.DataFrame, gaps: pd.DataFrame | None) -> Coverage:
    expected = cells["expected"]
    reported = cells.loc[cells["reported"] & expected, "period"]
    last = int(reported.max()) if len(reported) else None
    until = panel.vintage or panel.periods[-1].end
    found = () if gaps is None else _runs(gaps)
    longest = _longest(gaps)
    return Coverage(
        measure=str(cells["measure"].iloc[0]),
        site=str(cells["site"].iloc[0]),
        expected=int(expected.sum()),
        reported=len(reported),
        hidden=int((cells["at_most"].notna() & expected).sum()),
        gaps=found,
        longest=longest,
        last=last,
        days=None if last is None else _days(panel.periods[last].end, until),
    )


def _days(end: date, until: date) -> int:
    return max((until - end).days, 0)


def _runs(gaps: pd.DataFrame) -> tuple[Gap, ...]:
    """Runs of periods that follow each other and have one reason."""
    rows = list(zip(gaps["period"], gaps["why"], strict=True))
    edges = [
        0,
        *(at for at, (one, next_one) in enumerate(pairwise(rows), 1) if next_one != (one[0] + 1, one[1])),
        len(rows),
    ]
    return tuple(
        Gap(first=int(rows[first][0]), last=int(rows[until - 1][0]), why=rows[first][1])
        for first, until in pairwise(edges)
    )


def _longest(gaps: pd.DataFrame | None) -> int:
    """Periods in a row without a number that somebody should have sent, whatever the reasons are."""
    if gaps is None:
        return 0
    periods = gaps.loc[~gaps["why"].isin(LEFT_OUT), "period"].to_numpy()
    longest = length = 0
    for at, period in enumerate(periods):
        length = length + 1 if at and period == periods[at - 1] + 1 else 1
        longest = max(longest, length)
    return longest


def _late(coverage: tuple[Coverage, ...], panel: Panel) -> tuple[Finding, ...]:
    """Sites behind the others: their last period is older than a quarter, and others have newer ones."""
    newest = {
        item.measure: max((row.last or 0) for row in coverage if row.measure == item.measure)
        for item in coverage
    }
    found = []
    for item in coverage:
        open_end = item.gaps and item.gaps[-1].last == len(panel.periods) - 1
        if item.last is None or item.days is None or not open_end or item.gaps[-1].why in LEFT_OUT:
            continue
        if item.last < newest[item.measure] and item.days >= LATE:
            found.append(
                Finding(
                    code="late",
                    measure=item.measure,
                    site=item.site,
                    first=item.last + 1,
                    last=newest[item.measure],
                    values={"days": item.days},
                )
            )
    return tuple(found)


def _state(coverage: tuple[Coverage, ...], findings: tuple[Finding, ...]) -> State:
    measures = dict.fromkeys(item.measure for item in coverage)
    for measure in measures:
        mine = [item for item in coverage if item.measure == measure]
        if sum(item.reported for item in mine) < ENOUGH * sum(item.expected for item in mine):
            return "not_yet"
    if any(finding.code in GRAVE for finding in findings):
        return "not_yet"
    complete = all(item.reported == item.expected for item in coverage)
    return "ready" if complete and not findings else "usable"


def _periods(cells: pd.DataFrame, order: dict[str, int]) -> pd.DataFrame:
    counted = cells.assign(reported=cells["reported"] & cells["expected"])
    table = counted.groupby(["measure", "period"], as_index=False)[["expected", "reported"]].sum()
    table["order"] = table["measure"].map(order)
    return table.sort_values(["order", "period"]).drop(columns="order").reset_index(drop=True)


def _left_out(gaps: pd.DataFrame, order: dict[str, int]) -> pd.DataFrame:
    table = gaps.groupby(["measure", "why"], as_index=False).agg(
        cells=("site", "size"), sites=("site", "nunique")
    )
    table["order"] = table["measure"].map(order)
    table["reason"] = table["why"].map({why: at for at, why in enumerate(get_args(Why))})
    return table.sort_values(["order", "reason"]).drop(columns=["order", "reason"]).reset_index(drop=True)
