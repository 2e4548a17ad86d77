"""Part 3 of the status report: proposals for further effort, gaps, and benefit, resources and severity side by side."""

from __future__ import annotations

from html import escape

from impl.network.status import PROPOSALS, Benefit, NetworkStatus, Proposal
from impl.report import tables, wording
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.language import Language
from impl.report.network import forms
from impl.report.study.costs import money


def part_effort(status: NetworkStatus, language: Language) -> Block:
    """Proposals by rule: what to end, mend, keep up, keep, learn more of, ask for, and where nothing is known."""
    body = paragraphs([language.say("network.effort_rule")])
    for kind in PROPOSALS:
        chosen = [proposal for proposal in status.proposals if proposal.kind == kind]
        heading = language.say(f"network.effort.{kind}.heading")
        body += f"<h3>{escape(heading)}</h3>"
        if not chosen:
            body += paragraphs([language.say("network.effort_none")])
            continue
        body += paragraphs([language.say(f"network.effort.{kind}.text")])
        body += f"<ul>{''.join(_proposal(each, status, language) for each in chosen)}</ul>"
    body += _pooled(status, language)
    body += f"<h3>{escape(language.say('network.gaps'))}</h3>" + listed(_gaps(status, language))
    body += f"<h3>{escape(language.say('network.worth'))}</h3>" + _benefits(status, language)
    return section_block("effort", language.say("network.part.effort"), body)


def _proposal(each: Proposal, status: NetworkStatus, language: Language) -> str:
    line = status.line(each.study)
    parts = [forms.way(line, language)]
    if each.probability is not None:
        words = {"probability": wording.probability_words(each.probability, language)}
        parts.append(escape(language.say(f"network.effort.{each.kind}.sure", words)))
    elif each.kind == "report_missing":
        parts.append(escape(forms.state_words(line, language)))
        plan = line.standing.plan
        if line.state == "overdue" and plan is not None:
            parts.append(
                escape(language.say("network.due", {"date": forms.day(plan.planned.report_due, language)}))
            )
    if each.run is not None:
        parts.append(forms.run(line, language))
    return f"<li>{' · '.join(parts)}</li>"


def _pooled(status: NetworkStatus, language: Language) -> str:
    """Bundles as a whole, and what their own places say together."""
    names = forms.bundle_names(status, language)
    texts = [
        language.say(
            f"network.pooled.{each.kind}",
            {
                "bundle": names.get(each.bundle, each.bundle),
                "count": language.number(len(each.studies)),
                "probability": wording.probability_words(each.probability, language),
            },
        )
        for each in status.pooled
    ]
    heading = f"<h3>{escape(language.say('network.pooled.heading'))}</h3>"
    return heading + (listed(texts) if texts else paragraphs([language.say("network.pooled.none")]))


def _gaps(status: NetworkStatus, language: Language) -> list[str]:
    texts = [
        language.say(
            "network.gap_area" if not tally.studies else "network.gap_area_coming",
            {"name": forms.framework_name("focus_area", tally.id, language)},
        )
        for tally in status.areas
        if tally.gap
    ]
    names = forms.shipped_bundle_names([tally.id for tally in status.bundles], language)
    texts += [
        language.say(
            "network.gap_bundle" if not tally.studies else "network.gap_bundle_coming",
            {"name": names[tally.id]},
        )
        for tally in status.bundles
        if tally.gap
    ]
    return texts or [language.say("network.no_gap")]


def _benefits(status: NetworkStatus, language: Language) -> str:
    if not status.benefits:
        return paragraphs([language.say("network.no_worth")])
    heads = [
        language.say(f"network.head.{key}") for key in ("study", "benefit", "resources", "severity", "run")
    ]
    rows = [
        (forms.way(status.line(each.study), language), _benefit(each, status, language))
        for each in status.benefits
    ]
    table = tables.cards("network worth", language.say("network.caption.worth"), heads, rows)
    return paragraphs([language.say("network.worth_intro")]) + table


def _benefit(each: Benefit, status: NetworkStatus, language: Language) -> list[str]:
    low, middle, high = each.averted
    slots = {"events": wording.noun(each.measure, 2, language), "amount": _events(middle, each, language)}
    ends = {"low": _events(low, each, language), "high": _events(high, each, language)}
    benefit = [
        escape(language.say("network.averted", slots)),
        escape(language.say("network.averted_between", ends)),
    ]
    resources = [escape(language.say("network.no_price"))]
    if each.total is not None:
        unit = (
            language.say(f"costs.currency_{each.currency}")
            if language.has(f"costs.currency_{each.currency}")
            else each.currency or ""
        )
        resources = [
            escape(language.say("network.cost_total", {"amount": money(each.total, language), "unit": unit}))
        ]
        if each.each is None:
            resources.append(escape(language.say("network.cost_none")))
        else:
            first, likely, last = each.each
            cost = {
                "amount": money(likely, language),
                "low": money(first, language),
                "unit": unit,
                "events": wording.noun(each.measure, 1, language),
            }
            if last is None:
                resources.append(escape(language.say("network.cost_from", cost)))
            else:
                resources.append(
                    escape(language.say("network.cost_each", cost | {"high": money(last, language)}))
                )
    severity = escape(language.say(f"network.severity.{each.severity}"))
    return [
        forms.lines(benefit),
        forms.lines(resources),
        severity,
        forms.run(status.line(each.study), language),
    ]


def _events(gained: float, each: Benefit, language: Language) -> str:
    """«84 færre»: events as they can be known, two or three digits, with their direction in words."""
    step = 10 if abs(gained) >= 200 else 1
    number = step * wording.round_half_up(abs(gained) / step)
    fewer = (gained >= 0) == (each.measure.direction == "lower")
    return language.say(f"natural.{'fewer' if fewer else 'more'}", {"amount": language.number(number)})
