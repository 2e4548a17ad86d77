"""How it was calculated and where it comes from, in words: method lines, contrast, provenance."""

from __future__ import annotations

import math

from impl.release.release import ModelSummary, Release, StatedBelief
from impl.report import plan, wording
from impl.report.language import Language, sentence
from impl.report.study.network_prior import network_prior_text

NORMAL_90 = 1.645  # half the width of the 90 % interval of a standard normal


def lines(release: Release, language: Language) -> tuple[str, ...]:
    """The method of the primary measure in about ten lines; every choice named by the Release has a line.

    Raises KeyError for a choice without words: a mistake of ours.
    """
    measure, design, say = release.measure(), release.design, language.say
    model = release.primary_model()
    slots = {
        "events": wording.events(measure, language),
        "exposure": language.pick(measure.exposure),
        "step": say(f"steps.{wording.step_name(release)}"),
    }
    priors = model.priors if language.has(f"method.priors_{model.priors}") else "changed"
    one = wording.sites(release) == 1
    clustering = (
        f"{model.clustering}_one" if one and model.clustering in ("nested", "decay") else model.clustering
    )
    compared = "_and_sites" if wording.compares_sites(release) else ""
    worthwhile = wording.round_half_up(100 * release.study.worthwhile, 1)
    texts = [
        say(f"method.count_{measure.kind}{'_one' if one else ''}", slots),
        say(f"method.likelihood.{model.likelihood}"),
        say(f"method.compare_{design.kind}{compared}"),
        *(
            []
            if (one and model.calendar == "none") or model.trend == "walk"
            else [_calendar(model, language)]
        ),
        *_over_time(model, language),
        say(f"method.clustering.{clustering}"),
        _effect(model, language),
        *_beside(model, release, language),
        f"{say('method.bayes')} {say(f'method.priors_{priors}')}{_learnt(model, language)}",
        say("method.limits", {"percent": language.percent(worthwhile, wording.percent_decimals(worthwhile))}),
    ]
    if design.kind == "stepped_wedge":
        texts.insert(-3, say("method.waves_yes" if model.wave_effects else "method.waves_no"))
    if measure.direction != "ambiguous":
        texts.append(say("method.limits_verdict"))
    texts.append(plan.in_short(release, language))
    return tuple(sentence(text) for text in texts)


def _learnt(model: ModelSummary, language: Language) -> str:
    return "" if model.network is None else f" {network_prior_text(model, model.network, language)}"


def _calendar(model: ModelSummary, language: Language) -> str:
    text = language.say(f"method.calendar.{model.calendar}")
    if not model.strata:
        return text
    return f"{text} {language.say('method.strata', {'count': language.number(model.strata)})}"


def _over_time(model: ModelSummary, language: Language) -> list[str]:
    """Trend and season in one line. What is left out is said where nothing else takes its place: a calendar
    with an effect for each period holds trend and season."""
    say = language.say
    held = model.calendar in ("categorical", "smooth")
    trend = "shared" if model.trend == "linear" and held else model.trend
    texts = []
    if model.secular is not None:
        texts.append(_secular(model.secular, model, language))
    elif trend != "none" or not held:
        texts.append(say(f"method.trend.{trend}"))
    if model.trend_difference:
        texts.append(say("method.trend_difference"))
    if model.site_trends:
        texts.append(say("method.site_trends"))
    if model.season != "none" or not held:
        texts.append(say(f"method.season.{model.season}"))
    return [" ".join(texts)] if texts else []


def _secular(belief: StatedBelief, model: ModelSummary, language: Language) -> str:
    """Change that would have come anyway, as it was believed; in per cent where the link is a logarithm."""
    if model.likelihood not in ("poisson", "negbin"):
        return language.say("method.secular")
    low, high = (100 * (math.exp(belief.mean + side * NORMAL_90 * belief.sd) - 1) for side in (-1, 1))
    low, high = wording.round_half_up(low), wording.round_half_up(high)
    ends = [
        language.say(
            "much.end",
            {
                "amount": language.percent(abs(end)),
                "direction": language.say(f"direction.end_{'down' if end < 0 else 'up'}"),
            },
        )
        for end in (low, high)
    ]
    return language.say("method.secular_rate", {"low": ends[0], "high": ends[1]})


def _effect(model: ModelSummary, language: Language) -> str:
    """Shape of the effect, whether sites differ in it, and the periods around the start."""
    texts = [language.say(f"method.effect.{model.effect}")]
    if model.site_effects:
        texts.append(language.say("method.site_effects"))
    if model.transition != "none":
        texts.append(language.say(f"method.transition.{model.transition}"))
    if model.anticipation:
        texts.append(language.count("method.anticipation", model.anticipation))
    return " ".join(texts)


def _beside(model: ModelSummary, release: Release, language: Language) -> list[str]:
    """What else the model takes into account: covariates, reporting, further bundles."""
    texts = []
    if model.covariates:
        names = language.listing([name.replace("_", " ") for name in model.covariates])
        texts.append(language.say("method.covariates", {"text": names}))
    if model.reporting is not None:
        texts.append(language.say("method.reporting", {"bundle": wording.bundle(release, language)}))
    if model.other_bundles:
        named = {bundle.id: language.pick(bundle.the_bundle) for bundle in release.study.other_bundles}
        names = language.listing([named.get(bundle, bundle) for bundle in model.other_bundles])
        texts.append(language.say("method.other_bundles", {"text": names}))
    return texts


def provenance(release: Release, language: Language) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Terms and their lines for the box at the end. No path, no host, no time of rendering."""
    study, run, say = release.study, release.run, language.say
    data = [
        say(
            "provenance.data_range",
            {"start": language.day(study.data_from), "end": language.day(study.data_to)},
        )
    ]
    if study.vintage is not None:
        data.append(say("provenance.vintage", {"date": language.day(study.vintage)}))
    code = [say("provenance.version", {"number": run.impl})]
    if run.git_commit:
        code.append(say("provenance.commit", {"commit": run.git_commit[:12]}))
    privacy = [say(f"provenance.audience_{release.disclosure.audience.replace('-', '_')}")]
    privacy += [
        say(f"rules.{rule}") if language.has(f"rules.{rule}") else rule for rule in release.disclosure.rules
    ]
    bundles = [
        say("provenance.bundle_version", {"name": language.pick(bundle.name), "number": bundle.version})
        for bundle in study.bundles
    ]
    sampled = release.sections.quality is None  # data alone need no random numbers
    seconds = language.count("provenance.seconds", round(run.seconds))
    rows: list[tuple[str, tuple[str, ...]]] = [
        ("study", (study.id,)),
        ("bundles", tuple(bundles)),
        ("run", (run.id,)),
        ("profile", (say(f"provenance.{run.profile}"),)),
        (
            "date",
            (
                f"{language.day(run.started.date())}, {seconds}"
                if sampled
                else language.day(run.started.date()),
            ),
        ),
        ("data", tuple(data)),
        *([("seed", (str(run.seed),))] if sampled else []),
        ("code", tuple(code)),
    ]
    if run.lock_sha256:
        rows.append(("lock", (run.lock_sha256,)))
    rows.append(("plan", plan.provenance_lines(release, language)))
    if release.plan.deviations:
        rows.append(("deviations", plan.deviation_lines(release, language)))
    rows += [
        ("privacy", tuple(privacy)),
        ("accessible", (say("provenance.accessible_tested"), say("provenance.accessible_not_tested"))),
        ("again", tuple(say(f"provenance.again_{key}", {"id": study.id}) for key in ("command", "pages"))),
    ]
    return tuple((say(f"provenance.{name}"), texts) for name, texts in rows)
