"""Numbers of a Release in words: one rounding for sentences, tables and figures.

Everything returns plain text or values; nothing here knows about pages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from impl.release.release import Estimate, Release, ReleasedMeasure
from impl.report.language import Language, sentence

Way = Literal["down", "up", "same"]

# Lower limits of the probability words, in whole hundredths. A number on a limit takes the weaker word,
# the one nearer the middle: 95 is «likely», 5 is «unlikely».
BANDS = (
    ("very_likely", 96),
    ("likely", 81),
    ("more_likely", 61),
    ("even", 40),
    ("less_likely", 20),
    ("unlikely", 5),
    ("very_unlikely", 0),
)


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Before, expected, after and their difference as shown: rounded so that a reader can subtract.

    Reported scale; None where not released. `decimals` holds for all of them. The difference comes from
    the estimate where levels are hidden.
    """

    before: float | None
    expected: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None
    decimals: int


def round_half_up(value: float, decimals: int = 0) -> float:
    """Rounding as readers do it: 0.5 away from zero."""
    scaled = abs(value) * 10**decimals
    return math.copysign(math.floor(scaled + 0.5 + 1e-9) / 10**decimals, value)


def hundredths(probability: float) -> int:
    """A probability as the whole number that words, dots and text share."""
    return int(round_half_up(100 * probability))


def band(probability: float) -> str:
    """Name of the probability word for the rounded number."""
    number = hundredths(probability)
    return next(name for name, lower in BANDS if number >= lower)


def of_hundred(probability: float, language: Language) -> str:
    """«91 av 100», «over 99 av 100» or «under 1 av 100»; never 0 or 100."""
    number = hundredths(probability)
    if number >= 100:
        return language.say("format.over_99")
    if number <= 0:
        return language.say("format.under_1")
    return language.say("format.of_hundred", {"number": language.number(number)})


def probability_words(probability: float, language: Language) -> str:
    """«sannsynlig (91 av 100)»: always word and number."""
    word = language.say(f"bands.{band(probability)}")
    number = of_hundred(probability, language)
    return language.say("bands.with_number", {"word": word, "probability": number})


def headline(release: Release, measure: ReleasedMeasure) -> Estimate | None:
    """The estimate the page speaks of: time-averaged effect on the measure's natural scale."""
    return release.estimate(measure.id, "tate", measure.headline_scale)


def level_decimals(value: float) -> int:
    """Decimals for a level so that it keeps about three digits."""
    size = abs(value)
    return 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3


def levels(release: Release, measure: ReleasedMeasure) -> Levels:
    """The row of the table, reconciled: shown difference = shown after − shown expected.

    Where that is more than half a last digit from the estimate, all get one more decimal, at most two.
    """
    row = next((row for row in release.comparisons if row.measure == measure.id), None)
    estimate = release.estimate(measure.id, "tate", "difference")
    before, expected, after = (row.before, row.expected, row.after) if row else (None, None, None)
    low, high = (estimate.lower, estimate.upper) if estimate else (None, None)
    start = level_decimals(max(abs(value) for value in (before, expected, after, 0.0) if value is not None))
    if measure.kind == "proportion":
        start = min(start, 1)
    if expected is None or after is None:
        size = max((abs(value) for value in (low, high) if value is not None), default=1.0)
        start = min(level_decimals(size), 1) if measure.kind == "proportion" else level_decimals(size)
        shown = round_half_up(estimate.median, start) if estimate else None
        return Levels(
            before=before, expected=None, after=None, difference=shown, low=low, high=high, decimals=start
        )
    decimals = start
    for candidate in (start, start + 1, start + 2):
        shown = round_half_up(round_half_up(after, candidate) - round_half_up(expected, candidate), candidate)
        if estimate is None or abs(shown - estimate.median) <= 0.5 * 10**-candidate + 1e-9:
            decimals = candidate
            break
    shown_expected, shown_after = round_half_up(expected, decimals), round_half_up(after, decimals)
    return Levels(
        before=None if before is None else round_half_up(before, decimals),
        expected=shown_expected,
        after=shown_after,
        difference=round_half_up(shown_after - shown_expected, decimals),
        low=low,
        high=high,
        decimals=decimals,
    )


def percent_change(ratio: float) -> float:
    """A ratio as whole per cent change; one decimal where it would round to nothing."""
    change = 100 * (ratio - 1)
    return round_half_up(change, 0 if abs(change) >= 0.95 else 1)


