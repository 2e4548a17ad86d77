"""A hundred and fifty hostile texts in every text field of a Release, and in the data columns behind one.

Nothing runs, nothing is asked for, no node is added, and nothing is wider than the screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium
from pydantic import ValidationError

from example_estimates import example_checks, example_estimates, example_panel, example_study
from example_release import charted
from hostile_strings import HOSTILE
from impl.disclosure.make import make_release
from impl.release.release import Release
from impl.report.check import page_problems
from impl.report.language import read_language
from report_pages import page_of

KEYS = {
    "id",
    "measure",
    "bundle",
    "site",
    "likelihood",
    "effect",
    "clustering",
    "calendar",
    "trend",
    "season",
    "code",
    "group",
}
"""Fields that other fields refer to, or that have words of their own in the language files."""
OPEN_ALL = "document.querySelectorAll('details').forEach(part => part.open = true)"
NODES = (
    "Object.fromEntries(Object.entries(Object.groupBy([...document.querySelectorAll('*')], e => e.localName))"
    ".map(([tag, found]) => [tag, found.length]))"
)
ROUNDS = 4


def texts(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of every text in a dumped Release."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from texts(part, (*path, key))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from texts(part, (*path, index))


def replaced(data: Any, path: tuple[Any, ...], text: str) -> Any:
    """The dumped value with one text changed."""
    if not path:
        return text
    if isinstance(data, dict):
        return {key: replaced(part, path[1:], text) if key == path[0] else part for key, part in data.items()}
    return [replaced(part, path[1:], text) if index == path[0] else part for index, part in enumerate(data)]


def free_fields() -> list[tuple[Any, ...]]:
    """Fields that take any text: found by trying, so that a new one is never forgotten."""
    data = charted().model_dump(mode="json", by_alias=True)
    found: list[tuple[Any, ...]] = []
    for path in texts(data):
        # the words of one translation stand for the others, and one row of a list for its sisters
        kind = tuple("" if isinstance(step, int) else step for step in path)
        if path[-1] in KEYS or any(
            kind == tuple("" if isinstance(s, int) else s for s in one) for one in found
        ):
            continue
        try:
            Release.model_validate(replaced(data, path, "<b>"))
        except (ValidationError, ValueError):
            continue
        found.append(path)
    return found


def attacked(fields: Sequence[tuple[Any, ...]], first: int, pool: Sequence[str] = HOSTILE) -> Release:
    """A Release with another text of the pool in every field that is like one of `fields`."""
    data = charted().model_dump(mode="json", by_alias=True)
    kinds = {tuple("" if isinstance(step, int) else step for step in path) for path in fields}
    number = first
    for path in list(texts(data)):
        if tuple("" if isinstance(step, int) else step for step in path) in kinds:
            data = replaced(data, path, pool[number % len(pool)])
            number += 1
    return Release.model_validate(data)


def check(browser: Chromium, page: Path, nodes: dict[str, int]) -> None:
    for width in (320, 1280):
        browser.open(page, width)
        browser.evaluate(OPEN_ALL)
        assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{width} px"
        assert browser.requests == [page.as_uri()]
        assert browser.dialogs == []
    assert browser.evaluate(NODES) == nodes
    assert browser.evaluate("document.documentElement.lang") == "nb"


def test_there_are_a_hundred_and_fifty() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 150


def test_hostile_texts_in_every_field_of_a_release(browser: Chromium, tmp_path: Path) -> None:
    fields = free_fields()
    last = {path[-1] for path in fields if isinstance(path[-1], str)}
    assert {"name", "selection", "component", "nature", "nb", "one", "many", "impl"} <= last
    assert len(fields) >= 25
    pages = []
    per_page = sum(1 for _ in texts(attacked(fields, 0).model_dump(mode="json")))
    step = -(-len(HOSTILE) // ROUNDS)
    assert per_page >= step, "every text stands on some page"
    for number in range(ROUNDS):
        page = tmp_path / f"{number}.html"
        page.write_text(page_of(attacked(fields, number * step), "nb"), "utf-8")
        pages.append(page)
    harmless = tmp_path / "harmless.html"
    harmless.write_text(
        page_of(attacked(fields, 0, [f"tekst {number}" for number in range(158)]), "nb"), "utf-8"
    )
    browser.open(harmless, 1280)
    nodes = browser.evaluate(NODES)
    assert not {"script", "iframe", "img", "object", "embed", "form", "link"} & nodes.keys()
    for page in pages:
        check(browser, page, nodes)
        handlers = "[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on|^style$/.test(a.name))).length"
        assert browser.evaluate(handlers) == 0
        problems = [
            text
            for text in page_problems(page.read_text("utf-8"))
            if not text.startswith(("path of", "unfilled"))
        ]
        assert problems == [], "a path or a slot in a user's own words is the gate's business"


def test_a_hostile_text_is_shown_as_it_was_written(browser: Chromium, tmp_path: Path) -> None:
    """Escaped once, not stripped: a reader sees what somebody wrote."""
    release = charted()
    data = release.model_dump(mode="json", by_alias=True)
    page = tmp_path / "title.html"
    for text in ("<script>alert(1)</script>", "{{ 7*7 }}", "${7*7}", "</svg>", "&lt;b&gt;", "{name}", "{0}"):
        page.write_text(
            page_of(Release.model_validate(replaced(data, ("study", "title", "nb"), text)), "nb"), "utf-8"
        )
        browser.open(page, 1280)
        assert browser.evaluate("document.querySelector('.study').textContent") == text


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 40))
def test_hostile_texts_in_the_data_behind_a_release(browser: Chromium, tmp_path: Path, first: int) -> None:
    """Names of sites, components and natures as a table would bring them, through disclosure to the page."""
    some = (HOSTILE * 2)[first : first + 40]
    study = example_study(tmp_path, adaptations={"file": "data/adaptations.csv", "contrasts": ["consistent"]})
    series = [[30, 31, 29, 30, 24, 22, 20, 21]] * 10
    log = [
        {"site": f"99{index % 10 + 1:02d}", "component": text, "nature": some[-index - 1], "consistent": "no"}
        for index, text in enumerate(some)
    ]
    names = {f"99{index + 1:02d}": text for index, text in enumerate(some[:10])}
    panel = example_panel(
        {"clabsi": series}, {"clabsi": 1000}, [3, 3, 4, 4, 5, 5, 5, 6, 6, 6], adaptations=log, names=names
    )
    release = make_release(study, panel, example_estimates(study, panel), example_checks())
    page = tmp_path / "data.html"
    page.write_text(page_of(release, "nb"), "utf-8")
    browser.open(page, 1280)
    nodes = browser.evaluate(NODES)
    check(browser, page, nodes)
    assert "script" not in nodes
    assert "img" not in nodes
    section = release.sections.adaptations
    assert section is not None
    assert not any("<" in row.component or "{" in row.component for row in section.rows), (
        "free text is left out"
    )
    shown = browser.evaluate("document.body.textContent")
    assert read_language("nb").say("adapted.heading") in shown
    assert any(name and name in shown for name in names.values())
