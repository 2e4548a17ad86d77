"""Files with one row an event or a person: counted by site and period while they are read, and never kept.

Only counts leave this module. DuckDB streams the file, so that memory does not grow with its rows; free text is
not read beyond a search for what may not be there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from impl.errors import Fault, nearest
from impl.files.calendar import DAY
from impl.files.engine import EngineError, open_engine, quoted
from impl.files.files import DELIMITERS, decode, fault_at, read_grid, text_of, without_separator_line
from impl.files.layout import Key, Numbers, Origin
from impl.files.periods import span_of
from impl.files.persons import SAMPLED, personal_columns
from impl.files.signs import Quantity
from impl.study.characters import holds_identity_number, plain
from impl.study.paths import path_problem
from impl.study.source import Counted, DataTable, Events, Step
from impl.study.vocabulary import fold

if TYPE_CHECKING:
    import duckdb

_ENCODINGS = {"utf-8": "utf-8", "utf-16": "utf-16", "windows-1252": "latin-1"}
_HEAD = 65_536  # bytes that must hold the headings
_CHUNK = 1_048_576
Counts = dict[tuple[str, date], list[float]]
"""Site and first day of the period -> a number a quantity."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """The rows of a file as SQL. relation: a table expression. types: heading -> DuckDB type, in the file's order."""

    shown: str
    relation: str
    parameters: Mapping[str, object]
    types: Mapping[str, str]
    records: int | None = None
    """Rows below the headings, counted by another hand than DuckDB's; None where the file cannot disagree."""
    latin: bool = False
    """The text was read as ISO 8859-1 where it is Windows-1252: the two differ in 27 signs."""

    def column(self, heading: str) -> str | None:
        """The file's own spelling of a heading."""
        return next((name for name in self.types if fold(name) == fold(heading)), None)

    def written(self, text: str) -> str:
        """A word as DuckDB sees it in this file."""
        return text.encode("cp1252", "replace").decode("latin-1") if self.latin else text

    def read(self, text: str) -> str:
        """A word of this file as it is meant."""
        return text.encode("latin-1", "replace").decode("cp1252", "replace") if self.latin else text


def count_events(root: Path, table: DataTable, numbers: Numbers, faults: list[Fault]) -> None:
    """Add the counts of an event file to `numbers`, 0 where the file is complete and has no row; faults are noted.

    Refused: columns of identity numbers, names or birth dates (by heading, or by what their first rows hold),
    rows without site or day, rows outside the days for which the file is said to be complete.
    """
    shown = Path(table.file).name
    problem = path_problem(root, table.file)
    path = root / table.file
    if problem is not None or not path.is_file():
        got, fix = problem or "no such file", "Check the path; copy the file into the project's data folder."
        faults.append(fault_at(shown, None, None, "data.file", got, "a file inside the project", fix))
        return
    if not _whole(table, shown, faults):
        return
    before = path.stat()
    try:
        with open_engine([path]) as engine:
            rows = _rows_of(engine, root, table, shown, faults)
            counted = None if rows is None else _count(engine, rows, table, faults)
    except EngineError as error:
        fix = "Check the row, or 'delimiter', 'encoding' and 'heading_rows'; or write the file again."
        got = "a row or a file that cannot be read"
        faults.append(fault_at(shown, error.line, None, "data.events_file", got, "a readable table", fix))
        return
    after = path.stat()
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        fix = "Run again when nobody writes to it."
        faults.append(
            fault_at(
                shown,
                None,
                None,
                "data.file_changed",
                "a file that changed while it was read",
                "left alone",
                fix,
            )
        )
    elif counted is not None:
        _put(counted, table, shown, numbers, faults)


def _whole(table: DataTable, shown: str, faults: list[Fault]) -> bool:
    """Whether the days for which the file is complete are whole periods; a fault if not."""
    assert table.events is not None
    assert table.step is not None  # DataTable.problem
    first = date.fromisoformat(table.events.complete_from)
    last = date.fromisoformat(table.events.complete_to)
    if span_of(first, table.step)[0] == first and span_of(last, table.step)[1] == last:
        return True
    got, allowed = f"{first} to {last}", f"whole periods ({table.step})"
    fix = "Mend 'complete_from' and 'complete_to': a period that is not whole would be counted too low."
    faults.append(fault_at(shown, None, None, "data.complete", got, allowed, fix))
    return False


