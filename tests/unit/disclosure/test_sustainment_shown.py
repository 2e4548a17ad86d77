"""Horizons that fewer than three sites have reached are hidden."""

from __future__ import annotations

import numpy as np
import pandas as pd

from impl.disclosure.sustainment import sustainment_section
from impl.model.values import Sustainment


def found(*sites: int) -> Sustainment:
    shares = {f"{kind}_{end}": value for kind in ("retained", "natural", "twin")
              for end, value in (("lower", 0.2), ("median", 0.61234), ("upper", 0.9))}  # fmt: skip
    rows = [
        {"months": months, "sites": count, **shares, "p_half": 0.7, "p_most": 0.2, "p_worthwhile": np.nan}
        for months, count in zip((6, 12, 24), sites, strict=False)
    ]
    return Sustainment(
        measure="falls",
        table=pd.DataFrame(rows),
        half_life=(4.0, 9.0, 20.0),
        contraction=0.7,
        sites=max(sites, default=0),
        seconds=1.0,
    )


def test_a_horizon_of_two_sites_is_hidden() -> None:
    section, hidden = sustainment_section(found(5, 3, 2))
    assert section is not None
    assert [row.months for row in section.horizons] == [6, 12]
    assert hidden == 1
    assert section.horizons[0].p_worthwhile is None


def test_nothing_reached_is_no_section() -> None:
    assert sustainment_section(found(2)) == (None, 1)
    assert sustainment_section(found()) == (None, 0)
    assert sustainment_section(None) == (None, 0)
