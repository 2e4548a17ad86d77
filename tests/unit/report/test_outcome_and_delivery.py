"""The finding is outcome x delivery, said in every language."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from example_release import staggered
from impl.release.release import Outcome, Release, Verdict
from impl.release.sections import DeliveryStep, FidelitySection, Horizon, Sections, SustainmentSection
from impl.report.language import language_codes, read_language
from impl.report.sentences import answer
from impl.report.study.delivery import FINDINGS, dose, finding, texts
from impl.report.study.order import make_blocks
from impl.report.study.sustainment import texts as lasting

DELIVERY = ("delivered", "not_delivered", "unknown")
AUDITED = FidelitySection(
    component="all",
    lower=0.31,
    median=0.36,
    upper=0.41,
    before=0.05,
    p_delivered=0.001,
    p_not_delivered=0.999,
    delivered=0.8,
    not_delivered=0.5,
    steps=(
        DeliveryStep(from_=1, to=3, lower=0.2, median=0.25, upper=0.3),
        DeliveryStep(from_=4, to=6, lower=0.35, median=0.42, upper=0.5),
    ),
)


def released(outcome: str, delivery: str, section: FidelitySection | None = AUDITED) -> Release:
    release = staggered()
    sections = Sections(adaptations=release.sections.adaptations, fidelity=section)
    verdict = Verdict.model_validate({"outcome": outcome, "delivery": delivery})
    return release.model_copy(update={"verdict": verdict, "sections": sections})


def test_every_pair_of_words_has_a_finding() -> None:
    assert set(FINDINGS) == set(product(get_args(Outcome), DELIVERY))


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize(("outcome", "delivery"), FINDINGS)
def test_every_finding_is_said(outcome: str, delivery: str, code: str) -> None:
    said = texts(released(outcome, delivery), read_language(code))
    assert len(said) == 2
    assert all(
        (text.endswith(".") and "{" not in text and text[0].isupper()) or text[0].isdigit() for text in said
    )
    assert "36" in said[0]
    assert "25" in said[0]
    assert "42" in said[0]


def test_a_weak_result_is_called_by_its_kind() -> None:
    """Delivered and without hope: consider phasing out. Not delivered: the two cannot be told apart."""
    nb = read_language("nb")
    assert finding(released("negligible", "delivered")) == "phase_out"
    assert "Vurder utfasing" in texts(released("negligible", "delivered"), nb)[-1]
    assert finding(released("uncertain", "not_delivered")) == "cannot_separate"
    said = answer(released("uncertain", "not_delivered"), nb).replace("\u00a0", " ")
    assert "Bare 36 prosent fikk tiltaket" in said
    without = released("uncertain", "unknown", None)
    assert texts(without, nb)[0].startswith("Studien har ingen målinger")


def test_an_undecided_answer_with_little_hope_is_one_to_phase_out_only_if_delivered() -> None:
    release = released("uncertain", "delivered")
    rows = tuple(
        row.model_copy(update={"p_worthwhile": 0.04}) if row.estimand == "tate" else row
        for row in release.estimates
    )
    hopeless = release.model_copy(update={"estimates": rows})
    assert finding(hopeless) == "phase_out"
    poorly = hopeless.model_copy(update={"verdict": Verdict(outcome="uncertain", delivery="not_delivered")})
    assert finding(poorly) == "cannot_separate"
    assert finding(release) == "undecided_delivered"


def test_hidden_numbers_stay_hidden() -> None:
    section = FidelitySection(component="all", delivered=0.8, not_delivered=0.5)
    said = texts(released("beneficial", "unknown", section), read_language("nb"))
    assert said[0] == "Tallet for gjennomføring vises ikke av personvernhensyn."


@pytest.mark.parametrize("code", language_codes())
def test_the_dose_response_is_said_with_other_reasons(code: str) -> None:
    section = AUDITED.model_copy(update={"curve": "linear", "smallest": 0.6})
    release = released("beneficial", "delivered", section)
    base = next(row for row in release.estimates if row.estimand == "tate" and row.scale == "ratio")
    rows = tuple(
        base.model_copy(update={"estimand": estimand, "group": share, "level": 0.9})
        for estimand, share in (("dose", "0.4"), ("dose", "1.0"), ("dose_target", "0.8"))
    )
    said = dose(release.model_copy(update={"estimates": (*release.estimates, *rows)}), read_language(code))
    assert len(said) == 5
    assert "100" in said[1]
    assert all("{" not in text and text.endswith(".") for text in said)
    assert dose(release, read_language(code)) == ()


@pytest.mark.parametrize("code", language_codes())
def test_what_lasts_is_said_for_each_horizon(code: str) -> None:
    horizons = tuple(
        Horizon(months=months, lower=0.3, median=0.6, upper=0.9, twin=twin, p_half=0.8)
        for months, twin in ((6, 0.7), (12, None))
    )
    release = staggered()

    def with_section(half_life: tuple[float, float, float] | None) -> Release:
        section = SustainmentSection(horizons=horizons, half_life=half_life)
        sections = release.sections.model_copy(update={"sustainment": section})
        return release.model_copy(update={"sections": sections})

    language = read_language(code)
    said = lasting(with_section((4.2, 9.1, 20.4)), language)
    assert len(said) == 3
    assert "60" in said[0]
    assert "70" in said[0]
    assert "9" in said[2]
    assert lasting(with_section(None), language)[-1] != said[-1]
    assert all("{" not in text and text.endswith(".") for text in said)
    assert lasting(release, language) == ()
    names = [block.name for block in make_blocks(with_section(None), language)]
    assert names[names.index("adapted") + 1] == "lasts"
    assert "lasts" not in [block.name for block in make_blocks(release, language)]
