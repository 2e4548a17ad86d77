"""The run chart: the measured series against a median frozen before the first start, read by Anhøj's rules.

No model stands behind it. It shows whether the numbers moved more than chance, never why.
"""

from __future__ import annotations

from html import escape

from impl.release.charts import SpcPoint, SpcSection
from impl.release.release import Release, ReleasedMeasure
from impl.report import figures, frame, wording
from impl.report.language import Language
from impl.report.tables import period_name

TOP, PLOT, FOOT = 40, 200, 46
HEIGHT = TOP + PLOT + FOOT
RARE = ("g", "t")
SQUARE = "M-4 -4L4 -4L4 4L-4 4Z"
RING = "M-7.5 0A7.5 7.5 0 1 0 7.5 0A7.5 7.5 0 1 0 -7.5 0Z"


def section(release: Release) -> SpcSection | None:
    return release.sections.spc


def block(release: Release, language: Language) -> str:
    """Figure, what the rules say, and the numbers; empty without a chart."""
    chart = section(release)
    if chart is None:
        return ""
    measure = release.measure()
    figure = frame.block(
        heading(chart, language), _unit(release, chart, language), _plot(release, chart, language),
        _notes(chart, measure, language, several=wording.sites(release) > 1), language,
    )  # fmt: skip
    return figure + _badges(release, chart, language) + _numbers(release, chart, language)


def heading(chart: SpcSection, language: Language) -> str:
    """The finding, by the same rules as the words under it."""
    if chart.longest_run > chart.longest_limit:
        return language.say(f"spc.run_{'above' if _run_is_above(chart) else 'below'}")
    if chart.crossings < chart.crossings_limit:
        return language.say("spc.few_crossings")
    if chart.outside:
        return language.count("spc.outside", chart.outside)
    return language.say("spc.common")


def texts(release: Release, language: Language) -> tuple[str, ...]:
    """What the rules found, how often chance alone gives as much, and what makes the median a poor yardstick."""
    chart = section(release)
    if chart is None:
        return ()
    say = language.say
    slots = {
        "count": language.number(chart.longest_run),
        "limit": language.number(chart.longest_limit),
        "number": language.number(chart.crossings),
        "low": language.number(chart.crossings_limit),
    }
    share = {
        "count": language.number(chart.before),
        "number": language.number(wording.hundredths(chart.false_alarms)),
    }
    found = [say("spc.rules", slots), say("spc.false_alarms", share)]
    if not chart.stable_before:
        found.append(say("spc.unstable"))
    return tuple(found)


def _run_is_above(chart: SpcSection) -> bool:
    return any(
        point.start == chart.run_from and point.value is not None and point.value > chart.median
        for point in chart.points
    )


def _unit(release: Release, chart: SpcSection, language: Language) -> str:
    measure = release.measure()
    if chart.chart in RARE:
        slots = {"exposure": language.pick(measure.exposure), "events": wording.events(measure, language)}
        return language.say("spc.unit_between", slots)
    slots = {
        "name": wording.measure_and_unit(measure, language),
        "step": language.say(f"steps.{chart.step}"),
        "sites": language.count("nouns.sites", wording.sites(release)),
    }
    return language.say("trend.unit_sites" if wording.sites(release) > 1 else "trend.unit", slots)


def _notes(chart: SpcSection, measure: ReleasedMeasure, language: Language, *, several: bool) -> list[str]:
    say = language.say
    median = "spc.note_median" if several else "spc.note_median_one"
    found = [say("spc.note_rare" if chart.chart in RARE else "spc.note_points"), say(median)]
    if chart.chart != "run":
        found.append(say("spc.note_limits", {"name": say(f"spc.chart_{chart.chart}")}))
    if chart.outside:
        found.append(say("spc.note_outside"))
    if chart.target is not None:
        found.append(say("spc.note_target"))
    if any(point.hidden for point in chart.points):
        found.append(say("trend.note_hidden"))
    found.append(
        wording.good_direction(measure, language) if chart.chart not in RARE else say("spc.rare_good")
    )
    return found


# --- the drawing


