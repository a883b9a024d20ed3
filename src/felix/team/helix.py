"""The helix that agents descend: from a wide top, where a team explores, to a narrow bottom, where it concludes.

Pure geometry. `t` runs from 0 (top) to 1 (bottom) and is the same number as an agent's depth; lengths have no unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Helix:
    """A spiral on a funnel whose radius shrinks by the same factor for every step down.

    Raises ValueError unless top > bottom > 0, height > 0 and turns > 0.
    """

    top: float = 3.0
    """Radius at t = 0."""
    bottom: float = 0.5
    """Radius at t = 1."""
    height: float = 8.0
    turns: float = 2.0

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.top, self.bottom, self.height, self.turns))):
            raise ValueError("the measures of a helix must be finite numbers")
        if not self.top > self.bottom > 0:
            raise ValueError("the top of a helix must be wider than its bottom, and both wider than 0")
        if self.height <= 0 or self.turns <= 0:
            raise ValueError("a helix needs a height and a number of turns above 0")

    def z(self, t: float) -> float:
        """Height above the bottom: `height` at the top, 0 at the bottom."""
        return self.height * (1 - _checked(t))

    def radius(self, t: float) -> float:
        """R = bottom·(top/bottom)^(z/height)."""
        return self.bottom * math.pow(self.top / self.bottom, 1 - _checked(t))

    def angle(self, t: float) -> float:
        """Radians turned since the top, growing past 2π from turn to turn."""
        return 2 * math.pi * self.turns * _checked(t)

    def position(self, t: float) -> tuple[float, float, float]:
        """(x, y, z) of the point at `t`. Raises ValueError outside 0..1."""
        radius, angle = self.radius(t), self.angle(t)
        return radius * math.cos(angle), radius * math.sin(angle), self.z(t)


def _checked(t: float) -> float:
    if not 0 <= t <= 1:
        raise ValueError(f"a place on the helix lies between 0 and 1, not at {t!r}")
    return t
