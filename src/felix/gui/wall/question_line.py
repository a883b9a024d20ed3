"""A guard's question as a calm line: a sentence and two buttons. It needs no answer and goes when it is settled."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from felix.events import AgentId, QuestionRaised
from felix.gui.kit import Kit
from felix.ledger.state import RunState

ON = "tint:stop"


class QuestionLine:
    """`frame` is placed by the caller while `is_open`; the newest question stands in it."""

    def __init__(
        self, parent: tk.Misc, kit: Kit, *, on_answer: Callable[[str, bool], object], is_wide: bool = False
    ) -> None:
        """`on_answer` gets the question's id, and whether to stop. Wide: the buttons stand beside the sentence."""
        self._kit, self._on_answer = kit, on_answer
        self._question: QuestionRaised | None = None
        self._is_answered = False
        self.frame = kit.frame(parent, ON)
        kit.frame(self.frame, "state:stop", width=kit.px(3)).pack(side="left", fill="y")
        inner = kit.frame(self.frame, ON, (9, 5, 6, 6))
        inner.pack(side="left", fill="both", expand=True)
        row = kit.frame(inner, ON)
        self._sentence = kit.label(inner, font="Small", on=ON, icon="question-circle", icon_color="ink:stop")
        self.stop = kit.button(
            row, "Stop", "stop-fill", "outline", ON, "Small", padding=(9, 3, 9, 4), icon_size=11,
            command=lambda: self._answer(stop=True),
        )  # fmt: skip
        self.go_on = kit.button(
            row, "Let it go on", None, "ghost", ON, "Small", padding=(9, 3, 9, 4), color="text",
            command=lambda: self._answer(stop=False),
        )  # fmt: skip
        self.stop.pack(side="left")
        self.go_on.pack(side="left", padx=(kit.px(4), 0))
        kit.tooltip(self.go_on, "Let it go on, as it does without an answer")
        kit.tooltip(
            self._sentence, lambda: f"{self._question.text} Without an answer it goes on." if self._question else ""
        )
        self._inner, self._row, self._is_wide, self._is_tight = inner, row, is_wide, False
        self._place()
        inner.bind("<Configure>", lambda _event: self._wrap())

    @property
    def is_open(self) -> bool:
        return self._question is not None

    def show(self, question: QuestionRaised | None, *, is_tight: bool = False) -> bool:
        """Ask this, or nothing. True when it has come or gone, so that the caller places it.

        Where it is tight, only what is the matter is said, and the buttons are short; pointing tells all.
        """
        if question == self._question and is_tight == self._is_tight:
            return False
        if is_tight != self._is_tight:
            self._is_tight = is_tight
            self._place()
        has_changed = (question is None) != (self._question is None)
        if question != self._question:
            self._question, self._is_answered = question, False
        if question is not None:
            self._name_stop()
            words = question.text.partition(" – ")[0] if is_tight else question.text
            self._kit.set_label(self._sentence, text=words, icon="" if is_tight else "question-circle")
        if self._is_answered:
            return has_changed
        for button in (self.stop, self.go_on):
            button.state(["!disabled"])
        return has_changed

    def _place(self) -> None:
        kit, is_beside = self._kit, self._is_wide or self._is_tight
        for part in (self._row, self._sentence):
            part.pack_forget()
        kit.set_button(self.go_on, text="" if self._is_tight else "Let it go on", icon="x-lg" if self._is_tight else "")
        left, top, right, bottom = (kit.px(each) for each in ((7, 0, 3, 0) if self._is_tight else (9, 5, 6, 6)))
        self._inner.configure(padding=(left, top, right, bottom))
        if is_beside:
            self._row.pack(side="right")
            self._sentence.pack(side="left", fill="x", expand=True)
        else:
            self._sentence.pack(anchor="w")
            self._row.pack(anchor="w", pady=(kit.px(4), 0))
        self._wrap()

    def _name_stop(self) -> None:
        """A run as a whole is not stopped: its answer is written from what there is."""
        is_run = self._question is not None and self._question.agent_id is None
        self._kit.set_button(self.stop, text="Wrap up" if is_run else "Stop", icon="flag" if is_run else "stop-fill")

    def _wrap(self) -> None:
        px = self._kit.px
        taken = self._row.winfo_reqwidth() + px(24) if self._is_tight else px(260 if self._is_wide else 40)
        self._sentence.configure(wraplength=max(80, self._inner.winfo_width() - taken))

    def _answer(self, *, stop: bool) -> None:
        if self._question is None or self._is_answered:
            return
        self._is_answered = True
        for button in (self.stop, self.go_on):
            button.state(["disabled"])  # answered; the run's own word closes it
        self._on_answer(self._question.question_id, stop)


def question_for(state: RunState, agent_id: AgentId | None) -> QuestionRaised | None:
    """The newest open question about an agent; about the run as a whole with None."""
    if state.status is not None:
        return None
    return next((q for q in reversed(state.questions.values()) if q.agent_id == agent_id), None)
