"""Does the improvement last: what is kept after active support, in words."""

from __future__ import annotations

from impl.release.release import Release
from impl.release.sections import Horizon
from impl.report import wording
from impl.report.language import Language, sentence


def texts(release: Release, language: Language) -> tuple[str, ...]:
    """One line a horizon, and how fast the rest fades where the data can tell; empty without a section."""
    section = release.sections.sustainment
    if section is None:
        return ()
    lines = [_horizon(horizon, language) for horizon in section.horizons]
    if section.half_life is None:
        lines.append(language.say("lasts.half_life_unknown"))
    else:
        low, middle, high = (round(value) for value in section.half_life)
        slots = {"months": language.count("nouns.months", middle), "low": str(low), "high": str(high)}
        lines.append(language.say("lasts.half_life", slots))
    return tuple(lines)


def heading_key(release: Release) -> str:
    """Whether it is an improvement that may last: not where the estimate points the other way, or none is good."""
    measure = release.measure()
    value = wording.headline_value(release, measure)
    better = (
        value is not None
        and measure.direction != "ambiguous"
        and wording.way(value) == wording.good_way(measure)
    )
    return "lasts.heading" if better else "lasts.heading_change"


def _horizon(horizon: Horizon, language: Language) -> str:
    slots = {
        "months": language.count("nouns.months", horizon.months),
        "percent": language.percent(100 * horizon.median),
        "low": language.number(round(100 * horizon.lower)),
        "high": language.percent(100 * horizon.upper),
    }
    text = language.say("lasts.horizon", slots) + " "
    if horizon.p_half is None:
        text += language.say("lasts.little")
    else:
        chance = {"probability": wording.probability_words(horizon.p_half, language)}
        text += language.say("lasts.half", chance)
    if horizon.twin is not None:
        text += " " + language.say("lasts.twin", {"percent": language.percent(100 * horizon.twin)})
    return sentence(text)
