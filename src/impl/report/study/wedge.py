"""When each site started: a real table with one line of time a row, planned beside actual, dates in words.

States differ by height, fill and outline, never by colour alone; the words of each row say the same. Ordered by date of
start, the only table of sites that is. Many sites are joined by step, with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from impl.release.release import Release, SiteStart
from impl.release.wedge import StateRun
from impl.report import figures
from impl.report.language import Language, sentence

MOST_SITES = 40  # rows above which sites are joined by step
STATES = ("without", "transition", "with", "paused", "stopped", "before-data")
HEIGHT, HEAD = 22, 26  # px of a row, of the row of years
BOXES = {"without": (8, 6), "stopped": (10, 2)}
"""Top and height in px of the states that are thinner than the others."""
OTHERS = (4, 14)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One site, or the sites of one step. words: lines about dates. planned: where it differs from the start."""

    name: str
    start: date | None
    planned: date | None
    runs: tuple[StateRun, ...]
    words: tuple[str, ...]


def block(release: Release, language: Language) -> str:
    """Figure and key; empty where one site alone took part, or no states were released."""
    if len(release.sections.wedge) < 2:
        return ""
    rows = rows_of(release, language)
    heading = title(release, language)
    axes = figures.Axes(first=release.study.data_from, last=release.study.data_to, low=0, high=1, top=0)
    body = "".join(_row(row, axes) for row in rows)
    names = [language.say(f"wedge.{key}") for key in ("site", "line", "start")]
    classes = ("a", "g", "v")
    inside = (
        escape(names[0]),
        f'<span class="away">{escape(names[1])}</span>{_years(axes)}',
        escape(names[2]),
    )
    head = "".join(
        f'<th role="columnheader" scope="col" class="{kind}">{text}</th>'
        for kind, text in zip(classes, inside, strict=True)
    )
    return (
        f'<figure class="figure wedge"><figcaption id="wedge-caption"><strong>{escape(heading)}</strong>'
        f'<span class="unit">{escape(language.say("wedge.order"))}</span></figcaption>'
        f'<div class="drawing"><table role="table" aria-labelledby="wedge-caption"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>'
        f'<div class="note"><p class="note-heading">{escape(language.say("trend.note_heading"))}</p>'
        f"{_key(rows, language)}</div></figure>"
    )


def title(release: Release, language: Language) -> str:
    """How many steps, and from when to when."""
    started = [start.actual_start for start in release.design.rollout if start.actual_start is not None]
    months = sorted({(day.year, day.month) for day in started})
    sites, everybody = (
        language.count("nouns.sites", number) for number in (len(started), len(release.design.rollout))
    )
    if len(started) < len(release.design.rollout):
        slots = {"count": language.number(len(started)), "sites": everybody}
        sites = language.say("wedge.some", slots)
    if not months:
        return language.say("wedge.title_none")
    first, last = (language.month(date(*month, 1)) for month in (months[0], months[-1]))
    slots = {"sites": sites, "count": language.number(len(months)), "start": first, "end": last}
    return sentence(language.say("wedge.title_one" if len(months) == 1 else "wedge.title", slots))


def rows_of(release: Release, language: Language) -> tuple[Row, ...]:
    """Rows in order of start, then of code; steps instead of sites where there are many."""
    place = {start.site: index for index, start in enumerate(release.design.rollout)}
    starts = {start.site: start for start in release.design.rollout}
    found = [(starts[each.site], each.runs) for each in release.sections.wedge if each.site in starts]
    found.sort(key=lambda pair: (_order(pair[0]), place[pair[0].site]))
    if len(found) > MOST_SITES:
        return _steps(found, language)
    return tuple(
        Row(
            name=start.name,
            start=start.actual_start,
            planned=start.allocated_start if _is_moved(start) else None,
            runs=runs,
            words=_words(start, runs, language),
        )
        for start, runs in found
    )


def _order(start: SiteStart) -> date:
    if start.state == "before-data":
        return date.min
    return start.actual_start or date.max


def _is_moved(start: SiteStart) -> bool:
    """Whether the month of the start was another than planned; days within a month are not drawn."""
    planned, actual = start.allocated_start, start.actual_start
    if planned is None:
        return False
    return actual is None or (planned.year, planned.month) != (actual.year, actual.month)


