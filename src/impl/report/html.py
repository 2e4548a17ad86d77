"""From an executed report notebook to one self-contained page: no script, no request, no path, no clock.

Only `text/html` outputs are taken, through one allow-list; cells, streams and other representations are
dropped. The same outputs in the same language give the same bytes.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impl.errors import Fault, RunError, shorten
from impl.report.check import page_problems
from impl.report.language import Language, read_language
from impl.report.show import Report, notebook_html, stylesheet

if TYPE_CHECKING:
    from nbformat import NotebookNode

CONTENT_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

TEXT_TAGS = frozenset(
    (
        "a",
        "abbr",
        "b",
        "br",
        "caption",
        "code",
        "col",
        "colgroup",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "figcaption",
        "figure",
        "h1",
        "h2",
        "h3",
        "h4",
        "header",
        "hr",
        "i",
        "img",
        "li",
        "nav",
        "ol",
        "p",
        "section",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    )
)
DRAWING_TAGS = frozenset(("svg", "g", "path", "line", "rect", "circle", "text", "tspan", "title", "desc"))
EVERYWHERE = frozenset(
    ("class", "id", "lang", "role", "aria-label", "aria-labelledby", "aria-describedby", "aria-hidden")
)
DRAWING_ATTRIBUTES = frozenset(
    (
        "viewBox",
        "preserveAspectRatio",
        "width",
        "height",
        "overflow",
        "x",
        "y",
        "x1",
        "x2",
        "y1",
        "y2",
        "cx",
        "cy",
        "r",
        "rx",
        "ry",
        "dx",
        "dy",
        "d",
        "text-anchor",
    )
)
ATTRIBUTES: dict[str, frozenset[str]] = {
    "a": frozenset(["href"]),
    "img": frozenset(["src", "alt", "width", "height"]),
    "td": frozenset(["colspan", "rowspan", "headers"]),
    "th": frozenset(["colspan", "rowspan", "headers", "scope"]),
    "col": frozenset(["span"]),
    "details": frozenset(["open"]),
    "div": frozenset(["tabindex"]),
    **dict.fromkeys(DRAWING_TAGS, DRAWING_ATTRIBUTES),
}
INLINE_IMAGE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]+\Z")
HOLDS = re.compile(r'<span class="holds">([\w .,:]+)</span>')
"""Until when a page holds: our own words and a date."""
OWN_LINK = re.compile(r"(?:#[\w.-]+|[\w.-]+(?:/[\w.-]+)*(?:#[\w.-]+)?)\Z")


def allowed_html(html: str) -> str:
    """An HTML fragment with everything gone that is not on the allow-list, scripts and styles with content."""
    import nh3

    def keep(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src":
            return value if INLINE_IMAGE.match(value) else None
        if tag == "a" and name == "href":
            return value if OWN_LINK.match(value) else None
        if name == "tabindex":
            return value if value == "0" else None
        return value

    # The sanitiser writes no-break spaces as entities; as characters they can be searched and compared.
    return str(
        nh3.clean(
            html,
            tags=set(TEXT_TAGS | DRAWING_TAGS),
            clean_content_tags={"script", "style", "iframe", "object", "template", "noscript"},
            attributes={"*": set(EVERYWHERE), **{tag: set(names) for tag, names in ATTRIBUTES.items()}},
            attribute_filter=keep,
            url_schemes={"data"},
            link_rel=None,
            strip_comments=True,
        )
    ).replace("&nbsp;", "\u00a0")


def render_page(notebook: Path | str, language: str, page: str = "") -> str:
    """The page of an executed report notebook in `language`; of a notebook that holds several, the one of that name.

    Raises RunError where the notebook holds an error, a code cell that never ran, nothing to show, or a
    figure without a text alternative; ImplError for an unknown language.
    """
    import nbformat

    path = Path(notebook)
    try:
        node = nbformat.read(path, as_version=4)
    except (OSError, ValueError, AttributeError, KeyError) as problem:
        raise _refusal("report.unreadable", path, shorten(str(problem)), "an executed notebook") from None
    _refuse_unfinished(node, path)
    if page:
        node.cells = [cell for cell in node.cells if f"page-{page}" in cell.metadata.get("tags", [])]
    html = page_from_notebook(node, read_language(language))
    without_text = [problem for problem in page_problems(html) if problem.startswith("figure without text")]
    if without_text:
        raise _refusal("report.no_text_alternative", path, without_text[0], "a title on every figure")
    return html


def page_of_report(report: Report) -> str:
    """The page of a report as its notebook would give it, without a kernel: the same bytes."""
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    output = new_output("execute_result", execution_count=1, data={"text/html": notebook_html(report)})
    node = new_notebook(cells=[new_code_cell("report", execution_count=1, outputs=[output])])
    return page_from_notebook(node, read_language(report.language))


def page_from_notebook(node: NotebookNode, language: Language) -> str:
    """Run the notebook through our nbconvert template."""
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    settings = Config()
    settings.HTMLExporter.preprocessors = ["nbconvert.preprocessors.TagRemovePreprocessor"]
    settings.TagRemovePreprocessor.enabled = True
    settings.TagRemovePreprocessor.remove_cell_tags = ("remove-cell",)
    settings.NbConvertBase.display_data_priority = ["text/html"]
    exporter = HTMLExporter(
        config=settings,
        template_name="report",
        extra_template_basedirs=[str(Path(__file__).parent / "template")],
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    exporter.register_filter("allowed_html", allowed_html)
    shown = "\n".join(html_outputs(node))
    resources: dict[str, Any] = {"page": {"head": head(shown, language), "foot": FOOT}}
    body, _ = exporter.from_notebook_node(node, resources=resources)
    return str(body).strip() + "\n"


FOOT = "</main>\n</body>\n</html>"


def head(shown: str, language: Language) -> str:
    """Everything before the blocks; the title is the page's own first heading."""
    before, end, _ = shown.partition(
        "</h1>"
    )  # a page about a thousand studies is long, and its title stands first
    title = first_heading(allowed_html(before + end)) or language.say("page.report")
    # The first banner is printed on every sheet; both texts are ours, never a user's.
    marks = [language.say(f"banner.{name}") for name in ("smoke", "synthetic")]
    trial = " · ".join(mark for mark in marks if f'<p class="banner"><strong>{escape(mark)}' in shown)
    found = HOLDS.search(shown)
    return page_head(title, language, trial=trial, holds=found.group(1) if found else "")


