"""An attack on published files: which hidden counts can be computed from them?

Written apart from `impl.disclosure`. The attacker has the files' bytes, and is given what a neighbour may know anyway:
who reported in which period, over which denominator, and when each site started. The unknowns are the counts of every
site in every period, whole and not negative; each published number is a pair of inequalities. A hidden count is
recovered where the smallest and the largest value that it can have lie closer than the rule allows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp

LIMIT = {"network": 5, "public": 5, "open": 8}
BASE = {"open": 5}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the attacker knows beside the files. cells: one row a measure, site and period with `start`, `end` (days),
    `denominator`, `exposure` (periods since start), `before`, `began` (day of the first one, or never), `count` (the truth, which is never read by the attack
    but to say what was hidden). persons: whether persons are counted; work done is nobody's. shared: measures that count the same events."""

    cells: pd.DataFrame
    kinds: Mapping[str, str]
    persons: Mapping[str, bool]
    per: Mapping[str, float]
    shared: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Result:
    """hidden: counts that the rule hides. narrowed: those that the attack pinned down, and to how many values."""

    statements: int
    hidden: int
    narrowed: Mapping[str, float]
    searches: int


def recover(files: Sequence[bytes], known: Known, audience: str) -> Result:
    """Attack all files together, group by group of measures that count the same events."""
    releases = [json.loads(data) for data in files]
    statements = hidden = searches = 0
    narrowed: dict[str, float] = {}
    for group in known.shared:
        cells = known.cells[known.cells["measure"].isin(group)].reset_index(drop=True)
        unknown, place = np.unique(
            [f"{site}|{start}" for site, start in zip(cells["site"], cells["start"], strict=True)],
            return_inverse=True,
        )
        rows, low, high = _statements(releases, cells, place, len(unknown), known, audience)
        top = np.zeros(len(unknown)) + cells["count"].sum() + 50
        for index in np.flatnonzero(cells["measure"].map(known.kinds) == "proportion"):
            top[place[index]] = min(top[place[index]], cells["denominator"].iloc[index])
        truth = np.zeros(len(unknown))
        truth[place] = cells["count"]
        for row, least, most in zip(rows, low, high, strict=True):
            if not least - 1e-6 <= row @ truth <= most + 1e-6:
                raise ValueError(
                    f"a published number is not of these cells: {least} to {most}, {row @ truth}"
                )
        statements += len(rows)
        seen = [truth]
        for name, weight, needed in _targets(releases[-1], cells, place, len(unknown), known, audience):
            hidden += 1
            values = np.array(seen) @ weight
            width = float(values.max() - values.min())
            if width < needed and not any((row @ weight) for row in rows):
                continue
            if width < needed:
                searches += 1
                found, solutions = _search(weight, rows, low, high, top)
                seen += solutions
                width = max(width, found)
            if width < needed - 1e-6:
                narrowed[name] = width
    return Result(statements=statements, hidden=hidden, narrowed=narrowed, searches=searches)


