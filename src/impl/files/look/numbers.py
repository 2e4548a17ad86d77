"""How a file that nobody has described writes its numbers: decimal mark, thousands, signs and hidden counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from impl.errors import Fault, shorten
from impl.files.files import Raw
from impl.files.look.question import Ask, Question
from impl.files.signs import read_quantity
from impl.files.words import sheet_words
from impl.study.characters import plain
from impl.study.source import DataTable

_SPACED = re.compile("[-−]?[0-9]{1,3}(?:[ \u00a0\u202f\u2009][0-9]{3})+(?:[.,][0-9]+)?")
_MARKED = re.compile(r"[-−]?[0-9]+([.,])[0-9]+")
_GROUP = re.compile(r"[-−]?[0-9]{1,3}[.,][0-9]{3}")
MEANINGS = ("suppressed", "missing", "not_reported", "zero")


def look_at_numbers(
    cells: Sequence[Raw], shown: str, table: dict[str, Any], notes: list[str], ask: Ask, faults: list[Fault]
) -> None:
    """Decimal mark, thousands, signs and limits of hidden counts into `table`; a cell that stays unread is a fault."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    if any(_SPACED.fullmatch(text) for text in texts):
        table["thousands"] = "space"
        notes.append("thousands set apart by a space")
    decided = _decimal(texts, shown, table, notes, ask)
    if not (_signs(texts, shown, table, notes, ask) and decided):
        return
    form = DataTable(
        file="x", **{key: table[key] for key in ("decimal", "thousands", "marks") if key in table}
    )
    unread: list[Fault] = []
    for cell in dict.fromkeys(cells):
        if cell != "":
            read_quantity(cell, form, None, f"{shown}, a cell", unread)
    faults.extend(unread[:10])
    _hidden(cells, table, notes)


def _decimal(texts: Sequence[str], shown: str, table: dict[str, Any], notes: list[str], ask: Ask) -> bool:
    """Whether the decimal mark is known."""
    bare = [re.sub("[ \u00a0\u202f\u2009]", "", text).rstrip("*") for text in texts]
    marked = [(text, found[1]) for text in bare if (found := _MARKED.fullmatch(text))]
    marks = {mark for _, mark in marked}
    if not marks:
        return True
    mark = marks.pop()
    certain = [text for text, _ in marked if not _GROUP.fullmatch(text)]
    if marks or not certain:  # both marks, or nothing but 1.234
        options = ("comma", "point")
        question = f"Which is the decimal mark of {shown} ({plain(marked[0][0])})?"
        answer = ask(Question(key="decimal", text=question, options=options))
        if answer is None:
            return False
        mark = "," if answer == "comma" else "."
    if mark == ",":
        table["decimal"] = "comma"
    notes.append(f"decimal mark: {'comma' if mark == ',' else 'point'}")
    return True


def _signs(texts: Sequence[str], shown: str, table: dict[str, Any], notes: list[str], ask: Ask) -> bool:
    """Whether every sign is known."""
    known = sheet_words().marks
    marks: dict[str, str] = {}
    whole = True
    for text in dict.fromkeys(texts):
        if text in known:
            marks[text] = known[text]
        elif re.fullmatch(r"[0-9][0-9.,\s]*\*", text):
            marks["*"] = "preliminary"
        elif text and not any(character.isdigit() for character in text):
            question = f"What does '{plain(text, 20)}' in {shown} stand for?"
            answer = ask(Question(key="marks", text=question, options=MEANINGS))
            if answer is None:
                whole = False
            else:
                marks[text] = answer
    counts = Counter(texts)
    for mark, meaning in marks.items():
        times = counts[mark] or sum(text.endswith(mark) for text in texts)
        notes.append(f"sign {shorten(mark, 20)}: {meaning} ({times} times)")
    if marks:
        table["marks"] = marks
    if counts[""]:
        question = f"{counts['']} cells of {shown} are empty. What does an empty cell stand for?"
        answer = ask(Question(key="empty", text=question, options=MEANINGS))
        if answer is None:
            return False
        table["empty"] = answer
        notes.append(f"empty cell: {answer} ({counts['']} times)")
    return whole


def _hidden(cells: Sequence[Raw], table: dict[str, Any], notes: list[str]) -> None:
    """What «<5» hides: 1 to 4 where 0 is shown, else 0 to 4; the same for a sign that hides."""
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    below = {int(found[1]) for text in texts if (found := re.fullmatch(r"<\s*([0-9]{1,6})", text))}
    if not below:
        if "suppressed" in table.get("marks", {}).values():
            notes.append(
                "hidden counts are gaps; if you know between what limits they lie, write 'hidden' under 'data'"
            )
        return
    shown_zero = any(cell in ("0", 0) and not isinstance(cell, date) for cell in cells)
    least, most = (1 if shown_zero else 0), max(below) - 1
    table["hidden"] = {"at_least": least, "at_most": most}
    notes.append(
        f"<{max(below)} is a count from {least} to {most}" + (", as 0 is shown" if shown_zero else "")
    )
