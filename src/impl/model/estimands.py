"""Estimands: what is asked of the posterior, as algebra on row quantities (g-computation).

Every natural-scale estimand compares the same cells with and without the bundle: the same sites, months,
site and cell effects. The rate estimand holds the observed exposure fixed. Scenarios and new sites are row
tables under the same fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.columns import BUNDLE
from impl.model.fitted import Fit
from impl.model.moderators import MODERATOR
from impl.model.predict import NEW_SITE, predict
from impl.model.structure import GROUPS, Structure

Array = npt.NDArray[np.float64]
LEVELS = (0.5, 0.9)
ESTABLISHED_MONTHS = 6  # from here on a bundle counts as established (scenario «everyone at six months»)
EARLIER_MONTHS = 6  # how much earlier the start is in the scenario «half a year earlier»
REPORTING_CHANGES = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Log changes of the share reported at which the effect is told. The data tell effect and change together only, so
an answer at a stated change is what was counted, less the change."""
NODES = 20  # of the Gauss-Hermite rule that averages over sites


class Asked(NamedTuple):
    """Name of one reported quantity; `estimand` and `scale` as in `release.Estimate`, or a level."""

    estimand: str
    first: int | None
    last: int | None
    scale: str
    group: str | None = None


def window_rows(structure: Structure) -> pd.DataFrame:
    """The treated, observed cells that the time-averaged effect is about; transition is not among them."""
    rows = structure.rows
    first, last = structure.window
    return rows[rows["observed"] & rows["treated"] & rows["exposure"].between(first, last)]


def window_effect(fit: Fit) -> Array:
    """Draws of the time-averaged effect on the link scale."""
    return _sums(fit, window_rows(fit.structure)).effect.mean(axis=1)


@lru_cache(maxsize=2)  # the gates and the summaries ask for the same fit
def reported_draws(fit: Fit) -> Mapping[Asked, Array]:
    """Draws of every quantity that a Release may report, each of length `fit.draws`."""
    structure = fit.structure
    first, last = structure.window
    per = structure.measure.per
    rows = structure.rows
    treated = rows[rows["observed"] & rows["treated"] & (rows["exposure"] <= structure.supported)]
    sums = _sums(fit, treated)
    inside = (sums.times >= first) & (sums.times <= last)
    window = sums.of(inside)
    reported: dict[Asked, Array] = {}
    _add(reported, structure, "tate", first, last, None, window)
    reported[Asked("expected", first, last, "level")] = window.without.sum(axis=1) / window.total * per
    reported[Asked("after", first, last, "level")] = window.with_bundle.sum(axis=1) / window.total * per
    for time in sums.times:
        _add(reported, structure, "pte", int(time), int(time), None, sums.of(sums.times == time))
    if len(structure.sites) > 1:
        _add_sites(reported, fit, window_rows(structure))
    _add_scenarios(reported, fit, window_rows(structure))
    if structure.contrast:
        _add_contrast(reported, fit, window_rows(structure))
    _add_moderation(reported, fit, window_rows(structure))
    if structure.reporting is not None and structure.likelihood.link == "log":
        for change in REPORTING_CHANGES:
            ratio = reported[Asked("tate", first, last, "ratio")]
            counted = ratio * np.exp(fit.flat("reporting_change"))
            reported[Asked("reporting", first, last, "ratio", f"{change:.1f}")] = counted * np.exp(-change)
    for bundle in structure.other_bundles:
        _add_other(reported, fit, bundle)
    return MappingProxyType(reported)


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Row quantities summed by exposure time; arrays are draw x time unless said otherwise.

    times: exposure times in order. with_bundle, without: expected numerators. exposure: denominators, per
    time. effect: mean effect of the cells on the link scale.
    """

    times: npt.NDArray[np.int64]
    with_bundle: Array
    without: Array
    exposure: Array
    effect: Array

    @property
    def total(self) -> float:
        return float(self.exposure.sum())

    def of(self, chosen: npt.NDArray[np.bool_]) -> Sums:
        return Sums(
            times=self.times[chosen],
            with_bundle=self.with_bundle[:, chosen],
            without=self.without[:, chosen],
            exposure=self.exposure[chosen],
            effect=self.effect[:, chosen],
        )


def _sums(fit: Fit, rows: pd.DataFrame, other: str | None = None) -> Sums:
    """Sums by exposure time of the study's bundle, or of a further one."""
    exposure = rows["exposure" if other is None else BUNDLE + other]
    times, place = np.unique(exposure.to_numpy(), return_inverse=True)
    member = np.zeros((len(rows), len(times)))
    member[np.arange(len(rows)), place] = 1.0
    weight = member * rows["denominator"].to_numpy()[:, None]
    share = member / member.sum(axis=0)
    mean = fit.structure.likelihood.mean
    parts = []
    for part in predict(fit, rows):
        effect = part.effect if other is None else part.others[other]
        whole = part.untreated + part.effect
        parts.append((mean(whole) @ weight, mean(whole - effect) @ weight, effect @ share))
    with_bundle, without, effect = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Sums(
        times=times, with_bundle=with_bundle, without=without, exposure=weight.sum(axis=0), effect=effect
    )


