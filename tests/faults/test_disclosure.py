"""A Release that would tell too much is not handed out, and what is published is the Release and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from example_estimates import example_checks, example_estimates, example_panel, example_study
from impl.disclosure import make, rules
from impl.disclosure.attack import check_release
from impl.errors import DisclosureError

COUNTS = [[12, 11, 13, 12, 1, 0, 1, 1]]
LAWS = {"clabsi": rules.Counted(kind="rate", per=1000, persons=True)}
WINDOWS = {"clabsi": (1, 4)}


def test_a_total_put_back_by_hand_is_refused(tmp_path: Path) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": COUNTS}, {"clabsi": 1000}, [4])
    release = make.make_release(study, panel, example_estimates(study, panel), example_checks())
    check_release(release, panel, LAWS, WINDOWS)
    model = release.design.models[0].model_copy(update={"events": 51})
    told = release.model_copy(update={"design": release.design.model_copy(update={"models": (model,)})})
    with pytest.raises(DisclosureError) as caught:
        check_release(told, panel, LAWS, WINDOWS)
    error = caught.value
    assert error.exit_code == 4
    assert {fault.code for fault in error.faults} == {"disclosure.narrow"}
    assert "level after of clabsi" in str(error)
    assert "can be computed to within 0" in str(error)
    assert "51" not in str(error)
    assert " 3" not in str(error).replace("3.", "")


def test_a_maker_that_shows_too_much_is_stopped_by_the_attack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": [[12, 3, 13, 12, 9, 8, 9, 7]]}, {"clabsi": 1000}, [4])
    estimates = example_estimates(study, panel)
    monkeypatch.setattr("impl.disclosure.counts.find_weaknesses", lambda *_: ())
    monkeypatch.setattr("impl.disclosure.counts._hidden", lambda *_: frozenset())
    with pytest.raises(DisclosureError, match="curve point 2024-02-01 of clabsi"):
        make.make_release(study, panel, estimates, example_checks())


def test_estimates_of_other_cells_than_the_panels_are_a_bug_of_ours(tmp_path: Path) -> None:
    study = example_study(tmp_path)
    panel = example_panel({"clabsi": [[12, 9, 13, 12, 9, 8, 9, 7]]}, {"clabsi": 1000}, [4])
    other = example_panel({"clabsi": [[12, 99, 13, 12, 9, 8, 9, 7]]}, {"clabsi": 1000}, [4])
    with pytest.raises(ValueError, match="not computed from the cells of the panel"):
        make.make_release(study, panel, example_estimates(study, other), example_checks())
