"""The main curve: measured against expected without the bundle, all modelled sites together, at every step.

Expected is predictive: it holds the chance in the counts, so that it can be compared with what was measured.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.fitted import Fit
from impl.model.predict import predict
from impl.release.release import Step

QUANTILES = {"q05": 0.05, "q10": 0.10, "q25": 0.25, "q50": 0.50, "q75": 0.75, "q90": 0.90, "q95": 0.95}
STEPS: tuple[Step, ...] = ("month", "quarter", "tertial", "half_year", "year", "phase")
MONTHS = {"month": 1, "quarter": 3, "tertial": 4, "half_year": 6, "year": 12}


def main_curves(fit: Fit) -> dict[Step, pd.DataFrame]:
    """Every step's curve, columns as `Estimates.curves` says."""
    rows = fit.structure.rows
    cells = rows[rows["observed"]]
    denominator = cells["denominator"].to_numpy()
    in_period = _members(cells["period"].to_numpy(), len(fit.structure.periods))
    drawn = []
    for part, chunk in enumerate(predict(fit, cells)):
        rng = np.random.default_rng([fit.seed, part])
        level = chunk.untreated + chunk.measurement
        # summed at once: draws x cells of the nation would not fit in memory
        drawn.append(fit.structure.likelihood.draw(level, denominator, chunk.parameters, rng) @ in_period)
    expected = np.concatenate(drawn)
    measured = {name: cells[name].to_numpy() @ in_period for name in ("numerator", "denominator")}
    return {step: _curve(fit, measured, expected, step) for step in STEPS}


def _members(place: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.float64]:
    """Rows x places: 1 where a row belongs to a place."""
    member = np.zeros((len(place), count))
    member[np.arange(len(place)), place] = 1.0
    return member


def _curve(
    fit: Fit, measured: dict[str, npt.NDArray[np.float64]], expected: npt.NDArray[np.float64], step: Step
) -> pd.DataFrame:
    """measured: numerator and denominator of each period. expected: draws of the numerator, draw x period."""
    structure = fit.structure
    periods = structure.periods
    place = _points(fit, step)
    count = int(place.max()) + 1
    member = _members(place, count)
    denominator = measured["denominator"] @ member
    numerator = measured["numerator"] @ member
    empty = denominator == 0
    safe = np.where(empty, 1.0, denominator)
    levels = (expected @ member) / safe * structure.measure.per
    fan = np.quantile(levels, list(QUANTILES.values()), axis=0)
    fan[:, empty] = np.nan
    starts = structure.rows.drop_duplicates("site")["start"].to_numpy()
    last = [int(np.flatnonzero(place == point).max()) for point in range(count)]
    return pd.DataFrame(
        {
            "start": [periods[int(np.flatnonzero(place == point).min())][0] for point in range(count)],
            "end": [periods[position][1] for position in last],
            "numerator": np.where(empty, np.nan, numerator),
            "denominator": np.where(empty, np.nan, denominator),
            "sites_started": [int((starts <= position).sum()) for position in last],
            **dict(zip(QUANTILES, fan, strict=True)),
        }
    )


def _points(fit: Fit, step: Step) -> npt.NDArray[np.int64]:
    """Point of the curve that each period belongs to. `phase`: before and from the first start."""
    structure = fit.structure
    periods = structure.periods
    if step == "phase":
        first = np.nanmin(structure.rows["start"].to_numpy())
        return np.where(np.arange(len(periods)) >= first, 1, 0)
    months = MONTHS[step]
    keys = [(start.year, (start.month - 1) // months) for start, _ in periods]
    points: npt.NDArray[np.int64] = pd.factorize(pd.Series(keys))[0]
    return points
