"""A prior learnt from the network, in the graph: it is one of the time-averaged effect, and data to the compiled model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytest
from pytensor.graph.replace import graph_replace

from impl.errors import DesignError
from impl.model.build import model_of
from impl.model.criticism.prior_laws import effect_laws, log_prior
from impl.model.effect_prior import effect_prior
from impl.model.effects import EFFECTS
from impl.model.estimands import window_effect, window_rows
from impl.model.estimate import estimate
from impl.model.fit import sample_once
from impl.model.simulate import World
from impl.model.structure import LEARNT, Structure, describe_structure
from impl.network.prior import Learnt
from impl.release.files import write_release
from network_releases import study_release
from worlds import make_panel, make_study, prior_fit

STARTS = np.array([4.0, 4.0, 8.0, 8.0, 12.0, 12.0])


PLAIN = "FAST_COMPILE"


def structure_of(root: Path, truth: float = -0.3, **model: object) -> Structure:
    study = make_study("falls", synthetic=True, model={"priors": "network"} | model)
    study._root = root
    world = World(
        law="poisson", baseline=0.005, start=STARTS, effect=lambda time: truth + 0.0 * time, site_sd=0.2
    )
    return describe_structure(study, make_panel(world, "falls", np.full((6, 18), 2000.0)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for number in range(6):
        release = study_release(number, -0.3, 0.1)
        write_release(release, tmp_path / "reports" / release.study.id)
    return tmp_path


def test_a_study_learns_from_the_releases_it_names(project: Path) -> None:
    learnt = structure_of(project).learnt
    assert learnt is not None
    assert learnt.mean == pytest.approx(-0.3, abs=0.05)
    assert len(learnt.runs) == 6
    elsewhere = {"network": {"releases": "nothing", "vague_weight": 0.2}}
    (project / "nothing").mkdir()
    empty = structure_of(project, priors=elsewhere)
    assert empty.learnt is None
    assert ("network_prior_empty", {}) in empty.warnings


def test_shapes_without_a_level_of_their_own_are_refused(project: Path) -> None:
    with pytest.raises(DesignError) as caught:
        structure_of(project, -0.3, effect="growth")
    assert [fault.code for fault in caught.value.faults] == ["design.network_prior"]


def window_draws(structure: Structure, draws: int) -> np.ndarray:
    """Prior draws of the curve's mean over the window, and of what the graph records of it, draw x 2."""
    model = model_of(structure)
    first, last = structure.window
    average = model["curve"][first - 1 : last].mean()
    recorded = model[LEARNT] if structure.learnt is not None else average
    return np.column_stack(pm.draw([average, recorded], draws, random_seed=2, mode=PLAIN))


@pytest.mark.parametrize("shape", ["rw", "it"])
def test_the_graph_has_the_mixture_as_prior_of_the_average_effect(project: Path, shape: str) -> None:
    structure = replace(
        structure_of(project), learnt=Learnt(mean=-2.0, sd=0.1, vague_weight=0.3, runs=("a" * 12,)),
        effect=EFFECTS[shape],
    )  # fmt: skip
    average, recorded = window_draws(structure, 1500).T
    np.testing.assert_allclose(average, recorded, atol=1e-9)
    informed = average < -1.6
    assert informed.mean() == pytest.approx(0.7, abs=0.04)
    assert average[informed].mean() == pytest.approx(-2.0, abs=0.02)
    assert average[informed].std() == pytest.approx(0.1, abs=0.01)
    assert average[~informed].std() == pytest.approx(structure.priors.effect, abs=0.06)


def test_the_law_of_the_prior_is_that_of_the_graph(project: Path) -> None:
    structure = structure_of(project)
    model = model_of(structure)
    fit = prior_fit(model, draws=4)
    values = {rv: rv.type(name=rv.name) for rv in model.free_RVs}
    (rv,) = (rv for rv in model.free_RVs if rv.name == "effect_mean")
    density = pytensor.function(
        list(values.values()), graph_replace(pm.logp(rv, values[rv]), values, strict=False), mode=PLAIN,
        on_unused_input="ignore",
    )  # fmt: skip
    theirs = [float(density(*[fit.flat(each.name)[draw] for each in values])) for draw in range(4)]
    ours = log_prior(fit, {LEARNT: effect_laws(structure)[LEARNT]})
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_one_compiled_model_serves_every_network(project: Path) -> None:
    structure = structure_of(project)
    other = replace(structure, learnt=Learnt(mean=0.3, sd=0.4, vague_weight=0.1, runs=("b" * 12,)))
    assert structure.compiled_key() == other.compiled_key()
    assert structure.compiled_key() != replace(structure, learnt=None).compiled_key()


@pytest.mark.parametrize(
    "shape",
    ["rw", "mono", *(pytest.param(name, marks=pytest.mark.slow) for name in ("it", "teh", "eti", "growth"))],
)
def test_the_stated_prior_of_the_effect_is_that_of_its_curve(shape: str) -> None:
    """What the network divides out is what the graph put in; a site's own departures add their known share."""
    default = structure_of(Path(), priors="default")
    structure = replace(default, effect=EFFECTS[shape], site_effects=False)
    stated = effect_prior(structure, window_rows(structure))
    assert stated.mean == 0.0
    assert window_draws(structure, 2000)[:, 0].std() == pytest.approx(stated.sd, rel=0.06)
    shared = effect_prior(replace(structure, site_effects=True), window_rows(structure))
    own = (shared.sd**2 - stated.sd**2) ** 0.5
    assert structure.priors.site_effect / 6**0.5 <= own < structure.priors.site_effect / 4**0.5


@pytest.mark.slow
@pytest.mark.parametrize(("effect", "conflict"), [(-0.3, False), (0.9, True)])
def test_what_the_network_did_is_what_a_fit_without_it_says(
    project: Path, effect: float, conflict: bool
) -> None:
    """The answer without the network comes from importance weights; here it is sampled. A conflict leaves the network."""
    structure = structure_of(project, effect)
    assert structure.learnt is not None
    alone = replace(structure, learnt=replace(structure.learnt, vague_weight=1.0))
    fits = []
    for each in (structure, alone):
        model = model_of(each)
        fits.append(sample_once(model, seed=3, settings=(4, 500, 1000)))
    told = estimate(fits[0]).model.network
    sampled = window_effect(fits[1])
    assert told is not None
    assert told.without is not None
    assert told.posterior_vague_weight is not None
    assert told.without.mean == pytest.approx(sampled.mean(), abs=0.15 * sampled.std())
    assert told.without.sd == pytest.approx(sampled.std(), rel=0.1)
    codes = {code for code, _ in estimate(fits[0]).warnings}
    assert ("network_prior_conflict" in codes) is conflict
    if conflict:
        assert told.posterior_vague_weight > 0.9
        assert window_effect(fits[0]).mean() == pytest.approx(sampled.mean(), abs=0.3 * sampled.std())
    else:
        assert window_effect(fits[0]).std() < 0.95 * sampled.std()
