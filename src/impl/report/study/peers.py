"""The statistical annex for peers: model in symbols, priors with reasons, checks, and what other choices would have said.

Everything is generated from the run; what was not computed says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

from impl.release.annex import AnnexSection, RefitRow
from impl.release.release import ModelSummary, Release
from impl.report import row_figure, wording
from impl.report.language import Language
from impl.report.study import checklists
from impl.report.tables import header

LAWS = {
    "poisson": "y ~ Poisson(N · exp(η))",
    "negbin": "y ~ NegBin(μ = N · exp(η), Var = μ + φ²μ²)",
    "binomial": "y ~ Bin(N, p),  logit(p) = η",
    "betabinomial": "y ~ BetaBin(N, p, ρ),  logit(p) = η",
    "normal": "ȳ ~ N(η, σ² / N)",
    "student": "ȳ ~ t(ν, η, σ² / N)",
    "ordered": "logit P(y ≥ k) = η − c(k)",
}
"""As docs/model.md §1: N is the denominator of a site in a period."""
SENSITIVE = 0.05  # distance above which the prior is part of the answer (Kallioinen et al. 2024)
SAME_ANSWER = 0.5  # posterior SDs that a refit may move without a word (the gate of another prior)


def block(release: Release, language: Language) -> str:
    """The peers' part of the annex; empty where the fit is not released."""
    section = release.sections.annex
    if section is None:
        return ""
    model = release.primary_model()
    parts = [
        _part("model", _model(release, model, language), language),
        _part("priors", _priors(section, model, language), language),
        _part("checks", _checks(section, language), language),
        _part("refits", _refits(release, section, language), language),
        _part("left_out", _left_out(section, language), language),
        _part("sensitivity", _sensitivity(section, language), language),
        _part("lists", f"<p>{escape(language.say('peers.lists_intro'))}</p>", language)
        + checklists.block(release, language),
    ]
    return "".join(parts)


def _part(name: str, body: str, language: Language) -> str:
    return f"<h3>{escape(language.say(f'peers.{name}_heading'))}</h3>{body}"


def _paragraphs(texts: Sequence[str]) -> str:
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


# --- model and priors


def predictor(model: ModelSummary) -> str:
    """η in symbols: the terms that this model has, in the order of docs/model.md §2."""
    terms = ["α"]
    if model.wave_effects:
        terms.append("ω[w]")
    if model.clustering != "none":
        terms.append("u[i]")
    if model.calendar in ("categorical", "smooth", "shocks"):
        terms.append("γ[t]")
    if model.trend == "linear":
        terms.append("β·t")
    if model.season != "none":
        terms.append("s[t]")
    terms += [f"x{_subscript(index)}·b" for index in range(1, len(model.covariates) + 1)]
    if model.clustering in ("nested", "decay", "cohort"):
        terms.append("v[i,t]")
    effect = "θ[e]" + (" + d[i]" if model.site_effects else "")
    terms.append(f"x[i,t] · ({effect})")
    terms += [f"z{_subscript(index)}[i,t] · θ′" for index in range(1, len(model.other_bundles) + 1)]
    return "η[i,t] = " + " + ".join(terms)


def _subscript(number: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))


def _model(release: Release, model: ModelSummary, language: Language) -> str:
    say = language.say
    formulas = "".join(
        f'<p class="formula">{escape(text)}</p>' for text in (LAWS[model.likelihood], predictor(model))
    )
    slots = {
        "count": language.number(model.cells),
        "number": language.number(model.gaps),
        "sites": language.count("nouns.sites", wording.sites(release)),
        "periods": language.number(release.design.periods),
    }
    words = [
        say("peers.symbols"),
        f"{say(f'method.likelihood.{model.likelihood}')} {say(f'method.effect.{model.effect}')}",
        say("peers.cells", slots),
    ]
    if model.events is not None:
        words.append(say("peers.events", {"count": language.number(model.events)}))
    for bundle in release.study.bundles:
        if bundle.components:
            parts = {
                "name": language.pick(bundle.name),
                "text": language.listing([language.pick(part) for part in bundle.components]),
            }
            words.append(say("peers.components", parts))
    return formulas + _paragraphs(words)


