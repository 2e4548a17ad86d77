"""From the cells of a sheet to quantities: where its headings, sites and periods stand, in whatever shape.

Long (a column a quantity, or a column that names it), wide (periods across) and two heading rows are the same
thing here: a number cell belongs to a site, a period and a named quantity. What is not declared is a fault.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from impl.errors import Fault, nearest, shorten
from impl.files.calendar import Span
from impl.files.files import Grid, Raw, Row, fault_at, text_of
from impl.files.periods import Unread, read_day_text, read_part, read_period
from impl.files.signs import Quantity, read_quantity
from impl.files.words import sheet_words
from impl.study.characters import holds_identity_number, plain
from impl.study.source import DataTable, HiddenCount
from impl.study.vocabulary import fold

OF_ROW = ": "
"""Between the word of a row and the heading of a column, in the name of a quantity."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """Site and period of a number, as the long table has them."""

    site: str
    start: date
    end: date


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a key was first read: row, and the places of its site and period in words."""

    row: int
    site: str
    period: str


@dataclass(kw_only=True)
class Numbers:
    """What was read from all tables: quantities by key and name, where each key stands, names of sites."""

    cells: dict[Key, dict[str, Quantity]] = field(default_factory=dict)
    origins: dict[Key, Origin] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    found: dict[str, str] = field(default_factory=dict)
    """Quantity -> the table that holds it."""
    headings: set[str] = field(default_factory=set)
    """Of all tables, for a hint at what was meant."""

    def put(self, key: Key, name: str, quantity: Quantity, origin: Origin, faults: list[Fault]) -> None:
        """Add one number; a second one of the same site, period and quantity is a fault."""
        self.origins.setdefault(key, origin)
        row = self.cells.setdefault(key, {})
        if name in row:
            faults.append(
                Fault(
                    code="data.repeated_row",
                    where=quantity.place,
                    got=f"{shorten(key.site, 40)}, {key.start}, {plain(name)} again",
                    allowed=f"one number a site, period and quantity (first in {row[name].place})",
                    fix="Delete one of them, or leave a total out under 'leave_out'.",
                )
            )
            return
        row[name] = quantity


