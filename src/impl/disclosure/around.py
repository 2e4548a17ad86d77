"""What stands around the numbers of a Release: the study, the run, the design, its warnings, the adaptation log."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import rules
from impl.disclosure.audience import audience_of
from impl.disclosure.counts import Evaluations
from impl.disclosure.functionals import Shown, modelled_cells
from impl.logs.adaptation import cohen_kappa
from impl.model.values import Criticism, Estimates, Implementation, Robustness
from impl.release.release import (
    Design,
    ReleasedBundle,
    ReleasedMeasure,
    ReleaseWarning,
    RunSummary,
    SiteStart,
    StudySummary,
)
from impl.release.sections import AdaptationRow, AdaptationSection
from impl.study.catalogue import Measure
from impl.study.identity import Identity
from impl.study.load import read_bundle
from impl.study.study import Study

Findings = Sequence[Criticism | Robustness | Implementation]
CONTRASTED = ("yes", "no")
"""Groups whose difference the contrast `consistent` is."""


def study_summary(
    study: Study, panel: Panel, measures: Mapping[str, Measure], identity: Identity
) -> StudySummary:
    bundle, *others = (_bundle(name, study) for name in study.bundles)
    return StudySummary(
        id=study.id,
        title=study.title,
        question=study.question,
        notebook=study.notebook,
        measures=tuple(
            ReleasedMeasure(
                id=measure.id,
                role=_role(measure.id, study),
                name=measure.name,
                events=measure.events,
                exposure=measure.exposure,
                unit=measure.unit,
                kind=measure.kind,
                per=measure.per,
                direction=measure.direction,
                headline_scale=measure.headline_scale,
                example=measure.example,
            )
            for measure in measures.values()
        ),
        bundles=(bundle,),
        other_bundles=tuple(others),
        plan_sha256=identity.plan_sha256,
        data_from=panel.periods[0].start,
        data_to=panel.periods[-1].end,
        vintage=panel.vintage,
        worthwhile=study.decision.worthwhile,
        harm=study.decision.harm,
        negligible=study.decision.negligible,
        synthetic=study.synthetic,
        valid_months=study.valid_months,
        wave=study.wave,
    )


def _role(measure: str, study: Study) -> Literal["primary", "paired", "negative_control"]:
    if measure == study.measures.primary:
        return "primary"
    return "paired" if measure in study.measures.paired else "negative_control"


def _bundle(name: str, study: Study) -> ReleasedBundle:
    bundle = read_bundle(name, study.root)
    return ReleasedBundle(
        id=bundle.id,
        name=bundle.name,
        the_bundle=bundle.the_bundle,
        version=bundle.version,
        components=bundle.components,
    )


def run_summary(identity: Identity, estimates: Estimates, evaluations: Evaluations) -> RunSummary:
    return RunSummary(
        id=identity.run_id,
        profile=estimates.profile,
        seed=estimates.seed,
        impl=identity.impl,
        lock_sha256=identity.lock_sha256,
        git_commit=identity.git_commit,
        started=estimates.started,
        seconds=round(sum(evaluation.estimates.seconds for evaluation in evaluations.values()), 1),
    )


def design(
    study: Study,
    panel: Panel,
    estimates: Estimates,
    evaluations: Evaluations,
    findings: Findings,
    released: Mapping[str, Shown],
    section: AdaptationSection | None,
) -> Design:
    wedge = estimates.kind == "stepped_wedge"
    return Design(
        kind=estimates.kind,
        grade=("randomised" if study.rollout.randomised else "staggered") if wedge else "before_after",
        selection=study.rollout.selection,
        sites=len(panel.sites),
        periods=len(panel.periods),
        period_months=panel.period_months,
        sequences=estimates.sequences,
        randomised=study.rollout.randomised,
        rollout=released_rollout(panel),
        window_from=estimates.window[0],
        window_to=estimates.window[1],
        models=tuple(
            evaluation.estimates.model.model_copy(update={"events": released[name].events})
            for name, evaluation in evaluations.items()
        ),
        warnings=tuple(_warnings(study, panel, estimates, evaluations, findings, section)),
    )


def released_rollout(panel: Panel) -> tuple[SiteStart, ...]:
    """Every site's dates as they are drawn."""
    return tuple(
        SiteStart(
            site=row["site"],
            name=panel.names.get(row["site"], row["site"]),
            state=row["state"],
            allocated_start=_day(row["allocated_start"]),
            actual_start=_day(row["actual_start"]) if row["state"] == "start" else None,
            transition_end=_day(row["transition_end"]),
            stop=_day(row["stop"]),
        )
        for row in panel.rollout.to_dict("records")
    )


def _day(value: Any) -> date | None:
    if value is None or pd.isna(value):
        return None
    return date(value.year, value.month, value.day)


