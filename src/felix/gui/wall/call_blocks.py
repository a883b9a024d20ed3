"""Tool calls in the text of a card: each a block at its place in the answer, from its first character to its result.

A block is one line, and below it, while it is open, the arguments and the result as they are. It ends in a line break
that never goes, so that it can be written anew in the middle of a text without moving what follows. What was written by
a model or a tool is code here: whatever turns or hides text shows as a sign, and a copy has what was written.
"""

from __future__ import annotations

import re
import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from felix.events import CallId
from felix.gui.kit import Kit, line_spacing
from felix.gui.text.shown_text import SOFT
from felix.gui.text.stream_text import StreamText
from felix.gui.wall.call_words import LONGEST_MESSAGE, Stage, call_words, let_line, one_line, stage_of
from felix.ledger.speech import Call, Thought
from felix.ledger.words import cut_line

MOST_SHOWN = 10_000
"""Characters of the arguments, and of the result, on screen: some 20 ms of Tk's time. Copy has all."""
BREAK_AFTER = 400
"""Characters in a line of arguments that grows, from which on it is broken; its layout is done anew at each piece."""
HEAD, CODE, PRESS = "call_head", "call_code", "press"
OPEN, COPY = "call_open", "call_copy"
WHOLE = "Open the whole"
_NAME = re.compile(r"call(\d+)_(\d+)")


@dataclass(slots=True)
class CallBlock:
    """How much of a call is on screen."""

    call: Call
    thought: Thought
    name: str
    """Of its tag; its marks begin with it."""
    position: int
    """Characters of the answer before it, as it was drawn."""
    stage: Stage
    is_open: bool = True
    words: str = ""
    """Of its line, as it is on screen."""
    arguments: int = 0
    """Characters on screen."""
    column: int = 0


