"""The study file as a value: `parameters/<id>.yaml` becomes a frozen `Study`.

The field names are the contract with users (schema 1). Later schemas add optional fields only.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError


def _a_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("day", "a day that exists", {"fix": "Check month and day."}) from None
    return text


Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
MeasureId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
LanguageCode = Literal["nb", "nn", "en"]
Notebook = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}_[a-z0-9_]{1,60}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
IsoDate = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_a_day)]
"""A day as text, 2020-03-12."""
Translated = dict[LanguageCode, Text]
"""One text in several languages; `nb` is what a missing translation falls back to."""


DESIGNS: dict[str, Literal["before_after", "stepped_wedge"]] = {
    "20_before_after": "before_after",
    "30_stepped_wedge": "stepped_wedge",
}


class Value(BaseModel):
    """Base of every declared value: frozen, no unknown keys, no numbers read from text."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class Measures(Value):
    """Ids in the measure catalogue. `paired` measures are always shown beside the primary one;
    `negative_controls` are measures that the bundle should not move."""

    primary: MeasureId
    paired: tuple[MeasureId, ...] = ()
    negative_controls: tuple[MeasureId, ...] = ()

    @property
    def declared(self) -> tuple[MeasureId, ...]:
        """All of them, the primary one first."""
        return (self.primary, *self.paired, *self.negative_controls)


class DataSource(Value):
    """One long table with all measures."""

    file: Text


class Rollout(Value):
    """When each site started. `selection` says in words why sites started when they did."""

    file: Text
    randomised: bool = False
    selection: Text | None = None


class AdaptationSource(Value):
    """The adaptation log and the contrasts declared before the data were seen."""

    file: Text
    contrasts: tuple[Literal["consistent"], ...] = ()


class TableSource(Value):
    file: Text


class CovariateSource(Value):
    file: Text
    use: tuple[MeasureId, ...] = ()


class Estimand(Value):
    """Window of the time-averaged effect, in periods since start (1 = first full period).

    `to: null` means twelve months, or the last exposure time that half of the treated sites reach
    if that is earlier (docs/model.md §5).
    """

    from_: Annotated[int, Field(ge=1, alias="from")] = 1
    to: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _window(self) -> Estimand:
        if self.to is not None and self.to < self.from_:
            raise ValueError("must be a window with 'to' at least 'from'")
        return self


class Decision(Value):
    """Limits set before data, as relative change (0.15 = 15 per cent) on the measure's natural scale.

    `worthwhile` counts in the measure's good direction, `harm` in its bad direction, `negligible` both ways.
    """

    worthwhile: Annotated[float, Field(gt=0, lt=1)] = 0.10
    harm: Annotated[float, Field(gt=0, lt=1)] = 0.05
    negligible: Annotated[float, Field(gt=0, lt=1)] = 0.05


class PriorChange(Value):
    """A changed scale for one group of terms, on the link scale."""

    sd: Annotated[float, Field(gt=0, le=20)]


class PriorChanges(Value):
    effect: PriorChange | None = None
    trend: PriorChange | None = None
    intercept: PriorChange | None = None
    calendar: PriorChange | None = None
    wave: PriorChange | None = None
    site: PriorChange | None = None


class Belief(Value):
    """A normal prior stated by the user, on the link scale."""

    mean: Annotated[float, Field(ge=-2, le=2)] = 0.0
    sd: Annotated[float, Field(gt=0, le=2)]


class Dose(Value):
    """Share of the first full period's effect that a transition period has."""

    dose: Annotated[float, Field(gt=0, le=1)]


class Interruption(Value):
    """A known shock that met every site at once (a pandemic, a new form); not part of the bundle.

    Periods that begin on or after `start`, up to and with the one that holds `end`, get a level of their own.
    """

    id: MeasureId
    start: IsoDate
    end: IsoDate | None = None

    @model_validator(mode="after")
    def _order(self) -> Interruption:
        if self.end is not None and self.end < self.start:
            raise ValueError("must be a shock with 'end' on or after 'start'")
        return self


