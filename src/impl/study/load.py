"""Reading what the user declares: study files (YAML), measures and bundles (TOML), all faults at once."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from impl.errors import Fault, StudyError, nearest, shorten
from impl.study.catalogue import Bundle, Measure
from impl.study.characters import plain
from impl.study.paths import find_root, path_problem
from impl.study.strict_yaml import Node, Path_, parse_yaml, read_text, where_key
from impl.study.study import TABLES, Study
from impl.study.typed_tree import Reading, node_of, read_tree

__all__ = [
    "bundle_ids",
    "find_root",
    "list_studies",
    "measure_ids",
    "read_bundle",
    "read_measure",
    "read_study",
    "study_path",
]

NEWEST_SCHEMA = 1
_SHIPPED = Path(__file__).parent
_Named = tuple[str, Path_]
"""A name and the key path where it stands."""
_Place = Callable[..., str]
_Folder = Literal["measures", "bundles"]


def read_study(path: Path | str) -> Study:
    """Read one study file. A relative path is taken from the project root, else from the current folder.

    Checks the file, the catalogue entries it names, its notebook and its paths; not the data themselves.
    Raises StudyError with every fault found.
    """
    file = _locate(Path(path))
    root = find_root(file.parent)
    shown = file.name
    if file.suffix != ".yaml":
        raise StudyError(
            [
                _fault(
                    "study.file_name",
                    shorten(shown),
                    "another ending",
                    "a file named <id>.yaml",
                    "Rename it.",
                )
            ]
        )
    tree, faults = parse_yaml(read_text(file, shown), shown)
    if tree is None:
        raise StudyError(faults)
    newer = _newer_schema(tree, shown)
    if newer is not None:
        raise StudyError([newer])
    reading = read_tree(tree, Study, shown)
    faults += reading.faults
    faults += _meaning(reading, root, file, shown)
    if faults or reading.model is None:
        raise StudyError(_in_line_order(faults))
    study = reading.model
    study._root = root
    return study


def _locate(path: Path) -> Path:
    if path.is_absolute():
        return path
    try:
        inside = find_root(Path.cwd()) / path
    except StudyError:
        return path.absolute()
    return path.absolute() if path.exists() and not inside.exists() else inside


def _newer_schema(tree: Node, shown: str) -> Fault | None:
    line, node = tree.entries.get("schema", (None, None))
    if node is None or not node.plain or not re.fullmatch(r"[1-9][0-9]{0,8}", node.text):
        return None
    if int(node.text) <= NEWEST_SCHEMA:
        return None
    return _fault(
        "study.newer_schema",
        where_key(shown, line, ("schema",)),
        node.text,
        f"at most {NEWEST_SCHEMA}",
        "The file was written for a newer version of impl: update impl.",
    )


def _meaning(reading: Reading[Study], root: Path, file: Path, shown: str) -> Iterator[Fault]:
    """Faults that need more than the schema: names, paths, the catalogue, the notebook."""
    values = reading.values

    def place(*path: str) -> str:
        return where_key(shown, reading.lines.get(path), path)

    if "id" in values and values["id"] != file.stem:
        yield _fault(
            "study.id",
            place("id"),
            shorten(values["id"]),
            f"the file name, {shorten(file.stem)}",
            "Rename the file or change the id.",
        )
    files: list[tuple[str | None, Path_]] = [
        (getattr(values.get(key), "file", None), (key, "file")) for key in TABLES
    ]
    further = enumerate(getattr(values.get("data"), "also", ()), 1)
    files += [(table.file, ("data", "also", str(index), "file")) for index, table in further]
    for text, path in files:
        problem = None if text is None else path_problem(root, text)
        if problem is not None:
            yield _fault(
                "study.path",
                place(*(("places", "changes") if path[0] == "places" else path)),
                f"{shorten(text)} ({problem})",
                "a relative path inside the project",
                "Write it from the project's folder: data/falls.csv.",
            )
    if "notebook" in values:
        yield from _notebook(values["notebook"], root, place("notebook"))
    bundles: list[_Named] = [(values["bundle"], ("bundle",))] if "bundle" in values else []
    bundles += _numbered(values.get("other_bundles", ()), "other_bundles")
    yield from _entries(bundles, "bundles", Bundle, root, place)
    measures = values.get("measures")
    if measures is not None:
        named: list[_Named] = [(measures.primary, ("measures", "primary"))]
        named += _numbered(measures.paired, "measures", "paired")
        named += _numbered(measures.negative_controls, "measures", "negative_controls")
        yield from _entries(named, "measures", Measure, root, place)
    covariates = values.get("covariates")
    terms = [] if covariates is None else _numbered(covariates.use, "covariates", "use")
    shocks = enumerate(values.get("interruptions", ()), 1)
    terms += [(shock.id, ("interruptions", str(index), "id")) for index, shock in shocks]
    yield from _repeated(terms, place)
    yield from _reserved(terms, place)
    languages = values.get("languages", ())
    if len(set(languages)) < len(languages):
        yield _fault(
            "study.repeated", place("languages"), "a language twice", "given once", "Keep one of them."
        )


def _numbered(names: Iterable[str], *path: str) -> list[_Named]:
    return [(name, (*path, str(index))) for index, name in enumerate(names, 1)]


def _repeated(named: Iterable[_Named], place: _Place) -> Iterator[Fault]:
    """A fault for each name that has stood before."""
    seen: set[str] = set()
    for name, path in named:
        if name in seen:
            yield _fault(
                "study.repeated", place(*path), f"{plain(name)} again", "given once", "Keep one of them."
            )
        seen.add(name)


def _entries(
    named: Sequence[_Named], folder: _Folder, model: type[Bundle] | type[Measure], root: Path, place: _Place
) -> Iterator[Fault]:
    """Catalogue entries that are named twice, unknown or at fault themselves."""
    yield from _repeated(named, place)
    for name, path in dict(reversed(named)).items():  # the first place of each
        yield from _known(name, folder.removesuffix("s"), _entry_ids(folder, root), place(*path))
        yield from _entry_faults(name, folder, model, root)


def _reserved(named: Sequence[_Named], place: _Place) -> Iterator[Fault]:
    """Covariates and interruptions that are named as a column of every table is."""
    for name, path in named:
        if name in ("site", "period"):
            yield _fault(
                "study.reserved_name",
                place(*path),
                name,
                "another name than site and period",
                "Rename it, a covariate in its table as well.",
            )


def _known(identifier: str, what: str, known: tuple[str, ...], where: str) -> Iterator[Fault]:
    if identifier not in known:
        advice = (
            nearest(identifier, known)
            or f"Write parameters/{what}s/{plain(identifier)}.toml, or choose one of these."
        )
        yield _fault(
            f"study.unknown_{what}", where, plain(identifier), f"a known {what} ({', '.join(known)})", advice
        )


def _entry_faults(
    identifier: str, folder: _Folder, model: type[Bundle] | type[Measure], root: Path
) -> Iterator[Fault]:
    """Faults in the user's own catalogue file, shown with the study that needs it."""
    if (root / "parameters" / folder / f"{identifier}.toml").exists():
        try:
            _read_entry(identifier, folder, model, root)
        except StudyError as error:
            yield from error.faults


