"""The effect by the start that does not count: per protocol beside as allocated, or the other way round.

As allocated keeps delays and crossing over, which may go with the outcome, out of the comparison; by the actual start the
effect is that of having begun. The study decides beforehand which of them is the answer; the other one is an extra.
"""

from __future__ import annotations

import time
from dataclasses import replace

from impl.data.panel import Panel
from impl.errors import DesignError
from impl.model.build import model_of
from impl.model.checks import check_fit
from impl.model.estimate import window_summaries
from impl.model.fit import Profile, sample
from impl.model.fitted import Fit
from impl.model.structure import Structure, describe_structure
from impl.model.values import OtherStart
from impl.study.study import Study

ESTIMANDS = {"allocated": "by_actual_start", "actual": "by_allocated_start"}
"""Start that counts -> estimand of the extra."""


def evaluate_other_start(
    fit: Fit, study: Study, panel: Panel, *, profile: Profile = "full"
) -> OtherStart | None:
    """The primary effect by the other start, over the main window as far as it reaches.

    None where no site would have another start period. Told by a warning where the other starts cannot carry a model,
    or the fit does not hold the gates.
    """
    if panel.other_start is None:
        return None
    clock = time.monotonic()
    estimand = ESTIMANDS[study.rollout.starts]
    try:
        structure = other_structure(fit.structure, study, panel)
    except DesignError:
        return OtherStart(
            measure=fit.structure.measure.id, estimand=estimand, warnings=(("other_start_not_possible", {}),)
        )
    again = sample(model_of(structure), study, profile=profile)
    if not check_fit(again).passed:
        return OtherStart(
            measure=structure.measure.id, estimand=estimand, warnings=(("other_start_not_converged", {}),)
        )
    return OtherStart(
        measure=structure.measure.id,
        estimand=estimand,
        table=window_summaries(again, estimand),
        window=structure.window,
        seconds=round(time.monotonic() - clock, 1),
    )


def other_structure(main: Structure, study: Study, panel: Panel) -> Structure:
    """The structure by the other start, asked over the main window. Raises DesignError where it cannot be built."""
    assert panel.other_start is not None
    moved = describe_structure(study, replace(panel, rollout=panel.other_start))
    first, last = main.window
    last = min(last, moved.supported)
    return replace(moved, window=(min(first, last), last))
