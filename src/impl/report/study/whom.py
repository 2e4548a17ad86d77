"""Whom the number is about: the estimand in words, other ways to weigh sites, a new site, thought experiments.

A mean over sites and what one new site may expect are different things, and are never put in one sentence.
"""

from __future__ import annotations

from html import escape

from impl.release.release import Estimate, Release
from impl.report import wording
from impl.report.language import Language, sentence

ROWS = ("tate", "tate_site", "population", "new_site")


def intro(release: Release, language: Language) -> str:
    """Sites, window and exposure that the number holds for, and what that takes for granted."""
    measure = release.measure()
    slots = {
        "sites": language.say(f"whom.sites_{'one' if wording.sites(release) == 1 else 'other'}"),
        "window": wording.window(release, language),
        "unit": language.pick(measure.unit),
        "exposure": language.pick(measure.exposure),
        "bundle": wording.bundle(release, language),
    }
    return language.say(f"whom.intro_{measure.kind}", slots)


def rows(release: Release) -> tuple[Estimate, ...]:
    """The main estimate and those with other weights; empty where there is nothing beside the main one."""
    measure = release.measure()
    found = [release.estimate(measure.id, estimand, measure.headline_scale) for estimand in ROWS]
    given = tuple(estimate for estimate in found if estimate is not None)
    return given if len(given) > 1 else ()


def weights_table(release: Release, language: Language) -> str:
    """One row a way to weigh sites."""
    exposure = {"exposure": language.pick(release.measure().exposure)}
    names = [(language.say(f"whom.{row.estimand}", exposure), row) for row in rows(release)]
    return rows_table(release, language, "whom.caption", "whom.who", names) if names else ""


def new_site(release: Release, language: Language, key: str = "whom.new_site_sentence") -> str | None:
    """What one more site like these may expect, said apart from the means."""
    measure = release.measure()
    estimate = release.estimate(measure.id, "new_site", measure.headline_scale)
    if estimate is None:
        return None
    _, low, high, decimals = wording.as_shown(estimate, release, measure)
    text = wording.range_words(low, high, decimals, measure, language)
    return language.say(key, {"text": text})


def scenarios(release: Release, language: Language) -> tuple[str, ...]:
    """Everyone past the first half year, and a start half a year earlier, where they are released and say
    more than the main number."""
    return tuple(filter(None, (_established(release, language), _earlier(release, language))))


def _established(release: Release, language: Language) -> str | None:
    measure = release.measure()
    estimate = release.estimate(measure.id, "established", measure.headline_scale)
    main = wording.headline(release, measure)
    if estimate is None or main is None or estimate.from_ is None:
        return None
    shown = wording.as_shown(estimate, release, measure)
    if shown == wording.as_shown(main, release, measure):
        return None  # the effect counts as equally large all the time
    value, low, high, decimals = shown
    slots = {
        "step": language.say(f"steps.{wording.step_name(release)}"),
        "first": language.number(estimate.from_),
        "change": wording.change_words(value, decimals, measure, language),
        "text": wording.range_words(low, high, decimals, measure, language),
    }
    return language.say("whom.established_same" if value == 0 else "whom.established", slots)


def _earlier(release: Release, language: Language) -> str | None:
    measure = release.measure()
    estimate = release.estimate(measure.id, "earlier", "averted")
    if estimate is None or estimate.from_ is None:
        return None
    more, ends = wording.events_averted(estimate, language)
    if ends["low"] == ends["high"]:  # less than one event either way: nothing to say
        return None
    slots = {
        "months": language.count("nouns.months", round(estimate.from_ * release.design.period_months)),
        "amount": language.number(abs(more)),
        "events": wording.noun(measure, more, language),
        **ends,
    }
    return language.say(f"whom.earlier_{wording.way(more)}", slots)


def assumption(release: Release, language: Language) -> str | None:
    """What new sites and thought experiments take for granted, where the order was not drawn by lot."""
    told = new_site(release, language) or scenarios(release, language)
    if not told or release.design.grade == "randomised":
        return None
    return language.say("whom.if_cause", {"bundle": wording.bundle(release, language)})


def bundles_table(release: Release, language: Language) -> str:
    """Further bundles, one row each; empty where none is released."""
    measure = release.measure()
    names = []
    for bundle in release.study.other_bundles:
        estimate = release.estimate(measure.id, "other_bundle", measure.headline_scale, group=bundle.id)
        if estimate is not None:
            window = wording.window(release, language, estimate)
            names.append((f"{sentence(language.pick(bundle.name))}, {window}", estimate))
    return rows_table(release, language, "whom.bundles_caption", "whom.bundle", names) if names else ""


def overlap(release: Release, language: Language) -> tuple[str, ...]:
    """How often two bundles were there at the same time, one line a pair."""
    names = {
        bundle.id: language.pick(bundle.name)
        for bundle in (*release.study.bundles, *release.study.other_bundles)
    }
    lines = []
    for row in release.sections.overlap:
        slots = {
            "percent": language.percent(100 * row.share),
            "name": names.get(row.bundle, row.bundle),
            "other": names.get(row.other, row.other),
        }
        lines.append(language.say("whom.overlap", slots))
    return tuple(lines)


def rows_table(
    release: Release, language: Language, caption: str, first: str, rows: list[tuple[str, Estimate]]
) -> str:
    """Name · change with its interval, one row an estimate; caption and first are keys of words."""
    change = language.say("whom.change")
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>'
        f'<span class="cell-label" aria-hidden="true">{escape(change)}</span>'
        f"{_cell(estimate, release, language)}</td></tr>"
        for name, estimate in rows
    )
    text = language.say(caption, {"name": language.pick(release.measure().name)})
    return (
        f'<table class="cards whom"><caption><strong>{escape(text)}</strong></caption><thead><tr>'
        f'<th scope="col">{escape(language.say(first))}</th><th scope="col">{escape(change)}</th>'
        f"</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(estimate: Estimate, release: Release, language: Language) -> str:
    """«−17 % (−27 til −7)»."""
    measure = release.measure()
    value, low, high, decimals = wording.as_shown(estimate, release, measure)
    if estimate.estimand == "tate":
        value = wording.headline_value(release, measure) or 0.0  # as the other table shows it
    if measure.headline_scale == "ratio":
        text = language.percent_sign(value, wording.percent_decimals(value), signed=True)
    else:
        text = language.number(value, decimals, signed=True)
        if measure.kind == "proportion":
            text = language.say("format.points_sign", {"number": text})
    ends = {
        "low": language.number(low, decimals, signed=True),
        "high": language.number(high, decimals, signed=True),
    }
    between = escape(language.say("table.between", ends))
    return f'<span><b>{escape(text)}</b> <span class="nobreak">{between}</span></span>'