def _notebook(name: str, root: Path, where: str) -> Iterator[Fault]:
    # 80 and above are the report and network notebooks: they read Releases, not studies
    known = _stems(root / "notebooks", "[0-7][0-9]_*.ipynb")
    if name not in known or path_problem(root, f"notebooks/{name}.ipynb") is not None:
        allowed = f"an analysis notebook in notebooks/ ({', '.join(known) or 'none there'})"
        yield _fault(
            "study.notebook", where, plain(name), allowed, nearest(name, known) or "Choose one of these."
        )


def _in_line_order(faults: list[Fault]) -> list[Fault]:
    def line(fault: Fault) -> int:
        found = re.search(r", line (\d+)", fault.where)
        return int(found.group(1)) if found else 0

    return sorted(dict.fromkeys(faults), key=line)


def list_studies(root: Path) -> tuple[Path, ...]:
    """Study files of a project in name order (`.yml` too, so that a wrong ending is told, not passed over)."""
    return _study_files(root / "parameters")


def _study_files(folder: Path) -> tuple[Path, ...]:
    found = [file for ending in ("*.yaml", "*.yml") for file in folder.glob(ending)]
    return tuple(sorted(file for file in found if file.is_file() and not file.name.startswith(".")))


def study_path(root: Path, name_or_path: str) -> Path:
    """Study file of an id (`falls-home`), or of a path that leads into this project's `parameters/`.

    Studies of `parameters/worlds/` are found as well, though no list has them: they run when asked for. Where
    an id is there twice it is the first in `parameters/`, `b.yaml` before `b.yml`; the others are asked for by path.
    Raises StudyError naming the nearest id.
    """
    files = (*list_studies(root), *_study_files(root / "parameters" / "worlds"))
    by_id = {file.stem: file for file in reversed(files)}
    by_name = {file.name: file for file in reversed(files)}
    if name_or_path in by_id or name_or_path in by_name:
        return by_id.get(name_or_path) or by_name[name_or_path]
    places = {(os.path.realpath(file.parent), file.name): file for file in files}
    paths = [base / name_or_path for base in (root, Path.cwd())]
    for path in paths:
        place = (os.path.realpath(path.parent), path.name)
        if place in places:
            return places[place]
    known = f"Known here: {', '.join(by_id) or 'none'}."
    if any(os.path.isfile(path) for path in paths):
        allowed, fix = "a study of this project, parameters/<id>.yaml", f"Copy it to parameters/. {known}"
    else:
        allowed = "the id or the path of a study"
        fix = nearest(Path(name_or_path).stem, by_id) or known
    raise StudyError([_fault("study.unknown_study", "STUDY", shorten(name_or_path), allowed, fix)])


