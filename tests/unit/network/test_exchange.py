"""Releases from elsewhere: what is believed, what is refused by name, and what a hostile zip cannot do."""

from __future__ import annotations

import json
import os
import pickle
import stat
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from example_release import EXAMPLES, HOSTILE, before_after, hidden_points, hostile
from impl.errors import RunError
from impl.network import exchange
from impl.network.exchange import read_releases
from impl.release.files import LARGEST_FILE, release_bytes
from register_project import publish, release_of

GOOD = release_of("good", run_id="aaaaaaaaaaaa")


def zipped(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries.items():
            opened.writestr(name, data)
    return path


def edited(change: Callable[[dict[str, Any]], None]) -> bytes:
    content = json.loads(release_bytes(release_of("bad", run_id="bbbbbbbbbbbb")))
    change(content)
    return json.dumps(content, ensure_ascii=False).encode()


def put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        place: Any = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def test_a_folder_and_its_zip_give_the_same(tmp_path: Path) -> None:
    made = [release_of(f"study-{number}", run_id=f"{number:012x}") for number in range(4)]
    for release in made:
        publish(tmp_path, release)
    history = tmp_path / "reports" / "study-0" / "history"
    history.mkdir()
    (history / "ffffffffffff.json").write_bytes(release_bytes(GOOD))
    from_folder = read_releases(tmp_path / "reports")
    assert from_folder.releases == tuple(made)
    assert from_folder.refused == ()
    entries = {f"{release.study.id}/release.json": release_bytes(release) for release in made}
    assert read_releases(zipped(tmp_path / "all.zip", entries)) == from_folder


def test_every_example_that_is_public_is_believed(tmp_path: Path) -> None:
    made = [make() for name, make in EXAMPLES.items() if name != "charted"]  # which is fitted, and takes long
    path = zipped(tmp_path / "a.zip", {f"{release.run.id}.json": release_bytes(release) for release in made})
    received = read_releases(path)
    not_public = {
        release.study.id for release in made if release.disclosure.audience not in ("public", "open")
    }
    assert not_public
    assert {release.study.id for release in received.releases} == {
        release.study.id for release in made
    } - not_public
    assert {fault.code for refused in received.refused for fault in refused.faults} <= {
        "exchange.audience",
        "exchange.older",
    }


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "release.damaged"),
    "text": (b"hello", "release.damaged"),
    "other": (b'{"a": 1}', "release.invalid"),
    "list": (b"[]", "release.invalid"),
    "deep": (b"[" * 60_000, "release.damaged"),
    "pickle": (pickle.dumps({"schema": 1}), "release.damaged"),
    "newer": (edited(put("schema", value=2)), "release.newer_schema"),
    "unknown key": (edited(put("study", "extra", value=1)), "release.invalid"),
    "not a number": (edited(put("estimates", 0, "mean", value=float("nan"))), "release.damaged"),
    "own unit": (edited(put("disclosure", "audience", value="own-unit")), "exchange.audience"),
    "network": (edited(put("disclosure", "audience", value="network")), "exchange.audience"),
    "id that leads out": (edited(put("study", "id", value="../../outside")), "gate.implausible"),
    "id with markup": (edited(put("study", "id", value=HOSTILE[0])), "gate.implausible"),
    "run id": (edited(put("run", "id", value="x")), "gate.implausible"),
    "days": (edited(put("study", "data_from", value="2031-01-01")), "gate.implausible"),
    "interval": (edited(put("estimates", 0, "lower", value=1e6)), "gate.implausible"),
    "no bundle": (edited(put("study", "bundles", value=[])), "gate.implausible"),
    "no primary": (edited(put("study", "measures", 0, "role", value="paired")), "gate.implausible"),
    "verdict of a smoke run": (edited(put("run", "profile", value="smoke")), "gate.hidden_number"),
    "a person": (edited(put("study", "title", "nb", value="Pasient 01010112377")), "gate.identity_number"),
    "a person, escaped": (
        edited(put("study", "title", "nb", value="x")).replace(b'"x"', b'"\\u0030' + b'1010112377"'), "gate.identity_number",
    ),
    "a path": (edited(put("study", "title", "nb", value="/home/kari/fall.xlsx")), "gate.path"),
}  # fmt: skip


