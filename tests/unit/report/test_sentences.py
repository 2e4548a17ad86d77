"""What the page claims, over a grid of outcomes, designs and measures."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime

import pytest

from example_release import ASSESSED, EXAMPLES, FALLS, REPORTS, Effect, build, staggered
from impl.release.release import (
    Deviation,
    PlanCheck,
    RegisteredPlan,
    Release,
    ReleasedMeasure,
    ReleaseWarning,
    Verdict,
)
from impl.report import sentences, tables, wording
from impl.report.language import read_language
from impl.report.study import adaptation, method
from impl.report.study.order import make_blocks

NB, EN = read_language("nb"), read_language("en")
HIGHER = FALLS.model_copy(update={"direction": "higher"})
LOWER_SHARE = ASSESSED.model_copy(update={"role": "primary", "direction": "lower"})
HIGHER_SHARE = ASSESSED.model_copy(update={"role": "primary"})
MEAN = FALLS.model_copy(update={"kind": "mean", "per": 1, "headline_scale": "difference", "example": None})
GRID = list(
    itertools.product(
        (FALLS, HIGHER, LOWER_SHARE, HIGHER_SHARE, REPORTS, MEAN),
        ("beneficial", "promising", "negligible", "harmful", "uncertain"),
        ("randomised", "staggered", "before_after"),
        (0.70, 0.97, 1.0, 1.25),
    )
)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def release_of(measure: ReleasedMeasure, outcome: str, grade: str, median: float, **more: object) -> Release:
    effect = Effect(measure=measure, before=52, expected=50, median=median, sd=0.08)
    return build(
        [effect], study_id="x", run_id="y", title={"nb": "t"}, question={"nb": "q"},
        outcome=None if measure.direction == "ambiguous" else outcome, starts=[4, 6], site_names=["a", "b"],
        periods=24, kind="before_after" if grade == "before_after" else "stepped_wedge", grade=grade, **more,
    )  # type: ignore[arg-type]  # fmt: skip


def all_text(release: Release) -> str:
    parts = [sentences.answer(release, NB)]
    for message in (sentences.how_much, sentences.how_sure, sentences.what_limit):
        found = message(release, NB)
        parts += [found.question, found.key, *found.text]
    parts += [*sentences.averted(release, NB), *sentences.limits(release, NB), *sentences.notes(release, NB)]
    return plain(" ".join(parts))


@pytest.mark.parametrize(("measure", "outcome", "grade", "median"), GRID)
def test_wording_over_the_whole_grid(
    measure: ReleasedMeasure, outcome: str, grade: str, median: float
) -> None:
    release = release_of(measure, outcome, grade, median)
    text, answer = all_text(release), plain(sentences.answer(release, NB))
    assert not re.search(r"signifikant|bevist|\btrolig|p-verdi|\bKI\b|None|nan|\{", text)
    assert not re.search(r"(?<!\w)[-−]\d", text), "signs are said in words"
    assert answer[0].isupper()
    assert answer.endswith(".")
    for word in ("svært sannsynlig", "mer sannsynlig enn ikke", "svært lite sannsynlig"):
        for match in re.finditer(word, text):
            assert re.match(r"( en for(?:bed|verr)| \(|: (?:over |under )?\d)", text[match.end() :]), (
                "word and number"
            )
    if measure.direction == "ambiguous":
        assert not re.search(r"bedre|verre|nytte|er bra\b(?! eller)(?!\.)", answer)
        assert "Ikke vurdert" in text
    else:
        assert "er bra." in text
    if grade == "before_after" and outcome != "uncertain" and measure.direction != "ambiguous":
        assert answer.startswith(("Kan ha", "Lite eller")), answer
        assert "sannsynlig en for" not in answer
    if grade == "staggered":
        assert "ikke trukket tilfeldig («meldte seg på selv»)" in text
    if outcome == "uncertain" and measure.direction != "ambiguous":
        assert answer.startswith("Uavklart:")
        sure = sentences.certainty(release, release.measure(), NB)
        assert sure is not None
        if wording.hundredths(sure.probability) < 20:
            assert re.search(r", men en (nedgang|økning) på minst .+ er (svært )?lite sannsynlig \(", answer)
        else:
            assert "Det betyr ikke at fallpakken er uten virkning." in answer


def test_staggered_without_a_stated_reason_says_that_sites_chose() -> None:
    release = release_of(FALLS, "beneficial", "staggered", 0.7, selection=None)
    assert "Stedene valgte selv når de startet." in all_text(release)


def test_the_answer_of_the_main_example() -> None:
    release = staggered()
    assert plain(sentences.answer(release, NB)) == (
        "Svært sannsynlig en forbedring: Vi anslår at det var 20 prosent færre fall enn ventet uten fallpakken."
    )
    assert plain(sentences.answer(release, EN)) == (
        "Very likely an improvement: We estimate that there were 20 per cent fewer falls than expected without "
        "the falls bundle."
    )
    much = sentences.how_much(release, NB)
    assert much.key == "15 færre fall i året for et sykehjem med 40 beboere"
    assert "Det blir omtrent 58 fall, mot 73 ventet uten fallpakken." in much.text
    assert "Nedgangen er 20 prosent. Med 90 prosent sannsynlighet ligger den mellom" in plain(
        " ".join(much.text)
    )
    assert "Færre fall er bra." in much.text


def test_text_and_table_show_the_same_numbers() -> None:
    """The relative change, the levels and the certainty of the table are those of the sentences."""
    for name in ("staggered", "harmful", "before_after", "proportion"):
        release = EXAMPLES[name]()
        measure = release.measure()
        table = plain(tables.comparison_table(release, NB)).replace("−", "-")
        value = wording.headline_value(release, measure)
        assert value is not None
        if measure.headline_scale == "ratio":
            assert f"{value:+.0f} %" in table
            assert f"{abs(value):.0f} prosent" in plain(
                sentences.estimate_sentence(release, measure, NB) or ""
            )
        else:
            shown = f"{abs(value):.1f}".replace(".", ",")
            assert f"+{shown} prosentpoeng" in table
            assert f"{shown} prosentpoeng" in plain(sentences.answer(release, NB))
        sure = sentences.certainty(release, measure, NB)
        assert sure is not None
        number = plain(wording.of_hundred(sure.probability, NB))
        assert f"({number})" in table
        assert number in plain(sentences.how_sure(release, NB).key)
        assert number in plain(sentences.icons_sentence(sure, NB)).lower()


def test_an_interval_past_zero_is_told_both_ways() -> None:
    much = sentences.how_much(EXAMPLES["before_after"](), NB)
    assert much.key == "12\u00a0prosent færre fall, men usikkert"
    assert "mellom 32 prosent nedgang og 14 prosent økning" in plain(" ".join(much.text))
    assert "mellom 25 færre og 11 flere fall i året" in plain(" ".join(much.text))


def test_many_events_are_rounded_and_still_add_up() -> None:
    effect = Effect(measure=FALLS, before=21.6, expected=21.6, median=0.2, sd=0.02)
    release = build(
        [effect], study_id="x", run_id="y", title={"nb": "t"}, question={"nb": "q"}, outcome="beneficial",
        starts=[4, 6], site_names=["a", "b"], periods=24,
    )  # fmt: skip
    much = sentences.how_much(release, NB)
    assert much.key == "Omtrent 255 færre fall i året for et sykehjem med 40 beboere"
    assert much.text[0] == "Det blir omtrent 60 fall, mot 315 ventet uten fallpakken."


def test_sites_outside_the_calculation_are_not_counted() -> None:
    release = staggered()
    rollout = tuple(
        start.model_copy(update={"state": "before-data", "actual_start": None}) if place < 2 else start
        for place, start in enumerate(release.design.rollout)
    )
    release = release.model_copy(update={"design": release.design.model_copy(update={"rollout": rollout})})
    assert wording.sites(staggered()) == 12
    assert wording.sites(release) == 10
    page = " ".join(block.html for block in make_blocks(release, NB))
    assert "10\u00a0steder" in page
    assert "Antall steder i gang, av 10" in page
    assert "12\u00a0steder" not in page


def test_a_measure_beside_the_main_one_is_told_by_its_direction_only() -> None:
    release = staggered()
    for measure in release.study.measures:
        sure = sentences.certainty(release, measure, NB)
        if measure.role == "paired" and sure is not None:
            assert sure.claim == "better"


def test_a_limit_is_called_beforehand_only_where_it_was_registered_before_data_and_run() -> None:
    first = RegisteredPlan(
        version=1, registered_at=datetime(2020, 1, 2, tzinfo=UTC), timing="before_data", after_run=False
    )
    during = first.model_copy(update={"timing": "during_data"})
    after, had_run = (
        first.model_copy(update={"timing": "after_data"}),
        first.model_copy(update={"after_run": True}),
    )
    limit = Deviation(code="decision.worthwhile", planned="0.15", actual="0.1")
    title = Deviation(code="title.nb", planned="Ett", actual="To")
    moved, renamed = (after.model_copy(update={"version": 2, "changes": (row,)}) for row in (limit, title))
    cases: list[tuple[tuple[RegisteredPlan, ...], tuple[Deviation, ...], bool]] = [
        ((), (), False),
        ((first,), (), True),
        ((during,), (), True),
        ((after,), (), False),
        ((had_run,), (), False),
        ((first,), (limit,), False),
        ((first,), (title,), True),
        ((first, moved), (), False),
        ((first, renamed), (), True),
    ]
    for versions, deviations, beforehand in cases:
        plan = PlanCheck(registered=bool(versions), versions=versions, deviations=deviations)
        text = all_text(staggered().model_copy(update={"plan": plan}))
        assert ("Grensen ble satt på forhånd." in text) == beforehand, plan
        assert ("Grensen er satt i studiens plan." in text) != beforehand, plan


def test_rare_events_are_told_over_ten_years() -> None:
    effect = Effect(measure=FALLS, before=0.1, expected=0.1, median=0.7, sd=0.05)
    release = build(
        [effect], study_id="x", run_id="y", title={"nb": "t"}, question={"nb": "q"}, outcome="beneficial",
        starts=[4, 6], site_names=["a", "b"], periods=24,
    )  # fmt: skip
    assert sentences.how_much(release, NB).key == "4 færre fall på 10\u00a0år for et sykehjem med 40 beboere"


def test_one_event_is_singular() -> None:
    measure = REPORTS.model_copy(update={"direction": "lower", "example": FALLS.example})
    effect = Effect(measure=measure, before=0.35, expected=0.35, median=0.8, sd=0.02)
    release = build(
        [effect], study_id="x", run_id="y", title={"nb": "t"}, question={"nb": "q"}, outcome="beneficial",
        starts=[4, 6], site_names=["a", "b"], periods=24,
    )  # fmt: skip
    assert sentences.how_much(release, NB).key.startswith("1 færre melding i året")


def test_poor_delivery_is_said_beside_an_undecided_answer() -> None:
    release = EXAMPLES["before_after"]()
    release = release.model_copy(update={"verdict": Verdict(outcome="uncertain", delivery="not_delivered")})
    assert "ikke tatt i bruk som planlagt" in sentences.answer(release, NB)


def test_not_converged_and_hidden_answers() -> None:
    assert sentences.answer(EXAMPLES["not_converged"](), NB) == (
        "Beregningen er ikke pålitelig nok. Resultatet vises derfor ikke."
    )
    nothing = staggered().model_copy(update={"estimates": (), "comparisons": (), "verdict": None})
    assert sentences.answer(nothing, NB) == "Tallet vises ikke av personvernhensyn."
    assert sentences.how_much(nothing, NB).key == "Tallet vises ikke av personvernhensyn."
    assert sentences.averted(nothing, NB) == ()


def test_harm_is_told_with_its_own_probability_and_the_asymmetry() -> None:
    release = EXAMPLES["harmful"]()
    assert sentences.answer(release, NB).startswith("Svært sannsynlig en forverring: ")
    sure = sentences.how_sure(release, NB)
    assert sure.key == "Svært sannsynlig: 96\u00a0av\u00a0100"
    assert any("80 av 100" in line for line in sure.text)


def test_contrast_is_an_association_and_names_other_reasons() -> None:
    groups, texts = adaptation.contrast(staggered(), NB)
    lines = [plain(line) for line in (*groups, *texts)]
    assert any("går sammen med" in line and "(81 av 100)" in line for line in lines)
    assert "Forskjellen kan også skyldes andre forhold ved stedene." in lines
    assert any(line.startswith("Steder som bevarte kjernen: 20 prosent færre fall") for line in lines)
    warning = ReleaseWarning(code="contrast_few_sites", values={"group": "no", "sites": 2})
    few = staggered().model_copy(
        update={
            "estimates": tuple(row for row in staggered().estimates if row.estimand == "tate"),
            "design": staggered().design.model_copy(update={"warnings": (warning,)}),
        }
    )
    groups, texts = adaptation.contrast(few, NB)
    text = plain(" ".join((*groups, *texts)))
    assert "Sammenligningen er ikke frigitt." in text
    assert "«Steder som endret kjernen» har bare 2 steder" in text


def test_method_names_what_was_chosen() -> None:
    lines = " ".join(method.lines(staggered(), NB))
    assert "negativ binomisk" in lines
    assert "gradvis med tiden siden oppstart" in lines
    assert 8 <= len(method.lines(staggered(), NB)) <= 11
    before = " ".join(method.lines(EXAMPLES["before_after"](), NB))
    assert "rett linje" in before
    assert "gjennom året" in before


def test_a_limit_stands_once_on_the_page() -> None:
    release = EXAMPLES["before_after"]()
    said = "At fallpakken er uten virkning. Studien er for liten til å vise det"
    assert said in " ".join(sentences.limits(release, NB))
    assert "uten virkning" not in " ".join(sentences.notes(release, NB))
