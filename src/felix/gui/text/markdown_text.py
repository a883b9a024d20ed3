"""A finished Markdown text on screen: pieces go into one Text, some milliseconds at a time, and are copied out of it.

The widget is a picture of the source and never the source: a copy of everything is the model's own Markdown, a copy
of a part is what is seen, with citations as `[research-1]` and tables as they were written. All of it on Tk's thread.
"""

from __future__ import annotations

import time
import tkinter as tk
import webbrowser
from collections.abc import Callable, Collection, Iterator

from felix.events import AgentId
from felix.gui.kit import Kit
from felix.gui.text.highlighting import KINDS
from felix.gui.text.markdown import DEEPEST, Anchor, Cite, Piece, Rule, Span, Table, Wait, pieces
from felix.gui.text.shown_text import MARKUP, SOFT, SYMBOL, meant, put, repaired, to_clipboard
from felix.gui.text.table_canvas import TableCanvas
from felix.gui.text.text_links import TextLinks

MEASURE = 740
"""Logical pixels: the widest a line of reading gets; the text stands in the middle of what is wider."""
MARGIN = 20
INDENT = 24
CODE_MARGIN = 12
SLICE_S = 0.008
PAUSE_MS = 8
"""Half the time stays with the window while a long text is put in."""
BATCH = 200
"""Stretches and their tags in one insert."""
LONGEST_LINE = 2_000
"""Characters of one line in the widget. Tk lays out a line as a whole, at a cost that grows with its square."""
MOST_TABLES = 100
"""Of one text as canvases; further ones stay as written."""

CUT = "cut"
"""A line break of ours in a word; `SOFT` ones stand for a blank."""
LOADING_MS = 20
_BULLET = "•\t"


