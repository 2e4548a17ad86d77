"""What the network's studies say together of one measure under one bundle: Bayesian random-effects meta-analysis.

Effects on the link scale, mu ~ N(0, MEAN_SD), tau ~ half-normal(TAU_SCALE), both in units of the measure's link scale;
given tau everything is normal (`normal`). Studies stand in order of their ids: this is no league table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Literal

import numpy as np

from impl.network.curve import CurveAt, pooled_curve
from impl.network.evidence import Array, Evidence, EvidenceRow, Grade, Planned
from impl.network.normal import Fitted, Mixture, Summary, fit_regression, left_out_means, shrunken
from impl.release.release import Link

MEAN_SD = 1.0
"""Prior SD of the pooled mean: 95 % of the ratio within 0.14 and 7.1, so that the studies speak (choice)."""
TAU_SCALE = 0.5
"""Scale of tau's half-normal prior on log scales. Its median .34 lets places differ by a factor of 1.75 either way; over
1 has 5 %. The scale recommended for few studies of log ratios (Friede et al. 2017, Research Synthesis Methods 8:79-91;
Roever et al. 2021, Research Synthesis Methods 12:448-474); wide for one country's places, and so careful."""
DIFFERENCE_SD = 0.5
"""Prior SD of a difference between grades of design, link-scale units (choice: that of an effect in a study)."""
COEFFICIENT_SD = 0.25
"""Prior SD of the change of an effect per SD of a covariate, link-scale units (choice: half that of an effect)."""
STUDIES_PER_COVARIATE = 10
"""Studies that each covariate of a meta-regression needs (Cochrane Handbook 6.5, section 10.11.4)."""
GRADE_STUDIES = 2  # studies of a grade before it is compared with another (choice)
FEW = 4  # below this many studies heterogeneity is mostly prior (choice)
SURE = 0.9  # chance of better from which the pooled answer counts as shown; verdicts use the same
MOST_NULLS = 10  # null studies tried per study known, when it is asked how many would tip the answer

CautionCode = Literal[
    "one_study",
    "few_studies",
    "overlap",
    "missing_studies",
    "no_randomised",
    "prior_unknown",
    "windows_differ",
    "one_study_decides",
    "synthetic",
]


@dataclass(frozen=True, kw_only=True)
class Chances:
    """Chances by the studies' own limits (the strictest where they differ); None where no direction is good or the level
    that a relative change needs is not known."""

    better: float | None
    worthwhile: float | None
    negligible: float | None
    harm: float | None


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """One study among the others. alone: its own result, its prior divided out; shrunken: given all studies.
    weight: its share of the pooled mean, 0 to 1. without: pooled mean had it not been; shift: how far that lies from the
    pooled mean, in SDs of it."""

    study: str
    run: str
    grade: Grade
    number_of_sites: int
    alone: Summary
    shrunken: Summary
    chances: Chances
    weight: float
    without: Summary | None
    shift: float | None


@dataclass(frozen=True, kw_only=True)
class GradeDifference:
    """Effect of studies of one grade less that of another on the link scale, in one model with common tau."""

    grade: Grade
    against: Grade
    studies: int
    studies_against: int
    difference: Summary
    p_better: float | None
    """Chance that studies of `grade` show the better effect."""


@dataclass(frozen=True, kw_only=True)
class Regression:
    """How the effect goes together with one covariate: change per SD of it among these studies. Never a cause."""

    covariate: str
    studies: int
    centre: float
    spread: float
    coefficient: Summary
    p_more: float | None
    """Chance that more of the covariate goes with a better effect."""


@dataclass(frozen=True, kw_only=True)
class NotRegressed:
    """A covariate that too few studies tell, or that does not vary."""

    covariate: str
    studies: int
    needed: int


@dataclass(frozen=True, kw_only=True)
class MissingBound:
    """What registered studies without a Release could do. if_null: pooled mean had each of them shown no effect, with
    the median precision of those known. nulls_to_tip: how many such would end a chance of better of at least SURE; None
    where it does not hold now, or more than MOST_NULLS per known study are needed."""

    missing: tuple[str, ...]
    if_null: Summary | None
    p_better_if_null: float | None
    nulls_to_tip: int | None


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """All studies of one measure under one bundle, on the link scale.

    mean: effect averaged over places; new_place: in one more place; tau: SD between places. `as_ratio` gives ratios.
    unit: link-scale units of the priors. worthwhile, harm, negligible: the strictest of the studies' limits; expected:
    their median level without the bundle on the reported scale, None where all are hidden.
    """

    measure: str
    bundle: str
    link: Link
    direction: Literal["lower", "higher", "ambiguous"]
    studies: int
    number_of_sites: int
    runs: tuple[str, ...]
    unit: float
    worthwhile: float
    harm: float
    negligible: float
    expected: float | None
    mean: Summary
    mean_chances: Chances
    tau: Summary
    new_place: Summary
    new_place_chances: Chances
    results: tuple[StudyResult, ...]
    grades: tuple[GradeDifference, ...]
    regressions: tuple[Regression, ...]
    not_regressed: tuple[NotRegressed, ...]
    missing: MissingBound
    without_overlap: Summary | None
    """Pooled mean with one study kept of those that share data; None where none do."""
    curve: tuple[CurveAt, ...]
    cautions: tuple[tuple[CautionCode, dict[str, float | int | str]], ...]


