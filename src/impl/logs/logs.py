"""The coordinator's small tables of a study, read and checked together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from impl.errors import Fault
from impl.files.calendar import Period
from impl.logs.adaptation import adaptation_table, coding_table, read_adaptations
from impl.logs.cycles import cycle_table, phase_table, read_cycles, read_phases
from impl.logs.fidelity import fidelity_table, read_fidelity
from impl.logs.fit import fit_table, read_fit
from impl.logs.log import Setting
from impl.logs.strategy import read_strategies, strategy_table
from impl.logs.support import read_support, support_table
from impl.study.source import TableSource
from impl.study.study import Study

Rows = list[dict[str, Any]] | None
"""Checked rows of one table; None where the study names none, or it could not be read."""


@dataclass(frozen=True, kw_only=True)
class Logs:
    """Checked rows of each table, before the calendar gives them positions."""

    adaptations: Rows
    fidelity: Rows
    strategies: Rows
    cycles: Rows
    phases: Rows
    fit_form: Rows
    support: Rows


@dataclass(frozen=True, kw_only=True)
class LogTables:
    """The tables as Panel carries them; None for one that the study does not name."""

    adaptations: pd.DataFrame | None
    codings: pd.DataFrame | None
    fidelity: pd.DataFrame | None
    strategies: pd.DataFrame | None
    cycles: pd.DataFrame | None
    phases: pd.DataFrame | None
    fit_form: pd.DataFrame | None
    support: pd.DataFrame | None


def read_logs(study: Study, setting: Setting, periods: Sequence[Period] | None, faults: list[Fault]) -> Logs:
    """Every log that the study names; the faults of all of them are noted. periods None: not known."""

    def rows(source: TableSource | None, read: Callable[[Setting, TableSource, list[Fault]], Rows]) -> Rows:
        return None if source is None else read(setting, source, faults)

    log, audits = study.adaptations, study.fidelity
    return Logs(
        adaptations=None if log is None else read_adaptations(setting, log, faults),
        fidelity=None if audits is None else read_fidelity(setting, audits, periods, faults),
        strategies=rows(study.strategies, read_strategies),
        cycles=rows(study.cycles, read_cycles),
        phases=rows(study.phases, read_phases),
        fit_form=rows(study.fit_form, read_fit),
        support=rows(study.support, read_support),
    )


def logs_of(logs: Logs, sites: Collection[str]) -> Logs:
    """What the logs say of some sites."""

    def kept(rows: Rows) -> Rows:
        return None if rows is None else [row for row in rows if row["site"] in sites]

    return Logs(**{part.name: kept(getattr(logs, part.name)) for part in fields(logs)})


def log_tables(logs: Logs, periods: Sequence[Period]) -> LogTables:
    """The logs as tables with positions in `periods`."""
    return LogTables(
        adaptations=None if logs.adaptations is None else adaptation_table(logs.adaptations, periods),
        codings=None if logs.adaptations is None else coding_table(logs.adaptations),
        fidelity=None if logs.fidelity is None else fidelity_table(logs.fidelity, periods),
        strategies=None if logs.strategies is None else strategy_table(logs.strategies, periods),
        cycles=None if logs.cycles is None else cycle_table(logs.cycles, periods),
        phases=None if logs.phases is None else phase_table(logs.phases, periods),
        fit_form=None if logs.fit_form is None else fit_table(logs.fit_form),
        support=None if logs.support is None else support_table(logs.support, periods),
    )
