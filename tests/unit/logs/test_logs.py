"""The coordinator's tables: what they become, and what a score may know of the future."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impl.data.panel import Panel, Period
from impl.files.calendar import add_months
from impl.logs.adaptation import SCORES, adaptation_scores, adaptation_table, coding_table, cohen_kappa
from impl.logs.cycles import phase_by_period
from impl.logs.strategy import intensity_by_period
from impl.study.load import read_study
from study_project import ADAPTATIONS_HEADER, STUDY, faults_of, make_project, panel_of

MEDICATION = STUDY.replace("bundle: falls", "bundle: medication")
PERIODS = tuple(
    Period(start=add_months(date(2021, 1, 1), i), end=add_months(date(2021, 1, 1), i + 1) - timedelta(days=1))
    for i in range(12)
)


def write(root: Path, study: str = STUDY, **tables: str) -> Path:
    """A project whose study names the given tables, key by key of the study file."""
    more = {"fidelity": ", component: all"}
    for key in tables:
        study += f"{key}: {{file: data/{key}.csv{more.get(key, '')}}}\n"
    file = make_project(root, study=study)
    for key, text in tables.items():
        (root / "data" / f"{key}.csv").write_text(text, encoding="utf-8")
    return file


def read(root: Path, study: str = STUDY, **tables: str) -> Panel:
    return panel_of(write(root, study, **tables))


def some(table: pd.DataFrame | None) -> pd.DataFrame:
    assert table is not None
    return table


# --- the adaptation log --------------------------------------------------------------------------------------

FULL_HEADER = (
    "modification,site,start,end,target,when,planned,systematic,decided_by,what,nature,component,component_role,"
    "consistent,level,goal,reason_level,coder,second_coder,note"
)


def test_every_field_of_frame_is_read_and_free_text_stays_behind(tmp_path: Path) -> None:
    log = (
        FULL_HEADER + "\n"
        "m1,north,2021-06-01,,intervention,implementation,planned_reactive,yes,team;program_manager,content,"
        "adding;shortening,training,periphery,yes,unit,feasibility;fit,organisation,a,b,fordi det var travelt\n"
        "m2,south,2021-03-01,2021-12-31,strategy,pre,proactive,,,contextual;format,personnel,kick-off,,unknown,,,,,,\n"
    )
    table = some(read(tmp_path, adaptations=log).adaptations)
    first, second = (row for _, row in table.sort_values("site").iterrows())

    assert first["nature"] == "adding;shortening"
    assert first["decided_by"] == "team;program_manager"
    assert (first["planned"], first["reactive"]) == ("yes", "yes")
    assert (first["component_role"], first["systematic"], first["goal"]) == (
        "periphery",
        "yes",
        "feasibility;fit",
    )
    assert (second["target"], second["when"], second["what"]) == ("strategy", "pre", "contextual;format")
    assert (second["planned"], second["reactive"], second["systematic"]) == ("yes", "no", "unknown")
    assert (second["component_role"], second["goal"]) == ("unknown", "")
    assert not {"note", "coder", "second_coder"} & set(table.columns)
    assert "travelt" not in table.to_csv()


NORWEGIAN = (
    "\ufeffSted;Dato;Sluttdato;Del av pakken;Hva slags endring av innholdet er det?;Forhold til kjernen i tiltaket;"
    "Var tilpasningen planlagt?;Når skjedde endringen?;Hvem var med på beslutningen?;Rolle;Merknad\r\n"
    'north;1.6.2021;31.08.2021;training;"Noe lagt til; Kortet ned";'
    "I tråd med tiltaket: Kjernen er bevart;Ikke planlagt;Under innføringen;Forsker;Kjerne;fritt\r\n"
    ";;;;;;;;;;\r\n"
)
ENGLISH = (
    "Site,Date,End date,Component,What is the nature of the content modification?,"
    "Relationship to fidelity/core elements,Were adaptations planned?,When did the modification occur?,"
    "Who participated in the decision to modify?,Core or periphery,Comments\n"
    "north,2021-06-01,2021-08-31,training,Adding elements; Shortening/condensing,"
    "Fidelity-consistent/core elements or functions preserved,Unplanned/reactive,Implementation,Researcher,Core,x\n"
)


@pytest.mark.parametrize("text", [NORWEGIAN, ENGLISH], ids=["nb", "en"])
def test_a_tracking_sheet_with_the_headings_of_frame_is_the_same_log(tmp_path: Path, text: str) -> None:
    plain = (
        ADAPTATIONS_HEADER + ",when,decided_by,component_role\n"
        "north,2021-06-01,2021-08-31,training,adding;shortening,yes,unplanned_reactive,implementation,researcher,core\n"
    )
    sheet = some(read(tmp_path / "sheet", adaptations=text).adaptations)

    pd.testing.assert_frame_equal(sheet, some(read(tmp_path / "plain", adaptations=plain).adaptations))


def test_a_fault_in_a_sheet_names_the_heading_as_it_is_written(tmp_path: Path) -> None:
    file = write(tmp_path, adaptations=NORWEGIAN.replace("31.08.2021", "31.02.2021"))

    assert faults_of(file) == [("data.date", "adaptations.csv, row 2, column 'Sluttdato'")]


def test_another_heading_gives_way_to_the_column_itself(tmp_path: Path) -> None:
    log = "municipality," + ADAPTATIONS_HEADER + "\nNordvik,north,2021-06-01,,training,adding,yes,yes\n"

    assert list(some(read(tmp_path, adaptations=log).adaptations)["site"]) == ["north"]


def test_components_are_those_of_the_bundle_by_id_or_name(tmp_path: Path) -> None:
    log = (
        ADAPTATIONS_HEADER + "\nnorth,2021-06-01,,documentation,adding,yes,yes\n"
        "north,2021-07-01,,Medication reconciliation,adding,yes,yes\n"
    )
    table = some(read(tmp_path, MEDICATION, adaptations=log).adaptations)

    assert list(table["component"]) == ["documentation", "reconciliation"]


def test_the_bundle_knows_its_core(tmp_path: Path) -> None:
    study = STUDY.replace("bundle: falls", "bundle: central_line")
    log = (
        ADAPTATIONS_HEADER + "\nnorth,2021-06-01,,daily_review,removing,yes,yes\n"
        "north,2021-06-01,,hand_hygiene,removing,yes,yes\n"  # the bundle does not list every component
    )
    panel = read(tmp_path, study, adaptations=log)
    scores = adaptation_scores(some(panel.adaptations), panel.sites, panel.periods)
    last = scores.set_index(["site", "period"]).loc[("north", 11)]

    assert list(some(panel.adaptations)["component_role"]) == ["core", "unknown"]
    assert last.to_dict() == {
        **dict.fromkeys(SCORES, 0),
        "consistent_planned": 1,
        "inconsistent": 1,
        "core_removed": 1,
    }


def test_a_site_without_a_known_start_is_not_judged_by_it(tmp_path: Path) -> None:
    rollout = "site,actual_start\nnorth,before-data\nsouth,2021-09-01\n"
    file = make_project(
        tmp_path,
        rollout=rollout,
        adaptations=ADAPTATIONS_HEADER + "\nnorth,2021-02-01,,training,adding,yes,yes\n",
    )

    assert faults_of(file) == []


def test_a_programme_says_what_each_site_picked(tmp_path: Path) -> None:
    study = STUDY.replace("bundle: falls", "bundle: leve_hele_livet")
    rollout = "site,actual_start,components\nnorth,2021-05-01,food; Care for carers;food\nsouth,2021-09-01,\n"
    panel = panel_of(make_project(tmp_path, study=study, rollout=rollout))

    assert list(panel.rollout["components"]) == ["food;carers", ""]


# --- scores --------------------------------------------------------------------------------------------------


def modification(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "site": "a", "start": date(2021, 3, 15), "end": None, "component": "x", "nature": "adding",
        "consistent": "yes", "planned": "yes", "reactive": "no", "target": "intervention", "when": "",
        "systematic": "unknown", "decided_by": "", "what": "", "component_role": "unknown", "goal": "",
        "reason_level": "", "level": "", "modification": "", "coder": "",
    }  # fmt: skip
    return row | changes


def scores_of(*rows: dict[str, Any]) -> pd.DataFrame:
    scores = adaptation_scores(adaptation_table(rows, PERIODS), ("a", "b"), PERIODS)
    return scores.set_index(["site", "period"])


def test_a_modification_counts_from_the_period_after_its_date_until_its_last_day() -> None:
    scores = scores_of(modification(end=date(2021, 6, 1)), modification(site="b", start=date(2021, 5, 1)))

    assert list(scores.loc["a", "consistent_planned"]) == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert list(scores.loc["b", "consistent_planned"]) == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]


KINDS = [
    ({}, "consistent_planned"),
    ({"reactive": "yes"}, "consistent_reactive"),
    ({"reactive": "unknown", "planned": "unknown"}, "unknown"),
    ({"consistent": "no"}, "inconsistent"),
    ({"consistent": "no", "reactive": "unknown"}, "inconsistent"),
    ({"consistent": "unknown"}, "unknown"),
    ({"target": "strategy", "consistent": "no"}, "strategy"),
    ({"nature": "adding;removing", "component_role": "core"}, "inconsistent"),
    ({"nature": "removing", "component_role": "periphery"}, "consistent_planned"),
    ({"nature": "removing", "component_role": "core", "target": "strategy"}, "strategy"),
]


@pytest.mark.parametrize(("changes", "score"), KINDS)
def test_each_modification_counts_once(changes: dict[str, str], score: str) -> None:
    last = scores_of(modification(**changes)).loc[("a", 11)]
    core = score == "inconsistent" and "removing" in changes.get("nature", "")

    assert last.to_dict() == {
        name: int(name == score or (name == "core_removed" and core)) for name in SCORES
    }


_ROWS = st.builds(
    modification,
    site=st.sampled_from(["a", "b"]),
    start=st.dates(date(2020, 11, 1), date(2022, 2, 1)),
    consistent=st.sampled_from(["yes", "no", "unknown"]),
    reactive=st.sampled_from(["yes", "no", "unknown"]),
    target=st.sampled_from(["intervention", "strategy"]),
    nature=st.sampled_from(["adding", "removing", "adding;removing"]),
    component_role=st.sampled_from(["core", "unknown"]),
)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(_ROWS, max_size=6), others=st.lists(_ROWS, max_size=4), period=st.integers(0, 11))
def test_no_score_knows_what_is_dated_after_the_beginning_of_its_period(
    rows: list[dict[str, Any]], others: list[dict[str, Any]], period: int
) -> None:
    begins = PERIODS[period].start
    later = [row for row in others if row["start"] > begins]
    changed = [row if row["start"] <= begins else modification(start=row["start"]) for row in rows]

    def until(log: list[dict[str, Any]]) -> pd.DataFrame:
        scores = scores_of(*log)
        return scores[scores.index.get_level_values("period") <= period]

    pd.testing.assert_frame_equal(until(rows), until(rows + later))
    pd.testing.assert_frame_equal(until(rows), until(changed))
    known = until(rows)
    assert (known["core_removed"] <= known["inconsistent"]).all()
    in_force = sum(row["start"] <= begins for row in rows)
    exclusive = [name for name in SCORES if name != "core_removed"]
    assert known.xs(period, level="period")[exclusive].to_numpy().sum() == in_force


# --- two coders ----------------------------------------------------------------------------------------------


def test_kappa_is_that_of_the_table_worked_by_hand() -> None:
    """20, 5, 10 and 15 of 50: observed 0.70, by chance 0.5 x 0.6 + 0.5 x 0.4 = 0.50, kappa 0.40."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    codings = pd.DataFrame(pairs, columns=["consistent", "second_consistent"])
    found = cohen_kappa(codings, "consistent")

    assert (found.rows, found.observed, found.expected) == (50, pytest.approx(0.70), pytest.approx(0.50))
    assert found.kappa == pytest.approx(0.40)


