"""The learning network's values: ranks with their uncertainty, chance signals, steps of the wheel."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from scipy import stats

from demo_releases import demo_project, demo_releases
from impl.network.gather import status_of
from impl.network.learning import LearningNetwork, at_least, learning_network
from impl.network.status import NetworkStatus


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[NetworkStatus, LearningNetwork]:
    folder: Path = tmp_path_factory.mktemp("network") / "demo"
    network, register = demo_project(folder)
    status = status_of(register, demo_releases(network, register), root=folder, today=network.today)
    return status, learning_network(status)


@pytest.mark.parametrize(("count", "chances"), [(0, 5), (1, 5), (3, 10), (10, 10), (11, 10)])
def test_the_chance_of_so_many_signals_is_the_binomial_one(count: int, chances: int) -> None:
    expected = stats.binom(chances, 0.041).sf(count - 1)
    assert at_least(count, [0.041] * chances) == pytest.approx(expected, abs=1e-12)


def test_chances_may_differ() -> None:
    assert at_least(1, [0.1, 0.5]) == pytest.approx(1 - 0.9 * 0.5)
    assert at_least(2, [0.1, 0.5]) == pytest.approx(0.05)
    assert at_least(0, []) == 1.0


def test_signals_are_counted_beside_those_of_chance(found: tuple[NetworkStatus, LearningNetwork]) -> None:
    signals = found[1].signals
    assert len(signals.rows) == 24
    assert signals.expected == pytest.approx(sum(row.false_alarms for row in signals.rows))
    assert 0 < signals.count <= 24
    for row in signals.rows:
        assert row.longest[0] <= row.longest[1]


def test_ranks_are_sure_where_places_are_far_apart_and_not_where_they_are_alike(
    found: tuple[NetworkStatus, LearningNetwork],
) -> None:
    falls = next(each for each in found[1].deviance if each.measure == "falls")
    places = {place.study: place for place in falls.places}
    assert [place.study for place in falls.places] == sorted(places), "in the order of ids"
    assert sum(place.p_best for place in falls.places) == pytest.approx(falls.best, abs=1e-9)
    works = [places[name] for name in ("fall-vestfold", "fall-helgeland", "fall-sogn")]
    assert all(place.rank_from == 1 and place.rank_to >= 2 for place in works), "alike: no rank is sure"
    assert all(places[name].rank_from >= 3 for name in ("fall-telemark", "fall-bergen"))
    assert places["fall-telemark"].p_best < 0.01
    for place in falls.places:
        assert 1 <= place.rank_from <= place.rank <= place.rank_to <= 5
        assert 0 <= place.p_above <= 1


def test_ranks_turn_round_where_more_is_good(found: tuple[NetworkStatus, LearningNetwork]) -> None:
    reviews = next(each for each in found[1].deviance if each.measure == "medication_review")
    places = {place.study: place for place in reviews.places}
    assert places["legemiddel-sogn"].rank_from == 3, "nothing changed there, and more is good"


def test_nothing_is_ranked_without_a_good_direction_or_with_two_studies(
    found: tuple[NetworkStatus, LearningNetwork],
) -> None:
    ranked = {each.measure for each in found[1].deviance}
    assert ranked == {"falls", "medication_review", "new_pressure_ulcers"}


def test_many_places_are_ranked_in_little_memory(found: tuple[NetworkStatus, LearningNetwork]) -> None:
    status, _ = found
    falls = next(each for each in status.syntheses if each.measure == "falls")
    many = replace(falls, results=falls.results * 80, studies=400)
    grown = learning_network(replace(status, syntheses=(many,)))
    assert len(grown.deviance[0].places) == 400
    assert grown.deviance[0].best == 40
    assert sum(place.p_best for place in grown.deviance[0].places) == pytest.approx(40)


def test_the_line_of_time_holds_starts_cycles_and_steps_in_order(
    found: tuple[NetworkStatus, LearningNetwork],
) -> None:
    wave = next(wave for wave in found[1].waves if wave.study == "fall-vestfold")
    assert wave.wave == "Vestfold"
    day, names = wave.starts[0]
    assert (day, len(names)) == (date(2020, 1, 1), 2)
    assert sum(len(names) for _, names in wave.starts) == len(wave.sites) == 8
    assert sum(count for _, _, count in wave.cycles) == 20
    assert wave.phases[0].phase == "prepare"
    assert wave.phases[-1].phase == "follow_up"
    for before, after in zip(wave.phases, wave.phases[1:], strict=False):
        assert before.end == after.start
        assert before.phase != after.phase
    none = next(wave for wave in found[1].waves if wave.study == "fall-bergen")
    assert none.phases == ()
    assert none.cycles == ()


def test_what_worked_where_has_a_row_for_every_result_not_for_the_good_ones(
    found: tuple[NetworkStatus, LearningNetwork],
) -> None:
    rows = {row.study: row for row in found[1].worked}
    assert set(rows) == {line.id for line in found[0].lines if line.release is not None}
    assert rows["fall-telemark"].state == "negligible"
    assert (rows["fall-vestfold"].kept, rows["fall-vestfold"].changed) == (4, 2)
    assert rows["fall-bergen"].common is None


def test_fit_answers_are_means_over_all_sites(found: tuple[NetworkStatus, LearningNetwork]) -> None:
    fit = found[1].fit
    assert {answer.sites for answer in fit} == {72}, "answers: the same sites answer for several bundles"
    assert len(found[1].fit_studies) == 9
    assert len(fit) == 6
    assert all(2 <= answer.mean <= 5 for answer in fit)
