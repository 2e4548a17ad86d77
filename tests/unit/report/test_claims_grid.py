"""No sentence contradicts a number: posteriors x measures x designs x languages, read back from the page's own text."""

from __future__ import annotations

import itertools
import random
import re
from functools import cache
from math import exp, floor
from statistics import NormalDist

import pytest

from example_release import ASSESSED, FALLS, REPORTS, Effect, build, comparison, estimate_rows
from impl.model.verdict import decide
from impl.release.release import Release, ReleasedMeasure, Verdict
from impl.report import figures, sentences, tables, wording
from impl.report.language import Language, language_codes, read_language

MEAN = FALLS.model_copy(update={"kind": "mean", "per": 1, "headline_scale": "difference", "example": None})
MEASURES = {
    "rate, lower": FALLS,
    "rate, higher": FALLS.model_copy(update={"direction": "higher"}),
    "share, lower": ASSESSED.model_copy(update={"role": "primary", "direction": "lower"}),
    "share, higher": ASSESSED.model_copy(update={"role": "primary"}),
    "mean, lower": MEAN,
    "no good direction": REPORTS,
}
GRADES = ("randomised", "staggered", "before_after")
LEVELS = {"rate": (0.31, 5.03, 21.6, 140.0), "proportion": (4.2, 51.0, 88.0), "mean": (3.4, 27.0)}
DOWN = {"nb": r"færre|lavere|nedgang", "nn": r"færre|lågare|nedgang", "en": r"fewer|lower|decrease"}
UP = {"nb": r"flere|høyere|økning", "nn": r"fleire|høgare|auke", "en": r"more|higher|increase"}
CAPPED = {
    "nb": ("Kan ha", "Uavklart"),
    "nn": ("Kan ha", "Uavklart"),
    "en": ("May have", "Undecided"),
}
FORBIDDEN = {
    "nb": r"signifikant|bevist|\btrolig|p-verdi",
    "nn": r"signifikant|prov[ae]|bevist|\btruleg|p-verdi",
    "en": r"significan|prove[ns]|probably|p-value",
}
IN_100 = r"(?P<edge>over |under )?(?P<number>\d+) (?:av|in) 100"
BANDS = (
    (95, "very_likely"),
    (80, "likely"),
    (60, "more_likely"),
    (39, "even"),
    (19, "less_likely"),
    (4, "unlikely"),
)
NUMBER = r"[−+]?\d{1,3}(?: \d{3})+(?:[.,]\d+)?|[−+]?\d+(?:[.,]\d+)?"


@cache
def base(name: str, grade: str) -> Release:
    """A whole Release of the measure and design; its numbers are put in by `with_posterior`."""
    measure = MEASURES[name]
    effect = Effect(measure=measure, before=5.0, expected=5.0, median=0.9, sd=0.1)
    return build(
        [effect], study_id="x", run_id="y", title={"nb": "t"}, question={"nb": "q"}, outcome=None, starts=[4, 6],
        site_names=["a", "b"], periods=24, kind="before_after" if grade == "before_after" else "stepped_wedge",
        grade=grade,
    )  # fmt: skip


def with_posterior(
    name: str, grade: str, expected: float, centre: float, spread: float, showable: bool
) -> Release:
    """The Release of one posterior, with the verdict that the rule gives it."""
    release = base(name, grade)
    measure: ReleasedMeasure = MEASURES[name]
    ratio = exp(centre)
    if measure.kind == "proportion":  # a share stays a share, whatever is drawn
        ratio = min(ratio, 99.0 / expected)
    effect = Effect(measure=measure, before=1.07 * expected, expected=expected, median=ratio, sd=spread)
    rows = tuple(
        row.model_copy(update={"p_negligible": row.p_negligible if showable else None})
        for row in estimate_rows(effect, verdict=True)
        if row.level == 0.9
    )
    headline = next(row for row in rows if row.scale == measure.headline_scale)
    chances = {
        key: getattr(headline, key) or 0.0 for key in ("p_worthwhile", "p_harm", "p_negligible", "p_better")
    }
    outcome = decide(measure.direction, chances, absence_showable=showable)
    return release.model_copy(
        update={
            "estimates": rows,
            "comparisons": (comparison(effect),),
            "verdict": None if outcome is None else Verdict(outcome=outcome),
        }
    )


