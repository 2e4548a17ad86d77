"""A site that plans to start: what it tells of itself, for `impl predict STUDY --site my-site.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from impl.errors import StudyError
from impl.study.strict_yaml import parse_yaml, read_text
from impl.study.study import Moderator
from impl.study.typed_tree import read_tree
from impl.study.value import Text, Value

Answer = Annotated[int, Field(ge=1, le=5)]
FitQuestion = Literal["need", "feasibility", "values", "engagement", "competence", "willingness"]
"""Items of the vocabulary `fit_questions`."""


class SitePlan(Value):
    """Plans of one site. Nothing in it is stored or sent.

    level: the measure now, on its reported scale (falls per 1000 resident-days; per cent). exposure: its denominator in a
    year (resident-days). adaptations: planned modifications by kind. fidelity: share that is to get the bundle.
    fit: answers to «Hvor godt passer tiltaket i vår kommune?», 1 (not at all) to 5 (fully); they are shown, and do not
    change the numbers.
    """

    name: Text | None = None
    level: Annotated[float | None, Field(ge=0)] = None
    exposure: Annotated[float | None, Field(gt=0)] = None
    adaptations: dict[Moderator, Annotated[int, Field(ge=0, le=20)]] = Field(default_factory=dict)
    fidelity: Annotated[float | None, Field(ge=0, le=1)] = None
    fit: dict[FitQuestion, Answer] = Field(default_factory=dict)


def read_site_plan(path: Path) -> SitePlan:
    """Read a plan. Raises StudyError with every fault found."""
    tree, faults = parse_yaml(read_text(path, path.name), path.name)
    if tree is None:
        raise StudyError(faults)
    reading = read_tree(tree, SitePlan, path.name)
    faults += reading.faults
    if faults or reading.model is None:
        raise StudyError(faults)
    return reading.model
