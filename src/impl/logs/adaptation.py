"""The adaptation log: which local modifications were made, when, and whether they kept the core."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import nan
from typing import Any, get_args

import numpy as np
import pandas as pd

from impl.errors import Fault, shorten
from impl.files.calendar import Period
from impl.files.table import Cell, cell_of, read_code
from impl.logs.log import (
    SEPARATOR,
    Setting,
    in_force,
    period_from,
    read_component,
    read_day,
    read_end,
    read_log,
    read_site,
    read_term,
    read_terms,
    site_periods,
)
from impl.study.source import TableSource
from impl.study.study import Moderator
from impl.study.vocabulary import spellings

ANSWERS = ("yes", "no", "unknown")
COLUMNS = (
    "site", "start", "end", "component", "nature", "consistent", "planned", "reactive", "target", "when",
    "systematic", "decided_by", "what", "component_role", "goal", "reason_level", "level", "modification",
)  # fmt: skip
SCORES: tuple[str, ...] = get_args(Moderator)

_PLANNED = {
    "yes": ("yes", "no"),
    "no": ("no", "yes"),
    "unknown": ("unknown", "unknown"),
    "proactive": ("yes", "no"),
    "planned_reactive": ("yes", "yes"),
    "unplanned_reactive": ("no", "yes"),
}
"""Word in column `planned` -> whether planned, whether an answer to something. A plain yes means beforehand."""
_ANSWER_WORDS = {answer: answer for answer in ANSWERS}


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two coders agree. kappa: share of the agreement beyond chance; NaN where chance alone gives 1.

    observed, expected: share of rows coded alike, and what chance would give. rows: coded twice.
    """

    kappa: float
    observed: float
    expected: float
    rows: int


def read_adaptations(
    setting: Setting, source: TableSource, faults: list[Fault]
) -> list[dict[str, Any]] | None:
    """Modifications as rows of COLUMNS and `coder`; faults are noted. An empty log is a log: nothing was modified.

    `end` may be empty (still in force). Words are those of FRAME (`study/vocabularies/frame.toml`), by id,
    name or label; several are separated by a semicolon. `nature` may also be a kind of contextual change. A
    modification from before the site's start says `when` = pre, since that field, not `planned`, is FRAME's
    word for it. Rows with the same `modification` are codings of one modification by two coders. Free text
    stays in the file.
    """
    table = read_log(
        setting,
        source,
        "adaptations",
        required=("site", "start", "component", "nature", "consistent"),
        optional=(
            *("end", "planned", "target", "when", "systematic", "decided_by", "what", "context", "goal"),
            *("component_role", "reason_level", "level", "modification", "coder", "second_coder"),
        ),
        faults=faults,
    )
    if table is None:
        return None
    words = {field: spellings("frame", field) for field in ("when", "target", "component_role", "answer")}
    several = {field: spellings("frame", field) for field in ("decided_by", "goal", "reason_level", "level")}
    natures = spellings("frame", "nature", "contextual")
    consistent = {**spellings("frame", "fidelity"), **_ANSWER_WORDS}
    planned = {**spellings("frame", "planned"), **_ANSWER_WORDS}
    seen: dict[str, date] = {}
    codings: dict[str, list[dict[str, Any]]] = {}
    rows = []
    for row, fields in table.rows:
        before = len(faults)

        def cell(column: str, row: int = row, fields: list[str] = fields) -> Cell:
            return cell_of(table, row, fields, column, faults)

        start = read_day(cell("start"), seen)
        values: dict[str, Any] = {
            "site": read_site(cell("site"), setting.sites),
            "start": start,
            "end": read_end(cell("end"), start, seen),
            "component": read_component(cell("component"), setting),
            "nature": _natures(cell("nature"), natures),
            "consistent": read_term(cell("consistent"), consistent),
            "target": read_term(cell("target"), words["target"], empty="intervention"),
            "when": read_term(cell("when"), words["when"], empty=""),
            "systematic": read_term(cell("systematic"), words["answer"], empty="unknown"),
            "component_role": read_term(cell("component_role"), words["component_role"], empty=""),
            "modification": _optional_code(cell("modification")),
            "coder": _optional_code(cell("coder")),
            **{field: read_terms(cell(field), known) for field, known in several.items()},
        }
        _optional_code(cell("second_coder"))
        what = read_terms(cell("what"), spellings("frame", "what", "contextual"))
        context = read_terms(cell("context"), spellings("frame", "contextual"))
        values["what"] = SEPARATOR.join(dict.fromkeys(filter(None, f"{what};{context}".split(SEPARATOR))))
        word = read_term(cell("planned"), planned, empty="unknown")
        values["planned"], values["reactive"] = _PLANNED[word] if word else ("unknown", "unknown")
        if len(faults) > before:
            continue
        _check_start(cell("start"), values, setting.starts)
        values["component_role"] = _role(cell("component_role"), values, setting.roles)
        if len(faults) == before and values["modification"]:
            _check_coding(cell("modification"), row, values, codings)
        if len(faults) == before:
            rows.append(values)
    return rows


