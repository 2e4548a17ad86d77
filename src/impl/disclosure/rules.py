"""The cell rule and rounding; the limits are those of the audience (`impl.disclosure.audience`).

The rule is the one of the Norwegian quality indicators (a unit is hidden where denominator or numerator is small; a
numerator of 0 may be shown), with complements added: 48 of 50 tells as much as 2 of 50, and 6 of 6 tells of everybody.

Rounding comes before everything else, so that text, table, figure and file show one number. It is good
manners about precision and no protection of small counts: three significant digits of a rate give back
every count under about a hundred to anybody who knows the denominator. Protection comes from hiding, from
coarser steps and from the attack in `impl.disclosure.attack`, which takes denominators as known.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from impl.disclosure.audience import PUBLIC, Audience
from impl.study.catalogue import Measure

RATE_DIGITS = 3  # significant digits of levels and curves; choice, what a reader can use
ESTIMATE_DIGITS = 4  # significant digits of estimates; choice, so that derived sentences round the same way
PROBABILITY_DECIMALS = 3  # choice; Monte Carlo error of 4,000 draws is about 0.005
LOWEST_PROBABILITY, HIGHEST_PROBABILITY = 0.001, 0.999  # no probability is shown as certainty

CODED_WORD = re.compile(
    r"(?!(?:[^0-9]*[0-9]){5})(?:[^\W\d_][\w-]{0,39}|[a-zæøå][a-zæøå0-9_-]*(?: [a-zæøå0-9_-]+){1,2})"
)
LONGEST_CODED_WORD = 40
"""A coded word: one word, or two or three in small letters, with at most four digits. Anything else is free
text, which may hold a person's name."""

OTHER = "other"
"""What stands in the Release where the adaptation log held free text."""

ZERO_SHOWN = "zero_shown"
"""Extra code: at least one curve point shows 0, which the indicator rule allows."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What the cell rule needs to know about a measure.

    persons: numerators are persons or their events; False lifts the numerator and complement rules
        (`unit_of_count: process`), never the denominator rule.
    audience: whose limits hold.
    """

    kind: Literal["rate", "proportion", "mean"]
    per: float
    persons: bool
    audience: Audience = PUBLIC

    @property
    def counts(self) -> bool:
        """Whether numerators are counts that say how many persons had an event."""
        return self.persons and self.kind != "mean"

    @property
    def base(self) -> int:
        """What counts are rounded to multiples of."""
        return self.audience.base if self.counts else 1


def counted(measure: Measure, audience: Audience = PUBLIC) -> Counted:
    persons = measure.unit_of_count == "person"
    return Counted(kind=measure.kind, per=measure.per, persons=persons, audience=audience)


def is_hidden(numerator: float, denominator: float, measure: Counted) -> bool:
    """Whether a cell must not be shown. A cell without data (denominator 0 or NaN) has nothing to hide."""
    if not denominator > 0:
        return False
    limits = measure.audience
    if denominator < limits.denominator:
        return True
    if not measure.counts:
        return False
    if 0 < numerator < limits.count:
        return True
    if measure.kind != "proportion":
        return False
    if denominator < limits.certain and numerator in (0, denominator):
        return True
    return 0 < denominator - numerator < limits.count


def rounded_count(numerator: float, measure: Counted) -> float:
    """A count as this audience gets it: the nearest multiple of the base, halves upwards."""
    base = measure.base
    return numerator if base == 1 else math.floor(numerator / base + 0.5) * base


def shown_level(numerator: float, denominator: float, measure: Counted) -> float:
    """Rate, share or mean of a cell on the reported scale, from the rounded count."""
    return level(rounded_count(numerator, measure) / denominator * measure.per)


def significant(value: float, digits: int) -> float:
    """Round to significant digits; -0.0 becomes 0.0, so that a file never shows a minus without a number."""
    if value == 0 or not math.isfinite(value):
        return value + 0.0
    return round(value, digits - 1 - math.floor(math.log10(abs(value)))) + 0.0


def rounding_interval(value: float, digits: int) -> tuple[float, float]:
    """Every number that `significant` turns into `value`; narrower towards zero at a power of ten."""
    if value == 0:
        return 0.0, 0.0
    magnitude = abs(value)
    exponent = math.floor(math.log10(magnitude))
    outward = 0.5 * 10.0 ** (exponent - digits + 1)
    inward = outward / 10 if magnitude == 10.0**exponent else outward
    low, high = magnitude - inward, magnitude + outward
    return (low, high) if value > 0 else (-high, -low)


def level(value: float) -> float:
    """A rate, share or mean on the reported scale, as it is released."""
    return significant(value, RATE_DIGITS)


def estimate(value: float) -> float:
    """A number of the estimate table, as it is released."""
    return significant(value, ESTIMATE_DIGITS)


def probability(value: float) -> float | None:
    """A posterior probability as it is released: three decimals, never 0 or 1; None where it does not apply."""
    if math.isnan(value):
        return None
    return min(max(round(value, PROBABILITY_DECIMALS), LOWEST_PROBABILITY), HIGHEST_PROBABILITY)


def coded_word(text: str) -> str | None:
    """The word if it is a coded one, None where it reads as free text."""
    return text if len(text) <= LONGEST_CODED_WORD and CODED_WORD.fullmatch(text) else None
