"""`make validate`: the same calibration with many simulations of every structure, which can be stopped and resumed.

IMPL_VALIDATE_N: simulations a structure (500 unless set). IMPL_VALIDATE_STRUCTURES: names, separated by
commas, where not all are wanted. Records: `build/validation/<structure>.jsonl`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

import pytest
from calibration import complaints, simulate, summarise
from records import Record, append, code_key, finished
from study_worlds import STRUCTURES

from impl.release.atomic import write_atomically
from worlds import REPOSITORY

pytestmark = pytest.mark.validate
FOLDER = REPOSITORY / "build" / "validation"
SIMULATIONS = int(os.environ.get("IMPL_VALIDATE_N", "500"))
KEY = code_key()  # of the code as it was loaded; a file edited during hours of fitting changes nothing here
WANTED = os.environ.get("IMPL_VALIDATE_STRUCTURES", ",".join(STRUCTURES)).split(",")


@pytest.mark.parametrize("name", WANTED)
def test_the_truth_is_where_the_posterior_says(name: str) -> None:
    path = FOLDER / f"{name}.jsonl"
    done = finished(path, KEY)
    for index in range(SIMULATIONS):
        if index not in done:
            append(path, simulate(name, index), KEY)
    done = finished(path, KEY)
    assert complaints([done[index] for index in range(SIMULATIONS)]) == []


def test_the_table_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever has been simulated with this code, as a table and as `calibration.json`."""
    found = {name: list(finished(FOLDER / f"{name}.jsonl", KEY).values()) for name in STRUCTURES}
    tables = {name: _table(records) for name, records in found.items() if len(records) > 1}
    assert tables, "nothing has been simulated with this code yet"
    write_atomically(
        FOLDER / "calibration.json", json.dumps({"code": KEY, "structures": tables}, indent=1).encode()
    )
    with capsys.disabled():
        sys.stdout.write(_text(tables))


def _table(records: Sequence[Record]) -> Record:
    fitted = [record for record in records if "failed" not in record]
    return {
        "simulations": len(records),
        "failed": len(records) - len(fitted),
        "share_with_divergences": sum(record["divergences"] > 0 for record in fitted) / len(fitted),
        "largest_r_hat": max(record["r_hat"] for record in fitted),
        "seconds": round(sum(record["seconds"] for record in fitted)),
        "complaints": complaints(records),
        "quantities": [asdict(row) for row in summarise(records)],
    }


def _text(tables: dict[str, Record]) -> str:
    lines = []
    for name, table in tables.items():
        lines.append(
            f"\n{name}: {table['simulations']} simulations, {table['failed']} failed, "
            f"{table['share_with_divergences']:.1%} with divergences, {table['seconds']} s"
        )
        lines.append(f"{'quantity':38}{'50 %':>7}{'90 %':>7}{'bias':>10}{'± MCSE':>9}{'bias/SD':>9}{'p':>9}")
        lines += [
            f"{row['quantity']:38}{row['coverage50']:7.2f}{row['coverage90']:7.2f}{row['bias']:10.4f}"
            f"{row['bias_error']:9.4f}{row['relative']:9.3f}{row['p_uniform']:9.3f}"
            for row in table["quantities"]
        ]
        lines += [f"  ! {complaint}" for complaint in table["complaints"]]
    return "\n".join(lines) + "\n"
