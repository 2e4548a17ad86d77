"""The synthesis has no sampler; brms, which has nothing else, must give the same posterior from the same summaries."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from compare import missing, run_script

from impl.network.normal import Summary, fit_regression, shrunken
from impl.network.synthesis import COEFFICIENT_SD, MEAN_SD, TAU_SCALE

pytestmark = pytest.mark.validate
SEED = 20261123
FURTHEST = 0.1
"""Largest difference of means and interval ends, in posterior SDs."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Summaries of one invented network; covariate standardised, or None."""

    name: str
    mean: np.ndarray
    sd: np.ndarray
    covariate: np.ndarray | None = None


def invent(name: str, studies: int, tau: float, *, slope: float | None = None) -> Network:
    rng = np.random.default_rng([SEED, studies])
    sd = 0.15 * np.exp(0.4 * rng.standard_normal(studies))
    mean = -0.2 + tau * rng.standard_normal(studies) + sd * rng.standard_normal(studies)
    if slope is None:
        return Network(name=name, mean=mean, sd=sd)
    covariate = rng.standard_normal(studies)
    covariate = (covariate - covariate.mean()) / covariate.std()
    return Network(name=name, mean=mean + slope * covariate, sd=sd, covariate=covariate)


NETWORKS = (
    invent("three", 3, 0.2),
    invent("eight", 8, 0.3),
    invent("thirty", 30, 0.1),
    invent("regressed", 15, 0.15, slope=0.15),
)


def ours(network: Network) -> dict[str, Summary]:
    """The quantities of the R script by the same names."""
    studies = len(network.mean)
    design, prior = np.ones((studies, 1)), np.array([MEAN_SD])
    if network.covariate is not None:
        design = np.column_stack([np.ones(studies), network.covariate])
        prior = np.array([MEAN_SD, COEFFICIENT_SD])
    fitted = fit_regression(network.mean, network.sd, design, np.zeros(len(prior)), prior, TAU_SCALE)
    terms = np.eye(len(prior))
    found = {
        "mean": fitted.combination(terms[:1]).summaries()[0],
        "tau": fitted.heterogeneity.summary(),
        "new_place": fitted.combination(terms[:1], new_place=True).summaries()[0],
    }
    if network.covariate is not None:
        return found | {"coefficient": fitted.combination(terms[1:]).summaries()[0]}
    own = shrunken(network.mean, network.sd, design, fitted).summaries()
    return found | {f"study s{place:02d}": summary for place, summary in enumerate(own)}


def test_brms_pools_the_same_summaries_alike(tmp_path: Path) -> None:
    if reason := missing("brms"):
        pytest.skip(reason)
    for network in NETWORKS:
        with (tmp_path / f"{network.name}.csv").open("w", newline="") as file:
            table = csv.writer(file)
            covariate = network.covariate
            table.writerow(["study", "mean", "sd", *(["covariate"] if covariate is not None else [])])
            for place, pair in enumerate(zip(network.mean, network.sd, strict=True)):
                table.writerow(
                    [f"s{place:02d}", *pair, *([covariate[place]] if covariate is not None else [])]
                )
    run_script("synthesis.R", tmp_path)
    apart, compared, furthest = [], 0, 0.0
    for network in NETWORKS:
        found = ours(network)
        with (tmp_path / f"{network.name}.out.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["quantity"] for row in rows} == found.keys()
        for row in rows:
            mine = found[row["quantity"]]
            distances = {
                name: (getattr(mine, name) - float(row[name])) / mine.sd
                for name in ("mean", "lower", "upper")
            }
            distances["sd"] = mine.sd / float(row["sd"]) - 1
            compared += len(distances)
            worst = max(distances, key=lambda name: abs(distances[name]))
            furthest = max(furthest, abs(distances[worst]))
            if abs(distances[worst]) > FURTHEST:
                apart.append(f"{network.name}, {row['quantity']}: {worst} {distances[worst]:+.3f}")
    assert compared > 150
    sys.stdout.write(f"{compared} numbers compared, the furthest {furthest:.3f} posterior SDs apart\n")
    assert not apart, "\n".join(apart)
