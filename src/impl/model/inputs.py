"""What goes into a compiled model: every array of a structure, as `pm.Data` of the graph.

The graph (`build`) reads arrays by name; a compiled model can be given those of another study of the same
structure (`fit.compile_model`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm

from impl.model.columns import BUNDLE
from impl.model.effects.effect import rotated_basis
from impl.model.likelihoods.likelihood import Censored, Observed, link_of
from impl.model.structure import AFTER, Structure

PREPARED = "prepared_"
QUARTER = 3.0  # months; correlations and steps have their priors per quarter


class Inputs:
    """The arrays of a structure; each becomes `pm.Data` of the current model when it is first used.

    Scalars share one vector, `scalars`: every `pm.Data` costs the compiler 0.2 to 0.4 seconds.
    """

    def __init__(self, structure: Structure) -> None:
        arrays = arrays_of(structure)
        self.scalars = [name for name, array in arrays.items() if array.ndim == 0]
        self.arrays = {name: array for name, array in arrays.items() if array.ndim > 0}
        self.arrays["scalars"] = np.array([float(arrays[name]) for name in self.scalars])
        self.used: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self.scalars:
            return self["scalars"][self.scalars.index(name)]
        if name not in self.used:
            self.used[name] = pm.Data(name, self.arrays[name])
        return self.used[name]


class PriorInputs:
    """Prior scales as `pm.Data` scalars, read like the attributes of `Priors`."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs

    def __getattr__(self, name: str) -> Any:
        return self._inputs["prior_" + name]


def arrays_of(structure: Structure) -> dict[str, npt.NDArray[Any]]:
    """Every array that a compiled model of this structure may be given, by the name of its `pm.Data`."""
    rows = structure.rows
    used = np.flatnonzero(rows["used"].to_numpy())
    interval = np.flatnonzero(rows["interval"].to_numpy())
    several = np.flatnonzero(rows["denominator"].to_numpy()[used] > 1)
    by_site = rows.drop_duplicates("site")
    by_period = rows.iloc[: len(structure.periods)]
    treated = structure.grid("treated").astype(float)
    arrays: dict[str, Any] = {
        "location": structure.location,
        "used_row": used,
        "numerator": rows["numerator"].to_numpy()[used],
        "denominator": rows["denominator"].to_numpy()[used],
        "several": several,
        "sum_squares": rows["sum_squares"].to_numpy()[used][several],
        "interval_row": interval,
        "interval_denominator": rows["denominator"].to_numpy()[interval],
        "at_least": rows["at_least"].to_numpy()[interval],
        "at_most": rows["at_most"].to_numpy()[interval],
        "site_wave": by_site["wave"].to_numpy(),
        "site_stratum": by_site["stratum"].to_numpy(),
        "site_compared": (~by_site["comparison"]).to_numpy(dtype=float),
        "years": by_period["years"].to_numpy(),
        "season_basis": fourier(by_period["phase"].to_numpy(), structure.harmonics),
        "exposure_bin": structure.grid("bin"),
        "treated": treated,
        "treated_years": treated * np.maximum(structure.grid("exposure") - 1, 0) * structure.months / 12.0,
        "after": structure.grid("after").astype(float),
        "transition": structure.grid("transition").astype(float),
        "dose": structure.grid("dose"),
        "cell_lead": structure.grid("lead"),
        "cell_group": structure.grid("group"),
        "cell_crude": _crude_cells(structure),
        "months": structure.months,
        "quarters": structure.months / QUARTER,
        "sqrt_months": np.sqrt(structure.months),
        **{f"prior_{name}": value for name, value in vars(structure.priors).items() if name != "name"},
    }
    for name in (*structure.covariates, *structure.moderators, *structure.doses):
        arrays[name] = structure.grid(name)
    if structure.fades:
        arrays[AFTER] = structure.grid(AFTER)
    for bundle in structure.other_bundles:
        arrays[BUNDLE + bundle] = structure.grid(BUNDLE + bundle)
    if structure.effect.basis is not None and structure.effect.scale is not None:
        arrays |= _effect_arrays(structure, structure.effect.basis(structure.bins, structure.months))
        arrays["other_basis"] = structure.effect.basis(structure.other_bins, structure.months)
        arrays["effect_scale"] = np.array(structure.effect.scale(structure.priors), dtype=float)
    if structure.learnt is not None:
        arrays["learnt"] = np.concatenate(structure.learnt.part_weights(structure.priors.effect)).reshape(
            3, 2
        )
    for name, belief in (("secular", structure.secular), ("reporting", structure.reporting)):
        if belief is not None:
            arrays[name] = np.array([belief.mean, belief.sd])
    if structure.answers is not None:
        arrays["answers"] = structure.answers[used]
    if structure.clustering == "cohort":
        arrays |= _cohort_arrays(structure)
    arrays |= _exposure_shares(structure)
    arrays |= _prepared(structure, arrays)
    return {name: np.asarray(value) for name, value in arrays.items()}


