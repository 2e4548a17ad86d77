"""Sampling health at realistic sizes: how many fits pass every gate, with the sampler exactly as users get it.

    python tests/recover/health.py [--fits 10] [--designs 7x36 ...]

Truths are fixed and realistic (monthly falls, about 4 to 15 events a month, effect growing to a rate ratio of
0.7, sites differing by 0.35, correlation fading over time); only the data differ from fit to fit. Records:
`build/validation/health-<design>.jsonl` by digest of the code, so that a stopped run resumes. A fit is healthy
when every reported quantity passes the gates of `check_fit` without an amber note.
"""

# ruff: noqa: E402 - the paths come first: this file is run as a script
from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from records import Record, append, code_key, finished

from impl.model.build import model_of
from impl.model.checks import check_fit
from impl.model.fit import sample
from impl.model.simulate import World, simulate_cells
from impl.model.structure import Structure, describe_structure
from worlds import REPOSITORY, make_panel, make_study

SEED = 20261122
RATIO, GROWTH = 0.7, 6.0
DESIGNS = {
    # sites, months, falls a site and month, waves
    "7x36": (7, 36, 4.0, (12, 16, 20, 24)),
    "15x48": (15, 48, 8.0, (12, 18, 24, 30, 36)),
    "40x60": (40, 60, 15.0, (12, 20, 28, 36, 44)),
}
QUARTERLY = 0.85  # correlation over a quarter
STUDY = make_study("falls")


def growing(exposure: np.ndarray) -> np.ndarray:
    grown: np.ndarray = np.log(RATIO) * np.minimum(exposure, GROWTH) / GROWTH
    return grown


def design(name: str) -> tuple[World, np.ndarray, Structure]:
    sites, months, events, waves = DESIGNS[name]
    start = np.array([float(waves[index * len(waves) // sites]) for index in range(sites)])
    world = World(
        law="poisson", baseline=0.0045, start=start, effect=growing, trend_per_year=-0.05, season=0.08
    )
    days = np.round(np.repeat(np.linspace(0.6, 1.4, sites)[:, None], months, axis=1) * events / 0.0045)
    panel = make_panel(world, "falls", days)
    return world, days, describe_structure(STUDY, panel)


def simulate(name: str, index: int) -> Record:
    world, days, structure = design(name)
    rng = np.random.default_rng([SEED, list(DESIGNS).index(name), index])
    sites, months = days.shape
    correlation = QUARTERLY ** (1 / 3)
    series = np.empty(days.shape)
    series[:, 0] = rng.standard_normal(sites)
    for month in range(1, months):
        fresh = rng.standard_normal(sites)
        series[:, month] = correlation * series[:, month - 1] + np.sqrt(1 - correlation**2) * fresh
    # the site's own level and its drift come in through the exposure, so that the simulator stays as it is
    numerator, _ = simulate_cells(world, days * np.exp(0.35 * series), rng)
    rows = structure.rows.assign(numerator=numerator.ravel(), denominator=days.ravel())
    clock, cpu = time.monotonic(), time.process_time()
    fit = sample(model_of(replace(structure, rows=rows)), STUDY.model_copy(update={"seed": 1000 + index}))
    checks = check_fit(fit)
    values = {row.check: row.value for row in checks.rows}
    return {
        "structure": name,
        "simulation": index,
        "passed": checks.passed,
        "amber": fit.amber,
        "retried": fit.retried,
        "seconds": round(time.monotonic() - clock, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "steps": round(float(fit.tree.sample_stats["n_steps"].mean()), 1),
        **values,
    }


def table(names: list[str], key: str) -> str:
    lines = [
        "| design | fits | healthy | after a retry | amber | worst R-hat | least ESS | steps a draw | CPU s a fit |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        found = list(finished(REPOSITORY / "build" / "validation" / f"health-{name}.jsonl", key).values())
        if not found:
            continue
        healthy = sum(record["passed"] and not record["amber"] for record in found)
        least = min(min(record["ess_bulk"], record["ess_tail"]) for record in found)
        lines.append(
            f"| {name} | {len(found)} | {healthy} | {sum(record['retried'] for record in found)} | "
            f"{sum(record['amber'] for record in found)} | {max(record['r_hat'] for record in found):.4f} | "
            f"{least:.0f} | {np.median([record['steps'] for record in found]):.0f} | "
            f"{np.median([record['cpu'] for record in found]):.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--fits", type=int, default=10)
    asked.add_argument("--designs", nargs="*", default=list(DESIGNS), choices=list(DESIGNS))
    options = asked.parse_args()
    key = code_key()
    for index in range(options.fits):
        for name in options.designs:
            path = REPOSITORY / "build" / "validation" / f"health-{name}.jsonl"
            if index not in finished(path, key):
                append(path, simulate(name, index), key)
    sys.stdout.write(table(options.designs, key) + "\n")


if __name__ == "__main__":
    main()
