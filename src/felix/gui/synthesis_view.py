"""The answer of the whole team: it streams plain, and is rendered as Markdown once it is complete.

Two pages lie on one another. The reader watches the streaming one; the rendered one is put together beneath it, some
milliseconds at a time, and comes up at the same place – not while text is selected.
"""

from __future__ import annotations

import time
import tkinter as tk
import webbrowser
from collections.abc import Callable
from pathlib import Path
from tkinter import filedialog
from typing import Literal

from felix.events import AgentId, RunId
from felix.gui import markdown
from felix.gui.answer_document import compose, file_name, left_out, reason
from felix.gui.card_words import DOT, Badge, badge_of, elapsed_of, seconds
from felix.gui.find_bar import FindBar
from felix.gui.hub_thinking import HubThinking
from felix.gui.kit import Kit
from felix.gui.line_marks import LineMarks
from felix.gui.markdown_blocks import is_plain
from felix.gui.markdown_text import MARGIN, MEASURE, MarkdownText
from felix.gui.pacing import Pacer
from felix.gui.shown_text import SOFT, printable
from felix.gui.stream_text import BAR_WIDTH, StreamText
from felix.gui.synthesis_strip import view_control
from felix.ledger.state import RunState, Synthesis
from felix.settings import SettingsFile, write_atomically

SLICE = 64_000
"""Characters shown in one frame at most: what a flood or an old run brings goes in over several."""
FIGURES_S = 0.5
SAID_MS = 2_500
"""How long "Copied" stands where the figures are."""
MOST_MISSING = 3
"""Agents named with their reason beneath the head; further ones are counted."""

_TITLES = {
    "truncated": "The synthesis was cut short",
    "unconfirmed": "The synthesis may not be whole",
    "stopped": "Stopped by you",
    "interrupted": "The synthesis was interrupted",
    "refused": "The model refused to write the synthesis",
    "failed": "The synthesis failed",
}


