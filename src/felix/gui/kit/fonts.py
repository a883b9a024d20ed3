"""The typefaces: loading Inter before Tk starts, and the named fonts that every widget shares.

A widget says ``font="Small"``; the named font behind the word is rescaled live, so Ctrl + and Ctrl − reach all text at
once.
"""

import ctypes
import os
import sys
import tkinter as tk
from collections.abc import MutableMapping
from pathlib import Path
from tkinter import font as tkfont
from typing import Any, Final

# name -> (cut, size in points at 100 %)
FONTS: Final = {
    "Base": ("regular", 10),
    "Strong": ("semibold", 10),
    "Italic": ("italic", 10),
    "Small": ("regular", 9),
    "SmallStrong": ("semibold", 9),
    "Tiny": ("regular", 8),
    "H1": ("semibold", 17),
    "H2": ("semibold", 12),
    "H3": ("semibold", 11),
    "Brand": ("semibold", 12),
    "Mono": ("mono", 9),
    "Read": ("regular", 11),
    "ReadStrong": ("semibold", 11),
    "ReadItalic": ("italic", 11),
}
SMALLEST_PERCENT, LARGEST_PERCENT = 70, 200
FAMILIES = ("Inter", "Segoe UI", "Cantarell", "Ubuntu", "Noto Sans", "DejaVu Sans")
MONO_FAMILIES = ("JetBrains Mono", "Cascadia Mono", "SF Mono", "DejaVu Sans Mono", "Consolas", "Menlo")
FIRST_SAFE_XFT = 20305  # 2.3.5
# For "normal" Tk asks Xft for weight 100, which is Medium: an installed Inter Medium would be taken for Regular.
WITHOUT_INTER_MEDIUM = b"""<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>
<selectfont><rejectfont><pattern><patelt name="family"><string>Inter</string></patelt>
<patelt name="weight"><const>medium</const></patelt></pattern></rejectfont></selectfont></fontconfig>"""


def load_fonts(folder: Path) -> bool:
    """Make the fonts in ``folder`` known to Tk. Call it before ``Tk()``; off Linux it does nothing.

    Returns whether fonts were added; without them the system's own family is used.
    """
    if not sys.platform.startswith("linux"):
        return False
    leave_out_colour_fonts(folder / "no-colour-fonts.conf", libxft_version(), os.environ)
    try:
        fontconfig = ctypes.CDLL("libfontconfig.so.1")
    except OSError:
        return False
    _leave_out_inter_medium(fontconfig)
    added = [fontconfig.FcConfigAppFontAddFile(None, os.fsencode(path)) for path in sorted(folder.glob("*.otf"))]
    return bool(added) and all(added)


def _leave_out_inter_medium(fontconfig: ctypes.CDLL) -> None:
    """Put a configuration without Inter Medium in force; a fontconfig too old to read one from memory keeps its own."""
    fontconfig.FcInitLoadConfig.restype = ctypes.c_void_p
    config = ctypes.c_void_p(fontconfig.FcInitLoadConfig())
    try:
        parsed = fontconfig.FcConfigParseAndLoadFromMemory(config, WITHOUT_INTER_MEDIUM, True)
    except AttributeError:
        return
    if parsed and fontconfig.FcConfigBuildFonts(config):
        fontconfig.FcConfigSetCurrent(config)


def dies_of_colour(version: int | None) -> bool:
    """Whether this libXft ends the process with BadLength at a colour emoji, which no handler can catch.

    None, where there is no libXft, draws no colour either.
    """
    return version is not None and version < FIRST_SAFE_XFT


def libxft_version() -> int | None:
    """20306 for libXft 2.3.6; None where there is none that tells."""
    try:
        return int(ctypes.CDLL("libXft.so.2").XftGetVersion())
    except (OSError, AttributeError):
        return None


def leave_out_colour_fonts(config: Path, version: int | None, environment: MutableMapping[str, str]) -> bool:
    """Name `config` as fontconfig's file where colour would be the end; whoever named one of their own keeps it.

    True when it is in force. fontconfig reads the variable once, when the process first asks for a font.
    """
    if "FONTCONFIG_FILE" in environment or not config.is_file() or not dies_of_colour(version):
        return False
    environment["FONTCONFIG_FILE"] = str(config)
    return True


class FontSet:
    """The named fonts of one root; Tk forgets a named font with its Python owner, so they live as long as this."""

    def __init__(self, app: tk.Tk, percent: int = 100) -> None:
        self.percent = percent
        families = set(tkfont.families(app))
        default = tkfont.nametofont("TkDefaultFont", root=app)
        fallback = str(default.actual("family"))
        family = next((name for name in FAMILIES if name in families), fallback)
        if sys.platform == "darwin":
            family = fallback
        mono = next((name for name in MONO_FAMILIES if name in families), None)
        if mono is None:
            mono = str(tkfont.nametofont("TkFixedFont", root=app).actual("family"))
        self.family = family
        known = set(tkfont.names(app))
        self._fonts = {
            name: tkfont.Font(app, name=name, exists=name in known, **_cut(family, mono, cut))
            for name, (cut, _) in FONTS.items()
        }
        self._plain = [tkfont.nametofont(name, root=app) for name in ("TkDefaultFont", "TkTextFont", "TkMenuFont")]
        for font in self._plain:
            font.configure(family=family)
        self.scale(percent)

    def __getitem__(self, name: str) -> tkfont.Font:
        return self._fonts[name]

    def scale(self, percent: int) -> None:
        """Set every font to ``percent`` of its own size, between 70 and 200; text already on screen follows."""
        self.percent = max(SMALLEST_PERCENT, min(LARGEST_PERCENT, percent))
        for name, (_, points) in FONTS.items():
            self._fonts[name].configure(size=self._points(points))
        for font in self._plain:
            font.configure(size=self._points(10))

    def _points(self, points: int) -> int:
        return max(1, round(points * self.percent / 100))


def _cut(family: str, mono: str, cut: str) -> dict[str, Any]:  # keyword arguments of Font
    match cut:
        case "mono":
            return {"family": mono}
        case "italic":
            return {"family": family, "slant": "italic"}
        case "semibold" if family == "Inter":
            return {"family": "Inter Semi Bold"}  # not among font.families(), yet fontconfig resolves it
        case "semibold":
            return {"family": family, "weight": "bold"}
    return {"family": family}
