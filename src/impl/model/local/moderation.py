"""What must stand beside a moderation estimate before anyone believes it.

Sites choose their adaptations, often because of poor results, so a coefficient says what went together. Four
companions and a share: the score of a quarter earlier, the level before start as one more moderator, whether
later adaptation «predicts» the level before start, how much hidden bias would undo the answer, and how much of
the difference between sites it explains. Source: docs/model.md §8.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.model.build import model_of
from impl.model.choices import Warned, baseline
from impl.model.criticism.robustness import SETTINGS, seed_of
from impl.model.fit import Profile, sample_once
from impl.model.fitted import Fit
from impl.model.kept import FOLDER
from impl.model.likelihoods.likelihood import link_of
from impl.model.moderators import MODERATOR
from impl.model.structure import Structure
from impl.model.values import Moderation
from impl.study.study import Study

Array = npt.NDArray[np.float64]
LAG_MONTHS = 3.0  # how much earlier the score is taken: a quarter, so that a poor month cannot cause it
BEFORE_LEVEL = MODERATOR + "before_level"
SURE = 0.90  # chance of a direction that counts as said
TURNS = 1.0  # posterior SDs by which a companion may move a coefficient (choice)
FEWEST_SITES = 4  # for a slope between sites
PRIOR_DRAWS, PRIOR_CELLS, PRIOR_SEED = 50_000, 40, 1
LITTLE_SAID = 0.80  # overlap of prior and posterior from which the reader is told that the data say little


def check_moderation(fit: Fit, study: Study, *, profile: Profile = "full") -> Moderation | None:
    """The companions of every moderator of a fit; None where the study declared none. Confidential.

    profile: `smoke` leaves the refits out.
    """
    structure = fit.structure
    if not structure.moderators:
        return None
    clock = time.monotonic()
    main = fit.flat("moderation")
    rows = [_coefficients("main", structure, main)]
    explained = float("nan")
    if profile == "full":
        lagged = lagged_structure(structure)
        rows.append(
            _coefficients("a quarter earlier", structure, _refit(lagged, study, "lagged").flat("moderation"))
        )
        levelled = with_before_level(structure)
        if levelled is not None:
            again = _refit(levelled, study, "before level").flat("moderation")[:, : len(structure.moderators)]
            rows.append(_coefficients("with the level before start", structure, again))
        if structure.site_effects:
            explained = _explained(fit, _refit(_without(structure), study, "no scores"))
    table = pd.concat(rows, ignore_index=True)
    past = past_levels(structure)
    return Moderation(
        measure=structure.measure.id,
        coefficients=table,
        past=past,
        tipping=tipping(structure, main),
        explained=explained,
        sites={
            name.removeprefix(MODERATOR): count
            for name, count in zip(structure.moderators, structure.moderator_sites, strict=True)
        },
        seconds=round(time.monotonic() - clock, 1),
        warnings=tuple(_warnings(table, past)),
    )


def _refit(structure: Structure, study: Study, name: str) -> Fit:
    model = model_of(structure)
    seed = seed_of(study.seed, name)
    return sample_once(model, seed=seed, settings=SETTINGS["full"], folder=study.root / FOLDER)


def _coefficients(refit: str, structure: Structure, draws: Array) -> pd.DataFrame:
    """Per moderator: the change in the effect (link scale) that goes with one modification."""
    lower, upper = np.quantile(draws, (0.05, 0.95), axis=0)
    return pd.DataFrame(
        {
            "refit": refit,
            "moderator": [name.removeprefix(MODERATOR) for name in structure.moderators],
            "mean": draws.mean(axis=0),
            "sd": draws.std(axis=0, ddof=1),
            "lower": lower,
            "upper": upper,
            "p_above": (draws > 0).mean(axis=0),
            "overlap": [prior_overlap(structure, column) for column in draws.T],
        }
    )


def prior_overlap(structure: Structure, draws: Array) -> float:
    """Area that the prior and the posterior of a coefficient share: near 1 the data said nothing of it.

    Overlapping coefficient (Weitzman 1970) by shares in cells that the prior makes equally likely, so that neither a
    bandwidth nor a range has to be chosen.
    """
    rng = np.random.default_rng(PRIOR_SEED)
    sd = np.abs(rng.normal(0.0, structure.priors.moderator, PRIOR_DRAWS))
    prior = sd * rng.standard_normal(PRIOR_DRAWS)
    edges = np.quantile(prior, np.linspace(0.0, 1.0, PRIOR_CELLS + 1)[1:-1])
    share = np.bincount(np.searchsorted(edges, draws), minlength=PRIOR_CELLS) / len(draws)
    return float(np.minimum(share, 1.0 / PRIOR_CELLS).sum())


# --- companions


def lagged_structure(structure: Structure) -> Structure:
    """The same model with the scores of a quarter earlier (of the start, where that is later)."""
    lag = max(1, round(LAG_MONTHS / structure.months))
    columns = {}
    treated = structure.grid("treated")
    for name, centre in zip(structure.moderators, structure.moderator_centres, strict=True):
        score = np.where(treated, structure.grid(name) + centre, np.nan)
        shifted = np.full(score.shape, np.nan)
        shifted[:, lag:] = score[:, :-lag]
        # the first months have no score from before: what was in force at start stands for them
        first = np.where(treated.any(axis=1), treated.argmax(axis=1), 0)
        at_start = score[np.arange(len(score)), first][:, None]
        earlier = np.where(np.isnan(shifted), at_start, shifted)
        columns[name] = np.where(treated, earlier - centre, 0.0).ravel()
    return replace(structure, rows=structure.rows.assign(**columns))


def with_before_level(structure: Structure) -> Structure | None:
    """The same model with each site's crude level before start as one more moderator, in SD between sites.

    None where a treated site has no level before start, or all have the same.
    """
    level = before_levels(structure)
    treated = structure.rows["treated"].to_numpy()
    here = level[structure.rows["site"].to_numpy()]
    if np.isnan(here[treated]).any() or np.ptp(here[treated]) == 0:
        return None
    standard = (here - here[treated].mean()) / here[treated].std()
    rows = structure.rows.assign(**{BEFORE_LEVEL: np.where(treated, standard, 0.0)})
    return replace(
        structure,
        rows=rows,
        moderator_centres=(*structure.moderator_centres, 0.0),
        moderator_sites=(*structure.moderator_sites, 0),
    )


def before_levels(structure: Structure) -> Array:
    """Crude level of each site before its start on the link scale, NaN where there is none."""
    rows = structure.rows[baseline(structure.rows)]
    sums = rows.groupby("site")[["numerator", "denominator"]].sum().reindex(range(len(structure.sites)))
    levels = [
        link_of((numerator + 0.5) / (denominator + 1.0), structure.likelihood.link)
        if structure.likelihood.link != "identity"
        else numerator / denominator
        for numerator, denominator in sums.to_numpy()
    ]
    return np.array(levels, dtype=float)


def past_levels(structure: Structure) -> pd.DataFrame:
    """Negative control: slope of the level before start on the largest score the site reaches later.

    Least squares between sites that start; `t` beyond about 2 says that sites which adapt were different before,
    so that the coefficient may be their difference and not adaptation's. Columns `moderator`, `slope`,
    `standard_error`, `t`, `sites`; NaN below four sites.
    """
    level = before_levels(structure)
    found = []
    for name, centre in zip(structure.moderators, structure.moderator_centres, strict=True):
        score = np.where(structure.grid("treated"), structure.grid(name) + centre, -np.inf).max(axis=1)
        here = np.isfinite(score) & np.isfinite(level)
        slope = error = float("nan")
        if here.sum() >= FEWEST_SITES and np.ptp(score[here]) > 0:
            x, y = score[here] - score[here].mean(), level[here] - level[here].mean()
            slope = float(x @ y / (x @ x))
            error = float(np.sqrt(((y - slope * x) ** 2).sum() / (here.sum() - 2) / (x @ x)))
        found.append(
            (
                name.removeprefix(MODERATOR),
                slope,
                error,
                slope / error if error else float("nan"),
                int(here.sum()),
            )
        )
    return pd.DataFrame(found, columns=["moderator", "slope", "standard_error", "t", "sites"])


def tipping(structure: Structure, draws: Array) -> dict[str, float]:
    """Per moderator: the bias (link scale, one modification) after which its direction would no longer be said.

    0 where it is not said now. Source: the bias parameter b_Z of docs/model.md §8, as a limit instead of a belief.
    """
    found = {}
    for name, coefficient in zip(structure.moderators, draws.T, strict=True):
        low, high = np.quantile(coefficient, (1.0 - SURE, SURE))
        found[name.removeprefix(MODERATOR)] = float(low if low > 0 else -high if high < 0 else 0.0)
    return found


def _without(structure: Structure) -> Structure:
    return replace(structure, rows=structure.rows.assign(**dict.fromkeys(structure.moderators, 0.0)))


def _explained(fit: Fit, without: Fit) -> float:
    """Share of the variance of effects between sites that goes with the moderators; 0 where it is not smaller."""
    left, whole = (float(np.mean(one.flat("site_effect_sd") ** 2)) for one in (fit, without))
    return max(0.0, 1.0 - left / whole)


def _warnings(table: pd.DataFrame, past: pd.DataFrame) -> list[Warned]:
    warnings: list[Warned] = []
    main = table[table["refit"] == "main"].set_index("moderator")
    for refit, code in (
        ("a quarter earlier", "moderation_timing"),
        ("with the level before start", "moderation_level"),
    ):
        other = table[table["refit"] == refit].set_index("moderator")
        moved = (other["mean"] - main["mean"]).abs() / main["sd"]
        if len(other) and (moved > TURNS).any():
            warnings.append((code, {}))
    if (main["overlap"] > LITTLE_SAID).any():
        warnings.append(("moderation_prior", {}))
    if (past["t"].abs() > 2.0).any():
        warnings.append(("moderation_before_start", {}))
    return warnings
