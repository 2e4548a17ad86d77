"""The plan in words: when it was registered, how it was changed, and what the report does otherwise."""

from __future__ import annotations

import re
from datetime import date, datetime

from impl.network.states import Standing
from impl.register.plan import Timing
from impl.release.release import Deviation, RegisteredPlan, Release
from impl.report.language import Language, sentence

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DECIMAL = re.compile(r"[0-9]+\.([0-9]{1,6})")


def was_beforehand(release: Release) -> bool:
    """Whether the limits in use were registered before data had been collected and before anything was run."""
    if not release.plan.versions or any(row.code.startswith("decision.") for row in release.plan.deviations):
        return False
    decided = [
        version
        for version in release.plan.versions
        if version.version == 1 or any(row.code.startswith("decision.") for row in version.changes)
    ]
    return all(version.timing != "after_data" and not version.after_run for version in decided)


def in_short(release: Release, language: Language) -> str:
    """Whether and when the plan was registered, and whether it was followed: for the section on method."""
    if not release.plan.registered:
        return language.say("provenance.not_registered")
    count = len(release.plan.deviations)
    place = {"place": language.say("provenance.heading")}
    kept = language.count("plan.deviates", count, place) if count else language.say("plan.followed")
    return " ".join(
        (*(_version(row, language) for row in release.plan.versions), kept, *_withdrawn(release, language))
    )


def standing_lines(row: Standing, language: Language) -> tuple[str, ...]:
    """Where a study stands, for lists: when it was registered, what is late, what became of it without a report."""
    say, release = language.say, row.release
    lines = []
    if row.registered is not None and row.timing is not None:
        first, *later = row.registered.plans
        lines.append(_registered(first.version, first.registered_at, row.timing, first.after_run, language))
        if later:
            lines.append(language.count("standing.amended", len(later)))
    if row.registration != "registered":
        lines.append(say(f"standing.{row.registration}"))
    if row.plan is not None and row.state in ("planned", "running", "failed", "overdue", "unpublished"):
        due = {"date": language.day(date.fromisoformat(row.plan.planned.report_due))}
        lines.append(say("standing.overdue" if row.overdue else "standing.due", due))
    if row.plan is not None and release is not None and row.interim:
        days = {"date": language.day(release.study.data_to),
                "end": language.day(date.fromisoformat(row.plan.planned.data_to))}  # fmt: skip
        lines.append(say("standing.interim", days))
    if row.state == "unpublished":
        lines.append(say("standing.unpublished"))
    if row.attempt not in (None, "running"):
        lines.append(say("standing.last_failed"))
    if row.reason is not None:
        lines.append(say("plan.withdrawn", {"text": row.reason}))
    return tuple(lines)


def provenance_lines(release: Release, language: Language) -> tuple[str, ...]:
    """The same for the box at the end, one line each, with the hashes of plan and line."""
    plan = release.plan
    if not plan.registered:
        return (release.study.plan_sha256, language.say("provenance.not_registered"))
    line = language.say("plan.line", {"id": plan.line_sha256}) if plan.line_sha256 else ""
    versions = (_version(row, language) for row in plan.versions)
    followed = () if plan.deviations else (language.say("plan.followed"),)
    return tuple(
        filter(None, (release.study.plan_sha256, *versions, *followed, *_withdrawn(release, language), line))
    )


def deviation_lines(release: Release, language: Language) -> tuple[str, ...]:
    """Every deviation, one line each."""
    return tuple(sentence(_change(row, "change", language)) for row in release.plan.deviations)


def _version(version: RegisteredPlan, language: Language) -> str:
    if version.version == 1:
        return _registered(1, version.registered_at, version.timing, version.after_run, language)
    changes = "; ".join(_change(row, "change_from", language) for row in version.changes)
    return _registered(
        version.version, version.registered_at, version.timing, version.after_run, language, changes
    )


def _registered(
    number: int, at: datetime, when: Timing, after_run: bool, language: Language, changes: str = ""
) -> str:
    slots = {
        "date": language.day(at.date()),
        "text": language.say(f"plan.timing.{when}"),
        "number": language.number(number),
        "change": changes or language.say("plan.unchanged"),
    }
    key = "registered" if number == 1 else "amended"
    return language.say(f"plan.{key}{'_after_run' if after_run else ''}", slots)


def _withdrawn(release: Release, language: Language) -> tuple[str, ...]:
    reason = release.plan.withdrawn
    return () if reason is None else (language.say("plan.withdrawn", {"text": reason}),)


def _change(row: Deviation, words: str, language: Language) -> str:
    name = part_name(row.code, language)
    if row.planned is None and row.actual is None:
        return language.say("plan.change_hashed", {"name": name})
    before, after = (_value(row.code, text, language) for text in (row.planned, row.actual))
    return language.say(f"plan.{words}", {"name": name, "before": before, "after": after})


def part_name(code: str, language: Language) -> str:
    """What a code is about: the words of the code itself, or of the nearest part above it.

    A code of a later impl, of which nothing is known, is shown as it is: a deviation is never left out.
    """
    parts = code.split(".")
    while parts:
        key = f"plan.part.{'_'.join(parts)}"
        if language.has(key):
            named = language.say(key)
            inner = code.split(".")[len(parts) :]
            return named if len(parts) > 1 or not inner else f"{named} ({'.'.join(inner)})"
        parts.pop()
    return code


def _value(code: str, text: str | None, language: Language) -> str:
    if text is None:
        return language.say("plan.nothing")
    if text in ("yes", "no"):
        return language.say(f"plan.{text}")
    if DAY.fullmatch(text):
        return language.day(date.fromisoformat(text))
    if decimal := DECIMAL.fullmatch(text):
        if code.startswith("decision."):
            return language.percent(100 * float(text), max(len(decimal[1]) - 2, 0))
        return language.number(float(text), len(decimal[1]))
    return text
