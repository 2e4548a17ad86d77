"""The wedge: states from the panel, rows in order of start, words for every date, steps where sites are many."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import date
from html import unescape

import pandas as pd
import pytest

from example_estimates import example_panel
from example_release import drawn, network_sites, staggered
from impl.disclosure.use import wedge as released_runs
from impl.release.release import Release
from impl.report.language import language_codes, read_language
from impl.report.study import wedge
from impl.report.study.order import make_blocks
from worlds import make_study

NB = read_language("nb")


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def many(sites: int) -> Release:
    """So many sites: the starts of the twelve again and again."""
    release = drawn(staggered())
    rollout, runs = [], []
    for index in range(sites):
        code = f"x{index:03d}"
        rollout.append(release.design.rollout[index % 10].model_copy(update={"site": code, "name": code}))
        runs.append(release.sections.wedge[index % 10].model_copy(update={"site": code}))
    return release.model_copy(
        update={
            "design": release.design.model_copy(update={"rollout": tuple(rollout), "sites": sites}),
            "sections": release.sections.model_copy(update={"wedge": tuple(runs)}),
        }
    )


def test_the_states_are_those_of_the_panel() -> None:
    panel = example_panel({"x": [[9] * 8] * 4}, {"x": 100}, [3, 5, "never", "before-data"])
    rollout = panel.rollout.assign(
        transition_from=[2.0, float("nan")] + [float("nan")] * 2,
        stop_period=[float("nan"), 7.0] + [float("nan")] * 2,
    )
    support = pd.DataFrame(
        [("9901", date(2024, 5, 5), 4.0, 6.0)], columns=["site", "pause_start", "pause_from", "pause_until"]
    )
    found = released_runs(make_study("falls"), replace(panel, rollout=rollout, support=support))
    runs = {each.site: [(run.state, run.start.month, run.end.month) for run in each.runs] for each in found}
    assert runs == {
        "9901": [("without", 1, 2), ("transition", 3, 3), ("with", 4, 4), ("paused", 5, 6), ("with", 7, 8)],
        "9902": [("without", 1, 5), ("with", 6, 7), ("stopped", 8, 8)],
        "9903": [("without", 1, 8)],
        "9904": [("before-data", 1, 8)],
    }
    for each in found:
        assert each.runs[0].start == panel.periods[0].start
        assert each.runs[-1].end == panel.periods[-1].end


def test_what_is_drawn_is_the_actual_start_whichever_counts() -> None:
    panel = example_panel({"x": [[9] * 8] * 2}, {"x": 100}, [3, 5])
    later = panel.rollout.assign(start_period=[4.0, 5.0])
    both = replace(panel, other_start=later)
    first = lambda starts, panel: released_runs(  # noqa: E731
        make_study("falls", rollout={"file": "none.csv", "starts": starts}), panel
    )[0].runs[1]
    assert first("allocated", both).start == panel.periods[4].start
    assert first("actual", both).start == panel.periods[3].start
    assert first("allocated", panel).start == panel.periods[3].start


def test_a_site_that_was_to_have_none_and_began_is_drawn_with_its_start() -> None:
    release = network_sites()
    crossed = release.design.rollout[0].model_copy(update={"state": "never", "allocated_start": None})
    others = release.design.rollout[1:]
    release = release.model_copy(
        update={"design": release.design.model_copy(update={"rollout": (crossed, *others)})}
    )
    rows = {row.name: row for row in wedge.rows_of(release, NB)}
    assert rows["Askevik"].words[0] == "Mars 2024"


def test_rows_come_by_start_and_then_by_code() -> None:
    release = network_sites()
    rows = wedge.rows_of(release, NB)
    assert rows[0].words == ("Før dataene begynner",)
    assert rows[-1].words == ("Ikke startet",)
    days = [row.start for row in rows if row.start is not None]
    assert days == sorted(days)
    names = [row.name for row in rows if row.start == days[0]]
    codes = [start.name for start in release.design.rollout if start.actual_start == days[0]]
    assert names == codes


def test_every_date_has_words() -> None:
    rows = {row.name: row for row in wedge.rows_of(network_sites(), NB)}
    assert rows["Bjørkenes"].words == (
        "Mars 2024",
        "planlagt desember 2023",
        "i full bruk fra mai 2024",
    )
    assert rows["Bjørkenes"].planned == date(2023, 12, 1)
    assert rows["Askevik"].planned is None
    assert rows["Elvestrand"].words[-1] == "sluttet mai 2025"
    assert rows["Furuheim"].words[-1] == "pause februar 2025 – april 2025"


def test_the_title_counts_steps() -> None:
    assert wedge.title(network_sites(), NB).replace("\u00a0", " ") == (
        "10 av 12 steder startet i 5 trinn, fra mars 2024 til mars 2025"
    )
    together = network_sites()
    same = [start.model_copy(update={"actual_start": date(2024, 3, 1)}) for start in together.design.rollout]
    one = together.model_copy(update={"design": together.design.model_copy(update={"rollout": tuple(same)})})
    assert wedge.title(one, NB).replace("\u00a0", " ") == "12 steder startet i mars 2024"


def test_boxes_cover_the_line_once() -> None:
    html = wedge.block(network_sites(), NB)
    for row in re.findall(r'<td role="cell" class="g">(.*?)</td>', html):
        boxes = [
            (float(left), float(width))
            for left, width in re.findall(r'<rect class="state [^"]+" x="([\d.]+)%" width="([\d.]+)%"', row)
        ]
        assert boxes[0][0] == 0
        for (left, width), (following, _) in itertools.pairwise(boxes):
            assert left + width == pytest.approx(following, abs=0.02)
        assert sum(boxes[-1]) == pytest.approx(100, abs=0.02)
    assert html.count('class="planned"') == 2  # one site, and the key


def test_the_key_holds_what_is_drawn_and_no_more() -> None:
    text = plain(wedge.block(network_sites(), NB))
    for words in (
        "uten tiltaket",
        "under innføring",
        "med tiltaket",
        "planlagt oppstart, der den er en annen enn den faktiske",
    ):
        assert words in text
    calm = drawn(staggered())
    kept = tuple(each for each in calm.sections.wedge if each.site in ("9901", "9903"))
    calm = calm.model_copy(update={"sections": calm.sections.model_copy(update={"wedge": kept})})
    assert "pause" not in plain(wedge.block(calm, NB))


@pytest.mark.parametrize(("sites", "rows"), [(40, 40), (41, 5), (357, 5)])
def test_many_sites_are_joined_by_step(sites: int, rows: int) -> None:
    release = many(sites)
    found = wedge.rows_of(release, NB)
    assert len(found) == rows
    if rows == 5:
        assert sum(int(row.name.split("\u00a0")[0]) for row in found) == sites
        assert "startet en annen måned enn planlagt" in plain(wedge.block(release, NB))


def test_one_site_has_no_wedge() -> None:
    release = drawn(staggered())
    one = release.model_copy(
        update={"sections": release.sections.model_copy(update={"wedge": release.sections.wedge[:1]})}
    )
    assert wedge.block(one, NB) == ""


@pytest.mark.parametrize("code", language_codes())
def test_the_page_has_it_in_every_language(code: str) -> None:
    language = read_language(code)
    blocks = {block.name: block.html for block in make_blocks(network_sites(), language)}
    assert language.say("wedge.heading") in unescape(blocks["wedge"])