# --- the rows as SQL


def _rows_of(
    engine: duckdb.DuckDBPyConnection, root: Path, table: DataTable, shown: str, faults: list[Fault]
) -> _Rows | None:
    path = root / table.file
    ending = path.suffix.casefold()
    parameters: dict[str, object] = {"path": str(path)}
    latin, records = False, None
    if ending == ".parquet":
        relation = "read_parquet($path)"
    elif ending == ".xlsx":
        grid = read_grid(root, table, faults)
        if grid is None:
            return None
        return _from_workbook(engine, grid.shown, dict(grid.rows), table, faults)
    else:
        headings = _csv_headings(path, table, shown, faults)
        if headings is None:
            return None
        names, skip = headings
        latin = table.encoding == "windows-1252"
        records = count_records(path, table.encoding) - skip
        columns = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in names)
        # the names of columns cannot be parameters; every one is quoted by _literal
        relation = (
            f"read_csv($path, header = false, skip = {skip}, auto_detect = false, delim = $delimiter, quote = '\"', "
            f"escape = '\"', strict_mode = true, encoding = $encoding, columns = {{{columns}}})"
        )
        parameters |= {
            "delimiter": DELIMITERS[table.delimiter or "comma"],
            "encoding": _ENCODINGS[table.encoding],
        }
    described = engine.execute(f"DESCRIBE SELECT * FROM {relation}", parameters).fetchall()
    types = {str(row[0]): str(row[1]) for row in described}
    return _Rows(
        shown=shown, relation=relation, parameters=parameters, types=types, latin=latin, records=records
    )


def _csv_headings(
    path: Path, table: DataTable, shown: str, faults: list[Fault]
) -> tuple[list[str], int] | None:
    """Headings of a CSV file, and the number of lines down to them."""
    with path.open("rb") as opened:
        data = opened.read(_HEAD)
    if len(data) == _HEAD:  # a letter may have been cut in two
        line_end = b"\n\0" if table.encoding == "utf-16" else b"\n"
        data = data[: data.rfind(line_end) + len(line_end)]
    text = decode(data, table.encoding, shown, faults)
    if text is None:
        return None
    text, named = without_separator_line(text)
    lines = text.splitlines()
    row = table.heading_rows[-1]
    delimiter = DELIMITERS[table.delimiter or "comma"]
    if len(lines) < row or lines[row - 1].count(delimiter) < 1:
        fix = "Mend 'heading_rows' or 'delimiter'."
        faults.append(
            fault_at(shown, row, None, "data.delimiter", "one column", "headings of several columns", fix)
        )
        return None
    names = [
        " ".join(name.split()) for name in next(csv.reader(io.StringIO(lines[row - 1]), delimiter=delimiter))
    ]
    if len({fold(name) for name in names}) < len(names) or not all(names):
        got, fix = "a column without a name, or a name twice", "Name every column once."
        faults.append(fault_at(shown, row, None, "data.repeated_column", got, "a name a column", fix))
        return None
    return names, row + (named is not None)


def _from_workbook(
    engine: duckdb.DuckDBPyConnection,
    shown: str,
    rows: Mapping[int, Sequence[object]],
    table: DataTable,
    faults: list[Fault],
) -> _Rows | None:
    """The rows of a sheet as a table of text in memory, for the time of the counting."""
    import pandas as pd

    row = table.heading_rows[-1]
    names = [" ".join(str(cell).split()) for cell in rows.get(row, ())]
    while names and not names[-1]:
        names.pop()
    if not names or not all(names) or len({fold(name) for name in names}) < len(names):
        got, fix = (
            "a column without a name, or a name twice",
            "Mend 'heading_rows', and name every column once.",
        )
        faults.append(fault_at(shown, row, None, "data.repeated_column", got, "a name a column", fix))
        return None
    below = [cells for number, cells in rows.items() if number > row]
    columns = {
        name: pd.Series([text_of(cells[at]) for cells in below], dtype=object)  # type: ignore[arg-type]
        for at, name in enumerate(names)
    }
    engine.register("sheet", pd.DataFrame(columns))
    return _Rows(shown=shown, relation="sheet", parameters={}, types=dict.fromkeys(names, "VARCHAR"))


