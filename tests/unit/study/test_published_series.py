"""The published national record review: eleven typed figures, and a table that can be worked out from them."""

from __future__ import annotations

import csv

from impl.data.read import read_panel
from impl.study.load import read_study
from worlds import REPOSITORY

# Helsedirektoratet, stays with at least one patient injury, per cent, 2012-2022; 95 per cent intervals of two years
SHARES = (13.7, 13.0, 13.9, 13.7, 13.9, 13.7, 11.9, 12.4, 13.1, 12.8, 12.6)
INTERVALS = ((12.5, 15.1), (11.9, 14.5))
STUDY = "pasientskader-2012-2022"


def test_the_two_intervals_give_one_standard_error() -> None:
    errors = {round((high - low) / 2 / 1.96, 3) for low, high in INTERVALS}

    assert errors == {0.663}


def test_the_table_is_the_figures_with_the_standard_error_of_the_intervals() -> None:
    with (REPOSITORY / "data/published/gtt/panel.csv").open(encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))

    assert [int(row["period_start"][:4]) for row in rows] == list(range(2012, 2023))
    for row, share in zip(rows, SHARES, strict=True):
        events, stays = int(row["numerator"]), int(row["denominator"])
        assert round(100 * events / stays, 1) == share
        part = events / stays
        assert abs(100 * (part * (1 - part) / stays) ** 0.5 - 0.663) < 0.002


def test_it_is_a_study_of_real_numbers() -> None:
    study = read_study(REPOSITORY / "parameters" / f"{STUDY}.yaml")
    panel = read_panel(study)

    assert not study.synthetic
    assert len(panel.periods) == 11
    assert panel.rollout["start_period"].tolist() == [7]
