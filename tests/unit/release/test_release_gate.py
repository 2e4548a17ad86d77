"""The gate: clean bundles pass, planted leaks do not."""

from __future__ import annotations

import base64
import json
import os
import struct
import zlib
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest

import example_release
from impl.release import gate, leaks
from impl.release.files import bundle_bytes, release_bytes, write_release
from impl.release.gate import check_bundle
from impl.release.release import Release
from impl.release.sections import Sections
from impl.release.site_counts import SiteCount, SiteCounts
from impl.study.study import PUBLIC_AUDIENCES


def without_hidden_levels(release: Release) -> Release:
    """The release with only those scales that do not give a hidden level after."""
    hidden = {row.measure for row in release.comparisons if row.after is None}
    kept = tuple(
        row for row in release.estimates if row.measure not in hidden or row.scale in ("ratio", "link")
    )
    return release.model_copy(update={"estimates": kept})


RELEASES = {name: without_hidden_levels(make()) for name, make in example_release.EXAMPLES.items()}
FULL = RELEASES["staggered"]
RELEASE = FULL.model_copy(update={"estimates": FULL.estimates[:8], "curves": ()})  # small, for many leaks
HIDDEN = RELEASES["hidden_points"]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xda\x00\x02\x12\xff\x00\x34\xff\xd9"
"""Header, start of scan, a few bytes of a scan, end: what the walk looks at."""


def picture(data: bytes, kind: str = "png") -> str:
    return f'<img alt="x" src="data:image/{kind};base64,{base64.b64encode(data).decode()}">'


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def in_picture(extra: bytes) -> str:
    """The picture with one more chunk before its end."""
    return picture(PNG[:-12] + extra + PNG[-12:])


POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def identity_number(day: str, number: int = 0) -> str:
    """The first number from `number` on with this date part and valid check digits."""
    for serial in range(number, 1000):
        values = [int(digit) for digit in f"{day}{serial:03d}"]
        first = -sum(w * v for w, v in zip((3, 7, 6, 1, 8, 9, 4, 5, 2), values, strict=True)) % 11
        second = (
            -sum(w * v for w, v in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), (*values, first), strict=True)) % 11
        )
        if first < 10 and second < 10:
            return f"{day}{serial:03d}{first}{second}"
    raise AssertionError("no such number")


BORN = identity_number("150382")


def page(
    release: Release, language: str, *, body: str = "", head: str = "", policy: str | None = POLICY
) -> str:
    """A page with everything that a report may hold."""
    title = escape(release.study.title["nb"])
    image = base64.b64encode(PNG).decode()
    rows = "".join(
        f'<tr><th scope="row">{escape(site.name)}</th><td>{site.actual_start or "–"}</td></tr>'
        for site in release.design.rollout
    )
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy is not None else ""
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head><meta charset="utf-8">{tag}<title>{title}</title>\n'
        "<style>p{margin:0} /* plain */ .hidden{fill:url(#hatch)} .other{fill:url('#hatch')}</style>"
        f"{head}</head>\n<body><a href=\"#main\">Til innholdet</a><main id=\"main\"><!-- tall fra 2024 -->\n"
        '<svg role="img" viewBox="0 0 1000 200"><title>Figur</title>'
        '<defs><pattern id="hatch"></pattern></defs><rect fill="url(#hatch)" style="opacity:.5"/>'
        '<path d="M10.12345678901 12.5L123456 78901"/><use href="#hatch"/></svg>\n'
        f'<img alt="Punkt" src="data:image/png;base64,{image}"><table>{rows}</table>'
        '<p>12 345 678 beboerdøgn, og/eller 1/2, kl. 12:30, «C: nei», 0,123456789012</p>'
        f'<p>Kjøring {release.run.id}, plan {release.study.plan_sha256}, {release.run.lock_sha256}</p>'
        f'<p><a href="release.json">Tall</a> <a href="curves.csv">CSV</a> <a href="../index.html#x">Alle</a>'
        f'<a href="{release.study.id}.en.html">English</a></p>{body}</main></body></html>\n'
    )  # fmt: skip