def test_kappa_of_nothing_and_of_one_word_is_not_a_number() -> None:
    codings = coding_table([])
    same = pd.DataFrame({"nature": ["adding"] * 3, "second_nature": ["adding"] * 3})

    assert math.isnan(cohen_kappa(codings, "nature").kappa)
    assert math.isnan(cohen_kappa(same, "nature").kappa)
    assert cohen_kappa(same, "nature").observed == 1


def test_a_modification_coded_twice_is_one_modification(tmp_path: Path) -> None:
    log = (
        "modification,site,start,component,nature,consistent,coder\n"
        "m1,north,2021-06-01,training,adding;removing,yes,a\n"
        "m2,north,2021-07-01,training,adding,no,a\n"
        "m1,north,2021-06-01,training,removing;adding,no,b\n"
        ",north,2021-07-01,training,drift,no,\n"
    )
    panel = read(tmp_path, adaptations=log)
    codings = some(panel.codings)

    assert list(some(panel.adaptations)["modification"]) == ["m1", "m2", ""]
    assert list(codings["modification"]) == ["m1"]
    assert cohen_kappa(codings, "nature").observed == 1
    assert cohen_kappa(codings, "consistent").observed == 0


# --- the other logs ------------------------------------------------------------------------------------------


def test_strategies_meet_barriers_and_add_up_to_an_ordered_exposure(tmp_path: Path) -> None:
    log = (
        "site,start,end,strategy,barrier,why_no_barrier,intensity\n"
        "north,2021-02-10,2021-06-30,Distribute educational materials,access_to_knowledge_and_information,,spredning\n"
        "north,2021-04-01,2021-05-31,learning_collaborative,Available Resources; relative_priority,,implementation\n"
        "south,2021-05-01,,facilitation,,avtalt på forhånd,formidling\n"
    )
    panel = read(tmp_path, strategies=log)
    table = some(panel.strategies)
    exposure = intensity_by_period(table, panel.sites, panel.periods).set_index("site")["intensity"]

    assert list(table["strategy"]) == ["distribute_materials", "learning_collaborative", "facilitation"]
    assert list(table["barrier"]) == [
        "access_to_knowledge_and_information", "available_resources;relative_priority", ""
    ]  # fmt: skip
    assert list(table["intensity"]) == ["diffusion", "implementation", "dissemination"]
    assert list(exposure["north"]) == [0, 0, 1, 3, 3, 1, 0, 0, 0, 0, 0, 0]
    assert list(exposure["south"]) == [0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2]
    assert "avtalt" not in table.to_csv()


