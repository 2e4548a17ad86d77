"""Level and slope: a step at start and a change of trend from then on (Wagner 2002; Lopez Bernal 2017).

The default of before/after studies whose series can carry it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impl.model.effects.effect import Array, EffectShape
from impl.model.priors import Priors

MONTHS_PER_YEAR = 12.0


def years_since_start(length: int, months: float) -> Array:
    """Years from the first full period to each exposure time; 0 at the first."""
    return np.arange(length, dtype=np.float64) * np.float64(months / MONTHS_PER_YEAR)


def curve(length: int, months: float, priors: Priors) -> Any:
    import pymc as pm

    level = pm.Normal("effect_first", 0.0, priors.effect)
    slope = pm.Normal("effect_slope", 0.0, priors.slope_change)
    return level + slope * years_since_start(length, months)


def numpy_curve(draws: Mapping[str, Array], length: int, months: float) -> Array:
    level = np.asarray(draws["effect_first"])[:, None]
    slope = np.asarray(draws["effect_slope"])[:, None]
    result: Array = level + slope * years_since_start(length, months)[None, :]
    return result


LEVEL_SLOPE = EffectShape(
    name="level_slope",
    parameters=("effect_first", "effect_slope"),
    curve=curve,
    numpy_curve=numpy_curve,
)
