"""Real data sets as a project: a study of this folder with its tables, made in an empty directory.

The files are read where `IMPL_REAL_DATA` says (default: `../shared/data/real` beside the repository) and
are never copied into it; `docs/validation/data.md` says where each public set comes from.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from impl.model.simulate import month_starts
from impl.study.load import find_root

REPOSITORY = find_root(Path(__file__).parent)
FOLDER = Path(os.environ.get("IMPL_REAL_DATA", REPOSITORY.parent / "shared" / "data" / "real"))
HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables of one study as a user would bring them."""

    panel: pd.DataFrame
    rollout: pd.DataFrame
    covariates: pd.DataFrame | None = None


def real_table(file: str) -> pd.DataFrame:
    """One of the real files; skips the test, saying why, where it is absent."""
    path = FOLDER / file
    if not path.is_file():
        pytest.skip(f"{file} is not in {FOLDER.name}/ (set IMPL_REAL_DATA to the folder of real data)")
    return pd.read_csv(path)


# --- before and after


def _hvidovre() -> Tables:
    table = real_table("cdi_hvidovre.csv")
    month = pd.to_datetime(table["month"])
    return Tables(
        panel=_monthly("hvidovre", month, table["n"], table["days"], "c_difficile"),
        rollout=_rollout({"hvidovre": date(2014, 11, 1)}),
    )


def _semmelweis() -> Tables:
    table = real_table("semmelweis_clinic1_monthly.csv")
    month = pd.to_datetime(table["date"])
    return Tables(
        panel=_monthly("clinic-1", month, table["deaths"], table["births"], "maternal_deaths"),
        rollout=_rollout({"clinic-1": date(1847, 6, 1)}),
    )


def _seatbelts() -> Tables:
    table = real_table("seatbelts_gb.csv")
    month = pd.to_datetime(table["date"])
    return Tables(
        panel=pd.concat(
            [
                _monthly("gb", month, table[name], month.dt.days_in_month, f"{name}_casualties")
                for name in ("drivers", "front", "rear")
            ]
        ),
        rollout=_rollout({"gb": date(1983, 2, 1)}),
        covariates=_everywhere(month, "log_petrol_price", np.log(table["PetrolPrice"])),
    )


def _california() -> Tables:
    return _states(lambda table: table[table["state"] == "California"])


def _all_states() -> Tables:
    return _states(lambda table: table)


def _states(chosen: Callable[[pd.DataFrame], pd.DataFrame]) -> Tables:
    table = chosen(real_table("prop99_cigsales.csv"))
    years = table["year"].astype(int)
    panel = pd.DataFrame(
        {
            "site": table["state"],
            "period_start": years.map("{}-01-01".format),
            "period_end": years.map("{}-12-31".format),
            "measure": "cigarette_packs",
            "numerator": table["cigsale"],
            "denominator": 1,
        }
    )
    starts = {state: date(1989, 1, 1) if state == "California" else None for state in set(table["state"])}
    return Tables(panel=panel, rollout=_rollout(starts))


def _england() -> Tables:
    table = real_table("england_wales_deaths_temps.csv")
    month = pd.to_datetime(table["date"])
    return Tables(
        panel=pd.concat(
            [
                _monthly("england-wales", month, table["deaths"], 1, "deaths_a_month"),
                _monthly("england-wales", month, table["deaths"], month.dt.days_in_month, "deaths"),
            ]
        ),
        rollout=_rollout({"england-wales": date(2020, 1, 1)}),
        covariates=_everywhere(month, "temperature", table["temp"]),
    )


def trigger_tool(start: date) -> Tables:
    """A3 with an invented start: 17 months of one hospital."""
    table = real_table("gtt_harm_month.csv")
    month = pd.to_datetime(table["month"])
    return Tables(
        panel=_monthly("hospital", month, table["harms"], table["days"], "patient_harm"),
        rollout=_rollout({"hospital": start}),
    )


def danish_hospitals(starts: Mapping[str, date]) -> Tables:
    """A2 with invented starts: three infections in six hospitals over 24 months."""
    table = real_table("hospital_infections_dk.csv")
    measures = {"BAC": "bacteraemia", "CDI": "c_difficile", "UTI": "urinary_infection"}
    panel = _monthly(
        table["hospital"],
        pd.to_datetime(table["month"]),
        table["n"],
        table["days"],
        table["infection"].map(measures),
    )
    return Tables(panel=panel, rollout=_rollout(dict(starts)))


# --- stepped wedges


def _steppedwedge() -> Tables:
    table = real_table("steppedwedge_example.csv")
    cells = table.groupby(["cluster", "period"]).agg(
        numerator=("outcome_bin", "sum"), denominator=("outcome_bin", "size"), treated=("trt", "max")
    )
    return _wedge(cells.reset_index().rename(columns={"cluster": "site"}), "survey_outcome")


def _binomial() -> Tables:
    table = real_table("steppedwedge_example_binom.csv")
    return _wedge(table.rename(columns={"cluster": "site", "trt": "treated"}), "survey_outcome")


