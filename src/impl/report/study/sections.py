"""The sections of a report: each a function of (Release, Language) to one labelled block; `order` chooses them."""

from __future__ import annotations

from html import escape

from impl.release.release import Release
from impl.report import figures, sentences, tables, timeline, validity, wording
from impl.report.block import Block, listed, pairs, paragraphs, section_block
from impl.report.language import Language
from impl.report.study import (
    adaptation,
    costs,
    coverage,
    delivery,
    dotplot,
    exposure,
    method,
    one_site,
    reporting,
    since,
    site_counts,
    site_effects,
    spc_chart,
    starts,
    sustainment,
    targets,
    uptake,
    wedge,
    whom,
)
from impl.report.study import annex as technical
from impl.report.study import square as verdict_square

DOWNLOADS = {
    "estimates": "estimates.csv",
    "curves": "curves.csv",
    "dictionary": "data-dictionary.csv",
    "release": "release.json",
}
"""Files that lie beside a published page."""


def banner(release: Release, language: Language) -> Block | None:
    """First on the page of a trial run, and of an example with invented numbers."""
    names = []
    if release.run.profile == "smoke":
        names.append("smoke")
    if release.study.synthetic:
        names.append("synthetic")
    if not names:
        return None
    texts = [(language.say(f"banner.{name}"), language.say(f"banner.{name}_more")) for name in names]
    lines = "".join(
        f'<p class="banner"><strong>{escape(text)}.</strong> {escape(more)}</p>' for text, more in texts
    )
    return Block(name="banner", label=texts[0][0], html=lines)


def question(release: Release, language: Language) -> Block:
    study = release.study
    text = language.pick(study.question)
    places = language.count("nouns.sites", wording.sites(release))
    slots = {"sites": places, "start": language.month(study.data_from), "end": language.month(study.data_to)}
    scope = language.say("scope.sites", slots)
    run = language.say("scope.run", {"date": language.day(release.run.started.date())})
    holds = f'<span class="holds">{escape(validity.holds_sentence(release, language))}</span>'
    without = release.sections.quality is not None or release.status != "ok"
    levels = "" if without else language.say("scope.levels")
    return Block(
        name="question",
        label=text,
        html=f'<header class="top"><p class="study">{escape(language.pick(study.title))}</p><h1>{escape(text)}</h1>'
        f'<p class="scope"><b>{escape(scope)}</b> {escape(run)} {holds} {escape(levels)}</p></header>',
    )


def answer(release: Release, language: Language) -> Block:
    label = language.say("answer.label")
    sure = sentences.certainty(release, release.measure(), language)
    icons = ""
    if sure is not None:
        text = sentences.icons_sentence(sure, language)
        icons = f'<div class="odds">{figures.icon_array(wording.hundredths(sure.probability))}<p>{escape(text)}</p></div>'
    return Block(
        name="answer",
        label=label,
        html=f'<section class="answer" aria-labelledby="answer-heading"><h2 id="answer-heading">{escape(label)}</h2>'
        f'<p class="big">{escape(sentences.answer(release, language))}</p>{icons}</section>',
    )


def messages(release: Release, language: Language) -> Block:
    """How much, how sure, what we cannot know."""
    found = (
        sentences.how_much(release, language),
        sentences.how_sure(release, language),
        sentences.what_limit(release, language),
    )
    items = "".join(
        f'<li><h3>{escape(message.question)}</h3><p class="key">{escape(message.key)}</p>'
        f"<p>{escape(' '.join(message.text))}</p></li>"
        for message in found
    )
    label = language.say("messages.heading")
    return Block(
        name="messages",
        label=label,
        html=f'<section class="messages" aria-label="{escape(label)}"><ul>{items}</ul></section>',
    )


