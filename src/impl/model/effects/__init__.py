"""One file an effect shape and one line here; contract tests iterate over `EFFECTS`."""

from __future__ import annotations

from impl.model.effects.effect import EffectShape
from impl.model.effects.eti import ETI
from impl.model.effects.growth import GROWTH
from impl.model.effects.it import IT
from impl.model.effects.level_slope import LEVEL_SLOPE
from impl.model.effects.mono import MONO
from impl.model.effects.rw import RW
from impl.model.effects.teh import TEH

EFFECTS: dict[str, EffectShape] = {
    shape.name: shape for shape in (RW, IT, TEH, ETI, MONO, GROWTH, LEVEL_SLOPE)
}
