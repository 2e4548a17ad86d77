"""DuckDB as we use it: in memory, without network or extensions, with a limit on memory, and these files alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

MEMORY = "512MB"  # 10^8 rows need a fifth of it (docs/validation/rows.md)
THREADS = 2  # enough for a disk; a study is seldom alone on its machine (choice)


class EngineError(Exception):
    """The engine could not read a file. line: in a CSV file, where known. Its own message may hold values: not kept."""

    def __init__(self, line: int | None) -> None:
        self.line = line
        super().__init__("the file could not be read")


@contextmanager
def open_engine(files: Sequence[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read `files` and nothing else. Raises EngineError for whatever DuckDB refuses."""
    import duckdb

    engine = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": MEMORY,
            "threads": str(min(THREADS, os.cpu_count() or 1)),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": "",
        },
    )
    try:
        engine.execute("SET allowed_paths = ?", [[str(path.absolute()) for path in files]])
        engine.execute("SET enable_external_access = false")
        engine.execute("SET lock_configuration = true")
        yield engine
    except duckdb.Error as error:
        found = re.search(r"Line: ?([0-9]+)", str(error))
        raise EngineError(int(found[1]) if found else None) from None
    finally:
        engine.close()


def quoted(name: str) -> str:
    """A column's name as SQL takes it, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
