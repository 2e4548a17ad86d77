"""The files of a study, each in its own shape, put together as impl's long table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from impl.data.panel import PanelWarning
from impl.errors import Fault, nearest
from impl.files.events import count_events
from impl.files.files import read_grid
from impl.files.layout import Key, Numbers, read_numbers_of
from impl.files.signs import Quantity
from impl.files.table import Table
from impl.study.catalogue import Measure
from impl.study.characters import plain
from impl.study.source import DataSource, Quantities

COLUMNS = (
    "site", "name", "period_start", "period_end", "measure", "numerator", "denominator", "status", "at_least",
    "at_most", "sum_squares", "person_sum_squares", "category", "vintage",
)  # fmt: skip
_PLACES = (
    "site", "period_start", "period_end", "numerator", "denominator", "at_least", "at_most", "status", "category"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sheets:
    """The long table, and what the reader should know of it."""

    table: Table
    warnings: tuple[PanelWarning, ...]


@dataclass(kw_only=True)
class _Counts:
    """Numbers seen that are not final; answers not reported, of all answers."""

    preliminary: int = 0
    not_reported: float = 0.0
    answers: float = 0.0


def read_sheets(
    root: Path, source: DataSource, measures: Mapping[str, Measure], faults: list[Fault]
) -> Sheets | None:
    """Read every table of `source` by its mapping; None with the faults noted.

    A number that is a mark becomes a row with a status; a hidden count keeps the limits that are known. Sites and
    periods without any number in any table are no rows: the contract counts them as gaps.
    """
    mapping = source.measures or {}
    wanted = list(dict.fromkeys(name for each in mapping.values() for name in each.names))
    numbers = Numbers()
    before = len(faults)
    faults.extend(_answer_faults(mapping, measures))
    for table in source.tables:
        if table.events is not None:
            continue
        grid = read_grid(root, table, faults)
        if grid is not None:
            read_numbers_of(grid, table, wanted, source.hidden, numbers, faults)
    if len(faults) == before:  # zeros of an event file need to know the sites of the others
        for table in source.tables:
            if table.events is not None:
                count_events(root, table, numbers, faults)
    if len(faults) == before:
        faults.extend(_not_found(wanted, numbers, source))
    if len(faults) > before:
        return None
    before = len(faults)
    counts = _Counts()
    rows: list[tuple[int, list[str]]] = []
    for key, cells in numbers.cells.items():
        origin = numbers.origins[key]
        for measure, quantities in mapping.items():
            for row in _rows(key, measure, quantities, cells, numbers, measures, counts):
                faults.extend(_exposure_missing(row))
                places = [origin.site, origin.period, origin.period, *row.places]
                rows.append((origin.row, [*row.fields, source.vintage or "", *places]))
    if len(faults) > before:
        return None
    positions = {column: index for index, column in enumerate(COLUMNS)}
    at = {column: len(COLUMNS) + index for index, column in enumerate(_PLACES)}
    shown = next(iter(numbers.found.values()), plain(source.file))
    return Sheets(
        table=Table(shown=shown, columns=positions, rows=rows, places=at),
        warnings=tuple(_warnings(counts)),
    )


def _answer_faults(mapping: Mapping[str, Quantities], measures: Mapping[str, Measure]) -> Iterator[Fault]:
    """Ordered measures are mapped by their answers, all of them, and no other measure is."""
    for name, quantities in mapping.items():
        measure = measures.get(name)
        if measure is None or len(quantities.answers) == (measure.categories or 0):
            continue
        if measure.categories is None:
            allowed, fix = f"'numerator' and 'denominator', since {name} is not ordered", "Map its counts."
        else:
            allowed = f"'answers' with the {measure.categories} of {name}, the lowest first"
            fix = "Name what counts each answer, also one that nobody gave."
        given = len(quantities.answers)
        yield Fault(
            code="data.answers",
            where=f"'data.measures.{name}'",
            got=f"{given} answers" if given else "no 'answers'",
            allowed=allowed,
            fix=fix,
        )


def _not_found(wanted: Iterable[str], numbers: Numbers, source: DataSource) -> Iterator[Fault]:
    for name in wanted:
        if name not in numbers.found:
            known = sorted({*numbers.found, *numbers.headings})
            listed = ", ".join(plain(found, 30) for found in known[:20]) or "none"
            yield Fault(
                code="data.missing_column",
                where=f"{', '.join(plain(table.file.rsplit('/', 1)[-1]) for table in source.tables)}, '{plain(name)}'",
                got=f"no such quantity (found: {listed})",
                allowed="a heading, a word or a 'content' of one of the tables",
                fix=nearest(name, known) or "Mend 'measures' under 'data'.",
            )


@dataclass(frozen=True, kw_only=True)
class _Row:
    fields: list[str]
    places: list[str]
    """Of numerator, denominator, at_least, at_most, status and category."""


def _rows(
    key: Key,
    measure: str,
    quantities: Quantities,
    cells: Mapping[str, Quantity],
    numbers: Numbers,
    measures: Mapping[str, Measure],
    counts: _Counts,
) -> Iterator[_Row]:
    """Rows of one measure for one site and period; none where no table has any of its numbers."""

    def cell(name: str | None) -> Quantity:
        absent = f"{numbers.found.get(name or '', '')}, no cell for {plain(key.site)} and {key.start}, '{plain(name or '')}'"
        return cells.get(name or "") or Quantity(text="", place=absent)

    if not any(name in cells for name in quantities.names):
        return
    if quantities.answers:
        yield from _answer_rows(key, measure, quantities, cells, numbers, counts)
        return
    kind = measures[measure].kind if measure in measures else "rate"
    top, bottom = cell(quantities.numerator), cell(quantities.denominator)
    if quantities.yes is not None:
        top, no = cell(quantities.yes), cell(quantities.no)
        bottom = _sum(top, no)
        if quantities.not_reported is not None:
            absent = cell(quantities.not_reported)
            everyone = _sum(bottom, absent)
            if everyone.text and bottom.text:
                counts.not_reported += float(absent.text)
                counts.answers += float(everyone.text)
            if quantities.reported_as is not None:
                yield _row(key, quantities.reported_as, bottom, everyone, "proportion", numbers)
    counts.preliminary += top.preliminary or bottom.preliminary
    yield _row(
        key,
        measure,
        top,
        bottom,
        kind,
        numbers,
        cell(quantities.sum_squares),
        cell(quantities.person_sum_squares),
    )


def _answer_rows(
    key: Key,
    measure: str,
    quantities: Quantities,
    cells: Mapping[str, Quantity],
    numbers: Numbers,
    counts: _Counts,
) -> Iterator[_Row]:
    """One row an answer; one row without an answer, a gap, where one of the counts is a mark. An answer that the
    tables do not count there has no row, and is missed by the contract."""
    found = {number: cells[name] for number, name in enumerate(quantities.answers, 1) if name in cells}
    total = cells.get(quantities.denominator or "")
    known = [*found.values(), *([] if total is None else [total])]
    counts.preliminary += any(each.preliminary for each in known)
    hidden = next((each for each in known if each.status), None)
    if hidden is not None:
        gap = Quantity(text="", place=hidden.place, status=hidden.status)
        yield _row(
            key, measure, gap, gap, "mean", numbers
        )  # of an answer no interval is known: the whole is a gap
        return
    if total is None:
        whole = sum(int(each.text) for each in found.values() if each.text.isdigit())
        total = Quantity(text=str(whole), place=next(iter(found.values())).place)
    for number, each in found.items():
        row = _row(key, measure, each, total, "mean", numbers)
        yield replace(row, fields=[*row.fields[:-1], str(number)])


def _row(
    key: Key,
    measure: str,
    top: Quantity,
    bottom: Quantity,
    kind: str,
    numbers: Numbers,
    squares: Quantity | None = None,
    of_persons: Quantity | None = None,
) -> _Row:
    status = top.status or bottom.status
    least, most = top.at_least, top.at_most
    if kind == "proportion" and most and bottom.text.isdigit() and 0 < int(bottom.text) < int(most):
        most = bottom.text  # of three persons no more than three can be hidden
    if bottom.status or kind == "mean":
        least = most = ""
    fields = [
        key.site,
        numbers.names.get(key.site, ""),
        str(key.start),
        str(key.end),
        measure,
        "" if status else top.text,
        bottom.text,
        status,
        least if status == "suppressed" else "",
        most if status == "suppressed" else "",
        squares.text if squares is not None and not status else "",
        of_persons.text if of_persons is not None and not status else "",
        "",
    ]
    return _Row(fields=fields, places=[top.place, bottom.place, *[top.place] * 4])


def _exposure_missing(row: _Row) -> Iterator[Fault]:
    """A hidden count beside an empty cell: without the denominator its limits say nothing, and nobody declared it."""
    if row.fields[COLUMNS.index("at_most")] and not row.fields[COLUMNS.index("denominator")]:
        yield Fault(
            code="data.missing_denominator",
            where=row.places[1],
            got="nothing beside a hidden count",
            allowed="a number",
            fix="Fill in the cell; if it is not known, say what an empty cell means in 'empty'.",
        )


def _sum(one: Quantity, other: Quantity) -> Quantity:
    """Sum of two counts; where one of them is no count, what is known of neither."""
    if one.text.isdigit() and other.text.isdigit():
        preliminary = one.preliminary or other.preliminary
        return Quantity(text=str(int(one.text) + int(other.text)), place=one.place, preliminary=preliminary)
    if one.status or other.status:
        return Quantity(text="", place=other.place, status=one.status or other.status)
    bad = one if not one.text.isdigit() else other
    return Quantity(text=bad.text, place=bad.place)


def _warnings(counts: _Counts) -> Iterator[PanelWarning]:
    if counts.preliminary:
        yield PanelWarning(code="preliminary", values={"count": counts.preliminary})
    if counts.not_reported:
        share = round(counts.not_reported / counts.answers, 4)
        yield PanelWarning(code="not_reported", values={"count": int(counts.not_reported), "share": share})
