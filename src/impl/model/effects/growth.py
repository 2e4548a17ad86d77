"""Ramp-up to a lasting level: level x (1 - exp(-m / k)), m months since start at the end of the period.

k ~ LogNormal(log 3, 0.7) months (choice): two thirds of the effect is there after k months.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impl.model.effects.effect import Array, EffectShape


def curve(level: Any, length: int, months: Any, priors: Any) -> Any:
    import pymc as pm
    import pytensor.tensor as pt

    ramp = pm.LogNormal("effect_ramp_months", pt.log(priors.ramp_log_median), priors.ramp_log_sd)
    return level * (1.0 - pt.exp(-np.arange(1, length + 1) * months / ramp))


def numpy_curve(level: Array, draws: Mapping[str, Array], length: int, months: float) -> Array:
    ramp = np.asarray(draws["effect_ramp_months"])[:, None]
    result: Array = np.asarray(level)[:, None] * (
        1.0 - np.exp(-np.arange(1, length + 1)[None, :] * months / ramp)
    )
    return result


GROWTH = EffectShape(
    name="growth",
    levels="effect that is reached in the end",
    parameters=("effect_ramp_months",),
    curve=curve,
    numpy_curve=numpy_curve,
)
