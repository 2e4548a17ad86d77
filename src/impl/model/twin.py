"""A study's structure as its Gaussian twin (`impl.model.gls`): the same terms and priors as `impl.model.build`.

Scales that the sampler would learn are held at stated values, counts are replaced by normal cells with the
variance that the baseline level implies, and the outcome enters through that level alone. Left out: the
contrast of adaptations and the correlation of level and effect between sites; `mono` and `growth` have no
linear form and are taken as `rw`. The effect is the mean over sites, so with effects that differ between
sites the twin is a little less certain than a statement about these sites.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import betaincinv, gammaincinv, ndtri

from impl.model.columns import BUNDLE
from impl.model.effects import EFFECTS
from impl.model.effects.effect import EffectShape
from impl.model.fitted import Fit
from impl.model.gls import (
    Array,
    Block,
    Curve,
    LinearModel,
    cluster_covariance,
    column,
    constant_effect_weights,
    exposure_indicators,
    intercept,
    period_effects,
    period_walk,
    season,
    shaped_curve,
    wave_effects,
)
from impl.model.structure import Structure

HALF_NORMAL_MEDIAN = float(ndtri(0.75))
Scales = Mapping[str, float]
"""Values of the scales that the sampler learns, by the name under which a fit records them."""


def prior_scales(structure: Structure) -> dict[str, float]:
    """Prior median of every learnt scale that the model of this structure has.

    SD and shares on the link scale; `effect_scale` is the scale of the effect's shape. The SD between persons
    of an identity link stands at the SD before start that its prior was scaled by; in a cohort half of that
    variance lies between persons (choice).
    """
    priors, shape = structure.priors, _linear_shape(structure)
    scale = shape.scale(priors) if shape.scale is not None else None
    share = float(betaincinv(priors.cell_share_alpha, priors.cell_share_beta, 0.5))
    single = len(structure.sites) == 1
    scales = {
        "effect_scale": 0.0 if scale is None else scale.median + HALF_NORMAL_MEDIAN * scale.half,
        "site_effect_sd": HALF_NORMAL_MEDIAN * priors.site_effect if structure.site_effects else 0.0,
        "site_slope_sd": HALF_NORMAL_MEDIAN * priors.site_slope if structure.site_slopes else 0.0,
        "site_trend_sd": HALF_NORMAL_MEDIAN * priors.site_trend if structure.site_trends else 0.0,
    }
    if structure.clustering == "exchangeable":
        scales["site_sd"] = HALF_NORMAL_MEDIAN * priors.site
    elif single and structure.clustering == "nested":
        scales["cell_sd"] = HALF_NORMAL_MEDIAN * priors.single_site_cell
    elif single and structure.clustering == "decay":
        scales["total_sd"] = HALF_NORMAL_MEDIAN * priors.single_site_cell
        scales["period_autocorrelation"] = priors.autocorrelation_mean
    elif structure.clustering == "decay":
        scales["total_sd"] = HALF_NORMAL_MEDIAN * priors.site
        scales["period_autocorrelation"] = share ** (structure.months / 3.0)
    elif structure.clustering != "none":
        scales["total_sd"] = HALF_NORMAL_MEDIAN * priors.site
        scales["cluster_autocorrelation"] = share
    if structure.calendar == "smooth":
        scales["calendar_step_sd"] = HALF_NORMAL_MEDIAN * priors.calendar_step
    if structure.calendar == "shocks":
        scales["shock_sd"] = HALF_NORMAL_MEDIAN * priors.shock
    if structure.strata:
        scales["stratum_sd"] = HALF_NORMAL_MEDIAN * priors.stratum
    if structure.harmonics:
        scales["season_sd"] = HALF_NORMAL_MEDIAN * priors.season
    if structure.other_bundles:
        scales["bundle_sd"] = HALF_NORMAL_MEDIAN * priors.other_bundle
    return scales | _likelihood_scales(structure)


def fitted_scales(fit: Fit) -> dict[str, float]:
    """Posterior mean of every scale of `prior_scales`; the prior median where the fit has no such parameter."""
    posterior = fit.tree.posterior.data_vars
    return {
        name: float(fit.flat(name).mean()) if name in posterior else value
        for name, value in prior_scales(fit.structure).items()
    }


def _likelihood_scales(structure: Structure) -> dict[str, float]:
    priors, law = structure.priors, structure.likelihood.name
    if law == "negbin":
        return {"overdispersion": HALF_NORMAL_MEDIAN * priors.overdispersion}
    if law == "betabinomial":
        median = betaincinv(priors.extra_correlation_alpha, priors.extra_correlation_beta, 0.5)
        return {"extra_correlation": float(median)}
    if structure.likelihood.link != "identity":
        return {}
    if structure.clustering == "cohort":
        half = priors.residual * np.sqrt(0.5)
        return {"residual_sd": half, "person_sd": half}
    scales = {"residual_sd": priors.residual}
    if law == "student":
        excess = gammaincinv(priors.tail_shape, 0.5) / priors.tail_rate
        scales["degrees_of_freedom"] = 2.0 + float(excess)
    return scales


def gls_twin(structure: Structure, scales: Scales) -> LinearModel:
    """The twin with scales as given: `prior_scales`, or a fit's posterior means under the same names.

    Exposure times are the structure's bins; those of further bundles follow, `structure.other_bins` each.
    """
    blocks = _level_terms(structure) + _time_terms(structure, scales) + _effect_terms(structure)
    return LinearModel(
        information=cell_information(structure, scales),
        covariance=_site_covariance(structure, scales),
        untreated=tuple(blocks),
        exposed=_exposed(structure),
        curve=_curve(structure, scales),
    )


def constant_effect_weights_of(structure: Structure, scales: Scales) -> Array:
    """Weight of each bin of time since start in the constant-effect (IT) estimate; they sum to 1."""
    return constant_effect_weights(gls_twin(structure, scales), structure.bins)


def window_weights(structure: Structure) -> Array:
    """Weights over exposure times whose sum is the time-averaged effect: equal over the window's times with data."""
    rows = structure.rows
    first, last = structure.window
    seen = rows.loc[rows["observed"] & rows["treated"] & rows["exposure"].between(first, last), "exposure"]
    times = seen.unique()
    weights = np.zeros(structure.bins + len(structure.other_bundles) * structure.other_bins)
    weights[times - 1] = 1.0 / len(times)
    return weights


