"""How the effect grows with the share delivered: errors in the audits are carried through by imputation.

effect = theta x [g(F) - g(F before)] in treated cells, g(0) = 0, g(1) = 1: in proportion, or in steps at 40, 60 and
80 per cent (effects are seen from about 60; Durlak & DuPre 2008). Each site's mean rise stands beside it, so that sites
are compared with themselves. F is drawn from the audits' own posterior and the outcome model fitted for each draw, so
outcomes do not move F (cut feedback). Source: docs/model.md §9.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from arviz_stats.base import array_stats

from impl.model.build import model_of
from impl.model.checks import LIMITS
from impl.model.choices import Warned
from impl.model.columns import COVARIATE
from impl.model.criticism.robustness import seed_of
from impl.model.effects import EFFECTS
from impl.model.estimands import window_rows
from impl.model.fit import AMBER_SHARE, Profile, sample_once
from impl.model.fitted import Fit
from impl.model.kept import FOLDER
from impl.model.predict import predict
from impl.model.structure import DOSE, Structure
from impl.model.values import DeliveryEvidence, DoseResponse
from impl.study.study import Study

Array = npt.NDArray[np.float64]
STEPS = (0.4, 0.6, 0.8)
IMPUTATIONS: dict[Profile, int] = {"full": 5, "smoke": 2}
SETTINGS: dict[Profile, tuple[int, int, int]] = {"full": (2, 500, 400), "smoke": (2, 150, 150)}
"""Chains, warm-up draws and kept draws per chain of each imputation."""
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)
MEAN_DOSE = f"{COVARIATE}mean_dose"
TARGET = 0.8  # the scenario «every site reached 80 per cent»
SURE = 0.80  # chance of a worthwhile change at the smallest share that is named
LARGEST_R_HAT = (
    1.05  # of one imputation; the answer is pooled over five, whose ESS together holds the limit of a fit
)


def evaluate_dose(
    fit: Fit, study: Study, delivery: DeliveryEvidence | None, *, profile: Profile = "full"
) -> DoseResponse | None:
    """Effect by share delivered, from the fit's model with the dose in place of «has the bundle».

    None without audits that the sampler could answer for. Extrapolates where no site came: see `points`.
    """
    if delivery is None or not delivery.passed or study.fidelity is None:
        return None
    clock = time.monotonic()
    curve = study.fidelity.curve
    structure = plain_structure(fit.structure)
    rng = np.random.default_rng([study.seed, 2])
    chosen = rng.choice(len(delivery.share), IMPUTATIONS[profile], replace=False)
    found: dict[float, list[tuple[Array, Array]]] = {share: [] for share in SHARES}
    reached: list[tuple[Array, Array]] = []
    responses: list[Array] = []
    worst, size, diverging = 0.0, 0.0, 0
    for number, draw in enumerate(chosen):
        share, before = delivery.share[draw], delivery.share_before[draw]
        dosed = dosed_structure(structure, share, before, delivery.step_of_row, curve)
        model = model_of(dosed)
        again = sample_once(
            model,
            seed=seed_of(study.seed, f"dose {number}"),
            settings=SETTINGS[profile],
            folder=study.root / FOLDER,
        )
        level = again.flat("effect_level").reshape(again.chains, -1)
        worst = max(worst, float(array_stats.rhat(level, chain_axis=0, draw_axis=1)))
        size += float(array_stats.ess(level, chain_axis=0, draw_axis=1))
        diverging += int(again.tree.sample_stats["diverging"].sum())
        responses.append(response(again, curve))
        window = window_rows(dosed)
        nothing = levels(again, window, 0.0, curve)
        for at in SHARES:
            found[at].append((levels(again, window, at, curve), nothing))
        reached.append((levels(again, window, TARGET, curve, before), levels(again, window, None, curve)))
    ratio = structure.measure.headline_scale == "ratio"
    points = [_point(structure, at, *_pooled(pairs), ratio=ratio) for at, pairs in found.items()]
    table = pd.DataFrame(points)
    worthwhile = table.loc[table["p_worthwhile"] >= SURE, "fidelity"]
    with_target, as_was = _pooled(reached)
    change = with_target / as_was if ratio else (with_target - as_was) * structure.measure.per
    told = (
        worst < LARGEST_R_HAT
        and size > LIMITS[profile]["ess_bulk"]
        and diverging <= AMBER_SHARE * len(as_was)
    )
    warnings: list[Warned] = []
    if not told:
        warnings.append(("dose_not_converged", {}))
    elif delivery.before is None:
        warnings.append(("baseline_practice_unknown", {}))
    return DoseResponse(
        measure=structure.measure.id,
        curve=curve,
        points=table,
        smallest=float(worthwhile.min()) if len(worthwhile) else None,
        target=TARGET,
        at_target=_summary(change),
        response=tuple(zip(SHARES, np.mean(responses, axis=0).tolist(), strict=True)),
        imputations=len(chosen),
        r_hat=worst,
        passed=told,
        seconds=round(time.monotonic() - clock, 1),
        warnings=tuple(warnings),
    )


def plain_structure(structure: Structure) -> Structure:
    """One full effect for all: no shape over time, groups or transition of its own beside the dose."""
    rows = structure.rows.assign(used=structure.rows["used"] & ~structure.rows["transition"])
    return replace(
        structure, rows=rows, effect=EFFECTS["it"], transition="none", contrast=False, site_slopes=False
    )


def dose(share: Array, curve: str) -> Array:
    """Columns of the dose at a share delivered, share's shape x parts: itself, or which steps it reached."""
    if curve == "linear":
        return np.asarray(share, dtype=float)[..., None]
    return (np.asarray(share)[..., None] >= np.array(STEPS)).astype(float)


