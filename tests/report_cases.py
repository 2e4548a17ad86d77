"""Eight odd cases that a report has to survive, as Releases: real disclosure control wherever counts are the point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

import example_charts
from example_estimates import example_checks, example_estimates, example_panel, example_study
from example_release import EXAMPLES
from impl.data.panel import Panel
from impl.disclosure.make import make_release
from impl.model.values import Estimates, SiteFindings
from impl.release.release import Release

TITLES = {
    "nb": "Færre infeksjoner fra sentrale venekatetre",
    "nn": "Færre infeksjonar frå sentrale venekateter",
    "en": "Fewer infections from central lines",
}
QUESTION = {
    "nb": "Gikk infeksjonene ned etter at tiltakspakken ble tatt i bruk?",
    "nn": "Gjekk infeksjonane ned etter at tiltakspakka vart teken i bruk?",
    "en": "Did infections go down after the bundle was taken into use?",
}


def released(
    panel: Panel, *, audience: str, change: Callable[[Estimates], Estimates] | None = None
) -> Release:
    """The panel through the real wall, with invented effects."""
    with TemporaryDirectory() as folder:
        study = example_study(Path(folder), title=TITLES, question=QUESTION, audience=audience)
        estimates = example_estimates(study, panel, window=(1, 12))
        checks = example_checks()
        return make_release(study, panel, change(estimates) if change else estimates, checks)


def by_site(panel: Panel, estimates: Estimates) -> Estimates:
    """Shrunken effects of the treated sites, invented."""
    rng = np.random.default_rng(5)
    treated = panel.rollout.loc[panel.rollout["state"] == "start", "site"].to_numpy()
    centre, spread = math.log(0.79), 0.08
    medians, sds = centre + rng.normal(0, 0.6 * spread, len(treated)), rng.uniform(0.05, 0.09, len(treated))
    sites = pd.DataFrame(
        {
            "site": treated,
            "lower": np.exp(medians - 1.645 * sds),
            "median": np.exp(medians),
            "upper": np.exp(medians + 1.645 * sds),
            "p_better": [
                0.5 * math.erfc((m - centre) / s / math.sqrt(2)) for m, s in zip(medians, sds, strict=True)
            ],
        }
    )
    ends = math.exp(centre - spread), math.exp(centre + spread)
    found = SiteFindings(sites=sites, spread=(0.04, spread, 0.13), typical=ends, passed=True)
    model = estimates.model.model_copy(update={"site_effects": True})
    return replace(estimates, by_site=found, model=model)


def sites_357() -> Release:
    """Every municipality of Norway, for the network: counts and effects by site."""
    rng = np.random.default_rng(3)
    sites, periods = 357, 36
    size = rng.lognormal(0.0, 0.9, (sites, 1))
    counts = rng.poisson(1.1 * size * rng.gamma(6, 1 / 6, (sites, 1)), (sites, periods))
    starts: list[int | str] = [10 + 2 * (site % 10) for site in range(sites)]
    starts[20], starts[340], starts[7] = "never", "never", "before-data"
    names = {f"99{number:02d}": f"Kommune nummer {number}" for number in range(1, sites + 1)}
    panel = example_panel(
        {"clabsi": counts.tolist()}, {"clabsi": np.round(900 * np.repeat(size, periods, axis=1)).tolist()}, starts, names=names
    )  # fmt: skip
    return released(panel, audience="network", change=lambda estimates: by_site(panel, estimates))


def months_96() -> Release:
    return example_charts.with_charts(EXAMPLES["long_series"]())


def one_site() -> Release:
    """One nursing home: the chart and the hundred answers, and nothing about several sites."""
    release = EXAMPLES["before_after"]()
    sections = release.sections.model_copy(
        update={
            "spc": example_charts.chart(release, target=4.4),
            "quantiles": example_charts.quantiles(release),
            "annex": example_charts.annex(),
        }
    )
    return release.model_copy(update={"sections": sections})


def all_zero() -> Release:
    """Nothing ever happened: a real fit of three sites without an event in eighteen months."""
    from impl.model.build import build_model
    from impl.model.checks import check_fit
    from impl.model.estimate import estimate
    from impl.model.fit import sample

    panel = example_panel({"clabsi": [[0] * 18] * 3}, {"clabsi": 400}, [6, 8, 10])
    unknown = dict.fromkeys(("at_least", "at_most", "person_sum_squares"), np.nan)
    panel = replace(panel, cells=panel.cells.assign(**unknown), rollout=panel.rollout.assign(stratum=""))
    with TemporaryDirectory() as folder:
        study = example_study(Path(folder), title=TITLES, question=QUESTION)
        fit = sample(build_model(study, panel), study, profile="full")
        return make_release(study, panel, estimate(fit), check_fit(fit))


def suppressed() -> Release:
    """Four small sites with an event now and then: hardly a number may be shown."""
    counts = [
        [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0],
        [0] * 12,
        [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0],
        [0] * 11 + [1],
    ]
    panel = example_panel({"clabsi": counts}, {"clabsi": 60}, [4, 5, 6, 7])
    return released(panel, audience="public")


def negative() -> Release:
    return example_charts.with_charts(EXAMPLES["harmful"]())


def smoke() -> Release:
    return example_charts.with_charts(EXAMPLES["smoke"]())


CASES: dict[str, Callable[[], Any]] = {
    "sites_357": sites_357,
    "network": EXAMPLES["network_sites"],
    "months_96": months_96,
    "one_site": one_site,
    "all_zero": all_zero,
    "not_converged": EXAMPLES["not_converged"],
    "negative": negative,
    "suppressed": suppressed,
    "smoke": smoke,
}
