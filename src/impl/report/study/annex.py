"""The technical annex, closed on the screen and printed: checks, choices of the model, estimates on the model's scale."""

from __future__ import annotations

from html import escape

from impl.release.release import Estimate, Release
from impl.report import tables
from impl.report.language import Language
from impl.report.study import peers

CHOICES = ("likelihood", "effect", "clustering", "calendar", "trend", "season", "priors")


def annex(release: Release, language: Language) -> str:
    """`<details>` with everything that peers ask for first."""
    say = language.say
    parts = [
        f"<h3>{escape(say('checks.heading'))}</h3>",
        checks(release, language),
        f"<h3>{escape(say('annex.models'))}</h3>",
        models_table(release, language),
    ]
    estimates = estimates_table(release, language)
    if estimates:
        parts += [f"<h3>{escape(say('annex.estimates'))}</h3>", estimates]
    parts.append(peers.block(release, language))
    return (
        f'<details class="annex"><summary>{escape(say("annex.summary"))}</summary>{"".join(parts)}</details>'
    )


def checks(release: Release, language: Language) -> str:
    """What the checks of the calculation said, and the table of them."""
    passed = all(row.passed for row in release.checks.rows)
    texts = [language.say("checks.passed" if passed else "checks.not_passed")]
    if release.checks.retried:
        texts.append(language.say("checks.retried"))
    slots = {"chains": language.number(release.checks.chains), "draws": language.number(release.checks.draws)}
    texts.append(language.say("checks.draws", slots))
    return f"<p>{escape(' '.join(texts))}</p>{tables.checks_table(release, language)}"


def models_table(release: Release, language: Language) -> str:
    """One row a choice, one column a measure: the code as a study file has it."""
    say = language.say
    names = {measure.id: language.pick(measure.name) for measure in release.study.measures}
    models = [model for model in release.design.models if model.measure in names]
    heads = [say("annex.choice"), *(names[model.measure] for model in models)]
    rows = [
        (say(f"annex.{choice}"), [tables.plain(str(getattr(model, choice))) for model in models])
        for choice in CHOICES
    ]
    rows.append((say("annex.cells"), [language.number(model.cells) for model in models]))
    rows.append((say("annex.gaps"), [language.number(model.gaps) for model in models]))
    return _cards(say("annex.models_caption"), heads, rows)


def estimates_table(release: Release, language: Language) -> str:
    """The primary measure's estimates on the scale of the link: mean, SD, median, 90 % interval."""
    say = language.say
    found = [
        row
        for row in release.estimates
        if row.measure == release.measure().id and row.scale == "link" and row.level == 0.9
    ]
    if not found:
        return ""
    heads = [say(f"annex.{key}") for key in ("estimand", "mean", "sd", "median", "interval")]
    rows = []
    for row in found:
        numbers = [language.number(value, 3) for value in (row.mean, row.sd, row.median)]
        ends = {"low": language.number(row.lower, 3), "high": language.number(row.upper, 3)}
        rows.append((_name(row), [*numbers, say("trend.range", ends)]))
    note = f'<p class="table-note">{escape(say("annex.scale"))}</p>'
    return _cards(say("annex.estimates_caption"), heads, rows) + note


def _name(row: Estimate) -> str:
    """The estimand as release.json has it: `pte 3`, `group consistent:yes`."""
    window = (
        ""
        if row.from_ is None
        else f" {row.from_}"
        if row.from_ == row.to
        else f" {row.from_}–{row.to or ''}"
    )
    return f"{row.estimand}{window}" + (f" {row.group}" if row.group else "")


def _cards(caption: str, heads: list[str], rows: list[tuple[str, list[str]]]) -> str:
    return tables.cards(
        "", caption, heads, [(escape(name), [escape(text) for text in texts]) for name, texts in rows]
    )
