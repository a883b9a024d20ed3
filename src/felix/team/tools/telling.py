"""How the tool calls of one thought are told to the hub, where there is one: written, whole, under way, returned."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from felix.events import (
    AgentId,
    CallId,
    PartialToolCall,
    ThoughtId,
    ToolCalled,
    ToolProgressed,
    ToolReturned,
    ToolStatus,
)
from felix.ledger.speech import Call
from felix.llm.chat import ToolCallPart
from felix.team.hub import CentralPost

MOST_SAID = 500
"""Characters of one such word."""
PROGRESS_S = 0.5
"""Between two words of one tool about itself."""


class Telling:
    """Of one thought. Calls are numbered from 1 in the order in which they are begun to be written."""

    def __init__(
        self, hub: CentralPost | None, agent_id: AgentId, thought_id: ThoughtId, *, round_number: int, checkpoint: float
    ) -> None:
        self._hub = hub
        self._agent_id = agent_id
        self._thought_id = thought_id
        self._round = round_number
        self._checkpoint = checkpoint

    def call_id(self, number: int) -> CallId:
        return CallId(f"{self._thought_id}/{number}")

    def wrote(self, number: int, name: str, partial: str, *, offset: int, position: int) -> None:
        if self._hub:
            self._hub.emit(
                PartialToolCall(
                    agent_id=self._agent_id,
                    thought_id=self._thought_id,
                    call_id=self.call_id(number),
                    name=name,
                    checkpoint=self._checkpoint,
                    position=position,
                    partial=partial,
                    offset=offset,
                )
            )

    def called(
        self, number: int, name: str, arguments: str, *, position: int, asks: str = "", asks_always: bool = False
    ) -> None:
        """It is in the ledger when this returns: whatever the tool does, a crash cannot make it unknown."""
        if self._hub is None:
            return
        written = self._written(number)
        if written is None:  # its answer did not stream
            self.wrote(number, name, "", offset=0, position=position)
            written = self._written(number)
            assert written is not None
        self._hub.emit(
            ToolCalled(
                agent_id=self._agent_id,
                thought_id=self._thought_id,
                call_id=self.call_id(number),
                name=name,
                arguments=arguments,
                round=self._round,
                checkpoint=self._checkpoint,
                position=min(position, written.position),
                began_at=written.opened_at,
                trace=tuple(written.chunks),
                asks=asks,
                asks_always=asks_always,
            )
        )
        self._hub.flush()

    def returned(
        self,
        number: int,
        name: str,
        status: ToolStatus,
        content: str,
        *,
        duration_s: float = 0.0,
        characters: int = 0,
        file: str = "",
        error: str | None = None,
    ) -> None:
        if self._hub:
            self._hub.emit(
                ToolReturned(
                    agent_id=self._agent_id,
                    thought_id=self._thought_id,
                    call_id=self.call_id(number),
                    name=name,
                    status=status,
                    content=content,
                    duration_s=duration_s,
                    characters=characters or len(content),
                    file=file,
                    error=error,
                )
            )

    def progressed(self, number: int, message: str, fraction: float | None) -> None:
        if self._hub:
            self._hub.emit(
                ToolProgressed(
                    agent_id=self._agent_id,
                    thought_id=self._thought_id,
                    call_id=self.call_id(number),
                    message=message[:MOST_SAID],
                    fraction=fraction,
                )
            )

    def _written(self, number: int) -> Call | None:
        """The call as it was told while it was written."""
        thought = self._hub.state.thoughts.get(self._thought_id) if self._hub else None
        call_id = self.call_id(number)
        return next((call for call in thought.calls if call.call_id == call_id), None) if thought else None


class Writing:
    """The calls of one answer while they come: gathered, and told every `interval_s` seconds by the clock."""

    def __init__(self, telling: Telling, first: int, position: Callable[[], int]) -> None:
        """`first`: the number of the first call; `position`: characters of the thought's answer by now."""
        self.interval_s = 0.0
        self._telling = telling
        self._first = first
        self._position = position
        self._calls: dict[int, _Written] = {}
        self._timer: asyncio.TimerHandle | None = None

    def take(self, part: ToolCallPart) -> None:
        written = self._calls.get(part.index)
        if written is None:
            number = self._first + len(self._calls)
            written = self._calls[part.index] = _Written(number, self._position())
            is_due = True
        else:
            is_due = self.interval_s <= 0
        written.name = written.name or part.name
        written.waiting.append(part.arguments)
        written.is_told = False
        if is_due:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.interval_s, self.flush)

    def flush(self) -> None:
        """Tell all that waits."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        for written in self._calls.values():
            if not written.is_told:
                partial = "".join(written.waiting)
                self._telling.wrote(
                    written.number, written.name, partial, offset=written.told, position=written.position
                )
                written.told += len(partial)
                written.waiting.clear()
                written.is_told = True


class _Written:
    __slots__ = ("is_told", "name", "number", "position", "told", "waiting")

    def __init__(self, number: int, position: int) -> None:
        self.number = number
        self.position = position
        self.name = ""
        self.waiting: list[str] = []
        self.told = 0
        """Characters."""
        self.is_told = False


class Progress:
    """What one tool says of itself, at most twice a second: the latest word, and no more after its end."""

    def __init__(self, tell: Callable[[str, float | None], None]) -> None:
        self._tell = tell
        self._latest: tuple[str, float | None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._has_ended = False

    def __call__(self, message: str, fraction: float | None) -> None:
        """On the loop's thread."""
        if self._has_ended:
            return
        if self._timer is None:
            self._tell(message, fraction)
            self._timer = asyncio.get_running_loop().call_later(PROGRESS_S, self._again)
        else:
            self._latest = (message, fraction)

    def end(self) -> None:
        self._has_ended = True
        if self._timer:
            self._timer.cancel()

    def _again(self) -> None:
        self._timer = None
        if latest := self._latest:
            self._latest = None
            self(*latest)