def grid(number: int, seed: int) -> list[tuple[str, str, float, float, float, bool]]:
    """`number` cases spread over every measure, design and level; centres and spreads are drawn, edges are not."""
    chance = random.Random(seed)
    cells = [
        (name, grade, level)
        for name, grade in itertools.product(MEASURES, GRADES)
        for level in LEVELS[MEASURES[name].kind]
    ]
    edges = [0.0, 1e-4, -1e-4, 0.004, -0.004, 0.0096, -0.0096, 0.0954, -0.1053, 0.0488, -0.0512]
    cases = []
    for case in range(number):
        name, grade, level = cells[case % len(cells)]
        centre = chance.choice(edges) if case % 5 == 0 else chance.gauss(0, 0.25)
        spread = chance.choice((0.003, 0.02, 0.06, 0.15, 0.4)) * chance.uniform(0.7, 1.3)
        cases.append((name, grade, level, centre, spread, case % 3 == 0))
    return cases


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def told(release: Release, language: Language) -> dict[str, str]:
    """Every sentence that carries the answer, by where it stands."""
    much, sure = sentences.how_much(release, language), sentences.how_sure(release, language)
    certainty = sentences.certainty(release, release.measure(), language)
    return {
        "answer": sentences.answer(release, language),
        "much key": much.key,
        "much": " ".join(much.text),
        "sure": f"{sure.key}. {' '.join(sure.text)}",
        "sure key": sure.key,
        "icons": "" if certainty is None else sentences.icons_sentence(certainty, language),
        "averted": " ".join(sentences.averted(release, language)),
        "heading": sentences.figure_heading(release, release.measure(), language),
        "table": re.sub(r"<svg.*?</svg>|<[^>]+>", " ", tables.comparison_table(release, language)),
    }


def number_of(text: str) -> float:
    return float(re.sub(r"[^\d.,−]", "", text).replace(",", ".").replace("−", "-").rstrip("."))


def problems(release: Release, language: Language) -> list[str]:
    """Every contradiction between the text and the numbers, in words for whoever reads a failed test."""
    code, measure = language.code, release.measure()
    found: list[str] = []
    texts = {place: plain(text) for place, text in told(release, language).items()}
    everything = " ".join(texts.values())
    if match := re.search(FORBIDDEN[code] + r"|None|\bnan\b|\{", everything, re.IGNORECASE):
        found.append(f"forbidden word {match.group()!r}")
    found += _bands(texts, language)
    value = wording.headline_value(release, measure)
    assert value is not None
    found += _direction(value, texts, release, language)
    found += _subtraction(release, language)
    found += _certainty(release, texts, language)
    ends = wording.interval_ends(release, measure)
    if ends is not None and not ends[0] - 0.5 * 10 ** -ends[2] <= value <= ends[1] + 0.5 * 10 ** -ends[2]:
        found.append(f"{value} outside its interval {ends}")
    if measure.direction == "ambiguous":
        if re.search(r"forbedring|forverring|betring|improvement|worsening", texts["answer"]):
            found.append("a judgement where no direction is good")
    elif plain(wording.good_direction(measure, read_language(code))) not in texts["much"]:
        found.append("the good direction is not said")
    if release.design.grade == "before_after" and release.verdict is not None:
        lead = sentences.lead(release, language)
        if lead is None or not lead.startswith(CAPPED[code]):
            found.append(f"before/after led by {lead!r}")
    return found


