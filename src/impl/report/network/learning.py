"""The view of the learning network in blocks: waves on a line of time, what worked where, who did better, early signals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

from impl.network.learning import Deviance, LearningNetwork, WaveLine, WorkedRow
from impl.network.status import NetworkStatus
from impl.report import row_figure, tables, wording
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.language import Language, sentence
from impl.report.network import forms
from impl.report.network.status import banner, contents
from impl.report.timeline import MARKS, PHASES, word

BAND, ROW, LOW, APART = 18, 64, 48, 3.5
"""px: band of steps, one study with cycles and without; per cent between two signs of a row."""
NARROWEST = 4.0  # per cent of the width that a step needs for its number
TRAITS = 9
"""Traits that the lecture names of municipalities that succeeded with Leve hele livet; their words stand in the language files."""


def learning_blocks(
    status: NetworkStatus, network: LearningNetwork, language: Language, address: str
) -> tuple[Block, ...]:
    """Every block of the page. address: of the status report, where every study has its line."""
    first = [each for each in (banner(status, language), top(status, language)) if each is not None]
    rest = (
        course(status, network, language, address),
        worked(status, network, language, address),
        deviance(status, network, language, address),
        signals(status, network, language, address),
        context(status, network, language, address),
    )
    year = {"date": str(status.today.year)}
    other = (language.say("network.title", year), address)
    return (*first, contents(rest, language, other), *rest)


def top(status: NetworkStatus, language: Language) -> Block:
    name = language.say("learning.title", {"date": str(status.today.year)})
    made = language.say("network.made", {"date": language.day(status.today)})
    return Block(
        name="top",
        label=name,
        html=f'<header class="top"><p class="study">{escape(language.say("network.kind"))}</p><h1>{escape(name)}</h1>'
        f'<p class="scope"><b>{escape(made)}</b> {escape(language.say("learning.whence"))}</p></header>',
    )


# --- waves


def course(status: NetworkStatus, network: LearningNetwork, language: Language, address: str) -> Block:
    """Waves, starts, steps of the wheel and number of PDSA cycles on one line of time, and the same as a table."""
    heading = language.say("learning.course")
    if not network.waves:
        return section_block("course", heading, paragraphs([language.say("learning.no_waves")]))
    first = min(wave.data_from for wave in network.waves)
    last = max(wave.data_to for wave in network.waves)
    groups: dict[str, list[WaveLine]] = {}
    for wave in network.waves:
        groups.setdefault(wave.wave or language.say("learning.no_wave"), []).append(wave)
    drawn = []
    for name, waves in groups.items():
        sites = language.count("nouns.sites", len({site for wave in waves for site in wave.sites}))
        studies = language.count("network.studies_short", len(waves))
        drawn.append(
            f'<div class="wave"><p class="wave-name">{escape(name)} <span class="unit">'
            f"{escape(language.say('learning.wave_size', {'text': studies, 'sites': sites}))}</span></p>"
        )
        for wave in waves:
            title = forms.title(status.line(wave.study), language)
            drawn.append(
                f'<p class="timeline-site">{escape(title)}</p><svg class="timeline {"tall" if wave.cycles else "low"}" height="{ROW if wave.cycles else LOW}" aria-hidden="true">'
                f"{''.join(_marks(wave, first, last))}</svg>"
            )
        drawn.append(_years(first, last) + "</div>")
    caption = language.say(
        "learning.course_title", {"start": language.month(first), "end": language.month(last)}
    )
    body = (
        f'<figure class="figure whole"><figcaption><strong>{escape(caption)}</strong></figcaption>'
        f'<div class="drawing">{"".join(drawn)}</div></figure>'
    )
    return section_block(
        "course", heading, body + _key(network, language) + _table(status, network, language, address)
    )


def _marks(wave: WaveLine, first: date, last: date) -> list[str]:
    """The band of steps over the time with data, the starts with their number, and the cycles."""
    parts = [_box(wave.data_from, wave.data_to, first, last, "strip shade-0")]
    for band in wave.phases:
        number = PHASES.index(band.phase) + 1
        end = min(band.end, wave.data_to)
        parts.append(_box(band.start, end, first, last, f"strip shade-{number}"))
        left = _at(band.start, first, last)
        if _at(end, first, last) - left >= NARROWEST:
            light = " light" if number >= 4 else ""
            parts.append(f'<text class="strip-number{light}" x="{left + 1:.2f}%" y="14">{number}</text>')
    begun = [(day, MARKS["start"]) for day, _ in wave.starts]
    started = [(day, str(len(sites))) for day, sites in wave.starts]
    tried: dict[date, int] = {}
    for day, _, count in wave.cycles:
        half = date(day.year, 10 if day.month > 6 else 4, 1)  # its middle
        tried[half] = tried.get(half, 0) + count
    drawn = [(day, str(count)) for day, count in tried.items()]
    return parts + (
        _signs(begun, BAND + 13, first, last)
        + _signs(started, BAND + 26, first, last)
        + _signs(drawn, BAND + 43, first, last)
    )


def _signs(marks: Sequence[tuple[date, str]], height: int, first: date, last: date) -> list[str]:
    parts, end = [], -APART
    for day, sign in sorted(marks):
        end = max(_at(day, first, last), end + APART)
        parts.append(f'<text class="mark" x="{min(end, 99.0):.2f}%" y="{height}">{sign}</text>')
    return parts


def _box(start: date, end: date, first: date, last: date, kind: str) -> str:
    left, right = _at(start, first, last), _at(end, first, last)
    return f'<rect class="{kind}" x="{left:.2f}%" width="{max(right - left, 0):.2f}%" y="0" height="{BAND}"/>'


def _at(day: date, first: date, last: date) -> float:
    return 1.0 + 98.0 * (day - first).days / max((last - first).days, 1)


def _years(first: date, last: date) -> str:
    """Ticks of the years; every second one is named where there are many."""
    years = range(first.year + (first > date(first.year, 1, 1)), last.year + 1)
    every = 2 if len(years) > 7 else 1
    ticks = "".join(
        f'<line class="axis-tick" x1="{_at(date(year, 1, 1), first, last):.2f}%" x2="{_at(date(year, 1, 1), first, last):.2f}%" y1="0" y2="5"/>'
        + (
            f'<text class="tick small" x="{_at(date(year, 1, 1), first, last):.2f}%" y="19">{year}</text>'
            if not place % every
            else ""
        )
        for place, year in enumerate(years)
    )
    return f'<svg class="timeline years" height="24" aria-hidden="true">{ticks}</svg>'


def _key(network: LearningNetwork, language: Language) -> str:
    steps = {band.phase for wave in network.waves for band in wave.phases}
    parts = [
        f"{number} {word('improvement_cycle', 'wheel', phase, language).lower()}"
        for number, phase in enumerate(PHASES, 1)
        if phase in steps
    ]
    parts.append(f"{MARKS['start']} {language.say('learning.starts')}")
    if any(wave.cycles for wave in network.waves):
        parts.append(language.say("learning.cycles"))
    note = paragraphs([language.say("learning.course_note")])
    return f'<p class="timeline-key">{escape(" · ".join(parts))}</p>{note}'


def _table(status: NetworkStatus, network: LearningNetwork, language: Language, address: str) -> str:
    heads = [
        language.say(f"network.head.{key}") for key in ("study", "wave", "starts", "steps", "cycles", "run")
    ]
    rows = []
    for wave in network.waves:
        line = status.line(wave.study)
        starts = [
            language.say(
                "learning.start_sites",
                {"date": language.month(day), "sites": language.listing(list(sites))},
            )
            for day, sites in wave.starts
        ]
        steps = [
            f"{language.month(band.start)}: {word('improvement_cycle', 'wheel', band.phase, language).lower()}"
            for band in wave.phases
        ]
        tally: dict[str, int] = {}
        for _, kind, count in wave.cycles:
            tally[kind] = tally.get(kind, 0) + count
        cycles = [
            f"{language.say(f'timeline.cycle_{kind or "running"}')}: {count}"
            for kind, count in sorted(tally.items())
        ]
        none = language.say("learning.none")
        cells = [
            escape(wave.wave or none),
            *(
                forms.lines([escape(sentence(text)) for text in texts] or [escape(none)])
                for texts in (starts, steps, cycles)
            ),
            forms.run(line, language, page=address),
        ]
        rows.append((forms.way(line, language, page=address), cells))
    table = tables.cards("network course", language.say("learning.course"), heads, rows)
    return f"<details><summary>{escape(language.say('learning.numbers'))}</summary>{table}</details>"


# --- what worked where


def worked(status: NetworkStatus, network: LearningNetwork, language: Language, address: str) -> Block:
    """Finding and its size, delivery and adaptations side by side, in the order of ids."""
    body = paragraphs([language.say("learning.worked_intro")]) + forms.cause(status, language)
    heads = [language.say(f"network.head.{key}") for key in ("study", "found", "delivered", "adapted", "run")]
    rows = [
        (forms.way(status.line(row.study), language, page=address), _worked(row, status, language, address))
        for row in sorted(network.worked, key=lambda row: row.study)
    ]
    body += tables.cards("network worked", language.say("learning.worked_caption"), heads, rows)
    return section_block("worked", language.say("learning.worked"), body)


def _worked(row: WorkedRow, status: NetworkStatus, language: Language, address: str) -> list[str]:
    line = status.line(row.study)
    unknown = escape(language.say("learning.not_measured"))
    share = (
        unknown
        if row.delivered is None
        else escape(language.percent_sign(wording.round_half_up(100 * row.delivered)))
    )
    adapted = [
        escape(language.count(f"learning.adapted_{kind}", count))
        for kind, count in (("kept", row.kept), ("changed", row.changed), ("unknown", row.unknown))
        if count
    ]
    if row.common is not None:
        component, nature, count = row.common
        slots = {
            "element": _component(line.bundle, component, language),
            "word": _nature(nature, language),
            "count": language.number(count),
        }
        adapted.append(escape(language.say("learning.common", slots)))
    release = line.release
    found = [escape(sentence(forms.state_words(line, language)))]
    found += forms.own_effect(release, language) if release is not None else ()
    return [
        forms.lines(found),
        share,
        forms.lines(adapted) if adapted else escape(language.say("learning.no_log")),
        forms.run(line, language, page=address),
    ]


def _component(bundle: str, component: str, language: Language) -> str:
    name = forms.component_name(bundle, component, language)
    return name[:1].lower() + name[1:]


def _nature(nature: str, language: Language) -> str:
    return word("frame", "nature", nature, language).lower()


# --- better than expected


def deviance(status: NetworkStatus, network: LearningNetwork, language: Language, address: str) -> Block:
    """Chance of being among the best tenth, with the interval of the rank; never a league table."""
    body = paragraphs([language.say("learning.deviance_intro")])
    if not network.deviance:
        body += paragraphs([language.say("learning.no_deviance")])
    for each in network.deviance:
        body += _places(each, status, language, address)
    body += paragraphs([language.say("learning.names")])
    return section_block("deviance", language.say("learning.deviance"), body)


def _places(each: Deviance, status: NetworkStatus, language: Language, address: str) -> str:
    figure = next(
        figure
        for figure in status.figures
        if (figure.measure.id, figure.bundle.id) == (each.measure, each.bundle)
    )
    count = len(each.places)
    rows = []
    for place in each.places:
        slots = {"low": language.number(place.rank_from), "high": language.number(place.rank_to)}
        ranks = language.say(
            "learning.rank_one" if place.rank_from == place.rank_to else "learning.ranks", slots
        )
        value = language.say(
            "learning.place", {"probability": wording.of_hundred(place.p_best, language), "text": ranks}
        )
        picture = row_figure.interval(place.rank_from, place.rank, place.rank_to, 0.5, count + 0.5)
        rows.append(
            row_figure.Row(name=forms.title(status.line(place.study), language), value=value, picture=picture)
        )
    slots = {"measure": language.pick(figure.measure.name), "name": language.pick(figure.bundle.name)}
    studies = language.count("network.studies_short", count)
    unit = language.count("learning.deviance_unit", each.best, {"number": studies})
    names = (
        language.say("network.head.study"),
        language.say("learning.deviance_head"),
        language.say("learning.deviance_drawn"),
    )
    drawn = row_figure.table(language.say("learning.deviance_caption", slots), unit, names, rows)
    runs = " · ".join(forms.run(status.line(place.study), language, page=address) for place in each.places)
    return drawn + f'<p class="table-note">{runs}</p>'


# --- early signals


def signals(status: NetworkStatus, network: LearningNetwork, language: Language, address: str) -> Block:
    """Run charts that signal, beside the number that chance alone would give."""
    found = network.signals
    if not found.rows:
        return section_block(
            "signals", language.say("learning.signals"), paragraphs([language.say("learning.no_signals")])
        )
    slots = {
        "count": language.number(found.count),
        "number": language.number(len(found.rows)),
        "expected": language.number(found.expected, 0 if found.expected >= 10 else 1),
        "probability": wording.of_hundred(found.p_chance, language),
    }
    body = paragraphs([language.say("learning.signals_count", slots), language.say("learning.signals_note")])
    heads = [language.say(f"network.head.{key}") for key in ("study", "chart", "false_alarm", "run")]
    rows = []
    for row in sorted(found.rows, key=lambda row: row.study):
        line = status.line(row.study)
        seen = [language.say(f"learning.variation.{row.variation if row.signal else 'common'}")]
        if row.signal:
            first, last = row.longest
            when = {"text": seen[0], "start": language.month(first), "end": language.month(last)}
            seen = [language.say("learning.signal_when", when)]
        if not row.stable:
            seen.append(sentence(language.say("learning.unstable")))
        cells = [
            forms.lines([escape(text) for text in seen]),
            escape(wording.of_hundred(row.false_alarms, language)),
            forms.run(line, language, page=address),
        ]
        rows.append((forms.way(line, language, page=address), cells))
    body += tables.cards("network signals", language.say("learning.signals_caption"), heads, rows)
    return section_block("signals", language.say("learning.signals"), body)


# --- context


def context(status: NetworkStatus, network: LearningNetwork, language: Language, address: str) -> Block:
    """What the places answered about fit, and the traits that the lecture names; context, never cause."""
    body = paragraphs([language.say("learning.traits_intro")])
    body += listed([language.say(f"learning.traits.t{number}") for number in range(1, TRAITS + 1)])
    body += f"<h3>{escape(language.say('learning.fit'))}</h3>"
    answers = [
        language.count(
            "learning.fit_answer",
            answer.sites,
            {
                "question": word("fit_questions", "fit", answer.question, language),
                "value": language.number(answer.mean, 1),
            },
        )
        for answer in network.fit
    ]
    if answers:
        runs = " · ".join(
            forms.run(status.line(study), language, page=address) for study in network.fit_studies
        )
        body += listed(answers) + paragraphs([language.say("learning.fit_note")])
        body += f'<p class="table-note">{runs}</p>'
    else:
        body += paragraphs([language.say("learning.no_fit")])
    body += paragraphs([language.say("learning.context_note")])
    return section_block("context", language.say("learning.context"), body)
