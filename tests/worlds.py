"""Small simulated worlds for tests: a study and a panel with a known truth, without any file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import xarray as xr
from pytensor.compile.mode import Mode

from impl.data.panel import Panel, Period
from impl.model.build import EvaluationModel
from impl.model.fitted import Fit
from impl.model.simulate import World, month_starts, simulate_cells
from impl.study.load import find_root
from impl.study.study import Study

REPOSITORY = find_root(Path(__file__).parent)


def make_study(measure: str, notebook: str = "30_stepped_wedge", **changes: object) -> Study:
    fields: dict[str, object] = {
        "schema": 1,
        "id": "world",
        "title": {"nb": "Verden"},
        "question": {"nb": "Virket det?"},
        "notebook": notebook,
        "bundle": "falls",
        "measures": {"primary": measure},
        "data": {"file": "none.csv"},
        "rollout": {"file": "none.csv"},
    }
    study = Study.model_validate(fields | changes)
    study._root = REPOSITORY
    return study


def make_panel(
    world: World,
    measure: str,
    denominator: np.ndarray,
    *,
    seed: int = 1,
    first: date = date(2022, 1, 1),
    transition: int = 0,
    gaps: tuple[tuple[int, int], ...] = (),
    adaptations: pd.DataFrame | None = None,
    shift: np.ndarray | None = None,
    stratum: tuple[str, ...] | None = None,
    other_rollouts: dict[str, pd.DataFrame] | None = None,
    answers: np.ndarray | None = None,
    covariates: pd.DataFrame | None = None,
) -> Panel:
    """A panel of the world's sites (codes s00, s01 …); `transition` periods before each start.

    answers: site x period x category of an ordered `measure`; the caller's world gives the numerators.
    """
    sites, periods = denominator.shape
    numerator, _ = simulate_cells(world, denominator, np.random.default_rng(seed), shift)
    codes = tuple(f"s{index:02d}" for index in range(sites))
    grid = pd.MultiIndex.from_product([codes, range(periods)], names=["site", "period"]).to_frame(index=False)
    cells = grid.assign(
        measure=measure,
        numerator=numerator.ravel(),
        denominator=denominator.ravel(),
        sum_squares=np.nan,
        at_least=np.nan,
        at_most=np.nan,
        person_sum_squares=np.nan,
        observed=True,
    )
    for site, period in gaps:
        row = site * periods + period
        cells.loc[row, ["numerator", "denominator"]] = np.nan
        cells.loc[row, "observed"] = False
    started = np.isfinite(world.start)
    rollout = pd.DataFrame(
        {
            "site": codes,
            "state": np.where(started, "start", "never"),
            "stratum": stratum or "",
            "start_period": np.where(started, world.start, np.nan),
            "transition_from": np.where(started & (transition > 0), world.start - transition, np.nan),
            "stop_period": np.nan,
        }
    )
    starts = month_starts(first, periods, round(world.months))
    return Panel(
        cells=cells,
        sites=codes,
        periods=tuple(Period(start=a, end=b - timedelta(days=1)) for a, b in pairwise(starts)),
        period_months=world.months,
        rollout=rollout,
        adaptations=adaptations,
        names={code: code for code in codes},
        vintage=None,
        other_rollouts=other_rollouts or {},
        answers={} if answers is None else {measure: answers},
        covariates=covariates,
    )


def prior_fit(model: EvaluationModel, draws: int = 30) -> Fit:
    """Prior draws in the place of a posterior: every parameter, no sampler."""
    with model:
        pm.Deterministic("eta", model.eta)
        plain = {"mode": Mode(linker="py", optimizer="fast_compile")}  # nothing here is worth compiling
        prior = pm.sample_prior_predictive(draws, random_seed=7, compile_kwargs=plain).prior.to_dataset()
    return Fit(
        tree=xr.DataTree.from_dict({"posterior": prior}),
        structure=model.structure,
        profile="full",
        seed=1,
        target_accept=0.95,
        retried=False,
        amber=False,
        started=datetime.now(UTC),
        seconds=0.0,
    )
