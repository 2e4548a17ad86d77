"""Event and person files: counted while they are read, persons stopped at the door, nothing kept."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impl.data.panel import Panel
from impl.files.engine import EngineError, open_engine
from impl.files.events import count_records
from sheet_project import DAYS, EVENTS, LONG, long, parquet_bytes, sheet_project, workbook, xlsx
from study_project import STUDY, error_of, faults_of, panel_of

IDENTITY_NUMBER = "01010750160"  # built to have valid check digits; no person's
COUNT: dict[str, Any] = {EVENTS: {"where": {"Type": ["Fall"]}}}
ALL_YEAR: dict[str, Any] = {"complete_from": "2021-01-01", "complete_to": "2021-12-31"}
SAID = {"site": "Enhet", "period": "Dato", "step": "month"}
FIRST = date(2021, 1, 1)


def event_rows(count: int = 400) -> pd.DataFrame:
    """Events of two sites over a year, a third of them no falls; south has none in July."""
    chance = random.Random(7)
    rows = []
    while len(rows) < count:
        site, day = chance.choice(("north", "south")), FIRST + timedelta(days=chance.randrange(365))
        if site == "south" and day.month == 7:
            continue
        kind = chance.choice(("Fall", "Fall ", "Legemiddel"))
        severity = chance.choice(("Ingen", "Moderat", "Alvorlig"))
        rows.append([site, day, kind, severity, "Beboer funnet på gulvet; ingen vitner."])
    return pd.DataFrame(rows, columns=["Enhet", "Dato", "Type", "Alvorlighet", "Beskrivelse"])


def days_table() -> tuple[bytes, str, dict[str, Any]]:
    rows = [[row[0], row[2], row[4]] for row in long()]
    return xlsx(rows)[0], "xlsx", {key: value for key, value in LONG.items() if key != "name"}


def events_project(
    root: Path, data: bytes, ending: str, *, count: Any = None, more: Sequence[Any] = (), study: str = STUDY,
    measures: Any = None, complete: Any = None, **said: Any,
) -> Path:  # fmt: skip
    events = {"count": count or COUNT, **(complete or ALL_YEAR)}
    tables = [(data, ending, {**SAID, **said, "events": events}), days_table(), *more]
    mapping = measures or {"falls": {"numerator": EVENTS, "denominator": DAYS}}
    return sheet_project(root, tables, measures=mapping, study=study)


def as_csv(frame: pd.DataFrame, *, norwegian: bool) -> bytes:
    frame = frame.copy()
    if norwegian:
        frame["Dato"] = [f"{day.day:02}.{day.month:02}.{day.year} 13:45" for day in frame["Dato"]]
        return frame.to_csv(index=False, sep=";").encode("cp1252")
    return frame.to_csv(index=False).encode()


def norwegian(frame: pd.DataFrame) -> bytes:
    return as_csv(frame, norwegian=True)


NORWEGIAN = {"delimiter": "semicolon", "encoding": "windows-1252", "days": "dd.mm.yyyy"}
Form = Callable[[pd.DataFrame], tuple[bytes, str, dict[str, Any]]]
FORMATS: dict[str, Form] = {
    "CSV": lambda frame: (as_csv(frame, norwegian=False), "csv", {}),
    "Norwegian CSV": lambda frame: (norwegian(frame), "csv", NORWEGIAN),
    "CSV with sep= and titles": lambda frame: (
        b"sep=;\r\nAvvik 2021\r\n" + norwegian(frame).replace(b"\n", b"\r\n"), "csv", {**NORWEGIAN, "heading_rows": [2]},
    ),
    "CSV with empty lines and long text": lambda frame: (
        norwegian(frame).replace(b"gulvet; ", b"gulvet\n\n").replace(b"\nsouth", b"\n\nsouth"), "csv", NORWEGIAN,
    ),
    "UTF-16": lambda frame: (
        frame.to_csv(index=False, sep="\t").encode("utf-16"), "tsv", {"delimiter": "tab", "encoding": "utf-16"},
    ),
    "Parquet": lambda frame: (parquet_bytes(frame), "parquet", {}),
    "Parquet with times": lambda frame: (
        parquet_bytes(frame.assign(Dato=[datetime(day.year, day.month, day.day, 13, 45) for day in frame["Dato"]])),
        "parquet", {},
    ),
    "XLSX": lambda frame: (
        workbook({"Ark1": [list(frame.columns), *frame.astype(object).to_numpy().tolist()]}), "xlsx", {},
    ),
}  # fmt: skip


def expected(frame: pd.DataFrame) -> list[float]:
    falls = frame[frame["Type"].str.strip() == "Fall"]
    return [
        float(((falls["Enhet"] == site) & (pd.to_datetime(falls["Dato"]).dt.month == month)).sum())
        for site in ("north", "south")
        for month in range(1, 13)
    ]


def numerators(panel: Panel, measure: str = "falls") -> list[float]:
    return panel.cells[panel.cells["measure"] == measure]["numerator"].tolist()


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_same_counts_and_zero_where_nothing_happened(
    tmp_path: Path, form: str
) -> None:
    frame = event_rows()
    data, ending, said = FORMATS[form](frame)
    panel = panel_of(events_project(tmp_path, data, ending, **said))

    assert numerators(panel) == expected(frame)
    assert numerators(panel)[12 + 6] == 0  # south, July: complete, and no row
    assert panel.cells["observed"].all()


def test_class_and_severity_choose_rows(tmp_path: Path) -> None:
    frame = event_rows()
    study = STUDY.replace("{primary: falls}", "{primary: falls, paired: [falls_serious_injury]}")
    count = {**COUNT, "Alvorlige": {"where": {"Type": ["fall"], "Alvorlighet": ["moderat", "alvorlig"]}}}
    measures = {
        "falls": {"numerator": EVENTS, "denominator": DAYS},
        "falls_serious_injury": {"numerator": "Alvorlige", "denominator": DAYS},
    }
    file = events_project(
        tmp_path, parquet_bytes(frame), "parquet", count=count, measures=measures, study=study
    )
    panel = panel_of(file)
    serious = frame[(frame["Type"].str.strip() == "Fall") & (frame["Alvorlighet"] != "Ingen")]

    assert sum(numerators(panel, "falls_serious_injury")) == len(serious)


def test_stays_give_days_and_persons_give_three_states(tmp_path: Path) -> None:
    frame = event_rows().assign(
        Døgn="3,5", Svar=lambda each: ["Ja", "Nei", "Ikke rapportert", "ja"] * (len(each) // 4)
    )
    count = {
        "Yes": {"where": {"Svar": ["Ja"]}},
        "No": {"where": {"Svar": ["Nei"]}},
        "Unknown": {"where": {"Svar": ["Ikke rapportert"]}},
        EVENTS: {"where": {"Type": ["Fall"]}},
        "Stays": {"sum": "Døgn"},
    }
    study = STUDY.replace("{primary: falls}", "{primary: falls, paired: [medication_review]}")
    measures = {
        "falls": {"numerator": EVENTS, "denominator": "Stays"},
        "medication_review": {"yes": "Yes", "no": "No", "not_reported": "Unknown"},
    }
    data = frame.to_csv(index=False, sep=";").encode()
    file = events_project(
        tmp_path,
        data,
        "csv",
        count=count,
        measures=measures,
        study=study,
        delimiter="semicolon",
        decimal="comma",
    )
    panel = panel_of(file)
    falls, review = (panel.cells[panel.cells["measure"] == name] for name in ("falls", "medication_review"))

    # 0 of 0 days is left out, and said to be
    assert falls["denominator"].sum() == 3.5 * len(frame)
    assert (review["numerator"].sum(), review["denominator"].sum()) == (200, 300)
    assert {each.code: each.values for each in panel.warnings}["not_reported"] == {
        "count": 100,
        "share": 0.25,
    }


@pytest.mark.parametrize(
    ("step", "ends"),
    [("week", ("2021-01-04", "2021-12-26")), ("tertial", ("2021-01-01", "2021-12-31")), ("quarter", ("2021-01-01", "2021-12-31"))],
)  # fmt: skip
def test_other_steps(tmp_path: Path, step: str, ends: tuple[str, str]) -> None:
    frame = event_rows()
    frame = frame[(frame["Dato"].astype(str) >= ends[0]) & (frame["Dato"].astype(str) <= ends[1])]
    events = {"count": {**COUNT, DAYS: {}}, "complete_from": ends[0], "complete_to": ends[1]}
    rollout = "site,actual_start\nnorth,2021-06-01\nsouth,never\n"
    tables = [(parquet_bytes(frame), "parquet", {**SAID, "step": step, "events": events})]
    panel = panel_of(sheet_project(tmp_path, tables, rollout=rollout))

    assert panel.cells["numerator"].sum() == (frame["Type"].str.strip() == "Fall").sum()
    assert (panel.periods[0].start, panel.periods[-1].end) == tuple(map(date.fromisoformat, ends))


# --- persons -------------------------------------------------------------------------------------------------


def invented_names(count: int) -> list[str]:
    return [("Kari Testesen", "Ola Prøvestad", "Ingrid Eksempel")[at % 3] for at in range(count)]


PERSONS: dict[str, Callable[[int], tuple[str, list[Any]]]] = {
    "identity number by value": lambda count: ("Løpenr", [IDENTITY_NUMBER, *["x"] * (count - 1)]),
    "identity number that lost its zero": lambda count: ("Løpenr", [int(IDENTITY_NUMBER)] * count),
    "identity number inside text": lambda count: ("Merknad", [f"gjelder {IDENTITY_NUMBER[:6]} {IDENTITY_NUMBER[6:]}"] * count),
    "identity number by heading": lambda count: ("Fødselsnummer", ["•"] * count),
    "name by heading": lambda count: ("Pasientnavn", ["•"] * count),
    "name by value": lambda count: ("Kontakt", invented_names(count)),
    "birth date by heading": lambda count: ("Født", ["•"] * count),
    "birth date by value": lambda count: ("Dato 2", [f"{1930 + at % 40}-05-17" for at in range(count)]),
    "Norwegian birth date by value": lambda count: ("Dato 2", [f"17.05.{1930 + at % 40}" for at in range(count)]),
}  # fmt: skip


@pytest.mark.parametrize("form", ["CSV", "Parquet", "XLSX"])
@pytest.mark.parametrize("kind", PERSONS)
def test_a_column_of_persons_stops_the_import_and_shows_no_value(
    tmp_path: Path, form: str, kind: str
) -> None:
    frame = event_rows()
    heading, values = PERSONS[kind](len(frame))
    data, ending, said = FORMATS[form](frame.assign(**{heading: values}))
    file = events_project(tmp_path, data, ending, **said)
    error = error_of(file)

    assert {code for code, _ in faults_of(file)} <= {"data.personal", "data.identity_number"}
    assert heading in error or "column 6" in error
    for text in (IDENTITY_NUMBER, IDENTITY_NUMBER[6:], "Testesen", "1930", "17.05"):
        assert text not in error


def test_a_site_that_is_a_person_stops_the_import(tmp_path: Path) -> None:
    frame = event_rows(30_000)  # beyond the rows that are looked at first
    frame.loc[29_000, "Enhet"] = IDENTITY_NUMBER
    file = events_project(tmp_path, parquet_bytes(frame), "parquet")

    assert [code for code, _ in faults_of(file)] == ["data.identity_number"]
    assert IDENTITY_NUMBER not in error_of(file)


def test_free_text_that_names_somebody_is_dropped_not_read(tmp_path: Path) -> None:
    frame = event_rows().assign(
        Notat=lambda each: ["Kari Testesen ringte, og familien kom samme kveld som avtalt."] * len(each)
    )
    panel = panel_of(events_project(tmp_path, parquet_bytes(frame), "parquet"))

    assert numerators(panel) == expected(frame)
    held = [str(value) for value in vars(panel).values()]
    assert not any("Testesen" in text or "gulvet" in text for text in held)


def test_recent_days_of_another_column_are_no_birth_dates(tmp_path: Path) -> None:
    frame = event_rows().assign(Meldt=lambda each: [str(day + timedelta(days=2)) for day in each["Dato"]])

    assert numerators(panel_of(events_project(tmp_path, parquet_bytes(frame), "parquet"))) == expected(frame)


# --- rows that cannot be counted -----------------------------------------------------------------------------


def spoilt(column: str, value: Any, at: int = 17) -> pd.DataFrame:
    frame = event_rows()
    frame[column] = frame[column].astype(object)
    frame.loc[at, column] = value
    return frame


BAD = [
    ("Enhet", "", "data.events", "row 19"),
    ("Dato", "2021-02-30", "data.events", "row 19"),
    ("Dato", "02/01/2021", "data.events", "row 19"),
    ("Dato", "", "data.events", "row 19"),
    ("Dato", "2020-12-31", "data.events", "row 19"),
    ("Dato", "2022-01-01", "data.events", "row 19"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "value", "code", "words"), BAD, ids=[f"{row[0]} {row[1]}" for row in BAD])
def test_one_row_that_cannot_be_counted(
    tmp_path: Path, column: str, value: str, code: str, words: str
) -> None:
    data = spoilt(column, value).to_csv(index=False).encode()
    file = events_project(tmp_path, data, "csv")

    assert [found for found, _ in faults_of(file)] == [code], error_of(file)
    assert words in error_of(file)
    assert "a row without one of these" in error_of(file)


def test_a_sum_with_a_cell_that_is_no_number_is_not_made_smaller(tmp_path: Path) -> None:
    frame = event_rows().assign(Døgn="3,5")
    frame.loc[5, "Døgn"] = "1.234,5"
    data = frame.to_csv(index=False, sep=";").encode()
    count = {**COUNT, "Stays": {"sum": "Døgn"}}
    file = events_project(tmp_path, data, "csv", count=count, delimiter="semicolon", decimal="comma")

    assert faults_of(file) == [("data.events", "raw0.csv, row 7")]


def test_lines_that_end_in_two_ways_are_refused_not_lost(tmp_path: Path) -> None:
    data = as_csv(event_rows(), norwegian=False)
    for mixed in (data.replace(b"\n", b"\r\n", 40), data[:-900] + data[-900:].replace(b"\n", b"\r\n")):
        assert [code for code, _ in faults_of(events_project(tmp_path, mixed, "csv"))] == ["data.events_file"]


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "", "x\ny", 'say "no"', "\n\n", "æ"]), min_size=2, max_size=2),
        max_size=30,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(0, 3),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_counted_as_the_csv_module_does(
    tmp_path: Path, rows: list[list[str]], line_end: str, empty: int
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator=line_end).writerows([["one", "two"], *rows])
    file = tmp_path / "rows.csv"
    for encoding, codec in (("utf-8", "utf-8"), ("utf-16", "utf-16")):
        file.write_bytes((text.getvalue() + line_end * empty).encode(codec))
        assert count_records(file, encoding) == 1 + len(rows)


STRUCTURE: list[tuple[str, Callable[[str], bytes], dict[str, Any], str, str]] = [
    ("cut row", lambda text: text.replace("north,", "north", 1).encode(), {}, "data.events_file", "row"),
    ("too many fields", lambda text: text.replace("north,", "north,,", 1).encode(), {}, "data.events_file", "row"),
    ("open quote", lambda text: text.replace("north", '"north', 1).encode(), {}, "data.events_file", "row"),
    ("other delimiter", lambda text: text.encode(), {"delimiter": "semicolon"}, "data.delimiter", "one column"),
    ("no column", lambda text: text.encode(), {"site": "Sted"}, "data.missing_column", "'Sted'"),
    ("no class", lambda text: text.replace("Type", "Typen", 1).encode(), {}, "data.missing_column", "'Typen'"),
    ("heading twice", lambda text: text.replace("Type", "Enhet", 1).encode(), {}, "data.repeated_column", "twice"),
    ("cp1252", lambda text: text.replace("Type", "Typeø", 1).encode("cp1252"), {}, "data.encoding", "windows-1252"),
    ("empty", lambda _: b"", {}, "data.empty_file", "an empty file"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said", "code", "words"), [row[1:] for row in STRUCTURE], ids=[row[0] for row in STRUCTURE]
)
def test_one_fault_of_an_event_file(
    tmp_path: Path, change: Any, said: dict[str, Any], code: str, words: str
) -> None:
    text = event_rows().drop(columns="Beskrivelse").to_csv(index=False)
    file = events_project(tmp_path, change(text), "csv", **said)

    assert [found for found, _ in faults_of(file)] == [code], error_of(file)
    assert words in error_of(file)


def test_a_period_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    frame = event_rows()
    frame = frame[frame["Dato"] < date(2021, 12, 20)]
    complete = {"complete_from": "2021-01-01", "complete_to": "2021-12-20"}
    file = events_project(tmp_path, parquet_bytes(frame), "parquet", complete=complete)

    assert faults_of(file) == [("data.complete", "raw0.parquet")]


def test_a_missing_event_file_and_a_damaged_one(tmp_path: Path) -> None:
    file = events_project(tmp_path, parquet_bytes(event_rows())[:-20], "parquet")
    assert faults_of(file) == [("data.events_file", "raw0.parquet")]

    (tmp_path / "data" / "raw0.parquet").unlink()
    assert faults_of(file) == [("data.file", "raw0.parquet")]


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from impl.files import events

    file = events_project(tmp_path, parquet_bytes(event_rows()), "parquet")
    count = events._count

    def count_and_write(*arguments: Any) -> Any:
        found = count(*arguments)
        (tmp_path / "data" / "raw0.parquet").write_bytes(parquet_bytes(event_rows(300)))
        return found

    monkeypatch.setattr(events, "_count", count_and_write)
    assert faults_of(file) == [("data.file_changed", "raw0.parquet")]


# --- the engine ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM 'https://example.org/x.parquet'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "SET memory_limit = '9GB'",
        "SET enable_external_access = true",
        "ATTACH '{folder}/x.db'",
    ],
)  # fmt: skip
def test_the_engine_reads_the_named_file_and_does_nothing_else(tmp_path: Path, query: str) -> None:
    named, other = tmp_path / "named.csv", tmp_path / "other.csv"
    for file in (named, other):
        file.write_text("a,b\n1,2\n", encoding="utf-8")
    with open_engine([named]) as engine:
        assert engine.execute("SELECT sum(b) FROM read_csv(?)", [str(named)]).fetchall() == [(2,)]
    with pytest.raises(EngineError, match="could not be read"), open_engine([named]) as engine:
        engine.execute(query.format(other=other, folder=tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"named.csv", "other.csv"}