class ModelChoice(Value):
    """How the study is modelled; `auto` lets the design decide, and the Release says what was chosen.

    trend: `linear`, or `walk`, a level that wanders (before/after; the default from 60 periods before start).
    site_effects: whether the effect differs between sites. transition: `own` (a term of its own), `drop`
    (left out of the likelihood), `ramp` (rises linearly to the first effect) or a stated dose.
    comparison: how never-treated sites may differ in a before/after study. strata: calendar time by the
    roll-out table's `stratum`. secular: what is believed about change that would have come anyway, used
    where no trend can be fitted. lag: periods from start
    to first effect, which count as transition. anticipation: periods before
    start that may be touched already. reporting: log change of the share of events that is reported.
    """

    likelihood: Literal[
        "auto", "poisson", "negbin", "binomial", "betabinomial", "normal", "student", "ordered"
    ] = "auto"
    effect: Literal["auto", "rw", "it", "teh", "eti", "mono", "growth", "level_slope"] = "auto"
    clustering: Literal["auto", "none", "exchangeable", "nested", "decay", "cohort"] = "auto"
    calendar: Literal["auto", "none", "categorical", "smooth"] = "auto"
    strata: bool = False
    trend: Literal["auto", "none", "linear", "walk"] = "auto"
    season: Literal["auto", "none", "fourier"] = "auto"
    site_effects: Literal["auto", "none", "random"] = "auto"
    transition: Literal["own", "drop", "ramp"] | Dose = "own"
    comparison: Literal["auto", "level", "level_slope"] = "auto"
    secular: Belief = Belief(sd=0.15)
    lag: Annotated[int, Field(ge=0, le=24)] = 0
    anticipation: Annotated[int, Field(ge=0, le=12)] = 0
    reporting: Belief | None = None
    priors: Literal["default", "wide"] | PriorChanges = "default"


class Study(Value):
    """One evaluation, declared. `id` equals the file name; paths are relative to the project root."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: Identifier
    title: Translated
    question: Translated
    notebook: Notebook
    design: Literal["auto", "before_after", "stepped_wedge"] = "auto"
    """What the comparison rests on; `auto` is known for the notebooks that come with impl only."""
    bundle: MeasureId
    other_bundles: tuple[MeasureId, ...] = ()
    """Further bundles in the roll-out table (column `bundle`), estimated at the same time."""
    measures: Measures
    data: DataSource
    rollout: Rollout
    adaptations: AdaptationSource | None = None
    fidelity: TableSource | None = None
    covariates: CovariateSource | None = None
    interruptions: tuple[Interruption, ...] = ()
    estimand: Estimand = Estimand()
    decision: Decision = Decision()
    model: ModelChoice = ModelChoice()
    audience: Literal["public"] = "public"
    synthetic: bool = False
    """True for invented data: every page made from the study says so first."""
    languages: Annotated[tuple[LanguageCode, ...], Field(min_length=1)] = ("nb",)
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 20260101

    _root: Path = Path()

    @model_validator(mode="after")
    def _design(self) -> Study:
        if self.design == "auto" and self.notebook not in DESIGNS:
            raise ValueError(
                "must be a study that says design: before_after or stepped_wedge, for another notebook"
            )
        return self

    @property
    def bundles(self) -> tuple[MeasureId, ...]:
        """Every bundle of the roll-out table, the one that the study asks about first."""
        return (self.bundle, *self.other_bundles)

    @property
    def kind(self) -> Literal["before_after", "stepped_wedge"]:
        """The design, as declared or as the notebook implies."""
        return DESIGNS[self.notebook] if self.design == "auto" else self.design

    @property
    def root(self) -> Path:
        """The project root that the study's paths are relative to (never serialised)."""
        return self._root
