"""The estimators of `reference.py` give the published figures on the same files (docs/validation/known.md)."""

from __future__ import annotations

import numpy as np
import pytest
from reference import Answer, california, contact_tracing, england, hvidovre, seatbelts, tracing


def test_a1_level_and_slope() -> None:
    """RR 0.518 (0.321-0.837), trend 0.993 and change of slope 0.969 a month: quasi-Poisson, computed with R."""
    found = hvidovre()
    level = found["level"]
    ends = np.exp(level.value + np.array([-1, 1]) * 1.959964 * level.error)
    assert np.exp(level.value) == pytest.approx(0.518, abs=5e-4)
    assert ends == pytest.approx([0.321, 0.837], abs=5e-4)
    assert np.exp(found["trend a month"].value) == pytest.approx(0.993, abs=5e-4)
    assert np.exp(found["slope a month"].value) == pytest.approx(0.969, abs=1e-3)


@pytest.mark.parametrize(
    ("series", "change", "low", "high"),
    [
        ("drivers", -0.210, -0.277, -0.138),
        ("front", -0.285, -0.348, -0.216),
        ("rear", 0.023, -0.071, 0.127),
    ],
)
def test_a4_local_level(series: str, change: float, low: float, high: float) -> None:
    """Local level, fixed season and log petrol price, computed with R's structural time series."""
    value, error = seatbelts(series, "local level")
    found = np.exp(value + np.array([0.0, -1.959964, 1.959964]) * error) - 1.0
    assert found == pytest.approx([change, low, high], abs=3e-3)


def test_a4_a_linear_trend_makes_rear_passengers_suffer_from_a_law_that_did_not_reach_them() -> None:
    """Published as the wrong answer: -13.7 % for drivers and +12 %, "significant", for rear passengers."""
    drivers, rear = seatbelts("drivers", "linear trend"), seatbelts("rear", "linear trend")
    assert np.exp(drivers.value) - 1.0 == pytest.approx(-0.137, abs=0.01)
    assert np.exp(rear.value) - 1.0 == pytest.approx(0.120, abs=0.015)
    assert rear.value > 1.96 * rear.error


def test_a5_one_series() -> None:
    """Newey and West, lag 1 (Linden 2015)."""
    found = california(lags=1)
    assert found["trend"] == pytest.approx(Answer(-1.7795, 0.3834), abs=5e-4)
    assert found["level"] == pytest.approx(Answer(-20.0581, 4.7244), abs=5e-4)
    assert found["slope"] == pytest.approx(Answer(-1.4947, 0.4368), abs=5e-4)


def test_a6_assigned_arm() -> None:
    """The published regression, 193 rows: -.018 (.006); all 231 rows: -.0188 (.0053)."""
    assert contact_tracing(complete=True) == pytest.approx(Answer(-0.018, 0.006), abs=5e-4)
    assert contact_tracing(complete=False) == pytest.approx(Answer(-0.0188, 0.0053), abs=5e-5)


def test_a6_share_received() -> None:
    """The published instrumental variable, 193 rows: -.255 (.068); it is the assigned arm over the first stage."""
    found = tracing(complete=True)
    assert found["Wald"] == pytest.approx(Answer(-0.255, 0.068), abs=5e-4)
    assert found["Wald"].value == pytest.approx(found["assigned arm"].value / found["first stage"].value)


def test_a12_deaths_beyond_the_expected() -> None:
    """Least squares in natural units: +127 654 deaths."""
    assert england("months").value == pytest.approx(127654.0, abs=1.0)
