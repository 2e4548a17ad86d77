"""Release files: whole or not at all, the same bytes every time, and read strictly."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path

import pytest

import example_release
from impl.errors import RunError, StudyError
from impl.release import files
from impl.release.files import (
    bundle_bytes,
    parse_release,
    read_release,
    release_bytes,
    release_schema,
    schema_bytes,
    write_atomically,
    write_release,
)
from impl.release.release import Release

RELEASES = {name: make() for name, make in example_release.EXAMPLES.items()}
ANY = next(iter(RELEASES.values()))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "parameters").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def codes(error: RunError) -> set[str]:
    return {fault.code for fault in error.faults}


# --- one file


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_atomically(target, b"one")
    write_atomically(target, b"two")
    assert target.read_bytes() == b"two"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failure_leaves_the_old_file_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    target = tmp_path / "a.txt"
    write_atomically(target, b"one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, step, full)
        with pytest.raises(OSError, match="No space"):
            write_atomically(target, b"two")
    assert target.read_bytes() == b"one"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


# --- a bundle


@pytest.mark.parametrize("name", RELEASES)
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = write_release(RELEASES[name], tmp_path / "out")
    assert path == tmp_path / "out/release.json"
    assert read_release(path) == RELEASES[name]
    first = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert set(first) == {"release.json", "estimates.csv", "curves.csv", "data-dictionary.csv"}
    write_release(read_release(path), tmp_path / "again")
    assert {file.name: file.read_bytes() for file in (tmp_path / "again").iterdir()} == first


def test_the_json_is_plain_utf8_in_the_models_order() -> None:
    text = release_bytes(ANY).decode()
    assert text.endswith("}\n")
    assert "\\u" not in text
    assert list(json.loads(text))[:4] == ["schema", "study", "run", "status"]


def test_the_twins_say_what_the_release_says() -> None:
    content = bundle_bytes(ANY)
    estimates = list(csv.DictReader(io.StringIO(content["estimates.csv"].decode())))
    assert len(estimates) == len(ANY.estimates)
    for row, estimate in zip(estimates, ANY.estimates, strict=True):
        assert (row["measure"], row["scale"]) == (estimate.measure, estimate.scale)
        assert float(row["median"]) == estimate.median
        assert row["from"] == ("" if estimate.from_ is None else str(estimate.from_))
        assert row["p_harm"] == ("" if estimate.p_harm is None else str(estimate.p_harm))
    curves = list(csv.DictReader(io.StringIO(content["curves.csv"].decode())))
    points = [point for curve in ANY.curves for point in curve.points]
    assert len(curves) == len(points)
    for row, point in zip(curves, points, strict=True):
        assert row["start"] == point.start.isoformat()
        assert row["hidden"] == ("true" if point.hidden else "false")
        assert row["observed"] == ("" if point.observed is None else str(point.observed))
        assert row["q50"] == ("" if point.expected is None else str(point.expected["q50"]))


def test_hidden_points_are_empty_in_the_twin() -> None:
    hidden = RELEASES["hidden_points"]
    rows = csv.DictReader(io.StringIO(bundle_bytes(hidden)["curves.csv"].decode()))
    unseen = [row for row in rows if row["hidden"] == "true"]
    assert unseen
    assert {row[column] for row in unseen for column in ("observed", "q05", "q50", "q95")} == {""}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_is_never_a_formula(start: str) -> None:
    row = ANY.estimates[0].model_copy(update={"bundle": f"{start}cmd|' /C calc'!A0", "median": -1.5})
    release = ANY.model_copy(update={"estimates": (row,)})
    (read,) = csv.DictReader(io.StringIO(bundle_bytes(release)["estimates.csv"].decode(), newline=""))
    assert read["bundle"].startswith(f"'{start}")
    assert read["median"] == "-1.5"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\n=1", "'\n'=1"),
        (" =1", "' =1"),
        ("＝1", "'＝1"),
        ("fall;=1", "fall;'=1"),
        ("fall;\t@SUM(A1)", "fall;'\t'@SUM(A1)"),
        ("a;b; c", "a;b; c"),
        ("yes-no", "yes-no"),
    ],
)
def test_a_text_is_no_formula_where_a_spreadsheet_may_split_it(text: str, safe: str) -> None:
    row = ANY.estimates[0].model_copy(update={"bundle": text})
    release = ANY.model_copy(update={"estimates": (row,)})
    (read,) = csv.DictReader(io.StringIO(bundle_bytes(release)["estimates.csv"].decode(), newline=""))
    assert read["bundle"] == safe


def test_relative_folders_start_at_the_project_root(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "notebooks").mkdir()
    monkeypatch.chdir(project / "notebooks")
    assert write_release(ANY, "build/run") == project / "build/run/release.json"
    assert read_release("build/run/release.json") == ANY


def test_an_empty_folder_means_work_by_hand(project: Path) -> None:
    path = write_release(ANY)
    assert path == project / "build" / ANY.study.id / "interactive/release.json"
    assert stat.S_IMODE((project / "build").stat().st_mode) == 0o700
    assert write_release(ANY, "") == path


def test_outside_a_project_a_relative_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match="parameters"):
        write_release(ANY, "out")


def test_a_disk_that_refuses_is_a_fault_and_the_mark_comes_last(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/curves.csv").mkdir()  # cannot be replaced by a file
    with pytest.raises(RunError) as caught:
        write_release(ANY, tmp_path / "out")
    assert codes(caught.value) == {"release.not_written"}
    assert "out/curves.csv" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "out/release.json").exists()


# --- reading


def damaged(change: str) -> bytes:
    content = json.loads(release_bytes(ANY))
    if change == "newer":
        content["schema"] = 2
    elif change == "older":
        content["schema"] = 0
    elif change == "unknown key":
        content["cells"] = [[1, 2]]
    elif change == "missing key":
        del content["design"]["sites"]
    elif change == "wrong type":
        content["design"]["sites"] = "8"
    elif change == "status":
        content["status"] = "fine"
    elif change == "level":
        content["estimates"][0]["level"] = 0.8
    elif change == "probability":
        content["estimates"][0]["p_better"] = 1.2
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (b"", "release.damaged", "Expecting value"),
        (release_bytes(ANY)[:-100], "release.damaged", "must be a whole release.json"),
        (b"\xff\xfe{}", "release.damaged", "not UTF-8"),
        (b'{"schema": 1, "schema": 1}', "release.damaged", "'schema' stands twice"),
        (b'{"schema": NaN}', "release.damaged", "NaN is no number"),
        (b"[" * 100_000, "release.damaged", "must be a whole release.json"),
        (b"[]", "release.invalid", "run the study again".capitalize()),
        (b" " * (files.LARGEST_FILE + 1), "release.too_large", "16 MB"),
        (damaged("newer"), "release.newer_schema", "must be at most 1"),
        (damaged("older"), "release.invalid", "key 'schema': got 0, must be 1"),
        (damaged("unknown key"), "release.invalid", "key 'cells'"),
        (damaged("missing key"), "release.invalid", "key 'design.sites': got nothing, must be given"),
        (damaged("wrong type"), "release.invalid", "must be a valid integer"),
        (damaged("status"), "release.invalid", "'ok' or 'not_converged'"),
        (damaged("level"), "release.invalid", "key 'estimates.0.level'"),
        (damaged("probability"), "release.invalid", "less than or equal to 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_not_a_release_is_refused(data: bytes, code: str, said: str) -> None:
    with pytest.raises(RunError) as caught:
        parse_release(data, "release.json")
    assert codes(caught.value) == {code}
    assert said in str(caught.value)
    assert "release.json" in str(caught.value)


def test_all_faults_are_told_at_once() -> None:
    content = json.loads(release_bytes(ANY))
    content["status"] = "fine"
    content["run"]["seed"] = "7"
    with pytest.raises(RunError) as caught:
        parse_release(json.dumps(content).encode(), "release.json")
    assert len(caught.value.faults) == 2


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        read_release(tmp_path / "svk/release.json")
    assert codes(caught.value) == {"release.unreadable"}
    assert str(tmp_path) not in str(caught.value)


# --- schema


def test_the_published_schema_is_the_models() -> None:
    shipped = Path(files.__file__).with_name("release.schema.json")
    assert shipped.read_bytes() == schema_bytes(), (
        "write impl.release.files.schema_bytes() to release.schema.json"
    )


def test_the_schema_names_every_key_of_every_example() -> None:
    schema = release_schema()
    assert schema["$schema"].startswith("https://json-schema.org/")
    for release in RELEASES.values():
        walk(json.loads(release_bytes(release)), schema, schema["$defs"])


def walk(value: object, schema: dict[str, object], definitions: dict[str, dict[str, object]]) -> None:
    """Every object key must be declared; enough to see that names and aliases agree."""
    while "$ref" in schema:
        schema = definitions[str(schema["$ref"]).rpartition("/")[2]]
    for option in schema.get("anyOf", []):  # type: ignore[attr-defined]
        if "$ref" in option:
            walk(value, option, definitions) if value is not None else None
            return
    if isinstance(value, dict) and "properties" in schema:
        assert set(value) <= set(schema["properties"])  # type: ignore[call-overload]
        for key, item in value.items():
            walk(item, schema["properties"][key], definitions)  # type: ignore[index]
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            walk(item, schema["items"], definitions)  # type: ignore[arg-type]


def test_reading_loads_neither_pandas_nor_a_sampler() -> None:
    import subprocess
    import sys

    code = (
        "import sys, impl.release.files, impl.release.gate; "
        "print(sorted({'numpy', 'pandas', 'scipy', 'pymc', 'nbformat'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_round_trip_keeps_the_alias(tmp_path: Path) -> None:
    content = json.loads(write_release(ANY, tmp_path).read_text(encoding="utf-8"))
    assert content["schema"] == 1
    assert "from" in content["estimates"][0]
    assert isinstance(read_release(tmp_path / "release.json"), Release)
