"""What earlier studies say of the effect in one more place, as a robust prior of the next study.

A mixture of two normals (Schmidli et al. 2014, Biometrics 70:1023-1032: robust meta-analytic-predictive prior): the
synthesis' prediction for a new place, made wider, and a vague part that takes over where the new data disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt

import numpy as np
from scipy.special import ndtr

from impl.errors import Fault, StudyError
from impl.network.evidence import Array, EvidenceRow, collect_evidence, divide_out, shares_data
from impl.network.exchange import judge_file
from impl.network.synthesis import pool
from impl.release.release import Link, NetworkPrior, Release, StatedBelief
from impl.study.identity import releases_learnt_from
from impl.study.paths import path_problem
from impl.study.study import Study

INFLATION = 1.25
"""How much wider the prediction is made: earlier studies are of other years, and were not chosen by chance (choice)."""
PUBLISHED = "reports"
"""The project's folder of Releases, which is not there before the first."""


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A robust prior of a time-averaged effect, link scale: (1 - vague_weight) N(mean, sd) + vague_weight N(0, vague_sd),
    where vague_sd is the study's own prior. runs: those it was learnt from."""

    mean: float
    sd: float
    vague_weight: float
    runs: tuple[str, ...]

    def part_weights(self, vague_sd: float) -> tuple[Array, Array, Array]:
        """Weights, means and SDs of the two parts, the informative one first."""
        return (
            np.array([1.0 - self.vague_weight, self.vague_weight]),
            np.array([self.mean, 0.0]),
            np.array([self.sd, vague_sd]),
        )


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The study that asks: what it is about, and what must not be counted twice."""

    study: str
    measure: str
    bundle: str
    link: Link
    sites: frozenset[str]
    data_from: date
    data_to: date
    synthetic: bool


def releases_of_others(study: Study, name: str) -> tuple[Release, ...]:
    """What `study` may learn from in its project's folder `name` (`identity.releases_learnt_from`), in order of path. Each
    is judged as one from elsewhere is.

    Raises StudyError where the folder does not exist in the project, or with the reasons against every Release that
    cannot be believed: a prior from some of them would not be what the plan names.
    """
    root, folder = study.root, study.root / name
    if name == PUBLISHED and not folder.exists():
        return ()  # nobody has published yet
    problem = path_problem(root, name)
    if problem is not None or not folder.is_dir():
        raise StudyError(
            [
                Fault(
                    code="study.releases",
                    where="model.priors.network.releases",
                    got=problem or "no such folder",
                    allowed="a folder in the project that holds Releases",
                    fix="Name the folder, such as reports, or leave priors at default.",
                )
            ]
        )
    files = releases_learnt_from(folder, study)
    judged = [judge_file(file.relative_to(root).as_posix(), file) for file in files]
    faults = [fault for found in judged if isinstance(found, tuple) for fault in found]
    if faults:
        raise StudyError(faults)
    return tuple(found for found in judged if isinstance(found, Release))


def relevant_rows(releases: Sequence[Release], asking: Asking) -> tuple[EvidenceRow, ...]:
    """Evidence on the same measure and bundle, without the asking study and without its data.

    Real studies learn nothing from invented ones.
    """
    wanted = (asking.measure, asking.bundle, asking.link)
    evidence = collect_evidence(
        (
            release
            for release in releases
            if release.study.id != asking.study and (asking.synthetic or not release.study.synthetic)
        ),
        keep=lambda row: (
            (row.measure, row.bundle, row.link) == wanted
            and not shares_data(row, asking.sites, asking.data_from, asking.data_to)
        ),
    )
    twice = evidence.counted_twice(asking.measure, asking.bundle)
    return tuple(row for row in evidence.rows if row.study not in twice)


def learn(rows: Sequence[EvidenceRow], *, vague_weight: float, inflation: float = INFLATION) -> Learnt | None:
    """The robust prior from evidence rows; None without any."""
    if not rows:
        return None
    place = pool(rows).combination(np.ones((1, 1)), new_place=True)
    mean, sd = place.moments()
    return Learnt(
        mean=float(mean[0]),
        sd=float(sd[0]) * inflation,
        vague_weight=vague_weight,
        runs=tuple(row.run for row in rows),
    )


def effect_of_prior(learnt: Learnt, vague_sd: float, draws: Array, effect: Array) -> NetworkPrior:
    """What the prior did. draws: posterior draws of what the prior is about; effect: of the reported effect, which sites'
    own departures may set a little apart.

    The vague part is a share of the prior, so each draw's weight under the vague part alone is at most 1 / vague_weight
    times as large: importance weights cannot run away, and no second fit is needed. vague_weight > 0.
    """
    weight, mean, sd = learnt.part_weights(vague_sd)
    density = weight * np.exp(-0.5 * ((draws[:, None] - mean) / sd) ** 2) / sd
    vague = density[:, 1] / density.sum(axis=1)
    data = divide_out(*_moments(draws, vague), 0.0, vague_sd)
    own_mean, own_sd = _moments(effect, vague)
    surprise = None
    if data is not None:
        z = (data[0] - learnt.mean) / sqrt(data[1] ** 2 + learnt.sd**2)
        surprise = float(2.0 * ndtr(-abs(z)))
    return NetworkPrior(
        runs=learnt.runs,
        studies=len(learnt.runs),
        mean=learnt.mean,
        sd=learnt.sd,
        inflation=INFLATION,
        vague_weight=learnt.vague_weight,
        vague_sd=vague_sd,
        posterior_vague_weight=float(vague.mean()),
        surprise=surprise,
        without=StatedBelief(mean=own_mean, sd=own_sd),
    )


def _moments(draws: Array, weight: Array) -> tuple[float, float]:
    mean = float(np.average(draws, weights=weight))
    return mean, sqrt(float(np.average((draws - mean) ** 2, weights=weight)))
