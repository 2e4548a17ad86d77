"""The seven worlds as studies: the tracked files are what the command writes, and reading them gives the Panel that
the truth table draws."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from truth_table import is_true
from truth_worlds import WORLDS, Network
from write_worlds import FOLDER, NAMES, SECOND_BUNDLE, STUDIES, code_of, files, made

import impl
from impl.data.panel import Panel
from impl.logs.adaptation import SCORES, adaptation_scores, cohen_kappa
from impl.study.load import list_studies, study_path
from impl.study.study import TABLES, Study
from worlds import REPOSITORY

network_of = lru_cache(made)


@lru_cache
def study_of(study: str) -> Study:
    return impl.read_study(study_path(REPOSITORY, study))


@lru_cache
def panel_of(study: str) -> Panel:
    return impl.read_panel(study_of(study))


def drawn(study: str) -> Panel:
    found: Network = network_of(study)
    return found.panel


def coded(table: pd.DataFrame | None) -> pd.DataFrame:
    """A table of the network with the codes of the files."""
    assert table is not None
    return table.assign(site=pd.Series([code_of(site) for site in table["site"]], dtype="str"))


def test_every_world_has_a_study_and_every_study_file_a_world() -> None:
    assert sorted(STUDIES.values()) == sorted(WORLDS)
    written = {path.stem for path in (REPOSITORY / "parameters" / "worlds").iterdir()}
    assert written == {path.name for path in FOLDER.iterdir()} == set(STUDIES)


@pytest.mark.parametrize("study", STUDIES)
def test_the_tracked_files_are_what_the_command_writes(study: str) -> None:
    assert {path.name: path.read_bytes() for path in (FOLDER / study).iterdir()} == files(study)


@pytest.mark.parametrize("study", STUDIES)
def test_cells_and_calendar_are_those_that_were_drawn(study: str) -> None:
    read, made_panel = panel_of(study), drawn(study)
    assert read.periods == made_panel.periods
    assert read.period_months == made_panel.period_months
    columns = list(made_panel.cells.columns)
    assert_frame_equal(read.cells[columns], coded(made_panel.cells), check_dtype=False)
    assert [read.names[code] for code in read.sites] == [f"{name} sykehjem" for name in NAMES]


@pytest.mark.parametrize("study", STUDIES)
def test_starts_and_audits_are_those_that_were_drawn(study: str) -> None:
    read, made_panel = panel_of(study), drawn(study)
    starts = ["site", "state", "stratum", "start_period", "transition_from", "stop_period"]
    assert_frame_equal(read.rollout[starts], coded(made_panel.rollout)[starts], check_dtype=False)
    assert made_panel.fidelity is not None
    assert not made_panel.fidelity["reported"].all()
    assert_frame_equal(read.fidelity, coded(made_panel.fidelity), check_dtype=False)


@pytest.mark.parametrize("study", STUDIES)
def test_adaptations_score_as_those_that_were_drawn(study: str) -> None:
    read, made_panel = panel_of(study), drawn(study)
    assert (read.adaptations is None) == (made_panel.adaptations is None)
    if read.adaptations is None:
        return
    scores = adaptation_scores(read.adaptations, read.sites, read.periods)
    log = coded(made_panel.adaptations)
    assert_frame_equal(scores, adaptation_scores(log, read.sites, read.periods))
    assert set(scores.columns[scores.any()]) & set(SCORES) == {
        "consistent_planned",
        "inconsistent",
        "core_removed",
    }


@pytest.mark.parametrize("study", STUDIES)
def test_support_ends_where_it_was_drawn_to_end(study: str) -> None:
    read, made_panel = panel_of(study), drawn(study)
    assert (read.support is None) == (made_panel.support is None)
    if read.support is not None:
        columns = ["site", "support_end_period", "pause_from", "pause_until"]
        assert_frame_equal(read.support[columns], coded(made_panel.support)[columns], check_dtype=False)


@pytest.mark.parametrize("study", STUDIES)
def test_the_study_asks_what_the_truth_table_asks(study: str) -> None:
    """Same model, window, limits and moderators; the words, the files and the shape of the dose are its own."""

    def asked(plan: Study) -> dict[str, Any]:
        own = {"id", "title", "question", "notebook", "synthetic", "languages", "seed", "other_bundles"}
        found = plan.model_dump(exclude=own | set(TABLES))
        found["randomised"] = plan.rollout.randomised
        found["moderators"] = None if plan.adaptations is None else plan.adaptations.moderators
        found["component"] = None if plan.fidelity is None else plan.fidelity.component
        found["support"] = plan.support is not None
        found["kind"] = plan.kind
        return found

    assert asked(study_of(study)) == asked(network_of(study).study)
    assert study_of(study).synthetic


@pytest.mark.parametrize("study", STUDIES)
def test_the_truth_is_that_of_the_network(study: str) -> None:
    told, found = json.loads((FOLDER / study / "truth.json").read_text()), network_of(study)
    assert told["world"] == STUDIES[study]
    assert told["ratio"] == pytest.approx(found.ratio, abs=1e-6)
    assert told["share"] == pytest.approx(found.share, abs=1e-6)
    said = {"beneficial": found.ratio < 0.9, "promising": found.ratio < 1.0}
    said |= {"negligible": 0.9 < found.ratio < 1.1, "harmful": found.ratio > 1.1}
    assert {word: word in told["outcome"] for word in said} == said
    assert told["delivery"] == (["delivered"] if found.share >= 0.8 else ["not_delivered"])
    assert is_true({"ratio": found.ratio, "outcome": told["outcome"][0]})


def test_one_study_has_every_table_that_a_coordinator_keeps() -> None:
    panel = panel_of("tilpasninger-hjelper-og-skader")
    assert panel.strategies is not None
    assert set(panel.strategies["intensity"]) == {
        "diffusion",
        "dissemination",
        "implementation",
    }
    assert (panel.strategies["barrier"] == "").any()
    assert panel.strategies["barrier"].str.contains(";").any()
    assert panel.cycles is not None
    assert {"adopt", "adapt", ""} <= set(panel.cycles["decision"])
    assert panel.phases is not None
    assert panel.phases.groupby("site")["phase"].apply(list).loc["9701"] == [
        *("prepare", "plan", "do", "evaluate", "plan")
    ]
    assert panel.fit_form is not None
    assert len(panel.fit_form) == 6 * len(panel.sites)
    assert panel.codings is not None
    assert 0 < cohen_kappa(panel.codings, "nature").kappa < 1


def test_another_bundle_came_at_its_own_times_and_changed_nothing() -> None:
    panel, plain = panel_of(SECOND_BUNDLE), drawn(SECOND_BUNDLE)
    other = panel.other_rollouts["leve_hele_livet"]
    assert set(other["state"]) == {"start", "never"}
    both = other["start_period"].notna().to_numpy()
    assert np.corrcoef(other["start_period"][both], panel.rollout["start_period"][both])[0, 1] < 0.8
    assert (other["components"].str.count(";") == both).all()
    assert panel.cells["numerator"].tolist() == plain.cells["numerator"].tolist()


def test_worlds_run_when_asked_for_and_not_otherwise() -> None:
    listed = {path.stem for path in list_studies(REPOSITORY)}
    assert not listed & set(STUDIES)
    for study in STUDIES:
        path = REPOSITORY / "parameters" / "worlds" / f"{study}.yaml"
        assert study_path(REPOSITORY, study) == path
        assert study_path(REPOSITORY, f"parameters/worlds/{study}.yaml") == path


def test_every_world_is_titled_in_two_languages() -> None:
    for study in STUDIES:
        plan = study_of(study)
        assert set(plan.title) == set(plan.question) == {"nb", "en"}
        assert all(text.endswith("?") for text in plan.question.values())
