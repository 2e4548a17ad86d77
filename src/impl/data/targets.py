"""Local targets (delmål): what a site means to reach on a measure, and by when; they may change over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from impl.errors import Fault, nearest, shorten
from impl.files.calendar import Period
from impl.files.table import Cell, cell_of, read_amount, read_code, read_date, read_table
from impl.study.catalogue import Measure
from impl.study.source import TableSource

EVERYWHERE = "*"
"""What stands in column `site` where all sites have the same target."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One row. target: on the measure's reported scale. site: EVERYWHERE for all."""

    row: int
    site: str
    measure: str
    first: date
    last: date
    target: float


def read_targets(
    root: Path,
    source: TableSource,
    sites: Mapping[str, str],
    measures: Mapping[str, Measure],
    faults: list[Fault],
) -> list[Target] | None:
    """Targets of one table; faults are noted. None where it cannot be read.

    sites: code -> site. A site's own target goes before one for all sites. Two rows of one site and measure
    may not speak of the same day. A measure without a good direction has no target: which side is met?
    """
    table = read_table(
        root,
        source,
        required=("site", "period_start", "period_end", "measure", "target"),
        optional=(),
        numeric=("target",),
        dates=("period_start", "period_end"),
        faults=faults,
    )
    if table is None:
        return None
    seen: dict[str, date] = {}
    found: dict[tuple[str, str], list[Target]] = {}
    for row, fields in table.rows:
        cells = {column: cell_of(table, row, fields, column, faults) for column in table.columns}
        site = _site(cells["site"], sites)
        measure = _measure(cells["measure"], measures)
        days = read_date(cells["period_start"], seen), read_date(cells["period_end"], seen)
        value = read_amount(cells["target"])
        if measure is not None and value is not None:
            value = _possible(cells["target"], value, measure)
        if site is None or measure is None or value is None or days[0] is None or days[1] is None:
            continue
        if days[1] < days[0]:
            cells["period_end"].refuse(
                "data.period_order",
                str(days[1]),
                f"on or after period_start, {days[0]}",
                "Check the two dates.",
            )
            continue
        target = Target(row=row, site=site, measure=measure.id, first=days[0], last=days[1], target=value)
        others = found.setdefault((site, measure.id), [])
        for other in others:
            if target.first <= other.last and other.first <= target.last:
                cells["period_start"].refuse(
                    "data.two_targets",
                    f"a target from {target.first} to {target.last}",
                    f"outside the target of the same site and measure in row {other.row}",
                    "Keep one, or let the first end before the next begins.",
                )
                break
        others.append(target)
    if not table.rows:
        faults.append(
            Fault(
                code="data.empty_table",
                where=Path(source.file).name,
                got="a header without rows",
                allowed="one row a target",
                fix="Add the targets, or take 'targets' out of the study file.",
            )
        )
    return [target for targets in found.values() for target in targets]


def _site(cell: Cell, sites: Mapping[str, str]) -> str | None:
    if cell.text == EVERYWHERE:
        return EVERYWHERE
    site = read_code(cell)
    if site is not None and site not in sites:
        cell.refuse(
            "data.unknown_site",
            shorten(site, 40),
            f"a site of the roll-out table, or {EVERYWHERE} for all sites",
            nearest(site, sites) or "Check the spelling.",
        )
    return None if site is None else sites.get(site)


def _measure(cell: Cell, measures: Mapping[str, Measure]) -> Measure | None:
    measure = measures.get(cell.text)
    if measure is None:
        cell.refuse(
            "data.unknown_measure",
            shorten(cell.text, 40),
            f"a measure of the study file ({', '.join(measures)})",
            nearest(cell.text, measures) or "Name it in 'measures' of the study file, or leave the row out.",
        )
    elif measure.direction == "ambiguous":
        cell.refuse(
            "data.target_without_direction",
            measure.id,
            "a measure of which more, or less, is good",
            "Leave the row out, or set the target on a measure that has a good direction.",
        )
        return None
    return measure


def _possible(cell: Cell, value: float, measure: Measure) -> float | None:
    limit = 100.0 if measure.kind == "proportion" else float("inf")
    if value <= limit and (value > 0 or measure.direction == "lower"):
        return value
    allowed = "above 0" if measure.direction == "higher" else "at least 0"
    cell.refuse(
        "data.impossible_target",
        shorten(cell.text),
        f"{allowed}{' and at most 100' if limit == 100 else ''}, {measure.unit.get('en', measure.unit['nb'])}",
        "Write it as the report shows the measure.",
    )
    return None


def target_table(targets: Sequence[Target], sites: Sequence[str], periods: Sequence[Period]) -> pd.DataFrame:
    """One row a site, measure and period with a target (see Panel.targets).

    The target of a period is the one in force on its last day: what a site means to have reached by then.
    """
    rows = []
    for site in sites:
        for measure in sorted({target.measure for target in targets}):
            own = [target for target in targets if target.measure == measure and target.site == site]
            every = [target for target in targets if target.measure == measure and target.site == EVERYWHERE]
            for number, period in enumerate(periods):
                in_force = [target for target in (*own, *every) if target.first <= period.end <= target.last]
                if in_force:
                    rows.append((site, measure, number, in_force[0].target))
    return pd.DataFrame(
        {
            "site": pd.Series([row[0] for row in rows], dtype="str"),
            "measure": pd.Series([row[1] for row in rows], dtype="str"),
            "period": pd.Series([row[2] for row in rows], dtype=int),
            "target": pd.Series([row[3] for row in rows], dtype=float),
        }
    )
