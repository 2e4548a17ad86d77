"""What peers ask of an analysis: priors in use, predictive checks, the same question asked in other ways."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from impl.release.public import Probability, Public


class PredictiveCheck(Public):
    """Chance that data from the model show at least as much of something as the data do; 0.5 is a perfect fit."""

    check: Literal["dispersion", "autocorrelation", "longest_run", "zeros", "pre_trend", "between_sites"]
    p: Probability
    flagged: bool


class PriorCheck(Public):
    """Whether a summary of the data lies within 90 % of what the priors alone predict.

    lower, upper: the ends as multiples of the middle, so that the level itself is not told; None for differences.
    """

    check: Literal["level", "change"]
    inside: bool
    lower: float | None = None
    upper: float | None = None


class RefitRow(Public):
    """The main effect on the link scale by another shape, prior, start or forecast; 90 % interval.

    shift: from the main fit, in its posterior standard deviations; None for the main fit and the placebo, which asks
    something else.
    """

    refit: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_ .]{0,39}$")]
    kind: Literal["main", "shape", "prior", "placebo", "forecast"]
    mean: float
    lower: float
    upper: float
    shift: float | None = None


class LeaveOneOutSummary(Public):
    """Expected log predictive density of left-out cells, its standard error, the effective number of parameters, and
    how many of the cells the approximation cannot be trusted for."""

    elpd: float
    standard_error: float
    parameters: float
    cells: int
    unreliable: int


class AnnexSection(Public):
    """priors: scales in use on the link scale, by name. sensitivity: distance that the main effect moves when the power of
    the priors is doubled (`effect`: those of the effect alone; `all`); over 0.05 the prior is part of the answer."""

    priors: dict[str, float] = Field(default_factory=dict)
    checks: tuple[PredictiveCheck, ...] = ()
    prior_checks: tuple[PriorCheck, ...] = ()
    refits: tuple[RefitRow, ...] = ()
    leave_one_out: LeaveOneOutSummary | None = None
    sensitivity: dict[str, float] = Field(default_factory=dict)
