"""What one more site may expect, in words: a table in the report, and the answer of `impl predict` for a site's own plan."""

from __future__ import annotations

from impl.release.release import Estimate, Release
from impl.report import wording
from impl.report.language import Language
from impl.report.prediction import Prediction, predict_site, scenarios
from impl.report.study import whom
from impl.study.site_plan import SitePlan
from impl.study.value import LanguageCode
from impl.study.vocabulary import read_vocabulary

LABELS: tuple[LanguageCode, ...] = ("nb", "nn", "en")


def table(release: Release, language: Language) -> str:
    """One row a plan; empty where the study knows of no plan that matters."""
    rows = []
    for key, slot, prediction in scenarios(release):
        estimate = as_estimate(release, prediction)
        rows.append((_plan_words(key, slot, language), estimate))
    if not rows:
        return ""
    return whom.rows_table(release, language, "one_site.caption", "one_site.plan", rows)


def as_estimate(release: Release, prediction: Prediction) -> Estimate:
    """The prediction in the form that tables and sentences read."""
    measure = release.measure()
    base = release.estimate(measure.id, "new_site", measure.headline_scale)
    assert base is not None
    ends = {"lower": prediction.lower, "median": prediction.median, "upper": prediction.upper}
    chances = {name: getattr(prediction, name) for name in ("p_better", "p_worthwhile", "p_harm")}
    return base.model_copy(update={**ends, **chances, "p_negligible": None})


def texts(release: Release, plan: SitePlan, language: Language) -> tuple[str, ...]:
    """The answer for one plan, a sentence each. Raises StudyError where the Release cannot answer."""
    prediction = predict_site(release, plan)
    measure = release.measure()
    value, low, high, decimals = wording.as_shown(as_estimate(release, prediction), release, measure)
    slots = {
        "bundle": wording.bundle(release, language),
        "change": wording.change_words(value, decimals, measure, language),
        "text": wording.range_words(low, high, decimals, measure, language),
        "unit": language.pick(measure.unit),
        "limit": wording.limit_words(release.study.worthwhile, measure, language),
        "good": language.say(f"direction.a_{wording.good_way(measure)}")
        if measure.direction != "ambiguous"
        else "",
        "sites": language.count("nouns.sites", wording.sites(release)),
    }
    lines = [language.say("one_site.change", slots)]
    if prediction.p_better is not None:
        better = {"probability": wording.probability_words(prediction.p_better, language)}
        lines.append(language.say("one_site.better", slots | better))
    if prediction.p_worthwhile is not None:
        worthwhile = {"probability": wording.probability_words(prediction.p_worthwhile, language)}
        lines.append(language.say("one_site.worthwhile", slots | worthwhile))
    lines += _levels(prediction, release, language, slots)
    if plan.fit:
        vocabulary = read_vocabulary("fit_questions")
        labels = {
            item.id: {code: label for code in LABELS if (label := vocabulary.label(item, code))}
            for item in vocabulary.items
        }
        for question, answer in plan.fit.items():
            asked = {"question": language.pick(labels[question]), "value": language.number(answer)}
            lines.append(language.say("one_site.fit", asked))
        lines.append(language.say("one_site.fit_note"))
    lines.append(language.say("one_site.promise", slots))
    return tuple(lines)


def _levels(prediction: Prediction, release: Release, language: Language, slots: dict[str, str]) -> list[str]:
    if prediction.with_bundle is None or prediction.without is None:
        return []
    low, middle, high = prediction.with_bundle
    measure = release.measure()
    decimals = 1
    numbers = {
        "before": language.number(prediction.without, decimals),
        "amount": language.number(middle, decimals),
        "low": language.number(low, decimals),
        "high": language.number(high, decimals),
    }
    lines = [language.say("one_site.level", slots | numbers)]
    if prediction.averted is not None:
        low, middle, high = prediction.averted
        counted = as_estimate(release, prediction).model_copy(
            update={"scale": "averted", "lower": low, "median": middle, "upper": high}
        )
        more, ends = wording.events_averted(counted, language)
        events = {
            "amount": language.number(abs(more)),
            "events": wording.noun(measure, more, language),
            **ends,
        }
        lines.append(language.say(f"one_site.events_{wording.way(more)}", slots | events))
    return lines


def _plan_words(key: str, slot: str | None, language: Language) -> str:
    if key == "usual" or slot is None:
        return language.say("one_site.usual")
    if key == "delivered":
        return language.say("one_site.delivered", {"percent": language.percent(100 * float(slot))})
    return language.say(f"one_site.{key}", {"group": language.say(f"adapted.kind_{slot}")})
