"""What stands above the synthesis: its state in a word, its figures, what can be done with it, and what it lacks.

Who is missing, and why a synthesis is not whole, Felix says here itself, beside the model's text and never in it.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk as plain

from felix.events import HUB, LeftOut
from felix.gui.answer.synthesis_strip import view_control
from felix.gui.kit import Kit
from felix.gui.wall.card_words import DOT, Badge, badge_of, elapsed_of, seconds
from felix.gui.wall.offers import Offers, SynthesisActs
from felix.gui.wall.question_line import QuestionLine, question_for
from felix.ledger.speech import Synthesis
from felix.ledger.state import RunState
from felix.ledger.words import lacking, place_of

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
        fill_export: Callable[[tk.Menu], object],
        on_turn: Callable[[int], None],
        acts: SynthesisActs | None,
    ) -> None:
        """`fill_export` gives the export button's menu its lines; `on_turn` leads to the answer before this one (-1)
        or after it (+1)."""
        self._kit, self._acts = kit, acts
        self._state = RunState()
        self._synthesis: Synthesis | None = None
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
        self.export = kit.menu_button(row, "", "box-arrow-up", "ghost", "card", arrow=False, tooltip="Export the run")
        fill_export(self.export.menu)
        self.export.pack(side="right", padx=(0, kit.px(6)))
        self.copy = kit.button(row, icon="copy", on="card", command=on_copy, tooltip="Copy the synthesis")
        self.copy.pack(side="right")
        self._make_acts(row)
        self._make_pages(row, on_turn)
        self.figures = kit.label(row, "", "Small", "text2", "card", padding=(10, 0))
        self.figures.pack(side="left", fill="x", expand=True)
        kit.tooltip(self.figures, self._missing_words)
        kit.rule(self.frame).pack(fill="x")
        self.missing = kit.label(self.frame, "", "Small", "text2", "card", padding=(12, 6, 12, 4), justify="left")
        self._question = QuestionLine(self.frame, kit, on_answer=acts.answer, is_wide=True) if acts else None
        self._make_troubles()
        self.frame.bind("<Configure>", lambda event: self._wrap(event.width))
        self.frame.bind("<Destroy>", lambda _event: self._silence(), add="+")

    def restart(self) -> None:
        """Another synthesis: nothing is known of it."""
        self._shown = None
        self._synthesis = None
        self._silence()
        self._said = ""
        for each in (self.missing, self._block):
            each.pack_forget()

    def show(self, state: RunState, synthesis: Synthesis) -> None:
        """Everything but the figures."""
        self._state, self._synthesis = state, synthesis
        self._draw_acts(state, synthesis)
        badge = badge_of(synthesis, run_is_over=state.status is not None)
        if synthesis.status == "complete":
            badge = Badge("Complete", badge.state, badge.icon)
        sentence = synthesis.error or (state.reason if synthesis.status is None else "")
        shown = badge, synthesis.status, sentence, synthesis.left_out, synthesis.notes, synthesis.instructions
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
                words = _TITLES[synthesis.status or "interrupted"]
                title.configure(text=words)
                label.configure(text="" if sentence.rstrip(".") == words else sentence)
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
        if (synthesis := self._synthesis) is not None:
            self.show_figures(synthesis, synthesis.ended_at or self._state.started_at)

    def _silence(self) -> None:
        if self._after:
            self.frame.after_cancel(self._after)
            self._after = ""

    def _make_acts(self, row: tk.Misc) -> None:
        """What can be asked of the hub; each stands there while it can be."""
        kit, acts = self._kit, self._acts
        self.again = kit.button(row, icon="arrow-repeat", on="card", tooltip="Synthesise again…")
        self.stop = kit.button(row, icon="stop-fill", on="card", icon_size=12, tooltip="Stop the synthesis")
        self.offered: Offers = frozenset()
        if acts is not None:
            self.again.configure(command=acts.again)
            self.stop.configure(command=acts.stop)

    def _make_pages(self, row: tk.Misc, on_turn: Callable[[int], None]) -> None:
        """The way to earlier answers, where there are any."""
        kit = self._kit
        self._pages = kit.frame(row, "card", padding=(8, 0, 0, 0))
        self.page = kit.label(self._pages, "", "Small", "text2", "card")
        self.back, self.forth = (
            kit.button(
                self._pages, icon=icon, on="card", padding=(4, 5), icon_size=11, tooltip=words,
                command=lambda by=by: on_turn(by),  # type: ignore[misc]
            )
            for icon, words, by in (("chevron-left", "The answer before", -1), ("chevron-right", "The answer after", 1))
        )  # fmt: skip
        for each in (self.page, self.back, self.forth):
            each.pack(side="left")

    def _draw_acts(self, state: RunState, synthesis: Synthesis) -> None:
        number, count = _place(state, synthesis)
        if count > 1:
            self.page.configure(text=f"Answer {number} of {count}")
            self.back.state(["disabled" if number == 1 else "!disabled"])
            self.forth.state(["disabled" if number == count else "!disabled"])
            self._pages.pack(side="left", after=self.badge)
        else:
            self._pages.pack_forget()
        if self._acts is None or self._question is None:
            return
        offers = self._acts.offers(state)
        if number < count:
            offers &= {"again"}
        if offers != self.offered:
            self.offered = offers
            for offer, button in (("again", self.again), ("stop", self.stop)):
                if offer in offers:
                    button.pack(side="right", before=self.copy)
                else:
                    button.pack_forget()
        question = question_for(state, HUB)
        if self._question.show(question):
            if question is None:
                self._question.frame.pack_forget()
            else:
                self._question.frame.pack(fill="x", padx=9, pady=(8, 2))
        for each in self._remedies:
            if "continue" in offers:
                each.pack(anchor="w", pady=(self._kit.px(4), 0))
            else:
                each.pack_forget()

    def _make_troubles(self) -> None:
        kit = self._kit
        self._block = kit.frame(self.frame, "card", padding=(9, 8, 9, 2))
        self._remedies: list[plain.Button] = []
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
            if self._acts is not None:
                self._remedies.append(
                    kit.button(
                        inner, "Continue writing", None, "outline", f"tint:{state}", "Small", padding=(8, 3, 8, 4),
                        command=self._acts.go_on,
                    )
                )  # fmt: skip
            self.troubles[state] = tinted, title, sentence

    def _wrap(self, width: int) -> None:
        for label in (self.missing, *(sentence for _, _, sentence in self.troubles.values())):
            label.configure(wraplength=max(160, width - self._kit.px(60)))

    def _missing_words(self) -> str:
        """What the user wanted of it; who is missing and why, one line each."""
        missing = _left_out(self._state, self._synthesis)
        wanted = " ".join(self._synthesis.instructions.split()) if self._synthesis else ""
        lines = [f"You wanted: {wanted}"] if wanted else []
        lines += [lacking(each) for each in missing[:MOST_MISSING]]
        if rest := missing[MOST_MISSING:]:
            lines.append(f"and {_named(rest, most=len(rest))}")
        lines += self._synthesis.notes if self._synthesis else ()
        return "\n".join(lines)


def figures(synthesis: Synthesis, state: RunState, now: float) -> str:
    """`12 s · 58 tok/s · Ollama · qwen3:8b · without research-3`; "~" before what is estimated. `now` in Unix seconds.

    Where it was asked is said of a run that asks several servers.
    """
    parts = []
    elapsed = elapsed_of(synthesis, now)
    if elapsed is not None:
        parts.append(seconds(elapsed))
    if (pace := synthesis.pace(now)) is not None:
        parts.append(f"{'~' if synthesis.is_live else ''}{pace:.0f} tok/s")
    if place := place_of(state, synthesis):
        parts.append(f"{place} instead of {' and '.join(synthesis.failed_at)}" if synthesis.failed_at else place)
    if missing := _left_out(state, synthesis):
        parts.append(_named(missing, most=2))
    return DOT.join(parts)


def _named(missing: Sequence[LeftOut], *, most: int) -> str:
    """`without research-3, only in part critic-1`; of each kind no more than `most` by name."""
    kinds = []
    for words, is_heard in (("without", False), ("only in part", True)):
        if those := [each.agent_id for each in missing if each.is_heard == is_heard]:
            more = f" and {len(those) - most} more" if len(those) > most else ""
            kinds.append(f"{words} {', '.join(those[:most])}{more}")
    return ", ".join(kinds)


def _left_out(state: RunState, synthesis: Synthesis | None) -> tuple[LeftOut, ...]:
    """Who is not whole in a synthesis, in the order of the workflow."""
    order = {agent_id: place for place, agent_id in enumerate(state.agents)}
    missing = synthesis.left_out if synthesis is not None else ()
    return tuple(sorted(missing, key=lambda each: order.get(each.agent_id, len(order))))


def _place(state: RunState, synthesis: Synthesis) -> tuple[int, int]:
    """Which of the run's syntheses it is, from 1, and how many there are."""
    count = len(state.earlier) + 1
    return next((n for n, each in enumerate(state.earlier, 1) if each is synthesis), count), count