def _natures(cell: Cell, words: Mapping[str, str]) -> str | None:
    found = read_terms(cell, words)
    if found == "":
        cell.refuse(
            "data.empty_text", "nothing", "what kind of change it was", "Write unknown if nobody knows."
        )
    return found


def _optional_code(cell: Cell) -> str | None:
    return read_code(cell) if cell.text else ""


def _check_start(cell: Cell, values: Mapping[str, Any], starts: Mapping[str, date | None]) -> None:
    """A modification before the site has the bundle is one of the plan, and must say so."""
    if values["when"] == "pre" or values["site"] not in starts:
        return
    start = starts[values["site"]]
    if start is None:
        cell.refuse(
            "data.before_rollout",
            f"{values['start']} at a site that never started",
            "a site with the bundle, or 'when' = pre",
            "Write pre in column 'when' for a change to the plan, or check the site.",
        )
    elif values["start"] < start:
        cell.refuse(
            "data.before_rollout",
            str(values["start"]),
            f"on or after the site's start, {start}, or 'when' = pre",
            "Check the date, or write pre in column 'when' for a change to the plan.",
        )


def _role(cell: Cell, values: Mapping[str, Any], roles: Mapping[str, str]) -> str:
    """Role of the component: the bundle's word, else the row's, else unknown."""
    said, known = values["component_role"], roles.get(values["component"])
    if known is not None and said not in ("", "unknown", known):
        cell.refuse(
            "data.component_role",
            said,
            f"{known}, as the bundle says",
            "Empty the cell, or mend the bundle's file.",
        )
    return known or said or "unknown"


def _check_coding(
    cell: Cell, row: int, values: dict[str, Any], codings: dict[str, list[dict[str, Any]]]
) -> None:
    """Two rows of one modification are about the same thing and by different coders."""
    earlier = codings.setdefault(values["modification"], [])
    coders = [first["coder"] for first in earlier]
    if earlier and (len(earlier) > 1 or not values["coder"] or not all(coders) or values["coder"] in coders):
        cell.refuse(
            "data.repeated_modification",
            f"{shorten(values['modification'], 40)} again (first in row {earlier[0]['row']})",
            "one row a modification, or two by different coders",
            "Name both in column 'coder', or give the modification a code of its own.",
        )
    elif earlier and (earlier[0]["site"], earlier[0]["start"]) != (values["site"], values["start"]):
        cell.refuse(
            "data.codings_differ",
            f"{shorten(values['modification'], 40)} with another site or start than row {earlier[0]['row']}",
            "the same site and start in both codings",
            "Mend the row, or give the modification a code of its own.",
        )
    else:
        earlier.append({**values, "row": row})


def adaptation_table(rows: Sequence[dict[str, Any]], periods: Sequence[Period]) -> pd.DataFrame:
    """The log in date order, one row a modification (the first coding of it), with `from_period` (see Panel)."""
    known: set[str] = set()
    first = []
    for row in rows:
        if not row["modification"] or row["modification"] not in known:
            first.append(row)
            known.add(row["modification"])
    ordered = sorted(first, key=lambda row: (row["start"], row["site"]))
    columns: dict[str, pd.Series] = {}
    for name in COLUMNS:
        dtype = object if name in ("start", "end") else "str"
        columns[name] = pd.Series([row[name] for row in ordered], dtype=dtype)
    columns["from_period"] = pd.Series([period_from(row["start"], periods) for row in ordered], dtype=int)
    return pd.DataFrame(columns)


