"""What there is to run: shares of it for job arrays."""

from __future__ import annotations

from pathlib import Path

import pytest

from impl.errors import StudyError
from impl.runs.tasks import Task, shard_of, tasks_named
from notebooks.tiny_project import add_study, make_project


def test_shards_hold_everything_once() -> None:
    tasks = [Task(path=Path(f"study-{number}.yaml")) for number in range(23)]
    for count in (1, 2, 7, 23, 40):
        shards = [shard_of(tasks, f"{number}/{count}") for number in range(1, count + 1)]
        assert sorted(task.name for shard in shards for task in shard) == sorted(task.name for task in tasks)
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "3", "1/0", "-1/3", "1/3/5", "a/b", " 1/3"])
def test_a_shard_is_one_of_n(wrong: str) -> None:
    with pytest.raises(StudyError, match="--shard"):
        shard_of([], wrong)


def test_studies_are_named_once_and_every_unknown_name_is_told(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    for study in ("falls", "wounds"):
        add_study(root, study)
    assert [task.name for task in tasks_named(root, ())] == ["falls", "wounds"]
    assert [task.name for task in tasks_named(root, ("wounds", str(root / "parameters/wounds.yaml")))] == [
        "wounds"
    ]
    with pytest.raises(StudyError) as refused:
        tasks_named(root, ("falls", "falls-0301", "wunds"))
    assert len(refused.value.faults) == 2
