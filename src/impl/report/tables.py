"""Tables of the report as HTML: real tables with caption and scope, numbers by the page's one rounding."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape

from impl.release.release import CheckRow, Curve, Release, ReleasedMeasure
from impl.report import figures, wording
from impl.report.language import Language, sentence
from impl.report.sentences import certainty
from impl.study.value import LanguageCode
from impl.study.vocabulary import read_vocabulary


def caption(text: str, *, count: str = "", unit: str = "") -> str:
    label = f'<span class="count">{escape(count)}</span> ' if count else ""
    under = f'<span class="unit">{escape(unit)}</span>' if unit else ""
    return f"<caption>{label}<strong>{escape(text)}</strong>{under}</caption>"


def header(names: list[str], *, right: frozenset[int] = frozenset()) -> str:
    cells = "".join(
        f'<th scope="col"{" class=" + chr(34) + "number" + chr(34) if place in right else ""}>{escape(name)}</th>'
        for place, name in enumerate(names)
    )
    return f"<thead><tr>{cells}</tr></thead>"


def cards(
    kind: str, caption: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], unit: str = ""
) -> str:
    """A table whose rows are cards on a phone. kind: classes. rows: head and cells, as markup; heads and caption are text."""
    if not rows:
        return ""
    classes = f"cards {kind}".strip()
    under = f'<span class="unit">{escape(unit)}</span>' if unit else ""
    top = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(
        f'<tr><th scope="row">{head}</th>'
        + "".join(
            f'<td><span class="cell-label" aria-hidden="true">{escape(name)}</span><span class="cell-value">{cell}</span></td>'
            for name, cell in zip(heads[1:], cells, strict=True)
        )
        + "</tr>"
        for head, cells in rows
    )
    return (
        f'<table class="{classes}"><caption><strong>{escape(caption)}</strong>{under}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def comparison_table(release: Release, language: Language) -> str:
    """Before · expected · after · difference · how sure: the primary measure and those shown beside it."""
    say = language.say
    bundle = wording.bundle(release, language)
    names = [
        say(f"table.{key}") for key in ("what", "before", "expected", "after", "difference", "certainty")
    ]
    listed = {row.measure for row in release.comparisons} | {row.measure for row in release.estimates}
    rows = [
        _comparison_row(release, measure, language)
        for measure in release.study.measures
        if measure.id in listed
    ]
    note = say("table.note", {"bundle": bundle, "window": wording.window(release, language)})
    count = say("table.number", {"number": "1"})
    return (
        f'<table class="comparison">{caption(say("table.caption", {"bundle": bundle}), count=count)}'
        f"{header(names, right=frozenset((1, 2, 3)))}<tbody>{''.join(rows)}</tbody></table>"
        f'<p class="table-note">{escape(note)}</p>'
    )


def _comparison_row(release: Release, measure: ReleasedMeasure, language: Language) -> str:
    shown = wording.levels(release, measure)
    cells = []
    for key, value in (("before", shown.before), ("expected", shown.expected), ("after", shown.after)):
        label = f'<span class="cell-label" aria-hidden="true">{escape(language.say(f"table.{key}"))}</span>'
        text = (
            language.say("table.hidden")
            if value is None
            else _level(value, measure, shown.decimals, language)
        )
        kind = "number level" if value is not None else "level hidden"
        cells.append(f'<td class="{kind}">{label}<span class="cell-value">{escape(text)}</span></td>')
    difference = f'<td class="difference">{_label("difference", language)}{_difference(release, measure, language)}</td>'
    sure = f'<td class="sure">{_label("certainty", language)}{_certainty(release, measure, language)}</td>'
    name = (
        f'<th scope="row">{escape(language.pick(measure.name))}'
        f'<span class="unit">{escape(language.pick(measure.unit))}</span>'
        f'<span class="unit">{escape(_expectation(release, measure, language))}</span></th>'
    )
    return f"<tr>{name}{''.join(cells)}{difference}{sure}</tr>"


def _expectation(release: Release, measure: ReleasedMeasure, language: Language) -> str:
    """Which way is good; of a negative control, that no change is expected."""
    if measure.role == "negative_control":
        return language.say("table.control", {"bundle": wording.bundle(release, language)})
    return wording.good_direction(measure, language)


def _label(key: str, language: Language) -> str:
    return f'<span class="cell-label" aria-hidden="true">{escape(language.say(f"table.{key}"))}</span>'


def _level(value: float, measure: ReleasedMeasure, decimals: int, language: Language) -> str:
    if measure.kind == "proportion":
        return language.percent_sign(value, decimals)
    return language.number(value, decimals)


def _difference(release: Release, measure: ReleasedMeasure, language: Language) -> str:
    """The absolute difference with its interval, and for a rate the relative change with its own."""
    shown = wording.levels(release, measure)
    lines = []
    if shown.difference is not None:
        text = language.number(shown.difference, shown.decimals, signed=True)
        if measure.kind == "proportion":
            text = language.say("format.points_sign", {"number": text})
        line = f"<b>{escape(text)}</b>"
        if shown.low is not None and shown.high is not None:
            low, high = (language.number(end, shown.decimals, signed=True) for end in (shown.low, shown.high))
            line += f' <span class="nobreak">{escape(language.say("table.between", {"low": low, "high": high}))}</span>'
        lines.append(line)
    ends = wording.interval_ends(release, measure)
    value = wording.headline_value(release, measure)
    if measure.headline_scale == "ratio" and ends is not None and value is not None:
        text = language.percent_sign(value, wording.percent_decimals(value), signed=True)
        low, high = (language.number(end, 0, signed=True) for end in ends[:2])
        between = language.say("table.between", {"low": low, "high": high})
        lines.append(f'{escape(text)} <span class="nobreak">{escape(between)}</span>')
    if not lines:
        return f'<span class="hidden">{escape(language.say("table.hidden"))}</span>'
    return "".join(f'<span class="line">{line}</span>' for line in lines)


def _certainty(release: Release, measure: ReleasedMeasure, language: Language) -> str:
    """Word, number and claim, with a line from 0 to 100."""
    estimate = wording.headline(release, measure)
    if release.run.profile == "smoke":
        return escape(language.say("table.not_judged_smoke"))
    if measure.direction == "ambiguous":
        return escape(language.say("table.not_judged"))
    sure = certainty(release, measure, language)
    if estimate is None or sure is None:
        return escape(language.say("table.not_released"))
    slots = {
        "probability": sentence(wording.probability_words(sure.probability, language)),
        "direction": language.say(f"direction.{sure.way}_the"),
        "limit": sure.limit,
    }
    key = {"better": "table.better", "negligible": "table.negligible"}.get(sure.claim, "table.worthwhile")
    slots["word"] = language.say(f"direction.a_{sure.way}")
    return escape(language.say(key, slots)) + figures.certainty_line(wording.hundredths(sure.probability))


def curve_numbers(release: Release, curve: Curve, language: Language) -> str:
    """The numbers behind the figure, in `<details>`: nothing stands in the picture alone."""
    say = language.say
    measure = next(measure for measure in release.study.measures if measure.id == curve.measure)
    values = [point.observed for point in curve.points if point.observed is not None]
    decimals = wording.level_decimals(max((abs(value) for value in values), default=1.0))
    names = [
        say(f"trend.{key}_column") for key in ("period", "observed", "expected", "expected_range", "sites")
    ]
    rows = []
    for point in curve.points:
        if point.hidden:
            observed = expected = between = say("table.hidden")
        else:
            no_number = say("trend.no_number")
            observed = no_number if point.observed is None else language.number(point.observed, decimals)
            fan = point.expected
            expected = no_number if fan is None else language.number(fan["q50"], decimals)
            ends = {} if fan is None else {"low": fan["q05"], "high": fan["q95"]}
            between = (
                say("trend.range", {name: language.number(end, decimals) for name, end in ends.items()})
                if fan
                else no_number
            )
        cells = "".join(
            f'<td class="number">{escape(text)}</td>'
            for text in (observed, expected, between, language.number(point.sites_started))
        )
        rows.append(
            f'<tr><th scope="row">{escape(period_name(point.start, point.end, language))}</th>{cells}</tr>'
        )
    slots = {"name": wording.measure_and_unit(measure, language)}
    head = header(names, right=frozenset((1, 2, 3, 4)))
    text = say("trend.numbers_caption", slots)
    return (
        f'<details class="numbers"><summary>{escape(say("trend.numbers"))}</summary>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(text)}">'
        f"<table><caption>{escape(text)}</caption>{head}<tbody>{''.join(rows)}</tbody></table></div></details>"
    )


def period_name(start: date, end: date, language: Language) -> str:
    """«januar 2024» for a month, else «januar 2024 – mars 2024»."""
    first, last = language.month(start), language.month(end)
    return first if first == last else f"{first} – {last}"


def adaptation_table(release: Release, language: Language) -> str:
    """The log, one row a modification: filled, open and empty marks stand beside the words."""
    say = language.say
    section = release.sections.adaptations
    if section is None or not section.rows:
        return ""
    keys = ("site", "component", "nature", "core", "planned", "when")
    names = [say(f"adapted.{key}") for key in keys]
    rows = []
    for row in section.rows:
        when = say(
            "adapted.from_to" if row.end else "adapted.from",
            {"start": language.month(row.start), "end": language.month(row.end) if row.end else ""},
        )
        texts = (
            word_for("component", row.component, language), nature_words(row.nature, language), say(f"consistent.{row.consistent}"), say(f"planned.{row.planned}"), when
        )  # fmt: skip
        cells = "".join(
            f'<td><span class="cell-label" aria-hidden="true">{escape(name)}</span>{escape(text)}</td>'
            for name, text in zip(names[1:], texts, strict=True)
        )
        rows.append(f'<tr><th scope="row">{escape(row.name)}</th>{cells}</tr>')
    return (
        f'<table class="cards log">{caption(say("adapted.caption"))}{header(names)}'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def word_for(kind: str, code: str, language: Language) -> str:
    """A coded word in the reader's language where the language file has it, else the code in plain letters."""
    return language.say(f"{kind}.{code}") if language.has(f"{kind}.{code}") else plain(code)


