"""Part 1 of the status report: national key figures and quality indicators, by goal, focus area, means and measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from impl.network.lines import StudyLine
from impl.network.proposals import POOLED_HARM, POOLED_NEGLIGIBLE, POOLED_WORTHWHILE
from impl.network.status import KeyFigure, NetworkStatus, Tally, TargetFigure
from impl.network.synthesis import Synthesis
from impl.report import sentences, tables, wording
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.language import Language, sentence
from impl.report.network import forms
from impl.report.study import targets


def part_figures(status: NetworkStatus, language: Language) -> Block:
    """National key figures and quality indicators: by goal, focus area and means, then measure by measure."""
    body = forms.cause(status, language) + paragraphs([language.say("network.figures_note")])
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
        ("negligible", lambda each: each.negligible),
        ("uncertain", lambda each: each.uncertain),
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
    return tables.cards("network tally", caption, heads, rows, language.say(f"network.tally_unit.{group}"))


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
    synthesis = figure.synthesis
    studies = [each.study for each in figure.figures]
    if synthesis is not None and synthesis.studies > 1:
        effect, sure = _together(figure, synthesis, language)
        studies += [result.study for result in synthesis.results if result.study not in studies]
    else:
        effect, sure = _alone(figure, status, language)
    if synthesis is not None:
        count = forms.unanswered(synthesis, status)
        effect += [escape(language.count("network.missing_here", count))] if count else []
    source = [_source(status.line(study), language) for study in studies]
    return [forms.lines(level), forms.lines(effect), forms.lines(sure), forms.lines(source)]


def _source(line: StudyLine, language: Language) -> str:
    """The run behind a figure, the day its numbers were taken out, and the time they are of."""
    release = line.standing.release
    assert release is not None  # a figure comes from one
    end = {"end": language.day(release.study.data_to)}
    if release.study.vintage is not None:
        text = language.say("network.vintage", {"date": language.day(release.study.vintage), **end})
    else:
        text = language.say("network.no_vintage", end)
    return f"{forms.run(line, language)}: {escape(text)}"


def _together(figure: KeyFigure, synthesis: Synthesis, language: Language) -> tuple[list[str], list[str]]:
    """All studies of the measure as one, and how far they lie from each other."""
    effect = [escape(language.count("network.together", synthesis.studies))]
    effect += forms.effect_lines(synthesis, synthesis.mean, figure.measure, language)
    apart = forms.apart(synthesis, figure.measure, language)
    effect += [apart] if apart else []
    claim, probability, limit = _claim(synthesis)
    sure = [forms.chance(probability, language)]
    if probability is None:
        return effect, sure
    sure.append(_limit(claim, wording.limit_words(limit, figure.measure, language), language))
    place = getattr(synthesis.new_place_chances, claim)
    if place is not None:
        words = wording.probability_words(place, language)
        sure.append(escape(language.say("network.new_place", {"probability": words})))
    return effect, sure


def _claim(synthesis: Synthesis) -> tuple[str, float | None, float]:
    """What the numbers say, the chance of it and its limit, in the order in which a study is judged."""
    chances = synthesis.mean_chances
    worthwhile = ("worthwhile", chances.worthwhile, synthesis.worthwhile)
    if chances.worthwhile is not None and chances.worthwhile >= POOLED_WORTHWHILE:
        return worthwhile
    if chances.harm is not None and chances.harm >= POOLED_HARM:
        return "harm", chances.harm, synthesis.harm
    if chances.negligible is not None and chances.negligible >= POOLED_NEGLIGIBLE:
        return "negligible", chances.negligible, synthesis.negligible
    return worthwhile


def _limit(claim: str, limit: str, language: Language) -> str:
    return escape(language.say(f"network.sure_{claim}", {} if claim == "better" else {"limit": limit}))


def _alone(figure: KeyFigure, status: NetworkStatus, language: Language) -> tuple[list[str], list[str]]:
    """One study by itself, or studies that are no evidence together."""
    effect: list[str] = []
    sure: list[str] = []
    for each in figure.figures:
        release = status.line(each.study).release
        assert release is not None
        effect += forms.own_effect(release, language)
        certain = sentences.certainty(release, release.measure(), language)
        sure.append(forms.chance(certain.probability if certain is not None else None, language))
        if certain is not None:
            sure.append(_limit(certain.claim, certain.limit, language))
        weak = forms.weak_words(status.line(each.study), language)
        sure += [escape(weak)] if weak else []
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
    table = tables.cards("network targets", language.say("network.caption.targets"), heads, rows)
    return table + paragraphs([language.say("network.targets_note")])


def _target(each: TargetFigure, status: NetworkStatus, language: Language) -> list[str]:
    name, common = language.pick(each.measure.name), each.common
    run = forms.run(status.line(each.study), language)
    if common is None:
        own = [escape(name), escape(language.say("network.target_own"))]
        own_cells = [forms.lines(own), escape(language.say("network.target_own_period")), "\u2013"]
        return [*own_cells, escape(_reached(each, language)), run]
    span = {"start": language.month(common.start), "end": language.month(common.end)}
    hidden = language.say("table.hidden")
    met = (
        hidden
        if common.hidden
        else language.say(f"network.met.{'unknown' if common.met is None else 'yes' if common.met else 'no'}")
    )
    sure = escape(hidden) if common.hidden or common.p_met is None else forms.chance(common.p_met, language)
    limit = sentence(targets.limit_words(common.target, each.measure, language))
    return [
        forms.lines([escape(name), escape(limit)]),
        escape(sentence(language.say("network.from_to", span))),
        escape(met),
        sure,
        run,
    ]


def _reached(each: TargetFigure, language: Language) -> str:
    """How many sites reach the target of their own."""
    assert each.reached is not None  # a figure has one of the two
    low, mean, high = each.reached
    slots = {
        "count": language.number(wording.round_half_up(mean)),
        "sites": language.count("nouns.sites", each.sites),
        "low": language.number(low),
        "high": language.number(high),
    }
    return language.say("network.target_sites", slots)
