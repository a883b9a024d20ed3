"""Who did what when: a row per agent and one for the hub, under the helix.

While a run goes on, what is being said is drawn on twice a second; of a run that has ended all is there, and a line
marks the moment that is shown. Bars are canvas rectangles whose coordinates change; one set of bindings serves all.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.events import AgentId, CallId, ThoughtId
from felix.gui.bridge import Bridge
from felix.gui.course.player import Player
from felix.gui.course.replay_bar import bind_keys
from felix.gui.course.timeline_spans import Kind, Row, Span, Told, call_at, rows_of, told_of, words_of
from felix.gui.kit import Kit
from felix.gui.pointer_tip import PointerTip
from felix.gui.status_bar import clock
from felix.ledger.run_clock import STEPS_S, Gap, RunClock
from felix.ledger.speech import Speech
from felix.ledger.state import RunState
from felix.ledger.words import place_of

ROW, LOW_ROW = 22, 14
MANY = 10
"""With more agents than this rows are low."""
SHARE = 0.42
"""Of the panel's height at most; what is more scrolls."""
LABELS, RIGHT, AXIS = 40, 16, 18
SLOW_S = 0.5
"""Between two looks at what is being said."""
LEAST_S = 20.0
"""Of time on the axis, so that the first seconds of a run do not race across it."""
GROWTH = 1.35
"""The axis of a live run is longer than the run, and grows by this when that has filled it."""
LABEL_APART = 40
KNOB = 9
"""Of the playhead; a little more while it has the keyboard."""
NEAR = 5
"""Pixels: a pointer this near to the playhead takes it."""

_HALF: dict[Kind, float] = {
    "queued": 0.5, "waiting": 0.5, "reading": 2, "thinking": 5, "writing": 5, "calling": 3, "asking": 5, "running": 4,
}  # fmt: skip
_COLOURS: dict[Kind, str] = {
    "reading": "state:prep", "thinking": "state:think", "writing": "state:write", "calling": "tint:write",
    "asking": "state:stop", "running": "tint:prep",
}  # fmt: skip
_EDGES: dict[Kind, str] = {"calling": "state:write", "running": "state:prep"}
"""Of bars that are hollow."""
_OF_ALL: tuple[tuple[str, str, str], ...] = (
    ("prep", "reading", "square-fill"), ("think", "thinking", "square-fill"), ("write", "writing", "square-fill"),
    ("queue", "waiting", "dash-lg"),
)  # fmt: skip
_OF_TOOLS: tuple[tuple[str, str, str], ...] = (
    ("write", "calling a tool", "square"), ("prep", "using it", "square"), ("stop", "your word", "square-fill"),
)  # fmt: skip
"""The keys that the legend has for runs whose agents use tools: a colour, a word, a shape."""


class _Drawn:
    """An answer on the canvas."""

    __slots__ = ("items", "row", "speech", "told")

    def __init__(self, row: int, speech: Speech, told: Told) -> None:
        self.row, self.speech, self.told = row, speech, told
        self.items: list[int] = []
        """One per span, then that of the trouble."""


