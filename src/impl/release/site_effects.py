"""The effect by site, for audiences that may see sites; how much it differs between them, for everybody."""

from __future__ import annotations

from impl.release.public import Probability, Public


class SiteEffect(Public):
    """One site's effect on the measure's headline scale, drawn toward the mean of the sites; 90 % interval.

    p_better: that it is better than the mean of the sites; None in a trial run and where no direction is good. hidden: a
    count of the site is hidden, or the effect would give another site's away.
    """

    site: str
    name: str
    lower: float | None = None
    median: float | None = None
    upper: float | None = None
    p_better: Probability | None = None
    hidden: bool = False


class SiteEffectSection(Public):
    """How the effect differs between sites. sites: how many.

    spread: 5, 50 and 95 per cent quantiles of the standard deviation between sites, link scale. typical: the effect one
    deviation on either side of the mean, headline scale: about two in three sites. rows: in the order of the codes, for
    audiences that see counts by site.
    """

    measure: str
    sites: int
    spread: tuple[float, float, float]
    typical: tuple[float, float]
    rows: tuple[SiteEffect, ...] = ()
