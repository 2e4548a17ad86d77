"""Tables in order become a Panel: the full grid, positions in the calendar, gaps and warnings."""

from __future__ import annotations

import math
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from impl.data.panel import Panel
from impl.data.read import read_panel
from impl.study.load import read_study
from study_project import (
    ADAPTATIONS_HEADER,
    PANEL_HEADER,
    ROLLOUT,
    STUDY,
    TODAY,
    make_project,
    month,
    panel_of,
    panel_rows,
)

BEFORE_AFTER = STUDY.replace("30_stepped_wedge", "20_before_after")


def text(rows: list[str], header: str = PANEL_HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def warnings_of(panel: Panel) -> dict[str, dict[str, Any]]:
    return {warning.code: warning.values for warning in panel.warnings}


def test_the_grid_is_full_and_sorted(tmp_path: Path) -> None:
    panel = panel_of(make_project(tmp_path, panel=text(list(reversed(panel_rows())))))

    assert panel.sites == ("north", "south")
    assert len(panel.periods) == 12
    assert panel.period_months == 1
    assert list(panel.cells.columns) == [
        "measure", "site", "period", "numerator", "denominator", "sum_squares", "at_least", "at_most",
        "person_sum_squares", "observed"
    ]  # fmt: skip
    assert len(panel.cells) == 24
    keys = list(zip(panel.cells["site"], panel.cells["period"], strict=True))
    assert keys == sorted(keys)
    first = panel.cells.iloc[0]
    assert (first["site"], first["period"], first["numerator"], first["denominator"]) == (
        "north",
        0,
        4,
        901.5,
    )
    assert panel.cells["observed"].all()
    assert panel.names == {"north": "north", "south": "south"}
    assert panel.adaptations is None
    assert panel.vintage is None


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: raw.replace(b",", b";"),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.rstrip(b"\n"),
        lambda raw: raw + b"\n\n,,,,,\n",
        lambda raw: raw.replace(b"north", b' "north" '.strip()),
        lambda raw: raw.replace(b"north", b" north\xc2\xa0"),
        lambda raw: raw.replace(b",falls,4,", b",falls,4.0,"),
    ],
    ids=["bom", "semicolon", "crlf", "no last newline", "empty lines", "quotes", "spaces", "whole decimals"],
)  # fmt: skip
def test_the_same_table_in_other_clothes(tmp_path: Path, change: Any) -> None:
    raw = text(panel_rows()).encode()
    plain = panel_of(make_project(tmp_path / "plain", panel=raw))
    dressed = panel_of(make_project(tmp_path / "dressed", panel=change(raw)))

    assert dressed.cells.equals(plain.cells)
    assert dressed.sites == plain.sites


def test_columns_may_stand_in_any_order_and_unknown_ones_are_left_alone(tmp_path: Path) -> None:
    rows = [",".join([*row.split(",")[::-1], "a remark"]) for row in panel_rows()]
    header = ",".join([*PANEL_HEADER.split(",")[::-1], "remark"])

    assert panel_of(make_project(tmp_path, panel=text(rows, header))).cells["numerator"].sum() == 96


@pytest.mark.parametrize("site", ["NA", "None", "null", "nan", "0301", "<b>&", "=cmd()", "Å 🙂"])
def test_a_site_code_is_text_as_written(tmp_path: Path, site: str) -> None:
    panel = text([row.replace("north", site) for row in panel_rows()])
    read = panel_of(make_project(tmp_path, panel=panel, rollout=ROLLOUT.replace("north", site)))

    assert site in read.sites


def test_numeric_codes_are_in_number_order(tmp_path: Path) -> None:
    rows = [row for site in ("10", "9", "1") for row in panel_rows(sites=(site,))]
    rollout = "site,actual_start\n10,2021-03-01\n9,2021-05-01\n1,2021-08-01\n"
    panel = panel_of(make_project(tmp_path, panel=text(rows), rollout=rollout))

    assert panel.sites == ("1", "9", "10")
    assert list(panel.rollout["site"]) == ["1", "9", "10"]
    assert list(panel.rollout["start_period"]) == [7, 4, 2]


