"""The pooled effect by time since start: a multivariate random-effects model of the studies' curves.

Time is cut in quarters since start. A study's value is the mean of the quarters that it covers, with its covariance. The
pooled curve is a random walk a priori, as a study's own is; a study's curve departs from it by a smooth deviation with SD
tau at every time. The level part of a study's prior, common to all its times, is not divided out here, nor is its
smoothness: pooled curves are a little too flat and too near none where studies are small (docs/validation/synthesis.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from impl.network.evidence import Array, EvidenceRow, ExposureCurve
from impl.network.normal import Summary, fit_curves

QUARTER = 3.0  # months in a bin
STEP_SD = 0.15
"""SD of the pooled curve's step per quarter, link-scale units: the median of what a study's curve assumes."""
DECAY_MONTHS = 12.0
"""Months in which the correlation of a study's deviation from the pooled curve falls to 1/e (choice)."""
LONGEST = 12  # quarters; later times have few studies and longer steps between them
CURVE_STUDIES = 2  # a curve of one study stands in its own report


@dataclass(frozen=True, kw_only=True)
class CurveAt:
    """The pooled effect in one quarter since start, on the link scale; studies with a value there."""

    from_months: float
    to_months: float
    studies: int
    mean: Summary
    new_place: Summary


def pooled_curve(
    rows: Sequence[EvidenceRow], *, unit: float, mean_sd: float, tau_scale: float
) -> tuple[CurveAt, ...]:
    """The pooled curve over quarters that two studies or more reach; empty where there are none."""
    curves = [row.curve for row in rows if row.curve is not None]
    if len(curves) < CURVE_STUDIES:
        return ()
    parts = [part for curve in curves if (part := _quarters(curve)) is not None]
    reached = np.sum([part[2].any(axis=0) for part in parts], axis=0) if parts else np.zeros(LONGEST)
    supported = int(
        np.argmax(np.append(reached, 0) < CURVE_STUDIES)
    )  # quarters before the first that lacks studies
    if supported < 2:
        return ()
    # a value that covers a quarter which is not shown leaves with it
    cut = []
    for value, covariance, design in parts:
        inside = ~design[:, supported:].any(axis=1)
        if inside.any():
            cut.append((value[inside], covariance[np.ix_(inside, inside)], design[inside][:, :supported]))
    steps = np.minimum.outer(np.arange(supported), np.arange(supported)).astype(float)
    prior = unit**2 * (mean_sd**2 + STEP_SD**2 * steps)
    months = QUARTER * np.abs(np.subtract.outer(np.arange(supported), np.arange(supported)))
    fitted = fit_curves(
        [part[0] for part in cut],
        [part[1] for part in cut],
        [part[2] for part in cut],
        np.zeros(supported),
        prior,
        np.exp(-months / DECAY_MONTHS),
        tau_scale * unit,
    )
    every = np.eye(supported)
    means = fitted.combination(every).summaries()
    places = fitted.combination(every, new_place=True).summaries()
    return tuple(
        CurveAt(
            from_months=QUARTER * place,
            to_months=QUARTER * (place + 1),
            studies=int(reached[place]),
            mean=means[place],
            new_place=places[place],
        )
        for place in range(supported)
    )


def _quarters(curve: ExposureCurve) -> tuple[Array, Array, Array] | None:
    """Values, covariance and the share of each quarter in each value; short periods are averaged by quarter."""
    starts = np.rint(curve.from_months / QUARTER * 1e6) / 1e6
    ends = np.rint(curve.to_months / QUARTER * 1e6) / 1e6
    first = np.floor(starts + 1e-9).astype(int)
    last = np.ceil(ends - 1e-9).astype(int)
    inside = last <= LONGEST
    if not inside.any():
        return None
    values, covariance = curve.mean[inside], curve.covariance[np.ix_(inside, inside)]
    cells = list(zip(first[inside].tolist(), last[inside].tolist(), strict=True))
    distinct = sorted(set(cells))
    average = np.array([[float(cell == each) for cell in cells] for each in distinct])
    average /= average.sum(axis=1, keepdims=True)
    design = np.zeros((len(distinct), LONGEST))
    for place, (low, high) in enumerate(distinct):
        design[place, low:high] = 1.0 / (high - low)
    return average @ values, average @ covariance @ average.T, design
