"""The roll-out table: when the bundle started at each site, as dates and as positions in the calendar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import pandas as pd

from impl.data.panel import PanelWarning, Period
from impl.data.table import Cell, cell_of, read_code, read_date, read_table
from impl.errors import Fault, nearest, shorten
from impl.study.catalogue import Bundle
from impl.study.vocabulary import fold

PANDEMIC = date(2020, 3, 12)  # strict national measures in Norway began
BEFORE_PANDEMIC = date(2019, 9, 12)  # six months earlier
LONG_GAP = 12  # months between consecutive starts (choice)
FEW_SITES = 8  # fewer cannot tell how much sites differ (choice)
STATES = ("never", "before-data")


@dataclass(frozen=True, kw_only=True)
class Start:
    """One row of the roll-out table. `state`: start, never or before-data; dates None where not given.

    components: which the site picked, as written; empty where the row does not say.
    """

    row: int
    site: str
    state: str
    stratum: str
    allocated_start: date | None
    actual_start: date | None
    transition_end: date | None
    stop: date | None
    components: tuple[str, ...] = ()


def read_rollout(
    root: Path, file: str, bundles: Sequence[str], faults: list[Fault]
) -> dict[str, dict[str, Start]] | None:
    """Starts by bundle and site; faults are noted. None where the table cannot be read at all.

    bundles: declared ones. Rows that name none, or a table without the column, belong to the first.
    """
    table = read_table(
        root,
        file,
        required=("site", "actual_start"),
        optional=("allocated_start", "transition_end", "stop", "bundle", "stratum", "components"),
        numeric=(),
        faults=faults,
    )
    if table is None:
        return None
    seen: dict[str, date] = {}
    by_bundle: dict[str, dict[str, Start]] = {bundle: {} for bundle in bundles}
    strata: dict[str, tuple[str, int]] = {}
    whole = True
    for row, fields in table.rows:
        site = read_code(cell_of(table, row, fields, "site", faults))
        before = len(faults)
        stratum = _stratum(cell_of(table, row, fields, "stratum", faults), site, row, strata)
        bundle = _bundle(cell_of(table, row, fields, "bundle", faults), bundles)
        whole = whole and site is not None and bundle is not None
        cells = {
            column: cell_of(table, row, fields, column, faults)
            for column in ("allocated_start", "actual_start", "transition_end", "stop")
        }
        actual = cells["actual_start"]
        state = actual.text if actual.text in STATES else "start"
        if not actual.text:
            actual.refuse(
                "data.blank_start",
                "nothing",
                "a date, never or before-data",
                "Write never for a site without the bundle, before-data for one that already had it.",
            )
        dates = {column: _optional_date(cell, seen) for column, cell in cells.items()}
        if site is None:
            continue
        # a site of a bundle that nobody declared is still known, and that once is enough
        starts = by_bundle.setdefault(bundle or "", {})
        if site in starts and bundle is not None:
            each = "site" if len(bundles) == 1 else "site and bundle"
            cells["actual_start"].refuse(
                "data.repeated_site",
                f"site {shorten(site, 40)} again",
                f"one row a {each} (first in row {starts[site].row})",
                "Delete one of the rows.",
            )
            continue
        picked = tuple(filter(None, (part.strip() for part in table.get(fields, "components").split(";"))))
        start = Start(row=row, site=site, state=state, stratum=stratum or "", components=picked, **dates)
        _check_order(start, cells)
        if len(faults) == before:
            starts[site] = start
        else:  # known by name, so that the panel's rows for it are not faults as well
            starts[site] = Start(
                row=row,
                site=site,
                state="faulty",
                stratum="",
                allocated_start=None,
                actual_start=None,
                transition_end=None,
                stop=None,
            )
    if not table.rows:
        faults.append(
            Fault(
                code="data.empty_table",
                where=table.shown,
                got="a header without rows",
                allowed="one row a site",
                fix="Add the sites and their starts.",
            )
        )
    elif whole:
        faults += _lacking(by_bundle, table.shown)
    return by_bundle


def _bundle(cell: Cell, bundles: Sequence[str]) -> str | None:
    if not cell.text or cell.text in bundles:
        return cell.text or bundles[0]
    cell.refuse(
        "data.unknown_bundle",
        shorten(cell.text, 40),
        f"a bundle of the study file ({', '.join(bundles)})",
        nearest(cell.text, bundles) or "Name it in 'other_bundles' of the study file, or leave the row out.",
    )
    return None


def _stratum(cell: Cell, site: str | None, row: int, strata: dict[str, tuple[str, int]]) -> str | None:
    """Stratum of a row, empty where none is given. strata: site -> stratum and the row that said so first."""
    stratum = read_code(cell) if cell.text else ""
    if site is None or stratum is None:
        return None
    first, at = strata.setdefault(site, (stratum, row))
    if stratum != first:
        cell.refuse(
            "data.two_strata",
            shorten(stratum, 40) if stratum else "nothing",
            f"{shorten(first, 40) if first else 'empty'}, as for the same site in row {at}",
            "Give a site the same stratum in all its rows.",
        )
    return stratum


def _lacking(by_bundle: Mapping[str, Mapping[str, Start]], shown: str) -> Iterator[Fault]:
    """Declared bundles without rows, and sites that lack a row for one of the others."""
    known = known_sites(by_bundle)
    for bundle, starts in by_bundle.items():
        if not starts:
            yield Fault(
                code="data.bundle_without_rows",
                where=f"{shown}, column 'bundle'",
                got=f"no row of {bundle}",
                allowed="rows of every declared bundle",
                fix="Add a row for each site, or take the bundle out of the study file.",
            )
            continue
        for site in sorted(known.keys() - starts.keys()):
            yield Fault(
                code="data.site_without_bundle",
                where=f"{shown}, row {known[site].row}, column 'bundle'",
                got=f"site {shorten(site, 40)} without a row for {bundle}",
                allowed="one row a site and bundle",
                fix="Add its start, or never where the site did not get the bundle.",
            )


def _optional_date(cell: Cell, seen: dict[str, date]) -> date | None:
    if not cell.text or (cell.text in STATES and cell.column in ("actual_start", "allocated_start")):
        return None
    if cell.column == "actual_start" and cell.text.casefold() in STATES:
        word = cell.text.casefold()
        cell.refuse("data.start_word", shorten(cell.text), "a date, never or before-data", f"Write {word}.")
        return None
    return read_date(cell, seen)


def _check_order(start: Start, cells: dict[str, Cell]) -> None:
    first = start.actual_start
    if start.state == "never":
        for column in ("transition_end", "stop"):
            if cells[column].text:
                cells[column].refuse(
                    "data.never_with_dates",
                    shorten(cells[column].text),
                    "empty where the start is never",
                    "Give the start, or empty the cell.",
                )
        return
    if start.state == "before-data" and start.transition_end is not None:
        cells["transition_end"].refuse(
            "data.before_data_transition",
            str(start.transition_end),
            "empty where the start is before-data",
            "Give the start, or empty the cell.",
        )
    if first is not None and start.transition_end is not None and start.transition_end < first:
        cells["transition_end"].refuse(
            "data.transition_before_start",
            str(start.transition_end),
            f"on or after the start, {first}",
            "Check the two dates.",
        )
    if first is not None and start.stop is not None and start.stop <= first:
        cells["stop"].refuse(
            "data.stop_before_start", str(start.stop), f"after the start, {first}", "Check the two dates."
        )


def known_sites(by_bundle: Mapping[str, Mapping[str, Start]]) -> dict[str, Start]:
    """Every site of the table with its first row."""
    sites: dict[str, Start] = {}
    for starts in by_bundle.values():
        for site, start in starts.items():
            if site not in sites or start.row < sites[site].row:
                sites[site] = start
    return sites


def picked_components(
    by_bundle: Mapping[str, Mapping[str, Start]], bundles: Sequence[Bundle], file: str, faults: list[Fault]
) -> dict[str, dict[str, str]]:
    """Bundle -> site -> ids of the components that it picked, separated by a semicolon; "" where not said.

    Faults are noted: a component that the bundle lacks, or a choice from a bundle that offers none.
    """
    picked: dict[str, dict[str, str]] = {}
    for bundle in bundles:
        known = bundle.spellings
        listed = ", ".join(dict.fromkeys(known.values()))
        for site, start in by_bundle.get(bundle.id, {}).items():
            unknown = [text for text in start.components if fold(text) not in known]
            got, where = start.components, f"{Path(file).name}, row {start.row}, column 'components'"
            if got and not bundle.choose_any:
                allowed = f"empty, since {bundle.id} is no programme that sites pick from"
                fix = "Empty the cell; what a site left out belongs in the adaptation log."
                faults.append(_fault("data.no_choice", where, "; ".join(got), allowed, fix))
            elif unknown:
                fix = nearest(fold(unknown[0]), known) or "Choose some of these, separated by semicolons."
                allowed = f"components of {bundle.id} ({listed})"
                faults.append(_fault("data.unknown_component", where, "; ".join(unknown), allowed, fix))
            ids = (known[fold(text)] for text in got if fold(text) in known)
            picked.setdefault(bundle.id, {})[site] = ";".join(dict.fromkeys(ids))
    return picked


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=shorten(got, 60), allowed=allowed, fix=fix)


def first_starts(by_bundle: Mapping[str, Mapping[str, Start]]) -> dict[str, date | None]:
    """Site -> first day with any of the bundles, None where it never got one; sites of which it is not known are left out."""
    found: dict[str, date | None] = {}
    for site in known_sites(by_bundle):
        starts = [of_bundle[site] for of_bundle in by_bundle.values() if site in of_bundle]
        if all(start.state in ("start", "never") for start in starts):
            found[site] = min((start.actual_start for start in starts if start.actual_start), default=None)
    return found


def without_stratum(starts: Mapping[str, Start], rollout_file: str) -> Iterator[Fault]:
    """Sites without a stratum, where the study asks for calendar time by stratum."""
    for start in starts.values():
        if not start.stratum and start.state != "faulty":
            yield Fault(
                code="data.no_stratum",
                where=f"{Path(rollout_file).name}, row {start.row}, column 'stratum'",
                got="nothing",
                allowed="a stratum for every site, since the study file says strata: true",
                fix="Fill in the column, or leave 'model.strata' out.",
            )


def match_sites(
    panel_sites: Mapping[str, int], starts: Mapping[str, Start], panel_file: str, rollout_file: str
) -> list[Fault]:
    """Sites that only one of the two tables knows. panel_sites: site -> first row."""
    faults = []
    for site, row in panel_sites.items():
        if site not in starts:
            faults.append(
                Fault(
                    code="data.site_without_start",
                    where=f"{Path(panel_file).name}, row {row}, column 'site'",
                    got=f"site {shorten(site, 40)}, which {Path(rollout_file).name} does not have",
                    allowed="in both tables",
                    fix="Add its start (a date, never or before-data) to the roll-out table.",
                )
            )
    for site, start in starts.items():
        if site not in panel_sites:
            faults.append(
                Fault(
                    code="data.site_without_rows",
                    where=f"{Path(rollout_file).name}, row {start.row}, column 'site'",
                    got=f"site {shorten(site, 40)}, which {Path(panel_file).name} does not have",
                    allowed="in both tables",
                    fix="Check the spelling, or leave the site out of the roll-out table.",
                )
            )
    return faults


def early_starts(starts: dict[str, Start], first: date, rollout_file: str) -> list[Fault]:
    """Starts before the first period: such a site has no known exposure time within these data."""
    return [
        Fault(
            code="data.start_before_data",
            where=f"{Path(rollout_file).name}, row {start.row}, column 'actual_start'",
            got=str(start.actual_start),
            allowed=f"on or after the first period, {first}",
            fix="Write before-data (the site is then left out of the effect), or bring earlier periods.",
        )
        for start in starts.values()
        if start.actual_start is not None and start.actual_start < first
    ]


def rollout_table(
    starts: dict[str, Start], sites: Sequence[str], periods: Sequence[Period], picked: Mapping[str, str]
) -> pd.DataFrame:
    """The roll-out in the order of `sites`, with positions in `periods` (see Panel.rollout).

    picked: site -> components of a programme.
    """
    rows = [starts[site] for site in sites]
    positions = [_positions(start, periods) for start in rows]
    columns: dict[str, pd.Series] = {
        "site": pd.Series(list(sites), dtype="str"),
        "state": pd.Series([start.state for start in rows], dtype="str"),
        "stratum": pd.Series([start.stratum for start in rows], dtype="str"),
        "components": pd.Series([picked[site] for site in sites], dtype="str"),
    }
    for name in ("allocated_start", "actual_start", "transition_end", "stop"):
        columns[name] = pd.Series([getattr(start, name) for start in rows], dtype=object)
    for index, name in enumerate(("start_period", "transition_from", "stop_period")):
        columns[name] = pd.Series([position[index] for position in positions], dtype=float)
    return pd.DataFrame(columns)


def _positions(start: Start, periods: Sequence[Period]) -> tuple[float, float, float]:
    """start_period, transition_from, stop_period.

    The start period is the first that lies wholly after the start (or after the transition); one that
    would lie after the data gets the position after the last. The stop period is the first that holds the
    stop day or lies after it: a period with the bundle in only a part of it is not one with the bundle.
    """
    stop = math.nan if start.stop is None else _first(period.end >= start.stop for period in periods)
    if start.actual_start is None:
        return math.nan, math.nan, stop
    full_from = start.actual_start
    if start.transition_end is not None:
        full = _first(period.start > start.transition_end for period in periods)
    else:
        full = _first(period.start >= full_from for period in periods)
    first = float(len(periods)) if math.isnan(full) else full
    touched = _first(period.end >= start.actual_start for period in periods)
    return first, touched if touched < first else math.nan, stop


def _first(flags: Iterable[bool]) -> float:
    return next((float(index) for index, flag in enumerate(flags) if flag), math.nan)


def rollout_warnings(
    starts: dict[str, Start], names: dict[str, str], periods: Sequence[Period]
) -> list[PanelWarning]:
    """What a reader should know about the roll-out."""
    warnings = []
    before_data = sum(start.state == "before-data" for start in starts.values())
    if before_data:
        warnings.append(PanelWarning(code="treated_before_data", values={"sites": before_data}))
    dated = sorted((start.actual_start, start.site) for start in starts.values() if start.actual_start)
    last = periods[-1].end
    after = sum(day > last for day, _ in dated)
    if after:
        warnings.append(PanelWarning(code="start_after_data", values={"sites": after}))
    modelled = len(starts) - before_data
    if 1 < modelled < FEW_SITES:
        warnings.append(PanelWarning(code="few_sites", values={"sites": modelled}))
    for (earlier, site), (later, _) in pairwise(dated):
        months = (later.year - earlier.year) * 12 + later.month - earlier.month - (later.day < earlier.day)
        if months > LONG_GAP:
            values: dict[str, float | int | str] = {"months": months, "after_site": names[site]}
            warnings.append(PanelWarning(code="long_gap_between_starts", values=values))
    if periods[0].start <= PANDEMIC <= last:
        close = sum(BEFORE_PANDEMIC <= day <= PANDEMIC for day, _ in dated)
        if close:
            warnings.append(PanelWarning(code="starts_before_pandemic", values={"sites": close}))
    return warnings
