"""Municipality codes over time: expired codes named, merges and splits summed, mixed starts flagged."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from impl.data.panel import Panel
from impl.data.places import Places, read_places, told_apart
from impl.errors import Fault
from known.real_data import FOLDER
from study_project import STUDY, error_of, faults_of, make_project, panel_of

HEADER = "oldCode,oldName,newCode,newName,changeOccurred"
CHANGES = f"""\
{HEADER}
0101,Halden,3001,Halden,2020-01-01
0137,Våler (Østfold),3018,Våler (Viken),2020-01-01
0426,Våler (Hedmark),3419,Våler (Innlandet),2020-01-01
1103,Stavanger,1103,Stavanger,2020-01-01
1141, Finnøy ,1103,Stavanger,2020-01-01
3001,Halden,3101,Halden,2024-01-01
1507,Ålesund,1508,Ålesund,2024-01-01
1507,Ålesund,1580,Haram,2024-01-01
"""
PLACES = STUDY + "places: {changes: data/changes.csv}\n"
YEARS = (2018, 2019, 2020, 2021, 2022, 2023, 2024)
VALID = {
    "0101": (2018, 2019), "3001": (2020, 2023), "3101": (2024, 2024), "0301": (2018, 2024), "1103": (2018, 2024),
    "1141": (2018, 2019), "1507": (2018, 2023), "1508": (2024, 2024), "1580": (2024, 2024),
}  # fmt: skip
STARTS = {"0301": "2021-01-01", "1103": "2022-01-01", "3101": "2023-01-01", "1507": "2020-01-01"}


def rows(valid: dict[str, tuple[int, int]] = VALID, **other: str) -> list[str]:
    """A year a row: code's last two digits and the year's last digit as events, 1000 resident-days a code."""
    written = {
        (code, year): f"{code},{year}-01-01,{year}-12-31,falls,{int(code[2:]) + year % 10},1000"
        for code, (first, last) in valid.items()
        for year in YEARS
        if first <= year <= last
    }
    for key, text in other.items():
        code, year = key.removeprefix("at_").split("_")
        written[code, int(year)] = text
    return [row for row in written.values() if row]


def project(
    root: Path, panel: list[str] | None = None, starts: dict[str, str] = STARTS, changes: str = CHANGES
) -> Path:
    header = "site,period_start,period_end,measure,numerator,denominator"
    rollout = "\n".join(["site,actual_start", *(f"{site},{day}" for site, day in starts.items())])
    file = make_project(root, study=PLACES, panel="\n".join([header, *(panel or rows())]), rollout=rollout)
    (root / "data" / "changes.csv").write_text(changes, encoding="utf-8")
    return file


def counts(panel: Panel, site: str) -> list[tuple[float, float]]:
    cells = panel.cells[panel.cells["site"] == site]
    return list(zip(cells["numerator"], cells["denominator"], strict=True))


def codes_of(panel: Panel) -> dict[str, dict[str, object]]:
    return {warning.code: dict(warning.values) for warning in panel.warnings}


def test_counts_and_exposures_are_summed_over_what_was_joined(tmp_path: Path) -> None:
    panel = panel_of(project(tmp_path))

    assert panel.sites == ("0301", "1103", "1508+1580", "3101")
    assert counts(panel, "3101") == [(year % 10 + 1, 1000) for year in YEARS]  # Halden under three codes
    assert counts(panel, "1103")[:3] == [(3 + 8 + 41 + 8, 2000), (3 + 9 + 41 + 9, 2000), (3, 1000)]
    assert counts(panel, "1508+1580")[-2:] == [(7 + 3, 1000), (8 + 4 + 80 + 4, 2000)]
    assert counts(panel, "0301") == [(year % 10 + 1, 1000) for year in YEARS]
    assert panel.names["1508+1580"] == "Ålesund/Haram"
    assert codes_of(panel)["codes_harmonised"] == {"count": 8, "sites": 3}
    assert "codes_may_have_changed" not in codes_of(panel)


def test_a_start_is_that_of_the_area_whichever_code_it_was_given_under(tmp_path: Path) -> None:
    rollout = panel_of(project(tmp_path)).rollout.set_index("site")

    assert rollout["actual_start"].to_dict() == {
        "0301": date(2021, 1, 1), "1103": date(2022, 1, 1), "1508+1580": date(2020, 1, 1), "3101": date(2023, 1, 1)
    }  # fmt: skip


def test_parts_that_started_at_different_times_are_a_transition_and_flagged(tmp_path: Path) -> None:
    starts = {**STARTS, "1103": "2019-01-01", "1141": "2021-01-01"}
    panel = panel_of(project(tmp_path, starts=starts))
    row = panel.rollout.set_index("site").loc["1103"]

    assert (row["transition_from"], row["start_period"]) == (1, 3)
    assert codes_of(panel)["mixed_starts"] == {"sites": 1}


def test_a_part_without_a_number_leaves_the_whole_area_out(tmp_path: Path) -> None:
    gone = rows(at_1141_2019="")
    hidden = rows(at_1141_2019="1141,2019-01-01,2019-12-31,falls,,1000,suppressed,4")
    for name, given in (("gone", gone), ("hidden", hidden)):
        header = "site,period_start,period_end,measure,numerator,denominator,status,at_most"
        wide = [row + ",observed," if row.count(",") == 5 else row for row in given]
        file = project(tmp_path / name, given)
        (file.parents[1] / "data" / "panel.csv").write_text("\n".join([header, *wide]), encoding="utf-8")
        panel = panel_of(file)
        cell = panel.cells[(panel.cells["site"] == "1103") & (panel.cells["period"] == 1)].iloc[0]
        assert not cell["observed"]
        if name == "gone":
            assert codes_of(panel)["areas_incomplete"] == {"count": 1}
        else:  # the other part is known, so the sum is an interval
            assert (cell["at_least"], cell["at_most"], cell["denominator"]) == (12, 16, 2000)


def test_nothing_to_count_in_one_part_is_no_gap(tmp_path: Path) -> None:
    panel = panel_of(project(tmp_path, rows(at_1141_2019="1141,2019-01-01,2019-12-31,falls,0,0")))

    assert counts(panel, "1103")[1] == (3 + 9, 1000)
    assert "zero_exposure_dropped" not in codes_of(panel)


FAULTS = [
    (rows({**VALID, "0101": (2018, 2020)}), STARTS, "data.expired_code", "From 2020-01-01 on it is 3001 (Halden)"),
    (rows({**VALID, "1507": (2018, 2024)}), STARTS, "data.expired_code", "1508 (Ålesund) and 1580 (Haram)"),
    (rows({**VALID, "3001": (2019, 2023)}), STARTS, "data.early_code", "Until then it was 0101 (Halden)"),
    ([row.replace("0301", "301") for row in rows()], STARTS, "data.not_a_code", "write 0301"),
    ([row.replace("0301", "Våler") for row in rows()], STARTS, "data.not_a_code",
     "0137 (Våler (Østfold)), 0426 (Våler (Hedmark)), 3018 (Våler (Viken)), 3419 (Våler (Innlandet))"),
    ([row.replace("0301", "Halden") for row in rows()], STARTS, "data.not_a_code", "write the code that is meant"),
    (rows(), {**STARTS, "1141": "never"}, "data.mixed_area", "1103, 1141"),
    (rows(), {**STARTS, "1508": "2020-01-01", "Fjord": "never"}, "data.not_a_code", "Fjord"),
]  # fmt: skip


@pytest.mark.parametrize(("panel", "starts", "code", "words"), FAULTS)
def test_codes_that_cannot_be_are_named_with_what_to_write(
    tmp_path: Path, panel: list[str], starts: dict[str, str], code: str, words: str
) -> None:
    file = project(tmp_path, panel, starts)

    assert code in [found for found, _ in faults_of(file)]
    assert words in error_of(file)


def test_a_part_alone_cannot_speak_for_the_whole(tmp_path: Path) -> None:
    starts = {key: day for key, day in STARTS.items() if key != "1103"} | {"1141": "2022-01-01"}
    file = project(tmp_path, starts=starts)

    assert [code for code, _ in faults_of(file)] == ["data.part_without_start", "data.site_without_start"]


@pytest.mark.parametrize(
    ("line", "code"),
    [("101,Halden,3001,Halden,2020-01-01", "data.not_a_code"), ("0101,Halden,3001,Halden,01.01.2020", "data.date"),
     ("0101,,3001,Halden,2020-01-01", "data.empty_text"), ("", "data.empty_table")],
)  # fmt: skip
def test_a_change_table_is_checked_like_any_other(tmp_path: Path, line: str, code: str) -> None:
    file = project(tmp_path, changes=f"{HEADER}\n{line}\n")

    assert code in [found for found, _ in faults_of(file)]


def test_without_a_change_table_the_break_is_told(tmp_path: Path) -> None:
    file = make_project(
        tmp_path,
        panel="\n".join(["site,period_start,period_end,measure,numerator,denominator", *rows()]),
        rollout="site,actual_start\n" + "".join(f"{code},2022-01-01\n" for code in VALID if code < "3101").replace(
            "0101,2022-01-01", "0101,never") + "3101,never\n",
    )  # fmt: skip
    found = codes_of(panel_of(file))
    assert found["codes_may_have_changed"] == {"count": 4}


def test_a_log_may_use_any_code_of_its_time(tmp_path: Path) -> None:
    file = project(tmp_path)
    file.write_text(file.read_text() + "adaptations: {file: data/log.csv}\n", encoding="utf-8")
    (tmp_path / "data" / "log.csv").write_text(
        "site,start,end,component,nature,consistent,planned\n3001,2023-05-01,,training,adding,yes,yes\n",
        encoding="utf-8",
    )
    table = panel_of(file).adaptations
    assert table is not None
    assert list(table["site"]) == ["3101"]


def test_twins_are_told_apart_by_their_code() -> None:
    names = {"3114": "Våler", "3419": "va\u030aler ", "0301": "Oslo", "A": "A", "a": "a"}

    assert told_apart(names) == {
        "3114": "Våler (3114)", "3419": "va\u030aler  (3419)", "0301": "Oslo", "A": "A", "a": "a"
    }  # fmt: skip


# --- Statistics Norway's own table (A15), beside an independent one (A14)


def real_places() -> Places:
    path = FOLDER / "ssb_klass131_changes_2002_2024.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in {FOLDER.name}/ (set IMPL_REAL_DATA to the folder of real data)")
    faults: list[Fault] = []
    places = read_places(path.parent, path.name, faults)
    assert places is not None, faults
    return places


def redistricting() -> dict[int, dict[str, str]]:
    """Year -> code then -> code in 2020, from A14 (folkehelseinstituttet/fhidata)."""
    path = FOLDER / "norway_municipality_redistricting_b2020.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in {FOLDER.name}/ (set IMPL_REAL_DATA to the folder of real data)")
    found: dict[int, dict[str, str]] = {}
    with path.open(encoding="utf-8") as opened:
        for row in csv.DictReader(opened):
            then, now = (
                row[f"location_code_{name}"].removeprefix("municip") for name in ("original", "current")
            )
            if len(then) == 4 and then.isdigit():
                found.setdefault(int(float(row["calyear"])), {})[then] = now
    return found


def test_the_official_table_gives_areas_that_agree_with_another_one() -> None:
    places, then = real_places(), redistricting()
    codes = set(then[2016])
    assert len(codes) == 428  # municipalities in 2016
    areas = places.areas(codes, date(2016, 1, 1), date(2020, 12, 31))
    area = {code: name for name, members in areas.items() for code in members}

    assert all(area[old] == area.get(new, old) for old, new in then[2016].items())
    # 356 municipalities in 2020; two were joined of parts that others took the rest of
    assert {code for code in then[2020] if code not in area} == set()
    assert len(areas) == 352


def test_a_country_of_counts_harmonised_2016_to_2024_keeps_every_event(tmp_path: Path) -> None:
    places = real_places()
    years = range(2016, 2025)
    known = set(redistricting()[2016]) | {change.new for change in places.changes if change.day.year > 2016}
    valid = {
        year: {code for code in known if places.alive(code, date(year, 1, 1), date(year, 12, 31))}
        for year in years
    }
    assert [len(valid[year]) for year in (2016, 2020, 2024)] == [428, 356, 357]
    panel = [
        f"{code},{year}-01-01,{year}-12-31,falls,{int(code) % 97 + year % 7},{1000 + int(code) % 11}"
        for year in years
        for code in sorted(valid[year])
    ]
    starts = {code: "2022-01-01" if int(code) % 2 else "never" for code in sorted(valid[2024])}
    for codes in places.areas(valid[2024], date(2016, 1, 1), date(2024, 12, 31)).values():
        for code in set(codes) & valid[2024]:
            starts[code] = starts[min(set(codes) & valid[2024])]
    file = project(tmp_path, panel, starts)
    changes = (FOLDER / "ssb_klass131_changes_2002_2024.csv").read_text(encoding="utf-8")
    (tmp_path / "data" / "changes.csv").write_text(changes, encoding="utf-8")
    harmonised = panel_of(file)

    assert harmonised.cells["observed"].all(), "no part of an area is missing in any year"
    written = [row.split(",") for row in panel]
    for index, year in enumerate(years):
        cells = harmonised.cells[harmonised.cells["period"] == index]
        given = [row for row in written if row[1].startswith(str(year))]
        assert cells["numerator"].sum() == sum(int(row[4]) for row in given)
        assert cells["denominator"].sum() == sum(int(row[5]) for row in given)
    assert len(harmonised.sites) == 352
    assert "1508+1580" in harmonised.sites
    halden = harmonised.cells[harmonised.cells["site"] == "3101"]
    assert list(halden["numerator"][:4]) == [4 + year % 7 for year in years[:4]]  # 101 % 97 = 4 until 2019
