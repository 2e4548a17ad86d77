"""What makes two runs the same run: study, data, notebook, code and environment, as hashes.

`run_key` is confidential: it is made of data, and small counts could be guessed from it. `run_id` is
public: it is keyed by a secret that never leaves `build/`.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import importlib.metadata
import json
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from impl.errors import Fault, ImplError, RunError, StudyError
from impl.study.characters import plain
from impl.study.load import read_bundle, read_measure
from impl.study.paths import REGISTER_FILE, path_problem
from impl.study.study import Study
from impl.study.value import canonical_json

_DISTRIBUTION = "impl-workbench"
_PACKAGE = Path(__file__).parent.parent
_CODE = {".py", ".toml", ".j2", ".css", ".json"}
_NOT_IN_A_RELEASE = {"report", "runs", "cli.py"}
_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Identity of one run.

    run_id: 12 hex digits, public. run_key: sha256, confidential. plan_sha256: the study file's content,
    whatever its spelling or order. lock_sha256: requirements.lock, None without one. git_commit: full
    hash, None outside a repository. impl: version of this package. parts: what `run_key` is made of, as hashes by
    name; confidential as it is.
    """

    run_id: str
    run_key: str
    plan_sha256: str
    lock_sha256: str | None
    git_commit: str | None
    impl: str
    parts: Mapping[str, str]


