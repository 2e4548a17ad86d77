"""The measures that are always shown beside the primary one, evaluated the same way: paired measures, and
negative controls, which the bundle should not move."""

from __future__ import annotations

from impl.data.panel import Panel
from impl.model.build import build_model
from impl.model.checks import check_fit
from impl.model.estimate import estimate
from impl.model.fit import Profile, sample
from impl.model.values import Evaluation
from impl.study.study import Study


def evaluate_paired(study: Study, panel: Panel, *, profile: Profile = "full") -> tuple[Evaluation, ...]:
    """Build, sample, estimate and check each paired measure and negative control, in the study's order."""
    evaluations = []
    for measure in (*study.measures.paired, *study.measures.negative_controls):
        fit = sample(build_model(study, panel, measure), study, profile=profile)
        evaluations.append(Evaluation(estimates=estimate(fit), checks=check_fit(fit)))
    return tuple(evaluations)
