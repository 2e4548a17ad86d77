"""What a reader should know of a roll-out is found in its table; and the diagram as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from impl.data.design import DIAGRAM, design_diagram
from impl.data.panel import Panel
from study_project import PANEL_HEADER, STUDY, make_project, month, panel_of

# The learning networks of Gode pasientforløp: eight completed before 2020 without dates, seven dated ones.
NETWORKS = """\
site,actual_start,kind,areas
Agder,before-data,county,Agder
Rogaland,before-data,county,Rogaland
Nordland,before-data,county,Helgeland;Salten;Lofoten og Vesterålen;Ofoten
Hedmark og Oppland,before-data,former county,Hedmark;Oppland
Oslo (tre bydeler),before-data,district,Oslo
Møre og Romsdal,before-data,county,Møre og Romsdal
"Ofoten, Troms og Finnmark",before-data,region,Ofoten;Troms;Finnmark
Østfold,before-data,former county,Østfold
Vestfold,2020-01-01,county,Vestfold
Sogn og Fjordane,2021-03-01,former county,Sogn og Fjordane
Helgeland,2021-10-01,region,Helgeland
Ahus-regionen,2021-11-01,trust area,Follo;Romerike;Kongsvinger
Telemark,2021-11-01,county,Telemark
Helse Bergen-regionen,2022-04-01,trust area,Bergen
Innlandet,2022-11-01,county,Hedmark;Oppland
"""


def panel_for(root: Path, rollout: str, *, years: tuple[int, int] = (2019, 2023), extra: str = "") -> Panel:
    """Monthly rows for every site of a roll-out table."""
    import csv

    sites = [row["site"] for row in csv.DictReader(rollout.splitlines())]
    rows = []
    for site in sites:
        for year in range(years[0], years[1] + 1):
            for number in range(1, 13):
                start, end = month(year, number)
                rows.append(f'"{site}",{start},{end},readmission_30d,{3 + number % 3},90')
    study = STUDY.replace("primary: falls", "primary: readmission_30d")
    study = study.replace("{file: data/rollout.csv}", "{file: data/rollout.csv" + extra + "}")
    return panel_of(make_project(root, study=study, panel="\n".join([PANEL_HEADER, *rows]), rollout=rollout))


def told(panel: Panel) -> list[tuple[str, dict[str, Any]]]:
    return [(warning.code, dict(warning.values)) for warning in panel.warnings]


def test_the_seven_waves_are_no_clean_wedge_and_the_table_tells_why(tmp_path: Path) -> None:
    found = told(panel_for(tmp_path, NETWORKS))

    assert found == [
        ("treated_before_data", {"sites": 8}),
        ("few_sites", {"sites": 7}),
        ("long_gap_between_starts", {"months": 14, "after_site": "Vestfold"}),
        ("starts_before_pandemic", {"sites": 1}),
        ("sequences_of_one_site", {"count": 5, "number": 6}),  # seven sites, six steps
        ("no_concurrent_controls", {"since": "2022-11-01"}),
        ("overlapping_area", {"place": "Hedmark og Oppland", "other": "Innlandet"}),
        ("exposed_again", {"place": "Innlandet", "other": "Hedmark og Oppland"}),
        ("nested_area", {"place": "Helgeland", "other": "Nordland"}),
        ("exposed_again", {"place": "Helgeland", "other": "Nordland"}),
        ("overlapping_area", {"place": "Ofoten, Troms og Finnmark", "other": "Nordland"}),
        ("mixed_kinds", {"count": 4}),
    ]


def test_a_clean_wedge_has_nothing_of_it(tmp_path: Path) -> None:
    days = [f"s{index},2021-0{1 + index // 2}-01" for index in range(8)]
    rollout = "site,actual_start\n" + "\n".join([*days, "c1,never", "c2,never"]) + "\n"

    assert told(panel_for(tmp_path, rollout, years=(2020, 2022))) == []


def test_many_overlaps_are_counted_not_listed(tmp_path: Path) -> None:
    rollout = "site,actual_start,areas\n" + "".join(
        f"s{index},2021-0{1 + index}-01,Fjord\n" for index in range(5)
    )
    found = dict(told(panel_for(tmp_path, rollout, years=(2020, 2022))))

    assert found["areas_overlap"] == {"count": 10}
    assert "overlapping_area" not in found


def test_areas_are_the_same_under_old_and_new_codes(tmp_path: Path) -> None:
    rollout = "site,actual_start,areas\nHedmark,before-data,0403;0402\nInnlandet,2022-01-01,3403\nTelemark,2021-01-01,3807\n"
    extra = "}\nplaces: {changes: data/changes.csv, codes: areas"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "changes.csv").write_text(
        "oldCode,oldName,newCode,newName,changeOccurred\n0403,Hamar,3403,Hamar,2020-01-01\n", encoding="utf-8"
    )
    found = told(panel_for(tmp_path, rollout, extra=extra))

    assert ("nested_area", {"place": "Innlandet", "other": "Hedmark"}) in found
    assert ("exposed_again", {"place": "Innlandet", "other": "Hedmark"}) in found


ALLOCATED = """\
site,allocated_start,actual_start
late,2021-03-01,2021-06-01
on-time,2021-06-01,2021-06-01
refused,2021-09-01,never
eager,never,2021-10-01
control,never,never
"""


def test_the_allocated_start_counts_and_the_difference_is_told(tmp_path: Path) -> None:
    panel = panel_for(tmp_path, ALLOCATED, years=(2020, 2022))
    rollout = panel.rollout.set_index("site")

    assert rollout["state"].to_dict() == {
        "late": "start", "on-time": "start", "refused": "start", "eager": "never", "control": "never"
    }  # fmt: skip
    assert rollout["start_period"].dropna().to_dict() == {"late": 14, "on-time": 17, "refused": 20}
    found = dict(told(panel))
    assert found["not_on_allocated_date"] == {"sites": 1}
    assert found["not_as_allocated"] == {"sites": 2}
    assert "per_protocol" not in found


def test_per_protocol_is_a_choice_that_is_labelled(tmp_path: Path) -> None:
    panel = panel_for(tmp_path, ALLOCATED, years=(2020, 2022), extra=", starts: actual")
    rollout = panel.rollout.set_index("site")

    assert rollout["start_period"].dropna().to_dict() == {"late": 17, "on-time": 17, "eager": 21}
    found = dict(told(panel))
    assert found["per_protocol"] == {"sites": 3}
    assert not {"not_on_allocated_date", "not_as_allocated"} & found.keys()


@pytest.mark.parametrize(("starts", "column"), [("allocated", "allocated_start"), ("actual", None)])
def test_a_start_before_the_data_is_a_fault_where_it_counts(
    tmp_path: Path, starts: str, column: str | None
) -> None:
    from study_project import faults_of

    study = STUDY.replace("{file: data/rollout.csv}", "{file: data/rollout.csv, starts: " + starts + "}")
    rollout = "site,allocated_start,actual_start\nnorth,2020-12-01,2021-05-01\nsouth,2021-09-01,2021-09-01\n"
    found = faults_of(make_project(tmp_path, study=study, rollout=rollout))

    assert found == ([("data.start_before_data", f"rollout.csv, row 2, column '{column}'")] if column else [])


def test_the_diagram_has_every_period_of_every_site_in_one_state(tmp_path: Path) -> None:
    rollout = """\
