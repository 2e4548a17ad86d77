"""How the effect goes with time since start: one interval a period, as the model estimates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from impl.release.release import Estimate, Release, ReleasedMeasure
from impl.report import figures, frame, wording
from impl.report.language import Language, sentence

TOP, PLOT, FOOT = 24, 200, 46
HEIGHT = TOP + PLOT + FOOT
FEWEST = 3  # periods since start from which a course can be seen
SAME_SHAPE = "it"  # a shape without change over time has no course to show
REACH = 2.5  # choice: the axis goes at most so many times past the largest estimate; intervals are cut there
HALF = 0.5  # choice: from half of the largest effect on, an effect «came early» or «has lasted»


@dataclass(frozen=True, kw_only=True)
class Point:
    """The effect some periods since start, as shown: per cent change, or difference on the reported scale.

    low, high: 90 per cent interval; inner: 50 per cent interval.
    """

    period: int
    value: float
    low: float
    high: float
    inner: tuple[float, float]
    row: Estimate


def points(release: Release) -> tuple[Point, ...]:
    """One a period since start; empty where the effect has no course that is released."""
    measure = release.measure()
    model = release.primary_model()
    found = []
    for row in release.estimates:
        if (row.measure, row.estimand, row.scale, row.level) == (
            measure.id,
            "pte",
            measure.headline_scale,
            0.9,
        ):
            half = release.estimate(measure.id, "pte", row.scale, level=0.5, exposure=row.from_)
            if half is not None and row.from_ is not None:
                inner = (as_drawn(half.lower, measure), as_drawn(half.upper, measure))
                found.append(
                    Point(
                        period=row.from_,
                        value=as_drawn(row.median, measure),
                        low=as_drawn(row.lower, measure),
                        high=as_drawn(row.upper, measure),
                        inner=inner,
                        row=row,
                    )
                )
    course = len(found) >= FEWEST and model.effect != SAME_SHAPE
    return tuple(sorted(found, key=lambda point: point.period)) if course else ()


def as_drawn(value: float, measure: ReleasedMeasure) -> float:
    """A ratio as per cent change; a difference as it is."""
    return 100 * (value - 1) if measure.headline_scale == "ratio" else value


def threshold(release: Release) -> float | None:
    """The smallest worthwhile change on the drawn scale, with its sign; None where no direction is good."""
    measure = release.measure()
    if measure.direction == "ambiguous":
        return None
    sign = -1 if measure.direction == "lower" else 1
    if measure.headline_scale == "ratio":
        return sign * 100 * release.study.worthwhile
    row = next((row for row in release.comparisons if row.measure == measure.id), None)
    return (
        None if row is None or row.expected is None else sign * release.study.worthwhile * abs(row.expected)
    )


def block(release: Release, language: Language) -> str:
    """Figure and numbers; empty where the effect has no course that is released."""
    course = points(release)
    if not course:
        return ""
    measure = release.measure()
    slots = {
        "name": wording.measure_and_unit(measure, language),
        "step": language.say(f"steps.{wording.step_name(release)}"),
        "bundle": wording.bundle(release, language),
    }
    scale_key = "ratio" if measure.headline_scale == "ratio" else "difference"
    unit = language.say(f"course.unit_{scale_key}", slots)
    notes = [language.say("course.note_intervals"), language.say("course.note_zero", slots)]
    if threshold(release) is not None:
        notes.append(language.say("course.note_threshold"))
    if missing(course):
        notes.append(language.say("course.note_missing"))
    if wording.sites(release) > 1:
        notes.append(language.say("course.note_late"))
    notes.append(wording.good_direction(measure, language))
    figure = frame.block(heading(release, language), unit, _plot(release, course, language), notes, language)
    return figure + _numbers(release, course, language)


def heading(release: Release, language: Language) -> str:
    """The finding, from the largest estimate: when half of it was there, and whether the last one still is."""
    course = points(release)
    peak = max(course, key=lambda point: abs(point.value))
    if all(wording.crosses(point.low, point.high) for point in course) or peak.value == 0:
        return language.say("course.unclear")
    slots = {"direction": language.say(f"direction.{'down' if peak.value < 0 else 'up'}_the")}
    first, last = course[0].value / peak.value, course[-1].value / peak.value
    began = "early" if first >= HALF else "gradual"
    went = "lasted" if last >= HALF else "faded"
    text = language.say(f"course.{began}_{went}", slots)
    if wording.crosses(course[-1].low, course[-1].high):
        text += language.say(
            "course.but_unsure", {"step": language.say(f"steps.{wording.step_name(release)}")}
        )
    return sentence(text)


def axis(course: Sequence[Point], limit: float | None) -> list[float]:
    """Ticks that hold every estimate, the threshold and zero; long intervals are cut, not followed."""
    reach = REACH * max(max(abs(point.value) for point in course), abs(limit or 0.0))
    low = max(min(point.low for point in course), -reach)
    high = min(max(point.high for point in course), reach)
    return figures.nice_ticks(min(low, limit or 0.0, 0.0), max(high, limit or 0.0, 0.0))


def _plot(release: Release, course: tuple[Point, ...], language: Language) -> str:
    measure, limit = release.measure(), threshold(release)
    ticks = axis(course, limit)
    decimals = figures.tick_decimals(ticks)
    labels = [language.number(tick, decimals, signed=True) for tick in ticks]
    scale = frame.Scale(low=ticks[0], high=ticks[-1], top=TOP, plot=PLOT)
    parts = frame.horizontal(ticks, labels, scale, 0.0)
    last = course[-1].period
    width = 100 / last
    parts.append(frame.stretched(_gaps(course, scale), HEIGHT))
    if limit is not None:
        y = scale.y(limit)
        parts.append(f'<line class="threshold" x1="0%" x2="100%" y1="{y:g}" y2="{y:g}"/>')
        parts += frame.key([("threshold", "expected-label", language.say("course.threshold"))])
    for point in course:
        parts += interval((point.period - 0.5) * width, point, scale)
    for side, y in (("up", TOP - 10), ("down", scale.base + FOOT - 6)):
        arrow = "▲" if side == "up" else "▼"
        text = f"{arrow} {language.say(f'direction.{side}')}"
        parts.append(f'<text class="tick small" x="100%" y="{y:g}" text-anchor="end">{escape(text)}</text>')
    every = next(step for step in (1, 2, 3, 6, 12, 24, 48) if last / step <= 8)
    for period in range(1, last + 1, every):
        x = (period - 0.5) * width
        parts.append(
            f'<text class="tick" x="{x:.2f}%" y="{scale.base + 20:g}" text-anchor="middle">{period}</text>'
        )
    title = language.say("course.title", {"measure": language.pick(measure.name)})
    return frame.drawing(
        f"course-{language.code}", title, description(release, language), parts,
        height=HEIGHT, gutter=max(len(label) for label in labels),
    )  # fmt: skip


def missing(course: Sequence[Point]) -> list[int]:
    """Periods since start up to the last one shown that have no estimate: hidden, or without data."""
    return sorted(set(range(1, course[-1].period + 1)) - {point.period for point in course})


def _gaps(course: Sequence[Point], scale: frame.Scale) -> list[str]:
    """A hatched field over each stretch without an estimate."""
    width = 1000 / course[-1].period
    fields: list[list[int]] = []
    for period in missing(course):
        if fields and fields[-1][-1] == period - 1:
            fields[-1].append(period)
        else:
            fields.append([period])
    return [
        f'<path class="hatch" d="{figures.hatch((field[0] - 1) * width, field[-1] * width, scale.top, scale.base)}"/>'
        for field in fields
    ]


def interval(x: float, point: Point, scale: frame.Scale) -> list[str]:
    """Thin line 90 per cent, thick line 50 per cent and a point; an end past the axis is cut with an arrowhead."""
    low, high = max(point.low, scale.low), min(point.high, scale.high)
    parts = [
        _line("interval-90", x, scale.y(low), scale.y(high)),
        _line(
            "interval-50",
            x,
            scale.y(max(point.inner[0], scale.low)),
            scale.y(min(point.inner[1], scale.high)),
        ),
    ]
    if point.low < scale.low:
        parts.append(frame.mark("cut", x, scale.base, "M-4 -6L4 -6L0 1Z"))
    if point.high > scale.high:
        parts.append(frame.mark("cut", x, scale.top, "M-4 6L4 6L0 -1Z"))
    if scale.low <= point.value <= scale.high:
        parts.append(f'<circle class="dot" cx="{x:.2f}%" cy="{scale.y(point.value):g}" r="3.4"/>')
    return parts


def _line(kind: str, x: float, first: float, last: float) -> str:
    return f'<line class="{kind}" x1="{x:.2f}%" x2="{x:.2f}%" y1="{first:g}" y2="{last:g}"/>'


def description(release: Release, language: Language) -> str:
    """Text alternative: the first, the largest and the last estimate."""
    course = points(release)
    measure = release.measure()
    peak = max(course, key=lambda point: abs(point.value))
    step = language.say(f"steps.{wording.step_name(release)}")
    parts = [language.say("course.desc", {"count": language.number(len(course)), "step": step})]
    for point in dict.fromkeys((course[0], peak, course[-1])):
        value, low, high, decimals = wording.as_shown(point.row, release, measure)
        slots = {
            "step": step,
            "number": language.number(point.period),
            "change": wording.change_words(value, decimals, measure, language),
            "text": wording.range_words(low, high, decimals, measure, language),
        }
        key = "course.desc_point_same" if value == 0 else "course.desc_point"
        parts.append(language.say(key, slots))
    return " ".join(parts)


def cells(row: Estimate, release: Release, language: Language) -> tuple[str, str]:
    """«−17 %» and «−27 til −7», as the other tables round them."""
    measure = release.measure()
    value, low, high, decimals = wording.as_shown(row, release, measure)
    if measure.headline_scale == "ratio":
        text = language.percent_sign(value, wording.percent_decimals(value), signed=True)
    else:
        text = language.number(value, decimals, signed=True)
    ends = {
        "low": language.number(low, decimals, signed=True),
        "high": language.number(high, decimals, signed=True),
    }
    return text, language.say("trend.range", ends)


def _numbers(release: Release, course: tuple[Point, ...], language: Language) -> str:
    say = language.say
    step = say(f"steps.{wording.step_name(release)}")
    names = [sentence(say("course.since", {"step": step})), say("course.change"), say("course.range")]
    rows = [(language.number(point.period), cells(point.row, release, language)) for point in course]
    title = say("course.title", {"measure": language.pick(release.measure().name)})
    return frame.numbers(say("trend.numbers_caption", {"name": title}), names, rows, language)
