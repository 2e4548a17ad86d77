"""Stationary first-order series in a model's graph: x[t] = correlation x[t-1] + innovation, the same spread throughout.

With R[s, t] = correlation^|s - t| this is x = sd L z with L L' = R. PyTensor can write it as a matrix product or as
`scan`, and a single-site model then spends most of its sampling there: ten times what the recursion takes
(`benchmarks/series.py`). So the recursion is an operation with compiled code and a gradient of its own, which for
every back end but Numba is what its graph says: the product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.compile.builders import OpFromGraph
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_and_cache_key


class FirstOrderSeries(OpFromGraph):  # type: ignore[misc]
    """y[t] = correlation y[t-1] + shock[t], y[-1] = 0; shocks site x period, correlation a number."""

    def __init__(self) -> None:
        shocks, correlation = pt.dmatrix("shocks"), pt.dscalar("correlation")
        times = pt.arange(shocks.shape[1])
        lag = times[None, :] - times[:, None]
        decay = pt.switch(lag >= 0, pt.power(correlation, pt.abs(lag)), 0.0)
        super().__init__([shocks, correlation], [pt.dot(shocks, decay)])

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """The same recursion backwards in time: what a shock moves now, it moves later as well."""
        _shocks, correlation = inputs
        (series,), (cotangent,) = outputs, cotangents
        back = self(cotangent[:, ::-1], correlation)[:, ::-1]
        return [back, (back[:, 1:] * series[:, :-1]).sum()]


@register_funcify_and_cache_key(FirstOrderSeries)  # type: ignore[untyped-decorator]
def _compiled(_op: FirstOrderSeries, **_graph: Any) -> tuple[Any, str]:
    """The function, and the key under which PyTensor may keep it on disk: new code needs a new one."""

    @numba_njit  # type: ignore[untyped-decorator]
    def first_order_series(shocks: Any, correlation: Any) -> Any:
        series = np.empty(shocks.shape)
        factor = correlation.item()
        for site in range(shocks.shape[0]):
            last = 0.0
            for period in range(shocks.shape[1]):
                last = factor * last + shocks[site, period]
                series[site, period] = last
        return series

    return first_order_series, "impl: first-order series, 1"


def stationary_series(standard: Any, correlation: Any) -> Any:
    """Series with variance one and correlation^lag, one a row, from independent N(0, 1) of the same shape."""
    innovations = standard[:, 1:] * pt.sqrt(1.0 - correlation**2)
    return FirstOrderSeries()(pt.concatenate([standard[:, :1], innovations], axis=1), correlation)


def series_log_density(deviation: Any, sd: Any, correlation: Any) -> Any:
    """Log-density of stationary first-order series, one a row."""
    innovation = sd * pt.sqrt(1.0 - correlation**2)
    first = pm.logp(pm.Normal.dist(0.0, sd), deviation[:, 0]).sum()
    return (
        first + pm.logp(pm.Normal.dist(correlation * deviation[:, :-1], innovation), deviation[:, 1:]).sum()
    )
