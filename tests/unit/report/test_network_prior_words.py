"""The report says what a study learnt from others, in every language and on every link."""

from __future__ import annotations

import pytest

from example_release import staggered
from impl.release.release import NetworkPrior, StatedBelief
from impl.report.language import language_codes, read_language
from impl.report.study.method import lines

LEARNT = NetworkPrior(
    runs=("a" * 12, "b" * 12), studies=2, mean=-0.2, sd=0.3, inflation=1.25, vague_weight=0.5, vague_sd=0.5,
    posterior_vague_weight=0.25, surprise=0.4, without=StatedBelief(mean=-0.1, sd=0.2),
)  # fmt: skip


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("likelihood", ["negbin", "binomial", "normal"])
@pytest.mark.parametrize("studies", [1, 2])
def test_the_method_says_what_was_learnt(code: str, likelihood: str, studies: int) -> None:
    release, language = staggered(), read_language(code)
    network = LEARNT.model_copy(update={"studies": studies})
    models = tuple(
        model.model_copy(update={"likelihood": likelihood, "priors": "network", "network": network})
        for model in release.design.models
    )
    learnt = release.model_copy(update={"design": release.design.model_copy(update={"models": models})})
    text = " ".join(lines(learnt, language))
    expected = {"negbin": -0.2, "binomial": -0.2, "normal": None}[likelihood]
    assert language.number(0.82 if expected else -0.2, 2) in text
    assert language.number(0.90 if expected else -0.1, 2) in text, "the answer without the network"
    assert f"{language.percent(75)}" in text, "weight of the earlier studies after the data"
    assert language.say("method.priors_network") in text
    assert " ".join(lines(release, language)) != text
