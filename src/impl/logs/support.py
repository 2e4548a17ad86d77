"""When active support ended at each site, and pauses: two steps forward and one back is an allowed state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import nan
from typing import Any

import pandas as pd

from impl.errors import Fault, shorten
from impl.files.calendar import Period
from impl.files.table import Cell, cell_of
from impl.logs.log import Setting, read_day, read_log, read_site
from impl.study.source import TableSource

COLUMNS = ("site", "support_end", "pause_start", "pause_end")


def read_support(setting: Setting, source: TableSource, faults: list[Fault]) -> list[dict[str, Any]] | None:
    """Rows of COLUMNS; faults are noted. A site may have several rows, one for each pause.

    support_end: last day of active support, at most one a site. pause_start, pause_end: first and last day
    without the bundle; an empty end is a pause that still lasts. All lie on or after the site's start.
    """
    table = read_log(setting, source, "support", required=("site",), optional=COLUMNS[1:], faults=faults)
    if table is None:
        return None
    seen: dict[str, date] = {}
    ends: dict[str, tuple[date, int]] = {}
    pauses: dict[str, list[tuple[date, date, int]]] = {}
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        cells = {column: cell_of(table, row, fields, column, faults) for column in COLUMNS}
        site = read_site(cells["site"], setting.sites)
        days = {
            column: read_day(cells[column], seen) if cells[column].text else None for column in COLUMNS[1:]
        }
        if not any(cells[column].text for column in COLUMNS[1:]):
            cells["site"].refuse(
                "data.empty_row",
                "a site without a day",
                "given with support_end or pause_start",
                "Fill in a day, or leave the row out.",
            )
        if site is not None and len(faults) == before:
            _check_order(cells, days, setting.starts.get(site))
            _check_once(cells["support_end"], row, site, days["support_end"], ends)
            _check_pause(cells["pause_start"], row, site, days, pauses)
        if len(faults) == before:
            rows.append({"site": site, **days})
    return rows


def _check_order(cells: Mapping[str, Cell], days: Mapping[str, date | None], start: date | None) -> None:
    for column in ("support_end", "pause_start"):
        day = days[column]
        if day is not None and start is not None and day < start:
            cells[column].refuse(
                "data.before_rollout", str(day), f"on or after the site's start, {start}", "Check the date."
            )
    first, last = days["pause_start"], days["pause_end"]
    if last is not None and first is None:
        cells["pause_start"].refuse(
            "data.empty_text", "nothing", "given where pause_end is", "Write the first day of the pause."
        )
    if first is not None and last is not None and last < first:
        cells["pause_end"].refuse(
            "data.end_before_start", str(last), f"on or after the start, {first}", "Check the two dates."
        )


def _check_once(cell: Cell, row: int, site: str, day: date | None, ends: dict[str, tuple[date, int]]) -> None:
    if day is None:
        return
    first, at = ends.setdefault(site, (day, row))
    if first != day:
        cell.refuse(
            "data.two_ends",
            f"{day} for site {shorten(site, 40)}",
            f"one end of support a site ({first} in row {at})",
            "Keep one; a second round of support is a new study, or a pause.",
        )


def _check_pause(
    cell: Cell,
    row: int,
    site: str,
    days: Mapping[str, date | None],
    pauses: dict[str, list[tuple[date, date, int]]],
) -> None:
    first = days["pause_start"]
    if first is None:
        return
    last = days["pause_end"] or date.max
    for earlier, until, at in pauses.get(site, []):
        if first <= until and earlier <= last:
            cell.refuse(
                "data.overlapping_pauses",
                f"a pause from {first}",
                f"outside the pause in row {at}",
                "Join the two, or mend a date.",
            )
            return
    pauses.setdefault(site, []).append((first, last, row))


def support_table(rows: Sequence[dict[str, Any]], periods: Sequence[Period]) -> pd.DataFrame:
    """The rows in date order by site, with positions (see Panel.support).

    A period with the bundle or the support in only a part of it is not one with it, as for a stop.
    """
    ordered = sorted(rows, key=lambda row: (row["site"], row["pause_start"] or date.min))
    columns: dict[str, pd.Series] = {"site": pd.Series([row["site"] for row in ordered], dtype="str")}
    for name in COLUMNS[1:]:
        columns[name] = pd.Series([row[name] for row in ordered], dtype=object)
    columns["support_end_period"] = _positions([row["support_end"] for row in ordered], periods, after=True)
    columns["pause_from"] = _positions([row["pause_start"] for row in ordered], periods, after=False)
    columns["pause_until"] = _positions([row["pause_end"] for row in ordered], periods, after=True)
    return pd.DataFrame(columns)


def _positions(days: Sequence[date | None], periods: Sequence[Period], *, after: bool) -> pd.Series:
    """First period that begins after each day, or the first that is touched by it or later; NaN without a day.

    The position after the last where there is no such period.
    """
    found = []
    for day in days:
        if day is None:
            found.append(nan)
            continue
        flags = [period.start > day if after else period.end >= day for period in periods]
        found.append(float(flags.index(True)) if any(flags) else float(len(periods)))
    return pd.Series(found, dtype=float)
