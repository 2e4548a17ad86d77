"""A study, a panel and the estimates of a fit that never ran: the confidential side, with invented numbers.

Levels, sums and curves are computed from the panel's cells by the definitions of `values.Estimates`, in
plain loops and apart from the model's own code; effects are fixed numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from impl.data.panel import Panel, PanelWarning, Period
from impl.model.values import Checks, Crude, Estimates, Evaluation
from impl.release.release import CheckRow, ModelSummary
from impl.study.load import read_measure
from impl.study.study import Study

STEPS = {"month": 1, "quarter": 3, "tertial": 4, "half_year": 6, "year": 12}
QUANTILES = {"q05": 0.8, "q10": 0.85, "q25": 0.92, "q50": 1.0, "q75": 1.08, "q90": 1.15, "q95": 1.2}
Table = Sequence[Sequence[float]]


def example_study(root: Path, **changes: Any) -> Study:
    """A study in a project of its own; `changes` replace top-level keys of the study file."""
    for folder in ("parameters", "data", "notebooks"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    cell = {"cell_type": "code", "source": ["import impl"], "metadata": {}}
    for notebook in ("20_before_after", "30_stepped_wedge"):
        (root / f"notebooks/{notebook}.ipynb").write_text(json.dumps({"cells": [cell]}))
    for name in ("panel", "rollout", "adaptations"):
        (root / f"data/{name}.csv").write_text(f"{name}\n")
    declared: dict[str, Any] = {
        "schema": 1,
        "id": "svk-test",
        "title": {"nb": "SVK-pakken", "en": "The central-line bundle"},
        "question": {"nb": "Gikk infeksjonene ned?"},
        "notebook": "30_stepped_wedge",
        "bundle": "central_line",
        "measures": {"primary": "clabsi"},
        "data": {"file": "data/panel.csv"},
        "rollout": {"file": "data/rollout.csv", "selection": "meldte seg på selv"},
    }
    study = Study.model_validate(declared | changes)
    study._root = root
    return study


def months_from(first: date, count: int, months: int = 1) -> tuple[Period, ...]:
    starts = [
        date(
            first.year + (first.month - 1 + step * months) // 12,
            (first.month - 1 + step * months) % 12 + 1,
            1,
        )
        for step in range(count + 1)
    ]
    return tuple(
        Period(start=start, end=following - timedelta(days=1)) for start, following in pairwise(starts)
    )


def example_panel(
    numerators: Mapping[str, Table],
    denominators: Mapping[str, Table | float],
    starts: Sequence[int | str],
    *,
    first: date = date(2024, 1, 1),
    months: int = 1,
    transitions: Sequence[int | None] | None = None,
    adaptations: Sequence[Mapping[str, Any]] | None = None,
    names: Mapping[str, str] | None = None,
    warnings: Sequence[PanelWarning] = (),
) -> Panel:
    """A panel from site x period tables; NaN is a gap. `starts` holds start periods, `never` or `before-data`."""
    sites = tuple(f"99{index + 1:02d}" for index in range(len(starts)))
    count = len(next(iter(numerators.values()))[0])
    periods = months_from(first, count, months)
    rows = []
    for measure in sorted(numerators):
        for index, site in enumerate(sites):
            for period in range(count):
                numerator = float(numerators[measure][index][period])
                given = denominators[measure]
                denominator = float(given if isinstance(given, int | float) else given[index][period])
                observed = not np.isnan(numerator)
                rows.append(
                    (measure, site, period, numerator, denominator if observed else np.nan, np.nan, observed)
                )
    columns = ["measure", "site", "period", "numerator", "denominator", "sum_squares", "observed"]
    began = [start if isinstance(start, int) else None for start in starts]
    rollout = pd.DataFrame(
        {
            "site": sites,
            "state": ["start" if isinstance(start, int) else start for start in starts],
            "allocated_start": [None] * len(sites),
            "actual_start": [None if at is None or at >= count else periods[at].start for at in began],
            "transition_end": [None] * len(sites),
            "stop": [None] * len(sites),
            "start_period": [np.nan if at is None else float(at) for at in began],
            "transition_from": [
                np.nan if at is None else float(at) for at in (transitions or [None] * len(sites))
            ],
            "stop_period": [np.nan] * len(sites),
        }
    )
    log = None
    if adaptations is not None:
        entry = {"start": periods[0].start, "end": None, "component": "chlorhexidine", "nature": "adding",
                 "consistent": "yes", "planned": "yes", "from_period": 0}  # fmt: skip
        log = pd.DataFrame([entry | dict(row) for row in adaptations])
    return Panel(
        cells=pd.DataFrame(rows, columns=columns),
        sites=sites,
        periods=periods,
        period_months=float(months),
        rollout=rollout,
        adaptations=log,
        names={site: site for site in sites} | dict(names or {}),
        vintage=date(2025, 2, 1),
        warnings=tuple(warnings),
    )


def _cells(panel: Panel, measure: str) -> list[dict[str, Any]]:
    start = dict(zip(panel.rollout["site"], panel.rollout["start_period"], strict=True))
    touched = dict(zip(panel.rollout["site"], panel.rollout["transition_from"], strict=True))
    state = dict(zip(panel.rollout["site"], panel.rollout["state"], strict=True))
    found = []
    for row in panel.cells.to_dict("records"):
        site, period = row["site"], row["period"]
        if row["measure"] != measure or not row["observed"] or state[site] == "before-data":
            continue
        treated = bool(period >= start[site])
        found.append(
            {
                **row,
                "exposure": int(period - start[site] + 1) if treated else 0,
                "before": not treated and not period >= touched[site] and start[site] < len(panel.periods),
            }
        )
    return found


def _sum(cells: Sequence[Mapping[str, Any]], column: str) -> float:
    return float(sum(cell[column] for cell in cells))


def _curve(panel: Panel, cells: list[dict[str, Any]], step: str, per: float) -> pd.DataFrame:
    starts = [at for at in panel.rollout["start_period"] if not np.isnan(at)]
    if step == "phase":
        keys = [int(index >= min(starts)) for index in range(len(panel.periods))]
    else:
        keys = [period.start.year * 12 + (period.start.month - 1) // STEPS[step] for period in panel.periods]
    rows = []
    for key in dict.fromkeys(keys):
        members = [index for index, other in enumerate(keys) if other == key]
        inside = [cell for cell in cells if cell["period"] in members]
        numerator, denominator = _sum(inside, "numerator"), _sum(inside, "denominator")
        empty = denominator == 0
        level = np.nan if empty else numerator / denominator * per
        rows.append(
            {
                "start": panel.periods[members[0]].start,
                "end": panel.periods[members[-1]].end,
                "numerator": np.nan if empty else numerator,
                "denominator": np.nan if empty else denominator,
                "sites_started": sum(at <= members[-1] for at in starts),
                **{name: (level + 1.2345) * factor for name, factor in QUANTILES.items()},
            }
        )
    return pd.DataFrame(rows)


def estimate_row(measure: str, estimand: str, scale: str, level: float, **changes: Any) -> dict[str, Any]:
    medians = {"link": -0.23456789, "ratio": 0.790921, "difference": -1.234567, "averted": 12.34567}
    median = medians[scale]
    half = abs(median) / (4 if level == 0.9 else 8)
    row: dict[str, Any] = {
        "measure": measure, "bundle": "central_line", "estimand": estimand, "from": 1, "to": 4, "scale": scale,
        "group": None, "mean": median * 1.001, "sd": half / 1.645, "median": median, "lower": median - half,
        "upper": median + half, "level": level, "p_better": 1.0, "p_worthwhile": 0.81234,
        "p_negligible": 0.0, "p_harm": float("nan"),
    }  # fmt: skip
    return row | changes


def example_table(
    measure: str, exposures: Sequence[int] = (1, 2), groups: Sequence[str] = ()
) -> pd.DataFrame:
    """The shape that the model writes: TATE on four scales, PTE on three, groups and their contrast."""
    rows = []
    for level in (0.5, 0.9):
        rows += [
            estimate_row(measure, "tate", scale, level)
            for scale in ("link", "ratio", "difference", "averted")
        ]
        for exposure in exposures:
            rows += [
                estimate_row(measure, "pte", scale, level, **{"from": exposure, "to": exposure})
                for scale in ("link", "ratio", "difference")
            ]
        for group in groups:
            rows += [
                estimate_row(measure, "group", scale, level, group=f"consistent:{group}")
                for scale in ("link", "ratio", "difference", "averted")
            ]
        if {"yes", "no"} <= set(groups):
            rows.append(estimate_row(measure, "contrast", "ratio", level, group="consistent:yes-no"))
    return pd.DataFrame.from_records(rows)


def example_estimates(
    study: Study,
    panel: Panel,
    measure: str = "clabsi",
    *,
    window: tuple[int, int] = (1, 4),
    profile: str = "full",
    outcome: str | None = "beneficial",
    groups: Mapping[str, int] | None = None,
    warnings: Sequence[tuple[str, dict[str, Any]]] = (),
) -> Estimates:
    per = read_measure(measure, study.root).per
    cells = _cells(panel, measure)
    before = [cell for cell in cells if cell["before"]]
    after = [cell for cell in cells if window[0] <= cell["exposure"] <= window[1]]
    crude = Crude(
        before_numerator=_sum(before, "numerator"),
        before_denominator=_sum(before, "denominator"),
        after_numerator=_sum(after, "numerator"),
        after_denominator=_sum(after, "denominator"),
    )
    level = crude.before_numerator / crude.before_denominator * per if before else float("nan")
    return Estimates(
        measure=measure,
        profile=profile,
        seed=7,
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        seconds=12.34,
        kind="stepped_wedge" if study.notebook.startswith("30") else "before_after",
        sequences=2,
        window=window,
        model=ModelSummary(
            measure=measure, likelihood="poisson", effect="rw", clustering="nested", calendar="categorical",
            trend="none", season="none", wave_effects=False, priors="default", cells=len(cells), gaps=0,
            events=int(_sum(cells, "numerator")),
        ),
        table=example_table(measure, groups=tuple(groups or {})),
        crude=crude,
        before=level,
        expected=level * 1.05,
        after=level * 0.8,
        curves={step: _curve(panel, cells, step, per) for step in (*STEPS, "phase")},
        outcome=outcome,
        contrast_sites=dict(groups or {}),
        warnings=tuple(warnings),
    )  # fmt: skip


def example_checks(measure: str = "clabsi", *, passed: bool = True, retried: bool = False) -> Checks:
    value = 1.003 if passed else 1.08
    row = CheckRow(measure=measure, check="r_hat", value=value, limit=1.01, passed=passed)
    return Checks(measure=measure, passed=passed, rows=(row,), retried=retried, draws=4000, chains=4)


def example_evaluation(
    study: Study, panel: Panel, measure: str, *, passed: bool = True, **changes: Any
) -> Evaluation:
    return Evaluation(
        estimates=example_estimates(study, panel, measure, **{"outcome": None} | changes),
        checks=example_checks(measure, passed=passed),
    )
