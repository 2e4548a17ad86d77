"""A published result run again beside itself: whether it comes out the same, and by how much not."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from example_release import staggered
from impl.runs.reproduce import result_differences
from impl.runs.run import run_study
from notebooks.tiny_project import add_study, impl, make_project


def state(root: Path) -> dict[str, bytes]:
    """Everything under reports/ and the ledger."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in ("reports", "build/ledger")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def test_a_result_comes_out_again_or_it_is_told_what_does_not(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = add_study(root, "falls")
    template = json.loads((root / "template.json").read_text())
    template["run"] |= {"lock_sha256": None, "git_commit": None, "impl": version("impl-workbench")}
    (root / "template.json").write_text(json.dumps(template))
    assert run_study(path, root=root).state == "ok"
    before = state(root)

    same = impl(root, "reproduce", "reports/falls/release.json")
    assert same.returncode == 0, same.stdout + same.stderr
    assert "made of the same: study, data, notebook, code, lock, Python and seed" in same.stdout
    assert "agrees: run " in same.stdout
    assert (root / "build/falls/reproduced/bundle/release.json").is_file()

    # The notebook of the tiny project takes its numbers from a file that is no declared input.
    row = template["estimates"][0]
    shift = (row["upper"] - row["lower"]) / 8
    row["mean"] += shift
    (root / "template.json").write_text(json.dumps(template))
    path.write_text(path.read_text().replace("languages: [nb]", "languages: [nb]\nseed: 7"))
    other = impl(root, "reproduce", "reports/falls/release.json")
    assert other.returncode == 3, other.stdout + other.stderr
    assert "made of another seed: 20260101 then, 7 now" in other.stdout
    assert "made of another study file: " in other.stdout
    assert "the largest shift of an estimate is 12 % of its interval" in other.stdout
    assert state(root) == before, "nothing is published, and the ledger says what it said"


def test_the_differences_of_two_results_are_named() -> None:
    then = staggered()
    first = then.estimates[0]
    moved = first.model_copy(update={"mean": first.mean + 0.5 * (first.upper - first.lower)})
    now = then.model_copy(
        update={
            "estimates": (moved, *then.estimates[1:]),
            "run": then.run.model_copy(update={"seconds": 1e6}),
            "study": then.study.model_copy(update={"valid_months": 13}),
        }
    )
    assert result_differences(then, then) == []
    months, mean = result_differences(then, now)
    assert (months.where, months.then, months.now, months.share) == ("study.valid_months", "12", "13", None)
    assert mean.where == f"estimates[{first.measure} {first.estimand} {first.scale} {first.from_}].mean"
    assert mean.share is not None
    assert abs(mean.share - 0.5) < 1e-9
