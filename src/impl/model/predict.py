"""The row quantities of a fit on any row table, in NumPy, in chunks of draws.

The design is written down once, in the row table: observed cells, the counterfactual, a scenario and a new
site are row tables under one fit. A test per structure holds this equal to the PyMC graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.columns import BUNDLE
from impl.model.fitted import Fit
from impl.model.inputs import fourier
from impl.model.likelihoods.likelihood import Parameters
from impl.model.structure import AFTER

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
CHUNK, CHUNK_VALUES = 250, 500_000
"""Draws at a time, and draws x rows at a time: what bounds memory at national size."""
NEW_SITE = -1
Random = np.random.Generator | None
"""None draws zeros: a site at the mean of its population."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Row quantities of some draws on the link scale, each draw x row.

    untreated: without the bundle (further bundles as they are in the rows). effect: of the bundle, 0 where it
    is not; transition and anticipation included. others: further bundle -> its effect, part of `untreated`.
    measurement: log change of the share of events reported. parameters: the likelihood's own, draw x 1
    (vectors draw x 1 x length).
    """

    untreated: Array
    effect: Array
    others: dict[str, Array]
    measurement: Array
    parameters: Parameters


def predict(fit: Fit, rows: pd.DataFrame, *, seed: int = 0, typical: bool = False) -> Iterator[Prediction]:
    """Rebuild untreated, effect and measurement on `rows`, at most 250 draws and 4 MB an array at a time.

    rows: columns of `Structure.rows`; `site` -1 is a new site, whose site and cell terms are drawn from
    their population and whose wave and stratum terms are the network's mean (0). typical: a new site has the
    mean of the population (0) for each of them instead.
    """
    total = fit.draws
    size = max(1, min(CHUNK, CHUNK_VALUES // max(1, len(rows))))
    for begin in range(0, total, size):
        chosen = slice(begin, min(begin + size, total))
        rng = None if typical else np.random.default_rng([seed, begin])
        yield _predict(fit, rows, chosen, rng)


def _predict(fit: Fit, rows: pd.DataFrame, chosen: slice, rng: Random) -> Prediction:
    structure = fit.structure
    new = rows["site"].to_numpy() == NEW_SITE
    site_raw = _site_raw(fit, chosen, rows, new, rng)
    untreated = _level(fit, rows, chosen, new, site_raw)
    others = {
        bundle: _other(fit, rows, chosen, index) for index, bundle in enumerate(structure.other_bundles)
    }
    for effect in others.values():
        untreated = untreated + effect
    if structure.latent_cells:
        untreated = untreated + _cells(fit, rows, chosen, new, rng)
    measurement = np.zeros((1, 1))
    if structure.reporting is not None:
        measurement = fit.flat("reporting_change")[chosen][:, None] * rows["treated"].to_numpy(dtype=float)
    return Prediction(
        untreated=untreated,
        effect=_effect(fit, rows, chosen, new, site_raw, rng),
        others=others,
        measurement=measurement,
        parameters=law_parameters(fit, chosen),
    )


def law_parameters(fit: Fit, chosen: slice) -> Parameters:
    """Draws of the likelihood's own parameters, draw x 1 (vectors draw x 1 x length)."""
    return {name: fit.flat(name)[chosen][:, None] for name in fit.structure.likelihood.parameters}


def _normal(rng: Random, shape: tuple[int, ...]) -> Array:
    return np.zeros(shape) if rng is None else rng.standard_normal(shape)


def _site_raw(fit: Fit, chosen: slice, rows: pd.DataFrame, new: Mask, rng: Random) -> Array | None:
    """Standardised site terms, draw x row; one new site a draw, whatever its rows."""
    if not fit.structure.latent_sites:
        return None
    return _by_site(fit, "site_raw", chosen, rows, new, rng)


def _by_site(fit: Fit, name: str, chosen: slice, rows: pd.DataFrame, new: Mask, rng: Random) -> Array:
    raw = fit.flat(name)[chosen]
    site = np.where(new, 0, rows["site"].to_numpy())
    return np.where(new, _normal(rng, (len(raw), 1)), raw[:, site])


