"""Pages of example Releases, made the way `impl run` makes them but without a kernel."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from example_release import EXAMPLES
from impl.release.release import Release
from impl.report.html import render_page
from impl.report.show import show_report

SECRET_CODE = "release = 'kode_som_ikke_skal_vises'"


def notebook_of(release: Release, language: str) -> Any:
    """An executed report notebook as papermill leaves it: prose, parameters, log line, report."""
    shown = show_report(release, language)._repr_mimebundle_()
    return new_notebook(
        cells=[
            new_markdown_cell("# prose_for_the_researcher", metadata={"tags": ["remove-cell"]}),
            new_code_cell(SECRET_CODE, execution_count=1, metadata={"tags": ["injected-parameters"]}),
            new_code_cell(
                "impl.show_report(evidence, language)",
                execution_count=2,
                outputs=[
                    new_output("stream", name="stderr", text="warning_from_a_library"),
                    new_output("execute_result", execution_count=2, data=shown),
                ],
            ),
        ]
    )


def page_of(release: Release, language: str) -> str:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "report.ipynb"
        nbformat.write(notebook_of(release, language), path)
        return render_page(path, language)


@cache
def example_page(name: str, language: str) -> str:
    return page_of(EXAMPLES[name](), language)
