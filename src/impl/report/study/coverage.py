"""What data the report rests on: sites, time, how many numbers are missing, how old they are, what is hidden."""

from __future__ import annotations

from impl.release.release import Release
from impl.report import validity, wording
from impl.report.language import Language


def rows(release: Release, language: Language) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Terms and their lines."""
    study, say = release.study, language.say
    model = release.primary_model()
    period = {"start": language.month(study.data_from), "end": language.month(study.data_to)}
    step = {"step": say(f"steps.{wording.step_name(release)}"), "text": say("coverage.period", period)}
    numbers = [language.count("coverage.cells", model.cells)]
    possible = model.cells + model.gaps
    said = any(warning.code in ("gaps", "many_gaps") for warning in release.design.warnings)
    if model.gaps and not said:  # the caveats below tell it with what it means
        share = {"percent": _share(model.gaps / possible, language)}
        numbers.append(language.count("coverage.gaps", model.gaps, share))
    if not model.gaps:
        numbers.append(say("coverage.no_gaps"))
    terms: list[tuple[str, tuple[str, ...]]] = [
        ("sites", _sites(release, language)),
        ("time", (say("coverage.by_step", step),)),
    ]
    if model.events is not None and release.measure().kind != "mean":
        counted = wording.noun(release.measure(), model.events, language)
        slots = {"count": language.number(model.events), "events": counted}
        terms.append(("counted", (say("coverage.events", slots),)))
    terms.append(("numbers", tuple(numbers)))
    if study.vintage is not None:
        terms.append(("vintage", (language.day(study.vintage),)))
    terms += [("age", (validity.age_sentence(release, language),)), ("hidden", hidden(release, language))]
    return tuple((say(f"coverage.{name}_term"), texts) for name, texts in terms)


def hidden(release: Release, language: Language) -> tuple[str, ...]:
    """How much is hidden and where, one line a place; that nothing is, where nothing is."""
    lines = []
    for suppressed in release.disclosure.suppressed:
        key = f"places.{suppressed.place}"
        known = key if language.has(f"{key}.other") else "places.other"
        lines.append(language.count(known, suppressed.count, {"place": suppressed.place.replace("_", " ")}))
    return tuple(lines) or (language.say("provenance.hidden_none"),)


def _sites(release: Release, language: Language) -> tuple[str, ...]:
    used, all_sites = wording.sites(release), release.design.sites
    lines = [language.count("nouns.sites", used)]
    if all_sites > used:
        left_out = {"sites": language.count("nouns.sites", all_sites - used)}
        lines.append(language.say("coverage.left_out", left_out))
    return tuple(lines)


def _share(share: float, language: Language) -> str:
    """A share in per cent; a small one is never shown as nothing."""
    if share < 0.0005:
        return language.say("coverage.under", {"percent": language.percent(0.1, 1)})
    return language.percent(100 * share, 0 if share >= 0.1 else 1)