def _level(fit: Fit, rows: pd.DataFrame, chosen: slice, new: Mask, site_raw: Array | None) -> Array:
    """Everything untreated but the cells and further bundles, draw x row."""
    structure = fit.structure
    site, period = np.where(new, 0, rows["site"].to_numpy()), rows["period"].to_numpy()
    level = np.repeat(fit.flat("intercept")[chosen][:, None], len(rows), axis=1)
    if structure.wave_effects:
        wave = np.where(new, 0, rows["wave"].to_numpy())
        level += np.where(new, 0.0, fit.flat("wave_effect")[chosen][:, wave])
    if structure.calendar != "none":
        level += fit.flat("calendar_effect")[chosen][:, period]
    if structure.strata:
        stratum = np.where(new, 0, rows["stratum"].to_numpy())
        own = fit.flat("stratum_sd")[chosen][:, None] * fit.flat("stratum_raw")[chosen][:, stratum, period]
        level += np.where(new, 0.0, own)
    if structure.trend:
        level += _slopes(fit, rows, chosen, new, site) * rows["years"].to_numpy()
    if structure.harmonics:
        basis = fourier(rows["phase"].to_numpy(), structure.harmonics)
        level += fit.flat("season_sd")[chosen][:, None] * (fit.flat("season_raw")[chosen] @ basis.T)
    if structure.covariates:
        level += fit.flat("covariate_effect")[chosen] @ rows[list(structure.covariates)].to_numpy().T
    if structure.secular is not None:
        level += fit.flat("secular_change")[chosen][:, None] * rows["after"].to_numpy(dtype=float)
    if site_raw is not None:
        level += fit.flat("site_sd")[chosen][:, None] * site_raw
    if structure.clustering == "cohort":
        persons = structure.rows.groupby("site")["denominator"].first().to_numpy()
        means = fit.flat("person_sd")[chosen][:, None] * fit.flat("person_raw")[chosen] / np.sqrt(persons)
        level += np.where(new, 0.0, means[:, site])
    return level


def _slopes(fit: Fit, rows: pd.DataFrame, chosen: slice, new: Mask, site: npt.NDArray[np.int64]) -> Array:
    """Trend of each row's site, per year; a new site has the mean trend."""
    structure = fit.structure
    slope = np.repeat(fit.flat("trend")[chosen][:, None], len(rows), axis=1)
    if structure.trend_difference:
        compared = (~rows["comparison"]).to_numpy(dtype=float)
        slope += fit.flat("trend_difference")[chosen][:, None] * compared
    if structure.site_trends:
        own = fit.flat("site_trend_sd")[chosen][:, None] * fit.flat("site_trend_raw")[chosen][:, site]
        slope += np.where(new, 0.0, own)
    return slope


def _other(fit: Fit, rows: pd.DataFrame, chosen: slice, index: int) -> Array:
    curve = fit.flat("other_curve")[chosen][:, index]
    padded = np.concatenate([np.zeros((len(curve), 1)), curve], axis=1)
    return np.asarray(padded[:, rows[BUNDLE + fit.structure.other_bundles[index]].to_numpy()])


def _effect(
    fit: Fit,
    rows: pd.DataFrame,
    chosen: slice,
    new: Mask,
    site_raw: Array | None,
    rng: Random,
) -> Array:
    structure = fit.structure
    curve = fit.flat("curve")[chosen]
    zero = np.zeros((len(curve), 1))
    treated = rows["treated"].to_numpy(dtype=float)
    effect = np.concatenate([zero, curve], axis=1)[:, rows["bin"].to_numpy()]
    if structure.doses:
        parts = rows[list(structure.doses)].to_numpy()
        steps = fit.flat("dose_step")[chosen] if len(structure.doses) > 1 else np.ones((len(curve), 1))
        effect = effect * (steps @ parts.T)
    if structure.site_effects:
        effect = effect + treated * _site_effects(fit, rows, chosen, new, site_raw, rng)
    if structure.fades:
        stays, half = (fit.flat(name)[chosen][:, None] for name in ("retained_share", "half_life_months"))
        effect = effect * (stays + (1.0 - stays) * 2.0 ** (-rows[AFTER].to_numpy() / half))
    if structure.site_slopes:
        slope = fit.flat("site_slope_sd")[chosen][:, None] * _by_site(
            fit, "site_slope_raw", chosen, rows, new, rng
        )
        years = np.maximum(rows["exposure"].to_numpy() - 1, 0) * structure.months / 12.0
        effect = effect + treated * years * slope
    if structure.contrast:
        shift = np.concatenate([zero, fit.flat("contrast")[chosen]], axis=1)
        effect = effect + treated * shift[:, rows["group"].to_numpy()]
    if structure.moderators:
        effect = effect + fit.flat("moderation")[chosen] @ rows[list(structure.moderators)].to_numpy().T
    if structure.transition == "own":
        transition = fit.flat("transition_effect")[chosen][:, None]
        effect = effect + rows["transition"].to_numpy(dtype=float) * transition
    elif structure.transition == "dose":
        effect = effect + rows["dose"].to_numpy() * curve[:, :1]
    if structure.anticipation:
        early = np.concatenate([zero, fit.flat("anticipation_effect")[chosen]], axis=1)
        effect = effect + early[:, rows["lead"].to_numpy()]
    return np.asarray(effect)


