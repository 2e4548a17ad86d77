"""A Release about data alone: what has come, what has not, what looks wrong; for those who delivered it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from impl.data import exposure, suspicions, twins
from impl.data.findings import Finding
from impl.data.panel import Panel
from impl.data.quality import ENOUGH, GRAVE, LATE, DataQuality
from impl.disclosure import rules
from impl.disclosure.around import released_rollout, study_summary
from impl.disclosure.audience import audience_of
from impl.errors import DisclosureError, Fault
from impl.release.quality import (
    LeftOut,
    PeriodCoverage,
    QualityFinding,
    QualityGap,
    QualitySection,
    SiteCoverage,
)
from impl.release.release import Checks, Design, Disclosure, Release, ReleaseWarning, RunSummary
from impl.release.sections import Sections
from impl.study.identity import identify
from impl.study.load import read_measure
from impl.study.study import Study

LIMITS = {
    "far": exposure.FAR,
    "jump": exposure.JUMP,
    "lasting": suspicions.LASTING,
    "between": suspicions.FAR_BETWEEN_SITES,
    "equal": float(suspicions.LONGEST_EQUAL),
    "same": twins.SAME,
    "shared": float(twins.SHARED),
    "late": float(LATE),
    "enough": ENOUGH,
}
"""What the report says of how the findings were made."""


def make_quality_release(
    study: Study, panel: Panel, quality: DataQuality, *, profile: Literal["full", "smoke"] = "full"
) -> Release:
    """What the unit that delivered the data may see of their quality: periods counted, no number of an event.

    No estimate is made, so none can be released. Raises DisclosureError for any other audience: the page names sites
    and what is wrong with their data.
    """
    if study.audience != "own-unit":
        raise DisclosureError(
            [
                Fault(
                    code="disclosure.quality_audience",
                    where=f"{study.id}.yaml, key 'audience'",
                    got=study.audience,
                    allowed="own-unit, for a report that says what is wrong with each site's data",
                    fix="Write audience: own-unit.",
                )
            ]
        )
    begun = time.monotonic()
    measures = {name: read_measure(name, study.root) for name in study.measures.declared}
    identity = identify(study, profile=profile)
    audience = audience_of(study.audience)
    return Release(
        study=study_summary(study, panel, measures, identity),
        run=RunSummary(
            id=identity.run_id,
            profile=profile,
            seed=study.seed,
            impl=identity.impl,
            lock_sha256=identity.lock_sha256,
            git_commit=identity.git_commit,
            started=datetime.now(UTC),
            seconds=round(time.monotonic() - begun, 1),
        ),
        status="ok",
        design=_design(study, panel),
        sections=Sections(quality=quality_section(panel, quality)),
        checks=Checks(rows=(), draws=0, chains=0),
        disclosure=Disclosure(audience=study.audience, rules=audience.rules),
    )


def _design(study: Study, panel: Panel) -> Design:
    """Sites, periods and starts as they are; the window as declared, since nothing was estimated over it."""
    return Design(
        kind=study.kind,
        grade="before_after",
        selection=study.rollout.selection,
        sites=len(panel.sites),
        periods=len(panel.periods),
        period_months=panel.period_months,
        sequences=panel.rollout.loc[panel.rollout["state"] == "start", "start_period"].nunique(),
        randomised=study.rollout.randomised,
        rollout=released_rollout(panel),
        window_from=study.estimand.from_,
        window_to=study.estimand.to or study.estimand.from_,
        models=(),
        warnings=tuple(
            ReleaseWarning(code=warning.code, values=dict(warning.values)) for warning in panel.warnings
        ),
    )


def quality_section(panel: Panel, quality: DataQuality) -> QualitySection:
    """Positions become dates, codes get names."""
    return QualitySection(
        state=quality.state,
        coverage=tuple(
            SiteCoverage(
                measure=item.measure,
                site=item.site,
                name=panel.names.get(item.site, item.site),
                expected=item.expected,
                reported=item.reported,
                hidden=item.hidden,
                longest_gap=item.longest,
                last=None if item.last is None else panel.periods[item.last].end,
                days=item.days,
                gaps=tuple(
                    QualityGap(
                        start=panel.periods[gap.first].start,
                        end=panel.periods[gap.last].end,
                        periods=gap.last - gap.first + 1,
                        why=gap.why,
                    )
                    for gap in item.gaps
                ),
            )
            for item in quality.coverage
        ),
        periods=tuple(
            PeriodCoverage(
                measure=row["measure"],
                start=panel.periods[row["period"]].start,
                end=panel.periods[row["period"]].end,
                expected=int(row["expected"]),
                reported=int(row["reported"]),
            )
            for row in quality.periods.to_dict("records")
        ),
        left_out=tuple(
            LeftOut(measure=row["measure"], why=row["why"], cells=int(row["cells"]), sites=int(row["sites"]))
            for row in quality.left_out.to_dict("records")
        ),
        findings=tuple(_findings(panel, quality.findings)),
        limits=dict(LIMITS),
    )


def _findings(panel: Panel, findings: tuple[Finding, ...]) -> Iterator[QualityFinding]:
    for finding in findings:
        yield QualityFinding(
            code=finding.code,
            measure=finding.measure,
            site=finding.site,
            name=_name(panel, finding.site),
            other=finding.other,
            other_name=_name(panel, finding.other),
            start=None if finding.first is None else panel.periods[finding.first].start,
            end=None if finding.last is None else panel.periods[finding.last].end,
            grave=finding.code in GRAVE,
            values={
                key: rules.estimate(value) if isinstance(value, float) else value
                for key, value in finding.values.items()
            },
        )


def _name(panel: Panel, site: str | None) -> str | None:
    return None if site is None else panel.names.get(site, site)
