"""A clean delivery on disk, and the mistakes that are put into it: falls in twelve homes over three years."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from impl.model.simulate import month_starts

SITES = tuple(f"99{number}" for number in range(11, 23))
NAMES = (
    "Askheim", "Bergli", "Dalen", "Eikeliv", "Furua", "Granstua", "Heimly", "Kirkebakken", "Lyngmo", "Myrhaug",
    "Nordvik", "Osterdal",
)  # fmt: skip
MONTHS = 36
VINTAGE = date(2026, 8, 15)
STUDY = """\
schema: 1
id: kvalitet
title: {{nb: "Tall om {measure}", en: "Data on {measure}"}}
question: {{nb: "Er tallene gode nok?", en: "Are the data good enough?"}}
notebook: 10_data_quality
bundle: {bundle}
measures: {{primary: {measure}}}
data: {{file: data/panel.csv}}
rollout: {{file: data/rollout.csv}}
audience: own-unit
languages: [nb, en]
"""


@dataclass
class Delivery:
    """What was sent: events and exposure, site x month. marks: (site, month) -> status; absent: rows that are not there."""

    numerator: npt.NDArray[np.float64]
    denominator: npt.NDArray[np.float64]
    names: list[str]
    marks: dict[tuple[int, int], str] = field(default_factory=dict)
    absent: set[tuple[int, int]] = field(default_factory=set)
    stops: dict[int, date] = field(default_factory=dict)


Change = Callable[[Delivery], None]
"""A mistake: something done to a clean delivery."""


def clean(seed: int = 1, *, shares: bool = False, months: int = MONTHS) -> Delivery:
    """Counts as homes have them: of different size and level, uneven, and halved by the bundle from some month on."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(60, 250, (len(SITES), 1)) if shares else rng.uniform(1100, 4000, (len(SITES), 1))
    exposure = np.round(size * rng.gamma(150, 1 / 150, (len(SITES), months)))
    start = rng.integers(12, 30, (len(SITES), 1))
    worked = np.where(np.arange(months) >= start, -0.5, 0.0) + rng.normal(0, 0.3, (len(SITES), 1))
    if shares:
        events = rng.binomial(exposure.astype(int), 1 / (1 + np.exp(-worked - 0.5))).astype(float)
    else:
        uneven = rng.gamma(6, 1 / 6, exposure.shape)
        events = rng.poisson(exposure * 4.5 / 1000 * np.exp(worked) * uneven).astype(float)
    return Delivery(numerator=events, denominator=exposure, names=[f"{name} sykehjem" for name in NAMES])


def write_project(root: Path, delivery: Delivery, *, measure: str = "falls", bundle: str = "falls") -> Path:
    """The project on disk; returns the study file."""
    for folder in ("parameters", "notebooks", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for notebook in ("10_data_quality", "80_report"):
        (root / "notebooks" / f"{notebook}.ipynb").write_text('{"cells": []}', encoding="utf-8")
    months = month_starts(date(2023, 7, 1), delivery.numerator.shape[1])
    lines = ["site,name,period_start,period_end,measure,numerator,denominator,status,vintage"]
    for place, site in enumerate(SITES):
        for at, first in enumerate(months[:-1]):
            if (place, at) in delivery.absent:
                continue
            mark = delivery.marks.get((place, at), "observed")
            numbers = (
                f"{delivery.numerator[place, at]:g},{delivery.denominator[place, at]:g}"
                if mark == "observed"
                else ","
            )
            last = months[at + 1] - timedelta(1)
            lines.append(
                f"{site},{delivery.names[place]},{first},{last},{measure},{numbers},{mark},{VINTAGE}"
            )
    (root / "data" / "panel.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    starts = ["site,allocated_start,actual_start,transition_end,stop"]
    for place, site in enumerate(SITES):
        day = months[12 + 4 * (place % 4)]
        starts.append(f"{site},{day},{day},,{delivery.stops.get(place, '')}")
    (root / "data" / "rollout.csv").write_text("\n".join(starts) + "\n", encoding="utf-8")
    file = root / "parameters" / "kvalitet.yaml"
    file.write_text(STUDY.format(measure=measure, bundle=bundle), encoding="utf-8")
    return file
