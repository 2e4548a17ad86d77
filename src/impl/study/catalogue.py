"""Measures and bundles as data: one TOML file each, shipped here or the user's own in `parameters/`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from impl.study.study import ALL_COMPONENTS
from impl.study.value import LanguageCode, MeasureId, Text, Translated, Value
from impl.study.vocabulary import fold

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


class Measure(Value):
    """What is counted, per what, and which way is good.

    `kind` rate: events per exposure, reported per `per` units; proportion: share of the denominator,
    reported in per cent (`per` = 100); mean: mean of the denominator's persons, `numerator` is their sum
    (`per` = 1). `direction` is `ambiguous` where a change can be good or bad (incident reports).
    `unit_of_count` `process` lifts the person rule of disclosure control, not the small-denominator rule.
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
    example: Example | None = None
    source: Text

    @model_validator(mode="after")
    def _law(self) -> Measure:
        kind = _KINDS.get(self.likelihood)
        if kind is not None and self.kind != kind:
            raise PydanticCustomError(
                "kind", f"of kind {kind} for likelihood {self.likelihood}", {"fix": "Change one of the two."}
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
    source: Text

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
