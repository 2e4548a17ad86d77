"""What impl does not write, though the schema allows it: numbers, days and ids that no evaluation gives.

Whoever reads a Release of somebody else's may then divide by an SD, take the logarithm of a limit and count months to a
day without asking again. Limits are far outside all that is measured: they keep arithmetic whole, and judge no result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime

from impl.release.release import LINKS, ModelSummary, Release
from impl.study.value import Value

IDENTIFIER = r"[a-z0-9][a-z0-9-]{0,62}"
LARGEST = 1e12  # of any number
LARGEST_LOG = 50.0  # of an effect on a log scale; a ratio of e^50 is far over what can be counted
SMALLEST_SD = 1e-6
YEARS = (1900, 2100)
SHORTEST, LONGEST = 0.01, 1200  # months, periods

Wrong = tuple[str, str, str]
"""Key, what stands there, what may. No text of the file is told, only numbers and days."""


def implausible(release: Release) -> Iterator[Wrong]:
    """Everything of a Release that impl does not write."""
    study, design = release.study, release.design
    yield from _outside(release, "")
    if not re.fullmatch(IDENTIFIER, study.id):
        yield "study.id", "another text", "an id of small letters, digits and -"
    if not re.fullmatch(r"[0-9a-f]{12}", release.run.id):
        yield "run.id", "another text", "12 hex digits"
    if study.data_from > study.data_to:
        yield "study.data_to", "a day before data_from", "data_from or later"
    ids = [measure.id for measure in study.measures]
    if sum(measure.role == "primary" for measure in study.measures) != 1 or len(set(ids)) < len(ids):
        yield "study.measures", "other measures", "one primary measure, and each measure once"
    if not study.bundles:
        yield "study.bundles", "nothing", "at least one bundle"
    for name in ("worthwhile", "harm", "negligible"):
        yield from _within(f"study.{name}", getattr(study, name), 0.0, 1.0, ends=False)
    yield from _within("study.valid_months", study.valid_months, 0, LONGEST)
    for place, measure in enumerate(study.measures):
        yield from _within(f"study.measures.{place}.per", measure.per, 0.0, LARGEST, ends=False)
    yield from _within("design.period_months", design.period_months, SHORTEST, LONGEST)
    for name in ("sites", "periods", "sequences"):
        yield from _within(f"design.{name}", getattr(design, name), 0, LARGEST)
    for place, section in enumerate(release.sections.targets):
        if section.measure not in ids:
            yield f"sections.targets.{place}.measure", "another measure", "a measure of the study"
    for place, answer in enumerate(release.sections.fit):
        yield from _within(f"sections.fit.{place}.sites", answer.sites, 0, LARGEST)
    annex = release.sections.annex
    if annex is not None and "effect" in annex.priors:
        yield from _within("sections.annex.priors.effect", annex.priors["effect"], SMALLEST_SD, LARGEST)
    for place, model in enumerate(design.models):
        yield from _wrong_prior(f"design.models.{place}", model)
    yield from _wrong_estimates(release)
    yield from _wrong_covariances(release)


def _outside(value: object, place: str) -> Iterator[Wrong]:
    """Numbers and days beyond every limit, wherever they stand; keys that are words of the file are told by number."""
    if isinstance(value, Value):
        for name, inner in value:
            yield from _outside(inner, f"{place}.{name.rstrip('_')}".removeprefix("."))
    elif isinstance(value, dict | tuple):
        for number, inner in enumerate(value.values() if isinstance(value, dict) else value):
            yield from _outside(inner, f"{place}.{number}")
    elif isinstance(value, int | float):
        if not -LARGEST <= value <= LARGEST:
            yield place, "a number beyond it", f"from {-LARGEST:g} to {LARGEST:g}"
    elif isinstance(value, date):
        if not YEARS[0] <= value.year <= YEARS[1]:
            yield place, f"year {value.year}", f"a year from {YEARS[0]} to {YEARS[1]}"
        if isinstance(value, datetime) and value.tzinfo is None:
            yield place, "a time without a zone", "a time with its zone"


def _within(place: str, value: float, low: float, high: float, *, ends: bool = True) -> Iterator[Wrong]:
    """ends: whether the limits themselves are allowed."""
    if not (low <= value <= high if ends else low < value < high):
        allowed = f"from {low:g} to {high:g}" if ends else f"over {low:g} and under {high:g}"
        yield place, "a number beyond it", allowed


def _largest(model: ModelSummary | None) -> float:
    """The largest effect on a model's link scale."""
    link = LINKS.get(model.likelihood) if model is not None else None
    return LARGEST_LOG if link in ("log", "logit") else LARGEST


def _wrong_prior(place: str, model: ModelSummary) -> Iterator[Wrong]:
    most = _largest(model)
    beliefs = {"effect_prior": model.effect_prior, "secular": model.secular, "reporting": model.reporting}
    sds: dict[str, float] = {}
    means: dict[str, float] = {}
    if model.network is not None:
        learnt = model.network
        beliefs["network.without"] = learnt.without
        sds |= {"network.sd": learnt.sd, "network.vague_sd": learnt.vague_sd}
        means["network.mean"] = learnt.mean
    for name, belief in beliefs.items():
        if belief is not None:
            sds[f"{name}.sd"], means[f"{name}.mean"] = belief.sd, belief.mean
    for name, sd in sds.items():
        yield from _within(f"{place}.{name}", sd, SMALLEST_SD, most)
    for name, mean in means.items():
        yield from _within(f"{place}.{name}", mean, -most, most)


def _wrong_estimates(release: Release) -> Iterator[Wrong]:
    largest = {model.measure: _largest(model) for model in release.design.models}
    for place, row in enumerate(release.estimates):
        where = f"estimates.{place}"
        if not row.lower <= row.median <= row.upper:
            yield where, "other ends", "lower, median and upper in order"
        yield from _within(f"{where}.sd", row.sd, 0.0, LARGEST)
        if row.scale == "ratio" and row.lower <= 0.0:
            yield f"{where}.lower", "no ratio", "over 0"
        if row.scale == "link":
            most = largest.get(row.measure, LARGEST)
            for name in ("mean", "lower", "median", "upper"):
                yield from _within(f"{where}.{name}", getattr(row, name), -most, most)
            if row.sd > 0.0 or row.estimand == "tate":  # a shape may fix the effect at one exposure time
                yield from _within(f"{where}.sd", row.sd, SMALLEST_SD, most)
        first, last = 1 if row.from_ is None else row.from_, LONGEST if row.to is None else row.to
        if row.estimand in ("tate", "pte") and not 1 <= first <= last <= LONGEST:
            yield f"{where}.from", "other times", f"1 <= from <= to <= {LONGEST}"


def _wrong_covariances(release: Release) -> Iterator[Wrong]:
    for place, row in enumerate(release.covariances):
        numbers = {key: value for key, value in row.items() if key != "measure"}
        if not isinstance(row.get("measure"), str) or any(
            isinstance(value, str) for value in numbers.values()
        ):
            yield f"covariances.{place}", "a text", "a measure, and numbers"
            continue
        time = numbers.pop("exposure", 1)
        if time not in range(1, LONGEST + 1) or any(
            not -1 <= float(value) <= 1 for value in numbers.values()
        ):
            yield f"covariances.{place}", "a number beyond it", "an exposure time, and correlations"