def since_last(release: Release, earlier: Release | None, language: Language) -> Block | None:
    """What changed since the report before this one; only where there was one."""
    lines = () if earlier is None else since.texts(release, earlier, language)
    if not lines or earlier is None:
        return None
    label = language.say("since.heading", {"date": language.month(earlier.run.started.date())})
    body = f"<p><strong>{escape(label)}:</strong> {escape(' '.join(lines))}</p>"
    return Block(
        name="since",
        label=label,
        html=f'<section class="since" aria-label="{escape(label)}">{body}</section>',
    )


def failed(release: Release, language: Language) -> Block:
    """In place of everything estimated, where the calculation did not pass its checks."""
    bundle = wording.bundle(release, language)
    rows = []
    for row in release.checks.rows:
        if not row.passed:
            name, value, limit = tables.check_words(row.check, row.value, row.limit, language)
            text = language.say("failed.row", {"check": name, "value": value, "limit": limit})
            rows.append(f"<li>{escape(text)}</li>")
    what = f"<p>{escape(language.say('failed.what'))}</p><ul>{''.join(rows)}</ul>" if rows else ""
    label = language.say("failed.heading")
    return Block(
        name="failed",
        label=label,
        html=f'<section class="limits" aria-labelledby="failed-heading"><h2 id="failed-heading">{escape(label)}</h2>'
        f'<p class="big">{escape(language.say("failed.sentence"))}</p>{what}'
        f"<p>{escape(language.say('failed.next', {'bundle': bundle}))}</p></section>",
    )


def trend(release: Release, language: Language) -> Block:
    """Figure 1: observed against expected, with the numbers behind it."""
    measure = release.measure()
    heading = language.say("trend.heading")
    nothing = sentences.nothing_happened(release, language)
    averted = nothing or " ".join(sentences.averted(release, language))
    text = paragraphs([averted] if averted else [])
    curve = next((curve for curve in release.curves if curve.measure == measure.id), None)
    if curve is None or all(point.hidden for point in curve.points):
        return section_block("trend", heading, text + paragraphs([language.say("trend.hidden")]))
    step = language.say(f"steps.{curve.step}")
    slots = {"name": wording.measure_and_unit(measure, language), "step": step}
    several = wording.sites(release) > 1
    places = language.count("nouns.sites", wording.sites(release))
    unit = language.say("trend.unit_sites" if several else "trend.unit", {**slots, "sites": places})
    bundle = {"bundle": wording.bundle(release, language)}
    notes = [language.say("trend.note_observed"), language.say("trend.note_expected", bundle)]
    if figures.first_start(curve.points) is not None:
        notes.append(language.say("trend.note_start" if several else "trend.note_start_one"))
    if several:
        notes.append(language.say("trend.note_strip"))
    if any(point.hidden for point in curve.points):
        notes.append(language.say("trend.note_hidden"))
    figure = (
        '<figure class="figure"><figcaption>'
        f'<span class="count">{escape(language.say("trend.figure", {"number": "1"}))}</span> '
        f"<strong>{escape(sentences.figure_heading(release, measure, language))}</strong>"
        f'<span class="unit">{escape(unit)}</span></figcaption>'
        f'<div class="drawing">{figures.observed_against_expected(release, curve, language, number=1)}</div>'
        f'<div class="note"><p class="note-heading">{escape(language.say("trend.note_heading"))}</p>'
        f"{paragraphs(notes)}</div></figure>"
    )
    return section_block("trend", heading, text + figure + tables.curve_numbers(release, curve, language))


def comparison(release: Release, language: Language) -> Block:
    label = language.say("table.caption", {"bundle": wording.bundle(release, language)})
    table = tables.comparison_table(release, language) + paragraphs(starts.texts(release, language))
    return Block(
        name="comparison",
        label=label,
        html=f'<section class="part" aria-label="{escape(label)}">{table}</section>',
    )


