"""Local targets: how likely levels meet them, and whether the counted figures did."""

from __future__ import annotations

from datetime import date

from impl.release.public import Probability, Public


class SiteTarget(Public):
    """One site's newest target, on the measure's reported scale, over the periods from `start` to `end`.

    met: whether the counted figure is on the good side. p_met: that the level behind it is; it holds no chance in the
    counts. hidden: neither may be shown. met is None where a count was hidden at the source, p_met in a trial run.
    """

    site: str
    name: str
    start: date
    end: date
    target: float
    met: bool | None = None
    p_met: Probability | None = None
    hidden: bool = False


class CommonTarget(Public):
    """One target of all sites over the same periods, and all of them together as one; fields as `SiteTarget`."""

    start: date
    end: date
    target: float
    met: bool | None = None
    p_met: Probability | None = None
    hidden: bool = False


class TargetSection(Public):
    """Targets of one measure. sites: those that have one.

    lower, mean, upper: number of sites whose level meets its target, mean and ends of the 90 % interval; None where too
    few sites have a target, and in a trial run. common: None where sites have targets of their own. rows: for
    audiences that may see sites.
    """

    measure: str
    sites: int
    lower: int | None = None
    mean: float | None = None
    upper: int | None = None
    common: CommonTarget | None = None
    rows: tuple[SiteTarget, ...] = ()
