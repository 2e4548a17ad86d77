"""What the bundle cost in the window, and per event: prices of the study over the released events averted."""

from __future__ import annotations

from impl.release.release import Release
from impl.report import wording
from impl.report.language import Language


def texts(release: Release, language: Language) -> tuple[str, ...]:
    """Empty where the study states no price. An end of the interval without a gain has no cost per event."""
    section = release.sections.costs
    if section is None or release.status != "ok":
        return ()
    measure, named = release.measure(), f"costs.currency_{section.currency}"
    slots = {
        "amount": money(section.total, language),
        "unit": language.say(named) if language.has(named) else section.currency,
        "sites": language.count("nouns.sites", section.sites),
        "months": language.number(section.months),
        "window": wording.window(release, language),
        "events": wording.noun(measure, 1, language),
    }
    lines = [language.say("costs.total", slots)]
    gained = _gained(release)
    if gained is None:
        return (*lines, language.say("costs.no_events"))
    low, middle, high = gained
    way = "fewer" if measure.direction == "lower" else "more"
    if middle <= 0 or high <= 0:
        return (*lines, language.say(f"costs.none_{way}", slots))
    each = slots | {
        "low": money(section.total / high, language),
        "amount": money(section.total / middle, language),
    }
    if low > 0:
        lines.append(language.say(f"costs.each_{way}", each | {"high": money(section.total / low, language)}))
    else:
        lines.append(language.say(f"costs.at_least_{way}", each))
    lines.append(language.say("costs.note"))
    return tuple(lines)


def _gained(release: Release) -> tuple[float, float, float] | None:
    """Events averted (or added, where more is good) in the window: lower, median, upper."""
    measure = release.measure()
    row = release.estimate(measure.id, "tate", "averted")
    if row is None or measure.direction == "ambiguous":
        return None
    if measure.direction == "lower":
        return row.lower, row.median, row.upper
    return -row.upper, -row.median, -row.lower


def money(value: float, language: Language) -> str:
    """Two significant digits: prices are stated, and averted events are not known better."""
    digits = len(str(int(abs(value)))) if abs(value) >= 1 else 1
    step = 10 ** max(digits - 2, 0)
    return language.number(step * wording.round_half_up(value / step))