def _plot(release: Release, chart: SpcSection, language: Language) -> str:
    measure = release.measure()
    values = [
        value
        for point in chart.points
        for value in (point.value, point.lower, point.upper)
        if value is not None
    ] + [chart.median]
    if chart.target is not None:
        values.append(chart.target)
    ticks = figures.nice_ticks(min(values) if measure.kind == "mean" else 0.0, max(values))
    decimals = figures.tick_decimals(ticks)
    labels = [language.number(tick, decimals) for tick in ticks]
    scale = frame.Scale(low=ticks[0], high=ticks[-1], top=TOP, plot=PLOT)
    places = _places(chart)
    lines: list[str] = []
    parts = frame.horizontal(ticks, labels, scale, ticks[0])
    for point, (left, right) in zip(chart.points, places, strict=True):
        if point.hidden:
            lines.append(
                f'<path class="veil" d="M{left:g} {TOP}L{right:g} {TOP}L{right:g} {scale.base:g}L{left:g} {scale.base:g}Z"/>'
                f'<path class="hatch" d="{figures.hatch(left, right, TOP, scale.base)}"/>'
            )
    lines += _limits(chart, places, scale) + _series(chart, places, scale)
    parts.append(frame.stretched(lines, HEIGHT))
    parts += _median(chart, scale, language) + _marks(chart, places, scale)
    parts += _start(release, chart, places, language)
    if chart.chart in RARE:
        parts.append(_count_axis(chart, scale, language))
    else:
        axes = figures.Axes(
            first=chart.points[0].start,
            last=chart.points[-1].end,
            low=0,
            high=1,
            top=scale.base - figures.PLOT,
        )
        figures.draw_time(axes, language, parts)
    gutter = max(len(label) for label in labels)
    title = language.say("spc.title", {"measure": language.pick(measure.name)})
    return frame.drawing(
        f"spc-{language.code}", title, description(release, language), parts, height=HEIGHT, gutter=gutter
    )


def _places(chart: SpcSection) -> list[tuple[float, float]]:
    """Left and right end of each point, 0 to 1000: by the calendar, or evenly where each point is an event."""
    if chart.chart in RARE:
        width = 1000 / len(chart.points)
        return [(index * width, (index + 1) * width) for index in range(len(chart.points))]
    axes = figures.Axes(first=chart.points[0].start, last=chart.points[-1].end, low=0, high=1, top=0)
    return [(axes.x(point.start), axes.end(point.end)) for point in chart.points]


