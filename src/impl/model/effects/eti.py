"""Exposure-time indicators: every exposure time has an effect of its own (Kenny et al. 2022), in zero-sum form.

Independent priors on each effect would imply a prior on their mean that tightens with every period added.
"""

from __future__ import annotations

from impl.model.effects.effect import Array, EffectShape, Scale, zero_sum_basis
from impl.model.priors import Priors


def basis(length: int, months: float) -> Array:
    del months  # exposure times are exchangeable
    return zero_sum_basis(length)


def scale(priors: Priors) -> Scale:
    return Scale(priors.effect, 0.0, 0.0)


ETI = EffectShape(name="eti", levels="mean over exposure times", basis=basis, scale=scale)
