"""The numbers of one row of the panel table: a count or mean, a declared gap, or a count known as an interval."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan
from typing import NamedTuple

from impl.errors import Fault, shorten
from impl.files.table import Cell, Table, cell_of, read_amount, read_count, read_word
from impl.study.catalogue import Measure

STATUSES = ("observed", "suppressed", "not_reported", "missing")
NUMERIC = ("numerator", "denominator", "at_least", "at_most", "sum_squares", "person_sum_squares", "category")
WIDEST_INTERVAL = 20  # counts (choice); published rules hide 1-4 (Helsedirektoratet) or 1-10 (CMS)


class CellNumbers(NamedTuple):
    """Numbers of one cell as `Panel.cells` has them; NaN where there is none."""

    numerator: float = nan
    denominator: float = nan
    sum_squares: float = nan
    at_least: float = nan
    at_most: float = nan
    person_sum_squares: float = nan

    @property
    def is_interval(self) -> bool:
        return not isnan(self.at_most)


GAP = CellNumbers()


def read_numbers(
    table: Table, row: int, fields: Sequence[str], measure: Measure, faults: list[Fault]
) -> CellNumbers | None:
    """Numbers of a row; GAP for a declared gap, None after a fault.

    A row without exposure and without events comes out as 0 of 0: the caller drops it.
    """
    cells = {column: cell_of(table, row, fields, column, faults) for column in NUMERIC}
    status = table.get(fields, "status") or "observed"
    before = len(faults)
    if status == "observed":
        numbers = _observed(cells, measure)
    else:
        read = read_word(cell_of(table, row, fields, "status", faults), STATUSES)
        numbers = _hidden(cells, measure, read)
    return numbers if len(faults) == before else None


def read_category(
    table: Table, row: int, fields: Sequence[str], measure: Measure, *, gap: bool, faults: list[Fault]
) -> int | None:
    """Answer category of a row of an ordered measure, 1 the lowest; None for other measures and after a fault.

    A declared gap may leave it out: then it stands for the whole site and period.
    """
    cell = cell_of(table, row, fields, "category", faults)
    if measure.categories is None:
        if cell.text:
            cell.refuse(
                "data.category",
                shorten(cell.text),
                f"empty for {measure.id}, whose answers have no categories",
                "Empty the cell, or choose a measure with likelihood ordered.",
            )
        return None
    if not cell.text:
        if not gap:
            cell.refuse(
                "data.category",
                "nothing",
                f"1 to {measure.categories}, the answer that the row counts",
                "Give one row a site, period and answer.",
            )
        return None
    category = read_count(cell)
    if category is not None and not 1 <= category <= measure.categories:
        cell.refuse(
            "data.category", shorten(cell.text), f"1 to {measure.categories}", "Count the lowest answer as 1."
        )
        return None
    return None if category is None else int(category)


def _observed(cells: dict[str, Cell], measure: Measure) -> CellNumbers | None:
    for column in ("at_least", "at_most"):
        if cells[column].text:
            cells[column].refuse(
                f"data.{column}",
                shorten(cells[column].text),
                "empty in an observed row",
                "Write suppressed in 'status', or empty the cell.",
            )
    top, bottom = cells["numerator"], cells["denominator"]
    if not top.text:
        top.refuse(
            "data.missing_numerator",
            "nothing",
            "a number",
            "Write the number (0 for none), or say in 'status': suppressed, not_reported or missing.",
        )
        return None
    mean = measure.kind == "mean"
    numerator = read_amount(top, signed=True, exponent=True) if mean else read_count(top)
    if not bottom.text:
        bottom.refuse(
            "data.missing_denominator",
            "nothing",
            "a number",
            f"Give the {measure.exposure.get('en', 'denominator')}, or mark the row missing in 'status'.",
        )
        return None
    denominator = read_amount(bottom)
    squares, of_persons = (
        read_amount(cells[column], exponent=True) if mean and cells[column].text else nan
        for column in ("sum_squares", "person_sum_squares")
    )
    if numerator is None or denominator is None or squares is None or of_persons is None:
        return None
    if denominator > 0 or numerator != 0:
        events = f"{numerator:g} {'event' if numerator == 1 else 'events'}"
        _check_denominator(bottom, denominator, events, measure)
    if measure.kind == "proportion" and numerator > denominator > 0:
        top.refuse(
            "data.more_events_than_denominator",
            f"{numerator:g} of {denominator:g}",
            "at most the denominator",
            "Check both numbers, and that they count the same thing.",
        )
    for column, number in (("sum_squares", squares), ("person_sum_squares", of_persons)):
        if number == 0 and denominator > 1:
            cells[column].refuse(
                f"data.zero_{column}",
                f"0 for {denominator:g} persons",
                "> 0",
                "Give more decimals, or put cells together: persons with one and the same value tell nothing of spread.",
            )
    return CellNumbers(
        numerator=numerator, denominator=denominator, sum_squares=squares, person_sum_squares=of_persons
    )


def _check_denominator(cell: Cell, denominator: float, events: str, measure: Measure) -> None:
    if denominator == 0:
        cell.refuse(
            "data.zero_denominator",
            f"0 with {events}",
            "> 0",
            f"Leave the row out or give the {measure.exposure.get('en', 'denominator')}.",
        )
    elif measure.kind != "rate" and denominator != int(denominator):
        # a rate's exposure may be a fraction; persons and occasions are whole
        cell.refuse(
            "data.fractional_denominator",
            shorten(cell.text),
            f"a whole number for a {measure.kind}",
            "Give the number itself.",
        )


def _hidden(cells: dict[str, Cell], measure: Measure, status: str | None) -> CellNumbers:
    """A row without its number: a gap, or an interval where the table says how large the number can be."""
    top, bottom, least, most = (
        cells[column] for column in ("numerator", "denominator", "at_least", "at_most")
    )
    if top.text and status is not None:
        top.refuse(
            "data.number_in_gap",
            f"a number in a row marked {status}",
            "empty",
            "Empty the cell, or write observed in 'status'.",
        )
    denominator = read_amount(bottom) if bottom.text else None
    if status != "suppressed":
        for cell in (least, most):
            if cell.text and status is not None:
                cell.refuse(
                    f"data.{cell.column}",
                    shorten(cell.text),
                    "empty unless the row is suppressed",
                    "Empty the cell.",
                )
        return GAP
    if not most.text:
        if least.text:
            least.refuse(
                "data.at_least",
                shorten(least.text),
                "empty where at_most is",
                "Give the largest number that it can be as well, or empty the cell.",
            )
        return GAP
    if measure.kind == "mean":
        most.refuse(
            "data.interval_of_mean",
            shorten(most.text),
            "empty for a mean",
            "Empty the cell: only a count can be known as an interval.",
        )
        return GAP
    low, high = read_count(least) if least.text else 0.0, read_count(most)
    if low is None or high is None:
        return GAP
    if low > high:
        least.refuse(
            "data.interval_order", f"{low:g}", f"at most at_most, {high:g}", "Check the two numbers."
        )
    elif denominator is not None and measure.categories is None:
        _check_denominator(bottom, denominator, "a suppressed count", measure)
        if measure.kind == "proportion" and high > denominator > 0:
            most.refuse(
                "data.more_events_than_denominator",
                f"{high:g} of {denominator:g}",
                "at most the denominator",
                "Give the largest number that it can be.",
            )
        if high - low > WIDEST_INTERVAL:
            most.refuse(
                "data.wide_interval",
                f"{low:g} to {high:g}",
                f"at most {WIDEST_INTERVAL} above at_least",
                "An interval that wide tells next to nothing of the count: empty the cell, so that the row is a gap.",
            )
        return CellNumbers(denominator=denominator, at_least=low, at_most=high)
    return GAP
