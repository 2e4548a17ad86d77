"""A study that learns from Releases is another run when they change, and the same when only its own does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from impl.study.identity import identify
from impl.study.load import read_study
from study_project import STUDY, error_of, make_project

LEARNS = STUDY + "model:\n  priors: network\n"
NAMED = STUDY + "model:\n  priors: {network: {releases: earlier, vague_weight: 0.2}, effect: {sd: 0.4}}\n"


def project(root: Path, study: str) -> Path:
    file = make_project(root, study=study)
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


def test_what_is_learnt_is_read_from_the_study_file(tmp_path: Path) -> None:
    source = read_study(project(tmp_path, NAMED)).model.learns_from
    assert source is not None
    assert (source.releases, source.vague_weight) == ("earlier", 0.2)


def test_certainty_that_the_network_is_right_is_refused(tmp_path: Path) -> None:
    text = error_of(make_project(tmp_path, study=NAMED.replace("0.2", "0")))
    assert "vague_weight" in text