class Timeline:
    """`frame` comes to the foot of its parent, which is packed, with the first run. A View."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        bridge: Bridge,
        *,
        on_thought: Callable[[AgentId, ThoughtId, float, CallId | None], None],
    ) -> None:
        """`on_thought` hears of a click on a thought, at which second of the run it was, and on which tool call."""
        self._kit, self._bridge, self._on_thought = kit, bridge, on_thought
        self._state = RunState()
        self._rows: list[Row] = []
        self._drawn: dict[ThoughtId, _Drawn] = {}
        self._end_s = LEAST_S
        self._looked_at = 0.0
        self._labels: tuple[str, ...] = ()
        self._gaps: tuple[Gap, ...] = ()
        self._is_dragged = False
        self.frame = kit.frame(parent, "side")
        kit.rule(self.frame).pack(fill="x")
        head = kit.frame(self.frame, "side", padding=(14, 8, 14, 2))
        head.pack(fill="x")
        kit.label(head, "Timeline", "Strong", on="side").pack(side="left")
        self.time = kit.label(head, "", "Small", "text2", "side")
        self.time.pack(side="right")
        self.axis = kit.canvas(self.frame, "side", height=kit.px(AXIS), width=1)
        self.axis.pack(fill="x")
        self._body = kit.frame(self.frame, "side")
        self._body.pack(fill="x")
        self.canvas = kit.canvas(self._body, "side", height=1, width=1, takefocus=True)
        self._bar = kit.scrollbar(self._body, self.canvas.yview, "side")
        self.canvas.configure(yscrollcommand=self._bar.set)
        self.canvas.pack(side="left", fill="both", expand=True)
        self._legend = kit.frame(self.frame, "side", padding=(14, 2, 0, 8))
        self._legend.pack(fill="x")
        self._keys, self._tool_keys = (
            [
                kit.label(
                    self._legend, word, "Tiny", "text2", "side", icon=icon, icon_size=8, icon_color=f"state:{state}"
                )
                for state, word, icon in keys
            ]
            for keys in (_OF_ALL, _OF_TOOLS)
        )
        self._legend_of: tuple[int, bool] = (0, False)
        """Columns, and whether it speaks of tools."""
        self._now = self.canvas.create_rectangle(0, 0, 0, 0, width=0)
        self._now_above = self.axis.create_rectangle(0, 0, 0, 0, width=0)
        self._knob = self.axis.create_image(0, 0)
        self._tip = PointerTip(self.canvas, kit)
        self._bind()

    def _bind(self) -> None:
        kit = self._kit
        for canvas in (self.canvas, self.axis):
            canvas.bind("<Button-1>", self._press)
            canvas.bind("<B1-Motion>", self._drag)
            canvas.bind("<ButtonRelease-1>", self._release)
            canvas.bind("<Motion>", self._point)
            canvas.bind("<Leave>", lambda _event: self._tip.hide())
        self.canvas.bind("<Configure>", lambda _event: self._redraw())
        for sequence, by in (("<Button-4>", -1), ("<Button-5>", 1)):
            self.canvas.bind(sequence, lambda _event, by=by: self._scroll(by))  # type: ignore[misc]
        self.canvas.bind("<MouseWheel>", lambda event: self._scroll(-1 if event.delta > 0 else 1))
        bind_keys(self.canvas, self._act)
        self.canvas.bind("<Key-space>", lambda _event: self._act(Player.toggle))
        for sequence in ("<FocusIn>", "<FocusOut>"):
            self.canvas.bind(sequence, lambda _event: self._draw_time())
        self.frame.master.bind("<Configure>", lambda _event: self._fit(), add="+")
        kit.on_theme_change(self._redraw, owner=self.canvas)
        kit.on_font_change(self._redraw, owner=self.canvas)

    # -- View ----------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        if state.plan is None:
            self._state = state  # the run that was drawn has lost its clock
            self.frame.pack_forget()
            return
        if not self.frame.winfo_manager():
            self.frame.pack(side="bottom", fill="x", before=self.frame.master.pack_slaves()[0])
        player = self._bridge.player
        whole = state if player is None else player.ended
        is_other = whole is not self._state
        self._state = whole
        if is_other or self._has_outgrown():
            self._redraw()
        else:
            self._look()

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        player = self._bridge.player
        has_ended = player is not None and self._end() != self._end_s
        if has_ended or (state if player is None else player.ended) is not self._state:
            self.show(state)

    def tick(self, now: float) -> bool:
        if self._bridge.player is not None:
            self._draw_time()
        elif now - self._looked_at >= SLOW_S:
            self._looked_at = now
            self._look()
        return False

    @property
    def playhead_x(self) -> float:
        """Where the line stands that marks the moment shown."""
        left, _, right, _ = self.canvas.coords(self._now)
        return (left + right) / 2

    @property
    def tip(self) -> str:
        """What is said beside the pointer."""
        return self._tip.text

    # -- drawing -------------------------------------------------------------------------------------------------------

    @property
    def _row_height(self) -> int:
        low = len(self._rows) - 1 > MANY
        return round(self._kit.px(LOW_ROW if low else ROW) * max(1.0, self._kit.font_percent / 100))

    def x_of(self, at_s: float) -> float:
        """Where a second of the run is, in pixels of the canvas."""
        left, right = self._kit.px(LABELS), self._kit.px(RIGHT)
        return left + max(1, self.canvas.winfo_width() - left - right) * at_s / self._end_s

    def _second(self, x: float) -> float:
        left, right = self._kit.px(LABELS), self._kit.px(RIGHT)
        return (x - left) / max(1, self.canvas.winfo_width() - left - right) * self._end_s

    def _has_outgrown(self) -> bool:
        """Whether there are others to show than those drawn, or another time than the axis has."""
        if self._end() != self._end_s or self._clock.gaps != self._gaps:
            return True
        return [row.label for row in rows_of(self._state)] != list(self._labels)

    def _end(self) -> float:
        if (player := self._bridge.player) is not None:
            return max(0.1, player.duration_s)
        end, reached = LEAST_S, self._present()
        while end < reached * 1.02:
            end *= GROWTH
        return end

    @property
    def _clock(self) -> RunClock:
        player = self._bridge.player
        return self._bridge.clock if player is None else player.clock

    def _present(self) -> float:
        """Seconds of the run at its present."""
        state = self._state
        return self._clock.position(state.now if state.ended_at is None else state.ended_at)

    def _fit(self) -> None:
        """As high as the rows are, but never more than the helix can spare."""
        whole = self._row_height * len(self._rows)
        room = round(self.frame.master.winfo_height() * SHARE) - self._kit.px(AXIS + 60)
        height = max(1, min(whole, max(self._row_height * 2, room)))
        if height != self.canvas.winfo_reqheight():
            self.canvas.configure(height=height)
        self.canvas.configure(scrollregion=(0, 0, 1, whole), yscrollincrement=self._row_height)
        is_cut = whole > height
        if is_cut != bool(self._bar.winfo_manager()):
            if is_cut:
                self._bar.pack(side="right", fill="y", before=self.canvas)
            else:
                self._bar.pack_forget()
        self._wrap_legend()

    def _wrap_legend(self) -> None:
        """In one line, or in lines of two where that is too wide; of tools only where some are used."""
        room, gap = self._legend.winfo_width() - self._kit.px(20), self._kit.px(6)
        with_tools = any(thought.calls for thought in self._state.thoughts.values())
        keys = [*self._keys, *self._tool_keys] if with_tools else self._keys
        in_line = sum(key.winfo_reqwidth() + gap for key in keys) - gap
        columns = len(keys) if in_line <= room else 2
        if (columns, with_tools) == self._legend_of:
            return
        self._legend_of = (columns, with_tools)
        for key in (*self._keys, *self._tool_keys):
            key.grid_forget()
        for number, key in enumerate(keys):
            key.grid(row=number // columns, column=number % columns, sticky="w", padx=(0, gap))

    def _redraw(self) -> None:
        """All of it: another run, another size, another theme."""
        kit, canvas = self._kit, self.canvas
        self._rows = rows_of(self._state) if self._state.plan is not None else []
        self._labels = tuple(row.label for row in self._rows)
        self._end_s, self._gaps = self._end(), self._clock.gaps
        self._fit()
        canvas.delete("row")
        self._drawn.clear()
        height = self._row_height
        for number, row in enumerate(self._rows):
            canvas.create_text(
                kit.px(14), number * height + height / 2, text=row.label, anchor="w", font="Tiny", fill=kit["text2"],
                tags="row",
            )  # fmt: skip
        self._draw_grid()
        canvas.itemconfigure(self._now, fill=kit["text2" if self._bridge.player is None else "primary"])
        self._look()

    def _draw_grid(self) -> None:
        kit, canvas, axis = self._kit, self.canvas, self.axis
        axis.delete("grid")
        if not self._rows:
            return
        apart = self.x_of(1) - self.x_of(0)
        longest = kit.font("Tiny").measure(clock(self._end_s)) + kit.px(10)
        step = next((each for each in STEPS_S if each * apart >= max(kit.px(LABEL_APART), longest)), STEPS_S[-1])
        at = 0
        while at <= self._end_s:
            x = self.x_of(at)
            canvas.create_rectangle(
                x, 0, x + 1, self._row_height * len(self._rows), width=0, fill=kit["line"], tags="row"
            )
            axis.create_text(x, kit.px(AXIS) / 2, text=clock(at), font="Tiny", fill=kit["text2"], tags="grid")
            at += step
        for gap in self._clock.gaps:
            if gap.words:
                x = self.x_of(self._clock.position(gap.start))
                height = self._row_height * len(self._rows)
                canvas.create_line(x, 0, x, height, dash=(2, 3), fill=kit["text2"], tags=("row", "gap"))
        canvas.tag_raise(self._now)

    def _look(self) -> None:
        """Draw on what has changed since the last look."""
        if self._state.plan is None:
            return
        if self._has_outgrown():
            self._redraw()
            return
        clock_, now = self._clock, self._state.now
        rows = rows_of(self._state)
        for number, row in enumerate(rows):
            for thought_id, speech in row.speeches:
                drawn = self._drawn.get(thought_id)
                if drawn is not None and drawn.speech is speech and not drawn.told.is_live:
                    continue
                told = told_of(row.agent_id, thought_id, speech, clock_, now)
                if drawn is None or drawn.speech is not speech:
                    drawn = self._drawn[thought_id] = _Drawn(number, speech, told)
                elif drawn.told == told:
                    continue
                self._draw(drawn, told)
        self._rows = rows
        if not self._legend_of[1]:
            self._wrap_legend()  # the first call of a tool may have come
        self._draw_time()

    def _draw(self, drawn: _Drawn, told: Told) -> None:
        before, drawn.told = drawn.told, told
        canvas = self.canvas
        kept = 0
        if drawn.items:
            for old, new in zip(before.spans, told.spans, strict=False):
                if old.kind != new.kind:
                    break
                kept += 1
        for item in drawn.items[kept:]:
            canvas.delete(item)
        del drawn.items[kept:]
        for number, span in enumerate(told.spans):
            place = self._box(drawn.row, span)
            if number < kept:
                canvas.coords(drawn.items[number], *place)
            elif span.kind == "queued":
                _, top, _, _ = place
                drawn.items.append(
                    canvas.create_line(place[0], top, place[2], top, dash=(2, 2), fill=self._quiet, tags="row")
                )
            else:
                colour = self._kit[_COLOURS[span.kind]] if span.kind in _COLOURS else self._quiet
                edge = self._kit[_EDGES[span.kind]] if span.kind in _EDGES else colour
                is_hollow = span.kind in _EDGES
                drawn.items.append(
                    canvas.create_rectangle(*place, width=int(is_hollow), outline=edge, fill=colour, tags="row")
                )
        if told.trouble:
            x, middle, half = self.x_of(told.end_s), self._middle(drawn.row), self._kit.px(6)
            colour = self._kit[f"state:{told.trouble}"]
            drawn.items.append(
                canvas.create_rectangle(
                    x, middle - half, x + self._kit.px(3), middle + half, width=0, fill=colour, tags="row"
                )
            )
        canvas.tag_raise(self._now)

    @property
    def _quiet(self) -> str:
        return self._kit.mix("side", "text2", 0.55)

    def _middle(self, row: int) -> float:
        return row * self._row_height + self._row_height / 2

    def _box(self, row: int, span: Span) -> tuple[float, float, float, float]:
        middle = self._middle(row)
        half = _HALF[span.kind] * (self._kit.px(100) / 100) * min(1.0, self._row_height / self._kit.px(ROW))
        half = max(0.5, half)
        start = self.x_of(span.start_s)
        return start, middle - half, max(start + 1, self.x_of(span.end_s)), middle + half

    def _draw_time(self) -> None:
        """The line at the moment that is shown, and that moment in figures."""
        kit, player = self._kit, self._bridge.player
        if self._state.plan is None:
            return
        at_s = self._present() if player is None else player.position_s
        words = clock(at_s)
        if words != self.time.cget("text"):
            self.time.configure(text=words)
        x, half = self.x_of(at_s), kit.px(1) if player is not None else 0.5
        height = max(self._row_height * len(self._rows), 1)
        self.canvas.coords(self._now, x - half, 0, x + half, height)
        is_over = player is None and self._state.status is not None
        self.canvas.itemconfigure(self._now, state="hidden" if is_over else "normal")
        if player is None:
            self.axis.itemconfigure(self._knob, state="hidden")
            self.axis.coords(self._now_above, 0, 0, 0, 0)
            return
        radius, bottom = kit.px(KNOB) / 2, kit.px(AXIS)
        size = KNOB + 3 if self.canvas.focus_displayof() is self.canvas else KNOB
        self.axis.itemconfigure(
            self._knob, state="normal", image=kit.progress_ring(1.0, "write", "side", size), anchor="center"
        )
        self.axis.coords(self._knob, x, 1 + radius)
        self.axis.coords(self._now_above, x - half, 1 + 2 * radius, x + half, bottom)
        self.axis.itemconfigure(self._now_above, fill=kit["primary"])
        for item in self.axis.find_withtag("grid"):  # a label under the knob cannot be read
            left, _, right, _ = self.axis.bbox(item) or (0, 0, 0, 0)
            is_covered = left - radius <= x <= right + radius
            self.axis.itemconfigure(item, fill=kit["side" if is_covered else "text2"])
        self.axis.tag_raise(self._knob)

    # -- the user's hand -----------------------------------------------------------------------------------------------

    def _act(self, act: Callable[[Player], None]) -> str:
        if (player := self._bridge.player) is not None:
            act(player)
            self._draw_time()
        return "break"

    def _scroll(self, by: int) -> None:
        if self._bar.winfo_manager():
            self.canvas.yview_scroll(by, "units")

    def _told_at(self, event: tk.Event[tk.Misc]) -> _Drawn | None:
        if event.widget is not self.canvas or not self._rows:
            return None
        row = int(self.canvas.canvasy(event.y) // self._row_height)
        slack = self._second(self._kit.px(2)) - self._second(0)
        at_s = self._second(event.x)
        for drawn in self._drawn.values():
            if drawn.row == row and drawn.told.start_s - slack <= at_s <= drawn.told.end_s + slack:
                return drawn
        return None

    def _gap_at(self, event: tk.Event[tk.Misc]) -> str:
        """What is left out under the pointer."""
        clock_ = self._clock
        near = (gap for gap in clock_.gaps if abs(self.x_of(clock_.position(gap.start)) - event.x) <= self._kit.px(2))
        return next((gap.words for gap in near), "")

    def _is_on_playhead(self, event: tk.Event[tk.Misc]) -> bool:
        player = self._bridge.player
        if player is None:
            return False
        return event.widget is self.axis or abs(self.x_of(player.position_s) - event.x) <= self._kit.px(NEAR)

    def _press(self, event: tk.Event[tk.Misc]) -> None:
        self._tip.hide()
        self.canvas.focus_set()
        if self._is_on_playhead(event):
            self._is_dragged = True
            self._drag(event)
        elif (drawn := self._told_at(event)) is not None:
            at_s = max(drawn.told.start_s, self._second(event.x))
            call = call_at(drawn.speech, self._clock, at_s)
            self._on_thought(drawn.told.agent_id, drawn.told.thought_id, at_s, call.call_id if call else None)
        elif self._bridge.player is not None:
            self._is_dragged = True
            self._drag(event)

    def _drag(self, event: tk.Event[tk.Misc]) -> None:
        if self._is_dragged:
            self._act(lambda player: player.seek(self._second(event.x)))

    def _release(self, _event: tk.Event[tk.Misc]) -> None:
        self._is_dragged = False

    def _point(self, event: tk.Event[tk.Misc]) -> None:
        drawn = None if self._is_on_playhead(event) else self._told_at(event)
        cursor = "sb_h_double_arrow" if self._is_on_playhead(event) else "hand2" if drawn else ""
        event.widget.configure(cursor=cursor)  # type: ignore[call-arg]
        words = self._gap_at(event)
        if drawn is not None:
            place = place_of(self._state, drawn.speech)
            call = call_at(drawn.speech, self._clock, self._second(event.x))
            spoken = words_of(drawn.told.agent_id, drawn.speech, self._clock, self._state.now, place, call)
            words = f"{spoken}\n{words}" if words else spoken
        self._tip.show(words, event.x_root, event.y_root)
