"""What a design can be expected to show: the prototype's table, the verdict's algebra, and studies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gaussian_designs import curves_of, monthly_network, quarterly_network, window
from scipy.special import ndtri

from impl.model.assurance import Limits, assurance, assurance_of, verdict_chances
from impl.model.gls import LinearModel, posterior_sd, solve
from impl.model.simulate import World
from impl.model.structure import Structure, describe_structure
from impl.model.twin import prior_scales
from impl.model.verdict import decide
from worlds import make_panel, make_study

RATIO = Limits(worthwhile=0.1, harm=0.1, negligible=0.1, direction="lower", link="log", location=-3.0)

# sites, months, events a site-month, posterior SD of the mean log ratio over a year, chance of "beneficial"
# at a true ratio of .7 and of .8
NETWORKS = [
    (8, 36, 1, 0.214, 0.46, 0.23),
    (8, 36, 4, 0.144, 0.68, 0.32),
    (8, 36, 15, 0.104, 0.87, 0.44),
    (8, 48, 1, 0.200, 0.49, 0.24),
    (8, 48, 4, 0.134, 0.72, 0.34),
    (8, 48, 15, 0.098, 0.90, 0.47),
    (12, 48, 1, 0.171, 0.57, 0.28),
    (12, 48, 4, 0.113, 0.83, 0.41),
    (12, 48, 15, 0.083, 0.96, 0.55),
    (15, 48, 1, 0.157, 0.62, 0.30),
    (15, 48, 4, 0.103, 0.88, 0.45),
    (15, 48, 15, 0.076, 0.98, 0.61),
]


def with_shape(model: LinearModel, name: str, step: float = 0.15) -> LinearModel:
    return replace(model, curve=curves_of(model.exposed.shape[2], step)[name])


@pytest.mark.parametrize(("sites", "months", "events", "sd", "at_seven", "at_eight"), NETWORKS)
def test_typical_networks(
    sites: int, months: int, events: int, sd: float, at_seven: float, at_eight: float
) -> None:
    """Within .0007 and .007. The table's level prior is not stated: with SD 1, as in the table of bias and
    coverage, the SDs with one event a month come out .0007 and .0005 low; with 1.5 all are as printed."""
    solution = solve(with_shape(monthly_network(sites, months, events, level_sd=1.5), "teh .1"))
    length = months - 12
    found = posterior_sd(solution, window(length, 12))
    assert found == pytest.approx(sd, abs=0.0005)
    narrow = solve(with_shape(monthly_network(sites, months, events), "teh .1"))
    assert posterior_sd(narrow, window(length, 12)) == pytest.approx(sd, abs=0.0007)
    for ratio, chance in (
        (0.7, at_seven),
        (0.8, at_eight),
    ):  # there: sampling SD = posterior SD, no shrinkage
        reached = verdict_chances(float(np.log(ratio)), found, found, RATIO)
        assert reached["beneficial"] == pytest.approx(chance, abs=0.007)


def test_no_typical_network_can_show_absence() -> None:
    for sites, months, events, *_ in NETWORKS:
        model = with_shape(monthly_network(sites, months, events), "teh .1")
        assert not assurance(solve(model), window(months - 12, 12), RATIO).can_show_negligible
    many = solve(with_shape(monthly_network(120, 48, 30.0), "teh .1"))
    assert assurance(many, window(36, 12), RATIO).can_show_negligible


def test_shrinkage_explains_what_the_sampler_found() -> None:
    """12 x 12, ten events: sampled, `beneficial` came in 28 of 40 fits at a ratio of .7, in none of 60 without
    effect (teh, spread learnt from the data); without shrinkage the formula said .79."""
    model = with_shape(quarterly_network(), "teh .1")
    found = assurance(solve(model), window(10, 10), replace(RATIO, negligible=0.05))
    at_thirty = next(one for one in found.scenarios if one.change == pytest.approx(0.3))
    error = np.sqrt(0.7 * 0.3 / 40)
    assert at_thirty.chances["beneficial"] == pytest.approx(0.70, abs=2 * error)
    naive = verdict_chances(float(np.log(0.7)), found.sd, found.sd, RATIO)["beneficial"]
    assert naive == pytest.approx(0.79, abs=0.01)
    assert at_thirty.chances["beneficial"] < naive
    none = next(one for one in found.scenarios if one.change == 0.0)
    assert none.chances["beneficial"] < 0.05


def test_chances_are_those_of_drawn_posteriors() -> None:
    """The chances on a grid against 5,000 drawn posterior means, each with its posterior's 500 quantiles."""
    rng = np.random.default_rng(2)
    limits = replace(RATIO, worthwhile=0.15, harm=0.05, negligible=0.08)
    sd, sampling = 0.04, 0.035
    posterior = ndtri((np.arange(500) + 0.5) / 500)
    for truth in (np.log(0.8), 0.0, np.log(1.1)):
        means = rng.normal(truth, sampling, 5_000)
        draws = means[:, None] + sd * posterior
        change = np.exp(draws) - 1.0
        worthwhile, harm = (change < -0.15).mean(axis=1) >= 0.9, (change > 0.05).mean(axis=1) >= 0.8
        negligible = (np.abs(change) < 0.08).mean(axis=1) >= 0.9
        found = verdict_chances(float(truth), sampling, sd, limits)
        assert found["beneficial"] == pytest.approx(worthwhile.mean(), abs=0.03)
        assert found["harmful"] == pytest.approx(harm.mean(), abs=0.03)
        assert found["negligible"] == pytest.approx((negligible & ~harm).mean(), abs=0.03)
        assert sum(found.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_turning_the_outcome_round_turns_nothing_else(direction: str) -> None:
    limits = Limits(
        worthwhile=0.3, harm=0.2, negligible=0.1, direction=direction, link="identity", location=2.0
    )
    turned = replace(limits, direction="higher" if direction == "lower" else "lower")
    for truth in (-1.0, -0.3, 0.0, 0.5):
        found = verdict_chances(truth, 0.2, 0.2, limits)
        mirrored = verdict_chances(-truth, 0.2, 0.2, turned)
        assert found == pytest.approx(mirrored)


def test_limits_are_relative_changes_on_the_natural_scale() -> None:
    assert RATIO.shift(-0.1) == pytest.approx(np.log(0.9))
    share = replace(RATIO, link="logit", location=float(np.log(0.2 / 0.8)))
    after = 1.0 / (1.0 + np.exp(-(share.location + share.shift(0.5))))
    assert after == pytest.approx(0.2 * 1.5)
    assert replace(share, location=float(np.log(9.0))).shift(0.2) == np.inf  # 90 % cannot rise by a fifth
    assert replace(RATIO, link="identity", location=-4.0).shift(0.1) == pytest.approx(0.4)
    assert RATIO.shift(-1.0) == -np.inf


def test_negligible_needs_a_design_that_can_show_it() -> None:
    sure = {"p_better": 0.99, "p_worthwhile": 0.0, "p_negligible": 0.95, "p_harm": 0.0}
    assert decide("lower", sure) == "promising"
    assert decide("lower", sure, absence_showable=True) == "negligible"
    assert decide("lower", sure | {"p_worthwhile": 0.95}, absence_showable=True) == "beneficial"
    assert decide("lower", sure | {"p_harm": 0.9}, absence_showable=True) == "harmful"
    assert decide("lower", sure | {"p_negligible": 0.89}, absence_showable=True) == "promising"
    assert decide("ambiguous", sure, absence_showable=True) is None


# --- studies


def network(sites: int = 8, periods: int = 36, patients: float = 900.0, **study: object) -> Structure:
    starts = np.repeat(np.linspace(12, 0.6 * periods, 4).astype(int), sites // 4).astype(float)
    world = World(
        law="poisson",
        baseline=0.005,
        start=starts,
        effect=lambda exposure: np.full(exposure.shape, -0.3),
        site_sd=0.2,
    )
    panel = make_panel(world, "falls", np.full((sites, periods), patients), gaps=((0, 4), (2, 20)))
    return describe_structure(make_study("falls", **study), panel)


def test_assurance_of_a_study() -> None:
    found = assurance_of(network())
    assert 0.1 < found.sd < 0.3
    assert found.interval_width == pytest.approx(2 * 1.6448536 * found.sd)
    assert not found.can_show_negligible
    changes = [scenario.change for scenario in found.scenarios]
    assert changes == pytest.approx([-0.1, 0.0, 0.1, 0.2, 0.3])
    benefit = [scenario.chances["beneficial"] for scenario in found.scenarios]
    assert benefit == sorted(benefit)
    assert found.scenarios[0].chances["harmful"] > found.scenarios[1].chances["harmful"]
    more = assurance_of(network(patients=9000.0))
    assert more.sd < found.sd
    assert assurance_of(network(sites=16)).sd < found.sd


def test_numbers_that_vary_less_show_more() -> None:
    """A fit knows how much sites and periods differ; before data the assurance has to guess at the prior's middle."""
    structure = network(sites=40, patients=9000.0)
    half = {name: value / 4.0 for name, value in prior_scales(structure).items()}
    calm = assurance_of(structure, half)
    assert calm.sd < assurance_of(structure).sd
    assert calm.can_show_negligible > assurance_of(structure).can_show_negligible


def test_the_outcome_enters_through_the_baseline_alone() -> None:
    structure = network()
    rows = structure.rows.assign(
        numerator=np.where(structure.rows["observed"], 7.0, np.nan), sum_squares=np.nan
    )
    assert assurance_of(replace(structure, rows=rows)) == assurance_of(structure)
    assert assurance_of(replace(structure, location=structure.location + 1.0)).sd < assurance_of(structure).sd


def test_a_measure_without_a_good_direction_has_no_verdict_to_expect() -> None:
    structure = network()
    measure = structure.measure.model_copy(update={"direction": "ambiguous"})
    found = assurance_of(replace(structure, measure=measure))
    assert (found.scenarios, found.can_show_negligible) == ((), False)
    assert found.sd == assurance_of(structure).sd
