"""The questions that only implementation research asks of a fit, in one call."""

from __future__ import annotations

from impl.data.panel import Panel
from impl.model.fit import Profile
from impl.model.fitted import Fit
from impl.model.local.delivery import evaluate_delivery
from impl.model.local.dose import evaluate_dose
from impl.model.local.moderation import check_moderation
from impl.model.local.starts import evaluate_other_start
from impl.model.local.sustainment import evaluate_sustainment
from impl.model.values import Implementation
from impl.study.study import Study


def evaluate_implementation(
    fit: Fit, study: Study, panel: Panel, *, profile: Profile = "full"
) -> Implementation:
    """Which adaptations went with the effect, whether the bundle was delivered, how the effect grows with that,
    whether it lasts, and what it is by the start that does not count: each where the study brings what it needs. fit: of
    the primary measure."""
    delivery = evaluate_delivery(fit, study, panel, profile=profile)
    return Implementation(
        moderation=check_moderation(fit, study, profile=profile),
        delivery=delivery,
        dose=evaluate_dose(fit, study, delivery, profile=profile),
        sustainment=evaluate_sustainment(fit, study, panel, profile=profile),
        other_start=evaluate_other_start(fit, study, panel, profile=profile),
    )
