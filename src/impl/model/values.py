"""The values that leave the model room: estimates and checks of one measure (confidential)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd

from impl.release.release import CheckRow, ModelSummary, Outcome, Step


@dataclass(frozen=True, kw_only=True)
class Crude:
    """Sums over observed cells that the table's levels rest on; what disclosure control judges them by.

    before: cells before the site's start (transition excluded); after: treated cells of the window.
    """

    before_numerator: float
    before_denominator: float
    after_numerator: float
    after_denominator: float


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Everything a Release may take from one fitted measure, before disclosure control.

    table: one row an estimate and level, columns exactly the fields of `release.Estimate`
        (`from`, not `from_`); probabilities NaN where they do not apply.
    before, expected, after: levels on the measure's reported scale (`release.Comparison`).
    curves: step -> one row a point, columns `start`, `end` (date), `numerator`, `denominator` (sums over
        observed cells, NaN where none), `sites_started`, `q05 q10 q25 q50 q75 q90 q95` (measurement
        expected without the bundle, reported scale). Every step of `release.Step` is present.
    outcome: the verdict of docs/model.md §6; None where there is none (smoke profile, ambiguous
        direction, paired measure).
    contrast_sites: group (yes | no | unknown | none) -> number of sites that contribute treated cells.
    """

    measure: str
    profile: Literal["full", "smoke"]
    seed: int
    started: datetime
    seconds: float
    kind: Literal["before_after", "stepped_wedge"]
    sequences: int
    window: tuple[int, int]
    model: ModelSummary
    table: pd.DataFrame
    crude: Crude
    before: float
    expected: float
    after: float
    curves: dict[Step, pd.DataFrame]
    outcome: Outcome | None
    contrast_sites: dict[str, int]
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The gates of one measure over every reported quantity, and how the fit was made.

    draws: kept draws per chain.
    """

    measure: str
    passed: bool
    rows: tuple[CheckRow, ...]
    retried: bool
    draws: int
    chains: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Estimates and checks of a measure that is shown beside the primary one."""

    estimates: Estimates
    checks: Checks
