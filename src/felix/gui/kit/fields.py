"""What is filled in or set: entry, toggle, slider and segmented control, all usable by keyboard alone."""

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk as plain
from typing import Any

from felix.gui.kit import drawing
from felix.gui.kit.buttons import Buttons
from felix.gui.kit.segmented import Option, Segmented
from felix.gui.kit.slider import Slider
from felix.gui.kit.styles import Part, style_name


class Fields(Buttons):
    """The parts that take a value."""

    def entry(
        self,
        parent: tk.Misc,
        on: str = "page",
        width: int = 20,
        *,
        bad: bool = False,
        icon: str | None = None,
        placeholder: str = "",
        **options: Any,  # ttk.Entry's own
    ) -> plain.Entry:
        """A line to write in. ``placeholder`` shows while it is empty and is never part of its text."""
        style = self._styles.use(
            style_name("entry", on, icon, base="TEntry"), lambda name: self._cook_entry(name, on, icon)
        )
        entry = plain.Entry(parent, style=style, width=width, font="Base", **options)
        self.set_bad(self._own(entry), bad)
        # ttk lays an entry's text out when it is configured, and not again when its named font grows
        self.on_font_change(lambda: entry.configure(font="Base"), owner=entry)
        if placeholder:
            self._add_placeholder(entry, placeholder, icon, options.get("textvariable"))
        return entry

    def set_bad(self, entry: plain.Entry, bad: bool) -> None:  # noqa: FBT001 - as Tk's own set(True)
        """Mark the entry's border as holding a bad value, or not."""
        entry.state(["invalid" if bad else "!invalid"])

    def _cook_entry(self, name: str, on: str, icon: str | None) -> None:
        def box(line: str, width: int = 1) -> str:
            return self._box("field", on, radius=6, border=line, border_width=width, size=32)

        style = self._styles.ttk
        style.element_create(
            f"{name}.field",
            "image",
            box("line2"),
            ("invalid", "focus", box("fail", 2)),
            ("invalid", box("fail")),
            ("focus", box("primary", 2)),
            border=self.px(7),
            padding=0,
            width=16,
            height=16,
            sticky="nsew",
        )
        inside: list[Part] = [
            ("Entry.padding", {"sticky": "nsew", "expand": 1, "children": [("Entry.textarea", {"sticky": "nsew"})]})
        ]
        if icon:
            style.element_create(f"{name}.icon", "image", self.icon(icon, 12), sticky="e", width=self.px(24))
            inside[0][1]["side"] = "left"
            inside.insert(0, (f"{name}.icon", {"side": "left", "sticky": ""}))
        style.layout(name, [(f"{name}.field", {"sticky": "nsew", "children": inside})])
        style.configure(
            name,
            foreground=self["text"],
            padding=self._padding((6 if icon else 8, 5, 8, 5)),
            borderwidth=0,
            insertcolor=self["text"],
            insertwidth=self.px(1),
            selectbackground=self.mix("primary", "field", 0.72),
            selectforeground=self["text"],
            background=self["field"],
        )
        style.map(
            name,
            foreground=[("disabled", self["dim"])],
            fieldbackground=[],
            selectbackground=[],
            selectforeground=[],
            background=[],
        )

    def _add_placeholder(self, entry: plain.Entry, text: str, icon: str | None, variable: tk.Variable | None) -> None:
        # Tk 8.6 has no placeholder of its own; a label over the field leaves the field's text alone.
        hint = self.label(entry, text, color="text2", on="field", cursor="xterm")
        content = variable or tk.StringVar(entry)
        entry.configure(textvariable=content)
        self._specs[entry] = content  # a Variable dies with its last Python reference
        left = self.px(30 if icon else 9)

        def show(*_trace: str) -> None:
            if not entry.winfo_exists():
                return
            if content.get():
                hint.place_forget()
            else:
                hint.place(x=left, rely=0.5, anchor="w", width=entry.winfo_width() - left - self.px(8))

        trace = content.trace_add("write", show)
        hint.bind("<Button-1>", lambda _event: entry.focus_set())
        entry.bind("<Configure>", lambda _event: show(), add="+")
        entry.bind("<Destroy>", lambda _event: content.trace_remove("write", trace), add="+")

    def toggle(
        self,
        parent: tk.Misc,
        variable: tk.BooleanVar | None = None,
        command: Callable[[], object] | None = None,
        on: str = "card",
        **options: Any,  # ttk.Checkbutton's own
    ) -> plain.Checkbutton:
        """A switch over ``variable``; without one read it with ``instate(["selected"])`` and set it with ``state``."""
        style = self._styles.use(
            style_name("toggle", on, base="TCheckbutton"), lambda name: self._cook_toggle(name, on)
        )
        variable = variable or tk.BooleanVar(parent, value=False)
        toggle = plain.Checkbutton(parent, style=style, variable=variable, command=command or "", **options)
        self._specs[toggle] = variable  # a Variable dies with its last Python reference
        self._follow_keys(self._own(toggle))
        return toggle

    def _cook_toggle(self, name: str, on: str) -> None:
        def image(*, is_on: bool, ring: bool = False, disabled: bool = False) -> str:
            track = "dim" if disabled else ("primary" if is_on else "line2>text2@0.25")
            return self._images.get(
                ("switch", on, is_on, ring, disabled),
                lambda: drawing.switch(
                    self.px(20),
                    self._shade(track),
                    "#ffffff",
                    self[on],
                    on=is_on,
                    ring=self["primary"] if ring else None,
                ),
            )

        self._styles.ttk.element_create(
            f"{name}.switch",
            "image",
            image(is_on=False),
            ("selected", "disabled", image(is_on=True, disabled=True)),
            ("disabled", image(is_on=False, disabled=True)),
            ("selected", "user1", image(is_on=True, ring=True)),
            ("selected", image(is_on=True)),
            ("user1", image(is_on=False, ring=True)),
            padding=0,
        )
        self._styles.ttk.layout(name, [(f"{name}.switch", {"sticky": ""})])
        self._styles.ttk.configure(name, background=self[on], borderwidth=0)

    def slider(
        self,
        parent: tk.Misc,
        from_: float,
        to: float,
        value: float,
        command: Callable[[float], object],
        on: str = "card",
        width: int = 200,
        step: float = 1,
    ) -> Slider:
        """A number between ``from_`` and ``to`` in steps; arrow keys move by one step, PageUp and PageDown by ten."""
        canvas = self.canvas(parent, on, width=self.px(width), height=self.px(20), takefocus=True)
        slider = Slider(self, canvas, (from_, to), step, command)
        slider.set(value)
        return slider

    def slider_knob(self, *, focused: bool) -> str:
        """The handle of a slider as a Tk image."""
        return self._images.get(
            ("knob", focused),
            lambda: drawing.knob(self.px(20), self["primary"], "#ffffff", ring=self["text"] if focused else None),
        )

    def segmented(
        self,
        parent: tk.Misc,
        options: Sequence[Option],
        value: str,
        on_change: Callable[[str], object],
        on: str = "card",
    ) -> Segmented:
        """A row of choices; the arrow keys move between them, ``on_change`` hears of the user's choice."""
        well = "page" if on == "card" else "card"
        frame = self.frame(parent, well, padding=2, box="segmented", border="line2", outer=on)
        buttons: dict[str, plain.Button] = {}
        segmented = Segmented(frame, buttons, on_change)
        for option in options:
            button = self._segment(frame, option, well)
            button.configure(command=lambda value=option.value: segmented.choose(value))  # type: ignore[misc]
            for key, by in (("<Left>", -1), ("<Right>", 1), ("<Up>", -1), ("<Down>", 1)):
                button.bind(key, lambda _event, by=by: segmented.step(by))  # type: ignore[misc]
            button.pack(side="left")
            buttons[option.value] = button
        segmented.set(value)
        return segmented

    def _segment(self, parent: plain.Frame, option: Option, well: str) -> plain.Button:
        if not option.text and not option.tooltip:
            raise ValueError("A choice without words needs a tooltip.")
        style = self._styles.use(
            style_name("segment", well, bool(option.text), base="TButton"),
            lambda name: self._cook_segment(name, well, words=bool(option.text)),
        )
        image: str | tuple[str, ...] = ""
        if option.icon:
            image = (self.icon(option.icon, 13), "selected", self.icon(option.icon, 13, "text"))
        compound = "left" if option.text else "image"
        button = plain.Button(parent, text=option.text, image=image, compound=compound, style=style)  # type: ignore[arg-type]
        self._follow_keys(self._own(button))
        if option.tooltip:
            self.tooltip(button, option.tooltip)
        return button

    def _cook_segment(self, name: str, well: str, *, words: bool) -> None:
        def box(fill: str, line: str | None = None) -> str:
            return self._box(fill, well, radius=5, border=line, border_width=2, size=32)

        style = self._styles.ttk
        style.element_create(
            f"{name}.bg",
            "image",
            box(well),
            ("selected", "user1", box("chosen", "primary")),
            ("user1", box(well, "primary")),
            ("selected", box("chosen")),
            ("active", box(f"{well}>text@0.05")),
            border=self.px(6),
            padding=0,
            width=16,
            height=16,
            sticky="nsew",
        )
        inner: Part = ("Button.padding", {"sticky": "nsew", "children": [("Button.label", {"sticky": "nsew"})]})
        style.layout(name, [(f"{name}.bg", {"sticky": "nsew", "children": [inner]})])
        style.configure(
            name,
            foreground=self["text2"],
            background=self[well],
            font="Base",
            padding=self._padding((10, 3, 10, 4) if words else (7, 4)),
            borderwidth=0,
            relief="flat",
            anchor="center",
            width="",
            shiftrelief=0,
            space=self.px(7),
        )
        style.map(
            name,
            foreground=[("disabled", self["dim"]), ("selected", self["text"]), ("active", self["text"])],
            background=[],
            relief=[],
        )