def test_names_and_vintage_are_kept(tmp_path: Path) -> None:
    names = {"north": "Nordre sykehjem", "south": ""}
    rows = [f"{row},{names[row.split(',')[0]]},2022-0{1 + i % 3}-15" for i, row in enumerate(panel_rows())]
    panel = panel_of(make_project(tmp_path, panel=text(rows, PANEL_HEADER + ",name,vintage")))

    assert panel.names == {"north": "Nordre sykehjem", "south": "south"}
    assert panel.vintage == date(2022, 3, 15)


def test_declared_gaps_and_absent_rows_leave_the_likelihood_and_are_counted(tmp_path: Path) -> None:
    rows = [row + ",," for row in panel_rows()]
    north = [row.split(",") for row in rows[:3]]
    for fields, status, at_most in zip(
        north, ("suppressed", "not_reported", "missing"), ("4", "", ""), strict=True
    ):
        fields[4], fields[5], fields[6], fields[7] = "", "", status, at_most
    rows[:3] = [",".join(fields) for fields in north]
    del rows[20]
    panel = panel_of(make_project(tmp_path, panel=text(rows, PANEL_HEADER + ",status,at_most")))

    gaps = panel.cells[~panel.cells["observed"]]
    assert list(zip(gaps["site"], gaps["period"], strict=True)) == [
        ("north", 0), ("north", 1), ("north", 2), ("south", 8)
    ]  # fmt: skip
    assert gaps[["numerator", "denominator", "sum_squares"]].isna().all(axis=None)
    assert warnings_of(panel)["gaps"] == {"count": 4, "share": round(4 / 24, 4)}
    assert "many_gaps" not in warnings_of(panel)


def test_a_month_that_no_site_has_is_a_gap_for_all(tmp_path: Path) -> None:
    panel = panel_of(
        make_project(tmp_path, panel=text([row for row in panel_rows() if "2021-03-01" not in row]))
    )

    assert len(panel.periods) == 12
    assert warnings_of(panel)["gaps"]["count"] == 2


def test_many_gaps_are_told(tmp_path: Path) -> None:
    rows = [row for row in panel_rows() if not (row.startswith("south") and "2021-0" in row)]
    rollout = ROLLOUT.replace("south,2021-09-01,2021-09-01", "south,2021-11-01,2021-11-01")

    assert warnings_of(panel_of(make_project(tmp_path, panel=text(rows), rollout=rollout)))["many_gaps"] == {
        "count": 9,
        "share": 0.375,
    }


def test_no_exposure_and_no_events_is_a_gap_with_a_warning(tmp_path: Path) -> None:
    rows = panel_rows()
    rows[0] = ",".join([*rows[0].split(",")[:4], "0", "0"])
    panel = panel_of(make_project(tmp_path, panel=text(rows)))

    assert warnings_of(panel)["zero_exposure_dropped"] == {"count": 1}
    assert "gaps" not in warnings_of(panel)
    assert not panel.cells.iloc[0]["observed"]
    assert math.isnan(panel.cells.iloc[0]["denominator"])


def test_paired_measures_share_the_grid_and_others_are_ignored(tmp_path: Path) -> None:
    study = STUDY.replace("{primary: falls}", "{primary: falls, paired: [falls_serious_injury]}")
    rows = panel_rows() + panel_rows("falls_serious_injury", ("north",)) + ["x,bad,bad,other_measure,-1,1e3"]
    panel = panel_of(make_project(tmp_path, study=study, panel=text(rows)))

    assert sorted(panel.cells["measure"].unique()) == ["falls", "falls_serious_injury"]
    assert len(panel.cells) == 48
    assert panel.sites == ("north", "south")
    assert warnings_of(panel)["gaps"]["count"] == 12