def prior_rows(section: AnnexSection, model: ModelSummary) -> list[tuple[str, str]]:
    """Term and law of every prior that this model uses; the words for each are in the language files."""
    scale = section.priors
    wide = model.clustering != "none"

    def normal(name: str) -> str:
        return f"N(0; {scale[name]:g}²)"

    def half(name: str) -> str:
        return f"HalfNormal({scale[name]:g})"

    rows = [("intercept", f"N(log ȳ₀; {scale['intercept']:g}²)"), ("effect", normal("effect"))]
    if model.effect == "rw":
        rows.append(("step", f"LogNormal(log {scale['step_log_median']:g}; {scale['step_log_sd']:g}²)"))
    if model.effect == "level_slope":
        rows.append(("slope_change", normal("slope_change")))
    if model.trend == "linear":
        rows.append(("trend", normal("trend")))
    if wide:
        rows.append(("site", half("site")))
    if model.clustering in ("nested", "decay", "cohort"):
        rows.append(("cell_share", f"Beta({scale['cell_share_alpha']:g}; {scale['cell_share_beta']:g})"))
    if model.site_effects:
        rows.append(("site_effect", half("site_effect")))
    if model.calendar == "categorical":
        rows.append(("calendar", normal("calendar")))
    if model.calendar == "smooth":
        rows.append(("calendar_step", half("calendar_step")))
    if model.calendar == "shocks":
        rows.append(("shock", half("shock")))
    if model.wave_effects:
        rows.append(("wave", normal("wave")))
    if model.season != "none":
        rows.append(("season", half("season")))
    if model.covariates:
        rows.append(("covariate", normal("covariate")))
    if model.likelihood == "negbin":
        rows.append(("overdispersion", half("overdispersion")))
    return rows


def _priors(section: AnnexSection, model: ModelSummary, language: Language) -> str:
    if not section.priors:
        return _paragraphs([language.say("peers.not_computed")])
    names = [language.say(f"peers.{key}") for key in ("term", "law", "why")]
    body = "".join(
        f'<tr><th scope="row">{escape(language.say(f"peers.prior.{term}"))}</th><td>{escape(_localised(law, language))}</td>'
        f"<td>{escape(language.say(f'peers.reason.{term}'))}</td></tr>"
        for term, law in prior_rows(section, model)
    )
    caption = language.say("peers.priors_caption")
    table = _scrolled(caption, f"{header(names)}<tbody>{body}</tbody>")
    return table + _paragraphs([prior_words(section, language)])


def prior_words(section: AnnexSection, language: Language) -> str:
    """What the priors alone say of the data, and whether the data lie there; that it was not computed, where it was not."""
    if not section.prior_checks:
        return language.say("peers.prior_predictive")
    said = []
    for row in section.prior_checks:
        if row.lower is not None and row.upper is not None:
            ends = {"low": _multiple(row.lower, language), "high": _multiple(row.upper, language)}
            said.append(language.say(f"peers.prior_{row.check}", ends))
        said.append(language.say(f"peers.prior_{row.check}_{'inside' if row.inside else 'outside'}"))
    return " ".join(said)


def _multiple(value: float, language: Language) -> str:
    return language.number(value, 0 if value >= 10 else 1 if value >= 1 else 2)


def _localised(law: str, language: Language) -> str:
    """A law with the language's decimal sign."""
    return re.sub(
        r"\d+\.\d+",
        lambda found: language.number(float(found.group()), len(found.group().partition(".")[2])),
        law,
    )


def _scrolled(caption: str, inner: str) -> str:
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption>{inner}</table></div>"
    )


# --- checks and other choices