def for_whom(release: Release, language: Language) -> Block | None:
    """Whom the number is about, what a new site may expect, what would be otherwise, and further bundles."""
    if wording.headline(release, release.measure()) is None:
        return None
    body = paragraphs([whom.intro(release, language)]) + whom.weights_table(release, language)
    body += paragraphs(list(filter(None, [whom.new_site(release, language)])))
    if not site_effects.block(release, language):
        body += paragraphs(site_effects.spread_texts(release, language))
    scenarios = whom.scenarios(release, language)
    if scenarios:
        body += f"<h3>{escape(language.say('whom.what_if'))}</h3>" + paragraphs(scenarios)
    body += paragraphs(list(filter(None, [whom.assumption(release, language)])))
    plans = one_site.table(release, language)
    if plans:
        body += f"<h3>{escape(language.say('one_site.heading'))}</h3>" + plans
        body += paragraphs([language.say("one_site.note")])
    body += whom.bundles_table(release, language)
    together = whom.overlap(release, language)
    if together:
        body += f"<h3>{escape(language.say('whom.overlap_heading'))}</h3>" + listed(together)
        body += paragraphs([language.say("whom.overlap_note")])
    return section_block("whom", language.say("whom.heading"), body)


def reached(release: Release, language: Language) -> Block | None:
    """Whether local targets are met; only where the study has them."""
    body = targets.block(release, language)
    return section_block("targets", language.say("targets.heading"), body) if body else None


def counted_by_site(release: Release, language: Language) -> Block | None:
    """What was counted at each site; only where the audience may see it."""
    body = site_counts.block(release, language)
    return section_block("sites", language.say("site_counts.heading"), body) if body else None


def by_site(release: Release, language: Language) -> Block | None:
    """The effect at each site, in the order of the codes; only where the audience may see it."""
    body = site_effects.block(release, language)
    return section_block("by_site", language.say("by_site.heading"), body) if body else None


def reported(release: Release, language: Language) -> Block | None:
    """What the answer would be if more, or less, of what happens is reported; only where reports are counted."""
    lines = reporting.texts(release, language)
    if not lines:
        return None
    intro = paragraphs([language.say("reports.intro")])
    return section_block("reports", language.say("reports.heading"), intro + listed(lines))


def cost(release: Release, language: Language) -> Block | None:
    """What it cost, in all and per event; only where the study states its prices."""
    lines = costs.texts(release, language)
    return section_block("costs", language.say("costs.heading"), listed(lines)) if lines else None


def limits(release: Release, language: Language) -> Block:
    items = "".join(f"<li>{escape(text)}</li>" for text in sentences.limits(release, language))
    heading = language.say("limits.heading")
    return Block(
        name="limits",
        label=heading,
        html=f'<section class="limits" aria-labelledby="limits-heading"><h2 id="limits-heading">{escape(heading)}</h2>'
        f"<ul>{items}</ul></section>",
    )


def delivered(release: Release, language: Language) -> Block:
    """Whether the bundle was delivered, and what outcome and delivery say together."""
    body = paragraphs(list(delivery.texts(release, language))) + verdict_square.square(release, language)
    parts = uptake.components(release, language)
    if parts:
        body += f"<h3>{escape(language.say('delivery.components_heading'))}</h3>" + parts
    lines = delivery.dose(release, language)
    if lines:
        body += f"<h3>{escape(language.say('delivery.dose_heading'))}</h3>"
        body += uptake.dose(release, language) + listed(lines)
    return section_block("delivery", language.say("delivery.heading"), body)


def lasts(release: Release, language: Language) -> Block | None:
    """Whether the improvement lasts after active support; only where the study says when that ended."""
    lines = sustainment.texts(release, language)
    body = uptake.kept(release, language) + listed(lines)
    heading = language.say(sustainment.heading_key(release))
    return section_block("lasts", heading, body) if lines else None


def course(release: Release, language: Language) -> Block | None:
    """How the effect goes with time since start, where it has a course."""
    body = exposure.block(release, language)
    return section_block("course", language.say("course.heading"), body) if body else None


def alone(release: Release, language: Language) -> Block | None:
    """What the numbers show by themselves: the run chart."""
    body = spc_chart.block(release, language)
    intro = paragraphs([language.say("spc.intro")])
    return section_block("spc", language.say("spc.heading"), intro + body) if body else None


