"""Everything drawn with Pillow: rounded boxes, icons, avatars, pills, switches and the mark. Pure functions in
physical pixels.

Each shape is a coverage mask that is drawn once, four times too large, and kept; a colour is then poured through it.
So a theme switch repaints a hundred images in a few milliseconds without drawing a single glyph again.
"""

import math
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from ttkbootstrap.style.icons import IconRenderer

from felix.gui.kit.colour import channels

OVERSAMPLE = 4
Corners = tuple[int, int, int, int]
ALL_ROUND: Corners = (1, 1, 1, 1)


def rounded(
    size: tuple[int, int],
    radius: int,
    fill: str,
    outer: str,
    *,
    border: str | None = None,
    border_width: float = 1,
    corners: Corners = ALL_ROUND,
) -> Image.Image:
    """A filled box on ``outer``; ``corners`` are top left, top right, bottom right, bottom left, 0 = square."""
    image = Image.new("RGB", size, outer)
    if border is None:
        image.paste(fill, mask=_box_mask(size, radius, 0, corners))
        return image
    image.paste(border, mask=_box_mask(size, radius, 0, corners))
    image.paste(fill, mask=_box_mask(size, radius, border_width, corners))
    return image


def icon(name: str, px: int, colour: str) -> Image.Image:
    """A Bootstrap icon on nothing. Raises ValueError for a name the icon font lacks."""
    return _poured(_icon_mask(name, px), colour)


def avatar(
    code: str, px: int, fill: str, ink: str, font: Path, *, rim: str | None = None, halo: str | None = None
) -> Image.Image:
    """A disc with two characters on it; ``rim`` outlines it, ``halo`` stands around it."""
    image = Image.new("RGBA", (px, px), (*channels(halo or rim or fill), 0))
    margin = 0.0
    if halo:
        image.paste(halo, mask=_disc_mask(px, 0))
        margin = px * 3 / 28
    if rim:
        image.paste(rim, mask=_disc_mask(px, margin))
        margin += px * 1.3 / 24
    image.paste(fill, mask=_disc_mask(px, margin))
    image.paste(ink, mask=_word_mask(code, (px, px), round(px * (0.36 if halo else 0.40) * OVERSAMPLE), font))
    return image


def pill(text: str, height: int, font_px: int, fill: str, ink: str, outer: str, font: Path) -> Image.Image:
    """A word on a small rounded ground, as a citation stands in a line of text."""
    padding = round(height * 6 / 17)
    width = round(_font(font, font_px * OVERSAMPLE).getlength(text) / OVERSAMPLE) + 2 * padding
    image = rounded((width, height), round(height * 5 / 17), fill, outer)
    image.paste(ink, mask=_word_mask(text, (width, height), font_px * OVERSAMPLE, font))
    return image


