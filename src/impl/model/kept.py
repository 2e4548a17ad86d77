"""Draws kept on disk under what made them, so that nothing is sampled twice: equal model, data, seed and settings.

Confidential: the folder is `build/fits/` of the project. One file a fit, plain arrays without pickle; a file that
cannot be read is none. The key holds the model's whole source and the versions of what compiles and samples, so a
change of either samples anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import tempfile
import time
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

FOLDER = "build/fits"
ANEW = "IMPL_SAMPLE_ANEW"
"""Environment variable: where it is set, nothing is taken from disk; what is sampled is kept all the same."""
LIMIT = 4 * 2**30
"""Bytes kept in all; beyond them the fits unused for longest go."""
ABANDONED = 3600.0
"""Seconds after which a half-written file has no writer any more."""
GROUPS = ("posterior", "sample_stats")
SAMPLED_BY = ("pymc", "pytensor", "nutpie", "numba", "numpy")


def key_of(structure: tuple[object, ...], inputs: Mapping[str, npt.NDArray[Any]], *settings: object) -> str:
    """What decides the draws, as one hash. structure: `fit.compile_key`, which is printed; inputs: its data."""
    whole = hashlib.sha256(made_by().encode())
    whole.update(repr((structure, settings)).encode())
    for name in sorted(inputs):
        array = np.ascontiguousarray(inputs[name])
        whole.update(f"{name} {array.dtype} {array.shape}".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()


@cache
def made_by() -> str:
    """The model's source and what compiles and samples it. Asked for when this module is imported, since later the source
    on disk may be another than the one that runs."""
    source = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source.update(path.read_bytes())
    versions = [version(name) for name in SAMPLED_BY]
    return json.dumps([source.hexdigest(), versions, platform.machine(), platform.python_version()])


def read_kept(folder: Path, key: str) -> xr.DataTree | None:
    """The draws kept under a key, or None."""
    path = folder / f"{key}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            written = json.loads(str(arrays["layout"]))
            groups = {group: _dataset(group, laid, arrays) for group, laid in written.items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None
    with contextlib.suppress(OSError):  # pruned this instant, or a disk that is read only: the draws are here
        os.utime(path)
    return xr.DataTree.from_dict(groups)


def _dataset(group: str, laid: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> xr.Dataset:
    def variables(names: Mapping[str, list[str]]) -> dict[str, tuple[list[str], npt.NDArray[Any]]]:
        return {name: (dims, arrays[f"{group}/{name}"]) for name, dims in names.items()}

    return xr.Dataset(variables(laid["data"]), variables(laid["coords"]))


def keep(folder: Path, key: str, tree: xr.DataTree) -> None:
    """Keep draws under a key; a disk that is full or may not be written keeps none, which harms nobody."""
    layout: dict[str, Any] = {}
    arrays: dict[str, npt.NDArray[Any]] = {}
    for group in GROUPS:
        dataset = tree[group].to_dataset()
        parts = {"data": dataset.data_vars, "coords": dataset.coords}
        layout[group] = {
            part: {str(name): [str(dim) for dim in array.dims] for name, array in variables.items()}
            for part, variables in parts.items()
        }
        for variables in parts.values():
            for name, array in variables.items():
                values = array.to_numpy()
                arrays[f"{group}/{name}"] = values.astype(str) if values.dtype == object else values
    arrays["layout"] = np.asarray(json.dumps(layout))
    try:
        for each in (folder.parent, folder):  # `parents=True` would leave the upper one to the umask
            each.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".part", delete=False) as file:
            try:
                np.savez(file, allow_pickle=False, **arrays)
                os.replace(file.name, folder / f"{key}.npz")
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError:
        return


def prune(folder: Path, limit: int = LIMIT) -> None:
    """Delete the fits that were unused for longest until the folder holds `limit` bytes at most, and what killed runs
    left half written."""
    for path in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < time.time() - ABANDONED:
                path.unlink()
    files = []
    for path in folder.glob("*.npz"):
        try:
            told = path.stat()
        except FileNotFoundError:  # another driver was first
            continue
        files.append((told.st_mtime, told.st_size, path))
    held = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if held <= limit:
            return
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        held -= size


made_by()
