"""The report notebook itself, run in a real kernel from a `release.json` on disk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import nbformat

from example_release import before_after
from impl.release.files import write_release
from impl.report.check import page_problems
from impl.report.html import render_page

NOTEBOOK = Path(__file__).parents[3] / "notebooks" / "80_report.ipynb"


def test_the_notebook_source_is_clean_and_thin() -> None:
    node = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(node)
    code = [cell for cell in node.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert [cell.metadata.get("tags", []) for cell in code].count(["parameters", "remove-cell"]) == 1
    shown = [cell for cell in node.cells if "remove-cell" not in cell.metadata.get("tags", [])]
    assert [cell.source for cell in shown] == ["impl.show_report(evidence, language, before)"]
    assert node.metadata.kernelspec.name == "python3"


def test_the_notebook_runs_and_gives_the_page(tmp_path: Path) -> None:
    import papermill

    (tmp_path / "parameters").mkdir()
    path = write_release(before_after(), tmp_path / "reports" / "fall-ett-sykehjem")
    done = tmp_path / "executed.ipynb"
    papermill.execute_notebook(
        NOTEBOOK,
        done,
        parameters={"release": str(path), "language": "en", "out": str(tmp_path / "out")},
        kernel_name="python3",
        progress_bar=False,
        log_output=False,
    )
    page = render_page(done, "en")
    assert page_problems(page) == []
    assert "Did falls go down at Solbakken?" in page
    assert str(tmp_path) not in page
    assert json.loads((tmp_path / "out" / "report.en.json").read_text("utf-8"))["run"] == "11aa22bb33cc"


def test_rendering_loads_neither_sampler_nor_data_libraries() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import example_release, impl.report.show as show, impl.report.html, impl.report.index\n"
        "show.show_report(example_release.staggered())._repr_mimebundle_()\n"
        "heavy = {'pymc', 'arviz', 'pytensor', 'nutpie', 'pandas', 'numpy', 'matplotlib', 'nbconvert', 'nbformat'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    tests = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", script, tests], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
