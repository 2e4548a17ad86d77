"""The PyMC model of a study, built from its structure: a plain `pm.Model`.

On the link scale eta = untreated + effect + measurement, each a site x period grid:
untreated = intercept + wave + site + calendar or trend + season + covariates + further bundles + cell;
effect = treated x (curve[time since start] + site + contrast[group]) + transition + anticipation;
measurement = log change of the share of events that is reported.
Every term that `predict` needs is recorded under a name of its own; row quantities are not stored. All data
and prior scales are `pm.Data`, so that a compiled model can be given others (`fit.compile_model`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
from pytensor.graph.traversal import ancestors

from impl.data.panel import Panel
from impl.model.columns import BUNDLE
from impl.model.effects.effect import zero_sum_basis
from impl.model.inputs import PREPARED, Inputs, PriorInputs, prepared_names
from impl.model.likelihoods.likelihood import Censored, Observed
from impl.model.priors import HALF_LIFE_LOG_SD, HALF_LIFE_MEDIAN, RETAINED_ALPHA, RETAINED_BETA
from impl.model.series import series_log_density, stationary_series
from impl.model.structure import AFTER, GROUPS, LEARNT, Structure, describe_structure
from impl.study.study import Study

RELATIVE_CELLS = "relative_cell_level"
"""Centred cells less their crude level, so that every chain starts where the data are. Not recorded."""


class EvaluationModel(pm.Model):  # type: ignore[misc]
    """A `pm.Model` that knows the structure it was built from; nothing else is added to PyMC's class.

    eta: the link-scale predictor of the cells in the likelihood, for prior and posterior checks; never
    recorded. inputs: the arrays behind every `pm.Data`, by name.
    """

    structure: Structure
    eta: Any
    inputs: dict[str, npt.NDArray[Any]]


def build_model(study: Study, panel: Panel, measure: str | None = None) -> EvaluationModel:
    """The model of one measure (the primary one unless named), not yet sampled.

    Raises DesignError where study and data cannot answer together.
    """
    return model_of(describe_structure(study, panel, measure))


def model_of(structure: Structure) -> EvaluationModel:
    """The PyMC graph of a structure."""
    coords = {
        "site": list(structure.sites),
        "period": list(range(len(structure.periods))),
        "wave": list(range(structure.waves)),
        "stratum": list(range(structure.strata)),
        "exposure": list(range(1, structure.bins + 1)),
        "harmonic": list(range(2 * structure.harmonics)),
        "group": list(GROUPS[1:]),
        "covariate": list(structure.covariates),
        "moderator": list(structure.moderators),
        "other_bundle": list(structure.other_bundles),
        "other_exposure": list(range(1, structure.other_bins + 1)),
        "lead": list(range(1, structure.anticipation + 1)),
    }
    with EvaluationModel(coords=coords) as model:
        inputs = Inputs(structure)
        priors = PriorInputs(inputs)
        curve, others = _curves(structure, inputs, priors)
        eta = _untreated(structure, inputs, priors, curve) + _effects(structure, inputs, priors, curve)
        for bundle, other in others.items():
            eta = eta + pt.concatenate([pt.zeros(1), other])[inputs[BUNDLE + bundle]]
        if structure.reporting is not None:
            change = pm.Normal("reporting_change", inputs["reporting"][0], inputs["reporting"][1])
            eta = eta + inputs["treated"] * change
        eta = _with_cells(structure, eta, inputs, priors)
        flat = eta.flatten()
        used = flat if structure.whole_grid else flat[inputs["used_row"]]
        structure.likelihood.observe(used, _observed(structure, flat, inputs), priors)
        if structure.clustering == "cohort":
            _observe_persons(inputs, model["person_sd"], model["residual_sd"])
    model.structure = structure
    model.eta = used
    # what the law did not need is no input: a compiled model refuses data that it does not know
    graph = (*model.basic_RVs, *model.rvs_to_values.values(), *model.potentials, *model.deterministics)
    needed = {variable.name for variable in ancestors(graph)}
    model.inputs = {name: inputs.arrays[name] for name in inputs.used if name in needed}
    built: EvaluationModel = model
    return built


def _observed(structure: Structure, eta: Any, inputs: Inputs) -> Observed:
    """The cells as the law sees them, with what it prepares from the data alone."""
    spread = structure.spread_known and structure.clustering != "cohort"
    censored = None
    if structure.rows["interval"].any():
        censored = Censored(
            eta=eta[inputs["interval_row"]],
            denominator=inputs["interval_denominator"],
            at_least=inputs["at_least"],
            at_most=inputs["at_most"],
        )
    return Observed(
        numerator=inputs["numerator"],
        denominator=inputs["denominator"],
        sum_squares=inputs["sum_squares"] if spread else None,
        several=inputs["several"] if spread else None,
        answers=inputs["answers"] if structure.answers is not None else None,
        stated_level=structure.measure.stated_level,
        censored=censored,
        prepared={name: inputs[PREPARED + name] for name in prepared_names(inputs.arrays)},
    )


# --- untreated


def _untreated(structure: Structure, inputs: Inputs, priors: PriorInputs, curve: Any) -> Any:
    """Everything but the bundles and the cells, site x period. curve: the bundle's, for the sampler's sake."""
    level = _site_levels(structure, inputs, priors, curve)[:, None] + pt.zeros(structure.shape)
    if structure.calendar != "none":
        level = level + _calendar(structure, inputs, priors, curve)
    if structure.trend:
        slope = pm.Normal("trend", 0.0, priors.trend) * pt.ones(len(structure.sites))
        if structure.trend_difference:
            slope = slope + inputs["site_compared"] * pm.Normal("trend_difference", 0.0, priors.trend)
        if structure.site_trends:
            sd = pm.HalfNormal("site_trend_sd", priors.site_trend)
            slope = slope + sd * pm.Normal("site_trend_raw", 0.0, 1.0, dims="site")
        level = level + slope[:, None] * inputs["years"][None, :]
    if structure.harmonics:
        amplitude = pm.HalfNormal("season_sd", priors.season)
        raw = pm.Normal("season_raw", 0.0, 1.0, dims="harmonic")
        level = level + (amplitude * pt.dot(inputs["season_basis"], raw))[None, :]
    if structure.covariates:
        coefficient = pm.Normal("covariate_effect", 0.0, priors.covariate, dims="covariate")
        for index, name in enumerate(structure.covariates):
            level = level + coefficient[index] * inputs[name]
    if structure.secular is not None:
        change = pm.Normal("secular_change", inputs["secular"][0], inputs["secular"][1])
        level = level + inputs["after"] * change
    return level


def _site_levels(structure: Structure, inputs: Inputs, priors: PriorInputs, curve: Any) -> Any:
    """Level of each site: centred where long series determine it, else non-centred; the same law."""
    level = pm.Normal("intercept", inputs["location"], priors.intercept) * pt.ones(len(structure.sites))
    if structure.wave_effects:
        wave = pm.ZeroSumNormal("wave_effect", priors.wave, dims="wave")
        level = level + wave[inputs["site_wave"]]
    if not structure.latent_sites:
        return level
    sd = _site_sd(structure, priors)
    if structure.centred_sites:
        # long series determine the mean of the site's cells, treated ones included
        shift = pt.dot(inputs["site_exposure"], curve)
        own = pm.Normal("site_level", level + shift, sd, dims="site") - shift
        pm.Deterministic("site_raw", (own - level) / sd, dims="site")  # what `predict` reads
        level = own
    else:
        level = level + sd * pm.Normal("site_raw", 0.0, 1.0, dims="site")
    if structure.clustering == "cohort":
        # the mean of a site's own persons differs from the site's level by their number only
        spread = pm.HalfNormal("person_sd", priors.residual) / pt.sqrt(inputs["persons"])
        level = level + spread * pm.Normal("person_raw", 0.0, 1.0, dims="site")
    return level


def _site_sd(structure: Structure, priors: PriorInputs) -> Any:
    """SD between sites; with cell effects it is one share of the total (Hooper 2016, Girling & Hemming 2016)."""
    if not structure.latent_cells:
        return pm.HalfNormal("site_sd", priors.site)
    total = pm.HalfNormal("total_sd", priors.site)
    share = pm.Beta("cluster_autocorrelation", priors.cell_share_alpha, priors.cell_share_beta)
    pm.Deterministic("cell_sd", total * pt.sqrt(1.0 - share))
    return pm.Deterministic("site_sd", total * pt.sqrt(share))


def _calendar(structure: Structure, inputs: Inputs, priors: PriorInputs, curve: Any) -> Any:
    """Calendar time, 1 x period, or site x period where strata have their own."""
    if structure.calendar == "categorical":
        # effects that sum to zero; their parameter is the level of the period's cells, treated ones included,
        # because data determine that, and the effect of the bundle no longer pulls at every period
        basis = zero_sum_basis(len(structure.periods))
        shift = pt.dot(basis.T, pt.dot(inputs["period_exposure"], curve))
        level = pm.Normal("calendar_level", shift, priors.calendar, shape=len(structure.periods) - 1)
        calendar = pm.Deterministic("calendar_effect", pt.dot(basis, level - shift), dims="period")
    elif structure.calendar == "shocks":
        sd = pm.HalfNormal("shock_sd", priors.shock)
        raw = pm.ZeroSumNormal("shock_raw", 1.0, dims="period")
        calendar = pm.Deterministic("calendar_effect", sd * raw, dims="period")
    else:
        sd = pm.HalfNormal("calendar_step_sd", priors.calendar_step)
        waves = pm.Normal("calendar_raw", 0.0, 1.0, shape=len(structure.periods) - 1)
        walk = sd * inputs["sqrt_months"] * pt.dot(walk_basis(len(structure.periods)), waves)
        calendar = pm.Deterministic("calendar_effect", walk, dims="period")
    if not structure.strata:
        return calendar[None, :]
    sd = pm.HalfNormal("stratum_sd", priors.stratum)
    own = pm.Normal("stratum_raw", 0.0, 1.0, dims=("stratum", "period"))
    return calendar[None, :] + (sd * own)[inputs["site_stratum"]]


def walk_basis(length: int) -> npt.NDArray[np.float64]:
    """Basis of a centred random walk with unit steps, length x (length - 1): walk = basis @ N(0, 1).

    Cosine waves that diagonalise its precision (DCT-2, Strang 1999). The law is that of summed steps, but data
    tell of each wave nearly by itself; steps hang together, and a diagonal metric crawls.
    """
    order = np.arange(1, length)
    angle = np.pi * order / length
    waves = np.sqrt(2.0 / length) * np.cos(angle[None, :] * (np.arange(length)[:, None] + 0.5))
    basis: npt.NDArray[np.float64] = waves / (2.0 * np.sin(angle / 2.0))[None, :]
    return basis


# --- effect


def _curves(structure: Structure, inputs: Inputs, priors: PriorInputs) -> tuple[Any, dict[str, Any]]:
    """Effect at each exposure time, of the bundle and of further bundles."""
    if not structure.other_bundles:
        return _curve(structure, inputs, priors), {}
    # bundles are alike a priori (docs/model.md §2): effects around a common mean
    mean, sd = pm.Normal("bundle_mean", 0.0, priors.effect), pm.HalfNormal("bundle_sd", priors.other_bundle)
    own = pm.Normal("bundle_raw", 0.0, 1.0, shape=1 + len(structure.other_bundles))
    level = pm.Deterministic("effect_level", mean + sd * own[0])
    main = _curve(structure, inputs, priors, level)
    length = structure.other_bins
    others = {}
    for index, bundle in enumerate(structure.other_bundles):
        curve = (mean + sd * own[index + 1]) * pt.ones(length)
        if structure.effect.basis is not None and length > 1:
            scale = _scale(inputs, f"other_{index}")
            steps = pm.Normal(f"other_{index}_step", 0.0, 1.0, shape=length - 1)
            curve = curve + scale * pt.dot(inputs["other_basis"], steps)
        others[bundle] = curve
    pm.Deterministic("other_curve", pt.stack(list(others.values())), dims=("other_bundle", "other_exposure"))
    return main, others


def _scale(inputs: Inputs, name: str) -> Any:
    """Scale of a linear shape (`effects.effect.Scale`); parts that the shape does not use keep their prior."""
    median, log_sd, half = (inputs["effect_scale"][index] for index in range(3))
    on_log = pm.Normal(f"{name}_scale_log", 0.0, 1.0)
    return median * pt.exp(log_sd * on_log) + half * pm.HalfNormal(f"{name}_scale_half", 1.0)


def _learnt(name: str, inputs: Inputs, shift: Any) -> Any:
    """The prior from other studies is one of the time-averaged effect; `name` is that plus `shift`."""
    weight, mean, sd = (inputs["learnt"][row] for row in range(3))
    return pm.NormalMixture(name, w=weight, mu=mean + shift, sigma=sd)


def _curve(structure: Structure, inputs: Inputs, priors: PriorInputs, level: Any = None) -> Any:
    """Effect at each exposure time. level: its distribution is decided elsewhere (several bundles)."""
    shape, length = structure.effect, structure.bins
    linear = shape.curve is None and length > 1
    if linear:
        steps = pm.Normal("effect_step", 0.0, 1.0, shape=length - 1)
        scale = _scale(inputs, "effect")
        if level is None:
            # the data tell of the mean over treated cells, hardly of the level at one exposure time: the same
            # law with the mean as its parameter
            beyond = scale * pt.dot(inputs["effect_basis_mean"], steps)
            if structure.learnt is not None:
                window = scale * pt.dot(inputs["effect_basis_window"], steps)
                mean = _learnt("effect_mean", inputs, beyond - window)
                pm.Deterministic(LEARNT, mean - beyond + window)
            else:
                mean = pm.Normal("effect_mean", beyond, priors.effect)
            level = pm.Deterministic("effect_level", mean - beyond)
    elif level is None and structure.learnt is not None:
        level = pm.Deterministic("effect_level", _learnt(LEARNT, inputs, 0.0))
    elif level is None:
        level = pm.Normal("effect_level", 0.0, priors.effect)
    if shape.curve is not None:
        curve = shape.curve(level, length, inputs["months"], priors)
    elif linear:
        curve = level + scale * pt.dot(inputs["effect_basis"], steps)
    else:
        curve = level * pt.ones(1)
    return pm.Deterministic("curve", curve, dims="exposure")


def _effects(structure: Structure, inputs: Inputs, priors: PriorInputs, curve: Any) -> Any:
    """The bundle's effect, site x period."""
    # bin 0 is "not started": a zero in front makes the lookup branch-free
    effect = pt.concatenate([pt.zeros(1), curve])[inputs["exposure_bin"]]
    if structure.doses:
        effect = effect * _dose(structure, inputs)
    if structure.site_effects:
        effect = effect + inputs["treated"] * _site_effects(structure, priors)[:, None]
    if structure.fades:
        stays = pm.Beta("retained_share", RETAINED_ALPHA, RETAINED_BETA)
        half_life = pm.LogNormal("half_life_months", np.log(HALF_LIFE_MEDIAN), HALF_LIFE_LOG_SD)
        effect = effect * (stays + (1.0 - stays) * 2.0 ** (-inputs[AFTER] / half_life))
    if structure.site_slopes:
        sd = pm.HalfNormal("site_slope_sd", priors.site_slope)
        slope = sd * pm.Normal("site_slope_raw", 0.0, 1.0, dims="site")
        effect = effect + inputs["treated_years"] * slope[:, None]
    if structure.contrast:
        sd = pm.HalfNormal("contrast_sd", priors.contrast)
        shift = pm.Deterministic(
            "contrast", sd * pm.Normal("contrast_raw", 0.0, 1.0, dims="group"), dims="group"
        )
        effect = effect + inputs["treated"] * pt.concatenate([pt.zeros(1), shift])[inputs["cell_group"]]
    if structure.moderators:
        sd = pm.HalfNormal("moderator_sd", priors.moderator)
        raw = pm.Normal("moderator_raw", 0.0, 1.0, dims="moderator")
        moderation = pm.Deterministic("moderation", sd * raw, dims="moderator")
        for index, name in enumerate(structure.moderators):
            effect = effect + moderation[index] * inputs[name]
    if structure.transition == "own":
        effect = effect + inputs["transition"] * pm.Normal("transition_effect", 0.0, priors.transition)
    elif structure.transition == "dose":
        effect = effect + inputs["dose"] * curve[0]
    if structure.anticipation:
        early = pm.Normal("anticipation_effect", 0.0, priors.anticipation, dims="lead")
        effect = effect + pt.concatenate([pt.zeros(1), early])[inputs["cell_lead"]]
    return effect


