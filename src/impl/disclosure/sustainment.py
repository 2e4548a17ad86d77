"""What may be shown of what lasts: horizons that enough sites have reached."""

from __future__ import annotations

import math

from impl.disclosure import rules
from impl.disclosure.audience import PUBLIC, Audience
from impl.model.values import Sustainment
from impl.release.sections import Horizon, SustainmentSection


def sustainment_section(
    found: Sustainment | None, audience: Audience = PUBLIC
) -> tuple[SustainmentSection | None, int]:
    """The section, and how many horizons are hidden."""
    if found is None or len(found.table) == 0:
        return None, 0
    rows = found.table.to_dict("records")
    kept = tuple(
        Horizon(
            months=int(row["months"]),
            **{name: rules.estimate(float(row[f"retained_{name}"])) for name in ("lower", "median", "upper")},
            twin=None if math.isnan(row["twin_median"]) else rules.estimate(float(row["twin_median"])),
            p_half=None if math.isnan(row["p_half"]) else rules.probability(float(row["p_half"])),
            p_worthwhile=rules.probability(float(row["p_worthwhile"])),
        )
        for row in rows
        if row["sites"] >= audience.sites
    )
    half = None
    if found.half_life is not None:
        low, middle, high = (rules.estimate(value) for value in found.half_life)
        half = (low, middle, high)
    section = SustainmentSection(horizons=kept, half_life=half) if kept else None
    return section, len(rows) - len(kept)
