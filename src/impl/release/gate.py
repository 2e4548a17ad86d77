"""The gate: every byte of a bundle is walked before it is published.

It judges files, not intentions: what stands in them, whoever wrote it. It cannot know hidden values, so it
holds that what the Release hides has no number anywhere in the Release and its twins, and that pages say
nothing a reader's browser would run, fetch or follow out of the bundle.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from impl.errors import Fault, ImplError, shorten
from impl.release.files import LARGEST_FILE, RELEASE_FILE, bundle_bytes, parse_release, release_bytes
from impl.release.release import Release
from impl.study.characters import holds_identity_number

LANGUAGES = "nb|nn|en"
HISTORY = re.compile(r"history/[0-9a-z][0-9a-z-]{0,63}\.json")
SMALLEST_GROUP = 3  # sites; the rule of disclosure control, held here a second time

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
IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,([A-Za-z0-9+/=\s]*)", re.IGNORECASE)
RELATIVE = re.compile(r"(?:\.\./index\.html|(?:\./)?[A-Za-z0-9_-][A-Za-z0-9_./-]*)(?:#[^\s]*)?")
CSS_ADDRESS = re.compile(r"url\s*\(\s*['\"]?([^)'\"]*)", re.IGNORECASE)
CSS_DANGER = re.compile(
    r"@import|@font-face|expression\s*\(|-moz-binding|behavior\s*:|image-set\s*\(", re.IGNORECASE
)
CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)", re.DOTALL)
CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
RAW_MARKUP = re.compile(r"<\s*/?\s*(script|iframe|object|embed)\b", re.IGNORECASE)
HIDDEN_MARKS = ("⊘", "(personvern)", "(privacy)")
"""How pages mark a hidden number; what stands with a mark may hold no digit."""
META_PICTURE_CHUNKS = (b"tEXt", b"zTXt", b"iTXt", b"eXIf")

UNIX_PATH = re.compile(
    r"(?<![\w.])/(?:home|Users|root|tmp|private|var|etc|opt|usr|mnt|media|srv|run|proc|Volumes|workspace)"
    r"/[\w.~-]",
    re.IGNORECASE,
)
OTHER_PATHS = (
    re.compile(r"(?<![A-Za-z])[A-Za-z]:\\+[\w.~-]"),  # a backslash may be doubled, as in JSON
    re.compile(r"\\\\[\w.-]+\\+[\w$.-]"),
    re.compile(r"file:/", re.IGNORECASE),
    re.compile(r"(?<!\w)~/[\w.-]"),
)

LONG_FRACTION = re.compile(r"(?<=[0-9])[.,][0-9]{7,}")
"""Decimals of a number that nobody rounded: digits in a row, but no identity number."""
PAIRS = re.compile(r"(?<![0-9])([0-9]{2}) ([0-9]{2}) ([0-9]{2}) ([0-9]{3}) ?([0-9]{2})(?![0-9])")


def check_bundle(folder: Path, release: Release, *, forbidden: Iterable[str] = ()) -> list[Fault]:
    """Everything in `folder` that may not be published as the bundle of `release`.

    forbidden: strings that may stand nowhere, such as the project's folder or a user's name; found as
    whole words in any case. An empty list means that the bundle may go out.
    """
    faults = _wrong_numbers(release)
    words = _words(folder, forbidden)
    expected = bundle_bytes(release)
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_symlink():
            faults.append(_fault("link", name, "a link", "a file of the bundle", "Copy the file instead."))
        elif file.is_dir():
            if name != "history":
                faults.append(_unknown(name))
        else:
            faults += _check_file(file, name, release, expected, words)
    faults += [
        _fault("missing", name, "nothing", "part of the bundle", "Write the Release again.")
        for name in expected
        if not (folder / name).is_file()
    ]
    return faults


def _check_file(
    file: Path, name: str, release: Release, expected: Mapping[str, bytes], words: re.Pattern[str] | None
) -> Iterator[Fault]:
    page = re.fullmatch(rf"{re.escape(release.study.id)}\.(?:{LANGUAGES})\.html", name)
    if not (name in expected or page or HISTORY.fullmatch(name)):
        yield _unknown(name)
        return
    size = file.stat().st_size
    if size > LARGEST_FILE:
        yield _fault(
            "too_large", name, f"{size} bytes", f"at most {LARGEST_FILE}", "Publish less in one file."
        )
        return
    data = file.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        yield _fault("not_text", name, "a byte that is not UTF-8", "text", "Write the file again.")
        return
    known = _known(release)
    if page:
        yield from _check_page(text, name, release, words)
        return
    if name in expected:
        if data != expected[name]:
            yield _fault(
                "twin", name, "other bytes than the Release gives", "what the Release says",
                "Write the Release again; a Release is never edited by hand.",
            )  # fmt: skip
    else:
        try:
            earlier = parse_release(data, name)
        except ImplError as error:
            yield from error.faults
        else:
            yield from _wrong_numbers(earlier, name)
            known |= _known(earlier)
            text = release_bytes(earlier).decode()  # without escapes that hide a word
            if earlier.study.id != release.study.id:
                yield _fault("other_study", name, "another study", "this study", "Remove the file.")
    yield from _leaks(text, name, known, words)


# --- the Release's own promises


def _wrong_numbers(release: Release, name: str = RELEASE_FILE) -> list[Fault]:
    """Numbers that stand in the Release although the Release itself says that they are hidden."""
    found: list[str] = []
    for curve in release.curves:
        for point in curve.points:
            if point.hidden and (point.observed is not None or point.expected is not None):
                found.append(f"curves.{curve.measure}, {point.start}")
    hidden_after = set()
    for comparison in release.comparisons:
        if comparison.after is None:
            hidden_after.add(comparison.measure)
            if comparison.expected is not None:
                found.append(f"comparisons.{comparison.measure}.expected")
    told = {(row.measure, row.scale) for row in release.estimates}
    for measure in sorted(hidden_after):
        if (measure, "averted") in told or {(measure, "difference"), (measure, "ratio")} <= told:
            found.append(f"estimates.{measure}: scales that give the hidden level")
    if release.status == "not_converged":
        if release.estimates or release.comparisons or release.curves or release.covariances:
            found.append("numbers of a fit that did not converge")
        if release.verdict is not None:
            found.append("verdict of a fit that did not converge")
    if release.run.profile == "smoke" and release.verdict is not None:
        found.append("verdict of a smoke run")
    section = release.sections.adaptations
    for row in release.estimates:
        group = (row.group or "").partition(":")[2]
        if row.estimand == "group" and (section is None or section.sites_with.get(group, 0) < SMALLEST_GROUP):
            found.append(f"estimates.{row.measure}, group {shorten(group, 20)} of too few sites")
    return [
        _fault(
            "hidden_number", f"{name}, {place}", "a number", "hidden",
            "Make the Release again with impl.make_release.",
        )
        for place in dict.fromkeys(found)
    ]  # fmt: skip


# --- leaks in any text


def _known(release: Release) -> set[str]:
    """Hashes that may hold eleven digits in a row by chance."""
    run = release.run
    return {text for text in (run.id, run.lock_sha256, run.git_commit, release.study.plan_sha256) if text}


def _words(folder: Path, forbidden: Iterable[str]) -> re.Pattern[str] | None:
    """Forbidden words, with the folders above the bundle: where it lies is nobody's business."""
    resolved = folder.resolve()
    above = [str(place) for place in (resolved, *resolved.parents) if len(place.parts) > 2]
    words = sorted({re.escape(word) for word in (*forbidden, *above) if len(word) > 1})
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None


