"""Was it delivered: audits by site and step, the model of them, and the verdict's second word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from impl.model.build import model_of
from impl.model.local.delivery import Audits, audits_of, delivery_model, evaluate_delivery
from impl.model.simulate import World
from impl.model.structure import Structure, describe_structure
from impl.study.study import FidelitySource
from worlds import make_panel, make_study, prior_fit

SOURCE = FidelitySource(file="none.csv")


def wedge(sites: int = 4, periods: int = 14) -> Structure:
    start = np.array([4.0, 4.0, 7.0, 7.0] * (sites // 4))
    world = World(law="poisson", baseline=0.02, start=start, effect=lambda exposure: 0.0 * exposure)
    panel = make_panel(world, "falls", np.full((sites, periods), 600.0), transition=1)
    return describe_structure(make_study("falls"), panel)


def table(*rows: tuple[str, int, str, float, float]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["site", "period", "component", "delivered", "eligible"])
    return found.assign(reported=found["eligible"].notna())


def test_audits_fall_into_quarters_since_start_and_before_it() -> None:
    fidelity = table(
        ("s00", 1, "all", 1.0, 10.0),  # before start
        ("s00", 3, "all", 9.0, 10.0),  # transition: neither
        ("s00", 4, "all", 2.0, 10.0),
        ("s00", 6, "all", 3.0, 10.0),  # still the first quarter
        ("s00", 7, "all", 8.0, 10.0),
        ("s02", 8, "all", 5.0, 5.0),
        ("s02", 9, "all", np.nan, np.nan),  # not made
        ("s01", 5, "training", 4.0, 4.0),  # another component
    )
    audits = audits_of(wedge(), fidelity, SOURCE)
    assert audits.eligible.shape == (4, 4)
    assert audits.eligible[0].tolist() == [20, 10, 0, 0]
    assert audits.delivered[0].tolist() == [5, 8, 0, 0]
    assert audits.eligible[2].tolist() == [5, 0, 0, 0]
    assert audits.eligible[1].sum() == 0
    assert (audits.before_delivered[0], audits.before_eligible[0]) == (1.0, 10.0)
    assert audits.before_eligible[1:].sum() == 0


def test_the_law_of_an_audit_is_binomial() -> None:
    """Log-density of the audits at random points against SciPy."""
    audits = Audits(
        delivered=np.array([[3.0, 0.0], [7.0, 9.0]]),
        eligible=np.array([[10.0, 0.0], [8.0, 20.0]]),
        before_delivered=np.zeros(2),
        before_eligible=np.zeros(2),
        step_of_row=np.zeros(1, dtype=int),
    )
    model = delivery_model(audits.delivered, audits.eligible)
    point = model.initial_point(random_seed=3)
    rng = np.random.default_rng(4)
    point = {name: rng.normal(size=np.shape(value)) for name, value in point.items()}
    density = model.compile_logp(vars=model.observed_RVs, sum=False, mode="FAST_COMPILE")(point)[0]
    fidelity = model.compile_fn(
        model.replace_rvs_by_values([model["fidelity"]])[0], inputs=model.value_vars, mode="FAST_COMPILE"
    )(point)
    expected = stats.binom.logpmf(audits.delivered, audits.eligible, fidelity)  # 0 of 0 says nothing
    np.testing.assert_allclose(density, expected, rtol=1e-8)


def test_without_audits_nothing_is_said() -> None:
    world = World(
        law="poisson", baseline=0.02, start=np.array([4.0, 6]), effect=lambda exposure: 0.0 * exposure
    )
    panel = make_panel(world, "falls", np.full((2, 12), 600.0))
    assert evaluate_delivery(prior_fit(model_of(wedge()), draws=2), make_study("falls"), panel) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "verdict"), [(0.36, "not_delivered"), (0.92, "delivered"), (0.66, "unknown")]
)
def test_a_known_share_is_found_and_called_by_its_name(share: float, verdict: str) -> None:
    """Twelve sites, quarterly audits of twelve each, sites differing by 0.4 on the log-odds scale."""
    structure = wedge(12, 20)
    rng = np.random.default_rng(20261122)
    own = np.log(share / (1 - share)) + 0.4 * rng.standard_normal(12)
    rows = [
        (f"s{site:02d}", period, "all", float(rng.binomial(12, 1 / (1 + np.exp(-own[site])))), 12.0)
        for site in range(12)
        for period in range(7, 20, 3)
    ]
    world = World(
        law="poisson", baseline=0.02, start=np.full(12, 4.0), effect=lambda exposure: 0.0 * exposure
    )
    panel = replace(make_panel(world, "falls", np.full((12, 20), 600.0)), fidelity=table(*rows))
    study = make_study("falls", fidelity={"file": "none.csv"})
    found = evaluate_delivery(prior_fit(model_of(structure), draws=2), study, panel)
    assert found is not None
    assert found.passed
    assert found.verdict == verdict
    assert found.overall[0] < share + 0.03
    assert found.overall[2] > share - 0.03
    truth = float((1 / (1 + np.exp(-own))).mean())
    assert found.overall[0] <= truth <= found.overall[2]
