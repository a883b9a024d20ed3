"""One agent on the wall: who it is, what it does, and everything it has thought, live.

A card reads its agent from the run's state. Its cost in a frame is that of the characters that came; whatever ticks –
seconds, speed, tokens – is written twice a second.
"""

from __future__ import annotations

import random
import time
import tkinter as tk
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from felix.events import AgentId, CallId, Status, ThoughtId
from felix.gui.folders import show_file
from felix.gui.kit import Kit
from felix.gui.text.find_bar import FindBar
from felix.gui.text.pacing import Pacer
from felix.gui.text.shown_text import to_clipboard
from felix.gui.text.stream_text import StreamText
from felix.gui.wall.call_blocks import CallBlocks
from felix.gui.wall.card_alerts import CardAlerts
from felix.gui.wall.card_asking import CardAsking
from felix.gui.wall.card_document import CardDocument
from felix.gui.wall.card_foot import CardFoot
from felix.gui.wall.card_head import CardHead
from felix.gui.wall.card_menu import Item, open_menu
from felix.gui.wall.card_tools import CardTools
from felix.gui.wall.card_words import (
    Badge,
    Waiting,
    badge_for,
    document,
    heading,
    is_connecting,
    meta,
    thought_document,
    waiting_of,
)
from felix.gui.wall.offers import CardActs, Offers
from felix.gui.wall.provenance import Relation, in_words, latest_of
from felix.gui.wall.thinking_strip import ThinkingStrip
from felix.gui.wall.waiting_panel import DOTS, WaitingPanel
from felix.ledger.speech import Agent, Thought
from felix.ledger.state import RunState
from felix.ledger.words import place_of
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
TIGHT_PX = 240
"""Below this height what went wrong is said in one line."""
MEASURE_PX = 740
"""The widest line of a maximised card."""
MODIFIERS = ("Control", "Alt")
STOPPING = Badge("Stopping…", "stop", "stop-circle-fill")