def synthesise(evidence: Evidence) -> tuple[Synthesis, ...]:
    """One synthesis per measure and bundle, in order."""
    return tuple(
        synthesise_rows(
            evidence.of(measure, bundle),
            missing=evidence.missing_from(measure, bundle),
            overlapping=evidence.counted_twice(measure, bundle),
        )
        for measure, bundle in evidence.questions()
    )


def synthesise_rows(
    rows: Sequence[EvidenceRow], *, missing: Sequence[Planned] = (), overlapping: frozenset[str] = frozenset()
) -> Synthesis:
    """Rows of one measure and bundle, at least one. overlapping: ids of studies whose data another one, which stays, has."""
    rows = tuple(sorted(rows, key=lambda row: row.study))
    unit = _numbers(rows)[2]
    fitted = pool(rows)
    one = np.ones((1, 1))
    limits = Limits.of(rows)
    whole, place = fitted.combination(one), fitted.combination(one, new_place=True)
    average = whole.summaries()[0]
    kept = [row for row in rows if row.study not in overlapping]
    separate = pool(kept).combination(one).summaries()[0] if kept and len(kept) < len(rows) else None
    results = _results(rows, fitted, average, limits)
    bound = _bound(rows, missing, whole, limits)
    regressions, not_regressed = _regressions(rows, limits)
    first = rows[0]
    return Synthesis(
        measure=first.measure,
        bundle=first.bundle,
        link=first.link,
        direction=first.direction,
        studies=len(rows),
        number_of_sites=sum(row.number_of_sites for row in rows),
        runs=tuple(row.run for row in rows),
        unit=unit,
        worthwhile=limits.worthwhile,
        harm=limits.harm,
        negligible=limits.negligible,
        expected=limits.expected,
        mean=average,
        mean_chances=limits.chances(whole)[0],
        tau=fitted.heterogeneity.summary(),
        new_place=place.summaries()[0],
        new_place_chances=limits.chances(place)[0],
        results=results,
        grades=_grades(rows, limits),
        regressions=regressions,
        not_regressed=not_regressed,
        missing=bound,
        without_overlap=separate,
        curve=pooled_curve(rows, unit=unit, mean_sd=MEAN_SD, tau_scale=TAU_SCALE),
        cautions=_cautions(rows, results, bound, overlapping),
    )


def pool(rows: Sequence[EvidenceRow]) -> Fitted:
    """The random-effects model of rows of one question; its one term is the pooled mean."""
    mean, sd, unit = _numbers(rows)
    return fit_regression(
        mean, sd, np.ones((len(rows), 1)), np.zeros(1), np.array([MEAN_SD * unit]), TAU_SCALE * unit
    )


def _numbers(rows: Sequence[EvidenceRow]) -> tuple[Array, Array, float]:
    mean = np.array([row.mean for row in rows])
    sd = np.array([row.sd for row in rows])
    return mean, sd, float(np.median([row.unit for row in rows]))


