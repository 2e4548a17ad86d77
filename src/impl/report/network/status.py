"""The annual status report in blocks: exactly the three parts that the white paper asks for, then the list of all studies.

Meld. St. 9 (2023-2024): «nasjonale nøkkeltall og kvalitetsindikatorer, korte omtaler av eksempler på dokumentert virkning
på praksis, samt forslag til videre innsats». Parts that have nothing to tell say so; none is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from impl.network.lines import EVALUATED, StudyLine
from impl.network.proposals import ProposalKind
from impl.network.status import NetworkStatus, state_counts
from impl.report import sentences, wording
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.language import Language, sentence
from impl.report.network import forms
from impl.report.network.effort import part_effort
from impl.report.network.figures import part_figures

Pages = Mapping[str, Mapping[str, str]]
"""Addresses of the reports by study and language, relative to the page."""
SUMMED: tuple[ProposalKind, ...] = (
    "phase_out_harm", "phase_out_negligible", "measure_delivery", "deliver_first", "faded",
)  # fmt: skip
"""Proposals that stand in the summary: something must be done."""
PARTS = ("figures", "examples", "effort")
"""The three parts, in the order of the white paper."""


def status_blocks(
    status: NetworkStatus, language: Language, pages: Pages, refused: Sequence[str] = ()
) -> tuple[Block, ...]:
    """Every block of the page, in order. refused: names of files that were not believed."""
    first = [
        each for each in (banner(status, language), top(status, language), summary(status, language)) if each
    ]
    rest = (
        part_figures(status, language),
        part_examples(status, language, pages),
        part_effort(status, language),
        everything(status, language, pages),
        how(status, refused, language),
    )
    year = {"date": str(status.today.year)}
    other = (language.say("learning.title", year), f"learning.{language.code}.html")
    return (*first, contents(rest, language, other), *rest)


def banner(status: NetworkStatus, language: Language) -> Block | None:
    """First on a page that holds any invented number."""
    if not status.synthetic:
        return None
    text, more = language.say("banner.synthetic"), language.say("network.synthetic")
    html = f'<p class="banner"><strong>{escape(text)}.</strong> {escape(more)}</p>'
    return Block(name="banner", label=text, html=html)


def top(status: NetworkStatus, language: Language) -> Block:
    name = language.say("network.title", {"date": str(status.today.year)})
    made = language.say("network.made", {"date": language.day(status.today)})
    return Block(
        name="top",
        label=name,
        html=f'<header class="top"><p class="study">{escape(language.say("network.kind"))}</p><h1>{escape(name)}</h1>'
        f'<p class="scope"><b>{escape(made)}</b> {escape(language.say("network.whence"))}</p></header>',
    )


def summary(status: NetworkStatus, language: Language) -> Block:
    """What came of all studies, in one sentence that leaves none out, and what part 3 asks the reader to consider."""
    label = language.say("network.short")
    counted = state_counts(status)
    reported = sum(counted[state] for state in EVALUATED)
    total = language.count("network.studies", len(status.lines))
    reports = language.count("network.reports", reported)
    found = [
        language.say(f"network.found.{state}", {"count": language.number(count)})
        for state, count in counted.items()
        if count and state in EVALUATED
    ]
    others = [
        language.say(f"network.found.{state}", {"count": language.number(count)})
        for state, count in counted.items()
        if count and state not in EVALUATED
    ]
    text = language.say("network.answer", {"text": total, "other": reports})
    more = [language.say("network.answer_found", {"text": language.listing(found)})] if found else []
    weak = sum(forms.weak_words(line, language) is not None for line in status.lines)
    if weak:
        more.append(language.count("network.answer_weak", weak))
    if others:
        more.append(language.say("network.answer_rest", {"text": language.listing(others)}))
    effort = _effort(status, language)
    if effort:
        more.append(language.say("network.answer_effort", {"text": language.listing(effort)}))
    html = (
        f'<section class="answer" aria-labelledby="short-heading"><h2 id="short-heading">{escape(label)}</h2>'
        f'<p class="big">{escape(text)}</p><div class="odds">{paragraphs(more)}</div></section>'
    )
    return Block(name="short", label=label, html=html)


def _effort(status: NetworkStatus, language: Language) -> list[str]:
    """How much of part 3 asks for something to be done, by kind."""
    made = [each.kind for each in status.proposals]
    counted: list[tuple[str, int]] = [(kind, made.count(kind)) for kind in SUMMED]
    tallies = (*status.goals, *status.areas, *status.bundles)
    counted.append(("gaps", sum(tally.gap for tally in tallies)))
    return [
        language.say(f"network.proposed.{key}", {"count": language.number(count)})
        for key, count in counted
        if count
    ]


def contents(blocks: Sequence[Block], language: Language, other: tuple[str, str]) -> Block:
    """The way to every part, and to the other page (name, address)."""
    items = "".join(f'<li><a href="#{block.name}-heading">{escape(block.label)}</a></li>' for block in blocks)
    items += f'<li><a href="{escape(other[1])}">{escape(other[0])}</a></li>'
    label = language.say("find.heading")
    return Block(
        name="find",
        label=label,
        html=f'<nav class="find" aria-labelledby="find-heading"><h2 id="find-heading">{escape(label)}</h2><ul>{items}</ul></nav>',
    )


# --- part 2


def part_examples(status: NetworkStatus, language: Language, pages: Pages) -> Block:
    """Short accounts, one or two a focus area, chosen by a rule that does not look at what they found."""
    body = forms.cause(status, language)
    body += paragraphs([language.say("network.examples_rule", {"date": str(status.today.year)})])
    for tally in status.areas:
        chosen = [example for example in status.examples if example.area == tally.id]
        body += f"<h3>{escape(forms.framework_name('focus_area', tally.id, language))}</h3>"
        if not chosen:
            body += paragraphs([language.say("network.no_example")])
            continue
        items = "".join(_account(status.line(each.study), each.rule, language, pages) for each in chosen)
        body += f'<ul class="accounts">{items}</ul>'
    return section_block("examples", language.say("network.part.examples"), body)


def _account(line: StudyLine, rule: str, language: Language, pages: Pages) -> str:
    release = line.release
    assert release is not None  # examples are chosen among reports
    measure = release.measure()
    named = {"measure": wording.measure_and_unit(measure, language)}
    text = [language.say("network.example_measure", named), sentences.answer(release, language)]
    between = wording.interval_words(release, measure, language)
    text += [between] if between else []
    fidelity = release.sections.fidelity
    if fidelity is not None and fidelity.median is not None:
        share = language.percent(wording.round_half_up(100 * fidelity.median))
        text.append(language.say("network.delivered", {"percent": share}))
    else:
        text.append(language.say("network.delivered_unknown"))
    if line.p_half is not None and line.state in forms.GAINS:
        words = {"probability": wording.probability_words(line.p_half, language)}
        text.append(language.say("network.kept_half", words))
    chosen = language.say(f"network.rule.{rule}")
    period = language.say("network.data_to", {"date": language.day(release.study.data_to)})
    report = _report(line, language, pages)
    meta = " · ".join(
        [escape(chosen), escape(sentence(period)), forms.run(line, language), *([report] if report else [])]
    )
    return (
        f'<li><p class="short">{forms.way(line, language)}</p><p>{escape(" ".join(text))}</p>'
        f'<p class="meta">{meta}</p></li>'
    )


def _report(line: StudyLine, language: Language, pages: Pages) -> str:
    """A way to the study's own report, in the reader's language where there is one."""
    found = pages.get(line.id, {})
    address = found.get(language.code) or next((found[code] for code in sorted(found)), None)
    if address is None:
        return ""
    name = f'<span class="unseen">: {escape(forms.title(line, language))}</span>'
    return f'<a href="{escape(address)}">{escape(language.say("network.read"))}{name}</a>'


# --- all studies, and how the page was made


def everything(status: NetworkStatus, language: Language, pages: Pages) -> Block:
    """Every study that is registered, and every report of one that is not, by id."""
    body = paragraphs([language.say("network.all_intro")])
    items = "".join(_entry(line, language, pages) for line in sorted(status.lines, key=lambda line: line.id))
    body += f'<ul class="studies register">{items}</ul>'
    return section_block(
        "all", language.say("network.all", {"count": language.number(len(status.lines))}), body
    )


def _entry(line: StudyLine, language: Language, pages: Pages) -> str:
    standing, release = line.standing, line.standing.release
    texts = [line.id]
    if standing.registered_at is not None:
        when = language.say(
            f"network.registered.{standing.timing}", {"date": language.day(standing.registered_at.date())}
        )
        texts.append(when)
    else:
        texts.append(language.say(f"network.registration.{standing.registration}"))
    wave = release.study.wave if release is not None else None
    if wave:
        texts.append(language.say("network.wave", {"name": wave}))
    if release is not None:
        texts.append(language.say("network.data_to", {"date": language.day(release.study.data_to)}))
        texts.append(language.say("network.run", {"id": release.run.id}))
        if release.plan.registered and release.plan.deviations:
            texts.append(language.count("network.deviations", len(release.plan.deviations)))
        if release.run.profile == "smoke":
            texts.append(language.say("banner.smoke"))
    elif standing.plan is not None and line.state != "withdrawn":
        texts.append(
            language.say(
                "network.due" if line.state == "overdue" else "network.coming_due",
                {"date": forms.day(standing.plan.planned.report_due, language)},
            )
        )
    if standing.overdue and line.state not in ("overdue", "withdrawn"):
        texts.append(language.say("network.late"))
    if standing.reason:
        texts.append(language.say("network.reason", {"text": standing.reason}))
    report = _report(line, language, pages)
    meta = " · ".join(escape(text) for text in texts) + (f" · {report}" if report else "")
    return (
        f'<li id="study-{escape(line.id)}"><p class="short">{escape(forms.title(line, language))}</p>'
        f'<p class="status">{escape(sentence(forms.state_words(line, language)))}</p><p class="meta">{meta}</p></li>'
    )


def _cautions(status: NetworkStatus, language: Language) -> list[str]:
    """What readers must know of the pooled numbers that the page shows, with the measures it is about."""
    about: dict[str, dict[str, None]] = {}
    for figure in status.figures:
        if figure.synthesis is not None and figure.synthesis.studies > 1:
            for code, _ in figure.synthesis.cautions:
                if code == "missing_studies" and not forms.unanswered(figure.synthesis, status):
                    continue
                about.setdefault(code, {})[language.pick(figure.measure.name)] = None
    return [
        language.say(
            "network.caution",
            {"text": language.say(f"network.cautions.{code}"), "measure": ", ".join(names)},
        )
        for code, names in sorted(about.items())
        if language.has(f"network.cautions.{code}")
    ]


def how(status: NetworkStatus, refused: Sequence[str], language: Language) -> Block:
    """The rules, in words; whoever reads can try them."""
    keys = ("goals", "states", "pooling", "proposals", "phase_out", "pooled", "delivery", "faded", "examples")
    body = listed([language.say(f"network.how.{key}") for key in (*keys, "severity", "gaps")])
    cautions = _cautions(status, language)
    if cautions:
        body += f"<h3>{escape(language.say('network.cautions_heading'))}</h3>" + listed(cautions)
    if refused:
        body += f"<h3>{escape(language.count('network.refused', len(refused)))}</h3>" + listed(refused)
    return section_block("how", language.say("network.how.heading"), body)
