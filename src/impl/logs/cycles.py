"""PDSA cycles and the steps of the wheel: how the improvement work went, for the time line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from impl.errors import Fault, shorten
from impl.files.calendar import Period
from impl.files.table import cell_of, read_code
from impl.logs.log import (
    Setting,
    period_from,
    read_day,
    read_log,
    read_site,
    read_term,
    refuse_repeated,
    site_periods,
)
from impl.study.source import TableSource
from impl.study.vocabulary import spellings

PHASES = ("prepare", "plan", "do", "evaluate", "follow_up")
"""Steps of the wheel, in order."""


def read_cycles(setting: Setting, source: TableSource, faults: list[Fault]) -> list[dict[str, Any]] | None:
    """Cycles as rows of `site`, `cycle`, `date`, `predicted`, `decision`; faults are noted.

    `prediction` is free text and stays in the file; kept is whether anything was predicted. An empty
    `decision` is a cycle that is not finished.
    """
    table = read_log(
        setting,
        source,
        "cycles",
        required=("site", "cycle", "date", "decision"),
        optional=("prediction",),
        faults=faults,
    )
    if table is None:
        return None
    seen: dict[str, date] = {}
    first_rows: dict[tuple[str, str], int] = {}
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        cells = {
            column: cell_of(table, row, fields, column, faults)
            for column in ("site", "cycle", "date", "prediction", "decision")
        }
        site, cycle = read_site(cells["site"], setting.sites), read_code(cells["cycle"])
        values = {
            "site": site,
            "cycle": cycle,
            "date": read_day(cells["date"], seen),
            "predicted": bool(cells["prediction"].text),
            "decision": read_term(cells["decision"], spellings("improvement_cycle", "decision"), empty=""),
        }
        if site is not None and cycle is not None:
            refuse_repeated(
                cells["cycle"],
                (site, cycle),
                row,
                first_rows,
                got=f"cycle {shorten(cycle, 40)}",
                one="row a site and cycle",
                fix="Give each cycle a code of its own.",
            )
        if len(faults) == before:
            rows.append(values)
    return rows


def cycle_table(rows: Sequence[dict[str, Any]], periods: Sequence[Period]) -> pd.DataFrame:
    """Cycles in date order; `period` is the one that holds the date, NaN outside the data (see Panel.cycles)."""
    ordered = sorted(rows, key=lambda row: (row["date"], row["site"], row["cycle"]))
    holding = [
        next((i for i, period in enumerate(periods) if period.start <= row["date"] <= period.end), np.nan)
        for row in ordered
    ]
    return pd.DataFrame(
        {
            "site": pd.Series([row["site"] for row in ordered], dtype="str"),
            "cycle": pd.Series([row["cycle"] for row in ordered], dtype="str"),
            "date": pd.Series([row["date"] for row in ordered], dtype=object),
            "predicted": pd.Series([row["predicted"] for row in ordered], dtype=bool),
            "decision": pd.Series([row["decision"] for row in ordered], dtype="str"),
            "period": pd.Series(holding, dtype=float),
        }
    )


def read_phases(setting: Setting, source: TableSource, faults: list[Fault]) -> list[dict[str, Any]] | None:
    """When each site entered a step of the wheel: rows of `site`, `start`, `phase`. Going back is allowed."""
    table = read_log(
        setting, source, "phases", required=("site", "start", "phase"), optional=(), faults=faults
    )
    if table is None:
        return None
    words = {
        spelt: phase for spelt, phase in spellings("improvement_cycle", "wheel").items() if phase in PHASES
    }
    seen: dict[str, date] = {}
    first_rows: dict[tuple[str, date], int] = {}
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        cells = {column: cell_of(table, row, fields, column, faults) for column in ("site", "start", "phase")}
        site, start = read_site(cells["site"], setting.sites), read_day(cells["start"], seen)
        phase = read_term(cells["phase"], words)
        if site is not None and start is not None:
            refuse_repeated(
                cells["start"],
                (site, start),
                row,
                first_rows,
                got=f"{shorten(site, 40)}, {start}",
                one="step a site and day",
                fix="Delete one of the rows.",
            )
        if len(faults) == before:
            rows.append({"site": site, "start": start, "phase": phase})
    return rows


def phase_table(rows: Sequence[dict[str, Any]], periods: Sequence[Period]) -> pd.DataFrame:
    """Steps in date order by site, with `from_period` (see Panel.phases)."""
    ordered = sorted(rows, key=lambda row: (row["site"], row["start"]))
    return pd.DataFrame(
        {
            "site": pd.Series([row["site"] for row in ordered], dtype="str"),
            "start": pd.Series([row["start"] for row in ordered], dtype=object),
            "phase": pd.Series([row["phase"] for row in ordered], dtype="str"),
            "from_period": pd.Series([period_from(row["start"], periods) for row in ordered], dtype=int),
        }
    )


def phase_by_period(phases: pd.DataFrame, sites: Sequence[str], periods: Sequence[Period]) -> pd.DataFrame:
    """One row a site x period with `phase` (str): the step at its first day, "" before the first."""
    position = {site: index for index, site in enumerate(sites)}
    current = np.full((len(sites), len(periods)), "", dtype=object)
    for row in phases.sort_values(["site", "start"]).to_dict("records"):
        if row["site"] in position:
            current[position[row["site"]], row["from_period"] :] = row["phase"]
    return pd.DataFrame({**site_periods(sites, periods), "phase": pd.Series(current.ravel(), dtype="str")})
