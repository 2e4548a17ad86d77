"""P(target met): hand-computed levels, simulated truth with an exact posterior, and a real fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from impl.data.panel import Panel
from impl.model import targets
from impl.model.build import build_model
from impl.model.estimate import estimate
from impl.model.fit import sample
from impl.model.fitted import Fit
from impl.model.predict import Prediction
from impl.model.simulate import World
from impl.model.structure import describe_structure
from impl.model.targets import evaluate_targets, meets, newest_spells
from worlds import make_panel, make_study, prior_fit

NOTHING = lambda exposure: np.zeros(exposure.shape)  # noqa: E731
CONSTANT = lambda exposure: np.full(exposure.shape, np.log(0.6))  # noqa: E731


def table(*rows: tuple[str, str, range, float]) -> pd.DataFrame:
    """rows: site, measure, periods, target."""
    each = [(site, measure, period, target) for site, measure, periods, target in rows for period in periods]
    return pd.DataFrame(each, columns=["site", "measure", "period", "target"])


def panel_with(rows: pd.DataFrame, *, sites: int = 3, periods: int = 12, exposure: float = 1000.0) -> Panel:
    start = np.linspace(3.0, 8.0, sites).round()
    world = World(law="poisson", baseline=5 / 1000, start=start, effect=NOTHING)
    return replace(make_panel(world, "falls", np.full((sites, periods), exposure)), targets=rows)


def fit_of(panel: Panel) -> Fit:
    """A fit without parameters: its levels come from `known_levels`."""
    return Fit(
        tree=xr.DataTree.from_dict({"posterior": xr.Dataset(coords={"chain": [0], "draw": [0]})}),
        structure=describe_structure(make_study("falls"), panel),
        profile="full",
        seed=1,
        target_accept=0.95,
        retried=False,
        amber=False,
        started=datetime.now(UTC),
        seconds=0.0,
    )


def known_levels(monkeypatch: pytest.MonkeyPatch, by_site: np.ndarray) -> None:
    """Draws of each site's log level, draw x site, in place of what the fit says."""

    def predict(_: Fit, rows: pd.DataFrame) -> Iterator[Prediction]:
        level = by_site[:, rows["site"].to_numpy()]
        yield Prediction(
            untreated=level,
            effect=np.zeros_like(level),
            others={},
            measurement=np.zeros((1, 1)),
            parameters={},
        )

    monkeypatch.setattr(targets, "predict", predict)


def test_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four draws of two sites' levels per 1000, target 5: the first meets it in 3, the second in 1 of 4."""
    rows = table(("s00", "falls", range(6, 12), 5.0), ("s01", "falls", range(6, 12), 5.0))
    fit = fit_of(panel_with(rows, sites=2))
    draws = np.array([[4.0, 6.0], [4.5, 5.5], [5.0, 4.0], [7.0, 8.0]]) / 1000
    known_levels(monkeypatch, np.log(draws))

    found = evaluate_targets(fit)

    assert found is not None
    assert found.sites["p_met"].tolist() == [0.75, 0.25]
    assert found.number[1] == 1.0
    # all sites together, equal exposure: 5.0, 5.0, 4.5 and 7.5
    assert found.network is not None
    assert found.network["p_met"] == 0.75
    cells = fit.structure.rows
    for site, row in enumerate(found.sites.itertuples()):
        events = cells.loc[(cells["site"] == site) & cells["period"].between(6, 11), "numerator"].sum()
        assert (row.numerator, row.denominator, row.met) == (events, 6000.0, events / 6 <= 5.0)
        assert (row.start, row.end) == (date(2022, 7, 1), date(2022, 12, 31))


