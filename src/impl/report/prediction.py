"""What one more site may expect, from the Release alone: a site of its own, with its plans, in place of an average.

change = part(fidelity) x effect at a new site + sum over kinds (score - usual score) x effect of one modification,
normal on the link scale for rates (so that ratios are log-normal) and on the scale of differences otherwise.
Sites that chose their adaptations may differ from this one, so it is an expectation and no promise. docs/model.md §11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, log, log1p, log2, sqrt
from statistics import NormalDist

from impl.errors import Fault, StudyError
from impl.release.release import Estimate, Release, ReleasedMeasure
from impl.release.sections import FidelitySection
from impl.study.site_plan import SitePlan

ENDS = (0.05, 0.5, 0.95)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Change that the bundle would make at the site, on the headline scale (ratio, or difference on the reported scale).

    lower, median, upper: 90 % interval. p_better, p_worthwhile, p_harm: as in the Release, None without a good
    direction. without, with_bundle: level of the coming year, reported scale, where the plan gives its level now;
    averted: events in a year, lower, median and upper, positive = fewer, where it gives its exposure too.
    """

    lower: float
    median: float
    upper: float
    p_better: float | None
    p_worthwhile: float | None
    p_harm: float | None
    without: float | None = None
    with_bundle: tuple[float, float, float] | None = None
    averted: tuple[float, float, float] | None = None


def predict_site(release: Release, plan: SitePlan) -> Prediction:
    """Prediction for the plan. Raises StudyError with every reason why the Release cannot answer."""
    faults = list(reasons(release, plan))
    if faults:
        raise StudyError(faults)
    measure = release.measure()
    change = _change(release, plan)
    rate = measure.headline_scale == "ratio"
    usual = release.estimate(measure.id, "new_site", measure.headline_scale)
    assert usual is not None

    def shown(value: float) -> float:
        return exp(value) if rate else value

    if plan.fidelity is None and not plan.adaptations:
        low, middle, high = usual.lower, usual.median, usual.upper  # the number that the page shows elsewhere
    else:
        low, middle, high = (shown(change.inv_cdf(end)) for end in ENDS)
    better, worthwhile, harm = _chances(release, measure, change, plan.level)
    said = Prediction(
        lower=low, median=middle, upper=high, p_better=better, p_worthwhile=worthwhile, p_harm=harm
    )
    level = plan.level
    if level is None:
        return said
    coming = [level * value if rate else _within(level + value, measure) for value in (low, middle, high)]
    averted = None
    if plan.exposure is not None and measure.kind != "mean":
        ends = [(level - after) * plan.exposure / measure.per for after in coming]
        averted = (ends[2], ends[1], ends[0])
    return replace(said, without=level, with_bundle=(coming[0], coming[1], coming[2]), averted=averted)


def reasons(release: Release, plan: SitePlan) -> list[Fault]:
    """Why the Release cannot answer for this plan, all at once; empty where it can."""
    faults = []

    def refuse(where: str, got: str, allowed: str, fix: str) -> None:
        faults.append(Fault(code="predict.not_known", where=where, got=got, allowed=allowed, fix=fix))

    if release.status != "ok":
        refuse(
            "study",
            "a run that did not pass its checks",
            "a run that did",
            "Run it again, or mend the study.",
        )
        return faults
    if _new_site(release) is None:
        refuse("study", "no estimate for one more site", "a study with at least six sites, of which enough may be shown",
               "Ask a study with more sites.")  # fmt: skip
        return faults
    known = kinds(release)
    for kind, count in plan.adaptations.items():
        if kind not in known and count:
            refuse(f"adaptations.{kind}", "a kind that this study did not estimate",
                   f"one of {', '.join(known)}" if known else "no adaptations: the study estimated none",
                   "Leave it out; the prediction is then for the usual number of it.")  # fmt: skip
    section = release.sections.fidelity
    if plan.fidelity is not None and (section is None or not section.response or section.median is None):
        refuse("fidelity", f"{plan.fidelity:.2f}", "nothing: the study has no effect by share delivered that may be shown",
               "Leave it out; the prediction is then for the delivery that the study had.")  # fmt: skip
    return faults


def kinds(release: Release) -> tuple[str, ...]:
    """Kinds of modification whose effect is released, with the usual number of each."""
    section = release.sections.prediction
    return tuple(section.centres) if section is not None else ()


