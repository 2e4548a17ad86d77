"""Simulated studies that other programs can fit with the same model and the same priors.

Each case is written as a project of plain files (study, panel, roll-out; persons where means are measured).
impl reads it as it reads a user's; the R scripts read the same files and derive the design by themselves.
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np
import numpy.typing as npt

from impl.model.simulate import month_starts
from impl.study.load import find_root

SEED = 20261122
REPOSITORY = find_root(Path(__file__).parent)
Array = npt.NDArray[np.float64]
Family = Literal["poisson", "negbin", "binomial", "betabinomial", "normal", "student", "ordered"]
MEASURE: dict[Family, str] = {
    "poisson": "falls",
    "negbin": "falls",
    "binomial": "medication_review",
    "betabinomial": "medication_review",
    "normal": "trial_score",
    "student": "trial_score",
    "ordered": "safe_as_patient",
}
LEVEL: dict[Family, float] = {
    "poisson": np.log(0.02),
    "negbin": np.log(0.02),
    "binomial": 0.3,
    "betabinomial": 0.3,
    "normal": 3.0,
    "student": 3.0,
    "ordered": 0.3,
}
EFFECT, GROWTH = -0.35, 3.0  # full effect on the link scale, and the periods in which two thirds of it come
SITE_SD, CELL_SD, SITE_EFFECT_SD = 0.35, 0.18, 0.2
AUTOCORRELATION = 0.8  # between neighbouring periods, in decay
OVERDISPERSION, WITHIN_CELL, PERSON_SD = 0.25, 0.04, 1.2
CUTS = np.array([-2.0, -0.9, 0.0, 1.4])  # between five answers; the stated level is the fourth
STATED_LEVEL = 4


@dataclass(frozen=True, kw_only=True)
class Case:
    """One study. `start`: first period with the bundle, one a site. `size`: mean denominator of a cell.

    The other fields are the `model` block of the study; calendar `none` is a before/after study. `wide`:
    the priors that let the data speak, for comparison with maximum likelihood. gaps: (site, period).
    """

    name: str
    family: Family
    clustering: Literal["none", "exchangeable", "nested", "decay"]
    effect: Literal["it", "eti", "teh", "rw", "mono", "level_slope"]
    start: tuple[int, ...]
    periods: int
    size: float
    calendar: Literal["none", "categorical", "smooth"] = "categorical"
    randomised: bool = True
    site_effects: bool = False
    wide: bool = False
    gaps: tuple[tuple[int, int], ...] = ()

    @property
    def harmonics(self) -> int:
        return 0 if self.calendar == "categorical" else 2

    @property
    def correlated(self) -> bool:
        """Whether sites' effects may go with their levels (docs/model.md): 12 sites, and no decay."""
        return self.site_effects and self.clustering != "decay" and len(self.start) >= 12


