"""What a Release says to the network, and what it does not say twice."""

from __future__ import annotations

import random
from datetime import timedelta

import numpy as np
import pytest

from example_release import before_after, not_converged, smoke
from impl.network.evidence import Planned, collect_evidence, divide_out
from impl.release.release import NetworkPrior, Release, StatedBelief
from network_releases import study_release


def test_dividing_the_prior_out_gives_the_likelihood_back() -> None:
    likelihood, prior = (-0.3, 0.2), (0.1, 0.5)
    precision = 1 / likelihood[1] ** 2 + 1 / prior[1] ** 2
    mean = (likelihood[0] / likelihood[1] ** 2 + prior[0] / prior[1] ** 2) / precision
    assert divide_out(mean, precision**-0.5, *prior) == pytest.approx(likelihood)
    assert divide_out(0.0, 0.4999, 0.0, 0.5) is None, "a posterior that is the prior says nothing"


def test_a_row_holds_what_the_release_says() -> None:
    evidence = collect_evidence([study_release(1, -0.25, 0.2, delivered=0.7)])
    (row,) = evidence.rows
    assert (row.study, row.measure, row.bundle, row.link) == ("study-00001", "falls", "falls", "log")
    assert (row.posterior_mean, row.posterior_sd) == (-0.25, 0.2)
    assert (row.mean, row.sd) == pytest.approx(divide_out(-0.25, 0.2, 0.0, 0.5))
    assert row.prior == "released"
    assert row.covariates["delivered"] == 0.7
    assert evidence.questions() == (("falls", "falls"),)


def test_without_a_released_prior_the_posterior_stands_and_says_so() -> None:
    (row,) = collect_evidence([study_release(1, -0.25, 0.2, prior_sd=None)]).rows
    assert row.prior == "unknown"
    assert (row.mean, row.sd) == (-0.25, 0.2)


def test_what_is_no_evidence_is_counted_with_its_reason() -> None:
    registered = [Planned(study=name) for name in ("never-run", "study-00001")]
    evidence = collect_evidence([study_release(1, -0.2, 0.2), smoke(), not_converged()], registered)
    assert {left.reason for left in evidence.left_out} == {"smoke", "not_converged"}
    assert [plan.study for plan in evidence.missing] == ["never-run"]
    assert [plan.study for plan in evidence.missing_from("falls", "falls")] == ["never-run"]


def test_missing_studies_count_for_their_own_question() -> None:
    plans = [
        Planned(study="a", measures=("falls",), bundle="falls"),
        Planned(study="b", measures=("gtt_harm",), bundle="falls"),
        Planned(study="c", measures=("falls",), bundle="medication"),
    ]
    evidence = collect_evidence([], plans)
    assert [plan.study for plan in evidence.missing_from("falls", "falls")] == ["a"]


def test_the_newest_run_of_a_study_counts() -> None:
    old = study_release(1, -0.2, 0.2, run="0" * 12)
    new = study_release(1, -0.4, 0.2, run="f" * 12)
    new = new.model_copy(
        update={"run": new.run.model_copy(update={"started": old.run.started + timedelta(days=1)})}
    )
    for order in ([old, new], [new, old]):
        evidence = collect_evidence(order)
        assert [row.run for row in evidence.rows] == ["f" * 12]
        assert [left.reason for left in evidence.left_out] == ["older_run"]


def test_the_same_data_count_once_and_shared_sites_are_told() -> None:
    sites = ("a", "b", "c", "d")
    one, two = study_release(1, -0.2, 0.2, sites=sites), study_release(2, -0.2, 0.2, sites=sites)
    evidence = collect_evidence([one, two])
    assert [row.study for row in evidence.rows] == ["study-00001"]
    assert [(left.study, left.reason) for left in evidence.left_out] == [("study-00002", "same_data")]
    other = study_release(3, -0.3, 0.2, sites=("d", "e", "f", "g"))
    (overlap,) = collect_evidence([one, other]).overlaps
    assert (overlap.first, overlap.second, overlap.sites) == ("study-00001", "study-00003", ("d",))


def test_effects_on_another_link_are_not_pooled() -> None:
    odd = study_release(9, -0.2, 0.2)
    models = tuple(model.model_copy(update={"likelihood": "binomial"}) for model in odd.design.models)
    odd = odd.model_copy(update={"design": odd.design.model_copy(update={"models": models})})
    evidence = collect_evidence([study_release(1, -0.2, 0.2), study_release(2, -0.1, 0.2), odd])
    assert [row.study for row in evidence.rows] == ["study-00001", "study-00002"]
    assert [(left.study, left.reason) for left in evidence.left_out] == [("study-00009", "other_link")]


def learnt_release(number: int) -> Release:
    release = study_release(number, -0.4, 0.1)
    network = NetworkPrior(
        runs=("a" * 12,), studies=1, mean=-0.5, sd=0.2, inflation=1.25, vague_weight=0.5, vague_sd=0.5,
        without=StatedBelief(mean=-0.3, sd=0.2),
    )  # fmt: skip
    models = tuple(
        model.model_copy(update={"network": network, "effect_prior": None}) for model in release.design.models
    )
    return release.model_copy(update={"design": release.design.model_copy(update={"models": models})})


def test_what_a_study_learnt_does_not_come_back_as_news() -> None:
    (row,) = collect_evidence([learnt_release(1)]).rows
    assert (row.mean, row.sd) == pytest.approx(divide_out(-0.3, 0.2, 0.0, 0.5))


def test_order_does_not_matter() -> None:
    releases = [study_release(number, -0.1 * number, 0.2) for number in range(6)] + [before_after()]
    first = collect_evidence(releases)
    shuffled = releases.copy()
    random.Random(4).shuffle(shuffled)
    again = collect_evidence(shuffled)
    assert [row.run for row in first.rows] == [row.run for row in again.rows]
    assert (first.left_out, first.overlaps) == (again.left_out, again.overlaps)


def test_a_curve_comes_with_its_released_covariance() -> None:
    sd = np.array([0.2, 0.25, 0.3])
    correlation = np.array([[1, 0.8, 0.6], [0.8, 1, 0.7], [0.6, 0.7, 1.0]])
    curve = np.column_stack([[-0.1, -0.2, -0.3], sd])
    (row,) = collect_evidence([study_release(1, -0.2, 0.2, curve=curve, correlation=correlation)]).rows
    assert row.curve is not None
    assert row.curve.exact
    np.testing.assert_allclose(row.curve.covariance, correlation * np.outer(sd, sd))
    assert row.curve.to_months.tolist() == [1.0, 2.0, 3.0]


def test_without_covariance_the_average_tells_it() -> None:
    """The correlation between times is the one for which the average over the window has its released SD."""
    sd, rho = np.full(12, 0.3), 0.8
    true = rho ** np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    average = float(np.sqrt(sd @ true @ sd)) / 12
    curve = np.column_stack([np.full(12, -0.2), sd])
    (row,) = collect_evidence([study_release(1, -0.2, average, curve=curve)]).rows
    assert row.curve is not None
    assert not row.curve.exact
    np.testing.assert_allclose(row.curve.covariance / 0.09, true, atol=0.01)
