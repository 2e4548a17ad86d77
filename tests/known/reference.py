"""The published estimators themselves, in NumPy: what the real data say under the models of the sources.

Each is a few lines of textbook algebra; `test_references.py` holds them to the published figures.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from real_data import real_table
from scipy.optimize import minimize_scalar

Array = np.ndarray


class Answer(NamedTuple):
    """An estimate and its standard error (NaN where there is none)."""

    value: float
    error: float


def least_squares(outcome: Array, design: Array, weight: Array | None = None) -> tuple[Array, Array]:
    """Coefficients and their covariance, errors independent with variance sigma^2 / weight."""
    weight = np.ones(len(outcome)) if weight is None else weight
    inverse = np.linalg.inv(design.T @ (weight[:, None] * design))
    found = inverse @ design.T @ (weight * outcome)
    left = outcome - design @ found
    variance = (weight * left**2).sum() / (len(outcome) - design.shape[1])
    return found, variance * inverse


def instrumented(outcome: Array, design: Array, instruments: Array, weight: Array) -> tuple[Array, Array]:
    """Two-stage least squares with as many instruments as columns: coefficients and their covariance."""
    inverse = np.linalg.inv(instruments.T @ (weight[:, None] * design))
    found = inverse @ instruments.T @ (weight * outcome)
    left = outcome - design @ found
    variance = (weight * left**2).sum() / (len(outcome) - design.shape[1])
    return found, variance * inverse @ (instruments.T @ (weight[:, None] * instruments)) @ inverse.T


def drawn_sites(outcome: Array, design: Array, site: Array, weight: Array) -> tuple[Array, Array]:
    """Coefficients and covariance where sites are drawn from one population and errors have variance sigma^2 / weight;
    the ratio of the two variances by restricted maximum likelihood."""
    together = (site[:, None] == site[None, :]).astype(float)

    def whitened(log_ratio: float) -> tuple[Array, Array, float]:
        root = np.linalg.cholesky(np.diag(1.0 / weight) + np.exp(log_ratio) * together)
        return np.linalg.solve(root, outcome), np.linalg.solve(root, design), np.log(np.diag(root)).sum()

    def deviance(log_ratio: float) -> float:
        white, by, log_root = whitened(log_ratio)
        left = white - by @ np.linalg.lstsq(by, white, rcond=None)[0]
        free = len(outcome) - design.shape[1]
        return float(free * np.log(left @ left) + 2.0 * log_root + np.linalg.slogdet(by.T @ by)[1])

    white, by, _ = whitened(minimize_scalar(deviance, bounds=(-16.0, 4.0), method="bounded").x)
    return least_squares(white, by)


def quasi_poisson(count: Array, design: Array, exposure: Array) -> tuple[Array, Array]:
    """Coefficients and covariance of a log-linear model by iterated weighted least squares; the variance is
    the mean times Pearson's dispersion. The first column of the design is the constant."""
    found = np.zeros(design.shape[1])
    found[0] = np.log(count.sum() / exposure.sum())
    for _ in range(50):
        mean = exposure * np.exp(design @ found)
        found = found + np.linalg.solve(design.T @ (mean[:, None] * design), design.T @ (count - mean))
    mean = exposure * np.exp(design @ found)
    dispersion = ((count - mean) ** 2 / mean).sum() / (len(count) - design.shape[1])
    return found, dispersion * np.linalg.inv(design.T @ (mean[:, None] * design))


def local_level(outcome: Array, design: Array) -> tuple[Array, Array]:
    """Coefficients and covariance beside a random walk plus noise, its signal-to-noise ratio by maximum
    likelihood (Harvey & Durbin 1986, fixed season)."""
    time = np.arange(len(outcome))
    walk = np.minimum(time[:, None], time[None, :])

    def whitened(log_ratio: float) -> tuple[Array, Array, float]:
        root = np.linalg.cholesky(np.eye(len(outcome)) + np.exp(log_ratio) * walk)
        return np.linalg.solve(root, outcome), np.linalg.solve(root, design), np.log(np.diag(root)).sum()

    def deviance(log_ratio: float) -> float:
        white, by, log_root = whitened(log_ratio)
        left = white - by @ np.linalg.lstsq(by, white, rcond=None)[0]
        return float(len(outcome) * np.log(left @ left) + 2.0 * log_root)

    ratio = minimize_scalar(deviance, bounds=(-12.0, 3.0), method="bounded").x
    white, by, _ = whitened(ratio)
    return least_squares(white, by)


