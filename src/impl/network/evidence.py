"""From Releases to rows of evidence: what each study says of one measure under one bundle.

A Release tells a posterior, and a posterior holds a prior. Pooling posteriors would count that prior once per study,
so it is divided out: of normal posterior N(m, s2) and normal prior N(m0, s0^2) the likelihood is normal with
precision 1/s2 - 1/s0^2. Where the prior is not released the posterior stands, and the row says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import combinations
from math import log2, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from impl.network.states import age
from impl.release.release import LINKS, Estimate, Link, ModelSummary, Release, ReleasedMeasure

Array = npt.NDArray[np.float64]
Grade = Literal["randomised", "staggered", "before_after"]
LeftOutReason = Literal[
    "smoke",
    "not_converged",
    "data_only",
    "no_estimate",
    "older_run",
    "same_data",
    "other_link",
    "no_information",
]
UNIT_SD = 0.5
"""Prior SD of an effect on a log scale; a study on the identity scale has its own, in its own units."""
LEAST_INFORMATION = 0.02
"""A posterior whose precision is less than this much above its prior's says nothing that can be pooled (choice)."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One registered study, or one unit of it, as far as the register tells. Empty measures or no bundle: not known."""

    study: str
    measures: tuple[str, ...] = ()
    bundle: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExposureCurve:
    """Effect by time since start on the link scale. from_months, to_months, mean: (times,); covariance: (times, times).

    exact: the covariance was released; otherwise it follows from the SDs and that of their average, under one
    correlation between neighbours.
    """

    from_months: Array
    to_months: Array
    mean: Array
    covariance: Array
    exact: bool


@dataclass(frozen=True, kw_only=True)
class EvidenceRow:
    """One study's word on one measure and bundle. Effects are on the link scale, averaged over the window.

    posterior_mean, posterior_sd: as released; mean, sd: with the study's prior divided out (`prior` `released`), with
    the prior's scale divided out at mean 0 (`scale`), or as released (`unknown`). unit: link-scale units in which priors are
    stated (1 on log scales, the SD between persons on the identity scale). expected: level without the bundle on the
    reported scale, None where hidden. covariates: what the Release tells of adaptation, delivery and context.
    """

    study: str
    run: str
    measure: str
    bundle: str
    role: Literal["primary", "paired", "negative_control"]
    link: Link
    kind: Literal["rate", "proportion", "mean"]
    direction: Literal["lower", "higher", "ambiguous"]
    posterior_mean: float
    posterior_sd: float
    mean: float
    sd: float
    prior: Literal["released", "scale", "unknown"]
    unit: float
    worthwhile: float
    harm: float
    negligible: float
    per: float
    expected: float | None
    from_months: float
    to_months: float
    grade: Grade
    sites: tuple[str, ...]
    number_of_sites: int
    data_from: date
    data_to: date
    vintage: date | None
    started: date
    outcome: str | None
    delivery: str | None
    delivered: float | None
    adaptations: int | None
    synthetic: bool
    curve: ExposureCurve | None = None
    covariates: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A Release, or one measure of it, that is no evidence, and why. measure: None for all of it."""

    study: str
    run: str
    reason: LeftOutReason
    measure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Two studies of one measure and bundle that share sites in the same months: their data are counted twice."""

    measure: str
    bundle: str
    first: str
    second: str
    sites: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that the network knows: rows in order of measure, bundle and study; what was left out; data used twice;
    registered studies without a Release that is evidence or was counted."""

    rows: tuple[EvidenceRow, ...]
    left_out: tuple[LeftOut, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    missing: tuple[Planned, ...] = ()

    def of(self, measure: str, bundle: str) -> tuple[EvidenceRow, ...]:
        return tuple(row for row in self.rows if (row.measure, row.bundle) == (measure, bundle))

    def questions(self) -> tuple[tuple[str, str], ...]:
        """Every (measure, bundle) with a row, in order."""
        return tuple(sorted({(row.measure, row.bundle) for row in self.rows}))

    def counted_twice(self, measure: str, bundle: str) -> frozenset[str]:
        """Studies of one question that share data with an earlier one, by id, that is not counted twice itself."""
        found: set[str] = set()
        shared = [each for each in self.overlaps if (each.measure, each.bundle) == (measure, bundle)]
        for each in sorted(shared, key=lambda each: (each.second, each.first)):
            if each.first not in found:
                found.add(each.second)
        return frozenset(found)

    def missing_from(self, measure: str, bundle: str) -> tuple[Planned, ...]:
        """Missing studies that were to answer this question, or may have been."""
        return tuple(
            plan
            for plan in self.missing
            if plan.bundle in (None, bundle) and (not plan.measures or measure in plan.measures)
        )


def collect_evidence(
    releases: Iterable[Release],
    registered: Sequence[Planned] = (),
    *,
    keep: Callable[[EvidenceRow], bool] = lambda _row: True,
) -> Evidence:
    """Rows of evidence from Releases, newest run of each study; order of `releases` does not matter.

    registered: every registered study; those without any Release are missing. keep: rows that are asked for; the others
    are gone before any choice between rows is made, so that none gives way to one that is not used.
    """
    newest, left_out = _newest(releases)
    rows: list[EvidenceRow] = []
    for release in newest:
        reason = _no_evidence(release)
        if reason is not None:
            left_out.append(LeftOut(study=release.study.id, run=release.run.id, reason=reason))
            continue
        for measure in release.study.measures:
            found = _row(release, measure)
            if isinstance(found, EvidenceRow):
                rows += [found] if keep(found) else []
            else:
                left_out.append(
                    LeftOut(study=release.study.id, run=release.run.id, reason=found, measure=measure.id)
                )
    rows.sort(key=lambda row: (row.measure, row.bundle, row.study))
    rows, twice = _without_same_data(rows)
    rows, others = _one_link(rows)
    seen = {release.study.id for release in newest}
    return Evidence(
        rows=tuple(rows),
        left_out=tuple(
            sorted([*left_out, *twice, *others], key=lambda each: (each.study, each.run, each.measure or ""))
        ),
        overlaps=tuple(_overlaps(rows)),
        missing=tuple(
            sorted((plan for plan in registered if plan.study not in seen), key=lambda plan: plan.study)
        ),
    )


def shares_data(row: EvidenceRow, sites: frozenset[str], data_from: date, data_to: date) -> bool:
    """Whether a row's sites and months meet those given."""
    return bool(sites & set(row.sites)) and row.data_from <= data_to and data_from <= row.data_to


