"""Does the improvement last after active support ends?

Effect after support = effect when it ended x R(q), q months after, R(q) = psi + (1 - psi) 2^(-q / h): a share psi stays,
the rest halves every h months. psi ~ Beta(1, 2), h ~ LogNormal(log 8, 1) months (choice: 1.5 to 41 months). A twin
without that form stands beside it: the main fit's own curve over time since start, which knows nothing of support.
Source: docs/model.md §10; persistence patterns, Bowman 2008 (1748-5908-3-21).
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.model.build import model_of
from impl.model.checks import quantities_pass
from impl.model.fit import RETRY_TARGET, Profile, sample_once
from impl.model.fitted import Fit
from impl.model.kept import FOLDER
from impl.model.priors import HALF_LIFE_LOG_SD, HALF_LIFE_MEDIAN, RETAINED_ALPHA, RETAINED_BETA
from impl.model.structure import AFTER, Structure
from impl.model.values import Sustainment
from impl.study.study import Study

Array = npt.NDArray[np.float64]
MONTHS = (6, 12, 24)
SURE_DIRECTION = 0.90  # below it a share of the effect would be a division by almost nothing
LEARNT_OF_SHARE = (
    0.3  # contraction of the share kept from which a chance is told; before that it is the prior's
)
SURE_KEPT = 0.90
"""Chance from which it is told that at least half is kept. A lesser one is told downwards only: of 14 networks whose effect
was made to fade, two were said to keep half, and neither did (docs/validation/local.md). A slow fall and a plateau fit
two years of data alike under this form, so the main fit's own curve, which has no such form, has to say so too."""
PRIOR_DRAWS, PRIOR_SEED = 50_000, 1
LEARNT = 0.5  # prior-to-posterior contraction of log h from which a half-life is named
SMALLEST_WAVES = 2


def evaluate_sustainment(
    fit: Fit, study: Study, panel: Panel, *, profile: Profile = "full"
) -> Sustainment | None:
    """Share of the effect kept at 6, 12 and 24 months after support, as far as the data reach.

    None where the study has no table of support, or support ended nowhere within the data. Refuses by a warning
    (`sustainment_not_identified`) where fewer than two waves have data after support and no site is without the
    bundle: the calendar and the fading would be one.
    """
    if panel.support is None:
        return None
    structure = fading_structure(fit.structure, panel)
    if structure is None:
        return None
    clock = time.monotonic()
    if not is_identified(structure):
        return _nothing(structure, "sustainment_not_identified")
    model = model_of(structure)
    for target in (None, RETRY_TARGET):
        again = sample_once(
            model, seed=study.seed, profile=profile, target=target, folder=study.root / FOLDER
        )
        diverging = int(again.tree.sample_stats["diverging"].sum())
        asked = [
            end_effects(again),
            again.flat("half_life_months"),
            *(retained(again, months) for months in MONTHS),
        ]
        passed = quantities_pass(asked, again.chains, diverging, profile)
        if passed:
            break
    good = -1.0 if structure.measure.direction == "lower" else 1.0
    if not passed:
        return _nothing(structure, "sustainment_not_converged")
    at_end = end_effects(again)
    if max(np.mean(at_end > 0), np.mean(at_end < 0)) < SURE_DIRECTION:
        return _nothing(structure, "sustainment_effect_unclear")
    twin = twin_shares(fit, structure)
    rows = structure.rows
    after = rows.loc[rows["used"] & (rows[AFTER] > 0)]
    found = []
    for months in MONTHS:
        reached = int(after.loc[after[AFTER] >= months, "site"].nunique())
        if reached == 0:
            continue
        share = retained(again, months)
        told = half_is_told(share, twin.get(months), months)
        later = at_end * share
        change = good * (np.exp(later) - 1.0) if structure.likelihood.link != "identity" else good * later
        natural = share
        if structure.likelihood.link == "log":
            natural = np.expm1(later) / np.expm1(at_end)
        found.append(
            {
                "months": months,
                "sites": reached,
                **_ends("retained", share),
                **_ends("natural", natural),
                **_ends("twin", twin.get(months, np.full(2, np.nan))),
                "p_half": float(np.mean(share >= 0.5)) if told else np.nan,
                "p_most": float(np.mean(share >= 0.8)) if told else np.nan,
                "p_worthwhile": float(np.mean(change > structure.decision[0]))
                if structure.likelihood.link == "log"
                else np.nan,
            }
        )
    logs = np.log(again.flat("half_life_months"))
    contraction = 1.0 - float(logs.var()) / HALF_LIFE_LOG_SD**2
    low, middle, high = np.quantile(np.exp(logs), (0.05, 0.5, 0.95))
    return Sustainment(
        measure=structure.measure.id,
        table=pd.DataFrame(found),
        half_life=(float(low), float(middle), float(high)) if contraction > LEARNT else None,
        contraction=contraction,
        sites=int(after["site"].nunique()),
        seconds=round(time.monotonic() - clock, 1),
        warnings=(),
    )


