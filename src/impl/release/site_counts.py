"""Counts by site, for audiences that may see them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

CLOSED = ConfigDict(
    frozen=True,
    extra="forbid",
    allow_inf_nan=False,
    validate_by_name=True,
    validate_by_alias=True,
    serialize_by_alias=True,
)
"""Every released value is frozen, closed and finite."""


class SiteCount(BaseModel):
    """Events and what they are counted over; both None where hidden."""

    model_config = CLOSED

    numerator: float | None
    denominator: float | None
    hidden: bool = False


class SiteCounts(BaseModel):
    """One site's counts of one measure, before start and in the window of the effect; for audiences that may see them.

    None where the site has no such data. numerators, denominators: every period in order, for the unit itself only.
    """

    model_config = CLOSED

    measure: str
    site: str
    name: str
    before: SiteCount | None = None
    after: SiteCount | None = None
    numerators: tuple[float | None, ...] = ()
    denominators: tuple[float | None, ...] = ()