def _add(
    reported: dict[Asked, Array],
    structure: Structure,
    estimand: str,
    first: int,
    last: int,
    group: str | None,
    sums: Sums,
) -> None:
    """One estimand on every scale that makes sense for the measure."""
    with_bundle, without = sums.with_bundle.sum(axis=1), sums.without.sum(axis=1)
    reported[Asked(estimand, first, last, "link", group)] = sums.effect.mean(axis=1)
    change = (with_bundle - without) / sums.total * structure.measure.per
    reported[Asked(estimand, first, last, "difference", group)] = change
    if structure.likelihood.link != "identity":
        reported[Asked(estimand, first, last, "ratio", group)] = with_bundle / without
        if estimand == "tate":
            reported[Asked(estimand, first, last, "averted", group)] = without - with_bundle


def _add_levels(
    reported: dict[Asked, Array], structure: Structure, estimand: str, with_bundle: Array, without: Array
) -> None:
    """An estimand from two levels (per unit of exposure), on the natural scales."""
    first, last = structure.window
    reported[Asked(estimand, first, last, "difference")] = (with_bundle - without) * structure.measure.per
    if structure.likelihood.link != "identity":
        reported[Asked(estimand, first, last, "ratio")] = with_bundle / without


# --- who is counted


def _add_sites(reported: dict[Asked, Array], fit: Fit, window: pd.DataFrame) -> None:
    """The same window with other weights: every site equally, every calendar period equally, the population
    of sites, and one new site; and the last exposure time by itself."""
    structure = fit.structure
    first, last = structure.window
    share = window["denominator"] / window.groupby("site")["denominator"].transform("sum")
    by_site = (share / window["site"].nunique()).to_numpy()
    periods = window.groupby("period")["period"].transform("size") * window["period"].nunique()
    mean = structure.likelihood.mean
    parts = [
        (
            mean(part.untreated + part.effect) @ by_site,
            mean(part.untreated) @ by_site,
            part.effect @ (1.0 / periods.to_numpy()),
        )
        for part in predict(fit, window)
    ]
    with_bundle, without, calendar = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    _add_levels(reported, structure, "tate_site", with_bundle, without)
    reported[Asked("ctate", first, last, "link")] = calendar
    if structure.supported > 1:
        for scale in ("link", "difference", "ratio"):
            at_end = reported.get(Asked("pte", structure.supported, structure.supported, scale))
            if at_end is not None:
                reported[Asked("lte", structure.supported, structure.supported, scale)] = at_end
    if structure.latent_sites or structure.clustering == "decay":
        _add_levels(reported, structure, "population", *population_levels(fit, window))
    if structure.site_effects:
        new = _sums(fit, window.assign(site=NEW_SITE))
        _add(reported, structure, "new_site", first, last, None, new)


def population_levels(fit: Fit, window: pd.DataFrame) -> tuple[Array, Array]:
    """Marginal levels with and without the bundle, per unit of exposure: the window's cells averaged over the
    population of sites instead of these sites. A level is normal on the link scale, so the average has a
    closed form on the log scale (exp(m + v/2)) and is one Gauss-Hermite sum on the logit scale.
    """
    structure = fit.structure
    weight = window["denominator"].to_numpy() / float(window["denominator"].sum())
    site, effect, correlation = (
        _scalar(fit, name) for name in ("site_sd", "site_effect_sd", "site_correlation")
    )
    between = (
        _scalar(fit, "total_sd") ** 2 if structure.clustering in ("decay", "nested", "cohort") else site**2
    )
    slope = _scalar(fit, "site_slope_sd")
    years = np.maximum(window["exposure"].to_numpy() - 1, 0) * structure.months / 12.0
    levels = []
    start = 0
    for part in predict(fit, window.assign(site=NEW_SITE), typical=True):
        chosen = slice(start, start + len(part.untreated))
        start = chosen.stop
        without = between[chosen, None]
        added = (effect**2 + 2.0 * correlation * site * effect)[chosen, None]
        with_bundle = without + added + (slope[chosen, None] * years) ** 2
        levels.append(
            (
                _average(structure, part.untreated + part.effect, with_bundle) @ weight,
                _average(structure, part.untreated, without) @ weight,
            )
        )
    after, before = (np.concatenate(arrays) for arrays in zip(*levels, strict=True))
    return after, before


def _scalar(fit: Fit, name: str) -> Array:
    """Draws of a scalar, zeros where the model has no such term."""
    return fit.flat(name) if name in fit.tree.posterior.data_vars else np.zeros(fit.draws)