def mean_measure(root: Path) -> None:
    folder = root / "parameters" / "measures"
    folder.mkdir(parents=True)
    (folder / "score.toml").write_text(
        'schema = 1\nid = "score"\nkind = "mean"\nper = 1\ndirection = "higher"\nlikelihood = "normal"\n'
        'baseline = 3\nsource = "A test."\nname = {nb = "Skår"}\nevents = {nb = {one = "poeng", many = "poeng"}}\n'
        'exposure = {nb = "personer"}\nunit = {nb = "poeng"}\n',
        encoding="utf-8",
    )


def test_a_mean_takes_signed_sums_and_squares(tmp_path: Path) -> None:
    mean_measure(tmp_path)
    rows = [
        f"{','.join(row.split(',')[:4])},-1.5e1,20,{index}.25"
        for index, row in enumerate(panel_rows("score"))
    ]
    panel = panel_of(
        make_project(
            tmp_path,
            study=STUDY.replace("{primary: falls}", "{primary: score}"),
            panel=text(rows, PANEL_HEADER + ",sum_squares"),
        )
    )

    assert list(panel.cells.iloc[3][["numerator", "denominator", "sum_squares"]]) == [-15, 20, 3.25]


# --- roll-out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "start_period", "transition_from", "stop_period"),
    [
        ("2021-05-01,2021-05-01,,", 4, None, None),
        (",2021-05-02,,", 5, 4, None),  # begun inside May: May is transition
        (",2021-05-31,,", 5, 4, None),
        ("2021-05-01,2021-05-31,,", 4, None, None),  # as allocated, whenever it was really begun
        ("2021-05-01,2021-05-31,2021-06-30,", 6, 4, None),
        ("2021-05-01,never,,", 4, None, None),
        ("never,2021-05-01,,", None, None, None),
        (
            ",2021-05-01,2021-06-30,",
            6,
            4,
            None,
        ),  # transition to the end of June: July is the first full month
        (",2021-05-01,2021-07-01,", 7, 4, None),
        (",2021-05-01,2021-05-01,", 5, 4, None),
        (",2021-12-02,,", 12, 11, None),
        (",2022-03-01,,", 12, None, None),  # after the data
        (",2021-05-01,,2021-10-01", 4, None, 9),
        (",2021-05-01,,2021-10-15", 4, None, 9),
        (",2021-05-01,,2022-05-01", 4, None, None),
        ("never,never,,", None, None, None),
        (",before-data,,", None, None, None),
        (",before-data,,2021-08-01", None, None, 7),
    ],
)
def test_positions(
    tmp_path: Path,
    row: str,
    start_period: float | None,
    transition_from: float | None,
    stop_period: float | None,
) -> None:
    rollout = f"{ROLLOUT.splitlines()[0]}\nnorth,{row}\nsouth,,2021-09-01,,\n"
    table = panel_of(make_project(tmp_path, study=BEFORE_AFTER, rollout=rollout)).rollout
    north = table.iloc[0]

    for column, expected in (
        ("start_period", start_period),
        ("transition_from", transition_from),
        ("stop_period", stop_period),
    ):
        assert (None if math.isnan(north[column]) else north[column]) == expected, column


def test_dates_and_states_are_kept(tmp_path: Path) -> None:
    rollout = f"{ROLLOUT.splitlines()[0]}\nnorth,2021-04-01,2021-05-03,2021-05-31,\nsouth,,never,,\n"
    table = panel_of(make_project(tmp_path, rollout=rollout)).rollout

    assert list(table["state"]) == ["start", "never"]
    assert list(table.iloc[0][["allocated_start", "actual_start", "transition_end", "stop"]]) == [
        date(2021, 4, 1), date(2021, 5, 3), date(2021, 5, 31), None
    ]  # fmt: skip
    assert table.iloc[1]["actual_start"] is None


def test_what_follows_a_stop_is_left_out(tmp_path: Path) -> None:
    rollout = ROLLOUT.replace("north,2021-05-01,2021-05-01,,", "north,,2021-05-01,,2021-10-01")
    panel = panel_of(make_project(tmp_path, rollout=rollout))

    assert warnings_of(panel)["stopped_periods_left_out"] == {"count": 3}
    assert "gaps" not in warnings_of(panel)
    north = panel.cells[panel.cells["site"] == "north"]
    assert list(north["observed"]) == [True] * 9 + [False] * 3
    assert north["numerator"].iloc[9:].isna().all()


