"""Moderation by local adaptation: dated scores of the adaptation log as columns of the row table.

A score is log2(1 + modifications in force), so that the first one is a step of 1; in treated cells and less its mean over
them, so that the curve of the effect is that at the network's usual adaptation. Source: docs/model.md §8; scores,
`data/adaptation.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.logs.adaptation import adaptation_scores
from impl.logs.strategy import intensity_by_period
from impl.model.choices import Notes
from impl.study.study import INTENSITY, Study

MODERATOR = "moderator:"
"""Prefix of the row table's columns of moderators."""
FEW_SITES, FEW_MODERATORS = 15, 2
"""Below so many treated sites no more than two moderators: a choice, for ten sites tell of hardly one."""


def moderator_columns(
    study: Study, panel: Panel, sites: tuple[str, ...], rows: pd.DataFrame, notes: Notes
) -> tuple[dict[str, npt.NDArray[np.float64]], tuple[float, ...]]:
    """Columns of the declared moderators, and the mean that was taken from each.

    Refuses more moderators than the sites can carry, and a score that is the same in every treated cell.
    """
    declared = declared_moderators(study, panel)
    if not declared:
        return {}, ()
    used = (rows["used"] & rows["treated"]).to_numpy()
    treated_sites = int(rows.loc[used, "site"].nunique())
    if treated_sites < FEW_SITES and len(declared) > FEW_MODERATORS:
        notes.refuse("moderators", "adaptations.moderators", f"{len(declared)} moderators with {treated_sites} sites",
                     f"{FEW_MODERATORS} at most below {FEW_SITES} sites with the bundle",
                     "Keep those that the question is about.")  # fmt: skip
    scores = moderator_scores(panel, sites, declared)
    columns, centres = {}, []
    for name in declared:
        score = scores[name]
        if used.any() and np.ptp(score[used]) == 0:
            notes.refuse("moderator_constant", "adaptations.moderators", f"{name}, the same in every cell with the bundle",
                         "a score that differs between sites or changes over time", "Leave it out.")  # fmt: skip
        centre = float(score[used].mean()) if used.any() else 0.0
        columns[MODERATOR + name] = np.where(rows["treated"], score - centre, 0.0)
        centres.append(centre)
    return columns, tuple(centres)


def declared_moderators(study: Study, panel: Panel) -> tuple[str, ...]:
    """Scores of the adaptation log that the study declares, and the intensity of its strategies."""
    declared: list[str] = []
    if study.adaptations is not None and panel.adaptations is not None:
        declared += study.adaptations.moderators
    if study.strategies is not None and study.strategies.intensity and panel.strategies is not None:
        declared.append(INTENSITY)
    return tuple(declared)


def moderator_scores(
    panel: Panel, sites: tuple[str, ...], names: Sequence[str]
) -> dict[str, npt.NDArray[np.float64]]:
    """Score of each name by cell of the grid: log2(1 + modifications), or the level of intensity, 0 to 3."""
    found = {}
    if panel.adaptations is not None:
        counts = adaptation_scores(panel.adaptations, sites, panel.periods)
        found = {name: scored(counts[name].to_numpy()) for name in names if name in counts}
    if INTENSITY in names and panel.strategies is not None:
        levels = intensity_by_period(panel.strategies, sites, panel.periods)["intensity"]
        found[INTENSITY] = levels.to_numpy(dtype=float)
    return found


def scored(count: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Score of a number of modifications: the first says more than the tenth."""
    return np.asarray(np.log2(1.0 + count.astype(float)))


def sites_with(panel: Panel, sites: tuple[str, ...], rows: pd.DataFrame, name: str) -> int:
    """Sites with at least one such modification in force in a treated cell that is used."""
    score = moderator_scores(panel, sites, [name])[name]
    chosen = (rows["used"] & rows["treated"]).to_numpy() & (score > 0)
    return int(rows.loc[chosen, "site"].nunique())
