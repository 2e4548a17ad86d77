"""What a file does not say, as a question to whoever brings it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Question:
    """key: of the study file, under `data`. options: possible answers, empty where any text is one."""

    key: str
    text: str
    options: tuple[str, ...] = ()


Ask = Callable[[Question], str | None]
"""An answer, or None where nobody can be asked."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Words of the measure, as `fold` gives them: what its events and its denominator may be called."""

    events: frozenset[str]
    exposure: frozenset[str]


def is_named(text: str, words: frozenset[str]) -> bool:
    """Whether a heading is one of the words, with or without «antall» before and a unit in brackets after."""
    bare = re.sub(r"\s*[(\[].*[)\]]$", "", text)
    bare = re.sub(r"^(antall|antal|tal på|number of|no\. of|sum|n) ", "", bare)
    return text in words or bare in words
