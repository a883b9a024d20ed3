"""Tk images that follow the theme by themselves.

An image is kept under its recipe and repainted *in place* when colours or sizes change: every label, button, text and
canvas that shows it follows without being touched, and no list of those widgets is needed.
"""

import tkinter as tk
from collections import OrderedDict
from collections.abc import Callable, Hashable

from PIL import Image, ImageTk

LIMIT = 600


class ImageStore:
    """The images of one root, by recipe. Past ``limit`` of them, the oldest that nothing shows are dropped."""

    def __init__(self, app: tk.Tk, limit: int = LIMIT) -> None:
        self._app, self._limit = app, limit
        self._kept: OrderedDict[Hashable, tuple[ImageTk.PhotoImage, Callable[[], Image.Image]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, recipe: Hashable, draw: Callable[[], Image.Image]) -> str:
        """The Tk name of ``recipe``'s image, drawn now if it is new; ``draw`` looks its colours up anew each time."""
        if recipe in self._kept:
            self._kept.move_to_end(recipe)
        else:
            self._drop_unused()
            self._kept[recipe] = ImageTk.PhotoImage(draw(), master=self._app), draw
        return str(self._kept[recipe][0])

    def repaint(self) -> None:
        """Draw every image again, in its own place; one that changed its size resizes whatever shows it."""
        for photo, draw in self._kept.values():
            image = draw()
            self._app.tk.call(str(photo), "configure", "-width", image.width, "-height", image.height)
            photo.paste(image)

    def _drop_unused(self) -> None:
        if len(self._kept) < self._limit:
            return
        for recipe, (photo, _) in list(self._kept.items()):
            if not self._app.tk.getboolean(self._app.tk.call("image", "inuse", str(photo))):
                del self._kept[recipe]
            if len(self._kept) < self._limit:
                return
