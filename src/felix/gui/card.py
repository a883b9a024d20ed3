"""One agent on the wall: who it is, what it does, and everything it has thought, live.

A card reads its agent from the run's state. Its cost in a frame is that of the characters that came; whatever ticks –
seconds, speed, tokens – is written twice a second.
"""

from __future__ import annotations

import random
import time
import tkinter as tk
from collections.abc import Callable
from typing import Any, Literal

from felix.events import AgentId
from felix.gui.card_document import CardDocument
from felix.gui.card_foot import CardFoot
from felix.gui.card_head import CardHead
from felix.gui.card_words import (
    Waiting,
    badge_for,
    document,
    heading,
    is_connecting,
    meta,
    thought_document,
    trouble_of,
    waiting_of,
)
from felix.gui.find_bar import FindBar
from felix.gui.kit import Kit
from felix.gui.pacing import Pacer
from felix.gui.stream_text import StreamText
from felix.gui.thinking_strip import ThinkingStrip
from felix.gui.trouble_block import TroubleBlock
from felix.gui.waiting_panel import DOTS, WaitingPanel
from felix.ledger.state import Agent, RunState, Thought
from felix.settings import SettingsFile

TYPING_S = 0.03
"""Between two strokes of the typing effect: the eye sees no more, and every stroke is a layout."""
SLOW_S = 0.5
"""Between two readings of what ticks."""
NARROW_PX = 264
"""Below this width the footer has no room for the first-token time."""
SHORT_PX = 276
"""Below this width a badge is short: "Reading 40 %"."""
LOW_PX = 150
"""Below this height thinking stays folded."""
MEASURE_PX = 740
"""The widest line of a maximised card."""


