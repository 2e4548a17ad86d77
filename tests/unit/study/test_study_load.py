"""Reading a study file that is in order: what was written is what is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from impl.errors import StudyError
from impl.study.load import find_root, list_studies, read_bundle, read_measure, read_study, study_path
from impl.study.study import Belief, Dose
from study_project import STUDY, make_project


def test_defaults_and_values_are_read(tmp_path: Path) -> None:
    study = read_study(make_project(tmp_path))

    assert study.id == "falls"
    assert study.measures.primary == "falls"
    assert study.title == {"nb": "Fallpakken i to sykehjem"}
    assert study.model.effect == "auto"
    assert study.decision.worthwhile == 0.10
    assert study.rollout.randomised is False
    assert study.root == tmp_path


def test_every_key_of_the_schema_can_be_written(tmp_path: Path) -> None:
    text = (
        STUDY.replace(
            "{primary: falls}",
            "{primary: falls, paired: [falls_serious_injury], negative_controls: [pressure_ulcers]}",
        ).replace(
            "rollout: {file: data/rollout.csv}",
            'rollout: {file: data/rollout.csv, randomised: true, selection: "trukket ut"}',
        )
        + """\
adaptations: {file: data/adaptations.csv, contrasts: [consistent]}
fidelity: {file: data/fidelity.csv}
covariates: {file: data/covariates.csv, use: [price]}
other_bundles: [medication, pressure_ulcers]
interruptions:
  - {id: pandemic, start: 2020-03-12, end: 2021-09-25}
  - {id: new_form, start: 2021-10-01}
estimand: {from: 2, to: 6}
decision: {worthwhile: 0.15, harm: 0.05, negligible: 5e-2}
model: {likelihood: negbin, effect: it, clustering: exchangeable, calendar: smooth, trend: none,
        season: none, strata: true, site_effects: random, transition: {dose: 0.5}, comparison: level_slope,
        secular: {mean: -0.05, sd: 0.1}, lag: 1, anticipation: 2, reporting: {sd: 0.2},
        priors: {effect: {sd: 1}}}
