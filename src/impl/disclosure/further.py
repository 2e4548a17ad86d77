"""Which estimates beside the main one may be shown: other weights of the same sites, scenarios, other bundles.

They rest on the same treated cells as the main estimate, so each is one more equation about them. Hence one
scale each (two would give levels), none where the level after start is hidden, and a site more than a group
needs where the same sites are weighted in a second way. Nobody outside reads the rest, so it is not released:
equal weights of calendar periods, and all of them for measures shown beside the primary one.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.functionals import Shown, modelled_cells
from impl.disclosure.rules import Counted
from impl.model.values import Estimates
from impl.release.release import Release
from impl.study.catalogue import Measure

WEIGHTED = ("tate_site", "population", "new_site")
"""The main estimate over the same cells with other weights, or over sites like these."""
FURTHER = (*WEIGHTED, "lte", "established", "earlier", "other_bundle", "reporting")
NEVER = "ctate"  # equal weight to every calendar period: a check for analysts
LASTING = ("rw", "mono", "growth")
"""Shapes whose last exposure time means something of its own; elsewhere it repeats the average or the line."""


def offered(estimates: Estimates, measure: Measure, *, primary: bool) -> pd.DataFrame:
    """Rows of the estimate table that readers are meant to see where nothing has to be hidden."""
    scales = one_scale(measure)

    def is_meant(estimand: str, scale: str) -> bool:
        if estimand not in FURTHER:
            return estimand != NEVER
        if estimand == "lte" and estimates.model.effect not in LASTING:
            return False
        return primary and scale in ({"averted"} if estimand == "earlier" else scales)

    table = estimates.table
    meant = [is_meant(*pair) for pair in zip(table["estimand"], table["scale"], strict=True)]
    return table[np.array(meant, dtype=bool)]


def one_scale(measure: Measure) -> set[str]:
    """Scales that together give no level: difference x ratio / (ratio - 1) is the level after start."""
    return {measure.headline_scale, "link"} if measure.kind == "rate" else {measure.headline_scale}


def is_withheld(
    row: Mapping[Hashable, Any], panel: Panel, estimates: Estimates, shown: Shown, law: Counted
) -> bool:
    """Whether one of the further estimates has to be hidden. `shown.earlier` says whether `earlier` is safe."""
    estimand = row["estimand"]
    if estimand not in FURTHER:
        return False
    if shown.comparison is None or shown.comparison.after is None:
        return True
    if estimand == "earlier":
        return shown.earlier == 0
    if estimand == "reporting":
        return False  # the ratio of what was counted: shown wherever a main ratio is
    if estimand == "other_bundle":
        return _is_small_bundle(row, panel, estimates.measure, law)
    cells = modelled_cells(panel, estimates.measure)
    if estimand in WEIGHTED:
        window = cells[cells["exposure"].between(*estimates.window)]
        return window["site"].nunique() < law.audience.sites + 1
    there = cells[cells["exposure"] == int(row["from"])]
    if estimand == "lte" and there["site"].nunique() < law.audience.sites:
        return True
    return is_sparse(there, law)


def is_sparse(cells: pd.DataFrame, law: Counted) -> bool:
    """Whether an estimate stands for a hidden count of one or two sites."""
    few = cells["site"].nunique() < law.audience.sites
    return few and rules.is_hidden(float(cells["numerator"].sum()), float(cells["denominator"].sum()), law)


def _is_small_bundle(row: Mapping[Hashable, Any], panel: Panel, measure: str, law: Counted) -> bool:
    """A further bundle used by fewer than three of several sites, or with a count that the cell rule hides."""
    cells = modelled_cells(panel, measure)
    start = panel.other_rollouts[str(row["group"])].set_index("site")["start_period"]
    exposure = cells["period"] - cells["site"].map(start) + 1  # NaN where never: compares False
    treated = cells[exposure.between(int(row["from"]), int(row["to"]))]
    sites = treated["site"].nunique()
    if sites < min(law.audience.sites, cells["site"].nunique()):
        return True
    return rules.is_hidden(float(treated["numerator"].sum()), float(treated["denominator"].sum()), law)


def with_scenario(
    panel: Panel,
    laws: Mapping[str, Counted],
    released: Mapping[str, Shown],
    estimates: Estimates,
    past: Sequence[Release] = (),
) -> dict[str, Shown]:
    """What is released, with the scenario of an earlier start where the attack finds nothing by it.

    Its number of events over the effect tells roughly how many events the months just before start had;
    the attack takes that sum as known exactly.
    """
    table = estimates.table
    periods = table.loc[table["estimand"] == "earlier", "from"]
    shown = released[estimates.measure]
    if not len(periods) or shown.comparison is None or shown.comparison.after is None:
        return dict(released)
    tried = {**released, estimates.measure: replace(shown, earlier=int(periods.iloc[0]))}
    weak = any(True for _ in find_weaknesses(panel, laws, list(tried.values()), past))
    return dict(released) if weak else tried
