"""The notebook whose tab row is the window's header."""

import tkinter as tk
from tkinter import ttk as plain

from PIL import Image

from felix.gui.kit.scrolling import Scrolling
from felix.gui.kit.styles import Part

HEIGHT, UNDERLINE, BRAND_WIDTH = 44, 2, 112


class Header(Scrolling):
    """Adds the notebook to the kit."""

    def notebook(self, parent: tk.Misc) -> plain.Notebook:
        """A notebook with flat tabs 44 px high, underlined when selected; 112 px at its left are free for the brand.

        Place it at x −1 with 2 px more than its parent's width: that hides the side borders of the theme.
        """
        return self._own(plain.Notebook(parent, style=self._styles.use("Felix.TNotebook", self._cook_notebook)))

    def _cook_notebook(self, name: str) -> None:
        def tab(shade: str, underline: str | None) -> str:
            def draw() -> Image.Image:
                width, height = self.px(16), self.px(HEIGHT)
                image = Image.new("RGB", (width, height), self[shade])
                if underline:
                    image.paste(self[underline], (0, height - self.px(UNDERLINE), width, height))
                return image

            return self._images.get(("tab", shade, underline), draw)

        style = self._styles.ttk
        style.element_create(
            f"{name}.tabbg",
            "image",
            tab("side", None),
            ("selected", "focus", tab("side", "text")),
            ("selected", tab("side", "primary")),
            border=(0, 2, 0, 3),
            padding=0,
            sticky="nsew",
        )
        label = ("Notebook.label", {"sticky": ""})
        padding: Part = ("Notebook.padding", {"sticky": "nsew", "children": [label]})
        style.layout(name, [("Notebook.client", {"sticky": "nsew"})])
        style.layout(f"{name}.Tab", [(f"{name}.tabbg", {"sticky": "nsew", "children": [padding]})])
        side = self["side"]
        style.configure(
            name,
            background=side,
            borderwidth=0,
            tabmargins=(self.px(BRAND_WIDTH), 0, 0, 0),
            padding=0,
            bordercolor=self["line"],
            lightcolor=side,
            darkcolor=side,
        )
        style.configure(f"{name}.Tab", padding=self.px(13), font="Base", borderwidth=0, background=side)
        style.map(
            f"{name}.Tab",
            foreground=[("selected", self["text"]), ("active", self["text"]), ("", self["text2"])],
            padding=[],
            expand=[],
            background=[],
            font=[],
        )
