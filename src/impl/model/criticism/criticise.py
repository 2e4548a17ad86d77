"""What one fit says about its own assumptions, without refitting: predictive checks, crude numbers beside the
model, priors beside posteriors, influence, and what the effect is learnt from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.choices import Warned, baseline, identified_by
from impl.model.columns import BUNDLE
from impl.model.criticism.influence import INFLUENTIAL, leave_one_out, power_scaling
from impl.model.criticism.predictive import predictive_checks
from impl.model.criticism.prior_laws import prior_laws
from impl.model.criticism.prior_predictive import prior_predictive
from impl.model.estimands import Asked, reported_draws, window_rows
from impl.model.fitted import Fit
from impl.model.structure import Structure
from impl.model.twin import constant_effect_weights_of, fitted_scales
from impl.model.values import Criticism, LeaveOneOut

Array = npt.NDArray[np.float64]
BINS = 20  # equally likely a priori, between which prior and posterior are compared
PRIOR_DRIVEN = 0.8  # overlap above which a parameter is the prior's (choice)
CONFLICT = 0.99  # prior quantile of the spread between sites that the posterior median should not pass
MANY_INFLUENTIAL = 0.02  # share of cells; a third of fits of a right model have one of 144 (measured)
SENSITIVE = 0.05  # distance above which the prior is part of the answer (Kallioinen et al. 2024)
ENTANGLED = 30.0  # condition number above which terms cannot be told apart (Belsley, Kuh & Welsch 1980)
SMALLEST_WEIGHT = 0.001  # below minus this a weight is negative and not rounding
MEDIAN_RATIO = (
    0.954  # sqrt(2) x the normal quantile of .75: median ratio between two units (Larsen & Merlo 2005)
)


def criticise(fit: Fit) -> Criticism:
    """Everything that one fit can say against itself; nothing is sampled anew. Confidential."""
    structure = fit.structure
    reported = reported_draws(fit)
    effect = reported[Asked("tate", *structure.window, "link")]
    checks = predictive_checks(fit)
    crude = crude_change(structure, reported)
    priors = priors_and_posteriors(fit)
    left_out = leave_one_out(fit)
    sensitivity = power_scaling(fit, effect)
    exposure = exposure_support(fit)
    overlap, condition = bundle_overlap(structure)
    found: list[Warned] = [(f"check_{name}", {}) for name in checks.loc[checks["flagged"], "check"]]
    difference = reported[Asked("tate", *structure.window, "difference")]
    if scales_disagree(effect, difference) or _compared_disagree(crude):
        found.append(("scales_disagree", {}))
    if prior_conflict(fit):
        found.append(("prior_conflict", {}))
    influential = 0 if left_out is None else int((left_out.cells["pareto_k"] > INFLUENTIAL).sum())
    if left_out is not None and influential > MANY_INFLUENTIAL * len(left_out.cells):
        found.append(("loo_influential", {"count": influential}))
    if (sensitivity["distance"] > SENSITIVE).any():
        found.append(("prior_sensitive", {}))
    negative = int((exposure["weight"] < -SMALLEST_WEIGHT).sum())
    if negative and structure.effect.name == "it":  # other shapes do not weigh exposure times that way
        found.append(("negative_weights", {"count": negative}))
    if condition is not None and condition > ENTANGLED:
        found.append(("bundles_entangled", {}))
    return Criticism(
        measure=structure.measure.id,
        checks=checks,
        crude=crude,
        priors=priors,
        heterogeneity=heterogeneity(fit, priors),
        leave_one_out=left_out,
        leave_one_out_note=_leave_one_out_note(left_out),
        sensitivity=sensitivity,
        exposure=exposure,
        bundles=overlap,
        condition=condition,
        warnings=tuple(found),
        prior_predictive=prior_predictive(fit),
    )


def _leave_one_out_note(left_out: LeaveOneOut | None) -> str:
    if left_out is None:
        return (
            "Not computed: correlation fades with time, so the neighbours of a cell hold its term. "
            "check_robustness leaves whole sites out instead."
        )
    bad = float((left_out.cells["pareto_k"] > left_out.good_k).mean())
    return f"Pareto k over {left_out.good_k:.2f} in {100 * bad:.1f} % of the cells."


# --- crude numbers


def crude_change(structure: Structure, reported: Mapping[Asked, Array]) -> pd.DataFrame:
    """Crude levels before start and in the window, all sites together, and the model's answer beside them.

    Rows and columns as `Criticism.crude` says; levels on the measure's reported scale.
    """
    per = structure.measure.per
    rows = structure.rows
    before, after = _level(rows[baseline(rows)]) * per, _level(window_rows(structure)) * per
    table = [
        {"quantity": "before", "crude": before},
        {"quantity": "after", "crude": after} | _summary(reported, structure, "after", "level"),
        {"quantity": "difference", "crude": after - before}
        | _summary(reported, structure, "tate", "difference"),
    ]
    counts = structure.likelihood.link != "identity"
    if counts:
        ratio = _ratio(after, before)
        table.append({"quantity": "ratio", "crude": ratio} | _summary(reported, structure, "tate", "ratio"))
    never = rows[rows["observed"] & ~(rows["start"] < len(structure.periods))]
    first, window = int(np.nanmin(rows["start"])), window_rows(structure)["period"].unique()
    early, late = never[never["period"] < first], never[never["period"].isin(window)]
    if len(early) and len(late):
        without_before, without_after = _level(early) * per, _level(late) * per
        compared = (after - before) - (without_after - without_before)
        table.append({"quantity": "difference_compared", "crude": compared})
        if counts:
            ratio = _ratio(_ratio(after, before), _ratio(without_after, without_before))
            table.append({"quantity": "ratio_compared", "crude": ratio})
    return pd.DataFrame(table).reindex(columns=["quantity", "crude", "mean", "lower", "upper"])


def _level(rows: pd.DataFrame) -> float:
    return float(rows["numerator"].sum() / rows["denominator"].sum())


def _ratio(one: float, other: float) -> float:
    return one / other if other else np.nan


def _summary(
    reported: Mapping[Asked, Array], structure: Structure, estimand: str, scale: str
) -> dict[str, float]:
    draws = reported[Asked(estimand, *structure.window, scale)]
    lower, upper = np.quantile(draws, (0.05, 0.95))
    return {"mean": float(draws.mean()), "lower": float(lower), "upper": float(upper)}


def scales_disagree(link: Array, difference: Array) -> bool:
    """Whether the effect on the link scale and as a difference point in opposite directions, when either is
    a posterior SD or more from none."""
    clear = any(abs(draws.mean()) >= draws.std(ddof=1) for draws in (link, difference))
    return bool(clear and np.sign(link.mean()) != np.sign(difference.mean()))


def _compared_disagree(crude: pd.DataFrame) -> bool:
    """Whether change beside never-treated sites has one sign as a difference and the other as a ratio."""
    values = crude.set_index("quantity")["crude"]
    if "ratio_compared" not in values or not np.isfinite(values["ratio_compared"]):
        return False
    return bool(np.sign(values["difference_compared"]) * np.sign(values["ratio_compared"] - 1.0) < 0)


# --- priors and heterogeneity


def priors_and_posteriors(fit: Fit) -> pd.DataFrame:
    """Prior beside posterior of every scalar top-level parameter; columns as `Criticism.priors` says."""
    table = []
    for name, law in prior_laws(fit.structure).items():
        draws = fit.flat(name)
        if draws.ndim > 1:
            continue
        overlap = overlap_of(law.cdf(draws))
        table.append(
            {
                "parameter": name,
                "prior_median": float(law.median()),
                "posterior_median": float(np.median(draws)),
                "overlap": overlap,
                "contraction": float(1.0 - draws.var() / law.var()),
                "prior_driven": overlap > PRIOR_DRIVEN,
            }
        )
    return pd.DataFrame(table)


def overlap_of(places: Array) -> float:
    """1 - total variation between prior and posterior, from the posterior draws' prior probabilities."""
    counts, _ = np.histogram(places, bins=BINS, range=(0.0, 1.0))
    return float(np.minimum(counts / len(places), 1.0 / BINS).sum())