def percent_decimals(change: float) -> int:
    return 0 if change == int(change) else 1


def way(value: float) -> Way:
    return "same" if value == 0 else "down" if value < 0 else "up"


def headline_value(release: Release, measure: ReleasedMeasure) -> float | None:
    """The headline as shown: per cent change, or difference on the reported scale."""
    if measure.headline_scale == "ratio":
        estimate = headline(release, measure)
        return None if estimate is None else percent_change(estimate.median)
    return levels(release, measure).difference


def amount(value: float, measure: ReleasedMeasure, decimals: int, language: Language) -> str:
    """Size of a change without sign, with its unit: «17 prosent», «4,2 prosentpoeng», «0,3»."""
    if measure.headline_scale == "ratio":
        return language.percent(abs(value), percent_decimals(value))
    if measure.kind == "proportion":
        return language.points(abs(value), decimals)
    return language.number(abs(value), decimals)


def change_words(value: float, decimals: int, measure: ReleasedMeasure, language: Language) -> str:
    """A change in the measure's own words: «17 prosent færre fall», «4,2 prosentpoeng høyere andel»."""
    size = amount(value, measure, decimals, language)
    slots = {"percent": size, "points": size, "amount": size, "events": events(measure, language)}
    return language.say(f"short.{measure.kind}.{way(value)}", slots)


def events(measure: ReleasedMeasure, language: Language) -> str:
    noun = measure.events.get(language.code) or measure.events.get("nb")  # type: ignore[call-overload]
    if noun is None:
        noun = next(iter(measure.events.values()))
    return str(noun.many)


def noun(measure: ReleasedMeasure, number: float, language: Language) -> str:
    """«fall» after a number: singular after one."""
    found = measure.events.get(language.code) or measure.events.get("nb")  # type: ignore[call-overload]
    return str(found.one) if found and abs(number) == 1 else events(measure, language)


def events_averted(estimate: Estimate, language: Language) -> tuple[float, dict[str, str]]:
    """Events more (+) or fewer (-) than expected as shown, and the ends of their interval in words."""
    step = 10 if abs(estimate.median) >= 200 else 1
    more, low, high = (
        step * round_half_up(-value / step) for value in (estimate.median, estimate.upper, estimate.lower)
    )
    if crosses(low, high):
        fewer = language.say("natural.fewer", {"amount": language.number(abs(low))})
        return more, {
            "low": fewer,
            "high": language.say("natural.more", {"amount": language.number(high)}),
        }
    smaller, larger = sorted((abs(low), abs(high)))
    return more, {"low": language.number(smaller), "high": language.number(larger)}


def measure_and_unit(measure: ReleasedMeasure, language: Language) -> str:
    """«Fall per 1000 beboerdøgn»; a share or a mean is set apart from its unit."""
    slots = {"measure": language.pick(measure.name), "unit": language.pick(measure.unit)}
    return language.say(f"trend.scale_{measure.kind}", slots)


def bundle(release: Release, language: Language) -> str:
    """The bundle's name as it stands inside a sentence."""
    return language.listing([language.pick(bundle.the_bundle) for bundle in release.study.bundles])


def sites(release: Release) -> int:
    """Sites in the calculation: those that had started before the data begin are not."""
    left_out = sum(start.state == "before-data" for start in release.design.rollout)
    return release.design.sites - left_out


def compares_sites(release: Release) -> bool:
    """Whether a before/after study also compares with sites that did not have the bundle at the time."""
    model = release.primary_model()
    return release.design.kind == "before_after" and model.calendar == "shocks"


def step_name(release: Release) -> str:
    """Key of the word for one period of the design."""
    months = release.design.period_months
    names = {1: "month", 3: "quarter", 4: "tertial", 6: "half_year", 12: "year"}
    return names.get(round(months), "period") if months >= 0.9 else "week" if months < 0.5 else "period"


def window(release: Release, language: Language, estimate: Estimate | None = None) -> str:
    """«måned 1–12 etter oppstart»: the window of an estimate, of the main one where none is given."""
    estimate = estimate or headline(release, release.measure())
    first = estimate.from_ if estimate and estimate.from_ else release.design.window_from
    last = estimate.to if estimate and estimate.to else release.design.window_to
    words = "steps" if first == last else "steps_many"
    step = language.say(f"{words}.{step_name(release)}")
    slots = {"step": step, "first": language.number(first), "last": language.number(last)}
    return language.say("format.window_one" if first == last else "format.window", slots)


