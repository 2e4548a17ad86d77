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
    "central_line", "good_pathways", "leve_hele_livet",
}  # fmt: skip


def texts(entry: Measure | Bundle) -> dict[str, dict[str, object]]:
    """Every translated text of an entry by name."""
    if isinstance(entry, Measure):
        found: dict[str, dict[str, object]] = {
            "name": entry.name, "events": entry.events, "exposure": entry.exposure, "unit": entry.unit,
        }  # fmt: skip
        if entry.example is not None:
            found["example"] = entry.example.text
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


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundles_measures_exist(name: str) -> None:
    bundle = read_bundle(name, ELSEWHERE)

    assert bundle.measures
    assert set(bundle.measures) <= set(MEASURES)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*/*.toml")), ids=lambda file: file.stem)
def test_files_are_plain_and_in_order(file: Path) -> None:
    text = file.read_text(encoding="utf-8")

    assert tomllib.loads(text)["id"] == file.stem
    assert text.startswith("schema = 1\n")
    assert text.endswith("\n")
    assert "\t" not in text