# --- Releases


def _newest(releases: Iterable[Release]) -> tuple[list[Release], list[LeftOut]]:
    """The newest full run of each study, or the newest of any kind; the rest is told."""
    by_study: dict[str, dict[str, Release]] = {}
    for release in releases:
        by_study.setdefault(release.study.id, {})[release.run.id] = release
    newest, older = [], []
    for study in sorted(by_study):
        runs = sorted(by_study[study].values(), key=age)
        newest.append(runs[-1])
        older += [LeftOut(study=study, run=each.run.id, reason="older_run") for each in runs[:-1]]
    return newest, older


def _no_evidence(release: Release) -> LeftOutReason | None:
    if release.sections.quality is not None:
        return "data_only"
    if release.run.profile == "smoke":
        return "smoke"
    return "not_converged" if release.status == "not_converged" else None


def _row(release: Release, measure: ReleasedMeasure) -> EvidenceRow | LeftOutReason:
    estimate = release.estimate(measure.id, "tate", "link")
    model = next((model for model in release.design.models if model.measure == measure.id), None)
    if estimate is None or model is None or estimate.from_ is None or estimate.to is None:
        return "no_estimate"
    study, design = release.study, release.design
    link = LINKS.get(model.likelihood)
    if link is None:
        return "other_link"
    prior_mean, prior_sd, known = _prior(release, model, measure)
    posterior_mean, posterior_sd = estimate.mean, estimate.sd
    if model.network is not None:
        # what it learnt from the others must not come back to them as news
        if model.network.without is None:
            return "no_estimate"
        posterior_mean, posterior_sd = model.network.without.mean, model.network.without.sd
    mean, sd = posterior_mean, posterior_sd
    if prior_sd is not None:
        divided = divide_out(posterior_mean, posterior_sd, prior_mean, prior_sd)
        if divided is None:
            return "no_information"
        mean, sd = divided
    comparison = next((each for each in release.comparisons if each.measure == measure.id), None)
    fidelity = release.sections.fidelity
    log = release.sections.adaptations
    months = design.period_months
    primary = measure.role == "primary"
    return EvidenceRow(
        study=study.id,
        run=release.run.id,
        measure=measure.id,
        bundle=estimate.bundle,
        role=measure.role,
        link=link,
        kind=measure.kind,
        direction=measure.direction,
        posterior_mean=posterior_mean,
        posterior_sd=posterior_sd,
        mean=mean,
        sd=sd,
        prior=known,
        unit=1.0 if link != "identity" else (prior_sd or posterior_sd) / UNIT_SD,
        worthwhile=study.worthwhile,
        harm=study.harm,
        negligible=study.negligible,
        per=measure.per,
        expected=None if comparison is None else comparison.expected,
        from_months=(estimate.from_ - 1) * months,
        to_months=estimate.to * months,
        grade=design.grade,
        sites=tuple(sorted(each.site for each in design.rollout)),
        number_of_sites=design.sites,
        data_from=study.data_from,
        data_to=study.data_to,
        vintage=study.vintage,
        started=release.run.started.date(),
        outcome=release.verdict.outcome if release.verdict is not None and primary else None,
        delivery=release.verdict.delivery if release.verdict is not None and primary else None,
        delivered=None if fidelity is None else fidelity.median,
        adaptations=None if log is None else len(log.rows),
        synthetic=study.synthetic,
        curve=_curve(release, measure, estimate),
        covariates=_covariates(release, None if comparison is None else comparison.before),
    )


