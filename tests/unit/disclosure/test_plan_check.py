"""Whether an evaluation did what was registered: every difference is found, and amending hides none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from example_release import staggered
from impl.data.units import read_study as read_unit
from impl.disclosure.plan import plan_check
from impl.errors import StudyError
from impl.register.write import withdraw_study
from impl.release.release import PlanCheck, Release
from impl.study.load import read_study
from impl.study.paths import REGISTER_FILE
from register_project import LATER, register, write_study


def made(root: Path, extra: str = "", **study: date) -> tuple[PlanCheck, Release]:
    """The check of a run of the study as it is written now, and the Release that it is of."""
    return checked(write_study(root, extra=extra), **study)


def checked(file: Path, **study: date) -> tuple[PlanCheck, Release]:
    release = staggered()
    days = {"data_from": date(2021, 1, 1), "data_to": date(2021, 12, 31), **study}
    release = release.model_copy(
        update={
            "study": release.study.model_copy(update=days),
            "run": release.run.model_copy(update={"seed": read_study(file).seed}),
        }
    )
    return plan_check(read_study(file), release), release


def codes(plan: PlanCheck) -> list[str]:
    return [row.code for row in plan.deviations]


def test_an_unregistered_study_says_nothing_of_a_plan(tmp_path: Path) -> None:
    assert made(tmp_path)[0] == PlanCheck()
    register(tmp_path, write_study(tmp_path, "other"))
    assert made(tmp_path)[0] == PlanCheck()


def test_a_plan_that_was_followed_has_no_deviation(tmp_path: Path) -> None:
    (line,) = register(tmp_path, write_study(tmp_path))
    plan, _ = made(tmp_path)
    assert (plan.registered, plan.study, plan.line_sha256) == (True, "falls", line.sha256)
    assert plan.deviations == ()
    assert [(row.version, row.timing, row.after_run, row.changes) for row in plan.versions] == [
        (1, "before_data", False, ())
    ]
    assert (plan.planned_to, plan.report_due) == (date(2021, 12, 31), date(2022, 3, 31))


def test_what_differs_is_listed_with_both_values(tmp_path: Path) -> None:
    register(tmp_path, write_study(tmp_path))
    plan, _ = made(tmp_path, "decision: {worthwhile: 0.3}\n")
    assert [(row.code, row.planned, row.actual) for row in plan.deviations] == [
        ("decision.worthwhile", "0.1", "0.3")
    ]
    plan, _ = made(tmp_path, data_from=date(2021, 3, 1), data_to=date(2021, 10, 31))
    assert [(row.code, row.planned, row.actual) for row in plan.deviations] == [
        ("data_from", "2021-01-01", "2021-03-01"), ("data_to", "2021-12-31", "2021-10-31"),
    ]  # fmt: skip
    plan, _ = made(tmp_path, "languages: [nb, en]\nvalid_months: 24\n")
    assert [(row.code, row.planned, row.actual) for row in plan.deviations] == [
        ("rest.languages", None, None), ("rest.valid_months", None, None),
    ]  # fmt: skip


def test_what_the_notebook_did_otherwise_is_seen_in_the_release(tmp_path: Path) -> None:
    """The study file is as registered; the model, the window and the seed of the Release are not."""
    file = write_study(
        tmp_path, extra="model: {likelihood: poisson, effect: it}\nestimand: {from: 2, to: 5}\n"
    )
    register(tmp_path, file)
    plan, release = checked(file)
    model = release.primary_model()
    found = {row.code: (row.planned, row.actual) for row in plan.deviations}
    expected = {
        "model.likelihood": ("poisson", model.likelihood),
        "model.effect": ("it", model.effect),
        "estimand.from": ("2", str(release.design.window_from)),
        "estimand.to": ("5", str(release.design.window_to)),
    }
    assert all(planned != actual for planned, actual in expected.values()), "the example differs in all four"
    assert found == expected
    other = release.model_copy(update={"run": release.run.model_copy(update={"seed": 99})})
    assert "seed" in codes(plan_check(read_study(file), other))


def test_taking_the_plan_out_of_the_study_file_is_a_deviation(tmp_path: Path) -> None:
    register(tmp_path, write_study(tmp_path))
    file = write_study(tmp_path, planned="", extra="seed: 5\n")
    assert codes(checked(file)[0]) == ["planned.report_due", "seed"]


def test_an_amendment_is_shown_with_its_changes_and_its_time(tmp_path: Path) -> None:
    register(tmp_path, write_study(tmp_path))
    file = write_study(tmp_path, extra="decision: {worthwhile: 0.3}\n")
    register(tmp_path, file, at=LATER.replace(year=2022), after_run=("falls",))
    plan, _ = checked(file)
    assert plan.deviations == ()
    first, second = plan.versions
    assert (first.timing, first.after_run) == ("before_data", False)
    assert (second.timing, second.after_run) == ("after_data", True)
    assert [(row.code, row.planned, row.actual) for row in second.changes] == [
        ("decision.worthwhile", "0.1", "0.3")
    ]


def test_a_withdrawn_study_that_is_run_says_so(tmp_path: Path) -> None:
    register(tmp_path, write_study(tmp_path))
    withdraw_study(tmp_path, "falls", reason="Nedlagt.", at=LATER)
    assert made(tmp_path)[0].withdrawn == "Nedlagt."


def test_a_unit_is_held_against_the_plan_of_the_whole(tmp_path: Path) -> None:
    file = write_study(tmp_path, extra="units: {column: site}\n")
    register(tmp_path, file)
    _, release = checked(file)
    plan = plan_check(read_unit(file, "south"), release)
    assert (plan.study, plan.deviations) == ("falls", ())
    write_study(tmp_path, extra="units: {column: site, only: [south]}\nseed: 3\n")
    plan = plan_check(read_unit(file, "south"), release)
    assert codes(plan) == ["seed", "rest.units"]


def test_a_broken_register_stops_the_release(tmp_path: Path) -> None:
    file = write_study(tmp_path)
    register(tmp_path, file)
    register_file = tmp_path / REGISTER_FILE
    register_file.write_bytes(register_file.read_bytes().replace(b'"after_run":false', b'"after_run":true'))
    with pytest.raises(StudyError, match="line 1"):
        checked(file)
