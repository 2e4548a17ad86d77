"""The priors of a model as SciPy distributions: read where a prior is held against its posterior.

Top-level priors only. A term whose spread is itself learnt (sites, cells, steps) is part of the model, not a
prior that somebody chose, and is not scaled (Kallioinen et al. 2024, Stat Comput 34:57, section 2.3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.special import logsumexp

from impl.model.fitted import Fit
from impl.model.priors import Priors
from impl.model.structure import LEARNT, Structure
from impl.network.normal import Mixture

Array = npt.NDArray[np.float64]
Law = Any
"""A frozen SciPy distribution; the package has no types."""


class MixtureLaw:
    """A mixture of normals with the methods of a frozen SciPy distribution that are used here."""

    def __init__(self, weight: Array, mean: Array, sd: Array) -> None:
        self._mixture = Mixture(mean=mean[None, :], sd=sd[None, :], weight=weight)

    def cdf(self, at: npt.ArrayLike) -> Array:
        """At numbers of any shape."""
        flat = np.ravel(np.asarray(at, dtype=float))
        each = Mixture(
            mean=np.repeat(self._mixture.mean, len(flat), axis=0),
            sd=self._mixture.sd,
            weight=self._mixture.weight,
        )
        return each.below(flat).reshape(np.shape(at))

    def logpdf(self, at: npt.ArrayLike) -> Array:
        part = self._mixture
        found = stats.norm.logpdf(np.asarray(at, dtype=float)[..., None], part.mean[0], part.sd[0])
        result: Array = logsumexp(found, b=part.weight, axis=-1)
        return result

    def ppf(self, level: float) -> float:
        return float(self._mixture.quantiles(level)[0])

    def median(self) -> float:
        return self.ppf(0.5)

    def var(self) -> float:
        return float(self._mixture.moments()[1][0] ** 2)


def prior_laws(structure: Structure) -> dict[str, Law]:
    """Law of each top-level parameter, by the name under which a fit records it; vectors are independent
    (zero-sum ones up to a constant). What the effect's shape does not use is left out."""
    priors = structure.priors
    laws = {"intercept": stats.norm(structure.location, priors.intercept)}
    laws |= effect_laws(structure)
    if structure.wave_effects:
        laws["wave_effect"] = stats.norm(0.0, priors.wave)
    if structure.calendar == "categorical":
        laws["calendar_effect"] = stats.norm(0.0, priors.calendar)
    if structure.trend:
        laws["trend"] = stats.norm(0.0, priors.trend)
        if structure.trend_difference:
            laws["trend_difference"] = stats.norm(0.0, priors.trend)
    if structure.covariates:
        laws["covariate_effect"] = stats.norm(0.0, priors.covariate)
    if structure.transition == "own":
        laws["transition_effect"] = stats.norm(0.0, priors.transition)
    if structure.anticipation:
        laws["anticipation_effect"] = stats.norm(0.0, priors.anticipation)
    for name, belief in (
        ("secular_change", structure.secular),
        ("reporting_change", structure.reporting),
    ):
        if belief is not None:
            laws[name] = stats.norm(belief.mean, belief.sd)
    return laws | _spread_laws(structure) | _cluster_laws(structure) | _likelihood_laws(structure)


def effect_laws(structure: Structure) -> dict[str, Law]:
    """Laws of effects alone: their level and the scale of their change over time."""
    priors, shape = structure.priors, structure.effect
    if structure.other_bundles:
        laws = {
            "bundle_mean": stats.norm(0.0, priors.effect),
            "bundle_sd": stats.halfnorm(0.0, priors.other_bundle),
        }
    elif structure.learnt is not None:
        laws = {LEARNT: MixtureLaw(*structure.learnt.part_weights(priors.effect))}
    else:
        laws = {"effect_level": stats.norm(0.0, priors.effect)}
    curves = {"effect": structure.bins}
    curves |= {f"other_{index}": structure.other_bins for index in range(len(structure.other_bundles))}
    for curve, length in curves.items():
        if shape.scale is None or length == 1:
            continue
        scale = shape.scale(priors)
        if scale.log_sd > 0:
            laws[f"{curve}_scale_log"] = stats.norm(0.0, 1.0)
        if scale.half > 0:
            laws[f"{curve}_scale_half"] = stats.halfnorm(0.0, 1.0)
    if shape.name == "growth":
        laws["effect_ramp_months"] = stats.lognorm(priors.ramp_log_sd, 0.0, priors.ramp_log_median)
    return laws


