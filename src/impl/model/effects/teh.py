"""Exposure-time effects around their mean with an unknown spread (Maleyeff et al. 2023), in zero-sum form,
so that the level *is* the mean. Kept for comparison: the spread shrinks and coverage is lost where effects grow."""

from __future__ import annotations

from impl.model.effects.effect import Array, EffectShape, Scale, zero_sum_basis
from impl.model.priors import Priors


def basis(length: int, months: float) -> Array:
    del months  # exposure times are exchangeable
    return zero_sum_basis(length)


def scale(priors: Priors) -> Scale:
    return Scale(0.0, 0.0, priors.exposure_spread)


TEH = EffectShape(name="teh", levels="mean over exposure times", basis=basis, scale=scale)