class Card:
    """`frame` is placed by the caller. Everything runs on Tk's thread."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        settings: SettingsFile,
        *,
        on_maximise: Callable[[AgentId], object],
        on_hover: Callable[[Card], object] | None = None,
        is_large: bool = False,
    ) -> None:
        """`on_maximise` is asked to make this card big, or small again; `on_hover` hears of pointer and keyboard."""
        self.agent: Agent | None = None
        self.is_large = is_large
        self._kit, self._settings = kit, settings
        self._on_maximise, self._on_hover = on_maximise, on_hover
        self._state = RunState()
        self._pacer = Pacer()
        self._came = 0
        self._ticked_at = self._typed_at = 0.0
        # each card counts its seconds in a frame of its own: thirty-two at once would be felt
        self._slow_at = time.monotonic() - random.uniform(0, SLOW_S)
        self._waiting: Waiting | None = None
        self._trouble: tuple[str, str, str] | None = None
        self._blocks: dict[str, TroubleBlock] = {}
        self._is_narrow = self._is_short = False
        self._build(parent)

    # -- what the wall calls -------------------------------------------------------------------------------------------

    def show(self, agent: Agent, state: RunState) -> None:
        """Show this agent. The same one again goes on where it was; another one begins at the top."""
        self._state = state
        if agent is not self.agent:
            self.agent = agent
            self._document.clear()
            self._pacer.reset()
            self._came = 0
            self._hide_trouble()
            self._head.name(agent.agent_id)
            self._strip.show("")
            self._find.close()
        self.update()

    def forget(self) -> None:
        """Show nobody, and let the run go that was shown."""
        self._find.close()
        self.agent, self._state = None, RunState()
        self._foot.forget()
        self._document.clear()
        self._came = 0

    def update(self) -> None:
        """The state has changed: show it. What is to be typed is shown by `tick`, what is not, at once."""
        agent = self.agent
        if agent is None:
            return
        now = time.monotonic()
        if self._document.has_changed(agent.thoughts):
            self._redraw(now)
        came = sum(len(thought.thinking) + len(thought.answer) for thought in agent.thoughts)
        if came > self._came:
            self._pacer.arrive(now, came - self._came)
            self._came = came
        if self._is_time_to_type(now):
            self._catch_up(now)
        self._draw_state()

    def tick(self, now: float) -> bool:
        """Type, blink, count. True while there is something to type: what is slower has the ticks of a run."""
        if self.agent is None:
            return False
        typing = self._document.is_behind(self.agent.thoughts)
        if not typing:
            self._ticked_at = now
        elif self._is_time_to_type(now):
            typing = self._catch_up(now)
        if now - self._slow_at >= SLOW_S:
            self._slow_at = now
            self._draw_slow()
        self._find.tick(now)
        self._stream.tick(now)
        return typing

    def focus(self) -> None:
        """Give this card the keyboard."""
        self._stream.text.focus_set()

    @property
    def has_focus(self) -> bool:
        """Whether the keyboard is in this card."""
        focused = self.frame.focus_displayof()
        return focused is not None and str(focused).startswith(f"{self.frame}.")

    def find(self) -> None:
        """Open the find bar."""
        self._find.open()

    def close_find(self) -> bool:
        """Close the find bar; False when none was open."""
        return self._find.close()

    def copy(self) -> None:
        """The selection, else all that the agent said, to the clipboard."""
        if self._stream.selected():
            self._stream.copy()
        else:
            self.copy_all()

    def copy_all(self) -> None:
        """All thoughts of this agent to the clipboard, without the thinking."""
        if self.agent is not None:
            self._to_clipboard(document(self.agent))

    def maximise(self) -> None:
        """Ask to be made big, or small again."""
        if self.agent is not None:
            self._on_maximise(self.agent.agent_id)

    @property
    def stream(self) -> StreamText:
        """The text of this card."""
        return self._stream

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self, parent: tk.Misc) -> None:
        kit = self._kit
        self.frame = kit.frame(parent, "card", 3, box="card")
        self._head = CardHead(self.frame, kit)
        self._foot = CardFoot(self.frame, kit)
        self.foot = self._foot.frame
        if self.is_large:
            self._foot.add_button("arrows-angle-contract", "Make small (Esc)", self.maximise)
            self._foot.add_button("copy", "Copy (Ctrl+C)", self.copy)
        self._body = kit.frame(self.frame, "card")
        self._body.pack(fill="both", expand=True)
        self._stream = StreamText(
            self._body,
            kit,
            font="Read" if self.is_large else "Base",
            padx=24 if self.is_large else 12,
            pady=10 if self.is_large else 4,
            measure=MEASURE_PX if self.is_large else None,
            on_copy_all=self.copy_all,
        )
        self._stream.frame.pack(fill="both", expand=True)
        self._document = CardDocument(
            self._stream, kit, on_copy=lambda thought: self._to_clipboard(thought_document(thought))
        )
        self._find = FindBar(self._body, kit, self._stream.text, before=self._stream.frame, on_jump=self._stream.latch)
        self._strip = ThinkingStrip(self._stream, kit, on_fold=self._fold)
        self._panel = WaitingPanel(self._body, kit)
        self._bind()

    def _bind(self) -> None:
        frame, text = self.frame, self._stream.text
        # one binding serves all parts: they listen to whatever the head listens to
        head = self._head.frame
        for part in (*self._head.parts, *self._panel.parts, *self._foot.parts, self._body):
            part.bindtags((*part.bindtags(), str(head)))
        head.bind("<Button-1>", lambda _event: self.focus())
        head.bind("<Double-Button-1>", lambda _event: self.maximise())
        if not self.is_large:
            text.bind("<Double-Button-1>", self._double_clicked)
        text.bind("<Return>", lambda _event: self._act(self.maximise))
        text.bind("<KP_Enter>", lambda _event: self._act(self.maximise))
        text.bind("<Control-f>", lambda _event: self._act(self.find))
        text.bind("<Control-F>", lambda _event: self._act(self.find))
        text.bind("<Key-t>", lambda _event: self._act(self._document.toggle))
        for keys in ("<Control-Return>", "<Control-KP_Enter>", "<Control-t>", "<Alt-t>"):
            text.bind(keys, lambda _event: None)  # they mean something else, and to somebody else
        text.bind("<Button-3>", self._open_menu)
        text.bind("<FocusIn>", lambda _event: self._focused(is_in=True), add="+")
        text.bind("<FocusOut>", lambda _event: self._focused(is_in=False), add="+")
        frame.bind("<Enter>", lambda _event: self._pointed(is_in=True))
        frame.bind("<Leave>", self._left)
        frame.bind("<Configure>", lambda event: self._sized(event.width, event.height))

    # -- drawing -------------------------------------------------------------------------------------------------------

    def _is_time_to_type(self, now: float) -> bool:
        """Not again so soon – unless the answer has ended or nothing is typed: then everything is shown at once."""
        assert self.agent is not None
        settings, latest = self._settings.current, self.agent.latest
        self._pacer.enabled = settings.typing_effect and not settings.reduce_motion
        is_typed = self._pacer.enabled and latest is not None and latest.is_live
        return not is_typed or now - self._typed_at >= TYPING_S

    def _catch_up(self, now: float) -> bool:
        assert self.agent is not None
        dt = min(0.1, now - self._ticked_at)
        self._ticked_at = self._typed_at = now
        waits = self._document.catch_up(self.agent.thoughts, self._pacer, now, dt)
        latest = self.agent.latest
        speaks = latest is not None and latest.is_live and latest.first_at is not None and self._state.status is None
        if speaks:
            self._stream.set_caret(shown=True, steady=not self._pacer.enabled)
        elif not waits:
            self._stream.set_caret(shown=False)
        return waits

    def _redraw(self, now: float) -> None:
        """The text on screen is not what the agent said: write it anew, and leave the reader where they were."""
        assert self.agent is not None
        place = self._stream.text.yview()[0] if self._stream.is_latched else None
        self._document.clear()
        self._came = 0
        if place is not None:
            self._catch_up(now)
            self._stream.scroll("moveto", place)

    def _draw_state(self) -> None:
        """What changes with the state and not with time."""
        agent = self.agent
        assert agent is not None
        latest = agent.latest
        badge = badge_for(agent, self._state, short=self._is_short)
        if self._head.set_badge(badge, agent.code):
            self._draw_slow()
        self._head.set_fraction(latest.fraction or 0.0 if latest is not None and latest.is_live else 0.0)
        trouble = trouble_of(latest)
        if trouble != self._trouble:
            self._hide_trouble()
            if trouble:
                self._show_trouble(trouble)
        if self._waiting is None or waiting_of(agent, self._state, time.time()) is None:
            self._draw_waiting()

    def _draw_slow(self) -> None:
        """What changes with time."""
        agent = self.agent
        assert agent is not None
        now = time.time()
        self._head.set_meta(meta(agent, now))
        self._foot.show(agent, now, narrow=self._is_narrow)
        self._draw_waiting()
        self._document.refresh(now)
        self._strip.show(self._document.open_thinking)

    def _draw_waiting(self) -> None:
        agent = self.agent
        assert agent is not None
        waiting = waiting_of(agent, self._state, time.time())
        first = len(agent.thoughts) <= 1
        latest = agent.latest
        asked = (latest is not None and latest.asked_at is not None) or is_connecting(agent, self._state)
        still = self._settings.current.reduce_motion
        dots = DOTS[-1 if still else int(time.time() / SLOW_S) % 3] if waiting and asked else ""
        if waiting is not None and first:
            self._panel.show(waiting, badge_for(agent, self._state).state, dots)
        else:
            self._panel.hide()
        if waiting is None or first:
            if self._waiting is not None:
                self._stream.set_tail("")
        elif latest is not None and self._document.awaits(agent.thoughts):
            detail = f", {waiting.detail}" if waiting.detail else ""
            self._stream.set_tail(f"\n{heading(latest)}\n{waiting.sentence}{detail}  {dots}", "waiting")
        self._waiting = waiting

    def _fold(self) -> None:
        self._document.toggle()
        self._strip.show(self._document.open_thinking)
        self.focus()

    def _show_trouble(self, trouble: tuple[str, str, str]) -> None:
        state, title, sentence = trouble
        self._trouble = trouble
        if state not in self._blocks:
            self._blocks[state] = TroubleBlock(self._body, self._kit, state)
        self._blocks[state].show(title, sentence, before=self._stream.frame)

    def _hide_trouble(self) -> None:
        self._trouble = None
        for block in self._blocks.values():
            block.hide()

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _act(self, act: Callable[[], object]) -> str:
        act()
        return "break"

    def _double_clicked(self, _event: tk.Event[Any]) -> str:
        self.maximise()
        return "break"

    def _focused(self, *, is_in: bool) -> None:
        if not self.is_large:  # alone on the wall, it needs no ring to be found
            self.frame.state(["user1" if is_in else "!user1"])
        if is_in and self._on_hover:
            self._on_hover(self)

    def _pointed(self, *, is_in: bool) -> None:
        self.frame.state(["active" if is_in else "!active"])
        if is_in and self._on_hover:
            self._on_hover(self)

    def _left(self, event: tk.Event[Any]) -> None:
        # the pointer also leaves when it goes on to a part of this one
        under = self.frame.winfo_containing(event.x_root, event.y_root)
        if under is None or not f"{under}.".startswith(f"{self.frame}."):
            self._pointed(is_in=False)

    def _sized(self, width: int, height: int) -> None:
        share = self._kit.font_percent / 100
        self._is_narrow = width < self._kit.px(NARROW_PX) * share
        self._is_short = width < self._kit.px(SHORT_PX) * share
        self._document.keep_folded = height < self._kit.px(LOW_PX)
        if self.agent is not None:
            self._draw_state()
            self._draw_slow()

    def _open_menu(self, event: tk.Event[Any]) -> None:
        text, thought = self._stream.text, self._thought_at(event)
        menu = self._kit.menu(text)

        def add(label: str, command: Callable[[], object], keys: str = "", *, is_possible: bool = True) -> None:
            state: Literal["normal", "disabled"] = "normal" if is_possible else "disabled"
            menu.add_command(label=label, command=command, accelerator=keys, state=state)

        add("Copy", self._stream.copy, "Ctrl+C", is_possible=bool(text.tag_ranges("sel")))
        if thought is not None:
            add("Copy this thought", lambda: self._to_clipboard(thought_document(thought)))
            if thought.thinking:
                add("Copy its thinking", lambda: self._to_clipboard(str(thought.thinking)))
        add("Copy all of this agent", self.copy_all)
        menu.add_separator()
        add("Select all", lambda: text.tag_add("sel", "1.0", "end-1c"), "Ctrl+A")
        add("Find…", self.find, "Ctrl+F")
        add("Make small" if self.is_large else "Make big", self.maximise, "Enter")
        menu.bind("<Unmap>", lambda _event: text.after_idle(menu.destroy))
        menu.tk_popup(event.x_root, event.y_root)

    def _thought_at(self, event: tk.Event[Any]) -> Thought | None:
        thought_id = self._document.thought_at(f"@{event.x},{event.y}")
        return self._state.thoughts.get(thought_id) if thought_id else None

    def _to_clipboard(self, words: str) -> None:
        self.frame.clipboard_clear()
        self.frame.clipboard_append(
            words.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\u2400")
        )
