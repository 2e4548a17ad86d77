"""Figures that are tables: a name, its number as text, and a drawing of it that screen readers skip.

On a phone the drawing goes below name and number. Because the style sheet changes how rows are laid out, roles are
written out, or a screen reader would lose the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: `value` is text, `picture` the inside of a drawing 24 px high, x in per cent."""

    name: str
    value: str
    picture: str
    hidden: bool = False


def bar(share: float, ticks: Sequence[float] = ()) -> str:
    """A bar from 0 to `share` of the width, with ticks at some shares."""
    limits = "".join(
        f'<line class="{kind}" x1="{100 * tick:.1f}%" x2="{100 * tick:.1f}%" y1="0" y2="24"/>'
        for tick in ticks
        for kind in ("halo", "threshold")
    )
    return (
        '<rect class="bar-frame" x="0%" width="100%" y="5" height="14"/>'
        f'<rect class="bar" x="0%" width="{100 * share:.1f}%" y="5" height="14"/>{limits}'
    )


def interval(
    low: float, middle: float, high: float, first: float, last: float, marks: Sequence[float] = ()
) -> str:
    """A point with a line from `low` to `high` on an axis from `first` to `last`; ends past it get an arrowhead."""

    def at(value: float) -> float:
        return 100 * (min(max(value, first), last) - first) / (last - first)

    parts = [
        f'<line class="{"zero" if mark == first else "threshold"}" x1="{at(mark):.1f}%" x2="{at(mark):.1f}%" y1="0" y2="24"/>'
        for mark in marks
    ]
    parts.append(f'<line class="interval-90" x1="{at(low):.1f}%" x2="{at(high):.1f}%" y1="12" y2="12"/>')
    for value, beyond, path in (
        (low, low < first, "M6 -4L6 4L-1 0Z"),
        (high, high > last, "M-6 -4L-6 4L1 0Z"),
    ):
        if beyond:
            parts.append(
                f'<svg x="{at(value):.1f}%" y="12" overflow="visible"><path class="cut" d="{path}"/></svg>'
            )
    if first <= middle <= last:
        parts.append(f'<circle class="dot" cx="{at(middle):.1f}%" cy="12" r="4.5"/>')
    return "".join(parts)


def table(caption: str, unit: str, names: tuple[str, str, str], rows: Sequence[Row]) -> str:
    """The figure. names: headings of name, value and drawing; the last one is for screen readers."""
    body = "".join(
        f'<tr role="row"><th role="rowheader" scope="row">{escape(row.name)}</th>'
        f'<td role="cell" class="row-value{" hidden" if row.hidden else ""}">{escape(row.value)}</td>'
        f'<td role="cell" class="row-picture"><svg class="row-drawing" height="24" aria-hidden="true">{row.picture}</svg></td></tr>'
        for row in rows
    )
    heads = "".join(f'<th role="columnheader" scope="col">{escape(name)}</th>' for name in names[:2])
    return (
        f'<table role="table" class="row-figure"><caption><strong>{escape(caption)}</strong>'
        f'<span class="unit">{escape(unit)}</span></caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}<th role="columnheader" scope="col">'
        f'<span class="unseen">{escape(names[2])}</span></th></tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )
