"""The attack on the published files of the demo studies fails, and it succeeds where the wall is taken down."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import demo

from impl.disclosure import counts, make, sites

FAST = [
    ("fall-solbakken", "network", 0.3),
    ("fall-solbakken", "public", 1.0),
    ("fall-solbakken", "open", 0.3),
    ("legemiddelgjennomgang", "network", 0.02),
    ("legemiddelgjennomgang", "open", 0.1),
]
ALL = [
    (name, who, share)
    for name in demo.STUDIES
    for who in ("network", "public", "open")
    for share in demo.SHARES
]


@pytest.mark.parametrize(("study", "audience", "share"), FAST)
def test_no_hidden_count_is_recovered(study: str, audience: str, share: float) -> None:
    result = demo.attack(study, audience, share).result
    assert result.statements > 0
    assert result.hidden > 0
    assert result.narrowed == {}


@pytest.mark.slow
@pytest.mark.parametrize(("study", "audience", "share"), [case for case in ALL if case not in FAST])
def test_no_hidden_count_of_any_demo_study_is_recovered(study: str, audience: str, share: float) -> None:
    result = demo.attack(study, audience, share).result
    assert result.statements > 0
    assert result.narrowed == {}


def test_the_attack_recovers_what_a_wall_without_attack_lets_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cell rule alone: points and totals as they come, no further point hidden, no earlier Release known."""
    for module in (counts, make, sites):
        if hasattr(module, "find_weaknesses"):
            monkeypatch.setattr(module, "find_weaknesses", lambda *_: ())
    monkeypatch.setattr(make, "earlier_releases", lambda _: ())
    monkeypatch.setattr(make, "check_release", lambda *_: None)
    result = demo.attack("fall-solbakken", "public", 0.3).result
    assert result.narrowed, "differences between the three Releases"


def test_the_attack_recovers_a_site_without_secondary_suppression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "choose_hidden", lambda table, _: table.secret | ~table.shown)
    monkeypatch.setattr(sites, "find_weaknesses", lambda *_: ())
    monkeypatch.setattr(make, "check_release", lambda *_: None)
    result = demo.attack("legemiddelgjennomgang", "network", 0.02).result
    assert result.narrowed, "a site's first quarters"
