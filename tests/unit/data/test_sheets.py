"""The same table in every format and shape gives the same Panel."""

from __future__ import annotations

from pathlib import Path

import pytest

from impl.data.panel import Panel
from sheet_project import FORMATS, SHAPES, plain_number, sheet_project
from study_project import PANEL_HEADER, make_project, panel_of, panel_rows


def expected(tmp_path: Path) -> Panel:
    rows = []
    for row in panel_rows():
        site, start, end, measure, *_ = row.split(",")
        events, days = plain_number(site, int(start[5:7]) - 1)
        rows.append(f"{site},{start},{end},{measure},{events},{days}")
    return panel_of(make_project(tmp_path / "long", panel="\n".join([PANEL_HEADER, *rows])))


PAIRS = [
    (form, shape)
    for form in FORMATS
    for shape in SHAPES
    if form != "Parquet" or "heading_rows" not in SHAPES[shape][0][1]  # it has one row of names
]


@pytest.mark.parametrize(("form", "shape"), PAIRS)
def test_every_format_and_shape_gives_the_same_panel(tmp_path: Path, form: str, shape: str) -> None:
    tables = []
    for make, said in SHAPES[shape]:
        data, ending, written = FORMATS[form](make(plain_number))
        tables.append((data, ending, {**written, **said}))
    panel = panel_of(sheet_project(tmp_path / "sheet", tables))

    wanted = expected(tmp_path)
    assert panel.cells.equals(wanted.cells)
    assert panel.periods == wanted.periods
    assert panel.sites == wanted.sites
    assert panel.warnings == wanted.warnings