@dataclass(frozen=True, kw_only=True)
class NumberColumn:
    """A column of numbers: position, heading, and what its headings say of period and quantity."""

    position: int
    heading: str
    span: Span | None
    quantity: str | None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Positions of the columns that are not numbers (by their key in the study file), and the number columns."""

    columns: Mapping[str, int]
    numbers: tuple[NumberColumn, ...]


def read_numbers_of(
    grid: Grid,
    table: DataTable,
    wanted: Collection[str],
    hidden: HiddenCount | None,
    numbers: Numbers,
    faults: list[Fault],
) -> None:
    """Add the numbers of one sheet to `numbers`; faults are noted. wanted: names of the quantities asked for."""
    rows = _table_rows(grid, table, faults)
    if rows is None:
        return
    layout = _layout(grid, table, wanted, faults)
    if layout is None:
        return
    faults.extend(_identity_numbers(grid, {number.position for number in layout.numbers}))
    faults.extend(_merged_cells(grid, [number for number, _ in rows]))
    asked = {fold(name): name for name in wanted}
    numbers.headings |= {text for texts in _headings(grid, table) for text in texts}
    for column in layout.numbers:
        if column.quantity is not None:
            numbers.found.setdefault(column.quantity, grid.shown)
    spans: dict[tuple[str, ...], Span] = {}
    for row, cells in rows:
        site = _site(grid, table, layout, row, cells, faults)
        span = None if site is None else _row_span(grid, table, layout, row, cells, spans, faults)
        if site is None or (span is None and "period" in layout.columns):
            continue
        if "name" in layout.columns:
            numbers.names.setdefault(site, _text(cells[layout.columns["name"]]))
        word = _text(cells[layout.columns["quantity"]]) if "quantity" in layout.columns else None
        for column in layout.numbers:
            name, days = column.quantity, span or column.span
            if word is not None:
                several = table.value is None and not table.across
                name = asked.get(fold(f"{word}{OF_ROW}{column.heading}" if several else word))
            if name is None or days is None:
                continue  # a quantity that nobody asked for
            numbers.found.setdefault(name, grid.shown)
            place = _place(grid, row, column.heading)
            quantity = read_quantity(cells[column.position], table, hidden, place, faults)
            if quantity is None:
                continue
            origin = Origin(
                row=row,
                site=_place(grid, row, table.site or "one_site"),
                period=_place(grid, row, table.period or column.heading),
            )
            key = Key(site=site, start=days[0], end=days[1])
            numbers.put(key, name, quantity, origin, faults)


def _text(raw: Raw) -> str:
    return " ".join(unicodedata.normalize("NFC", text_of(raw)).split())


def _place(grid: Grid, row: int, heading: str) -> str:
    return f"{grid.shown}, row {row}, column '{plain(heading)}'"


# --- rows


def _table_rows(grid: Grid, table: DataTable, faults: list[Fault]) -> list[Row] | None:
    """Rows between the headings and the end, without declared totals; None where headings or end are not there."""
    given = dict(grid.rows)
    missing = [number for number in table.heading_rows if number not in given]
    if missing:
        listed = ", ".join(str(number) for number in missing)
        faults.append(
            fault_at(
                grid.shown, None, None, "data.heading_rows", f"nothing in row {listed}", "rows of headings",
                "Mend 'heading_rows': the numbers of the rows in the file.",
            )
        )  # fmt: skip
        return None
    last = max(table.heading_rows)
    width = len(given[last])
    end = None if table.ends_before is None else fold(table.ends_before)
    leave_out = {fold(text) for text in table.leave_out}
    site = _find(grid, table, table.site, "site", []) if table.site is not None else None
    rows, ended = [], False
    for number, cells in grid.rows:
        if number <= last:
            continue
        if end is not None and fold(next(_text(cell) for cell in cells if cell != "")) == end:
            ended = True
            break
        if len(cells) != width:
            fix = "Count the separators in the row, or say where the table ends in 'ends_before'."
            got, allowed = f"{len(cells)} fields", f"{width}, as in the headings"
            faults.append(fault_at(grid.shown, number, None, "data.field_count", got, allowed, fix))
            continue
        if site is None or fold(_text(cells[site])) not in leave_out:
            rows.append((number, cells))
    if end is not None and not ended:
        faults.append(
            fault_at(
                grid.shown, None, None, "data.end_of_table", f"no row that begins with {shorten(table.ends_before, 60)}",
                "the row below the table, as 'ends_before' says", "Mend 'ends_before', or delete it if there is none.",
            )
        )  # fmt: skip
        return None
    if not rows:
        faults.append(
            fault_at(
                grid.shown, None, None, "data.empty_table", "headings without rows", "rows of numbers",
                "Export the table again, or mend 'heading_rows'.",
            )
        )  # fmt: skip
        return None
    return rows


def _site(
    grid: Grid, table: DataTable, layout: Layout, row: int, cells: Sequence[Raw], faults: list[Fault]
) -> str | None:
    if table.one_site is not None:
        return table.one_site
    site = _text(cells[layout.columns["site"]])
    if fold(site) in sheet_words().totals:
        got, fix = shorten(site, 40), "If it is a total, name it in 'leave_out'; else give the site a code."
        faults.append(fault_at(grid.shown, row, table.site, "data.total_row", got, "a site", fix))
        return None
    if not site:
        fix = "Fill in the cell; if the row is a note, say where the table ends in 'ends_before'."
        faults.append(fault_at(grid.shown, row, table.site, "data.empty_text", "nothing", "a site", fix))
        return None
    return site


def _row_span(
    grid: Grid,
    table: DataTable,
    layout: Layout,
    row: int,
    cells: Sequence[Raw],
    seen: dict[tuple[str, ...], Span],
    faults: list[Fault],
) -> Span | None:
    """Period of a row; None where periods stand across, or after a fault. seen: periods that were read before."""
    positions = [layout.columns[key] for key in ("period", "period_end", "year") if key in layout.columns]
    if not positions:
        return None
    raws = [cells[position] for position in positions]
    texts = tuple(_text(raw) for raw in raws)
    if texts in seen:
        return seen[texts]
    found: Span | Unread
    if table.period_end is not None:
        days = [
            raw if isinstance(raw, date) else read_day_text(text, table.days, grid.serial_zero)
            for raw, text in zip(raws, texts, strict=True)
        ]
        bad = next((day for day in days if isinstance(day, Unread)), None)
        start, end = days
        if isinstance(start, date) and isinstance(end, date):
            found = (start, end)
        else:
            assert bad is not None
            found = bad
    else:
        found = _one_period(raws, table, grid)
    if isinstance(found, Unread):
        got = shorten(" ".join(texts), 40) if any(texts) else "nothing"
        faults.append(fault_at(grid.shown, row, table.period, "data.period", got, found.allowed, found.fix))
        return None
    seen[texts] = found
    return found


def _one_period(raws: Sequence[Raw], table: DataTable, grid: Grid) -> Span | Unread:
    """Period of a cell, or of a cell with the part and one with the year."""
    assert table.step is not None  # DataTable.problem
    if len(raws) == 2:
        return read_part(_text(raws[0]), _text(raws[1]), table.step)
    raw = raws[0]
    if isinstance(raw, date):  # the file itself says that it is a day
        return read_period(raw.isoformat(), table.step, "yyyy-mm-dd")
    return read_period(_text(raw), table.step, table.days, grid.serial_zero)


# --- columns


def _layout(grid: Grid, table: DataTable, wanted: Collection[str], faults: list[Fault]) -> Layout | None:
    before = len(faults)
    columns: dict[str, int] = {}
    for key in ("site", "name", "period", "period_end", "year", "quantity"):
        heading = getattr(table, key)
        position = None if heading is None else _find(grid, table, heading, key, faults)
        if position is not None:
            columns[key] = position
    taken = set(columns.values())
    if table.across:
        numbers = list(_across(grid, table, taken, faults))
    elif table.value is not None:
        position = _find(grid, table, table.value, "value", faults)
        numbers = [] if position is None else [_column(position, table.value, None)]
    elif table.content is not None:
        numbers = _content(grid, table, taken, faults)
    else:
        headings = _headings(grid, table)
        numbers = []
        # where rows are of several things, what is wanted are the headings after the word of the row
        in_rows = {name.split(OF_ROW, 1)[1]: None for name in wanted if OF_ROW in name}
        for name in in_rows if table.quantity is not None else wanted:
            positions = [at for at, texts in enumerate(headings) if fold(name) in map(fold, texts)]
            called = None if table.quantity is not None else name
            numbers += [_column(at, name, called) for at in positions[:1]]
            if len(positions) > 1:
                faults.append(_repeated(grid, table, name))
    return Layout(columns=columns, numbers=tuple(numbers)) if len(faults) == before else None


def _column(position: int, heading: str, quantity: str | None) -> NumberColumn:
    return NumberColumn(position=position, heading=heading, span=None, quantity=quantity)


def _headings(grid: Grid, table: DataTable) -> list[list[str]]:
    """Texts of the heading rows by column, the empty ones left out."""
    given = dict(grid.rows)
    rows = [given[number] for number in table.heading_rows]
    width = max(len(row) for row in rows)
    return [[text for row in rows if at < len(row) and (text := _text(row[at]))] for at in range(width)]


def _find(grid: Grid, table: DataTable, heading: str, key: str, faults: list[Fault]) -> int | None:
    headings = _headings(grid, table)
    found = [at for at, texts in enumerate(headings) if fold(heading) in map(fold, texts)]
    if len(found) == 1:
        return found[0]
    if found:
        faults.append(_repeated(grid, table, heading))
        return None
    known = [text for texts in headings for text in texts]
    listed = ", ".join(plain(text, 30) for text in known[:20]) + (" …" if len(known) > 20 else "")
    faults.append(
        fault_at(
            grid.shown, table.heading_rows[-1], heading, "data.missing_column", f"no such column (found: {listed})",
            "present", nearest(heading, known) or f"Mend '{key}' under 'data', or 'heading_rows'.",
        )
    )  # fmt: skip
    return None


def _repeated(grid: Grid, table: DataTable, heading: str) -> Fault:
    return fault_at(
        grid.shown, table.heading_rows[-1], heading, "data.repeated_column", "the column twice", "given once",
        "Delete or rename one of them.",
    )  # fmt: skip


def _content(grid: Grid, table: DataTable, taken: Collection[int], faults: list[Fault]) -> list[NumberColumn]:
    """The one column of numbers of a long table that holds one quantity: the only one that is left."""
    left = [at for at, texts in enumerate(_headings(grid, table)) if texts and at not in taken]
    headings = _headings(grid, table)
    named = [at for at in left if fold(table.content or "") in map(fold, headings[at])]
    chosen = named or left
    if len(chosen) == 1:
        return [_column(chosen[0], headings[chosen[0]][-1], table.content)]
    listed = ", ".join(plain(headings[at][-1], 30) for at in left)
    faults.append(
        fault_at(
            grid.shown, table.heading_rows[-1], None, "data.content", f"{len(left)} further columns ({listed})",
            "one column of numbers beside site and period", "Name the quantity as its column's heading is.",
        )
    )  # fmt: skip
    return []


def _across(
    grid: Grid, table: DataTable, taken: Collection[int], faults: list[Fault]
) -> Iterator[NumberColumn]:
    """Columns of numbers under headings that say period, quantity, or both."""
    filled = _filled_headings(grid, table)
    leave_out = {fold(text) for text in table.leave_out}
    last = max(table.heading_rows)
    own = _headings(grid, table)
    for at in range(len(filled[0])):
        if at in taken:
            continue
        raws = [row[at] for row in filled]
        texts = [_text(raw) for raw in raws]
        heading = " ".join(filter(None, texts))
        if leave_out & {fold(text) for text in texts}:
            continue
        if not own[at]:
            if any(at < len(cells) and cells[at] != "" for number, cells in grid.rows if number > last):
                got = f"no heading for column {at + 1}"
                fix = "Write the heading, or delete the column."
                faults.append(fault_at(grid.shown, last, None, "data.unnamed_column", got, "a heading", fix))
            continue
        said = dict(zip(table.across, raws, strict=True))
        span: Span | Unread | None = None
        if "period" in said:
            span = _one_period([said["period"]], table, grid)
        elif "year" in said and "part" in said:
            span = _one_period([said["part"], said["year"]], table, grid)
        if isinstance(span, Unread):
            fix = f"{span.fix} A column that is no period can be named in 'leave_out'."
            got = shorten(heading, 40)
            faults.append(fault_at(grid.shown, last, heading, "data.period", got, span.allowed, fix))
            continue
        quantity = _text(said["quantity"]) if "quantity" in said else table.content
        yield NumberColumn(position=at, heading=heading, span=span, quantity=quantity)


def _filled_headings(grid: Grid, table: DataTable) -> list[list[Raw]]:
    """Heading rows of one width; an empty cell of all but the last says what the cell to its left says."""
    given = dict(grid.rows)
    width = max(len(given[number]) for number in table.heading_rows)
    filled: list[list[Raw]] = []
    for number in table.heading_rows:
        row = [*given[number], *[""] * (width - len(given[number]))]
        if number != table.heading_rows[-1]:
            for at in range(1, width):
                row[at] = row[at] if row[at] != "" else row[at - 1]
        filled.append(row)
    return filled


# --- what may not be there


def _merged_cells(grid: Grid, rows: Collection[int]) -> Iterator[Fault]:
    inside = set(rows)
    for first, last, *_ in grid.merged:
        if inside & set(range(first, last + 1)):
            fix = "Unmerge the cells and fill in each."
            yield fault_at(
                grid.shown, first, None, "data.merged_cells", "merged cells", "a cell a number", fix
            )


def _identity_numbers(grid: Grid, numeric: Collection[int]) -> Iterator[Fault]:
    """Faults for national identity numbers in any cell but those of number columns; also without its first zero."""
    for row, cells in grid.rows:
        for at, raw in enumerate(cells):
            if at in numeric and not isinstance(raw, str):
                continue
            text = text_of(raw)
            if isinstance(raw, (int, float)) and re.fullmatch("[0-9]{10}", text):
                text = text.zfill(11)
            if holds_identity_number(text) and not (at in numeric and text.isdigit()):
                yield fault_at(
                    grid.shown, row, None, "data.identity_number",
                    f"a national identity number (•••••• •••••) in column {at + 1}", "free of personal data",
                    "Delete the column or the number before you bring the table here.",
                )  # fmt: skip