def _dose(structure: Structure, inputs: Inputs) -> Any:
    """Share of the full effect that each cell has: one part, or steps that share the effect between them."""
    if len(structure.doses) == 1:
        return inputs[structure.doses[0]]
    # Dirichlet(2): no step is sure to matter, none sure not to
    steps = pm.Dirichlet("dose_step", np.full(len(structure.doses), 2.0))
    return sum(steps[index] * inputs[name] for index, name in enumerate(structure.doses))


def _site_effects(structure: Structure, priors: PriorInputs) -> Any:
    """What each site's effect has beyond the mean; with many sites it may go with the site's level.

    The correlation is LKJ(2), which for two terms is Beta(2, 2) on -1 to 1.
    """
    sd = pm.HalfNormal("site_effect_sd", priors.site_effect)
    own = pm.Normal("site_effect_raw", 0.0, 1.0, dims="site")
    if structure.site_correlation:
        half = pm.Beta("site_correlation_half", 2.0, 2.0)
        correlation = pm.Deterministic("site_correlation", 2.0 * half - 1.0)
        level = pm.modelcontext(None)["site_raw"]
        own = correlation * level + pt.sqrt(1.0 - correlation**2) * own
    return pm.Deterministic("site_effect", sd * own, dims="site")


# --- cells