def bundle(folder: Path, release: Release = RELEASE, **changes: Any) -> Path:
    folder.mkdir()
    for name, content in bundle_bytes(release).items():
        (folder / name).write_bytes(content)
    for language in ("nb", "en")[: 1 if changes else 2]:
        (folder / f"{release.study.id}.{language}.html").write_text(
            page(release, language, **changes), encoding="utf-8"
        )
    return folder


def codes(folder: Path, release: Release = RELEASE, forbidden: tuple[str, ...] = ()) -> set[str]:
    return {fault.code.removeprefix("gate.") for fault in check_bundle(folder, release, forbidden=forbidden)}


# --- clean bundles


@pytest.mark.parametrize("name", RELEASES)
def test_clean_bundles_pass(tmp_path: Path, name: str) -> None:
    release = RELEASES[name]
    folder = bundle(tmp_path / "out", release)
    assert check_bundle(folder, release, forbidden=["/srv/project", "kari", "root"]) == []


@pytest.mark.parametrize(
    "name", [name for name in RELEASES if RELEASES[name].disclosure.audience in PUBLIC_AUDIENCES]
)
def test_clean_bundles_with_a_past_pass(tmp_path: Path, name: str) -> None:
    release = RELEASES[name]
    folder = bundle(tmp_path / "out", release)
    earlier = release.model_copy(
        update={
            "run": release.run.model_copy(
                update={"id": "0123456789ab", "git_commit": f"{BORN}abcdef" + "0" * 23}
            )
        }
    )
    (folder / "history").mkdir()
    (folder / "history/0123456789ab.json").write_bytes(release_bytes(earlier))
    assert check_bundle(folder, release) == []


def test_a_bundle_without_pages_passes(tmp_path: Path) -> None:
    write_release(RELEASE, tmp_path / "out")
    assert check_bundle(tmp_path / "out", RELEASE) == []


def test_a_clean_photo_and_a_clean_picture_pass(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "out", body=picture(JPEG, "jpeg") + picture(PNG))
    assert check_bundle(folder, RELEASE) == []


def test_a_bundle_for_a_network_passes_with_its_counts(tmp_path: Path) -> None:
    release = for_network(with_sites(RELEASE, 12.0))
    write_release(release, tmp_path / "out")
    assert check_bundle(tmp_path / "out", release) == []


# --- leaks planted in a page