def prior_conflict(fit: Fit) -> bool:
    """Whether sites differ far more than their prior expects: sites of one kind were assumed."""
    laws = prior_laws(fit.structure)
    name = "total_sd" if "total_sd" in laws else "site_sd"
    if len(fit.structure.sites) == 1 or name not in laws:
        return False
    return bool(np.median(fit.flat(name)) > laws[name].ppf(CONFLICT))


def heterogeneity(fit: Fit, priors: pd.DataFrame) -> pd.DataFrame:
    """How much sites differ and how it hangs together over time, where it is more than the prior's.

    Rows `median_rate_ratio` (log link: exp(.954 tau)), `intraclass_correlation` (tau^2 over the total, logit: on
    the latent scale with pi^2/3) and the autocorrelation; columns `quantity`, `median`, `lower`, `upper`.
    """
    structure = fit.structure
    informed = set(priors.loc[~priors["prior_driven"], "parameter"])
    found: dict[str, Array] = {}
    name = "total_sd" if "total_sd" in informed else "site_sd"
    if len(structure.sites) > 1 and name in informed:
        variance = fit.flat(name) ** 2
        if structure.likelihood.link == "log":
            found["median_rate_ratio"] = np.exp(MEDIAN_RATIO * np.sqrt(variance))
        elif structure.likelihood.link == "logit":
            found["intraclass_correlation"] = variance / (variance + np.pi**2 / 3.0)
        else:
            persons = fit.flat("residual_sd") ** 2
            if structure.clustering == "cohort":
                persons = persons + fit.flat("person_sd") ** 2
            found["intraclass_correlation"] = variance / (variance + persons)
    for correlation in ("cluster_autocorrelation", "quarter_autocorrelation", "period_autocorrelation"):
        if correlation in informed:
            found[correlation] = fit.flat(correlation)
    table = [
        {
            "quantity": quantity,
            **dict(zip(("lower", "median", "upper"), np.quantile(draws, (0.05, 0.5, 0.95)), strict=True)),
        }
        for quantity, draws in found.items()
    ]
    return pd.DataFrame(table, columns=["quantity", "median", "lower", "upper"])


