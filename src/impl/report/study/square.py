"""Taken up x better: four cells, and where the study stands. Without it a failed roll-out reads as a failed measure."""

from __future__ import annotations

from html import escape

from impl.release.release import Release
from impl.report.language import Language

CELLS = ("delivered_better", "delivered_not_better", "not_delivered_better", "not_delivered_not_better")
BETTER = {"beneficial": "better", "promising": "better", "negligible": "not_better", "harmful": "not_better"}


def cell(release: Release) -> str | None:
    """The cell that the verdict names; None where outcome or delivery is open."""
    verdict = release.verdict
    if verdict is None or verdict.delivery == "unknown" or verdict.outcome not in BETTER:
        return None
    return f"{verdict.delivery}_{BETTER[verdict.outcome]}"


def square(release: Release, language: Language) -> str:
    """The four cells with the study's own marked by border, sign and word, never by colour; empty where it has none."""
    here = cell(release)
    if here is None:
        return ""
    items = []
    for name in CELLS:
        mark, kind = "", ""
        if name == here:
            mark = f'<b><span aria-hidden="true">●</span> {escape(language.say("square.here"))}</b> '
            kind = ' class="here"'
        items.append(f"<li{kind}>{mark}{escape(language.say(f'square.{name}'))}</li>")
    heading = escape(language.say("square.heading"))
    return f'<h3>{heading}</h3><ul class="square">{"".join(items)}</ul>'
