"""How much does it cost to bring event rows? Ours (DuckDB, streaming) beside plain pandas.

    python benchmarks/rows.py                      10^6 and 10^7 rows, Parquet and CSV, printed
    python benchmarks/rows.py --rows 8 --write     10^8 as well (8 GB of disk), into docs/validation/rows.md

Rows are falls and other events in 357 municipalities over 96 months: a code, a day, a class, a severity and a
sentence of free text. Every reading is a process of its own; CPU seconds are user and system of that process
alone, imports included, peak memory its own. pandas reads the columns that it needs, groups and counts, and is
left out where it would need more memory than the machine has free.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

SITES, YEARS, FIRST_YEAR = 357, 8, 2016
FREE_PER_ROW = 120  # bytes that pandas needs a row, about, with the day as text (measured at 10^6 and 10^7)
BAR_CPU, BAR_MEMORY = 10.0, 0.3  # seconds and gigabytes for 10^8 Parquet rows
ROOT = Path(__file__).parent.parent
Row = dict[str, object]


def make_file(path: Path, rows: int) -> None:
    """Invented event rows, the same each time."""
    import duckdb

    last = (date(FIRST_YEAR + YEARS, 1, 1) - date(FIRST_YEAR, 1, 1)).days
    query = f"""
        SELECT lpad(CAST(1000 + hash(i * 3) % {SITES} AS VARCHAR), 4, '0') AS "Kommune",
               DATE '{FIRST_YEAR}-01-01' + CAST(hash(i * 7) % {last} AS INTEGER) AS "Dato",
               CASE hash(i * 11) % 3 WHEN 0 THEN 'Fall' WHEN 1 THEN 'Legemiddel' ELSE 'Annet' END AS "Type",
               CASE hash(i * 13) % 4 WHEN 0 THEN 'Alvorlig' WHEN 1 THEN 'Moderat' ELSE 'Ingen' END AS "Alvorlighet",
               'Hendelse ' || (i % 1000) || ' beskrevet i fritekst.' AS "Beskrivelse"
        FROM range({rows}) AS rows(i)"""
    with duckdb.connect() as engine:
        engine.execute("SET memory_limit = '1GB'")
        engine.execute("SET preserve_insertion_order = false")
        if path.suffix == ".parquet":
            engine.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        else:
            engine.execute(f"COPY ({query}) TO '{path}' (HEADER, DELIMITER ';')")


def read_ours(path: Path) -> int:
    """Falls and serious falls by municipality and month, through the reader of a study."""
    from impl.files.events import count_events
    from impl.files.layout import Numbers
    from impl.study.source import Counted, DataTable, Events

    table = DataTable(
        file=path.name,
        delimiter="semicolon",
        site="Kommune",
        period="Dato",
        step="month",
        events=Events(
            count={
                "falls": Counted(where={"Type": ("Fall",)}),
                "serious": Counted(where={"Type": ("Fall",), "Alvorlighet": ("Alvorlig",)}),
            },
            complete_from=f"{FIRST_YEAR}-01-01",
            complete_to=f"{FIRST_YEAR + YEARS - 1}-12-31",
        ),
    )
    numbers, faults = Numbers(), []
    count_events(path.parent, table, numbers, faults)
    assert not faults, faults
    return sum(int(cell["falls"].text) + int(cell["serious"].text) for cell in numbers.cells.values())


def read_pandas(path: Path) -> int:
    """The same in plain pandas."""
    import pandas as pd

    columns = ["Kommune", "Dato", "Type", "Alvorlighet"]
    if path.suffix == ".parquet":
        table = pd.read_parquet(path, columns=columns)
    else:
        table = pd.read_csv(path, sep=";", usecols=columns, dtype=str)
    month = pd.to_datetime(table["Dato"]).dt.to_period("M")
    falls = table["Type"] == "Fall"
    serious = falls & (table["Alvorlighet"] == "Alvorlig")
    cells = pd.DataFrame({"site": table["Kommune"], "month": month, "falls": falls, "serious": serious})
    return int(cells.groupby(["site", "month"])[["falls", "serious"]].sum().to_numpy().sum())


READERS = {"impl": read_ours, "pandas": read_pandas}


def one_reading(reader: str, path: Path) -> Row:
    started = time.perf_counter()
    found = READERS[reader](path)
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "found": found,
        "cpu": used.ru_utime + used.ru_stime,
        "wall": wall,
        "memory": used.ru_maxrss / 1024**2,  # kilobytes on Linux
    }


def in_process(reader: str, path: Path) -> Row:
    """One reading in a process started fresh."""
    command = [sys.executable, __file__, "--one", reader, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "2"}
    )
    return dict(json.loads(done.stdout))


def free_gigabytes() -> float:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3


def measure(powers: Sequence[int], folder: Path) -> list[Row]:
    rows: list[Row] = []
    for power in powers:
        for ending in ("parquet", "csv"):
            path = folder / f"events.{ending}"
            make_file(path, 10**power)
            size = path.stat().st_size / 1e6
            found: dict[str, Row] = {"impl": in_process("impl", path)}
            if 10**power * FREE_PER_ROW / 1024**3 < 0.8 * free_gigabytes():
                found["pandas"] = in_process("pandas", path)
                assert found["pandas"]["found"] == found["impl"]["found"]
            rows.append({"rows": 10**power, "file": ending, "size": size, **found})
            print(line_of(rows[-1]), flush=True)
            path.unlink()
    return rows


HEADER = """\
| rows | file | MB | impl CPU s | impl peak GB | pandas CPU s | pandas peak GB | CPU ratio | memory ratio |
|---|---|---|---|---|---|---|---|---|"""


def line_of(row: Row) -> str:
    ours, theirs = row["impl"], row.get("pandas")
    assert isinstance(ours, dict)
    cells = [
        f"10^{len(str(row['rows'])) - 1}",
        row["file"],
        f"{row['size']:.0f}",
        f"{ours['cpu']:.1f}",
        f"{ours['memory']:.2f}",
    ]
    if isinstance(theirs, dict):
        cells += [f"{theirs['cpu']:.1f}", f"{theirs['memory']:.2f}"]
        cells += [f"{theirs['cpu'] / ours['cpu']:.1f}", f"{theirs['memory'] / ours['memory']:.1f}"]
    else:
        cells += ["not run: too little memory", "", "", ""]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=7, help="largest power of ten")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("READER", "FILE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one_reading(asked.one[0], Path(asked.one[1]))))
        return
    print(HEADER)
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(range(6, asked.rows + 1), Path(folder))
    worst = next((row["impl"] for row in rows if row["rows"] == 10**8 and row["file"] == "parquet"), None)
    if isinstance(worst, dict):
        kept = worst["cpu"] < BAR_CPU and worst["memory"] < BAR_MEMORY
        print(
            f"bar for 10^8 Parquet rows ({BAR_CPU:g} CPU s, {BAR_MEMORY} GB): {'kept' if kept else 'broken'}"
        )
    if asked.write:
        import duckdb
        import pandas as pd

        text = f"""\
# Event rows to cells of site and month

Made by `python benchmarks/rows.py --rows {asked.rows} --write` on {date.today()}: {os.cpu_count()} cores of
{platform.machine()}, Python {platform.python_version()}, DuckDB {duckdb.__version__}, pandas {pd.__version__}. {SITES} municipalities,
{12 * YEARS} months, two counts with conditions; imports are part of every figure. Ratios are pandas over impl.
Load of the machine by others when it began: {busy:.1f} (above the number of cores, CPU seconds are upper bounds).

{HEADER}
"""
        text += "\n".join(line_of(row) for row in rows) + "\n"
        (ROOT / "docs" / "validation" / "rows.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
