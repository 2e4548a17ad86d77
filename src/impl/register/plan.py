"""What of a study is frozen when it is registered, and where a later study differs from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import Field

from impl.study.study import (
    AudienceName,
    Decision,
    Delivery,
    Estimand,
    Identifier,
    Interruption,
    Measures,
    ModelChoice,
    Moderator,
    Notebook,
    Planned,
    Study,
)
from impl.study.value import MeasureId, Translated, Value, canonical_json

Timing = Literal["before_data", "during_data", "after_data"]
"""When a plan was registered, seen from its data: before their first day, until their last, or later."""


class Plan(Value):
    """What a study promises. Later fields have defaults that say what older plans meant.

    starts: which start counts. contrasts, moderators: of the adaptation log. dose: component and curve of the audits.
    covariates: those that enter the model. by_unit: one run and report for each unit. rest: hash of all else, by key of the study file.
    """

    id: Identifier
    title: Translated
    question: Translated
    notebook: Notebook
    design: Literal["before_after", "stepped_wedge"]
    bundles: tuple[MeasureId, ...]
    measures: Measures
    randomised: bool
    starts: Literal["allocated", "actual"]
    estimand: Estimand
    decision: Decision
    model: ModelChoice
    planned: Planned
    contrasts: tuple[str, ...] = ()
    moderators: tuple[Moderator, ...] = ()
    dose: tuple[str, str] | None = None
    intensity: bool = False
    covariates: tuple[MeasureId, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    delivery: Delivery = Delivery()
    by_unit: bool = False
    audience: AudienceName = "public"
    synthetic: bool = False
    seed: int
    rest: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that is not as planned. code: dotted key of the plan, or `rest.<key of the study file>`. planned, actual:
    as short text; None where there was nothing, and both where the plan holds a hash alone."""

    code: str
    planned: str | None = None
    actual: str | None = None


def plan_of(study: Study) -> Plan | None:
    """The plan of a study, of a unit's study that of the whole; None where it has no `planned` or estimates nothing."""
    whole = study.as_declared
    if whole.planned is None or whole.estimates_nothing:
        return None
    log, audits, strategies = whole.adaptations, whole.fidelity, whole.strategies
    return Plan(
        id=whole.id,
        title=whole.title,
        question=whole.question,
        notebook=whole.notebook,
        design=whole.kind,
        bundles=whole.bundles,
        measures=whole.measures,
        randomised=whole.rollout.randomised,
        starts=whole.rollout.starts,
        estimand=whole.estimand,
        decision=whole.decision,
        model=whole.model,
        planned=whole.planned,
        contrasts=() if log is None else log.contrasts,
        moderators=() if log is None else log.moderators,
        dose=None if audits is None else (audits.component, audits.curve),
        intensity=strategies is not None and strategies.intensity,
        covariates=() if whole.covariates is None else whole.covariates.use,
        interruptions=whole.interruptions,
        delivery=whole.delivery,
        by_unit=whole.units is not None,
        audience=whole.audience,
        synthetic=whole.synthetic,
        seed=whole.seed,
        rest=_rest(whole),
    )


def plan_sha256(study: Study) -> str:
    """Hash of the whole study file as a value; of a unit's study that of the file it was resolved from."""
    return _sha256(study.as_declared.model_dump(mode="json", by_alias=True))


def changes(planned: Plan, actual: Plan) -> tuple[Change, ...]:
    """Every difference between two plans, in the order of the plan's fields."""
    before, after = (dict(_leaves(plan.model_dump(mode="json", by_alias=True))) for plan in (planned, actual))
    keys = [key for key in dict.fromkeys((*before, *after)) if before.get(key) != after.get(key)]
    return tuple(
        Change(code=key)
        if key.startswith("rest.")
        else Change(code=key, planned=_short(before.get(key)), actual=_short(after.get(key)))
        for key in keys
    )


def timing(registered: date, data_from: date | None, data_to: date) -> Timing:
    """When a plan was registered, seen from its data; without `data_from` nothing counts as before them."""
    if registered > data_to:
        return "after_data"
    return "before_data" if data_from is not None and registered < data_from else "during_data"


_BY_VALUE = {
    "schema", "title", "question", "id", "notebook", "design", "bundle", "other_bundles", "measures", "estimand",
    "decision", "model", "planned", "interruptions", "delivery", "audience", "synthetic", "seed",
}  # fmt: skip
"""Keys of the study file that the plan holds by value, and under others:"""
_BY_VALUE_WITHIN = {
    "rollout": {"randomised", "starts"},
    "adaptations": {"contrasts", "moderators"},
    "fidelity": {"component", "curve"},
    "strategies": {"intensity"},
    "covariates": {"use"},
}


def _rest(study: Study) -> dict[str, str]:
    found = {}
    for key, value in study.model_dump(mode="json", by_alias=True).items():
        if key not in _BY_VALUE and value is not None:
            held = _BY_VALUE_WITHIN.get(key, set())
            found[key] = _sha256({name: value[name] for name in value if name not in held} if held else value)
    return found


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values; a list is one value, and so is nothing."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        elif value is not None and value != []:
            yield above + key, value


def _short(value: Any) -> str | None:
    """A value as a reader sees it: texts and numbers as they are, lists with commas."""
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(canonical_json(item) if isinstance(item, dict) else str(item) for item in value)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
