"""The menu of a card: what can be copied, what can be asked of its agent, and getting about."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from felix.gui.kit import Kit


class Item(NamedTuple):
    """A line of a menu; `keys` is what the keyboard has for it."""

    label: str
    command: Callable[[], object]
    keys: str = ""
    is_possible: bool = True


def open_menu(kit: Kit, event: tk.Event[Any], groups: Sequence[Sequence[Item]]) -> None:
    """Show it at the pointer, with a line between groups; it goes when it has been used or left."""
    owner = event.widget
    menu = kit.menu(owner)
    for group in groups:
        if group and menu.index("end") is not None:
            menu.add_separator()
        for item in group:
            menu.add_command(
                label=item.label, command=item.command, accelerator=item.keys,
                state="normal" if item.is_possible else "disabled",
            )  # fmt: skip
    menu.bind("<Unmap>", lambda _event: owner.after_idle(menu.destroy))
    menu.tk_popup(event.x_root, event.y_root)
