"""What a likelihood is: a name and the same law written twice, in PyMC and in NumPy.

Each side checks the other. PyMC is imported inside `observe` only, so that the simulator needs no PyMC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Tensor = Any
Parameters = Mapping[str, Array]
"""Draws of a likelihood's own parameters, each broadcastable against eta (draw x row)."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The observed cells as PyMC sees them; tensors or arrays of equal length.

    numerator: counts (rate, proportion) or sums (mean). denominator: exposure, trials or persons.
    sum_squares: within-cell sums of squared deviations of the cells at positions `several` (those with more
        than one person), or None.
    """

    numerator: Tensor
    denominator: Tensor
    sum_squares: Tensor | None = None
    several: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """One observation law.

    mean(eta): level per unit of denominator, natural scale. observe(eta, cells, priors): adds the law and
    its own parameters to the current PyMC model. draw(eta, denominator, parameters, rng): numerators, drawn
    in NumPy. `own_dispersion`: it has extra variation of its own, so a cell effect would compete with it.
    """

    name: str
    link: Literal["log", "logit", "identity"]
    kinds: tuple[Literal["rate", "proportion", "mean"], ...]
    parameters: tuple[str, ...]
    own_dispersion: bool
    mean: Callable[[Array], Array]
    observe: Callable[[Tensor, Observed, Any], None]
    draw: Callable[[Array, Array, Parameters, np.random.Generator], Array]


def link_of(level: float, link: str) -> float:
    """A positive level on the link scale; identity leaves it as it is."""
    if link == "log":
        return float(np.log(level))
    if link == "logit":
        return float(np.log(level) - np.log1p(-level))
    return float(level)
