"""What looks wrong in a panel, as values: one finding a site, measure and run of periods, with a code.

The words live in the language files. A finding is a question to whoever delivered, never a correction: nothing is
changed and nothing is left out because of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

FACTORS = (7.0, 10.0, 12.0, 24.0, 30.0, 52.0, 100.0, 365.0, 1000.0)
"""What units differ by when they are mixed up: days and weeks, months, hours, per cent, years, thousands."""
NEAR_FACTOR = 1.2  # times a factor, up or down, that still counts as it (choice)
CHANCE = (
    0.01  # chance of one false alarm of a kind in a measure, at most, where a law of chance is known (choice)
)

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to ask about.

    site: None where it is about the measure as a whole. other: the second site of a pair. first, last: positions of
    the periods that it is about, None for all of them. values: what its sentence needs; never a count of events.
    """

    code: str
    measure: str | None = None
    site: str | None = None
    other: str | None = None
    first: int | None = None
    last: int | None = None
    values: dict[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Series:
    """The cells of one site and measure that have a number, in order of period."""

    measure: str
    site: str
    period: npt.NDArray[np.int64]
    numerator: Numbers
    denominator: Numbers

    def __len__(self) -> int:
        return len(self.period)


def near_factor(ratio: float) -> float | None:
    """The factor of FACTORS that a ratio (or its inverse) is about; None where it is near none of them."""
    size = max(ratio, 1.0 / ratio)
    nearest = min(FACTORS, key=lambda factor: abs(np.log(size / factor)))
    return nearest if abs(np.log(size / nearest)) <= np.log(NEAR_FACTOR) else None


def size_of(ratio: float) -> dict[str, float | int | str]:
    """How many times more, or less, as a sentence says it: the factor where it is near one."""
    factor = near_factor(ratio)
    size = max(ratio, 1.0 / ratio)
    rounded = round(factor) if factor is not None else round(size) if size >= 10 else round(size, 1)
    return {"times": rounded, "way": "up" if ratio > 1 else "down"}


def runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last position of every run of flags that are set."""
    edges = np.flatnonzero(np.diff([0, *map(int, flags), 0]))
    yield from ((int(first), int(until) - 1) for first, until in edges.reshape(-1, 2))


def runs_of_equals(values: Numbers) -> Iterator[tuple[int, int]]:
    """First and last position of every run of equal values, single ones included."""
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1), len(values)]
    yield from ((int(first), int(until) - 1) for first, until in pairwise(edges))
