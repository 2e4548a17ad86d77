"""From blocks to a page: what is kept, what is refused, and that the same Release gives the same bytes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from example_release import EXAMPLES, HOSTILE, staggered
from impl.errors import ImplError, RunError
from impl.report.check import page_problems
from impl.report.html import allowed_html, render_page
from impl.report.language import read_language
from impl.report.show import finish_report, show_report
from impl.report.study.order import make_blocks
from report_pages import SECRET_CODE, example_page, notebook_of, page_of


def executed(tmp_path: Path, *outputs: object, count: int | None = 1) -> Path:
    path = tmp_path / "80_report.ipynb"
    cell = new_code_cell("show", execution_count=count, outputs=list(outputs))
    nbformat.write(new_notebook(cells=[cell]), path)
    return path


def html_output(html: str) -> object:
    return new_output("display_data", data={"text/html": html})


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_page_is_whole_small_and_repeatable(name: str) -> None:
    page = example_page(name, "nb")
    if name in ("staggered", "hidden_points"):
        assert page == page_of(EXAMPLES[name](), "nb")
    assert page.startswith("<!DOCTYPE html>\n")
    assert page.endswith("</html>\n")
    assert len(page.encode()) < 150_000
    assert EXAMPLES[name]().study.id in page
    assert EXAMPLES[name]().run.id in page
    assert page.count("<h1>") == 1


def test_code_prose_streams_and_plain_text_are_not_on_the_page() -> None:
    page = example_page("staggered", "nb")
    for text in (
        SECRET_CODE,
        "prose_for_the_researcher",
        "warning_from_a_library",
        "Report(nb",
        "show_report",
    ):
        assert text not in page
    assert "kode_som_ikke_skal_vises" not in page


def test_the_title_is_the_question() -> None:
    assert "<title>Har fallpakken gitt færre fall på sykehjem?</title>" in example_page("staggered", "nb")
    assert "<title>Has the falls bundle led to fewer falls?</title>" in example_page("staggered", "en")


def test_every_section_of_the_issue_is_there_in_order() -> None:
    names = [block.name for block in make_blocks(staggered(), read_language("nb"))]
    assert names == [
        "question", "answer", "messages", "find", "trend", "comparison", "limits", "delivery", "adapted",
        "whom", "certainty", "data", "method", "annex", "provenance",
    ]  # fmt: skip


def test_a_trial_run_says_so_first_and_on_every_sheet() -> None:
    page = example_page("smoke", "nb")
    body = page[page.index("<main") :]
    assert re.match(r'<main[^>]*>\s*<div class="impl-report" lang="nb">\s*<p class="banner">', body)
    assert "Prøvekjøring, ikke et resultat" in body[:300]
    assert '@top-left { content: "Prøvekjøring, ikke et resultat"' in page
    assert "sannsynlig en forbedring" not in page
    assert "like sannsynlige svar" not in page
    assert "Prøvekjøring" not in example_page("staggered", "nb").replace("prøvekjøring", "")


def test_invented_data_are_called_invented() -> None:
    release = staggered()
    release = release.model_copy(update={"study": release.study.model_copy(update={"synthetic": True})})
    page = page_of(release, "nb")
    assert "Eksempel med oppdiktede tall" in page[page.index("<main") :][:300]


def test_not_converged_shows_no_estimate_curve_or_verdict() -> None:
    page = example_page("not_converged", "nb")
    assert "Beregningen er ikke pålitelig nok. Resultatet vises derfor ikke." in page
    assert "R-hat" in page
    main = page[page.index("<main") :]
    for gone in ("<svg", "færre fall enn", 'class="comparison"', "Kort svar", "intervall)", "går sammen med"):
        assert gone not in main, gone


def test_hidden_levels_are_told_as_hidden() -> None:
    page = example_page("hidden_points", "nb")
    assert page.count("Skjult (personvern)") >= 5
    assert "2\u00a0punkter i figuren" in page


@pytest.mark.parametrize("language", ["nb", "en"])
def test_hostile_text_is_shown_as_text(language: str) -> None:
    page = example_page("hostile", language)
    assert page_problems(page) == []
    for piece in ("<script>alert", "<img src=x", "<svg onload", "<iframe"):
        assert piece not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    "hostile",
    [
        *HOSTILE,
        '<p onclick="x()">a</p>',
        '<a href="javascript:alert(1)">a</a>',
        '<a href="https://example.org">a</a>',
        '<a href="//example.org">a</a>',
        '<a href="data:text/html,x">a</a>',
        '<img src="https://example.org/x.png" alt="x">',
        '<img src="data:image/svg+xml,x" alt="x">',
        '<div style="background:url(https://example.org)">a</div>',
        "<style>p{color:red}</style>",
        '<svg><use href="#x"/><foreignObject><p>a</p></foreignObject><animate/></svg>',
        '<object data="x"></object><embed src="x"><form action="x"><input></form>',
        "<math><mtext></p><script>alert(1)</script></mtext></math>",
        "<svg><title><script>alert(1)</script></title></svg>",
        '<base href="https://example.org"><meta http-equiv="refresh" content="0">',
    ],
)
def test_the_allow_list_drops_what_could_run_or_call(hostile: str) -> None:
    clean = allowed_html(hostile)
    assert not re.search(
        r"<script|<style|<iframe|<object|<embed|<form|<use|<foreign|<base|<meta", clean, re.IGNORECASE
    )
    assert not re.search(
        r"""\son\w+=|javascript:|https?:|href="//|style=|data:""", clean.split("&lt;")[0], re.IGNORECASE
    )


