"""Why a cell has no number: declared by the one who delivered, not delivered at all, or left out on purpose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.rows import Rows
from impl.files.calendar import Period
from impl.release.quality import Why


def gap_table(
    cells: pd.DataFrame,
    periods: Sequence[Period],
    sites: Sequence[str],
    rows: Rows,
    after_stop: npt.NDArray[np.bool_],
    in_pause: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    """`Panel.gaps`. cells: as `Panel.cells`. after_stop, in_pause: site x period."""
    known = cells["observed"] | cells["at_most"].notna()
    missing = cells.loc[~known, ["measure", "site", "period"]].reset_index(drop=True)
    position = {site: index for index, site in enumerate(sites)}
    why: list[Why] = []
    for measure, site, period in missing.itertuples(index=False):
        key = (measure, site, periods[period].start)
        if after_stop[position[site], period]:
            why.append("stopped")
        elif in_pause[position[site], period]:
            why.append("paused")
        elif key in rows.zero:
            why.append("no_exposure")
        else:
            why.append(rows.declared.get(key, "not_in_file"))
    return missing.assign(why=pd.Series(why, dtype="str"))
