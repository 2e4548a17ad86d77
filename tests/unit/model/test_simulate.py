"""Synthetic data: the tracked files are what the command writes, and the truth is what was put in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from impl.model.simulate import World, simulate_cells, write_synthetic
from worlds import REPOSITORY


def test_the_tracked_tables_are_what_the_command_writes(tmp_path: Path) -> None:
    folder = write_synthetic(tmp_path)
    made = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    tracked = REPOSITORY / "data" / "synthetic"
    found = {path.relative_to(tracked): path for path in tracked.rglob("*.*")}
    written = {  # not a lesson's study file, nor the worlds, which have a command of their own
        place: path.read_bytes()
        for place, path in found.items()
        if place.suffix != ".yaml" and place.parts[0] != "worlds"
    }
    assert made == written


def test_the_simulator_needs_no_sampler() -> None:
    code = "import impl.model.simulate, sys; sys.exit('pymc' in sys.modules or 'pytensor' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_large_world_shows_the_effect_that_was_put_in() -> None:
    world = World(
        law="poisson", baseline=0.05, start=np.full(200, 10.0), effect=lambda e: np.full(e.shape, -0.4)
    )
    numerator, effect = simulate_cells(world, np.full((200, 20), 2000.0), np.random.default_rng(5))
    ratio = numerator[:, 10:].sum() / numerator[:, :10].sum()
    assert abs(np.log(ratio) + 0.4) < 0.01
    assert set(np.unique(effect)) == {-0.4, 0.0}


def test_the_truth_names_every_study_and_its_window() -> None:
    truth = json.loads((REPOSITORY / "data" / "synthetic" / "truth.json").read_text())
    assert {"falls", "svk", "medication", "pathways"} <= set(truth)
    assert truth["svk"]["contrast_yes_minus_no"] < 0
