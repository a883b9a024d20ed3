"""A conversation with one agent: each question goes on from what was said before, and it can be kept as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter, ValidationError

from felix.door.agent import Agent
from felix.door.answer import Answer
from felix.door.stream import Listening, OnText, OnTool, Stream
from felix.errors import FelixError
from felix.events import Status
from felix.llm.chat import Message
from felix.settings import write_atomically

VERSION = 1
"""Of the JSON."""

_UNFINISHED = "[This answer was cut off here.]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A question and what came of it."""

    question: str
    answer: str
    """Without the thinking."""
    status: Status
    model: str = ""


class Conversation:
    """Questions to an agent, one after another, each with what was said before.

        chat = felix.Conversation(felix.Agent("research"))
        await chat.ask("Which database for logs?")
        answer = await chat.ask("And if there are many?")
        chat.save("logs.json")
        chat = felix.Conversation.load("logs.json", felix.Agent("research"))

    The oldest turns are left out where all of it does not fit the context that is loaded; the answer's `notes` say so.
    """

    def __init__(self, agent: Agent, turns: Iterable[Turn] = ()) -> None:
        self.agent = agent
        self.turns = list(turns)
        """Yours to change: to take one back, or to begin with some."""
        self._stream: Stream | None = None
        """The latest question."""

    async def ask(
        self,
        question: str,
        *,
        on_token: OnText | None = None,
        on_thinking: OnText | None = None,
        on_tool: OnTool | None = None,
    ) -> Answer:
        """As `Agent.ask`. What failed without any text is no turn, what was stopped is one that says so."""
        return await self.stream(question, on_token=on_token, on_thinking=on_thinking, on_tool=on_tool)

    def stream(
        self,
        question: str,
        *,
        on_token: OnText | None = None,
        on_thinking: OnText | None = None,
        on_tool: OnTool | None = None,
    ) -> Stream:
        """As `Agent.stream`; it becomes a turn when it ends, also by being left."""

        def remember(answer: Answer) -> None:
            if answer.text.strip():
                turn = Turn(question=question, answer=answer.text, status=answer.status, model=answer.model)
                self.turns.append(turn)

        if self._stream is not None and self._stream.is_going:
            raise FelixError("The last question is still being answered – await it, or stop it first.")
        listening = Listening(on_token, on_thinking, on_tool, on_end=remember)
        self._stream = self.agent.listened_to(question, self.messages, listening)
        return self._stream

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of it as a model is told it; an answer that is not whole ends with a line that says so."""
        said: list[Message] = []
        for turn in self.turns:
            is_whole = turn.status == "complete"
            said.append(Message("user", turn.question))
            said.append(Message("assistant", turn.answer if is_whole else f"{turn.answer}\n\n{_UNFINISHED}"))
        return tuple(said)

    def to_json(self) -> str:
        turns = _turns().dump_python(self.turns, mode="json")
        return json.dumps({"felix_conversation": VERSION, "role": self.agent.role, "turns": turns}, indent=2)

    @classmethod
    def from_json(cls, text: str, agent: Agent) -> Self:
        """Raises FelixError for what `to_json` has not written."""
        try:
            value = json.loads(text)
            if not isinstance(value, dict) or value.get("felix_conversation") != VERSION:
                raise FelixError("This is no conversation that this version of Felix can read – choose another file.")
            return cls(agent, _turns().validate_python(value.get("turns")))
        except (ValueError, RecursionError) as error:
            where = f" ({error.errors()[0]['msg']})" if isinstance(error, ValidationError) else ""
            raise FelixError(f"This is no conversation that Felix has saved{where} – choose another file.") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the file whole or not at all. Raises FelixError."""
        try:
            write_atomically(Path(path).expanduser(), self.to_json() + "\n")
        except OSError as error:
            raise FelixError(f"{path} cannot be written ({error.strerror}) – choose another place.") from None

    @classmethod
    def load(cls, path: str | os.PathLike[str], agent: Agent) -> Self:
        """Raises FelixError."""
        try:
            text = Path(path).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise FelixError(f"{path} cannot be read ({why}) – choose another file.") from None
        return cls.from_json(text, agent)


def _turns() -> TypeAdapter[list[Turn]]:
    return TypeAdapter(list[Turn])