def _leaks(text: str, where: str, known: Iterable[str], words: re.Pattern[str] | None) -> Iterator[Fault]:
    """Paths, identity numbers and forbidden words in one text, read as a person would read it."""
    plain = text
    if not text.isascii():
        normal = unicodedata.normalize("NFKC", text)
        plain = "".join(character for character in normal if unicodedata.category(character) != "Cf")
    for word in known:
        plain = plain.replace(word, " ")
    spellings = {plain, unquote(plain)}
    if any(pattern.search(spelling) for pattern in (UNIX_PATH, *OTHER_PATHS) for spelling in spellings):
        yield _fault(
            "path", where, "a path of a machine", "free of paths",
            "Find where the text comes from and leave the path out.",
        )  # fmt: skip
    if any(_holds_number(spelling) for spelling in spellings):
        yield _fault(
            "identity_number", where, "a national identity number", "free of persons",
            "Find where the text comes from and remove it there.",
        )  # fmt: skip
    if words is not None and any(words.search(spelling) for spelling in spellings):
        yield _fault(
            "forbidden_word", where, "a word that may not be published", "free of it",
            "Find where the text comes from and leave the word out.",
        )  # fmt: skip


def _holds_number(text: str) -> bool:
    """Identity number in any usual spelling: Unicode digits, spaces and hyphens of any kind, in pairs or not."""
    digits = text
    if not text.isascii():
        digits = "".join(
            str(unicodedata.digit(character)) if character.isdigit() else character for character in text
        )
    whole = LONG_FRACTION.sub("", digits)
    joined = re.sub(r"(?<=[0-9])[\s‐-―−-](?=[0-9])", " ", whole)
    return holds_identity_number(joined) or holds_identity_number(PAIRS.sub(r"\1\2\3\4\5", joined))


