"""Measures and bundles as data: one TOML file each, shipped here or the user's own in `parameters/`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from impl.study.study import ALL_COMPONENTS
from impl.study.value import LanguageCode, MeasureId, Text, Translated, Value
from impl.study.vocabulary import LongText, fold

Frequency = Literal["event", "week", "month", "quarter", "tertial", "half_year", "year"]
"""How often numbers come; `event`: one by one, so that days between them can be used."""

_KINDS = {"betabinomial": "proportion", "student": "mean", "ordered": "proportion"}


class Noun(Value):
    """A noun as sentences need it, in one language: «fall» / «fall», «infeksjon» / «infeksjoner»."""

    one: Text
    many: Text


class Example(Value):
    """A unit that readers can picture, for natural frequencies: a nursing home with 40 residents.

    `exposure` is its denominator in one year, in the measure's own denominator unit (resident-days, reviews …).
    """

    text: Translated
    exposure: Annotated[float, Field(gt=0)]


class Scenario(Value):
    """A share that is assumed, not counted (half of the injuries could be avoided), with where it comes from.

    Whatever is computed with it is shown as a scenario and never as an estimate.
    """

    share: Annotated[float, Field(gt=0, lt=1)]
    text: Translated
    source: LongText


class Measure(Value):
    """What is counted, per what, and which way is good.

    `kind` rate: events per exposure, reported per `per` units; proportion: share of the denominator,
    reported in per cent (`per` = 100); mean: mean of the denominator's persons, `numerator` is their sum
    (`per` = 1). `direction` is `ambiguous` where a change can be good or bad (incident reports).
    `unit_of_count` `process` lifts the person rule of disclosure control, not the small-denominator rule.

    definition: id of the definition; two measures with different ones never share a series. numerator,
    denominator: what is counted, in words. aspect: of outcome, process or structure. focus_areas: national
    ones (vocabulary `national_framework`). paired: measures without which this one is misread; balancing:
    what may get worse instead. counts: `recorded` where staff have to write an event down (a fall), so that
    a companion is asked for; `reports` where it has to be sent to a reporting system, whose use is a goal of its own: then a
    change in reporting is part of the model (`choices.choose_reporting`). coverage: the measure that holds the share of those meant who are in the
    numbers (who answered, who has a report); left_out: who is not. three_state: the source tells yes, no and
    not reported, and only yes is counted. replaces_shipped: a user's own version of a shipped measure.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: MeasureId
    name: Translated
    events: dict[Literal["nb", "nn", "en"], Noun]
    exposure: Translated
    unit: Translated
    kind: Literal["rate", "proportion", "mean"]
    per: Annotated[float, Field(gt=0)]
    direction: Literal["lower", "higher", "ambiguous"]
    likelihood: Literal["poisson", "negbin", "binomial", "betabinomial", "normal", "student", "ordered"]
    categories: Annotated[int, Field(ge=3, le=11)] | None = None
    stated_level: Annotated[int, Field(ge=2, le=11)] | None = None
    """Ordered answers (likelihood `ordered`, kind proportion): how many categories, 1 the lowest, and the
    level whose share of answers at or above it is what the measure reports."""
    unit_of_count: Literal["person", "process"] = "person"
    baseline: Annotated[float, Field(gt=0)]
    """A plausible level on the reported scale (per `per`), for synthetic data; never a norm."""
    baseline_range: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest plausible level; `source` says where both come from."""
    example: Example | None = None
    source: LongText
    definition: MeasureId | None = None
    numerator: Translated | None = None
    denominator: Translated | None = None
    aspect: Literal["outcome", "process", "structure"] | None = None
    frequency: tuple[Frequency, ...] = ()
    focus_areas: tuple[MeasureId, ...] = ()
    paired: tuple[MeasureId, ...] = ()
    balancing: tuple[MeasureId, ...] = ()
    counts: Literal["events", "recorded", "reports"] = "events"
    coverage: MeasureId | None = None
    left_out: Translated | None = None
    three_state: bool = False
    scenario: Scenario | None = None
    replaces_shipped: bool = False

    @model_validator(mode="after")
    def _range(self) -> Measure:
        if self.baseline_range is not None:
            low, high = self.baseline_range
            if not 0 <= low <= self.baseline <= high:
                raise PydanticCustomError(
                    "baseline_range",
                    "given with a baseline inside baseline_range, the lowest level first",
                    {"fix": "Change the range or the baseline."},
                )
        if self.three_state and self.coverage is None:
            raise PydanticCustomError(
                "three_state",
                "given with the coverage of a three_state measure",
                {"fix": "Name the measure that holds the share with a report, yes or no."},
            )
        return self

    @model_validator(mode="after")
    def _law(self) -> Measure:
        kind = _KINDS.get(self.likelihood)
        if kind is not None and self.kind != kind:
            raise PydanticCustomError(
                "kind", f"of kind {kind} for likelihood {self.likelihood}", {"fix": "Change one of the two."}
            )
        if self.counts == "reports" and self.kind != "rate":
            raise PydanticCustomError(
                "reports", "of kind rate where counts = 'reports'", {"fix": "Change one of the two."}
            )
        if self.likelihood != "ordered":
            if self.categories is not None or self.stated_level is not None:
                raise PydanticCustomError(
                    "categories",
                    f"without categories and stated_level for likelihood {self.likelihood}",
                    {"fix": "Delete the two keys, or write likelihood = 'ordered'."},
                )
        elif self.categories is None or self.stated_level is None:
            raise PydanticCustomError(
                "categories",
                "given with categories and stated_level for likelihood ordered",
                {"fix": "Say how many answers there are, and from which one on the measure counts."},
            )
        elif self.stated_level > self.categories:
            raise PydanticCustomError(
                "stated_level",
                f"given with a stated_level of 2 to {self.categories}, the highest category",
                {"fix": "Change one of the two."},
            )
        return self

    @property
    def related(self) -> dict[str, tuple[MeasureId, ...]]:
        """Key -> ids of the other measures that it names."""
        coverage = () if self.coverage is None else (self.coverage,)
        return {"paired": self.paired, "balancing": self.balancing, "coverage": coverage}

    @property
    def companions(self) -> tuple[MeasureId, ...]:
        """What a reader must see beside it: paired measures and coverage, each once."""
        return tuple(dict.fromkeys((*self.paired, *self.related["coverage"])))

    @property
    def headline_scale(self) -> Literal["ratio", "difference"]:
        """Natural scale of the headline: rates by ratio, proportions and means by difference."""
        return "ratio" if self.kind == "rate" else "difference"


class Component(Value):
    """One part of a bundle. id: what logs and audits call it. role: core or periphery, None where not known."""

    id: MeasureId | None = None
    role: Literal["core", "periphery"] | None = None
    nb: Text
    nn: Text | None = None
    en: Text | None = None

    @property
    def name(self) -> Translated:
        """Name by language."""
        named: dict[LanguageCode, Text | None] = {"nb": self.nb, "nn": self.nn, "en": self.en}
        return {language: text for language, text in named.items() if text is not None}


class Bundle(Value):
    """A change bundle (tiltakspakke): its name, its components and where it comes from.

    choose_any: a programme from which each site picks components. complete: whether every component is
    listed; where it is and each has an id, a log or an audit that names another component is at fault.
    """

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: MeasureId
    name: Translated
    the_bundle: Translated
    """The name as it stands inside a sentence: «fallpakken», «the falls bundle»."""
    version: Text
    valid_from: Text | None = None
    parts: Annotated[tuple[Component, ...], Field(alias="components")] = ()
    choose_any: bool = False
    complete: bool = True
    measures: tuple[MeasureId, ...]
    source: LongText
    replaces_shipped: bool = False
    """A user's own version of a shipped bundle."""

    @model_validator(mode="after")
    def _ids(self) -> Bundle:
        ids = [part.id for part in self.parts if part.id is not None]
        if len(set(ids)) < len(ids):
            raise PydanticCustomError(
                "components", "given with an id of its own for each component", {"fix": "Rename one of them."}
            )
        if ALL_COMPONENTS in ids:
            raise PydanticCustomError(
                "components",
                f"without the component id '{ALL_COMPONENTS}', which means the whole bundle",
                {"fix": "Rename that component."},
            )
        return self

    @property
    def related(self) -> dict[str, tuple[MeasureId, ...]]:
        """Key -> ids of the measures that it names."""
        return {"measures": self.measures}

    @property
    def components(self) -> tuple[Translated, ...]:
        """Names of the components."""
        return tuple(part.name for part in self.parts)

    @property
    def spellings(self) -> dict[str, str]:
        """Spelling, as `fold` gives it -> id, of every component that has an id: the id and the names."""
        return {
            fold(text): part.id
            for part in self.parts
            if part.id is not None
            for text in (part.id, *part.name.values())
        }

    @property
    def closed(self) -> bool:
        """Whether the components' ids are the only ones that a log or an audit may name."""
        return self.complete and bool(self.parts) and all(part.id is not None for part in self.parts)