def _words(start: SiteStart, runs: Sequence[StateRun], language: Language) -> tuple[str, ...]:
    lines = [_start_words(start, language)]
    if _is_moved(start) and start.allocated_start is not None:
        lines.append(language.say("wedge.planned", {"date": language.month(start.allocated_start)}))
    full = next((run.start for run in runs if run.state == "with"), None)
    if full is not None and any(run.state == "transition" for run in runs):
        lines.append(language.say("wedge.full_from", {"date": language.month(full)}))
    for run in runs:
        if run.state == "paused":
            ends = {"start": language.month(run.start), "end": language.month(run.end)}
            lines.append(language.say("wedge.paused_from_to", ends))
    if start.stop is not None:
        lines.append(language.say("wedge.stopped_from", {"date": language.month(start.stop)}))
    return tuple(lines)


def _start_words(start: SiteStart, language: Language) -> str:
    if start.actual_start is not None:
        return sentence(language.month(start.actual_start))
    return language.say("wedge.before_data" if start.state == "before-data" else "wedge.never")


def _steps(found: Sequence[tuple[SiteStart, tuple[StateRun, ...]]], language: Language) -> tuple[Row, ...]:
    """One row a month of start; the states are those of most of its sites."""
    groups: dict[str, list[tuple[SiteStart, tuple[StateRun, ...]]]] = {}
    for start, runs in found:
        groups.setdefault(_start_words(start, language), []).append((start, runs))
    rows = []
    for words, members in groups.items():
        ((usual, _),) = Counter(runs for _, runs in members).most_common(1)
        moved = sum(_is_moved(start) for start, _ in members)
        lines = [words]
        if moved:
            lines.append(language.count("wedge.moved", moved))
        rows.append(
            Row(
                name=language.count("nouns.sites", len(members)),
                start=members[0][0].actual_start,
                planned=None,
                runs=usual,
                words=tuple(lines),
            )
        )
    return tuple(rows)


def _row(row: Row, axes: figures.Axes) -> str:
    boxes = "".join(_box(run, axes) for run in row.runs)
    planned = ""
    if row.planned is not None and axes.first <= row.planned <= axes.last:
        at = axes.x(row.planned) / 10
        planned = f'<line class="planned" x1="{at:.2f}%" x2="{at:.2f}%" y1="0" y2="{HEIGHT}"/>'
    words = "".join(f'<span class="line">{escape(text)}</span>' for text in row.words)
    return (
        f'<tr role="row"><th role="rowheader" scope="row" class="a">{escape(row.name)}</th>'
        f'<td role="cell" class="g"><svg class="states" aria-hidden="true" height="{HEIGHT}">{boxes}{planned}</svg></td>'
        f'<td role="cell" class="v">{words}</td></tr>'
    )


def _box(run: StateRun, axes: figures.Axes) -> str:
    left, right = axes.x(run.start) / 10, axes.end(run.end) / 10
    top, height = BOXES.get(run.state, OTHERS)
    return f'<rect class="state {run.state}" x="{left:.2f}%" width="{right - left:.2f}%" y="{top}" height="{height}"/>'


def _years(axes: figures.Axes) -> str:
    parts = []
    for day, whole in figures.time_ticks(axes.first, axes.last):
        if whole or day.month == 1:
            at = axes.x(day) / 10
            parts.append(
                f'<line class="axis-tick" x1="{at:.2f}%" x2="{at:.2f}%" y1="20" y2="{HEAD}"/>'
                f'<text class="tick" x="{at:.2f}%" y="14">{day.year}</text>'
            )
    return f'<svg class="states" aria-hidden="true" height="{HEAD}">{"".join(parts)}</svg>'


def _key(rows: Sequence[Row], language: Language) -> str:
    """What each state looks like, of those that are drawn."""
    drawn = {run.state for row in rows for run in row.runs}
    items = []
    for state in STATES:
        if state in drawn:
            top, height = BOXES.get(state, OTHERS)
            swatch = (
                f'<svg class="swatch" aria-hidden="true" width="28" height="{HEIGHT}">'
                f'<rect class="state {state}" x="1" width="26" y="{top}" height="{height}"/></svg>'
            )
            items.append(f"<li>{swatch}{escape(language.say(f'wedge.{state}'))}</li>")
    if any(row.planned is not None for row in rows):
        swatch = (
            f'<svg class="swatch" aria-hidden="true" width="28" height="{HEIGHT}">'
            f'<line class="planned" x1="14" x2="14" y1="0" y2="{HEIGHT}"/></svg>'
        )
        items.append(f"<li>{swatch}{escape(language.say('wedge.planned_key'))}</li>")
    return f'<ul class="wedge-key">{"".join(items)}</ul>'
