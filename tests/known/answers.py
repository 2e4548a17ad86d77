"""Every published answer on real data, and ours: one case a fit, one quantity a figure that is compared.

Tests and the printed table (`table.py`) read the same cases. Where our model is the published one up to
priors, `differs` is empty and the limits are those of `LIMIT` and `RATIO`; where it is not, `differs` says why
and `limit` is what the measured figures allow. Studies declare `priors: wide`, so that the likelihood speaks.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from real_data import make_project

import impl
from impl.model.build import model_of
from impl.model.estimands import Asked, reported_draws
from impl.model.fitted import Fit
from impl.model.structure import Structure, describe_structure
from impl.study.study import Estimand, ModelChoice, Study

LIMIT = 0.35  # standard errors of the reference between it and our median
RATIO = (0.8, 1.3)  # our posterior SD over the reference's standard error
NO_EFFECT = 0.001  # prior SD, log odds, of a start that never was

Draws = Callable[[Fit], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One figure. error: standard error of the source, NaN where it has none; then our own SD is the yardstick.

    differs: why our model is not the source's, "" where it is. limit: errors allowed between the two answers.
    """

    name: str
    draws: Draws
    value: float
    error: float = float("nan")
    differs: str = ""
    limit: float = LIMIT


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fit. model: changes to the study file's model. decided: a change to the structure, where no study
    file can say it. source: whose answer, under which model."""

    id: str
    study: str
    source: str
    quantities: Callable[[], tuple[Quantity, ...]]
    measure: str | None = None
    model: Mapping[str, Any] = field(default_factory=dict)
    window: tuple[int, int] | None = None
    randomised: bool | None = None
    decided: Callable[[Structure], Structure] | None = None


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One figure beside its reference."""

    case: str
    name: str
    value: float
    error: float
    median: float
    sd: float
    differs: str
    limit: float
    passed: bool
    seconds: float

    @property
    def distance(self) -> float:
        """Errors of the reference between it and our median; our own SDs where it has none."""
        return abs(self.median - self.value) / (self.sd if np.isnan(self.error) else self.error)

    @property
    def ratio(self) -> float:
        """Our posterior SD over the reference's error; NaN where it has none."""
        return self.sd / self.error

    @property
    def held(self) -> bool:
        """Whether the limits for one and the same model hold, whether or not it is the same."""
        return self.distance <= LIMIT and (np.isnan(self.error) or RATIO[0] <= self.ratio <= RATIO[1])


def compare(case: Case) -> list[Compared]:
    """Fit a case and set its figures beside the published ones."""
    clock = time.monotonic()
    quantities = case.quantities()  # first: they need the data, and skip where there are none
    fit, passed = fitted(case)
    compared = []
    for quantity in quantities:
        draws = quantity.draws(fit)
        compared.append(
            Compared(
                case=case.id,
                name=quantity.name,
                value=quantity.value,
                error=quantity.error,
                median=float(np.median(draws)),
                sd=float(draws.std(ddof=1)),
                differs=quantity.differs,
                limit=quantity.limit,
                passed=passed,
                seconds=time.monotonic() - clock,
            )
        )
    return compared


def fitted(case: Case) -> tuple[Fit, bool]:
    """The case's fit, and whether it passed the gates."""
    with tempfile.TemporaryDirectory() as folder:
        plan = changed(impl.read_study(make_project(Path(folder), case.study)), case)
        structure = describe_structure(plan, impl.read_panel(plan), case.measure)
    if case.decided is not None:
        structure = case.decided(structure)
    fit = impl.sample(model_of(structure), plan)
    return fit, impl.check_fit(fit).passed


def changed(plan: Study, case: Case) -> Study:
    """The study with the case's changes, as if its file had said so."""
    said = plan.model.model_dump(exclude_unset=True)
    update: dict[str, Any] = {"model": ModelChoice.model_validate(said | dict(case.model))}
    if case.window is not None:
        update["estimand"] = Estimand(from_=case.window[0], to=case.window[1])
    if case.randomised is not None:
        update["rollout"] = plan.rollout.model_copy(update={"randomised": case.randomised})
    return plan.model_copy(update=update)


# --- figures of a fit


def variable(name: str, position: int | None = None) -> Draws:
    return lambda fit: fit.flat(name) if position is None else fit.flat(name)[:, position]


def last(fit: Fit) -> np.ndarray:
    """Effect at the last exposure time with support of its own, link scale."""
    time = fit.structure.supported
    return reported_draws(fit)[Asked("lte", time, time, "link")]


def at_time(time: int) -> Draws:
    return lambda fit: reported_draws(fit)[Asked("pte", time, time, "link")]


def change_a_period(fit: Fit) -> np.ndarray:
    curve = fit.flat("curve")
    return curve[:, 1] - curve[:, 0]


def total(fit: Fit) -> np.ndarray:
    """The mean change a period, natural scale, times the periods of the window."""
    first, end = fit.structure.window
    return reported_draws(fit)[Asked("tate", first, end, "difference")] * (end - first + 1)


def period_contrast(period: int) -> Draws:
    return lambda fit: fit.flat("calendar_effect")[:, period] - fit.flat("calendar_effect")[:, 0]


def first_period(fit: Fit) -> np.ndarray:
    return fit.flat("intercept") + fit.flat("calendar_effect")[:, 0]


def started_without_effect(structure: Structure) -> Structure:
    """The start of A9 never was: its effect is held at zero by its prior."""
    return replace(structure, priors=replace(structure.priors, effect=NO_EFFECT))
