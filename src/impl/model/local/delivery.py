"""Was the bundle delivered? Audits k of n as a latent share per site and quarter since start.

logit F[site, quarter] = level + walk[quarter] + site + cell, k ~ Binomial(n, F): small audits keep their error,
audits that were not made stay unknown, and a site without audits is one like the others. Outcomes have no say
here (the cut model): whether something was delivered must not depend on whether it worked.
Source: docs/model.md §8; multilevel dosage, American Journal of Evaluation 2012 (1098214012452715).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import nutpie
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

from impl.data.panel import Panel
from impl.logs.adaptation import score_of
from impl.model.build import walk_basis
from impl.model.checks import quantities_pass
from impl.model.estimands import window_rows
from impl.model.fit import FIRST_TARGET, RETRY_TARGET, SETTINGS, Profile, draw
from impl.model.fitted import Fit
from impl.model.structure import Structure
from impl.model.values import DeliveryEvidence
from impl.study.study import FidelitySource, Study

Array = npt.NDArray[np.float64]
STEP_MONTHS = 3.0  # a step of the latent share: a quarter since start, or one period where that is longer
SURE = 0.80  # chance that counts as said (choice; the rule for harm has the same)


@dataclass(frozen=True, kw_only=True)
class Audits:
    """Audits summed by site and step; baseline audits (before start) apart.

    delivered, eligible: site x step. before_delivered, before_eligible: per site. step_of_row: step of each row
    of the structure's table, -1 where untreated.
    """

    delivered: Array
    eligible: Array
    before_delivered: Array
    before_eligible: Array
    step_of_row: npt.NDArray[np.int64]


def evaluate_delivery(
    fit: Fit, study: Study, panel: Panel, *, profile: Profile = "full"
) -> DeliveryEvidence | None:
    """How much of the bundle was delivered in the window of the effect, and what that is called.

    fit: of the primary measure; its window and sites are meant, its outcomes are not read. None where the study
    has no audits. The verdict is `unknown` unless one limit of `study.delivery` is passed
    with 80 per cent probability, and where the sampler did not answer.
    """
    if study.fidelity is None or panel.fidelity is None:
        return None
    structure = fit.structure
    audits = audits_of(structure, panel.fidelity, study.fidelity)
    if audits.eligible.sum() == 0:
        return None
    window = window_rows(structure)
    weight = np.zeros(audits.eligible.shape)
    place = window["site"].to_numpy(), audits.step_of_row[window.index.to_numpy()]
    np.add.at(weight, place, window["denominator"].to_numpy() / float(window["denominator"].sum()))
    share, overall, passed = _sample(audits, weight, study.seed, profile)
    limits = study.delivery
    p_delivered = float(np.mean(overall >= limits.delivered))
    p_not_delivered = float(np.mean(overall < limits.not_delivered))
    verdict = "unknown"
    if passed and profile == "full":
        verdict = (
            "delivered" if p_delivered >= SURE else "not_delivered" if p_not_delivered >= SURE else "unknown"
        )
    before = audits.before_eligible.sum()
    return DeliveryEvidence(
        measure=structure.measure.id,
        component=study.fidelity.component,
        overall=_quantiles(overall),
        p_delivered=p_delivered,
        p_not_delivered=p_not_delivered,
        verdict=verdict,  # type: ignore[arg-type]
        steps=_steps(structure, audits, share),
        before=float(audits.before_delivered.sum() / before) if before else None,
        before_counts=(float(audits.before_delivered.sum()), float(before)),
        passed=passed,
        share=share,
        share_before=_share_before(audits, len(share), study.seed),
        step_of_row=audits.step_of_row,
        components=components_in_window(structure, panel.fidelity, window),
        by_adaptation=by_adaptation(structure, panel.adaptations, share, weight),
        warnings=() if passed else (("delivery_not_converged", {}),),
    )


def audits_of(structure: Structure, fidelity: pd.DataFrame, source: FidelitySource) -> Audits:
    """Audits of the chosen component on the structure's sites, by step since start."""
    width = max(1, round(STEP_MONTHS / structure.months))
    rows = structure.rows
    step_of_row = np.where(rows["exposure"] > 0, (rows["exposure"] - 1) // width, -1)
    steps = int(step_of_row.max()) + 1
    sites = len(structure.sites)
    position = {name: index for index, name in enumerate(structure.sites)}
    made = fidelity[(fidelity["component"] == source.component) & fidelity["reported"]]
    made = made[made["site"].isin(position)]
    site = made["site"].map(position).to_numpy(dtype=int)
    row = site * len(structure.periods) + made["period"].to_numpy(dtype=int)
    step = step_of_row[row]
    transition = rows["transition"].to_numpy()[row]
    counts = {name: made[name].to_numpy(dtype=float) for name in ("delivered", "eligible")}
    after = np.zeros((2, sites, max(steps, 1)))
    before = np.zeros((2, sites))
    for index, name in enumerate(("delivered", "eligible")):
        np.add.at(after[index], (site[step >= 0], step[step >= 0]), counts[name][step >= 0])
        early = (step < 0) & ~transition
        np.add.at(before[index], site[early], counts[name][early])
    return Audits(
        delivered=after[0],
        eligible=after[1],
        before_delivered=before[0],
        before_eligible=before[1],
        step_of_row=step_of_row,
    )


def components_in_window(structure: Structure, fidelity: pd.DataFrame, window: pd.DataFrame) -> pd.DataFrame:
    """Crude numbers of every audited component in the window's cells; empty where there is one component only."""
    made = fidelity[fidelity["reported"]]
    if made["component"].nunique() < 2:
        return pd.DataFrame()
    names = np.array(structure.sites)[window["site"].to_numpy()]
    cells = pd.MultiIndex.from_arrays([names, window["period"].to_numpy(dtype=int)])
    inside = pd.MultiIndex.from_frame(made[["site", "period"]]).isin(cells)
    found = made[inside].groupby("component", sort=False)
    return found.agg(
        delivered=("delivered", "sum"), eligible=("eligible", "sum"), sites=("site", "nunique")
    ).reset_index()


def by_adaptation(
    structure: Structure, log: pd.DataFrame | None, share: Array, weight: Array
) -> pd.DataFrame:
    """Share delivered at sites whose modifications all kept the core, and at those where one did not: fidelity and
    adaptation are two axes, and a bundle can be adapted and delivered. share: draw x site x step, weight: site x step."""
    if log is None or not len(log):
        return pd.DataFrame()
    modifications = ({str(key): value for key, value in row.items()} for row in log.to_dict("records"))
    changed = {row["site"] for row in modifications if score_of(row) == "inconsistent"}
    touched = set(log["site"])
    groups = {"kept": touched - changed, "changed": changed}
    rows = []
    for group, members in groups.items():
        here = np.array([site in members for site in structure.sites]) & (weight.sum(axis=1) > 0)
        if here.any():
            inside = np.einsum("dsk,sk->d", share[:, here], weight[here] / weight[here].sum())
            rows.append({"group": group, "share": float(np.median(inside)), "sites": int(here.sum())})
    return pd.DataFrame(rows, columns=["group", "share", "sites"])


def delivery_model(delivered: Array, eligible: Array) -> pm.Model:
    """The PyMC model of audits, both site x step; a cell without audits is 0 of 0 and says nothing.

    Scales are choices: sites ~ HalfNormal(1) on the log-odds scale (a site at one SD has 27 or 73 per cent where
    the network has half), steps per quarter ~ HalfNormal(0.5), cells the same.
    """
    sites, steps = eligible.shape
    with pm.Model(coords={"site": range(sites), "step": range(steps)}) as model:
        count = pm.Data("count", delivered.astype(np.int64))
        audited = pm.Data("audited", eligible.astype(np.int64))
        level: Any = pm.Normal("level", 0.0, 1.5)
        if steps > 1:
            step_sd = pm.HalfNormal("step_sd", 0.5)
            level = level + step_sd * pt.dot(
                walk_basis(steps), pm.Normal("step_raw", 0.0, 1.0, shape=steps - 1)
            )
        site_sd, cell_sd = pm.HalfNormal("site_sd", 1.0), pm.HalfNormal("cell_sd", 0.5)
        own = site_sd * pm.Normal("site_raw", 0.0, 1.0, dims="site")
        cell = cell_sd * pm.Normal("cell_raw", 0.0, 1.0, dims=("site", "step"))
        logit = level + own[:, None] + cell
        pm.Deterministic("fidelity", pm.math.sigmoid(logit), dims=("site", "step"))
        pm.Binomial("delivered", n=audited, logit_p=logit, observed=count)
    found: pm.Model = model
    return found


@lru_cache(maxsize=4)
def _compiled(sites: int, steps: int) -> Any:
    """The compiled model of so many sites and steps; a template without any audit, to be given data."""
    nothing = np.zeros((sites, steps))
    return nutpie.compile_pymc_model(delivery_model(nothing, nothing), var_names=["fidelity"])


def _sample(audits: Audits, weight: Array, seed: int, profile: Profile) -> tuple[Array, Array, bool]:
    """Draws of the share delivered (draw x site x step) and of its mean by `weight` (site x step), and whether
    that mean and the network's at every step passed the gates."""
    compiled = _compiled(*audits.eligible.shape).with_data(
        count=audits.delivered.astype(np.int64), audited=audits.eligible.astype(np.int64)
    )
    passed = False
    for target in (FIRST_TARGET, RETRY_TARGET):
        tree = draw(compiled, SETTINGS[profile], seed=seed, target=target)
        by_chain = tree.posterior["fidelity"].to_numpy()
        share = by_chain.reshape(-1, *by_chain.shape[2:])
        overall = np.einsum("dsk,sk->d", share, weight)
        diverging = int(tree.sample_stats["diverging"].sum())
        passed = quantities_pass([overall, *share.mean(axis=1).T], len(by_chain), diverging, profile)
        if passed:
            break
    return share, overall, passed


def _share_before(audits: Audits, draws: int, seed: int) -> Array:
    """Practice before start, draw x site: Beta(k + 1/2, n - k + 1/2) where audited (Jeffreys), the network's where
    only others were, and 0 where nobody was."""
    k, n = audits.before_delivered, audits.before_eligible
    if n.sum() == 0:
        return np.zeros((draws, len(n)))
    audited = n > 0
    k, n = np.where(audited, k, k.sum()), np.where(audited, n, n.sum())
    found: Array = np.random.default_rng([seed, 1]).beta(k + 0.5, n - k + 0.5, (draws, len(n)))
    return found


def _quantiles(draws: Array) -> tuple[float, float, float]:
    lower, median, upper = np.quantile(draws, (0.05, 0.5, 0.95))
    return float(lower), float(median), float(upper)


def _steps(structure: Structure, audits: Audits, share: Array) -> pd.DataFrame:
    """Share delivered by step since start, over the sites that reached it with data (sites weigh the same)."""
    width = max(1, round(STEP_MONTHS / structure.months))
    rows = structure.rows
    found = []
    for step in range(audits.eligible.shape[1]):
        sites = rows.loc[rows["observed"] & (audits.step_of_row == step), "site"].unique()
        if len(sites) == 0:
            continue
        lower, median, upper = _quantiles(share[:, sites, step].mean(axis=1))
        found.append(
            {
                "from": step * width + 1,
                "to": (step + 1) * width,
                "lower": lower,
                "median": median,
                "upper": upper,
                "sites": len(sites),
                "audited": int((audits.eligible[:, step] > 0).sum()),
                "delivered": float(audits.delivered[:, step].sum()),
                "eligible": float(audits.eligible[:, step].sum()),
            }
        )
    return pd.DataFrame(found)
