"""The order of a page: which sections a Release gives, and where the reader finds them.

A report is `SECTIONS`, or `FAILED_SECTIONS` where the calculation did not pass its checks: those show no
estimate, no curve and no verdict. A Release about data alone has `QUALITY_SECTIONS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from impl.release.release import Release
from impl.report.block import Block, Section
from impl.report.language import Language
from impl.report.study import quality_sections, sections

SECTIONS: tuple[Section, ...] = (
    sections.banner,
    sections.question,
    sections.answer,
    sections.messages,
    sections.trend,
    sections.comparison,
    sections.limits,
    sections.delivered,
    sections.adapted,
    sections.rolled_out,
    sections.work,
    sections.lasts,
    sections.course,
    sections.for_whom,
    sections.by_site,
    sections.counted_by_site,
    sections.reached,
    sections.certainty,
    sections.alone,
    sections.reported,
    sections.cost,
    sections.data,
    sections.how,
    sections.annex,
    sections.provenance,
)

FAILED_SECTIONS: tuple[Section, ...] = (
    sections.banner,
    sections.question,
    sections.failed,
    sections.adapted,
    sections.rolled_out,
    sections.work,
    sections.data,
    sections.how,
    sections.checks,
    sections.provenance,
)
FIRST = ("banner", "question", "answer", "messages", "failed")
"""Blocks that stand before what changed and before the way to the rest."""


QUALITY_SECTIONS: tuple[Section, ...] = (
    sections.banner,
    sections.question,
    quality_sections.answer,
    quality_sections.send_back,
    quality_sections.coverage,
    quality_sections.findings,
    quality_sections.left_out,
    quality_sections.how,
    sections.provenance,
)


def make_blocks(release: Release, language: Language, earlier: Release | None = None) -> tuple[Block, ...]:
    """Every block of the page, in order. earlier: the Release published before this one, None where there is none."""
    if release.sections.quality is not None:
        chosen = QUALITY_SECTIONS
    else:
        chosen = SECTIONS if release.status == "ok" else FAILED_SECTIONS
    blocks = [block for section in chosen if (block := section(release, language)) is not None]
    first = [block for block in blocks if block.name in FIRST]
    rest = blocks[len(first) :]
    since_block = sections.since_last(release, earlier, language)
    between = [since_block] if since_block is not None else []
    return (*first, *between, find(rest, language), *rest)


def find(blocks: Sequence[Block], language: Language) -> Block:
    """The way to every part of the page that has a heading of its own, by the reader's questions."""
    items = "".join(
        f'<li><a href="#{block.name}-heading">{escape(block.label)}</a></li>'
        for block in blocks
        if f'id="{block.name}-heading"' in block.html and block.name not in ("answer", "failed")
    )
    label = language.say("find.heading")
    return Block(
        name="find",
        label=label,
        html=f'<nav class="find" aria-labelledby="find-heading"><h2 id="find-heading">{escape(label)}</h2>'
        f"<ul>{items}</ul></nav>",
    )
