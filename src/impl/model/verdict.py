"""The verdict: pre-declared limits on pre-declared probabilities (docs/model.md §6)."""

from __future__ import annotations

from collections.abc import Mapping

from impl.release.release import Outcome

BENEFICIAL = 0.90  # P(beyond the smallest worthwhile change)
PROMISING = 0.95  # P(in the good direction)
HARMFUL = 0.80  # P(beyond the harm limit): lower than for benefit, on purpose, and the report says so


def decide(direction: str, chances: Mapping[str, float]) -> Outcome | None:
    """Verdict from the probabilities of the headline estimand; None where no direction is good.

    `negligible` is never given here: it needs the design's assurance, computed before data.
    """
    if direction == "ambiguous":
        return None
    if chances["p_worthwhile"] >= BENEFICIAL:
        return "beneficial"
    if chances["p_harm"] >= HARMFUL:
        return "harmful"
    if chances["p_better"] >= PROMISING:
        return "promising"
    return "uncertain"
