"""Units of our own, strangers with our ids, and two networks that took one name: one line and one row of evidence each."""

from __future__ import annotations

import itertools
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from impl.network.exchange import read_releases
from impl.network.gather import status_of
from impl.network.states import NO_RUNS, Runs
from impl.network.status import NetworkStatus
from impl.register.register import Line, Register, read_register
from impl.release.files import release_bytes
from impl.release.release import Release
from network_releases import study_release
from register_project import register, release_of, write_study

TODAY = date(2022, 3, 1)
NUMBERS = itertools.count(1)


@pytest.fixture
def by_unit(tmp_path: Path) -> tuple[Register, Line]:
    (line,) = register(tmp_path, write_study(tmp_path, extra="units: {column: site}\n"))
    return read_register(tmp_path), line


def made(name: str, mean: float = -0.3, line: Line | None = None, plan: str = "", **changes: Any) -> Release:
    """A Release of its own data. plan: hash of its study file; changes: of the run."""
    number = next(NUMBERS)
    release = study_release(number, mean, 0.15, study=name, run=changes.pop("id", None))
    update: dict[str, Any] = {"run": release.run.model_copy(update=changes)}
    if plan:
        update["study"] = release.study.model_copy(update={"plan_sha256": plan * 64})
    if line is not None:
        update["plan"] = release_of(name, line).plan
    return release.model_copy(update=update)


def told(
    root: Path, known: Register, own: list[Release], foreign: list[Release], runs: Runs = NO_RUNS
) -> NetworkStatus:
    status = status_of(known, own, foreign, runs, root=root, today=TODAY)
    ids = [line.id for line in status.lines]
    assert len(ids) == len(set(ids)), "one line an id"
    return status


def test_a_study_is_missing_unit_by_unit(by_unit: tuple[Register, Line], tmp_path: Path) -> None:
    known, line = by_unit
    units = Runs(units={"falls": ("falls-north", "falls-south")})
    both = [made(f"falls-{unit}", line=line) for unit in ("north", "south")]
    for own, missing in ((both, ()), (both[:1], ("falls-south",))):
        (found,) = told(tmp_path, known, own, [], units).syntheses
        assert found.missing.missing == missing
        assert ("missing_studies" in [code for code, _ in found.cautions]) is bool(missing)
        assert (found.missing.if_null is None) is (not missing)
    other = made("other")
    assert told(tmp_path, known, [other], []).syntheses[0].missing.missing == ("falls",)


def test_a_later_copy_of_a_unit_is_that_unit(by_unit: tuple[Register, Line], tmp_path: Path) -> None:
    known, line = by_unit
    mine = made("falls-north", line=line)
    later = made("falls-north", mean=-0.4, line=line, started=mine.run.started + timedelta(days=9))
    status = told(tmp_path, known, [mine], [later, later, mine])
    assert [(row.id, row.standing.registration) for row in status.lines] == [("falls-north", "registered")]
    assert status.line("falls-north").standing.others == (mine.run.id,)
    assert status.syntheses[0].runs == (later.run.id,)


@pytest.mark.parametrize("reported", [False, True])
@pytest.mark.parametrize("listed", [False, True])
def test_no_stranger_takes_the_line_of_a_unit(
    by_unit: tuple[Register, Line], tmp_path: Path, reported: bool, listed: bool
) -> None:
    known, line = by_unit
    runs = Runs(units={"falls": ("falls-north",)}) if listed else NO_RUNS
    own = [made("falls-north", line=line)] if reported else []
    stranger = made("falls-north", mean=0.4)
    status = told(tmp_path, known, own, [stranger], runs)
    away = status.line(f"falls-north-{stranger.run.id}")
    assert away.standing.registration == "not_registered"
    if reported or listed:
        assert status.line("falls-north").standing.registered is not None
    assert {away.id, *(release.study.id for release in own)} == {
        result.study for result in status.syntheses[0].results
    }


def test_a_copy_of_ours_with_other_numbers_changes_nothing(tmp_path: Path) -> None:
    mine = made("falls", mean=-0.3)
    forged = made("falls", mean=0.9, id=mine.run.id)
    status = told(tmp_path, Register(), [mine], [forged])
    assert [line.standing.release for line in status.lines] == [mine]
    assert status.syntheses == told(tmp_path, Register(), [mine], []).syntheses


def test_two_networks_may_use_one_id(tmp_path: Path) -> None:
    """Neither is an older run of the other, in whatever order, in one zip or in two."""
    one, other = made("falls-home", mean=-0.4, plan="1"), made("falls-home", mean=0.4, plan="2")
    expected = {f"falls-home-{release.run.id}": release.run.id for release in (one, other)}
    for number, foreign in enumerate(itertools.permutations([one, other])):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w") as opened:
            for place, release in enumerate(foreign):
                opened.writestr(f"{place}.json", release_bytes(release))
        received = read_releases(path)
        assert received.refused == ()
        for brought in (list(foreign), list(received.releases)):
            status = told(tmp_path, Register(), [], brought)
            assert {
                line.id: line.release.run.id for line in status.lines if line.release is not None
            } == expected
            assert status.syntheses[0].studies == 2


def test_one_study_of_another_network_is_one_though_its_plan_was_changed(tmp_path: Path) -> None:
    """The same file, the same registration, or the same sites in the same months."""
    first = made("falls-home", plan="1")
    later = {"started": first.run.started + timedelta(days=9)}
    same_file = made("falls-home", plan="1", **later)
    same_sites = made("falls-home", plan="2", **later).model_copy(update={"design": first.design})
    version = {"version": 1, "registered_at": first.run.started, "timing": "before_data", "after_run": False}
    checked = first.plan.model_validate({"registered": True, "versions": (version,)})
    registered = first.model_copy(update={"plan": checked})
    amended = made("falls-home", plan="2", **later).model_copy(update={"plan": checked})
    for one, other in ((first, same_file), (first, same_sites), (registered, amended)):
        for foreign in ([one, other], [other, one]):
            status = told(tmp_path, Register(), [], foreign)
            assert [line.id for line in status.lines] == ["falls-home"]
            assert status.lines[0].standing.others == (one.run.id,)
            assert status.syntheses[0].runs == (other.run.id,)
