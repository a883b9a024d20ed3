"""The helix as it is seen: the team's own geometry, looked at from the side and a little from above. Pure, in pixels.

The curve is painted with Pillow, because canvas lines are jagged; how far the run has come is painted with it, so the
picture is also the progress.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageDraw

from felix.gui.kit import mix
from felix.team.helix import Helix

OVERSAMPLE = 3
SEGMENTS = 280
TILT = 0.31
"""Height of a ring as a share of its width: the view from a little above."""
STEEPEST = 0.62
"""The tilt of a narrow ring that has to hold many nodes."""
PHASE = 0.5
"""Radians by which the whole is turned towards the eye."""
TOP, BOTTOM = 46, 30
WIDEST = 104
NARROW = 240
"""Below this width the words of the axis are left out."""
EDGE = 18
"""From the middle of a node to the edge of the panel at least: half of an active node, its halo and a little air."""
APART = 29
"""Between the middles of two nodes: an active one is 28 wide."""


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of the picture as `#rrggbb`."""

    ground: str
    faint: str
    travelled: str
    current: str


@dataclass(frozen=True, slots=True)
class Projection:
    """A helix in a panel of `width` x `height` pixels; `unit` is one logical pixel."""

    helix: Helix
    width: int
    height: int
    unit: float = 1.0

    @property
    def is_narrow(self) -> bool:
        return self.width < NARROW * self.unit

    @property
    def middle(self) -> float:
        """x of the axis; the numbers stand to the left of the funnel."""
        return self.width / 2 + (14 if self.is_narrow else 18) * self.unit

    def radius(self, t: float) -> float:
        """Of the ring at depth `t`."""
        widest = min(self.width * 0.36, WIDEST * self.unit)
        return widest * self.helix.radius(t) / self.helix.top

    def y(self, t: float) -> float:
        """Of the axis at depth `t`: the higher z, the higher up."""
        top, bottom = TOP * self.unit, self.height - BOTTOM * self.unit
        return bottom - (bottom - top) * self.helix.z(t) / self.helix.height

    def angle(self, t: float) -> float:
        """Where the curve is on the ring at depth `t`, in radians; 0 is right, π/2 towards the eye."""
        return self.helix.angle(t) + PHASE

    def on_ring(self, t: float, angle: float, radius: float, tilt: float = TILT) -> tuple[float, float]:
        """A point around the axis at depth `t`."""
        return self.middle + radius * math.cos(angle), self.y(t) + radius * tilt * math.sin(angle)

    def places(self, depths: Sequence[float]) -> list[tuple[float, float]]:
        """Where nodes at these depths stand: those of one depth spread over its ring, none in front of another."""
        at: dict[float, list[int]] = {}
        for index, depth in enumerate(depths):
            at.setdefault(round(depth, 6), []).append(index)
        places = [(0.0, 0.0)] * len(depths)
        for depth, indices in at.items():
            for index, place in zip(indices, self._inside(self._ring(depth, len(indices))), strict=True):
                places[index] = place
        return self._parted(places)

    def _inside(self, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """A ring near the upper or lower end, moved as a whole so that none of its nodes is cut."""
        edge, ys = EDGE * self.unit, [y for _, y in points]
        by = max(0.0, edge - min(ys)) - max(0.0, max(ys) - (self.height - edge))
        return [(x, y + by) for x, y in points]

    def _ring(self, depth: float, count: int) -> list[tuple[float, float]]:
        natural, first = self.radius(depth), self.angle(depth)
        angles = [first + 2 * math.pi * i / count for i in range(count)]
        if count == 1:
            return [self.on_ring(depth, first, natural)]
        room = min(self.middle, self.width - self.middle) - EDGE * self.unit
        radius = min(room, max(natural, 24 * self.unit))
        points: list[tuple[float, float]] = []
        while True:
            for tilt in (TILT, (TILT + STEEPEST) / 2, STEEPEST):
                if _girth(radius, tilt) < count * APART * self.unit:
                    continue  # too short for so many, wherever they stand: to try it is dear
                points = [self.on_ring(depth, angle, radius, tilt) for angle in angles]
                nearest = min(math.dist(a, b) for i, a in enumerate(points) for b in points[:i])
                if nearest >= APART * self.unit:
                    return points
            if radius >= room:
                return self._rows(depth, count)
            radius = min(room, radius + 2 * self.unit)

    def _rows(self, depth: float, count: int) -> list[tuple[float, float]]:
        """More nodes than a ring can hold, as a block of rows around its middle."""
        step, edge = APART * self.unit, EDGE * self.unit
        across = max(1, int((self.width - 2 * edge) // step) + 1)
        down = math.ceil(count / across)
        across = math.ceil(count / down)
        left = min(max(edge, self.middle - (across - 1) * step / 2), self.width - edge - (across - 1) * step)
        top = self.y(depth) - (down - 1) * step / 2
        top = max(edge, min(top, self.height - edge - (down - 1) * step))
        return [(left + i % across * step, top + i // across * step) for i in range(count)]

    def _parted(self, places: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Nodes of neighbouring depths pushed apart sideways; the depth of none changes."""
        least, left, right = APART * self.unit, EDGE * self.unit, self.width - EDGE * self.unit
        points = [list(place) for place in places]
        for _ in range(12):
            is_calm = True
            for i, a in enumerate(points):
                for b in points[:i]:
                    dy = abs(a[1] - b[1])
                    dx = a[0] - b[0]
                    if dy >= least or math.hypot(dx, dy) >= least - 0.5:
                        continue
                    is_calm = False
                    push = (math.sqrt(least**2 - dy**2) - abs(dx)) / 2 + 0.5
                    side = 1 if dx >= 0 else -1
                    a[0] = min(right, max(left, a[0] + side * push))
                    b[0] = min(right, max(left, b[0] - side * push))
            if is_calm:
                break
        return [(x, y) for x, y in points]


def _girth(radius: float, tilt: float) -> float:
    """Of a ring as it is seen, in pixels; never less than that."""
    return 2 * math.pi * radius * math.sqrt((1 + tilt**2) / 2)


def paint(
    view: Projection, checkpoints: Sequence[float], reach: float, current: Sequence[float], ink: Ink
) -> Image.Image:
    """Funnel, rings and curve on their ground; travelled down to depth `reach` (below 0: nothing yet)."""
    s = OVERSAMPLE
    image = Image.new("RGB", (view.width * s, view.height * s), ink.ground)
    draw = ImageDraw.Draw(image)
    unit = view.unit * s
    line = max(1, round(unit))
    for side in (-1, 1):
        edge = [((view.middle + side * view.radius(i / 60)) * s, view.y(i / 60) * s) for i in range(61)]
        draw.line(edge, fill=mix(ink.ground, ink.faint, 0.13), width=line, joint="curve")
    for checkpoint in checkpoints:
        radius, y = view.radius(checkpoint), view.y(checkpoint)
        is_current = any(abs(checkpoint - each) < 1e-6 for each in current)
        colour = mix(ink.ground, ink.current, 0.42) if is_current else mix(ink.ground, ink.faint, 0.20)
        box = (view.middle - radius, y - radius * TILT, view.middle + radius, y + radius * TILT)
        draw.ellipse([edge * s for edge in box], outline=colour, width=round(line * 1.2) if is_current else line)
    _curve(draw, view, reach, ink, unit)
    return image.reduce(OVERSAMPLE)


def _curve(draw: ImageDraw.ImageDraw, view: Projection, reach: float, ink: Ink, unit: float) -> None:
    """The curve, its far side paler and thinner, painted from back to front."""
    steps = [i / SEGMENTS for i in range(SEGMENTS + 1)]
    points = [view.on_ring(t, view.angle(t), view.radius(t)) for t in steps]
    nearness = [math.sin(view.angle(t)) for t in steps]
    shades: dict[tuple[int, bool], str] = {}
    for index, (a, b) in sorted(enumerate(pairwise(points)), key=lambda pair: nearness[pair[0]]):
        depth = (nearness[index] + 1) / 2
        is_travelled = steps[index] <= reach
        key = round(depth * 24), is_travelled
        if key not in shades:
            share = 0.35 + 0.65 * depth if is_travelled else 0.16 + 0.26 * depth
            shades[key] = mix(ink.ground, ink.travelled if is_travelled else ink.faint, share)
        width = unit * (1.2 + 1.6 * depth)
        x, y = a[0] * OVERSAMPLE, a[1] * OVERSAMPLE
        draw.line((x, y, b[0] * OVERSAMPLE, b[1] * OVERSAMPLE), fill=shades[key], width=round(width))
        draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=shades[key])


def labels(view: Projection, checkpoints: Sequence[float], apart: float) -> Mapping[float, float]:
    """Depth -> y of the axis' numbers, those left out that would stand on another; 1.0 always has one."""
    bottom = view.y(1.0)
    shown = {1.0: bottom}
    last = -math.inf
    for depth in sorted(checkpoints):
        y = view.y(depth)
        if y - last >= apart and bottom - y >= apart:
            shown[depth] = last = y
    return shown
