"""What the further figures share: a scale, the frame of a drawing, the block around it and the table beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from impl.report.language import Language
from impl.report.tables import header


@dataclass(frozen=True, kw_only=True)
class Scale:
    """From a value to px: `low` at the foot of a plot that starts at `top` and is `plot` high."""

    low: float
    high: float
    top: float
    plot: float

    def y(self, value: float) -> float:
        return round(self.top + self.plot * (1 - (value - self.low) / (self.high - self.low)), 1)

    @property
    def base(self) -> float:
        return self.top + self.plot


def drawing(
    identity: str, title: str, text: str, parts: Sequence[str], *, height: int, gutter: int = 2
) -> str:
    """A drawing with its text alternative. gutter: characters of the labels left of the axis."""
    room = min(7, max(2, gutter))
    return (
        f'<svg class="plot gutter-{room} height-{height}" role="img" aria-labelledby="{identity}-t {identity}-d" '
        f'height="{height}"><title id="{identity}-t">{escape(title)}</title>'
        f'<desc id="{identity}-d">{escape(text)}</desc>{"".join(parts)}</svg>'
    )


def stretched(parts: Sequence[str], height: int) -> str:
    """The inner layer whose paths stretch with the width, 0 to 1000."""
    return (
        f'<svg viewBox="0 0 1000 {height}" width="100%" height="{height}" preserveAspectRatio="none" '
        f'overflow="visible">{"".join(parts)}</svg>'
    )


def horizontal(ticks: Sequence[float], labels: Sequence[str], scale: Scale, zero: float) -> list[str]:
    """Grid lines and their labels; the line at `zero` is drawn as the axis."""
    parts = []
    for tick, label in zip(ticks, labels, strict=True):
        y = scale.y(tick)
        kind = "zero" if tick == zero else "grid"
        parts.append(f'<line class="{kind}" x1="0%" x2="100%" y1="{y:g}" y2="{y:g}"/>')
        parts.append(f'<text class="tick" x="-8" y="{y + 5:g}" text-anchor="end">{escape(label)}</text>')
    return parts


def mark(kind: str, x: float, y: float, path: str) -> str:
    """A shape around a point: x in per cent, y in px, the path in px around 0,0."""
    return f'<svg x="{x:.2f}%" y="{y:g}" overflow="visible"><path class="{kind}" d="{path}"/></svg>'


def key(entries: Sequence[tuple[str, str, str]]) -> list[str]:
    """A row above the plot: a piece of each line and its name, so that no label lies on a point. Entries: the line's
    class, the text's class, the text; about 8 px a character."""
    parts, x = [], 0
    for line, words, text in entries:
        parts.append(f'<line class="{line}" x1="{x}" x2="{x + 26}" y1="9" y2="9"/>')
        parts.append(f'<text class="label {words}" x="{x + 32}" y="14">{escape(text)}</text>')
        x += 32 + 8 * len(text) + 16
    return parts


def block(heading: str, unit: str, body: str, notes: Sequence[str], language: Language) -> str:
    """A figure with its finding as heading, what it measures, and how it is read."""
    read = "".join(f"<p>{escape(text)}</p>" for text in notes)
    return (
        f'<figure class="figure"><figcaption><strong>{escape(heading)}</strong>'
        f'<span class="unit">{escape(unit)}</span></figcaption><div class="drawing">{body}</div>'
        f'<div class="note"><p class="note-heading">{escape(language.say("trend.note_heading"))}</p>{read}</div></figure>'
    )


def numbers(
    caption: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], language: Language
) -> str:
    """The numbers behind a figure, closed until asked for. names: of all columns; rows: heading and cells."""
    head = header(list(names), right=frozenset(range(1, len(names))))
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f'<td class="number">{escape(text)}</td>' for text in cells)
        + "</tr>"
        for name, cells in rows
    )
    return (
        f'<details class="numbers"><summary>{escape(language.say("trend.numbers"))}</summary>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption>{head}<tbody>{body}</tbody></table>"
        "</div></details>"
    )