def nature_words(codes: str, language: Language) -> str:
    """What kind of change it was, in FRAME's words; several are joined."""
    frame = read_vocabulary("frame")
    terms = {item.id: item for item in (*frame.group("contextual"), *frame.group("nature"))}
    said: LanguageCode = "en" if language.code == "en" else "nn" if language.code == "nn" else "nb"
    labels = [(code in terms and frame.label(terms[code], said)) or plain(code) for code in codes.split(";")]
    return "; ".join([labels[0], *(label[:1].lower() + label[1:] for label in labels[1:])])


def plain(code: str) -> str:
    """A coded word as a reader sees it: `risk_assessment` becomes «Risk assessment»."""
    return sentence(code.replace("_", " "))


def checks_table(release: Release, language: Language) -> str:
    """Every gate with its limit, the worst value over all measures shown, and whether it held."""
    say = language.say
    names = [say(f"checks.{key}") for key in ("check", "value", "limit", "result")]
    worst: dict[tuple[str, float], CheckRow] = {}
    for row in release.checks.rows:
        place = (row.check, row.limit)
        high_is_bad = row.check in ("r_hat", "divergences")
        known = worst.get(place)
        worse = known is not None and row.value != known.value and (row.value > known.value) == high_is_bad
        if known is None or worse:
            worst[place] = row
    rows = []
    for row in worst.values():
        name, value, limit = check_words(row.check, row.value, row.limit, language)
        cells = "".join(
            f'<td><span class="cell-label" aria-hidden="true">{escape(label)}</span>{escape(text)}</td>'
            for label, text in zip(
                names[1:], (value, limit, say("checks.ok" if row.passed else "checks.failed")), strict=True
            )
        )
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return f'<table class="cards checks">{caption(say("checks.caption"))}{header(names)}<tbody>{"".join(rows)}</tbody></table>'


