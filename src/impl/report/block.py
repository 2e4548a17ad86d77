"""A block of the page, and the few forms that sections have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from impl.release.release import Release
from impl.report.language import Language, sentence


@dataclass(frozen=True, kw_only=True)
class Block:
    """One labelled part of the page. `html` is complete and escaped."""

    name: str
    label: str
    html: str


Section = Callable[[Release, Language], Block | None]


def paragraphs(texts: tuple[str, ...] | list[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def section_block(name: str, heading: str, body: str, *, kind: str = "") -> Block:
    extra = f" {kind}" if kind else ""
    return Block(
        name=name,
        label=heading,
        html=f'<section class="part{extra}" aria-labelledby="{name}-heading">'
        f'<h2 id="{name}-heading">{escape(heading)}</h2>{body}</section>',
    )


def listed(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>" if texts else ""


def pairs(rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Terms and their lines, for a `<dl>`."""
    return "".join(
        f"<div><dt>{escape(sentence(term))}</dt><dd>{'<br>'.join(escape(text) for text in texts)}</dd></div>"
        for term, texts in rows
    )
