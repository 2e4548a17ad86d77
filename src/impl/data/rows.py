"""The panel table row by row: what is readable, and every fault with its place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import isnan, nan

from impl.data.calendar import Span
from impl.data.table import (
    Table,
    cell_of,
    read_amount,
    read_code,
    read_count,
    read_date,
    read_table,
    read_word,
)
from impl.errors import Fault, nearest, shorten
from impl.study.catalogue import Measure
from impl.study.characters import plain
from impl.study.study import Study

STATUSES = ("observed", "suppressed", "not_reported", "missing")
REQUIRED = ("site", "period_start", "period_end", "measure", "numerator", "denominator")
OPTIONAL = ("status", "at_most", "vintage", "sum_squares", "name")
NUMERIC = ("numerator", "denominator", "at_most", "sum_squares")


@dataclass(kw_only=True)
class Rows:
    """Readable rows of the panel table as parallel lists, and what was seen on the way.

    sites: code -> first row. spans: (start, end) -> first row. dropped: rows with no exposure and no events.
    """

    site: list[str] = field(default_factory=list)
    span: list[Span] = field(default_factory=list)
    measure: list[str] = field(default_factory=list)
    numbers: list[tuple[float, float, float]] = field(default_factory=list)
    observed: list[bool] = field(default_factory=list)
    sites: dict[str, int] = field(default_factory=dict)
    spans: dict[Span, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    vintage: date | None = None
    dropped: int = 0


def read_rows(study: Study, measures: Mapping[str, Measure], today: date, faults: list[Fault]) -> Rows | None:
    table = read_table(
        study.root, study.data.file, required=REQUIRED, optional=OPTIONAL, numeric=NUMERIC, faults=faults
    )
    if table is None:
        return None
    if not table.rows:
        faults.append(
            _fault(
                "data.empty_table",
                table.shown,
                "a header without rows",
                "one row a site, period and measure",
                "Export the table again.",
            )
        )
        return None
    rows = Rows()
    dates: dict[str, date] = {}
    codes: dict[str, str] = {}
    first_rows: dict[tuple[str, str, date], int] = {}
    found: set[str] = set()
    for row, fields in table.rows:
        name = table.get(fields, "measure")
        found.add(name)
        measure = measures.get(name)
        if measure is None:
            continue  # other measures may share the file
        written = table.get(fields, "site")
        site = codes.get(written) or read_code(cell_of(table, row, fields, "site", faults))
        span = _span(table, row, fields, dates, today, faults)
        numbers = _numbers(table, row, fields, measure, rows, faults)
        _details(table, row, fields, site, dates, today, rows, faults)
        if site is not None:
            codes[written] = site
            rows.sites.setdefault(site, row)
        if span is not None:
            rows.spans.setdefault(span, row)
        if site is None or span is None:
            continue
        first = first_rows.setdefault((name, site, span[0]), row)
        if first != row:
            where = f"{table.shown}, row {row}"
            faults.append(
                _fault(
                    "data.repeated_row",
                    where,
                    f"{shorten(site, 40)}, {span[0]}, {name} again",
                    f"one row a site, period and measure (first in row {first})",
                    "Delete one of the rows, or sum them.",
                )
            )
        elif numbers is not None:
            rows.site.append(site)
            rows.span.append(span)
            rows.measure.append(name)
            rows.numbers.append(numbers)
            rows.observed.append(not isnan(numbers[0]))
    faults.extend(_unknown_measures(table.shown, measures, found))
    faults.extend(_near_duplicates(table.shown, rows.sites))
    return rows


def _span(
    table: Table, row: int, fields: list[str], dates: dict[str, date], today: date, faults: list[Fault]
) -> Span | None:
    start = read_date(cell_of(table, row, fields, "period_start", faults), dates)
    cell = cell_of(table, row, fields, "period_end", faults)
    end = read_date(cell, dates)
    if start is None or end is None:
        return None
    if end < start:
        cell.refuse(
            "data.period_order", str(end), f"on or after period_start, {start}", "Check the two dates."
        )
        return None
    if end > today:
        cell.refuse(
            "data.future_period",
            str(end),
            f"today, {today}, or earlier",
            "Leave out periods that are not over: their counts are not complete.",
        )
        return None
    return start, end


def _numbers(
    table: Table, row: int, fields: list[str], measure: Measure, rows: Rows, faults: list[Fault]
) -> tuple[float, float, float] | None:
    """Numerator, denominator and sum of squares; NaN for a declared gap, None after a fault."""
    before = len(faults)
    nothing = (nan, nan, nan)
    status = table.get(fields, "status") or "observed"
    if status != "observed":
        read = read_word(cell_of(table, row, fields, "status", faults), STATUSES)
        _check_gap(table, row, fields, status if read else None, faults)
        return nothing if len(faults) == before else None
    at_most = cell_of(table, row, fields, "at_most", faults)
    if at_most.text:
        at_most.refuse(
            "data.at_most",
            shorten(at_most.text),
            "empty in an observed row",
            "Write suppressed in 'status', or empty the cell.",
        )
    top = cell_of(table, row, fields, "numerator", faults)
    bottom = cell_of(table, row, fields, "denominator", faults)
    if not top.text:
        top.refuse(
            "data.missing_numerator",
            "nothing",
            "a number",
            "Write the number (0 for none), or say in 'status': suppressed, not_reported or missing.",
        )
        return None
    mean = measure.kind == "mean"
    numerator = read_amount(top, signed=True, exponent=True) if mean else read_count(top)
    if not bottom.text:
        bottom.refuse(
            "data.missing_denominator",
            "nothing",
            "a number",
            f"Give the {measure.exposure.get('en', 'denominator')}, or mark the row missing in 'status'.",
        )
        return None
    denominator = read_amount(bottom)
    squares = cell_of(table, row, fields, "sum_squares", faults)
    sum_squares = read_amount(squares, exponent=True) if mean and squares.text else nan
    if numerator is None or denominator is None or sum_squares is None:
        return None
    if denominator == 0:
        if numerator == 0:
            rows.dropped += 1
            return nothing
        events = f"{numerator:g} {'event' if numerator == 1 else 'events'}"
        bottom.refuse(
            "data.zero_denominator",
            f"0 with {events}",
            "> 0",
            f"Leave the row out or give the {measure.exposure.get('en', 'denominator')}.",
        )
    elif measure.kind != "rate" and denominator != int(denominator):
        # a rate's exposure may be a fraction; persons and occasions are whole
        bottom.refuse(
            "data.fractional_denominator",
            shorten(bottom.text),
            f"a whole number for a {measure.kind}",
            "Give the number itself.",
        )
    elif measure.kind == "proportion" and numerator > denominator:
        top.refuse(
            "data.more_events_than_denominator",
            f"{numerator:g} of {denominator:g}",
            "at most the denominator",
            "Check both numbers, and that they count the same thing.",
        )
    if sum_squares == 0 and denominator > 1:
        squares.refuse(
            "data.zero_sum_squares",
            f"0 for {denominator:g} persons",
            "> 0",
            "Give more decimals, or put cells together: persons with one and the same value tell nothing of spread.",
        )
    return (numerator, denominator, sum_squares) if len(faults) == before else None


def _check_gap(table: Table, row: int, fields: list[str], status: str | None, faults: list[Fault]) -> None:
    """Faults of a row that is declared a gap."""
    top = cell_of(table, row, fields, "numerator", faults)
    if top.text and status is not None:
        top.refuse(
            "data.number_in_gap",
            f"a number in a row marked {status}",
            "empty",
            "Empty the cell, or write observed in 'status'.",
        )
    bottom = cell_of(table, row, fields, "denominator", faults)
    if bottom.text:
        read_amount(bottom)
    at_most = cell_of(table, row, fields, "at_most", faults)
    if at_most.text and status == "suppressed":
        read_count(at_most)
    elif at_most.text and status is not None:
        at_most.refuse(
            "data.at_most", shorten(at_most.text), "empty unless the row is suppressed", "Empty the cell."
        )


def _details(
    table: Table,
    row: int,
    fields: list[str],
    site: str | None,
    dates: dict[str, date],
    today: date,
    rows: Rows,
    faults: list[Fault],
) -> None:
    """Site name and vintage: the optional columns that are not numbers."""
    if table.get(fields, "vintage"):
        cell = cell_of(table, row, fields, "vintage", faults)
        vintage = read_date(cell, dates)
        if vintage is not None and vintage > today:
            cell.refuse("data.future_vintage", str(vintage), f"today, {today}, or earlier", "Check the date.")
        elif vintage is not None and (rows.vintage is None or vintage > rows.vintage):
            rows.vintage = vintage
    written = table.get(fields, "name")
    if site is None or not written or rows.names.get(site) == written:
        return
    cell = cell_of(table, row, fields, "name", faults)
    name = read_code(cell)
    if name is not None and rows.names.setdefault(site, name) != name:
        cell.refuse(
            "data.two_names",
            f"{shorten(name, 40)} for site {shorten(site, 40)}",
            f"one name a site ({shorten(rows.names[site], 40)})",
            "Use the same name in all its rows.",
        )


def _unknown_measures(shown: str, measures: Iterable[str], found: set[str]) -> Iterable[Fault]:
    for name in measures:
        if name not in found:
            listed = ", ".join(plain(other, 30) for other in sorted(found)[:10])
            yield _fault(
                "data.no_rows_for_measure",
                f"{shown}, column 'measure'",
                f"no row of {name} (found: {listed})",
                f"rows of {name}",
                nearest(name, found) or "Add its rows, or change 'measures' in the study file.",
            )


def _near_duplicates(shown: str, sites: Mapping[str, int]) -> Iterable[Fault]:
    spellings: dict[str, str] = {}
    for site, row in sites.items():
        bare = re.sub(r"\s", "", unicodedata.normalize("NFKC", site)).casefold()
        other = spellings.setdefault(bare, site)
        if other != site:
            yield _fault(
                "data.near_duplicate_site",
                f"{shown}, row {row}, column 'site'",
                shorten(site, 40),
                f"spelt as in row {sites[other]} ({shorten(other, 40)}) if it is the same site",
                "Use one spelling, or codes.",
            )


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
