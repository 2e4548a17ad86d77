"""The annex for peers: every term of the model has its prior and its reason, and gaps stay visible."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

import example_charts
from example_release import EXAMPLES, charted, staggered
from impl.model.criticism import predictive, robustness
from impl.model.effects import EFFECTS
from impl.model.likelihoods import LIKELIHOODS
from impl.model.priors import Priors
from impl.release.annex import AnnexSection, PriorCheck
from impl.release.release import ModelSummary
from impl.report.language import language_codes, read_language
from impl.report.study import checklists, peers
from impl.study.study import ModelChoice
from impl.study.vocabulary import read_vocabulary

NB = read_language("nb")


def summary(**changes: object) -> ModelSummary:
    return charted().design.models[0].model_copy(update=changes)


@pytest.mark.parametrize("code", language_codes())
def test_what_the_priors_alone_say_is_told_where_it_was_computed(code: str) -> None:
    language = read_language(code)
    checks = (
        PriorCheck(check="level", inside=True, lower=0.11, upper=9.2),
        PriorCheck(check="change", inside=False, lower=0.38, upper=14.0),
    )
    text = peers.prior_words(AnnexSection(prior_checks=checks), language)
    for number in (language.number(0.11, 2), language.number(9.2, 1), language.number(0.38, 2), "14"):
        assert f" {number} " in text
    assert language.say("peers.prior_level_inside") in text
    assert language.say("peers.prior_change_outside") in text
    plain = peers.prior_words(AnnexSection(prior_checks=(PriorCheck(check="level", inside=False),)), language)
    assert plain == language.say("peers.prior_level_outside"), "a difference has no multiples"
    assert peers.prior_words(AnnexSection(), language) == language.say("peers.prior_predictive")


def test_every_likelihood_has_its_law() -> None:
    assert set(peers.LAWS) == set(LIKELIHOODS)


@pytest.mark.parametrize("code", language_codes())
def test_every_shape_check_and_refit_has_words(code: str) -> None:
    language = read_language(code)
    for name in EFFECTS:
        assert language.has(f"peers.shape.{name}")
    source = "".join(Path(module.__file__).read_text("utf-8") for module in (predictive, robustness))
    checks = set(re.findall(r'_row\("(\w+)"', source)) - {"main"}
    assert len(checks) >= 5
    assert {check for check in checks if not language.has(f"peers.predictive.{check}")} == set()
    for name in re.findall(r'"((?:effect|site|period) prior x [\d.]+)"', source):
        assert language.has("peers.refit." + name.replace(" ", "_").replace(".", "_")), name


@pytest.mark.parametrize(
    "clustering",
    [choice for choice in get_args(ModelChoice.model_fields["clustering"].annotation) if choice != "auto"],
)
@pytest.mark.parametrize("effect", sorted(EFFECTS))
def test_every_prior_in_use_has_a_law_and_a_reason(clustering: str, effect: str) -> None:
    model = summary(
        clustering=clustering, effect=effect, calendar="categorical", trend="linear", season="fourier",
        site_effects=True, covariates=("staffing",), likelihood="negbin",
    )  # fmt: skip
    rows = peers.prior_rows(example_charts.annex(), model)
    assert len({term for term, _ in rows}) == len(rows) >= 8
    for term, law in rows:
        assert re.search(r"\d", law)
        for code in language_codes():
            assert read_language(code).has(f"peers.prior.{term}")
            assert read_language(code).has(f"peers.reason.{term}")
    assert {field.name for field in fields(Priors)} >= set(example_charts.annex().priors)


def test_the_predictor_names_the_terms_of_the_model() -> None:
    plain = peers.predictor(
        summary(
            clustering="none",
            calendar="none",
            trend="none",
            season="none",
            wave_effects=False,
            site_effects=False,
        )
    )
    assert plain == "η[i,t] = α + x[i,t] · (θ[e])"
    full = peers.predictor(
        summary(clustering="decay", wave_effects=True, site_effects=True, covariates=("a", "b"))
    )
    for term in ("ω[w]", "u[i]", "v[i,t]", "d[i]", "x₁·b", "x₂·b"):
        assert term in full


def test_the_heading_counts_the_choices_that_move_the_answer() -> None:
    section = example_charts.annex()
    assert peers.refits_heading(section, NB) == NB.say("peers.refits_same"), "a forecast is no other choice"
    rows = (*section.refits, section.refits[1].model_copy(update={"shift": -1.4}))
    moved = section.model_copy(update={"refits": rows})
    assert peers.refits_heading(moved, NB) == NB.say("peers.refits_moved.one")


@pytest.mark.parametrize("code", language_codes())
def test_what_was_not_computed_is_said(code: str) -> None:
    language = read_language(code)
    release = charted()
    empty = release.model_copy(
        update={"sections": release.sections.model_copy(update={"annex": AnnexSection()})}
    )
    html = peers.block(empty, language)
    assert html.count(language.say("peers.not_computed")) == 4
    assert language.say("peers.loo_none") in html
    assert peers.block(staggered(), language) == ""


def test_sensitivity_is_told_in_words() -> None:
    section = example_charts.annex()
    release = charted()
    assert "Lite. Om" in peers.block(release, NB)
    much = section.model_copy(update={"sensitivity": {"effect": 0.3}})
    changed = release.model_copy(update={"sections": release.sections.model_copy(update={"annex": much})})
    assert "En del. Om" in peers.block(changed, NB)


# --- checklists


def test_every_answer_points_to_an_item_and_a_heading_that_exist() -> None:
    items = {item.id for item in read_vocabulary("reporting_items").items}
    assert set(checklists.ANSWERED) <= items
    assert items >= checklists.NOT_APPLICABLE
    assert not checklists.NOT_APPLICABLE & set(checklists.ANSWERED)
    for key, _ in checklists.ANSWERED.values():
        for code in language_codes():
            assert read_language(code).has(key), key


@pytest.mark.parametrize("name", ["charted", "before_after", "hidden_points"])
def test_an_item_is_answered_only_where_its_heading_stands_on_the_page(name: str) -> None:
    from impl.report.show import show_report

    release = EXAMPLES[name]()
    release = release.model_copy(
        update={"sections": release.sections.model_copy(update={"annex": example_charts.annex()})}
    )
    page = "".join(block.html for block in show_report(release, "nb").blocks)
    for item, (key, holds) in checklists.ANSWERED.items():
        if holds(release):
            assert f">{NB.say(key)}</h2>" in page, item


def test_not_reported_stays_visible_and_is_counted() -> None:
    html = checklists.block(charted(), NB)
    for name in checklists.LISTS:
        done, of = checklists.filled(name, charted())
        assert 0 < done < of
    shown = html.count(NB.say("peers.not_reported"))
    missing = sum(of - done for done, of in (checklists.filled(name, charted()) for name in checklists.LISTS))
    assert shown == missing
    assert html.count(NB.say("peers.not_applicable")) == len(checklists.NOT_APPLICABLE)
    assert "CONSORT" not in checklists.block(EXAMPLES["before_after"](), NB)
