"""The study file as a value: `parameters/<id>.yaml` becomes a frozen `Study`.

The field names are the contract with users (schema 1). Later schemas add optional fields only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from impl.study.source import DataSource, TableSource
from impl.study.value import IsoDate, LanguageCode, MeasureId, Text, Translated, Value, absent_at

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Notebook = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}_[a-z0-9_]{1,60}$")]
AudienceName = Literal["own-unit", "network", "public", "open"]
"""Who a report is for, from the unit itself to anybody; what each may see stands in `impl.disclosure.audience`."""
PUBLIC_AUDIENCES: tuple[AudienceName, ...] = ("public", "open")
"""Audiences whose reports may lie in a public place."""


TABLES = (
    "data",
    "rollout",
    "adaptations",
    "fidelity",
    "strategies",
    "cycles",
    "phases",
    "fit_form",
    "support",
    "covariates",
    "targets",
    "places",
)
"""Keys of the study file that name a table, each under its key `file`."""

QUALITY = "10_data_quality"
"""Notebook of studies that look at the data alone: nothing is compared, modelled or estimated."""

DESIGNS: dict[str, Literal["before_after", "stepped_wedge"]] = {
    QUALITY: "before_after",  # of which nothing is asked
    "20_before_after": "before_after",
    "30_stepped_wedge": "stepped_wedge",
    "40_local_adaptation": "stepped_wedge",
}


_ABSENT = absent_at(None, (), False)


_ALLOCATED = Field(exclude_if=lambda value: value == "allocated")
"""As _ABSENT."""


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


class Rollout(TableSource):
    """When each site started. `selection` says in words why sites started when they did.

    starts: which start counts where a site was allocated one and started on another day. `allocated` compares
    what was decided; `actual` (per protocol) mixes the bundle's effect with why some sites were late.
    """

    randomised: bool = False
    selection: Text | None = None
    starts: Annotated[Literal["allocated", "actual"], _ALLOCATED] = "allocated"


INTENSITY = "intensity"
"""Name of the ordered exposure among the moderators."""

Moderator = Literal[
    "consistent_planned", "consistent_reactive", "inconsistent", "strategy", "unknown", "core_removed"
]
"""A score of the adaptation log that may go together with the size of the effect."""

ALL_COMPONENTS = "all"
"""What stands for the whole bundle in an audit: all components delivered, or not."""


class AdaptationSource(TableSource):
    """The adaptation log, and what is declared about it before the data are seen.

    contrasts: groups of sites that are compared. moderators: scores whose association with the effect is
    estimated. randomised: chance decided which sites adapted; only then may a report speak of causes.
    """

    contrasts: tuple[Literal["consistent"], ...] = ()
    moderators: Annotated[tuple[Moderator, ...], _ABSENT] = ()
    randomised: Annotated[bool, _ABSENT] = False


class FidelitySource(TableSource):
    """Audits of delivery. component: whose audits measure the dose, `all` for the all-or-none audit.

    curve: how the effect grows with the share delivered, in proportion or in steps at 40, 60 and 80 per cent.
    """

    component: MeasureId = ALL_COMPONENTS
    curve: Literal["linear", "steps"] = "linear"


class Delivery(Value):
    """Share delivered from which the bundle counts as delivered, and under which as not delivered.

    Effects are seen from about 60 per cent, and few programmes come above 80 (Durlak & DuPre 2008, American
    Journal of Community Psychology 41:327-350); the two limits lie on either side of that, and are a choice.
    """

    delivered: Annotated[float, Field(gt=0, le=1)] = 0.8
    not_delivered: Annotated[float, Field(gt=0, le=1)] = 0.5

    @model_validator(mode="after")
    def _order(self) -> Delivery:
        if self.not_delivered >= self.delivered:
            raise ValueError("must be two shares with 'not_delivered' below 'delivered'")
        return self


class Costs(Value):
    """What the bundle costs, in whole currency units: once per site, per site and month, per adaptation."""

    per_site: Annotated[float, Field(ge=0)] = 0.0
    per_month: Annotated[float, Field(ge=0)] = 0.0
    adaptation: Annotated[float, Field(ge=0)] = 0.0
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "NOK"

    @model_validator(mode="after")
    def _something(self) -> Costs:
        if not self.per_site + self.per_month + self.adaptation:
            raise ValueError("must be costs of which at least one is above 0")
        return self


class StrategySource(TableSource):
    """The log of implementation strategies. intensity: whether the highest intensity in force (0 none, 1 diffusion, 2
    dissemination, 3 implementation) enters as an ordered exposure that may go together with the size of the effect."""

    intensity: Annotated[bool, _ABSENT] = False


class Places(Value):
    """Municipality codes over time: a table of code changes as Statistics Norway's KLASS gives it.

    codes: which column holds the codes, the sites themselves or the `areas` of the roll-out table.
    """

    changes: Text
    codes: Literal["site", "areas"] = "site"

    @property
    def file(self) -> str:
        """Its table, as for other sources."""
        return self.changes


class CovariateSource(TableSource):
    """Covariates by site and period. use: those that enter the model."""

    use: tuple[MeasureId, ...] = ()


class Units(Value):
    """One run and one report for each unit, by the same plan: a site, or all sites with one word in a column.

    column: of the roll-out table. name: column with the name that readers see; it stands for `{unit}` in title
    and question. only: these units and no others.
    """

    column: Text = "site"
    name: Text | None = None
    only: tuple[Text, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One unit of a study: its code as the table has it, the name readers see, and its sites."""

    code: str
    name: str
    sites: frozenset[str]


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