def _spread_laws(structure: Structure) -> dict[str, Law]:
    priors = structure.priors
    scales = {
        "calendar_step_sd": (structure.calendar == "smooth", priors.calendar_step),
        "shock_sd": (structure.calendar == "shocks", priors.shock),
        "stratum_sd": (structure.strata > 0, priors.stratum),
        "season_sd": (structure.harmonics > 0, priors.season),
        "site_trend_sd": (structure.trend and structure.site_trends, priors.site_trend),
        "site_effect_sd": (structure.site_effects, priors.site_effect),
        "site_slope_sd": (structure.site_slopes, priors.site_slope),
        "contrast_sd": (structure.contrast, priors.contrast),
        "moderator_sd": (bool(structure.moderators), priors.moderator),
    }
    laws = {name: stats.halfnorm(0.0, sd) for name, (present, sd) in scales.items() if present}
    if structure.site_effects and structure.site_correlation:
        laws["site_correlation_half"] = stats.beta(2.0, 2.0)
    return laws


def _cluster_laws(structure: Structure) -> dict[str, Law]:
    priors, name = structure.priors, structure.clustering
    share = stats.beta(priors.cell_share_alpha, priors.cell_share_beta)
    if len(structure.sites) == 1:
        if name == "decay":
            mean, sd = priors.autocorrelation_mean, priors.autocorrelation_sd
            ends = (-0.5 - mean) / sd, (0.98 - mean) / sd
            return {
                "total_sd": stats.halfnorm(0.0, priors.single_site_cell),
                "period_autocorrelation": stats.truncnorm(*ends, mean, sd),
            }
        return {"cell_sd": stats.halfnorm(0.0, priors.single_site_cell)} if name == "nested" else {}
    if name == "exchangeable":
        return {"site_sd": stats.halfnorm(0.0, priors.site)}
    if name == "decay":
        return {"total_sd": stats.halfnorm(0.0, priors.site), "quarter_autocorrelation": share}
    laws = {"total_sd": stats.halfnorm(0.0, priors.site), "cluster_autocorrelation": share}
    if name == "cohort":
        laws["person_sd"] = stats.halfnorm(0.0, priors.residual)
    return laws


def _likelihood_laws(structure: Structure) -> dict[str, Law]:
    priors: Priors = structure.priors
    laws = {
        "overdispersion": stats.halfnorm(0.0, priors.overdispersion),
        "extra_correlation": stats.beta(priors.extra_correlation_alpha, priors.extra_correlation_beta),
        "residual_sd": stats.halfnorm(0.0, priors.residual),
        "degrees_of_freedom": stats.gamma(priors.tail_shape, 2.0, 1.0 / priors.tail_rate),
        "cut_gap": stats.lognorm(priors.cut_gap_log_sd, 0.0, priors.cut_gap_median),
    }
    own = set(structure.likelihood.parameters)
    if "cut_points" in own:
        own.add("cut_gap")
    return {name: law for name, law in laws.items() if name in own}


def log_prior(fit: Fit, laws: dict[str, Law]) -> Array:
    """Joint log-density of the parameters in `laws` at each draw, up to a constant."""
    total = np.zeros(fit.draws)
    for name, law in laws.items():
        density = law.logpdf(fit.flat(name))
        total += density.reshape(fit.draws, -1).sum(axis=1)
    return total