def check_words(check: str, value: float, limit: float, language: Language) -> tuple[str, str, str]:
    """Name, value and limit of one gate, in words."""
    decimals = {"r_hat": 3, "e_bfmi": 2}.get(check, 0)
    limit_decimals = {"r_hat": 2, "e_bfmi": 1}.get(check, 0)
    # A value that rounds onto its limit is shown with the digits that tell them apart.
    while round(value, decimals) == round(limit, decimals) and value != limit and decimals < 6:
        decimals += 1
    return (
        language.say(f"checks.names.{check}"),
        language.number(value, decimals),
        language.say(f"checks.limits.{check}", {"limit": language.number(limit, limit_decimals)}),
    )


def bands_table(release: Release, language: Language) -> str:
    """The words for probability and the numbers they stand for; the page's own word is marked."""
    say = language.say
    sure = certainty(release, release.measure(), language)
    here = wording.band(sure.probability) if sure else None
    rows = []
    for name, _ in wording.BANDS:
        word = sentence(say(f"bands.{name}"))
        if sure and name == here:
            mark = say("bands.here", {"number": wording.of_hundred(sure.probability, language)})
            word = f"{word} ({mark})"
        kind = ' class="here"' if name == here else ""
        rows.append(
            f'<tr{kind}><th scope="row">{escape(word)}</th>'
            f'<td class="number">{escape(say(f"bands.range.{name}"))}</td></tr>'
        )
    names = [say("bands.word_column"), say("bands.number_column")]
    return (
        f'<table class="bands">{caption(say("bands.heading"), unit=say("bands.caption"))}'
        f"{header(names, right=frozenset((1,)))}<tbody>{''.join(rows)}</tbody></table>"
        f'<p class="table-note">{escape(say("bands.note"))}</p>'
    )
