"""Looking at a file that nobody has described yet: what is plain is understood, what is not becomes a question.

Used once, by `impl new`; what it finds is written into the study file, and no later run looks again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from impl.errors import Fault
from impl.files.files import Grid, Raw, text_of
from impl.files.look.forms import look_at_form
from impl.files.look.numbers import look_at_numbers
from impl.files.look.periods import STEPS, Periods, look_at_periods
from impl.files.look.question import Ask, Question, Wanted, is_named
from impl.files.words import sheet_words
from impl.study.characters import plain
from impl.study.vocabulary import fold

ROWS_ABOVE = 40  # rows that may stand above the headings (choice)
_YEAR = re.compile("(19|20)[0-9]{2}")


@dataclass(kw_only=True)
class Looked:
    """What was understood of one table: keys of the study file, quantities by role, and notes in words."""

    table: dict[str, Any]
    roles: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    hidden: dict[str, int] | None = None


@dataclass(kw_only=True)
class _Sheet:
    """A grid with its headings found. main: row of `Kommune` and the like; body: rows of numbers below."""

    grid: Grid
    heading_rows: list[int]
    headings: list[list[str]]
    body: list[tuple[int, list[Raw]]]
    ends_before: str | None


def look_at_file(root: Path, file: str, wanted: Wanted, ask: Ask, faults: list[Fault]) -> list[Looked]:
    """Tables of one file: one, or two where a workbook keeps events and denominator on two sheets. Faults are noted."""
    before = len(faults)
    forms = look_at_form(root, file, wanted, ask, faults)
    found = []
    for form, grid, notes in forms:
        looked = _look(form, grid, wanted, ask, faults)
        if looked is not None:
            looked.notes[:0] = notes
            found.append(looked)
    return found if len(faults) == before else []


# --- headings and body


def _look(form: dict[str, Any], grid: Grid, wanted: Wanted, ask: Ask, faults: list[Fault]) -> Looked | None:
    sheet = _find_headings(grid)
    if sheet is None:
        faults.append(
            Fault(
                code="new.headings", where=grid.shown, got="no row of headings over numbers",
                allowed="headings such as Kommune and Periode, or site and period_start",
                fix="Write headings over the columns.",
            )
        )  # fmt: skip
        return None
    looked = Looked(table=dict(form))
    if sheet.heading_rows != [1]:
        looked.table["heading_rows"] = sheet.heading_rows
    rows = "row" if len(sheet.heading_rows) == 1 else "rows"
    looked.notes.append(f"headings in {rows} {', '.join(map(str, sheet.heading_rows))}")
    columns = _columns(sheet)
    numbers = _place_columns(sheet, columns, looked, wanted, ask)
    if numbers is None:
        return None
    if sheet.ends_before is not None:
        looked.table["ends_before"] = sheet.ends_before
        looked.notes.append(f"notes below the table, from «{plain(sheet.ends_before)}», are left out")
    _totals(sheet, looked)
    cells = [row[at] for _, row in sheet.body for at in numbers if at < len(row)]
    look_at_numbers(cells, grid.shown, looked.table, looked.notes, ask, faults)
    looked.hidden = looked.table.pop("hidden", None)
    return looked


def _text(raw: Raw) -> str:
    return " ".join(text_of(raw).split())


def _is_number(raw: Raw) -> bool:
    if not isinstance(raw, str):
        return not isinstance(raw, date)
    return bool(re.fullmatch(r"[-−<≤]?\s*[0-9][0-9\s.,]*(?:[-–][0-9]+)?\s*[*%]?|[.:*\-–]{1,2}", raw.strip()))


def _find_headings(grid: Grid) -> _Sheet | None:
    words = {word for group in sheet_words().headings.values() for word in group}
    rows = grid.rows
    above = rows[:ROWS_ABOVE]
    main = next(
        (
            at for at, (_, cells) in enumerate(above)
            if sum(cell != "" for cell in cells) > 1 and any(fold(_text(cell)) in words for cell in cells)
        ),
        None,
    )  # fmt: skip
    if main is None:  # the row over the first row with numbers
        first = next((at for at, (_, cells) in enumerate(above) if sum(map(_is_number, cells)) and at), None)
        if first is None or sum(cell != "" for cell in rows[first - 1][1]) < 2:
            return None
        main = first - 1
    picked = [main]
    if main and _is_upper(rows[main - 1][1]):
        picked.insert(0, main - 1)
    elif main + 1 < len(rows) and _is_lower(rows[main + 1][1], rows[main][1]):
        picked.append(main + 1)
    below = rows[picked[-1] + 1 :]
    end = next(
        (
            at
            for at, (_, cells) in enumerate(below)
            if at and _is_note(cells) and all(_is_note(row) for _, row in below[at:])
        ),
        None,
    )
    ends_before = None if end is None else next(_text(cell) for cell in below[end][1] if cell != "")
    body = below[:end]
    if not body:
        return None
    width = max(len(rows[at][1]) for at in picked)
    headings = [
        [text for at in picked if column < len(rows[at][1]) and (text := _text(rows[at][1][column]))]
        for column in range(width)
    ]
    return _Sheet(
        grid=grid,
        heading_rows=[rows[at][0] for at in picked],
        headings=headings,
        body=body,
        ends_before=ends_before,
    )


def _is_upper(cells: Sequence[Raw]) -> bool:
    """Whether a row stands over the headings as their upper half: years, months or quantities, not a title."""
    filled = [at for at, cell in enumerate(cells) if cell != ""]
    if not filled or filled[0] == 0:
        return False
    return all(not _is_number(cells[at]) or _YEAR.fullmatch(_text(cells[at])) for at in filled)


def _is_lower(cells: Sequence[Raw], upper: Sequence[Raw]) -> bool:
    """Whether a row below `Kommune` is the lower half of its headings: nothing under it, and no numbers."""
    filled = [at for at, cell in enumerate(cells) if cell != ""]
    return (
        bool(filled) and cells[0] == "" and upper[0] != "" and not any(_is_number(cells[at]) for at in filled)
    )


def _is_note(cells: Sequence[Raw]) -> bool:
    """One text that is no number, alone in its row."""
    filled = [cell for cell in cells if cell != ""]
    return len(filled) == 1 and not _is_number(filled[0])


# --- columns


def _columns(sheet: _Sheet) -> dict[str, list[int]]:
    """What the headings say of themselves: kind -> positions."""
    found: dict[str, list[int]] = {}
    for kind, words in sheet_words().headings.items():
        for at, texts in enumerate(sheet.headings):
            if any(fold(text) in words for text in texts):
                found.setdefault(kind, []).append(at)
    return found


def _heading(sheet: _Sheet, at: int) -> str:
    return sheet.headings[at][-1]


def _place_columns(
    sheet: _Sheet, columns: Mapping[str, list[int]], looked: Looked, wanted: Wanted, ask: Ask
) -> list[int] | None:
    """Site, period and quantities into `looked`; positions of the number columns, None where an answer is missing."""
    if not _site(sheet, columns, looked, ask):
        return None
    named = {looked.table.get(key) for key in ("site", "name")}
    taken = {at for at, texts in enumerate(sheet.headings) if texts and texts[-1] in named}
    body = [row for _, row in sheet.body]
    site = looked.table.get("site")
    periods = look_at_periods(sheet.grid, sheet.heading_rows, sheet.headings, body, columns, site, ask)
    if periods is None:
        return None
    looked.table |= periods.table
    looked.notes += periods.notes
    taken |= set(periods.columns)
    if periods.days:
        return _events(sheet, looked, wanted, ask)
    if periods.across:
        return _wide(sheet, columns, periods, taken, looked, wanted, ask)
    return _long(sheet, columns, taken, looked, wanted, ask)


def _site(sheet: _Sheet, columns: Mapping[str, list[int]], looked: Looked, ask: Ask) -> bool:
    shown = sheet.grid.shown
    found = [at for at in columns.get("site", ()) if sheet.headings[at]]
    coded = [
        at
        for at in found
        if all(
            _text(row[at]).isdigit()
            for _, row in sheet.body
            if at < len(row) and fold(_text(row[at])) not in sheet_words().totals
        )
    ]
    names = list(columns.get("name", ()))
    if len(found) > 1 and len(coded) == 1:
        names += [at for at in found if at not in coded][:1] if not names else []
        found = coded
    if not found and len(names) == 1:
        found, names = names, []
    if len(found) == 1:
        looked.table["site"] = _heading(sheet, found[0])
        looked.notes.append(f"sites in column '{plain(looked.table['site'])}'")
        if len(names) == 1:
            looked.table["name"] = _heading(sheet, names[0])
            looked.notes.append(f"their names in column '{plain(looked.table['name'])}'")
        return True
    if found:
        options = tuple(_heading(sheet, at) for at in found)
        answer = ask(Question(key="site", text=f"Which column of {shown} names the site?", options=options))
        looked.table["site"] = answer
        return answer is not None
    answer = ask(
        Question(key="one_site", text=f"{shown} has no column of sites. Code of the site that it is about?")
    )
    looked.table["one_site"] = answer
    return answer is not None


def _totals(sheet: _Sheet, looked: Looked) -> None:
    totals = sheet_words().totals
    site = looked.table.get("site")
    at = next((at for at, texts in enumerate(sheet.headings) if site is not None and site in texts), None)
    named = [] if at is None else [_text(row[at]) for _, row in sheet.body if at < len(row)]
    if looked.table.get("across"):
        named += [text for texts in sheet.headings for text in texts]
    found = list(dict.fromkeys(text for text in named if fold(text) in totals))
    if found:
        looked.table["leave_out"] = found
        looked.notes.append(f"totals left out: {', '.join(map(plain, found))}")


def _long(
    sheet: _Sheet, columns: Mapping[str, list[int]], taken: set[int], looked: Looked, wanted: Wanted, ask: Ask
) -> list[int] | None:
    shown = sheet.grid.shown
    numeric = [
        at for at, texts in enumerate(sheet.headings)
        if texts and at not in taken and any(_is_number(row[at]) for _, row in sheet.body if at < len(row))
    ]  # fmt: skip
    said = [at for at in columns.get("quantity", ()) if at not in taken and at not in numeric]
    if len(said) == 1 and len(numeric) == 1:
        at = said[0]
        looked.table |= {"quantity": _heading(sheet, at), "value": _heading(sheet, numeric[0])}
        looked.notes.append(f"shape: a row a number, column '{plain(_heading(sheet, at))}' says what it is")
        words = list(dict.fromkeys(_text(row[at]) for _, row in sheet.body if at < len(row)))
        return numeric if _roles(words, looked, wanted, shown, ask) else None
    looked.notes.append("shape: a row a site and period")
    names = [_heading(sheet, at) for at in numeric]
    states = {
        kind: [_heading(sheet, at) for at in columns.get(kind, ()) if at in numeric]
        for kind in ("yes", "no", "not_reported")
    }
    if len(states["yes"]) == 1 and len(states["no"]) == 1:
        looked.roles |= {kind: found[0] for kind, found in states.items() if found}
        return [at for at in numeric if _heading(sheet, at) in looked.roles.values()]
    generic = {
        kind: [_heading(sheet, at) for at in columns.get(kind, ()) if at in numeric]
        for kind in ("numerator", "denominator")
    }
    if not _roles(names, looked, wanted, shown, ask, generic):
        return None
    return [at for at in numeric if _heading(sheet, at) in looked.roles.values()]


def _events(sheet: _Sheet, looked: Looked, wanted: Wanted, ask: Ask) -> list[int] | None:
    """A row an event: which rows count, how long a period is, and between what days the file is complete."""
    shown = sheet.grid.shown
    looked.notes.append("shape: a row an event, to be counted")
    where: dict[str, list[str]] = {}
    for at, texts in enumerate(sheet.headings):
        words = list(dict.fromkeys(_text(row[at]) for _, row in sheet.body if at < len(row)))
        found = [word for word in words if fold(word) in wanted.events]
        if texts and found:
            where = {texts[-1]: found}
            looked.notes.append(f"counted: rows with {found[0]} in column '{plain(texts[-1])}'")
            break
    else:
        question = f"No column of {shown} says which rows are events of the measure. Count every row?"
        if ask(Question(key="events", text=question, options=("every row",))) is None:
            return None
    step = ask(Question(key="step", text=f"How long shall a period of {shown} be?", options=STEPS))
    first = ask(Question(key="events.complete_from", text=f"From what day is {shown} complete (2021-01-01)?"))
    last = ask(Question(key="events.complete_to", text=f"To what day is {shown} complete (2021-12-31)?"))
    if step is None or first is None or last is None:
        return None
    looked.table["step"] = step
    looked.table["events"] = {
        "count": {"numerator": {"where": where}},
        "complete_from": first,
        "complete_to": last,
    }
    looked.roles["numerator"] = "numerator"
    return []


def _wide(
    sheet: _Sheet,
    columns: Mapping[str, list[int]],
    periods: Periods,
    taken: set[int],
    looked: Looked,
    wanted: Wanted,
    ask: Ask,
) -> list[int] | None:
    shown = sheet.grid.shown
    looked.notes.append("shape: periods across")
    numbers = [at for at in range(len(sheet.headings)) if at not in taken]
    down = [at for at in columns.get("quantity", ()) if at in taken]
    if len(down) == 1:
        looked.table["quantity"] = _heading(sheet, down[0])
        looked.notes.append(f"column '{plain(looked.table['quantity'])}' says what a row counts")
        words = list(dict.fromkeys(_text(row[down[0]]) for _, row in sheet.body if down[0] < len(row)))
        return numbers if _roles(words, looked, wanted, shown, ask) else None
    if "quantity" in periods.across:
        row = sheet.heading_rows[periods.across.index("quantity")]
        words = list(dict.fromkeys(text for cell in dict(sheet.grid.rows)[row] if (text := _text(cell))))
        site = looked.table.get("site")
        words = [word for word in words if word != site and fold(word) not in sheet_words().totals]
        return numbers if _roles(words, looked, wanted, shown, ask) else None
    above = [
        _text(cell)
        for number, cells in sheet.grid.rows
        if number < sheet.heading_rows[0]
        for cell in cells
        if cell != ""
    ]
    hints = [
        fold(text) for text in (looked.table.get("sheet") or "", Path(looked.table["file"]).stem, *above)
    ]
    kinds = [
        role for role, words in (("numerator", wanted.events), ("denominator", wanted.exposure))
        if any(is_named(hint, words) or set(re.findall(r"\w+", hint)) & words for hint in hints)
    ]  # fmt: skip
    role = (
        kinds[0]
        if len(kinds) == 1
        else ask(
            Question(
                key="content", text=f"What are the numbers of {shown}?", options=("numerator", "denominator")
            )
        )
    )
    if role is None:
        return None
    looked.table["content"] = role
    looked.roles[role] = role
    looked.notes.append(f"its numbers are the {role}")
    return numbers


def _roles(
    names: Sequence[str],
    looked: Looked,
    wanted: Wanted,
    shown: str,
    ask: Ask,
    generic: Mapping[str, Sequence[str]] | None = None,
) -> bool:
    """Numerator and denominator among the names; a file may hold one of them alone. False where an answer is missing."""
    for role, words in (("numerator", wanted.events), ("denominator", wanted.exposure)):
        found = [name for name in names if is_named(fold(name), words)]
        if not found and generic is not None:
            found = [name for name in generic[role] if name not in looked.roles.values()]
        if len(found) == 1:
            looked.roles[role] = found[0]
        elif len(found) > 1:
            answer = ask(
                Question(key=role, text=f"Which column of {shown} is the {role}?", options=tuple(found))
            )
            if answer is None:
                return False
            looked.roles[role] = answer
    left = [name for name in names if name not in looked.roles.values()]
    if not looked.roles and left:
        answer = ask(
            Question(
                key="numerator", text=f"Which of these in {shown} counts the events?", options=tuple(left)
            )
        )
        if answer is None:
            return False
        looked.roles["numerator"] = answer
    for role, name in looked.roles.items():
        looked.notes.append(f"{role}: '{plain(name)}'")
    return bool(looked.roles)