def test_the_allow_list_keeps_what_a_report_needs() -> None:
    for block in make_blocks(staggered(), read_language("nb")):
        clean = allowed_html(block.html)
        for tag in (
            "table",
            "caption",
            "th",
            "td",
            "figure",
            "figcaption",
            "svg",
            "title",
            "desc",
            "path",
            "details",
        ):
            assert len(re.findall(rf"<{tag}\b", clean)) == len(re.findall(rf"<{tag}\b", block.html)), tag
        for attribute in (
            "viewBox",
            "scope",
            "aria-labelledby",
            "aria-hidden",
            "role",
            "text-anchor",
            "class",
        ):
            assert clean.count(f"{attribute}=") == block.html.count(f"{attribute}="), attribute
        text = re.sub(r"<[^>]+>", "", clean)
        assert text == re.sub(r"<[^>]+>", "", block.html)


def test_an_error_output_is_refused(tmp_path: Path) -> None:
    error = new_output("error", ename="ValueError", evalue="x", traceback=[])
    with pytest.raises(RunError, match="an error in cell 1: ValueError"):
        render_page(executed(tmp_path, html_output("<h1>a</h1>"), error), "nb")


def test_a_cell_that_never_ran_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="never ran"):
        render_page(executed(tmp_path, html_output("<h1>a</h1>"), count=None), "nb")


def test_an_empty_notebook_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no block to show"):
        render_page(executed(tmp_path), "nb")
    (tmp_path / "broken.ipynb").write_text('{"cells": [')
    with pytest.raises(RunError, match=r"broken\.ipynb"):
        render_page(tmp_path / "broken.ipynb", "nb")
    with pytest.raises(RunError, match=r"absent\.ipynb"):
        render_page(tmp_path / "absent.ipynb", "nb")


@pytest.mark.parametrize(
    "figure",
    [
        '<svg role="img"><path d="M0 0"/></svg>',
        '<svg role="img"><title> </title><path d="M0 0"/></svg>',
        '<svg><path d="M0 0"/></svg>',
        '<img src="data:image/png;base64,AAAA">',
        '<img src="data:image/png;base64,AAAA" alt="No description has been provided for this image">',
    ],
)
def test_a_figure_without_text_is_refused(tmp_path: Path, figure: str) -> None:
    with pytest.raises(RunError, match="figure without text"):
        render_page(executed(tmp_path, html_output(f"<h1>a</h1>{figure}")), "nb")


def test_an_unknown_language_names_those_there_are() -> None:
    with pytest.raises(ImplError, match="must be one of en, nb, nn"):
        show_report(staggered(), "no")


