"""What a likelihood is: a name and the same law written twice, in PyMC and in NumPy.

Each side checks the other. PyMC is imported inside `observe` only, so that the simulator needs no PyMC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy

Array = npt.NDArray[np.float64]
Tensor = Any
Parameters = Mapping[str, Array]
"""Draws of a likelihood's own parameters, each broadcastable against eta (draw x row): draw x 1, a vector
parameter draw x 1 x length."""


@dataclass(frozen=True, kw_only=True)
class Censored:
    """Cells whose count is known as an interval only; tensors or arrays, one value a cell.

    eta: predictor of these cells (in NumPy draw x cell). denominator: exposure or trials. at_least, at_most:
        smallest and largest count, both possible; of a proportion at_most is no more than the denominator.
        Every count between them is summed over, so wide intervals cost.
    """

    eta: Tensor
    denominator: Tensor
    at_least: Tensor
    at_most: Tensor


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The observed cells as PyMC sees them; tensors or arrays of equal length.

    numerator: counts (rate, proportion) or sums (mean). denominator: exposure, trials, persons or answers.
    sum_squares: within-cell sums of squared deviations of the cells at positions `several` (those with more
        than one person), or None. answers: ordered laws only, cell x category, lowest first; `stated_level`
        is the category (from 1) at or above which the numerator counts. censored: further cells, not among
        these, or None. prepared: what the law's `prepare` made of these data; without it the same terms are
        computed anew in every gradient.
    """

    numerator: Tensor
    denominator: Tensor
    sum_squares: Tensor | None = None
    several: Tensor | None = None
    answers: Tensor | None = None
    stated_level: int | None = None
    censored: Censored | None = None
    prepared: Mapping[str, Tensor] = field(default_factory=dict)


def _nothing(cells: Observed) -> dict[str, Array]:
    del cells
    return {}


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """One observation law.

    mean(eta): level per unit of denominator, natural scale. prepare(cells): arrays by name that the data
    alone decide, for `Observed.prepared`; eta is not read. observe(eta, cells, priors): adds the law and
    its own parameters to the current PyMC model; reads no value out of a tensor, so that a compiled model
    can be given other data (with what `prepare` makes of them). draw(eta, denominator, parameters, rng): numerators, drawn in NumPy.
    log_density(eta, cells, parameters): draw x cell in NumPy, the observed cells and after them those of
    `cells.censored`; its sum is what `observe` adds to the log-posterior of the data. `own_dispersion`: it
    has extra variation of its own, so a cell effect would compete with it.
    draw_answers(eta, denominator, parameters, rng): draw x cell x category; ordered laws only.
    """

    name: str
    link: Literal["log", "logit", "identity"]
    kinds: tuple[Literal["rate", "proportion", "mean"], ...]
    parameters: tuple[str, ...]
    own_dispersion: bool
    mean: Callable[[Array], Array]
    observe: Callable[[Tensor, Observed, Any], None]
    draw: Callable[[Array, Array, Parameters, np.random.Generator], Array]
    log_density: Callable[[Array, Observed, Parameters], Array]
    prepare: Callable[[Observed], dict[str, Array]] = _nothing
    draw_answers: Callable[[Array, Array, Parameters, np.random.Generator], Array] | None = None


