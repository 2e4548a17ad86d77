"""The report on data alone: what has come, what looks wrong, and what each site is asked for. Text and tables only.

Every mark is a shape and a word as well as a shade, so that it survives print and grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

from impl.release.quality import LEFT_OUT, QualityFinding, QualityGap, QualitySection, SiteCoverage
from impl.release.release import Release, ReleasedMeasure
from impl.release.send_back import ONLY_A_GAP
from impl.report import wording
from impl.report.language import Language, sentence
from impl.report.tables import caption, header, period_name

MANY_SITES = 60  # more, and only those with something missing get a line of their own (choice)
MANY_NAMES = 8  # sites named one by one in a list (choice)
MANY_GAPS = 4  # gaps told one by one in the table of what has come (choice)
STRIP = 22  # height in px
MARKS = {"grave": "◆", "look": "◇", "missing": "○"}
NOTED = frozenset(
    [
        "areas_incomplete", "areas_overlap", "codes_harmonised", "codes_may_have_changed", "counts_are_reports",
        "coverage_changed", "coverage_unknown", "intervals", "mixed_starts", "nested_area", "not_reported",
        "overlapping_area", "own_definition", "preliminary", "treated_before_data",
    ]
)  # fmt: skip
"""Warnings that are about data, and that no part of this page says better."""


def answer(release: Release, language: Language) -> str:
    """Whether the data can be used, and what stands in the way."""
    section = _section(release)
    return language.say(f"quality.answer.{section.state}", {"text": _what_is_wrong(section, language)})


def _what_is_wrong(section: QualitySection, language: Language) -> str:
    """«2 av 12 steder mangler tall, og 7 har tall som bør kontrolleres»; empty where nothing is."""
    sites = dict.fromkeys(row.site for row in section.coverage)
    lacking = {row.site for row in section.coverage if row.reported < row.expected}
    odd = _asked_about(section)
    number = language.number(len(sites))
    parts = []
    if lacking:
        parts.append(language.count("quality.lacking", len(lacking), {"number": number}))
    if odd:
        key = "quality.odd_too" if parts else "quality.odd"
        parts.append(language.count(key, len(odd), {"number": number}))
    elif any(finding.site is None for finding in section.findings):
        parts.append(language.say("quality.odd_all"))
    if len(parts) == 2:
        return language.say("quality.both", {"first": parts[0], "last": parts[1]})
    return "".join(parts)


def _asked_about(section: QualitySection) -> set[str]:
    asked = [finding for finding in section.findings if finding.code not in ONLY_A_GAP]
    return {site for finding in asked for site in (finding.site, finding.other) if site is not None}


def facts(release: Release, language: Language) -> tuple[str, ...]:
    """How much has come of each measure, how old it is, and what all sites together look like."""
    section = _section(release)
    lines = []
    for measure in _measures(release):
        rows = [row for row in section.coverage if row.measure == measure.id]
        expected, reported = sum(row.expected for row in rows), sum(row.reported for row in rows)
        if not expected:
            continue
        percent = 100 * reported / expected
        shown = percent if reported in (0, expected) else min(max(percent, 0.1), 99.9)
        slots = {
            "name": language.pick(measure.name),
            "percent": language.percent(shown, 0 if reported in (0, expected) else 1),
            "count": language.number(reported),
            "number": language.number(expected),
        }
        lines.append(language.say("quality.come", slots))
        hidden = sum(row.hidden for row in rows)
        if hidden:
            lines.append(language.count("quality.hidden", hidden))
    if release.study.vintage is not None:
        slots = {"date": language.day(release.study.vintage), "end": language.month(release.study.data_to)}
        lines.append(language.say("quality.extracted", slots))
    lines += [_ask(finding, release, language) for finding in section.findings if finding.site is None]
    return tuple(lines)


# --- what has come


def coverage(release: Release, language: Language) -> str:
    """One table a measure: site, a strip of time, how many of the periods, and what is missing in words."""
    section = _section(release)
    parts = []
    for measure in _measures(release):
        rows = [row for row in section.coverage if row.measure == measure.id]
        shown = [row for row in rows if len(rows) <= MANY_SITES or row.reported < row.expected]
        parts.append(_coverage_table(release, measure, shown, language) if shown else "")
        if len(shown) < len(rows):
            text = language.count("quality.others_complete", len(rows) - len(shown))
            parts.append(f"<p>{escape(text)}</p>")
        parts.append(_periods_table(section, measure, language))
    years = release.study.data_from.year < release.study.data_to.year
    return _key(section, years, language) + "".join(parts)


def _coverage_table(
    release: Release, measure: ReleasedMeasure, rows: Sequence[SiteCoverage], language: Language
) -> str:
    say = language.say
    first, last = release.study.data_from, release.study.data_to
    slots = {"name": language.pick(measure.name), "start": language.month(first), "end": language.month(last)}
    names = [say(f"quality.{key}", slots) for key in ("site", "strip", "reported")]
    body = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th>'
        f'<td class="strip-cell">{_strip(row, first, last)}</td>'
        f"<td>{escape(_come(row, language))}</td></tr>"
        for row in rows
    )
    return (
        f'<table class="cards coverage">{caption(say("quality.coverage_caption", slots))}'
        f"{header(names)}<tbody>{body}</tbody></table>"
    )


def _label(text: str) -> str:
    return f'<span class="cell-label" aria-hidden="true">{escape(text)}</span>'


def _come(row: SiteCoverage, language: Language) -> str:
    """How many periods have a number; the others and why they have none, the first ones in full."""
    if row.last is None:
        return language.say("quality.nothing")
    slots = {"count": language.number(row.reported), "number": language.number(row.expected)}
    come = language.say("quality.of", slots)
    lacking = [gap for gap in row.gaps if gap.why not in LEFT_OUT]
    without = [gap for gap in row.gaps if gap.why in LEFT_OUT]
    texts = [language.say("quality.complete", {"text": come})]
    if lacking:
        texts = [language.say("quality.lacks", {"text": come, "word": _told(lacking, language)})]
    if without:
        texts.append(language.say("quality.without", {"text": _told(without, language)}))
    return " ".join(texts)


def _told(gaps: Sequence[QualityGap], language: Language) -> str:
    told = [
        language.say(
            "quality.gap",
            {
                "text": period_name(gap.start, gap.end, language),
                "word": language.say(f"quality.why.{gap.why}"),
            },
        )
        for gap in gaps[:MANY_GAPS]
    ]
    more = len(gaps) - len(told)
    if more:
        told.append(language.count("quality.more_gaps", more))
    return "; ".join(told)


def _strip(row: SiteCoverage, first: date, last: date) -> str:
    """The site's time as one bar: filled where numbers have come, open where they lack. The words stand beside it."""
    days = (last - first).days + 1

    def at(day: date) -> float:
        return 100 * (day - first).days / days

    parts = [f'<rect class="come" x="0" y="0" width="100%" height="{STRIP}"/>']
    for gap in row.gaps:
        left, width = at(gap.start), 100 * ((gap.end - gap.start).days + 1) / days
        kind = "left-out" if gap.why in LEFT_OUT else "lacks"
        parts.append(
            f'<rect class="{kind}" x="{left:.2f}%" y="1" width="{width:.2f}%" height="{STRIP - 2}"/>'
        )
    parts += [
        f'<line class="new-year" x1="{at(date(year, 1, 1)):.2f}%" x2="{at(date(year, 1, 1)):.2f}%" y1="0" y2="{STRIP}"/>'
        for year in range(first.year + 1, last.year + 1)
    ]
    return f'<svg class="strip-of-time" height="{STRIP}" aria-hidden="true">{"".join(parts)}</svg>'