def read_measure(id: str, root: Path) -> Measure:  # noqa: A002
    """Measure by id: the user's own in `parameters/measures/` first, then the shipped one. Raises StudyError."""
    return _read_entry(id, "measures", Measure, root)


def read_bundle(id: str, root: Path) -> Bundle:  # noqa: A002
    """Bundle by id: the user's own in `parameters/bundles/` first, then the shipped one. Raises StudyError."""
    return _read_entry(id, "bundles", Bundle, root)


def measure_ids(root: Path) -> tuple[str, ...]:
    """Ids of all measures a project can use."""
    return _entry_ids("measures", root)


def bundle_ids(root: Path) -> tuple[str, ...]:
    """Ids of all bundles a project can use."""
    return _entry_ids("bundles", root)


def _entry_ids(folder: str, root: Path) -> tuple[str, ...]:
    return _with_shipped(folder, _stems(root / "parameters" / folder))


@lru_cache(maxsize=16)
def _with_shipped(folder: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """Shipped entries do not change while a process works with them."""
    return tuple(sorted({*own, *_stems(_SHIPPED / folder)}))


def _stems(folder: Path, pattern: str = "*.toml") -> tuple[str, ...]:
    """Names of the files in a folder, in order; looked up again only when the folder has changed."""
    try:
        status = folder.stat()
        return _stems_at(folder, pattern, (status.st_ino, status.st_mtime_ns, status.st_ctime_ns))
    except OSError:
        return ()


@lru_cache(maxsize=16)
def _stems_at(folder: Path, pattern: str, _changed: tuple[int, int, int]) -> tuple[str, ...]:
    return tuple(sorted(file.stem for file in folder.glob(pattern)))


def is_shipped(id: str, folder: _Folder) -> bool:  # noqa: A002
    """Whether an id belongs to an entry that comes with impl."""
    return (_SHIPPED / folder / f"{id}.toml").is_file()


def _read_entry[Entry: Bundle | Measure](
    identifier: str, folder: _Folder, model: type[Entry], root: Path
) -> Entry:
    what = folder.removesuffix("s")
    known = _entry_ids(folder, root)
    if identifier not in known:
        raise StudyError(list(_known(identifier, what, known, f"{what} id")))
    shown = f"{folder}/{identifier}.toml"
    own = root / "parameters" / folder / f"{identifier}.toml"
    if own.exists():
        problem = path_problem(root, f"parameters/{folder}/{identifier}.toml")
        if problem is not None:
            raise StudyError(
                [_fault("study.path", shown, problem, "a file inside the project", "Copy it there.")]
            )
    text = read_text(own if own.exists() else _SHIPPED / folder / f"{identifier}.toml", shown)
    try:
        tree = node_of(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        message = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a value that cannot be read"
        raise StudyError(
            [_fault("catalogue.syntax", shown, plain(message, 80), "valid TOML", "Mend that line.")]
        ) from None
    reading = read_tree(tree, model, shown)
    faults = reading.faults
    if reading.values.get("id", identifier) != identifier:
        faults.append(
            _fault(
                "catalogue.id",
                where_key(shown, None, ("id",)),
                shorten(reading.values["id"]),
                f"the file name, {identifier}",
                "Rename the file or change the id.",
            )
        )
    faults += _misused(reading, folder, root, shown, own.exists() and is_shipped(identifier, folder))
    if faults or reading.model is None:
        raise StudyError(faults)
    return reading.model


def _misused[Entry: Bundle | Measure](
    reading: Reading[Entry], folder: _Folder, root: Path, shown: str, shadows: bool
) -> Iterator[Fault]:
    """Faults of an entry that need more than its own file: other entries it names, one it hides."""
    if shadows and reading.values.get("replaces_shipped") is not True:
        what = folder.removesuffix("s")
        yield _fault(
            "catalogue.shadows",
            where_key(shown, None, ("id",)),
            f"the id of a {what} that comes with impl",
            f"an id of its own for your own {what}",
            "Rename the file and its id, or write replaces_shipped = true if it is meant to stand in its place.",
        )
    if reading.model is None:
        return
    known = measure_ids(root)
    for key, names in reading.model.related.items():
        for name in names:
            if name not in known:
                advice = nearest(name, known) or "Take it out, or write its file in parameters/measures/."
                where = where_key(shown, None, (key,))
                yield _fault("catalogue.unknown_measure", where, plain(name), "a known measure", advice)


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
