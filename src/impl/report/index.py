"""The portal: every declared study with its status and age in words, found by bundle, place, area, answer or date.

Without a script: lists that lead to anchors of the same page. It works from a folder or a USB stick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from html import escape
from typing import Literal

from impl.network.states import Standing, counts
from impl.report.html import FOOT, page_head
from impl.report.language import Language, read_language, sentence
from impl.report.plan import standing_lines
from impl.report.validity import months_between

Status = Literal["ok", "not_converged", "failed", "running", "not_run", "stale", "cancelled", "interrupted"]
SAID = ("planned", "overdue", "withdrawn", "unpublished", "failed")
"""States that say more than how the last run ended, and stand in its place."""
PageName = Literal["network", "learning"]
PAGES: tuple[PageName, ...] = ("network", "learning")
"""Pages about the whole network, by the first part of their file name."""
GROUPS = ("current", "outdated", "without")


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One study as the portal shows it. `links` and `summaries` map a language code to a page's relative address.

    `finished`, `run_id`, `data_to`, `answer` and what follows belong to the report that is linked, which may be
    older than the last attempt; `message` says in a few words why that attempt failed. bundles, places, areas:
    names by which the study is found; verdict: the first words of the answer. holds_until: the last day on which
    the report is current. demo: invented data; trial: a smoke run.
    """

    id: str
    title: str
    question: str
    status: Status
    answer: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    summaries: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None
    data_to: date | None = None
    finished: datetime | None = None
    message: str | None = None
    bundles: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    verdict: str | None = None
    holds_until: date | None = None
    demo: bool = False
    trial: bool = False
    standing: Standing | None = None


def render_index(
    rows: Sequence[IndexRow],
    language: str = "nb",
    *,
    today: date | None = None,
    about_all: Mapping[PageName, str] | None = None,
) -> str:
    """The whole page. about_all: addresses of the pages about the whole network, where there are any. today: the day that ages are told from; without it no age is told and nothing is outdated.

    The same rows and day give the same bytes; nothing is read from the clock.
    """
    chosen = read_language(language)
    say = chosen.say
    title = say("index.title")
    count = chosen.count("index.count", len(rows)) if rows else say("index.empty")
    made = f" {escape(say('index.made', {'date': chosen.day(today)}))}" if today else ""
    parts = []
    for group in GROUPS:
        members = [row for row in _newest_first(rows) if _group(row, today) == group]
        if members:
            heading = say(f"index.group_{group}", {"count": chosen.number(len(members))})
            items = "".join(_card(row, chosen, today) for row in members)
            parts.append(
                f'<h2 id="{group}">{escape(heading)}</h2><p class="scope">{escape(say(f"index.about_{group}"))}</p>'
                f'<ul class="studies">{items}</ul>'
            )
    return (
        f"{page_head(title, chosen)}\n"
        f'<div class="impl-report" lang="{chosen.code}"><header class="top"><h1>{escape(title)}</h1>'
        f'<p class="scope"><b>{escape(count)}</b> {escape(say("index.intro"))}{made}</p></header>'
        f"{_about_all(about_all or {}, chosen)}{_registered(rows, chosen)}{_finder(rows, chosen)}{''.join(parts)}</div>\n{FOOT}\n"
    )


def _about_all(pages: Mapping[PageName, str], language: Language) -> str:
    links = [
        f'<a href="{escape(address)}">{escape(language.say(f"index.{page}"))}</a>'
        for page, address in pages.items()
    ]
    return f"<p>{' · '.join(links)}</p>" if links else ""


def _group(row: IndexRow, today: date | None) -> str:
    if not row.links:
        return "without"
    return "outdated" if _outdated(row, today) else "current"


def _outdated(row: IndexRow, today: date | None) -> bool:
    return today is not None and row.holds_until is not None and row.holds_until < today


def _newest_first(rows: Sequence[IndexRow]) -> list[IndexRow]:
    by_name = sorted(rows, key=lambda row: row.id)
    return sorted(by_name, key=lambda row: row.data_to or date.min, reverse=True)


def _state(standing: Standing, language: Language) -> str:
    return language.say(f"standing.state.{standing.state}")


def _registered(rows: Sequence[IndexRow], language: Language) -> str:
    """How many studies are registered, and how many of them stand where: a unit counts with its study."""
    registered = [
        row.standing for row in rows if row.standing is not None and row.standing.registered is not None
    ]
    if not registered:
        return ""
    states = "".join(
        f"<li>{escape(language.say('standing.pair', {'name': language.say(f'standing.state.{state}'), 'number': language.number(count)}))}</li>"
        for state, count in counts(registered).items()
        if count
    )
    studies = len({standing.study for standing in registered})
    return (
        f'<section class="registered"><h2 id="registered">{escape(language.say("standing.heading"))}</h2>'
        f"<p>{escape(language.count('standing.count', studies))}</p><ul>{states}</ul></section>"
    )