def divide_out(mean: float, sd: float, prior_mean: float, prior_sd: float) -> tuple[float, float] | None:
    """Mean and SD of the normal likelihood between a normal prior and posterior; None where data added next to nothing."""
    gained = 1.0 / sd**2 - 1.0 / prior_sd**2
    if gained < LEAST_INFORMATION / prior_sd**2:
        return None
    return (mean / sd**2 - prior_mean / prior_sd**2) / gained, sqrt(1.0 / gained)


def _prior(
    release: Release, model: ModelSummary, measure: ReleasedMeasure
) -> tuple[float, float | None, Literal["released", "scale", "unknown"]]:
    """Prior mean and SD of the released effect, and how it is known."""
    if model.network is not None:
        return 0.0, model.network.vague_sd, "released"
    if model.effect_prior is not None:
        return model.effect_prior.mean, model.effect_prior.sd, "released"
    annex = release.sections.annex
    if annex is not None and measure.role == "primary" and "effect" in annex.priors:
        return 0.0, annex.priors["effect"], "scale"
    return 0.0, None, "unknown"


def _covariates(release: Release, before: float | None) -> dict[str, float]:
    """What may go together with the size of an effect, as far as the Release tells it; numbers only.

    delivered: share delivered in the window. modifications: log2(1 + modifications per treated site). core_changed:
    share of modifications that did not keep the core. fit: mean answer of the fit form. sites: log2. level: log of
    the level before start. randomised: 0 or 1. start_year: mean year of the sites' starts.
    """
    design, sections = release.design, release.sections
    starts = [site.actual_start for site in design.rollout if site.actual_start is not None]
    found: dict[str, float] = {
        "sites": log2(max(design.sites, 1)),
        "randomised": float(design.randomised),
    }
    if starts:
        found["start_year"] = float(np.mean([day.year + (day.month - 1) / 12 for day in starts]))
    if before is not None and before > 0:
        found["level"] = float(np.log(before))
    if sections.fidelity is not None and sections.fidelity.median is not None:
        found["delivered"] = sections.fidelity.median
    if sections.adaptations is not None:
        rows = sections.adaptations.rows
        found["modifications"] = log2(1.0 + len(rows) / max(len(starts), 1))
        coded = [row for row in rows if row.consistent != "unknown"]
        if coded:
            found["core_changed"] = sum(row.consistent == "no" for row in coded) / len(coded)
    if sections.fit:
        found["fit"] = float(np.mean([answer.mean for answer in sections.fit]))
    return found


# --- curve


