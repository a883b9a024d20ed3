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
        if is_wide:
            row.pack(side="right")
            self._sentence.pack(side="left", fill="x", expand=True)
        else:
            self._sentence.pack(anchor="w")
            row.pack(anchor="w", pady=(kit.px(4), 0))
        taken = kit.px(260 if is_wide else 40)
        inner.bind("<Configure>", lambda event: self._sentence.configure(wraplength=max(80, event.width - taken)))

    @property
    def is_open(self) -> bool:
        return self._question is not None

    def show(self, question: QuestionRaised | None) -> bool:
        """Ask this, or nothing. True when it has come or gone, so that the caller places it."""
        if question == self._question:
            return False
        has_changed = (question is None) != (self._question is None)
        self._question, self._is_answered = question, False
        if question is not None:
            self._kit.set_label(self._sentence, text=question.text)
        for button in (self.stop, self.go_on):
            button.state(["!disabled"])
        return has_changed

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
