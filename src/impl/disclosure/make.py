"""Making a Release: the only place where confidential numbers become public ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from impl.data.panel import Panel
from impl.disclosure import further, rules, starts
from impl.disclosure.annex import annex_section
from impl.disclosure.around import (
    CONTRASTED,
    Findings,
    adaptation_section,
    design,
    few_moderators,
    few_sites,
    run_summary,
    study_summary,
)
from impl.disclosure.attack import check_release
from impl.disclosure.audience import PUBLIC, Audience, audience_of
from impl.disclosure.counts import Evaluations, released_counts, shows_zero, suppressed_counts
from impl.disclosure.covariances import curve_correlations
from impl.disclosure.delivery import dose_estimates, fidelity_section
from impl.disclosure.earlier import earlier_releases
from impl.disclosure.functionals import Shown, modelled_cells
from impl.disclosure.plan import plan_check
from impl.disclosure.rules import Counted
from impl.disclosure.sites import with_site_counts
from impl.disclosure.spc import effect_quantiles, spc_section
from impl.disclosure.sustainment import sustainment_section
from impl.disclosure.targets import target_sections, targets_of, with_common_targets, with_site_targets
from impl.disclosure.use import cost_section, fit_answers, overlap_rows, prediction_section, timeline, wedge
from impl.errors import DesignError, Fault
from impl.model.values import Checks as FitChecks
from impl.model.values import Estimates, Evaluation, Implementation
from impl.release.release import Checks, Disclosure, Estimate, Release, Suppressed, Verdict
from impl.release.sections import Sections
from impl.study.catalogue import Measure
from impl.study.identity import identify
from impl.study.load import read_measure
from impl.study.study import Study

PROBABILITIES = ("p_better", "p_worthwhile", "p_negligible", "p_harm")


def _decide(
    panel: Panel,
    measures: Mapping[str, Measure],
    evaluations: Evaluations,
    converged: Evaluations,
    past: Sequence[Release],
    audience: Audience,
) -> dict[str, Shown]:
    """Levels, curves, totals and the scenario of the primary measure, the first one, for one audience.

    The strictest audience sees a part of what the public sees, so that the two cannot be held against each other.
    """
    within = None
    if audience.name == "open":
        within = _decide(panel, measures, evaluations, converged, past, PUBLIC)
    laws = {name: rules.counted(measure, audience) for name, measure in measures.items()}
    released = released_counts(panel, laws, evaluations, converged, past, within)
    primary = next(iter(evaluations))
    if primary in converged and (within is None or within[primary].earlier):
        released = further.with_scenario(panel, laws, released, evaluations[primary].estimates, past)
    return with_common_targets(panel, laws, released, targets_of(converged), past, within)


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
    """What the study's audience may see of an evaluation.

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
    main = measures[study.measures.primary]
    converged = {
        name: evaluation
        for name, evaluation in evaluations.items()
        if checks.passed and evaluation.checks.passed
    }
    audience = audience_of(study.audience)
    past = earlier_releases(study)
    laws = {name: rules.counted(measure, audience) for name, measure in measures.items()}
    released = _decide(panel, measures, evaluations, converged, past, audience)
    released, sites_hidden = with_site_counts(panel, laws, released, past)
    targets = targets_of(converged)
    released = with_site_targets(panel, laws, released, targets, past)
    reached, targets_hidden = target_sections(
        panel, laws, released, targets, judged=estimates.profile != "smoke"
    )
    suppressed = Counter[str]({"sites": sites_hidden, "targets": targets_hidden})
    for place, count in suppressed_counts(released, evaluations, converged):
        suppressed[place] += count
    rows: list[Estimate] = []
    for name, evaluation in converged.items():
        primary = name == study.measures.primary
        table = further.offered(evaluation.estimates, measures[name], primary=primary)
        kept = _estimates(table, evaluation.estimates, measures[name], panel, released[name], study)
        rows += kept
        suppressed["estimates"] += _left_out(table, kept)
    section, suppressed["adaptations"] = adaptation_section(study, panel, estimates)
    fidelity, suppressed["fidelity"] = fidelity_section(study, local.delivery, local.dose)
    lasting, suppressed["sustainment"] = sustainment_section(local.sustainment, audience)
    if study.measures.primary not in converged or estimates.profile == "smoke":
        lasting = None
    else:
        shown_primary = released[estimates.measure]
        extra, withheld = starts.shown_rows(
            local.other_start, panel, shown_primary, main, laws[estimates.measure]
        )
        rows += [_estimate(row, _without_probabilities(estimates, main)) for row in extra]
        suppressed["estimates"] += withheld
        rows += dose_estimates(main, study.bundle, fidelity, local.dose, estimates.window)
    verdict = None
    if study.measures.primary in converged and not _without_probabilities(
        estimates, measures[estimates.measure]
    ):
        shown = local.delivery is not None and fidelity is not None and fidelity.median is not None
        delivered = local.delivery.verdict if local.delivery is not None and shown else "unknown"
        verdict = Verdict(outcome=estimates.outcome, delivery=delivered) if estimates.outcome else None
    identity = identify(study, profile=estimates.profile)
    release = Release(
        study=study_summary(study, panel, measures, identity),
        run=run_summary(identity, estimates, evaluations),
        status="ok" if checks.passed else "not_converged",
        design=design(study, panel, estimates, evaluations, (*findings, local), released, section),
        estimates=tuple(rows),
        covariances=tuple(curve_correlations(converged, rows)),
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
            fit=fit_answers(panel, audience),
            sites=tuple(row for item in released.values() for row in item.sites),
            targets=reached,
            wedge=wedge(study, panel),
            spc=spc_section(panel, main, estimates, released[main.id], laws[main.id]),
            quantiles=effect_quantiles(main, estimates, rows, released[main.id]),
            annex=annex_section(estimates, findings, rows) if main.id in converged else None,
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
                (*audience.rules, rules.ZERO_SHOWN)
                if any(map(shows_zero, released.values()))
                else audience.rules
            ),
            suppressed=tuple(
                Suppressed(place=place, count=count) for place, count in sorted(suppressed.items()) if count
            ),
        ),
    )
    release = release.model_copy(update={"plan": plan_check(study, release)})
    windows = {name: evaluation.estimates.window for name, evaluation in evaluations.items()}
    check_release(release, panel, laws, windows, past)
    return release


# --- estimates


def _without_probabilities(estimates: Estimates, measure: Measure) -> bool:
    return estimates.profile == "smoke" or measure.direction == "ambiguous"


def _estimates(
    table: pd.DataFrame, estimates: Estimates, measure: Measure, panel: Panel, shown: Shown, study: Study
) -> list[Estimate]:
    """The rows of the estimate table that may be shown, rounded."""
    law = rules.counted(measure, audience_of(study.audience))
    few = few_sites(estimates, study)
    unshared = few_moderators(panel, estimates, study)
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
        if estimand in ("group", "contrast") and row["scale"] == "averted" and law.audience.sites > 1:
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


def _sparse_exposures(panel: Panel, measure: str, law: Counted) -> set[int]:
    """Exposure times whose effect stands for a hidden count of one or two sites."""
    cells = modelled_cells(panel, measure)
    return {
        int(exposure)
        for exposure in cells.loc[cells["exposure"] > 0, "exposure"].unique()
        if further.is_sparse(cells[cells["exposure"] == exposure], law)
    }
