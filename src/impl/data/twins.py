"""Sites that may be one and the same: by name, and by numbers that are too alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import bdtrc, i0e

from impl.data.findings import CHANCE, Finding, Series
from impl.data.suspicions import observed_series
from impl.study.vocabulary import fold

ALIKE = 0.9  # share of letters in common, in order (difflib's ratio; choice)
SHARED = 8  # periods that both sites have numbers for (choice)
SAME = (
    0.8  # share of them with the same number (choice: a copy that was mended here and there is still found)
)
DIFFERENT = 3  # different exposures that a series must have, to be no standing number

_IN_BRACKETS = re.compile(r"\s*\([^)]*\)$")


def twins(cells: pd.DataFrame, names: Mapping[str, str], measures: Sequence[str]) -> Iterator[Finding]:
    """Pairs of sites with the same or nearly the same name, and with the same numbers.

    names: site -> shown name. A pair is told once by name and once by numbers, of the first measure that shows it.
    """
    yield from _names(names)
    told: set[tuple[str, str]] = set()
    for measure in measures:
        series = observed_series(cells, measure)
        pairs = len(series) * (len(series) - 1) // 2
        for one, other in _candidates(series):
            found = _copied(one, other, pairs)
            if found is not None and (one.site, other.site) not in told:
                told.add((one.site, other.site))
                yield found


def _candidates(series: Sequence[Series]) -> Iterator[tuple[Series, Series]]:
    """Pairs with enough equal numbers to be looked at, found on the whole grid at once."""
    periods = 1 + max((int(one.period[-1]) for one in series), default=0)
    numbers = np.full((2, len(series), periods), np.nan)
    for at, one in enumerate(series):
        numbers[:, at, one.period] = one.numerator, one.denominator
    for at, one in enumerate(series):
        equal = (numbers[:, at, None, :] == numbers[:, at + 1 :]).sum(axis=2).max(axis=0)
        for later in np.flatnonzero(equal >= SAME * SHARED):
            yield one, series[at + 1 + int(later)]


def _names(names: Mapping[str, str]) -> Iterator[Finding]:
    bare = {site: _bare(name) for site, name in names.items()}
    for (site, name), (other, again) in combinations(bare.items(), 2):
        if name == again:
            yield Finding(code="same_name", site=site, other=other)
        elif _nearly(name, again):
            yield Finding(code="near_name", site=site, other=other)


def _bare(name: str) -> str:
    """Without capitals, marks and what stands in brackets: our own code behind twins («Våler (3018)») among it."""
    return " ".join(re.sub(r"[\W_]+", " ", fold(_IN_BRACKETS.sub("", name))).split())


def _nearly(name: str, other: str) -> bool:
    """Alike, and not told apart by a number or a single letter («Post 2», «Avdeling B»)."""
    marks = [
        [word for word in text.split() if len(word) == 1 or any(sign.isdigit() for sign in word)]
        for text in (name, other)
    ]
    if marks[0] != marks[1] or min(len(name), len(other)) < 4:
        return False
    matcher = SequenceMatcher(None, name, other, autojunk=False)
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
        return False
    return matcher.ratio() >= ALIKE


def _copied(one: Series, other: Series, pairs: int) -> Finding | None:
    """The same exposures, or the same events more often than chance: two Poisson counts with mean m agree with
    probability exp(-2m) I0(2m)."""
    shared, mine, its = np.intersect1d(one.period, other.period, return_indices=True)
    if len(shared) < SHARED:
        return None
    exposures = one.denominator[mine] == other.denominator[its]
    first, second = one.numerator[mine], other.numerator[its]
    events = first == second
    needed = SAME * len(shared)
    same_exposure = exposures.sum() >= needed and len(np.unique(one.denominator)) >= DIFFERENT
    same_events = False
    if events.sum() >= needed and (first[events] > 0).any():
        by_chance = float(np.mean(i0e(first + second)))
        same_events = pairs * float(bdtrc(events.sum() - 1, len(shared), by_chance)) < CHANCE / 10
    if not same_exposure and not same_events:
        return None
    count = max(int(exposures.sum()) if same_exposure else 0, int(events.sum()) if same_events else 0)
    of = "both" if same_exposure and same_events else "denominator" if same_exposure else "numerator"
    return Finding(
        code="same_numbers",
        measure=one.measure,
        site=one.site,
        other=other.site,
        values={"count": count, "number": len(shared), "of": of},
    )
