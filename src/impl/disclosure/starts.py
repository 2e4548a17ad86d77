"""Whether the effect by the other start may be shown beside the main one.

It is an effect over other treated cells: those of sites whose start moved are in one window and not in the other. So
it is told on one scale only, and not where the moved cells hold a small count or too few sites have the bundle.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from impl.data.panel import Panel
from impl.disclosure import further, rules
from impl.disclosure.functionals import Shown, modelled_cells
from impl.disclosure.rules import Counted
from impl.model.values import OtherStart
from impl.study.catalogue import Measure


def shown_rows(
    found: OtherStart | None, panel: Panel, shown: Shown, measure: Measure, law: Counted
) -> tuple[list[dict[Hashable, Any]], int]:
    """Rows of the estimate table that may be shown, and how many estimates are hidden."""
    if found is None or not len(found.table):
        return [], 0
    if is_withheld(found, panel, shown, law):
        return [], 1
    return found.table[found.table["scale"].isin(further.one_scale(measure))].to_dict("records"), 0


def is_withheld(found: OtherStart, panel: Panel, shown: Shown, law: Counted) -> bool:
    """Whether it has to be hidden."""
    if shown.comparison is None or shown.comparison.after is None or panel.other_start is None:
        return True
    main = modelled_cells(panel, found.measure)
    other = modelled_cells(replace(panel, rollout=panel.other_start), found.measure)
    assert found.window is not None
    window = other[other["exposure"].between(*found.window)]
    if window["site"].nunique() < min(law.audience.sites, main["site"].nunique()):
        return True
    both = main.merge(other[["site", "period", "exposure"]], on=["site", "period"], suffixes=("", "_other"))
    moved = both[(both["exposure"] > 0) != (both["exposure_other"] > 0)]
    return rules.is_hidden(float(moved["numerator"].sum()), float(moved["denominator"].sum()), law)