def cell_information(structure: Structure, scales: Scales) -> Array:
    """Information of each cell about its own level on the link scale, site x period; 0 without data.

    From the denominators and the baseline level alone: never from a cell's own outcome.
    """
    law = structure.likelihood
    known = structure.grid("used") | structure.grid("interval")
    denominator = np.where(known, np.nan_to_num(structure.grid("denominator").astype(float)), 0.0)
    if law.link == "identity":
        information = denominator / scales["residual_sd"] ** 2
        if law.name == "student":  # Fisher information of a location, per 1/scale²
            degrees = scales["degrees_of_freedom"]
            information = information * (degrees + 1.0) / (degrees + 3.0)
        return np.asarray(information)
    level = float(law.mean(np.array(structure.location)))
    if law.link == "log":
        events = denominator * level
        return np.asarray(events / (1.0 + scales.get("overdispersion", 0.0) ** 2 * events))
    correlation = scales.get("extra_correlation", 0.0)
    inflation = 1.0 + np.maximum(denominator - 1.0, 0.0) * correlation
    return np.asarray(denominator * level * (1.0 - level) / inflation)


def _level_terms(structure: Structure) -> list[Block]:
    priors, shape = structure.priors, structure.shape
    blocks = [intercept(shape, priors.intercept)]
    if structure.wave_effects:
        blocks.append(wave_effects(structure.grid("wave")[:, 0], shape[1], priors.wave))
    # a covariate may be missing where nothing was observed; such cells have no information
    blocks += [
        column(np.nan_to_num(structure.grid(name).astype(float)), priors.covariate)
        for name in structure.covariates
    ]
    if structure.secular is not None:
        blocks.append(column(structure.grid("after"), structure.secular.sd))
    return blocks


def _time_terms(structure: Structure, scales: Scales) -> list[Block]:
    priors, shape = structure.priors, structure.shape
    blocks = []
    if structure.calendar == "categorical":
        blocks.append(period_effects(shape, priors.calendar))
    elif structure.calendar == "shocks":
        blocks.append(period_effects(shape, scales["shock_sd"]))
    elif structure.calendar == "smooth":
        blocks.append(period_walk(shape, scales["calendar_step_sd"] * np.sqrt(structure.months)))
    if structure.strata:
        own = np.eye(structure.strata)[structure.grid("stratum")[:, 0]]
        columns = np.einsum("is,tu->itsu", own, np.eye(shape[1])).reshape(*shape, -1)
        blocks.append(Block(columns, np.full(columns.shape[2], scales["stratum_sd"] ** -2)))
    if structure.trend:
        years = structure.grid("years")
        blocks.append(column(years, priors.trend))
        if structure.trend_difference:
            blocks.append(column(years * ~structure.grid("comparison"), priors.trend))
    if structure.harmonics:
        blocks.append(season(structure.grid("phase"), structure.harmonics, scales["season_sd"]))
    return blocks