site,allocated_start,actual_start,transition_end,stop
south,2021-07-01,2021-07-01,2021-07-31,2021-12-01
north,2021-05-01,2021-05-01,,
east,,never,,
west,,before-data,,
"""
    file = make_project(
        tmp_path,
        study=STUDY + "support: {file: data/support.csv}\n",
        rollout=rollout,
        panel="\n".join(
            [PANEL_HEADER]
            + [
                f"{site},{month(2021, number)[0]},{month(2021, number)[1]},falls,3,900"
                for site in ("south", "north", "east", "west")
                for number in range(1, 13)
                if (site, number) != ("east", 12)
            ]
        ),
    )
    (tmp_path / "data" / "support.csv").write_text(
        "site,pause_start,pause_end\nnorth,2021-08-01,2021-09-30\n", encoding="utf-8"
    )
    table = design_diagram(panel_of(file))
    runs = {
        site: [(row.state, row.from_period, row.to_period) for row in rows.itertuples()]
        for site, rows in table.groupby("site", sort=False)
    }

    assert runs == {
        "north": [("without", 0, 3), ("with", 4, 6), ("paused", 7, 8), ("with", 9, 11)],
        "south": [("without", 0, 5), ("transition", 6, 6), ("with", 7, 10), ("stopped", 11, 11)],
        "east": [("without", 0, 11)],
        "west": [("before-data", 0, 11)],
    }
    assert list(runs) == ["north", "south", "east", "west"], "in order of start"
    assert set(table["state"]) == set(DIAGRAM)
    assert table.groupby("site")["sequence"].first().dropna().to_dict() == {"north": 1, "south": 2}
    assert not table.loc[table["state"] == "stopped", "observed"].any()
