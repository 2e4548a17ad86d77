"""What may be shown of local targets.

The chance that a level meets a target tells, to somebody who knows the exposure, roughly how many events there were: so
the attack takes every sum behind a shown chance or a shown «met» as known exactly. Chances by site are for audiences
that see counts by site, and only of sites none of whose counts are hidden.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import MOST_UNKNOWNS, find_weaknesses
from impl.disclosure.functionals import Shown, TargetTold, modelled_cells
from impl.disclosure.rules import Counted
from impl.model.values import Evaluation, TargetFindings
from impl.release.release import Release
from impl.release.targets import CommonTarget, SiteTarget, TargetSection

Laws = Mapping[str, Counted]
Found = Mapping[str, TargetFindings]
"""Findings of each measure that converged and has targets."""


def targets_of(converged: Mapping[str, Evaluation]) -> dict[str, TargetFindings]:
    """Findings that hold the gates, of each measure that has targets."""
    found = {name: evaluation.estimates.targets for name, evaluation in converged.items()}
    return {name: each for name, each in found.items() if each is not None and each.passed}


def with_common_targets(
    panel: Panel,
    laws: Laws,
    released: Mapping[str, Shown],
    found: Found,
    past: Sequence[Release] = (),
    within: Mapping[str, Shown] | None = None,
) -> dict[str, Shown]:
    """What is released, with the target of all sites together where the attack finds nothing by it.

    within: what a less strict audience sees; nothing more is shown.
    """
    kept = dict(released)
    for measure, findings in found.items():
        if findings.network is None or (within is not None and not within[measure].targets):
            continue
        row = findings.sites.iloc[0]
        told = TargetTold(site=None, start=row["start"], end=row["end"])
        tried = {**kept, measure: replace(kept[measure], targets=(told,))}
        if not _few(panel, measure, laws[measure]) and not _is_weak(panel, laws, tried, past):
            kept = tried
    return kept


def with_site_targets(
    panel: Panel, laws: Laws, released: Mapping[str, Shown], found: Found, past: Sequence[Release] = ()
) -> dict[str, Shown]:
    """What is released, with targets by site where the audience sees counts by site and none of the site's is hidden."""
    kept = dict(released)
    for measure, findings in found.items():
        open_sites = _open_sites(panel, laws[measure], kept[measure])
        rows = tuple(
            TargetTold(site=str(row["site"]), start=row["start"], end=row["end"])
            for row in findings.sites.to_dict("records")
            if row["site"] in open_sites
        )
        shown = kept[measure]
        tried = {**kept, measure: replace(shown, targets=(*shown.targets, *rows))}
        if rows and not _is_weak(panel, laws, tried, past):
            kept = tried
    return kept


def _open_sites(panel: Panel, law: Counted, shown: Shown) -> set[str]:
    """Sites none of whose counts are hidden; none where the attack could not follow statements about single sites."""
    asked = law.audience.site_counts
    if asked is None:
        return set()
    if asked == "phases" and len(panel.sites) * len(panel.periods) > MOST_UNKNOWNS:
        return set()
    return {
        row.site
        for row in shown.sites
        if not any(count is not None and count.hidden for count in (row.before, row.after))
    }


def _few(panel: Panel, measure: str, law: Counted) -> bool:
    """Whether too few of several sites stand behind a number."""
    sites = modelled_cells(panel, measure)["site"].nunique()
    return sites < min(law.audience.sites, len(panel.sites))


def _is_weak(panel: Panel, laws: Laws, tried: Mapping[str, Shown], past: Sequence[Release]) -> bool:
    return any(True for _ in find_weaknesses(panel, laws, list(tried.values()), past))


def target_sections(
    panel: Panel, laws: Laws, released: Mapping[str, Shown], found: Found, *, judged: bool
) -> tuple[tuple[TargetSection, ...], int]:
    """The sections, and how many chances are hidden. judged: whether probabilities are told (not in a trial run)."""
    sections, hidden = [], 0
    for measure, findings in found.items():
        section = _section(panel, laws[measure], released[measure], findings, judged=judged)
        sections.append(section)
        hidden += sum(row.hidden for row in section.rows)
        hidden += section.common is not None and section.common.hidden
    return tuple(sections), hidden


def _section(
    panel: Panel, law: Counted, shown: Shown, findings: TargetFindings, *, judged: bool
) -> TargetSection:
    table = findings.sites
    told = {item.site for item in shown.targets}
    first = table.iloc[0]
    common = None
    if findings.network is not None:
        common = CommonTarget(
            start=first["start"],
            end=first["end"],
            target=float(first["target"]),
            hidden=None not in told,
            met=findings.network_met if None in told else None,
            p_met=rules.probability(findings.network["p_met"]) if None in told and judged else None,
        )
    number = None
    if judged and len(table) >= law.audience.sites:
        number = findings.number
    rows: tuple[SiteTarget, ...] = ()
    if law.audience.site_counts is not None:
        rows = tuple(_row(panel, row, judged, shown=row["site"] in told) for row in table.to_dict("records"))
    return TargetSection(
        measure=shown.measure,
        sites=len(table),
        lower=None if number is None else int(number[0]),
        mean=None if number is None else round(number[1], 1),
        upper=None if number is None else int(np.ceil(number[2])),
        common=common,
        rows=rows,
    )


def _row(panel: Panel, row: Mapping[Hashable, Any], judged: bool, *, shown: bool) -> SiteTarget:
    site = str(row["site"])
    return SiteTarget(
        site=site,
        name=panel.names.get(site, site),
        start=row["start"],
        end=row["end"],
        target=float(row["target"]),
        met=row["met"] if shown else None,
        p_met=rules.probability(float(row["p_met"])) if shown and judged else None,
        hidden=not shown,
    )
