"""The effect by site: intervals in the order of the codes, never a league table; bands where sites are many.

A line a site is legible on a phone up to a screenful or two. A network of hundreds is shown as how many sites have an
effect in each band. Every site's number and chance stand in a table behind either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from impl.release.release import Release, ReleasedMeasure
from impl.release.site_effects import SiteEffect, SiteEffectSection
from impl.report import figures, row_figure, tables, wording
from impl.report.language import Language
from impl.report.study.exposure import as_drawn

MOST_LINES = 40  # choice: from here on a line a site takes more than three screens of a phone
APART = 0.95  # chance of being on one side of the mean from which a site is said to depart from it
BANDS = 8  # about so many bands


def block(release: Release, language: Language) -> str:
    """What is told of single sites; empty where nothing is."""
    section = release.sections.by_site
    if section is None or not section.rows:
        return ""
    shown = [row for row in section.rows if row.median is not None]
    parts = [_paragraphs(spread_texts(release, language))]
    figure = _lines if len(section.rows) <= MOST_LINES else _bands
    parts += [figure(section, release, language), _every_site(section, release, language)]
    notes = [language.say("by_site.note", {"bundle": wording.bundle(release, language)})]
    hidden = len(section.rows) - len(shown)
    if hidden:
        notes.append(language.count("by_site.hidden", hidden))
    return "".join(parts) + f'<p class="table-note">{escape(" ".join(notes))}</p>'


def spread_texts(release: Release, language: Language) -> tuple[str, ...]:
    """How far apart about two in three sites are; empty where the model has one effect for all."""
    section = release.sections.by_site
    if section is None:
        return ()
    measure = _measure(section, release)
    low, high, decimals = _ends(*section.typical, release, measure)
    text = wording.range_words(low, high, decimals, measure, language)
    if low == high:
        return (language.say("by_site.alike"),)
    return (language.say("by_site.typical", {"text": text}),)


def heading(section: SiteEffectSection, language: Language) -> str:
    """The finding: how many sites depart from the mean beyond doubt. Neutral where nothing is judged."""
    chances = [row.p_better for row in section.rows if row.p_better is not None]
    if not chances:
        return language.say("by_site.neutral")
    apart = sum(chance >= APART or chance <= 1 - APART for chance in chances)
    if not apart:
        return language.say("by_site.none_apart")
    slots = {"sites": language.count("nouns.sites", len(chances))}
    return language.count("by_site.apart", apart, slots)


def _lines(section: SiteEffectSection, release: Release, language: Language) -> str:
    measure = _measure(section, release)
    shown = [row for row in section.rows if row.median is not None]
    values = [as_drawn(end, measure) for row in shown for end in (row.lower, row.upper) if end is not None]
    centre = _centre(release, measure)
    marks = (0.0,) if centre is None else (0.0, centre)
    first, last = min(*values, *marks), max(*values, *marks)
    margin = 0.03 * (last - first)
    rows = [
        row_figure.Row(
            name=row.name,
            value=_words(row, release, measure, language),
            picture=_picture(row, measure, first - margin, last + margin, centre),
            hidden=row.median is None,
        )
        for row in section.rows
    ]
    names = (language.say("by_site.site"), language.say("by_site.change"), language.say("uptake.picture"))
    return row_figure.table(
        heading(section, language), _unit(release, measure, centre, language), names, rows
    )


def _picture(
    row: SiteEffect, measure: ReleasedMeasure, first: float, last: float, centre: float | None
) -> str:
    """No effect as a thin line, the mean of all sites as a dashed one; the interval over them."""

    def mark(value: float, kind: str) -> str:
        x = 100 * (value - first) / (last - first)
        return f'<line class="{kind}" x1="{x:.1f}%" x2="{x:.1f}%" y1="0" y2="24"/>'

    under = mark(0.0, "zero") + ("" if centre is None else mark(centre, "threshold"))
    if row.lower is None or row.median is None or row.upper is None:
        return under
    low, middle, high = (as_drawn(value, measure) for value in (row.lower, row.median, row.upper))
    return under + row_figure.interval(low, middle, high, first, last)


def _bands(section: SiteEffectSection, release: Release, language: Language) -> str:
    """How many sites have an effect in each band of equal width, the lowest change first."""
    measure = _measure(section, release)
    values = [as_drawn(row.median, measure) for row in section.rows if row.median is not None]
    found = bands(values, whole=measure.headline_scale == "ratio")
    decimals = figures.tick_decimals([low for low, _, _ in found])
    rows = []
    for low, high, count in found:
        ends = {
            name: language.number(end, decimals, signed=True) for name, end in (("low", low), ("high", high))
        }
        share = language.percent_sign(100 * count / len(values))
        rows.append(
            row_figure.Row(
                name=_signed(language.say("trend.range", ends), measure, language),
                value=f"{language.count('nouns.sites', count)} ({share})",
                picture=row_figure.bar(count / max(count for _, _, count in found)),
            )
        )
    names = (language.say("by_site.band"), language.say("by_site.how_many"), language.say("uptake.picture"))
    slots = {
        "name": wording.measure_and_unit(measure, language),
        "sites": language.count("nouns.sites", len(values)),
    }
    unit = language.say("by_site.bands_unit", slots)
    return row_figure.table(heading(section, language), unit, names, rows)


def bands(values: Sequence[float], *, whole: bool) -> list[tuple[float, float, int]]:
    """Equal bands as first value, last value and how many values lie there; those between are never left out.

    whole: values are whole numbers, and a band ends before the next one begins («−30 to −26»).
    """
    exact = [round(value, 6) for value in values]
    low, high = min(exact), max(exact)
    edges = figures.nice_ticks(low, max(high, low + BANDS * whole), most=BANDS, steps=(1, 2, 5, 10))
    edges = [edge for edge in edges if edge <= high]
    width = edges[1] - edges[0] if len(edges) > 1 else 1.0
    counts = [sum(edge <= value < edge + width - 1e-9 for value in exact) for edge in edges]
    return [(edge, round(edge + width, 10) - whole, count) for edge, count in zip(edges, counts, strict=True)]


def _every_site(section: SiteEffectSection, release: Release, language: Language) -> str:
    """Site, change with its interval and chance, in the order of the codes, folded away."""
    measure = _measure(section, release)
    judged = any(row.p_better is not None for row in section.rows)
    keys = ("site", "change", "chance") if judged else ("site", "change")
    rows = []
    for row in section.rows:
        cells = [_words(row, release, measure, language)]
        if judged:
            cells.append("" if row.p_better is None else wording.of_hundred(row.p_better, language))
        body = "".join(f"<td>{escape(text)}</td>" for text in cells)
        rows.append(f'<tr><th scope="row">{escape(row.name)}</th>{body}</tr>')
    title = language.say("by_site.caption", {"name": language.pick(measure.name)})
    heads = tables.header([language.say(f"by_site.{key}") for key in keys])
    return (
        f'<details class="numbers"><summary>{escape(language.say("by_site.every"))}</summary>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(title)}"><table>'
        f"<caption>{escape(title)}</caption>{heads}<tbody>{''.join(rows)}</tbody></table></div></details>"
    )


def _words(row: SiteEffect, release: Release, measure: ReleasedMeasure, language: Language) -> str:
    """«−18 % (−30 til −5)»."""
    if row.lower is None or row.median is None or row.upper is None:
        return language.say("table.hidden")
    low, high, decimals = _ends(row.lower, row.upper, release, measure)
    middle, _, _ = _ends(row.median, row.median, release, measure)
    ends = {
        "low": language.number(low, decimals, signed=True),
        "high": language.number(high, decimals, signed=True),
    }
    number = language.number(middle, decimals, signed=True)
    return f"{_signed(number, measure, language)} {language.say('table.between', ends)}"


def _ends(low: float, high: float, release: Release, measure: ReleasedMeasure) -> tuple[float, float, int]:
    """Two values of the headline scale as they are shown, and their decimals."""
    if measure.headline_scale == "ratio":
        return wording.round_half_up(100 * (low - 1)), wording.round_half_up(100 * (high - 1)), 0
    decimals = wording.levels(release, measure).decimals
    return wording.round_half_up(low, decimals), wording.round_half_up(high, decimals), decimals


def _centre(release: Release, measure: ReleasedMeasure) -> float | None:
    """The main number on the drawn scale."""
    main = wording.headline(release, measure)
    return None if main is None or not math.isfinite(main.median) else as_drawn(main.median, measure)


def _unit(release: Release, measure: ReleasedMeasure, centre: float | None, language: Language) -> str:
    slots = {
        "name": wording.measure_and_unit(measure, language),
        "bundle": wording.bundle(release, language),
    }
    text = language.say(f"by_site.unit_{measure.headline_scale}", slots)
    return text if centre is None else f"{text} {language.say('by_site.unit_mean')}"


def _signed(text: str, measure: ReleasedMeasure, language: Language) -> str:
    """A number or range with the sign of per cent; as it is where the unit stands above the figure."""
    return (
        language.say("format.percent_sign", {"number": text}) if measure.headline_scale == "ratio" else text
    )


def _measure(section: SiteEffectSection, release: Release) -> ReleasedMeasure:
    return next(measure for measure in release.study.measures if measure.id == section.measure)


def _paragraphs(texts: Sequence[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)