def _statements(
    releases: Sequence[Mapping[str, Any]],
    cells: pd.DataFrame,
    place: np.ndarray,
    size: int,
    known: Known,
    audience: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row a published number: which unknowns it sums, and between which counts the sum lies."""
    said: dict[bytes, tuple[np.ndarray, float, float]] = {}

    def say(measure: str, flags: Any, low: float, high: float) -> None:
        row = np.zeros(size)
        row[place[np.asarray(flags & (cells["measure"] == measure))]] = 1.0
        if not row.any():
            return
        before = said.get(row.tobytes(), (row, -math.inf, math.inf))
        said[row.tobytes()] = (row, max(before[1], low), min(before[2], high))

    def say_level(measure: str, flags: Any, level: float | None, base: int | None = None) -> None:
        base = base or (BASE.get(audience, 1) if known.persons[measure] else 1)
        if level is None:
            return
        exposure = float(cells.loc[flags & (cells["measure"] == measure), "denominator"].sum())
        half = 0.5 * 10.0 ** (math.floor(math.log10(abs(level))) - 2) if level else 0.0
        ends = [(level + sign * half) * exposure / known.per[measure] for sign in (-1, 1)]
        low, high = (
            base * math.ceil(ends[0] / base - 1e-7),
            base * math.floor(ends[1] / base + 1e-7),
        )
        spare = base // 2 if high else 0
        say(measure, flags, low - spare, high + spare)

    for release in releases:
        sites = {row["site"] for row in release["design"]["rollout"]}
        last = release["study"]["data_to"]
        there = cells["site"].isin(sites) & (cells["end"] <= last)
        before = there & cells["before"] & (cells["began"] <= last)
        window = there & cells["exposure"].between(
            release["design"]["window_from"], release["design"]["window_to"]
        )
        for curve in release["curves"]:
            for point in curve["points"]:
                inside = there & (cells["start"] >= point["start"]) & (cells["start"] <= point["end"])
                say_level(curve["measure"], inside, point["observed"])
        for row in release["comparisons"]:
            say_level(row["measure"], before, row["before"])
            if release is releases[-1]:  # of an earlier fit it says less, see `impl.disclosure.functionals`
                say_level(row["measure"], window, row["after"], base=1)
        for model in release["design"]["models"]:
            if model["events"] is not None and audience not in BASE:
                say(model["measure"], there, model["events"], model["events"])
        for row in release["sections"].get("sites", []):
            for phase, flags in (("before", before), ("after", window)):
                count = row[phase]
                if count is not None and count["numerator"] is not None:
                    mine = flags & (cells["site"] == row["site"])
                    say(row["measure"], mine, count["numerator"], count["numerator"])
    rows = [row for row, _, _ in said.values()]
    return (
        np.array(rows).reshape(len(rows), size),
        np.array([low for _, low, _ in said.values()]),
        np.array([high for _, _, high in said.values()]),
    )


def _targets(
    release: Mapping[str, Any],
    cells: pd.DataFrame,
    place: np.ndarray,
    size: int,
    known: Known,
    audience: str,
) -> list[tuple[str, np.ndarray, float]]:
    """Every small count: of a site and period, of a site and phase, of a period, of a phase, of a hidden point."""
    window = cells["exposure"].between(release["design"]["window_from"], release["design"]["window_to"])
    phase = np.where(cells["before"], "before", np.where(window, "after", "rest"))
    sums: dict[str, np.ndarray] = {}
    for measure in cells["measure"].unique():
        mine = (cells["measure"] == measure).to_numpy()
        for keys in (["site", "start"], ["site", "phase"], ["start"], ["phase"]):
            parts = cells.assign(phase=phase)[mine].groupby(keys).indices
            for key, members in parts.items():
                name = " ".join(map(str, key if isinstance(key, tuple) else (key,)))
                sums[f"{measure} {name}"] = np.flatnonzero(mine)[members]
        for curve in release["curves"]:
            for point in curve["points"] if curve["measure"] == measure else ():
                inside = (cells["start"] >= point["start"]) & (cells["start"] <= point["end"])
                sums[f"{measure} {point['start']} to {point['end']}"] = np.flatnonzero(
                    mine & inside.to_numpy()
                )
    found = []
    for name, members in sums.items():
        measure = name.split(" ", 1)[0]
        count = float(cells["count"].iloc[members].sum())
        exposure = float(cells["denominator"].iloc[members].sum())
        limit = LIMIT[audience]
        if not known.persons[measure]:
            continue
        small = 0 < count < limit
        if known.kinds[measure] == "proportion":
            small |= 0 < exposure - count < limit
        if small:
            weight = np.zeros(size)
            weight[place[members]] = 1.0
            needed = min(limit, exposure) if known.kinds[measure] == "proportion" else limit
            found.append((name, weight, float(needed)))
    return found


def _search(
    weight: np.ndarray, rows: np.ndarray, low: np.ndarray, high: np.ndarray, top: np.ndarray
) -> tuple[float, list[np.ndarray]]:
    """Smallest and largest whole value of a sum; the linear bounds first, the whole counts that reach them then."""
    ends, solutions = [], []
    for sign in (1.0, -1.0):
        answer = milp(
            sign * weight,
            constraints=LinearConstraint(rows, low, high),
            bounds=Bounds(0, top),
            integrality=np.ones(len(weight)),
            options={"time_limit": 20.0},
        )
        if answer.x is None:
            raise ValueError(f"the published numbers contradict each other: {answer.message}")
        ends.append(float(np.round(answer.x) @ weight))
        solutions.append(np.round(answer.x))
    return ends[1] - ends[0], solutions
