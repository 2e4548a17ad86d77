"""Forms that the network's pages share: names with a way to their run, tables that become cards, effects in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from html import escape
from math import exp
from pathlib import Path

from impl.network.lines import UNANSWERED, StudyLine
from impl.network.normal import Summary
from impl.network.states import State
from impl.network.status import NetworkStatus
from impl.network.synthesis import Synthesis
from impl.release.release import Release, ReleasedMeasure
from impl.report import wording
from impl.report.block import paragraphs
from impl.report.language import Language, sentence
from impl.study.load import bundle_ids, read_bundle
from impl.study.value import LanguageCode, Translated
from impl.study.vocabulary import read_vocabulary

GAINS: tuple[State, ...] = ("beneficial", "promising")


def spoken(language: Language) -> LanguageCode:
    return "en" if language.code == "en" else "nn" if language.code == "nn" else "nb"


def framework_name(group: str, item: str, language: Language) -> str:
    """Name of a goal, means or focus area."""
    vocabulary = read_vocabulary("national_framework")
    for term in vocabulary.group(group):
        if term.id == item:
            return sentence(vocabulary.label(term, spoken(language)) or term.name)
    return item


def title(line: StudyLine, language: Language) -> str:
    return language.pick(line.standing.title)


def way(line: StudyLine, language: Language, *, page: str = "") -> str:
    """The study's title as a way to its line in the list of all; page: address of the page that holds the list."""
    return f'<a href="{page}#study-{escape(line.id)}">{escape(title(line, language))}</a>'


def run(line: StudyLine, language: Language, *, page: str = "") -> str:
    """«kjøring 1a2b…» as a way to the study's line: every number comes from one."""
    release = line.standing.release
    if release is None:
        return ""
    text = language.say("network.run", {"id": release.run.id})
    return (
        f'<a href="{page}#study-{escape(line.id)}">{escape(text)}'
        f'<span class="unseen">: {escape(title(line, language))}</span></a>'
    )


def lines(texts: Sequence[str]) -> str:
    """Texts under each other in one cell; markup stays."""
    return "".join(f'<span class="line">{text}</span>' for text in texts)


def natural(synthesis: Synthesis, summary: Summary) -> tuple[float, float, float] | None:
    """Lower, median and upper on the scale that readers know: per cent change of a rate, points of a proportion.

    None where that scale needs a level which is hidden.
    """
    values = (summary.lower, summary.median, summary.upper)
    if synthesis.link == "log":
        low, middle, high = (100 * (exp(value) - 1) for value in values)
    elif synthesis.link == "identity":
        low, middle, high = values
    elif synthesis.expected is None or not 0 < synthesis.expected < 100:
        return None
    else:
        odds = synthesis.expected / (100 - synthesis.expected)
        low, middle, high = (
            100 * odds * exp(value) / (1 + odds * exp(value)) - synthesis.expected for value in values
        )
    return low, middle, high


def effect_lines(
    synthesis: Synthesis, summary: Summary, measure: ReleasedMeasure, language: Language
) -> tuple[str, ...]:
    """An effect and its 90 % interval in words, escaped."""
    shown = natural(synthesis, summary)
    if shown is None:
        return (escape(language.say("network.effect_hidden")),)
    digits = 0 if measure.headline_scale == "ratio" else 1
    low, middle, high = (wording.round_half_up(value, digits) for value in shown)
    words = wording.change_words(middle, digits, measure, language)
    between = wording.range_words(low, high, digits, measure, language)
    return escape(sentence(words)), escape(language.say("network.interval", {"text": between}))


def own_effect(release: Release, language: Language) -> tuple[str, ...]:
    """The effect that one study found and its 90 % interval in words, escaped."""
    measure = release.measure()
    value, ends = wording.headline_value(release, measure), wording.interval_ends(release, measure)
    if value is None or ends is None:
        return (escape(language.say("network.effect_hidden")),)
    words = wording.change_words(value, ends[2], measure, language)
    between = wording.range_words(ends[0], ends[1], ends[2], measure, language)
    return escape(sentence(words)), escape(language.say("network.interval", {"text": between}))


