"""What changed since the last report: a sentence where it can be said, and the reason where it cannot."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from example_release import EXAMPLES, before_after, not_converged, smoke, staggered
from impl.release.release import Release, ReleaseWarning
from impl.report import sentences, validity
from impl.report.language import language_codes, read_language
from impl.report.study import since
from impl.report.study.order import make_blocks

NB = read_language("nb")


def before(release: Release, *, p_worthwhile: float = 0.64, data_to: date = date(2026, 2, 28)) -> Release:
    """The report that readers had half a year earlier, with another probability."""
    rows = tuple(row.model_copy(update={"p_worthwhile": p_worthwhile}) for row in release.estimates)
    run = release.run.model_copy(
        update={"id": "0000aaaa1111", "started": release.run.started - timedelta(days=240)}
    )
    study = release.study.model_copy(update={"data_to": data_to})
    return release.model_copy(update={"estimates": rows, "run": run, "study": study})


def said(release: Release, earlier: Release, code: str = "nb") -> str:
    return " ".join(since.texts(release, earlier, read_language(code))).replace("\u00a0", " ")


def test_the_probability_then_and_now_and_the_new_data() -> None:
    release = staggered()
    text = said(release, before(release))
    assert "Sannsynligheten for en nedgang på minst 10 prosent har økt fra 64 av 100 til 99 av 100." in text
    assert "4 nye måneder med data er kommet til." in text
    assert "er omtrent som sist: 99 av 100, mot over 99 av 100 da" in said(
        release, before(release, p_worthwhile=0.999)
    ), "two calculations of the same data may differ so much"
    assert "har økt fra 95 av 100 til 99 av 100" in said(release, before(release, p_worthwhile=0.95))
    same = before(release, p_worthwhile=0.99, data_to=release.study.data_to)
    assert "er den samme som sist, 99 av 100." in said(release, same)
    assert "ikke kommet nye måneder" in said(release, same)


def test_the_answer_of_then_is_told_where_it_was_another() -> None:
    release = staggered()
    earlier = before(release)
    assert release.verdict is not None
    undecided = release.verdict.model_copy(update={"outcome": "uncertain"})
    assert "Svaret var da" not in said(release, before(release, p_worthwhile=0.98))
    assert "Svaret var da «Uavklart»." in said(release, earlier.model_copy(update={"verdict": undecided}))


def changed(release: Release, what: str) -> Release:
    """An earlier Release that differs in one thing."""
    earlier = before(release)
    study, design = earlier.study, earlier.design
    if what == "measure":
        (first, *others) = study.measures
        study = study.model_copy(update={"measures": (first.model_copy(update={"per": 100.0}), *others)})
    elif what == "limit":
        study = study.model_copy(update={"worthwhile": 0.2})
    elif what == "window":
        design = design.model_copy(update={"window_to": design.window_to + 3})
    elif what == "design":
        design = design.model_copy(update={"grade": "randomised"})
    else:
        models = tuple(model.model_copy(update={"effect": "it"}) for model in design.models)
        design = design.model_copy(update={"models": models})
    return earlier.model_copy(update={"study": study, "design": design})


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("what", ["measure", "limit", "window", "design", "model"])
def test_what_cannot_be_compared_is_told_with_its_reason_and_no_number(what: str, code: str) -> None:
    release = staggered()
    text = said(release, changed(release, what), code)
    assert read_language(code).say(f"since.reason_{what}") in text
    assert not re.search(r"\d", text), text


def test_more_data_alone_is_no_other_calculation() -> None:
    release = staggered()
    earlier = before(release)
    models = tuple(
        model.model_copy(update={"cells": model.cells - 48, "gaps": 9, "events": 4000})
        for model in earlier.design.models
    )
    earlier = earlier.model_copy(update={"design": earlier.design.model_copy(update={"models": models})})
    assert "har økt fra" in said(release, earlier)


def test_a_report_without_a_probability_says_nothing_or_that_the_last_had_none() -> None:
    release = staggered()
    assert since.texts(smoke(), before(release), NB) == ()
    assert since.texts(not_converged(), before(release), NB) == ()
    assert said(release, not_converged()) == "Forrige utgave hadde ikke noe resultat å sammenligne med."
    assert said(release, smoke()) == "Forrige utgave hadde ikke noe resultat å sammenligne med."
    rows = tuple(row.model_copy(update={"p_worthwhile": None}) for row in release.estimates)
    assert (
        said(release, before(release).model_copy(update={"estimates": rows}))
        == "Forrige utgave viste ikke sannsynligheten."
    )


def test_the_box_stands_after_the_messages_and_only_where_there_was_a_report() -> None:
    release = staggered()
    names = [block.name for block in make_blocks(release, NB, before(release))]
    assert names[:5] == ["question", "answer", "messages", "since", "find"]
    assert "since" not in [block.name for block in make_blocks(release, NB)]


@pytest.mark.parametrize(
    ("last", "months", "until"),
    [
        (date(2026, 6, 30), 12, date(2027, 6, 30)),
        (date(2025, 2, 28), 36, date(2028, 2, 29)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2025, 12, 31), 2, date(2026, 2, 28)),
        (date(2026, 5, 17), 1, date(2026, 6, 17)),
    ],
)
def test_until_when_a_report_holds(last: date, months: int, until: date) -> None:
    release = staggered()
    study = release.study.model_copy(update={"data_to": last, "valid_months": months})
    assert validity.holds_until(release.model_copy(update={"study": study})) == until


def test_a_report_on_old_data_says_that_it_was_old_from_the_start() -> None:
    release = before_after()
    assert validity.holds_sentence(release, NB) == "Gjelder til 31. desember 2026."
    old = release.study.model_copy(update={"data_from": date(2015, 1, 1), "data_to": date(2020, 12, 31)})
    release = release.model_copy(update={"study": old})
    assert validity.holds_sentence(release, NB) == "Bygger på gamle data, gjaldt til 31. desember 2021."
    page = " ".join(block.html for block in make_blocks(release, NB))
    assert "Bruk den som historie" in page


def test_every_part_with_a_heading_can_be_reached() -> None:
    for name in ("staggered", "not_converged"):
        blocks = {block.name: block for block in make_blocks(EXAMPLES[name](), NB)}
        targets = re.findall(r'href="#([\w-]+)"', blocks["find"].html)
        page = " ".join(block.html for block in blocks.values())
        assert len(targets) >= 5
        assert all(f'id="{target}"' in page for target in targets)


@pytest.mark.parametrize("code", language_codes())
def test_a_caveat_of_another_version_is_told_and_not_left_out(code: str) -> None:
    release = staggered()
    warnings = (*release.design.warnings, ReleaseWarning(code="never_heard_of"))
    design = release.design.model_copy(update={"warnings": warnings})
    texts = sentences.notes(release.model_copy(update={"design": design}), read_language(code))
    assert len(texts) == len(sentences.notes(release, read_language(code))) + 1
    assert texts[-1].endswith(": never heard of.")
