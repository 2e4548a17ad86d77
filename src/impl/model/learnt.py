"""A prior of the effect that is learnt from the network's Releases, where a study names `priors: network`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from impl.data.panel import Panel
from impl.model.choices import Notes
from impl.model.effects.effect import EffectShape
from impl.study.catalogue import Measure
from impl.study.study import Study

if TYPE_CHECKING:
    from impl.network.prior import Learnt
    from impl.release.release import Link

CONFLICT = 0.05
"""Chance of data so far from what was learnt, had it been right, under which a reader is told (Box 1980, JRSS A 143:383)."""


def learnt_prior(
    study: Study, panel: Panel, measure: Measure, link: Link, shape: EffectShape, notes: Notes
) -> Learnt | None:
    """The robust prior of the primary measure's effect; None where the study asks for none, or nobody has studied it.

    Shapes that are not linear over time, and several bundles at once, are refused: their levels have no prior of their
    own that could be exchanged.
    """
    source = study.model.learns_from
    if source is None:
        return None
    if study.other_bundles or shape.basis is None:
        notes.refuse(
            "network_prior", "model.priors", f"network with {'several bundles' if study.other_bundles else shape.name}",
            "one bundle and effect rw, it, teh, eti or level_slope", "Use priors: default, or another shape.",
        )  # fmt: skip
        return None
    from impl.network.prior import (
        Asking,
        learn,
        releases_of_others,
        relevant_rows,
    )  # few studies need all this

    rows = relevant_rows(
        releases_of_others(study, source.releases),
        Asking(
            study=study.id,
            measure=measure.id,
            bundle=study.bundle,
            link=link,
            sites=frozenset(panel.sites),
            data_from=panel.periods[0].start,
            data_to=panel.periods[-1].end,
            synthetic=study.synthetic,
        ),
    )
    learnt = learn(rows, vague_weight=source.vague_weight)
    if learnt is None:
        notes.warn("network_prior_empty")
    return learnt