WINDOWS = "C:" + "\\" + "Users" + "\\" + "kari"
SHARE = "\\" * 2 + "server" + "\\" + "avdeling$"
IN_BODY: dict[str, tuple[str, str]] = {
    "script": ("<script>alert(1)</script>", "tag"),
    "script in svg style": ("<svg><style><script>x</script></style></svg>", "script"),
    "script in another case": ("<ScRiPt src=x></ScRiPt>", "tag"),
    "handler": ('<p onclick="x()">Tall</p>', "handler"),
    "handler in svg": ('<svg onload="x()"></svg>', "handler"),
    "handler without quotes": ("<img src=x.png alt=x onerror=x()>", "handler"),
    "javascript link": ('<a href="javascript:alert(1)">x</a>', "script_address"),
    "javascript link with a tab": ('<a href="java&#9;script:alert(1)">x</a>', "script_address"),
    "javascript in entities": ('<a href="&#106;avascript:alert(1)">x</a>', "script_address"),
    "vbscript": ('<a href="VBScript:x">x</a>', "script_address"),
    "html in a data address": ('<a href="data:text/html,<b>x">x</a>', "script_address"),
    "link to the web": ('<a href="https://example.org/">x</a>', "address"),
    "link without scheme": ('<a href="//example.org/x">x</a>', "address"),
    "picture from the web": ('<img alt="x" src="http://example.org/x.png">', "address"),
    "srcset": ('<img alt="x" srcset="x.png 2x">', "address"),
    "svg data picture": ('<img alt="x" src="data:image/svg+xml;base64,AAAA">', "address"),
    "xlink": ('<svg><use xlink:href="https://example.org/x.svg#a"/></svg>', "address"),
    "link upwards": ('<a href="../../build/log.txt">x</a>', "address"),
    "link up in the middle": ('<a href="a/../../b">x</a>', "address"),
    "mail": ('<a href="mailto:kari@example.org">x</a>', "address"),
    "absolute link": ('<a href="/index.html">x</a>', "address"),
    "iframe": ('<iframe srcdoc="x"></iframe>', "tag"),
    "object": ('<object data="x.swf"></object>', "tag"),
    "embed": ('<embed src="x.pdf">', "tag"),
    "form": ('<form action="x"><input name="a"></form>', "tag"),
    "animation of a link": ('<svg><set attributeName="href" to="x"/></svg>', "tag"),
    "foreign object": ("<svg><foreignObject><p>x</p></foreignObject></svg>", "tag"),
    "style that fetches": ("<p style=\"background:url('https://example.org/x')\">x</p>", "style"),
    "style that fetches in escapes": (r'<p style="background:u\72l(//example.org/x)">x</p>', "style"),
    "style with an escaped bracket": (r'<p style="background:url\(//example.org/x)">x</p>', "style"),
    "style with an impossible escape": (r'<p style="background:\0 url(//example.org/x)">x</p>', "style"),
    "style with a data address": ('<p style="background:url(data:image/png;base64,AA)">x</p>', "style"),
    "style in an attribute of svg": ('<svg><rect fill="url(https://example.org/#a)"/></svg>', "style"),
    "import": ("<style>@import 'x.css';</style>", "style"),
    "entities in a style of svg": ("<svg><style>a{fill:url&#40;//example.org/x)}</style></svg>", "style"),
    "style hidden by a comment": ('<p style="background:ur/**/l(//example.org)">x</p>', "style"),
    "expression": ('<p style="width:expression(x)">x</p>', "style"),
    "markup in a style": ("<style>a{}<img src=x></style>", "style"),
    "refresh": ('<meta http-equiv="refresh" content="0;url=x">', "tag"),
    "refresh in disguise": (
        '<meta http-equiv="refresh" content="0" http-equiv="content-security-policy">',
        "tag",
    ),
    "markup in a comment": ("<!--><img src=x onerror=x()>-->", "markup"),
    "cdata": ("<svg><![CDATA[<img src=x>]]></svg>", "markup"),
    "instruction": ("<?php echo 1 ?>", "markup"),
    "declaration": ("<!DOCTYPE svg>", "markup"),
    "unix path": ("<p>Traceback: /home/kari/prosjekt/data.csv</p>", "path"),
    "mac path": ("<p>(/Users/kari/data.csv)</p>", "path"),
    "temporary path": ('<p title="/tmp/kjoring/log.txt">x</p>', "path"),
    "windows path": (f"<p>{WINDOWS}</p>", "path"),
    "network share": (f"<p>{SHARE}</p>", "path"),
    "path in per cent signs": ('<p data-x="%2Fhome%2Fkari%2Fx">x</p>', "path"),
    "file address": ("<p>file:///x</p>", "path"),
    "home folder": ("<p>~/prosjekt/data</p>", "path"),
    "identity number": (f"<p>Pasient {BORN}</p>", "identity_number"),
    "identity number with a space": (f"<p>{BORN[:6]} {BORN[6:]}</p>", "identity_number"),
    "identity number with a no-break space": (f"<p>{BORN[:6]}&nbsp;{BORN[6:]}</p>", "identity_number"),
    "identity number in pairs": (
        f"<p>{BORN[:2]} {BORN[2:4]} {BORN[4:6]} {BORN[6:9]} {BORN[9:]}</p>",
        "identity_number",
    ),
    "identity number in an attribute": (f'<svg><rect data-id="{BORN}"/></svg>', "identity_number"),
    "identity number in a comment": (f"<!-- {BORN} -->", "identity_number"),
    "identity number with hidden characters": (f"<p>{BORN[:6]}&#8203;{BORN[6:]}</p>", "identity_number"),
    "identity number in entities": (f"<p>&#{ord(BORN[0])};{BORN[1:]}</p>", "identity_number"),
    "identity number in other digits": (
        f"<p>{''.join(chr(0xFF10 + int(digit)) for digit in BORN)}</p>",
        "identity_number",
    ),
    "d-number": (f"<p>{identity_number('550382')}</p>", "identity_number"),
    "identity number over several tags": (f"<p>{BORN[:6]}<b>{BORN[6:]}</b></p>", "identity_number"),
    "identity number over text of a figure": (
        f"<svg><text><tspan>{BORN[:4]}</tspan><tspan>{BORN[4:]}</tspan></text></svg>", "identity_number",
    ),
    "identity number with a break inside": (f"<p>{BORN[:6]}<wbr>{BORN[6:]}</p>", "identity_number"),
    "identity number as a date": (
        f"<p>{BORN[:2]}.{BORN[2:4]}.{BORN[4:6]} {BORN[6:]}</p>", "identity_number",
    ),
    "identity number with a slash": (f"<p>{BORN[:6]}/{BORN[6:]}</p>", "identity_number"),
    "identity number in base64": (
        f'<p data-x="{base64.b64encode(BORN.encode()).decode()}">x</p>', "identity_number",
    ),
    "path in base64": (f"<p>{base64.b64encode(b'/home/kari/data.csv').decode()}</p>", "path"),
    "path over several tags": ("<p>/home/<wbr>kari/x</p>", "path"),
    "number behind a mark": ("<td>Skjult (personvern): 3</td>", "hidden_number"),
    "number in a figure behind a mark": ("<svg><text>⊘ 2 hidden</text></svg>", "hidden_number"),
    "forbidden word": ("<p>Skrevet av KARI.</p>", "forbidden_word"),
    "forbidden word in a title": ('<p title="kari">x</p>', "forbidden_word"),
    "picture that is none": ('<img alt="x" src="data:image/png;base64,AAA">', "image"),
    "picture with text inside": (
        f'<img alt="x" src="data:image/png;base64,{base64.b64encode(PNG + b"tEXtComment").decode()}">',
        "image",
    ),
    "picture with compressed text": (in_picture(chunk(b"zTXt", b"Comment\x00\x00x")), "image"),
    "picture with a chunk of its own": (in_picture(chunk(b"prVt", b"3 fall")), "image"),
    "picture with a colour profile": (in_picture(chunk(b"iCCP", b"x")), "image"),
    "picture with its date": (in_picture(chunk(b"tIME", b"1234567")), "image"),
    "picture with bytes after its end": (picture(PNG + b"x"), "image"),
    "picture that stops": (picture(PNG[:-6]), "image"),
    "picture of another kind": (picture(b"GIF89a"), "image"),
    "photo with a place": (picture(b"\xff\xd8\xff\xe1\x00\x08Exif\x00\x00\xff\xd9", "jpeg"), "image"),
    "photo with a comment": (picture(b"\xff\xd8\xff\xfe\x00\x043f\xff\xd9", "jpeg"), "image"),
    "photo with bytes after its end": (picture(JPEG + b"x", "jpeg"), "image"),
    "path inside a picture": (
        f'<img alt="x" src="data:image/png;base64,{base64.b64encode(PNG + b" /home/kari/x.py ").decode()}">',
        "path",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_BODY)
def test_leaks_in_a_page_are_found(tmp_path: Path, name: str) -> None:
    leak, code = IN_BODY[name]
    folder = bundle(tmp_path / "out", body=leak)
    found = check_bundle(folder, RELEASE, forbidden=["kari"])
    assert f"gate.{code}" in {fault.code for fault in found}
    said = "\n".join(map(str, found))
    assert f"{RELEASE.study.id}.nb.html" in said
    assert BORN not in said


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (None, "no_policy"),
        ("", "weak_policy"),
        ("default-src 'self'", "weak_policy"),
        ("img-src data:", "weak_policy"),
        ("default-src 'none'; script-src 'unsafe-inline'", "weak_policy"),
        ("default-src 'none'; img-src https:", "weak_policy"),
        ("default-src 'none'; default-src *; connect-src *", "weak_policy"),
    ],
)
def test_a_page_needs_a_strict_policy(tmp_path: Path, policy: str | None, code: str) -> None:
    assert codes(bundle(tmp_path / "out", policy=policy)) == {code}