# --- pages


def _check_page(text: str, name: str, release: Release, words: re.Pattern[str] | None) -> Iterator[Fault]:
    page = _Page(name)
    page.feed(text)
    page.close()
    yield from page.faults
    if not page.policies:
        yield _fault(
            "no_policy", name, "no content security policy", "a page with default-src 'none'",
            "Render the page with the template of impl.",
        )  # fmt: skip
    for policy in page.policies:
        if not _is_strict(policy):
            yield _fault(
                "weak_policy", name, shorten(policy), "default-src 'none' and at most data: images and inline style",
                "Render the page with the template of impl.",
            )  # fmt: skip
    # A browser reads some places (style inside svg, title) otherwise than a parser of plain HTML does.
    if RAW_MARKUP.search(text):
        yield _fault(
            "script", name, "markup of a script or frame", "escaped text", "Escape what comes from data."
        )
    if release.run.id not in text:
        yield _fault(
            "other_run",
            name,
            "no mention of the run",
            f"a page of run {release.run.id}",
            "Render the page again.",
        )
    known = _known(release)
    seen: set[tuple[str, str]] = set()
    for where, piece in page.texts:
        for fault in _leaks(piece, where, known, words):
            if (fault.code, fault.where) not in seen:
                seen.add((fault.code, fault.where))
                yield fault


class _Page(HTMLParser):
    """Walks one page: collects faults, policies, and every text a reader or a machine could find."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.name = name
        self.faults: list[Fault] = []
        self.policies: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self._in_style = False

    def _where(self) -> str:
        return f"{self.name}, line {self.getpos()[0]}"

    def _refuse(self, code: str, got: str, allowed: str) -> None:
        self.faults.append(
            _fault(
                code, self._where(), got, allowed, "Escape what comes from data and render the page again."
            )
        )

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
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
        if tag == "style":
            self._in_style = False

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._check_style(data)
        if any(mark in data for mark in HIDDEN_MARKS) and any(map(str.isdigit, data)):
            self._refuse("hidden_number", "a number where a page says that it is hidden", "the mark alone")
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
        if any(chunk in data for chunk in META_PICTURE_CHUNKS):
            self._refuse("image", "an image with text inside", "an image without metadata")
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


def _unknown(name: str) -> Fault:
    return _fault(
        "unknown_file", shorten(name).strip("'"), "a file of another name", "a file of the bundle",
        "Keep only release.json, estimates.csv, curves.csv, the pages and history/.",
    )  # fmt: skip


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=f"gate.{code}", where=where, got=got, allowed=allowed, fix=fix)
