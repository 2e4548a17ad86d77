"""Predictive checks: statistics of the data beside what the fitted model predicts for them.

Cell terms (and for the spread between sites, site terms) are drawn anew from their population: those that
were fitted to the data reproduce the data whatever the model (mixed replication; Marshall & Spiegelhalter
2003, Stat Med 22:1649). Statistics are of residuals from each draw's own expectation (Gelman, Meng & Stern 1996).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.choices import TREND_POINTS
from impl.model.criticism.marginal import Predictor, predictors, thinned
from impl.model.fitted import Fit
from impl.model.predict import stationary_series
from impl.model.structure import Structure

Array = npt.NDArray[np.float64]
CHECKS = ("dispersion", "autocorrelation", "zeros", "pre_trend", "longest_run", "between_sites")
DRAWS = 500
LARGEST = 4_000_000  # draws x cells that are held at a time
UNUSUAL = 0.01  # a predictive p below it, or above 1 minus it, is flagged
FEWEST_SITES = 3  # whose spread is a statistic
ONE_SIDED = ("pre_trend", "longest_run")  # only too much of it speaks against the model


def predictive_checks(fit: Fit) -> pd.DataFrame:
    """One row a check that the data allow; columns as `Criticism.checks` says."""
    structure = fit.structure
    rows = structure.rows[structure.rows["used"]]
    fit = thinned(fit, max(100, min(DRAWS, LARGEST // len(rows))))
    measured = rows["numerator"].to_numpy(dtype=float)
    expected, drawn, spread = _replicate(fit, rows)
    scale = np.sqrt(np.square(drawn - expected).mean(axis=0))
    scale = np.where(scale > 0, scale, 1.0)
    residual = _grid(structure, rows, (measured - expected) / scale)
    replicated = _grid(structure, rows, (drawn - expected) / scale)
    table = [
        _row("dispersion", np.nanmean(residual**2, axis=(1, 2)), np.nanmean(replicated**2, axis=(1, 2))),
        _row("autocorrelation", autocorrelation(residual), autocorrelation(replicated)),
        _row("longest_run", longest_run(residual), longest_run(replicated)),
    ]
    if structure.likelihood.link != "identity":
        zeros = np.full(len(drawn), np.mean(measured == 0))
        table.append(_row("zeros", zeros, np.mean(drawn == 0, axis=1)))
    table += _pre_trend(structure, residual, replicated)
    if spread is not None:
        table.append(_row("between_sites", *spread))
    return pd.DataFrame(table).dropna(subset=["observed"]).reset_index(drop=True)


def _row(check: str, observed: Array, predicted: Array, wave: float = np.nan) -> dict[str, object]:
    p = float(np.mean(predicted > observed) + 0.5 * np.mean(predicted == observed))
    flagged = p < UNUSUAL or (p > 1.0 - UNUSUAL and check not in ONE_SIDED)
    lower, upper = np.quantile(predicted, (0.05, 0.95))
    return {
        "check": check,
        "wave": wave,
        "observed": float(np.mean(observed)),
        "lower": float(lower),
        "upper": float(upper),
        "p": p,
        "flagged": bool(flagged) and np.isnan(wave),
    }


def _replicate(fit: Fit, rows: pd.DataFrame) -> tuple[Array, Array, tuple[Array, Array] | None]:
    """Expected and replicated numerators, draw x row, and the spread between sites, measured and replicated."""
    structure = fit.structure
    law = structure.likelihood
    denominator = rows["denominator"].to_numpy(dtype=float)
    measured = rows["numerator"].to_numpy(dtype=float)
    site = rows["site"].to_numpy()
    count = len(structure.sites)
    compared = count >= FEWEST_SITES and (structure.latent_sites or structure.clustering == "decay")
    expected, drawn, spreads = [], [], []
    for index, part in enumerate(predictors(fit, rows)):
        rng = np.random.default_rng([fit.seed, 71, index])
        cells, variance = _new_cells(fit, rows, part, rng)
        # the mean over cells: exact on the log scale, near enough elsewhere, and the same for both sides
        lift = variance / 2.0 if law.link == "log" else 0.0
        expected.append(denominator * law.mean(part.centre + lift))
        drawn.append(law.draw(part.centre + cells, denominator, part.parameters, rng))
        if not compared:
            continue
        centre, own = part.centre, cells
        if structure.latent_sites:
            sd = fit.flat("site_sd")[part.chosen][:, None]
            centre = centre - sd * fit.flat("site_raw")[part.chosen][:, site]
            own = cells + sd * rng.standard_normal((len(centre), count))[:, site]
        typical = denominator * law.mean(centre)
        again = law.draw(centre + own, denominator, part.parameters, rng)
        weight = denominator if law.link == "identity" else None
        spreads.append(tuple(between_sites(values, typical, site, weight) for values in (measured, again)))
    spread = None
    if compared:
        spread = np.concatenate([one for one, _ in spreads]), np.concatenate([two for _, two in spreads])
    return np.concatenate(expected), np.concatenate(drawn), spread


def _new_cells(
    fit: Fit, rows: pd.DataFrame, part: Predictor, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Cell terms drawn from their population, draw x row, and their variance, draw x 1."""
    structure = fit.structure
    count = len(part.centre)
    if structure.clustering == "decay":
        sd, correlation = (fit.flat(name)[part.chosen] for name in ("total_sd", "period_autocorrelation"))
        raw = rng.standard_normal((count, *structure.shape))
        series = stationary_series(raw, sd, correlation)
        return series[:, rows["site"].to_numpy(), rows["period"].to_numpy()], sd[:, None] ** 2
    if structure.latent_cells:
        sd = fit.flat("cell_sd")[part.chosen][:, None]
        return sd * rng.standard_normal((count, len(rows))), sd**2
    return np.zeros((count, len(rows))), np.zeros((count, 1))


