"""The page on data alone: in every language, every finding has words, and every table says what the strips show."""

from __future__ import annotations

import re
from datetime import date
from typing import get_args

import pytest
from bs4 import BeautifulSoup

from example_release import staggered
from impl.data.quality import GRAVE
from impl.disclosure.quality import LIMITS
from impl.release.quality import (
    LEFT_OUT,
    PeriodCoverage,
    QualityFinding,
    QualityGap,
    QualitySection,
    SiteCoverage,
    Why,
)
from impl.release.quality import LeftOut as LeftOutRow
from impl.release.release import Checks, Release
from impl.release.sections import Sections
from impl.report.check import page_problems
from impl.report.language import language_codes, read_language
from impl.report.study import quality
from impl.report.study.order import make_blocks
from report_pages import page_of

FIRST, SECOND, *_ = (measure.id for measure in staggered().study.measures)
START, END = date(2024, 1, 1), date(2025, 12, 31)
VALUES: dict[str, tuple[dict[str, float | int | str], ...]] = {
    "late": ({"days": 120},),
    "same_name": ({},),
    "near_name": ({},),
    "same_numbers": tuple(
        {"count": 30, "number": 36, "of": of} for of in ("both", "numerator", "denominator")
    ),
    "exposure_jump": (
        {"times": 12, "way": "up"},
        {"times": 30, "way": "down"},
        {"times": 2.5, "way": "down"},
    ),
    "lasting_change": ({"times": 2.6, "way": "up"}, {"times": 30, "way": "down"}),
    "more_events_than_exposure": ({"periods": 1}, {"periods": 7}),
    "unlike_other_sites": ({"times": 1000, "way": "up"}, {"times": 24, "way": "down"}),
    "unusual_level": ({"times": 100, "way": "up"}, {"times": 12, "way": "down"}),
    "constant": tuple({"of": of, "periods": 8} for of in ("numerator", "denominator")),
    "round_numbers": tuple({"of": of, "count": 20, "number": 24} for of in ("numerator", "denominator")),
    "zeros": ({"periods": 1}, {"periods": 5}),
    "unfinished": ({"share": 0.37},),
}
"""Every finding that a check can make, with each shape of its values."""
every_language = pytest.mark.parametrize("code", language_codes())


def coverage(site: str, *gaps: QualityGap, measure: str = FIRST) -> SiteCoverage:
    missing = sum(gap.periods for gap in gaps if gap.why not in LEFT_OUT)
    left_out = sum(gap.periods for gap in gaps if gap.why in LEFT_OUT)
    return SiteCoverage(
        measure=measure, site=site, name=f"Sykehus {site}", expected=24 - left_out,
        reported=24 - left_out - missing, last=END if missing < 24 else None, days=30 if missing < 24 else None, gaps=gaps,
    )  # fmt: skip


