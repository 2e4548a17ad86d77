"""The PyMC model of a study, built from its structure: a plain `pm.Model`.

On the link scale eta = untreated + effect (+ measurement, 0 in this version):
untreated = intercept + wave + site + calendar or trend + season + cell;
effect = treated x (curve[time since start] + contrast[group]) + transition.
Every term that `predict` needs is recorded under a name of its own; row quantities are not stored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from impl.data.panel import Panel
from impl.model.likelihoods.likelihood import Observed
from impl.model.structure import GROUPS, Structure, describe_structure
from impl.study.study import Study


class EvaluationModel(pm.Model):  # type: ignore[misc]
    """A `pm.Model` that knows the structure it was built from; nothing else is added to PyMC's class.

    eta: the link-scale predictor of the observed cells, for prior and posterior checks; never recorded.
    """

    structure: Structure
    eta: Any


def build_model(study: Study, panel: Panel, measure: str | None = None) -> EvaluationModel:
    """The model of one measure (the primary one unless named), not yet sampled.

    Raises DesignError where study and data cannot answer together.
    """
    return model_of(describe_structure(study, panel, measure))


def model_of(structure: Structure) -> EvaluationModel:
    """The PyMC graph of a structure; all-observed cells are `pm.Data` of the same names as the table's."""
    rows = structure.rows
    keep = np.flatnonzero(rows["observed"].to_numpy())
    coords = {
        "site": list(structure.sites),
        "period": list(range(len(structure.periods))),
        "wave": list(range(structure.waves)),
        "exposure": list(range(1, structure.bins + 1)),
        "harmonic": list(range(2 * structure.harmonics)),
        "group": list(GROUPS[1:]),
    }
    with EvaluationModel(coords=coords) as model:
        cells = Observed(
            numerator=pm.Data("numerator", rows["numerator"].to_numpy()[keep]),
            denominator=pm.Data("denominator", rows["denominator"].to_numpy()[keep]),
            **_spread(structure, keep),
        )
        eta = _with_cells(structure, _untreated(structure, keep) + _effect(structure, keep), keep)
        structure.likelihood.observe(eta, cells, structure.priors)
    model.structure = structure
    model.eta = eta
    built: EvaluationModel = model
    return built


