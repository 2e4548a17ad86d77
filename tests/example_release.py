"""Valid example Releases with invented, coherent numbers: one per situation that a report must handle.

Effects are log-normal, so every median, limit and probability of a measure follows from the same law.
Municipality codes 99xx do not exist.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist
from typing import Any, Literal

from impl.release.release import (
    CheckRow,
    Checks,
    Comparison,
    Curve,
    CurvePoint,
    Design,
    Disclosure,
    Estimate,
    ModelSummary,
    PlanCheck,
    Release,
    ReleasedBundle,
    ReleasedMeasure,
    ReleaseWarning,
    RunSummary,
    SiteStart,
    StatedBelief,
    StudySummary,
    Suppressed,
    Verdict,
)
from impl.release.sections import AdaptationRow, AdaptationSection, Sections
from impl.release.site_counts import SiteCount, SiteCounts
from impl.release.targets import CommonTarget, SiteTarget, TargetSection
from impl.release.wedge import SiteRuns, StateRun
from impl.study.catalogue import Example, Noun

WORTHWHILE, HARM, NEGLIGIBLE = 0.10, 0.05, 0.05
LEVELS_ONLY = ("tate_site", "population")  # estimands that are two levels compared: no link scale
BUNDLE = "falls"


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One measure with its level before, expected level after, and a log-normal effect on it."""

    measure: ReleasedMeasure
    before: float
    expected: float
    median: float
    sd: float
    exposure_after: float = 820_000


FALLS = ReleasedMeasure(
    id="falls",
    role="primary",
    name={"nb": "Fall", "en": "Falls"},
    events={"nb": Noun(one="fall", many="fall"), "en": Noun(one="fall", many="falls")},
    exposure={"nb": "beboerdøgn", "en": "resident-days"},
    unit={"nb": "per 1000 beboerdøgn", "en": "per 1,000 resident-days"},
    kind="rate",
    per=1000,
    direction="lower",
    headline_scale="ratio",
    example=Example(
        text={"nb": "et sykehjem med 40 beboere", "en": "a nursing home with 40 residents"}, exposure=14_600
    ),
)
SERIOUS = FALLS.model_copy(
    update={
        "id": "falls_serious_injury",
        "role": "paired",
        "name": {"nb": "Fall med alvorlig skade", "en": "Falls with serious injury"},
        "example": None,
    }
)
ASSESSED = ReleasedMeasure(
    id="fall_risk_assessed",
    role="paired",
    name={"nb": "Fallrisiko vurdert innen 24 timer", "en": "Fall risk assessed within 24 hours"},
    events={
        "nb": Noun(one="vurdering", many="vurderinger"),
        "en": Noun(one="assessment", many="assessments"),
    },
    exposure={"nb": "nye beboere", "en": "new residents"},
    unit={"nb": "prosent av nye beboere", "en": "per cent of new residents"},
    kind="proportion",
    per=100,
    direction="higher",
    headline_scale="difference",
    example=Example(
        text={"nb": "et sykehjem med 40 beboere", "en": "a nursing home with 40 residents"}, exposure=60
    ),
)
REPORTS = FALLS.model_copy(
    update={
        "id": "incident_reports",
        "role": "primary",
        "name": {"nb": "Meldte hendelser", "en": "Reported incidents"},
        "events": {"nb": Noun(one="melding", many="meldinger"), "en": Noun(one="report", many="reports")},
        "direction": "ambiguous",
        "example": None,
    }
)


def month(first: date, offset: int) -> date:
    years, months = divmod(first.month - 1 + offset, 12)
    return date(first.year + years, months + 1, 1)


def probabilities(effect: Effect, *, verdict: bool) -> dict[str, float | None]:
    """P(better), P(worthwhile), P(negligible), P(harm) of a log-normal ratio; None where nothing is judged."""
    if not verdict or effect.measure.direction == "ambiguous":
        return dict.fromkeys(("p_better", "p_worthwhile", "p_negligible", "p_harm"))
    law = NormalDist(math.log(effect.median), effect.sd)
    below = lambda ratio: law.cdf(math.log(ratio))  # noqa: E731
    negligible = below(1 + NEGLIGIBLE) - below(1 - NEGLIGIBLE)
    if effect.measure.direction == "lower":
        better, worthwhile, harm = below(1), below(1 - WORTHWHILE), 1 - below(1 + HARM)
    else:
        better, worthwhile, harm = 1 - below(1), 1 - below(1 + WORTHWHILE), below(1 - HARM)
    rounded = [min(max(round(p, 3), 0.001), 0.999) for p in (better, worthwhile, negligible, harm)]
    return dict(zip(("p_better", "p_worthwhile", "p_negligible", "p_harm"), rounded, strict=True))


