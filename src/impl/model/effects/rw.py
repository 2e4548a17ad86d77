"""Random walk over exposure time: the default shape of a stepped wedge.

First effect ~ N(0, effect); steps ~ N(0, s sqrt(months/3)) with s, per quarter, log-normal, which keeps away
from zero: half-normal steps shrink a growing effect to a constant and lose coverage (docs/model.md §2).
"""

from __future__ import annotations

import numpy as np

from impl.model.effects.effect import Array, EffectShape, Scale
from impl.model.priors import Priors

MONTHS_PER_QUARTER = 3.0


def basis(length: int, months: float) -> Array:
    steps: Array = np.tril(np.ones((length, length - 1)), -1) * np.sqrt(months / MONTHS_PER_QUARTER)
    return steps


def scale(priors: Priors) -> Scale:
    return Scale(priors.step_log_median, priors.step_log_sd, 0.0)


RW = EffectShape(name="rw", levels="effect in the first full period", basis=basis, scale=scale)