def _spread(structure: Structure, keep: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Sums of squares of the cells with more than one person, where every such cell brought one."""
    rows = structure.rows.iloc[keep]
    several = np.flatnonzero(rows["denominator"].to_numpy() > 1)
    squares = rows["sum_squares"].to_numpy()[several]
    if structure.likelihood.link != "identity" or several.size == 0 or np.isnan(squares).any():
        return {}
    return {"sum_squares": pm.Data("sum_squares", squares), "several": several}


def _untreated(structure: Structure, keep: npt.NDArray[np.int64]) -> Any:
    rows, priors = structure.rows.iloc[keep], structure.priors
    site, period = rows["site"].to_numpy(), rows["period"].to_numpy()
    level = _site_levels(structure)[site] if structure.latent_sites else _shared_level(structure)
    if structure.calendar == "categorical":
        calendar = pm.ZeroSumNormal("calendar_effect", priors.calendar, dims="period")
        level = level + calendar[period]
    elif structure.calendar == "smooth":
        level = level + _smooth_calendar(structure)[period]
    if structure.trend:
        level = level + pm.Normal("trend", 0.0, priors.trend) * rows["years"].to_numpy()
    if structure.harmonics:
        amplitude = pm.HalfNormal("season_sd", priors.season)
        raw = pm.Normal("season_raw", 0.0, 1.0, dims="harmonic")
        level = level + amplitude * pt.dot(fourier(rows["phase"].to_numpy(), structure.harmonics), raw)
    return level


def _shared_level(structure: Structure) -> Any:
    """Intercept, by site where there are waves."""
    level = pm.Normal("intercept", structure.location, structure.priors.intercept)
    if structure.wave_effects:
        wave = pm.ZeroSumNormal("wave_effect", structure.priors.wave, dims="wave")
        level = level + wave[structure.rows.drop_duplicates("site")["wave"].to_numpy()]
    return level


def _site_levels(structure: Structure) -> Any:
    """Level of each site: centred where long series determine it, else non-centred; the same law."""
    centre, sd = _shared_level(structure), _site_sd(structure)
    if not structure.centred_sites:
        return centre + sd * pm.Normal("site_raw", 0.0, 1.0, dims="site")
    level = pm.Normal("site_level", centre, sd, dims="site")
    pm.Deterministic("site_raw", (level - centre) / sd, dims="site")  # what `predict` reads
    return level


def _smooth_calendar(structure: Structure) -> Any:
    """Random walk over calendar time, centred so that the intercept stays the mean level."""
    sd = pm.HalfNormal("calendar_step_sd", structure.priors.calendar_step)
    steps = pm.Normal("calendar_step", 0.0, 1.0, shape=len(structure.periods) - 1)
    walk = pt.concatenate([pt.zeros(1), pt.cumsum(steps)]) * sd * np.sqrt(structure.months)
    return pm.Deterministic("calendar_effect", walk - walk.mean(), dims="period")


def _site_sd(structure: Structure) -> Any:
    """SD between sites; with cell effects it is one share of the total (Hooper 2016, Girling & Hemming 2016)."""
    priors = structure.priors
    if not structure.latent_cells:
        return pm.HalfNormal("site_sd", priors.site)
    total = pm.HalfNormal("total_sd", priors.site)
    share = pm.Beta("cluster_autocorrelation", priors.cell_share_alpha, priors.cell_share_beta)
    pm.Deterministic("cell_sd", total * pt.sqrt(1.0 - share))
    return pm.Deterministic("site_sd", total * pt.sqrt(share))


def _with_cells(structure: Structure, eta: Any, keep: npt.NDArray[np.int64]) -> Any:
    """Add cell effects: non-centred, or hierarchically centred where each cell carries much information."""
    if not structure.latent_cells:
        return eta
    model = pm.modelcontext(None)
    if structure.latent_sites:
        sd = model["cell_sd"]
    else:
        sd = pm.HalfNormal("cell_sd", structure.priors.single_site_cell)
    if structure.centred_cells:
        return pm.Normal("cell_level", eta, sd, shape=len(keep))
    rows = structure.rows.iloc[keep]
    raw = pm.Normal("cell_raw", 0.0, 1.0, dims=("site", "period"))
    return eta + sd * raw[rows["site"].to_numpy(), rows["period"].to_numpy()]


def _effect(structure: Structure, keep: npt.NDArray[np.int64]) -> Any:
    rows, priors = structure.rows.iloc[keep], structure.priors
    curve = pm.Deterministic(
        "curve", structure.effect.curve(structure.bins, structure.months, priors), dims="exposure"
    )
    # bin 0 is "not started": a zero in front makes the lookup branch-free
    effect = pt.concatenate([pt.zeros(1), curve])[rows["bin"].to_numpy()]
    if structure.contrast:
        sd = pm.HalfNormal("contrast_sd", priors.contrast)
        shift = pm.Deterministic(
            "contrast", sd * pm.Normal("contrast_raw", 0.0, 1.0, dims="group"), dims="group"
        )
        padded = pt.concatenate([pt.zeros(1), shift])
        effect = effect + rows["treated"].to_numpy(dtype=float) * padded[rows["group"].to_numpy()]
    if structure.transition:
        effect = effect + rows["transition"].to_numpy(dtype=float) * pm.Normal(
            "transition_effect", 0.0, priors.transition
        )
    return effect


def fourier(phase: np.ndarray, harmonics: int) -> np.ndarray:
    """Seasonal basis, rows x (2 x harmonics): cos, sin of each harmonic in turn."""
    order = np.arange(1, harmonics + 1)
    angles = phase[:, None] * order[None, :]
    return np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(phase), 2 * harmonics)
