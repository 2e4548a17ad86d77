"""National identity numbers and hidden characters."""

from __future__ import annotations

import pytest

from impl.study.characters import hidden_character, holds_identity_number


@pytest.mark.parametrize(
    "text",
    [
        "01010750160",  # an ordinary number
        "født 010107 50160",
        "010107-50160.",
        "41010750073",  # a D-number: day + 40
        "01410750062",  # month + 40
        "01810750045",  # month + 80, synthetic people of the test registry
    ],
)
def test_identity_numbers_are_found(text: str) -> None:
    digits = [int(character) for character in text if character.isdigit()]
    first, second = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
    if (
        sum(a * b for a, b in zip(first, digits, strict=False)) % 11
        or sum(a * b for a, b in zip(second, digits, strict=True)) % 11
    ):
        pytest.fail("the example itself has wrong check digits")

    assert holds_identity_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "01010750161",  # last check digit wrong
        "01010750260",
        "974795787",  # an organisation number has nine digits
        "101010750160",  # part of a longer number
        "010107501605",
        "0101075,0160",
        "32010750160",  # no such day
        "14768.4166666667",
    ],
)
def test_other_numbers_are_not(text: str) -> None:
    assert not holds_identity_number(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Åsgårdstrand – «Bo- og servicesenter» 👵🏽", None),
        ("two\nlines", None),
        ("a\u202eb", "U+202E right-to-left override"),
        ("a\u200bb", "U+200B zero width space"),
        ("a\u200db", "U+200D zero width joiner"),
        ("\ufeffa", "U+FEFF zero width no-break space"),
        ("a\x00", "U+0000 control character"),
        ("a\x9b", "U+009B control character"),
        ("a\ud800", "U+D800 control character"),
    ],
)
def test_hidden_characters(text: str, found: str | None) -> None:
    assert hidden_character(text) == found
