"""The answer of the whole team: it streams plain, and is rendered as Markdown once it is complete.

Two pages lie on one another. The reader watches the streaming one; the rendered one is put together beneath it, some
milliseconds at a time, and comes up at the same place – not while text is selected.
"""

from __future__ import annotations

import time
import tkinter as tk
import webbrowser
from collections.abc import Callable
from typing import Literal

from felix.events import AgentId
from felix.gui.answer.hub_thinking import HubThinking
from felix.gui.answer.synthesis_head import SynthesisHead
from felix.gui.kit import Kit
from felix.gui.text import markdown
from felix.gui.text.find_bar import FindBar
from felix.gui.text.line_marks import LineMarks
from felix.gui.text.markdown_blocks import is_plain
from felix.gui.text.markdown_text import MARGIN, MEASURE, MarkdownText
from felix.gui.text.pacing import Pacer
from felix.gui.text.shown_text import SOFT, to_clipboard
from felix.gui.text.stream_text import BAR_WIDTH, StreamText
from felix.gui.wall.offers import SynthesisActs
from felix.ledger.speech import Synthesis
from felix.ledger.state import RunState
from felix.settings import SettingsFile

SLICE = 64_000
"""Characters shown in one frame at most: what a flood or an old run brings goes in over several."""
FIGURES_S = 0.5
SYNC_BELOW = 20_000
"""Characters up to which the rendered page is measured whole before it comes up, so that its thumb is right at once."""