def test_what_cannot_be_believed_is_refused_by_name_and_the_others_go_on(tmp_path: Path) -> None:
    entries = {f"{name}/release.json": data for name, (data, _) in REFUSED.items()}
    received = read_releases(
        zipped(tmp_path / "mixed.zip", {**entries, "good/release.json": release_bytes(GOOD)})
    )
    assert received.releases == (GOOD,)
    codes = {refused.name: {fault.code for fault in refused.faults} for refused in received.refused}
    assert codes.keys() == entries.keys()
    for name, (_, code) in REFUSED.items():
        assert code in codes[f"{name}/release.json"], name
    text = "\n".join(str(fault) for refused in received.refused for fault in refused.faults)
    assert "01010112377" not in text


def test_hidden_numbers_are_not_believed(tmp_path: Path) -> None:
    content = json.loads(release_bytes(hidden_points()))
    points = [point for curve in content["curves"] for point in curve["points"] if point["hidden"]]
    assert points
    points[0]["observed"] = 2.0
    received = read_releases(zipped(tmp_path / "a.zip", {"a.json": json.dumps(content).encode()}))
    assert received.releases == ()
    assert "gate.hidden_number" in {fault.code for fault in received.refused[0].faults}


def test_a_network_may_take_what_is_for_the_network(tmp_path: Path) -> None:
    data = edited(put("disclosure", "audience", value="network"))
    path = zipped(tmp_path / "a.zip", {"a.json": data})
    assert read_releases(path).releases == ()
    assert len(read_releases(path, audiences=("public", "open", "network")).releases) == 1


def test_of_two_runs_of_a_study_the_later_full_one_is_kept(tmp_path: Path) -> None:
    later = release_of("good", run_id="cccccccccccc", started=GOOD.run.started + timedelta(days=1))
    smoke = later.model_copy(
        update={
            "run": later.run.model_copy(
                update={"profile": "smoke", "started": GOOD.run.started + timedelta(days=2)}
            ),
            "verdict": None,
        }
    )
    for order in ((GOOD, later, smoke), (smoke, later, GOOD), (later, GOOD, smoke)):
        entries = {f"{number}.json": release_bytes(release) for number, release in enumerate(order)}
        received = read_releases(zipped(tmp_path / "a.zip", entries))
        assert received.releases == (later,)
        assert [refused.faults[0].code for refused in received.refused] == ["exchange.older"] * 2
        assert {refused.name for refused in received.refused} == {
            f"{number}.json" for number, release in enumerate(order) if release is not later
        }


# --- hostile folders and zips


def entry(name: str, **changes: Any) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    for key, value in changes.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize("name", ["../release.json", "a/../../release.json", "/etc/release.json", "..\\release.json", "C:/release.json"])  # fmt: skip
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    received = read_releases(
        zipped(tmp_path / "a.zip", {name: release_bytes(GOOD), "b.json": release_bytes(before_after())})
    )
    assert [fault.code for refused in received.refused for fault in refused.faults] == ["exchange.entry"]
    assert len(received.releases) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip"], "nothing is unpacked"


def test_links_passwords_and_bombs_in_a_zip_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(entry("link.json", external_attr=(stat.S_IFLNK | 0o777) << 16), b"/etc/passwd")
        opened.writestr(entry("bomb.json"), b" " * (LARGEST_FILE - 1))
        opened.writestr(entry("large.json"), os.urandom(1024) * (LARGEST_FILE // 1024 + 1))
        opened.writestr(entry("good.json"), release_bytes(GOOD))
        opened.writestr(entry("secret.json"), b"{}")
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rindex(mark)  # the last entry: say that it is encrypted
        data[at + offset] |= 1
    path.write_bytes(bytes(data))
    received = read_releases(path)
    assert received.releases == (GOOD,)
    got = {refused.name: refused.faults[0].got for refused in received.refused}
    assert got == {
        "bomb.json": "a file that shrank far more than a Release does",
        "large.json": "more than 16 MB",
        "link.json": "a link or a device",
        "secret.json": "a file under a password",
    }


def test_a_zip_that_lies_about_sizes_or_is_damaged_is_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"bad.json": release_bytes(GOOD), "good.json": release_bytes(GOOD)})
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x03\x04") + 30 + len("bad.json")
    data[first : first + 40] = bytes(40)
    path.write_bytes(bytes(data))
    received = read_releases(path)
    assert received.releases == (GOOD,)
    assert [(refused.name, refused.faults[0].got) for refused in received.refused] == [
        ("bad.json", "a damaged file")
    ]
    path.write_bytes(bytes(data[:-30]))
    with pytest.raises(RunError, match=r"a\.zip"):
        read_releases(path)


