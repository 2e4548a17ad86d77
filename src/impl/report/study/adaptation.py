"""Local adaptation beside effect, in words: the pre-declared contrast and the moderators, as associations."""

from __future__ import annotations

from impl.release.release import Estimate, Release
from impl.report import sentences, wording
from impl.report.language import Language


def contrast(release: Release, language: Language) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The effect by group of the adaptation log, one line each, and what their difference says.

    It is worded as an association and never as a cause.
    """
    section = release.sections.adaptations
    measure = release.measure()
    few = [
        sentences.warning_sentence(warning, release, language)
        for warning in release.design.warnings
        if warning.code == "contrast_few_sites"
    ]
    if section is None or section.contrast is None:
        return (), (language.say("adapted.no_contrast"),)
    groups: list[str] = []
    texts: list[str] = []
    for name in ("yes", "no", "unknown", "none"):
        found = release.estimate(measure.id, "group", measure.headline_scale, group=f"consistent:{name}")
        if found is not None:
            groups.append(_group(found, name, release, language))
    between = next(
        (
            row
            for scale in (measure.headline_scale, "ratio", "link")
            for row in release.estimates
            if (row.measure, row.estimand, row.scale, row.level) == (measure.id, "contrast", scale, 0.9)
        ),
        None,
    )
    if between is None:
        texts.append(language.say("adapted.contrast_not_released"))
    elif between.p_better is not None:
        words = wording.probability_words(between.p_better, language)
        number = wording.hundredths(between.p_better)
        key = "kept" if number > 60 else "changed" if number < 40 else "even"
        texts.append(language.say(f"adapted.association_{key}", {"probability": words}))
        texts.append(language.say("adapted.other_reasons"))
    else:
        texts.append(language.say("adapted.other_reasons"))
    return (*groups, *few), tuple(texts)


def _group(estimate: Estimate, name: str, release: Release, language: Language) -> str:
    measure = release.measure()
    value, low, high, decimals = wording.as_shown(estimate, release, measure)
    slots = {
        "group": language.say(f"adapted.group_{name}"),
        "change": wording.change_words(value, decimals, measure, language),
        "text": wording.range_words(low, high, decimals, measure, language),
    }
    return language.say("adapted.group_result_same" if value == 0 else "adapted.group_result", slots)


def moderation(release: Release, language: Language) -> tuple[str, ...]:
    """What goes with one modification of each declared kind, one line each; a pair of kinds last.

    Worded as an association unless chance decided which sites adapted.
    """
    section = release.sections.adaptations
    measure = release.measure()
    found = [
        row
        for row in release.estimates
        if (row.measure, row.estimand, row.scale, row.level)
        == (measure.id, "moderation", measure.headline_scale, 0.9)
    ]
    lines = [_moderator(row, release, language) for row in found]
    lines += [
        sentences.warning_sentence(warning, release, language)
        for warning in release.design.warnings
        if warning.code == "moderator_few_sites"
    ]
    if found:
        randomised = section is not None and section.randomised
        reason = "moderation_randomised" if randomised else "other_reasons"
        lines.append(language.say(f"adapted.{reason}"))
    return tuple(lines)


def agreement(release: Release, language: Language) -> tuple[str, ...]:
    """How far two coders agreed about the log; empty where nothing was coded twice."""
    section = release.sections.adaptations
    if section is None or not section.coded_twice:
        return ()
    lines = [language.count("adapted.coded_twice", section.coded_twice)]
    for name in ("nature", "consistent"):
        kappa = getattr(section, f"kappa_{name}")
        if kappa is not None:
            lines.append(language.say(f"adapted.kappa_{name}", {"value": language.number(kappa, 2)}))
    return tuple(lines)


def _moderator(estimate: Estimate, release: Release, language: Language) -> str:
    measure = release.measure()
    value, low, high, decimals = wording.as_shown(estimate, release, measure)
    pair = "-" in str(estimate.group)
    slots = {
        "group": "" if pair else language.say(f"adapted.kind_{estimate.group}"),
        "change": wording.change_words(value, decimals, measure, language),
        "text": wording.range_words(low, high, decimals, measure, language),
    }
    return language.say("adapted.moderation_pair" if pair else "adapted.moderation_result", slots)
