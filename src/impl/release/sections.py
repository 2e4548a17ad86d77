"""The parts of a Release that not every study has: adaptation, delivery, what lasts, and what users ask next."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from impl.release.annex import AnnexSection
from impl.release.charts import EffectQuantiles, SpcSection
from impl.release.public import Probability, Public
from impl.release.quality import QualitySection
from impl.release.site_counts import SiteCounts
from impl.release.site_effects import SiteEffectSection
from impl.release.targets import TargetSection
from impl.release.wedge import SiteRuns


class AdaptationRow(Public):
    """One modification of the log. Free text is not released; `component` and `nature` are coded words."""

    site: str
    name: str
    start: date
    end: date | None
    component: str
    nature: str
    consistent: Literal["yes", "no", "unknown"]
    planned: Literal["yes", "no", "unknown"]


class AdaptationSection(Public):
    rows: tuple[AdaptationRow, ...]
    contrast: Literal["consistent"] | None = None
    sites_with: dict[str, int] = Field(default_factory=dict)
    """Sites per group of the contrast; a group below the site limit has no estimate."""
    moderators: dict[str, int] = Field(default_factory=dict)
    """Sites with at least one modification of each kind that was declared as a moderator."""
    randomised: bool = False
    """Chance decided which sites adapted; otherwise no wording may speak of causes."""
    coded_twice: int = 0
    """Modifications that two coders coded, and Cohen's kappa of what they said; None where it cannot be computed."""
    kappa_nature: float | None = None
    kappa_consistent: float | None = None


class DeliveryStep(Public):
    """Share delivered in some periods since start, over the sites that reached them; 90 % interval."""

    from_: Annotated[int, Field(alias="from")]
    to: int
    lower: Probability
    median: Probability
    upper: Probability


class ComponentShare(Public):
    component: str
    share: Probability
    sites: int


class FidelitySection(Public):
    """How much of the bundle was delivered, from audits of those eligible.

    component: `all` where the audit asks for the whole bundle. lower, median, upper: share delivered in the
    window of the effect, weighted as the effect is; None where hidden. before: crude share before start.
    delivered, not_delivered: the study's limits.
    """

    component: str
    lower: Probability | None = None
    median: Probability | None = None
    upper: Probability | None = None
    before: Probability | None = None
    p_delivered: Probability | None = None
    p_not_delivered: Probability | None = None
    delivered: Probability
    not_delivered: Probability
    steps: tuple[DeliveryStep, ...] = ()
    curve: Literal["linear", "steps"] | None = None
    """Shape of the dose-response, where `dose` is among the estimates."""
    smallest: Probability | None = None
    """Smallest share whose change is worthwhile with 80 per cent probability."""
    components: tuple[ComponentShare, ...] = ()
    """Crude share by audited component in the window, where several were audited; `all` is all or none."""
    by_adaptation: dict[Literal["kept", "changed"], Probability] = Field(default_factory=dict)
    """Share delivered at sites whose modifications kept the core, and at those where one did not."""
    response: tuple[tuple[Probability, Probability], ...] = ()
    """Part of the full effect at some shares delivered, by the dose-response: (share, part)."""


class Horizon(Public):
    """Share of the effect kept some months after active support (link scale, 90 %); above 1 is growth.

    twin: the same by the main model's own curve, which knows nothing of support. p_half: at least half is kept; None where the data say too little of it,
    or a chance above one half is not sure, or not the main model's too.
    """

    months: int
    lower: float
    median: float
    upper: float
    twin: float | None = None
    p_half: Probability | None = None
    p_worthwhile: Probability | None = None


class SustainmentSection(Public):
    """Whether the improvement lasts. half_life: lower, median, upper in months, where the data can tell."""

    horizons: tuple[Horizon, ...]
    half_life: tuple[float, float, float] | None = None


class PredictionSection(Public):
    """What a prediction for one more site needs beside the estimates `new_site` and `moderation`.

    centres: mean of log2(1 + modifications) in the window by kind, the «usual» that `new_site` is about.
    correlations: of their posteriors, `new_site` with a kind (by kind) and two kinds (`a|b`), on the scale that a prediction
    is made on: link for rates, difference otherwise.
    """

    centres: dict[str, float] = Field(default_factory=dict)
    correlations: dict[str, float] = Field(default_factory=dict)


class CostSection(Public):
    """What the bundle cost in the window, as the study states its prices: whole units of `currency`.

    sites, months, modifications: sites with the bundle in the window, their months with it, logged modifications.
    """

    currency: str
    total: float
    sites: int
    months: float
    modifications: int


class OverlapRow(Public):
    """Share of the site-periods with `bundle` that have `other` too."""

    bundle: str
    other: str
    share: Probability


class TimelineEvent(Public):
    """One thing that a site wrote down about its work; coded words only.

    kind `phase`: a step of the wheel (`word`) from `start` until the next; `cycle`: a PDSA cycle, `word` its decision, ""
    while it runs; `strategy`: `word` its intensity, `what` the strategy (ERIC); `pause`, `support_end`: without words.
    """

    site: str
    name: str
    kind: Literal["phase", "cycle", "strategy", "pause", "support_end"]
    start: date
    end: date | None = None
    word: str = ""
    what: str = ""


class FitAnswer(Public):
    """Mean answer to one question of the fit form, 1 (not at all) to 5 (fully), over the sites that answered."""

    question: str
    mean: float
    sites: int


class Sections(Public):
    adaptations: AdaptationSection | None = None
    fidelity: FidelitySection | None = None
    sustainment: SustainmentSection | None = None
    prediction: PredictionSection | None = None
    costs: CostSection | None = None
    overlap: tuple[OverlapRow, ...] = ()
    timeline: tuple[TimelineEvent, ...] = ()
    fit: tuple[FitAnswer, ...] = ()
    sites: tuple[SiteCounts, ...] = ()
    quality: QualitySection | None = None
    """Of a study that looks at its data alone: such a Release holds no estimate, curve or verdict."""
    targets: tuple[TargetSection, ...] = ()
    wedge: tuple[SiteRuns, ...] = ()
    spc: SpcSection | None = None
    quantiles: EffectQuantiles | None = None
    annex: AnnexSection | None = None
    by_site: SiteEffectSection | None = None
