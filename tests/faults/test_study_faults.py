"""Study files that are wrong: each fault is found, placed and explained, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from impl.errors import StudyError
from impl.study.load import read_measure, read_study
from impl.study.strict_yaml import parse_yaml
from impl.study.study import Study
from impl.study.typed_tree import read_tree
from study_project import STUDY, make_project


def refused(file: Path) -> StudyError:
    with pytest.raises(StudyError) as caught:
        read_study(file)
    return caught.value


CASES = [
    # what is changed, into what, code, where, part of the text
    ("id: falls", "id: fall", "study.id", "falls.yaml, line 2, key 'id'", "the file name, 'falls'"),
    ("schema: 1", "schema: 2", "study.newer_schema", "falls.yaml, line 1, key 'schema'", "update impl"),
    ("schema: 1", "schema: '1'", "study.wrong_type", "falls.yaml, line 1, key 'schema'", "without quotes"),
    ("schema: 1", "schema: 01", "study.wrong_type", "falls.yaml, line 1, key 'schema'", "must be 1"),
    ("schema: 1\n", "", "study.missing_key", "falls.yaml, key 'schema'", "got nothing"),
    ("bundle: falls", "bundel: falls", "study.unknown_key", "falls.yaml, line 6, key 'bundel'", "'bundle'"),
    ("bundle: falls", "bundle: fals", "study.unknown_bundle", "falls.yaml, line 6, key 'bundle'", "'falls'"),
    (
        "primary: falls",
        "primary: fall",
        "study.unknown_measure",
        "falls.yaml, line 7, key 'measures.primary'",
        "'falls'",
    ),
    (
        "primary: falls",
        "primary: Falls",
        "study.not_allowed",
        "falls.yaml, line 7, key 'measures.primary'",
        "underscore",
    ),
    (
        "primary: falls",
        "primary: falls, paired: falls",
        "study.wrong_type",
        "falls.yaml, line 7, key 'measures.paired'",
        "[falls]",
    ),
    (
        "primary: falls",
        "primary: falls, paired: [falls]",
        "study.repeated",
        "falls.yaml, line 7, key 'measures.paired.1'",
        "given once",
    ),
    (
        "primary: falls",
        "primary: falls, paired: [pressure_ulcers], negative_controls: [cauti, pressure_ulcers]",
        "study.repeated",
        "falls.yaml, line 7, key 'measures.negative_controls.2'",
        "given once",
    ),
    (
        "primary: falls",
        "primary: falls, negative_controls: [pressure_ulcer]",
        "study.unknown_measure",
        "falls.yaml, line 7, key 'measures.negative_controls.1'",
        "Did you mean 'pressure_ulcers'?",
    ),
    (
        "primary: falls",
        "primary: [falls]",
        "study.wrong_type",
        "falls.yaml, line 7, key 'measures.primary'",
        "a text",
    ),
    (
        "30_stepped_wedge",
        "30_steped_wedge",
        "study.notebook",
        "falls.yaml, line 5, key 'notebook'",
        "'30_stepped_wedge'",
    ),
    (
        "30_stepped_wedge",
        "80_report",
        "study.notebook",
        "falls.yaml, line 5, key 'notebook'",
        "an analysis notebook",
    ),
    (
        '{nb: "Ble det færre fall?"}',
        "Hva?",
        "study.wrong_type",
        "falls.yaml, line 4, key 'question'",
        "{nb: Hva?}",
    ),
    (
        '{nb: "Ble det færre fall?"}',
        '{en: "What?"}',
        "study.missing_key",
        "falls.yaml, line 4, key 'question.nb'",
        "bokmål",
    ),
    (
        '{nb: "Ble det færre fall?"}',
        "{no: Hva}",
        "study.unknown_key",
        "falls.yaml, line 4, key 'question.no'",
        "nb",
    ),
    (
        '{nb: "Ble det færre fall?"}',
        "{nb: }",
        "study.not_allowed",
        "falls.yaml, line 4, key 'question.nb'",
        "got nothing",
    ),
    (
        '"Ble det færre fall?"',
        '"snu \u202e"',
        "study.hidden_character",
        "falls.yaml, line 4, key 'question.nb'",
        "U+202E",
    ),
    (
        '"Ble det færre fall?"',
        '"\\ud800"',
        "study.hidden_character",
        "falls.yaml, line 4, key 'question.nb'",
        "U+D800",
    ),
    ('"Ble det færre fall?"', '"kjenner 010100 00055?"', None, "", ""),
    (
        "data/panel.csv",
        "../panel.csv",
        "study.path",
        "falls.yaml, line 8, key 'data.file'",
        "goes up with ..",
    ),
    ("data/panel.csv", "/etc/passwd", "study.path", "falls.yaml, line 8, key 'data.file'", "absolute"),
    ("data/panel.csv", "~/panel.csv", "study.path", "falls.yaml, line 8, key 'data.file'", "~"),
    ("data/panel.csv", '"C:panel.csv"', "study.path", "falls.yaml, line 8, key 'data.file'", "absolute"),
    (
        "data/panel.csv",
        '"s3://bucket/x.csv"',
        "study.path",
        "falls.yaml, line 8, key 'data.file'",
        "web address",
    ),
    ("data/panel.csv", '"data\\\\x.csv"', "study.path", "falls.yaml, line 8, key 'data.file'", "backslash"),
    (
        "data/panel.csv",
        '"data/\\0.csv"',
        "study.hidden_character",
        "falls.yaml, line 8, key 'data.file'",
        "U+0000",
    ),
    ("data/panel.csv", "data/con.csv", "study.path", "falls.yaml, line 8, key 'data.file'", "some systems"),
    ("data/panel.csv", "data/" + "x" * 280, "study.path", "falls.yaml, line 8, key 'data.file'", "too long"),
    (
        "data/rollout.csv}",
        "data/rollout.csv, randomised: no}",
        "study.wrong_type",
        "falls.yaml, line 9, key 'rollout.randomised'",
        "Write false.",
    ),
    (
        "data/rollout.csv}",
        "data/rollout.csv, randomised: 'true'}",
        "study.wrong_type",
        "falls.yaml, line 9, key 'rollout.randomised'",
        "true or false",
    ),
    (
        "id: falls",
        "id: falls\nid: falls",
        "study.duplicate_key",
        "falls.yaml, line 3, key 'id'",
        "first on line 2",
    ),
    ("id: falls", "id: !!str falls", "study.tag", "falls.yaml, line 2, key 'id'", "Delete the tag"),
    (
        "id: falls",
        "id: !!python/object:os.system falls",
        "study.tag",
        "falls.yaml, line 2, key 'id'",
        "Delete the tag",
    ),
    ("id: falls", "id: &x falls", "study.alias", "falls.yaml, line 2, key 'id'", "Delete the anchor"),
    ("bundle: falls", "bundle: *x", "study.alias", "falls.yaml, line 6, key 'bundle'", "an alias (*'x')"),
    (
        "{primary: falls}",
        "{<<: {primary: falls}}",
        "study.alias",
        "falls.yaml, line 7, key 'measures'",
        "merge",
    ),
    ("id: falls", "? [a, b]\n: c", "study.key", "falls.yaml, line 2", "a list as a key"),
    ("id: falls", "\tid: falls", "study.syntax", "falls.yaml, line 2", "tab"),
    ("id: falls", "id: falls: more", "study.syntax", "falls.yaml, line 2", "double quotes"),
    ("schema: 1", "schema: 1\n---\nschema: 1", "study.documents", "falls.yaml, line 2", "one document"),
    ("schema: 1", "%YAML 1." + "9" * 5000 + "\n---\nschema: 1", "study.syntax", "falls.yaml", "YAML"),
    ("id: falls", 'id: "\\UFFFFFFFF"', "study.syntax", "falls.yaml", "YAML"),
    ("id: falls", "id: \x07", "study.syntax", "falls.yaml, line 2", "U+0007"),
]


@pytest.mark.parametrize(
    ("old", "new", "code", "where", "words"), CASES, ids=[str(i) for i in range(len(CASES))]
)
def test_one_fault(tmp_path: Path, old: str, new: str, code: str | None, where: str, words: str) -> None:
    assert old in STUDY
    file = make_project(tmp_path, study=STUDY.replace(old, new, 1))
    if code is None:  # digits that are no identity number are text
        assert read_study(file).id == "falls"
        return
    error = refused(file)

    found = [fault for fault in error.faults if fault.code == code]
    assert [fault.where for fault in found] == [where], str(error)
    assert words in str(found[0])


EXTRA = [
    ("seed: 1.5", "study.wrong_type", "seed", "a whole number"),
    ("seed: 1_000", "study.wrong_type", "seed", "digits only"),
    ("seed: 0o17", "study.wrong_type", "seed", "a whole number"),
    ("seed: 017", "study.wrong_type", "seed", "a whole number"),
    ("seed: 12:30", "study.wrong_type", "seed", "a whole number"),
    ("seed: '12'", "study.wrong_type", "seed", "without quotes"),
    ("seed: -1", "study.not_allowed", "seed", "at least 0"),
    ("seed: true", "study.wrong_type", "seed", "a whole number"),
    ("seed: " + "9" * 5000, "study.wrong_type", "seed", "a whole number"),
    ("decision: {worthwhile: 0,15}", "study.unknown_key", "decision.15", "decimal point"),
    ("decision: {worthwhile: '0,15'}", "study.wrong_type", "decision.worthwhile", "0.15"),
    ("decision: {worthwhile: 15}", "study.not_allowed", "decision.worthwhile", "< 1"),
    ("decision: {worthwhile: .nan}", "study.wrong_type", "decision.worthwhile", "a number"),
    ("decision: {worthwhile: 1e999}", "study.not_allowed", "decision.worthwhile", "finite"),
    ("decision: [0.1]", "study.wrong_type", "decision", "keys with values"),
    ("estimand: {from: 5, to: 3}", "study.not_allowed", "estimand", "'to' at least 'from'"),
    ("model: {effect: rw1}", "study.wrong_type", "model.effect", "Did you mean 'rw'?"),
    ("model: {priors: wid}", "study.wrong_type", "model.priors", "Did you mean 'wide'?"),
    (
        "model: {priors: [wide]}",
        "study.wrong_type",
        "model.priors",
        "one of default, wide, network or keys with values",
    ),
    ("model: {priors: {effect: {sd: 0}}}", "study.not_allowed", "model.priors.effect.sd", "> 0"),
    ("model: {priors: {effekt: {sd: 1}}}", "study.unknown_key", "model.priors.effekt", "'effect'"),
    ("languages: []", "study.not_allowed", "languages", "at least 1"),
    ("languages: [nb, nb]", "study.repeated", "languages", "given once"),
    ("languages: [nb, de]", "study.wrong_type", "languages.2", "nb, nn, en"),
    ("other_bundles: [medicaton]", "study.unknown_bundle", "other_bundles.1", "Did you mean 'medication'?"),
    ("other_bundles: [medication, falls]", "study.repeated", "other_bundles.2", "given once"),
    ("other_bundles: medication", "study.wrong_type", "other_bundles", "[medication]"),
    ("covariates: {file: data/c.csv, use: [price, price]}", "study.repeated", "covariates.use.2", "given once"),
    ("covariates: {file: data/c.csv, use: [site]}", "study.reserved_name", "covariates.use.1", "another name"),
    ("covariates: {file: ../c.csv}", "study.path", "covariates.file", "goes up with .."),
    ("interruptions: [{id: shock, start: 2020-02-30}]", "study.not_allowed", "interruptions.1.start", "a day that exists"),
    ("interruptions: [{id: shock, start: 12.3.2020}]", "study.not_allowed", "interruptions.1.start", "a date as 2026-01-31"),
    ("interruptions: [{id: shock, start: 2020-03-12, end: 2020-03-11}]", "study.not_allowed", "interruptions.1",
     "'end' on or after 'start'"),
    ("interruptions: [{id: shock}]", "study.missing_key", "interruptions.1.start", "a text"),
    ("interruptions: [{id: x, start: 2020-03-12}, {id: x, start: 2021-03-12}]", "study.repeated",
     "interruptions.2.id", "given once"),
    ("interruptions: [{id: period, start: 2020-03-12}]", "study.reserved_name", "interruptions.1.id", "another name"),
    ("model: {transition: {dose: 0}}", "study.not_allowed", "model.transition.dose", "> 0"),
    ("model: {transition: {dose: 0.5, share: 1}}", "study.unknown_key", "model.transition.share", "one of dose"),
    ("model: {transition: ramps}", "study.wrong_type", "model.transition", "Did you mean 'ramp'?"),
    ("model: {secular: {mean: 0.1}}", "study.missing_key", "model.secular.sd", "Add 'sd'."),
    ("model: {reporting: {sd: 3}}", "study.not_allowed", "model.reporting.sd", "at most 2"),
    ("model: {lag: 25}", "study.not_allowed", "model.lag", "at most 24"),
    ("model: {strata: ja}", "study.wrong_type", "model.strata", "Write true."),
    ("audience: internal", "study.wrong_type", "audience", "public"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "key", "words"), EXTRA, ids=[line[:30] for line, *_ in EXTRA])
def test_one_fault_in_an_optional_key(tmp_path: Path, line: str, code: str, key: str, words: str) -> None:
    error = refused(make_project(tmp_path, study=STUDY + line + "\n"))

    found = [fault for fault in error.faults if fault.code == code]
    assert [fault.where for fault in found] == [f"falls.yaml, line 10, key '{key}'"], str(error)
    assert words in str(found[0])
    assert len(error.faults) == (2 if "0,15}" in line else 1)  # a comma in braces makes a key of the 15


def test_all_faults_come_at_once_and_in_line_order(tmp_path: Path) -> None:
    text = (
        STUDY.replace("id: falls", "id: other")
        .replace("bundle: falls", "bundle: fals")
        .replace("data/panel.csv", "../x.csv")
        + "seed: many\ncolour: red\n"
    )
    error = refused(make_project(tmp_path, study=text))

    assert [fault.code for fault in error.faults] == [
        "study.id",
        "study.unknown_bundle",
        "study.path",
        "study.wrong_type",
        "study.unknown_key",
    ]


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "secret.csv"
    outside.write_text("a", encoding="utf-8")
    file = make_project(tmp_path / "project", study=STUDY.replace("data/panel.csv", "data/link.csv"))
    (tmp_path / "project" / "data" / "link.csv").symlink_to(outside)

    assert "leads out of the project" in str(refused(file))


def test_a_national_identity_number_is_refused_and_not_shown(tmp_path: Path) -> None:
    number = "01010750160"  # built to have valid check digits; no person's
    error = refused(make_project(tmp_path, study=STUDY.replace("færre", number)))

    assert error.faults[0].code == "study.identity_number"
    assert number not in str(error)


def test_an_identity_number_in_a_wrong_place_is_masked(tmp_path: Path) -> None:
    number = "01010750160"
    error = refused(
        make_project(tmp_path, study=STUDY.replace("id: falls", f"id: {number}") + f"{number}: x\n")
    )

    assert number not in str(error)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "study.not_a_mapping"),
        (b"# only a comment\n", "study.not_a_mapping"),
        (b"- a\n- b\n", "study.not_a_mapping"),
        (b"falls\n", "study.not_a_mapping"),
        (b"title: \xe5\n", "study.encoding"),
        (b"\xff\xfes\x00", "study.encoding"),
        (b"a: " + b"x" * 1_000_001, "study.too_large"),
        (b"a: " + b"[" * 50 + b"]" * 50, "study.too_deep"),
        (b"a:\n" + b"".join(b"  k%d: v\n" % i for i in range(6000)), "study.too_many_nodes"),
        (b"a: [" + b"[],[" * 400_000, "study.too_large"),
        (b"a: &a [x]\nb: [*a,*a]\n", "study.alias"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_whole_files_that_are_refused(tmp_path: Path, data: bytes, code: str) -> None:
    file = make_project(tmp_path)
    file.write_bytes(data)

    assert code in [fault.code for fault in refused(file).faults]


def test_a_missing_file_and_a_wrong_ending_are_told(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    assert refused(file.with_name("none.yaml")).faults[0].code == "study.file"
    assert refused(file.rename(file.with_suffix(".yml"))).faults[0].code == "study.file_name"


def test_a_fault_in_the_users_own_measure_is_shown_with_the_study(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    own = tmp_path / "parameters" / "measures"
    own.mkdir()
    (own / "falls.toml").write_text(
        "schema = 1\nid = 'fall'\nper = '1000'\nkinds = 'rate'\n", encoding="utf-8"
    )
    text = str(refused(file))

    assert "measures/falls.toml, key 'per': got '1000', must be a number" in text
    assert "measures/falls.toml, key 'kinds'" in text
    assert "Did you mean 'kind'" in text
    assert "measures/falls.toml, key 'id'" in text


LAWS = [
    # law, kind, categories and stated level, words; None where the measure is in order
    ("ordered", "proportion", 5, 4, None),
    ("ordered", "proportion", 3, 2, None),
    ("betabinomial", "proportion", None, None, None),
    ("student", "mean", None, None, None),
    ("ordered", "mean", 5, 4, "must be of kind proportion for likelihood ordered"),
    ("betabinomial", "rate", None, None, "must be of kind proportion for likelihood betabinomial"),
    ("student", "proportion", None, None, "must be of kind mean for likelihood student"),
    ("ordered", "proportion", None, None, "Say how many answers there are"),
    ("ordered", "proportion", 5, None, "Say how many answers there are"),
    ("ordered", "proportion", 5, 6, "a stated_level of 2 to 5"),
    ("ordered", "proportion", 2, 2, "key 'categories': got 2, must be at least 3"),
    ("ordered", "proportion", 5, 1, "key 'stated_level': got 1, must be at least 2"),
    ("binomial", "proportion", 5, 4, "without categories and stated_level for likelihood binomial"),
]


@pytest.mark.parametrize(("law", "kind", "categories", "level", "words"), LAWS)
def test_a_measures_law_fits_its_kind_and_categories(
    tmp_path: Path, law: str, kind: str, categories: int | None, level: int | None, words: str | None
) -> None:
    make_project(tmp_path)
    own = tmp_path / "parameters" / "measures"
    own.mkdir()
    answers = f"categories = {categories}\n" if categories else ""
    answers += f"stated_level = {level}\n" if level else ""
    (own / "mine.toml").write_text(
        f'schema = 1\nid = "mine"\nkind = "{kind}"\nper = 1\ndirection = "higher"\nlikelihood = "{law}"\n'
        f'{answers}baseline = 1\nsource = "A test."\nname = {{nb = "Navn"}}\n'
        'events = {nb = {one = "svar", many = "svar"}}\nexposure = {nb = "personer"}\nunit = {nb = "prosent"}\n',
        encoding="utf-8",
    )
    if words is None:
        assert read_measure("mine", tmp_path).likelihood == law
        return
    with pytest.raises(StudyError) as caught:
        read_measure("mine", tmp_path)
    assert len(caught.value.faults) == 1
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["a = ", "a = 1\na = 2", "a = " + "[" * 2000, "\x00"])
def test_broken_toml_is_a_study_error(tmp_path: Path, text: str) -> None:
    make_project(tmp_path)
    own = tmp_path / "parameters" / "measures"
    own.mkdir()
    (own / "mine.toml").write_text(text, encoding="utf-8")

    with pytest.raises(StudyError) as caught:
        read_measure("mine", tmp_path)
    assert "measures/mine.toml" in str(caught.value)


def test_an_unknown_measure_id_cannot_walk_the_disk(tmp_path: Path) -> None:
    make_project(tmp_path)
    (tmp_path / "outside.toml").write_text("schema = 1\n", encoding="utf-8")

    with pytest.raises(StudyError, match="a known measure"):
        read_measure("../../outside", tmp_path)


# --- nothing but StudyError, whatever the bytes ----------------------------------------------------------

_PIECES = st.sampled_from(
    ["schema", "id", ": ", "\n", "\n  ", "- ", "{", "}", "[", "]", ",", "&a ", "*a", "<<: ", "!!set ", "!", "|\n", ">",
     '"', "'", "#", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "\t", "0301", "no", "~", "12:30", "0x1F", "1e999",
     "falls", "title", "nb", "model", "priors", "effect", "sd", "from", "\u202e", "\x00", "\ud7ff", "\U0001f600", "? ",
     "\\UFFFFFFFF", "\\ud800", "\ufeff", "\x85", "\r"]
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_no_text_gives_anything_but_faults(text: str) -> None:
    tree, faults = parse_yaml(text, "x.yaml")
    if tree is None:
        assert faults
    else:
        read_tree(tree, Study, "x.yaml")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_damaged_study_gives_anything_but_faults(data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(STUDY)))
    length = data.draw(st.integers(0, 20))
    text = (
        STUDY[:position] + data.draw(st.lists(_PIECES, max_size=4).map("".join)) + STUDY[position + length :]
    )
    tree, faults = parse_yaml(text, "x.yaml")
    if tree is None:
        assert faults
    else:
        reading = read_tree(tree, Study, "x.yaml")
        assert reading.model is not None or reading.faults or faults


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=300))
def test_no_bytes_give_anything_but_a_study_error(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = make_project(tmp_path_factory.getbasetemp() / "fuzz")
    file.write_bytes(content)
    with pytest.raises(StudyError):
        read_study(file)
