"""The sections of a report on data alone: what has come, what looks wrong, and what each site is asked."""

from __future__ import annotations

from html import escape

from impl.release.release import Release
from impl.report import sentences
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.language import Language
from impl.report.study import quality


def answer(release: Release, language: Language) -> Block:
    """Whether the data can be used, and how much has come."""
    label = language.say("answer.label")
    return Block(
        name="answer",
        label=label,
        html=f'<section class="answer" aria-labelledby="answer-heading"><h2 id="answer-heading">{escape(label)}</h2>'
        f'<p class="big">{escape(quality.answer(release, language))}</p>'
        f'<div class="odds">{paragraphs(quality.facts(release, language))}</div></section>',
    )


def coverage(release: Release, language: Language) -> Block:
    body = quality.coverage(release, language)
    return section_block("coverage", language.say("quality.coverage_heading"), body)


def findings(release: Release, language: Language) -> Block:
    body = quality.findings(release, language)
    return section_block("findings", language.say("quality.findings_heading"), body)


def send_back(release: Release, language: Language) -> Block:
    """What each site is asked for, in a table that can be sent to it."""
    body = quality.send_back(release, language)
    return section_block("send-back", language.say("quality.send_back_heading"), body)


def left_out(release: Release, language: Language) -> Block:
    """What cannot be used, by reason, and the warnings that are about data."""
    noted = sentences.notes(release, language, only=quality.noted(release))
    body = quality.left_out(release, language) + listed(noted)
    return section_block("left-out", language.say("quality.left_out_heading"), body)


def how(release: Release, language: Language) -> Block:
    body = listed(quality.how(release, language))
    return section_block("method", language.say("quality.how_heading"), body)