def coding_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Modifications that were coded twice: `modification`, and nature and consistent by each coder.

    Columns `nature`, `consistent` and `second_nature`, `second_consistent`, in the order of the log.
    """
    codings: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["modification"]:
            codings.setdefault(row["modification"], []).append(row)
    twice = {name: pair for name, pair in codings.items() if len(pair) == 2}
    columns = {"modification": pd.Series(list(twice), dtype="str")}
    for field in ("nature", "consistent"):
        columns[field] = pd.Series([first[field] for first, _ in twice.values()], dtype="str")
        columns[f"second_{field}"] = pd.Series([second[field] for _, second in twice.values()], dtype="str")
    return pd.DataFrame(columns)


def cohen_kappa(codings: pd.DataFrame, column: str) -> Agreement:
    """Agreement of two coders about `column` (nature or consistent) of `coding_table`.

    Several natures in one row count as one category, whatever their order: a half match is no match. NaN
    without rows. Source: Cohen 1960, Educational and Psychological Measurement 20:37-46.
    """
    pairs = [
        tuple(SEPARATOR.join(sorted(str(text).split(SEPARATOR))) for text in pair)
        for pair in zip(codings[column], codings[f"second_{column}"], strict=True)
    ]
    rows = len(pairs)
    if not rows:
        return Agreement(kappa=nan, observed=nan, expected=nan, rows=0)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    observed = sum(a == b for a, b in pairs) / rows
    expected = sum(count * second[word] for word, count in first.items()) / rows**2
    kappa = nan if expected == 1 else (observed - expected) / (1 - expected)
    return Agreement(kappa=kappa, observed=observed, expected=expected, rows=rows)


def score_of(row: Mapping[str, Any]) -> str:
    """Which score a modification counts in: exactly one of SCORES but core_removed.

    A change of the implementation strategy counts as that. Removing a core component is inconsistent
    whatever the row says. What is not known to be consistent, or not known to be planned, is unknown.
    """
    if row["target"] == "strategy":
        return "strategy"
    if row["consistent"] == "no" or removes_core(row):
        return "inconsistent"
    if row["consistent"] == "unknown" or row["reactive"] == "unknown":
        return "unknown"
    return "consistent_planned" if row["reactive"] == "no" else "consistent_reactive"


def removes_core(row: Mapping[str, Any]) -> bool:
    """Whether a modification takes a core component of the bundle away."""
    removed = "removing" in str(row["nature"]).split(SEPARATOR)
    return removed and row["component_role"] == "core" and row["target"] == "intervention"


def adaptation_scores(log: pd.DataFrame, sites: Sequence[str], periods: Sequence[Period]) -> pd.DataFrame:
    """Modifications in force at the first day of each period, by kind: one row a site x period, columns SCORES (int).

    log: as `adaptation_table` gives it. A modification counts from the first period that begins on or after
    its date, so that none from within or after a period touches its score, and until its last day.
    `core_removed` is the part of `inconsistent` that removes a core component; the others exclude each other.
    The counts say nothing about the roll-out: before a site's start they are changes to the plan.
    Source: fields of FRAME (Wiltsey Stirman 2019) and FRAME-IS (Miller 2021), read as four kinds and unknown.
    """
    counts = {score: np.zeros((len(sites), len(periods)), dtype=int) for score in SCORES}
    position = {site: index for index, site in enumerate(sites)}
    starts = np.array([period.start for period in periods], dtype=object)
    for row in log.to_dict("records"):
        if row["site"] not in position:
            continue
        force = in_force(row["from_period"], row["end"], starts)
        counts[score_of({str(key): value for key, value in row.items()})][position[row["site"]]] += force
        if removes_core({str(key): value for key, value in row.items()}):
            counts["core_removed"][position[row["site"]]] += force
    scores = {score: pd.Series(values.ravel(), dtype=int) for score, values in counts.items()}
    return pd.DataFrame({**site_periods(sites, periods), **scores})
