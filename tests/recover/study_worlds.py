"""Small designs for calibration: one fixed structure each, whose prior generates the data it is tried on.

A structure takes its prior locations and scales from a template panel, once. Every simulated data set keeps
that structure, so that the prior that generates is exactly the prior that is fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from impl.data.panel import Panel
from impl.model.simulate import World
from impl.model.structure import Structure, describe_structure
from worlds import make_panel, make_study

PROJECT = Path(__file__).parent / "project"
"""Holds the one measure that is not shipped: a mean of persons."""
PERSON_SD = 4.0


def _nothing(exposure: np.ndarray) -> np.ndarray:
    return np.zeros(exposure.shape)


def _sizes(sites: int, periods: int, smallest: float, largest: float) -> np.ndarray:
    """Denominators that differ between sites, so that weights matter."""
    return np.repeat(np.round(np.linspace(smallest, largest, sites))[:, None], periods, axis=1)


def series_negbin() -> Structure:
    """One site, 36 months, 24 before: level and slope, trend, season."""
    world = World(law="negbin", baseline=0.005, start=np.array([24.0]), effect=_nothing, overdispersion=0.2)
    panel = make_panel(world, "falls", np.full((1, 36), 1500.0))
    return describe_structure(make_study("falls", "20_before_after"), panel)


def wedge_poisson() -> Structure:
    """Eight sites x eight quarters, four waves: nested cells, random-walk effect, wave effects."""
    start = np.repeat([2.0, 3, 4, 5], 2)
    world = World(law="poisson", baseline=0.02, start=start, effect=_nothing, months=3.0, site_sd=0.3)
    return describe_structure(make_study("falls"), make_panel(world, "falls", _sizes(8, 8, 200.0, 800.0)))


def wedge_binomial() -> Structure:
    """Six sites x ten months, three waves: nested cells, constant effect."""
    world = World(law="binomial", baseline=0.4, start=np.repeat([3.0, 5, 7], 2), effect=_nothing, site_sd=0.3)
    study = make_study("medication_review", model={"effect": "it"})
    return describe_structure(study, make_panel(world, "medication_review", _sizes(6, 10, 20.0, 60.0)))


def wedge_negbin() -> Structure:
    """Eight sites x eight quarters: sites exchangeable, the law's own dispersion."""
    start = np.repeat([2.0, 3, 4, 5], 2)
    world = World(law="negbin", baseline=0.02, start=start, effect=_nothing, months=3.0, overdispersion=0.3)
    study = make_study("falls", model={"clustering": "exchangeable"})
    return describe_structure(study, make_panel(world, "falls", _sizes(8, 8, 200.0, 800.0)))


def wedge_normal() -> Structure:
    """Six sites x eight quarters of cell means with sums of squares: nested cells, identity link."""
    start = np.repeat([2.0, 4, 6], 2)
    sizes = _sizes(6, 8, 15.0, 40.0)
    world = World(law="poisson", baseline=20.0, start=start, effect=_nothing, months=3.0)
    panel = make_panel(world, "wellbeing_score", sizes)
    rng = np.random.default_rng(5)
    persons = panel.cells["denominator"].to_numpy()
    panel = replace(
        panel,
        cells=panel.cells.assign(
            numerator=persons * (20.0 + 0.5 * rng.standard_normal(len(persons))),
            sum_squares=PERSON_SD**2 * rng.chisquare(persons - 1),
        ),
    )
    study = make_study("wellbeing_score")
    study._root = PROJECT
    return describe_structure(study, panel)


def wedge_smooth() -> Structure:
    """Six sites x fifteen months with a gap: smooth calendar and trend, a transition month, the adaptation contrast."""
    log = pd.DataFrame(
        {
            "site": ["s00", "s01", "s02", "s03", "s04"],
            "from_period": [6, 4, 9, 7, 11],
            "consistent": ["yes", "no", "yes", "no", "unknown"],
        }
    )
    world = World(
        law="poisson", baseline=0.02, start=np.repeat([4.0, 7, 10], 2), effect=_nothing, site_sd=0.3
    )
    panel: Panel = make_panel(
        world, "falls", _sizes(6, 15, 300.0, 600.0), transition=1, gaps=((1, 3), (4, 9)), adaptations=log
    )
    return describe_structure(
        make_study("falls", adaptations={"file": "none.csv", "contrasts": ["consistent"]}), panel
    )


STRUCTURES: dict[str, Callable[[], Structure]] = {
    "series-negbin": series_negbin,
    "wedge-poisson": wedge_poisson,
    "wedge-binomial": wedge_binomial,
    "wedge-negbin": wedge_negbin,
    "wedge-normal": wedge_normal,
    "wedge-smooth": wedge_smooth,
}