def test_cycles_are_dated_and_predictions_stay_in_the_file(tmp_path: Path) -> None:
    log = (
        "site,cycle,date,prediction,decision\n"
        "south,2,2021-12-15,,adapt\nnorth,1,2021-05-20,flere blir spurt,Ta i bruk\nsouth,1,2022-03-01,x,\n"
    )
    table = some(read(tmp_path, cycles=log).cycles)

    assert list(table["decision"]) == ["adopt", "adapt", ""]
    assert list(table["predicted"]) == [True, False, True]
    assert list(table["period"].fillna(-1)) == [4, 11, -1]
    assert "spurt" not in table.to_csv()


def test_phases_may_go_back(tmp_path: Path) -> None:
    log = "site,start,phase\nnorth,2021-01-01,Forberede\nnorth,2021-03-01,do\nnorth,2021-08-15,Planlegge\n"
    panel = read(tmp_path, phases=log)
    phases = phase_by_period(some(panel.phases), panel.sites, panel.periods).set_index("site")["phase"]

    assert list(phases["north"]) == ["prepare"] * 2 + ["do"] * 6 + ["plan"] * 4
    assert list(phases["south"]) == [""] * 12


def test_the_fit_form_keeps_the_order_of_the_questions(tmp_path: Path) -> None:
    log = "Sted;Spørsmål;Svar\nnorth;values;4\nnorth;Er tiltaket et godt svar på utfordringene i vår kommune?;5\n"
    table = some(read(tmp_path, fit_form=log).fit_form)

    assert table.to_numpy().tolist() == [["north", "need", 5], ["north", "values", 4]]


