"""What was published before cannot be taken back: this month minus last month must give nothing away."""

from __future__ import annotations

from pathlib import Path

from example_estimates import example_checks, example_estimates, example_panel, example_study
from impl.data.panel import Panel
from impl.disclosure.attack import find_weaknesses
from impl.disclosure.earlier import earlier_releases
from impl.disclosure.functionals import Shown
from impl.disclosure.make import make_release
from impl.disclosure.rules import Counted
from impl.release.files import release_bytes
from impl.release.release import Release

RATE = Counted(kind="rate", per=1000, persons=True)


def release_of(root: Path, panel: Panel, window: tuple[int, int] = (1, 4)) -> Release:
    study = example_study(root)
    return make_release(study, panel, example_estimates(study, panel, window=window), example_checks())


def publish(root: Path, release: Release, name: str = "release.json") -> None:
    file = root / "reports" / release.study.id / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(release_bytes(release))


def shown(release: Release, window: tuple[int, int] = (1, 4)) -> Shown:
    return Shown(
        measure="clabsi",
        window=window,
        curve=release.curves[0],
        comparison=release.comparisons[0],
        events=release.design.models[0].events,
    )


def panel_of(numerators: list[list[float]], starts: list[int]) -> Panel:
    return example_panel({"clabsi": numerators}, {"clabsi": 1000}, list(starts))


GROWING = [4.0, 3, 4, 4, 3, 5, 3, 4, 4, 3, 5, 4, 3, 4, 4, 4, 4, 4, 5, 3, 4]
"""Quarters of 11 to 13 events, months of 3 to 5."""


def test_what_a_new_month_adds_cannot_be_had_by_subtraction(tmp_path: Path) -> None:
    first = release_of(tmp_path / "a", panel_of([GROWING[:20]], [9]), (1, 9))
    assert (first.curves[0].step, first.curves[0].points[-1].observed) == ("quarter", 4.0)
    now = panel_of([GROWING], [9])
    alone = release_of(tmp_path / "b", now, (1, 9))
    assert alone.curves[0].points[-1].observed == 4.0
    # Published one after the other, the last quarter would give away its last month: 12 - 8 = 4.
    assert any(True for _ in find_weaknesses(now, {"clabsi": RATE}, [shown(alone, (1, 9))], [first]))
    publish(tmp_path / "a", first)
    second = release_of(tmp_path / "a", now, (1, 9))
    assert second.curves[0].step == "quarter"
    assert [point.hidden for point in second.curves[0].points] == [False] * 6 + [True]
    assert second.design.models[0].events is None
    assert not any(True for _ in find_weaknesses(now, {"clabsi": RATE}, [shown(second, (1, 9))], [first]))


def test_a_site_that_joined_cannot_be_had_by_subtraction(tmp_path: Path) -> None:
    rows = [[20.0, 21, 19, 20, 18, 17, 20, 19], [15.0, 16, 14, 15, 13, 12, 14, 15]]
    joined = [2.0, 1, 0, 2, 1, 1, 0, 1]
    before = panel_of(rows, [3, 4])
    first = release_of(tmp_path, before)
    publish(tmp_path, first)
    now = panel_of([*rows, joined], [3, 4, 5])
    alone = release_of(tmp_path / "b", now)
    found = {weak.where for weak in find_weaknesses(now, {"clabsi": RATE}, [shown(alone)], [first])}
    assert found, "month by month, the new site is what is new"
    second = release_of(tmp_path, now)
    assert not any(True for _ in find_weaknesses(now, {"clabsi": RATE}, [shown(second)], [first]))
    assert sum(point.observed is not None for point in second.curves[0].points) < 8


def test_history_is_known_as_well_as_what_is_published_now(tmp_path: Path) -> None:
    release = release_of(tmp_path / "a", panel_of([GROWING[:20]], [9]), (1, 9))
    publish(tmp_path, release, "history/abc.json")
    study = example_study(tmp_path)
    assert earlier_releases(study) == (release,)
    other = release.model_copy(update={"study": release.study.model_copy(update={"id": "another"})})
    publish(tmp_path, other, "../svk-test/history/def.json")
    (tmp_path / "reports" / "svk-test" / "release.json").write_text("{")
    assert earlier_releases(study) == (release,)
    second = release_of(tmp_path, panel_of([GROWING], [9]), (1, 9))
    assert second.curves[0].points[-1].hidden


def test_the_same_data_again_give_the_same_release(tmp_path: Path) -> None:
    panel = panel_of([GROWING], [9])
    first = release_of(tmp_path, panel, (1, 9))
    publish(tmp_path, first)
    assert release_of(tmp_path, panel, (1, 9)) == first


def test_a_revised_number_is_about_other_data(tmp_path: Path) -> None:
    first = release_of(tmp_path, panel_of([[30.0, 31, 29, 30, 24, 22, 20, 21]], [3]))
    publish(tmp_path, first)
    second = release_of(tmp_path, panel_of([[30.0, 31, 29, 33, 24, 22, 20, 21]], [3]))
    assert second.curves[0].points[3].observed == 33.0


def test_what_is_out_already_stops_nobody(tmp_path: Path) -> None:
    # An earlier Release showed four events, as its rules then allowed.
    numerators = [[30.0, 4, 29, 30, 24, 22, 20, 21]]
    panel = panel_of(numerators, [3])
    first = release_of(tmp_path / "a", panel)
    months = tuple(
        first.curves[0]
        .points[0]
        .model_copy(
            update={
                "start": period.start,
                "end": period.end,
                "observed": value,
                "expected": None,
                "hidden": False,
            }
        )
        for period, value in zip(panel.periods, numerators[0], strict=True)
    )
    loose = first.model_copy(
        update={"curves": (first.curves[0].model_copy(update={"step": "month", "points": months}),)}
    )
    publish(tmp_path, loose)
    second = release_of(tmp_path, panel)
    assert second.curves == first.curves
    assert second.design.models[0].events == first.design.models[0].events
