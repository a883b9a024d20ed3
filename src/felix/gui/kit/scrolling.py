"""Scrollbars that hide when all fits, and a frame that scrolls by bar, wheel and keyboard focus."""

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk as plain
from typing import Any, Literal

from PIL import Image

from felix.gui.kit import drawing
from felix.gui.kit.reading import Reading
from felix.gui.kit.styles import Part, style_name

BAR, THUMB = 10, 6
WHEEL_STEP_PX = 60


class ScrolledFrame:
    """``frame`` is placed by the caller, children go into ``body``; the body is as wide as the frame."""

    def __init__(self, frame: plain.Frame, canvas: tk.Canvas, body: plain.Frame, bar: plain.Scrollbar) -> None:
        self.frame, self.canvas, self.body, self.bar = frame, canvas, body, bar
        self._window = canvas.create_window(0, 0, window=body, anchor="nw")
        self._held: tuple[tk.Misc, int] | None = None
        """What stays where it is when the body changes, and where that is: pixels below the upper edge."""
        self._is_keeping = False
        body.bind("<Configure>", lambda _event: self._measure())
        canvas.bind("<Configure>", lambda event: self._widen(event.width))

    @property
    def fits(self) -> bool:
        """Whether there is nothing to scroll."""
        return self.body.winfo_reqheight() <= self.canvas.winfo_height()

    def to_top(self) -> None:
        """Show the beginning."""
        self.canvas.yview_moveto(0)
        self._hold()

    def scroll(self, pixels: int) -> None:
        """Move the view down by ``pixels``."""
        self._move(pixels)
        self._hold()

    def yview(self, *args: str) -> None:
        """As the canvas's own, for its bar."""
        self.canvas.yview(*args)
        self._hold()

    def see(self, widget: tk.Misc) -> None:
        """Move the view no more than needed to show ``widget``, a descendant of the body."""
        top = self._top(widget)
        bottom = top + widget.winfo_height() - self.canvas.winfo_height()
        if top < 0:
            self.scroll(top - 8)
        elif bottom > 0:
            self.scroll(min(bottom + 8, top))
        self._hold(widget)

    def _move(self, pixels: int) -> None:
        if not self.fits:
            height = max(1, self.body.winfo_height())
            self.canvas.yview_moveto((self.canvas.canvasy(0) + pixels) / height)

    def _top(self, widget: tk.Misc) -> int:
        # not by its place on the screen: the canvas moves its body only when it is drawn
        return widget.winfo_rooty() - self.body.winfo_rooty() - round(self.canvas.canvasy(0))

    def _hold(self, widget: tk.Misc | None = None) -> None:
        """Keep ``widget`` where it is now, whatever changes above it; None: what stands at the upper edge."""
        held = widget or self._at_the_edge(self.body)
        self._held = held, self._top(held)

    def _at_the_edge(self, parent: tk.Misc) -> tk.Misc:
        """The innermost widget below ``parent`` that the upper edge goes through, or the first one below it."""
        shown = (each for each in parent.winfo_children() if each.winfo_ismapped())
        inside = [each for each in shown if self._top(each) + each.winfo_height() > 0]
        return self._at_the_edge(min(inside, key=self._top)) if inside else parent

    def _measure(self) -> None:
        self.canvas.configure(scrollregion=(0, 0, self.body.winfo_width(), self.body.winfo_reqheight()))
        if self.fits:
            self.canvas.yview_moveto(0)
        elif not self._is_keeping:
            self._is_keeping = True
            self.canvas.after_idle(self._keep)  # what is inside has not found its places yet

    def _keep(self) -> None:
        self._is_keeping = False
        if self._held is not None and self._held[0].winfo_exists() and self._held[0].winfo_ismapped():
            held, top = self._held
            self._move(self._top(held) - top)

    def _widen(self, width: int) -> None:
        self.canvas.itemconfigure(self._window, width=width)
        self._measure()