def _warnings(
    study: Study,
    panel: Panel,
    estimates: Estimates,
    evaluations: Evaluations,
    findings: Findings,
    section: AdaptationSection | None,
) -> Iterator[ReleaseWarning]:
    """Warnings of data, models and disclosure, each said once; a paired measure's only where it is new."""
    found: list[tuple[str, dict[str, float | int | str]]] = [
        (warning.code, dict(warning.values)) for warning in panel.warnings
    ]
    found += estimates.warnings
    if evaluations[estimates.measure].checks.passed:  # of a failed fit there is nothing to doubt
        found += [warning for finding in findings for warning in finding.warnings]
    if estimates.kind == "stepped_wedge" and not study.rollout.randomised:
        found.append(("not_randomised", {}))
    if estimates.profile == "smoke":
        found.append(("smoke", {}))
    if section is not None and section.contrast is not None:
        for group in sorted(few_sites(estimates, study)):
            sites = estimates.contrast_sites.get(group, 0)
            if sites or group in CONTRASTED:
                found.append(("contrast_few_sites", {"group": group, "sites": sites}))
    for name in sorted(few_moderators(panel, estimates, study)):
        found.append(("moderator_few_sites", {"moderator": name}))
    seen = {code for code, _ in found}
    for name, evaluation in evaluations.items():
        if name == estimates.measure:
            continue
        if not evaluation.checks.passed:
            found.append(("paired_not_converged", {"measure": name}))
        elif name in study.measures.negative_controls and _moved(evaluation.estimates):
            found.append(("negative_control_moved", {"measure": name}))
        found += [
            (code, {**values, "measure": name})
            for code, values in evaluation.estimates.warnings
            if code not in seen
        ]
    said: list[tuple[str, dict[str, float | int | str]]] = []
    for code, values in found:
        rounded = {
            key: rules.estimate(value) if isinstance(value, float) else value for key, value in values.items()
        }
        if (code, rounded) not in said:
            said.append((code, rounded))
            yield ReleaseWarning(code=code, values=rounded)


def _moved(estimates: Estimates) -> bool:
    """Whether the 90 % interval of the time-averaged effect leaves none out: 95 % sure of a direction."""
    table = estimates.table
    row = table[(table["estimand"] == "tate") & (table["scale"] == "link") & (table["level"] == 0.9)].iloc[0]
    return bool(row["lower"] > 0 or row["upper"] < 0)


def adaptation_section(
    study: Study, panel: Panel, estimates: Estimates
) -> tuple[AdaptationSection | None, int]:
    """The log in coded words, and how many entries were free text and are left out."""
    if panel.adaptations is None:
        return None, 0
    free_text = 0

    def word(text: str) -> str:
        nonlocal free_text
        coded = rules.coded_word(text)
        free_text += coded is None
        return coded or rules.OTHER

    rows = tuple(
        AdaptationRow(
            site=row["site"],
            name=panel.names.get(row["site"], row["site"]),
            start=_day(row["start"]),
            end=_day(row["end"]),
            component=word(row["component"]),
            nature=";".join(word(part) for part in row["nature"].split(";")),
            consistent=row["consistent"],
            planned=row["planned"],
        )
        for row in panel.adaptations.to_dict("records")
    )
    declared = study.adaptations is not None and "consistent" in study.adaptations.contrasts
    section = AdaptationSection(
        rows=rows,
        contrast="consistent" if declared else None,
        sites_with=dict(estimates.contrast_sites) if declared else {},
        moderators=dict(estimates.moderator_sites),
        randomised=study.adaptations is not None and study.adaptations.randomised,
        **_agreement(panel.codings),
    )
    return section, free_text


def _agreement(codings: pd.DataFrame | None) -> dict[str, Any]:
    """Cohen's kappa of nature and of «kept the core», where something was coded twice."""
    if codings is None or not len(codings):
        return {}
    found = {column: cohen_kappa(codings, column).kappa for column in ("nature", "consistent")}
    kappas = {
        f"kappa_{name}": None if math.isnan(value) else round(value, 2) for name, value in found.items()
    }
    return {"coded_twice": len(codings), **kappas}


def few_sites(estimates: Estimates, study: Study) -> set[str]:
    """Groups of the contrast that stand for fewer sites than may be shown."""
    if study.adaptations is None or "consistent" not in study.adaptations.contrasts:
        return set()
    groups = set(CONTRASTED) | set(estimates.contrast_sites)
    return {
        group
        for group in groups
        if estimates.contrast_sites.get(group, 0) < audience_of(study.audience).sites
    }


def few_moderators(panel: Panel, estimates: Estimates, study: Study) -> set[str]:
    """Moderators that too few sites have, or too few lack."""
    cells = modelled_cells(panel, estimates.measure)
    treated = int(cells.loc[cells["exposure"] > 0, "site"].nunique())
    limit = audience_of(study.audience).sites
    sites = estimates.moderator_sites.items()
    return {name for name, count in sites if count < limit or 0 < treated - count < limit}
