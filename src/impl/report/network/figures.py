"""Part 1 of the status report: national key figures and quality indicators, by goal, focus area, means and measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from impl.network.status import KeyFigure, NetworkStatus, Tally, TargetFigure
from impl.report import tables, wording
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.language import Language, sentence
from impl.report.network import forms
from impl.report.study import targets


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
    return tables.cards("network tally", caption, heads, rows, language.say("network.tally_unit"))


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
    return tables.cards("network keyfigures", caption, heads, rows)


def _measure(figure: KeyFigure, language: Language) -> str:
    areas = [forms.framework_name("focus_area", area, language) for area in figure.areas]
    under = [
        language.pick(figure.bundle.name),
        language.pick(figure.measure.unit),
        wording.good_direction(figure.measure, language),
    ]
    under += (
        [language.listing([areas[0], *(area[:1].lower() + area[1:] for area in areas[1:])])] if areas else []
    )
    small = forms.lines([escape(sentence(text)) for text in under])
    return f'{escape(language.pick(figure.measure.name))}<span class="unit">{small}</span>'


def _figure(figure: KeyFigure, status: NetworkStatus, language: Language) -> list[str]:
    shown = [each.levels for each in figure.figures]
    level = []
    for key, values in (
        ("without", [each.expected for each in shown if each.expected is not None]),
        ("with", [each.after for each in shown if each.after is not None]),
    ):
        level.append(
            escape(language.say(f"network.level_{key}", {"level": forms.level_range(values, language)}))
        )
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
        escape(
            language.say(
                "network.sure_limit",
                {"limit": wording.limit_words(synthesis.worthwhile, figure.measure, language)},
            )
        ),
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
    heads = [
        language.say(f"network.head.{key}")
        for key in ("study", "target", "period", "counted", "target_sure", "run")
    ]
    rows = [
        (forms.way(status.line(each.study), language), _target(each, status, language))
        for each in status.targets
    ]
    return tables.cards("network targets", language.say("network.caption.targets"), heads, rows)


def _target(each: TargetFigure, status: NetworkStatus, language: Language) -> list[str]:
    span = {"start": language.month(each.start), "end": language.month(each.end)}
    hidden = language.say("table.hidden")
    met = (
        hidden
        if each.hidden
        else language.say(f"network.met.{'unknown' if each.met is None else 'yes' if each.met else 'no'}")
    )
    sure = escape(hidden) if each.hidden or each.p_met is None else forms.chance(each.p_met, language)
    return [
        escape(sentence(targets.limit_words(each.target, each.measure, language))),
        escape(sentence(language.say("network.from_to", span))),
        escape(met),
        sure,
        forms.run(status.line(each.study), language),
    ]
