"""How fast is the engine? Beside brms on a small stepped wedge, and alone at national size.

    python benchmarks/engine.py            both parts, printed
    python benchmarks/engine.py wedge      12 sites x 12 periods, impl and brms, the same model and priors
    python benchmarks/engine.py national   10, 40, 100 and 357 sites x 96 months
    ... --write                            also into docs/validation/engine.md

Every fit is a process of its own, started fresh, so that imports and compilation count and memory is its own.
Run it on a machine that does nothing else; figures from a busy one are upper bounds.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats

import impl
import impl.model.fit as fitting
from impl.model.fit import sample_once
from impl.model.simulate import World, month_starts, simulate_cells

ROOT = impl.find_root(Path(__file__).parent)
PEERS = ROOT / "tests" / "peers"
sys.path.insert(0, str(PEERS))
from cases import CASES, write_project  # noqa: E402 - the same data as `make peers` compares

WEDGE = CASES["poisson-nested-site-effects"]
SITES, MONTHS, WAVES, SEED = (10, 40, 100, 357), 96, 8, 20261122
Row = dict[str, object]
fitting.read_kept = lambda *_: None  # every fit is sampled


# --- what a user does


def fit_study(study_file: Path) -> Row:
    """Read, build, sample, check and estimate one study; what it took and how well it sampled."""
    spent: Row = {}
    with timed(spent, "read"):
        study = impl.read_study(study_file)
        panel = impl.read_panel(study)
    with timed(spent, "sample, compiling"):
        model = impl.build_model(study, panel)
        fit = impl.sample(model, study)
    with timed(spent, "estimate"):
        checks = impl.check_fit(fit)
        estimates = impl.estimate(fit)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kilobytes on Linux
    with timed(spent, "sample again"):
        sample_once(model, seed=study.seed)  # compiled before: sampling alone
    effect = fit.tree.posterior["curve"].to_numpy()[..., 0]  # of a period at exposure 1, site effects apart
    row = estimates.table.query("estimand == 'tate' and scale == 'link' and level == 0.9").iloc[0]
    return {
        "law": f"{fit.structure.likelihood.name}, {fit.structure.clustering}",
        "passed": checks.passed,
        "retried": checks.retried,
        **{check.check: check.value for check in checks.rows},
        "effect": f"{effect.mean():.3f} ({effect.std():.3f})",
        "tate": f"{row['mean']:.3f} ({row['sd']:.3f})",
        "effect_ess": float(array_stats.ess(effect, method="bulk")),
        "peak_mb": peak,
        **spent,
    }


@contextmanager
def timed(spent: Row, step: str) -> Iterator[None]:
    """Wall and processor seconds (all threads) of a step, under `step` and `step cpu`."""
    wall, cpu = time.monotonic(), time.process_time()
    yield
    spent[step], spent[f"{step} cpu"] = time.monotonic() - wall, time.process_time() - cpu


def in_new_process(study_file: Path) -> tuple[Row, float]:
    """`fit_study` in a fresh process, and the wall seconds of the whole process."""
    clock = time.monotonic()
    command = [sys.executable, __file__, "--fit", str(study_file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: Row = json.loads(done.stdout.splitlines()[-1])
    # the second sampling is this benchmark's, not the user's
    return row, time.monotonic() - clock - float(str(row["sample again"]))


# --- a small wedge beside brms


def measure_wedge() -> list[Row]:
    """impl and brms on one data set: 4 chains x (1000 + 1000), target acceptance 0.95, two cores."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / WEDGE.name
        study_file = write_project(project, WEDGE)
        own, whole = in_new_process(study_file)
        rows = [
            speed("impl", float(str(own["effect_ess"])), float(str(own["sample again cpu"])), whole)
            | {"effect": own["effect"]}
        ]
        clock = time.monotonic()
        command = ["Rscript", str(PEERS / "brms.R"), str(project), "4", "2", "1000", "1000"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        whole = time.monotonic() - clock
        table = pd.read_csv(project / "draws.csv")
        effect = np.stack([chain.to_numpy() for _, chain in table.groupby("chain")["effect_window"]])
        taken = json.loads((project / "seconds.json").read_text())
        ess = float(array_stats.ess(effect, method="bulk"))
        brms = speed(f"brms {taken['brms']}", ess, taken["sampling_cpu"], whole)
        rows.append(brms | {"effect": f"{effect.mean():.3f} ({effect.std():.3f})"})
    rows.append(
        {
            "program": "ratio",
            "ESS / CPU s": float(str(rows[0]["ESS / CPU s"])) / float(str(rows[1]["ESS / CPU s"])),
            "whole run, s": float(str(rows[1]["whole run, s"])) / float(str(rows[0]["whole run, s"])),
        }
    )
    return rows


def speed(program: str, ess: float, cpu: float, whole: float) -> Row:
    return {
        "program": program,
        "ESS of the effect": ess,
        "sampling, CPU s": cpu,
        "ESS / CPU s": ess / cpu,
        "whole run, s": whole,
    }


# --- national size


def measure_national(sizes: Sequence[int]) -> list[Row]:
    """One default model a size; nothing is asked of it but random effects between sites."""
    rows: list[Row] = []
    for sites in sizes:
        with tempfile.TemporaryDirectory() as folder:
            found, whole = in_new_process(write_national(Path(folder), sites))
        rows.append(
            {
                "sites": sites,
                "model": found["law"],
                "whole run, s": whole,
                "sampling, CPU s": found["sample again cpu"],
                "peak, MB": found["peak_mb"],
                "largest R-hat": found["r_hat"],
                "least bulk ESS": found["ess_bulk"],
                "least tail ESS": found["ess_tail"],
                "divergences": found["divergences"],
                "gates": "passed" if found["passed"] else "failed",
                "effect (truth -0.350)": found["tate"],
            }
        )
    return rows


def exponent(rows: Sequence[Row]) -> str:
    """How sampling grows with the number of sites, for each model that has two sizes or more."""
    found = []
    for model in dict.fromkeys(str(row["model"]) for row in rows):
        same = [row for row in rows if row["model"] == model]
        if len(same) > 1:
            size, cost = ([float(str(row[key])) for row in same] for key in ("sites", "sampling, CPU s"))
            slope = np.polyfit(np.log(size), np.log(cost), 1)[0]
            found.append(f"{model}: CPU seconds grow as sites^{slope:.2f}")
    return "; ".join(found)


def write_national(root: Path, sites: int) -> Path:
    """A project of `sites` homes x 96 months, eight waves, eight falls a month; returns the study file."""
    rng = np.random.default_rng([SEED, sites])
    starts = month_starts(date(2018, 1, 1), MONTHS)
    begin = (24 + 6 * (np.arange(sites) % WAVES)).astype(float)
    world = World(
        law="poisson",
        baseline=4.5 / 1000,
        start=begin,
        effect=lambda exposure: np.full(exposure.shape, -0.35),
        site_sd=0.4,
        cell_sd=0.15,
        trend_per_year=-0.02,
        season=0.08,
    )
    days = np.round(rng.uniform(1200, 2400, (sites, 1)) * rng.uniform(0.95, 1.05, (sites, MONTHS)))
    own = 0.15 * rng.standard_normal((sites, 1)) * np.ones((1, MONTHS))
    falls, _ = simulate_cells(world, days, rng, shift=own)
    panel: list[Sequence[object]] = [
        ("site", "period_start", "period_end", "measure", "numerator", "denominator")
    ]
    for site in range(sites):
        for month, (first, following) in enumerate(pairwise(starts)):
            counts = (int(falls[site, month]), int(days[site, month]))
            panel.append((f"{site:04d}", first, following - timedelta(days=1), "falls", *counts))
    rollout: list[Sequence[object]] = [
        ("site", "allocated_start", "actual_start", "transition_end", "stop"),
        *((f"{site:04d}", "", starts[int(begin[site])], "", "") for site in range(sites)),
    ]
    for folder in ("data", "parameters"):
        (root / folder).mkdir()
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    for name, table in (("panel", panel), ("rollout", rollout)):
        with (root / "data" / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(table)
    study: Mapping[str, object] = {
        "schema": 1,
        "id": "national",
        "title": {"nb": "Fall i sykehjem"},
        "question": {"nb": "Gikk fallene ned?"},
        "notebook": "30_stepped_wedge",
        "bundle": "falls",
        "measures": {"primary": "falls"},
        "data": {"file": "data/panel.csv"},
        "rollout": {"file": "data/rollout.csv", "randomised": False},
        "model": {"site_effects": "random"},
        "synthetic": True,
        "seed": SEED,
    }
    study_file = root / "parameters" / "national.yaml"
    study_file.write_text(json.dumps(study, ensure_ascii=False))  # JSON is YAML
    return study_file


# --- tables


def as_table(rows: Sequence[Row]) -> str:
    """A Markdown table; columns in the order of the first row."""
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(shown(row.get(head, "")) for head in heads) + " |" for row in rows]
    return "\n".join(lines)


def shown(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 2 else f"{value:.3f}"


def machine() -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("pymc", "nutpie", "numba"))
    return (
        f"{date.today()}, {os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.1f} at the start, "
        f"Python {platform.python_version()}, {versions}, seed {SEED}."
    )


def report(parts: Sequence[str], sizes: Sequence[int]) -> str:
    """Run the parts and put their tables into one text, printing each when it is done."""
    text = ["# Speed of the engine", "", f"`python benchmarks/engine.py --write`: {machine()}"]
    if "wedge" in parts:
        text += [
            "",
            "## A stepped wedge of 12 sites x 12 periods, beside brms",
            "",
            (
                "Poisson counts with site, site-effect, period and cell effects and the same priors in both programs "
                f"(`tests/peers`, case `{WEDGE.name}`); 4 chains x (1000 + 1000), two cores. CPU seconds are those of "
                "sampling, warm-up included; the whole run is a new process from start to end: for impl import, "
                "reading, compilation, sampling, checks and estimates."
            ),
            "",
            as_table(measure_wedge()),
        ]
        print("\n".join(text[-6:]), flush=True)
    if "national" in parts:
        rows = measure_national(sizes)
        text += [
            "",
            f"## {', '.join(map(str, sizes))} sites x {MONTHS} months",
            "",
            (
                "The model that `auto` chooses, with effects that differ between sites. R-hat and ESS are the worst "
                "over every reported quantity; memory is the peak of the process."
            ),
            "",
            as_table(rows),
            "",
            exponent(rows),
        ]
        print("\n".join(text[-8:]), flush=True)
    return "\n".join(text) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", choices=("wedge", "national"))
    parser.add_argument("--sites", nargs="+", type=int, default=SITES)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--fit", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.fit:
        print(json.dumps(fit_study(asked.fit)))
        return
    text = report([asked.part] if asked.part else ["wedge", "national"], asked.sites)
    if asked.write:
        (ROOT / "docs" / "validation" / "engine.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