def _with_cells(structure: Structure, eta: Any, inputs: Inputs, priors: PriorInputs) -> Any:
    """Add cell effects: non-centred, or hierarchically centred where each cell carries much information."""
    if structure.clustering == "decay":
        return _with_series(structure, eta, inputs, priors)
    if not structure.latent_cells:
        return eta
    sd = (
        pm.modelcontext(None)["cell_sd"]
        if structure.latent_sites
        else pm.HalfNormal("cell_sd", priors.single_site_cell)
    )
    if structure.centred_cells:
        start, here = inputs["cell_crude"], ("site", "period")
        relative = pm.Normal(RELATIVE_CELLS, eta - start, sd, initval=np.zeros(structure.shape), dims=here)
        return pm.Deterministic("cell_level", start + relative, dims=here)
    return eta + sd * pm.Normal("cell_raw", 0.0, 1.0, dims=("site", "period"))


def _with_series(structure: Structure, eta: Any, inputs: Inputs, priors: PriorInputs) -> Any:
    """Add a stationary series per site whose correlation fades with distance in time (Kasza 2017)."""
    if len(structure.sites) == 1:
        sd = pm.HalfNormal("total_sd", priors.single_site_cell)
        correlation = pm.TruncatedNormal(
            "period_autocorrelation",
            priors.autocorrelation_mean,
            priors.autocorrelation_sd,
            lower=-0.5,
            upper=0.98,
        )
    else:
        sd = pm.HalfNormal("total_sd", priors.site)
        quarter = pm.Beta("quarter_autocorrelation", priors.cell_share_alpha, priors.cell_share_beta)
        correlation = pm.Deterministic("period_autocorrelation", quarter ** inputs["quarters"])
    if structure.centred_cells:
        start, here = inputs["cell_crude"], ("site", "period")
        relative = pm.Flat(RELATIVE_CELLS, initval=np.zeros(structure.shape), dims=here)
        level = pm.Deterministic("cell_level", start + relative, dims=here)
        pm.Potential("cell_series", series_log_density(level - eta, sd, correlation))
        return level
    raw = pm.Normal("cell_raw", 0.0, 1.0, dims=("site", "period"))
    return eta + sd * stationary_series(raw, correlation)


def _observe_persons(inputs: Inputs, person_sd: Any, residual_sd: Any) -> None:
    """Spread of persons' means over time, and of persons around their own means, in a closed cohort.

    T x between ~ (residual^2 + T person^2) chi2(n - 1); within ~ residual^2 chi2((n - 1)(T - 1)): with the
    cell means they are sufficient for the block-exchangeable model (one-way analysis of variance).
    """
    persons, periods = inputs["persons"], inputs["years"].shape[0]
    residual = pt.sqr(residual_sd)
    pm.Gamma(
        "persons_between_observed",
        alpha=(persons - 1.0) / 2.0,
        beta=1.0 / (2.0 * (residual / periods + pt.sqr(person_sd))),
        observed=inputs["persons_between"],
    )
    pm.Gamma(
        "persons_within_observed",
        alpha=(persons - 1.0) * (periods - 1.0) / 2.0,
        beta=1.0 / (2.0 * residual),
        observed=inputs["persons_within"],
    )
