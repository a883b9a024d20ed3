"""The named colours of one theme, computed from ttkbootstrap's.

A view asks for ``card`` or ``ink:fail`` and never writes a colour down, so both themes come from the same code. Three
surfaces (side, page, card), two texts, and one colour per state of an agent in three strengths: ``state:`` for shapes,
``tint:`` for grounds, ``ink:`` for words on that ground.
"""

from dataclasses import dataclass
from typing import Literal

import ttkbootstrap as ttk

from felix.gui.kit.colour import mix

Mode = Literal["light", "dark"]

STATES = ("queue", "prep", "think", "write", "done", "stop", "fail")

BLACK, WHITE = "#000000", "#ffffff"
# Bootstrap's own purple, in the strength its dark theme needs: the one hue that ttkbootstrap's colours lack.
VIOLET = {"light": "#6f42c1", "dark": "#a98eda"}


@dataclass(frozen=True, slots=True)
class Tokens:
    """All colours of one theme as ``#rrggbb``."""

    mode: Mode
    plain: dict[str, str]
    base: dict[str, str]
    tint: dict[str, str]
    ink: dict[str, str]

    def __getitem__(self, token: str) -> str:
        """The colour of ``card``, ``write`` (or ``state:write``), ``tint:write``, ``ink:write``, or ``#rrggbb``."""
        if token.startswith("#"):
            return token
        family, _, state = token.rpartition(":")
        match family:
            case "":
                return self.plain[token] if token in self.plain else self.base[token]
            case "state":
                return self.base[state]
            case "tint":
                return self.tint[state]
            case "ink":
                return self.ink[state]
        raise KeyError(token)


def read_tokens(app: ttk.App) -> Tokens:
    """The tokens of the theme that is in use now."""
    return _dark(app) if app.theme_mode == "dark" else _light(app)


def _light(app: ttk.App) -> Tokens:
    colors = app.style.colors
    page, card = _surface(app, "@chrome"), colors.bg
    base = {
        "queue": colors.secondary,
        "prep": mix(colors.info, BLACK, 0.46),
        "think": VIOLET["light"],
        "write": colors.primary,
        "done": colors.success,
        "stop": mix(colors.warning, BLACK, 0.48),
        "fail": colors.danger,
    }
    side = mix(page, colors.border, 0.16)
    plain = {
        "side": side,
        "page": page,
        "card": card,
        "line": mix(colors.border, colors.bg, 0.40),
        "line2": colors.border,
        "text": colors.fg,
        "text2": mix(colors.secondary, colors.fg, 0.12),
        "field": card,
        "hover": mix(side, colors.fg, 0.055),
        "sel": mix(side, colors.fg, 0.075),
        "think_bg": mix(base["think"], card, 0.955),
        "primary": colors.primary,
        "primary_fill": colors.primary,
    }
    tint = {state: mix(colour, card, 0.90) for state, colour in base.items()}
    tint["stop"] = colors.ramp("warning")[100]  # amber mixed with white alone turns to mud
    return _tokens("light", plain, base, tint, {state: mix(colour, BLACK, 0.12) for state, colour in base.items()})


def _dark(app: ttk.App) -> Tokens:
    colors = app.style.colors
    card = mix(_surface(app, "@chrome"), _surface(app, "@card"), 0.35)
    base = {
        "queue": mix(colors.secondary, colors.bg, 0.25),
        "prep": mix(colors.info, colors.bg, 0.10),
        "think": VIOLET["dark"],
        "write": mix(colors.primary, WHITE, 0.12),
        "done": mix(colors.success, WHITE, 0.18),
        "stop": colors.warning,
        "fail": mix(colors.danger, WHITE, 0.12),
    }
    side = mix(colors.bg, BLACK, 0.20)
    plain = {
        "side": side,
        "page": colors.bg,
        "card": card,
        "line": mix(colors.border, colors.bg, 0.38),
        "line2": colors.border,
        "text": mix(colors.fg, colors.bg, 0.08),
        "text2": mix(colors.secondary, colors.bg, 0.22),
        "field": colors.inputbg,
        "hover": mix(side, colors.fg, 0.07),
        "sel": mix(side, colors.fg, 0.10),
        "think_bg": mix(base["think"], card, 0.91),
        "primary": colors.primary,
        "primary_fill": mix(colors.primary, BLACK, 0.20),
    }
    tint = {state: mix(colour, card, 0.86) for state, colour in base.items()}
    return _tokens("dark", plain, base, tint, {state: mix(colour, WHITE, 0.22) for state, colour in base.items()})


def _tokens(
    mode: Mode, plain: dict[str, str], base: dict[str, str], tint: dict[str, str], ink: dict[str, str]
) -> Tokens:
    """Adds what both themes derive in the same way."""
    card, text = plain["card"], plain["text"]
    plain = {
        **plain,
        "on_primary": WHITE,
        "away": BLACK if mode == "light" else WHITE,
        "code": mix(card, text, 0.05),
        "chosen": mix(card, text, 0.10),
        "dim": mix(plain["text2"], card, 0.50),
        "ring": mix(plain["primary"], card, 0.35),
    }
    return Tokens(mode, plain, base, tint, ink)


def _surface(app: ttk.App, name: str) -> str:
    """The colour of a ttkbootstrap surface, which only a widget on it can tell."""
    probe = ttk.Frame(app, bootstyle=name)
    try:
        return str(app.style.lookup(str(probe.cget("style")), "background"))
    finally:
        probe.destroy()