def _grid(structure: Structure, rows: pd.DataFrame, values: Array) -> Array:
    """Values of the used rows as draw x site x period, NaN elsewhere."""
    grid = np.full((len(values), *structure.shape), np.nan)
    grid[:, rows["site"].to_numpy(), rows["period"].to_numpy()] = values
    return grid


def autocorrelation(residual: Array) -> Array:
    """Lag-one correlation within sites of residuals (draw x site x period), site means taken out."""
    with np.errstate(invalid="ignore"):
        own = residual - np.nansum(residual, axis=2, keepdims=True) / (~np.isnan(residual)).sum(
            axis=2, keepdims=True
        )
        neighbours = np.nansum(own[:, :, 1:] * own[:, :, :-1], axis=(1, 2))
        return np.asarray(neighbours / np.nansum(own**2, axis=(1, 2)))


def longest_run(residual: Array) -> Array:
    """Longest run of a site's residuals on one side of their median, of all sites; a value on the median
    neither breaks nor makes a run (Anhøj & Olesen 2014, PLoS ONE 9:e113825)."""
    empty = np.isnan(residual).all(axis=2, keepdims=True)
    middle = np.nanmedian(np.where(empty, 0.0, residual), axis=2, keepdims=True)
    side = np.nan_to_num(np.sign(residual - middle))
    last = np.zeros(side.shape[:2])
    run = np.zeros(side.shape[:2])
    longest = np.zeros(side.shape[:2])
    for period in range(side.shape[2]):
        now = side[:, :, period]
        run = np.where(now == 0, run, np.where(now == last, run + 1, 1.0))
        last = np.where(now == 0, last, now)
        longest = np.maximum(longest, run)
    return np.asarray(longest.max(axis=1))


def between_sites(
    numerator: Array, typical: Array, site: npt.NDArray[np.int64], denominator: Array | None
) -> Array:
    """SD between sites of their level relative to a typical site's: log ratio (half an event keeps an empty
    site finite), or with `denominator` difference. numerator, typical (expected there): row or draw x row."""
    member = np.eye(int(site.max()) + 1)[site]
    member = member[:, member.any(axis=0)]
    measured, expected = np.atleast_2d(numerator) @ member, typical @ member
    if denominator is not None:
        return np.asarray(((measured - expected) / (denominator @ member)).std(axis=1, ddof=1))
    return np.asarray(np.log((measured + 0.5) / (expected + 0.5)).std(axis=1, ddof=1))


def _pre_trend(structure: Structure, residual: Array, replicated: Array) -> list[dict[str, object]]:
    """Steepest slope of the residuals before start among waves (residual SD a year), and each wave's own."""
    rows = structure.rows
    before = rows["used"] & ~rows["treated"] & ~rows["transition"] & (rows["start"] < len(structure.periods))
    by_wave = []
    for start in sorted(rows.loc[before, "start"].unique()):
        chosen = before & (rows["start"] == start)
        if rows.loc[chosen, "period"].nunique() < TREND_POINTS:
            continue
        years = np.where(chosen, rows["years"], np.nan).reshape(structure.shape)
        by_wave.append((start, _slope(years, residual), _slope(years, replicated)))
    if not by_wave:
        return []
    measured, drawn = (
        np.abs(np.stack(slopes)).max(axis=0) for slopes in list(zip(*by_wave, strict=True))[1:]
    )
    table = [_row("pre_trend", measured, drawn)]
    return table + [_row("pre_trend", own, replicate, start) for start, own, replicate in by_wave]


def _slope(years: Array, residual: Array) -> Array:
    """Least-squares slope of residuals (draw x site x period) over the cells where `years` is known."""
    inside = np.isfinite(years)
    centred = years[inside] - years[inside].mean()
    return np.asarray(residual[:, inside] @ centred / np.square(centred).sum())
