"""Estimands: what is asked of the posterior, as algebra on row quantities (g-computation).

Every natural-scale estimand compares the same cells with and without the bundle: the same sites, months,
site and cell effects. The rate estimand holds the observed exposure fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.choices import baseline
from impl.model.curves import main_curves
from impl.model.fitted import Fit
from impl.model.predict import predict
from impl.model.structure import GROUPS, Structure
from impl.model.values import Crude, Estimates
from impl.model.verdict import decide
from impl.release.release import ModelSummary

Array = npt.NDArray[np.float64]
LEVELS = (0.5, 0.9)


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


def reported_draws(fit: Fit) -> dict[Asked, Array]:
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
    if structure.contrast:
        _add_contrast(reported, fit, window_rows(structure))
    return reported


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


def _sums(fit: Fit, rows: pd.DataFrame) -> Sums:
    times, place = np.unique(rows["exposure"].to_numpy(), return_inverse=True)
    member = np.zeros((len(rows), len(times)))
    member[np.arange(len(rows)), place] = 1.0
    weight = member * rows["denominator"].to_numpy()[:, None]
    share = member / member.sum(axis=0)
    mean = fit.structure.likelihood.mean
    parts = [
        (mean(part.untreated + part.effect) @ weight, mean(part.untreated) @ weight, part.effect @ share)
        for part in predict(fit, rows)
    ]
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
    outcome = None
    if fit.profile == "full" and structure.role == "primary":
        outcome = decide(structure.measure.direction, chances[("tate", first, last, None)])
    warnings = list(structure.warnings)
    if outcome == "uncertain":
        warnings.append(("absence_not_judged", {}))
    if fit.amber:
        warnings.append(("divergences_few", {"count": int(fit.tree.sample_stats["diverging"].sum())}))
    window = window_rows(structure)
    return Estimates(
        measure=structure.measure.id,
        profile=fit.profile,
        seed=fit.seed,
        started=fit.started,
        seconds=round(fit.seconds, 1),
        kind=structure.kind,
        sequences=structure.waves,
        window=structure.window,
        model=_model_summary(structure),
        table=pd.DataFrame.from_records(records),
        crude=crude,
        before=before,
        expected=levels["expected"],
        after=levels["after"],
        curves=main_curves(fit),
        outcome=outcome,
        contrast_sites={
            name: int(window.loc[window["group"] == index, "site"].nunique())
            for index, name in enumerate(GROUPS)
            if structure.contrast
        },
        warnings=tuple(warnings),
    )


def _probabilities(
    structure: Structure, reported: dict[Asked, Array]
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
        if asked.estimand == "contrast":
            if asked.scale == "link":
                chances[key] = {"p_better": float(np.mean(good * draws > 0))}
            continue
        if asked.scale == "ratio":
            change = good * (draws - 1.0)
        elif asked.scale == "difference" and structure.likelihood.link == "identity":
            change = good * draws / np.abs(level)
        else:
            continue
        chances[key] = {
            "p_better": float(np.mean(change > 0)),
            "p_worthwhile": float(np.mean(change > worthwhile)),
            "p_negligible": float(np.mean(np.abs(change) < negligible)),
            "p_harm": float(np.mean(change < -harm)),
        }
    return chances


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


def _model_summary(structure: Structure) -> ModelSummary:
    observed = structure.rows["observed"]
    counts = structure.likelihood.link != "identity"
    return ModelSummary(
        measure=structure.measure.id,
        likelihood=structure.likelihood.name,
        effect=structure.effect.name,
        clustering=structure.clustering,
        calendar=structure.calendar,
        trend="linear" if structure.trend else "none",
        season="fourier" if structure.harmonics else "none",
        wave_effects=structure.wave_effects,
        priors=structure.priors.name,
        cells=int(observed.sum()),
        gaps=int((~observed).sum()),
        events=int(structure.rows.loc[observed, "numerator"].sum()) if counts else None,
    )
