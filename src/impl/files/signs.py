"""One number cell of a sheet: the number itself, or what a sign, `<5` or `1-4` says instead of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from impl.errors import Fault, shorten
from impl.files.files import Raw, text_of
from impl.files.words import sheet_words
from impl.study.characters import plain
from impl.study.source import DataTable, HiddenCount

_SPACES = "[ \u00a0\u202f\u2009]"
_WHOLE = "[0-9]{1,25}"
_GROUPED = rf"(?:[0-9]{{1,3}}(?:{_SPACES}[0-9]{{3}})+|{_WHOLE})"
_BELOW = re.compile(r"(<|≤|<=|&lt;)\s*([0-9]{1,9})")
_BETWEEN = re.compile(r"([0-9]{1,9})\s*[-–]\s*([0-9]{1,9})")
_MINUS = re.compile("[-−]")


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number cell as the long table writes it. status: empty where there is a number.

    at_least, at_most: limits of a hidden count as text, empty where nothing is known. place: where it stands.
    """

    text: str
    place: str
    status: str = ""
    at_least: str = ""
    at_most: str = ""
    preliminary: bool = False


def read_quantity(
    raw: Raw, table: DataTable, hidden: HiddenCount | None, place: str, faults: list[Fault]
) -> Quantity | None:
    """A number cell, or None with a fault noted. Whether a number may be negative or broken is not asked here."""
    if isinstance(raw, date):
        faults.append(
            _fault(
                "data.date_in_number",
                place,
                "a day",
                "a number",
                "A spreadsheet turns '1-4' into the first of April: format the column as text, and type it again.",
            )
        )
        return None
    if isinstance(raw, (int, float)):
        if not math.isfinite(raw):
            faults.append(_fault("data.number", place, "no finite number", "a number", "Mend the cell."))
            return None
        return Quantity(text=text_of(raw), place=place)
    text = raw.strip()
    if not text:
        return _as_said(table.empty, hidden, place)
    said = table.marks.get(text)
    if said is not None and said != "preliminary":
        return _as_said(said, hidden, place)
    preliminary = False
    for mark, meaning in table.marks.items():
        if meaning == "preliminary" and text != mark and text.endswith(mark):
            text, preliminary = text.removesuffix(mark).rstrip(), True
            break
    below = _BELOW.fullmatch(text)
    if below is not None:
        most = int(below[2]) - (0 if below[1] in ("≤", "<=") else 1)
        least = 0 if hidden is None else min(hidden.at_least, most)
        if most >= 0:
            return Quantity(text="", place=place, status="suppressed", at_least=str(least), at_most=str(most))
    between = _BETWEEN.fullmatch(text)
    if between is not None and int(between[1]) < int(between[2]):
        return Quantity(text="", place=place, status="suppressed", at_least=between[1], at_most=between[2])
    number = _number(text, table)
    if number is None:
        faults.append(_unreadable(text, table, place))
        return None
    return Quantity(text=number, place=place, preliminary=preliminary)


def _as_said(said: str | None, hidden: HiddenCount | None, place: str) -> Quantity:
    if said is None:
        return Quantity(text="", place=place)  # the contract says what is missing
    if said == "zero":
        return Quantity(text="0", place=place)
    if said == "suppressed" and hidden is not None:
        return Quantity(
            text="", place=place, status=said, at_least=str(hidden.at_least), at_most=str(hidden.at_most)
        )
    return Quantity(text="", place=place, status=said)


def _number(text: str, table: DataTable) -> str | None:
    """The number with a decimal point and without groups, or None where it is not written as declared."""
    whole = _GROUPED if table.thousands == "space" else _WHOLE
    mark = "," if table.decimal == "comma" else r"\."
    if not re.fullmatch(rf"[-−]?{whole}(?:{mark}[0-9]{{1,40}})?", text):
        return None
    return re.sub(_SPACES, "", _MINUS.sub("-", text)).replace(",", ".")


def _unreadable(text: str, table: DataTable, place: str) -> Fault:
    other = "comma" if table.decimal == "point" else "point"
    allowed = f"a number with a decimal {table.decimal}"
    known: Mapping[str, str] = sheet_words().marks
    if "%" in text:
        allowed, fix = "a count", "Give numerator and denominator: a share without them says too little."
    elif text in known:
        fix = f"Say what it stands for under 'marks': {{\"{text}\": {known[text]}}} in official statistics."
    elif re.fullmatch(r"[^\w\s]{1,3}|i\.a\.|x{1,3}|n/?a", text, flags=re.IGNORECASE):
        fix = "Say what it stands for under 'marks'."
    elif re.fullmatch(rf"[-−]?[0-9]{{1,3}}(?:{_SPACES}[0-9]{{3}})+(?:[.,][0-9]+)?", text):
        fix = "Say 'thousands: space'."
    elif re.fullmatch(r"[0-9]{1,3}(?:[.,][0-9]{3})+", text):
        bare = re.sub("[.,]", "", text)
        fix = f"Is it {plain(bare)}, or with decimals? Write thousands without a sign."
    elif re.fullmatch(r"[-−]?[0-9]+[.,][0-9]+", text):
        fix = f"Say 'decimal: {other}' if the whole table is written so; mend the cell if it is alone."
    elif not text.isascii() and any(character.isdigit() for character in text):
        fix = "Write the digits 0-9."
    else:
        fix = "Write digits only."
    return _fault("data.number", place, shorten(text, 40), allowed, fix)


def _fault(code: str, place: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=place, got=got, allowed=allowed, fix=fix)
