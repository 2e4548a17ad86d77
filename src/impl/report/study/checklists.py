"""StaRI, TIDieR, CONSORT for stepped wedges and BARG, filled from the run: where on the page an item is answered.

What the page does not hold is «not reported», and stays visible: a checklist that hides its gaps is worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from impl.release.release import Release
from impl.report.language import Language
from impl.report.tables import header
from impl.study.value import LanguageCode
from impl.study.vocabulary import Item, read_vocabulary

Holds = Callable[[Release], bool]
LISTS = ("stari", "tidier", "consort_sw", "barg")


def _always(_: Release) -> bool:
    return True


def _audited(release: Release) -> bool:
    return release.sections.fidelity is not None


def _logged(release: Release) -> bool:
    return release.sections.adaptations is not None


def _priced(release: Release) -> bool:
    return release.sections.costs is not None


def _lasting(release: Release) -> bool:
    return release.sections.sustainment is not None


def _worked(release: Release) -> bool:
    return bool(release.sections.timeline)


def _estimated(release: Release) -> bool:
    return bool(release.estimates)


def _compared(release: Release) -> bool:
    return any(row.before is not None for row in release.comparisons)


def _components(release: Release) -> bool:
    return any(bundle.components for bundle in release.study.bundles)


def _paired(release: Release) -> bool:
    return len(release.study.measures) > 1


def _judged(release: Release) -> bool:
    return release.verdict is not None


def _predictive(release: Release) -> bool:
    annex = release.sections.annex
    return annex is not None and bool(annex.checks)


def _sensitive(release: Release) -> bool:
    annex = release.sections.annex
    return annex is not None and bool(annex.sensitivity or annex.refits)


def _contrasted(release: Release) -> bool:
    section = release.sections.adaptations
    return section is not None and (section.contrast is not None or bool(section.moderators))


# Item -> key of the heading under which it is answered, and when it is. Items that are not here are never filled.
ANSWERED: dict[str, tuple[str, Holds]] = {
    "stari_5": ("answer.label", _always),
    "stari_6": ("method.heading", _always),
    "stari_8": ("whom.heading", _estimated),
    "stari_9": ("annex.heading", _components),
    "stari_11": ("method.heading", _always),
    "stari_12": ("timeline.heading", _worked),
    "stari_13": ("costs.heading", _priced),
    "stari_15": ("annex.heading", _always),
    "stari_16": ("adapted.heading", _contrasted),
    "stari_18": ("trend.heading", _estimated),
    "stari_19": ("timeline.heading", _worked),
    "stari_20": ("costs.heading", _priced),
    "stari_21": ("whom.heading", _estimated),
    "stari_22": ("delivery.heading", lambda release: _audited(release) or _logged(release)),
    "stari_24": ("trend.heading", _paired),
    "stari_25": ("limits.heading", _estimated),
    "stari_26": ("lasts.heading", _lasting),
    "tidier_1": ("provenance.heading", _always),
    "tidier_4": ("annex.heading", _components),
    "tidier_9": ("adapted.heading", _logged),
    "tidier_10": ("adapted.heading", _logged),
    "tidier_12": ("delivery.heading", _audited),
    "consort_sw_3a": ("trend.heading", _estimated),
    "consort_sw_12a": ("method.heading", _always),
    "consort_sw_14a": ("trend.heading", _estimated),
    "consort_sw_15": ("trend.heading", _compared),
    "consort_sw_16": ("annex.heading", _always),
    "consort_sw_17a": ("trend.heading", _estimated),
    "barg_pa": ("method.heading", _always),
    "barg_pb": ("answer.label", _always),
    "barg_1a": ("method.heading", _always),
    "barg_1b": ("annex.heading", _always),
    "barg_1c": ("annex.heading", _always),
    "barg_1d": ("annex.heading", _always),
    "barg_2a": ("provenance.heading", _always),
    "barg_2b": ("annex.heading", _always),
    "barg_2c": ("annex.heading", _always),
    "barg_3a": ("annex.heading", _predictive),
    "barg_3b": ("trend.heading", _estimated),
    "barg_4": ("answer.label", _judged),
    "barg_5": ("annex.heading", _sensitive),
    "barg_6": ("provenance.heading", _always),
}
NOT_APPLICABLE = {"barg_2d", "barg_3c"}
"""Nothing but MCMC is used, and no Bayes factor decides."""


def block(release: Release, language: Language) -> str:
    """One table a checklist; that of stepped wedges only for one."""
    found = read_vocabulary("reporting_items")
    shown = [name for name in LISTS if name != "consort_sw" or release.design.kind == "stepped_wedge"]
    return "".join(_table(name, found.group(name), release, language) for name in shown)


def filled(name: str, release: Release) -> tuple[int, int]:
    """How many items of a checklist are answered, and of how many that apply."""
    items = [
        term.id for term in read_vocabulary("reporting_items").group(name) if term.id not in NOT_APPLICABLE
    ]
    return sum(_is_answered(item, release) for item in items), len(items)


def _is_answered(item: str, release: Release) -> bool:
    return item in ANSWERED and ANSWERED[item][1](release)


def _table(name: str, items: tuple[Item, ...], release: Release, language: Language) -> str:
    vocabulary = read_vocabulary("reporting_items")
    code: LanguageCode = "en" if language.code == "en" else "nn" if language.code == "nn" else "nb"
    rows = []
    for item in items:
        number = item.id.removeprefix(f"{name}_")
        label = vocabulary.label(item, code) or item.name
        rows.append(
            f'<tr><th scope="row">{escape(number)} {escape(label)}</th>'
            f"<td>{escape(_where(item.id, release, language))}</td></tr>"
        )
    group = next(term for term in vocabulary.groups if term.id == name)
    done, of = filled(name, release)
    slots = {
        "name": vocabulary.label(group, code) or group.name,
        "count": language.number(done),
        "number": language.number(of),
    }
    text = language.say("peers.checklist", slots)
    names = [language.say("peers.item"), language.say("peers.where")]
    return (
        f"<details><summary>{escape(text)}</summary>"
        f'<table class="checklist"><caption>{escape(text)}</caption>{header(names)}<tbody>{"".join(rows)}</tbody></table></details>'
    )


def _where(item: str, release: Release, language: Language) -> str:
    if item in NOT_APPLICABLE:
        return language.say("peers.not_applicable")
    if not _is_answered(item, release):
        return language.say("peers.not_reported")
    return language.say("peers.under", {"text": language.say(ANSWERED[item][0])})