def _effect_arrays(structure: Structure, basis: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Basis of a linear shape, its columns turned for the sampler, and the mean of each over treated cells."""
    rows = structure.rows
    reached = np.bincount(rows.loc[rows["used"], "bin"], minlength=structure.bins + 1)[1:]
    weights = (
        reached.astype(float) + 1.0 / structure.bins
    )  # an exposure time that nobody reached still has a direction
    turned = rotated_basis(basis, weights)
    arrays = {"effect_basis": turned, "effect_basis_mean": weights @ turned / weights.sum()}
    if structure.learnt is not None:
        arrays["effect_basis_window"] = turned[window_bins(structure)].mean(axis=0)
    return arrays


def window_bins(structure: Structure) -> npt.NDArray[np.int64]:
    """Places on the curve that the time-averaged effect is the mean of: exposure times of the window with data."""
    rows = structure.rows
    first, last = structure.window
    inside = rows["observed"] & rows["treated"] & rows["exposure"].between(first, last)
    return np.unique(rows.loc[inside, ["exposure", "bin"]].to_numpy(), axis=0)[:, 1] - 1


def _exposure_shares(structure: Structure) -> dict[str, Any]:
    """Share of each exposure time in the used cells of a site and of a period, by denominator; zero for none."""
    rows = structure.rows[structure.rows["used"]]
    shares = {}
    for line, count in (("site", len(structure.sites)), ("period", len(structure.periods))):
        weight = np.zeros((count, structure.bins + 1))
        np.add.at(weight, (rows[line].to_numpy(), rows["bin"].to_numpy()), rows["denominator"].to_numpy())
        total = weight.sum(axis=1, keepdims=True)
        shares[f"{line}_exposure"] = weight[:, 1:] / np.where(total > 0, total, 1.0)
    return shares


def _crude_cells(structure: Structure) -> npt.NDArray[np.float64]:
    """Crude level of each used cell on the link scale, site x period; the prior's location elsewhere."""
    level = (structure.grid("numerator") + 0.5) / (structure.grid("denominator") + 1.0)
    crude = np.vectorize(link_of, otypes=[float])(level, structure.likelihood.link)
    return np.where(structure.grid("used"), crude, structure.location)


def prepared_names(arrays: Mapping[str, npt.NDArray[Any]]) -> list[str]:
    return [name.removeprefix(PREPARED) for name in arrays if name.startswith(PREPARED)]


def _prepared(structure: Structure, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """Arrays that the law computes once from the data, so that no gradient repeats it."""
    censored = None
    if len(arrays["interval_row"]):
        censored = Censored(
            eta=None,
            denominator=arrays["interval_denominator"],
            at_least=arrays["at_least"],
            at_most=arrays["at_most"],
        )
    cells = Observed(
        numerator=arrays["numerator"],
        denominator=arrays["denominator"],
        answers=arrays.get("answers"),
        stated_level=structure.measure.stated_level,
        censored=censored,
    )
    return {PREPARED + name: array for name, array in structure.likelihood.prepare(cells).items()}


def _cohort_arrays(structure: Structure) -> dict[str, Any]:
    """Sufficient statistics of a complete closed cohort: persons a site, and their squares between and within."""
    by_site = structure.rows.groupby("site", sort=True)
    persons = by_site["denominator"].first().to_numpy()
    between = by_site["person_sum_squares"].first().to_numpy()
    within = by_site["sum_squares"].sum().to_numpy() - len(structure.periods) * between
    return {"persons": persons, "persons_between": between, "persons_within": within}


def fourier(phase: np.ndarray, harmonics: int) -> np.ndarray:
    """Seasonal basis, rows x (2 x harmonics): cos, sin of each harmonic in turn."""
    order = np.arange(1, harmonics + 1)
    angles = phase[:, None] * order[None, :]
    return np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(phase), 2 * harmonics)
