"""Falls in twelve invented nursing homes as they were sent, with mistakes put in, for the study of data quality.

The mistakes are those that real deliveries have: another unit, a year in one month, a copied series, zeros for gaps.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date

import numpy as np

from impl.model.likelihoods.likelihood import Array

FILE = "fall-tolv-sykehjem.csv"
MONTHS = 36
FIRST = date(2023, 7, 1)
NOT_REPORTED = "ikke rapportert"
HOMES = {
    "9961": "Askheim sykehjem",
    "9962": "Bergli sykehjem",
    "9963": "Dalen omsorgssenter",
    "9964": "Eikeliv sykehjem",
    "9965": "Furuhøgda sykehjem",
    "9966": "Solvang sykehjem",
    "9967": "Solvang sykeheim",
    "9968": "Heimly sykehjem",
    "9969": "Kirkebakken omsorgssenter",
    "9970": "Lyngmo sykehjem",
    "9971": "Myrhaug sykehjem",
    "9972": "Nordli bo- og behandlingssenter",
}
FALLS_PER_DAY = 4.5 / 1000  # the catalogue's level


def mistakes_truth() -> list[list[str]]:
    """(site, code) of what a check of the file has to find, and nothing else."""
    return [
        ["9963", "late"],
        ["9964", "lasting_change"],
        ["9965", "exposure_jump"],
        ["9966", "near_name"],
        ["9966", "same_numbers"],
        ["9968", "zeros"],
        ["9969", "round_numbers"],
        ["9970", "unlike_other_sites"],
        ["9971", "unfinished"],
    ]


def rollout_rows(months: Sequence[date]) -> list[list[object]]:
    """Three waves of four homes, a third of the way and on."""
    rows: list[list[object]] = [["site", "allocated_start", "actual_start", "transition_end", "stop"]]
    for place, site in enumerate(HOMES):
        start = months[14 + 6 * (place % 3)]
        rows.append([site, start, start, "", ""])
    return rows


def faulty_file(rng: np.random.Generator, months: Sequence[date]) -> bytes:
    """The delivery: semicolons, Windows-1252, decimal comma, a row a home and month. months: MONTHS first days."""
    length = np.diff([*(day.toordinal() for day in months), _next(months[-1]).toordinal()])
    beds = rng.integers(44, 80, len(HOMES))
    days = np.round(beds[:, None] * length[None, :] * rng.uniform(0.86, 0.99, (len(HOMES), MONTHS)))
    falls = rng.poisson(FALLS_PER_DAY * days * rng.gamma(12.0, 1 / 12.0, days.shape)).astype(float)
    home = {site: place for place, site in enumerate(HOMES)}
    days[home["9964"], 18:] = np.round(days[home["9964"], 18:] / length[18:])  # beds for bed-days
    days[home["9965"], 29] *= 12  # the year in December
    copied = np.arange(MONTHS) % 9 != 4
    for numbers in (falls, days):
        numbers[home["9967"], copied] = numbers[home["9966"], copied]
    falls[home["9968"], 20:25] = 0  # zeros for what was not counted
    days[home["9969"]] = 50 * np.round(days[home["9969"]] / 50)
    days[home["9970"]] = np.round(days[home["9970"]] / 1000, 2)
    days[home["9971"], -1] = np.round(0.4 * days[home["9971"], -1])  # half a month
    falls[home["9971"], -1] = np.round(0.4 * falls[home["9971"], -1])
    rows: list[list[str]] = [["Enhet", "Navn", "Måned", "Fall", "Beboerdøgn"]]
    for site, name in HOMES.items():
        for at, month in enumerate(months):
            if site == "9963" and at >= MONTHS - 4:
                continue  # nothing has come
            numbers = [_text(falls, home[site], at), _text(days, home[site], at)]
            if site == "9962" and 10 <= at < 15:
                numbers = [NOT_REPORTED, NOT_REPORTED]
            rows.append([site, name, f"{month:%d.%m.%Y}", *numbers])
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("cp1252")


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def _text(numbers: Array, place: int, at: int) -> str:
    return f"{numbers[place, at]:g}".replace(".", ",")
