"""Free text in logs: what looks like a person is refused at the door."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from pathlib import Path

_CAPITALISED = r"[A-ZÆØÅ][a-zæøåéèüöä]+(?:-[A-ZÆØÅ][a-zæøåéèüöä]+)?"
_ELEVEN_DIGITS = re.compile(r"(?<![0-9])[0-9]{6}[ .-]?[0-9]{5}(?![0-9])")
_PHONE = re.compile(
    r"(?<![0-9])(?:(?:\+|00)47[ ]?)?"
    r"(?:[2-9][0-9](?: [0-9]{2}){3}|[2-9][0-9]{2} [0-9]{2} [0-9]{3}|[2-9][0-9]{7})(?![0-9])"
)


@cache
def _words() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A first name with a family name; a post with a name."""
    lists = tomllib.loads((Path(__file__).parent / "personal.toml").read_text(encoding="utf-8"))
    first = "|".join(map(re.escape, lists["first_names"]))
    titles = "|".join(map(re.escape, lists["titles"]))
    name = re.compile(rf"\b(?:{first})(?:-{_CAPITALISED})?(?:\s+{_CAPITALISED}){{1,2}}")
    return name, re.compile(rf"\b(?i:{titles})\s+{_CAPITALISED}")


def personal_trace(text: str) -> str | None:
    """What kind of personal detail `text` seems to hold (`a personal name` …), or None; never the detail itself.

    Eleven digits in a row, a telephone number of eight digits, a common first name before one or two
    capitalised words, or a post before a capitalised word. It catches the careless, not everything: a rare
    name, a first name alone or a nickname passes, and the one who brings the table answers for it.
    """
    if _ELEVEN_DIGITS.search(text):
        return "eleven digits, as in a national identity number"
    if any(not _is_day(found.group()) for found in _PHONE.finditer(text)):
        return "a telephone number"
    if any(pattern.search(text) for pattern in _words()):
        return "a personal name"
    return None


def _is_day(digits: str) -> bool:
    """Whether eight digits are a day of this time, 20240601."""
    try:
        return digits.startswith("20") and date.fromisoformat(digits) is not None
    except ValueError:
        return False
