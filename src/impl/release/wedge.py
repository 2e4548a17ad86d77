"""The design as it is drawn: in what state each site was, from when to when."""

from __future__ import annotations

from datetime import date
from typing import Literal

from impl.release.public import Public


class StateRun(Public):
    """Periods on end in one state, from the first day of the first to the last day of the last."""

    state: Literal["without", "transition", "with", "paused", "stopped", "before-data"]
    start: date
    end: date


class SiteRuns(Public):
    """One site's states over the whole of the data, in order; its dates stand in `Design.rollout`."""

    site: str
    runs: tuple[StateRun, ...]