def count_records(path: Path, encoding: str) -> int:
    """Lines of a CSV file that are not empty, a line break inside double quotes not counted."""
    lines, inside, tail = 0, 0, b"\n"
    for chunk in _chunks(path, encoding):
        if not inside and b'"' not in chunk and not (b"\n\n" in tail + chunk or b"\n\r\n" in tail + chunk):
            lines += chunk.count(b"\n")
        else:
            signs = np.frombuffer(chunk, dtype=np.uint8)
            quoted_here = (
                np.cumsum(signs == ord('"'), dtype=np.uint8) + np.uint8(inside)
            ) & 1  # parity survives 255
            ends = np.flatnonzero((signs == ord("\n")) & (quoted_here == 0))
            starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
            length = ends - starts
            bare = (length == 0) | ((length == 1) & (signs[starts] == ord("\r")))
            # a quoted field that began in the chunk before is no empty line
            if len(bare) and (inside or not tail.endswith(b"\n")):
                bare[0] = False
            lines += int((~bare).sum())
            inside = int(quoted_here[-1])
        tail = chunk[-2:]
    return lines + (not tail.endswith(b"\n"))


def _chunks(path: Path, encoding: str) -> Iterator[bytes]:
    """A file in pieces of whole lines, as ASCII signs with something for every other letter; line breaks as \\n."""
    if encoding == "utf-16":
        with path.open(encoding="utf-16") as text:  # universal newlines
            while letters := text.read(_CHUNK):
                yield (letters + text.readline()).encode()
        return
    with path.open("rb") as opened:
        only_returns = b"\n" not in (head := opened.read(_HEAD)) and b"\r" in head
        opened.seek(0)
        while part := opened.read(_CHUNK):
            part += b"" if only_returns else opened.readline()
            yield part.replace(b"\r", b"\n") if only_returns else part


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# --- one pass


def _count(
    engine: duckdb.DuckDBPyConnection, rows: _Rows, table: DataTable, faults: list[Fault]
) -> Counts | None:
    events, step = table.events, table.step
    assert events is not None
    assert step is not None  # DataTable.problem
    before = len(faults)
    asked = [table.period, table.site, *(name for each in events.count.values() for name in _columns(each))]
    for heading in dict.fromkeys(name for name in asked if name is not None):
        if rows.column(heading) is None:
            listed = ", ".join(plain(name, 30) for name in list(rows.types)[:20])
            fix = nearest(heading, rows.types) or "Mend the name under 'data'."
            got = f"no such column (found: {listed})"
            faults.append(fault_at(rows.shown, None, heading, "data.missing_column", got, "present", fix))
    if len(faults) > before:
        return None
    used = {name for heading in asked if heading is not None and (name := rows.column(heading))}
    sample = engine.execute(f"SELECT * FROM {rows.relation} LIMIT {SAMPLED}", rows.parameters)
    headings = [str(column[0]) for column in sample.description or ()]
    day_column = rows.column(table.period or "") or ""
    faults.extend(personal_columns(rows.shown, headings, sample.fetchall(), used, day_column))
    if len(faults) > before:
        return None
    query, parameters = _query(rows, table, events, step)
    found = engine.execute(query, parameters).fetchall()
    counted = sum(int(row[-1]) for row in found)
    if not counted:
        got, allowed = "headings without rows", "rows of events"
        faults.append(
            fault_at(rows.shown, None, None, "data.empty_table", got, allowed, "Export the file again.")
        )
    elif rows.records is not None and counted != rows.records:
        got = f"{rows.records} rows of which {counted} can be read"
        fix = "Let all lines end alike and every double quote be closed: export the file again."
        faults.append(fault_at(rows.shown, None, None, "data.events_file", got, "a readable table", fix))
    return _judged(engine, rows, table, events, [row[:-1] for row in found], faults)


