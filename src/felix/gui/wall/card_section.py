"""One thought of a card, and how much of it is on screen."""

from __future__ import annotations

from dataclasses import dataclass, field

from felix.gui.text.line_marks import LineMarks
from felix.gui.wall.call_blocks import CallBlock
from felix.ledger.speech import Call, Thought


@dataclass(slots=True)
class Section:
    """How much of a thought is on screen. Its marks in the text are named after `number`."""

    thought: Thought
    number: int
    thinking: int = 0
    """Characters of the thinking that were taken, shown or folded away."""
    answer: int = 0
    edition: tuple[int, int] = (0, 0)
    has_thinking: bool = False
    is_open: bool = True
    chosen: bool | None = None
    """Open or folded by hand."""
    words: str = ""
    """Of the thinking's heading, as it is on screen."""
    has_ended: bool = False
    is_replaced: bool = False
    thought_before: int = 0
    """Characters of its thinking that came before the newest part of its answer."""
    ends_in_call: bool = False
    """Behind the last call stands nothing yet but line breaks, which are not shown."""
    marks: LineMarks = field(default_factory=LineMarks)
    calls: list[CallBlock] = field(default_factory=list)

    @property
    def backlog(self) -> int:
        """Characters and calls that came and are not on screen yet."""
        if self.has_ended:
            return 0
        texts = len(self.thought.thinking) - self.thinking + len(self.thought.answer) - self.answer
        return texts + len(self.thought.calls) - len(self.calls)

    @property
    def has_body(self) -> bool:
        """Whether something of the answer is on screen, be it a tool call."""
        return self.answer > 0 or bool(self.calls)

    @property
    def next_call(self) -> Call | None:
        """The tool call that comes next on screen."""
        return self.thought.calls[len(self.calls)] if len(self.calls) < len(self.thought.calls) else None


def edition_of(thought: Thought) -> tuple[int, int]:
    """The editions of both texts."""
    return thought.thinking.edition, thought.answer.edition
