"""The `data:` block of a study file: which files hold the numbers, and how they are written.

Whatever a file is like is said here once, so that every run reads it the same way and guesses nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from impl.study.value import IsoDate, MeasureId, Text, Value, absent_at

ABSENT = absent_at(None, ())

Step = Literal["week", "month", "quarter", "tertial", "half-year", "year"]
Mark = Literal["suppressed", "not_reported", "missing", "zero", "preliminary"]
"""What a sign in a number cell stands for; `preliminary` may also follow a number, which then counts."""


class Counted(Value):
    """Rows of an event file that make one quantity: those whose columns hold one of the words, all if none is named.

    sum: a column whose numbers are added up; left out, rows are counted.
    """

    where: Annotated[dict[Text, tuple[Text, ...]], absent_at({})] = Field(default_factory=dict)
    sum: Annotated[Text | None, ABSENT] = None


class Events(Value):
    """A file with one row an event or a person, counted by site and period while it is read; no row is kept.

    complete_from, complete_to: days between which an absent row means that nothing happened.
    """

    count: Annotated[dict[Text, Counted], Field(min_length=1)]
    complete_from: IsoDate
    complete_to: IsoDate

    @model_validator(mode="after")
    def _order(self) -> Events:
        if self.complete_to < self.complete_from:
            raise ValueError("must be days with 'complete_to' on or after 'complete_from'")
        return self


class TableForm(Value):
    """One file or sheet, and what must be known to see its cells: an .xlsx file of several sheets says which, text says
    its encoding, and what separates its columns where that is neither a comma nor a semicolon."""

    file: Text
    sheet: Annotated[Text | None, ABSENT] = None
    encoding: Annotated[Literal["utf-8", "utf-16", "windows-1252"], absent_at("utf-8")] = "utf-8"
    delimiter: Annotated[Literal["comma", "semicolon", "tab"] | None, ABSENT] = None


class TableSource(TableForm):
    """A table with impl's own headings in its first row. decimal, days: how numbers and days are written as text."""

    decimal: Annotated[Literal["point", "comma"], absent_at("point")] = "point"
    days: Annotated[Literal["yyyy-mm-dd", "dd.mm.yyyy"], absent_at("yyyy-mm-dd")] = "yyyy-mm-dd"


class DataTable(TableForm):
    """One file or sheet of numbers, and how it is written.

    Rows and columns are named as in the file: heading_rows by number (a line `sep=` is not counted), columns by
    their headings. across: what each heading row says over the columns of numbers (`part` is a month or the
    like, whose year stands in another row). site, name, period, period_end, year, quantity, value: columns;
    `year` where `period` holds the month alone, `quantity` where a row says what its number in `value` is, or,
    without `value`, what its numbers are about: then a quantity is called `word: heading`.
    one_site and content stand for a column of sites or of quantities that the file does not have. days: how
    days are written, `excel` as serial numbers. leave_out: totals, by the text of the row's site or the
    column's heading. ends_before: text of the first cell of the row below the table.
    """

    decimal: Annotated[Literal["point", "comma"], absent_at("point")] = "point"
    thousands: Annotated[Literal["none", "space"], absent_at("none")] = "none"
    heading_rows: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(min_length=1, max_length=4), absent_at((1,))
    ] = (1,)
    across: Annotated[tuple[Literal["period", "year", "part", "quantity"], ...], ABSENT] = ()
    site: Annotated[Text | None, ABSENT] = None
    one_site: Annotated[Text | None, ABSENT] = None
    name: Annotated[Text | None, ABSENT] = None
    period: Annotated[Text | None, ABSENT] = None
    period_end: Annotated[Text | None, ABSENT] = None
    step: Annotated[Step | None, ABSENT] = None
    days: Annotated[Literal["yyyy-mm-dd", "dd.mm.yyyy", "excel"], absent_at("yyyy-mm-dd")] = "yyyy-mm-dd"
    year: Annotated[Text | None, ABSENT] = None
    quantity: Annotated[Text | None, ABSENT] = None
    value: Annotated[Text | None, ABSENT] = None
    content: Annotated[Text | None, ABSENT] = None
    marks: Annotated[dict[Text, Mark], absent_at({})] = Field(default_factory=dict)
    empty: Annotated[Literal["suppressed", "not_reported", "missing", "zero"] | None, ABSENT] = None
    leave_out: Annotated[tuple[Text, ...], ABSENT] = ()
    ends_before: Annotated[Text | None, ABSENT] = None
    events: Annotated[Events | None, ABSENT] = None

    @property
    def problem(self) -> str | None:
        """Why these keys do not describe a table whose quantities can be found, or None."""
        if (self.site is None) == (self.one_site is None):
            return "one of 'site' and 'one_site'"
        if self.step is None and self.period_end is None:
            return "'step', the length of a period, or 'period_end'"
        if self.events is not None:
            if self.period is None or self.step is None or self.across or self.quantity or self.content:
                return "'period' (the day's column) and 'step' for a file of events, and no other shape"
            return None
        if self.across and len(self.across) != len(self.heading_rows):
            return "a word in 'across' for each of 'heading_rows'"
        if len(self.heading_rows) > 1 and not self.across:
            return "one of 'heading_rows', or 'across'"
        by_heading = "period" in self.across or {"year", "part"} <= set(self.across)
        if by_heading == (self.period is not None):
            return "'period' as a column, or as a word (or 'year' and 'part') in 'across'"
        if self.year is not None and (
            self.period is None or self.period_end is not None or self.step is None
        ):
            return "'period' and 'step' beside 'year'"
        if self.value is not None and (self.quantity is None or self.across):
            return "'quantity' beside 'value', where each row says what its number is"
        said = [self.quantity is not None, "quantity" in self.across, self.content is not None]
        if sum(said) > 1 or (by_heading and not any(said)):
            return "one of 'quantity', 'content' and the word quantity in 'across'"
        return None


