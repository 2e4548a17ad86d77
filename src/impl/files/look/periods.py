"""How a file that nobody has described writes its periods: in a column, in two, or across."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_args

from impl.files.files import Grid, Raw, text_of
from impl.files.look.question import Ask, Question
from impl.files.periods import Unread, period_step, read_day_text, span_of
from impl.files.words import sheet_words
from impl.study.characters import plain
from impl.study.source import Step
from impl.study.vocabulary import fold

_YEAR = re.compile("(19|20)[0-9]{2}")
STEPS: tuple[Step, ...] = get_args(Step)


@dataclass(kw_only=True)
class Periods:
    """Keys of the study file, the positions of its columns, what each heading row says, and notes in words.

    days: whether the column holds single days that are no periods' first, as a file of events does.
    """

    table: dict[str, Any]
    columns: list[int] = field(default_factory=list)
    across: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    days: bool = False


def look_at_periods(
    grid: Grid,
    heading_rows: Sequence[int],
    headings: Sequence[Sequence[str]],
    body: Sequence[Sequence[Raw]],
    columns: Mapping[str, Sequence[int]],
    site: str | None,
    ask: Ask,
) -> Periods | None:
    """Periods of a table; None where an answer is missing. site: heading of the sites."""
    free = {kind: [at for at in found if headings[at][-1] != site] for kind, found in columns.items()}
    start, end = free.get("period_start", []), free.get("period_end", [])
    totals = sheet_words().totals
    at_site = next((at for at, texts in enumerate(headings) if site in texts), None)
    body = [row for row in body if at_site is None or fold(text_of(row[at_site])) not in totals]
    if len(start) == 1 and len(end) == 1:
        cells = [row[at] for row in body for at in (start[0], end[0])]
        days = _days_form(cells, grid.shown, ask)
        if days is None:
            return None
        names = {"period": headings[start[0]][-1], "period_end": headings[end[0]][-1]}
        return Periods(
            table={**names, **days},
            columns=[start[0], end[0]],
            notes=[f"periods from column '{plain(names['period'])}' to '{plain(names['period_end'])}'"],
        )
    year = free.get("year", [])
    period = [at for at in free.get("period", []) if at not in year] or start or free.get("date", [])
    if len(period) > 1:
        options = tuple(headings[at][-1] for at in period)
        answer = ask(
            Question(key="period", text=f"Which column of {grid.shown} is the period?", options=options)
        )
        period = [at for at in period if headings[at][-1] == answer]
        if not period:
            return None
    if len(period) == 1 and len(year) == 1:
        return _two_columns(headings, body, period[0], year[0], grid.shown, ask)
    if period or year:
        return _one_column(headings, body, (period or year)[0], grid.shown, ask)
    return _across(grid, heading_rows, headings, columns, site, ask)


def kind_of_heading(texts: Iterable[str]) -> str | None:
    """What a row of headings over numbers says: period, year, part (of a year) or quantity; None where it is mixed."""
    totals, months = sheet_words().totals, {name for names in sheet_words().months for name in names}
    words = [fold(text) for text in texts if text and fold(text) not in totals]
    if not words:
        return None
    if all(_YEAR.fullmatch(word) for word in words):
        return "year"
    if all(period_step(word) is not None for word in words):
        return "period"
    if all(word.rstrip(".") in months or _part_step(word) is not None or word.isdigit() for word in words):
        return "part"
    return "quantity" if not any(period_step(word) for word in words) else None


def _part_step(word: str) -> Step | None:
    """Kind of a part of a year (`t1`, `2. kvartal`, `mars`) without its year."""
    if word.rstrip(".") in {name for names in sheet_words().months for name in names}:
        return "month"
    for step, words in sheet_words().parts.items():
        named = "|".join(map(re.escape, words))
        if re.fullmatch(rf"(?:{named})\.? ?[0-9]{{1,2}}|[0-9]{{1,2}}\.? ?(?:{named})\.?", word):
            return step
    return None


def _step_of_parts(words: Sequence[str], shown: str, ask: Ask) -> str | None:
    found = {_part_step(word) for word in words}
    if len(found) == 1 and (step := found.pop()) is not None:
        return step
    numbers = {int(word) for word in words if word.isdigit()}
    if numbers and max(numbers) > 4:
        return "month" if max(numbers) <= 12 else "week"
    return ask(Question(key="step", text=f"How long is a period of {shown}?", options=STEPS))


def _two_columns(
    headings: Sequence[Sequence[str]],
    body: Sequence[Sequence[Raw]],
    period: int,
    year: int,
    shown: str,
    ask: Ask,
) -> Periods | None:
    words = [fold(text_of(row[period])) for row in body if row[period] != ""]
    if all(period_step(word) for word in words):
        return _one_column(headings, body, period, shown, ask)
    step = _step_of_parts(words, shown, ask)
    if step is None:
        return None
    names = {"period": headings[period][-1], "year": headings[year][-1]}
    note = f"periods ({step}) in column '{plain(names['period'])}', their year in '{plain(names['year'])}'"
    return Periods(table={**names, "step": step}, columns=[period, year], notes=[note])


def _one_column(
    headings: Sequence[Sequence[str]], body: Sequence[Sequence[Raw]], at: int, shown: str, ask: Ask
) -> Periods | None:
    heading = headings[at][-1]
    cells = [row[at] for row in body if at < len(row) and row[at] != ""]
    words = list(dict.fromkeys(fold(text_of(cell)) for cell in cells))
    steps = {period_step(word) for word in words if not word.isdigit() or len(word) == 4}
    if len(steps) == 1 and None not in steps:
        step = str(steps.pop())
        return Periods(
            table={"period": heading, "step": step},
            columns=[at],
            notes=[f"periods ({step}) in column '{plain(heading)}', as {plain(text_of(cells[0]))}"],
        )
    if words and all(re.fullmatch("[12][0-9]{3}[0-9]{2}", word) for word in words):
        step = "month" if max(int(word[4:]) for word in words) <= 12 else "week"
        return Periods(
            table={"period": heading, "step": step}, columns=[at], notes=[f"periods ({step}) as 202201"]
        )
    form = _days_form(cells, shown, ask)
    if form is None:
        return None
    days = _days(cells, form)
    found = _step_of_days(days)
    note = f"days in column '{plain(heading)}', written {form.get('days', 'yyyy-mm-dd')}"
    if found is None:
        return Periods(table={"period": heading, **form}, columns=[at], notes=[note], days=True)
    return Periods(
        table={"period": heading, "step": found, **form}, columns=[at], notes=[f"{note}; each is a {found}"]
    )


def _days_form(cells: Sequence[Raw], shown: str, ask: Ask) -> dict[str, str] | None:
    """`days` of the study file, empty for 2022-01-31 and for a workbook's own days."""
    texts = [text_of(cell).strip() for cell in cells if cell != "" and not isinstance(cell, date)]
    if all(not isinstance(read_day_text(text[:10], "yyyy-mm-dd"), Unread) for text in texts):
        return {}
    if all(re.match(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", text) for text in texts):
        return {"days": "dd.mm.yyyy"}
    if all(re.fullmatch(r"[2-6][0-9]{4}(\.0)?", text) for text in texts):
        return {"days": "excel"}
    answer = ask(
        Question(
            key="days",
            text=f"How are the days of {shown} written ({plain(texts[0])})?",
            options=("yyyy-mm-dd", "dd.mm.yyyy", "excel"),
        )
    )
    return None if answer is None else {} if answer == "yyyy-mm-dd" else {"days": answer}


def _days(cells: Sequence[Raw], form: Mapping[str, str]) -> list[date]:
    found = []
    for cell in cells:
        days: Any = form.get("days", "yyyy-mm-dd")
        text = re.split(r"[ T]", text_of(cell).strip(), maxsplit=1)[0]
        day = cell if isinstance(cell, date) else read_day_text(text, days)
        if isinstance(day, date):
            found.append(day)
    return sorted(set(found))


def _step_of_days(days: Sequence[date]) -> Step | None:
    """The longest step of which every day is the first, or every day the last; None for days in between."""
    for step in reversed(STEPS):
        spans = [span_of(day, step) for day in days]
        for edge in (0, 1):
            if days and all(span[edge] == day for span, day in zip(spans, days, strict=True)):
                return step
    return None


def _across(
    grid: Grid,
    heading_rows: Sequence[int],
    headings: Sequence[Sequence[str]],
    columns: Mapping[str, Sequence[int]],
    site: str | None,
    ask: Ask,
) -> Periods | None:
    given = dict(grid.rows)
    named = {at for kind in ("site", "name", "quantity") for at in columns.get(kind, ())}
    named |= {at for at, texts in enumerate(headings) if site in texts}
    rows = [
        [" ".join(text_of(cell).split()) for at, cell in enumerate(given[number]) if at not in named]
        for number in heading_rows
    ]
    kinds = [kind_of_heading(row) for row in rows]
    if kinds.count("year") == 1 and "part" not in kinds:
        kinds = ["period" if kind == "year" else kind for kind in kinds]
    if (
        None in kinds
        or not ("period" in kinds or {"year", "part"} <= set(kinds))
        or len(set(kinds)) < len(kinds)
    ):
        ask(
            Question(
                key="period",
                text=f"Where are the periods of {grid.shown}? No column and no headings name them.",
            )
        )
        return None
    across = tuple(str(kind) for kind in kinds)
    said = "period" if "period" in across else "part"
    words = [
        fold(text) for text in rows[across.index(said)] if text and fold(text) not in sheet_words().totals
    ]
    steps = {period_step(word) for word in words}
    step = (
        str(steps.pop()) if said == "period" and len(steps) == 1 else _step_of_parts(words, grid.shown, ask)
    )
    if step is None or step == "None":
        return None
    return Periods(
        table={"across": list(across), "step": step},
        columns=sorted(named),
        across=across,
        notes=[f"periods ({step}) across, from {plain(words[0])} to {plain(words[-1])}"],
    )