# --- what the effect is learnt from


def exposure_support(fit: Fit) -> pd.DataFrame:
    """Each time since start with support of its own; columns as `Criticism.exposure` says."""
    structure = fit.structure
    weights = constant_effect_weights_of(structure, fitted_scales(fit))
    beside = identified_by(structure.rows)
    times = np.arange(1, structure.supported + 1)
    return pd.DataFrame(
        {
            "exposure": times,
            "contrasts": [beside.get(int(time), 0) for time in times],
            "weight": weights[times - 1],
        }
    )


def bundle_overlap(structure: Structure) -> tuple[pd.DataFrame | None, float | None]:
    """Where several bundles run at once: the share of each one's cells that have the other too, and the
    condition number of their columns (each of length one) after site and period means are taken out."""
    if not structure.other_bundles:
        return None, None
    used = structure.rows[structure.rows["used"]]
    columns = {structure.bundle: used["treated"]}
    columns |= {bundle: used[BUNDLE + bundle] > 0 for bundle in structure.other_bundles}
    given = pd.DataFrame(columns).astype(float)
    together = given.T @ given
    overlap = together.div(np.diag(together), axis=0)
    fixed = pd.get_dummies(used[["site", "period"]].astype(str)).to_numpy(dtype=float)
    values = given.to_numpy()
    within = values - fixed @ np.linalg.lstsq(fixed, values, rcond=None)[0]
    length = np.linalg.norm(within, axis=0)
    if np.any(length < 1e-9):
        return overlap, float("inf")
    return overlap, float(np.linalg.cond(within / length))