def switch(px: int, track: str, knob: str, outer: str, *, on: bool, ring: str | None) -> Image.Image:
    """A toggle, 1.8 times as wide as the ``px`` it is high, with room around it for the focus ring."""
    gap = 3
    width, height = round(px * 1.8), px
    size = (width + 2 * gap, height + 2 * gap)
    image = Image.new("RGB", size, outer)
    if ring:
        image.paste(ring, mask=_box_mask(size, height, 0, ALL_ROUND))
        image.paste(outer, mask=_box_mask(size, height, 2, ALL_ROUND))
    image.paste(track, (gap, gap), _box_mask((width, height), height // 2, 0, ALL_ROUND))
    image.paste(knob, (gap + (width - height if on else 0), gap), _disc_mask(height, height / 8))
    return image


def knob(px: int, rim: str, core: str, *, ring: str | None = None) -> Image.Image:
    """The handle of a slider, on nothing."""
    image = Image.new("RGBA", (px, px), (*channels(rim), 0))
    if ring:
        image.paste(ring, mask=_disc_mask(px, 0))
    image.paste(rim, mask=_disc_mask(px, px * 0.1))
    image.paste(core, mask=_disc_mask(px, px * 0.275))
    return image


def progress_ring(px: int, fraction: float, colour: str, rest: str) -> Image.Image:
    """A circle of which ``fraction`` is in ``colour``."""
    big = px * 8
    image = Image.new("RGBA", (big, big), (*channels(rest), 0))
    draw = ImageDraw.Draw(image)
    edge = (8, 8, big - 9, big - 9)
    draw.ellipse(edge, outline=rest, width=16)
    draw.arc(edge, -90, -90 + 360 * fraction, fill=colour, width=16)
    return image.reduce(8)


def mark_points(steps: int = 90) -> list[tuple[float, float, float]]:
    """The helix of Felix's mark, two turns: x and y in the unit square, and how near each is to the eye (0–1)."""
    points = []
    for step in range(steps + 1):
        down = step / steps
        radius, angle = 0.44 - 0.30 * down, down * 4 * math.pi
        points.append(
            (
                0.5 + radius * math.cos(angle),
                0.10 + 0.80 * down + 0.28 * radius * math.sin(angle),
                (math.sin(angle) + 1) / 2,
            )
        )
    return points


def mark(px: int, colour: str, ground: str) -> Image.Image:
    """The mark on nothing, its far side faded towards ``ground``."""
    coverage, nearness = _mark_masks(px)
    image = Image.new("RGBA", (px, px), ground)
    image.paste(colour, mask=nearness)
    image.putalpha(coverage)
    return image


def app_icon(px: int, ground: str = "#0a58ca") -> Image.Image:
    """The mark in white on a rounded tile: what a desktop shows, on light and dark alike."""
    image = Image.new("RGBA", (px, px), (*channels(ground), 0))
    image.paste(ground, mask=_box_mask((px, px), round(px * 0.22), 0, ALL_ROUND))
    inner = round(px * 0.70)
    offset = (px - inner) // 2
    image.alpha_composite(mark(inner, "#ffffff", ground), (offset, offset))
    return image


def _poured(mask: Image.Image, colour: str) -> Image.Image:
    image = Image.new("RGBA", mask.size, colour)
    image.putalpha(mask)
    return image


@lru_cache(maxsize=256)
def _box_mask(size: tuple[int, int], radius: int, inset: float, corners: Corners) -> Image.Image:
    width, height = size
    edge = round(inset * OVERSAMPLE)
    mask = Image.new("L", (width * OVERSAMPLE, height * OVERSAMPLE))
    ImageDraw.Draw(mask).rounded_rectangle(
        (edge, edge, width * OVERSAMPLE - 1 - edge, height * OVERSAMPLE - 1 - edge),
        max(1, radius * OVERSAMPLE - edge),
        fill=255,
        corners=(bool(corners[0]), bool(corners[1]), bool(corners[2]), bool(corners[3])),
    )
    return mask.reduce(OVERSAMPLE)


@lru_cache(maxsize=64)
def _disc_mask(px: int, inset: float) -> Image.Image:
    mask = Image.new("L", (px * 8, px * 8))
    edge = inset * 8
    ImageDraw.Draw(mask).ellipse((edge, edge, px * 8 - 1 - edge, px * 8 - 1 - edge), fill=255)
    return mask.reduce(8)


@lru_cache(maxsize=256)
def _word_mask(text: str, size: tuple[int, int], font_px: int, font: Path) -> Image.Image:
    width, height = size
    mask = Image.new("L", (width * OVERSAMPLE, height * OVERSAMPLE))
    centre = (width * OVERSAMPLE / 2, height * OVERSAMPLE / 2)
    ImageDraw.Draw(mask).text(centre, text, font=_font(font, font_px), fill=255, anchor="mm")
    return mask.resize(size, Image.Resampling.LANCZOS)


@lru_cache(maxsize=512)
def _icon_mask(name: str, px: int) -> Image.Image:
    icon: Image.Image = IconRenderer.render(name, px, "#000000")
    return icon.getchannel("A")


@lru_cache(maxsize=16)
def _mark_masks(px: int) -> tuple[Image.Image, Image.Image]:
    """Where the line is, and how near to the eye; the second one is wider, so that edges are not faded twice."""
    scale = 8 if px <= 64 else 4
    big = px * scale
    width = max(scale, round(big * 0.105))
    masks = Image.new("L", (big, big)), Image.new("L", (big, big))
    for start, end in sorted(pairwise(mark_points()), key=lambda piece: piece[0][2]):
        for mask, wide, value in (
            (masks[0], width, 255),
            (masks[1], width + 2 * scale, round(255 * (0.45 + 0.55 * start[2]))),
        ):
            draw = ImageDraw.Draw(mask)
            draw.line([(x * big, y * big) for x, y, _ in (start, end)], fill=value, width=wide)
            for x, y, _ in (start, end):  # a disc at each joint: wide lines leave gaps on the outside of a bend
                half = wide / 2 - 0.5
                draw.ellipse((x * big - half, y * big - half, x * big + half, y * big + half), fill=value)
    return masks[0].reduce(scale), masks[1].reduce(scale)


@lru_cache(maxsize=32)
def _font(path: Path, px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), px)