class Card:
    """`frame` is placed by the caller. Everything runs on Tk's thread."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        settings: SettingsFile,
        *,
        on_maximise: Callable[[AgentId], object],
        acts: CardActs | None = None,
        on_hover: Callable[[Card], object] | None = None,
        is_large: bool = False,
    ) -> None:
        """`on_maximise` is asked to make this card big, or small again; `on_hover` hears of pointer and keyboard.

        Without `acts` there is nothing to do but to read.
        """
        self.agent: Agent | None = None
        self.is_large = is_large
        self._kit, self._settings = kit, settings
        self._on_maximise, self._on_hover = on_maximise, on_hover
        self._tools: CardTools | None = None
        self._state = RunState()
        self._pacer = Pacer()
        self._came = 0
        self._ticked_at = self._typed_at = 0.0
        # each card counts its seconds in a frame of its own: thirty-two at once would be felt
        self._slow_at = time.monotonic() - random.uniform(0, SLOW_S)
        self._figures_of: tuple[ThoughtId, Status | None] | None = None
        """The thought whose figures stand in head and foot, and whether it had ended."""
        self._waiting: Waiting | None = None
        self._is_narrow = self._is_short = self._is_tight = False
        self._notes_known = 0
        self._pointer = ""
        """Where in the text the pointer is, as an index; empty: elsewhere."""
        self._build(parent, acts)

    # -- what the wall calls -------------------------------------------------------------------------------------------

    def show(self, agent: Agent, state: RunState, *, is_whole: bool = False) -> None:
        """Show this agent. The same one again goes on where it was; another one begins at the top.

        With `is_whole` its figures are written at once: time may stand still now, and no tick would write them.
        """
        self._state = state
        if agent is not self.agent:
            self.agent = agent
            self._document.forget()
            self._pacer.reset()
            self._came = self._notes_known = 0
            self._alerts.hide_trouble()
            self._head.name(agent.agent_id)
            self._strip.show("")
            self._find.close()
        self.asking.show(agent, state)
        self._document.reason = agent.reason
        self.update()
        if is_whole:
            self._draw_slow()

    def forget(self) -> None:
        """Show nobody, and let the run go that was shown."""
        self._find.close()
        self.agent, self._state = None, RunState()
        self.asking.show(None, self._state)
        self._foot.forget()
        self._document.forget()
        self._came = 0

    def update(self) -> None:
        """The state has changed: show it. What is to be typed is shown by `tick`, what is not, at once."""
        agent = self.agent
        if agent is None:
            return
        now = time.monotonic()
        self._hear_notes()
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

    def lead_to(self, thought_id: ThoughtId, call_id: CallId | None = None) -> None:
        """Scroll to a thought, or to a tool call in it."""
        if call_id is None or not self._calls.lead_to(call_id):
            self._document.lead_to(thought_id)

    def turn_to(self, call_id: CallId) -> None:
        """Lead to a tool call, and to what asks about it."""
        self._calls.lead_to(call_id)
        if not self._alerts.turn_to(call_id):
            self.focus()

    def mark(self, relation: Relation, words: str) -> None:
        """Show how this agent's thoughts stand to the one that is pointed at; with no words, to none."""
        self._head.mark(words, is_source=bool(relation.was_read), is_reader=bool(relation.has_read))

    @property
    def pointed(self) -> Thought | None:
        """The thought under the pointer, else the latest."""
        thought_id = self._document.thought_at(self._pointer) if self._pointer else None
        if thought_id is not None and thought_id in self._state.thoughts:
            return self._state.thoughts[thought_id]
        return latest_of(self.agent) if self.agent is not None else None

    def find(self) -> None:
        """Open the find bar."""
        self._find.open()

    def close_find(self) -> bool:
        """Close the find bar, or the line for a question, or choose no call; False when there was none of them."""
        return self._find.close() or self.asking.close() or self._calls.leave()

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
    def offers(self) -> Offers:
        """What can be asked of this agent now."""
        return self.asking.offers

    def stop(self) -> None:
        self.asking.stop()

    def retry(self) -> None:
        self.asking.retry()

    def ask(self) -> None:
        self.asking.ask()

    @property
    def stream(self) -> StreamText:
        """The text of this card."""
        return self._stream

    # -- building ------------------------------------------------------------------------------------------------------

    def _build(self, parent: tk.Misc, acts: CardActs | None) -> None:
        kit = self._kit
        self.frame = kit.frame(parent, "card", 3, box="card")
        self._head = CardHead(self.frame, kit)
        self._head.explain = self._explain
        self._foot = CardFoot(self.frame, kit)
        self.foot = self._foot.frame
        if self.is_large:
            self._tools = CardTools(self.foot, kit, lambda: self, is_large=True)
            self._tools.frame.pack(side="right")
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
        self._calls = CallBlocks(self._stream, kit, open_file=self._open_file, copy=self._to_clipboard)
        self._document = CardDocument(
            self._stream, kit, on_copy=lambda thought: self._to_clipboard(thought_document(thought)),
            on_unfold=self._unfolded, calls=self._calls,
        )  # fmt: skip
        self.asking = CardAsking(self.frame, kit, self.foot, acts, on_stop=self._draw_state, on_ask=self._stream.to_end)
        self._alerts = CardAlerts(self._body, kit, self._stream.frame, self.asking)
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
        for key in ("<Return>", "<KP_Enter>"):
            text.bind(key, lambda _event: self._act(self._enter))
        text.bind("<space>", lambda _event: self._act(self._calls.toggle_chosen))
        text.bind("<Key-c>", lambda _event: self._act(self._calls.step))
        for key, act in (("t", self._document.toggle), ("a", self.ask), ("r", self.retry), ("Delete", self.stop)):
            text.bind(f"<Key-{key}>", lambda _event, act=act: self._act(act))  # type: ignore[misc]
        for keys in ("<Control-Return>", "<Control-KP_Enter>", *(f"<{m}-{key}>" for m in MODIFIERS for key in "tar")):
            text.bind(keys, lambda _event: None)  # they mean something else, and to somebody else
        text.bind("<Button-3>", self._open_menu)
        text.bind("<Motion>", self._moved, add="+")
        text.bind("<Leave>", lambda _event: self._moved(None), add="+")
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
        self._document.now = self._state.now
        waits = self._document.catch_up(self.agent.thoughts, self._pacer, now, dt)
        latest = self.agent.latest
        speaks = latest is not None and latest.is_live and latest.first_at is not None and self._state.status is None
        speaks &= latest is None or (latest.activity not in ("asking", "running") and not self._document.thinks_on)
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
        if self.asking.is_stopping:
            badge = STOPPING
        of = (latest.thought_id, latest.status) if latest is not None else None
        if self._head.set_badge(badge, agent.code) or of != self._figures_of:
            self._figures_of = of
            self._draw_slow()
        self._head.set_fraction(latest.fraction or 0.0 if latest is not None and latest.is_live else 0.0)
        if self._tools is not None:
            self._tools.show(self.offers)
        self._alerts.show(agent, self._state, is_tight=self._is_tight)
        if self._waiting is None or waiting_of(agent, self._state, self._state.now) is None:
            self._draw_waiting()

    def _draw_slow(self) -> None:
        """What changes with time."""
        agent = self.agent
        assert agent is not None
        now = self._state.now
        self._head.set_meta(meta(agent, self._state))
        self._foot.show(agent, now, narrow=self._is_narrow, place=place_of(self._state, agent))
        if not self.asking.is_stopping:
            self._head.set_badge(badge_for(agent, self._state, short=self._is_short), agent.code)
        self._draw_waiting()
        self._document.refresh(now)
        self._strip.show(self._document.open_thinking)

    def _draw_waiting(self) -> None:
        agent = self.agent
        assert agent is not None
        waiting = waiting_of(agent, self._state, self._state.now)
        first = len(agent.thoughts) <= 1
        latest = agent.latest
        asked = (latest is not None and latest.asked_at is not None) or is_connecting(agent, self._state)
        still = self._settings.current.reduce_motion
        dots = DOTS[-1 if still else int(self._state.now / SLOW_S) % 3] if waiting and asked else ""
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

    def _hear_notes(self) -> None:
        if self.agent is not None and len(self._state.notes) != self._notes_known:
            self._notes_known = len(self._state.notes)
            mine = (None, self.agent.agent_id)
            self._document.notes = [note for note in self._state.notes if note.agent_id in mine]

    def _unfolded(self, mark: str) -> None:
        """A thought that was replaced has been opened or folded: draw anew, with its line where the eye is."""
        self._stream.latch()
        self.update()
        self._stream.text.see(mark)

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _act(self, act: Callable[[], object]) -> str:
        act()
        return "break"

    def _double_clicked(self, _event: tk.Event[Any]) -> str:
        self.maximise()
        return "break"

    def _enter(self) -> None:
        if not self._calls.toggle_chosen():
            self.maximise()

    def _focused(self, *, is_in: bool) -> None:
        if not self.is_large:  # alone on the wall, it needs no ring to be found
            self.frame.state(["user1" if is_in else "!user1"])
        if is_in and self._on_hover:
            self._on_hover(self)

    def _pointed(self, *, is_in: bool) -> None:
        self.frame.state(["active" if is_in else "!active"])
        if is_in and self._on_hover:
            self._on_hover(self)

    def _moved(self, event: tk.Event[Any] | None) -> None:
        self._pointer = f"@{event.x},{event.y}" if event is not None else ""

    def _explain(self) -> str:
        if self.agent is None:
            return ""
        thought, place = latest_of(self.agent), place_of(self._state, self.agent)
        read = in_words(thought, self._state) if thought is not None else ""
        return "\n".join(part for part in (f"Asks {place}" if place else "", read) if part)

    def _left(self, event: tk.Event[Any]) -> None:
        # the pointer also leaves when it goes on to a part of this one
        under = self.frame.winfo_containing(event.x_root, event.y_root)
        if under is None or not f"{under}.".startswith(f"{self.frame}."):
            self._pointed(is_in=False)

    def _sized(self, width: int, height: int) -> None:
        share = self._kit.font_percent / 100
        self._is_narrow = width < self._kit.px(NARROW_PX) * share
        self._is_short = width < self._kit.px(SHORT_PX) * share
        self.asking.is_low = self._document.keep_folded = height < self._kit.px(LOW_PX)
        self._is_tight = height < self._kit.px(TIGHT_PX) * share
        if self.agent is not None:
            self._draw_state()
            self._draw_slow()

    def _open_menu(self, event: tk.Event[Any]) -> None:
        text, thought = self._stream.text, self._thought_at(event)
        copying = [Item("Copy", self._stream.copy, "Ctrl+C", bool(text.tag_ranges("sel")))]
        if thought is not None:
            copying.append(Item("Copy this thought", lambda: self._to_clipboard(thought_document(thought))))
            if thought.thinking:
                copying.append(Item("Copy its thinking", lambda: self._to_clipboard(str(thought.thinking))))
        copying.append(Item("Copy all of this agent", self.copy_all))
        if call := self._calls.call_at(f"@{event.x},{event.y}"):
            of_call = (("Copy the call's arguments", str(call.arguments)), ("Copy its result", call.content))
            copying += [Item(label, partial(self._to_clipboard, words)) for label, words in of_call if words]
        getting_about = (
            Item("Select all", lambda: text.tag_add("sel", "1.0", "end-1c"), "Ctrl+A"),
            Item("Find…", self.find, "Ctrl+F"),
            Item("Make small" if self.is_large else "Make big", self.maximise, "Enter"),
        )
        open_menu(self._kit, event, (copying, self.asking.items(), getting_about))

    def _thought_at(self, event: tk.Event[Any]) -> Thought | None:
        thought_id = self._document.thought_at(f"@{event.x},{event.y}")
        return self._state.thoughts.get(thought_id) if thought_id else None

    def _open_file(self, file: str) -> None:
        if sentence := show_file(Path(file)):
            self.asking.tell(sentence)

    def _to_clipboard(self, words: str) -> None:
        to_clipboard(self.frame, words)
