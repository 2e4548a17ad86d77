"""The quality of data: every mistake put into a clean delivery is found and nothing else is; clean data give nothing."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from impl.data.findings import Finding, near_factor, runs, runs_of_equals, size_of
from impl.data.quality import DataQuality, check_quality
from impl.data.read import read_panel
from impl.data.suspicions import suspicions
from impl.data.twins import twins
from impl.errors import StudyError
from impl.study.catalogue import Measure
from impl.study.load import read_measure, read_study
from quality_project import NAMES, SITES, VINTAGE, Change, Delivery, clean, write_project
from study_project import TODAY, make_project
from worlds import REPOSITORY

REVIEWS = {"measure": "medication_review", "bundle": "medication"}
MISTAKES: dict[str, tuple[Change, list[tuple[str, str | None]]]] = {}


def mistake(*found: tuple[str, str | None]):  # type: ignore[no-untyped-def]
    """Register a change, and the (code, site) pairs that a check must find after it: those and no others."""

    def keep(change: Change) -> Change:
        MISTAKES[change.__name__] = (change, sorted(found, key=str))
        return change

    return keep


@mistake(("lasting_change", SITES[2]))
def beds_instead_of_bed_days(sent: Delivery) -> None:
    sent.denominator[2, 20:] = np.round(sent.denominator[2, 20:] / 30.4)


@mistake(("lasting_change", SITES[3]))
def two_wards_joined(sent: Delivery) -> None:
    sent.denominator[3, 24:] *= 2.6
    sent.numerator[3, 24:] *= 3


@mistake(("exposure_jump", SITES[4]))
def a_year_in_december(sent: Delivery) -> None:
    sent.denominator[4, 17] *= 12


@mistake(("exposure_jump", SITES[4]))
def two_months_in_thousands(sent: Delivery) -> None:
    sent.denominator[4, 5:7] = np.round(sent.denominator[4, 5:7] / 100)


@mistake(("unlike_other_sites", SITES[5]))
def one_site_in_thousands(sent: Delivery) -> None:
    sent.denominator[5] = np.round(sent.denominator[5] / 1000, 3)


@mistake(("unlike_other_sites", SITES[5]))
def one_site_counts_hours(sent: Delivery) -> None:
    sent.denominator[5] *= 24


@mistake(("unusual_level", None))
def all_in_hundreds(sent: Delivery) -> None:
    sent.denominator /= 100


@mistake(("constant", SITES[7]))
def capacity_instead_of_use(sent: Delivery) -> None:
    sent.denominator[7, 4:12] = 1823


@mistake(("constant", SITES[7]))
def a_count_copied_on(sent: Delivery) -> None:
    sent.numerator[7, 4:11] = 11


@mistake(("round_numbers", SITES[8]))
def guessed_exposures(sent: Delivery) -> None:
    sent.denominator[8] = 50 * np.round(sent.denominator[8] / 50)


@mistake(("zeros", SITES[9]))
def zeros_for_gaps(sent: Delivery) -> None:
    sent.numerator[9] = np.maximum(sent.numerator[9], 6)
    sent.numerator[9, 8:12] = 0


@mistake(("unfinished", SITES[10]))
def a_month_that_is_not_over(sent: Delivery) -> None:
    sent.denominator[10, -1] = np.round(0.35 * sent.denominator[10, -1])


@mistake(("same_numbers", SITES[0]))
def a_copied_series(sent: Delivery) -> None:
    for numbers in (sent.numerator, sent.denominator):
        numbers[11, :33] = numbers[0, :33]


@mistake(("same_numbers", SITES[0]))
def copied_exposures_alone(sent: Delivery) -> None:
    sent.denominator[11, :30] = sent.denominator[0, :30]


@mistake(("same_numbers", SITES[0]))
def copied_events_alone(sent: Delivery) -> None:
    sent.numerator[11, :33] = sent.numerator[0, :33]


@mistake(("near_name", SITES[1]))
def a_slip_in_a_name(sent: Delivery) -> None:
    sent.names[5] = "Bergli  Sykeheim"


@mistake(("same_name", SITES[1]))
def one_name_twice(sent: Delivery) -> None:
    sent.names[5] = "BERGLI sykehjem"


@mistake(("late", SITES[0]))
def nothing_since_winter(sent: Delivery) -> None:
    sent.absent |= {(0, at) for at in range(31, 36)}


def quality_of(file: Path) -> DataQuality:
    study = read_study(file)
    return check_quality(study, read_panel(study, today=TODAY))


def found_in(quality: DataQuality) -> list[tuple[str, str | None]]:
    return sorted(((finding.code, finding.site) for finding in quality.findings), key=str)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_found_and_nothing_else(tmp_path: Path, name: str) -> None:
    change, expected = MISTAKES[name]
    sent = clean()
    change(sent)
    assert found_in(quality_of(write_project(tmp_path, sent))) == expected


@pytest.mark.parametrize("name", ["zeros", "round_numbers", "constant"])
def test_mistakes_are_found_in_shares_too(tmp_path: Path, name: str) -> None:
    sent = clean(shares=True)
    if name == "zeros":
        sent.numerator[3, 6:8] = 0
    elif name == "round_numbers":
        sent.numerator[3] = 10 * np.round(sent.numerator[3] / 10)
    else:
        sent.numerator[3, 4:10] = 61
    quality = quality_of(write_project(tmp_path, sent, **REVIEWS))
    assert found_in(quality) == [(name, SITES[3])]


def test_clean_data_are_ready(tmp_path: Path) -> None:
    quality = quality_of(write_project(tmp_path, clean()))
    assert (quality.state, quality.findings, len(quality.left_out)) == ("ready", (), 0)
    assert {(row.expected, row.reported, row.longest, row.last) for row in quality.coverage} == {
        (36, 36, 0, 35)
    }
    assert {row.days for row in quality.coverage} == {(VINTAGE - date(2026, 6, 30)).days}


@pytest.mark.parametrize("shares", [False, True])
def test_clean_data_hardly_ever_give_a_finding(shares: bool) -> None:
    """Thirty deliveries of 432 numbers, of each of two kinds; one in a hundred may have one by the limit of chance."""
    measure = read_measure("medication_review" if shares else "falls", REPOSITORY)
    found = [
        found
        for seed in range(2, 32)
        if (found := odd_in(cells_of(clean(seed, shares=shares), measure.id), measure))
    ]
    assert len(found) <= 1, found


def odd_in(cells: pd.DataFrame, measure: Measure) -> list[Finding]:
    return [*suspicions(cells, {measure.id: measure}), *twins(cells, {}, [measure.id])]


def cells_of(sent: Delivery, measure: str) -> pd.DataFrame:
    """As Panel.cells, without a file: every cell with its number."""
    sites, months = sent.numerator.shape
    return pd.DataFrame(
        {
            "measure": measure,
            "site": np.repeat(SITES, months),
            "period": np.tile(np.arange(months), sites),
            "numerator": sent.numerator.ravel(),
            "denominator": sent.denominator.ravel(),
            "observed": True,
        }
    )


def test_more_events_than_days_where_too_few_sites_can_say_what_is_usual() -> None:
    sent = clean()
    sent.denominator[1] = np.round(sent.denominator[1] / 1000)
    cells = cells_of(sent, "falls")
    few = cells[cells["site"].isin(SITES[:3])]
    (found,) = odd_in(few, read_measure("falls", REPOSITORY))
    assert (found.code, found.site) == ("more_events_than_exposure", SITES[1])
    assert int(found.values["periods"]) == int((sent.numerator[1] > sent.denominator[1]).sum())


def test_a_score_on_another_scale_is_found() -> None:
    """A mean has no chance to speak of: sums of scores, one site 0-10 among sites 0-100."""
    rng = np.random.default_rng(3)
    sent = clean(shares=True)
    sent.numerator = np.round(sent.denominator * rng.normal(70, 5, sent.denominator.shape), 1)
    sent.numerator[4] /= 10
    (found,) = odd_in(
        cells_of(sent, "safety_climate_score"), read_measure("safety_climate_score", REPOSITORY)
    )
    assert (found.code, found.site, found.values) == (
        "unlike_other_sites",
        SITES[4],
        {"times": 10, "way": "down"},
    )


def test_what_the_demo_file_has_wrong_is_what_was_put_in() -> None:
    quality = quality_of(REPOSITORY / "parameters" / "datakvalitet-tolv-sykehjem.yaml")
    truth = json.loads((REPOSITORY / "data" / "synthetic" / "truth.json").read_text())["quality"]["mistakes"]
    assert [list(pair)[::-1] for pair in found_in(quality)] == sorted(
        truth, key=lambda pair: str(tuple(pair[::-1]))
    )
    assert quality.state == "not_yet"


# --- what has come


def test_gaps_are_runs_with_a_reason(tmp_path: Path) -> None:
    sent = clean()
    sent.marks |= {(0, at): "not_reported" for at in (4, 5, 6)} | {(0, 7): "missing"}
    sent.absent |= {(0, 20)}
    sent.numerator[1, 3] = sent.denominator[1, 3] = 0
    sent.stops[2] = date(2026, 3, 15)
    quality = quality_of(write_project(tmp_path, sent))
    rows = {row.site: row for row in quality.coverage}
    first = rows[SITES[0]]
    assert [(gap.first, gap.last, gap.why) for gap in first.gaps] == [
        (4, 6, "not_reported"), (7, 7, "missing"), (20, 20, "not_in_file"),
    ]  # fmt: skip
    assert (first.expected, first.reported, first.longest) == (36, 31, 4)
    assert (rows[SITES[1]].expected, rows[SITES[1]].reported, rows[SITES[1]].gaps[0].why) == (
        35,
        35,
        "no_exposure",
    )
    stopped = rows[SITES[2]]
    assert (stopped.expected, stopped.reported, stopped.gaps[0].why) == (32, 32, "stopped")
    assert (quality.state, quality.findings) == ("usable", ())
    told = {(row["why"], row["cells"]) for row in quality.left_out.to_dict("records")}
    assert told == {
        ("not_reported", 3),
        ("missing", 1),
        ("not_in_file", 1),
        ("no_exposure", 1),
        ("stopped", 4),
    }
    periods = quality.periods.set_index("period")
    assert tuple(periods.loc[5, ["expected", "reported"]]) == (12, 11)
    assert tuple(periods.loc[35, ["expected", "reported"]]) == (11, 11)


def test_a_hidden_count_has_come_and_is_counted_apart(tmp_path: Path) -> None:
    file = write_project(tmp_path, clean())
    panel = tmp_path / "data" / "panel.csv"
    rows = panel.read_text().splitlines()
    cells = rows[1].split(",")
    cells[5], cells[7] = "", "suppressed"
    rows[1] = ",".join(cells)
    hidden = [rows[0] + ",at_least,at_most", rows[1] + ",1,4", *(f"{row},," for row in rows[2:])]
    panel.write_text("\n".join(hidden) + "\n")
    row = quality_of(file).coverage[0]
    assert (row.reported, row.hidden, row.gaps) == (36, 1, ())


def test_under_four_fifths_is_not_enough(tmp_path: Path) -> None:
    sent = clean()
    sent.marks |= {(place, at): "missing" for place in range(12) for at in range(10, 18)}
    quality = quality_of(write_project(tmp_path, sent))
    assert (quality.state, quality.findings) == ("not_yet", ())


def test_a_paused_period_is_not_asked_for(tmp_path: Path) -> None:
    file = write_project(tmp_path, clean())
    (tmp_path / "data" / "support.csv").write_text(
        f"site,support_end,pause_start,pause_end\n{SITES[0]},,2025-01-01,2025-03-31\n"
    )
    file.write_text(file.read_text() + "support: {file: data/support.csv}\n")
    row = quality_of(file).coverage[0]
    assert [(gap.why, gap.last - gap.first + 1) for gap in row.gaps] == [("paused", 3)]
    assert row.expected == row.reported == 33


def test_wards_told_apart_by_a_number_or_letter_are_no_twins(tmp_path: Path) -> None:
    sent = clean()
    sent.names[:6] = [
        "Avdeling 1 øst", "Avdeling 2 øst", "Kirurgisk avdeling A", "Kirurgisk avdeling B", "Våler (Østfold)", "Hole",
    ]  # fmt: skip
    assert quality_of(write_project(tmp_path, sent)).findings == ()
    assert len(set(NAMES)) == len(SITES)


def test_one_site_of_inhabitants_is_no_finding(tmp_path: Path) -> None:
    rows = [f"one,2021-{month:02},falls,{3 + month % 3},1900" for month in range(1, 13)]
    ends = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
    lines = ["site,period_start,period_end,measure,numerator,denominator"]
    for month, row in enumerate(rows, 1):
        site, start, *rest = row.split(",")
        lines.append(",".join([site, f"{start}-01", f"{start}-{ends[month]}", *rest]))
    study = (REPOSITORY / "parameters" / "datakvalitet-tolv-sykehjem.yaml").read_text()
    head = study.partition("data:")[0].replace("datakvalitet-tolv-sykehjem", "falls")
    text = head + "data: {file: data/panel.csv}\nrollout: {file: data/rollout.csv}\naudience: own-unit\n"
    rollout = "site,allocated_start,actual_start,transition_end,stop\none,,2021-05-01,,\n"
    file = make_project(tmp_path, study=text, panel="\n".join(lines) + "\n", rollout=rollout)
    (tmp_path / "notebooks" / "10_data_quality.ipynb").write_text('{"cells": []}')
    assert quality_of(file).findings == ()


def test_another_audience_is_refused(tmp_path: Path) -> None:
    file = write_project(tmp_path, clean())
    for audience in ("network", "public", "open"):
        file.write_text(file.read_text().replace("audience: own-unit", f"audience: {audience}"))
        with pytest.raises(StudyError, match="own-unit"):
            read_study(file)
        file.write_text(file.read_text().replace(f"audience: {audience}", "audience: own-unit"))


# --- small parts


def test_factors_and_sizes() -> None:
    assert [near_factor(ratio) for ratio in (11.5, 1 / 31, 950.0, 1 / 7.2, 3.0)] == [12, 30, 1000, 7, None]
    assert size_of(1 / 30.2) == {"times": 30, "way": "down"}
    assert size_of(2.64) == {"times": 2.6, "way": "up"}
    assert size_of(18.4) == {"times": 18, "way": "up"}


def test_runs() -> None:
    assert list(runs([True, True, False, True])) == [(0, 1), (3, 3)]
    assert list(runs([])) == []
    assert list(runs_of_equals(np.array([1.0, 1.0, 2.0]))) == [(0, 1), (2, 2)]
