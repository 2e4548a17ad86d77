"""A study that learns from Releases is another run when they change, and the same when only its own does."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from impl.network.prior import releases_of_others
from impl.release.files import write_release
from impl.release.release import NetworkPrior, Release, StatedBelief
from impl.study.identity import identify
from impl.study.load import read_study
from network_releases import study_release
from study_project import STUDY, error_of, make_project

LEARNS = STUDY + "model:\n  priors: network\n"
NAMED = STUDY + "model:\n  priors: {network: {releases: earlier, vague_weight: 0.2}, effect: {sd: 0.4}}\n"


def project(root: Path, study: str, name: str = "falls.yaml") -> Path:
    file = make_project(root, study=study, name=name)
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (root / "notebooks").mkdir(exist_ok=True)
    (root / "notebooks/30_stepped_wedge.ipynb").write_text(json.dumps(notebook))
    return file


def put(root: Path, study: str, text: str) -> None:
    (root / study).mkdir(parents=True, exist_ok=True)
    (root / study / "release.json").write_text(text)


@pytest.mark.parametrize(("study", "folder"), [(LEARNS, "reports"), (NAMED, "earlier")])
def test_the_run_id_follows_the_releases_that_are_learnt_from(
    tmp_path: Path, study: str, folder: str
) -> None:
    read = read_study(project(tmp_path, study))
    ids = [identify(read, profile="full").run_id]
    put(tmp_path / folder, "falls", "its own")
    ids.append(identify(read, profile="full").run_id)
    put(tmp_path / folder, "another", "one")
    ids.append(identify(read, profile="full").run_id)
    put(tmp_path / folder, "another", "revised")
    ids.append(identify(read, profile="full").run_id)
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_what_has_nothing_to_teach_makes_no_new_run(tmp_path: Path) -> None:
    read = read_study(project(tmp_path, LEARNS))
    assert read.bundle == "falls"
    first = identify(read, profile="full").run_id
    other = study_release(1, -0.2, 0.2, study="another")
    summary = other.study.model_copy(update={"id": "elsewhere"})
    rows = tuple(row.model_copy(update={"bundle": "medication"}) for row in other.estimates)
    write_release(
        other.model_copy(update={"study": summary, "estimates": rows}), tmp_path / "reports/elsewhere"
    )
    trial = other.model_copy(update={"run": other.run.model_copy(update={"profile": "smoke"})})
    write_release(trial, tmp_path / "reports/another")
    assert identify(read, profile="full").run_id == first, "another bundle, and a trial"
    write_release(other, tmp_path / "reports/another")
    second = identify(read, profile="full").run_id
    assert second != first
    later = other.run.model_copy(update={"started": other.run.started + timedelta(days=1)})
    write_release(other.model_copy(update={"run": later}), tmp_path / "reports/another")
    assert identify(read, profile="full").run_id == second, "the same run, made again"


def test_two_studies_that_learn_from_each_other_come_to_rest(tmp_path: Path) -> None:
    """Each is run when its key has changed, and publishes what it learnt from; nothing runs a third time."""
    studies = []
    for name in ("north", "south", "west"):
        studies.append(
            read_study(project(tmp_path, LEARNS.replace("id: falls", f"id: {name}"), f"{name}.yaml"))
        )
    put_release(tmp_path, study_release(9, -0.2, 0.2, study="elsewhere"))
    done: dict[str, str] = {}
    ran: list[list[str]] = []
    for _ in range(4):
        ran.append([])
        for study in studies:
            identity = identify(study, profile="full")
            if done.get(study.id) == identity.run_key:
                continue
            done[study.id] = identity.run_key
            ran[-1].append(study.id)
            learnt = releases_of_others(study, "reports")
            put_release(tmp_path, learning(study.id, identity.run_id, [each.run.id for each in learnt]))
    assert ran[0] == ["north", "south", "west"]
    assert ran[-1] == []


def put_release(root: Path, release: Release) -> None:
    write_release(release, root / "reports" / release.study.id)


def learning(study: str, run: str, runs: list[str]) -> Release:
    """The Release of a study that learnt from these runs."""
    release = study_release(1, -0.2, 0.2, study=study, run=run)
    told = NetworkPrior(
        runs=tuple(runs),
        studies=len(runs),
        mean=0.0,
        sd=1.0,
        inflation=1.25,
        vague_weight=0.2,
        vague_sd=0.5,
        without=StatedBelief(mean=-0.2, sd=0.2),
    )
    models = tuple(model.model_copy(update={"network": told}) for model in release.design.models)
    return release.model_copy(update={"design": release.design.model_copy(update={"models": models})})


def test_what_is_learnt_is_read_from_the_study_file(tmp_path: Path) -> None:
    source = read_study(project(tmp_path, NAMED)).model.learns_from
    assert source is not None
    assert (source.releases, source.vague_weight) == ("earlier", 0.2)


def test_certainty_that_the_network_is_right_is_refused(tmp_path: Path) -> None:
    text = error_of(make_project(tmp_path, study=NAMED.replace("0.2", "0")))
    assert "vague_weight" in text
