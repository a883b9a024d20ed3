"""What stands above the synthesis: its state in a word, its figures, what can be done with it, and what it lacks.

Who is missing, and why a synthesis is not whole, Felix says here itself, beside the model's text and never in it.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.gui.answer_document import left_out, reason
from felix.gui.card_words import DOT, Badge, badge_of, elapsed_of, seconds
from felix.gui.kit import Kit
from felix.gui.synthesis_strip import view_control
from felix.ledger.state import RunState, Synthesis

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


class SynthesisHead:
    """`frame` is placed by the caller, above the text."""

    def __init__(
        self,
        parent: tk.Misc,
        kit: Kit,
        *,
        on_view: Callable[[str], None],
        on_copy: Callable[[], None],
        on_save: Callable[[], None],
    ) -> None:
        self._kit = kit
        self._state = RunState()
        self._shown: object = None
        self._said = ""
        self._after = ""
        self.frame = kit.frame(parent, "card")
        row = kit.frame(self.frame, "card", padding=(9, 4, 4, 4))
        row.pack(fill="x")
        self._star = kit.label(row, on="card", icon="stars", icon_size=14)
        self._star.pack(side="left")
        kit.label(row, "Synthesis", "Strong", on="card", padding=(8, 0, 8, 0)).pack(side="left")
        self.badge = kit.badge(row, "Queued", "queue", "hourglass-split")
        self.badge.pack(side="left")
        self.views = view_control(row, kit, on_view)
        self.views.frame.pack(side="right")
        self.save = kit.button(row, icon="box-arrow-up", on="card", command=on_save, tooltip="Save as Markdown…")
        self.save.pack(side="right", padx=(0, kit.px(6)))
        self.copy = kit.button(row, icon="copy", on="card", command=on_copy, tooltip="Copy the synthesis")
        self.copy.pack(side="right")
        self.figures = kit.label(row, "", "Small", "text2", "card", padding=(10, 0))
        self.figures.pack(side="left", fill="x", expand=True)
        kit.tooltip(self.figures, self._missing_words)
        kit.rule(self.frame).pack(fill="x")
        self.missing = kit.label(self.frame, "", "Small", "text2", "card", padding=(12, 6, 12, 4), justify="left")
        self._make_troubles()
        self.frame.bind("<Configure>", lambda event: self._wrap(event.width))
        self.frame.bind("<Destroy>", lambda _event: self._silence(), add="+")

    def restart(self) -> None:
        """Another synthesis: nothing is known of it."""
        self._shown = None
        self._silence()
        self._said = ""
        for each in (self.missing, self._block):
            each.pack_forget()

    def show(self, state: RunState, synthesis: Synthesis) -> None:
        """Everything but the figures."""
        self._state = state
        badge = badge_of(synthesis, run_is_over=state.status is not None)
        if synthesis.status == "complete":
            badge = Badge("Complete", badge.state, badge.icon)
        sentence = synthesis.error or (state.reason if synthesis.status is None else "")
        shown = badge, synthesis.status, sentence, synthesis.left_out
        if shown == self._shown:
            return
        self._shown = shown
        kit = self._kit
        kit.set_badge(self.badge, *badge)
        kit.set_label(self._star, icon_color=f"state:{badge.state}" if badge.state != "queue" else "text2")
        missing = self._missing_words()
        self.missing.configure(text=missing)
        is_trouble = badge.state in self.troubles
        self._block.pack_forget()
        self.missing.pack_forget()
        if missing:
            self.missing.pack(fill="x")
        if is_trouble:
            self._block.pack(fill="x")
        for state_name, (tinted, title, label) in self.troubles.items():
            if state_name == badge.state:
                title.configure(text=_TITLES[synthesis.status or "interrupted"])
                label.configure(text=sentence)
                tinted.pack(fill="x")
            else:
                tinted.pack_forget()

    def show_figures(self, synthesis: Synthesis, now: float) -> None:
        """Seconds, speed and who is missing; `now` in Unix seconds."""
        words = self._said or figures(synthesis, self._state, now)
        if words != self.figures.cget("text"):
            self.figures.configure(text=words)

    def say(self, words: str) -> None:
        """Show `words` in place of the figures for a moment."""
        self._silence()
        self._said = words
        self.figures.configure(text=words)
        self._after = self.frame.after(SAID_MS, self._unsay)

    def _unsay(self) -> None:
        self._after, self._said = "", ""
        if (synthesis := self._state.synthesis) is not None:
            self.show_figures(synthesis, synthesis.ended_at or self._state.started_at)

    def _silence(self) -> None:
        if self._after:
            self.frame.after_cancel(self._after)
            self._after = ""

    def _make_troubles(self) -> None:
        kit = self._kit
        self._block = kit.frame(self.frame, "card", padding=(9, 8, 9, 2))
        self.troubles = {}
        """By state: the tinted block, its title, its sentence. At most one is shown."""
        for state in ("fail", "stop"):
            tinted = kit.frame(self._block, f"tint:{state}")
            kit.frame(tinted, f"state:{state}", width=kit.px(3)).pack(side="left", fill="y")
            inner = kit.frame(tinted, f"tint:{state}", padding=(10, 6, 10, 7))
            inner.pack(side="left", fill="both", expand=True)
            title = kit.label(inner, "", "SmallStrong", f"ink:{state}", f"tint:{state}")
            sentence = kit.label(inner, "", "Small", "text", f"tint:{state}", justify="left")
            title.pack(anchor="w")
            sentence.pack(anchor="w")
            self.troubles[state] = tinted, title, sentence

    def _wrap(self, width: int) -> None:
        for label in (self.missing, *(sentence for _, _, sentence in self.troubles.values())):
            label.configure(wraplength=max(160, width - self._kit.px(60)))

    def _missing_words(self) -> str:
        """Who is missing and why, one line each."""
        missing = left_out(self._state)
        lines = [f"Without {reason(each)}" for each in missing[:MOST_MISSING]]
        if len(missing) > MOST_MISSING:
            rest = ", ".join(each.agent_id for each in missing[MOST_MISSING:])
            lines.append(f"and without {rest}")
        return "\n".join(lines)


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
