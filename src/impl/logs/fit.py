"""The fit form: how well a site thinks that the bundle fits, question by question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from impl.errors import Fault, shorten
from impl.files.table import cell_of
from impl.logs.log import Setting, read_log, read_site, read_term, refuse_repeated
from impl.study.source import TableSource
from impl.study.vocabulary import spellings

LOWEST, HIGHEST = 1, 5
_ANSWERS = tuple(str(answer) for answer in range(LOWEST, HIGHEST + 1))


def read_fit(setting: Setting, source: TableSource, faults: list[Fault]) -> list[dict[str, Any]] | None:
    """Answers as rows of `site`, `question`, `answer` (1 not at all … 5 fully); faults are noted.

    question: of `study/vocabularies/fit_questions.toml`. A question without an answer has no row.
    """
    table = read_log(
        setting, source, "fit_form", required=("site", "question", "answer"), optional=(), faults=faults
    )
    if table is None:
        return None
    first_rows: dict[tuple[str, str], int] = {}
    rows = []
    for row, fields in table.rows:
        before = len(faults)
        cells = {
            column: cell_of(table, row, fields, column, faults) for column in ("site", "question", "answer")
        }
        site = read_site(cells["site"], setting.sites)
        question = read_term(cells["question"], spellings("fit_questions"))
        answer = cells["answer"]
        if answer.text not in _ANSWERS:
            answer.refuse(
                "data.answer",
                shorten(answer.text, 40) if answer.text else "nothing",
                f"a whole number from {LOWEST} to {HIGHEST}",
                "Leave the row out where nobody answered.",
            )
        if site is not None and question is not None:
            refuse_repeated(
                cells["question"],
                (site, question),
                row,
                first_rows,
                got=f"{shorten(site, 40)}, {question}",
                one="answer a site and question",
                fix="Delete one of the rows, or write the answer that the group agreed on.",
            )
        if len(faults) == before:
            rows.append({"site": site, "question": question, "answer": int(answer.text)})
    return rows


def fit_table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Answers by site and question, in the order of the questions (see Panel.fit_form)."""
    order = list(dict.fromkeys(spellings("fit_questions").values()))
    ordered = sorted(rows, key=lambda row: (row["site"], order.index(row["question"])))
    return pd.DataFrame(
        {
            "site": pd.Series([row["site"] for row in ordered], dtype="str"),
            "question": pd.Series([row["question"] for row in ordered], dtype="str"),
            "answer": pd.Series([row["answer"] for row in ordered], dtype=int),
        }
    )
