"""Columns of the row table that come from tables beside the counts: further bundles, covariates, targets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.study.study import Study

Array = npt.NDArray[np.float64]
BUNDLE, COVARIATE = "bundle:", "covariate:"
"""Prefixes of the columns of further bundles (position in their curve + 1) and of covariates."""
TARGET = "target"
"""Column of local targets, on the measure's reported scale; only where the measure has any."""


def other_bundle_columns(panel: Panel, sites: tuple[str, ...], rows: pd.DataFrame) -> dict[str, Array]:
    """Exposure time of each further bundle; the last one that two sites reach holds all longer ones."""
    columns = {}
    for bundle, rollout in panel.other_rollouts.items():
        start = rollout.set_index("site").loc[list(sites), "start_period"].to_numpy(dtype=float)[rows["site"]]
        period = rows["period"].to_numpy()
        exposure = np.where(period >= start, period - np.nan_to_num(start) + 1, 0).astype(int)
        reach = rows["site"].groupby(exposure).nunique().drop(0, errors="ignore")
        wide = reach[reach >= min(2, int(reach.max()) if len(reach) else 1)]
        columns[BUNDLE + bundle] = np.minimum(exposure, int(wide.index.max()) if len(wide) else 0)
    return columns


def covariate_columns(
    study: Study, panel: Panel, sites: tuple[str, ...], rows: pd.DataFrame
) -> dict[str, Array]:
    """Covariates in SD from their mean over the used cells, and interruptions as 0 and 1."""
    columns = {}
    period = rows["period"].to_numpy()
    for name, (first, end) in panel.interruptions.items():
        columns[COVARIATE + name] = ((period >= first) & (period < end)).astype(float)
    names = study.covariates.use if study.covariates else ()
    if panel.covariates is None or not names:
        return columns
    table = panel.covariates.set_index(["site", "period"])
    index = pd.MultiIndex.from_arrays([np.array(sites)[rows["site"]], period])
    for name in names:
        values = table[name].reindex(index).to_numpy(dtype=float)
        seen = values[(rows["used"] | rows["interval"]).to_numpy()]
        spread = float(np.nanstd(seen)) if np.isfinite(seen).any() else 0.0
        columns[COVARIATE + name] = (values - np.nanmean(seen)) / spread if spread > 0 else 0.0 * values
    return columns


def target_column(panel: Panel, measure: str, sites: tuple[str, ...], rows: pd.DataFrame) -> dict[str, Array]:
    """The target in force in each cell, NaN for none; no column where the measure has no target."""
    if panel.targets is None or measure not in set(panel.targets["measure"]):
        return {}
    mine = panel.targets[panel.targets["measure"] == measure].set_index(["site", "period"])["target"]
    index = pd.MultiIndex.from_arrays([np.array(sites)[rows["site"]], rows["period"]])
    return {TARGET: mine.reindex(index).to_numpy(dtype=float)}
