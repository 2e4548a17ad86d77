"""Numbers that may be in another unit, copied, guessed or not there: one function a kind of mistake.

Thresholds come from the catalogue of faults where it has them (exposure jumps), else they are choices, each said where
it stands. Where a law of chance is known the choice is the chance of a false alarm in a whole measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import scipy
from scipy.special import bdtrc

from impl.data.exposure import odd_exposures
from impl.data.findings import CHANCE, Finding, Numbers, Series, runs, runs_of_equals, size_of
from impl.study.catalogue import Measure

SHORTEST = 6  # numbers of a site that say what is usual there (choice)
SHORTEST_SIDE = 3  # numbers on each side of a lasting change (choice)
FAR_BETWEEN_SITES = 8.0  # times the level of the other sites (choice: under the smallest common factor, 10)
FAR_FROM_CATALOGUE = 10.0  # times the catalogue's range (choice; impl new asks at the same)
FEWEST_SITES = 4  # sites that say what is usual among sites (choice)
FEW, EXPECTED = (
    5.0,
    20.0,
)  # events from which a high level, and expected ones from which a low level, says something
ODD_AGAIN = 5.0  # times the site's median; the period after an odd one differs from it, and is in order
LASTING = 2.0  # times the level before (choice: a ward that opens seldom doubles a site)
CLEAR = 4.0  # robust standard deviations between the two levels (choice)
LONGEST_EQUAL = 6  # periods with one and the same exposure (choice: half a year of months)
LARGE_COUNT, LARGE_EXPOSURE = 20.0, 100.0  # numbers whose last digit falls as it likes (choice)
FEWEST_DIGITS = 5  # different ones of a site (choice)
NEAREST = 12  # periods that say what is usual now, at a site that changes (choice)
MOST_EVEN = 5.0  # shape of the negative binomial law: counts of care are seldom more even (choice)
HALF = 0.5  # of the median: a last period that low may not be over (choice)


def suspicions(cells: pd.DataFrame, measures: Mapping[str, Measure]) -> Iterator[Finding]:
    """Everything odd in the numbers of `Panel.cells`, measure by measure in the order of `measures`."""
    for name, measure in measures.items():
        series = observed_series(cells, name)
        moved = list(_lasting_changes(series))
        shifted = {finding.site for finding in moved}
        yield from moved
        yield from _jumps(cells, name, shifted)
        unlike = list(_between_sites(series, measure))
        yield from unlike
        unusual = list(_unusual_level(series, measure))
        yield from unusual
        if measure.kind == "rate" and not unusual:
            told = {finding.site for finding in unlike}  # of the same mistake
            yield from _more_events_than_exposure([each for each in series if each.site not in told])
        constant = list(_constant(series, measure))
        yield from constant
        yield from _round_numbers(series, measure, {(item.site, item.values["of"]) for item in constant})
        if measure.kind != "mean":
            yield from _zeros(series)
        yield from _unfinished(series, shifted)


def observed_series(cells: pd.DataFrame, measure: str) -> list[Series]:
    """One series a site, of cells with a number and something to count over."""
    known = cells[(cells["measure"] == measure) & cells["observed"] & (cells["denominator"] > 0)]
    return [
        Series(
            measure=measure,
            site=str(site),
            period=rows["period"].to_numpy(dtype=np.int64),
            numerator=rows["numerator"].to_numpy(dtype=float),
            denominator=rows["denominator"].to_numpy(dtype=float),
        )
        for site, rows in known.groupby("site", sort=False)
    ]


# --- units


def _jumps(cells: pd.DataFrame, measure: str, shifted: set[str | None]) -> Iterator[Finding]:
    """Single periods, or a few, far from what the site has: a year in one month, a month in thousands."""
    odd: dict[str, dict[int, float]] = {}
    for cell in odd_exposures(cells, (measure,)):
        if cell.site not in shifted and max(cell.ratio, 1 / cell.ratio) >= ODD_AGAIN:
            odd.setdefault(cell.site, {})[cell.period] = cell.ratio
    for site, ratios in odd.items():
        periods = range(max(ratios) + 1)
        for first, last in runs([period in ratios for period in periods]):
            ratio = float(np.exp(np.mean([np.log(ratios[period]) for period in range(first, last + 1)])))
            yield Finding(
                code="exposure_jump",
                measure=measure,
                site=site,
                first=first,
                last=last,
                values=size_of(ratio),
            )


def _lasting_changes(all_series: Sequence[Series]) -> Iterator[Finding]:
    """A new level of the exposure from one period on: another unit, another definition, or a ward that moved."""
    for series in all_series:
        if len(series) < 2 * SHORTEST_SIDE:
            continue
        level = np.log(series.denominator)
        splits = range(SHORTEST_SIDE, len(level) - SHORTEST_SIDE + 1)
        misfit = [_misfit(level[:at]) + _misfit(level[at:]) for at in splits]
        at = splits[int(np.argmin(misfit))]
        before, after = level[:at], level[at:]
        change = float(np.median(after) - np.median(before))
        spread = 1.4826 * float(
            np.median(np.abs(np.concatenate([before - np.median(before), after - np.median(after)])))
        )
        near = float(np.median(after[:SHORTEST_SIDE]) - np.median(before[-SHORTEST_SIDE:]))
        if min(abs(change), abs(near)) >= np.log(LASTING) and abs(change) > CLEAR * spread:
            yield Finding(
                code="lasting_change",
                measure=series.measure,
                site=series.site,
                first=int(series.period[at]),
                last=int(series.period[-1]),
                values=size_of(float(np.exp(change))),
            )


def _misfit(level: Numbers) -> float:
    return float(np.abs(level - np.median(level)).sum())


def _more_events_than_exposure(all_series: Sequence[Series]) -> Iterator[Finding]:
    """A rate with more events than days (or persons): possible, and nearly always exposure in thousands."""
    for series in all_series:
        above = series.numerator > series.denominator
        if above.any():
            odd = series.period[above]
            yield Finding(
                code="more_events_than_exposure",
                measure=series.measure,
                site=series.site,
                first=int(odd[0]),
                last=int(odd[-1]),
                values={"periods": int(above.sum())},
            )


def _between_sites(all_series: Sequence[Series], measure: Measure) -> Iterator[Finding]:
    """A site whose level is many times that of the others: exposure, or a score, in another unit."""
    if len(all_series) < FEWEST_SITES:
        return
    events = np.array([series.numerator.sum() for series in all_series])
    exposure = np.array([series.denominator.sum() for series in all_series])
    level = events / exposure
    for at, series in enumerate(all_series):
        others = np.delete(level, at)
        others = others[others > 0]
        usual = float(np.median(others)) if len(others) >= FEWEST_SITES - 1 else 0.0
        if usual <= 0 or level[at] <= 0:
            continue
        ratio = float(level[at] / usual)
        spread = 1.4826 * float(np.median(np.abs(np.log(others / usual))))
        enough = (
            measure.kind == "mean"
            or (ratio > 1 and events[at] >= FEW)
            or (ratio < 1 and usual * exposure[at] >= EXPECTED)
        )
        if enough and max(ratio, 1 / ratio) >= FAR_BETWEEN_SITES and abs(np.log(ratio)) > CLEAR * spread:
            yield Finding(
                code="unlike_other_sites",
                measure=measure.id,
                site=series.site,
                values=size_of(ratio),
            )


def _unusual_level(all_series: Sequence[Series], measure: Measure) -> Iterator[Finding]:
    """All sites together far from what the catalogue knows of the measure."""
    exposure = sum(series.denominator.sum() for series in all_series)
    events = sum(series.numerator.sum() for series in all_series)
    if not exposure or events < FEW:
        return
    low, high = measure.baseline_range or (measure.baseline, measure.baseline)
    level = measure.per * events / exposure
    if level > FAR_FROM_CATALOGUE * high or level < low / FAR_FROM_CATALOGUE:
        yield Finding(
            code="unusual_level", measure=measure.id, values=size_of(float(level / measure.baseline))
        )


# --- copied and guessed


def _constant(all_series: Sequence[Series], measure: Measure) -> Iterator[Finding]:
    """One and the same number, period after period: capacity instead of use, or a number that was copied on.

    An exposure that stands still at most sites is of the kind that does (inhabitants), and is no finding;
    of a single site nobody can tell, and of a few persons it is nothing odd.
    """
    still = [(series, _longest(series.denominator)) for series in all_series]
    standing = [
        (series, run)
        for series, run in still
        if run[1] - run[0] + 1 >= LONGEST_EQUAL and series.denominator[run[0]] >= LARGE_EXPOSURE
    ]
    if 2 * len(standing) < len(all_series):
        yield from (_same(series, run, "denominator") for series, run in standing)
    if measure.kind == "mean":
        return
    windows = sum(map(len, all_series))
    for series in all_series:
        run = _longest(series.numerator)
        first, last = run
        count, exposure = series.numerator[first], series.denominator[first : last + 1]
        if count <= 0 or last == first or (measure.kind == "proportion" and (exposure == exposure[0]).all()):
            continue
        again = (
            float(scipy.stats.poisson.pmf(count, count))
            if measure.kind == "rate"
            else float(scipy.stats.binom.pmf(count, exposure.max(), count / exposure.max()))
        )
        if windows * again ** (last - first) < CHANCE:
            yield _same(series, run, "numerator")


def _longest(values: Numbers) -> tuple[int, int]:
    return max(runs_of_equals(values), key=lambda run: run[1] - run[0])


def _same(series: Series, run: tuple[int, int], of: str) -> Finding:
    first, last = (int(series.period[at]) for at in run)
    return Finding(
        code="constant",
        measure=series.measure,
        site=series.site,
        first=first,
        last=last,
        values={"of": of, "periods": run[1] - run[0] + 1},
    )


def _round_numbers(
    all_series: Sequence[Series], measure: Measure, said: set[tuple[str | None, float | int | str]]
) -> Iterator[Finding]:
    """Far more numbers than one in ten that end in 0: guessed or rounded. said: (site, of) told of already.

    Judged on the different numbers: one that stands still is one number.
    """
    for series in all_series:
        for of, values, large in (
            ("numerator", series.numerator, LARGE_COUNT),
            ("denominator", series.denominator, LARGE_EXPOSURE),
        ):
            whole = values[(values >= large) & (values == np.floor(values))]
            different = np.unique(whole)
            skipped = (series.site, of) in said or (of == "numerator" and measure.kind == "mean")
            if skipped or len(different) < FEWEST_DIGITS:
                continue
            by_chance = float(bdtrc((different % 10 == 0).sum() - 1, len(different), 0.1))
            if 2 * len(all_series) * by_chance < CHANCE / 10:
                yield Finding(
                    code="round_numbers",
                    measure=series.measure,
                    site=series.site,
                    values={"of": of, "count": int((whole % 10 == 0).sum()), "number": len(whole)},
                )


# --- nothing where something is expected


def _zeros(all_series: Sequence[Series]) -> Iterator[Finding]:
    """Zeros where the site's other numbers make zeros most unlikely: a gap that was filled with 0, or an empty file.

    Chance by the negative binomial law, with the level of the periods nearest to the zeros (the bundle may have
    worked), a standard error lower, and the spread of all the others, at least that of MOST_EVEN.
    """
    windows = sum(map(len, all_series))
    for series in all_series:
        for first, last in runs(list(series.numerator == 0)):
            rest = np.ones(len(series), dtype=bool)
            rest[first : last + 1] = False
            if rest.sum() < SHORTEST or not series.numerator[rest].any():
                continue
            distance = np.maximum(first - np.arange(len(series)), np.arange(len(series)) - last)
            near = np.argsort(np.where(rest, distance, len(series)), kind="stable")[:NEAREST]
            events = series.numerator[near].sum()
            if events <= 1:
                continue
            level = (events - np.sqrt(events)) / series.denominator[near].sum()
            expected = series.denominator * (series.numerator[rest].sum() / series.denominator[rest].sum())
            misfit = (series.numerator[rest] - expected[rest]) ** 2 / expected[rest]
            means = level * series.denominator[~rest]
            surplus = np.maximum(misfit.sum() / (rest.sum() - 1), 1.0 + means / MOST_EVEN)
            if windows * float(np.exp(-(means * np.log(surplus) / (surplus - 1.0)).sum())) < CHANCE:
                yield Finding(
                    code="zeros",
                    measure=series.measure,
                    site=series.site,
                    first=int(series.period[first]),
                    last=int(series.period[last]),
                    values={"periods": last - first + 1},
                )


def _unfinished(all_series: Sequence[Series], shifted: set[str | None]) -> Iterator[Finding]:
    """An exposure in the last period under half of what is usual, and the lowest of all: the period may not be over."""
    for series in all_series:
        exposure = series.denominator
        if len(exposure) < SHORTEST or series.site in shifted:
            continue
        ratio = float(exposure[-1] / np.median(exposure[-1 - NEAREST : -1]))
        if 1 / ODD_AGAIN < ratio < HALF and exposure[-1] < exposure[:-1].min():
            last = int(series.period[-1])
            share = round(ratio, 2)
            yield Finding(
                code="unfinished",
                measure=series.measure,
                site=series.site,
                first=last,
                last=last,
                values={"share": share},
            )
