"""The cases: real data sets and the answers of others (`docs/validation/known.md` says where each comes from)."""

from __future__ import annotations

from collections.abc import Callable
from math import log

import reference
from answers import (
    Case,
    Quantity,
    at_time,
    change_a_period,
    first_period,
    last,
    period_contrast,
    started_without_effect,
    total,
    variable,
)
from reference import Answer

from impl.model.estimands import window_effect

WALK = "the same level that wanders; two Fourier pairs where the source has eleven free months"
LINE = (
    "the source's trend is a random walk beside white noise, its season eleven free months; ours is a straight "
    "line and one stationary series, its season two Fourier pairs"
)
LEVEL = "as above without the line: a stationary series has to be trend and noise in one"
SEASON = "two Fourier pairs where the source has eleven free months"
ROBUST = "the same line; the source's errors allow for autocorrelation, ours do not"
CONTROL = (
    "the source weighs states that were like California; ours are all states, each with a trend of its own"
)
RANDOM = (
    "the source has fixed ZIP codes; ours are drawn from one population, so that ZIP codes are compared too"
)
FADING = "correlation that fades with distance in time, which the source's does not"
CELLS = "the source has cell effects alone; ours share one variance between site and cell"
BOUNDARY = "maximum likelihood puts both SDs at 0, where no posterior is"
SHARED = (
    "the source's two SDs are free; ours share one variance, whose prior Beta(3, 1) holds most for the herd"
)


def effect(
    name: str, answer: tuple[float, float], differs: str = "", limit: float = 0.35
) -> tuple[Quantity, ...]:
    """The time-averaged effect on the link scale, as the only figure."""
    value, error = answer
    return (Quantity(name=name, draws=window_effect, value=value, error=error, differs=differs, limit=limit),)


def shapes(mean: tuple[float, float], end: tuple[float, float]) -> tuple[Quantity, ...]:
    return (
        *effect("TATE", mean),
        Quantity(name="LTE", draws=last, value=end[0], error=end[1]),
    )


def hvidovre_line() -> tuple[Quantity, ...]:
    found = reference.hvidovre()
    return (
        Quantity(name="log RR, level", draws=variable("curve", 0), **found["level"]._asdict()),
        Quantity(name="log RR, slope a month", draws=change_a_period, **found["slope a month"]._asdict()),
    )


def california() -> tuple[Quantity, ...]:
    figures = {"trend": variable("trend"), "level": variable("curve", 0), "slope": change_a_period}
    compared = []
    for differs, found in (("", reference.california(lags=0)), (ROBUST, reference.california(lags=1))):
        error = "Newey-West" if differs else "least squares"
        compared += [
            Quantity(name=f"{name}, {error}", draws=draws, differs=differs, **found[name]._asdict())
            for name, draws in figures.items()
        ]
    return tuple(compared)


def herds(
    coefficients: tuple[Answer, ...], sds: dict[str, float], differs: str = "", limit: float = 0.35
) -> tuple[Quantity, ...]:
    draws = (first_period, *(period_contrast(period) for period in (1, 2, 3)))
    names = ("period 1", "period 2 against 1", "period 3 against 1", "period 4 against 1")
    return (
        *(
            Quantity(name=name, draws=of, value=value, error=error, differs=differs, limit=limit)
            for name, of, (value, error) in zip(names, draws, coefficients, strict=True)
        ),
        *(
            Quantity(name=name, draws=variable(name), value=value, differs=differs, limit=limit)
            for name, value in sds.items()
        ),
    )


def belt(series: str, model: str, differs: str, limit: float) -> Callable[[], tuple[Quantity, ...]]:
    return lambda: effect("log RR", reference.seatbelts(series, model), differs, limit)


def belts(series: str) -> tuple[Case, ...]:
    """A4: one series under four models of ours. Rear passengers were not reached by the law."""
    measure = f"{series}_casualties"
    return (
        Case(
            id=f"a4-{series}",
            study="seatbelts",
            measure=measure,
            source="local level",
            quantities=lambda: (
                *effect("log RR, two Fourier pairs", reference.seatbelts(series, "harmonic local level")),
                *effect("log RR", reference.seatbelts(series, "local level"), WALK, 0.6),
            ),
        ),
        Case(
            id=f"a4-{series}-line",
            study="seatbelts",
            measure=measure,
            model={"trend": "linear"},
            source="local level",
            quantities=belt(series, "local level", LINE, 3.0),
        ),
        Case(
            id=f"a4-{series}-no-trend",
            study="seatbelts",
            measure=measure,
            model={"trend": "none"},
            source="local level",
            quantities=belt(series, "local level", LEVEL, 1.2),
        ),
        Case(
            id=f"a4-{series}-wrong",
            study="seatbelts",
            measure=measure,
            model={"clustering": "none", "trend": "linear"},
            source="linear trend without autocorrelation (quasi-Poisson): the wrong answer",
            quantities=belt(series, "linear trend", SEASON, 0.35),
        ),
    )


NESTED = "cluster and cluster-period, categorical time (glmmTMB)"

