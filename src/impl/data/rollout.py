"""The roll-out table: when the bundle started at each site, as dates and as positions in the calendar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from impl.errors import Fault, nearest, shorten
from impl.files.calendar import Period
from impl.files.table import Cell, cell_of, read_code, read_date, read_table
from impl.study.catalogue import Bundle
from impl.study.source import TableSource
from impl.study.vocabulary import fold

DATES = ("allocated_start", "actual_start", "transition_end", "stop")
STATES = ("never", "before-data")


@dataclass(frozen=True, kw_only=True)
class Start:
    """One row of the roll-out table. `state`: start, never or before-data; dates None where not given.

    allocated_state: never or before-data where the table says so of the allocation, else empty. components:
    which the site picked, as written; empty where the row does not say. areas: what the site covers
    (municipality codes or names of areas), kind: what kind of unit it is; both as written.
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
    allocated_state: str = ""
    areas: tuple[str, ...] = ()
    kind: str = ""

    def effective_state(self, by: str) -> str:
        """State by the start that counts: `allocated` where an allocation is given, or `actual`."""
        if by == "actual" or self.state in ("before-data", "faulty"):
            return self.state
        return "start" if self.allocated_start is not None else self.allocated_state or self.state

    def effective_start(self, by: str) -> date | None:
        """First day that counts as with the bundle; None for never and before-data."""
        if self.effective_state(by) != "start":
            return None
        return self.allocated_start if by == "allocated" and self.allocated_start else self.actual_start


def read_rollout(
    root: Path, source: TableSource, bundles: Sequence[str], faults: list[Fault]
) -> dict[str, dict[str, Start]] | None:
    """Starts by bundle and site; faults are noted. None where the table cannot be read at all.

    bundles: declared ones. Rows that name none, or a table without the column, belong to the first.
    """
    table = read_table(
        root,
        source,
        required=("site", "actual_start"),
        optional=(
            "allocated_start",
            "transition_end",
            "stop",
            "bundle",
            "stratum",
            "components",
            "areas",
            "kind",
        ),
        numeric=(),
        faults=faults,
        dates=DATES,
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
        cells = {column: cell_of(table, row, fields, column, faults) for column in DATES}
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
        allocated = cells["allocated_start"].text
        start = Start(
            row=row,
            site=site,
            state=state,
            stratum=stratum or "",
            components=_several(table.get(fields, "components")),
            allocated_state=allocated if allocated in STATES else "",
            areas=_several(table.get(fields, "areas")),
            kind=table.get(fields, "kind"),
            **dates,
        )
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


def _several(text: str) -> tuple[str, ...]:
    """Words between semicolons."""
    return tuple(filter(None, (part.strip() for part in text.split(";"))))


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


def early_starts(starts: Mapping[str, Start], first: date, rollout_file: str, by: str) -> list[Fault]:
    """Starts that count (`by`: allocated or actual) before the first period: such a site has no known exposure time within these data."""
    found = []
    for start in starts.values():
        day = start.effective_start(by)
        if day is not None and day < first:
            column = "actual_start" if day == start.actual_start else "allocated_start"
            found.append(
                Fault(
                    code="data.start_before_data",
                    where=f"{Path(rollout_file).name}, row {start.row}, column '{column}'",
                    got=str(day),
                    allowed=f"on or after the first period, {first}",
                    fix="Write before-data (the site is then left out of the effect), or bring earlier periods.",
                )
            )
    return found


def rollout_table(
    starts: Mapping[str, Start],
    sites: Sequence[str],
    periods: Sequence[Period],
    picked: Mapping[str, str],
    by: str,
) -> pd.DataFrame:
    """The roll-out in the order of `sites`, with positions in `periods` (see Panel.rollout).

    picked: site -> components of a programme. by: whether the allocated or the actual start counts.
    """
    rows = [starts[site] for site in sites]
    positions = [_positions(start, periods, by) for start in rows]
    columns: dict[str, pd.Series] = {
        "site": pd.Series(list(sites), dtype="str"),
        "state": pd.Series([start.effective_state(by) for start in rows], dtype="str"),
        "stratum": pd.Series([start.stratum for start in rows], dtype="str"),
        "components": pd.Series([picked[site] for site in sites], dtype="str"),
    }
    for name in DATES:
        columns[name] = pd.Series([getattr(start, name) for start in rows], dtype=object)
    for index, name in enumerate(("start_period", "transition_from", "stop_period")):
        columns[name] = pd.Series([position[index] for position in positions], dtype=float)
    return pd.DataFrame(columns)


def other_rollout(
    starts: Mapping[str, Start], rollout: pd.DataFrame, periods: Sequence[Period], by: str
) -> pd.DataFrame | None:
    """The roll-out by the start that does not count; None where it is the same, or begins before the data.

    rollout: by the start that counts (`by`).
    """
    other = "actual" if by == "allocated" else "allocated"
    if any(True for _ in early_starts(starts, periods[0].start, "", other)):
        return None
    picked = dict(zip(rollout["site"], rollout["components"], strict=True))
    found = rollout_table(starts, list(rollout["site"]), periods, picked, other)
    decides = ["state", "start_period", "transition_from"]
    return None if found[decides].equals(rollout[decides]) else found


def _positions(start: Start, periods: Sequence[Period], by: str) -> tuple[float, float, float]:
    """start_period, transition_from, stop_period.

    The start period is the first that lies wholly after the start (or after the transition); one that
    would lie after the data gets the position after the last. The stop period is the first that holds the
    stop day or lies after it: a period with the bundle in only a part of it is not one with the bundle.
    """
    stop = math.nan if start.stop is None else _first(period.end >= start.stop for period in periods)
    began = start.effective_start(by)
    if began is None:
        return math.nan, math.nan, stop
    end = start.transition_end
    full = _first(period.start >= began and (end is None or period.start > end) for period in periods)
    first = float(len(periods)) if math.isnan(full) else full
    touched = _first(period.end >= began for period in periods)
    return first, touched if touched < first else math.nan, stop


def _first(flags: Iterable[bool]) -> float:
    return next((float(index) for index, flag in enumerate(flags) if flag), math.nan)
