"""How the work went: each site's steps, cycles, adaptations and pauses on one line of time, and the same as a table.

Marks are letters and signs, so that they survive print and grey; the table says the same in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

from impl.release.release import Release, SiteStart
from impl.release.sections import TimelineEvent
from impl.report import figures
from impl.report.language import Language
from impl.study.value import LanguageCode
from impl.study.vocabulary import read_vocabulary

PHASES = ("prepare", "plan", "do", "evaluate", "follow_up")
BAND, ROW = 18, 54  # heights in px: the band of steps, one site
NARROWEST = 4.0  # per cent of the width that a step needs for its number
APART = 3.5  # per cent between two signs of a row
CYCLES = {"adopt": "✓", "adapt": "↻", "abandon": "✕", "": "…"}
MARKS = {"start": "▲", "yes": "●", "no": "◇", "unknown": "○", "support_end": "■"}
VOCABULARIES = {
    "phase": "improvement_cycle",
    "cycle": "improvement_cycle",
    "strategy": "implementation_intensity",
}


def block(release: Release, language: Language) -> str:
    """Figure, key and table; empty where the sites logged nothing of their work."""
    if not release.sections.timeline:
        return ""
    return _drawing(release, language) + _key(release, language) + _table(release, language)


def fit_lines(release: Release, language: Language) -> tuple[str, ...]:
    """Mean answers to the fit form, one line a question."""
    lines = []
    for answer in release.sections.fit:
        slots = {
            "question": word("fit_questions", "fit", answer.question, language),
            "value": language.number(answer.mean, 1),
            "sites": language.count("nouns.sites", answer.sites),
        }
        lines.append(language.say("timeline.fit", slots))
    return tuple(lines)


def _drawing(release: Release, language: Language) -> str:
    """A small drawing a site, all on the same line of time; the table below says it to those who cannot see it."""
    study = release.study
    axes = figures.Axes(first=study.data_from, last=study.data_to, low=0, high=1, top=0)
    by_site = {site.site: site for site in release.design.rollout}
    rows = []
    for site in dict.fromkeys(event.site for event in release.sections.timeline):
        events = [event for event in release.sections.timeline if event.site == site]
        name = escape(events[0].name)
        rows.append(
            f'<p class="timeline-site">{name}</p><svg class="timeline" height="{ROW}" aria-hidden="true">'
            f"{''.join(_marks(release, by_site.get(site), events, axes))}</svg>"
        )
    years = range(axes.first.year + (axes.first > date(axes.first.year, 1, 1)), axes.last.year + 1)
    ticks = "".join(
        f'<line class="axis-tick" x1="{_at(date(year, 1, 1), axes):.2f}%" x2="{_at(date(year, 1, 1), axes):.2f}%" y1="0" y2="5"/>'
        f'<text class="tick small" x="{_at(date(year, 1, 1), axes):.2f}%" y="19">{year}</text>'
        for year in years
    )
    return (
        f'<figure class="figure"><figcaption><strong>{escape(language.say("timeline.title"))}</strong></figcaption>'
        f'<div class="drawing">{"".join(rows)}<svg class="timeline years" height="24" aria-hidden="true">{ticks}</svg></div>'
        f"</figure>"
    )


def _marks(
    release: Release, start: SiteStart | None, events: Sequence[TimelineEvent], axes: figures.Axes
) -> list[str]:
    """The band of steps, and under it what happened: start, adaptations, cycles, the end of support."""
    parts = []
    steps = [event for event in events if event.kind == "phase"]
    ends = [*(step.start for step in steps[1:]), axes.last]
    for step, end in zip(steps, ends, strict=False):
        number = PHASES.index(step.word) + 1
        parts.append(_box(step.start, end, axes, f"strip shade-{number}"))
        left = _at(step.start, axes)
        if _at(end, axes) - left >= NARROWEST:
            light = " light" if number >= 4 else ""
            parts.append(f'<text class="strip-number{light}" x="{left + 1:.2f}%" y="14">{number}</text>')
    parts += [
        _box(event.start, event.end or axes.last, axes, "strip paused")
        for event in events
        if event.kind == "pause"
    ]
    met = [(event.start, MARKS["support_end"]) for event in events if event.kind == "support_end"]
    if start is not None and start.actual_start is not None:
        met.append((start.actual_start, MARKS["start"]))
    section = release.sections.adaptations
    for row in section.rows if section is not None else ():
        if row.site == events[0].site:
            met.append((row.start, MARKS[row.consistent]))
    tried = [(event.start, CYCLES[event.word]) for event in events if event.kind == "cycle"]
    return parts + _signs(met, BAND + 15, axes) + _signs(tried, BAND + 31, axes)


def _signs(marks: list[tuple[date, str]], height: int, axes: figures.Axes) -> list[str]:
    """One row of signs in order of date; those that would lie on each other stand side by side."""
    parts, last = [], -APART
    for day, sign in sorted(marks):
        if axes.first <= day <= axes.last:
            last = max(_at(day, axes), last + APART)
            parts.append(f'<text class="mark" x="{min(last, 99.0):.2f}%" y="{height}">{sign}</text>')
    return parts


def _box(start: date, end: date, axes: figures.Axes, kind: str) -> str:
    left, right = _at(max(start, axes.first), axes), _at(min(end, axes.last), axes)
    return f'<rect class="{kind}" x="{left:.2f}%" width="{max(right - left, 0):.2f}%" y="0" height="{BAND}"/>'


def _at(day: date, axes: figures.Axes) -> float:
    return min(max(axes.x(day) / 10, 1.0), 99.0)


def _key(release: Release, language: Language) -> str:
    """What each sign stands for, of those that are drawn."""
    kinds = {(event.kind, event.word) for event in release.sections.timeline}
    parts = []
    steps = [phase for phase in PHASES if ("phase", phase) in kinds]
    for phase in steps:
        number = PHASES.index(phase) + 1
        parts.append(f"{number} {word('improvement_cycle', 'wheel', phase, language).lower()}")
    parts.append(f"{MARKS['start']} {language.say('timeline.start')}")
    section = release.sections.adaptations
    for answer in ("yes", "no", "unknown"):
        if section is not None and any(row.consistent == answer for row in section.rows):
            parts.append(f"{MARKS[answer]} {language.say(f'timeline.adapted_{answer}')}")
    parts += [
        f"{sign} {language.say(f'timeline.cycle_{word or "running"}')}"
        for word, sign in CYCLES.items()
        if ("cycle", word) in kinds
    ]
    if ("pause", "") in kinds:
        parts.append(f"┄ {language.say('timeline.pause').lower()}")
    if ("support_end", "") in kinds:
        parts.append(f"{MARKS['support_end']} {language.say('timeline.support_end').lower()}")
    return f'<p class="timeline-key">{escape(" · ".join(parts))}</p>'


def _table(release: Release, language: Language) -> str:
    heads = [language.say(f"timeline.{key}") for key in ("site", "what", "when")]
    rows = []
    for event in release.sections.timeline:
        when = language.day(event.start)
        if event.end is not None:
            when = language.say("timeline.from_to", {"start": when, "end": language.day(event.end)})
        rows.append(
            f'<tr><th scope="row">{escape(event.name)}</th>'
            f'<td><span class="cell-label" aria-hidden="true">{escape(heads[1])}</span>{escape(_what(event, language))}</td>'
            f'<td><span class="cell-label" aria-hidden="true">{escape(heads[2])}</span>{escape(when)}</td></tr>'
        )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        f"<details><summary>{escape(language.say('timeline.numbers'))}</summary>"
        f'<table class="cards log"><caption><strong>{escape(language.say("timeline.title"))}</strong></caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></details>"
    )


def _what(event: TimelineEvent, language: Language) -> str:
    if event.kind == "phase":
        return language.say(
            "timeline.phase", {"step": word("improvement_cycle", "wheel", event.word, language)}
        )
    if event.kind == "cycle":
        return language.say(
            "timeline.cycle", {"word": language.say(f"timeline.cycle_{event.word or 'running'}")}
        )
    if event.kind == "strategy":
        slots = {
            "name": word("eric", None, event.what, language),
            "word": word("implementation_intensity", "intensity", event.word, language),
        }
        return language.say("timeline.strategy", slots)
    return language.say(f"timeline.{event.kind}")


def word(vocabulary: str, group: str | None, item: str, language: Language) -> str:
    """The label of a vocabulary's item in the reader's language, else its own name."""
    found = read_vocabulary(vocabulary)
    said: LanguageCode = "en" if language.code == "en" else "nn" if language.code == "nn" else "nb"
    for term in found.items if group is None else found.group(group):
        if term.id == item:
            return found.label(term, said) or term.name
    return item.replace("_", " ")
