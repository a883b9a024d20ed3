"""Buttons, menu buttons and menus: four kinds, one look, Space and Enter on all of them, a focus ring only for the
keyboard.
"""

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass, replace
from tkinter import ttk as plain
from typing import Any, Literal

import ttkbootstrap as ttk

from felix.gui.kit.drawing import ALL_ROUND, Corners
from felix.gui.kit.styles import Part, style_name
from felix.gui.kit.surfaces import ICON_GAP, Padding, Surfaces
from felix.gui.kit.tooltips import Tooltips

Kind = Literal["ghost", "outline", "soft", "primary"]
RADIUS = 6
KEYS_TAG = "FelixPress"


@dataclass(frozen=True, slots=True)
class ButtonSpec:
    """What a button was made of, so that one part of it can be changed."""

    text: str
    icon: str | None
    kind: Kind
    on: str
    font: str
    corners: Corners
    padding: Padding | None
    icon_size: int
    arrow: bool
    color: str | None


class MenuButton(plain.Menubutton):
    """A button that opens its ``menu``."""

    @property
    def menu(self) -> tk.Menu:
        """The menu to fill. Looked up, not kept: a ring of references would leave Tk objects to the collector."""
        menu = self.nametowidget(str(self.cget("menu")))
        assert isinstance(menu, tk.Menu)
        return menu


