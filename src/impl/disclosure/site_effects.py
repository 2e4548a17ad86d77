"""The effect by site as it may be shown.

From a site's effect, its exposure and the rest of the model the site's count can be worked out: a shrunken mean hides
nothing. So a site's effect is told only to those who see its counts before and after start as numbers. It rests on the
site's other cells too (while the bundle was coming, past the window): the attack therefore takes every sum over all cells
of such a site as known exactly, and where those other cells are few, or would give another site's count away by
subtraction, the effect is hidden. The mean of all sites is told, so hidden effects are none or enough for a group.
What is left of precision is that of the drawing: per cent for ratios, two digits for differences.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.functionals import Shown, linked_measures, modelled_cells
from impl.disclosure.rules import Counted
from impl.disclosure.sites import short_of, site_table
from impl.model.values import SiteFindings
from impl.release.release import Release
from impl.release.site_effects import SiteEffect, SiteEffectSection
from impl.study.catalogue import Measure

Laws = Mapping[str, Counted]
RATIO_DECIMALS, DIFFERENCE_DIGITS = 2, 2  # choice: what a drawing on a phone shows


def with_site_effects(
    panel: Panel,
    laws: Laws,
    released: Mapping[str, Shown],
    measure: str,
    found: SiteFindings | None,
    past: Sequence[Release] = (),
) -> dict[str, Shown]:
    """What is released, with the sites of one measure whose effect may be told."""
    kept = dict(released)
    asked = laws[measure].audience.site_counts
    if found is None or not found.passed or asked is None:
        return kept
    treated = [str(site) for site in found.sites["site"]]
    if asked == "periods":
        return {**kept, measure: replace(kept[measure], effects=tuple(treated))}
    for chosen in _attempts(panel, laws, kept, measure, treated, past):
        told = _grouped(panel, laws[measure], measure, treated, chosen)
        tried = {**kept, measure: replace(kept[measure], effects=told)}
        if not told or not any(True for _ in find_weaknesses(panel, laws, list(tried.values()), past)):
            return tried
    return kept


def _attempts(
    panel: Panel,
    laws: Laws,
    released: Mapping[str, Shown],
    measure: str,
    treated: Sequence[str],
    past: Sequence[Release],
) -> Sequence[set[str]]:
    """Sites to try: those whose counts are shown, where `impl.disclosure.sites` can prove the rest safe; of them those
    without other cells."""
    group = next(group for group in linked_measures(panel, laws) if measure in group)
    if group[0] != measure:
        return ()
    table = site_table(
        panel, {name: laws[name] for name in group}, {name: released[name] for name in group}, past
    )
    numbers = {
        (row.site, phase)
        for row in released[measure].sites
        for phase, count in (("before", row.before), ("after", row.after))
        if count is not None and not count.hidden
    }
    there = table.denominators.sum(axis=1) > 0
    seen = np.array([pair in numbers for pair in zip(table.site, table.phase, strict=True)], dtype=bool)
    rest = table.phase == "rest"
    barred = set(table.site[there & ~seen & (~rest | table.secret)])
    open_sites = {site for site in treated if site not in barred and (site, "after") in numbers}
    with_rest = set(table.site[there & rest])
    hidden = ~seen & ~(rest & np.isin(table.site.astype(str), sorted(open_sites)))
    if (short_of(table, hidden, laws[measure]) > 1e-9).any():
        return (open_sites - with_rest,)
    return (open_sites, open_sites - with_rest)


def _grouped(
    panel: Panel, law: Counted, measure: str, treated: Sequence[str], chosen: set[str]
) -> tuple[str, ...]:
    """The chosen sites, without as many of those with fewest events as it takes for a group of hidden ones."""
    cells = modelled_cells(panel, measure)
    events = cells.groupby("site")["numerator"].sum()
    told = sorted(chosen, key=lambda site: (float(events[site]), site))
    hidden = len(treated) - len(told)
    if 0 < hidden < law.audience.sites:
        told = told[law.audience.sites - hidden :]
    if len(told) < law.audience.sites:
        return ()
    return tuple(site for site in treated if site in told)


def site_effect_section(
    panel: Panel,
    measure: Measure,
    law: Counted,
    shown: Shown,
    found: SiteFindings | None,
    *,
    judged: bool,
) -> tuple[SiteEffectSection | None, int]:
    """The section, and how many sites' effects are hidden from an audience that sees sites. None where the model has
    one effect, the draws fail the gates, the level after start is hidden, or too few sites stand behind the spread."""
    after_hidden = shown.comparison is None or shown.comparison.after is None
    if found is None or not found.passed or after_hidden or len(found.sites) < law.audience.sites:
        return None, 0
    rows: tuple[SiteEffect, ...] = ()
    if shown.effects:
        rows = tuple(
            SiteEffect(
                site=site,
                name=panel.names.get(site, site),
                hidden=site not in shown.effects,
                **(_numbers(row, measure, judged=judged) if site in shown.effects else {}),
            )
            for row in found.sites.to_dict("records")
            for site in (str(row["site"]),)
        )
    low, high = (_rounded(value, measure) for value in found.typical)
    lower, median, upper = (rules.significant(value, DIFFERENCE_DIGITS) for value in found.spread)
    section = SiteEffectSection(
        measure=measure.id,
        sites=len(found.sites),
        spread=(lower, median, upper),
        typical=(low, high),
        rows=rows,
    )
    sees_sites = law.audience.site_counts is not None
    return section, len(found.sites) - len(shown.effects) if sees_sites else 0


def _numbers(row: Mapping[Hashable, Any], measure: Measure, *, judged: bool) -> dict[str, float | None]:
    ends = {name: _rounded(row[name], measure) for name in ("lower", "median", "upper")}
    return {**ends, "p_better": rules.probability(float(row["p_better"])) if judged else None}


def _rounded(value: float, measure: Measure) -> float:
    if measure.headline_scale == "ratio":
        return round(float(value), RATIO_DECIMALS) + 0.0
    return rules.significant(float(value), DIFFERENCE_DIGITS)
