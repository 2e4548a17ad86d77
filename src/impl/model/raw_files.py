"""The synthetic tables as a municipality would send them: workbooks, Windows-1252, periods across, hidden counts.

Made of the same rows as `data/synthetic/<study>/panel.csv`, so that reading them must give the same panel.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime

MONTHS = (
    "januar", "februar", "mars", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "desember",
)  # fmt: skip
NOT_REPORTED = "ikke rapportert"
SMALL = range(
    1, 5
)  # counts that the hiding source hides; 0 is shown (Helsedirektoratet's rule for indicators)
Row = Sequence[object]
Sheet = list[list[object]]


def raw_files(panels: Mapping[str, Sequence[Row]]) -> dict[str, bytes]:
    """File name -> bytes, the same each time. panels: study -> its long table, headings first."""
    return {
        "fall-solbakken.xlsx": _workbook("Fall", _falls(_records(panels["falls"]))),
        "legemiddelgjennomgang.csv": _cp1252(_medication(_records(panels["medication"])), first="sep=;\r\n"),
        "reinnleggelser-teller.csv": _cp1252(_pathways(_records(panels["pathways"]), "numerator")),
        "reinnleggelser-nevner.csv": _cp1252(_pathways(_records(panels["pathways"]), "denominator")),
        "svk-skjulte-tall.xlsx": _workbook("SVK", _hidden(_records(panels["svk"]))),
    }


def _records(table: Sequence[Row]) -> list[dict[str, object]]:
    header, *rows = table
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def _start(record: Mapping[str, object]) -> date:
    start = record["period_start"]
    assert isinstance(start, date)
    return start


def _falls(records: Sequence[Mapping[str, object]]) -> Sheet:
    """Title rows, years over months, what is counted down the side, a note below."""
    starts = [_start(record) for record in records]
    years = [start.year if at == 0 or start.month == 1 else "" for at, start in enumerate(starts)]
    who = [records[0]["site"], records[0]["name"]]
    falls = [record["numerator"] if record["numerator"] != "" else NOT_REPORTED for record in records]
    return [
        ["Fall på Solbakken sykehjem"],
        ["Kilde: avvikssystemet (oppdiktede tall)"],
        [],
        ["", "", "", *years],
        ["Enhet", "Navn", "Måltall", *(MONTHS[start.month - 1][:3] for start in starts)],
        [*who, "Fall", *falls],
        [*who, "Beboerdøgn", *(record["denominator"] for record in records)],
        [],
        ["Tallene er hentet 15.08.2026."],
    ]


def _medication(records: Sequence[Mapping[str, object]]) -> Sheet:
    """Yes and no instead of numerator and denominator, quarters in words, a total below."""
    rows: Sheet = [["Kommunenr.", "Kommune", "Periode", "Ja", "Nei"]]
    for record in records:
        start, reviewed = _start(record), _whole(record["numerator"])
        quarter = f"{(start.month + 2) // 3}. kvartal {start.year}"
        not_reviewed = _whole(record["denominator"]) - reviewed
        rows.append([record["site"], record["name"], quarter, reviewed, not_reviewed])
    total = [sum(_whole(row[at]) for row in rows[1:]) for at in (3, 4)]
    return [*rows, ["I alt", "", "", *map(_grouped, total)]]


def _pathways(records: Sequence[Mapping[str, object]], quantity: str) -> Sheet:
    """Months across, numerator and denominator in files of their own."""
    starts = list(dict.fromkeys(_start(record) for record in records))
    rows: dict[object, list[object]] = {}
    for record in records:
        rows.setdefault(record["site"], [record["site"], record["name"]]).append(record[quantity])
    months = [f"{MONTHS[start.month - 1][:3]}.{start.year % 100}" for start in starts]
    return [["Kode", "Område", *months], *rows.values()]


def _hidden(records: Sequence[Mapping[str, object]]) -> Sheet:
    """Infections of the line-day measure, 1 to 4 of them hidden."""
    rows: Sheet = [["Enhet", "Navn", "Måned", "Infeksjoner", "SVK-døgn"]]
    for record in records:
        if record["measure"] == "clabsi":
            count = _whole(record["numerator"])
            shown = "<5" if count in SMALL else count
            rows.append([record["site"], record["name"], _start(record), shown, record["denominator"]])
    return rows


def _whole(value: object) -> int:
    return int(str(value))


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", "\u00a0")


def _cp1252(rows: Sheet, first: str = "") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return (first + text.getvalue()).encode("cp1252")


def _workbook(title: str, rows: Sheet) -> bytes:
    """A workbook whose bytes do not depend on the hour."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(["" if cell is None else cell for cell in row])
    book.properties.created = book.properties.modified = datetime(2026, 8, 15)
    made, stream = io.BytesIO(), io.BytesIO()
    book.save(made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            content = old.read(name)
            if name == "docProps/core.xml":  # the hour of saving
                content = _without_hour(content)
            new.writestr(zipfile.ZipInfo(name, (2026, 8, 15, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _without_hour(core: bytes) -> bytes:
    start = core.index(b"<dcterms:modified")
    inside = core.index(b">", start) + 1
    return core[:inside] + b"2026-08-15T00:00:00Z" + core[core.index(b"</dcterms:modified>") :]
