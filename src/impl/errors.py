"""Faults in what the user brought, said so that they can be mended.

A user's mistake is an `ImplError`: it shows its text and no traceback, in the terminal, in a notebook
cell and in papermill's output. Every other exception is a bug of ours and always shows its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

SHOWN_FAULTS = 50


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong: where, what was got, what is allowed, what to do.

    `where` names file, line or row, and column or key as the user sees them. `code` is stable
    (`data.zero_denominator`) and is what tests and `impl check --json` rely on.
    """

    code: str
    where: str
    got: str
    allowed: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: got {self.got}, must be {self.allowed}. {self.fix}"


class ImplError(Exception):
    """Base of all errors that a user can mend; holds every fault found, not only the first."""

    exit_code = 2

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(str(self))

    def __str__(self) -> str:
        shown = [str(fault) for fault in self.faults[:SHOWN_FAULTS]]
        if len(self.faults) > SHOWN_FAULTS:
            shown.append(f"… and {len(self.faults) - SHOWN_FAULTS} more faults of {len(self.faults)}.")
        return "\n".join(shown)

    def _render_traceback_(self) -> list[str]:
        # IPython calls this in place of printing a traceback.
        return [f"{type(self).__name__}:", *str(self).splitlines()]


class StudyError(ImplError):
    """The study file, a measure or a bundle file cannot be read as written."""


class DataError(ImplError):
    """A data table does not meet the contract."""


class DesignError(ImplError):
    """Study and data are each valid but cannot answer the question together."""


class DisclosureError(ImplError):
    """A release would tell more than its audience may see."""

    exit_code = 4


class RunError(ImplError):
    """A run could not be carried out: kernel, disk, time."""

    exit_code = 5


def shorten(value: object, limit: int = 80) -> str:
    """Quote a value for an error text: one line, at most `limit` characters, long digit runs masked.

    A run of 11 digits may be a national identity number, so it never reaches an error text.
    """
    text = repr(value) if isinstance(value, str) else str(value)
    text = " ".join(text.split())
    digits = sum(character.isdigit() for character in text)
    if digits >= 11:
        text = "".join("•" if character.isdigit() else character for character in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(word: str, allowed: Iterable[str]) -> str:
    """A 'did you mean' sentence for a misspelt word, or an empty string."""
    close = get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else ""
