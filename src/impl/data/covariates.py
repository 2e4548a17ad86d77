"""Covariates: what varied beside the bundle, by site and period or for all sites at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd

from impl.errors import Fault, nearest, shorten
from impl.files.calendar import Period
from impl.files.table import cell_of, read_amount, read_code, read_date, read_table
from impl.study.characters import plain
from impl.study.study import CovariateSource

EVERYWHERE = "*"
"""What stands in column `site` where the value is the same at all sites."""

Values = Mapping[tuple[str, str, date], float]
"""(covariate, site or EVERYWHERE, first day of the period) -> value; NaN where the cell is empty."""


def read_covariates(
    root: Path,
    source: CovariateSource,
    sites: Mapping[str, str],
    periods: Sequence[Period] | None,
    faults: list[Fault],
) -> Values | None:
    """Values of the declared covariates; faults are noted. `periods` None: not known, so not checked.

    Rows of covariates that are not in `source.use` are not read. Gaps are no faults here: a model refuses
    a covariate without a value in a cell that it needs.
    """
    table = read_table(
        root,
        source,
        required=("site", "period_start", "name", "value"),
        optional=(),
        numeric=("value",),
        dates=("period_start",),
        faults=faults,
    )
    if table is None:
        return None
    days = None if periods is None else {period.start for period in periods}
    seen: dict[str, date] = {}
    values: dict[tuple[str, str, date], float] = {}
    first_rows: dict[tuple[str, str, date], int] = {}
    spread: dict[tuple[str, date], tuple[bool, int]] = {}
    found: set[str] = set()
    for row, fields in table.rows:
        name = table.get(fields, "name")
        found.add(name)
        if name not in source.use:
            continue
        cells = {
            column: cell_of(table, row, fields, column, faults)
            for column in ("site", "period_start", "value")
        }
        site: str | None = EVERYWHERE
        if cells["site"].text != EVERYWHERE:
            site = read_code(cells["site"])
            if site is not None and site not in sites:
                cells["site"].refuse(
                    "data.unknown_site",
                    shorten(site, 40),
                    f"a site of the roll-out table, or {EVERYWHERE} for all sites",
                    nearest(site, sites) or "Check the spelling.",
                )
            elif site is not None:
                site = sites[site]
        day = read_date(cells["period_start"], seen)
        if day is not None and days is not None and day not in days:
            cells["period_start"].refuse(
                "data.unknown_period",
                str(day),
                "the first day of a period of the panel table",
                "Sum or average to the panel's periods, and leave out rows outside them.",
            )
        value = read_amount(cells["value"], signed=True, exponent=True) if cells["value"].text else nan
        if site is None or day is None or value is None:
            continue
        first = first_rows.setdefault((name, site, day), row)
        everywhere, at = spread.setdefault((name, day), (site == EVERYWHERE, row))
        if first != row or everywhere != (site == EVERYWHERE):
            cells["site"].refuse(
                "data.repeated_row",
                f"{shorten(site, 40)}, {day}, {name} again",
                f"one value a covariate, site and period (another in row {first if first != row else at})",
                "Delete one of the rows.",
            )
            continue
        values[name, site, day] = value
    for name in source.use:
        if name not in found:
            listed = ", ".join(plain(other, 30) for other in sorted(found)[:10])
            faults.append(
                Fault(
                    code="data.no_rows_for_covariate",
                    where=f"{table.shown}, column 'name'",
                    got=f"no row of {name} (found: {listed})",
                    allowed=f"rows of {name}",
                    fix=nearest(name, found) or "Add its rows, or take it out of 'covariates.use'.",
                )
            )
    return values


def covariate_table(
    values: Values, use: Sequence[str], sites: Sequence[str], periods: Sequence[Period]
) -> pd.DataFrame:
    """One row a site x period on the full grid, one column a covariate (see Panel.covariates)."""
    columns: dict[str, pd.Series] = {
        "site": pd.Series(np.repeat(list(sites), len(periods)), dtype="str"),
        "period": pd.Series(np.tile(np.arange(len(periods)), len(sites))),
    }
    for name in use:
        column = [
            values.get((name, site, period.start), values.get((name, EVERYWHERE, period.start), nan))
            for site in sites
            for period in periods
        ]
        columns[name] = pd.Series(column, dtype=float)
    return pd.DataFrame(columns)