def _average(structure: Structure, centre: Array, variance: Array) -> Array:
    """Mean natural level of a normal link-scale level, draw x row."""
    mean = structure.likelihood.mean
    if structure.likelihood.link == "identity":
        return mean(centre)
    if structure.likelihood.link == "log":
        return mean(centre + variance / 2.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    spread = np.sqrt(variance)
    total: Array = np.zeros(centre.shape)
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        total += weight * mean(centre + spread * node)
    return total


# --- what if


def _add_scenarios(reported: dict[Asked, Array], fit: Fit, window: pd.DataFrame) -> None:
    """Everyone past the first half year; and the start half a year earlier."""
    structure = fit.structure
    established = round(ESTABLISHED_MONTHS / structure.months)
    if 1 < established <= structure.supported:
        later = np.maximum(window["exposure"], established)
        rows = window.assign(bin=np.minimum(later, structure.bins), exposure=later)
        _add(reported, structure, "established", established, structure.window[1], None, _sums(fit, rows))
    earlier = round(EARLIER_MONTHS / structure.months)
    if earlier < 1 or structure.likelihood.link == "identity":
        return
    rows = structure.rows
    rows = rows[rows["observed"] & np.isfinite(rows["start"]) & (rows["start"] < len(structure.periods))]
    exposure = (rows["period"] - rows["start"] + 1 + earlier).clip(lower=0).astype(int)
    rows, exposure = rows[exposure > 0], exposure[exposure > 0]
    # past the last exposure time with support of its own, a cell stays in the bin it was in
    moved = rows.assign(
        treated=True,
        transition=False,
        dose=0.0,
        lead=0,
        exposure=exposure,
        bin=np.where(
            rows["bin"] > structure.supported, rows["bin"], np.minimum(exposure, structure.supported)
        ),
    )
    weight = moved["denominator"].to_numpy()
    mean = structure.likelihood.mean
    averted = [
        (mean(old.untreated + old.effect) - mean(new.untreated + new.effect)) @ weight
        for old, new in zip(predict(fit, rows), predict(fit, moved), strict=True)
    ]
    reported[Asked("earlier", earlier, None, "averted")] = np.concatenate(averted)


def _add_contrast(reported: dict[Asked, Array], fit: Fit, window: pd.DataFrame) -> None:
    """Effect by group over the same cells, each scenario with every cell in that group, and yes minus no."""
    structure = fit.structure
    first, last = structure.window
    present = set(window["group"].unique())
    for index, name in enumerate(GROUPS):
        if index in present:
            scenario = _sums(fit, window.assign(group=index))
            _add(reported, structure, "group", first, last, f"consistent:{name}", scenario)
    if not {GROUPS.index("yes"), GROUPS.index("no")} <= present:
        return
    for scale in ("link", "difference", "ratio"):
        yes = reported.get(Asked("group", first, last, scale, "consistent:yes"))
        no = reported.get(Asked("group", first, last, scale, "consistent:no"))
        if yes is not None and no is not None:
            value = yes / no if scale == "ratio" else yes - no
            reported[Asked("contrast", first, last, scale, "consistent:yes-no")] = value


def _add_moderation(reported: dict[Asked, Array], fit: Fit, window: pd.DataFrame) -> None:
    """One modification of a kind against none of it, over the same cells, everything else as it was; and the
    difference of two kinds that a coordinator chooses between."""
    structure = fit.structure
    first, last = structure.window
    effects: dict[str, dict[str, Array]] = {}
    for index, (name, centre) in enumerate(
        zip(structure.moderators, structure.moderator_centres, strict=True)
    ):
        kind = name.removeprefix(MODERATOR)
        without, one = (_sums(fit, window.assign(**{name: value})) for value in (-centre, 1.0 - centre))
        level, changed = without.with_bundle.sum(axis=1), one.with_bundle.sum(axis=1)
        effects[kind] = {
            "link": fit.flat("moderation")[:, index],
            "difference": (changed - level) / one.total * structure.measure.per,
        }
        if structure.likelihood.link != "identity":
            effects[kind]["ratio"] = changed / level
        for scale, draws in effects[kind].items():
            reported[Asked("moderation", first, last, scale, kind)] = draws
    if {"consistent_planned", "inconsistent"} <= effects.keys():
        pair = effects["consistent_planned"], effects["inconsistent"]
        for scale in pair[0]:
            value = pair[0][scale] / pair[1][scale] if scale == "ratio" else pair[0][scale] - pair[1][scale]
            reported[Asked("moderation", first, last, scale, "consistent_planned-inconsistent")] = value


def _add_other(reported: dict[Asked, Array], fit: Fit, bundle: str) -> None:
    """Time-averaged effect of a further bundle over its own treated cells, the study's bundle as it was."""
    structure = fit.structure
    first, last = structure.window
    rows = structure.rows
    time = rows[BUNDLE + bundle]
    reached = int(time[rows["observed"]].max())
    chosen = rows[rows["observed"] & time.between(min(first, reached), min(last, reached))]
    sums = _sums(fit, chosen, bundle)
    _add(reported, structure, "other_bundle", int(sums.times.min()), int(sums.times.max()), bundle, sums)