def response(fit: Fit, curve: str) -> Array:
    """Mean part of the full effect at each of SHARES: the share itself, or the steps that it reached."""
    parts = dose(np.array(SHARES), curve)
    weights = fit.flat("dose_step").mean(axis=0) if parts.shape[1] > 1 else np.ones(1)
    found: Array = parts @ weights
    return found


def dosed_structure(
    structure: Structure, share: Array, before: Array, step_of_row: npt.NDArray[np.int64], curve: str
) -> Structure:
    """The structure with the dose of one draw of the shares (site x step; before: site) in its rows."""
    site = structure.rows["site"].to_numpy()
    here = dose(share[site, np.maximum(step_of_row, 0)], curve) - dose(before[site], curve)
    here = np.where(structure.rows["treated"].to_numpy()[:, None], here, 0.0)
    columns = {f"{DOSE}{part}": here[:, part] for part in range(here.shape[1])}
    columns[MEAN_DOSE] = _site_means(structure, share, before, step_of_row)
    return replace(structure, rows=structure.rows.assign(**columns))


def _site_means(
    structure: Structure, share: Array, before: Array, step_of_row: npt.NDArray[np.int64]
) -> Array:
    """Each site's mean rise in the share over its treated cells, in SDs over sites and the same in all its cells; 0 where
    the site never started. Sites that deliver much may have other levels: with this beside the dose, the effect is
    learnt from change within sites (Mundlak 1978, Econometrica 46:69-85)."""
    site, treated = structure.rows["site"].to_numpy(), structure.rows["treated"].to_numpy()
    rise = share[site, np.maximum(step_of_row, 0)] - before[site]
    total = np.bincount(site, np.where(treated, rise, 0.0), len(structure.sites))
    cells = np.bincount(site, treated, len(structure.sites))
    started = cells > 0
    mean = np.zeros(len(structure.sites))
    mean[started] = total[started] / cells[started]
    spread = float(mean[started].std()) if started.any() else 0.0
    scaled = (mean - mean[started].mean()) / spread if spread > 0 else 0.0 * mean
    return np.asarray(np.where(started, scaled, 0.0)[site])


def levels(
    fit: Fit, window: pd.DataFrame, share: float | None, curve: str, before: Array | None = None
) -> Array:
    """Draws of the mean level of the window's cells at one share for all (less each site's practice before start,
    where given), or as they were."""
    rows = window
    if share is not None:
        parts = dose(np.full(len(window), share), curve)
        if before is not None:
            parts = parts - dose(before[window["site"].to_numpy()], curve)
        rows = window.assign(**{f"{DOSE}{part}": parts[:, part] for part in range(parts.shape[1])})
    weight = rows["denominator"].to_numpy() / float(rows["denominator"].sum())
    mean = fit.structure.likelihood.mean
    return np.concatenate([mean(part.untreated + part.effect) @ weight for part in predict(fit, rows)])


def _summary(draws: Array) -> dict[str, float]:
    lower, median, upper = np.quantile(draws, (0.05, 0.5, 0.95))
    return {
        "mean": float(draws.mean()),
        "sd": float(draws.std(ddof=1)),
        "median": float(median),
        "lower": float(lower),
        "upper": float(upper),
    }


def _pooled(pairs: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    first, second = zip(*pairs, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _point(
    structure: Structure, share: float, level: Array, nothing: Array, *, ratio: bool
) -> dict[str, float]:
    good = -1.0 if structure.measure.direction == "lower" else 1.0
    change = level / nothing if ratio else (level - nothing) * structure.measure.per
    relative = good * (level - nothing) / np.abs(nothing)
    return {
        "fidelity": share,
        **_summary(change),
        "p_worthwhile": float(np.mean(relative > structure.decision[0])),
    }
