"""What can be known to be wrong before a kernel starts: languages, tables, and whether the design carries the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from impl.errors import Fault, ImplError, nearest, shorten

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

    faults = language_faults(study.languages, f"{study.id}.yaml, key 'languages'")
    try:
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
