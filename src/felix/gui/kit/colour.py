"""Arithmetic on ``#rrggbb`` colours: mixing two, and the contrast a reader gets from them (WCAG 2.1)."""


def channels(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, each 0–255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(a: str, b: str, share: float) -> str:
    """``a`` with ``share`` (0–1) of ``b`` in it."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(channels(a), channels(b), strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def luminance(colour: str) -> float:
    """Relative luminance, 0 (black) to 1 (white)."""
    red, green, blue = (_linear(value / 255) for value in channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    """Contrast ratio, 1 to 21; text needs 4.5, large text and shapes 3."""
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
