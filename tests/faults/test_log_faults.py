"""The coordinator's tables with faults: each is refused with its place, all at once, and nobody's name is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impl.errors import StudyError
from impl.study.load import read_bundle, read_study
from study_project import ADAPTATIONS_HEADER, STUDY, error_of, faults_of, make_project, panel_of

MEDICATION = STUDY.replace("bundle: falls", "bundle: medication")
HEADERS = {
    "adaptations": ADAPTATIONS_HEADER + ",when,what,component_role,modification,coder,note",
    "fidelity": "site,period_start,component,delivered,eligible,status,note",
    "strategies": "site,start,end,strategy,barrier,why_no_barrier,intensity,note",
    "cycles": "site,cycle,date,prediction,decision",
    "phases": "site,start,phase",
    "fit_form": "site,question,answer",
    "support": "site,support_end,pause_start,pause_end",
}
GOOD = {
    "adaptations": "north,2021-05-10,,documentation,adding,yes,yes",
    "fidelity": "north,2021-06-01,all,16,20",
    "strategies": "north,2021-05-01,,facilitation,motivation,,implementering",
    "cycles": "north,1,2021-06-10,flere får hjelp,adapt",
    "phases": "north,2021-05-01,prepare",
    "fit_form": "north,need,4",
    "support": "north,2021-10-31,,",
}


def project(root: Path, rows: dict[str, list[str]], study: str = MEDICATION) -> Path:
    for key in rows:
        study += f"{key}: {{file: data/{key}.csv}}\n"
    file = make_project(root, study=study)
    for key, lines in rows.items():
        width = len(HEADERS[key].split(","))
        filled = [line + "," * (width - 1 - line.count(",")) for line in lines]
        (root / "data" / f"{key}.csv").write_text("\n".join([HEADERS[key], *filled]) + "\n", encoding="utf-8")
    return file


def test_good_rows_of_every_log_are_read(tmp_path: Path) -> None:
    assert faults_of(project(tmp_path, {key: [row] for key, row in GOOD.items()})) == []


# --- one fault a row -----------------------------------------------------------------------------------------

LOG = "north,2021-05-10,,documentation"
ROWS = [
    ("adaptations", "west,2021-05-10,,documentation,adding,yes,yes", "data.unknown_site", "site", "roll-out table"),
    ("adaptations", f"{LOG},addign,yes,yes", "data.unknown_word", "nature", "Did you mean 'adding'?"),
    ("adaptations", f"{LOG},adding;longer,yes,yes", "data.unknown_word", "nature", "got 'longer'"),
    ("adaptations", f"{LOG},;,yes,yes", "data.empty_text", "nature", "Write unknown"),
    ("adaptations", f"{LOG},adding,maybe,yes", "data.unknown_word", "consistent", "one of yes, no, unknown"),
    ("adaptations", f"{LOG},adding,yes,soon", "data.unknown_word", "planned", "planned_reactive"),
    ("adaptations", f"{LOG},adding,yes,yes,before", "data.unknown_word", "when", "pre, implementation"),
    ("adaptations", f"{LOG},adding,yes,yes,,things", "data.unknown_word", "what", "content, contextual"),
    ("adaptations", f"{LOG},adding,yes,yes,,,heart", "data.unknown_word", "component_role", "core, periphery"),
    ("adaptations", "north,10.13.2021,,documentation,adding,yes,yes", "data.date", "start", "a day that exists"),
    ("adaptations", "north,2021-06-01,2021-05-31,documentation,adding,yes,yes", "data.end_before_start", "end", "start"),
    ("adaptations", "north,2021-06-01,,documentaton,adding,yes,yes", "data.unknown_component", "component",
     "Did you mean 'documentation'?"),
    ("adaptations", "north,2021-06-01,,exercise,adding,yes,yes", "data.unknown_component", "component", "reconciliation"),
    ("adaptations", "north,2021-04-30,,documentation,adding,yes,yes", "data.before_rollout", "start", "'when' = pre"),
    ("adaptations", "north,2021-04-30,,documentation,adding,yes,yes,implementation", "data.before_rollout", "start",
     "on or after the site's start, 2021-05-01"),
    ("fidelity", "north,2021-06-01,all,21,20", "data.more_delivered_than_eligible", "delivered", "at most 20"),
    ("fidelity", "north,2021-06-01,all,-1,20", "data.negative", "delivered", "0 or more"),
    ("fidelity", "north,2021-06-01,all,3.5,20", "data.fractional_count", "delivered", "a whole number"),
    ("fidelity", "north,2021-06-01,all,3,80 %", "data.number", "eligible", "digits only"),
    ("fidelity", "north,2021-06-01,all,,20", "data.missing_count", "delivered", "not_reported"),
    ("fidelity", "north,2021-06-01,all,3,", "data.missing_count", "eligible", "no 0"),
    ("fidelity", "north,2021-06-01,all,3,20,not_reported", "data.number_in_gap", "delivered", "observed"),
    ("fidelity", "north,2021-06-01,all,3,20,hidden", "data.unknown_word", "status", "not_reported"),
    ("fidelity", "north,2021-06-15,all,3,20", "data.unknown_period", "period_start", "first day of a period"),
    ("fidelity", "north,2022-06-01,all,3,20", "data.unknown_period", "period_start", "outside the data"),
    ("fidelity", "north,2021-06-01,exercise,3,20", "data.unknown_component", "component", "documentation, all"),
    ("fidelity", "north,2021-06-01,documentation,3,20", "data.no_rows_for_component", None, "fidelity.component"),
    ("strategies", "north,2021-05-01,,facilitate,motivation,,implementation", "data.unknown_word", "strategy",
     "Did you mean 'facilitation'?"),
    ("strategies", "north,2021-05-01,,facilitation,laziness,,implementation", "data.unknown_word", "barrier", "68 in all"),
    ("strategies", "north,2021-05-01,,facilitation,,,implementation", "data.no_barrier", "barrier", "why_no_barrier"),
    ("strategies", "north,2021-05-01,,facilitation,motivation,,hard", "data.unknown_word", "intensity", "diffusion"),
    ("strategies", "north,2021-05-01,2021-04-01,facilitation,motivation,,formidling", "data.end_before_start", "end",
     "2021-05-01"),
    ("cycles", "north,,2021-06-10,,adopt", "data.empty_text", "cycle", "Fill in"),
    ("cycles", "north,1,June,,adopt", "data.date", "date", "year-month-day"),
    ("cycles", "north,1,2021-06-10,,keep", "data.unknown_word", "decision", "adopt, adapt, abandon"),
    ("phases", "north,2021-05-01,shared_need", "data.unknown_word", "phase", "prepare, plan, do, evaluate, follow_up"),
    ("fit_form", "north,need,6", "data.answer", "answer", "from 1 to 5"),
    ("fit_form", "north,need,", "data.answer", "answer", "got nothing"),
    ("fit_form", "north,want,3", "data.unknown_word", "question", "need, feasibility"),
    ("support", "north,,,", "data.empty_row", "site", "support_end or pause_start"),
    ("support", "north,2021-04-01,,", "data.before_rollout", "support_end", "2021-05-01"),
    ("support", "north,,2021-04-01,", "data.before_rollout", "pause_start", "2021-05-01"),
    ("support", "north,,,2021-07-01", "data.empty_text", "pause_start", "first day of the pause"),
    ("support", "north,,2021-07-01,2021-06-01", "data.end_before_start", "pause_end", "2021-07-01"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "row", "code", "column", "words"), ROWS, ids=[f"{key} {code}" for key, _, code, _, _ in ROWS]
)
def test_one_fault(tmp_path: Path, key: str, row: str, code: str, column: str | None, words: str) -> None:
    file = project(tmp_path, {key: [row]})
    where = f"{key}.csv, row 2, column '{column}'" if column else f"{key}.csv, column 'component'"

    assert faults_of(file) == [(code, where)], error_of(file)
    assert words in error_of(file)


def test_the_text_is_the_house_form(tmp_path: Path) -> None:
    file = project(tmp_path, {"fidelity": ["north,2021-06-01,all,21,20"]})

    assert error_of(file) == (
        "fidelity.csv, row 2, column 'delivered': got 21 of 20, must be at most 20. Check the two counts."
    )


PAIRS = [
    ("fidelity", GOOD["fidelity"], "data.repeated_row", "component"),
    ("cycles", GOOD["cycles"], "data.repeated_row", "cycle"),
    ("phases", "north,2021-05-01,do", "data.repeated_row", "start"),
    ("fit_form", "north,need,1", "data.repeated_row", "question"),
    ("support", "north,2021-11-30,,", "data.two_ends", "support_end"),
]


@pytest.mark.parametrize(("key", "row", "code", "column"), PAIRS, ids=[key for key, *_ in PAIRS])
def test_two_rows_that_say_different_things(
    tmp_path: Path, key: str, row: str, code: str, column: str
) -> None:
    file = project(tmp_path, {key: [GOOD[key], row]})

    assert faults_of(file) == [(code, f"{key}.csv, row 3, column '{column}'")]


@pytest.mark.parametrize("second", ["2021-07-15,2021-08-15", "2021-06-01,", "2021-07-31,2021-07-31"])
def test_pauses_that_overlap(tmp_path: Path, second: str) -> None:
    file = project(tmp_path, {"support": ["north,,2021-07-01,2021-07-31", f"north,,{second}"]})

    assert faults_of(file) == [("data.overlapping_pauses", "support.csv, row 3, column 'pause_start'")]


CODED = "north,2021-05-10,,documentation,adding,yes,yes,,,,m1"
CODINGS = [
    ([f"{CODED},a", f"{CODED},a"], "data.repeated_modification", 3),
    ([f"{CODED},a", CODED], "data.repeated_modification", 3),
    ([CODED, f"{CODED},b"], "data.repeated_modification", 3),
    ([f"{CODED},a", f"{CODED},b", f"{CODED},c"], "data.repeated_modification", 4),
    ([f"{CODED},a", f"{CODED},b".replace("05-10", "05-11")], "data.codings_differ", 3),
]


@pytest.mark.parametrize(("rows", "code", "row"), CODINGS)
def test_codings_that_are_not_by_two(tmp_path: Path, rows: list[str], code: str, row: int) -> None:
    file = project(tmp_path, {"adaptations": rows})

    assert faults_of(file) == [(code, f"adaptations.csv, row {row}, column 'modification'")]


def test_a_role_that_the_bundle_contradicts(tmp_path: Path) -> None:
    study = STUDY.replace("bundle: falls", "bundle: central_line")
    row = "north,2021-05-10,,daily_review,removing,no,no,,,periphery"
    file = project(tmp_path, {"adaptations": [row]}, study)

    assert faults_of(file) == [("data.component_role", "adaptations.csv, row 2, column 'component_role'")]


def test_a_modification_where_the_bundle_never_came(tmp_path: Path) -> None:
    file = project(tmp_path, {"adaptations": ["south,2021-06-01,,documentation,adding,yes,yes"]})
    (tmp_path / "data" / "rollout.csv").write_text(
        "site,actual_start\nnorth,2021-05-01\nsouth,never\n", encoding="utf-8"
    )

    assert faults_of(file) == [("data.before_rollout", "adaptations.csv, row 2, column 'start'")]
    assert "never started" in error_of(file)


def test_the_faults_of_all_logs_are_told_at_once(tmp_path: Path) -> None:
    rows = {
        "adaptations": ["north,2021-04-01,,exercise,addign,yes,yes,,,,,,ring Kari Nordmann"] * 2
        + ["north,2021-04-01,,exercise,addign,yes,yes"],
        "fidelity": ["north,2021-06-01,all,21,20"],
        "strategies": ["north,2021-05-01,,facilitation,,,hard"],
        "cycles": ["west,1,2021-06-10,,adopt"],
        "phases": ["north,2021-05-01,dance"],
        "fit_form": ["north,need,0"],
        "support": ["north,,,"],
    }
    found = faults_of(project(tmp_path, rows))

    assert [code for code, where in found if where.startswith("adaptations.csv, row 4")] == [
        "data.unknown_component", "data.unknown_word"
    ]  # fmt: skip
    assert {where.split(".")[0] for _, where in found} == set(rows)
    assert [code for code, _ in found].count("data.personal") == 2
    assert len(found) == 11


# --- persons -------------------------------------------------------------------------------------------------

SECRETS = ["ønsket av Kari Nordmann", "etter råd fra overlege Lie", "ring 412 34 567", "gjelder 123456 78901"]
PLACES = [
    ("adaptations", f"{GOOD['adaptations']},,,,,,{{text}}", "note"),
    ("adaptations", f"{GOOD['adaptations']},,,,,{{text}},", "coder"),
    ("fidelity", f"{GOOD['fidelity']},,{{text}}", "note"),
    ("strategies", "north,2021-05-01,,facilitation,,{text},implementation", "why_no_barrier"),
    ("cycles", "north,1,2021-06-10,{text},adapt", "prediction"),
    ("cycles", "north,1,2021-06-10,,{text}", "decision"),
    ("phases", "{text},2021-05-01,do", "site"),
    ("phases", "north,{text},do", "start"),
    ("fidelity", "north,2021-06-01,all,{text},20", "delivered"),
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    ("key", "row", "column"), PLACES, ids=[f"{key} {column}" for key, _, column in PLACES]
)
def test_a_person_in_free_text_is_refused_and_not_repeated(
    tmp_path: Path, key: str, row: str, column: str, secret: str
) -> None:
    file = project(tmp_path, {key: [row.format(text=secret)]})
    text = error_of(file)

    assert faults_of(file) == [("data.personal", f"{key}.csv, row 2, column '{column}'")]
    assert "free of personal data" in text
    for word in secret.split()[-2:]:
        assert word not in text


def test_a_note_without_a_person_passes_and_never_reaches_the_panel(tmp_path: Path) -> None:
    row = f"{GOOD['adaptations']},,,,,,avtalt med avdelingsleder i mars"
    table = panel_of(project(tmp_path, {"adaptations": [row]})).adaptations

    assert table is not None
    assert "avtalt" not in table.to_csv()


# --- the study and the bundle --------------------------------------------------------------------------------

STUDY_LINES = [
    ("adaptations: {file: a.csv, moderators: [inconsistant]}", "study.wrong_type", "inconsistent"),
    ("fidelity: {file: f.csv, curve: straight}", "study.wrong_type", "linear, steps"),
    ("fidelity: {file: f.csv, component: The-Bundle}", "study.not_allowed", "underscore"),
    ("costs: {per_site: -1}", "study.not_allowed", "at least 0"),
    ("costs: {currency: NOK}", "study.not_allowed", "at least one is above 0"),
    ("costs: {per_site: 1, currency: kroner}", "study.not_allowed", "text like"),
    ("delivery: {delivered: 0.5, not_delivered: 0.6}", "study.not_allowed", "below 'delivered'"),
    ("delivery: {delivered: 80}", "study.not_allowed", "at most 1"),
    ("strategies: {file: ../s.csv}", "study.path", "inside the project"),
    ("support: {file: s.csv, use: [x]}", "study.unknown_key", "file"),
    ("phases: {}", "study.missing_key", "a text"),
]


@pytest.mark.parametrize(("line", "code", "words"), STUDY_LINES)
def test_a_study_file_with_a_fault(tmp_path: Path, line: str, code: str, words: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_study(make_project(tmp_path, study=STUDY + line + "\n"))

    assert [fault.code for fault in caught.value.faults] == [code]
    assert words in str(caught.value)


BUNDLE = """\
schema = 1
id = "own"
version = "1"
measures = ["falls"]
source = "A bundle of our own."
name = {nb = "Vår pakke"}
the_bundle = {nb = "pakken vår"}
components = [{id = "a", nb = "A", role = "core"}, {id = "b", nb = "B"}]
"""
BUNDLES = [
    ('id = "b"', 'id = "a"', "an id of its own"),
    ('id = "b"', 'id = "all"', "which means the whole bundle"),
    ('role = "core"', 'role = "heart"', "core, periphery"),
    ('nb = "B"', 'en = "B"', "'nb'"),
]


@pytest.mark.parametrize(("old", "new", "words"), BUNDLES)
def test_a_bundle_with_a_fault_in_its_components(tmp_path: Path, old: str, new: str, words: str) -> None:
    folder = tmp_path / "parameters" / "bundles"
    folder.mkdir(parents=True)
    (folder / "own.toml").write_text(BUNDLE, encoding="utf-8")
    assert read_bundle("own", tmp_path).closed
    (folder / "own.toml").write_text(BUNDLE.replace(old, new), encoding="utf-8")

    with pytest.raises(StudyError) as caught:
        read_bundle("own", tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("bundle", "picked", "code", "words"),
    [
        ("leve_hele_livet", "food;drinks", "data.unknown_component", "got 'drinks', must be components of"),
        (
            "leve_hele_livet",
            "Matglede for eldre",
            "data.unknown_component",
            "Did you mean 'matglede for de eldre'?",
        ),
        ("medication", "documentation", "data.no_choice", "adaptation log"),
    ],
)
def test_a_choice_that_the_bundle_does_not_offer(
    tmp_path: Path, bundle: str, picked: str, code: str, words: str
) -> None:
    rollout = f"site,actual_start,components\nnorth,2021-05-01,{picked}\nsouth,2021-09-01,\n"
    study = STUDY.replace("bundle: falls", f"bundle: {bundle}")
    file = make_project(tmp_path, study=study, rollout=rollout)

    assert faults_of(file) == [(code, "rollout.csv, row 2, column 'components'")]
    assert words in error_of(file)


def test_a_bundle_without_ids_takes_any_code(tmp_path: Path) -> None:
    file = project(
        tmp_path,
        {"adaptations": ["north,2021-05-10,,anything,adding,yes,yes"]},
        STUDY.replace("bundle: falls", "bundle: own"),
    )
    folder = tmp_path / "parameters" / "bundles"
    folder.mkdir()
    (folder / "own.toml").write_text(BUNDLE.replace('id = "b", ', ""), encoding="utf-8")
    assert faults_of(file) == []
    (folder / "own.toml").write_text(BUNDLE, encoding="utf-8")
    assert [code for code, _ in faults_of(file)] == ["data.unknown_component"]


# --- nothing but faults, whatever the bytes ------------------------------------------------------------------

_PIECES = st.sampled_from(
    [",", ";", "\n", '"', "\r", "north", "2021-01-01", "31.12.2021", "9999-12-31", "0", "-1", "1e999", "\x00", "\u202e",
     "\ufeff", "site", "note", "all", "adding", "pre", "=cmd()", "å", " "]
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_damaged_log_gives_anything_but_faults(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp() / "logs"
    file = project(root, {key: [row] for key, row in GOOD.items()})
    damaged = root / "data" / f"{data.draw(st.sampled_from(sorted(GOOD)))}.csv"
    text = damaged.read_text(encoding="utf-8")
    position = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 30))
    insert = data.draw(st.lists(_PIECES, max_size=5).map("".join))
    damaged.write_text(text[:position] + insert + text[position + length :], encoding="utf-8", newline="")
    if error_of(file):
        return
    panel = panel_of(file)
    assert panel.fidelity is not None
    seen = panel.fidelity[panel.fidelity["reported"]]
    assert (seen["delivered"] <= seen["eligible"]).all()
    assert (seen["eligible"] > 0).all()