def test_the_chances_are_right_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated truth: rates from a gamma law, Poisson counts, the exact posterior of each rate."""
    sites, draws, exposure, target = 400, 2000, 6000.0, 4.5
    rng = np.random.default_rng(5)
    truth = rng.gamma(20.0, 5 / 1000 / 20.0, sites)
    rows = table(*((f"s{site:02d}", "falls", range(6, 12), target) for site in range(sites)))
    panel = panel_with(rows, sites=sites)
    counts = rng.poisson(truth[:, None] * 1000.0, (sites, 12))
    panel = replace(panel, cells=panel.cells.assign(numerator=counts.ravel().astype(float)))
    fit = fit_of(panel)
    seen = counts[:, 6:].sum(axis=1)
    posterior = rng.gamma(20.0 + seen, 1 / (20.0 * 1000 / 5 + exposure), (draws, sites))
    known_levels(monkeypatch, np.log(posterior))

    found = evaluate_targets(fit)

    assert found is not None
    met = truth * 1000 <= target
    chance = found.sites["p_met"].to_numpy()
    for low, high in ((0.0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.0)):
        inside = (chance >= low) & (chance <= high)
        error = 3 * np.sqrt(0.25 / inside.sum())
        assert abs(met[inside].mean() - chance[inside].mean()) < error
    assert found.number[0] <= met.sum() <= found.number[2]
    assert found.number[1] == pytest.approx(chance.sum())
    # the counted figure alone is a worse judge than the level behind it
    score = lambda said: np.mean((said - met) ** 2)  # noqa: E731
    assert score(chance) < score(found.sites["met"].to_numpy(dtype=float))


def test_the_newest_target_counts_and_a_gap_or_another_value_ends_its_spell() -> None:
    rows = table(
        ("s00", "falls", range(4), 6.0),
        ("s00", "falls", range(4, 9), 5.0),
        ("s01", "falls", range(2), 4.0),
        ("s01", "falls", range(7, 12), 4.0),
    )
    structure = describe_structure(make_study("falls"), panel_with(rows))

    spells = [(spell.site, spell.target, spell.first, spell.last) for spell in newest_spells(structure)]
    assert spells == [(0, 5.0, 4, 8), (1, 4.0, 7, 11)]


def test_a_level_is_the_cells_own_with_the_bundle_and_all() -> None:
    """The graph's own levels: intercept, site, calendar and effect, weighted by exposure."""
    panel = panel_with(table(("s00", "falls", range(9, 12), 5.0)))
    fit = prior_fit(build_model(make_study("falls"), panel), draws=30)

    found = evaluate_targets(fit)

    assert found is not None
    levels = np.exp(fit.flat("eta"))[:, 9:12].mean(axis=1) * 1000
    assert found.sites["p_met"].iloc[0] == np.mean(levels <= 5.0)
    assert found.sites["median"].iloc[0] == pytest.approx(np.median(levels))


def test_a_hidden_count_leaves_the_counted_figure_open(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(("s00", "falls", range(10, 12), 5.0))
    panel = panel_with(rows)
    cells = panel.cells.copy()
    cells.loc[11, ["numerator", "at_least", "at_most"]] = [np.nan, 1.0, 4.0]
    cells.loc[11, "observed"] = False
    fit = fit_of(replace(panel, cells=cells))
    known_levels(monkeypatch, np.log(np.array([[4.0] * 3, [6.0] * 3]) / 1000))

    found = evaluate_targets(fit)

    assert found is not None
    row = found.sites.iloc[0]
    assert row["met"] is None
    assert np.isnan(row["numerator"])
    assert row["denominator"] == 2000.0
    assert row["p_met"] == 0.5


def test_different_targets_say_nothing_of_all_together(monkeypatch: pytest.MonkeyPatch) -> None:
    known_levels(monkeypatch, np.log(np.array([[4.0, 4.5], [6.0, 6.5]]) / 1000))
    rows = table(("s00", "falls", range(6, 12), 5.0), ("s01", "falls", range(6, 12), 4.0))
    found = evaluate_targets(fit_of(panel_with(rows, sites=2)))
    assert found is not None
    assert found.network is None
    one = table(("s00", "falls", range(6, 12), 5.0))
    found = evaluate_targets(fit_of(panel_with(one, sites=2)))
    assert found is not None
    assert found.network is None


def test_no_target_for_the_measure_is_no_finding() -> None:
    assert evaluate_targets(fit_of(panel_with(table(("s00", "other", range(12), 5.0))))) is None
    assert evaluate_targets(fit_of(replace(panel_with(table()), targets=None))) is None


def test_which_side_is_good() -> None:
    level = np.array([72 / 90 * 100, 80.0, 79.9])
    assert meets(level, np.array([80.0]), "higher").tolist() == [True, True, False]
    assert meets(level, np.array([80.0]), "lower").tolist() == [True, True, True]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_real_fit_finds_the_sites_that_reached_their_target() -> None:
    """Rates 5 per 1000 before and 3 after; targets 4 and 2: all reach the first, none the second."""
    world = World(law="poisson", baseline=5 / 1000, start=np.array([6.0, 8, 10, 12]), effect=CONSTANT)
    panel = make_panel(world, "falls", np.full((4, 24), 3000.0))
    met = table(*((f"s{site:02d}", "falls", range(16, 24), 4.0) for site in range(4)))
    study = make_study("falls", model={"effect": "it"})
    fit = sample(build_model(study, replace(panel, targets=met)), study, profile="smoke")

    found = estimate(fit).targets

    assert found is not None
    assert (found.sites["p_met"] > 0.9).all()
    assert found.network is not None
    assert found.network["p_met"] > 0.99
    rows = fit.structure.rows
    harder = replace(fit.structure, rows=rows.assign(target=rows["target"].where(rows["target"].isna(), 2.0)))
    found = evaluate_targets(replace(fit, structure=harder))
    assert found is not None
    assert (found.sites["p_met"] < 0.05).all()
