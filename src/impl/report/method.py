"""How it was calculated and where it comes from, in words: method lines, contrast, provenance."""

from __future__ import annotations

from impl.release.release import Estimate, Release
from impl.report import sentences, wording
from impl.report.language import Language, sentence


def lines(release: Release, language: Language) -> tuple[str, ...]:
    """The method of the primary measure in about ten lines; every choice named by the Release has a line.

    Raises KeyError for a choice without words: a mistake of ours.
    """
    measure, design, say = release.measure(), release.design, language.say
    model = next(model for model in design.models if model.measure == measure.id)
    slots = {
        "events": wording.events(measure, language),
        "exposure": language.pick(measure.exposure),
        "step": say(f"steps.{wording.step_name(release)}"),
    }
    priors = model.priors if language.has(f"method.priors_{model.priors}") else "changed"
    # What is left out is said where nothing else takes its place: a common calendar holds trend and season.
    trend = "shared" if model.trend != "none" and model.calendar != "none" else model.trend
    over_time = [
        say(f"method.{kind}.{choice}")
        for kind, choice in (("trend", trend), ("season", model.season))
        if choice != "none" or model.calendar == "none"
    ]
    one = wording.sites(release) == 1
    worthwhile = wording.round_half_up(100 * release.study.worthwhile, 1)
    texts = [
        say(f"method.count_{measure.kind}{'_one' if one else ''}", slots),
        say(f"method.likelihood.{model.likelihood}"),
        say(f"method.compare_{design.kind}"),
        *([] if one and model.calendar == "none" else [say(f"method.calendar.{model.calendar}")]),
        *([" ".join(over_time)] if over_time else []),
        say(f"method.clustering.{model.clustering}"),
        f"{say(f'method.effect.{model.effect}')} {say('method.window', {'window': wording.window(release, language)})}",
        f"{say('method.bayes')} {say(f'method.priors_{priors}')}",
        say("method.limits", {"percent": language.percent(worthwhile, wording.percent_decimals(worthwhile))}),
    ]
    if design.kind == "stepped_wedge":
        texts.insert(-3, say("method.waves_yes" if model.wave_effects else "method.waves_no"))
    if measure.direction != "ambiguous":
        texts.append(say("method.limits_verdict"))
    return tuple(sentence(text) for text in texts)


def contrast(release: Release, language: Language) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The effect by group of the adaptation log, one line each, and what their difference says.

    It is worded as an association and never as a cause.
    """
    section = release.sections.adaptations
    measure = release.measure()
    few = [
        sentences.warning_sentence(warning, release, language)
        for warning in release.design.warnings
        if warning.code == "contrast_few_sites"
    ]
    if section is None or section.contrast is None:
        return (), (language.say("adapted.no_contrast"),)
    groups: list[str] = []
    texts: list[str] = []
    for name in ("yes", "no", "unknown", "none"):
        found = release.estimate(measure.id, "group", measure.headline_scale, group=f"consistent:{name}")
        if found is not None:
            groups.append(_group(found, name, release, language))
    between = next(
        (
            row
            for scale in (measure.headline_scale, "ratio", "link")
            for row in release.estimates
            if (row.measure, row.estimand, row.scale, row.level) == (measure.id, "contrast", scale, 0.9)
        ),
        None,
    )
    if between is None:
        texts.append(language.say("adapted.contrast_not_released"))
    elif between.p_better is not None:
        words = wording.probability_words(between.p_better, language)
        number = wording.hundredths(between.p_better)
        key = "kept" if number > 60 else "changed" if number < 40 else "even"
        texts.append(language.say(f"adapted.association_{key}", {"probability": words}))
        texts.append(language.say("adapted.other_reasons"))
    else:
        texts.append(language.say("adapted.other_reasons"))
    return (*groups, *few), tuple(texts)


def _group(estimate: Estimate, name: str, release: Release, language: Language) -> str:
    measure = release.measure()
    if measure.headline_scale == "ratio":
        value = wording.percent_change(estimate.median)
        low, high = (wording.round_half_up(100 * (end - 1)) for end in (estimate.lower, estimate.upper))
        decimals = 0
    else:
        decimals = wording.levels(release, measure).decimals
        value, low, high = (
            wording.round_half_up(end, decimals) for end in (estimate.median, estimate.lower, estimate.upper)
        )
    slots = {
        "group": language.say(f"adapted.group_{name}"),
        "change": wording.change_words(value, decimals, measure, language),
        "text": wording.range_words(low, high, decimals, measure, language),
    }
    return language.say("adapted.group_result_same" if value == 0 else "adapted.group_result", slots)


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
    privacy = [say("provenance.audience")]
    privacy += [
        say(f"rules.{rule}") if language.has(f"rules.{rule}") else rule for rule in release.disclosure.rules
    ]
    hidden = []
    for suppressed in release.disclosure.suppressed:
        key = f"places.{suppressed.place}"
        known = key if language.has(f"{key}.other") else "places.other"
        hidden.append(language.count(known, suppressed.count, {"place": suppressed.place.replace("_", " ")}))
    plan = [
        study.plan_sha256,
        say(f"provenance.{'registered' if release.plan.registered else 'not_registered'}"),
    ]
    bundles = [
        say("provenance.bundle_version", {"name": language.pick(bundle.name), "number": bundle.version})
        for bundle in study.bundles
    ]
    seconds = language.count("provenance.seconds", round(run.seconds))
    rows: list[tuple[str, tuple[str, ...]]] = [
        ("study", (study.id,)),
        ("bundles", tuple(bundles)),
        ("run", (run.id,)),
        ("profile", (say(f"provenance.{run.profile}"),)),
        ("date", (f"{language.day(run.started.date())}, {seconds}",)),
        ("data", tuple(data)),
        ("seed", (str(run.seed),)),
        ("code", tuple(code)),
    ]
    if run.lock_sha256:
        rows.append(("lock", (run.lock_sha256,)))
    rows.append(("plan", tuple(plan)))
    if release.plan.deviations:
        rows.append(("deviations", release.plan.deviations))
    rows += [
        ("privacy", tuple(privacy)),
        ("hidden", tuple(hidden) or (say("provenance.hidden_none"),)),
        ("again", (say("provenance.again_command", {"id": study.id}),)),
    ]
    return tuple((say(f"provenance.{name}"), texts) for name, texts in rows)
