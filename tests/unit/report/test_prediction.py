"""One more site: the arithmetic from the Release against the model's own draws, and what is said or refused."""

from __future__ import annotations

from math import exp, log, log2, sqrt
from statistics import NormalDist

import pytest

from example_release import staggered
from impl.errors import StudyError
from impl.release.release import Release
from impl.release.sections import FidelitySection, PredictionSection
from impl.report.language import language_codes, read_language
from impl.report.prediction import kinds, predict_site, scenarios
from impl.report.study.one_site import table, texts
from impl.study.site_plan import FitQuestion, SitePlan
from impl.study.vocabulary import read_vocabulary

NEW, ONE = (-0.30, 0.20), (-0.15, 0.06)  # mean and SD on the link scale
CENTRE, CORRELATION = 0.4, -0.2
AUDITED = FidelitySection(
    component="all", lower=0.5, median=0.6, upper=0.7, before=0.1, delivered=0.8, not_delivered=0.5,
    curve="linear", response=((0.2, 0.2), (0.4, 0.4), (0.6, 0.6), (0.8, 0.8), (1.0, 1.0)),
)  # fmt: skip


def released(section: FidelitySection | None = AUDITED) -> Release:
    """A rate with a new site's effect and one kind of modification."""
    release = staggered()
    measure = release.measure().id
    base = next(row for row in release.estimates if row.measure == measure and row.level == 0.9)

    def row(estimand: str, scale: str, group: str | None, mean: float, sd: float) -> object:
        law = NormalDist(mean, sd)
        low, middle, high = (law.inv_cdf(end) for end in (0.05, 0.5, 0.95))
        if scale == "ratio":
            low, middle, high = exp(low), exp(middle), exp(high)
        shape = {"mean": mean, "sd": sd, "lower": low, "median": middle, "upper": high}
        return base.model_copy(update={"estimand": estimand, "scale": scale, "group": group, **shape})

    others = [row for row in release.estimates if row.estimand != "new_site"]
    rows = [row("new_site", scale, None, *NEW) for scale in ("link", "ratio")]
    rows += [row("moderation", scale, "consistent_planned", *ONE) for scale in ("link", "ratio")]
    prediction = PredictionSection(
        centres={"consistent_planned": CENTRE}, correlations={"consistent_planned": CORRELATION}
    )
    sections = release.sections.model_copy(update={"prediction": prediction, "fidelity": section})
    return release.model_copy(update={"estimates": (*others, *rows), "sections": sections})


def test_without_plans_it_is_what_a_new_site_may_expect() -> None:
    found = predict_site(released(), SitePlan())
    law = NormalDist(*NEW)
    assert found.median == pytest.approx(exp(-0.30))
    assert (found.lower, found.upper) == pytest.approx([exp(law.inv_cdf(end)) for end in (0.05, 0.95)])
    assert found.p_better == pytest.approx(law.cdf(0.0))
    assert found.p_worthwhile == pytest.approx(law.cdf(log(0.9)))
    assert found.p_harm == pytest.approx(1 - law.cdf(log(1.05)))
    assert found.with_bundle is None


def test_adaptations_and_delivery_move_it() -> None:
    plan = SitePlan(adaptations={"consistent_planned": 2}, fidelity=0.85, level=5.0, exposure=14600.0)
    found = predict_site(released(), plan)
    part, score = (0.85 - 0.1) / (0.6 - 0.1), log2(3) - CENTRE
    variance = (part * 0.2) ** 2 + (score * 0.06) ** 2 + 2 * CORRELATION * part * 0.2 * score * 0.06
    law = NormalDist(-0.30 * part - 0.15 * score, sqrt(variance))
    assert found.median == pytest.approx(exp(law.mean))
    assert found.upper == pytest.approx(exp(law.inv_cdf(0.95)))
    assert found.with_bundle is not None
    assert found.averted is not None
    assert found.with_bundle[1] == pytest.approx(5.0 * exp(law.mean))
    assert found.averted[1] == pytest.approx(5.0 * (1 - exp(law.mean)) * 14.6)
    assert found.averted[0] < found.averted[1] < found.averted[2]


def test_steps_count_what_was_reached() -> None:
    steps = AUDITED.model_copy(
        update={
            "curve": "steps",
            "before": None,
            "response": ((0.2, 0.0), (0.4, 0.1), (0.6, 0.5), (0.8, 0.9), (1.0, 0.9)),
        }
    )
    just_under = predict_site(released(steps), SitePlan(fidelity=0.79))
    reached = predict_site(released(steps), SitePlan(fidelity=0.80))
    assert just_under.median == pytest.approx(exp(-0.30))  # as the network, which came to 60 per cent
    assert reached.median == pytest.approx(exp(-0.30 * 0.9 / 0.5))


def test_what_the_study_does_not_know_is_refused_all_at_once() -> None:
    plan = SitePlan(adaptations={"inconsistent": 1, "strategy": 2}, fidelity=0.8)
    with pytest.raises(StudyError) as caught:
        predict_site(released(section=None), plan)
    assert [fault.where for fault in caught.value.faults] == [
        "adaptations.inconsistent", "adaptations.strategy", "fidelity",
    ]  # fmt: skip
    assert "consistent_planned" in caught.value.faults[0].allowed
    failed = released().model_copy(update={"status": "not_converged", "estimates": ()})
    with pytest.raises(StudyError):
        predict_site(failed, SitePlan())


@pytest.mark.parametrize("code", language_codes())
def test_table_and_answer_are_said_in_every_language(code: str) -> None:
    language = read_language(code)
    release = released()
    assert kinds(release) == ("consistent_planned",)
    assert [key for key, _, _ in scenarios(release)] == [
        "usual", "none", "one", "delivered", "delivered", "delivered",
    ]  # fmt: skip
    page = table(release, language)
    assert page.count("<tr>") == 7
    assert "{" not in page
    plan = SitePlan(level=5.0, exposure=14600.0, fidelity=0.8, fit={"need": 4, "values": 2})
    said = texts(release, plan, language)
    assert len(said) == 9
    assert all("{" not in text and text.endswith(".") for text in said)
    assert "5" in said[3]
    assert table(staggered(), language) == "", "nothing to plan, nothing to show"


def test_the_questions_are_those_of_the_vocabulary() -> None:
    from typing import get_args

    assert set(get_args(FitQuestion)) == {item.id for item in read_vocabulary("fit_questions").items}
