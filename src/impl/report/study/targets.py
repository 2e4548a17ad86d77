"""Local targets in words and one table: whether the counted figure met it, and how likely the level behind it does."""

from __future__ import annotations

from html import escape

from impl.release.release import Release, ReleasedMeasure
from impl.release.targets import CommonTarget, SiteTarget, TargetSection
from impl.report import tables, wording
from impl.report.language import Language, sentence


def block(release: Release, language: Language) -> str:
    """Every measure with targets; empty where the study has none."""
    parts = []
    sections = release.sections.targets
    for section in sections:
        measure = next(measure for measure in release.study.measures if measure.id == section.measure)
        if len(sections) > 1:
            parts.append(f"<h3>{escape(language.pick(measure.name))}</h3>")
        parts += [f"<p>{escape(text)}</p>" for text in texts(section, measure, release, language)]
        parts.append(site_table(section, measure, release, language))
    if parts:
        parts.append(f'<p class="table-note">{escape(language.say("targets.note"))}</p>')
    return "".join(parts)


def texts(
    section: TargetSection, measure: ReleasedMeasure, release: Release, language: Language
) -> tuple[str, ...]:
    """The common target, and how many sites reach theirs."""
    found = []
    if section.common is not None:
        found.append(_common(section.common, measure, release, language))
    if section.mean is not None and section.sites > 1:
        mean = wording.round_half_up(section.mean)
        slots = {
            "count": language.number(mean),
            "sites": language.count("nouns.sites", section.sites),
            "percent": language.percent(wording.round_half_up(100 * mean / section.sites)),
            "low": language.number(section.lower or 0),
            "high": language.number(section.upper or 0),
        }
        found.append(language.say("targets.number", slots))
    if not found:
        slots = {"sites": language.count("nouns.sites", section.sites)}
        smoke = release.run.profile == "smoke"
        found.append(language.say("targets.only_smoke" if smoke else "targets.only", slots))
    return tuple(found)


def _common(target: CommonTarget, measure: ReleasedMeasure, release: Release, language: Language) -> str:
    one = wording.sites(release) == 1
    slots = {
        "limit": limit_words(target.target, measure, language),
        "start": language.month(target.start),
        "end": language.month(target.end),
    }
    lines = [language.say("targets.common_one" if one else "targets.common", slots)]
    if target.hidden:
        return " ".join([*lines, language.say("targets.common_hidden")])
    if target.met is not None:
        lines.append(language.say("targets.figure_met" if target.met else "targets.figure_not_met"))
    if target.p_met is not None:
        words = {"probability": wording.probability_words(target.p_met, language)}
        lines.append(language.say("targets.level_one" if one else "targets.level", words))
    return " ".join(lines)


def limit_words(target: float, measure: ReleasedMeasure, language: Language) -> str:
    """«høyst 4 per 1000 beboerdøgn», «minst 80 prosent av nye beboere»."""
    decimals = next((digits for digits in (0, 1, 2) if round(target, digits) == target), 2)
    slots = {"number": language.number(target, decimals), "unit": language.pick(measure.unit)}
    return language.say("targets.most" if measure.direction == "lower" else "targets.least", slots)


def site_table(section: TargetSection, measure: ReleasedMeasure, release: Release, language: Language) -> str:
    """One row a site in the order of its code; a hidden one stays in its place. Empty where sites are not shown."""
    if not section.rows:
        return ""
    keys = ("site", "target", "when", "figure", "chance")
    smoke = release.run.profile == "smoke"
    names = [language.say(f"targets.{key}") for key in keys if not (smoke and key == "chance")]
    rows = []
    for row in section.rows:
        between = {"start": language.month(row.start), "end": language.month(row.end)}
        cells = [
            sentence(limit_words(row.target, measure, language)),
            language.say("targets.from_to", between),
            _figure(row, language),
            _chance(row, language),
        ]
        body = "".join(
            f'<td><span class="cell-label" aria-hidden="true">{escape(name)}</span>{escape(text)}</td>'
            for name, text in zip(names[1:], cells, strict=False)
        )
        rows.append(f'<tr><th scope="row">{escape(row.name)}</th>{body}</tr>')
    title = tables.caption(language.say("targets.caption", {"name": language.pick(measure.name)}))
    return f'<table class="cards targets">{title}{tables.header(names)}<tbody>{"".join(rows)}</tbody></table>'


def _figure(row: SiteTarget, language: Language) -> str:
    if row.hidden:
        return language.say("table.hidden")
    key = "unknown" if row.met is None else "met" if row.met else "not_met"
    return language.say(f"targets.{key}")


def _chance(row: SiteTarget, language: Language) -> str:
    if row.hidden or row.p_met is None:
        return language.say("table.hidden")
    return sentence(wording.probability_words(row.p_met, language))
