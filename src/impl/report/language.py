"""Report languages: one TOML file each, and the numbers, dates and plurals that go into their sentences.

A text is asked for by its key and filled with slots from a closed set of names. Texts hold no markup;
whoever puts one into a page escapes it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from string import Formatter
from types import MappingProxyType

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from impl.errors import Fault, ImplError, nearest, shorten
from impl.study.value import Translated

FALLBACK = "nb"
FOLDERS = ("", "network")
"""Where a language has its files: for reports, and for the pages about the whole network."""
NO_BREAK = "\u00a0"
MINUS = "\u2212"

SLOTS = frozenset(
    [
        "after", "amount", "before", "bundle", "calendar", "change", "check", "commit", "count", "date", "days", "direction",
        "draws", "chains", "element", "end", "events", "expected", "exposure", "first", "good", "group",
        "high", "id", "last", "lead", "level", "limit", "low", "measure", "moderator", "months", "name", "number",
        "observed", "other", "percent", "periods", "place", "points", "probability", "question", "seconds",
        "selection", "share", "since", "site", "sites", "start", "status", "step", "steps", "text", "unit",
        "value", "window", "with_sites", "without", "word", "years",
    ]
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Language:
    """One language file, read: texts by dotted key, and the locale that formats its numbers and dates."""

    code: str
    locale: Locale
    texts: Mapping[str, str]

    def has(self, key: str) -> bool:
        return key in self.texts

    def say(self, key: str, slots: Mapping[str, str] | None = None) -> str:
        """The text of `key` with its slots filled, first letter as written.

        Raises KeyError for an unknown key or a slot without value: both are mistakes of ours.
        """
        return self.texts[key].format_map(dict(slots or {}))

    def count(self, key: str, number: int, slots: Mapping[str, str] | None = None) -> str:
        """The text of `key.one` or `key.other` by the language's plural rule, slot `count` filled."""
        form = self.locale.plural_form(number)
        chosen = f"{key}.{form}" if self.has(f"{key}.{form}") else f"{key}.other"
        return self.say(chosen, {"count": self.number(number), **(slots or {})})

    def pick(self, translated: Translated) -> str:
        """The text in this language, or in bokmål where it is not translated, or in any language."""
        chosen = translated.get(self.code) or translated.get(FALLBACK)  # type: ignore[call-overload]
        return str(chosen) if chosen else next(iter(translated.values()), "")

    def number(self, value: float, decimals: int = 0, *, signed: bool = False) -> str:
        """A number as running text has it: grouped from 10 000 up, true minus sign, never «-0»."""
        rounded = round(value, decimals)
        whole = "#,##0" if abs(rounded) >= 10_000 else "0"
        pattern = whole + ("." + "0" * decimals if decimals else "")
        text = str(format_decimal(abs(rounded), format=pattern, locale=self.locale))
        if rounded < 0:
            return MINUS + text
        return "+" + text if signed and rounded > 0 else text

    def percent(self, value: float, decimals: int = 0) -> str:
        """«17 prosent», for sentences; `value` is in per cent."""
        return self.say("format.percent_words", {"number": self.number(value, decimals)})

    def points(self, value: float, decimals: int = 0) -> str:
        """«4,2 prosentpoeng», for sentences."""
        form = "one" if decimals == 0 and round(abs(value)) == 1 else "other"
        return self.say(f"format.points_words.{form}", {"number": self.number(value, decimals)})

    def percent_sign(self, value: float, decimals: int = 0, *, signed: bool = False) -> str:
        """«−17 %», for tables and figures."""
        return self.say("format.percent_sign", {"number": self.number(value, decimals, signed=signed)})

    def day(self, value: date) -> str:
        return str(format_date(value, self.texts["format.day"], locale=self.locale))

    def month(self, value: date) -> str:
        return str(format_date(value, self.texts["format.month"], locale=self.locale))

    def short_month(self, value: date) -> str:
        return str(format_date(value, self.texts["format.short_month"], locale=self.locale))

    def listing(self, words: list[str]) -> str:
        """«a, b og c»."""
        if len(words) < 2:
            return "".join(words)
        return self.say("format.list_end", {"first": ", ".join(words[:-1]), "last": words[-1]})


def sentence(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def slots_of(text: str) -> frozenset[str]:
    """Names of the slots in a text. Raises ValueError for anything but plain known names in braces."""
    names = set()
    for _, name, spec, conversion in Formatter().parse(text):
        if name is None:
            continue
        if name not in SLOTS or spec or conversion:
            raise ValueError(f"slot {{{name}}} is not one of the known slots")
        names.add(name)
    return frozenset(names)


def language_codes() -> tuple[str, ...]:
    """Codes of every language file beside this module."""
    return tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))


@lru_cache(maxsize=8)
def read_language(code: str) -> Language:
    """The report language `nb`, `en`, …  Raises ImplError for a language that has no file."""
    if code not in language_codes():
        allowed = language_codes()
        raise ImplError(
            [
                Fault(
                    code="report.unknown_language",
                    where="language",
                    got=shorten(code),
                    allowed=f"one of {', '.join(allowed)}",
                    fix=nearest(code, allowed)
                    or "Choose one of these, or add a language file to the report room.",
                )
            ]
        )
    texts: dict[str, str] = {}
    for folder in FOLDERS:
        texts |= flatten(tomllib.loads((Path(__file__).parent / folder / f"{code}.toml").read_text("utf-8")))
    for key, text in texts.items():
        try:
            slots_of(text)
        except ValueError as problem:
            raise ValueError(f"{code}.toml, {key}: {problem}") from None
    return Language(code=code, locale=Locale.parse(texts["format.locale"]), texts=MappingProxyType(texts))


def flatten(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested tables to dotted keys. Raises ValueError where a leaf is not text."""
    texts: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            texts |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            texts[prefix + key] = value
        else:
            raise ValueError(f"{prefix}{key}: a language file holds texts only")
    return texts