def _key(section: QualitySection, years: bool, language: Language) -> str:
    """What the strips show. years: whether new years are drawn."""
    kinds = ["come"]
    gaps = [gap for row in section.coverage for gap in row.gaps]
    if any(gap.why not in LEFT_OUT for gap in gaps):
        kinds.append("lacks")
    if any(gap.why in LEFT_OUT for gap in gaps):
        kinds.append("left-out")
    items = "".join(
        f'<span><svg class="swatch" width="28" height="14" aria-hidden="true"><rect class="{kind}" x="1" y="1" width="26" height="12"/></svg>'
        f"{escape(language.say(f'quality.key.{kind.replace("-", "_")}'))}</span>"
        for kind in kinds
    )
    line = f"<span>{escape(language.say('quality.key.new_year'))}</span>" if years else ""
    return f'<p class="strip-key">{items}{line}</p>'


def _periods_table(section: QualitySection, measure: ReleasedMeasure, language: Language) -> str:
    """Periods that some sites lack; all of them are in the Release."""
    rows = [row for row in section.periods if row.measure == measure.id and row.reported < row.expected]
    if not rows:
        return ""
    say = language.say
    name = {"name": language.pick(measure.name)}
    names = [say("quality.period"), say("quality.sites_reported")]
    body = "".join(
        f'<tr><th scope="row">{escape(period_name(row.start, row.end, language))}</th><td class="number">'
        f"{escape(say('quality.of', {'count': language.number(row.reported), 'number': language.number(row.expected)}))}</td></tr>"
        for row in rows
    )
    text = say("quality.periods_caption", name)
    return (
        f'<details class="numbers"><summary>{escape(text)}</summary>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(text)}"><table class="narrow">'
        f"<caption>{escape(text)}</caption>{header(names, right=frozenset((1,)))}<tbody>{body}</tbody></table></div></details>"
    )