class SynthesisView:
    """`frame` is placed by the caller. It implements View."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        settings: SettingsFile,
        *,
        on_citation: Callable[[AgentId], None],
        on_point: Callable[[AgentId | None], object] = lambda _agent: None,
        on_view: Callable[[str], None],
        acts: SynthesisActs | None = None,
        fill_export: Callable[[tk.Menu], object],
        confirm: Callable[[str], bool] | None = None,
        open_url: Callable[[str], object] = webbrowser.open,
    ) -> None:
        """`fill_export` gives the export button's menu its lines; what is about links is as in `TextLinks`."""
        self._kit, self._settings = kit, settings
        self._state = RunState()
        self._opened_at = 0.0
        self._turned: int | None = None
        """The number, from 0, of an earlier synthesis that the reader wants to see; None: the latest."""
        self._count = 0
        """Of the earlier ones."""
        self.frame = kit.frame(parent, "card", padding=3, box="card")
        self.head = SynthesisHead(
            self.frame, kit, on_view=on_view, on_copy=self.copy, fill_export=fill_export, on_turn=self.turn, acts=acts
        )
        self.head.frame.pack(fill="x")
        self._column = kit.frame(self.frame, "card")
        self._column.pack(fill="both", expand=True)
        self._thinking = HubThinking(self._column, kit)
        self._side = kit.px(8)
        self._pages = kit.frame(self._column, "card")
        self._pages.pack(fill="both", expand=True)
        self.stream = StreamText(
            self._pages, kit, font="Read", padx=MARGIN, pady=8, measure=MEASURE, on_copy_all=self.copy
        )
        self.stream.frame.place(relwidth=1, relheight=1)
        self._page = kit.frame(self._pages, "card")
        self.rendered = MarkdownText(
            self._page, kit, on_citation=on_citation, hint=self._hint, confirm=confirm, open_url=open_url,
            on_point=on_point,
        )  # fmt: skip
        bar = kit.scrollbar(self._page, self.rendered.widget.yview, "card")
        self.rendered.widget.configure(yscrollcommand=bar.set)
        bar.place(relx=1.0, x=-1, y=2, relheight=1.0, height=-4, width=kit.px(BAR_WIDTH), anchor="ne")
        self.rendered.widget.pack(fill="both", expand=True)
        bar.lift()
        self._page.place(relwidth=1, relheight=1)
        self._page.lower()
        self._finds = {
            text: FindBar(self._column, kit, text, before=self._pages, on_jump=jump)
            for text, jump in ((self.stream.text, self.stream.latch), (self.rendered.widget, None))
        }
        self._is_pressed = False
        self._swap_after = ""
        self._is_opened = self._opens_at_top = False
        self._followed_to = ""
        """What stood first on the rendered page when it came up at the end of the answer."""
        self._phase: Literal["streaming", "rendering", "ready", "rendered"] = "streaming"
        self._edition = 0
        self._known = self._fed = self._due = 0
        """Characters of the answer: that came, that stand on the streaming page, that are due on it."""
        self._pacer, self._marks = Pacer(), LineMarks()
        self._ticked = self._figures_at = 0.0
        self._bind()
        self._restart()

    # -- View ----------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        """As `update`; what stands there already stays, with the reader's place."""
        self.update(state, set())

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        is_other, self._state = state is not self._state, state
        if is_other or len(state.earlier) != self._count:
            self._turned, self._count = None, len(state.earlier)
        synthesis = self._synthesis
        opened_at = synthesis.opened_at if synthesis else 0.0
        if is_other or opened_at != self._opened_at:
            self._opened_at = opened_at
            self._restart()
        if state.is_running:
            markdown.prepare()
        if synthesis is None:
            return
        answer = synthesis.answer
        if answer.edition != self._edition:
            self._clear_text()
            self._edition = answer.edition
        if len(answer) > self._known:
            self._pacer.arrive(time.monotonic(), len(answer) - self._known)
            self._known = len(answer)
        self.head.show(state, synthesis)

    def tick(self, now: float) -> bool:
        synthesis = self._synthesis
        if synthesis is None:
            return False
        dt, self._ticked = now - self._ticked, now
        is_live = synthesis.is_live and self._state.status is None
        moving = self._thinking.show(synthesis, self._state.now)
        self._place_thinking()
        moving |= self._reveal(synthesis, now, dt, is_live=is_live)
        settings = self._settings.current
        self.stream.set_caret(
            shown=is_live and len(synthesis.answer) > 0, steady=settings.reduce_motion or not settings.typing_effect
        )
        if now - self._figures_at >= FIGURES_S or not is_live:
            self._figures_at = now
            self.head.show_figures(synthesis, self._state.now)
        if not is_live and not moving:
            self._go_to_top()
            self._render(synthesis)
        self._thinking.tick(now)
        self._find.tick(now)
        self.stream.tick(now)
        return moving

    def _bind(self) -> None:
        plain = self.stream.text
        plain.bind("<Button-1>", lambda _event: self._press(is_down=True), add="+")
        plain.bind("<ButtonRelease-1>", lambda _event: self._press(is_down=False), add="+")
        for sequence in ("<<Selection>>", "<FocusIn>"):  # a selection given up, a search that was closed
            plain.bind(sequence, lambda _event: self._swap_soon(), add="+")
        for text in (plain, self.rendered.widget):
            text.bind("<FocusIn>", lambda _event: self.frame.state(["focus"]), add="+")
            text.bind("<FocusOut>", lambda _event: self.frame.state(["!focus"]), add="+")
        self.frame.bind("<Configure>", lambda event: self._resize(event.width), add="+")
        self.frame.bind("<Destroy>", lambda _event: self._cancel(), add="+")

    # -- text ----------------------------------------------------------------------------------------------------------

    @property
    def is_rendered(self) -> bool:
        """True when the page that is seen is the rendered one."""
        return self._phase == "rendered"

    @property
    def text(self) -> tk.Text:
        """The page that is seen."""
        return self.rendered.widget if self.is_rendered else self.stream.text

    @property
    def _find(self) -> FindBar:
        return self._finds[self.text]

    @property
    def _synthesis(self) -> Synthesis | None:
        """The one that is shown."""
        state = self._state
        return state.synthesis if self._turned is None else state.earlier[self._turned]

    def turn(self, by: int) -> None:
        """Show the answer before or after this one, of a run that has several."""
        last = len(self._state.earlier)
        number = min(last, max(0, (last if self._turned is None else self._turned) + by))
        self._turned = None if number == last else number
        self.update(self._state, set())
        self.tick(time.monotonic())

    def set_view(self, view: str) -> None:
        """Show which view is in force."""
        self.head.views.set(view)

    def open_at_top(self) -> None:
        """The answer is whole and takes the room: show its first line, unless the reader has a place in it.

        Once for an answer: whoever comes back to it later finds it as they left it.
        """
        if self._is_opened:
            return
        self._is_opened = True
        text = self.rendered.widget
        if not self.is_rendered:
            self._opens_at_top = True
        elif self._followed_to and text.compare("@0,0", "==", self._followed_to):
            text.yview_moveto(0)

    def find(self) -> None:
        """Open the search field above the text."""
        self._find.open()

    def close_find(self) -> bool:
        """Close the search field; False when there was nothing to close."""
        return self._find.close()

    def _restart(self) -> None:
        self._edition = 0
        self._figures_at = 0.0
        self._thinking.restart()
        self._place_thinking()
        self._clear_text()
        self.head.restart()

    def _clear_text(self) -> None:
        for bar in self._finds.values():
            bar.close()
        self._phase = "streaming"
        self._is_opened = self._opens_at_top = False
        self._followed_to = ""
        self._known = self._fed = self._due = 0
        self._marks = LineMarks()
        self._pacer.reset()
        self.stream.clear()
        self.rendered.clear()
        self._page.lower()

    def _reveal(self, synthesis: Synthesis, now: float, dt: float, *, is_live: bool) -> bool:
        """Put on the streaming page what is due. True while more waits."""
        if self._phase != "streaming":
            return False
        settings = self._settings.current
        self._pacer.enabled = settings.typing_effect and not settings.reduce_motion
        self._due += self._pacer.due(now, dt) if is_live else self._pacer.flush()
        if not is_live and not self._fed and not is_plain(str(synthesis.answer)):
            self._due = 0  # an old answer is rendered at once, there is nobody to show it growing to
            return False
        if count := min(self._due, SLICE):
            part = synthesis.answer.since(self._fed)[:count]
            self.stream.append(part, marks=self._marks)
            self._fed += len(part)
            self._due -= count
        return self._due > 0 or self._pacer.waiting > 0

    def _go_to_top(self) -> None:
        """Of the streaming page, once all of it stands there, if that was asked for."""
        stream = self.stream
        is_read = stream.is_latched or bool(stream.text.tag_ranges("sel")) or self._find.is_open
        if self._opens_at_top and not self.is_rendered and not is_read:
            stream.scroll("moveto", 0)
        self._opens_at_top = False

    def _render(self, synthesis: Synthesis) -> None:
        """The answer has ended and stands there plain: have it rendered beneath."""
        source = str(synthesis.answer)
        if self._phase == "streaming" and source and not is_plain(source):
            self.stream.close_line(self._marks)
            self._phase = "rendering"
            self.rendered.render(source, list(self._state.agents), self._finished)

    def _finished(self) -> None:
        self._phase = "ready"
        self._swap()

    def _press(self, *, is_down: bool) -> None:
        self._is_pressed = is_down
        self._swap_soon()

    def _swap_soon(self) -> None:
        """Try again once Tk has done what it is about."""
        if self._phase == "ready" and not self._swap_after:
            self._swap_after = self.frame.after(1, self._swap)

    def _swap(self) -> None:
        """Bring the rendered page up, unless that would take something from the reader."""
        self._swap_after = ""
        if self._phase != "ready":
            return
        stream, target = self.stream, self.rendered.widget
        ranges = stream.text.tag_ranges("sel")
        is_all = (
            bool(ranges)
            and stream.text.compare("sel.first", "==", "1.0")
            and stream.text.compare("sel.last", ">=", "end-2c")
        )
        if self._is_pressed or (ranges and not is_all) or self._find.is_open:
            return  # a selection and what was searched for are the reader's: the page waits until they are given up
        self._phase = "rendered"
        if self._known < SYNC_BELOW:
            target.tk.call(str(target), "sync")
        if self._fed and not stream.is_latched and not self._opens_at_top:
            target.see("end")
            self._followed_to = target.index("@0,0")
        elif self._fed and stream.is_latched:
            target.yview(self.rendered.index_of(self._line_at_top()))
        else:
            target.yview_moveto(0)
        if is_all:
            target.tag_add("sel", "1.0", "end-1c")
        had_focus = self.frame.focus_get() is stream.text
        self._page.lift()
        if had_focus:
            target.focus_set()
        stream.clear()

    def _line_at_top(self) -> float:
        """The line of the source, with a fraction, that the streaming page shows first."""
        text = self.stream.text
        top = text.index("@0,0")
        breaks = [str(index) for index in text.tag_ranges(SOFT)][::2]
        broken = sum(text.compare(index, "<", top) for index in breaks)
        line = int(top.partition(".")[0]) - 1 - broken
        start = f"{top} linestart"
        for index in reversed(breaks):  # back over our own breaks to where the model's line began
            if text.compare(f"{index} + 1 chars", "==", start):
                start = text.index(f"{index} linestart")
        length = int(text.tk.call(str(text), "count", "-chars", start, f"{top} lineend") or 1)
        return line + int(text.tk.call(str(text), "count", "-chars", start, top)) / max(1, length)

    def _place_thinking(self) -> None:
        frame = self._thinking.frame
        if not self._thinking.is_needed:
            frame.pack_forget()
        elif not frame.winfo_manager():
            frame.pack(fill="x", padx=self._side, pady=(self._kit.px(8), 0), before=self._pages)

    def _resize(self, width: int) -> None:
        """The thinking stands over the text, which is in the middle of a wide pane."""
        side = max(self._kit.px(8), (width - self._kit.px(MEASURE)) // 2 - self._kit.px(12))
        if side != self._side:
            self._side = side
            if self._thinking.frame.winfo_manager():
                self._thinking.frame.pack_configure(padx=side)

    # -- what the user does --------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """The whole synthesis as the model wrote it, to the clipboard."""
        synthesis = self._synthesis
        if synthesis is None or not len(synthesis.answer):
            return
        to_clipboard(self.frame, str(synthesis.answer))
        self.head.say("Copied")

    def _cancel(self) -> None:
        if self._swap_after:
            self.frame.after_cancel(self._swap_after)
            self._swap_after = ""

    def _hint(self, agent_id: AgentId) -> str:
        """What a citation says when pointed at: the first line of that agent's latest words."""
        agent = self._state.agents.get(agent_id)
        said = next((str(t.answer).strip() for t in reversed(agent.thoughts) if len(t.answer)), "") if agent else ""
        first = said.partition("\n")[0].strip("#*-> ")
        return f"{agent_id}: {first[:200]}" if first else agent_id
