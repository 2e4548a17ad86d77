"""A hundred equally likely answers as dots: those on the right side of the limit are filled, and their number is the
number of the answer.

Source: Kay et al. 2016 and Fernandes et al. 2018 on quantile dotplots; a hundred dots so that dots, words and «av 100»
are one number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from impl.release.release import Release
from impl.report import figures, frame, sentences, wording
from impl.report.language import Language

TOP, PLOT, FOOT = 30, 170, 50
HEIGHT = TOP + PLOT + FOOT
PITCH, RADIUS = 12.5, 5.5  # px from dot to dot in a stack, and half a dot
BINS = 14  # choice: columns over the middle 96 per cent, so that dots of neighbours do not touch on a phone
MOST_BINS = 21  # an odd number, around the middle answer
EDGE, APART = 8.0, 20.0  # per cent of the width: room for a label at either end, and between two
NARROWEST = 0.002  # relative change; a narrower column would say more than the numbers hold


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One of a hundred answers: its column, counted from the claim's edge, and whether the claim holds."""

    column: int
    filled: bool


@dataclass(frozen=True, kw_only=True)
class Dots:
    """Dots in columns `width` wide; column c spans edge + c·width to edge + (c + 1)·width. cut: some lie further out."""

    dots: tuple[Dot, ...]
    edge: float
    width: float
    first: int
    last: int
    cut: bool


def claim_range(release: Release, claim: str) -> tuple[float, float]:
    """Relative changes for which the claim of the answer holds: from, to."""
    study, lower = release.study, release.measure().direction == "lower"
    edge = {
        "worthwhile": study.worthwhile,
        "better": 0.0,
        "harm": study.harm,
        "negligible": study.negligible,
    }[claim]
    if claim == "negligible":
        return -edge, edge
    down = lower if claim != "harm" else not lower
    return (-math.inf, -edge) if down else (edge, math.inf)