# --- what looks wrong


def findings(release: Release, language: Language) -> str:
    """What kind of thing was found, what it often is, and at which sites."""
    section = _section(release)
    found: dict[str, list[QualityFinding]] = {}
    for finding in section.findings:
        found.setdefault(finding.code, []).append(finding)
    if not found:
        return f"<p>{escape(language.say('quality.nothing_found'))}</p>"
    ordered = sorted(found.items(), key=lambda item: not item[1][0].grave)
    say = language.say
    names = [say("quality.kind_column"), say("quality.meaning_column"), say("quality.sites_column")]
    body = "".join(
        f'<tr><th scope="row">{escape(say(f"quality.kind.{code}"))}'
        f'<span class="unit">{escape(_mark(group[0], language))}</span></th>'
        f"<td>{_label(names[1])}{escape(say(f'quality.meaning.{code}'))}</td>"
        f"<td>{_label(names[2])}{escape(_sites(group, language))}</td></tr>"
        for code, group in ordered
    )
    return f'<table class="cards found">{caption(say("quality.found_caption"))}{header(names)}<tbody>{body}</tbody></table>'


def _mark(finding: QualityFinding, language: Language) -> str:
    kind = "grave" if finding.grave else "look"
    return f"{MARKS[kind]} {language.say(f'quality.mark.{kind}')}"


def _sites(group: Sequence[QualityFinding], language: Language) -> str:
    names = [
        language.listing([finding.name or "", finding.other_name]) if finding.other_name else finding.name
        for finding in group
    ]
    told = list(dict.fromkeys(name or language.say("quality.all_sites") for name in names))
    more = len(told) - MANY_NAMES
    if more > 0:
        told = [*told[:MANY_NAMES], language.count("quality.more_sites", more)]
    return "; ".join(told)


# --- what each site is asked for


def send_back(release: Release, language: Language) -> str:
    """One line a question, by site, as it can be copied into a letter."""
    section = _section(release)
    several = len(_measures(release)) > 1
    say = language.say
    names = [say(f"quality.{key}") for key in ("site", "kind_column", "when_column", "ask_column")]
    lines = []
    for site in dict.fromkeys(row.site for row in section.coverage):
        rows = [row for row in section.coverage if row.site == site]
        mine = [
            finding
            for finding in section.findings
            if site in (finding.site, finding.other) and finding.code not in ONLY_A_GAP
        ]
        asked = [
            (
                f"{MARKS['missing']} {say('quality.mark.missing')}",
                *_missing(row, gap, release, several, language),
            )
            for row in rows
            for gap in row.gaps
            if gap.why not in LEFT_OUT
        ]
        asked += [
            (_mark(finding, language), _when(finding, language), _ask(finding, release, language, about=site))
            for finding in sorted(mine, key=lambda finding: not finding.grave)
        ]
        for at, (mark, when, ask) in enumerate(asked):
            name = escape(rows[0].name) if at == 0 else f'<span class="again">{escape(rows[0].name)}</span>'
            cells = "".join(
                f"<td>{_label(label)}{escape(text)}</td>"
                for label, text in zip(names[1:], (mark, when, ask), strict=True)
            )
            lines.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    if not lines:
        return f"<p>{escape(say('quality.nothing_asked'))}</p>"
    intro = f"<p>{escape(say('quality.send_back_intro'))}</p>"
    return (
        f'{intro}<table class="cards asked">{caption(say("quality.send_back_caption"))}{header(names)}'
        f"<tbody>{''.join(lines)}</tbody></table>"
        f'<p class="table-note">{escape(say("quality.send_back_note"))}</p>'
    )


def _missing(
    row: SiteCoverage, gap: QualityGap, release: Release, several: bool, language: Language
) -> tuple[str, str]:
    text = language.say(f"quality.ask.{gap.why}")
    if several:
        measure = next(measure for measure in _measures(release) if measure.id == row.measure)
        text = language.say("quality.about", {"name": language.pick(measure.name), "text": text})
    return sentence(period_name(gap.start, gap.end, language)), text


