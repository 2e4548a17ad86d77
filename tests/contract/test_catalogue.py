"""Every shipped measure and bundle: parses, has a source, can be said in every language, fits its law."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import pytest

import impl.study
from impl.study.catalogue import Bundle, Measure
from impl.study.load import bundle_ids, measure_ids, read_bundle, read_measure
from impl.study.value import LanguageCode
from impl.study.vocabulary import read_vocabulary

FOLDER = Path(impl.study.__file__).parent
ELSEWHERE = Path(__file__).parent  # a root without files of its own: shipped entries only
MEASURES = measure_ids(ELSEWHERE)
BUNDLES = bundle_ids(ELSEWHERE)
LAWS = {
    "rate": {"poisson", "negbin"},
    "proportion": {"binomial", "betabinomial", "ordered"},
    "mean": {"normal", "student"},
}
HOUSE_BUNDLES = {
    "medication", "deterioration", "malnutrition", "falls", "pressure_ulcers", "safe_discharge", "catheter_uti",
    "central_line", "good_pathways", "leve_hele_livet", "safe_hands",
}  # fmt: skip


def texts(entry: Measure | Bundle) -> dict[str, dict[str, object]]:
    """Every translated text of an entry by name."""
    if isinstance(entry, Measure):
        found: dict[str, dict[str, object]] = {
            "name": entry.name, "events": entry.events, "exposure": entry.exposure, "unit": entry.unit,
        }  # fmt: skip
        optional = {
            "numerator": entry.numerator,
            "denominator": entry.denominator,
            "left_out": entry.left_out,
        }
        found |= {name: text for name, text in optional.items() if text is not None}
        if entry.example is not None:
            found["example"] = entry.example.text
        if entry.scenario is not None:
            found["scenario"] = entry.scenario.text
        return found
    components = {f"component {index}": text for index, text in enumerate(entry.components, 1)}
    return {"name": entry.name, "the_bundle": entry.the_bundle, **components}


ENTRIES = [pytest.param(read_measure(name, ELSEWHERE), id=f"measure {name}") for name in MEASURES]
ENTRIES += [pytest.param(read_bundle(name, ELSEWHERE), id=f"bundle {name}") for name in BUNDLES]


def test_every_file_in_the_folders_is_read() -> None:
    assert {file.stem for file in (FOLDER / "measures").iterdir()} == set(MEASURES)
    assert {file.stem for file in (FOLDER / "bundles").iterdir()} == set(BUNDLES)
    assert set(BUNDLES) >= HOUSE_BUNDLES


@pytest.mark.parametrize("entry", ENTRIES)
def test_bokmal_and_english_are_there_and_no_language_twice(entry: Measure | Bundle) -> None:
    for name, text in texts(entry).items():
        assert {"nb", "en"} <= set(text) <= set(get_args(LanguageCode)), name
        for language, words in text.items():
            for written in (words.one, words.many) if hasattr(words, "one") else (words,):
                assert written == written.strip(), (name, language)
                assert not written.endswith("."), (name, language)


@pytest.mark.parametrize("entry", ENTRIES)
def test_it_has_a_source_and_says_where_numbers_come_from(entry: Measure | Bundle) -> None:
    assert len(entry.source) >= 40
    if isinstance(entry, Measure):
        assert "Baseline" in entry.source
        assert f"{entry.baseline:g}".rstrip("0").rstrip(".") in entry.source


@pytest.mark.parametrize("name", MEASURES)
def test_a_measures_parts_fit_together(name: str) -> None:
    measure = read_measure(name, ELSEWHERE)

    assert measure.likelihood in LAWS[measure.kind]
    if measure.kind == "proportion":
        assert measure.per == 100
        assert measure.baseline < 100
        assert measure.unit["nb"].startswith("prosent av ")
        assert measure.unit["en"].startswith("per cent of ")
    if measure.kind == "rate":
        number = f"{measure.per:,.0f}"
        norwegian = number.replace(",", "\u00a0" if measure.per >= 10_000 else "")
        assert measure.unit["nb"] == f"per {norwegian} {measure.exposure['nb']}"
        assert measure.unit["en"] == f"per {number} {measure.exposure['en']}"


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_says_what_it_is(name: str) -> None:
    measure = read_measure(name, ELSEWHERE)

    assert measure.definition
    assert measure.numerator
    assert measure.denominator
    assert measure.aspect
    assert measure.frequency
    assert measure.baseline_range is not None
    assert "ange" in measure.source, "the range has a source, or is called a choice"
    if measure.kind == "proportion":
        assert measure.baseline_range[1] <= 100
    assert not measure.replaces_shipped


@pytest.mark.parametrize("name", MEASURES)
def test_a_measures_companions_exist_and_point_back(name: str) -> None:
    measure = read_measure(name, ELSEWHERE)
    named = [other for others in measure.related.values() for other in others]

    assert name not in named
    assert set(named) <= set(MEASURES)
    assert (measure.coverage is not None) <= (measure.left_out is not None)
    if measure.coverage is not None:
        assert read_measure(measure.coverage, ELSEWHERE).kind == "proportion"


def test_no_two_measures_have_one_definition() -> None:
    definitions = [read_measure(name, ELSEWHERE).definition for name in MEASURES]
    assert len(set(definitions)) == len(definitions)


def test_counts_of_reports_are_never_simply_good_or_bad_alone() -> None:
    """More reports can be good: the direction is open, or a companion tells reporting from harm."""
    for name in MEASURES:
        measure = read_measure(name, ELSEWHERE)
        if measure.counts == "reports":
            assert measure.direction == "ambiguous" or measure.paired or measure.balancing, name


def test_every_focus_area_has_measures() -> None:
    areas = {item.id for item in read_vocabulary("national_framework").group("focus_area")}
    measured = [area for name in MEASURES for area in read_measure(name, ELSEWHERE).focus_areas]
    assert set(measured) == areas
    assert all(measured.count(area) >= 2 for area in areas)


def test_the_avoidable_half_is_a_scenario() -> None:
    scenario = read_measure("gtt_harm", ELSEWHERE).scenario
    assert scenario is not None
    assert scenario.share == 0.5
    assert "ssum" in scenario.source


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundles_measures_exist_and_eight_bundles_have_components(name: str) -> None:
    bundle = read_bundle(name, ELSEWHERE)

    assert bundle.measures
    assert set(bundle.measures) <= set(MEASURES)
    assert not bundle.replaces_shipped
    if name in HOUSE_BUNDLES:
        assert len(bundle.parts) >= 2
        assert all(part.id for part in bundle.parts)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*/*.toml")), ids=lambda file: file.stem)
def test_files_are_plain_and_in_order(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert tomllib.loads(text)["id"] == file.stem
    assert text.startswith("schema = 1\n")
    assert text.endswith("\n")
    assert "\t" not in text