def estimate_rows(
    effect: Effect,
    *,
    verdict: bool,
    estimand: str = "tate",
    group: str | None = None,
    first: int | None = 1,
    last: int | None = 12,
) -> list[Estimate]:
    """All four scales at both levels, from one log-normal law."""
    law = NormalDist(math.log(effect.median), effect.sd)
    per = effect.measure.per
    scales: dict[str, Callable[[float], float]] = {
        "link": lambda x: x,
        "ratio": math.exp,
        "difference": lambda x: effect.expected * (math.exp(x) - 1),
        "averted": lambda x: effect.exposure_after / per * effect.expected * (1 - math.exp(x)),
    }
    rows = []
    for scale, transform in scales.items():
        for level in (0.5, 0.9):
            tail = (1 - level) / 2
            ends = sorted((transform(law.inv_cdf(tail)), transform(law.inv_cdf(1 - tail))))
            values: dict[str, Any] = {
                "measure": effect.measure.id, "bundle": BUNDLE, "estimand": estimand,
                "from": first, "to": last, "scale": scale, "group": group,
                "mean": transform(law.mean), "sd": abs(ends[1] - ends[0]) / 3.29, "median": transform(law.mean),
                "lower": ends[0], "upper": ends[1], "level": level,
            }  # fmt: skip
            rows.append(Estimate.model_validate(values | probabilities(effect, verdict=verdict)))
    return rows


def curve(
    effect: Effect,
    starts: list[int],
    *,
    first: date,
    periods: int,
    months: int = 1,
    noise: float = 0.10,
    hidden: tuple[int, ...] = (),
    step: Literal["month", "quarter", "half_year", "phase"] = "month",
) -> Curve:
    """A seasonal series; `starts` are the period numbers in which the sites started."""
    random_numbers = random.Random(effect.measure.id)
    points = []
    for period in range(periods):
        share = sum(start <= period for start in starts) / len(starts)
        season = 1 + 0.07 * math.cos(2 * math.pi * period * months / 12)
        level = (effect.before + (effect.expected - effect.before) * period / max(periods - 1, 1)) * season
        observed = level * effect.median**share * (1 + random_numbers.gauss(0, noise))
        quantiles = {
            f"q{round(100 * q):02d}": level * math.exp(NormalDist(0, noise * 1.2).inv_cdf(q))
            for q in (0.05, 0.10, 0.25, 0.5, 0.75, 0.90, 0.95)
        }
        shown = period not in hidden
        points.append(
            CurvePoint.model_validate(
                {
                    "start": month(first, period * months),
                    "end": month(first, (period + 1) * months) - timedelta(days=1),
                    "observed": float(f"{observed:.3g}") if shown else None,
                    "expected": {name: float(f"{value:.3g}") for name, value in quantiles.items()}
                    if shown
                    else None,
                    "sites_started": sum(start <= period for start in starts),
                    "hidden": not shown,
                }
            )
        )
    return Curve(measure=effect.measure.id, step=step, points=tuple(points))


def comparison(effect: Effect, *, hidden: bool = False) -> Comparison:
    if hidden:
        return Comparison(measure=effect.measure.id, before=None, expected=None, after=None)
    three = (effect.before, effect.expected, effect.expected * effect.median)
    before, expected, after = (float(f"{value:.4g}") for value in three)
    return Comparison(measure=effect.measure.id, before=before, expected=expected, after=after)


def model_summary(measure: str, *, sites: int, periods: int, wedge: bool) -> ModelSummary:
    return ModelSummary(
        measure=measure,
        likelihood="binomial" if measure == "fall_risk_assessed" else "negbin",
        effect="rw" if wedge else "level_slope",
        clustering="nested" if wedge else "none",
        calendar="categorical" if wedge else "none",
        trend="none" if wedge else "linear",
        season="none" if wedge else "fourier",
        wave_effects=wedge,
        priors="default",
        cells=sites * periods,
        gaps=3 if wedge else 0,
        events=5322 if wedge else 214,
    )