def _columns(counted: Counted) -> Iterator[str]:
    yield from counted.where
    if counted.sum is not None:
        yield counted.sum


def _query(rows: _Rows, table: DataTable, events: Events, step: Step) -> tuple[str, dict[str, object]]:
    """Counts by site and first day of the period; a row whose site, day or number cannot be read has none."""
    parameters: dict[str, object] = dict(rows.parameters)
    inner, outer = [f"{_day(rows, table)} AS day"], []
    if table.site is not None:
        site = quoted(rows.column(table.site) or "")
        inner.append(
            f"{site} AS site"
            if rows.types[rows.column(table.site) or ""] == "VARCHAR"
            else f"CAST({site} AS VARCHAR) AS site"
        )
    for place, counted in enumerate(events.count.values()):
        conditions = []
        for index, (heading, words) in enumerate(counted.where.items()):
            column, word = quoted(rows.column(heading) or ""), f"w{place}_{index}"
            parameters[word] = [rows.written(text).strip().lower() for text in words]
            conditions.append(f"list_contains(${word}, lower(trim(CAST({column} AS VARCHAR))))")
        chosen = "true"
        if conditions:
            chosen = f"c{place}"
            inner.append(f"coalesce({' AND '.join(conditions)}, false) AS {chosen}")
        if counted.sum is None:
            outer.append(f"count_if({chosen})")
        else:
            inner.append(f"{_number(rows, table, counted.sum)} AS n{place}")
            # a cell without a number makes the sum unknown, not smaller
            outer.append(
                f"CASE WHEN count_if({chosen} AND n{place} IS NULL) = 0 "
                f"THEN coalesce(sum(n{place}) FILTER (WHERE {chosen}), 0) END"
            )
    when = "date_trunc('week', day)" if step == "week" else "year(day) * 12 + month(day) - 1"
    site = "site" if table.site is not None else "$one_site"
    if table.site is None:
        parameters["one_site"] = table.one_site
    query = (
        f'SELECT {site} AS site, {when} AS "when", {", ".join(outer)}, count(*) '
        f"FROM (SELECT {', '.join(inner)} FROM {rows.relation}) GROUP BY ALL"
    )
    return query, parameters


