"""A `ChatClient` that answers from a script, for tests of programs that use Felix: the same answers every time, no
server, no waiting unless the script says so.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from felix.errors import FelixError, ServerError
from felix.llm.answer import AnswerParts
from felix.llm.chat import Answer, ChatRequest, Delta, Finish, Progress, Reasoning, Text, ToolCallPart, Usage

_WORD = re.compile(r"\S+\s*|\s+")


class StreamingClient(ABC):
    """A base for a `ChatClient` of your own: write `stream`, the rest follows from it.

    class Echo(felix.StreamingClient):
        async def stream(self, request: felix.ChatRequest) -> AsyncIterator[felix.Delta]:
            yield felix.Text(request.messages[-1].content)
            yield felix.Finish("stop")
    """

    model = ""
    """What the model is called when nobody names one."""
    context_length: int | None = None
    """Tokens that prompt and answer may have together; None when it is not known."""

    @abstractmethod
    def stream(self, request: ChatRequest) -> AsyncIterator[Delta]:
        """The answer as it comes, a `Finish` at its end; see `ChatClient.stream`."""

    async def complete(self, request: ChatRequest) -> Answer:
        loop = asyncio.get_running_loop()
        started, parts = loop.time(), AnswerParts(request)
        async for delta in self.stream(request):
            parts.add(delta)
        return parts.answer(duration_s=loop.time() - started)

    async def aclose(self) -> None:  # noqa: B027  most have nothing to close
        """Nothing to give back."""


Piece = Delta | float | Exception | asyncio.Event
"""A delta to give, seconds to wait, an exception to raise where it stands, an event to wait for."""


@dataclass(frozen=True, slots=True)
class Say:
    """One answer of a script."""

    text: str = ""
    thinking: str = ""
    tool_calls: tuple[tuple[str, Mapping[str, object]], ...] = ()
    """Names and arguments."""
    finish: str = ""
    """The finish reason; empty: `tool_calls` where there are any, else `stop`."""
    usage: tuple[int, int] | None = None
    """Tokens of the prompt and of the answer; None: their words, counted."""
    pace_s: float | None = None
    """Seconds before each piece; None: the client's."""
    fails: Exception | None = None
    """What it breaks off with, after all of the above and instead of a finish; a `ServerError` is an expected one."""
    pieces: tuple[Piece, ...] = ()
    """Instead of all of the above: just what comes, piece by piece."""


Said = str | Say | Exception
"""One answer: its text, all of it, or a failure instead of it."""
Script = Said | Sequence[Said] | Callable[[ChatRequest], Said]
"""A sequence answers one question after another; everything else answers every question."""


class ScriptedClient(StreamingClient):
    """Answers as it is told to, and remembers what it was asked.

        client = felix.ScriptedClient(["First answer.", felix.Say("Second.", thinking="Hm."), "Third."])
        client = felix.ScriptedClient({"research": "What I found.", "hub": "The answer."})
        result = await felix.run("A task", client=client)
        assert "A task" in client.prompt("hub")

    Text comes word by word. A dict has a script for each agent: by its id (`research-2`), the name before its number
    (`research`), or `""` for all others. A script that has come to its end fails the question with a sentence.
    """

    def __init__(
        self,
        script: Script | Mapping[str, Script] = "A scripted answer.",
        *,
        pace_s: float = 0.0,
        model: str = "scripted",
        context_length: int | None = None,
    ) -> None:
        self.model = model
        self.context_length = context_length
        self.requests: list[ChatRequest] = []
        """Every question, in the order in which they were asked."""
        self.speaking = 0
        """Answers that are being given now; one that is stopped is none at once."""
        self.stopped = 0
        """Answers that were left before their end."""
        self._scripts: Mapping[str, Script] = script if isinstance(script, Mapping) else {"": script}
        self._pace_s = pace_s
        self._asked: Counter[str] = Counter()

    def prompt(self, agent_id: str = "", nth: int = -1) -> str:
        """All text of a question that an agent was asked, the last one unless `nth` says which, from 0."""
        of_agent = [each for each in self.requests if agent_id in ("", each.agent_id)]
        if not -len(of_agent) <= nth < len(of_agent):
            raise FelixError(f"{agent_id or 'Nobody'} was not asked that often: {len(of_agent)} times.")
        return "\n".join(message.content for message in of_agent[nth].messages)

    async def stream(self, request: ChatRequest) -> AsyncIterator[Delta]:
        self.requests.append(request)
        self.speaking += 1
        is_whole = False
        try:
            said = self._next(request)
            yield Progress("waiting")
            for piece in _pieces(said, request):
                match piece:
                    case asyncio.Event():
                        await piece.wait()
                    case Exception():
                        raise piece
                    case int() | float():
                        await asyncio.sleep(piece)
                    case _:
                        await asyncio.sleep(self._pace_s if said.pace_s is None else said.pace_s)
                        yield piece
            is_whole = True
        except Exception:
            is_whole = True  # it failed by itself
            raise
        finally:
            self.speaking -= 1
            self.stopped += not is_whole

    def _next(self, request: ChatRequest) -> Say:
        names = (request.agent_id, request.agent_id.rpartition("-")[0], "")
        name = next((name for name in names if name in self._scripts), None)
        if name is None:
            raise _unwritten(f"The script has nothing for {request.agent_id or 'this question'}")
        match self._scripts[name]:
            case str() | Say() | Exception() as said:
                return _say(said)
            case Sequence() as answers:
                count = self._asked[name]
                self._asked[name] += 1
                if count >= len(answers):
                    whose = f" for {name}" if name else ""
                    raise _unwritten(f"The script{whose} ends after {len(answers)}, this is question {count + 1}")
                return _say(answers[count])
            case written:
                return _say(written(request))


def _say(said: Said) -> Say:
    match said:
        case str():
            return Say(said)
        case Say():
            return said
        case _:
            return Say(fails=said)


def _unwritten(what: str) -> ServerError:
    return ServerError(f"{what} – write one more answer.", fault="rejected")


def _pieces(said: Say, request: ChatRequest) -> Iterator[Piece]:
    if said.pieces:
        yield from said.pieces
        return
    for word in _WORD.findall(said.thinking):
        yield Reasoning(word)
    for word in _WORD.findall(said.text):
        yield Text(word)
    for index, (name, arguments) in enumerate(said.tool_calls):
        yield ToolCallPart(index, f"call_{index}", name, "")
        yield ToolCallPart(index, f"call_{index}", "", json.dumps(arguments))
    if said.fails is not None:
        yield said.fails
        return
    asked = sum(len(message.content.split()) for message in request.messages)
    thought, written = len(said.thinking.split()), len(said.text.split())
    yield Usage(*said.usage) if said.usage else Usage(asked, thought + written, thought)
    yield Finish(said.finish or ("tool_calls" if said.tool_calls else "stop"), request.model)