def _effect_terms(structure: Structure) -> list[Block]:
    """What belongs to the bundle but to no exposure time, and a change in reporting."""
    priors = structure.priors
    blocks = []
    if structure.transition == "own":
        blocks.append(column(structure.grid("transition"), priors.transition))
    lead = structure.grid("lead")
    blocks += [column(lead == step, priors.anticipation) for step in range(1, structure.anticipation + 1)]
    if structure.reporting is not None:
        blocks.append(column(structure.grid("treated"), structure.reporting.sd))
    return blocks


def _exposed(structure: Structure) -> Array:
    exposed = exposure_indicators(structure.grid("bin"), structure.bins)
    if structure.transition == "dose":
        exposed[:, :, 0] += structure.grid("dose")
    others = [
        exposure_indicators(structure.grid(BUNDLE + bundle), structure.other_bins)
        for bundle in structure.other_bundles
    ]
    return np.concatenate([exposed, *others], axis=2)


def _curve(structure: Structure, scales: Scales) -> Curve:
    """Prior of the curve; with further bundles, levels around a common mean and a shape of their own each."""
    effect = structure.priors.effect
    own = shaped_curve(_basis(structure, structure.bins), scales["effect_scale"], effect)
    if not structure.other_bundles:
        return own
    basis = _basis(structure, structure.other_bins)
    if structure.effect.basis is None:
        basis = np.zeros_like(basis)  # as in the model: the further bundles' effects are constant there
    curves = [own] + [shaped_curve(basis, scales["effect_scale"], effect) for _ in structure.other_bundles]
    lengths = [len(curve.basis) for curve in curves]
    ends = np.cumsum(lengths)
    columns = [np.ones((ends[-1], 1))]
    precision = [np.array([effect**-2])]
    for end, length, curve in zip(ends, lengths, curves, strict=True):
        block = np.zeros((ends[-1], curve.basis.shape[1]))
        block[end - length : end] = curve.basis
        columns.append(block)
        precision.append(np.concatenate([[scales["bundle_sd"] ** -2], curve.precision[1:]]))
    return Curve(np.hstack(columns), np.concatenate(precision))


def _basis(structure: Structure, length: int) -> Array:
    shape = _linear_shape(structure)
    assert shape.basis is not None
    return shape.basis(length, structure.months)


def _linear_shape(structure: Structure) -> EffectShape:
    return structure.effect if structure.effect.basis is not None else EFFECTS["rw"]


def _site_covariance(structure: Structure, scales: Scales) -> Array:
    """Cluster process of each site over its periods, with what differs between sites in trend and effect."""
    sites, periods = structure.shape
    name = structure.clustering
    if name == "exchangeable":
        own = cluster_covariance(name, periods, scales["site_sd"] ** 2)
    elif name == "decay":
        own = cluster_covariance(name, periods, scales["total_sd"] ** 2, scales["period_autocorrelation"])
    elif name == "nested" and sites == 1:
        own = cluster_covariance(name, periods, scales["cell_sd"] ** 2, 0.0)
    elif name == "none":
        own = cluster_covariance(name, periods, 0.0)
    else:  # persons of a cohort are added below, their number being the site's
        own = cluster_covariance(
            "nested", periods, scales["total_sd"] ** 2, scales["cluster_autocorrelation"]
        )
    covariance = np.repeat(own[None], sites, axis=0)
    if name == "cohort":
        persons = np.nanmax(np.where(structure.grid("used"), structure.grid("denominator"), np.nan), axis=1)
        covariance += (scales["person_sd"] ** 2 / persons)[:, None, None]
    treated = structure.grid("treated").astype(float)
    since = treated * np.maximum(structure.grid("exposure") - 1, 0) * structure.months / 12.0
    for sd, values in (
        (scales["site_effect_sd"], treated),
        (scales["site_slope_sd"], since),
        (scales["site_trend_sd"], structure.grid("years")),
    ):
        if sd > 0:
            covariance += sd**2 * values[:, :, None] * values[:, None, :]
    return covariance
