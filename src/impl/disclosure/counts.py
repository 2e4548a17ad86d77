"""Levels, curves and totals as they may be shown: the finest step at which nothing hidden can be computed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.functionals import Shown, linked_measures
from impl.disclosure.rules import Counted
from impl.model.values import Crude, Estimates, Evaluation
from impl.release.release import Comparison, Curve, CurvePoint, Release, Step

STEP_MONTHS: dict[Step, float] = {"month": 1, "quarter": 3, "tertial": 4, "half_year": 6, "year": 12}
QUANTILES = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")

Evaluations = Mapping[str, Evaluation]
Laws = Mapping[str, Counted]


def released_counts(
    panel: Panel,
    laws: Laws,
    evaluations: Evaluations,
    converged: Evaluations,
    past: Sequence[Release] = (),
    within: Mapping[str, Shown] | None = None,
) -> dict[str, Shown]:
    """Levels, curve and total of every measure, so that nothing hidden can be computed from them.

    Measures that share numerators are decided together and get curves of the same step. past: earlier Releases.
    within: what a less strict audience sees; nothing more is shown.
    """
    newest = max((release.study.data_to for release in past), default=None)
    released = {}
    for group in linked_measures(panel, laws):
        members = {name: laws[name] for name in group}
        for attempt in _attempts(panel, members, evaluations, converged, newest):
            if within is not None and not all(_is_part(item, within[item.measure]) for item in attempt):
                continue
            released.update({shown.measure: shown for shown in attempt})
            if not any(True for _ in find_weaknesses(panel, members, attempt, past)):
                break
    return {name: released[name] for name in evaluations}


def _is_part(inner: Shown, outer: Shown) -> bool:
    """Whether everything that one audience would see can be read off what another one sees."""
    if inner.events is not None and outer.events is None:
        return False
    if inner.comparison is not None and outer.comparison is not None:
        for name in ("before", "expected", "after"):
            if getattr(inner.comparison, name) is not None and getattr(outer.comparison, name) is None:
                return False
    if inner.curve is None or outer.curve is None:
        return inner.curve is None or not any(point.observed is not None for point in inner.curve.points)
    for point in inner.curve.points:
        if point.hidden:
            continue
        pieces = [
            piece for piece in outer.curve.points if piece.start <= point.end and piece.end >= point.start
        ]
        whole = pieces[0].start == point.start and pieces[-1].end == point.end
        if not whole or any(piece.hidden for piece in pieces):
            return False
    return True


def _attempts(
    panel: Panel, laws: Laws, evaluations: Evaluations, converged: Evaluations, newest: date | None
) -> Iterator[tuple[Shown, ...]]:
    """What could be released of measures that share numerators, the most telling first.

    The finest calendar step without hidden points; totals go before a step does, and the level before
    start goes before the calendar does (it can be read off the curve). By phase, points are hidden one
    after another, then the levels: the last attempt shows no number at all.
    newest: last day that earlier Releases told of; points that reach beyond it can be hidden until more is added.
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
        made = []
        for name, law in laws.items():
            estimates, curve, comparison, events = evaluations[name].estimates, None, None, None
            if name in converged:
                curve = _curve(estimates, law, step, hidden)
                levels = {"before": before and show_before, "after": after and show_after}
                comparison = _comparison(estimates, law, **levels)
            # the total of a measure that failed beside a good one is left out with everything else of it
            if total and (name in converged or not converged):
                events = _total(estimates, law, curve)
            made.append(
                Shown(
                    measure=name, window=estimates.window, curve=curve, comparison=comparison, events=events
                )
            )
        return tuple(made)

    steps = [step for step in _steps(panel) if not _hidden(laws, converged, step)]
    for step in steps:
        yield attempt(step, frozenset(), total=True)
        yield attempt(step, frozenset())
    for step in steps:
        recent = _after_day(converged, step, newest)
        if recent:
            yield attempt(step, recent)
            yield attempt(step, recent, after=False)
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


def _after_day(converged: Evaluations, step: Step, newest: date | None) -> frozenset[date]:
    """Points (by first day) that reach beyond a day."""
    if newest is None:
        return frozenset()
    curves = [evaluation.estimates.curves[step] for evaluation in converged.values()]
    return frozenset(start for curve in curves for start in curve.loc[curve["end"] > newest, "start"])


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
                    rules.shown_level(row["numerator"], row["denominator"], law)
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


def _comparison(estimates: Estimates, law: Counted, *, before: bool, after: bool) -> Comparison:
    """Levels on the reported scale; expected goes with after, because their ratio is an estimate that is shown."""
    level = estimates.before
    if law.base > 1 and np.isfinite(level):
        numerator, denominator = _before(estimates.crude)
        level = rules.rounded_count(numerator, law) / denominator * law.per
    return Comparison(
        measure=estimates.measure,
        before=_finite(level) if before else None,
        expected=_finite(estimates.expected) if after else None,
        after=_finite(estimates.after) if after else None,
    )


def _finite(value: float) -> float | None:
    return rules.level(value) if np.isfinite(value) else None


def _total(estimates: Estimates, law: Counted, curve: Curve | None) -> int | None:
    """All events; where counts are rounded, the sum of the rounded points."""
    events = estimates.model.events
    if events is None or law.kind == "mean" or (law.persons and events < law.audience.count):
        return None
    if law.base == 1:
        return events
    if curve is None:
        return int(rules.rounded_count(events, law))
    if any(point.hidden for point in curve.points):
        return None
    counts = estimates.curves[curve.step]["numerator"].dropna()
    return int(sum(rules.rounded_count(float(count), law) for count in counts))


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
