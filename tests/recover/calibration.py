"""Simulation-based calibration: draw a truth from the prior, data from the truth, fit, and rank the truth.

Parameters are drawn by PyMC, data by NumPy (`predict` and `Likelihood.draw`), the posterior comes from the
PyMC graph: where the two writings of a model disagree, the ranks are not uniform (Talts et al. 2018; the
joint log-likelihood as a quantity: Modrák et al. 2023).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from arviz_stats.base import array_stats
from pytensor.compile.mode import Mode
from records import Record
from scipy import stats
from study_worlds import STRUCTURES

from impl.model.build import EvaluationModel, model_of
from impl.model.estimands import reported_draws
from impl.model.fit import sample_once
from impl.model.fitted import Fit
from impl.model.likelihoods.likelihood import Observed
from impl.model.predict import predict
from impl.model.structure import Structure

SEED = 20261122
CHAINS, TUNE, DRAWS = 4, 500, 500
TARGET = 0.95
RANKED = 100  # draws a truth is ranked among, thinned so that they are nearly independent
BATCH = 20  # truths drawn from the prior together; the truth of simulation i never depends on how many follow
LEVELS = (0.5, 0.9)
SMALLEST_P = 1e-4  # per quantity; the test is a little liberal at 0.05 and right at small levels
BAND = 0.999  # of the number of intervals that hold the truth, were the coverage nominal
HEADLINE = "tate.link"

Cells = pd.DataFrame
Spoil = Callable[[Structure], Structure]


@cache
def harness(name: str) -> tuple[Structure, EvaluationModel]:
    """A structure and its model; the compiled sampler is kept by `fit.compile_model`."""
    structure = STRUCTURES[name]()
    return structure, model_of(structure)


@cache
def prior_batch(name: str, batch: int) -> xr.Dataset:
    """`BATCH` draws of every parameter from the prior, by PyMC."""
    model = harness(name)[1]
    wanted = [variable.name for variable in (*model.free_RVs, *model.deterministics)]
    seed = int(np.random.default_rng([SEED, _place(name), 0, batch]).integers(2**31))
    with model:
        prior = pm.sample_prior_predictive(
            BATCH,
            var_names=wanted,
            random_seed=seed,
            compile_kwargs={"mode": Mode(linker="py", optimizer="fast_compile")},
        )
    drawn: xr.Dataset = prior.prior.to_dataset()
    return drawn


def _place(name: str) -> int:
    return list(STRUCTURES).index(name)


def simulate(name: str, index: int, spoil: Spoil | None = None) -> Record:
    """One simulation: truth, data, fit, and where the truth lies among the draws of each quantity.

    spoil: a fault between the data and the model, for the check that the study can fail. Quantities are
    ranked under the data as they were drawn.
    """
    structure, _ = harness(name)
    rng = np.random.default_rng([SEED, _place(name), 1, index])
    batch, place = divmod(index, BATCH)
    truth = as_fit(structure, prior_batch(name, batch).isel(draw=[place]))
    data = draw_cells(truth, rng)
    record: Record = {"structure": name, "simulation": index}
    clock = time.monotonic()
    try:
        fit = fit_cells(data if spoil is None else spoil(data), seed=int(rng.integers(2**31)))
    except RuntimeError as error:
        return record | {"failed": str(error)[:200]}
    record["seconds"] = round(time.monotonic() - clock, 2)
    posterior = fit.tree.posterior.to_dataset()
    thin = posterior.sizes["draw"] * posterior.sizes["chain"] // RANKED
    true = {key: float(value[0]) for key, value in quantities(truth, data).items()}
    every = quantities(as_fit(structure, posterior), data)
    record["divergences"] = int(fit.tree.sample_stats["diverging"].sum())
    chains = every[HEADLINE].reshape(posterior.sizes["chain"], -1)
    record["r_hat"] = round(float(array_stats.rhat(chains, chain_axis=0, draw_axis=1)), 4)
    record["ess"] = round(float(array_stats.ess(chains, chain_axis=0, draw_axis=1, method="bulk")), 1)
    record["quantities"] = {
        key: _placed(true[key], draws, thin, rng) for key, draws in every.items() if np.ptp(draws) > 0
    }
    return record


def _placed(truth: float, draws: np.ndarray, thin: int, rng: np.random.Generator) -> Record:
    kept = draws[::thin]
    below, ties = int((kept < truth).sum()), int((kept == truth).sum())
    placed: Record = {
        "truth": truth,
        "mean": float(draws.mean()),
        "sd": float(draws.std(ddof=1)),
        "rank": below + int(rng.integers(ties + 1)),
        "jitter": float(rng.random()),
    }
    for level in LEVELS:
        lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        placed[f"inside{round(100 * level)}"] = bool(lower <= truth <= upper)
    return placed


def as_fit(structure: Structure, draws: xr.Dataset) -> Fit:
    """Draws as a fit, so that truth and posterior go through the same algebra."""
    return Fit(
        tree=xr.DataTree.from_dict({"posterior": draws}),
        structure=structure,
        profile="full",
        seed=SEED,
        target_accept=TARGET,
        retried=False,
        amber=False,
        started=datetime.now(UTC),
        seconds=0.0,
    )


def draw_cells(truth: Fit, rng: np.random.Generator) -> Structure:
    """The structure with data drawn in NumPy from one truth; persons' sums of squares by their own law."""
    structure = truth.structure
    rows = structure.rows
    denominator = rows["denominator"].to_numpy()
    (drawn,) = predict(truth, rows)
    level = drawn.untreated + drawn.effect + drawn.measurement
    law, observed = structure.likelihood, rows["observed"].to_numpy()
    answers = structure.answers
    if law.draw_answers is not None and answers is not None:
        answers = np.full_like(answers, np.nan)
        own = law.draw_answers(level[:, observed], denominator[observed], drawn.parameters, rng)[0]
        answers[observed] = own
        numerator = answers[:, structure.measure.stated_level - 1 :].sum(axis=1)
    else:
        numerator = np.full(len(rows), np.nan)
        numerator[observed] = law.draw(level[:, observed], denominator[observed], drawn.parameters, rng)[0]
    rows = rows.assign(numerator=numerator)
    if "residual_sd" in drawn.parameters and structure.spread_known:
        residual = float(drawn.parameters["residual_sd"][0, 0])
        rows = rows.assign(sum_squares=residual**2 * rng.chisquare(np.maximum(denominator - 1, 1)))
        if structure.clustering == "cohort":
            rows = _with_persons(truth, rows, residual, rng)
    return replace(structure, rows=rows, answers=answers)


