"""The local edition: one site's own part of the report, with its own numbers where they may be shown, else the network's."""

from __future__ import annotations

import re
from html import escape

from impl.errors import Fault, StudyError, nearest, shorten
from impl.release.release import Release, ReleasedMeasure, SiteStart
from impl.release.site_counts import SiteCount, SiteCounts
from impl.report import sentences, tables, validity, wording
from impl.report.block import listed, paragraphs, section_block
from impl.report.html import FOOT, allowed_html, page_head
from impl.report.language import Language, read_language
from impl.report.study import sections, whom

SHOWN_SITES = 20  # codes that an error names; they stand in the Release already


def local_name(release: Release, site: SiteStart, language: str) -> str:
    """File name of the edition; a code's odd characters become hyphens."""
    code = re.sub(r"[^A-Za-z0-9]+", "-", site.site).strip("-")[:60] or "site"
    return f"{release.study.id}.local-{code}.{language}.html"


def find_site(release: Release, code: str) -> SiteStart:
    """The site of that code in the roll-out. Raises StudyError, naming the codes that there are."""
    sites = {site.site: site for site in release.design.rollout}
    if code not in sites:
        raise StudyError(
            [
                Fault(
                    code="report.unknown_site",
                    where="--site",
                    got=shorten(code),
                    allowed=f"a site of the report: {', '.join(list(sites)[:SHOWN_SITES])}"
                    + (" …" if len(sites) > SHOWN_SITES else ""),
                    fix=nearest(code, tuple(sites)) or "Use the code that the roll-out table has.",
                )
            ]
        )
    return sites[code]


def local_page(release: Release, site: SiteStart, language: str) -> str:
    """The whole page. The same Release and site give the same bytes. Raises ImplError for an unknown language."""
    chosen = read_language(language)
    title = chosen.say("local.title", {"site": site.name})
    parts = [sections.banner(release, chosen)]
    blocks = [part.html for part in parts if part is not None]
    blocks += [_top(release, title, chosen), _own(release, site, chosen), _own_log(release, site, chosen)]
    blocks.append(f'<h2 class="whole">{escape(chosen.say("local.network"))}</h2>')
    if release.status == "ok":
        blocks += [sections.answer(release, chosen).html, sections.messages(release, chosen).html]
        blocks.append(_next(release, chosen))
    else:
        blocks.append(sections.failed(release, chosen).html)
    blocks.append(_whence(release, chosen))
    shown = "\n".join(block for block in blocks if block)
    body = allowed_html(f'<div class="impl-report local" lang="{chosen.code}">\n{shown}\n</div>')
    marks = {"smoke": release.run.profile == "smoke", "synthetic": release.study.synthetic}
    trial = " · ".join(chosen.say(f"banner.{name}") for name, there in marks.items() if there)
    holds = validity.holds_sentence(release, chosen)
    return f"{page_head(title, chosen, trial=trial, holds=holds)}\n{body}\n{FOOT}\n"


def _top(release: Release, title: str, language: Language) -> str:
    return (
        f'<header class="top"><p class="study">{escape(language.pick(release.study.title))}</p><h1>{escape(title)}</h1>'
        f'<p class="scope">{escape(language.pick(release.study.question))} '
        f"{escape(validity.holds_sentence(release, language))}</p></header>"
    )


def _own(release: Release, site: SiteStart, language: Language) -> str:
    """When the site started, and its own counts where the audience may see them."""
    say = language.say
    start = site.actual_start or site.allocated_start
    if start is None or site.state != "start":
        key = "local.never" if site.state == "never" else "local.before_data"
        lines = [say(key, {"bundle": wording.bundle(release, language)})]
    else:
        lines = [
            say("local.started", {"bundle": wording.bundle(release, language), "date": language.month(start)})
        ]
        planned = site.allocated_start
        if planned is not None and (planned.year, planned.month) != (start.year, start.month):
            lines.append(say("local.planned", {"date": language.month(planned)}))
    counts = [row for row in release.sections.sites if row.site == site.site]
    body = paragraphs([" ".join(lines)])
    if counts:
        body += _counts_table(release, counts, language) + paragraphs([say("local.counts_note")])
    else:
        body += paragraphs([say("local.no_counts")])
    return section_block("own", say("local.heading"), body).html


def _counts_table(release: Release, counts: list[SiteCounts], language: Language) -> str:
    """Events over what they are counted over, before and after, one row a measure."""
    say = language.say
    heads = [say("table.what"), say("table.before"), say("table.after")]
    rows = []
    for measure in release.study.measures:
        for row in counts:
            if row.measure == measure.id:
                cells = "".join(
                    f'<td><span class="cell-label" aria-hidden="true">{escape(label)}</span>'
                    f"<span>{escape(_count(count, measure, language))}</span></td>"
                    for label, count in zip(heads[1:], (row.before, row.after), strict=True)
                )
                name = f'{escape(language.pick(measure.name))}<span class="unit">{escape(language.pick(measure.unit))}</span>'
                rows.append(f'<tr><th scope="row">{name}</th>{cells}</tr>')
    window = say("local.counts_caption", {"window": wording.window(release, language)})
    return f'<table class="cards">{tables.caption(window)}{tables.header(heads)}<tbody>{"".join(rows)}</tbody></table>'


def _count(count: SiteCount | None, measure: ReleasedMeasure, language: Language) -> str:
    """«4,1 (12 av 2900)», hidden, or that there is none."""
    if count is None:
        return language.say("trend.no_number")
    if count.hidden or count.numerator is None or not count.denominator:
        return language.say("table.hidden")
    level = measure.per * count.numerator / count.denominator
    slots = {
        "level": language.number(level, wording.level_decimals(level)),
        "number": language.number(count.numerator),
        "other": language.number(count.denominator),
    }
    return language.say("local.count", slots)


def _own_log(release: Release, site: SiteStart, language: Language) -> str:
    """What the site itself logged; nothing where the study has no log."""
    section = release.sections.adaptations
    if section is None:
        return ""
    own = section.model_copy(update={"rows": tuple(row for row in section.rows if row.site == site.site)})
    alone = release.model_copy(update={"sections": release.sections.model_copy(update={"adaptations": own})})
    first = language.count("adapted.count", len(own.rows)) if own.rows else language.say("local.no_log")
    body = paragraphs([first]) + tables.adaptation_table(alone, language)
    return section_block("log", language.say("adapted.heading"), body).html


def _next(release: Release, language: Language) -> str:
    """What one site like these may expect, and what the network's number does not say of this one."""
    expected = whom.new_site(release, language, key="local.expect")
    counted = any(row.before or row.after for row in release.sections.sites)
    limits = [
        text
        for text in sentences.limits(release, language)
        if not (counted and text == language.say("limits.sites"))
    ]
    texts = listed([language.say("local.not_yours"), *([expected] if expected else []), *limits])
    heading = language.say("local.means")
    return (
        f'<section class="limits" aria-labelledby="means-heading"><h2 id="means-heading">{escape(heading)}</h2>'
        f"{texts}</section>"
    )


def _whence(release: Release, language: Language) -> str:
    page = f"{release.study.id}.{language.code}.html"
    slots = {"id": release.run.id, "date": language.day(release.run.started.date())}
    text = escape(language.say("summary.whence", slots))
    privacy = escape(language.say(f"provenance.audience_{release.disclosure.audience.replace('-', '_')}"))
    whole = escape(language.say("summary.whole"))
    return f'<p class="whence"><a href="{page}">{whole}</a> ({page}). {text} {privacy}</p>'