def adapted(release: Release, language: Language) -> Block:
    """What was adapted locally: the log, and the pre-declared contrast worded as an association."""
    heading = language.say("adapted.heading")
    section = release.sections.adaptations
    if section is None:
        body = paragraphs([language.say("adapted.none")]) + listed(adaptation.moderation(release, language))
        return section_block("adapted", heading, body)
    changed = sum(row.consistent == "no" for row in section.rows)
    first = [language.count("adapted.count", len(section.rows))]
    if section.rows:
        first.append(
            language.count("adapted.changed", changed) if changed else language.say("adapted.changed_none")
        )
    body = paragraphs([" ".join(first)]) + tables.adaptation_table(release, language)
    if release.status == "ok":
        groups, texts = adaptation.contrast(release, language)
        kinds = adaptation.moderation(release, language)
        body += f"<h3>{escape(language.say('adapted.contrast_heading'))}</h3>"
        if section.contrast is not None or not kinds:
            body += listed(groups) + paragraphs([" ".join(texts)])
        body += listed(kinds)
    body += paragraphs(list(adaptation.agreement(release, language)))
    return section_block("adapted", heading, body)


def work(release: Release, language: Language) -> Block | None:
    """How the work went: the time line, and how well sites thought that the bundle fits."""
    body = timeline.block(release, language)
    answers = timeline.fit_lines(release, language)
    if answers:
        body += f"<h3>{escape(language.say('timeline.fit_heading'))}</h3>" + listed(answers)
        body += paragraphs([language.say("timeline.fit_note")])
    return section_block("work", language.say("timeline.heading"), body) if body else None


def rolled_out(release: Release, language: Language) -> Block | None:
    """When each site started; only where there are several."""
    body = wedge.block(release, language)
    return section_block("wedge", language.say("wedge.heading"), body) if body else None


def how(release: Release, language: Language) -> Block:
    items = "".join(f"<li>{escape(text)}</li>" for text in method.lines(release, language))
    return section_block("method", language.say("method.heading"), f'<ol class="method">{items}</ol>')


def certainty(release: Release, language: Language) -> Block:
    """How sure the answer is, as words, as a hundred dots, and the words for probability with their numbers."""
    texts = sentences.how_sure(release, language)
    body = paragraphs([f"{texts.key}. {' '.join(texts.text)}"]) + dotplot.block(release, language)
    body += tables.bands_table(release, language)
    return section_block("certainty", language.say("certain.heading"), body)


def data(release: Release, language: Language) -> Block:
    """What the report rests on, how complete and how old it is, and what to keep in mind."""
    body = f'<dl class="pairs">{pairs(coverage.rows(release, language))}</dl>'
    body += f"<h3>{escape(language.say('notes.heading'))}</h3>" + listed(sentences.notes(release, language))
    if release.disclosure.suppressed:
        body += paragraphs([language.say("notes.hidden")])
    return section_block("data", language.say("coverage.heading"), body)


def checks(release: Release, language: Language) -> Block:
    """In the open where the calculation failed; in the annex of every other report."""
    return section_block("checks", language.say("checks.heading"), technical.checks(release, language))


def annex(release: Release, language: Language) -> Block:
    return section_block(
        "annex", language.say("annex.heading"), technical.annex(release, language), kind="sheet"
    )


def provenance(release: Release, language: Language) -> Block:
    """Where the report comes from and how to make it again."""
    heading = language.say("provenance.heading")
    rows = pairs(method.provenance(release, language))
    files = " · ".join(
        f'<a href="{name}">{escape(language.say(f"provenance.file_{key}"))}</a> ({name})'
        for key, name in DOWNLOADS.items()
    )
    return Block(
        name="provenance",
        label=heading,
        html=f'<section class="provenance" aria-labelledby="provenance-heading">'
        f'<h2 id="provenance-heading">{escape(heading)}</h2><dl class="pairs">{rows}'
        f"<div><dt>{escape(language.say('provenance.files'))}</dt><dd>{files}</dd></div></dl></section>",
    )