def _when(finding: QualityFinding, language: Language) -> str:
    if finding.start is None or finding.end is None:
        return language.say("quality.always" if finding.measure else "quality.no_time")
    return sentence(period_name(finding.start, finding.end, language))


def _ask(finding: QualityFinding, release: Release, language: Language, *, about: str | None = None) -> str:
    """The question of a finding. about: the site that is asked, where the finding is about two."""
    measures = {measure.id: measure for measure in _measures(release)}
    measure = measures.get(finding.measure or "")
    values = finding.values
    slots = {"other": (finding.name if about == finding.other else finding.other_name) or ""}
    if measure is not None:
        slots |= {
            "name": language.pick(measure.name),
            "events": wording.events(measure, language),
            "exposure": language.pick(measure.exposure),
        }
    for key in ("count", "number", "days"):
        if key in values:
            slots[key] = language.number(float(values[key]))
    if "share" in values:
        slots["percent"] = language.percent(100 * float(values["share"]))
    if "times" in values:
        times = float(values["times"])
        slots["amount"] = (
            language.number(times, 0 if times.is_integer() else 1)
            if values["way"] == "up"
            else f"1/{language.number(times)}"
            if times.is_integer()
            else language.percent(100 / times)
        )
    key = f"quality.ask.{finding.code}"
    for value in (values.get("way"), values.get("of")):
        if value is not None and (language.has(f"{key}.{value}") or language.has(f"{key}.{value}.other")):
            key = f"{key}.{value}"
    if "periods" in values:
        slots["periods"] = language.count("quality.period_count", int(values["periods"]))
    text = language.say(key, slots)
    if measure is not None and len(measures) > 1:
        text = language.say("quality.about", {"name": slots["name"], "text": text})
    return text


# --- what is left out, and how it was looked for


def left_out(release: Release, language: Language) -> str:
    """Cells that no calculation would use, by reason."""
    section = _section(release)
    say = language.say
    names = [
        say("quality.measure"),
        say("quality.why_column"),
        say("quality.cells"),
        say("quality.sites_number"),
    ]
    measures = {measure.id: language.pick(measure.name) for measure in _measures(release)}
    body = "".join(
        f'<tr><th scope="row">{escape(measures.get(row.measure, row.measure))}</th>'
        f"<td>{_label(names[1])}{escape(sentence(say(f'quality.why.{row.why}')))}</td>"
        f'<td class="number">{_label(names[2])}{escape(language.number(row.cells))}</td>'
        f'<td class="number">{_label(names[3])}{escape(language.number(row.sites))}</td></tr>'
        for row in section.left_out
    )
    if not body:
        return f"<p>{escape(say('quality.nothing_left_out'))}</p>"
    head = header(names, right=frozenset((2, 3)))
    note = f'<p class="table-note">{escape(say("quality.left_out_note"))}</p>'
    return f'<table class="cards">{caption(say("quality.left_out_caption"))}{head}<tbody>{body}</tbody></table>{note}'


def how(release: Release, language: Language) -> tuple[str, ...]:
    """What was looked for, with the limits; every limit of the Release is said."""
    limits = _section(release).limits
    shown = {
        "enough": language.percent(100 * limits["enough"]),
        "same": language.percent(100 * limits["same"]),
    }
    numbers = {name: language.number(value) for name, value in limits.items()} | shown
    return (
        language.say("quality.how.enough", {"percent": numbers["enough"]}),
        language.say("quality.how.late", {"days": numbers["late"]}),
        language.say("quality.how.jump", {"number": numbers["far"], "count": numbers["jump"]}),
        language.say("quality.how.lasting", {"number": numbers["lasting"]}),
        language.say("quality.how.between", {"number": numbers["between"]}),
        language.say("quality.how.equal", {"number": numbers["equal"]}),
        language.say("quality.how.chance"),
        language.say("quality.how.same", {"percent": numbers["same"], "number": numbers["shared"]}),
        language.say("quality.how.choice"),
    )


def noted(release: Release) -> tuple[str, ...]:
    """Codes of the warnings that this page says."""
    return tuple(warning.code for warning in release.design.warnings if warning.code in NOTED)


def _section(release: Release) -> QualitySection:
    if release.sections.quality is None:
        raise ValueError("a page on data quality needs a Release that holds it")
    return release.sections.quality


def _measures(release: Release) -> tuple[ReleasedMeasure, ...]:
    return release.study.measures
