"""What no declared text and no data cell may hold: hidden characters and national identity numbers."""

from __future__ import annotations

import re
import unicodedata

from impl.errors import shorten

# Zero-width and direction-changing characters: two names that look alike, or a page that reads backwards.
_HIDDEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_ELEVEN_DIGITS = re.compile(r"(?<![0-9])([0-9]{6})[ -]?([0-9]{5})(?![0-9])")
_FIRST_WEIGHTS = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)
_SECOND_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)


def plain(text: str, limit: int = 60) -> str:
    """Text as it may stand in an error without quotes: one line, shortened, long digit runs masked."""
    return shorten(text, limit).strip("'\"")


def hidden_character(text: str) -> str | None:
    """Name of the first control, zero-width or direction character in `text` (U+202E), or None."""
    found = _HIDDEN.search(text)
    if found is None:
        return None
    name = unicodedata.name(found.group(), "control character")
    return f"U+{ord(found.group()):04X} {name.lower()}"


def holds_identity_number(text: str) -> bool:
    """Whether `text` holds an 11-digit Norwegian national identity number (fødselsnummer, D-number …).

    Both check digits (modulo 11) and the date part must be valid, so that organisation numbers and long
    counts pass. Months 41-52, 61-72 and 81-92 are aid and test numbers, days 41-71 are D-numbers.
    Source: the number's published construction (Skatteetaten, fødselsnummer).
    """
    return any(_is_identity_number("".join(match.groups())) for match in _ELEVEN_DIGITS.finditer(text))


def _is_identity_number(digits: str) -> bool:
    values = [int(digit) for digit in digits]
    day, month = int(digits[:2]), int(digits[2:4])
    if not (1 <= day % 40 <= 31 and day <= 71 and 1 <= month % 20 <= 12):
        return False
    first = sum(weight * value for weight, value in zip(_FIRST_WEIGHTS, values, strict=False))
    second = sum(weight * value for weight, value in zip(_SECOND_WEIGHTS, values, strict=True))
    return first % 11 == 0 and second % 11 == 0
