"""The visual kit: tokens, fonts, images and every part of the window that has a look.

Views are written against ``Kit`` alone: it holds the only colours in Felix, and what it makes follows a change of
theme or type size by itself.

    load_fonts(folder)                       # before Tk starts
    kit = Kit(app, folder)
    kit.button(parent, "Run", "play-fill", kind="primary", command=run).pack()
    kit.set_theme("dark")
"""

from felix.gui.kit.buttons import MenuButton
from felix.gui.kit.colour import contrast, mix
from felix.gui.kit.fonts import FONTS, load_fonts
from felix.gui.kit.header import Header
from felix.gui.kit.reading import LINE_GAP, line_spacing
from felix.gui.kit.scrolling import ScrolledFrame
from felix.gui.kit.segmented import Option, Segmented
from felix.gui.kit.slider import Slider
from felix.gui.kit.tokens import STATES, Mode, Tokens

__all__ = [
    "FONTS",
    "LINE_GAP",
    "STATES",
    "Kit",
    "MenuButton",
    "Mode",
    "Option",
    "ScrolledFrame",
    "Segmented",
    "Slider",
    "Tokens",
    "contrast",
    "line_spacing",
    "load_fonts",
    "mix",
]


class Kit(Header):
    """All parts. One per root; Tk's thread only. ``kit["ink:done"]`` is a colour of the current theme."""
