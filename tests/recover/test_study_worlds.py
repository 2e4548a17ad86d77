"""Every structure that is calibrated can be handed to compiled code: a law may lack what another one reads."""

from __future__ import annotations

import pytest
from calibration import harness
from study_worlds import STRUCTURES

from impl.model.fit import check_inputs, compile_key


@pytest.mark.parametrize("name", STRUCTURES)
def test_its_inputs_are_checked_and_accepted(name: str) -> None:
    _, model = harness(name)
    check_inputs(model)
    assert compile_key(model)