def interval_ends(release: Release, measure: ReleasedMeasure) -> tuple[float, float, int] | None:
    """Ends of the 90 % interval as shown on the headline scale, and their decimals."""
    if measure.headline_scale == "ratio":
        estimate = headline(release, measure)
        if estimate is None:
            return None
        return round_half_up(100 * (estimate.lower - 1)), round_half_up(100 * (estimate.upper - 1)), 0
    shown = levels(release, measure)
    if shown.low is None or shown.high is None:
        return None
    return round_half_up(shown.low, shown.decimals), round_half_up(shown.high, shown.decimals), shown.decimals


def as_shown(
    estimate: Estimate, release: Release, measure: ReleasedMeasure
) -> tuple[float, float, float, int]:
    """Median and ends of an estimate on the headline scale as they are shown, and the decimals of the ends."""
    if estimate.scale == "ratio":
        low, high = (round_half_up(100 * (end - 1)) for end in (estimate.lower, estimate.upper))
        return percent_change(estimate.median), low, high, 0
    decimals = levels(release, measure).decimals
    value, low, high = (
        round_half_up(end, decimals) for end in (estimate.median, estimate.lower, estimate.upper)
    )
    return value, low, high, decimals


def crosses(low: float, high: float) -> bool:
    return low < 0 < high


def range_words(low: float, high: float, decimals: int, measure: ReleasedMeasure, language: Language) -> str:
    """«mellom 7 og 27 prosent nedgang» or «mellom 37 prosent nedgang og 3 prosent økning»: no bare signs."""

    def size(value: float) -> str:
        return amount(value, measure, decimals, language)

    down, up = language.say("direction.end_down"), language.say("direction.end_up")
    if crosses(low, high):
        first = language.say("much.end", {"amount": size(low), "direction": down})
        last = language.say("much.end", {"amount": size(high), "direction": up})
        return language.say("much.between", {"low": first, "high": last})
    smaller, larger = sorted((low, high), key=abs)
    slots = {
        "low": language.number(abs(smaller), decimals),
        "high": size(larger),
        "direction": down if larger < 0 else up,
    }
    return language.say("much.one_way", slots)


def interval_words(
    release: Release, measure: ReleasedMeasure, language: Language, *, with_size: bool = False
) -> str | None:
    """The 90 % interval as a sentence: signs in words, the smaller change first.

    `with_size` puts the estimate before it: «Nedgangen er 30 prosent. Med 90 prosent sannsynlighet …».
    """
    ends = interval_ends(release, measure)
    if ends is None:
        return None
    low, high, decimals = ends
    if crosses(low, high):
        name = "change_the"
        between = range_words(low, high, decimals, measure, language)
    else:
        smaller, larger = sorted((low, high), key=abs)
        name = "down_the" if larger < 0 else "up_the" if larger > 0 else "change_the"
        slots = {
            "low": language.number(abs(smaller), decimals),
            "high": amount(larger, measure, decimals, language),
        }
        between = language.say("much.between", slots)
    direction = language.say(f"direction.{name}")
    value = headline_value(release, measure)
    if not with_size or not value:
        return language.say("much.interval", {"direction": direction, "text": between})
    given = {"direction": direction, "amount": amount(value, measure, decimals, language)}
    size = sentence(language.say("much.size", given))
    return f"{size} {language.say('much.size_interval', {'text': between})}"


def good_direction(measure: ReleasedMeasure, language: Language) -> str:
    """«Færre fall er bra.» — or that no direction is given as good."""
    if measure.direction == "ambiguous":
        return language.say("good.ambiguous")
    text = language.say(f"good.{measure.kind}_{measure.direction}", {"events": events(measure, language)})
    return sentence(text)


def good_way(measure: ReleasedMeasure) -> Literal["down", "up"]:
    return "down" if measure.direction == "lower" else "up"


def limit_words(limit: float, measure: ReleasedMeasure, language: Language) -> str:
    """A decision limit: «10 prosent», or «10 prosent av ventet nivå» where the headline is a difference."""
    percent = language.percent(round_half_up(100 * limit, 1), percent_decimals(round_half_up(100 * limit, 1)))
    key = "sure.limit_rate" if measure.headline_scale == "ratio" else "sure.limit_relative"
    return language.say(key, {"percent": percent})