class Scrolling(Reading):
    """The parts that move."""

    def __init__(self, *args: Any, **options: Any) -> None:  # Ground's
        super().__init__(*args, **options)
        self._scrolled: dict[str, ScrolledFrame] = {}
        self._last_focused: object = None
        """Of the children of those."""
        app = self.app
        # One binding on everything: the wheel turns over children, and their own bindings must keep working.
        app.bind_all("<MouseWheel>", lambda event: self._wheel(event, -event.delta), add="+")
        app.bind_all("<Button-4>", lambda event: self._wheel(event, -120), add="+")
        app.bind_all("<Button-5>", lambda event: self._wheel(event, 120), add="+")
        app.bind_all("<FocusIn>", self._focus_moved, add="+")

    def scrollbar(
        self,
        parent: tk.Misc,
        command: Callable[..., Any],
        on: str = "page",
        orient: Literal["vertical", "horizontal"] = "vertical",
    ) -> plain.Scrollbar:
        """A thin bar for a ``yview`` or ``xview``; give its ``set`` to the widget. It shows nothing when all fits."""
        base = "Vertical.TScrollbar" if orient == "vertical" else "Horizontal.TScrollbar"
        style = self._styles.use(
            style_name("bar", on, base=base), lambda name: self._cook_bar(name, on, upright=orient == "vertical")
        )
        return self._own(plain.Scrollbar(parent, orient=orient, command=command, style=style, takefocus=False))

    def _cook_bar(self, name: str, on: str, *, upright: bool) -> None:
        thick, thin = self.px(BAR), self.px(THUMB)
        long = 4 * thick

        def thumb(shade: str) -> str:
            def draw() -> Image.Image:
                bar = drawing.rounded((thin, long), thin // 2, self._shade(shade), self[on])
                image = Image.new("RGB", (thick, long), self[on])
                image.paste(bar, ((thick - thin) // 2, 0))
                return image if upright else image.transpose(Image.Transpose.ROTATE_90)

            return self._images.get(("thumb", on, shade, upright), draw)

        size = (thick, long) if upright else (long, thick)
        # As large as the thumb: Tk tiles an image without a middle between its borders for ever.
        blank = self._images.get(("trough", on, upright), lambda: Image.new("RGB", size, self[on]))
        style = self._styles.ttk
        style.element_create(f"{name}.trough", "image", blank, border=0, padding=0, sticky="nsew")
        least = {"width": thick, "height": 3 * thick} if upright else {"width": 3 * thick, "height": thick}
        style.element_create(
            f"{name}.thumb",
            "image",
            thumb(f"{on}>text2@0.35"),
            ("disabled", blank),
            ("pressed", thumb(f"{on}>text2@0.75")),
            ("active", thumb(f"{on}>text2@0.60")),
            border=(0, thick) if upright else (thick, 0),
            padding=0,
            sticky="nsew",
            **least,
        )
        inner: Part = (f"{name}.thumb", {"expand": 1, "sticky": "nsew"})
        style.layout(name, [(f"{name}.trough", {"sticky": "nsew", "children": [inner]})])
        style.configure(name, background=self[on], borderwidth=0, troughcolor=self[on])

    def scrolled_frame(self, parent: tk.Misc, on: str = "page") -> ScrolledFrame:
        """A frame whose ``body`` may be higher; the wheel scrolls it, and a child that gets the focus is shown."""
        frame = self.frame(parent, on)
        canvas = self.canvas(frame, on, width=1, height=1, yscrollincrement=1)
        bar = self.scrollbar(frame, canvas.yview, on)
        canvas.configure(yscrollcommand=bar.set)
        bar.pack(side="right", fill="y")
        canvas.pack(side="left", fill="both", expand=True)
        scrolled = ScrolledFrame(frame, canvas, self.frame(canvas, on), bar)
        bar.configure(command=scrolled.yview)
        path = str(canvas)
        self._scrolled[path] = scrolled
        canvas.bind("<Destroy>", lambda _event: self._scrolled.pop(path, None), add="+")
        return scrolled

    def _wheel(self, event: "tk.Event[Any]", delta: int) -> None:
        widget = event.widget
        if isinstance(widget, tk.Text | tk.Listbox) and widget.yview() != (0.0, 1.0):
            return  # it scrolls by itself
        if scrolled := self._scrolled_around(str(widget)):
            if self.app.tk.call("tk", "windowingsystem") == "aqua":
                delta *= 120  # macOS counts notches
            scrolled.scroll(round(delta / 120 * self.px(WHEEL_STEP_PX)))

    def _focus_moved(self, event: "tk.Event[Any]") -> None:
        scrolled = self._scrolled_around(str(event.widget))
        if scrolled is None or not isinstance(event.widget, tk.Misc) or isinstance(event.widget, tk.Menu):
            return  # a menu gives the focus back to whatever had it
        if str(self.app.tk.call("focus")) != str(event.widget):
            return  # all frames around what gets the keyboard are told, too
        # the same one again is the window's coming back from a dialog: what the reader saw stays where it is
        came_back, self._last_focused = event.widget is self._last_focused, event.widget
        if not came_back and not scrolled.fits and event.widget is not scrolled.canvas:
            scrolled.see(event.widget)

    def _scrolled_around(self, path: str) -> ScrolledFrame | None:
        """The innermost scrolled frame that holds the widget of this path."""
        while path and path != ".":
            if path in self._scrolled:
                return self._scrolled[path]
            path = path.rpartition(".")[0]
        return None