def _curve(release: Release, measure: ReleasedMeasure, average: Estimate) -> ExposureCurve | None:
    """The effect at each released exposure time, with its covariance."""
    points = {
        row.from_: row
        for row in release.estimates
        if (row.measure, row.estimand, row.scale, row.level, row.group)
        == (measure.id, "pte", "link", average.level, None)
        and row.from_ is not None
        and row.sd > 0
    }
    if len(points) < 2:
        return None
    times = sorted(points)
    sd = np.array([points[time].sd for time in times])
    told = {
        int(row["exposure"]): row
        for row in release.covariances
        if row.get("measure") == measure.id and "exposure" in row
    }
    exact = all(
        time in told and all(str(earlier) in told[time] for earlier in times if earlier < time)
        for time in times[1:]
    )
    if exact:
        correlation = np.eye(len(times))
        for place, time in enumerate(times):
            for column, earlier in enumerate(times[:place]):
                correlation[place, column] = correlation[column, place] = float(told[time][str(earlier)])
    else:
        correlation = _implied_correlation(np.array(times), sd, average)
    months = release.design.period_months
    return ExposureCurve(
        from_months=(np.array(times, dtype=float) - 1.0) * months,
        to_months=np.array(times, dtype=float) * months,
        mean=np.array([points[time].mean for time in times]),
        covariance=_positive(correlation) * np.outer(sd, sd),
        exact=exact,
    )


def _implied_correlation(times: npt.NDArray[np.int64], sd: Array, average: Estimate) -> Array:
    """Correlation r^|difference in time| for which the average over the window has its released SD."""
    distance = np.abs(np.subtract.outer(times, times)).astype(float)
    inside = (times >= (average.from_ or 1)) & (times <= (average.to or times.max()))
    within, spread = distance[np.ix_(inside, inside)], sd[inside]
    low, high = 0.0, 0.9999
    for _ in range(40 if len(spread) > 1 else 1):
        middle = (low + high) / 2
        implied = sqrt(float(spread @ np.power(middle, within) @ spread)) / len(spread)
        low, high = (middle, high) if implied < average.sd else (low, middle)
    result: Array = np.power((low + high) / 2, distance)
    return result


def _positive(correlation: Array) -> Array:
    """The nearest correlation matrix with no eigenvalue below 1e-6: released numbers are rounded."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] >= 1e-6:
        return correlation
    mended = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    scale = np.sqrt(np.diag(mended))
    result: Array = mended / np.outer(scale, scale)
    return result


# --- what is the same


def _without_same_data(rows: list[EvidenceRow]) -> tuple[list[EvidenceRow], list[LeftOut]]:
    """One row where two studies give the same answer from the same sites and months: the first by id."""
    kept: list[EvidenceRow] = []
    twice: list[LeftOut] = []
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        key = (
            row.measure,
            row.bundle,
            row.sites,
            row.data_from,
            row.data_to,
            row.posterior_mean,
            row.posterior_sd,
        )
        if key in seen:
            twice.append(LeftOut(study=row.study, run=row.run, reason="same_data", measure=row.measure))
        else:
            seen.add(key)
            kept.append(row)
    return kept, twice


def _one_link(rows: list[EvidenceRow]) -> tuple[list[EvidenceRow], list[LeftOut]]:
    """Effects on different links cannot be pooled: the link of most studies of a question stays."""
    kept: list[EvidenceRow] = []
    others: list[LeftOut] = []
    for question in sorted({(row.measure, row.bundle) for row in rows}):
        group = [row for row in rows if (row.measure, row.bundle) == question]
        links = [row.link for row in group]
        common = max(sorted(set(links)), key=links.count)
        for row in group:
            if row.link == common:
                kept.append(row)
            else:
                others.append(LeftOut(study=row.study, run=row.run, reason="other_link", measure=row.measure))
    return kept, others


def _overlaps(rows: Sequence[EvidenceRow]) -> Iterable[Overlap]:
    """Pairs of one question that share a site in the same months; found by site, so that a thousand studies are quick."""
    by_site: dict[tuple[str, str, str], list[EvidenceRow]] = {}
    for row in rows:
        for site in row.sites:
            by_site.setdefault((row.measure, row.bundle, site), []).append(row)
    shared: dict[tuple[str, str, str, str], set[str]] = {}
    for (measure, bundle, site), group in by_site.items():
        for first, second in combinations(group, 2):
            if first.data_from <= second.data_to and second.data_from <= first.data_to:
                shared.setdefault((measure, bundle, first.study, second.study), set()).add(site)
    for (measure, bundle, one, other), sites in sorted(shared.items()):
        yield Overlap(measure=measure, bundle=bundle, first=one, second=other, sites=tuple(sorted(sites)))


def without(evidence: Evidence, study: str) -> Evidence:
    """Evidence as it would be without one study."""
    return replace(evidence, rows=tuple(row for row in evidence.rows if row.study != study))