def _checks(section: AnnexSection, language: Language) -> str:
    if not section.checks:
        return _paragraphs([language.say("peers.not_computed")])
    names = [language.say(f"peers.{key}") for key in ("check", "p", "outcome")]
    body = "".join(
        f'<tr><th scope="row">{escape(language.say(f"peers.predictive.{row.check}"))}</th>'
        f'<td class="number">{escape(language.number(row.p, 2))}</td>'
        f"<td>{escape(language.say('peers.unusual' if row.flagged else 'peers.fits'))}</td></tr>"
        for row in section.checks
    )
    intro = _paragraphs([language.say("peers.checks_intro")])
    caption = language.say("peers.checks_caption")
    return intro + _scrolled(caption, f"{header(names, right=frozenset((1,)))}<tbody>{body}</tbody>")


def refit_words(row: RefitRow, language: Language) -> str:
    """A refit in words: «Annen form: konstant», «Halvparten så vid forhåndsfordeling»."""
    kind, _, shape = row.refit.partition(" ")
    if kind == "shape" and language.has(f"peers.shape.{shape}"):
        return language.say(f"peers.shape.{shape}")
    key = "peers.refit." + row.refit.replace(" ", "_").replace(".", "_")
    return language.say(key) if language.has(key) else row.refit


def _refits(release: Release, section: AnnexSection, language: Language) -> str:
    """Side by side, in per cent where the link is a logarithm, each as an interval on one axis."""
    if len(section.refits) < 2:
        return _paragraphs([language.say("peers.not_computed")])
    rows = [row for row in section.refits if row.refit != "predictive"]
    log = release.measure().kind == "rate"

    def shown(value: float) -> float:
        return wording.percent_change(math.exp(value)) if log else value

    def text(value: float) -> str:
        number = shown(value)
        return language.number(number, wording.percent_decimals(number) if log else 2, signed=True)

    first = min(min(row.lower for row in rows), 0.0) - 0.02
    last = max(max(row.upper for row in rows), 0.0) + 0.02
    drawn = []
    for row in rows:
        between = language.say("trend.range", {"low": text(row.lower), "high": text(row.upper)})
        drawn.append(
            row_figure.Row(
                name=refit_words(row, language),
                value=f"{text(row.mean)} ({between})",
                picture=row_figure.interval(row.lower, row.mean, row.upper, first, last, (0.0,)),
            )
        )
    names = (language.say("peers.choice"), language.say("peers.answer"), language.say("uptake.picture"))
    unit = language.say("peers.refits_percent" if log else "peers.refits_link")
    return row_figure.table(refits_heading(section, language), unit, names, drawn)


def refits_heading(section: AnnexSection, language: Language) -> str:
    """Whether another shape or prior would have said something else, by how far it moves the answer."""
    moved = [
        row
        for row in section.refits
        if row.kind in ("shape", "prior") and abs(row.shift or 0.0) > SAME_ANSWER
    ]
    return language.count("peers.refits_moved", len(moved)) if moved else language.say("peers.refits_same")


def _left_out(section: AnnexSection, language: Language) -> str:
    found = section.leave_one_out
    if found is None:
        return _paragraphs([language.say("peers.loo_none")])
    slots = {
        "value": language.number(found.elpd, 1),
        "level": language.number(found.standard_error, 1),
        "number": language.number(found.parameters, 1),
        "count": language.number(found.unreliable),
        "limit": language.number(found.cells),
    }
    return _paragraphs([language.say("peers.loo", slots)])


def _sensitivity(section: AnnexSection, language: Language) -> str:
    """How far the answer moves when the priors are taken twice as seriously, in words."""
    if not section.sensitivity:
        return _paragraphs([language.say("peers.not_computed")])
    worst = max(section.sensitivity.values())
    slots = {"value": language.number(worst, 2), "limit": language.number(SENSITIVE, 2)}
    return _paragraphs([language.say(f"peers.{'sensitive' if worst > SENSITIVE else 'robust'}", slots)])
