"""What may not stand on a page that readers get: a parser's list of problems, empty for a good page."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from impl.report.language import SLOTS, language_codes, read_language

PLACEHOLDER = "No description has been provided"
FORBIDDEN_TAGS = frozenset(
    (
        "script",
        "iframe",
        "object",
        "embed",
        "applet",
        "form",
        "base",
        "frame",
        "frameset",
        "portal",
        "foreignobject",
        "use",
    )
)
ADDRESS_ATTRIBUTES = frozenset(
    (
        "src",
        "href",
        "xlink:href",
        "action",
        "formaction",
        "poster",
        "srcset",
        "data",
        "background",
        "cite",
        "ping",
        "manifest",
        "longdesc",
    )
)
MACHINE_PATH = re.compile(
    r"(?<![\w.])/(?:home|root|Users|tmp|var|opt|usr|etc|mnt|srv|private)/\w|\b[A-Za-z]:\\\w|file://",
    re.IGNORECASE,
)
STYLE_DANGER = re.compile(r"url\s*\(|@import|expression\s*\(|javascript:", re.IGNORECASE)
KEY_LIKE = re.compile(r"(?<![\w./-])[a-z][a-z_]*(?:\.[a-z0-9_]+)+(?![\w/-])")
SLOT_LIKE = re.compile(r"\{([a-z_]*)\}")


class _Page(HTMLParser):
    """Walks a page and collects problems and what has to be there once."""

    def __init__(self, keys: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.keys = keys
        self.ids: set[str] = set()
        self.policy = ""
        self.language = ""
        self.headings = 0
        self.in_style = False
        self.mains = 0
        self.drawings: list[dict[str, object]] = []
        self.in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in FORBIDDEN_TAGS:
            self.problems.append(f"forbidden element <{tag}>")
        for name, value in values.items():
            self._attribute(tag, name, value)
        self.in_style = tag == "style"
        if tag == "html":
            self.language = values.get("lang", "")
        if tag == "meta" and values.get("http-equiv", "").lower() == "content-security-policy":
            self.policy = values.get("content", "")
        if tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.problems.append("meta refresh")
        if tag == "link":
            self.problems.append("link element")
        self.headings += tag == "h1"
        self.mains += tag == "main"
        if tag == "img" and not values.get("alt", "").strip():
            self.problems.append("figure without text: img has no alt")
        if tag == "svg":
            inner = bool(self.drawings)
            spoken = values.get("role") == "img"
            if not inner and not spoken and values.get("aria-hidden") != "true":
                self.problems.append(
                    "figure without text: svg is neither an image nor hidden from screen readers"
                )
            self.drawings.append({"spoken": spoken, "title": not spoken})
        if tag == "title" and self.drawings:
            self.in_title = True

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self.in_style = False
        if tag == "title":
            self.in_title = False
        if tag == "svg" and self.drawings and not self.drawings.pop()["title"]:
            self.problems.append("figure without text: svg image has no title")

    def _attribute(self, tag: str, name: str, value: str) -> None:
        text = value.strip()
        if name.startswith("on"):
            self.problems.append(f"event handler {name} on <{tag}>")
        if name == "style":
            self.problems.append(f"style attribute on <{tag}>")
        if name in ADDRESS_ATTRIBUTES:
            compact = re.sub(r"[\x00-\x20]", "", text).lower()
            if compact.startswith("//") or (
                re.match(r"[a-z][a-z0-9+.-]*:", compact) and not compact.startswith("data:image/")
            ):
                self.problems.append(f"address outside the page in {name} of <{tag}>")
            elif compact.startswith(("/", "\\")):
                self.problems.append(f"absolute path in {name} of <{tag}>")
        if name == "id":
            if value in self.ids:
                self.problems.append(f"id {value!r} stands twice")
            self.ids.add(value)
        if name != "content":
            self._text(value)

    def handle_data(self, data: str) -> None:
        if self.in_style:
            if STYLE_DANGER.search(data):
                self.problems.append("style sheet with an address")
            return
        if self.in_title and data.strip() and self.drawings:
            self.drawings[-1]["title"] = True
        self._text(data)

    def _text(self, text: str) -> None:
        if PLACEHOLDER in text:
            self.problems.append("figure without text: placeholder in place of a description")
        if MACHINE_PATH.search(text):
            self.problems.append("path of a machine")
        for match in KEY_LIKE.finditer(text):
            if match.group() in self.keys:
                self.problems.append(f"raw key {match.group()}")
        for match in SLOT_LIKE.finditer(text):
            if match.group(1) in SLOTS:
                self.problems.append(f"unfilled slot {match.group()}")


def page_problems(html: str) -> list[str]:
    """Everything that forbids publishing a page, each once, in the order found; empty for a good page.

    Scripts, handlers, addresses outside the page, figures without text, raw keys and slots, paths of a
    machine, ids that stand twice, a missing content policy, language, heading or main part.
    """
    keys = frozenset(key for code in language_codes() for key in read_language(code).texts)
    parser = _Page(keys)
    parser.feed(html)
    parser.close()
    if "default-src 'none'" not in parser.policy:
        parser.problems.append("no content policy")
    if parser.language not in language_codes():
        parser.problems.append("no language on the page")
    if parser.headings != 1:
        parser.problems.append(f"{parser.headings} main headings instead of one")
    if parser.mains != 1:
        parser.problems.append("no main part")
    return list(dict.fromkeys(parser.problems))
