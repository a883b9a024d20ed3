"""The numbers in what servers say, believed only where they can be true."""

from __future__ import annotations

import math


def count(value: object) -> int | None:
    """A number of things, of tokens say; None when it is none."""
    number = _number(value)
    return int(number) if number is not None and 0 <= number < 1e15 else None


def fraction(value: object) -> float | None:
    """A part of the whole, 0 to 1; None when it is no number."""
    number = _number(value)
    return None if number is None else min(1.0, max(0.0, number))


def rate(value: object) -> float | None:
    """Things per second, as the server says; None when it is none, or what a clock too coarse makes of an instant."""
    number = _number(value)
    return float(number) if number is not None and 0 < number < 1e6 else None


def rate_over(things: object, seconds: object) -> float | None:
    """Things per second from both; None when either is missing or nothing."""
    number, duration = _number(things), _number(seconds)
    return rate(number / duration) if number and duration else None


def _number(value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value
