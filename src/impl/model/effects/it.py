"""Immediate and constant effect (Hussey & Hughes 2007). Kept for comparison: it can have the wrong sign
where effects grow or fade (Kenny et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from impl.model.effects.effect import Array, EffectShape
from impl.model.priors import Priors


def curve(length: int, months: float, priors: Priors) -> Any:
    import pymc as pm
    import pytensor.tensor as pt

    del months  # a constant effect knows no time
    return pm.Normal("effect_first", 0.0, priors.effect) * pt.ones(length)


def numpy_curve(draws: Mapping[str, Array], length: int, months: float) -> Array:
    del months
    return np.repeat(np.asarray(draws["effect_first"])[:, None], length, axis=1)


IT = EffectShape(name="it", parameters=("effect_first",), curve=curve, numpy_curve=numpy_curve)
