"""Real data sets as a project: a study of this folder with its tables, made in an empty directory.

The files are read where `IMPL_REAL_DATA` says (default: `../shared/data/real` beside the repository) and
are never copied into it; `docs/validation/data.md` says where each public set comes from.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from impl.model.simulate import month_starts
from impl.study.load import find_root

REPOSITORY = find_root(Path(__file__).parent)
FOLDER = Path(os.environ.get("IMPL_REAL_DATA", REPOSITORY.parent / "shared" / "data" / "real"))
HERE = Path(__file__).parent


def _table(file: str) -> pd.DataFrame:
    path = FOLDER / file
    if not path.is_file():
        pytest.skip(f"{file} is not in {FOLDER.name}/ (set IMPL_REAL_DATA to the folder of real data)")
    return pd.read_csv(path)


def _hvidovre() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = _table("cdi_hvidovre.csv")
    panel = _monthly("hvidovre", pd.to_datetime(table["month"]), table["n"], table["days"], "c_difficile")
    return panel, _rollout({"hvidovre": date(2014, 11, 1)})


def _semmelweis() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = _table("semmelweis_clinic1_monthly.csv")
    panel = _monthly(
        "clinic-1", pd.to_datetime(table["date"]), table["deaths"], table["births"], "maternal_deaths"
    )
    return panel, _rollout({"clinic-1": date(1847, 6, 1)})


def _steppedwedge() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = _table("steppedwedge_example.csv")
    cells = table.groupby(["cluster", "period"]).agg(
        numerator=("outcome_bin", "sum"), denominator=("outcome_bin", "size"), treated=("trt", "max")
    )
    return _wedge(cells.reset_index().rename(columns={"cluster": "site"}), "survey_outcome")


def _score() -> tuple[pd.DataFrame, pd.DataFrame]:
    table = _table("steppedwedge_example.csv")
    cells = table.groupby(["cluster", "period"]).agg(
        numerator=("outcome_cont", "sum"),
        denominator=("outcome_cont", "size"),
        treated=("trt", "max"),
        sum_squares=("outcome_cont", lambda value: ((value - value.mean()) ** 2).sum()),
    )
    cells = cells.reset_index().rename(columns={"cluster": "site"})
    panel, rollout = _wedge(cells, "trial_score")
    return panel.assign(sum_squares=cells["sum_squares"]), rollout


def _xpert() -> tuple[pd.DataFrame, pd.DataFrame]:
    return _wedge(_table("xpert_simulated.csv").rename(columns={"events": "numerator"}), "tb_diagnosis")


def _monthly(
    site: str, month: pd.Series, numerator: pd.Series, denominator: pd.Series, measure: str
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "site": site,
            "period_start": month.dt.date,
            "period_end": (month + pd.offsets.MonthEnd(0)).dt.date,
            "measure": measure,
            "numerator": numerator,
            "denominator": denominator,
        }
    )


def _wedge(cells: pd.DataFrame, measure: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A wedge whose periods have numbers only: they become months from January 2020."""
    starts = month_starts(date(2020, 1, 1), int(cells["period"].max()))
    site = cells["site"].astype(int).map("{:02d}".format)
    panel = pd.DataFrame(
        {
            "site": site,
            "period_start": [starts[period - 1] for period in cells["period"]],
            "period_end": [starts[period] - timedelta(days=1) for period in cells["period"]],
            "measure": measure,
            "numerator": cells["numerator"],
            "denominator": cells["denominator"],
        }
    )
    first = cells[cells["treated"] > 0].assign(site=site).groupby("site")["period"].min()
    return panel, _rollout(
        {code: starts[first[code] - 1] if code in first else None for code in sorted(set(site))}
    )


def _rollout(starts: dict[str, date | None]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "site": site,
                "allocated_start": "",
                "actual_start": start or "never",
                "transition_end": "",
                "stop": "",
            }
            for site, start in starts.items()
        ]
    )


MAKERS: dict[str, Callable[[], tuple[pd.DataFrame, pd.DataFrame]]] = {
    "cdi-hvidovre": _hvidovre,
    "semmelweis": _semmelweis,
    "steppedwedge-binary": _steppedwedge,
    "steppedwedge-score": _score,
    "xpert": _xpert,
}


def make_project(root: Path, study: str) -> Path:
    """Lay out a project with one real study under `root`; returns the study file. Skips without the data."""
    panel, rollout = MAKERS[study]()
    shutil.copytree(REPOSITORY / "notebooks", root / "notebooks")
    (root / "parameters").mkdir()
    shutil.copytree(HERE / "measures", root / "parameters" / "measures")
    (root / "data").mkdir()
    panel.to_csv(root / "data" / "panel.csv", index=False)
    rollout.to_csv(root / "data" / "rollout.csv", index=False)
    return Path(shutil.copy(HERE / "studies" / f"{study}.yaml", root / "parameters"))
