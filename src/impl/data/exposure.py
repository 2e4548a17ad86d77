"""Exposures that cannot be what they are called: beds for bed-days, a month in thousands, a year in one cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

FAR = 20.0  # times a site's median, up or down (fault catalogue D21)
JUMP = 10.0  # times the period before, up or down (D21)


@dataclass(frozen=True, kw_only=True)
class OddExposure:
    """One cell of a rate: period is its position, ratio its exposure over the site's median."""

    measure: str
    site: str
    period: int
    ratio: float


def odd_exposures(cells: pd.DataFrame, rates: tuple[str, ...]) -> Iterator[OddExposure]:
    """Cells of `Panel.cells` far from their site's median, or far from the period before; measures of kind rate."""
    known = cells[cells["measure"].isin(rates) & (cells["denominator"] > 0)]
    for (measure, site), rows in known.groupby(["measure", "site"], sort=True):
        exposure = rows["denominator"].to_numpy(dtype=float)
        ratio = exposure / np.median(exposure)
        step = np.abs(np.diff(np.log(exposure), prepend=np.log(exposure[0])))
        odd = (np.abs(np.log(ratio)) > np.log(FAR)) | (step >= np.log(JUMP) - 1e-12)
        for at in np.flatnonzero(odd):
            yield OddExposure(
                measure=str(measure),
                site=str(site),
                period=int(rows["period"].iloc[at]),
                ratio=float(ratio[at]),
            )