def identify(study: Study, *, profile: str) -> Identity:
    """Identity of a run of `study`. Raises StudyError where a named file is missing or unreadable."""
    root = study.root
    plan = canonical_json(study.model_dump(mode="json", by_alias=True))
    lock = root / "requirements.lock"
    faults: list[Fault] = []
    lock_sha256 = _data_sha256(root, lock.name, faults) if lock.is_file() else None
    data = {name: _data_sha256(root, name, faults) for name in study.files}
    source = study.model.learns_from
    if source is not None and path_problem(root, source.releases) is None:
        told = [_run_of(file) for file in releases_learnt_from(root / source.releases, study)]
        data[f"Releases in {source.releases}"] = _sha256(canonical_json(told))
    notebook = _notebook_sha256(root, study.notebook, faults)
    if faults:
        raise StudyError(faults)
    unit = None if study.unit is None else [study.unit.code, study.unit.name, sorted(study.unit.sites)]
    parts = {
        "study file": _sha256(plan),
        "profile": profile,
        "unit": _sha256(canonical_json(unit)),
        "catalogue": _catalogue_sha256(
            root,
            study.measures.declared,
            study.bundles,
            tuple(
                file_stamp(root / f"parameters/measures/{measure}.toml")
                for measure in study.measures.declared
            ),
            tuple(file_stamp(root / f"parameters/bundles/{bundle}.toml") for bundle in study.bundles),
        ),
        **data,
        f"notebooks/{study.notebook}.ipynb": notebook,
        "impl": code_sha256(),
        "requirements.lock": lock_sha256 or "",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
    if registered := _registered(root, file_stamp(root / REGISTER_FILE)).get(study.as_declared.id):
        parts["register"] = registered
    run_key = _sha256(canonical_json(parts))
    return Identity(
        run_id=hmac.new(_secret(root), run_key.encode(), hashlib.sha256).hexdigest()[:12],
        run_key=run_key,
        plan_sha256=_sha256(plan),
        lock_sha256=lock_sha256,
        git_commit=git_commit(root),
        impl=_version(),
        parts=parts,
    )


@cache
def _version() -> str:
    return importlib.metadata.version(_DISTRIBUTION)


Stamp = tuple[int, int, int, int] | None
"""What tells that a file has not changed while this process runs: inode, size, time of change of its content and of itself
(which nobody can set back). None: no file."""


def file_stamp(file: Path) -> Stamp:
    """The stamp of a file as it is now."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@lru_cache(maxsize=64)
def _catalogue_sha256(
    root: Path, measures: tuple[str, ...], bundles: tuple[str, ...], *_own: tuple[Stamp, ...]
) -> str:
    """Hash of the entries that a study names. _own: stamps of the user's own files, so that a change is seen."""
    entries = [
        *(read_measure(measure, root).model_dump(mode="json") for measure in measures),
        *(read_bundle(bundle, root).model_dump(mode="json") for bundle in bundles),
    ]
    return _sha256(canonical_json(entries))


@lru_cache(maxsize=8)
def _registered(root: Path, _at: Stamp) -> dict[str, str]:
    """Hash of all that the register says of each study, by id, so that a registration makes a new run.

    A line that cannot be read is left to `impl.register`, which tells where the register is broken.
    """
    found: dict[str, str] = {}
    try:
        lines = (root / REGISTER_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return found
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            name = json.loads(line)["id"]
            found[name] = _sha256(found.get(name, "") + line)
    return found


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def code_sha256() -> str:
    """Hash of this package's code and texts as far as they make a Release: not report/, runs/ and cli.py."""
    return _files_sha256([file for file in _code_files() if file.parts[0] not in _NOT_IN_A_RELEASE])


@cache
def report_sha256() -> str:
    """Hash of report/: what makes pages of a Release, beside the report notebook."""
    return _files_sha256([file for file in _code_files() if file.parts[0] == "report"])


@cache
def package_sha256() -> str:
    """Hash of all this package: what two machines that share work must have in common."""
    return _files_sha256(_code_files())


def _code_files() -> list[Path]:
    found = (file for file in _PACKAGE.rglob("*") if file.suffix in _CODE and file.is_file())
    return sorted(file.relative_to(_PACKAGE) for file in found)


def _files_sha256(files: list[Path]) -> str:
    """Hash of files of this package, names included."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.as_posix().encode() + b"\0")
        total.update(hashlib.sha256((_PACKAGE / file).read_bytes()).digest())
    return total.hexdigest()


def _data_sha256(root: Path, name: str, faults: list[Fault]) -> str:
    problem = path_problem(root, name)
    try:
        if problem is None:
            return _file_sha256(root / name)
    except OSError as error:
        problem = error.strerror or "an error"
    faults.append(
        Fault(
            code="study.data_file",
            where=plain(name),
            got=problem,
            allowed="a readable file",
            fix="Check the path in the study file; it is taken from the project's folder.",
        )
    )
    return ""


def releases_learnt_from(folder: Path, study: Study) -> list[Path]:
    """Every `release.json` in the folder and its direct subfolders, by path, that tells of the study's bundle and measure.

    Not the study's own, and none that has learnt from this study itself: two that learn from each other would never come to
    rest. What cannot be read is among them, so that whoever reads it says why.
    """
    files = [folder / "release.json", *folder.glob("*/release.json")]
    own = {file.stem for file in (folder / study.id / "history").glob("*.json")}
    own.add(_run_of(folder / study.id / "release.json")[1])
    return sorted(
        file
        for file in files
        if file.is_file() and file.parent.name != study.id and _teaches(_facts(file), study, own)
    )


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What decides whether a Release is learnt from. about: measures and bundles; learnt_from: run ids; readable: whether it
    is a Release at all."""

    study: str = ""
    run: str = ""
    full: bool = False
    about: frozenset[tuple[str, str]] = frozenset()
    learnt_from: frozenset[str] = frozenset()
    readable: bool = False


def _teaches(facts: _Facts, study: Study, own: set[str]) -> bool:
    if not facts.readable:
        return True
    about = (study.measures.primary, study.bundle)
    told = facts.full and facts.study != study.id and about in facts.about
    return told and not facts.learnt_from & own


def _run_of(file: Path) -> tuple[str, str]:
    """Study and run of a Release; of what is none, its folder and what there is."""
    facts = _facts(file)
    if facts.readable:
        return facts.study, facts.run
    with contextlib.suppress(OSError):
        return file.parent.name, _file_sha256(file)
    return file.parent.name, ""


def _facts(file: Path) -> _Facts:
    return _facts_at(file, file_stamp(file))


@lru_cache(maxsize=4096)
def _facts_at(file: Path, _at: Stamp) -> _Facts:
    try:
        told = json.loads(file.read_bytes())
        models = told["design"]["models"]
        return _Facts(
            study=told["study"]["id"],
            run=told["run"]["id"],
            full=told["run"]["profile"] == "full",
            about=frozenset((row["measure"], row["bundle"]) for row in told["estimates"]),
            learnt_from=frozenset(
                run for model in models for run in (model.get("network") or {}).get("runs", ())
            ),
            readable=True,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _Facts()


def _file_sha256(file: Path) -> str:
    return _stamped_sha256(file, file_stamp(file))


@lru_cache(maxsize=256)
def _stamped_sha256(file: Path, _at: Stamp) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _notebook_sha256(root: Path, name: str, faults: list[Fault]) -> str:
    """Hash of a notebook's cells as written: type, source and tags, never outputs or cell ids."""
    shown = f"notebooks/{name}.ipynb"
    try:
        return _cells_sha256(root / shown, file_stamp(root / shown))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        faults.append(
            Fault(
                code="study.notebook",
                where=shown,
                got="a file that cannot be read as a notebook",
                allowed="a Jupyter notebook",
                fix="Open and save it in JupyterLab, or restore it.",
            )
        )
        return ""


@lru_cache(maxsize=64)
def _cells_sha256(notebook: Path, _at: Stamp) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    written = [
        [cell["cell_type"], "".join(cell["source"]), sorted(cell.get("metadata", {}).get("tags", []))]
        for cell in cells
    ]
    return _sha256(canonical_json(written))


def make_secret(root: Path) -> None:
    """Make the project's secret where there is none, before several processes or machines want it."""
    _secret(root)


def _secret(root: Path) -> bytes:
    """The project's secret for public run ids: made once, mode 0600, in `build/` (mode 0700).

    Two processes that make it at once agree: the first link wins and both read it.
    """
    folder = root / "build"
    file = folder / "secret"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            folder.chmod(0o700)
        if not file.exists():
            descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".secret.")
            try:
                with os.fdopen(descriptor, "wb") as opened:
                    opened.write(secrets.token_bytes(_SECRET_BYTES))
                    opened.flush()
                    os.fsync(opened.fileno())
                with contextlib.suppress(FileExistsError):
                    os.link(temporary, file)
            finally:
                os.unlink(temporary)
        secret = file.read_bytes()
    except OSError as error:
        raise _secret_error(error.strerror or "an error") from None
    if len(secret) != _SECRET_BYTES:
        raise _secret_error(f"{len(secret)} bytes")
    return secret


def _secret_error(got: str) -> ImplError:
    return RunError(
        [
            Fault(
                code="run.secret",
                where="build/secret",
                got=got,
                allowed=f"a file of {_SECRET_BYTES} bytes",
                fix="Make build/ writable; delete build/secret if it is damaged (run ids then change).",
            )
        ]
    )


def git_commit(root: Path) -> str | None:
    """Commit that is checked out, read from git's own files; None outside a repository or before a commit."""
    for folder in (root, *root.absolute().parents):
        if (folder / ".git").exists():
            return _commit_of(folder / ".git")
    return None


def _commit_of(dot_git: Path) -> str | None:
    try:
        folder = dot_git
        if dot_git.is_file():  # a worktree or submodule: the file names the folder
            folder = dot_git.parent / dot_git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref:"):
            return _hash_or_none(head)
        name = head.removeprefix("ref:").strip()
        common = folder / "commondir"
        shared = folder / common.read_text(encoding="utf-8").strip() if common.is_file() else folder
        for place in (folder / name, shared / name):
            if place.is_file():
                return _hash_or_none(place.read_text(encoding="utf-8").strip())
        packed = shared / "packed-refs"
        if packed.is_file():
            for line in packed.read_text(encoding="utf-8").splitlines():
                commit, _, reference = line.partition(" ")
                if reference == name:
                    return _hash_or_none(commit)
    except (OSError, ValueError):
        return None
    return None


def _hash_or_none(text: str) -> str | None:
    return text if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else None


# Now, and not when a run asks: by then the code on disk may be another than the one that runs.
code_sha256()
report_sha256()