def _start(when: object, step: Step) -> date | None:
    """First day of the period of a month's number (from year 0) or of a week's Monday."""
    if isinstance(when, int):
        return span_of(date(when // 12, when % 12 + 1, 1), step)[0]
    return when.date() if isinstance(when, datetime) else when if isinstance(when, date) else None


def _day(rows: _Rows, table: DataTable) -> str:
    name = rows.column(table.period or "") or ""
    column, kind = quoted(name), rows.types[name]
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return f"CAST({column} AS DATE)"
    text = f"trim(CAST({column} AS VARCHAR))"
    if table.days == "excel":
        return f"DATE '1899-12-30' + CAST(floor(TRY_CAST({text} AS DOUBLE)) AS INTEGER)"
    if table.days == "dd.mm.yyyy":
        # an hour may follow the day
        return f"CAST(try_strptime(regexp_extract({text}, '^[0-9]{{1,2}}[.][0-9]{{1,2}}[.][0-9]{{4}}'), '%d.%m.%Y') AS DATE)"
    return f"TRY_CAST(substr({text}, 1, 10) AS DATE)"


def _number(rows: _Rows, table: DataTable, heading: str) -> str:
    name = rows.column(heading) or ""
    if rows.types[name] != "VARCHAR":
        return f"CAST({quoted(name)} AS DOUBLE)"
    text = f"trim({quoted(name)})"
    if table.decimal == "comma":
        return f"CASE WHEN contains({text}, '.') THEN NULL ELSE TRY_CAST(replace({text}, ',', '.') AS DOUBLE) END"
    return f"TRY_CAST({text} AS DOUBLE)"


def _judged(
    engine: duckdb.DuckDBPyConnection,
    rows: _Rows,
    table: DataTable,
    events: Events,
    found: Sequence[Sequence[object]],
    faults: list[Fault],
) -> Counts | None:
    before = len(faults)
    assert table.step is not None
    first, last = date.fromisoformat(events.complete_from), date.fromisoformat(events.complete_to)
    good: Counts = {}
    unread = False
    for raw, when, *values in found:
        site = "" if raw is None else " ".join(rows.read(str(raw)).split())
        if holds_identity_number(site):
            got, fix = "a national identity number (•••••• •••••)", "Bring a file whose sites are no persons."
            faults.append(fault_at(rows.shown, None, table.site, "data.identity_number", got, "a site", fix))
            return None
        start = _start(when, table.step)
        if not site or start is None or not first <= start <= last or None in values:
            unread = True
            continue
        numbers = [float(str(value)) for value in values]
        sums = good.setdefault((site, start), [0.0] * len(numbers))
        good[site, start] = [one + other for one, other in zip(sums, numbers, strict=True)]
    if not unread:
        return good if len(faults) == before else None
    bad = _first_bad(engine, rows, table, events)
    allowed = (
        f"a site, a day written {table.days} from {events.complete_from} to {events.complete_to}, and numbers"
    )
    fix = "Mend or leave out such rows; mend 'days', or the days for which the file is complete."
    got = f"{bad[0]} rows without one of these" if bad[0] != 1 else "a row without one of these"
    row = None if bad[1] is None else bad[1] + table.heading_rows[-1]
    faults.append(fault_at(rows.shown, row, None, "data.events", got, allowed, fix))
    return None


def _first_bad(
    engine: duckdb.DuckDBPyConnection, rows: _Rows, table: DataTable, events: Events
) -> tuple[int, int | None]:
    """How many rows cannot be counted, and the first of them (1 is the row below the headings)."""
    site = "''" if table.site is None else f"trim(CAST({quoted(rows.column(table.site) or '')} AS VARCHAR))"
    good = [f"{_day(rows, table)} BETWEEN CAST($first AS DATE) AND CAST($last AS DATE)"]
    good += [f"{site} <> ''"] if table.site is not None else []
    good += [f"{_number(rows, table, each.sum)} IS NOT NULL" for each in events.count.values() if each.sum]
    query = (
        f"SELECT count(*), min(number) FROM (SELECT row_number() OVER () AS number, "
        f"coalesce({' AND '.join(good)}, false) AS good FROM {rows.relation}) WHERE NOT good"
    )
    parameters = {**rows.parameters, "first": events.complete_from, "last": events.complete_to}
    count, first = engine.execute(query, parameters).fetchall()[0]
    return int(count), None if first is None else int(first)


# --- counts to numbers


def _put(
    counted: Counts,
    table: DataTable,
    shown: str,
    numbers: Numbers,
    faults: list[Fault],
) -> None:
    """Counts as quantities; every site, its own or another table's, has one in each whole period of the file."""
    events, step = table.events, table.step
    assert events is not None
    assert step is not None
    first, last = date.fromisoformat(events.complete_from), date.fromisoformat(events.complete_to)
    spans = [span_of(first, step)]
    while spans[-1][1] < last:
        spans.append(span_of(spans[-1][1] + DAY, step))
    sites = dict.fromkeys([*(key.site for key in numbers.cells), *(site for site, _ in counted)])
    for name in events.count:
        numbers.found[name] = shown
    for site in sites:
        known_as = plain(site)
        for start, end in spans:
            found = counted.get((site, start), [0.0] * len(events.count))
            place = f"{shown}, rows of {known_as}, {start} to {end}"
            origin = Origin(row=table.heading_rows[-1], site=place, period=place)
            for name, value in zip(events.count, found, strict=True):
                quantity = Quantity(text=text_of(value), place=f"{place}, '{name}'")
                numbers.put(Key(site=site, start=start, end=end), name, quantity, origin, faults)
