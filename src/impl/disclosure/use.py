"""What users of the result need beside the estimates: a prediction for one more site, costs, bundles at once, how the
work went.

None of it holds an outcome: scores of the adaptation log, prices of the study file, dates and coded words of the logs.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, cast

import pandas as pd

from impl.data.design import state_runs
from impl.data.panel import Panel
from impl.disclosure.audience import PUBLIC, Audience
from impl.disclosure.functionals import modelled_cells
from impl.model.values import Estimates
from impl.release.release import Estimate
from impl.release.sections import CostSection, FitAnswer, OverlapRow, PredictionSection, TimelineEvent
from impl.release.wedge import SiteRuns, StateRun
from impl.study.study import INTENSITY, Study


def prediction_section(estimates: Estimates, kept: Sequence[Estimate]) -> PredictionSection | None:
    """Centres and correlations of the kinds whose estimates are released; None where a new site's is not."""
    mine = [row for row in kept if row.measure == estimates.measure]
    if not any(row.estimand == "new_site" for row in mine):
        return None
    shown = {row.group for row in mine if row.estimand == "moderation"} - {INTENSITY}
    return PredictionSection(
        centres={
            name: round(value, 3) for name, value in estimates.moderator_centres.items() if name in shown
        },
        correlations={
            name: round(value, 2)
            for name, value in estimates.correlations.items()
            if set(name.split("|")) <= shown
        },
    )


def cost_section(study: Study, panel: Panel, estimates: Estimates) -> CostSection | None:
    """Costs of the cells that the effect is about; None where the study states no price."""
    if study.costs is None:
        return None
    cells = _window_cells(panel, estimates)
    sites = cells["site"].unique()
    months = len(cells) * panel.period_months
    log = panel.adaptations
    modifications = 0 if log is None else int(log["site"].isin(sites).sum())
    prices = study.costs
    total = prices.per_site * len(sites) + prices.per_month * months + prices.adaptation * modifications
    return CostSection(
        currency=prices.currency,
        total=float(round(total)),
        sites=len(sites),
        months=round(months, 1),
        modifications=modifications,
    )


def overlap_rows(study: Study, panel: Panel, measure: str) -> tuple[OverlapRow, ...]:
    """For each pair of bundles: how much of the one's time at its sites the other was there too."""
    cells = modelled_cells(panel, measure)
    there = {study.bundle: cells["exposure"] > 0}
    for bundle, rollout in panel.other_rollouts.items():
        start = cells["site"].map(rollout.set_index("site")["start_period"])
        there[bundle] = cells["period"] >= start  # NaN where never: compares False
    return tuple(
        OverlapRow(bundle=one, other=other, share=round(float((here & there[other]).sum() / here.sum()), 2))
        for one, here in there.items()
        for other in there
        if other != one and here.any()
    )


def timeline(panel: Panel) -> tuple[TimelineEvent, ...]:
    """What the sites logged of their work, by site and date; free text was never read."""
    found: list[dict[str, Any]] = []
    for row in _rows(panel.phases):
        found.append({"site": row["site"], "kind": "phase", "start": row["start"], "word": row["phase"]})
    for row in _rows(panel.cycles):
        found.append({"site": row["site"], "kind": "cycle", "start": row["date"], "word": row["decision"]})
    for row in _rows(panel.strategies):
        words = {"word": row["intensity"], "what": row["strategy"]}
        found.append(
            {"site": row["site"], "kind": "strategy", "start": row["start"], "end": row["end"], **words}
        )
    for row in _rows(panel.support):
        if row["support_end"] is not None:
            found.append({"site": row["site"], "kind": "support_end", "start": row["support_end"]})
        if row["pause_start"] is not None:
            ends = {"start": row["pause_start"], "end": row["pause_end"]}
            found.append({"site": row["site"], "kind": "pause", **ends})
    place = {site: index for index, site in enumerate(panel.sites)}
    found.sort(key=lambda row: (place[row["site"]], row["start"], row["kind"]))
    return tuple(TimelineEvent(name=panel.names.get(row["site"], row["site"]), **row) for row in found)


def wedge(study: Study, panel: Panel) -> tuple[SiteRuns, ...]:
    """In what state each site was over time by its actual start, whichever counts: dates of the roll-out, which are
    public, and of pauses."""
    other = panel.other_start if study.rollout.starts == "allocated" else None
    rollout = (panel.rollout if other is None else other).set_index("site")
    return tuple(
        SiteRuns(
            site=site,
            runs=tuple(
                StateRun.model_validate(
                    {
                        "state": state,
                        "start": panel.periods[first].start,
                        "end": panel.periods[until - 1].end,
                    }
                )
                for state, first, until in state_runs(panel, cast("pd.Series", rollout.loc[site]), site)
            ),
        )
        for site in panel.sites
    )


def fit_answers(panel: Panel, audience: Audience = PUBLIC) -> tuple[FitAnswer, ...]:
    """Mean answer a question, where enough sites answered: fewer would be one site's opinion."""
    if panel.fit_form is None:
        return ()
    means = panel.fit_form.groupby("question", sort=False)["answer"].agg(["mean", "size"])
    return tuple(
        FitAnswer(question=str(question), mean=round(float(row["mean"]), 1), sites=int(row["size"]))
        for question, row in means.iterrows()
        if row["size"] >= audience.sites
    )


def _rows(table: pd.DataFrame | None) -> list[dict[Hashable, Any]]:
    return [] if table is None else table.to_dict("records")


def _window_cells(panel: Panel, estimates: Estimates) -> pd.DataFrame:
    cells = modelled_cells(panel, estimates.measure)
    return cells[cells["exposure"].between(*estimates.window)]