audience: public
languages: [nb, en]
seed: 7
"""
    )
    study = read_study(make_project(tmp_path, study=text))

    assert study.measures.paired == ("falls_serious_injury",)
    assert study.measures.declared == ("falls", "falls_serious_injury", "pressure_ulcers")
    assert study.bundles == ("falls", "medication", "pressure_ulcers")
    assert [(shock.id, shock.start, shock.end) for shock in study.interruptions] == [
        ("pandemic", "2020-03-12", "2021-09-25"), ("new_form", "2021-10-01", None)
    ]  # fmt: skip
    assert study.model.strata is True
    assert study.model.transition == Dose(dose=0.5)
    assert study.model.secular == Belief(mean=-0.05, sd=0.1)
    assert study.model.reporting == Belief(sd=0.2)
    assert (study.model.lag, study.model.anticipation) == (1, 2)
    assert study.rollout.randomised is True
    assert (study.estimand.from_, study.estimand.to) == (2, 6)
    assert study.decision.negligible == 0.05
    assert study.model.priors.effect.sd == 1.0  # type: ignore[union-attr]
    assert study.languages == ("nb", "en")


@pytest.mark.parametrize(
    "written", ["0301", "no", "yes", "1e3", "12:30", "1_000", "null", "2021-01-01", "0x1F"]
)
def test_a_text_takes_its_scalar_as_written(tmp_path: Path, written: str) -> None:
    study = read_study(make_project(tmp_path, study=STUDY.replace('"Ble det færre fall?"', written)))

    assert study.question["nb"] == written


@pytest.mark.parametrize("written", ["", "null", "~"])
def test_nothing_is_none_where_the_schema_has_none(tmp_path: Path, written: str) -> None:
    text = STUDY.replace("data/rollout.csv}", f"data/rollout.csv, selection: {written}}}")

    assert read_study(make_project(tmp_path, study=text)).rollout.selection is None


def test_block_text_and_comments_and_byte_order_mark_are_fine(tmp_path: Path) -> None:
    text = "\ufeff# a comment\n" + STUDY.replace(
        '{nb: "Ble det færre fall?"}', "\n  nb: >-\n    Ble det\n    færre fall?"
    )

    assert read_study(make_project(tmp_path, study=text)).question["nb"] == "Ble det færre fall?"


def test_a_relative_path_is_taken_from_the_project_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path / "notebooks")

    assert read_study("parameters/falls.yaml").id == "falls"


def test_the_project_comes_before_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path)
    for folder, seed in (("old", 1), ("notebooks/old", 2), ("notebooks/new", 3)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "falls.yaml").write_text(STUDY + f"seed: {seed}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "notebooks")

    assert read_study("old/falls.yaml").seed == 1
    assert read_study("new/falls.yaml").seed == 3
    with pytest.raises(StudyError, match=r"none\.yaml"):
        read_study("none.yaml")


def test_find_root_goes_upward_and_says_when_there_is_none(tmp_path: Path) -> None:
    make_project(tmp_path / "project")

    assert find_root(tmp_path / "project" / "data") == tmp_path / "project"
    with pytest.raises(StudyError) as caught:
        find_root(tmp_path)
    assert caught.value.faults[0].code == "study.no_root"


def test_studies_are_found_by_id_and_by_path(tmp_path: Path) -> None:
    file = make_project(tmp_path)

    assert list_studies(tmp_path) == (file,)
    assert study_path(tmp_path, "falls") == file
    assert study_path(tmp_path, "parameters/falls.yaml") == file
    with pytest.raises(StudyError, match="Did you mean 'falls'"):
        study_path(tmp_path, "fals")
    with pytest.raises(StudyError, match="Did you mean 'falls'"):
        study_path(tmp_path, "x" * 300 + "/falls.yaml")
    twin = file.with_suffix(".yml")
    twin.write_text("")
    assert study_path(tmp_path, "falls") == file
    assert study_path(tmp_path, "falls.yml") == study_path(tmp_path, str(twin)) == twin


def test_worlds_are_found_when_named_and_never_listed(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    worlds = tmp_path / "parameters" / "worlds"
    worlds.mkdir()
    twin = worlds / file.name
    fades = worlds / "fades.yaml"
    for copy in (twin, fades):
        copy.write_text(file.read_text())

    assert list_studies(tmp_path) == (file,)
    assert study_path(tmp_path, "fades") == study_path(tmp_path, "parameters/worlds/fades.yaml") == fades
    assert study_path(tmp_path, "falls") == study_path(tmp_path, "falls.yaml") == file
    assert study_path(tmp_path, "parameters/worlds/falls.yaml") == study_path(tmp_path, str(twin)) == twin
    with pytest.raises(StudyError, match="Did you mean 'fades'"):
        study_path(tmp_path, "fade")


def test_the_users_own_measure_replaces_a_shipped_one_only_where_it_says_so(tmp_path: Path) -> None:
    make_project(tmp_path)
    shipped = read_measure("falls", tmp_path)
    text = (
        Path(__file__).parents[3].joinpath("src/impl/study/measures/falls.toml").read_text(encoding="utf-8")
    )
    own = tmp_path / "parameters" / "measures"
    own.mkdir()
    text = text.replace("baseline = 4.5", "baseline = 9")
    (own / "falls.toml").write_text(text, encoding="utf-8")
    assert shipped.baseline == 4.5
    with pytest.raises(StudyError) as caught:
        read_measure("falls", tmp_path)
    assert [fault.code for fault in caught.value.faults] == ["catalogue.shadows"]
    (own / "falls.toml").write_text(
        text.replace("aspect", "replaces_shipped = true\naspect"), encoding="utf-8"
    )

    assert read_measure("falls", tmp_path).baseline == 9.0


def test_an_entry_of_ones_own_names_only_measures_that_exist(tmp_path: Path) -> None:
    make_project(tmp_path)
    for folder in ("measures", "bundles"):
        shipped = Path(__file__).parents[3] / "src/impl/study" / folder / "falls.toml"
        own = tmp_path / "parameters" / folder
        own.mkdir()
        text = shipped.read_text(encoding="utf-8").replace('id = "falls"', 'id = "own_falls"', 1)
        (own / "own_falls.toml").write_text(
            text.replace('["containment"]', '["fals"]').replace('"fall_risk_assessed"', '"fall_risk"'),
            encoding="utf-8",
        )
    for read in (read_measure, read_bundle):
        with pytest.raises(StudyError) as caught:
            read("own_falls", tmp_path)
        assert [fault.code for fault in caught.value.faults] == ["catalogue.unknown_measure"]
        assert "Did you mean" in str(caught.value)


def test_a_study_is_a_value(tmp_path: Path) -> None:
    study = read_study(make_project(tmp_path))

    with pytest.raises((ValueError, dataclasses.FrozenInstanceError)):
        study.id = "other"
    assert "_root" not in study.model_dump(by_alias=True)


def test_both_yaml_parsers_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """libyaml's and PyYAML's own, over every study of the repository, each mutated forty times."""
    from random import Random

    from impl.study import strict_yaml
    from worlds import REPOSITORY

    assert strict_yaml.FAST is not None, "PyYAML was built without libyaml"
    chance = Random(7)
    read = 0
    for file in sorted(REPOSITORY.glob("parameters/**/*.yaml")):
        text = file.read_text(encoding="utf-8")
        for round_ in range(40):
            changed = text
            for _ in range(round_ and 3):
                at = chance.randrange(len(changed))
                put = chance.choice(
                    [
                        ":",
                        "#",
                        "\t",
                        "\n",
                        " ",
                        "- ",
                        "{",
                        "]",
                        '"',
                        "'",
                        "|",
                        "&a ",
                        "*a",
                        "\x85",
                        "\u2028",
                        "%",
                        "? ",
                        ": ",
                        "ø",
                        "\\",
                    ]
                )
                changed = changed[:at] + put + changed[at + chance.randrange(2) :]
            fast = strict_yaml.parse_yaml(changed, "x.yaml")
            with monkeypatch.context() as patched:
                patched.setattr(strict_yaml, "FAST", None)
                slow = strict_yaml.parse_yaml(changed, "x.yaml")
            assert fast == slow, changed
            read += slow[0] is not None
    assert read > 100