class NetworkSource(Value):
    """Earlier Releases that a study learns from. releases: a folder in the project; vague_weight: prior probability that
    they say nothing of this place, so that a prior that was wrong is left behind (half, a choice; Schmidli 2014)."""

    releases: Text = "reports"
    vague_weight: Annotated[float, Field(ge=0.05, le=0.95)] = 0.5


class PriorChanges(Value):
    """Changed scales, and what is learnt from earlier studies of the same measure and bundle."""

    network: Annotated[NetworkSource | None, _ABSENT] = None
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
    priors: Literal["default", "wide", "network"] | PriorChanges = "default"

    @property
    def learns_from(self) -> NetworkSource | None:
        """Earlier Releases that the effect's prior is learnt from; `priors: network` means those in reports/."""
        if isinstance(self.priors, PriorChanges):
            return self.priors.network
        return NetworkSource() if self.priors == "network" else None


class Planned(Value):
    """The data that the study is to have, and the day from which its report is overdue: what registering asks for."""

    data_from: IsoDate | None = None
    data_to: IsoDate
    report_due: IsoDate

    @model_validator(mode="after")
    def _order(self) -> Planned:
        if not (self.data_from or "") < self.data_to <= self.report_due:
            raise ValueError(
                "must be days with 'data_from' before 'data_to' and 'report_due' not before that"
            )
        return self