def newey_west(outcome: Array, design: Array, lags: int) -> tuple[Array, Array]:
    """Least squares with Newey and West's covariance, with the small-sample factor n / (n - k)."""
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ outcome
    score = design * (outcome - design @ found)[:, None]
    middle = score.T @ score
    for lag in range(1, lags + 1):
        shifted = score[lag:].T @ score[:-lag]
        middle = middle + (1.0 - lag / (lags + 1.0)) * (shifted + shifted.T)
    rows, columns = design.shape
    return found, inverse @ middle @ inverse * rows / (rows - columns)


def pairs(month: Array, count: int = 2) -> Array:
    """Fourier pairs of a month's middle, the season of the engine."""
    angle = 2.0 * np.pi * month / 12.0
    return np.column_stack([turn(k * angle) for k in range(1, count + 1) for turn in (np.cos, np.sin)])


def months(number: Array) -> Array:
    """Indicators of the months 2 to 12."""
    return (np.asarray(number)[:, None] == np.arange(2, 13)).astype(float)


def at(fit: tuple[Array, Array], position: int) -> Answer:
    """One coefficient."""
    return Answer(float(fit[0][position]), float(np.sqrt(fit[1][position, position])))


# --- the data sets


def hvidovre() -> dict[str, Answer]:
    """A1: quasi-Poisson with trend, level and change of slope a month; time counted from the start."""
    table = real_table("cdi_hvidovre.csv")
    time = np.arange(len(table)) - 24.0
    after = (time >= 0).astype(float)
    design = np.column_stack([np.ones(len(table)), time, after, after * time])
    fit = quasi_poisson(table["n"].to_numpy(float), design, table["days"].to_numpy())
    return {"level": at(fit, 2), "slope a month": at(fit, 3), "trend a month": at(fit, 1)}


def seatbelts(series: str, model: str) -> Answer:
    """A4, log ratio of the law. model: local level | harmonic local level | linear trend."""
    table = real_table("seatbelts_gb.csv")
    month = pd.to_datetime(table["date"])
    number = month.dt.month.to_numpy()
    season = pairs(number - 0.5) if model == "harmonic local level" else months(number)
    fixed = [np.ones(len(table)), np.log(table["PetrolPrice"]), table["law"], season]
    count = table[series].to_numpy(float)
    days = month.dt.days_in_month.to_numpy(float)
    if model == "linear trend":
        return at(quasi_poisson(count, np.column_stack([*fixed, np.arange(len(table)) / 12]), days), 2)
    return at(local_level(np.log(count / days), np.column_stack(fixed)), 2)


def california(lags: int) -> dict[str, Answer]:
    """A5, one series: packs a head, annual; lags 0 is ordinary least squares."""
    table = real_table("prop99_cigsales.csv")
    table = table[table["state"] == "California"].sort_values("year")
    time = table["year"].to_numpy(float) - 1989.0
    after = (time >= 0).astype(float)
    design = np.column_stack([np.ones(len(table)), time, after, after * time])
    outcome = table["cigsale"].to_numpy()
    fit = newey_west(outcome, design, lags) if lags else least_squares(outcome, design)
    return {"trend": at(fit, 1), "level": at(fit, 2), "slope": at(fit, 3)}


def contact_tracing(*, complete: bool) -> Answer:
    """A6: share of the form filled in, ZIP codes and weeks as fixed effects, weighted by persons."""
    return tracing(complete=complete)["assigned arm"]