class CallBlocks:
    """Of one card. Tk's thread only."""

    def __init__(
        self, stream: StreamText, kit: Kit, *, open_file: Callable[[str], object], copy: Callable[[str], object]
    ) -> None:
        """`open_file` shows a whole result that was kept; `copy` puts text on the clipboard."""
        self._stream, self._kit, self._open_file, self._copy = stream, kit, open_file, copy
        self._chosen: dict[CallId, bool] = {}
        """Opened or folded by hand."""
        self._blocks: dict[str, CallBlock] = {}
        self._marked = ""
        """The block that the keyboard has chosen."""
        self._make_tags()

    def clear(self) -> None:
        """The text is empty."""
        self._blocks.clear()
        self._marked = ""

    def forget(self) -> None:
        """Another agent is shown."""
        self._chosen.clear()
        self.clear()

    # -- one block -----------------------------------------------------------------------------------------------------

    def begin(self, thought: Thought, call: Call, number: int, now: float) -> CallBlock:
        """Put a call at the end of the text; `number` is that of its thought, and `now` Unix seconds."""
        stream, name = self._stream, f"call{number}_{thought.calls.index(call)}"
        stream.end_line(HEAD)
        stream.set_ground("")
        stream.place(name)
        stream.append("\n", HEAD)
        stream.place(f"{name}end")
        block = self._blocks[name] = CallBlock(call, thought, name, call.position, stage_of(call))
        block.is_open = self._is_to_be_open(block)
        self._write(block, now)
        return block

    def refresh(self, block: CallBlock, now: float) -> None:
        """Bring a block to what its call has come to."""
        stage, is_open = stage_of(block.call), self._is_to_be_open(block)
        if is_open != block.is_open and self._stream.is_latched and block.call.call_id not in self._chosen:
            is_open = block.is_open  # while somebody reads, nothing folds
        if stage != block.stage or is_open != block.is_open:
            block.stage, block.is_open = stage, is_open
            self._write(block, now)
        elif stage == "written" and len(block.call.arguments) > block.arguments:
            self._write_on(block)
        if call_words(block.call, block.thought, now).words != block.words:
            self._write_head(block, now)

    def has_changed(self, blocks: list[CallBlock], calls: list[Call]) -> bool:
        """Whether these blocks are no longer those of the calls, so that the text must be written anew."""
        if len(calls) < len(blocks):
            return True
        return any(
            block.call is not call or block.position != call.position or block.arguments > len(call.arguments)
            for block, call in zip(blocks, calls, strict=False)
        )

    def toggle(self, block: CallBlock) -> None:
        """Open or fold a block by hand."""
        self._chosen[block.call.call_id] = not block.is_open
        self._stream.latch()
        self.refresh(block, block.thought.ended_at or 0.0)
        for place in (f"{block.name}end - 1 c", block.name):  # as much of it as there is room for, from its line on
            self._stream.text.see(place)
        self._stream.look()

    # -- the keyboard --------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """Choose the newest call, and at each further press the one before it; after the first, none."""
        names = list(self._blocks)
        at = names.index(self._marked) if self._marked in names else len(names)
        self._mark(names[at - 1] if at else "")

    def toggle_chosen(self) -> bool:
        """Open or fold the call that was chosen; False when none was."""
        if block := self._blocks.get(self._marked):
            self.toggle(block)
            self._mark(block.name)
            return True
        return False

    def leave(self) -> bool:
        """Choose none; False when none was chosen."""
        was_chosen = bool(self._marked)
        self._mark("")
        return was_chosen

    def lead_to(self, call_id: CallId) -> bool:
        """Bring a call to the top of the view; False when it does not stand here."""
        block = next((each for each in self._blocks.values() if each.call.call_id == call_id), None)
        if block is None:
            return False
        self._stream.scroll(block.name)
        self._mark(block.name)
        return True

    def call_at(self, index: str) -> Call | None:
        """The call that stands at a place in the text."""
        block = self._block_at(index)
        return block.call if block else None

    def _mark(self, name: str) -> None:
        text = self._stream.text
        text.tag_remove("call_chosen", "1.0", "end")
        self._marked = name
        if name:
            text.tag_add("call_chosen", name, f"{name} lineend")
            text.see(name)
            self._stream.look()

    # -- writing -------------------------------------------------------------------------------------------------------

    def _is_to_be_open(self, block: CallBlock) -> bool:
        by_itself = stage_of(block.call) in ("written", "running")  # what asks shows all of itself above the text
        return self._chosen.get(block.call.call_id, by_itself)

    def _write(self, block: CallBlock, now: float) -> None:
        """All of it, in place of what stands there but for its last line break."""
        stream, call = self._stream, block.call
        stream.delete(block.name, f"{block.name}end - 1 c")
        block.arguments, block.column, block.words = 0, 0, ""
        # a line break carries the ground of the line before it to the right edge
        last = HEAD
        for parts in self._lines(block):
            self._put(block, "\n", last)
            for source, *tags in parts:
                self._put(block, source, *tags)
            last = parts[0][1]
        if block.is_open and block.stage == "written":
            self._put(block, "\n", last)
            self._write_on(block)
            last = CODE
        else:
            block.arguments = len(call.arguments)
        text, end = stream.text, f"{block.name}end - 1 c"
        for tag in (HEAD, CODE, "aside", "fail", "stop"):
            text.tag_remove(tag, end)
        text.tag_add(last, end)
        self._write_head(block, now)

    def _lines(self, block: CallBlock) -> list[list[tuple[str, ...]]]:
        """What stands below the first line: parts of lines, each a text and its tags."""
        call = block.call
        lines: list[list[tuple[str, ...]]] = []
        if block.stage == "ended" and call.error:
            error = call.error if block.is_open else one_line(call.error, LONGEST_MESSAGE)
            lines.append([(error, "fail" if call.status == "failed" else "stop")])
        if not block.is_open:
            return lines
        if said := let_line(call):
            lines.append([(said, "aside")])
        if block.stage != "written":
            lines += self._long(str(call.arguments), "call_copy_arguments")
        if block.stage != "ended":
            return lines
        if call.content and call.content != call.error:
            lines.append([("Result" if call.status == "ok" else "What the model was told", "aside")])
            lines += self._long(call.content)
        if cut := cut_line(call):
            lines.append([(cut, "aside"), *([(" – ", "aside"), (WHOLE, "aside", PRESS, OPEN)] if call.file else [])])
        return lines

    def _long(self, text: str, *of: str) -> list[list[tuple[str, ...]]]:
        """Text as it was written, as far as Tk bears it; `of` are tags of the way to copy the rest."""
        if not text:
            return []
        lines: list[list[tuple[str, ...]]] = [[(text[:MOST_SHOWN].removesuffix("\n"), CODE)]]
        if len(text) > MOST_SHOWN:
            more = f"{len(text) - MOST_SHOWN:,} more characters – "
            lines.append([(more, "aside"), ("Copy them all", "aside", PRESS, COPY, *of)])
        return lines

    def _write_on(self, block: CallBlock) -> None:
        """The arguments that came, below what stands of them."""
        if not block.is_open:
            return
        arguments = block.call.arguments
        part = arguments.since(block.arguments)[: max(0, MOST_SHOWN - block.arguments)]
        block.arguments = len(arguments)
        start = 0
        while start < len(part):
            end = start + BREAK_AFTER - block.column
            self._put(block, part[start:end], CODE)
            block.column += len(part[start:end])
            if block.column >= BREAK_AFTER:
                self._put(block, "\n", CODE, SOFT)
                block.column = 0
            start = end

    def _write_head(self, block: CallBlock, now: float) -> None:
        stream, kit, text = self._stream, self._kit, self._stream.text
        icon, state, name, words = call_words(block.call, block.thought, now)
        if block.words:
            stream.delete(block.name, f"{block.name} lineend")
        block.words = words
        tags = (HEAD, PRESS, f"call_{state}", block.name)
        stream.insert(block.name, f" · {words}", *tags)
        stream.insert(block.name, f" {name}", *tags, "call_name")
        chevron = "chevron-down" if block.is_open else "chevron-right"
        text.image_create(block.name, image=kit.icon(icon, 11, f"ink:{state}"), align="center")
        text.image_create(block.name, image=kit.icon(chevron, 10, "text2"), padx=kit.px(2), align="center")
        for tag in tags:
            text.tag_add(tag, block.name, f"{block.name} + 2 c")
        if block.name == self._marked:
            text.tag_add("call_chosen", block.name, f"{block.name} lineend")

    def _put(self, block: CallBlock, source: str, *tags: str) -> None:
        self._stream.insert(f"{block.name}end - 1 c", source, *tags, block.name)

    # -- tags ----------------------------------------------------------------------------------------------------------

    def _make_tags(self) -> None:
        text, kit = self._stream.text, self._kit
        kit.paint(text, self._colour)
        kit.on_font_change(self._measure, owner=text)
        self._measure()
        for tag, act in ((HEAD, self._press_head), (OPEN, self._press_open), (COPY, self._press_copy)):
            text.tag_bind(tag, "<ButtonRelease-1>", partial(self._press, act))

    def _colour(self) -> None:
        kit, text = self._kit, self._stream.text
        ground = kit["code"]
        text.tag_configure(CODE, background=ground, lmargincolor=ground, rmargincolor=ground)
        text.tag_configure(HEAD, foreground=kit["text2"])
        text.tag_configure("call_chosen", background=kit["sel"])
        for state in ("write", "stop", "prep", "done", "fail"):
            text.tag_configure(f"call_{state}", foreground=kit[f"ink:{state}"])
        for tag in (OPEN, COPY):
            text.tag_configure(tag, foreground=kit["primary"], underline=True)
        for tag in ("call_chosen", "sel"):
            text.tag_raise(tag)

    def _measure(self) -> None:
        kit, text = self._kit, self._stream.text
        line = self._stream.line_height
        for tag, font in ((HEAD, "Small"), (CODE, "Mono")):
            gap = max(1, line - kit.font(font).metrics("linespace"))
            text.tag_configure(tag, font=font, **line_spacing(gap))
        margin = kit.px(8)
        text.tag_configure(CODE, lmargin1=margin, lmargin2=margin, rmargin=margin, wrap="char")
        text.tag_configure("call_name", font="SmallStrong")
        text.tag_raise("call_name")

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _press(self, act: Callable[[CallBlock, tuple[str, ...]], object], event: tk.Event[tk.Text]) -> None:
        text = self._stream.text
        index = f"@{event.x},{event.y}"
        if not text.tag_ranges("sel") and (block := self._block_at(index)) is not None:
            act(block, text.tag_names(index))

    def _press_head(self, block: CallBlock, _tags: tuple[str, ...]) -> None:
        self.toggle(block)

    def _press_open(self, block: CallBlock, _tags: tuple[str, ...]) -> None:
        self._open_file(block.call.file)

    def _press_copy(self, block: CallBlock, tags: tuple[str, ...]) -> None:
        self._copy(str(block.call.arguments) if "call_copy_arguments" in tags else block.call.content)

    def _block_at(self, index: str) -> CallBlock | None:
        names = (name for name in self._stream.text.tag_names(index) if _NAME.fullmatch(name))
        return self._blocks.get(next(names, ""))
