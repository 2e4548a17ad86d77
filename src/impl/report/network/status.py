"""The annual status report in blocks: exactly the three parts that the white paper asks for, then the list of all studies.

Meld. St. 9 (2023-2024): «nasjonale nøkkeltall og kvalitetsindikatorer, korte omtaler av eksempler på dokumentert virkning
på praksis, samt forslag til videre innsats». Parts that have nothing to tell say so; none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape

from impl.network.status import (
    EVALUATED,
    PROPOSALS,
    Benefit,
    KeyFigure,
    NetworkStatus,
    Proposal,
    StudyLine,
    Tally,
    TargetFigure,
    state_counts,
)
from impl.report import sentences, targets, wording
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.costs import money
from impl.report.language import Language, sentence
from impl.report.network import forms

Pages = Mapping[str, Mapping[str, str]]
"""Addresses of the reports by study and language, relative to the page."""
PARTS = ("figures", "examples", "effort")
"""The three parts, in the order of the white paper."""


def status_blocks(status: NetworkStatus, language: Language, pages: Pages) -> tuple[Block, ...]:
    """Every block of the page, in order."""
    first = [each for each in (banner(status, language), top(status, language), summary(status, language)) if each]
    rest = (
        part_figures(status, language),
        part_examples(status, language, pages),
        part_effort(status, language),
        everything(status, language, pages),
        how(status, language),
    )
    year = {"date": str(status.today.year)}
    other = (language.say("learning.title", year), f"learning.{language.code}.html")
    return (*first, contents(rest, language, other), *rest)


def banner(status: NetworkStatus, language: Language) -> Block | None:
    """First on a page that holds any invented number."""
    if not status.synthetic:
        return None
    text, more = language.say("banner.synthetic"), language.say("network.synthetic")
    html = f'<p class="banner"><strong>{escape(text)}.</strong> {escape(more)}</p>'
    return Block(name="banner", label=text, html=html)


def top(status: NetworkStatus, language: Language) -> Block:
    name = language.say("network.title", {"date": str(status.today.year)})
    made = language.say("network.made", {"date": language.day(status.today)})
    return Block(
        name="top",
        label=name,
        html=f'<header class="top"><p class="study">{escape(language.say("network.kind"))}</p><h1>{escape(name)}</h1>'
        f'<p class="scope"><b>{escape(made)}</b> {escape(language.say("network.whence"))}</p></header>',
    )


def summary(status: NetworkStatus, language: Language) -> Block:
    """What came of all studies, in one sentence that leaves none out."""
    label = language.say("network.short")
    counted = state_counts(status)
    reported = sum(counted[state] for state in EVALUATED)
    total = language.count("network.studies", len(status.lines))
    reports = language.count("network.reports", reported)
    found = [
        language.say(f"network.found.{state}", {"count": language.number(count)})
        for state, count in counted.items()
        if count and state in EVALUATED
    ]
    others = [
        language.say(f"network.found.{state}", {"count": language.number(count)})
        for state, count in counted.items()
        if count and state not in EVALUATED
    ]
    text = language.say("network.answer", {"text": total, "other": reports})
    more = [language.say("network.answer_found", {"text": language.listing(found)})] if found else []
    if others:
        more.append(language.say("network.answer_rest", {"text": language.listing(others)}))
    html = (
        f'<section class="answer" aria-labelledby="short-heading"><h2 id="short-heading">{escape(label)}</h2>'
        f'<p class="big">{escape(text)}</p><div class="odds">{paragraphs(more)}</div></section>'
    )
    return Block(name="short", label=label, html=html)


def contents(blocks: Sequence[Block], language: Language, other: tuple[str, str]) -> Block:
    """The way to every part, and to the other page (name, address)."""
    items = "".join(f'<li><a href="#{block.name}-heading">{escape(block.label)}</a></li>' for block in blocks)
    items += f'<li><a href="{escape(other[1])}">{escape(other[0])}</a></li>'
    label = language.say("find.heading")
    return Block(
        name="find",
        label=label,
        html=f'<nav class="find" aria-labelledby="find-heading"><h2 id="find-heading">{escape(label)}</h2><ul>{items}</ul></nav>',
    )


# --- part 1


def part_figures(status: NetworkStatus, language: Language) -> Block:
    """National key figures and quality indicators: by goal, focus area and means, then measure by measure."""
    body = ""
    for group, tallies in (("goal", status.goals), ("focus_area", status.areas)):
        heading = language.say(f"network.by.{group}")
        body += f"<h3>{escape(heading)}</h3>" + _tallies(group, tallies, language)
    body += f"<h3>{escape(language.say('network.by.means'))}</h3>" + _means(status, language)
    body += f"<h3>{escape(language.say('network.indicators'))}</h3>"
    body += paragraphs([language.say("network.indicators_intro")])
    for goal in dict.fromkeys(figure.goal for figure in status.figures):
        chosen = [figure for figure in status.figures if figure.goal == goal]
        body += _figures(forms.framework_name("goal", goal, language), chosen, status, language)
    if not status.figures:
        body += paragraphs([language.say("network.no_figures")])
    body += f"<h3>{escape(language.say('network.targets'))}</h3>" + _targets(status, language)
    return section_block("figures", language.say("network.part.figures"), body)


def _tallies(group: str, tallies: Sequence[Tally], language: Language) -> str:
    keys: tuple[tuple[str, Callable[[Tally], int]], ...] = (
        ("registered", lambda each: len(each.studies)),
        ("reported", lambda each: each.reported),
        ("positive", lambda each: each.positive),
        ("null", lambda each: each.null),
        ("harmful", lambda each: each.harmful),
        ("described", lambda each: each.described),
        ("without", lambda each: each.without),
    )
    heads = [language.say(f"network.head.{group}"), *(language.say(f"network.head.{key}") for key, _ in keys)]
    rows = [
        (
            escape(forms.framework_name(group, tally.id, language)),
            [escape(language.number(count(tally))) for _, count in keys],
        )
        for tally in tallies
    ]
    caption = language.say(f"network.caption.{group}")
    return forms.cards("tally", caption, heads, rows, language.say("network.tally_unit"))


def _means(status: NetworkStatus, language: Language) -> str:
    reported = sum(line.release is not None for line in status.lines)
    texts = [
        language.count(
            "network.means",
            len(studies),
            {
                "name": forms.framework_name("means", means, language),
                "other": language.number(reported),
            },
        )
        for means, studies in status.means
    ]
    return listed(texts) + paragraphs([language.say("network.means_note")])


def _figures(caption: str, figures: Sequence[KeyFigure], status: NetworkStatus, language: Language) -> str:
    heads = [language.say(f"network.head.{key}") for key in ("measure", "level", "effect", "sure", "source")]
    rows = [(_measure(figure, language), _figure(figure, status, language)) for figure in figures]
    return forms.cards("keyfigures", caption, heads, rows)


def _measure(figure: KeyFigure, language: Language) -> str:
    areas = [forms.framework_name("focus_area", area, language) for area in figure.areas]
    under = [language.pick(figure.bundle.name), language.pick(figure.measure.unit), wording.good_direction(figure.measure, language)]
    under += [language.listing([areas[0], *(area[:1].lower() + area[1:] for area in areas[1:])])] if areas else []
    small = forms.lines([escape(sentence(text)) for text in under])
    return f'{escape(language.pick(figure.measure.name))}<span class="unit">{small}</span>'


def _figure(figure: KeyFigure, status: NetworkStatus, language: Language) -> list[str]:
    shown = [each.levels for each in figure.figures]
    level = []
    for key, values in (
        ("without", [each.expected for each in shown if each.expected is not None]),
        ("with", [each.after for each in shown if each.after is not None]),
    ):
        level.append(escape(language.say(f"network.level_{key}", {"level": forms.level_range(values, language)})))
    several = figure.synthesis is not None and figure.synthesis.studies > 1
    effect, sure = _together(figure, language) if several else _alone(figure, status, language)
    source = [_source(figure, place, status, language) for place in range(len(figure.figures))]
    return [forms.lines(level), forms.lines(effect), forms.lines(sure), forms.lines(source)]


def _source(figure: KeyFigure, place: int, status: NetworkStatus, language: Language) -> str:
    """The run behind a figure, and the day its numbers were taken out."""
    each = figure.figures[place]
    if each.vintage is not None:
        day = language.say("network.vintage", {"date": language.day(each.vintage)})
    else:
        day = language.say("network.data_to", {"date": language.day(each.data_to)})
    return f"{forms.run(status.line(each.study), language)}: {escape(day)}"


def _together(figure: KeyFigure, language: Language) -> tuple[list[str], list[str]]:
    """All studies of the measure as one."""
    synthesis = figure.synthesis
    assert synthesis is not None
    effect = [escape(language.count("network.together", synthesis.studies))]
    effect += forms.effect_lines(synthesis, synthesis.mean, figure.measure, language)
    if synthesis.direction == "ambiguous":
        return effect, [forms.chance(None, language)]
    sure = [
        forms.chance(synthesis.mean_chances.worthwhile, language),
        escape(language.say("network.sure_limit", {"limit": wording.limit_words(synthesis.worthwhile, figure.measure, language)})),
    ]
    place = synthesis.new_place_chances.worthwhile
    if place is not None:
        words = wording.probability_words(place, language)
        sure.append(escape(language.say("network.new_place", {"probability": words})))
    return effect, sure


def _alone(figure: KeyFigure, status: NetworkStatus, language: Language) -> tuple[list[str], list[str]]:
    """One study by itself, or studies that are no evidence together."""
    effect, sure = [], []
    for each in figure.figures:
        release = status.line(each.study).release
        assert release is not None
        measure = release.measure()
        value, ends = wording.headline_value(release, measure), wording.interval_ends(release, measure)
        if value is None or ends is None:
            effect.append(escape(language.say("network.effect_hidden")))
        else:
            words = wording.change_words(value, ends[2], measure, language)
            between = wording.range_words(ends[0], ends[1], ends[2], measure, language)
            effect += [escape(sentence(words)), escape(language.say("network.interval", {"text": between}))]
        row = wording.headline(release, measure)
        sure.append(forms.chance(row.p_worthwhile if row is not None else None, language))
        if row is not None and row.p_worthwhile is not None:
            limit = wording.limit_words(release.study.worthwhile, measure, language)
            sure.append(escape(language.say("network.sure_limit", {"limit": limit})))
    return effect, sure


def _targets(status: NetworkStatus, language: Language) -> str:
    if not status.targets:
        return paragraphs([language.say("network.no_targets")])
    heads = [language.say(f"network.head.{key}") for key in ("study", "target", "period", "counted", "target_sure", "run")]
    rows = [
        (forms.way(status.line(each.study), language), _target(each, status, language)) for each in status.targets
    ]
    return forms.cards("targets", language.say("network.caption.targets"), heads, rows)


def _target(each: TargetFigure, status: NetworkStatus, language: Language) -> list[str]:
    span = {"start": language.month(each.start), "end": language.month(each.end)}
    hidden = language.say("table.hidden")
    met = hidden if each.hidden else language.say(f"network.met.{'unknown' if each.met is None else 'yes' if each.met else 'no'}")
    sure = escape(hidden) if each.hidden or each.p_met is None else forms.chance(each.p_met, language)
    return [
        escape(sentence(targets.limit_words(each.target, each.measure, language))),
        escape(sentence(language.say("network.from_to", span))),
        escape(met),
        sure,
        forms.run(status.line(each.study), language),
    ]


# --- part 2


def part_examples(status: NetworkStatus, language: Language, pages: Pages) -> Block:
    """Short accounts, one or two a focus area, chosen by a rule that does not look at what they found."""
    body = paragraphs([language.say("network.examples_rule", {"date": str(status.today.year)})])
    for tally in status.areas:
        chosen = [example for example in status.examples if example.area == tally.id]
        body += f"<h3>{escape(forms.framework_name('focus_area', tally.id, language))}</h3>"
        if not chosen:
            body += paragraphs([language.say("network.no_example")])
            continue
        items = "".join(_account(status.line(each.study), each.rule, language, pages) for each in chosen)
        body += f'<ul class="accounts">{items}</ul>'
    return section_block("examples", language.say("network.part.examples"), body)


def _account(line: StudyLine, rule: str, language: Language, pages: Pages) -> str:
    release = line.release
    assert release is not None  # examples are chosen among reports
    measure = release.measure()
    text = [sentences.answer(release, language)]
    between = wording.interval_words(release, measure, language)
    text += [between] if between else []
    fidelity = release.sections.fidelity
    if fidelity is not None and fidelity.median is not None:
        share = language.percent(wording.round_half_up(100 * fidelity.median))
        text.append(language.say("network.delivered", {"percent": share}))
    if line.faded is not None:
        text.append(language.say("network.has_faded" if line.faded else "network.has_lasted"))
    chosen = language.say(f"network.rule.{rule}")
    period = language.say("network.data_to", {"date": language.day(release.study.data_to)})
    report = _report(line, language, pages)
    meta = " · ".join([escape(chosen), escape(sentence(period)), forms.run(line, language), *([report] if report else [])])
    return (
        f'<li><p class="short">{forms.way(line, language)}</p><p>{escape(" ".join(text))}</p>'
        f'<p class="meta">{meta}</p></li>'
    )


def _report(line: StudyLine, language: Language, pages: Pages) -> str:
    """A way to the study's own report, in the reader's language where there is one."""
    found = pages.get(line.id, {})
    address = found.get(language.code) or next((found[code] for code in sorted(found)), None)
    if address is None:
        return ""
    name = f'<span class="unseen">: {escape(forms.title(line, language))}</span>'
    return f'<a href="{escape(address)}">{escape(language.say("network.read"))}{name}</a>'


# --- part 3


def part_effort(status: NetworkStatus, language: Language) -> Block:
    """Proposals by rule: what to end, mend, keep up, keep, learn more of, ask for, and where nothing is known."""
    body = paragraphs([language.say("network.effort_rule")])
    for kind in PROPOSALS:
        chosen = [proposal for proposal in status.proposals if proposal.kind == kind]
        heading = language.say(f"network.effort.{kind}.heading")
        body += f"<h3>{escape(heading)}</h3>"
        if not chosen:
            body += paragraphs([language.say("network.effort_none")])
            continue
        body += paragraphs([language.say(f"network.effort.{kind}.text")])
        body += f"<ul>{''.join(_proposal(each, status, language) for each in chosen)}</ul>"
    body += _pooled(status, language)
    body += f"<h3>{escape(language.say('network.gaps'))}</h3>" + listed(_gaps(status, language))
    body += f"<h3>{escape(language.say('network.worth'))}</h3>" + _benefits(status, language)
    return section_block("effort", language.say("network.part.effort"), body)


def _proposal(each: Proposal, status: NetworkStatus, language: Language) -> str:
    line = status.line(each.study)
    parts = [forms.way(line, language)]
    if each.probability is not None:
        words = {"probability": wording.probability_words(each.probability, language)}
        parts.append(escape(language.say(f"network.effort.{each.kind}.sure", words)))
    elif each.kind == "report_missing":
        parts.append(escape(forms.state_words(line, language)))
        plan = line.standing.plan
        if line.state == "overdue" and plan is not None:
            parts.append(escape(language.say("network.due", {"date": _day(plan.planned.report_due, language)})))
    if each.run is not None:
        parts.append(forms.run(line, language))
    return f"<li>{' · '.join(parts)}</li>"


def _day(text: str, language: Language) -> str:
    return language.day(date.fromisoformat(text))


def _pooled(status: NetworkStatus, language: Language) -> str:
    """Bundles as a whole, and what their own places say together."""
    names = forms.bundle_names(status, language)
    texts = [
        language.say(
            f"network.pooled.{each.kind}",
            {
                "bundle": names.get(each.bundle, each.bundle),
                "count": language.number(len(each.studies)),
                "probability": wording.probability_words(each.probability, language),
            },
        )
        for each in status.pooled
    ]
    heading = f"<h3>{escape(language.say('network.pooled.heading'))}</h3>"
    return heading + (listed(texts) if texts else paragraphs([language.say("network.pooled.none")]))


def _gaps(status: NetworkStatus, language: Language) -> list[str]:
    texts = [
        language.say(
            "network.gap_area" if not tally.studies else "network.gap_area_coming",
            {"name": forms.framework_name("focus_area", tally.id, language)},
        )
        for tally in status.areas
        if tally.gap
    ]
    names = forms.shipped_bundle_names([tally.id for tally in status.bundles], language)
    texts += [
        language.say(
            "network.gap_bundle" if not tally.studies else "network.gap_bundle_coming", {"name": names[tally.id]}
        )
        for tally in status.bundles
        if tally.gap
    ]
    return texts or [language.say("network.no_gap")]


def _benefits(status: NetworkStatus, language: Language) -> str:
    if not status.benefits:
        return paragraphs([language.say("network.no_worth")])
    heads = [language.say(f"network.head.{key}") for key in ("study", "benefit", "resources", "severity", "run")]
    rows = [
        (forms.way(status.line(each.study), language), _benefit(each, status, language)) for each in status.benefits
    ]
    table = forms.cards("worth", language.say("network.caption.worth"), heads, rows)
    return paragraphs([language.say("network.worth_intro")]) + table


def _benefit(each: Benefit, status: NetworkStatus, language: Language) -> list[str]:
    low, middle, high = each.averted
    slots = {"events": wording.noun(each.measure, 2, language), "amount": _events(middle, each, language)}
    ends = {"low": _events(low, each, language), "high": _events(high, each, language)}
    benefit = [
        escape(language.say("network.averted", slots)),
        escape(language.say("network.averted_between", ends)),
    ]
    resources = [escape(language.say("network.no_price"))]
    if each.total is not None:
        unit = language.say(f"costs.currency_{each.currency}") if language.has(f"costs.currency_{each.currency}") else each.currency or ""
        resources = [escape(language.say("network.cost_total", {"amount": money(each.total, language), "unit": unit}))]
        if each.each is None:
            resources.append(escape(language.say("network.cost_none")))
        else:
            first, likely, last = each.each
            cost = {"amount": money(likely, language), "low": money(first, language), "unit": unit, "events": wording.noun(each.measure, 1, language)}
            if last is None:
                resources.append(escape(language.say("network.cost_from", cost)))
            else:
                resources.append(escape(language.say("network.cost_each", cost | {"high": money(last, language)})))
    severity = escape(language.say(f"network.severity.{each.severity}"))
    return [forms.lines(benefit), forms.lines(resources), severity, forms.run(status.line(each.study), language)]


def _events(gained: float, each: Benefit, language: Language) -> str:
    """«84 færre»: events as they can be known, two or three digits, with their direction in words."""
    step = 10 if abs(gained) >= 200 else 1
    number = step * wording.round_half_up(abs(gained) / step)
    fewer = (gained >= 0) == (each.measure.direction == "lower")
    return language.say(f"natural.{'fewer' if fewer else 'more'}", {"amount": language.number(number)})


# --- all studies, and how the page was made


def everything(status: NetworkStatus, language: Language, pages: Pages) -> Block:
    """Every study that is registered, and every report of one that is not, by id."""
    body = paragraphs([language.say("network.all_intro")])
    items = "".join(_entry(line, language, pages) for line in sorted(status.lines, key=lambda line: line.id))
    body += f'<ul class="studies register">{items}</ul>'
    return section_block("all", language.say("network.all", {"count": language.number(len(status.lines))}), body)


def _entry(line: StudyLine, language: Language, pages: Pages) -> str:
    standing, release = line.standing, line.standing.release
    texts = [line.id]
    if standing.registered_at is not None:
        when = language.say(f"network.registered.{standing.timing}", {"date": language.day(standing.registered_at.date())})
        texts.append(when)
    else:
        texts.append(language.say(f"network.registration.{standing.registration}"))
    wave = release.study.wave if release is not None else None
    if wave:
        texts.append(language.say("network.wave", {"name": wave}))
    if release is not None:
        texts.append(language.say("network.data_to", {"date": language.day(release.study.data_to)}))
        texts.append(language.say("network.run", {"id": release.run.id}))
        if release.plan.registered and release.plan.deviations:
            texts.append(language.count("network.deviations", len(release.plan.deviations)))
        if release.run.profile == "smoke":
            texts.append(language.say("banner.smoke"))
    elif standing.plan is not None:
        texts.append(language.say("network.due" if line.state == "overdue" else "network.coming_due", {"date": _day(standing.plan.planned.report_due, language)}))
    if standing.overdue and line.state != "overdue":
        texts.append(language.say("network.late"))
    if standing.reason:
        texts.append(language.say("network.reason", {"text": standing.reason}))
    report = _report(line, language, pages)
    meta = " · ".join(escape(text) for text in texts) + (f" · {report}" if report else "")
    return (
        f'<li id="study-{escape(line.id)}"><p class="short">{escape(forms.title(line, language))}</p>'
        f'<p class="status">{escape(sentence(forms.state_words(line, language)))}</p><p class="meta">{meta}</p></li>'
    )


def how(status: NetworkStatus, language: Language) -> Block:
    """The rules, in words; whoever reads can try them."""
    keys = ("goals", "states", "pooling", "phase_out", "delivery", "faded", "examples", "severity", "gaps")
    body = listed([language.say(f"network.how.{key}") for key in keys])
    bands = [
        language.say(f"network.cautions.{code}")
        for code in sorted({code for each in status.syntheses if each.studies > 1 for code, _ in each.cautions})
        if language.has(f"network.cautions.{code}")
    ]
    if bands:
        body += f"<h3>{escape(language.say('network.cautions_heading'))}</h3>" + listed(bands)
    return section_block("how", language.say("network.how.heading"), body)
