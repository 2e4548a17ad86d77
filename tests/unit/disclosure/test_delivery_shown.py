"""What may be shown of audits: at least three audited sites, and no small counts on either side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from impl.disclosure.delivery import dose_estimates, fidelity_section
from impl.model.values import DeliveryEvidence, DoseResponse
from impl.study.catalogue import Measure
from impl.study.load import read_measure
from worlds import REPOSITORY, make_study

STUDY = make_study("falls", fidelity={"file": "none.csv"})


def step(first: int, delivered: float, eligible: float, audited: int = 5) -> dict[str, float]:
    shares = {"lower": 0.3123, "median": 0.3567, "upper": 0.4111}
    return {"from": first, "to": first + 2, **shares, "sites": 6, "audited": audited,
            "delivered": delivered, "eligible": eligible}  # fmt: skip


def evidence(*steps: dict[str, float]) -> DeliveryEvidence:
    return DeliveryEvidence(
        measure="falls",
        component="all",
        overall=(0.3123, 0.3567, 0.4111),
        p_delivered=0.0,
        p_not_delivered=0.99987,
        verdict="not_delivered",
        steps=pd.DataFrame(steps),
        before=0.125,
        before_counts=(5.0, 40.0),
        passed=True,
        share=np.zeros((1, 1, 1)),
        share_before=np.zeros((1, 1)),
        step_of_row=np.zeros(1, dtype=int),
    )


def response() -> DoseResponse:
    point = {"mean": 0.9, "sd": 0.05, "median": 0.9, "lower": 0.8, "upper": 1.0}
    return DoseResponse(
        measure="falls",
        curve="linear",
        points=pd.DataFrame([{"fidelity": share, **point, "p_worthwhile": 0.5} for share in (0.4, 1.0)]),
        smallest=0.6,
        target=0.8,
        at_target=point,
        response=((0.4, 0.4), (1.0, 1.0)),
        imputations=10,
        r_hat=1.01,
        passed=True,
        seconds=1.0,
    )


def falls() -> Measure:
    return read_measure("falls", REPOSITORY)


def test_shares_leave_in_whole_per_cent() -> None:
    section, hidden = fidelity_section(STUDY, evidence(step(1, 30, 90), step(4, 40, 90)), None)
    assert section is not None
    assert hidden == 0
    assert (section.lower, section.median, section.upper) == (0.31, 0.36, 0.41)
    assert section.before == 0.12
    assert section.p_not_delivered is not None
    assert section.p_not_delivered < 1
    assert [(row.from_, row.to) for row in section.steps] == [(1, 3), (4, 6)]


def test_a_step_of_two_sites_or_of_few_persons_is_hidden() -> None:
    section, hidden = fidelity_section(
        STUDY, evidence(step(1, 30, 90), step(4, 40, 90, audited=2), step(7, 3, 90), step(10, 88, 90)), None
    )
    assert section is not None
    assert hidden == 3
    assert [row.from_ for row in section.steps] == [1]


def test_nothing_is_shown_where_two_sites_audited() -> None:
    section, hidden = fidelity_section(STUDY, evidence(step(1, 30, 90, audited=2)), response())
    assert section is not None
    assert section.median is None
    assert section.before is None
    assert section.p_delivered is None
    assert section.smallest is None
    assert section.steps == ()
    assert section.response == ()
    assert hidden == 2
    assert dose_estimates(falls(), "falls", section, response(), (1, 12)) == ()


def test_a_failed_sampler_gives_no_section() -> None:
    assert fidelity_section(STUDY, replace(evidence(step(1, 30, 90)), passed=False), None) == (None, 0)


def test_the_dose_response_is_released_on_one_scale() -> None:
    section, _ = fidelity_section(STUDY, evidence(step(1, 30, 90)), response())
    rows = dose_estimates(falls(), "falls", section, response(), (1, 12))
    assert [(row.estimand, row.group, row.scale) for row in rows] == [
        ("dose", "0.4", "ratio"), ("dose", "1.0", "ratio"), ("dose_target", "0.8", "ratio"),
    ]  # fmt: skip
    assert section is not None
    assert (section.curve, section.smallest) == ("linear", 0.6)
    assert section.response == ((0.4, 0.4), (1.0, 1.0))
    failed = replace(response(), passed=False)
    assert dose_estimates(falls(), "falls", section, failed, (1, 12)) == ()