def _bands(texts: dict[str, str], language: Language) -> list[str]:
    """Each number out of 100 is possible, and beside its own word wherever it has one."""
    found = []
    shipped = read_language(language.code)  # as it should be, whatever is planted
    words = {name: plain(shipped.say(f"bands.{name}")) for name, _ in wording.BANDS}
    longest = sorted(words.items(), key=lambda item: -len(item[1]))
    for place, text in texts.items():
        for match in re.finditer(IN_100, text):
            number = int(match["number"])
            if number in (0, 100) or (match["edge"] and number not in (1, 99)):
                found.append(f"{place}: {match.group()}")
            true = 100 if match["edge"] == "over " else 0 if match["edge"] == "under " else number
            want = next((name for above, name in BANDS if true > above), "very_unlikely")
            before = text[: match.start()].lower()
            name = next((name for name, word in longest if re.search(rf"{word}(?: \(|: )$", before)), None)
            if name is not None and name != want:
                found.append(f"{place}: {words[name]} {match.group()}")
    return found


def _direction(value: float, texts: dict[str, str], release: Release, language: Language) -> list[str]:
    """The answer, its size and the heading go the way of the number in the table."""
    found = []
    measure, code = release.measure(), language.code
    wrong = UP if value < 0 else DOWN
    estimate = plain(sentences.estimate_sentence(release, measure, language) or "")
    if value == 0:
        if re.search(rf"{DOWN[code]}|{UP[code]}", estimate):
            found.append(f"a direction for no change: {estimate}")
    elif re.search(wrong[code], estimate):
        found.append(f"{value}: {estimate}")
    if value and number_of(re.findall(NUMBER, estimate)[0]) != abs(value):
        found.append(f"{value} told as {estimate}")
    table = texts["table"]
    signed = language.number(value, wording.levels(release, measure).decimals, signed=True)
    if measure.headline_scale == "ratio":
        signed = plain(language.percent_sign(value, wording.percent_decimals(value), signed=True))
    if plain(signed) not in table:
        found.append(f"{signed} is not in the table")
    ends = wording.interval_ends(release, measure)
    one_way = ends is not None and not wording.crosses(ends[0], ends[1])
    if one_way and value and re.search(wrong[code], texts["much key"].split(" – ")[0]):
        found.append(f"{value}: {texts['much key']}")
    heading = texts["heading"]
    sides = {
        "below": plain(language.say("trend.below", {"bundle": "X"})),
        "above": plain(language.say("trend.above", {"bundle": "X"})),
    }
    side = next((key for key, text in sides.items() if heading.startswith(text.split("X")[0])), None)
    if ends is not None and side is not None and not (ends[1] < 0 if side == "below" else ends[0] > 0):
        found.append(f"{heading}: {ends}")
    return found


def _subtraction(release: Release, language: Language) -> list[str]:
    """A reader who subtracts finds the difference of the table, and the natural frequencies add up."""
    found = []
    shown = wording.levels(release, release.measure())
    if shown.expected is not None and shown.after is not None and shown.difference is not None:
        left = round(shown.after - shown.expected - shown.difference, shown.decimals)
        if left:
            found.append(f"{shown.after} - {shown.expected} is not {shown.difference}")
    frequency = sentences.natural_frequency(release, language)
    if frequency is not None and frequency[1] is not None and shown.difference is not None:
        number = r"\d+(?: \d{3})*|\d{1,3}(?:,\d{3})*"
        change = number_of(re.findall(number, plain(frequency[0]))[0].replace(",", ""))
        after, before = (
            number_of(text.replace(",", "")) for text in re.findall(number, plain(frequency[1]))[:2]
        )
        if abs(abs(after - before) - change) > 1e-9 or (after < before) != (shown.difference < 0):
            found.append(f"{frequency}")
    return found


