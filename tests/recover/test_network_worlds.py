"""The synthesis against the truth of simulated networks: unbiased, and honest about one more place."""

from __future__ import annotations

import pytest
from network_worlds import WORLDS, World, run_world

MOST_BIAS = 0.1  # posterior SDs of the pooled mean
COVERS = (0.84, 0.96)  # of 90 % intervals


def test_a_few_networks_are_pooled_without_bias() -> None:
    """A quick look at ten studies each; two standard errors of this bias are .12."""
    found = run_world(World(studies=10, tau=0.2), networks=300)
    assert abs(found.bias) < MOST_BIAS + 0.12
    assert COVERS[0] <= found.covers_place <= COVERS[1]
    assert found.naive_bias > abs(found.bias)


@pytest.mark.validate
@pytest.mark.parametrize("world", WORLDS, ids=lambda world: f"{world.studies}-{world.tau}")
def test_networks_are_pooled_without_bias(world: World) -> None:
    """The table of docs/validation/synthesis.md. With three or five studies whose places hardly differ, tau is its
    prior's and a new place's interval too wide: it may hold more, never less."""
    found = run_world(world)
    assert abs(found.bias) < MOST_BIAS
    assert found.covers_place >= COVERS[0]
    if world.tau is None or world.studies >= 10:
        assert found.covers_place <= COVERS[1]
