"""The verdict: pre-declared limits on pre-declared probabilities (docs/model.md §6)."""

from __future__ import annotations

from collections.abc import Mapping

from impl.release.release import Outcome

BENEFICIAL = 0.90  # P(beyond the smallest worthwhile change)
PROMISING = 0.95  # P(in the good direction)
HARMFUL = 0.80  # P(beyond the harm limit): lower than for benefit, on purpose, and the report says so
NEGLIGIBLE = 0.90  # P(smaller than the negligible change, either way)


def decide(direction: str, chances: Mapping[str, float], *, absence_showable: bool = False) -> Outcome | None:
    """Verdict from the probabilities of the headline estimand; None where no direction is good.

    absence_showable: whether a study with so many sites and so much variation could be expected to show absence
    of effect, whatever this one found (`impl.model.assurance`); without it `negligible` is never given.

    Order: what limits say of size comes before direction. A change that is surely too small to matter is
    `negligible` even if its direction is sure, since `promising` would ask for more of what is known not to
    matter. Benefit and harm come first: a study that sets these limits inside the negligible band has said
    that such changes matter.
    """
    if direction == "ambiguous":
        return None
    if chances["p_worthwhile"] >= BENEFICIAL:
        return "beneficial"
    if chances["p_harm"] >= HARMFUL:
        return "harmful"
    if absence_showable and chances["p_negligible"] >= NEGLIGIBLE:
        return "negligible"
    if chances["p_better"] >= PROMISING:
        return "promising"
    return "uncertain"
