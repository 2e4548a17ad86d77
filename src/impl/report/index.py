"""The index of all evaluations: every study that is declared, run or not, with status and dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from html import escape
from typing import Literal

from impl.report.html import FOOT, page_head
from impl.report.language import read_language

Status = Literal["ok", "not_converged", "failed", "running", "not_run", "stale", "cancelled", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One study as the index shows it. `links` maps a language code to the report's relative address.

    `finished`, `run_id`, `data_to` and `answer` belong to the report that is linked, which may be older
    than the last attempt; `message` says in a few words why that attempt failed.
    """

    id: str
    title: str
    question: str
    status: Status
    answer: str | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    run_id: str | None = None
    data_to: date | None = None
    finished: datetime | None = None
    message: str | None = None


def render_index(rows: Sequence[IndexRow], language: str = "nb") -> str:
    """The whole page. The same rows give the same bytes; nothing is read from the clock."""
    chosen = read_language(language)
    say = chosen.say
    items = []
    for row in rows:
        question = f'<p class="question">{escape(row.question)}</p>' if row.question else ""
        status = f'<p class="status">{escape(say(f"index.status.{row.status}"))}</p>'
        reason = f"<p>{escape(say('index.reason', {'text': row.message}))}</p>" if row.message else ""
        earlier = row.links and row.status not in ("ok", "not_converged")
        previous = f"<p>{escape(say('index.previous'))}</p>" if earlier else ""
        answer = f"<p>{escape(row.answer)}</p>" if row.answer else ""
        links = ", ".join(
            f'<a href="{escape(address)}" hreflang="{escape(code)}">{escape(say("index.read"))} '
            f"({escape(say(f'index.language_{code}') if chosen.has(f'index.language_{code}') else code)})"
            f'<span class="unseen">: {escape(row.title)}</span></a>'
            for code, address in sorted(row.links.items(), key=lambda link: (link[0] != language, link[0]))
        )
        meta = [row.id]
        if row.data_to is not None:
            meta.append(say("index.data_to", {"date": chosen.day(row.data_to)}))
        if row.finished is not None:
            meta.append(say("index.run", {"date": chosen.day(row.finished.date())}))
        if row.run_id is not None:
            meta.append(say("index.run_id", {"id": row.run_id}))
        items.append(
            f"<li><h2>{escape(row.title)}</h2>{question}{status}{reason}{previous}"
            f'{answer}{f"<p>{links}</p>" if links else ""}<p class="meta">{escape(" · ".join(meta))}</p></li>'
        )
    title = say("index.title")
    count = chosen.count("index.count", len(rows)) if rows else say("index.empty")
    return (
        f"{page_head(title, chosen)}\n"
        f'<div class="impl-report" lang="{chosen.code}"><header class="top"><h1>{escape(title)}</h1>'
        f'<p class="scope"><b>{escape(count)}</b> {escape(say("index.intro"))}</p></header>'
        f'<ul class="studies">{"".join(items)}</ul></div>\n{FOOT}\n'
    )
