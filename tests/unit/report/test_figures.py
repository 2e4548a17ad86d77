"""Figures hold what was released, say it in words too, and keep their labels apart."""

from __future__ import annotations

import re
from datetime import date

import pytest

from example_release import EXAMPLES, FALLS, Effect, curve, staggered
from impl.release.release import Release
from impl.report import figures, wording
from impl.report.language import read_language
from impl.report.show import stylesheet

NB = read_language("nb")


def drawing(release: Release) -> str:
    return figures.observed_against_expected(release, release.curves[0], NB, number=1)


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name != "not_converged"])
def test_a_figure_has_title_description_and_series(name: str) -> None:
    svg = drawing(EXAMPLES[name]())
    identity = re.search(r'aria-labelledby="(\S+) (\S+)"', svg)
    assert identity
    assert f'<title id="{identity[1]}">' in svg
    assert f'<desc id="{identity[2]}">' in svg
    assert 'class="observed"' in svg
    assert 'class="expected"' in svg
    assert svg.count('class="fan90"') == svg.count('class="fan80"') == svg.count('class="fan50"') >= 1
    assert "nan" not in svg
    assert "url(" not in svg


def test_hidden_points_leave_no_trace_but_the_hatch() -> None:
    release = EXAMPLES["hidden_points"]()
    svg = drawing(release)
    shown = [point for point in release.curves[0].points if not point.hidden]
    assert svg.count('class="dot"') == len(shown) == 6
    assert svg.count('class="hatch"') == 2
    assert "Skjult (personvern)" in svg
    assert svg.count("Skjult (personvern)") == 1
    table = figures.description(release, release.measure(), release.curves[0], NB)
    assert "skjult av personvernhensyn" in table


def test_two_neighbours_hidden_are_one_hatched_field() -> None:
    effect = Effect(measure=FALLS, before=5, expected=5, median=0.8, sd=0.1)
    series = curve(effect, [4], first=date(2024, 1, 1), periods=12, hidden=(3, 4))
    release = staggered().model_copy(update={"curves": (series,)})
    assert drawing(release).count('class="hatch"') == 1


def test_hatching_stays_inside_its_field() -> None:
    for left, right in ((0, 30), (100, 500), (980, 1000)):
        numbers = [
            float(number) for number in re.findall(r"[ML]([\d.e-]+) ", figures.hatch(left, right, 40, 260))
        ]
        heights = [
            float(number) for number in re.findall(r" ([\d.e-]+)", figures.hatch(left, right, 40, 260))
        ]
        assert numbers
        assert min(numbers) >= left - 1e-6
        assert max(numbers) <= right + 1e-6
        assert min(heights) >= 40 - 1e-6
        assert max(heights) <= 260 + 1e-6


@pytest.mark.parametrize(("months", "most"), [(3, 7), (7, 7), (24, 7), (36, 7), (60, 7), (96, 6), (240, 6)])
def test_few_ticks_at_round_dates(months: int, most: int) -> None:
    last = date(2018 + (months - 1) // 12, (months - 1) % 12 + 1, 28)
    ticks = figures.time_ticks(date(2018, 1, 1), last)
    assert 1 <= len(ticks) <= most
    assert all(day.day == 1 and date(2018, 1, 1) <= day <= last for day, _ in ticks)
    assert [day for day, _ in ticks] == sorted({day for day, _ in ticks})
    odd = figures.time_ticks(date(2018, 3, 5), date(2018, 3, 5).replace(year=2020))
    assert all(day >= date(2018, 3, 5) for day, _ in odd)


def test_nice_ticks_span_the_values() -> None:
    for low, high in ((0.0, 6.9), (0.0, 0.031), (0.0, 100.0), (2.31, 2.37), (0.0, 1.0)):
        ticks = figures.nice_ticks(low, high)
        assert ticks[0] <= low
        assert ticks[-1] >= high
        assert 3 <= len(ticks) <= 8


def test_the_axis_of_a_rate_starts_at_zero() -> None:
    assert re.search(r'class="zero"[^>]*/><text class="tick"[^>]*>0<', drawing(staggered())) or (
        '<text class="tick" x="-8"' in drawing(staggered()) and ">0</text>" in drawing(staggered())
    )


def test_strip_numbers_stand_only_where_they_fit() -> None:
    svg = drawing(EXAMPLES["long_series"]())
    widths = [float(width) for width in re.findall(r'class="strip [^"]*"[^>]*width="([\d.]+)%"', svg)]
    assert sum(widths) == pytest.approx(100, abs=0.2)
    assert svg.count('class="strip-number') < len(widths)


def test_one_site_has_no_strip() -> None:
    assert 'class="strip' not in drawing(EXAMPLES["before_after"]())


def test_icons_words_and_line_share_one_number() -> None:
    for probability in (0.004, 0.105, 0.5, 0.914, 0.999):
        number = wording.hundredths(probability)
        assert figures.icon_array(number).count('class="on"') == number
        assert f'cx="{number}%"' in figures.certainty_line(number)


def test_every_height_of_a_figure_has_its_rule() -> None:
    """Style sheets of notebooks override the attribute, so the class must set the height."""
    for name in EXAMPLES:
        if name != "not_converged":
            height = re.search(
                r'class="plot [^"]*height-(\d+)" [^>]*height="(\d+)"', drawing(EXAMPLES[name]())
            )
            assert height
            assert height[1] == height[2]
            assert f".plot.height-{height[1]} {{ height: {height[1]}px; }}" in stylesheet("report")
