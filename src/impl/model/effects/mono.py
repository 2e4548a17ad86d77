"""Monotone learning curve: the effect moves one way only, to its level at the last exposure time (Kenny et al.
2022, monotone effect curve). It cannot show decay, so it says nothing on whether an effect lasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impl.model.effects.effect import Array, EffectShape


def curve(level: Any, length: int, months: Any, priors: Any) -> Any:
    import pymc as pm
    import pytensor.tensor as pt

    del months, priors  # shares are equally likely a priori, whatever the length of a period
    if length == 1:
        return level * pt.ones(1)
    share = pm.Dirichlet("effect_share", np.ones(length))
    return level * pt.cumsum(share)


def numpy_curve(level: Array, draws: Mapping[str, Array], length: int, months: float) -> Array:
    del months
    level = np.asarray(level)[:, None]
    if length == 1:
        return level
    result: Array = level * np.cumsum(draws["effect_share"], axis=1)
    return result


MONO = EffectShape(
    name="mono",
    levels="effect at the last exposure time",
    parameters=("effect_share",),
    curve=curve,
    numpy_curve=numpy_curve,
)
