"""What a study learnt from earlier ones, in words: what it was led to expect, and what it would have said without."""

from __future__ import annotations

import math

from impl.release.release import LINKS, ModelSummary, NetworkPrior
from impl.report.language import Language

NORMAL_90 = 1.645  # half the width of the 90 % interval of a standard normal


def network_prior_text(model: ModelSummary, network: NetworkPrior, language: Language) -> str:
    """Three sentences for the method's line on priors: from whom, what was expected, and the answer without it."""
    link = LINKS[model.likelihood]
    percent = language.percent(100 * (1 - network.vague_weight))
    texts = [
        language.count("method.learnt.from", network.studies, {"percent": percent}),
        language.say(f"method.learnt.expected_{link}", _range(network.mean, network.sd, link, language)),
    ]
    if network.without is not None:
        own = _range(network.without.mean, network.without.sd, link, language)
        texts.append(language.say(f"method.learnt.without_{link}", own))
    if network.posterior_vague_weight is not None:
        share = language.percent(100 * (1 - network.posterior_vague_weight))
        texts.append(language.say("method.learnt.weight", {"percent": share}))
    return " ".join(texts)


def _range(mean: float, sd: float, link: str, language: Language) -> dict[str, str]:
    """Middle and 90 % interval, as a ratio where the link is one of ratios."""
    ends = (mean, mean - NORMAL_90 * sd, mean + NORMAL_90 * sd)
    shown = ends if link == "identity" else tuple(math.exp(end) for end in ends)
    return dict(zip(("value", "low", "high"), (language.number(end, 2) for end in shown), strict=True))