CASES: tuple[Case, ...] = (
    Case(
        id="a1",
        study="cdi-hvidovre",
        source="negative binomial, level only",
        # RR 0.385 with interval 0.301-0.492
        quantities=lambda: effect("log RR", (log(0.385), log(0.492 / 0.301) / (2 * 1.959964))),
    ),
    Case(
        id="a1-level-slope",
        study="cdi-hvidovre",
        model={"effect": "level_slope", "trend": "linear"},
        source="quasi-Poisson with trend, level and slope",
        quantities=hvidovre_line,
    ),
    *belts("drivers"),
    *belts("front"),
    *belts("rear"),
    Case(id="a5", study="california", source="one series, annual (Linden 2015)", quantities=california),
    Case(
        id="a5-others",
        study="california-and-others",
        source="synthetic control (Abadie 2010)",
        quantities=lambda: (
            Quantity(name="packs in 2000", draws=at_time(12), value=-26.0, differs=CONTROL, limit=2.0),
        ),
    ),
    Case(
        id="a6",
        study="contact-tracing",
        source="weighted two-way fixed effects, 193 rows",
        quantities=lambda: effect("share", reference.contact_tracing(complete=True), RANDOM, 0.35),
    ),
    Case(
        id="a6-waves",
        study="contact-tracing",
        randomised=False,
        source="weighted two-way fixed effects, 193 rows",
        quantities=lambda: effect("share", reference.contact_tracing(complete=True)),
    ),
    Case(
        id="a6-all-rows",
        study="contact-tracing-all-rows",
        randomised=False,
        source="weighted two-way fixed effects, 231 rows",
        quantities=lambda: effect("share", reference.contact_tracing(complete=False)),
    ),
    Case(
        id="a7",
        study="chicago",
        source="Poisson, month effects, cohort and cell (glmmTMB)",
        quantities=lambda: effect("log RR", (-0.0017, 0.0308)),
    ),
    *(
        Case(
            id=f"a8-{outcome}{'-' + shape if shape != 'it' else ''}",
            study=f"steppedwedge-{outcome}",
            model={"effect": shape},
            window=(1, 5),
            source=NESTED,
            quantities=quantities,
        )
        for outcome, shape, quantities in (
            ("binary", "it", lambda: effect("log OR", (0.3897, 0.1359))),
            ("binary", "eti", lambda: shapes((0.4177, 0.1610), (0.5813, 0.3624))),
            ("score", "it", lambda: effect("points", (0.5224, 0.0742))),
            ("score", "eti", lambda: shapes((0.5227, 0.1007), (0.4872, 0.1953))),
            ("binomial", "it", lambda: effect("log OR", (0.5969, 0.1291), BOUNDARY, 0.35)),
        )
    ),
    Case(
        id="a8-binary-decay",
        study="steppedwedge-binary",
        model={"clustering": "decay"},
        window=(1, 5),
        source=NESTED,
        quantities=lambda: effect("log OR", (0.3897, 0.1359), FADING, 0.5),
    ),
    Case(
        id="a9",
        study="cbpp",
        decided=started_without_effect,
        source="herd, Laplace (lme4)",
        quantities=lambda: herds(
            (
                Answer(-1.3983, 0.2312),
                Answer(-0.9919, 0.3032),
                Answer(-1.1282, 0.3228),
                Answer(-1.5797, 0.4220),
            ),
            {"site_sd": 0.6421},
        ),
    ),
    Case(
        id="a9-cells",
        study="cbpp",
        model={"clustering": "nested"},
        decided=started_without_effect,
        source="herd and cell, Laplace (lme4), no standard errors given",
        quantities=lambda: herds(
            (
                Answer(-1.500, float("nan")),
                Answer(-1.227, float("nan")),
                Answer(-1.329, float("nan")),
                Answer(-1.866, float("nan")),
            ),
            {"site_sd": 0.184, "cell_sd": 0.891},
            SHARED,
            2.5,
        ),
    ),
    Case(
        id="a10",
        study="xpert",
        source="site, categorical time (lme4)",
        quantities=lambda: effect("log OR", (-0.2711, 0.0978)),
    ),
    Case(
        id="a10-nested",
        study="xpert",
        model={"clustering": "nested"},
        source="site-period alone, categorical time (lme4)",
        quantities=lambda: effect("log OR", (-0.2901, 0.1161), CELLS, 0.5),
    ),
    Case(
        id="a10-decay",
        study="xpert",
        model={"clustering": "decay"},
        source="site-period alone, categorical time (lme4)",
        quantities=lambda: effect("log OR", (-0.2901, 0.1161), FADING, 0.5),
    ),
    Case(
        id="a12",
        study="england-deaths",
        source="least squares on the months before, two Fourier pairs",
        quantities=lambda: (
            Quantity(name="deaths", draws=total, **reference.england("pairs")._asdict()),
            Quantity(
                name="deaths, eleven months",
                draws=total,
                differs=SEASON,
                limit=0.35,
                **reference.england("months")._asdict(),
            ),
        ),
    ),
)
