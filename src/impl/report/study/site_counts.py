"""Counts by site as a table: before start and in the window of the effect, for readers who may see sites."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from impl.release.release import Release, ReleasedMeasure
from impl.release.site_counts import SiteCount, SiteCounts
from impl.report import tables, wording
from impl.report.language import Language, sentence

REASONS = ("numerator_1_4", "denominator_under_5", "complement", "certain_under_10", "sites_hidden_together")
"""Rules that hide a site's count; those of the audience are printed where something is hidden."""

MOST_OPEN = 40  # choice: more sites than this stand behind a fold; as cards they would be a metre of phone


def block(release: Release, language: Language) -> str:
    """One table a measure; empty where the audience has no counts by site."""
    by_measure = {
        measure.id: [row for row in release.sections.sites if row.measure == measure.id]
        for measure in release.study.measures
    }
    found = [
        site_table(by_measure[measure.id], measure, language)
        for measure in release.study.measures
        if by_measure[measure.id]
    ]
    if not found:
        return ""
    intro_key = "site_counts.intro_one" if wording.sites(release) == 1 else "site_counts.intro"
    slots = {"window": wording.window(release, language)}
    intro = f"<p>{escape(language.say(intro_key, slots))}</p>"
    return intro + "".join(found) + _reasons(release, language)


def site_table(rows: Sequence[SiteCounts], measure: ReleasedMeasure, language: Language) -> str:
    """Site · before · after, in the order of the codes; a hidden count stays in its place and says so."""
    names = [language.say(f"site_counts.{key}") for key in ("site", "before", "after")]
    body = []
    for row in rows:
        cells = "".join(
            f"<td{' class="hidden"' if count is not None and count.hidden else ''}>"
            f'<span class="cell-label" aria-hidden="true">{escape(name)}</span>'
            f"<span>{escape(count_words(count, measure, language))}</span></td>"
            for name, count in zip(names[1:], (row.before, row.after), strict=True)
        )
        body.append(f'<tr><th scope="row">{escape(row.name)}</th>{cells}</tr>')
    title = language.say("site_counts.caption", {"name": wording.measure_and_unit(measure, language)})
    table = (
        f'<table class="cards sites">{tables.caption(title)}{tables.header(names)}'
        f"<tbody>{''.join(body)}</tbody></table>"
    )
    if len(rows) <= MOST_OPEN:
        return table
    summary = language.say("site_counts.every", {"sites": language.count("nouns.sites", len(rows))})
    return f'<details class="numbers"><summary>{escape(summary)}</summary>{table}</details>'


def count_words(count: SiteCount | None, measure: ReleasedMeasure, language: Language) -> str:
    """«5,0 (12 fall på 2400 beboerdøgn)», «skjult (personvern)», or that there is no such time."""
    if count is None:
        return language.say("site_counts.none")
    if count.hidden:
        return language.say("table.hidden")
    if count.numerator is None or count.denominator is None:
        return language.say("trend.no_number")
    level = count.numerator / count.denominator * measure.per if count.denominator else 0.0
    decimals = wording.level_decimals(level) if level else 0
    shown = (
        language.percent_sign(level, min(decimals, 1))
        if measure.kind == "proportion"
        else language.number(level, decimals)
    )
    slots = {
        "count": _plain(count.numerator, language),
        "exposure": _plain(count.denominator, language),
        "level": shown,
        "unit": language.pick(measure.exposure),
        "events": wording.noun(measure, count.numerator, language),
    }
    return language.say(f"site_counts.{measure.kind}", slots)


def _plain(value: float, language: Language) -> str:
    return language.number(value, 0 if float(value).is_integer() else 1)


def _reasons(release: Release, language: Language) -> str:
    hidden = any(
        count is not None and count.hidden
        for row in release.sections.sites
        for count in (row.before, row.after)
    )
    if not hidden:
        return ""
    said = [language.say(f"rules.{rule}") for rule in REASONS if rule in release.disclosure.rules]
    text = " ".join([language.say("site_counts.why"), *map(sentence, said)])
    return f'<p class="table-note">{escape(text)}</p>'