def wedge(sites: int, periods: int, first: int, step: int, group: int = 3) -> tuple[int, ...]:
    """Start periods of `sites` sites in waves of `group`, the first at `first`, `step` periods apart."""
    return tuple(min(first + step * (site // group), periods - 2) for site in range(sites))


TWELVE = wedge(12, 12, 2, 2)
FORTY = wedge(40, 12, 2, 2, group=10)

WITH_SAME_PRIORS = (
    Case(
        name="poisson-nested-rw",
        family="poisson",
        clustering="nested",
        effect="rw",
        start=TWELVE,
        periods=12,
        size=600,
        randomised=False,
    ),
    Case(
        name="poisson-nested-site-effects",
        family="poisson",
        clustering="nested",
        effect="it",
        start=TWELVE,
        periods=12,
        size=600,
        site_effects=True,
    ),
    Case(  # what `auto` chooses for a wedge of this size
        name="poisson-decay-rw-site-effects",
        family="poisson",
        clustering="decay",
        effect="rw",
        start=TWELVE,
        periods=12,
        size=600,
        site_effects=True,
        randomised=False,
    ),
    Case(
        name="poisson-decay-eti",
        family="poisson",
        clustering="decay",
        effect="eti",
        start=TWELVE,
        periods=12,
        size=600,
    ),
    Case(
        name="negbin-smooth",
        family="negbin",
        clustering="exchangeable",
        effect="it",
        start=wedge(8, 24, 6, 3, group=2),
        periods=24,
        size=400,
        calendar="smooth",
        randomised=False,
    ),
    Case(
        name="negbin-series",
        family="negbin",
        clustering="none",
        effect="level_slope",
        start=(24,),
        periods=48,
        size=1800,
        calendar="none",
        randomised=False,
    ),
    Case(
        name="binomial-nested-mono",
        family="binomial",
        clustering="nested",
        effect="mono",
        start=wedge(15, 6, 1, 1),
        periods=6,
        size=80,
        gaps=((0, 0), (4, 3), (14, 5)),
    ),
    Case(
        name="betabinomial-exchangeable-it",
        family="betabinomial",
        clustering="exchangeable",
        effect="it",
        start=TWELVE,
        periods=12,
        size=60,
    ),
    Case(
        name="normal-nested-teh",
        family="normal",
        clustering="nested",
        effect="teh",
        start=wedge(12, 6, 1, 1),
        periods=6,
        size=8,
        randomised=False,
    ),
    Case(
        name="student-exchangeable-it",
        family="student",
        clustering="exchangeable",
        effect="it",
        start=wedge(15, 6, 1, 1),
        periods=6,
        size=15,
    ),
    Case(
        name="ordered-nested-it",
        family="ordered",
        clustering="nested",
        effect="it",
        start=wedge(12, 6, 1, 1),
        periods=6,
        size=40,
    ),
)
"""For brms: every law, clustering, calendar and effect shape that its formulas or a Stan statement can state."""

AGAINST_LIKELIHOOD = tuple(
    Case(
        name=f"{family}-{clustering}{'-site-effects' if site_effects else ''}-wide",
        family=family,
        clustering=clustering,
        effect="it",
        start=FORTY,
        periods=12,
        size=size,
        site_effects=site_effects,
        wide=True,
    )
    for family, clustering, site_effects, size in (
        ("poisson", "nested", False, 600.0),
        ("poisson", "nested", True, 600.0),
        ("poisson", "decay", False, 600.0),
        ("negbin", "exchangeable", False, 600.0),
        ("binomial", "nested", False, 60.0),
        ("betabinomial", "exchangeable", False, 60.0),
        ("normal", "nested", False, 12.0),
    )
)
"""For glmmTMB: 40 sites x 12 periods, constant effect, randomised, wide priors."""

CASES = {case.name: case for case in (*WITH_SAME_PRIORS, *AGAINST_LIKELIHOOD)}


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What was drawn, site x period: numerators, denominators, within-cell sums of squares (None for counts),
    for a measured score every person as (site, period, value), and answers site x period x category."""

    numerator: Array
    denominator: Array
    sum_squares: Array | None = None
    persons: tuple[tuple[int, int, float], ...] = ()
    answers: Array | None = None


def draw_cells(case: Case) -> Cells:
    """One data set of a case, drawn from its own seed."""
    rng = np.random.default_rng([SEED, crc32(case.name.encode())])
    sites, periods = len(case.start), case.periods
    time = np.arange(periods)
    exposure = np.maximum(time - np.array(case.start)[:, None] + 1, 0)
    effect = EFFECT * (1.0 if case.effect == "it" else 1 - np.exp(-exposure / GROWTH))
    if case.site_effects:
        effect = effect + SITE_EFFECT_SD * rng.standard_normal((sites, 1))
    scale = PERSON_SD if case.family in ("normal", "student") else 1.0
    eta = (
        LEVEL[case.family]
        + scale * 0.1 * np.cos(2 * np.pi * time / 12)
        - scale * 0.15 * time / 12
        + scale * _between(case, rng)
        + scale * np.where(exposure > 0, effect, 0.0)
    )
    size = np.maximum(2, np.round(case.size * rng.uniform(0.7, 1.3, (sites, periods))))
    return _observe(case, eta, size, rng)


def _between(case: Case, rng: np.random.Generator) -> Array:
    """Deviations of sites and cells, site x period."""
    site, cell = (
        rng.standard_normal((len(case.start), 1)),
        rng.standard_normal((len(case.start), case.periods)),
    )
    if case.clustering == "none":
        return np.zeros((1, case.periods))
    if case.clustering == "exchangeable":
        return np.repeat(SITE_SD * site, case.periods, axis=1)
    if case.clustering == "nested":
        return SITE_SD * site + CELL_SD * cell
    lag = np.abs(np.subtract.outer(np.arange(case.periods), np.arange(case.periods)))
    decayed: Array = SITE_SD * cell @ np.linalg.cholesky(AUTOCORRELATION**lag).T
    return decayed


def _observe(case: Case, eta: Array, size: Array, rng: np.random.Generator) -> Cells:
    if case.family == "poisson":
        return Cells(numerator=rng.poisson(size * np.exp(eta)).astype(float), denominator=size)
    if case.family == "negbin":
        shape = OVERDISPERSION**-2
        rate = size * np.exp(eta) * rng.gamma(shape, 1 / shape, eta.shape)
        return Cells(numerator=rng.poisson(rate).astype(float), denominator=size)
    if case.family in ("normal", "student"):
        return _observe_persons(case, eta, size, rng)
    if case.family == "ordered":
        return _observe_answers(eta, size, rng)
    share = 1 / (1 + np.exp(-eta))
    if case.family == "betabinomial":
        phi = 1 / WITHIN_CELL - 1
        share = rng.beta(share * phi, (1 - share) * phi)
    return Cells(numerator=rng.binomial(size.astype(int), share).astype(float), denominator=size)


def _observe_persons(case: Case, eta: Array, size: Array, rng: np.random.Generator) -> Cells:
    numerator, squares = np.zeros(eta.shape), np.zeros(eta.shape)
    persons: list[tuple[int, int, float]] = []
    if case.family == "student":  # cells that stray further than their persons let them
        eta = eta + PERSON_SD / np.sqrt(size) * rng.standard_t(4, eta.shape)
    for site, period in np.ndindex(eta.shape):
        values = np.round(rng.normal(eta[site, period], PERSON_SD, int(size[site, period])), 6)
        numerator[site, period] = values.sum()
        squares[site, period] = np.square(values - values.mean()).sum()
        persons += [(site, period, float(value)) for value in values]
    return Cells(numerator=numerator, denominator=size, sum_squares=squares, persons=tuple(persons))


def _observe_answers(eta: Array, size: Array, rng: np.random.Generator) -> Cells:
    above = 1 / (1 + np.exp(-(eta[..., None] - CUTS)))
    edge = np.ones((*eta.shape, 1))
    share = -np.diff(np.concatenate([edge, above, 0 * edge], axis=-1), axis=-1)
    answers = rng.multinomial(size.astype(int), share).astype(float)
    return Cells(numerator=answers[..., STATED_LEVEL - 1 :].sum(axis=-1), denominator=size, answers=answers)


def write_project(root: Path, case: Case) -> Path:
    """Lay out a case as a project under `root`; returns the study file."""
    cells = draw_cells(case)
    sites = [f"s{index:02d}" for index in range(len(case.start))]
    starts = month_starts(date(2022, 1, 1), case.periods)
    (root / "data").mkdir(parents=True)
    shutil.copytree(REPOSITORY / "notebooks", root / "notebooks")
    (root / "parameters" / "measures").mkdir(parents=True)
    shutil.copy(
        REPOSITORY / "tests" / "known" / "measures" / "trial_score.toml", root / "parameters" / "measures"
    )
    panel: list[dict[str, object]] = []
    for place, site in enumerate(sites):
        for time, (begin, following) in enumerate(pairwise(starts)):
            observed = (place, time) not in case.gaps
            row: dict[str, object] = {
                "site": site,
                "period_start": begin,
                "period_end": following - timedelta(days=1),
                "measure": MEASURE[case.family],
                "numerator": repr(float(cells.numerator[place, time])) if observed else "",
                "denominator": int(cells.denominator[place, time]),
                "status": "observed" if observed else "not_reported",
            }
            if cells.sum_squares is not None:
                row["sum_squares"] = repr(float(cells.sum_squares[place, time]))
            if cells.answers is None:
                panel.append(row)
                continue
            for category, count in enumerate(cells.answers[place, time], start=1):
                panel.append(row | {"category": category, "numerator": int(count)})
    _write(root / "data" / "panel.csv", panel)
    _write(
        root / "data" / "rollout.csv",
        [
            {
                "site": site,
                "allocated_start": "",
                "actual_start": starts[start],
                "transition_end": "",
                "stop": "",
            }
            for site, start in zip(sites, case.start, strict=True)
        ],
    )
    if cells.persons:
        persons = [
            {"site": sites[place], "period_start": starts[time], "value": repr(value)}
            for place, time, value in cells.persons
        ]
        _write(root / "data" / "persons.csv", persons)
    peer = {
        "family": case.family,
        "clustering": case.clustering,
        "effect": case.effect,
        "months": 1,
        "waves": not case.randomised and case.calendar != "none",
        "calendar": case.calendar,
        "trend": case.calendar != "categorical",
        "harmonics": case.harmonics,
        "site_effects": case.site_effects,
        "correlated": case.correlated,
        "categories": len(CUTS) + 1,
        "stated_level": STATED_LEVEL,
        "seed": SEED,
    }
    (root / "peer.json").write_text(json.dumps(peer), encoding="utf-8")
    study = root / "parameters" / f"{case.name}.yaml"
    study.write_text(json.dumps(_study(case), ensure_ascii=False, indent=1), encoding="utf-8")  # JSON is YAML
    return study


def _study(case: Case) -> dict[str, object]:
    series = case.calendar == "none"
    model = {
        "likelihood": case.family,
        "effect": case.effect,
        "clustering": case.clustering,
        "calendar": case.calendar,
        "trend": "none" if case.calendar == "categorical" else "linear",
        "season": "fourier" if case.harmonics else "none",
        "site_effects": "random" if case.site_effects else "none",
        "priors": "wide" if case.wide else "default",
    }
    return {
        "schema": 1,
        "id": case.name,
        "title": {"nb": case.name},
        "question": {"nb": "Gir to programmer samme svar?"},
        "notebook": "20_before_after" if series else "30_stepped_wedge",
        "bundle": "trial_intervention",
        "measures": {"primary": MEASURE[case.family]},
        "data": {"file": "data/panel.csv"},
        "rollout": {"file": "data/rollout.csv", "randomised": case.randomised},
        "model": model,
        "synthetic": True,
        "seed": SEED,
    }


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