# --- limits


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of relative change, as the studies stated them, on the link scale.

    expected: median level without the bundle; a relative change on the logit or identity scale depends on it. ceiling:
    the largest a level can be (100 for per cent).
    """

    link: Link
    good: float | None
    worthwhile: float
    harm: float
    negligible: float
    expected: float | None
    per: float

    @classmethod
    def of(cls, rows: Sequence[EvidenceRow]) -> Limits:
        """The strictest of each limit."""
        levels = [row.expected for row in rows if row.expected is not None]
        good = {"lower": -1.0, "higher": 1.0, "ambiguous": None}[rows[0].direction]
        return cls(
            link=rows[0].link,
            good=good,
            worthwhile=max(row.worthwhile for row in rows),
            harm=min(row.harm for row in rows),
            negligible=min(row.negligible for row in rows),
            expected=float(np.median(levels)) if levels else None,
            per=rows[0].per,
        )

    def on_link(self, change: float) -> float | None:
        """The link-scale effect that is a relative `change` of the level; infinite where no effect reaches so far."""
        if self.link == "log":
            return log(1.0 + change)
        if self.expected is None:
            return None
        if self.link == "identity":
            return change * abs(self.expected)
        before = self.expected / self.per
        after = before * (1.0 + change)
        if not 0.0 < before < 1.0:
            return None
        return log(after / (1.0 - after)) - log(before / (1.0 - before)) if after < 1.0 else float("inf")

    def chances(self, mixture: Mixture) -> tuple[Chances, ...]:
        """Chances of each quantity."""
        empty = Chances(better=None, worthwhile=None, negligible=None, harm=None)
        if self.good is None:
            return (empty,) * len(mixture.mean)

        def beyond(change: float) -> Array | None:
            """P(effect further than a relative change, in its direction)."""
            limit = self.on_link(change)
            if limit is None:
                return None
            under = mixture.below(limit)
            return under if change < 0 else 1.0 - under

        better = mixture.below(0.0) if self.good < 0 else 1.0 - mixture.below(0.0)
        worthwhile, harm = beyond(self.good * self.worthwhile), beyond(-self.good * self.harm)
        above, under = beyond(self.negligible), beyond(-self.negligible)
        negligible = None if above is None or under is None else 1.0 - above - under
        return tuple(
            Chances(
                better=float(better[place]),
                worthwhile=None if worthwhile is None else float(worthwhile[place]),
                negligible=None if negligible is None else max(float(negligible[place]), 0.0),
                harm=None if harm is None else float(harm[place]),
            )
            for place in range(len(mixture.mean))
        )

    def better(self, mixture: Mixture) -> float | None:
        """P(first quantity better)."""
        if self.good is None:
            return None
        below = float(mixture.below(0.0)[0])
        return below if self.good < 0 else 1.0 - below


# --- parts


def _results(
    rows: Sequence[EvidenceRow], fitted: Fitted, average: Summary, limits: Limits
) -> tuple[StudyResult, ...]:
    mean, sd, unit = _numbers(rows)
    design = np.ones((len(rows), 1))
    own = shrunken(mean, sd, design, fitted)
    nodes, node_weight = fitted.heterogeneity.nodes, fitted.heterogeneity.weight
    precision = 1.0 / (sd[:, None] ** 2 + nodes**2)
    weight = (precision / precision.sum(axis=0)) @ node_weight
    others = None
    if len(rows) > 1:
        others = left_out_means(mean, sd, 0.0, MEAN_SD * unit, TAU_SCALE * unit).summaries()
    alone = Mixture(mean=mean[:, None], sd=sd[:, None], weight=np.ones(1)).summaries()
    return tuple(
        StudyResult(
            study=row.study,
            run=row.run,
            grade=row.grade,
            number_of_sites=row.number_of_sites,
            alone=alone[place],
            shrunken=summary,
            chances=chances,
            weight=float(weight[place]),
            without=None if others is None else others[place],
            shift=None if others is None else (others[place].mean - average.mean) / average.sd,
        )
        for place, (row, summary, chances) in enumerate(
            zip(rows, own.summaries(), limits.chances(own), strict=True)
        )
    )


def _grades(rows: Sequence[EvidenceRow], limits: Limits) -> tuple[GradeDifference, ...]:
    """Each grade against the strongest one that has enough studies."""
    order: tuple[Grade, ...] = ("randomised", "staggered", "before_after")
    counts = {grade: sum(row.grade == grade for row in rows) for grade in order}
    grades = [grade for grade in order if counts[grade] >= GRADE_STUDIES]
    if len(grades) < 2:
        return ()
    compared = [row for row in rows if row.grade in grades]
    mean, sd, unit = _numbers(compared)
    design = np.array([[1.0, *(float(row.grade == grade) for grade in grades[1:])] for row in compared])
    prior = np.array([MEAN_SD, *([DIFFERENCE_SD] * (len(grades) - 1))]) * unit
    fitted = fit_regression(mean, sd, design, np.zeros(len(grades)), prior, TAU_SCALE * unit)
    found = []
    for place, grade in enumerate(grades[1:], 1):
        mixture = fitted.combination(np.eye(len(grades))[[place]])
        found.append(
            GradeDifference(
                grade=grade,
                against=grades[0],
                studies=counts[grade],
                studies_against=counts[grades[0]],
                difference=mixture.summaries()[0],
                p_better=limits.better(mixture),
            )
        )
    return tuple(found)


def _regressions(
    rows: Sequence[EvidenceRow], limits: Limits
) -> tuple[tuple[Regression, ...], tuple[NotRegressed, ...]]:
    """Each covariate by itself, among the studies that tell it."""
    names = sorted({name for row in rows for name in row.covariates})
    found: list[Regression] = []
    refused: list[NotRegressed] = []
    for name in names:
        telling = [row for row in rows if name in row.covariates]
        values = np.array([row.covariates[name] for row in telling])
        if len(telling) < STUDIES_PER_COVARIATE or values.std() < 1e-9:
            refused.append(NotRegressed(covariate=name, studies=len(telling), needed=STUDIES_PER_COVARIATE))
            continue
        mean, sd, unit = _numbers(telling)
        design = np.column_stack([np.ones(len(values)), (values - values.mean()) / values.std()])
        prior = np.array([MEAN_SD, COEFFICIENT_SD]) * unit
        fitted = fit_regression(mean, sd, design, np.zeros(2), prior, TAU_SCALE * unit)
        slope = fitted.combination(np.array([[0.0, 1.0]]))
        found.append(
            Regression(
                covariate=name,
                studies=len(telling),
                centre=float(values.mean()),
                spread=float(values.std()),
                coefficient=slope.summaries()[0],
                p_more=limits.better(slope),
            )
        )
    return tuple(found), tuple(refused)


def _bound(
    rows: Sequence[EvidenceRow], missing: Sequence[Planned], whole: Mixture, limits: Limits
) -> MissingBound:
    mean, sd, unit = _numbers(rows)
    typical = float(np.median(sd))

    def with_nulls(count: int) -> Mixture:
        return fit_regression(
            np.append(mean, np.zeros(count)),
            np.append(sd, np.full(count, typical)),
            np.ones((len(rows) + count, 1)),
            np.zeros(1),
            np.array([MEAN_SD * unit]),
            TAU_SCALE * unit,
        ).combination(np.ones((1, 1)))

    def sure(count: int) -> bool:
        return (limits.better(with_nulls(count)) or 0.0) >= SURE

    tip = None
    most = MOST_NULLS * len(rows)
    if (limits.better(whole) or 0.0) >= SURE and not sure(most):
        held, lost = 0, most
        while lost - held > 1:
            middle = (held + lost) // 2
            held, lost = (middle, lost) if sure(middle) else (held, middle)
        tip = lost
    nulls = with_nulls(len(missing)) if missing else None
    return MissingBound(
        missing=tuple(plan.study for plan in missing),
        if_null=None if nulls is None else nulls.summaries()[0],
        p_better_if_null=None if nulls is None else limits.better(nulls),
        nulls_to_tip=tip,
    )


def _cautions(
    rows: Sequence[EvidenceRow],
    results: Sequence[StudyResult],
    bound: MissingBound,
    overlapping: frozenset[str],
) -> tuple[tuple[CautionCode, dict[str, float | int | str]], ...]:
    """What a reader must know before the numbers, in words of the language files."""
    said: list[tuple[CautionCode, dict[str, float | int | str]]] = []
    if len(rows) == 1:
        said.append(("one_study", {}))
    elif len(rows) < FEW:
        said.append(("few_studies", {"studies": len(rows)}))
    shared = sum(row.study in overlapping for row in rows)
    if shared:
        said.append(("overlap", {"studies": shared}))
    if bound.missing:
        said.append(("missing_studies", {"missing": len(bound.missing), "studies": len(rows)}))
    if not any(row.grade == "randomised" for row in rows):
        said.append(("no_randomised", {"studies": len(rows)}))
    unknown = sum(row.prior == "unknown" for row in rows)
    if unknown:
        said.append(("prior_unknown", {"studies": unknown}))
    if max(row.to_months for row in rows) - min(row.to_months for row in rows) > 3:
        shortest, longest = min(row.to_months for row in rows), max(row.to_months for row in rows)
        said.append(("windows_differ", {"shortest": round(shortest), "longest": round(longest)}))
    deciding = [each for each in results if each.shift is not None and abs(each.shift) > 1]
    if len(rows) > 2 and deciding:
        most = max(deciding, key=lambda each: abs(each.shift or 0.0))
        said.append(("one_study_decides", {"study": most.study}))
    if any(row.synthetic for row in rows):
        said.append(("synthetic", {"studies": sum(row.synthetic for row in rows)}))
    return tuple(said)


def as_ratio(summary: Summary, link: Link) -> tuple[float, float, float] | None:
    """Lower, median and upper as a rate ratio (log link) or odds ratio (logit); None on the identity scale."""
    if link == "identity":
        return None
    return exp(summary.lower), exp(summary.median), exp(summary.upper)
