"""What peers may see of criticism and robustness: nothing about one site, one wave or one cell.

Refits tell the effect on the link scale to two decimals, only where the main effect on that scale is released. Statistics
of the data themselves stay behind; what is shown of a check is a probability.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from impl.disclosure import rules
from impl.model.values import Criticism, Estimates, Implementation, Robustness
from impl.release.annex import AnnexSection, LeaveOneOutSummary, PredictiveCheck, PriorCheck, RefitRow
from impl.release.release import Estimate

SHOWN_REFITS = ("main", "shape", "prior", "placebo", "forecast")
PRIOR_DIGITS = 2  # choice
LINK_DECIMALS = 2  # choice: a hundredth on a log scale is one per cent


def annex_section(
    estimates: Estimates,
    findings: Sequence[Criticism | Robustness | Implementation],
    rows: Sequence[Estimate],
) -> AnnexSection:
    """The annex of the primary measure; parts that were not computed are empty."""
    criticism = next((found for found in findings if isinstance(found, Criticism)), None)
    robustness = next((found for found in findings if isinstance(found, Robustness)), None)
    told = any(
        row.measure == estimates.measure and row.estimand == "tate" and row.scale == "link" for row in rows
    )
    return AnnexSection(
        priors={name: rules.estimate(value) for name, value in estimates.prior_scales.items()},
        checks=() if criticism is None else _checks(criticism),
        prior_checks=() if criticism is None else _prior_checks(criticism, estimates),
        refits=_refits(robustness) if robustness is not None and told else (),
        leave_one_out=None if criticism is None else _left_out(criticism),
        sensitivity={} if criticism is None else _sensitivity(criticism),
    )


def _checks(criticism: Criticism) -> tuple[PredictiveCheck, ...]:
    """Checks of all sites together; those of one wave are left out."""
    return tuple(
        PredictiveCheck(check=row["check"], p=round(float(row["p"]), 2), flagged=bool(row["flagged"]))
        for row in criticism.checks.to_dict("records")
        if np.isnan(row["wave"])
    )


def _prior_checks(criticism: Criticism, estimates: Estimates) -> tuple[PriorCheck, ...]:
    """Within or not, and how wide; never where: the prior of the level is placed by the data."""
    counts = estimates.model.likelihood not in ("normal", "student")
    found = []
    for row in criticism.prior_predictive.to_dict("records"):
        ends = {
            name: rules.significant(row[name] / row["median"], PRIOR_DIGITS) for name in ("lower", "upper")
        }
        found.append(PriorCheck(check=row["check"], inside=bool(row["inside"]), **(ends if counts else {})))
    return tuple(found)


def _refits(robustness: Robustness) -> tuple[RefitRow, ...]:
    return tuple(
        RefitRow(
            refit=str(row["refit"]),
            kind=row["kind"],
            **{name: round(float(row[name]), LINK_DECIMALS) + 0.0 for name in ("mean", "lower", "upper")},
            shift=None
            if row["kind"] == "main" or np.isnan(row["shift"])
            else round(float(row["shift"]), 1) + 0.0,
        )
        for row in robustness.refits.to_dict("records")
        if row["kind"] in SHOWN_REFITS
    )


def _left_out(criticism: Criticism) -> LeaveOneOutSummary | None:
    found = criticism.leave_one_out
    if found is None:
        return None
    return LeaveOneOutSummary(
        elpd=round(found.elpd, 1),
        standard_error=round(found.standard_error, 1),
        parameters=round(found.parameters, 1),
        cells=len(found.cells),
        unreliable=int((found.cells["pareto_k"] > found.good_k).sum()),
    )


def _sensitivity(criticism: Criticism) -> dict[str, float]:
    return {
        str(row["priors"]): round(float(row["distance"]), 2)
        for row in criticism.sensitivity.to_dict("records")
    }
