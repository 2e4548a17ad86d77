"""How much was delivered of each part, and how the change goes with it: the figures of delivery and of what lasts."""

from __future__ import annotations

from html import escape

from impl.release.release import Estimate, Release
from impl.report import figures, frame, row_figure, wording
from impl.report.language import Language
from impl.report.study import exposure
from impl.report.tables import word_for

TOP, PLOT, FOOT = 24, 180, 46
HEIGHT = TOP + PLOT + FOOT
MOST_KEPT = 1.5  # choice: the axis of what is kept ends at one and a half times the effect
WHOLE = "all"


def components(release: Release, language: Language) -> str:
    """A bar a component, the whole bundle last; empty where one or none was audited."""
    section = release.sections.fidelity
    if section is None or not section.components:
        return ""
    ordered = sorted(section.components, key=lambda part: part.component == WHOLE)
    rows = [
        row_figure.Row(
            name=language.say("uptake.whole")
            if part.component == WHOLE
            else word_for("component", part.component, language),
            value=f"{language.percent_sign(100 * part.share)} ({language.count('nouns.sites', part.sites)})",
            picture=row_figure.bar(part.share, (section.delivered,)),
        )
        for part in ordered
    ]
    names = (language.say("uptake.part"), language.say("uptake.share"), language.say("uptake.picture"))
    unit = language.say("uptake.unit", {"limit": language.percent_sign(100 * section.delivered)})
    return row_figure.table(components_heading(release, language), unit, names, rows)


def components_heading(release: Release, language: Language) -> str:
    """The finding: how many got everything, else the parts that were delivered least and most."""
    section = release.sections.fidelity
    assert section is not None
    whole = next((part for part in section.components if part.component == WHOLE), None)
    if whole is not None:
        return language.say("uptake.whole_heading", {"percent": language.percent(100 * whole.share)})
    least, most = (end(section.components, key=lambda part: part.share) for end in (min, max))
    ends = {"low": language.percent_sign(100 * least.share), "high": language.percent_sign(100 * most.share)}
    return language.say("uptake.parts_heading", ends)


def dose_rows(release: Release) -> list[tuple[float, Estimate]]:
    """Share delivered and the change that goes with it, smallest share first."""
    measure = release.measure()
    return sorted(
        (float(row.group or 0), row)
        for row in release.estimates
        if row.estimand == "dose" and row.measure == measure.id and row.scale == measure.headline_scale
    )  # fmt: skip


def dose(release: Release, language: Language) -> str:
    """The change by share delivered; empty without a dose-response. Its numbers stand in the lines under it."""
    section, rows = release.sections.fidelity, dose_rows(release)
    if section is None or section.curve is None or len(rows) < 2:
        return ""
    measure = release.measure()
    scale_key = "ratio" if measure.headline_scale == "ratio" else "difference"
    slots = {"name": wording.measure_and_unit(measure, language)}
    notes = [language.say("uptake.dose_note")]
    if section.median is not None:
        notes.append(language.say("uptake.dose_note_here"))
    notes += [language.say("course.note_threshold"), wording.good_direction(measure, language)]
    unit = language.say(f"uptake.dose_unit_{scale_key}", slots)
    return frame.block(dose_heading(release, language), unit, _dose_plot(release, language), notes, language)


def dose_heading(release: Release, language: Language) -> str:
    """What goes with full delivery; never what causes it."""
    _, full = dose_rows(release)[-1]
    measure = release.measure()
    value, low, high, decimals = wording.as_shown(full, release, measure)
    if wording.crosses(low, high) or value == 0:
        return language.say("uptake.dose_unclear")
    slots = {
        "percent": language.percent(100 * dose_rows(release)[-1][0]),
        "change": wording.change_words(value, decimals, measure, language),
    }
    return language.say("uptake.dose_heading", slots)


