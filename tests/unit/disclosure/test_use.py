"""Costs, overlap and what a prediction needs: counted from the tables, and nothing for hidden estimates."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from example_estimates import estimate_row, example_checks, example_estimates, example_panel, example_study
from impl.disclosure.make import make_release
from impl.disclosure.use import overlap_rows, prediction_section
from impl.release.release import Estimate, Release
from impl.report.language import language_codes, read_language
from impl.report.study.adaptation import agreement
from impl.report.study.costs import texts

STARTS = (6, 6, 9, 12)
COUNTS = [[40.0] * 24] * 4


def priced(root: Path, **prices: object) -> Release:
    study = example_study(root, measures={"primary": "clabsi"}, costs=prices)
    panel = example_panel({"clabsi": COUNTS}, {"clabsi": 1000}, STARTS)
    return make_release(study, panel, example_estimates(study, panel, "clabsi"), example_checks("clabsi"))


def test_costs_are_those_of_the_window(tmp_path: Path) -> None:
    release = priced(tmp_path, per_site=10_000, per_month=500)
    section = release.sections.costs
    first, last = release.design.window_from, release.design.window_to
    assert section is not None
    months = sum(min(24 - start, last) - first + 1 for start in STARTS)
    assert (section.sites, section.months, section.modifications) == (4, months, 0)
    assert section.total == 4 * 10_000 + months * 500


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize(
    ("averted", "lines"),
    [((10.0, 20.0, 40.0), 3), ((-5.0, 20.0, 40.0), 3), ((-40.0, -20.0, 3.0), 2)],
    ids=["gain", "perhaps", "none"],
)
def test_a_cost_per_event_needs_events(
    tmp_path: Path, code: str, averted: tuple[float, float, float], lines: int
) -> None:
    release = priced(tmp_path, per_site=10_000)
    ends = dict(zip(("lower", "median", "upper"), averted, strict=True))
    kept = [row for row in release.estimates if (row.estimand, row.scale) != ("tate", "averted")]
    row = next(
        row for row in release.estimates if (row.estimand, row.scale, row.level) == ("tate", "ratio", 0.9)
    )
    release = release.model_copy(
        update={"estimates": (*kept, row.model_copy(update={"scale": "averted", **ends}))}
    )
    said = texts(release, read_language(code))
    assert len(said) == lines
    assert all("{" not in text and text.endswith(".") for text in said)
    if averted[0] > 0:
        assert all(str(40_000 // number) in said[1] for number in (10, 20, 40))
    hidden = release.model_copy(update={"estimates": tuple(kept)})
    assert len(texts(hidden, read_language(code))) == 2


def test_no_price_no_section(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi"})
    panel = example_panel({"clabsi": COUNTS}, {"clabsi": 1000}, STARTS)
    release = make_release(study, panel, example_estimates(study, panel, "clabsi"), example_checks("clabsi"))
    assert release.sections.costs is None
    assert release.sections.overlap == ()
    assert texts(release, read_language("nb")) == ()


def test_overlap_is_a_share_of_each_bundles_own_time(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi"}, other_bundles=["hand_hygiene"])
    panel = example_panel({"clabsi": COUNTS}, {"clabsi": 1000}, STARTS)
    other = panel.rollout.assign(start_period=[12.0, float("nan"), float("nan"), 0.0])
    panel = replace(panel, other_rollouts={"hand_hygiene": other})
    rows = {(row.bundle, row.other): row.share for row in overlap_rows(study, panel, "clabsi")}
    ours, theirs, both = 18 + 18 + 15 + 12, 12 + 24, 12 + 12
    assert rows == {
        (study.bundle, "hand_hygiene"): round(both / ours, 2),
        ("hand_hygiene", study.bundle): round(both / theirs, 2),
    }


def test_a_prediction_knows_only_what_is_shown(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi"})
    panel = example_panel({"clabsi": COUNTS}, {"clabsi": 1000}, STARTS)
    estimates = replace(
        example_estimates(study, panel, "clabsi"),
        moderator_centres={"consistent_planned": 0.4321, "inconsistent": 0.2},
        correlations={
            "consistent_planned": 0.1234,
            "inconsistent": 0.5,
            "consistent_planned|inconsistent": 0.3,
        },
    )

    def row(estimand: str, group: str | None) -> Estimate:
        made = estimate_row("clabsi", estimand, "link", 0.9, group=group)
        return Estimate(
            **{
                ("from_" if key == "from" else key): value
                for key, value in made.items()
                if not pd.isna(value)
            }
        )

    assert prediction_section(estimates, [row("moderation", "consistent_planned")]) is None
    found = prediction_section(estimates, [row("new_site", None), row("moderation", "consistent_planned")])
    assert found is not None
    assert found.centres == {"consistent_planned": 0.432}
    assert found.correlations == {"consistent_planned": 0.12}


def test_agreement_of_two_coders_is_told(tmp_path: Path) -> None:
    study = example_study(tmp_path, measures={"primary": "clabsi"})
    panel = example_panel({"clabsi": COUNTS}, {"clabsi": 1000}, STARTS)
    codings = pd.DataFrame(
        {
            "modification": ["a", "b", "c", "d"],
            "nature": ["adding", "adding", "removing", "removing"],
            "second_nature": ["adding", "adding", "removing", "adding"],
            "consistent": ["yes"] * 4,
            "second_consistent": ["yes"] * 4,
        }
    )
    log = pd.DataFrame(
        {
            "site": [panel.sites[0]], "start": [panel.periods[8].start], "end": [None], "component": ["training"],
            "nature": ["adding"], "consistent": ["yes"], "planned": ["yes"],
        }
    )  # fmt: skip
    panel = replace(panel, codings=codings, adaptations=log)
    release = make_release(study, panel, example_estimates(study, panel, "clabsi"), example_checks("clabsi"))
    section = release.sections.adaptations
    assert section is not None
    assert (section.coded_twice, section.kappa_nature, section.kappa_consistent) == (4, 0.5, None)
    said = agreement(release, read_language("nb"))
    assert len(said) == 2
    assert "0,50" in said[1]
