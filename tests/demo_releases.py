"""Releases of the demo network made from its truth in a moment, without a fit, for tests of what stands on Releases.

The effect is the truth plus a draw of its own standard error; starts and logs are those that the demo's data files hold.
Every Release says that it is synthetic. The same seed gives the same Releases.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from example_charts import chart, quantiles
from example_release import Effect as Level
from example_release import checks, curve, model_summary
from impl.model.demo_network import (
    STEP,
    TABLE,
    DemoNetwork,
    draw_tables,
    read_network,
    write_network,
)
from impl.model.verdict import decide
from impl.register.register import Register, Registered, read_register
from impl.release.release import (
    Comparison,
    Design,
    Disclosure,
    Estimate,
    PlanCheck,
    RegisteredPlan,
    Release,
    ReleasedBundle,
    ReleasedMeasure,
    RunSummary,
    SiteStart,
    StatedBelief,
    StudySummary,
    Verdict,
)
from impl.release.sections import (
    AdaptationRow,
    AdaptationSection,
    CostSection,
    FidelitySection,
    FitAnswer,
    Horizon,
    Sections,
    SustainmentSection,
    TimelineEvent,
)
from impl.release.targets import CommonTarget, TargetSection
from impl.study.catalogue import Measure
from impl.study.load import read_bundle, read_measure
from worlds import REPOSITORY

SD, SD_SMALL = 0.04, 0.16
LIMIT = 0.10


def demo_network() -> DemoNetwork:
    return read_network(REPOSITORY / TABLE)


def demo_project(folder: Path) -> tuple[DemoNetwork, Register]:
    """The demo network laid out in an empty folder with its register, and nothing run."""
    (folder / "parameters").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    for notebook in (REPOSITORY / "notebooks").glob("*.ipynb"):
        (folder / "notebooks" / notebook.name).write_bytes(notebook.read_bytes())
    network = demo_network()
    write_network(network, folder)
    return network, read_register(folder)


def demo_releases(network: DemoNetwork, register: Register | None = None, seed: int = 1) -> list[Release]:
    """One Release for every evaluation of the table that has data, in its order."""
    studies = register.studies if register is not None else {}
    return [
        release_of(network, name, number, studies.get(name), seed)
        for number, (name, found) in enumerate(network.studies.items())
        if found.stage == "reported"
    ]


def release_of(
    network: DemoNetwork, name: str, number: int, registered: Registered | None = None, seed: int = 1
) -> Release:
    """The Release of one evaluation."""
    found = network.studies[name]
    measure, bundle = read_measure(found.measure, REPOSITORY), read_bundle(found.bundle, REPOSITORY)
    tables, _ = draw_tables(network, name, number, measure, bundle)
    rng = np.random.default_rng([seed, number])
    sd = SD_SMALL if found.sites < 8 else SD
    effect = NormalDist(found.link + 0.5 * sd * float(rng.standard_normal()), sd)
    released = _measure(measure)
    starts = network.period_starts(name)
    rollout = _rollout(tables["rollout"], tables["panel"])
    exposure = sum(float(str(row[6])) for row in tables["panel"][1:])
    level = measure.baseline
    row_values = _rows(released, bundle.id, effect, level, exposure / 4)
    estimates = tuple(Estimate.model_validate(row) for row in row_values)
    headline = next(row for row in estimates if row.scale == released.headline_scale and row.level == 0.9)
    after = _scales(released, level, exposure)["level"](effect.mean)
    delivered = found.delivered
    delivery = (
        "unknown"
        if delivered is None
        else "delivered"
        if delivered >= 0.8
        else "not_delivered"
        if delivered <= 0.5
        else "unknown"
    )
    chances = {
        key: getattr(headline, key) or 0.0 for key in ("p_better", "p_worthwhile", "p_negligible", "p_harm")
    }
    outcome = decide(measure.direction, chances, absence_showable=True)
    begun = [site.actual_start for site in rollout if site.actual_start is not None]
    positions = [
        round((day.year - starts[0].year) * 4 + (day.month - starts[0].month) / STEP) for day in begun
    ]
    change = math.exp(effect.mean) if measure.kind == "rate" else after / level
    shape = Level(measure=released, before=level, expected=level, median=change, sd=sd)
    drawn = curve(
        shape, positions, first=starts[0], periods=len(starts) - 1, months=STEP, noise=0.05, step="quarter"
    )
    costs = None
    if found.per_month is not None:
        months = 12.0 * len(begun)
        total = 40_000 * len(begun) + found.per_month * months
        costs = CostSection(currency="NOK", total=total, sites=len(begun), months=months, modifications=0)
    targets: tuple[TargetSection, ...] = ()
    if found.target is not None:
        law = NormalDist(after, 2.0)
        chance = 1 - law.cdf(found.target) if measure.direction == "higher" else law.cdf(found.target)
        common = CommonTarget(
            start=starts[-5], end=starts[-1] - timedelta(days=1), target=found.target, met=after >= found.target,
            p_met=round(min(max(chance, 0.001), 0.999), 3),
        )  # fmt: skip
        targets = (TargetSection(measure=measure.id, sites=found.sites, common=common),)
    data_to = starts[-1] - timedelta(days=1)
    run = f"{number:02d}{seed:02d}".rjust(12, "d")
    release = Release(
        study=StudySummary(
            id=name,
            title=network.titled(name, bundle),  # type: ignore[arg-type]
            question=dict(network.measures[found.measure].question),
            notebook="30_stepped_wedge",
            measures=(released,),
            bundles=(
                ReleasedBundle(
                    id=bundle.id, name=bundle.name, the_bundle=bundle.the_bundle, version=bundle.version,
                    components=bundle.components,
                ),
            ),
            plan_sha256="b71a" * 16,
            data_from=starts[0],
            data_to=data_to,
            vintage=date(2026, 8, 15),
            worthwhile=LIMIT,
            harm=LIMIT,
            negligible=LIMIT,
            synthetic=True,
            wave=network.waves[found.wave].name,
        ),
        run=RunSummary(
            id=run, profile="full", seed=network.seed, impl="0.1.0", lock_sha256=None, git_commit=None,
            started=datetime.combine(data_to + timedelta(days=100), time(9), UTC), seconds=60.0,
        ),
        status="ok",
        design=Design(
            kind="stepped_wedge", grade="randomised" if found.randomised else "staggered",
            selection=None if found.randomised else network.selection["nb"], sites=len(rollout),
            periods=len(starts) - 1, period_months=float(STEP), sequences=len(set(begun)), randomised=found.randomised,
            rollout=rollout, window_from=1, window_to=4,
            models=(
                model_summary(measure.id, sites=len(rollout), periods=len(starts) - 1, wedge=True).model_copy(
                    update={
                        "likelihood": measure.likelihood,
                        "effect_prior": StatedBelief(mean=0.0, sd=0.5),
                    }
                ),
            ),
        ),
        estimates=estimates,
        comparisons=(Comparison(measure=measure.id, before=level, expected=level, after=float(f"{after:.4g}")),),
        curves=(drawn,),
        sections=Sections(
            adaptations=_adaptations(tables, rollout),
            fidelity=_fidelity(delivered),
            sustainment=_sustainment(found.shape == "fading"),
            costs=costs,
            timeline=_timeline(tables, rollout),
            fit=_answers(tables),
            targets=targets,
        ),
        verdict=Verdict.model_validate({"outcome": outcome, "delivery": delivery}) if outcome else None,
        checks=checks([measure.id]),
        plan=_plan(registered),
        disclosure=Disclosure(audience="public", rules=("numerator_1_4", "denominator_under_5", "complement")),
    )  # fmt: skip
    sections = release.sections.model_copy(update={"spc": chart(release), "quantiles": quantiles(release)})
    return Release.model_validate(release.model_copy(update={"sections": sections}).model_dump(by_alias=True))


def _measure(measure: Measure) -> ReleasedMeasure:
    return ReleasedMeasure(
        id=measure.id, role="primary", name=measure.name, events=dict(measure.events), exposure=measure.exposure,
        unit=measure.unit, kind=measure.kind, per=measure.per, direction=measure.direction,
        headline_scale=measure.headline_scale, example=measure.example,
    )  # fmt: skip


def _scales(measure: ReleasedMeasure, level: float, exposure: float) -> dict[str, Any]:
    """What an effect on the link scale is on every other one."""
    if measure.kind == "rate":
        after = lambda x: level * math.exp(x)  # noqa: E731
    else:
        odds = level / (100 - level)
        after = lambda x: 100 * odds * math.exp(x) / (1 + odds * math.exp(x))  # noqa: E731
    return {
        "level": after,
        "link": lambda x: x,
        "ratio": lambda x: after(x) / level,
        "difference": lambda x: after(x) - level,
        "averted": lambda x: exposure / measure.per * (level - after(x)),
    }


def _rows(
    measure: ReleasedMeasure, bundle: str, law: NormalDist, level: float, exposure: float
) -> list[dict[str, Any]]:
    scales = _scales(measure, level, exposure)
    chances = _chances(measure, law, scales["ratio"])
    rows = []
    for scale in ("link", "ratio", "difference", "averted"):
        for width in (0.5, 0.9):
            ends = sorted(scales[scale](law.inv_cdf(p)) for p in ((1 - width) / 2, (1 + width) / 2))
            mean = scales[scale](law.mean)
            sd = (
                law.stdev
                if scale == "link"
                else (ends[1] - ends[0]) / (2 * NormalDist().inv_cdf((1 + width) / 2))
            )
            rows.append(
                {"measure": measure.id, "bundle": bundle, "estimand": "tate", "from": 1, "to": 4, "scale": scale,
                 "mean": mean, "sd": sd, "median": mean, "lower": ends[0], "upper": ends[1], "level": width} | chances
            )  # fmt: skip
    return rows


def _chances(measure: ReleasedMeasure, law: NormalDist, ratio: Any) -> Mapping[str, float | None]:
    names = ("p_better", "p_worthwhile", "p_negligible", "p_harm")
    if measure.direction == "ambiguous":
        return dict.fromkeys(names)
    grid = np.array([law.inv_cdf(q) for q in (np.arange(2000) + 0.5) / 2000])
    change = np.array([ratio(x) for x in grid]) - 1
    good = -change if measure.direction == "lower" else change
    values = (good > 0, good > LIMIT, abs(good) < LIMIT, good < -LIMIT)
    return {
        name: round(min(max(float(value.mean()), 0.001), 0.999), 3)
        for name, value in zip(names, values, strict=True)
    }


def _rollout(rows: Any, panel: Any) -> tuple[SiteStart, ...]:
    names = {row[0]: row[1] for row in panel[1:]}
    return tuple(
        SiteStart(site=code, name=names[code], state="never")
        if actual == "never"
        else SiteStart(
            site=code, name=names[code], state="start", allocated_start=allocated, actual_start=actual
        )
        for code, allocated, actual, *_ in rows[1:]
    )


def _adaptations(tables: Any, rollout: tuple[SiteStart, ...]) -> AdaptationSection | None:
    if "adaptations" not in tables:
        return None
    names = {site.site: site.name for site in rollout}
    return AdaptationSection(
        rows=tuple(
            AdaptationRow(site=site, name=names[site], start=start, end=None, component=part, nature=nature,
                          consistent=kept, planned=planned)
            for site, start, _, part, nature, kept, planned in tables["adaptations"][1:]
        )
    )  # fmt: skip


def _fidelity(share: float | None) -> FidelitySection | None:
    if share is None:
        return None
    low, high = max(share - 0.04, 0.0), min(share + 0.04, 1.0)
    return FidelitySection(
        component="all", lower=low, median=share, upper=high, before=0.05, delivered=0.8, not_delivered=0.5,
        p_delivered=0.97 if share >= 0.8 else 0.01, p_not_delivered=0.97 if share <= 0.5 else 0.01,
    )  # fmt: skip


def _sustainment(fading: bool) -> SustainmentSection | None:
    if not fading:
        return None
    rows = []
    for months in (6, 12, 24):
        kept = 2.0 ** (-months / 9)
        rows.append(
            Horizon(
                months=months,
                lower=0.6 * kept,
                median=kept,
                upper=min(1.5 * kept, 1.2),
                p_half=0.8 if kept > 0.5 else 0.09,
            )
        )
    return SustainmentSection(horizons=tuple(rows), half_life=(6.0, 9.0, 14.0))


def _timeline(tables: Any, rollout: tuple[SiteStart, ...]) -> tuple[TimelineEvent, ...]:
    names = {site.site: site.name for site in rollout}
    found: list[TimelineEvent] = []
    for site, start, word in tables.get("phases", [()])[1:]:
        found.append(TimelineEvent(site=site, name=names[site], kind="phase", start=start, word=word))
    for site, _, start, _, word in tables.get("cycles", [()])[1:]:
        found.append(TimelineEvent(site=site, name=names[site], kind="cycle", start=start, word=word))
    for site, start, end, what, _, _, word in tables.get("strategies", [()])[1:]:
        found.append(
            TimelineEvent(
                site=site,
                name=names[site],
                kind="strategy",
                start=start,
                end=end or None,
                word=word,
                what=what,
            )
        )
    for site, end, _, _ in tables.get("support", [()])[1:]:
        found.append(TimelineEvent(site=site, name=names[site], kind="support_end", start=end))
    return tuple(sorted(found, key=lambda event: (event.site, event.start, event.kind, event.what)))


def _answers(tables: Any) -> tuple[FitAnswer, ...]:
    by_question: dict[str, list[int]] = {}
    for _, question, answer in tables.get("fit_form", [()])[1:]:
        by_question.setdefault(question, []).append(answer)
    return tuple(
        FitAnswer(question=question, mean=float(np.mean(values)), sites=len(values))
        for question, values in by_question.items()
    )


def _plan(registered: Registered | None) -> PlanCheck:
    if registered is None:
        return PlanCheck()
    line, planned = registered.newest, registered.plan.planned
    return PlanCheck(
        registered=True,
        study=registered.id,
        line_sha256=line.sha256,
        versions=(
            RegisteredPlan(
                version=1,
                registered_at=line.registered_at,
                timing="before_data"
                if line.registered_at.date() < date.fromisoformat(planned.data_from or planned.data_to)
                else "during_data",
                after_run=False,
            ),
        ),
        planned_from=date.fromisoformat(planned.data_from) if planned.data_from else None,
        planned_to=date.fromisoformat(planned.data_to),
        report_due=date.fromisoformat(planned.report_due),
    )
