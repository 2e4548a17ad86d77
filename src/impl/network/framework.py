"""Which goal, means and focus areas of the national framework a study serves, by its measure and its logs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from impl.errors import ImplError
from impl.release.release import Release
from impl.study.load import read_measure
from impl.study.value import MeasureId, Value
from impl.study.vocabulary import read_vocabulary

Severity = Literal["serious", "harm", "none", "unknown"]
LEARNING = "learning"


class Means(Value):
    """Signs that a means is in use: measures, strategies (ERIC) and kinds of log."""

    measures: tuple[MeasureId, ...] = ()
    strategies: tuple[MeasureId, ...] = ()
    logs: tuple[Literal["cycles", "adaptations", "fidelity"], ...] = ()


class Framework(Value):
    """Our reading of the framework; `framework.toml` says so and why."""

    goals: Mapping[str, tuple[MeasureId, ...]]
    means: Mapping[str, Means]
    severity: Mapping[Literal["serious", "harm", "none"], tuple[MeasureId, ...]] = Field(default_factory=dict)

    def goal(self, measure: str) -> str:
        """The goal that a measure serves."""
        return next((goal for goal, measures in self.goals.items() if measure in measures), LEARNING)

    def severity_of(self, measure: str) -> Severity:
        """What one event of a measure means to the person; `unknown` for one that nobody has judged."""
        return next((grade for grade, measures in self.severity.items() if measure in measures), "unknown")

    def used(self, release: Release) -> tuple[str, ...]:
        """Means that a Release shows in use."""
        sections = release.sections
        events = sections.timeline
        logs = {
            "cycles": any(event.kind == "cycle" for event in events),
            "adaptations": sections.adaptations is not None and bool(sections.adaptations.rows),
            "fidelity": sections.fidelity is not None,
        }
        strategies = {event.what for event in events if event.kind == "strategy"}
        measures = {measure.id for measure in release.study.measures}
        return tuple(
            name
            for name, means in self.means.items()
            if measures & set(means.measures)
            or strategies & set(means.strategies)
            or any(logs[log] for log in means.logs)
        )


@lru_cache(maxsize=1)
def read_framework() -> Framework:
    text = (Path(__file__).parent / "framework.toml").read_text("utf-8")
    return Framework.model_validate(tomllib.loads(text))


def framework_ids(group: Literal["goal", "means", "focus_area"]) -> tuple[str, ...]:
    """Ids of the framework's own list, in its order."""
    return tuple(item.id for item in read_vocabulary("national_framework").group(group))


def focus_areas(measures: Iterable[str], root: Path) -> dict[str, tuple[str, ...]]:
    """Focus areas by measure, from the catalogue; none for a measure that it does not have."""
    found: dict[str, tuple[str, ...]] = {}
    for measure in sorted(set(measures)):
        try:
            found[measure] = read_measure(measure, root).focus_areas
        except ImplError:  # of another network, or removed since
            found[measure] = ()
    return found
