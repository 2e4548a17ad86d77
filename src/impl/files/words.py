"""Words of Norwegian sheets as data: months, totals, signs, headings and the columns that name persons."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from impl.study.source import Step
from impl.study.vocabulary import fold


class SheetWords(BaseModel):
    """`words.toml`, every word as `fold` gives it. months: twelve lists. headings: what the column is -> words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    months: tuple[tuple[str, ...], ...]
    totals: frozenset[str]
    parts: dict[Step, tuple[str, ...]]
    marks: dict[str, Literal["missing", "suppressed", "zero"]]
    headings: dict[str, frozenset[str]]
    persons: dict[str, frozenset[str]]


@cache
def sheet_words() -> SheetWords:
    """The words, read once."""
    lists = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
    lists["months"] = [[fold(name) for name in names] for names in lists["months"]]
    lists["totals"] = {fold(word) for word in lists["totals"]}
    for kind in ("parts", "headings", "persons"):
        lists[kind] = {key: [fold(word) for word in words] for key, words in lists[kind].items()}
    return SheetWords.model_validate(lists)
