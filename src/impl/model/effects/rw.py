"""Random walk over exposure time: the default shape.

First effect ~ N(0, effect); steps ~ N(0, s sqrt(months/3)) with s, per quarter, ~ LogNormal, which keeps
away from zero: half-normal steps shrink a growing effect to a constant and lose coverage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impl.model.effects.effect import Array, EffectShape
from impl.model.priors import Priors

MONTHS_PER_QUARTER = 3.0


def curve(length: int, months: float, priors: Priors) -> Any:
    import pymc as pm
    import pytensor.tensor as pt

    first = pm.Normal("effect_first", 0.0, priors.effect)
    if length == 1:
        return first * pt.ones(1)
    per_quarter = pm.LogNormal("effect_step_sd", np.log(priors.step_log_median), priors.step_log_sd)
    steps = pm.Normal("effect_step", 0.0, 1.0, shape=length - 1)
    scale = per_quarter * np.sqrt(months / MONTHS_PER_QUARTER)
    return first + pt.concatenate([pt.zeros(1), scale * pt.cumsum(steps)])


def numpy_curve(draws: Mapping[str, Array], length: int, months: float) -> Array:
    result = np.repeat(np.asarray(draws["effect_first"], dtype=float)[:, None], length, axis=1)
    if length > 1:
        scale = np.asarray(draws["effect_step_sd"])[:, None] * np.sqrt(months / MONTHS_PER_QUARTER)
        result[:, 1:] += scale * np.cumsum(draws["effect_step"], axis=1)
    return result


RW = EffectShape(
    name="rw",
    parameters=("effect_first", "effect_step_sd", "effect_step"),
    curve=curve,
    numpy_curve=numpy_curve,
)