def test_warnings_of_a_rollout(tmp_path: Path) -> None:
    rows = []
    for site in ("a", "b", "c", "d"):
        for index in range(48):
            start, end = month(2018 + index // 12, index % 12 + 1)
            rows.append(f"{site},{start},{end},falls,3,900,{site.upper()}-heimen")
    rollout = "site,actual_start\na,2020-01-01\nb,2021-03-01\nc,before-data\nd,2022-05-01\n"
    panel = panel_of(make_project(tmp_path, panel=text(rows, PANEL_HEADER + ",name"), rollout=rollout))

    assert [(warning.code, warning.values) for warning in panel.warnings] == [
        ("treated_before_data", {"sites": 1}),
        ("start_after_data", {"sites": 1}),
        ("few_sites", {"sites": 3}),
        ("long_gap_between_starts", {"months": 14, "after_site": "A-heimen"}),
        ("long_gap_between_starts", {"months": 14, "after_site": "B-heimen"}),
        ("starts_before_pandemic", {"sites": 1}),
        ("few_sequences", {"count": 2}),
        ("sequences_of_one_site", {"count": 2, "number": 2}),
        ("counts_are_reports", {}),
        ("companions_missing", {"count": 1}),
    ]


def test_one_site_before_and_after_has_no_warning(tmp_path: Path) -> None:
    panel = panel_of(
        make_project(
            tmp_path,
            study=BEFORE_AFTER.replace("primary: falls", "primary: clabsi"),
            panel=text(panel_rows("clabsi", sites=("north",))),
            rollout="\n".join(ROLLOUT.splitlines()[:2]) + "\n",
        )
    )

    assert [warning.code for warning in panel.warnings] == ["companions_missing"]


# --- adaptations -------------------------------------------------------------------------------------------


def test_the_log_is_read_in_date_order_with_positions(tmp_path: Path) -> None:
    log = (
        ADAPTATIONS_HEADER + ",note\n"
        "south,2021-10-01,,daglig vurdering,removing,no,yes,free text\n"
        "north,2021-05-10,2021-08-31,training,adding,yes,,\n"
        "north,2022-02-01,,training,adding,unknown,no,\n"
    )
    table = panel_of(make_project(tmp_path, adaptations=log)).adaptations

    assert table is not None
    assert list(table["site"]) == ["north", "south", "north"]
    assert list(table["from_period"]) == [5, 9, 12]
    assert list(table["planned"]) == ["unknown", "yes", "no"]
    assert list(table["end"]) == [date(2021, 8, 31), None, None]
    assert "note" not in table.columns


def test_an_empty_log_is_a_log(tmp_path: Path) -> None:
    table = panel_of(make_project(tmp_path, adaptations=ADAPTATIONS_HEADER + "\n")).adaptations

    assert table is not None
    assert len(table) == 0
    assert "from_period" in table.columns


# --- size --------------------------------------------------------------------------------------------------


def test_every_municipality_over_eight_years_in_seconds(tmp_path: Path) -> None:
    """357 sites x 96 months; about half a second on an idle core, so the limit holds on a busy one too."""
    sites = [f"{code:04d}" for code in range(301, 658)]
    rows = []
    for site in sites:
        for index in range(96):
            start, end = month(2016 + index // 12, index % 12 + 1)
            rows.append(f"{site},{start},{end},falls,{index % 7},{900 + index}")
    rollout = "site,actual_start\n" + "".join(
        f"{site},{date(2018 + int(site) % 5, 1, 1)}\n" for site in sites
    )
    study = read_study(make_project(tmp_path, panel=text(rows), rollout=rollout))
    started = time.process_time()
    panel = read_panel(study, today=TODAY)

    assert time.process_time() - started < 5
    assert panel.cells["observed"].sum() == 357 * 96
