"""Fidelity audits: how many of those eligible got the bundle, or one component of it, as planned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import nan
from typing import Any

import pandas as pd

from impl.errors import Fault, nearest, shorten
from impl.files.calendar import Period
from impl.files.table import Cell, cell_of, read_count, read_word
from impl.logs.log import Setting, read_component, read_day, read_log, read_site, refuse_repeated
from impl.study.study import ALL_COMPONENTS, FidelitySource

NOT_REPORTED = "not_reported"


def read_fidelity(
    setting: Setting, source: FidelitySource, periods: Sequence[Period] | None, faults: list[Fault]
) -> list[dict[str, Any]] | None:
    """Audits as rows of `site`, `period_start`, `component`, `delivered`, `eligible`; faults are noted.

    component: of the bundle, or `all` for those who got every part. An audit that was not made has no row,
    or empty counts and the status not_reported; 0 of 0 is one as well. It is never 0. Audits from before a
    site's start are baseline practice. periods None: not known, so not checked.
    """
    table = read_log(
        setting,
        source,
        "fidelity",
        required=("site", "period_start", "component", "delivered", "eligible"),
        optional=("status",),
        faults=faults,
        numeric=("delivered", "eligible"),
    )
    if table is None:
        return None
    days = None if periods is None else {period.start for period in periods}
    seen: dict[str, date] = {}
    first_rows: dict[tuple[str, date, str], int] = {}
    found: set[str] = set()
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        cells = {
            column: cell_of(table, row, fields, column, faults)
            for column in ("site", "period_start", "component", "delivered", "eligible", "status")
        }
        site = read_site(cells["site"], setting.sites)
        day = read_day(cells["period_start"], seen)
        if day is not None and days is not None and day not in days:
            cells["period_start"].refuse(
                "data.unknown_period",
                str(day),
                "the first day of a period of the panel table",
                "Move the audit to its period, and leave out audits from outside the data.",
            )
        component = read_component(cells["component"], setting, also=(ALL_COMPONENTS,))
        counts = _counts(cells)
        if component is not None:
            found.add(component)
        if site is not None and day is not None and component is not None:
            refuse_repeated(
                cells["component"],
                (site, day, component),
                row,
                first_rows,
                got=f"{shorten(site, 40)}, {day}, {shorten(component, 40)}",
                one="audit a site, period and component",
                fix="Add the two together, or delete one of them.",
            )
        if len(faults) == before and counts is not None:
            rows.append(
                {
                    "site": site,
                    "period_start": day,
                    "component": component,
                    "delivered": counts[0],
                    "eligible": counts[1],
                }
            )
    if table.rows and source.component not in found and not faults:
        listed = ", ".join(sorted(found)[:10])
        faults.append(
            Fault(
                code="data.no_rows_for_component",
                where=f"{table.shown}, column 'component'",
                got=f"no audit of {source.component} (found: {listed})",
                allowed=f"audits of {source.component}, as 'fidelity.component' says",
                fix=nearest(source.component, found) or "Add its audits, or name another in the study file.",
            )
        )
    return rows


def _counts(cells: dict[str, Cell]) -> tuple[float, float] | None:
    """Delivered and eligible, NaN for an audit that was not made; None after a fault."""
    status = read_word(cells["status"], ("observed", NOT_REPORTED), empty="observed")
    delivered, eligible = cells["delivered"], cells["eligible"]
    if status is None:
        return None
    if status == NOT_REPORTED:
        if delivered.text:
            delivered.refuse(
                "data.number_in_gap",
                shorten(delivered.text),
                f"empty where the status is {NOT_REPORTED}",
                "Empty the cell, or write observed.",
            )
            return None
        return nan, nan
    missing = [cell for cell in (delivered, eligible) if not cell.text]
    for cell in missing:
        cell.refuse(
            "data.missing_count",
            "nothing",
            "a whole number",
            f"An audit that was not made is no 0: leave the row out, or write {NOT_REPORTED} in 'status'.",
        )
    if missing:
        return None
    k, n = read_count(delivered), read_count(eligible)
    if k is None or n is None:
        return None
    if k > n:
        delivered.refuse(
            "data.more_delivered_than_eligible", f"{k:g} of {n:g}", f"at most {n:g}", "Check the two counts."
        )
        return None
    return (k, n) if n else (nan, nan)


def fidelity_table(rows: Sequence[dict[str, Any]], periods: Sequence[Period]) -> pd.DataFrame:
    """Audits by site, period and component, with `period` and `reported` (see Panel.fidelity)."""
    position = {period.start: index for index, period in enumerate(periods)}
    ordered = sorted(rows, key=lambda row: (row["site"], row["period_start"], row["component"]))
    table = pd.DataFrame(
        {
            "site": pd.Series([row["site"] for row in ordered], dtype="str"),
            "period": pd.Series([position[row["period_start"]] for row in ordered], dtype=int),
            "component": pd.Series([row["component"] for row in ordered], dtype="str"),
            "delivered": pd.Series([row["delivered"] for row in ordered], dtype=float),
            "eligible": pd.Series([row["eligible"] for row in ordered], dtype=float),
        }
    )
    return table.assign(reported=table["eligible"].notna())