def fading_structure(structure: Structure, panel: Panel) -> Structure | None:
    """The structure with months after support in its rows, and the curve held at what it was when support ended.

    Cells within a pause leave the likelihood: the bundle was not there. None where support ended nowhere.
    """
    if panel.support is None:
        return None
    position = {name: index for index, name in enumerate(structure.sites)}
    end = np.full(len(structure.sites), np.nan)
    rows = structure.rows
    period, site = rows["period"].to_numpy(), rows["site"].to_numpy()
    paused = np.zeros(len(rows), dtype=bool)
    for row in panel.support.to_dict("records"):
        if row["site"] not in position:
            continue
        here = position[row["site"]]
        end[here] = np.fmin(end[here], row["support_end_period"])
        if np.isfinite(row["pause_from"]):
            until = row["pause_until"] if np.isfinite(row["pause_until"]) else np.inf
            paused |= (site == here) & (period >= row["pause_from"]) & (period < until)
    since = period - end[site] + 1.0  # NaN where support never ended: compares False
    after = np.where(rows["treated"].to_numpy() & (since > 0), since, 0.0)
    used = rows["used"].to_numpy() & ~paused
    if not (used & (after > 0)).any():
        return None
    at_end = np.clip(rows["exposure"].to_numpy() - after, 1, structure.bins)
    held = np.where(after > 0, at_end, rows["bin"]).astype(int)
    return replace(
        structure,
        contrast=False,
        site_slopes=False,
        rows=rows.assign(used=used, bin=held, **{AFTER: after * structure.months}),
    )


def is_identified(structure: Structure) -> bool:
    """Whether calendar time and fading can be told apart: two waves after support, or a site without the bundle."""
    rows = structure.rows[structure.rows["used"]]
    waves = rows.loc[rows[AFTER] > 0, "wave"].nunique()
    later = rows[rows["period"].isin(rows.loc[rows[AFTER] > 0, "period"])]
    beside = later.groupby("site")["treated"].any()
    return bool(waves >= SMALLEST_WAVES or (~beside).any())


def retained(fit: Fit, months: float) -> Array:
    """Draws of the share of the link-scale effect that is left some months after support."""
    stays, half = fit.flat("retained_share"), fit.flat("half_life_months")
    share: Array = stays + (1.0 - stays) * 2.0 ** (-months / half)
    return share


def contraction_of(share: Array, months: float) -> float:
    """How much narrower the share kept is than its prior: 1 - variance over prior variance."""
    rng = np.random.default_rng(PRIOR_SEED)
    stays = rng.beta(RETAINED_ALPHA, RETAINED_BETA, PRIOR_DRAWS)
    half = HALF_LIFE_MEDIAN * np.exp(HALF_LIFE_LOG_SD * rng.standard_normal(PRIOR_DRAWS))
    prior = stays + (1.0 - stays) * 2.0 ** (-months / half)
    return 1.0 - float(share.var() / prior.var())


def half_is_told(share: Array, twin: Array | None, months: float) -> bool:
    """Whether a chance that at least half is kept may be told: the data, not the prior, speak of the share, and one that
    is not on the low side is at least `SURE_KEPT`, from a main fit whose own curve reaches as far and finds it likelier
    than not."""
    if contraction_of(share, months) <= LEARNT_OF_SHARE:
        return False
    kept = float(np.mean(share >= 0.5))
    if kept < 0.5:
        return True
    return kept >= SURE_KEPT and twin is not None and float(np.mean(twin >= 0.5)) > 0.5


def end_effects(fit: Fit) -> Array:
    """Draws of the effect when support ended, sites with data after it weighing the same."""
    rows = fit.structure.rows
    after = rows[rows["used"] & (rows[AFTER] > 0)].drop_duplicates("site")
    curve = fit.flat("curve")[:, after["bin"].to_numpy() - 1]
    site = fit.flat("site_effect")[:, after["site"].to_numpy()] if fit.structure.site_effects else 0.0
    return np.asarray((curve + site).mean(axis=1))


def twin_shares(fit: Fit, structure: Structure) -> dict[int, Array]:
    """Share of the effect left by the main fit's own curve, where it has an exposure time so late."""
    rows = structure.rows
    first = rows[rows["used"] & (rows[AFTER] > 0)].drop_duplicates("site")
    ended = first["bin"].to_numpy()
    curve = fit.flat("curve")
    found = {}
    for months in MONTHS:
        later = ended + round(months / structure.months)
        here = later <= fit.structure.supported
        if here.any():
            found[months] = curve[:, later[here] - 1].mean(axis=1) / curve[:, ended[here] - 1].mean(axis=1)
    return found


def _ends(name: str, draws: Array) -> dict[str, float]:
    lower, median, upper = np.quantile(draws, (0.05, 0.5, 0.95))
    return {f"{name}_lower": float(lower), f"{name}_median": float(median), f"{name}_upper": float(upper)}


def _nothing(structure: Structure, code: str) -> Sustainment:
    rows = structure.rows
    return Sustainment(
        measure=structure.measure.id,
        table=pd.DataFrame(),
        half_life=None,
        contraction=float("nan"),
        sites=int(rows.loc[rows["used"] & (rows[AFTER] > 0), "site"].nunique()),
        seconds=0.0,
        warnings=((code, {}),),
    )