def _finder(rows: Sequence[IndexRow], language: Language) -> str:
    """One closed list a way of looking; those by which no study can be found are left out."""
    undated = language.say("index.undated")
    ways: dict[str, Callable[[IndexRow], Sequence[str]]] = {
        "bundle": lambda row: row.bundles,
        "place": lambda row: row.places,
        "area": lambda row: row.areas,
        "answer": lambda row: [row.verdict] if row.verdict else [],
        "state": lambda row: [_state(row.standing, language)] if row.standing else [],
        "date": lambda row: [str(row.data_to.year) if row.data_to else undated],
    }
    lists = []
    for way, names_of in ways.items():
        groups: dict[str, list[IndexRow]] = {}
        for row in rows:
            for name in dict.fromkeys(names_of(row)):
                groups.setdefault(sentence(name), []).append(row)
        if not groups:
            continue
        items = "".join(
            f"<li><b>{escape(name)}</b><ul>{''.join(_way_to(row) for row in groups[name])}</ul></li>"
            for name in sorted(groups, key=str.casefold, reverse=way == "date")
        )
        key = "standing.by_state" if way == "state" else f"index.by_{way}"
        summary = language.say(key, {"count": language.number(len(groups))})
        lists.append(
            f'<details class="finder"><summary>{escape(summary)}</summary><ul class="groups">{items}</ul></details>'
        )
    if not lists:
        return ""
    heading = escape(language.say("index.find"))
    return f'<nav class="find" aria-labelledby="find-heading"><h2 id="find-heading">{heading}</h2>{"".join(lists)}</nav>'


def _way_to(row: IndexRow) -> str:
    return f'<li><a href="#study-{escape(row.id)}">{escape(row.title)}</a></li>'


def _card(row: IndexRow, language: Language, today: date | None) -> str:
    say = language.say
    marks = [
        say(f"banner.{name}") for name, there in (("synthetic", row.demo), ("smoke", row.trial)) if there
    ]
    lines = [f'<p class="mark">{escape(" · ".join(marks))}</p>'] if marks else []
    if row.question:
        lines.append(f'<p class="question">{escape(row.question)}</p>')
    if row.answer:
        lines.append(f'<p class="short">{escape(row.answer)}</p>')
    lines.append(f'<p class="status">{escape(_standing(row, language, today))}</p>')
    if row.standing is not None:
        lines += [f"<p>{escape(text)}</p>" for text in standing_lines(row.standing, language)]
    if row.message:
        lines.append(f"<p>{escape(say('index.reason', {'text': row.message}))}</p>")
    if row.links and row.status not in ("ok", "not_converged"):
        lines.append(f"<p>{escape(say('index.previous'))}</p>")
    pages = [*_links(row, row.links, "read", language), *_links(row, row.summaries, "brief", language)]
    if pages:
        lines.append(f"<p>{' · '.join(pages)}</p>")
    lines.append(f'<p class="meta">{escape(" · ".join(_dates(row, language, today)))}</p>')
    return f'<li id="study-{escape(row.id)}"><h3>{escape(row.title)}</h3>{"".join(lines)}</li>'


def _standing(row: IndexRow, language: Language, today: date | None) -> str:
    """Status in words, and until when the report holds."""
    words = [language.say(f"index.status.{row.status}")]
    if row.standing is not None and row.standing.state in SAID:
        words = [_state(row.standing, language)]
    if row.holds_until is not None:
        past = _outdated(row, today)
        key = "index.outdated" if past else "holds.until"
        words.append(language.say(key, {"date": language.day(row.holds_until)}))
    return ". ".join(words)


def _dates(row: IndexRow, language: Language, today: date | None) -> list[str]:
    found = [row.id]
    if row.data_to is not None:
        found.append(language.say("index.data_to", {"date": language.day(row.data_to)}))
    if row.finished is not None:
        run = language.say("index.run", {"date": language.day(row.finished.date())})
        if today is not None:
            months = max(months_between(row.finished.date(), today), 0)
            run += ", " + (language.count("index.ago", months) if months else language.say("index.ago_now"))
        found.append(run)
    if row.run_id is not None:
        found.append(language.say("index.run_id", {"id": row.run_id}))
    return found


def _links(row: IndexRow, pages: Mapping[str, str], key: str, language: Language) -> list[str]:
    """One link a language, the portal's own first."""
    found = []
    for code, address in sorted(pages.items(), key=lambda link: (link[0] != language.code, link[0])):
        name = language.say(f"index.language_{code}") if language.has(f"index.language_{code}") else code
        found.append(
            f'<a href="{escape(address)}" hreflang="{escape(code)}">{escape(language.say(f"index.{key}"))} '
            f'({escape(name)})<span class="unseen">: {escape(row.title)}</span></a>'
        )
    return found
