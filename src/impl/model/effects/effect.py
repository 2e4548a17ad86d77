"""What an effect shape is: how the effect changes with time since start.

Most shapes are linear: curve = level + scale x (basis @ step), step ~ N(0, 1). They differ in basis and scale
only, both of which are data to the compiled model: one compilation serves them all, so that the analyst sees
them side by side at the price of sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Scale(NamedTuple):
    """Prior of the scale: median x exp(log_sd x N(0, 1)) + half x |N(0, 1)|, on the link scale.

    (m, s, 0) is log-normal, (0, 0, h) half-normal, (m, 0, 0) fixed, (0, 0, 0) no change over time.
    """

    median: float
    log_sd: float
    half: float


@dataclass(frozen=True, kw_only=True)
class EffectShape:
    """One shape of the effect over exposure time (1 = first full period).

    basis(length, months) and scale(priors): a linear shape, basis length x (length - 1), `months` the length
    of a period. curve(level, length, months, priors): a shape that is not linear, adding its own parameters to
    the current PyMC model; numpy_curve(level, draws, length, months): the same from draws of `parameters`
    (each draw x ...), draw x length. `levels` says what `level` is, for readers of the code.
    """

    name: str
    levels: str
    parameters: tuple[str, ...] = ()
    basis: Callable[[int, float], Array] | None = None
    scale: Callable[[Any], Scale] | None = None
    curve: Callable[[Any, int, float, Any], Any] | None = None
    numpy_curve: Callable[[Array, Mapping[str, Array], int, float], Array] | None = None

    @property
    def family(self) -> str:
        """Shapes of one family are one compiled model."""
        return "linear" if self.basis is not None else self.name


LINEAR_PARAMETERS = ("effect_scale_log", "effect_scale_half", "effect_step")


def linear_numpy_curve(level: Array, draws: Mapping[str, Array], basis: Array, scale: Scale) -> Array:
    """A linear shape's curve from draws, draw x length."""
    if basis.shape[0] == 1:
        return np.asarray(level)[:, None]
    size = (
        scale.median * np.exp(scale.log_sd * draws["effect_scale_log"])
        + scale.half * draws["effect_scale_half"]
    )
    result: Array = np.asarray(level)[:, None] + size[:, None] * (draws["effect_step"] @ basis.T)
    return result


def rotated_basis(basis: Array, weights: Array) -> Array:
    """The same law of curves in steps that the data tell apart, length x (length - 1).

    Steps are independent standard normals, so an orthogonal turn of them changes nothing but the sampler's
    work. The turn makes the columns orthogonal around their mean; both weigh exposure times by `weights`
    (length, cells that carry them). A random walk's own steps hang together so much that a diagonal metric crawls.
    """
    share = weights / weights.sum()
    around = np.sqrt(share)[:, None] * (basis - share @ basis)
    turn = np.linalg.svd(around, full_matrices=False)[2].T
    result: Array = basis @ turn
    return result


def zero_sum_basis(length: int) -> Array:
    """Orthonormal basis of the deviations that sum to zero, length x (length - 1) (Helmert)."""
    basis = np.zeros((length, length - 1))
    for column in range(1, length):
        basis[:column, column - 1] = 1.0
        basis[column, column - 1] = -float(column)
        basis[:, column - 1] /= np.sqrt(column * (column + 1.0))
    return basis