def arrange(values: tuple[float, ...], low: float, high: float, filled: int) -> Dots:
    """A hundred values in columns of which none straddles an edge of the claim. `filled` of them hold it: those that lie
    deepest inside, so that a rounded probability and the dots cannot differ."""
    ordered = sorted(values)
    spread = (ordered[97] - ordered[2]) / BINS
    both = math.isfinite(low) and math.isfinite(high)
    width = max(spread, NARROWEST)
    if both:
        width = (high - low) / max(1, round((high - low) / width))
    edge = low if math.isfinite(low) else high
    columns = round((high - low) / width) if both else 0

    def depth(value: float) -> float:
        return min(value - low, high - value)

    inside = set(sorted(range(100), key=lambda index: -depth(ordered[index]))[:filled])
    found = []
    for index, value in enumerate(ordered):
        column = math.floor((value - edge) / width + 1e-9)
        if both:
            if index in inside:
                column = min(max(column, 0), columns - 1)
            elif 0 <= column < columns:
                column = -1 if value < (low + high) / 2 else columns
        elif (column >= 0) != ((index in inside) == math.isfinite(low)):
            column = -1 if column >= 0 else 0
        found.append(Dot(column=column, filled=index in inside))
    middle = found[50].column
    lowest, highest = min(dot.column for dot in found), max(dot.column for dot in found)
    first, last = max(lowest, middle - MOST_BINS // 2), min(highest, middle + MOST_BINS // 2)
    for line in (0, columns) if both else (0,):  # both sides of an edge stay apart, however far out it lies
        first, last = min(first, max(lowest, line - 1)), max(last, min(highest, line))
    shown = tuple(Dot(column=min(max(dot.column, first), last), filled=dot.filled) for dot in found)
    return Dots(dots=shown, edge=edge, width=width, first=first, last=last, cut=shown != tuple(found))


def block(release: Release, language: Language) -> str:
    """The figure; empty where nothing is judged, or its quantiles are not released."""
    quantiles = release.sections.quantiles
    measure = release.measure()
    sure = sentences.certainty(release, measure, language)
    if quantiles is None or sure is None:
        return ""
    number = min(max(wording.hundredths(sure.probability), 0), 100)
    low, high = claim_range(release, sure.claim)
    dots = arrange(quantiles.values, low, high, number)
    heading = sentences.icons_sentence(sure, language)
    slots = {"name": language.pick(measure.name), "bundle": wording.bundle(release, language)}
    notes = [language.say("dots.note"), language.say("dots.note_filled")]
    if dots.cut:
        notes.append(language.say("dots.note_cut"))
    notes.append(wording.good_direction(measure, language))
    drawn = _plot(release, dots, number, language)
    return frame.block(heading, language.say("dots.unit", slots), drawn, notes, language) + _numbers(
        release, language
    )


def _plot(release: Release, dots: Dots, number: int, language: Language) -> str:
    columns = dots.last - dots.first + 1
    low, high = dots.edge + dots.first * dots.width, dots.edge + (dots.last + 1) * dots.width

    def x(value: float) -> float:
        return 100 * (value - low) / (high - low)

    base = TOP + PLOT
    parts = [f'<line class="zero" x1="0%" x2="100%" y1="{base}" y2="{base}"/>']
    stacks: dict[int, int] = {}
    tallest = max(
        sum(dot.column == column for dot in dots.dots) for column in range(dots.first, dots.last + 1)
    )
    pitch = min(PITCH, (PLOT - 2 * RADIUS) / max(tallest - 1, 1))
    for dot in dots.dots:
        height = stacks.get(dot.column, 0)
        stacks[dot.column] = height + 1
        centre = 100 * (dot.column - dots.first + 0.5) / columns
        parts.append(
            f'<circle class="quantile {"on" if dot.filled else "off"}" cx="{centre:.2f}%" '
            f'cy="{base - RADIUS - 1 - height * pitch:.1f}" r="{RADIUS}"/>'
        )
    sure = sentences.certainty(release, release.measure(), language)
    assert sure is not None
    for limit in claim_range(release, sure.claim):
        if math.isfinite(limit) and 0 <= x(limit) <= 100:
            edge = x(limit)
            parts.append(
                f'<line class="threshold" x1="{edge:.2f}%" x2="{edge:.2f}%" y1="{TOP - 8}" y2="{base}"/>'
            )
    parts += _ticks(low, high, base, language)
    for side, anchor, place, arrow in (("down", "start", "0%", "◀"), ("up", "end", "100%", "▶")):
        word = language.say(f"direction.{side}")
        text = f"{arrow} {word}" if side == "down" else f"{word} {arrow}"
        parts.append(
            f'<text class="tick small" x="{place}" y="{base + 42}" text-anchor="{anchor}">{escape(text)}</text>'
        )
    parts.append(f'<text class="label" x="0%" y="14">{escape(_key(number))}</text>')
    return frame.drawing(
        f"dots-{language.code}", language.say("dots.title"), description(release, language), parts,
        height=HEIGHT, gutter=2,
    )  # fmt: skip


def _key(number: int) -> str:
    """«● 91  ○ 9»: the two kinds of dots, counted."""
    return f"● {number} ○ {100 - number}"


def _ticks(low: float, high: float, base: float, language: Language) -> list[str]:
    """Round per cent changes inside the axis, far enough apart for a phone."""
    parts, last = [], -APART
    ticks = figures.nice_ticks(100 * low, 100 * high)
    decimals = figures.tick_decimals(ticks)
    for tick in ticks:
        place = (tick - 100 * low) / (high - low)
        if EDGE <= place <= 100 - EDGE and place - last >= APART:
            last = place
            text = language.percent_sign(tick, decimals, signed=True)
            parts.append(
                f'<line class="axis-tick" x1="{place:.2f}%" x2="{place:.2f}%" y1="{base}" y2="{base + 6}"/>'
                f'<text class="tick" x="{place:.2f}%" y="{base + 22}" text-anchor="middle">{escape(text)}</text>'
            )
    return parts


def description(release: Release, language: Language) -> str:
    """Text alternative: what the dots count, and where most of them lie."""
    quantiles = release.sections.quantiles
    sure = sentences.certainty(release, release.measure(), language)
    assert quantiles is not None
    assert sure is not None
    ordered = sorted(quantiles.values)
    slots = {
        "text": sentences.icons_sentence(sure, language),
        "low": _percent(ordered[10], language),
        "high": _percent(ordered[89], language),
    }
    return language.say("dots.desc", slots)


def _percent(value: float, language: Language) -> str:
    shown = wording.percent_change(1 + value)
    return language.percent_sign(shown, wording.percent_decimals(shown), signed=True)


def _numbers(release: Release, language: Language) -> str:
    """Every tenth of the hundred answers: so many are at most so large."""
    quantiles = release.sections.quantiles
    assert quantiles is not None
    ordered = sorted(quantiles.values)
    rows = []
    for count in (5, 10, 25, 50, 75, 90, 95):
        value = (ordered[count - 1] + ordered[count]) / 2
        rows.append(
            (
                language.say("format.of_hundred", {"number": language.number(count)}),
                [_percent(value, language)],
            )
        )
    names = [language.say("dots.answers"), language.say("dots.at_most")]
    title = language.say("trend.numbers_caption", {"name": language.say("dots.title")})
    return frame.numbers(title, names, rows, language)