def test_support_ends_and_pauses_have_positions(tmp_path: Path) -> None:
    log = (
        "site,support_end,pause_start,pause_end\n"
        "north,2021-08-31,2021-10-05,2021-10-20\nnorth,,2021-06-01,2021-06-30\nsouth,,2021-11-01,\n"
        "south,2021-12-31,,\n"
    )
    table = some(read(tmp_path, support=log).support)

    assert list(table["site"]) == ["north", "north", "south", "south"]
    assert table[["support_end_period", "pause_from", "pause_until"]].fillna(-1).to_numpy().tolist() == [
        [-1, 5, 6], [8, 9, 10], [12, -1, -1], [-1, 10, -1]
    ]  # fmt: skip


def test_paused_periods_leave_the_data(tmp_path: Path) -> None:
    """A pause in June, and one from November that lasts: three site-periods, no gap, and the restart counts again."""
    log = "site,support_end,pause_start,pause_end\nnorth,,2021-06-01,2021-06-30\nsouth,,2021-11-01,\n"
    panel = read(tmp_path, support=log)

    seen = {site: list(cells["observed"]) for site, cells in panel.cells.groupby("site")}
    assert seen["north"] == [True] * 5 + [False] + [True] * 6
    assert seen["south"] == [True] * 10 + [False] * 2
    assert panel.cells.loc[~panel.cells["observed"], "numerator"].isna().all()
    told = {warning.code: warning.values for warning in panel.warnings}
    assert told["paused_periods_left_out"] == {"count": 3}
    assert "gaps" not in told