def _with_persons(truth: Fit, rows: Cells, residual: float, rng: np.random.Generator) -> Cells:
    """Squares between and within the persons of a closed cohort: one-way analysis of variance."""
    _, periods = truth.structure.shape
    persons = rows.groupby("site")["denominator"].first().to_numpy()
    variance = residual**2 / periods + float(truth.flat("person_sd")[0]) ** 2
    between = variance * rng.chisquare(persons - 1)
    within = residual**2 * rng.chisquare((persons - 1) * (periods - 1))
    return rows.assign(
        person_sum_squares=np.repeat(between, periods),
        sum_squares=np.repeat(between + within / periods, periods),
    )


def fit_cells(structure: Structure, seed: int) -> Fit:
    """The posterior of new data, from the model compiled before, at the project's sampler settings but fewer draws."""
    model = model_of(structure)
    return sample_once(model, seed=seed, target=TARGET, settings=(CHAINS, TUNE, DRAWS))


def quantities(fit: Fit, data: Structure) -> dict[str, np.ndarray]:
    """What is ranked: the reported estimands, every scalar parameter, and the joint log-likelihood."""
    structure = fit.structure
    found: dict[str, np.ndarray] = {}
    for asked, draws in reported_draws(fit).items():
        group = f".{asked.group}" if asked.group else ""
        if asked.estimand in ("tate", "contrast", "expected"):
            found[f"{asked.estimand}.{asked.scale}{group}"] = draws
        elif asked.estimand == "pte" and asked.scale == "link" and asked.first == structure.supported:
            found["pte.last"] = draws
    for name, variable in fit.tree.posterior.data_vars.items():
        if set(variable.dims) == {"chain", "draw"}:
            found[str(name)] = fit.flat(str(name))
    if structure.wave_effects:
        found["wave_effect.first"] = fit.flat("wave_effect")[:, 0]
    if structure.latent_sites:
        found["site.first"] = fit.flat("site_sd") * fit.flat("site_raw")[:, 0]
    found["log_likelihood"] = joint_log_likelihood(fit, data)
    return found