class Quantities(Value):
    """Which quantities of the files make one measure, by their headings, words or `content`.

    yes, no, not_reported: three states of process data; then the numerator is yes, the denominator yes and no.
    reported_as: a measure that gets the share reported, (yes + no) of all three. answers: of an ordered measure, what
    counts each answer, the lowest first; `denominator` beside them, all who answered, must then be their sum.
    """

    numerator: Annotated[Text | None, ABSENT] = None
    denominator: Annotated[Text | None, ABSENT] = None
    yes: Annotated[Text | None, ABSENT] = None
    no: Annotated[Text | None, ABSENT] = None
    not_reported: Annotated[Text | None, ABSENT] = None
    reported_as: Annotated[MeasureId | None, ABSENT] = None
    sum_squares: Annotated[Text | None, ABSENT] = None
    person_sum_squares: Annotated[Text | None, ABSENT] = None
    answers: Annotated[tuple[Text, ...], Field(max_length=11), ABSENT] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every quantity that is named."""
        single = self.model_dump(exclude={"reported_as", "answers"}, exclude_none=True)
        return (*single.values(), *self.answers)

    @model_validator(mode="after")
    def _whole(self) -> Quantities:
        if self.answers:
            others = self.model_dump(exclude={"answers", "denominator"}, exclude_none=True)
            if others or len(self.answers) < 3 or len(set(self.names)) < len(self.names):
                raise ValueError(
                    "must be three or more different 'answers', with nothing but 'denominator' beside"
                )
            return self
        counted = self.numerator is not None and self.denominator is not None
        states = self.yes is not None and self.no is not None
        if counted == states or (self.numerator is None) != (self.denominator is None):
            raise ValueError("must be 'numerator' and 'denominator', or 'yes' and 'no'")
        if (self.not_reported is not None and not states) or (
            self.reported_as is not None and self.not_reported is None
        ):
            raise ValueError("must be 'yes' and 'no' for 'not_reported', and that for 'reported_as'")
        return self


class HiddenCount(Value):
    """Between what limits a hidden count lies, both included: 1 and 4 where 1 to 4 are hidden and 0 is shown."""

    at_least: Annotated[int, Field(ge=0)] = 0
    at_most: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _order(self) -> HiddenCount:
        if self.at_least > self.at_most:
            raise ValueError("must be limits with 'at_least' at most 'at_most'")
        return self


class DataSource(DataTable):
    """Where the numbers are. Without `measures` the file is impl's own long table, with impl's own headings.

    measures: measure -> quantities. also: further files or sheets, joined by site and period. hidden: what is
    known of a count that a mark hides; also the lower limit of «<5», 0 where it is not said. vintage: the day
    on which the numbers were extracted.
    """

    measures: Annotated[dict[MeasureId, Quantities] | None, ABSENT] = None
    also: Annotated[tuple[DataTable, ...], ABSENT] = ()
    hidden: Annotated[HiddenCount | None, ABSENT] = None
    vintage: Annotated[IsoDate | None, ABSENT] = None

    @model_validator(mode="after")
    def _mapping(self) -> DataSource:
        if self.measures is None:
            plain = DataSource.model_construct(
                file=self.file, sheet=self.sheet, encoding=self.encoding, delimiter=self.delimiter
            )
            if self != plain:
                raise ValueError(
                    "must be a table with 'measures', to say what is what, or with nothing but 'file'"
                )
            return self
        for table in self.tables:
            if table.problem is not None:
                raise PydanticCustomError(
                    "layout",
                    "{words}",
                    {
                        "words": f"a table described by {table.problem} ({Path(table.file).name})",
                        "fix": "See 'The way in' in the manual, docs/data.md.",
                    },
                )
        return self

    @property
    def tables(self) -> tuple[DataTable, ...]:
        """Every table, the first one first."""
        return (self, *self.also)
