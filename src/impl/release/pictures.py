"""What a picture may hold beside its pixels: nothing that somebody could have written there."""

from __future__ import annotations

import struct

PNG_MARK = b"\x89PNG\r\n\x1a\n"
PNG_CHUNKS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs")
)
"""Pixels, colours and size. Text (tEXt, zTXt, iTXt), dates, profiles, Exif and private chunks are not among them."""
JPEG_SEGMENTS = frozenset((*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD, 0xE0))
"""Frame, tables, scan, restart interval and JFIF header. Comments (FE) and APP1-15 (Exif, XMP) are not among them."""


def picture_problem(data: bytes) -> str | None:
    """What is wrong with the bytes of a PNG or JPEG picture, None where they hold pixels alone.

    Source: PNG (Third Edition) section 5.3; JPEG, ITU-T T.81 annex B.
    """
    if data.startswith(PNG_MARK):
        return _png_problem(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg_problem(data)
    return "a picture that is neither PNG nor JPEG"


def _png_problem(data: bytes) -> str | None:
    at = len(PNG_MARK)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name not in PNG_CHUNKS:
            return "a picture with a chunk of text, of metadata or of its own"
        at += 12 + length
        if name == b"IEND":
            return None if at == len(data) and not length else "a picture with bytes after its end"
    return "a picture that is not whole"


def _jpeg_problem(data: bytes) -> str | None:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if kind not in JPEG_SEGMENTS:
            return "a picture with a comment or metadata"
        if kind == 0xE0 and length > 16:
            return "a picture with a thumbnail"
        at += 2 + length
        if kind == 0xDA:  # what follows is the scan: FF is followed by 00 or a restart, until another marker
            while at + 1 < len(data) and (data[at] != 0xFF or data[at + 1] in (0, *range(0xD0, 0xD8))):
                at += 1
        if data[at : at + 2] == b"\xff\xd9":
            return None if at + 2 == len(data) else "a picture with bytes after its end"
    return "a picture that is not whole"
