"""A new study: look at its files, say what was understood, ask what they do not say, write parameters/STUDY.yaml.

The mapping is written out in full, so that every later run reads the files the same way and guesses nothing.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from impl.data.panel import Panel
from impl.data.read import read_panel
from impl.data.rollout import DATES, STATES
from impl.data.sheets import read_sheets
from impl.errors import DataError, Fault, ImplError, StudyError, nearest, shorten
from impl.files.look.file import Looked, look_at_file
from impl.files.look.forms import look_at_form
from impl.files.look.question import Question, Wanted
from impl.files.table import read_table
from impl.release.atomic import write_atomically
from impl.study.catalogue import Bundle, Measure
from impl.study.load import bundle_ids, measure_ids, read_bundle, read_measure, read_study
from impl.study.source import DataSource, Quantities, TableSource
from impl.study.study import DESIGNS, QUALITY
from impl.study.vocabulary import fold

FAR_FROM_USUAL = 10  # times the catalogue's level, above or below which the unit is doubtful (choice)
ROLLOUT_COLUMNS = ("site", "allocated_start", "actual_start", "transition_end", "stop")
Talk = Callable[[Question], str]
Say = Callable[[str], None]


@dataclass(kw_only=True)
class _Asking:
    """Questions go to a person, or become faults where there is none (`--yes`)."""

    talk: Talk | None
    faults: list[Fault] = field(default_factory=list)

    def ask(self, question: Question) -> str | None:
        if self.talk is not None:
            return self.talk(question)
        allowed = f"one of {', '.join(question.options)}" if question.options else "said"
        self.faults.append(
            Fault(
                code="new.ambiguous",
                where=f"data.{question.key}",
                got=f"what the files do not say: {question.text}",
                allowed=allowed,
                fix="Run again without --yes and answer, or write it in the study file.",
            )
        )
        return None


def new_study(
    root: Path,
    study: str,
    *,
    measure: str,
    files: Sequence[Path],
    rollout: Path | None,
    talk: Talk | None,
    say: Say,
    notebook: str | None = None,
) -> Path:
    """Write `parameters/<study>.yaml`; returns it. talk: asks a person, None where nobody can be asked.

    notebook: None lets the starts decide. One that estimates nothing needs none, so a roll-out table made here says
    `never`.

    The file is written only if the study can then be read: all that may be missing is a start in a roll-out
    table that was made here. Raises StudyError or DataError with every fault.
    """
    target = root / "parameters" / f"{study}.yaml"
    asking = _Asking(talk=talk)
    faults = list(_name_faults(root, study, measure, target))
    if notebook is not None and notebook not in DESIGNS:
        allowed, fix = f"one of {', '.join(DESIGNS)}", nearest(notebook, DESIGNS) or "Choose one of these."
        faults.append(_fault("new.notebook", "--notebook", shorten(notebook), allowed, fix))
    inside = [_inside(root, file, faults) for file in files]
    starts = None if rollout is None else _inside(root, rollout, faults)
    if faults:
        raise StudyError(faults)
    entry = read_measure(measure, root)
    bundle = _bundle(root, entry, asking)
    looked: list[Looked] = []
    for file in inside:
        if file is not None:
            looked += look_at_file(root, file, _wanted(entry), asking.ask, faults)
    if asking.faults or faults or not looked or bundle is None:
        raise StudyError([*asking.faults, *faults])
    for each in looked:
        for note in each.notes:
            say(f"  {note}")
    source = _source(entry, looked)
    sites = _sites(root, source, entry)
    made = starts is None
    if starts is None:
        starts = _write_rollout(root, study, sites, "never" if notebook == QUALITY else "")
        if notebook != QUALITY:
            say(f"  {starts}: fill in when each site started, or never, or before-data")
        rollout_source = TableSource(file=starts)
    else:
        rollout_source = _rollout_source(root, starts, asking, say)
    notebook = notebook or _notebook(root, rollout_source, sites)
    text = _study_text(study, entry, bundle, source, rollout_source, notebook)
    write_atomically(target, text.encode())
    try:
        panel = read_panel(read_study(target))
    except ImplError as error:
        if not (made and {fault.code for fault in error.faults} <= {"data.blank_start"}):
            target.unlink()
            raise
    else:
        _say_panel(panel, entry, say)
    say(f"Written: parameters/{target.name}")
    return target


def _name_faults(root: Path, study: str, measure: str, target: Path) -> list[Fault]:
    faults = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", study):
        faults.append(
            _fault("study.id", "STUDY", shorten(study), "1-63 of a-z, 0-9 and hyphen", "Choose another id.")
        )
    elif target.exists():
        faults.append(
            _fault(
                "new.exists",
                "STUDY",
                f"a study that is there, parameters/{target.name}",
                "a new id",
                "Choose another, or delete that file.",
            )
        )
    known = measure_ids(root)
    if measure not in known:
        allowed = f"a known measure ({', '.join(known)})"
        fix = nearest(measure, known) or "Choose one, or write parameters/measures/<id>.toml."
        faults.append(_fault("study.unknown_measure", "--measure", shorten(measure), allowed, fix))
    return faults


def _inside(root: Path, file: Path, faults: list[Fault]) -> str | None:
    """Path from the project root, with / on every system."""
    try:
        return file.absolute().resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        fix = "Copy it into the project's data folder first."
        faults.append(_fault("data.path", shorten(file.name), "a file outside the project", "inside it", fix))
        return None


def _bundle(root: Path, measure: Measure, asking: _Asking) -> Bundle | None:
    bundles = [read_bundle(bundle, root) for bundle in bundle_ids(root)]
    found = [bundle for bundle in bundles if measure.id in bundle.measures]
    if len(found) == 1:
        return found[0]
    options = tuple(bundle.id for bundle in found or bundles)
    answer = asking.ask(
        Question(key="bundle", text=f"Which bundle is it about ({measure.id})?", options=options)
    )
    return next((bundle for bundle in bundles if bundle.id == answer), None)


def _wanted(measure: Measure) -> Wanted:
    events = [measure.id, *measure.name.values()]
    for noun in measure.events.values():
        events += [noun.one, noun.many]
    return Wanted(
        events=frozenset(map(fold, events)), exposure=frozenset(map(fold, measure.exposure.values()))
    )


# --- what was understood, as the block `data`


def _source(measure: Measure, looked: Sequence[Looked]) -> DataSource:
    roles: dict[str, str] = {}
    hidden: dict[str, int] | None = None
    for each in looked:
        roles |= {role: name for role, name in each.roles.items() if role not in roles}
        hidden = hidden or each.hidden
    missing = (
        [role for role in ("numerator", "denominator") if role not in roles] if "yes" not in roles else []
    )
    if missing:
        where = ", ".join(Path(each.table["file"]).name for each in looked)
        words: dict[str, Mapping[Any, Any]] = {"numerator": measure.events, "denominator": measure.exposure}
        raise StudyError(
            [
                _fault(
                    f"new.{role}", where, f"no column of the {role}",
                    f"one, called {_called(words[role])}", "Rename the column, or give its file with another --data.",
                )
                for role in missing
            ]
        )  # fmt: skip
    first, *rest = [dict(each.table) for each in looked]
    said = {
        **first,
        **({"also": rest} if rest else {}),
        **({"hidden": hidden} if hidden else {}),
        "measures": {measure.id: Quantities.model_validate(roles).model_dump(exclude_none=True)},
    }
    try:
        return DataSource.model_validate(said)
    except ValidationError as error:  # an answer that is no day, or answers that do not go together
        raise StudyError(
            [
                _fault(
                    "new.answer", ".".join(map(str, ("data", *detail["loc"]))), shorten(detail.get("input"), 60),
                    detail["msg"], "Run again, and answer otherwise.",
                )
                for detail in error.errors(include_url=False)
            ]
        ) from None  # fmt: skip


def _called(words: Mapping[Any, Any]) -> str:
    return " or ".join(dict.fromkeys(str(getattr(word, "many", word)) for word in words.values()))


def _sites(root: Path, source: DataSource, measure: Measure) -> list[str]:
    """Sites of the tables, in their order. Raises DataError with what is wrong in them."""
    faults: list[Fault] = []
    sheets = read_sheets(root, source, {measure.id: measure}, faults)
    if sheets is None:
        raise DataError(faults)
    return list(dict.fromkeys(sheets.table.get(fields, "site") for _, fields in sheets.table.rows))


def _write_rollout(root: Path, study: str, sites: Sequence[str], start: str) -> str:
    """A roll-out table to fill in: every site, `start` for each (empty: to be filled in)."""
    name = f"data/{study}-rollout.csv"
    target = root / name
    if not target.exists():
        lines = [",".join(ROLLOUT_COLUMNS), *(f"{_quoted(site)},,{start},," for site in sites)]
        target.parent.mkdir(exist_ok=True)
        write_atomically(target, ("\n".join(lines) + "\n").encode())
    return name


def _quoted(site: str) -> str:
    return '"' + site.replace('"', '""') + '"' if re.search(r'[",\n]', site) else site


def _rollout_source(root: Path, file: str, asking: _Asking, say: Say) -> TableSource:
    """How a roll-out table is written, by looking at it. Raises StudyError with what it does not say."""
    faults: list[Fault] = []
    forms = look_at_form(root, file, Wanted(events=frozenset(), exposure=frozenset()), asking.ask, faults)
    if asking.faults or faults or not forms:
        raise StudyError([*asking.faults, *faults])
    form, grid, notes = forms[0]
    for note in notes:
        say(f"  {note}")
    if form.get("delimiter") in ("comma", "semicolon"):
        form = {key: value for key, value in form.items() if key != "delimiter"}  # its headings say which
    cells = (raw for _, row in grid.rows[1:] for raw in row if isinstance(raw, str))
    norwegian = any(re.fullmatch(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}", raw.strip()) for raw in cells)
    return TableSource.model_validate(form | ({"days": "dd.mm.yyyy"} if norwegian else {}))


def _notebook(root: Path, rollout: TableSource, sites: Sequence[str]) -> str:
    """Before/after for one site or one common start, else stepped wedge."""
    table = read_table(
        root, rollout, required=("site", "actual_start"), optional=(), numeric=(), faults=[], dates=DATES
    )
    starts = set() if table is None else {table.get(fields, "actual_start") for _, fields in table.rows}
    dated = starts - set(STATES)
    together = len(sites) == 1 or (len(dated) == 1 and dated != {""})
    return "20_before_after" if together else "30_stepped_wedge"


def _say_panel(panel: Panel, measure: Measure, say: Say) -> None:
    cells = panel.cells[panel.cells["measure"] == measure.id]
    observed = cells[cells["observed"]]
    say(
        f"  {len(panel.sites)} sites, {len(panel.periods)} periods from {panel.periods[0].start} to {panel.periods[-1].end}"
    )
    level = measure.per * observed["numerator"].sum() / observed["denominator"].sum()
    exposure = measure.exposure.get("en", measure.exposure["nb"])
    unit = measure.unit.get("en", measure.unit["nb"])
    say(
        f"  {exposure}: {observed['denominator'].min():g} to {observed['denominator'].max():g} a site and period; "
        f"{level:.3g} {unit} in all"
    )
    if not 1 / FAR_FROM_USUAL < level / measure.baseline < FAR_FROM_USUAL:
        say(
            f"  Look again: the catalogue knows about {measure.baseline:g}. Is the denominator in {exposure}?"
        )
    for warning in panel.warnings:
        values = ", ".join(f"{key} {value}" for key, value in warning.values.items())
        say(f"  warning {warning.code}" + (f": {values}" if values else ""))


# --- the study file


@cache
def _words() -> dict[str, dict[str, str]]:
    return tomllib.loads((Path(__file__).parent / "new.toml").read_text(encoding="utf-8"))


def _study_text(
    study: str, measure: Measure, bundle: Bundle, source: DataSource, rollout: TableSource, notebook: str
) -> str:
    words = _words()

    def phrased(kind: str) -> dict[str, str]:
        found = {}
        for language, text in words[kind].items():
            name = measure.name.get(language)  # type: ignore[call-overload]
            the_bundle = bundle.the_bundle.get(language)  # type: ignore[call-overload]
            if name and the_bundle:
                name = name if kind == "title" or name.isupper() else name[0].lower() + name[1:]
                found[language] = text.format(measure=name, study=study, bundle=the_bundle)
        return found

    asked = "quality" if notebook == QUALITY else "question"
    lines = [
        "# Written by impl new. Title and question are a beginning: say what you want to know, before you look.",
        "schema: 1",
        f"id: {study}",
        "title:",
        *(f"  {language}: {_scalar(text)}" for language, text in phrased("title").items()),
        "question:",
        *(f"  {language}: {_scalar(text)}" for language, text in phrased(asked).items()),
        f"notebook: {notebook}",
        f"bundle: {bundle.id}",
        f"measures: {{primary: {measure.id}}}",
        "data:",
        *_block(source.model_dump(mode="json"), 1),
        f"rollout: {_flow({**rollout.model_dump(mode='json'), 'randomised': False})}",
        *(["audience: own-unit"] if notebook == QUALITY else []),
    ]
    return "\n".join(lines) + "\n"


def _block(values: Mapping[str, Any], depth: int) -> list[str]:
    """Keys of `data` with a comment each; keys at their default are not there."""
    comments, indent = _words()["comments"], "  " * depth
    order = [
        *(key for key in values if key not in ("measures", "also", "hidden")),
        "hidden",
        "measures",
        "also",
    ]
    lines = []
    for key in order:
        value = values.get(key)
        if value is None:
            continue
        comment = f"  # {comments[key]}" if key in comments and depth == 1 else ""
        if key == "also":
            lines.append(f"{indent}also:{comment}")
            for table in value:
                first, *rest = _block(table, depth + 2)
                lines += [f"{indent}  - {first.strip()}", *rest]
        elif key == "measures":
            lines.append(f"{indent}measures:{comment}")
            lines += [f"{indent}  {name}: {_flow(quantities)}" for name, quantities in value.items()]
        else:
            lines.append(f"{indent}{key}: {_flow(value)}{comment}")
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value)


def _scalar(text: str) -> str:
    """Plain where nothing can be misread, else in double quotes."""
    return (
        text
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*", text) and text not in ("null", "true", "false")
        else json.dumps(text, ensure_ascii=False)
    )


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
