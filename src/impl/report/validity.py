"""How long a report holds: some months from the last day of its data, on every sheet of it."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

from impl.release.release import Release
from impl.report.language import Language


def holds_until(release: Release) -> date:
    """Last day on which the report counts as current; the end of a month stays the end of a month."""
    last = release.study.data_to
    years, month = divmod(last.month - 1 + release.study.valid_months, 12)
    year, month = last.year + years, month + 1
    days = monthrange(year, month)[1]
    at_end = last.day == monthrange(last.year, last.month)[1]
    return date(year, month, days if at_end else min(last.day, days))


def born_old(release: Release) -> bool:
    """Whether the data were too old already on the day of the run."""
    return holds_until(release) < release.run.started.date()


def months_between(first: date, last: date) -> int:
    """Whole calendar months from one day to another; 0 where they are of the same month."""
    return (last.year - first.year) * 12 + last.month - first.month


def holds_sentence(release: Release, language: Language) -> str:
    """«Gjelder til 30. juni 2027.»"""
    key = "holds.past" if born_old(release) else "holds.until"
    return language.say(key, {"date": language.day(holds_until(release))})


def age_sentence(release: Release, language: Language) -> str:
    """How old the data were when the report was made, and until when it counts."""
    months = months_between(release.study.data_to, release.run.started.date())
    slots = {
        "end": language.month(release.study.data_to),
        "months": language.count("nouns.months", max(months, 0)),
        "date": language.day(holds_until(release)),
    }
    first = language.say("holds.age" if months > 0 else "holds.age_none", slots)
    return f"{first} {language.say('holds.old' if born_old(release) else 'holds.outdated', slots)}"
