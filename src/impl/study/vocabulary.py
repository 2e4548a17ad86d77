"""Vocabularies as data: the lists that implementation research shares, one TOML file each in `vocabularies/`."""

from __future__ import annotations

import tomllib
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from impl.errors import Fault, StudyError, nearest
from impl.study.characters import plain
from impl.study.strict_yaml import read_text
from impl.study.typed_tree import node_of, read_tree
from impl.study.value import IsoDate, LanguageCode, MeasureId, Text, Value

_FOLDER = Path(__file__).parent / "vocabularies"

LongText = Annotated[str, StringConstraints(min_length=1, max_length=1500)]
Reference = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$", max_length=127)]
"""An item of another vocabulary, `cfir.available_resources`."""


class Term(Value):
    """One word of a vocabulary: an id, its name in the original language and labels for readers.

    A label that is left out is the name itself, in the language of the names. also: other spellings that
    tables may use. verified: whether the name was seen in a public source; False where it was written
    from memory. own: an addition of ours, no part of the framework.
    """

    id: MeasureId
    name: Text
    nb: Text | None = None
    nn: Text | None = None
    en: Text | None = None
    also: tuple[Text, ...] = ()
    verified: bool = True
    own: bool = False


class Item(Term):
    """A term in a group. parent: the item of the same group that it is a part of. maps_to: related items."""

    group: MeasureId
    parent: MeasureId | None = None
    maps_to: tuple[Reference, ...] = ()


class Vocabulary(Value):
    """A framework as items in groups (fields, clusters, domains); ids are unique within each group.

    language: of the names. checked: what was compared with a public source and what was not, on what day.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: MeasureId
    title: Text
    version: Text
    language: LanguageCode
    licence: LongText
    citation: LongText
    source: LongText
    checked: LongText
    checked_on: IsoDate
    groups: Annotated[tuple[Term, ...], Field(min_length=1)]
    items: Annotated[tuple[Item, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Vocabulary:
        groups = Counter(group.id for group in self.groups)
        ids = Counter((item.group, item.id) for item in self.items)
        repeated = [name for name, count in groups.items() if count > 1]
        repeated += [f"{group}.{name}" for (group, name), count in ids.items() if count > 1]
        lost = sorted({item.group for item in self.items} - groups.keys())
        lost += [
            f"{item.group}.{item.parent}"
            for item in self.items
            if item.parent is not None and (item.group, item.parent) not in ids
        ]
        if repeated or lost:
            raise PydanticCustomError(
                "vocabulary",
                f"items with ids of their own in groups that exist ({', '.join((*repeated, *lost)[:5])})",
                {"fix": "Rename the repeated ids, and add the missing groups and parents."},
            )
        return self

    def group(self, name: str) -> tuple[Item, ...]:
        """Items of one group, in order. Raises KeyError for a group that the vocabulary does not have."""
        if name not in {group.id for group in self.groups}:
            raise KeyError(f"{self.id} has no group {name}")
        return tuple(item for item in self.items if item.group == name)

    def label(self, term: Term, language: LanguageCode) -> str | None:
        """Label of a group or an item; the name where it is in that language; None where there is none."""
        written = {"nb": term.nb, "nn": term.nn, "en": term.en}[language]
        return term.name if written is None and language == self.language else written


def vocabulary_names() -> tuple[str, ...]:
    """Names of all vocabularies, in order."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.toml")))


@cache
def read_vocabulary(name: str) -> Vocabulary:
    """Vocabulary by name. Raises StudyError with every fault of the file."""
    known = vocabulary_names()
    shown = f"vocabularies/{plain(name)}.toml"
    if name not in known:
        raise StudyError(
            [
                _fault(
                    "study.unknown_vocabulary",
                    plain(name),
                    f"a vocabulary ({', '.join(known)})",
                    nearest(name, known) or "Choose one of these.",
                    "vocabulary",
                )
            ]
        )
    try:
        tree = node_of(tomllib.loads(read_text(_FOLDER / f"{name}.toml", shown)))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(
            [_fault("catalogue.syntax", plain(str(error), 80), "valid TOML", "Mend that line.", shown)]
        ) from None
    reading = read_tree(tree, Vocabulary, shown)
    if reading.model is None or reading.faults:
        raise StudyError(reading.faults)
    if reading.model.id != name:
        raise StudyError(
            [
                _fault(
                    "catalogue.id",
                    reading.model.id,
                    f"the file name, {name}",
                    "Rename the file or change the id.",
                    shown,
                )
            ]
        )
    return reading.model


@cache
def spellings(name: str, *groups: str) -> dict[str, str]:
    """Spelling as `fold` gives it -> id, for the items of some groups of a vocabulary (of all where none is named).

    An item is known by its id, its name, its labels and its other spellings.
    """
    vocabulary = read_vocabulary(name)
    wanted = groups or tuple(group.id for group in vocabulary.groups)
    found: dict[str, str] = {}
    for item in vocabulary.items:
        if item.group in wanted:
            for text in (item.id, item.name, item.nb, item.nn, item.en, *item.also):
                if text is not None:
                    found.setdefault(fold(text), item.id)
    return found


def fold(text: str) -> str:
    """Text without the differences that do not count: capitals, kind of space, composition of letters."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _fault(code: str, got: str, allowed: str, fix: str, where: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
