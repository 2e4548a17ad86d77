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


def _series(law: str) -> Structure:
    """One site, 36 months, 24 before: level and slope, trend, season."""
    world = World(law="negbin", baseline=0.005, start=np.array([24.0]), effect=_nothing, overdispersion=0.2)
    panel = make_panel(world, "falls", np.full((1, 36), 1500.0))
    study = make_study("falls", "20_before_after", model={"likelihood": law})
    return describe_structure(study, panel)


def _wedge(measure: str = "falls", **model: object) -> Structure:
    """Eight sites x eight quarters, four waves: random-walk effect, wave effects, effect by site."""
    law = {"falls": "poisson"}.get(measure, "binomial")
    baseline, smallest, largest = (0.02, 200.0, 800.0) if law == "poisson" else (0.4, 20.0, 60.0)
    start = np.repeat([2.0, 3, 4, 5], 2)
    world = World(law=law, baseline=baseline, start=start, effect=_nothing, months=3.0, site_sd=0.3)
    sizes = _sizes(8, 8, smallest, largest)
    panel = make_panel(world, measure, sizes)
    if measure == "safe_as_patient":
        shares = np.random.default_rng(6).dirichlet(np.ones(5), sizes.shape)
        counts = np.array([
            [np.random.default_rng(i * 8 + j).multinomial(int(n), shares[i, j]) for j, n in enumerate(row)]
            for i, row in enumerate(sizes)
        ], dtype=float)  # fmt: skip
        cells = panel.cells.assign(numerator=counts[..., 3:].sum(axis=-1).ravel())
        panel = replace(panel, answers={measure: counts}, cells=cells)
    return describe_structure(make_study(measure, model=model), panel)


def wedge_binomial_constant() -> Structure:
    """Six sites x ten months, three waves: nested cells, constant effect; the cheapest wedge."""
    world = World(law="binomial", baseline=0.4, start=np.repeat([3.0, 5, 7], 2), effect=_nothing, site_sd=0.3)
    study = make_study(
        "medication_review", model={"effect": "it", "clustering": "nested", "site_effects": "none"}
    )
    return describe_structure(study, make_panel(world, "medication_review", _sizes(6, 10, 20.0, 60.0)))


def _means(**model: object) -> Structure:
    """Six sites x eight quarters of cell means with sums of squares, identity link."""
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
            person_sum_squares=np.repeat(6.0 * (sizes[:, 0] - 1), 8),
        ),
    )
    study = make_study("wellbeing_score", model=model)
    study._root = PROJECT
    return describe_structure(study, panel)


def wedge_smooth() -> Structure:
    """Six sites x fifteen months with a gap: smooth calendar and trend, a transition month, the adaptation contrast."""
    log = pd.DataFrame(
        {
            "site": ["s00", "s01", "s02", "s03", "s04"],
            "from_period": [6, 4, 9, 7, 11],
            "consistent": ["yes", "no", "yes", "no", "unknown"],
            "end": None,
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
    # the default of each family
    "series-poisson": lambda: _series("poisson"),
    "series-negbin": lambda: _series("negbin"),
    "wedge-poisson": _wedge,
    "wedge-negbin": lambda: _wedge(likelihood="negbin"),
    "wedge-binomial": lambda: _wedge("medication_review"),
    "wedge-betabinomial": lambda: _wedge("medication_review", likelihood="betabinomial"),
    "wedge-normal": _means,
    "wedge-student": lambda: _means(likelihood="student"),
    "wedge-ordered": lambda: _wedge("safe_as_patient"),
    # each clustering (decay is the default above)
    "wedge-poisson-exchangeable": lambda: _wedge(likelihood="poisson", clustering="exchangeable"),
    "wedge-poisson-nested": lambda: _wedge(clustering="nested"),
    "wedge-normal-cohort": lambda: _means(clustering="cohort"),
    # terms that the others lack
    "wedge-smooth": wedge_smooth,
    "wedge-binomial-constant": wedge_binomial_constant,
}
"""The first twelve are the calibration that `make slow` runs: every family at its default, every clustering."""
DEFAULTS = tuple(STRUCTURES)[:12]