@dataclass(frozen=True, kw_only=True)
class CountLaw:
    """The PyMC side of a law for counts; `own` are its parameters, scalars or whole vectors.

    varying(count, eta, denominator, *own): log-probability but for what data alone decide.
    constant(count, denominator, special): that rest; `special` is SciPy's or PyTensor's module of that name.
    variable(eta, denominator, *own, size): the unregistered PyMC variable, for predictive draws.
    """

    varying: Callable[..., Tensor]
    constant: Callable[[Tensor, Tensor, Any], Tensor]
    variable: Callable[..., Tensor]

    def prepare(self, cells: Observed) -> dict[str, Array]:
        """`log_constant`, one a cell, and `interval_constant`, interval cell x count."""
        prepared = {"log_constant": self.constant(cells.numerator, cells.denominator, scipy.special)}
        if cells.censored is not None:
            censored = cells.censored
            least, most = (
                np.asarray(end, dtype=float)[:, None] for end in (censored.at_least, censored.at_most)
            )
            count = np.minimum(least + np.arange(np.max(most - least, initial=0.0) + 1.0), most)
            trials = np.asarray(censored.denominator, dtype=float)[:, None]
            prepared["interval_constant"] = self.constant(count, trials, scipy.special)
        return {name: np.asarray(value, dtype=float) for name, value in prepared.items()}

    def observe(self, eta: Tensor, cells: Observed, *own: Tensor) -> None:
        """Add the variable `observation` and, with interval cells, the potential `interval_count`.

        The density of `observation` is that of the observed counts and of no others: its constant is theirs.
        """
        import pymc as pm
        import pytensor.tensor as pt

        constant = cells.prepared.get("log_constant")
        if constant is None:
            constant = self.constant(cells.numerator, cells.denominator, pt.special)

        # the constant is a parameter, not a closure: copies of the model take it along

        def variable(eta: Tensor, denominator: Tensor, constant: Tensor, *own_and_size: Any) -> Tensor:
            del constant
            *own, size = own_and_size
            return pt.cast(self.variable(eta, denominator, *own, size=size), "float64")

        def log_probability(
            count: Tensor, eta: Tensor, denominator: Tensor, constant: Tensor, *own: Tensor
        ) -> Tensor:
            return self.varying(count, eta, denominator, *own) + constant

        kinds = ["(length)" if parameter.ndim else "()" for parameter in own]
        pm.CustomDist(
            "observation",
            eta,
            cells.denominator,
            constant,
            *own,
            dist=variable,
            logp=log_probability,
            signature=",".join(["()", "()", "()", *kinds]) + "->()",
            observed=cells.numerator,
        )
        if cells.censored is not None:
            pm.Potential("interval_count", self._intervals(cells.censored, cells.prepared, *own))

    def _intervals(self, censored: Censored, prepared: Mapping[str, Tensor], *own: Tensor) -> Tensor:
        """log P(at_least <= count <= at_most) of every interval cell."""
        import pytensor.tensor as pt
        from pytensor.gradient import disconnected_grad

        least, most = pt.as_tensor(censored.at_least)[:, None], pt.as_tensor(censored.at_most)[:, None]
        denominator = pt.as_tensor(censored.denominator)[:, None]
        reached = least + pt.arange(pt.max(most - least) + 1.0)
        # counts past the end repeat the last one and weigh nothing: no infinity enters value or gradient
        count = pt.minimum(reached, most)
        constant = prepared.get("interval_constant")
        if constant is None:
            constant = self.constant(count, denominator, pt.special)
        masses = self.varying(count, pt.as_tensor(censored.eta)[:, None], denominator, *own) + constant
        peak = disconnected_grad(pt.max(masses, axis=1, keepdims=True))
        inside = pt.switch(reached <= most, pt.exp(masses - peak), 0.0)
        return peak[:, 0] + pt.log(pt.sum(inside, axis=1))


def density_of_counts(
    log_mass: Callable[[Array, Array, Array, Parameters], Array],
    eta: Array,
    cells: Observed,
    parameters: Parameters,
) -> Array:
    """`log_density` of a count law: observed cells, then log P(at_least <= count <= at_most) of interval cells.

    log_mass(count, eta, denominator, parameters): the law's log-probability of counts.
    """
    density = log_mass(cells.numerator, eta, cells.denominator, parameters)
    censored = cells.censored
    if censored is None:
        return density
    least, most = (np.asarray(end, dtype=float)[:, None] for end in (censored.at_least, censored.at_most))
    count = least + np.arange(np.max(most - least, initial=0.0) + 1.0)
    masses = log_mass(
        np.minimum(count, most),
        np.asarray(censored.eta)[..., None],
        np.asarray(censored.denominator, dtype=float)[:, None],
        {name: np.asarray(value)[..., None] for name, value in parameters.items()},
    )
    intervals = scipy.special.logsumexp(np.where(count <= most, masses, -np.inf), axis=-1)
    return np.concatenate([density, intervals], axis=-1)


def link_of(level: float, link: str) -> float:
    """A positive level on the link scale; identity leaves it as it is."""
    if link == "log":
        return float(np.log(level))
    if link == "logit":
        return float(np.log(level) - np.log1p(-level))
    return float(level)