def chance(probability: float | None, language: Language) -> str:
    """Word and number, or that nothing is judged."""
    if probability is None:
        return escape(language.say("network.no_chance"))
    return escape(sentence(wording.probability_words(probability, language)))


def apart(synthesis: Synthesis, measure: ReleasedMeasure, language: Language) -> str | None:
    """How far the studies lie from each other one by one, escaped; None where the scale that readers know is hidden."""
    shown = [natural(synthesis, result.alone) for result in synthesis.results]
    middles = [each[1] for each in shown if each is not None]
    if not middles:
        return None
    digits = 0 if measure.headline_scale == "ratio" else 1
    low, high = (
        wording.change_words(wording.round_half_up(end, digits), digits, measure, language)
        for end in (min(middles), max(middles))
    )
    if low == high:
        return None
    return escape(language.say("network.apart", {"low": low, "high": high}))


def unanswered(synthesis: Synthesis, status: NetworkStatus) -> int:
    """How many registered studies of the same should have answered by now and have not; one that is planned is not missed."""
    late = {line.standing.study for line in status.lines if line.state in UNANSWERED}
    return len(late & set(synthesis.missing.missing))


def level_range(values: Sequence[float], language: Language) -> str:
    """«4,5», or «3,1–4,5» where several studies differ."""
    if not values:
        return language.say("table.hidden")
    digits = wording.level_decimals(max(values))
    low, high = (language.number(value, min(digits, 2)) for value in (min(values), max(values)))
    return low if low == high else f"{low}–{high}"


def state_words(line: StudyLine, language: Language) -> str:
    """The state as readers see it; what is delivered, what lasts and what the design bears change what it means."""
    text = language.say("network.state.collecting" if line.collecting else f"standing.state.{line.state}")
    release = line.release
    more = []
    if release is not None and release.verdict is not None and release.verdict.delivery == "not_delivered":
        more.append(language.say("network.state.not_delivered"))
    if line.faded and line.state in GAINS:
        more.append(language.say("network.state.faded"))
    weak = weak_words(line, language)
    for other in [*more, *([weak] if weak else [])]:
        text = language.say("network.state.with_more", {"text": text, "other": other})
    return text


def weak_words(line: StudyLine, language: Language) -> str | None:
    """What a before/after comparison alone cannot rule out; None for other designs, and where nothing was found."""
    if not line.weak or line.state not in (*GAINS, "harmful", "negligible"):
        return None
    return language.say("network.state.weak_null" if line.state == "negligible" else "network.state.weak")


def cause(status: NetworkStatus, language: Language) -> str:
    """That other changes may explain what was found; empty where starts were randomised in every study."""
    releases = [line.release for line in status.lines if line.release is not None]
    if all(release.design.grade == "randomised" for release in releases):
        return ""
    return paragraphs([language.say("network.cause")])


def bundle_names(status: NetworkStatus, language: Language) -> dict[str, str]:
    """Name by id of every bundle that a Release tells."""
    return {
        bundle.id: language.pick(bundle.name)
        for line in status.lines
        if line.standing.release is not None
        for bundle in line.standing.release.study.bundles
    }


def shipped_bundle_names(bundles: Sequence[str], language: Language) -> dict[str, str]:
    """Names of bundles that come with impl, whether or not anybody has used them."""
    root = Path()  # the shipped catalogue needs no project
    return {name: language.pick(read_bundle(name, root).name) for name in bundles}


def component_name(bundle: str, component: str, language: Language) -> str:
    """Name of a bundle's component; what a log calls it where the catalogue does not know it."""
    found = _components(bundle).get(component)
    return language.pick(found) if found is not None else component.replace("_", " ")


@lru_cache(maxsize=64)
def _components(bundle: str) -> dict[str, Translated]:
    """Names of a shipped bundle's components by id."""
    if bundle not in bundle_ids(Path()):
        return {}
    return {part.id: part.name for part in read_bundle(bundle, Path()).parts if part.id is not None}


def day(text: str, language: Language) -> str:
    """A day of the register in words."""
    return language.day(date.fromisoformat(text))