def gap(first: int, periods: int, why: Why) -> QualityGap:
    last = first + periods - 1
    return QualityGap(
        start=date(2024 + first // 12, first % 12 + 1, 1), end=date(2024 + last // 12, last % 12 + 1, 28),
        periods=periods, why=why,
    )  # fmt: skip


def release_of(
    *rows: SiteCoverage, findings: tuple[QualityFinding, ...] = (), state: str = "usable"
) -> Release:
    """A Release on data alone, of the measures that the rows have."""
    base = staggered()
    wanted = {row.measure for row in rows}
    measures = tuple(measure for measure in base.study.measures if measure.id in wanted)
    left = tuple(
        LeftOutRow(measure=row.measure, why=each.why, cells=each.periods, sites=1)
        for row in rows
        for each in row.gaps
    )
    periods = tuple(
        PeriodCoverage(measure=measure.id, start=START, end=date(2024, 1, 31), expected=8, reported=7)
        for measure in measures
    )
    section = QualitySection.model_validate(
        {
            "state": state, "coverage": rows, "periods": periods, "left_out": left, "findings": findings,
            "limits": LIMITS,
        }
    )  # fmt: skip
    study = base.study.model_copy(update={"measures": measures, "data_from": START, "data_to": END})
    return base.model_copy(
        update={
            "study": study, "estimates": (), "curves": (), "comparisons": (), "verdict": None,
            "checks": Checks(rows=(), draws=0, chains=0), "sections": Sections(quality=section),
        }
    )  # fmt: skip


def every_finding() -> tuple[QualityFinding, ...]:
    return tuple(
        QualityFinding(
            code=code,
            measure=None if code in ("same_name", "near_name") else FIRST,
            site=None if code == "unusual_level" else "1",
            name=None if code == "unusual_level" else "Sykehus 1",
            other="2" if "same_n" in code or code == "near_name" else None,
            other_name="Sykehus 2" if "same_n" in code or code == "near_name" else None,
            start=START if code in ("exposure_jump", "zeros") else None,
            end=date(2024, 1, 31) if code in ("exposure_jump", "zeros") else None,
            grave=code in GRAVE,
            values=values,
        )
        for code, shapes in VALUES.items()
        for values in shapes
    )


def test_every_finding_of_a_check_is_in_the_list_here() -> None:
    from impl.data import quality as checked
    from impl.data import suspicions, twins

    texts = "".join(open(module.__file__).read() for module in (checked, suspicions, twins))  # noqa: SIM115
    assert set(re.findall(r'code="([a-z_]+)",', texts)) | {"same_name", "near_name"} == set(VALUES)
    assert set(GRAVE) <= set(VALUES)


@every_language
def test_every_finding_and_reason_has_words(code: str) -> None:
    language = read_language(code)
    reasons = [coverage(str(at), gap(3, 2, why)) for at, why in enumerate(get_args(Why), 1)]
    page = page_of(release_of(*reasons, findings=every_finding()), code)
    assert page_problems(page) == []
    text = BeautifulSoup(page, "html.parser").get_text(" ")
    for name in VALUES:
        assert language.say(f"quality.kind.{name}") in text
        assert language.say(f"quality.meaning.{name}") in text
    for why in get_args(Why):
        assert language.say(f"quality.why.{why}") in text
        assert (language.has(f"quality.ask.{why}") and language.say(f"quality.ask.{why}") in text) != (
            why in LEFT_OUT
        )
    assert "1/30" in text
    assert language.percent(40) in text
    assert language.percent(37) in text


@every_language
def test_the_answer_says_how_many_sites(code: str) -> None:
    clean = coverage("2")
    lacking = coverage("1", gap(4, 3, "not_reported"))
    odd = QualityFinding(code="zeros", measure=FIRST, site="2", name="Sykehus 2", values={"periods": 2})
    language = read_language(code)

    def said(*rows: SiteCoverage, findings: tuple[QualityFinding, ...] = (), state: str) -> str:
        return quality.answer(release_of(*rows, findings=findings, state=state), language)

    assert said(clean, state="ready") == language.say("quality.answer.ready")
    both = said(lacking, clean, findings=(odd,), state="usable")
    assert language.count("quality.lacking", 1, {"number": "2"}) in both
    assert language.count("quality.odd_too", 1, {"number": "2"}) in both
    only = said(
        clean, lacking.model_copy(update={"gaps": (), "reported": 24}), findings=(odd,), state="usable"
    )
    assert language.count("quality.odd", 1, {"number": "2"}) in only
    level = QualityFinding(code="unusual_level", measure=FIRST, values={"times": 12, "way": "up"})
    assert language.say("quality.odd_all") in said(clean, findings=(level,), state="not_yet")


@every_language
def test_the_strip_is_said_in_words_beside_it(code: str) -> None:
    """A row a site: what the drawing shows stands in the same row, and the drawing is hidden from screen readers."""
    many = coverage("4", *(gap(at, 1, "missing") for at in range(0, 14, 2)))
    rows = (
        coverage("1"),
        coverage("2", gap(0, 24, "not_in_file")),
        coverage("3", gap(20, 4, "stopped")),
        many,
    )
    language = read_language(code)
    page = BeautifulSoup(page_of(release_of(*rows), code), "html.parser")
    (table,) = page.select("table.coverage")
    lines = table.select("tbody tr")
    assert [line.th.get_text() for line in lines] == ["Sykehus 1", "Sykehus 2", "Sykehus 3", "Sykehus 4"]
    assert all(svg["aria-hidden"] == "true" for svg in table.select("svg"))
    words = [line.select("td")[-1].get_text() for line in lines]
    complete = language.say(
        "quality.complete", {"text": language.say("quality.of", {"count": "24", "number": "24"})}
    )
    assert words[0] == complete
    assert words[1] == language.say("quality.nothing")
    assert language.say("quality.why.stopped") in words[2]
    assert language.count("quality.more_gaps", 3) in words[3]
    assert len(lines[3].select("rect.lacks")) == 7
    assert len(lines[2].select("rect.left-out")) == 1
    assert [mark.get_text(strip=True) for mark in page.select(".strip-key span")] == [
        language.say(f"quality.key.{key}") for key in ("come", "lacks", "left_out", "new_year")
    ]


def test_of_many_sites_only_those_that_lack_something_get_a_line() -> None:
    rows = [coverage(str(at)) for at in range(70)] + [coverage("lacks", gap(4, 2, "missing"))]
    language = read_language("nb")
    html = quality.coverage(release_of(*rows), language)
    assert html.count('<th scope="row">Sykehus') == 1
    assert language.count("quality.others_complete", 70) in html
    assert len(html) < 20_000


def test_with_several_measures_each_question_says_which() -> None:
    rows = (
        coverage("1", gap(4, 2, "missing")),
        coverage("1", gap(7, 2, "missing"), measure=SECOND),
    )
    release = release_of(*rows)
    language = read_language("nb")
    names = [language.pick(measure.name) for measure in release.study.measures]
    assert len(names) == 2
    html = quality.send_back(release, language)
    assert all(f"{name}: " in html for name in names)


def test_every_limit_is_said_and_the_page_has_no_talk_of_sampling() -> None:
    release = release_of(coverage("1"), state="ready")
    for code in language_codes():
        language = read_language(code)
        told = " ".join(quality.how(release, language))
        for name, limit in LIMITS.items():
            shown = 100 * limit if name in ("enough", "same") else limit
            assert re.search(rf"(?<!\d){shown:g}(?!\d)", told), name
        text = " ".join(
            BeautifulSoup(block.html, "html.parser").get_text(" ") for block in make_blocks(release, language)
        )
        assert language.say("scope.levels") not in text
        assert language.say("provenance.seed") not in text
        assert language.say("quality.nothing_asked") in text
        assert language.say("quality.nothing_found") in text
