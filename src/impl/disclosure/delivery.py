"""What may be shown of the audits of delivery: shares over enough audited sites and no small counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from impl.disclosure import rules
from impl.disclosure.audience import Audience, audience_of
from impl.disclosure.rules import Counted
from impl.model.values import DeliveryEvidence, DoseResponse
from impl.release.release import Estimate
from impl.release.sections import ComponentShare, DeliveryStep, FidelitySection
from impl.study.catalogue import Measure
from impl.study.study import Study


def audit(audience: Audience) -> Counted:
    """An audit hides like a proportion: those who got the bundle, and those who did not."""
    return Counted(kind="proportion", per=100.0, persons=True, audience=audience)


def fidelity_section(
    study: Study, evidence: DeliveryEvidence | None, dose: DoseResponse | None
) -> tuple[FidelitySection | None, int]:
    """The section, and how many numbers of it are hidden. With one doctor a site, a share is about a person."""
    if evidence is None or not evidence.passed:
        return None, 0
    law = audit(audience_of(study.audience))
    fewest = law.audience.sites
    steps = evidence.steps
    kept = [
        DeliveryStep(
            from_=int(row["from"]),
            to=int(row["to"]),
            **{name: _share(float(row[name])) for name in ("lower", "median", "upper")},
        )
        for row in steps.to_dict("records")
        if not _is_hidden(row["audited"], row["delivered"], row["eligible"], law)
    ]
    whole = _is_hidden(steps["audited"].max(), steps["delivered"].sum(), steps["eligible"].sum(), law)
    known = {
        "p_delivered": rules.probability(evidence.p_delivered),
        "p_not_delivered": rules.probability(evidence.p_not_delivered),
        **{
            name: _share(value)
            for name, value in zip(("lower", "median", "upper"), evidence.overall, strict=True)
        },
    }
    before = None
    if evidence.before is not None and not _is_hidden(fewest, *evidence.before_counts, law):
        before = _share(evidence.before)
    told = dose if dose is not None and dose.passed and not whole else None
    parts = [
        ComponentShare(
            component=rules.coded_word(row["component"]) or rules.OTHER,
            share=_share(row["delivered"] / row["eligible"]),
            sites=int(row["sites"]),
        )
        for row in evidence.components.to_dict("records")
        if not _is_hidden(row["sites"], row["delivered"], row["eligible"], law)
    ]
    axes: dict[Any, float] = {
        row["group"]: _share(float(row["share"]))
        for row in evidence.by_adaptation.to_dict("records")
        if row["sites"] >= fewest
    }
    section = FidelitySection(
        components=() if whole else tuple(parts),
        by_adaptation={} if whole or len(axes) < 2 else axes,
        component=rules.coded_word(evidence.component) or rules.OTHER,
        before=None if whole else before,
        delivered=study.delivery.delivered,
        not_delivered=study.delivery.not_delivered,
        steps=() if whole else tuple(kept),
        curve=told.curve if told else None,
        smallest=told.smallest if told else None,
        response=tuple((share, _share(part)) for share, part in told.response) if told else (),
        **({} if whole else known),
    )
    return section, len(steps) - len(section.steps) + whole


def dose_estimates(
    measure: Measure,
    bundle: str,
    section: FidelitySection | None,
    dose: DoseResponse | None,
    window: tuple[int, int],
) -> tuple[Estimate, ...]:
    """The dose-response on the headline scale; none where delivery itself is hidden."""
    if section is None or section.median is None or dose is None or not dose.passed:
        return ()
    rows: list[tuple[Literal["dose", "dose_target"], float, Mapping[Any, float], float | None]]
    rows = [("dose", row["fidelity"], row, row["p_worthwhile"]) for row in dose.points.to_dict("records")]
    rows.append(("dose_target", dose.target, dict(dose.at_target), None))
    return tuple(
        Estimate(
            measure=measure.id,
            bundle=bundle,
            estimand=estimand,
            from_=window[0],
            to=window[1],
            scale=measure.headline_scale,
            group=f"{share:.1f}",
            level=0.9,
            p_worthwhile=None if chance is None else rules.probability(chance),
            **{name: rules.estimate(row[name]) for name in ("mean", "sd", "median", "lower", "upper")},
        )
        for estimand, share, row, chance in rows
    )


def _share(value: float) -> float:
    """Whole per cent: nobody decides on less, and a count cannot be worked out from it."""
    return round(value, 2)


def _is_hidden(sites: float, delivered: float, eligible: float, law: Counted) -> bool:
    return sites < law.audience.sites or rules.is_hidden(delivered, eligible, law)
