"""What the further figures draw, added to an example Release: invented numbers from the same log-normal law."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from example_release import FALLS, SERIOUS, Effect, estimate_rows
from impl.disclosure.audience import audience_of
from impl.disclosure.rules import Counted
from impl.disclosure.spc import Series, chart_of
from impl.model.priors import DEFAULT
from impl.release.annex import AnnexSection, LeaveOneOutSummary, PredictiveCheck, RefitRow
from impl.release.charts import EffectQuantiles, SpcSection
from impl.release.release import Estimate, Release
from impl.release.sections import ComponentShare, FidelitySection, Horizon, SustainmentSection
from impl.study.study import AudienceName

COMPONENTS = (
    ("risk_assessment", 0.91),
    ("medication_review", 0.78),
    ("exercise", 0.7),
    ("all", 0.62),
)


def chart(
    release: Release, *, audience: AudienceName = "public", target: float | None = None
) -> SpcSection | None:
    """The run chart of the first curve, each point with the same exposure."""
    measure, curve = release.measure(), release.curves[0]
    series = Series(
        curve=curve,
        exposure=np.full(len(curve.points), 60_000.0),
        likelihood={"rate": "negbin", "proportion": "binomial", "mean": "normal"}[measure.kind],
        direction=measure.direction,
    )
    law = Counted(kind=measure.kind, per=measure.per, persons=True, audience=audience_of(audience))
    return chart_of(series, law, target)


def quantiles(release: Release) -> EffectQuantiles | None:
    """Of the log-normal law that the estimates follow; None where nothing is judged."""
    measure = release.measure()
    link = release.estimate(measure.id, "tate", "link")
    if link is None or link.p_worthwhile is None:
        return None
    sd = (link.upper - link.lower) / (2 * NormalDist().inv_cdf(0.95))
    law = NormalDist(link.median, sd)
    values = tuple(float(f"{math.exp(law.inv_cdf((i + 0.5) / 100)) - 1:.4g}") for i in range(100))
    return EffectQuantiles(measure=measure.id, values=values)


def course(release: Release, medians: list[float], sd: float = 0.06) -> list[Estimate]:
    """Effects by period since start, more uncertain the later."""
    measure = release.measure()
    base = Effect(measure=measure, before=5.3, expected=5.0, median=1.0, sd=sd)
    rows = []
    for period, median in enumerate(medians, start=1):
        effect = replace(base, median=median, sd=sd * (1 + 0.12 * period))
        found = estimate_rows(effect, verdict=True, estimand="pte", first=period, last=period)
        rows += [row for row in found if row.scale in ("ratio", "link", "difference")]
    return rows


def dose(release: Release) -> list[Estimate]:
    measure = release.measure()
    rows = []
    for share in (0.2, 0.4, 0.6, 0.8, 1.0):
        effect = Effect(
            measure=measure, before=5, expected=5, median=math.exp(-0.35 * share), sd=0.05 + 0.04 * share
        )
        found = estimate_rows(effect, verdict=True, estimand="dose", group=f"{share:.1f}")
        rows += [row for row in found if row.scale == measure.headline_scale and row.level == 0.9]
    return rows


def fidelity() -> FidelitySection:
    return FidelitySection(
        component="all",
        lower=0.55,
        median=0.62,
        upper=0.7,
        before=0.11,
        p_delivered=0.2,
        p_not_delivered=0.01,
        delivered=0.75,
        not_delivered=0.4,
        curve="linear",
        smallest=0.4,
        components=tuple(ComponentShare(component=name, share=share, sites=12) for name, share in COMPONENTS),
        response=((0.25, 0.25), (0.5, 0.5), (0.75, 0.75), (1.0, 1.0)),
    )


def lasting(last: Literal["kept", "unclear", "lost"] = "unclear") -> SustainmentSection:
    ends = {"kept": (0.62, 0.9, 1.3), "unclear": (0.2, 0.72, 1.7), "lost": (0.02, 0.2, 0.41)}[last]
    return SustainmentSection(
        horizons=(
            Horizon(months=6, lower=0.6, median=0.93, upper=1.2, p_half=0.97, p_worthwhile=0.9),
            Horizon(months=12, lower=ends[0], median=ends[1], upper=ends[2], p_half=0.8, p_worthwhile=0.6),
        )
    )


def annex() -> AnnexSection:
    refits = [
        ("main", "main", -0.22, None),
        ("shape it", "shape", -0.2, 0.4),
        ("shape teh", "shape", -0.24, -0.3),
        ("effect prior x 0.5", "prior", -0.21, 0.2),
        ("effect prior x 2", "prior", -0.23, -0.1),
        ("placebo", "placebo", 0.01, None),
        ("mean_effect", "forecast", -0.26, -0.7),
    ]
    return AnnexSection(
        priors={name: float(value) for name, value in vars(DEFAULT).items() if name != "name"},
        checks=(
            PredictiveCheck(check="dispersion", p=0.48, flagged=False),
            PredictiveCheck(check="pre_trend", p=0.01, flagged=True),
        ),
        refits=tuple(
            RefitRow.model_validate(
                {
                    "refit": name,
                    "kind": kind,
                    "mean": mean,
                    "lower": mean - 0.1,
                    "upper": mean + 0.11,
                    "shift": shift,
                }
            )
            for name, kind, mean, shift in refits
        ),
        leave_one_out=LeaveOneOutSummary(
            elpd=-812.4, standard_error=18.2, parameters=41.3, cells=429, unreliable=2
        ),
        sensitivity={"effect": 0.02, "all": 0.04},
    )


def with_charts(release: Release) -> Release:
    medians = [
        0.95,
        0.9,
        0.86,
        0.82,
        0.8,
        0.79,
        0.78,
        0.78,
        0.77,
        0.78,
        0.79,
        0.8,
        0.81,
        0.81,
        0.82,
        0.84,
        0.86,
        0.88,
    ]
    sections = release.sections.model_copy(
        update={
            "spc": chart(release, target=4.4),
            "quantiles": quantiles(release),
            "fidelity": fidelity(),
            "sustainment": lasting(),
            "annex": annex(),
        }
    )
    return release.model_copy(
        update={
            "sections": sections,
            "estimates": (*release.estimates, *course(release, medians), *dose(release)),
        }
    )


def rare_chart() -> SpcSection | None:
    """A chart of times between events, as the unit itself sees it."""
    from example_release import before_after

    release = before_after()
    serious = SERIOUS.model_copy(update={"role": "primary"})
    counts = [4, 3, 0] * 6 + [1] * 12
    exposure = np.array([1200.0 + 11 * (index % 7) for index in range(len(counts))])
    points = tuple(
        point.model_copy(update={"observed": float(f"{count / days * 1000:.3g}")})
        for point, count, days in zip(release.curves[0].points, counts, exposure, strict=True)
    )
    curve = release.curves[0].model_copy(update={"points": points, "measure": serious.id})
    law = Counted(kind="rate", per=FALLS.per, persons=True, audience=audience_of("own-unit"))
    return chart_of(Series(curve=curve, exposure=exposure, likelihood="poisson", direction="lower"), law)