def _score() -> Tables:
    table = real_table("steppedwedge_example.csv")
    cells = table.groupby(["cluster", "period"]).agg(
        numerator=("outcome_cont", "sum"),
        denominator=("outcome_cont", "size"),
        treated=("trt", "max"),
        sum_squares=("outcome_cont", lambda value: ((value - value.mean()) ** 2).sum()),
    )
    cells = cells.reset_index().rename(columns={"cluster": "site"})
    tables = _wedge(cells, "trial_score")
    return Tables(panel=tables.panel.assign(sum_squares=cells["sum_squares"]), rollout=tables.rollout)


def _xpert() -> Tables:
    return _wedge(real_table("xpert_simulated.csv").rename(columns={"events": "numerator"}), "tb_diagnosis")


def _contact_tracing(*, complete: bool) -> Tables:
    """Assigned arm; persons of either queue in a ZIP code and week. complete: only the rows with persons in
    both queues, which are what the published regression kept (193 of 231)."""
    table = real_table("cict_santa_clara_panel.csv")
    persons = {arm: table[f"n_assigned_{arm}"] for arm in ("automated", "manual")}
    filled = sum(persons[arm] * table[f"mean_perc_filled_assigned_{arm}"].fillna(0.0) for arm in persons)
    panel = pd.DataFrame(
        {
            "site": table["Zip"],
            "period_start": pd.to_datetime(table["week"]).dt.date,
            "period_end": (pd.to_datetime(table["week"]) + pd.Timedelta(days=6)).dt.date,
            "measure": "form_completeness",
            "numerator": filled,
            "denominator": persons["automated"] + persons["manual"],
        }
    )
    treated = table[table["condition"] == "Automated CICT"].groupby("Zip")["week"].min()
    starts = {
        str(code): date.fromisoformat(treated[code]) if code in treated.index else None
        for code in sorted(table["Zip"].unique())
    }
    if complete:
        panel = panel[(persons["automated"] > 0) & (persons["manual"] > 0)]
    return Tables(panel=panel, rollout=_rollout(starts))


def _complete_tracing() -> Tables:
    return _contact_tracing(complete=True)


def _all_tracing() -> Tables:
    return _contact_tracing(complete=False)


def _chicago() -> Tables:
    table = real_table("chicago_training_complaints_cohort_month.csv")
    names = {"first_trained": "site", "complaints": "numerator", "officers": "denominator"}
    return _wedge(table.rename(columns=names), "complaints")


def _cbpp() -> Tables:
    """Herd 1 is said to have started in the last period, since a study must have a start; `answers.py` gives
    that start no effect."""
    table = real_table("cbpp.csv").rename(
        columns={"herd": "site", "incidence": "numerator", "size": "denominator"}
    )
    treated = (table["site"] == 1) & (table["period"] == table["period"].max())
    return _wedge(table.assign(treated=treated.astype(int)), "survey_outcome")


# --- tables


def _everywhere(month: pd.Series, name: str, value: pd.Series) -> pd.DataFrame:
    """A covariate with one value for all sites."""
    return pd.DataFrame({"site": "*", "period_start": month.dt.date, "name": name, "value": value})


def _monthly(
    site: str | pd.Series,
    month: pd.Series,
    numerator: pd.Series,
    denominator: pd.Series | int,
    measure: str | pd.Series,
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


def _wedge(cells: pd.DataFrame, measure: str) -> Tables:
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
    begun = {code: starts[first[code] - 1] if code in first else None for code in sorted(set(site))}
    return Tables(panel=panel, rollout=_rollout(begun))


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


MAKERS: dict[str, Callable[[], Tables]] = {
    "california": _california,
    "california-and-others": _all_states,
    "cbpp": _cbpp,
    "cdi-hvidovre": _hvidovre,
    "chicago": _chicago,
    "contact-tracing": _complete_tracing,
    "contact-tracing-all-rows": _all_tracing,
    "england-deaths": _england,
    "seatbelts": _seatbelts,
    "semmelweis": _semmelweis,
    "steppedwedge-binary": _steppedwedge,
    "steppedwedge-binomial": _binomial,
    "steppedwedge-score": _score,
    "xpert": _xpert,
}


def make_project(root: Path, study: str, tables: Tables | None = None) -> Path:
    """Lay out a project with one real study under `root`; returns the study file. Skips without the data.

    tables: the study's tables, where they are not the data set of the same name.
    """
    tables = tables or MAKERS[study]()
    shutil.copytree(REPOSITORY / "notebooks", root / "notebooks")
    (root / "parameters").mkdir()
    shutil.copytree(HERE / "measures", root / "parameters" / "measures")
    (root / "data").mkdir()
    tables.panel.to_csv(root / "data" / "panel.csv", index=False)
    tables.rollout.to_csv(root / "data" / "rollout.csv", index=False)
    if tables.covariates is not None:
        tables.covariates.to_csv(root / "data" / "covariates.csv", index=False)
    return Path(shutil.copy(HERE / "studies" / f"{study}.yaml", root / "parameters"))
