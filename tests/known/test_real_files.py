"""Real files as they are: read where they can be, refused where they must be (docs/validation/data.md: A11, A13)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from real_data import FOLDER, real_table

from impl.data.read import read_panel
from impl.errors import DataError
from impl.study.load import read_study

REGISTERS = "norway_quality_registers_hospital_year.csv"
DIRTY, CLEAN = "semmelweis_clinic1_monthly_dirty.csv", "semmelweis_clinic1_monthly.csv"
MEASURE = """\
schema = 1
id = "{id}"
kind = "proportion"
per = 100
direction = "higher"
likelihood = "betabinomial"
baseline = 56
source = "qmongrdata (SKDE), indicator {id}."
name = {{nb = "{id}"}}
events = {{nb = {{one = "pasient", many = "pasienter"}}}}
exposure = {{nb = "pasienter"}}
unit = {{nb = "prosent"}}
"""
STUDY = """\
schema: 1
id: real
title: {{nb: "Ekte tall"}}
question: {{nb: "Kan de leses?"}}
notebook: 20_before_after
bundle: falls
measures: {{primary: {measure}}}
data:
{data}
rollout: {{file: data/rollout.csv}}
"""
REGISTER = """\
  file: data/registers.csv
  delimiter: comma
  site: orgnr
  period: year
  step: year
  quantity: indicator
  empty: suppressed
  {leave_out}
  measures:
    {measure}: {{numerator: "{word}: events", denominator: "{word}: denominator"}}"""


def project(root: Path, measure: str, data: str, files: dict[str, str], rollout: str) -> Path:
    for folder in ("parameters/measures", "notebooks", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "notebooks" / "20_before_after.ipynb").write_text('{"cells": []}', encoding="utf-8")
    (root / "parameters" / "measures" / f"{measure}.toml").write_text(
        MEASURE.format(id=measure), encoding="utf-8"
    )
    for name, source in files.items():
        shutil.copyfile(FOLDER / source, root / "data" / name)
    (root / "data" / "rollout.csv").write_text(rollout, encoding="utf-8")
    file = root / "parameters" / "real.yaml"
    file.write_text(STUDY.format(measure=measure, data=data), encoding="utf-8")
    return file


def registers(root: Path, word: str, *, leave_out: str = "") -> tuple[Path, pd.DataFrame]:
    """A study of one indicator, without the sites of `leave_out`, and the indicator's rows."""
    table = real_table(REGISTERS).query("indicator == @word")
    left = table[~table["orgnr"].astype(str).isin(leave_out.split())]
    rollout = "site,actual_start\n" + "".join(f"{site},never\n" for site in left["orgnr"].unique())
    said = (
        f"leave_out: [{', '.join(repr(each) for each in leave_out.split())}]".replace("'", '"')
        if leave_out
        else ""
    )
    block = REGISTER.format(measure="indicator", word=word, leave_out=said)
    return project(root, "indicator", block, {"registers.csv": REGISTERS}, rollout), left


def test_hip_fractures_are_read_with_what_was_hidden_as_gaps(tmp_path: Path) -> None:
    file, table = registers(tmp_path, "Ind24t")
    panel = read_panel(read_study(file))
    cells = panel.cells

    assert len(panel.sites) == table["orgnr"].nunique() == 54
    assert cells["numerator"].sum() == table["events"].sum() == 64_159
    assert cells["observed"].sum() == table["events"].notna().sum()
    assert set(map(str, table["orgnr"])) == set(panel.sites)  # text, as in the file


def test_more_ventilator_days_than_patients_are_refused_row_by_row(tmp_path: Path) -> None:
    file, table = registers(tmp_path, "intensiv2")
    with pytest.raises(DataError) as caught:
        read_panel(read_study(file))
    bad = table[table["events"] > table["denominator"]]
    found = [(fault.code, fault.where) for fault in caught.value.faults]
    # the file's row, under its headings; most are days with decimals as well, and told as that
    whole = [f"registers.csv, row {at + 2}, column 'events'" for at in bad.index[bad["events"] % 1 == 0]]

    assert len(bad) == 130
    assert {where for _, where in found} >= {
        f"registers.csv, row {at + 2}, column 'events'" for at in bad.index
    }
    assert [where for code, where in found if code == "data.more_events_than_denominator"] == whole
    assert {code for code, _ in found} == {"data.more_events_than_denominator", "data.fractional_count"}


def test_a_placeholder_is_no_hospital(tmp_path: Path) -> None:
    table = real_table(REGISTERS)
    odd = {site for site in table["orgnr"].astype(str).unique() if len(site) != 9}
    assert odd == {"1", "999998", "4000020"}
    word = table[table["orgnr"] == 999998]["indicator"].iloc[0]
    file, _ = registers(tmp_path / "as it is", word)
    with pytest.raises(DataError) as caught:
        read_panel(read_study(file))

    assert {fault.code for fault in caught.value.faults} == {"data.placeholder_site"}
    assert "'999998'" in str(caught.value)
    file, left = registers(tmp_path / "left out", word, leave_out="999998 4000020")
    panel = read_panel(read_study(file))
    assert set(panel.sites) == set(map(str, left["orgnr"]))


SEMMELWEIS = """\
  file: data/clinic.csv
  delimiter: comma
  one_site: clinic-1
  period: date
  step: month
  measures:
    deaths_of_births: {numerator: deaths, denominator: births}"""


def clinic(root: Path, file: str) -> Path:
    real_table(file)
    rollout = "site,actual_start\nclinic-1,1847-06-01\n"
    return project(root, "deaths_of_births", SEMMELWEIS, {"clinic.csv": file}, rollout)


def test_the_clean_twin_is_read_with_its_missing_month(tmp_path: Path) -> None:
    panel = read_panel(read_study(clinic(tmp_path, CLEAN)))
    gaps = panel.cells[~panel.cells["observed"]]

    assert len(panel.periods) == 99
    assert [str(panel.periods[period].start) for period in gaps["period"]] == ["1841-12-01"]
    assert panel.cells["numerator"].sum() == 2060 + 142  # as published and counted: see the file's reference


def test_the_dirty_twin_is_explained_cell_by_cell(tmp_path: Path) -> None:
    """Its one bad row has 277 births and 12 deaths run together; `37.0` and the like are whole numbers all the same."""
    with pytest.raises(DataError) as caught:
        read_panel(read_study(clinic(tmp_path / "as it is", DIRTY)))
    assert [(fault.code, fault.where) for fault in caught.value.faults] == [
        ("data.missing_numerator", "clinic.csv, row 4, column 'deaths'")
    ]

    file = clinic(tmp_path / "mended", DIRTY)
    table = file.parent.parent / "data" / "clinic.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("27712,\n", "277,12\n"), encoding="utf-8")
    mended = read_panel(read_study(file)).cells
    assert mended.equals(read_panel(read_study(clinic(tmp_path / "clean", CLEAN))).cells)


def test_a_declared_gap_does_not_hide_the_births_that_cannot_be(tmp_path: Path) -> None:
    """With `empty: missing` the row is a gap: its 27712 births are not used, and no other row has changed."""
    file = clinic(tmp_path, DIRTY)
    file.write_text(
        file.read_text(encoding="utf-8").replace("  step: month\n", "  step: month\n  empty: missing\n"),
        encoding="utf-8",
    )
    cells = read_panel(read_study(file)).cells

    assert cells["denominator"].max() < 500
    assert cells[~cells["observed"]]["period"].tolist() == [2, 11]
