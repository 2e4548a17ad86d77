"""How the work went: steps, cycles and pauses of each site, on a line and in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from example_estimates import example_panel
from example_release import staggered
from impl.disclosure.use import fit_answers, timeline
from impl.release.release import Release
from impl.release.sections import FitAnswer
from impl.report.language import language_codes, read_language
from impl.report.study.order import make_blocks
from impl.report.timeline import CYCLES, block, fit_lines

STARTS = (6, 6, 9, 12)


def logged() -> Release:
    """A release with the logs of the first of its sites; strategies and cycles by coded words."""
    panel = example_panel({"clabsi": [[40.0] * 24] * 4}, {"clabsi": 1000}, STARTS)
    first, second = panel.sites[:2]
    phases = pd.DataFrame(
        [
            (first, date(2024, 1, 1), "prepare"),
            (first, date(2024, 4, 1), "do"),
            (first, date(2024, 9, 1), "plan"),
        ],
        columns=["site", "start", "phase"],
    )
    cycles = pd.DataFrame(
        [(second, date(2024, 5, 2), word) for word in CYCLES], columns=["site", "date", "decision"]
    )
    strategies = pd.DataFrame(
        [(first, date(2024, 2, 1), None, "audit_and_provide_feedback", "implementation")],
        columns=["site", "start", "end", "strategy", "intensity"],
    )
    support = pd.DataFrame(
        [(first, date(2025, 1, 31), None, None), (second, None, date(2024, 7, 1), date(2024, 8, 15))],
        columns=["site", "support_end", "pause_start", "pause_end"],
    )
    panel = replace(panel, phases=phases, cycles=cycles, strategies=strategies, support=support)
    release = staggered()
    sections = release.sections.model_copy(
        update={"timeline": timeline(panel), "fit": (FitAnswer(question="need", mean=4.2, sites=8),)}
    )
    return release.model_copy(update={"sections": sections})


def test_events_come_by_site_and_date() -> None:
    events = logged().sections.timeline
    assert [event.kind for event in events] == [
        "phase", "strategy", "phase", "phase", "support_end", *["cycle"] * 4, "pause",
    ]  # fmt: skip
    assert events[-1].end == date(2024, 8, 15)
    assert {event.word for event in events if event.kind == "cycle"} == set(CYCLES)


@pytest.mark.parametrize("code", language_codes())
def test_the_figure_and_its_table_say_the_same(code: str) -> None:
    language, release = read_language(code), logged()
    page = block(release, language)
    assert page.count("timeline-site") == 2
    assert page.count("<tr>") == 1 + len(release.sections.timeline)
    assert all(sign in page for sign in CYCLES.values())
    assert 'class="strip paused"' in page
    assert "{" not in page
    assert "style=" not in page
    names = [part.name for part in make_blocks(release, language)]
    assert names[names.index("adapted") + 1] == "work"
    (line,) = fit_lines(release, language)
    assert "4,2" in line or "4.2" in line
    assert "work" not in [part.name for part in make_blocks(staggered(), language)]


def test_answers_of_fewer_than_three_sites_are_not_shown() -> None:
    panel = example_panel({"clabsi": [[40.0] * 24] * 4}, {"clabsi": 1000}, STARTS)
    rows = [(site, "need", answer) for site, answer in zip(panel.sites, (5, 4, 4, 3), strict=True)]
    rows += [(site, "values", 5) for site in panel.sites[:2]]
    panel = replace(panel, fit_form=pd.DataFrame(rows, columns=["site", "question", "answer"]))
    assert fit_answers(panel) == (FitAnswer(question="need", mean=4.0, sites=4),)