class Buttons(Surfaces):
    """The parts that are pressed."""

    def __init__(self, *args: Any, **options: Any) -> None:  # Ground's
        super().__init__(*args, **options)
        self._tooltips = Tooltips(self)
        self._pointed_at = ""
        app = self.app
        app.bind_class(KEYS_TAG, "<Button-1>", self._remember_pointer)
        app.bind_class(KEYS_TAG, "<FocusIn>", self._show_ring)
        app.bind_class(KEYS_TAG, "<FocusOut>", self._hide_ring)
        app.bind_class(KEYS_TAG, "<Key-space>", _press)  # ttkbootstrap takes Space away from buttons
        for key in ("<Key-Return>", "<KP_Enter>"):
            app.bind_class("TMenubutton", key, _press)

    def tooltip(self, widget: tk.Misc, text: str | Callable[[], str]) -> None:
        """Show ``text`` after 0.4 s over ``widget``; a second call replaces it, an empty text removes it."""
        self._tooltips.set(widget, text)

    def button(
        self,
        parent: tk.Misc,
        text: str = "",
        icon: str | None = None,
        kind: Kind = "ghost",
        on: str = "page",
        font: str = "Base",
        corners: Corners = ALL_ROUND,
        padding: Padding | None = None,
        icon_size: int = 13,
        *,
        arrow: bool = False,
        color: str | None = None,
        command: Callable[[], object] | None = None,
        tooltip: str | Callable[[], str] = "",
        **options: Any,  # ttk.Button's own
    ) -> plain.Button:
        """A button; without words it needs a ``tooltip``, or ValueError. ``color`` replaces its kind's token."""
        _demand_words(text, tooltip)
        spec = ButtonSpec(text, icon, kind, on, font, corners, padding, icon_size, arrow, color)
        button = plain.Button(parent, command=command or "", **self._button_options(spec, "TButton"), **options)
        self._finish_button(button, spec, tooltip)
        return button

    def set_button(
        self,
        button: plain.Button | plain.Menubutton,
        *,
        text: str | None = None,
        icon: str | None = None,
        kind: Kind | None = None,
        color: str | None = None,
    ) -> None:
        """Change some of a button; None leaves as it was, an empty ``icon`` removes it."""
        old = self._specs[button]
        assert isinstance(old, ButtonSpec)
        spec = replace(
            old,
            text=old.text if text is None else text,
            icon=old.icon if icon is None else icon,
            kind=kind or old.kind,
            color=color or old.color,
        )
        self._specs[button] = spec
        base = "TMenubutton" if isinstance(button, plain.Menubutton) else "TButton"
        button.configure(**self._button_options(spec, base))

    def menu_button(
        self,
        parent: tk.Misc,
        text: str = "",
        icon: str | None = None,
        kind: Kind = "soft",
        on: str = "page",
        font: str = "Base",
        corners: Corners = ALL_ROUND,
        padding: Padding | None = None,
        icon_size: int = 13,
        *,
        arrow: bool = True,
        tooltip: str | Callable[[], str] = "",
        **options: Any,  # ttk.Menubutton's own
    ) -> MenuButton:
        """A button that opens a native menu, which is its ``menu`` and is filled by the caller."""
        _demand_words(text, tooltip)
        spec = ButtonSpec(text, icon, kind, on, font, corners, padding, icon_size, arrow, None)
        button = MenuButton(parent, **self._button_options(spec, "TMenubutton"), **options)
        button.configure(menu=self.menu(button))
        self._finish_button(button, spec, tooltip)
        return button

    def menu(self, parent: tk.Misc, **options: Any) -> tk.Menu:  # tk.Menu's own
        """An empty native menu in the theme's colours; post it with ``tk_popup`` or through a menu button."""
        # else the library would paint it again in colours of its own when it comes into view
        menu: tk.Menu = ttk.Menu(parent, tearoff=False, autostyle=False, **options)

        def paint() -> None:
            menu.configure(
                background=self["card"],
                foreground=self["text"],
                activebackground=self.mix("card", "text", 0.08),
                activeforeground=self["text"],
                disabledforeground=self["text2"],  # headings, which are to be read
                selectcolor=self["text"],
                font="Base",
                activeborderwidth=0,  # any more is drawn as a bevel
            )

        self.paint(menu, paint)
        return menu

    def _finish_button(
        self, button: plain.Button | plain.Menubutton, spec: ButtonSpec, tooltip: str | Callable[[], str]
    ) -> None:
        self._specs[self._own(button)] = spec
        self._follow_keys(button)
        if tooltip:
            self.tooltip(button, tooltip)

    def _button_options(self, spec: ButtonSpec, base: str) -> dict[str, Any]:  # keyword arguments of ttk.Button
        icon_only = not spec.text and not spec.arrow
        foreground = self._foreground(spec)
        name = style_name(
            *(spec.kind, spec.on, spec.font, *spec.corners, spec.padding, spec.color),
            *(icon_only, spec.arrow),
            base=base,
        )
        image: str | tuple[str, ...] = ""
        if spec.icon:
            image = (self.icon(spec.icon, spec.icon_size, foreground),)
            image += ("disabled", self.icon(spec.icon, spec.icon_size, "dim"))
        return {
            "style": self._styles.use(name, lambda name: self._cook_button(name, spec, base, icon_only=icon_only)),
            "text": spec.text,
            "image": image,
            "compound": "left" if spec.text or not spec.icon else "image",
        }

    def _foreground(self, spec: ButtonSpec) -> str:
        match spec.kind:
            case "primary":
                return "on_primary"
            case "ghost":
                return spec.color or "text2"
            case "outline" | "soft":
                return spec.color or "text"

    def _cook_button(self, name: str, spec: ButtonSpec, base: str, *, icon_only: bool) -> None:
        rest, hover, pressed, border = self._fills(spec)

        def box(fill: str, line: str | None = None, width: int = 1) -> str:
            return self._box(
                fill, spec.on, radius=RADIUS, border=line, border_width=width, size=32, corners=spec.corners
            )

        ring = box(rest, "text" if spec.kind == "primary" else "primary", 2)
        style = self._styles.ttk
        style.element_create(
            f"{name}.bg",
            "image",
            box(rest, border),
            ("disabled", box(rest, border)),
            ("pressed", box(pressed, border)),
            ("user1", ring),
            ("active", box(hover, border)),
            border=self.px(RADIUS) + 1,
            padding=0,
            width=16,
            height=16,
            sticky="nsew",
        )
        foreground = self._foreground(spec)
        part = base.removeprefix("T")
        children: list[Part] = [(f"{part}.label", {"side": "left", "sticky": "nsew", "expand": 1})]
        if spec.arrow:
            style.element_create(
                f"{name}.arrow", "image", self.icon("chevron-down", 10, foreground), sticky="e", width=self.px(18)
            )
            children.insert(0, (f"{name}.arrow", {"side": "right", "sticky": ""}))
        inner: Part = (f"{part}.padding", {"sticky": "nsew", "children": children})
        style.layout(name, [(f"{name}.bg", {"sticky": "nsew", "children": [inner]})])
        padding = spec.padding
        if padding is None:
            padding = (6, 5) if icon_only else (10, 4, 10, 5)
            if spec.arrow:
                padding = (10, 4, 8, 5) if spec.text else (5, 4, 6, 5)
        style.configure(
            name,
            foreground=self[foreground],
            background=self._shade(rest),
            font=spec.font,
            padding=self._padding(padding),
            borderwidth=0,
            relief="flat",
            anchor="center",
            width="",
            shiftrelief=0,
            space=self.px(ICON_GAP),
        )
        style.map(name, foreground=[("disabled", self["dim"])], background=[], relief=[])

    def _fills(self, spec: ButtonSpec) -> tuple[str, str, str, str | None]:
        """The fills at rest, under the pointer and pressed, and the border; tokens or mixtures of them."""
        on = spec.on
        match spec.kind:
            case "primary":
                return "primary_fill", "primary_fill>away@0.10", "primary_fill>away@0.18", None
            case "outline":
                return "card", "card>text@0.05", "card>text@0.10", "line2"
            case "soft":
                return f"{on}>text@0.06", f"{on}>text@0.11", f"{on}>text@0.16", None
            case "ghost":
                return on, f"{on}>text@0.07", f"{on}>text@0.12", None

    # -- keyboard ------------------------------------------------------------------------------------------------------

    def _follow_keys(self, widget: tk.Misc) -> None:
        """Space presses ``widget``, and its ring shows when the focus came by keyboard."""
        widget.bindtags((KEYS_TAG, *widget.bindtags()))

    def _remember_pointer(self, event: "tk.Event[tk.Misc]") -> None:
        self._pointed_at = str(event.widget)

    def _show_ring(self, event: "tk.Event[Any]") -> None:
        if str(event.widget) != self._pointed_at:
            event.widget.state(["user1"])

    def _hide_ring(self, event: "tk.Event[Any]") -> None:
        if str(event.widget) == self._pointed_at:
            self._pointed_at = ""
        event.widget.state(["!user1"])


def _press(event: "tk.Event[Any]") -> str:
    if isinstance(event.widget, plain.Menubutton):
        event.widget.event_generate("<<Invoke>>")
    else:
        event.widget.invoke()  # not <<Invoke>>: that one sleeps for 100 ms to show the button pressed
    return "break"


def _demand_words(text: str, tooltip: object) -> None:
    if not text and not tooltip:
        raise ValueError("A button without words needs a tooltip.")
