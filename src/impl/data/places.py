"""Municipality codes over time: from a change table to areas that are the same in every period.

The study names the table; none is shipped. It has the columns of KLASS's code changes: oldCode, oldName,
newCode, newName, changeOccurred. A split cannot be divided back, so everything that changes joined within
the study's periods is one area, and its counts and exposures are summed; rates are never averaged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from impl.errors import Fault, shorten
from impl.files.table import Table, cell_of, read_code, read_date, read_table
from impl.study.source import TableSource
from impl.study.vocabulary import fold

COLUMNS = ("oldCode", "oldName", "newCode", "newName", "changeOccurred")
JOINED = "+"
"""Between the codes of an area that has several of them at the end of the data (a split)."""

_CODE = re.compile(r"[0-9]{4}")
_IN_BRACKETS = re.compile(r"\s*\([^)]*\)$")  # «Våler (Østfold)»: KLASS tells twins apart so


@dataclass(frozen=True, kw_only=True)
class Change:
    """From `day` on what was `old` is, or is a part of, `new`. A code that keeps its number may stand in both."""

    old: str
    old_name: str
    new: str
    new_name: str
    day: date


@dataclass(frozen=True, kw_only=True)
class Places:
    """Every change of the table, in date order."""

    changes: tuple[Change, ...]

    @cached_property
    def lives(self) -> dict[str, tuple[date, date]]:
        """Code of the table -> first day and first day after, as far as the table tells."""
        first: dict[str, date] = {}
        after: dict[str, date] = {}
        for day in sorted({change.day for change in self.changes}):
            today = [change for change in self.changes if change.day == day]
            old, new = {change.old for change in today}, {change.new for change in today}
            for code in new - old:
                first.setdefault(code, day)
                after.pop(code, None)  # a number that is used again
            for code in old - new:
                after[code] = day
        codes = {code for change in self.changes for code in (change.old, change.new)}
        return {code: (first.get(code, date.min), after.get(code, date.max)) for code in codes}

    def alive(self, code: str, first: date, last: date) -> bool:
        """Whether a code was valid on any day from `first` to `last`; one that never changed always is."""
        since, until = self.lives.get(code, (date.min, date.max))
        return since <= last and until > first

    def successors(self, code: str) -> tuple[str, ...]:
        """What an expired code became: every branch of a split."""
        until = self.lives[code][1]
        return tuple(
            sorted({change.new for change in self.changes if (change.old, change.day) == (code, until)})
        )

    def origins(self, code: str) -> tuple[str, ...]:
        """What a code was made of on its first day."""
        since = self.lives[code][0]
        return tuple(
            sorted({change.old for change in self.changes if (change.new, change.day) == (code, since)})
        )

    def name(self, code: str) -> str:
        """The newest name of a code; the code itself where the table does not have it."""
        names = [change.new_name for change in self.changes if change.new == code]
        return (names or [change.old_name for change in self.changes if change.old == code] or [code])[-1]

    def named(self, text: str) -> tuple[str, ...]:
        """Codes of every place with a name, whatever stands in brackets after it."""
        wanted = fold(text)
        pairs = [(change.old, change.old_name) for change in self.changes]
        pairs += [(change.new, change.new_name) for change in self.changes]
        return tuple(
            sorted({code for code, name in pairs if wanted in (fold(name), fold(_IN_BRACKETS.sub("", name)))})
        )

    def areas(self, codes: Collection[str], first: date, last: date) -> dict[str, tuple[str, ...]]:
        """Area -> its codes, for everything that changes after `first` and up to `last` join with `codes`.

        An area is named by the code, or the codes, that it has on `last`. A code that no change touches is
        an area of its own.
        """
        import numpy as np
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        within = [change for change in self.changes if first < change.day <= last]
        nodes = sorted({code for change in within for code in (change.old, change.new)} | set(codes))
        position = {code: index for index, code in enumerate(nodes)}
        ends = np.array([[position[change.old], position[change.new]] for change in within]).reshape(-1, 2)
        graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(nodes), len(nodes)))
        _, labels = connected_components(graph, directed=False)
        joined: dict[int, list[str]] = {}
        for code, label in zip(nodes, labels.tolist(), strict=True):
            joined.setdefault(label, []).append(code)
        found = {}
        for members in joined.values():
            if set(members) & set(codes):
                latest = [code for code in members if self.alive(code, last, last)]
                found[JOINED.join(latest or members)] = tuple(members)
        return found

    def snapshots(self, members: Sequence[str], first: date, last: date) -> Iterator[frozenset[str]]:
        """Sets of codes that together were the whole of an area, at one time or another."""
        days = [first, *(change.day for change in self.changes if first < change.day <= last)]
        for day in dict.fromkeys(days):
            yield frozenset(code for code in members if self.alive(code, day, day))


def read_places(root: Path, file: str, faults: list[Fault]) -> Places | None:
    """Read a change table; faults are noted. None where it cannot be read."""
    table = read_table(root, TableSource(file=file), required=COLUMNS, optional=(), numeric=(), faults=faults)
    if table is None:
        return None
    before = len(faults)
    seen: dict[str, date] = {}
    changes = [change for row, fields in table.rows if (change := _change(table, row, fields, seen, faults))]
    if not table.rows:
        faults.append(
            _fault(
                "data.empty_table",
                table.shown,
                "a header without rows",
                "one row a change",
                "Export it again.",
            )
        )
    if len(faults) > before:
        return None
    return Places(changes=tuple(sorted(changes, key=lambda change: (change.day, change.old, change.new))))


def _change(
    table: Table, row: int, fields: list[str], seen: dict[str, date], faults: list[Fault]
) -> Change | None:
    cells = {column: cell_of(table, row, fields, column, faults) for column in COLUMNS}
    texts = {column: read_code(cells[column]) for column in COLUMNS[:4]}
    day = read_date(cells["changeOccurred"], seen)
    for column in ("oldCode", "newCode"):
        code = texts[column]
        if code is not None and not _CODE.fullmatch(code):
            cells[column].refuse("data.not_a_code", shorten(code, 40), "a code of four digits", _digits(code))
            texts[column] = None
    if day is None or None in texts.values():
        return None
    old, old_name, new, new_name = (str(texts[column]) for column in COLUMNS[:4])
    return Change(old=old, old_name=old_name, new=new, new_name=new_name, day=day)


def _digits(code: str) -> str:
    if re.fullmatch(r"[0-9]{3}", code):
        return f"It has lost its leading zero: write 0{code}, as text."
    return "Write the municipality's four-digit code."


def code_faults(
    places: Places, spans: Mapping[str, tuple[int, Sequence[tuple[date, date]]]], shown: str
) -> Iterator[Fault]:
    """Sites that are no codes, and codes in periods in which they were not valid.

    spans: site -> its first row and its periods.
    """
    for site, (row, periods) in spans.items():
        where = f"{shown}, row {row}, column 'site'"
        if not _CODE.fullmatch(site):
            yield _not_a_code(places, site, where)
            continue
        since, until = places.lives.get(site, (date.min, date.max))
        late = [first for first, _ in periods if first >= until]
        early = [last for _, last in periods if last < since]
        if late:
            became = " and ".join(f"{code} ({places.name(code)})" for code in places.successors(site))
            fix = f"From {until} on it is {became}: use that code from then on."
            yield _fault("data.expired_code", where, f"{site} in a period from {min(late)}", f"a code valid then, {site} until {until - timedelta(1)}", fix)  # fmt: skip
        if early:
            was = " and ".join(f"{code} ({places.name(code)})" for code in places.origins(site))
            fix = f"Until then it was {was}. If the source has recounted all years in today's codes, leave 'places' out."
            yield _fault("data.early_code", where, f"{site} in a period to {max(early)}", f"a code valid then, {site} from {since}", fix)  # fmt: skip


def _not_a_code(places: Places, site: str, where: str) -> Fault:
    named = places.named(site)
    fix = _digits(site)
    if named:
        codes = ", ".join(f"{code} ({places.name(code)})" for code in named)
        fix = f"That name is or was {codes}: write the code that is meant."
    allowed = "a code of four digits, since the study file has 'places'"
    return _fault("data.not_a_code", where, shorten(site, 40), allowed, fix)


def told_apart(names: Mapping[str, str]) -> dict[str, str]:
    """Site -> name, with the code in brackets where two sites have a name in common («Våler», «Herøy»).

    Names that differ in capitals, spaces or the composition of letters only count as one.
    """
    bare = {site: "".join(fold(name).split()) for site, name in names.items()}
    counts = Counter(bare.values())
    return {
        site: f"{name} ({site})" if counts[bare[site]] > 1 and name != site else name
        for site, name in names.items()
    }


def may_have_changed(last_seen: Mapping[str, date], first_seen: Mapping[str, date]) -> int:
    """Number of four-digit sites that end just where others begin, which is how a change of codes looks.

    last_seen, first_seen: site -> last day and first day with a row.
    """
    if not last_seen or not all(_CODE.fullmatch(site) for site in last_seen):
        return 0
    begin = [first for first in first_seen.values() if first > min(first_seen.values())]
    return sum(last + timedelta(1) in begin for last in last_seen.values())


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)


def area_of(areas: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Code -> its area."""
    return {code: area for area, codes in areas.items() for code in codes}
