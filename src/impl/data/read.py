"""The contract: from the user's tables to a Panel, or every fault at once. No model sees a bad row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.areas import Starts, harmonise
from impl.data.companions import companion_warnings
from impl.data.covariates import Values, covariate_table, read_covariates
from impl.data.design import rollout_warnings
from impl.data.exposure import odd_exposures
from impl.data.gaps import gap_table
from impl.data.interruptions import interruption_periods
from impl.data.numbers import CellNumbers
from impl.data.panel import Panel, PanelWarning
from impl.data.places import told_apart
from impl.data.rollout import (
    early_starts,
    first_starts,
    known_sites,
    match_sites,
    other_rollout,
    picked_components,
    read_rollout,
    rollout_table,
    without_stratum,
)
from impl.data.rows import Rows, read_rows, rows_of
from impl.data.targets import Target, read_targets, target_table
from impl.errors import DataError, Fault
from impl.files.calendar import Calendar, derive_calendar
from impl.logs.log import Setting
from impl.logs.logs import Logs, log_tables, logs_of, read_logs
from impl.study.catalogue import Measure
from impl.study.load import read_bundle, read_measure
from impl.study.study import Study, Unit

MANY_GAPS = 0.20  # share of cells; above it the gaps themselves need explaining (choice)

Grid = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """Every table of a study, read and found good; not yet on the calendar's grid."""

    rows: Rows
    starts: Starts
    picked: dict[str, dict[str, str]]
    calendar: Calendar
    logs: Logs
    covariates: Values | None
    targets: list[Target] | None
    interruptions: dict[str, tuple[int, int]]
    place_warnings: tuple[PanelWarning, ...]


def read_panel(study: Study, *, today: date | None = None) -> Panel:
    """Read and check the tables of a study. `today` (UTC by default) is the last day that can have data.

    Of a study that was resolved for a unit, all tables are checked and the unit's sites kept. Raises DataError
    with all faults of all tables, or DesignError where the tables are each in order but cannot answer the
    study's question.
    """
    measures = {name: read_measure(name, study.root) for name in study.measures.declared}
    tables = _read_tables(study, measures, today or datetime.now(UTC).date())
    return _panel(study, measures, tables if study.unit is None else _of_unit(tables, study.unit))


def _read_tables(study: Study, measures: Mapping[str, Measure], today: date) -> _Tables:
    root = study.root
    faults: list[Fault] = []
    rows = read_rows(study, measures, today, faults)
    starts = read_rollout(root, study.rollout, study.bundles, faults)
    places = None
    if rows is not None and starts is not None:
        places = harmonise(study, rows, starts, faults)
        rows, starts = places.rows, places.starts
    in_rollout = known_sites(starts or {})
    sites = set(in_rollout) | set(rows.sites if rows else ())
    if rows is not None and rows.sites and in_rollout:
        faults += match_sites(rows.sites, in_rollout, study.data.file, study.rollout.file)
    if study.model.strata:
        faults += without_stratum(in_rollout, study.rollout.file)
    calendar = _calendar(rows, study, faults)
    periods = None if calendar is None else calendar.periods
    if periods and starts is not None:
        for of_bundle in starts.values():
            faults += early_starts(of_bundle, periods[0].start, study.rollout.file, study.rollout.starts)
    bundles = tuple(read_bundle(bundle, root) for bundle in study.bundles)
    picked = picked_components(starts or {}, bundles, study.rollout.file, faults)
    codes = {site: site for site in sites} | (places.area if places else {})
    setting = Setting(root=root, sites=codes, starts=first_starts(starts or {}), bundles=bundles)
    logs = read_logs(study, setting, periods, faults)
    covariates = None
    if study.covariates is not None:
        covariates = read_covariates(root, study.covariates, codes, periods, faults)
    targets = None
    if study.targets is not None:
        targets = read_targets(root, study.targets, codes, measures, faults)
    interruptions = interruption_periods(study, periods, faults) if periods else {}
    if faults or rows is None or starts is None or calendar is None or places is None:
        raise DataError(faults)
    return _Tables(
        rows=rows,
        starts=starts,
        picked=picked,
        calendar=calendar,
        logs=logs,
        covariates=covariates,
        targets=targets,
        interruptions=interruptions,
        place_warnings=places.warnings,
    )


def _of_unit(tables: _Tables, unit: Unit) -> _Tables:
    """What the tables say of the sites of one unit; the calendar stays everybody's."""
    return replace(
        tables,
        rows=rows_of(tables.rows, unit.sites),
        starts={
            bundle: {site: start for site, start in starts.items() if site in unit.sites}
            for bundle, starts in tables.starts.items()
        },
        logs=logs_of(tables.logs, unit.sites),
    )


