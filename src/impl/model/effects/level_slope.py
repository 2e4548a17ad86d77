"""Level and slope: a step at start and a change of trend from then on (Wagner 2002; Lopez Bernal 2017).

The default of before/after studies whose series can carry it.
"""

from __future__ import annotations

import numpy as np

from impl.model.effects.effect import Array, EffectShape, Scale
from impl.model.priors import Priors

MONTHS_PER_YEAR = 12.0


def years_since_start(length: int, months: float) -> Array:
    """Years from the first full period to each exposure time; 0 at the first."""
    return np.arange(length, dtype=np.float64) * np.float64(months / MONTHS_PER_YEAR)


def basis(length: int, months: float) -> Array:
    slopes = np.zeros((length, length - 1))
    if length > 1:
        slopes[:, 0] = years_since_start(length, months)
    return slopes


def scale(priors: Priors) -> Scale:
    return Scale(priors.slope_change, 0.0, 0.0)


LEVEL_SLOPE = EffectShape(
    name="level_slope", levels="effect in the first full period", basis=basis, scale=scale
)
