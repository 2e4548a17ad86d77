"""Draws kept on disk: the same comes back, anything else is sampled, and a broken file is none."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from impl.model import fit as fitting
from impl.model.build import EvaluationModel, build_model, model_of
from impl.model.effects import EFFECTS
from impl.model.fit import compile_key, sample_once
from impl.model.kept import ANEW, keep, key_of, prune, read_kept
from impl.model.simulate import World
from worlds import make_panel, make_study

SETTINGS = (2, 100, 50)


def small(baseline: float = 0.01) -> EvaluationModel:
    world = World(
        law="poisson",
        baseline=baseline,
        start=np.array([4.0, 6.0, np.inf]),
        effect=lambda at: np.full(at.shape, -0.3),
    )
    return build_model(make_study("falls"), make_panel(world, "falls", np.full((3, 10), 400.0)))


def test_the_same_model_is_sampled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled: list[int] = []
    draw = fitting.draw

    def counted(*given: Any, **named: Any) -> xr.DataTree:
        sampled.append(named["seed"])
        return draw(*given, **named)

    monkeypatch.setattr(fitting, "draw", counted)
    model = small()
    first = sample_once(model, seed=1, settings=SETTINGS, folder=tmp_path)
    again = sample_once(model_of(model.structure), seed=1, settings=SETTINGS, folder=tmp_path)
    assert sampled == [1]
    xr.testing.assert_equal(first.tree.posterior.to_dataset(), again.tree.posterior.to_dataset())
    np.testing.assert_array_equal(first.tree.sample_stats["diverging"], again.tree.sample_stats["diverging"])
    assert set(first.tree.children) == set(again.tree.children)

    priors = replace(model.structure.priors, effect=0.1)
    changed = model_of(replace(model.structure, priors=priors))
    sample_once(changed, seed=1, settings=SETTINGS, folder=tmp_path)
    sample_once(model, seed=2, settings=SETTINGS, folder=tmp_path)
    sample_once(model, seed=1, settings=(2, 100, 51), folder=tmp_path)
    sample_once(model, seed=1, settings=SETTINGS, target=0.9, folder=tmp_path)
    assert sampled == [1, 1, 2, 1, 1]

    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    sample_once(model, seed=1, settings=SETTINGS, folder=tmp_path)
    assert sampled == [1, 1, 2, 1, 1, 1]
    assert not list(tmp_path.glob("*.part"))


def test_what_is_on_disk_is_not_taken_where_it_must_be_sampled_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small()
    good = sample_once(model, seed=1, settings=SETTINGS, folder=tmp_path).tree.posterior.to_dataset()
    (kept,) = tmp_path.iterdir()
    with np.load(kept) as file:
        arrays = {name: file[name] for name in file.files}
    wrong = {name: array + 1 if array.dtype.kind == "f" else array for name, array in arrays.items()}
    np.savez(kept, **wrong)
    taken = sample_once(model, seed=1, settings=SETTINGS, folder=tmp_path).tree.posterior.to_dataset()
    assert not taken.equals(good)
    monkeypatch.setenv(ANEW, "1")
    anew = sample_once(model, seed=1, settings=SETTINGS, folder=tmp_path).tree.posterior.to_dataset()
    xr.testing.assert_equal(anew, good)
    monkeypatch.delenv(ANEW)
    again = sample_once(model, seed=1, settings=SETTINGS, folder=tmp_path).tree.posterior.to_dataset()
    xr.testing.assert_equal(again, good)


def test_kept_draws_bear_the_names_of_the_sites_that_ask(tmp_path: Path) -> None:
    model = small()
    sample_once(model, seed=1, settings=SETTINGS, folder=tmp_path)
    other = model_of(replace(model.structure, sites=("t00", "t01", "t02")))
    fit = sample_once(other, seed=1, settings=SETTINGS, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert list(fit.tree.posterior["site"].to_numpy()) == ["t00", "t01", "t02"]


@pytest.mark.parametrize("name", sorted(EFFECTS))
def test_a_compiled_model_given_other_data_is_the_other_model(name: str) -> None:
    """Months and quarters share compiled code where the keys are equal: then the data must make all the difference."""
    structure = replace(small().structure, effect=EFFECTS[name])
    monthly, quarterly = model_of(structure), model_of(replace(structure, months=3.0))
    assert compile_key(monthly) == compile_key(quarterly)
    at = {variable.name: np.full(tuple(variable.shape.eval()), 0.4) for variable in monthly.free_RVs}

    def curve(model: EvaluationModel) -> np.ndarray:
        given = {variable: at[variable.name] for variable in model.free_RVs}
        return np.asarray(model["curve"].eval(given, mode="FAST_COMPILE", on_unused_input="ignore"))

    own = curve(monthly)
    for data, array in quarterly.inputs.items():
        monthly[data].set_value(array.astype(monthly[data].type.dtype))
    np.testing.assert_allclose(curve(monthly), curve(quarterly))
    assert np.allclose(own, curve(quarterly)) == (name not in ("growth", "rw", "level_slope"))


def test_a_neighbour_that_was_compiled_first_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model, neighbour = small(), small(baseline=0.05)
    assert compile_key(model) == compile_key(neighbour)
    monkeypatch.setattr(fitting, "_compiled", OrderedDict())
    alone = sample_once(model, seed=1, settings=SETTINGS).tree.posterior.to_dataset()
    monkeypatch.setattr(fitting, "_compiled", OrderedDict())
    structure = replace(neighbour.structure, sites=("t00", "t01", "t02"))
    sample_once(model_of(structure), seed=1, settings=SETTINGS)
    after = sample_once(model, seed=1, settings=SETTINGS).tree.posterior.to_dataset()
    xr.testing.assert_equal(alone, after)
    assert list(after["site"].to_numpy()) == ["s00", "s01", "s02"]


def test_every_value_of_the_data_is_in_the_key() -> None:
    data = {"numerator": np.array([1.0, 2.0]), "used_row": np.array([0, 1])}
    keys = {
        key_of(("poisson",), data, 1),
        key_of(("negbin",), data, 1),
        key_of(("poisson",), data, 2),
        key_of(("poisson",), {**data, "numerator": np.array([1.0, 3.0])}, 1),
        key_of(("poisson",), {**data, "numerator": np.array([[1.0, 2.0]])}, 1),
        key_of(("poisson",), {**data, "numerator": np.array([1, 2])}, 1),
        key_of(("poisson",), {**data, "other": np.array([1.0])}, 1),
    }
    assert len(keys) == 7


def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    tree = xr.DataTree.from_dict({name: xr.Dataset() for name in ("posterior", "sample_stats")})
    folder = tmp_path / "build" / "fits"
    keep(folder, "a", tree)
    modes = [path.stat().st_mode & 0o077 for path in (folder.parent, folder, folder / "a.npz")]
    assert modes == [0, 0, 0]


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    tree = xr.DataTree.from_dict({name: xr.Dataset() for name in ("posterior", "sample_stats")})
    keep(taken / "fits", "a", tree)
    assert read_kept(tmp_path, "a") is None


def test_the_fits_unused_for_longest_go_first(tmp_path: Path) -> None:
    for age in range(5):
        path = tmp_path / f"{age}.npz"
        path.write_bytes(b"0" * 100)
        os.utime(path, (1000 - age, 1000 - age))
    for name, age in (("old", 7200), ("new", 0)):
        part = tmp_path / f"{name}.part"
        part.write_bytes(b"0")
        os.utime(part, (time.time() - age,) * 2)
    prune(tmp_path, limit=250)
    assert not (tmp_path / "old.part").exists()
    (tmp_path / "new.part").unlink()
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["0", "1"]
