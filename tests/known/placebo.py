"""A2: infections in six Danish hospitals where nothing was introduced, with starts drawn by lot.

What the default model finds here is chance: 90 % intervals miss zero one time in ten.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from real_data import danish_hospitals, make_project, real_table
from scipy import stats

import impl
from impl.model.estimands import window_effect
from impl.model.simulate import month_starts
from impl.study.study import Measures

DRAWS = 3
FIRST = date(2015, 1, 1)
WAVES = (7, 12, 17)  # months after the first, two hospitals each
MEASURES = ("bacteraemia", "c_difficile", "urinary_infection")


@dataclass(frozen=True, kw_only=True)
class Placebo:
    """One measure under one drawing of lots: the ratio in per cent, its 90 % interval, and the verdict."""

    draw: int
    measure: str
    change: float
    low: float
    high: float
    outcome: str
    passed: bool

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0.0 or self.high < 0.0


def drawn(draw: int) -> list[Placebo]:
    """All measures under one drawing of lots; its seed is the number of the drawing."""
    hospitals = sorted(real_table("hospital_infections_dk.csv")["hospital"].unique())
    order = np.random.default_rng(draw).permutation(hospitals)
    months = month_starts(FIRST, 24, 1)
    starts = {str(code): months[WAVES[place // 2]] for place, code in enumerate(order)}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        plan = impl.read_study(make_project(Path(folder), "placebo-start", danish_hospitals(starts)))
        panel = impl.read_panel(plan)
        for measure in MEASURES:
            # the verdict is given to a primary measure only
            asked = plan.model_copy(update={"measures": Measures(primary=measure)})
            fit = impl.sample(impl.build_model(asked, panel), asked)
            low, middle, high = np.expm1(np.quantile(window_effect(fit), [0.05, 0.5, 0.95])) * 100.0
            found.append(
                Placebo(
                    draw=draw,
                    measure=measure,
                    change=float(middle),
                    low=float(low),
                    high=float(high),
                    outcome=impl.estimate(fit).outcome or "none",
                    passed=impl.check_fit(fit).passed,
                )
            )
    return found


def most_by_chance(count: int) -> int:
    """Intervals out of `count` that may miss zero: the 99th percentile of Binomial(count, 0.1)."""
    return int(stats.binom.ppf(0.99, count, 0.1))
