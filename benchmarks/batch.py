"""What does one more municipality report cost? `impl run` beside the pipeline that a user would build.

    python benchmarks/batch.py                   12 reports a side, median of 3
    python benchmarks/batch.py --reports 40 --repeat 1
    python benchmarks/batch.py --quick --json    6 reports, once; one JSON line
    python benchmarks/batch.py --own             each report with a model structure of its own
    python benchmarks/batch.py --beyond          what a report costs when its fits are there already

Both sides make the same reports of invented nursing homes (one site each, 60 months, the same structure) from the
same notebooks, two at a time. The plain side is papermill's command line for the analysis and for the report
notebook, and nbconvert's command line for the page; its first cell makes `impl` sample with `pm.sample`, PyMC's own
sampler, and forget compiled models, as a notebook that calls `pm.sample` would. Ratios are per *further* report:
what our side pays once, importing and compiling, is timed by a batch of two and printed apart. CPU seconds are user
and system of everything that was started.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).parent.parent
MONTHS, START, SEED = 60, 36, 20261123
AT_ONCE = 2
STUDY = """\
schema: 1
id: homes
title: {nb: "Fallpakken på {unit}"}
question: {nb: "Ble det færre fall på {unit}?"}
notebook: 20_before_after
bundle: falls
measures: {primary: falls}
data: {file: data/panel.csv}
rollout: {file: data/rollout.csv, selection: "alle startet samtidig"}
synthetic: true
languages: [nb]
"""
UNITS = "units: {column: site}\n"
PLAIN = """\
import pymc as pm
import impl.model.fit as fit


def compile_model(model):
    return model


def draw(model, settings, *, seed, target, adaptation="draw_diag"):
    chains, tune, draws = settings
    free = [variable.name for variable in (*model.free_RVs, *model.deterministics)]
    with model:
        return pm.sample(draws=draws, tune=tune, chains=chains, cores=2, random_seed=seed, target_accept=target,
                         nuts_sampler="pymc", var_names=free, progressbar=False, compute_convergence_checks=False)


fit.compile_model, fit.draw = compile_model, draw
import impl.model.criticism.robustness as robustness
robustness.compile_model = compile_model
"""


class Cost(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


def project(folder: Path, units: int, *, own: bool = False) -> None:
    """A project with one study of `units` invented nursing homes, the same each time; own: a study a home, each some
    months longer than the one before, so that no two share a model."""
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    for name in ("parameters", "data", "build"):
        (folder / name).mkdir()
    random = np.random.default_rng(SEED)
    head, starts = "site,period_start,period_end,measure,numerator,denominator", ["site,actual_start"]
    rows = [head]
    for unit in range(units):
        length = MONTHS + unit if own else MONTHS
        months = [date(2021 + month // 12, month % 12 + 1, 1) for month in range(length)]
        code, beds = f"{9101 + unit}", int(random.integers(30, 60))
        rate = np.exp(random.normal(np.log(0.005), 0.2))
        starts.append(f"{code},{months[START]}")
        for index, first in enumerate(months):
            last = date(first.year + first.month // 12, first.month % 12 + 1, 1).toordinal() - 1
            days = beds * (last - first.toordinal() + 1)
            mean = days * rate * (0.8 if index >= START else 1.0) * random.gamma(100.0, 0.01)
            rows.append(f"{code},{first},{date.fromordinal(last)},falls,{random.poisson(mean)},{days}")
        if own:
            write_study(folder, f"homes-{code}", rows, [starts[0], starts[-1]])
            rows = [head]
    if not own:
        write_study(folder, "homes", rows, starts, UNITS)


def write_study(folder: Path, name: str, rows: list[str], starts: list[str], units: str = "") -> None:
    told = STUDY.replace("id: homes", f"id: {name}").replace("data/", f"data/{name}-") + units
    (folder / f"parameters/{name}.yaml").write_text(told, encoding="utf-8")
    (folder / f"data/{name}-panel.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / f"data/{name}-rollout.csv").write_text("\n".join(starts) + "\n", encoding="utf-8")


def timed(work: Callable[[], None]) -> Cost:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - begun, cpu)


def ours(units: int, *, own: bool = False, again: bool = False) -> Cost:
    """`impl run` of a fresh project; again: of one that was run before, so that every fit is there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, units, own=own)

        def work() -> None:
            command = [sys.executable, "-m", "impl.cli", "run", "--jobs", str(AT_ONCE)]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            pages = list(folder.glob("reports/*/homes-????.nb.html"))
            if done.returncode not in (0, 3) or len(pages) != units:
                raise SystemExit(done.stdout + done.stderr)

        if again:
            work()
            for made in ("reports", "build/ledger"):  # nothing was ever run, but its fits are there
                shutil.rmtree(folder / made)
        return timed(work)