class SynthesisView:
    """`frame` is placed by the caller. It implements View."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        settings: SettingsFile,
        *,
        on_citation: Callable[[AgentId], None],
        on_view: Callable[[str], None],
        ask_path: Callable[[str], Path | None] | None = None,
        confirm: Callable[[str], bool] | None = None,
        open_url: Callable[[str], object] = webbrowser.open,
    ) -> None:
        """`ask_path` gets a name to offer and says where to save; `confirm` and `open_url` are about links."""
        self._kit, self._settings = kit, settings
        self._ask_path = ask_path or self._ask
        self._state = RunState()
        self._run: RunId | None = None
        self._opened_at = 0.0
        self.frame = kit.frame(parent, "card", padding=3, box="card")
        self._make_head(on_view)
        kit.rule(self.frame).pack(fill="x")
        self._make_notices()
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
            self._page, kit, on_citation=on_citation, hint=self._hint, confirm=confirm, open_url=open_url
        )
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
        self._said = ""
        self._after = self._swap_after = ""
        self._phase: Literal["streaming", "rendering", "ready", "rendered"] = "streaming"
        self._edition = 0
        self._known = self._fed = self._due = 0
        """Characters of the answer: that came, that stand on the streaming page, that are due on it."""
        self._pacer, self._marks = Pacer(), LineMarks()
        self._ticked = self._figures_at = 0.0
        self._head_key: object = None
        self._bind()
        self._restart()

    # -- View ----------------------------------------------------------------------------------------------------------

    def show(self, state: RunState) -> None:
        """As `update`; what stands there already stays, with the reader's place."""
        self.update(state, set())

    def update(self, state: RunState, dirty: set[AgentId]) -> None:
        self._state = state
        synthesis = state.synthesis
        opened_at = synthesis.opened_at if synthesis else 0.0
        if (state.run, opened_at) != (self._run, self._opened_at):
            self._run, self._opened_at = state.run, opened_at
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
        self._refresh_head(synthesis)

    def tick(self, now: float) -> bool:
        synthesis = self._state.synthesis
        if synthesis is None:
            return False
        dt, self._ticked = now - self._ticked, now
        is_live = synthesis.is_live and self._state.status is None
        moving = self._thinking.show(synthesis, time.time())
        self._place_thinking()
        moving |= self._reveal(synthesis, now, dt, is_live=is_live)
        settings = self._settings.current
        self.stream.set_caret(
            shown=is_live and len(synthesis.answer) > 0, steady=settings.reduce_motion or not settings.typing_effect
        )
        if now - self._figures_at >= FIGURES_S or not is_live:
            self._figures_at = now
            self._refresh_figures(synthesis)
        if not is_live and not moving:
            self._render(synthesis)
        moving |= self._thinking.tick(now)
        self._find.tick(now)
        return self.stream.tick(now) or moving or is_live

    def _bind(self) -> None:
        plain = self.stream.text
        plain.bind("<Button-1>", lambda _event: self._press(is_down=True), add="+")
        plain.bind("<ButtonRelease-1>", lambda _event: self._press(is_down=False), add="+")
        for sequence in ("<<Selection>>", "<FocusIn>"):  # a selection given up, a search that was closed
            plain.bind(sequence, lambda _event: self._swap_soon(), add="+")
        for text in (plain, self.rendered.widget):
            text.bind("<FocusIn>", lambda _event: self.frame.state(["focus"]), add="+")
            text.bind("<FocusOut>", lambda _event: self.frame.state(["!focus"]), add="+")
        self.frame.bind("<Configure>", lambda event: self._wrap(event.width), add="+")
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

    def set_view(self, view: str) -> None:
        """Show which view is in force."""
        self.views.set(view)

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
        self._head_key = None
        for each in (self._missing, self._block):
            each.pack_forget()

    def _clear_text(self) -> None:
        for bar in self._finds.values():
            bar.close()
        self._phase = "streaming"
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
        if self._fed and not stream.is_latched:
            target.see("end")
        elif self._fed:
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

    # -- head ----------------------------------------------------------------------------------------------------------

    def _make_head(self, on_view: Callable[[str], None]) -> None:
        kit = self._kit
        head = kit.frame(self.frame, "card", padding=(9, 4, 4, 4))
        head.pack(fill="x")
        self._star = kit.label(head, on="card", icon="stars", icon_size=14)
        self._star.pack(side="left")
        kit.label(head, "Synthesis", "Strong", on="card", padding=(8, 0, 8, 0)).pack(side="left")
        self.badge = kit.badge(head, "Queued", "queue", "hourglass-split")
        self.badge.pack(side="left")
        self.views = view_control(head, kit, on_view)
        self.views.frame.pack(side="right")
        self.save_button = kit.button(
            head, icon="box-arrow-up", on="card", command=self.save, tooltip="Save as Markdown…"
        )
        self.save_button.pack(side="right", padx=(0, kit.px(6)))
        self.copy_button = kit.button(head, icon="copy", on="card", command=self.copy, tooltip="Copy the synthesis")
        self.copy_button.pack(side="right")
        self.figures = kit.label(head, "", "Small", "text2", "card", padding=(10, 0))
        self.figures.pack(side="left", fill="x", expand=True)
        kit.tooltip(self.figures, self._missing_words)

    def _make_notices(self) -> None:
        """Who is missing, and why the synthesis is not whole: Felix says both itself, beside the model's text."""
        kit = self._kit
        self._missing = kit.label(self.frame, "", "Small", "text2", "card", padding=(12, 6, 12, 4), justify="left")
        self._block = kit.frame(self.frame, "card", padding=(9, 8, 9, 2))
        self._troubles = {}
        for state in ("fail", "stop"):
            tinted = kit.frame(self._block, f"tint:{state}")
            kit.frame(tinted, f"state:{state}", width=kit.px(3)).pack(side="left", fill="y")
            inner = kit.frame(tinted, f"tint:{state}", padding=(10, 6, 10, 7))
            inner.pack(side="left", fill="both", expand=True)
            title = kit.label(inner, "", "SmallStrong", f"ink:{state}", f"tint:{state}")
            sentence = kit.label(inner, "", "Small", "text", f"tint:{state}", justify="left")
            title.pack(anchor="w")
            sentence.pack(anchor="w")
            self._troubles[state] = tinted, title, sentence

    def _wrap(self, width: int) -> None:
        for label in (self._missing, *(sentence for _, _, sentence in self._troubles.values())):
            label.configure(wraplength=max(160, width - self._kit.px(60)))
        # the thinking stands over the text, which is in the middle of a wide pane
        side = max(self._kit.px(8), (width - self._kit.px(MEASURE)) // 2 - self._kit.px(12))
        if side != self._side:
            self._side = side
            if self._thinking.frame.winfo_manager():
                self._thinking.frame.pack_configure(padx=side)

    def _refresh_head(self, synthesis: Synthesis) -> None:
        is_over = self._state.status is not None
        badge = badge_of(synthesis, run_is_over=is_over)
        if synthesis.status == "complete":
            badge = Badge("Complete", badge.state, badge.icon)
        key = (badge, synthesis.status, synthesis.error, synthesis.left_out)
        if key == self._head_key:
            return
        self._head_key = key
        kit = self._kit
        kit.set_badge(self.badge, *badge)
        kit.set_label(self._star, icon_color=f"state:{badge.state}" if badge.state != "queue" else "text2")
        missing = self._missing_words()
        self._missing.configure(text=missing)
        self._place(self._missing, is_shown=bool(missing))
        is_trouble = badge.state in ("fail", "stop")
        for state, (tinted, title, sentence) in self._troubles.items():
            if is_trouble and state == badge.state:
                title.configure(text=_TITLES[synthesis.status or "interrupted"])
                sentence.configure(text=synthesis.error or "")
                tinted.pack(fill="x")
            else:
                tinted.pack_forget()
        self._place(self._block, is_shown=is_trouble)

    def _place(self, notice: tk.Widget, *, is_shown: bool) -> None:
        if not is_shown:
            notice.pack_forget()
        elif not notice.winfo_manager():
            notice.pack(fill="x", before=self._column)

    def _place_thinking(self) -> None:
        frame = self._thinking.frame
        if not self._thinking.is_needed:
            frame.pack_forget()
        elif not frame.winfo_manager():
            frame.pack(fill="x", padx=self._side, pady=(self._kit.px(8), 0), before=self._pages)

    def _refresh_figures(self, synthesis: Synthesis) -> None:
        words = self._said or figures(synthesis, self._state, time.time())
        if words != self.figures.cget("text"):
            self.figures.configure(text=words)

    def _missing_words(self) -> str:
        """Who is missing and why, one line each."""
        missing = left_out(self._state)
        lines = [f"Without {reason(each)}" for each in missing[:MOST_MISSING]]
        if len(missing) > MOST_MISSING:
            rest = ", ".join(each.agent_id for each in missing[MOST_MISSING:])
            lines.append(f"and without {rest}")
        return "\n".join(lines)

    # -- what the user does --------------------------------------------------------------------------------------------

    def copy(self) -> None:
        """The whole synthesis as the model wrote it, to the clipboard."""
        synthesis = self._state.synthesis
        if synthesis is None or not len(synthesis.answer):
            return
        self.frame.clipboard_clear()
        self.frame.clipboard_append(printable(str(synthesis.answer)))
        self._say("Copied")

    def save(self) -> None:
        """Ask where to, and write task, synthesis and thoughts as one Markdown file."""
        if self._state.synthesis is None:
            return
        path = self._ask_path(file_name(self._state))
        if path is None:
            return
        try:
            write_atomically(path, printable(compose(self._state)))
        except OSError as error:
            self._say(f"{path.name} could not be written ({error.strerror}); choose another folder.")
        else:
            self._say(f"Saved as {path.name}")

    def _ask(self, name: str) -> Path | None:
        chosen = filedialog.asksaveasfilename(
            parent=self.frame,
            title="Save the synthesis",
            initialfile=name,
            defaultextension=".md",
            filetypes=[("Markdown", "*.md"), ("All files", "*")],
        )
        return Path(chosen) if chosen else None

    def _say(self, words: str) -> None:
        """Show `words` in place of the figures for a moment."""
        self._silence()
        self._said = words
        self.figures.configure(text=words)
        self._after = self.frame.after(SAID_MS, self._unsay)

    def _unsay(self) -> None:
        self._after, self._said = "", ""
        if self._state.synthesis is not None:
            self._refresh_figures(self._state.synthesis)

    def _cancel(self) -> None:
        self._silence()
        if self._swap_after:
            self.frame.after_cancel(self._swap_after)
            self._swap_after = ""

    def _silence(self) -> None:
        if self._after:
            self.frame.after_cancel(self._after)
            self._after = ""

    def _hint(self, agent_id: AgentId) -> str:
        """What a citation says when pointed at: the first line of that agent's latest words."""
        agent = self._state.agents.get(agent_id)
        said = next((str(t.answer).strip() for t in reversed(agent.thoughts) if len(t.answer)), "") if agent else ""
        first = said.partition("\n")[0].strip("#*-> ")
        return f"{agent_id}: {first[:200]}" if first else agent_id


def figures(synthesis: Synthesis, state: RunState, now: float) -> str:
    """`12 s · 58 tok/s · without research-3`; "~" before what is estimated. `now` in Unix seconds."""
    parts = []
    elapsed = elapsed_of(synthesis, now)
    if elapsed is not None:
        parts.append(seconds(elapsed))
    if synthesis.tokens_per_s is not None:
        parts.append(f"{synthesis.tokens_per_s:.0f} tok/s")
    elif synthesis.is_live and synthesis.first_at is not None and now - synthesis.first_at >= 1:
        parts.append(f"~{synthesis.tokens / (now - synthesis.first_at):.0f} tok/s")
    if missing := left_out(state):
        names = ", ".join(each.agent_id for each in missing[:2])
        parts.append(f"without {names}" + (f" and {len(missing) - 2} more" if len(missing) > 2 else ""))
    return DOT.join(parts)