def tracing(*, complete: bool, weighted: bool = True) -> dict[str, Answer]:
    """A6, five regressions on the same cells: ZIP codes and weeks as fixed effects, weighted by persons or not at all.

    assigned arm: the form by the arm of the lots. first stage: share automated by the arm. as treated: the form by
    the share automated. Wald: the same with the arm as its instrument, which is the first over the second.
    change since start: the form by what a site's share automated rose by from its weeks before start to those
    after, in assigned weeks; the dose as impl has it, without the audits' error.
    """
    cells = tracing_cells(complete=complete)
    fixed = [pd.get_dummies(cells[name], drop_first=True, dtype=float) for name in ("Zip", "week")]
    beside = np.column_stack([np.ones(len(cells)), *fixed])
    filled, share, arm, rise, weight = (
        cells[name].to_numpy(float) for name in ("filled", "share", "arm", "rise", "persons")
    )
    weight = weight if weighted else np.ones(len(weight))

    def regress(outcome: Array, on: Array) -> Answer:
        return at(least_squares(outcome, np.column_stack([on, beside]), weight), 0)

    design, instrument = (np.column_stack([column, beside]) for column in (share, arm))
    return {
        "assigned arm": regress(filled, arm),
        "first stage": regress(share, arm),
        "as treated": regress(filled, share),
        "Wald": at(instrumented(filled, design, instrument, weight), 0),
        "change since start": regress(filled, rise),
    }


def tracing_dose(*, complete: bool) -> dict[str, Answer]:
    """A6, `change since start` where ZIP codes are drawn from one population beside fixed waves, as impl has them; and
    the same with each ZIP code's mean rise beside, which leaves comparisons within ZIP codes only (Mundlak 1978)."""
    cells = tracing_cells(complete=complete)
    fixed = [pd.get_dummies(cells[name], drop_first=True, dtype=float) for name in ("wave", "week")]
    design = np.column_stack([cells["rise"], np.ones(len(cells)), *fixed])
    mean_rise = cells.groupby("Zip")["rise"].transform("mean")
    filled, zips, persons = (cells[name].to_numpy(float) for name in ("filled", "Zip", "persons"))
    return {
        "change since start, ZIP codes drawn": at(drawn_sites(filled, design, zips, persons), 0),
        "the same, mean rise beside": at(
            drawn_sites(filled, np.column_stack([design, mean_rise]), zips, persons), 0
        ),
    }


def tracing_cells(*, complete: bool) -> pd.DataFrame:
    """A6, ZIP codes and weeks with persons: `Zip`, `week`, `wave`, `persons`, `arm` (assigned), `automated` (persons whom the
    automated queue took), `share` (of them), `filled`, `before` and `rise` (`tracing`; 0 in weeks that are not assigned).
    """
    table = real_table("cict_santa_clara_panel.csv")
    queue = {name: table[f"n_assigned_{name}"].astype(float) for name in ("automated", "manual")}
    filled = sum(queue[name] * table[f"mean_perc_filled_assigned_{name}"].fillna(0.0) for name in queue)
    persons = queue["automated"] + queue["manual"]
    kept = (np.minimum(*queue.values()) > 0) if complete else persons > 0
    arm = table["condition"] == "Automated CICT"
    cells = table[["Zip", "week"]].assign(
        wave=table["crossover"],
        persons=persons,
        arm=arm.astype(float),
        automated=queue["automated"],
        share=queue["automated"] / persons,
        filled=filled / persons,
    )[kept]
    sums = cells.groupby(["Zip", "arm"])[["automated", "persons"]].sum()
    by_arm = (sums["automated"] / sums["persons"]).unstack()
    before, after = (cells["Zip"].map(by_arm[value]).to_numpy() for value in (0.0, 1.0))
    return cells.assign(before=before, rise=np.where(cells["arm"] > 0, after - before, 0.0))


def england(season: str) -> Answer:
    """A12: deaths after January 2020 beyond what the months before foretell, temperature in the model; the
    error holds the noise of the months after as well. season: months | pairs."""
    table = real_table("england_wales_deaths_temps.csv")
    time = np.arange(len(table))
    number = table["month"].to_numpy()
    basis = months(number) if season == "months" else pairs(number - 0.5)
    design = np.column_stack([np.ones(len(table)), time, table["temp"], basis])
    before = table["pre"].to_numpy(bool)
    outcome = table["deaths"].to_numpy(float)
    found, covariance = least_squares(outcome[before], design[before])
    left = outcome[before] - design[before] @ found
    noise = left @ left / (before.sum() - design.shape[1])
    beyond = (outcome[~before] - design[~before] @ found).sum()
    total = design[~before].sum(axis=0)
    return Answer(float(beyond), float(np.sqrt(total @ covariance @ total + (~before).sum() * noise)))