def checks(measures: list[str], *, passed: bool = True) -> Checks:
    values: list[tuple[Any, float, float]] = [
        ("r_hat", 1.003 if passed else 1.08, 1.01),
        ("ess_bulk", 2410 if passed else 96, 400),
        ("ess_tail", 1985 if passed else 71, 400),
        ("divergences", 0 if passed else 37, 0),
        ("e_bfmi", 0.84, 0.3),
    ]
    rows = [
        CheckRow(
            measure=measure,
            check=name,
            value=value,
            limit=limit,
            passed=value <= limit if name in ("r_hat", "divergences") else value >= limit,
        )
        for measure in measures
        for name, value, limit in values
    ]
    return Checks(rows=tuple(rows), retried=not passed, draws=1000, chains=4)


def build(
    effects: list[Effect],
    *,
    study_id: str,
    run_id: str,
    title: dict[str, str],
    question: dict[str, str],
    outcome: str | None,
    starts: list[int],
    site_names: list[str],
    periods: int = 36,
    months: int = 1,
    profile: str = "full",
    status: str = "ok",
    kind: str = "stepped_wedge",
    grade: str = "staggered",
    first: date = date(2023, 7, 1),
    noise: float = 0.10,
    hidden: tuple[int, ...] = (),
    step: Any = "month",
    hide_comparison: bool = False,
    warnings: tuple[ReleaseWarning, ...] = (),
    adaptations: AdaptationSection | None = None,
    extra: list[Estimate] | None = None,
    selection: str | None = "meldte seg på selv",
    suppressed: tuple[Suppressed, ...] = (),
    chosen: dict[str, Any] | None = None,
    other_bundles: tuple[ReleasedBundle, ...] = (),
) -> Release:
    """One Release from a few effects; with status not_converged everything that was estimated is left out."""
    ok, wedge = status == "ok", kind == "stepped_wedge"
    verdict = ok and profile == "full"
    site_starts = [
        SiteStart(
            site=f"99{number:02d}",
            name=name,
            state="start",
            allocated_start=month(first, start * months),
            actual_start=month(first, start * months),
        )
        for number, (name, start) in enumerate(zip(site_names, starts, strict=True), start=1)
    ]
    last = max(12 // months, 1)
    rows = [row for effect in effects for row in estimate_rows(effect, verdict=verdict, last=last)]
    if hide_comparison:  # the scales from which hidden levels follow are not released either
        rows = [row for row in rows if row.scale in ("link", "ratio")]
    return Release.model_validate(
        {
            "schema": 1,
            "study": StudySummary.model_validate(
                {
                    "id": study_id,
                    "title": title,
                    "question": question,
                    "notebook": "30_stepped_wedge" if wedge else "20_before_after",
                    "measures": tuple(effect.measure for effect in effects),
                    "bundles": (
                        ReleasedBundle(
                            id=BUNDLE,
                            name={"nb": "Forebygging av fall", "en": "Prevention of falls"},
                            the_bundle={"nb": "fallpakken", "en": "the falls bundle"},
                            version="2024",
                            components=(
                                {"nb": "Fallrisiko vurdert", "en": "Fall risk assessed"},
                                {"nb": "Legemidler gjennomgått", "en": "Medication reviewed"},
                                {"nb": "Trening tilbudt", "en": "Exercise offered"},
                                {"nb": "Rommet tilrettelagt", "en": "Room adapted"},
                            ),
                        ),
                    ),
                    "other_bundles": other_bundles,
                    "plan_sha256": "b71a" * 16,
                    "data_from": first,
                    "data_to": month(first, periods * months) - timedelta(days=1),
                    "vintage": month(first, periods * months) + timedelta(days=14),
                    "worthwhile": WORTHWHILE,
                    "harm": HARM,
                    "negligible": NEGLIGIBLE,
                }
            ),
            "run": RunSummary.model_validate(
                {
                    "id": run_id,
                    "profile": profile,
                    "seed": 20260101,
                    "impl": "0.1.0",
                    "lock_sha256": "9c04" * 16,
                    "git_commit": "3f0c1ab9" * 5,
                    "started": datetime(2026, 11, 22, 9, 14, tzinfo=UTC),
                    "seconds": 74.2,
                }
            ),
            "status": status,
            "design": Design.model_validate(
                {
                    "kind": kind,
                    "grade": grade,
                    "selection": selection,
                    "sites": len(starts),
                    "periods": periods,
                    "period_months": months,
                    "sequences": len(set(starts)),
                    "randomised": grade == "randomised",
                    "rollout": tuple(site_starts),
                    "window_from": 1,
                    "window_to": last,
                    "models": tuple(
                        model_summary(
                            effect.measure.id, sites=len(starts), periods=periods, wedge=wedge
                        ).model_copy(update=chosen or {})
                        for effect in effects
                    ),
                    "warnings": warnings,
                }
            ),
            "estimates": tuple(rows + (extra or [])) if ok else (),
            "comparisons": tuple(comparison(effect, hidden=hide_comparison) for effect in effects)
            if ok
            else (),
            "curves": (
                curve(
                    effects[0],
                    starts,
                    first=first,
                    periods=periods,
                    months=months,
                    noise=noise,
                    hidden=hidden,
                    step=step,
                ),
            )
            if ok
            else (),
            "sections": Sections(adaptations=adaptations),
            "verdict": Verdict.model_validate({"outcome": outcome}) if outcome and verdict else None,
            "checks": checks([effect.measure.id for effect in effects], passed=ok),
            "plan": PlanCheck(),
            "disclosure": Disclosure(
                audience="public",
                rules=("numerator_1_4", "denominator_under_5", "complement"),
                suppressed=suppressed,
            ),
        }
    )


TITLE = {"nb": "Fallpakken i tolv kommuner", "en": "The falls bundle in twelve municipalities"}
QUESTION = {
    "nb": "Har fallpakken gitt færre fall på sykehjem?",
    "en": "Has the falls bundle led to fewer falls?",
}
NAMES = [
    "Askevik", "Bjørkenes", "Dalsøy", "Elvestrand", "Furuheim", "Granvoll",
    "Heimfjord", "Innlund", "Kvitberg", "Lauvsund", "Myrstad", "Nordbygda",
]  # fmt: skip
WAVES = [8, 8, 11, 11, 14, 14, 17, 17, 20, 20, 23, 23]


def adaptation_log() -> AdaptationSection:
    def row(
        site: int, start: date, end: date | None, component: str, nature: str, kept: str, planned: str
    ) -> Any:
        values = {
            "site": f"99{site:02d}", "name": NAMES[site - 1], "start": start, "end": end, "component": component,
            "nature": nature, "consistent": kept, "planned": planned,
        }  # fmt: skip
        return AdaptationRow.model_validate(values)

    return AdaptationSection(
        rows=(
            row(1, date(2024, 5, 1), None, "Fallrisiko vurdert", "tailoring", "yes", "yes"),
            row(2, date(2024, 9, 1), None, "Fallrisiko vurdert", "shortening", "yes", "yes"),
            row(4, date(2025, 2, 1), None, "Legemidler gjennomgått", "adding", "yes", "yes"),
            row(5, date(2025, 7, 1), None, "Trening tilbudt", "removing", "no", "no"),
            row(8, date(2025, 10, 1), None, "Trening tilbudt", "loosening", "no", "no"),
            row(11, date(2025, 6, 1), date(2025, 8, 31), "Rommet tilrettelagt", "drift", "no", "no"),
            row(12, date(2025, 8, 1), None, "Rommet tilrettelagt", "spreading", "unknown", "unknown"),
        ),
        contrast="consistent",
        sites_with={"yes": 3, "no": 3, "unknown": 1, "none": 5},
    )


def contrast_rows(effect: Effect) -> list[Estimate]:
    kept = Effect(
        measure=effect.measure, before=effect.before, expected=effect.expected, median=0.80, sd=0.08
    )
    changed = Effect(
        measure=effect.measure, before=effect.before, expected=effect.expected, median=0.89, sd=0.09
    )
    between = Effect(measure=effect.measure, before=1, expected=1, median=0.80 / 0.89, sd=0.12)
    return [
        *estimate_rows(kept, verdict=True, estimand="group", group="consistent:yes"),
        *estimate_rows(changed, verdict=True, estimand="group", group="consistent:no"),
        *(
            row
            for row in estimate_rows(between, verdict=True, estimand="contrast")
            if row.scale in ("link", "ratio")
        ),
    ]


def further_rows(effect: Effect, *, verdict: bool, earlier: int = 6) -> list[Estimate]:
    """The main effect with other weights, at the last exposure time, and in two thought experiments."""

    def rows(estimand: str, ratio: float, spread: float, **where: Any) -> list[Estimate]:
        other = replace(effect, median=effect.median * ratio, sd=effect.sd * spread)
        scales = {effect.measure.headline_scale, "link"} - ({"link"} if estimand in LEVELS_ONLY else set())
        found = estimate_rows(other, verdict=verdict, estimand=estimand, **where)
        return [row for row in found if row.scale in scales]

    moved = replace(effect, exposure_after=effect.exposure_after / 2)
    return [
        *rows("tate_site", 1.02, 1.1),
        *rows("population", 1.01, 1.2),
        *rows("new_site", 1.01, 2.4),
        *rows("lte", 0.95, 1.8, first=12, last=12),
        *rows("established", 0.96, 1.2, first=6, last=12),
        *(
            row
            for row in estimate_rows(moved, verdict=False, estimand="earlier", first=earlier, last=None)
            if row.scale == "averted"
        ),
    ]


def staggered(
    study_id: str = "fall-tolv-kommuner",
    run_id: str = "5a0c91be77d2",
    profile: Literal["full", "smoke"] = "full",
) -> Release:
    """Beneficial staggered wedge of twelve sites, with adaptations and two paired measures."""
    falls = Effect(measure=FALLS, before=5.35, expected=5.03, median=0.80, sd=0.05)
    serious = Effect(measure=SERIOUS, before=0.64, expected=0.62, median=0.89, sd=0.11)
    assessed = Effect(measure=ASSESSED, before=52, expected=57, median=1.42, sd=0.06, exposure_after=2_100)
    warnings = (
        ReleaseWarning(code="gaps", values={"count": 3, "share": 0.007}),
        ReleaseWarning(code="not_randomised"),
    )
    return build(
        [falls, serious, assessed],
        study_id=study_id,
        run_id=run_id,
        profile=profile,
        title=TITLE,
        question=QUESTION,
        outcome="beneficial",
        starts=WAVES,
        site_names=NAMES,
        adaptations=adaptation_log(),
        extra=[
            *(contrast_rows(falls) if profile == "full" else []),
            *further_rows(falls, verdict=profile == "full"),
        ],
        chosen={"site_effects": True, "transition": "own", "clustering": "decay"},
        warnings=(*warnings, ReleaseWarning(code="smoke")) if profile == "smoke" else warnings,
    )


def drawn(release: Release) -> Release:
    """The release with the states that its starts give: two months of introduction, one pause, one stop, one site that
    was planned earlier, one that never began and one that had begun before."""
    rollout = []
    first, last = release.study.data_from, release.study.data_to
    wedge = []
    for index, start in enumerate(release.design.rollout):
        assert start.actual_start is not None
        begins = start.actual_start
        full = month(begins, 2)
        changes: dict[str, Any] = {"transition_end": full - timedelta(days=1)}
        runs = [
            ("without", first, begins - timedelta(days=1)),
            ("transition", begins, full - timedelta(days=1)),
            ("with", full, last),
        ]
        if index == 1:
            changes["allocated_start"] = month(begins, -3)
        if index == 3:
            stop = month(full, 9)
            changes["stop"] = stop
            runs[2:] = [("with", full, stop - timedelta(days=1)), ("stopped", stop, last)]
        if index == 4:
            away, back = month(full, 3), month(full, 6)
            day = timedelta(days=1)
            runs[2:] = [("with", full, away - day), ("paused", away, back - day), ("with", back, last)]
        if index == 10:
            changes = {"state": "never", "actual_start": None, "allocated_start": None}
            runs = [("without", first, last)]
        if index == 11:
            changes = {"state": "before-data", "actual_start": None, "allocated_start": None}
            runs = [("before-data", first, last)]
        rollout.append(start.model_copy(update=changes))
        wedge.append(
            SiteRuns(
                site=start.site,
                runs=tuple(
                    StateRun.model_validate({"state": state, "start": begin, "end": end})
                    for state, begin, end in runs
                ),
            )
        )
    return release.model_copy(
        update={
            "design": release.design.model_copy(update={"rollout": tuple(rollout)}),
            "sections": release.sections.model_copy(update={"wedge": tuple(wedge)}),
        }
    )


def network_sites() -> Release:
    """What a network sees of its sites: counts with two hidden, targets of their own and dates that were not kept."""
    release = drawn(staggered("fall-nettverk", "0b5c7711aa02"))
    counts = []
    for index, start in enumerate(release.design.rollout):
        numbers = [SiteCount(numerator=90.0 + 7 * index, denominator=15_000.0 + 400 * index)]
        numbers.append(SiteCount(numerator=70.0 + 5 * index, denominator=14_000.0))
        if index in (2, 6):
            numbers[0] = SiteCount(numerator=None, denominator=None, hidden=True)
        after = None if index == 11 else numbers[1]
        counts.append(
            SiteCounts(measure="falls", site=start.site, name=start.name, before=numbers[0], after=after)
        )
    targets = tuple(
        SiteTarget(
            site=row.site,
            name=row.name,
            start=date(2026, 1, 1),
            end=date(2026, 6, 30),
            target=4.5 if index % 3 else 4.0,
            hidden=index in (2, 6),
            met=None if index in (2, 6, 7) else index % 2 == 0,
            p_met=None if index in (2, 6) else round(0.05 + 0.08 * index, 3),
        )
        for index, row in enumerate(counts)
    )
    section = TargetSection(measure="falls", sites=12, lower=4, mean=6.3, upper=8, rows=targets)
    share = TargetSection(
        measure="fall_risk_assessed",
        sites=12,
        lower=7,
        mean=9.6,
        upper=11,
        common=CommonTarget(
            start=date(2026, 1, 1), end=date(2026, 6, 30), target=62.5, met=False, p_met=0.41
        ),
    )
    suppressed = (Suppressed(place="sites", count=2), Suppressed(place="targets", count=2))
    rules = ("numerator_1_4", "denominator_under_5", "complement", "sites_hidden_together")
    return release.model_copy(
        update={
            "sections": release.sections.model_copy(
                update={"sites": tuple(counts), "targets": (section, share)}
            ),
            "disclosure": Disclosure(audience="network", rules=rules, suppressed=suppressed),
        }
    )


def before_after() -> Release:
    """One nursing home, before and after: promising direction, but uncertain."""
    falls = Effect(measure=FALLS, before=5.1, expected=5.3, median=0.88, sd=0.16, exposure_after=13_700)
    return build(
        [falls],
        study_id="fall-ett-sykehjem",
        run_id="11aa22bb33cc",
        title={"nb": "Fallpakken på Solbakken sykehjem", "en": "The falls bundle at Solbakken nursing home"},
        question={"nb": "Gikk antall fall ned på Solbakken?", "en": "Did falls go down at Solbakken?"},
        outcome="uncertain",
        starts=[18],
        site_names=["Solbakken sykehjem"],
        periods=30,
        kind="before_after",
        grade="before_after",
        noise=0.28,
        selection=None,
        warnings=(
            ReleaseWarning(code="no_trend_control"),
            ReleaseWarning(code="absence_not_judged"),
            ReleaseWarning(code="window_shortened", values={"months": 12}),
        ),
    )


def before_after_beneficial() -> Release:
    """One site, large and clear difference: the wording must still stop at «kan ha»."""
    falls = Effect(measure=FALLS, before=5.4, expected=5.5, median=0.62, sd=0.10, exposure_after=13_700)
    return build(
        [falls],
        study_id="fall-klar-forskjell",
        run_id="77ee22bb33cc",
        title={"nb": "Fallpakken på Fjellheim", "en": "The falls bundle at Fjellheim"},
        question={"nb": "Gikk antall fall ned på Fjellheim?", "en": "Did falls go down at Fjellheim?"},
        outcome="beneficial",
        starts=[18],
        site_names=["Fjellheim"],
        periods=36,
        kind="before_after",
        grade="before_after",
        noise=0.2,
        selection=None,
    )


HAND_HYGIENE = ReleasedBundle(
    id="hand_hygiene",
    name={"nb": "Håndhygiene", "en": "Hand hygiene"},
    the_bundle={"nb": "håndhygienepakken", "en": "the hand-hygiene bundle"},
    version="2023",
)


def compared() -> Release:
    """Before/after with comparison sites, a further bundle and a negative control: little or no change."""
    falls = Effect(measure=FALLS, before=5.3, expected=5.2, median=0.99, sd=0.02)
    ulcers = FALLS.model_copy(
        update={
            "id": "pressure_ulcers",
            "role": "negative_control",
            "name": {"nb": "Trykksår", "en": "Pressure ulcers"},
            "events": {"nb": Noun(one="trykksår", many="trykksår"), "en": Noun(one="ulcer", many="ulcers")},
            "example": None,
        }
    )
    control = Effect(measure=ulcers, before=1.2, expected=1.18, median=1.01, sd=0.06)
    beside = replace(falls, median=0.93, sd=0.04)
    return build(
        [falls, control],
        study_id="fall-med-sammenligning",
        run_id="c0ffee00beef",
        title=TITLE,
        question=QUESTION,
        outcome="negligible",
        starts=WAVES,
        site_names=NAMES,
        kind="before_after",
        grade="before_after",
        selection=None,
        extra=[
            *further_rows(falls, verdict=True),
            *(
                row
                for row in estimate_rows(
                    beside, verdict=True, estimand="other_bundle", group="hand_hygiene", last=10
                )
                if row.scale in ("ratio", "link")
            ),
        ],
        chosen={
            "clustering": "decay", "calendar": "shocks", "trend": "linear", "trend_difference": True,
            "site_trends": True, "site_effects": True, "strata": 2, "covariates": ("staffing", "pandemic"),
            "transition": "dose", "anticipation": 2, "reporting": StatedBelief(mean=0.1, sd=0.05),
            "other_bundles": ("hand_hygiene",),
        },
        other_bundles=(HAND_HYGIENE,),
        warnings=(
            ReleaseWarning(code="absence_could_be_shown"),
            ReleaseWarning(code="all_treated_tail", values={"periods": 5, "alone": 2}),
        ),
    )  # fmt: skip


def not_converged() -> Release:
    """A fit that did not pass its checks: nothing estimated may be shown."""
    falls = Effect(measure=FALLS, before=5.35, expected=5.03, median=0.80, sd=0.05)
    return build(
        [falls],
        study_id="fall-ikke-palitelig",
        run_id="dd00ee11ff22",
        title=TITLE,
        question=QUESTION,
        outcome=None,
        status="not_converged",
        starts=WAVES,
        site_names=NAMES,
        adaptations=adaptation_log(),
    )


def smoke() -> Release:
    """A trial run with few draws: no verdict, no probabilities, and a banner."""
    return staggered(study_id="fall-provekjoring", run_id="00ff00ff00ff", profile="smoke")


def harmful() -> Release:
    """More falls than expected, randomised order."""
    falls = Effect(measure=FALLS, before=4.4, expected=4.5, median=1.17, sd=0.06)
    return build(
        [falls],
        study_id="fall-feil-vei",
        run_id="9d8c7b6a5f4e",
        title=TITLE,
        question=QUESTION,
        outcome="harmful",
        starts=WAVES,
        site_names=NAMES,
        grade="randomised",
        selection=None,
    )


def hidden_points() -> Release:
    """Rare events by half-year: two points and the levels hidden."""
    serious = Effect(
        measure=SERIOUS.model_copy(update={"role": "primary"}),
        before=0.31,
        expected=0.30,
        median=0.9,
        sd=0.22,
    )
    return build(
        [serious],
        study_id="fall-skjulte-tall",
        run_id="aa11bb22cc33",
        title={
            "nb": "Alvorlige fall i fire små kommuner",
            "en": "Serious falls in four small municipalities",
        },
        question={"nb": "Ble det færre alvorlige fall?", "en": "Were there fewer serious falls?"},
        outcome="uncertain",
        starts=[3, 3, 5, 6],
        site_names=NAMES[:4],
        periods=8,
        months=6,
        first=date(2022, 1, 1),
        step="half_year",
        noise=0.2,
        hidden=(2, 5),
        hide_comparison=True,
        suppressed=(Suppressed(place="curves", count=2), Suppressed(place="comparisons", count=3)),
        warnings=(
            ReleaseWarning(code="few_sites", values={"sites": 4}),
            ReleaseWarning(code="many_gaps", values={"count": 9, "share": 0.28}),
        ),
    )


def proportion() -> Release:
    """A proportion where higher is better, reported in percentage points; promising."""
    assessed = Effect(
        measure=ASSESSED.model_copy(update={"role": "primary"}),
        before=58,
        expected=61.7,
        median=1.07,
        sd=0.035,
        exposure_after=2_100,
    )
    return build(
        [assessed],
        study_id="risiko-vurdert",
        run_id="cc77dd88ee99",
        title={
            "nb": "Vurdert fallrisiko i tolv kommuner",
            "en": "Fall risk assessed in twelve municipalities",
        },
        question={"nb": "Får flere beboere vurdert fallrisiko?", "en": "Are more residents assessed?"},
        outcome="promising",
        starts=WAVES,
        site_names=NAMES,
        noise=0.03,
    )


def ambiguous() -> Release:
    """A measure without a good direction: no better, no worse, no verdict."""
    reports = Effect(measure=REPORTS, before=3.1, expected=3.2, median=1.22, sd=0.07)
    return build(
        [reports],
        study_id="meldte-hendelser",
        run_id="ab12cd34ef56",
        title={"nb": "Meldte hendelser", "en": "Reported incidents"},
        question={
            "nb": "Meldes det flere hendelser enn før?",
            "en": "Are more incidents reported than before?",
        },
        outcome=None,
        starts=WAVES,
        site_names=NAMES,
    )


def long_series() -> Release:
    """Ninety-six months and forty sites with long names."""
    falls = Effect(measure=FALLS, before=5.6, expected=4.9, median=0.95, sd=0.05)
    starts = [30 + 4 * (site // 5) for site in range(40)]
    names = [f"Sør-Østerdalens interkommunale omsorgsdistrikt avdeling {site + 1}" for site in range(40)]
    return build(
        [falls],
        study_id="fall-lang-serie",
        run_id="fe98dc76ba54",
        title={"nb": "Åtte år med fallpakken", "en": "Eight years of the falls bundle"},
        question={"nb": "Har fallpakken virket over tid?", "en": "Has the falls bundle worked over time?"},
        outcome="uncertain",
        starts=starts,
        site_names=names,
        periods=96,
        first=date(2018, 1, 1),
    )


def charted() -> Release:
    """Every further figure: run chart, course, delivery and dose, what lasts, a hundred answers."""
    from example_charts import with_charts

    return with_charts(staggered(study_id="fall-alle-figurer", run_id="c4a27e0f1600"))


HOSTILE = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(2)">',
    '"><svg onload=alert(3)>',
    "</title></style><iframe src=javascript:alert(4)>",
)


def hostile() -> Release:
    """Markup in every free text that reaches a Release."""
    value = staggered(study_id="fiendtlig", run_id="0badc0de0bad")
    data = value.model_dump(by_alias=True)
    bad = "".join(HOSTILE)
    data["study"]["title"] = {"nb": bad, "en": bad}
    data["study"]["question"] = {"nb": f"Virker det? {bad}", "en": f"Does it work? {bad}"}
    data["study"]["bundles"][0]["the_bundle"] = {"nb": HOSTILE[0], "en": HOSTILE[0]}
    data["study"]["bundles"][0]["components"] = ({"nb": HOSTILE[1]},)
    for measure in data["study"]["measures"]:
        measure["name"] = {"nb": HOSTILE[1]}
        measure["unit"] = {"nb": HOSTILE[2]}
        measure["events"] = {"nb": {"one": HOSTILE[0], "many": HOSTILE[3]}}
        if measure["example"]:
            measure["example"]["text"] = {"nb": HOSTILE[1]}
    data["design"]["selection"] = HOSTILE[2]
    for number, site in enumerate(data["design"]["rollout"]):
        site["name"] = HOSTILE[number % 4]
    for number, row in enumerate(data["sections"]["adaptations"]["rows"]):
        row["name"], row["component"], row["nature"] = HOSTILE[number % 4], HOSTILE[0], HOSTILE[1]
    data["disclosure"]["rules"] = (HOSTILE[0],)
    data["disclosure"]["suppressed"] = ({"place": HOSTILE[1], "count": 2},)
    data["plan"]["deviations"] = ({"code": "question.nb", "planned": HOSTILE[2], "actual": HOSTILE[0]},)
    return Release.model_validate(data)


EXAMPLES: dict[str, Callable[[], Release]] = {
    "staggered": staggered,
    "network_sites": network_sites,
    "before_after": before_after,
    "before_after_beneficial": before_after_beneficial,
    "compared": compared,
    "not_converged": not_converged,
    "smoke": smoke,
    "harmful": harmful,
    "hidden_points": hidden_points,
    "proportion": proportion,
    "ambiguous": ambiguous,
    "long_series": long_series,
    "charted": charted,
    "hostile": hostile,
}
