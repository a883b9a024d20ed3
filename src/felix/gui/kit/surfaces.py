"""Frames, rounded cards, labels, badges, rules and canvases."""

import tkinter as tk
from dataclasses import dataclass, replace
from tkinter import ttk as plain
from typing import Any

import ttkbootstrap as ttk

from felix.gui.kit.ground import Ground
from felix.gui.kit.styles import Part, style_name
from felix.gui.kit.tokens import STATES

ICON_GAP = 7
Padding = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LabelSpec:
    """What a label was made of, so that one part of it can be changed."""

    text: str
    font: str
    color: str
    on: str
    icon: str | None
    icon_size: int
    icon_color: str | None
    image: str | None


@dataclass(frozen=True, slots=True)
class BadgeSpec:
    """What a badge stands on."""

    on: str
    solid: bool


class Surfaces(Ground):
    """The parts that only show."""

    def frame(
        self,
        parent: tk.Misc,
        surface: str = "page",
        padding: Padding = 0,
        box: str | None = None,
        border: str | None = "line",
        outer: str = "page",
        radius: int = 7,
        **options: Any,  # ttk.Frame's own
    ) -> plain.Frame:
        """A flat frame; with ``box`` ("card", "well", …) a rounded one on ``outer``, whose padding should be 3 or more.

        A rounded frame shows its ttk states: ``active`` (hover) a stronger line, ``selected`` a primary line,
        ``focus`` or ``user1`` a 2 px primary line, ``invalid`` a red one.
        """
        if box is None:
            style = self._styles.use(
                style_name("frame", surface, base="TFrame"),
                lambda name: self._styles.ttk.configure(name, background=self[surface], borderwidth=0, relief="flat"),
            )
        else:
            style = self._styles.use(
                style_name("box", box, surface, outer, border, radius, base="TFrame"),
                lambda name: self._cook_box(name, surface, outer, border, radius),
            )
        return self._own(plain.Frame(parent, style=style, padding=self._padding(padding), **options))

    def _cook_box(self, name: str, surface: str, outer: str, border: str | None, radius: int) -> None:
        def box(line: str | None, width: int = 1) -> str:
            return self._box(surface, outer, radius=radius, border=line, border_width=width, size=64)

        strong = box("primary", 2)
        states = [("user1", strong), ("focus", strong), ("invalid", box("fail")), ("selected", box("primary"))]
        if border:
            states.append(("active", box("line2")))
        edge = self.px(radius) + 2
        self._styles.ttk.element_create(
            f"{name}.bg", "image", box(border), *states, border=edge, padding=0, width=16, height=16, sticky="nsew"
        )
        self._styles.ttk.layout(name, [(f"{name}.bg", {"sticky": "nsew"})])
        self._styles.ttk.configure(name, background=self[surface], borderwidth=0, relief="flat")

    def label(
        self,
        parent: tk.Misc,
        text: str = "",
        font: str = "Base",
        color: str = "text",
        on: str = "page",
        icon: str | None = None,
        icon_size: int = 12,
        icon_color: str | None = None,
        image: str | None = None,
        padding: Padding = 0,
        **options: Any,  # ttk.Label's own
    ) -> plain.Label:
        """A line of text with an icon or image before it; ``configure(text=…)`` may change the text at any time."""
        spec = LabelSpec(text, font, color, on, icon, icon_size, icon_color, image)
        label = plain.Label(parent, padding=self._padding(padding), **self._label_options(spec), **options)
        self._specs[label] = spec
        return self._own(label)

    def set_label(self, label: plain.Label, **changes: Any) -> None:  # LabelSpec's fields
        """Change text, font, color, icon, icon_size, icon_color, image or on of a label of this kit."""
        old = self._specs[label]
        assert isinstance(old, LabelSpec)
        spec = replace(old, **changes)
        self._specs[label] = spec
        label.configure(**self._label_options(spec))

    def _label_options(self, spec: LabelSpec) -> dict[str, Any]:  # keyword arguments of ttk.Label
        def cook(name: str) -> None:
            self._styles.ttk.configure(
                name,
                background=self[spec.on],
                foreground=self[spec.color],
                font=spec.font,
                borderwidth=0,
                padding=0,
                space=self.px(ICON_GAP),
            )
            self._styles.ttk.map(name, foreground=[], background=[])

        image = spec.image or ""
        if spec.icon:
            image = self.icon(spec.icon, spec.icon_size, spec.icon_color or spec.color)
        return {
            "style": self._styles.use(style_name("label", spec.on, spec.font, spec.color, base="TLabel"), cook),
            "text": spec.text,
            "image": image,
            "compound": "left" if spec.text or not image else "image",
        }

    def badge(
        self,
        parent: tk.Misc,
        text: str,
        state: str,
        icon: str | None = None,
        on: str = "card",
        *,
        solid: bool = False,
    ) -> plain.Label:
        """A word and a shape on the tint of ``state``; ``solid`` is the primary pill ("14 new lines")."""
        # All states at once: a style made in the middle of a run would lay out every widget of the window again.
        for each in STATES:
            self._badge_style(each, on, solid=solid)
        badge = self._own(plain.Label(parent))
        self._specs[badge] = BadgeSpec(on, solid)
        self.set_badge(badge, text, state, icon)
        return badge

    def set_badge(self, badge: plain.Label, text: str, state: str, icon: str | None = None) -> None:
        """Change word, colour and shape of a badge."""
        spec = self._specs[badge]
        assert isinstance(spec, BadgeSpec)
        colour = "on_primary" if spec.solid else f"ink:{state}"
        badge.configure(
            text=text,
            style=self._badge_style(state, spec.on, solid=spec.solid),
            image=self.icon(icon, 11, colour) if icon else "",
            compound="left" if text or not icon else "image",
        )

    def _badge_style(self, state: str, on: str, *, solid: bool) -> str:
        fill, ink = ("primary_fill", "on_primary") if solid else (f"tint:{state}", f"ink:{state}")

        def cook(name: str) -> None:
            edge = self.px(10)
            image = self._box(fill, on, radius=10, size=20)
            self._styles.ttk.element_create(
                f"{name}.bg", "image", image, border=(edge - 1, edge - 1), padding=0, width=edge * 2, height=edge * 2,
                sticky="nsew",
            )  # fmt: skip
            label = ("Label.label", {"sticky": "nsew"})
            padding: Part = ("Label.padding", {"sticky": "nsew", "children": [label]})
            self._styles.ttk.layout(name, [(f"{name}.bg", {"sticky": "nsew", "children": [padding]})])
            self._styles.ttk.configure(
                name,
                foreground=self[ink],
                background=self[fill],
                font="Tiny",
                padding=(self.px(8), 2, self.px(8), 3),
                borderwidth=0,
                space=self.px(5),
            )

        return self._styles.use(style_name("badge", "solid" if solid else state, on, base="TLabel"), cook)

    def rule(self, parent: tk.Misc, color: str = "line", *, vertical: bool = False) -> plain.Frame:
        """A hairline."""
        rule = self.frame(parent, color)
        rule.configure(width=1) if vertical else rule.configure(height=1)
        return rule

    def canvas(self, parent: tk.Misc, on: str = "page", **options: Any) -> tk.Canvas:  # tk.Canvas' own
        """A canvas on a surface; its items' colours are the caller's (``on_theme_change``)."""
        canvas: tk.Canvas = ttk.Canvas(parent, autostyle=False, highlightthickness=0, borderwidth=0, **options)
        self.paint(canvas, lambda: canvas.configure(background=self[on]))
        return canvas

    def _padding(self, padding: Padding) -> Any:  # typeshed counts the tuple's members
        return self.px(padding) if isinstance(padding, int) else tuple(map(self.px, padding))
