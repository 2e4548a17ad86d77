"""One study for many units: which units its roll-out table has, and the study resolved for one of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from impl.errors import DataError, Fault, StudyError, nearest, shorten
from impl.files.table import read_table
from impl.study.load import read_study as read_whole_study
from impl.study.study import Study, Unit
from impl.study.value import Translated

LONGEST_ID = 63
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ð": "d", "đ": "d", "þ": "th"})
PLACE = "{unit}"
"""What stands for the unit's name in a study's title and question."""


def read_study(path: Path | str, unit: str = "") -> Study:
    """Read a study file, and resolve it for a unit where it has units.

    unit: code of the unit, as the roll-out table has it. Raises StudyError with every fault of the file, and
    where the unit is not one of the study's or none was named.
    """
    study = read_whole_study(path)
    if study.units is None and not unit:
        return study
    where = f"{Path(path).name}, unit"
    if study.units is None:
        raise StudyError(
            [
                _fault(
                    "study.no_units", where, shorten(unit), "none: the study has no units", "Leave it empty."
                )
            ]
        )
    units = {each.code: each for each in list_units(study)}
    if unit not in units:
        some = ", ".join([*units][:5]) + (" …" if len(units) > 5 else "")
        advice = (unit and nearest(unit, units)) or 'Name one: impl.read_study(study, unit="…").'
        raise StudyError(
            [_fault("study.unknown_unit", where, shorten(unit) or "none", f"one of {some}", advice)]
        )
    return unit_study(study, units[unit])


def list_units(study: Study) -> tuple[Unit, ...]:
    """The units of a study, in the order of the roll-out table. Reads that table alone.

    Raises DataError where it lacks a column or a word, or two units would get one id; StudyError where the
    study has no units.
    """
    chosen = study.units
    if chosen is None:
        raise StudyError(
            [
                _fault(
                    "study.no_units",
                    f"{study.id}.yaml",
                    "no key 'units'",
                    "a study with units",
                    "Add the key.",
                )
            ]
        )
    faults: list[Fault] = []
    named = [chosen.column, *([chosen.name] if chosen.name else [])]
    required = tuple(dict.fromkeys(("site", *named)))
    table = read_table(study.root, study.rollout, required=required, optional=(), numeric=(), faults=faults)
    if table is None:
        raise DataError(faults)
    sites: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for row, fields in table.rows:
        code = table.get(fields, chosen.column)
        if not code:
            where = f"{table.shown}, row {row}, column '{chosen.column}'"
            faults.append(_fault("data.blank", where, "nothing", "the unit of this site", "Fill it in."))
            continue
        sites.setdefault(code, set()).add(table.get(fields, "site"))
        names.setdefault(code, table.get(fields, chosen.name) if chosen.name else code)
    wanted = [code for code in sites if not chosen.only or code in chosen.only]
    faults += [
        _fault(
            "study.unknown_unit",
            f"{study.id}.yaml, key 'units.only'",
            shorten(code),
            f"a word in column '{chosen.column}' of {table.shown}",
            nearest(code, sites) or "Choose one that is there.",
        )
        for code in chosen.only
        if code not in sites
    ]
    faults += _clashes(study, wanted, table.shown)
    if faults:
        raise DataError(faults)
    return tuple(Unit(code=code, name=names[code] or code, sites=frozenset(sites[code])) for code in wanted)


def unit_study(study: Study, unit: Unit) -> Study:
    """The study of one unit: an id of its own, its name in title and question, and its sites alone."""

    def of_unit(texts: Translated) -> Translated:
        return {language: text.replace(PLACE, unit.name) for language, text in texts.items()}

    resolved = study.model_copy(
        update={
            "id": unit_id(study.id, unit.code),
            "title": of_unit(study.title),
            "question": of_unit(study.question),
            "units": None,
        }
    )
    resolved._root, resolved._unit, resolved._declared = study.root, unit, study
    return resolved


def unit_id(study: str, code: str) -> str:
    """Id of the study of one unit: `<study>-<code>` in the letters that an id may have."""
    folded = unicodedata.normalize("NFKD", code.casefold().translate(_LETTERS))
    word = re.sub(r"[^a-z0-9]+", "-", folded.encode("ascii", "ignore").decode()).strip("-")
    return f"{study}-{word}"


def _clashes(study: Study, codes: Iterable[str], shown: str) -> list[Fault]:
    """Units whose ids would be the same, empty or too long."""
    seen: dict[str, str] = {}
    faults = []
    for code in codes:
        name = unit_id(study.id, code)
        where = f"{shown}, unit {shorten(code, 40)}"
        if name == f"{study.id}-" or len(name) > LONGEST_ID:
            allowed = f"a code that gives an id of at most {LONGEST_ID} letters, digits and hyphens"
            faults.append(_fault("study.unit_id", where, shorten(name, 80), allowed, "Use a shorter code."))
        elif seen.setdefault(name, code) != code:
            allowed = f"another id than that of unit {shorten(seen[name], 40)}"
            faults.append(_fault("study.unit_id", where, shorten(name, 80), allowed, "Rename one of them."))
    return faults


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
