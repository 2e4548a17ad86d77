"""Our posterior beside published or independently computed answers on the same real data.

References were computed with glmmTMB/lme4 and MASS-type negative binomial fits on exactly these files
(`docs/validation/data.md`); A11 is in `test_whole_line.py`. The studies declare `priors: wide`, so that the likelihood speaks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from real_data import make_project

import impl
from impl.model.estimands import window_effect

# study, reference on the link scale, its standard error
ANSWERS = [
    # RR 0.385 with interval 0.301-0.492, negative binomial, level only
    pytest.param("cdi-hvidovre", np.log(0.385), np.log(0.492 / 0.301) / (2 * 1.959964), id="a1"),
    # log OR, categorical time, random cluster and cluster-period
    pytest.param("steppedwedge-binary", 0.3897, 0.1359, id="a8"),
    # difference in means, categorical time, random cluster and cluster-period; a measure of the user's own
    pytest.param("steppedwedge-score", 0.5224, 0.0742, id="a8-continuous", marks=pytest.mark.slow),
    # log OR, categorical time, random site
    pytest.param("xpert", -0.2711, 0.0978, id="a10"),
]


@pytest.mark.parametrize(("study", "reference", "error"), ANSWERS)
def test_posterior_agrees_with_the_published_answer(
    study: str, reference: float, error: float, tmp_path: Path
) -> None:
    plan = impl.read_study(make_project(tmp_path, study))
    fit = impl.sample(impl.build_model(plan, impl.read_panel(plan)), plan)
    assert impl.check_fit(fit).passed
    effect = window_effect(fit)
    assert abs(np.median(effect) - reference) <= 0.35 * error
    assert 0.8 <= effect.std(ddof=1) / error <= 1.3
