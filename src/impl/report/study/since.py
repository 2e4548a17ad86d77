"""What changed since the last report of the study, in words: one number then and now, or why they cannot be compared."""

from __future__ import annotations

from typing import Literal

from impl.release.release import Estimate, Release
from impl.report import wording
from impl.report.language import Language, sentence
from impl.report.sentences import Certainty, certainty, lead
from impl.report.validity import months_between

SAME_MODEL = ("cells", "gaps", "events")
"""Of a model's summary, what may differ between two reports that are calculated in the same way."""
Reason = Literal["measure", "limit", "window", "design", "model"]
PROBABILITY = {
    "worthwhile": "p_worthwhile",
    "better": "p_better",
    "harm": "p_harm",
    "negligible": "p_negligible",
}
LIMIT = {"worthwhile": "worthwhile", "better": "worthwhile", "harm": "harm", "negligible": "negligible"}


WITHIN = 3
"""Hundredths that a probability may differ between two calculations of the same data: 400 effective draws, the least
that is let through, give a standard error of up to 2.5 (the binomial one)."""


def texts(release: Release, earlier: Release, language: Language) -> tuple[str, ...]:
    """Sentences on the report before this one; empty where this one says no probability.

    earlier: the Release that was published before `release`, of the same study.
    """
    sure = certainty(release, release.measure(), language)
    if sure is None or release.status != "ok":
        return ()
    if earlier.status != "ok" or earlier.run.profile == "smoke":
        return (language.say("since.none"),)
    changed = reasons(release, earlier, sure)
    if changed:
        named = language.listing([language.say(f"since.reason_{reason}") for reason in changed])
        return (language.say("since.cannot", {"text": named}), *_answer_then(release, earlier, language))
    before = _probability(wording.headline(earlier, earlier.measure()), sure)
    if before is None:
        return (language.say("since.not_shown"),)
    return (
        _change(before, sure, language),
        *_answer_then(release, earlier, language),
        _new_data(release, earlier, language),
    )


def reasons(release: Release, earlier: Release, sure: Certainty) -> tuple[Reason, ...]:
    """Why the two probabilities are not of the same thing; empty where they are."""
    now, then = release.measure(), earlier.measure()
    found: list[Reason] = []
    same_measure = (now.id, now.kind, now.per, now.direction, now.headline_scale, now.unit) == (
        then.id, then.kind, then.per, then.direction, then.headline_scale, then.unit,
    )  # fmt: skip
    if not same_measure or release.study.bundles[0].id != earlier.study.bundles[0].id:
        found.append("measure")
    limit = LIMIT[sure.claim]
    if sure.claim != "better" and getattr(release.study, limit) != getattr(earlier.study, limit):
        found.append("limit")
    if _window(release) != _window(earlier):
        found.append("window")
    if (release.design.kind, release.design.grade) != (earlier.design.kind, earlier.design.grade):
        found.append("design")
    if same_measure and _model(release) != _model(earlier):
        found.append("model")
    return tuple(found)


def _change(before: float, sure: Certainty, language: Language) -> str:
    """«Sannsynligheten for en nedgang på minst 10 prosent har økt fra 64 av 100 til 78 av 100.»"""
    then, now = wording.hundredths(before), wording.hundredths(sure.probability)
    claim = {"better": "better", "negligible": "negligible"}.get(sure.claim, "worthwhile")
    slots = {
        "text": language.say(
            f"since.claim_{claim}",
            {"direction": language.say(f"direction.a_{sure.way}"), "limit": sure.limit},
        ),
        "before": wording.of_hundred(before, language),
        "after": wording.of_hundred(sure.probability, language),
    }
    if slots["before"] == slots["after"]:
        return language.say("since.same", slots)
    if abs(now - then) <= WITHIN:
        return language.say("since.about", slots)
    return language.say("since.up" if now > then else "since.down", slots)


def _answer_then(release: Release, earlier: Release, language: Language) -> tuple[str, ...]:
    """The lead word of the last answer, where this one has another."""
    then, now = lead(earlier, language), lead(release, language)
    if then is None or now is None or then == now:
        return ()
    return (language.say("since.answer", {"lead": then}),)


def _new_data(release: Release, earlier: Release, language: Language) -> str:
    months = months_between(earlier.study.data_to, release.study.data_to)
    if months > 0:
        return sentence(language.count("since.new_data", months))
    return language.say("since.no_new_data")


def _probability(estimate: Estimate | None, sure: Certainty) -> float | None:
    return None if estimate is None else getattr(estimate, PROBABILITY[sure.claim])


def _window(release: Release) -> tuple[int, int, float]:
    return release.design.window_from, release.design.window_to, release.design.period_months


def _model(release: Release) -> dict[str, object]:
    return release.primary_model().model_dump(exclude=set(SAME_MODEL))
