"""Seven networks with a known truth: does the finding (outcome x delivery) say what was built in?

Each world is one evaluation as the network would meet it: 48 months in quarters, waves of starts half a year apart,
sites of 36 to 84 residents, audits of twenty a quarter. Truths were written down before any fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from impl.data.panel import Panel
from impl.model.likelihoods import LIKELIHOODS
from impl.model.simulate import World
from impl.study.study import Study
from worlds import make_panel, make_study

Array = np.ndarray
MONTHS, STEP = 48, 3  # months, and months a period
PERIODS = MONTHS // STEP
SIZES = (8, 15, 40)
WAVES = {8: (4, 6, 8, 10), 15: (4, 6, 8, 10, 12), 40: (4, 6, 8, 10, 12)}
RATE, DAYS = (
    4.5 / 1000,
    60 * 365.25 / 12 * STEP,
)  # falls a resident-day; resident-days of a home of 60 a period
SITE_SD, SERIES_SD, QUARTERLY = 0.35, 0.10, 0.85  # levels, drift of a site around its level, its correlation
EFFECT_SD = 0.10  # of the true effect between sites
AUDITED, BEFORE = 20, 0.05  # audited a quarter; practice before start
WORKS = float(np.log(0.65))  # at full delivery
LIMITS = {"worthwhile": 0.10, "harm": 0.10, "negligible": 0.10}
"""A change of less than ten per cent does not matter, either way: no value has two true words."""
WINDOW = 4  # quarters
SUPPORT = 4  # quarters of active support in the world that fades
HALF_LIFE = 9.0  # months
PLANNED, REMOVED = -0.20, 0.25  # per consistent, planned modification, and per core removal
REPORTED = 0.30  # log rise of the share reported
HARM = float(np.log(0.80))


@dataclass(frozen=True, kw_only=True)
class Network:
    """One simulated network: what is known to the study, and what is true.

    ratio: of rates with and without, over the cells of the window. share: delivered, weighted as the effect is.
    """

    study: Study
    panel: Panel
    ratio: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Truth:
    """share: delivered, by site and quarter since start (from 1). effect: log ratio by share and quarter since start.

    adapted, supported, reports: the sites keep a log of modifications that matter; active support ends after a year;
    counts are reports, of which more are written after start.
    """

    share: Callable[[Array, Array], Array]
    effect: Callable[[Array, Array], Array]
    separable: bool = True
    why: str = ""
    adapted: bool = False
    supported: bool = False
    reports: bool = False


def _everywhere(level: float) -> Callable[[Array, Array], Array]:
    return lambda site, since: np.full(np.broadcast(site, since).shape, level)


def _growing(since: Array) -> Array:
    """Half of the effect in the first quarter, all of it from the second."""
    return np.where(since < 2, 0.5, 1.0)


def _fading(since: Array) -> Array:
    after = np.maximum(since - SUPPORT, 0) * STEP
    return _growing(since) * 2.0 ** (-after / HALF_LIFE)


WORLDS = {
    "works, delivered": Truth(
        share=_everywhere(0.90), effect=lambda share, since: WORKS * share * _growing(since)
    ),
    "works, not delivered": Truth(
        share=_everywhere(0.36), effect=lambda share, since: WORKS * share * _growing(since)
    ),
    "delivered, does not work": Truth(
        share=_everywhere(0.90), effect=lambda share, since: 0.0 * share * since
    ),
    "works above 60 per cent": Truth(
        share=lambda site, since: np.where(site % 3 == 0, 0.85, 0.20) + 0.0 * since,
        effect=lambda share, since: np.where(share >= 0.6, np.log(0.55), 0.0) * _growing(since),
    ),
    "adaptations help and hurt": Truth(
        share=_everywhere(0.90), effect=lambda share, since: WORKS * share * _growing(since), adapted=True
    ),
    "fades after support": Truth(
        share=_everywhere(0.90), effect=lambda share, since: WORKS * share * _fading(since), supported=True
    ),
    "reports rise, harm falls": Truth(
        share=_everywhere(0.90),
        effect=lambda share, since: HARM + 0.0 * share * since,
        separable=False,
        reports=True,
        why="counts of reports hold the rate of harm times the share reported, and nothing tells the two apart",
    ),
}
"""36 per cent: at least three of four checklists (Røsstad 2017, PMC5392928). No effect where delivered: 6-PACK (Barker
2016, BMJ 352:h6781). The other figures are inventions."""


def network(name: str, sites: int, seed: list[int]) -> Network:
    """A network of the world `name`; the same seed gives the same network."""
    return network_of(WORLDS[name], sites, seed)


def network_of(
    truth: Truth,
    sites: int,
    seed: list[int],
    *,
    effect_sd: float = EFFECT_SD,
    modifications: tuple[float, float] = (PLANNED, REMOVED),
) -> Network:
    """A network of a stated truth. effect_sd: of the true effect between sites; modifications: what a consistent, planned
    one and a core removal add to it."""
    rng = np.random.default_rng(seed)
    waves = WAVES[sites]
    site, period = np.arange(sites)[:, None], np.arange(PERIODS)[None, :]
    # which sites start when has nothing to do with how well they deliver
    order = rng.permutation(sites)
    start = np.array([waves[index * len(waves) // sites] for index in range(sites)], dtype=float)[order]
    since = np.maximum(period - start[:, None] + 1, 0)
    share = np.clip(truth.share(site, since) + rng.normal(0, 0.04, (sites, 1)), 0.02, 0.98)
    own = rng.normal(0, effect_sd, (sites, 1)) * (truth.effect(share, since) != 0)
    log = _modifications(start, rng) if truth.adapted else None
    effect = np.where(since > 0, truth.effect(share, since) + own, 0.0) + _shift(
        log, start, sites, modifications
    )
    series = np.empty((sites, PERIODS))
    series[:, 0] = rng.standard_normal(sites)
    for now in range(1, PERIODS):
        fresh = rng.standard_normal(sites)
        series[:, now] = QUARTERLY * series[:, now - 1] + np.sqrt(1 - QUARTERLY**2) * fresh
    years = (period - PERIODS / 2) * STEP / 12
    untreated = np.log(RATE) + SITE_SD * rng.standard_normal((sites, 1)) + SERIES_SD * series - 0.03 * years
    untreated = untreated + 0.08 * np.cos(2 * np.pi * period * STEP / 12)
    days = np.round(DAYS * rng.uniform(0.6, 1.4, (sites, 1)) * np.ones((1, PERIODS)))
    reported = REPORTED * (since > 0) if truth.reports else 0.0
    falls = LIKELIHOODS["poisson"].draw(untreated + effect + reported, days, {}, rng)
    measure = "serious_harm_reports" if truth.reports else "falls"
    changes: dict[str, object] = {"fidelity": {"file": "none.csv"}, "decision": LIMITS}
    if log is not None:
        moderators = ["consistent_planned", "inconsistent"]
        changes["adaptations"] = {"file": "none.csv", "moderators": moderators}
    if truth.supported:
        changes["support"] = {"file": "none.csv"}
    world = World(law="poisson", baseline=RATE, start=start, effect=lambda e: 0.0 * e, months=float(STEP))
    panel = make_panel(world, measure, days, adaptations=log)
    panel = replace(
        panel,
        cells=panel.cells.assign(numerator=falls.ravel()),
        fidelity=_audits(share, start, rng),
        support=_support(start) if truth.supported else None,
    )
    inside = (since > 0) & (since <= WINDOW)
    expected = days * np.exp(untreated)
    return Network(
        study=make_study(measure, **changes).model_copy(update={"seed": int(rng.integers(2**31))}),
        panel=panel,
        ratio=float((expected * np.exp(effect))[inside].sum() / expected[inside].sum()),
        share=float((days * share)[inside].sum() / days[inside].sum()),
    )


def _audits(share: Array, start: Array, rng: np.random.Generator) -> pd.DataFrame:
    """Audits of every quarter from half a year before start on; one in ten was not made."""
    rows = []
    for site, begin in enumerate(start):
        for period in range(int(begin) - 2, PERIODS):
            chance = share[site, period] if period >= begin else BEFORE
            made = bool(rng.random() > 0.1)
            got = float(rng.binomial(AUDITED, chance)) if made else np.nan
            rows.append((f"s{site:02d}", period, "all", got, float(AUDITED) if made else np.nan, made))
    return pd.DataFrame(rows, columns=["site", "period", "component", "delivered", "eligible", "reported"])


def _modifications(start: Array, rng: np.random.Generator) -> pd.DataFrame:
    """Half of the sites adapt consistently and as planned, two in five take out a core element, both from start."""
    rows = []
    for site, begin in enumerate(start):
        for chance, consistent, nature in ((0.5, "yes", "tailoring"), (0.4, "no", "removing")):
            if rng.random() < chance:
                rows.append((f"s{site:02d}", int(begin), consistent, nature))
    table = pd.DataFrame(rows, columns=["site", "from_period", "consistent", "nature"])
    return table.assign(end=None, target="intervention", component_role="core", reactive="no")


def _shift(log: pd.DataFrame | None, start: Array, sites: int, modifications: tuple[float, float]) -> Array:
    """What the modifications add to the effect, site x period."""
    added = np.zeros((sites, PERIODS))
    for row in () if log is None else log.to_dict("records"):
        begin = int(start[int(row["site"][1:])])
        added[int(row["site"][1:]), begin:] += modifications[row["consistent"] == "no"]
    return added


def _support(start: Array) -> pd.DataFrame:
    """Active support ends a year after start."""
    codes = [f"s{site:02d}" for site in range(len(start))]
    return pd.DataFrame(
        {"site": codes, "support_end_period": start + SUPPORT, "pause_from": np.nan, "pause_until": np.nan}
    )