def _dose_plot(release: Release, language: Language) -> str:
    section, measure = release.sections.fidelity, release.measure()
    assert section is not None
    rows, limit = dose_rows(release), exposure.threshold(release)
    course = [_as_point(share, row, release) for share, row in rows]
    ticks = exposure.axis(course, limit)
    labels = [language.number(tick, figures.tick_decimals(ticks), signed=True) for tick in ticks]
    scale = frame.Scale(low=ticks[0], high=ticks[-1], top=TOP, plot=PLOT)
    parts = frame.horizontal(ticks, labels, scale, 0.0)
    if limit is not None:
        y = scale.y(limit)
        parts.append(f'<line class="threshold" x1="0%" x2="100%" y1="{y:g}" y2="{y:g}"/>')
    if section.median is not None:
        x = _at(section.median)
        anchor, shift = ("start", 5) if x < 55 else ("end", -5)
        text = language.say("uptake.here", {"percent": language.percent_sign(100 * section.median)})
        parts.append(f'<line class="start" x1="{x:.1f}%" x2="{x:.1f}%" y1="2" y2="{scale.base:g}"/>')
        parts.append(
            f'<text class="label" x="{x:.1f}%" dx="{shift}" y="14" text-anchor="{anchor}">{escape(text)}</text>'
        )
    for (share, _), point in zip(rows, course, strict=True):
        parts += exposure.interval(_at(share), point, scale)
    for share in (0.0, 0.5, 1.0):
        anchor = {0.0: "start", 1.0: "end"}.get(share, "middle")
        text = language.percent_sign(100 * share)
        parts.append(
            f'<text class="tick" x="{_at(share):.1f}%" y="{scale.base + 20:g}" text-anchor="{anchor}">{escape(text)}</text>'
        )
    text = language.say("uptake.dose_axis")
    parts.append(f'<text class="tick small" x="0%" y="{scale.base + 40:g}">{escape(text)}</text>')
    title = language.say("uptake.dose_title", {"measure": language.pick(measure.name)})
    return frame.drawing(
        f"dose-{language.code}", title, dose_heading(release, language), parts,
        height=HEIGHT, gutter=max(len(label) for label in labels),
    )  # fmt: skip


def _at(share: float) -> float:
    """Place of a share on an axis from 0 to 1, with room for the point at either end."""
    return 2 + 96 * share


def _as_point(share: float, row: Estimate, release: Release) -> exposure.Point:
    measure = release.measure()
    value, low, high = (exposure.as_drawn(end, measure) for end in (row.median, row.lower, row.upper))
    return exposure.Point(
        period=round(100 * share), value=value, low=low, high=high, inner=(value, value), row=row
    )


def kept(release: Release, language: Language) -> str:
    """What is left of the effect after active support, a row a horizon; empty without a section."""
    section = release.sections.sustainment
    if section is None or not section.horizons:
        return ""
    rows = []
    for horizon in section.horizons:
        low, high = language.number(100 * horizon.lower), language.number(100 * horizon.upper)
        between = language.say("trend.range", {"low": low, "high": high})
        rows.append(
            row_figure.Row(
                name=language.count("nouns.months", horizon.months),
                value=f"{language.percent_sign(100 * horizon.median)} ({between})",
                picture=row_figure.interval(
                    horizon.lower, horizon.median, horizon.upper, 0.0, MOST_KEPT, (0.0, 0.5, 1.0)
                ),
            )
        )
    names = (language.say("uptake.after"), language.say("uptake.kept"), language.say("uptake.picture"))
    return row_figure.table(kept_heading(release, language), language.say("uptake.kept_unit"), names, rows)


def kept_heading(release: Release, language: Language) -> str:
    """The finding at the last horizon, from the same interval as the row."""
    section = release.sections.sustainment
    assert section is not None
    last = section.horizons[-1]
    slots = {"months": language.count("nouns.months", last.months)}
    if last.p_half is None:  # the chance is not told, so its finding is not either
        return language.say("uptake.kept_unclear", slots)
    if last.lower >= 0.5:
        return language.say("uptake.kept_most", slots)
    if last.upper < 0.5:
        return language.say("uptake.kept_little", slots)
    return language.say("uptake.kept_unclear", slots)
