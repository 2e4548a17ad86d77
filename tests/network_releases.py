"""Invented Releases of many studies of one question, with the effects that a test asks for."""

from __future__ import annotations

import numpy as np

from example_release import staggered
from impl.release.release import Estimate, Release, StatedBelief
from impl.release.sections import FidelitySection

PRIOR_SD = 0.5


def study_release(
    number: int,
    mean: float,
    sd: float,
    *,
    prior_sd: float | None = PRIOR_SD,
    grade: str = "staggered",
    delivered: float | None = None,
    sites: tuple[str, ...] | None = None,
    curve: np.ndarray | None = None,
    correlation: np.ndarray | None = None,
    run: str | None = None,
    study: str | None = None,
) -> Release:
    """Study `number`, whose posterior of the time-averaged effect is N(mean, sd) on the log scale.

    sites: codes; own ones unless given. curve: (times, 2) of posterior mean and SD by time since start.
    """
    base = BASE
    rows = [
        row
        for row in base.estimates
        if row.group is None and not (row.estimand in ("tate", "pte") and row.scale == "link")
    ]
    rows += [_link(base, "tate", 1, 12, mean, sd)]
    covariances: list[dict[str, float | str]] = []
    if curve is not None:
        rows += [_link(base, "pte", time, time, *pair) for time, pair in enumerate(curve.tolist(), 1)]
        if correlation is not None:
            covariances = [
                {"measure": "falls", "exposure": float(time + 1)}
                | {str(earlier + 1): float(correlation[time, earlier]) for earlier in range(time)}
                for time in range(1, len(curve))
            ]
    prior = None if prior_sd is None else StatedBelief(mean=0.0, sd=prior_sd)
    models = [
        model.model_copy(update={"effect_prior": prior, "likelihood": "poisson"})
        for model in base.design.models
    ]
    codes = sites or tuple(f"{number:05d}-{place}" for place in range(4))
    rollout = tuple(
        start.model_copy(update={"site": code})
        for start, code in zip(base.design.rollout, codes, strict=False)
    )
    fidelity = None
    if delivered is not None:
        fidelity = FidelitySection(
            component="all",
            lower=delivered,
            median=delivered,
            upper=delivered,
            delivered=0.8,
            not_delivered=0.5,
        )
    return base.model_copy(
        update={
            "study": base.study.model_copy(
                update={"id": study or f"study-{number:05d}", "measures": base.study.measures[:1]}
            ),
            "run": base.run.model_copy(update={"id": run or f"{number:012x}"}),
            "design": base.design.model_copy(
                update={"models": tuple(models), "grade": grade, "rollout": rollout, "sites": len(codes)}
            ),
            "estimates": tuple(rows),
            "covariances": tuple(covariances),
            "sections": base.sections.model_copy(update={"fidelity": fidelity, "adaptations": None}),
        }
    )


def _link(base: Release, estimand: str, first: int, last: int, mean: float, sd: float) -> Estimate:
    told = base.estimate("falls", "tate", "ratio")
    assert told is not None
    return told.model_copy(
        update={
            "estimand": estimand,
            "scale": "link",
            "from_": first,
            "to": last,
            "mean": mean,
            "sd": sd,
            "median": mean,
            "lower": mean - 1.645 * sd,
            "upper": mean + 1.645 * sd,
        }
    )


BASE = staggered()
DATA_FROM, DATA_TO = BASE.study.data_from, BASE.study.data_to
