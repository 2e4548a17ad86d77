"""One study of the list of all: where it stands, what it serves, and what is known of its lasting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from impl.network.framework import read_framework
from impl.network.states import Standing, State
from impl.release.release import Release

KEPT_MONTHS = 12
FADED = 0.20
"""P(at least half of the effect kept a year after support) up to which an effect counts as faded (choice: the band
«lite sannsynlig»)."""
EVALUATED: tuple[State, ...] = ("beneficial", "promising", "uncertain", "negligible", "harmful", "described")
"""States with a report that came to its end."""
UNANSWERED: tuple[State, ...] = ("overdue", "failed", "not_converged")


@dataclass(frozen=True, kw_only=True)
class StudyLine:
    """One study of the list of all. measure, bundle: ids, of the Release or the plan. collecting: its data period has
    begun and no report is due. p_half: chance that at least half of the effect was kept a year after support ended;
    None where nothing is known."""

    standing: Standing
    measure: str
    bundle: str
    areas: tuple[str, ...]
    goal: str
    means: tuple[str, ...]
    collecting: bool
    p_half: float | None

    @property
    def id(self) -> str:
        return self.standing.id

    @property
    def state(self) -> State:
        return self.standing.state

    @property
    def release(self) -> Release | None:
        """The Release where it is a result: full, and its state says what it found."""
        return self.standing.release if self.state in EVALUATED else None

    @property
    def faded(self) -> bool:
        """Whether the effect is known to have faded."""
        return self.p_half is not None and self.p_half <= FADED

    @property
    def weak(self) -> bool:
        """Whether it judges by before and after alone, so that other changes may explain all of what it found."""
        release = self.release
        return release is not None and release.verdict is not None and release.design.grade == "before_after"


def study_line(standing: Standing, areas: Mapping[str, tuple[str, ...]], today: date) -> StudyLine:
    """areas: focus areas by measure; today: the day from which it is told whether data are being collected."""
    framework = read_framework()
    release, plan, registered = standing.release, standing.plan, standing.registered
    if release is not None:
        measure, bundle = release.measure().id, release.study.bundles[0].id
    else:
        assert plan is not None  # a standing comes from a Release or from the register
        measure, bundle = plan.measures.primary, plan.bundles[0]
    named = registered.newest.focus_areas if registered is not None else ()
    begun = (
        plan is not None
        and plan.planned.data_from is not None
        and plan.planned.data_from <= today.isoformat()
    )
    return StudyLine(
        standing=standing,
        measure=measure,
        bundle=bundle,
        areas=areas.get(measure) or named,
        goal=framework.goal(measure),
        means=framework.used(release) if release is not None else (),
        collecting=standing.state == "planned" and begun,
        p_half=_p_half(release) if release is not None else None,
    )


def _p_half(release: Release) -> float | None:
    section = release.sections.sustainment
    if section is None or release.status != "ok":
        return None
    horizon = next((row for row in section.horizons if row.months == KEPT_MONTHS), None)
    return None if horizon is None else horizon.p_half
