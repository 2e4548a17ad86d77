"""The effect at each site: the network's effect and what the site has beyond it, drawn toward the mean of the sites.

A site's departure is the mean over its own cells of the window of what its effect has beyond the common curve at the same
time since start: a site that started late is not behind for that. The departures of the sites come to 0, so that «better
than the mean» is about these sites. Sites with few events are drawn to the mean most; their order is no ranking.
Source: shrinkage and why ranks of institutions mislead, Goldstein & Spiegelhalter 1996 (10.2307/2983325).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.checks import quantities_pass
from impl.model.estimands import Asked, reported_draws, window_rows
from impl.model.fitted import Fit
from impl.model.predict import predict
from impl.model.structure import Structure
from impl.model.values import SiteFindings

Array = npt.NDArray[np.float64]
ENDS = (0.05, 0.5, 0.95)


def evaluate_sites(fit: Fit) -> SiteFindings | None:
    """Effect by site on the headline scale; None where the model has one effect for all, or one site is treated."""
    structure = fit.structure
    rows = window_rows(structure)
    sites, place = np.unique(rows["site"].to_numpy(), return_inverse=True)
    if not structure.site_effects or len(sites) < 2:
        return None
    cells = np.zeros((len(rows), len(sites)))
    cells[np.arange(len(rows)), place] = 1.0
    exposure = cells * rows["denominator"].to_numpy()[:, None]
    whole = rows["denominator"].to_numpy()[:, None] / rows["denominator"].sum()
    first, last = structure.window
    common = reported_draws(fit)[Asked("tate", first, last, "link")]
    spread = fit.flat("site_effect_sd")
    departures, effects, typical = [], [], []
    begin = 0
    for part in predict(fit, rows):
        chosen = slice(begin, begin + len(part.effect))
        begin = chosen.stop
        curve = np.concatenate(
            [np.zeros((len(part.effect), 1)), fit.flat("curve")[chosen]], axis=1
        )[:, rows["bin"].to_numpy()]  # fmt: skip
        own = (part.effect - curve) @ (cells / cells.sum(axis=0))
        own -= own.mean(axis=1, keepdims=True)
        mean = common[chosen, None]
        departures.append(own)
        effects.append(_compared(structure, part.untreated, (mean + own)[:, place], exposure))
        ends = [
            _compared(structure, part.untreated, mean + sign * spread[chosen, None], whole)
            for sign in (-1.0, 1.0)
        ]
        typical.append(np.concatenate(ends, axis=1))
    departure, effect, two_thirds = (np.concatenate(parts) for parts in (departures, effects, typical))
    good = {"lower": -1.0, "higher": 1.0, "ambiguous": np.nan}[structure.measure.direction]
    lower, median, upper = np.quantile(effect, ENDS, axis=0)
    table = pd.DataFrame(
        {
            "site": [structure.sites[site] for site in sites],
            "lower": lower,
            "median": median,
            "upper": upper,
            "p_better": np.where(np.isnan(good), np.nan, np.mean(good * departure > 0, axis=0)),
        }
    )
    low, high = np.sort(np.median(two_thirds, axis=0))
    spread_lower, spread_median, spread_upper = np.quantile(spread, ENDS)
    quantities = [*effect.T, spread]
    return SiteFindings(
        sites=table,
        spread=(float(spread_lower), float(spread_median), float(spread_upper)),
        typical=(float(low), float(high)),
        passed=quantities_pass(quantities, fit.chains, 0, fit.profile),
    )


def _compared(structure: Structure, untreated: Array, effect: Array, exposure: Array) -> Array:
    """Draw x column: ratio or difference of levels with and without an effect over the rows of each column.

    untreated, effect: draw x row, link scale. exposure: row x column, 0 where the row is not in the column.
    """
    mean = structure.likelihood.mean
    with_bundle, without = mean(untreated + effect) @ exposure, mean(untreated) @ exposure
    if structure.measure.headline_scale == "ratio":
        return np.asarray(with_bundle / without)
    return np.asarray((with_bundle - without) / exposure.sum(axis=0) * structure.measure.per)
