"""Text panes: for reading (scrolled, selected and copied, never edited) or for writing, with the tags of Felix's
texts.

A pane is read-only by having other bindings, not by ``state="disabled"``: toggling the state costs a millisecond at
each append.
"""

import tkinter as tk
from typing import Any

import ttkbootstrap as ttk

from felix.gui.kit.fields import Fields

READ_TAG = "FelixRead"
# Of the Text class: what selects, copies and scrolls. All else types, pastes or deletes.
KEPT_BINDINGS = (
    *("<Button-1>", "<B1-Motion>", "<Double-Button-1>", "<Triple-Button-1>", "<Shift-Button-1>"),
    *("<Double-Shift-Button-1>", "<Triple-Shift-Button-1>", "<B1-Leave>", "<B1-Enter>", "<ButtonRelease-1>"),
    *("<Control-Button-1>", "<Button-2>", "<B2-Motion>", "<<Copy>>", "<<SelectAll>>", "<<SelectNone>>"),
    *("<<SelectPrevChar>>", "<<SelectNextChar>>", "<<SelectPrevLine>>", "<<SelectNextLine>>", "<<SelectPrevWord>>"),
    *("<<SelectNextWord>>", "<<SelectPrevPara>>", "<<SelectNextPara>>", "<<SelectLineStart>>", "<<SelectLineEnd>>"),
    *("<Shift-Key-Prior>", "<Shift-Key-Next>", "<MouseWheel>", "<Shift-MouseWheel>", "<TouchpadScroll>"),
    *("<Button-4>", "<Button-5>", "<Shift-Button-4>", "<Shift-Button-5>"),
)
SCROLL_KEYS = {
    "<Up>": "scroll -1 units",
    "<Down>": "scroll 1 units",
    "<Prior>": "scroll -1 pages",
    "<Next>": "scroll 1 pages",
    "<Home>": "moveto 0",
    "<End>": "moveto 1",
    "<Control-Home>": "moveto 0",
    "<Control-End>": "moveto 1",
}
LINE_GAP = 3
"""Between two lines of a text."""


def line_spacing(gap: int, above: int = 0) -> dict[str, Any]:  # options of Tk, whose stubs take no dict of int
    """Options of a Text or a tag that make every line on screen `gap` higher than its font, and the first by `above`.

    Tk puts half of spacing2 at either side of a break of its own, so equal values would make a broken line uneven:
    19, 21 and 23 pixels rather than 21 each.
    """
    return {"spacing1": gap - gap // 2 + above, "spacing2": gap, "spacing3": gap // 2}


class Reading(Fields):
    """The parts that hold a text."""

    def __init__(self, *args: Any, **options: Any) -> None:  # Ground's
        super().__init__(*args, **options)
        tcl = self.app.tk
        for sequence in KEPT_BINDINGS:
            if script := self.app.bind_class("Text", sequence):
                tcl.call("bind", READ_TAG, sequence, script)
        for key, move in SCROLL_KEYS.items():
            tcl.call("bind", READ_TAG, key, f"%W yview {move}; break")
        for key in ("<Control-a>", "<Control-A>"):
            tcl.call("bind", READ_TAG, key, "%W tag add sel 1.0 end-1c; break")

    def text(
        self,
        parent: tk.Misc,
        on: str = "card",
        font: str = "Base",
        padx: int = 12,
        pady: int = 4,
        *,
        editable: bool = False,
        color: str = "text",
        **options: Any,  # tk.Text's own
    ) -> tk.Text:
        """A pane with the tags b, i, code, h2, h3, li, li_more, code_line, code_edge, dim, quiet and caret.

        ``font`` is Base, Small or Read. Every line is as high as another, whatever stands in it.
        Its tags follow theme and type size. A tag that is added later should be lowered below ``sel``.
        """
        options = {
            "wrap": "word",
            "height": 1,
            "width": 1,
            **line_spacing(LINE_GAP),
            "undo": editable,
            "cursor": "xterm",
            **options,
        }
        text: tk.Text = ttk.Text(
            parent,
            autostyle=False,
            relief="flat",
            borderwidth=0,
            highlightthickness=0,
            padx=self.px(padx),
            pady=self.px(pady),
            font=font,
            insertwidth=self.px(1) if editable else 0,
            **options,
        )
        if not editable:
            text.bindtags(tuple(READ_TAG if tag == "Text" else tag for tag in text.bindtags()))
        self._measure_tags(text, font)
        self.paint(text, lambda: self._colour_text(text, on, color))
        self.on_font_change(lambda: self._measure_tags(text, font), owner=text)
        return text

    def _colour_text(self, text: tk.Text, on: str, color: str) -> None:
        text.configure(
            background=self[on],
            foreground=self[color],
            insertbackground=self["text"],
            selectbackground=self.mix("primary", on, 0.72),
            selectforeground=self["text"],
            inactiveselectbackground=self.mix("primary", on, 0.80),
        )
        for tag in ("code", "code_line"):
            text.tag_configure(tag, background=self["code"])
        text.tag_configure("li", lmargincolor=self[on])  # else the tint of code at a line's start runs into the margin
        text.tag_configure("quoted", lmargincolor=self[on], foreground=self["text2"])
        text.tag_configure("dim", foreground=self["text2"])
        for tag in ("quiet", "code_edge"):
            text.tag_configure(tag, foreground=self["text2"])
        text.tag_configure("caret", foreground=self["state:write"])

    def _measure_tags(self, text: tk.Text, font: str) -> None:
        large = font == "Read"
        strong = {"Read": "ReadStrong", "Small": "SmallStrong"}.get(font, "Strong")
        text.tag_configure("b", font=strong)
        text.tag_configure("i", font="ReadItalic" if large else "Italic")
        text.tag_configure("code", font="Mono")
        text.tag_configure("quiet", font="Small")
        indent = self.fonts[font].measure("•\u2002")
        text.tag_configure("li", lmargin1=1, lmargin2=1 + indent)
        text.tag_configure("quoted", lmargin1=1 + indent, lmargin2=1 + indent)
        text.tag_configure("li_more", lmargin1=1 + indent, lmargin2=1 + indent)
        # whatever stands in a line, it is as high as the others, or as two of them: so whole lines fit the pane
        line = self.fonts[font].metrics("linespace") + LINE_GAP
        h2, h3 = ("H2", "H3") if large else ("H3", strong)
        for tag, name, above in (("h2", h2, line * large), ("h3", h3, line * large), ("code_line", "Mono", 0),
                                 ("code_edge", "Small", 0)):  # fmt: skip
            gap = max(0, line - self.fonts[name].metrics("linespace"))
            text.tag_configure(tag, font=name, **line_spacing(gap, above))
        text.tag_raise("sel")
