"""One sheet for the meeting: the answer, the three messages, the main figure and what it does not show, on one A4."""

from __future__ import annotations

from html import escape

from impl.release.release import Release
from impl.report import figures, sentences, wording
from impl.report.block import listed
from impl.report.html import FOOT, allowed_html, page_head
from impl.report.language import Language, read_language
from impl.report.study import sections
from impl.report.validity import holds_sentence


def has_sheet(release: Release) -> bool:
    """Whether there is anything for a meeting: a Release on data alone answers no question of effect."""
    return release.sections.quality is None


def summary_page(release: Release, language: str, earlier: Release | None = None) -> str:
    """The whole page, which prints on exactly one sheet. The same Releases give the same bytes.

    earlier: the Release published before this one. Raises ImplError for a language that has no file.
    """
    chosen = read_language(language)
    parts = [sections.banner(release, chosen), sections.question(release, chosen)]
    if release.status == "ok":
        parts += [sections.answer(release, chosen), sections.messages(release, chosen)]
        parts.append(sections.since_last(release, earlier, chosen))
    else:
        parts.append(sections.failed(release, chosen))
    blocks = [block.html for block in parts if block is not None]
    if release.status == "ok":
        blocks += [_figure(release, chosen), _limits(release, chosen)]
    blocks.append(_whence(release, chosen))
    body = allowed_html(
        f'<div class="impl-report summary" lang="{chosen.code}">\n' + "\n".join(blocks) + "\n</div>"
    )
    title = f"{chosen.pick(release.study.question)} – {chosen.say('summary.title')}"
    marks = {"smoke": release.run.profile == "smoke", "synthetic": release.study.synthetic}
    trial = " · ".join(chosen.say(f"banner.{name}") for name, there in marks.items() if there)
    holds = holds_sentence(release, chosen)
    return f"{page_head(title, chosen, trial=trial, holds=holds)}\n{body}\n{FOOT}\n"


def _figure(release: Release, language: Language) -> str:
    """Figure 1 without its reading note; nothing where the curve is hidden."""
    measure = release.measure()
    curve = next((curve for curve in release.curves if curve.measure == measure.id), None)
    if curve is None or not curve.points:
        return ""
    return (
        '<figure class="figure"><figcaption>'
        f"<strong>{escape(sentences.figure_heading(release, measure, language))}</strong>"
        f'<span class="unit">{escape(wording.measure_and_unit(measure, language))}</span></figcaption>'
        f'<div class="drawing">{figures.observed_against_expected(release, curve, language, number=1)}</div></figure>'
    )


def _limits(release: Release, language: Language) -> str:
    """What the report does not show, the main limit being among the messages already."""
    heading = escape(language.say("limits.heading"))
    texts = listed(sentences.limits(release, language)[1:])
    return f'<section class="part" aria-labelledby="limits-heading"><h2 id="limits-heading">{heading}</h2>{texts}</section>'


def _whence(release: Release, language: Language) -> str:
    """Where the sheet comes from, and the way to the whole report."""
    page = f"{release.study.id}.{language.code}.html"
    slots = {"id": release.run.id, "date": language.day(release.run.started.date())}
    text = escape(language.say("summary.whence", slots))
    return (
        f'<p class="whence"><a href="{page}">{escape(language.say("summary.whole"))}</a> ({page}). {text}</p>'
    )
