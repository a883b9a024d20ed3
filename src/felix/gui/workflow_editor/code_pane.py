"""A pane of YAML with line numbers, colours and one marked line.

Numbers and colours are drawn for the lines in view alone, once Tk is idle: a long file costs what a short one does.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.kit import Kit
from felix.gui.workflow_editor.yaml_colours import KINDS, Kind, block_lines, spans

INDENT = 2
_COLOURS: dict[Kind, str] = {
    "key": "ink:write",
    "text": "ink:done",
    "number": "ink:prep",
    "word": "ink:think",
    "comment": "text2",
    "mark": "text2",
}
_MOST_COLOURED = 400_000
"""Characters; no workflow may be longer, and what is stays in one colour."""
_NUL = "\u2400"
_HANG, _DEEPEST = "hang", 24
"""Name of the tags that indent wrapped lines, and the most blanks they follow."""


class CodePane:
    """`frame` is what the caller places; `on_edit` hears of every edit, after it."""

    def __init__(self, parent: tk.Misc, kit: Kit, *, editable: bool, on_edit: Callable[[], object]) -> None:
        self._kit, self._on_edit = kit, on_edit
        self._lines: list[str] = []
        self._in_block: list[bool] = []
        self._coloured: set[int] = set()
        self._fault_line: int | None = None
        self._fault_state = "fail"
        self._is_drawing = False
        self.frame = kit.frame(parent, "card")
        self._gutter = kit.canvas(self.frame, "card", width=1)
        self._gutter.pack(side="left", fill="y")
        kit.rule(self.frame, vertical=True).pack(side="left", fill="y")
        self.text = kit.text(self.frame, "card", "Mono", padx=10, pady=8, editable=editable, maxundo=1000)
        self._bar = kit.scrollbar(self.frame, self.text.yview, "card")
        self._bar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.text.configure(yscrollcommand=self._scrolled)
        kit.paint(self.text, self._paint)
        kit.on_font_change(self._measure, owner=self.text)
        self._measure()
        self.text.bind("<<Modified>>", self._modified)
        self.text.bind("<Configure>", lambda _event: self._draw_soon(), add="+")
        self._gutter.bind("<Button-1>", lambda event: self.go_to(self._line_at(event.y)))
        if editable:
            self._bind_keys()

    def _bind_keys(self) -> None:
        text = self.text
        text.bind("<Tab>", lambda _event: self._indent(INDENT))
        for key in ("<Shift-Tab>", "<ISO_Left_Tab>"):
            try:
                text.bind(key, lambda _event: self._indent(-INDENT))
            except tk.TclError:  # a name that only X11 knows
                continue
        text.bind("<Control-Tab>", lambda _event: self._leave())
        text.bind("<Return>", self._new_line)
        text.bind("<<Paste>>", lambda _event: self._drop_selection())  # X11 would paste beside it
        for key in ("<Control-y>", "<Control-Y>", "<Control-Z>"):
            text.bind(key, lambda _event: self._redo())

    # -- content -------------------------------------------------------------------------------------------------------

    @property
    def content(self) -> str:
        """The whole text, as a file should hold it."""
        content = self.text.get("1.0", "end-1c")
        return content + "\n" if content else ""

    def load(self, content: str) -> None:
        """Show another text; what was there cannot be brought back by Undo. The place of the reader stays."""
        text, view, cursor = self.text, self.text.yview()[0], self.text.index("insert")
        text.delete("1.0", "end")
        # NUL would cut the rest off
        text.insert("1.0", content.replace("\r\n", "\n").removesuffix("\n").replace("\0", _NUL))
        text.mark_set("insert", cursor)
        text.yview_moveto(view)
        if text.cget("undo"):
            text.edit_reset()

    def change(self, content: str) -> None:
        """Put another text in place of this one, where it differs, as one step that Undo takes back."""
        text, before = self.text, self.content
        old, new = before.removesuffix("\n").split("\n"), content.removesuffix("\n").split("\n")
        first = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        last = 0
        while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
            last += 1
        text.configure(autoseparators=False)
        text.edit_separator()
        inserted = new[first : len(new) - last]
        text.delete(f"{first + 1}.0", f"{len(old) - last + 1}.0")
        if first >= len(old) - last and first == len(old):
            text.insert("end-1c", "".join(f"\n{line}" for line in inserted))
        else:
            text.insert(f"{first + 1}.0", "".join(f"{line}\n" for line in inserted))
        text.edit_separator()
        text.configure(autoseparators=True)
        self.go_to(first + 1)

    def mark_fault(self, line: int | None, state: str = "fail") -> None:
        """Mark a line, counted from 1, and no other, in the colour of one of the kit's states."""
        if (line, state) != (self._fault_line, self._fault_state):
            self._fault_line, self._fault_state = line, state
            self.text.tag_remove("fault", "1.0", "end")
            self.text.tag_configure("fault", background=self._kit[f"tint:{state}"])
            if line is not None:
                self.text.tag_add("fault", f"{line}.0", f"{line + 1}.0")
            self._draw_soon()

    def go_to(self, line: int) -> None:
        """Put the cursor at the first sign of a line and show it."""
        start = len(self._lines[line - 1]) - len(self._lines[line - 1].lstrip()) if line <= len(self._lines) else 0
        self.text.mark_set("insert", f"{line}.{start}")
        self.text.see("insert")
        self.text.focus_set()

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _indent(self, by: int) -> str:
        text = self.text
        chosen = text.tag_ranges("sel")
        if not chosen and by > 0:
            column = int(text.index("insert").partition(".")[2])
            text.insert("insert", " " * (by - column % by))
            return "break"
        first = int(text.index("sel.first" if chosen else "insert").partition(".")[0])
        last = int(text.index("sel.last - 1 chars" if chosen else "insert").partition(".")[0])
        for line in range(first, last + 1):
            content = text.get(f"{line}.0", f"{line}.end")
            if by > 0 and content.strip():
                text.insert(f"{line}.0", " " * by)
            elif by < 0:
                text.delete(f"{line}.0", f"{line}.{min(-by, len(content) - len(content.lstrip(' ')))}")
        return "break"

    def _new_line(self, _event: tk.Event[tk.Misc]) -> str:
        """A new line begins where the last one did, or deeper below a key that opens something."""
        text = self.text
        before = text.get("insert linestart", "insert")
        indent = len(before) - len(before.lstrip(" "))
        word = before.strip()
        if word.endswith((":", "|", ">", "|-", ">-")) and not word.startswith("#"):
            indent += INDENT * (2 if word.startswith("- ") else 1)
        self._drop_selection()
        text.insert("insert", "\n" + " " * indent)
        text.see("insert")
        return "break"

    def _drop_selection(self) -> None:
        if self.text.tag_ranges("sel"):
            self.text.mark_set("insert", "sel.first")
            self.text.delete("sel.first", "sel.last")

    def _redo(self) -> str:
        self.text.event_generate("<<Redo>>")
        return "break"

    def _leave(self) -> str:
        if following := self.text.tk_focusNext():
            following.focus_set()
        return "break"

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _modified(self, _event: tk.Event[tk.Misc]) -> None:
        if not self.text.edit_modified():
            return
        self.text.edit_modified(False)
        content = self.text.get("1.0", "end-1c")
        self._lines = content.split("\n")
        self._in_block = block_lines(self._lines) if len(content) <= _MOST_COLOURED else []
        self._coloured.clear()
        self._draw_soon()
        self._on_edit()

    def _scrolled(self, low: float, high: float) -> None:  # Tk gives them as text
        self._bar.set(low, high)
        self._draw_soon()

    def _draw_soon(self) -> None:
        if not self._is_drawing:
            self._is_drawing = True
            self.text.after_idle(self._draw)

    def _draw(self) -> None:
        self._is_drawing = False
        if not self.text.winfo_exists():
            return
        kit, text, gutter = self._kit, self.text, self._gutter
        width = kit.font("Mono").measure("0" * max(3, len(str(len(self._lines))))) + kit.px(22)
        if int(gutter["width"]) != width:
            gutter.configure(width=width)
        gutter.delete("all")
        first, last = self._line_at(0), self._line_at(text.winfo_height())
        for line in range(first, last + 1):
            self._colour(line)
            place = text.dlineinfo(f"{line}.0")
            if place is None:
                continue
            is_fault = line == self._fault_line
            if is_fault:
                gutter.create_rectangle(
                    0, place[1], width, place[1] + place[3], width=0, fill=kit[f"tint:{self._fault_state}"]
                )
            middle = place[1] + kit.font("Mono").metrics("linespace") // 2  # of its first line, when it is wrapped
            colour = kit[f"ink:{self._fault_state}" if is_fault else "dim"]
            gutter.create_text(width - kit.px(9), middle, anchor="e", text=str(line), font="Mono", fill=colour)

    def _colour(self, line: int) -> None:
        if line in self._coloured or line > len(self._in_block):
            return
        self._coloured.add(line)
        words, text = self._lines[line - 1], self.text
        for tag in text.tag_names(f"{line}.0"):
            if tag.startswith(_HANG):
                text.tag_remove(tag, f"{line}.0", f"{line}.end")
        for kind in KINDS:
            text.tag_remove(kind, f"{line}.0", f"{line}.end")
        hang = min(_DEEPEST, len(words) - len(words.lstrip(" ")))
        text.tag_add(f"{_HANG}{hang}", f"{line}.0", f"{line}.end")
        # Tk counts an emoji as more than one in "line.column", not in "+ n chars"
        place = "{}.{}" if words.isascii() else "{}.0 + {} chars"
        for kind, start, end in spans(words, in_block=self._in_block[line - 1]):
            text.tag_add(kind, place.format(line, start), place.format(line, end))

    def _line_at(self, y: int) -> int:
        return int(self.text.index(f"@0,{y}").partition(".")[0])

    def _measure(self) -> None:
        """A line that is wrapped goes on below its first sign."""
        width = self._kit.font("Mono").measure("0")
        for blanks in range(_DEEPEST + 1):
            self.text.tag_configure(f"{_HANG}{blanks}", lmargin2=blanks * width)
        self._draw_soon()

    def _paint(self) -> None:
        for kind, colour in _COLOURS.items():
            self.text.tag_configure(kind, foreground=self._kit[colour])
        self.text.tag_configure("fault", background=self._kit[f"tint:{self._fault_state}"])
        self.text.tag_raise("sel")
        self._draw_soon()
