"""How the released effects at different times since start hang together, so that others can pool whole curves.

A correlation of two released effects tells nothing of levels or counts that the effects and their SDs do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from impl.model.values import Evaluation
from impl.release.release import Estimate

DECIMALS = 3


def curve_correlations(
    evaluations: Mapping[str, Evaluation], rows: Sequence[Estimate]
) -> Iterator[dict[str, float | str]]:
    """One row per measure and exposure time whose effect is released on the link scale; see `release.Release`."""
    for name, evaluation in evaluations.items():
        told = evaluation.estimates.curve_correlations
        times = sorted(
            {
                row.from_
                for row in rows
                if (row.measure, row.estimand, row.scale, row.group) == (name, "pte", "link", None)
                and row.from_ is not None
            }
        )
        for place, time in enumerate(times):
            known = {
                str(earlier): round(told[time, earlier], DECIMALS) + 0.0
                for earlier in times[:place]
                if (time, earlier) in told
            }
            if known:
                yield {"measure": name, "exposure": float(time), **known}
