"""Registered = shown, for every state; nothing that is handed in or held back can take a study out of the list."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from example_release import ambiguous, harmful, not_converged
from impl.network.states import STATES, Attempt, Runs, Standing, State, counts, standings
from impl.register.register import Register, read_register
from impl.register.write import withdraw_study
from impl.release.release import Outcome, Release, Verdict
from register_project import LATER, one_line, register, release_of, write_study

DUE = date(2022, 3, 31)
ENDED = ("failed", "cancelled", "interrupted")


def told(release: Release, outcome: Outcome | None) -> Release:
    return release.model_copy(update={"verdict": None if outcome is None else Verdict(outcome=outcome)})


def attempt(state: Any, name: str = "falls", study: str = "falls", profile: Any = "full") -> Attempt:
    return Attempt(id=name, study=study, state=state, profile=profile)


def only(rows: tuple[Standing, ...]) -> Standing:
    assert len(rows) == 1
    return rows[0]


def test_every_state_is_reached_and_shown(tmp_path: Path) -> None:
    known, line = one_line(tmp_path)
    release = release_of("falls", line)
    failed_fit = release.model_copy(update={"status": "not_converged", "verdict": None})
    early = release_of("falls", line, data_to=date(2021, 6, 30))
    smoke = release_of("falls", line, profile="smoke")
    cases: list[tuple[list[Release], list[Attempt], date, State]] = [
        ([], [], DUE, "planned"),
        ([], [], DUE + timedelta(days=1), "overdue"),
        ([], [attempt("running")], DUE + timedelta(days=1), "running"),
        *(([], [attempt(state)], DUE, "failed") for state in ENDED),
        ([], [attempt("failed")], DUE + timedelta(days=1), "overdue"),
        ([], [attempt("ok")], DUE, "unpublished"),
        ([], [attempt("not_converged")], DUE + timedelta(days=1), "unpublished"),
        *(([], [attempt(state, profile="smoke")], DUE, "planned") for state in ("ok", "running", *ENDED)),
        ([], [attempt("running", profile="smoke")], DUE + timedelta(days=1), "overdue"),
        ([smoke], [attempt("ok", profile="smoke")], DUE + timedelta(days=1), "overdue"),
        ([failed_fit], [attempt("not_converged")], DUE, "not_converged"),
        ([told(release, None)], [attempt("ok")], DUE, "described"),
        *(([told(release, outcome)], [attempt("ok")], DUE, outcome) for outcome in get_args(Outcome)),
        ([told(release, "harmful")], [attempt("failed")], DUE + timedelta(days=999), "harmful"),
        ([told(early, "beneficial")], [attempt("ok")], DUE, "beneficial"),
        ([told(early, "beneficial")], [attempt("ok")], DUE + timedelta(days=1), "overdue"),
    ]  # fmt: skip
    for releases, attempts, today, expected in cases:
        row = only(standings(known, releases, Runs(attempts=tuple(attempts)), today=today))
        assert (row.id, row.state, row.registration) == ("falls", expected, "registered")
        assert (row.title, row.question) != ({}, {})
    withdraw_study(tmp_path, "falls", reason="Nedlagt.", at=LATER)
    withdrawn = read_register(tmp_path)
    for releases, attempts, today, _ in cases:
        line_again = [item.model_copy(update={"plan": release.plan}) for item in releases]
        row = only(standings(withdrawn, line_again, Runs(attempts=tuple(attempts)), today=today))
        assert (row.state, row.reason) == ("withdrawn", "Nedlagt.")
        assert row.outcome == (None if not releases else standings(known, releases, today=today)[0].outcome)
    assert {case[-1] for case in cases} | {"withdrawn"} == set(STATES) == set(get_args(State))


def test_an_early_report_says_so_and_a_late_one_stays_late(tmp_path: Path) -> None:
    known, line = one_line(tmp_path)
    early = release_of("falls", line, data_to=date(2021, 6, 30))
    row = only(standings(known, [early], today=DUE + timedelta(days=1)))
    assert (row.interim, row.overdue, row.outcome) == (True, True, "beneficial")
    month_short = release_of("falls", line, data_to=date(2021, 11, 30))
    row = only(standings(known, [month_short], today=DUE + timedelta(days=1)))
    assert (row.interim, row.overdue) == (False, False)


def test_nothing_handed_in_takes_a_registered_study_out(tmp_path: Path) -> None:
    """Any mixture of Releases, attempts and strangers: what is registered is there, once for itself or each unit."""
    files = [write_study(tmp_path, f"study-{number}") for number in range(6)]
    files.append(write_study(tmp_path, "units", extra="units: {column: site}\n"))
    lines = register(tmp_path, *files)
    known = read_register(tmp_path)
    by_name = {line.id: line for line in lines}
    made = [release_of(name, line) for name, line in by_name.items()]
    made += [release_of(f"units-{site}", by_name["units"]) for site in ("north", "south")]
    made += [release_of("study-1"), release_of("stranger"), harmful(), not_converged(), ambiguous()]
    made += [release_of("study-2", by_name["study-1"], run_id="ba9876543210")]  # says it is another
    tried = [
        attempt(state, f"study-{number}", f"study-{number}")
        for number in range(6)
        for state in ("failed", "ok")
    ]
    tried += [attempt("failed", "units-north", "units"), attempt("ok", "unknown", "unknown")]
    random_source = random.Random(20261123)
    for _ in range(300):
        releases = random_source.sample(made, random_source.randrange(len(made)))
        attempts = random_source.sample(tried, random_source.randrange(len(tried)))
        foreign = random_source.sample(made, random_source.randrange(4))
        today = date(2021, 1, 1) + timedelta(days=random_source.randrange(900))
        rows = standings(known, releases, Runs(attempts=tuple(attempts)), foreign=foreign, today=today)
        assert {row.study for row in rows if row.registered is not None} == set(by_name)
        keys = [(row.study, row.id, row.release.run.id if row.release else "") for row in rows]
        assert len(keys) == len(set(keys))
        shown = {row.release.study.id for row in rows if row.release is not None}
        assert shown == {release.study.id for release in (*releases, *foreign)}
        assert sum(counts(rows).values()) == len(rows)
        assert list(counts(rows)) == list(STATES)


def test_units_stand_apart_and_the_study_for_itself_until_one_is_run(tmp_path: Path) -> None:
    (line,) = register(tmp_path, write_study(tmp_path, extra="units: {column: site}\n"))
    known = read_register(tmp_path)
    assert [row.id for row in standings(known, [], today=DUE)] == ["falls"]
    north = release_of("falls-north", line)
    rows = standings(known, [north], Runs(attempts=(attempt("failed", "falls-south"),)), today=DUE)
    assert [(row.id, row.study, row.state) for row in rows] == [
        ("falls-north", "falls", "beneficial"), ("falls-south", "falls", "failed"),
    ]  # fmt: skip


def test_a_report_without_registration_is_shown_as_that(tmp_path: Path) -> None:
    known, line = one_line(tmp_path)
    rows = {
        row.id: row for row in standings(known, [release_of("falls", line), release_of("other")], today=DUE)
    }
    assert (rows["other"].registration, rows["other"].registered, rows["other"].state) == (
        "not_registered", None, "beneficial",
    )  # fmt: skip
    assert rows["falls"].registration == "registered"


def test_a_line_that_is_gone_is_missed_by_the_release_that_rests_on_it(tmp_path: Path) -> None:
    known, line = one_line(tmp_path)
    release = release_of("falls", line)
    assert only(standings(known, [release], today=DUE)).registration == "registered"
    assert only(standings(Register(), [release], today=DUE)).registration == "lost"
    assert only(standings(Register(), [], foreign=[release], today=DUE)).registration == "elsewhere"
    forged = release.model_copy(update={"plan": release.plan.model_copy(update={"line_sha256": "0" * 64})})
    assert only(standings(known, [forged], today=DUE)).registration == "lost"


def test_no_stranger_stands_in_for_a_study_of_ours(tmp_path: Path) -> None:
    """A Release from elsewhere that bears the id of a registered study and does not rest on its line."""
    known, line = one_line(tmp_path)
    ours = told(release_of("falls", line), "harmful")
    later = ours.run.started + timedelta(days=9)
    stranger = told(release_of("falls", run_id="eeeeeeeeeeee", started=later), "beneficial")
    for own, state in (([], "planned"), ([ours], "harmful")):
        rows = standings(known, own, foreign=[stranger], today=DUE)
        assert [(row.state, row.registration) for row in rows] == [
            (state, "registered"), ("beneficial", "not_registered"),
        ]  # fmt: skip
    other = register(tmp_path, write_study(tmp_path, "other"))[0]
    borrowed = release_of("falls", other).model_copy(
        update={"plan": ours.plan.model_copy(update={"line_sha256": other.sha256})}
    )
    rows = standings(read_register(tmp_path), [], foreign=[borrowed], today=DUE)
    assert [(row.id, row.state, row.registration) for row in rows] == [
        ("falls", "planned", "registered"), ("other", "planned", "registered"), ("falls", "beneficial", "elsewhere"),
    ]  # fmt: skip
    brought = standings(known, [], foreign=[ours], today=DUE)
    assert [(row.state, row.registration) for row in brought] == [("harmful", "registered")], (
        "its line is known here"
    )


def test_of_several_releases_the_last_full_run_counts_and_the_others_are_named(tmp_path: Path) -> None:
    known, line = one_line(tmp_path)
    first = told(release_of("falls", line, run_id="aaaaaaaaaaaa"), "harmful")
    second = told(
        release_of("falls", line, run_id="bbbbbbbbbbbb", started=first.run.started + timedelta(days=1)),
        "promising",
    )
    smoke = release_of("falls", line, run_id="cccccccccccc", profile="smoke", started=first.run.started + timedelta(days=9))  # fmt: skip
    for order in itertools.permutations([first, second, smoke]):
        row = only(standings(known, order, today=DUE))
        assert row.release == second
        assert row.state == "promising"
        assert sorted(row.others) == ["aaaaaaaaaaaa", "cccccccccccc"]


@pytest.mark.parametrize(("days", "expected"), [(-400, "after_data"), (400, "before_data")])
def test_the_data_that_came_decide_when_it_was_registered(tmp_path: Path, days: int, expected: str) -> None:
    known, line = one_line(tmp_path)
    release = release_of("falls", line)
    moved = {key: getattr(release.study, key) + timedelta(days=days) for key in ("data_from", "data_to")}
    release = release.model_copy(update={"study": release.study.model_copy(update=moved)})
    assert only(standings(known, [], today=DUE)).timing == "before_data", "as planned"
    assert only(standings(known, [release], today=DUE)).timing == expected, "as it came"
