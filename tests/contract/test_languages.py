"""Every language file: same keys and slots as bokmål, and a report in it without raw keys or slots."""

from __future__ import annotations

import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest

from example_release import EXAMPLES, staggered
from impl.release.release import CheckRow, ModelSummary, Outcome, ReleaseWarning
from impl.report.check import page_problems
from impl.report.language import FALLBACK, language_codes, read_language, slots_of
from impl.report.sentences import warning_sentence
from impl.report.study import whom
from impl.study.study import ModelChoice
from report_pages import example_page

CODES = language_codes()


class Words(HTMLParser):
    """All text that a reader or a screen reader meets."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.style = tag == "style"
        self.words += [value or "" for name, value in attrs if name.startswith("aria-label") or name == "alt"]

    def handle_endtag(self, tag: str) -> None:
        self.style = False if tag == "style" else self.style

    def handle_data(self, data: str) -> None:
        if not self.style:
            self.words.append(data)


def words(html: str) -> str:
    parser = Words()
    parser.feed(html)
    return " ".join(parser.words)


def test_bokmal_nynorsk_and_english_exist() -> None:
    assert {"nb", "nn", "en"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_same_keys_and_slots_as_bokmal(code: str) -> None:
    ours, bokmal = read_language(code).texts, read_language(FALLBACK).texts
    assert set(ours) == set(bokmal)
    different = [key for key in bokmal if slots_of(ours[key]) != slots_of(bokmal[key])]
    assert different == []


@pytest.mark.parametrize("code", CODES)
def test_texts_hold_no_markup_and_no_forbidden_word(code: str) -> None:
    for key, text in read_language(code).texts.items():
        assert text.strip() == text, key
        assert text, key
        assert not re.search(r"[<>]|&\w+;", text), key
        forbidden = r"signifikant|bevist|\btrolig\b|p-verdi|effekten er null|\bKI\b|significan|proven|p-value"
        assert not re.search(forbidden, text, re.IGNORECASE if "KI" not in text else 0), key


@pytest.mark.parametrize("code", CODES)
def test_every_choice_of_a_study_has_words(code: str) -> None:
    language = read_language(code)
    fields = ModelChoice.model_fields
    for field in ("likelihood", "effect", "clustering", "calendar", "trend", "season"):
        for choice in get_args(fields[field].annotation):
            if choice != "auto":
                assert language.has(f"method.{field}.{choice}"), f"method.{field}.{choice}"
    assert language.has("method.calendar.shocks"), "chosen by the design alone"
    for transition in get_args(ModelSummary.model_fields["transition"].annotation):
        assert transition == "none" or language.has(f"method.transition.{transition}")
    for estimand in whom.ROWS:
        assert language.has(f"whom.{estimand}")
    for check in get_args(CheckRow.model_fields["check"].annotation):
        assert language.has(f"checks.names.{check}")
        assert language.has(f"checks.limits.{check}")
    assert set(get_args(Outcome)) == {"beneficial", "promising", "negligible", "harmful", "uncertain"}


SOURCE = Path(__file__).parents[2] / "src" / "impl"


def codes_raised_in_the_source() -> set[str]:
    """Warning codes as the source writes them."""
    patterns = (
        r'PanelWarning\(\s*code="(\w+)"',
        r'notes\.warn\(\s*"(\w+)"',
        r'(?:warnings|found)\.append\(\(\s*"(\w+)"',
        r'ReleaseWarning\(\s*code="(\w+)"',
    )
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text("utf-8")
        for pattern in patterns:
            found |= set(re.findall(pattern, text))
    return found


@pytest.mark.parametrize("code", CODES)
def test_every_warning_code_has_sentences(code: str) -> None:
    language, release = read_language(code), staggered()
    raised = codes_raised_in_the_source()
    assert len(raised) >= 15
    known = {key.split(".")[1] for key in language.texts if key.startswith("warnings.")}
    assert raised - known == set()
    full = {
        "count": 3,
        "share": 0.25,
        "sites": 1,
        "months": 12,
        "points": 4,
        "group": "unknown",
        "moderator": "inconsistent",
        "measure": "falls",
        "number": 4,
        "since": "2022-11-01",
        "place": "Helgeland",
        "other": "Nordland",
    }
    for warning in sorted(known):
        for values in ({}, full):
            text = warning_sentence(ReleaseWarning(code=warning, values=values), release, language)
            first = text.lstrip("«“")[0]
            assert first.isupper() or first.isdigit(), text
            assert text.endswith("."), text
            assert "{" not in text


def test_no_sentence_is_left_of_a_code_that_nothing_raises() -> None:
    source = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    known = {
        key.split(".")[1] for key in read_language(FALLBACK).texts if re.match(r"warnings\.(?!check_)", key)
    }
    assert {code for code in known if f'"{code}"' not in source} == set()


def test_a_warning_code_without_a_sentence_is_a_fault_of_ours() -> None:
    with pytest.raises(KeyError, match="no sentence for the warning code"):
        warning_sentence(ReleaseWarning(code="never_heard_of"), staggered(), read_language("nb"))


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_report_shows_no_raw_key_and_no_slot(name: str, code: str) -> None:
    page = example_page(name, code)
    assert page_problems(page) == []
    assert f'<html lang="{code}">' in page
    text = words(page)
    assert "{" not in text
    keys = [
        key for key in read_language(code).texts if re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", text)
    ]
    assert keys == []


@pytest.mark.parametrize("code", CODES)
def test_dates_and_numbers_are_formatted(code: str) -> None:
    language = read_language(code)
    assert "2026" in language.day(date(2026, 11, 22))
    assert language.number(-0.004, 2) == language.number(0.0, 2), "no «-0»"
    assert "-" not in language.number(-3.5, 1)
    assert language.number(1234) == "1234"
    assert len(language.number(12345)) == 6, "grouped from 10 000 up"


def test_norwegian_numbers_and_dates() -> None:
    nb = read_language("nb")
    assert nb.day(date(2026, 11, 22)) == "22. november 2026"
    assert nb.number(-1.25, 2) == "−1,25"
    assert nb.number(12345) == "12\u00a0345"
    assert nb.percent_sign(-17, signed=True) == "−17\u00a0%"
    assert nb.percent(17) == "17\u00a0prosent"
    assert nb.count("nouns.sites", 1) == "1\u00a0sted"
    assert nb.count("nouns.sites", 2) == "2\u00a0steder"
    assert nb.listing(["a", "b", "c"]) == "a, b og c"
