"""The walk over a page: nothing that a browser would run or fetch, and every text and attribute judged."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from html import unescape
from html.parser import HTMLParser

from impl.errors import Fault, shorten
from impl.release.leaks import find_leaks, gate_fault, known_hashes
from impl.release.pictures import picture_problem
from impl.release.release import Release

FORBIDDEN_TAGS = {
    "animate", "animatemotion", "animatetransform", "applet", "base", "button", "embed", "form", "frame",
    "frameset", "iframe", "input", "link", "listing", "noembed", "noframes", "noscript", "object", "param",
    "plaintext", "portal", "script", "select", "set", "template", "textarea", "foreignobject", "audio", "video",
    "source", "track", "xmp",
}  # fmt: skip
ADDRESS_ATTRIBUTES = {
    "action", "archive", "background", "cite", "classid", "codebase", "data", "dynsrc", "formaction", "href",
    "icon", "longdesc", "lowsrc", "manifest", "ping", "poster", "profile", "src", "usemap", "xlink:href",
}  # fmt: skip
FORBIDDEN_ATTRIBUTES = {"srcdoc", "srcset", "imagesrcset"}
SCRIPT_ADDRESS = re.compile(r"(?:java|vb|live)script:|data:text/html", re.IGNORECASE)
IMAGE = re.compile(r"data:image/(?:png|jpeg);base64,([A-Za-z0-9+/=\s]*)", re.IGNORECASE)
RELATIVE = re.compile(r"(?:\.\./index\.html|(?:\./)?[A-Za-z0-9_-][A-Za-z0-9_./-]*)(?:#[^\s]*)?")
CSS_ADDRESS = re.compile(r"url\s*\(\s*['\"]?([^)'\"]*)", re.IGNORECASE)
CSS_DANGER = re.compile(
    r"@import|@font-face|expression\s*\(|-moz-binding|behavior\s*:|image-set\s*\(", re.IGNORECASE
)
CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
RAW_MARKUP = re.compile(r"<\s*/?\s*(script|iframe|object|embed)\b", re.IGNORECASE)
INLINE_TAGS = frozenset(
    ("a", "abbr", "b", "bdi", "bdo", "code", "em", "i", "mark", "q", "s", "small", "span", "strong", "sub", "sup", "tspan",
     "u", "wbr")
)  # fmt: skip
"""Tags between which a reader sees no gap: a number may be spread over them."""
HASH = re.compile(r"[0-9a-f]{12,}")
"""A run id or a hash, or what holds one."""
HIDDEN_MARKS = ("⊘", "(personvern)", "(privacy)")
"""How pages mark a hidden number; what stands with a mark may hold no digit."""


def check_page(text: str, name: str, release: Release, words: re.Pattern[str] | None) -> Iterator[Fault]:
    """Everything that may not be published in the page of a Release. words: what may stand nowhere."""
    if release.run.id not in text:
        yield gate_fault(
            "other_run",
            name,
            "no mention of the run",
            f"a page of run {release.run.id}",
            "Render the page again.",
        )
    yield from check_any_page(text, name, known_hashes(release), words)


def check_any_page(
    text: str, name: str, known: Collection[str], words: re.Pattern[str] | None
) -> Iterator[Fault]:
    """As `check_page`, for a page about any number of Releases. known: hashes that may hold eleven digits by chance."""
    page = _Page(name)
    page.feed(text)
    page.close()
    yield from page.faults
    if not page.policies:
        yield gate_fault(
            "no_policy", name, "no content security policy", "a page with default-src 'none'",
            "Render the page with the template of impl.",
        )  # fmt: skip
    for policy in page.policies:
        if not _is_strict(policy):
            yield gate_fault(
                "weak_policy", name, shorten(policy), "default-src 'none' and at most data: images and inline style",
                "Render the page with the template of impl.",
            )  # fmt: skip
    # A browser reads some places (style inside svg, title) otherwise than a parser of plain HTML does.
    if RAW_MARKUP.search(text):
        yield gate_fault(
            "script", name, "markup of a script or frame", "escaped text", "Escape what comes from data."
        )
    seen: set[tuple[str, str]] = set()
    for where, piece in page.texts:
        for fault in find_leaks(piece, where, _within(piece, known), words):
            if (fault.code, fault.where) not in seen:
                seen.add((fault.code, fault.where))
                yield fault


def _within(piece: str, known: Collection[str]) -> set[str]:
    """Those of the known hashes that a piece of text holds; a page about a thousand studies knows thousands."""
    found: set[str] = set()
    for digits in HASH.findall(piece):
        found |= {digits} if digits in known else {word for word in known if word in digits}
    return found


class _Page(HTMLParser):
    """Walks one page: collects faults, policies, and every text a reader or a machine could find."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.name = name
        self.faults: list[Fault] = []
        self.policies: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self._in_style = False
        self._line: list[str] = []

    def close(self) -> None:
        super().close()
        self._end_line()

    def _end_line(self) -> None:
        """What a reader sees in one go, where it was spread over several pieces."""
        if len(self._line) > 1:
            self.texts.append((self._where(), "".join(self._line)))
        self._line = []

    def _where(self) -> str:
        return f"{self.name}, line {self.getpos()[0]}"

    def _refuse(self, code: str, got: str, allowed: str) -> None:
        self.faults.append(
            gate_fault(
                code, self._where(), got, allowed, "Escape what comes from data and render the page again."
            )
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if tag not in INLINE_TAGS:
            self._end_line()
        if tag in FORBIDDEN_TAGS:
            self._refuse("tag", f"<{tag}>", "a page without scripts, frames and forms")
        values = {key: value or "" for key, value in reversed(attrs)}  # the first of two counts in a browser
        if tag == "meta" and "http-equiv" in values:
            if values["http-equiv"].strip().lower() == "content-security-policy":
                self.policies.append(values.get("content", ""))
            else:
                self._refuse("tag", "<meta http-equiv>", "the content security policy and no other")
        for key, raw in attrs:
            value = raw or ""
            self._check_attribute(key, value)
            self.texts.append((self._where(), value))

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE_TAGS:
            self._end_line()
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._check_style(data)
        if any(mark in data for mark in HIDDEN_MARKS) and any(map(str.isdigit, data)):
            self._refuse("hidden_number", "a number where a page says that it is hidden", "the mark alone")
        self._line.append(data)
        self.texts.append((self._where(), data))

    def handle_comment(self, data: str) -> None:
        # Browsers and parsers disagree on where odd comments end, so none may hold markup.
        if "<" in data or ">" in data or "--" in data:
            self._refuse("markup", "markup inside a comment", "a comment of plain words")
        self.texts.append((self._where(), data))

    def handle_decl(self, decl: str) -> None:
        if decl.lower() != "doctype html":
            self._refuse("markup", "a declaration", "<!doctype html> and no other")
        self.texts.append((self._where(), decl))

    def handle_pi(self, data: str) -> None:
        self._refuse("markup", "a processing instruction", "plain HTML")
        self.texts.append((self._where(), data))

    def unknown_decl(self, data: str) -> None:
        self._refuse("markup", "a CDATA section", "plain HTML")
        self.texts.append((self._where(), data))

    def _check_attribute(self, key: str, value: str) -> None:
        squeezed = re.sub(r"[\s\x00-\x20]", "", value)
        if key.startswith("on"):
            self._refuse("handler", f"attribute {shorten(key, 20)}", "no attribute that runs code")
        elif key in FORBIDDEN_ATTRIBUTES:
            self._refuse("address", f"attribute {key}", "data: images and links inside the bundle")
        elif SCRIPT_ADDRESS.match(squeezed):
            self._refuse("script_address", f"a script in {shorten(key, 20)}", "a link inside the bundle")
        elif key in ADDRESS_ATTRIBUTES:
            self._check_address(key, value.strip())
        if key == "style" or "url" in _css(value).lower():
            self._check_style(value)

    def _check_address(self, key: str, value: str) -> None:
        image = IMAGE.fullmatch(value)
        if image is not None:
            self._check_image(image.group(1))
        elif value.startswith("#") or value == "":
            pass
        elif not RELATIVE.fullmatch(value) or ".." in value.removeprefix("../"):
            self._refuse("address", f"an address in {key}", "a data: image or a link inside the bundle")

    def _check_image(self, encoded: str) -> None:
        try:
            data = base64.b64decode("".join(encoded.split()), validate=True)
        except binascii.Error:
            self._refuse("image", "an image that cannot be decoded", "a whole image")
            return
        problem = picture_problem(data)
        if problem is not None:
            self._refuse("image", problem, "a PNG or JPEG of pixels alone")
        self.texts.append((self._where(), "".join(map(chr, re.sub(rb"[^\x20-\x7e]+", b" ", data)))))

    def _check_style(self, text: str) -> None:
        # Inside svg a browser resolves entities in a style, elsewhere it does not: judge both readings.
        for style in {_css(text), _css(unescape(text))}:
            foreign = any(not match.group(1).startswith("#") for match in CSS_ADDRESS.finditer(style))
            if foreign or CSS_DANGER.search(style):
                self._refuse("style", "a style that fetches or runs something", "plain style and url(#id)")
            if "<" in style:
                self._refuse("style", "markup inside a style", "plain style")


def _css(text: str) -> str:
    """Style as a browser reads it: comments out, escapes resolved."""

    def character(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return match.group(2)
        number = int(match.group(1), 16)
        return chr(number) if 0 < number < 0x110000 else "�"

    return CSS_ESCAPE.sub(character, CSS_COMMENT.sub("", text))


def _is_strict(policy: str) -> bool:
    """Whether a policy lets a page fetch and run nothing."""
    directives: dict[str, list[str]] = {}
    for part in policy.split(";"):
        name, *sources = part.split() or [""]
        directives.setdefault(name.lower(), [source.lower() for source in sources])
    allowed = {"img-src": {"data:", "'none'"}, "style-src": {"'unsafe-inline'", "'none'"}}
    return directives.get("default-src") == ["'none'"] and all(
        set(sources) <= allowed.get(name, {"'none'"}) for name, sources in directives.items()
    )
