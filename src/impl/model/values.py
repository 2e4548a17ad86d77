"""The values that leave the model room: estimates and checks of one measure (confidential)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.assurance import Assurance
from impl.release.release import CheckRow, ModelSummary, Outcome, Step


@dataclass(frozen=True, kw_only=True)
class Crude:
    """Sums over observed cells that the table's levels rest on; what disclosure control judges them by.

    before: cells before the site's start (transition excluded); after: treated cells of the window.
    """

    before_numerator: float
    before_denominator: float
    after_numerator: float
    after_denominator: float


@dataclass(frozen=True, kw_only=True)
class TargetFindings:
    """Local targets of one measure beside the levels that were reached (confidential); each site's newest target.

    sites: one row a site, `site`, `start`, `end` (first and last day of the periods it is about), `target`, `numerator`,
        `denominator` (sums over them), `met` (whether the counted figure is on the good side; None, and `numerator` NaN,
        where a count is known as an interval only), `lower`, `median`, `upper` (90 %) of the level on the reported
        scale, `p_met`.
    number: mean number of sites whose level meets the target, between its 5 and 95 per cent quantiles.
    network: `lower`, `median`, `upper`, `p_met` of all sites together, where all have one target over the same periods;
        network_met: whether their counted figure is on the good side, None where it is not known.
    passed: whether the draws of every level hold the gates.
    """

    sites: pd.DataFrame
    number: tuple[float, float, float]
    network: dict[str, float] | None
    network_met: bool | None
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Everything a Release may take from one fitted measure, before disclosure control.

    table: one row an estimate and level, columns exactly the fields of `release.Estimate`
        (`from`, not `from_`); probabilities NaN where they do not apply.
    before, expected, after: levels on the measure's reported scale (`release.Comparison`).
    curves: step -> one row a point, columns `start`, `end` (date), `numerator`, `denominator` (sums over
        observed cells, NaN where none), `sites_started`, `q05 q10 q25 q50 q75 q90 q95` (measurement
        expected without the bundle, reported scale). Every step of `release.Step` is present.
    outcome: the verdict of docs/model.md §6; None where there is none (smoke profile, ambiguous
        direction, paired measure).
    assurance: what the design could be expected to show; None where there is no verdict.
    contrast_sites: group (yes | no | unknown | none) -> number of sites that contribute treated cells.
    moderator_sites: moderator -> sites with at least one such modification in a treated cell.
    moderator_centres: moderator -> usual score in the window. correlations: as `release.PredictionSection`.
    targets: None where the measure has no target.
    quantiles: a hundred quantiles of the main effect's relative change, as `release.EffectQuantiles`; empty where no
        direction is good.
    prior_scales: the priors in use, as `impl.model.priors.Priors` names them.
    curve_correlations: of the effects at two times since start (the later one first), link scale.
    """

    measure: str
    profile: Literal["full", "smoke"]
    seed: int
    started: datetime
    seconds: float
    kind: Literal["before_after", "stepped_wedge"]
    sequences: int
    window: tuple[int, int]
    model: ModelSummary
    table: pd.DataFrame
    crude: Crude
    before: float
    expected: float
    after: float
    curves: dict[Step, pd.DataFrame]
    outcome: Outcome | None
    contrast_sites: dict[str, int]
    moderator_sites: dict[str, int] = field(default_factory=dict)
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()
    assurance: Assurance | None = None
    moderator_centres: dict[str, float] = field(default_factory=dict)
    correlations: dict[str, float] = field(default_factory=dict)
    targets: TargetFindings | None = None
    quantiles: tuple[float, ...] = ()
    prior_scales: dict[str, float] = field(default_factory=dict)
    curve_correlations: dict[tuple[int, int], float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The gates of one measure over every reported quantity, and how the fit was made.

    draws: kept draws per chain.
    """

    measure: str
    passed: bool
    rows: tuple[CheckRow, ...]
    retried: bool
    draws: int
    chains: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Estimates and checks of a measure that is shown beside the primary one."""

    estimates: Estimates
    checks: Checks


def _as_html(parts: Iterable[tuple[str, pd.DataFrame | str | None]]) -> str:
    """Tables and notes under headings, for a notebook; empty ones are left out."""
    shown = []
    for heading, part in parts:
        if part is None or len(part) == 0:
            continue
        body = escape(part) if isinstance(part, str) else part.round(3).to_html(border=0, na_rep="")
        shown.append(f"<h4>{escape(heading)}</h4>{body}")
    return "".join(shown)


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut:
    """Leave-one-out over the cells of the likelihood, by importance sampling.

    elpd: expected log predictive density, sum over cells; standard_error: its own. parameters: effective
    number. cells: `site`, `period` (positions), `elpd`, `pareto_k`. good_k: the k up to which this number of
    draws can be trusted.
    """

    elpd: float
    standard_error: float
    parameters: float
    cells: pd.DataFrame
    good_k: float


@dataclass(frozen=True, kw_only=True)
class Criticism:
    """What one fit says about its own assumptions (confidential).

    checks: predictive checks, one row each, columns `check`, `wave` (start position or NaN), `observed`
        (posterior mean of the statistic), `lower`, `upper` (90 % of what the model predicts), `p` (chance of at
        least as much under the model), `flagged`.
    crude: rows `before`, `after` (level), `ratio`, `difference`: `crude` and the model's `mean`, `lower`, `upper`;
        where never-treated sites exist, `ratio_compared` and `difference_compared`, crude only.
    priors: scalar parameters, prior and posterior median, `overlap` (1 - total variation), `contraction`
        (1 - variance ratio), `prior_driven`.
    heterogeneity: median rate ratio, intraclass correlation and autocorrelations, where the data inform them.
    leave_one_out: None where cells cannot be left out one by one; `leave_one_out_note` says why.
    sensitivity: see `impl.model.criticism.influence.power_scaling`.
    exposure: time since start, `contrasts` (cells with an untreated site beside them), `weight` in the
        constant-effect estimate.
    bundles: share of each bundle's treated cells in which each other one is there too, or None.
    condition: condition number of the bundles' columns within sites and periods, or None.
    """

    measure: str
    checks: pd.DataFrame
    crude: pd.DataFrame
    priors: pd.DataFrame
    heterogeneity: pd.DataFrame
    leave_one_out: LeaveOneOut | None
    leave_one_out_note: str
    sensitivity: pd.DataFrame
    exposure: pd.DataFrame
    bundles: pd.DataFrame | None
    condition: float | None
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()

    def _repr_html_(self) -> str:
        return _as_html(
            [
                ("The data beside what the model predicts", self.checks),
                ("Crude numbers beside the model", self.crude),
                ("Prior beside posterior", self.priors),
                ("How much sites differ", self.heterogeneity),
                ("Leaving out one cell at a time", self.leave_one_out_note),
                ("Sensitivity of the effect to the priors", self.sensitivity),
                ("What each time since start is learnt from", self.exposure),
                ("Bundles at the same time", self.bundles),
                (
                    "Condition number of their columns",
                    None if self.condition is None else f"{self.condition:.1f}",
                ),
                ("What the reader is told", ", ".join(code for code, _ in self.warnings) or "nothing"),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """The same question asked in other ways (confidential).

    refits: one row a refit, columns `refit`, `kind` (main | shape | prior | placebo | forecast | wave),
        `mean`, `sd`, `lower`, `upper` (90 %; the time-averaged effect on the link scale), `shift` (from the main
        fit, in its posterior SDs), `divergences`, `r_hat`, `seconds`. The forecast has two rows: `mean_effect`
        (expected without the bundle is uncertain) and `predictive` (chance in the counts too).
    sites: held-out log-density of each site left out, `site`, `fold`, `cells`, `elpd`; None where not computed.
    left_out: refit that was not made -> why.
    """

    measure: str
    refits: pd.DataFrame
    sites: pd.DataFrame | None
    left_out: dict[str, str]
    seconds: float
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()

    def _repr_html_(self) -> str:
        return _as_html(
            [
                (f"The same question asked in other ways ({self.seconds:.0f} s)", self.refits),
                ("Sites predicted from the others", self.sites),
                ("Not done", "; ".join(f"{name}: {why}" for name, why in self.left_out.items())),
                ("What the reader is told", ", ".join(code for code, _ in self.warnings) or "nothing"),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Moderation:
    """Moderation by local adaptation and what stands beside it (confidential).

    coefficients: one row a moderator and refit, columns `refit`, `moderator`, `mean`, `sd`, `lower`, `upper` (90 %),
        `p_above`: change in the effect, link scale, that goes with one modification; `overlap` of prior and posterior.
    past: the negative control, see `impl.model.local.moderation.past_levels`. tipping: bias that would undo the
        direction. explained: share of the variance of effects between sites, NaN where not asked.
    """

    measure: str
    coefficients: pd.DataFrame
    past: pd.DataFrame
    tipping: dict[str, float]
    explained: float
    sites: dict[str, int]
    seconds: float
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()

    def _repr_html_(self) -> str:
        return _as_html(
            [
                ("What goes with one modification of each kind", self.coefficients),
                ("Does later adaptation go with the level before start?", self.past),
                ("Hidden bias that would undo the direction", pd.Series(self.tipping).to_frame("bias")),
                ("Share of the difference between sites that it explains", f"{self.explained:.2f}"),
                ("What the reader is told", ", ".join(code for code, _ in self.warnings) or "nothing"),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class DeliveryEvidence:
    """How much of the bundle was delivered (confidential).

    component: whose audits, `all` for the all-or-none audit. overall: 5, 50 and 95 per cent quantiles of the share
    delivered in the window of the effect, weighted as the effect is. steps: one row a step since start, `from`,
    `to` (periods since start), `lower`, `median`, `upper`, `sites`, `audited` (sites with an audit), `delivered`,
    `eligible`. before: crude share before start, None where nothing was audited; before_counts: what it rests on.
    share: draws of the share delivered, draw x site x step; share_before: draw x site, 0 where no site was audited
    before start. step_of_row: step of each row of the structure's table, -1 where untreated. components: one row an
    audited component, `component`, `delivered`, `eligible`, `sites`, of the window, empty with one. by_adaptation: one row a
    group of sites (`group` kept | changed: whether every modification kept the core), `share` (posterior median),
    `sites`; empty without a log.
    """

    measure: str
    component: str
    overall: tuple[float, float, float]
    p_delivered: float
    p_not_delivered: float
    verdict: Literal["delivered", "not_delivered", "unknown"]
    steps: pd.DataFrame
    before: float | None
    before_counts: tuple[float, float]
    passed: bool
    share: npt.NDArray[np.float64]
    share_before: npt.NDArray[np.float64]
    step_of_row: npt.NDArray[np.int64]
    components: pd.DataFrame = field(default_factory=pd.DataFrame)
    by_adaptation: pd.DataFrame = field(default_factory=pd.DataFrame)
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()

    def _repr_html_(self) -> str:
        low, middle, high = self.overall
        return _as_html(
            [
                ("Share delivered in the window", f"{middle:.2f} ({low:.2f} to {high:.2f}): {self.verdict}"),
                ("By time since start", self.steps),
                ("By component (crude)", self.components),
                ("By what was adapted", self.by_adaptation),
                ("What the reader is told", ", ".join(code for code, _ in self.warnings) or "nothing"),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class DoseResponse:
    """How the effect grows with the share delivered (confidential).

    curve: linear or steps. points: one row a share, `fidelity`, `mean`, `sd`, `median`, `lower`, `upper` (90 %; on the
    measure's headline scale: the bundle at that share against none of it), `p_worthwhile`. smallest: the smallest share
    whose change is worthwhile with 80 per cent probability, None where no share is. at_target: the same cells if
    every site had reached the share `target`, against what they reached, same keys and scale. response: mean part of the
    full effect at some shares.
    imputations: draws of the share delivered that a fit was made for. r_hat: worst over the fits.
    """

    measure: str
    curve: Literal["linear", "steps"]
    points: pd.DataFrame
    smallest: float | None
    target: float
    at_target: dict[str, float]
    response: tuple[tuple[float, float], ...]
    imputations: int
    r_hat: float
    passed: bool
    seconds: float
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()

    def _repr_html_(self) -> str:
        at = self.at_target
        return _as_html(
            [
                (f"Effect by share delivered ({self.curve})", self.points),
                (
                    f"If every site had reached {100 * self.target:.0f} per cent",
                    f"{at['median']:.3f} ({at['lower']:.3f} to {at['upper']:.3f})",
                ),
                (
                    "Smallest share with a worthwhile effect",
                    "none" if self.smallest is None else f"{self.smallest:.1f}",
                ),
                ("What the reader is told", ", ".join(code for code, _ in self.warnings) or "nothing"),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Sustainment:
    """What is left of the effect after active support (confidential).

    table: one row a horizon that the data reach, `months`, `sites`, `retained_` (share of the link-scale effect),
        `natural_` (of the relative change) and `twin_` (main fit's own curve) `lower`, `median`, `upper` (90 %), `p_half`,
        `p_most` (at least 50 and 80 per cent kept; NaN where the data say little and it would be the prior's), `p_worthwhile` (still worthwhile). half_life: 5, 50 and 95 per cent
        quantiles in months, None where the data teach too little of it; contraction says how much they do.
    """

    measure: str
    table: pd.DataFrame
    half_life: tuple[float, float, float] | None
    contraction: float
    sites: int
    seconds: float
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()

    def _repr_html_(self) -> str:
        half = "not learnable from these data"
        if self.half_life is not None:
            half = "{1:.0f} months ({0:.0f} to {2:.0f})".format(*self.half_life)
        return _as_html(
            [
                ("Share of the effect kept after support", self.table),
                ("Half-life of what fades", half),
                ("What the reader is told", ", ".join(code for code, _ in self.warnings) or "nothing"),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class OtherStart:
    """The effect by the start that does not count (confidential).

    estimand: by_actual_start | by_allocated_start. table: rows as `Estimates.table` with that estimand; empty where it
    could not be made, and a warning says why. window: first and last period since that start.
    """

    measure: str
    estimand: str
    table: pd.DataFrame = field(default_factory=pd.DataFrame)
    window: tuple[int, int] | None = None
    seconds: float = 0.0
    warnings: tuple[tuple[str, dict[str, float | int | str]], ...] = ()

    def _repr_html_(self) -> str:
        told = ", ".join(code for code, _ in self.warnings) or "nothing"
        return _as_html([(f"The effect {self.estimand}", self.table), ("What the reader is told", told)])


@dataclass(frozen=True, kw_only=True)
class Implementation:
    """What was found of adaptation, delivery, dose, sustainment and the other start; None where the study has nothing
    for it."""

    moderation: Moderation | None = None
    delivery: DeliveryEvidence | None = None
    dose: DoseResponse | None = None
    sustainment: Sustainment | None = None
    other_start: OtherStart | None = None

    @property
    def warnings(self) -> tuple[tuple[str, dict[str, float | int | str]], ...]:
        parts = (self.moderation, self.delivery, self.dose, self.sustainment, self.other_start)
        return tuple(warning for part in parts if part is not None for warning in part.warnings)

    def _repr_html_(self) -> str:
        parts = (self.moderation, self.delivery, self.dose, self.sustainment, self.other_start)
        shown = "".join(part._repr_html_() for part in parts if part is not None)
        return shown or "<p>The study has no moderators, audits or table of support.</p>"