def by_hand(units: int, *, own: bool = False) -> Cost:
    """papermill and nbconvert, one command a step."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project(folder, units, own=own)
        notebook = json.loads((folder / "notebooks/20_before_after.ipynb").read_text(encoding="utf-8"))
        at = next(
            index
            for index, cell in enumerate(notebook["cells"])
            if "parameters" in cell["metadata"].get("tags", [])
        )
        cell = {"cell_type": "code", "id": "plain", "metadata": {}, "outputs": [], "execution_count": None}
        notebook["cells"].insert(at + 1, {**cell, "source": PLAIN})
        (folder / "notebooks/plain.ipynb").write_text(json.dumps(notebook), encoding="utf-8")

        def report(unit: int) -> None:
            code = f"{9101 + unit}"
            out = f"out/{code}"
            (folder / out).mkdir(parents=True)
            papermill = [sys.executable, "-m", "papermill", "--no-progress-bar"]
            asked = ["parameters/homes.yaml", "-r", "unit", code]
            study = ["-r", "study", *([f"parameters/homes-{code}.yaml"] if own else asked), "-r", "out", out]
            page = ["-r", "release", f"{out}/release.json", "-r", "language", "nb", "-r", "out", out]
            for step in (
                [*papermill, "notebooks/plain.ipynb", f"{out}/analysis.ipynb", *study],
                [*papermill, "notebooks/80_report.ipynb", f"{out}/report.ipynb", *page],
                [sys.executable, "-m", "nbconvert", "--to", "html", f"{out}/report.ipynb"],
            ):
                done = subprocess.run(step, cwd=folder, capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(done.stdout[-4000:] + done.stderr[-4000:])

        def work() -> None:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(report, range(units)))

        return timed(work)


def further_reports(reports: int, *, own: bool = False, again: bool = False) -> tuple[Cost, Cost]:
    """Seconds of the first two reports, and of each further one."""
    once = ours(AT_ONCE, own=own, again=again)
    whole = ours(AT_ONCE + reports, own=own, again=again)
    return once, Cost(*((more - less) / reports for more, less in zip(whole, once, strict=True)))


def compare(reports: int, *, own: bool) -> dict[str, Any]:
    """One comparison: seconds once, per further report and by hand, and the ratios."""
    once, further = further_reports(reports, own=own)
    plain = by_hand(reports, own=own)
    each = Cost(*(seconds / reports for seconds in plain))
    return {
        "ratio_wall": round(each.wall / further.wall, 1),
        "ratio_cpu": round(each.cpu / further.cpu, 1),
        "n": reports,
        "once": [round(value, 1) for value in once],
        "further": [round(value, 2) for value in further],
        "by_hand": [round(value, 2) for value in each],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reports", type=int, default=12)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="6 reports, once")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--own", action="store_true", help="a model structure of its own for each report")
    parser.add_argument(
        "--beyond", action="store_true", help="no comparison: what our side takes beside the fits"
    )
    given = parser.parse_args()
    reports, repeat = (6, 1) if given.quick else (given.reports, given.repeat)
    os.environ.pop("PYTENSOR_FLAGS", None)
    if given.beyond:
        _, cost = further_reports(reports, again=True)
        sys.stdout.write(f"beside its fits, a further report: {cost.wall:.2f} s wall, {cost.cpu:.2f} CPU s\n")
        return
    found = [compare(reports, own=given.own) for _ in range(repeat)]
    middle = {key: statistics.median(each[key] for each in found) for key in ("ratio_wall", "ratio_cpu", "n")}
    if given.json:
        sys.stdout.write(json.dumps(middle) + "\n")
        return
    for each in found:
        sys.stdout.write(
            f"{each['n']} reports: by hand {each['by_hand'][0]} s wall, {each['by_hand'][1]} CPU s each; "
            f"impl {each['further'][0]} s wall, {each['further'][1]} CPU s each further report, "
            f"{each['once'][0]} s wall and {each['once'][1]} CPU s for the first two; "
            f"ratio {each['ratio_wall']} wall, {each['ratio_cpu']} CPU\n"
        )
    sys.stdout.write(f"median: {middle['ratio_wall']} x less wall, {middle['ratio_cpu']} x less CPU\n")


if __name__ == "__main__":
    main()
