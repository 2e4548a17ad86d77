"""The register: only added to, every broken chain told with its line, one plan for a study and its units."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from impl.data.units import read_study as read_unit
from impl.errors import StudyError
from impl.register.plan import changes, plan_of, plan_sha256, timing
from impl.register.register import parse_register, read_register
from impl.register.write import register_studies, withdraw_study
from impl.study.identity import identify
from impl.study.load import read_study
from impl.study.paths import REGISTER_FILE
from register_project import BEFORE, LATER, register, write_study
from study_project import STUDY, make_project


def content(root: Path) -> bytes:
    return (root / REGISTER_FILE).read_bytes()


def filled(root: Path) -> bytes:
    """Four lines: two studies, an amendment of the first, a withdrawal of the second."""
    register(root, write_study(root), write_study(root, "other"))
    register(root, write_study(root, extra="seed: 7\n"), at=LATER)
    withdraw_study(root, "other", reason="Sykehjemmet ble lagt ned.", at=LATER)
    return content(root)


def test_a_registration_holds_what_was_promised(tmp_path: Path) -> None:
    file = write_study(tmp_path, extra="decision: {worthwhile: 0.2}\n")
    (line,) = register(tmp_path, file)
    assert read_register(tmp_path).lines == (line,)
    assert (line.id, line.version, line.registered_at, line.after_run) == ("falls", 1, BEFORE, False)
    assert line.plan_sha256 == identify(read_study(file), profile="full").plan_sha256
    assert line.focus_areas == ("municipal",)
    assert line.plan is not None
    assert line.plan.decision.worthwhile == 0.2
    assert line.plan.planned.report_due == "2022-03-31"
    assert str(tmp_path) not in content(tmp_path).decode()


def test_lines_are_added_and_never_changed(tmp_path: Path) -> None:
    register(tmp_path, write_study(tmp_path))
    first = content(tmp_path)
    assert register(tmp_path, write_study(tmp_path), at=LATER) == (), "the same plan again adds nothing"
    assert content(tmp_path) == first
    (amended,) = register(tmp_path, write_study(tmp_path, extra="seed: 7\n"), at=LATER, after_run=("falls",))
    assert content(tmp_path).startswith(first)
    assert (amended.version, amended.after_run) == (2, True)
    study = read_register(tmp_path).studies["falls"]
    assert [line.version for line in study.plans] == [1, 2]
    assert study.plan.seed == 7


def test_a_withdrawn_study_stays_and_may_come_back(tmp_path: Path) -> None:
    filled(tmp_path)
    other = read_register(tmp_path).studies["other"]
    assert other.withdrawn is not None
    assert other.withdrawn.reason == "Sykehjemmet ble lagt ned."
    (again,) = register(tmp_path, write_study(tmp_path, "other"), at=LATER)
    other = read_register(tmp_path).studies["other"]
    assert (again.version, other.withdrawn, len(other.lines)) == (2, None, 3)


def damaged(data: bytes) -> dict[str, tuple[bytes, int]]:
    """What somebody might do to the file, and the line at which it shows."""
    lines = data.splitlines(keepends=True)
    edited = lines[1].replace(b'"seed":20260101', b'"seed":20260102')
    assert edited != lines[1]
    last = lines[3].replace(b"lagt ned", b"bygd om")
    newer = json.loads(lines[0]) | {"schema": 2}
    return {
        "edited": (b"".join([lines[0], edited, *lines[2:]]), 2),
        "last line edited": (b"".join([*lines[:3], last]), 4),
        "removed": (b"".join([lines[0], *lines[2:]]), 2),
        "first removed": (b"".join(lines[1:]), 1),
        "two exchanged": (b"".join([lines[1], lines[0], *lines[2:]]), 1),
        "said twice": (b"".join([lines[0], *lines]), 2),
        "cut off": (data[:-20], 4),
        "no end": (data[:-1], 4),
        "empty line": (b"".join([lines[0], b"\n", *lines[1:]]), 2),
        "spaces": (b"".join([lines[0].replace(b":", b": ", 1), *lines[1:]]), 1),
        "not text": (b"".join([lines[0], b"\xff\xfe\n"]), 2),
        "no object": (b"".join([lines[0], b"[1]\n"]), 2),
        "deep": (b"[" * 30_000 + b"\n", 1),
        "newer": (json.dumps(newer, sort_keys=True, separators=(",", ":")).encode() + b"\n", 1),
        "long": (b'"' + b"x" * 70_000 + b'"\n', 1),
    }


def test_a_broken_chain_is_told_with_its_line(tmp_path: Path) -> None:
    data = filled(tmp_path)
    assert len(parse_register(data).lines) == 4
    for what, (broken, number) in damaged(data).items():
        with pytest.raises(StudyError, match=rf"register\.jsonl, line {number}: ") as told:
            parse_register(broken)
        assert [fault.code for fault in told.value.faults] == ["register.broken"], what
        (tmp_path / REGISTER_FILE).write_bytes(broken)
        with pytest.raises(StudyError, match="register"):
            register(tmp_path, write_study(tmp_path, "third"), at=LATER)
        assert content(tmp_path) == broken, "nothing is added to a broken register"


def test_a_chain_made_anew_from_a_line_breaks_the_line_that_a_release_names(tmp_path: Path) -> None:
    """What the file alone cannot show: a line cut off the end. A Release names the line it rests on."""
    data = filled(tmp_path)
    kept = parse_register(b"".join(data.splitlines(keepends=True)[:2]))
    assert parse_register(data).lines[2].sha256 not in {line.sha256 for line in kept.lines}


def test_no_register_is_an_empty_one(tmp_path: Path) -> None:
    write_study(tmp_path)
    assert read_register(tmp_path).studies == {}
    (tmp_path / REGISTER_FILE).write_bytes(b"")
    assert read_register(tmp_path).studies == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (STUDY, "register.no_period"),
        (
            STUDY.replace("30_stepped_wedge", "10_data_quality") + "audience: own-unit\n",
            "register.no_question",
        ),
    ],
)
def test_a_study_without_a_plan_is_not_registered(tmp_path: Path, text: str, code: str) -> None:
    good = write_study(tmp_path, "good")
    (tmp_path / "notebooks" / "10_data_quality.ipynb").write_text('{"cells": []}', encoding="utf-8")
    with pytest.raises(StudyError) as told:
        register(tmp_path, good, make_project(tmp_path, study=text))
    assert [fault.code for fault in told.value.faults] == [code]
    assert read_register(tmp_path).lines == (), "all or nothing"


@pytest.mark.parametrize(
    "planned",
    [
        "planned: {data_to: 2021-12-31}\n",
        "planned: {data_to: 2021-12-31, report_due: 2021-12-30}\n",
        "planned: {data_from: 2022-01-01, data_to: 2021-12-31, report_due: 2022-12-30}\n",
        "planned: {data_to: 2021-02-30, report_due: 2021-12-30}\n",
    ],
)
def test_a_plan_has_days_in_order(tmp_path: Path, planned: str) -> None:
    with pytest.raises(StudyError, match="planned"):
        read_study(write_study(tmp_path, planned=planned))


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301, "Skjult\u200btegn", "Pasient 01010112377 flyttet"])
def test_a_reason_must_be_fit_to_be_read(tmp_path: Path, reason: str) -> None:
    register(tmp_path, write_study(tmp_path))
    with pytest.raises(StudyError) as told:
        withdraw_study(tmp_path, "falls", reason=reason, at=LATER)
    assert told.value.faults[0].code == "register.reason"
    assert "01010112377" not in str(told.value)


def test_what_is_not_registered_cannot_be_withdrawn(tmp_path: Path) -> None:
    filled(tmp_path)
    for name, told in (("unknown", "nothing to withdraw"), ("other", "withdrawn already")):
        with pytest.raises(StudyError, match=told):
            withdraw_study(tmp_path, name, reason="Nei.", at=LATER)


def test_the_clock_cannot_go_back(tmp_path: Path) -> None:
    register(tmp_path, write_study(tmp_path), at=LATER)
    with pytest.raises(StudyError) as told:
        register(tmp_path, write_study(tmp_path, "other"), at=LATER - timedelta(minutes=1))
    assert told.value.faults[0].code == "register.clock"


def test_a_full_disk_leaves_the_register_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = filled(tmp_path)
    real = os.write

    def half(descriptor: int, chunk: bytes) -> int:
        if len(chunk) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, chunk[: len(chunk) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(StudyError, match="No space left"):
        register(tmp_path, write_study(tmp_path, "third"), at=LATER)
    assert content(tmp_path) == data


def test_many_at_once_make_one_chain(tmp_path: Path) -> None:
    names = [f"study-{number}" for number in range(6)]
    files = [write_study(tmp_path, name) for name in names]
    code = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from impl.register.write import register_studies; from impl.study.load import read_study\n"
        "file = Path(sys.argv[1])\n"
        "register_studies(file.parent.parent, [read_study(file)], at=datetime(2021, 1, 1, tzinfo=UTC))"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(file)]) for file in files]
    assert [process.wait(timeout=120) for process in running] == [0] * 6
    assert sorted(read_register(tmp_path).studies) == names


UNITS = "units: {column: site}\n"


def test_a_unit_has_the_plan_of_its_study(tmp_path: Path) -> None:
    file = write_study(tmp_path, extra=UNITS)
    whole, unit = read_study(file), read_unit(file, "north")
    assert unit.id == "falls-north"
    assert plan_of(unit) == plan_of(whole)
    assert plan_sha256(unit) == plan_sha256(whole)
    changed = unit.model_copy(update={"seed": 1})
    planned, actual = plan_of(whole), plan_of(changed)
    assert planned is not None
    assert actual is not None
    assert [row.code for row in changes(planned, actual)] == ["seed"], "also what a notebook changes is seen"
    with pytest.raises(StudyError, match="whole study"):
        register_studies(tmp_path, [unit], at=BEFORE)


def test_registering_makes_a_new_run_of_that_study_alone(tmp_path: Path) -> None:
    file, other = write_study(tmp_path), write_study(tmp_path, "other")
    keys = [identify(read_study(path), profile="full").run_key for path in (file, other)]
    register(tmp_path, file)
    after = [identify(read_study(path), profile="full").run_key for path in (file, other)]
    assert after[0] != keys[0]
    assert after[1] == keys[1]
    assert "register" in identify(read_study(file), profile="full").parts
    withdraw_study(tmp_path, "falls", reason="Nei.", at=LATER)
    assert identify(read_study(file), profile="full").run_key != after[0]


@pytest.mark.parametrize(
    ("registered", "expected"),
    [
        (date(2020, 12, 31), "before_data"), (date(2021, 1, 1), "during_data"), (date(2021, 12, 31), "during_data"),
        (date(2022, 1, 1), "after_data"),
    ],
)  # fmt: skip
def test_when_a_plan_was_registered(registered: date, expected: str) -> None:
    assert timing(registered, date(2021, 1, 1), date(2021, 12, 31)) == expected
    assert timing(registered, None, date(2021, 12, 31)) != "before_data"


def test_a_thousand_registrations_are_read_in_a_second_or_two(tmp_path: Path) -> None:
    (line,) = register(tmp_path, write_study(tmp_path))
    from impl.register.register import sealed

    data, before = content(tmp_path), line
    template = json.loads(data)
    for number in range(1000):
        body = {key: value for key, value in template.items() if key not in ("previous", "sha256")}
        body |= {"id": f"study-{number}", "plan": template["plan"] | {"id": f"study-{number}"}}
        before, raw = sealed(body, before)
        data += raw
    begun = datetime.now(UTC)
    assert len(parse_register(data).studies) == 1001
    assert datetime.now(UTC) - begun < timedelta(seconds=20)
