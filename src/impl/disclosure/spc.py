"""The run chart as it may be shown, made from the released curve alone; and the quantiles of the main effect.

Its points are the released levels, rounded and with the same points hidden. Limits take denominators in, which the
attack takes as known. So the chart tells nothing that the curve does not tell. Charts of rare events need counts of
single events, and stay with those who may see every count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.functionals import Shown
from impl.disclosure.rules import Counted
from impl.model import spc
from impl.model.values import Estimates
from impl.release.charts import EffectQuantiles, SpcPoint, SpcSection
from impl.release.release import Curve, Estimate
from impl.study.catalogue import Measure

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def spc_section(
    panel: Panel, measure: Measure, estimates: Estimates, shown: Shown, law: Counted
) -> SpcSection | None:
    """The chart of one measure; None where the curve has too few points, or none before the first start."""
    if shown.curve is None or shown.curve.step == "phase":
        return None
    exposure = estimates.curves[shown.curve.step]["denominator"].to_numpy(dtype=float)
    series = Series(
        curve=shown.curve, exposure=exposure, likelihood=measure.likelihood, direction=measure.direction
    )
    return chart_of(series, law, _target(panel, measure.id))


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """A released curve with what its chart needs beside it. exposure: denominator of each point, NaN in a gap."""

    curve: Curve
    exposure: Array
    likelihood: str
    direction: Literal["lower", "higher", "ambiguous"]

    @property
    def values(self) -> Array:
        points = self.curve.points
        return np.array([np.nan if point.observed is None else point.observed for point in points])

    @property
    def before(self) -> Flags:
        return np.array([point.sites_started == 0 for point in self.curve.points], dtype=bool)


def chart_of(series: Series, law: Counted, target: float | None = None) -> SpcSection | None:
    """The chart of a released curve; None where it has too few points, or too few before the first start."""
    values, before = series.values, series.before
    if np.isfinite(values[before]).sum() < spc.FEWEST_BEFORE:
        return None
    exposure = np.where(np.isnan(values), np.nan, series.exposure)
    counts = values / law.per * exposure
    chart = spc.choose_chart(series.likelihood, np.round(counts, 2), before)
    if chart in ("g", "t") and law.audience.count == 0:
        rare = _between(series, counts, exposure, chart)
        if rare is not None:
            return _section(series, chart, *rare, target=None)
    if chart in ("g", "t"):
        chart, limits = "run", None
    else:
        limits = spc.control_limits(chart, counts, exposure, before)
    drawn = [
        SpcPoint(
            start=point.start,
            end=point.end,
            value=point.observed,
            hidden=point.hidden,
            **_limits_at(limits, index, bool(np.isfinite(values[index])), law.per),
        )
        for index, point in enumerate(series.curve.points)
    ]
    centre = None if limits is None else limits.centre * law.per
    return _section(series, chart, drawn, before, centre, target=target)


def _limits_at(limits: spc.Limits | None, index: int, there: bool, per: float) -> dict[str, float]:
    if limits is None or not there:
        return {}
    return {
        "lower": rules.level(float(limits.lower[index]) * per),
        "upper": rules.level(float(limits.upper[index]) * per),
    }


def _between(
    series: Series, counts: Array, exposure: Array, chart: spc.Chart
) -> tuple[list[SpcPoint], Flags, float] | None:
    """Points of a chart of rare events, whether each is from before the first start, and the centre line."""
    between, ends = spc.between_events(np.round(counts), exposure)
    early = series.before[ends]
    if early.sum() < spc.FEWEST_BEFORE or not (between > 0).all():
        return None
    limits = spc.opportunities(between, early) if chart == "g" else spc.times(between, early)
    points = series.curve.points
    drawn = [
        SpcPoint(
            start=points[point].start,
            end=points[point].end,
            value=rules.level(float(value)),
            **_limits_at(limits, index, True, 1.0),
        )
        for index, (value, point) in enumerate(zip(between, ends, strict=True))
    ]
    return drawn, early, limits.centre


def _section(
    series: Series,
    chart: spc.Chart,
    points: Sequence[SpcPoint],
    before: Flags,
    centre: float | None,
    *,
    target: float | None,
) -> SpcSection | None:
    """Rules, direction and target over the points of a chart; None where too few lie off the median."""
    values = np.array([np.nan if point.value is None else point.value for point in points])
    there = np.isfinite(values)
    median = rules.level(float(np.median(values[there & before])))
    found = spc.runs(values, median)
    step = series.curve.step
    if found is None or found.useful < spc.FEWEST_POINTS or step == "phase":
        return None
    own = spc.runs(values[before], median)
    outside = sum(not early and _beyond(point) for point, early in zip(points, before, strict=True))
    after = values[there & ~before]
    higher = (series.direction == "higher") != (chart in ("g", "t"))  # rare events: further apart is fewer
    met = 0 if target is None else int(((after >= target) if higher else (after <= target)).sum())
    return SpcSection(
        measure=series.curve.measure,
        step=step,
        chart=chart,
        points=tuple(points),
        median=median,
        before=int((there & before).sum()),
        useful=found.useful,
        longest_run=found.longest,
        longest_limit=found.longest_limit,
        crossings=found.crossings,
        crossings_limit=found.crossings_limit,
        run_from=points[found.first].start,
        run_to=points[found.last].end,
        centre=None if centre is None else rules.level(centre),
        outside=outside,
        false_alarms=round(spc.false_alarms(int((there & before).sum()), int(there.sum())), 2),
        stable_before=own is None or own.useful < spc.FEWEST_POINTS or not own.signal,
        variation=_variation(series.direction, found, outside, after, median, higher),
        target=target,
        assurance=None if target is None else "met" if met == len(after) else "some" if met else "not_met",
        met=met,
        after=len(after),
    )


def _beyond(point: SpcPoint) -> bool:
    """Whether a point lies beyond one of its limits."""
    if point.value is None or point.lower is None or point.upper is None:
        return False
    return not point.lower <= point.value <= point.upper


def _variation(
    direction: str, found: spc.Runs, outside: int, after: Array, median: float, higher: bool
) -> Literal["common", "improvement", "deterioration", "special"]:
    """Chance alone, or the direction in which most points from the first start lie."""
    if not found.signal and not outside:
        return "common"
    above, below = int((after > median).sum()), int((after < median).sum())
    if direction == "ambiguous" or above == below:
        return "special"
    return "improvement" if (above > below) == higher else "deterioration"


def _target(panel: Panel, measure: str) -> float | None:
    """The target that every site and period with one has; None where they differ or there is none."""
    if panel.targets is None:
        return None
    found = panel.targets.loc[panel.targets["measure"] == measure, "target"].dropna().unique()
    return rules.level(float(found[0])) if len(found) == 1 else None


def effect_quantiles(
    measure: Measure, estimates: Estimates, rows: Sequence[Estimate], shown: Shown
) -> EffectQuantiles | None:
    """A hundred quantiles of the main effect as relative change; None where its probabilities are not released.

    A relative change beside a difference gives levels, so only rates have it where the levels are hidden.
    """
    judged = any(row.measure == measure.id and row.estimand == "tate" and row.p_worthwhile for row in rows)
    hidden = shown.comparison is None or shown.comparison.after is None
    if not judged or not estimates.quantiles or (hidden and measure.kind != "rate"):
        return None
    return EffectQuantiles(
        measure=measure.id, values=tuple(rules.estimate(value) for value in estimates.quantiles)
    )
