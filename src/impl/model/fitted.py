"""A fit: the ArviZ tree, the structure it belongs to, and how it was sampled. Confidential."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from impl.model.structure import Structure


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """Sampled parameters and curve; row quantities are rebuilt by `predict`, never stored.

    tree: a plain ArviZ tree with `posterior`, `sample_stats`, `observed_data` and `constant_data`.
    amber: divergences remained after the retry but are few and do not move the answer.
    """

    tree: xr.DataTree
    structure: Structure
    profile: Literal["full", "smoke"]
    seed: int
    target_accept: float
    retried: bool
    amber: bool
    started: datetime
    seconds: float

    @property
    def chains(self) -> int:
        return int(self.tree.posterior.sizes["chain"])

    @property
    def draws(self) -> int:
        """Draws of all chains together."""
        return self.chains * int(self.tree.posterior.sizes["draw"])

    @cached_property
    def _posterior(self) -> xr.Dataset:
        """The tree builds a view of its group each time that it is asked for one."""
        return self.tree["posterior"].to_dataset()

    def flat(self, name: str) -> npt.NDArray[np.float64]:
        """Draws of one variable, chains joined: draw x the variable's own dims."""
        values = self._posterior[name].to_numpy()
        return np.asarray(values.reshape((-1, *values.shape[2:])), dtype=float)
