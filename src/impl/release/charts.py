"""The run chart of a Release: the points of the released curve beside a median and limits frozen before the start."""

from __future__ import annotations

from datetime import date
from typing import Literal

from impl.release.public import Probability, Public


class SpcPoint(Public):
    """One point on the measure's reported scale, or in a chart of rare events the exposure since the event before.

    lower, upper: limits at three standard deviations; None where the chart has none. value: None in a gap, and where
    the curve hides it.
    """

    start: date
    end: date
    value: float | None
    lower: float | None = None
    upper: float | None = None
    hidden: bool = False


class SpcSection(Public):
    """Run chart and control chart of the primary measure, everything frozen on the points before the first start.

    median: of those `before` points; `useful` points of the whole series lie off it. longest_run > longest_limit or
    crossings < crossings_limit is a signal; run_from, run_to: days of the longest run. centre: centre line of the
    control chart, None for a plain run chart. outside: points from the first start that lie beyond a limit.
    false_alarms: chance of a signal from the rules if nothing had changed. stable_before: no signal among the points
    before start; where there is one, the median is no fair yardstick. variation: `special` where no direction is
    good. assurance: how many of the points from the first start reach `target`, the one target of all sites.
    """

    measure: str
    step: Literal["month", "quarter", "tertial", "half_year", "year"]
    chart: Literal["run", "i", "p", "p_prime", "u", "u_prime", "g", "t"]
    points: tuple[SpcPoint, ...]
    median: float
    before: int
    useful: int
    longest_run: int
    longest_limit: int
    crossings: int
    crossings_limit: int
    run_from: date
    run_to: date
    centre: float | None = None
    outside: int = 0
    false_alarms: Probability
    stable_before: bool = True
    variation: Literal["common", "improvement", "deterioration", "special"]
    target: float | None = None
    assurance: Literal["met", "not_met", "some"] | None = None
    met: int = 0
    after: int = 0
    """Points from the first start, and how many of them reach the target."""

    @property
    def signal(self) -> bool:
        """Whether Anhøj's rules find more than chance."""
        return self.longest_run > self.longest_limit or self.crossings < self.crossings_limit


class EffectQuantiles(Public):
    """A hundred equally likely values of the main effect as relative change (−0.2 is a fifth fewer), smallest first:
    the quantiles 0.5, 1.5 … 99.5 per cent."""

    measure: str
    values: tuple[float, ...]