class Study(Value):
    """One evaluation, declared. `id` equals the file name; paths are relative to the project root."""

    schema_: Annotated[Literal[1], Field(alias="schema")]
    id: Identifier
    title: Translated
    question: Translated
    notebook: Notebook
    design: Literal["auto", "before_after", "stepped_wedge"] = "auto"
    """What the comparison rests on; `auto` is known for the notebooks that come with impl only."""
    wave: Annotated[Text | None, _ABSENT] = None
    """Name of the learning-network wave that its sites joined, as readers know it."""
    bundle: MeasureId
    other_bundles: tuple[MeasureId, ...] = ()
    """Further bundles in the roll-out table (column `bundle`), estimated at the same time."""
    measures: Measures
    data: DataSource
    rollout: Rollout
    adaptations: AdaptationSource | None = None
    fidelity: FidelitySource | None = None
    strategies: Annotated[StrategySource | None, _ABSENT] = None
    """Implementation strategies by site, with the barrier that each one meets."""
    cycles: Annotated[TableSource | None, _ABSENT] = None
    """PDSA cycles by site."""
    phases: Annotated[TableSource | None, _ABSENT] = None
    """When each site entered a step of the five-step wheel; it may go back."""
    fit_form: Annotated[TableSource | None, _ABSENT] = None
    """Answers to «Hvor godt passer tiltaket i vår kommune?»."""
    support: Annotated[TableSource | None, _ABSENT] = None
    """When active support ended, and pauses."""
    places: Annotated[Places | None, _ABSENT] = None
    """Sites or areas are municipalities whose codes may have changed."""
    targets: Annotated[TableSource | None, _ABSENT] = None
    """Local targets by site and period."""
    units: Annotated[Units | None, _ABSENT] = None
    """The study is run for each unit by itself."""
    costs: Annotated[Costs | None, _ABSENT] = None
    delivery: Annotated[Delivery, absent_at(Delivery())] = Delivery()
    covariates: CovariateSource | None = None
    interruptions: tuple[Interruption, ...] = ()
    estimand: Estimand = Estimand()
    decision: Decision = Decision()
    planned: Annotated[Planned | None, _ABSENT] = None
    """When data end and a report is due, for the register."""
    model: ModelChoice = ModelChoice()
    audience: AudienceName = "public"
    synthetic: bool = False
    """True for invented data: every page made from the study says so first."""
    languages: Annotated[tuple[LanguageCode, ...], Field(min_length=1)] = ("nb",)
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 20260101
    valid_months: Annotated[int, Field(ge=1, le=120), absent_at(12)] = 12
    """How long the report holds: months from the last day of its data. A year is the custom of yearly plans (choice)."""

    _root: Path = Path()
    _unit: Unit | None = None
    _declared: Study | None = None

    @model_validator(mode="after")
    def _design(self) -> Study:
        if self.design == "auto" and self.notebook not in DESIGNS:
            raise ValueError(
                "must be a study that says design: before_after or stepped_wedge, for another notebook"
            )
        if self.notebook == "40_local_adaptation" and self.adaptations is None:
            raise ValueError("must be a study with an adaptation log, for notebook 40_local_adaptation")
        if self.estimates_nothing and self.audience != "own-unit":
            raise ValueError(f"must be a study with audience: own-unit, for notebook {QUALITY}")
        return self

    @property
    def estimates_nothing(self) -> bool:
        """Whether the study looks at the quality of its data and at nothing else."""
        return self.notebook == QUALITY

    @property
    def bundles(self) -> tuple[MeasureId, ...]:
        """Every bundle of the roll-out table, the one that the study asks about first."""
        return (self.bundle, *self.other_bundles)

    @property
    def files(self) -> tuple[str, ...]:
        """Every table that the study names, once each and in order."""
        sources = [getattr(self, key) for key in TABLES]
        return tuple(sorted({source.file for source in (*sources, *self.data.also) if source is not None}))

    @property
    def kind(self) -> Literal["before_after", "stepped_wedge"]:
        """The design, as declared or as the notebook implies."""
        return DESIGNS[self.notebook] if self.design == "auto" else self.design

    @property
    def root(self) -> Path:
        """The project root that the study's paths are relative to (never serialised)."""
        return self._root

    @property
    def unit(self) -> Unit | None:
        """The unit that this study was resolved for (`impl.data.units`); None for the study as written."""
        return self._unit

    @property
    def as_declared(self) -> Study:
        """This study as its file has it: of a unit's study the one that it was resolved from, with what was changed since."""
        whole = self._declared
        if whole is None:
            return self
        return self.model_copy(
            update={name: getattr(whole, name) for name in ("id", "title", "question", "units")}
        )
