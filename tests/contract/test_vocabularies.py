"""Every vocabulary: parses, says where it is from and what was checked, can be said in every language."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import impl.study
from impl.errors import StudyError
from impl.logs.cycles import PHASES
from impl.logs.strategy import INTENSITIES
from impl.study import vocabulary as module
from impl.study.vocabulary import Vocabulary, fold, read_vocabulary, spellings, vocabulary_names

NAMES = vocabulary_names()
LANGUAGES = ("nb", "nn", "en")
COUNTS = {  # items by group, additions of our own left out
    "frame": {
        "when": 4, "planned": 3, "decided_by": 11, "what": 4, "level": 7, "contextual": 4, "nature": 15,
        "fidelity": 3, "goal": 8, "reason_level": 4,
    },
    "eric": {
        "evaluative": 10, "assistance": 4, "adapt": 4, "stakeholders": 17, "train": 11, "clinicians": 5,
        "consumers": 5, "financial": 9, "infrastructure": 8,
    },
    "proctor": {"implementation": 8, "service": 6, "client": 3, "strategy_field": 10},
    "re_aim": {"dimension": 5},
    "fit_questions": {"fit": 6},
    "objections": {"objection": 6, "motivator": 7},
    "implementation_intensity": {"intensity": 3},
    "national_framework": {"goal": 3, "means": 5, "focus_area": 5},
    "reporting_items": {"stari": 27, "tidier": 12, "consort_sw": 15, "barg": 17},
}  # fmt: skip
# which groups are looked up together when a table is read: there, no spelling may mean two things
LOOKED_UP = [
    ("frame", "nature", "contextual"), ("frame", "what", "contextual"), ("eric",), ("cfir",), ("fit_questions",),
    ("implementation_intensity",), ("improvement_cycle", "decision"), ("improvement_cycle", "wheel"),
    *(("frame", field) for field in ("when", "planned", "decided_by", "level", "goal", "reason_level", "fidelity")),
]  # fmt: skip


def test_every_file_in_the_folder_is_read() -> None:
    folder = Path(impl.study.__file__).parent / "vocabularies"

    assert {file.name for file in folder.iterdir()} == {f"{name}.toml" for name in NAMES}
    assert set(NAMES) >= {
        "frame", "frame_is", "eric", "cfir", "proctor", "re_aim", "fit_questions", "objections",
        "improvement_cycle", "reporting_items",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_it_says_where_it_is_from_and_what_was_checked(name: str) -> None:
    vocabulary = read_vocabulary(name)

    for text in (vocabulary.licence, vocabulary.citation, vocabulary.source, vocabulary.checked):
        assert len(text) >= 25
        assert text == text.strip()
        assert text.endswith(".")
    assert re.search(r"\b(19|20)[0-9]{2}\b", vocabulary.citation)
    unverified = [item.id for item in (*vocabulary.groups, *vocabulary.items) if not item.verified]
    if unverified:
        assert re.search(r"from memory|[Nn]ot (checked|compared)", vocabulary.checked), unverified


@pytest.mark.parametrize("name", NAMES)
def test_every_term_has_a_label_in_every_language(name: str) -> None:
    vocabulary = read_vocabulary(name)

    for term in (*vocabulary.groups, *vocabulary.items):
        for language in LANGUAGES:
            label = vocabulary.label(term, language)
            assert label, (term.id, language)
            assert label == label.strip()
            assert not label.endswith(".")


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_those_of_the_framework(name: str) -> None:
    vocabulary = read_vocabulary(name)

    assert Counter(item.group for item in vocabulary.items if not item.own) == COUNTS[name]
    if name == "eric":
        assert len(vocabulary.items) == 73
        assert len(vocabulary.groups) == 9


def test_cfir_has_its_constructs_and_one_addition_of_ours() -> None:
    vocabulary = read_vocabulary("cfir")
    named = [item for item in vocabulary.items if not item.own]

    assert sum(item.parent is None for item in named) == 48
    assert sum(item.parent is not None for item in named) == 19
    assert [item.id for item in vocabulary.items if item.own] == ["reform_load"]


def test_the_wheel_has_five_steps_in_order() -> None:
    wheel = read_vocabulary("improvement_cycle").group("wheel")

    assert [item.name for item in wheel if item.parent is None] == [
        "Forberede", "Planlegge", "Utføre", "Evaluere", "Følge opp"
    ]  # fmt: skip
    assert tuple(item.id for item in wheel if item.parent is None) == PHASES


def test_intensities_are_in_the_order_of_the_exposure() -> None:
    found = read_vocabulary("implementation_intensity").items

    assert tuple(item.id for item in found) == INTENSITIES
    assert [item.name for item in found] == ["spredning", "formidling", "implementering"]


@pytest.mark.parametrize("name", NAMES)
def test_mappings_point_to_items_that_exist(name: str) -> None:
    for item in read_vocabulary(name).items:
        for reference in item.maps_to:
            other, _, target = reference.partition(".")
            assert other in NAMES, reference
            assert target in {found.id for found in read_vocabulary(other).items}, reference


def test_every_objection_and_motivator_is_mapped_to_cfir() -> None:
    for item in read_vocabulary("objections").items:
        assert item.maps_to
        assert all(reference.startswith("cfir.") for reference in item.maps_to)


@pytest.mark.parametrize("looked_up", LOOKED_UP, ids=" ".join)
def test_no_spelling_means_two_things_where_it_is_looked_up(looked_up: tuple[str, ...]) -> None:
    name, *groups = looked_up
    meanings: dict[str, set[str]] = {}
    for item in read_vocabulary(name).items:
        if (not groups or item.group in groups) and not (name == "improvement_cycle" and item.parent):
            for text in (item.id, item.name, item.nb, item.nn, item.en, *item.also):
                if text is not None:
                    meanings.setdefault(fold(text), set()).add(item.id)

    assert {text: ids for text, ids in meanings.items() if len(ids) > 1} == {}
    assert all(spellings(name, *groups)[text] in ids for text, ids in meanings.items())


def test_what_is_marked_unverified_in_frame() -> None:
    frame = read_vocabulary("frame")
    unverified = {item.id for item in frame.items if not item.verified}

    for group in ("goal", "reason_level"):
        assert {item.id for item in frame.group(group)} <= unverified
    assert {
        "packaging",
        "substituting",
        "spreading",
        "repeating",
        "drift",
        "unplanned_reactive",
    } <= unverified
    assert not {"tailoring", "adding", "removing", "shortening", "lengthening"} & unverified


DAMAGE = [
    ('id = "re_aim"', 'id = "reaim"', "catalogue.id"),
    ("schema = 1", "schema = 2", "study.wrong_type"),
    ('licence = "', 'license = "', "study.unknown_key"),
    ('id = "adoption"', 'id = "reach"', "study.not_allowed"),
    ('{group = "dimension", id = "reach"', '{group = "dimensions", id = "reach"', "study.not_allowed"),
    ('maps_to = ["proctor.adoption"]', 'maps_to = ["proctor adoption"]', "study.not_allowed"),
    ("items = [", "items = ", "catalogue.syntax"),
]


@pytest.mark.parametrize(("old", "new", "code"), DAMAGE, ids=[code for _, _, code in DAMAGE])
def test_a_damaged_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, code: str
) -> None:
    text = (module._FOLDER / "re_aim.toml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "re_aim.toml").write_text(text.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(module, "_FOLDER", tmp_path)

    with pytest.raises(StudyError) as caught:
        read_vocabulary.__wrapped__("re_aim")
    assert code in {fault.code for fault in caught.value.faults}
    assert all(fault.where.startswith("vocabularies/re_aim.toml") for fault in caught.value.faults)


def test_an_unknown_vocabulary_names_the_nearest() -> None:
    with pytest.raises(StudyError, match="Did you mean 'frame'"):
        read_vocabulary("fram")


def test_a_vocabulary_is_frozen_and_read_once() -> None:
    vocabulary = read_vocabulary("eric")

    assert isinstance(vocabulary, Vocabulary)
    assert read_vocabulary("eric") is vocabulary
    with pytest.raises(KeyError):
        vocabulary.group("nothing")
