"""What a new study learns from earlier ones, and how it stops believing them."""

from __future__ import annotations

import json
from dataclasses import replace
from math import erfc
from pathlib import Path

import numpy as np
import pytest

from impl.errors import ImplError, StudyError
from impl.network import prior
from impl.network.evidence import collect_evidence
from impl.network.prior import (
    INFLATION,
    Asking,
    Learnt,
    effect_of_prior,
    learn,
    releases_of_others,
    relevant_rows,
)
from impl.network.synthesis import synthesise
from impl.release.files import write_release
from impl.release.release import Release
from impl.study.load import read_study
from impl.study.study import Study
from network_releases import DATA_FROM, DATA_TO, study_release
from study_project import STUDY, make_project

ASKING = Asking(
    study="new-study", measure="falls", bundle="falls", link="log", sites=frozenset({"x", "y"}),
    data_from=DATA_FROM, data_to=DATA_TO, synthetic=True,
)  # fmt: skip
VAGUE = 0.5


def releases() -> list:
    return [study_release(number, -0.3 - 0.05 * number, 0.12) for number in range(5)]


def test_the_prior_is_the_inflated_prediction_for_a_new_place() -> None:
    (whole,) = synthesise(collect_evidence(releases()))
    learnt = learn(relevant_rows(releases(), ASKING), vague_weight=0.5)
    assert learnt is not None
    assert learnt.mean == pytest.approx(whole.new_place.mean)
    assert learnt.sd == pytest.approx(INFLATION * whole.new_place.sd)
    assert learnt.runs == whole.runs
    assert learn((), vague_weight=0.5) is None


def test_a_study_does_not_learn_from_itself_its_data_or_other_questions() -> None:
    everyone = releases()
    own = study_release(7, -0.9, 0.1, study="new-study")
    shared = study_release(8, -0.9, 0.1, sites=("x", "q", "r", "s"))
    rows = relevant_rows([*everyone, own, shared], ASKING)
    assert [row.study for row in rows] == [f"study-{number:05d}" for number in range(5)]
    assert relevant_rows(everyone, replace(ASKING, measure="gtt_harm")) == ()
    assert relevant_rows(everyone, replace(ASKING, link="logit")) == ()


def invented(release: Release) -> Release:
    return release.model_copy(update={"study": release.study.model_copy(update={"synthetic": True})})


def test_real_studies_learn_nothing_from_invented_ones() -> None:
    made_up = [invented(release) for release in releases()]
    assert relevant_rows(made_up, replace(ASKING, synthetic=False)) == ()
    assert len(relevant_rows(made_up, ASKING)) == 5


def logit(release: Release) -> Release:
    models = [model.model_copy(update={"likelihood": "binomial"}) for model in release.design.models]
    design = release.design.model_copy(update={"models": tuple(models)})
    return release.model_copy(update={"design": design})


def test_no_study_gives_way_to_one_that_is_not_used() -> None:
    """Choices between studies are made among those that can be learnt from, and by them alone."""
    asking = replace(ASKING, synthetic=False)
    sites = ("a", "b", "c", "d")
    ours = study_release(9, -0.3, 0.1, sites=sites, study="z-real")
    twin = study_release(9, -0.3, 0.1, sites=sites, study="a-invented")
    near = study_release(1, -0.2, 0.2, sites=("a", "e", "f", "g"), study="b-invented")
    newer = study_release(9, -0.9, 0.1, study="z-real", run="f" * 12)
    used = study_release(2, -0.2, 0.2, sites=("x", "d", "h", "i"), study="c-used")
    others = [logit(study_release(number, -0.2, 0.2)) for number in (10, 11, 12)]
    made_up = [[invented(each) for each in group] for group in ([twin], [near], [newer], others)]
    for stranger in (*made_up, [used], others):
        assert [row.study for row in relevant_rows([*stranger, ours], asking)] == ["z-real"]


def test_of_studies_that_share_data_in_a_chain_every_other_one_stays() -> None:
    chain = [
        study_release(
            number, -0.3, 0.1 + number / 100, sites=tuple(f"{number + place}" for place in (0, 0.5, 1))
        )
        for number in range(4)
    ]
    assert [row.study for row in relevant_rows(chain, ASKING)] == ["study-00000", "study-00002"]


