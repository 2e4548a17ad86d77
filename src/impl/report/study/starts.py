"""The effect by the start that does not count, said beside the main number and never in its place."""

from __future__ import annotations

from impl.release.release import Release
from impl.report import wording
from impl.report.language import Language

ESTIMANDS = ("by_actual_start", "by_allocated_start")


def texts(release: Release, language: Language) -> tuple[str, ...]:
    """One sentence with the number and one about why it is no answer; empty where none is released."""
    measure = release.measure()
    for estimand in ESTIMANDS:
        estimate = release.estimate(measure.id, estimand, measure.headline_scale)
        if estimate is not None:
            value, low, high, decimals = wording.as_shown(estimate, release, measure)
            slots = {
                "change": wording.change_words(value, decimals, measure, language),
                "text": wording.range_words(low, high, decimals, measure, language),
                "window": wording.window(release, language, estimate),
                "bundle": wording.bundle(release, language),
            }
            return (
                language.say(f"starts.{estimand}{'_same' if value == 0 else ''}", slots),
                language.say(f"starts.{estimand}_why"),
            )
    return ()