def joint_log_likelihood(fit: Fit, data: Structure) -> np.ndarray:
    """Joint log-likelihood of the data by SciPy's densities, one value a draw."""
    rows = data.rows[data.rows["used"]]
    several = np.flatnonzero(rows["denominator"].to_numpy() > 1)
    spread = data.spread_known and data.clustering != "cohort"
    cells = Observed(
        numerator=rows["numerator"].to_numpy(),
        denominator=rows["denominator"].to_numpy(),
        sum_squares=rows["sum_squares"].to_numpy()[several] if spread else None,
        several=several if spread else None,
        answers=None if data.answers is None else data.answers[data.rows["used"].to_numpy()],
        stated_level=data.measure.stated_level,
    )
    density = data.likelihood.log_density
    return np.concatenate([
        density(part.untreated + part.effect + part.measurement, cells, part.parameters).sum(axis=1)
        for part in predict(fit, rows)
    ])  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """One quantity over all simulations. bias: mean of (posterior mean - truth); `relative` divides it by
    the mean posterior SD. contraction: SD of the truths over the mean posterior SD."""

    quantity: str
    simulations: int
    coverage50: float
    coverage90: float
    bias: float
    bias_error: float
    relative: float
    contraction: float
    p_uniform: float


def summarise(records: Sequence[Record]) -> list[Row]:
    """One row a quantity, over the simulations that were fitted."""
    fitted = [record["quantities"] for record in records if "failed" not in record]
    return [_row(key, [found[key] for found in fitted if key in found]) for key in fitted[0]]


def _row(key: str, found: Sequence[Record]) -> Row:
    error = np.array([item["mean"] - item["truth"] for item in found])
    spread = float(np.mean([item["sd"] for item in found]))
    return Row(
        quantity=key,
        simulations=len(found),
        coverage50=float(np.mean([item["inside50"] for item in found])),
        coverage90=float(np.mean([item["inside90"] for item in found])),
        bias=float(error.mean()),
        bias_error=float(error.std(ddof=1) / np.sqrt(len(error))),
        relative=float(error.mean()) / spread,
        contraction=float(np.std([item["truth"] for item in found], ddof=1)) / spread,
        p_uniform=uniformity([(item["rank"] + item["jitter"]) / (RANKED + 1) for item in found]),
    )


def uniformity(places: Sequence[float]) -> float:
    """P-value of uniformity of the fractional ranks (ArviZ's test for dependent ranks, method pot_c)."""
    return float(array_stats.uniformity_test(np.asarray(places))[0])


def band(simulations: int, level: float) -> tuple[int, int]:
    """Fewest and most intervals that hold the truth, with probability `BAND`, were the level nominal."""
    tail = (1 - BAND) / 2
    return int(stats.binom.ppf(tail, simulations, level)), int(stats.binom.ppf(1 - tail, simulations, level))


def covered(simulations: int, coverage: float, level: float) -> bool:
    fewest, most = band(simulations, level)
    return fewest <= round(coverage * simulations) <= most


def complaints(records: Sequence[Record]) -> list[str]:
    """What is wrong with a study: fits that failed, ranks that are not uniform, intervals that do not cover."""
    failed = [record["simulation"] for record in records if "failed" in record]
    wrong = [f"simulations {failed} failed to sample"] if failed else []
    for row in summarise(records):
        if row.p_uniform < SMALLEST_P:
            wrong.append(f"{row.quantity}: ranks not uniform, p = {row.p_uniform:.1e}")
        if row.quantity == HEADLINE and not covered(row.simulations, row.coverage90, 0.9):
            wrong.append(f"{row.quantity}: 90 % interval covers {row.coverage90:.2f} of {row.simulations}")
    return wrong
