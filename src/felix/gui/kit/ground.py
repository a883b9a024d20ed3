"""What every part of the kit stands on: colours, fonts, images and styles of one window, and the live switch between
themes.
"""

import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from tkinter import font as tkfont
from typing import TypeVar
from weakref import WeakKeyDictionary

import ttkbootstrap as ttk
from PIL import Image, ImageTk

from felix.gui.kit import drawing
from felix.gui.kit.colour import mix
from felix.gui.kit.fonts import FontSet
from felix.gui.kit.images import ImageStore
from felix.gui.kit.painting import Paint, Paints
from felix.gui.kit.styles import StyleSheet
from felix.gui.kit.tokens import Mode, Tokens, read_tokens

THEMES: dict[Mode, str] = {"light": "bootstrap-light", "dark": "bootstrap-dark"}
OwnWidget = TypeVar("OwnWidget", bound=tk.Misc)
# An X server that calls itself 100 dpi is still an ordinary screen: scaling by 4 % only blurs.
NEAR_ENOUGH = 0.1


class Ground:
    """Tokens, fonts, images, styles. ``fonts`` is the folder that holds ``Inter-SemiBold.otf``. Tk's thread only."""

    def __init__(self, app: ttk.App, fonts: Path, *, percent: int = 100) -> None:
        self.app = app
        self.mode: Mode = "dark" if app.theme_mode == "dark" else "light"
        self._known_tokens: dict[Mode, Tokens] = {self.mode: read_tokens(app)}
        self.tokens = self._known_tokens[self.mode]
        self.fonts = FontSet(app, percent)
        self._face = fonts / "Inter-SemiBold.otf"
        self._images = ImageStore(app)
        self._styles = StyleSheet(app)
        self._theme_paints = Paints(app, "FelixThemed")
        self._font_paints = Paints(app, "FelixScaled")
        self._specs: WeakKeyDictionary[tk.Misc, object] = WeakKeyDictionary()
        factor = float(ttk.scale_size(app, 1000)) / 1000
        self._factor = 1.0 if abs(factor - 1) < NEAR_ENOUGH else factor
        self.paint(app, lambda: app.configure(background=self["side"]))

    def __getitem__(self, token: str) -> str:
        """The colour now of a token: ``card``, ``state:write``, ``tint:fail``, ``ink:done``, or ``#rrggbb``."""
        return self.tokens[token]

    def mix(self, a: str, b: str, share: float) -> str:
        """Token or colour ``a`` with ``share`` of ``b``, as ``#rrggbb``."""
        return mix(self[a], self[b], share)

    def px(self, size: float) -> int:
        """Physical pixels for ``size`` logical ones (96 to the inch)."""
        return round(size * self._factor)

    # -- the theme and the type size -----------------------------------------------------------------------------------

    def set_theme(self, mode: Mode) -> None:
        """Show the whole window in the other theme; no widget is rebuilt."""
        if mode == self.mode:
            return
        self.app.style.theme_use(THEMES[mode])
        if mode not in self._known_tokens:
            self._known_tokens[mode] = read_tokens(self.app)
        self.mode, self.tokens = mode, self._known_tokens[mode]
        self._images.repaint()
        self._styles.enter_theme()
        self._theme_paints.run()

    def scale_fonts(self, percent: int) -> None:
        """All text, icons and pills at ``percent`` of their size (70–200), at once."""
        self.fonts.scale(percent)
        self._images.repaint()
        self._font_paints.run()

    @property
    def font_percent(self) -> int:
        """The type size in force, in percent."""
        return self.fonts.percent

    def font(self, name: str) -> tkfont.Font:
        """The named font itself, for measuring."""
        return self.fonts[name]

    def fitted(self, text: str, font: str, room: int) -> str:
        """As much of `text` as `room` pixels hold; "…" stands for the rest. Empty where not even that fits."""
        measure = self.font(font).measure
        if measure(text) <= room:
            return text
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if measure(text[:middle].rstrip() + "…") <= room:
                fits = middle
            else:
                too_long = middle
        return f"{text[:fits].rstrip()}…" if fits else ""

    def on_theme_change(self, callback: Paint, owner: tk.Misc | None = None) -> Callable[[], None]:
        """Call ``callback`` after every switch, until ``owner`` is destroyed or the returned function is called."""
        return self._theme_paints.add(owner or self.app, callback)

    def on_font_change(self, callback: Paint, owner: tk.Misc | None = None) -> Callable[[], None]:
        """As ``on_theme_change``, after every change of type size."""
        return self._font_paints.add(owner or self.app, callback)

    def paint(self, widget: tk.Misc, callback: Paint) -> None:
        """Run ``callback`` now and after every switch while ``widget`` lives: for colours kept in the widget."""
        callback()
        self._theme_paints.add(widget, callback)

    @staticmethod
    def _own(widget: OwnWidget) -> OwnWidget:
        """Keep ttkbootstrap's walk at a switch away from ``widget``: it would parse every style name, 0.1 ms each."""
        vars(widget)["_tb_no_autostyle"] = True
        return widget

    # -- images --------------------------------------------------------------------------------------------------------

    def icon(self, name: str, size: int = 14, color: str = "text2") -> str:
        """The Tk image of a Bootstrap icon in a token's colour. Ask again rather than keep the name unshown."""
        return self._images.get(
            ("icon", name, size, color), lambda: drawing.icon(name, self._icon_px(size), self[color])
        )

    def avatar(
        self,
        code: str,
        state: str,
        outer: str = "card",
        px: int = 28,
        *,
        solid: bool = False,
        hollow: bool = False,
        ring: str | None = None,
    ) -> str:
        """An agent's disc with its ``code`` ("R2"): tinted, ``solid`` (helix node) or ``hollow`` (not there yet).

        ``ring`` is the token of a halo around it.
        """

        def draw() -> Image.Image:
            halo = self[ring] if ring else None
            if hollow:
                rim = self.mix(outer, f"state:{state}", 0.55)
                return drawing.avatar(code, self.px(px), self[outer], self["text2"], self._face, rim=rim, halo=halo)
            if solid:
                ink = "#ffffff" if self.mode == "light" else "#14171a"
                return drawing.avatar(code, self.px(px), self[f"state:{state}"], ink, self._face, halo=halo)
            return drawing.avatar(code, self.px(px), self[f"tint:{state}"], self[f"ink:{state}"], self._face, halo=halo)

        return self._images.get(("avatar", code, state, outer, px, solid, hollow, ring), draw)

    def citation_pill(self, text: str, state: str = "write", outer: str = "card") -> str:
        """The image of a citation, to stand in a line of text; it grows with the type."""

        def draw() -> Image.Image:
            height, font_px = self._type_px(17), self._type_px(11)
            return drawing.pill(
                text, height, font_px, self[f"tint:{state}"], self[f"ink:{state}"], self[outer], self._face
            )

        return self._images.get(("pill", text, state, outer), draw)

    def progress_ring(self, fraction: float, state: str = "write", outer: str = "side", px: int = 14) -> str:
        """A small ring of which ``fraction`` (0–1, in steps of 1/20) is filled."""
        part = round(fraction * 20) / 20
        return self._images.get(
            ("progress", part, state, outer, px),
            lambda: drawing.progress_ring(
                self.px(px), part, self[f"state:{state}"], self.mix(f"state:{state}", outer, 0.62)
            ),
        )

    def logo(self, px: int = 20, on: str = "side") -> str:
        """Felix's mark in the theme's primary colour."""
        return self._images.get(("logo", px, on), lambda: drawing.mark(self.px(px), self["primary"], self[on]))

    def photo(self, image: Image.Image) -> ImageTk.PhotoImage:
        """A Tk image of ``image``; it lives as long as the caller keeps it, and does not follow the theme."""
        return ImageTk.PhotoImage(image, master=self.app)

    def _type_px(self, size: float) -> int:
        return round(size * self._factor * self.fonts.percent / 100)

    def _icon_px(self, size: int) -> int:
        return max(1, self._type_px(size))

    # -- 9-slice boxes -------------------------------------------------------------------------------------------------

    def _box(
        self,
        fill: str,
        outer: str,
        *,
        radius: int = 7,
        border: str | None = None,
        border_width: float = 1,
        size: int = 40,
        corners: drawing.Corners = drawing.ALL_ROUND,
    ) -> str:
        """A rounded box as a Tk image; all colours are tokens, or "a>b@0.07" for a with 7 % of b."""
        recipe = ("box", fill, outer, radius, border, border_width, size, corners)

        def draw() -> Image.Image:
            edge = self.px(size)
            return drawing.rounded(
                (edge, edge),
                self.px(radius),
                self._shade(fill),
                self._shade(outer),
                border=self._shade(border) if border else None,
                border_width=self.px(border_width),
                corners=corners,
            )

        return self._images.get(recipe, draw)

    def _shade(self, colour: str) -> str:
        """A token, or a mixture written "a>b@share"."""
        if ">" not in colour:
            return self[colour]
        start, _, rest = colour.partition(">")
        end, _, share = rest.rpartition("@")
        return self.mix(start, end, float(share))
