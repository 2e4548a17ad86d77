"""Recovery of what only implementation research asks: do 90 % intervals hold the truth nine times in ten?

    make validate ONLY=local-coverage          (IMPL_LOCAL_N: simulations a question, 200 unless set)

Fifteen sites, 48 months in quarters. The truth differs from simulation to simulation, over a range that a network may
meet. Records: `build/validation/local-<question>.jsonl`, by digest of the code.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from records import Record, append, finished, truth_key
from truth_worlds import BEFORE, HALF_LIFE, STEP, SUPPORT, Network, Truth, network_of

from impl.model.build import build_model, model_of
from impl.model.estimands import Asked, reported_draws
from impl.model.fit import sample_once
from impl.model.fitted import Fit
from impl.model.local.delivery import evaluate_delivery
from impl.model.local.dose import evaluate_dose
from impl.model.local.sustainment import fading_structure, retained
from worlds import REPOSITORY

FOLDER = REPOSITORY / "build" / "validation"
SEED, SITES = 20261124, 15
SETTINGS = (4, 400, 400)
QUESTIONS = ("moderation", "retained", "dose")


def simulate(question: str, index: int) -> Record:
    """One network of a truth of its own: for each figure of the question its truth and interval."""
    seed = [SEED, QUESTIONS.index(question), index]
    drawn = np.random.default_rng([*seed, 1])
    clock, cpu = time.monotonic(), time.process_time()
    figures = {"moderation": _moderation, "retained": _retained, "dose": _dose}[question](seed, drawn)
    return {
        "simulation": index,
        "figures": figures,
        "seconds": round(time.monotonic() - clock, 1),
        "cpu": round(time.process_time() - cpu, 1),
    }


def fit_of(made: Network) -> Fit:
    model = build_model(made.study, made.panel)
    return sample_once(model, seed=made.study.seed, settings=SETTINGS)


def _moderation(seed: list[int], drawn: np.random.Generator) -> Record:
    """Coefficients of two kinds of modification, each N(0, 0.2): nothing, help and harm are all among them."""
    planned, removed = drawn.normal(0.0, 0.2, 2)
    truth = Truth(share=_good, effect=lambda share, since: -0.3 * share * _ramp(since), adapted=True)
    made = network_of(truth, SITES, seed, modifications=(planned, removed))
    fit = fit_of(made)
    reported, window = reported_draws(fit), fit.structure.window
    kinds = {"consistent_planned": planned, "inconsistent": removed}
    return {
        kind: _figure(reported[Asked("moderation", *window, "link", kind)], value)
        for kind, value in kinds.items()
    }


def _retained(seed: list[int], drawn: np.random.Generator) -> Record:
    """Share of the effect kept, a part between 0 and 0.8 for good, the rest halved in 4 to 20 months (median 9)."""
    stays, half = drawn.uniform(0.0, 0.8), HALF_LIFE * np.exp(drawn.normal(0.0, 0.5))

    def kept(months: np.ndarray) -> np.ndarray:
        return stays + (1.0 - stays) * 2.0 ** (-months / half)

    truth = Truth(
        share=_good,
        effect=lambda share, since: -0.6 * share * _ramp(since) * kept(np.maximum(since - SUPPORT, 0) * STEP),
        supported=True,
    )
    made = network_of(truth, SITES, seed)
    structure = fading_structure(build_model(made.study, made.panel).structure, made.panel)
    assert structure is not None
    model = model_of(structure)
    fit = sample_once(model, seed=made.study.seed, settings=SETTINGS)
    return {
        f"R({months})": _figure(retained(fit, months), float(kept(np.array(float(months)))))
        for months in (6, 12, 24)
    }


def _dose(seed: list[int], drawn: np.random.Generator) -> Record:
    """Effect at full delivery N(-0.4, 0.3), in proportion to a share that differs between sites from 10 to 95 per cent, less
    the practice before start."""
    full = drawn.normal(-0.4, 0.3)
    levels = drawn.permutation(np.linspace(0.10, 0.95, SITES))
    truth = Truth(
        share=lambda site, since: levels[site] + 0.0 * since,
        effect=lambda share, since: full * (share - BEFORE) + 0.0 * since,
    )
    made = network_of(truth, SITES, seed, effect_sd=0.0)
    fit = fit_of(made)
    delivery = evaluate_delivery(fit, made.study, made.panel)
    assert delivery is not None
    found = evaluate_dose(fit, made.study, delivery)
    if found is None or not found.passed:
        return {}
    points = found.points.set_index("fidelity")
    return {
        f"{share:.0%}": {
            "truth": float(np.exp(full * share)),
            "mean": float(points.loc[share, "median"]),
            "covers": bool(points.loc[share, "lower"] <= np.exp(full * share) <= points.loc[share, "upper"]),
        }
        for share in (0.4, 0.8, 1.0)
    }


def _good(site: np.ndarray, since: np.ndarray) -> np.ndarray:
    return np.full(np.broadcast(site, since).shape, 0.9)


def _ramp(since: np.ndarray) -> np.ndarray:
    return np.where(since < 2, 0.5, 1.0)


def _figure(draws: np.ndarray, truth: float) -> Record:
    lower, upper = np.quantile(draws, (0.05, 0.95))
    return {"truth": float(truth), "mean": float(draws.mean()), "covers": bool(lower <= truth <= upper)}


def run(question: str, count: int) -> None:
    path, key = FOLDER / f"local-{question}.jsonl", truth_key()
    done = finished(path, key)
    for index in range(count):
        if index not in done:
            append(path, simulate(question, index), key)


def coverage(question: str) -> pd.DataFrame:
    """One row a figure: simulations, coverage of the 90 % interval, mean error."""
    found = finished(FOLDER / f"local-{question}.jsonl", truth_key()).values()
    rows = [{"figure": name, **figure} for record in found for name, figure in record["figures"].items()]
    table = pd.DataFrame(rows)
    table["error"] = table["mean"] - table["truth"]
    return table.groupby("figure", sort=False).agg(
        simulations=("covers", "size"), coverage=("covers", "mean"), error=("error", "mean")
    )
