"""What a measure must be read with: other measures, who is in the numbers, and whether the counts are reports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from impl.data.panel import PanelWarning
from impl.study.catalogue import Measure
from impl.study.load import is_shipped
from impl.study.study import Study

COVERAGE_SHIFT = 0.10  # change in the share of those meant who are in the numbers (choice)


def companion_warnings(
    study: Study, measures: Mapping[str, Measure], cells: pd.DataFrame, rollout: pd.DataFrame
) -> Iterator[PanelWarning]:
    """What a reader should know of the measures themselves, beside the numbers.

    measures: those of the study, read. cells, rollout: as in Panel.
    """
    for name in study.measures.declared:
        measure = measures[name]
        if measure.replaces_shipped and is_shipped(name, "measures"):
            yield PanelWarning(code="own_definition", values={"measure": name})
    declared = set(study.measures.declared)
    primary = measures[study.measures.primary]
    if primary.counts != "events":
        yield PanelWarning(code="counts_are_reports")
    missing = [other for other in primary.paired if other not in declared and other != primary.coverage]
    if missing:
        yield PanelWarning(code="companions_missing", values={"count": len(missing)})
    if primary.coverage is None:
        return
    if primary.coverage not in declared:
        yield PanelWarning(code="coverage_unknown")
        return
    shift = _shift(cells[cells["measure"] == primary.coverage], rollout)
    if shift is not None and abs(shift) >= COVERAGE_SHIFT:
        yield PanelWarning(code="coverage_changed")


def _shift(cells: pd.DataFrame, rollout: pd.DataFrame) -> float | None:
    """Coverage after start minus before, summed over the sites that start; None where one side has no cell.

    Only whether it is large leaves this module: the two shares could give small counts away.
    """
    start = cells["site"].map(rollout.set_index("site")["start_period"])
    seen = cells[cells["observed"] & start.notna()]
    after = seen["period"] >= start[seen.index]
    shares = []
    for side in (seen[after], seen[~after]):
        total = float(side["denominator"].sum())
        if not total:
            return None
        shares.append(float(side["numerator"].sum()) / total)
    return shares[0] - shares[1]
