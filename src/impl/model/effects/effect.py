"""What an effect shape is: how the effect changes with time since start, priors and curve in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class EffectShape:
    """One shape of the effect over exposure time (1 = first full period).

    curve(length, months, priors): adds the shape's parameters to the current PyMC model and returns a
    tensor of `length` effects on the link scale; `months` is the length of a period. `numpy_curve` is the
    same from draws of `parameters` (each draw x …), giving draw x length.
    """

    name: str
    parameters: tuple[str, ...]
    curve: Callable[[int, float, Any], Any]
    numpy_curve: Callable[[Mapping[str, Array], int, float], Array]
