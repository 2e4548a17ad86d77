"""The adaptation log: which local modifications were made, when, and whether they kept the core."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from impl.data.panel import Period
from impl.data.table import cell_of, read_code, read_date, read_table, read_word
from impl.errors import Fault, nearest, shorten

ANSWERS = ("yes", "no", "unknown")
COLUMNS = ("site", "start", "end", "component", "nature", "consistent", "planned")


def read_adaptations(
    root: Path, file: str, sites: Collection[str], faults: list[Fault]
) -> list[dict[str, Any]] | None:
    """Modifications as rows of COLUMNS; faults are noted. An empty log is a log: nothing was modified.

    `end` may be empty (still in force). Columns beside COLUMNS are not read: free text stays in the file.
    """
    table = read_table(
        root,
        file,
        required=("site", "start", "component", "nature", "consistent"),
        optional=("end", "planned"),
        numeric=(),
        faults=faults,
    )
    if table is None:
        return None
    seen: dict[str, date] = {}
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        cell = {column: cell_of(table, row, fields, column, faults) for column in COLUMNS}
        site = read_code(cell["site"])
        if site is not None and site not in sites:
            cell["site"].refuse(
                "data.unknown_site",
                shorten(site, 40),
                "a site of the roll-out table",
                nearest(site, sites) or "Check the spelling.",
            )
        start = read_date(cell["start"], seen)
        end = read_date(cell["end"], seen) if cell["end"].text else None
        if start is not None and end is not None and end < start:
            cell["end"].refuse(
                "data.end_before_start", str(end), f"on or after the start, {start}", "Check the two dates."
            )
        values = {
            "site": site,
            "start": start,
            "end": end,
            "component": read_code(cell["component"]),
            "nature": read_code(cell["nature"]),
            "consistent": read_word(cell["consistent"], ANSWERS),
            "planned": read_word(cell["planned"], ANSWERS, empty="unknown"),
        }
        if len(faults) == before:
            rows.append(values)
    return rows


def adaptation_table(rows: Sequence[dict[str, Any]], periods: Sequence[Period]) -> pd.DataFrame:
    """The log in date order, with the first period that begins on or after each start (see Panel)."""
    ordered = sorted(rows, key=lambda row: (row["start"], row["site"]))
    from_period = [
        next((index for index, period in enumerate(periods) if period.start >= row["start"]), len(periods))
        for row in ordered
    ]
    columns: dict[str, pd.Series] = {}
    for name in COLUMNS:
        dtype = object if name in ("start", "end") else "str"
        columns[name] = pd.Series([row[name] for row in ordered], dtype=dtype)
    columns["from_period"] = pd.Series(from_period, dtype=int)
    return pd.DataFrame(columns)