def posterior(learnt: Learnt, seen: float, error: float, draws: int = 200_000) -> np.ndarray:
    """Exact draws of the effect given seen ~ N(effect, error), by conjugacy of each part."""
    weight, mean, sd = learnt.part_weights(VAGUE)
    total = np.sqrt(sd**2 + error**2)
    marginal = weight * np.exp(-0.5 * ((seen - mean) / total) ** 2) / total
    rng = np.random.default_rng(1)
    part = rng.choice(2, size=draws, p=marginal / marginal.sum())
    variance = 1 / (1 / sd**2 + 1 / error**2)
    centre = variance * (mean / sd**2 + seen / error**2)
    return centre[part] + np.sqrt(variance[part]) * rng.standard_normal(draws)


@pytest.mark.parametrize(("seen", "conflict"), [(-0.35, False), (0.6, True)])
def test_a_conflict_falls_back_to_the_vague_part(seen: float, conflict: bool) -> None:
    learnt = Learnt(mean=-0.4, sd=0.15, vague_weight=0.5, runs=("a" * 12,))
    draws = posterior(learnt, seen, 0.15)
    told = effect_of_prior(learnt, VAGUE, draws, draws)
    alone = 1 / (1 / VAGUE**2 + 1 / 0.15**2)
    assert told.without is not None
    assert told.posterior_vague_weight is not None
    assert told.surprise is not None
    assert told.without.mean == pytest.approx(alone * seen / 0.15**2, abs=0.01), "known by conjugacy"
    assert told.without.sd == pytest.approx(alone**0.5, rel=0.02)
    z = (seen - learnt.mean) / np.hypot(0.15, learnt.sd)
    assert (told.surprise < 0.05) is conflict
    assert told.surprise == pytest.approx(erfc(abs(z) / 2**0.5), abs=0.01)
    if conflict:
        assert told.posterior_vague_weight > 0.99
        assert draws.mean() == pytest.approx(told.without.mean, abs=0.02), (
            "the answer is that without the network"
        )
    else:
        assert told.posterior_vague_weight < 0.4
        assert draws.std() < told.without.sd


def asking(root: Path) -> Study:
    return read_study(
        make_project(root, study=STUDY.replace("id: falls", "id: new-study"), name="new-study.yaml")
    )


def test_releases_are_read_from_a_folder_of_the_project_but_their_own(tmp_path: Path) -> None:
    for release in [*releases(), study_release(7, -0.9, 0.1, study="new-study")]:
        write_release(release, tmp_path / "reports" / release.study.id)
    found = releases_of_others(asking(tmp_path), "reports")
    assert [release.study.id for release in found] == [f"study-{number:05d}" for number in range(5)]
    for name in ("nowhere", "../reports"):
        with pytest.raises(ImplError) as caught:
            releases_of_others(asking(tmp_path), name)
        assert [fault.code for fault in caught.value.faults] == ["study.releases"]


def test_a_release_that_cannot_be_believed_teaches_nothing_and_is_told(tmp_path: Path) -> None:
    for release in releases():
        write_release(release, tmp_path / "reports" / release.study.id)
    files = sorted((tmp_path / "reports").glob("*/release.json"))
    leak = json.loads(files[0].read_bytes())
    leak["study"]["title"]["nb"] = "Tall fra /home/kari/fall.csv"
    files[0].write_text(json.dumps(leak), encoding="utf-8")
    files[1].write_text("{", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        releases_of_others(asking(tmp_path), "reports")
    told = {fault.where.split(",")[0] for fault in caught.value.faults}
    assert all(any(file.parent.name in where for where in told) for file in files[:2]), told


def test_a_release_that_has_vanished_or_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for release in releases():
        write_release(release, tmp_path / "reports" / release.study.id)
    files = sorted((tmp_path / "reports").glob("*/release.json"))

    def listed_a_moment_ago(_folder: Path, _study: Study) -> list[Path]:
        return files

    monkeypatch.setattr(prior, "releases_learnt_from", listed_a_moment_ago)
    files[0].unlink()
    files[1].unlink()
    files[1].mkdir()  # root may read any file, and no folder as one
    with pytest.raises(StudyError) as caught:
        releases_of_others(asking(tmp_path), "reports")
    assert [(fault.code, fault.where) for fault in caught.value.faults] == [
        ("exchange.unreadable", f"reports/{file.parent.name}/release.json") for file in files[:2]
    ]
