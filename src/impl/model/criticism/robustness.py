"""The same question asked in other ways: other effect shapes, other priors, a start that never was, a forecast
from before the start, and without one wave or site at a time.

A refit is the same compiled model with other data, so it costs sampling alone. Primary measure only.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from impl.model.build import model_of
from impl.model.checks import divergence_share
from impl.model.choices import TREND_POINTS, Warned
from impl.model.criticism.marginal import observed_cells, predictors, series_marginal, thinned
from impl.model.effects import EFFECTS
from impl.model.estimands import window_effect, window_rows
from impl.model.fit import AMBER_SHARE, Profile, sample_once
from impl.model.fitted import Fit
from impl.model.kept import FOLDER
from impl.model.likelihoods.likelihood import link_of
from impl.model.predict import predict
from impl.model.structure import Structure
from impl.model.values import Robustness
from impl.study.study import Study

Array = npt.NDArray[np.float64]
Kind = Literal["main", "shape", "prior", "placebo", "forecast", "wave", "sites"]
SETTINGS: dict[Profile, tuple[int, int, int]] = {"full": (4, 400, 400), "smoke": (2, 150, 150)}
"""Chains, warm-up draws and kept draws per chain of a refit."""
TARGET = 0.85
"""Acceptance aimed at in a refit: half the steps of the main fit, and 600 independent draws tell a shift to .04 SD.
A refit with more divergences than the main fit may have is made again with its target."""
SHAPES = {"stepped_wedge": ("rw", "it", "teh", "eti"), "before_after": ("level_slope", "it", "rw")}
FOLDS = 8  # groups of sites that are left out in turn
HELD_OUT_DRAWS = 200
SHAPE_MATTERS = 1.0  # posterior SDs that another shape may move the answer …
PRIOR_MOVES = 0.5  # … another prior …
WAVE_DECIDES = 1.0  # … and one wave fewer, if it is said less (or more) surely then (choices)
SURE, MOVED = 0.90, 0.95  # chance of a direction that counts as said, and that a placebo may not reach


@dataclass(frozen=True, kw_only=True)
class Refit:
    """One variation: its name, its kind and the structure that is sampled."""

    name: str
    kind: Kind
    structure: Structure


def check_robustness(fit: Fit, study: Study, *, profile: Profile = "full") -> Robustness:
    """Refit the primary measure's model in other ways and set the answers beside the main one. Confidential.

    profile: `smoke` tries the effect shapes only, with few draws. Raises ValueError where the fit is of
    another measure.
    """
    structure = fit.structure
    if structure.role != "primary":
        raise ValueError(f"robustness is about the primary measure, not {structure.measure.id}")
    clock = time.monotonic()
    main = window_effect(fit)
    rows = [_row("main", "main", main, fit, main, fit.seconds)]
    draws: dict[str, Array] = {}
    sites: list[pd.DataFrame] = []
    refits, left_out = variations(structure, profile)
    for refit in refits:
        seed = seed_of(study.seed, refit.name)
        again = _sampled(refit.structure, seed, SETTINGS[profile], study.root / FOLDER)
        if refit.kind == "forecast":
            for name, effect in forecast_effects(again, structure).items():
                draws[name] = effect
                rows.append(_row(name, "forecast", effect, again, main, again.seconds))
            continue
        if refit.kind in ("wave", "sites") and structure.clustering == "decay":
            sites.append(held_out(again, structure).assign(fold=refit.name))
        if refit.kind == "sites":
            continue  # left out to be predicted only
        effect = window_effect(again)
        draws[refit.name] = effect
        rows.append(_row(refit.name, refit.kind, effect, again, main, again.seconds))
    table = pd.DataFrame(rows)
    return Robustness(
        measure=structure.measure.id,
        refits=table,
        sites=pd.concat(sites, ignore_index=True) if sites else None,
        left_out=left_out,
        seconds=round(time.monotonic() - clock, 1),
        warnings=tuple(_warnings(table, main, draws)),
    )


def seed_of(seed: int, name: str) -> int:
    """A seed for one refit: the study's and the refit's name decide it."""
    return int(np.random.SeedSequence([seed, *name.encode()]).generate_state(1)[0])


def _sampled(structure: Structure, seed: int, settings: tuple[int, int, int], folder: Path) -> Fit:
    model = model_of(structure)
    quick = sample_once(model, seed=seed, settings=settings, target=TARGET, folder=folder)
    if divergence_share(quick) <= AMBER_SHARE:
        return quick
    return sample_once(model, seed=seed, settings=settings, folder=folder)


def _row(name: str, kind: Kind, effect: Array, fit: Fit, main: Array, seconds: float) -> dict[str, Any]:
    lower, upper = np.quantile(effect, (0.05, 0.95))
    moved = kind not in ("main", "placebo")
    return {
        "refit": name,
        "kind": kind,
        "mean": float(effect.mean()),
        "sd": float(effect.std(ddof=1)),
        "lower": float(lower),
        "upper": float(upper),
        "shift": float((effect.mean() - main.mean()) / main.std(ddof=1)) if moved else np.nan,
        "divergences": int(fit.tree.sample_stats["diverging"].sum()),
        "r_hat": float(array_stats.rhat(effect.reshape(fit.chains, -1), chain_axis=0, draw_axis=1)),
        "seconds": round(seconds, 1),
    }


# --- what is varied


def variations(structure: Structure, profile: Profile) -> tuple[list[Refit], dict[str, str]]:
    """Every refit to make, and why others are not made."""
    refits = list(_shapes(structure))
    left_out: dict[str, str] = {}
    if structure.bins == 1:
        left_out["shapes"] = "one time since start: every shape is the same"
    if profile == "smoke":
        left_out["everything but shapes"] = "smoke profile"
        return refits, left_out
    refits += _priors(structure)
    placebo = placebo_structure(structure)
    if placebo is None:
        left_out["placebo"] = f"no site has twice {TREND_POINTS} periods with data before start"
    else:
        refits.append(Refit(name="placebo", kind="placebo", structure=placebo))
    refits.append(Refit(name="forecast", kind="forecast", structure=forecast_structure(structure)))
    folds = list(_folds(structure))
    if structure.kind == "before_after":
        left_out["without one wave"] = "not a stepped wedge"
    elif not folds:
        left_out["without one wave"] = "needs two waves beside the one left out"
    if structure.clustering != "decay":
        left_out["held-out sites"] = "cells are left out one by one instead (criticise)"
    elif not folds:
        left_out["held-out sites"] = "too few sites"
    return refits + folds, left_out


def _shapes(structure: Structure) -> Iterator[Refit]:
    if structure.bins == 1:
        return
    for name in SHAPES[structure.kind]:
        if name != structure.effect.name:
            yield Refit(
                name=f"shape {name}", kind="shape", structure=replace(structure, effect=EFFECTS[name])
            )


def _priors(structure: Structure) -> Iterator[Refit]:
    priors = structure.priors
    changes = {
        "effect prior x 0.5": replace(priors, effect=0.5 * priors.effect),
        "effect prior x 2": replace(priors, effect=2.0 * priors.effect),
    }
    if len(structure.sites) > 1:
        changes["site prior x 2"] = replace(priors, site=2.0 * priors.site)
    elif structure.latent_cells:
        changes["period prior x 2"] = replace(priors, single_site_cell=2.0 * priors.single_site_cell)
    for name, changed in changes.items():
        yield Refit(name=name, kind="prior", structure=replace(structure, priors=changed))


def placebo_structure(structure: Structure) -> Structure | None:
    """The study before anything started, with a start half-way to each site's own: the effect should be none.

    A site takes part if at least 6 of its periods with data lie before its false start and one after; the
    others, and sites that never start, stay as untreated. None where no site can.
    """
    rows = structure.rows
    touched = rows["treated"] | rows["transition"]
    clean = rows["used"] & ~touched
    starting = rows["start"] < len(structure.periods)
    first = rows["period"].where(touched).groupby(rows["site"]).transform("min").where(starting)
    false_start = np.floor(first / 2.0)
    early = (clean & (rows["period"] < false_start)).groupby(rows["site"]).transform("sum")
    late = (clean & (rows["period"] >= false_start)).groupby(rows["site"]).transform("sum")
    takes_part = starting & (early >= TREND_POINTS) & (late > 0)
    if not takes_part.any():
        return None
    false_start = false_start.where(takes_part)
    treated = (rows["period"] >= false_start) & ~touched
    exposure = (rows["period"] - false_start + 1).where(treated, 0).astype(int)
    changed = rows.assign(
        start=false_start,
        treated=treated,
        transition=False,
        dose=0.0,
        lead=0,
        after=treated,
        exposure=exposure,
        bin=np.minimum(exposure, structure.bins),
        group=0,
        used=clean,
        observed=rows["observed"] & ~touched,
        interval=rows["interval"] & ~touched,
    )
    seen = changed.loc[changed["used"] & changed["treated"], "exposure"]
    return _within_reach(replace(structure, rows=changed), int(seen.max()))


def _within_reach(structure: Structure, longest: int) -> Structure:
    """The structure with a window that its cells reach; the compiled model knows nothing of windows."""
    first, last = structure.window
    last = min(last, longest, structure.supported)
    return replace(structure, window=(min(first, last), last), supported=min(structure.supported, longest))


def forecast_structure(structure: Structure) -> Structure:
    """Only cells without the bundle in the likelihood: the rest is forecast."""
    rows = structure.rows
    touched = rows["treated"] | rows["transition"]
    return replace(
        structure, rows=rows.assign(used=rows["used"] & ~touched, interval=rows["interval"] & ~touched)
    )


def _folds(structure: Structure) -> Iterator[Refit]:
    """Without one wave at a time in a wedge; under a correlation that fades, else without groups of sites."""
    rows = structure.rows
    starts = rows.drop_duplicates("site").set_index("site")["start"]
    started = starts[starts < len(structure.periods)]
    waves = sorted(started.unique())
    never = bool((~(starts < len(structure.periods))).any())
    if structure.kind == "stepped_wedge" and len(waves) + never >= 3:
        for wave in waves:
            day = structure.periods[int(wave)][0].isoformat()
            left_out = started.index[started == wave].to_numpy()
            yield _without(structure, "wave", left_out, f"without the start of {day}")
    elif structure.clustering == "decay" and len(structure.sites) >= 3:
        for group in np.array_split(np.arange(len(structure.sites)), min(FOLDS, len(structure.sites))):
            names = ", ".join(structure.sites[index] for index in group)
            yield _without(structure, "sites", group, f"without sites {names}")


def _without(structure: Structure, kind: Kind, sites: npt.NDArray[np.int64], name: str) -> Refit:
    """The sites leave the likelihood and stay in the estimand: what do the others say about them?"""
    rows = structure.rows
    kept = ~rows["site"].isin(sites)
    changed = replace(structure, rows=rows.assign(used=rows["used"] & kept, interval=rows["interval"] & kept))
    return Refit(name=name, kind=kind, structure=changed)


# --- what is made of a refit


def forecast_effects(forecast: Fit, structure: Structure) -> dict[str, Array]:
    """Measured against forecast over the window, on the link scale of the levels of all its cells together.

    `mean_effect`: the expected level without the bundle is what is uncertain. `predictive`: chance in the counts
    of these cells as well; it is the wider one, and answers whether the measured level could have come anyway.
    """
    rows = window_rows(structure)
    law = structure.likelihood
    denominator = rows["denominator"].to_numpy(dtype=float)
    measured = float(rows["numerator"].sum())
    means, counts = [], []
    for index, part in enumerate(predict(forecast, rows)):
        rng = np.random.default_rng([forecast.seed, 72, index])
        means.append(law.mean(part.untreated) @ denominator)
        level = part.untreated + part.measurement
        counts.append(law.draw(level, denominator, part.parameters, rng).sum(axis=1))
    total = float(denominator.sum())
    return {
        "mean_effect": _distance(measured, np.concatenate(means), total, law.link),
        "predictive": _distance(measured, np.concatenate(counts), total, law.link),
    }


def _distance(measured: float, without: Array, total: float, link: str) -> Array:
    """Link of the measured level minus link of the level without; half an event keeps both finite."""
    if link == "identity":
        return (measured - without) / total
    added = 1.0 if link == "logit" else 0.0
    reached = link_of((measured + 0.5) / (total + added), link)
    levels = (without + 0.5) / (total + added)
    return np.asarray(reached - (np.log(levels) - (np.log1p(-levels) if link == "logit" else 0.0)))


def held_out(refit: Fit, structure: Structure) -> pd.DataFrame:
    """Log-density of each site that the refit did not see, its series integrated out; `site`, `cells`, `elpd`.

    The site's place among the others (wave, effect of its own) is drawn with the parameters, as for a new site.
    """
    out = structure.rows["used"] & ~refit.structure.rows["used"]
    few = thinned(refit, HELD_OUT_DRAWS)
    table = []
    for site in sorted(structure.rows.loc[out, "site"].unique()):
        rows = structure.rows[out & (structure.rows["site"] == site)]
        cells = observed_cells(structure, rows)
        lag = np.abs(np.subtract.outer(rows["period"].to_numpy(), rows["period"].to_numpy()))
        densities = []
        for part in predictors(few, rows):
            sd, correlation = (
                few.flat(name)[part.chosen][:, None, None] for name in ("total_sd", "period_autocorrelation")
            )
            covariance = sd**2 * correlation**lag
            densities.append(
                series_marginal(structure.likelihood, part.centre, covariance, cells, part.parameters)
            )
        density = np.concatenate(densities)
        elpd = float(logsumexp(density) - np.log(len(density)))
        table.append({"site": structure.sites[int(site)], "cells": len(rows), "elpd": elpd})
    return pd.DataFrame(table)


# --- what a reader should know


def _direction(draws: Array) -> float:
    """Chance that the effect is above none."""
    return float(np.mean(draws > 0))


def _warnings(table: pd.DataFrame, main: Array, draws: dict[str, Array]) -> list[Warned]:
    found: list[Warned] = []
    by_kind = {kind: part.set_index("refit") for kind, part in table.groupby("kind")}
    opposed = {name for name, effect in draws.items() if _opposed(main, effect)}
    shapes = by_kind.get("shape")
    if shapes is not None and ((shapes["shift"].abs() > SHAPE_MATTERS).any() or opposed & set(shapes.index)):
        found.append(("shape_matters", {}))
    if "placebo" in draws and max(_direction(draws["placebo"]), 1 - _direction(draws["placebo"])) >= MOVED:
        found.append(("placebo_moved", {}))
    if "prior" in by_kind and (by_kind["prior"]["shift"].abs() > PRIOR_MOVES).any():
        found.append(("prior_moves_answer", {}))
    waves = by_kind.get("wave")
    if waves is not None:
        far = waves.index[waves["shift"].abs() > WAVE_DECIDES]
        if any(name in opposed or _is_sure(draws[name]) != _is_sure(main) for name in far):
            found.append(("one_wave_decides", {}))
    if "forecast" in by_kind:
        chance = by_kind["forecast"].loc["predictive"]
        if not chance["lower"] <= main.mean() <= chance["upper"]:
            found.append(("forecast_disagrees", {}))
    return found


def _is_sure(draws: Array) -> bool:
    return max(_direction(draws), 1 - _direction(draws)) > SURE


def _opposed(one: Array, other: Array) -> bool:
    """Whether both are sure of a direction, and not of the same one."""
    return _is_sure(one) and _is_sure(other) and (_direction(one) > 0.5) != (_direction(other) > 0.5)