def test_audits_keep_the_missing_missing(tmp_path: Path) -> None:
    log = (
        "site,period_start,component,delivered,eligible,status\n"
        "north,2021-01-01,all,3,20,\n"  # baseline practice, before the start
        "north,2021-06-01,all,16,20,observed\n"
        "north,2021-06-01,reconciliation,18,20,\n"
        "north,2021-07-01,all,0,0,\n"
        "south,2021-10-01,all,,,not_reported\n"
        "south,2021-11-01,all,0,12,\n"
    )
    table = some(read(tmp_path, MEDICATION, fidelity=log).fidelity)

    assert table["reported"].tolist() == [True, True, True, False, False, True]
    assert table[["site", "period", "component"]].to_numpy().tolist()[:3] == [
        ["north", 0, "all"], ["north", 5, "all"], ["north", 5, "reconciliation"]
    ]  # fmt: skip
    assert table.loc[~table["reported"], ["delivered", "eligible"]].isna().all(axis=None)
    assert table.iloc[-1][["delivered", "eligible"]].tolist() == [0, 12]


def test_tables_that_a_study_does_not_name_are_not_there(tmp_path: Path) -> None:
    panel = read(tmp_path)

    for name in (
        "adaptations",
        "codings",
        "fidelity",
        "strategies",
        "cycles",
        "phases",
        "fit_form",
        "support",
    ):
        assert getattr(panel, name) is None


def test_empty_logs_are_logs(tmp_path: Path) -> None:
    panel = read(
        tmp_path,
        adaptations=ADAPTATIONS_HEADER + "\n",
        fidelity="site,period_start,component,delivered,eligible\n",
        strategies="site,start,strategy,intensity\n",
        cycles="site,cycle,date,decision\n",
        phases="site,start,phase\n",
        fit_form="site,question,answer\n",
        support="site,support_end\n",
    )

    for name in (
        "adaptations",
        "codings",
        "fidelity",
        "strategies",
        "cycles",
        "phases",
        "fit_form",
        "support",
    ):
        assert len(some(getattr(panel, name))) == 0, name
    assert (adaptation_scores(some(panel.adaptations), panel.sites, PERIODS)[list(SCORES)] == 0).all(
        axis=None
    )
    assert (intensity_by_period(some(panel.strategies), panel.sites, PERIODS)["intensity"] == 0).all()
    assert (phase_by_period(some(panel.phases), panel.sites, PERIODS)["phase"] == "").all()


# --- the study file ------------------------------------------------------------------------------------------


def test_the_fields_of_a_study_that_keeps_logs(tmp_path: Path) -> None:
    study = STUDY + (
        "adaptations: {file: a.csv, contrasts: [consistent], moderators: [inconsistent], randomised: true}\n"
        "fidelity: {file: f.csv, component: training, curve: steps}\n"
        "costs: {per_site: 100000, per_month: 2000, adaptation: 5000}\n"
        "delivery: {delivered: 0.7, not_delivered: 0.4}\n"
    )
    found = read_study(make_project(tmp_path, study=study))

    assert found.adaptations is not None
    assert (found.adaptations.moderators, found.adaptations.randomised) == (("inconsistent",), True)
    assert found.fidelity is not None
    assert (found.fidelity.component, found.fidelity.curve) == ("training", "steps")
    assert found.costs is not None
    assert (found.costs.adaptation, found.costs.currency) == (5000, "NOK")
    assert (found.delivery.delivered, found.delivery.not_delivered) == (0.7, 0.4)
    assert found.files == ("a.csv", "data/panel.csv", "data/rollout.csv", "f.csv")


def test_a_study_that_names_none_of_this_is_written_as_before(tmp_path: Path) -> None:
    """The plan's hash is of what is written: later fields at their default are left out of it."""
    study = STUDY + "adaptations: {file: a.csv}\n"
    written = read_study(make_project(tmp_path, study=study)).model_dump(mode="json", by_alias=True)
    later = {"strategies", "cycles", "phases", "fit_form", "support", "costs", "delivery"}

    assert not later & set(written)
    assert written["adaptations"] == {"file": "a.csv", "contrasts": []}
