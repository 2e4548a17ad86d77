"""What each site is asked for, as rows that can be sent back to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impl.release.quality import LEFT_OUT
from impl.release.release import Release

SEND_BACK_COLUMNS = (
    "site", "name", "measure", "measure_name", "code", "start", "end", "periods", "other", "other_name", "details"
)  # fmt: skip
ONLY_A_GAP = ("late",)
"""Findings that ask for nothing but the numbers that a gap asks for already."""


def send_back_rows(release: Release) -> Iterator[dict[str, Any]]:
    """What each site is asked for, site by site: numbers that have not come (code: why), and findings to look at."""
    section = release.sections.quality
    if section is None:
        return
    names = {measure.id: measure.name for measure in release.study.measures}
    asked: list[dict[str, Any]] = [
        {
            "site": row.site,
            "name": row.name,
            "measure": row.measure,
            "code": gap.why,
            "start": gap.start,
            "end": gap.end,
            "periods": gap.periods,
        }
        for row in section.coverage
        for gap in row.gaps
        if gap.why not in LEFT_OUT
    ]
    for finding in section.findings:
        if finding.site is None or finding.code in ONLY_A_GAP:
            continue
        details = "; ".join(f"{key}={value}" for key, value in finding.values.items())
        row = finding.model_dump(
            include={"site", "name", "measure", "code", "start", "end", "other", "other_name"}
        )
        asked.append({**row, "details": details})
        if finding.other is not None:  # the other one of a pair is asked too
            pair = {"site": "other", "name": "other_name", "other": "site", "other_name": "name"}
            asked.append({**row, **{key: row[place] for key, place in pair.items()}, "details": details})
    order = {site: at for at, site in enumerate(dict.fromkeys(row.site for row in section.coverage))}
    for row in sorted(asked, key=lambda row: order.get(row["site"], 0)):
        name = names.get(row.get("measure") or "", {})
        yield {**row, "measure_name": name.get("nb") or next(iter(name.values()), "")}