PLANTED = {
    "script": ("<p>x</p>", "<script>1</script>", "forbidden element <script>"),
    "handler": ("<h1>", '<h1 onclick="x">', "event handler onclick"),
    "address": ("<h1>", '<a href="https://example.org/x">x</a><h1>', "address outside the page"),
    "protocol": ("<h1>", '<a href="//example.org">x</a><h1>', "address outside the page"),
    "javascript": ("<h1>", '<a href=" java\tscript:alert(1)">x</a><h1>', "address outside the page"),
    "root path": ("<h1>", '<a href="/x/y">x</a><h1>', "absolute path"),
    "machine path": ("<h1>", "<p>/home/ola/data.csv</p><h1>", "path of a machine"),
    "drive": ("<h1>", "<p>C:\\Users\\ola</p><h1>", "path of a machine"),
    "style url": ("<style>", "<style>p{background:url(x)}", "style sheet with an address"),
    "style attribute": ("<h1>", '<h1 style="x">', "style attribute"),
    "raw key": ("<h1>", "<p>answer.label</p><h1>", "raw key answer.label"),
    "slot": ("<h1>", "<p>{bundle}</p><h1>", "unfilled slot {bundle}"),
    "image": ("<h1>", '<img src="data:image/png;base64,A"><h1>', "figure without text"),
    "placeholder": (
        "<h1>",
        "<p>No description has been provided for this image</p><h1>",
        "figure without text",
    ),
    "twice": ("<h1>", '<p id="content">x</p><h1>', "id 'content' stands twice"),
    "policy": ("default-src 'none'; ", "", "no content policy"),
    "language": ('<html lang="nb">', '<html lang="xx">', "no language"),
    "headings": ("<h1>", "<h1>x</h1><h1>", "2 main headings"),
    "iframe": ("<h1>", "<iframe></iframe><h1>", "forbidden element <iframe>"),
    "refresh": ("<meta charset", '<meta http-equiv="refresh" content="0"><meta charset', "meta refresh"),
    "link": ("<meta charset", '<link rel="stylesheet" href="x.css"><meta charset', "link element"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_problems_are_found(name: str) -> None:
    old, new, problem = PLANTED[name]
    page = example_page("staggered", "nb")
    planted = page.replace(old, new, 1) if old in page else page.replace("</main>", new + "</main>")
    assert page_problems(page) == []
    assert any(found.startswith(problem) for found in page_problems(planted)), page_problems(planted)


def test_a_notebook_shows_the_report_with_its_own_style() -> None:
    bundle = show_report(staggered())._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/html"].startswith("<style>")
    style = bundle["text/html"].split("</style>")[0]
    rules = re.sub(r"/\*.*?\*/", "", style.removeprefix("<style>"), flags=re.DOTALL).strip()
    assert rules.startswith(".impl-report.impl-report {"), "nothing outside the report is touched"
    assert rules.endswith("}")
    depth = 0
    for place, character in enumerate(rules):
        depth += (character == "{") - (character == "}")
        assert depth > 0 or place == len(rules) - 1 or place < rules.index("{"), "one scope around all rules"


def test_the_completion_mark_names_the_report(tmp_path: Path) -> None:
    path = finish_report(staggered(), "en", tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "report.en.json"
    mark = json.loads(path.read_text("utf-8"))
    assert (mark["study"], mark["run"], mark["language"]) == ("fall-tolv-kommuner", "5a0c91be77d2", "en")
    assert (mark["status"], mark["profile"]) == ("ok", "full")
    assert mark["blocks"][0] == "question"


def test_the_completion_mark_of_interactive_work_lies_in_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "parameters").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    path = finish_report(staggered(), "nb", "")
    assert path == tmp_path / "build" / "fall-tolv-kommuner" / "interactive" / "report.nb.json"
    assert finish_report(staggered(), "nb", "build/x") == tmp_path / "build" / "x" / "report.nb.json"


def test_a_mark_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match=r"report\.nb\.json"):
        finish_report(staggered(), "nb", tmp_path / "file")


def test_the_page_comes_from_outputs_alone() -> None:
    node = notebook_of(staggered(), "nb")
    assert "prose_for_the_researcher" in json.dumps(node)
