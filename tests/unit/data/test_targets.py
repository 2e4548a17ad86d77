"""Local targets by site and period: read, checked, in the Panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from impl.data.panel import Panel
from study_project import STUDY, faults_of, make_project, panel_of, panel_rows

HEADER = "site,period_start,period_end,measure,target"


def project(root: Path, *rows: str, measures: str = "{primary: falls}") -> Path:
    study = STUDY.replace("{primary: falls}", measures) + "targets: {file: data/targets.csv}\n"
    panel = ["site,period_start,period_end,measure,numerator,denominator", *panel_rows()]
    panel += panel_rows("unplanned_admission") if "unplanned" in measures else []
    panel += panel_rows("medication_review") if "medication" in measures else []
    file = make_project(root, study=study, panel="\n".join(panel).replace(".5\n", "\n").removesuffix(".5"))
    (root / "data" / "targets.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return file


def by_site(panel: Panel) -> dict[str, list[tuple[int, float]]]:
    assert panel.targets is not None
    return {
        site: list(zip(rows["period"].tolist(), rows["target"].tolist(), strict=True))
        for site, rows in panel.targets.groupby("site")
    }


def test_a_target_is_that_of_the_last_day_of_a_period_and_a_sites_own_goes_first(tmp_path: Path) -> None:
    panel = panel_of(
        project(
            tmp_path,
            "*,2021-01-01,2021-04-30,falls,5",
            "*,2021-05-01,2021-06-15,falls,4",
            "north,2021-03-10,2021-12-31,falls,3.5",
        )
    )

    assert by_site(panel) == {
        "north": [(0, 5), (1, 5), *((month, 3.5) for month in range(2, 12))],
        "south": [(0, 5), (1, 5), (2, 5), (3, 5), (4, 4)],
    }


def test_no_table_is_no_target(tmp_path: Path) -> None:
    assert panel_of(make_project(tmp_path)).targets is None


WRONG = [
    (["nort,2021-01-01,2021-12-31,falls,4"], "data.unknown_site"),
    (["north,2021-01-01,2021-12-31,fall,4"], "data.unknown_measure"),
    (["north,2021-01-01,2021-12-31,unplanned_admission,4"], "data.target_without_direction"),
    (["north,2021-01-01,2021-12-31,medication_review,130"], "data.impossible_target"),
    (["north,2021-01-01,2021-12-31,medication_review,0"], "data.impossible_target"),
    (["north,2021-12-31,2021-01-01,falls,4"], "data.period_order"),
    (["north,2021-01-01,2021-06-30,falls,4", "north,2021-06-30,2021-12-31,falls,3"], "data.two_targets"),
    ([], "data.empty_table"),
]


@pytest.mark.parametrize(("rows", "code"), WRONG)
def test_targets_that_cannot_be_are_told(tmp_path: Path, rows: list[str], code: str) -> None:
    measures = "{primary: falls, paired: [unplanned_admission, medication_review]}"

    assert code in [found for found, _ in faults_of(project(tmp_path, *rows, measures=measures))]


def test_zero_is_a_target_where_less_is_good(tmp_path: Path) -> None:
    assert by_site(panel_of(project(tmp_path, "south,2021-12-01,2021-12-31,falls,0"))) == {"south": [(11, 0)]}
