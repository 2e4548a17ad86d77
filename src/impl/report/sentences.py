"""The sentences of a report: answer, messages, limits, warnings. Text only, drawn from a Release alone.

Wording never goes past what the design can carry: a plain before/after comparison stops at «may have».
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal

from impl.release.release import Release, ReleasedMeasure, ReleaseWarning
from impl.report import wording
from impl.report.language import Language, sentence, slots_of
from impl.report.plan import was_beforehand

# Warnings that are said where they matter, so that the list of notes does not repeat them.
SAID_ELSEWHERE = frozenset(["smoke", "contrast_few_sites", "moderator_few_sites", "absence_not_judged"])
UNLIKELY = dict(wording.BANDS)["less_likely"]  # below this number an undecided answer says what is unlikely


@dataclass(frozen=True, kw_only=True)
class Certainty:
    """The one probability that answer, icons and message share, and what it is the probability of."""

    claim: Literal["worthwhile", "better", "harm", "negligible"]
    probability: float
    way: Literal["down", "up"]
    limit: str


@dataclass(frozen=True, kw_only=True)
class Message:
    question: str
    key: str
    text: tuple[str, ...]


def outcome(release: Release) -> str | None:
    return release.verdict.outcome if release.verdict else None


def certainty(release: Release, measure: ReleasedMeasure, language: Language) -> Certainty | None:
    """What the page says how sure it is of; None where nothing is judged or released."""
    estimate = wording.headline(release, measure)
    if estimate is None or measure.direction == "ambiguous":
        return None
    good = wording.good_way(measure)
    bad: Literal["down", "up"] = "up" if good == "down" else "down"
    claims = {"harmful": "harm", "promising": "better", "negligible": "negligible"}
    # The limit of the study was set for its primary measure: beside it we say only which way it went.
    claim = claims.get(outcome(release) or "", "worthwhile") if measure.role == "primary" else "better"
    study = release.study
    choices: dict[str, tuple[float | None, Literal["down", "up"], float]] = {
        "worthwhile": (estimate.p_worthwhile, good, study.worthwhile),
        "better": (estimate.p_better, good, study.worthwhile),
        "harm": (estimate.p_harm, bad, study.harm),
        "negligible": (estimate.p_negligible, good, study.negligible),
    }
    probability, way, limit = choices[claim]
    if probability is None:
        return None
    return Certainty(
        claim=claim,  # type: ignore[arg-type]
        probability=probability,
        way=way,
        limit=wording.limit_words(limit, measure, language),
    )


def estimate_sentence(release: Release, measure: ReleasedMeasure, language: Language) -> str | None:
    """«Vi anslår at det var 17 prosent færre fall enn ventet uten fallpakken.»"""
    value = wording.headline_value(release, measure)
    if value is None:
        return None
    size = wording.amount(value, measure, wording.levels(release, measure).decimals, language)
    slots = {
        "percent": size,
        "points": size,
        "amount": size,
        "events": wording.events(measure, language),
        "bundle": wording.bundle(release, language),
    }
    return language.say(f"estimate.{measure.kind}.{wording.way(value)}", slots)


def lead(release: Release, language: Language) -> str | None:
    """The word before the colon. The grade of the design caps it."""
    verdict = outcome(release)
    if verdict is None:
        return language.say("lead.smoke") if release.run.profile == "smoke" else None
    if verdict == "uncertain":
        return language.say("lead.uncertain")
    if release.design.grade == "before_after":
        name = {"harmful": "may_have_harmed", "negligible": "may_have_changed_little"}.get(
            verdict, "may_have_helped"
        )
        return language.say(f"lead.{name}")
    if verdict in ("promising", "negligible"):
        return language.say(f"lead.{verdict}")
    sure = certainty(release, release.measure(), language)
    word = "very_likely" if sure and wording.band(sure.probability) == "very_likely" else "likely"
    return language.say(f"lead.{word}" if verdict == "beneficial" else f"lead.harmful_{word}")


def answer(release: Release, language: Language) -> str:
    """The answer in one sentence (two where one would mislead)."""
    if release.status == "not_converged":
        return language.say("failed.sentence")
    measure = release.measure()
    slots = {"bundle": wording.bundle(release, language)}
    verdict = outcome(release)
    estimate = estimate_sentence(release, measure, language)
    if estimate is None:
        return language.say("answer.hidden")
    if verdict == "uncertain":
        text = undecided(release, language)
        if release.verdict and release.verdict.delivery == "not_delivered":
            text += " " + not_delivered(release, language)
    elif release.run.profile == "smoke":
        text = language.say("answer.smoke", slots)
    elif measure.direction == "ambiguous":
        text = f"{estimate} {language.say('answer.ambiguous')}"
    elif verdict == "negligible":
        text = f"{estimate} {language.say('answer.negligible')}"
    else:
        text = estimate
    before = lead(release, language)
    return language.say("answer.with_lead", {"lead": before, "text": text}) if before else text


def not_delivered(release: Release, language: Language) -> str:
    """Under poor delivery an undecided answer must say so, or it reads as «does not work»."""
    section = release.sections.fidelity
    if section is None or section.median is None:
        return language.say("answer.not_delivered")
    return language.say("answer.not_delivered_share", {"percent": language.percent(100 * section.median)})


def undecided(release: Release, language: Language) -> str:
    """That the data cannot tell, and what they still make unlikely."""
    measure = release.measure()
    before_after = release.design.grade == "before_after"
    slots = {"bundle": wording.bundle(release, language), "events": wording.events(measure, language)}
    text = language.say(f"answer.cannot_tell_{measure.kind}" if before_after else "answer.cannot_tell", slots)
    sure = certainty(release, measure, language)
    if sure is None or sure.claim != "worthwhile" or wording.hundredths(sure.probability) >= UNLIKELY:
        return language.say("answer.not_absent", {**slots, "text": text})
    given = {
        "text": text,
        "direction": language.say(f"direction.a_{sure.way}"),
        "limit": sure.limit,
        "probability": wording.probability_words(sure.probability, language),
    }
    return language.say("answer.but_unlikely", given)


def natural_frequency(release: Release, language: Language) -> tuple[str, str | None] | None:
    """Events a year in a place that readers can picture, and «about 6, against 9»; None without an example.

    Where it is less than one event a year it is told over ten years; below that it is left out.
    Large numbers are rounded to what the estimate can carry, and the three numbers still add up.
    """
    measure = release.measure()
    shown = wording.levels(release, measure)
    if measure.example is None or measure.kind == "mean" or shown.difference is None:
        return None
    yearly = shown.difference * measure.example.exposure / measure.per
    years = 1 if abs(yearly) >= 0.95 else 10
    step = coarseness(yearly * years)
    change = step * wording.round_half_up(yearly * years / step)
    if change == 0:
        return None
    number = language.number(abs(change))
    slots = {
        "amount": number if step == 1 else language.say("natural.about", {"amount": number}),
        "events": wording.noun(measure, change, language),
        "place": language.pick(measure.example.text),
        "years": language.count("nouns.years", years),
    }
    key = f"natural.{wording.way(change)}" + ("" if years == 1 else "_years")
    against = None
    if shown.expected is not None and years == 1:
        start = step * wording.round_half_up(shown.expected * measure.example.exposure / measure.per / step)
        against = language.say(
            "much.against",
            {
                "expected": language.number(start),
                "after": language.number(start + change),
                "events": wording.noun(measure, start + change, language),
                "bundle": wording.bundle(release, language),
            },
        )
    return language.say(key, slots), against


def coarseness(number: float) -> int:
    """The step a number of events is rounded to: 1, from 50 up 5, from 500 up 50."""
    return 1 if abs(number) < 50 else 5 if abs(number) < 500 else 50


def natural_interval(release: Release, language: Language) -> str | None:
    """The interval in events a year in that place, for an effect that may go either way."""
    measure = release.measure()
    shown = wording.levels(release, measure)
    if measure.example is None or measure.kind == "mean" or shown.low is None or shown.high is None:
        return None
    factor = measure.example.exposure / measure.per
    years = 1 if max(abs(shown.low), abs(shown.high)) * factor >= 0.95 else 10
    step = coarseness(max(abs(shown.low), abs(shown.high)) * factor * years)
    low, high = (step * wording.round_half_up(end * factor * years / step) for end in (shown.low, shown.high))
    if not wording.crosses(low, high):
        return None
    slots = {
        "low": language.say("natural.fewer", {"amount": language.number(abs(low))}),
        "high": language.say("natural.more", {"amount": language.number(high)}),
        "events": wording.events(measure, language),
        "place": language.pick(measure.example.text),
        "years": language.count("nouns.years", years),
    }
    return language.say("much.natural_crossing" + ("" if years == 1 else "_years"), slots)


def how_much(release: Release, language: Language) -> Message:
    measure = release.measure()
    question = language.say("messages.how_much")
    value = wording.headline_value(release, measure)
    good = wording.good_direction(measure, language)
    if value is None:
        return Message(question=question, key=language.say("answer.hidden"), text=(good,))
    decimals = wording.levels(release, measure).decimals
    change = wording.change_words(value, decimals, measure, language)
    slots = {"change": change, "bundle": wording.bundle(release, language)}
    interval = wording.interval_words(release, measure, language) or ""
    ends = wording.interval_ends(release, measure)
    if ends is not None and wording.crosses(ends[0], ends[1]):
        natural = natural_interval(release, language)
        key = sentence(language.say("much.key_uncertain", slots))
        return Message(question=question, key=key, text=tuple(filter(None, (interval, natural, good))))
    frequency = natural_frequency(release, language)
    if frequency is None:
        return Message(question=question, key=sentence(change), text=tuple(filter(None, (interval, good))))
    key, against = frequency
    if against is not None:
        sized = wording.interval_words(release, measure, language, with_size=True)
        return Message(question=question, key=sentence(key), text=tuple(filter(None, (against, sized, good))))
    relative = None if value == 0 else language.say(f"much.relative_{measure.kind}", slots)
    return Message(question=question, key=sentence(key), text=tuple(filter(None, (relative, interval, good))))


def how_sure(release: Release, language: Language) -> Message:
    measure = release.measure()
    question = language.say("messages.how_sure")
    sure = certainty(release, measure, language)
    if sure is None:
        reason = (
            "smoke"
            if release.run.profile == "smoke"
            else "ambiguous"
            if measure.direction == "ambiguous"
            else "hidden"
        )
        return Message(
            question=question, key=language.say("sure.none_key"), text=(language.say(f"sure.none_{reason}"),)
        )
    word = sentence(language.say(f"bands.{wording.band(sure.probability)}"))
    slots = {"word": word, "probability": wording.of_hundred(sure.probability, language)}
    key = language.say("bands.key", slots)
    estimate = wording.headline(release, measure)
    the = {"direction": language.say(f"direction.{sure.way}_the"), "limit": sure.limit}
    a = {"direction": language.say(f"direction.a_{sure.way}")}
    limit_set = language.say(f"sure.limit_set_{'beforehand' if was_beforehand(release) else 'plan'}")
    lines: list[str] = []
    if sure.claim == "better":
        lines.append(language.say("sure.better", a))
        if estimate and estimate.p_worthwhile is not None:
            words = wording.probability_words(estimate.p_worthwhile, language)
            lines += [language.say("sure.also_worthwhile", {**the, "probability": words}), limit_set]
    elif sure.claim == "harm":
        lines += [language.say("sure.harm", the), limit_set]
        lines.append(language.say("sure.harm_asymmetry"))
    elif sure.claim == "negligible":
        lines += [language.say("sure.negligible", the), limit_set]
    else:
        lines += [language.say("sure.worthwhile", the), limit_set]
        if estimate and estimate.p_better is not None:
            words = wording.probability_words(estimate.p_better, language)
            lines.append(language.say("sure.also_better", {**a, "probability": words}))
    if release.design.grade == "before_after":
        lines.append(language.say("sure.not_cause"))
    return Message(question=question, key=key, text=tuple(lines))


def design_limit(release: Release) -> str:
    """Key of the main limit: the grade of the design, whether the study says how starts came about, and whether
    a before/after study has sites to compare with."""
    grade = release.design.grade
    if wording.compares_sites(release):
        return f"{grade}_compared"
    return f"{grade}_selection" if grade == "staggered" and release.design.selection else grade


def what_limit(release: Release, language: Language) -> Message:
    name = design_limit(release)
    return Message(
        question=language.say("messages.what_limit"),
        key=language.say(f"limit.{name}.key"),
        text=(language.say(f"limit.{name}.text", {"selection": release.design.selection or ""}),),
    )


def icons_sentence(sure: Certainty, language: Language) -> str:
    """What the hundred dots show, in words."""
    key = {"better": "icons_better", "negligible": "icons_negligible"}.get(sure.claim, "icons_worthwhile")
    slots = {
        "probability": sentence(wording.of_hundred(sure.probability, language)),
        "limit": sure.limit,
        "direction": language.say(f"direction.a_{sure.way}"),
    }
    return language.say(f"sure.{key}", slots)


def averted(release: Release, language: Language) -> tuple[str, ...]:
    """Events fewer or more than expected over the window, with the interval; empty where not released."""
    measure = release.measure()
    estimate = release.estimate(measure.id, "tate", "averted")
    if estimate is None or measure.kind != "rate":
        return ()
    more, ends = wording.events_averted(estimate, language)
    slots = {
        "window": wording.window(release, language),
        "amount": language.number(abs(more)),
        "events": wording.noun(measure, more, language),
    }
    first = language.say(f"trend.averted_{wording.way(more)}", slots)
    return first, language.say("trend.averted_between", ends)


def figure_heading(release: Release, measure: ReleasedMeasure, language: Language) -> str:
    """The finding, by the same interval as the sentences."""
    ends = wording.interval_ends(release, measure)
    slots = {"bundle": wording.bundle(release, language)}
    if ends is None or release.run.profile == "smoke":
        return language.say("trend.described", slots)
    low, high, _ = ends
    return language.say("trend.below" if high < 0 else "trend.above" if low > 0 else "trend.unclear", slots)


def limits(release: Release, language: Language) -> tuple[str, ...]:
    """What the report does not show: by design first, then what holds for every report of this kind."""
    slots = {"bundle": wording.bundle(release, language), "selection": release.design.selection or ""}
    texts = [sentence(language.say(f"limits.cause_{design_limit(release)}", slots))]
    codes = {warning.code for warning in release.design.warnings}
    if "absence_not_judged" in codes:
        texts.append(language.say("warnings.absence_not_judged.text", slots))
    parts = [len(bundle.components) for bundle in release.study.bundles]
    if release.design.grade != "randomised" and any(number != 1 for number in parts):
        texts.append(
            language.say("limits.part" if max(parts) > 1 or len(parts) > 1 else "limits.part_unknown")
        )
    if release.measure().kind == "rate":
        texts.append(language.say("limits.counting"))
    if wording.sites(release) > 1:
        texts.append(language.say("limits.sites_effect" if release.sections.sites else "limits.sites"))
    if release.sections.costs is None:
        texts.append(language.say("limits.cost"))
    return tuple(texts)


def warning_sentence(warning: ReleaseWarning, release: Release, language: Language) -> str:
    """The sentence of a coded warning, with the numbers it brought; the plain form where they are absent.

    Raises KeyError for a code without a sentence: a mistake of ours.
    """
    slots = {"bundle": wording.bundle(release, language)}
    names = {measure.id: language.pick(measure.name) for measure in release.study.measures}
    for name, value in warning.values.items():
        if name == "since":
            slots[name] = language.month(date.fromisoformat(str(value)))
        elif isinstance(value, str):
            slots[name] = names.get(value, value.replace("_", " "))
        elif name == "share":
            slots[name] = language.percent(100 * value if value <= 1 else value, 0 if value >= 0.1 else 1)
        elif name in ("sites", "months"):
            slots[name] = language.count(f"nouns.{name}", int(value))
        else:
            slots[name] = language.number(value, 0 if float(value).is_integer() else 1)
    if "group" in slots and language.has(f"adapted.group_{slots['group']}"):
        slots["group"] = language.say(f"adapted.group_{slots['group']}")
    if "moderator" in slots:
        slots["moderator"] = language.say(f"adapted.kind_{warning.values['moderator']}")
    key = f"warnings.{warning.code}"
    if not language.has(f"{key}.text"):
        raise KeyError(f"no sentence for the warning code {warning.code!r}")
    full = slots_of(language.texts[f"{key}.text"]) <= slots.keys()
    return sentence(language.say(f"{key}.text" if full else f"{key}.plain", slots))


def notes(release: Release, language: Language, *, only: Collection[str] | None = None) -> tuple[str, ...]:
    """Coded warnings as sentences, without those that are said elsewhere on the page.

    only: the codes that are wanted; then nothing is said where there are none.
    """
    dated = any(warning.code == "no_concurrent_controls" for warning in release.design.warnings)
    said = {*SAID_ELSEWHERE, "all_treated_tail"} if dated else SAID_ELSEWHERE  # one fact, once
    texts = [
        warning_sentence(warning, release, language)
        if language.has(
            f"warnings.{warning.code}.text"
        )  # a Release of another impl may hold one that this lacks
        else language.say("notes.unknown", {"name": warning.code.replace("_", " ")})
        for warning in release.design.warnings
        if warning.code not in said and (only is None or warning.code in only)
    ]
    unique = tuple(dict.fromkeys(texts))
    return unique or (() if only is not None else (language.say("notes.none"),))