def test_a_page_of_another_run_is_found(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "out")
    other = RELEASE.model_copy(update={"run": RELEASE.run.model_copy(update={"id": "ffffffffffff"})})
    (folder / f"{RELEASE.study.id}.nb.html").write_text(page(other, "nb"), encoding="utf-8")
    assert codes(folder) == {"other_run"}


def test_words_inside_words_are_not_found(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "out", body="<p>Makarin og banana. /rootless</p>")
    assert check_bundle(folder, RELEASE, forbidden=["kari", "ana", "/root", ""]) == []


def test_no_words_forbid_nothing() -> None:
    assert leaks.word_pattern(Path("/"), ["", "x"]) is None
    assert list(leaks.find_leaks("whatever", "x.json", (), None)) == []


# --- leaks planted in files


def put(name: str, content: str | bytes) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    return act


def append(name: str, content: bytes) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        with (folder / name).open("ab") as opened:
            opened.write(content)

    return act


def link(folder: Path) -> None:
    os.symlink("/etc/hostname", folder / "history.json")


def history(change: Callable[[dict[str, Any]], None], *, ascii_only: bool = False) -> Callable[[Path], None]:
    content = json.loads(release_bytes(HIDDEN))
    content["study"]["id"] = RELEASE.study.id
    change(content)
    return put("history/abc.json", json.dumps(content, ensure_ascii=ascii_only))


