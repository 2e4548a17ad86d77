"""The demo network: one table, the same bytes each time, a register in order, and data that hold the truth."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from demo_releases import demo_network, demo_project
from impl.data.read import read_panel
from impl.errors import StudyError
from impl.model.demo_network import TABLE, draw_tables, read_network
from impl.register.register import read_register
from impl.study.load import list_studies, read_bundle, read_measure, read_study
from worlds import REPOSITORY


def digest(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_same_table_gives_the_same_project(tmp_path: Path) -> None:
    demo_project(tmp_path / "one")
    demo_project(tmp_path / "two")
    first, second = digest(tmp_path / "one"), digest(tmp_path / "two")
    assert first == second
    assert len(first) > 100


def test_thirty_are_registered_before_their_first_start_and_those_with_data_can_be_read(
    tmp_path: Path,
) -> None:
    network, register = demo_project(tmp_path / "demo")
    assert len(register.studies) == len(network.studies) == 30
    for name, registered in register.studies.items():
        assert registered.lines[0].registered_at.date() < max(network.first_start(name), network.today)
    times = [line.registered_at for line in register.lines]
    assert times == sorted(times)
    assert {study.id for study in register.studies.values() if study.withdrawn} == {"kateter-helgeland"}
    runnable = {path.stem for path in list_studies(tmp_path / "demo")}
    assert runnable == {name for name, found in network.studies.items() if found.stage == "reported"}
    for name in ("fall-sogn", "legemiddel-innlandet", "trykksar-telemark"):
        panel = read_panel(read_study(tmp_path / "demo" / "parameters" / f"{name}.yaml"), today=network.today)
        assert panel.periods[-1].end < network.today
        assert len(panel.sites) == network.studies[name].sites + 2
    assert read_register(tmp_path / "demo").lines == register.lines


def test_the_drawn_effect_is_the_planted_one() -> None:
    """Over many seeds the mean of events after start, against the sites that never started, is the effect that was planted."""
    network = demo_network()
    for name, number in (("fall-vestfold", 0), ("fall-telemark", 2)):
        found = network.studies[name]
        measure, bundle = read_measure(found.measure, REPOSITORY), read_bundle(found.bundle, REPOSITORY)
        ratios = []
        for seed in range(40):
            tables, truth = draw_tables(
                network.model_copy(update={"seed": seed}), name, number, measure, bundle
            )
            never = {row[0] for row in tables["rollout"][1:] if row[1] == "never"}
            starts = {row[0]: row[1] for row in tables["rollout"][1:]}
            rate: dict[tuple[str, str], list[float]] = {}
            for site, _, start, _, _, events, exposure, *_ in tables["panel"][1:]:
                with_it = site not in never and start >= starts[site]
                group = (
                    "never" if site in never else "site",
                    "after" if with_it or (site in never and start >= date(2020, 10, 1)) else "before",
                )
                rate.setdefault(group, []).append(float(events) / float(exposure))
            level = {group: float(np.mean(values)) for group, values in rate.items()}
            change = level["site", "after"] / level["site", "before"]
            other = level["never", "after"] / level["never", "before"]
            ratios.append(np.log(change / other))
            assert truth["link"] == pytest.approx(found.link)
        error = float(np.std(ratios)) / np.sqrt(len(ratios))
        assert abs(float(np.mean(ratios)) - found.link) < 4 * error + 0.01, name


def test_a_fault_in_the_table_is_told(tmp_path: Path) -> None:
    text = (REPOSITORY / TABLE).read_text()
    broken = tmp_path / "network.toml"
    broken.write_text(text.replace('bundle = "falls"', 'bundel = "falls"', 1))
    with pytest.raises(StudyError, match=r"network\.toml"):
        read_network(broken)


def test_what_was_built_in_lies_beside(tmp_path: Path) -> None:
    network, _ = demo_project(tmp_path / "demo")
    truth = json.loads((tmp_path / "demo" / "truth.json").read_text())
    assert set(truth) == {name for name, found in network.studies.items() if found.stage == "reported"}
    assert truth["fall-telemark"]["link"] == 0.0
    assert truth["fall-vestfold"]["drawn"] == pytest.approx(truth["fall-vestfold"]["link"], abs=0.1)
