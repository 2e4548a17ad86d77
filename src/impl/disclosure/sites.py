"""Counts by site: what must be hidden, and what must be hidden beside it so that it stays hidden.

A site's cells fall into three: before start, in the window of the effect, and the rest, which is never shown. A small
count is hidden (primary). Everything else that is told is about all sites together, so a hidden count could be had by
subtraction where too little is hidden beside it; which further counts to hide (secondary) is an integer programme:
fewest of them, and of those the ones with fewest events.

The proof that a choice is safe holds for an attacker who knows more than any reader: every sum over all sites in each
*stratum* (cells that all statements about all sites treat alike: one calendar point, one phase), and how every shown
count divides into strata. What such an attacker does not know splits stratum by stratum: the hidden counts there are
at least 0, at most their denominators where they are proportions, and sum to what is left. So the width of a hidden
count is a sum of widths that can be written down, and the real attacker's is at least as large.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.attack import find_weaknesses, told_and_hidden
from impl.disclosure.functionals import Flags, Shown, alike, linked_measures, modelled_cells
from impl.disclosure.rules import Counted
from impl.release.release import Release
from impl.release.site_counts import SiteCount, SiteCounts

Numbers = npt.NDArray[np.float64]
PHASES = ("before", "after", "rest")
MOST_ROUNDS = 20  # choice: each asks for more where the exact width fell short of what the programme counted
LONGEST_SEARCH = 10.0  # seconds a round; the best choice found by then is taken


@dataclass(frozen=True, kw_only=True, eq=False)
class SiteTable:
    """Site x phase x stratum sums of one measure. numerators, denominators: (site-phase, stratum).

    site, phase: of each row. secret: rows that the rule hides. shown: rows that could be shown at all.
    """

    site: npt.NDArray[np.object_]
    phase: npt.NDArray[np.object_]
    numerators: Numbers
    denominators: Numbers
    secret: Flags
    shown: Flags


def with_site_counts(
    panel: Panel,
    laws: Mapping[str, Counted],
    released: Mapping[str, Shown],
    past: Sequence[Release] = (),
) -> tuple[dict[str, Shown], int]:
    """What is released, with counts by site where the audience may see them, and how many counts are hidden.

    Of measures that share their numerators the first one alone has counts by site; where it cannot be made safe all
    of its counts are hidden.
    """
    tried = dict(released)
    hidden = 0
    for group in linked_measures(panel, laws):
        name = group[0]
        law = laws[name]
        asked = law.audience.site_counts
        if asked == "periods":
            tried.update({member: _everything(panel, released[member]) for member in group})
        if asked != "phases" or law.kind == "mean":
            continue
        members = {member: laws[member] for member in group}
        table = site_table(panel, members, {member: released[member] for member in group}, past)
        unseen = choose_hidden(table, law)
        for attempt in (unseen, np.ones(len(table.site), dtype=bool)):
            tried[name] = replace(released[name], sites=_rows(panel, name, table, attempt))
            if not any(True for _ in find_weaknesses(panel, members, [tried[m] for m in group], past)):
                break
        hidden += sum(
            count is not None and count.hidden
            for row in tried[name].sites
            for count in (row.before, row.after)
        )
    return tried, hidden


def site_table(
    panel: Panel, laws: Mapping[str, Counted], released: Mapping[str, Shown], past: Sequence[Release] = ()
) -> SiteTable:
    """The table of the first of these measures, which share their numerators."""
    cells = {name: modelled_cells(panel, name) for name in laws}
    name = next(iter(laws))
    law, mine = laws[name], cells[name]
    key = pd.MultiIndex.from_frame(mine[["site", "period"]])
    flags = [np.zeros(len(mine), dtype=bool)]
    for functional in told_and_hidden(panel, laws, cells, released, past):
        if functional.low is not None:
            other = cells[functional.measure].loc[functional.cells, ["site", "period"]]
            flags.append(np.asarray(key.isin(pd.MultiIndex.from_frame(other)), dtype=bool))
    _, stratum = alike(np.array(flags).T)
    phase = np.where(
        mine["before"] & mine["starts"], 0, np.where(mine["exposure"].between(*released[name].window), 1, 2)
    )
    site, sites = pd.factorize(mine["site"])
    row = site * len(PHASES) + phase
    shape = (len(sites) * len(PHASES), int(stratum.max(initial=0)) + 1)
    sums = []
    for column in ("numerator", "denominator"):
        total = np.zeros(shape)
        np.add.at(total, (row, stratum), mine[column].to_numpy(dtype=float))
        sums.append(total)
    numerators, denominators = sums
    whole = list(zip(numerators.sum(axis=1), denominators.sum(axis=1), strict=True))
    there = denominators.sum(axis=1) > 0
    phases = np.tile(np.array(PHASES, dtype=object), len(sites))
    return SiteTable(
        site=np.repeat(np.asarray(sites, dtype=object), len(PHASES)),
        phase=phases,
        numerators=numerators,
        denominators=denominators,
        secret=np.array([rules.is_hidden(*pair, law) for pair in whole], dtype=bool),
        shown=there & (phases != "rest"),
    )


def widths(table: SiteTable, hidden: Flags, law: Counted) -> Numbers:
    """How uncertain each hidden count is at least, for the attacker of this module; 0 where it is shown."""
    unknown = hidden & (table.denominators.sum(axis=1) > 0)
    there = (table.denominators > 0) & unknown[:, None]
    left = np.where(there, table.numerators, 0.0).sum(axis=0)
    company = there & (there.sum(axis=0) > 1)
    if law.kind != "proportion":
        return np.where(company, left, 0.0).sum(axis=1)
    room = np.where(there, table.denominators, 0.0)
    others = room.sum(axis=0) - room
    width = np.minimum(left, room) - np.maximum(0.0, left - others)
    return np.where(company, width, 0.0).sum(axis=1)


def short_of(table: SiteTable, hidden: Flags, law: Counted) -> Numbers:
    """How much each secret lacks of the width that it needs."""
    needed = np.full(len(table.site), law.audience.count)
    if law.kind == "proportion":
        needed = np.minimum(needed, table.denominators.sum(axis=1))
    return np.where(table.secret, np.maximum(needed - widths(table, hidden, law), 0.0), 0.0)


def choose_hidden(table: SiteTable, law: Counted) -> Flags:
    """The counts to hide: the secrets, the rest, and the fewest others that keep the secrets wide enough."""
    hidden = table.secret | ~table.shown
    wanted = np.zeros(len(table.site))
    for _ in range(MOST_ROUNDS):
        lacking = short_of(table, hidden, law)
        if not (lacking > 1e-9).any():
            return hidden
        wanted = wanted + lacking
        found = _programme(table, wanted)
        if found is None:
            break
        hidden = table.secret | ~table.shown | found
    return np.ones(len(table.site), dtype=bool)


def _programme(table: SiteTable, wanted: Numbers) -> Flags | None:
    """Fewest shown counts whose events, in the strata of each secret, come to what it wants; None where none do."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    free = np.flatnonzero(table.shown & ~table.secret)
    asking = np.flatnonzero(wanted > 0)
    if not len(free):
        return None
    # a count that is hidden beside a secret helps by its events, and by its non-events just as much in a proportion
    gain = (table.denominators[asking] > 0).astype(float) @ table.numerators[free].T
    events = table.numerators[free].sum(axis=1)
    result = milp(
        1.0 + events / (events.sum() + 1.0),
        integrality=np.ones(len(free)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(gain, np.minimum(wanted[asking], gain.sum(axis=1)), np.inf),
        options={"time_limit": LONGEST_SEARCH, "mip_rel_gap": 0.01},
    )
    if result.x is None:
        return None
    found = np.zeros(len(table.site), dtype=bool)
    found[free[result.x > 0.5]] = True
    return found


def _rows(panel: Panel, measure: str, table: SiteTable, hidden: Flags) -> tuple[SiteCounts, ...]:
    found: dict[str, dict[str, Any]] = {}
    for index in np.flatnonzero(table.shown):
        sums = (float(table.numerators[index].sum()), float(table.denominators[index].sum()))
        count = (
            SiteCount(numerator=None, denominator=None, hidden=True)
            if hidden[index]
            else SiteCount(numerator=_plain(sums[0]), denominator=_plain(sums[1]))
        )
        found.setdefault(str(table.site[index]), {})[str(table.phase[index])] = count
    return tuple(
        SiteCounts(measure=measure, site=site, name=panel.names.get(site, site), **found[site])
        for site in panel.sites
        if site in found
    )


def _everything(panel: Panel, shown: Shown) -> Shown:
    """Every count of every site, for those who delivered them."""
    cells = modelled_cells(panel, shown.measure)
    rows = []
    for site, mine in cells.groupby("site", sort=False):
        series = mine.set_index("period").reindex(range(len(panel.periods)))
        before = mine[mine["before"] & mine["starts"]]
        after = mine[mine["exposure"].between(*shown.window)]
        rows.append(
            SiteCounts(
                measure=shown.measure,
                site=str(site),
                name=panel.names.get(str(site), str(site)),
                before=_count(before),
                after=_count(after),
                numerators=tuple(_plain(value) for value in series["numerator"]),
                denominators=tuple(_plain(value) for value in series["denominator"]),
            )
        )
    return replace(shown, sites=tuple(rows))


def _count(cells: pd.DataFrame) -> SiteCount | None:
    if not len(cells):
        return None
    return SiteCount(
        numerator=_plain(float(cells["numerator"].sum())),
        denominator=_plain(float(cells["denominator"].sum())),
    )


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
