"""Whether an evaluation did what was registered: the register's word on the study, and everything that differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise

from impl.register.plan import Change, changes, plan_of, timing
from impl.register.register import Registered, read_register
from impl.release.release import Deviation, PlanCheck, RegisteredPlan, Release
from impl.study.study import ModelChoice, Study

CHOICES = ("likelihood", "effect", "clustering", "calendar", "trend", "season")
"""What a plan may decide of the model and a Release says of each measure in the same words."""


def plan_check(study: Study, release: Release) -> PlanCheck:
    """What the register says of the study, and where plan, data and model of its Release differ from that.

    release: as it will go out, its `plan` not yet made. Deviations are from the plan in force; that it was itself
    changed, and when, stands in `versions`, so that amending hides nothing.
    Raises StudyError where the register is broken.
    """
    registered = read_register(study.root).studies.get(study.as_declared.id)
    if registered is None:
        return PlanCheck()
    planned, newest = registered.plan.planned, registered.newest
    return PlanCheck(
        registered=True,
        study=registered.id,
        line_sha256=newest.sha256,
        deviations=_coded((*_from_plan(study, registered), *_from_release(registered, release))),
        versions=tuple(_versions(registered, release.study.data_from, release.study.data_to)),
        planned_from=date.fromisoformat(planned.data_from) if planned.data_from else None,
        planned_to=date.fromisoformat(planned.data_to),
        report_due=date.fromisoformat(planned.report_due),
        withdrawn=registered.withdrawn.reason if registered.withdrawn else None,
    )


def _from_plan(study: Study, registered: Registered) -> Iterable[Change]:
    """What has been changed in the study file since, or in the notebook before it was used."""
    actual = plan_of(study)
    if actual is None:  # the key was taken out, or the notebook estimates nothing any more
        with_dates = study.model_copy(update={"planned": registered.plan.planned})
        actual = plan_of(with_dates)
        taken = Change(code="planned.report_due", planned=registered.plan.planned.report_due)
        return (taken, *(() if actual is None else changes(registered.plan, actual)))
    return changes(registered.plan, actual)


def _from_release(registered: Registered, release: Release) -> Iterator[Change]:
    """What was done to the data and in the model that the plan says otherwise."""
    plan = registered.plan
    days = (("data_from", plan.planned.data_from, release.study.data_from),
            ("data_to", plan.planned.data_to, release.study.data_to))  # fmt: skip
    for code, promised, had in days:
        if promised is not None and promised != had.isoformat():
            yield Change(code=code, planned=promised, actual=had.isoformat())
    window = (("estimand.from", plan.estimand.from_, release.design.window_from),
              ("estimand.to", plan.estimand.to, release.design.window_to))  # fmt: skip
    for code, wanted, used in window:
        if wanted is not None and wanted != used:
            yield Change(code=code, planned=str(wanted), actual=str(used))
    for model in release.design.models:
        if model.measure == plan.measures.primary:  # what a study fixes is meant for that one
            for name, choice in _fixed(plan.model):
                if choice != getattr(model, name):
                    yield Change(code=f"model.{name}", planned=choice, actual=getattr(model, name))
    if plan.seed != release.run.seed:
        yield Change(code="seed", planned=str(plan.seed), actual=str(release.run.seed))


def _fixed(model: ModelChoice) -> Iterator[tuple[str, str]]:
    for name in CHOICES:
        if (choice := getattr(model, name)) != "auto":
            yield name, choice


def _versions(registered: Registered, data_from: date, data_to: date) -> Iterator[RegisteredPlan]:
    plans = registered.plans
    differences = [
        (), *(changes(before.plan, after.plan) for before, after in pairwise(plans) if before.plan and after.plan)
    ]  # fmt: skip
    for line, changed in zip(plans, differences, strict=True):
        yield RegisteredPlan(
            version=line.version,
            registered_at=line.registered_at,
            timing=timing(line.registered_at.date(), data_from, data_to),
            after_run=line.after_run,
            changes=_coded(changed),
        )


def _coded(found: Iterable[Change]) -> tuple[Deviation, ...]:
    """Each once: what the study file and the Release both say differs is one deviation."""
    coded = {row.code: Deviation(code=row.code, planned=row.planned, actual=row.actual) for row in found}
    return tuple(coded.values())
