"""Run another program and impl on the same project, and put their posteriors side by side."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from arviz_stats.base import array_stats
from cases import REPOSITORY, SEED, Array, Case

from impl.data.read import read_panel
from impl.model.build import build_model
from impl.model.fit import sample_once
from impl.model.fitted import Fit
from impl.release.atomic import write_atomically
from impl.study.load import read_study

HERE = Path(__file__).parent
FOLDER = REPOSITORY / "build" / "peers"
CHAINS, WARMUP, DRAWS = 4, 1000, 4000
OWN_DRAWS = 8000
"""Kept draws a chain in the peer and in impl; the product keeps 1000. Enough that Monte Carlo error is small
beside the tolerance, and ours smaller than theirs."""
STORED = (
    "intercept",
    "trend",
    "season_sd",
    "calendar_step_sd",
    "site_sd",
    "total_sd",
    "cluster_autocorrelation",
    "quarter_autocorrelation",
    "site_effect_sd",
    "site_correlation",
    "overdispersion",
    "extra_correlation",
    "residual_sd",
    "degrees_of_freedom",
)
"""Scalars that impl stores under the name that the R script gives them."""


@cache
def missing(package: str) -> str:
    """Why an R package cannot be used here; empty where it can."""
    if shutil.which("Rscript") is None:
        return "Rscript is not installed"
    tried = subprocess.run(
        ["Rscript", "-e", f"library({package})"], capture_output=True, text=True, check=False
    )
    return "" if tried.returncode == 0 else f"the R package {package} is not installed"


def run_script(script: str, project: Path, *options: int) -> None:
    """Run one of this folder's R scripts on a project; its messages are shown where it fails."""
    command = ["Rscript", str(HERE / script), str(project), *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{script} failed on {project.name}:\n{done.stderr[-4000:]}")


def read_draws(project: Path) -> dict[str, Array]:
    """Draws that brms wrote, quantity -> chain x draw."""
    table = pd.read_csv(project / "draws.csv")
    return {
        name: np.stack([values.to_numpy() for _, values in table.groupby("chain")[name]])
        for name in table.columns.drop("chain")
    }


def fit_project(study_file: Path) -> tuple[Fit, float]:
    """impl's fit of a project with many draws, and the wall seconds from reading to the last draw."""
    clock = time.monotonic()
    study = read_study(study_file)
    model = build_model(study, read_panel(study))
    fit = sample_once(model, seed=SEED, settings=(CHAINS, WARMUP, OWN_DRAWS))
    return fit, time.monotonic() - clock


def quantities(fit: Fit) -> dict[str, Array]:
    """What both programs are asked for, chain x draw, by the names of the R script."""
    posterior, structure = fit.tree.posterior, fit.structure
    stored = {name: posterior[name].to_numpy() for name in STORED if name in posterior.data_vars}
    if structure.latent_cells:
        stored.pop("site_sd", None)  # there it is total and share
    curve = posterior["curve"].to_numpy()
    first, last = structure.window
    found: dict[str, Array] = {
        **stored,
        "effect_window": curve[..., first - 1 : last].mean(axis=-1),
        "effect_first": curve[..., 0],
        "effect_last": curve[..., structure.supported - 1],
    }
    if structure.effect.name == "rw":
        log_step = np.log(structure.priors.step_log_median)
        log_step = log_step + structure.priors.step_log_sd * posterior["effect_scale_log"].to_numpy()
        found["effect_step_sd"] = np.exp(log_step)
    if structure.wave_effects:
        found["wave_first"] = posterior["wave_effect"].to_numpy()[..., 0]
    if structure.calendar != "none":
        found["calendar_first"] = posterior["calendar_effect"].to_numpy()[..., 0]
        found["calendar_last"] = posterior["calendar_effect"].to_numpy()[..., -1]
    if "cut_points" in posterior.data_vars:
        found["cut_first"] = posterior["cut_points"].to_numpy()[..., 0]
        found["cut_last"] = posterior["cut_points"].to_numpy()[..., -1]
    return found


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One quantity of one case in both programs.

    difference: of the means, in peer SDs; `difference_mcse`: in Monte Carlo standard errors of both together.
    spread: ratio of the SDs, ours over theirs; `spread_mcse`: their difference in Monte Carlo standard errors.
    """

    quantity: str
    peer_mean: float
    peer_sd: float
    peer_ess: float
    mean: float
    sd: float
    ess: float
    difference: float
    difference_mcse: float
    spread: float
    spread_mcse: float


def compare(name: str, peer: Array, own: Array) -> Compared:
    """Compare the draws of one quantity, both chain x draw."""
    peer_sd, sd = float(peer.std()), float(own.std())
    apart, apart_sd = float(own.mean() - peer.mean()), sd - peer_sd
    return Compared(
        quantity=name,
        peer_mean=float(peer.mean()),
        peer_sd=peer_sd,
        peer_ess=float(array_stats.ess(peer, method="bulk")),
        mean=float(own.mean()),
        sd=sd,
        ess=float(array_stats.ess(own, method="bulk")),
        difference=apart / peer_sd,
        difference_mcse=apart
        / float(np.hypot(*(array_stats.mcse(draws, method="mean") for draws in (peer, own)))),
        spread=sd / peer_sd,
        spread_mcse=apart_sd
        / float(np.hypot(*(array_stats.mcse(draws, method="sd") for draws in (peer, own)))),
    )


def keep(case: Case, program: str, rows: Sequence[Mapping[str, object]], spent: Mapping[str, object]) -> None:
    """Write the figures of one case, for `tables.py`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = {"case": case.name, "program": program, "rows": rows, "spent": spent}
    write_atomically(FOLDER / f"{case.name}.json", (json.dumps(record, indent=1) + "\n").encode())