def _panel(study: Study, measures: Mapping[str, Measure], tables: _Tables) -> Panel:
    """The tables on the calendar's grid, with what the reader should know about them."""
    rows, starts, calendar = tables.rows, tables.starts, tables.calendar
    site_order = _in_code_order(rows.sites)
    rollouts = {
        bundle: rollout_table(
            starts[bundle], site_order, calendar.periods, tables.picked[bundle], study.rollout.starts
        )
        for bundle in study.bundles
    }
    rollout = rollouts.pop(study.bundle)
    other_start = other_rollout(starts[study.bundle], rollout, calendar.periods, study.rollout.starts)
    grid = _fill(rows, site_order, calendar, tuple(sorted(measures)))
    gaps = int((~grid.observed & ~grid.intervals).sum()) - grid.zero_exposure
    logs = log_tables(tables.logs, calendar.periods)
    after_stop = _stopped(grid, [rollout, *rollouts.values()])
    in_pause = _paused(grid, logs.support)
    grid, stopped = _without(grid, after_stop)
    grid, paused = _without(grid, in_pause)
    _check_primary(grid, measures[study.measures.primary], study)
    names = told_apart({site: rows.names.get(site, site) for site in site_order})
    twins = sum(name != rows.names.get(site, site) for site, name in names.items())
    cells = _cells(grid)
    rates = tuple(name for name, measure in measures.items() if measure.kind == "rate")
    odd = sum(1 for _ in odd_exposures(cells, rates))
    return Panel(
        cells=cells,
        sites=site_order,
        periods=calendar.periods,
        period_months=calendar.months,
        rollout=rollout,
        adaptations=logs.adaptations,
        names=names,
        vintage=rows.vintage,
        warnings=(
            *_gap_warnings(grid, gaps, stopped, paused),
            *rows.warnings,
            *([PanelWarning(code="odd_exposure", values={"count": odd})] if odd else []),
            *tables.place_warnings,
            *([PanelWarning(code="same_names", values={"sites": twins})] if twins else []),
            *rollout_warnings(study, starts[study.bundle], names, calendar.periods),
            *companion_warnings(study, measures, cells, rollout),
        ),
        other_rollouts=rollouts,
        answers=_answers(rows, grid, measures, calendar),
        covariates=(
            None
            if tables.covariates is None or study.covariates is None
            else covariate_table(tables.covariates, study.covariates.use, site_order, calendar.periods)
        ),
        interruptions=tables.interruptions,
        codings=logs.codings,
        fidelity=logs.fidelity,
        strategies=logs.strategies,
        cycles=logs.cycles,
        phases=logs.phases,
        fit_form=logs.fit_form,
        support=logs.support,
        targets=None
        if tables.targets is None
        else target_table(tables.targets, site_order, calendar.periods),
        gaps=gap_table(cells, calendar.periods, site_order, rows, after_stop, in_pause),
        other_start=other_start,
    )


def _calendar(rows: Rows | None, study: Study, faults: list[Fault]) -> Calendar | None:
    if rows is None or not rows.spans:
        return None
    calendar = derive_calendar(rows.spans, Path(study.data.file).name)
    if isinstance(calendar, Calendar):
        return calendar
    faults += calendar
    return None


def _in_code_order(sites: Iterable[str]) -> tuple[str, ...]:
    """Numbers by size where every code is one (1, 2, 10), else by text."""
    codes = list(sites)
    if all(code.isascii() and code.isdigit() for code in codes):
        return tuple(sorted(codes, key=lambda code: (int(code), code)))
    return tuple(sorted(codes))


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """The full grid measure x site x period, one layer a field of CellNumbers; NaN where there is no number.

    zero_exposure: cells dropped for it.
    """

    measures: tuple[str, ...]
    sites: tuple[str, ...]
    values: dict[str, Grid]
    zero_exposure: int

    @property
    def observed(self) -> npt.NDArray[np.bool_]:
        return ~np.isnan(self.values["numerator"])

    @property
    def intervals(self) -> npt.NDArray[np.bool_]:
        return ~np.isnan(self.values["at_most"])


def _fill(rows: Rows, sites: tuple[str, ...], calendar: Calendar, measures: tuple[str, ...]) -> _Grid:
    shape = (len(measures), len(sites), len(calendar.periods))
    position = {period.start: index for index, period in enumerate(calendar.periods)}
    site_position = {site: index for index, site in enumerate(sites)}
    place = (
        np.array([measures.index(name) for name in rows.measure], dtype=int),
        np.array([site_position[site] for site in rows.site], dtype=int),
        np.array([position[start] for start, _ in rows.span], dtype=int),
    )
    numbers = np.array(rows.numbers, dtype=float).reshape(-1, len(CellNumbers._fields))
    values = {}
    for index, name in enumerate(CellNumbers._fields):
        values[name] = np.full(shape, np.nan)
        values[name][place] = numbers[:, index]
    # persons are followed through all periods, so one row may speak for all of its site
    of_persons = values["person_sum_squares"]
    given = np.nanmax(of_persons, axis=2, keepdims=True, initial=-np.inf, where=~np.isnan(of_persons))
    values["person_sum_squares"] = np.where(np.isfinite(given), given, np.nan) + np.zeros(shape)
    return _Grid(measures=measures, sites=sites, values=values, zero_exposure=rows.dropped)


