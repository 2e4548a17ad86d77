"""The effect by the start that does not count: when it is made, over which window, and what the reader sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from example_estimates import example_checks, example_estimates, example_panel, example_study
from impl.data.panel import Panel
from impl.disclosure.make import make_release
from impl.model import fit as fit_module
from impl.model.build import build_model, model_of
from impl.model.estimands import Asked, reported_draws
from impl.model.estimate import window_summaries
from impl.model.fit import compile_key, sample
from impl.model.local import starts
from impl.model.local.starts import evaluate_other_start, other_structure
from impl.model.simulate import World
from impl.model.structure import describe_structure
from impl.model.values import Implementation, OtherStart
from impl.release.release import Release
from impl.report.language import language_codes, read_language
from impl.report.study.order import make_blocks
from impl.report.study.starts import texts
from study_project import STUDY, make_project, panel_of
from worlds import make_panel, make_study, prior_fit

EFFECT = np.log(0.5)
HALVED = lambda exposure: np.full(exposure.shape, EFFECT)  # noqa: E731


def moved(panel: Panel, by: int) -> Panel:
    """The other start of the first site, so many periods later."""
    other = panel.rollout.copy()
    other.loc[0, "start_period"] += by
    return replace(panel, other_start=other)


def wedge(periods: int = 16, exposure: float = 4000.0) -> Panel:
    world = World(law="poisson", baseline=6 / 1000, start=np.array([4.0, 4, 8, 8]), effect=HALVED)
    return make_panel(world, "falls", np.full((4, periods), exposure))


ROLLOUT = "site,allocated_start,actual_start,transition_end,stop\n"


@pytest.mark.parametrize(
    ("rows", "positions"),
    [
        ("north,2021-05-01,2021-07-01,,\nsouth,2021-09-01,2021-09-01,,", [6.0, 8.0]),
        ("north,2021-05-01,2021-05-01,,\nsouth,never,2021-09-01,,", [4.0, 8.0]),
        ("north,2021-05-01,never,,\nsouth,2021-09-01,2021-09-01,,", [np.nan, 8.0]),
        ("north,,2021-05-01,,\nsouth,2021-09-01,2021-09-01,,", None),  # nobody was allocated another
        # another day and the same months with the bundle
        ("north,2021-04-02,2021-04-20,,\nsouth,2021-09-01,2021-09-01,,", None),
        # before the data: how long the site had had it is not known
        ("north,2021-05-01,2020-12-01,,\nsouth,2021-09-01,2021-09-01,,", None),
    ],
)
def test_the_other_roll_out_is_there_where_it_would_change_the_model(
    tmp_path: Path, rows: str, positions: list[float] | None
) -> None:
    panel = panel_of(make_project(tmp_path, rollout=ROLLOUT + rows + "\n"))
    if positions is None:
        assert panel.other_start is None
    else:
        assert panel.other_start is not None
        np.testing.assert_array_equal(panel.other_start["start_period"], positions)


def test_by_the_actual_start_the_other_one_is_the_allocated(tmp_path: Path) -> None:
    study = STUDY.replace("rollout.csv}", "rollout.csv, starts: actual}")
    rows = "north,2021-05-01,2021-07-01,,\nsouth,2021-09-01,2021-09-01,,\n"
    panel = panel_of(make_project(tmp_path, study=study, rollout=ROLLOUT + rows))
    assert panel.rollout["start_period"].tolist() == [6.0, 8.0]
    assert panel.other_start is not None
    assert panel.other_start["start_period"].tolist() == [4.0, 8.0]


def test_the_extra_is_the_same_compiled_model_over_the_same_window() -> None:
    study = make_study("falls", model={"effect": "it"})
    panel = moved(wedge(), 0)
    main = describe_structure(study, panel)
    other = other_structure(main, study, panel)
    assert other.window == main.window
    assert compile_key(model_of(other)) == compile_key(model_of(main))
    later = other_structure(main, study, moved(wedge(), 3))
    assert later.rows.loc[later.rows["site"] == 0, "treated"].sum() == 16 - 7


def test_its_rows_are_the_main_ones_under_its_own_name() -> None:
    study = make_study("falls", model={"effect": "it"})
    fit = prior_fit(build_model(study, wedge()), draws=60)
    table = window_summaries(fit, "by_actual_start")
    ratio = reported_draws(fit)[Asked("tate", *fit.structure.window, "ratio")]
    row = table[(table["scale"] == "ratio") & (table["level"] == 0.9)].iloc[0]
    assert set(table["estimand"]) == {"by_actual_start"}
    assert row["median"] == np.median(ratio)
    assert row["p_better"] == np.mean(ratio < 1)


def test_nothing_is_fitted_where_the_starts_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "sample", lambda *_, **__: pytest.fail("sampled"))
    study = make_study("falls")
    fit = prior_fit(build_model(study, wedge()), draws=5)
    assert evaluate_other_start(fit, study, wedge()) is None


def test_other_starts_that_carry_no_model_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "sample", lambda *_, **__: pytest.fail("sampled"))
    study = make_study("falls")
    panel = wedge()
    fit = prior_fit(build_model(study, panel), draws=5)
    other = panel.rollout.assign(state="never", start_period=np.nan)
    found = evaluate_other_start(fit, study, replace(panel, other_start=other))
    assert found is not None
    assert found.warnings == (("other_start_not_possible", {}),)
    assert not len(found.table)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_simulated_truth_is_found_by_the_start_that_happened() -> None:
    """One of six sites began four months later than decided: by the decided start its first months are diluted."""
    study = make_study("falls", model={"effect": "it"})
    start = np.array([8.0, 4, 4, 8, 8, 8])
    world = World(law="poisson", baseline=6 / 1000, start=start, effect=HALVED)
    truth = make_panel(world, "falls", np.full((6, 16), 4000.0))
    decided = truth.rollout.copy()
    decided.loc[0, "start_period"] = 4.0
    panel = replace(truth, rollout=decided, other_start=truth.rollout)
    fit = sample(build_model(study, panel), study, profile="smoke")
    compiled = len(fit_module._compiled)

    found = evaluate_other_start(fit, study, panel, profile="smoke")

    assert len(fit_module._compiled) == compiled, "the same compiled model, given other data"
    assert found is not None
    assert found.estimand == "by_actual_start"
    row = found.table[(found.table["scale"] == "link") & (found.table["level"] == 0.9)].iloc[0]
    main = window_summaries(fit, "tate").query("scale == 'link' and level == 0.9").iloc[0]
    assert row["lower"] < EFFECT < row["upper"]
    assert main["mean"] > row["mean"] + 0.05


# --- through the wall, and on the page


def extra(panel: Panel, estimand: str = "by_actual_start") -> OtherStart:
    rows = [
        {
            "measure": "clabsi", "bundle": "central_line", "estimand": estimand, "from": 1, "to": 4, "group": None,
            "scale": scale, "level": level, "mean": value, "sd": 0.1, "median": value, "lower": value - 0.2,
            "upper": value + 0.2, "p_better": 0.9, "p_worthwhile": 0.8, "p_negligible": 0.1, "p_harm": 0.01,
        }
        for scale, value in (("ratio", 0.7), ("link", -0.36), ("difference", -8.0), ("averted", 40.0))
        for level in (0.5, 0.9)
    ]  # fmt: skip
    assert panel.other_start is not None
    return OtherStart(measure="clabsi", estimand=estimand, table=pd.DataFrame(rows), window=(1, 4))


def release_of(
    root: Path, last_before: float = 30, *, shift: int = 1, profile: str = "full", sites: int = 4
) -> Release:
    numerators = [[30, 31, 29, last_before, 24, 22, 20, 21]] * sites
    study = example_study(root)
    panel = moved(example_panel({"clabsi": numerators}, {"clabsi": 1000}, [3, 4, 5, 5][:sites]), shift)
    implementation = Implementation(other_start=extra(panel))
    estimates = example_estimates(study, panel, profile=profile)
    return make_release(study, panel, estimates, example_checks(), implementation=implementation)


def shown(release: Release) -> list[tuple[str, float]]:
    return [(row.scale, row.level) for row in release.estimates if row.estimand == "by_actual_start"]


def test_it_is_released_on_one_scale_beside_the_main_row(tmp_path: Path) -> None:
    release = release_of(tmp_path)
    assert {scale for scale, _ in shown(release)} <= {"ratio", "link"}
    assert ("ratio", 0.9) in shown(release)
    main = release.estimate("clabsi", "tate", "ratio")
    assert main is not None
    assert main.median != 0.7


def test_it_is_hidden_where_the_moved_months_hold_a_small_count(tmp_path: Path) -> None:
    assert shown(release_of(tmp_path / "a", 3)) == []
    assert shown(release_of(tmp_path / "b", 30)) != []


def test_a_trial_run_has_none(tmp_path: Path) -> None:
    assert shown(release_of(tmp_path, profile="smoke")) == []


@pytest.mark.parametrize("code", language_codes())
def test_the_page_says_it_beside_the_table_and_why_it_is_no_answer(tmp_path: Path, code: str) -> None:
    release, language = release_of(tmp_path), read_language(code)
    said = texts(release, language)
    assert len(said) == 2
    comparison = next(block for block in make_blocks(release, language) if block.name == "comparison")
    assert said[1] in comparison.html
    without = release.model_copy(
        update={"estimates": tuple(row for row in release.estimates if row.estimand != "by_actual_start")}
    )
    assert texts(without, language) == ()


def test_it_says_so_in_plain_words(tmp_path: Path) -> None:
    (first, second) = texts(release_of(tmp_path), read_language("nb"))
    assert first.replace("\u00a0", " ").startswith("Ut fra faktisk oppstart: 30 prosent færre ")
    assert "bare et tillegg" in second
