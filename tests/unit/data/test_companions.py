"""What a measure must be read with is told where the study leaves it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from study_project import PANEL_HEADER, STUDY, make_project, month, panel_of

ORDERED = "nutrition_risk"  # the share at risk among those assessed; its coverage is nutrition_assessed


def warnings(
    root: Path, primary: str, paired: dict[str, tuple[int, int]], own: str | None = None
) -> dict[str, dict[str, Any]]:
    """Codes told of a study; paired: measure -> numerators of 20 before and after the start in May."""
    rows = []
    for name, (before, after) in {primary: (8, 8), **paired}.items():
        for site in ("north", "south"):
            for number in range(1, 13):
                start, end = month(2021, number)
                rows.append(f"{site},{start},{end},{name},{before if number < 5 else after},20")
    measures = f"{{primary: {primary}, paired: [{', '.join(paired)}]}}"
    study = STUDY.replace("{primary: falls}", measures).replace("30_stepped_wedge", "20_before_after")
    rollout = "site,actual_start\nnorth,2021-05-01\nsouth,2021-05-01\n"
    file = make_project(root, study=study, panel="\n".join([PANEL_HEADER, *rows]), rollout=rollout)
    if own is not None:
        shipped = Path(__file__).parents[3] / "src/impl/study/measures" / f"{own}.toml"
        (root / "parameters" / "measures").mkdir()
        text = shipped.read_text(encoding="utf-8").replace("aspect", "replaces_shipped = true\naspect")
        (root / "parameters" / "measures" / f"{own}.toml").write_text(text, encoding="utf-8")
    return {
        warning.code: dict(warning.values)
        for warning in panel_of(file).warnings
        if warning.code != "few_sites"
    }


@pytest.mark.parametrize(
    ("primary", "paired", "told"),
    [
        ("clabsi", {}, {"companions_missing": {"count": 2}}),
        ("clabsi", {"clabsi_population": (3, 3)}, {"companions_missing": {"count": 1}}),
        ("clabsi", {"clabsi_population": (3, 3), "central_line_use": (9, 9)}, {}),
        ("incident_reports", {"serious_harm_reports": (1, 1)}, {"counts_are_reports": {}}),
        (ORDERED, {}, {"coverage_unknown": {}}),
        (ORDERED, {"nutrition_assessed": (10, 11)}, {}),
        (ORDERED, {"nutrition_assessed": (10, 13)}, {"coverage_changed": {}}),
        (ORDERED, {"nutrition_assessed": (13, 10)}, {"coverage_changed": {}}),
    ],
)  # fmt: skip
def test_what_is_left_out_is_told(
    tmp_path: Path, primary: str, paired: dict[str, tuple[int, int]], told: dict[str, dict[str, Any]]
) -> None:
    assert warnings(tmp_path, primary, paired) == told


def test_a_definition_of_ones_own_is_told(tmp_path: Path) -> None:
    found = warnings(
        tmp_path, "clabsi", {"clabsi_population": (3, 3), "central_line_use": (9, 9)}, own="clabsi"
    )

    assert found == {"own_definition": {"measure": "clabsi"}}
