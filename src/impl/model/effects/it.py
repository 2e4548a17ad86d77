"""Immediate and constant effect (Hussey & Hughes 2007). Kept for comparison: it can have the wrong sign
where effects grow or fade (Kenny et al. 2022)."""

from __future__ import annotations

import numpy as np

from impl.model.effects.effect import Array, EffectShape, Scale
from impl.model.priors import Priors


def basis(length: int, months: float) -> Array:
    del months  # a constant effect knows no time
    return np.zeros((length, length - 1))


def scale(priors: Priors) -> Scale:
    del priors
    return Scale(0.0, 0.0, 0.0)


IT = EffectShape(name="it", levels="the effect", basis=basis, scale=scale)
