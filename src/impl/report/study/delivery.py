"""Was it delivered, and what that makes of the result: the finding is outcome x delivery.

A weak result after poor delivery is no verdict on the bundle (implementation failure); after good delivery it is
one (theory failure). Source: domain terms «implementeringssvikt» and «tiltakssvikt»; docs/model.md §8.
"""

from __future__ import annotations

from impl.release.release import Release
from impl.release.sections import FidelitySection
from impl.report import wording
from impl.report.language import Language, sentence

LITTLE_HOPE = 0.10
"""Chance of a worthwhile change below which a delivered bundle is one to consider phasing out (choice)."""

FINDINGS: dict[tuple[str, str], str] = {
    ("beneficial", "delivered"): "works_delivered",
    ("promising", "delivered"): "works_delivered",
    ("negligible", "delivered"): "phase_out",
    ("harmful", "delivered"): "harms_delivered",
    ("uncertain", "delivered"): "undecided_delivered",
    ("beneficial", "not_delivered"): "works_not_delivered",
    ("promising", "not_delivered"): "works_not_delivered",
    ("negligible", "not_delivered"): "cannot_separate",
    ("harmful", "not_delivered"): "harms_not_delivered",
    ("uncertain", "not_delivered"): "cannot_separate",
    ("beneficial", "unknown"): "delivery_unknown",
    ("promising", "unknown"): "delivery_unknown",
    ("negligible", "unknown"): "weak_unknown",
    ("harmful", "unknown"): "delivery_unknown",
    ("uncertain", "unknown"): "weak_unknown",
}


def finding(release: Release) -> str | None:
    """Key of the sentence that outcome and delivery give together; None without a verdict."""
    if release.verdict is None:
        return None
    key = FINDINGS[release.verdict.outcome, release.verdict.delivery]
    headline = wording.headline(release, release.measure())
    hope = headline.p_worthwhile if headline is not None else None
    if key == "undecided_delivered" and hope is not None and hope < LITTLE_HOPE:
        return "phase_out"
    return key


def texts(release: Release, language: Language) -> tuple[str, ...]:
    """How much was delivered, before and over time, and the finding."""
    section = release.sections.fidelity
    slots = {"bundle": wording.bundle(release, language)}
    if section is None:
        return (language.say("delivery.no_audits", slots),)
    found = [" ".join(filter(None, [_share(section, release, language), _over_time(section, language)]))]
    axes = section.by_adaptation
    if {"kept", "changed"} <= axes.keys():
        ends = {
            "first": language.percent(100 * axes["kept"]),
            "last": language.percent(100 * axes["changed"]),
        }
        found.append(language.say("delivery.by_adaptation", ends))
    key = finding(release)
    if key is not None:
        headline = wording.headline(release, release.measure())
        if key == "phase_out" and headline is not None and headline.p_worthwhile is not None:
            slots["probability"] = wording.probability_words(headline.p_worthwhile, language)
            slots["limit"] = wording.limit_words(release.study.worthwhile, release.measure(), language)
            slots["direction"] = sentence(language.say(f"direction.a_{wording.good_way(release.measure())}"))
        elif key == "phase_out":
            key = "phase_out_plain"
        found.append(language.say(f"delivery.{key}", slots))
    return tuple(found)


def dose(release: Release, language: Language) -> tuple[str, ...]:
    """How the effect grows with the share delivered, one line each; worded as what goes together."""
    section = release.sections.fidelity
    measure = release.measure()
    found = [row for row in release.estimates if row.estimand in ("dose", "dose_target")]
    if section is None or section.curve is None or not found:
        return ()
    lines = []
    for row in found:
        above = section.median is not None and section.median >= float(row.group or 0)
        if row.estimand == "dose_target" and above:
            continue  # the sites came further than the scenario asks
        value, low, high, decimals = wording.as_shown(row, release, measure)
        slots = {
            "percent": language.percent(100 * float(row.group or 0)),
            "change": wording.change_words(value, decimals, measure, language),
            "text": wording.range_words(low, high, decimals, measure, language),
        }
        lines.append(language.say(f"delivery.{row.estimand}", slots))
    if section.smallest is not None:
        slots = {
            "percent": language.percent(100 * section.smallest),
            "limit": wording.limit_words(release.study.worthwhile, measure, language),
        }
        lines.append(language.say("delivery.smallest", slots))
    lines.append(language.say("delivery.dose_other_reasons"))
    return tuple(lines)


def _share(section: FidelitySection, release: Release, language: Language) -> str:
    if section.median is None or section.lower is None or section.upper is None:
        return language.say("delivery.hidden")
    slots = {
        "percent": language.percent(100 * section.median),
        "low": language.number(100 * section.lower),
        "high": language.percent(100 * section.upper),
        "bundle": wording.bundle(release, language),
        "element": section.component.replace("_", " "),
    }
    text = language.say("delivery.share" if section.component == "all" else "delivery.share_component", slots)
    if section.before is not None:
        text += " " + language.say("delivery.before", {"percent": language.percent(100 * section.before)})
    return text


def _over_time(section: FidelitySection, language: Language) -> str | None:
    if len(section.steps) < 2:
        return None
    first, last = section.steps[0], section.steps[-1]
    ends = {"first": language.percent(100 * first.median), "last": language.percent(100 * last.median)}
    return language.say("delivery.over_time", ends)
