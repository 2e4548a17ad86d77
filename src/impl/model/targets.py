"""Local targets: how likely it is that the level of a site, or of all sites together, meets what it means to reach.

A level is what would be counted on average in the same cells: the site, its periods and its exposure as they were,
without the chance in the counts. So a counted figure may meet a target that the level behind it misses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.checks import quantities_pass
from impl.model.columns import TARGET
from impl.model.fitted import Fit
from impl.model.predict import predict
from impl.model.structure import Structure
from impl.model.values import TargetFindings

Array = npt.NDArray[np.float64]
ENDS = (0.05, 0.5, 0.95)
ROUNDING = 1e-9  # relative; 72 of 90 is 80 per cent, whatever the last binary digit


@dataclass(frozen=True, kw_only=True)
class Spell:
    """The cells that a site's newest target is about: periods on end with that target, the last of them the latest.

    rows: those whose exposure is known, of `Structure.rows`.
    """

    site: int
    target: float
    first: int
    last: int
    rows: pd.DataFrame


def newest_spells(structure: Structure) -> Iterator[Spell]:
    """One spell a site that has a target and data for it."""
    rows = structure.rows
    if TARGET not in rows.columns:
        return
    for site, mine in rows[rows[TARGET].notna()].groupby("site", sort=True):
        broken = (mine["period"].diff() != 1) | (mine[TARGET].diff() != 0)
        spell = mine[broken.cumsum() == broken.sum()]
        known = spell[spell["observed"] | spell["interval"]]
        if len(known):
            first, last = int(spell["period"].iloc[0]), int(spell["period"].iloc[-1])
            yield Spell(
                site=int(str(site)), target=float(spell[TARGET].iloc[0]), first=first, last=last, rows=known
            )


def evaluate_targets(fit: Fit) -> TargetFindings | None:
    """P(the level meets the target) by site and for all sites together; None without a target.

    A level holds the site's own terms and those of its cells, and the stated change in reporting: it is what the
    counted figure scatters around. It is weighted by exposure over the spell.
    """
    structure = fit.structure
    spells = list(newest_spells(structure))
    if not spells:
        return None
    direction = structure.measure.direction
    events, exposure = expected_events(fit, spells)
    levels = events / exposure * structure.measure.per
    targets = np.array([spell.target for spell in spells])
    met = meets(levels, targets, direction)
    table = pd.DataFrame([_row(structure, spell) for spell in spells])
    ends = np.quantile(levels, ENDS, axis=0)
    table = table.assign(lower=ends[0], median=ends[1], upper=ends[2], p_met=met.mean(axis=0))
    number = np.quantile(met.sum(axis=1), ENDS)
    quantities = [levels[:, place] for place in range(len(spells))]
    network, network_met = None, None
    if _is_common(structure, spells):
        whole = events.sum(axis=1) / exposure.sum() * structure.measure.per
        quantities.append(whole)
        network = {
            "lower": float(np.quantile(whole, ENDS[0])),
            "median": float(np.median(whole)),
            "upper": float(np.quantile(whole, ENDS[2])),
            "p_met": float(meets(whole, targets[:1], direction).mean()),
        }
        figure = table["numerator"].sum(skipna=False) / table["denominator"].sum() * structure.measure.per
        network_met = _figure_meets(figure, spells[0].target, direction)
    return TargetFindings(
        sites=table,
        number=(float(number[0]), float(met.sum(axis=1).mean()), float(number[2])),
        network=network,
        network_met=network_met,
        passed=quantities_pass(quantities, fit.chains, 0, fit.profile),
    )


def meets(levels: Array, target: Array, direction: str) -> npt.NDArray[np.bool_]:
    """Whether levels are on the good side of a target, or on it."""
    slack = ROUNDING * np.maximum(1.0, np.abs(target))
    return np.asarray(levels <= target + slack if direction == "lower" else levels >= target - slack)


def _figure_meets(figure: float, target: float, direction: str) -> bool | None:
    """The same of a counted figure; None where it is not known (NaN)."""
    if np.isnan(figure):
        return None
    return bool(meets(np.array([figure]), np.array([target]), direction)[0])


def expected_events(fit: Fit, spells: list[Spell]) -> tuple[Array, Array]:
    """Expected numerators, draw x spell, and their denominators."""
    rows = pd.concat([spell.rows for spell in spells])
    place = np.repeat(np.arange(len(spells)), [len(spell.rows) for spell in spells])
    weight = np.zeros((len(rows), len(spells)))
    weight[np.arange(len(rows)), place] = rows["denominator"].to_numpy()
    mean = fit.structure.likelihood.mean
    parts = [mean(part.untreated + part.effect + part.measurement) @ weight for part in predict(fit, rows)]
    return np.concatenate(parts), weight.sum(axis=0)


def _row(structure: Structure, spell: Spell) -> dict[str, object]:
    """What is known of one site's target but its chance of being met. met: of the counted figure, None where a
    count of the spell is known as an interval only."""
    numerator, denominator = (float(spell.rows[name].sum()) for name in ("numerator", "denominator"))
    if not spell.rows["observed"].all():
        numerator = np.nan
    figure = numerator / denominator * structure.measure.per
    return {
        "site": structure.sites[spell.site],
        "start": structure.periods[spell.first][0],
        "end": structure.periods[spell.last][1],
        "target": spell.target,
        "numerator": numerator,
        "denominator": denominator,
        "met": _figure_meets(figure, spell.target, structure.measure.direction),
    }


def _is_common(structure: Structure, spells: list[Spell]) -> bool:
    """Whether every site with data in the spell has the same target over the same periods."""
    terms = {(spell.target, spell.first, spell.last) for spell in spells}
    if len(terms) != 1:
        return False
    rows, spell = structure.rows, spells[0]
    there = rows["period"].between(spell.first, spell.last) & (rows["observed"] | rows["interval"])
    return set(rows.loc[there, "site"]) == {spell.site for spell in spells}
