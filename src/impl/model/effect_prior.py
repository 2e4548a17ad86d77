"""The prior of the time-averaged effect, all its parts together: what a synthesis divides out of a posterior."""

from __future__ import annotations

import numpy as np
import pandas as pd

from impl.model.effects.effect import Array, Scale
from impl.model.structure import Structure
from impl.release.release import StatedBelief

DRAWS = 20_000
SEED = 8  # of the shares and ramps of shapes that are not linear; the answer is a constant of the structure


def effect_prior(structure: Structure, window: pd.DataFrame) -> StatedBelief:
    """Mean and SD of the time-averaged effect before the data, link scale.

    window: the cells it is about (`estimands.window_rows`). The effect's level, its change over time and the sites' own
    departures enter; what is estimated beside it (contrast of groups, moderators) is centred and left out.
    """
    priors = structure.priors
    level = priors.effect**2
    if structure.other_bundles:
        level += priors.other_bundle**2  # mean + sd x N(0, 1), sd half-normal: E sd^2 is the scale squared
    times = np.unique(window["bin"].to_numpy()) - 1
    variance = level
    shape, length = structure.effect, structure.bins
    if shape.basis is not None and shape.scale is not None and length > 1:
        row = shape.basis(length, structure.months)[times].mean(axis=0)
        variance += second_moment(shape.scale(priors)) * float(row @ row)
    elif shape.numpy_curve is not None:
        share = shape.numpy_curve(np.ones(DRAWS), _draws(structure, length), length, structure.months)
        variance *= float(np.mean(share[:, times].mean(axis=1) ** 2))
    if structure.site_effects:
        by_time = window.groupby("exposure")["site"].transform("size") * window["exposure"].nunique()
        weight = (1.0 / by_time).groupby(window["site"]).sum().to_numpy()
        variance += priors.site_effect**2 * float(weight @ weight)
    return StatedBelief(mean=0.0, sd=float(np.sqrt(variance)))


def second_moment(scale: Scale) -> float:
    """E of the squared scale: (median x exp(log_sd Z) + half |Z'|)^2."""
    median, log_sd, half = scale
    first = median * np.exp(log_sd**2 / 2)
    return float(median**2 * np.exp(2 * log_sd**2) + 2 * first * half * np.sqrt(2 / np.pi) + half**2)


def _draws(structure: Structure, length: int) -> dict[str, Array]:
    rng = np.random.default_rng(SEED)
    priors = structure.priors
    ramp = priors.ramp_log_median * np.exp(priors.ramp_log_sd * rng.standard_normal(DRAWS))
    return {"effect_ramp_months": ramp, "effect_share": rng.dirichlet(np.ones(length), DRAWS)}
