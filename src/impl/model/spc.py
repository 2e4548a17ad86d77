"""Run and control charts as improvement teams know them, with limits frozen before the first start.

A run chart asks one thing: is the series more than chance around its median? Its rules are those of Anhøj: a run that is
too long, or too few crossings. Control charts add limits at three standard deviations. None of it estimates an
effect; it stands beside the model.

Sources: Anhøj & Olesen 2014 (PLoS ONE 9:e113825) and Anhøj & Wentzel-Larsen 2018 (BMC Med Res Methodol 18:78) for the
rules; Montgomery, Introduction to Statistical Quality Control, for I, P, U and G; Laney 2002 (Quality Engineering 14:531)
for P′ and U′; Nelson 1994 (J Qual Technol 26:239) for T.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Chart = Literal["run", "i", "p", "p_prime", "u", "u_prime", "g", "t"]

RANGE_TO_SD = 1.128  # expected range of two normal values in standard deviations (d2)
NELSON_POWER = 3.6  # exponential times between events to this root are nearly normal
CROSSING_TAIL = 0.05  # per cent point of the binomial law of crossings
FEWEST_POINTS = 10  # useful points from which the rules are worth asking (Anhøj & Olesen 2014)
FEWEST_BEFORE = 6  # choice: points before the first start from which a median is worth freezing
RARE_SHARE = (
    0.25  # choice, after Provost & Murray 2011: share of points without events from which events are rare
)
SIMULATED, SEED = 10_000, 20_140_113  # series behind a false-alarm rate; standard error at most 0.4 per cent


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Anhøj's rules on one series: points on the median count neither as run nor as crossing.

    useful: points off the median. first, last: positions of the longest run's ends, the latest of equally long ones.
    """

    useful: int
    longest: int
    longest_limit: int
    crossings: int
    crossings_limit: int
    first: int
    last: int

    @property
    def signal(self) -> bool:
        """Whether the series is more than chance around its median."""
        return self.longest > self.longest_limit or self.crossings < self.crossings_limit


@dataclass(frozen=True, kw_only=True, eq=False)
class Limits:
    """Centre line and limits at three standard deviations; lower, upper: one value a point, NaN where there is none."""

    centre: float
    lower: Array
    upper: Array


def longest_limit(useful: int) -> int:
    """Longest run that chance gives: round(log2 n + 3)."""
    return round(math.log2(useful) + 3) if useful else 0


def crossings_limit(useful: int) -> int:
    """Fewest crossings that chance gives: the 5 per cent point of Bin(n - 1, 1/2)."""
    from scipy.stats import binom

    return int(binom.ppf(CROSSING_TAIL, useful - 1, 0.5)) if useful > 1 else 0


def runs(values: Array, median: float) -> Runs | None:
    """Longest run and crossings of a series around a median; None where no value is off it. NaN is a gap."""
    off = np.flatnonzero(np.isfinite(values) & (values != median))
    if not len(off):
        return None
    above = values[off] > median
    turns = np.flatnonzero(above[1:] != above[:-1])
    starts = np.concatenate([[0], turns + 1])
    ends = np.concatenate([turns, [len(off) - 1]])
    lengths = ends - starts + 1
    longest = int(len(lengths) - 1 - np.argmax(lengths[::-1]))
    return Runs(
        useful=len(off),
        longest=int(lengths[longest]),
        longest_limit=longest_limit(len(off)),
        crossings=len(turns),
        crossings_limit=crossings_limit(len(off)),
        first=int(off[starts[longest]]),
        last=int(off[ends[longest]]),
    )


@lru_cache(maxsize=32)
def false_alarms(before: int, points: int) -> float:
    """Chance that a series of independent points without any change gives a signal, its median frozen on the first
    `before` of `points`. It holds for every continuous law, because only ranks count; by simulation."""
    values = np.random.default_rng(SEED).random((SIMULATED, points))
    median = np.median(values[:, :before], axis=1)[:, None]
    off = values != median  # an odd number before: one of them is the median itself, in every series
    useful = int(off[0].sum())
    above = np.ascontiguousarray((values > median)[off].reshape(SIMULATED, useful).T)
    same = above[1:] == above[:-1]
    length = longest = np.ones(SIMULATED, dtype=np.int16)
    for stays in same:
        length = length * stays + 1
        longest = np.maximum(longest, length)
    crossed = (~same).sum(axis=0)
    return float(np.mean((longest > longest_limit(useful)) | (crossed < crossings_limit(useful))))


def individuals(values: Array, baseline: Flags) -> Limits:
    """I chart: mean, and limits from the mean moving range of neighbours, both over the baseline."""
    centre, spread = float(np.nanmean(values[baseline])), _spread(values[baseline])
    return Limits(
        centre=centre,
        lower=np.full(len(values), centre - 3 * spread),
        upper=np.full(len(values), centre + 3 * spread),
    )


