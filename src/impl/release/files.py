"""Release files: written by rename only, read strictly, the same bytes every time.

A bundle is `release.json` with its CSV twins `estimates.csv` and `curves.csv`, and `data-dictionary.csv`, which says
what their columns mean; one about data alone has `send-back.csv` too. `release.json` is written last: it is the mark
that the bundle is complete.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from impl.errors import Fault, ImplError, RunError, shorten
from impl.release.atomic import write_atomically
from impl.release.dictionary import DICTIONARY_COLUMNS, DICTIONARY_FILE, dictionary_rows
from impl.release.release import Estimate, Release
from impl.release.send_back import SEND_BACK_COLUMNS, send_back_rows
from impl.study.paths import find_root

SCHEMA = 1
LARGEST_FILE = 16 * 1024 * 1024  # bytes; what trusted research environments let out (OpenSAFELY: 16 MB)
RELEASE_FILE, ESTIMATES_FILE, CURVES_FILE = "release.json", "estimates.csv", "curves.csv"
SEND_BACK_FILE = "send-back.csv"
ESTIMATE_COLUMNS = tuple(field.alias or name for name, field in Estimate.model_fields.items())
QUANTILES = ("q05", "q10", "q25", "q50", "q75", "q90", "q95")
CURVE_COLUMNS = ("measure", "step", "start", "end", "observed", *QUANTILES, "sites_started", "hidden")
FORMULA = re.compile(r"(^|[;\t\r\n])([^\S\t\r\n]*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n])")
"""Where a spreadsheet would begin to run a text: at its start, and after every mark at which it may split cells (a
Norwegian one splits at semicolons). Full-width signs count as the plain ones do. Source: OWASP, CSV Injection."""


def write_release(release: Release, folder: Path | str = "") -> Path:
    """Write the bundle and return the path of its `release.json`.

    folder: relative paths start at the project root; empty means `build/<id>/interactive`, where a
    notebook that was opened by hand leaves its result.
    Raises RunError where the disk refuses; a `release.json` that was there before is then still whole.
    """
    by_hand = str(folder) in ("", ".")
    if by_hand:
        target = find_root(Path.cwd()) / "build" / release.study.id / "interactive"
    else:
        target = _from_root(Path(folder))
    name = RELEASE_FILE
    try:
        _make_folder(target, mode=0o700 if by_hand else 0o777)
        for name, data in bundle_bytes(release).items():
            write_atomically(target / name, data)
    except OSError as error:
        raise RunError(
            [
                Fault(
                    code="release.not_written",
                    where=f"{target.name}/{name}",
                    got=error.strerror or "an error of the disk",
                    allowed="written whole",
                    fix="Make room on the disk or choose another folder, and run again.",
                )
            ]
        ) from None
    return target / RELEASE_FILE


def bundle_bytes(release: Release) -> dict[str, bytes]:
    """The bundle's files by name, `release.json` last. The same Release gives the same bytes."""
    return {
        ESTIMATES_FILE: _csv(ESTIMATE_COLUMNS, (row.model_dump(by_alias=True) for row in release.estimates)),
        CURVES_FILE: _csv(CURVE_COLUMNS, _curve_rows(release)),
        DICTIONARY_FILE: _csv(DICTIONARY_COLUMNS, dictionary_rows()),
        **(
            {SEND_BACK_FILE: _csv(SEND_BACK_COLUMNS, send_back_rows(release))}
            if release.sections.quality
            else {}
        ),
        RELEASE_FILE: release_bytes(release),
    }


def release_bytes(release: Release) -> bytes:
    """`release.json`: the model's own order, one space of indent, UTF-8, a final newline."""
    return _json(release.model_dump(mode="json", by_alias=True))


def says_the_same(data: bytes, release: Release) -> bool:
    """Whether the bytes are a `release.json` of `release`, by this program or by one that did not know its later fields."""
    try:
        content = json.loads(data, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
        return _json(content) == data and Release.model_validate_json(data, strict=True) == release
    except (ValueError, RecursionError):
        return False


def release_schema() -> dict[str, Any]:
    """JSON Schema of `release.json`, as `release.schema.json` publishes it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Release.model_json_schema()}


def schema_bytes() -> bytes:
    """`release.schema.json` as it is shipped beside this module."""
    return _json(release_schema())


def read_release(path: Path | str) -> Release:
    """Read one `release.json`; relative paths start at the project root.

    Raises RunError with every fault where the file is missing, damaged, newer than this program or holds
    anything that schema 1 does not allow.
    """
    file = _from_root(Path(path))
    shown = f"{file.parent.name}/{file.name}"
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError as error:
        raise _unreadable("release.unreadable", shown, error.strerror or "an error of the disk") from None
    return parse_release(data, shown)


def parse_release(data: bytes, shown: str) -> Release:
    """A Release from the bytes of a file that errors call `shown`. Raises RunError as `read_release` does."""
    if len(data) > LARGEST_FILE:
        raise _unreadable("release.too_large", shown, f"more than {LARGEST_FILE // 1024**2} MB")
    try:
        content = json.loads(
            data.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        what = "a byte that is not UTF-8" if isinstance(error, UnicodeDecodeError) else shorten(str(error))
        raise _unreadable("release.damaged", shown, what) from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise RunError(
            [
                Fault(
                    code="release.newer_schema",
                    where=f"{shown}, key 'schema'",
                    got=str(schema),
                    allowed=f"at most {SCHEMA}",
                    fix="A newer impl wrote this file: update impl, or run the study again.",
                )
            ]
        )
    try:
        return Release.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise RunError(_invalid(shown, problem) for problem in error.errors(include_url=False)) from None


def _invalid(shown: str, problem: ErrorDetails) -> Fault:
    key = ".".join(str(part) for part in problem["loc"])
    allowed = {"missing": "given", "extra_forbidden": f"a key of schema {SCHEMA}"}
    return Fault(
        code="release.invalid",
        where=f"{shown}, key '{key}'" if key else shown,
        got="nothing" if problem["type"] == "missing" else shorten(problem["input"], 40),
        allowed=allowed.get(problem["type"], problem["msg"].removeprefix("Input should be ")),
        fix="Run the study again; a Release is never edited by hand.",
    )


def _unreadable(code: str, shown: str, got: str) -> ImplError:
    return RunError(
        [
            Fault(
                code=code,
                where=shown,
                got=got,
                allowed="a whole release.json",
                fix="Check the path, or run the study again.",
            )
        ]
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {shorten(twice, 40)} stands twice")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _from_root(path: Path) -> Path:
    return path if path.is_absolute() else find_root(Path.cwd()) / path


def _make_folder(folder: Path, *, mode: int) -> None:
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(mode=mode, exist_ok=True)


def _json(content: Any) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _curve_rows(release: Release) -> Iterable[dict[str, Any]]:
    for curve in release.curves:
        for point in curve.points:
            yield {
                "measure": curve.measure,
                "step": curve.step,
                "start": point.start,
                "end": point.end,
                "observed": point.observed,
                "sites_started": point.sites_started,
                "hidden": point.hidden,
            } | dict(point.expected or {})


def _csv(columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> bytes:
    """Plain CSV: comma, decimal point, UTF-8 without BOM, empty where nothing is said."""
    text = io.StringIO()
    writer = csv.writer(
        text, lineterminator="\r\n"
    )  # RFC 4180; also what makes every Python quote a lone return
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return text.getvalue().encode()


def _cell(value: object) -> str:
    """One cell. A spreadsheet must not run a text as a formula, so an apostrophe stands where it would begin."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | date):
        return str(value)
    text = str(value)
    return FORMULA.sub(r"\1'\2", text)