def _site_effects(
    fit: Fit,
    rows: pd.DataFrame,
    chosen: slice,
    new: Mask,
    site_raw: Array | None,
    rng: Random,
) -> Array:
    """What each row's site has beyond the mean effect; drawn from its population for a new site."""
    site = np.where(new, 0, rows["site"].to_numpy())
    known = fit.flat("site_effect")[chosen][:, site]
    if not new.any():
        return known
    drawn = _normal(rng, (len(known), 1))
    if fit.structure.site_correlation and site_raw is not None:
        correlation = fit.flat("site_correlation")[chosen][:, None]
        drawn = correlation * site_raw + np.sqrt(1.0 - correlation**2) * drawn
    return np.where(new, fit.flat("site_effect_sd")[chosen][:, None] * drawn, known)


# --- cells


def _cells(fit: Fit, rows: pd.DataFrame, chosen: slice, new: Mask, rng: Random) -> Array:
    """Cell deviations of the rows: the fitted ones, or drawn from their population for a new site."""
    structure = fit.structure
    site, period = np.where(new, 0, rows["site"].to_numpy()), rows["period"].to_numpy()
    fitted = cell_deviations(fit, chosen)
    own = fitted[:, site, period]
    if not new.any():
        return np.asarray(own)
    count = len(fitted)
    if structure.clustering == "decay":
        # one series a draw, so that a new site's periods hang together
        raw = _normal(rng, (count, 1, len(structure.periods)))
        sd, correlation = fit.flat("total_sd")[chosen], fit.flat("period_autocorrelation")[chosen]
        drawn = stationary_series(raw, sd, correlation)[:, 0, period]
    else:
        drawn = fit.flat("cell_sd")[chosen][:, None] * _normal(rng, (count, len(rows)))
    return np.where(new, drawn, own)


def cell_deviations(fit: Fit, chosen: slice) -> Array:
    """Fitted cell terms, draw x site x period."""
    structure = fit.structure
    if structure.centred_cells:
        # a centred cell is stored as its whole level, its own treated state included
        table = structure.rows
        old = np.zeros(len(table), dtype=bool)
        rng = None  # no row is of a new site
        site_raw = _site_raw(fit, chosen, table, old, rng)
        centre = _level(fit, table, chosen, old, site_raw)
        centre = centre + _effect(fit, table, chosen, old, site_raw, rng)
        for index in range(len(structure.other_bundles)):
            centre = centre + _other(fit, table, chosen, index)
        if structure.reporting is not None:
            treated = table["treated"].to_numpy(dtype=float)
            centre = centre + fit.flat("reporting_change")[chosen][:, None] * treated
        return fit.flat("cell_level")[chosen] - centre.reshape(len(centre), *structure.shape)
    raw = fit.flat("cell_raw")[chosen]
    if structure.clustering == "decay":
        return stationary_series(
            raw, fit.flat("total_sd")[chosen], fit.flat("period_autocorrelation")[chosen]
        )
    return np.asarray(fit.flat("cell_sd")[chosen][:, None, None] * raw)


def stationary_series(raw: Array, sd: Array, correlation: Array) -> Array:
    """First-order series from standard normal draws: draw x site x period, SD `sd` at every period."""
    series = np.empty_like(raw)
    series[..., 0] = raw[..., 0]
    innovation = np.sqrt(1.0 - correlation**2)[:, None]
    for period in range(1, raw.shape[-1]):
        series[..., period] = correlation[:, None] * series[..., period - 1] + innovation * raw[..., period]
    return np.asarray(sd[:, None, None] * series)