def page_head(title: str, language: Language, *, trial: str = "", holds: str = "") -> str:
    """Head, skip link and opening of `<main>`; `trial` and `holds` are printed on every sheet."""
    page, of = language.say("page.page"), language.say("page.of")
    margin = "font: 8.5pt 'Segoe UI', 'Noto Sans', Arial, sans-serif; color: #44515e;"
    mark = f'@top-left {{ content: "{trial}"; {margin} font-weight: 700; }}' if trial else ""
    until = f'@bottom-left {{ content: "{holds}"; {margin} }}' if holds else ""
    sheet = (
        f"@page {{ size: A4; margin: 17mm 16mm 18mm; {mark} {until} "
        f'@bottom-right {{ content: "{page} " counter(page) " {of} " counter(pages); {margin} }} }}'
    )
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="{language.code}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f"<style>\n{stylesheet('page')}{sheet}\n{stylesheet('report')}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#content">{escape(language.say("page.skip"))}</a>\n<main id="content" tabindex="-1">'
    )


class _FirstHeading(HTMLParser):
    """Text of the first h1."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.text: list[str] = []
        self.found = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.inside = self.inside or (tag == "h1" and not self.found)

    def handle_endtag(self, tag: str) -> None:
        if tag == "h1" and self.inside:
            self.inside, self.found = False, True

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.text.append(data)


def first_heading(html: str) -> str:
    parser = _FirstHeading()
    parser.feed(html)
    return " ".join("".join(parser.text).split())


def html_outputs(node: NotebookNode) -> list[str]:
    """Every text/html output of the cells that a page shows."""
    found = []
    for cell in node.cells:
        if cell.cell_type == "code" and "remove-cell" not in cell.metadata.get("tags", []):
            for output in cell.get("outputs", []):
                html = output.get("data", {}).get("text/html")
                if html is not None:
                    found.append(html if isinstance(html, str) else "".join(html))
    return found


def _refuse_unfinished(node: NotebookNode, path: Path) -> None:
    for number, cell in enumerate(node.cells, start=1):
        if cell.cell_type != "code":
            continue
        for output in cell.get("outputs", []):
            if output.get("output_type") == "error":
                got = f"an error in cell {number}: {output.get('ename', '')}"
                raise _refusal("report.error_output", path, got, "a notebook without errors")
        if cell.get("source", "").strip() and cell.get("execution_count") is None:
            raise _refusal(
                "report.not_run", path, f"cell {number} that never ran", "a notebook with every cell run"
            )
    if not html_outputs(node):
        raise _refusal("report.empty", path, "no block to show", "a notebook that shows a report")


def _refusal(code: str, path: Path, got: str, allowed: str) -> RunError:
    fault = Fault(code=code, where=path.name, got=got, allowed=allowed, fix="Run the report notebook again.")
    return RunError([fault])
