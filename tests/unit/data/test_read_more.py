"""What the richer models need from the tables: intervals, answers, bundles, strata, covariates, shocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from impl.data.panel import Panel
from study_project import PANEL_HEADER, ROLLOUT, STUDY, make_project, panel_of, panel_rows

HEADER = "site,actual_start,bundle,stratum"


def text(rows: list[str], header: str = PANEL_HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def warnings_of(panel: Panel) -> dict[str, dict[str, object]]:
    return {warning.code: warning.values for warning in panel.warnings}


# --- counts known as an interval -----------------------------------------------------------------------------


def test_a_suppressed_count_with_a_denominator_is_an_interval_and_no_gap(tmp_path: Path) -> None:
    rows = [row + ",,," for row in panel_rows()]
    rows[0] = "north,2021-01-01,2021-01-31,falls,,901.5,suppressed,1,4"
    rows[1] = "north,2021-02-01,2021-02-28,falls,,902.5,suppressed,,4"  # at least 0
    rows[2] = "north,2021-03-01,2021-03-31,falls,,,suppressed,,4"  # no denominator: a gap
    rows[3] = "north,2021-04-01,2021-04-30,falls,,904.5,suppressed,,"  # no bound: a gap
    panel = panel_of(make_project(tmp_path, panel=text(rows, PANEL_HEADER + ",status,at_least,at_most")))

    first = panel.cells.iloc[:4]
    assert not first["observed"].any()
    assert first["numerator"].isna().all()
    assert first["denominator"].tolist()[:2] == [901.5, 902.5]
    assert first["denominator"].iloc[2:].isna().all()
    assert first["at_least"].tolist()[:2] == [1, 0]
    assert first["at_most"].tolist()[:2] == [4, 4]
    assert first[["at_least", "at_most"]].iloc[2:].isna().all(axis=None)
    assert panel.cells[["at_least", "at_most"]].iloc[4:].isna().all(axis=None)
    assert warnings_of(panel)["intervals"] == {"count": 2, "share": round(2 / 24, 4)}
    assert warnings_of(panel)["gaps"] == {"count": 2, "share": round(2 / 24, 4)}


def test_intervals_after_a_stop_are_left_out(tmp_path: Path) -> None:
    rows = [row + ",,," for row in panel_rows()]
    rows[11] = "north,2021-12-01,2021-12-31,falls,,912.5,suppressed,1,4"
    rollout = ROLLOUT.replace("north,2021-05-01,2021-05-01,,", "north,,2021-05-01,,2021-12-01")
    panel = panel_of(
        make_project(tmp_path, panel=text(rows, PANEL_HEADER + ",status,at_least,at_most"), rollout=rollout)
    )

    assert panel.cells.iloc[11][["denominator", "at_least", "at_most"]].isna().all()
    assert warnings_of(panel)["stopped_periods_left_out"] == {"count": 1}
    assert "intervals" not in warnings_of(panel)


# --- every measure that the study names ----------------------------------------------------------------------


def test_negative_controls_are_read_like_the_others(tmp_path: Path) -> None:
    study = STUDY.replace(
        "{primary: falls}",
        "{primary: falls, paired: [falls_serious_injury], negative_controls: [pressure_ulcers]}",
    )
    rows = panel_rows() + panel_rows("falls_serious_injury")
    rows += [row.replace(".5", "") for row in panel_rows("pressure_ulcers")]
    panel = panel_of(make_project(tmp_path, study=study, panel=text(rows)))

    assert sorted(panel.cells["measure"].unique()) == ["falls", "falls_serious_injury", "pressure_ulcers"]
    assert panel.cells["observed"].all()


# --- answers by category -------------------------------------------------------------------------------------

ORDERED = STUDY.replace("primary: falls", "primary: safe_as_patient")
ORDERED_HEADER = PANEL_HEADER + ",category,status"


def answer_rows(counts: tuple[int, ...] = (1, 2, 3, 4, 5)) -> list[str]:
    return [
        ",".join([*row.split(",")[:4], str(count), str(sum(counts)), str(category), ""])
        for row in panel_rows("safe_as_patient")
        for category, count in enumerate(counts, 1)
    ]


def test_answers_become_counts_by_category_and_counts_above_the_stated_level(tmp_path: Path) -> None:
    rows = list(reversed(answer_rows()))  # in any order
    panel = panel_of(make_project(tmp_path, study=ORDERED, panel=text(rows, ORDERED_HEADER)))

    assert len(panel.cells) == 24
    assert panel.cells["numerator"].eq(9).all()  # agree and agree strongly
    assert panel.cells["denominator"].eq(15).all()
    assert panel.answers["safe_as_patient"].shape == (2, 12, 5)
    assert np.array_equal(panel.answers["safe_as_patient"][1, 3], [1, 2, 3, 4, 5])


def test_a_hidden_answer_hides_the_whole_cell(tmp_path: Path) -> None:
    rows = answer_rows()
    rows[0] = rows[0].replace(",1,15,1,", ",,15,1,suppressed")
    rows[5:10] = ["north,2021-02-01,2021-02-28,safe_as_patient,,,,missing"]  # one row for the whole cell
    zero = [row.split(",") for row in rows if row.startswith("south,2021-01")]
    rows = [row for row in rows if not row.startswith("south,2021-01")]
    rows += [",".join([*fields[:4], "0", "0", *fields[6:]]) for fields in zero]  # nobody answered
    panel = panel_of(make_project(tmp_path, study=ORDERED, panel=text(rows, ORDERED_HEADER)))

    assert panel.cells.loc[~panel.cells["observed"], ["site", "period"]].to_numpy().tolist() == [
        ["north", 0], ["north", 1], ["south", 0]
    ]  # fmt: skip
    answers = panel.answers["safe_as_patient"]
    assert np.isnan(answers[[0, 0, 1], [0, 1, 0]]).all()
    assert not np.isnan(answers[0, 2:]).any()
    assert warnings_of(panel)["gaps"]["count"] == 2
    assert warnings_of(panel)["zero_exposure_dropped"] == {"count": 1}


def test_answers_after_a_stop_are_left_out(tmp_path: Path) -> None:
    rollout = ROLLOUT.replace("north,2021-05-01,2021-05-01,,", "north,,2021-05-01,,2021-10-01")
    panel = panel_of(
        make_project(tmp_path, study=ORDERED, panel=text(answer_rows(), ORDERED_HEADER), rollout=rollout)
    )

    assert np.isnan(panel.answers["safe_as_patient"][0, 9:]).all()
    assert not np.isnan(panel.answers["safe_as_patient"][0, :9]).any()


# --- the same persons in every period ------------------------------------------------------------------------

MEAN = STUDY.replace("primary: falls", "primary: safety_climate_score")


def mean_rows() -> list[str]:
    """`person_sum_squares` stands in the first row of north and in no row of south."""
    return [
        f"{','.join(row.split(',')[:4])},1446,20,3000,{'700.5' if index == 0 else ''}"
        for index, row in enumerate(panel_rows("safety_climate_score"))
    ]


MEAN_HEADER = PANEL_HEADER + ",sum_squares,person_sum_squares"


def test_the_persons_own_spread_holds_for_all_rows_of_a_site(tmp_path: Path) -> None:
    panel = panel_of(make_project(tmp_path, study=MEAN, panel=text(mean_rows(), MEAN_HEADER)))

    by_site = panel.cells.groupby("site")["person_sum_squares"]
    assert by_site.first()["north"] == 700.5
    assert by_site.count().to_dict() == {"north": 12, "south": 0}


def test_the_persons_own_spread_is_lost_where_a_stop_leaves_periods_out(tmp_path: Path) -> None:
    rollout = ROLLOUT.replace("north,2021-05-01,2021-05-01,,", "north,,2021-05-01,,2021-10-01")
    panel = panel_of(
        make_project(tmp_path, study=MEAN, panel=text(mean_rows(), MEAN_HEADER), rollout=rollout)
    )

    assert panel.cells["person_sum_squares"].isna().all()


# --- several bundles, strata ---------------------------------------------------------------------------------


def test_rows_of_other_bundles_make_roll_outs_of_their_own(tmp_path: Path) -> None:
    rollout = (
        f"{HEADER}\n"
        "north,2021-05-01,,city\nsouth,2021-09-01,falls,country\n"
        "south,never,pressure_ulcers,country\nnorth,2021-07-01,pressure_ulcers,city\n"
    )
    study = STUDY + "other_bundles: [pressure_ulcers]\n"
    panel = panel_of(make_project(tmp_path, study=study, rollout=rollout))

    assert list(panel.rollout["start_period"]) == [4, 8]
    assert list(panel.rollout["stratum"]) == ["city", "country"]
    assert list(panel.other_rollouts) == ["pressure_ulcers"]
    other = panel.other_rollouts["pressure_ulcers"]
    assert list(other.columns) == list(panel.rollout.columns)
    assert list(other["site"]) == ["north", "south"]
    assert list(other["state"]) == ["start", "never"]
    assert other["start_period"].iloc[0] == 6


def test_a_stop_of_any_bundle_ends_the_data_of_the_site(tmp_path: Path) -> None:
    rollout = (
        "site,actual_start,stop,bundle\nnorth,2021-05-01,2021-11-01,\nsouth,2021-09-01,,\n"
        "north,2021-05-01,2021-10-01,pressure_ulcers\nsouth,2021-05-01,2021-12-01,pressure_ulcers\n"
    )
    study = STUDY + "other_bundles: [pressure_ulcers]\n"
    panel = panel_of(make_project(tmp_path, study=study, rollout=rollout))

    assert panel.cells.groupby("site")["observed"].sum().to_dict() == {"north": 9, "south": 11}
    assert warnings_of(panel)["stopped_periods_left_out"] == {"count": 4}


def test_without_the_columns_there_is_one_bundle_and_no_stratum(tmp_path: Path) -> None:
    panel = panel_of(make_project(tmp_path))

    assert panel.other_rollouts == {}
    assert list(panel.rollout["stratum"]) == ["", ""]


# --- covariates and interruptions ----------------------------------------------------------------------------


def covariates(root: Path, rows: list[str], use: str = "[staffing, price]") -> Path:
    study = STUDY + f"covariates: {{file: data/covariates.csv, use: {use}}}\n"
    file = make_project(root, study=study)
    (root / "data" / "covariates.csv").write_text(
        text(rows, "site,period_start,name,value"), encoding="utf-8"
    )
    return file


def test_covariates_stand_on_the_full_grid(tmp_path: Path) -> None:
    file = covariates(
        tmp_path,
        [
            "south,2021-02-01,staffing,-1.5",
            "north,2021-02-01,staffing,",  # not known
            "*,2021-02-01,price,2e1",
            "*,2021-03-01,price,21",
            "south,2021-04-01,price,22",  # by site where it differs
            "nowhere,2021-02-07,temperature,warm",  # not used, not read
        ],
    )
    panel = panel_of(file)

    table = panel.covariates
    assert table is not None
    assert list(table.columns) == ["site", "period", "staffing", "price"]
    assert table[["site", "period"]].equals(panel.cells[["site", "period"]])
    assert table["staffing"].dropna().to_dict() == {13: -1.5}
    assert table["price"].dropna().to_dict() == {1: 20, 2: 21, 13: 20, 14: 21, 15: 22}


def test_no_covariates_is_none(tmp_path: Path) -> None:
    assert panel_of(make_project(tmp_path)).covariates is None


@pytest.mark.parametrize(
    ("dates", "first", "after"),
    [
        ("start: 2021-03-01", 2, 12),
        ("start: 2021-03-02", 3, 12),  # begins inside March: from April
        ("start: 2021-03-12, end: 2021-06-01", 3, 6),
        ("start: 2021-03-12, end: 2021-05-31", 3, 5),
        ("start: 2020-03-12, end: 2021-02-01", 0, 2),
        ("start: 2021-12-01, end: 2030-01-01", 11, 12),
    ],
)
def test_interruptions_are_placed_in_the_calendar(tmp_path: Path, dates: str, first: int, after: int) -> None:
    study = STUDY + f"interruptions: [{{id: pandemic, {dates}}}]\n"

    assert panel_of(make_project(tmp_path, study=study)).interruptions == {"pandemic": (first, after)}
