"""A small project on disk for tests of study files and tables: two sites, twelve months, falls."""

from __future__ import annotations

import calendar
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from impl.errors import ImplError
from impl.study.load import read_study

if TYPE_CHECKING:
    from impl.data.panel import Panel

TODAY = date(2026, 11, 22)
STUDY = """\
schema: 1
id: falls
title: {nb: "Fallpakken i to sykehjem"}
question: {nb: "Ble det færre fall?"}
notebook: 30_stepped_wedge
bundle: falls
measures: {primary: falls}
data: {file: data/panel.csv}
rollout: {file: data/rollout.csv}
"""
PANEL_HEADER = "site,period_start,period_end,measure,numerator,denominator"
ROLLOUT = """\
site,allocated_start,actual_start,transition_end,stop
north,2021-05-01,2021-05-01,,
south,2021-09-01,2021-09-01,,
"""
ADAPTATIONS_HEADER = "site,start,end,component,nature,consistent,planned"


def month(year: int, number: int) -> tuple[date, date]:
    return date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])


def panel_rows(measure: str = "falls", sites: tuple[str, ...] = ("north", "south")) -> list[str]:
    """Twelve months of 2021 for each site, all in order."""
    rows = []
    for site in sites:
        for number in range(1, 13):
            start, end = month(2021, number)
            rows.append(f"{site},{start},{end},{measure},{3 + number % 3},{900 + number}.5")
    return rows


def make_project(
    root: Path,
    *,
    study: str = STUDY,
    panel: str | bytes | None = None,
    rollout: str = ROLLOUT,
    adaptations: str | None = None,
    name: str = "falls.yaml",
) -> Path:
    """Write a project; returns the study file. `panel` None means twelve good months a site."""
    for folder in ("parameters", "notebooks", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for notebook in ("20_before_after", "30_stepped_wedge", "80_report"):
        (root / "notebooks" / f"{notebook}.ipynb").write_text('{"cells": []}', encoding="utf-8")
    if adaptations is not None:
        study += "adaptations: {file: data/adaptations.csv, contrasts: [consistent]}\n"
        (root / "data" / "adaptations.csv").write_text(adaptations, encoding="utf-8")
    if panel is None:
        panel = "\n".join([PANEL_HEADER, *panel_rows()]) + "\n"
    (root / "data" / "panel.csv").write_bytes(panel.encode() if isinstance(panel, str) else panel)
    (root / "data" / "rollout.csv").write_text(rollout, encoding="utf-8")
    file = root / "parameters" / name
    file.write_text(study, encoding="utf-8")
    return file


def panel_of(file: Path, today: date = TODAY) -> Panel:
    from impl.data.read import read_panel  # pandas is not for tests of study files

    return read_panel(read_study(file), today=today)


def faults_of(file: Path, today: date = TODAY) -> list[tuple[str, str]]:
    """(code, where) of every fault that reading the study and its tables raises; empty if none."""
    try:
        panel_of(file, today)
    except ImplError as error:
        return [(fault.code, fault.where) for fault in error.faults]
    return []


def error_of(file: Path, today: date = TODAY) -> str:
    """Full error text of reading the study and its tables; empty if none."""
    try:
        panel_of(file, today)
    except ImplError as error:
        return str(error)
    return ""
