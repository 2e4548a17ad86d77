"""A long study resumes after a crash: nothing is lost, nothing is counted twice, no other code's answers."""

from __future__ import annotations

from pathlib import Path

from records import append, finished


def test_a_line_cut_short_is_simulated_again_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "study.jsonl"
    append(path, {"simulation": 0, "rank": 5}, "a")
    append(path, {"simulation": 1, "rank": 6}, "a")
    path.write_bytes(path.read_bytes()[:-9])
    assert set(finished(path, "a")) == {0}
    append(path, {"simulation": 1, "rank": 7}, "a")
    assert [record["rank"] for record in finished(path, "a").values()] == [5, 7]


def test_records_of_other_code_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "study.jsonl"
    append(path, {"simulation": 0}, "a")
    assert finished(path, "b") == {}
    assert finished(tmp_path / "none.jsonl", "a") == {}
