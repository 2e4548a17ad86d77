"""Reports are not events: how the answer changes with the share that is reported.

The sentence «Flere meldinger kan bety at det er blitt tryggere å melde» needs numbers beside it; docs/model.md §11.
"""

from __future__ import annotations

from math import expm1, log

from impl.release.release import Release
from impl.report import wording
from impl.report.language import Language


def texts(release: Release, language: Language) -> tuple[str, ...]:
    """The effect at each stated change of the share reported, and the change at which there is none; empty where
    events are counted without anybody reporting them."""
    measure = release.measure()
    found = [row for row in release.estimates if row.estimand == "reporting" and row.level == 0.9]
    bundle = wording.bundle(release, language)
    lines = []
    for row in found:
        more = expm1(float(row.group or 0.0))
        value, low, high, decimals = wording.as_shown(row, release, measure)
        slots = {
            "percent": language.percent(wording.round_half_up(100 * more)),
            "change": wording.change_words(value, decimals, measure, language),
            "text": wording.range_words(low, high, decimals, measure, language),
            "bundle": bundle,
        }
        lines.append(language.say("reports.more" if more else "reports.same", slots))
    unchanged = next((row for row in found if not float(row.group or 0.0)), None)
    if unchanged is not None and unchanged.median > 1.0 and measure.direction == "lower":
        tipping = wording.round_half_up(100 * expm1(log(unchanged.median)))
        if tipping:
            slots = {"percent": language.percent(tipping), "bundle": bundle}
            lines.append(language.say("reports.tipping", slots))
    return tuple(lines)
