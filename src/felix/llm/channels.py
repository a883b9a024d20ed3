"""The two channels of one answer, text and thinking, as a dialect's reader fills them.

Halves of characters wait for each other, and thinking that a model wrote into its answer is taken out of it; a dialect
says which channel a piece came in, and hands on what is certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from felix.llm.chat import Delta, Reasoning
from felix.llm.surrogates import SurrogateJoiner
from felix.llm.thinking import ThinkingSplitter


class Channels:
    """The channels of one answer."""

    def __init__(self) -> None:
        self._splitter = ThinkingSplitter()
        self._text = SurrogateJoiner()
        self._thinking = SurrogateJoiner()

    def text(self, piece: str) -> Sequence[Delta]:
        """What `piece` of the answer makes certain: text, and thinking where the model wrote it into the answer."""
        whole = self._text.feed(piece)
        return self._splitter.feed(whole) if whole else ()

    def thinking(self, piece: str) -> Sequence[Delta]:
        """What `piece` makes certain, from a server that sends thinking in a field of its own."""
        self._splitter.thinking_came_apart()
        whole = self._thinking.feed(piece)
        return (Reasoning(whole),) if whole else ()

    def flush(self) -> Iterator[Delta]:
        """What was held back, when the answer is over; nothing the second time."""
        if rest := self._thinking.flush():
            yield Reasoning(rest)
        if rest := self._text.flush():
            yield from self._splitter.feed(rest)
        yield from self._splitter.flush()