def scenarios(release: Release) -> tuple[tuple[str, str | None, Prediction], ...]:
    """What the report tells: like the network, and each plan that differs from it in one thing.

    Returns key of the words, what fills their slot (kind, or share as text), prediction. Empty without a new site.
    """
    if _new_site(release) is None or release.status != "ok":
        return ()
    found: list[tuple[str, str | None, Prediction]] = [("usual", None, predict_site(release, SitePlan()))]
    for kind in kinds(release):
        found += [
            (
                f"{'one' if count else 'none'}",
                kind,
                predict_site(release, SitePlan(adaptations={kind: count})),
            )
            for count in (0, 1)
        ]
    section = release.sections.fidelity
    if section is not None and section.response and section.median is not None:
        found += [
            ("delivered", f"{share:.1f}", predict_site(release, SitePlan(fidelity=share)))
            for share in (0.6, 0.8, 1.0)
        ]
    return tuple(found) if len(found) > 1 else ()


# --- the arithmetic


def _change(release: Release, plan: SitePlan) -> NormalDist:
    new_site = release.estimate(release.measure().id, "new_site", release.measure().headline_scale)
    section = release.sections.prediction
    assert new_site is not None
    factor = _part(release.sections.fidelity, plan.fidelity)
    parts = [(factor, *_centre_and_spread(new_site))]
    names = []
    for kind, count in plan.adaptations.items():
        row = _moderation(release, kind)
        if row is None or section is None or kind not in section.centres:
            continue
        names.append(kind)
        parts.append((log2(1 + count) - section.centres[kind], row.mean, row.sd))
    mean = sum(weight * centre for weight, centre, _ in parts)
    variance = sum((weight * spread) ** 2 for weight, _, spread in parts)
    correlations: Mapping[str, float] = section.correlations if section is not None else {}
    for place, kind in enumerate(names, 1):
        pairs = [(0, correlations.get(kind, 0.0))]
        for earlier, other in enumerate(names[: place - 1], 1):
            both = correlations.get(f"{other}|{kind}", correlations.get(f"{kind}|{other}", 0.0))
            pairs.append((earlier, both))
        for other_place, correlation in pairs:
            (weight, _, spread), (beside, _, other_spread) = parts[place], parts[other_place]
            variance += 2.0 * correlation * weight * spread * beside * other_spread
    return NormalDist(mean, sqrt(max(variance, 1e-12)))


def _centre_and_spread(row: Estimate) -> tuple[float, float]:
    """Centre and SD of a released estimate on the scale of the arithmetic, from its median and its 90 % interval."""
    ends = (row.lower, row.median, row.upper)
    if row.scale == "ratio":
        ends = (log(row.lower), log(row.median), log(row.upper))
    return ends[1], (ends[2] - ends[0]) / (2.0 * NormalDist().inv_cdf(0.95))


def _part(section: FidelitySection | None, share: float | None) -> float:
    """The effect at a share delivered, as a part of the effect at the share that the network reached."""
    if share is None or section is None or section.median is None:
        return 1.0
    before = section.before or 0.0

    def full(at: float) -> float:
        points = ((0.0, 0.0), *section.response)
        if section.curve == "steps":
            return max(part for threshold, part in points if threshold <= at + 1e-9)
        (left, low), (right, high) = next(
            pair for pair in pairwise(points) if at <= pair[1][0] or pair[1] == points[-1]
        )
        return low + (high - low) * (at - left) / (right - left)

    reached = full(section.median) - full(before)
    return (full(share) - full(before)) / reached if reached > 0 else 1.0


def _chances(
    release: Release, measure: ReleasedMeasure, change: NormalDist, level: float | None
) -> tuple[float | None, float | None, float | None]:
    """Chances that the relative change is better, worthwhile, harmful. Of differences, at the site's own level,
    or where it gives none at the expected level of the study's sites."""
    comparison = next((row for row in release.comparisons if row.measure == measure.id), None)
    base = level if level is not None else (comparison.expected if comparison is not None else None)
    rate = measure.headline_scale == "ratio"
    if measure.direction == "ambiguous":
        return None, None, None
    good = -1.0 if measure.direction == "lower" else 1.0

    def beyond(relative: float) -> float | None:
        """P(change further in the good direction than `relative`)."""
        if relative and not rate and base is None:
            return None
        limit = log1p(good * relative) if rate else good * relative * abs(base or 0.0)
        below = change.cdf(limit)
        return 1.0 - below if good > 0 else below

    harm = beyond(-release.study.harm)
    return beyond(0.0), beyond(release.study.worthwhile), None if harm is None else 1.0 - harm


def _new_site(release: Release) -> Estimate | None:
    return _on_working_scale(release, "new_site", None)


def _moderation(release: Release, kind: str) -> Estimate | None:
    return _on_working_scale(release, "moderation", kind)


def _on_working_scale(release: Release, estimand: str, group: str | None) -> Estimate | None:
    measure = release.measure()
    scale = "link" if measure.headline_scale == "ratio" else "difference"
    return release.estimate(measure.id, estimand, scale, group=group)  # type: ignore[arg-type]


def _within(level: float, measure: ReleasedMeasure) -> float:
    return min(max(level, 0.0), measure.per) if measure.kind == "proportion" else level
