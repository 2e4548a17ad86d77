"""From a fit to what may be reported: summaries, levels, chances, the main curve and the verdict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.assurance import assurance_of
from impl.model.choices import baseline
from impl.model.columns import COVARIATE
from impl.model.curves import main_curves
from impl.model.effect_prior import effect_prior
from impl.model.estimands import LEVELS, Asked, reported_draws, window_effect, window_rows
from impl.model.fitted import Fit
from impl.model.learnt import CONFLICT
from impl.model.moderators import MODERATOR
from impl.model.structure import GROUPS, LEARNT, Structure
from impl.model.targets import evaluate_targets
from impl.model.twin import fitted_scales
from impl.model.values import Crude, Estimates
from impl.model.verdict import decide
from impl.network.prior import effect_of_prior
from impl.release.release import ModelSummary, NetworkPrior, StatedBelief
from impl.study.study import Belief

Array = npt.NDArray[np.float64]
QUANTILES = (np.arange(100) + 0.5) / 100  # each stands for one in a hundred equally likely values


def estimate(fit: Fit) -> Estimates:
    """Summaries of every reported quantity, the levels of the table, the main curve and the verdict."""
    structure = fit.structure
    reported = reported_draws(fit)
    chances = _probabilities(structure, reported)
    records = [
        _summary(structure, asked, draws, level, chances.get((*asked[:3], asked.group), {}))
        for asked, draws in reported.items()
        if asked.scale != "level"
        for level in LEVELS
    ]
    levels = {
        asked.estimand: float(np.median(draws)) for asked, draws in reported.items() if asked.scale == "level"
    }
    crude = _crude(structure)
    before = crude.before_numerator / crude.before_denominator * structure.measure.per
    first, last = structure.window
    outcome = design = None
    warnings = list(structure.warnings)
    if fit.profile == "full" and structure.role == "primary":
        design = assurance_of(structure, fitted_scales(fit))
        showable = design.can_show_negligible
        headline = chances[("tate", first, last, None)]
        outcome = decide(structure.measure.direction, headline, absence_showable=showable)
        if outcome == "uncertain":
            warnings.append(("absence_could_be_shown" if showable else "absence_not_judged", {}))
    if fit.amber:
        warnings.append(("divergences_few", {"count": int(fit.tree.sample_stats["diverging"].sum())}))
    targets = evaluate_targets(fit)
    if targets is not None and not targets.passed:
        warnings.append(("targets_not_reliable", {}))
    window = window_rows(structure)
    network = None
    if structure.learnt is not None:
        network = effect_of_prior(
            structure.learnt, structure.priors.effect, fit.flat(LEARNT), window_effect(fit)
        )
        if network.surprise is not None and network.surprise < CONFLICT:
            warnings.append(("network_prior_conflict", {}))
    return Estimates(
        measure=structure.measure.id,
        profile=fit.profile,
        seed=fit.seed,
        started=fit.started,
        seconds=round(fit.seconds, 1),
        kind=structure.kind,
        sequences=structure.waves,
        window=structure.window,
        model=_model_summary(structure, network),
        table=pd.DataFrame.from_records(records),
        crude=crude,
        before=before,
        expected=levels["expected"],
        after=levels["after"],
        curves=main_curves(fit),
        outcome=outcome,
        assurance=design,
        contrast_sites={
            name: int(window.loc[window["group"] == index, "site"].nunique())
            for index, name in enumerate(GROUPS)
            if structure.contrast
        },
        moderator_sites={
            name.removeprefix(MODERATOR): count
            for name, count in zip(structure.moderators, structure.moderator_sites, strict=True)
        },
        warnings=tuple(warnings),
        moderator_centres=usual_scores(structure),
        correlations=prediction_correlations(structure, reported),
        targets=targets,
        quantiles=effect_quantiles(structure, reported),
        prior_scales={name: value for name, value in vars(structure.priors).items() if name != "name"},
        curve_correlations=curve_correlations(reported),
    )


def window_summaries(fit: Fit, estimand: str) -> pd.DataFrame:
    """The time-averaged effect of a fit under another name, rows as `Estimates.table`."""
    structure = fit.structure
    reported = reported_draws(fit)
    chances = _probabilities(structure, reported)
    asked = [each for each in reported if each.estimand == "tate"]
    rows = [
        _summary(structure, each, reported[each], level, chances.get((*each[:3], each.group), {}))
        for each in asked
        for level in LEVELS
    ]
    return pd.DataFrame.from_records(rows).assign(estimand=estimand)


def usual_scores(structure: Structure) -> dict[str, float]:
    """Mean score of each moderator in the window's cells, weighted as the effect on the scale of predictions is: every
    time since start the same on the link scale, by exposure for differences."""
    rows = window_rows(structure)
    weight = rows["denominator"].to_numpy()
    if structure.measure.headline_scale == "ratio":
        weight = 1.0 / rows.groupby("exposure")["site"].transform("size").to_numpy()
    return {
        name.removeprefix(MODERATOR): centre + float(np.average(rows[name], weights=weight))
        for name, centre in zip(structure.moderators, structure.moderator_centres, strict=True)
    }


def prediction_correlations(structure: Structure, reported: Mapping[Asked, Array]) -> dict[str, float]:
    """Posterior correlations of what a prediction for a new site adds up; empty without effects that differ between
    sites, or without moderators. On the link scale for rates, else on that of differences."""
    scale = "link" if structure.measure.headline_scale == "ratio" else "difference"
    first, last = structure.window
    kinds = [name.removeprefix(MODERATOR) for name in structure.moderators]
    site = reported.get(Asked("new_site", first, last, scale))
    if site is None or not kinds:
        return {}
    parts = [site, *(reported[Asked("moderation", first, last, scale, kind)] for kind in kinds)]
    found = np.corrcoef(parts)
    pairs = {kind: found[0, place] for place, kind in enumerate(kinds, 1)}
    for place, kind in enumerate(kinds, 1):
        for later, other in enumerate(kinds[place:], place + 1):
            pairs[f"{kind}|{other}"] = found[place, later]
    return {name: float(value) for name, value in pairs.items()}


def curve_correlations(reported: Mapping[Asked, Array]) -> dict[tuple[int, int], float]:
    """Posterior correlations of the effects at two times since start, link scale; the later time first."""
    times = sorted(
        asked.first
        for asked in reported
        if (asked.estimand, asked.scale) == ("pte", "link") and asked.first is not None
    )
    if len(times) < 2:
        return {}
    found = np.corrcoef([reported[Asked("pte", time, time, "link")] for time in times])
    return {
        (later, earlier): float(found[row, column])
        for row, later in enumerate(times)
        for column, earlier in enumerate(times[:row])
    }


def _probabilities(
    structure: Structure, reported: Mapping[Asked, Array]
) -> dict[tuple[str, int | None, int | None, str | None], dict[str, float]]:
    """P(better), P(worthwhile), P(negligible), P(harm) per estimand, from its relative change."""
    if structure.measure.direction == "ambiguous":
        return {key: {} for key in {(*asked[:3], asked.group) for asked in reported}}
    good = -1.0 if structure.measure.direction == "lower" else 1.0
    worthwhile, harm, negligible = structure.decision
    level = reported[Asked("expected", *structure.window, "level")]
    chances: dict[tuple[str, int | None, int | None, str | None], dict[str, float]] = {}
    for asked, draws in reported.items():
        key = (*asked[:3], asked.group)
        if asked.estimand in ("contrast", "moderation"):
            if asked.scale == "link":
                chances[key] = {"p_better": float(np.mean(good * draws > 0))}
            continue
        change = _relative_change(structure, asked, draws, level)
        if change is None:
            continue
        change = good * change
        chances[key] = {
            "p_better": float(np.mean(change > 0)),
            "p_worthwhile": float(np.mean(change > worthwhile)),
            "p_negligible": float(np.mean(np.abs(change) < negligible)),
            "p_harm": float(np.mean(change < -harm)),
        }
    return chances


def _relative_change(structure: Structure, asked: Asked, draws: Array, level: Array) -> Array | None:
    """Draws of the change relative to `level`, expected without the bundle; None on a scale that does not give it."""
    if asked.scale == "ratio":
        return draws - 1.0
    if asked.scale == "difference" and structure.likelihood.link == "identity":
        return draws / np.abs(level)
    return None


def effect_quantiles(structure: Structure, reported: Mapping[Asked, Array]) -> tuple[float, ...]:
    """A hundred quantiles of the main effect as relative change, smallest first; empty where no direction is good."""
    if structure.measure.direction == "ambiguous":
        return ()
    first, last = structure.window
    scale = "difference" if structure.likelihood.link == "identity" else "ratio"
    asked = Asked("tate", first, last, scale)
    change = _relative_change(
        structure, asked, reported[asked], reported[Asked("expected", first, last, "level")]
    )
    if change is None:
        return ()
    return tuple(float(value) for value in np.quantile(change, QUANTILES))


def _summary(
    structure: Structure, asked: Asked, draws: Array, level: float, chances: dict[str, float]
) -> dict[str, object]:
    lower, upper = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return {
        "measure": structure.measure.id,
        "bundle": structure.bundle,
        "estimand": asked.estimand,
        "from": asked.first,
        "to": asked.last,
        "scale": asked.scale,
        "group": asked.group,
        "mean": float(draws.mean()),
        "sd": float(draws.std(ddof=1)),
        "median": float(np.median(draws)),
        "lower": float(lower),
        "upper": float(upper),
        "level": level,
        **{
            name: chances.get(name, np.nan) for name in ("p_better", "p_worthwhile", "p_negligible", "p_harm")
        },
    }


def _crude(structure: Structure) -> Crude:
    rows = structure.rows
    before = rows[baseline(rows)]
    after = window_rows(structure)
    return Crude(
        before_numerator=float(before["numerator"].sum()),
        before_denominator=float(before["denominator"].sum()),
        after_numerator=float(after["numerator"].sum()),
        after_denominator=float(after["denominator"].sum()),
    )


def _model_summary(structure: Structure, network: NetworkPrior | None) -> ModelSummary:
    observed = structure.rows["observed"]
    walks = structure.kind == "before_after" and structure.calendar == "smooth"
    counts = structure.likelihood.link != "identity"
    return ModelSummary(
        measure=structure.measure.id,
        likelihood=structure.likelihood.name,
        effect=structure.effect.name,
        clustering=structure.clustering,
        calendar=structure.calendar,
        trend="linear" if structure.trend else "walk" if walks else "none",
        season="fourier" if structure.harmonics else "none",
        wave_effects=structure.wave_effects,
        priors=structure.priors.name if network is None else "network",
        cells=int(observed.sum()),
        gaps=int((~observed).sum()),
        events=int(structure.rows.loc[observed, "numerator"].sum()) if counts else None,
        site_effects=structure.site_effects,
        trend_difference=structure.trend_difference,
        site_trends=structure.site_trends,
        strata=structure.strata,
        covariates=tuple(name.removeprefix(COVARIATE) for name in structure.covariates),
        transition=structure.transition,
        anticipation=structure.anticipation,
        secular=_stated(structure.secular),
        reporting=_stated(structure.reporting),
        other_bundles=structure.other_bundles,
        effect_prior=effect_prior(structure, window_rows(structure)) if network is None else None,
        network=network,
    )


def _stated(belief: Belief | None) -> StatedBelief | None:
    return None if belief is None else StatedBelief(mean=belief.mean, sd=belief.sd)
