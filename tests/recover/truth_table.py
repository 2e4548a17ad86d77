"""The truth table: what the finding says of each world, and how often it is confident and wrong.

    make validate ONLY=truth-table          (IMPL_TRUTH_N: networks a world and size, 100 unless set)

Every network goes through the chain of an analysis notebook: model, sampler, verdict, delivery. The sampler makes half as
many draws as users get and no retry, since a verdict depends on neither once the chains agree (R-hat of the effect
below 1.02, or no verdict counts as said); whether fits pass the gates is asked in `health.py`. Records: `build/validation/truth-<size>.jsonl` by digest of the code, so that a stopped run
resumes; worlds and sizes take turns, so that a run cut short has the same number of each.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from records import Record, append, finished, truth_key
from truth_worlds import HALF_LIFE, LIMITS, PLANNED, REMOVED, REPORTED, SIZES, WORLDS, Network, network

from impl.model.build import build_model
from impl.model.checks import worst_of
from impl.model.estimands import Asked, reported_draws
from impl.model.estimate import estimate
from impl.model.fit import sample_once
from impl.model.local.delivery import evaluate_delivery
from impl.model.local.sustainment import evaluate_sustainment
from worlds import REPOSITORY

FOLDER = REPOSITORY / "build" / "validation"
SEED = 20261123
SETTINGS = (4, 500, 500)
LARGEST_R_HAT = 1.02
SURE = 0.90  # chance of a direction that a moderation is called confident from


def path_of(sites: int) -> Path:
    return FOLDER / f"truth-{sites}.jsonl"


def number_of(name: str, index: int) -> int:
    """Number of a simulation in the file of its size: the worlds take turns."""
    return index * len(WORLDS) + list(WORLDS).index(name)


def simulate(name: str, sites: int, index: int) -> Record:
    """One network, from its data to the two words of the finding, beside what was true."""
    made = network(name, sites, [SEED, sites, number_of(name, index)])
    clock, cpu = time.monotonic(), time.process_time()
    model = build_model(made.study, made.panel)
    fit = sample_once(model, seed=made.study.seed, settings=SETTINGS)
    draws = reported_draws(fit)[Asked("tate", *fit.structure.window, "ratio")]
    passed = worst_of([draws], fit.chains)["r_hat"] < LARGEST_R_HAT
    estimates = estimate(fit)
    delivery = evaluate_delivery(fit, made.study, made.panel)
    assert delivery is not None
    assert estimates.assurance is not None
    record: Record = {
        "world": name,
        "sites": sites,
        "simulation": number_of(name, index),
        "passed": passed,
        "diverging": int(fit.tree.sample_stats["diverging"].sum()),
        "outcome": estimates.outcome if passed else None,
        "delivery": delivery.verdict if passed else "unknown",
        "ratio": made.ratio,
        "share": made.share,
        "lower": float(np.quantile(draws, 0.05)),
        "median": float(np.median(draws)),
        "upper": float(np.quantile(draws, 0.95)),
        "delivered": [float(value) for value in delivery.overall],
        "showable": estimates.assurance.can_show_negligible,
        "beside": beside(name, made, fit),
        "seconds": round(time.monotonic() - clock, 1),
        "cpu": round(time.process_time() - cpu, 1),
    }
    return record | {"outcome_true": is_true(record), "delivery_true": is_delivered(record)}


def beside(name: str, made: Network, fit: object) -> Record:
    """What the study of a world also says, and whether it is confident and wrong there."""
    reported = reported_draws(fit)
    first, last = fit.structure.window
    if name == "adaptations help and hurt":
        found = {}
        for kind, truth in (("consistent_planned", PLANNED), ("inconsistent", REMOVED)):
            draws = reported[Asked("moderation", first, last, "link", kind)]
            above = float(np.mean(draws > 0))
            said = "above" if above >= SURE else "below" if above <= 1 - SURE else None
            low, high = np.quantile(draws, (0.05, 0.95))
            found[kind] = {"said": said, "right": said == ("above" if truth > 0 else "below")}
            found[kind]["covers"] = bool(low <= truth <= high)
        return found
    if name == "fades after support":
        lasts = evaluate_sustainment(fit, made.study, made.panel)
        assert lasts is not None
        rows = lasts.table.set_index("months") if len(lasts.table) else None
        if rows is None or 12 not in rows.index:
            return {"said": None, "code": [code for code, _ in lasts.warnings]}
        row, truth = rows.loc[12], 2.0 ** (-12 / HALF_LIFE)
        kept = "most" if row["p_most"] >= SURE else "half" if row["p_half"] >= SURE else None
        lost = "less than half" if row["p_half"] <= 1 - SURE else None
        covers = bool(row["retained_lower"] <= truth <= row["retained_upper"])
        return {"said": kept or lost, "right": lost is not None, "covers": covers}
    if name == "reports rise, harm falls":
        told = reported[Asked("reporting", first, last, "ratio", f"{REPORTED:.1f}")]
        low, high = np.quantile(told, (0.05, 0.95))
        return {"covers": bool(low <= made.ratio <= high)}
    return {}


def is_true(record: Record) -> bool | None:
    """Whether the word on the outcome is true of what was built in; None where none is said."""
    change = 1.0 - record["ratio"]
    return {
        "beneficial": change > LIMITS["worthwhile"],
        "promising": change > 0,
        "negligible": abs(change) < LIMITS["negligible"],
        "harmful": change < -LIMITS["harm"],
    }.get(record["outcome"])


def is_delivered(record: Record) -> bool | None:
    """Whether the word on delivery is true; None where it is unknown."""
    return {"delivered": record["share"] >= 0.8, "not_delivered": record["share"] < 0.5}.get(
        record["delivery"]
    )


def is_wrong(record: Record) -> bool:
    """Confident and wrong: an outcome and a delivery are said, and one of them is false."""
    said = record["outcome_true"] is not None and record["delivery_true"] is not None
    return said and not (record["outcome_true"] and record["delivery_true"])


def is_right(record: Record) -> bool:
    """Decisive and right: both are said, and both are true."""
    return bool(record["outcome_true"] and record["delivery_true"])


def run(count: int, sizes: Sequence[int] = SIZES) -> None:
    """Simulate what is missing of the first `count` networks of every world and size."""
    key = truth_key()
    for index in range(count):
        for sites in sizes:
            done = finished(path_of(sites), key)
            for name in WORLDS:
                if number_of(name, index) not in done:
                    append(path_of(sites), simulate(name, sites, index), key)


def records(sites: int, name: str) -> list[Record]:
    found = finished(path_of(sites), truth_key()).values()
    return [record for record in found if record["world"] == name]


def table() -> str:
    """What was found so far, as Markdown."""
    lines = [
        "| world | sites | N | confident and wrong | decisive and right | any outcome said | words | chains agree | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in WORLDS:
        for sites in SIZES:
            found = records(sites, name)
            if not found:
                continue
            words = [f"{record['outcome'] or 'no verdict'} x {record['delivery']}" for record in found]
            often = sorted(set(words), key=lambda word: (-words.count(word), word))
            lines.append(
                f"| {name} | {sites} | {len(found)} | {_share(is_wrong, found)} | {_share(is_right, found)} | "
                f"{_share(lambda record: record['outcome_true'] is not None, found)} | "
                f"{'; '.join(f'{word} {words.count(word)}' for word in often)} | "
                f"{_share(lambda record: record['passed'], found)} | "
                f"{np.median([record['cpu'] for record in found]):.0f} |"
            )
    return "\n".join([*lines, "", *_beside_lines()])


def _share(chosen: object, found: Sequence[Record]) -> str:
    return f"{sum(bool(chosen(record)) for record in found) / len(found):.0%}"


def _beside_lines() -> list[str]:
    lines = [
        "| beside | sites | N | said | of those wrong | 90 % interval covers |",
        "|---|---|---|---|---|---|",
    ]
    for name in WORLDS:
        for sites in SIZES:
            parts: dict[str, list[Record]] = {}
            for record in records(sites, name):
                if not record["passed"] or not record["beside"]:
                    continue
                inner = record["beside"]
                groups = inner.items() if name.startswith("adaptations") else [("", inner)]
                for kind, part in groups:
                    parts.setdefault(kind, []).append(part)
            for kind, found in parts.items():
                said = [part for part in found if part.get("said")]
                covered = [part["covers"] for part in found if "covers" in part]
                wrong = sum(not part["right"] for part in said)
                share = f"{np.mean(covered):.0%} of {len(covered)}" if covered else "–"
                lines.append(f"| {name} {kind} | {sites} | {len(found)} | {len(said)} | {wrong} | {share} |")
    return lines