KINDS = {"stored": 0, "deflated": 8, "bzip2": 12, "lzma": 14}


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_entry_costs_that_entry_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", KINDS[kind]) as opened:
        opened.writestr("bad.json", release_bytes(before_after()))
        opened.writestr("good.json", release_bytes(GOOD))
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x03\x04") + 30 + len("bad.json") + 8
    data[first : first + 20] = bytes(255 - byte for byte in data[first : first + 20])
    path.write_bytes(bytes(data))
    received = read_releases(path)
    assert received.releases == (GOOD,)
    assert [(each.name, each.faults[0].got) for each in received.refused] == [("bad.json", "a damaged file")]


@pytest.mark.parametrize("kind", KINDS)
def test_any_byte_of_a_zip_may_be_wrong(tmp_path: Path, kind: str) -> None:
    """Versions of later programs, names that are no text, lengths that are not so: told, and never a traceback."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", KINDS[kind]) as opened:
        opened.writestr("å.json", b"{}")
    data = path.read_bytes()
    codes: set[str] = set()
    for place in range(len(data)):
        for byte in {99, 255} - {data[place]}:
            path.write_bytes(data[:place] + bytes([byte]) + data[place + 1 :])
            try:
                assert read_releases(path).releases == ()
            except RunError as error:
                codes |= {fault.code for fault in error.faults}
    assert codes == {"exchange.unread"}


def test_limits_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "a.zip", {f"{number}.json": b"{}" for number in range(5)})
    for name, value in (("MOST_FILES", 4), ("MOST_ENTRIES", 4), ("MOST_BYTES", 9)):
        with monkeypatch.context() as patched:
            patched.setattr(exchange, name, value)
            with pytest.raises(RunError):
                read_releases(path)
    assert len(read_releases(path).refused) == 5


def test_what_may_not_be_read_or_has_vanished_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may read everything, so the refusal is the system's by hand."""
    (tmp_path / "in").mkdir()
    for name in ("closed.json", "good.json"):
        (tmp_path / "in" / name).write_bytes(release_bytes(GOOD))
    whole = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        if path.name == "closed.json":
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return whole(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    received = read_releases(tmp_path / "in")
    assert received.releases == (GOOD,)
    assert [(each.name, each.faults[0].code) for each in received.refused] == [
        ("closed.json", "exchange.unreadable")
    ]


def test_links_and_pipes_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.json").write_bytes(release_bytes(release_of("secret")))
    (folder / "link.json").symlink_to(outside / "secret.json")
    (folder / "linked").symlink_to(outside)
    os.mkfifo(folder / "pipe.json")
    (folder / "deep" / "good.JSON").write_bytes(release_bytes(GOOD))
    (folder / ".hidden.json").write_bytes(b"{}")
    (folder / "model.pickle").write_bytes(pickle.dumps(print))
    received = read_releases(folder)
    assert received.releases == (GOOD,)
    assert [refused.name for refused in received.refused] == ["link.json", "pipe.json"]


@pytest.mark.parametrize("content", [None, b"not a zip", b"PK\x05\x06" + bytes(10)])
def test_a_path_that_is_neither_is_told_without_the_machine(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError, match=r"a\.zip") as told:
        read_releases(path)
    assert str(tmp_path) not in str(told.value)


def test_markup_in_a_release_stays_the_text_it_was(tmp_path: Path) -> None:
    release = hostile()
    (read,) = read_releases(zipped(tmp_path / "a.zip", {"a.json": release_bytes(release)})).releases
    assert read == release
    assert release_bytes(read) == release_bytes(release)
