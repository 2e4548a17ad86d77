"""What may be shown of the audits of delivery: shares over at least three audited sites and no small counts."""

from __future__ import annotations

from impl.disclosure import rules
from impl.disclosure.rules import Counted
from impl.model.values import DeliveryEvidence
from impl.release.release import DeliveryStep, FidelitySection
from impl.study.study import Study

AUDIT = Counted(kind="proportion", per=100.0, persons=True)
"""An audit hides like a proportion: those who got the bundle, and those who did not."""


def fidelity_section(study: Study, evidence: DeliveryEvidence | None) -> tuple[FidelitySection | None, int]:
    """The section, and how many numbers of it are hidden. With one doctor a site, a share is about a person."""
    if evidence is None or not evidence.passed:
        return None, 0
    steps = evidence.steps
    kept = [
        DeliveryStep(
            from_=int(row["from"]),
            to=int(row["to"]),
            **{name: _share(float(row[name])) for name in ("lower", "median", "upper")},
        )
        for row in steps.to_dict("records")
        if not _is_hidden(row["audited"], row["delivered"], row["eligible"])
    ]
    whole = _is_hidden(steps["audited"].max(), steps["delivered"].sum(), steps["eligible"].sum())
    known = {
        "p_delivered": rules.probability(evidence.p_delivered),
        "p_not_delivered": rules.probability(evidence.p_not_delivered),
        **{
            name: _share(value)
            for name, value in zip(("lower", "median", "upper"), evidence.overall, strict=True)
        },
    }
    before = None
    if evidence.before is not None and not _is_hidden(rules.SMALLEST_GROUP, *evidence.before_counts):
        before = _share(evidence.before)
    section = FidelitySection(
        component=rules.coded_word(evidence.component) or rules.OTHER,
        before=None if whole else before,
        delivered=study.delivery.delivered,
        not_delivered=study.delivery.not_delivered,
        steps=() if whole else tuple(kept),
        **({} if whole else known),
    )
    return section, len(steps) - len(section.steps) + whole


def _share(value: float) -> float:
    """Whole per cent: nobody decides on less, and a count cannot be worked out from it."""
    return round(value, 2)


def _is_hidden(sites: float, delivered: float, eligible: float) -> bool:
    return sites < rules.SMALLEST_GROUP or rules.is_hidden(delivered, eligible, AUDIT)