def title(text: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["study"]["title"].update({"nb": text})


def audience(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["disclosure"].update({"audience": name})


def unhide(content: dict[str, Any]) -> None:
    point = next(point for curve in content["curves"] for point in curve["points"] if point["hidden"])
    point["observed"] = 1.7


IN_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "notebook": (put("30_stepped_wedge.ipynb", "{}"), "unknown_file"),
    "netcdf": (put("fit.nc", b"\x89HDF"), "unknown_file"),
    "log": (put("log.txt", "x"), "unknown_file"),
    "hidden file": (put(".DS_Store", b"x"), "unknown_file"),
    "part of a file": (put(".release.json.x.part", b"{"), "unknown_file"),
    "page of another study": (put("annen.nb.html", "x"), "unknown_file"),
    "page in no language": (put(f"{RELEASE.study.id}.xx.html", "x"), "unknown_file"),
    "another folder": (put("data/panel.csv", "a,b"), "unknown_file"),
    "folder in history": (lambda folder: (folder / "history/x").mkdir(parents=True), "unknown_file"),
    "other file in history": (put("history/panel.csv", "a"), "unknown_file"),
    "link": (link, "link"),
    "too large": (append("curves.csv", b"0" * (gate.LARGEST_FILE + 1)), "too_large"),
    "bytes that are no text": (append("estimates.csv", b"\xff"), "not_text"),
    "row more in a twin": (append("curves.csv", b"falls,month,2024-01-01,2024-01-31,1.7,,,,,,,,1,true\n"), "twin"),
    "edited release": (append("release.json", b" "), "twin"),
    "missing twin": (lambda folder: (folder / "curves.csv").unlink(), "missing"),
    "missing release": (lambda folder: (folder / "release.json").unlink(), "missing"),
    "damaged history": (put("history/abc.json", "{"), "release.damaged"),
    "hidden number in history": (history(unhide), "hidden_number"),
    "path in history": (history(title("/home/kari/x")), "path"),
    "path in history, escaped": (history(title("C:" + "\\" + "data" + "\\" + "fall.csv")), "path"),
    "identity number in history": (history(title(f"Pasient {BORN}")), "identity_number"),
    "identity number in escapes": (
        put(
            "history/abc.json",
            release_bytes(RELEASE).decode().replace(
                json.dumps(RELEASE.study.title["nb"], ensure_ascii=False),
                '"' + "".join(f"\\u{ord(digit):04x}" for digit in BORN) + '"',
            ),
        ),
        "identity_number",
    ),
    "report of a network in history": (history(audience("network")), "audience"),
    "formula in a twin": (append("estimates.csv", b"=HYPERLINK(1)\r\n"), "formula"),
    "formula after a semicolon": (append("curves.csv", b"falls;=1+1\r\n"), "formula"),
    "formula in full width": (append("curves.csv", "\uff1d1+1\r\n".encode()), "formula"),
    "another study in history": (put("history/abc.json", release_bytes(RELEASES["before_after"])), "other_study"),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_FILES)
def test_leaks_in_files_are_found(tmp_path: Path, name: str) -> None:
    plant, code = IN_FILES[name]
    folder = bundle(tmp_path / "out")
    plant(folder)
    found = codes(folder)
    assert code in found, found


def test_the_folder_that_a_bundle_lies_in_is_nobodys_business(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "out", body=f"<p>kjørt i {tmp_path.resolve()}</p>")
    assert "forbidden_word" in codes(folder)


# --- numbers that the Release says it hides


def changed(release: Release, **update: Any) -> Release:
    return release.model_copy(update=update)


def shown_again(observed: float | None, expected: Any) -> Release:
    (curve,) = [curve for curve in HIDDEN.curves if any(point.hidden for point in curve.points)][:1]
    points = tuple(
        point.model_copy(update={"observed": observed, "expected": expected}) if point.hidden else point
        for point in curve.points
    )
    others = tuple(other for other in HIDDEN.curves if other is not curve)
    return changed(HIDDEN, curves=(curve.model_copy(update={"points": points}), *others))


def group_row(release: Release) -> Any:
    return release.estimates[0].model_copy(update={"estimand": "group", "group": "consistent:rare"})


def with_sites(release: Release, count: float, *, hidden: bool = False, months: Any = ()) -> Sections:
    site = release.design.rollout[0]
    row = SiteCounts(
        measure=release.study.measures[0].id,
        site=site.site,
        name=site.name,
        before=SiteCount(numerator=count, denominator=900.0, hidden=hidden),
        numerators=months,
    )
    return release.sections.model_copy(update={"sites": (row,)})


def for_network(sections: Sections) -> Release:
    disclosure = RELEASE.disclosure.model_copy(update={"audience": "network"})
    return changed(RELEASE, sections=sections, disclosure=disclosure)


BROKEN: dict[str, Callable[[], Release]] = {
    "hidden observed": lambda: shown_again(1.7, None),
    "hidden expected": lambda: shown_again(None, {"q50": 2.0}),
    "expected without after": lambda: changed(
        RELEASE,
        comparisons=tuple(row.model_copy(update={"after": None}) for row in RELEASE.comparisons),
        estimates=(),
    ),
    "scales that give the hidden level": lambda: changed(
        RELEASE,
        comparisons=tuple(row.model_copy(update={"after": None, "expected": None}) for row in RELEASE.comparisons),
    ),
    "numbers of a failed fit": lambda: changed(RELEASE, status="not_converged", verdict=None),
    "verdict of a failed fit": lambda: changed(
        RELEASES["not_converged"], verdict=RELEASE.verdict
    ),
    "verdict of a smoke run": lambda: changed(RELEASES["smoke"], verdict=RELEASE.verdict),
    "counts by site for everybody": lambda: changed(RELEASE, sections=with_sites(RELEASE, 12.0)),
    "hidden count by site": lambda: for_network(with_sites(RELEASE, 3.0, hidden=True)),
    "every month of a site for a network": lambda: for_network(with_sites(RELEASE, 12.0, months=(1.0, None))),
    "effect of one site": lambda: changed(
        RELEASE,
        estimates=(RELEASE.estimates[0].model_copy(update={"group": RELEASE.design.rollout[0].site}),),
    ),
    "group of too few sites": lambda: changed(RELEASE, estimates=(group_row(RELEASE),)),
    "group without a log": lambda: changed(
        RELEASES["before_after"], estimates=(group_row(RELEASES["before_after"]),)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_numbers_that_should_be_hidden_are_found(tmp_path: Path, name: str) -> None:
    release = BROKEN[name]()
    for file, content in bundle_bytes(release).items():
        put(file, content)(tmp_path)
    found = check_bundle(tmp_path, release)
    assert {fault.code for fault in found} == {"gate.hidden_number"}


def test_one_scale_beside_a_hidden_level_is_fine(tmp_path: Path) -> None:
    release = changed(
        RELEASE,
        comparisons=tuple(
            row.model_copy(update={"after": None, "expected": None}) for row in RELEASE.comparisons
        ),
        estimates=tuple(row for row in RELEASE.estimates if row.scale in ("ratio", "link") and not row.group),
    )
    write_release(release, tmp_path)
    assert check_bundle(tmp_path, release) == []


def test_there_are_enough_leaks() -> None:
    assert len(IN_BODY) + len(IN_FILES) + len(BROKEN) >= 50
    assert len(RELEASES) * 2 >= 20
