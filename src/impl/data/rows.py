"""The panel table row by row: what is readable, and every fault with its place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from math import isnan

from impl.data.answers import Answers, sum_answers
from impl.data.numbers import GAP, NUMERIC, CellNumbers, read_category, read_numbers
from impl.data.panel import PanelWarning
from impl.data.sheets import read_sheets
from impl.errors import Fault, nearest, shorten
from impl.files.calendar import Span
from impl.files.table import Table, cell_of, read_code, read_date, read_table
from impl.release.quality import Why
from impl.study.catalogue import Measure
from impl.study.characters import plain
from impl.study.source import TableSource
from impl.study.study import Study

REQUIRED = ("site", "period_start", "period_end", "measure", "numerator", "denominator")
MUNICIPALITY, DISTRICT, ORGANISATION = 4, 6, 9  # digits of a code (SSB; Brønnøysundregistrene)
DECLARED: dict[str, Why] = {word: word for word in ("suppressed", "not_reported", "missing")}
OPTIONAL = (
    "status", "at_least", "at_most", "vintage", "sum_squares", "person_sum_squares", "category", "name"
)  # fmt: skip


@dataclass(kw_only=True)
class Rows:
    """Readable cells of the panel table as parallel lists, and what was seen on the way.

    sites: code -> first row. spans: (start, end) -> first row. dropped: cells with no exposure and no events;
    zero: the same ones, as (measure, site, first day). declared: why a cell that is in the table has no number.
    answers: (measure, site, first day of the period) -> answers by category, of ordered measures.
    persons: (measure, site) -> person_sum_squares and its first row.
    """

    site: list[str] = field(default_factory=list)
    span: list[Span] = field(default_factory=list)
    measure: list[str] = field(default_factory=list)
    numbers: list[CellNumbers] = field(default_factory=list)
    answers: dict[tuple[str, str, date], tuple[float, ...]] = field(default_factory=dict)
    sites: dict[str, int] = field(default_factory=dict)
    spans: dict[Span, int] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    vintage: date | None = None
    dropped: int = 0
    zero: set[tuple[str, str, date]] = field(default_factory=set)
    declared: dict[tuple[str, str, date], Why] = field(default_factory=dict)
    warnings: tuple[PanelWarning, ...] = ()
    persons: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)

    def add(self, measure: str, site: str, span: Span, numbers: CellNumbers) -> None:
        if numbers.numerator == 0 and numbers.denominator == 0:
            self.dropped += 1
            self.zero.add((measure, site, span[0]))
            numbers = GAP
        self.site.append(site)
        self.span.append(span)
        self.measure.append(measure)
        self.numbers.append(numbers)


def rows_of(rows: Rows, sites: Collection[str]) -> Rows:
    """The rows of some sites."""
    kept = [index for index, site in enumerate(rows.site) if site in sites]
    zero = {cell for cell in rows.zero if cell[1] in sites}
    return replace(
        rows,
        site=[rows.site[index] for index in kept],
        span=[rows.span[index] for index in kept],
        measure=[rows.measure[index] for index in kept],
        numbers=[rows.numbers[index] for index in kept],
        answers={cell: answers for cell, answers in rows.answers.items() if cell[1] in sites},
        sites={site: row for site, row in rows.sites.items() if site in sites},
        names={site: name for site, name in rows.names.items() if site in sites},
        zero=zero,
        dropped=len(zero),
        persons={key: value for key, value in rows.persons.items() if key[1] in sites},
    )


def read_rows(study: Study, measures: Mapping[str, Measure], today: date, faults: list[Fault]) -> Rows | None:
    rows = Rows()
    table = _table(study, measures, rows, faults)
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
    dates: dict[str, date] = {}
    codes: dict[str, str] = {}
    first_rows: dict[tuple[str, str, date, int | None], int] = {}
    answers: dict[tuple[str, str, Span], Answers] = {}
    found: set[str] = set()
    without_category: list[str] = []
    for row, fields in table.rows:
        name = table.get(fields, "measure")
        found.add(name)
        measure = measures.get(name)
        if measure is None:
            continue  # other measures may share the file
        if measure.categories is not None and "category" not in table.columns:
            without_category.append(name)
            continue
        written = table.get(fields, "site")
        site = codes.get(written) or read_code(cell_of(table, row, fields, "site", faults))
        span = _span(table, row, fields, dates, today, faults)
        numbers = read_numbers(table, row, fields, measure, faults)
        before = len(faults)
        category = read_category(table, row, fields, measure, gap=numbers is GAP, faults=faults)
        misplaced = len(faults) > before
        _details(table, row, fields, site, dates, today, rows, faults)
        if site is not None:
            codes[written] = site
            rows.sites.setdefault(site, row)
        if span is not None:
            rows.spans.setdefault(span, row)
        if site is None or span is None:
            continue
        if numbers is GAP:
            rows.declared[name, site, span[0]] = DECLARED.get(table.get(fields, "status"), "missing")
        if misplaced:
            answers.setdefault((name, site, span), Answers(shown=table.shown, row=row)).faulty = True
            continue
        first = first_rows.setdefault((name, site, span[0], category), row)
        if first != row:
            where = f"{table.shown}, row {row}"
            faults.append(
                _fault(
                    "data.repeated_row",
                    where,
                    f"{shorten(site, 40)}, {span[0]}, {name}{_of(category)} again",
                    f"one row a site, period and measure{_of(category)} (first in row {first})",
                    "Delete one of the rows, or sum them.",
                )
            )
        elif measure.categories is not None:
            cell = answers.setdefault((name, site, span), Answers(shown=table.shown, row=row))
            cell.take(row, category, numbers, faults)
        elif numbers is not None:
            rows.add(name, site, span, numbers)
            faults.extend(_other_persons(table.shown, row, (name, site), numbers, rows))
    for (name, site, span), cell in answers.items():
        summed = sum_answers(cell, measures[name], faults)
        if summed is not None:
            rows.add(name, site, span, summed[0])
            rows.answers[name, site, span[0]] = summed[1]
    if without_category:
        faults.append(
            _fault(
                "data.missing_column",
                f"{table.shown}, row 1, column 'category'",
                "no such column",
                f"present: {without_category[0]} counts answers by category",
                "Give one row a site, period and answer, the lowest answer as 1.",
            )
        )
    faults.extend(_unknown_measures(table.shown, measures, found))
    faults.extend(_near_duplicates(table.shown, rows.sites))
    faults.extend(_odd_codes(table.shown, rows.sites))
    return rows


def _table(study: Study, measures: Mapping[str, Measure], rows: Rows, faults: list[Fault]) -> Table | None:
    """The long table as it is in the file, or put together as the study file says."""
    if study.data.measures is not None:
        sheets = read_sheets(study.root, study.data, measures, faults)
        rows.warnings = () if sheets is None else sheets.warnings
        return None if sheets is None else sheets.table
    source = study.data
    return read_table(
        study.root,
        TableSource(
            file=source.file, sheet=source.sheet, encoding=source.encoding, delimiter=source.delimiter
        ),
        required=REQUIRED,
        optional=OPTIONAL,
        numeric=NUMERIC,
        faults=faults,
    )


def _other_persons(
    shown: str, row: int, key: tuple[str, str], numbers: CellNumbers, rows: Rows
) -> Iterator[Fault]:
    squares = numbers.person_sum_squares
    if not isnan(squares):
        first, at = rows.persons.setdefault(key, (squares, row))
        if squares != first:
            yield _fault(
                "data.person_sum_squares",
                f"{shown}, row {row}, column 'person_sum_squares'",
                f"{squares:g}",
                f"{first:g}, as for the same site and measure in row {at}",
                "It is one number a site: the spread of the persons' own means over all periods.",
            )


def _of(category: int | None) -> str:
    return "" if category is None else f", category {category}"


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


def _odd_codes(shown: str, sites: Mapping[str, int]) -> Iterable[Fault]:
    """Codes of another length than most: 301 for 0301, or a placeholder among organisation numbers."""
    digits = {site: len(site) for site in sites if site.isascii() and site.isdigit()}
    for width in (MUNICIPALITY, DISTRICT, ORGANISATION):
        odd = [site for site, length in digits.items() if length != width]
        if not odd or len(digits) < len(sites) or 2 * len(odd) >= len(sites):
            continue
        for site in odd:
            where = f"{shown}, row {sites[site]}, column 'site'"
            allowed = f"a code of {width} digits, like the others"
            if len(site) == width - 1 and width != ORGANISATION:
                fix = f"Is it 0{site}? A spreadsheet loses the zero unless the column is text."
                yield _fault("data.lost_zero", where, shorten(site, 40), allowed, fix)
            elif width == ORGANISATION:
                fix = "If it stands for nobody, leave its rows out ('leave_out'); else use its number."
                yield _fault("data.placeholder_site", where, shorten(site, 40), allowed, fix)


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