def _stopped(grid: _Grid, rollouts: Sequence[pd.DataFrame]) -> npt.NDArray[np.bool_]:
    """Site x period: from a site's first stop on."""
    stops = np.min([rollout["stop_period"].fillna(np.inf) for rollout in rollouts], axis=0)
    found: npt.NDArray[np.bool_] = np.arange(grid.observed.shape[2])[None, :] >= stops[:, None]
    return found


def _paused(grid: _Grid, support: pd.DataFrame | None) -> npt.NDArray[np.bool_]:
    """Site x period: while the bundle paused. It was neither there nor not yet there, so such cells say nothing."""
    paused = np.zeros(grid.observed.shape[1:], dtype=bool)
    position = {site: index for index, site in enumerate(grid.sites)}
    periods = np.arange(paused.shape[1])
    for row in () if support is None else support.to_dict("records"):
        if row["site"] in position and np.isfinite(row["pause_from"]):
            until = row["pause_until"] if np.isfinite(row["pause_until"]) else np.inf
            paused[position[row["site"]]] |= (periods >= row["pause_from"]) & (periods < until)
    return paused


def _without(grid: _Grid, left_out: npt.NDArray[np.bool_]) -> tuple[_Grid, int]:
    """Grid with gaps in some site-periods, and the number of those with data that this left out."""
    known = grid.observed | grid.intervals
    cut = (known.any(axis=0) & left_out).any(axis=1)[:, None]  # the persons' means held what is left out here
    values = {
        name: np.where(cut if name == "person_sum_squares" else left_out, np.nan, layer)
        for name, layer in grid.values.items()
    }
    return replace(grid, values=values), int((known.any(axis=0) & left_out).sum())


def _answers(rows: Rows, grid: _Grid, measures: Mapping[str, Measure], calendar: Calendar) -> dict[str, Grid]:
    """Answers of every ordered measure, site x period x category; NaN where the cell is not observed."""
    found = {}
    for index, name in enumerate(grid.measures):
        categories = measures[name].categories
        if categories is None:
            continue
        answers = np.full((*grid.observed.shape[1:], categories), np.nan)
        for place, site in enumerate(grid.sites):
            for time, period in enumerate(calendar.periods):
                if grid.observed[index, place, time]:
                    answers[place, time] = rows.answers[name, site, period.start]
        found[name] = answers
    return found


def _check_primary(grid: _Grid, primary: Measure, study: Study) -> None:
    index = grid.measures.index(primary.id)
    seen = grid.observed[index]
    where = f"{Path(study.data.file).name}, measure {primary.id}"
    if not seen.any():
        raise DataError(
            [
                _fault(
                    "data.nothing_observed",
                    where,
                    "no cell with numbers",
                    "at least one",
                    "Bring the counts, or choose another primary measure.",
                )
            ]
        )
    events = grid.values["numerator"][index][seen]
    if primary.kind != "mean" and not events.any():
        raise DataError(
            [
                _fault(
                    "data.all_zero",
                    where,
                    f"0 events in all {seen.sum()} cells",
                    "at least one event",
                    "An effect cannot be estimated without events: use a longer series, more sites "
                    "or another measure.",
                )
            ]
        )
    if primary.kind == "proportion" and (events == grid.values["denominator"][index][seen]).all():
        raise DataError(
            [
                _fault(
                    "data.all_events",
                    where,
                    f"all of the denominator in all {seen.sum()} cells",
                    "at least one without the event",
                    "An effect cannot be estimated where nothing varies: use another measure.",
                )
            ]
        )


def _gap_warnings(grid: _Grid, gaps: int, stopped: int, paused: int) -> list[PanelWarning]:
    warnings = []
    share = gaps / grid.observed.size
    if gaps:
        values: dict[str, float | int | str] = {"count": gaps, "share": round(share, 4)}
        warnings.append(PanelWarning(code="gaps", values=values))
        if share > MANY_GAPS:
            warnings.append(PanelWarning(code="many_gaps", values=values))
    intervals = int(grid.intervals.sum())
    if intervals:
        share = round(intervals / grid.observed.size, 4)
        warnings.append(PanelWarning(code="intervals", values={"count": intervals, "share": share}))
    if grid.zero_exposure:
        warnings.append(PanelWarning(code="zero_exposure_dropped", values={"count": grid.zero_exposure}))
    if stopped:
        warnings.append(PanelWarning(code="stopped_periods_left_out", values={"count": stopped}))
    if paused:
        warnings.append(PanelWarning(code="paused_periods_left_out", values={"count": paused}))
    return warnings


def _cells(grid: _Grid) -> pd.DataFrame:
    measures, sites, periods = grid.observed.shape
    return pd.DataFrame(
        {
            "measure": pd.Series(np.repeat(grid.measures, sites * periods), dtype="str"),
            "site": pd.Series(np.tile(np.repeat(grid.sites, periods), measures), dtype="str"),
            "period": np.tile(np.arange(periods), measures * sites),
            **{name: layer.ravel() for name, layer in grid.values.items()},
            "observed": grid.observed.ravel(),
        }
    )


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
