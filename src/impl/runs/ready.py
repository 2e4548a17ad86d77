"""What can be known to be wrong before a kernel starts: languages, tables, and whether the design carries the model."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impl.errors import Fault, ImplError, nearest, shorten
from impl.runs.ledger import ledger_name

if TYPE_CHECKING:
    from impl.study.study import Study


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a study's inputs told. `warnings`: code and values, each said once. Sizes are None where the tables are not
    read."""

    faults: tuple[Fault, ...]
    warnings: tuple[tuple[str, Mapping[str, Any]], ...]
    sites: int | None = None
    periods: int | None = None


def inspect_study(study: Study) -> Inspection:
    """Read the tables and decide the structure of every measure; samples nothing, writes nothing.

    A study that looks at its data alone has no structure: its tables only have to be readable.
    """
    from impl.data.read import read_panel
    from impl.data.units import list_units, unit_study
    from impl.register.register import read_register

    faults = language_faults(study.languages, f"{study.id}.yaml, key 'languages'")
    try:
        read_register(study.root)  # the Release will say what it says of the study
        panel = read_panel(study)
        if study.units is not None:  # the model is that of one unit; the first stands for all
            study = unit_study(study, list_units(study)[0])
            panel = read_panel(study)
    except ImplError as error:
        return Inspection(faults=(*faults, *error.faults), warnings=())
    warnings: list[tuple[str, Mapping[str, Any]]] = [
        (each.code, dict(each.values)) for each in panel.warnings
    ]
    for measure in () if study.estimates_nothing else study.measures.declared:
        from impl.model.structure import describe_structure

        try:
            found = describe_structure(study, panel, measure).warnings
            warnings += [warning for warning in found if warning not in warnings]
        except ImplError as error:
            faults += [fault for fault in error.faults if fault not in faults]
    return Inspection(
        faults=tuple(faults), warnings=tuple(warnings), sites=len(panel.sites), periods=len(panel.periods)
    )


def language_faults(languages: Sequence[str], where: str) -> list[Fault]:
    """A fault for every language that has no file in report/."""
    from impl.report.language import language_codes

    known = language_codes()
    return [
        Fault(
            code="run.language",
            where=where,
            got=shorten(language),
            allowed=f"one of {', '.join(known)}",
            fix=nearest(language, known) or "Choose one of these.",
        )
        for language in languages
        if language not in known
    ]


# --- as `impl check` tells it


def check_row(path: Path) -> dict[str, Any]:
    """One study's faults, warnings and size: file, data, and whether the design can carry the model."""
    from impl.study.load import read_study

    try:
        found = inspect_study(read_study(path))
    except ImplError as error:
        found = Inspection(faults=error.faults, warnings=())
    return _row(path, found)


def warning_lines(warnings: Sequence[dict[str, Any]], *, every: bool) -> list[str]:
    """One line a code with how many there are, or each with its numbers."""
    if not every:
        codes = Counter(warning["code"] for warning in warnings)
        return [code if count == 1 else f"{code} ({count})" for code, count in codes.items()]
    lines = []
    for warning in warnings:
        values = ", ".join(f"{key} {value}" for key, value in warning["values"].items())
        lines.append(warning["code"] + (f": {values}" if values else ""))
    return lines


def crashed_row(path: Path, error: Exception) -> dict[str, Any]:
    """The row of a study over which impl itself stumbled; the traceback has been shown."""
    fault = Fault(
        code="check.internal",
        where=path.name,
        got=f"an error of impl itself ({type(error).__name__})",
        allowed="checked without one",
        fix="This is a bug of impl, not your mistake: report it with its traceback.",
    )
    return _row(path, Inspection(faults=(fault,), warnings=()))


def _row(path: Path, found: Inspection) -> dict[str, Any]:
    return {
        "id": ledger_name(path),
        "faults": [dataclasses.asdict(fault) for fault in found.faults],
        "warnings": [{"code": code, "values": dict(values)} for code, values in found.warnings],
        "sites": found.sites,
        "periods": found.periods,
    }
