"""Answers by category: the rows of one site and period of an ordered measure, put together and checked."""

from __future__ import annotations

from dataclasses import dataclass, field

from impl.data.numbers import GAP, CellNumbers
from impl.errors import Fault
from impl.study.catalogue import Measure


@dataclass(kw_only=True)
class Answers:
    """Answers of one site and period as they are read. `row`: first row, in `shown`.

    gap: a row was declared a gap, so the whole is one. faulty: a row could not be read.
    """

    shown: str
    row: int
    counts: dict[int, float] = field(default_factory=dict)
    denominator: float | None = None
    gap: bool = False
    faulty: bool = False

    def take(self, row: int, category: int | None, numbers: CellNumbers | None, faults: list[Fault]) -> None:
        """Add one row; `category` None for a gap that names none."""
        if numbers is None:
            self.faulty = True
        elif category is None or numbers is GAP:
            self.gap = True
        elif self.denominator not in (None, numbers.denominator):
            self.faulty = True
            faults.append(
                Fault(
                    code="data.denominators_differ",
                    where=f"{self.shown}, row {row}, column 'denominator'",
                    got=f"{numbers.denominator:g}",
                    allowed=f"{self.denominator:g}, as for the same site and period in row {self.row}",
                    fix="Give the number of all who answered in each of these rows.",
                )
            )
        else:
            self.counts[category] = numbers.numerator
            self.denominator = numbers.denominator


def sum_answers(
    answers: Answers, measure: Measure, faults: list[Fault]
) -> tuple[CellNumbers, tuple[float, ...]] | None:
    """Numbers of the cell (answers at or above the stated level, of all) and the answers, lowest first.

    The answers are empty for a gap. None after a fault.
    """
    categories = range(1, (measure.categories or 0) + 1)
    if answers.faulty:
        return None
    if answers.gap or answers.denominator is None:
        return GAP, ()
    missing = [str(category) for category in categories if category not in answers.counts]
    counts = tuple(answers.counts.get(category, 0.0) for category in categories)
    where = f"{answers.shown}, row {answers.row}"
    if missing:
        faults.append(
            Fault(
                code="data.missing_category",
                where=f"{where}, column 'category'",
                got=f"no row for {', '.join(missing)} of its site and period",
                allowed=f"one row for each of 1 to {len(categories)}",
                fix="Write 0 where nobody gave the answer.",
            )
        )
        return None
    if sum(counts) != answers.denominator:
        faults.append(
            Fault(
                code="data.answers_do_not_sum",
                where=f"{where}, column 'denominator'",
                got=f"{answers.denominator:g} beside {sum(counts):g} answers in all",
                allowed="the sum of the answers",
                fix="Count those who answered, and leave out those who did not.",
            )
        )
        return None
    above = sum(counts[(measure.stated_level or 1) - 1 :])
    return CellNumbers(numerator=above, denominator=answers.denominator), counts
