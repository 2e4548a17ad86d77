"""Making a Release: the only place where confidential numbers become public ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

import pandas as pd

from impl.data.adaptation import cohen_kappa
from impl.data.panel import Panel
from impl.disclosure import further, rules
from impl.disclosure.attack import Shown, check_release, modelled_cells
from impl.disclosure.counts import Evaluations, released_counts, shows_zero, suppressed_counts
from impl.disclosure.delivery import dose_estimates, fidelity_section
from impl.disclosure.rules import Counted
from impl.disclosure.sustainment import sustainment_section
from impl.disclosure.use import cost_section, fit_answers, overlap_rows, prediction_section, timeline
from impl.errors import DesignError, Fault
from impl.model.values import Checks as FitChecks
from impl.model.values import Criticism, Estimates, Evaluation, Implementation, Robustness
from impl.release.release import (
    Checks,
    Design,
    Disclosure,
    Estimate,
    Release,
    ReleasedBundle,
    ReleasedMeasure,
    ReleaseWarning,
    RunSummary,
    SiteStart,
    StudySummary,
    Suppressed,
    Verdict,
)
from impl.release.sections import AdaptationRow, AdaptationSection, Sections
from impl.study.catalogue import Measure
from impl.study.identity import Identity, identify
from impl.study.load import read_bundle, read_measure
from impl.study.study import Study

Findings = Sequence[Criticism | Robustness | Implementation]
PROBABILITIES = ("p_better", "p_worthwhile", "p_negligible", "p_harm")
CONTRASTED = ("yes", "no")
"""Groups whose difference the contrast `consistent` is."""


def _check_complete(study: Study, evaluated: Collection[str]) -> None:
    """Every declared measure is reported; a notebook cannot leave one out."""
    declared = set(study.measures.declared)
    if declared != set(evaluated):
        raise DesignError(
            [
                Fault(
                    code="design.measures",
                    where=f"notebook {study.notebook}",
                    got=f"evaluations of {', '.join(sorted(evaluated))}",
                    allowed=f"those of {', '.join(sorted(declared))}",
                    fix="Pass paired=impl.evaluate_paired(plan, panel, profile=profile) to make_release.",
                )
            ]
        )


def make_release(
    study: Study,
    panel: Panel,
    estimates: Estimates,
    checks: FitChecks,
    *,
    paired: Sequence[Evaluation] = (),
    findings: Findings = (),
    implementation: Implementation | None = None,
) -> Release:
    """What audience `public` may see of an evaluation.

    findings: criticism and robustness of the primary measure; their coded warnings alone enter the Release.
    implementation: of the primary measure; delivery gives the verdict its second word.

    Where the primary measure did not converge the Release holds no estimate, level, curve or verdict; a
    paired measure that did not is left out by itself, with a warning.
    Raises DisclosureError where the attack still finds a hidden number; StudyError where the catalogue
    or a declared file cannot be read.
    """
    local = implementation or Implementation()
    evaluations = {
        evaluation.estimates.measure: evaluation
        for evaluation in (Evaluation(estimates=estimates, checks=checks), *paired)
    }
    _check_complete(study, evaluations.keys())
    measures = {name: read_measure(name, study.root) for name in evaluations}
    converged = {
        name: evaluation
        for name, evaluation in evaluations.items()
        if checks.passed and evaluation.checks.passed
    }
    laws = {name: rules.counted(measure) for name, measure in measures.items()}
    released = released_counts(panel, laws, evaluations, converged)
    if study.measures.primary in converged:
        released = further.with_scenario(panel, laws, released, estimates)
    suppressed = Counter[str]()
    for place, count in suppressed_counts(released, evaluations, converged):
        suppressed[place] += count
    rows: list[Estimate] = []
    for name, evaluation in converged.items():
        primary = name == study.measures.primary
        table = further.offered(evaluation.estimates, measures[name], primary=primary)
        kept = _estimates(table, evaluation.estimates, measures[name], panel, released[name], study)
        rows += kept
        suppressed["estimates"] += _left_out(table, kept)
    section, suppressed["adaptations"] = _adaptations(study, panel, estimates)
    fidelity, suppressed["fidelity"] = fidelity_section(study, local.delivery, local.dose)
    lasting, suppressed["sustainment"] = sustainment_section(local.sustainment)
    if study.measures.primary not in converged or estimates.profile == "smoke":
        lasting = None
    else:
        primary_measure = measures[estimates.measure]
        rows += dose_estimates(primary_measure, study.bundle, fidelity, local.dose, estimates.window)
    verdict = None
    if study.measures.primary in converged and not _without_probabilities(
        estimates, measures[estimates.measure]
    ):
        shown = local.delivery is not None and fidelity is not None and fidelity.median is not None
        delivered = local.delivery.verdict if local.delivery is not None and shown else "unknown"
        verdict = Verdict(outcome=estimates.outcome, delivery=delivered) if estimates.outcome else None
    identity = identify(study, profile=estimates.profile)
    release = Release(
        study=_study_summary(study, panel, measures, identity),
        run=_run_summary(identity, estimates, evaluations),
        status="ok" if checks.passed else "not_converged",
        design=_design(study, panel, estimates, evaluations, (*findings, local), released, section),
        estimates=tuple(rows),
        comparisons=tuple(item.comparison for item in released.values() if item.comparison is not None),
        curves=tuple(item.curve for item in released.values() if item.curve is not None),
        sections=Sections(
            adaptations=section,
            fidelity=fidelity,
            sustainment=lasting,
            prediction=prediction_section(estimates, rows),
            costs=cost_section(study, panel, estimates),
            overlap=overlap_rows(study, panel, estimates.measure),
            timeline=timeline(panel),
            fit=fit_answers(panel),
        ),
        verdict=verdict,
        checks=Checks(
            rows=tuple(row for evaluation in evaluations.values() for row in evaluation.checks.rows),
            retried=any(evaluation.checks.retried for evaluation in evaluations.values()),
            draws=checks.draws,
            chains=checks.chains,
        ),
        disclosure=Disclosure(
            audience=study.audience,
            rules=(
                (*rules.RULES, rules.ZERO_SHOWN) if any(map(shows_zero, released.values())) else rules.RULES
            ),
            suppressed=tuple(
                Suppressed(place=place, count=count) for place, count in sorted(suppressed.items()) if count
            ),
        ),
    )
    windows = {name: evaluation.estimates.window for name, evaluation in evaluations.items()}
    check_release(release, panel, laws, windows)
    return release


# --- estimates


def _without_probabilities(estimates: Estimates, measure: Measure) -> bool:
    return estimates.profile == "smoke" or measure.direction == "ambiguous"


def _estimates(
    table: pd.DataFrame, estimates: Estimates, measure: Measure, panel: Panel, shown: Shown, study: Study
) -> list[Estimate]:
    """The rows of the estimate table that may be shown, rounded."""
    law = rules.counted(measure)
    few = _few_sites(estimates, study)
    unshared = _few_moderators(panel, estimates)
    sparse = _sparse_exposures(panel, estimates.measure, law)
    after_hidden = shown.comparison is None or shown.comparison.after is None
    scales = further.one_scale(measure)
    kept = []
    for row in table.to_dict("records"):
        estimand, group = row["estimand"], row["group"]
        if estimand == "contrast" and few & set(CONTRASTED):
            continue
        if estimand == "group" and str(group).partition(":")[2] in few:
            continue
        if estimand == "moderation" and (set(str(group).split("-")) & unshared or row["scale"] not in scales):
            continue
        if estimand in ("group", "contrast") and row["scale"] == "averted":
            continue  # events of some of the sites
        if estimand == "pte" and int(row["from"]) in sparse:
            continue
        if after_hidden and row["scale"] not in scales:
            continue
        if further.is_withheld(row, panel, estimates, shown, law):
            continue
        kept.append(_estimate(row, _without_probabilities(estimates, measure)))
    return kept


def _estimate(row: Mapping[Hashable, Any], without_probabilities: bool) -> Estimate:
    chances = {
        name: None if without_probabilities else rules.probability(_number(row[name]))
        for name in PROBABILITIES
    }
    return Estimate(
        measure=row["measure"],
        bundle=row["bundle"],
        estimand=row["estimand"],
        from_=_whole(row["from"]),
        to=_whole(row["to"]),
        scale=row["scale"],
        group=None if pd.isna(row["group"]) else str(row["group"]),
        level=float(row["level"]),
        **{name: rules.estimate(float(row[name])) for name in ("mean", "sd", "median", "lower", "upper")},
        **chances,
    )


def _left_out(table: pd.DataFrame, kept: Sequence[Estimate]) -> int:
    """Estimands that lost a scale or all of them; the levels of one are not counted apart."""
    asked = Counter(
        (row["estimand"], _whole(row["from"]), None if pd.isna(row["group"]) else row["group"])
        for row in table.to_dict("records")
    )
    told = Counter((row.estimand, row.from_, row.group) for row in kept)
    return len(asked - told)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _whole(value: float | None) -> int | None:
    return None if value is None or pd.isna(value) else int(value)


def _few_sites(estimates: Estimates, study: Study) -> set[str]:
    """Groups of the contrast that stand for fewer sites than may be shown."""
    if study.adaptations is None or "consistent" not in study.adaptations.contrasts:
        return set()
    groups = set(CONTRASTED) | set(estimates.contrast_sites)
    return {group for group in groups if estimates.contrast_sites.get(group, 0) < rules.SMALLEST_GROUP}


def _few_moderators(panel: Panel, estimates: Estimates) -> set[str]:
    """Moderators that fewer than three sites have, or fewer than three lack."""
    cells = modelled_cells(panel, estimates.measure)
    treated = int(cells.loc[cells["exposure"] > 0, "site"].nunique())
    limit = rules.SMALLEST_GROUP
    sites = estimates.moderator_sites.items()
    return {name for name, count in sites if count < limit or 0 < treated - count < limit}


def _sparse_exposures(panel: Panel, measure: str, law: Counted) -> set[int]:
    """Exposure times whose effect stands for a hidden count of one or two sites."""
    cells = modelled_cells(panel, measure)
    return {
        int(exposure)
        for exposure in cells.loc[cells["exposure"] > 0, "exposure"].unique()
        if further.is_sparse(cells[cells["exposure"] == exposure], law)
    }


def _agreement(codings: pd.DataFrame | None) -> dict[str, Any]:
    """Cohen's kappa of nature and of «kept the core», where something was coded twice."""
    if codings is None or not len(codings):
        return {}
    found = {column: cohen_kappa(codings, column).kappa for column in ("nature", "consistent")}
    kappas = {
        f"kappa_{name}": None if math.isnan(value) else round(value, 2) for name, value in found.items()
    }
    return {"coded_twice": len(codings), **kappas}


# --- what stands around the numbers


def _study_summary(
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


def _run_summary(identity: Identity, estimates: Estimates, evaluations: Evaluations) -> RunSummary:
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


def _design(
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
        rollout=tuple(
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
        ),
        window_from=estimates.window[0],
        window_to=estimates.window[1],
        models=tuple(
            evaluation.estimates.model.model_copy(update={"events": released[name].events})
            for name, evaluation in evaluations.items()
        ),
        warnings=tuple(_warnings(study, panel, estimates, evaluations, findings, section)),
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
        for group in sorted(_few_sites(estimates, study)):
            sites = estimates.contrast_sites.get(group, 0)
            if sites or group in CONTRASTED:
                found.append(("contrast_few_sites", {"group": group, "sites": sites}))
    for name in sorted(_few_moderators(panel, estimates)):
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


def _adaptations(study: Study, panel: Panel, estimates: Estimates) -> tuple[AdaptationSection | None, int]:
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
