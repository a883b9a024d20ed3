"""ttk styles as recipes: each is cooked once per theme, at the latest when the theme is entered.

ttk keeps layouts, elements and colours per theme, so the same style name can mean the right thing in both, and a
switch needs no widget to be touched. Names hold no blanks: ttk would read them as several elements.
"""

import tkinter as tk
from collections.abc import Callable
from functools import lru_cache
from tkinter import ttk
from typing import Any

Recipe = Callable[[str], object]
Part = tuple[str, Any]  # a node of a ttk layout: typeshed cannot type the tree below it


class StyleSheet:
    """The recipes known so far and the themes in which each has been cooked."""

    def __init__(self, app: tk.Tk) -> None:
        # Plain ttk: ttkbootstrap's Style would remember every option and replay it into the other theme.
        self.ttk = ttk.Style(app)
        self._recipes: dict[str, Recipe] = {}
        self._cooked: set[tuple[str, str]] = set()

    def use(self, name: str, recipe: Recipe) -> str:
        """``name``, after making sure that the style exists in the current theme."""
        self._recipes.setdefault(name, recipe)
        self._cook(name, str(self.ttk.theme_use()))
        return name

    def enter_theme(self) -> None:
        """Cook whatever the current theme has not seen yet."""
        theme = str(self.ttk.theme_use())
        for name in self._recipes:
            self._cook(name, theme)

    def _cook(self, name: str, theme: str) -> None:
        if (theme, name) not in self._cooked:
            self._cooked.add((theme, name))
            self._recipes[name](name)


@lru_cache(maxsize=2_000)
def style_name(*parts: object, base: str) -> str:
    """A style name from ``parts``, falling back straight to ``base`` (such as ``TButton``)."""
    words = "_".join("".join(char if char.isalnum() else "-" for char in str(part)) for part in parts)
    return f"Felix_{words}.{base}"