def shares(numerators: Array, denominators: Array, baseline: Flags, *, prime: bool = False) -> Limits:
    """P chart, or Laney's P′ where `prime`: shares from 0 to 1."""
    centre = _pooled(numerators, denominators, baseline)
    found = _around(centre, math.sqrt(centre * (1 - centre)), numerators, denominators, baseline, prime)
    return Limits(centre=centre, lower=np.maximum(found.lower, 0.0), upper=np.minimum(found.upper, 1.0))


def rates(numerators: Array, denominators: Array, baseline: Flags, *, prime: bool = False) -> Limits:
    """U chart, or Laney's U′ where `prime`: events per unit of exposure."""
    centre = _pooled(numerators, denominators, baseline)
    found = _around(centre, math.sqrt(centre), numerators, denominators, baseline, prime)
    return Limits(centre=centre, lower=np.maximum(found.lower, 0.0), upper=found.upper)


def opportunities(between: Array, baseline: Flags) -> Limits:
    """G chart: opportunities between events. The centre line is the median, the limits are around the mean."""
    mean = float(np.nanmean(between[baseline]))
    spread = math.sqrt(mean * (mean + 1))
    return Limits(
        centre=float(np.nanmedian(between[baseline])),
        lower=np.zeros(len(between)),  # the law is so skewed that mean - 3 sd is always below 0
        upper=np.full(len(between), mean + 3 * spread),
    )


def times(between: Array, baseline: Flags) -> Limits:
    """T chart: times between events, an I chart of their 3.6th root. Raises ValueError for a time of 0."""
    if np.nanmin(between) <= 0:
        raise ValueError("a time between events has to be above 0")
    found = individuals(between ** (1 / NELSON_POWER), baseline)
    lower, upper = np.maximum(found.lower, 0.0), found.upper
    return Limits(centre=found.centre**NELSON_POWER, lower=lower**NELSON_POWER, upper=upper**NELSON_POWER)


def between_events(numerators: Array, denominators: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """Exposure from each event to the next, and the point in which it ended.

    The events of a point are spread evenly over its exposure, since counts do not say when they happened. Exposure
    before the first event is left out: nobody knows when the one before was.
    """
    counts = np.nan_to_num(numerators).astype(int)
    exposure = np.nan_to_num(denominators)
    reached = np.concatenate([[0.0], np.cumsum(exposure)])
    point = np.repeat(np.arange(len(counts)), counts)
    within = np.concatenate([np.arange(1, count + 1) / (count + 1) for count in counts] or [np.empty(0)])
    moments = reached[point] + within * exposure[point]
    return np.diff(moments), point[1:]


def choose_chart(likelihood: str, numerators: Array, baseline: Flags) -> Chart:
    """The chart that goes with a measure's likelihood, or one of rare events where many points have none."""
    if likelihood in ("normal", "student"):
        return "i"
    share = likelihood in ("binomial", "betabinomial", "ordered")
    counts = numerators[baseline & np.isfinite(numerators)]
    if np.mean(counts == 0) > RARE_SHARE and counts.sum() > 0:
        return "g" if share else "t"
    spread = likelihood in ("betabinomial", "negbin", "ordered")
    if share:
        return "p_prime" if spread else "p"
    return "u_prime" if spread else "u"


def control_limits(chart: Chart, numerators: Array, denominators: Array, baseline: Flags) -> Limits:
    """Limits of a chart with one point a period, on the scale numerator/denominator. Raises ValueError for others."""
    match chart:
        case "i":
            return individuals(numerators / denominators, baseline)
        case "p" | "p_prime":
            return shares(numerators, denominators, baseline, prime=chart == "p_prime")
        case "u" | "u_prime":
            return rates(numerators, denominators, baseline, prime=chart == "u_prime")
    raise ValueError(f"a {chart} chart has no limits by period")


def _pooled(numerators: Array, denominators: Array, baseline: Flags) -> float:
    return float(np.nansum(numerators[baseline]) / np.nansum(denominators[baseline]))


def _spread(values: Array) -> float:
    """Standard deviation from the mean range of neighbours; a gap breaks the pairs beside it."""
    ranges = np.abs(np.diff(values))
    return float(np.nanmean(ranges)) / RANGE_TO_SD if np.isfinite(ranges).any() else 0.0


def _around(
    centre: float, unit: float, numerators: Array, denominators: Array, baseline: Flags, prime: bool
) -> Limits:
    """Limits at three standard deviations `unit`/√denominator, times Laney's spread between points where `prime`."""
    spread = unit / np.sqrt(denominators)
    if prime and unit > 0:
        scores = (numerators / denominators - centre) / spread
        spread = spread * _spread(scores[baseline])
    return Limits(centre=centre, lower=centre - 3 * spread, upper=centre + 3 * spread)