class MarkdownText:
    """`widget` is a read-only Text to be placed by the caller."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_citation: Callable[[AgentId], None],
        hint: Callable[[AgentId], str],
        confirm: Callable[[str], bool] | None = None,
        open_url: Callable[[str], object] = webbrowser.open,
        on_point: Callable[[AgentId | None], object] = lambda _agent: None,
    ) -> None:
        """All about links and citations is as in `TextLinks`."""
        self.widget = kit.text(parent, font="Read", padx=MARGIN, pady=8, spacing1=2, spacing2=3, spacing3=4)
        self.source = ""
        self._kit, self._on_citation = kit, on_citation
        self.links = TextLinks(
            self.widget, kit, on_citation=on_citation, hint=hint, confirm=confirm, open_url=open_url, on_point=on_point
        )
        self._rule = tk.PhotoImage(master=parent, width=1, height=1)
        self._tables: dict[str, TableCanvas] = {}
        self._copied: dict[str, str] = {}
        """What a copy says for the picture of this name."""
        self._anchors: list[tuple[int, str]] = []
        self._pieces: Iterator[Piece | None] | None = None
        self._done: Callable[[], None] | None = None
        self._after = ""
        self._column = 0
        self._width = 0
        self._make_tags()
        kit.paint(self.widget, self._paint)
        kit.on_font_change(self._measure, owner=self.widget)
        for sequence, handler in (
            ("<Configure>", self._resize),
            ("<Destroy>", lambda _event: self._cancel()),
        ):
            self.widget.bind(sequence, handler, add="+")
        self.widget.bind("<<Copy>>", self._copy)
        for kind in ("UTF8_STRING", "STRING"):  # the middle button's clipboard gets what Copy would
            self.widget.selection_handle(self._primary, selection="PRIMARY", type=kind)

    # -- putting text in -----------------------------------------------------------------------------------------------

    def render(self, source: str, agents: Collection[AgentId], done: Callable[[], None] | None = None) -> None:
        """Show `source` instead of what stands there, in slices; `done` is called after the last one."""
        self.clear()
        self.source, self._done = source, done
        self._pieces = pieces(repaired(source), agents)
        self._step()

    def finish(self) -> None:
        """Put in now what is left, waiting for what it needs."""
        while self._pieces is not None:
            self._cancel()
            self._step()
            if self._after:
                time.sleep(0.001)  # a lexer's thread needs its turn

    def clear(self) -> None:
        """Nothing stands there any more."""
        self._cancel()
        self._pieces, self._done = None, None
        self.source = ""
        self.widget.delete("1.0", "end")
        for table in self._tables.values():
            table.widget.destroy()
        self._tables.clear()
        self._copied.clear()
        self.links.clear()
        self._anchors.clear()
        self._column = 0

    @property
    def is_done(self) -> bool:
        """True when everything that was to be shown stands there."""
        return self._pieces is None

    def _cancel(self) -> None:
        if self._after:
            self.widget.after_cancel(self._after)
            self._after = ""

    def _step(self) -> None:
        self._after = ""
        assert self._pieces is not None
        deadline = time.perf_counter() + SLICE_S
        batch: list[str | tuple[str, ...]] = []
        for piece in self._pieces:
            if isinstance(piece, Span):
                self._span(piece, batch)
                if len(batch) > BATCH:
                    self._flush(batch)
            elif piece is not None and not isinstance(piece, Wait):
                self._flush(batch)
                self._put(piece)
            if isinstance(piece, Wait) or time.perf_counter() > deadline:
                self._flush(batch)
                pause = LOADING_MS if isinstance(piece, Wait) else PAUSE_MS
                self._after = self.widget.after(pause, self._step)
                return
        self._flush(batch)
        self._pieces = None
        if self._done:
            self._done()

    def _flush(self, batch: list[str | tuple[str, ...]]) -> None:
        if batch:
            put(self.widget, "end", *batch)
            batch.clear()

    def _span(self, span: Span, batch: list[str | tuple[str, ...]]) -> None:
        tags = (*span.styles, self.links.tag(span.url)) if span.url else span.styles
        for number, whole in enumerate(span.text.split("\n")):
            line = whole
            if number:
                batch += ("\n", tags)
                self._column = 0
            while self._column + len(line) > LONGEST_LINE:
                room = max(0, LONGEST_LINE - self._column)
                blank = line.rfind(" ", 0, room)
                cut = blank if blank > 0 else room
                batch += (line[:cut], tags, "\n", (*tags, SOFT if blank > 0 else CUT))
                line = line[cut + 1 :] if blank > 0 else line[cut:]
                self._column = 0
            if line:
                batch += (line, tags)
                self._column += len(line)

    def _put(self, piece: Cite | Anchor | Table | Rule) -> None:
        text = self.widget
        match piece:
            case Cite(citation, styles):
                pill = self._kit.citation_pill(citation.agent_id)
                name = text.image_create("end", image=pill, padx=1, align="center")
                self._copied[name] = citation.source
                self._tag_last((*styles, "cite", f"agent:{citation.agent_id}"))
                self._column += 1
            case Anchor(line):
                self._anchors.append((line, text.index("end-1c")))
            case Rule():
                name = text.image_create("end", image=str(self._rule), align="center")
                self._copied[name] = "---"
                self._tag_last(("rule",))
            case Table() if len(self._tables) < MOST_TABLES:
                table = TableCanvas(text, self._kit, piece, self._on_citation)
                for sequence in ("<MouseWheel>", "<Button-4>", "<Button-5>"):
                    table.widget.bind(sequence, self._wheel)
                table.draw(self._measure_px())
                self._tables[str(table.widget)] = table
                text.window_create("end", window=table.widget, pady=self._kit.px(6))
                self._tag_last(piece.styles)
            case Table(source=source):
                put(text, "end", source, ("fence", "code0"))
        self._kit.app.tk.call(text, "tag", "raise", "sel")

    def _tag_last(self, tags: tuple[str, ...]) -> None:
        for tag in tags:
            self.widget.tag_add(tag, "end-2c")

    # -- look ----------------------------------------------------------------------------------------------------------

    def _make_tags(self) -> None:
        """All tags once, in the order of their say: the later one wins."""
        names = ("p", "tight", "quote", "bold", "italic", "strike", "h1", "h2", "h3", "dim", "link", "address", "code")
        levels = range(DEEPEST + 1)
        margins = (*(f"in{n}" for n in levels), *(f"item{n}" for n in levels), *(f"code{n}" for n in levels))
        for name in (*names, *margins, "fence", "edge", "rule", "table", "cite", "gap", SOFT, CUT, SYMBOL, *KINDS):
            self.widget.tag_configure(name)
        self.widget.tag_configure(MARKUP, elide=True)
        self._measure()
        self.widget.tag_raise("sel")

    def _measure(self) -> None:
        """Everything that has a size, again."""
        text, px = self.widget, self._kit.px
        scale = self._kit.font_percent / 100
        text.tag_configure("p", spacing1=px(2), spacing3=px(9))
        text.tag_configure("tight", spacing1=px(2), spacing3=px(4))
        text.tag_configure("bold", font="ReadStrong")
        text.tag_configure("italic", font="ReadItalic")
        text.tag_configure("strike", overstrike=True)
        for name, font, before, after in (("h1", "H2", 8, 6), ("h2", "H3", 12, 4), ("h3", "ReadStrong", 10, 3)):
            text.tag_configure(name, font=font, spacing1=px(before), spacing3=px(after))
        text.tag_configure("link", underline=True)
        text.tag_configure("address", font="Small")
        text.tag_configure("code", font="Mono")
        text.tag_configure("fence", font="Mono", spacing1=0, spacing2=2, spacing3=2, wrap="char")
        text.tag_configure("fence", rmargin=px(CODE_MARGIN))
        text.tag_configure("edge", font="Tiny", spacing1=0, spacing3=0)
        text.tag_configure("gap", font="Tiny", spacing1=0, spacing3=0)
        text.tag_configure("rule", spacing1=px(8), spacing3=px(12))
        text.tag_configure("table", spacing1=0, spacing3=px(6))
        for level in range(DEEPEST + 1):
            step = round(px(INDENT) * scale)
            inner = level * step
            text.tag_configure(f"in{level}", lmargin1=inner, lmargin2=inner)
            outer = max(0, inner - step) + px(4)
            text.tag_configure(f"item{level}", lmargin1=outer, lmargin2=inner, tabs=(inner or 1,))
            code = inner + px(CODE_MARGIN)
            text.tag_configure(f"code{level}", lmargin1=code, lmargin2=code)
        self._draw_tables()

    def _paint(self) -> None:
        """Everything that has a colour, again."""
        text, kit = self.widget, self._kit
        for name in ("quote", "dim", "address"):
            text.tag_configure(name, foreground=kit["text2"])
        text.tag_configure("h3", foreground=kit["text2"])
        text.tag_configure("link", foreground=kit["primary"])
        text.tag_configure("code", background=kit["code"])
        text.tag_configure("fence", background=kit["code"], lmargincolor=kit["code"], rmargincolor=kit["code"])
        for level in range(DEEPEST + 1):
            for name in (f"in{level}", f"item{level}"):  # else the tint of code at a line's start runs into the margin
                text.tag_configure(name, lmargincolor=kit["card"])
        for name, token in KINDS.items():
            text.tag_configure(name, foreground=kit[token])
        self._draw_rule()
        self._draw_tables()

    def _measure_px(self) -> int:
        """The width of a line."""
        text = self.widget
        return max(self._kit.px(160), text.winfo_width() - 2 * int(str(text["padx"])))

    def _resize(self, _event: object) -> None:
        kit, text = self._kit, self.widget
        padx = max(kit.px(MARGIN), (text.winfo_width() - kit.px(MEASURE)) // 2)
        if padx != int(str(text["padx"])):
            text.configure(padx=padx)
        width = self._measure_px()
        if width != self._width:
            self._width = width
            self._draw_rule()
            self._draw_tables()

    def _draw_rule(self) -> None:
        self._rule.configure(width=self._measure_px(), height=1)
        self._rule.put(self._kit["line2"], to=(0, 0, self._measure_px(), 1))

    def _draw_tables(self) -> None:
        for table in self._tables.values():
            table.draw(self._measure_px())

    # -- the reader's place --------------------------------------------------------------------------------------------

    def index_of(self, line: float) -> str:
        """Where the source's `line` (from 0, with a fraction) is shown."""
        before = [anchor for anchor in self._anchors if anchor[0] <= line]
        if not before:
            return "1.0"
        first, index = before[-1]
        after = next((anchor for anchor in self._anchors if anchor[0] > line), None)
        if after is None:
            return index
        length = int(self.widget.tk.call(str(self.widget), "count", "-chars", index, after[1]))
        return f"{index} + {int(length * (line - first) / (after[0] - first))} chars"

    # -- copying -------------------------------------------------------------------------------------------------------

    def selected(self) -> str:
        """What a copy of the selection says; empty without one."""
        text = self.widget
        if not text.tag_ranges("sel"):
            return ""
        if text.compare("sel.first", "==", "1.0") and text.compare("sel.last", ">=", "end-1c"):
            return self.source
        parts: list[str] = []
        broken = ""
        is_signs = SYMBOL in text.tag_names("sel.first")
        for kind, value, _ in text.dump("sel.first", "sel.last", text=True, image=True, window=True, tag=True):
            match kind:
                case "tagon" | "tagoff" if value == SYMBOL:
                    is_signs = kind == "tagon"
                case "tagon" if value in (SOFT, CUT):
                    broken = value
                case "tagoff" if value in (SOFT, CUT):
                    broken = ""
                case "text" if broken and value == "\n":
                    parts.append(" " if broken == SOFT else "")
                case "text":
                    parts.append(meant(value) if is_signs else value)
                case "image":
                    parts.append(self._copied.get(value, ""))
                case "window" if value in self._tables:
                    parts.append(self._tables[value].table.source)
        return "".join(parts).replace(_BULLET, "- ").replace(".\t", ". ")

    def _copy(self, _event: object) -> str:
        if words := self.selected():
            to_clipboard(self.widget, words)
        return "break"

    def _primary(self, offset: str, most: str) -> str:
        words = repaired(self.selected()).replace("\0", "␀")  # at which Python's Tk would end the text
        return words[int(offset) : int(offset) + int(most)]

    def _wheel(self, event: tk.Event[tk.Misc]) -> None:
        """A table lets the text around it scroll."""
        if event.num in (4, 5):
            self.widget.yview_scroll(-50 if event.num == 4 else 50, "pixels")
        else:
            self.widget.yview_scroll(-event.delta // 3 if abs(event.delta) >= 3 else -event.delta, "pixels")
