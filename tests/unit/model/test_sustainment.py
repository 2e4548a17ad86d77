"""What lasts after support: the row table, graph and NumPy alike, and when nothing is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from impl.model.build import model_of
from impl.model.local.sustainment import (
    LEARNT_OF_SHARE,
    contraction_of,
    end_effects,
    fading_structure,
    half_is_told,
    is_identified,
    retained,
    twin_shares,
)
from impl.model.predict import predict
from impl.model.priors import HALF_LIFE_LOG_SD, HALF_LIFE_MEDIAN, RETAINED_ALPHA, RETAINED_BETA
from impl.model.simulate import World
from impl.model.structure import AFTER, Structure, describe_structure
from worlds import make_panel, make_study, prior_fit


def support(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    """Site, first period after support, first and first-after of a pause."""
    return pd.DataFrame(rows, columns=["site", "support_end_period", "pause_from", "pause_until"])


ENDED = support(("s00", 10, np.nan, np.nan), ("s01", 10, 6, 8), ("s02", 12, np.nan, np.nan))


def faded(table: pd.DataFrame = ENDED, *, months: float = 1.0, **model: object) -> Structure | None:
    start = np.array([4.0, 4.0, 7.0, 7.0])
    world = World(
        law="poisson", baseline=0.02, start=start, effect=lambda exposure: 0.0 * exposure, months=months
    )
    panel = make_panel(world, "falls", np.full((4, 16), 600.0))
    structure = describe_structure(make_study("falls", model=model), panel)
    return fading_structure(structure, replace(panel, support=table))


def test_the_curve_is_held_at_the_end_of_support() -> None:
    structure = faded()
    assert structure is not None
    after, held = structure.grid(AFTER), structure.grid("bin")
    assert after[0].tolist() == [0.0] * 10 + [1, 2, 3, 4, 5, 6]
    assert held[0, 4:].tolist() == [1, 2, 3, 4, 5, 6, 6, 6, 6, 6, 6, 6]
    assert held[2, 12:].tolist() == [5, 5, 5, 5]
    assert np.all(after[3] == 0.0)
    assert not structure.grid("used")[1, 6:8].any()  # a pause is no data about the bundle


@pytest.mark.parametrize("site_effects", ["none", "random"])
def test_predict_equals_the_graph(site_effects: str) -> None:
    structure = faded(site_effects=site_effects)
    assert structure is not None
    fit = prior_fit(model_of(structure))
    rows = structure.rows[structure.rows["used"]]
    (part,) = predict(fit, rows)
    np.testing.assert_allclose(part.untreated + part.effect, fit.flat("eta"), rtol=1e-8, atol=1e-8)


def test_that_half_is_kept_takes_a_sure_chance_and_a_curve_that_reaches_as_far() -> None:
    rng = np.random.default_rng(2)
    kept, unsure, lost = (rng.normal(middle, 0.06, 2000) for middle in (0.8, 0.53, 0.3))
    agrees, fell = rng.normal(0.9, 0.2, 2000), rng.normal(0.4, 0.2, 2000)
    assert half_is_told(kept, agrees, 12)
    assert not half_is_told(kept, None, 12), "the main fit has no time since start so late"
    assert not half_is_told(kept, fell, 12), "the main fit's own curve says that it fades"
    assert not half_is_told(unsure, agrees, 12), "69 of 100 is no finding"
    assert half_is_told(lost, None, 12), "that it fades is told as it is"
    prior = rng.beta(RETAINED_ALPHA, RETAINED_BETA, 2000)
    half = HALF_LIFE_MEDIAN * np.exp(HALF_LIFE_LOG_SD * rng.standard_normal(2000))
    assert not half_is_told(prior + (1 - prior) * 2 ** (-12 / half), agrees, 12), "the prior's own answer"


def test_the_share_kept_is_the_effect_later_over_the_effect_at_the_end() -> None:
    structure = faded(site_effects="random")
    assert structure is not None
    fit = prior_fit(model_of(structure), draws=20)
    rows = structure.rows[(structure.rows["site"] == 0) & structure.rows["period"].isin([9, 15])]
    (part,) = predict(fit, rows)
    np.testing.assert_allclose(part.effect[:, 1] / part.effect[:, 0], retained(fit, 6.0), rtol=1e-9)
    np.testing.assert_allclose(retained(fit, 0.0), 1.0)
    first = rows[rows["period"] == 9]
    curve = fit.flat("curve")[:, first["bin"].to_numpy() - 1]
    assert end_effects(fit).shape == (20,)
    assert curve.shape == (20, 1)


def test_one_wave_and_nobody_untreated_cannot_tell_fading_from_the_calendar() -> None:
    everyone = support(*((f"s{site:02d}", 12.0, np.nan, np.nan) for site in (2, 3)))
    structure = faded(everyone)
    assert structure is not None
    assert not is_identified(structure)
    both = faded(ENDED)
    assert both is not None
    assert is_identified(both)


def test_support_that_never_ended_within_the_data_says_nothing() -> None:
    assert faded(support(("s00", 16, np.nan, np.nan))) is None


def test_the_twin_is_the_ratio_of_the_main_curve() -> None:
    structure = faded()
    assert structure is not None
    plain = replace(structure, rows=structure.rows.drop(columns=AFTER))
    fit = prior_fit(model_of(plain), draws=10)
    curve = fit.flat("curve")
    expected = curve[:, [11, 11, 10]].mean(axis=1) / curve[:, [5, 5, 4]].mean(axis=1)
    shares = twin_shares(fit, structure)
    assert fit.structure.supported == 12
    np.testing.assert_allclose(shares[6], expected)
    assert 24 not in shares


def test_a_chance_is_not_told_where_it_would_be_the_priors() -> None:
    """The prior against itself has contracted by nothing, and leaves it open whether half is kept after two years."""
    rng = np.random.default_rng(3)
    stays = rng.beta(RETAINED_ALPHA, RETAINED_BETA, 20_000)
    half = HALF_LIFE_MEDIAN * np.exp(HALF_LIFE_LOG_SD * rng.standard_normal(20_000))
    prior = stays + (1 - stays) * 2.0 ** (-24 / half)
    assert contraction_of(prior, 24) == pytest.approx(0.0, abs=0.03)
    assert 0.35 < np.mean(prior >= 0.5) < 0.65
    assert contraction_of(0.4 + 0.05 * rng.standard_normal(20_000), 24) > LEARNT_OF_SHARE
