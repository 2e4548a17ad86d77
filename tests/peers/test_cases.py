"""The cases say to R what impl decides by itself; a default that moved would make the comparison unfair."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cases import CASES, Case, write_project

from impl.data.read import read_panel
from impl.model.structure import describe_structure
from impl.study.load import read_study


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_impl_decides_the_model_that_the_peers_are_told(case: Case, tmp_path: Path) -> None:
    study = read_study(write_project(tmp_path, case))
    structure = describe_structure(study, read_panel(study))
    told = json.loads((tmp_path / "peer.json").read_text())

    decided = {
        "family": structure.likelihood.name,
        "clustering": structure.clustering,
        "effect": structure.effect.name,
        "months": structure.months,
        "waves": structure.wave_effects,
        "calendar": structure.calendar,
        "trend": structure.trend,
        "harmonics": structure.harmonics,
        "site_effects": structure.site_effects,
        "correlated": structure.site_correlation,
    }
    assert decided == {name: told[name] for name in decided}
    assert structure.secular is None
    assert not structure.site_trends
