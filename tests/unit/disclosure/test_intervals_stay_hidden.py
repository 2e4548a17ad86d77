"""A count that the source hid stays hidden: known as an interval, it is no part of any sum that is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure.functionals import linked_measures, modelled_cells
from impl.disclosure.rules import counted
from impl.model.simulate import World
from impl.study.load import read_measure
from worlds import REPOSITORY, make_panel

HIDDEN = (1, 3)


def panel_with_an_interval(measure: str = "clabsi") -> Panel:
    world = World(
        law="poisson", baseline=0.02, start=np.array([4.0, 6.0]), effect=lambda exposure: 0 * exposure
    )
    panel = make_panel(world, measure, np.full((2, 8), 400.0))
    cells = panel.cells.copy()
    row = HIDDEN[0] * 8 + HIDDEN[1]
    cells.loc[row, ["numerator", "at_least", "at_most"]] = [np.nan, 1.0, 4.0]
    cells.loc[row, "observed"] = False
    return replace(panel, cells=cells)


def test_sums_over_cells_leave_it_out() -> None:
    panel = panel_with_an_interval()
    cells = modelled_cells(panel, "clabsi")

    assert len(cells) == 15
    assert HIDDEN not in set(zip(cells["site"].str[1:].astype(int), cells["period"], strict=True))
    assert cells[["numerator", "denominator"]].notna().all(axis=None)


def test_a_measure_that_shares_the_numerators_is_still_seen_to_share_them() -> None:
    panel = panel_with_an_interval()
    other = panel.cells.assign(measure="clabsi_population", denominator=1000.0)
    both = replace(panel, cells=pd.concat([panel.cells, other], ignore_index=True))
    laws = {name: counted(read_measure(name, REPOSITORY)) for name in ("clabsi", "clabsi_population")}

    assert linked_measures(both, laws) == (("clabsi", "clabsi_population"),)
