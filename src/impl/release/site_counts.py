"""Counts by site, for audiences that may see them."""

from __future__ import annotations

from impl.release.public import Public


class SiteCount(Public):
    """Events and what they are counted over; both None where hidden."""

    numerator: float | None
    denominator: float | None
    hidden: bool = False


class SiteCounts(Public):
    """One site's counts of one measure, before start and in the window of the effect; for audiences that may see them.

    None where the site has no such data. numerators, denominators: every period in order, for the unit itself only.
    """

    measure: str
    site: str
    name: str
    before: SiteCount | None = None
    after: SiteCount | None = None
    numerators: tuple[float | None, ...] = ()
    denominators: tuple[float | None, ...] = ()