def _certainty(release: Release, texts: dict[str, str], language: Language) -> list[str]:
    """The probability is that of the limit named beside it, the same everywhere, and dots count it."""
    measure = release.measure()
    sure = sentences.certainty(release, measure, language)
    if sure is None:
        return []
    found = []
    headline = wording.headline(release, measure)
    assert headline is not None
    keys = {
        "worthwhile": "p_worthwhile",
        "better": "p_better",
        "harm": "p_harm",
        "negligible": "p_negligible",
    }
    if sure.probability != getattr(headline, keys[sure.claim]):
        found.append(f"{sure.claim} with another probability")
    said = plain(wording.of_hundred(sure.probability, language))
    found += [place for place in ("sure key", "icons", "table") if said.lower() not in texts[place].lower()]
    icons = figures.icon_array(wording.hundredths(sure.probability))
    if icons.count('class="on"') != floor(100 * sure.probability + 0.5 + 1e-9):
        found.append("dots do not count the number")
    limit = {"harm": release.study.harm, "negligible": release.study.negligible}.get(
        sure.claim, release.study.worthwhile
    )
    said_limit = plain(language.percent(100 * limit))
    if sure.claim != "better" and said_limit not in texts["sure"]:
        found.append(f"the limit {said_limit} is not said")
    better = wording.hundredths(headline.p_better or 0.0)
    if wording.hundredths(headline.p_worthwhile or 0.0) > better:
        found.append("more likely at least some than at all")
    # The claim itself, by the law that the numbers were made with.
    if release.verdict and release.verdict.outcome == "beneficial" and better < 90:
        found.append("a benefit that is not likely")
    return found


def contradictions(number: int, seed: int) -> list[tuple[object, str, list[str]]]:
    """Cases whose text contradicts itself or the numbers, in any language."""
    languages = [read_language(code) for code in language_codes()]
    found = []
    for case in grid(number, seed):
        release = with_posterior(*case)
        for language in languages:
            if wrong := problems(release, language):
                found.append((case, language.code, wrong))
    return found


def test_no_sentence_contradicts_a_number() -> None:
    assert contradictions(1_700, 1) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_sentence_contradicts_a_number_over_the_whole_grid() -> None:
    """A hundred thousand pages' worth of sentences."""
    assert contradictions(34_000, 2) == []


def test_the_grid_meets_every_verdict_and_both_ends() -> None:
    """A grid that never left «undecided» would find nothing."""
    releases = [with_posterior(*case) for case in grid(1_400, 1)]
    outcomes = {release.verdict.outcome for release in releases if release.verdict}
    assert outcomes == {"beneficial", "promising", "negligible", "harmful", "uncertain"}
    numbers = {
        wording.hundredths(sure.probability)
        for release in releases
        if (sure := sentences.certainty(release, release.measure(), read_language("nb")))
    }
    assert {0, 100} <= numbers
    assert len(numbers) > 80
    assert any(wording.headline_value(release, release.measure()) == 0 for release in releases)


PLANTED = {
    "a wrong band": ("bands.very_likely", "sannsynlig"),
    "a turned sentence": (
        "estimate.rate.down",
        "Vi anslår at det var {percent} flere {events} enn ventet uten {bundle}.",
    ),
    "a forbidden word": ("answer.not_absent", "{text}. Det er ikke bevist at {bundle} virker."),
    "past its design": ("lead.may_have_helped", "Svært sannsynlig en forbedring"),
    "the good direction left out": ("good.rate_lower", ""),
    "a hundred in a hundred": ("format.over_99", "100 av 100"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_contradictions_are_found(name: str) -> None:
    key, text = PLANTED[name]
    nb = read_language("nb")
    planted = Language(code="nb", locale=nb.locale, texts={**nb.texts, key: text})
    cases = grid(700, 3)
    assert any(problems(with_posterior(*case), planted) for case in cases)


def test_the_law_behind_the_numbers() -> None:
    """The probabilities of the grid are those of the posterior that the interval shows."""
    release = with_posterior("rate, lower", "staggered", 5.03, -0.2, 0.06, False)
    row = release.estimate("falls", "tate", "ratio")
    assert row is not None
    assert row.p_better == pytest.approx(NormalDist(-0.2, 0.06).cdf(0), abs=0.002)
