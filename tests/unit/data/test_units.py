"""One study for many units: each has its own id, its own sites and the same plan; what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from impl.data.read import read_panel
from impl.data.units import list_units, read_study, unit_id
from impl.errors import DataError, StudyError
from impl.study.identity import identify
from impl.study.load import read_study as read_whole_study
from notebooks.tiny_project import PARAMETERS, STUDY, add_notebook, make_project, notebook

ROLLOUT = """\
site,actual_start,region,name
0301,2023-03-01,Øst,Oslo
1103,2023-03-01,Vest,Stavanger
4601,2023-04-01,Vest,Bergen
"""


def project(folder: Path, units: str, rollout: str = ROLLOUT) -> Path:
    root = make_project(folder)
    add_notebook(root, "20_good", notebook(PARAMETERS))
    months = [("2023-01-01", "2023-01-31"), ("2023-02-01", "2023-02-28"), ("2023-03-01", "2023-03-31")]
    rows = [
        f"{site},{first},{last},falls,{place + month + 3},1200"
        for place, site in enumerate(("0301", "1103", "4601"))
        for month, (first, last) in enumerate((*months, ("2023-04-01", "2023-04-30")))
    ]
    header = "site,period_start,period_end,measure,numerator,denominator"
    (root / "data/panel.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    (root / "data/rollout.csv").write_text(rollout, encoding="utf-8")
    text = STUDY.format(id="falls", notebook="20_good", languages="nb").replace(
        "Gikk fallene ned ved falls?", "{unit}?"
    )
    path = root / "parameters/falls.yaml"
    path.write_text(text + f"units: {units}\n", encoding="utf-8")
    return path


def test_each_site_is_a_study_of_its_own(tmp_path: Path) -> None:
    path = project(tmp_path / "project", "{column: site, name: name}")
    units = list_units(read_whole_study(path))
    assert [unit.code for unit in units] == ["0301", "1103", "4601"]
    study = read_study(path, "0301")
    assert (study.id, study.question["nb"], study.units) == ("falls-0301", "Oslo?", None)
    panel, all_of_it = read_panel(study), read_panel(read_whole_study(path))
    assert panel.sites == ("0301",)
    assert panel.periods == all_of_it.periods
    own = all_of_it.cells[all_of_it.cells["site"] == "0301"].reset_index(drop=True)
    pd.testing.assert_frame_equal(panel.cells, own)
    assert len({identify(read_study(path, unit.code), profile="full").run_id for unit in units}) == 3


def test_a_unit_can_be_all_sites_of_a_region(tmp_path: Path) -> None:
    path = project(tmp_path / "project", "{column: region}")
    study = read_study(path, "Vest")
    assert study.id == "falls-vest"
    assert read_panel(study).sites == ("1103", "4601")
    assert read_study(path, "Øst").id == "falls-ost"


def test_a_study_without_units_is_read_as_before(tmp_path: Path) -> None:
    path = project(tmp_path / "project", "{column: site}")
    path.write_text(path.read_text(encoding="utf-8").replace("units: {column: site}\n", ""), encoding="utf-8")
    assert read_study(path) == read_whole_study(path)
    with pytest.raises(StudyError, match="the study has no units"):
        read_study(path, "0301")


@pytest.mark.parametrize("unit", ["", "0302"])
def test_a_unit_that_is_not_there_is_told_with_those_that_are(tmp_path: Path, unit: str) -> None:
    path = project(tmp_path / "project", "{column: site}")
    with pytest.raises(StudyError, match="one of 0301, 1103, 4601"):
        read_study(path, unit)


@pytest.mark.parametrize(
    ("units", "rollout", "told"),
    [
        ("{column: county}", ROLLOUT, "county"),
        ("{column: region}", ROLLOUT.replace("Vest", "", 1), "the unit of this site"),
        ("{column: site, only: ['0301', '9999']}", ROLLOUT, "9999"),
        ("{column: region}", ROLLOUT.replace("Vest", "ØST", 1), "another id than that of unit 'Øst'"),
        ("{column: region}", ROLLOUT.replace("Øst", "??"), "an id of at most 63"),
    ],
)
def test_what_is_wrong_with_units_is_told(tmp_path: Path, units: str, rollout: str, told: str) -> None:
    path = project(tmp_path / "project", units, rollout)
    with pytest.raises(DataError, match=told):
        list_units(read_whole_study(path))


@pytest.mark.parametrize(
    ("code", "expected"),
    [("0301", "s-0301"), ("Helse Vest RHF", "s-helse-vest-rhf"), ("Våler", "s-valer"), ("Ås", "s-as")],
)
def test_ids_of_units_are_words_for_file_names(code: str, expected: str) -> None:
    assert unit_id("s", code) == expected
