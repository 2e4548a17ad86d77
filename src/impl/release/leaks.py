"""What may stand in no published text: paths of machines, identity numbers, forbidden words, also in disguise."""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from impl.errors import Fault
from impl.release.release import Release
from impl.study.characters import holds_identity_number

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
PAIRS = re.compile(
    r"(?<![0-9])([0-9]{2})[ ./]([0-9]{2})[ ./]([0-9]{2})[ ./]?([0-9]{3})[ .]?([0-9]{2})(?![0-9])"
)
SIX_AND_FIVE = re.compile(r"(?<![0-9.,])([0-9]{6})[./_:]([0-9]{5})(?![0-9])")
ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{15,}={0,2}")
"""What may be text in base64; an identity number has fifteen characters there."""


def known_hashes(release: Release) -> set[str]:
    """Hashes that may hold eleven digits in a row by chance."""
    run = release.run
    hashes = (run.id, run.lock_sha256, run.git_commit, release.study.plan_sha256, release.plan.line_sha256)
    return {text for text in hashes if text}


def word_pattern(folder: Path, forbidden: Iterable[str]) -> re.Pattern[str] | None:
    """Forbidden words, with the folders above the bundle: where it lies is nobody's business."""
    resolved = folder.resolve()
    above = [str(place) for place in (resolved, *resolved.parents) if len(place.parts) > 2]
    words = sorted({re.escape(word) for word in (*forbidden, *above) if len(word) > 1})
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE) if words else None


def find_leaks(text: str, where: str, known: Iterable[str], words: re.Pattern[str] | None) -> Iterator[Fault]:
    """Paths, identity numbers and forbidden words in one text, read as a person would read it."""
    plain = text
    if not text.isascii():
        normal = unicodedata.normalize("NFKC", text)
        plain = "".join(character for character in normal if unicodedata.category(character) != "Cf")
    for word in known:
        plain = plain.replace(word, " ")
    spellings = {plain, unquote(plain), *_decoded(plain)}
    if any(pattern.search(spelling) for pattern in (UNIX_PATH, *OTHER_PATHS) for spelling in spellings):
        yield gate_fault(
            "path", where, "a path of a machine", "free of paths",
            "Find where the text comes from and leave the path out.",
        )  # fmt: skip
    if any(_holds_number(spelling) for spelling in spellings):
        yield gate_fault(
            "identity_number", where, "a national identity number", "free of persons",
            "Find where the text comes from and remove it there.",
        )  # fmt: skip
    if words is not None and any(words.search(spelling) for spelling in spellings):
        yield gate_fault(
            "forbidden_word", where, "a word that may not be published", "free of it",
            "Find where the text comes from and leave the word out.",
        )  # fmt: skip


def _decoded(text: str) -> Iterator[str]:
    """Plain text that stands in base64 inside a text."""
    for match in ENCODED.finditer(text):
        token = match.group().rstrip("=").replace("-", "+").replace("_", "/")
        with contextlib.suppress(binascii.Error):
            data = base64.b64decode(token + "=" * (-len(token) % 4))
            if data.isascii() and data.decode().isprintable():
                yield data.decode()


def _holds_number(text: str) -> bool:
    """Identity number in any usual spelling: Unicode digits, spaces and hyphens of any kind, in pairs or not."""
    digits = text
    if not text.isascii():
        digits = "".join(
            str(unicodedata.digit(character)) if character.isdigit() else character for character in text
        )
    whole = LONG_FRACTION.sub("", digits)
    joined = re.sub(r"(?<=[0-9])[\s‐-―−-](?=[0-9])", " ", whole)
    spellings = (joined, PAIRS.sub(r"\1\2\3\4\5", joined), SIX_AND_FIVE.sub(r"\1\2", joined))
    return any(map(holds_identity_number, spellings))


def gate_fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=f"gate.{code}", where=where, got=got, allowed=allowed, fix=fix)
