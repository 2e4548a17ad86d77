"""Levels, curves and totals as they may be shown: the finest step at which nothing hidden can be computed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import Shown, find_weaknesses, linked_measures
from impl.disclosure.rules import Counted
from impl.model.values import Crude, Estimates, Evaluation
from impl.release.release import Comparison, Curve, CurvePoint, Step

STEP_MONTHS: dict[Step, float] = {"month": 1, "quarter": 3, "tertial": 4, "half_year": 6, "year": 12}
QUANTILES = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")

Evaluations = Mapping[str, Evaluation]
Laws = Mapping[str, Counted]


def released_counts(
    panel: Panel, laws: Laws, evaluations: Evaluations, converged: Evaluations
) -> dict[str, Shown]:
    """Levels, curve and total of every measure, so that nothing hidden can be computed from them.

    Measures that share numerators are decided together and get curves of the same step.
    """
    released = {}
    for group in linked_measures(panel, laws):
        members = {name: laws[name] for name in group}
        for attempt in _attempts(panel, members, evaluations, converged):
            released.update({shown.measure: shown for shown in attempt})
            if not any(True for _ in find_weaknesses(panel, members, attempt)):
                break
    return {name: released[name] for name in evaluations}


def _attempts(
    panel: Panel, laws: Laws, evaluations: Evaluations, converged: Evaluations
) -> Iterator[tuple[Shown, ...]]:
    """What could be released of measures that share numerators, the most telling first.

    The finest calendar step without hidden points; totals go before a step does, and the level before
    start goes before the calendar does (it can be read off the curve). By phase, points are hidden one
    after another, then the levels: the last attempt shows no number at all.
    """
    show_before, show_after = (
        not any(
            rules.is_hidden(*sums(converged[name].estimates.crude), law)
            for name, law in laws.items()
            if name in converged
        )
        for sums in (_before, _after)
    )

    def attempt(
        step: Step, hidden: frozenset[date], *, total: bool = False, before: bool = True, after: bool = True
    ) -> tuple[Shown, ...]:
        return tuple(
            Shown(
                measure=name,
                window=evaluations[name].estimates.window,
                curve=_curve(evaluations[name].estimates, law, step, hidden) if name in converged else None,
                comparison=(
                    _comparison(
                        evaluations[name].estimates, before=before and show_before, after=after and show_after
                    )
                    if name in converged
                    else None
                ),
                # the total of a measure that failed beside a good one is left out with everything else of it
                events=_total(evaluations[name].estimates, law)
                if total and (name in converged or not converged)
                else None,
            )
            for name, law in laws.items()
        )

    steps = [step for step in _steps(panel) if not _hidden(laws, converged, step)]
    for step in steps:
        yield attempt(step, frozenset(), total=True)
        yield attempt(step, frozenset())
    for step in steps:
        yield attempt(step, frozenset(), before=False)
    hidden = _hidden(laws, converged, "phase")
    yield attempt("phase", hidden, total=True)
    yield attempt("phase", hidden)
    for start in _by_size(converged, laws):
        hidden |= {start}
        yield attempt("phase", hidden)
    yield attempt("phase", hidden, before=False)
    yield attempt("phase", hidden, before=False, after=False)


def _before(crude: Crude) -> tuple[float, float]:
    return crude.before_numerator, crude.before_denominator


def _after(crude: Crude) -> tuple[float, float]:
    return crude.after_numerator, crude.after_denominator


def _steps(panel: Panel) -> tuple[Step, ...]:
    """Calendar steps that the data carry, finest first: each holds a whole number of periods (weeks fit all).

    Years are for yearly data alone: of finer data a phase tells more than a year.
    """
    length = panel.period_months
    finer: list[Step] = [
        step
        for step, months in STEP_MONTHS.items()
        if step != "year" and (length < 1 or abs(months / length % 1) < 1e-6)
    ]
    return tuple(finer) or ("year",)


def _hidden(laws: Laws, converged: Evaluations, step: Step) -> frozenset[date]:
    """Points (by first day) that the cell rule hides in any of these measures."""
    hidden: set[date] = set()
    for name in laws.keys() & converged.keys():
        curve = converged[name].estimates.curves[step]
        for start, numerator, denominator in zip(
            curve["start"], curve["numerator"], curve["denominator"], strict=True
        ):
            if rules.is_hidden(float(numerator), float(denominator), laws[name]):
                hidden.add(start)
    return frozenset(hidden)


def _by_size(converged: Evaluations, laws: Laws) -> list[date]:
    """Points of the phase curve, fewest events first."""
    frames = [converged[name].estimates.curves["phase"] for name in laws if name in converged]
    if not frames:
        return []
    smallest = pd.concat(frames).groupby("start")["numerator"].min()
    return list(smallest.sort_values(kind="stable").index)


def _curve(estimates: Estimates, law: Counted, step: Step, hidden: frozenset[date]) -> Curve:
    points = []
    for row in estimates.curves[step].to_dict("records"):
        has_data = row["denominator"] > 0
        unseen = has_data and row["start"] in hidden
        points.append(
            CurvePoint(
                start=row["start"],
                end=row["end"],
                observed=(
                    rules.level(row["numerator"] / row["denominator"] * law.per)
                    if has_data and not unseen
                    else None
                ),
                expected=None if unseen else _quantiles(row),
                sites_started=int(row["sites_started"]),
                hidden=unseen,
            )
        )
    return Curve(measure=estimates.measure, step=step, points=tuple(points))


def _quantiles(row: Mapping[Hashable, Any]) -> dict[str, float] | None:
    if any(np.isnan(float(row[name])) for name in QUANTILES):
        return None
    return {name: rules.level(float(row[name])) for name in QUANTILES}


def _comparison(estimates: Estimates, *, before: bool, after: bool) -> Comparison:
    """Levels on the reported scale; expected goes with after, because their ratio is an estimate that is shown."""
    return Comparison(
        measure=estimates.measure,
        before=_finite(estimates.before) if before else None,
        expected=_finite(estimates.expected) if after else None,
        after=_finite(estimates.after) if after else None,
    )


def _finite(value: float) -> float | None:
    return rules.level(value) if np.isfinite(value) else None


def _total(estimates: Estimates, law: Counted) -> int | None:
    events = estimates.model.events
    if events is None or law.kind == "mean" or (law.persons and events < rules.SMALLEST_TOTAL):
        return None
    return events


def suppressed_counts(
    released: Mapping[str, Shown], evaluations: Evaluations, converged: Evaluations
) -> Iterator[tuple[str, int]]:
    """Place and number of what was hidden among totals, levels and curve points, measure by measure."""
    for name, shown in released.items():
        if shown.events is None and evaluations[name].estimates.model.events is not None:
            yield "models", 1
        if name in converged and shown.comparison is not None and shown.curve is not None:
            levels = (shown.comparison.before, shown.comparison.expected, shown.comparison.after)
            yield "comparisons", sum(level is None for level in levels)
            yield "curves", sum(point.hidden for point in shown.curve.points)


def shows_zero(shown: Shown) -> bool:
    """Whether a curve point says that nothing happened, which the indicator rule allows."""
    return shown.curve is not None and any(point.observed == 0 for point in shown.curve.points)
