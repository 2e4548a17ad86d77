"""Who may see what: one table of audiences, from the unit itself to anybody.

They are nested: each shows at least what the next stricter one shows. The rules behind the numbers are those of
Norwegian and British publishers of health statistics; where none of them gives a number, the row says that it is a
choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from impl.study.study import AudienceName


@dataclass(frozen=True, kw_only=True)
class Audience:
    """What one audience may see.

    count: counts of persons above 0 and under it are hidden, complements too; also how uncertain a hidden count has
        to stay for somebody who computes with everything shown. denominator: denominators under it are hidden.
    certain: 0 and 100 per cent of fewer persons than this are hidden: they tell of everybody in the group.
    sites: fewest sites that an estimate may stand for. base: counts are rounded to multiples of it.
    site_counts: counts by site, `periods` for every period too, None for none.
    """

    name: AudienceName
    count: float
    denominator: float
    certain: float
    sites: int
    base: int
    site_counts: Literal["periods", "phases"] | None
    rules: tuple[str, ...]
    source: str


AUDIENCES: tuple[Audience, ...] = (
    Audience(
        name="own-unit",
        count=0.0,
        denominator=0.0,
        certain=0.0,
        sites=1,
        base=1,
        site_counts="periods",
        rules=("own_unit", "rounded"),
        source="Those who delivered the data see them: nothing is hidden, and the report stays with the unit.",
    ),
    Audience(
        name="network",
        count=5.0,
        denominator=5.0,
        certain=10.0,
        sites=3,
        base=1,
        site_counts="phases",
        rules=(
            "numerator_1_4",
            "denominator_under_5",
            "complement",
            "certain_under_10",
            "finest_safe_step",
            "no_difference",
            "group_under_3_sites",
            "sites_hidden_together",
            "rounded",
        ),
        source="The limits of `public`; counts by site before and after start are a choice: a network compares itself.",
    ),
    Audience(
        name="public",
        count=5.0,
        denominator=5.0,
        certain=10.0,
        sites=3,
        base=1,
        site_counts=None,
        rules=(
            "numerator_1_4",
            "denominator_under_5",
            "complement",
            "certain_under_10",
            "finest_safe_step",
            "no_difference",
            "group_under_3_sites",
            "rounded",
        ),
        source=(
            "Helsedirektoratet, national quality indicators: a unit is hidden where the denominator is under 5 or the "
            "numerator 1-4, 0 may be shown. Ten persons behind 0 or 100 per cent: the threshold of British trusted "
            "research environments (acro). Three sites: with two, each can compute the other one from the sum."
        ),
    ),
    Audience(
        name="open",
        count=8.0,
        denominator=8.0,
        certain=10.0,
        sites=5,
        base=5,
        site_counts=None,
        rules=(
            "numerator_1_7",
            "denominator_under_8",
            "complement_7",
            "certain_under_10",
            "finest_safe_step",
            "no_difference",
            "group_under_5_sites",
            "base_5",
            "rounded",
        ),
        source=(
            "NHS Hospital Episode Statistics since 2018 and OpenSAFELY: 1-7 hidden, other counts to the nearest 5. "
            "Five sites: the threshold of clusters an arm under which such environments ask for a review."
        ),
    ),
)
"""From the one that sees most to the strictest."""

PUBLIC = next(audience for audience in AUDIENCES if audience.name == "public")


def audience_of(name: AudienceName) -> Audience:
    """The row of the table."""
    return next(audience for audience in AUDIENCES if audience.name == name)
