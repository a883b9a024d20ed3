"""What a run asks its user while it goes on, one question at a time, answered with a key.

Where nobody can be asked, the engine refuses a tool call that waits for leave, and a guard is let go on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from felix.cli.output import Output
from felix.events import CallId, Leave
from felix.ledger.speech import Call
from felix.ledger.state import RunState

_UNSEEN_S = 0.5
"""For so long after a question has appeared no key answers it: it was meant for something else."""
_LEAVES: dict[str, Leave] = {"y": "once", "r": "run", "a": "always", "n": "no"}
_WORDS: dict[Leave, str] = {"once": "once", "run": "this run", "always": "always", "no": "no"}

Give = Callable[[CallId, Leave], None]
"""Tells the run what its user says to a tool call."""
Decide = Callable[[str, bool], None]
"""Tells the run whether to stop what a guard asks about."""


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    lines: tuple[str, ...]
    """The last one names the keys."""
    answers: dict[str, Callable[[], None]]
    """By key."""


def can_ask(out: Output) -> bool:
    """Whether somebody reads `out` at a terminal, and has keys."""
    return out.has_terminal and sys.stdin is not None and sys.stdin.isatty()


class Asking:
    """Of one run; for the thread that shows it."""

    def __init__(self, give: Give, decide: Decide, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._give = give
        self._decide = decide
        self._clock = clock
        self._answered: set[str] = set()
        """What the run may not have heard of yet."""
        self._shown = ""
        self._shown_at = 0.0

    def hear(self, state: RunState, pressed: str) -> tuple[str, ...]:
        """Take the keys that were pressed as the answer to the question that stands. The lines of the one to show."""
        question = next(self._open(state), None)
        if question is not None and question.id == self._shown and self._clock() - self._shown_at >= _UNSEEN_S:
            key = next((each for each in pressed.lower() if each in question.answers), "")
            if key:
                question.answers[key]()
                self._answered.add(question.id)
                question = next(self._open(state), None)
        if question is None:
            self._shown = ""
            return ()
        if question.id != self._shown:
            self._shown, self._shown_at = question.id, self._clock()
        return question.lines

    def _open(self, state: RunState) -> Iterator[Question]:
        """What is to be answered, the oldest first; tools before guards, since an agent waits for them."""
        if state.status is not None:
            return
        for thought in state.thoughts.values():
            for call in thought.calls:
                if call.is_asking and call.call_id not in self._answered:
                    yield self._tool_question(thought.agent_id, call)
        for raised in state.questions.values():
            if raised.question_id not in self._answered:
                yield self._guard_question(raised.question_id, raised.text)

    def _tool_question(self, agent: str, call: Call) -> Question:
        def say(leave: Leave) -> Callable[[], None]:
            return lambda: self._give(call.call_id, leave)

        leaves = {key: leave for key, leave in _LEAVES.items() if not (call.asks_always and leave == "always")}
        words = " · ".join(f"{key} {_WORDS[leave]}" for key, leave in leaves.items())
        return Question(
            call.call_id,
            (f"May {agent} use {call.name}? {call.asks}", f"{call.name}({call.arguments})", words),
            {key: say(leave) for key, leave in leaves.items()},
        )

    def _guard_question(self, question: str, text: str) -> Question:
        return Question(
            question,
            (text, "s stop it · g let it go on"),
            {"s": lambda: self._decide(question, True), "g": lambda: self._decide(question, False)},
        )
