"""What does a first-order series cost in a gradient? Our operation beside a matrix product and PyTensor's `scan`.

    python benchmarks/series.py

One value and gradient of a function of the series, by shocks and correlation, compiled by Numba; microseconds, the
median of 21 rounds, the three side by side in every round.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt

from impl.model.series import FirstOrderSeries

SHAPES = ((1, 60), (12, 60), (40, 96))
ROUNDS, CALLS = 21, 200


def product(shocks: Any, correlation: Any, shape: tuple[int, int]) -> Any:
    lag = np.subtract.outer(np.arange(shape[1]), np.arange(shape[1])).T
    powers = pt.power(correlation, np.arange(shape[1], dtype=float))[np.abs(lag)]
    return pt.dot(shocks, pt.switch(np.asarray(lag >= 0), powers, 0.0))


def scan(shocks: Any, correlation: Any, shape: tuple[int, int]) -> Any:
    def step(shock: Any, last: Any, factor: Any) -> Any:
        return pt.specify_shape(factor * last + shock, (shape[0],))

    columns = pt.specify_shape(shocks.T, (shape[1], shape[0]))
    return pytensor.scan(
        step, [columns], [pt.zeros(shape[0])], [correlation], strict=True, return_updates=False
    ).T


def ours(shocks: Any, correlation: Any, _shape: tuple[int, int]) -> Any:
    return FirstOrderSeries()(shocks, correlation)


def compiled(way: Callable[..., Any], shape: tuple[int, int]) -> Callable[..., Any]:
    shocks, correlation = pt.dmatrix(), pt.dscalar()
    value = pt.tanh(way(shocks, correlation, shape)).sum()
    gradient = pytensor.grad(value, [shocks, correlation])
    function = pytensor.function([shocks, correlation], [value, *gradient], mode="NUMBA", trust_input=True)
    return function.vm.jit_fn if hasattr(function.vm, "jit_fn") else function  # without Python's wrapper


def main() -> None:
    for shape in SHAPES:
        given = np.random.default_rng(1).normal(size=shape), np.asarray(0.6)
        functions = {way.__name__: compiled(way, shape) for way in (product, scan, ours)}
        results = [np.concatenate([np.ravel(part) for part in run(*given)]) for run in functions.values()]
        for result in results[:2]:
            np.testing.assert_allclose(result, results[2], atol=1e-9)
        seconds: dict[str, list[float]] = {name: [] for name in functions}
        for _ in range(ROUNDS):
            for name, run in functions.items():
                begun = time.perf_counter()
                for _ in range(CALLS):
                    run(*given)
                seconds[name].append((time.perf_counter() - begun) / CALLS)
        middle = {name: 1e6 * statistics.median(times) for name, times in seconds.items()}
        told = ", ".join(
            f"{name} {each:.1f} us ({each / middle['ours']:.1f} x ours)" for name, each in middle.items()
        )
        sys.stdout.write(f"{shape[0]} x {shape[1]}: {told}\n")


if __name__ == "__main__":
    main()
