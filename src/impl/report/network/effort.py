"""Part 3 of the status report: proposals for further effort, gaps, and benefit, resources and severity side by side."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from impl.network.proposals import PROPOSALS, PooledProposal, Proposal
from impl.network.status import Benefit, NetworkStatus, Tally
from impl.report import tables, wording
from impl.report.block import Block, listed, paragraphs, section_block
from impl.report.language import Language
from impl.report.network import forms
from impl.report.study.costs import money


def part_effort(status: NetworkStatus, language: Language) -> Block:
    """Proposals by rule: what to end, mend, keep up, keep, learn more of, ask for, and where nothing is known."""
    body = forms.cause(status, language) + paragraphs([language.say("network.effort_rule")])
    for kind in PROPOSALS:
        chosen = [proposal for proposal in status.proposals if proposal.kind == kind]
        heading = language.say(f"network.effort.{kind}.heading")
        body += f"<h3>{escape(heading)}</h3>"
        if chosen:
            body += paragraphs([language.say(f"network.effort.{kind}.text")])
            body += f"<ul>{''.join(_proposal(each, status, language) for each in chosen)}</ul>"
        else:
            body += paragraphs([language.say("network.effort_none")])
        if kind == "phase_out_negligible":
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
    weak = forms.weak_words(line, language)
    if weak:
        parts.append(escape(weak))
    if each.run is not None:
        parts.append(forms.run(line, language))
    return f"<li>{' · '.join(parts)}</li>"


def _pooled(status: NetworkStatus, language: Language) -> str:
    """Bundles as a whole by one measure, and what their own studies say together, with every run."""
    heading = f"<h3>{escape(language.say('network.pooled.heading'))}</h3>"
    if not status.pooled:
        return heading + paragraphs([language.say("network.pooled.none")])
    names = forms.bundle_names(status, language)
    return f"{heading}<ul>{''.join(_bundle(each, names, status, language) for each in status.pooled)}</ul>"


def _bundle(each: PooledProposal, names: Mapping[str, str], status: NetworkStatus, language: Language) -> str:
    lines = [status.line(study) for study in each.studies]
    measures = {
        measure.id: language.pick(measure.name)
        for line in lines
        if line.standing.release is not None
        for measure in line.standing.release.study.measures
    }
    slots = {
        "bundle": names.get(each.bundle, each.bundle),
        "measure": measures.get(each.measure, each.measure),
        "count": language.number(len(each.studies)),
        "probability": wording.probability_words(each.probability, language),
    }
    parts = [escape(language.say(f"network.pooled.{each.kind}", slots))]
    if all(line.weak for line in lines):
        key = "weak_null" if each.kind == "phase_out_negligible" else "weak"
        parts.append(escape(language.say(f"network.state.{key}")))
    parts += [forms.run(line, language) for line in lines]
    return f"<li>{' · '.join(parts)}</li>"


def _gaps(status: NetworkStatus, language: Language) -> list[str]:
    goals = [(tally, forms.framework_name("goal", tally.id, language)) for tally in status.goals]
    areas = [(tally, forms.framework_name("focus_area", tally.id, language)) for tally in status.areas]
    names = forms.shipped_bundle_names([tally.id for tally in status.bundles], language)
    texts = [_gap(tally, name, "area", language) for tally, name in (*goals, *areas) if tally.gap]
    texts += [_gap(tally, names[tally.id], "bundle", language) for tally in status.bundles if tally.gap]
    return texts or [language.say("network.no_gap")]


def _gap(tally: Tally, name: str, group: str, language: Language) -> str:
    """Nothing registered, nothing reported yet, or nothing that judges."""
    if tally.reported:
        key = "network.gap_described"
    else:
        key = f"network.gap_{group}" if not tally.studies else f"network.gap_{group}_coming"
    return language.say(key, {"name": name})


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
    key = "averted" if low > 0 else "averted_none" if high <= 0 else "averted_unsure"
    slots = {"events": wording.noun(each.measure, 2, language), "amount": _events(middle, each, language)}
    benefit = [
        escape(language.say(f"network.{key}", slots)),
        escape(language.say("network.averted_between", _between(low, high, each, language))),
    ]
    resources = [language.say("network.no_price")] if each.total is None else _resources(each, language)
    return [
        forms.lines(benefit),
        forms.lines([escape(text) for text in resources]),
        escape(language.say(f"network.severity.{each.severity}")),
        forms.run(status.line(each.study), language),
    ]


def _resources(each: Benefit, language: Language) -> list[str]:
    """What it cost, and what each event averted (or added, where more is good) cost, as far as the numbers go."""
    assert each.total is not None
    named = f"costs.currency_{each.currency}"
    unit = language.say(named) if language.has(named) else each.currency or ""
    total = language.say("network.cost_total", {"amount": money(each.total, language), "unit": unit})
    if each.each is None:
        return [total, language.say("network.cost_none")]
    first, likely, last = each.each
    way = "fewer" if each.measure.direction == "lower" else "more"
    slots = {"low": money(first, language), "unit": unit, "events": wording.noun(each.measure, 1, language)}
    if last is None:
        return [total, language.say(f"network.cost_from_{way}", slots)]
    more = {"amount": money(likely, language), "high": money(last, language)}
    return [total, language.say(f"network.cost_each_{way}", slots | more)]


def _between(low: float, high: float, each: Benefit, language: Language) -> dict[str, str]:
    """Ends of the interval: the smaller first and one direction for both, or fewer before more where they differ."""
    first, last = sorted((low, high), key=abs)
    if wording.crosses(low, high):
        ends = (high, low) if each.measure.direction == "lower" else (low, high)
        return {"low": _events(ends[0], each, language), "high": _events(ends[1], each, language)}
    return {"low": language.number(_rounded(first)), "high": _events(last, each, language)}


def _events(gained: float, each: Benefit, language: Language) -> str:
    """«84 færre»: events as they can be known, two or three digits, with their direction in words."""
    fewer = (gained >= 0) == (each.measure.direction == "lower")
    return language.say(
        f"natural.{'fewer' if fewer else 'more'}", {"amount": language.number(_rounded(gained))}
    )


def _rounded(gained: float) -> float:
    step = 10 if abs(gained) >= 200 else 1
    return step * wording.round_half_up(abs(gained) / step)
