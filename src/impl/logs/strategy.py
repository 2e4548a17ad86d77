"""The strategy log: what was done to bring the bundle in, against which barrier, and how hard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from impl.errors import Fault
from impl.files.calendar import Period
from impl.files.table import cell_of
from impl.logs.log import (
    Setting,
    in_force,
    period_from,
    read_day,
    read_end,
    read_log,
    read_site,
    read_term,
    read_terms,
    site_periods,
)
from impl.study.source import TableSource
from impl.study.vocabulary import spellings

INTENSITIES = ("diffusion", "dissemination", "implementation")
"""Let it happen, help it happen, make it happen: 1, 2 and 3 of the ordered exposure, 0 without a strategy."""
COLUMNS = ("site", "start", "end", "strategy", "barrier", "intensity")


def read_strategies(
    setting: Setting, source: TableSource, faults: list[Fault]
) -> list[dict[str, Any]] | None:
    """Strategies as rows of COLUMNS; faults are noted.

    strategy: of ERIC. barrier: constructs of CFIR 2.0, separated by a semicolon; empty where
    `why_no_barrier` says why, in words that stay in the file. intensity: also spredning, formidling,
    implementering.
    """
    table = read_log(
        setting,
        source,
        "strategies",
        required=("site", "start", "strategy", "intensity"),
        optional=("end", "barrier", "why_no_barrier"),
        faults=faults,
    )
    if table is None:
        return None
    seen: dict[str, date] = {}
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        cells = {
            column: cell_of(table, row, fields, column, faults) for column in (*COLUMNS, "why_no_barrier")
        }
        start = read_day(cells["start"], seen)
        values = {
            "site": read_site(cells["site"], setting.sites),
            "start": start,
            "end": read_end(cells["end"], start, seen),
            "strategy": read_term(cells["strategy"], spellings("eric")),
            "barrier": read_terms(cells["barrier"], spellings("cfir")),
            "intensity": read_term(cells["intensity"], spellings("implementation_intensity")),
        }
        if values["barrier"] == "" and not cells["why_no_barrier"].text:
            cells["barrier"].refuse(
                "data.no_barrier",
                "nothing",
                "a construct of CFIR, or a reason in 'why_no_barrier'",
                "Name the barrier that the strategy meets, or say why there is none.",
            )
        if len(faults) == before:
            rows.append(values)
    return rows


def strategy_table(rows: Sequence[dict[str, Any]], periods: Sequence[Period]) -> pd.DataFrame:
    """Strategies in date order, with `from_period` (see Panel.strategies)."""
    ordered = sorted(rows, key=lambda row: (row["start"], row["site"]))
    columns: dict[str, pd.Series] = {}
    for name in COLUMNS:
        dtype = object if name in ("start", "end") else "str"
        columns[name] = pd.Series([row[name] for row in ordered], dtype=dtype)
    columns["from_period"] = pd.Series([period_from(row["start"], periods) for row in ordered], dtype=int)
    return pd.DataFrame(columns)


def intensity_by_period(
    strategies: pd.DataFrame, sites: Sequence[str], periods: Sequence[Period]
) -> pd.DataFrame:
    """Ordered exposure: one row a site x period with `intensity` (int): the highest in force at its first day.

    0 no strategy, 1 diffusion, 2 dissemination, 3 implementation.
    """
    position = {site: index for index, site in enumerate(sites)}
    starts = np.array([period.start for period in periods], dtype=object)
    highest = np.zeros((len(sites), len(periods)), dtype=int)
    for row in strategies.to_dict("records"):
        if row["site"] in position:
            force = in_force(row["from_period"], row["end"], starts)
            level = INTENSITIES.index(row["intensity"]) + 1
            place = position[row["site"]]
            highest[place] = np.maximum(highest[place], np.where(force, level, 0))
    return pd.DataFrame({**site_periods(sites, periods), "intensity": pd.Series(highest.ravel(), dtype=int)})
