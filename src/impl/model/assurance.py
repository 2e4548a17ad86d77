"""Assurance: what a design can be expected to show, computed without the outcome (docs/model.md §6).

The posterior of the time-averaged effect is taken as normal with the twin's SD (`impl.model.twin`). If the
true effect is a stated constant, its mean varies over data sets as N(shrunk truth, sampling SD), which gives
the chance of each verdict. Approximations: scales at stated values (prior medians before data, posterior means
after), so their uncertainty does not enter; normal cells with the baseline's variance; ratios of proportions at
the baseline level; equal weight of each exposure time. Only the baseline level (and for means the SD between
persons before start) comes from the outcome.
Source: model specification, assurance; Williamson 2025 (17407745241312635) for assurance in cluster trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np
from scipy.special import ndtr, ndtri

from impl.model.gls import Array, Solution, performance, solve
from impl.model.structure import Structure
from impl.model.twin import Scales, gls_twin, prior_scales, window_weights
from impl.model.verdict import decide
from impl.release.release import Outcome

SHOWABLE = 0.20  # chance of `negligible` under no effect from which a design may give that verdict
LEVEL = 0.9  # of the expected interval
STEPS = 2000  # equally likely posterior means on which the verdict is evaluated
MULTIPLES = (0.0, 1.0, 2.0, 3.0)  # true effects in units of the smallest worthwhile change …
HARM_MULTIPLE = 2.0  # … and one in the bad direction, in units of the harm limit


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a verdict is about: smallest worthwhile, harmful and negligible relative change (positive numbers),
    the measure's good direction (`higher`, `lower`, `ambiguous`), its link and baseline level on that scale."""

    worthwhile: float
    harm: float
    negligible: float
    direction: str
    link: str
    location: float

    def shift(self, change: float) -> float:
        """The effect on the link scale that is the relative change `change` (-0.1 = ten per cent less) at
        baseline; infinite where no effect is that large."""
        if self.link == "identity":
            return abs(self.location) * change
        if change <= -1.0:
            return -np.inf
        if self.link == "log":
            return float(np.log1p(change))
        log_level = -np.logaddexp(0.0, -self.location) + np.log1p(change)
        if log_level >= 0.0:
            return np.inf
        return float(log_level - np.log(-np.expm1(log_level)) - self.location)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Chance of each verdict if the bundle truly changes the measure by `change`, relative, in the measure's
    good direction (0.1 = ten per cent better)."""

    change: float
    chances: Mapping[Outcome, float]


@dataclass(frozen=True, kw_only=True)
class Assurance:
    """What the design can be expected to show.

    sd: posterior SD of the time-averaged effect, link scale. interval_width: expected width of its 90 %
    interval, link scale; exp() of it is the factor between the ends of a ratio's interval. scenarios: empty
    where no direction is good. can_show_negligible: whether P(negligible | no effect) is at least 0.20.
    """

    sd: float
    interval_width: float
    scenarios: tuple[Scenario, ...]
    can_show_negligible: bool


def assurance(solution: Solution, weights: Array, limits: Limits) -> Assurance:
    """Assurance of the effect sum(weights x curve) in a design whose twin is solved."""
    changes = [multiple * limits.worthwhile for multiple in MULTIPLES] + [-HARM_MULTIPLE * limits.harm]
    good = -1.0 if limits.direction == "lower" else 1.0
    still = performance(solution, weights, np.zeros(len(weights)))
    scenarios = []
    for change in sorted(changes) if limits.direction != "ambiguous" else ():
        truth = limits.shift(good * change)
        if np.isfinite(truth):
            found = performance(solution, weights, np.full(len(weights), truth))
            mean = float(truth * weights.sum() + found.bias)
            chances = verdict_chances(mean, found.sampling_sd, found.posterior_sd, limits)
            scenarios.append(Scenario(change=change, chances=chances))
    absent = [scenario.chances["negligible"] for scenario in scenarios if scenario.change == 0.0]
    return Assurance(
        sd=still.posterior_sd,
        interval_width=2.0 * float(ndtri((1.0 + LEVEL) / 2.0)) * still.posterior_sd,
        scenarios=tuple(scenarios),
        can_show_negligible=bool(absent) and absent[0] >= SHOWABLE,
    )


def assurance_of(structure: Structure, scales: Scales | None = None) -> Assurance:
    """Assurance of the time-averaged effect of a study under its own model.

    scales: how much the numbers vary; prior medians (before any data) unless given as a fit learnt them
    (`impl.model.twin.fitted_scales`).
    """
    worthwhile, harm, negligible = structure.decision
    limits = Limits(
        worthwhile=worthwhile,
        harm=harm,
        negligible=negligible,
        direction=structure.measure.direction,
        link=structure.likelihood.link,
        location=structure.location,
    )
    solution = solve(gls_twin(structure, prior_scales(structure) if scales is None else scales))
    return assurance(solution, window_weights(structure), limits)


def verdict_chances(
    mean: float, sampling_sd: float, posterior_sd: float, limits: Limits
) -> dict[Outcome, float]:
    """Chance of each verdict if posterior means vary as N(mean, sampling_sd) and each posterior is normal.

    `negligible` is counted as if it may be given: whether it may is what this is for.
    """
    shares = (np.arange(STEPS) + 0.5) / STEPS
    means = mean + sampling_sd * ndtri(shares)
    counts: dict[Outcome, int] = dict.fromkeys(get_args(Outcome), 0)
    for chances in _probabilities(means, posterior_sd, limits):
        outcome = decide(limits.direction, chances, absence_showable=True)
        if outcome is not None:
            counts[outcome] += 1
    return {outcome: count / STEPS for outcome, count in counts.items()}


def _probabilities(means: Array, sd: float, limits: Limits) -> list[dict[str, float]]:
    """P(better), P(worthwhile), P(harm), P(negligible) of each normal posterior."""
    good = -1.0 if limits.direction == "lower" else 1.0

    def beyond(change: float, side: float) -> Array:
        """P(effect further than `change`, in the direction of `side`)."""
        probability: Array = ndtr(side * (means - limits.shift(change)) / sd)
        return probability

    better = beyond(0.0, good)
    worthwhile = beyond(good * limits.worthwhile, good)
    harm = beyond(-good * limits.harm, -good)
    negligible = beyond(-limits.negligible, 1.0) - beyond(limits.negligible, 1.0)
    return [
        {"p_better": b, "p_worthwhile": w, "p_harm": h, "p_negligible": n}
        for b, w, h, n in zip(better, worthwhile, harm, negligible, strict=True)
    ]