def _series(chart: SpcSection, places: list[tuple[float, float]], scale: frame.Scale) -> list[str]:
    """The line through the points, broken where one is missing."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point, (left, right) in zip(chart.points, places, strict=True):
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append(((left + right) / 2, scale.y(point.value)))
    return [f'<path class="observed thin" d="{figures.path(run)}"/>' for run in runs if len(run) > 1]


def _limits(chart: SpcSection, places: list[tuple[float, float]], scale: frame.Scale) -> list[str]:
    """Limits as steps: they are wider where a point rests on less."""
    parts = []
    for name in ("lower", "upper"):
        corners: list[tuple[float, float]] = []
        for point, (left, right) in zip(chart.points, places, strict=True):
            value = getattr(point, name)
            if value is not None:
                corners += [(left, scale.y(value)), (right, scale.y(value))]
        if corners:
            parts.append(f'<path class="control-limit" d="{figures.path(corners)}"/>')
    return parts


def _median(chart: SpcSection, scale: frame.Scale, language: Language) -> list[str]:
    """The median and the target, named in the row above the plot."""
    text = language.number(chart.median, wording.level_decimals(chart.median))
    lines = [("median", "", language.say("spc.median_label", {"level": text}), chart.median)]
    if chart.target is not None:
        text = _target_number(chart.target, language)
        lines.append(
            ("threshold", "expected-label", language.say("spc.target_label", {"level": text}), chart.target)
        )
    parts = [
        f'<line class="{kind}" x1="0%" x2="100%" y1="{scale.y(value):g}" y2="{scale.y(value):g}"/>'
        for kind, _, _, value in lines
    ]
    return parts + frame.key([(kind, words, text) for kind, words, text, _ in lines])


def _target_number(target: float, language: Language) -> str:
    """A stated number with the decimals it was stated with."""
    return language.number(target, figures.tick_decimals([target]))


def _marks(chart: SpcSection, places: list[tuple[float, float]], scale: frame.Scale) -> list[str]:
    """Circles, squares for the longest run, and a ring around points beyond a limit."""
    parts = []
    dense = len(chart.points) > 48
    inside = False
    for point, (left, right) in zip(chart.points, places, strict=True):
        inside = inside or point.start == chart.run_from
        if point.value is not None:
            x, y = (left + right) / 20, scale.y(point.value)
            if is_outside(point):
                parts.append(frame.mark("ring", x, y, RING))
            if inside and point.value != chart.median:
                parts.append(frame.mark("dot", x, y, SQUARE))
            else:
                parts.append(f'<circle class="dot" cx="{x:.2f}%" cy="{y:g}" r="{2 if dense else 3.2}"/>')
        if point.end == chart.run_to:
            inside = False
    return parts


def is_outside(point: SpcPoint) -> bool:
    """Whether a point lies beyond one of its limits."""
    if point.value is None or point.lower is None or point.upper is None:
        return False
    return not point.lower <= point.value <= point.upper


def _start(
    release: Release, chart: SpcSection, places: list[tuple[float, float]], language: Language
) -> list[str]:
    """The dotted line where the first site starts: after the points that the median rests on."""
    curve = next((curve for curve in release.curves if curve.measure == chart.measure), None)
    first = None if curve is None else figures.first_start(curve.points)
    if first is None:
        return []
    after = [left for point, (left, _) in zip(chart.points, places, strict=True) if point.start >= first]
    if not after:
        return []
    x = after[0] / 10
    text = language.say("trend.first_start" if wording.sites(release) > 1 else "trend.one_start")
    anchor, shift = ("start", 6) if x <= 55 else ("end", -6)
    return [
        f'<line class="start" x1="{x:g}%" x2="{x:g}%" y1="{TOP - 20}" y2="{TOP + PLOT}"/>',
        f'<text class="label" x="{x:g}%" dx="{shift}" y="{TOP - 8}" text-anchor="{anchor}">{escape(text)}</text>',
    ]


def _count_axis(chart: SpcSection, scale: frame.Scale, language: Language) -> str:
    text = language.say("spc.events_axis", {"count": language.number(len(chart.points))})
    return f'<text class="tick" x="0%" y="{scale.base + 24:g}">{escape(text)}</text>'


def description(release: Release, language: Language) -> str:
    """Text alternative, from the same numbers as the words."""
    chart = section(release)
    assert chart is not None
    slots = {
        "start": language.month(chart.points[0].start),
        "end": language.month(chart.points[-1].end),
        "level": _level(chart, chart.median, release, language),
        "count": language.number(chart.longest_run),
        "limit": language.number(chart.longest_limit),
    }
    return language.say("spc.desc", slots)


def _level(chart: SpcSection, value: float, release: Release, language: Language) -> str:
    measure = release.measure()
    unit = measure.exposure if chart.chart in RARE else measure.unit
    return f"{language.number(value, wording.level_decimals(value))} {language.pick(unit)}"


# --- words and numbers beside it


def _badges(release: Release, chart: SpcSection, language: Language) -> str:
    """Variation and assurance, each a sign with a letter and the words for it."""
    say = language.say
    signs = [(say(f"spc.letter_{chart.variation}"), say(f"spc.variation_{chart.variation}"))]
    if chart.target is not None and chart.assurance is not None:
        slots = {
            "level": f"{_target_number(chart.target, language)} {language.pick(release.measure().unit)}",
            "count": language.number(chart.met),
            "number": language.number(chart.after),
        }
        signs.append((say(f"spc.letter_{chart.assurance}"), say(f"spc.assurance_{chart.assurance}", slots)))
    else:
        signs.append(("–", say("spc.assurance_none")))
    rows = "".join(
        f'<li><svg class="badge" width="34" height="34" aria-hidden="true"><circle class="badge-ring" cx="17" cy="17" r="15"/>'
        f'<text class="badge-letter" x="17" y="22" text-anchor="middle">{escape(letter)}</text></svg>'
        f"<span>{escape(text)}</span></li>"
        for letter, text in signs
    )
    rules = "".join(f"<p>{escape(text)}</p>" for text in texts(release, language))
    return f'<ul class="badges">{rows}</ul>{rules}'


def _numbers(release: Release, chart: SpcSection, language: Language) -> str:
    say = language.say
    decimals = wording.level_decimals(chart.median)
    missing, hidden = say("trend.no_number"), say("table.hidden")

    def shown(value: float | None, point: SpcPoint, none: str) -> str:
        return hidden if point.hidden else none if value is None else language.number(value, decimals)

    limits = chart.chart != "run"
    names = [say("trend.period_column"), say("trend.observed_column")]
    if limits:
        names += [say("spc.lower"), say("spc.upper")]
    rows = []
    for point in chart.points:
        cells = [shown(point.value, point, missing)]
        if limits:
            cells += [shown(point.lower, point, missing), shown(point.upper, point, missing)]
        rows.append((period_name(point.start, point.end, language), cells))
    slots = {"name": say("spc.title", {"measure": language.pick(release.measure().name)})}
    return frame.numbers(say("trend.numbers_caption", slots), names, rows, language)
