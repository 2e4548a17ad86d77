"""Figures as inline SVG without script: fluid in width, text at a fixed size from phone to paper.

Two layers: paths in an inner drawing that stretches (0–1000 wide), text and dots in the outer one at
x in per cent. Nothing but a Release goes in, so no figure can show what was not released.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby

from impl.release.release import Curve, CurvePoint, Release, ReleasedMeasure
from impl.report import wording
from impl.report.language import Language

PLOT = 220  # height of the plot area in px
HEAD_START = 20  # row for the label of the first start
HEAD_SERIES = 26  # room above the highest point for a label
FOOT = 46  # two rows of tick labels
STRIP = 54  # heading and bar of the strip of starts
QUANTILES = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")


@dataclass(frozen=True, kw_only=True)
class Axes:
    """From dates and values to per cent of the width and px of the height."""

    first: date
    last: date
    low: float
    high: float
    top: float

    def x(self, day: date) -> float:
        """Position in 0–1000."""
        days = max((self.last - self.first).days + 1, 1)
        return round(1000 * (day - self.first).days / days, 1)

    def end(self, day: date) -> float:
        """Right edge of a day, in 0–1000."""
        days = max((self.last - self.first).days + 1, 1)
        return round(1000 * ((day - self.first).days + 1) / days, 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.top + PLOT * (1 - share), 1)

    @property
    def base(self) -> float:
        return self.top + PLOT


def nice_ticks(
    low: float, high: float, *, most: int = 5, steps: tuple[float, ...] = (1, 2, 2.5, 5, 10)
) -> list[float]:
    """Few round numbers that span low to high. steps: of which powers of ten make the distance."""
    span = high - low
    if span <= 1e-9:  # everything is the same, such as a series in which nothing ever happened
        span, high = 1.0, low + 1.0
    rough = span / most
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(size * magnitude for size in steps if size * magnitude >= rough * 0.999)
    start, stop = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 10) for number in range(start, stop + 1)]


def tick_decimals(ticks: list[float]) -> int:
    return next(d for d in range(7) if all(abs(tick - round(tick, d)) < 1e-9 for tick in ticks))


def middle(point: CurvePoint, axes: Axes) -> float:
    return (axes.x(point.start) + axes.end(point.end)) / 2


def runs(points: tuple[CurvePoint, ...], has: str) -> list[list[CurvePoint]]:
    """Unbroken stretches of points that hold `observed` or `expected`."""
    marked = groupby(points, key=lambda point: getattr(point, has) is not None)
    return [list(group) for shown, group in marked if shown]


def trace(run: list[CurvePoint], values: list[float], axes: Axes, *, wide: bool) -> list[tuple[float, float]]:
    """Corner points of a line: at the middle of each period, or over its whole width where `wide`."""
    if wide or len(run) == 1:
        return [
            (x, axes.y(value))
            for point, value in zip(run, values, strict=True)
            for x in (axes.x(point.start), axes.end(point.end))
        ]
    return [(middle(point, axes), axes.y(value)) for point, value in zip(run, values, strict=True)]


def path(corners: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners)


def time_ticks(first: date, last: date) -> list[tuple[date, bool]]:
    """Tick dates and whether each is a whole year: at most six years, or at most seven months of the year."""
    months = (last.year - first.year) * 12 + last.month - first.month + 1
    if months > 60:
        every = math.ceil(months / 12 / 5)
        years = range(first.year + (first > date(first.year, 1, 1)), last.year + 1)
        return [(date(year, 1, 1), True) for year in years[::every]]
    step = next(size for size in (1, 2, 3, 6, 12) if math.ceil(months / size) <= 7)
    starts = (date(first.year + index // 12, index % 12 + 1, 1) for index in range(0, 12 * 7, step))
    return [(day, False) for day in starts if first <= day <= last]


def hatch(left: float, right: float, top: float, bottom: float) -> str:
    """Diagonal lines over a box of the stretching layer, clipped to it by construction."""
    lines = []
    gap, height = 14.0, bottom - top
    start = left - height / 2
    while start < right:
        x1, y1 = start, bottom
        x2, y2 = start + height / 2, top
        if x1 < left:
            x1, y1 = left, bottom - (left - start) * 2
        if x2 > right:
            y2, x2 = top + (x2 - right) * 2, right
        if y1 > y2:
            lines.append(f"M{x1:g} {y1:g}L{x2:g} {y2:g}")
        start += gap
    return "".join(lines)


def anchored(x: float) -> str:
    """`text-anchor` that keeps a label inside the plot."""
    return "start" if x < 150 else "end" if x > 600 else "middle"


def observed_against_expected(release: Release, curve: Curve, language: Language, *, number: int) -> str:
    """Figure: measured level and what was expected without the bundle, with the roll-out marked."""
    measure = next(measure for measure in release.study.measures if measure.id == curve.measure)
    points = curve.points
    hidden = [point for point in points if point.hidden]
    sites = wording.sites(release)
    values = [point.observed for point in points if point.observed is not None]
    for point in points:
        values.extend((point.expected or {}).values())
    ticks = nice_ticks(min(values) if measure.kind == "mean" else 0.0, max(values)) if values else [0.0, 1.0]
    decimals = tick_decimals(ticks)
    labels = [language.number(tick, decimals) for tick in ticks]
    top = HEAD_START * (2 if hidden else 1) + HEAD_SERIES
    axes = Axes(first=points[0].start, last=points[-1].end, low=ticks[0], high=ticks[-1], top=top)
    strip = STRIP if sites > 1 else 0
    height = axes.base + FOOT + strip
    gutter = min(7, max(2, max(len(label) for label in labels)))
    identity = f"figure-{number}-{language.code}"

    stretched: list[str] = []
    fixed: list[str] = []
    for tick, label in zip(ticks, labels, strict=True):
        kind = "zero" if tick == ticks[0] else "grid"
        fixed.append(f'<line class="{kind}" x1="0%" x2="100%" y1="{axes.y(tick):g}" y2="{axes.y(tick):g}"/>')
        fixed.append(
            f'<text class="tick" x="-8" y="{axes.y(tick) + 5:g}" text-anchor="end">{escape(label)}</text>'
        )
    _draw_hidden(points, axes, language, stretched, fixed)
    _draw_series(curve, axes, stretched, fixed)
    _draw_start(points, axes, sites, language, fixed)
    _draw_labels(curve, axes, release, language, fixed)
    draw_time(axes, language, fixed)
    if strip:
        _draw_strip(points, axes, sites, language, fixed)

    title = language.say("trend.title", {"measure": language.pick(measure.name)})
    desc = description(release, measure, curve, language)
    return (
        f'<svg class="plot gutter-{gutter} height-{height:g}" role="img" aria-labelledby="{identity}-t {identity}-d" height="{height:g}">'
        f'<title id="{identity}-t">{escape(title)}</title><desc id="{identity}-d">{escape(desc)}</desc>'
        + "".join(part for part in fixed if part.startswith('<line class="grid'))
        + f'<svg viewBox="0 0 1000 {height:g}" width="100%" height="{height:g}" preserveAspectRatio="none" '
        f'overflow="visible">{"".join(stretched)}</svg>'
        + "".join(part for part in fixed if not part.startswith('<line class="grid'))
        + "</svg>"
    )


def _draw_hidden(
    points: tuple[CurvePoint, ...], axes: Axes, language: Language, stretched: list[str], fixed: list[str]
) -> None:
    first = True
    for shown, group in groupby(points, key=lambda point: point.hidden):
        if not shown:
            continue
        run = list(group)
        left, right = axes.x(run[0].start), axes.end(run[-1].end)
        stretched.append(
            f'<path class="veil" d="M{left:g} {axes.top:g}L{right:g} {axes.top:g}L{right:g} {axes.base:g}'
            f'L{left:g} {axes.base:g}Z"/><path class="hatch" d="{hatch(left, right, axes.top, axes.base)}"/>'
        )
        if first:
            x = (left + right) / 2
            anchor = anchored(x)
            place = left if anchor == "start" else right if anchor == "end" else x
            fixed.append(
                f'<text class="tick" x="{place / 10:g}%" y="14" text-anchor="{anchor}">'
                f"{escape(language.say('trend.hidden_label'))}</text>"
            )
            first = False


def _draw_series(curve: Curve, axes: Axes, stretched: list[str], fixed: list[str]) -> None:
    wide = curve.step == "phase" or len(curve.points) <= 3
    for name, low, high in (("fan90", "q05", "q95"), ("fan80", "q10", "q90"), ("fan50", "q25", "q75")):
        for run in runs(curve.points, "expected"):
            upper = trace(run, [point.expected[high] for point in run if point.expected], axes, wide=wide)  # type: ignore[index]
            lower = trace(run, [point.expected[low] for point in run if point.expected], axes, wide=wide)  # type: ignore[index]
            stretched.append(f'<path class="{name}" d="{path(upper + lower[::-1])}Z"/>')
    for run in runs(curve.points, "expected"):
        line = trace(run, [point.expected["q50"] for point in run if point.expected], axes, wide=wide)
        stretched.append(f'<path class="expected" d="{path(line)}"/>')
    kind, radius = ("dot", 2.8) if len(curve.points) <= 48 else ("dot dense", 1.6)
    for run in runs(curve.points, "observed"):
        shown = [point.observed for point in run if point.observed is not None]
        if len(run) > 1 or wide:
            stretched.append(f'<path class="observed" d="{path(trace(run, shown, axes, wide=wide))}"/>')
        for point, value in zip(run, shown, strict=True):
            fixed.append(
                f'<circle class="{kind}" cx="{middle(point, axes) / 10:.2f}%" cy="{axes.y(value):g}" r="{radius}"/>'
            )


def first_start(points: tuple[CurvePoint, ...]) -> date | None:
    """Start of the first released step in which a site had started, if none had at the beginning."""
    if points[0].sites_started > 0:
        return None
    return next((point.start for point in points if point.sites_started > 0), None)


def _draw_start(
    points: tuple[CurvePoint, ...], axes: Axes, sites: int, language: Language, fixed: list[str]
) -> None:
    start = first_start(points)
    if start is None:
        return
    x = axes.x(start) / 10
    text = language.say("trend.first_start" if sites > 1 else "trend.one_start")
    anchor, shift = ("start", 6) if x <= 55 else ("end", -6)
    row = axes.top - HEAD_SERIES - HEAD_START
    fixed.append(f'<line class="start" x1="{x:g}%" x2="{x:g}%" y1="{row + 2:g}" y2="{axes.base:g}"/>')
    fixed.append(
        f'<text class="label" x="{x:g}%" dx="{shift}" y="{row + 14:g}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _draw_labels(curve: Curve, axes: Axes, release: Release, language: Language, fixed: list[str]) -> None:
    """Labels above everything in the widths they take on a phone, so that they never cross a line.

    «Expected» stands over the right part, «Observed» over the left part; on a phone they take at most
    62 % and 20 % of the width.
    """
    expected = language.say("trend.expected", {"bundle": wording.bundle(release, language)})
    observed = language.say("trend.observed")
    if len(expected) + len(observed) > 27:  # what stands side by side on a 320 px screen
        expected = language.say("trend.expected_short")

    def highest(left: float, right: float) -> float:
        tops = [
            axes.top if value is None else axes.y(value)
            for point in curve.points
            if axes.end(point.end) >= left and axes.x(point.start) <= right
            for value in ((None,) if point.hidden else ((point.expected or {}).get("q95"), point.observed))
            if value is not None or point.hidden
        ]
        return min(tops, default=axes.base - 30)

    if any(point.expected for point in curve.points):
        y = highest(1000 * (1 - min(0.85, len(expected) * 0.034)), 1000) - 9
        fixed.append(
            f'<text class="label expected-label" x="100%" y="{y:g}" text-anchor="end">{escape(expected)}</text>'
        )
    if any(point.observed is not None for point in curve.points):
        y = highest(0, 1000 * len(observed) * 0.036) - 9
        fixed.append(f'<text class="label observed-label" x="0%" dx="3" y="{y:g}">{escape(observed)}</text>')


def draw_time(axes: Axes, language: Language, fixed: list[str]) -> None:
    previous = None
    for day, whole_year in time_ticks(axes.first, axes.last):
        x = axes.x(day) / 10
        anchor = "end" if x > 93 else "middle"
        text = str(day.year) if whole_year else language.short_month(day)
        y = axes.base
        fixed.append(f'<line class="axis-tick" x1="{x:g}%" x2="{x:g}%" y1="{y:g}" y2="{y + 6:g}"/>')
        fixed.append(
            f'<text class="tick" x="{x:g}%" y="{y + 24:g}" text-anchor="{anchor}">{escape(text)}</text>'
        )
        if not whole_year and day.year != previous:
            fixed.append(
                f'<text class="tick" x="{x:g}%" y="{y + 40:g}" text-anchor="{anchor}">{day.year}</text>'
            )
            previous = day.year


def _draw_strip(
    points: tuple[CurvePoint, ...], axes: Axes, sites: int, language: Language, fixed: list[str]
) -> None:
    top = axes.base + FOOT + STRIP - 22
    text = language.say("trend.strip", {"count": language.number(sites)})
    fixed.append(f'<text class="tick" x="0%" y="{top - 8:g}">{escape(text)}</text>')
    for started, group in groupby(points, key=lambda point: point.sites_started):
        run = list(group)
        left, right = axes.x(run[0].start), axes.end(run[-1].end)
        shade = 0 if started == 0 else min(6, 1 + math.floor(5 * started / sites))
        fixed.append(
            f'<rect class="strip shade-{shade}" x="{left / 10:.2f}%" width="{(right - left) / 10:.2f}%" '
            f'y="{top:g}" height="20"/>'
        )
        label = language.number(started)
        if right - left >= 30 * len(label) + 10:
            light = " light" if shade >= 4 else ""
            fixed.append(
                f'<text class="strip-number{light}" x="{(left + right) / 20:.2f}%" y="{top + 15:g}" '
                f'text-anchor="middle">{escape(label)}</text>'
            )


def description(release: Release, measure: ReleasedMeasure, curve: Curve, language: Language) -> str:
    """Text alternative, from the same numbers as the table."""
    shown = wording.levels(release, measure)
    points = curve.points
    bundle = wording.bundle(release, language)

    def level(value: float) -> str:
        return f"{language.number(value, shown.decimals)} {language.pick(measure.unit)}"

    parts = [
        language.say(
            "trend.desc_range",
            {"start": language.month(points[0].start), "end": language.month(points[-1].end)},
        )
    ]
    start = first_start(points)
    if start is not None:
        parts.append(language.say("trend.desc_start", {"date": language.month(start)}))
    if shown.before is not None:
        parts.append(language.say("trend.desc_before", {"level": level(shown.before)}))
    if shown.expected is not None and shown.after is not None:
        slots = {
            "window": wording.window(release, language),
            "observed": level(shown.after),
            "expected": level(shown.expected),
            "bundle": bundle,
        }
        parts.append(language.say("trend.desc_after", slots))
    if any(point.hidden for point in points):
        parts.append(language.say("trend.desc_hidden"))
    return " ".join(parts)


def icon_array(filled: int) -> str:
    """A hundred dots in five rows, `filled` of them full. Hidden from screen readers: a sentence stands beside."""
    dots = []
    for place in range(100):
        row, column = place % 5, place // 5
        kind = "on" if place < filled else "off"
        dots.append(f'<circle class="{kind}" cx="{8 + 16 * column}" cy="{8 + 16 * row}" r="5.5"/>')
    return f'<svg class="icons" viewBox="0 0 320 80" aria-hidden="true">{"".join(dots)}</svg>'


def certainty_line(number: int) -> str:
    """A line from 0 to 100 with ticks at the limits of the words. Hidden from screen readers."""
    ticks = "".join(
        f'<line class="axis-tick" x1="{limit}%" x2="{limit}%" y1="4" y2="12"/>'
        for limit in (0, 5, 20, 40, 60, 80, 95, 100)
    )
    return (
        f'<svg class="certainty" height="28" aria-hidden="true"><line class="axis-tick" x1="0%" x2="100%" y1="8" y2="8"/>'
        f'{ticks}<circle class="dot" cx="{number}%" cy="8" r="5.5"/>'
        '<text class="tick small" x="0%" y="26">0</text>'
        '<text class="tick small" x="100%" y="26" text-anchor="end">100</text></svg>'
    )
